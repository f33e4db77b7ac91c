//! Finding and reading what the user names: environments, tasks, schemas, programs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carrot_environment::{Engine, Inferred, Task, TaskError};
use carrot_reward_interface::Schema;
use carrot_workbench::{ProgramBody, ProgramBytes};

use crate::arguments::Against;
use crate::output::Failure;

/// The folder of environments: as given, as `CARROT_ENVS` says, or `envs` in the working folder, a folder above it, or beside the program.
pub fn environments_dir(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let named = std::env::var_os("CARROT_ENVS")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    if let Some(dir) = given.map(Path::to_path_buf).or(named) {
        if dir.is_dir() {
            return Ok(dir);
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

/// Loads a task for an engine; an unknown name is a usage error.
pub fn task(envs: &Path, id: &str, engine: Engine) -> Result<Task, Failure> {
    Task::load(envs, id, engine).map_err(refused)
}

/// The environment inferred from a user's own model.
pub fn inferred(model: &Path, engine: Engine) -> Result<Inferred, Failure> {
    Inferred::load(model, engine).map_err(refused)
}

/// What is not there is a usage error; what is broken is a fault.
pub fn refused(error: TaskError) -> Failure {
    match error {
        TaskError::NotFound(message) => Failure::Usage(message),
        error => Failure::Fault(error.into()),
    }
}

/// The variables to check a program against.
pub fn schema(against: &Against, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Schema, Failure> {
    match (&against.task, &against.model, &against.schema) {
        (Some(id), ..) => Ok(task(&envs()?, id, Engine::Mujoco)?.schema),
        (None, Some(model), _) => inferred(model, Engine::Mujoco)?.schema().map_err(refused),
        (None, None, Some(path)) => {
            let text = text(path.display().to_string(), read(path)?)?;
            Ok(Schema::from_toml(&text).with_context(|| path.display().to_string())?)
        }
        (None, None, None) => Err(Failure::Usage(
            "name a task with --task, a model with --model or a schema with --schema".into(),
        )),
    }
}

/// Reads a reward program: text, or a module when the name ends in `.wasm`.
pub fn program(path: &Path) -> Result<ProgramBytes, Failure> {
    let file = path.display().to_string();
    let bytes = read(path)?;
    let body = if path.extension().is_some_and(|extension| extension == "wasm") {
        ProgramBody::Wasm(bytes)
    } else {
        ProgramBody::Source(text(file.clone(), bytes)?)
    };
    Ok(ProgramBytes { file, body })
}

/// Reads a file that the user named; one that is not there is a usage error.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Usage(format!("{}: there is no such file", path.display())),
        ErrorKind::IsADirectory => Failure::Usage(format!("{}: this is a folder; name a file", path.display())),
        _ => Failure::Fault(anyhow::Error::new(error).context(path.display().to_string())),
    })
}

/// Refuses what is no file before a library of some format calls it broken.
pub fn check_is_file(path: &Path) -> Result<(), Failure> {
    match path.is_file() {
        true => Ok(()),
        false => Err(Failure::Usage(format!("{}: there is no such file", path.display()))),
    }
}

/// Writes a file that the user named.
pub fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    check_writable(path)?;
    Ok(std::fs::write(path, contents).with_context(|| path.display().to_string())?)
}

/// Fails where a file could not be written, so that long work is not done for nothing. Leaves no trace.
pub fn check_writable(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::Usage(format!(
            "{}: this is a folder; name a file",
            path.display()
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let message = format!(
            "{}: there is no folder {}; make it first",
            path.display(),
            folder.display()
        );
        return Err(Failure::Usage(message));
    }
    if path.exists() && !path.is_file() {
        return Ok(()); // a device or a pipe, which opening might disturb
    }
    let existed = path.exists();
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    if !existed {
        std::fs::remove_file(path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn text(file: String, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        Failure::Usage(format!("{file}: not text; byte {byte} is not UTF-8"))
    })
}

/// Processor cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The name closest to what somebody mistyped, if one is close enough to be a slip.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
