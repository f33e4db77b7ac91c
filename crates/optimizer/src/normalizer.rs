//! Running means and deviations: observations reach the networks normalised, rewards reach the optimiser scaled.

use serde::{Deserialize, Serialize};

/// Limit of a normalised observation and of a scaled reward.
pub(crate) const CLIP: f32 = 10.0;

/// Number, mean and summed squared deviation of each column of everything seen so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl RunningMoments {
    /// Nothing seen yet.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            count: 0.0,
            mean: vec![0.0; columns],
            squares: vec![0.0; columns],
        }
    }

    /// Takes in `rows` (`[_, columns]`): their own moments first, then merged, which loses nothing to cancellation.
    ///
    /// Source: Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    pub(crate) fn update<T: Copy + Into<f64>>(&mut self, rows: &[T]) {
        let columns = self.mean.len();
        let count = (rows.len() / columns) as f64;
        if count == 0.0 {
            return;
        }
        let mut mean = vec![0.0; columns];
        for row in rows.chunks_exact(columns) {
            mean.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value.into());
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut squares = vec![0.0; columns];
        for row in rows.chunks_exact(columns) {
            for ((square, mean), &value) in squares.iter_mut().zip(&mean).zip(row) {
                let deviation: f64 = value.into() - mean;
                *square += deviation * deviation;
            }
        }
        self.merge(&Self { count, mean, squares });
    }

    /// Takes in what others saw.
    pub(crate) fn merge(&mut self, other: &Self) {
        let total = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        for column in 0..self.mean.len() {
            let difference = other.mean[column] - self.mean[column];
            self.mean[column] += difference * (other.count / total);
            self.squares[column] +=
                other.squares[column] + difference * difference * (self.count * other.count / total);
        }
        self.count = total;
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.count = 0.0;
        self.mean.fill(0.0);
        self.squares.fill(0.0);
    }

    /// Population variance of a column; 1 before anything was seen.
    pub(crate) fn variance(&self, column: usize) -> f64 {
        if self.count == 0.0 {
            return 1.0;
        }
        self.squares[column] / self.count
    }

    /// The normaliser that these moments give now.
    pub(crate) fn normalizer(&self) -> ObservationNormalizer {
        let scale = |column| 1.0 / (self.variance(column) + 1e-8).sqrt();
        ObservationNormalizer {
            mean: self.mean.iter().map(|&mean| mean as f32).collect(),
            scale: (0..self.mean.len()).map(|column| scale(column) as f32).collect(),
        }
    }
}

/// `(observation − mean)·scale`, limited to ±10. Frozen: it belongs to the policy that was trained with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObservationNormalizer {
    /// `[O]`.
    pub mean: Vec<f32>,
    /// Inverse standard deviation, `[O]`.
    pub scale: Vec<f32>,
}

impl ObservationNormalizer {
    /// That of the first `columns` numbers.
    pub(crate) fn first(mut self, columns: usize) -> Self {
        self.mean.truncate(columns);
        self.scale.truncate(columns);
        self
    }

    /// Normalises `observations` (`[N, O]`) into `out`.
    pub(crate) fn apply(&self, observations: &[f32], out: &mut [f32]) {
        let columns = self.mean.len();
        for (row, out) in observations.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
            for (((out, value), mean), scale) in out.iter_mut().zip(row).zip(&self.mean).zip(&self.scale) {
                *out = ((value - mean) * scale).clamp(-CLIP, CLIP);
            }
        }
    }
}

/// Divides rewards by the running deviation of the discounted return, so that one learning rate fits every program.
///
/// Source: the `NormalizeReward` wrapper of Gymnasium; the mean is not removed, because that would change the task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RewardScaler {
    discount: f64,
    returns: Vec<f64>,
    moments: RunningMoments,
}

impl RewardScaler {
    /// For `n_envs` environments.
    pub(crate) fn new(n_envs: usize, discount: f64) -> Self {
        Self {
            discount,
            returns: vec![0.0; n_envs],
            moments: RunningMoments::new(1),
        }
    }

    /// How many environments it follows.
    pub(crate) fn n_envs(&self) -> usize {
        self.returns.len()
    }

    /// Takes in the rewards of a rollout (those of each environment, and where its episodes ended) and gives the factor by
    /// which they are scaled, from what is known after it.
    pub(crate) fn take_in<'a>(&mut self, columns: impl Iterator<Item = (&'a [f64], &'a [bool])>) -> f64 {
        let mut seen = Vec::new();
        for (sum, (rewards, ended)) in self.returns.iter_mut().zip(columns) {
            seen.clear();
            for (&reward, &ended) in rewards.iter().zip(ended) {
                // A finite reward may be so large that its square is not.
                *sum = *sum * self.discount + reward.clamp(-1e100, 1e100);
                seen.push(*sum);
                if ended {
                    *sum = 0.0;
                }
            }
            self.moments.update(&seen);
        }
        1.0 / (self.moments.variance(0) + 1e-8).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_pieces_are_the_moments_of_the_whole() {
        // A large mean and a small spread, where the textbook formula E[x²] − E[x]² has no digits left.
        let rows: Vec<f64> = (0..600).map(|i| 1e6 + f64::from(i * 7919 % 601) * 1e-3).collect();
        let mut moments = RunningMoments::new(2);
        for piece in [&rows[..2], &rows[2..10], &rows[10..10], &rows[10..]] {
            moments.update(piece);
        }
        for column in 0..2 {
            let values: Vec<f64> = rows.iter().skip(column).step_by(2).copied().collect();
            let mean = values.iter().sum::<f64>() / 300.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 300.0;
            assert!((moments.mean[column] - mean).abs() < 1e-9);
            assert!((moments.variance(column) / variance - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn observations_are_centred_scaled_and_clipped() {
        let mut moments = RunningMoments::new(2);
        moments.update(&[1.0_f32, 5.0, 3.0, 5.0]);
        let mut out = [0.0; 4];
        // First column: mean 2, deviation 1. Second: constant, so any difference is huge and clipped.
        moments.normalizer().apply(&[2.0, 5.0, 0.5, 6.0], &mut out);
        assert!((out[2] + 1.5).abs() < 1e-6);
        assert_eq!([out[0], out[1], out[3]], [0.0, 0.0, 10.0]);
    }

    #[test]
    fn scaled_rewards_do_not_depend_on_their_unit() {
        let rewards: Vec<f64> = (0..64).map(|i| f64::from(i * 31 % 17) - 5.0).collect();
        let ended: Vec<bool> = (0..64).map(|i| i % 13 == 0).collect();
        let scaled = |unit: f64| {
            let rewards: Vec<f64> = rewards.iter().map(|reward| reward * unit).collect();
            let columns = rewards.chunks(32).zip(ended.chunks(32));
            let scale = RewardScaler::new(2, 0.99).take_in(columns);
            rewards.iter().map(|reward| reward * scale).collect::<Vec<f64>>()
        };
        for (a, b) in scaled(1.0).iter().zip(scaled(1000.0)) {
            assert!((a - b).abs() < 1e-5);
        }
        assert!(scaled(1e307).iter().all(|reward| reward.is_finite()));
    }
}
