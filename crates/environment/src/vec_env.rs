//! Many environments of one task, stepped together or each group on its own.
//!
//! Environments stand in blocks of a few, each with its own instances of the programs; a thread takes a block and does all
//! that belongs to its step while the numbers are still in the cache. Only a program that reduces over the whole batch makes
//! the blocks one: then physics runs in parallel, and the programs afterwards, once, on the calling thread.
//!
//! ```text
//! actions ──▶ block: clamp, scale ──▶ physics ──▶ row ──▶ task program, reward ──▶ episodes, resets ──▶ StepData
//! ```
//!
//! In [`VecEnv::step`] every thread waits for the slowest step of all. In [`VecEnv::run`] a thread plays a block for many
//! steps before it takes another, and threads meet only at the end; who chooses the actions runs inside the threads, on the
//! block's own observations.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use carrot_physics::{Push, Scene};
use carrot_reward_interface::{Batch, Stop};

use crate::block::{Block, Programs, StepData, lock};
use crate::setting::Setting;
use crate::team::{Team, with_team};
use crate::world::{EnvSnapshot, World};
use crate::{MEASURES, Task};

/// Blocks that the environments are cut into at least: enough for threads to end at about the same time, few enough for a
/// network to see several rows at once. The number of threads has no say, so that it changes nothing.
const BLOCKS: usize = 8;

/// Most environments of a block.
const LARGEST: usize = 32;

/// N environments of one task, stepped together.
pub struct VecEnv {
    team: Team,
    threads: usize,
    stage: Arc<Stage>,
    step: StepData,
    reward_terms: Vec<String>,
}

/// Where a block stands when it is asked for actions in [`VecEnv::run`].
pub struct Turn<'a> {
    /// Which block.
    pub block: usize,
    /// Index of the block's first environment.
    pub first_env: usize,
    /// Steps that the block has made since the run began.
    pub step: usize,
    /// What the block's last step did; its arrays have one row for each environment of the block.
    pub data: &'a StepData,
}

/// Who chooses actions in [`VecEnv::run`]: fills those of a block, `[n, A]`. A [`Stop`] ends the block's run.
pub type Act<'a> = dyn Fn(&Turn<'_>, &mut [f32]) -> Result<(), Stop> + Sync + 'a;

/// What the threads work on.
struct Stage {
    setting: Setting,
    worlds: Vec<Mutex<World>>,
    /// What to do in the next step, `[N, A]`.
    actions: RwLock<Vec<f32>>,
    blocks: Vec<Mutex<Judged>>,
    /// All environments are one block, whose worlds are stepped one by one.
    whole_batch: bool,
}

/// A block and what became of its last step.
struct Judged {
    block: Block,
    outcome: Result<(), Stop>,
}

impl VecEnv {
    /// N environments, reset. Random numbers come from (`seed`, environment, purpose, episode); `threads` changes speed only.
    /// Only the variables that the observation or one of the programs reads are kept up to date.
    ///
    /// Errors: a [`Stop`] when the task program has other terms than [`MEASURES`](crate::MEASURES), when a program cannot be
    /// instantiated, or when the initial state itself is not finite.
    pub fn new(task: &Task, programs: Programs<'_>, n_envs: usize, seed: u64, threads: usize) -> Result<Self, Stop> {
        Self::start(task, programs, n_envs, seed, threads, &[])
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
        let all: Vec<usize> = (0..task.schema.variables.len()).collect();
        Self::start(task, programs, n_envs, seed, threads, &all)
    }

