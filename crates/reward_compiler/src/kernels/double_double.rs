//! Sums and products with their rounding errors: unevaluated pairs of floats that carry some 106 bits.
//!
//! Source: Dekker, "A floating-point technique for extending the available precision", 1971; Knuth, TAOCP vol. 2, 4.2.2.

use super::builder::Lane;

/// `a + b` rounded, and what the rounding lost.
pub fn two_sum<'k>(a: Lane<'k>, b: Lane<'k>) -> (Lane<'k>, Lane<'k>) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// As [`two_sum`], where `|a| ≥ |b|` or `a = 0`.
pub fn quick_two_sum<'k>(a: Lane<'k>, b: Lane<'k>) -> (Lane<'k>, Lane<'k>) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `a · b` rounded, and what the rounding lost (to 2^-106 of the product).
pub fn two_product<'k>(a: Lane<'k>, b: Lane<'k>) -> (Lane<'k>, Lane<'k>) {
    let product = a * b;
    let (a_high, b_high) = (high_half(a), high_half(b));
    let (a_low, b_low) = (a - a_high, b - b_high);
    let error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, error)
}

/// `(numerator + its low part) / (denominator + its low part)`: the quotient rounded, and the rest.
pub fn divide<'k>(numerator: (Lane<'k>, Lane<'k>), denominator: (Lane<'k>, Lane<'k>)) -> (Lane<'k>, Lane<'k>) {
    let quotient = numerator.0 / denominator.0;
    let (product, error) = two_product(quotient, denominator.0);
    let rest = ((numerator.0 - product) - error) + (numerator.1 - quotient * denominator.1);
    (quotient, rest / denominator.0)
}

/// The first 26 bits, or 12 of an f32; products of two such halves are exact. Masking, unlike Veltkamp's splitting, cannot
/// overflow.
pub fn high_half(a: Lane<'_>) -> Lane<'_> {
    a & a.bits(a.choose(0xffff_ffff_f800_0000, 0xffff_f000))
}
