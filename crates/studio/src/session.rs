//! What must outlive the program: the document, what is on its way to the record, and how the window looks.
//!
//! A session belongs to one run and one task. Its file is replaced as soon as something has changed, so that a killed studio comes
//! back with every letter; the `Keeper` does that. What is already in the run's record is not repeated here.
//!
//! ```text
//! runs/.studio/app.json           the last session of each task, panels, colours, size of text
//!              sessions/<run>.json  document, and feedback that the record does not hold yet
//!              lock               held by the one studio that works in this folder
//! runs/<run>/                     the record, from the first thing said or the first search on
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use carrot_environment::Engine;
use carrot_run_record::{Feedback, RunRecord};
use serde::{Deserialize, Serialize};

use crate::compiler::TaskChoice;
use crate::document::Document;
use crate::draft::Unsettled;
use crate::keeper::{Found, Keeper, read};
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
    /// The program is a version that the history does not have yet.
    #[serde(default)]
    pub unsettled: Option<Unsettled>,
    /// Feedback that the record does not hold yet, oldest first.
    pub pending: Vec<Pending>,
    /// The run had a record. Where it has none now, that was moved away or deleted, and nothing must take its place by itself.
    #[serde(default)]
    pub recorded: bool,
}

/// The task that a first run opens on: a robot that does something within a second.
const FIRST_TASK: &str = "hopper/hop_forward";

impl SessionState {
    /// A session in which nothing was done.
    pub fn new(choice: &TaskChoice) -> Self {
        Self {
            task: choice.id.clone(),
            engine: choice.engine,
            document: Document::default(),
            unsettled: None,
            pending: Vec::new(),
            recorded: false,
        }
    }
}

/// The folder of runs, and this studio's own files in it.
pub struct Workplace {
    runs: PathBuf,
    folder: PathBuf,
    /// The newest state of every session that was worked on, which may be on its way to its file.
    sessions: BTreeMap<String, Arc<SessionState>>,
    keeper: Keeper,
    /// Held as long as it lives, and until everything is written.
    _lock: File,
}

impl Workplace {
    /// Opens `runs`, which is made if need be. `wake` is called, from another thread, when [`Self::trouble`] has changed.
    ///
    /// Errors: [`SessionError::InUse`] while another studio works there; [`SessionError::Storage`] where nothing can be kept.
    pub fn open(runs: &Path, wake: impl Fn() + Send + Clone + 'static) -> Result<Self, SessionError> {
        let folder = runs.join(".studio");
        let sessions = sessions_of(runs);
        fs::create_dir_all(&sessions).map_err(storage(&sessions))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(storage(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SessionError::InUse(runs.to_owned())),
            Err(TryLockError::Error(source)) => return Err(SessionError::Storage { path, source }),
        }
        Ok(Self {
            runs: runs.to_owned(),
            keeper: Keeper::start(wake).map_err(storage(&folder))?,
            folder,
            sessions: BTreeMap::new(),
            _lock: lock,
        })
    }

    /// The folder of runs.
    pub fn runs(&self) -> &Path {
        &self.runs
    }

    /// The folder of the studio's own files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How the window looked.
    pub fn app_state(&self) -> Found<AppState> {
        read(&self.folder.join("app.json"))
    }

    /// Keeps how the window looks.
    pub fn keep_app_state(&self, state: AppState) {
        self.keeper.keep(self.folder.join("app.json"), Arc::new(state));
    }

    /// What the session of a run kept.
    pub fn session(&self, run: &str) -> Found<SessionState> {
        match self.sessions.get(run) {
            Some(state) => Found {
                value: Some(SessionState::clone(state)),
                trouble: None,
            },
            None => read(&self.session_path(run)),
        }
    }

    /// Keeps a session.
    pub fn keep_session(&mut self, run: &str, state: SessionState) {
        let state = Arc::new(state);
        self.sessions.insert(run.to_owned(), Arc::clone(&state));
        self.keeper.keep(self.session_path(run), state);
    }

    /// Why something is not kept, in one sentence.
    pub fn trouble(&self) -> Option<String> {
        self.keeper.trouble()
    }

    /// Waits until all is on disk, or cannot be. Gives why it is not. Nothing is kept from then on.
    pub fn finish(&mut self) -> Option<String> {
        self.keeper.finish()
    }

    /// A name for a new run of a task that nothing has yet.
    pub fn new_run(&self, task: &str) -> String {
        let stem = task.replace('/', "-");
        let is_taken = |name: &String| {
            self.sessions.contains_key(name) || self.runs.join(name).exists() || self.session_path(name).exists()
        };
        (1..)
            .map(|number| format!("{stem}-{number}"))
            .find(|name| !is_taken(name))
            .expect("some number is free")
    }

    fn session_path(&self, run: &str) -> PathBuf {
        self.folder.join("sessions").join(format!("{run}.json"))
    }
}

