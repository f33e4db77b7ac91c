//! What choices and ratings say about programs.

use std::collections::BTreeMap;

use carrot_run_record::{Behaviour, Candidate, Feedback, FeedbackEntry, Outcome, Program, Verdict, edit_name};

use crate::ranking::{Comparison, Decision, PRIOR_SD, Ranking, Standing, WIDTH_95};

/// From this probability of being the better one a program counts as clearly preferred.
const CLEARLY: f64 = 0.8;

/// A program that was never set against the fittest needs this many choices before it can count as clearly preferred.
const ENOUGH_CHOICES: usize = 2;

/// So many of the fittest candidates take part even where nobody has seen them yet. Whoever is asked should not have to look
/// at the worst.
const FITTEST: usize = 24;

/// What people's choices and ratings say about programs, each known by the hash of its text.
///
/// Choices between behaviours of two programs rank the programs by the Bradley–Terry model; a tie counts as half a choice
/// for each, and choices between two behaviours of one program say nothing about programs. Of several ratings of one
/// behaviour the last counts. The fittest candidates take part even where nothing was said about them, which changes nothing
/// for the others.
#[derive(Debug, Clone)]
pub struct Opinions {
    /// The fittest first, then those that a choice or a rating is about, in the order of their first mention.
    programs: Vec<ProgramOpinion>,
    ranking: Ranking,
    /// How often two could not be told apart, the smaller place first.
    undecided: BTreeMap<(usize, usize), usize>,
    /// The two that were shown last.
    last: Option<(usize, usize)>,
    choices: usize,
}

/// What is known of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramOpinion {
    /// SHA-256 of its text.
    pub program: String,
    /// What people call it: the first candidate with this text (`g0c1`), else `edit` and the beginning of the hash.
    pub name: String,
    /// The first candidate with this text; an evaluated one where there is one.
    pub candidate: Option<(u32, u32)>,
    /// Mean fitness and its standard error, where it was evaluated.
    pub fitness: Option<(f64, f64)>,
    /// Strength and its uncertainty, in logits.
    pub standing: Standing,
    /// Behaviours of it that were called good, and bad.
    pub ratings: (usize, usize),
}

impl Opinions {
    /// Reads what was said about the programs of a run.
    pub fn new(candidates: &[Candidate], entries: &[FeedbackEntry]) -> Self {
        let mut items = Items::new(candidates);
        let (mut comparisons, mut undecided, mut last) = (Vec::new(), BTreeMap::new(), None);
        let mut rated: BTreeMap<&Behaviour, (usize, bool)> = BTreeMap::new();
        for entry in entries {
            match &entry.feedback {
                Feedback::Preference { a, b, verdict } => {
                    let (first, second) = (items.place(&a.program), items.place(&b.program));
                    let pair = (first.min(second), first.max(second));
                    last = Some(pair);
                    if *verdict == Verdict::CannotTell {
                        *undecided.entry(pair).or_default() += 1;
                    }
                    comparisons.push(Comparison {
                        first,
                        second,
                        decision: match verdict {
                            Verdict::A => Decision::First,
                            Verdict::B => Decision::Second,
                            Verdict::Tie => Decision::Tie,
                            Verdict::CannotTell => Decision::CannotTell,
                        },
                    });
                }
                Feedback::Rating { of, good } => {
                    rated.insert(of, (items.place(&of.program), *good));
                }
                Feedback::Comment { .. } | Feedback::Edit { .. } => {}
            }
        }
        let ranking = Ranking::new(items.programs.len(), &comparisons, PRIOR_SD);
        let mut ratings = vec![(0, 0); items.programs.len()];
        for (item, good) in rated.into_values() {
            match good {
                true => ratings[item].0 += 1,
                false => ratings[item].1 += 1,
            }
        }
        let opinion = |(item, (program, ratings)): (usize, (String, (usize, usize)))| {
            let candidate = items.candidates.get(&program);
            ProgramOpinion {
                name: items
                    .names
                    .get(&program)
                    .cloned()
                    .unwrap_or_else(|| edit_name(&program)),
                candidate: candidate.map(|candidate| candidate.id()),
                fitness: candidate.and_then(|candidate| judged(candidate)),
                standing: ranking.standing(item),
                ratings,
                program,
            }
        };
        let programs = items.programs.into_iter().zip(ratings).enumerate().map(opinion);
        Self {
            programs: programs.collect(),
            choices: comparisons.len(),
            undecided,
            last,
            ranking,
        }
    }

    /// All programs that take part, most preferred first.
    pub fn standings(&self) -> Vec<&ProgramOpinion> {
        let order = self.ranking.order().into_iter();
        order.map(|item| &self.programs[item]).collect()
    }

