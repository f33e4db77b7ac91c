//! Logarithms.
//!
//! All of them start from `x = 2^k · (1 + f)`, `√½ ≤ 1 + f < √2`, and, with `s = f / (2 + f)`,
//! `log(1 + f) = f - f²/2 + s·(f²/2 + R(s²))`.

use std::f64::consts::FRAC_1_SQRT_2;

use super::{
    builder::Lane,
    coefficients::{
        INV_LN2_F32_HI, INV_LN2_F32_LO, INV_LN2_HI, INV_LN2_LO, INV_LN10_F32_HI, INV_LN10_F32_LO, INV_LN10_HI,
        INV_LN10_LO, LN2_F32_HI, LN2_F32_LO, LN2_HI, LN2_LO, LOG_TAIL, LOG_TAIL_F32, LOG10_2_F32_HI, LOG10_2_F32_LO,
        LOG10_2_HI, LOG10_2_LO,
    },
    double_double::two_sum,
};

/// `k` and `1 + f` of a positive finite number.
pub fn decompose(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let subnormal = x.lt(x.either(f64::MIN_POSITIVE, f32::MIN_POSITIVE.into()));
    let normal = subnormal.select(x * 2_f64.powi(54), x);
    let (k, mantissa) = decompose_normal(normal);
    (k + subnormal.select(-54.0, 0.0), mantissa)
}

/// As [`decompose`], of a normal number.
pub fn decompose_normal(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let above_root_half = x.integer_sub(x.float(FRAC_1_SQRT_2));
    let exponent_at = x.choose(52, 23);
    let k = above_root_half.shift_right_signed(exponent_at);
    (k.integer_to_float(), x.integer_sub(k.shift_left(exponent_at)))
}

/// Natural logarithm.
pub fn log(x: Lane<'_>) -> Lane<'_> {
    let (k, mantissa) = decompose(x);
    let value = log_of_parts(k, mantissa - 1.0, x.float(0.0));
    at_the_edges(x, x.eq(0.0), value)
}

/// log(1 + x).
pub fn log1p(x: Lane<'_>) -> Lane<'_> {
    let (sum, error) = two_sum(x.float(1.0), x);
    let (k, mantissa) = decompose(sum);
    let value = log_of_parts(k, mantissa - 1.0, error / sum);
    let value = x
        .abs()
        .lt(x.either(f64::EPSILON / 4.0, f64::from(f32::EPSILON) / 4.0))
        .select(x, value);
    at_the_edges(1.0 + x, x.eq(-1.0), value)
}

/// Logarithm to base 2; exact for powers of 2.
pub fn log2(x: Lane<'_>) -> Lane<'_> {
    let (k, mantissa) = decompose(x);
    let (high, low) = pair(mantissa - 1.0);
    let scale_high = x.either(INV_LN2_HI, INV_LN2_F32_HI);
    let scale_low = x.either(INV_LN2_LO, INV_LN2_F32_LO);
    let value = rescaled(k, high * scale_high, (low + high) * scale_low + low * scale_high);
    at_the_edges(x, x.eq(0.0), value)
}

/// Logarithm to base 10.
pub fn log10(x: Lane<'_>) -> Lane<'_> {
    let (k, mantissa) = decompose(x);
    let (high, low) = pair(mantissa - 1.0);
    let scale_high = x.either(INV_LN10_HI, INV_LN10_F32_HI);
    let scale_low = x.either(INV_LN10_LO, INV_LN10_F32_LO);
    let step_low = x.either(LOG10_2_LO, LOG10_2_F32_LO);
    let low = (low + high) * scale_low + low * scale_high + k * step_low;
    let value = rescaled(k * x.either(LOG10_2_HI, LOG10_2_F32_HI), high * scale_high, low);
    at_the_edges(x, x.eq(0.0), value)
}

/// `k·ln 2 + log(1 + f) + correction`, where the correction is some last digits.
pub fn log_of_parts<'k>(k: Lane<'k>, f: Lane<'k>, correction: Lane<'k>) -> Lane<'k> {
    let half_square = 0.5 * f * f;
    let rest = tail(f, half_square) + (k * f.either(LN2_LO, LN2_F32_LO) + correction);
    k * f.either(LN2_HI, LN2_F32_HI) - ((half_square - rest) - f)
}

/// `s·(f²/2 + R(s²))`.
fn tail<'k>(f: Lane<'k>, half_square: Lane<'k>) -> Lane<'k> {
    let s = f / (2.0 + f);
    let z = s * s;
    s * (half_square + z * z.either_polynomial(&LOG_TAIL, &LOG_TAIL_F32))
}

/// `log(1 + f)` as a pair whose first part has at most 21 bits, so that its product with a number of 32 bits is exact; 12
/// and 12 bits of an f32.
fn pair(f: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let half_square = 0.5 * f * f;
    let high = (f - half_square) & f.bits(f.choose(0xffff_ffff_0000_0000, 0xffff_f000));
    (high, ((f - high) - half_square) + tail(f, half_square))
}

fn rescaled<'k>(whole: Lane<'k>, high: Lane<'k>, low: Lane<'k>) -> Lane<'k> {
    let (sum, error) = two_sum(whole, high);
    sum + (low + error)
}

/// `value` where `argument` is positive and finite; -∞ at zero, NaN below it, ∞ at ∞.
fn at_the_edges<'k>(argument: Lane<'k>, zero: Lane<'k>, value: Lane<'k>) -> Lane<'k> {
    let inside = argument.float(0.0).lt(argument) & argument.lt(f64::INFINITY);
    inside.select(value, zero.select(f64::NEG_INFINITY, argument.sqrt()))
}
