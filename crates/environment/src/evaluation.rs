//! What a training or an evaluation reports: the numbers that candidates are ranked by and reflections are written from.

use serde::{Deserialize, Serialize};

/// How well a policy does a task. Means over `episodes` finished episodes without fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What a training looked like at one moment; a training reports about ten. Everything is since the previous checkpoint. Steps
/// and episodes in which the simulation diverged count only as `faults`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Environment steps so far.
    pub steps: u64,
    /// Mean fitness of the episodes that ended; absent where none did.
    pub fitness: Option<f64>,
    /// Share of them that succeeded.
    pub success_rate: Option<f64>,
    /// Their mean length in control steps.
    pub episode_length: Option<f64>,
    /// The shortest and the longest of them.
    #[serde(default)]
    pub episode_lengths: Option<[u64; 2]>,
    /// Mean reward per step.
    pub reward: f64,
    /// Smallest and largest reward of a step.
    #[serde(default)]
    pub reward_range: Option<[f64; 2]>,
    /// Mean per step of each reward term, in the order of the program's terms.
    pub terms: Vec<f64>,
    /// Smallest and largest value of each term in a step; empty where there was no step, and in old records.
    #[serde(default)]
    pub term_ranges: Vec<[f64; 2]>,
    /// Episodes that ended by divergence.
    pub faults: u64,
    /// How the optimiser fared, by name: for PPO `kl`, `clip_fraction`, `entropy` (nats), `explained_variance`, `learning_rate`,
    /// `action_std`.
    #[serde(default)]
    pub diagnostics: Vec<(String, f64)>,
}
