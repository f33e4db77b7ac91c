//! A running instance: lays a batch out in linear memory, calls the module, reads the rewards back.

use std::ops::Range;
use std::sync::Arc;

use carrot_reward_interface::module::element_bytes;
use carrot_reward_interface::{Batch, BatchLayout, DType, RewardFn, RewardSource, Rewards, Span, Stop, StopCause};
use wasmtime::{Memory, Store, TypedFunc};

use crate::limits::StoreGuard;
use crate::runtime::InstanceSlot;
use crate::stop::{stop_anywhere, stop_from};
use crate::transfer::{read_row, read_value, write_column, write_value};
use crate::{Loaded, LoadedReward, Origin};

const PAGE_BYTES: usize = 65_536;

/// What 32-bit addresses reach.
const ADDRESSABLE_BYTES: usize = 1 << 32;

/// One instance of a reward, with its own memory. Evaluations in a row at one batch size allocate nothing.
///
/// After a stop inside the module its memory may be torn, so the next evaluation starts from a fresh instance.
pub struct SandboxedReward {
    loaded: Arc<Loaded>,
    running: Option<Running>,
    /// Layout of the last batch, for `n_envs` environments.
    layout: BatchLayout,
    n_envs: usize,
    /// The memory rows hold nothing of this batch: all episodes begin.
    all_begin: bool,
}

impl SandboxedReward {
    pub(crate) fn new(loaded: Arc<Loaded>) -> Result<Self, Stop> {
        Ok(Self {
            running: Some(Running::start(&loaded)?),
            layout: BatchLayout::new(&loaded.interface, 0),
            n_envs: 0,
            all_begin: true,
            loaded,
        })
    }

    /// Scores `batch`, whose columns follow the schema that this reward was bound to, into `rewards` (resized as needed).
    ///
    /// Memory and errors are as with [`RewardFn::evaluate_placed`].
    pub fn evaluate(&mut self, batch: &Batch, rewards: &mut Rewards) -> Result<(), Stop> {
        self.check_shapes(batch)?;
        self.prepare(batch.n_envs)?;
        if let Some(running) = &mut self.running {
            running.write(&self.loaded, &self.layout, batch);
        }
        self.evaluate_placed(rewards)
    }

