//! Adam over one flat parameter vector.

use serde::{Deserialize, Serialize};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-5;

/// First and second moments of the gradient.
///
/// Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1, with ε = 1e-5 as is usual for PPO.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Adam {
    /// β₁ᵗ and β₂ᵗ: the share of a moment that is still its zero start.
    unseen: [f64; 2],
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl Adam {
    /// For `count` parameters.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            unseen: [1.0; 2],
            means: vec![0.0; count],
            squares: vec![0.0; count],
        }
    }

    /// Moves `parameters` against `gradient`, which is multiplied by `scale` first.
    pub(crate) fn step(&mut self, parameters: &mut [f32], gradient: &[f32], scale: f32, learning_rate: f32) {
        self.unseen[0] *= f64::from(BETA_1);
        self.unseen[1] *= f64::from(BETA_2);
        let [mean_correction, square_correction] = self.unseen.map(|unseen| (1.0 / (1.0 - unseen)) as f32);
        let moments = self.means.iter_mut().zip(&mut self.squares);
        pulp::Arch::new().dispatch(|| {
            for ((parameter, gradient), (mean, square)) in parameters.iter_mut().zip(gradient).zip(moments) {
                let gradient = gradient * scale;
                *mean = BETA_1 * *mean + (1.0 - BETA_1) * gradient;
                *square = BETA_2 * *square + (1.0 - BETA_2) * gradient * gradient;
                *parameter -=
                    learning_rate * (*mean * mean_correction) / ((*square * square_correction).sqrt() + EPSILON);
            }
        });
    }
}

/// Sets `sum` to the sum of `parts`, added in their order, and gives the sum of its squares, in f64 so that no finite gradient
/// overflows.
pub(crate) fn add_up<const N: usize>(sum: &mut [f32], parts: [&[f32]; N]) -> f64 {
    const WIDE: usize = 16;
    let count = sum.len();
    let parts = parts.map(|part| &part[..count]);
    pulp::Arch::new().dispatch(|| {
        let mut squares = [0.0_f64; WIDE];
        let mut add = |place: usize, lane: usize| {
            let value: f32 = parts[1..]
                .iter()
                .fold(parts[0][place], |value, part| value + part[place]);
            sum[place] = value;
            squares[lane] += f64::from(value) * f64::from(value);
        };
        for start in (0..count - count % WIDE).step_by(WIDE) {
            (0..WIDE).for_each(|lane| add(start + lane, lane));
        }
        (count - count % WIDE..count).for_each(|place| add(place, 0));
        squares.iter().sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradients 1 and then −1 at learning rate 0.1.
    ///
    /// Step 1: m̂ = 1, v̂ = 1, so x = 1 − 0.1·1/(1 + ε) = 0.900001.
    /// Step 2: m = 0.9·0.1 − 0.1 = −0.01, m̂ = −0.01/0.19; v = 0.001999, v̂ = 1; x += 0.1·0.0526316 = 0.9052641.
    #[test]
    fn two_steps_by_hand() {
        let (mut adam, mut parameters) = (Adam::new(1), [1.0_f32]);
        adam.step(&mut parameters, &[1.0], 1.0, 0.1);
        assert!((parameters[0] - 0.900_001).abs() < 1e-6);
        adam.step(&mut parameters, &[-2.0], 0.5, 0.1);
        assert!((parameters[0] - 0.905_264_1).abs() < 1e-6);
    }

    #[test]
    fn parts_are_added_up_and_squares_do_not_overflow() {
        let numbers = |from: i32| (from..from + 37).map(|i| i as f32).collect::<Vec<f32>>();
        let mut sum = vec![9.0; 37];
        let squares = add_up(&mut sum, [&numbers(0), &numbers(1), &numbers(-2)]);
        let expected: Vec<f32> = (0..37).map(|i| (3 * i - 1) as f32).collect();
        assert_eq!(sum, expected);
        assert_eq!(
            squares,
            expected.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>()
        );
        assert!(add_up(&mut [0.0; 2], [&[3e38, 3e38]]).is_finite());
    }
}
