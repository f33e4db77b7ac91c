//! What would become of one environment under other actions: rollouts that all begin where a snapshot stands.
//!
//! A planner plays dozens of them before every step, so that each thread keeps one world and one instance of either program,
//! puts the snapshot into them, and adds the reward up where it is computed; nothing but a sum comes back. The rollouts know
//! the present of the environment, its randomised world included, but not its future: random numbers that are still to be
//! drawn (pushes, new commands) have no effect in them.
//!
//! ```text
//! EnvSnapshot ──branch off──▶ world ──act, advance──▶ row ──reward, terminated──▶ Σ reward ──▶ Branch
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Stop, StopCause};

use crate::setting::Setting;
use crate::world::{EnvSnapshot, World};
use crate::{MEASURES, Programs, Task};

/// Plays rollouts from snapshots of one task.
///
/// The reward sees every rollout as a batch of one environment, as it does where a plan is carried out: also a reward that
/// reduces over its whole batch means the same in both.
pub struct Branches {
    /// What the task program reads, positions in the schema.
    measures: Vec<usize>,
    judge: Judge,
    lanes: Vec<Lane>,
}

/// A reward, ready to judge rollouts: one instance for each thread, and the variables that must be kept up to date.
pub struct Judge {
    setting: Setting,
    rewards: Vec<Box<dyn RewardFn>>,
}

/// What one thread works with.
struct Lane {
    world: World,
    measures: Box<dyn RewardFn>,
    measured: Rewards,
    rewards: Rewards,
    action: Vec<f32>,
}

/// How a rollout is played and added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BranchRules {
    /// Control steps of a rollout.
    pub steps: usize,
    /// Factor of a reward for every step by which it comes later, in [0, 1].
    pub discount: f64,
    /// What the steps count that an ended episode does not have.
    pub after_end: AfterEnd,
}

/// What the remaining steps of a rollout count once the task has ended its episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterEnd {
    /// Nothing, as in training. Where rewards are negative, ending early then pays.
    Zero,
    /// Each as much as the lowest reward of the rollout, if that is below zero, so that ending early never pays.
    Worst,
}

/// One rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branch {
    /// Discounted sum of rewards; minus infinity where the simulation diverged.
    pub total: f64,
    /// Control steps that were played.
    pub steps: usize,
    /// Why there are no more.
    pub end: BranchEnd,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchEnd {
    /// All steps were played.
    Horizon,
    /// The task ended the episode.
    Terminated,
    /// What came next was no physics.
    Diverged,
}

/// A moment of a rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Generalised positions.
    pub qpos: Vec<f64>,
    /// Where the mocap bodies are, m.
    pub mocap_positions: Vec<[f64; 3]>,
    /// What was sent to the actuators to get here, in their units; for the first moment before anything was.
    pub ctrl: Vec<f64>,
}

/// Fills the action (`[A]`, clamped to [-1, 1]) of a rollout (its number) at a step. It is called on any thread.
pub type BranchAct<'a> = &'a (dyn Fn(usize, usize, &mut [f32]) + Sync);

impl Branches {
    /// Worlds and instances for `threads` threads, which change speed only.
    ///
    /// Errors: a [`Stop`] when there is no reward, when the task program has other terms than [`MEASURES`], or when a program
    /// cannot be instantiated.
    pub fn new(task: &Task, programs: Programs<'_>, threads: usize) -> Result<Self, Stop> {
        let trap = |message: String| Stop {
            file: task.program.1.display().to_string(),
            at: None,
            cause: StopCause::Trap { message },
        };
        if programs.measures.terms() != MEASURES {
            let terms = programs.measures.terms();
            return Err(trap(format!(
                "its outputs are {terms:?}, but a task program has {MEASURES:?}"
            )));
        }
        let Some(reward) = programs.reward else {
            return Err(trap("rollouts are judged by a reward, and there is none".into()));
        };
        let lanes = (0..threads.max(1))
            .map(|_| Lane::new(task, programs.measures))
            .collect::<Result<Vec<Lane>, Stop>>()?;
        let measures = lanes[0].measures.inputs().to_vec();
        Ok(Self {
            judge: Judge::new(task, &measures, reward, lanes.len())?,
            measures,
            lanes,
        })
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.judge.setting.task
    }

