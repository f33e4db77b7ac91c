//! Rankings with known answers.

use carrot_preference::{Comparison, Decision, PRIOR_SD, Ranking};

use Decision::{CannotTell, First, Second, Tie};

fn choices(list: &[(usize, usize, Decision)]) -> Vec<Comparison> {
    let comparison = |&(first, second, decision): &(usize, usize, Decision)| Comparison {
        first,
        second,
        decision,
    };
    list.iter().map(comparison).collect()
}

fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Numbers that look random, from a seed (xorshift64*); a test of this crate needs no generator of its own.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() * limit as f64) as usize
    }
}

fn simulated(strengths: &[f64], count: usize, seed: u64) -> Vec<Comparison> {
    let mut numbers = Numbers(seed);
    let draw = |_| loop {
        let (first, second) = (numbers.below(strengths.len()), numbers.below(strengths.len()));
        if first == second {
            continue;
        }
        let decision = match numbers.next() < logistic(strengths[first] - strengths[second]) {
            true => First,
            false => Second,
        };
        return Comparison {
            first,
            second,
            decision,
        };
    };
    (0..count).map(draw).collect()
}

/// Any pair may be asked.
fn next_pair(ranking: &Ranking) -> Option<(usize, usize)> {
    ranking.next_pair(|_, _| Some(1.0))
}

#[test]
fn one_choice_by_hand() {
    // Strengths are ±d/2. With one win and prior variance 1: 1 − σ(d) = d/2, hence d = 0.675 (1 − σ(0.675) = 0.3374).
    // The difference has precision σ(1 − σ) + 1/2 = 0.2236 + 0.5, hence variance 1.382; the sum keeps its prior variance 2.
    let ranking = Ranking::new(2, &choices(&[(0, 1, First)]), 1.0);
    let (winner, loser) = (ranking.standing(0), ranking.standing(1));
    close(winner.strength - loser.strength, 0.675, 5e-4);
    close(1.0 - logistic(2.0 * winner.strength), winner.strength, 1e-12);
    close(winner.strength, -loser.strength, 1e-15);
    close(winner.standard_error, ((1.382_f64 + 2.0) / 4.0).sqrt(), 1e-3);
    close(winner.interval[0], winner.strength - 1.96 * winner.standard_error, 1e-4);
    close(winner.interval[1], winner.strength + 1.96 * winner.standard_error, 1e-4);
    let chance = ranking.chance(0, 1);
    close(chance.preferred, 0.6626, 1e-3);
    close(chance.stronger, 0.7171, 1e-3); // Φ(0.675 / √1.382) = Φ(0.574)
    close(chance.interval[0], logistic(0.675 - 1.96 * 1.382_f64.sqrt()), 1e-3);
    close(winner.above_average, 0.6430, 1e-3); // Φ(0.3375 / 0.9196)
    assert_eq!((chance.direct, chance.won, winner.comparisons), (1, 1.0, 1));
    assert_eq!(ranking.chance(1, 0).won, 0.0);
    // A second choice of the same kind: 2(1 − σ(d)) = d/2, hence d = 1.0426.
    let ranking = Ranking::new(2, &choices(&[(0, 1, First), (1, 0, Second)]), 1.0);
    close(
        ranking.standing(0).strength - ranking.standing(1).strength,
        1.0426,
        1e-4,
    );
    assert_eq!(ranking.chance(0, 1).direct, 2);
}

#[test]
fn nothing_chosen_is_the_prior() {
    for list in [
        vec![],
        choices(&[(0, 1, CannotTell), (2, 1, CannotTell)]),
        choices(&[(1, 1, First)]),
    ] {
        let ranking = Ranking::new(3, &list, 2.0);
        for item in 0..3 {
            let standing = ranking.standing(item);
            assert_eq!((standing.strength, standing.comparisons), (0.0, 0));
            close(standing.standard_error, 2.0, 1e-15);
            assert_eq!(ranking.chance(item, (item + 1) % 3).preferred, 0.5);
        }
        assert_eq!((ranking.order(), next_pair(&ranking)), (vec![0, 1, 2], Some((0, 1))));
    }
    for items in [0, 1] {
        let ranking = Ranking::new(items, &[], PRIOR_SD);
        assert_eq!((ranking.items(), next_pair(&ranking)), (items, None));
    }
    assert_eq!(Ranking::new(1, &[], 1.0).chance(0, 0).stronger, 0.5);
}

