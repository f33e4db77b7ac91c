//! Many environments of one task, stepped together.
//!
//! Each environment owns its world, its random streams and a row of all variables, so that threads share nothing while
//! physics runs. What needs the whole batch (the task program, and the reward after it) comes afterwards, once, on the
//! calling thread: a program may reduce over all environments, and then chunks of the batch would change its meaning.
//!
//! ```text
//! actions ──▶ clamp, scale ──▶ physics ──▶ row per environment ──▶ Batch ──▶ task program ──▶ episodes, resets
//!             └────────────── in parallel ──────────────────┘      └────────── in order ──────────────┘
//! ```

use carrot_reward_interface::{Batch, RewardFn, Rewards, Stop, StopCause};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::episode::Episode;
use crate::world::World;
use crate::{MEASURES, Task};

/// N environments of one task, stepped together.
pub struct VecEnv {
    /// What the last step did, for every environment.
    pub step: StepData,
    task: Task,
    measures: Box<dyn RewardFn>,
    measured: Rewards,
    worlds: Vec<World>,
    seed: u64,
    /// Present when more than one thread is asked for.
    pool: Option<ThreadPool>,
}

/// Result of a step. Arrays are environment-major.
#[derive(Debug, Clone, Default)]
pub struct StepData {
    /// Observation to act on next (after a reset where the episode ended), `[N, O]`.
    pub observations: Vec<f32>,
    /// Observation at the end of the step, before any reset, `[N, O]`.
    pub final_observations: Vec<f32>,
    /// The task ended the episode; its value is not bootstrapped, `[N]`.
    pub terminated: Vec<bool>,
    /// Only the clock ended the episode; the value of `final_observations` is bootstrapped, `[N]`.
    pub truncated: Vec<bool>,
    /// The simulation diverged in this step: reward and observation mean nothing and must not be learned from, `[N]`.
    pub faulted: Vec<bool>,
    /// Variables at the end of the step, before any reset: what the reward reads. Where the step faulted they are those
    /// of the fresh episode, so that they are always finite.
    pub batch: Batch,
    /// Episodes that ended in this step.
    pub episodes: Vec<Episode>,
}

impl VecEnv {
    /// N worlds, reset. `measures` is the compiled task program with the terms [`MEASURES`]. Random numbers come from
    /// (`seed`, environment, purpose, episode); `threads` changes speed only.
    ///
    /// Errors: a [`Stop`] when `measures` has other terms, or when the initial state itself is not finite.
    pub fn new(
        task: &Task,
        measures: Box<dyn RewardFn>,
        n_envs: usize,
        seed: u64,
        threads: usize,
    ) -> Result<Self, Stop> {
        if measures.terms() != MEASURES {
            let message = format!(
                "its outputs are {:?}, but a task program has {MEASURES:?}",
                measures.terms()
            );
            return Err(Stop {
                file: task.program.1.display().to_string(),
                at: None,
                cause: StopCause::Trap { message },
            });
        }
        // Without further threads (there may be none left to start) everything still works, on the calling one.
        let pool = match threads {
            0 | 1 => None,
            _ => rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok(),
        };
        let mut env = Self {
            step: StepData {
                observations: vec![0.0; n_envs * task.observation_size()],
                final_observations: vec![0.0; n_envs * task.observation_size()],
                terminated: vec![false; n_envs],
                truncated: vec![false; n_envs],
                faulted: vec![false; n_envs],
                batch: Batch::zeros(&task.schema, n_envs),
                episodes: Vec::new(),
            },
            measures,
            measured: Rewards::default(),
            worlds: (0..n_envs).map(|_| World::new(task)).collect(),
            task: task.clone(),
            seed,
            pool,
        };
        env.reset()?;
        Ok(env)
    }

    /// Applies `actions` (`[N, A]`, clamped to [-1, 1]) for one control step and resets what ended.
    ///
    /// An environment whose simulation diverges, whose action is not finite, or which shows a variable that is not finite
    /// ends its episode with a fault; the others go on.
    ///
    /// Errors: a [`Stop`] of the task program.
    pub fn step(&mut self, actions: &[f32]) -> Result<&StepData, Stop> {
        assert_eq!(
            actions.len(),
            self.worlds.len() * self.task.action_size(),
            "actions are [N, A]"
        );
        self.advance(actions);
        self.step.episodes.clear();
        self.restart_faulted()?;
        self.publish();
        self.measures.evaluate(&self.step.batch, &mut self.measured)?;
        self.finish_episodes()?;
        Ok(&self.step)
    }

