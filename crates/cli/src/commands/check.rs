//! `carrot check`.

use std::path::PathBuf;

use carrot_reward_compiler::{Entry, compile, notes, render};
use carrot_reward_interface::{Diagnostic, Schema, Severity, Stop};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use carrot_workbench::{ProgramBody, ProgramBytes};
use serde_json::json;

use crate::arguments::Check;
use crate::files;
use crate::output::{Answer, Failure, colour};

/// Diagnostics of a program; the answer is no when there is an error.
pub fn run(options: &Check, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let program = files::program(&options.program)?;
    let schema = files::schema(&options.against, envs)?;
    Ok(match load(&program, &schema)? {
        (Some(reward), mut diagnostics) => {
            if let (true, ProgramBody::Source(text)) = (options.pedantic, &program.body) {
                diagnostics.extend(notes(text, &program.file, &schema));
                diagnostics.sort_by_key(|diagnostic| diagnostic.span);
            }
            accepted(&reward, &program, &diagnostics)
        }
        (None, diagnostics) => refused(&program, &diagnostics),
    })
}

/// Compiles or opens a program and binds it; without a reward there is at least one error.
pub fn load(program: &ProgramBytes, schema: &Schema) -> Result<(Option<LoadedReward>, Vec<Diagnostic>), Failure> {
    let sandbox = Sandbox::new(Limits::default())?;
    match &program.body {
        ProgramBody::Source(text) => {
            let compiled = compile(text, &program.file, schema, Entry::Reward);
            let reward = match compiled.module {
                Some(module) => Some(sandbox.load(&module.wasm, Origin::Compiled, schema)?),
                None => None,
            };
            Ok((reward, compiled.diagnostics))
        }
        ProgramBody::Wasm(bytes) => match sandbox.load(bytes, Origin::Foreign, schema) {
            Ok(reward) => Ok((Some(reward), Vec::new())),
            Err(error) => Ok((
                None,
                vec![carrot_workbench::module_refused(&program.file, &error.to_string())],
            )),
        },
    }
}

/// The answer "no" with drawn diagnostics.
pub fn refused(program: &ProgramBytes, diagnostics: &[Diagnostic]) -> Answer {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    let text = format!(
        "{}\n{}: {}",
        drawn(program, diagnostics).trim_end_matches('\n').to_owned() + "\n",
        program.file,
        counted(errors, "error")
    );
    Answer {
        json: json!({ "diagnostics": diagnostics }),
        text,
        yes: false,
    }
}

/// Diagnostics as text, with the source where there is one.
pub fn drawn(program: &ProgramBytes, diagnostics: &[Diagnostic]) -> String {
    match &program.body {
        ProgramBody::Source(text) => render(diagnostics, text, colour(&std::io::stdout())),
        ProgramBody::Wasm(_) => diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n")).collect(),
    }
}

/// The answer "no" of a program that stopped while it ran, drawn like a diagnostic where its place is known.
pub fn stopped(program: &ProgramBytes, stop: &Stop) -> Answer {
    let json = json!({ "stopped": stop, "message": stop.to_string() });
    let text = match (stop.at, &program.body) {
        (Some(span), ProgramBody::Source(_)) => {
            let diagnostic = Diagnostic {
                code: json["stopped"]["cause"]["kind"]
                    .as_str()
                    .unwrap_or("stopped")
                    .to_owned(),
                severity: Severity::Error,
                file: stop.file.clone(),
                span,
                message: stop.cause.to_string(),
                help: None,
                fix: None,
            };
            format!(
                "{}\n{}: stopped",
                drawn(program, &[diagnostic]).trim_end(),
                program.file
            )
        }
        _ => format!("stopped: {stop}"),
    };
    Answer { json, text, yes: false }
}

fn accepted(reward: &LoadedReward, program: &ProgramBytes, diagnostics: &[Diagnostic]) -> Answer {
    let interface = reward.interface();
    let terms: Vec<&str> = interface.terms.iter().map(|term| term.name.as_str()).collect();
    let inputs: Vec<&str> = interface.inputs.iter().map(|input| input.name.as_str()).collect();
    let memory: Vec<&str> = interface.memory.iter().map(|slot| slot.name.as_str()).collect();
    let faults: Vec<&str> = interface.faults.iter().map(|fault| fault.message.as_str()).collect();
    let json = json!({
        "diagnostics": diagnostics,
        "terms": terms,
        "inputs": inputs,
        "memory": memory,
        "faults": faults,
        "dialect": interface.dialect,
    });
    let mut text = drawn(program, diagnostics);
    if !diagnostics.is_empty() {
        text.push('\n');
    }
    text += &format!(
        "{}: ok ({}reads {}; terms {}{})",
        program.file,
        if diagnostics.is_empty() {
            String::new()
        } else {
            findings(diagnostics) + "; "
        },
        if inputs.is_empty() {
            "nothing".to_owned()
        } else {
            inputs.join(", ")
        },
        if terms.is_empty() {
            "none".to_owned()
        } else {
            terms.join(", ")
        },
        match memory.len() {
            0 => String::new(),
            numbers => format!("; remembers {}", counted(numbers, "number")),
        },
    );
    Answer::new(json, text)
}

/// `2 warnings`, `1 note`, `2 warnings, 1 note`.
fn findings(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
    let counts = [(of(Severity::Warning), "warning"), (of(Severity::Note), "note")];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|&(n, what)| counted(n, what))
        .collect();
    counts.join(", ")
}

/// `1 error`, `2 errors`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