    /// Evaluates the last batch once more where it lies in the module's memory; nothing is copied in or out, so this is the
    /// time of the module alone. Nothing happens before a first batch.
    ///
    /// Errors: a [`Stop`] when a limit was hit.
    pub fn evaluate_again(&mut self) -> Result<(), Stop> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let limits = &self.loaded.runtime.limits;
        let fuel = limits.fuel(self.n_envs);
        running
            .call(&self.loaded, self.n_envs, fuel)
            .map_err(|error| stop_from(&error, &self.loaded.interface, limits, fuel))?;
        self.running = Some(running);
        Ok(())
    }

    /// A running instance with room for a batch of that size.
    fn prepare(&mut self, n_envs: usize) -> Result<(), Stop> {
        let prepared = self.make_room(n_envs);
        if prepared.is_err() {
            // A batch that cannot be held must not be placed into.
            self.n_envs = 0;
            self.layout = BatchLayout::new(&self.loaded.interface, 0);
        }
        prepared
    }

    fn make_room(&mut self, n_envs: usize) -> Result<(), Stop> {
        self.lay_out(n_envs)?;
        let mut running = match self.running.take() {
            Some(running) => running,
            None => {
                self.all_begin = true;
                Running::start(&self.loaded)?
            }
        };
        let limits = &self.loaded.runtime.limits;
        let fuel = limits.fuel(n_envs);
        running
            .reserve(self.layout.bytes)
            .map_err(|error| stop_from(&error, &self.loaded.interface, limits, fuel))?;
        self.running = Some(running);
        Ok(())
    }

    fn trap(&self, message: String) -> Stop {
        stop_anywhere(&self.loaded.interface, StopCause::Trap { message })
    }

    /// Refuses a batch that does not follow the schema.
    fn check_shapes(&self, batch: &Batch) -> Result<(), Stop> {
        for &variable in &self.loaded.variables {
            let description = &self.loaded.schema.variables[variable];
            let rows = if description.uniform { 1 } else { batch.n_envs };
            let expected = description.components().saturating_mul(rows);
            let given = batch.columns.get(variable).map_or(0, Vec::len);
            if given != expected {
                return Err(self.trap(format!(
                    "the batch of {} environments has {given} values of `{}`; it must have {expected}",
                    batch.n_envs, description.name
                )));
            }
        }
        Ok(())
    }

    /// Brings the layout to the batch's size. Its bytes are then addressable.
    fn lay_out(&mut self, n_envs: usize) -> Result<(), Stop> {
        let interface = &self.loaded.interface;
        // The total alone takes four bytes per environment; more would overflow sums of sizes.
        if n_envs < ADDRESSABLE_BYTES / 4 {
            if n_envs != self.n_envs {
                self.layout = BatchLayout::new(interface, n_envs);
                self.n_envs = n_envs;
                self.all_begin = true;
            }
            if self.layout.bytes < ADDRESSABLE_BYTES {
                return Ok(());
            }
        }
        let limit_bytes = ADDRESSABLE_BYTES as u64;
        Err(stop_anywhere(interface, StopCause::Memory { limit_bytes }))
    }

    /// The program's own stop in the first environment that has one.
    fn raised(&self, faults: &[f64]) -> Option<Stop> {
        let env_index = faults.iter().position(|&number| number != 0.0)?;
        let interface = &self.loaded.interface;
        // A foreign module may write any number.
        let number = faults[env_index];
        let fault = (number >= 1.0)
            .then(|| interface.faults.get(number as usize - 1))
            .flatten();
        let message = fault.map_or_else(|| format!("fault number {number}"), |fault| fault.message.clone());
        let cause = StopCause::Raised {
            message,
            env_index,
            state: self.state(env_index),
        };
        Some(Stop {
            at: fault.and_then(|fault| fault.at),
            ..stop_anywhere(interface, cause)
        })
    }

    /// The variables that the program reads, as it saw them in one environment.
    fn state(&self, env_index: usize) -> Vec<(String, Vec<f64>)> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        let values = running.state(&self.loaded, &self.layout, env_index);
        let names = self.loaded.interface.inputs.iter().map(|input| input.name.clone());
        names.zip(values).collect()
    }

    /// The first term that is not finite, else the total: every term counts before the total, since the total usually
    /// only inherits what a term did.
    fn non_finite(&self, rewards: &Rewards) -> Option<Stop> {
        let interface = &self.loaded.interface;
        let terms = interface.terms.iter().zip(&rewards.terms);
        let outputs = terms.map(|(term, row)| (term.name.as_str(), term.at, row)).chain([(
            "total",
            interface.total_at,
            &rewards.total,
        )]);
        for (name, at, row) in outputs {
            if let Some(env_index) = row.iter().position(|value| !value.is_finite()) {
                return Some(self.non_finite_stop(name, at, env_index, row[env_index]));
            }
        }
        None
    }

    fn non_finite_stop(&self, name: &str, at: Option<Span>, env_index: usize, value: f64) -> Stop {
        let cause = StopCause::NonFinite {
            term: name.into(),
            value: value.to_string(),
            env_index,
            state: self.state(env_index),
        };
        Stop {
            at,
            ..stop_anywhere(&self.loaded.interface, cause)
        }
    }
}

impl RewardFn for SandboxedReward {
    fn terms(&self) -> &[String] {
        &self.loaded.term_names
    }

    fn inputs(&self) -> &[usize] {
        &self.loaded.variables
    }

