//! The thread of the stage: takes orders, keeps the time, and makes one step after the other.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::world::World;
use super::{Drive, Order, Shared, StageStatus, lock};
use crate::compiler::FreshReward;
use crate::timeline::{Mover, Timeline, moment, outcome};

/// Latencies that are kept.
const LATENCIES: usize = 1_000;

/// How long the last moment of an episode stays before the next one begins, so that a person can read how it ended and stop the clock
/// to look back. Where the clock runs faster than a person's, it is so much less.
const CURTAIN: Duration = Duration::from_millis(1500);

/// How long an order may be waited for where nothing else is to be done.
const IDLE: Duration = Duration::from_millis(100);

/// How often is looked whether a plan has come.
const LOOK: Duration = Duration::from_millis(1);

/// The thread's own side.
pub(super) struct Worker<'a> {
    shared: &'a Shared,
    wake: &'a dyn Fn(),
    threads: usize,
    /// Of the episode that is shown, or of the next one to begin.
    seed: u64,
    /// Episodes that were shown.
    episodes: u64,
    /// Plans made in episodes before the present one.
    plans: u64,
    drive: Drive,
    running: bool,
    /// The clock stands at this step.
    until: Option<usize>,
    /// Steps to make with the clock standing.
    single_steps: usize,
    speed: f64,
    world: Option<World>,
    /// The reward that counts.
    fresh: Option<FreshReward>,
    /// The newest reward, while the first plan for the one before it is being made. Without this a slider that is dragged quickly would
    /// see no plan before it rests.
    next: Option<FreshReward>,
    /// When the next step is due.
    due: Instant,
    /// Steps of the last while, to say how fast the world moves.
    recent: VecDeque<Instant>,
}

impl<'a> Worker<'a> {
    pub fn new(threads: usize, shared: &'a Shared, wake: &'a dyn Fn()) -> Self {
        Self {
            shared,
            wake,
            threads,
            seed: 0,
            episodes: 0,
            plans: 0,
            drive: Drive::Plan,
            running: true,
            until: None,
            single_steps: 0,
            speed: 1.0,
            world: None,
            fresh: None,
            next: None,
            due: Instant::now(),
            recent: VecDeque::new(),
        }
    }

