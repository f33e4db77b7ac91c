//! A stretch of experience: what every environment saw, did and got between two updates.
//!
//! Each environment has a [`Column`] of its own. The threads that step the environments also choose their actions, value what
//! they saw, and fill the columns, so that they meet once in a rollout and not once in a step. Every column has its own noise
//! and its own sums, and sums over columns are taken in their order: the number of threads changes nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use carrot_environment::{Episode, StepData, Turn, VecEnv};
use carrot_reward_interface::{Stop, StopCause};

use crate::actor_critic::{ActorCritic, CHUNK, mean_actions};
use crate::curve::Range;
use crate::gae::{ShapeMismatch, Transitions, gae};
use crate::kernels::tanh;
use crate::network::Activations;
use crate::normalizer::{CLIP, ObservationNormalizer, RewardScaler, RunningMoments};
use crate::random::{fill_normal, nth_stream};

/// Experience of `horizon` steps of N environments.
#[derive(Debug, Default)]
pub(crate) struct Rollout {
    /// One for each environment.
    pub columns: Vec<Column>,
    /// Steps of each environment.
    pub horizon: usize,
    /// Episodes that ended: environment by environment, each in order.
    pub episodes: Vec<Episode>,
    /// Seconds that threads spent on choosing actions and valuing what was seen, all threads together.
    pub inference_secs: f64,
}

/// What one environment saw, did and got. Arrays are `[horizon, …]`.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Rows as the networks saw them, `[T, O + P]`: the observation, then what only the critic sees.
    pub observations: Vec<f32>,
    /// Actions before they are squashed or clamped, `[T, A]`.
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
    /// Smallest and largest value of each.
    pub term_ranges: Vec<Range>,
    /// Moments of the rows as the environment gave them: what the normaliser takes in.
    pub observed: RunningMoments,
    /// Value of each observation.
    pub values: Vec<f32>,
    /// Value of what followed, before any reset.
    pub next_values: Vec<f32>,
    /// Reward as the value network sees it.
    pub scaled_rewards: Vec<f32>,
    /// Advantage of each action.
    pub advantages: Vec<f32>,
    /// Discounted return from each step on, as far as it was seen and then as valued.
    pub returns: Vec<f32>,
    /// Episodes that ended.
    episodes: Vec<Episode>,
    /// Rows as the environment gave them, `[T, O + P]`.
    raw_observations: Vec<f32>,
    /// Normalised rows that follow a step but are not the next one (`[_, O + P]`), and that step.
    bootstrap: (Vec<f32>, Vec<usize>),
}

/// Which rollout is to be collected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    /// Steps of each environment.
    pub horizon: usize,
    /// How many rollouts of the training lie before it.
    pub number: u64,
    /// Where the training's random numbers come from.
    pub seed: u64,
    /// Whether the environment gets the tanh of what the policy draws; densities stay those of the draw.
    pub squash: bool,
}

/// What stays the same during a rollout.
struct Acting<'a> {
    model: &'a ActorCritic,
    normalizer: &'a ObservationNormalizer,
    terms: &'a [String],
    squash: bool,
    /// Standard deviation of each action's noise, and the largest logarithm of a density.
    deviations: Vec<f32>,
    normalisation: f32,
}

/// The columns of a block of environments, and the scratch memory of whoever plays it.
struct Share<'a> {
    columns: &'a mut [Column],
    /// What the environments show, `[n, O + P]`, and the same normalised.
    shown: Vec<f32>,
    normalised: Vec<f32>,
    means: Vec<f32>,
    policy: Activations,
    value: Activations,
    inference: Duration,
}

