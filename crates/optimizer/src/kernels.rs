//! The arithmetic that a training spends its time in: products of small matrices, activations and column sums, in f32.
//!
//! Every kernel works on rows padded to [`LANES`] numbers and sums over the inner dimension in order, one fused multiply-add
//! per term. Vector registers run across columns only, so a wider register changes the speed and not one bit of the
//! result: the same seed gives the same policy with AVX-512, AVX2, NEON and in plain code. `pulp` picks the widest
//! instruction set at run time.

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

/// Row length granularity: the widest register, sixteen f32.
pub(crate) const LANES: usize = 16;

/// The row length that holds `columns` numbers.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// What each hidden unit does with its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// `max(x, 0)`.
    Relu,
    /// `x` above zero, `exp(x) − 1` below (Clevert et al. 2016, arXiv:1511.07289, with α = 1).
    Elu,
}

/// The left factor of a [`Product`], `[rows, inner]`.
#[derive(Clone, Copy)]
pub(crate) enum Left<'a> {
    /// Stored row by row with this stride.
    Rows(&'a [f32], usize),
    /// Stored transposed, `[inner, stride]`: what a weight gradient reads.
    Transposed(&'a [f32], usize),
}

/// What a [`Product`] adds to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Nothing.
    Zero,
    /// One row for all rows, `[width]`.
    Bias(&'a [f32]),
    /// What `out` holds already.
    Out,
}

/// What happens to each number of a [`Product`] on its way to memory.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    /// Nothing.
    Store,
    /// The activation of it.
    Activate(Activation),
    /// Times the activation's slope where its output was h, `[rows, width]`.
    Slope(Activation, &'a [f32]),
}

/// `out = finish(start + left · right)`.
pub(crate) struct Product<'a> {
    /// `[rows, width]`.
    pub out: &'a mut [f32],
    /// `[rows, inner]`.
    pub left: Left<'a>,
    /// `[inner, width]`.
    pub right: &'a [f32],
    /// Rows of the result.
    pub rows: usize,
    /// Summed over.
    pub inner: usize,
    /// Columns of the result, a multiple of [`LANES`].
    pub width: usize,
    /// What the sum starts from.
    pub start: Start<'a>,
    /// What is done with it.
    pub finish: Finish<'a>,
}

