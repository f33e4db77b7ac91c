//! Starting other programs, with an error that names the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// Runs a program to its end; what it prints goes to the terminal.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| format!("`{}` does not start: {error}", text(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", text(command)))
    }
}

/// Runs a program to its end and gives what it printed, or its complaint.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|error| format!("`{}` does not start: {error}", text(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "`{}` failed ({}): {}",
        text(command),
        output.status,
        complaint.trim()
    ))
}

/// Cargo itself, in the workspace's root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// A Python that has pip.
pub fn python() -> Result<&'static str, Failure> {
    let has_pip = |python: &&str| output(Command::new(python).args(["-m", "pip", "--version"])).is_ok();
    ["python3", "python"].into_iter().find(has_pip).ok_or_else(|| {
        "Python's pip is needed to fetch libraries and was not found; run once, as root:\n\n    \
         apt-get update && apt-get install --yes python3-pip\n"
            .to_owned()
    })
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace's root")
        .to_owned()
}

fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
