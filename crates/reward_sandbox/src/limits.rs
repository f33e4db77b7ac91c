//! What a module may use, and the guard that holds a running instance to it.
//!
//! Two kinds of limits: those on the text of a module, which `check` enforces before a compiler sees it, and those on a
//! running instance, which the runtime enforces while it runs.

use std::time::Duration;

use carrot_reward_interface::StopCause;
use wasmtime::ResourceLimiter;

use crate::Origin;

/// What a module may use. The defaults are far above what rewards need and far below what hurts a small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Instructions per evaluation of a foreign module, whatever the batch. Deterministic: the same module stops at the
    /// same instruction on every machine.
    pub fuel_base: u64,
    /// Instructions on top for each environment of the batch, so that a module which is accepted in a small batch is
    /// accepted in a large one.
    pub fuel_per_environment: u64,
    /// Time for one evaluation, behind the fuel. It is counted in ticks of a thread of this process, so a process that
    /// was suspended meanwhile does not find its deadlines passed.
    pub deadline: Duration,
    /// Linear memory that a module may use for itself, in bytes. The batch comes on top, since its size is the caller's
    /// choice.
    pub memory_bytes: usize,
    /// Elements of the table of functions.
    pub table_elements: usize,
    /// Call stack, in bytes. A thread that evaluates needs as much of its own stack free, and some for the host.
    pub stack_bytes: usize,
    /// Instances alive at a time in one sandbox. Each reserves 4 GiB of address space (not memory), which buys memory
    /// accesses without bounds checks; a process has room for some 20,000.
    pub instances: usize,
    /// Size of a module, in bytes, checked before anything is parsed.
    pub module_bytes: usize,
    /// Entries in any one section: types, functions, globals, exports, segments.
    pub section_entries: u32,
    /// Bound on the compile time of a foreign module, in units of a few microseconds (see `compile_cost`). It is an
    /// estimate from the instructions, not a clock, so that a module is refused on all machines or on none.
    pub compile_cost: u64,
    /// The same for modules of our own compiler, a net behind the bounds that it keeps itself. Its straight code with many
    /// calls takes about a sixth of a microsecond per unit, so the default means some three seconds.
    pub own_compile_cost: u64,
    /// Inputs, and terms, and faults, that a module may declare.
    pub names: usize,
    /// Numbers that a module may remember for each environment.
    pub memory_slots: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel_base: 20_000_000,
            fuel_per_environment: 100_000,
            deadline: Duration::from_secs(2),
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            stack_bytes: 512 << 10,
            instances: 4_096,
            module_bytes: 8 << 20,
            section_entries: 5_000,
            compile_cost: 300_000,
            own_compile_cost: 20_000_000,
            names: 1_024,
            memory_slots: 16_384,
        }
    }
}

impl Limits {
    /// Instructions for one evaluation of `n_envs` environments.
    pub fn fuel(&self, n_envs: usize) -> u64 {
        self.fuel_base
            .saturating_add(self.fuel_per_environment.saturating_mul(n_envs as u64))
    }

    /// Bound on compile time by who made the module.
    pub(crate) fn compile_cost_of(&self, origin: Origin) -> u64 {
        match origin {
            Origin::Compiled => self.own_compile_cost,
            Origin::Foreign => self.compile_cost,
        }
    }
}

/// Holds one instance to its memory and its table. The runtime asks it before either grows.
pub(crate) struct StoreGuard {
    /// Bytes that the module may use for itself.
    pub memory_bytes: usize,
    /// Bytes that the host has put on top for batches.
    pub batch_bytes: usize,
    /// Elements of the table.
    pub table_elements: usize,
}

/// A table that would grow beyond its limit. Its text becomes a trap's message.
#[derive(Debug, thiserror::Error)]
#[error("the table would hold {wanted} elements; the limit is {limit}")]
pub(crate) struct TableTooLarge {
    wanted: usize,
    limit: usize,
}

impl ResourceLimiter for StoreGuard {
    /// Refuses with an error instead of `false`: a module that only saw `memory.grow` give −1 would go on with whatever it
    /// does then, and the stop would not name the limit.
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired <= self.memory_bytes.saturating_add(self.batch_bytes) {
            return Ok(true);
        }
        Err(StopCause::Memory {
            limit_bytes: self.memory_bytes as u64,
        }
        .into())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired <= self.table_elements {
            return Ok(true);
        }
        Err(TableTooLarge {
            wanted: desired,
            limit: self.table_elements,
        }
        .into())
    }
}