    pub fn work(&mut self, incoming: &Receiver<Order>) {
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
        let Some(world) = &self.world else { return IDLE };
        if self.next.is_some() {
            return LOOK;
        }
        let moves = self.running || self.single_steps > 0;
        if !moves || !self.may_move(world) {
            return IDLE;
        }
        let due = world.curtain.map_or(self.due, |curtain| curtain.max(self.due));
        due.saturating_duration_since(Instant::now()).clamp(LOOK, IDLE)
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Open(_) => {
                // Its first reward brings it.
                (self.world, self.fresh, self.next) = (None, None, None);
                (self.until, self.plans) = (None, 0);
                *self.write() = Timeline::default();
                self.status(|status| *status = StageStatus::default());
                if matches!(self.drive, Drive::Policy { .. }) {
                    self.drive = Drive::Plan;
                }
            }
            Order::Reward(fresh) => self.reward(fresh),
            Order::Drive(drive) => {
                self.drive = drive;
                if let Some(world) = &mut self.world {
                    match self.drive {
                        Drive::Plan => world.tell_planner(),
                        Drive::Policy { .. } | Drive::Rest => world.await_nothing(),
                    }
                }
            }
            Order::Run(running) => {
                self.run(running, None);
                if running {
                    self.raise_curtain();
                }
            }
            Order::RunTo(step) => {
                let there = self.newest_step() >= step;
                self.run(!there, Some(step));
                if !there {
                    self.raise_curtain();
                }
            }
            Order::Step => {
                self.run(false, None);
                self.single_steps += 1;
                self.raise_curtain();
            }
            Order::Speed(speed) => self.speed = speed.clamp(0.01, 10.0),
            Order::Reset(seed) => {
                self.seed = seed;
                self.until = None;
                if let Some(fresh) = self.next.take().or_else(|| self.fresh.clone()) {
                    self.begin(fresh);
                }
            }
            Order::Push(push) => {
                if let Some(world) = &mut self.world {
                    world.push(push);
                }
            }
        }
    }

    fn run(&mut self, running: bool, until: Option<usize>) {
        self.running = running;
        self.until = until.filter(|_| running);
        self.due = Instant::now();
        if let (false, Some(world)) = (running, &mut self.world) {
            world.measure_nothing();
        }
    }

    /// The person wants the next episode now.
    fn raise_curtain(&mut self) {
        if let Some(world) = &mut self.world {
            world.curtain = world.curtain.map(|_| Instant::now());
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

    /// A new episode at once.
    fn begin(&mut self, fresh: FreshReward) {
        if let Some(world) = self.world.take() {
            self.plans += world.plans();
        }
        if let Some(world) = self.prepare(&fresh, self.seed) {
            self.show_start(&world);
            self.world = Some(world);
        }
        self.fresh = Some(fresh);
        self.due = Instant::now();
    }

    /// An episode that has not begun yet, for which plans are already made.
    fn prepare(&self, fresh: &FreshReward, seed: u64) -> Option<World> {
        match World::new(fresh, seed, self.threads) {
            Ok((mut world, trouble)) => {
                match self.drive {
                    Drive::Plan => world.tell_planner(),
                    Drive::Policy { .. } | Drive::Rest => world.await_nothing(),
                }
                self.status(|status| (status.stop, status.trouble) = (None, trouble));
                Some(world)
            }
            Err(stop) => {
                self.status(|status| status.stop = Some(stop));
                None
            }
        }
    }

    /// The same world under another reward.
    fn exchange(&mut self, mut world: World, fresh: FreshReward) {
        let planned = matches!(self.drive, Drive::Plan);
        let measured = planned && self.running && world.curtain.is_none();
        match world.exchange(&fresh, measured) {
            Ok(()) => {
                // Whoever changes the reward wants to see what it does.
                world.curtain = world.curtain.map(|_| Instant::now());
                if !planned {
                    world.await_nothing();
                }
                self.status(|status| status.stop = None);
                self.fresh = Some(fresh);
            }
            Err(stop) => {
                world.stopped = true;
                self.status(|status| status.stop = Some(stop));
            }
        }
        self.world = Some(world);
    }

    /// A step, if one is due and may be made.
    fn advance(&mut self) {
        let Some(mut world) = self.world.take() else { return };
        match world.look_at_plans() {
            Ok(true) => (self.wake)(),
            Ok(false) => {}
            Err(stop) => {
                self.status(|status| status.stop = Some(stop));
                (self.wake)();
            }
        }
        let now = Instant::now();
        let wanted = self.running && now >= self.due || self.single_steps > 0;
        if wanted && self.may_move(&world) && self.may_begin(&mut world, now) {
            self.step(&mut world, now);
        }
        // After the step, which may be the first that follows the reward so far.
        match self.next.take_if(|_| !world.is_awaited()) {
            Some(fresh) => self.exchange(world, fresh),
            None => self.world = Some(world),
        }
    }

    /// Whether it can move at all, before another reward or order comes.
    fn may_move(&self, world: &World) -> bool {
        !world.stopped && (world.is_planned() || !matches!(self.drive, Drive::Plan))
    }

    /// Between two episodes the last moment stays for a while.
    fn may_begin(&mut self, world: &mut World, now: Instant) -> bool {
        match world.curtain {
            Some(until) if now < until => false,
            Some(_) => {
                world.curtain = None;
                // The time between two episodes is not one in which the world was slow.
                let waited = self
                    .recent
                    .back()
                    .map_or(Duration::ZERO, |last| now.duration_since(*last));
                self.recent.iter_mut().for_each(|step| *step += waited);
                self.show_start(world);
                true
            }
            None => true,
        }
    }

    /// What is done next, following which program, and the number of the reward that a plan is for. None where nothing can be
    /// done now.
    fn act(&mut self, world: &mut World, step: usize) -> Option<(Arc<str>, Mover, Option<u64>)> {
        let by = self.drive.mover();
        match &self.drive {
            Drive::Rest => {
                world.action.fill(0.0);
                Some((Arc::clone(&world.program), by, None))
            }
            Drive::Policy { policy, program, .. } => {
                let sizes = (policy.observation_size(), policy.action_size());
                if sizes != (world.env.observations().len(), world.action.len()) {
                    let message = "the policy belongs to another task".to_owned();
                    self.status(|status| status.trouble = Some(message));
                    self.drive = Drive::Plan;
                    world.tell_planner();
                    self.publish();
                    return None;
                }
                policy.act(world.env.observations(), &mut world.action);
                Some((Arc::clone(program), by, None))
            }
            Drive::Plan => {
                let Some((plan, program)) = world.plan(step) else {
                    self.status(|status| status.waiting = true);
                    return None;
                };
                world.action.copy_from_slice(plan.action(step));
                Some((program, by, Some(plan.reward)))
            }
        }
    }

    fn step(&mut self, world: &mut World, now: Instant) {
        let step = self.newest_step();
        let Some((program, by, reward)) = self.act(world, step) else {
            return;
        };
        let outcome = world.env.step(&world.action).map(outcome);
        self.single_steps = self.single_steps.saturating_sub(1);
        let dt = Duration::from_secs_f64(world.env.task().control_dt_secs() / self.speed);
        self.due = (self.due + dt).max(now);
        let edited = reward.and_then(|number| world.answered(number));
        match outcome {
            Err(stop) => {
                world.stopped = true;
                self.status(|status| status.stop = Some(stop));
            }
            Ok((ended, judged)) => {
                let judges = world.env.task().judges;
                let over = ended.is_some();
                let moment = moment(&world.env, step + 1, over);
                let mut timeline = self.write();
                timeline.push(moment, &program, &by, world.env.reward_terms());
                timeline.judged = judged.filter(|_| judges && over);
                timeline.end = ended;
                drop(timeline);
                if let Some(edited) = edited {
                    self.note_latency(edited.elapsed());
                }
                if over {
                    self.follow(world, now);
                } else if matches!(self.drive, Drive::Plan) {
                    world.tell_planner();
                }
                if self.until.is_some_and(|until| over || step + 1 >= until) {
                    self.run(false, None);
                }
            }
        }
        self.recent.push_back(now);
        let second = Duration::from_secs(1);
        while self
            .recent
            .front()
            .is_some_and(|then| now.duration_since(*then) > second)
        {
            self.recent.pop_front();
        }
        self.publish_with(world);
        (self.wake)();
    }

    /// The episode is over: prepares the next one.
    fn follow(&mut self, world: &mut World, now: Instant) {
        let Some(fresh) = self.fresh.clone() else { return };
        match self.prepare(&fresh, world.seed.wrapping_add(1)) {
            Some(mut next) => {
                next.curtain = Some(now + CURTAIN.div_f64(self.speed.max(1.0)));
                self.plans += world.plans();
                *world = next;
            }
            None => world.stopped = true,
        }
    }

    fn note_latency(&self, took: Duration) {
        self.status(|status| {
            if status.latencies.len() == LATENCIES {
                status.latencies.remove(0);
            }
            status.latencies.push(took);
        });
    }

    fn show_start(&mut self, world: &World) {
        self.episodes += 1;
        self.seed = world.seed;
        *self.write() = Timeline::begun(&world.env, self.episodes, world.seed);
        (self.wake)();
    }

    fn publish(&self) {
        let (drive, running, seed, speed) = (self.drive.mover(), self.running, self.seed, self.speed);
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
        let plans = self.plans + world.plans();
        let real_time = self.recent.len() as f64 * dt;
        self.publish();
        self.status(|status| {
            status.plans = plans;
            status.real_time = real_time;
        });
    }

    fn newest_step(&self) -> usize {
        let timeline = self.shared.timeline.read().unwrap_or_else(PoisonError::into_inner);
        timeline.newest().map_or(0, |moment| moment.step)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Timeline> {
        self.shared.timeline.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, change: impl FnOnce(&mut StageStatus)) {
        change(&mut lock(&self.shared.status));
    }
}
