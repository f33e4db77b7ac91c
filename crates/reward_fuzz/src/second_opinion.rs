//! Runs a module in wasmi: another parser, another validator, and an interpreter instead of a code generator.

use carrot_reward_interface::module::element_bytes;
use carrot_reward_interface::{Batch, BatchLayout, DType, ModuleInterface, Schema};
use wasmi::{Config, Engine, Linker, Module, Store};

/// The engine, made once.
pub(crate) struct SecondOpinion {
    engine: Engine,
}

impl SecondOpinion {
    pub(crate) fn new() -> Self {
        let mut config = Config::default();
        config.wasm_simd(true);
        Self {
            engine: Engine::new(&config),
        }
    }

    /// Total, terms, memory slots and fault numbers of each batch after each step, `[batch][step][row][N]`.
    ///
    /// Errors: what wasmi says.
    pub(crate) fn evaluate(
        &self,
        wasm: &[u8],
        interface: &ModuleInterface,
        schema: &Schema,
        batches: &[Batch],
        n_steps: usize,
    ) -> Result<Vec<Vec<Vec<Vec<f64>>>>, String> {
        let text = |error: wasmi::Error| error.to_string();
        let module = Module::new(&self.engine, wasm).map_err(text)?;
        let mut store = Store::new(&self.engine, ());
        let instance = Linker::new(&self.engine)
            .instantiate_and_start(&mut store, &module)
            .map_err(text)?;
        let memory = instance.get_memory(&store, "memory").ok_or("no memory is exported")?;
        let evaluate = instance
            .get_typed_func::<(i32, i32), ()>(&store, "evaluate")
            .map_err(text)?;
        let variables = interface.bind(schema)?;
        let base = memory.data_size(&store);
        let mut results = Vec::new();
        for batch in batches {
            let layout = BatchLayout::new(interface, batch.n_envs);
            let missing = (base + layout.bytes).saturating_sub(memory.data_size(&store));
            memory
                .grow(&mut store, missing.div_ceil(65_536) as u64)
                .map_err(|error| error.to_string())?;
            let region = &mut memory.data_mut(&mut store)[base..];
            region[..layout.bytes].fill(0);
            write_inputs(region, interface, &variables, &layout, batch);
            let mut steps = Vec::new();
            for _ in 0..n_steps {
                evaluate
                    .call(&mut store, (batch.n_envs as i32, base as i32))
                    .map_err(text)?;
                steps.push(read_rows(
                    &memory.data(&store)[base..],
                    interface,
                    &layout,
                    batch.n_envs,
                ));
            }
            results.push(steps);
        }
        Ok(results)
    }
}

/// Lays a batch out as the contract says, independently of the sandbox.
fn write_inputs(
    region: &mut [u8],
    interface: &ModuleInterface,
    variables: &[usize],
    layout: &BatchLayout,
    batch: &Batch,
) {
    for ((input, &variable), &offset) in interface.inputs.iter().zip(variables).zip(&layout.inputs) {
        let column = &batch.columns[variable];
        for (position, &value) in column.iter().enumerate() {
            let element = match input.uniform {
                true => position,
                false => position / batch.n_envs * layout.stride + position % batch.n_envs,
            };
            let at = offset + element * element_bytes(input.dtype);
            match input.dtype {
                DType::F32 => region[at..at + 4].copy_from_slice(&(value as f32).to_le_bytes()),
                DType::Bool => region[at..at + 4].copy_from_slice(&i32::from(value != 0.0).to_le_bytes()),
                DType::I64 => region[at..at + 8].copy_from_slice(&(value as i64).to_le_bytes()),
                _ => region[at..at + 8].copy_from_slice(&value.to_le_bytes()),
            }
        }
    }
}

fn read_rows(region: &[u8], interface: &ModuleInterface, layout: &BatchLayout, n_envs: usize) -> Vec<Vec<f64>> {
    let outputs = std::iter::once(&layout.total).chain(&layout.terms);
    let outputs = outputs.map(|&offset| (offset, interface.output));
    let memory = interface.memory.iter().zip(&layout.memory);
    let memory = memory.map(|(slot, &offset)| (offset, slot.dtype));
    let faults = layout.fault.map(|offset| (offset, interface.output));
    let rows = outputs.chain(memory).chain(faults);
    rows.map(|(offset, dtype)| read_row(&region[offset..], n_envs, dtype))
        .collect()
}

fn read_row(region: &[u8], n_envs: usize, dtype: DType) -> Vec<f64> {
    let singles = || region.as_chunks().0[..n_envs].iter();
    let doubles = region.as_chunks().0[..n_envs.min(region.len() / 8)].iter();
    match dtype {
        DType::F32 => singles().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
        // A truth that the module keeps for itself may have any bits but none.
        DType::Bool => singles().map(|&bytes| f64::from(bytes != [0; 4])).collect(),
        _ => doubles.map(|&bytes| f64::from_le_bytes(bytes)).collect(),
    }
}
