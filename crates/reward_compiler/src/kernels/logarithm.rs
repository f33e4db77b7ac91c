//! Logarithms.
//!
//! All of them start from `x = 2^k · (1 + f)`, `√½ ≤ 1 + f < √2`, and, with `s = f / (2 + f)`,
//! `log(1 + f) = f - f²/2 + s·(f²/2 + R(s²))`.

use super::{
    coefficients::{
        INV_LN2_HI, INV_LN2_LO, INV_LN10_HI, INV_LN10_LO, LN2_HI, LN2_LO, LOG_TAIL, LOG10_2_HI, LOG10_2_LO,
    },
    double_double::two_sum,
    lanes::Lane,
};

/// `k` and `1 + f` of a positive finite number.
pub fn decompose(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let subnormal = x.lt(f64::MIN_POSITIVE);
    let normal = subnormal.select(x * 2_f64.powi(54), x);
    let above_root_half = normal.integer_sub(x.bits(0x3fe6_a09e_667f_3bcd)); // bits of √½
    let k = above_root_half.shift_right_signed(52);
    let mantissa = normal.integer_sub(k.shift_left(52));
    (k.integer_to_float() + subnormal.select(-54.0, 0.0), mantissa)
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
    let value = x.abs().lt(f64::EPSILON / 4.0).select(x, value);
    at_the_edges(1.0 + x, x.eq(-1.0), value)
}

/// Logarithm to base 2; exact for powers of 2.
pub fn log2(x: Lane<'_>) -> Lane<'_> {
    let (k, mantissa) = decompose(x);
    let (high, low) = pair(mantissa - 1.0);
    let value = rescaled(k, high * INV_LN2_HI, (low + high) * INV_LN2_LO + low * INV_LN2_HI);
    at_the_edges(x, x.eq(0.0), value)
}

/// Logarithm to base 10.
pub fn log10(x: Lane<'_>) -> Lane<'_> {
    let (k, mantissa) = decompose(x);
    let (high, low) = pair(mantissa - 1.0);
    let low = (low + high) * INV_LN10_LO + low * INV_LN10_HI + k * LOG10_2_LO;
    let value = rescaled(k * LOG10_2_HI, high * INV_LN10_HI, low);
    at_the_edges(x, x.eq(0.0), value)
}

/// `k·ln 2 + log(1 + f) + correction`, where the correction is some last digits.
fn log_of_parts<'k>(k: Lane<'k>, f: Lane<'k>, correction: Lane<'k>) -> Lane<'k> {
    let half_square = 0.5 * f * f;
    let rest = tail(f, half_square) + (k * LN2_LO + correction);
    k * LN2_HI - ((half_square - rest) - f)
}

/// `s·(f²/2 + R(s²))`.
fn tail<'k>(f: Lane<'k>, half_square: Lane<'k>) -> Lane<'k> {
    let s = f / (2.0 + f);
    let z = s * s;
    s * (half_square + z * z.polynomial(&LOG_TAIL))
}

/// `log(1 + f)` as a pair whose first part has at most 21 bits, so that its product with a number of 32 bits is exact.
fn pair(f: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let half_square = 0.5 * f * f;
    let high = (f - half_square) & f.bits(0xffff_ffff_0000_0000);
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
