//! What was said and is not in the record yet.
//!
//! The session's file keeps it until the record has it, so that neither a kill nor a lost record loses it. What a record would never
//! take is refused at once, in front of whoever said it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carrot_run_record::Feedback;

use crate::scribe::{Ready, RunPlace, Scribe};
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
    /// Runs that were to be made ready so far, for their numbers.
    asked: u64,
    /// When what could not be recorded was last tried again.
    tried: Instant,
    trouble: Option<String>,
    revision: u64,
}

/// What the scribe has done since the last time.
#[derive(Debug, Default)]
pub struct Heard {
    /// The record holds more.
    pub written: bool,
    /// What it will never hold, in one sentence each.
    pub refused: Vec<String>,
    /// What became of a run that was to be made ready.
    pub ready: Option<Ready>,
}

impl Outbox {
    /// Starts the thread. `wake` is called after each write.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        Ok(Self {
            scribe: Scribe::start(wake)?,
            pending: Vec::new(),
            unsent: 0,
            said: 0,
            asked: 0,
            tried: Instant::now(),
            trouble: None,
            revision: 0,
        })
    }

    /// Begins with what another studio left: it was killed before these were in the record, or before it knew that they were.
    pub fn begin(&mut self, pending: Vec<Pending>) {
        self.unsent = pending.len();
        self.pending = pending;
        self.trouble = None;
        self.revision += 1;
    }

    /// Takes something that was said. It is on its way with the next [`Self::send`].
    ///
    /// Errors: one sentence, for what no record takes.
    pub fn say(&mut self, feedback: Feedback) -> Result<(), String> {
        feedback.check()?;
        self.said += 1;
        self.revision += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.pending.push(Pending {
            id: format!("studio-{}-{}-{}", now.as_nanos(), std::process::id(), self.said),
            feedback,
        });
        self.unsent += 1;
        Ok(())
    }

    /// Has written what was said since the last time.
    pub fn send(&mut self, place: impl FnOnce() -> RunPlace) {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent > 0 {
            let entries = self.pending[self.pending.len() - unsent..].to_vec();
            self.scribe.write(place(), entries);
        }
    }

    /// Takes in what the scribe has done.
    pub fn listen(&mut self, place: impl FnOnce() -> RunPlace) -> Heard {
        let news = self.scribe.news();
        let before = self.pending.len();
        let mut refused = Vec::new();
        self.pending.retain(|entry| {
            let no = news.refused.iter().find(|refused| refused.id == entry.id);
            refused.extend(no.map(|refused| refused.why.clone()));
            no.is_none() && !news.written.contains(&entry.id)
        });
        self.unsent = self.unsent.min(self.pending.len());
        self.revision += u64::from(self.pending.len() < before);
        self.trouble = news.trouble;
        if self.trouble.is_some() && !self.pending.is_empty() && self.tried.elapsed() >= TRY_AGAIN {
            // Whatever was in the way may be gone; the record takes each entry once.
            self.tried = Instant::now();
            self.unsent = 0;
            self.scribe.write(place(), self.pending.clone());
        }
        Heard {
            written: !news.written.is_empty(),
            refused,
            ready: news.ready,
        }
    }

    /// What the record does not hold yet, oldest first.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// Why it does not.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref().filter(|_| !self.pending.is_empty())
    }

    /// Why the thread stopped before its time.
    pub fn broken(&self) -> Option<String> {
        self.scribe.trouble()
    }

    /// Has the run made ready for a search, which reads all that was said. Gives the number of the answer, [`Heard::ready`].
    pub fn make_ready(&mut self, place: RunPlace) -> u64 {
        self.asked += 1;
        self.unsent = 0;
        self.scribe.make_ready(place, self.pending.clone(), self.asked);
        self.asked
    }

    /// Rises whenever what is pending changes.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_run_record::{Behaviour, Driver, RunRecord};
    use std::path::Path;

    fn comment(text: &str) -> Feedback {
        Feedback::Comment {
            of: None,
            step: None,
            text: text.into(),
        }
    }

    fn place(dir: &Path) -> RunPlace {
        RunPlace {
            dir: dir.to_owned(),
            config: toml::Table::new(),
            was_there: false,
        }
    }

    /// Listens until something is so; gives what was refused and made ready on the way.
    fn listen(outbox: &mut Outbox, dir: &Path, what: &str, is_so: impl Fn(&Outbox, &Heard) -> bool) -> Heard {
        let start = Instant::now();
        let mut all = Heard::default();
        loop {
            let heard = outbox.listen(|| place(dir));
            all.written |= heard.written;
            all.refused.extend(heard.refused);
            all.ready = all.ready.or(heard.ready);
            if is_so(outbox, &all) {
                return all;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "never {what}: {all:?} {:?}",
                outbox.trouble()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn texts(dir: &Path) -> Vec<String> {
        let said = RunRecord::open_read_only(dir).unwrap().feedback().unwrap();
        let texts = said.into_iter().map(|entry| match entry.feedback {
            Feedback::Comment { text, .. } => text,
            other => format!("{other:?}"),
        });
        texts.collect()
    }

    #[test]
    fn what_is_said_is_in_the_record_in_its_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let mut outbox = Outbox::start(|| ()).unwrap();
        for text in ["one", "two", "three"] {
            outbox.say(comment(text)).unwrap();
        }
        let again = outbox.pending().to_vec();
        outbox.send(|| place(&dir));
        listen(&mut outbox, &dir, "written", |outbox, _| outbox.pending().is_empty());
        // A studio that was killed before it knew.
        outbox.begin(again);
        outbox.send(|| place(&dir));
        listen(&mut outbox, &dir, "known", |outbox, _| outbox.pending().is_empty());
        assert_eq!(texts(&dir), ["one", "two", "three"]);
    }

    #[test]
    fn what_no_record_takes_is_refused_where_it_is_said_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let mut outbox = Outbox::start(|| ()).unwrap();
        let why = outbox.say(comment(&"a".repeat(10_001))).unwrap_err();
        assert!(why.contains("10000") || why.contains("10,000"), "{why}");
        assert!(outbox.pending().is_empty());
        // An older studio may have left such a thing in its session's file.
        let entry = |id: &str, text: &str| Pending {
            id: id.into(),
            feedback: comment(text),
        };
        outbox.begin(vec![
            entry("a", "before"),
            entry("b", &"a".repeat(10_001)),
            entry("c", "after"),
        ]);
        outbox.send(|| place(&dir));
        let heard = listen(&mut outbox, &dir, "written", |outbox, _| outbox.pending().is_empty());
        assert_eq!(heard.refused.len(), 1, "{heard:?}");
        assert_eq!(texts(&dir), ["before", "after"]);
        assert_eq!(outbox.trouble(), None);
    }

    #[test]
    fn a_record_that_was_moved_away_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, elsewhere) = (folder.path().join("run"), folder.path().join("elsewhere"));
        let mut outbox = Outbox::start(|| ()).unwrap();
        outbox.say(comment("first")).unwrap();
        outbox.send(|| place(&dir));
        listen(&mut outbox, &dir, "written", |outbox, _| outbox.pending().is_empty());
        std::fs::rename(&dir, &elsewhere).unwrap();
        outbox.say(comment("second")).unwrap();
        outbox.send(|| place(&dir));
        listen(&mut outbox, &dir, "said to be gone", |outbox, _| {
            outbox.trouble().is_some_and(|words| words.contains("gone from"))
        });
        assert!(!dir.exists(), "nothing takes its place");
        std::fs::rename(&elsewhere, &dir).unwrap();
        listen(&mut outbox, &dir, "written", |outbox, _| outbox.pending().is_empty());
        assert_eq!(texts(&dir), ["first", "second"]);
        assert_eq!(outbox.trouble(), None);

        // A search is what begins a new one, with what the lost one does not hold.
        std::fs::remove_dir_all(&dir).unwrap();
        outbox.say(comment("third")).unwrap();
        let number = outbox.make_ready(place(&dir));
        let heard = listen(&mut outbox, &dir, "ready", |_, heard| heard.ready.is_some());
        assert_eq!(
            heard.ready,
            Some(Ready {
                number,
                outcome: Ok(())
            })
        );
        assert_eq!(texts(&dir), ["third"]);
    }

    #[test]
    fn a_run_that_somebody_writes_is_not_made_ready_and_yet_listens() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let search = RunRecord::create(&dir, &toml::Table::new()).unwrap();
        let mut outbox = Outbox::start(|| ()).unwrap();
        let behaviour = Behaviour {
            program: "0".repeat(64),
            candidate: None,
            driver: Driver::Plan,
            seed: 0,
        };
        let rating = Feedback::Rating {
            of: behaviour,
            good: true,
        };
        outbox.say(rating).unwrap();
        let number = outbox.make_ready(place(&dir));
        let heard = listen(&mut outbox, &dir, "answered", |_, heard| heard.ready.is_some());
        let ready = heard.ready.unwrap();
        assert_eq!(ready.number, number);
        assert!(
            ready.outcome.as_ref().is_err_and(|why| why.contains("in use")),
            "{ready:?}"
        );
        assert!(outbox.pending().is_empty(), "what was said is there all the same");
        assert_eq!(outbox.trouble(), None, "and nothing is unrecorded");
        drop(search);
    }
}