impl Product<'_> {
    /// Computes it.
    pub(crate) fn run(self) {
        debug_assert_eq!(self.width % LANES, 0);
        Arch::new().dispatch(self);
    }

    /// All tiles of `R` rows by `V` registers from `column` on; returns the first column that is left over.
    #[inline(always)]
    fn panels<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, mut column: usize) -> usize {
        while column + V * S::F32_LANES <= self.width {
            let mut row = 0;
            while row + R <= self.rows {
                self.tile::<S, R, V>(simd, row, column);
                row += R;
            }
            while row + 2 <= self.rows {
                self.tile::<S, 2, V>(simd, row, column);
                row += 2;
            }
            if row < self.rows {
                self.tile::<S, 1, V>(simd, row, column);
            }
            column += V * S::F32_LANES;
        }
        column
    }

    /// `R` rows by `V` registers, held in registers over the whole inner dimension. Sums are only ever indexed by constants,
    /// and nothing in the loops can panic: either would send them to memory in every round. There is no closure either, which
    /// would be compiled for the machine without vectors.
    #[expect(clippy::needless_range_loop, reason = "constant indices keep the sums in registers")]
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, column: usize) {
        let columns = column..column + V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        match self.start {
            Start::Zero => {}
            Start::Bias(bias) => sums = [load::<S, V>(&bias[columns.clone()]); R],
            Start::Out => {
                for r in 0..R {
                    sums[r] = load::<S, V>(&self.out[(row + r) * self.width..][columns.clone()]);
                }
            }
        }
        let sums = match self.left {
            Left::Rows(values, stride) => {
                let mut rows = [values; R];
                for r in 0..R {
                    rows[r] = &values[(row + r) * stride..][..self.inner];
                }
                self.add_rows_of::<S, R, V>(simd, sums, rows, column)
            }
            Left::Transposed(values, stride) => {
                self.add_columns_of::<S, R, V>(simd, sums, &values[row..], stride, column)
            }
        };
        for r in 0..R {
            let place = (row + r) * self.width;
            let mut finished = sums[r];
            match self.finish {
                Finish::Store => {}
                Finish::Activate(activation) => {
                    for v in 0..V {
                        finished[v] = match activation {
                            Activation::Tanh => tanh_lanes(simd, sums[r][v]),
                            Activation::Relu => simd.max_f32s(simd.splat_f32s(0.0), sums[r][v]),
                            Activation::Elu => elu_lanes(simd, sums[r][v]),
                        };
                    }
                }
                Finish::Slope(activation, outputs) => {
                    let outputs = load::<S, V>(&outputs[place..][columns.clone()]);
                    for v in 0..V {
                        finished[v] = simd.mul_f32s(sums[r][v], slope_lanes(simd, activation, outputs[v]));
                    }
                }
            }
            let (out, _) = S::as_mut_simd_f32s(&mut self.out[place..][columns.clone()]);
            *out.first_chunk_mut().expect("the range is V registers long") = finished;
        }
    }

    /// `sums` plus the products of `rows` of the left factor, each as long as the inner dimension.
    #[expect(clippy::needless_range_loop, reason = "constant indices keep the sums in registers")]
    #[inline(always)]
    fn add_rows_of<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        mut sums: [[S::f32s; V]; R],
        rows: [&[f32]; R],
        column: usize,
    ) -> [[S::f32s; V]; R] {
        let end = column + V * S::F32_LANES;
        assert!(end <= self.width);
        let (inner, mut rows) = (self.inner, rows);
        for r in 0..R {
            rows[r] = &rows[r][..inner];
        }
        for (k, right) in (0..inner).zip(self.right.chunks_exact(self.width)) {
            let right = load::<S, V>(&right[column..end]);
            for r in 0..R {
                multiply_add(simd, &mut sums[r], rows[r][k], &right);
            }
        }
        sums
    }

    /// The same for `R` columns of a left factor that is stored transposed, from the first number of `values` on.
    #[inline(always)]
    fn add_columns_of<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        mut sums: [[S::f32s; V]; R],
        values: &[f32],
        stride: usize,
        column: usize,
    ) -> [[S::f32s; V]; R] {
        let end = column + V * S::F32_LANES;
        assert!(end <= self.width);
        let right_rows = self.right.chunks_exact(self.width);
        for (left, right) in values.chunks(stride).zip(right_rows).take(self.inner) {
            let right = load::<S, V>(&right[column..end]);
            let Some(left) = left.first_chunk::<R>() else {
                return sums;
            };
            for r in 0..R {
                multiply_add(simd, &mut sums[r], left[r], &right);
            }
        }
        sums
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Four registers wide where there are 32 of them or they are short, else two; what is left is one wide and twice as tall,
        // so that sums need not wait for each other.
        let column = match S::F32_LANES {
            8 => self.panels::<S, 4, 2>(simd, 0),
            _ => self.panels::<S, 4, 4>(simd, 0),
        };
        self.panels::<S, 8, 1>(simd, column);
    }
}

#[inline(always)]
fn load<S: Simd, const V: usize>(values: &[f32]) -> [S::f32s; V] {
    let (vectors, _) = S::as_simd_f32s(values);
    *vectors.first_chunk().expect("the caller cut V registers")
}

#[inline(always)]
fn multiply_add<S: Simd, const V: usize>(simd: S, sums: &mut [S::f32s; V], left: f32, right: &[S::f32s; V]) {
    let left = simd.splat_f32s(left);
    for v in 0..V {
        sums[v] = simd.mul_add_f32s(left, right[v], sums[v]);
    }
}

/// Numerator and denominator of tanh y for |y| ≤ 4.6: Lambert's continued fraction cut after y²/13 is y·P(y²)/Q(y²).
///
/// It is exact to rounding near 0 and off by 1e-4 at the ends; both functions below double its argument, which flattens
/// that error towards their asymptotes.
#[inline(always)]
fn tanh_fraction<S: Simd>(simd: S, y: S::f32s) -> (S::f32s, S::f32s) {
    let splat = |value: f32| simd.splat_f32s(value);
    let y2 = simd.mul_f32s(y, y);
    // Divided by 135135, so that numbers stay near 1.
    let p = simd.mul_add_f32s(y2, splat(1.0 / 135_135.0), splat(378.0 / 135_135.0));
    let p = simd.mul_add_f32s(p, y2, splat(17_325.0 / 135_135.0));
    let p = simd.mul_add_f32s(p, y2, splat(1.0));
    let q = simd.mul_add_f32s(y2, splat(28.0 / 135_135.0), splat(3_150.0 / 135_135.0));
    let q = simd.mul_add_f32s(q, y2, splat(62_370.0 / 135_135.0));
    let q = simd.mul_add_f32s(q, y2, splat(1.0));
    (simd.mul_f32s(p, y), q)
}