#[test]
fn a_tie_is_half_a_choice_for_each() {
    let tied = Ranking::new(2, &choices(&[(0, 1, Tie), (0, 1, Tie)]), 1.0);
    let split = Ranking::new(2, &choices(&[(0, 1, First), (0, 1, Second)]), 1.0);
    for item in 0..2 {
        assert_eq!(tied.standing(item), split.standing(item));
        assert_eq!(tied.chance(item, 1 - item).won, 1.0);
        assert_eq!(tied.standing(item).strength, 0.0);
    }
    // It does say something: that they are close. Precision of the difference 2·¼ + ½ = 1.
    close(tied.chance(0, 1).interval[1], logistic(1.96), 1e-4);
    close(
        Ranking::new(2, &[], 1.0).chance(0, 1).interval[1],
        logistic(1.96 * 2.0_f64.sqrt()),
        1e-4,
    );
}

/// Strengths, standard errors and `stronger(0, 1)` by SciPy 1.17, for prior deviations 1 and 3:
///
/// ```python
/// import numpy as np
/// from scipy.optimize import root
/// from scipy.stats import norm
/// wins = {(0, 1): 3, (1, 0): 1, (0, 2): 1.5, (2, 0): 0.5, (1, 2): 2, (2, 1): 1, (2, 3): 4, (3, 4): 0.5, (4, 3): 0.5}
/// p = lambda s, i, j: 1 / (1 + np.exp(s[j] - s[i]))
/// e = lambda i, j: np.eye(5)[i] - np.eye(5)[j]
/// for sd in (1.0, 3.0):
///     slope = lambda s: sum(w * p(s, j, i) * e(i, j) for (i, j), w in wins.items()) - s / sd**2
///     s = root(slope, np.zeros(5), tol=1e-14).x
///     h = np.eye(5) / sd**2 + sum(w * p(s, i, j) * p(s, j, i) * np.outer(e(i, j), e(i, j)) for (i, j), w in wins.items())
///     v = np.linalg.inv(h)
///     print(s, np.sqrt(np.diag(v)), norm.cdf((s[0] - s[1]) / np.sqrt(v[0, 0] + v[1, 1] - 2 * v[0, 1])))
/// ```
#[test]
fn agrees_with_scipy() {
    let list = choices(&[
        (0, 1, First),
        (1, 0, Second),
        (0, 1, First),
        (0, 1, Second),
        (0, 2, First),
        (2, 0, Tie),
        (1, 2, First),
        (2, 1, Second),
        (1, 2, Second),
        (2, 3, First),
        (3, 2, Second),
        (2, 3, First),
        (2, 3, First),
        (3, 4, Tie),
        (4, 0, CannotTell),
    ]);
    for (sd, strengths, errors, stronger) in SCIPY {
        let ranking = Ranking::new(5, &list, sd);
        for item in 0..5 {
            close(ranking.standing(item).strength, strengths[item], 1e-8);
            close(ranking.standing(item).standard_error, errors[item], 1e-8);
        }
        close(ranking.chance(0, 1).stronger, stronger, 1e-8);
        close(ranking.chance(1, 0).stronger, 1.0 - stronger, 1e-8);
    }
}

type Oracle = (f64, [f64; 5], [f64; 5], f64);
const SCIPY: [Oracle; 2] = [
    (
        1.0,
        [
            0.698_123_191,
            0.122_415_702,
            0.205_262_108,
            -0.859_238_880,
            -0.166_562_120,
        ],
        [
            0.733_371_705,
            0.710_430_096,
            0.671_637_669,
            0.763_971_330,
            0.915_127_169,
        ],
        0.774_690_826,
    ),
    (
        3.0,
        [
            1.682_655_370,
            0.833_525_518,
            0.553_137_072,
            -1.819_812_361,
            -1.249_505_600,
        ],
        [
            1.650_277_159,
            1.609_421_917,
            1.558_205_866,
            1.720_547_370,
            2.067_362_775,
        ],
        0.818_068_854,
    ),
];

