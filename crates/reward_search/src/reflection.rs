//! What a training says about its reward, as figures and as text.
//!
//! Eureka shows the model a handful of snapshots of every term. We add what follows from the figures and is easily missed
//! in a column of numbers: a term that stands still, one that drowns the others, one that rises while the fitness does not.
//! [`TermStatistics`] is also what `evolve` steers by.

use carrot_environment::Checkpoint;
use carrot_run_record::Evaluated;
use minijinja::{Value, context};

use crate::prompt::fill;

/// The optimiser takes no larger reward than this for what it is.
const LIMIT: f64 = 1e100;

/// Most snapshots that are shown.
const SNAPSHOTS: usize = 10;

/// A term is constant when it varies by less than this share of its size.
const CONSTANT: f64 = 1e-3;

/// A term dominates when its share of all terms' sizes is at least this.
const DOMINATING: f64 = 0.8;

/// Correlation from which two curves are said to go together.
const CORRELATED: f64 = 0.7;

/// How one reward term went through a training.
#[derive(Debug, Clone, PartialEq)]
pub struct TermStatistics {
    /// Name of the term.
    pub name: String,
    /// Mean per step at each snapshot.
    pub snapshots: Vec<f64>,
    /// Its share of the summed sizes of all terms, 0 to 1, over the whole training.
    pub share: f64,
    /// It hardly varies.
    pub constant: bool,
    /// Its smallest and largest value in a single step; absent in old records.
    pub range: Option<[f64; 2]>,
    /// Pearson correlation with the fitness over the snapshots, where both vary.
    pub correlation: Option<f64>,
}

impl TermStatistics {
    /// It is much larger than all other terms together.
    pub fn dominates(&self) -> bool {
        self.share >= DOMINATING
    }
}

/// Statistics of every term, in the program's order.
pub fn term_statistics(evaluated: &Evaluated) -> Vec<TermStatistics> {
    let checkpoints = snapshots(&evaluated.checkpoints);
    let size = |term: usize| -> f64 {
        checkpoints
            .iter()
            .filter_map(|at| at.terms.get(term))
            .map(|mean| mean.abs())
            .sum()
    };
    let all: f64 = (0..evaluated.terms.len()).map(size).sum();
    evaluated
        .terms
        .iter()
        .enumerate()
        .map(|(term, name)| {
            let values: Vec<f64> = checkpoints
                .iter()
                .filter_map(|at| at.terms.get(term).copied())
                .collect();
            let pairs: Vec<(f64, f64)> = checkpoints
                .iter()
                .filter_map(|at| Some((*at.terms.get(term)?, at.fitness?)))
                .collect();
            TermStatistics {
                name: name.clone(),
                share: if all > 0.0 { size(term) / all } else { 0.0 },
                constant: is_constant(&values),
                range: joined(evaluated.checkpoints.iter().map(|at| at.term_ranges.get(term).copied())),
                correlation: correlation(&pairs),
                snapshots: values,
            }
        })
        .collect()
}

/// The text that goes into the next prompt.
pub fn reflect(evaluated: &Evaluated) -> String {
    let checkpoints = snapshots(&evaluated.checkpoints);
    let statistics = term_statistics(evaluated);
    let mut rows: Vec<Value> = statistics
        .iter()
        .map(|term| row(&term.name, &term.snapshots, term.range))
        .collect();
    let measured =
        |read: fn(&Checkpoint) -> Option<f64>| -> Vec<f64> { checkpoints.iter().copied().filter_map(read).collect() };
    let total_range = joined(evaluated.checkpoints.iter().map(|at| at.reward_range));
    rows.push(row("total", &measured(|at| Some(at.reward)), total_range));
    rows.push(row("fitness", &measured(|at| at.fitness), None));
    rows.push(row("success", &measured(|at| at.success_rate), None));
    rows.push(row("episode_length", &measured(|at| at.episode_length), None));
    let judged = &evaluated.evaluation;
    fill(
        "reflection.jinja",
        context! {
            steps => evaluated.steps,
            snapshots => checkpoints.len(),
            rows => rows,
            episodes => judged.episodes,
            fitness => short(judged.fitness),
            fitness_sd => short(judged.fitness_sd),
            success => short(judged.success_rate),
            length => short(judged.episode_length),
            observations => observations(evaluated, true),
        },
    )
}

fn row(name: &str, values: &[f64], range: Option<[f64; 2]>) -> Value {
    let of = |fold: fn(f64, f64) -> f64| values.iter().copied().reduce(fold).map_or("-".into(), short);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    context! {
        name => name,
        values => values.iter().map(|value| short(*value)).collect::<Vec<_>>().join(", "),
        max => of(f64::max),
        mean => if values.is_empty() { "-".into() } else { short(mean) },
        min => of(f64::min),
        range => range.map(|ends| ends.map(short)),
    }
}

