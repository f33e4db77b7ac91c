//! A training as bytes, between two updates.
//!
//! Random numbers come from the seed and the number of the update, so that no generator need be kept; everything else that an
//! update leaves to the next is here. Numbers are written as their own bytes, and what follows is the same bit for bit.

use carrot_environment::{EnvSnapshot, VecEnv};
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::curve::Curve;
use crate::normalizer::{RewardScaler, RunningMoments};

/// What a training carries from one update to the next.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Updates so far.
    pub updates: u64,
    pub parameters: Vec<f32>,
    pub adam: Adam,
    pub learning_rate: f64,
    pub observation_moments: RunningMoments,
    pub reward_scaler: RewardScaler,
    pub curve: Curve,
    /// Every environment, in the middle of its episode.
    pub environments: Vec<EnvSnapshot>,
}

impl Saved {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("numbers and lists of them can be written")
    }

    /// Errors: one sentence, for bytes that something else wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (saved, rest) =
            postcard::take_from_bytes(bytes).map_err(|error| format!("the saved training cannot be read: {error}"))?;
        match rest {
            [] => Ok(saved),
            _ => Err(format!(
                "the saved training cannot be read: {} bytes follow it",
                rest.len()
            )),
        }
    }
}

/// Every environment as it stands.
pub(crate) fn snapshots(env: &VecEnv) -> Vec<EnvSnapshot> {
    (0..env.n_envs()).map(|env_index| env.snapshot(env_index)).collect()
}
