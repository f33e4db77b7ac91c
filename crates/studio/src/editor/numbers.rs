//! Numbers under a slider: how far they go, and how they are written.

use std::ops::RangeInclusive;

/// How far a slider goes around a value that it started from: from nothing to four times as much, on the same side of
/// zero. A zero has no size of its own, so its slider goes one to either side. The ends are numbers that a program can hold.
pub(super) fn range_around(value: f64, is_integer: bool) -> RangeInclusive<f64> {
    let end = match is_integer {
        true => 4.0 * value.abs().max(2.0),
        false => 4.0 * value.abs(),
    };
    let end = end.min(f64::MAX);
    match value {
        0.0 if is_integer => -10.0..=10.0,
        0.0 => -1.0..=1.0,
        value if value > 0.0 => 0.0..=end,
        _ => -end..=0.0,
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
    fn ranges_hold_their_value_and_keep_its_sign() {
        for (value, is_integer, low, high) in [
            (2.0, false, 0.0, 8.0),
            (-0.1, false, -0.4, 0.0),
            (0.0, false, -1.0, 1.0),
            (1.0, true, 0.0, 8.0),
            (30.0, true, 0.0, 120.0),
            (1e308, false, 0.0, f64::MAX),
            (-f64::MAX, false, -f64::MAX, 0.0),
        ] {
            let range = range_around(value, is_integer);
            assert_eq!((*range.start(), *range.end()), (low, high), "{value}");
            assert!(range.contains(&value));
        }
    }
}
