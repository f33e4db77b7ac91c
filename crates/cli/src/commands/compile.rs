//! `carrot compile`.

use std::path::{Path, PathBuf};

use carrot_reward_compiler::{Entry, ast_text, check, compile};
use carrot_workbench::ProgramBody;
use serde_json::json;

use super::check::refused;
use crate::arguments::{Compile, Emit};
use crate::files;
use crate::output::{Answer, Failure};

/// One stage of the compiler, written to a file or to standard output.
pub fn run(options: &Compile, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let program = files::program(&options.program)?;
    let ProgramBody::Source(text) = &program.body else {
        return Err(Failure::Usage(format!(
            "{}: a module is compiled already",
            program.file
        )));
    };
    let output = output_path(options)?;
    let schema = files::schema(&options.against, envs)?;
    let compiled = compile(text, &program.file, &schema, Entry::Reward);
    let Some(module) = compiled.module else {
        return Ok(refused(&program, &compiled.diagnostics));
    };
    let stage = match options.emit {
        Emit::Ast => match ast_text(text, &program.file) {
            Ok(ast) => ast.into_bytes(),
            Err(diagnostics) => return Ok(refused(&program, &diagnostics)),
        },
        Emit::Ir => match check(text, &program.file, &schema, Entry::Reward).program {
            Some((ir, _)) => ir.to_string().into_bytes(),
            None => return Ok(refused(&program, &compiled.diagnostics)),
        },
        Emit::Wat => wasmprinter::print_bytes(&module.wasm)?.into_bytes(),
        Emit::Wasm => module.wasm,
    };
    let mut json = json!({ "interface": module.interface, "diagnostics": compiled.diagnostics, "bytes": stage.len() });
    if let Some(path) = output {
        files::write(path, &stage)?;
        json["output"] = json!(path);
        return Ok(Answer::new(json, format!("{}: {} bytes", path.display(), stage.len())));
    }
    let text = String::from_utf8_lossy(&stage).into_owned();
    json["text"] = json!(text);
    Ok(Answer::new(json, text))
}

/// Where to write; a binary module never goes to the terminal.
fn output_path(options: &Compile) -> Result<Option<&Path>, Failure> {
    match (&options.output, options.emit) {
        (None, Emit::Wasm) => Err(Failure::Usage(
            "name the module's file with -o FILE.wasm, or choose --emit wat".into(),
        )),
        (path, _) => Ok(path.as_deref()),
    }
}
