//! Compiles one reward program, written in a small subset of Python, to one WebAssembly module.
//!
//! The text comes from a language model or from a person in a hurry. It must reach the simulator only as a checked,
//! bounded program, so this crate does no I/O, knows no physics, and always says where the text is wrong.
//!
//! ```text
//! Source ──parse──▶ ast ──check(&Schema)──▶ ir::Program ──emit──▶ Module {wasm, interface}
//!              └──────────────┴──▶ Vec<Diagnostic>
//! ```
//!
//! Start in [`compile`]; then read `parse`, `check` and `emit`, in that order.

use carrot_reward_interface::{Diagnostic, ModuleInterface, Schema};

pub mod ir;
pub mod interpret;
mod kernels;
pub mod emit;

/// A compiled program.
#[derive(Debug, Clone)]
pub struct Module {
    /// The module, custom section included.
    pub wasm: Vec<u8>,
    /// What the custom section says.
    pub interface: ModuleInterface,
}

/// Result of a compilation. A program with errors has no module; one with warnings has both.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The module, if there was no error.
    pub module: Option<Module>,
    /// Findings, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Which functions of a program become outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The reward function of either dialect (`compute_reward`, `compute_dense_reward`, or the only function).
    Reward,
    /// Each named function becomes a term, the first one also the total: `fitness`, `success`, `terminated` of a `task.py`.
    Functions(&'a [&'a str]),
}

/// Compiles `source` against `schema`. `file` names the text in messages.
pub fn compile(_source: &str, _file: &str, _schema: &Schema, _entry: Entry<'_>) -> Compiled {
    todo!()
}

/// Draws diagnostics with the source text and carets, as a terminal shows them.
pub fn render(_diagnostics: &[Diagnostic], _source: &str, _color: bool) -> String {
    todo!()
}
