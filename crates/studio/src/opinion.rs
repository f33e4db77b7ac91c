//! What people have said so far, put in order: who is preferred, how surely, and which pair to show next.
//!
//! It is worked out where the record is read, because a ranking takes more than a frame once there are many candidates.

use std::collections::BTreeMap;

use carrot_preference::{Comparison, Decision, PRIOR_SD, Ranking, Standing};
use carrot_run_record::{Behaviour, Candidate, Feedback, FeedbackEntry, Outcome, Verdict};

/// So many of the fittest candidates take part in suggestions even where nobody has seen them yet. Whoever is asked should not
/// have to look at the worst.
const FITTEST: usize = 24;

/// From this probability of being the stronger one, a program counts as preferred where fitness says otherwise.
const CLEARLY: f64 = 0.8;

/// Half the width of a 95 % interval, in standard errors.
const WIDTH_95: f64 = 1.96;

/// Two candidates, each by generation and index.
pub type Pair = [(u32, u32); 2];

/// A program in the order of people's preference.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// SHA-256 of its text.
    pub program: String,
    /// What people call it, see [`Opinion::name`].
    pub name: String,
    /// The first candidate with this text.
    pub candidate: Option<(u32, u32)>,
    /// Strength (logits) and its 95 % interval.
    pub standing: Standing,
    /// Behaviours of it that were called good, and bad; of several ratings of one behaviour the last counts.
    pub ratings: (usize, usize),
    /// The task's fitness, where it was evaluated.
    pub fitness: Option<f64>,
    /// The fittest program that people clearly like less although its fitness is clearly higher.
    pub against: Option<String>,
}

/// What was said about programs, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    /// Programs that somebody compared or rated, most preferred first.
    pub ranked: Vec<Ranked>,
    /// The two evaluated candidates whose comparison would tell most, if there are two.
    pub next: Option<Pair>,
    /// Verdicts so far, of every kind.
    pub verdicts: usize,
    /// What people call each program that is a candidate, by its hash.
    names: BTreeMap<String, String>,
}

impl Opinion {
    /// Puts in order what was said about the programs of a run.
    pub fn new(candidates: &[Candidate], feedback: &[FeedbackEntry]) -> Self {
        let hashes: Vec<String> = candidates.iter().map(|candidate| candidate.program.hash()).collect();
        let mut items = Items::new(candidates, &hashes);
        let mut comparisons = Vec::new();
        let mut undecided: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut rated: BTreeMap<&Behaviour, (usize, bool)> = BTreeMap::new();
        for entry in feedback {
            match &entry.feedback {
                Feedback::Preference { a, b, verdict } => {
                    let (first, second) = (items.place(&a.program), items.place(&b.program));
                    let decision = match verdict {
                        Verdict::A => Decision::First,
                        Verdict::B => Decision::Second,
                        Verdict::Tie => Decision::Tie,
                        Verdict::CannotTell => {
                            *undecided.entry((first.min(second), first.max(second))).or_default() += 1;
                            Decision::CannotTell
                        }
                    };
                    comparisons.push(Comparison {
                        first,
                        second,
                        decision,
                    });
                }
                Feedback::Rating { of, good } => {
                    rated.insert(of, (items.place(&of.program), *good));
                }
                Feedback::Comment { .. } | Feedback::Edit { .. } => {}
            }
        }
        let mut opinion = Self {
            verdicts: comparisons.len(),
            ..Self::default()
        };
        for (hash, candidate) in hashes.iter().zip(candidates) {
            let name = format!("g{}c{}", candidate.generation, candidate.index);
            opinion.names.entry(hash.clone()).or_insert(name);
        }
        let mut ratings = vec![(0, 0); items.programs.len()];
        for (item, good) in rated.into_values() {
            match good {
                true => ratings[item].0 += 1,
                false => ratings[item].1 += 1,
            }
        }
        let ranking = Ranking::new(items.programs.len(), &comparisons, PRIOR_SD);
        let spoken_of = |item: &usize| ranking.standing(*item).comparisons > 0 || ratings[*item] != (0, 0);
        let seen: Vec<usize> = ranking.order().into_iter().filter(spoken_of).collect();
        let ranked = seen.iter().map(|&item| Ranked {
            program: items.programs[item].clone(),
            name: opinion.name(&items.programs[item]),
            candidate: items.candidate(item).map(id),
            standing: ranking.standing(item),
            ratings: ratings[item],
            fitness: items.candidate(item).and_then(Candidate::fitness),
            against: items
                .fitter_but_weaker(item, &seen, &ranking)
                .map(|other| opinion.name(&items.programs[other])),
        });
        opinion.ranked = ranked.collect();
        opinion.next = items.next_pair(&ranking, &undecided);
        opinion
    }

