//! Planning beside a world that does not wait: a thread that always has a newest plan.
//!
//! Whoever moves the world (the studio, a robot) tells where it stands whenever it likes, and reads the newest plan whenever
//! it likes; neither waits for a plan to be made. A new reward takes effect between two plans: what is being planned for the
//! old one is left, and the plan so far is where the first one under the new reward starts from. That one is made from fewer
//! rollouts, since somebody waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use carrot_environment::{EnvSnapshot, Judge, Judges};
use carrot_reward_interface::{RewardSource, Stop};

use super::{PlanError, Planner, Prospect};

/// Plans in a row for one state: where nothing moves, more of them change nothing worth the power.
const MOST_PLANS_OF_A_STATE: u32 = 50;

/// A plan and what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct LivePlan {
    /// Episode and control step at which it begins.
    pub begins: (u64, usize),
    /// Actions from there on, `[steps, A]`, to be clamped to [-1, 1].
    pub actions: Vec<f32>,
    /// Numbers of an action.
    pub action_size: usize,
    /// Number of the reward that it was made for; the one at the start has 0.
    pub reward: u64,
    /// What its rollouts were worth.
    pub prospect: Prospect,
}

impl LivePlan {
    /// The action (`[A]`) for a control step of the episode: before the plan its first, after it its last.
    pub fn action(&self, step: usize) -> &[f32] {
        let steps = self.actions.len() / self.action_size;
        let place = step.saturating_sub(self.begins.1).min(steps - 1);
        &self.actions[place * self.action_size..(place + 1) * self.action_size]
    }
}

/// How planning goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveStatus {
    /// Plans made so far.
    pub plans: u64,
    /// Number of the reward in force.
    pub reward: u64,
    /// Why the last reward that was refused stopped, with its number. The one before it goes on; where there is none,
    /// planning rests until another comes.
    pub refused: Option<(u64, Stop)>,
}

/// A planner on a thread of its own. Dropping it ends the thread.
pub struct LivePlanner {
    shared: Arc<Shared>,
    judges: Judges,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    something_new: Condvar,
    /// A plan in the making is of no use any more.
    hurry: AtomicBool,
    shown: Mutex<Shown>,
    something_shown: Condvar,
}

/// What the thread has still to take in.
#[derive(Default)]
struct Wanted {
    news: News,
    /// Number of the next reward.
    rewards: u64,
    leave: bool,
}

/// What changed since the thread last looked.
#[derive(Default)]
struct News {
    state: Option<EnvSnapshot>,
    /// With the number of its reward.
    judge: Option<(u64, Judge)>,
}

/// What the thread has to show.
#[derive(Default)]
struct Shown {
    plan: Option<Arc<LivePlan>>,
    status: LiveStatus,
    gone: bool,
}

impl LivePlanner {
    /// Starts the thread, which plans as soon as it knows a state.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(planner: Planner) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let judges = planner.judges();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("planner".into());
        let thread = thread.spawn(move || {
            let _gone = Gone(&theirs);
            Worker {
                planner,
                shared: &theirs,
                reward: 0,
                before: None,
            }
            .work();
        })?;
        Ok(Self {
            shared,
            judges,
            thread: Some(thread),
        })
    }

    /// Tells where the world stands now; states that nobody planned for are forgotten.
    ///
    /// Variables that only the reward reads and that refer to the step before must be up to date in it: take it from an
    /// environment with all variables if its own reward is another one.
    pub fn tell(&self, state: EnvSnapshot) {
        lock(&self.shared.wanted).news.state = Some(state);
        self.shared.something_new.notify_one();
    }

    /// From the next plan on, another reward counts. Gives its number, which its plans will carry.
    ///
    /// Errors: a [`Stop`] when no instance of it can be made; the reward before goes on.
    pub fn set_reward(&self, reward: &dyn RewardSource) -> Result<u64, Stop> {
        let judge = self.judges.judge(reward)?;
        let mut wanted = lock(&self.shared.wanted);
        wanted.rewards += 1;
        let number = wanted.rewards;
        wanted.news.judge = Some((number, judge));
        self.shared.hurry.store(true, Ordering::Relaxed);
        self.shared.something_new.notify_one();
        Ok(number)
    }

    /// The newest plan; none before the first.
    pub fn plan(&self) -> Option<Arc<LivePlan>> {
        lock(&self.shared.shown).plan.clone()
    }

    /// How planning goes.
    pub fn status(&self) -> LiveStatus {
        lock(&self.shared.shown).status.clone()
    }

    /// Waits for something new to show: calls `seen` with the newest plan and the status now and after every change, until it
    /// gives a value. None when the thread has ended.
    pub fn wait<T>(&self, mut seen: impl FnMut(Option<&Arc<LivePlan>>, &LiveStatus) -> Option<T>) -> Option<T> {
        let mut shown = lock(&self.shared.shown);
        loop {
            if let Some(value) = seen(shown.plan.as_ref(), &shown.status) {
                return Some(value);
            }
            if shown.gone {
                return None;
            }
            shown = self
                .shared
                .something_shown
                .wait(shown)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for LivePlanner {
    fn drop(&mut self) {
        lock(&self.shared.wanted).leave = true;
        self.shared.hurry.store(true, Ordering::Relaxed);
        self.shared.something_new.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the planner has been printed, and there is nobody to tell any more.
            let _ = thread.join();
        }
    }
}

/// Says that the thread has ended, however it did.
struct Gone<'a>(&'a Shared);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        lock(&self.0.shown).gone = true;
        self.0.something_shown.notify_all();
    }
}

