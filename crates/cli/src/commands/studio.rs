//! `carrot studio`.

use std::path::Path;

use anyhow::Context as _;
use carrot_studio::{StudioError, StudioOptions};
use serde_json::json;

use crate::arguments::Studio;
use crate::files;
use crate::output::{Answer, Failure};

/// Opens the window and stays until it is closed.
pub fn run(options: &Studio, envs: &Path) -> Result<Answer, Failure> {
    let (runs, run) = match &options.run {
        None => (options.runs.clone(), None),
        Some(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.ok_or_else(|| Failure::Usage(format!("{}: name the folder of a run", path.display())))?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (folder.unwrap_or(Path::new(".")).to_owned(), Some(name))
        }
    };
    let options = StudioOptions {
        program: std::env::current_exe().context("the program does not know where it is")?,
        envs: envs.to_owned(),
        runs,
        task: options.task.clone(),
        run,
        engine: options.engine,
        threads: options.threads.unwrap_or_else(files::cores),
        script: options.script.clone(),
    };
    match carrot_studio::run(options) {
        Ok(run) => Ok(Answer::new(
            json!({ "run": run.display().to_string() }),
            match run.exists() {
                true => format!("closed; {} keeps what you did", run.display()),
                false => "closed; the next `carrot studio` goes on from here".to_owned(),
            },
        )),
        Err(StudioError::NotFound(message)) => Err(Failure::Usage(message)),
        // A script is a question, and this is its no.
        Err(StudioError::Script(message)) => Ok(Answer {
            json: json!({ "failed": message }),
            text: message,
            yes: false,
        }),
        Err(error) => Err(error.into()),
    }
}
