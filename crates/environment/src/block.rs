//! The programs of a group of environments: what a step means once its physics is done.
//!
//! ```text
//! worlds' rows ──place──▶ task program, reward ──evaluate──▶ rewards, fitness, ends ──▶ episodes, resets, observations
//! ```

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Stop, StopCause};

use crate::episode::Episode;
use crate::setting::Setting;
use crate::world::{EnvSnapshot, World};
use crate::{MEASURES, Task};

/// Result of a step. Arrays are environment-major.
#[derive(Debug, Clone, Default)]
pub struct StepData {
    /// Observation to act on next (after a reset where the episode ended), `[N, O]`.
    pub observations: Vec<f32>,
    /// Observation at the end of the step, before any reset, `[N, O]`.
    pub final_observations: Vec<f32>,
    /// What the critic sees beside each of `observations`, `[N, P]`; empty where P is 0.
    pub critic_observations: Vec<f32>,
    /// What the critic sees beside each of `final_observations`, `[N, P]`.
    pub final_critic_observations: Vec<f32>,
    /// What the reward under test says about the step, before any reset; zeros and no terms without a reward. Where the step faulted
    /// it means nothing: the reward then saw the fresh episode, so that it is always finite.
    pub rewards: Rewards,
    /// The task ended the episode; its value is not bootstrapped, `[N]`.
    pub terminated: Vec<bool>,
    /// Only the clock ended the episode; the value of `final_observations` is bootstrapped, `[N]`.
    pub truncated: Vec<bool>,
    /// The simulation diverged in this step: reward and observation mean nothing and must not be learned from, `[N]`.
    pub faulted: Vec<bool>,
    /// Episodes that ended in this step.
    pub episodes: Vec<Episode>,
}

/// The programs that judge an environment.
#[derive(Clone, Copy)]
pub struct Programs<'a> {
    /// The compiled task program with the terms [`MEASURES`].
    pub measures: &'a dyn RewardSource,
    /// The reward under test.
    pub reward: Option<&'a dyn RewardSource>,
}

impl Programs<'_> {
    /// Whether one of them must see all environments at once.
    pub(crate) fn whole_batch(&self) -> bool {
        self.measures.whole_batch() || self.reward.is_some_and(|reward| reward.whole_batch())
    }
}

/// A contiguous group of environments with programs of their own.
pub(crate) struct Block {
    first_env: usize,
    measures: Box<dyn RewardFn>,
    pub(crate) measured: Rewards,
    reward: Option<Box<dyn RewardFn>>,
    pub(crate) step: StepData,
}

impl StepData {
    /// Room for `n_envs` environments.
    pub(crate) fn new(task: &Task, n_envs: usize, terms: usize) -> Self {
        Self {
            observations: vec![0.0; n_envs * task.observation_size()],
            final_observations: vec![0.0; n_envs * task.observation_size()],
            critic_observations: vec![0.0; n_envs * task.critic_observation_size()],
            final_critic_observations: vec![0.0; n_envs * task.critic_observation_size()],
            rewards: Rewards {
                total: vec![0.0; n_envs],
                terms: vec![vec![0.0; n_envs]; terms],
            },
            terminated: vec![false; n_envs],
            truncated: vec![false; n_envs],
            faulted: vec![false; n_envs],
            episodes: Vec::with_capacity(n_envs),
        }
    }

    /// Shows what there is to act on now.
    pub(crate) fn observe(&mut self, setting: &Setting, index: usize, world: &World) {
        let task = &setting.task;
        world.observe(task, row(&mut self.observations, index, task.observation_size()));
        let seen = row(&mut self.critic_observations, index, task.critic_observation_size());
        world.observe_for_critic(task, seen);
    }

    /// Takes over what a block of the environments `envs` did.
    pub(crate) fn take_in(&mut self, block: &StepData, envs: Range<usize>) {
        for (all, of_block) in [
            (&mut self.observations, &block.observations),
            (&mut self.final_observations, &block.final_observations),
            (&mut self.critic_observations, &block.critic_observations),
            (&mut self.final_critic_observations, &block.final_critic_observations),
        ] {
            let size = of_block.len() / envs.len().max(1);
            all[envs.start * size..envs.end * size].copy_from_slice(of_block);
        }
        self.terminated[envs.clone()].copy_from_slice(&block.terminated);
        self.truncated[envs.clone()].copy_from_slice(&block.truncated);
        self.faulted[envs.clone()].copy_from_slice(&block.faulted);
        self.episodes.extend_from_slice(&block.episodes);
        assert_eq!(
            block.rewards.total.len(),
            envs.len(),
            "a reward scores every environment it was shown"
        );
        self.rewards.total[envs.clone()].copy_from_slice(&block.rewards.total);
        for (all, term) in self.rewards.terms.iter_mut().zip(&block.rewards.terms) {
            all[envs.clone()].copy_from_slice(term);
        }
    }
}