    /// `also`: variables to keep up to date beside those that the programs read.
    fn start(
        task: &Task,
        programs: Programs<'_>,
        n_envs: usize,
        seed: u64,
        threads: usize,
        also: &[usize],
    ) -> Result<Self, Stop> {
        let whole_batch = programs.whole_batch();
        let size = match whole_batch {
            true => n_envs.max(1),
            false => (n_envs / BLOCKS).clamp(1, LARGEST),
        };
        let blocks = Block::of_size(task, programs, n_envs, size)?;
        let used = blocks.iter().flat_map(Block::inputs).chain(also.iter().copied());
        let stage = Arc::new(Stage {
            setting: Setting::new(task, seed, used)?,
            worlds: (0..n_envs).map(|index| Mutex::new(World::new(task, index))).collect(),
            actions: RwLock::new(vec![0.0; n_envs * task.action_size()]),
            blocks: blocks.into_iter().map(Judged::new).collect(),
            whole_batch,
        });
        let worked_on = Arc::clone(&stage);
        let items = if whole_batch { n_envs } else { stage.blocks.len() };
        let reward_terms = programs.reward.map_or(&[][..], |reward| reward.terms());
        let mut env = Self {
            team: Team::new(threads, items, Box::new(move |item| worked_on.work(item))),
            threads,
            step: StepData::new(task, n_envs, reward_terms.len()),
            reward_terms: reward_terms.to_vec(),
            stage,
        };
        env.reset()?;
        Ok(env)
    }

    /// What the last step did, for every environment.
    pub fn step_data(&self) -> &StepData {
        &self.step
    }

    /// Observations to act on next, `[N, O]`.
    pub fn observations(&self) -> &[f32] {
        &self.step.observations
    }

    /// Applies `actions` (`[N, A]`, clamped to [-1, 1]) for one control step and resets what ended.
    ///
    /// An environment whose simulation diverges, whose action is not finite, or which shows a variable that is not finite
    /// ends its episode with a fault; the others go on.
    ///
    /// Errors: a [`Stop`] of the task program or of the reward.
    pub fn step(&mut self, actions: &[f32]) -> Result<&StepData, Stop> {
        assert_eq!(actions.len(), self.n_envs() * self.action_size(), "actions are [N, A]");
        let mut next = self.stage.actions.write().unwrap_or_else(PoisonError::into_inner);
        next.copy_from_slice(actions);
        drop(next);
        self.team.work();
        if self.stage.whole_batch {
            self.stage.conclude();
        }
        self.collect()?;
        Ok(&self.step)
    }

    /// Plays every environment for `steps` steps. `act` is called for a block before each of its steps, on any thread, with
    /// what the block shows; it is called once more after the last step, and its actions are then not used. Blocks do not
    /// depend on each other, so that neither the number of threads nor the kind of stepping changes anything.
    ///
    /// Errors: the [`Stop`] of the first block that had one, whether `act`'s own, the task program's or the reward's.
    pub fn run(&mut self, steps: usize, act: &Act<'_>) -> Result<(), Stop> {
        if self.stage.whole_batch {
            return self.run_in_lockstep(steps, act);
        }
        let stage = self.stage.as_ref();
        let play = |block: usize| stage.play(block, steps, act);
        with_team(self.threads, stage.blocks.len(), &play, |team| team.work());
        self.collect()
    }

    /// For a program that must see all environments at once: they are one block, whose worlds alone are stepped in parallel.
    fn run_in_lockstep(&mut self, steps: usize, act: &Act<'_>) -> Result<(), Stop> {
        let mut actions = vec![0.0; self.n_envs() * self.action_size()];
        for step in 0..=steps {
            let turn = Turn {
                block: 0,
                first_env: 0,
                step,
                data: &self.step,
            };
            act(&turn, &mut actions)?;
            if step < steps {
                self.step(&actions)?;
            }
        }
        Ok(())
    }

    /// The environments of each block.
    pub fn blocks(&self) -> Vec<Range<usize>> {
        self.stage
            .blocks
            .iter()
            .map(|judged| lock(judged).block.envs())
            .collect()
    }

    /// Starts every episode anew, as if this environment had just been made: the same initial states follow each other again.
    ///
    /// Errors: a [`Stop`] when the initial state is not finite.
    pub fn reset(&mut self) -> Result<(), Stop> {
        let Stage {
            setting,
            worlds,
            blocks,
            ..
        } = self.stage.as_ref();
        for judged in blocks {
            let judged = &mut *lock(judged);
            let envs = judged.block.envs();
            judged.outcome = judged.block.begin(setting, &worlds[envs]);
        }
        self.collect()
    }

