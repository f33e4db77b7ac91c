//! `exp`, `expm1` and the hyperbolic functions.
//!
//! All of them start from `x = n·ln 2 + r`, `|r| ≤ ln(2)/2`, and `exp(r) = 1 + r + tail`.

use super::{
    builder::Lane,
    coefficients::{EXP_TAIL, EXP_TAIL_F32, LN2_F32_HI, LN2_F32_LO, LN2_HI, LN2_LO, LOG2_E, SINH_TAIL, SINH_TAIL_F32},
    double_double::{divide, quick_two_sum, two_sum},
};

/// `exp(x) = 2^n · (1 + (r + tail))`.
pub struct Reduced<'k> {
    /// An integer.
    pub n: Lane<'k>,
    /// The reduced argument, rounded.
    pub r: Lane<'k>,
    /// Everything else of `exp(r) - 1`, the rounding error of `r` included.
    pub tail: Lane<'k>,
}

/// Reduces `x + x_low` for |x| ≤ 1100, or 175 of an f32.
pub fn reduce<'k>(x: Lane<'k>, x_low: Lane<'k>) -> Reduced<'k> {
    let n = (x * LOG2_E).nearest();
    let high = x - n * x.either(LN2_HI, LN2_F32_HI); // exact: the product has at most 32 + 11 bits, or 16 + 8
    let low = n * x.either(LN2_LO, LN2_F32_LO) - x_low;
    let r = high - low;
    let r_low = (high - r) - low;
    let tail = r_low + r * r * r.either_polynomial(&EXP_TAIL, &EXP_TAIL_F32);
    Reduced { n, r, tail }
}

/// `y · 2^n` for |n| ≤ 2000, or 250 of an f32, rounded once.
pub fn scale<'k>(y: Lane<'k>, n: Lane<'k>) -> Lane<'k> {
    let half = (n * 0.5).nearest();
    y * half.power_of_two() * (n - half).power_of_two()
}

/// e^x.
pub fn exp(x: Lane<'_>) -> Lane<'_> {
    let clamped = x.at_least(-800.0).at_most(800.0);
    let Reduced { n, r, tail } = reduce(clamped, x.float(0.0));
    scale(1.0 + (r + tail), n)
}

/// e^x - 1.
pub fn expm1(x: Lane<'_>) -> Lane<'_> {
    let (high, low) = half_expm1(x.at_least(-45.0).at_most(x.either(710.0, 89.0)));
    x.abs().lt(tiny(x)).select(x, 2.0 * (high + low))
}

/// Hyperbolic sine.
pub fn sinh(x: Lane<'_>) -> Lane<'_> {
    let magnitude = x.abs();
    let z = x * x;
    let near = x + x * z * z.either_polynomial(&SINH_TAIL, &SINH_TAIL_F32);
    let Growth {
        mantissa,
        low,
        reciprocal,
        n,
    } = growth(magnitude);
    let far = scale(mantissa + (low - reciprocal), n - 1.0) | x.sign_bit();
    magnitude.lt(1.0).select(near, far)
}

/// Hyperbolic cosine.
pub fn cosh(x: Lane<'_>) -> Lane<'_> {
    let Growth {
        mantissa,
        low,
        reciprocal,
        n,
    } = growth(x.abs());
    scale(mantissa + (low + reciprocal), n - 1.0)
}

/// Hyperbolic tangent, from `tanh(x) = E / (E + 2)` with `E = expm1(2x)`.
pub fn tanh(x: Lane<'_>) -> Lane<'_> {
    let magnitude = x.abs().at_most(22.0); // beyond, the value rounds to 1
    let half = half_expm1(magnitude + magnitude);
    let (sum, error) = two_sum(x.float(1.0), half.0);
    let (quotient, rest) = divide(half, (sum, error + half.1));
    let value = (quotient + rest) | x.sign_bit();
    magnitude.lt(2_f64.powi(-28)).select(x, value)
}

/// Below it, `expm1(x)` rounds to `x`.
fn tiny(x: Lane<'_>) -> Lane<'_> {
    x.either(f64::EPSILON / 4.0, f64::from(f32::EPSILON) / 4.0)
}

/// `expm1(x) / 2` as a pair, for -45 ≤ x ≤ 710, or 89 of an f32. Half, because 2^1024 is not a float.
fn half_expm1(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let Reduced { n, r, tail } = reduce(x, x.float(0.0));
    let scale = (n - 1.0).power_of_two();
    let (whole, whole_error) = two_sum(scale, x.float(-0.5));
    let (sum, sum_error) = two_sum(whole, scale * r);
    quick_two_sum(sum, scale * tail + (whole_error + sum_error))
}

/// `exp(x) = 2^n · (mantissa + low)` and `exp(-x) = 2^n · reciprocal`.
struct Growth<'k> {
    mantissa: Lane<'k>,
    low: Lane<'k>,
    reciprocal: Lane<'k>,
    n: Lane<'k>,
}

/// For x ≥ 0.
fn growth(x: Lane<'_>) -> Growth<'_> {
    let Reduced { n, r, tail } = reduce(x.at_most(x.either(720.0, 95.0)), x.float(0.0));
    let (sum, error) = two_sum(x.float(1.0), r);
    let (mantissa, low) = quick_two_sum(sum, error + tail);
    let reciprocal = (n.at_most(x.either(500.0, 60.0)) * -2.0).power_of_two() / mantissa; // what is beyond 2^-1000, or 2^-120, does not count
    Growth {
        mantissa,
        low,
        reciprocal,
        n,
    }
}
