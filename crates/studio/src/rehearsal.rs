//! Plays whole episodes off stage, so that two behaviours can be looked at side by side from the same start.
//!
//! A rollout takes from milliseconds (a policy on a cart) to a minute (a plan for a quadruped), so it is played once, on a thread
//! of its own below the window's priority, and kept.
//!
//! ```text
//! Part {program, policy, seed} ──want──▶ Rehearsal: VecEnv, step by step ──▶ Played (progress, Timeline, or why not) ──▶ panel
//! ```

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use carrot_environment::VecEnv;
use carrot_optimizer::{PlanError, PlanSettings, Planner, Policy};
use carrot_run_record::{Behaviour, Driver, Program, RunRecord};
use carrot_workbench::ProgramBytes;

use crate::compiler::OpenTask;
use crate::priority;
use crate::timeline::{Mover, Timeline, moment, outcome};
use crate::worker::{Worker, lock};

/// Control steps of an episode that are played at most. The clocks of the tasks here end theirs far earlier.
const LONGEST: usize = 4_000;

/// Seconds that a plan moves the robot at most: planning is slower than the world.
const PLANNED_SECS: f64 = 10.0;

/// Episodes that are kept.
const KEPT: usize = 12;

/// A behaviour to play: everything that decides what happens in it.
#[derive(Clone)]
pub struct Part {
    /// The task.
    pub task: Arc<OpenTask>,
    /// Folder of the run that holds the policy.
    pub run: std::path::PathBuf,
    /// The program that judges, and that a plan is made for.
    pub program: Program,
    /// Hash of the policy in the run; none: a plan.
    pub policy: Option<String>,
    /// What is shown, as feedback names it. Its seed is that of the episode's start.
    pub behaviour: Behaviour,
}

impl Part {
    /// A behaviour of `program`. Equal seeds give equal starts.
    pub fn new(
        task: &Arc<OpenTask>,
        run: &std::path::Path,
        program: &Program,
        policy: Option<String>,
        candidate: Option<(u32, u32)>,
        seed: u64,
    ) -> Self {
        let behaviour = Behaviour {
            program: program.hash(),
            candidate,
            driver: match policy {
                Some(_) => Driver::Policy,
                None => Driver::Plan,
            },
            seed,
        };
        Self {
            task: Arc::clone(task),
            run: run.to_owned(),
            program: program.clone(),
            policy,
            behaviour,
        }
    }

    /// Whether both are one and the same episode.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.task, &other.task)
            && (&self.behaviour.program, self.behaviour.seed, &self.policy)
                == (&other.behaviour.program, other.behaviour.seed, &other.policy)
    }
}

/// How far an episode is.
#[derive(Clone)]
pub enum Played {
    /// Not begun.
    Waiting,
    /// So many control steps are made, of so many at most.
    Playing(usize, usize),
    /// All of it.
    Whole(Arc<Timeline>),
    /// It could not be played, and why.
    Failed(String),
}

/// The thread. Dropping it ends it within a step.
pub struct Rehearsal {
    shared: Arc<Shared>,
    thread: Worker,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    something_new: Condvar,
}

#[derive(Default)]
struct Desk {
    wanted: Vec<Part>,
    /// What was wanted last is last.
    shelf: Vec<(Part, Played)>,
    leave: bool,
}

impl Rehearsal {
    /// Starts the thread. A plan is made by `threads` threads. `wake` is called when there is something new to show.
    ///
    /// Errors: where the machine gives no thread.
    pub fn start(threads: usize, wake: impl Fn() + Send + Clone + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let again = wake.clone();
        let thread = Worker::start("rehearsal", wake, move || {
            priority::yield_to_the_window();
            work(&theirs, threads, &again);
        })?;
        Ok(Self { shared, thread })
    }

    /// Has these played, one after the other, and breaks off what was wanted before and is not any more. What failed is tried
    /// again when it is wanted anew.
    pub fn want(&self, parts: &[Part]) {
        let mut desk = lock(&self.shared.desk);
        let same = desk.wanted.len() == parts.len() && desk.wanted.iter().zip(parts).all(|(a, b)| a.is(b));
        if same {
            return;
        }
        desk.wanted = parts.to_vec();
        desk.shelf.retain(|(_, played)| !matches!(played, Played::Failed(_)));
        // What is wanted now is the last to go.
        let wanted = |(part, _): &(Part, Played)| parts.iter().any(|other| other.is(part));
        desk.shelf.sort_by_key(wanted);
        self.shared.something_new.notify_one();
    }

    /// Why the thread stopped before its time.
    pub fn trouble(&self) -> Option<String> {
        self.thread.trouble()
    }

    /// How far one of them is.
    pub fn played(&self, part: &Part) -> Played {
        let desk = lock(&self.shared.desk);
        let found = desk.shelf.iter().find(|(known, _)| known.is(part));
        found.map_or(Played::Waiting, |(_, played)| played.clone())
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        lock(&self.shared.desk).leave = true;
        self.shared.something_new.notify_one();
    }
}

fn work(shared: &Shared, threads: usize, wake: &dyn Fn()) {
    while let Some(part) = next(shared) {
        let wanted = || {
            let desk = lock(&shared.desk);
            !desk.leave && desk.wanted.iter().any(|other| other.is(&part))
        };
        let mut progress = |steps, of| {
            let go_on = wanted();
            if go_on && put(shared, &part, Played::Playing(steps, of)) {
                wake();
            }
            go_on
        };
        match play(&part, threads, &wanted, &mut progress) {
            Ok(timeline) => _ = put(shared, &part, Played::Whole(Arc::new(timeline))),
            Err(NotPlayed::BrokenOff) => lock(&shared.desk).shelf.retain(|(known, _)| !known.is(&part)),
            Err(NotPlayed::Because(message)) => _ = put(shared, &part, Played::Failed(message)),
        }
        wake();
    }
}