/// What stands out in a training, one sentence each. `judged` says that there is a task, whose fitness and success mean something.
pub fn observations(evaluated: &Evaluated, judged: bool) -> Vec<String> {
    let checkpoints = snapshots(&evaluated.checkpoints);
    let statistics = term_statistics(evaluated);
    let mut found = Vec::new();
    // Where all episodes are equally long, a constant does not even tell long ones from short ones.
    let lengths = evaluated.checkpoints.iter().filter_map(|at| at.episode_lengths);
    let ends = lengths.reduce(|one, other| [one[0].min(other[0]), one[1].max(other[1])]);
    let one_length = ends.is_none_or(|[shortest, longest]| shortest == longest);
    if let Some([low, high]) = joined(evaluated.checkpoints.iter().map(|at| at.reward_range)) {
        if low == high {
            let value = short(low);
            let lesson = match one_length {
                true => "there is nothing to learn from it",
                false => "nothing can be learned from it but how long an episode should last",
            };
            found.push(format!(
                "The total reward is {value} in every step of the training: {lesson}."
            ));
        }
        if low.abs().max(high.abs()) >= LIMIT {
            found.push(format!(
                "The total reward reaches {low:.0e} to {high:.0e}; beyond {LIMIT:.0e} it counts as {LIMIT:.0e}."
            ));
        }
    }
    for term in &statistics {
        let name = &term.name;
        if let Some([low, high]) = term.range
            && low == high
        {
            let effect = match one_length {
                true => "it teaches nothing",
                false if low > 0.0 => "all that it rewards is a long episode",
                false if low < 0.0 => "all that it rewards is an early end",
                false => "it does nothing",
            };
            found.push(format!("`{name}` is {} in every step: {effect}.", short(low)));
        } else if term.constant && term.snapshots.len() > 1 {
            found.push(format!("`{name}` hardly changes during the training."));
        }
        if term.dominates() && statistics.len() > 1 {
            found.push(format!(
                "`{name}` makes up {:.0} % of the size of all terms.",
                term.share * 100.0
            ));
        }
        match term.correlation {
            Some(with) if judged && with >= CORRELATED => {
                found.push(format!("`{name}` and the fitness rise and fall together."))
            }
            Some(with) if judged && with <= -CORRELATED => {
                found.push(format!("`{name}` falls where the fitness rises."))
            }
            _ => {}
        }
    }
    let totals: Vec<(f64, f64)> = checkpoints
        .iter()
        .filter_map(|at| Some((at.reward, at.fitness?)))
        .collect();
    if judged && correlation(&totals).is_some_and(|with| with <= -CORRELATED) {
        found.push("The total reward and the fitness go in opposite directions: the reward asks for something else than the task.".into());
    }
    if judged && evaluated.evaluation.success_rate < 0.05 {
        found.push("The task is hardly ever solved.".into());
    }
    let faults: u64 = evaluated.checkpoints.iter().map(|at| at.faults).sum();
    if faults > 0 {
        found.push(format!(
            "In {faults} episodes the simulation diverged: the reward drives the robot to extremes."
        ));
    }
    found
}

/// The smallest and the largest of all ends.
fn joined(ranges: impl Iterator<Item = Option<[f64; 2]>>) -> Option<[f64; 2]> {
    let join = |one: [f64; 2], other: [f64; 2]| [one[0].min(other[0]), one[1].max(other[1])];
    ranges.flatten().reduce(join)
}

/// About ten checkpoints at even distances, the last among them.
fn snapshots(checkpoints: &[Checkpoint]) -> Vec<&Checkpoint> {
    let count = checkpoints.len().min(SNAPSHOTS);
    (1..=count)
        .map(|nth| &checkpoints[nth * checkpoints.len() / count - 1])
        .collect()
}

fn is_constant(values: &[f64]) -> bool {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    high - low <= CONSTANT * high.abs().max(low.abs())
}

fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let count = pairs.len() as f64;
    let mean_x = pairs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = pairs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = pairs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance_x: f64 = pairs.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    let variance_y: f64 = pairs.iter().map(|(_, y)| (y - mean_y) * (y - mean_y)).sum();
    let scale = (variance_x * variance_y).sqrt();
    (scale > 0.0).then(|| covariance / scale)
}