/// Hyperbolic tangent to 3e-7, without branches: with tanh y = p/q at y = x/2, tanh 2y = 2pq/(p² + q²).
#[inline(always)]
fn tanh_lanes<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    // tanh 9.2 differs from 1 by less than half a unit in the last place.
    let x = simd.min_f32s(simd.max_f32s(x, splat(-9.2)), splat(9.2));
    let (p, q) = tanh_fraction(simd, simd.mul_f32s(x, splat(0.5)));
    let squares = simd.mul_add_f32s(p, p, simd.mul_f32s(q, q));
    let product = simd.mul_f32s(p, q);
    let tanh = simd.div_f32s(simd.add_f32s(product, product), squares);
    // Rounding may carry it past 1, and then the slope 1 − h² would turn negative.
    simd.min_f32s(simd.max_f32s(tanh, splat(-1.0)), splat(1.0))
}

/// `max(x, 0) + expm1(min(x, 0))`, of which one part is zero; its relative error is below 4e-7 everywhere.
///
/// With tanh y = p/q at y = x/4, e = expm1 2y = 2p/(q − p), in which nothing cancels since p ≤ 0, and expm1 4y = e·(e + 2).
#[inline(always)]
fn elu_lanes<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    // expm1 −17.4 differs from −1 by less than half a unit in the last place.
    let below = simd.max_f32s(splat(-17.4), simd.min_f32s(splat(0.0), x));
    let (p, q) = tanh_fraction(simd, simd.mul_f32s(below, splat(0.25)));
    let e = simd.div_f32s(simd.add_f32s(p, p), simd.sub_f32s(q, p));
    let below = simd.mul_add_f32s(e, e, simd.add_f32s(e, e));
    // The slope h + 1 must not turn negative.
    let below = simd.max_f32s(splat(-1.0), below);
    simd.add_f32s(simd.max_f32s(splat(0.0), x), below)
}

/// Slope of an activation where its output was `h`.
#[inline(always)]
fn slope_lanes<S: Simd>(simd: S, activation: Activation, h: S::f32s) -> S::f32s {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    match activation {
        Activation::Tanh => simd.negate_mul_add_f32s(h, h, one),
        Activation::Relu => simd.select_f32s(simd.greater_than_f32s(h, zero), one, zero),
        Activation::Elu => simd.add_f32s(simd.min_f32s(zero, h), one),
    }
}

/// Replaces each of `values` by its hyperbolic tangent, to 3e-7: the squashing of actions.
pub(crate) fn tanh(values: &mut [f32]) {
    struct InPlace<'a>(&'a mut [f32]);
    impl WithSimd for InPlace<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (whole, rest) = S::as_mut_simd_f32s(self.0);
            for vector in whole {
                *vector = tanh_lanes(simd, *vector);
            }
            let last = tanh_lanes(simd, simd.partial_load_f32s(rest));
            simd.partial_store_f32s(rest, last);
        }
    }
    Arch::new().dispatch(InPlace(values));
}

