//! What people said about the programs of a run becomes an order, a suggestion and a warning.

use carrot_environment::Evaluation;
use carrot_preference::Opinions;
use carrot_run_record::{Behaviour, Candidate, Driver, Evaluated, Feedback, FeedbackEntry, Outcome, Program, Verdict};

use Verdict::{A, B, CannotTell, Tie};

fn candidate(index: u32, fitness: f64) -> Candidate {
    let evaluation = Evaluation {
        fitness,
        fitness_sd: 0.1,
        success_rate: 0.0,
        episode_length: 1.0,
        episodes: 25,
        episode_return: 0.0,
        terms: Vec::new(),
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
        outcome: Outcome::Evaluated(Box::new(Evaluated {
            evaluation,
            terms: Vec::new(),
            checkpoints: Vec::new(),
            policy: String::new(),
            steps: 1,
        })),
    }
}

fn shown(candidate: &Candidate, seed: u64) -> Behaviour {
    Behaviour {
        program: candidate.program.hash(),
        candidate: None,
        driver: Driver::Policy,
        seed,
    }
}

fn said(
    history: &[Candidate],
    choices: &[(usize, usize, Verdict)],
    ratings: &[(usize, u64, bool)],
) -> Vec<FeedbackEntry> {
    let chosen = choices.iter().map(|&(a, b, verdict)| Feedback::Preference {
        a: shown(&history[a], 0),
        b: shown(&history[b], 1),
        verdict,
    });
    let rated = ratings.iter().map(|&(of, seed, good)| Feedback::Rating {
        of: shown(&history[of], seed),
        good,
    });
    (1..)
        .zip(chosen.chain(rated))
        .map(|(position, feedback)| FeedbackEntry {
            position,
            id: position.to_string(),
            written_unix_secs: 0,
            feedback,
        })
        .collect()
}

fn opinions(history: &[Candidate], choices: &[(usize, usize, Verdict)], ratings: &[(usize, u64, bool)]) -> Opinions {
    Opinions::new(history, &said(history, choices, ratings))
}

#[test]
fn a_clear_preference_is_direct_or_sure() {
    // Candidate 0 is the fittest.
    let history: Vec<Candidate> = (0..4).map(|index| candidate(index, 10.0 - f64::from(index))).collect();
    for (choices, expected, why) in [
        (vec![], None, "nobody spoke"),
        (vec![(0, 1, B)], Some(1), "chosen over the fittest"),
        (vec![(1, 0, A)], Some(1), "whichever side it was on"),
        (vec![(0, 1, A)], None, "the fittest itself was chosen"),
        (vec![(0, 1, Tie)], None, "a tie decides nothing"),
        (vec![(0, 1, CannotTell)], None, "nor does who cannot tell"),
        (vec![(0, 1, B), (0, 1, A)], None, "once so, once so"),
        (vec![(0, 1, B), (0, 1, A), (0, 1, B)], Some(1), "two of three"),
        (
            vec![(1, 2, A)],
            None,
            "the fittest was not seen, and one choice is little",
        ),
        (vec![(1, 2, A); 4], None, "nor does it help to ask the same again"),
        (
            vec![(1, 2, A), (1, 3, A), (2, 0, A), (3, 0, A)],
            Some(1),
            "better than those that are better",
        ),
        (
            vec![(0, 1, B), (0, 2, B), (1, 2, B)],
            Some(2),
            "the strongest of several",
        ),
        (vec![(1, 1, A); 5], None, "two behaviours of one program"),
    ] {
        let found = opinions(&history, &choices, &[]).clearly_preferred(&history, &history[0]);
        assert_eq!(found.map(|candidate| candidate.index), expected, "{why}");
    }
}

#[test]
fn only_an_evaluated_text_is_built_upon() {
    let mut history: Vec<Candidate> = (0..2).map(|index| candidate(index, 1.0)).collect();
    history[1].outcome = Outcome::Rejected {
        diagnostics: Vec::new(),
    };
    let found = opinions(&history, &[(0, 1, B)], &[]);
    assert_eq!(found.clearly_preferred(&history, &history[0]), None);
}

#[test]
fn a_word_is_between_minus_one_and_one() {
    let history: Vec<Candidate> = (0..3).map(|index| candidate(index, 1.0)).collect();
    let found = opinions(&history, &[(1, 0, A); 30], &[(1, 0, true), (1, 1, true), (0, 0, false)]);
    assert!(found.word(&history[1].program.hash()) == 1.0 && found.word(&history[0].program.hash()) == -1.0);
    assert_eq!(found.word(&history[2].program.hash()), 0.0);
    // One choice: P(stronger than the average) = 0.643, as worked by hand in the crate's own test.
    let word = opinions(&history, &[(1, 0, A)], &[]).word(&history[1].program.hash());
    assert!((word - 0.286).abs() < 1e-3, "{word}");
}

