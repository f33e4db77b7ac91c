//! Holds a rollout against its golden and finds what moved first.
//!
//! Within one step cause comes before effect: the action, then the variables that it led to, then the reward terms, the
//! total and the episode's fitness. Of several variables that move in the same step, the one is named that moved most,
//! measured by how much it varies over the golden.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::golden::{Ended, Kind, Series};
use crate::{Compared, Golden, Spread, Tolerance, Tolerances};

/// Most further differences of the same step that a comparison lists.
const MOST_ALSO: usize = 6;

/// How a rollout compares with its golden.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The answer.
    pub outcome: Outcome,
    /// What moved first, where anything did.
    pub first: Option<Difference>,
    /// What else moved in the same step.
    pub also: Vec<Difference>,
    /// How many numbers (variables, actions, terms, counted by component and environment) moved at some step.
    pub moved: usize,
    /// How many there are.
    pub compared: usize,
    /// Largest difference as a share of what is allowed, over everything; absent where nothing may move.
    pub largest_share: Option<f64>,
    /// Fitness and terms over the whole rollout.
    pub summary: Vec<SummaryLine>,
    /// Variables and terms that only one side has.
    pub only_one_side: Vec<String>,
    /// What changed since the golden was recorded, most telling first.
    pub changes: Vec<String>,
}

/// The answer of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every number has the same bits.
    Identical,
    /// Numbers moved, none by more than allowed.
    Within,
    /// A number moved by more than allowed.
    Moved,
    /// The golden is that of another rollout: another seed, engine, number of steps.
    Unfit,
}

/// A number that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// `action`, `variable`, `term`, `total`, `task` (its program's fitness, success or termination in a step); `fitness`,
    /// `success`, `episode`, `fault` (of an episode), `state`; for statistics `mean` or `standard deviation`.
    pub kind: &'static str,
    /// Which one, such as `joint_angles[2]`.
    pub name: String,
    /// Its environment.
    pub env: Option<usize>,
    /// Control steps made since the start of the rollout; 0 is the reset.
    pub step: Option<usize>,
    /// The same in simulated seconds.
    pub time_secs: Option<f64>,
    /// What the golden holds.
    pub expected: Shown,
    /// What it is now.
    pub got: Shown,
    /// Size of the difference, for numbers.
    pub difference: Option<f64>,
    /// What it may be.
    pub allowed: f64,
}

/// A value in a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// A number.
    Number(f64),
    /// Anything else.
    Text(String),
}

/// One line of the summary: a mean over the rollout, then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryLine {
    /// `fitness`, `success rate`, `episode length`, `total`, or `term NAME`.
    pub name: String,
    /// In the golden.
    pub expected: Spread,
    /// Now.
    pub got: Spread,
    /// Difference of the means.
    pub difference: f64,
    /// What each mean and standard deviation may differ by.
    pub allowed: f64,
    /// Whether one of them differs by more.
    pub moved: bool,
}

/// Compares what a rollout is now with what it was.
pub fn compare(expected: &Golden, got: &Golden, tolerances: &Tolerances) -> Comparison {
    let mut comparison = Comparison {
        outcome: Outcome::Moved,
        first: None,
        also: Vec::new(),
        moved: 0,
        compared: 0,
        largest_share: None,
        summary: summary(expected, got, tolerances),
        only_one_side: Vec::new(),
        changes: expected.provenance.changes(&got.provenance),
    };
    if let Some(message) = expected.provenance.differs_in_plan(&got.provenance) {
        comparison.outcome = Outcome::Unfit;
        comparison.changes = vec![message];
        return comparison;
    }
    let identical = (&expected.summary, &expected.states, &expected.series) == (&got.summary, &got.states, &got.series);
    let mut found = match expected.provenance.compare {
        Compared::Statistics => statistics(expected, got, &mut comparison),
        Compared::Steps => steps(expected, got, tolerances, &mut comparison),
    };
    found.sort_by(|a, b| {
        let (a, b) = (a.order, b.order);
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    });
    let gone = comparison.only_one_side.iter().any(|line| line.ends_with("gone"));
    comparison.outcome = match () {
        () if !found.is_empty() || gone => Outcome::Moved,
        () if identical => Outcome::Identical,
        () => Outcome::Within,
    };
    let mut found = found.into_iter().map(|found| found.difference);
    comparison.first = found.next();
    if let Some(first) = &comparison.first {
        comparison.also = found
            .take_while(|other| other.step == first.step)
            .take(MOST_ALSO)
            .collect();
    }
    comparison
}