/// Adds the rows of `matrix` (`[_, sums.len()]`) to `sums`.
pub(crate) fn add_rows(sums: &mut [f32], matrix: &[f32]) {
    Arch::new().dispatch(|| {
        for row in matrix.chunks_exact(sums.len()) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number from −`limit` to `limit` in steps of `step` through an activation.
    fn activated(activation: Activation, limit: f32, step: f32) -> Vec<(f32, f32)> {
        let count = (limit / step) as i32;
        let inputs: Vec<f32> = (-count..=count).map(|i| i as f32 * step).collect();
        let rows = inputs.len();
        let mut outputs = vec![f32::NAN; rows * LANES];
        let mut one = vec![0.0; LANES];
        one[0] = 1.0;
        Product {
            out: &mut outputs,
            left: Left::Rows(&inputs, 1),
            right: &one,
            rows,
            inner: 1,
            width: LANES,
            start: Start::Zero,
            finish: Finish::Activate(activation),
        }
        .run();
        assert!(
            outputs
                .chunks(LANES)
                .all(|row| row[1..].iter().all(|&value| value == 0.0))
        );
        inputs.into_iter().zip(outputs.into_iter().step_by(LANES)).collect()
    }

    #[test]
    fn tanh_is_accurate_everywhere() {
        for (input, output) in activated(Activation::Tanh, 12.0, 3e-5) {
            let exact = libm::tanh(f64::from(input));
            let error = (f64::from(output) - exact).abs();
            assert!(
                error <= 3e-7,
                "tanh({input}) = {exact}, got {output} (off by {error:e})"
            );
            assert!(output.abs() <= 1.0);
        }
    }

    #[test]
    fn elu_is_accurate_everywhere() {
        for (limit, step) in [(24.0, 3e-5), (1e-3, 1e-8), (1e30, 1e26)] {
            for (input, output) in activated(Activation::Elu, limit, step) {
                let exact = match f64::from(input) {
                    x if x > 0.0 => x,
                    x => libm::expm1(x),
                };
                let error = (f64::from(output) - exact).abs();
                assert!(
                    error <= 4e-7 * exact.abs(),
                    "elu({input}) = {exact}, got {output} (off by {error:e})"
                );
                assert!(output >= -1.0);
            }
        }
    }

    #[test]
    fn relu_is_exact() {
        for (input, output) in activated(Activation::Relu, 2.0, 1e-3) {
            assert_eq!(output, input.max(0.0));
        }
    }

    /// The squashing of actions and the hidden units are one function, whatever the length.
    #[test]
    fn tanh_in_place_is_the_same_tanh() {
        let pairs = activated(Activation::Tanh, 10.0, 0.37);
        for length in [0, 1, 3, 15, 16, 17, 50] {
            let mut values: Vec<f32> = pairs[..length].iter().map(|pair| pair.0).collect();
            tanh(&mut values);
            assert!(
                values.iter().zip(&pairs).all(|(value, pair)| *value == pair.1),
                "{length}"
            );
        }
    }

    #[test]
    fn products_agree_with_the_definition() {
        // Rows, inner size and width that leave remainders in every loop.
        for (rows, inner, width) in [
            (1, 1, 16),
            (3, 5, 16),
            (7, 11, 48),
            (8, 3, 64),
            (6, 17, 80),
            (5, 64, 128),
        ] {
            let number = |i: usize| ((i * 37 + 11) % 29) as f32 / 8.0 - 1.5;
            let left: Vec<f32> = (0..rows * inner).map(number).collect();
            let transposed: Vec<f32> = (0..rows * inner).map(|i| left[(i % rows) * inner + i / rows]).collect();
            let right: Vec<f32> = (0..inner * width).map(|i| number(i + 5)).collect();
            let bias: Vec<f32> = (0..width).map(|i| number(i + 9)).collect();
            let held: Vec<f32> = (0..rows * width).map(|i| number(i + 2)).collect();
            let product = |row: usize, column: usize| -> f32 {
                (0..inner)
                    .map(|k| left[row * inner + k] * right[k * width + column])
                    .sum()
            };
            // Every number here is a small multiple of 1/64, so sums are exact in any order.
            for (start, start_at) in [(Start::Zero, 0), (Start::Bias(&bias), 1), (Start::Out, 2)] {
                for left in [Left::Rows(&left, inner), Left::Transposed(&transposed, rows)] {
                    for finish in [
                        None,
                        Some(Activation::Tanh),
                        Some(Activation::Relu),
                        Some(Activation::Elu),
                    ] {
                        let mut out = held.clone();
                        Product {
                            out: &mut out,
                            left,
                            right: &right,
                            rows,
                            inner,
                            width,
                            start,
                            finish: finish.map_or(Finish::Store, |activation| Finish::Slope(activation, &held)),
                        }
                        .run();
                        for (place, &value) in out.iter().enumerate() {
                            let (row, column) = (place / width, place % width);
                            let begin = [0.0, bias[column], held[place]][start_at];
                            let factor = match finish {
                                Some(Activation::Tanh) => 1.0 - held[place] * held[place],
                                Some(Activation::Relu) => f32::from(u8::from(held[place] > 0.0)),
                                Some(Activation::Elu) => held[place].min(0.0) + 1.0,
                                None => 1.0,
                            };
                            assert_eq!(value, (begin + product(row, column)) * factor, "{rows}x{inner}x{width}");
                        }
                    }
                }
            }
        }
    }
}
