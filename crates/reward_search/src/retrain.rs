//! Trains finished programs again, on seeds that no selection has seen.
//!
//! The winner of a search is the best of many on one seed, so its fitness there is flattering. Only fresh seeds, the same
//! for every program compared, say how good it is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use carrot_optimizer::Settings;
use carrot_run_record::{Outcome, RunRecord};
use serde::{Deserialize, Serialize};

use crate::evaluator::Evaluator;
use crate::executor::run_all;
use crate::finalists::mean_while_training;
use crate::search::SearchError;
use carrot_workbench::{ProgramBytes, Workbench};

/// How programs are trained again.
#[derive(Debug, Clone)]
pub struct Retraining<'a> {
    /// Optimiser settings of every training.
    pub settings: Settings,
    /// Episodes in which each policy is judged.
    pub episodes: usize,
    /// One training of every program for each.
    pub seeds: &'a [u64],
    /// Trainings at the same time; results do not depend on it.
    pub workers: usize,
}

/// One program on all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retrained {
    /// What the caller calls it, such as `winner` or `human`.
    pub name: String,
    /// Fitness for each seed; absent where the training stopped.
    pub fitness: Vec<Option<f64>>,
    /// Mean over the seeds; absent unless every seed has a fitness, since leaving the failures out would flatter.
    pub mean: Option<f64>,
    /// Sample standard deviation over the seeds; absent with fewer than two.
    pub sd: Option<f64>,
    /// Of the trainings, the lowest mean fitness while training: how sure the reward is to teach in time.
    pub slowest: Option<f64>,
    /// Why trainings stopped.
    pub stopped: Vec<String>,
    /// Object of the policy with the highest fitness.
    pub policy: Option<String>,
}

/// Trains each program on each seed. Results are kept in the record as any other evaluation, so what it already holds is
/// not done again. `observer` is told the environment steps done and found so far.
pub fn retrain(
    bench: &Workbench,
    record: &RunRecord,
    programs: &[(String, ProgramBytes)],
    retraining: &Retraining<'_>,
    observer: &(dyn Fn(u64) + Sync),
    interrupted: &AtomicBool,
) -> Result<Vec<Retrained>, SearchError> {
    let done = AtomicU64::new(0);
    let advance = |steps: u64| observer(done.fetch_add(steps, Ordering::SeqCst) + steps);
    let evaluator = Evaluator {
        bench,
        record,
        settings: &retraining.settings,
        episodes: retraining.episodes,
        interrupted,
    };
    let pairs: Vec<(&ProgramBytes, u64)> = programs
        .iter()
        .flat_map(|(_, program)| retraining.seeds.iter().map(move |&seed| (program, seed)))
        .collect();
    // Two names for one program are trained once.
    let mut wanted: BTreeMap<(String, u64), (&ProgramBytes, u64)> = BTreeMap::new();
    for (program, seed) in &pairs {
        wanted.entry((program.hash(), *seed)).or_insert((program, *seed));
    }
    let keys: Vec<(String, u64)> = wanted.keys().cloned().collect();
    let wanted: Vec<(&ProgramBytes, u64)> = wanted.into_values().collect();
    let outcomes = run_all(retraining.workers, &wanted, |(program, seed)| {
        let mut counted = 0;
        let (outcome, _) = evaluator.outcome(program, *seed, &mut |progress| {
            advance(progress.steps - counted);
            counted = progress.steps;
        })?;
        advance(retraining.settings.steps().saturating_sub(counted));
        Ok::<_, SearchError>(outcome)
    })?;
    let outcomes: BTreeMap<(String, u64), Outcome> = keys.into_iter().zip(outcomes).collect();
    Ok(programs
        .iter()
        .map(|(name, program)| {
            let hash = program.hash();
            let of_seed = |&seed: &u64| outcomes.get(&(hash.clone(), seed));
            summary(name, &retraining.seeds.iter().filter_map(of_seed).collect::<Vec<_>>())
        })
        .collect())
}

fn summary(name: &str, outcomes: &[&Outcome]) -> Retrained {
    let mut best: Option<(f64, &str)> = None;
    let mut slowest: Option<f64> = None;
    let mut fitness = Vec::new();
    let mut stopped = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Evaluated(evaluated) => {
                let reached = evaluated.evaluation.fitness;
                if best.is_none_or(|(highest, _)| reached > highest) {
                    best = Some((reached, &evaluated.policy));
                }
                let learning = mean_while_training(evaluated);
                slowest = Some(slowest.map_or(learning, |slowest| slowest.min(learning)));
                fitness.push(Some(reached));
            }
            Outcome::Stopped { stop } => {
                stopped.push(stop.to_string());
                fitness.push(None);
            }
            Outcome::Rejected { diagnostics } => {
                stopped.extend(diagnostics.iter().map(ToString::to_string));
                fitness.push(None);
            }
        }
    }
    let reached: Option<Vec<f64>> = fitness.iter().copied().collect();
    let (mean, sd) = reached.map_or((None, None), |reached| mean_and_sd(&reached));
    Retrained {
        name: name.into(),
        fitness,
        mean,
        sd,
        slowest,
        stopped,
        policy: best.map(|(_, policy)| policy.to_owned()),
    }
}

fn mean_and_sd(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (Some(mean), (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_reward_interface::{Stop, StopCause};

    #[test]
    fn spread_by_hand() {
        // Mean 2; squared distances 1 + 0 + 1 over 2 degrees of freedom.
        assert_eq!(mean_and_sd(&[1.0, 2.0, 3.0]), (Some(2.0), Some(1.0)));
        assert_eq!(mean_and_sd(&[5.0]), (Some(5.0), None));
        assert_eq!(mean_and_sd(&[]), (None, None));
    }

    #[test]
    fn a_stopped_training_gets_no_number() {
        let stop = Stop {
            file: "a.py".into(),
            at: None,
            cause: StopCause::Fuel { limit: 5 },
        };
        let retrained = summary("a", &[&Outcome::Stopped { stop }]);
        assert_eq!(
            (retrained.fitness, retrained.mean, retrained.policy),
            (vec![None], None, None)
        );
        assert!(retrained.stopped[0].contains("out of fuel"));
    }
}
