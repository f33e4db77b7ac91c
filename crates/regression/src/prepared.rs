//! From a plan to something that can be played: task, reward and actions are loaded, compiled and checked against each other.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use carrot_environment::{Engine, Inferred, Task, TaskError};
use carrot_reward_interface::schema::hex;
use carrot_workbench::{CODE_VERSION, ProgramBody, ProgramBytes, Workbench};
use sha2::{Digest as _, Sha256};

use crate::rollout::{Recording, play};
use crate::{Actions, Compared, Golden, Plan, Provenance, RegressionError, Target};

/// Most numbers that a golden keeps; beyond, a rollout is too long to be compared step by step.
const MOST_NUMBERS: usize = 1 << 22;

/// A plan with everything it needs.
pub struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) bench: Workbench,
    /// The reward; a world without one is held by its variables.
    pub(crate) program: Option<ProgramBytes>,
    pub(crate) actions: Actions,
    files: BTreeMap<String, String>,
}

/// How a rollout is played; none of it changes a number.
pub struct Plays<'a> {
    /// Threads that step the environments.
    pub threads: usize,
    /// Hears how many control steps are done, and may break off.
    pub observer: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Prepared {
    /// Loads what the plan names; tasks are looked for below `envs`, for `engine`, which need not be the plan's.
    ///
    /// Errors: [`RegressionError::Asked`] for what does not exist or does not fit, [`RegressionError::Stopped`] for a reward
    /// that does not compile, [`RegressionError::Broken`] for a world that does not load.
    pub fn new(plan: &Plan, envs: &Path, engine: Engine) -> Result<Self, RegressionError> {
        let asked = |message: String| plan.asked(message);
        let loaded = match &plan.target {
            Target::Task(id) => Task::load(envs, id, engine),
            Target::Model(path) => Inferred::load(path, engine).and_then(|inferred| inferred.task()),
        };
        let task = loaded.map_err(|error| match error {
            TaskError::NotFound(message) => asked(message),
            error => RegressionError::Broken(error.to_string()),
        })?;
        let variables = task.schema.variables.iter().map(|variable| variable.name.as_str());
        check_named(plan, "variable", &plan.tolerances.named_variables, variables)?;
        let reward = plan.reward.as_ref().or(task.human_reward.as_ref());
        let program = reward.map(|path| program(path)).transpose().map_err(&asked)?;
        let actions = Actions::load(plan, &task)?;
        let numbers: usize = task.schema.variables.iter().map(|variable| variable.components()).sum();
        let numbers = (numbers + task.action_size()).saturating_mul(plan.steps * plan.envs);
        if plan.compare == Compared::Steps && numbers > MOST_NUMBERS {
            return Err(asked(format!(
                "a golden of {numbers} numbers is too large; take fewer steps or environments, or `compare = \"statistics\"`"
            )));
        }
        let files = file_hashes(envs, &plan.target);
        let broken = |error: carrot_workbench::WorkbenchError| RegressionError::Broken(error.to_string());
        Ok(Self {
            bench: Workbench::new(task).map_err(broken)?,
            plan: plan.clone(),
            program,
            actions,
            files,
        })
    }

    /// Plays the rollout. Equal plans, files and engines give equal goldens, whatever the threads.
    ///
    /// Errors: [`RegressionError::Stopped`] where the reward does not compile or a program stops.
    pub fn play(&self, plays: Plays<'_>) -> Result<Golden, RegressionError> {
        let Recording {
            summary,
            states,
            series,
        } = play(self, plays)?;
        let keeps_steps = self.plan.compare == Compared::Steps;
        Ok(Golden {
            rollout: self.plan.name.clone(),
            provenance: self.provenance(),
            summary,
            states: if keeps_steps { states } else { Vec::new() },
            series: if keeps_steps { series } else { Vec::new() },
        })
    }

    /// Control steps of all environments.
    pub fn steps(&self) -> u64 {
        (self.plan.steps * self.plan.envs) as u64
    }

    fn provenance(&self) -> Provenance {
        let (plan, task) = (&self.plan, &self.bench.task);
        Provenance {
            carrot: CODE_VERSION.into(),
            engine_version: self.bench.engine(),
            task: plan.target.to_string(),
            task_version: task.version,
            engine: task.model.engine(),
            seed: plan.seed,
            steps: plan.steps,
            envs: plan.envs,
            actions: self.actions.description.clone(),
            compare: plan.compare,
            reward: self
                .program
                .as_ref()
                .map_or("none".into(), |program| file_name(&program.file)),
            control_dt_secs: task.control_dt_secs(),
            timestep_secs: task.model.timestep_secs(),
            model_hash: hex(&Sha256::digest(task.model.bytes())),
            reward_hash: self.program.as_ref().map_or(String::new(), ProgramBytes::hash),
            actions_hash: self.actions.hash.clone(),
            files: self.files.clone(),
        }
    }
}

/// Refuses a tolerance that the rollout itself gives for what does not exist.
pub(crate) fn check_named<'a>(
    plan: &Plan,
    what: &str,
    named: &[(String, usize)],
    known: impl Iterator<Item = &'a str>,
) -> Result<(), RegressionError> {
    let known: Vec<&str> = known.collect();
    match (
        named.iter().find(|(name, _)| !known.contains(&name.as_str())),
        &plan.place,
    ) {
        (Some((name, line)), Some((path, _))) => Err(RegressionError::Asked(format!(
            "{}: line {line}: `tolerance.{what}.{name}`: rollout `{}` has no {what} of that name; it has {}",
            path.display(),
            plan.name,
            known.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Reads a reward: text, or a module where the name ends in `.wasm`.
fn program(path: &Path) -> Result<ProgramBytes, String> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{file}: there is no such reward program"),
        _ => format!("{file}: cannot be read: {error}"),
    })?;
    let body = if path.extension().is_some_and(|extension| extension == "wasm") {
        ProgramBody::Wasm(bytes)
    } else {
        ProgramBody::Source(String::from_utf8(bytes).map_err(|_| format!("{file}: not UTF-8 text"))?)
    };
    Ok(ProgramBytes { file, body })
}

fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Hash of each file that makes up the world and the task, where it exists.
fn file_hashes(envs: &Path, target: &Target) -> BTreeMap<String, String> {
    let hashed = |path: &Path| Some(hex(&Sha256::digest(std::fs::read(path).ok()?)));
    let id = match target {
        Target::Task(id) => id,
        Target::Model(path) => {
            let hash = hashed(path).map(|hash| (file_name(&path.display().to_string()), hash));
            return hash.into_iter().collect();
        }
    };
    let (env_name, task_name) = id.split_once('/').unwrap_or((id, ""));
    let of_the_task = ["task.toml", "task.py"].map(|file| format!("tasks/{task_name}/{file}"));
    let names = ["model.xml", "env.toml", "derived.py"].map(str::to_owned);
    let hashes = names.into_iter().chain(of_the_task).filter_map(|name| {
        let hash = hashed(&envs.join(env_name).join(&name))?;
        Some((name, hash))
    });
    hashes.collect()
}
