//! What people said about programs becomes an order, a suggestion and a warning.

use carrot_environment::Evaluation;
use carrot_run_record::{Behaviour, Candidate, Driver, Evaluated, Feedback, FeedbackEntry, Outcome, Program, Verdict};
use carrot_studio::document::program_hash;
use carrot_studio::opinion::Opinion;

use Verdict::{A, B, CannotTell, Tie};

fn candidate(index: u32, fitness: Option<f64>) -> Candidate {
    let outcome = match fitness {
        None => Outcome::Rejected { diagnostics: vec![] },
        Some(fitness) => Outcome::Evaluated(Box::new(Evaluated {
            evaluation: Evaluation {
                fitness,
                fitness_sd: 0.1,
                success_rate: 0.0,
                episode_length: 1.0,
                episodes: 25,
                episode_return: 0.0,
                terms: vec![],
            },
            terms: vec![],
            checkpoints: vec![],
            policy: String::new(),
            steps: 0,
        })),
    };
    Candidate {
        generation: 1,
        index,
        proposer: "evolve".into(),
        note: String::new(),
        program: Program::Source {
            file: "reward.py".into(),
            text: index.to_string(),
        },
        outcome,
    }
}

fn shown(index: u32) -> Behaviour {
    Behaviour {
        program: program_hash(&index.to_string()),
        candidate: Some((1, index)),
        driver: Driver::Policy,
        seed: 0,
    }
}

fn entries(said: impl IntoIterator<Item = Feedback>) -> Vec<FeedbackEntry> {
    let entry = |(position, feedback)| FeedbackEntry {
        position,
        id: position.to_string(),
        written_unix_secs: 0,
        feedback,
    };
    (1..).zip(said).map(entry).collect()
}

fn verdicts(said: &[(u32, u32, Verdict)]) -> Vec<FeedbackEntry> {
    entries(said.iter().map(|&(a, b, verdict)| Feedback::Preference {
        a: shown(a),
        b: shown(b),
        verdict,
    }))
}

#[test]
fn the_order_follows_the_verdicts() {
    let candidates: Vec<Candidate> = (0..3).map(|index| candidate(index, Some(1.0))).collect();
    for (said, order) in [
        (&[][..], vec![]),
        (&[(0, 1, CannotTell)], vec![]),
        (&[(0, 1, A)], vec!["g1c0", "g1c1"]),
        (&[(0, 1, B)], vec!["g1c1", "g1c0"]),
        (&[(0, 1, B), (2, 1, A)], vec!["g1c2", "g1c1", "g1c0"]),
        // A program that is no candidate takes part under its hash; whoever stood even against its loser is above the loser.
        (&[(7, 0, A), (0, 2, Tie)], vec!["edit 7902699b", "g1c2", "g1c0"]),
    ] {
        let opinion = Opinion::new(&candidates, &verdicts(said));
        let names: Vec<&str> = opinion.ranked.iter().map(|ranked| ranked.name.as_str()).collect();
        assert_eq!(names, order, "{said:?}");
        assert_eq!(opinion.verdicts, said.len());
    }
}

#[test]
fn the_pair_that_tells_most_is_suggested() {
    let fitness = [Some(1.0), Some(3.0), None, Some(2.0)];
    let candidates: Vec<Candidate> = (0..)
        .zip(fitness)
        .map(|(index, fitness)| candidate(index, fitness))
        .collect();
    for (said, next) in [
        // Nothing is known: the two fittest.
        (&[][..], [1, 3]),
        // One pair is known, and the third was never seen.
        (&[(1, 3, A)], [1, 0]),
        // They could not be told apart: another pair first.
        (&[(1, 3, CannotTell)], [1, 0]),
        (&[(1, 3, CannotTell), (0, 1, CannotTell)], [3, 0]),
    ] {
        let mut found = Opinion::new(&candidates, &verdicts(said)).next.unwrap();
        found.sort();
        let mut expected = next.map(|index| (1, index));
        expected.sort();
        assert_eq!(found, expected, "{said:?}");
    }
    assert_eq!(Opinion::new(&candidates[..1], &[]).next, None);
    assert_eq!(
        Opinion::new(&candidates[1..3], &[]).next,
        None,
        "a rejected one has nothing to show"
    );
}

#[test]
fn a_preference_against_clearly_higher_fitness_is_pointed_out() {
    // Each mean has a standard error of 0.02, so that 0.03 may be chance and 0.5 may not.
    let twice = verdicts(&[(0, 1, A), (0, 1, A), (1, 0, B)]);
    for (fitness, against) in [([1.0, 1.5], Some("g1c1")), ([1.0, 1.03], None), ([1.5, 1.0], None)] {
        let candidates = [candidate(0, Some(fitness[0])), candidate(1, Some(fitness[1]))];
        let opinion = Opinion::new(&candidates, &twice);
        assert_eq!(opinion.ranked[0].against.as_deref(), against, "{fitness:?}");
        assert_eq!(opinion.ranked[1].against, None);
    }
    // A single verdict is no clear preference.
    let candidates = [candidate(0, Some(1.0)), candidate(1, Some(1.5))];
    assert_eq!(
        Opinion::new(&candidates, &verdicts(&[(0, 1, A)])).ranked[0].against,
        None
    );
}

#[test]
fn of_several_ratings_of_one_behaviour_the_last_counts() {
    let candidates = [candidate(0, Some(1.0))];
    let other_start = Behaviour { seed: 1, ..shown(0) };
    let rating = |of: &Behaviour, good| Feedback::Rating { of: of.clone(), good };
    let said = entries([
        rating(&shown(0), true),
        rating(&shown(0), false),
        rating(&other_start, true),
    ]);
    let opinion = Opinion::new(&candidates, &said);
    assert_eq!((opinion.ranked.len(), opinion.ranked[0].ratings), (1, (1, 1)));
}