impl Rollout {
    /// Steps every environment with `model`'s noisy actions and replaces what the rollout held.
    ///
    /// Errors: a [`Stop`] of the reward or the task program, or for a number that is not finite.
    pub(crate) fn collect(
        &mut self,
        env: &mut VecEnv,
        model: &ActorCritic,
        normalizer: &ObservationNormalizer,
        stretch: Stretch,
    ) -> Result<(), Stop> {
        let Stretch {
            horizon,
            number,
            seed,
            squash,
        } = stretch;
        let terms = env.reward_terms().to_vec();
        self.horizon = horizon;
        self.columns
            .resize_with(env.n_envs(), || Column::new(model, horizon, terms.len()));
        for (env_index, column) in self.columns.iter_mut().enumerate() {
            column.clear();
            // The noise of a whole rollout at once; means are added as they become known.
            let mut rng = nth_stream(seed, "action noise", env_index as u64, number);
            fill_normal(&mut rng, &mut column.actions);
        }
        let acting = Acting {
            model,
            normalizer,
            terms: &terms,
            squash,
            deviations: model.log_std().iter().map(|&log_std| libm::expf(log_std)).collect(),
            normalisation: log_normalisation(model.log_std()),
        };
        let mut columns = &mut self.columns[..];
        let mut shares = Vec::new();
        for envs in env.blocks() {
            let (share, rest) = columns.split_at_mut(envs.len());
            shares.push(Mutex::new(Share::new(share, model)));
            columns = rest;
        }
        env.run(horizon, &|turn: &Turn<'_>, actions: &mut [f32]| {
            let share = &mut *shares[turn.block].lock().unwrap_or_else(PoisonError::into_inner);
            if turn.step > 0 {
                share.take_in(&acting, turn, turn.step == horizon)?;
            }
            let start = Instant::now();
            match turn.step < horizon {
                true => share.act(&acting, turn, actions)?,
                false => share.value(&acting),
            }
            share.inference += start.elapsed();
            Ok(())
        })?;
        let shares = shares
            .into_iter()
            .map(|share| share.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.inference_secs = shares.map(|share| share.inference.as_secs_f64()).sum();
        self.episodes.clear();
        self.episodes
            .extend(self.columns.iter_mut().flat_map(|column| column.episodes.drain(..)));
        Ok(())
    }

    /// Fills `advantages` and `returns` with the values of the model that collected the rollout.
    pub(crate) fn estimate(
        &mut self,
        scaler: &mut RewardScaler,
        discount: f32,
        gae_lambda: f32,
    ) -> Result<(), ShapeMismatch> {
        let scale = scaler.take_in(
            self.columns
                .iter()
                .map(|column| (&column.rewards[..], &column.ended[..])),
        );
        for column in &mut self.columns {
            column.estimate(scale, discount, gae_lambda)?;
        }
        Ok(())
    }

    /// How much of the returns' variance the values had foreseen, over the steps that may be learned from: 1 for all of it, 0 for
    /// none; negative where a constant would have done better.
    pub(crate) fn explained_variance(&self) -> f64 {
        let pairs = || {
            let steps = self.columns.iter().flat_map(|column| {
                let known = column.returns.iter().zip(&column.values);
                known.zip(&column.faulted).filter(|(_, faulted)| !**faulted)
            });
            steps.map(|((&sum, &value), _)| (f64::from(sum), f64::from(value)))
        };
        let count = pairs().count().max(1) as f64;
        let variance = |of: &dyn Fn((f64, f64)) -> f64| {
            let mean = pairs().map(of).sum::<f64>() / count;
            pairs().map(|pair| (of(pair) - mean).powi(2)).sum::<f64>() / count
        };
        let returns = variance(&|(sum, _)| sum);
        match returns > 0.0 {
            true => 1.0 - variance(&|(sum, value)| sum - value) / returns,
            false => 0.0,
        }
    }

    /// Steps in all.
    pub(crate) fn steps(&self) -> usize {
        self.columns.len() * self.horizon
    }

    /// Steps that may be learned from; each is `environment · horizon + step`.
    pub(crate) fn valid_steps(&self) -> impl Iterator<Item = usize> {
        let faulted = self.columns.iter().flat_map(|column| &column.faulted);
        faulted
            .enumerate()
            .filter(|(_, faulted)| !**faulted)
            .map(|(step, _)| step)
    }
}

