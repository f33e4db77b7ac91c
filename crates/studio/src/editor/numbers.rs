//! Numbers under a slider: how far they go, and how they are written.

/// How far a slider goes, and how the numbers are spread over its length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The number at the left end.
    pub(super) from: f64,
    /// The number at the right end.
    pub(super) to: f64,
    /// Where equal lengths are equal ratios: the size of the numbers just beside the zero at the left end.
    pub(super) smallest: Option<f64>,
}

impl Scale {
    /// The scale around a value that a slider started from: it stands in the middle, ten times as much at the right end, a tenth
    /// just before the left end, which is zero. The sign stays, so to the right is always more of the same. A zero has no size of its own; its slider goes to
    /// either side. The ends are numbers that a program can hold.
    pub(super) fn around(value: f64, is_integer: bool) -> Self {
        if value == 0.0 {
            let end = if is_integer { 10.0 } else { 1.0 };
            return Self {
                from: -end,
                to: end,
                smallest: None,
            };
        }
        let least = if is_integer { 1.0 } else { f64::MIN_POSITIVE };
        Self {
            from: 0.0,
            to: (10.0 * value).clamp(-f64::MAX, f64::MAX),
            smallest: Some((value.abs() / 10.0).max(least)),
        }
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        self.from.min(self.to) <= value && value <= self.from.max(self.to)
    }

    /// The number that lies a share of the whole length to the right of another one.
    pub(super) fn moved(&self, value: f64, share: f64) -> f64 {
        match self.smallest {
            Some(smallest) if value != 0.0 => value * (self.to.abs() / smallest).powf(share),
            _ => value + (self.to - self.from) * share,
        }
    }
}

/// A value in three significant digits at most, in the style of the literal that it replaces.
pub(super) fn written(value: f64, like: &str) -> String {
    let is_integer = !like.contains(['.', 'e', 'E']);
    if is_integer {
        return format!("{}", (value.round() as i64).max(-i64::MAX));
    }
    let value = significant(value, 3);
    if value == 0.0 {
        return "0.0".into();
    }
    let exponent = value.abs().log10().floor();
    if like.contains(['e', 'E']) && !(-3.0..4.0).contains(&exponent) {
        return format!("{value:e}");
    }
    if !(-6.0..16.0).contains(&exponent) {
        return format!("{value:e}");
    }
    let text = format!("{value}");
    if text.contains('.') { text } else { text + ".0" }
}

/// A value rounded to so many significant digits. One that would be rounded beyond all numbers stays as it is.
pub(super) fn significant(value: f64, digits: usize) -> f64 {
    let rounded = format!("{value:.*e}", digits.saturating_sub(1)).parse();
    rounded
        .ok()
        .filter(|rounded: &f64| rounded.is_finite())
        .unwrap_or(value)
}

/// The value of a literal as the text has it.
pub(super) fn parsed(literal: &str) -> Option<f64> {
    literal.replace(['_', ' '], "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short_and_of_their_kind() {
        for (value, like, expected) in [
            (2.0, "1.5", "2.0"),
            (2.345_67, "1.5", "2.35"),
            (-0.012_345, "-0.1", "-0.0123"),
            (0.0, "0.5", "0.0"),
            (123.456, "0.5", "123.0"),
            (7.6, "5", "8"),
            (-7.4, "-5", "-7"),
            (0.000_212_3, "1e-4", "2.12e-4"),
            (0.012_3, "1e-4", "0.0123"),
            (0.5, "1e-1", "0.5"),
            (2e-9, "0.1", "2e-9"),
            (3e20, "0.1", "3e20"),
            (f64::MAX, "1e308", "1.7976931348623157e308"),
            (-f64::MAX, "-5", "-9223372036854775807"),
        ] {
            let text = written(value, like);
            assert_eq!(text, expected, "{value}");
            assert!(parsed(&text).is_some());
        }
    }

    #[test]
    fn scales_hold_their_value_and_keep_its_sign() {
        for (value, is_integer, from, to, smallest) in [
            (2.0, false, 0.0, 20.0, Some(0.2)),
            (-0.5, false, 0.0, -5.0, Some(0.05)),
            (0.0, false, -1.0, 1.0, None),
            (0.0, true, -10.0, 10.0, None),
            (3.0, true, 0.0, 30.0, Some(1.0)),
            (40.0, true, 0.0, 400.0, Some(4.0)),
            (1e308, false, 0.0, f64::MAX, Some(1e307)),
            (-f64::MAX, false, 0.0, -f64::MAX, Some(f64::MAX / 10.0)),
        ] {
            let scale = Scale::around(value, is_integer);
            assert_eq!(scale, Scale { from, to, smallest });
            assert!(scale.holds(value));
            // All the way in small steps.
            if let Some(smallest) = smallest.filter(|_| to.abs() < 1e300) {
                let end = (0..10).fold(smallest.copysign(to), |value, _| scale.moved(value, 0.1));
                assert!((end / to - 1.0).abs() < 1e-9, "{value}: {end}");
            }
        }
    }
}
