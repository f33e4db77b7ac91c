//! What the person is making: the document with its undo list, and which of its programs are versions for the history.
//!
//! Every letter is in the document at once. A version, which the record keeps and the next generation hears of, is only what has
//! rested for a moment, was let go, or is left for something else.

use std::time::{Duration, Instant};

use carrot_run_record::{EditKind, Feedback};
use serde::{Deserialize, Serialize};

use crate::document::{Document, Undo};

/// The program is a version for the history once nothing was typed for so long.
const SETTLED: Duration = Duration::from_millis(1_200);

/// How long the difference between two versions is looked for; after that it is correct, but not the shortest.
const LIMIT: Duration = Duration::from_millis(2);

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unsettled {
    /// How it was made.
    pub how: EditKind,
    /// What was done, in a word or two; empty: what differs is said by its lines.
    pub summary: String,
    /// The newest version that the history has.
    pub before: String,
}

/// A version that rests before it goes to the history.
struct Resting {
    how: EditKind,
    summary: String,
    since: Instant,
}

/// The document and what it was.
pub struct Draft {
    /// What the person edits. Whoever changes it notes that in the same frame.
    pub document: Document,
    undo: Undo,
    resting: Option<Resting>,
    /// The text of the newest version.
    settled: String,
    revision: u64,
}

impl Draft {
    /// Begins with `document`, whose program is no new version.
    pub fn new(document: Document) -> Self {
        Self {
            undo: Undo::new(&document),
            resting: None,
            settled: document.program.clone(),
            document,
            revision: 0,
        }
    }

    /// Goes on where another studio ended.
    pub fn resumed(document: Document, unsettled: Option<Unsettled>, now: Instant) -> Self {
        let mut draft = Self::new(document);
        if let Some(Unsettled { how, summary, before }) = unsettled {
            draft.settled = before;
            draft.rest(how, summary, now);
        }
        draft
    }

    /// The program as it is, if the history does not have it yet, for the next studio to go on with.
    pub fn unsettled(&self) -> Option<Unsettled> {
        self.resting.as_ref().map(|resting| Unsettled {
            how: resting.how,
            summary: resting.summary.clone(),
            before: self.settled.clone(),
        })
    }

