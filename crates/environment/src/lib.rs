//! Tasks and the environments that play them: variables, action, reset, termination, fitness, vectorised stepping.
//!
//! A robot and a task are data: nobody recompiles Rust to add one. This crate reads those files, says precisely what is
//! wrong with them, and turns them into environments that step in parallel and give the same numbers whatever the number
//! of threads.
//!
//! ```text
//! envs/<env>/env.toml + tasks/<task>/task.toml ──▶ Task {schema, instruction, horizon, …}
//!                                                    │
//!                     actions [N, A] ──▶ VecEnv ──▶ observations [N, O], rewards, terminated, truncated, episodes
//! ```
//!
//! Fitness, success and termination are the task's own program (`task.py`), run through the same
//! [`RewardFn`](carrot_reward_interface::RewardFn) trait as the reward under test. They never read that reward. Start in
//! [`Task`], then [`VecEnv`].

mod binding;
mod block;
mod branches;
mod command;
mod control;
mod derived;
mod env_file;
mod episode;
mod evaluation;
mod infer;
mod nearest;
mod observation;
mod random;
mod randomization;
mod randomize_file;
mod reset;
mod rollout;
mod schema_of_files;
mod setting;
mod task;
mod task_file;
mod team;
mod text;
mod variable_source;
mod vec_env;
mod world;

pub use block::{Programs, StepData};
pub use branches::{AfterEnd, Branch, BranchAct, BranchEnd, BranchRules, Branches, Judge, Judges, Moment};
pub use carrot_physics::Engine;
pub use control::ActionChannel;
pub use derived::DerivedText;
pub use episode::Episode;
pub use evaluation::{Checkpoint, Evaluation};
pub use infer::{Inferred, InferredVariable, ModelFiles, Starter};
pub use rollout::{Column, Rollout, Start};
pub use task::{Task, TaskError, task_ids};
pub use team::{ScopedTeam, with_team};
pub use vec_env::{Act, Turn, VecEnv};
pub use world::EnvSnapshot;

/// Names of the terms of a task program, in the order that [`VecEnv::new`] expects.
pub const MEASURES: [&str; 3] = ["fitness", "success", "terminated"];

/// JSON schema of `env.toml`, for editors.
pub const ENV_SCHEMA: &str = include_str!("../../../envs/env.schema.json");

/// JSON schema of `task.toml`, for editors.
pub const TASK_SCHEMA: &str = include_str!("../../../envs/task.schema.json");