/// A difference and its place in the order of cause and effect: step, kind, and minus how much it moved.
struct Found {
    order: (usize, u8, f64),
    difference: Difference,
}

/// Every series whose numbers leave their tolerance, at the step where they first do; and the same for episodes and states.
fn steps(expected: &Golden, got: &Golden, tolerances: &Tolerances, comparison: &mut Comparison) -> Vec<Found> {
    let key = |series: &Series| (series.kind, series.name.clone(), series.component, series.env);
    let now: BTreeMap<_, &Series> = got.series.iter().map(|series| (key(series), series)).collect();
    let several: BTreeSet<(Kind, &str)> = expected
        .series
        .iter()
        .filter(|series| series.component > 0)
        .map(|series| (series.kind, series.name.as_str()))
        .collect();
    let mut found = Vec::new();
    for then in &expected.series {
        let Some(now) = now.get(&key(then)) else {
            comparison.gone(then, "gone");
            continue;
        };
        comparison.compared += 1;
        let single = !several.contains(&(then.kind, then.name.as_str()));
        found.extend(first_difference(then, now, single, expected, tolerances, comparison));
    }
    comparison.moved = found.len();
    let before: BTreeSet<_> = expected.series.iter().map(key).collect();
    for series in got.series.iter().filter(|series| !before.contains(&key(series))) {
        comparison.gone(series, "new");
    }
    found.extend(episodes(expected, got, tolerances, comparison));
    if tolerances.all_exact() {
        found.extend(states(expected, got));
    }
    found
}

impl Comparison {
    /// Notes a name once, however many components and environments it has.
    fn gone(&mut self, series: &Series, how: &str) {
        let kind = kind_name(series.kind);
        let line = format!("{kind} `{}` is {how}", series.name);
        if !self.only_one_side.contains(&line) {
            self.only_one_side.push(line);
        }
    }

    /// Remembers how near a difference came to what is allowed.
    fn share(&mut self, difference: f64, allowed: f64) {
        if allowed > 0.0 {
            let share = difference / allowed;
            self.largest_share = Some(self.largest_share.map_or(share, |largest| largest.max(share)));
        }
    }
}

fn first_difference(
    then: &Series,
    now: &Series,
    single: bool,
    expected: &Golden,
    tolerances: &Tolerances,
    comparison: &mut Comparison,
) -> Option<Found> {
    let tolerance = match then.kind {
        Kind::Action => tolerances.action(),
        Kind::Variable => tolerances.variable(&then.name),
        Kind::Term => tolerances.term(&then.name),
        Kind::Total => tolerances.term("total"),
        Kind::Measure => tolerances.fitness(),
    };
    let spread = Spread::of(&then.values);
    let allowed = tolerance.allowed(spread.size());
    let mut first = None;
    for (index, (&then, &now)) in then.values.iter().zip(&now.values).enumerate() {
        let difference = (now - then).abs();
        comparison.share(difference, allowed);
        if first.is_none() && differs(then, now, tolerance, allowed) {
            first = Some((index, then, now, difference));
        }
    }
    let (index, was, is, difference) = first?;
    let step = index + usize::from(then.kind != Kind::Variable);
    Some(Found {
        // A constant that changes is the most telling of all.
        order: (
            step,
            then.kind as u8,
            -difference / (spread.max - spread.min).max(f64::MIN_POSITIVE),
        ),
        difference: Difference {
            kind: kind_name(then.kind),
            name: then.label(single),
            env: Some(then.env),
            step: Some(step),
            time_secs: Some(step as f64 * expected.provenance.control_dt_secs),
            expected: Shown::Number(was),
            got: Shown::Number(is),
            difference: Some(difference),
            allowed,
        },
    })
}

