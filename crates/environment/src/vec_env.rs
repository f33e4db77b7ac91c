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

use carrot_physics::Physics;
use carrot_reward_interface::{Batch, RewardFn, Rewards, Stop, StopCause};
use rand::RngExt;
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::binding::Clock;
use crate::episode::{Episode, Tally};
use crate::random::{Purpose, stream};
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
        self.worlds[env_index].physics.state().0
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
                let at = env_index * observation_size;
                world.observe(&self.task, &mut self.step.observations[at..at + observation_size]);
            }
        }
        Ok(())
    }
}

/// One environment: its world, its place in the episode, and its variables.
struct World {
    physics: Box<dyn Physics>,
    /// Number of the next episode to begin.
    episode: u64,
    tally: Tally,
    /// The action just applied, in [-1, 1].
    control: Vec<f64>,
    previous_control: Vec<f64>,
    /// The same action in actuator units.
    scaled_control: Vec<f64>,
    /// All variables, in the order of the schema.
    row: Vec<f64>,
    scratch: Vec<f64>,
    /// Why the step just made is no physics.
    fault: Option<String>,
}

impl World {
    fn new(task: &Task) -> Self {
        let scratch = task.bindings.iter().map(crate::binding::Binding::scratch).max();
        Self {
            physics: task.model.world(),
            episode: 0,
            tally: Tally::new(),
            control: vec![0.0; task.action_size()],
            previous_control: vec![0.0; task.action_size()],
            scaled_control: vec![0.0; task.action_size()],
            row: vec![0.0; task.row_size()],
            scratch: vec![0.0; scratch.unwrap_or(0)],
            fault: None,
        }
    }

    /// Puts the world into the initial state of its next episode: the model's own, with uniform noise.
    fn begin_episode(&mut self, task: &Task, seed: u64, env_index: usize) -> Result<(), Stop> {
        self.physics.reset();
        let mut random = stream(seed, env_index, Purpose::Reset, self.episode);
        let (qpos, qvel) = self.physics.state();
        let mut with_noise = |values: &[f64], half_width: f64| -> Vec<f64> {
            let noise = |value| value + half_width * random.random_range(-1.0..=1.0);
            values.iter().copied().map(noise).collect()
        };
        let qpos = with_noise(qpos, task.reset_noise[0]);
        let qvel = with_noise(qvel, task.reset_noise[1]);
        self.physics.set_state(&qpos, &qvel);
        self.control.fill(0.0);
        self.previous_control.fill(0.0);
        self.tally = Tally::new();
        self.episode += 1;
        self.gather(task).map_err(|message| Stop {
            file: task.id.clone(),
            at: None,
            cause: StopCause::Diverged {
                message: format!("right after the reset of environment {env_index}, {message}"),
            },
        })
    }

    /// One control step. Errors: why its result is no physics.
    fn advance(&mut self, task: &Task, action: &[f32]) -> Result<(), String> {
        self.previous_control.copy_from_slice(&self.control);
        for (index, (&value, range)) in action.iter().zip(&task.control_ranges).enumerate() {
            if !value.is_finite() {
                return Err(format!("action {index} is {value}"));
            }
            self.control[index] = f64::from(value.clamp(-1.0, 1.0));
            self.scaled_control[index] = in_actuator_units(self.control[index], *range);
        }
        self.physics
            .step(&self.scaled_control, task.substeps)
            .map_err(|divergence| divergence.to_string())?;
        // The tally does not count this step yet.
        self.gather_at(task, self.tally.steps + 1)
    }

    fn gather(&mut self, task: &Task) -> Result<(), String> {
        self.gather_at(task, 0)
    }

    /// Reads every variable after `steps` control steps. Errors: the first one that is not finite.
    fn gather_at(&mut self, task: &Task, steps: usize) -> Result<(), String> {
        let control_dt_secs = task.control_dt_secs();
        let clock = Clock {
            control: &self.control,
            previous_control: &self.previous_control,
            time_secs: steps as f64 * control_dt_secs,
            control_dt_secs,
        };
        for binding in &task.bindings {
            binding.read(self.physics.as_ref(), &clock, &mut self.scratch, &mut self.row);
        }
        // Programs and policies compute in f32, so a number that overflows there is as bad as an infinite one.
        match self.row.iter().position(|&value| !(value as f32).is_finite()) {
            None => Ok(()),
            Some(place) => {
                let owner = task.bindings.iter().rposition(|binding| binding.offset <= place);
                let name = &task.schema.variables[owner.unwrap_or(0)].name;
                Err(format!("variable `{name}` is {}", self.row[place]))
            }
        }
    }

    fn observe(&self, task: &Task, out: &mut [f32]) {
        for (slot, &place) in out.iter_mut().zip(&task.observed) {
            *slot = self.row[place] as f32;
        }
    }
}

/// Scales a control in [-1, 1] to the actuator's range; an unlimited actuator takes it as it is.
fn in_actuator_units(control: f64, [low, high]: [f64; 2]) -> f64 {
    if low.is_finite() && high.is_finite() {
        low + (control + 1.0) * 0.5 * (high - low)
    } else {
        control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_fill_the_range_of_the_actuator() {
        for (control, range, expected) in [
            (-1.0, [-1.0, 1.0], -1.0),
            (0.0, [-2.0, 6.0], 2.0),
            (1.0, [-2.0, 6.0], 6.0),
            (0.5, [f64::NEG_INFINITY, f64::INFINITY], 0.5),
        ] {
            assert_eq!(in_actuator_units(control, range), expected, "{control} in {range:?}");
        }
    }
}
