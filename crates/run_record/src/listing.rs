//! What is in a folder of runs, at a glance.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{RecordError, RunRecord};

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Name of its folder.
    pub name: String,
    /// `task` of its config.
    pub task: Option<String>,
    /// `proposer` of its config.
    pub proposer: Option<String>,
    /// When it was made, in seconds since 1970.
    pub started_unix_secs: Option<i64>,
    /// When its fact `finished` was set; absent for a run that is going on or was interrupted.
    pub finished_unix_secs: Option<i64>,
    /// Number of candidates.
    pub candidates: usize,
    /// Number of completed evaluations.
    pub evaluations: usize,
    /// Largest fitness of an evaluated candidate.
    pub best_fitness: Option<f64>,
}

/// What [`list`] found.
#[derive(Debug, Default)]
pub struct Runs {
    /// The runs, sorted by name.
    pub runs: Vec<RunSummary>,
    /// Folders that hold no run that can be read. One broken run does not hide the others.
    pub unreadable: Vec<(PathBuf, RecordError)>,
}

impl RunRecord {
    /// This run in one line of a list.
    pub fn summary(&self) -> Result<RunSummary, RecordError> {
        let config = self.config()?;
        let text = |key: &str| config.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let finished = self.dated_fact("finished")?;
        let folder = self.dir().canonicalize().unwrap_or_else(|_| self.dir().to_owned());
        Ok(RunSummary {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            task: text("task"),
            proposer: text("proposer"),
            started_unix_secs: self.dated_fact("started")?.map(|(_, time)| time),
            finished_unix_secs: finished
                .filter(|(value, _)| !matches!(value, Value::Null | Value::Bool(false)))
                .map(|(_, time)| time),
            candidates: self.candidate_count()?,
            evaluations: self.evaluation_count()?,
            best_fitness: self.best_fitness()?,
        })
    }
}

/// Every run below `runs_dir`, without disturbing those that are being written. A missing folder holds no runs; hidden
/// folders are passed over, among them what a killed [`RunRecord::create`] left.
pub fn list(runs_dir: &Path) -> Result<Runs, RecordError> {
    let mut found = Runs::default();
    let mut folders = Vec::new();
    let entries = match fs::read_dir(runs_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(RecordError::storage(runs_dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(RecordError::storage(runs_dir))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    for folder in folders {
        match RunRecord::open_read_only(&folder).and_then(|record| record.summary()) {
            Ok(summary) => found.runs.push(summary),
            Err(error) => found.unreadable.push((folder, error)),
        }
    }
    Ok(found)
}
