//! A stretch of experience: what every environment saw, did and got between two updates.

use carrot_environment::{Episode, StepData, VecEnv};
use carrot_reward_interface::{Stop, StopCause};
use rand_chacha::ChaCha8Rng;

use crate::actor_critic::{ActorCritic, CHUNK, mean_actions};
use crate::gae::{ShapeMismatch, Transitions, gae};
use crate::network::Activations;
use crate::normalizer::{ObservationNormalizer, RewardScaler};
use crate::random::fill_normal;

/// Experience of `horizon` steps of `n_envs` environments. Arrays are `[horizon, n_envs, …]`, time first.
#[derive(Debug, Default)]
pub(crate) struct Rollout {
    /// Observations as the environment gave them, `[…, O]`: what the running moments take in.
    pub raw_observations: Vec<f32>,
    /// Observations as the networks saw them, `[…, O]`.
    pub observations: Vec<f32>,
    /// Actions before the environment clamped them, `[…, A]`.
    pub actions: Vec<f32>,
    /// Logarithm of each action's density under the policy that chose it.
    pub log_densities: Vec<f32>,
    /// Reward as the program gave it.
    pub rewards: Vec<f64>,
    /// The task ended the episode.
    pub terminated: Vec<bool>,
    /// The episode ended for whatever reason.
    pub ended: Vec<bool>,
    /// The simulation diverged: nothing may be learned from this step.
    pub faulted: Vec<bool>,
    /// Sum of each reward term over the steps without fault.
    pub term_sums: Vec<f64>,
    /// Episodes that ended.
    pub episodes: Vec<Episode>,
    /// Advantage of each action.
    pub advantages: Vec<f32>,
    /// Discounted return from each step on, as far as it was seen and then as valued.
    pub returns: Vec<f32>,
    /// Normalised observations that follow a step but are not the next row (`[_, O]`), and that step.
    pub bootstrap: (Vec<f32>, Vec<usize>),
    /// Reward as the value network sees it.
    pub scaled_rewards: Vec<f32>,
    /// Value of each observation.
    pub values: Vec<f32>,
    /// Value of what followed, before any reset.
    pub next_values: Vec<f32>,
}

/// Buffers of one step.
pub(crate) struct Stepper {
    noise: Vec<f32>,
    policy: Activations,
    value: Activations,
    rng: ChaCha8Rng,
}

impl Stepper {
    /// For the sizes of `model`, with the stream that the action noise comes from.
    pub(crate) fn new(model: &ActorCritic, rng: ChaCha8Rng) -> Self {
        Self {
            noise: Vec::new(),
            policy: model.policy.activations(CHUNK),
            value: model.value.activations(CHUNK),
            rng,
        }
    }
}

impl Rollout {
    /// Steps every environment `horizon` times with `model`'s noisy actions and replaces what the rollout held.
    ///
    /// Errors: a [`Stop`] of the reward or the task program, or for a number that is not finite.
    pub(crate) fn collect(
        &mut self,
        env: &mut VecEnv,
        terms: &[String],
        model: &ActorCritic,
        normalizer: &ObservationNormalizer,
        horizon: usize,
        stepper: &mut Stepper,
    ) -> Result<(), Stop> {
        let n_envs = env.n_envs();
        self.clear(n_envs * horizon, model, terms.len());
        for step in 0..horizon {
            let observations = env.observations();
            check_finite(observations, model.observation_size)?;
            let of_step = |size: usize| step * n_envs * size..(step + 1) * n_envs * size;
            self.raw_observations.extend_from_slice(observations);
            let normalised = &mut self.observations[of_step(model.observation_size)];
            normalizer.apply(observations, normalised);
            let actions = &mut self.actions[of_step(model.action_size)];
            mean_actions(
                &model.policy,
                &model.parameters,
                normalised,
                actions,
                &mut stepper.policy,
            );
            explore(
                model,
                actions,
                &mut self.log_densities[of_step(1)],
                &mut stepper.noise,
                &mut stepper.rng,
            );
            let data = env.step(actions)?;
            self.take_in(data, terms, normalizer, step + 1 == horizon)?;
        }
        Ok(())
    }

    /// Fills `advantages` and `returns` with the values of `model`.
    pub(crate) fn estimate(
        &mut self,
        model: &ActorCritic,
        scaler: &mut RewardScaler,
        n_envs: usize,
        discount: f32,
        gae_lambda: f32,
        stepper: &mut Stepper,
    ) -> Result<(), ShapeMismatch> {
        scaler.scale(&self.rewards, &self.ended, &mut self.scaled_rewards);
        model.values(&self.observations, &mut self.values, &mut stepper.value);
        let following = self.values.len() - n_envs;
        self.next_values[..following].copy_from_slice(&self.values[n_envs..]);
        let mut bootstrap_values = vec![0.0; self.bootstrap.1.len()];
        model.values(&self.bootstrap.0, &mut bootstrap_values, &mut stepper.value);
        for (&step, &value) in self.bootstrap.1.iter().zip(&bootstrap_values) {
            self.next_values[step] = value;
        }
        // A faulted step is cut out: its own advantage becomes zero, and so it carries nothing to the step before.
        for (step, _) in self.faulted.iter().enumerate().filter(|(_, faulted)| **faulted) {
            self.scaled_rewards[step] = self.values[step];
            self.next_values[step] = 0.0;
        }
        let transitions = Transitions {
            n_envs,
            rewards: &self.scaled_rewards,
            values: &self.values,
            next_values: &self.next_values,
            terminated: &self.terminated,
            ended: &self.ended,
        };
        gae(&transitions, discount, gae_lambda, &mut self.advantages)?;
        for ((sum, advantage), value) in self.returns.iter_mut().zip(&self.advantages).zip(&self.values) {
            *sum = advantage + value;
        }
        Ok(())
    }