    /// What makes judges for these rollouts, on any thread.
    pub fn judges(&self) -> Judges {
        Judges {
            task: self.task().clone(),
            measures: self.measures.clone(),
            threads: self.lanes.len(),
        }
    }

    /// From now on another reward counts; gives back the one before.
    pub fn replace_judge(&mut self, judge: Judge) -> Judge {
        std::mem::replace(&mut self.judge, judge)
    }

    /// Plays as many rollouts as there is room in `branches`, all from `start`. `go_on` is asked before each of them; once it
    /// says no, the rest is left out and the result is false.
    ///
    /// What the reward remembers is the snapshot's if that was taken under the same program; else it begins anew.
    ///
    /// Errors: a [`Stop`] of the reward or the task program, or of a reward that is no number, in the first rollout that has one.
    ///
    /// # Panics
    /// If the snapshot is of another task.
    pub fn play(
        &mut self,
        start: &EnvSnapshot,
        rules: BranchRules,
        act: BranchAct<'_>,
        go_on: &(dyn Fn() -> bool + Sync),
        branches: &mut [Branch],
    ) -> Result<bool, Stop> {
        let wanted = branches.len();
        let next = AtomicUsize::new(0);
        // Rollouts after the first that stopped need not be played; those before it must, in case one of them stops too.
        let first_stop = AtomicUsize::new(usize::MAX);
        let Judge { setting, rewards } = &mut self.judge;
        let setting = &*setting;
        let work = |(lane, reward): (&mut Lane, &mut Box<dyn RewardFn>)| {
            let mut played = Vec::with_capacity(wanted);
            loop {
                let rollout = next.fetch_add(1, Ordering::Relaxed);
                if rollout >= wanted.min(first_stop.load(Ordering::Relaxed)) || !go_on() {
                    return played;
                }
                let outcome = lane.play(setting, reward.as_mut(), start, rules, rollout, act);
                if outcome.is_err() {
                    first_stop.fetch_min(rollout, Ordering::Relaxed);
                }
                played.push((rollout, outcome));
            }
        };
        let mut workers = self.lanes.iter_mut().zip(rewards.iter_mut()).take(wanted.max(1));
        let own = workers.next();
        let mut played = std::thread::scope(|scope| {
            let work = &work;
            let helpers: Vec<_> = workers.map(|worker| scope.spawn(move || work(worker))).collect();
            let mut played = own.map(work).unwrap_or_default();
            for helper in helpers {
                played.extend(helper.join().expect("a rollout was played to its end"));
            }
            played
        });
        played.sort_by_key(|(rollout, _)| *rollout);
        let complete = played.len() == wanted;
        for (rollout, outcome) in played {
            branches[rollout] = outcome?;
        }
        Ok(complete)
    }

    /// Every moment of one rollout, the start first, up to its end or to where the simulation diverges.
    ///
    /// # Panics
    /// If the snapshot is of another task.
    pub fn moments(&mut self, start: &EnvSnapshot, steps: usize, act: &dyn Fn(usize, &mut [f32])) -> Vec<Moment> {
        let setting = &self.judge.setting;
        let Lane { world, action, .. } = &mut self.lanes[0];
        world.branch_off(setting, start);
        let mut moments = vec![world.moment()];
        for step in 0..steps {
            act(step, action);
            world.advance(setting, action);
            if world.fault.take().is_some() {
                break;
            }
            world.state.tally.steps += 1;
            moments.push(world.moment());
        }
        moments
    }
}