impl Block {
    /// Errors: a [`Stop`] when the task program has other terms than [`MEASURES`], or no instance can be made.
    pub(crate) fn new(task: &Task, programs: Programs<'_>, first_env: usize, n_envs: usize) -> Result<Self, Stop> {
        let terms = programs.measures.terms();
        if terms != MEASURES {
            let message = format!("its outputs are {terms:?}, but a task program has {MEASURES:?}");
            return Err(Stop {
                file: task.program.1.display().to_string(),
                at: None,
                cause: StopCause::Trap { message },
            });
        }
        Ok(Self {
            first_env,
            measures: programs.measures.instance()?,
            measured: Rewards::default(),
            reward: programs.reward.map(|source| source.instance()).transpose()?,
            step: StepData::new(task, n_envs, programs.reward.map_or(0, |reward| reward.terms().len())),
        })
    }

    /// Blocks of `size` environments, the last one maybe smaller, for `n_envs` in all.
    ///
    /// Errors: as [`Block::new`].
    pub(crate) fn of_size(task: &Task, programs: Programs<'_>, n_envs: usize, size: usize) -> Result<Vec<Self>, Stop> {
        let starts = (0..n_envs).step_by(size);
        starts
            .map(|first| Self::new(task, programs, first, size.min(n_envs - first)))
            .collect()
    }

    /// Its environments.
    pub(crate) fn envs(&self) -> Range<usize> {
        self.first_env..self.first_env + self.step.faulted.len()
    }

    fn n_envs(&self) -> usize {
        self.step.faulted.len()
    }

