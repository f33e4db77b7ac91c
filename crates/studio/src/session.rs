//! What must outlive the program: the document, what is on its way to the record, and how the window looks.
//!
//! A session belongs to one run and one task. Its file is replaced in the frame in which something changed, so that a killed studio
//! comes back with every letter. What is already in the run's record is not repeated here.
//!
//! ```text
//! runs/.studio/app.json           the last session of each task, panels, colours, size of text
//!              <run>.json         document, and feedback that the record does not hold yet
//!              lock               held by the one studio that works in this folder
//! runs/<run>/                     the record, from the first thing said or the first search on
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use carrot_environment::Engine;
use carrot_run_record::{Feedback, RunRecord};
use serde::{Deserialize, Serialize};

use crate::compiler::TaskChoice;
use crate::document::Document;
use crate::studio::{StudioError, StudioOptions};

/// Why there is no place to keep anything.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A file or folder failed.
    #[error("{path}: {source}")]
    Storage {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another studio works in this folder.
    #[error("another studio is open on {0}; close it, or give this one a folder of its own with --runs DIR")]
    InUse(PathBuf),
}

/// How the window looks, and what was open last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppState {
    /// The task that was open last.
    pub task: Option<String>,
    /// The last session of each task, by `<engine> <env>/<task>`.
    pub sessions: BTreeMap<String, String>,
    /// Panels, as the tiles write themselves.
    pub layout: Option<serde_json::Value>,
    /// `light`, `dark` or as the system says.
    pub theme: Option<String>,
    /// Size of text and everything else, 1 as made.
    pub zoom: Option<f32>,
    /// The hints of the first run were read.
    pub hints_read: bool,
}

/// Feedback on its way to the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Its own name, under which the record takes it once and no more.
    pub id: String,
    /// What was said.
    pub feedback: Feedback,
}

/// What a session keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionState {
    /// `<env>/<task>`.
    pub task: String,
    /// The engine that moves the worlds.
    pub engine: Engine,
    /// What the person edits.
    pub document: Document,
    /// Feedback that the record does not hold yet, oldest first.
    pub pending: Vec<Pending>,
}

/// The task that a first run opens on: a robot that does something within a second.
const FIRST_TASK: &str = "hopper/hop_forward";

/// The folder of runs, and this studio's own files in it.
pub struct Workplace {
    runs: PathBuf,
    folder: PathBuf,
    /// Held as long as it lives.
    _lock: File,
}

impl Workplace {
    /// Opens `runs`, which is made if need be.
    ///
    /// Errors: [`SessionError::InUse`] while another studio works there.
    pub fn open(runs: &Path) -> Result<Self, SessionError> {
        let folder = runs.join(".studio");
        fs::create_dir_all(&folder).map_err(storage(&folder))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(storage(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SessionError::InUse(runs.to_owned())),
            Err(TryLockError::Error(source)) => return Err(SessionError::Storage { path, source }),
        }
        Ok(Self {
            runs: runs.to_owned(),
            folder,
            _lock: lock,
        })
    }

    /// The folder of runs.
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// How the window looked; as made where nothing can be read.
    pub fn app_state(&self) -> AppState {
        read(&self.folder.join("app.json")).unwrap_or_default()
    }

    /// Keeps how the window looks.
    pub fn keep_app_state(&self, state: &AppState) -> Result<(), SessionError> {
        keep(&self.folder.join("app.json"), state)
    }

    /// What the session of a run kept.
    pub fn session(&self, run: &str) -> Option<SessionState> {
        read(&self.session_path(run))
    }

    /// Keeps a session.
    pub fn keep_session(&self, run: &str, state: &SessionState) -> Result<(), SessionError> {
        keep(&self.session_path(run), state)
    }

    /// A name for a new run of a task that nothing has yet.
    pub fn new_run(&self, task: &str) -> String {
        let stem = task.replace('/', "-");
        (1..)
            .map(|number| format!("{stem}-{number}"))
            .find(|name| !self.runs.join(name).exists() && !self.session_path(name).exists())
            .expect("some number is free")
    }

    fn session_path(&self, run: &str) -> PathBuf {
        self.folder.join(format!("{run}.json"))
    }
}

