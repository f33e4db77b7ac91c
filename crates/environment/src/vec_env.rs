//! Many environments of one task, stepped together.
//!
//! Each environment owns its world, its random streams and a row of all variables, so that threads share nothing while
//! physics runs. What needs the whole batch (the task program, and the reward) comes afterwards, once, on the calling
//! thread: a program may reduce over all environments, and then chunks of the batch would change its meaning.
//!
//! ```text
//! actions ──▶ clamp, scale ──▶ physics ──▶ row per environment ──▶ task program, reward ──▶ episodes, resets
//!             └────────────── in parallel ──────────────────┘      └──────────── in order ────────────────┘
//! ```

use carrot_physics::Snapshot;
use carrot_reward_interface::{Batch, Stop};

use crate::Task;
use crate::block::{Block, Programs, StepData, lock};
use crate::setting::Setting;
use crate::team::Team;
use crate::world::{EnvSnapshot, World};

/// N environments of one task, stepped together.
pub struct VecEnv {
    team: Team,
    block: Block,
}

impl VecEnv {
    /// N environments, reset. Random numbers come from (`seed`, environment, purpose, episode); `threads` changes speed only.
    /// Only the variables that the observation or one of the programs reads are kept up to date.
    ///
    /// Errors: a [`Stop`] when the task program has other terms than [`MEASURES`](crate::MEASURES), when a program cannot be
    /// instantiated, or when the initial state itself is not finite.
    pub fn new(task: &Task, programs: Programs<'_>, n_envs: usize, seed: u64, threads: usize) -> Result<Self, Stop> {
        let block = Block::new(task, programs, 0, n_envs)?;
        let setting = Setting::new(task, seed, block.inputs())?;
        Self::begin(setting, block, n_envs, threads)
    }

    /// As [`VecEnv::new`], but every variable is kept up to date, for whoever records or shows them.
    ///
    /// Errors: as there.
    pub fn with_all_variables(
        task: &Task,
        programs: Programs<'_>,
        n_envs: usize,
        seed: u64,
        threads: usize,
    ) -> Result<Self, Stop> {
        let block = Block::new(task, programs, 0, n_envs)?;
        let setting = Setting::new(task, seed, 0..task.schema.variables.len())?;
        Self::begin(setting, block, n_envs, threads)
    }

    fn begin(setting: Setting, block: Block, n_envs: usize, threads: usize) -> Result<Self, Stop> {
        let worlds = (0..n_envs).map(|index| World::new(&setting.task, index)).collect();
        let mut env = Self {
            team: Team::new(setting, worlds, threads),
            block,
        };
        env.reset()?;
        Ok(env)
    }

    /// What the last step did, for every environment.
    pub fn step_data(&self) -> &StepData {
        &self.block.step
    }

    /// Observations to act on next, `[N, O]`.
    pub fn observations(&self) -> &[f32] {
        &self.block.step.observations
    }

    /// Applies `actions` (`[N, A]`, clamped to [-1, 1]) for one control step and resets what ended.
    ///
    /// An environment whose simulation diverges, whose action is not finite, or which shows a variable that is not finite
    /// ends its episode with a fault; the others go on.
    ///
    /// Errors: a [`Stop`] of the task program or of the reward.
    pub fn step(&mut self, actions: &[f32]) -> Result<&StepData, Stop> {
        let action_size = self.action_size();
        assert_eq!(actions.len(), self.n_envs() * action_size, "actions are [N, A]");
        for (world, action) in self.team.worlds().iter().zip(actions.chunks_exact(action_size)) {
            lock(world).action.copy_from_slice(action);
        }
        self.team.advance();
        self.block.conclude(self.team.setting(), self.team.worlds())?;
        Ok(&self.block.step)
    }

    /// Starts every episode anew, as if this environment had just been made: the same initial states follow each other again.
    ///
    /// Errors: a [`Stop`] when the initial state is not finite.
    pub fn reset(&mut self) -> Result<(), Stop> {
        self.block.begin(self.team.setting(), self.team.worlds())
    }

    /// All variables of all environments at the end of the last step, before any reset; where it faulted, and before the
    /// first step, those of the fresh episode. Those that are not kept up to date are zero.
    pub fn variables(&self) -> Batch {
        let task = self.task();
        let mut batch = Batch::zeros(&task.schema, self.n_envs());
        for (env_index, world) in self.team.worlds().iter().enumerate() {
            let world = lock(world);
            let row = match self.block.step.faulted[env_index] || !self.block.ended(env_index) {
                true => &world.row,
                false => world.ended_row(),
            };
            for ((binding, variable), column) in
                (task.bindings.iter().zip(&task.schema.variables)).zip(&mut batch.columns)
            {
                let values = &row[binding.offset..binding.offset + binding.components];
                let step = if variable.uniform { 1 } else { self.n_envs() };
                let first = if variable.uniform { 0 } else { env_index };
                for (slot, value) in column.iter_mut().skip(first).step_by(step).zip(values) {
                    *slot = *value;
                }
            }
        }
        batch
    }

    /// Names of the terms of the reward under test; none without a reward.
    pub fn reward_terms(&self) -> &[String] {
        self.block.reward_terms()
    }

    /// Generalised positions of one environment, for drawing.
    pub fn qpos(&self, env_index: usize) -> Vec<f64> {
        lock(&self.team.worlds()[env_index]).generalised().0.to_vec()
    }

    /// Generalised velocities of one environment.
    pub fn qvel(&self, env_index: usize) -> Vec<f64> {
        lock(&self.team.worlds()[env_index]).generalised().1.to_vec()
    }

    /// What the last step sent to the actuators of one environment, in their units.
    pub fn ctrl(&self, env_index: usize) -> Vec<f64> {
        lock(&self.team.worlds()[env_index]).ctrl().to_vec()
    }

    /// One environment as it stands, in the middle of an episode too.
    pub fn snapshot(&self, env_index: usize) -> EnvSnapshot {
        self.block.snapshot(env_index, &lock(&self.team.worlds()[env_index]))
    }

    /// Puts a snapshot of this task into an environment, which then repeats what followed it, bit for bit. Its observation is
    /// the snapshot's; the rest of [`VecEnv::step_data`] stays that of the last step.
    ///
    /// # Panics
    /// If the snapshot is of another model.
    pub fn restore(&mut self, env_index: usize, snapshot: &EnvSnapshot) {
        let mut world = lock(&self.team.worlds()[env_index]);
        self.block.restore(self.team.setting(), env_index, &mut world, snapshot);
    }

    /// State of the physics of one environment.
    pub fn physics_state(&self, env_index: usize) -> Snapshot {
        lock(&self.team.worlds()[env_index]).physics_state()
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.team.setting().task
    }

    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        self.team.worlds().len()
    }

    /// Length A of an action.
    pub fn action_size(&self) -> usize {
        self.task().action_size()
    }
}
