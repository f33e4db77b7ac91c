//! Proximal policy optimisation, from top to bottom.
//!
//! Source: Schulman et al. 2017, arXiv:1707.06347, with the details that decide whether it works: Huang et al. 2022, "The 37
//! implementation details of proximal policy optimization".

use std::ops::ControlFlow;

use carrot_environment::{Checkpoint, VecEnv};
use carrot_reward_interface::Stop;

use crate::actor_critic::ActorCritic;
use crate::curve::Curve;
use crate::normalizer::{RewardScaler, RunningMoments};
use crate::policy::Policy;
use crate::random::stream;
use crate::rollout::{Rollout, Stepper, diverged};
use crate::settings::PpoSettings;
use crate::update::Learner;

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
#[derive(Debug, Clone)]
pub struct Trained {
    /// The policy after the last update.
    pub policy: Policy,
    /// About ten moments of the training.
    pub checkpoints: Vec<Checkpoint>,
}

/// Trains a policy with PPO. Same settings and seed give the same policy bit for bit, whatever the thread count.
///
/// Every episode of `env`, which has the reward to train for, starts anew. `observer` is called after every update and may end the training.
///
/// Errors: [`TrainError`]. A reward or observation that is not finite stops the training before it reaches the policy.
pub fn train(
    env: &mut VecEnv,
    settings: &PpoSettings,
    seed: u64,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    settings.validate()?;
    if env.n_envs() != settings.n_envs {
        return Err(TrainError::Settings(format!(
            "optimiser settings: `n_envs` is {}, but there are {} environments",
            settings.n_envs,
            env.n_envs()
        )));
    }
    env.reset()?;
    let terms = env.reward_terms().to_vec();
    let n_envs = env.n_envs();
    let (updates, horizon) = plan(settings);
    let observation_size = env.observations().len() / n_envs;
    let mut model = ActorCritic::new(
        observation_size,
        env.action_size(),
        &settings.hidden,
        settings.activation,
        settings.initial_log_std,
        seed,
    );
    let mut observation_moments = RunningMoments::new(observation_size);
    let mut reward_scaler = RewardScaler::new(n_envs, settings.discount);
    let mut stepper = Stepper::new(&model, stream(seed, "action noise"));
    let mut learner = Learner::new(&model, settings, stream(seed, "minibatches"));
    let mut rollout = Rollout::default();
    let mut curve = Curve::new(updates * (horizon * n_envs) as u64);

    for update in 0..updates {
        // 1. Act. The normaliser stands still, so that every step of a rollout means the same.
        let normalizer = observation_moments.normalizer();
        rollout.collect(env, &terms, &model, &normalizer, horizon, &mut stepper)?;
        curve.take_in(&rollout)?;
        // 2. Judge each action against what the value network expected.
        let (discount, gae_lambda) = (settings.discount as f32, settings.gae_lambda as f32);
        rollout
            .estimate(&model, &mut reward_scaler, n_envs, discount, gae_lambda, &mut stepper)
            .expect("a rollout's arrays have one shape");
        // 3. Improve policy and value.
        let remaining = 1.0 - update as f64 / updates as f64;
        learner
            .update(&mut model, &mut rollout, settings, remaining)
            .map_err(|_| {
                diverged(format!(
                    "the gradient of update {} is not finite; try a lower learning rate",
                    update + 1
                ))
            })?;
        // 4. Learn what observations look like.
        observation_moments.update(&rollout.raw_observations);
        let progress = Progress {
            steps: (update + 1) * (horizon * n_envs) as u64,
            checkpoint: curve.checkpoints.last().cloned(),
        };
        if observer(&progress).is_break() {
            return Err(TrainError::Interrupted);
        }
    }
    Ok(Trained {
        policy: Policy::new(&model, observation_moments.normalizer(), settings.squash),
        checkpoints: curve.checkpoints,
    })
}

/// Number of updates and steps per environment between them: as few rollouts as the settings allow, all of one length, and
/// together no longer than the budget.
fn plan(settings: &PpoSettings) -> (u64, usize) {
    let steps_per_env = settings.steps / settings.n_envs as u64;
    let updates = steps_per_env.div_ceil(settings.rollout as u64);
    (updates, (steps_per_env / updates) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollouts_share_the_budget_evenly() {
        for (steps, n_envs, rollout, expected) in [
            (100_000, 32, 64, (49, 63)), // 98,784 of 100,000 steps
            (65_536, 32, 64, (32, 64)),
            (2_000, 32, 64, (1, 62)),
            (32, 32, 64, (1, 1)),
        ] {
            let settings = PpoSettings {
                steps,
                n_envs,
                rollout,
                ..PpoSettings::default()
            };
            assert_eq!(plan(&settings), expected);
        }
    }
}
