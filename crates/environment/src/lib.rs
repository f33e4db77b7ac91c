//! Tasks and the environments that play them: variables, action, reset, termination, fitness, vectorised stepping.
//!
//! ```text
//! envs/<env>/env.toml + tasks/<task>/task.toml ──▶ Task {schema, instruction, horizon, …}
//!                                                    │
//!                     actions [N, A] ──▶ VecEnv ──▶ observations [N, O], Batch, fitness, terminated, truncated
//! ```
//!
//! Fitness, success and termination are the task's own program (`task.py`), run through the same [`RewardFn`] trait as the
//! reward under test. They never read that reward. Start in [`Task`], then [`VecEnv`].

use std::path::{Path, PathBuf};

use carrot_physics::{Model, Physics};
use carrot_reward_interface::{Batch, RewardFn, Schema, Stop};

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
    /// The compiled model.
    pub model: Model,
    /// Physics steps per control step.
    pub substeps: usize,
    /// Control steps until truncation.
    pub horizon: usize,
    /// Text and file name of the task's program with `fitness`, `success`, `terminated`.
    pub program: (String, PathBuf),
    /// The hand-written reward, where there is one.
    pub human_reward: Option<PathBuf>,
    /// Optimiser settings that differ from the defaults, as read from `[ppo]` in task.toml.
    pub ppo: toml::Table,
    /// SHA-256 over every file that can change results, as hex.
    pub hash: String,
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

impl Task {
    /// Loads `<env>/<task>` below `envs` (a folder laid out as design describes), its reward from `reward_programs` beside it.
    pub fn load(_envs: &Path, _id: &str) -> Result<Self, TaskError> {
        todo!()
    }
    /// Seconds per control step.
    pub fn control_dt_secs(&self) -> f64 {
        self.model.timestep_secs() * self.substeps as f64
    }
    /// Length of the observation vector.
    pub fn observation_size(&self) -> usize {
        todo!()
    }
    /// Length of the action vector; every action lies in [-1, 1] and is scaled to the actuator's range.
    pub fn action_size(&self) -> usize {
        todo!()
    }
}

/// Ids of all tasks below `envs`, sorted.
pub fn task_ids(_envs: &Path) -> Result<Vec<String>, TaskError> {
    todo!()
}

/// Names of the terms of a task program, in the order that [`VecEnv::new`] expects.
pub const MEASURES: [&str; 3] = ["fitness", "success", "terminated"];

/// A finished episode of one environment.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Episode {
    /// Which environment.
    pub env_index: usize,
    /// The task's fitness, aggregated as the task says.
    pub fitness: f64,
    /// Whether the task counts as solved.
    pub success: bool,
    /// Control steps.
    pub steps: usize,
    /// The simulation diverged; fitness and success then mean nothing.
    pub fault: Option<String>,
}

/// N environments of one task, stepped together.
pub struct VecEnv {
    /// What the last step did, for every environment.
    pub step: StepData,
    _worlds: Vec<Box<dyn Physics>>,
}

/// Result of a step. Arrays are environment-major.
#[derive(Debug, Clone, Default)]
pub struct StepData {
    /// Observation to act on next (after a reset where the episode ended), `[N, O]`.
    pub observations: Vec<f32>,
    /// Observation at the end of the step, before any reset, `[N, O]`.
    pub final_observations: Vec<f32>,
    /// The task ended the episode; its value is not bootstrapped, `[N]`.
    pub terminated: Vec<bool>,
    /// Only the clock ended the episode; the value of `final_observations` is bootstrapped, `[N]`.
    pub truncated: Vec<bool>,
    /// The simulation diverged in this step: reward and observation mean nothing and must not be learned from, `[N]`.
    pub faulted: Vec<bool>,
    /// Variables at the end of the step, before any reset: what the reward reads.
    pub batch: Batch,
    /// Episodes that ended in this step.
    pub episodes: Vec<Episode>,
}

impl VecEnv {
    /// N worlds, reset. `measures` is the compiled task program with the terms [`MEASURES`]. Random numbers come from
    /// (`seed`, environment, purpose); `threads` changes speed only.
    pub fn new(
        _task: &Task,
        _measures: Box<dyn RewardFn>,
        _n_envs: usize,
        _seed: u64,
        _threads: usize,
    ) -> Result<Self, Stop> {
        todo!()
    }
    /// Applies `actions` (`[N, A]`, clamped to [-1, 1]) for one control step and resets what ended.
    ///
    /// Errors: a [`Stop`] of the task program.
    pub fn step(&mut self, _actions: &[f32]) -> Result<&StepData, Stop> {
        todo!()
    }
    /// Starts every episode anew.
    pub fn reset(&mut self) -> Result<(), Stop> {
        todo!()
    }
    /// Generalised positions of one environment, for drawing.
    pub fn qpos(&self, _env_index: usize) -> &[f64] {
        todo!()
    }
    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        todo!()
    }
}

/// How well a policy does a task. Means over `episodes` finished episodes without fault.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Evaluation {
    /// Mean fitness of an episode.
    pub fitness: f64,
    /// Sample standard deviation of the fitness over episodes.
    pub fitness_sd: f64,
    /// Share of successful episodes.
    pub success_rate: f64,
    /// Mean control steps per episode.
    pub episode_length: f64,
    /// Number of episodes.
    pub episodes: usize,
    /// Mean return of the reward (sum over the episode of the total).
    pub episode_return: f64,
    /// Mean per step of each reward term.
    pub terms: Vec<(String, f64)>,
}

/// What a training looked like at one moment; a training reports about ten. Means since the previous checkpoint.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Checkpoint {
    /// Environment steps so far.
    pub steps: u64,
    /// Mean fitness of the episodes that ended; absent where none did.
    pub fitness: Option<f64>,
    /// Share of them that succeeded.
    pub success_rate: Option<f64>,
    /// Their mean length in control steps.
    pub episode_length: Option<f64>,
    /// Mean reward per step.
    pub reward: f64,
    /// Mean per step of each reward term, in the order of the program's terms.
    pub terms: Vec<f64>,
    /// Episodes that ended by divergence.
    pub faults: u64,
}
