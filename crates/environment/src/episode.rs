//! From the values of single steps to the fitness and success of an episode.

use serde::{Deserialize, Serialize};

/// A finished episode of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// Which environment.
    pub env_index: usize,
    /// The task's fitness, aggregated as the task says.
    pub fitness: f64,
    /// Whether the task counts as solved.
    pub success: bool,
    /// Control steps.
    pub steps: usize,
    /// The simulation diverged; fitness (0) and success (false) then mean nothing.
    pub fault: Option<String>,
}

/// How the fitness of an episode comes from the `fitness()` of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FitnessAggregate {
    Sum,
    Mean,
    Last,
    Max,
    Min,
    /// 1 if `success()` held at any step, else 0, whatever `fitness()` says.
    Success,
    /// Minus the seconds until `success()` first held; minus those of the whole horizon if it never did.
    TimeToSuccess,
}

/// How the success of an episode comes from the `success()` of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuccessAggregate {
    Last,
    Any,
    All,
}

/// Running totals of an episode that has not ended yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    fitness: f64,
    success: bool,
    /// Steps until `success()` first held.
    first_success: Option<usize>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            steps: 0,
            fitness: 0.0,
            success: false,
            first_success: None,
        }
    }

    /// Adds what the task program said about one step.
    pub(crate) fn add(&mut self, fitness: f64, success: bool, how: (FitnessAggregate, SuccessAggregate)) {
        let first = self.steps == 0;
        self.fitness = match how.0 {
            FitnessAggregate::Sum | FitnessAggregate::Mean => self.fitness + fitness,
            FitnessAggregate::Max if !first => self.fitness.max(fitness),
            FitnessAggregate::Min if !first => self.fitness.min(fitness),
            FitnessAggregate::Max | FitnessAggregate::Min | FitnessAggregate::Last => fitness,
            FitnessAggregate::Success | FitnessAggregate::TimeToSuccess => 0.0,
        };
        self.success = match how.1 {
            SuccessAggregate::Any => self.success || success,
            SuccessAggregate::All => (first || self.success) && success,
            SuccessAggregate::Last => success,
        };
        self.steps += 1;
        if success {
            self.first_success.get_or_insert(self.steps);
        }
    }

    /// The episode that ends here, of a task with this horizon, in control steps of so many seconds.
    pub(crate) fn finish(
        &self,
        env_index: usize,
        how: FitnessAggregate,
        horizon: usize,
        control_dt_secs: f64,
    ) -> Episode {
        Episode {
            env_index,
            fitness: match how {
                FitnessAggregate::Mean => self.fitness / self.steps.max(1) as f64,
                FitnessAggregate::Sum | FitnessAggregate::Last | FitnessAggregate::Max | FitnessAggregate::Min => {
                    self.fitness
                }
                FitnessAggregate::Success => f64::from(self.first_success.is_some()),
                FitnessAggregate::TimeToSuccess => -(self.first_success.unwrap_or(horizon) as f64 * control_dt_secs),
            },
            success: self.success,
            steps: self.steps,
            fault: None,
        }
    }

    /// The episode that a fault ends here; nothing of it is scored.
    pub(crate) fn fail(&self, env_index: usize, fault: String) -> Episode {
        Episode {
            env_index,
            fitness: 0.0,
            success: false,
            steps: self.steps,
            fault: Some(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_over_three_steps() {
        let steps = [(-1.0, true), (-4.0, false), (-2.5, true)];
        for (fitness_how, success_how, fitness, success) in [
            (FitnessAggregate::Sum, SuccessAggregate::Last, -7.5, true),
            (FitnessAggregate::Mean, SuccessAggregate::Any, -2.5, true),
            (FitnessAggregate::Last, SuccessAggregate::All, -2.5, false),
            (FitnessAggregate::Max, SuccessAggregate::All, -1.0, false),
            (FitnessAggregate::Min, SuccessAggregate::All, -4.0, false),
            (FitnessAggregate::Success, SuccessAggregate::Last, 1.0, true),
            (FitnessAggregate::TimeToSuccess, SuccessAggregate::Last, -0.5, true),
        ] {
            let mut tally = Tally::new();
            for (step_fitness, step_success) in steps {
                tally.add(step_fitness, step_success, (fitness_how, success_how));
            }
            let episode = tally.finish(7, fitness_how, 100, 0.5);
            assert_eq!(
                (episode.fitness, episode.success, episode.steps),
                (fitness, success, 3),
                "{fitness_how:?} {success_how:?}"
            );
        }
    }
    #[test]
    fn what_never_succeeded_took_the_whole_horizon() {
        for (how, expected) in [
            (FitnessAggregate::Success, 0.0),
            (FitnessAggregate::TimeToSuccess, -50.0),
        ] {
            let mut tally = Tally::new();
            tally.add(3.0, false, (how, SuccessAggregate::Any));
            assert_eq!(tally.finish(0, how, 100, 0.5).fitness, expected, "{how:?}");
        }
    }
}
