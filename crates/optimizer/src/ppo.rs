//! Proximal policy optimisation, from top to bottom.
//!
//! Source: Schulman et al. 2017, arXiv:1707.06347, with the details that decide whether it works: Huang et al. 2022, "The 37
//! implementation details of proximal policy optimization".

use std::ops::ControlFlow;
use std::time::Instant;

use carrot_environment::{Checkpoint, VecEnv};
use carrot_reward_interface::Stop;
use serde::Serialize;

use crate::actor_critic::ActorCritic;
use crate::curve::Curve;
use crate::normalizer::{RewardScaler, RunningMoments};
use crate::policy::Policy;
use crate::rollout::{Rollout, Stretch, diverged};
use crate::saved::{Saved, snapshots};
use crate::settings::PpoSettings;
use crate::update::Learner;

/// Where a training stands.
pub struct Progress<'a> {
    /// Environment steps so far.
    pub steps: u64,
    /// The latest checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// Where the time went so far.
    pub profile: Profile,
    /// Absent for an algorithm whose trainings cannot be saved.
    pub(crate) save: Option<&'a dyn Fn() -> Vec<u8>>,
}

impl Progress<'_> {
    /// The whole training as it stands, for [`resume`] and [`conclude`]; nothing for an algorithm that cannot go on later.
    pub fn save(&self) -> Option<Vec<u8>> {
        self.save.map(|save| save())
    }
}

/// Seconds of a training, by what they were spent on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Profile {
    /// Physics, rewards, resets.
    pub simulation_secs: f64,
    /// Choosing actions and valuing what was seen.
    pub inference_secs: f64,
    /// Gradient steps.
    pub update_secs: f64,
    /// Advantages, moments, reports.
    pub other_secs: f64,
}

impl Profile {
    /// Of all of it, in per cent: simulation, inference, update, other.
    pub fn shares(&self) -> [f64; 4] {
        let parts = [
            self.simulation_secs,
            self.inference_secs,
            self.update_secs,
            self.other_secs,
        ];
        let whole = parts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        parts.map(|part| part / whole * 100.0)
    }
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
    /// A saved training is none, or of other settings.
    #[error("{0}")]
    Saved(String),
}

/// A trained policy and how it came about.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The policy after the last update.
    pub policy: Policy,
    /// About ten moments of the training.
    pub checkpoints: Vec<Checkpoint>,
    /// Environment steps made.
    pub steps: u64,
}

/// Trains a policy with PPO. Same settings and seed give the same policy bit for bit, whatever the thread count.
///
/// Every episode of `env`, which has the reward to train for, starts anew. `observer` is called after every update; it may save
/// the training, and may end it.
///
/// Errors: [`TrainError`]. A reward or observation that is not finite stops the training before it reaches the policy.
pub fn train(
    env: &mut VecEnv,
    settings: &PpoSettings,
    seed: u64,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    Training::new(env, settings, seed)?.go_on(env, settings, observer)
}

/// Goes on with a training that [`Progress::save`] gave, in an `env` made with the same arguments. The result is that of the
/// undisturbed training, bit for bit.
///
/// Errors: as [`train`], and [`TrainError::Saved`].
pub fn resume(
    env: &mut VecEnv,
    settings: &PpoSettings,
    seed: u64,
    saved: &[u8],
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    Training::restored(env, settings, seed, saved)?.go_on(env, settings, observer)
}

/// The result of a saved training if it ended here.
///
/// Errors: as [`resume`].
pub fn conclude(env: &mut VecEnv, settings: &PpoSettings, seed: u64, saved: &[u8]) -> Result<Trained, TrainError> {
    Ok(Training::restored(env, settings, seed, saved)?.finish())
}

/// Everything that goes from one update to the next, beside the environments.
struct Training {
    seed: u64,
    /// Updates in all, and steps of each environment between them.
    plan: (u64, usize),
    /// Updates so far.
    updates: u64,
    model: ActorCritic,
    learner: Learner,
    observation_moments: RunningMoments,
    reward_scaler: RewardScaler,
    rollout: Rollout,
    curve: Curve,
    squash: bool,
    profile: Profile,
}

impl Training {
    /// A training that begins; so do the episodes of `env`.
    fn new(env: &mut VecEnv, settings: &PpoSettings, seed: u64) -> Result<Self, TrainError> {
        settings.validate()?;
        let n_envs = env.n_envs();
        if n_envs != settings.n_envs {
            return Err(TrainError::Settings(format!(
                "optimiser settings: `n_envs` is {}, but there are {n_envs} environments",
                settings.n_envs,
            )));
        }
        env.reset()?;
        let plan = plan(settings);
        let task = env.task();
        let model = ActorCritic::new(
            [task.observation_size(), task.critic_observation_size()],
            env.action_size(),
            &settings.hidden,
            settings.activation,
            settings.initial_log_std,
            seed,
        );
        Ok(Self {
            seed,
            plan,
            updates: 0,
            learner: Learner::new(&model, settings, seed),
            observation_moments: RunningMoments::new(model.row_size()),
            reward_scaler: RewardScaler::new(n_envs, settings.discount),
            rollout: Rollout::default(),
            squash: settings.squash,
            profile: Profile::default(),
            curve: Curve::new(plan.0 * (plan.1 * n_envs) as u64),
            model,
        })
    }