#[test]
fn known_strengths_are_found_again() {
    let truth = [1.5, 0.8, 0.2, -0.1, -0.9, -1.5];
    let (mut inside, mut all) = (0, 0);
    for seed in 1..=40 {
        let ranking = Ranking::new(6, &simulated(&truth, 400, seed), 3.0);
        assert_eq!(ranking.order()[0], 0);
        for item in 0..6 {
            let standing = ranking.standing(item);
            close(standing.strength, truth[item], 1.2);
            // A true strength differs from the others; the common level is the prior's.
            let difference = standing.strength - ranking.standing(0).strength;
            let chance = ranking.chance(item, 0);
            close(chance.preferred, logistic(difference), 1e-12);
            if item > 0 {
                all += 1;
                let expected = logistic(truth[item] - truth[0]);
                inside += usize::from(chance.interval[0] <= expected && expected <= chance.interval[1]);
            }
        }
    }
    // 95 % intervals hold the truth in about 95 % of the cases; 200 of them hold it in 182 to 198 almost surely.
    assert!((182..=199).contains(&inside), "{inside} of {all}");
    // With many choices little is left to chance.
    let ranking = Ranking::new(6, &simulated(&truth, 60_000, 7), 3.0);
    for item in 0..6 {
        close(
            ranking.standing(item).strength - ranking.standing(3).strength,
            truth[item] - truth[3],
            0.1,
        );
    }
    assert_eq!(ranking.order(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn neither_names_nor_sides_nor_order_matter() {
    let list = simulated(&[0.7, 0.1, -0.2, -0.6, 0.0], 60, 3);
    let ranking = Ranking::new(5, &list, 1.0);
    let other_side: Vec<Comparison> = list
        .iter()
        .map(|comparison| Comparison {
            first: comparison.second,
            second: comparison.first,
            decision: match comparison.decision {
                First => Second,
                Second => First,
                same => same,
            },
        })
        .collect();
    let backwards: Vec<Comparison> = list.iter().rev().copied().collect();
    for same in [other_side, backwards] {
        let same = Ranking::new(5, &same, 1.0);
        assert!((0..5).all(|item| same.standing(item) == ranking.standing(item)));
        assert_eq!(next_pair(&same), next_pair(&ranking));
    }
    // Renamed: item i becomes 4 − i.
    let renamed: Vec<Comparison> = list
        .iter()
        .map(|comparison| Comparison {
            first: 4 - comparison.first,
            second: 4 - comparison.second,
            ..*comparison
        })
        .collect();
    let renamed = Ranking::new(5, &renamed, 1.0);
    for item in 0..5 {
        close(
            renamed.standing(4 - item).strength,
            ranking.standing(item).strength,
            1e-12,
        );
        close(
            renamed.standing(4 - item).standard_error,
            ranking.standing(item).standard_error,
            1e-12,
        );
        for other in 0..5 {
            let (there, here) = (renamed.chance(4 - item, 4 - other), ranking.chance(item, other));
            close(there.stronger, here.stronger, 1e-12);
            close(here.preferred, 1.0 - ranking.chance(other, item).preferred, 1e-12);
        }
    }
    let total: f64 = (0..5).map(|item| ranking.standing(item).strength).sum();
    close(total, 0.0, 1e-12);
}

#[test]
fn groups_that_never_met_are_joined_by_the_prior_alone() {
    let list = choices(&[(0, 1, First), (0, 1, First), (2, 3, First), (2, 3, First)]);
    let ranking = Ranking::new(5, &list, 1.0);
    close(ranking.standing(0).strength, ranking.standing(2).strength, 1e-12);
    close(ranking.chance(0, 2).stronger, 0.5, 1e-9);
    assert!(ranking.chance(0, 1).stronger > 0.8);
    assert_eq!(ranking.order(), [0, 2, 4, 1, 3]);
    // Nothing is known of how the groups stand to each other.
    let within = ranking.chance(0, 1).interval;
    let between = ranking.chance(0, 2).interval;
    assert!(between[1] - between[0] > within[1] - within[0]);
}

#[test]
fn the_next_question_is_the_one_that_tells_most() {
    for (list, expected, why) in [
        (vec![(0, 1, First)], (0, 2), "what was never shown"),
        (
            vec![(0, 1, First), (0, 2, First), (1, 2, First)],
            (1, 3),
            "what was never shown, against the middling one, since either may win",
        ),
        (
            vec![(0, 1, First), (0, 1, First), (2, 3, First), (2, 3, First)],
            (0, 2),
            "the winners of two groups: either may be the stronger",
        ),
        (
            [
                vec![(0, 1, First); 9],
                vec![(2, 3, First), (2, 3, Second)],
                vec![(0, 3, First); 9],
                vec![(0, 2, First); 9],
            ]
            .concat(),
            (1, 2),
            "not what is settled, nor what was asked already",
        ),
    ] {
        let items = if list.len() == 1 { 3 } else { 4 };
        let ranking = Ranking::new(items, &choices(&list), 1.0);
        assert_eq!(next_pair(&ranking), Some(expected), "{why}");
        let (a, b) = expected;
        assert!((0..items).all(|i| (0..items).all(|j| ranking.information(i, j) <= ranking.information(a, b) + 1e-8)));
    }
}

#[test]
fn asking_what_tells_most_finds_the_best_sooner_than_asking_at_random() {
    let truth = [-1.2, -0.6, 0.0, 0.4, 0.9, 1.6];
    let sure_of_the_best = |asked: &dyn Fn(&Ranking, &mut Numbers) -> (usize, usize), seed: u64| {
        let (mut numbers, mut list) = (Numbers(seed), Vec::new());
        for count in 1..400 {
            let ranking = Ranking::new(6, &list, PRIOR_SD);
            if (0..5).all(|other| ranking.chance(5, other).stronger > 0.9) {
                return count;
            }
            let (first, second) = asked(&ranking, &mut numbers);
            let decision = match numbers.next() < logistic(truth[first] - truth[second]) {
                true => First,
                false => Second,
            };
            list.push(Comparison {
                first,
                second,
                decision,
            });
        }
        400
    };
    let informed = |ranking: &Ranking, _: &mut Numbers| next_pair(ranking).unwrap();
    let random = |_: &Ranking, numbers: &mut Numbers| {
        let first = numbers.below(6);
        (first, (first + 1 + numbers.below(5)) % 6)
    };
    let sum = |asked: &dyn Fn(&Ranking, &mut Numbers) -> (usize, usize)| -> usize {
        (1..=30).map(|seed| sure_of_the_best(asked, seed)).sum()
    };
    let (informed, random) = (sum(&informed), sum(&random));
    assert!(informed < random, "{informed} questions against {random}");
}

#[test]
fn one_sided_choices_in_their_thousands_stay_finite() {
    let list = vec![
        Comparison {
            first: 0,
            second: 1,
            decision: First,
        };
        100_000
    ];
    for sd in [0.1, 1.0, 100.0] {
        let ranking = Ranking::new(2, &list, sd);
        let strength = ranking.standing(0).strength;
        // At the mode the pull of the choices is that of the prior: n·(1 − σ(2s)) = s / sd².
        let pull = 1e5 * logistic(-2.0 * strength) * sd * sd;
        close(pull / strength, 1.0, 1e-6);
        // Under a prior as wide as 100 logits the mode says little about who is the stronger, and the approximation shows it.
        assert!(ranking.chance(0, 1).stronger > if sd < 10.0 { 0.999 } else { 0.5 });
    }
}

#[test]
fn thousands_of_choices_take_little_time() {
    let truth: Vec<f64> = (0..100).map(|item| f64::from(item) / 30.0 - 1.65).collect();
    let list = simulated(&truth, 20_000, 11);
    let started = std::time::Instant::now();
    let ranking = Ranking::new(100, &list, 1.0);
    next_pair(&ranking).unwrap();
    // Milliseconds; the bound is for busy machines.
    assert!(started.elapsed().as_secs_f64() < 1.0, "{:?}", started.elapsed());
    assert!(ranking.order()[..10].iter().all(|&item| item >= 75));
}

#[test]
#[should_panic(expected = "there are only 2 items")]
fn an_item_that_is_not_there_is_our_own_bug() {
    Ranking::new(2, &choices(&[(0, 2, First)]), 1.0);
}
