//! Turns a reward into behaviour: PPO policies today, sampling MPC next.
//!
//! ```text
//! VecEnv + RewardFn ──rollout──▶ [T, N] ──gae──▶ advantages ──update──▶ Policy ──evaluate──▶ Evaluation
//! ```
//!
//! Start in [`train`], which reads from top to bottom.

use std::ops::ControlFlow;
use std::path::Path;

use carrot_environment::{Checkpoint, Evaluation, VecEnv};
use carrot_reward_interface::{RewardFn, Stop};

/// Everything that shapes a training. Missing keys in a file take the defaults.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PpoSettings {
    /// Environment steps in all.
    pub steps: u64,
    /// Environments stepped together.
    pub n_envs: usize,
    /// Steps per environment between updates.
    pub rollout: usize,
}

impl Default for PpoSettings {
    fn default() -> Self {
        Self {
            steps: 1_000_000,
            n_envs: 32,
            rollout: 64,
        }
    }
}

/// Where a training stands.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Environment steps so far.
    pub steps: u64,
    /// The latest checkpoint.
    pub checkpoint: Option<Checkpoint>,
}

/// Why a training gave no policy.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The reward or the task program stopped, or the simulation diverged too often.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
}

/// A trained policy and how it came about.
pub struct Trained {
    /// The policy after the last update.
    pub policy: Policy,
    /// About ten moments of the training.
    pub checkpoints: Vec<Checkpoint>,
}

/// Trains a policy with PPO. Same settings and seed give the same policy bit for bit, whatever the thread count.
///
/// `observer` is called after every update and may end the training.
pub fn train(
    _env: &mut VecEnv,
    _reward: &mut dyn RewardFn,
    _settings: &PpoSettings,
    _seed: u64,
    _observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    todo!()
}

/// Plays whole episodes with the policy's mean action until `episodes` have ended (the first `episodes / N` of each
/// environment, so that short episodes are not favoured).
///
/// Errors: a [`Stop`] of the reward or task program, or `Diverged` when an episode faulted: it is not scored.
pub fn evaluate(
    _policy: &Policy,
    _env: &mut VecEnv,
    _reward: &mut dyn RewardFn,
    _episodes: usize,
) -> Result<Evaluation, Stop> {
    todo!()
}

/// A diagonal Gaussian policy with its observation normaliser.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {}

/// Why a policy file was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

impl Policy {
    /// Mean actions `[N, A]` for observations `[N, O]`.
    pub fn act(&self, _observations: &[f32], _actions: &mut [f32]) {
        todo!()
    }
    /// Safetensors bytes with JSON metadata (task id, sizes, free-form `metadata`).
    pub fn to_bytes(&self, _metadata: &[(String, String)]) -> Vec<u8> {
        todo!()
    }
    /// Reads what [`Policy::to_bytes`] wrote; also gives the metadata.
    pub fn from_bytes(_bytes: &[u8]) -> Result<(Self, Vec<(String, String)>), PolicyError> {
        todo!()
    }
    /// Reads a policy file.
    pub fn load(path: &Path) -> Result<(Self, Vec<(String, String)>), PolicyError> {
        let bytes = std::fs::read(path).map_err(|error| PolicyError(format!("{}: {error}", path.display())))?;
        Self::from_bytes(&bytes)
    }
}
