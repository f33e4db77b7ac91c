//! What happened in an episode, control step by control step, so that a person can look back.
//!
//! A timeline also knows what each of its steps *is*: who moved the robot, following which program, from which start. Feedback is
//! about that, and not about whatever stands in the editor when the person speaks.

use std::sync::Arc;

use carrot_environment::{StepData, VecEnv};
use carrot_physics::Scene;
use carrot_run_record::{Behaviour, Driver};

/// Steps that are kept; a longer episode forgets its beginning.
const MOST: usize = 8_000;

/// One moment of an episode.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Control steps since the episode began; 0 is the start, before anything was done.
    pub step: usize,
    /// Generalised positions.
    pub qpos: Vec<f64>,
    /// Generalised velocities.
    pub qvel: Vec<f64>,
    /// What was sent to the actuators, in their units.
    pub ctrl: Vec<f64>,
    /// Where the mocap bodies are, m.
    pub mocap: Vec<[f64; 3]>,
    /// Every variable of the task, one after the other as in the schema (see [`Timeline::variable`]).
    pub variables: Vec<f64>,
    /// What the reward said of the step that led here; nothing at the start.
    pub total: Option<f64>,
    /// Its terms, in the order of [`Timeline::terms`] for the reward of that moment.
    pub terms: Vec<f64>,
}

/// Variables, each with its place in [`Moment::variables`].
pub type Layout = Arc<[(String, std::ops::Range<usize>)]>;

impl Moment {
    /// The numbers of a variable.
    pub fn variable(&self, layout: &Layout, name: &str) -> Option<&[f64]> {
        let (_, range) = layout.iter().find(|(known, _)| known == name)?;
        self.variables.get(range.clone())
    }

    /// What a picture of it shows.
    pub fn scene(&self) -> Scene {
        Scene {
            qpos: self.qpos.clone(),
            qvel: self.qvel.clone(),
            ctrl: self.ctrl.clone(),
            mocap: self.mocap.clone(),
            ..Scene::default()
        }
    }
}

/// What moves the robot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mover {
    /// Plans for a reward.
    #[default]
    Plan,
    /// A trained policy.
    Policy {
        /// SHA-256 of the program that it was trained on.
        program: Arc<str>,
        /// What people call it.
        name: Arc<str>,
    },
    /// Nothing: every action is zero.
    Nothing,
}

impl Mover {
    /// A word for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Plan => "plan",
            Self::Policy { name, .. } => name,
            Self::Nothing => "nothing",
        }
    }
}

/// Steps in a row with one mover under one reward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The first of its steps.
    pub step: usize,
    /// SHA-256 of the program that the mover follows: the one that plans are made for, or that the policy was trained on. A plan for
    /// the reward before may still be acted on while a new reward already judges.
    pub program: Arc<str>,
    /// Who moves.
    pub by: Mover,
    /// Names of the terms of the reward that judges.
    pub terms: Arc<[String]>,
}

/// Why a moment is no behaviour that somebody could call good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBehaviour {
    /// No step was made yet.
    #[error("The robot has not moved yet; there is nothing to speak of.")]
    NotBegun,
    /// Nothing moves it.
    #[error("Nothing moves the robot here, so that it says nothing about a reward. A plan or a policy can move it.")]
    NothingMoves,
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// The task ended it.
    Terminated,
    /// The clock ended it.
    Truncated,
    /// The simulation diverged, with the cause.
    Fault(String),
}

/// One episode so far.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// `<env>/<task>` of the world.
    pub task: String,
    /// Counts the episodes of whoever plays them.
    pub episode: u64,
    /// Seed of its start: the same seed gives the same start wherever the task is played.
    pub seed: u64,
    /// Every moment, oldest first; steps count up by one.
    pub moments: Vec<Moment>,
    /// Who moved, and what counted, oldest first; none before the first step.
    pub stretches: Vec<Stretch>,
    /// Seconds of a control step.
    pub control_dt_secs: f64,
    /// First place of each variable in [`Moment::variables`], and its numbers.
    pub layout: Layout,
    /// How the episode ended, if it has.
    pub end: Option<End>,
    /// The task's judgement of the finished episode: fitness, and whether it was a success.
    pub judged: Option<(f64, bool)>,
}

impl Timeline {
    /// The moment of a step, or the nearest that is kept.
    pub fn at(&self, step: usize) -> Option<&Moment> {
        let first = self.moments.first()?.step;
        let index = step.saturating_sub(first).min(self.moments.len() - 1);
        self.moments.get(index)
    }

    /// The newest moment.
    pub fn newest(&self) -> Option<&Moment> {
        self.moments.last()
    }