    /// A training that goes on; so do the episodes of `env`.
    fn restored(env: &mut VecEnv, settings: &PpoSettings, seed: u64, bytes: &[u8]) -> Result<Self, TrainError> {
        let mut training = Self::new(env, settings, seed)?;
        let saved = Saved::from_bytes(bytes).map_err(TrainError::Saved)?;
        if saved.parameters.len() != training.model.parameters.len() || saved.updates > training.plan.0 {
            let message = "the saved training is one with other settings, or of another task";
            return Err(TrainError::Saved(message.into()));
        }
        env.resume(&saved.environments)
            .map_err(|cause| TrainError::Saved(format!("the saved training cannot go on: {cause}")))?;
        training.updates = saved.updates;
        training.model.parameters = saved.parameters;
        training.learner.adam = saved.adam;
        training.learner.learning_rate = saved.learning_rate;
        training.observation_moments = saved.observation_moments;
        training.reward_scaler = saved.reward_scaler;
        training.curve = saved.curve;
        Ok(training)
    }

    fn save(&self, env: &VecEnv) -> Vec<u8> {
        let saved = Saved {
            updates: self.updates,
            parameters: self.model.parameters.clone(),
            adam: self.learner.adam.clone(),
            learning_rate: self.learner.learning_rate,
            observation_moments: self.observation_moments.clone(),
            reward_scaler: self.reward_scaler.clone(),
            curve: self.curve.clone(),
            environments: snapshots(env),
        };
        saved.to_bytes()
    }

    /// Trains to the end.
    fn go_on(
        mut self,
        env: &mut VecEnv,
        settings: &PpoSettings,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Trained, TrainError> {
        while self.updates < self.plan.0 {
            self.advance(env, settings)?;
            let progress = Progress {
                steps: self.steps(),
                checkpoint: self.curve.checkpoints.last().cloned(),
                profile: self.profile,
                save: Some(&|| self.save(env)),
            };
            if observer(&progress).is_break() {
                return Err(TrainError::Interrupted);
            }
        }
        Ok(self.finish())
    }

    /// One rollout and the update that follows from it.
    fn advance(&mut self, env: &mut VecEnv, settings: &PpoSettings) -> Result<(), TrainError> {
        let start = Instant::now();
        // 1. Act, and value what was seen. The normaliser stands still, so that every step of a rollout means the same.
        let normalizer = self.observation_moments.normalizer();
        let rollout = &mut self.rollout;
        let stretch = Stretch {
            horizon: self.plan.1,
            number: self.updates,
            seed: self.seed,
            squash: self.squash,
        };
        rollout.collect(env, &self.model, &normalizer, stretch)?;
        let collected = start.elapsed().as_secs_f64();
        self.curve.take_in(rollout)?;
        // 2. Judge each action against what the value network expected.
        let (discount, gae_lambda) = (settings.discount as f32, settings.gae_lambda as f32);
        rollout
            .estimate(&mut self.reward_scaler, discount, gae_lambda)
            .expect("a column's arrays have one length");
        let explained_variance = rollout.explained_variance();
        // 3. Improve policy and value.
        let remaining = 1.0 - self.updates as f64 / self.plan.0 as f64;
        self.updates += 1;
        let threads = env.threads();
        let update = Instant::now();
        let change = self
            .learner
            .update(&mut self.model, rollout, settings, remaining, self.updates, threads)
            .map_err(|_| {
                diverged(format!(
                    "the gradient of update {} is not finite; try a lower learning rate",
                    self.updates
                ))
            })?;
        let updated = update.elapsed().as_secs_f64();
        // 4. Learn what observations look like.
        for column in &rollout.columns {
            self.observation_moments.merge(&column.observed);
        }
        self.curve.close(&[
            ("kl", change.kl),
            ("clip_fraction", change.clip_fraction),
            ("entropy", self.model.entropy()),
            ("explained_variance", explained_variance),
            ("learning_rate", self.learner.learning_rate),
            ("action_std", self.model.mean_std()),
        ]);
        let inferred = rollout.inference_secs / threads as f64;
        self.profile.simulation_secs += collected - inferred;
        self.profile.inference_secs += inferred;
        self.profile.update_secs += updated;
        self.profile.other_secs += start.elapsed().as_secs_f64() - collected - updated;
        Ok(())
    }

    /// Environment steps so far.
    fn steps(&self) -> u64 {
        self.updates * (self.plan.1 * self.reward_scaler.n_envs()) as u64
    }

    fn finish(self) -> Trained {
        Trained {
            steps: self.steps(),
            // What only the critic sees goes no further.
            policy: Policy::new(
                &self.model,
                self.observation_moments.normalizer().first(self.model.observation_size),
                self.squash,
            ),
            checkpoints: self.curve.checkpoints,
        }
    }
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
