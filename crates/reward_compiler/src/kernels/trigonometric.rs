//! Sine, cosine and tangent.

use super::{
    Function,
    builder::Lane,
    coefficients::{COS_TAIL, SIN_TAIL},
    double_double::{divide, quick_two_sum},
    reduction::{MEDIUM, Reduced, reduce_far, reduce_medium},
};

/// Sine.
pub fn sin(x: Lane<'_>) -> Lane<'_> {
    let usual = sin_of(reduce_medium(x));
    let value = x.abs().lt(TINY).select(x, usual);
    beyond_medium(x).rare(Function::SinFar, x, value)
}

/// Cosine.
pub fn cos(x: Lane<'_>) -> Lane<'_> {
    beyond_medium(x).rare(Function::CosFar, x, cos_of(reduce_medium(x)))
}

/// Tangent.
pub fn tan(x: Lane<'_>) -> Lane<'_> {
    let usual = tan_of(reduce_medium(x));
    let value = x.abs().lt(TINY).select(x, usual);
    beyond_medium(x).rare(Function::TanFar, x, value)
}

/// Sine of a huge number.
pub fn sin_far(x: Lane<'_>) -> Lane<'_> {
    nan_unless_finite(x, sin_of(reduce_far(x)))
}

/// Cosine of a huge number.
pub fn cos_far(x: Lane<'_>) -> Lane<'_> {
    nan_unless_finite(x, cos_of(reduce_far(x)))
}

/// Tangent of a huge number.
pub fn tan_far(x: Lane<'_>) -> Lane<'_> {
    nan_unless_finite(x, tan_of(reduce_far(x)))
}

/// Below it, sine and tangent round to their argument; this also keeps the sign of zero.
const TINY: f64 = 1.0 / (1 << 27) as f64;

fn beyond_medium(x: Lane<'_>) -> Lane<'_> {
    x.float(MEDIUM).lt(x.abs())
}

pub fn nan_unless_finite<'k>(x: Lane<'k>, value: Lane<'k>) -> Lane<'k> {
    x.abs().lt(f64::INFINITY).select(value, f64::NAN)
}

fn sin_of(reduced: Reduced<'_>) -> Lane<'_> {
    let (sin, cos) = (sin_pair(&reduced), cos_pair(&reduced));
    let magnitude = odd(reduced.quadrant).select(cos.0 + cos.1, sin.0 + sin.1);
    magnitude ^ sign_of_half_turn(reduced.quadrant)
}

fn cos_of(reduced: Reduced<'_>) -> Lane<'_> {
    let (sin, cos) = (sin_pair(&reduced), cos_pair(&reduced));
    let magnitude = odd(reduced.quadrant).select(sin.0 + sin.1, cos.0 + cos.1);
    let one = reduced.quadrant.bits(1);
    magnitude ^ sign_of_half_turn(reduced.quadrant.integer_add(one))
}

fn tan_of(reduced: Reduced<'_>) -> Lane<'_> {
    let (sin, cos) = (normalised(sin_pair(&reduced)), normalised(cos_pair(&reduced)));
    let odd = odd(reduced.quadrant);
    let numerator = (odd.select(-cos.0, sin.0), odd.select(-cos.1, sin.1));
    let denominator = (odd.select(sin.0, cos.0), odd.select(sin.1, cos.1));
    let (quotient, rest) = divide(numerator, denominator);
    quotient + rest
}

/// Sine of |r| ≤ π/4 as leading part and the rest.
fn sin_pair<'k>(reduced: &Reduced<'k>) -> (Lane<'k>, Lane<'k>) {
    let (r, r_low) = (reduced.r, reduced.r_low);
    let z = r * r;
    (r, r * z * z.polynomial(&SIN_TAIL) + (r_low - 0.5 * z * r_low))
}

/// Cosine of |r| ≤ π/4 as leading part and the rest.
fn cos_pair<'k>(reduced: &Reduced<'k>) -> (Lane<'k>, Lane<'k>) {
    let (r, r_low) = (reduced.r, reduced.r_low);
    let z = r * r;
    let half_z = 0.5 * z;
    let leading = 1.0 - half_z;
    let lost = (1.0 - leading) - half_z;
    (leading, lost + (z * z * z.polynomial(&COS_TAIL) - r * r_low))
}

fn normalised<'k>(pair: (Lane<'k>, Lane<'k>)) -> (Lane<'k>, Lane<'k>) {
    quick_two_sum(pair.0, pair.1)
}

/// Mask of odd integers.
pub fn odd(integer: Lane<'_>) -> Lane<'_> {
    let top = integer.choose(63, 31);
    integer.shift_left(top).shift_right_signed(top)
}

/// The sign bit where the second lowest bit of the quadrant is set.
pub fn sign_of_half_turn(quadrant: Lane<'_>) -> Lane<'_> {
    (quadrant & quadrant.bits(2)).shift_left(quadrant.choose(62, 30))
}
