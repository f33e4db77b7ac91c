//! One run, open for reading or for writing.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::OptionalExtension;
use serde_json::{Value, json};

use crate::database::{Database, Purpose, now_unix_secs};
use crate::objects::Objects;
use crate::{Candidate, Job, Outcome, Program, RecordError, durable};

const CONFIG: &str = "config.toml";
const DATABASE: &str = "run.sqlite";
pub(crate) const LOCK: &str = "lock";
const OBJECTS: &str = "objects";

/// The setting that may change while a run is under way.
const CHANGEABLE: &str = "generations";

/// A killed process keeps its lock until it is gone, and a program that this process starts holds a copy of it until it
/// runs; both take moments.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// An open run. Usable from several threads; every `put_*` is durable when it returns.
pub struct RunRecord {
    dir: PathBuf,
    database: Database,
    objects: Objects,
    purpose: Purpose,
    /// Locked as long as it lives; absent unless the run is open for writing.
    _lock: Option<File>,
}

impl RunRecord {
    /// Makes `dir` with its config and opens it for writing. `dir` must not exist, or be an empty folder.
    ///
    /// The folder is made under a hidden name beside `dir` and then renamed: a process killed here leaves no half run.
    ///
    /// Errors: [`RecordError::Exists`].
    pub fn create(dir: &Path, config: &toml::Table) -> Result<Self, RecordError> {
        if dir.file_name().is_none() {
            return Err(RecordError::storage(dir)("a run needs a folder name of its own"));
        }
        if is_taken(dir) {
            return Err(RecordError::Exists(dir.to_owned()));
        }
        let unfinished = durable::sibling(dir);
        let made = build(&unfinished, config).and_then(|()| {
            fs::rename(&unfinished, dir).map_err(|error| match is_taken(dir) {
                true => RecordError::Exists(dir.to_owned()), // someone else was faster
                false => RecordError::storage(dir)(error),
            })
        });
        if made.is_err() {
            let _ = fs::remove_dir_all(&unfinished); // the error that matters is the first one
        }
        made?;
        durable::sync_folder_of(dir).map_err(RecordError::storage(dir))?;
        Self::open(dir)
    }