    /// What the step that is looked at belongs to; none: the newest. The start belongs to what came of it.
    pub fn stretch(&self, step: Option<usize>) -> Option<&Stretch> {
        let newest = self.newest()?.step;
        let step = step.map_or(newest, |step| step.min(newest)).max(1);
        self.stretches.iter().rev().find(|stretch| stretch.step <= step)
    }

    /// The behaviour that a person sees who looks at a step; none: the newest. The candidate is for the caller to find.
    ///
    /// Errors: why there is none.
    pub fn behaviour(&self, step: Option<usize>) -> Result<Behaviour, NoBehaviour> {
        let stretch = self.stretch(step).ok_or(NoBehaviour::NotBegun)?;
        let driver = match stretch.by {
            Mover::Plan => Driver::Plan,
            Mover::Policy { .. } => Driver::Policy,
            Mover::Nothing => return Err(NoBehaviour::NothingMoves),
        };
        Ok(Behaviour {
            program: stretch.program.to_string(),
            candidate: None,
            driver,
            seed: self.seed,
        })
    }

    /// Names of the terms of the reward that judged the newest step.
    pub fn terms(&self) -> &[String] {
        self.stretches.last().map_or(&[], |stretch| &stretch.terms)
    }

    /// The first step from which on terms have had the names that they have now.
    pub fn terms_since(&self) -> usize {
        let same = |stretch: &&Stretch| *stretch.terms == *self.terms();
        let stretches = self.stretches.iter().rev();
        stretches.take_while(same).last().map_or(0, |stretch| stretch.step)
    }

    /// The numbers of a variable at a moment.
    pub fn variable<'a>(&self, moment: &'a Moment, name: &str) -> Option<&'a [f64]> {
        moment.variable(&self.layout, name)
    }

    /// The beginning of an episode that `env` has just begun.
    pub(crate) fn begun(env: &VecEnv, episode: u64, seed: u64) -> Self {
        Self {
            task: env.task().id.clone(),
            episode,
            seed,
            moments: vec![moment(env, 0, false)],
            control_dt_secs: env.task().control_dt_secs(),
            layout: layout(env),
            ..Self::default()
        }
    }

    /// A step that was made: following which program, by whom, judged by a reward with these terms.
    pub(crate) fn push(&mut self, moment: Moment, program: &Arc<str>, by: &Mover, terms: &[String]) {
        let same = |last: &Stretch| (&last.program, &last.by, &*last.terms) == (program, by, terms);
        if !self.stretches.last().is_some_and(same) {
            self.stretches.push(Stretch {
                step: moment.step,
                program: Arc::clone(program),
                by: by.clone(),
                terms: terms.into(),
            });
        }
        if self.moments.len() == MOST {
            self.moments.drain(..MOST / 4);
        }
        self.moments.push(moment);
    }
}

/// The moment that an environment shows now. `ended`: the last step ended the episode, and the moment is its last.
pub(crate) fn moment(env: &VecEnv, step: usize, ended: bool) -> Moment {
    let [qpos, qvel] = match ended {
        true => env.final_state(0),
        false => [env.qpos(0), env.qvel(0)],
    };
    let data = env.step_data();
    let judged = step > 0 && !data.faulted[0] && !data.rewards.total.is_empty();
    Moment {
        step,
        qpos,
        qvel,
        ctrl: env.ctrl(0),
        mocap: env.mocap_positions(0),
        variables: env.variables().columns.concat(),
        total: judged.then(|| data.rewards.total[0]),
        terms: match judged {
            true => data.rewards.terms.iter().map(|term| term[0]).collect(),
            false => Vec::new(),
        },
    }
}

/// How a step ended the episode of the only environment, if it did, with the task's judgement (fitness, success) of one that did
/// not diverge.
pub(crate) fn outcome(data: &StepData) -> (Option<End>, Option<(f64, bool)>) {
    let ended = if data.faulted[0] {
        let fault = data.episodes.iter().find_map(|episode| episode.fault.clone());
        Some(End::Fault(fault.unwrap_or_default()))
    } else if data.terminated[0] {
        Some(End::Terminated)
    } else {
        data.truncated[0].then_some(End::Truncated)
    };
    let judged = data.episodes.first().filter(|episode| episode.fault.is_none());
    (ended, judged.map(|episode| (episode.fitness, episode.success)))
}

/// Where each variable of the task stands in [`Moment::variables`].
fn layout(env: &VecEnv) -> Layout {
    let mut place = 0;
    let batch = env.variables();
    let variables = env.task().schema.variables.iter().zip(&batch.columns);
    variables
        .map(|(variable, column)| {
            let range = place..place + column.len();
            place = range.end;
            (variable.name.clone(), range)
        })
        .collect()
}
