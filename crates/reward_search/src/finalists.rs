//! The last choice of a search: among its best programs, the one that also works on other seeds.
//!
//! A fitness from a single training is partly luck, and the best of many is the luckiest: a reward that makes the robot
//! run on one seed may make it dive on the next. So the best few are trained on further seeds, and the highest mean wins.

use carrot_run_record::{Candidate, Evaluated, Outcome, Program};

use crate::retrain::Retrained;
use carrot_workbench::derived_seed;

/// The evaluated candidates, most promising first.
///
/// One training tells fitness values that differ by less than a tenth hardly apart, but it also tells how fast the policy
/// learned, and a reward that teaches slowly on one seed is one that fails on the next. So those within a tenth of the best
/// stand first, the fastest learner at the head; then the others by fitness. Among equals the earliest stands first.
pub(crate) fn ranked(history: &[Candidate]) -> Vec<&Candidate> {
    let mut evaluated: Vec<(&Candidate, &Evaluated)> = history
        .iter()
        .filter_map(|candidate| match &candidate.outcome {
            Outcome::Evaluated(evaluated) => Some((candidate, &**evaluated)),
            Outcome::Rejected { .. } | Outcome::Stopped { .. } => None,
        })
        .collect();
    let fitness = |evaluated: &Evaluated| evaluated.evaluation.fitness;
    let best = evaluated
        .iter()
        .map(|(_, evaluated)| fitness(evaluated))
        .fold(f64::NEG_INFINITY, f64::max);
    let near_best = |evaluated: &Evaluated| fitness(evaluated) >= best - 0.1 * best.abs();
    evaluated.sort_by(|(_, a), (_, b)| match (near_best(a), near_best(b)) {
        (true, true) => mean_while_training(b).total_cmp(&mean_while_training(a)),
        (false, false) => fitness(b).total_cmp(&fitness(a)),
        (a_is_near, b_is_near) => b_is_near.cmp(&a_is_near),
    });
    evaluated.into_iter().map(|(candidate, _)| candidate).collect()
}

/// Fitness of an evaluated candidate, and its mean while training.
pub(crate) fn standing(candidate: &Candidate) -> Option<(f64, f64)> {
    match &candidate.outcome {
        Outcome::Evaluated(evaluated) => Some((evaluated.evaluation.fitness, mean_while_training(evaluated))),
        Outcome::Rejected { .. } | Outcome::Stopped { .. } => None,
    }
}

/// Mean fitness over the checkpoints of a training, which is high where the policy learned early; the final fitness where
/// no checkpoint saw an episode end.
pub(crate) fn mean_while_training(evaluated: &Evaluated) -> f64 {
    let seen: Vec<f64> = evaluated
        .checkpoints
        .iter()
        .filter_map(|checkpoint| checkpoint.fitness)
        .collect();
    if seen.is_empty() {
        return evaluated.evaluation.fitness;
    }
    seen.iter().sum::<f64>() / seen.len() as f64
}

/// The `count` most promising candidates. Equal programs stand once.
pub(crate) fn finalists(history: &[Candidate], count: usize) -> Vec<&Candidate> {
    let mut chosen: Vec<&Candidate> = Vec::new();
    for candidate in ranked(history) {
        if chosen.len() < count && !chosen.iter().any(|known| same_program(known, candidate)) {
            chosen.push(candidate);
        }
    }
    chosen
}

/// The seeds on which finalists are trained again: none that the search or its caller uses for anything else.
pub(crate) fn seeds(seed: u64, count: u32) -> Vec<u64> {
    (1..=count)
        .map(|k| derived_seed(seed, &format!("finalist {k}")))
        .collect()
}

/// Position of the winner and its mean fitness. `first[i]` is finalist i in the search: its fitness, and its mean while
/// training; `further[i]` is the same on the further seeds.
///
/// As in [`ranked`], means within a tenth of the best are taken as equal; of those the one wins whose slowest training
/// learned fastest. A finalist that stopped on some seed does not take part; absent where all did.
pub(crate) fn winner(first: &[(f64, f64)], further: &[Retrained]) -> Option<(usize, f64)> {
    let mut complete: Vec<(usize, f64, f64)> = Vec::new();
    for (position, (&(fitness, learning), further)) in first.iter().zip(further).enumerate() {
        let Some(rest) = further.fitness.iter().copied().collect::<Option<Vec<f64>>>() else {
            continue;
        };
        let mean = (fitness + rest.iter().sum::<f64>()) / (1 + rest.len()) as f64;
        complete.push((
            position,
            mean,
            further.slowest.map_or(learning, |slowest| slowest.min(learning)),
        ));
    }
    let best = complete
        .iter()
        .map(|finalist| finalist.1)
        .fold(f64::NEG_INFINITY, f64::max);
    let near_best = complete
        .into_iter()
        .filter(|finalist| finalist.1 >= best - 0.1 * best.abs());
    let chosen = near_best.reduce(|chosen, next| if next.2 > chosen.2 { next } else { chosen });
    chosen.map(|(position, mean, _)| (position, mean))
}

