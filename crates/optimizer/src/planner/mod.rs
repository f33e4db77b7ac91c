//! Plans: the next second of actions, chosen by trying many out in simulation.
//!
//! A plan needs no training, so that a person sees within a second what a reward asks for. It is a spline through a few knots.
//! Every plan starts from the one before, moved on in time; noise on the knots gives candidates, each is played from the
//! present state, and their returns say how the knots change.
//!
//! ```text
//! EnvSnapshot ──▶ shift ──▶ noise ──▶ [M, K, A] knots ──Branches──▶ [M] returns ──update──▶ knots ──spline──▶ actions
//!                             ▲                                                      │
//!                             └──────────────────── iterations ──────────────────────┘
//! ```
//!
//! Start in [`Planner`]; `update` holds what the planners differ in, `live` plans beside a world that does not wait.

mod live;
mod settings;
mod spline;
mod update;

use carrot_environment::{
    Branch, BranchEnd, BranchRules, Branches, EnvSnapshot, Judge, Judges, Moment, Programs, Task,
};
use carrot_reward_interface::Stop;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub use live::{LivePlan, LivePlanner, LiveStatus};
pub use settings::{Interpolation, PlanSettings, PlannerKind};
use spline::Spline;

use crate::random::fill_normal;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The reward or the task program stopped.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// Somebody asked to stop; the plan is the one before.
    #[error("interrupted")]
    Interrupted,
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
}

/// Makes plans for one environment.
pub struct Planner {
    settings: PlanSettings,
    rules: BranchRules,
    spline: Spline,
    branches: Branches,
    seed: u64,
    /// Plans made so far.
    plans: u64,
    /// Episode and control step at which the plan begins; none before the first.
    begins: Option<(u64, usize)>,
    /// The plan, `[K, A]`.
    knots: Vec<f64>,
    /// Deviation of the noise, `[K, A]`.
    deviation: Vec<f64>,
    /// `[M, K, A]`.
    candidates: Vec<f64>,
    outcomes: Vec<Branch>,
    returns: Vec<f64>,
    /// Rooms to work in.
    normals: Vec<f32>,
    shifted: Vec<f64>,
    order: Vec<usize>,
}

/// What the rollouts of a plan were worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prospect {
    /// Highest return of the last iteration; minus infinity where every rollout diverged, and the plan is the one before.
    pub best: f64,
    /// Return of the plan as the last iteration found it.
    pub nominal: f64,
    /// Rollouts of the last iteration whose episode the task ended.
    pub terminated: usize,
    /// Rollouts of the last iteration that diverged.
    pub diverged: usize,
}

impl Planner {
    /// Plans for a task and the reward of `programs`. Random numbers come from (`seed`, plan, iteration, rollout); `threads` changes
    /// speed only.
    ///
    /// Errors: [`PlanError::Settings`], or [`PlanError::Stopped`] as [`Branches::new`].
    pub fn new(
        task: &Task,
        programs: Programs<'_>,
        settings: &PlanSettings,
        seed: u64,
        threads: usize,
    ) -> Result<Self, PlanError> {
        settings.validate()?;
        let steps = settings.steps(task.control_dt_secs());
        let size = settings.knots * task.action_size();
        let rollouts = settings.rollouts;
        if rollouts.saturating_mul(size) > MOST_NUMBERS {
            return Err(PlanError::Settings(format!(
                "planner settings: {rollouts} rollouts with {size} numbers each are too many; choose fewer `rollouts` or `knots`"
            )));
        }
        let unplayed = Branch {
            total: f64::NEG_INFINITY,
            steps: 0,
            end: BranchEnd::Diverged,
        };
        Ok(Self {
            rules: BranchRules {
                steps,
                discount: settings.discount,
                after_end: settings.after_end,
            },
            spline: Spline::new(settings.interpolation, settings.knots, steps),
            branches: Branches::new(task, programs, threads.min(rollouts))?,
            seed,
            plans: 0,
            begins: None,
            knots: vec![0.0; size],
            deviation: vec![settings.noise; size],
            candidates: vec![0.0; rollouts * size],
            outcomes: vec![unplayed; rollouts],
            returns: vec![0.0; rollouts],
            normals: vec![0.0; size],
            shifted: vec![0.0; size],
            order: Vec::with_capacity(rollouts),
            settings: settings.clone(),
        })
    }

    /// Plans from where an environment of the task stands. The plan before is taken along where it belongs to the same
    /// episode; else this one starts from actions 0.
    ///
    /// `go_on` is asked before every rollout.
    ///
    /// Errors: [`PlanError::Stopped`], or [`PlanError::Interrupted`] once `go_on` says no.
    ///
    /// # Panics
    /// If the snapshot is of another task.
    pub fn plan(&mut self, start: &EnvSnapshot, go_on: &(dyn Fn() -> bool + Sync)) -> Result<Prospect, PlanError> {
        self.plan_from(start, self.settings.rollouts, self.settings.iterations, go_on)
    }

