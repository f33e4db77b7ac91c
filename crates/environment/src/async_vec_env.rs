//! Many environments of one task that need not wait for each other.
//!
//! In lockstep every thread waits for the slowest step of all. Here the environments stand in blocks of a few; a thread takes
//! a block and plays it for many steps (observations, actions, physics, reward, resets) before it takes another, so that
//! threads meet only at the end. Who chooses the actions runs inside the threads, on the block's own observations.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

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
    parts: Vec<Mutex<Part>>,
    threads: usize,
}

/// A block and its worlds.
struct Part {
    block: Block,
    worlds: Vec<Mutex<World>>,
    actions: Vec<f32>,
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
        let reward = programs.reward.into_iter();
        if reward.chain([programs.measures]).any(|source| source.whole_batch()) {
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
        let starts: Vec<usize> = (0..n_envs).step_by(size).collect();
        let blocks = starts
            .iter()
            .map(|&first| Block::new(task, programs, first, size.min(n_envs - first)));
        let blocks = blocks.collect::<Result<Vec<Block>, Stop>>()?;
        let setting = Setting::new(task, seed, blocks.iter().flat_map(Block::inputs))?;
        let part = |(block, first): (Block, usize)| {
            let envs = first..n_envs.min(first + size);
            Mutex::new(Part {
                actions: vec![0.0; envs.len() * task.action_size()],
                worlds: envs.map(|index| Mutex::new(World::new(task, index))).collect(),
                block,
            })
        };
        let mut env = Self {
            parts: blocks.into_iter().zip(starts).map(part).collect(),
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
        for part in &mut self.parts {
            let part = part.get_mut().unwrap_or_else(PoisonError::into_inner);
            part.block.begin(&self.setting, &part.worlds)?;
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
        let play = || -> Vec<(usize, Stop)> {
            let mut stops = Vec::new();
            while let Some((index, part)) = take(&next, &self.parts) {
                let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(stop) = part.play(&self.setting, steps, act) {
                    stops.push((index, stop));
                }
            }
            stops
        };
        let mut stops = std::thread::scope(|scope| {
            let helpers = (1..self.threads.min(self.parts.len())).map(|_| scope.spawn(play));
            let helpers: Vec<_> = helpers.collect();
            let mut stops = play();
            for helper in helpers {
                stops.extend(helper.join().expect("a block was played to its end"));
            }
            stops
        });
        stops.sort_by_key(|(index, _)| *index);
        stops.into_iter().next().map_or(Ok(()), |(_, stop)| Err(stop))
    }

    /// Number of environments.
    pub fn n_envs(&self) -> usize {
        let of_part = |part: &Mutex<Part>| part.lock().unwrap_or_else(PoisonError::into_inner).worlds.len();
        self.parts.iter().map(of_part).sum()
    }
}

fn take<'a>(next: &AtomicUsize, parts: &'a [Mutex<Part>]) -> Option<(usize, &'a Mutex<Part>)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, parts.get(index)?))
}

impl Part {
    fn play(
        &mut self,
        setting: &Setting,
        steps: usize,
        act: &(dyn Fn(&Turn<'_>, &mut [f32]) + Sync),
    ) -> Result<(), Stop> {
        let action_size = setting.task.action_size();
        for step in 0..=steps {
            let turn = Turn {
                first_env: self.block.first_env(),
                step,
                data: &self.block.step,
            };
            act(&turn, &mut self.actions);
            if step == steps {
                break;
            }
            for (world, action) in self.worlds.iter().zip(self.actions.chunks_exact(action_size)) {
                let mut world = lock(world);
                world.action.copy_from_slice(action);
                world.advance(setting);
            }
            self.block.conclude(setting, &self.worlds)?;
        }
        Ok(())
    }
}