fn same_program(a: &Candidate, b: &Candidate) -> bool {
    match (&a.program, &b.program) {
        (Program::Source { text: a, .. }, Program::Source { text: b, .. }) => a == b,
        (Program::Wasm { object: a, .. }, Program::Wasm { object: b, .. }) => a == b,
        (Program::Source { .. }, Program::Wasm { .. }) | (Program::Wasm { .. }, Program::Source { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_environment::{Checkpoint, Evaluation};

    fn trained(fitness: &[Option<f64>], slowest: f64) -> Retrained {
        Retrained {
            name: String::new(),
            fitness: fitness.to_vec(),
            mean: None,
            sd: None,
            slowest: Some(slowest),
            stopped: Vec::new(),
            policy: None,
        }
    }

    fn candidate(index: u32, fitness: f64, while_training: f64) -> Candidate {
        let evaluation = Evaluation {
            fitness,
            fitness_sd: 0.0,
            success_rate: 0.0,
            episode_length: 1.0,
            episodes: 1,
            episode_return: 0.0,
            terms: Vec::new(),
        };
        let checkpoint = Checkpoint {
            steps: 1,
            fitness: Some(while_training),
            ..Checkpoint::default()
        };
        let evaluated = Evaluated {
            evaluation,
            terms: Vec::new(),
            checkpoints: vec![checkpoint],
            policy: String::new(),
            steps: 1,
        };
        Candidate {
            generation: 0,
            index,
            proposer: "test".into(),
            note: String::new(),
            program: Program::Source {
                file: String::new(),
                text: index.to_string(),
            },
            outcome: Outcome::Evaluated(Box::new(evaluated)),
        }
    }

    #[test]
    fn among_the_near_best_the_fastest_learner_stands_first() {
        // 20 and 18.5 are within a tenth of the best; 17 is not, however fast it learned.
        let history = [
            candidate(0, 17.0, 16.0),
            candidate(1, 20.0, 7.0),
            candidate(2, 18.5, 10.0),
            candidate(3, 3.0, 3.0),
        ];
        let order: Vec<u32> = ranked(&history).iter().map(|candidate| candidate.index).collect();
        assert_eq!(order, [2, 1, 0, 3]);
        // Below zero, too, nearer to zero is better: -1.05 is within a tenth of -1, -2 is not.
        let history = [
            candidate(0, -2.0, 0.0),
            candidate(1, -1.0, -9.0),
            candidate(2, -1.05, -3.0),
        ];
        let order: Vec<u32> = ranked(&history).iter().map(|candidate| candidate.index).collect();
        assert_eq!(order, [2, 1, 0]);
    }

    #[test]
    fn luck_on_one_seed_does_not_win() {
        // Means: (20 + 1 + 19) / 3 = 13.3; (18 + 17 + 19) / 3 = 18; the third stopped once.
        let further = [
            trained(&[Some(1.0), Some(19.0)], 9.0),
            trained(&[Some(17.0), Some(19.0)], 5.0),
            trained(&[None, Some(30.0)], 9.0),
        ];
        let first = [(20.0, 9.0), (18.0, 9.0), (30.0, 9.0)];
        assert_eq!(winner(&first, &further), Some((1, 18.0)));
        assert_eq!(winner(&first[2..], &further[2..]), None);
    }

    #[test]
    fn among_equal_means_the_surest_learner_wins() {
        // Means 19 and 18 are within a tenth; the first was slow on one of the further seeds, the second nowhere.
        let further = [trained(&[Some(19.0)], 4.0), trained(&[Some(18.0)], 8.0)];
        assert_eq!(winner(&[(19.0, 9.0), (18.0, 7.0)], &further), Some((1, 18.0)));
    }

    #[test]
    fn seeds_differ_from_each_other_and_between_searches() {
        let (a, b) = (seeds(0, 3), seeds(1, 3));
        assert!(a.iter().all(|seed| !b.contains(seed)) && a[0] != a[1] && a[1] != a[2]);
    }
}
