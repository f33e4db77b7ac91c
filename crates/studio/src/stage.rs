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
//! interval is not acted on, so that what a person sees is what `carrot plan` would do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use carrot_environment::VecEnv;
use carrot_optimizer::{LivePlanner, PlanSettings, Planner, Policy};
use carrot_physics::Push;
use carrot_reward_interface::Stop;

use crate::compiler::{FreshReward, OpenTask};
use crate::priority;
use crate::timeline::{self, Moment, RewardChange, Timeline, layout, moment};

/// What moves the robot.
#[derive(Clone, Default)]
pub enum Drive {
    /// A plan for the present reward.
    #[default]
    Plan,
    /// A trained policy, with its name for people.
    Policy(Arc<Policy>, String),
    /// Nothing: every action is zero.
    Rest,
}

impl Drive {
    /// A word for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Plan => "plan",
            Self::Policy(_, name) => name,
            Self::Rest => "nothing",
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
    /// One control step, with the clock standing.
    Step,
    /// Simulated seconds per second, at most.
    Speed(f64),
    /// A new episode, from the start state that belongs to this seed.
    Reset(u64),
    /// A hand pulls a body, until another order or the end of the episode.
    Push(Option<Push>),
}

/// How the stage is.
#[derive(Debug, Clone, Default)]
pub struct StageStatus {
    /// What moves the robot.
    pub drive: String,
    /// The clock runs.
    pub running: bool,
    /// Simulated seconds per second, at most.
    pub speed: f64,
    /// Seed of the episodes.
    pub seed: u64,
    /// Simulated seconds per second over the last second.
    pub real_time: f64,
    /// Plans made for this task.
    pub plans: u64,
    /// The world stands because no plan is fresh enough.
    pub waiting: bool,
    /// Why the reward stopped while it ran; it rests until another reward comes.
    pub stop: Option<Stop>,
    /// Why there is no planning at all.
    pub trouble: Option<String>,
    /// SHA-256 is of this text: the reward that counts now.
    pub reward_text: Arc<str>,
    /// From a change of the text to the first action of the first plan for it, newest last.
    pub latencies: Vec<Duration>,
}

/// Latencies that are kept.
const LATENCIES: usize = 1_000;

/// A plan that has not come by then is not waited for when a newer reward is there.
const AWAITED: Duration = Duration::from_secs(1);

/// How long the last moment of an episode stays before the next one begins.
const CURTAIN: Duration = Duration::from_millis(700);

/// The thread. Dropping it ends it.
pub struct Stage {
    orders: Sender<Order>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
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
    pub fn start(threads: usize, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (orders, incoming) = channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("stage".into());
        let thread = thread.spawn(move || {
            // The planner's threads are started from here and inherit it.
            priority::yield_to_the_window();
            Worker::new(threads, &theirs, &wake).work(&incoming);
        })?;
        Ok(Self {
            orders,
            shared,
            thread: Some(thread),
        })
    }

