//! Which programs the next ones come from, where people have said what they think.

use carrot_preference::Opinions;
use carrot_run_record::Candidate;

/// Programs in the order of their promise, `ranked`, moved by what people think of them: one on which they fully agree
/// moves by half the field, and the one that they clearly prefer comes first. Where they said nothing, nothing moves.
pub(crate) fn reordered<'a>(
    opinions: &Opinions,
    ranked: Vec<&'a Candidate>,
    preferred: Option<&Candidate>,
) -> Vec<&'a Candidate> {
    let half = ranked.len() as f64 / 2.0;
    let mut placed: Vec<(f64, &Candidate)> = (0..)
        .zip(ranked)
        .map(|(place, candidate)| {
            let first = preferred.is_some_and(|preferred| preferred == candidate);
            let moved = f64::from(place) - half * opinions.word(&candidate.program.hash());
            (if first { f64::NEG_INFINITY } else { moved }, candidate)
        })
        .collect();
    placed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    placed.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_environment::Evaluation;
    use carrot_run_record::{Behaviour, Driver, Evaluated, Feedback, FeedbackEntry, Outcome, Program, Verdict};

    use Verdict::A;

    fn candidate(index: u32, fitness: f64) -> Candidate {
        let evaluation = Evaluation {
            fitness,
            fitness_sd: 0.0,
            success_rate: 0.0,
            episode_length: 1.0,
            episodes: 1,
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

    fn opinions(
        history: &[Candidate],
        choices: &[(usize, usize, Verdict)],
        ratings: &[(usize, u64, bool)],
    ) -> Opinions {
        let chosen = choices.iter().map(|&(a, b, verdict)| Feedback::Preference {
            a: shown(&history[a], 0),
            b: shown(&history[b], 1),
            verdict,
        });
        let rated = ratings.iter().map(|&(of, seed, good)| Feedback::Rating {
            of: shown(&history[of], seed),
            good,
        });
        let entries: Vec<FeedbackEntry> = (1..)
            .zip(chosen.chain(rated))
            .map(|(position, feedback)| FeedbackEntry {
                position,
                id: position.to_string(),
                written_unix_secs: 0,
                feedback,
            })
            .collect();
        Opinions::new(history, &entries)
    }

    #[test]
    fn words_move_parents() {
        let history: Vec<Candidate> = (0..6).map(|index| candidate(index, 10.0 - f64::from(index))).collect();
        let order = |choices: &[(usize, usize, Verdict)], ratings: &[(usize, u64, bool)], preferred: Option<usize>| {
            let ranked = history.iter().collect();
            let preferred = preferred.map(|place| &history[place]);
            let moved = reordered(&opinions(&history, choices, ratings), ranked, preferred);
            moved.iter().map(|candidate| candidate.index).collect::<Vec<_>>()
        };
        assert_eq!(order(&[], &[], None), [0, 1, 2, 3, 4, 5]);
        // One behaviour called good: a word of 1/2, hence up by 3·½ = 1.5 places.
        assert_eq!(order(&[], &[(3, 0, true)], None), [0, 1, 3, 2, 4, 5]);
        // Two are 2/3, hence 2 places: level with the one there, and behind it.
        assert_eq!(order(&[], &[(4, 0, true), (4, 1, true)], None), [0, 1, 2, 4, 3, 5]);
        // The last word on a behaviour counts: -1/2 from here on.
        assert_eq!(order(&[], &[(0, 0, true), (0, 0, false)], None), [1, 0, 2, 3, 4, 5]);
        assert_eq!(order(&[(4, 0, A)], &[], Some(4))[0], 4);
    }
}
