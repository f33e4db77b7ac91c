//! A task: which world, what to do in it, what programs may read, when it ends and how it is judged.

use std::path::{Path, PathBuf};

use std::sync::Arc;

use carrot_physics::{Engine, Model, PhysicsError};
use carrot_reward_interface::{RewardSource, Schema};
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::binding::{Binder, Binding, Bound};
use crate::command::Command;
use crate::control::{ActionChannel, Actuation, substeps};
use crate::derived::DerivedText;
use crate::env_file::EnvFile;
use crate::episode::{FitnessAggregate, SuccessAggregate};
use crate::nearest::nearest;
use crate::observation::{CriticObservation, Observation};
use crate::randomization::Randomization;
use crate::reset::InitialStates;
use crate::schema_of_files::schema;
use crate::task_file::TaskFile;
use crate::text::Text;

/// A task, read from its files and checked.
#[derive(Clone)]
pub struct Task {
    /// `<env>/<task>`.
    pub id: String,
    /// What the robot should do, one sentence.
    pub instruction: String,
    /// Raised whenever a change makes results incomparable.
    pub version: u32,
    /// What programs may read.
    pub schema: Schema,
    /// Names of the variables that make up the observation, in order.
    pub observation: Vec<String>,
    /// Names of the variables that the value network sees beside the observation, in order. The policy never sees them, so
    /// that it needs nothing that only a simulation knows.
    pub critic_observation: Vec<String>,
    /// The compiled model.
    pub model: Model,
    /// Physics steps per control step.
    pub substeps: usize,
    /// Control steps until truncation.
    pub horizon: usize,
    /// Text and file name of the task's program with `fitness`, `success`, `terminated`.
    pub program: (String, PathBuf),
    /// False where nobody has said what is good: fitness and success are then zeros that mean nothing.
    pub judges: bool,
    /// The hand-written reward, where there is one.
    pub human_reward: Option<PathBuf>,
    /// Settings of PPO that differ from the defaults, as read from `[ppo]` in task.toml.
    pub ppo: toml::Table,
    /// The same for SAC, from `[sac]`.
    pub sac: toml::Table,
    /// The same for planners, from `[plan]`.
    pub plan: toml::Table,
    /// SHA-256 over every file that can change results, and over the compiled model, which has in it whatever further files
    /// `model.xml` refers to; as hex.
    pub hash: String,
    /// Engines that the task is validated on.
    pub engines: Vec<Engine>,
    /// Version of the environment, raised whenever a change makes results incomparable.
    pub env_version: u32,
    /// What computes the derived variables, as text; none where there are none.
    pub derived: Option<DerivedText>,
    /// The same, compiled, once somebody has attached it.
    pub(crate) derived_program: Option<Arc<dyn RewardSource + Send + Sync>>,
    /// Where each variable comes from, in the order of the schema.
    pub(crate) bindings: Vec<Binding>,
    /// Positions of the `previous` variables, in the order in which they are taken.
    pub(crate) previous: Vec<usize>,
    pub(crate) commands: Vec<Command>,
    pub(crate) observed: Observation,
    pub(crate) critic_observed: CriticObservation,
    pub(crate) actuation: Actuation,
    pub(crate) initial_states: InitialStates,
    pub(crate) randomization: Randomization,
    pub(crate) aggregates: (FitnessAggregate, SuccessAggregate),
}

/// What is wrong with an environment's files; each message names file and key.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No such environment or task.
    #[error("{0}")]
    NotFound(String),
    /// A file cannot be used.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// The texts that describe a task, beside its model.
pub(crate) struct TaskTexts {
    pub(crate) env: Text,
    pub(crate) task: Text,
    pub(crate) program: Text,
    /// `derived.py`, where there is one.
    pub(crate) derived: Option<Text>,
}

