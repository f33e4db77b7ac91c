//! Reads the run's record again and again on a thread of its own, and publishes what it finds as one value.
//!
//! A search is another process; what it does is seen in the record only. A record that cannot be read, or is gone, is a message and
//! never the end of anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use carrot_run_record::{Candidate, Extent, FeedbackEntry, Prompt, RecordError, RunRecord, RunState, SearchProgress};
use serde_json::Value;

use crate::opinion::Opinion;
use crate::overview::Overview;
use crate::priority;
use crate::worker::{Worker, lock};

/// How often the record is looked at.
const EVERY: Duration = Duration::from_millis(300);

/// A write that began so long ago is on disk.
const SAFE: Duration = Duration::from_secs(2);

/// A run as last seen.
#[derive(Debug, Clone, Default)]
pub struct RunView {
    /// Its folder.
    pub dir: PathBuf,
    /// There is a record.
    pub exists: bool,
    /// Why it could not be read.
    pub error: Option<String>,
    /// Which rows of the record it holds.
    extent: Extent,
    /// All candidates, by (generation, index).
    pub candidates: Arc<Vec<Candidate>>,
    /// Everything people said, oldest first.
    pub feedback: Arc<Vec<FeedbackEntry>>,
    /// The same put in order: who is preferred, and what to ask next.
    pub opinion: Arc<Opinion>,
    /// Position of the last feedback that each generation listened to, from generation 0 on.
    pub listened: Vec<i64>,
    /// What the proposer was asked, oldest first.
    pub prompts: Arc<Vec<Prompt>>,
    /// Answers of the proposer: request, response, as JSON.
    pub exchanges: Arc<Vec<(String, String)>>,
    /// `winner`, once there is one.
    pub winner: Option<Value>,
    /// How far a running search is.
    pub progress: Option<SearchProgress>,
    /// What became of the process that searched last.
    pub state: Option<RunState>,
    /// `ledger`: requests, tokens and cost.
    pub ledger: Option<Value>,
    /// The run's settings.
    pub config: toml::Table,
    /// A process holds the run for writing.
    pub in_use: bool,
    /// There was a record here, and it is gone.
    pub lost: bool,
    /// What all of this amounts to.
    pub overview: Arc<Overview>,
}

impl RunView {
    /// Reads a run.
    pub fn read(dir: &Path) -> Self {
        Self::read_on(dir, &Self::default())
    }

    /// Reads a run of which an earlier view is at hand: what has only grown older is not read again. A search notes its progress
    /// every second, and its candidates are many.
    pub fn read_on(dir: &Path, before: &Self) -> Self {
        let mut view = Self {
            dir: dir.to_owned(),
            exists: dir.join("run.sqlite").exists(),
            ..Self::default()
        };
        if view.exists
            && let Err(error) = view.fill(before)
        {
            view.error = Some(error.to_string());
        }
        view.in_use = in_use(dir);
        view
    }

    fn fill(&mut self, before: &Self) -> Result<(), RecordError> {
        let record = RunRecord::open_read_only(&self.dir)?;
        self.config = record.config()?;
        self.extent = record.extent()?;
        if self.extent == before.extent && self.dir == before.dir && before.exists && before.error.is_none() {
            self.candidates = Arc::clone(&before.candidates);
            self.feedback = Arc::clone(&before.feedback);
            self.opinion = Arc::clone(&before.opinion);
            self.prompts = Arc::clone(&before.prompts);
            self.exchanges = Arc::clone(&before.exchanges);
            self.overview = Arc::clone(&before.overview);
        } else {
            self.candidates = Arc::new(record.candidates()?);
            self.feedback = Arc::new(record.feedback()?);
            self.opinion = Arc::new(Opinion::new(&self.candidates, &self.feedback));
            self.prompts = Arc::new(record.prompts()?);
            let exchanges = record.exchanges()?.into_iter();
            self.exchanges = Arc::new(exchanges.map(|(_, _, request, response)| (request, response)).collect());
            self.overview = Arc::new(Overview::of(self));
        }
        self.listened = record.listened()?;
        self.winner = record.fact("winner")?;
        self.progress = record.progress()?;
        self.state = record.state()?;
        self.ledger = record.fact("ledger")?;
        Ok(())
    }

