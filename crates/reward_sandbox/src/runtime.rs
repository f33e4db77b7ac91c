//! The WASM engines and the clock behind the deadlines.
//!
//! Fuel and NaN canonicalisation are compiled into the code, so our own modules have other engines than everybody else's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmparser::WasmFeatures;
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm};

use crate::{Limits, LoadError, Origin};

/// A module of ours that is longer is compiled without the optimiser.
const LONG_BYTES: usize = 64 * 1024;

/// Time between two ticks: the resolution of deadlines.
const TICK: Duration = Duration::from_millis(10);

/// What a module may contain: WASM 2.0 without references to host objects, which is what stock compilers emit. Absent on
/// purpose: threads, a second memory, 64-bit memory, tail calls, exceptions, garbage collection, and relaxed SIMD, whose
/// results differ between machines.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS);

/// Engines, limits and the ticker; lives as long as the last sandbox, reward or instance made from it.
pub(crate) struct Runtime {
    pub limits: Limits,
    compiled: Engine,
    /// For modules of ours that are long: the optimiser reorders thousands of operations so that all of them wait for
    /// registers, and the thorough register allocator then takes seconds; without both it is a fifth of one.
    long: Engine,
    foreign: Engine,
    ticker: Mutex<Option<Ticker>>,
    live_instances: AtomicUsize,
}

impl Runtime {
    pub fn new(limits: Limits) -> Result<Self, LoadError> {
        Ok(Self {
            compiled: engine(Origin::Compiled, OptLevel::Speed, &limits)?,
            long: engine(Origin::Compiled, OptLevel::None, &limits)?,
            // The optimiser is where a stranger's code makes compile time explode; what other compilers emit is optimised
            // already.
            foreign: engine(Origin::Foreign, OptLevel::None, &limits)?,
            limits,
            ticker: Mutex::new(None),
            live_instances: AtomicUsize::new(0),
        })
    }

    /// The engine for a module of so many bytes.
    pub fn engine(&self, origin: Origin, bytes: usize) -> &Engine {
        match origin {
            Origin::Compiled if bytes > LONG_BYTES => &self.long,
            Origin::Compiled => &self.compiled,
            Origin::Foreign => &self.foreign,
        }
    }

    /// Starts the clock unless it runs.
    pub fn start_ticker(&self) -> Result<(), LoadError> {
        let mut ticker = self.ticker.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if ticker.is_none() {
            *ticker = Some(Ticker::start(
                [&self.compiled, &self.long, &self.foreign].map(Engine::clone),
            )?);
        }
        Ok(())
    }

    /// Ticks after which a deadline has surely passed.
    pub fn deadline_ticks(&self) -> u64 {
        (self.limits.deadline.as_nanos().div_ceil(TICK.as_nanos()) as u64).saturating_add(1)
    }
}

/// The right to one live instance, given back on drop.
pub(crate) struct InstanceSlot(Arc<Runtime>);

impl InstanceSlot {
    /// One slot, unless all are taken.
    pub fn claim(runtime: &Arc<Runtime>) -> Option<Self> {
        let limit = runtime.limits.instances;
        let claimed = runtime
            .live_instances
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
                (live < limit).then_some(live + 1)
            });
        claimed.ok().map(|_| Self(Arc::clone(runtime)))
    }
}

impl Drop for InstanceSlot {
    fn drop(&mut self) {
        self.0.live_instances.fetch_sub(1, Ordering::Relaxed);
    }
}

fn engine(origin: Origin, effort: OptLevel, limits: &Limits) -> Result<Engine, LoadError> {
    let foreign = origin == Origin::Foreign;
    let mut config = Config::new();
    config
        .wasm_features(FEATURES.complement(), false)
        .wasm_features(FEATURES, true)
        .cranelift_opt_level(effort)
        .cranelift_nan_canonicalization(foreign)
        .consume_fuel(foreign)
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes);
    if !foreign && effort == OptLevel::None {
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    Engine::new(&config).map_err(|error| LoadError(format!("the WASM runtime does not start: {error:#}")))
}

/// A thread that advances the clock of all engines. Dropping it ends the thread.
struct Ticker {
    /// Never sent on; the thread ends when it is dropped.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engines: [Engine; 3]) -> Result<Self, LoadError> {
        let (alive, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("reward-deadline".into())
            .spawn(move || {
                while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    engines.iter().for_each(Engine::increment_epoch);
                }
            })
            .map_err(|error| LoadError(format!("the thread behind the deadlines does not start: {error}")))?;
        Ok(Self {
            alive: Some(alive),
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; were it ever to, there would be nothing left to do here.
            let _ = thread.join();
        }
    }
}