impl Task {
    /// Loads `<env>/<task>` below `envs` for one engine, its human reward from `reward_programs/<env>/<task>/human.py` beside `envs`.
    ///
    /// Errors: [`TaskError::NotFound`] with the nearest id that exists, or [`TaskError::File`] for the first file that
    /// cannot be used, with the line where there is one.
    pub fn load(envs: &Path, id: &str, engine: Engine) -> Result<Self, TaskError> {
        let known = task_ids(envs)?;
        if !known.iter().any(|task| task == id) {
            return Err(TaskError::NotFound(no_such_task(envs, id, &known)));
        }
        // `id` is now one of the folders that were listed, so it cannot point anywhere else.
        let (env_name, task_name) = id.split_once('/').expect("listed ids have two parts");
        let env_dir = envs.join(env_name);
        let task_dir = env_dir.join("tasks").join(task_name);

        let human_reward = envs
            .parent()
            .unwrap_or(Path::new(""))
            .join("reward_programs")
            .join(id)
            .join("human.py");
        let files = TaskTexts {
            env: Text::read(&env_dir.join("env.toml"))?,
            task: Text::read(&task_dir.join("task.toml"))?,
            program: Text::read(&task_dir.join("task.py"))?,
            derived: match env_dir.join("derived.py") {
                path if path.exists() => Some(Text::read(&path)?),
                _ => None,
            },
        };
        let task = Self::from_texts(id, files, &env_dir, engine)?;
        Ok(Self {
            human_reward: human_reward.is_file().then_some(human_reward),
            ..task
        })
    }

    /// A task from the texts that describe it, wherever they come from; paths in them are relative to `env_dir`.
    pub(crate) fn from_texts(id: &str, texts: TaskTexts, env_dir: &Path, engine: Engine) -> Result<Self, TaskError> {
        let TaskTexts {
            env: env_text,
            task: task_text,
            program,
            derived,
        } = texts;
        let env: EnvFile = env_text.parse()?;
        let task: TaskFile = task_text.parse()?;
        let model_path = env_dir.join(env.model.as_deref().unwrap_or(Path::new("model.xml")));
        let model_text = Text::read(&model_path)?;
        let (schema, declared) = schema(&env_text, &env)?;
        let model = Model::load(&model_path, engine).map_err(|cause| match cause {
            PhysicsError::Load { path, message } => TaskError::File { path, message },
            other => model_text.whole(other.to_string()),
        })?;
        let actuation = Actuation::new(&env_text, env.control.get_ref(), &model)?;
        if actuation.len() == 0 {
            return Err(model_text.whole("the model has no actuator, so no policy can act in it".into()));
        }

        let substeps = substeps(&env_text, &env, model.timestep_secs())?;
        let control_dt_secs = model.timestep_secs() * substeps as f64;
        let horizon = at_least_one(&task_text, "horizon", &task.horizon)?;
        if task.instruction.get_ref().trim().is_empty() {
            let message = "`instruction` is empty; write one sentence that says what the robot should do";
            return Err(task_text.at(task.instruction.span(), message));
        }
        if task.engines.get_ref().is_empty() {
            let message = "`engines` is empty; name those the task is validated on, such as [\"mujoco\"]";
            return Err(task_text.at(task.engines.span(), message));
        }
        let reset_files = [(&task_text, &task.reset), (&env_text, &env.reset)];
        let initial_states = InitialStates::new(reset_files, &model)?;
        let randomize_files = [(&task_text, &task.randomize), (&env_text, &env.randomize)];
        let randomization = Randomization::new(randomize_files, &model, control_dt_secs)?;
        let binder = Binder {
            env_file: &env_text,
            task_file: &task_text,
            task: &task,
            schema: &schema,
            declared: &declared,
            model: &model,
            action_size: actuation.len(),
            control_dt_secs,
        };
        let Bound {
            bindings,
            commands,
            derived: derived_entries,
            previous,
        } = binder.bind()?;
        let observed = Observation::new(&task_text, &task, &schema, &bindings)?;
        let critic_observed = CriticObservation::new(&task_text, &task, &schema, &bindings, &observed)?;
        let mut texts = vec![&model_text, &env_text, &task_text, &program];
        texts.extend(&derived);
        let hash = hash(&texts, &model.bytes());
        let derived = DerivedText::new(&env_text, derived.as_ref(), derived_entries)?;
        drop(declared);

        Ok(Self {
            id: id.to_owned(),
            instruction: task.instruction.into_inner(),
            version: task.version,
            observation: names(task.observation.into_inner()),
            critic_observation: names(task.critic_observation),
            substeps,
            horizon,
            judges: true,
            human_reward: None,
            ppo: task.ppo,
            sac: task.sac,
            plan: task.plan,
            hash,
            program: (program.text, program.path),
            schema,
            model,
            engines: task.engines.into_inner(),
            env_version: env.version,
            derived,
            derived_program: None,
            bindings,
            previous,
            commands,
            observed,
            critic_observed,
            actuation,
            initial_states,
            randomization,
            aggregates: (task.fitness.aggregate, task.success.aggregate),
        })
    }