    fn place(&mut self, n_envs: usize, env_index: usize, row: &[f64]) -> Result<(), Stop> {
        if n_envs != self.n_envs || self.running.is_none() {
            self.prepare(n_envs)?;
        }
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        running.place(&self.loaded, &self.layout, env_index, row);
        Ok(())
    }

    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop> {
        if self.n_envs == 0 {
            rewards.clear(self.layout.terms.len());
            return Ok(());
        }
        // Taken out while it works and put back only if it came to its end.
        let mut running = match self.running.take() {
            Some(running) => running,
            None => return Err(self.trap("nothing was placed since the last stop".into())),
        };
        let limits = &self.loaded.runtime.limits;
        let fuel = limits.fuel(self.n_envs);
        if std::mem::replace(&mut self.all_begin, false) {
            running.forget(&self.loaded, &self.layout, 0..self.layout.stride);
        }
        running
            .call(&self.loaded, self.n_envs, fuel)
            .map_err(|error| stop_from(&error, &self.loaded.interface, limits, fuel))?;
        let finite = running.read(&self.loaded, &self.layout, self.n_envs, rewards);
        let faults = running.faults(&self.layout, self.n_envs, self.loaded.interface.output);
        self.running = Some(running);
        if let Some(stop) = faults.and_then(|faults| self.raised(&faults)) {
            return Err(stop);
        }
        if finite {
            return Ok(());
        }
        self.non_finite(rewards).map_or(Ok(()), Err)
    }

    fn begin_episode(&mut self, env_index: usize) {
        if let Some(running) = &mut self.running
            && env_index < self.n_envs
        {
            running.forget(&self.loaded, &self.layout, env_index..env_index + 1);
        }
    }

    fn begin_all_episodes(&mut self) {
        self.all_begin = true;
    }

    fn remembered(&self, env_index: usize) -> Vec<u8> {
        match &self.running {
            Some(running) if env_index < self.n_envs && !self.all_begin => {
                running.remembered(&self.loaded, &self.layout, env_index)
            }
            _ => Vec::new(),
        }
    }

    fn recall(&mut self, env_index: usize, memory: &[u8]) {
        let Some(running) = &mut self.running else {
            return;
        };
        if std::mem::replace(&mut self.all_begin, false) {
            running.forget(&self.loaded, &self.layout, 0..self.layout.stride);
        }
        if env_index < self.n_envs {
            running.recall(&self.loaded, &self.layout, env_index, memory);
        }
    }
}

impl RewardSource for LoadedReward {
    fn terms(&self) -> &[String] {
        &self.loaded.term_names
    }

    fn whole_batch(&self) -> bool {
        self.loaded.interface.whole_batch
    }

    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop> {
        Ok(Box::new(self.instantiate()?))
    }
}

/// A live WASM instance and the region of its memory that holds batches.
struct Running {
    store: Store<StoreGuard>,
    memory: Memory,
    evaluate: TypedFunc<(i32, i32), ()>,
    /// Address of the region, a multiple of 16: the size of the memory before the region was added.
    base: usize,
    /// Bytes of the region.
    capacity: usize,
    /// Given back after the store is gone.
    _slot: InstanceSlot,
}

impl Running {
    fn start(loaded: &Loaded) -> Result<Self, Stop> {
        let limits = &loaded.runtime.limits;
        let slot = InstanceSlot::claim(&loaded.runtime).ok_or_else(|| {
            let message = format!("more than {} instances are alive", limits.instances);
            stop_anywhere(&loaded.interface, StopCause::Trap { message })
        })?;
        let fuel = limits.fuel(0);
        Self::instantiate(loaded, slot, fuel).map_err(|error| stop_from(&error, &loaded.interface, limits, fuel))
    }