    /// Tells the stage what to do.
    pub fn tell(&self, order: Order) {
        _ = self.orders.send(order); // a thread that panicked has said so
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
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// The thread's own side.
struct Worker<'a> {
    shared: &'a Shared,
    wake: &'a dyn Fn(),
    threads: usize,
    seed: u64,
    drive: Drive,
    running: bool,
    /// Steps to make with the clock standing.
    single_steps: usize,
    speed: f64,
    world: Option<World>,
    /// The newest reward, while the first plan for the one before it is being made. Without this a slider that is dragged quickly would
    /// see no plan before it rests.
    next: Option<FreshReward>,
    /// When the next step is due.
    due: Instant,
    /// Steps of the last while, to say how fast the world moves.
    recent: std::collections::VecDeque<Instant>,
}

/// A task with a reward, and everything that plays it.
struct World {
    task: Arc<OpenTask>,
    fresh: FreshReward,
    env: VecEnv,
    planner: Option<LivePlanner>,
    replan_every: usize,
    action: Vec<f32>,
    /// Number of the reward and when the text changed, until its first plan is acted on.
    awaited: Option<(u64, Instant)>,
    /// The reward stopped.
    stopped: bool,
    /// The last step ended the episode; the next one begins at this time.
    curtain: Option<Instant>,
}

impl World {
    /// Whether a plan for its reward is being made for the first time, and will soon be there.
    fn is_awaited(&self) -> bool {
        self.awaited.is_some_and(|(_, edited)| edited.elapsed() < AWAITED)
    }
}

impl<'a> Worker<'a> {
    fn new(threads: usize, shared: &'a Shared, wake: &'a dyn Fn()) -> Self {
        Self {
            shared,
            wake,
            threads,
            seed: 0,
            drive: Drive::Plan,
            running: true,
            single_steps: 0,
            speed: 1.0,
            world: None,
            next: None,
            due: Instant::now(),
            recent: std::collections::VecDeque::new(),
        }
    }

