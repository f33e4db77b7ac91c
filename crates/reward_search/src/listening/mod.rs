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
//! that this edit becomes. Start in `Heard`; what counts as a clear preference is in [`Opinions`].

mod edits;
mod parents;
mod told;

use carrot_preference::Opinions;
use carrot_run_record::{Behaviour, Candidate, Driver, Feedback, FeedbackEntry, RecordError, RunRecord, program_name};

use crate::exchange::has_answers;

pub(crate) use edits::newest_program;
pub(crate) use parents::reordered;
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
    /// that the generation brought about. `history`: the candidates so far.
    pub(crate) fn listen(record: &RunRecord, generation: u32, history: &[Candidate]) -> Result<Self, RecordError> {
        let mut entries = record.feedback()?;
        let bound = record.begun_generations()? > generation || has_answers(record, generation)?;
        let position = match record.listened_to(generation)? {
            Some(noted) if bound => noted,
            _ => {
                let last = entries.last().map_or(0, |entry| entry.position);
                record.put_listened(generation, last)?;
                last
            }
        };
        entries.retain(|entry| entry.position <= position);
        let before = match generation.checked_sub(1) {
            Some(previous) => record.listened_to(previous)?.unwrap_or(0),
            None => 0,
        };
        Ok(Self {
            opinions: Opinions::new(history, &entries),
            entries,
            before,
        })
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