    /// Puts together what the blocks did. Errors: the stop of the first block that has one.
    fn collect(&mut self) -> Result<(), Stop> {
        self.step.episodes.clear();
        for judged in &self.stage.blocks {
            let judged = &mut *lock(judged);
            std::mem::replace(&mut judged.outcome, Ok(()))?;
            self.step.take_in(&judged.block.step, judged.block.envs());
        }
        Ok(())
    }

    /// All variables of all environments at the end of the last step, before any reset; where it faulted, and before the
    /// first step, those of the fresh episode. Those that are not kept up to date are zero.
    pub fn variables(&self) -> Batch {
        let task = self.task();
        let mut batch = Batch::zeros(&task.schema, self.n_envs());
        for (env_index, world) in self.stage.worlds.iter().enumerate() {
            let world = lock(world);
            let ended = self.step.terminated[env_index] || self.step.truncated[env_index];
            let row = if ended { world.ended_row() } else { &world.row };
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

    /// What the task program said about the last step: the terms [`MEASURES`] for every environment, `[3][N]`. Zeros before the
    /// first step; where it faulted they mean nothing.
    pub fn measures(&self) -> Vec<Vec<f64>> {
        let mut measures = vec![vec![0.0; self.n_envs()]; MEASURES.len()];
        for judged in &self.stage.blocks {
            let judged = lock(judged);
            let block = &judged.block;
            for (all, term) in measures.iter_mut().zip(&block.measured.terms) {
                all[block.envs()].copy_from_slice(term);
            }
        }
        measures
    }

    /// Names of the terms of the reward under test; none without a reward.
    pub fn reward_terms(&self) -> &[String] {
        &self.reward_terms
    }

    /// Pushes a body of one environment from outside during every step from now on, until another push or none takes its place
    /// or the episode ends. Snapshots do not hold it, and what plans ahead from one knows nothing of it. An episode of Rapier
    /// that was pushed cannot be resumed from a file.
    ///
    /// # Panics
    /// If the model has no such body.
    pub fn push(&mut self, env_index: usize, push: Option<Push>) {
        lock(&self.stage.worlds[env_index]).push(push);
    }

    /// What a picture of one environment shows.
    pub fn scene(&self, env_index: usize) -> Scene {
        lock(&self.stage.worlds[env_index]).scene()
    }

    /// Generalised positions of one environment, for drawing.
    pub fn qpos(&self, env_index: usize) -> Vec<f64> {
        lock(&self.stage.worlds[env_index]).generalised().0.to_vec()
    }

    /// Where the mocap bodies of one environment are, for drawing, m.
    pub fn mocap_positions(&self, env_index: usize) -> Vec<[f64; 3]> {
        lock(&self.stage.worlds[env_index]).mocap_positions().to_vec()
    }

    /// Generalised velocities of one environment.
    pub fn qvel(&self, env_index: usize) -> Vec<f64> {
        lock(&self.stage.worlds[env_index]).generalised().1.to_vec()
    }

    /// What the last step sent to the actuators of one environment, in their units.
    pub fn ctrl(&self, env_index: usize) -> Vec<f64> {
        lock(&self.stage.worlds[env_index]).ctrl().to_vec()
    }

    /// Generalised positions and velocities of one environment at the end of the last step, before any reset.
    pub fn final_state(&self, env_index: usize) -> [Vec<f64>; 2] {
        let world = lock(&self.stage.worlds[env_index]);
        let step = &self.step;
        if step.faulted[env_index] || step.terminated[env_index] || step.truncated[env_index] {
            return world.ended().clone();
        }
        let (qpos, qvel) = world.generalised();
        [qpos.to_vec(), qvel.to_vec()]
    }

    /// One environment as it stands, in the middle of an episode too.
    pub fn snapshot(&self, env_index: usize) -> EnvSnapshot {
        let judged = lock(self.stage.block_of(env_index));
        let index = env_index - judged.block.envs().start;
        judged.block.snapshot(index, &lock(&self.stage.worlds[env_index]))
    }

    /// Puts a snapshot of this task into an environment, which then repeats what followed it, bit for bit. Its observation is
    /// the snapshot's; the rest of [`VecEnv::step_data`] stays that of the last step.
    ///
    /// # Panics
    /// If the snapshot is of another model.
    pub fn restore(&mut self, env_index: usize, snapshot: &EnvSnapshot) {
        let stage = Arc::clone(&self.stage);
        let mut judged = lock(stage.block_of(env_index));
        let envs = judged.block.envs();
        let mut world = lock(&stage.worlds[env_index]);
        let setting = &stage.setting;
        judged
            .block
            .restore(setting, env_index - envs.start, &mut world, snapshot);
        self.step.observe(setting, env_index, &world);
    }

    /// Puts snapshots of all environments back, maybe from a file, into one that was made with the same arguments; threads may
    /// differ. What follows is then the same, bit for bit. Where an engine cannot go on from numbers (Rapier), the present
    /// episodes are played again.
    ///
    /// Errors: one sentence, where an episode that is played again leads elsewhere, and for another number of environments.
    ///
    /// # Panics
    /// If a snapshot is of another task.
    pub fn resume(&mut self, snapshots: &[EnvSnapshot]) -> Result<(), String> {
        if snapshots.len() != self.n_envs() {
            let (saved, own) = (snapshots.len(), self.n_envs());
            return Err(format!("{saved} environments were saved, but there are {own}"));
        }
        let Stage {
            setting,
            worlds,
            blocks,
            ..
        } = self.stage.as_ref();
        for judged in blocks {
            let block = &mut lock(judged).block;
            for (index, env_index) in block.envs().enumerate() {
                let mut world = lock(&worlds[env_index]);
                block
                    .resume(setting, index, &mut world, &snapshots[env_index])
                    .map_err(|cause| format!("environment {env_index}: {cause}"))?;
                self.step.observe(setting, env_index, &world);
            }
        }
        Ok(())
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.stage.setting.task
    }

    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        self.stage.worlds.len()
    }

    /// Threads that step the environments.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Length A of an action.
    pub fn action_size(&self) -> usize {
        self.task().action_size()
    }
}

impl Stage {
    fn block_of(&self, env_index: usize) -> &Mutex<Judged> {
        let size = lock(&self.blocks[0]).block.envs().len();
        &self.blocks[env_index / size]
    }