/// The thread's own side.
struct Worker<'a> {
    planner: Planner,
    shared: &'a Shared,
    /// Number of the reward in force.
    reward: u64,
    /// The reward before it, and its number.
    before: Option<(u64, Judge)>,
}

impl Worker<'_> {
    fn work(&mut self) {
        let mut state: Option<EnvSnapshot> = None;
        let mut plans_of_state = 0;
        // No reward is left that could be planned for.
        let mut resting = false;
        // No plan for the reward in force was shown yet.
        let mut waited_for = true;
        loop {
            let idle = resting || state.is_none() || plans_of_state >= MOST_PLANS_OF_A_STATE;
            let Some(news) = self.take_in(idle) else {
                return;
            };
            if news.state.is_some() {
                state = news.state;
                plans_of_state = 0;
            }
            if let Some((number, judge)) = news.judge {
                let before = self.planner.replace_judge(judge);
                // What stopped is no reward to go back to.
                self.before = (!resting).then_some((self.reward, before));
                self.reward = number;
                resting = false;
                waited_for = true;
                plans_of_state = 0;
            }
            let Some(start) = state.as_ref().filter(|_| !resting) else {
                continue;
            };
            let hurry = &self.shared.hurry;
            let go_on = || !hurry.load(Ordering::Relaxed);
            // Who has just changed the reward waits for an answer; the next plans improve on it.
            let planned = match waited_for {
                true => self.planner.plan_roughly(start, &go_on),
                false => self.planner.plan(start, &go_on),
            };
            match planned {
                Ok(prospect) => {
                    waited_for = false;
                    plans_of_state += 1;
                    self.show(start, prospect);
                }
                Err(PlanError::Stopped(stop)) => resting = !self.refuse(stop),
                Err(PlanError::Interrupted | PlanError::Settings(_)) => {}
            }
        }
    }

    /// What is new; waits for something if there is nothing else to do. None when it is time to leave.
    fn take_in(&self, idle: bool) -> Option<News> {
        let mut wanted = lock(&self.shared.wanted);
        while idle && wanted.news.state.is_none() && wanted.news.judge.is_none() && !wanted.leave {
            wanted = self
                .shared
                .something_new
                .wait(wanted)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if wanted.leave {
            return None;
        }
        self.shared.hurry.store(false, Ordering::Relaxed);
        Some(std::mem::take(&mut wanted.news))
    }

    fn show(&self, start: &EnvSnapshot, prospect: Prospect) {
        let plan = LivePlan {
            begins: (start.episode(), start.steps()),
            actions: self.planner.actions(),
            action_size: self.planner.task().action_size(),
            reward: self.reward,
            prospect,
        };
        let mut shown = lock(&self.shared.shown);
        shown.plan = Some(Arc::new(plan));
        shown.status.plans += 1;
        shown.status.reward = self.reward;
        drop(shown);
        self.shared.something_shown.notify_all();
    }

    /// Goes back to the reward before; false where there is none.
    fn refuse(&mut self, stop: Stop) -> bool {
        let refused = self.reward;
        let back = self.before.take();
        let goes_on = back.is_some();
        if let Some((number, judge)) = back {
            self.planner.replace_judge(judge);
            self.reward = number;
        }
        let mut shown = lock(&self.shared.shown);
        shown.status.refused = Some((refused, stop));
        shown.status.reward = self.reward;
        drop(shown);
        self.shared.something_shown.notify_all();
        goes_on
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