    /// Starts every episode anew, as if this environment had just been made: the same initial states follow each other again.
    ///
    /// Errors: a [`Stop`] when the initial state is not finite.
    pub fn reset(&mut self) -> Result<(), Stop> {
        for (env_index, world) in self.worlds.iter_mut().enumerate() {
            world.episode = 0;
            world.begin_episode(&self.task, self.seed, env_index)?;
        }
        self.measures.begin_all_episodes();
        self.publish();
        self.step.observations.copy_from_slice(&self.step.final_observations);
        self.step.terminated.fill(false);
        self.step.truncated.fill(false);
        self.step.faulted.fill(false);
        self.step.episodes.clear();
        Ok(())
    }

    /// Generalised positions of one environment, for drawing.
    pub fn qpos(&self, env_index: usize) -> &[f64] {
        self.worlds[env_index].qpos()
    }

    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        self.worlds.len()
    }

    /// Length A of an action.
    pub fn action_size(&self) -> usize {
        self.task.action_size()
    }

    /// Runs the physics of every environment; each thread owns a contiguous chunk.
    fn advance(&mut self, actions: &[f32]) {
        let task = &self.task;
        let action_size = task.action_size();
        let run = |worlds: &mut [World], actions: &[f32]| {
            for (world, action) in worlds.iter_mut().zip(actions.chunks_exact(action_size)) {
                world.fault = world.advance(task, action).err();
            }
        };
        match &self.pool {
            None => run(&mut self.worlds, actions),
            Some(pool) => {
                let chunk = self.worlds.len().div_ceil(pool.current_num_threads()).max(1);
                let worlds = &mut self.worlds;
                pool.install(|| {
                    worlds
                        .par_chunks_mut(chunk)
                        .zip(actions.par_chunks(chunk * action_size))
                        .for_each(|(worlds, actions)| run(worlds, actions));
                });
            }
        }
    }

    /// Ends the episodes of this step's faults, before anything reads their rows.
    fn restart_faulted(&mut self) -> Result<(), Stop> {
        for (env_index, world) in self.worlds.iter_mut().enumerate() {
            let fault = world.fault.take();
            self.step.faulted[env_index] = fault.is_some();
            if let Some(fault) = fault {
                self.step.episodes.push(world.tally.fail(env_index, fault));
                world.begin_episode(&self.task, self.seed, env_index)?;
            }
        }
        Ok(())
    }

    /// Copies every row into the batch and into the observation at the end of the step.
    fn publish(&mut self) {
        let n_envs = self.worlds.len();
        for ((binding, variable), column) in
            (self.task.bindings.iter().zip(&self.task.schema.variables)).zip(&mut self.step.batch.columns)
        {
            let values = binding.offset..binding.offset + binding.components;
            if variable.uniform {
                if let Some(world) = self.worlds.first() {
                    column.copy_from_slice(&world.row[values]);
                }
                continue;
            }
            for (source, component) in values.zip(column.chunks_exact_mut(n_envs.max(1))) {
                for (slot, world) in component.iter_mut().zip(&self.worlds) {
                    *slot = world.row[source];
                }
            }
        }
        let observation_size = self.task.observation_size();
        for (out, world) in self
            .step
            .final_observations
            .chunks_exact_mut(observation_size)
            .zip(&self.worlds)
        {
            world.observe(&self.task, out);
        }
    }

    /// Takes what the task program said, ends episodes, and starts the next ones.
    fn finish_episodes(&mut self) -> Result<(), Stop> {
        let observation_size = self.task.observation_size();
        self.step.observations.copy_from_slice(&self.step.final_observations);
        for (env_index, world) in self.worlds.iter_mut().enumerate() {
            self.step.terminated[env_index] = false;
            self.step.truncated[env_index] = false;
            if self.step.faulted[env_index] {
                self.measures.begin_episode(env_index);
                continue;
            }
            let [fitness, success, terminated] = [0, 1, 2].map(|k| self.measured.terms[k][env_index]);
            world.tally.add(fitness, success != 0.0, self.task.aggregates);
            let terminated = terminated != 0.0;
            let truncated = !terminated && world.tally.steps >= self.task.horizon;
            self.step.terminated[env_index] = terminated;
            self.step.truncated[env_index] = truncated;
            if terminated || truncated {
                self.step
                    .episodes
                    .push(world.tally.finish(env_index, self.task.aggregates.0));
                world.begin_episode(&self.task, self.seed, env_index)?;
                self.measures.begin_episode(env_index);
                let at = env_index * observation_size;
                world.observe(&self.task, &mut self.step.observations[at..at + observation_size]);
            }
        }
        Ok(())
    }
}
