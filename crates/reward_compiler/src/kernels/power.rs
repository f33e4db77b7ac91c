//! `pow`: `|x|^y = exp(y · log|x|)`.
//!
//! An error in the exponent grows with the exponent, up to 745, so the logarithm is taken to some 65 bits and its product
//! with `y` stays a pair.

use super::{
    builder::Lane,
    coefficients::{LN2_HI, LN2_LO, LOG_TAIL_2, TWO_THIRDS_HI, TWO_THIRDS_LO},
    double_double::{divide, quick_two_sum, two_product, two_sum},
    exponential::{Reduced, reduce, scale},
    logarithm::decompose,
};

/// x^y with the special cases of C99, annex F.
pub fn pow<'k>(x: Lane<'k>, y: Lane<'k>) -> Lane<'k> {
    with_special_cases(x, y, |base| magnitude(base, y))
}

/// x^y where `magnitude` gives it for positive finite bases.
pub fn with_special_cases<'k>(x: Lane<'k>, y: Lane<'k>, magnitude: impl FnOnce(Lane<'k>) -> Lane<'k>) -> Lane<'k> {
    let base = x.abs();
    let magnitude = magnitude(base);
    // A zero or infinite base gives zero or infinity.
    let vanishing = base.eq(0.0);
    let becomes_zero = vanishing ^ y.lt(0.0);
    let extreme = becomes_zero.select(0.0, f64::INFINITY);
    let magnitude = (vanishing | base.eq(f64::INFINITY)).select(extreme, magnitude);

    let half = y * 0.5;
    let integer = y.trunc().eq(y);
    let odd = integer & half.trunc().ne(half);
    let signed = magnitude ^ (odd & x.sign_bit());
    // A negative finite base has powers for integers only.
    let undefined = x.lt(0.0) & x.ne(f64::NEG_INFINITY) & !integer;
    let value = (undefined | x.is_nan() | y.is_nan()).select(f64::NAN, signed);
    (x.eq(1.0) | y.eq(0.0)).select(1.0, value)
}

/// `base^y` for a positive finite base.
fn magnitude<'k>(base: Lane<'k>, y: Lane<'k>) -> Lane<'k> {
    // |log| ≥ 2^-53 unless the base is 1, so that a larger exponent gives the same zero or infinity.
    let limit = 2_f64.powi(70);
    let y = y.at_least(-limit).at_most(limit);
    let (log, log_low) = log_pair(base);
    let (product, error) = two_product(y, log);
    let product_low = product.abs().lt(800.0).select(error + y * log_low, 0.0);
    let Reduced { n, r, tail } = reduce(product.at_least(-800.0).at_most(800.0), product_low);
    scale(1.0 + (r + tail), n)
}

/// Logarithm of a positive finite number as a pair, to some 65 bits.
///
/// With `s = f / (2 + f)`: `log(1 + f) = 2s + s·z·(2/3 + z·Q(z))`, z = s².
fn log_pair(x: Lane<'_>) -> (Lane<'_>, Lane<'_>) {
    let (k, mantissa) = decompose(x);
    let f = mantissa - 1.0;
    let (s, s_low) = divide((f, x.float(0.0)), two_sum(x.float(2.0), f));
    let (z, z_error) = two_product(s, s);
    let z_low = z_error + 2.0 * s * s_low;
    let (u, u_error) = quick_two_sum(x.float(TWO_THIRDS_HI), z * z.polynomial(&LOG_TAIL_2));
    let u_low = u_error + TWO_THIRDS_LO;
    let (v, v_error) = two_product(z, u);
    let v_low = v_error + (z * u_low + z_low * u);
    let (w, w_error) = two_product(s, v);
    let w_low = w_error + (s * v_low + s_low * v);
    let (log, log_error) = quick_two_sum(2.0 * s, w);
    let log_low = log_error + (w_low + 2.0 * s_low);

    let (sum, sum_error) = two_sum(k * LN2_HI, log);
    quick_two_sum(sum, sum_error + (log_low + k * LN2_LO))
}
