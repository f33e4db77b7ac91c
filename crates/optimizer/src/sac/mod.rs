//! Soft actor-critic, from top to bottom: the off-policy second opinion.
//!
//! Every transition is kept and learned from many times, so that a task is learned in fewer environment steps than with PPO,
//! each of which costs more arithmetic.
//!
//! Source: Haarnoja et al. 2018, arXiv:1801.01290 and arXiv:1812.05905 (two critics, a temperature that is adapted).

mod agent;
mod learn;
#[cfg(test)]
mod reference;
mod replay;
mod settings;
mod squashed_gaussian;

use std::ops::ControlFlow;
use std::time::Instant;

use carrot_environment::{StepData, VecEnv};
use carrot_reward_interface::Stop;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::curve::Curve;
use crate::normalizer::{ObservationNormalizer, RunningMoments};
use crate::policy::Policy;
use crate::ppo::{Profile, Progress, TrainError, Trained};
use crate::random::stream;
use crate::rollout::{Column, Rollout, check_finite, diverged};
use crate::sac::agent::Agent;
use crate::sac::learn::{Learner, Sums, View};
use crate::sac::replay::Replay;
use crate::setting_limits::same_number_of_environments;

pub use settings::{SacSettings, sac_presets};

/// Trains a policy with SAC. Same settings and seed give the same policy bit for bit, whatever the thread count.
///
/// Every episode of `env`, which has the reward to train for, starts anew. `observer` is called after every round of learning
/// and may end the training.
///
/// Errors: [`TrainError`]. A reward or observation that is not finite stops the training before it reaches the policy.
pub fn train(
    env: &mut VecEnv,
    settings: &SacSettings,
    seed: u64,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    settings.validate()?;
    same_number_of_environments(settings.n_envs, env)?;
    env.reset()?;
    let n_envs = env.n_envs();
    let (task, action_size) = (env.task(), env.action_size());
    let sizes = [task.observation_size(), task.critic_observation_size(), action_size];
    let row = sizes[0] + sizes[1];
    let steps_per_env = settings.steps / n_envs as u64;
    let total_steps = steps_per_env * n_envs as u64;
    let capacity = settings.buffer.min(usize::try_from(total_steps).unwrap_or(usize::MAX));
    let mut replay = Replay::new(row, action_size, capacity).map_err(|megabytes| {
        TrainError::Settings(format!(
            "optimiser settings: `buffer` is {}, for which there are no {megabytes} MB of memory",
            settings.buffer
        ))
    })?;
    let mut agent = Agent::new(
        sizes,
        &settings.hidden,
        settings.activation,
        settings.initial_temperature,
        seed,
    );
    let streams = (stream(seed, "replay"), stream(seed, "learning noise"));
    let mut learner = Learner::new(&agent, settings, env.threads(), streams.0, streams.1);
    let mut actor = Actor::new(&agent, n_envs, seed);
    let mut seen = Seen::new(env.reward_terms().to_vec(), row);
    let mut curve = Curve::new(total_steps);
    let mut view = seen.view(settings);
    let mut profile = Profile::default();
    let mut lap = Lap(Instant::now());

    for step in 1..=steps_per_env {
        // 1. Act: at random until there is something to learn from, then as the actor says.
        let steps = step * n_envs as u64;
        let shown = env.step_data();
        join_rows(
            &mut actor.before,
            &shown.observations,
            &shown.critic_observations,
            n_envs,
        );
        check_finite(&actor.before, row, 0)?;
        if steps <= settings.learning_starts {
            actor.explore();
        } else {
            actor.act(&agent, &view.normalizer);
        }
        profile.inference_secs += lap.secs();
        let data = env.step(&actor.actions)?;
        profile.simulation_secs += lap.secs();
        seen.take_in(data, &actor, &mut replay)?;
        profile.other_secs += lap.secs();
        if step % settings.train_freq as u64 != 0 && step != steps_per_env {
            continue;
        }
        // 2. Learn from what is kept, seen through what is known of its mean and scale by now.
        let mut means = None;
        if steps >= settings.learning_starts && replay.len() > 0 {
            view = seen.view(settings);
            for _ in 0..settings.gradient_steps {
                let step = learner.step(&mut agent, &replay, &view, settings);
                means = Some(step.map_err(|_| {
                    diverged(format!(
                        "a gradient after {steps} steps is not finite; try a lower learning rate"
                    ))
                })?);
            }
        }
        profile.update_secs += lap.secs();
        // 3. Report.
        curve.take_in(&seen.rollout)?;
        curve.close(&diagnostics(&agent, means));
        seen.forget();
        let progress = Progress {
            steps,
            checkpoint: curve.checkpoints.last().cloned(),
            profile,
            save: None,
        };
        if observer(&progress).is_break() {
            return Err(TrainError::Interrupted);
        }
        profile.other_secs += lap.secs();
    }
    Ok(Trained {
        policy: actor.policy(&agent, view.normalizer),
        checkpoints: curve.checkpoints,
        steps: total_steps,
    })
}