    /// Those that somebody compared or rated, most preferred first.
    pub fn spoken_of(&self) -> Vec<&ProgramOpinion> {
        let mut standings = self.standings();
        standings.retain(|opinion| opinion.standing.comparisons > 0 || opinion.ratings != (0, 0));
        standings
    }

    /// Choices so far, of every kind.
    pub fn choices(&self) -> usize {
        self.choices
    }

    /// The two evaluated candidates of which one more choice is expected to tell most; among equals the pair whose members were
    /// shown least, then the fitter. A pair that could not be told apart waits: each time counts as if it would tell that much
    /// less. The pair that was shown last waits for any other.
    pub fn next_pair(&self) -> Option<[(u32, u32); 2]> {
        let id = |item: usize| self.programs[item].fitness.and(self.programs[item].candidate);
        let (a, b) = self.ranking.next_pair(|a, b| {
            id(a).and(id(b))?;
            let failures = self.undecided.get(&(a, b)).copied().unwrap_or(0);
            Some(match self.last == Some((a, b)) {
                true => 0.0,
                false => 1.0 / (1 + failures) as f64,
            })
        })?;
        Some([id(a)?, id(b)?])
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
        let (good, bad) = self.programs[item].ratings;
        let rated = (good as f64 - bad as f64) / (good + bad + 1) as f64;
        let chosen = 2.0 * self.programs[item].standing.above_average - 1.0;
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
            let (standing, chance) = (self.programs[item].standing, self.ranking.chance(item, other));
            let directly = 2.0 * chance.won > chance.direct as f64 && chance.stronger > 0.5;
            let surely = chance.stronger >= CLEARLY && standing.comparisons >= ENOUGH_CHOICES;
            if (directly || surely) && best.is_none_or(|(_, strength)| standing.strength > strength) {
                best = Some((candidate, standing.strength));
            }
        }
        best.map(|(candidate, _)| candidate)
    }

    /// The fittest program that people clearly like less than this one, although its fitness is clearly higher: fitness may miss
    /// what they care about.
    pub fn fitter_but_weaker(&self, program: &ProgramOpinion) -> Option<&ProgramOpinion> {
        let (fitness, error) = program.fitness?;
        let fitter = self.spoken_of().into_iter().filter(|other| {
            let clearly = |(more, other_error): (f64, f64)| more - fitness > WIDTH_95 * error.hypot(other_error);
            other.fitness.is_some_and(clearly) && self.better(&program.program, &other.program) >= Some(CLEARLY)
        });
        let mean = |other: &ProgramOpinion| other.fitness.map_or(f64::NEG_INFINITY, |(mean, _)| mean);
        fitter.max_by(|a, b| mean(a).total_cmp(&mean(b)))
    }

    fn place(&self, program: &str) -> Option<usize> {
        self.programs.iter().position(|known| known.program == program)
    }
}

/// The programs that take part.
struct Items<'a> {
    programs: Vec<String>,
    candidates: BTreeMap<String, &'a Candidate>,
    names: BTreeMap<String, String>,
}

impl<'a> Items<'a> {
    fn new(candidates: &'a [Candidate]) -> Self {
        let mut known: BTreeMap<String, &Candidate> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for candidate in candidates {
            let hash = candidate.program.hash();
            names.entry(hash.clone()).or_insert_with(|| candidate.name());
            let first = known.entry(hash).or_insert(candidate);
            if first.fitness().is_none() && candidate.fitness().is_some() {
                *first = candidate;
            }
        }
        let mut fittest: Vec<(&String, f64, (u32, u32))> = known
            .iter()
            .filter_map(|(hash, candidate)| Some((hash, candidate.fitness()?, candidate.id())))
            .collect();
        fittest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.cmp(&b.2)));
        fittest.truncate(FITTEST);
        Self {
            programs: fittest.into_iter().map(|(hash, ..)| hash.clone()).collect(),
            candidates: known,
            names,
        }
    }

    fn place(&mut self, program: &str) -> usize {
        let found = self.programs.iter().position(|known| known == program);
        found.unwrap_or_else(|| {
            self.programs.push(program.to_owned());
            self.programs.len() - 1
        })
    }
}

/// Mean fitness and its standard error.
fn judged(candidate: &Candidate) -> Option<(f64, f64)> {
    let Outcome::Evaluated(evaluated) = &candidate.outcome else {
        return None;
    };
    let evaluation = &evaluated.evaluation;
    let error = evaluation.fitness_sd / (evaluation.episodes.max(1) as f64).sqrt();
    Some((evaluation.fitness, error))
}
