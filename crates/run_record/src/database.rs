//! `run.sqlite`: its tables, its version, and how it is opened.
//!
//! Every write is one transaction, most of them one statement; with WAL and `synchronous = FULL` it is on disk when
//! the write returns. Values are kept as JSON text, so that a record can be read with nothing but the `sqlite3` tool.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RecordError;

/// Version of the tables, kept in `user_version`. An older Carrot refuses a newer record instead of misreading it.
const VERSION: i64 = 2;

/// The first version, which knows no feedback and no prompts. It is read as it is, and becomes the present one when it is
/// opened for writing.
const WITHOUT_FEEDBACK: i64 = 1;

/// Readers and the writer wait this long for each other.
const BUSY: Duration = Duration::from_secs(30);

const TABLES: &str = "
    CREATE TABLE evaluation (
        key TEXT PRIMARY KEY,           -- SHA-256 of the canonical JSON of the job
        job TEXT NOT NULL,
        outcome TEXT NOT NULL,
        written_unix_secs INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE exchange (
        position INTEGER PRIMARY KEY,   -- order of arrival
        request_hash TEXT NOT NULL,
        sample INTEGER NOT NULL,
        request TEXT NOT NULL,
        response TEXT NOT NULL,
        written_unix_secs INTEGER NOT NULL,
        UNIQUE (request_hash, sample)
    ) STRICT;
    CREATE TABLE candidate (
        generation INTEGER NOT NULL,
        place INTEGER NOT NULL,         -- index within the generation
        fitness REAL,                   -- NULL unless it was evaluated
        candidate TEXT NOT NULL,
        PRIMARY KEY (generation, place)
    ) STRICT;
    CREATE TABLE fact (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        written_unix_secs INTEGER NOT NULL
    ) STRICT;
";

/// What version 2 adds.
const FEEDBACK_TABLES: &str = "
    CREATE TABLE feedback (
        position INTEGER PRIMARY KEY,   -- order of arrival
        id TEXT NOT NULL UNIQUE,
        feedback TEXT NOT NULL,
        written_unix_secs INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE prompt (
        position INTEGER PRIMARY KEY,
        generation INTEGER NOT NULL,
        purpose TEXT NOT NULL,          -- `generate`, or `repair g0c1`
        messages TEXT NOT NULL,
        written_unix_secs INTEGER NOT NULL,
        UNIQUE (generation, purpose)
    ) STRICT;
";

/// What an opened run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading.
    Read,
    /// Reading, and adding what people say.
    Listen,
    /// Everything.
    Write,
}

/// An open database, usable from several threads.
pub(crate) struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Database {
    /// Makes the file with empty tables.
    pub(crate) fn create(path: &Path) -> Result<(), RecordError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let make = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.execute_batch(TABLES)?;
            connection.execute_batch(FEEDBACK_TABLES)?;
            connection.pragma_update(None, "user_version", VERSION)
        };
        make().map_err(|error: rusqlite::Error| RecordError::storage(path)(error))
    }

    /// Opens an existing file and checks its version; for writing also its consistency. A file of an older version that is
    /// not only read becomes one of the present version.
    pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Self, RecordError> {
        let flags = match purpose {
            Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Purpose::Listen | Purpose::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let version = user_version(&connection)?;
            let health = match purpose {
                Purpose::Write => connection.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0))?,
                Purpose::Read | Purpose::Listen => "ok".to_owned(),
            };
            Ok((connection, version, health))
        };
        let (connection, version, health) =
            open().map_err(|error: rusqlite::Error| RecordError::storage(path)(error))?;
        let refuse = |message: String| Err(RecordError::storage(path)(message));
        match version {
            WITHOUT_FEEDBACK..=VERSION if health == "ok" => {}
            WITHOUT_FEEDBACK..=VERSION => return refuse(format!("the database is damaged: {health}")),
            newer if newer > VERSION => {
                return refuse(format!(
                    "written by a newer Carrot (record version {newer}, this one reads {VERSION}); use that one"
                ));
            }
            _ => return refuse("this is no run's database".to_owned()),
        }
        if purpose != Purpose::Read && version < VERSION {
            migrate(&connection).map_err(RecordError::storage(path))?;
        }
        Ok(Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        })
    }

    /// Whether the file has the tables of version 2. Asked each time: a run that is being read may become one meanwhile.
    pub(crate) fn has_feedback(&self) -> Result<bool, RecordError> {
        self.with(|connection| Ok(user_version(connection)? > WITHOUT_FEEDBACK))
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs statements; their failure is a failure of this file.
    pub(crate) fn with<T>(
        &self,
        statements: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RecordError> {
        statements(&self.lock()).map_err(RecordError::storage(&self.path))
    }

    /// Values as JSON. What cannot be read back as it was (NaN, infinity) is refused now, while its cause is at hand.
    pub(crate) fn encode<T>(&self, what: &str, value: &T) -> Result<String, RecordError>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let text = serde_json::to_string(value).map_err(|error| self.damaged(what, &error))?;
        match serde_json::from_str::<T>(&text) {
            Ok(back) if back == *value => Ok(text),
            _ => Err(RecordError::storage(&self.path)(format!(
                "{what} holds a number that is not finite and cannot be recorded"
            ))),
        }
    }

    /// Reads what [`Database::encode`] wrote.
    pub(crate) fn decode<T: DeserializeOwned>(&self, what: &str, text: &str) -> Result<T, RecordError> {
        serde_json::from_str(text).map_err(|error| self.damaged(what, &error))
    }

    // A statement that panicked has been rolled back, so the connection behind a poisoned lock is sound.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self, what: &str, error: &serde_json::Error) -> RecordError {
        RecordError::storage(&self.path)(format!("{what} is damaged: {error}"))
    }
}

fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// From version 1 to 2, wholly or not at all. Several processes may try at once, and one does it.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if user_version(&transaction)? == WITHOUT_FEEDBACK {
        transaction.execute_batch(FEEDBACK_TABLES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// Now, in seconds since 1970.
pub(crate) fn now_unix_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
