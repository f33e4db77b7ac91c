//! One episode of a task under a reward, with the planner that plans for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::VecEnv;
use carrot_optimizer::{LivePlan, LivePlanner, PlanSettings, Planner};
use carrot_physics::Push;
use carrot_reward_interface::Stop;
use carrot_run_record::text_hash;

use crate::compiler::{FreshReward, OpenTask};

/// A plan that has not come by then is not waited for when a newer reward is there.
const AWAITED: Duration = Duration::from_secs(1);

/// One episode of a task under a reward.
pub(super) struct World {
    pub task: Arc<OpenTask>,
    /// SHA-256 of the program that judges.
    pub program: Arc<str>,
    pub env: VecEnv,
    /// Seed of its start.
    pub seed: u64,
    pub action: Vec<f32>,
    /// Absent where there is no planning.
    planner: Option<LivePlanner>,
    /// A plan is fresh for so many steps.
    replan_every: usize,
    /// Programs that the newest plan may be made for, or the next ones: number as the planner counts, and SHA-256.
    programs: Vec<(u64, Arc<str>)>,
    /// The reward whose first plan is being made, since when.
    awaited: Option<(u64, Instant)>,
    /// Rewards whose first action is waited for, and when the input came that brought them.
    unanswered: Vec<(u64, Instant)>,
    /// The reward stopped in a step.
    pub stopped: bool,
    /// The reward stopped in a plan: nobody plans for it.
    pub refused: bool,
    /// It begins at this time; until then the last moment of the episode before is shown.
    pub curtain: Option<Instant>,
    /// What a hand does.
    push: Option<Push>,
}

impl World {
    /// An episode from the start that belongs to `seed`; also why there is no planning, where there is none.
    ///
    /// Errors: the reward or the task's own program stops at once.
    pub fn new(fresh: &FreshReward, seed: u64, threads: usize) -> Result<(Self, Option<String>), Stop> {
        let env = environment(fresh, seed)?;
        let (planner, replan_every, trouble) = match planner(fresh, seed, threads) {
            Ok((planner, every)) => (Some(planner), every, None),
            Err(message) => (None, 1, Some(message)),
        };
        let program: Arc<str> = text_hash(&fresh.text).into();
        let world = Self {
            task: Arc::clone(&fresh.task),
            action: vec![0.0; env.action_size()],
            env,
            seed,
            awaited: planner.as_ref().map(|_| (0, Instant::now())),
            planner,
            replan_every,
            programs: vec![(0, Arc::clone(&program))],
            program,
            unanswered: Vec::new(),
            stopped: false,
            refused: false,
            curtain: None,
            push: None,
        };
        Ok((world, trouble))
    }

    /// Another reward from now on; everything else stays as it is. `measured`: how long it takes to an answer is of interest.
    ///
    /// Errors: the reward cannot be run; the one before stays.
    pub fn exchange(&mut self, fresh: &FreshReward, measured: bool) -> Result<(), Stop> {
        let snapshot = self.env.snapshot(0);
        let mut env = environment(fresh, self.seed)?;
        let number = match &self.planner {
            Some(planner) => Some(planner.set_reward(&*fresh.reward)?),
            None => None,
        };
        env.restore(0, &snapshot);
        env.push(0, self.push);
        self.env = env;
        self.program = text_hash(&fresh.text).into();
        (self.stopped, self.refused) = (false, false);
        self.awaited = number.map(|number| (number, Instant::now()));
        if let Some(number) = number {
            self.programs.push((number, Arc::clone(&self.program)));
            if measured {
                self.unanswered.push((number, fresh.edited));
            }
        }
        Ok(())
    }

    /// A hand pulls, or lets go. It holds on when the reward changes.
    pub fn push(&mut self, push: Option<Push>) {
        self.env.push(0, push);
        self.push = push;
    }

    /// Whether there is somebody to plan.
    pub fn is_planned(&self) -> bool {
        self.planner.is_some() && !self.refused
    }

    /// Has plans made for where the world stands.
    pub fn tell_planner(&self) {
        if let Some(planner) = &self.planner {
            planner.tell(self.env.snapshot(0));
        }
    }

    /// Nobody needs a plan now.
    pub fn await_nothing(&mut self) {
        self.awaited = None;
        self.unanswered.clear();
    }

    /// How long it takes to an answer is not measured.
    pub fn measure_nothing(&mut self) {
        self.unanswered.clear();
    }

    /// Whether a plan for its reward is being made for the first time, and will soon be there.
    pub fn is_awaited(&self) -> bool {
        self.awaited.is_some_and(|(_, since)| since.elapsed() < AWAITED)
    }

    /// Looks at what the planner has done: true where the first plan for the reward has come.
    ///
    /// Errors: the reward stopped in a plan. That is said once.
    pub fn look_at_plans(&mut self) -> Result<bool, Stop> {
        let Some(planner) = &self.planner else { return Ok(false) };
        let newest = self.programs.last().map_or(0, |(number, _)| *number);
        if self.refused {
            return Ok(false);
        }
        if let Some((number, stop)) = planner.status().refused
            && number == newest
        {
            self.refused = true;
            self.await_nothing();
            return Err(stop);
        }
        let Some(plan) = planner.plan() else { return Ok(false) };
        // Older ones will not be planned for again: whoever goes back to one rests instead.
        self.programs.retain(|(number, _)| *number >= plan.reward);
        let came = self.awaited.is_some_and(|(number, _)| plan.reward == number);
        if came {
            self.awaited = None;
        }
        Ok(came)
    }

    /// A plan that may be acted on at a step, and the program it follows.
    pub fn plan(&self, step: usize) -> Option<(Arc<LivePlan>, Arc<str>)> {
        let plan = self.planner.as_ref()?.plan()?;
        let (_, program) = self.programs.iter().find(|(number, _)| *number == plan.reward)?;
        let fresh = step.saturating_sub(plan.begins.1) <= self.replan_every;
        fresh.then(|| (plan, Arc::clone(program)))
    }

    /// When the input came that is answered by acting on the plan for reward `number` for the first time.
    pub fn answered(&mut self, number: u64) -> Option<Instant> {
        let answered = self.unanswered.iter().find(|(known, _)| *known == number);
        let edited = answered.map(|(_, edited)| *edited);
        self.unanswered.retain(|(known, _)| *known > number);
        edited
    }

    /// Plans made for it so far.
    pub fn plans(&self) -> u64 {
        self.planner.as_ref().map_or(0, |planner| planner.status().plans)
    }
}

fn environment(fresh: &FreshReward, seed: u64) -> Result<VecEnv, Stop> {
    let bench = &fresh.task.bench;
    VecEnv::with_all_variables(&bench.task, bench.programs(Some(&fresh.reward)), 1, seed, 1)
}

/// The planner, and for how many steps its plans are fresh. Errors: why there is none, in one sentence.
fn planner(fresh: &FreshReward, seed: u64, threads: usize) -> Result<(LivePlanner, usize), String> {
    let bench = &fresh.task.bench;
    let settings = PlanSettings::default()
        .with_overrides(&bench.task.plan)
        .map_err(|error| error.to_string())?;
    let programs = bench.programs(Some(&fresh.reward));
    let planner = Planner::new(&bench.task, programs, &settings, seed, threads).map_err(|error| error.to_string())?;
    let planner = LivePlanner::start(planner).map_err(|error| error.to_string())?;
    Ok((planner, settings.replan_every.max(1)))
}
