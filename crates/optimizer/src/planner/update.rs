//! From the returns of rollouts to the next plan.
//!
//! Returns are minus infinity where the simulation diverged; such a rollout never counts, and where none is left the plan
//! stays as it was. Sums run in the order of the rollouts, so that a plan depends on nothing else.

use super::settings::{PlanSettings, PlannerKind};

/// Changes a plan by what its rollouts were worth.
///
/// Shapes: `candidates` is `[M, K·A]`, `returns` `[M]`, `mean` (the plan) and `deviation` (of the noise, for the next iteration)
/// `[K·A]`; `order` is room for M numbers.
pub(crate) fn update(
    settings: &PlanSettings,
    candidates: &[f64],
    returns: &[f64],
    mean: &mut [f64],
    deviation: &mut [f64],
    order: &mut Vec<usize>,
) {
    order.clear();
    order.extend((0..returns.len()).filter(|&rollout| returns[rollout].is_finite()));
    if order.is_empty() {
        return;
    }
    let size = mean.len();
    let candidate = |rollout: usize| &candidates[rollout * size..(rollout + 1) * size];
    match settings.planner {
        PlannerKind::Sampling => mean.copy_from_slice(candidate(best(order, returns))),
        PlannerKind::Mppi => {
            let count = order.len() as f64;
            let average = order.iter().map(|&rollout| returns[rollout]).sum::<f64>() / count;
            let squares: f64 = order.iter().map(|&rollout| (returns[rollout] - average).powi(2)).sum();
            let scale = settings.temperature * (squares / count).sqrt();
            let highest = returns[best(order, returns)];
            mean.fill(0.0);
            let mut total = 0.0;
            for &rollout in order.iter() {
                // Where all are equal, all weigh the same.
                let below = highest - returns[rollout];
                let weight = if below > 0.0 { libm::exp(-below / scale) } else { 1.0 };
                total += weight;
                for (sum, value) in mean.iter_mut().zip(candidate(rollout)) {
                    *sum += weight * value;
                }
            }
            mean.iter_mut().for_each(|sum| *sum /= total);
        }
        PlannerKind::Cem => {
            // Stable: of equal returns the first counts.
            order.sort_by(|&a, &b| returns[b].total_cmp(&returns[a]));
            order.truncate(settings.elites);
            let count = order.len() as f64;
            for index in 0..size {
                let values = order.iter().map(|&rollout| candidate(rollout)[index]);
                let average = values.clone().sum::<f64>() / count;
                let squares: f64 = values.map(|value| (value - average).powi(2)).sum();
                mean[index] = average;
                deviation[index] = (squares / count).sqrt().max(settings.noise_floor);
            }
        }
    }
}

/// The first of the rollouts with the highest return.
fn best(rollouts: &[usize], returns: &[f64]) -> usize {
    let better = |best: usize, &other: &usize| if returns[other] > returns[best] { other } else { best };
    rollouts[1..].iter().fold(rollouts[0], better)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One knot of one number: mean and deviation after an update.
    fn after(planner: PlannerKind, candidates: &[f64], returns: &[f64]) -> [f64; 2] {
        let settings = PlanSettings {
            planner,
            elites: 2,
            temperature: 1.0,
            noise_floor: 0.1,
            ..PlanSettings::default()
        };
        let (mut mean, mut deviation) = ([9.0], [8.0]);
        update(
            &settings,
            candidates,
            returns,
            &mut mean,
            &mut deviation,
            &mut Vec::new(),
        );
        [mean[0], deviation[0]]
    }

    #[test]
    fn updates_by_hand() {
        const WORST: f64 = f64::NEG_INFINITY;
        // Returns 0 and 2 have deviation 1: weights e^-2 and 1.
        let weighted = (1.0 * (-2.0_f64).exp() + 3.0) / ((-2.0_f64).exp() + 1.0);
        for (planner, candidates, returns, expected) in [
            (PlannerKind::Sampling, [1.0, 2.0, 3.0], [0.0, 5.0, 5.0], [2.0, 8.0]),
            (PlannerKind::Sampling, [1.0, 2.0, 3.0], [WORST, WORST, -7.0], [3.0, 8.0]),
            (PlannerKind::Mppi, [1.0, 2.0, 3.0], [0.0, WORST, 2.0], [weighted, 8.0]),
            (PlannerKind::Mppi, [1.0, 2.0, 6.0], [4.0, 4.0, 4.0], [3.0, 8.0]),
            (PlannerKind::Cem, [1.0, 2.0, 4.0], [1.0, 3.0, 2.0], [3.0, 1.0]),
            (PlannerKind::Cem, [1.0, 1.0, 4.0], [1.0, 1.0, 1.0], [1.0, 0.1]),
            (PlannerKind::Cem, [1.0, 2.0, 4.0], [WORST, 3.0, WORST], [2.0, 0.1]),
        ] {
            let [mean, deviation] = after(planner, &candidates, &returns);
            assert!(
                (mean - expected[0]).abs() < 1e-12 && deviation == expected[1],
                "{planner:?} {returns:?}: {mean}, {deviation}"
            );
        }
        for planner in [PlannerKind::Sampling, PlannerKind::Mppi, PlannerKind::Cem] {
            assert_eq!(after(planner, &[1.0, 2.0], &[WORST, WORST]), [9.0, 8.0], "{planner:?}");
        }
    }
}
