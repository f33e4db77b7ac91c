//! Runs a WASM reward on a batch of environments, under limits, and says where it stopped.
//!
//! A reward module may come from our compiler, from another one, or from someone who wants to hurt the machine. All of
//! them get the same treatment: no imports, one memory, bounded code, a deadline; and strangers a fuel tank as well.
//!
//! ```text
//! bytes ──check(&Limits)──▶ Checked ──compile──▶ LoadedReward ──instantiate──▶ SandboxedReward: RewardFn
//!   └──▶ LoadError                                                  evaluate │
//!                                                                            ├──▶ Rewards
//!                                                                            └──▶ Stop {file, span, cause}
//! ```
//!
//! What a module cannot do, because nothing offers it: read a file, a clock or a random number, call the host, see
//! another instance's memory, or start running before it is asked.
//!
//! Start in [`Sandbox::load`]; then read [`limits`], `check`, `section`, `instance` and `stop`, in that order.

pub mod limits;

mod check;
mod compile_cost;
mod instance;
mod runtime;
mod section;
mod stop;
mod transfer;

pub use instance::SandboxedReward;
pub use limits::Limits;

use std::ops::Range;
use std::sync::Arc;

use carrot_reward_interface::{ModuleInterface, Schema, Stop};
use wasmtime::{InstancePre, Linker, Module};

use crate::limits::StoreGuard;
use crate::runtime::Runtime;

/// Who made a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Bytes that our compiler returned in this very process. They never look at a NaN's payload and their cost is
    /// bounded by construction, so they run without NaN canonicalisation (which makes them 2.4 times slower) and without
    /// fuel; the deadline stays behind them.
    Compiled,
    /// Anything else: fuel, and canonical NaNs, so that every machine computes the same bits.
    Foreign,
}

/// Why a module was refused before it ran: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// The runtime, shared by all rewards of a process. Clones share one runtime.
#[derive(Clone)]
pub struct Sandbox {
    runtime: Arc<Runtime>,
}

impl Sandbox {
    /// Starts the runtime.
    ///
    /// Errors: [`LoadError`] where this machine cannot run WASM at all, or a limit is out of range.
    pub fn new(limits: Limits) -> Result<Self, LoadError> {
        Ok(Self {
            runtime: Arc::new(Runtime::new(limits)?),
        })
    }

    /// Everything that [`Sandbox::load`] does before the compiler starts.
    ///
    /// Errors: as there.
    pub fn check(&self, wasm: &[u8], origin: Origin, schema: &Schema) -> Result<ModuleInterface, LoadError> {
        let interface = check::check(wasm, origin, &self.runtime.limits)?;
        section::bind(&interface, schema)?;
        Ok(interface)
    }

    /// Checks, compiles and binds a module to `schema`. Nothing of it runs yet.
    ///
    /// Errors: [`LoadError`] names the first rule or limit that the module breaks, or the first variable it reads that
    /// `schema` does not offer in that form.
    pub fn load(&self, wasm: &[u8], origin: Origin, schema: &Schema) -> Result<LoadedReward, LoadError> {
        let interface = check::check(wasm, origin, &self.runtime.limits)?;
        let variables = section::bind(&interface, schema)?;
        let engine = self.runtime.engine(origin, wasm.len());
        self.runtime.start_ticker()?;
        let refused = |error: wasmtime::Error| LoadError(format!("the module cannot be compiled: {error:#}"));
        let module = Module::from_binary(engine, wasm).map_err(refused)?;
        let ready = Linker::new(engine).instantiate_pre(&module).map_err(refused)?;
        let term_names = interface.terms.iter().map(|term| term.name.clone()).collect();
        Ok(LoadedReward {
            loaded: Arc::new(Loaded {
                runtime: Arc::clone(&self.runtime),
                origin,
                ready,
                interface,
                schema: schema.clone(),
                places: places(schema, &variables),
                variables,
                term_names,
                fingerprint: fingerprint(wasm),
            }),
        })
    }
}

/// Where the numbers of `variables` lie in a row of all variables.
fn places(schema: &Schema, variables: &[usize]) -> Vec<Range<usize>> {
    let starts = schema.places();
    let place = |&variable: &usize| starts[variable]..starts[variable] + schema.variables[variable].components();
    variables.iter().map(place).collect()
}

/// A checked module bound to a schema; instances of it are independent. Clones share the compiled code.
#[derive(Clone)]
pub struct LoadedReward {
    loaded: Arc<Loaded>,
}

/// What all instances of a module share.
struct Loaded {
    runtime: Arc<Runtime>,
    origin: Origin,
    ready: InstancePre<StoreGuard>,
    interface: ModuleInterface,
    schema: Schema,
    /// Position in `schema` of each input.
    variables: Vec<usize>,
    /// The numbers of each input in a row of all variables.
    places: Vec<Range<usize>>,
    term_names: Vec<String>,
    /// Tells what one module remembers from what another does.
    fingerprint: u64,
}

/// FNV-1a, 64 bits.
fn fingerprint(wasm: &[u8]) -> u64 {
    wasm.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl LoadedReward {
    /// What the module says about itself.
    pub fn interface(&self) -> &ModuleInterface {
        &self.loaded.interface
    }

    /// A fresh instance with its own memory.
    ///
    /// Errors: a [`Stop`] where a segment lies outside the module's memory or table, or too many instances are alive.
    pub fn instantiate(&self) -> Result<SandboxedReward, Stop> {
        SandboxedReward::new(Arc::clone(&self.loaded))
    }
}
