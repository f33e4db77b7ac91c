//! Means, spreads and effect sizes.

use serde::{Deserialize, Serialize};

/// How a number is distributed over steps or episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Number of values.
    pub count: usize,
    /// Their mean; 0 where there are none.
    pub mean: f64,
    /// Sample standard deviation; 0 below two values.
    pub sd: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values, which are summed in this order.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        // Not `sum`, which is -0 for nothing.
        let mean = values.iter().fold(0.0, |sum, value| sum + value) / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let or_zero = |value: f64| if values.is_empty() { 0.0 } else { value };
        Self {
            count: values.len(),
            mean,
            sd: (squares / (count - 1.0).max(1.0)).sqrt(),
            min: or_zero(values.iter().copied().fold(f64::INFINITY, f64::min)),
            max: or_zero(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        }
    }

    /// The largest magnitude.
    pub fn size(&self) -> f64 {
        self.min.abs().max(self.max.abs())
    }
}

/// Cohen's d: the difference of the means in standard deviations, `(b − a) / √(((n_a−1)·s_a² + (n_b−1)·s_b²) / (n_a+n_b−2))`.
///
/// 0 where the means are equal; nothing where they differ and neither side varies, or a side has no value.
/// Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, 1988, section 2.2.
pub fn effect_size(a: &Spread, b: &Spread) -> Option<f64> {
    if a.count == 0 || b.count == 0 {
        return None;
    }
    if a.mean == b.mean {
        return Some(0.0);
    }
    let freedom = |spread: &Spread| spread.count as f64 - 1.0;
    let squares = freedom(a) * a.sd * a.sd + freedom(b) * b.sd * b.sd;
    let pooled = (squares / (freedom(a) + freedom(b))).sqrt();
    (pooled > 0.0).then(|| (b.mean - a.mean) / pooled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_by_hand() {
        // mean 2.5; squares 2.25 + 0.25 + 0.25 + 2.25 = 5, over 3
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((spread.count, spread.mean, spread.min, spread.max), (4, 2.5, 1.0, 4.0));
        assert_eq!(spread.sd, (5.0_f64 / 3.0).sqrt());
        let empty = Spread::of(&[]);
        assert_eq!((empty.mean, empty.sd, empty.min, empty.max), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn effects_by_hand() {
        // Both have variance 1: two standard deviations apart.
        let (a, b) = (Spread::of(&[1.0, 2.0, 3.0]), Spread::of(&[3.0, 4.0, 5.0]));
        assert_eq!(effect_size(&a, &b), Some(2.0));
        assert_eq!(effect_size(&b, &a), Some(-2.0));
        assert_eq!(effect_size(&a, &a), Some(0.0));
        assert_eq!(effect_size(&Spread::of(&[1.0]), &Spread::of(&[2.0])), None);
        assert_eq!(effect_size(&a, &Spread::of(&[])), None);
    }
}