    /// Opens an existing run for writing.
    ///
    /// Errors: [`RecordError::InUse`] while another process, or another `RunRecord` of this one, writes it, after waiting
    /// for a second.
    pub fn open(dir: &Path) -> Result<Self, RecordError> {
        check_is_run(dir)?;
        let path = dir.join(LOCK);
        let lock = File::create(&path).map_err(RecordError::storage(&path))?;
        let give_up = Instant::now() + LOCK_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Self::open_as(dir, Purpose::Write, Some(lock)),
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => std::thread::sleep(LOCK_WAIT / 100),
                Err(TryLockError::WouldBlock) => return Err(RecordError::InUse(dir.to_owned())),
                Err(TryLockError::Error(error)) => return Err(RecordError::storage(&path)(error)),
            }
        }
    }

    /// Opens an existing run for reading, also while another process writes it. Every `put_*` is then refused.
    pub fn open_read_only(dir: &Path) -> Result<Self, RecordError> {
        check_is_run(dir)?;
        Self::open_as(dir, Purpose::Read, None)
    }

    /// Opens an existing run for reading and for [`RunRecord::put_feedback`], also while another process writes it. Any number
    /// of processes may do so at the same time. Every other `put_*` is refused.
    pub fn open_for_feedback(dir: &Path) -> Result<Self, RecordError> {
        check_is_run(dir)?;
        Self::open_as(dir, Purpose::Listen, None)
    }

    fn open_as(dir: &Path, purpose: Purpose, lock: Option<File>) -> Result<Self, RecordError> {
        Ok(Self {
            dir: dir.to_owned(),
            database: Database::open(&dir.join(DATABASE), purpose)?,
            objects: Objects::new(dir.join(OBJECTS)),
            purpose,
            _lock: lock,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The resolved settings the run was started with.
    pub fn config(&self) -> Result<toml::Table, RecordError> {
        let path = self.dir.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(RecordError::storage(&path))?;
        text.parse()
            .map_err(|error: toml::de::Error| RecordError::storage(&path)(error))
    }

    /// Replaces the settings. Before the run has a candidate all of them may change; afterwards only the number of
    /// `generations`, and not below those that have begun, since everything else decided on results that the record holds.
    ///
    /// Errors: [`RecordError::Refused`] names the first setting that may not change.
    pub fn set_config(&self, config: &toml::Table) -> Result<(), RecordError> {
        self.check_writable()?;
        let begun = self.begun_generations()?;
        if begun > 0 {
            let then = self.config()?;
            let keys: BTreeSet<&String> = then.keys().chain(config.keys()).collect();
            for key in keys {
                check_change(key, then.get(key), config.get(key), begun)
                    .map_err(|message| RecordError::Refused(format!("{}: {message}", self.dir.display())))?;
            }
        }
        let path = self.dir.join(CONFIG);
        durable::write(&path, config.to_string().as_bytes()).map_err(RecordError::storage(&path))
    }

    /// Stores bytes under their SHA-256, which is returned. Durable when it returns; storing twice is harmless.
    pub fn put_object(&self, bytes: &[u8]) -> Result<String, RecordError> {
        self.check_writable()?;
        self.objects.put(bytes)
    }

    /// Reads bytes back, checked against their hash.
    pub fn object(&self, hash: &str) -> Result<Vec<u8>, RecordError> {
        self.objects.get(hash)
    }

    /// Path of an object's file, whether it exists or not.
    pub fn object_path(&self, hash: &str) -> PathBuf {
        self.objects.path(hash)
    }

    /// The outcome of a job, if it was ever completed in this run.
    pub fn evaluation(&self, job: &Job) -> Result<Option<Outcome>, RecordError> {
        let key = job.key();
        let text: Option<String> = self.database.with(|connection| {
            let mut select = connection.prepare_cached("SELECT outcome FROM evaluation WHERE key = ?1")?;
            select.query_row([&key], |row| row.get(0)).optional()
        })?;
        text.map(|text| self.database.decode(&format!("evaluation {key}"), &text))
            .transpose()
    }

    /// Keeps the outcome of a job. Keeping it twice is an error of ours and refused, as is an outcome whose policy was
    /// not stored before.
    pub fn put_evaluation(&self, job: &Job, outcome: &Outcome) -> Result<(), RecordError> {
        self.check_writable()?;
        self.check_policy(outcome)?;
        let key = job.key();
        let what = format!("evaluation {key}");
        let row = (
            &key,
            self.database.encode(&what, job)?,
            self.database.encode(&what, outcome)?,
            now_unix_secs(),
        );
        let inserted = self.database.with(|connection| {
            connection
                .prepare_cached("INSERT INTO evaluation VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
                .execute(row)
        })?;
        self.check_new(inserted, what)
    }

    /// Number of completed evaluations.
    pub fn evaluation_count(&self) -> Result<usize, RecordError> {
        self.count("SELECT count(*) FROM evaluation")
    }

    /// The recorded answer to a proposer's request, keyed by the request's hash and sample index.
    pub fn exchange(&self, request_hash: &str, sample: u32) -> Result<Option<String>, RecordError> {
        self.database.with(|connection| {
            connection
                .prepare_cached("SELECT response FROM exchange WHERE request_hash = ?1 AND sample = ?2")?
                .query_row((request_hash, sample), |row| row.get(0))
                .optional()
        })
    }

    /// Keeps the samples (JSON) of one answer with their request (JSON), numbered from `first_sample`: all of them or,
    /// where the process is killed meanwhile, none, since they were paid for together. A second answer to the same request
    /// and sample is refused.
    pub fn put_exchanges(
        &self,
        request_hash: &str,
        first_sample: u32,
        request: &str,
        responses: &[String],
    ) -> Result<(), RecordError> {
        self.check_writable()?;
        let time = now_unix_secs();
        let inserted = self.database.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut inserted = 0;
            for (sample, response) in (first_sample..).zip(responses) {
                inserted += transaction
                    .prepare_cached(
                        "INSERT INTO exchange (request_hash, sample, request, response, written_unix_secs)
                         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                    )?
                    .execute((request_hash, sample, request, response, time))?;
            }
            if inserted == responses.len() {
                transaction.commit()?;
            }
            Ok(inserted)
        })?;
        self.check_new(
            usize::from(inserted == responses.len()),
            format!("the answer to request {request_hash}, sample {first_sample},"),
        )
    }

    /// All exchanges in order: request hash, sample, request, response.
    pub fn exchanges(&self) -> Result<Vec<(String, u32, String, String)>, RecordError> {
        self.database.with(|connection| {
            connection
                .prepare("SELECT request_hash, sample, request, response FROM exchange ORDER BY position")?
                .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect()
        })
    }

    /// Adds or replaces a candidate by (generation, index). A foreign module and a policy must be stored before.
    pub fn put_candidate(&self, candidate: &Candidate) -> Result<(), RecordError> {
        self.check_writable()?;
        self.check_policy(&candidate.outcome)?;
        if let Program::Wasm { file, object } = &candidate.program {
            self.check_stored(object, &format!("the module {file}"))?;
        }
        let what = format!("candidate {} of generation {}", candidate.index, candidate.generation);
        let row = (
            candidate.generation,
            candidate.index,
            candidate.fitness(),
            self.database.encode(&what, candidate)?,
        );
        self.database.with(|connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO candidate VALUES (?1, ?2, ?3, ?4)")?
                .execute(row)
        })?;
        Ok(())
    }

    /// All candidates by (generation, index).
    pub fn candidates(&self) -> Result<Vec<Candidate>, RecordError> {
        let texts: Vec<String> = self.database.with(|connection| {
            connection
                .prepare("SELECT candidate FROM candidate ORDER BY generation, place")?
                .query_map((), |row| row.get(0))?
                .collect()
        })?;
        texts
            .iter()
            .map(|text| self.database.decode("a candidate", text))
            .collect()
    }

    /// Number of candidates.
    pub fn candidate_count(&self) -> Result<usize, RecordError> {
        self.count("SELECT count(*) FROM candidate")
    }

    /// Which candidates, answers, prompts and words the record holds; equal as long as none of them was added or replaced.
    pub fn extent(&self) -> Result<Extent, RecordError> {
        let last = |column: &str, table: &str| {
            let select = format!("SELECT coalesce(max({column}), 0) FROM {table}");
            self.database
                .with(|connection| connection.query_row(&select, (), |row| row.get(0)))
        };
        let talks = self.database.has_feedback()?;
        // A candidate that is replaced gets another row id.
        Ok(Extent {
            candidates: last("rowid", "candidate")?,
            exchanges: last("position", "exchange")?,
            prompts: if talks { last("position", "prompt")? } else { 0 },
            feedback: if talks { last("position", "feedback")? } else { 0 },
        })
    }

    /// Number of generations that have a candidate, or come before one that has.
    pub fn begun_generations(&self) -> Result<u32, RecordError> {
        self.database.with(|connection| {
            connection
                .prepare_cached("SELECT coalesce(max(generation) + 1, 0) FROM candidate")?
                .query_row((), |row| row.get(0))
        })
    }

    /// Largest fitness of the candidates that were evaluated to the end.
    pub fn best_fitness(&self) -> Result<Option<f64>, RecordError> {
        self.database
            .with(|connection| connection.query_row("SELECT max(fitness) FROM candidate", (), |row| row.get(0)))
    }

    /// Sets a named JSON fact about the run (`winner`, `finished`), and keeps the time.
    pub fn put_fact(&self, name: &str, value: &Value) -> Result<(), RecordError> {
        self.check_writable()?;
        let row = (name, value.to_string(), now_unix_secs());
        self.database.with(|connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO fact VALUES (?1, ?2, ?3)")?
                .execute(row)
        })?;
        Ok(())
    }

    /// Reads a fact.
    pub fn fact(&self, name: &str) -> Result<Option<Value>, RecordError> {
        Ok(self.dated_fact(name)?.map(|(value, _)| value))
    }

    /// Reads a fact and when it was set, in seconds since 1970. `started` is set when a run is made.
    pub fn dated_fact(&self, name: &str) -> Result<Option<(Value, i64)>, RecordError> {
        let row: Option<(String, i64)> = self.database.with(|connection| {
            connection
                .prepare_cached("SELECT value, written_unix_secs FROM fact WHERE name = ?1")?
                .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        row.map(|(text, time)| Ok((self.database.decode(&format!("fact {name}"), &text)?, time)))
            .transpose()
    }

    fn count(&self, select: &str) -> Result<usize, RecordError> {
        let count: i64 = self
            .database
            .with(|connection| connection.query_row(select, (), |row| row.get(0)))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn check_writable(&self) -> Result<(), RecordError> {
        match self.purpose {
            Purpose::Write => Ok(()),
            Purpose::Read | Purpose::Listen => Err(RecordError::ReadOnly(self.dir.clone())),
        }
    }

    pub(crate) fn check_feedback_allowed(&self) -> Result<(), RecordError> {
        match self.purpose {
            Purpose::Write | Purpose::Listen => Ok(()),
            Purpose::Read => Err(RecordError::ReadOnly(self.dir.clone())),
        }
    }

    fn check_new(&self, inserted: usize, what: String) -> Result<(), RecordError> {
        match inserted {
            0 => Err(RecordError::Duplicate {
                path: self.database.path().to_owned(),
                what,
            }),
            _ => Ok(()),
        }
    }

    fn check_policy(&self, outcome: &Outcome) -> Result<(), RecordError> {
        match outcome {
            Outcome::Evaluated(evaluated) => self.check_stored(&evaluated.policy, "the policy"),
            Outcome::Rejected { .. } | Outcome::Stopped { .. } => Ok(()),
        }
    }

    /// What a row points at is there before the row, so that no crash leaves a row that points at nothing.
    fn check_stored(&self, hash: &str, what: &str) -> Result<(), RecordError> {
        match self.objects.contains(hash) {
            true => Ok(()),
            false => Err(RecordError::NotFound(format!(
                "{}: {what} `{hash}` must be stored before what refers to it",
                self.dir.display()
            ))),
        }
    }
}

/// Whether a setting may change in a run of which `begun` generations have candidates. Errors: one sentence.
fn check_change(key: &str, then: Option<&toml::Value>, now: Option<&toml::Value>, begun: u32) -> Result<(), String> {
    let enough = |value: i64| value >= i64::from(begun);
    if then == now || key == CHANGEABLE && now.and_then(toml::Value::as_integer).is_some_and(enough) {
        return Ok(());
    }
    let told = |value: Option<&toml::Value>| value.map_or("absent".to_owned(), ToString::to_string);
    if key == CHANGEABLE {
        let now = told(now);
        return Err(format!("`{key}` cannot become {now}: {begun} of them have begun"));
    }
    Err(format!(
        "`{key}` is {}, not {}, and stays so once the run has candidates; start a new run for other settings",
        told(then),
        told(now)
    ))
}

/// Which rows a record holds, see [`RunRecord::extent`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    candidates: i64,
    exchanges: i64,
    prompts: i64,
    feedback: i64,
}

/// Makes a complete run at `dir`.
fn build(dir: &Path, config: &toml::Table) -> Result<(), RecordError> {
    fs::create_dir_all(dir).map_err(RecordError::storage(dir))?;
    let config_path = dir.join(CONFIG);
    durable::write(&config_path, config.to_string().as_bytes()).map_err(RecordError::storage(&config_path))?;
    let objects = dir.join(OBJECTS);
    durable::create_folder(&objects).map_err(RecordError::storage(&objects))?;
    Database::create(&dir.join(DATABASE))?;
    // Opened and closed under the hidden name: SQLite must not see its file move.
    let record = RunRecord::open(dir)?;
    record.put_fact("started", &json!({ "code": env!("CARGO_PKG_VERSION") }))
}

/// Whether something is in the way of a new run.
fn is_taken(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn check_is_run(dir: &Path) -> Result<(), RecordError> {
    let missing = [CONFIG, DATABASE].into_iter().find(|file| !dir.join(file).is_file());
    match missing {
        None => Ok(()),
        Some(_) if !dir.exists() => Err(RecordError::NotFound(format!("there is no run {}", dir.display()))),
        Some(file) => Err(RecordError::NotFound(format!(
            "{} is no run: it has no {file}",
            dir.display()
        ))),
    }
}