    /// Positions in the schema of the variables that its programs read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = usize> {
        let reward = self.reward.as_ref().map_or(&[][..], |reward| reward.inputs());
        self.measures.inputs().iter().chain(reward).copied()
    }

    /// Starts every episode of its `worlds` anew.
    pub(crate) fn begin(&mut self, setting: &Setting, worlds: &[Mutex<World>]) -> Result<(), Stop> {
        for (index, world) in worlds.iter().enumerate() {
            let mut world = lock(world);
            world.begin_again(setting)?;
            self.step.observe(setting, index, &world);
        }
        self.step.final_observations.copy_from_slice(&self.step.observations);
        let critic = &self.step.critic_observations;
        self.step.final_critic_observations.copy_from_slice(critic);
        self.measures.begin_all_episodes();
        if let Some(reward) = &mut self.reward {
            reward.begin_all_episodes();
        }
        self.step.terminated.fill(false);
        self.step.truncated.fill(false);
        self.step.faulted.fill(false);
        self.step.episodes.clear();
        Ok(())
    }

    /// One control step of its `worlds` with `actions` (`[n, A]`), all on this thread.
    ///
    /// Errors: as [`Block::conclude`].
    pub(crate) fn step(&mut self, setting: &Setting, worlds: &[Mutex<World>], actions: &[f32]) -> Result<(), Stop> {
        self.step.episodes.clear();
        let actions = actions.chunks_exact(setting.task.action_size());
        for ((index, world), action) in worlds.iter().enumerate().zip(actions) {
            let mut world = lock(world);
            world.advance(setting, action);
            // At once, while its numbers are in the cache.
            self.place(setting, index, &mut world)?;
        }
        self.judge(setting, worlds)
    }

    /// What follows from worlds that have just advanced: rewards, ends of episodes, and the next beginnings.
    ///
    /// Errors: a [`Stop`] of the task program or of the reward, or an initial state that is not finite.
    pub(crate) fn conclude(&mut self, setting: &Setting, worlds: &[Mutex<World>]) -> Result<(), Stop> {
        self.step.episodes.clear();
        for (index, world) in worlds.iter().enumerate() {
            self.place(setting, index, &mut lock(world))?;
        }
        self.judge(setting, worlds)
    }

    /// Shows a world to the programs. One that faulted begins its next episode before anything reads it.
    fn place(&mut self, setting: &Setting, index: usize, world: &mut World) -> Result<(), Stop> {
        let n_envs = self.n_envs();
        let fault = world.fault.take();
        self.step.faulted[index] = fault.is_some();
        if let Some(fault) = fault {
            let failed = world.state.tally.fail(self.first_env + index, fault);
            self.step.episodes.push(failed);
            world.begin_episode(setting)?;
            self.forget(index);
        }
        self.measures.place(n_envs, index, &world.row)?;
        if let Some(reward) = &mut self.reward {
            reward.place(n_envs, index, &world.row)?;
        }
        let task = &setting.task;
        let observation = row(&mut self.step.final_observations, index, task.observation_size());
        world.observe(task, observation);
        let seen = &mut self.step.final_critic_observations;
        world.observe_for_critic(task, row(seen, index, task.critic_observation_size()));
        Ok(())
    }

    fn judge(&mut self, setting: &Setting, worlds: &[Mutex<World>]) -> Result<(), Stop> {
        let first_env = self.first_env;
        let in_all = |stop| among_all(stop, first_env);
        self.measures.evaluate_placed(&mut self.measured).map_err(in_all)?;
        if let Some(reward) = &mut self.reward {
            reward.evaluate_placed(&mut self.step.rewards).map_err(in_all)?;
        }
        self.step.observations.copy_from_slice(&self.step.final_observations);
        let critic = &self.step.final_critic_observations;
        self.step.critic_observations.copy_from_slice(critic);
        for (index, world) in worlds.iter().enumerate() {
            self.count(setting, index, world)?;
        }
        Ok(())
    }

    /// Takes what the task program said of one environment, and ends its episode where that is due.
    fn count(&mut self, setting: &Setting, index: usize, world: &Mutex<World>) -> Result<(), Stop> {
        self.step.terminated[index] = false;
        self.step.truncated[index] = false;
        if self.step.faulted[index] {
            // The programs saw the fresh episode; its first step is still to come.
            self.forget(index);
            return Ok(());
        }
        let [fitness, success, terminated] = [0, 1, 2].map(|k| self.measured.terms[k][index]);
        let mut world = lock(world);
        let task = &setting.task;
        world.state.tally.add(fitness, success != 0.0, task.aggregates);
        let terminated = terminated != 0.0;
        let truncated = !terminated && world.state.tally.steps >= task.horizon;
        self.step.terminated[index] = terminated;
        self.step.truncated[index] = truncated;
        if terminated || truncated {
            let (how, dt) = (task.aggregates.0, task.control_dt_secs());
            let episode = world.state.tally.finish(self.first_env + index, how, task.horizon, dt);
            self.step.episodes.push(episode);
            world.begin_episode(setting)?;
            self.step.observe(setting, index, &world);
            self.forget(index);
        }
        Ok(())
    }

    /// The next evaluation of this environment is the first of its episode.
    fn forget(&mut self, index: usize) {
        self.measures.begin_episode(index);
        if let Some(reward) = &mut self.reward {
            reward.begin_episode(index);
        }
    }

    pub(crate) fn snapshot(&self, index: usize, world: &World) -> EnvSnapshot {
        let reward = self.reward.as_ref();
        world.snapshot([
            self.measures.remembered(index),
            reward.map_or_else(Vec::new, |reward| reward.remembered(index)),
        ])
    }

    pub(crate) fn restore(&mut self, setting: &Setting, index: usize, world: &mut World, snapshot: &EnvSnapshot) {
        world.restore(setting, snapshot);
        self.take_up(setting, index, world, snapshot);
    }

    /// As [`Block::restore`], of a snapshot that may come from a file. Errors: as [`World::resume`].
    pub(crate) fn resume(
        &mut self,
        setting: &Setting,
        index: usize,
        world: &mut World,
        snapshot: &EnvSnapshot,
    ) -> Result<(), String> {
        world.resume(setting, snapshot)?;
        self.take_up(setting, index, world, snapshot);
        Ok(())
    }

    /// Shows a world that has just been restored, and lets the programs remember what they did.
    fn take_up(&mut self, setting: &Setting, index: usize, world: &World, snapshot: &EnvSnapshot) {
        self.step.observe(setting, index, world);
        let (n_envs, [measures, reward]) = (self.n_envs(), snapshot.memories());
        // An instance that has not judged anything yet has no room to remember in; one that cannot have it says so in the
        // next step.
        let _ = self.measures.place(n_envs, index, &world.row);
        self.measures.recall(index, measures);
        if let Some(instance) = &mut self.reward {
            let _ = instance.place(n_envs, index, &world.row);
            instance.recall(index, reward);
        }
    }
}

/// A world, or a block; nobody else wants it between two steps. A panic while stepping is passed on by who steps, so that
/// a poisoned one is never seen.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block counts its environments from 0; people count all.
fn among_all(mut stop: Stop, first_env: usize) -> Stop {
    if let StopCause::NonFinite { env_index, .. } | StopCause::Raised { env_index, .. } = &mut stop.cause {
        *env_index += first_env;
    }
    stop
}

/// What one environment has in an array `[N, size]`.
fn row(values: &mut [f32], index: usize, size: usize) -> &mut [f32] {
    &mut values[index * size..(index + 1) * size]
}
