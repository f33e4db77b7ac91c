//! The durable record of a run, and of a training that is not finished.
//!
//! A completed evaluation is worth minutes, a completed exchange is worth money: each is written once, keyed by
//! everything that can change it, before anyone acts on it. A process may be killed at any instant; what a method of this
//! crate has returned from is there afterwards.
//!
//! ```text
//! runs/<name>/config.toml    the resolved settings
//!             run.sqlite     candidates, evaluations, prompts, exchanges, feedback, facts (WAL, synchronous = FULL)
//!             objects/       content-addressed programs, policies, pictures: objects/ab/cdef…
//!             lock           held by the one process that writes
//! ```
//!
//! A folder of that name appears complete or not at all: it is made beside its place and then renamed. One process
//! writes a run; any number may meanwhile read it and add what people say.
//!
//! Start in [`RunRecord`]; [`Job`] says what a result is keyed by, and [`list`] what is in a folder of runs. A training outside
//! a run that is not finished is a [`SavedTraining`]. What people say is [`Feedback`].

mod candidate;
mod database;
mod durable;
mod error;
mod feedback;
mod job;
mod listened;
mod listing;
mod live;
mod objects;
mod prompt;
mod record;
mod saved_training;

pub use candidate::{Candidate, Evaluated, Outcome, Program, candidate_name, edit_name, program_name, text_hash};
pub use error::RecordError;
pub use feedback::{Behaviour, COMMENT_LIMIT, Driver, EditKind, Feedback, FeedbackEntry, PROGRAM_LIMIT, Verdict};
pub use job::Job;
pub use listing::{RunSummary, Runs, list};
pub use live::{InTraining, RunState, SearchProgress};
pub use prompt::Prompt;
pub use record::{Extent, RunRecord};
pub use saved_training::SavedTraining;
