//! What choices and ratings say about programs.

use std::collections::BTreeMap;

use carrot_preference::{Comparison, Decision, PRIOR_SD, Ranking, Standing};
use carrot_run_record::{Behaviour, Candidate, Feedback, FeedbackEntry, Program, Verdict};

/// From this probability of being the better one a program counts as clearly preferred.
const CLEARLY: f64 = 0.8;

/// A program that was never set against the fittest needs this many choices before it can count as clearly preferred.
const ENOUGH_CHOICES: usize = 2;

/// What people's choices and ratings say about programs, each known by the hash of its text.
///
/// Choices between behaviours of two programs rank the programs by the Bradley–Terry model; a tie counts as half a choice
/// for each, and choices between two behaviours of one program say nothing about programs. Of several ratings of one
/// behaviour the last counts.
#[derive(Debug, Clone)]
pub struct Opinions {
    /// Those that were asked for, then those that a choice or a rating is about, in the order of their first mention.
    programs: Vec<String>,
    ranking: Ranking,
    /// Behaviours called good and bad, for each program.
    ratings: Vec<(usize, usize)>,
}

impl Opinions {
    /// Reads what was said. `also` are hashes of programs that take part even where nothing was said about them.
    pub fn new(entries: &[FeedbackEntry], also: impl IntoIterator<Item = String>) -> Self {
        let mut programs: Vec<String> = Vec::new();
        for hash in also {
            if !programs.contains(&hash) {
                programs.push(hash);
            }
        }
        let mut place = |hash: &str| match programs.iter().position(|known| known == hash) {
            Some(place) => place,
            None => {
                programs.push(hash.to_owned());
                programs.len() - 1
            }
        };
        let mut comparisons = Vec::new();
        let mut rated: BTreeMap<&Behaviour, (usize, bool)> = BTreeMap::new();
        for entry in entries {
            match &entry.feedback {
                Feedback::Preference { a, b, verdict } => comparisons.push(Comparison {
                    first: place(&a.program),
                    second: place(&b.program),
                    decision: match verdict {
                        Verdict::A => Decision::First,
                        Verdict::B => Decision::Second,
                        Verdict::Tie => Decision::Tie,
                        Verdict::CannotTell => Decision::CannotTell,
                    },
                }),
                Feedback::Rating { of, good } => {
                    rated.insert(of, (place(&of.program), *good));
                }
                Feedback::Comment { .. } | Feedback::Edit { .. } => {}
            }
        }
        let mut ratings = vec![(0, 0); programs.len()];
        for (program, good) in rated.into_values() {
            match good {
                true => ratings[program].0 += 1,
                false => ratings[program].1 += 1,
            }
        }
        Self {
            ranking: Ranking::new(programs.len(), &comparisons, PRIOR_SD),
            programs,
            ratings,
        }
    }

    /// All programs that take part, most preferred first: hash, standing, behaviours called good and bad.
    pub fn standings(&self) -> Vec<(&str, Standing, (usize, usize))> {
        let order = self.ranking.order().into_iter();
        order
            .map(|item| {
                (
                    self.programs[item].as_str(),
                    self.ranking.standing(item),
                    self.ratings[item],
                )
            })
            .collect()
    }

    /// The two programs whose comparison would tell most.
    pub fn next_pair(&self) -> Option<(&str, &str)> {
        let (a, b) = self.ranking.next_pair()?;
        Some((&self.programs[a], &self.programs[b]))
    }

    /// Probability that people find `program` the better of the two; absent unless both take part.
    pub fn better(&self, program: &str, other: &str) -> Option<f64> {
        Some(self.ranking.chance(self.place(program)?, self.place(other)?).stronger)
    }

    /// How much people want a program, from −1 to 1; 0 where they said nothing.
    ///
    /// `2·P(stronger than the average) − 1` from the choices, plus `(good − bad) / (good + bad + 1)` from the ratings.
    pub fn word(&self, program: &str) -> f64 {
        let Some(item) = self.place(program) else {
            return 0.0;
        };
        let (good, bad) = self.ratings[item];
        let rated = (good as f64 - bad as f64) / (good + bad + 1) as f64;
        let chosen = 2.0 * self.ranking.standing(item).above_average - 1.0;
        (chosen + rated).clamp(-1.0, 1.0)
    }

    /// The candidate that people clearly prefer to the fittest one, if there is one.
    ///
    /// Clear is one that was chosen over the fittest in more than half of the choices between the two and is the better one
    /// of them by all choices together; or one that took part in at least two choices and is better with a probability of
    /// 0.8. Of several the strongest; among equals the earliest. Only an evaluated text can be built upon, and the fittest
    /// must be one of the programs that take part.
    pub fn clearly_preferred<'a>(&self, history: &'a [Candidate], fittest: &Candidate) -> Option<&'a Candidate> {
        let other = self.place(&fittest.program.hash())?;
        let mut best: Option<(&Candidate, f64)> = None;
        for candidate in history {
            let text = matches!(candidate.program, Program::Source { .. });
            let item = self.place(&candidate.program.hash());
            let Some(item) = item.filter(|_| text && candidate.fitness().is_some()) else {
                continue;
            };
            let (standing, chance) = (self.ranking.standing(item), self.ranking.chance(item, other));
            let directly = 2.0 * chance.won > chance.direct as f64 && chance.stronger > 0.5;
            let surely = chance.stronger >= CLEARLY && standing.comparisons >= ENOUGH_CHOICES;
            if (directly || surely) && best.is_none_or(|(_, strength)| standing.strength > strength) {
                best = Some((candidate, standing.strength));
            }
        }
        best.map(|(candidate, _)| candidate)
    }

    /// Programs in the order of their promise, `ranked`, moved by what people think of them: one on which they fully agree
    /// moves by half the field, and the one that they clearly prefer comes first. Where they said nothing, nothing moves.
    pub(crate) fn reordered<'a>(
        &self,
        ranked: Vec<&'a Candidate>,
        preferred: Option<&Candidate>,
    ) -> Vec<&'a Candidate> {
        let half = ranked.len() as f64 / 2.0;
        let mut placed: Vec<(f64, &Candidate)> = (0..)
            .zip(ranked)
            .map(|(place, candidate)| {
                let first = preferred.is_some_and(|preferred| preferred == candidate);
                let moved = f64::from(place) - half * self.word(&candidate.program.hash());
                (if first { f64::NEG_INFINITY } else { moved }, candidate)
            })
            .collect();
        placed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        placed.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn place(&self, program: &str) -> Option<usize> {
        self.programs.iter().position(|known| known == program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_environment::Evaluation;
    use carrot_run_record::{Driver, Evaluated, Outcome};

    use Verdict::{A, B, CannotTell, Tie};

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
        Opinions::new(&entries, [history[0].program.hash()])
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
    fn words_move_parents() {
        let history: Vec<Candidate> = (0..6).map(|index| candidate(index, 10.0 - f64::from(index))).collect();
        let order = |choices: &[(usize, usize, Verdict)], ratings: &[(usize, u64, bool)], preferred: Option<usize>| {
            let ranked = history.iter().collect();
            let preferred = preferred.map(|place| &history[place]);
            let moved = opinions(&history, choices, ratings).reordered(ranked, preferred);
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
}
