//! Strengths from choices, with what is uncertain about them.

use std::cmp::Reverse;

use crate::cholesky::Cholesky;

/// How far strengths spread before anything was chosen, in logits: of two items drawn at random the better one is
/// then chosen in 72 % of the cases, which suits a person who looks at robots and sometimes sees no difference.
pub const PRIOR_SD: f64 = 1.0;

/// Half the width of a 95 % interval, in standard errors.
pub(crate) const WIDTH_95: f64 = 1.959_963_984_540_054;

/// Newton's method ends when no strength would move by more than this.
const TOLERANCE: f64 = 1e-12;

/// The objective is concave and smooth, and ten iterations usually do; the rest is for choices in their thousands.
const ITERATIONS: usize = 100;

/// Strengths (logits) and gains of information (nats) that differ by less are taken as equal, so that rounding decides
/// nothing.
const GRAIN: f64 = 1e-9;

/// What was chosen between two items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The first.
    First,
    /// The second.
    Second,
    /// Both are equally good: half a choice for each.
    Tie,
    /// They cannot be compared; this counts for nothing.
    CannotTell,
}

/// One choice. An item against itself says nothing and counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Shown as the first.
    pub first: usize,
    /// Shown as the second.
    pub second: usize,
    /// What was chosen.
    pub decision: Decision,
}

/// What is known of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Logits above the average of all items: one that stands 1 higher than another is chosen over it in 73 % of the cases.
    pub strength: f64,
    /// Standard error of the strength.
    pub standard_error: f64,
    /// Ends of its 95 % interval.
    pub interval: [f64; 2],
    /// Probability that it is stronger than an average item.
    pub above_average: f64,
    /// Choices that it took part in and that count.
    pub comparisons: usize,
}

/// How two items stand to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// With which probability the one is chosen over the other, as far as is known.
    pub preferred: f64,
    /// Ends of the 95 % interval of `preferred`.
    pub interval: [f64; 2],
    /// Probability that the one really is the stronger.
    pub stronger: f64,
    /// Choices between just these two that count.
    pub direct: usize,
    /// How many of these the one won; a tie is half a win.
    pub won: f64,
}

/// A ranking by the Bradley–Terry model: `P(i chosen over j) = 1 / (1 + exp(strength[j] − strength[i]))`.
///
/// The strengths are the most probable ones under a Gaussian prior of mean 0, so that they exist whatever was chosen: also
/// for an item that always won, was never shown, or belongs to a group that was never set against the others. Their
/// covariance is the inverse of the negative Hessian there (Laplace's approximation).
///
/// Source: Bradley and Terry 1952, "Rank analysis of incomplete block designs"; ties as half wins: Glenn and David 1960.
#[derive(Debug, Clone)]
pub struct Ranking {
    strengths: Vec<f64>,
    /// `[items, items]`.
    covariance: Vec<f64>,
    /// Choices that count between two items, `[items, items]`.
    counts: Vec<usize>,
    /// How often the row was chosen over the column, `[items, items]`.
    wins: Vec<f64>,
}

impl Ranking {
    /// Ranks `items` items by what was chosen, with a prior of standard deviation `prior_sd` (logits, above 0; [`PRIOR_SD`]
    /// suits people). Takes of order items³ + comparisons operations.
    ///
    /// Panics where a comparison names an item from `items` on.
    pub fn new(items: usize, comparisons: &[Comparison], prior_sd: f64) -> Self {
        let mut wins = vec![0.0; items * items];
        let mut counts = vec![0; items * items];
        for comparison in comparisons {
            let (first, second) = (comparison.first, comparison.second);
            assert!(
                first < items && second < items,
                "there are only {items} items: {comparison:?}"
            );
            let (won, lost) = match comparison.decision {
                Decision::First => (1.0, 0.0),
                Decision::Second => (0.0, 1.0),
                Decision::Tie => (0.5, 0.5),
                Decision::CannotTell => continue,
            };
            if first == second {
                continue;
            }
            wins[first * items + second] += won;
            wins[second * items + first] += lost;
            counts[first * items + second] += 1;
            counts[second * items + first] += 1;
        }
        let posterior = Posterior {
            items,
            wins,
            precision: 1.0 / (prior_sd * prior_sd),
        };
        let strengths = posterior.mode();
        let covariance = Cholesky::new(posterior.curvature(&strengths), items).inverse();
        Self {
            strengths,
            covariance,
            counts,
            wins: posterior.wins,
        }
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.strengths.len()
    }

    /// What is known of an item.
    pub fn standing(&self, item: usize) -> Standing {
        let (strength, standard_error) = (self.strengths[item], self.covariance(item, item).sqrt());
        Standing {
            strength,
            standard_error,
            interval: [-WIDTH_95, WIDTH_95].map(|width| strength + width * standard_error),
            above_average: normal(strength / standard_error),
            comparisons: (0..self.items()).map(|other| self.direct(item, other)).sum(),
        }
    }

    /// How `item` stands to `other`. An item stands even to itself.
    pub fn chance(&self, item: usize, other: usize) -> Chance {
        let difference = self.strengths[item] - self.strengths[other];
        let sd = self.variance_of_difference(item, other).sqrt();
        Chance {
            preferred: logistic(difference),
            interval: [-WIDTH_95, WIDTH_95].map(|width| logistic(difference + width * sd)),
            stronger: match sd > 0.0 {
                true => normal(difference / sd),
                false => 0.5,
            },
            direct: self.direct(item, other),
            won: self.wins[item * self.items() + other],
        }
    }

