//! Plans as splines: a few knots, and from them an action for every step.
//!
//! Whatever the interpolation, an action is a sum of at most four knots with weights that depend on the time alone. They
//! are computed once, so that a rollout needs four multiplications per number, and moving a plan in time is the same sum.

use super::settings::Interpolation;

/// Which knots make up a moment, and with what weight: those from the first on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    first: usize,
    weights: [f64; 4],
}

/// The weights for a number of knots spread evenly over a number of steps.
///
/// Knots of [`Interpolation::Zero`] stand at the beginnings of as many parts of equal length; those of the others begin with
/// the first step and end with the last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spline {
    knots: usize,
    interpolation: Interpolation,
    /// Steps from one knot to the next.
    spacing: f64,
    /// Of every step.
    steps: Vec<Moment>,
}

impl Spline {
    pub(crate) fn new(interpolation: Interpolation, knots: usize, steps: usize) -> Self {
        let spacing = match interpolation {
            Interpolation::Zero => steps as f64 / knots as f64,
            // One step alone has nothing to be spread over.
            Interpolation::Linear | Interpolation::Cubic => (steps - 1).max(1) as f64 / (knots - 1) as f64,
        };
        let mut spline = Self {
            knots,
            interpolation,
            spacing,
            steps: Vec::new(),
        };
        spline.steps = (0..steps).map(|step| spline.moment(step as f64)).collect();
        spline
    }

    /// Steps of a plan.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The action (`[A]`) of `knots` (`[K, A]`) at a step; after the last one, that of the last.
    pub(crate) fn action(&self, knots: &[f64], step: usize, out: &mut [f32]) {
        let Moment { first, weights } = self.steps[step.min(self.steps.len() - 1)];
        let size = out.len();
        for (index, slot) in out.iter_mut().enumerate() {
            let mut sum = 0.0;
            for (k, weight) in weights.iter().enumerate() {
                // Beyond the last knot the weights are zero.
                let knot = (first + k).min(self.knots - 1);
                sum += weight * knots[knot * size + index];
            }
            *slot = sum as f32;
        }
    }

    /// The same plan seen `steps` later, into `out`: each knot takes the value that the plan has at its place by then, and the
    /// end holds.
    pub(crate) fn shift(&self, knots: &[f64], steps: usize, out: &mut [f64]) {
        let size = knots.len() / self.knots;
        for (k, slots) in out.chunks_exact_mut(size).enumerate() {
            let Moment { first, weights } = self.moment(k as f64 * self.spacing + steps as f64);
            for (index, slot) in slots.iter_mut().enumerate() {
                *slot = 0.0;
                for (j, weight) in weights.iter().enumerate() {
                    *slot += weight * knots[(first + j).min(self.knots - 1) * size + index];
                }
            }
        }
    }

    /// Weights at a time in steps.
    fn moment(&self, time: f64) -> Moment {
        let last = self.knots - 1;
        let place = (time / self.spacing).min(last as f64);
        let before = (place.floor() as usize).min(last.saturating_sub(1));
        let part = place - before as f64;
        match self.interpolation {
            Interpolation::Zero => Moment {
                first: place.floor() as usize,
                weights: [1.0, 0.0, 0.0, 0.0],
            },
            Interpolation::Linear => Moment {
                first: before,
                weights: [1.0 - part, part, 0.0, 0.0],
            },
            Interpolation::Cubic => self.cubic(before, part),
        }
    }