    /// What people call a program: the first candidate with this text (`g0c1`), else `edit` and the beginning of its hash, as in
    /// prompts.
    pub fn name(&self, hash: &str) -> String {
        match self.names.get(hash) {
            Some(name) => name.clone(),
            None => format!("edit {}", hash.get(..8).unwrap_or(hash)),
        }
    }
}

fn id(candidate: &Candidate) -> (u32, u32) {
    (candidate.generation, candidate.index)
}

/// The programs that take part, the fittest first, then others as they were first spoken of.
struct Items<'a> {
    programs: Vec<String>,
    /// The first candidate of each program; an evaluated one where there is one.
    candidates: BTreeMap<String, &'a Candidate>,
}

impl<'a> Items<'a> {
    fn new(candidates: &'a [Candidate], hashes: &[String]) -> Self {
        let mut known: BTreeMap<String, &Candidate> = BTreeMap::new();
        for (hash, candidate) in hashes.iter().zip(candidates) {
            let first = known.entry(hash.clone()).or_insert(candidate);
            if first.fitness().is_none() && candidate.fitness().is_some() {
                *first = candidate;
            }
        }
        let mut fittest: Vec<(&String, f64, (u32, u32))> = known
            .iter()
            .filter_map(|(hash, candidate)| Some((hash, candidate.fitness()?, id(candidate))))
            .collect();
        fittest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.cmp(&b.2)));
        fittest.truncate(FITTEST);
        Self {
            programs: fittest.into_iter().map(|(hash, ..)| hash.clone()).collect(),
            candidates: known,
        }
    }

    fn place(&mut self, program: &str) -> usize {
        let found = self.programs.iter().position(|known| known == program);
        found.unwrap_or_else(|| {
            self.programs.push(program.to_owned());
            self.programs.len() - 1
        })
    }

    fn candidate(&self, item: usize) -> Option<&'a Candidate> {
        self.candidates.get(&self.programs[item]).copied()
    }

    /// As [`Ranking::next_pair`], among those that have a policy to show. A pair that could not be told apart waits: each time
    /// counts as if it would tell that much less.
    fn next_pair(&self, ranking: &Ranking, undecided: &BTreeMap<(usize, usize), usize>) -> Option<Pair> {
        let shown = |item: usize| ranking.standing(item).comparisons;
        let items: Vec<(usize, usize, (u32, u32))> = (0..self.programs.len())
            .filter_map(|item| {
                let candidate = self.candidate(item)?;
                candidate.fitness()?;
                Some((item, shown(item), id(candidate)))
            })
            .collect();
        let mut best: Option<(f64, usize, Pair)> = None;
        for (place, &(a, a_shown, a_id)) in items.iter().enumerate() {
            for &(b, b_shown, b_id) in &items[place + 1..] {
                let failures = undecided.get(&(a.min(b), a.max(b))).copied().unwrap_or(0);
                let gain = ranking.information(a, b) / (1 + failures) as f64;
                let shown = a_shown + b_shown;
                let better = match &best {
                    None => true,
                    Some((most, least, _)) => gain > most + 1e-9 || ((gain - most).abs() <= 1e-9 && shown < *least),
                };
                if better {
                    best = Some((gain, shown, [a_id, b_id]));
                }
            }
        }
        best.map(|(_, _, pair)| pair)
    }

    /// The fittest of `seen` that `item` is clearly preferred to, though it is clearly fitter.
    fn fitter_but_weaker(&self, item: usize, seen: &[usize], ranking: &Ranking) -> Option<usize> {
        let (fitness, error) = judged(self.candidate(item)?)?;
        let fitter = seen.iter().filter_map(|&other| {
            let (more, other_error) = judged(self.candidate(other)?)?;
            let clearly = more - fitness > WIDTH_95 * error.hypot(other_error);
            let preferred = ranking.chance(item, other).stronger >= CLEARLY;
            (clearly && preferred).then_some((other, more))
        });
        fitter.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(other, _)| other)
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
