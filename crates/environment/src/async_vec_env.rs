//! Many environments of one task that need not wait for each other.
//!
//! In lockstep every thread waits for the slowest step of all. Here the environments stand in blocks of a few; a thread takes
//! a block and plays it for many steps (observations, actions, physics, reward, resets) before it takes another, so that
//! threads meet only at the end. Who chooses the actions runs inside the threads, on the block's own observations.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use carrot_reward_interface::{Stop, StopCause};

use crate::Task;
use crate::block::{Block, Programs, StepData, lock};
use crate::setting::Setting;
use crate::world::World;

/// Most environments of a block; enough for a network to be evaluated on many rows at once.
const LARGEST: usize = 32;

/// Blocks per thread, so that threads finish at about the same time.
const BLOCKS_PER_THREAD: usize = 4;

/// N environments in independent blocks.
pub struct AsyncVecEnv {
    setting: Setting,
    worlds: Vec<Mutex<World>>,
    blocks: Vec<Mutex<Block>>,
    threads: usize,
}

/// Where a block stands when it is asked for actions.
pub struct Turn<'a> {
    /// Index of the block's first environment.
    pub first_env: usize,
    /// Steps that the block has made since [`AsyncVecEnv::run`] began.
    pub step: usize,
    /// What the block's last step did; its arrays have one row for each environment of the block.
    pub data: &'a StepData,
}

impl AsyncVecEnv {
    /// N environments, reset; random numbers and arguments as with [`VecEnv::new`](crate::VecEnv::new).
    ///
    /// Errors: as there, and a [`Stop`] for a program that must see the whole batch at once.
    pub fn new(task: &Task, programs: Programs<'_>, n_envs: usize, seed: u64, threads: usize) -> Result<Self, Stop> {
        if programs.whole_batch() {
            return Err(Stop {
                file: task.id.clone(),
                at: None,
                cause: StopCause::Trap {
                    message: "a program reduces over the whole batch, so that its environments must step together"
                        .into(),
                },
            });
        }
        let threads = threads.max(1);
        let size = (n_envs / (threads * BLOCKS_PER_THREAD)).clamp(1, LARGEST);
        let blocks = Block::of_size(task, programs, n_envs, size)?;
        let setting = Setting::new(task, seed, blocks.iter().flat_map(Block::inputs))?;
        let mut env = Self {
            worlds: (0..n_envs).map(|index| Mutex::new(World::new(task, index))).collect(),
            blocks: blocks.into_iter().map(Mutex::new).collect(),
            setting,
            threads,
        };
        env.reset()?;
        Ok(env)
    }

    /// Starts every episode anew.
    ///
    /// Errors: a [`Stop`] when the initial state is not finite.
    pub fn reset(&mut self) -> Result<(), Stop> {
        for block in &self.blocks {
            let mut block = lock(block);
            let envs = block.envs();
            block.begin(&self.setting, &self.worlds[envs])?;
        }
        Ok(())
    }

    /// Plays every environment for `steps` steps. `act` is called for a block before each of its steps, on any thread, with
    /// what the block shows, and fills its actions (`[n, A]`); it is called once more after the last step, and its actions
    /// are then not used. Blocks do not depend on each other, so that the number of threads changes nothing.
    ///
    /// Errors: the [`Stop`] of the first block that had one.
    pub fn run(&mut self, steps: usize, act: &(dyn Fn(&Turn<'_>, &mut [f32]) + Sync)) -> Result<(), Stop> {
        let next = AtomicUsize::new(0);
        let take_blocks = || -> Vec<(usize, Stop)> {
            let mut stops = Vec::new();
            while let Some(block) = self.blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut block = lock(block);
                if let Err(stop) = play(&mut block, &self.worlds, &self.setting, steps, act) {
                    stops.push((block.envs().start, stop));
                }
            }
            stops
        };
        let mut stops = std::thread::scope(|scope| {
            let helpers = (1..self.threads.min(self.blocks.len())).map(|_| scope.spawn(take_blocks));
            let helpers: Vec<_> = helpers.collect();
            let mut stops = take_blocks();
            for helper in helpers {
                stops.extend(helper.join().expect("a block was played to its end"));
            }
            stops
        });
        stops.sort_by_key(|(first_env, _)| *first_env);
        stops.into_iter().next().map_or(Ok(()), |(_, stop)| Err(stop))
    }

    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        self.worlds.len()
    }
}

fn play(
    block: &mut Block,
    worlds: &[Mutex<World>],
    setting: &Setting,
    steps: usize,
    act: &(dyn Fn(&Turn<'_>, &mut [f32]) + Sync),
) -> Result<(), Stop> {
    let envs = block.envs();
    let mut actions = vec![0.0; envs.len() * setting.task.action_size()];
    for step in 0..=steps {
        let turn = Turn {
            first_env: envs.start,
            step,
            data: &block.step,
        };
        act(&turn, &mut actions);
        if step < steps {
            block.step(setting, &worlds[envs.clone()], &actions)?;
        }
    }
    Ok(())
}