    /// Rounds that have candidates.
    pub fn begun_generations(&self) -> u32 {
        let last = self.candidates.last();
        last.map_or(0, |candidate| candidate.generation.saturating_add(1))
    }

    /// Rounds of which nothing is left to do.
    pub fn complete_generations(&self) -> u32 {
        match (&self.state, &self.progress) {
            // Also where a budget ended the last one early, and in records that do not count what is complete.
            (Some(RunState::Finished), _) => self.begun_generations(),
            (_, Some(progress)) => progress.complete,
            (_, None) => 0,
        }
    }

    /// The candidate of that generation and index.
    pub fn candidate(&self, id: (u32, u32)) -> Option<&Candidate> {
        self.candidates
            .iter()
            .find(|candidate| (candidate.generation, candidate.index) == id)
    }
}

/// The thread. Dropping it ends it.
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Worker,
}

#[derive(Default)]
struct Shared {
    dir: Mutex<Option<PathBuf>>,
    view: Mutex<Arc<RunView>>,
    leave: AtomicBool,
}

impl Watcher {
    /// Starts the thread. `wake` is called when something new was found.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let again = wake.clone();
        let thread = Worker::start("watcher", wake, move || work(&theirs, &again))?;
        Ok(Self { shared, thread })
    }

    /// Watches another run from now on.
    pub fn watch(&self, dir: &Path) {
        *lock(&self.shared.dir) = Some(dir.to_owned());
        *lock(&self.shared.view) = Arc::new(RunView {
            dir: dir.to_owned(),
            ..RunView::default()
        });
        self.look_now();
    }

    /// Why the thread stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.thread.trouble()
    }

    /// Looks at once instead of at the next turn.
    pub fn look_now(&self) {
        self.thread.unpark();
    }

    /// The run as last seen.
    pub fn view(&self) -> Arc<RunView> {
        Arc::clone(&lock(&self.shared.view))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.leave.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn work(shared: &Shared, wake: &dyn Fn()) {
    priority::yield_to_the_window();
    let mut seen: Option<(PathBuf, Trace)> = None;
    let mut settled = false;
    while !shared.leave.load(Ordering::Relaxed) {
        let dir = lock(&shared.dir).clone();
        if let Some(dir) = dir {
            let trace = trace(&dir);
            let fresh = is_fresh(&trace);
            if !settled || seen.as_ref() != Some(&(dir.clone(), trace)) {
                let before = lock(&shared.view).clone();
                let mut view = RunView::read_on(&dir, &before);
                view.lost = !view.exists && before.dir == dir && (before.exists || before.lost);
                let view = Arc::new(view);
                // Somebody may have asked for another run meanwhile.
                if lock(&shared.dir).as_ref() == Some(&dir) {
                    *lock(&shared.view) = view;
                    seen = Some((dir, trace));
                    settled = !fresh;
                    wake();
                }
            }
        }
        std::thread::park_timeout(EVERY);
    }
}

/// Whether the last write may not be over: the log grows first and counts only once it is safely on disk, which leaves no trace.
fn is_fresh(trace: &Trace) -> bool {
    let newest = trace.0.iter().flatten().map(|(modified, _)| *modified).max();
    newest.is_some_and(|modified| modified.elapsed().is_ok_and(|age| age < SAFE))
}

/// Times and lengths of the database's files, one of which whoever writes changes; and whether somebody may write, since a
/// search that is killed changes nothing.
type Trace = ([Option<(SystemTime, u64)>; 2], bool);

fn trace(dir: &Path) -> Trace {
    let files = ["run.sqlite", "run.sqlite-wal"].map(|name| {
        let file = fs::metadata(dir.join(name)).ok()?;
        Some((file.modified().ok()?, file.len()))
    });
    (files, in_use(dir))
}

fn in_use(dir: &Path) -> bool {
    RunRecord::is_in_use(dir).unwrap_or(false) // what is wrong with the folder, reading the record says better
}
