//! Reward programs and what became of them: the values that a record keeps.

use carrot_environment::{Checkpoint, Evaluation};
use carrot_reward_interface::{Diagnostic, Stop};
use serde::{Deserialize, Serialize};

use crate::objects::sha256_hex;

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

impl Program {
    /// SHA-256 of the text or of the module's bytes, as hex: by this people's words and results find the program.
    pub fn hash(&self) -> String {
        match self {
            Self::Source { text, .. } => text_hash(text),
            Self::Wasm { object, .. } => object.clone(),
        }
    }
}

/// SHA-256 of a program's text, as hex.
pub fn text_hash(text: &str) -> String {
    sha256_hex(text.as_bytes())
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
    /// Who wrote it: `evolve`, `openai:<model>`, `replay`, `file` (included by the user), `human` (edited meanwhile).
    pub proposer: String,
    /// How it came about, one line (`mutated g0c3: weight of forward 1 → 2`), where the proposer says so.
    pub note: String,
    /// The program.
    pub program: Program,
    /// What became of it.
    pub outcome: Outcome,
}

/// How people, prompts and files call the candidate of a generation at a place within it: `g1c3`.
pub fn candidate_name(generation: u32, index: u32) -> String {
    format!("g{generation}c{index}")
}

/// How people and prompts call a program: by the first candidate with this text (`g0c1`), else by the beginning of its hash.
pub fn program_name(hash: &str, candidates: &[Candidate]) -> String {
    match candidates.iter().find(|candidate| candidate.program.hash() == hash) {
        Some(candidate) => candidate.name(),
        None => edit_name(hash),
    }
}

/// How people and prompts call a program that is no candidate: `edit 3f2a91c0`.
pub fn edit_name(hash: &str) -> String {
    format!("edit {}", hash.get(..8).unwrap_or(hash))
}

impl Candidate {
    /// Generation and index.
    pub fn id(&self) -> (u32, u32) {
        (self.generation, self.index)
    }

    /// `g1c3`.
    pub fn name(&self) -> String {
        candidate_name(self.generation, self.index)
    }

    /// The task's fitness, for a candidate that was evaluated to the end.
    pub fn fitness(&self) -> Option<f64> {
        match &self.outcome {
            Outcome::Evaluated(evaluated) => Some(evaluated.evaluation.fitness),
            Outcome::Rejected { .. } | Outcome::Stopped { .. } => None,
        }
    }
}