/// A stopwatch that starts anew at each reading.
struct Lap(Instant);

impl Lap {
    fn secs(&mut self) -> f64 {
        let before = std::mem::replace(&mut self.0, Instant::now());
        (self.0 - before).as_secs_f64()
    }
}

/// How learning went, from the means over the batch of a round's last step: the entropy of the actor's actions in nats (of
/// `tanh u`, so that uniform ones have log 2 each), the temperature, the value of the buffer's actions in scaled reward, and
/// the squared error of both critics. Before the first gradient step there are none.
fn diagnostics(agent: &Agent, means: Option<Sums>) -> Vec<(&'static str, f64)> {
    let Some(means) = means else {
        return Vec::new();
    };
    vec![
        ("entropy", -means.log_density),
        ("temperature", f64::from(agent.temperature())),
        ("value", means.value),
        ("critic_loss", means.critic_loss),
    ]
}

/// Who acts, and on what.
struct Actor {
    /// What is acted on, as the environment gave it, `[N, O + P]`.
    before: Vec<f32>,
    normalised: Vec<f32>,
    /// `[N, A]`.
    actions: Vec<f32>,
    acting: agent::Acting,
    uniform: ChaCha8Rng,
    noise: ChaCha8Rng,
}

impl Actor {
    fn new(agent: &Agent, n_envs: usize, seed: u64) -> Self {
        Self {
            before: Vec::new(),
            normalised: vec![0.0; n_envs * agent.seen()],
            actions: vec![0.0; n_envs * agent.action_size],
            acting: agent.acting(),
            uniform: stream(seed, "random actions"),
            noise: stream(seed, "action noise"),
        }
    }

    /// Uniform actions in [-1, 1).
    fn explore(&mut self) {
        for action in &mut self.actions {
            *action = (self.uniform.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0;
        }
    }

    fn act(&mut self, agent: &Agent, normalizer: &ObservationNormalizer) {
        normalizer.apply(&self.before, &mut self.normalised);
        agent.act(&self.normalised, &mut self.actions, &mut self.noise, &mut self.acting);
    }

    /// The actor's mean, squashed. Its deviation depends on the state; that of the latest observations stands for it.
    fn policy(mut self, agent: &Agent, normalizer: ObservationNormalizer) -> Policy {
        normalizer.apply(&self.before, &mut self.normalised);
        let log_std = agent.mean_log_std(&self.normalised, &mut self.acting);
        let (network, parameters) = agent.mean_network();
        let normalizer = normalizer.first(agent.observation_size);
        Policy::from_network(network, parameters, log_std, normalizer, true)
    }
}

/// What the environments showed.
struct Seen {
    terms: Vec<String>,
    /// Since the last report, all environments in one column.
    rollout: Rollout,
    observations: RunningMoments,
    /// What followed the latest step, `[N, O + P]`.
    after: Vec<f32>,
    /// Number and sum of squares of rewards.
    rewards: (u64, f64),
}

impl Seen {
    fn new(terms: Vec<String>, row: usize) -> Self {
        let column = Column::with_sizes([0, 0], 0, terms.len());
        Self {
            terms,
            rollout: Rollout {
                columns: vec![column],
                ..Rollout::default()
            },
            observations: RunningMoments::new(row),
            after: Vec::new(),
            rewards: (0, 0.0),
        }
    }

    /// Takes in what `actor`'s actions led to. Steps that faulted are no experience.
    ///
    /// Errors: a [`Stop`] for a number that is not finite.
    fn take_in(&mut self, data: &StepData, actor: &Actor, replay: &mut Replay) -> Result<(), Stop> {
        let n_envs = data.faulted.len();
        let (row, action_size) = (actor.before.len() / n_envs, actor.actions.len() / n_envs);
        self.observations.update(&actor.before);
        join_rows(
            &mut self.after,
            &data.final_observations,
            &data.final_critic_observations,
            n_envs,
        );
        let column = &mut self.rollout.columns[0];
        for env_index in 0..n_envs {
            let faulted = data.faulted[env_index];
            column.faulted.push(faulted);
            if faulted {
                column.rewards.push(0.0);
                continue;
            }
            let next = &self.after[env_index * row..][..row];
            check_finite(next, row, env_index)?;
            let reward = column.add_terms(data, env_index, env_index, &self.terms)?;
            column.rewards.push(reward);
            self.rewards.0 += 1;
            self.rewards.1 += reward.clamp(-1e100, 1e100).powi(2);
            replay.push(
                &actor.before[env_index * row..][..row],
                &actor.actions[env_index * action_size..][..action_size],
                next,
                reward,
                data.terminated[env_index],
            );
        }
        self.rollout.horizon = column.rewards.len();
        self.rollout.episodes.extend_from_slice(&data.episodes);
        Ok(())
    }

