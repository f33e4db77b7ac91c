//! `task.toml` as written, before anything in it is looked up.

use std::collections::BTreeMap;

use carrot_physics::Engine;
use serde::Deserialize;
use toml::Spanned;

use crate::env_file::ResetEntry;
use crate::episode::{FitnessAggregate, SuccessAggregate};
use crate::randomize_file::RandomizeEntry;
use crate::variable_source::Amount;

/// `envs/<env>/tasks/<task>/task.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskFile {
    pub(crate) version: u32,
    pub(crate) instruction: Spanned<String>,
    pub(crate) horizon: Spanned<usize>,
    /// Engines on which the task is known to make sense.
    #[serde(default = "mujoco_only")]
    pub(crate) engines: Spanned<Vec<Engine>>,
    pub(crate) observation: Spanned<Vec<Spanned<String>>>,
    /// Control steps by which the policy sees things late.
    #[serde(default)]
    pub(crate) observation_delay: Option<Spanned<usize>>,
    /// Half-width of the uniform noise on each variable, as the policy sees it.
    #[serde(default)]
    pub(crate) observation_noise: BTreeMap<String, Spanned<Amount>>,
    /// What only the critic sees, beside the observation.
    #[serde(default)]
    pub(crate) critic_observation: Vec<Spanned<String>>,
    /// Keys of the environment's commands, replaced.
    #[serde(default)]
    pub(crate) command: BTreeMap<String, Spanned<CommandChange>>,
    #[serde(default)]
    pub(crate) randomize: RandomizeEntry,
    #[serde(default)]
    pub(crate) reset: ResetEntry,
    pub(crate) fitness: FitnessEntry,
    pub(crate) success: SuccessEntry,
    #[serde(default)]
    pub(crate) ppo: toml::Table,
    #[serde(default)]
    pub(crate) sac: toml::Table,
    #[serde(default)]
    pub(crate) plan: toml::Table,
}

fn mujoco_only() -> Spanned<Vec<Engine>> {
    Spanned::new(0..0, vec![Engine::Mujoco])
}

/// Keys of a command that the task replaces.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandChange {
    #[serde(default)]
    pub(crate) low: Option<Amount>,
    #[serde(default)]
    pub(crate) high: Option<Amount>,
    #[serde(default)]
    pub(crate) every_secs: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitnessEntry {
    pub(crate) aggregate: FitnessAggregate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessEntry {
    pub(crate) aggregate: SuccessAggregate,
}
