//! Compiles what a task computes its derived variables with.

use std::path::Path;
use std::sync::Arc;

use carrot_environment::{DerivedText, Task};
use carrot_reward_compiler::{Entry, compile, render};
use carrot_reward_interface::{Diagnostic, Severity};
use carrot_reward_sandbox::{Origin, Sandbox};

use crate::WorkbenchError;

/// The same task, able to compute its derived variables. A task without any comes back as it is.
///
/// Errors: [`WorkbenchError::Program`] with the findings, each at the place where the formula or function is written.
pub fn with_derived(task: Task, sandbox: &Sandbox) -> Result<Task, WorkbenchError> {
    let Some(text) = &task.derived else { return Ok(task) };
    let outputs: Vec<(&str, &str)> = text
        .outputs
        .iter()
        .map(|(variable, function)| (variable.as_str(), function.as_str()))
        .collect();
    let file = text.file.display().to_string();
    let compiled = compile(&text.source, &file, &task.schema, Entry::Variables(&outputs));
    let Some(module) = compiled.module else {
        return Err(WorkbenchError::Program(shown(text, compiled.diagnostics)));
    };
    let refused = |message: &str| WorkbenchError::Program(format!("{file}: {message}"));
    if let Some(slot) = module.interface.memory.first() {
        return Err(refused(&format!(
            "a derived variable remembers nothing, and this program keeps `{}`; declare a variable with `previous` as its \
             source",
            slot.name
        )));
    }
    if module.interface.whole_batch {
        return Err(refused(
            "a derived variable belongs to one environment, and this program reduces over the whole batch; name the axis, \
             such as `dim=-1`",
        ));
    }
    let program = sandbox.load(&module.wasm, Origin::Compiled, &task.schema)?;
    Ok(task.with_derived(Arc::new(program)))
}

/// Errors drawn under the text that they are about, file by file.
fn shown(text: &DerivedText, diagnostics: Vec<Diagnostic>) -> String {
    let errors = diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let mut shown = Vec::new();
    for diagnostic in text.located(errors) {
        let written = std::fs::read_to_string(Path::new(&diagnostic.file));
        shown.push(match written {
            Ok(written) => render(&[diagnostic], &written, false),
            Err(_) => diagnostic.to_string(),
        });
    }
    shown.join("\n")
}