/// Three significant digits, without an exponent where it reads well.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..100_000.0).contains(&size) {
        return format!("{value:.2e}");
    }
    let digits = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        4
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_environment::Evaluation;
    use expect_test::expect;

    /// A hopper that learns to stand still: the fitness falls while the reward rises.
    fn standing() -> Evaluated {
        let checkpoints = (0..5)
            .map(|at| Checkpoint {
                steps: 1_000 * (at + 1),
                fitness: Some(2.0 - 0.4 * at as f64),
                success_rate: Some(0.0),
                episode_length: Some(50.0 + 20.0 * at as f64),
                episode_lengths: Some([20, 100 + 20 * at]),
                reward: 1.0 + 0.1 * at as f64,
                reward_range: Some([-0.5, 1.5]),
                terms: vec![1.0, 0.05 * at as f64, -0.002],
                term_ranges: vec![[1.0, 1.0], [-0.3, 0.25 * at as f64], [-0.0021, -0.0019]],
                faults: u64::from(at == 2),
                ..Checkpoint::default()
            })
            .collect();
        Evaluated {
            evaluation: Evaluation {
                fitness: 0.25,
                fitness_sd: 0.0625,
                success_rate: 0.0,
                episode_length: 130.0,
                episodes: 8,
                episode_return: 160.0,
                terms: Vec::new(),
            },
            terms: vec!["alive".into(), "upright".into(), "effort".into()],
            checkpoints,
            policy: String::new(),
            steps: 5_000,
        }
    }

    #[test]
    fn the_text_shows_figures_and_what_stands_out() {
        expect![[r#"
            A policy was trained for 5000 steps on the reward above. At 5 moments of the training, from first to last:

            alive: [1.00, 1.00, 1.00, 1.00, 1.00]; max 1.00, mean 1.00, min 1.00; single steps from 1.00 to 1.00
            upright: [0.00, 0.0500, 0.10, 0.15, 0.20]; max 0.20, mean 0.10, min 0.00; single steps from -0.30 to 1.00
            effort: [-0.0020, -0.0020, -0.0020, -0.0020, -0.0020]; max -0.0020, mean -0.0020, min -0.0020; single steps from -0.0021 to -0.0019
            total: [1.00, 1.10, 1.20, 1.30, 1.40]; max 1.40, mean 1.20, min 1.00; single steps from -0.50 to 1.50
            fitness: [2.00, 1.60, 1.20, 0.80, 0.40]; max 2.00, mean 1.20, min 0.40
            success: [0.00, 0.00, 0.00, 0.00, 0.00]; max 0.00, mean 0.00, min 0.00
            episode_length: [50.0, 70.0, 90.0, 110, 130]; max 130, mean 90.0, min 50.0

            Reward terms are means per step; `fitness`, `success` and `episode_length` describe the episodes that ended since the moment before.
            After the training, over 8 episodes: fitness 0.25 (standard deviation 0.0625), success rate 0.00, 130 steps per episode.

            What stands out:
            - `alive` is 1.00 in every step: all that it rewards is a long episode.
            - `alive` makes up 91 % of the size of all terms.
            - `upright` falls where the fitness rises.
            - `effort` hardly changes during the training.
            - The total reward and the fitness go in opposite directions: the reward asks for something else than the task.
            - The task is hardly ever solved.
            - In 1 episodes the simulation diverged: the reward drives the robot to extremes.

            Use these figures to write a better reward:
            - Where success stays near zero, the reward does not lead to the task: give it another shape.
            - A term that hardly changes is not being optimised: change its scale or temperature, write it anew, or drop it.
            - A term many times larger than the others drowns them: bring it down to their size.
            - A term that rises while the fitness does not is rewarding something else than the task.

            First say in a few sentences what each term did. Then answer with the improved program as one Python code block."#]].assert_eq(&reflect(&standing()));
    }

    #[test]
    fn statistics_by_hand() {
        // Sizes over five snapshots: 5, 0.5 and 0.01, so the shares are 5/5.51, 0.5/5.51 and 0.01/5.51.
        let terms = term_statistics(&standing());
        assert!((terms[0].share - 5.0 / 5.51).abs() < 1e-12 && terms[0].dominates() && terms[0].constant);
        assert_eq!(terms[0].correlation, None);
        // Rises linearly while the fitness falls linearly.
        assert!((terms[1].correlation.unwrap() + 1.0).abs() < 1e-12 && !terms[1].constant);
    }

    #[test]
    fn a_training_without_checkpoints_has_no_figures() {
        let mut empty = standing();
        empty.checkpoints.clear();
        let text = reflect(&empty);
        assert!(text.contains("alive: []; max -, mean -, min -"), "{text}");
    }

    #[test]
    fn snapshots_end_with_the_last() {
        let mut many = standing().checkpoints;
        while many.len() < 37 {
            many.push(Checkpoint {
                steps: 1_000 * many.len() as u64,
                ..many[0].clone()
            });
        }
        let chosen = snapshots(&many);
        assert_eq!((chosen.len(), chosen[9].steps), (10, many[36].steps));
    }
}