    /// The same task with the compiled program of its derived variables, whose terms are those of
    /// [`DerivedText::outputs`](crate::DerivedText::outputs).
    pub fn with_derived(mut self, program: Arc<dyn RewardSource + Send + Sync>) -> Self {
        self.derived_program = Some(program);
        self
    }

    /// Seconds per control step.
    pub fn control_dt_secs(&self) -> f64 {
        self.model.timestep_secs() * self.substeps as f64
    }

    /// Length of the observation vector.
    pub fn observation_size(&self) -> usize {
        self.observed.len()
    }

    /// How many numbers the value network sees beside the observation.
    pub fn critic_observation_size(&self) -> usize {
        self.critic_observed.len()
    }

    /// Length of the action vector; every action lies in [-1, 1] and is scaled to the actuator's range.
    pub fn action_size(&self) -> usize {
        self.actuation.len()
    }

    /// What each number of an action does, in order.
    pub fn action_channels(&self) -> Vec<ActionChannel> {
        self.actuation.channels(&self.model)
    }

    /// Number of scalars in all variables together.
    pub(crate) fn row_size(&self) -> usize {
        self.bindings.last().map_or(0, |last| last.offset + last.components)
    }
}

/// Ids of all tasks below `envs`, sorted: every `<env>/<task>` with a file `<env>/tasks/<task>/task.toml`.
///
/// Errors: [`TaskError::NotFound`] when `envs` is no folder or holds no task.
pub fn task_ids(envs: &Path) -> Result<Vec<String>, TaskError> {
    let mut ids = Vec::new();
    for env_name in folders(envs).ok_or_else(|| {
        TaskError::NotFound(format!(
            "there is no folder {}; environments are looked for there as <env>/tasks/<task>/task.toml",
            envs.display()
        ))
    })? {
        let tasks = envs.join(&env_name).join("tasks");
        for task_name in folders(&tasks).unwrap_or_default() {
            if tasks.join(&task_name).join("task.toml").is_file() {
                ids.push(format!("{env_name}/{task_name}"));
            }
        }
    }
    if ids.is_empty() {
        return Err(TaskError::NotFound(format!(
            "{} holds no task; a task is a file <env>/tasks/<task>/task.toml",
            envs.display()
        )));
    }
    ids.sort();
    Ok(ids)
}

fn names(listed: Vec<Spanned<String>>) -> Vec<String> {
    listed.into_iter().map(Spanned::into_inner).collect()
}

/// Names of the folders in `dir`, or `None` where it cannot be read.
fn folders(dir: &Path) -> Option<Vec<String>> {
    let entries = std::fs::read_dir(dir).ok()?;
    Some(
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect(),
    )
}

fn no_such_task(envs: &Path, id: &str, known: &[String]) -> String {
    let found = format!("there is no task `{id}` in {}", envs.display());
    match nearest(id, known.iter().map(String::as_str)) {
        Some(name) => format!("{found}; did you mean `{name}`?"),
        None => format!("{found}; there are {}", known.join(", ")),
    }
}

fn at_least_one(file: &Text, key: &str, value: &Spanned<usize>) -> Result<usize, TaskError> {
    match value.get_ref() {
        0 => Err(file.at(value.span(), format!("`{key}` must be at least 1"))),
        number => Ok(*number),
    }
}

fn hash(files: &[&Text], model: &[u8]) -> String {
    let mut hasher = Sha256::new();
    for part in files.iter().map(|file| file.text.as_bytes()).chain([model]) {
        // The length separates the parts, so that moving text from one to the next changes the hash.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    carrot_reward_interface::schema::hex(&hasher.finalize())
}