impl Share<'_> {
    fn new<'a>(columns: &'a mut [Column], model: &ActorCritic) -> Share<'a> {
        Share {
            shown: Vec::new(),
            normalised: vec![0.0; columns.len() * model.row_size()],
            means: vec![0.0; columns.len() * model.action_size],
            policy: model.policy.activations(columns.len().min(CHUNK)),
            value: model.value.activations(CHUNK),
            inference: Duration::ZERO,
            columns,
        }
    }

    /// Chooses the actions of a step.
    fn act(&mut self, acting: &Acting<'_>, turn: &Turn<'_>, actions: &mut [f32]) -> Result<(), Stop> {
        let model = acting.model;
        let (row, action) = (model.row_size(), model.action_size);
        self.shown.clear();
        for index in 0..self.columns.len() {
            append_row(
                &mut self.shown,
                model,
                index,
                &turn.data.observations,
                &turn.data.critic_observations,
            );
        }
        check_finite(&self.shown, row, turn.first_env)?;
        acting.normalizer.apply(&self.shown, &mut self.normalised);
        mean_actions(
            &model.policy,
            &model.parameters,
            &self.normalised,
            row,
            &mut self.means,
            &mut self.policy,
        );
        for (index, column) in self.columns.iter_mut().enumerate() {
            let seen = turn.step * row..(turn.step + 1) * row;
            column.raw_observations[seen.clone()].copy_from_slice(&self.shown[index * row..][..row]);
            column.observations[seen].copy_from_slice(&self.normalised[index * row..][..row]);
            let mut log_density = acting.normalisation;
            let chosen = &mut column.actions[turn.step * action..][..action];
            for (j, chosen) in chosen.iter_mut().enumerate() {
                log_density -= 0.5 * *chosen * *chosen;
                *chosen = self.means[index * action + j] + acting.deviations[j] * *chosen;
                actions[index * action + j] = *chosen;
            }
            column.log_densities[turn.step] = log_density;
        }
        if acting.squash {
            tanh(actions);
        }
        Ok(())
    }

    /// Takes in what became of the actions; `last` says that nothing follows in this rollout.
    fn take_in(&mut self, acting: &Acting<'_>, turn: &Turn<'_>, last: bool) -> Result<(), Stop> {
        let (step, data, row) = (turn.step - 1, turn.data, acting.model.row_size());
        for (index, column) in self.columns.iter_mut().enumerate() {
            let env_index = turn.first_env + index;
            let faulted = data.faulted[index];
            let terminated = data.terminated[index] && !faulted;
            let ended = faulted || terminated || data.truncated[index];
            column.terminated[step] = terminated;
            column.ended[step] = ended;
            column.faulted[step] = faulted;
            if !faulted && !terminated && (ended || last) {
                self.shown.clear();
                append_row(
                    &mut self.shown,
                    acting.model,
                    index,
                    &data.final_observations,
                    &data.final_critic_observations,
                );
                check_finite(&self.shown, row, env_index)?;
                let (rows, steps) = &mut column.bootstrap;
                let place = rows.len();
                rows.resize(place + row, 0.0);
                acting.normalizer.apply(&self.shown, &mut rows[place..]);
                steps.push(step);
            }
            column.rewards[step] = match faulted {
                true => 0.0,
                false => column.add_terms(data, index, env_index, acting.terms)?,
            };
        }
        for episode in &data.episodes {
            self.columns[episode.env_index - turn.first_env]
                .episodes
                .push(episode.clone());
        }
        Ok(())
    }

    /// Values everything that was seen, while it is still in the cache.
    fn value(&mut self, acting: &Acting<'_>) {
        for column in self.columns.iter_mut() {
            let horizon = column.values.len();
            acting
                .model
                .values(&column.observations, &mut column.values, &mut self.value);
            column.next_values[..horizon - 1].copy_from_slice(&column.values[1..]);
            let (rows, steps) = &column.bootstrap;
            let mut following = vec![0.0; steps.len()];
            acting.model.values(rows, &mut following, &mut self.value);
            for (&step, &value) in steps.iter().zip(&following) {
                column.next_values[step] = value;
            }
            column.observed.clear();
            column.observed.update(&column.raw_observations);
        }
    }
}

impl Column {
    pub(crate) fn new(model: &ActorCritic, horizon: usize, terms: usize) -> Self {
        Self::with_sizes([model.row_size(), model.action_size], horizon, terms)
    }