    /// Forgets what was reported.
    fn forget(&mut self) {
        let column = &mut self.rollout.columns[0];
        column.clear();
        column.rewards.clear();
        column.faulted.clear();
        self.rollout.episodes.clear();
    }

    /// Observations as they are normalised, and rewards as they are scaled, by all that was seen.
    fn view(&self, settings: &SacSettings) -> View {
        let columns = self.observations.normalizer();
        let mean_square = self.rewards.1 / self.rewards.0.max(1) as f64;
        View {
            normalizer: match settings.normalize_observations {
                true => columns,
                false => ObservationNormalizer {
                    mean: vec![0.0; columns.mean.len()],
                    scale: vec![1.0; columns.mean.len()],
                },
            },
            reward_scale: match settings.scale_rewards && mean_square > 0.0 {
                true => (1.0 / mean_square.sqrt()).min(1e30) as f32,
                false => 1.0,
            },
        }
    }
}

/// Sets `rows` to each environment's observation with what only critics see behind it, `[N, O + P]`.
fn join_rows(rows: &mut Vec<f32>, observations: &[f32], for_critics: &[f32], n_envs: usize) {
    let (seen, beside) = (observations.len() / n_envs, for_critics.len() / n_envs);
    rows.clear();
    for env_index in 0..n_envs {
        rows.extend_from_slice(&observations[env_index * seen..][..seen]);
        rows.extend_from_slice(&for_critics[env_index * beside..][..beside]);
    }
}

#[cfg(test)]
mod tests {
    use carrot_reward_interface::Rewards;

    use super::*;
    use crate::kernels::Activation;
    use crate::sac::replay::Transition;

    /// Environment 0 goes on, 1 is ended by the task, 2 by the clock, and 3 fails: what it showed is not even a number.
    #[test]
    fn what_followed_is_kept_and_faults_are_not() {
        let agent = Agent::new([1, 1, 1], &[4], Activation::Relu, 0.2, 0);
        let mut actor = Actor::new(&agent, 4, 0);
        actor.explore();
        join_rows(&mut actor.before, &[0.0, 1.0, 2.0, 3.0], &[5.0, 6.0, 7.0, 8.0], 4);
        let data = StepData {
            // After the resets.
            observations: vec![10.0, 0.1, 0.2, 0.3],
            critic_observations: vec![20.0, 0.5, 0.6, 0.7],
            final_observations: vec![10.0, 11.0, 12.0, f32::NAN],
            final_critic_observations: vec![20.0, 21.0, 22.0, f32::NAN],
            rewards: Rewards {
                total: vec![1.0, 2.0, 3.0, f64::NAN],
                terms: vec![vec![0.5, 0.25, 0.125, f64::NAN]],
            },
            terminated: vec![false, true, false, false],
            truncated: vec![false, false, true, false],
            faulted: vec![false, false, false, true],
            ..StepData::default()
        };
        let mut replay = Replay::new(2, 1, 10).unwrap();
        let mut seen = Seen::new(vec!["all".into()], 2);
        seen.take_in(&data, &actor, &mut replay).unwrap();
        assert_eq!(replay.len(), 3);
        for (place, number) in [0.0_f32, 1.0, 2.0].into_iter().enumerate() {
            let expected = Transition {
                observation: &[number, 5.0 + number],
                action: &actor.actions[place..=place],
                next_observation: &[10.0 + number, 20.0 + number],
                reward: 1.0 + number,
                terminated: place == 1,
            };
            assert_eq!(replay.get(place as u32), expected);
        }
        let column = &seen.rollout.columns[0];
        assert_eq!(
            (&column.rewards[..], &column.term_sums[..]),
            (&[1.0, 2.0, 3.0, 0.0][..], &[0.875][..])
        );
        assert_eq!((seen.rewards, seen.rollout.steps()), ((3, 14.0), 4));
        // The root mean square of 1, 2 and 3.
        let view = seen.view(&SacSettings::default());
        assert!((view.reward_scale - (3.0_f32 / 14.0).sqrt()).abs() < 1e-6);
        seen.forget();
        assert_eq!(seen.rollout.columns[0].term_sums, [0.0]);
    }
}
