//! The programs of a group of environments: what a step means once its physics is done.
//!
//! ```text
//! worlds' rows ──place──▶ task program, reward ──evaluate──▶ rewards, fitness, ends ──▶ episodes, resets, observations
//! ```

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
    /// What the reward under test says about the step, before any reset; empty without a reward. Where the step faulted
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

/// Programs and results of a contiguous group of environments.
pub(crate) struct Block {
    first_env: usize,
    n_envs: usize,
    measures: Box<dyn RewardFn>,
    measured: Rewards,
    reward: Option<Box<dyn RewardFn>>,
    pub(crate) step: StepData,
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
            n_envs,
            measures: programs.measures.instance()?,
            measured: Rewards::default(),
            reward: programs.reward.map(|source| source.instance()).transpose()?,
            step: StepData {
                observations: vec![0.0; n_envs * task.observation_size()],
                final_observations: vec![0.0; n_envs * task.observation_size()],
                rewards: Rewards::default(),
                terminated: vec![false; n_envs],
                truncated: vec![false; n_envs],
                faulted: vec![false; n_envs],
                episodes: Vec::with_capacity(n_envs),
            },
        })
    }

    /// Index of its first environment.
    pub(crate) fn first_env(&self) -> usize {
        self.first_env
    }

    /// Whether the last step ended the episode of an environment in the regular way.
    pub(crate) fn ended(&self, index: usize) -> bool {
        self.step.terminated[index] || self.step.truncated[index]
    }

    /// Positions in the schema of the variables that its programs read.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = usize> {
        let reward = self.reward.as_ref().map_or(&[][..], |reward| reward.inputs());
        self.measures.inputs().iter().chain(reward).copied()
    }

    pub(crate) fn reward_terms(&self) -> &[String] {
        self.reward.as_ref().map_or(&[], |reward| reward.terms())
    }

    /// Starts every episode of its `worlds` anew.
    pub(crate) fn begin(&mut self, setting: &Setting, worlds: &[Mutex<World>]) -> Result<(), Stop> {
        for (index, world) in worlds.iter().enumerate() {
            let mut world = lock(world);
            world.begin_again(setting)?;
            world.observe(&setting.task, slot(&mut self.step.observations, index, setting));
        }
        self.step.final_observations.copy_from_slice(&self.step.observations);
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

    /// What follows from worlds that have just advanced: rewards, ends of episodes, and the next beginnings.
    ///
    /// Errors: a [`Stop`] of the task program or of the reward, or an initial state that is not finite.
    pub(crate) fn conclude(&mut self, setting: &Setting, worlds: &[Mutex<World>]) -> Result<(), Stop> {
        self.step.episodes.clear();
        for (index, world) in worlds.iter().enumerate() {
            self.place(setting, index, &mut lock(world))?;
        }
        self.measures.evaluate_placed(&mut self.measured)?;
        if let Some(reward) = &mut self.reward {
            reward.evaluate_placed(&mut self.step.rewards)?;
        }
        self.step.observations.copy_from_slice(&self.step.final_observations);
        for (index, world) in worlds.iter().enumerate() {
            self.count(setting, index, world)?;
        }
        Ok(())
    }

    /// Shows a world to the programs. One that faulted begins its next episode before anything reads it.
    fn place(&mut self, setting: &Setting, index: usize, world: &mut World) -> Result<(), Stop> {
        let fault = world.fault.take();
        self.step.faulted[index] = fault.is_some();
        if let Some(fault) = fault {
            let failed = world.state.tally.fail(self.first_env + index, fault);
            self.step.episodes.push(failed);
            world.begin_episode(setting)?;
            self.forget(index);
        }
        self.measures.place(self.n_envs, index, &world.row)?;
        if let Some(reward) = &mut self.reward {
            reward.place(self.n_envs, index, &world.row)?;
        }
        world.observe(&setting.task, slot(&mut self.step.final_observations, index, setting));
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
            world.observe(task, slot(&mut self.step.observations, index, setting));
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
        world.observe(&setting.task, slot(&mut self.step.observations, index, setting));
        let [measures, reward] = snapshot.memories();
        self.measures.recall(index, measures);
        if let Some(instance) = &mut self.reward {
            instance.recall(index, reward);
        }
    }
}

/// One world; nobody else wants it between two steps. A panic while stepping is passed on by who steps, so that a poisoned
/// world is never seen.
pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The observation of one environment.
fn slot<'a>(observations: &'a mut [f32], index: usize, setting: &Setting) -> &'a mut [f32] {
    let size = setting.task.observation_size();
    &mut observations[index * size..(index + 1) * size]
}
