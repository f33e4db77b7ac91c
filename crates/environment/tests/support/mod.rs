//! Temporary copies of the repository's worlds, changed where a test needs it, and task programs written in Rust.

#![allow(
    dead_code,
    reason = "every test file compiles this module for itself and uses a part of it"
)]

use std::path::{Path, PathBuf};

use carrot_environment::{Engine, MEASURES, Task, TaskError};
use carrot_reward_interface::{Batch, RewardFn, Rewards, Schema, Stop};

/// The repository's own worlds.
pub fn envs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs")
}

/// A copy of cartpole/balance whose files may be edited.
pub struct Cartpole {
    dir: tempfile::TempDir,
}

impl Cartpole {
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

    pub fn load(&self) -> Result<Task, TaskError> {
        Task::load(&self.dir.path().join("envs"), "cartpole/balance", Engine::Mujoco)
    }
}

/// Says fitness, success and terminated of one environment from its variables.
pub type Rule = fn(&Row<'_>) -> [f64; 3];

/// The variables of one environment.
pub struct Row<'a> {
    schema: &'a Schema,
    batch: &'a Batch,
    env_index: usize,
}

impl Row<'_> {
    /// The first number of a variable.
    pub fn get(&self, name: &str) -> f64 {
        let index = self.schema.index(name).unwrap();
        self.batch.row(self.schema, index, self.env_index)[0]
    }
}

/// A task program written in Rust.
pub struct Measures {
    terms: Vec<String>,
    schema: Schema,
    rule: Rule,
}

impl Measures {
    pub fn boxed(task: &Task, rule: Rule) -> Box<dyn RewardFn> {
        Box::new(Self {
            terms: MEASURES.map(str::to_owned).to_vec(),
            schema: task.schema.clone(),
            rule,
        })
    }
}

impl RewardFn for Measures {
    fn terms(&self) -> &[String] {
        &self.terms
    }

    fn evaluate(&mut self, batch: &Batch, rewards: &mut Rewards) -> Result<(), Stop> {
        rewards.terms = vec![vec![0.0; batch.n_envs]; 3];
        for env_index in 0..batch.n_envs {
            let values = (self.rule)(&Row {
                schema: &self.schema,
                batch,
                env_index,
            });
            for (term, value) in rewards.terms.iter_mut().zip(values) {
                term[env_index] = value;
            }
        }
        rewards.total = rewards.terms[0].clone();
        Ok(())
    }
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
