//! `asin`, `acos`, `atan` and `atan2`.

use super::{
    builder::Lane,
    coefficients::{
        ASIN_TAIL, ASIN_TAIL_F32, ATAN_TAIL, ATAN_TAIL_F32, PI_2_F32_HI, PI_2_F32_LO, PI_2_HI, PI_2_LO, PI_4_F32_HI,
        PI_4_F32_LO, PI_4_HI, PI_4_LO,
    },
    double_double::{divide, two_sum},
};

/// Arc sine; NaN outside [-1, 1].
pub fn asin(x: Lane<'_>) -> Lane<'_> {
    let Halves { near, far, tail, root } = halves(x);
    let value = x + x * tail;
    // π/2 - 2 asin(√((1 - |x|)/2)), in parts so that the large ones cancel exactly.
    let correction = 2.0 * root.value * tail - (x.either(PI_2_LO, PI_2_F32_LO) - 2.0 * root.correction);
    let quarter = x.either(PI_2_HI / 2.0, PI_2_F32_HI / 2.0);
    let other = quarter - (correction - (quarter - 2.0 * root.high));
    near.select(value, far.select(other | x.sign_bit(), f64::NAN))
}

/// Arc cosine; NaN outside [-1, 1].
pub fn acos(x: Lane<'_>) -> Lane<'_> {
    let Halves { near, far, tail, root } = halves(x);
    let (quarter, quarter_low) = (x.either(PI_2_HI, PI_2_F32_HI), x.either(PI_2_LO, PI_2_F32_LO));
    let value = quarter - (x - (quarter_low - x * tail));
    let positive = 2.0 * (root.high + (tail * root.value + root.correction));
    let negative = 2.0 * (quarter - (root.value + (tail * root.value - quarter_low)));
    let other = x.lt(0.0).select(negative, positive);
    near.select(value, far.select(other, f64::NAN))
}

/// Arc tangent.
pub fn atan(x: Lane<'_>) -> Lane<'_> {
    let magnitude = x.abs().at_most(2_f64.powi(64)); // beyond, the value rounds to π/2
    let one = x.float(1.0);
    let steep = one.lt(magnitude);
    let numerator = steep.select(one, magnitude);
    let denominator = steep.select(magnitude, one);
    let angle = angle_of_ratio(numerator, denominator, steep, x.bits(0));
    x.is_nan().select(x, angle | x.sign_bit())
}

/// Angle of the point (x, y), in (-π, π].
pub fn atan2<'k>(y: Lane<'k>, x: Lane<'k>) -> Lane<'k> {
    let (height, width) = (y.abs(), x.abs());
    let steep = width.lt(height);
    let small = steep.select(width, height);
    let large = steep.select(height, width);
    // Where both are infinite the ratio is 1, where one is it is 0; where both are zero it is 0.
    let infinite = large.eq(f64::INFINITY);
    let small = infinite.select(small.eq(f64::INFINITY).select(1.0, 0.0), small);
    let large = (infinite | large.eq(0.0)).select(1.0, large);
    // Keeps the products of the division away from overflow and underflow.
    let factor = x
        .either(2_f64.powi(900), 2_f64.powi(100))
        .lt(large)
        .select(x.either(2_f64.powi(-200), 2_f64.powi(-40)), 1.0);
    let factor = large
        .lt(x.either(2_f64.powi(-700), 2_f64.powi(-80)))
        .select(x.either(2_f64.powi(300), 2_f64.powi(60)), factor);
    let angle = angle_of_ratio(
        small * factor,
        large * factor,
        steep,
        x.shift_right_signed(x.choose(63, 31)),
    );
    (x.is_nan() | y.is_nan()).select(x + y, angle | y.sign_bit())
}

/// Angle in [0, π] whose tangent is `numerator / denominator` (0 ≤ ratio ≤ 1), mirrored at π/4 where `steep` and at π/2
/// where `left`.
///
/// Ratios above tan(π/8) are first turned by π/4; so the angle is `B ± atan(q)`, `|q| ≤ tan(π/8)`, B a multiple of π/4.
fn angle_of_ratio<'k>(numerator: Lane<'k>, denominator: Lane<'k>, steep: Lane<'k>, left: Lane<'k>) -> Lane<'k> {
    let zero = numerator.float(0.0);
    let turned = (denominator * 0.414_213_562_373_095_05).lt(numerator);
    let subtract = turned.select(-denominator, zero);
    let add = turned.select(numerator, zero);
    let (q, q_low) = divide(two_sum(numerator, subtract), two_sum(denominator, add));
    // The rest of a tiny quotient underflows on the way; the quotient itself is then the angle.
    let q_low = numerator
        .lt(numerator.either(2_f64.powi(-900), 2_f64.powi(-80)))
        .select(0.0, q_low);
    let z = q * q;
    let tail = q * z * z.either_polynomial(&ATAN_TAIL, &ATAN_TAIL_F32) + (q_low - z * q_low);

    let eighths = turned.select(1.0, 0.0);
    let eighths = steep.select(2.0 - eighths, eighths);
    let eighths = left.select(4.0 - eighths, eighths);
    let mirrored = (steep ^ left).sign_bit();
    let (sum, error) = two_sum(eighths * q.either(PI_4_HI, PI_4_F32_HI), q ^ mirrored);
    sum + (error + ((tail ^ mirrored) + eighths * q.either(PI_4_LO, PI_4_F32_LO)))
}

/// What `asin` and `acos` have in common: `asin(t) = t + t·tail` for t = x where |x| < 1/2, else for t = √((1 - |x|)/2).
struct Halves<'k> {
    /// Mask of |x| < 1/2.
    near: Lane<'k>,
    /// Mask of |x| ≤ 1, meaningful where not `near`.
    far: Lane<'k>,
    tail: Lane<'k>,
    root: Root<'k>,
}

/// A square root as itself and as `high + correction`.
struct Root<'k> {
    value: Lane<'k>,
    high: Lane<'k>,
    correction: Lane<'k>,
}

fn halves(x: Lane<'_>) -> Halves<'_> {
    let magnitude = x.abs();
    let near = magnitude.lt(0.5);
    let z = near.select(x * x, (1.0 - magnitude) * 0.5);
    let value = z.sqrt();
    let high = value & x.bits(x.choose(0xffff_ffff_0000_0000, 0xffff_f000));
    // The tiny summand turns 0/0 at |x| = 1 into 0.
    let correction = (z - high * high) / (value + high + x.either(1e-300, 1e-37));
    let tail = z * z.either_polynomial(&ASIN_TAIL, &ASIN_TAIL_F32);
    Halves {
        near,
        far: magnitude.le(1.0),
        tail,
        root: Root {
            value,
            high,
            correction,
        },
    }
}
