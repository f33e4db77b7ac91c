//! Who writes reward programs.

use std::sync::atomic::AtomicBool;

use carrot_preference::Opinions;
use carrot_reward_interface::{Diagnostic, Schema};
use carrot_run_record::{Candidate, RecordError, RunRecord};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::prompt::Message;

/// What a proposer is asked for.
#[derive(Clone, Copy, PartialEq)]
pub enum Purpose<'a> {
    /// New programs.
    Generate {
        /// How many.
        count: u32,
    },
    /// One program that does what this one meant to do, without its findings.
    Repair {
        /// The refused or stopped candidate.
        of: &'a Candidate,
    },
}

/// One question to a proposer. The answer may depend on nothing else, so that a resumed search takes the same course.
pub struct Request<'a> {
    /// Round, from 0.
    pub generation: u32,
    /// What is wanted.
    pub purpose: Purpose<'a>,
    /// The conversation for a language model.
    pub messages: Vec<Message>,
    /// What the robot should do.
    pub instruction: &'a str,
    /// What programs may read.
    pub schema: &'a Schema,
    /// All candidates that have an outcome, by (generation, index).
    pub history: &'a [Candidate],
    /// The candidate that people clearly prefer to the fittest one, where there is one.
    pub preferred: Option<&'a Candidate>,
    /// What people think of the programs.
    pub opinions: &'a Opinions,
    /// Seed of the search.
    pub seed: u64,
    /// Where exchanges are kept.
    pub record: &'a RunRecord,
    /// Told about waiting.
    pub observer: &'a (dyn Fn(&Event) + Sync),
    /// Set when the user wants to stop.
    pub interrupted: &'a AtomicBool,
}

/// One program, or an answer without one.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The program; the whole answer where no program could be found in it.
    pub text: String,
    /// How it came about, one line; may be empty.
    pub note: String,
    /// Findings that refuse it before it is compiled.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a proposer has cost so far, over all sessions of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Answered requests.
    pub requests: u64,
    /// Tokens read by the model.
    pub prompt_tokens: u64,
    /// Tokens written by the model.
    pub completion_tokens: u64,
    /// Their price, where prices are known.
    pub cost: Option<f64>,
}

/// Why no program could be had.
#[derive(Debug, thiserror::Error)]
pub enum ProposerError {
    /// The settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The server could not be reached, or did not answer as it should, after all retries.
    #[error("{0}")]
    Server(String),
    /// A budget is used up; what was found so far stands.
    #[error("{0}")]
    Budget(String),
    /// A recorded answer is missing.
    #[error("{0}")]
    Replay(String),
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
    /// The record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Writes reward programs: a language model, its recording, or mutation and crossover.
pub trait Proposer {
    /// Who it is, for reports: `evolve`, `random`, `openai:<model>`, `replay`.
    fn name(&self) -> String;

    /// Up to as many programs as asked for. None at all in answer to a repair means that this proposer does not repair.
    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError>;

    /// What the run has cost, for proposers that cost something.
    fn ledger(&self, _record: &RunRecord) -> Result<Option<Ledger>, ProposerError> {
        Ok(None)
    }
}
