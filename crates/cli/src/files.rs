//! Finding and reading what the user names: environments, tasks, schemas, programs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carrot_environment::Task;
use carrot_reward_interface::Schema;
use carrot_reward_search::{ProgramBody, ProgramBytes};

use crate::arguments::Against;
use crate::output::Failure;

/// The folder of environments: as given, or `envs` in the working folder, a folder above it, or beside the program.
pub fn environments_dir(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(dir) = given {
        if dir.is_dir() {
            return Ok(dir.to_path_buf());
        }
        return Err(Failure::Usage(format!(
            "{}: there is no such folder of environments",
            dir.display()
        )));
    }
    let working = std::env::current_dir().context("the working folder cannot be read")?;
    let program = std::env::current_exe().unwrap_or_default();
    working
        .ancestors()
        .chain(program.ancestors().skip(1))
        .map(|dir| dir.join("envs"))
        .find(|dir| dir.is_dir())
        .ok_or_else(|| {
            Failure::Usage("no folder `envs` here, above or beside the program; name one with --envs DIR".into())
        })
}

/// Loads a task; an unknown name is a usage error.
pub fn task(envs: &Path, id: &str) -> Result<Task, Failure> {
    Task::load(envs, id).map_err(|error| match error {
        carrot_environment::TaskError::NotFound(message) => Failure::Usage(message),
        error => Failure::Fault(error.into()),
    })
}

/// The variables to check a program against.
pub fn schema(against: &Against, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Schema, Failure> {
    match (&against.task, &against.schema) {
        (Some(id), _) => Ok(task(&envs()?, id)?.schema),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Ok(Schema::from_toml(&text).with_context(|| path.display().to_string())?)
        }
        (None, None) => Err(Failure::Usage(
            "name a task with --task or a schema with --schema".into(),
        )),
    }
}

/// Reads a reward program: text, or a module when the name ends in `.wasm`.
pub fn program(path: &Path) -> Result<ProgramBytes, Failure> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| file.clone())?;
    let body = if path.extension().is_some_and(|extension| extension == "wasm") {
        ProgramBody::Wasm(bytes)
    } else {
        let text = String::from_utf8(bytes).map_err(|error| {
            Failure::Usage(format!(
                "{file}: not text; byte {} is not UTF-8",
                error.utf8_error().valid_up_to()
            ))
        })?;
        ProgramBody::Source(text)
    };
    Ok(ProgramBytes { file, body })
}

/// Processor cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
