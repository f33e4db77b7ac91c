//! What was said and is not in the record yet.
//!
//! It goes to the record by way of the session's file, so that neither a kill nor a lost record loses it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carrot_run_record::Feedback;

use crate::scribe::{RunPlace, Scribe};
use crate::session::Pending;

/// How soon what could not be recorded is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// Feedback on its way, and the thread that writes it.
pub struct Outbox {
    scribe: Scribe,
    pending: Vec<Pending>,
    /// How many of `pending`, from the end, the scribe was not given yet.
    unsent: usize,
    /// Things said so far, for their names.
    said: u64,
    /// When what could not be recorded was last tried again.
    tried: Instant,
    trouble: Option<String>,
}

impl Outbox {
    /// Starts the thread. `wake` is called after each write.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        Ok(Self {
            scribe: Scribe::start(wake)?,
            pending: Vec::new(),
            unsent: 0,
            said: 0,
            tried: Instant::now(),
            trouble: None,
        })
    }

    /// Begins with what another studio left: it was killed before these were in the record, or before it knew that they were.
    pub fn begin(&mut self, pending: Vec<Pending>) {
        self.unsent = pending.len();
        self.pending = pending;
    }

    /// Takes something that was said. It is on its way with the next [`Self::send`].
    pub fn say(&mut self, feedback: Feedback) {
        self.said += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.pending.push(Pending {
            id: format!("studio-{}-{}-{}", now.as_nanos(), std::process::id(), self.said),
            feedback,
        });
        self.unsent += 1;
    }

    /// Takes each of what was said.
    pub fn say_all(&mut self, said: impl IntoIterator<Item = Feedback>) {
        said.into_iter().for_each(|feedback| self.say(feedback));
    }

    /// Has written what was said since the last time; the session's file holds it by now.
    pub fn send(&mut self, place: impl FnOnce() -> RunPlace) {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent > 0 {
            let entries = self.pending[self.pending.len() - unsent..].to_vec();
            self.scribe.write(place(), entries);
        }
    }

    /// Takes in what has been written. True if something has.
    pub fn listen(&mut self, place: impl FnOnce() -> RunPlace) -> bool {
        let written = self.scribe.written();
        let before = self.pending.len();
        self.pending.retain(|entry| !written.ids.contains(&entry.id));
        self.trouble.clone_from(&written.error);
        if written.error.is_some() && !self.pending.is_empty() && self.tried.elapsed() >= TRY_AGAIN {
            // Whatever was in the way may be gone; the record takes each entry once.
            self.tried = Instant::now();
            self.scribe.write(place(), self.pending.clone());
        }
        self.pending.len() < before
    }

    /// What the record does not hold yet, oldest first.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Why it does not.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Has the run made ready for a search. Gives the number of runs that will have been made ready then; see [`Self::ready`].
    pub fn make_ready(&self, place: RunPlace) -> u64 {
        let ready = self.ready() + 1;
        self.scribe.make_ready(place);
        ready
    }

    /// Runs that were made ready.
    pub fn ready(&self) -> u64 {
        self.scribe.written().ready
    }
}
