//! Runs a WASM reward on a batch of environments, under limits, and says where it stopped.
//!
//! A reward module may come from our compiler, from another one, or from someone who wants to hurt the machine. All of
//! them get the same treatment: no imports, a memory, a fuel tank, a deadline.
//!
//! ```text
//! wasm bytes ──load(Origin)──▶ LoadedReward ──instantiate──▶ SandboxedReward: RewardFn
//! ```
//!
//! Start in [`Sandbox::load`].

use carrot_reward_interface::{Batch, ModuleInterface, RewardFn, Rewards, Schema, Stop};

/// What a module may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Instructions per evaluation, of foreign modules.
    pub fuel: u64,
}

/// Who made a module. Ours need no NaN canonicalisation and no fuel, because the compiler bounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Bytes that our compiler returned in this very process.
    Compiled,
    /// Anything else.
    Foreign,
}

/// Why a module was refused before it ran.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// The runtime, shared by all rewards of a process.
#[derive(Clone)]
pub struct Sandbox {}

impl Sandbox {
    /// Starts the runtime.
    pub fn new(_limits: Limits) -> Result<Self, LoadError> {
        todo!()
    }
    /// Checks, compiles and binds a module to `schema`.
    pub fn load(&self, _wasm: &[u8], _origin: Origin, _schema: &Schema) -> Result<LoadedReward, LoadError> {
        todo!()
    }
}

/// A checked module bound to a schema; instances of it are independent.
#[derive(Clone)]
pub struct LoadedReward {}

impl LoadedReward {
    /// What the module says about itself.
    pub fn interface(&self) -> &ModuleInterface {
        todo!()
    }
    /// A fresh instance.
    pub fn instantiate(&self) -> Result<SandboxedReward, Stop> {
        todo!()
    }
}

/// One running instance.
pub struct SandboxedReward {}

impl RewardFn for SandboxedReward {
    fn terms(&self) -> &[String] {
        todo!()
    }
    fn evaluate(&mut self, _batch: &Batch, _rewards: &mut Rewards) -> Result<(), Stop> {
        todo!()
    }
}
