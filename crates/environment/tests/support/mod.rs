//! Temporary copies of the repository's worlds, changed where a test needs it, and task programs written in Rust.

#![allow(
    dead_code,
    reason = "every test file compiles this module for itself and uses a part of it"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carrot_environment::{DerivedText, Engine, MEASURES, Programs, Task, TaskError, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Schema, Stop};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

/// The repository's own worlds.
pub fn envs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs")
}

/// The files of one environment with one task, which may be edited.
pub struct Files {
    dir: tempfile::TempDir,
}

/// Files that start as a copy of cartpole/balance.
pub type Cartpole = Files;

impl Files {
    /// A model, its `env.toml` and a `task.toml`, with a task program that says nothing.
    pub fn of(model: &str, env: &str, task: &str) -> Self {
        let files = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (file, text) in [
            ("model.xml", model),
            ("env.toml", env),
            ("task.toml", task),
            ("task.py", ""),
        ] {
            let path = files.path(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        files
    }

    /// A copy of cartpole/balance.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "model.xml",
            "env.toml",
            "tasks/balance/task.toml",
            "tasks/balance/task.py",
        ] {
            let to = dir.path().join("envs/cartpole").join(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(envs().join("cartpole").join(file), to).unwrap();
        }
        Self { dir }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        let folder = if file.starts_with("task.") { "tasks/balance" } else { "" };
        self.dir.path().join("envs/cartpole").join(folder).join(file)
    }

    /// Replaces text in one of the files.
    pub fn edit(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        self
    }

    /// The task, whose files are right.
    pub fn task(&self) -> Task {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn load(&self) -> Result<Task, TaskError> {
        Task::load(&self.dir.path().join("envs"), "cartpole/balance", Engine::Mujoco)
    }
}

/// A cartpole in which everything is drawn that can be drawn, and something is derived.
pub fn restless(engine: Engine) -> Task {
    let files = Cartpole::new()
        .edit(
            "env.toml",
            "[variable.time]",
            r#"[randomize]
mass = { scale = [0.8, 1.2] }
friction = { scale = [0.5, 1.25] }
gain = { scale = [0.9, 1.1] }
damping = { scale = [0.8, 1.2] }
latency = { steps = [0, 2] }
push = { every_secs = [0.1, 0.2], joint = "slider", velocity = 0.1 }
[variable.goal]
source = { command = { low = -1.0, high = 1.0, every_secs = 0.1 } }
[variable.before]
source = { previous = "lean" }
[variable.lean]
source = { expression = "torch.abs(pole_angle) + goal" }
[variable.time]"#,
        )
        .edit(
            "task.toml",
            "observation = [",
            "observation_delay = 1\nobservation_noise = { lean = 0.1 }\nobservation = [\"lean\", \"before\", ",
        );
    let path = files.dir.path().join("envs");
    let task = Task::load(&path, "cartpole/balance", engine).unwrap_or_else(|error| panic!("{error}"));
    with_derived(task)
}

/// The task with the program of its derived variables, if it has any.
pub fn with_derived(task: Task) -> Task {
    let Some(DerivedText { source, outputs, .. }) = &task.derived else {
        return task;
    };
    let outputs: Vec<(&str, &str)> = outputs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let compiled = compile(source, "derived.py", &task.schema, Entry::Variables(&outputs));
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let program = sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap();
    task.with_derived(Arc::new(program))
}

/// Says fitness, success and terminated of one environment from its variables.
pub type Rule = fn(&Row<'_>) -> [f64; 3];

/// The variables of one environment.
pub struct Row<'a> {
    schema: &'a Schema,
    numbers: &'a [f64],
}

impl Row<'_> {
    /// The first number of a variable.
    pub fn get(&self, name: &str) -> f64 {
        self.numbers[self.schema.places()[self.schema.index(name).unwrap()]]
    }
}

/// A task program written in Rust.
#[derive(Clone)]
pub struct Measures {
    terms: Vec<String>,
    inputs: Vec<usize>,
    schema: Schema,
    rule: Rule,
    rows: Vec<Vec<f64>>,
}

impl Measures {
    pub fn new(task: &Task, rule: Rule) -> Self {
        Self {
            terms: MEASURES.map(str::to_owned).to_vec(),
            inputs: (0..task.schema.variables.len()).collect(),
            schema: task.schema.clone(),
            rule,
            rows: Vec::new(),
        }
    }

    /// As the programs of an environment.
    pub fn programs(&self) -> Programs<'_> {
        Programs {
            measures: self,
            reward: None,
        }
    }
}

impl RewardFn for Measures {
    fn terms(&self) -> &[String] {
        &self.terms
    }

    fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    fn place(&mut self, n_envs: usize, env_index: usize, row: &[f64]) -> Result<(), Stop> {
        self.rows.resize(n_envs, Vec::new());
        self.rows[env_index] = row.to_vec();
        Ok(())
    }

    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop> {
        rewards.clear(3);
        for numbers in &self.rows {
            let schema = &self.schema;
            let values = (self.rule)(&Row { schema, numbers });
            rewards.total.push(values[0]);
            for (term, value) in rewards.terms.iter_mut().zip(values) {
                term.push(value);
            }
        }
        Ok(())
    }
}

impl RewardSource for Measures {
    fn terms(&self) -> &[String] {
        &self.terms
    }

    fn whole_batch(&self) -> bool {
        false
    }

    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop> {
        Ok(Box::new(self.clone()))
    }
}

/// N environments of a task that `rule` judges.
pub fn env(task: &Task, rule: Rule, n_envs: usize, seed: u64, threads: usize) -> Result<VecEnv, Stop> {
    VecEnv::new(task, Measures::new(task, rule).programs(), n_envs, seed, threads)
}

/// Actions in [-1.2, 1.2] that look random and depend on the step and the place only.
pub fn actions(step: usize, len: usize) -> Vec<f32> {
    (0..len)
        .map(|place| {
            let mixed = (step * 7_919 + place * 104_729 + 12_345).wrapping_mul(2_654_435_761) >> 7;
            (mixed % 2_401) as f32 / 1_000.0 - 1.2
        })
        .collect()
}
