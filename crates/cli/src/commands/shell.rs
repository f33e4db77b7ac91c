//! `carrot completions` and `carrot man`.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use serde_json::json;

use crate::arguments::Arguments;
use crate::output::{Answer, Failure};

/// The completion script of a shell.
pub fn completions(shell: clap_complete::Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "carrot", &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    Answer::new(json!({ "shell": shell.to_string(), "script": text }), text)
}

/// One manual page per verb.
pub fn man_pages(out: &Path) -> Result<Answer, Failure> {
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    clap_mangen::generate_to(Arguments::command(), out).with_context(|| out.display().to_string())?;
    Ok(Answer::new(
        json!({ "dir": out }),
        format!("manual pages written to {}", out.display()),
    ))
}
