//! The arithmetic that a training spends its time in: products of small matrices, tanh and column sums, in f32.
//!
//! Every kernel works on rows padded to [`LANES`] numbers and sums over the inner dimension in order, one fused multiply-add
//! per term. Vector registers run across columns only, so a wider register changes the speed and not one bit of the
//! result: the same seed gives the same policy with AVX-512, AVX2, NEON and in plain code. `pulp` picks the widest
//! instruction set at run time.

use pulp::{Arch, Simd, WithSimd};

/// Row length granularity: the widest register, sixteen f32.
pub(crate) const LANES: usize = 16;

/// The row length that holds `columns` numbers.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
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
    /// Hyperbolic tangent.
    Tanh,
    /// Times the slope `1 − h²` of the tanh whose output was h, `[rows, width]`.
    TanhSlope(&'a [f32]),
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

    /// All tiles of `V` registers' width from `column` on; returns the first column that is left over.
    #[inline(always)]
    fn panels<S: Simd, const V: usize>(&mut self, simd: S, mut column: usize) -> usize {
        while column + V * S::F32_LANES <= self.width {
            let mut row = 0;
            while row + 4 <= self.rows {
                self.tile::<S, 4, V>(simd, row, column);
                row += 4;
            }
            match self.rows - row {
                3 => self.tile::<S, 3, V>(simd, row, column),
                2 => self.tile::<S, 2, V>(simd, row, column),
                1 => self.tile::<S, 1, V>(simd, row, column),
                _ => {}
            }
            column += V * S::F32_LANES;
        }
        column
    }

    /// `R` rows by `V` registers, held in registers over the whole inner dimension.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, column: usize) {
        let columns = column..column + V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        match self.start {
            Start::Zero => {}
            Start::Bias(bias) => sums = [load::<S, V>(&bias[columns.clone()]); R],
            Start::Out => {
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = load::<S, V>(&self.out[(row + r) * self.width..][columns.clone()]);
                }
            }
        }
        match self.left {
            Left::Rows(values, stride) => {
                let mut rows = [values; R];
                for (r, left) in rows.iter_mut().enumerate() {
                    *left = &values[(row + r) * stride..][..self.inner];
                }
                for (k, right) in self.right.chunks_exact(self.width).take(self.inner).enumerate() {
                    let right = load::<S, V>(&right[columns.clone()]);
                    for r in 0..R {
                        multiply_add(simd, &mut sums[r], rows[r][k], &right);
                    }
                }
            }
            Left::Transposed(values, stride) => {
                let left_rows = values.chunks_exact(stride);
                for (left, right) in left_rows.zip(self.right.chunks_exact(self.width)).take(self.inner) {
                    let right = load::<S, V>(&right[columns.clone()]);
                    let left = &left[row..row + R];
                    for r in 0..R {
                        multiply_add(simd, &mut sums[r], left[r], &right);
                    }
                }
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            let place = (row + r) * self.width;
            let (out, _) = S::as_mut_simd_f32s(&mut self.out[place..][columns.clone()]);
            match self.finish {
                Finish::Store => out.copy_from_slice(sum),
                Finish::Tanh => {
                    for (out, &sum) in out.iter_mut().zip(sum) {
                        *out = tanh_lanes(simd, sum);
                    }
                }
                Finish::TanhSlope(activations) => {
                    let activations = load::<S, V>(&activations[place..][columns.clone()]);
                    for v in 0..V {
                        let slope = simd.negate_mul_add_f32s(activations[v], activations[v], simd.splat_f32s(1.0));
                        out[v] = simd.mul_f32s(sum[v], slope);
                    }
                }
            }
        }
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Four registers wide where there are 32 of them or they are short, else two.
        let column = match S::F32_LANES {
            8 => self.panels::<S, 2>(simd, 0),
            _ => self.panels::<S, 4>(simd, 0),
        };
        self.panels::<S, 1>(simd, column);
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

/// Hyperbolic tangent to 3e-7, without branches.
///
/// With y = x/2, Lambert's continued fraction of tanh cut after y²/13 is y·P(y²)/Q(y²), and tanh 2y = 2·tanh y/(1 + tanh² y)
/// both flattens its error towards ±1 and leaves one division.
#[inline(always)]
fn tanh_lanes<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    // tanh 9.2 differs from 1 by less than half a unit in the last place.
    let x = simd.min_f32s(simd.max_f32s(x, splat(-9.2)), splat(9.2));
    let y = simd.mul_f32s(x, splat(0.5));
    let y2 = simd.mul_f32s(y, y);
    // Divided by 135135, so that numbers stay near 1.
    let p = simd.mul_add_f32s(y2, splat(1.0 / 135_135.0), splat(378.0 / 135_135.0));
    let p = simd.mul_add_f32s(p, y2, splat(17_325.0 / 135_135.0));
    let p = simd.mul_add_f32s(p, y2, splat(1.0));
    let p = simd.mul_f32s(p, y);
    let q = simd.mul_add_f32s(y2, splat(28.0 / 135_135.0), splat(3_150.0 / 135_135.0));
    let q = simd.mul_add_f32s(q, y2, splat(62_370.0 / 135_135.0));
    let q = simd.mul_add_f32s(q, y2, splat(1.0));
    let squares = simd.mul_add_f32s(p, p, simd.mul_f32s(q, q));
    let product = simd.mul_f32s(p, q);
    let tanh = simd.div_f32s(simd.add_f32s(product, product), squares);
    // Rounding may carry it past 1, and then the slope 1 − h² would turn negative.
    simd.min_f32s(simd.max_f32s(tanh, splat(-1.0)), splat(1.0))
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

    #[test]
    fn tanh_is_accurate_everywhere() {
        let inputs: Vec<f32> = (-400_000..=400_000).map(|i| i as f32 * 3e-5).collect();
        let rows = inputs.len();
        let mut outputs = vec![0.0; rows * LANES];
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
            finish: Finish::Tanh,
        }
        .run();
        for (input, output) in inputs.iter().zip(outputs.chunks(LANES)) {
            let exact = libm::tanh(f64::from(*input));
            let error = (f64::from(output[0]) - exact).abs();
            assert!(
                error <= 3e-7,
                "tanh({input}) = {exact}, got {} (off by {error:e})",
                output[0]
            );
            assert!(output[0].abs() <= 1.0 && output[1] == 0.0);
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
                    for (finish, slope) in [(Finish::Store, false), (Finish::TanhSlope(&held), true)] {
                        let mut out = held.clone();
                        Product {
                            out: &mut out,
                            left,
                            right: &right,
                            rows,
                            inner,
                            width,
                            start,
                            finish,
                        }
                        .run();
                        for (place, &value) in out.iter().enumerate() {
                            let (row, column) = (place / width, place % width);
                            let begin = [0.0, bias[column], held[place]][start_at];
                            let factor = if slope { 1.0 - held[place] * held[place] } else { 1.0 };
                            assert_eq!(value, (begin + product(row, column)) * factor, "{rows}x{inner}x{width}");
                        }
                    }
                }
            }
        }
    }
}
