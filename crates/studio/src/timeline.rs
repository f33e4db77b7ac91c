//! What happened on the stage, control step by control step, so that a person can look back.

use std::sync::Arc;

use carrot_environment::{StepData, VecEnv};

/// Steps that are kept; a longer episode forgets its beginning.
const MOST: usize = 8_000;

/// One moment of an episode.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Control steps since the episode began; 0 is the start, before anything was done.
    pub step: usize,
    /// Generalised positions and velocities.
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

/// From some step on another reward counts.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardChange {
    /// The first step that it judged.
    pub step: usize,
    /// Names of its terms.
    pub terms: Arc<[String]>,
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
    /// Number of the episode.
    pub episode: u64,
    /// Every moment, oldest first; steps count up by one.
    pub moments: Vec<Moment>,
    /// The rewards that counted, oldest first.
    pub rewards: Vec<RewardChange>,
    /// Seconds of a control step.
    pub control_dt_secs: f64,
    /// First place of each variable in [`Moment::variables`], and its numbers.
    pub layout: Arc<[(String, std::ops::Range<usize>)]>,
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

    /// Names of the terms of the reward that counts now.
    pub fn terms(&self) -> &[String] {
        self.rewards.last().map_or(&[], |change| &change.terms)
    }

    /// The first step of the stretch in which terms had the names that they have now.
    pub fn terms_since(&self) -> usize {
        let names = self.terms();
        self.rewards
            .iter()
            .rev()
            .take_while(|change| *change.terms == *names)
            .last()
            .map_or(0, |change| change.step)
    }

    /// The numbers of a variable at a moment.
    pub fn variable<'a>(&self, moment: &'a Moment, name: &str) -> Option<&'a [f64]> {
        let (_, range) = self.layout.iter().find(|(known, _)| known == name)?;
        moment.variables.get(range.clone())
    }

    pub(crate) fn push(&mut self, moment: Moment) {
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
pub(crate) fn layout(env: &VecEnv) -> Arc<[(String, std::ops::Range<usize>)]> {
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
