//! What the person edits, as one value: it can be compared, hashed, undone, and written down.
//!
//! Everything that a person types or drags ends up here and nowhere else, so that one undo stack covers every editor and one file
//! keeps all of it when the program is killed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::Engine;
use carrot_run_record::text_hash;
use serde::{Deserialize, Serialize};

/// What the person edits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The reward program.
    pub program: String,
    /// What is being written about a behaviour or the whole, not yet given.
    pub comment: String,
    /// The comment is about the task as a whole, not about the behaviour on the stage.
    pub comment_on_task: bool,
    /// Settings of the next search.
    pub search: SearchSettings,
}

/// Settings of a search, in the keys of a run's `config.toml`; what is left out there takes the search's own defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchSettings {
    /// Who writes programs: `evolve`, `random` or `openai`.
    pub proposer: String,
    /// Model name (`openai`).
    pub model: String,
    /// Server address (`openai`).
    pub base_url: String,
    /// Most requests to the server in all (`openai`).
    pub max_requests: u64,
    /// Rounds.
    pub generations: u32,
    /// Programs per round.
    pub candidates: u32,
    /// Environment steps for each program.
    pub steps: u64,
    /// Seed of every random number.
    pub seed: u64,
    /// Stop after each round, so that the person can look and say something before the next.
    pub ask_me: bool,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            proposer: "evolve".into(),
            model: "gpt-4.1".into(),
            base_url: "https://api.openai.com/v1".into(),
            max_requests: 40,
            generations: 3,
            candidates: 4,
            steps: 50_000,
            seed: 0,
            ask_me: true,
        }
    }
}

impl SearchSettings {
    /// The `config.toml` of a run for `task` on `engine`.
    pub fn config(&self, task: &str, engine: Engine) -> toml::Table {
        let mut config = toml::Table::new();
        let mut put = |key: &str, value: toml::Value| {
            config.insert(key.into(), value);
        };
        put("task", task.into());
        put("engine", engine.to_string().into());
        put("proposer", self.proposer.clone().into());
        put("generations", i64::from(self.generations).into());
        put("candidates", i64::from(self.candidates).into());
        put("steps", i64::try_from(self.steps).unwrap_or(i64::MAX).into());
        put("seed", i64::try_from(self.seed).unwrap_or(i64::MAX).into());
        // The person is at hand: no further seeds and no final training that nobody asked for.
        put("finalists", 1.into());
        put("finalist_seeds", 0.into());
        put("final_seeds", 0.into());
        if self.proposer == "openai" {
            put("model", self.model.clone().into());
            put("base_url", self.base_url.clone().into());
            put(
                "max_requests",
                i64::try_from(self.max_requests).unwrap_or(i64::MAX).into(),
            );
        }
        config
    }
}

impl Document {
    /// SHA-256 of the whole document, as hex: equal for equal documents and no others.
    pub fn hash(&self) -> String {
        text_hash(&serde_json::to_string(self).expect("a document is plain data"))
    }
}

/// Versions of the document, to go back and forth between.
///
/// Changes of one kind that follow each other quickly are one step back: a word typed, a slider dragged.
pub struct Undo {
    past: VecDeque<Version>,
    future: Vec<Version>,
    /// The document as of the last change that was noted.
    present: Arc<Document>,
    last: Option<(String, Instant)>,
}

/// A document and what was done to it next.
struct Version {
    document: Arc<Document>,
    change: String,
}

/// Changes of one kind within this time are one step.
const ONE_STEP: Duration = Duration::from_millis(800);

/// Versions that are kept.
const MOST: usize = 500;

impl Undo {
    /// Nothing to go back to.
    pub fn new(document: &Document) -> Self {
        Self {
            past: VecDeque::new(),
            future: Vec::new(),
            present: Arc::new(document.clone()),
            last: None,
        }
    }

    /// Notes what the document has become, if it has changed. `change` says in a word or two what was done. True if it changed.
    pub fn note(&mut self, document: &Document, change: &str, now: Instant) -> bool {
        if *self.present == *document {
            return false;
        }
        let before = std::mem::replace(&mut self.present, Arc::new(document.clone()));
        let continues = self
            .last
            .as_ref()
            .is_some_and(|(kind, at)| kind == change && now.duration_since(*at) < ONE_STEP);
        if !continues || self.past.is_empty() {
            self.past.push_back(Version {
                document: before,
                change: change.into(),
            });
            if self.past.len() > MOST {
                self.past.pop_front();
            }
        }
        self.future.clear();
        self.last = Some((change.into(), now));
        true
    }

    /// The next change is a step of its own, however soon it comes.
    pub fn settle(&mut self) {
        self.last = None;
    }

    /// Takes the last change back. Gives what it was.
    pub fn undo(&mut self, document: &mut Document) -> Option<String> {
        let version = self.past.pop_back()?;
        Some(self.exchange(document, version, true))
    }

    /// Makes the change again that was taken back last. Gives what it was.
    pub fn redo(&mut self, document: &mut Document) -> Option<String> {
        let version = self.future.pop()?;
        Some(self.exchange(document, version, false))
    }

    /// What [`Undo::undo`] would take back.
    pub fn undoable(&self) -> Option<&str> {
        self.past.back().map(|version| version.change.as_str())
    }

    /// What [`Undo::redo`] would make again.
    pub fn redoable(&self) -> Option<&str> {
        self.future.last().map(|version| version.change.as_str())
    }

    fn exchange(&mut self, document: &mut Document, version: Version, back: bool) -> String {
        let Version {
            document: other,
            change,
        } = version;
        let left = Version {
            document: std::mem::replace(&mut self.present, Arc::clone(&other)),
            change: change.clone(),
        };
        if back {
            self.future.push(left);
        } else {
            self.past.push_back(left);
        }
        *document = (*other).clone();
        self.last = None;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_back_restores_the_hash() {
        let mut document = Document::default();
        let mut undo = Undo::new(&document);
        let mut hashes = vec![document.hash()];
        let start = Instant::now();
        for step in 0..20_u32 {
            match step % 3 {
                0 => document.program.push_str("x = 1\n"),
                1 => document.comment.push('é'),
                _ => document.search.candidates += 1,
            }
            assert!(undo.note(&document, "edit", start + Duration::from_secs(u64::from(step))));
            hashes.push(document.hash());
        }
        for hash in hashes.iter().rev().skip(1) {
            assert_eq!(undo.undo(&mut document).as_deref(), Some("edit"));
            assert_eq!(document.hash(), *hash);
        }
        assert_eq!(undo.undo(&mut document), None);
        for hash in &hashes[1..] {
            undo.redo(&mut document).unwrap();
            assert_eq!(document.hash(), *hash);
        }
        assert_eq!(undo.redo(&mut document), None);
    }

    #[test]
    fn what_is_typed_quickly_is_one_step_and_a_new_change_forgets_the_future() {
        let mut document = Document::default();
        let mut undo = Undo::new(&document);
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        for (time, letter) in [(0, 'a'), (100, 'b'), (200, 'c'), (2_000, 'd')] {
            document.program.push(letter);
            undo.note(&document, "typing", at(time));
        }
        assert!(!undo.note(&document, "typing", at(2_100)), "nothing has changed");
        undo.undo(&mut document);
        assert_eq!(document.program, "abc");
        undo.undo(&mut document);
        assert_eq!(document.program, "");
        undo.redo(&mut document);
        document.comment.push('!');
        undo.note(&document, "comment", at(2_200));
        assert_eq!((undo.redoable(), undo.undoable()), (None, Some("comment")));
    }
}
