//! Angles modulo π/2: `x = quadrant · π/2 + r + r_low`, `|r| ≤ π/4` (a little more at the edges).
//!
//! Up to [`MEDIUM`] multiples of π/2, split into parts whose products are exact, are subtracted (Cody and Waite, 1980).
//! Beyond it, only those binary digits of 2/π are multiplied that decide the fraction (Payne and Hanek, 1983).

use super::{
    builder::Lane,
    coefficients::{PI_2_HI, PI_2_LO, PI_2_PARTS, TWO_OVER_PI, TWO_OVER_PI_PADDING},
    double_double::{quick_two_sum, two_product, two_sum},
    lanes::Table,
};

/// Largest magnitude for [`reduce_medium`]: 2^20 quadrants.
pub const MEDIUM: f64 = 1_647_099.0;

/// An angle after reduction.
pub struct Reduced<'k> {
    /// An integer; its two lowest bits count.
    pub quadrant: Lane<'k>,
    /// The angle within its quadrant, in radians.
    pub r: Lane<'k>,
    /// Rounding error of `r`.
    pub r_low: Lane<'k>,
}

/// Reduces |x| ≤ [`MEDIUM`].
pub fn reduce_medium(x: Lane<'_>) -> Reduced<'_> {
    let n = (x * TWO_OVER_PI).nearest();
    let [first, second, third, rest] = PI_2_PARTS;
    let (a, a_error) = two_sum(x - n * first, -(n * second));
    let (b, b_error) = two_sum(a, -(n * third));
    let (r, r_low) = quick_two_sum(b, (a_error + b_error) - n * rest);
    Reduced {
        quadrant: n.float_to_low_bits(),
        r,
        r_low,
    }
}

/// Reduces |x| > [`MEDIUM`], to a relative error of `r + r_low` below 2^-60 for every float.
///
/// `x = m·2^e`. Dropping multiples of 4 from `x · 2/π` leaves a window into the digits of 2/π that starts at bit `e`, or,
/// with `m` shifted by up to 31 bits, at a word.
pub fn reduce_far(x: Lane<'_>) -> Reduced<'_> {
    let low_word = x.bits(0xffff_ffff);
    let magnitude = x.abs();
    let m = (magnitude & x.bits((1 << 52) - 1)) | x.bits(1 << 52);
    // The window's start in bits, counted in the padded table: e + 32·padding - 2, where e = exponent field - 1075.
    let exponent_field = magnitude.shift_right(52);
    let start = exponent_field.integer_add(x.bits((32 * TWO_OVER_PI_PADDING - 2 - 1075) as u64));
    // The callers' lanes may hold anything, so the index is forced into the table.
    let word_index = start.shift_right(5) & x.bits(63);
    let bit_index = start & x.bits(31);
    let power = integer_power_of_two(bit_index);

    // m · 2^bit_index as three words.
    let low = (m & low_word).integer_mul(power);
    let high = m.shift_right(32).integer_mul(power).integer_add(low.shift_right(32));
    let multiplier = [low & low_word, high & low_word, high.shift_right(32)];

    let fraction = product_fraction(word_index, multiplier);
    let (quadrant, r, r_low) = quadrant_and_angle(fraction);
    // For a negative x everything changes its sign.
    let sign = x.sign_bit();
    let negative = x.shift_right_signed(63);
    let negated = x.bits(0).integer_sub(quadrant);
    Reduced {
        quadrant: negative.select(negated, quadrant),
        r: r ^ sign,
        r_low: r_low ^ sign,
    }
}

/// Words of the window: the fraction has 4, and 3 more pass on their carries.
const WINDOW: usize = 7;

/// 2^bits for 0 ≤ bits < 32, as an integer: the mantissa of the float 2^bits + 2^52.
fn integer_power_of_two(bits: Lane<'_>) -> Lane<'_> {
    let power = bits.shift_left(52).integer_add(bits.float(1.0));
    (power + bits.float(2_f64.powi(52))) & bits.bits((1 << 52) - 1)
}

/// Fraction of `window · multiplier` as four words, most significant first.
///
/// Word i of the window has weight 2^(-32(i+1)), word j of the multiplier 2^(32j); products of weight 2^(-32k), k ≥ 1, are
/// kept in column k. Sums of a column stay below 2^37.
fn product_fraction<'k>(word_index: Lane<'k>, multiplier: [Lane<'k>; 3]) -> [Lane<'k>; 4] {
    let low_word = word_index.bits(0xffff_ffff);
    let zero = word_index.bits(0);
    let mut columns = [zero; WINDOW + 2];
    for i in 0..WINDOW {
        let word = word_index
            .integer_add(word_index.bits(i as u64))
            .lookup(Table::TwoOverPi);
        for (j, &part) in multiplier.iter().enumerate() {
            let Some(column) = (i + 1).checked_sub(j) else { continue };
            let product = word.integer_mul(part);
            columns[column] = columns[column].integer_add(product & low_word);
            if column > 0 {
                columns[column - 1] = columns[column - 1].integer_add(product.shift_right(32));
            }
        }
    }
    for column in (1..columns.len()).rev() {
        let carry = columns[column].shift_right(32);
        columns[column] = columns[column] & low_word;
        columns[column - 1] = columns[column - 1].integer_add(carry);
    }
    [columns[1], columns[2], columns[3], columns[4]]
}

/// A fraction of a full turn as the nearest quadrant and the angle from there.
fn quadrant_and_angle(fraction: [Lane<'_>; 4]) -> (Lane<'_>, Lane<'_>, Lane<'_>) {
    let [first, second, third, fourth] = fraction;
    let upper = first.shift_left(32) | second;
    let lower = third.shift_left(32) | fourth;
    let quadrant = upper.integer_add(first.bits(1 << 61)).shift_right(62);
    // Without the two bits of the quadrant what is left is a signed fraction of a quadrant.
    let upper = upper.shift_left(2) | lower.shift_right(62);
    let lower = lower.shift_left(2);
    let low_word = first.bits(0xffff_ffff);
    let a = upper.shift_right_signed(32).integer_to_float() * 2_f64.powi(-32);
    let b = (upper & low_word).integer_to_float() * 2_f64.powi(-64);
    let c = lower.shift_right(32).integer_to_float() * 2_f64.powi(-96);
    let d = (lower & low_word).integer_to_float() * 2_f64.powi(-128);
    let (ab, ab_error) = two_sum(a, b);
    let (abc, abc_error) = two_sum(ab, c);
    let (high, low) = quick_two_sum(abc, ab_error + abc_error + d);
    let (r, r_error) = two_product(high, first.float(PI_2_HI));
    let (r, r_low) = quick_two_sum(r, r_error + (high * PI_2_LO + low * PI_2_HI));
    (quadrant, r, r_low)
}