    /// As [`Planner::plan`], from an eighth of the rollouts in one iteration: a first answer for somebody who waits.
    ///
    /// Errors and panics: as there.
    pub fn plan_roughly(
        &mut self,
        start: &EnvSnapshot,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Prospect, PlanError> {
        let few = self.settings.rollouts.div_ceil(8).max(8);
        self.plan_from(start, few.min(self.settings.rollouts), 1, go_on)
    }

    fn plan_from(
        &mut self,
        start: &EnvSnapshot,
        rollouts: usize,
        iterations: usize,
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Prospect, PlanError> {
        self.move_to(start);
        self.deviation.fill(self.settings.noise);
        let plan = self.plans;
        self.plans += 1;
        let size = self.knots.len();
        for iteration in 0..iterations {
            self.draw(plan, iteration, rollouts);
            let (spline, candidates) = (&self.spline, &self.candidates);
            let act = |rollout: usize, step: usize, action: &mut [f32]| {
                spline.action(&candidates[rollout * size..(rollout + 1) * size], step, action);
            };
            let outcomes = &mut self.outcomes[..rollouts];
            let complete = self.branches.play(start, self.rules, &act, go_on, outcomes)?;
            if !complete {
                return Err(PlanError::Interrupted);
            }
            for (total, outcome) in self.returns.iter_mut().zip(&self.outcomes) {
                *total = outcome.total;
            }
            update::update(
                &self.settings,
                &self.candidates,
                &self.returns[..rollouts],
                &mut self.knots,
                &mut self.deviation,
                &mut self.order,
            );
        }
        let outcomes = &self.outcomes[..rollouts];
        let count = |end: BranchEnd| outcomes.iter().filter(|outcome| outcome.end == end).count();
        Ok(Prospect {
            best: self.returns[..rollouts]
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max),
            nominal: self.returns[0],
            terminated: count(BranchEnd::Terminated),
            diverged: count(BranchEnd::Diverged),
        })
    }

    /// The plan's action (`[A]`, to be clamped to [-1, 1]) so many control steps after it begins; after its end, the last.
    pub fn action(&self, step: usize, out: &mut [f32]) {
        self.spline.action(&self.knots, step, out);
    }

    /// The plan's actions, `[steps, A]`.
    pub fn actions(&self) -> Vec<f32> {
        let size = self.task().action_size();
        let mut actions = vec![0.0; self.spline.len() * size];
        for (step, action) in actions.chunks_exact_mut(size).enumerate() {
            self.action(step, action);
        }
        actions
    }

    /// The plan's knots, `[K, A]`.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// What the plan expects to happen from `start` on, moment by moment, for drawing.
    ///
    /// # Panics
    /// If the snapshot is of another task.
    pub fn expected(&mut self, start: &EnvSnapshot) -> Vec<Moment> {
        let (spline, knots) = (&self.spline, &self.knots);
        let act = |step: usize, action: &mut [f32]| spline.action(knots, step, action);
        self.branches.moments(start, self.rules.steps, &act)
    }

    /// The task.
    pub fn task(&self) -> &Task {
        self.branches.task()
    }

    /// The settings.
    pub fn settings(&self) -> &PlanSettings {
        &self.settings
    }

    /// What makes judges for this planner, on any thread.
    pub fn judges(&self) -> Judges {
        self.branches.judges()
    }

    /// From now on another reward counts; gives back the one before. The plan is kept to start from.
    pub fn replace_judge(&mut self, judge: Judge) -> Judge {
        self.branches.replace_judge(judge)
    }

    /// Moves the plan to where the environment stands.
    fn move_to(&mut self, start: &EnvSnapshot) {
        let now = (start.episode(), start.steps());
        match self.begins.replace(now) {
            Some((episode, step)) if episode == now.0 && step <= now.1 => {
                if step < now.1 {
                    self.spline.shift(&self.knots, now.1 - step, &mut self.shifted);
                    std::mem::swap(&mut self.knots, &mut self.shifted);
                }
            }
            _ => self.knots.fill(0.0),
        }
    }

    /// Candidates around the plan; the first is the plan itself.
    fn draw(&mut self, plan: u64, iteration: usize, rollouts: usize) {
        let size = self.knots.len();
        for (rollout, candidate) in self.candidates.chunks_exact_mut(size).take(rollouts).enumerate() {
            if rollout == 0 {
                candidate.copy_from_slice(&self.knots);
                continue;
            }
            fill_normal(&mut noise(self.seed, plan, iteration, rollout), &mut self.normals);
            let around = self.knots.iter().zip(&self.deviation).zip(&self.normals);
            for (slot, ((knot, deviation), &normal)) in candidate.iter_mut().zip(around) {
                // What the environment would cut off is not drawn in the first place, so that the mean stays inside.
                *slot = (knot + deviation * f64::from(normal)).clamp(-1.0, 1.0);
            }
        }
    }
}

/// Most numbers of all candidates together: 512 MiB of f64.
const MOST_NUMBERS: usize = 1 << 26;

/// The stream of one rollout: the four numbers are the generator's whole key. Environments have keys of the same form, so
/// that planning takes another of the key's streams.
fn noise(seed: u64, plan: u64, iteration: usize, rollout: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (part, number) in key
        .chunks_exact_mut(8)
        .zip([seed, plan, iteration as u64, rollout as u64])
    {
        part.copy_from_slice(&number.to_le_bytes());
    }
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(1);
    random
}