    /// The items, strongest first; among equals the earlier one.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items()).collect();
        order.sort_by_key(|&item| Reverse((self.strengths[item] / GRAIN).round() as i64));
        order
    }

    /// The pair of which most is to be learned: the one whose answer is expected to tell most about who is the stronger,
    /// `½·ln(1 + p·(1 − p)·Var(strength[i] − strength[j]))` nats. That is large where either could win and little is
    /// known. `worth` weighs that for a pair, and gives none for one that cannot be asked. Among equals the pair whose items were
    /// shown least, then the earliest.
    pub fn next_pair(&self, worth: impl Fn(usize, usize) -> Option<f64>) -> Option<(usize, usize)> {
        let shown: Vec<usize> = (0..self.items()).map(|item| self.standing(item).comparisons).collect();
        let pairs = (0..self.items()).flat_map(|a| (a + 1..self.items()).map(move |b| (a, b)));
        let weighed = pairs.filter_map(|(a, b)| {
            let gain = worth(a, b)? * self.information(a, b);
            Some((
                (gain / GRAIN).round() as i64,
                Reverse(shown[a] + shown[b]),
                Reverse((a, b)),
            ))
        });
        weighed.max().map(|(_, _, Reverse(pair))| pair)
    }

    /// What one more choice between two items is expected to tell, in nats.
    pub fn information(&self, item: usize, other: usize) -> f64 {
        let preferred = self.chance(item, other).preferred;
        0.5 * libm::log1p(preferred * (1.0 - preferred) * self.variance_of_difference(item, other))
    }

    fn direct(&self, item: usize, other: usize) -> usize {
        self.counts[item * self.items() + other]
    }

    fn covariance(&self, item: usize, other: usize) -> f64 {
        self.covariance[item * self.items() + other]
    }

    fn variance_of_difference(&self, item: usize, other: usize) -> f64 {
        let sum = self.covariance(item, item) + self.covariance(other, other);
        (sum - 2.0 * self.covariance(item, other)).max(0.0)
    }
}

/// What the choices and the prior say about strengths.
struct Posterior {
    items: usize,
    /// How often the row was chosen over the column, `[items, items]`.
    wins: Vec<f64>,
    precision: f64,
}

impl Posterior {
    /// The most probable strengths, by Newton's method with halved steps where a whole one would go too far.
    fn mode(&self) -> Vec<f64> {
        let mut strengths = vec![0.0; self.items];
        let mut height = self.log_density(&strengths);
        for _ in 0..ITERATIONS {
            let step = Cholesky::new(self.curvature(&strengths), self.items).solve(&self.gradient(&strengths));
            if step.iter().all(|move_by| move_by.abs() <= TOLERANCE) {
                break;
            }
            let mut share = 1.0;
            let (next, next_height) = loop {
                let next: Vec<f64> = strengths.iter().zip(&step).map(|(at, by)| at + share * by).collect();
                let next_height = self.log_density(&next);
                if next_height >= height || share < TOLERANCE {
                    break (next, next_height);
                }
                share *= 0.5;
            };
            (strengths, height) = (next, next_height);
        }
        strengths
    }

    /// Up to a constant.
    fn log_density(&self, strengths: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (winner, loser, won) in self.won() {
            // ln σ(x) = −ln(1 + e^(−x)), written so that nothing overflows.
            let x = strengths[winner] - strengths[loser];
            sum += won * (x.min(0.0) - libm::log1p(libm::exp(-x.abs())));
        }
        let squares: f64 = strengths.iter().map(|at| at * at).sum();
        sum - 0.5 * self.precision * squares
    }

    fn gradient(&self, strengths: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = strengths.iter().map(|at| -self.precision * at).collect();
        for (winner, loser, won) in self.won() {
            let surprise = won * logistic(strengths[loser] - strengths[winner]);
            gradient[winner] += surprise;
            gradient[loser] -= surprise;
        }
        gradient
    }

    /// The negative Hessian, `[items, items]`.
    fn curvature(&self, strengths: &[f64]) -> Vec<f64> {
        let items = self.items;
        let mut curvature = vec![0.0; items * items];
        for item in 0..items {
            curvature[item * items + item] = self.precision;
        }
        for (a, b, won) in self.won() {
            let chance = logistic(strengths[a] - strengths[b]);
            let weight = won * chance * (1.0 - chance);
            curvature[a * items + a] += weight;
            curvature[b * items + b] += weight;
            curvature[a * items + b] -= weight;
            curvature[b * items + a] -= weight;
        }
        curvature
    }

    /// Winner, loser, and how often.
    fn won(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let pairs = (0..self.items).flat_map(|a| (0..self.items).map(move |b| (a, b)));
        pairs
            .map(|(a, b)| (a, b, self.wins[a * self.items + b]))
            .filter(|&(_, _, won)| won > 0.0)
    }
}

/// Probability that a standard normal number is below `x`.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn logistic(x: f64) -> f64 {
    let small = libm::exp(-x.abs());
    match x >= 0.0 {
        true => 1.0 / (1.0 + small),
        false => small / (1.0 + small),
    }
}