    /// Steps that may be learned from.
    pub(crate) fn valid_steps(&self) -> impl Iterator<Item = usize> {
        self.faulted
            .iter()
            .enumerate()
            .filter(|(_, faulted)| !**faulted)
            .map(|(step, _)| step)
    }

    fn clear(&mut self, rows: usize, model: &ActorCritic, terms: usize) {
        self.raw_observations.clear();
        self.observations.resize(rows * model.observation_size, 0.0);
        self.actions.resize(rows * model.action_size, 0.0);
        for array in [
            &mut self.log_densities,
            &mut self.advantages,
            &mut self.returns,
            &mut self.scaled_rewards,
            &mut self.values,
            &mut self.next_values,
        ] {
            array.resize(rows, 0.0);
        }
        self.rewards.clear();
        for array in [&mut self.terminated, &mut self.ended, &mut self.faulted] {
            array.clear();
        }
        self.term_sums.clear();
        self.term_sums.resize(terms, 0.0);
        self.episodes.clear();
        self.bootstrap.0.clear();
        self.bootstrap.1.clear();
    }

    fn take_in(
        &mut self,
        data: &StepData,
        names: &[String],
        normalizer: &ObservationNormalizer,
        last: bool,
    ) -> Result<(), Stop> {
        let observation_size = normalizer.mean.len();
        for (env_index, observation) in data.final_observations.chunks_exact(observation_size).enumerate() {
            let faulted = data.faulted[env_index];
            let terminated = data.terminated[env_index] && !faulted;
            let ended = faulted || terminated || data.truncated[env_index];
            let step = self.rewards.len();
            if !faulted && !terminated && (ended || last) {
                check_finite(observation, observation_size)?;
                let place = self.bootstrap.0.len();
                self.bootstrap.0.resize(place + observation_size, 0.0);
                normalizer.apply(observation, &mut self.bootstrap.0[place..]);
                self.bootstrap.1.push(step);
            }
            self.terminated.push(terminated);
            self.ended.push(ended);
            self.faulted.push(faulted);
            if faulted {
                self.rewards.push(0.0);
                continue;
            }
            self.rewards
                .push(finite(data.rewards.total[env_index], "total", env_index)?);
            for ((sum, term), name) in self.term_sums.iter_mut().zip(&data.rewards.terms).zip(names) {
                *sum += finite(term[env_index], name, env_index)?;
            }
        }
        self.episodes.extend_from_slice(&data.episodes);
        Ok(())
    }
}

/// Adds noise to the mean `actions` (`[N, A]`) and notes the logarithm of the density of each sum, `[N]`.
fn explore(
    model: &ActorCritic,
    actions: &mut [f32],
    log_densities: &mut [f32],
    noise: &mut Vec<f32>,
    rng: &mut ChaCha8Rng,
) {
    noise.resize(actions.len(), 0.0);
    fill_normal(rng, noise);
    let log_std = model.log_std();
    let normalisation = log_normalisation(log_std);
    let deviations: Vec<f32> = log_std.iter().map(|&log_std| libm::expf(log_std)).collect();
    let rows = actions
        .chunks_exact_mut(model.action_size)
        .zip(noise.chunks_exact(model.action_size));
    for ((actions, noise), log_density) in rows.zip(log_densities) {
        *log_density = normalisation;
        for ((action, noise), deviation) in actions.iter_mut().zip(noise).zip(&deviations) {
            *action += deviation * noise;
            *log_density -= 0.5 * noise * noise;
        }
    }
}

/// Logarithm of the largest density of a diagonal Gaussian, `−Σ (log σ + ½ log 2π)`.
pub(crate) fn log_normalisation(log_std: &[f32]) -> f32 {
    const HALF_LOG_TAU: f32 = 0.918_938_5;
    log_std.iter().map(|log_std| -(log_std + HALF_LOG_TAU)).sum()
}

/// A reward, or the reward term `name`, as it is learned from and summed: huge values are limited so that sums stay finite.
///
/// Errors: [`StopCause::NonFinite`], for a reward function that let such a value through.
pub(crate) fn finite(value: f64, name: &str, env_index: usize) -> Result<f64, Stop> {
    if value.is_finite() {
        return Ok(value.clamp(-1e290, 1e290));
    }
    Err(Stop {
        file: "reward".into(),
        at: None,
        cause: StopCause::NonFinite {
            term: name.into(),
            value: value.to_string(),
            env_index,
            state: Vec::new(),
        },
    })
}

/// Errors: [`StopCause::Diverged`], for an observation that no network may see.
pub(crate) fn check_finite(observations: &[f32], observation_size: usize) -> Result<(), Stop> {
    match observations.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(diverged(format!(
            "number {} of the observation of environment {} is {}",
            place % observation_size,
            place / observation_size,
            observations[place]
        ))),
    }
}

/// The stop of a training or an evaluation that has nothing left to measure.
pub(crate) fn diverged(message: String) -> Stop {
    Stop {
        file: "simulation".into(),
        at: None,
        cause: StopCause::Diverged { message },
    }
}