/// Whether a number left its tolerance; without one, every bit counts.
fn differs(then: f64, now: f64, tolerance: Tolerance, allowed: f64) -> bool {
    match tolerance.is_exact() {
        true => then.to_bits() != now.to_bits(),
        false => (now - then).abs() > allowed,
    }
}

/// Order of the kinds that are no series, after those that are.
const EPISODE: u8 = 10;
const STATE: u8 = 11;

/// Episodes that end at another step, or otherwise than they did.
fn episodes(expected: &Golden, got: &Golden, tolerances: &Tolerances, comparison: &mut Comparison) -> Vec<Found> {
    let by_place = |golden: &Golden| -> BTreeMap<(usize, usize), Ended> {
        let episodes = golden.summary.episodes.iter();
        episodes.map(|ended| ((ended.step, ended.env), ended.clone())).collect()
    };
    let (then, now) = (by_place(expected), by_place(got));
    let allowed = tolerances.fitness().allowed(expected.summary.fitness.size());
    let expected_dt_secs = expected.provenance.control_dt_secs;
    let mut found = Vec::new();
    let places: BTreeSet<_> = then.keys().chain(now.keys()).copied().collect();
    for (step, env) in places {
        let mut add = |kind, expected, got, difference: Option<f64>, allowed| {
            found.push(Found {
                order: (step, EPISODE, -difference.unwrap_or(f64::MAX)),
                difference: Difference {
                    kind,
                    name: kind.into(),
                    env: Some(env),
                    step: Some(step),
                    time_secs: Some(step as f64 * expected_dt_secs),
                    expected,
                    got,
                    difference,
                    allowed,
                },
            });
        };
        match (then.get(&(step, env)), now.get(&(step, env))) {
            (Some(then), Some(now)) => {
                let fault = |ended: &Ended| Shown::Text(ended.fault.clone().unwrap_or_else(|| "no fault".into()));
                if then.fault.is_some() != now.fault.is_some() {
                    add("fault", fault(then), fault(now), None, 0.0);
                    continue;
                }
                let difference = (now.fitness - then.fitness).abs();
                comparison.share(difference, allowed);
                if differs(then.fitness, now.fitness, tolerances.fitness(), allowed) {
                    let (then, now) = (Shown::Number(then.fitness), Shown::Number(now.fitness));
                    add("fitness", then, now, Some(difference), allowed);
                }
                if then.success != now.success {
                    let shown = |success: bool| Shown::Text(if success { "success" } else { "no success" }.into());
                    add("success", shown(then.success), shown(now.success), None, 0.0);
                }
            }
            (then, now) => {
                let shown = |ended: Option<&Ended>| {
                    Shown::Text(match ended {
                        None => "goes on".into(),
                        Some(ended) => match &ended.fault {
                            None => format!("ends after {} steps", ended.steps),
                            Some(fault) => format!("ends after {} steps by a fault: {fault}", ended.steps),
                        },
                    })
                };
                add("episode", shown(then), shown(now), None, 0.0);
            }
        }
    }
    found
}

/// The first state that has other bits.
fn states(expected: &Golden, got: &Golden) -> Option<Found> {
    let first = |(env, (then, now)): (usize, (&Vec<String>, &Vec<String>))| {
        let step = then.iter().zip(now).position(|(then, now)| then != now)?;
        Some((step, env, then[step].clone(), now[step].clone()))
    };
    let (step, env, then, now) = expected
        .states
        .iter()
        .zip(&got.states)
        .enumerate()
        .filter_map(first)
        .min()?;
    Some(Found {
        order: (step, STATE, 0.0),
        difference: Difference {
            kind: "state",
            name: "hash of all positions and velocities".into(),
            env: Some(env),
            step: Some(step),
            time_secs: Some(step as f64 * expected.provenance.control_dt_secs),
            expected: Shown::Text(then),
            got: Shown::Text(now),
            difference: None,
            allowed: 0.0,
        },
    })
}