    /// For so many steps of rows and actions of these lengths.
    pub(crate) fn with_sizes([row_size, action_size]: [usize; 2], horizon: usize, terms: usize) -> Self {
        Self {
            observations: vec![0.0; horizon * row_size],
            actions: vec![0.0; horizon * action_size],
            log_densities: vec![0.0; horizon],
            rewards: vec![0.0; horizon],
            terminated: vec![false; horizon],
            ended: vec![false; horizon],
            faulted: vec![false; horizon],
            term_sums: vec![0.0; terms],
            term_ranges: vec![Range::default(); terms],
            observed: RunningMoments::new(row_size),
            values: vec![0.0; horizon],
            next_values: vec![0.0; horizon],
            scaled_rewards: vec![0.0; horizon],
            advantages: vec![0.0; horizon],
            returns: vec![0.0; horizon],
            episodes: Vec::new(),
            raw_observations: vec![0.0; horizon * row_size],
            bootstrap: (Vec::new(), Vec::new()),
        }
    }

    /// What is summed or pushed; the rest is written over.
    pub(crate) fn clear(&mut self) {
        self.term_sums.fill(0.0);
        self.term_ranges.fill(Range::default());
        self.episodes.clear();
        self.bootstrap.0.clear();
        self.bootstrap.1.clear();
    }

    /// Takes in the reward terms of environment `index` of a block, and gives its reward.
    pub(crate) fn add_terms(
        &mut self,
        data: &StepData,
        index: usize,
        env_index: usize,
        names: &[String],
    ) -> Result<f64, Stop> {
        let sums = self.term_sums.iter_mut().zip(&mut self.term_ranges);
        for (((sum, range), term), name) in sums.zip(&data.rewards.terms).zip(names) {
            let value = finite(term[index], name, env_index)?;
            *sum += value;
            range.take_in(value);
        }
        finite(data.rewards.total[index], "total", env_index)
    }

    fn estimate(&mut self, scale: f64, discount: f32, gae_lambda: f32) -> Result<(), ShapeMismatch> {
        for (scaled, &reward) in self.scaled_rewards.iter_mut().zip(&self.rewards) {
            *scaled = ((reward * scale) as f32).clamp(-CLIP, CLIP);
        }
        // A faulted step is cut out: its own advantage becomes zero, and so it carries nothing to the step before.
        for (step, _) in self.faulted.iter().enumerate().filter(|(_, faulted)| **faulted) {
            self.scaled_rewards[step] = self.values[step];
            self.next_values[step] = 0.0;
        }
        let transitions = Transitions {
            n_envs: 1,
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
}

/// Appends what environment `index` shows to the networks: its observation, then what only the critic sees.
fn append_row(rows: &mut Vec<f32>, model: &ActorCritic, index: usize, observations: &[f32], of_critic: &[f32]) {
    let (policy, critic) = (model.observation_size, model.critic_size);
    rows.extend_from_slice(&observations[index * policy..][..policy]);
    rows.extend_from_slice(&of_critic[index * critic..][..critic]);
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

/// `first_env`: the environment of the first row.
///
/// Errors: [`StopCause::Diverged`], for an observation that no network may see.
pub(crate) fn check_finite(observations: &[f32], observation_size: usize, first_env: usize) -> Result<(), Stop> {
    match observations.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(diverged(format!(
            "number {} of the observation of environment {} is {}",
            place % observation_size,
            first_env + place / observation_size,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Activation;
    use crate::random::stream;
    use crate::reference;

    #[test]
    fn advantages_are_their_definition() {
        let model = ActorCritic::new([1, 0], 1, &[1], Activation::Tanh, 0.0, 0);
        let mut column = Column::new(&model, 40, 0);
        let normals = |out: &mut [f32], purpose: &str| fill_normal(&mut stream(3, purpose), out);
        normals(&mut column.values, "values");
        normals(&mut column.next_values, "next values");
        let mut rewards = vec![0.0; 40];
        normals(&mut rewards, "rewards");
        column.rewards = rewards.iter().map(|&reward| f64::from(reward)).collect();
        for step in [6, 7, 20, 39] {
            column.ended[step] = true;
            column.terminated[step] = step != 20;
        }
        column.estimate(1.0, 0.97, 0.9).unwrap();
        let expected = reference::advantages(&column, 0.97, 0.9);
        for (step, (ours, expected)) in column.advantages.iter().zip(&expected).enumerate() {
            assert!(
                (f64::from(*ours) - expected).abs() < 1e-5,
                "step {step}: {ours} {expected}"
            );
            let sum = ours + column.values[step];
            assert_eq!(column.returns[step], sum);
        }
    }
}
