//! A symmetric, positive definite matrix as the product of a triangle with itself, and what follows from it.

/// Row-major square matrices of this size.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    size: usize,
    /// `L` with `matrix = L·Lᵀ`; above the diagonal nothing is read.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors `matrix`, `[size, size]`, of which the lower triangle is read.
    ///
    /// The matrices here have the prior's precision on their diagonal and so are positive definite.
    pub(crate) fn new(mut matrix: Vec<f64>, size: usize) -> Self {
        for column in 0..size {
            for row in column..size {
                let (a, b) = (row * size, column * size);
                let known: f64 = (0..column).map(|k| matrix[a + k] * matrix[b + k]).sum();
                let rest = matrix[a + column] - known;
                matrix[a + column] = match row == column {
                    true => rest.sqrt(),
                    false => rest / matrix[b + column],
                };
            }
        }
        Self { size, lower: matrix }
    }

    /// `x` with `matrix · x = right`.
    pub(crate) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let size = self.size;
        let mut x = right.to_vec();
        for row in 0..size {
            let known: f64 = (0..row).map(|k| self.lower[row * size + k] * x[k]).sum();
            x[row] = (x[row] - known) / self.lower[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|k| self.lower[k * size + row] * x[k]).sum();
            x[row] = (x[row] - known) / self.lower[row * size + row];
        }
        x
    }

    /// The inverse, `[size, size]`, symmetric to the last bit.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let size = self.size;
        let mut inverse = vec![0.0; size * size];
        for column in 0..size {
            let mut unit = vec![0.0; size];
            unit[column] = 1.0;
            let solved = self.solve(&unit);
            for row in column..size {
                inverse[row * size + column] = solved[row];
                inverse[column * size + row] = solved[row];
            }
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_by_two_by_hand() {
        // [[4, 2], [2, 3]] = [[2, 0], [1, √2]] · its transpose; determinant 8, inverse [[3, -2], [-2, 4]] / 8.
        let factors = Cholesky::new(vec![4.0, f64::NAN, 2.0, 3.0], 2);
        let close = |found: &[f64], expected: &[f64]| {
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
                "{found:?} {expected:?}"
            );
        };
        close(&factors.inverse(), &[0.375, -0.25, -0.25, 0.5]);
        close(&factors.solve(&[8.0, 16.0]), &[-1.0, 6.0]);
    }
}