    /// Rises whenever there is something new to keep.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn rest(&mut self, how: EditKind, summary: String, since: Instant) {
        self.revision += 1;
        self.resting = Some(Resting { how, summary, since });
    }

    /// Fills an empty editor with the reward of a task: nobody has done anything that could be taken back.
    pub fn fill(&mut self, program: &str) {
        self.document.program = program.to_owned();
        self.undo = Undo::new(&self.document);
        self.settled = program.to_owned();
        self.revision += 1;
    }

    /// Notes what became of the document, if it has changed.
    pub fn note(&mut self, change: &Change, now: Instant) {
        if !self.undo.note(&self.document, &change.name, now) {
            return;
        }
        self.revision += 1;
        if let Some(how) = change.how
            && self.document.program != self.settled
        {
            self.rest(how, String::new(), now);
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
        self.rest(how, summary, now);
        self.settle_now()
    }

    /// The program as a version, if it has rested.
    pub fn settle(&mut self, now: Instant) -> Option<Feedback> {
        let rested = |resting: &mut Resting| now.duration_since(resting.since) >= SETTLED;
        let resting = self.resting.take_if(rested)?;
        self.finish(resting)
    }

    /// The program as a version, rested or not.
    pub fn settle_now(&mut self) -> Option<Feedback> {
        let resting = self.resting.take()?;
        self.finish(resting)
    }

    fn finish(&mut self, Resting { how, summary, .. }: Resting) -> Option<Feedback> {
        self.revision += 1;
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
        self.revision += 1;
        if before != self.document.program {
            self.rest(EditKind::Undo, words.clone(), now);
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
    let difference = similar::TextDiff::configure().timeout(LIMIT).diff_lines(before, after);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(program: &str) -> Draft {
        Draft::new(Document {
            program: program.into(),
            ..Document::default()
        })
    }

    fn summary(version: Option<Feedback>) -> Option<(String, EditKind, String)> {
        match version? {
            Feedback::Edit { text, how, summary } => Some((text, how, summary)),
            other => panic!("{other:?} is no version"),
        }
    }

    #[test]
    fn a_version_is_what_has_rested() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut draft = draft("a\n");
        for (time, text) in [(0, "a\nb"), (1_000, "a\nbc"), (2_000, "a\nbcd")] {
            draft.document.program = text.into();
            draft.note(&Change::of_program("typing", EditKind::Typed), at(time));
            assert_eq!(draft.settle(at(time + 900)), None, "something follows");
        }
        let expected = Some(("a\nbcd".into(), EditKind::Typed, "bcd".into()));
        assert_eq!(summary(draft.settle(at(3_200))), expected);
        assert_eq!((draft.settle(at(9_000)), draft.settle_now()), (None, None), "once");
        draft.document.comment.push('!');
        draft.note(&Change::new("comment"), at(9_100));
        assert_eq!(draft.settle(at(19_000)), None, "a comment makes no version");
    }

    /// What a studio leaves when it is killed, the next one says.
    #[test]
    fn a_version_that_had_not_rested_comes_back() {
        let now = Instant::now();
        let mut killed = draft("a\n");
        killed.document.program = "a\nb\n".into();
        killed.note(&Change::of_program("turn a", EditKind::Slider), now);
        let mut next = Draft::resumed(killed.document.clone(), killed.unsettled(), now);
        assert_eq!(next.document, killed.document);
        assert_eq!(next.settle(now), None);
        let version = summary(next.settle(now + SETTLED));
        assert_eq!(version, Some(("a\nb\n".into(), EditKind::Slider, "b".into())));
        let mut whole = Draft::resumed(next.document.clone(), next.unsettled(), now);
        assert_eq!(whole.settle_now(), None, "nothing is said twice");
    }

    #[test]
    fn another_program_leaves_a_version_of_what_was_there() {
        let now = Instant::now();
        let mut draft = draft("a\n");
        draft.document.program = "b\n".into();
        draft.note(&Change::of_program("typing", EditKind::Typed), now);
        let versions = draft.load("c\n".into(), "g0c1", now);
        let versions: Vec<_> = versions
            .into_iter()
            .map(|version| summary(Some(version)).unwrap())
            .collect();
        let expected = [
            ("b\n".to_owned(), EditKind::Typed, "b".to_owned()),
            ("c\n".to_owned(), EditKind::Opened, "g0c1".to_owned()),
        ];
        assert_eq!(versions, expected);
        assert_eq!(draft.undo(now).as_deref(), Some("undone: load g0c1"));
        assert_eq!(draft.document.program, "b\n");
        let undone = summary(draft.settle_now()).unwrap();
        assert_eq!(undone, ("b\n".into(), EditKind::Undo, "undone: load g0c1".into()));
    }

    #[test]
    fn whatever_there_is_to_keep_raises_the_revision() {
        let now = Instant::now();
        let mut draft = draft("a\n");
        let mut last = draft.revision();
        let mut raised = |draft: &Draft| draft.revision() > std::mem::replace(&mut last, draft.revision());
        draft.note(&Change::new("change"), now);
        assert!(!raised(&draft), "nothing has changed");
        draft.document.comment.push('a');
        draft.note(&Change::new("comment"), now);
        assert!(raised(&draft));
        draft.document.program.push('b');
        draft.note(&Change::of_program("typing", EditKind::Typed), now);
        assert!(raised(&draft));
        draft.settle_now();
        assert!(raised(&draft), "the history has it now");
        draft.undo(now);
        assert!(raised(&draft));
        draft.redo(now);
        assert!(raised(&draft));
        draft.load("c\n".into(), "c", now);
        assert!(raised(&draft));
    }
}
