//! Text to checked, loaded reward on a thread of its own; what compiles goes straight on to the stage.
//!
//! Compiling takes milliseconds and a quarter of a second at worst, which is more than a frame. Only the newest text counts: what
//! was typed over meanwhile is never compiled.
//!
//! ```text
//! task id ──▶ Workbench ─────────────┐
//! text ─────▶ findings, constants, LoadedReward ──▶ stage
//! ```

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carrot_environment::{Engine, Task};
use carrot_reward_compiler::constants::{Constant, constants};
use carrot_reward_interface::{Diagnostic, Severity};
use carrot_reward_sandbox::LoadedReward;
use carrot_workbench::Workbench;

use crate::worker::{Worker, lock};

/// Name of the person's program in messages.
pub const FILE: &str = "reward.py";

/// Which task is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskChoice {
    /// Folder of environments.
    pub envs: PathBuf,
    /// `<env>/<task>`.
    pub id: String,
    /// The engine that moves the worlds.
    pub engine: Engine,
}

/// A task ready to work with.
pub struct OpenTask {
    /// Which one.
    pub choice: TaskChoice,
    /// The task, its own program, the sandbox.
    pub bench: Workbench,
    /// The hand-written reward's text; where there is none, the smallest program.
    pub human: String,
}

/// What became of a text.
#[derive(Clone, Default)]
pub struct Compiled {
    /// The text.
    pub text: Arc<str>,
    /// Errors and warnings, sorted by position.
    pub findings: Arc<[Diagnostic]>,
    /// Its numbers that can be turned.
    pub constants: Arc<[Constant]>,
    /// Names of its terms; of the last text that compiled where this one does not.
    pub terms: Arc<[String]>,
    /// The text compiles.
    pub works: bool,
    /// From text to loaded reward.
    pub took: Duration,
}

impl Compiled {
    /// Number of errors.
    pub fn errors(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count()
    }
}

/// A reward that compiles, for the stage.
#[derive(Clone)]
pub struct FreshReward {
    /// The task it is for.
    pub task: Arc<OpenTask>,
    /// The reward.
    pub reward: Arc<LoadedReward>,
    /// Its text.
    pub text: Arc<str>,
    /// When the person changed the text.
    pub edited: Instant,
}

/// The thread. Dropping it ends it.
pub struct Compiler {
    shared: Arc<Shared>,
    worker: Worker,
}

#[derive(Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    something_new: Condvar,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Wanted {
    task: Option<TaskChoice>,
    text: Option<(Arc<str>, Instant)>,
    leave: bool,
}

#[derive(Default, Clone)]
struct Shown {
    task: Option<Arc<OpenTask>>,
    refused: Option<(TaskChoice, String)>,
    compiled: Compiled,
}

impl Compiler {
    /// Starts the thread. `deliver` takes every reward that compiles, `wake` is called when there is something new to show.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(
        deliver: impl Fn(FreshReward) + Send + 'static,
        wake: impl Fn() + Send + Clone + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (theirs, again) = (Arc::clone(&shared), wake.clone());
        let worker = Worker::start("compiler", wake, move || work(&theirs, &deliver, &again))?;
        Ok(Self { shared, worker })
    }

    /// Why the thread stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.worker.trouble()
    }

    /// Opens another task. Texts are compiled for it from then on.
    pub fn open(&self, task: TaskChoice) {
        lock(&self.shared.wanted).task = Some(task);
        self.shared.something_new.notify_one();
    }

    /// Compiles a text, which was changed at `edited`.
    pub fn compile(&self, text: &str, edited: Instant) {
        lock(&self.shared.wanted).text = Some((text.into(), edited));
        self.shared.something_new.notify_one();
    }

    /// The task that is open; none before the first.
    pub fn task(&self) -> Option<Arc<OpenTask>> {
        lock(&self.shared.shown).task.clone()
    }

    /// Which task could not be opened last, and why.
    pub fn refused(&self) -> Option<(TaskChoice, String)> {
        lock(&self.shared.shown).refused.clone()
    }

    /// The last text that was looked at.
    pub fn compiled(&self) -> Compiled {
        lock(&self.shared.shown).compiled.clone()
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        lock(&self.shared.wanted).leave = true;
        self.shared.something_new.notify_one();
    }
}

fn work(shared: &Shared, deliver: &dyn Fn(FreshReward), wake: &dyn Fn()) {
    loop {
        let (choice, text) = {
            let mut wanted = lock(&shared.wanted);
            loop {
                if wanted.leave {
                    return;
                }
                let open = wanted.task.is_some() || lock(&shared.shown).task.is_some();
                if wanted.task.is_some() || (open && wanted.text.is_some()) {
                    break;
                }
                wanted = shared
                    .something_new
                    .wait(wanted)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let choice = wanted.task.take();
            // A text waits for its task.
            let text = if choice.is_some() { None } else { wanted.text.take() };
            (choice, text)
        };
        if let Some(choice) = choice {
            match open(&choice) {
                Ok(task) => {
                    let mut shown = lock(&shared.shown);
                    shown.task = Some(Arc::new(task));
                    shown.refused = None;
                    shown.compiled = Compiled::default();
                }
                Err(message) => lock(&shared.shown).refused = Some((choice, message)),
            }
        }
        if let Some((text, edited)) = text {
            let Some(task) = lock(&shared.shown).task.clone() else {
                continue;
            };
            let before = lock(&shared.shown).compiled.terms.clone();
            let (compiled, reward) = examine(&task, &text, before);
            lock(&shared.shown).compiled = compiled;
            if let Some(reward) = reward {
                deliver(FreshReward {
                    task,
                    reward: Arc::new(reward),
                    text,
                    edited,
                });
            }
        }
        wake();
    }
}

fn open(choice: &TaskChoice) -> Result<OpenTask, String> {
    let task = Task::load(&choice.envs, &choice.id, choice.engine).map_err(|error| error.to_string())?;
    let human = match &task.human_reward {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => String::new(),
    };
    let bench = Workbench::new(task).map_err(|error| error.to_string())?;
    Ok(OpenTask {
        choice: choice.clone(),
        bench,
        human,
    })
}

fn examine(task: &OpenTask, text: &Arc<str>, before: Arc<[String]>) -> (Compiled, Option<LoadedReward>) {
    let started = Instant::now();
    let (reward, findings) = task.bench.examine(FILE, text);
    let terms = match &reward {
        Some(reward) => reward.interface().terms.iter().map(|term| term.name.clone()).collect(),
        None => before,
    };
    let compiled = Compiled {
        text: Arc::clone(text),
        findings: findings.into(),
        constants: constants(text).into(),
        terms,
        works: reward.is_some(),
        took: started.elapsed(),
    };
    (compiled, reward)
}
