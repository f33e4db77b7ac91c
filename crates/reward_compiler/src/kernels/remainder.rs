//! `fmod`: the remainder of a division that rounds towards zero, exact for every pair of numbers.
//!
//! The quotient may have 2,098 bits, so this is a long division, 24 bits at a time; two numbers of similar size need one
//! step.

use super::{Function, builder::Lane, double_double::high_half};

/// `x - trunc(x / y) · y`, with the sign of `x`.
pub fn rem<'k>(x: Lane<'k>, y: Lane<'k>) -> Lane<'k> {
    let (dividend, divisor) = (x.abs(), y.abs());
    let valid = dividend.lt(f64::INFINITY) & x.float(0.0).lt(divisor);
    let dividend = valid.select(dividend, 0.0);
    let divisor = valid.select(divisor, 1.0);
    // A tiny divisor is first replaced by a multiple; then the rest is small enough to be scaled up with it.
    let up = 2_f64.powi(100);
    let tiny = divisor.lt(2_f64.powi(-900));
    let scaled = tiny.select(divisor * up, divisor);
    let rest = dividend.repeat(Function::RemStep, scaled);
    let rest = tiny.select(rest * up, rest).repeat(Function::RemStep, scaled);
    let rest = tiny.select(rest * (1.0 / up), rest);
    valid.select(rest | x.sign_bit(), f64::NAN)
}

/// Subtracts from `rest ≥ 0` a multiple of `divisor > 2^-900`; leaves it alone where it is smaller than the divisor.
pub fn rem_step<'k>(rest: Lane<'k>, divisor: Lane<'k>) -> Lane<'k> {
    let exponent = |value: Lane<'k>| value.shift_right(52);
    let bits = exponent(rest).integer_sub(exponent(divisor)).integer_to_float();
    let shift = (bits - 24.0).at_least(0.0);
    let half = (shift * 0.5).nearest();
    let shifted = divisor * half.power_of_two() * (shift - half).power_of_two();
    // Keeps the product below from overflowing.
    let huge = rest.float(2_f64.powi(1000)).lt(rest);
    let down = huge.select(1.0 / 16.0, 1.0);
    let (dividend, divisor_now) = (rest * down, shifted * down);
    // At most 2^25, so that both products are exact, and so are the differences.
    let quotient = (dividend / divisor_now).nearest();
    let high = high_half(divisor_now);
    let left = (dividend - quotient * high) - quotient * (divisor_now - high);
    let left = left + left.lt(0.0).select(divisor_now, 0.0);
    rest.lt(divisor).select(rest, left * huge.select(16.0, 1.0))
}