/// Names of the runs in a folder, newest first; also of those that have a session and no record yet.
pub fn runs_in(folder: &Path) -> Vec<String> {
    let changed = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let recorded = entries(folder).filter_map(|entry| {
        let changed = changed(&entry.path().join("run.sqlite"))?;
        Some((entry.file_name().into_string().ok()?, changed))
    });
    let begun = entries(&sessions_of(folder)).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name.strip_suffix(".json")?.to_owned(), changed(&entry.path())?))
    });
    let mut newest: BTreeMap<String, SystemTime> = BTreeMap::new();
    for (name, changed) in recorded.chain(begun) {
        let known = newest.entry(name).or_insert(changed);
        *known = changed.max(*known);
    }
    let mut runs: Vec<_> = newest.into_iter().collect();
    runs.sort_by(|(a, a_changed), (b, b_changed)| (b_changed, b).cmp(&(a_changed, a)));
    runs.into_iter().map(|(name, _)| name).collect()
}

fn sessions_of(runs: &Path) -> PathBuf {
    runs.join(".studio").join("sessions")
}

/// The task of a run, with its engine; `usual`: where the run does not name one.
///
/// Errors: one sentence, where there is neither a record nor a session.
pub fn task_of(runs: &Path, run: &str, envs: &Path, usual: Engine) -> Result<TaskChoice, String> {
    let record = RunRecord::open_read_only(&runs.join(run)).and_then(|record| record.config());
    let config = match record {
        Ok(config) => config,
        Err(error) => {
            let kept = fs::read(sessions_of(runs).join(format!("{run}.json"))).ok();
            let session = kept.and_then(|bytes| serde_json::from_slice::<SessionState>(&bytes).ok());
            let session = session.ok_or_else(|| error.to_string())?;
            return Ok(TaskChoice {
                envs: envs.to_owned(),
                id: session.task,
                engine: session.engine,
            });
        }
    };
    let text = |key: &str| config.get(key).and_then(toml::Value::as_str);
    Ok(TaskChoice {
        envs: envs.to_owned(),
        id: text("task").unwrap_or_default().to_owned(),
        engine: text("engine").and_then(|text| text.parse().ok()).unwrap_or(usual),
    })
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
        let choice = task_of(&options.runs, run, &options.envs, options.engine).map_err(StudioError::NotFound)?;
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

fn storage(path: &Path) -> impl FnOnce(std::io::Error) -> SessionError {
    let path = path.to_owned();
    move |source| SessionError::Storage { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_run_record::EditKind;

    fn state() -> SessionState {
        SessionState {
            task: "hopper/hop_forward".into(),
            engine: Engine::Mujoco,
            document: Document {
                program: "def compute_reward():\n    …".into(),
                ..Document::default()
            },
            unsettled: Some(Unsettled {
                how: EditKind::Typed,
                summary: String::new(),
                before: "def".into(),
            }),
            pending: Vec::new(),
            recorded: true,
        }
    }

    #[test]
    fn what_is_kept_comes_back_in_this_studio_and_in_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let app = AppState {
            zoom: Some(1.5),
            ..AppState::default()
        };
        // A run may have any name, also that of the window's own file.
        for run in ["a-b-1", "app", "v1.2"] {
            let mut place = Workplace::open(folder.path(), || ()).unwrap();
            assert_eq!(place.session(run).value, None);
            place.keep_session(run, state());
            place.keep_app_state(app.clone());
            assert_eq!(place.session(run).value, Some(state()));
            drop(place);
            let place = Workplace::open(folder.path(), || ()).unwrap();
            assert_eq!(place.session(run).value, Some(state()));
            assert_eq!(place.app_state().value, Some(app.clone()));
            assert_eq!(
                place.new_run("a/b"),
                "a-b-2",
                "a session has the first name, even without a run"
            );
        }
    }

    #[test]
    fn one_studio_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let place = Workplace::open(folder.path(), || ()).unwrap();
        let message = Workplace::open(folder.path(), || ()).err().unwrap().to_string();
        assert!(message.contains("another studio is open"), "{message}");
        drop(place);
        Workplace::open(folder.path(), || ()).unwrap();
    }

    #[test]
    fn runs_are_listed_newest_first_with_their_task() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = toml::Table::new();
        config.insert("task".into(), "cartpole/balance".into());
        config.insert("engine".into(), "rapier".into());
        for name in ["old", "new"] {
            RunRecord::create(&folder.path().join(name), &config).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        fs::create_dir(folder.path().join("no run")).unwrap();
        assert_eq!(runs_in(folder.path()), ["new", "old"]);
        let choice = task_of(folder.path(), "old", Path::new("envs"), Engine::Mujoco).unwrap();
        assert_eq!(
            (choice.id.as_str(), choice.engine),
            ("cartpole/balance", Engine::Rapier)
        );
        assert!(task_of(folder.path(), "no run", Path::new("envs"), Engine::Mujoco).is_err());
    }
}