    fn work(&mut self, incoming: &Receiver<Order>) {
        while !self.shared.leave.load(Ordering::Relaxed) {
            match incoming.recv_timeout(self.patience()) {
                Ok(order) => {
                    self.take(order);
                    while let Ok(order) = incoming.try_recv() {
                        self.take(order);
                    }
                    self.publish();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.advance();
        }
    }

    /// How long nothing need be done unless an order comes.
    fn patience(&self) -> Duration {
        let idle = Duration::from_millis(100);
        let Some(world) = &self.world else { return idle };
        if self.single_steps == 0 && !self.running && world.awaited.is_none() {
            return idle;
        }
        let until = self.due.saturating_duration_since(Instant::now());
        until.clamp(Duration::from_millis(1), Duration::from_millis(20))
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Open(_) => {
                // Its first reward brings it.
                self.world = None;
                self.next = None;
                *self.write() = Timeline::default();
                self.status(|status| *status = StageStatus::default());
                if matches!(self.drive, Drive::Policy(..)) {
                    self.drive = Drive::Plan;
                }
            }
            Order::Reward(fresh) => self.reward(fresh),
            Order::Drive(drive) => self.drive = drive,
            Order::Run(running) => {
                self.running = running;
                self.due = Instant::now();
            }
            Order::Step => {
                self.running = false;
                self.single_steps += 1;
            }
            Order::Speed(speed) => self.speed = speed.clamp(0.01, 10.0),
            Order::Reset(seed) => {
                self.seed = seed;
                if let Some(world) = self.world.take() {
                    self.begin(world.fresh);
                }
            }
            Order::Push(push) => {
                if let Some(world) = &mut self.world {
                    world.env.push(0, push);
                }
            }
        }
    }

    fn reward(&mut self, fresh: FreshReward) {
        match self.world.take() {
            Some(world) if Arc::ptr_eq(&world.task, &fresh.task) && world.is_awaited() => {
                self.next = Some(fresh);
                self.world = Some(world);
            }
            Some(world) if Arc::ptr_eq(&world.task, &fresh.task) => self.exchange(world, fresh),
            _ => self.begin(fresh),
        }
    }

    /// A new world for a task and its reward.
    fn begin(&mut self, fresh: FreshReward) {
        let bench = &fresh.task.bench;
        let edited = fresh.edited;
        let env = VecEnv::with_all_variables(&bench.task, bench.programs(Some(&fresh.reward)), 1, self.seed, 1);
        let env = match env {
            Ok(env) => env,
            Err(stop) => return self.status(|status| status.stop = Some(stop)),
        };
        let (planner, every, trouble) = match self.plan_for(&fresh) {
            Ok((planner, every)) => (Some(planner), every, None),
            Err(message) => (None, 1, Some(message)),
        };
        if let Some(planner) = &planner {
            planner.tell(env.snapshot(0));
        }
        let awaited = planner.as_ref().map(|_| (0, edited));
        self.status(|status| {
            status.stop = None;
            status.trouble = trouble;
            status.reward_text = Arc::clone(&fresh.text);
        });
        let world = World {
            task: Arc::clone(&fresh.task),
            action: vec![0.0; env.action_size()],
            env,
            planner,
            replan_every: every,
            awaited,
            stopped: false,
            curtain: None,
            fresh,
        };
        self.open_timeline(&world);
        self.world = Some(world);
        self.due = Instant::now();
    }

    fn plan_for(&self, fresh: &FreshReward) -> Result<(LivePlanner, usize), String> {
        let bench = &fresh.task.bench;
        let settings = PlanSettings::default()
            .with_overrides(&bench.task.plan)
            .map_err(|error| error.to_string())?;
        let programs = bench.programs(Some(&fresh.reward));
        let planner = Planner::new(&bench.task, programs, &settings, self.seed, self.threads)
            .map_err(|error| error.to_string())?;
        let planner = LivePlanner::start(planner).map_err(|error| error.to_string())?;
        Ok((planner, settings.replan_every.max(1)))
    }

    /// The same world under another reward.
    fn exchange(&mut self, mut world: World, fresh: FreshReward) {
        let bench = &fresh.task.bench;
        let snapshot = world.env.snapshot(0);
        let env = VecEnv::with_all_variables(&bench.task, bench.programs(Some(&fresh.reward)), 1, self.seed, 1);
        let numbered = match &world.planner {
            Some(planner) => planner.set_reward(&*fresh.reward).map(Some),
            None => Ok(None),
        };
        match (env, numbered) {
            (Ok(mut env), Ok(number)) => {
                env.restore(0, &snapshot);
                world.env = env;
                world.awaited = number.map(|number| (number, fresh.edited));
                world.stopped = false;
                let change = RewardChange {
                    step: self.write().newest().map_or(0, |moment| moment.step) + 1,
                    terms: world.env.reward_terms().into(),
                };
                let mut timeline = self.write();
                timeline.rewards.retain(|earlier| earlier.step < change.step);
                timeline.rewards.push(change);
                drop(timeline);
                self.status(|status| {
                    status.stop = None;
                    status.reward_text = Arc::clone(&fresh.text);
                });
                world.fresh = fresh;
            }
            (Err(stop), _) | (_, Err(stop)) => self.status(|status| status.stop = Some(stop)),
        }
        self.world = Some(world);
    }

    /// A step, if one is due and may be made.
    fn advance(&mut self) {
        let Some(mut world) = self.world.take() else { return };
        self.note_latency(&mut world);
        if !world.is_awaited()
            && let Some(fresh) = self.next.take()
        {
            return self.exchange(world, fresh);
        }
        let now = Instant::now();
        let wanted = self.running && now >= self.due || self.single_steps > 0;
        if wanted && !world.stopped && self.may_begin(&mut world, now) {
            self.step(&mut world, now);
        }
        self.world = Some(world);
    }

    /// Between two episodes the last moment stays for a while.
    fn may_begin(&mut self, world: &mut World, now: Instant) -> bool {
        match world.curtain {
            Some(until) if now < until => false,
            Some(_) => {
                world.curtain = None;
                self.open_timeline(world);
                true
            }
            None => true,
        }
    }

    fn step(&mut self, world: &mut World, now: Instant) {
        let snapshot_at = self.write().newest().map_or(0, |moment| moment.step);
        match &self.drive {
            Drive::Rest => world.action.fill(0.0),
            Drive::Policy(policy, _) => {
                if policy.observation_size() * policy.action_size() == 0
                    || policy.observation_size() != world.env.observations().len()
                    || policy.action_size() != world.action.len()
                {
                    let message = "the policy belongs to another task".to_owned();
                    self.status(|status| status.trouble = Some(message));
                    self.drive = Drive::Plan;
                    return;
                }
                policy.act(world.env.observations(), &mut world.action);
            }
            Drive::Plan => {
                let episode = self.write().episode;
                let plan = world.planner.as_ref().and_then(LivePlanner::plan);
                let fresh = plan.filter(|plan| {
                    plan.begins.0 == episode && snapshot_at.saturating_sub(plan.begins.1) <= world.replan_every
                });
                let Some(plan) = fresh else {
                    return self.status(|status| status.waiting = true);
                };
                world.action.copy_from_slice(plan.action(snapshot_at));
            }
        }
        let outcome = world.env.step(&world.action).map(timeline::outcome);
        self.single_steps = self.single_steps.saturating_sub(1);
        let dt = Duration::from_secs_f64(world.env.task().control_dt_secs() / self.speed);
        self.due = (self.due + dt).max(now);
        match outcome {
            Err(stop) => {
                world.stopped = true;
                self.status(|status| status.stop = Some(stop));
            }
            Ok((ended, judged)) => {
                let judges = world.env.task().judges;
                let moment = moment(&world.env, snapshot_at + 1, ended.is_some());
                let mut timeline = self.write();
                timeline.push(moment);
                timeline.end.clone_from(&ended);
                timeline.judged = judged.filter(|_| judges && ended.is_some());
                drop(timeline);
                if ended.is_some() {
                    world.curtain = Some(now + CURTAIN);
                }
                if let Some(planner) = &world.planner {
                    planner.tell(world.env.snapshot(0));
                }
            }
        }
        self.recent.push_back(now);
        while self
            .recent
            .front()
            .is_some_and(|then| now.duration_since(*then) > Duration::from_secs(1))
        {
            self.recent.pop_front();
        }
        self.publish_with(world);
        (self.wake)();
    }

    /// Whether the first plan for a new reward is there.
    fn note_latency(&mut self, world: &mut World) {
        let (Some((number, edited)), Some(planner)) = (world.awaited, &world.planner) else {
            return;
        };
        let status = planner.status();
        if let Some((refused, stop)) = status.refused
            && refused == number
        {
            world.awaited = None;
            return self.status(|status| status.stop = Some(stop));
        }
        if planner.plan().is_some_and(|plan| plan.reward == number) {
            world.awaited = None;
            let took = edited.elapsed();
            self.status(|status| {
                if status.latencies.len() == LATENCIES {
                    status.latencies.remove(0);
                }
                status.latencies.push(took);
            });
            (self.wake)();
        }
    }

    fn open_timeline(&self, world: &World) {
        let env = &world.env;
        let begun = Timeline {
            task: env.task().id.clone(),
            episode: env.snapshot(0).episode(),
            moments: vec![start(env)],
            rewards: vec![RewardChange {
                step: 1,
                terms: env.reward_terms().into(),
            }],
            control_dt_secs: env.task().control_dt_secs(),
            layout: layout(env),
            end: None,
            judged: None,
        };
        *self.write() = begun;
        (self.wake)();
    }

    fn publish(&self) {
        let (drive, running, seed, speed) = (self.drive.name().to_owned(), self.running, self.seed, self.speed);
        self.status(|status| {
            status.drive = drive;
            status.running = running;
            status.seed = seed;
            status.speed = speed;
            status.waiting = false;
        });
    }

    fn publish_with(&self, world: &World) {
        let dt = world.env.task().control_dt_secs();
        let plans = world.planner.as_ref().map_or(0, |planner| planner.status().plans);
        let real_time = self.recent.len() as f64 * dt;
        self.publish();
        self.status(|status| {
            status.plans = plans;
            status.real_time = real_time;
        });
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Timeline> {
        self.shared.timeline.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, change: impl FnOnce(&mut StageStatus)) {
        change(&mut lock(&self.shared.status));
    }
}

/// The first moment of an episode.
fn start(env: &VecEnv) -> Moment {
    moment(env, 0, false)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
