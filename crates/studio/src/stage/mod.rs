//! The live world: one environment that a plan or a policy moves in real time, on a thread of its own.
//!
//! Whoever watches reads the [`Timeline`]; whoever meddles sends an [`Order`]. Neither waits for physics. A new reward takes effect in
//! place: the world stays where it is, and the next plan is made for it.
//!
//! ```text
//! Compiler ──FreshReward──▶ Stage ──EnvSnapshot──▶ LivePlanner (threads of its own)
//!                             │  ◀──newest plan────────┘
//!                             └──▶ Timeline, StageStatus
//! ```
//!
//! The world moves as fast as it was asked to, and no faster than plans are made: a plan that is older than the planner's own
//! interval is not acted on, so that what a person sees is what `carrot plan` would do. Every episode has a seed of its own, one
//! more than the one before, so that Compare and `carrot play --seed` begin where an episode here began.
//!
//! Read [`Order`] and [`StageStatus`] first, then `worker`, which takes the orders and keeps the time, then `world`.

mod worker;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use carrot_optimizer::Policy;
use carrot_physics::Push;
use carrot_reward_interface::Stop;

use crate::compiler::{FreshReward, OpenTask};
use crate::priority;
use crate::timeline::{Mover, Timeline};
use crate::worker::{Worker as Thread, lock};
use worker::Worker;

/// What is to move the robot.
#[derive(Clone, Default)]
pub enum Drive {
    /// A plan for the present reward.
    #[default]
    Plan,
    /// A trained policy.
    Policy {
        /// The policy.
        policy: Arc<Policy>,
        /// SHA-256 of the program that it was trained on, which need not be the present reward.
        program: Arc<str>,
        /// What people call it.
        name: Arc<str>,
    },
    /// Nothing: every action is zero.
    Rest,
}

impl Drive {
    /// Who moves the robot then.
    pub fn mover(&self) -> Mover {
        match self {
            Self::Plan => Mover::Plan,
            Self::Policy { program, name, .. } => Mover::Policy {
                program: Arc::clone(program),
                name: Arc::clone(name),
            },
            Self::Rest => Mover::Nothing,
        }
    }
}

/// What the stage is told.
pub enum Order {
    /// Another task: everything begins anew.
    Open(Arc<OpenTask>),
    /// Another reward counts from now on.
    Reward(FreshReward),
    /// Something else moves the robot.
    Drive(Drive),
    /// The clock runs or stands.
    Run(bool),
    /// The clock runs up to this step of the episode and stands then, at its end at the latest.
    RunTo(usize),
    /// One control step, with the clock standing.
    Step,
    /// Simulated seconds per second, at most.
    Speed(f64),
    /// A new episode, from the start state that belongs to this seed. The episodes after it have the seeds after it.
    Reset(u64),
    /// A hand pulls a body, until another order or the end of the episode.
    Push(Option<Push>),
}

/// How the stage is.
#[derive(Debug, Clone, Default)]
pub struct StageStatus {
    /// What is to move the robot from now on. What moved it at some moment is in the [`Timeline`].
    pub drive: Mover,
    /// The clock runs.
    pub running: bool,
    /// Simulated seconds per second, at most.
    pub speed: f64,
    /// Seed of the episode.
    pub seed: u64,
    /// Simulated seconds per second over the last second.
    pub real_time: f64,
    /// Plans made since the task was opened.
    pub plans: u64,
    /// The world stands because no plan is fresh enough.
    pub waiting: bool,
    /// Why the reward stopped, in a step of the world or in a plan. What it moved rests until another reward comes.
    pub stop: Option<Stop>,
    /// Why there is no planning at all.
    pub trouble: Option<String>,
    /// From the input that changed the reward to the first action that follows the new one, newest last. Where the clock stands
    /// or no plan moves the robot, nothing is measured.
    pub latencies: Vec<Duration>,
}

/// The thread. Dropping it ends it.
pub struct Stage {
    orders: Sender<Order>,
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    timeline: RwLock<Timeline>,
    status: Mutex<StageStatus>,
    leave: AtomicBool,
}

impl Stage {
    /// Starts the thread. `wake` is called when something new can be seen, at most once per control step.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(threads: usize, wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let again = wake.clone();
        let thread = Thread::start("stage", wake, move || {
            // The planner's threads are started from here and inherit it.
            priority::yield_to_the_window();
            Worker::new(threads, &theirs, &again).work(&incoming);
        })?;
        Ok(Self { orders, shared, thread })
    }

    /// Tells the stage what to do.
    pub fn tell(&self, order: Order) {
        _ = self.orders.send(order); // a thread that panicked has said so
    }

    /// Why the thread stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.thread.trouble()
    }

    /// A way to tell it from other threads.
    pub fn sender(&self) -> Sender<Order> {
        self.orders.clone()
    }

    /// What happened in the present episode. The stage waits while this is held: look and let go.
    pub fn timeline(&self) -> RwLockReadGuard<'_, Timeline> {
        self.shared.timeline.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is.
    pub fn status(&self) -> StageStatus {
        lock(&self.shared.status).clone()
    }
}

impl std::ops::Drop for Stage {
    fn drop(&mut self) {
        // Others may hold the way to it too, so that an end of all orders would not come.
        self.shared.leave.store(true, Ordering::Relaxed);
    }
}
