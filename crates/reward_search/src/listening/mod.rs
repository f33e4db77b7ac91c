//! What people said, and how a search follows it.
//!
//! A person may speak at any moment, also while a generation is being trained. So each generation notes, before anything
//! else, up to which position of the record's feedback it listens. From the first answer or result of the generation on, a
//! search that runs again keeps to that position, and its course stays a pure function of the record, whatever is said later.
//!
//! ```text
//! feedback up to the noted position ──▶ Heard ─┬─ told ────▶ text for the prompt
//!                                              ├─ opinions ▶ the program to build on; the parents of `evolve`
//!                                              └─ edits ───▶ a candidate of the proposer `human`
//! ```
//!
//! Programs are known by the SHA-256 of their text, so that a word about a plan of one's own edit counts for the candidate
//! that this edit becomes. Start in `Heard`; what counts as a clear preference, and how words move parents, is in
//! [`Opinions`].

mod edits;
mod opinions;
mod told;

use carrot_run_record::{Behaviour, Candidate, Driver, Feedback, FeedbackEntry, RecordError, RunRecord};
use serde_json::{Value, json};

use crate::exchange::has_answers;
use crate::search::label;

pub(crate) use edits::newest_program;
pub use opinions::Opinions;
pub(crate) use told::{Setting, told};

/// What people have said when a generation begins.
pub(crate) struct Heard {
    /// Everything, in order.
    pub entries: Vec<FeedbackEntry>,
    /// What is after this position was said since the generation before.
    pub before: i64,
    /// What it says about programs.
    pub opinions: Opinions,
}

impl Heard {
    /// What was said when `generation` began. The first call notes it, and later ones repeat it once the record holds anything
    /// that the generation brought about. `fittest` takes part in the ranking whether or not people saw it.
    pub(crate) fn listen(
        record: &RunRecord,
        generation: u32,
        fittest: Option<&Candidate>,
    ) -> Result<Self, RecordError> {
        let mut entries = record.feedback()?;
        let bound = record.begun_generations()? > generation || has_answers(record, generation)?;
        let position = match listened_to(record, generation)? {
            Some(noted) if bound => noted,
            _ => {
                let last = entries.last().map_or(0, |entry| entry.position);
                record.put_fact(&fact(generation), &json!({ "position": last }))?;
                last
            }
        };
        entries.retain(|entry| entry.position <= position);
        let before = match generation.checked_sub(1) {
            Some(previous) => listened_to(record, previous)?.unwrap_or(0),
            None => 0,
        };
        Ok(Self {
            opinions: Opinions::new(&entries, fittest.map(|candidate| candidate.program.hash())),
            entries,
            before,
        })
    }
}

/// Position of the last feedback that a generation listened to; absent where the generation has not begun.
///
/// Errors: the note cannot be read.
pub fn listened_to(record: &RunRecord, generation: u32) -> Result<Option<i64>, RecordError> {
    let name = fact(generation);
    let Some(noted) = record.fact(&name)? else {
        return Ok(None);
    };
    match noted.get("position").and_then(Value::as_i64) {
        Some(position) => Ok(Some(position)),
        None => Err(RecordError::Storage {
            path: record.dir().to_owned(),
            message: format!("fact {name} is damaged: it holds no position"),
        }),
    }
}

/// `listened_g1`.
fn fact(generation: u32) -> String {
    format!("listened_g{generation}")
}

/// How people and prompts call a program: `g0c1` for the first candidate with this text, else by the beginning of its hash.
pub fn program_name(hash: &str, candidates: &[Candidate]) -> String {
    match candidates.iter().find(|candidate| candidate.program.hash() == hash) {
        Some(candidate) => label(candidate),
        None => format!("edit {}", hash.get(..8).unwrap_or(hash)),
    }
}

/// What was shown, in words: `g0c1 (trained policy, seed 3)`.
pub fn behaviour_name(behaviour: &Behaviour, candidates: &[Candidate]) -> String {
    let driver = match behaviour.driver {
        Driver::Policy => "trained policy",
        Driver::Plan => "planned",
    };
    let name = program_name(&behaviour.program, candidates);
    format!("{name} ({driver}, seed {})", behaviour.seed)
}

/// The behaviours that something is about.
fn about(feedback: &Feedback) -> Vec<&Behaviour> {
    match feedback {
        Feedback::Preference { a, b, .. } => vec![a, b],
        Feedback::Rating { of, .. } => vec![of],
        Feedback::Comment { of, .. } => of.iter().collect(),
        Feedback::Edit { .. } => Vec::new(),
    }
}