    /// Hermite's cubic from knot `before` to the next, a `part` of the way; slopes per spacing are those between the
    /// neighbours, at the ends those to the only neighbour.
    fn cubic(&self, before: usize, part: f64) -> Moment {
        let (square, cube) = (part * part, part * part * part);
        let value = [2.0 * cube - 3.0 * square + 1.0, 3.0 * square - 2.0 * cube];
        let slope = [cube - 2.0 * square + part, cube - square];
        let first = before.saturating_sub(1);
        let mut weights = [0.0; 4];
        for side in 0..2 {
            let knot = before + side;
            weights[knot - first] += value[side];
            let (left, right) = (knot.saturating_sub(1), (knot + 1).min(self.knots - 1));
            let share = slope[side] / (right - left) as f64;
            weights[right - first] += share;
            weights[left - first] -= share;
        }
        Moment { first, weights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(interpolation: Interpolation, knots: &[f64], steps: usize) -> Vec<f32> {
        let spline = Spline::new(interpolation, knots.len(), steps);
        let mut actions = vec![0.0; steps];
        for (step, slot) in actions.iter_mut().enumerate() {
            spline.action(knots, step, std::slice::from_mut(slot));
        }
        actions
    }

    #[test]
    fn splines_by_hand() {
        for (interpolation, knots, expected) in [
            // Three parts of two steps.
            (
                Interpolation::Zero,
                vec![1.0, 2.0, 3.0],
                vec![1.0, 1.0, 2.0, 2.0, 3.0, 3.0],
            ),
            // Two and a half steps for each part.
            (Interpolation::Zero, vec![1.0, 2.0], vec![1.0, 1.0, 1.0, 2.0, 2.0]),
            (
                Interpolation::Linear,
                vec![0.0, 1.0, -1.0],
                vec![0.0, 0.5, 1.0, 0.0, -1.0],
            ),
            (Interpolation::Linear, vec![3.0, 4.0], vec![3.0]),
            // Between 0 and 1: slopes 1 (to the only neighbour) and 1/2 (from 0 to 1 over two parts); at the middle
            // (0 + 1)/2 + (1 - 1/2)/8. Then from 1 to 1: slopes 1/2 and 0, at the middle 1 + (1/2)/8.
            (
                Interpolation::Cubic,
                vec![0.0, 1.0, 1.0],
                vec![0.0, 0.5625, 1.0, 1.0625, 1.0],
            ),
            // A straight line stays one.
            (
                Interpolation::Cubic,
                vec![0.0, 2.0, 4.0, 6.0],
                vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            ),
            (Interpolation::Cubic, vec![1.0, 2.0], vec![1.0, 1.5, 2.0]),
        ] {
            let steps = expected.len();
            assert_eq!(
                actions(interpolation, &knots, steps),
                expected,
                "{interpolation:?} {knots:?}"
            );
        }
    }

    #[test]
    fn a_shifted_plan_goes_on_where_it_was_and_holds_its_end() {
        for (interpolation, knots, steps, by, expected) in [
            (Interpolation::Zero, vec![1.0, 2.0, 3.0], 6, 2, vec![2.0, 3.0, 3.0]),
            (Interpolation::Zero, vec![1.0, 2.0, 3.0], 6, 1, vec![1.0, 2.0, 3.0]),
            (Interpolation::Linear, vec![0.0, 1.0, -1.0], 5, 1, vec![0.5, 0.0, -1.0]),
            (Interpolation::Linear, vec![0.0, 1.0, -1.0], 5, 100, vec![-1.0; 3]),
            (
                Interpolation::Cubic,
                vec![0.0, 1.0, 1.0],
                5,
                1,
                vec![0.5625, 1.0625, 1.0],
            ),
        ] {
            let spline = Spline::new(interpolation, knots.len(), steps);
            let mut shifted = vec![9.0; knots.len()];
            spline.shift(&knots, by, &mut shifted);
            assert_eq!(shifted, expected, "{interpolation:?} {knots:?} by {by}");
        }
    }

    #[test]
    fn numbers_of_an_action_do_not_mix() {
        let spline = Spline::new(Interpolation::Linear, 2, 3);
        let mut action = [0.0; 2];
        spline.action(&[0.0, 10.0, 1.0, 20.0], 1, &mut action);
        assert_eq!(action, [0.5, 15.0]);
    }
}