/// Makes judges.
pub struct Judges {
    task: Task,
    measures: Vec<usize>,
    threads: usize,
}

impl Judges {
    /// A judge that counts `reward`.
    ///
    /// Errors: a [`Stop`] when an instance cannot be made.
    pub fn judge(&self, reward: &dyn RewardSource) -> Result<Judge, Stop> {
        Judge::new(&self.task, &self.measures, reward, self.threads)
    }
}

impl Judge {
    fn new(task: &Task, measures: &[usize], reward: &dyn RewardSource, threads: usize) -> Result<Self, Stop> {
        let rewards = (0..threads)
            .map(|_| reward.instance())
            .collect::<Result<Vec<_>, Stop>>()?;
        let used = rewards[0].inputs().iter().chain(measures).copied();
        Ok(Self {
            setting: Setting::unobserved(task, 0, used)?,
            rewards,
        })
    }
}

impl Lane {
    fn new(task: &Task, measures: &dyn RewardSource) -> Result<Self, Stop> {
        Ok(Self {
            world: World::new(task, 0),
            measures: measures.instance()?,
            measured: Rewards::default(),
            rewards: Rewards::default(),
            action: vec![0.0; task.action_size()],
        })
    }

    fn play(
        &mut self,
        setting: &Setting,
        reward: &mut dyn RewardFn,
        start: &EnvSnapshot,
        rules: BranchRules,
        rollout: usize,
        act: BranchAct<'_>,
    ) -> Result<Branch, Stop> {
        let Self {
            world,
            measures,
            measured,
            rewards,
            action,
        } = self;
        world.branch_off(setting, start);
        // What is remembered can be put back only once there is a batch to remember it for.
        measures.place(1, 0, &world.row)?;
        reward.place(1, 0, &world.row)?;
        let [measures_remember, reward_remembers] = start.memories();
        measures.recall(0, measures_remember);
        reward.recall(0, reward_remembers);

        let (mut total, mut weight, mut lowest) = (0.0, 1.0, 0.0_f64);
        for step in 0..rules.steps {
            act(rollout, step, action);
            world.advance(setting, action);
            if world.fault.take().is_some() {
                return Ok(Branch {
                    total: f64::NEG_INFINITY,
                    steps: step,
                    end: BranchEnd::Diverged,
                });
            }
            world.state.tally.steps += 1;
            measures.place(1, 0, &world.row)?;
            measures.evaluate_placed(measured)?;
            reward.place(1, 0, &world.row)?;
            reward.evaluate_placed(rewards)?;
            let value = rewards.total[0];
            total += weight * value;
            if !total.is_finite() {
                return Err(non_finite(if value.is_finite() { total } else { value }));
            }
            weight *= rules.discount;
            lowest = lowest.min(value);
            let [.., terminated] = &measured.terms[..] else {
                unreachable!("a task program has the terms that were asked for when it was taken")
            };
            if terminated[0] != 0.0 {
                if rules.after_end == AfterEnd::Worst {
                    for _ in step + 1..rules.steps {
                        total += weight * lowest;
                        weight *= rules.discount;
                    }
                }
                return Ok(Branch {
                    total,
                    steps: step + 1,
                    end: BranchEnd::Terminated,
                });
            }
        }
        Ok(Branch {
            total,
            steps: rules.steps,
            end: BranchEnd::Horizon,
        })
    }
}

impl World {
    fn moment(&self) -> Moment {
        Moment {
            qpos: self.generalised().0.to_vec(),
            mocap_positions: self.mocap_positions().to_vec(),
            ctrl: self.ctrl().to_vec(),
        }
    }
}

/// A reward function let a value through that is no number.
fn non_finite(value: f64) -> Stop {
    Stop {
        file: "reward".into(),
        at: None,
        cause: StopCause::NonFinite {
            term: "total".into(),
            value: value.to_string(),
            env_index: 0,
            state: Vec::new(),
        },
    }
}