    /// What one thread does with one item: the step of a block, or of a single world.
    fn work(&self, item: usize) {
        let size = self.setting.task.action_size();
        let actions = self.actions.read().unwrap_or_else(PoisonError::into_inner);
        if self.whole_batch {
            let action = &actions[item * size..(item + 1) * size];
            lock(&self.worlds[item]).advance(&self.setting, action);
            return;
        }
        let judged = &mut *lock(&self.blocks[item]);
        let envs = judged.block.envs();
        let actions = &actions[envs.start * size..envs.end * size];
        judged.outcome = judged.block.step(&self.setting, &self.worlds[envs], actions);
    }

    /// Plays a block for so many steps.
    fn play(&self, index: usize, steps: usize, act: &Act<'_>) {
        let Judged { block, outcome } = &mut *lock(&self.blocks[index]);
        let worlds = &self.worlds[block.envs()];
        let mut actions = vec![0.0; worlds.len() * self.setting.task.action_size()];
        *outcome = (0..=steps).try_for_each(|step| {
            let turn = Turn {
                block: index,
                first_env: block.envs().start,
                step,
                data: &block.step,
            };
            act(&turn, &mut actions)?;
            match step < steps {
                true => block.step(&self.setting, worlds, &actions),
                false => Ok(()),
            }
        });
    }

    /// The programs over the whole batch, once every world has advanced.
    fn conclude(&self) {
        for judged in &self.blocks {
            let judged = &mut *lock(judged);
            judged.outcome = judged.block.conclude(&self.setting, &self.worlds);
        }
    }
}

impl Judged {
    fn new(block: Block) -> Mutex<Self> {
        Mutex::new(Self { block, outcome: Ok(()) })
    }
}