/// What to open first.
pub(crate) fn first(
    options: &StudioOptions,
    place: &Workplace,
    app: &AppState,
    tasks: &[String],
) -> Result<(TaskChoice, String), StudioError> {
    let choice = |id: String| TaskChoice {
        envs: options.envs.clone(),
        id,
        engine: options.engine,
    };
    if let Some(run) = &options.run {
        let record = RunRecord::open_read_only(&options.runs.join(run)).and_then(|record| record.config());
        let config = record.map_err(|error| StudioError::NotFound(error.to_string()))?;
        let task = config.get("task").and_then(toml::Value::as_str).unwrap_or_default();
        let engine = config
            .get("engine")
            .and_then(toml::Value::as_str)
            .and_then(|text| text.parse().ok());
        let choice = TaskChoice {
            engine: engine.unwrap_or(options.engine),
            ..choice(task.to_owned())
        };
        return Ok((choice, run.clone()));
    }
    let known = |id: &String| tasks.contains(id);
    let id = match &options.task {
        Some(id) if known(id) => id.clone(),
        Some(id) => {
            // The task loader says it best, with the nearest name.
            let error = carrot_environment::Task::load(&options.envs, id, options.engine).err();
            return Err(StudioError::NotFound(
                error.map_or_else(String::new, |error| error.to_string()),
            ));
        }
        None => {
            let last = app.task.clone().filter(known);
            let usual = Some(FIRST_TASK.to_owned()).filter(known);
            let any = tasks.first().cloned();
            last.or(usual)
                .or(any)
                .ok_or_else(|| StudioError::NotFound(format!("{} has no tasks", options.envs.display())))?
        }
    };
    let choice = choice(id);
    let last = app.sessions.get(&session_key(&choice)).cloned();
    let run = last.unwrap_or_else(|| place.new_run(&choice.id));
    Ok((choice, run))
}

/// Under which the last session of a task is known.
pub(crate) fn session_key(choice: &TaskChoice) -> String {
    format!("{} {}", choice.engine, choice.id)
}

/// A damaged file is put aside, not written over: somebody may want to look at it.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            let aside = path.with_extension("damaged");
            tracing::warn!("{}: {error}; kept as {}", path.display(), aside.display());
            _ = fs::rename(path, aside); // where that fails the next write replaces it
            None
        }
    }
}

/// Replaces the file as a whole. A killed process leaves the old or the new one; the disk is not waited for, which would cost
/// frames.
fn keep<T: Serialize>(path: &Path, value: &T) -> Result<(), SessionError> {
    let bytes = serde_json::to_vec(value).expect("plain data");
    let temporary = path.with_extension("part");
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(storage(path))
}

fn storage(path: &Path) -> impl FnOnce(std::io::Error) -> SessionError {
    let path = path.to_owned();
    move |source| SessionError::Storage { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> SessionState {
        SessionState {
            task: "hopper/hop_forward".into(),
            engine: Engine::Mujoco,
            document: Document {
                program: "def compute_reward():\n    …".into(),
                ..Document::default()
            },
            pending: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = Workplace::open(folder.path()).unwrap();
        assert_eq!(place.session("a-1"), None);
        assert_eq!(place.new_run("a/b"), "a-b-1");
        place.keep_session("a-b-1", &state()).unwrap();
        assert_eq!(place.session("a-b-1"), Some(state()));
        assert_eq!(
            place.new_run("a/b"),
            "a-b-2",
            "a session has that name, even without a run"
        );
        let app = AppState {
            zoom: Some(1.5),
            ..AppState::default()
        };
        place.keep_app_state(&app).unwrap();
        assert_eq!(place.app_state(), app);
    }

    #[test]
    fn one_studio_at_a_time_and_a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let place = Workplace::open(folder.path()).unwrap();
        let message = Workplace::open(folder.path()).err().unwrap().to_string();
        assert!(message.contains("another studio is open"), "{message}");
        place.keep_session("x", &state()).unwrap();
        let path = folder.path().join(".studio/x.json");
        fs::write(&path, "{half").unwrap();
        assert_eq!(place.session("x"), None);
        assert_eq!(fs::read_to_string(path.with_extension("damaged")).unwrap(), "{half");
    }
}