/// The next part to play; none when the thread is to end.
fn next(shared: &Shared) -> Option<Part> {
    let mut desk = lock(&shared.desk);
    loop {
        if desk.leave {
            return None;
        }
        let done = |part: &&Part| !desk.shelf.iter().any(|(known, _)| known.is(part));
        if let Some(part) = desk.wanted.iter().find(done) {
            return Some(part.clone());
        }
        desk = shared.something_new.wait(desk).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Notes how far a part is. True where somebody who looks would see a difference.
fn put(shared: &Shared, part: &Part, played: Played) -> bool {
    let percent = |played: &Played| match played {
        Played::Playing(steps, of) => Some(100 * steps / of.max(&1)),
        _ => None,
    };
    let mut desk = lock(&shared.desk);
    let Desk { wanted, shelf, .. } = &mut *desk;
    let (differs, gone) = match shelf.iter_mut().find(|(known, _)| known.is(part)) {
        Some((_, before)) => (
            percent(before) != percent(&played),
            Some(std::mem::replace(before, played)),
        ),
        None => {
            let free = |(part, _): &(Part, Played)| !wanted.iter().any(|other| other.is(part));
            let full = shelf.len() >= KEPT;
            let oldest = shelf.iter().position(free).filter(|_| full);
            let gone = oldest.map(|at| shelf.remove(at).1);
            shelf.push((part.clone(), played));
            (true, gone)
        }
    };
    drop(desk);
    drop(gone); // an episode is freed while the window may look
    differs
}

/// Why there is no whole episode.
enum NotPlayed {
    /// Nobody wants it any more.
    BrokenOff,
    /// In one sentence.
    Because(String),
}

fn because(cause: impl std::fmt::Display) -> NotPlayed {
    NotPlayed::Because(cause.to_string())
}

/// One episode of one environment. `progress` is told the steps made and the most there will be; it says whether to go on.
fn play(
    part: &Part,
    threads: usize,
    wanted: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Timeline, NotPlayed> {
    let bench = &part.task.bench;
    let record = || RunRecord::open_read_only(&part.run).map_err(because);
    let program = match &part.program {
        Program::Source { file, text } => ProgramBytes {
            file: file.clone(),
            body: carrot_workbench::ProgramBody::Source(text.clone()),
        },
        Program::Wasm { .. } => ProgramBytes::restore(&part.program, &record()?).map_err(because)?,
    };
    let reward = bench.load(&program).map_err(|findings| {
        let first = findings.first().map_or_else(String::new, ToString::to_string);
        because(format!("the program does not compile: {first}"))
    })?;
    let seed = part.behaviour.seed;
    let programs = bench.programs(Some(&reward));
    let mut env = VecEnv::with_all_variables(&bench.task, programs, 1, seed, 1).map_err(because)?;
    let dt = bench.task.control_dt_secs();
    let mut actor = match &part.policy {
        Some(hash) => Actor::Policy(policy(&record()?, hash, &env)?),
        None => {
            let settings = PlanSettings::default()
                .with_overrides(&bench.task.plan)
                .map_err(because)?;
            let planner = Planner::new(&bench.task, programs, &settings, seed, threads).map_err(because)?;
            Actor::Plan(Box::new(planner))
        }
    };
    let limit = match actor {
        Actor::Policy(_) => LONGEST,
        Actor::Plan(_) => (PLANNED_SECS / dt).ceil() as usize,
    };
    let limit = limit.min(bench.task.horizon).max(1);
    let program: Arc<str> = part.behaviour.program.as_str().into();
    let by = match part.policy {
        Some(_) => Mover::Policy {
            program: Arc::clone(&program),
            name: "its policy".into(),
        },
        None => Mover::Plan,
    };
    let terms = env.reward_terms().to_vec();
    let mut timeline = Timeline::begun(&env, 1, seed);
    let mut action = vec![0.0; env.action_size()];
    for step in 0..limit {
        if !progress(step, limit) {
            return Err(NotPlayed::BrokenOff);
        }
        actor.act(step, &env, wanted, &mut action)?;
        let (end, judged) = env.step(&action).map(outcome).map_err(because)?;
        timeline.push(moment(&env, step + 1, end.is_some()), &program, &by, &terms);
        if end.is_some() {
            timeline.judged = judged.filter(|_| bench.task.judges);
            timeline.end = end;
            break;
        }
    }
    Ok(timeline)
}

/// What moves the robot.
enum Actor {
    Policy(Policy),
    Plan(Box<Planner>),
}

impl Actor {
    fn act(
        &mut self,
        step: usize,
        env: &VecEnv,
        wanted: &(dyn Fn() -> bool + Sync),
        action: &mut [f32],
    ) -> Result<(), NotPlayed> {
        match self {
            Self::Policy(policy) => policy.act(env.observations(), action),
            Self::Plan(planner) => {
                let every = planner.settings().replan_every.max(1);
                if step.is_multiple_of(every) {
                    planner.plan(&env.snapshot(0), wanted).map_err(|error| match error {
                        PlanError::Interrupted => NotPlayed::BrokenOff,
                        other => because(other),
                    })?;
                }
                planner.action(step % every, action);
            }
        }
        Ok(())
    }
}

fn policy(record: &RunRecord, hash: &str, env: &VecEnv) -> Result<Policy, NotPlayed> {
    let bytes = record.object(hash).map_err(because)?;
    let (policy, _) = Policy::from_bytes(&bytes).map_err(because)?;
    if (policy.observation_size(), policy.action_size()) != (env.observations().len(), env.action_size()) {
        return Err(because("the policy belongs to another task"));
    }
    Ok(policy)
}
