//! Why a record could not be read or written; every message names the run or the file.

use std::path::{Path, PathBuf};

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is already a run of that name.
    #[error("{0} exists already; resume it, or choose another name")]
    Exists(PathBuf),
    /// There is no such run, or no such object in it.
    #[error("{0}")]
    NotFound(String),
    /// Another process is writing this run.
    #[error("{0} is in use by another process; wait for it to end, or stop it")]
    InUse(PathBuf),
    /// The run was opened for reading, or for what people say.
    #[error("{0} was opened for reading only")]
    ReadOnly(PathBuf),
    /// What was said says nothing, or too much; or a setting may not change any more.
    #[error("{0}")]
    Refused(String),
    /// What is to be kept is there already: work was done, or paid for, twice.
    #[error("{path}: {what} is recorded already")]
    Duplicate {
        /// The database.
        path: PathBuf,
        /// Which entry.
        what: String,
    },
    /// A file or the database failed.
    #[error("{path}: {message}")]
    Storage {
        /// The file.
        path: PathBuf,
        /// The cause.
        message: String,
    },
}

impl RecordError {
    /// For `map_err`: a failure of the file at `path`.
    pub(crate) fn storage<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_owned();
        move |cause| Self::Storage {
            path,
            message: cause.to_string(),
        }
    }
}
