//! Turns a checked program into a WebAssembly module.

use carrot_reward_interface::ModuleInterface;

use crate::{Module, ir::Program};

/// A program that no module may be made from, because it would take too long to compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the program needs {values} values at once; at most {limit} fit into a module")]
pub struct TooLarge {
    /// Values that the program keeps.
    pub values: usize,
    /// Values that fit.
    pub limit: usize,
}

/// Makes the module of `program`; `interface` describes it but for the line table, which is filled in here.
pub fn emit_module(_program: &Program, _interface: ModuleInterface) -> Result<Module, TooLarge> {
    todo!()
}
