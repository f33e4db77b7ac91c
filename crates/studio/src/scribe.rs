//! The only writer of what people say: puts feedback into the run's record, one after the other, on a thread of its own.
//!
//! A write is on disk when it returns, which takes milliseconds; a frame must not wait for it. Until the record has an entry it is
//! kept by the session, and sent again after a restart; the record takes each once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use carrot_run_record::{RecordError, RunRecord};

use crate::session::Pending;
use crate::worker::{Worker, lock};

/// Where a session's run is, and what it begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlace {
    /// Its folder, which need not be there yet.
    pub dir: PathBuf,
    /// Its settings, should it have to be made.
    pub config: toml::Table,
    /// A record was seen there. If it is not there now, it was moved away or deleted.
    pub was_there: bool,
}

/// What has happened since somebody looked last.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Ids that the record holds.
    pub written: Vec<String>,
    /// What the record will never take.
    pub refused: Vec<Refused>,
    /// The last run that was to be made ready.
    pub ready: Option<Ready>,
    /// Why the last write failed; none once one has succeeded. It may succeed later.
    pub trouble: Option<String>,
}

/// An entry that a record will never take.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its id.
    pub id: String,
    /// Why not, in one sentence.
    pub why: String,
}

/// What became of a run that was to be made ready for a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// The number that [`Scribe::make_ready`] was given.
    pub number: u64,
    /// Why it is not ready, in one sentence.
    pub outcome: Result<(), String>,
}

enum Order {
    Write(RunPlace, Vec<Pending>),
    MakeReady {
        place: RunPlace,
        entries: Vec<Pending>,
        number: u64,
    },
}

/// The thread and the way to it. Dropping it waits until everything is written.
pub struct Scribe {
    orders: Option<Sender<Order>>,
    news: Arc<Mutex<News>>,
    worker: Worker,
}

impl Scribe {
    /// Starts the thread. `wake` is called after each write.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let news = Arc::new(Mutex::new(News::default()));
        let desk = Desk {
            news: Arc::clone(&news),
            known: BTreeSet::new(),
        };
        let again = wake.clone();
        Ok(Self {
            orders: Some(orders),
            news,
            worker: Worker::start("scribe", wake, move || desk.work(&incoming, &again))?,
        })
    }

    /// Has entries written to a run, which is made if it never was there.
    pub fn write(&self, place: RunPlace, entries: Vec<Pending>) {
        self.tell(Order::Write(place, entries));
    }

    /// Has a run made ready for a search: it is there, also where it was lost, it holds the entries, and its settings are those of
    /// `place` if it has no candidate yet. `number` names the answer, [`News::ready`].
    pub fn make_ready(&self, place: RunPlace, entries: Vec<Pending>, number: u64) {
        self.tell(Order::MakeReady { place, entries, number });
    }

    /// What has happened since the last call.
    pub fn news(&self) -> News {
        let mut news = lock(&self.news);
        let left = News {
            trouble: news.trouble.clone(),
            ..News::default()
        };
        std::mem::replace(&mut news, left)
    }

    /// Why the thread stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.worker.trouble()
    }

    fn tell(&self, order: Order) {
        if let Some(orders) = &self.orders {
            _ = orders.send(order); // a thread that broke is in `trouble`
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        drop(self.orders.take());
    }
}

/// The thread's own side.
struct Desk {
    news: Arc<Mutex<News>>,
    /// Folders in which a record was written.
    known: BTreeSet<PathBuf>,
}

impl Desk {
    fn work(mut self, incoming: &Receiver<Order>, wake: &dyn Fn()) {
        for order in incoming {
            match order {
                Order::Write(place, entries) => {
                    let outcome = self.open(&place, false).and_then(|()| self.write(&place, &entries));
                    lock(&self.news).trouble = outcome.err();
                }
                Order::MakeReady { place, entries, number } => {
                    let outcome = self
                        .open(&place, true)
                        .and_then(|()| self.write(&place, &entries))
                        .and_then(|()| set_up(&place));
                    if outcome.is_ok() {
                        lock(&self.news).trouble = None;
                    }
                    lock(&self.news).ready = Some(Ready { number, outcome });
                }
            }
            wake();
        }
    }

    /// Makes the run if there never was one; `anew`: or if it is gone.
    fn open(&mut self, place: &RunPlace, anew: bool) -> Result<(), String> {
        let is_known = place.was_there || self.known.contains(&place.dir);
        if is_known && !anew && !place.dir.exists() {
            return Err(format!(
                "the record is gone from {}; move it back and it goes on from there, or start the search, which begins a new one",
                place.dir.display()
            ));
        }
        match RunRecord::create(&place.dir, &place.config) {
            Ok(_) | Err(RecordError::Exists(_)) => {
                self.known.insert(place.dir.clone());
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// One entry that is refused keeps none of the others from being written.
    fn write(&self, place: &RunPlace, entries: &[Pending]) -> Result<(), String> {
        let record = RunRecord::open_for_feedback(&place.dir).map_err(|error| error.to_string())?;
        for entry in entries {
            match record.put_feedback(&entry.id, &entry.feedback) {
                Ok(_) => lock(&self.news).written.push(entry.id.clone()),
                Err(error @ (RecordError::Refused(_) | RecordError::Duplicate { .. })) => {
                    lock(&self.news).refused.push(Refused {
                        id: entry.id.clone(),
                        why: error.to_string(),
                    });
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

fn set_up(place: &RunPlace) -> Result<(), String> {
    let set_up = || {
        let record = RunRecord::open(&place.dir)?;
        match record.candidate_count()? {
            0 if record.config()? != place.config => record.set_config(&place.config),
            _ => Ok(()),
        }
    };
    set_up().map_err(|error: RecordError| error.to_string())
}