#[test]
fn the_order_follows_the_choices() {
    let history: Vec<Candidate> = (0..4).map(|index| candidate(index, 1.0)).collect();
    for (choices, order) in [
        (&[][..], vec![]),
        (&[(0, 1, CannotTell)], vec![]),
        (&[(0, 1, A)], vec!["g0c0", "g0c1"]),
        (&[(0, 1, B)], vec!["g0c1", "g0c0"]),
        (&[(0, 1, B), (2, 1, A)], vec!["g0c2", "g0c1", "g0c0"]),
        // Whoever stood even against its loser is above the loser.
        (&[(3, 0, A), (0, 2, Tie)], vec!["g0c3", "g0c2", "g0c0"]),
    ] {
        let found = opinions(&history, choices, &[]);
        let names: Vec<&str> = found.spoken_of().iter().map(|of| of.name.as_str()).collect();
        assert_eq!(names, order, "{choices:?}");
        assert_eq!(found.choices(), choices.len());
    }
    // A program that is no candidate takes part under its hash.
    let entries = said(&history, &[(3, 0, A)], &[]);
    let found = Opinions::new(&history[..3], &entries);
    let names: Vec<&str> = found.spoken_of().iter().map(|of| of.name.as_str()).collect();
    let hash = history[3].program.hash();
    assert_eq!(names, [&format!("edit {}", &hash[..8]), "g0c0"]);
}

#[test]
fn the_pair_that_tells_most_is_suggested() {
    let mut history: Vec<Candidate> = [1.0, 3.0, 0.0, 2.0]
        .into_iter()
        .zip(0..)
        .map(|(fitness, index)| candidate(index, fitness))
        .collect();
    history[2].outcome = Outcome::Rejected {
        diagnostics: Vec::new(),
    };
    let settled = |first: &[(usize, usize, Verdict)], last: &[(usize, usize, Verdict)]| {
        [first, &[(1, 3, A); 8], &[(0, 3, A); 8], last].concat()
    };
    for (choices, next, why) in [
        (&[][..], [1, 3], "nothing is known: the two fittest"),
        (&[(1, 3, A)], [1, 0], "one pair is known, and the third was never seen"),
        (
            &[(1, 3, CannotTell)],
            [1, 0],
            "they could not be told apart: another pair first",
        ),
        (&[(1, 3, CannotTell), (0, 1, CannotTell)], [3, 0], "and another"),
        (&settled(&[(0, 1, A)], &[]), [0, 1], "what is not settled yet"),
        (
            &settled(&[], &[(0, 1, A)]),
            [1, 3],
            "but nobody wants to see again at once what was just shown",
        ),
    ] {
        let mut found = opinions(&history, choices, &[]).next_pair().unwrap();
        found.sort_unstable();
        let mut expected = next.map(|index| (0, index));
        expected.sort_unstable();
        assert_eq!(found, expected, "{why}");
    }
    let two = [history[1].clone(), history[3].clone()];
    assert!(
        opinions(&two, &[(0, 1, A)], &[]).next_pair().is_some(),
        "there is no other"
    );
    assert_eq!(opinions(&history[..1], &[], &[]).next_pair(), None);
    assert_eq!(
        opinions(&history[1..3], &[], &[]).next_pair(),
        None,
        "a rejected one has nothing to show"
    );
}

#[test]
fn a_preference_against_clearly_higher_fitness_is_pointed_out() {
    // Each mean has a standard error of 0.02, so that 0.03 may be chance and 0.5 may not.
    let twice = [(0, 1, A), (0, 1, A), (1, 0, B)];
    let against = |fitness: [f64; 2], choices: &[(usize, usize, Verdict)]| {
        let history = [candidate(0, fitness[0]), candidate(1, fitness[1])];
        let found = opinions(&history, choices, &[]);
        let ranked = found.spoken_of();
        assert_eq!(found.fitter_but_weaker(ranked[1]), None);
        found.fitter_but_weaker(ranked[0]).map(|other| other.name.clone())
    };
    assert_eq!(against([1.0, 1.5], &twice).as_deref(), Some("g0c1"));
    assert_eq!(against([1.0, 1.03], &twice), None);
    assert_eq!(against([1.5, 1.0], &twice), None);
    assert_eq!(
        against([1.0, 1.5], &[(0, 1, A)]),
        None,
        "a single choice is no clear preference"
    );
}

#[test]
fn of_several_ratings_of_one_behaviour_the_last_counts() {
    let history = [candidate(0, 1.0)];
    let found = opinions(&history, &[], &[(0, 0, true), (0, 0, false), (0, 1, true)]);
    let ranked = found.spoken_of();
    assert_eq!((ranked.len(), ranked[0].ratings), (1, (1, 1)));
}

#[test]
fn who_was_never_seen_changes_nothing_for_the_others() {
    let few: Vec<Candidate> = (0..2).map(|index| candidate(index, 100.0)).collect();
    let many: Vec<Candidate> = (0..60)
        .map(|index| candidate(index, 100.0 - f64::from(index / 2)))
        .collect();
    let choices = [(0, 1, B), (0, 1, B), (1, 0, B)];
    let (few_found, many_found) = (opinions(&few, &choices, &[]), opinions(&many, &choices, &[]));
    assert!(many_found.standings().len() < 60, "the worst do not take part");
    for candidate in &few {
        let hash = candidate.program.hash();
        assert!((few_found.word(&hash) - many_found.word(&hash)).abs() < 1e-12);
    }
}
