//! What people say about behaviours and programs, kept as they said it.
//!
//! A word may fall while a search, another process, writes the same run; so these rows alone are written without the run's
//! lock ([`RunRecord::open_for_feedback`]). They are only ever added, and their positions rise in the order in which they
//! became durable: who has read up to a position has read all there is below it, and a search can note how far it listened.

use serde::{Deserialize, Serialize};

use crate::database::now_unix_secs;
use crate::{RecordError, RunRecord};

/// Longest comment, in characters.
pub const COMMENT_LIMIT: usize = 10_000;

/// Longest program, in bytes: what the compiler takes, and as much again for one that is still being worked on.
pub const PROGRAM_LIMIT: usize = 64 << 10;

/// Longest summary of an edit, in characters.
const SUMMARY_LIMIT: usize = 2_000;

/// Longest name of something that was said, in characters.
const ID_LIMIT: usize = 128;

/// One thing that a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Feedback {
    /// One of two behaviours was chosen.
    Preference {
        /// Shown as the first.
        a: Behaviour,
        /// Shown as the second.
        b: Behaviour,
        /// What the person chose.
        verdict: Verdict,
    },
    /// A behaviour was called good or bad.
    Rating {
        /// The behaviour.
        of: Behaviour,
        /// Good, or else bad.
        good: bool,
    },
    /// Words.
    Comment {
        /// The behaviour; absent for words about the task as a whole.
        of: Option<Behaviour>,
        /// The control step of the behaviour that is meant; absent for all of it.
        step: Option<u64>,
        /// The words.
        text: String,
    },
    /// A settled version of the program in an editor.
    Edit {
        /// The whole program.
        text: String,
        /// How it came about.
        how: EditKind,
        /// One line for people (`upright 1.0 → 2.5`); may be empty.
        summary: String,
    },
}

/// What was chosen between two behaviours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first.
    A,
    /// The second.
    B,
    /// Both are equally good.
    Tie,
    /// They cannot be compared.
    CannotTell,
}

/// How a version of a program came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditKind {
    /// Written.
    Typed,
    /// A constant was dragged.
    Slider,
    /// A diagnostic's repair was taken.
    QuickFix,
    /// The formatter ran.
    Format,
    /// The program was opened: what later edits start from, and no wish of its own.
    Opened,
    /// An edit was taken back, or made again.
    Undo,
}

/// What a person saw: a program, what acted for it, and the random start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Behaviour {
    /// SHA-256 of the program's text, as hex.
    pub program: String,
    /// Generation and index, where the program was shown as a candidate of the run.
    pub candidate: Option<(u32, u32)>,
    /// What acted.
    pub driver: Driver,
    /// Seed of the rollout.
    pub seed: u64,
}

/// What moves the robot in a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// A trained policy.
    Policy,
    /// A planner.
    Plan,
}

/// One thing that a person said, with its place in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackEntry {
    /// Rises with every entry, from 1.
    pub position: i64,
    /// The name under which it was given.
    pub id: String,
    /// When, in seconds since 1970.
    pub written_unix_secs: i64,
    /// What was said.
    pub feedback: Feedback,
}

impl Feedback {
    /// Refuses what says nothing, or more than a record should hold. Errors: one sentence.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Preference { a, b, .. } if a == b => {
                Err("a preference is between two behaviours, and these are one and the same".into())
            }
            Self::Preference { a, b, .. } => a.check().and_then(|()| b.check()),
            Self::Rating { of, .. } => of.check(),
            Self::Comment { of, step, text } => check_comment(of.as_ref(), *step, text),
            Self::Edit { text, summary, .. } => {
                within("a program", text.len(), PROGRAM_LIMIT, "bytes")?;
                within(
                    "the summary of an edit",
                    summary.chars().count(),
                    SUMMARY_LIMIT,
                    "characters",
                )
            }
        }
    }
}

impl Behaviour {
    fn check(&self) -> Result<(), String> {
        match self.program.len() == 64 && self.program.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(()),
            false => Err(format!(
                "`{}` names no program: a behaviour holds the SHA-256 of its program's text, 64 hexadecimal digits",
                self.program
            )),
        }
    }
}

impl RunRecord {
    /// Keeps something that was said under a name of the caller's choice. Durable when it returns. Giving it again under the
    /// same name is harmless and answered with `false`, so that a caller that was killed meanwhile simply repeats itself.
    ///
    /// Errors: [`RecordError::Refused`] for what says nothing or too much; [`RecordError::Duplicate`] where the name belongs
    /// to something else.
    pub fn put_feedback(&self, id: &str, feedback: &Feedback) -> Result<bool, RecordError> {
        self.check_feedback_allowed()?;
        let length = id.chars().count();
        let named = match length {
            0 => Err("something that was said needs a name, so that it is kept once".into()),
            length => within("the name of something that was said", length, ID_LIMIT, "characters"),
        };
        named.and_then(|()| feedback.check()).map_err(RecordError::Refused)?;
        let what = format!("feedback {id}");
        let text = self.database().encode(&what, feedback)?;
        let known: Option<String> = self.database().with(|connection| {
            let inserted = connection
                .prepare_cached(
                    "INSERT INTO feedback (id, feedback, written_unix_secs) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                )?
                .execute((id, &text, now_unix_secs()))?;
            match inserted {
                0 => connection
                    .prepare_cached("SELECT feedback FROM feedback WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .map(Some),
                _ => Ok(None),
            }
        })?;
        match known {
            None => Ok(true),
            Some(known) if known == text => Ok(false),
            Some(_) => Err(RecordError::Duplicate {
                path: self.database().path().to_owned(),
                what: format!("{what}, with other content,"),
            }),
        }
    }

    /// All that was said, in order.
    pub fn feedback(&self) -> Result<Vec<FeedbackEntry>, RecordError> {
        self.feedback_after(0)
    }

    /// What was said after `position`, in order. A run of a Carrot that did not listen yet has nothing.
    pub fn feedback_after(&self, position: i64) -> Result<Vec<FeedbackEntry>, RecordError> {
        if !self.database().has_feedback()? {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, String, String, i64)> = self.database().with(|connection| {
            connection
                .prepare_cached(
                    "SELECT position, id, feedback, written_unix_secs FROM feedback WHERE position > ?1 ORDER BY position",
                )?
                .query_map([position], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect()
        })?;
        rows.into_iter()
            .map(|(position, id, text, written_unix_secs)| {
                Ok(FeedbackEntry {
                    feedback: self.database().decode(&format!("feedback {position}"), &text)?,
                    position,
                    id,
                    written_unix_secs,
                })
            })
            .collect()
    }
}

fn check_comment(of: Option<&Behaviour>, step: Option<u64>, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("a comment without words says nothing".into());
    }
    within("a comment", text.chars().count(), COMMENT_LIMIT, "characters")?;
    match (of, step) {
        (None, Some(step)) => Err(format!(
            "a comment on step {step} needs the behaviour that the step belongs to"
        )),
        (of, _) => of.map_or(Ok(()), Behaviour::check),
    }
}

fn within(what: &str, length: usize, limit: usize, unit: &str) -> Result<(), String> {
    match length <= limit {
        true => Ok(()),
        false => Err(format!("{what} holds at most {limit} {unit}; this one has {length}")),
    }
}
