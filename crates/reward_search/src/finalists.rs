//! The last choice of a search: among its best programs, the one that also works on other seeds.
//!
//! A fitness from a single training is partly luck, and the best of many is the luckiest: a reward that makes the robot
//! run on one seed may make it dive on the next. So the best few are trained on further seeds, and the highest mean wins.

use carrot_run_record::{Candidate, Program};

use crate::random::derived_seed;
use crate::retrain::Retrained;

/// The `count` candidates of highest fitness, best first; among equals the earliest. Equal programs stand once.
pub(crate) fn finalists(history: &[Candidate], count: usize) -> Vec<&Candidate> {
    let mut evaluated: Vec<(&Candidate, f64)> = history
        .iter()
        .filter_map(|candidate| Some((candidate, candidate.fitness()?)))
        .collect();
    evaluated.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut chosen: Vec<&Candidate> = Vec::new();
    for (candidate, _) in evaluated {
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

/// Position of the finalist with the highest mean over `first[i]`, its fitness in the search, and its further seeds; with
/// that mean. A finalist that stopped on some seed does not take part; absent where all did.
pub(crate) fn winner(first: &[f64], further: &[Retrained]) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (position, (first, further)) in first.iter().zip(further).enumerate() {
        let Some(rest) = further.fitness.iter().copied().collect::<Option<Vec<f64>>>() else {
            continue;
        };
        let mean = (first + rest.iter().sum::<f64>()) / (1 + rest.len()) as f64;
        if best.is_none_or(|(_, highest)| mean > highest) {
            best = Some((position, mean));
        }
    }
    best
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

    fn trained(fitness: &[Option<f64>]) -> Retrained {
        Retrained {
            name: String::new(),
            fitness: fitness.to_vec(),
            mean: None,
            sd: None,
            stopped: Vec::new(),
            policy: None,
        }
    }

    #[test]
    fn luck_on_one_seed_does_not_win() {
        // Means: (20 + 1 + 19) / 3 = 13.3; (18 + 17 + 19) / 3 = 18; the third stopped once.
        let further = [
            trained(&[Some(1.0), Some(19.0)]),
            trained(&[Some(17.0), Some(19.0)]),
            trained(&[None, Some(30.0)]),
        ];
        assert_eq!(winner(&[20.0, 18.0, 30.0], &further), Some((1, 18.0)));
        assert_eq!(winner(&[30.0], &further[2..]), None);
    }

    #[test]
    fn seeds_differ_from_each_other_and_between_searches() {
        let (a, b) = (seeds(0, 3), seeds(1, 3));
        assert!(a.iter().all(|seed| !b.contains(seed)) && a[0] != a[1] && a[1] != a[2]);
    }
}
