//! What a search that runs in another process is doing right now.
//!
//! Both are facts of the record, so that a watcher needs no other channel, and a watcher that starts late misses nothing. A
//! process that is killed leaves its last word behind; whether it still lives, [`RunRecord::is_in_use`] says.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::record::LOCK;
use crate::{RecordError, RunRecord};

/// How far a search is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchProgress {
    /// Round, from 0.
    pub generation: u32,
    /// Rounds in all.
    pub generations: u32,
    /// Rounds of which nothing is left to do.
    pub complete: u32,
    /// Environment steps of this session.
    pub steps_done: u64,
    /// Environment steps that this session is going to take, as far as is known.
    pub steps_planned: u64,
    /// What it does, in words: `training`, `waiting 20 s for the server: …`, `training the best 4 on further seeds`.
    pub doing: String,
    /// The candidates that are being trained.
    pub training: Vec<InTraining>,
    /// When this was noted, in seconds since 1970.
    pub unix_secs: f64,
}

/// A candidate in training.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InTraining {
    /// Round.
    pub generation: u32,
    /// Place within the round.
    pub index: u32,
    /// Environment steps taken so far.
    pub steps: u64,
    /// Mean fitness at its latest checkpoint.
    pub fitness: Option<f64>,
}

/// What became of the process that searches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// It works.
    Running,
    /// It ended as asked, after some generations or by Ctrl-C; `--resume` goes on.
    Paused {
        /// One sentence.
        message: String,
    },
    /// There is a winner.
    Finished,
    /// It ended for another reason; what it completed is kept.
    Failed {
        /// Why.
        message: String,
    },
}

const PROGRESS: &str = "progress";
const STATE: &str = "state";

impl RunRecord {
    /// Notes how far the search is.
    pub fn put_progress(&self, progress: &SearchProgress) -> Result<(), RecordError> {
        self.put_fact(PROGRESS, &json!(progress))
    }

    /// How far the search is, or was when it ended.
    pub fn progress(&self) -> Result<Option<SearchProgress>, RecordError> {
        self.typed_fact(PROGRESS)
    }

    /// Notes what becomes of the process.
    pub fn put_state(&self, state: &RunState) -> Result<(), RecordError> {
        self.put_fact(STATE, &json!(state))
    }

    /// What became of the process that searched last; absent in a run that was never started.
    pub fn state(&self) -> Result<Option<RunState>, RecordError> {
        self.typed_fact(STATE)
    }

    /// Whether a process holds the run at `dir` for writing. One that was killed does not.
    pub fn is_in_use(dir: &Path) -> Result<bool, RecordError> {
        let path = dir.join(LOCK);
        match File::open(&path).map(|lock| lock.try_lock_shared()) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(TryLockError::WouldBlock)) => Ok(true),
            Ok(Err(TryLockError::Error(error))) | Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RecordError::storage(&path)(error))
            }
            _ => Ok(false), // never opened for writing
        }
    }

    fn typed_fact<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RecordError> {
        let Some(value) = self.fact(name)? else {
            return Ok(None);
        };
        self.database()
            .decode(&format!("fact {name}"), &value.to_string())
            .map(Some)
    }
}
