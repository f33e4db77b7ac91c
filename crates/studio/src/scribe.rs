//! The only writer of what people say: puts feedback into the run's record, one after the other, on a thread of its own.
//!
//! A write is on disk when it returns, which takes milliseconds; a frame must not wait for it. Until the record has an entry it is
//! kept by the session, and sent again after a restart; the record takes each once.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use carrot_run_record::{RecordError, RunRecord};

use crate::session::Pending;

/// Where a session's run is, and what it begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlace {
    /// Its folder, which need not be there yet.
    pub dir: PathBuf,
    /// Its settings, should it have to be made.
    pub config: toml::Table,
}

/// What has become of the entries.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Ids that the record holds.
    pub ids: BTreeSet<String>,
    /// Why the last write failed; none once one has succeeded.
    pub error: Option<String>,
    /// Runs that were made ready for a search.
    pub ready: u64,
}

enum Order {
    Write(RunPlace, Vec<Pending>),
    MakeReady(RunPlace),
}

/// The thread and the way to it. Dropping it waits until everything is written.
pub struct Scribe {
    orders: Option<Sender<Order>>,
    written: Arc<Mutex<Written>>,
    thread: Option<JoinHandle<()>>,
}

impl Scribe {
    /// Starts the thread. `wake` is called after each write.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let written = Arc::new(Mutex::new(Written::default()));
        let theirs = Arc::clone(&written);
        let thread = std::thread::Builder::new().name("scribe".into());
        let thread = thread.spawn(move || work(&incoming, &theirs, &wake))?;
        Ok(Self {
            orders: Some(orders),
            written,
            thread: Some(thread),
        })
    }

    /// Has entries written to a run, which is made if it is not there.
    pub fn write(&self, place: RunPlace, entries: Vec<Pending>) {
        if let Some(orders) = &self.orders {
            _ = orders.send(Order::Write(place, entries)); // a thread that panicked has said so
        }
    }

    /// Has the run made, with its settings if it has no candidate yet, so that a search can start; see [`Written::ready`].
    pub fn make_ready(&self, place: RunPlace) {
        if let Some(orders) = &self.orders {
            _ = orders.send(Order::MakeReady(place));
        }
    }

    /// What has been written so far.
    pub fn written(&self) -> Written {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn work(incoming: &Receiver<Order>, written: &Mutex<Written>, wake: &dyn Fn()) {
    while let Ok(order) = incoming.recv() {
        let outcome = match &order {
            Order::Write(place, entries) => write(place, entries),
            Order::MakeReady(place) => make_ready(place),
        };
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.error = outcome.as_ref().err().map(ToString::to_string);
        match order {
            _ if outcome.is_err() => {}
            Order::Write(_, entries) => written.ids.extend(entries.into_iter().map(|entry| entry.id)),
            Order::MakeReady(_) => written.ready += 1,
        }
        drop(written);
        wake();
    }
}

fn write(place: &RunPlace, entries: &[Pending]) -> Result<(), RecordError> {
    make(place)?;
    let record = RunRecord::open_for_feedback(&place.dir)?;
    for entry in entries {
        record.put_feedback(&entry.id, &entry.feedback)?;
    }
    Ok(())
}

fn make_ready(place: &RunPlace) -> Result<(), RecordError> {
    make(place)?;
    let record = RunRecord::open(&place.dir)?;
    match record.candidate_count()? {
        0 if record.config()? != place.config => record.set_config(&place.config),
        _ => Ok(()),
    }
}

fn make(place: &RunPlace) -> Result<(), RecordError> {
    if place.dir.exists() {
        return Ok(());
    }
    match RunRecord::create(&place.dir, &place.config) {
        Ok(_) | Err(RecordError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
