//! Shorter texts for f32 results, of the functions that rewards call most or whose f64 texts are long.
//!
//! An f32 has 24 bits, so tails are shorter, and what f64 needs pairs for fits into one float: into an f32 where the errors
//! stay below 2 units in the last place, else into an f64, two lanes at a time ([`Lane::widely`]).

use super::{
    Function,
    builder::Lane,
    coefficients::{
        COS_TAIL_F32, EXP_TAIL_F32, LN2_F32_HI, LN2_F32_LO, LN2_HI, LN2_LO, LOG2_E, PI_2_HI, PI_2_PARTS, SIN_TAIL_F32,
        TANH_TAIL_F32, TWO_OVER_PI,
    },
    logarithm::{decompose_normal, log_of_parts},
    power::with_special_cases,
    reduction::reduce_far,
    trigonometric::{nan_unless_finite, odd, sign_of_half_turn},
};

/// e^x, of an f32.
pub fn exp(x: Lane<'_>) -> Lane<'_> {
    let Reduced { mantissa, n } = reduce_exponent(x.at_least(-104.0).at_most(89.0));
    let half = n.shift_right_signed(1);
    mantissa * power_of_two(half) * power_of_two(n.integer_sub(half))
}

/// Hyperbolic tangent, of an f32: a polynomial near zero, `1 - 2 / (exp(2|x|) + 1)` elsewhere.
pub fn tanh(x: Lane<'_>) -> Lane<'_> {
    let magnitude = x.abs();
    let z = x * x;
    let near = magnitude + magnitude * z * z.polynomial(&TANH_TAIL_F32);
    // Beyond 10 the value rounds to 1.
    let Reduced { mantissa, n } = reduce_exponent(2.0 * magnitude.at_most(10.0));
    let far = 1.0 - 2.0 / (mantissa * power_of_two(n) + 1.0);
    magnitude.lt(0.625).select(near, far) | x.sign_bit()
}

/// `exp(x) = mantissa · 2^n`.
struct Reduced<'k> {
    mantissa: Lane<'k>,
    /// An integer.
    n: Lane<'k>,
}

/// Of an f32 of magnitude up to 104.
fn reduce_exponent(x: Lane<'_>) -> Reduced<'_> {
    // Adding 1.5·2^23 rounds to an integer, which stands in the low bits.
    let magic = x.float(1.5 * 2_f64.powi(23));
    let shifted = x * LOG2_E + magic;
    let n = shifted - magic;
    let r = x - n * LN2_F32_HI - n * LN2_F32_LO;
    Reduced {
        mantissa: 1.0 + (r + r * r * r.polynomial(&EXP_TAIL_F32)),
        n: shifted.integer_sub(magic),
    }
}

/// 2^n as an f32, of an integer in -126..=127.
fn power_of_two(n: Lane<'_>) -> Lane<'_> {
    n.shift_left(23).integer_add(n.float(1.0))
}

/// x^y with the special cases of C99, annex F: of f32s in f64 lanes, to some 27 bits.
pub fn pow<'k>(x: Lane<'k>, y: Lane<'k>) -> Lane<'k> {
    with_special_cases(x, y, |base| {
        // |log| ≥ 2^-24 unless the base is 1, so that a larger exponent gives the same zero or infinity.
        let limit = 2_f64.powi(40);
        let y = y.at_least(-limit).at_most(limit);
        let (k, mantissa) = decompose_normal(base);
        let exponent = y * log_of_parts(k, mantissa - 1.0, base.float(0.0));
        let exponent = exponent.at_least(-200.0).at_most(200.0);
        let n = (exponent * LOG2_E).nearest();
        let r = exponent - n * LN2_HI - n * LN2_LO;
        (1.0 + (r + r * r * r.polynomial(&EXP_TAIL_F32))) * n.power_of_two()
    })
}

/// Largest magnitude whose quotient by π/2, an f32, is off by less than 2^-7.
const MEDIUM: f64 = 100_000.0;

/// Sine of an f32.
pub fn sin(x: Lane<'_>) -> Lane<'_> {
    let (quadrants, r) = reduce(x);
    let value = sine(quadrants.float_to_low_bits(), r) ^ x.sign_bit();
    beyond_medium(x).rare(Function::SinFar, x, value)
}

/// Cosine of an f32.
pub fn cos(x: Lane<'_>) -> Lane<'_> {
    let (quadrants, r) = reduce(x);
    let value = sine((quadrants + 1.0).float_to_low_bits(), r);
    beyond_medium(x).rare(Function::CosFar, x, value)
}

/// Tangent of an f32.
pub fn tan(x: Lane<'_>) -> Lane<'_> {
    let magnitude = x.abs();
    let quadrants = (magnitude * TWO_OVER_PI).nearest();
    let value = magnitude.widely(Function::TanMedium, quadrants) ^ x.sign_bit();
    beyond_medium(x).rare(Function::TanFar, x, value)
}

/// Tangent of a small f32 ≥ 0 with this nearest multiple of π/2, in f64 lanes.
pub fn tan_medium<'k>(x: Lane<'k>, quadrants: Lane<'k>) -> Lane<'k> {
    tangent(quadrants.float_to_low_bits(), angle(x, quadrants))
}

/// Sine of a huge f32, in f64 lanes.
pub fn sin_far(x: Lane<'_>) -> Lane<'_> {
    let reduced = reduce_far(x);
    nan_unless_finite(x, sine(reduced.quadrant, reduced.r))
}

/// Cosine of a huge f32, in f64 lanes.
pub fn cos_far(x: Lane<'_>) -> Lane<'_> {
    let reduced = reduce_far(x);
    let one = x.bits(1);
    nan_unless_finite(x, sine(reduced.quadrant.integer_add(one), reduced.r))
}

/// Tangent of a huge f32, in f64 lanes.
pub fn tan_far(x: Lane<'_>) -> Lane<'_> {
    let reduced = reduce_far(x);
    nan_unless_finite(x, tangent(reduced.quadrant, reduced.r))
}

fn beyond_medium(x: Lane<'_>) -> Lane<'_> {
    x.float(MEDIUM).lt(x.abs())
}

/// The nearest multiple of π/2 of |x|, and the angle from there.
fn reduce(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let magnitude = x.abs();
    let quadrants = (magnitude * TWO_OVER_PI).nearest();
    (quadrants, magnitude.widely(Function::Angle, quadrants))
}

/// `x - quadrants·π/2` in f64 lanes.
pub fn angle<'k>(x: Lane<'k>, quadrants: Lane<'k>) -> Lane<'k> {
    let [first, ..] = PI_2_PARTS; // its products with integers below 2^20 are exact
    (x - quadrants * first) - quadrants * (PI_2_HI - first)
}

/// Sine of the angle `quadrant · π/2 + r`.
fn sine<'k>(quadrant: Lane<'k>, r: Lane<'k>) -> Lane<'k> {
    let (sin, cos) = sine_and_cosine(r);
    odd(quadrant).select(cos, sin) ^ sign_of_half_turn(quadrant)
}

/// Tangent of the angle `quadrant · π/2 + r`.
fn tangent<'k>(quadrant: Lane<'k>, r: Lane<'k>) -> Lane<'k> {
    let (sin, cos) = sine_and_cosine(r);
    let odd = odd(quadrant);
    odd.select(-cos, sin) / odd.select(sin, cos)
}

/// Of an angle of at most a little more than π/4.
fn sine_and_cosine(r: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let z = r * r;
    let sin = r + r * z * z.polynomial(&SIN_TAIL_F32);
    let cos = 1.0 - (0.5 * z - z * z * z.polynomial(&COS_TAIL_F32));
    (sin, cos)
}