    fn instantiate(loaded: &Loaded, slot: InstanceSlot, fuel: u64) -> wasmtime::Result<Self> {
        let limits = &loaded.runtime.limits;
        let guard = StoreGuard {
            memory_bytes: limits.memory_bytes,
            batch_bytes: 0,
            table_elements: limits.table_elements,
        };
        let mut store = Store::try_new(loaded.ready.module().engine(), guard)?;
        store.limiter(|guard| guard);
        refill(&mut store, loaded, fuel)?;
        let instance = loaded.ready.instantiate(&mut store)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("the export `memory` is missing"))?;
        let evaluate = instance.get_typed_func(&mut store, "evaluate")?;
        Ok(Self {
            base: memory.data_size(&store),
            capacity: 0,
            store,
            memory,
            evaluate,
            _slot: slot,
        })
    }

    /// Calls the module on what lies in the region.
    fn call(&mut self, loaded: &Loaded, n_envs: usize, fuel: u64) -> wasmtime::Result<()> {
        refill(&mut self.store, loaded, fuel)?;
        // Both fit: `lay_out` and the size of a 32-bit memory bound them. An address is a u32 that WASM types as i32.
        let arguments = (n_envs as i32, self.base as u32 as i32);
        self.evaluate.call(&mut self.store, arguments)
    }

    /// Makes the region at least `bytes` long. It grows in place unless the module has grown its memory behind it.
    fn reserve(&mut self, bytes: usize) -> wasmtime::Result<()> {
        if bytes <= self.capacity {
            return Ok(());
        }
        let size = self.memory.data_size(&self.store);
        let base = if self.base + self.capacity == size {
            self.base
        } else {
            size
        };
        let pages = (base + bytes - size).div_ceil(PAGE_BYTES);
        self.store.data_mut().batch_bytes += pages * PAGE_BYTES;
        if self.memory.grow(&mut self.store, pages as u64).is_err() {
            let pages = self.memory.ty(&self.store).maximum();
            let limit_bytes = pages.map_or(ADDRESSABLE_BYTES as u64, |pages| pages * PAGE_BYTES as u64);
            return Err(StopCause::Memory { limit_bytes }.into());
        }
        self.base = base;
        self.capacity = self.memory.data_size(&self.store) - base;
        Ok(())
    }

    /// Sets to zero what is remembered of some environments.
    fn forget(&mut self, loaded: &Loaded, layout: &BatchLayout, environments: Range<usize>) {
        let region = &mut self.memory.data_mut(&mut self.store)[self.base..];
        for (slot, &offset) in loaded.interface.memory.iter().zip(&layout.memory) {
            let bytes = element_bytes(slot.dtype);
            region[offset + environments.start * bytes..offset + environments.end * bytes].fill(0);
        }
    }

    /// The fault numbers of the last evaluation, if the module writes any and one of them is not 0.
    fn faults(&self, layout: &BatchLayout, n_envs: usize, output: DType) -> Option<Vec<f64>> {
        let row = &self.memory.data(&self.store)[self.base + layout.fault?..];
        // Nearly always all is well, and then nothing is allocated.
        if row[..n_envs * element_bytes(output)].iter().all(|&byte| byte == 0) {
            return None;
        }
        let mut faults = Vec::new();
        read_row(row, n_envs, output, &mut faults);
        faults.iter().any(|&number| number != 0.0).then_some(faults)
    }

    /// Writes the numbers of one environment straight to where the module reads them.
    fn place(&mut self, loaded: &Loaded, layout: &BatchLayout, env_index: usize, row: &[f64]) {
        let region = &mut self.memory.data_mut(&mut self.store)[self.base..];
        let inputs = loaded.interface.inputs.iter().zip(&loaded.places);
        for ((input, place), &offset) in inputs.zip(&layout.inputs) {
            let values = &row[place.clone()];
            let element = element_bytes(input.dtype);
            let (start, step) = match input.uniform {
                true => (offset, element),
                false => (offset + env_index * element, layout.stride * element),
            };
            match input.dtype {
                DType::F32 => scatter(region, start, step, values, |value| (value as f32).to_le_bytes()),
                DType::F64 => scatter(region, start, step, values, f64::to_le_bytes),
                dtype => {
                    for (k, &value) in values.iter().enumerate() {
                        write_value(&mut region[start + k * step..], value, dtype);
                    }
                }
            }
        }
    }

    /// The numbers of each input in one environment.
    fn state(&self, loaded: &Loaded, layout: &BatchLayout, env_index: usize) -> Vec<Vec<f64>> {
        let region = &self.memory.data(&self.store)[self.base..];
        let inputs = loaded.interface.inputs.iter().zip(&layout.inputs);
        inputs
            .map(|(input, &offset)| {
                let element = element_bytes(input.dtype);
                let (start, step) = match input.uniform {
                    true => (offset, element),
                    false => (offset + env_index * element, layout.stride * element),
                };
                let components: usize = input.shape.iter().product();
                (0..components)
                    .map(|k| read_value(&region[start + k * step..], input.dtype))
                    .collect()
            })
            .collect()
    }

    /// The bytes of every memory slot of one environment, slot after slot.
    fn remembered(&self, loaded: &Loaded, layout: &BatchLayout, env_index: usize) -> Vec<u8> {
        if loaded.interface.memory.is_empty() {
            return Vec::new();
        }
        let region = &self.memory.data(&self.store)[self.base..];
        let slots = loaded.interface.memory.iter().zip(&layout.memory);
        let values = slots.flat_map(|(slot, &offset)| {
            let bytes = element_bytes(slot.dtype);
            &region[offset + env_index * bytes..][..bytes]
        });
        let fingerprint = loaded.fingerprint.to_le_bytes();
        fingerprint.iter().chain(values).copied().collect()
    }

    /// Puts back what [`Running::remembered`] gave. Nothing at all stands for the beginning of an episode, and so does what
    /// another module remembered.
    fn recall(&mut self, loaded: &Loaded, layout: &BatchLayout, env_index: usize, memory: &[u8]) {
        let Some(mut rest) = memory.strip_prefix(&loaded.fingerprint.to_le_bytes()) else {
            return self.forget(loaded, layout, env_index..env_index + 1);
        };
        let region = &mut self.memory.data_mut(&mut self.store)[self.base..];
        for (slot, &offset) in loaded.interface.memory.iter().zip(&layout.memory) {
            let bytes = element_bytes(slot.dtype);
            let Some((value, others)) = rest.split_at_checked(bytes) else {
                return; // cut off by whoever kept it
            };
            region[offset + env_index * bytes..][..bytes].copy_from_slice(value);
            rest = others;
        }
    }

    fn write(&mut self, loaded: &Loaded, layout: &BatchLayout, batch: &Batch) {
        let region = &mut self.memory.data_mut(&mut self.store)[self.base..];
        for ((input, &variable), &offset) in loaded
            .interface
            .inputs
            .iter()
            .zip(&loaded.variables)
            .zip(&layout.inputs)
        {
            let column = &batch.columns[variable];
            let (row_len, stride) = if input.uniform {
                (column.len(), column.len())
            } else {
                (batch.n_envs, layout.stride)
            };
            write_column(&mut region[offset..], column, row_len, stride, input.dtype);
        }
    }

    fn read(&self, loaded: &Loaded, layout: &BatchLayout, n_envs: usize, rewards: &mut Rewards) -> bool {
        let region = &self.memory.data(&self.store)[self.base..];
        let output = loaded.interface.output;
        let mut finite = read_row(&region[layout.total..], n_envs, output, &mut rewards.total);
        rewards.terms.resize_with(layout.terms.len(), Vec::new);
        for (row, &offset) in rewards.terms.iter_mut().zip(&layout.terms) {
            finite &= read_row(&region[offset..], n_envs, output, row);
        }
        finite
    }
}

/// Writes `values` from byte `start` on, one every `step` bytes.
fn scatter<const BYTES: usize>(
    region: &mut [u8],
    start: usize,
    step: usize,
    values: &[f64],
    encode: impl Fn(f64) -> [u8; BYTES],
) {
    for (k, &value) in values.iter().enumerate() {
        let at = start + k * step;
        region[at..at + BYTES].copy_from_slice(&encode(value));
    }
}

/// Gives the next call its fuel and its time.
fn refill(store: &mut Store<StoreGuard>, loaded: &Loaded, fuel: u64) -> wasmtime::Result<()> {
    store.set_epoch_deadline(loaded.runtime.deadline_ticks());
    match loaded.origin {
        Origin::Compiled => Ok(()),
        Origin::Foreign => store.set_fuel(fuel),
    }
}
