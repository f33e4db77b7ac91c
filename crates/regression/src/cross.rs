//! One policy in several engines: do they agree on how well it does?
//!
//! A behaviour that only one engine shows is a property of that engine. Each engine plays the same seeds; each environment
//! plays its first episode to the end, so that short episodes are not favoured, and an episode is one observation.

use std::path::Path;

use carrot_environment::Engine;
use serde::Serialize;

use crate::golden::{Ended, Kind};
use crate::rollout::{Recording, play};
use crate::{ActionPlan, Plan, Plays, Prepared, RegressionError, Spread, effect_size};

/// A rollout in several engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cross {
    /// Name of the rollout.
    pub name: String,
    /// `<env>/<task>`, or the model.
    pub task: String,
    /// What the robots do.
    pub actions: String,
    /// Seeds that each engine played.
    pub seeds: Vec<u64>,
    /// What each engine did, the one that the others are compared with first.
    pub engines: Vec<EngineResult>,
    /// Fitness, success, length, total and terms, side by side.
    pub rows: Vec<CrossRow>,
}

/// What an engine did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineResult {
    /// Which.
    pub engine: Engine,
    /// Its name and version.
    pub version: String,
    /// Whether the task says that it is validated on it.
    pub validated: bool,
    /// Episodes that are scored: they ended, and not by a fault.
    pub episodes: usize,
    /// Episodes that were still going on when the actions ended; their terms count, their fitness does not exist.
    pub unfinished: usize,
    /// Why the other episodes are not scored.
    pub faults: Vec<String>,
}

/// One quantity in each engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossRow {
    /// `fitness`, `success`, `episode length`, `total`, or `term NAME`; total and terms are means per step of an episode.
    pub name: String,
    /// Over episodes, in the order of [`Cross::engines`].
    pub engines: Vec<Spread>,
    /// Mean of each further engine minus that of the first.
    pub differences: Vec<f64>,
    /// The same in pooled standard deviations (Cohen's d); absent where neither varies.
    pub effects: Vec<Option<f64>>,
}

/// Plays a plan in each engine over `seeds` seeds, from the plan's own on.
///
/// Errors: as for [`Prepared::new`] and [`Prepared::play`].
pub fn cross(
    plan: &Plan,
    envs: &Path,
    engines: &[Engine],
    seeds: usize,
    plays: &mut Plays<'_>,
) -> Result<Cross, RegressionError> {
    let seeds: Vec<u64> = (0..seeds as u64).map(|index| plan.seed + index).collect();
    let mut results = Vec::new();
    let mut columns: Vec<Vec<(String, Vec<f64>)>> = Vec::new();
    let mut actions = String::new();
    let mut done = 0;
    for &engine in engines {
        let mut prepared = Prepared::new(plan, envs, engine)?;
        // A file of actions ends where it ends; everything else goes on until every first episode is over.
        if !matches!(plan.actions, ActionPlan::File(_)) {
            prepared.plan.steps = prepared.bench.task.horizon;
        }
        let mut episodes = Episodes::default();
        for &seed in &seeds {
            prepared.plan.seed = seed;
            let mut here = 0;
            let mut observer = |steps: u64| {
                here = steps;
                (plays.observer)(done + steps)
            };
            let recording = play(
                &prepared,
                Plays {
                    threads: plays.threads,
                    observer: &mut observer,
                },
            )?;
            done += here;
            episodes.take_in(&recording, plan.envs);
        }
        actions.clone_from(&prepared.actions.description);
        results.push(EngineResult {
            engine,
            version: prepared.bench.engine(),
            validated: prepared.bench.task.engines.contains(&engine),
            episodes: episodes.ended.len(),
            unfinished: episodes.unfinished,
            faults: std::mem::take(&mut episodes.faults),
        });
        columns.push(episodes.columns());
    }
    Ok(Cross {
        name: plan.name.clone(),
        task: plan.target.to_string(),
        actions,
        seeds,
        rows: side_by_side(&columns),
        engines: results,
    })
}

impl Cross {
    /// Control steps that [`cross`] makes at most, for showing progress.
    pub fn steps(plan: &Plan, envs: &Path, engines: usize, seeds: usize) -> Result<u64, RegressionError> {
        let prepared = Prepared::new(plan, envs, Engine::default())?;
        let steps = match plan.actions {
            ActionPlan::File(_) => plan.steps,
            _ => prepared.bench.task.horizon,
        };
        Ok((steps * plan.envs * engines * seeds) as u64)
    }
}

/// First episodes of all environments and seeds in one engine.
#[derive(Default)]
struct Episodes {
    ended: Vec<Ended>,
    unfinished: usize,
    faults: Vec<String>,
    /// Name of each term and its mean per step in each episode.
    terms: Vec<(String, Vec<f64>)>,
}

impl Episodes {
    fn take_in(&mut self, recording: &Recording, envs: usize) {
        for env in 0..envs {
            let first = recording.summary.episodes.iter().find(|ended| ended.env == env);
            match first {
                Some(ended) if ended.fault.is_some() => {
                    self.faults.extend(ended.fault.clone());
                    continue;
                }
                Some(ended) => self.ended.push(ended.clone()),
                None => self.unfinished += 1,
            }
            let series = recording.series.iter().filter(|series| series.env == env);
            for series in series.filter(|series| matches!(series.kind, Kind::Term | Kind::Total)) {
                let steps = first.map_or(series.values.len(), |ended| ended.steps);
                let mean = Spread::of(&series.values[..steps]).mean;
                let name = match series.kind {
                    Kind::Total => "total".to_owned(),
                    _ => format!("term {}", series.name),
                };
                match self.terms.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, means)) => means.push(mean),
                    None => self.terms.push((name, vec![mean])),
                }
            }
        }
    }

    fn columns(&self) -> Vec<(String, Vec<f64>)> {
        let of = |name: &str, value: &dyn Fn(&Ended) -> f64| (name.to_owned(), self.ended.iter().map(value).collect());
        let mut columns = vec![
            of("fitness", &|ended| ended.fitness),
            of("success", &|ended| f64::from(u8::from(ended.success))),
            of("episode length", &|ended| ended.steps as f64),
        ];
        columns.extend(self.terms.iter().rev().take(1).cloned());
        columns.extend(self.terms.iter().take(self.terms.len().saturating_sub(1)).cloned());
        columns
    }
}

/// One row per quantity that any engine has.
fn side_by_side(engines: &[Vec<(String, Vec<f64>)>]) -> Vec<CrossRow> {
    let longest = engines.iter().max_by_key(|columns| columns.len());
    let names = longest.into_iter().flatten().map(|(name, _)| name);
    let row = |name: &String| {
        let spreads: Vec<Spread> = engines
            .iter()
            .map(|columns| {
                let values = columns.iter().find(|(known, _)| known == name);
                Spread::of(values.map_or(&[], |(_, values)| values))
            })
            .collect();
        CrossRow {
            name: name.clone(),
            differences: spreads[1..]
                .iter()
                .map(|spread| spread.mean - spreads[0].mean)
                .collect(),
            effects: spreads[1..]
                .iter()
                .map(|spread| effect_size(&spreads[0], spread))
                .collect(),
            engines: spreads,
        }
    };
    names.map(row).collect()
}
