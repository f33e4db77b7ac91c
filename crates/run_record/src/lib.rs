//! The durable record of a run, and the only on-disk format.
//!
//! ```text
//! runs/<name>/config.toml    the resolved settings
//!             run.sqlite     candidates, evaluations, exchanges (WAL, synchronous = FULL)
//!             objects/       content-addressed programs, policies, pictures
//! ```
//!
//! A completed evaluation is worth minutes, a completed exchange is worth money: each is written once, keyed by
//! everything that can change it, before anyone acts on it. Start in [`RunRecord`].

use std::path::{Path, PathBuf};

use carrot_environment::{Checkpoint, Evaluation};
use carrot_reward_interface::{Diagnostic, Stop};
use serde::{Deserialize, Serialize};

/// A reward program, as proposed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// Python text.
    Source {
        /// File name for messages.
        file: String,
        /// The text.
        text: String,
    },
    /// A foreign WASM module, by the SHA-256 of its bytes in the object store.
    Wasm {
        /// File name for messages.
        file: String,
        /// Hash of the bytes.
        object: String,
    },
}

/// Everything that can change the result of an evaluation; its hash is the key under which the result is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Task id and the hash of its files.
    pub task: (String, String),
    /// SHA-256 of the program's text or bytes.
    pub program: String,
    /// Resolved optimiser settings.
    pub optimizer: serde_json::Value,
    /// Episodes of the final evaluation.
    pub episodes: usize,
    /// Training seed.
    pub seed: u64,
    /// `mujoco 3.17.0`.
    pub engine: String,
    /// Carrot's version.
    pub code: String,
}

/// What became of one candidate. Exactly one case holds; there is no sentinel fitness such as -10000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The text did not compile. The diagnostics enter the next prompt as they are.
    Rejected {
        /// All findings.
        diagnostics: Vec<Diagnostic>,
    },
    /// It compiled but stopped while running.
    Stopped {
        /// Where and why.
        stop: Stop,
    },
    /// It ran to the end.
    Evaluated(Box<Evaluated>),
}

/// Result of a completed evaluation. `evaluation.fitness` comes from the task, never from the reward under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// How well the trained policy does the task.
    pub evaluation: Evaluation,
    /// Names of the program's terms.
    pub terms: Vec<String>,
    /// The training at about ten moments.
    pub checkpoints: Vec<Checkpoint>,
    /// Hash of the policy in the object store.
    pub policy: String,
    /// Environment steps spent.
    pub steps: u64,
}

/// One reward program of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Round, from 0.
    pub generation: u32,
    /// Place within the round, from 0.
    pub index: u32,
    /// Who wrote it: `evolve`, `openai:<model>`, `replay`, `file`.
    pub proposer: String,
    /// How it came about, one line (`mutated g0c3: weight of forward 1 → 2`), where the proposer says so.
    pub note: String,
    /// The program.
    pub program: Program,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is already a run of that name.
    #[error("{0} exists already; resume it, or choose another name")]
    Exists(PathBuf),
    /// There is no such run.
    #[error("{0}")]
    NotFound(String),
    /// A file or the database failed.
    #[error("{path}: {message}")]
    Storage {
        /// The file.
        path: PathBuf,
        /// The cause.
        message: String,
    },
}

/// An open run.
pub struct RunRecord {}

impl RunRecord {
    /// Makes `dir` with its config. Errors: [`RecordError::Exists`].
    pub fn create(_dir: &Path, _config: &toml::Table) -> Result<Self, RecordError> {
        todo!()
    }
    /// Opens an existing run.
    pub fn open(_dir: &Path) -> Result<Self, RecordError> {
        todo!()
    }
    /// The folder.
    pub fn dir(&self) -> &Path {
        todo!()
    }
    /// The resolved settings the run was started with.
    pub fn config(&self) -> Result<toml::Table, RecordError> {
        todo!()
    }
    /// Stores bytes under their SHA-256, which is returned. Durable when it returns; storing twice is harmless.
    pub fn put_object(&self, _bytes: &[u8]) -> Result<String, RecordError> {
        todo!()
    }
    /// Reads bytes back, checked against their hash.
    pub fn object(&self, _hash: &str) -> Result<Vec<u8>, RecordError> {
        todo!()
    }
    /// Path of an object's file.
    pub fn object_path(&self, _hash: &str) -> PathBuf {
        todo!()
    }
    /// The outcome of a job, if it was ever completed in this run.
    pub fn evaluation(&self, _job: &Job) -> Result<Option<Outcome>, RecordError> {
        todo!()
    }
    /// Keeps the outcome of a job. Keeping it twice is an error of ours and refused.
    pub fn put_evaluation(&self, _job: &Job, _outcome: &Outcome) -> Result<(), RecordError> {
        todo!()
    }
    /// Number of completed evaluations.
    pub fn evaluation_count(&self) -> Result<usize, RecordError> {
        todo!()
    }
    /// The recorded answer to a proposer's request, keyed by the request's hash and sample index.
    pub fn exchange(&self, _request_hash: &str, _sample: u32) -> Result<Option<String>, RecordError> {
        todo!()
    }
    /// Keeps an answer (JSON) with its request (JSON).
    pub fn put_exchange(
        &self,
        _request_hash: &str,
        _sample: u32,
        _request: &str,
        _response: &str,
    ) -> Result<(), RecordError> {
        todo!()
    }
    /// All exchanges in order: request hash, sample, request, response.
    pub fn exchanges(&self) -> Result<Vec<(String, u32, String, String)>, RecordError> {
        todo!()
    }
    /// Adds or replaces a candidate by (generation, index).
    pub fn put_candidate(&self, _candidate: &Candidate) -> Result<(), RecordError> {
        todo!()
    }
    /// All candidates by (generation, index).
    pub fn candidates(&self) -> Result<Vec<Candidate>, RecordError> {
        todo!()
    }
    /// Sets a named JSON fact about the run (`winner`, `finished`).
    pub fn put_fact(&self, _name: &str, _value: &serde_json::Value) -> Result<(), RecordError> {
        todo!()
    }
    /// Reads a fact.
    pub fn fact(&self, _name: &str) -> Result<Option<serde_json::Value>, RecordError> {
        todo!()
    }
}
