//! What the person is making: the document with its undo list, and which of its programs are versions for the history.
//!
//! Every letter is in the document at once. A version, which the record keeps and the next generation hears of, is only what has
//! rested for a moment, was let go, or is left for something else.

use std::time::{Duration, Instant};

use carrot_run_record::{EditKind, Feedback};

use crate::document::{Document, Undo};

/// The program is a version for the history once nothing was typed for so long.
const SETTLED: Duration = Duration::from_millis(1_200);

/// What was done to the document in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the undo list calls it.
    pub name: String,
    /// How the program came about, where it is a new version once nothing follows for a while.
    pub how: Option<EditKind>,
}

impl Change {
    /// A change that makes no version of the program.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            how: None,
        }
    }

    /// A change of the program.
    pub fn of_program(name: impl Into<String>, how: EditKind) -> Self {
        Self {
            name: name.into(),
            how: Some(how),
        }
    }
}

/// A version that the history does not have yet.
#[derive(Debug, Clone)]
struct Unsettled {
    how: EditKind,
    /// Empty: what differs is said by its lines.
    summary: String,
    since: Instant,
}

/// The document and what it was.
pub struct Draft {
    /// What the person edits. Whoever changes it notes that in the same frame.
    pub document: Document,
    undo: Undo,
    unsettled: Option<Unsettled>,
    /// The text of the newest version.
    settled: String,
}

impl Draft {
    /// Begins with `document`, whose program is no new version.
    pub fn new(document: Document) -> Self {
        Self {
            undo: Undo::new(&document),
            unsettled: None,
            settled: document.program.clone(),
            document,
        }
    }

    /// Fills an empty editor with the reward of a task: nobody has done anything that could be taken back.
    pub fn fill(&mut self, program: &str) {
        self.document.program = program.to_owned();
        self.undo = Undo::new(&self.document);
        self.settled = program.to_owned();
    }

    /// Notes what became of the document, if it has changed.
    pub fn note(&mut self, change: &Change, now: Instant) {
        if !self.undo.note(&self.document, &change.name, now) {
            return;
        }
        if let Some(how) = change.how
            && self.document.program != self.settled
        {
            self.unsettled = Some(Unsettled {
                how,
                summary: String::new(),
                since: now,
            });
        }
    }

    /// Notes a change as a step of its own, however soon it comes after another.
    pub fn note_apart(&mut self, change: &Change, now: Instant) {
        self.undo.settle();
        self.note(change, now);
    }

    /// Puts another program in place of this one; `from` says where it came from. Gives the versions that this makes: what was
    /// there, had it not rested yet, and the new one.
    pub fn load(&mut self, text: String, from: &str, now: Instant) -> Vec<Feedback> {
        let left = self.settle_now();
        self.document.program = text;
        self.note_apart(&Change::new(format!("load {from}")), now);
        let loaded = self.version(EditKind::Opened, from.to_owned(), now);
        left.into_iter().chain(loaded).collect()
    }

    /// The program as it is, as a version made in this way, if it is a new one.
    pub fn version(&mut self, how: EditKind, summary: String, now: Instant) -> Option<Feedback> {
        if self.document.program == self.settled {
            return None;
        }
        self.unsettled = Some(Unsettled {
            how,
            summary,
            since: now,
        });
        self.settle_now()
    }

    /// The program as a version, if it has rested.
    pub fn settle(&mut self, now: Instant) -> Option<Feedback> {
        let rested = |unsettled: &mut Unsettled| now.duration_since(unsettled.since) >= SETTLED;
        let unsettled = self.unsettled.take_if(rested)?;
        self.finish(unsettled)
    }

    /// The program as a version, rested or not.
    pub fn settle_now(&mut self) -> Option<Feedback> {
        let unsettled = self.unsettled.take()?;
        self.finish(unsettled)
    }

    fn finish(&mut self, Unsettled { how, summary, .. }: Unsettled) -> Option<Feedback> {
        if self.document.program == self.settled {
            return None;
        }
        let summary = match summary.is_empty() {
            true => changed_lines(&self.settled, &self.document.program),
            false => summary,
        };
        self.settled.clone_from(&self.document.program);
        Some(Feedback::Edit {
            text: self.document.program.clone(),
            how,
            summary,
        })
    }

    /// Takes the last change back. Gives what was done, in words.
    pub fn undo(&mut self, now: Instant) -> Option<String> {
        self.go("undone", now, Undo::undo)
    }

    /// Makes the change again that was taken back last. Gives what was done, in words.
    pub fn redo(&mut self, now: Instant) -> Option<String> {
        self.go("done again", now, Undo::redo)
    }

    fn go(
        &mut self,
        word: &str,
        now: Instant,
        to: impl Fn(&mut Undo, &mut Document) -> Option<String>,
    ) -> Option<String> {
        let before = self.document.program.clone();
        let change = to(&mut self.undo, &mut self.document)?;
        let words = format!("{word}: {change}");
        if before != self.document.program {
            self.unsettled = Some(Unsettled {
                how: EditKind::Undo,
                summary: words.clone(),
                since: now,
            });
        }
        Some(words)
    }

    /// There is something to take back.
    pub fn is_undoable(&self) -> bool {
        self.undo.undoable().is_some()
    }

    /// There is something to make again.
    pub fn is_redoable(&self) -> bool {
        self.undo.redoable().is_some()
    }
}

/// In a few words what differs between two programs.
fn changed_lines(before: &str, after: &str) -> String {
    let difference = similar::TextDiff::from_lines(before, after);
    let mut changed: Vec<&str> = Vec::new();
    let (mut added, mut removed) = (0, 0);
    for change in difference.iter_all_changes() {
        match change.tag() {
            similar::ChangeTag::Insert => {
                added += 1;
                changed.push(change.value().trim());
            }
            similar::ChangeTag::Delete => removed += 1,
            similar::ChangeTag::Equal => {}
        }
    }
    match changed[..] {
        [line] => line.chars().take(80).collect(),
        _ => format!("{added} lines added, {removed} removed"),
    }
}