/// Fitness and terms over the rollout.
fn summary(expected: &Golden, got: &Golden, tolerances: &Tolerances) -> Vec<SummaryLine> {
    let (then, now) = (&expected.summary, &got.summary);
    let line = |name: String, then: &Spread, now: &Spread, tolerance: Tolerance| {
        let allowed = tolerance.allowed(then.size());
        let pairs = [(then.mean, now.mean), (then.sd, now.sd)];
        SummaryLine {
            name,
            expected: *then,
            got: *now,
            difference: now.mean - then.mean,
            allowed,
            moved: pairs.iter().any(|&(then, now)| differs(then, now, tolerance, allowed)),
        }
    };
    let rate = |rate: f64, count: usize| Spread {
        count,
        mean: rate,
        sd: 0.0,
        min: rate,
        max: rate,
    };
    let (then_rate, now_rate) = (
        rate(then.success_rate, then.fitness.count),
        rate(now.success_rate, now.fitness.count),
    );
    let mut lines = vec![
        line("fitness".into(), &then.fitness, &now.fitness, tolerances.fitness()),
        line("success rate".into(), &then_rate, &now_rate, tolerances.general()),
        line(
            "episode length".into(),
            &then.episode_length,
            &now.episode_length,
            tolerances.general(),
        ),
        line("total".into(), &then.total, &now.total, tolerances.term("total")),
    ];
    for (name, then) in &then.terms {
        if let Some(now) = now.terms.get(name) {
            lines.push(line(format!("term {name}"), then, now, tolerances.term(name)));
        }
    }
    lines
}

/// The lines of the summary that moved, where nothing else is compared.
fn statistics(expected: &Golden, got: &Golden, comparison: &mut Comparison) -> Vec<Found> {
    let (then, now) = (&expected.summary.terms, &got.summary.terms);
    for (here, there, how) in [(then, now, "gone"), (now, then, "new")] {
        let missing = here.keys().filter(|name| !there.contains_key(*name));
        let lines = missing.map(|name| format!("term `{name}` is {how}"));
        comparison.only_one_side.extend(lines);
    }
    let mut found = Vec::new();
    // Faults are left out of every mean, so that more of them would not be seen there.
    let faults = |golden: &Golden| {
        let faults = golden.summary.episodes.iter().filter_map(|ended| ended.fault.clone());
        faults.collect::<Vec<String>>()
    };
    let (then, now) = (faults(expected), faults(got));
    if then.len() != now.len() {
        let told = |faults: &[String]| {
            Shown::Text(match faults {
                [] => "no fault".into(),
                [first, ..] => format!("{} episodes ended by a fault, the first by: {first}", faults.len()),
            })
        };
        found.push(Found {
            order: (0, 0, f64::NEG_INFINITY),
            difference: Difference {
                kind: "fault",
                name: "fault".into(),
                env: None,
                step: None,
                time_secs: None,
                expected: told(&then),
                got: told(&now),
                difference: None,
                allowed: 0.0,
            },
        });
    }
    let lines = std::mem::take(&mut comparison.summary);
    for (index, line) in lines.iter().enumerate() {
        comparison.compared += 1;
        let by_mean = line.difference.abs();
        let by_sd = (line.got.sd - line.expected.sd).abs();
        comparison.share(by_mean.max(by_sd), line.allowed);
        if !line.moved {
            continue;
        }
        comparison.moved += 1;
        let (kind, expected, got, difference) = match by_mean >= by_sd {
            true => ("mean", line.expected.mean, line.got.mean, by_mean),
            false => ("standard deviation", line.expected.sd, line.got.sd, by_sd),
        };
        found.push(Found {
            order: (0, 0, index as f64),
            difference: Difference {
                kind,
                name: line.name.clone(),
                env: None,
                step: None,
                time_secs: None,
                expected: Shown::Number(expected),
                got: Shown::Number(got),
                difference: Some(difference),
                allowed: line.allowed,
            },
        });
    }
    comparison.summary = lines;
    found
}

pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Action => "action",
        Kind::Variable => "variable",
        Kind::Term => "term",
        Kind::Total => "total",
        Kind::Measure => "task",
    }
}
