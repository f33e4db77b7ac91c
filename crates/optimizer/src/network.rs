//! Multilayer perceptrons with tanh between the layers, in f32, over a flat parameter vector.
//!
//! The parameters of several networks lie one after the other in one vector, so that the optimiser and the gradient's norm
//! see a single list of numbers. An [`Mlp`] is only the map of its share of that vector.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use crate::kernels::{Finish, LANES, Left, Product, Start, add_rows, padded};
use crate::random::fill_normal;

/// One affine layer. Weights are `[inputs, width]`, biases `[width]`; the columns past `outputs` are zero and stay zero,
/// because no gradient reaches them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    /// Numbers in.
    pub inputs: usize,
    /// Numbers out.
    pub outputs: usize,
    /// `outputs`, padded.
    pub width: usize,
    /// Place of the weights in the parameter vector.
    pub weights: Range<usize>,
    /// Place of the biases.
    pub biases: Range<usize>,
}

/// The map of one network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mlp {
    /// The layers, first to last; tanh follows each but the last.
    pub layers: Vec<Layer>,
}

/// Scratch memory of one network for up to a fixed number of rows.
#[derive(Debug, Clone)]
pub(crate) struct Activations {
    /// Output of each layer, `[rows, width]`.
    outputs: Vec<Vec<f32>>,
    /// Gradient of the loss with respect to each layer's output before its tanh, `[rows, width]`.
    gradients: Vec<Vec<f32>>,
    /// Weights of each layer transposed, `[outputs, padded(inputs)]`.
    transposed: Vec<Vec<f32>>,
}

impl Mlp {
    /// A network through `sizes` (inputs, hidden layers, outputs), whose parameters begin at `offset`.
    pub(crate) fn new(sizes: &[usize], mut offset: usize) -> Self {
        let mut take = |count: usize| {
            offset += count;
            offset - count..offset
        };
        let layers = sizes
            .windows(2)
            .map(|pair| {
                let width = padded(pair[1]);
                Layer {
                    inputs: pair[0],
                    outputs: pair[1],
                    width,
                    weights: take(pair[0] * width),
                    biases: take(width),
                }
            })
            .collect();
        Self { layers }
    }

    /// First place in the parameter vector after this network.
    pub(crate) fn end(&self) -> usize {
        self.layers[self.layers.len() - 1].biases.end
    }

    /// Orthogonal weights, scaled by √2 and in the last layer by `last_gain`; zero biases.
    pub(crate) fn initialise(&self, parameters: &mut [f32], last_gain: f64, rng: &mut ChaCha8Rng) {
        for (index, layer) in self.layers.iter().enumerate() {
            let last = index + 1 == self.layers.len();
            let gain = if last { last_gain } else { std::f64::consts::SQRT_2 };
            let matrix = orthogonal(layer.inputs, layer.outputs, rng);
            parameters[layer.biases.clone()].fill(0.0);
            let weights = &mut parameters[layer.weights.clone()];
            weights.fill(0.0);
            for (row, values) in weights
                .chunks_exact_mut(layer.width)
                .zip(matrix.chunks_exact(layer.outputs))
            {
                for (weight, value) in row.iter_mut().zip(values) {
                    *weight = (gain * value) as f32;
                }
            }
        }
    }

    /// Scratch memory for `rows` rows.
    pub(crate) fn activations(&self, rows: usize) -> Activations {
        let per_row = |layer: &Layer| vec![0.0; rows * layer.width];
        Activations {
            outputs: self.layers.iter().map(per_row).collect(),
            gradients: self.layers.iter().map(per_row).collect(),
            transposed: self
                .layers
                .iter()
                .map(|layer| vec![0.0; layer.outputs * padded(layer.inputs)])
                .collect(),
        }
    }

    /// Outputs for `inputs` (`[rows, inputs]`, not padded): `[rows, width]` of the last layer.
    pub(crate) fn forward<'a>(
        &self,
        parameters: &[f32],
        inputs: &[f32],
        rows: usize,
        activations: &'a mut Activations,
    ) -> &'a [f32] {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, from) = activations.outputs.split_at_mut(index);
            let left = match before.last() {
                None => Left::Rows(inputs, layer.inputs),
                Some(previous) => Left::Rows(previous, padded(layer.inputs)),
            };
            Product {
                out: &mut from[0],
                left,
                right: &parameters[layer.weights.clone()],
                rows,
                inner: layer.inputs,
                width: layer.width,
                start: Start::Bias(&parameters[layer.biases.clone()]),
                finish: if index == last { Finish::Store } else { Finish::Tanh },
            }
            .run();
        }
        &activations.outputs[last][..rows * self.layers[last].width]
    }

    /// Copies the weights for [`Mlp::backward`]; once after each change of the parameters.
    pub(crate) fn transpose(&self, parameters: &[f32], activations: &mut Activations) {
        for (layer, transposed) in self.layers.iter().zip(&mut activations.transposed).skip(1) {
            let stride = padded(layer.inputs);
            for (input, row) in parameters[layer.weights.clone()].chunks_exact(layer.width).enumerate() {
                for (output, weight) in row[..layer.outputs].iter().enumerate() {
                    transposed[output * stride + input] = *weight;
                }
            }
        }
    }

    /// Adds the gradient of the loss to `gradient` (laid out as the parameters). The gradient with respect to the
    /// outputs of the latest [`Mlp::forward`] stands in [`Activations::output_and_gradient`].
    pub(crate) fn backward(&self, inputs: &[f32], rows: usize, activations: &mut Activations, gradient: &mut [f32]) {
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (below, from) = activations.gradients.split_at_mut(index);
            let output_gradient = &from[0][..rows * layer.width];
            let (left, stride) = match index {
                0 => (inputs, layer.inputs),
                _ => (activations.outputs[index - 1].as_slice(), padded(layer.inputs)),
            };
            Product {
                out: &mut gradient[layer.weights.clone()],
                left: Left::Transposed(left, stride),
                right: output_gradient,
                rows: layer.inputs,
                inner: rows,
                width: layer.width,
                start: Start::Out,
                finish: Finish::Store,
            }
            .run();
            add_rows(&mut gradient[layer.biases.clone()], output_gradient);
            if let Some(input_gradient) = below.last_mut() {
                Product {
                    out: input_gradient,
                    left: Left::Rows(output_gradient, layer.width),
                    right: &activations.transposed[index],
                    rows,
                    inner: layer.outputs,
                    width: padded(layer.inputs),
                    start: Start::Zero,
                    finish: Finish::TanhSlope(&activations.outputs[index - 1]),
                }
                .run();
            }
        }
    }
}

impl Activations {
    /// The last layer's output, and where the loss writes its gradient with respect to it; both `[rows, width]`. The
    /// padding of the gradient must stay zero.
    pub(crate) fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
        let last = self.outputs.len() - 1;
        (&self.outputs[last], &mut self.gradients[last])
    }
}

/// A random matrix `[rows, columns]` whose shorter side is orthonormal (Saxe et al. 2014, arXiv:1312.6120).
fn orthogonal(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut normals = vec![0.0_f32; length.next_multiple_of(LANES)];
        fill_normal(rng, &mut normals);
        let mut vector: Vec<f64> = normals[..length].iter().map(|&normal| f64::from(normal)).collect();
        // Twice, because one pass of Gram-Schmidt loses orthogonality to rounding.
        for _ in 0..2 {
            for other in &vectors {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm > 1e-6 {
            vector.iter_mut().for_each(|value| *value /= norm);
            vectors.push(vector);
        }
    }
    let at = |row: usize, column: usize| match rows <= columns {
        true => vectors[row][column],
        false => vectors[column][row],
    };
    (0..rows * columns)
        .map(|place| at(place / columns, place % columns))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn orthogonal_matrices_are_orthonormal_along_their_shorter_side() {
        for (rows, columns) in [(3, 7), (7, 3), (5, 5), (1, 4)] {
            let matrix = orthogonal(rows, columns, &mut stream(1, "test"));
            let (count, length) = (rows.min(columns), rows.max(columns));
            let at = |vector: usize, i: usize| match rows <= columns {
                true => matrix[vector * columns + i],
                false => matrix[i * columns + vector],
            };
            for a in 0..count {
                for b in 0..count {
                    let dot: f64 = (0..length).map(|i| at(a, i) * at(b, i)).sum();
                    assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12);
                }
            }
        }
    }

    /// The backward pass against central differences of L = Σ c·y, for every parameter.
    #[test]
    fn gradients_agree_with_finite_differences() {
        let mlp = Mlp::new(&[5, 19, 7, 3], 4);
        let mut parameters = vec![0.0; mlp.end()];
        mlp.initialise(&mut parameters, 1.0, &mut stream(3, "test"));
        let rows = 6;
        let mut inputs = vec![0.0; rows * 5];
        fill_normal(&mut stream(4, "test"), &mut inputs);
        let mut coefficients = vec![0.0; rows * 16];
        fill_normal(&mut stream(5, "test"), &mut coefficients);
        coefficients
            .iter_mut()
            .enumerate()
            .for_each(|(i, c)| *c *= f32::from(u8::from(i % 16 < 3)));

        let mut activations = mlp.activations(rows);
        mlp.forward(&parameters, &inputs, rows, &mut activations);
        mlp.transpose(&parameters, &mut activations);
        activations.output_and_gradient().1.copy_from_slice(&coefficients);
        let mut gradient = vec![0.0; parameters.len()];
        mlp.backward(&inputs, rows, &mut activations, &mut gradient);

        let mut loss = |parameters: &[f32]| -> f64 {
            let outputs = mlp.forward(parameters, &inputs, rows, &mut activations);
            outputs
                .iter()
                .zip(&coefficients)
                .map(|(y, c)| f64::from(*y) * f64::from(*c))
                .sum()
        };
        for layer in &mlp.layers {
            let columns = layer.weights.clone().chain(layer.biases.clone());
            for place in columns.filter(|place| (place - layer.weights.start) % layer.width < layer.outputs) {
                let mut moved = parameters.clone();
                moved[place] += 1e-2;
                let above = loss(&moved);
                moved[place] = parameters[place] - 1e-2;
                let numeric = (above - loss(&moved)) / 2e-2;
                let error = (numeric - f64::from(gradient[place])).abs();
                assert!(
                    error < 2e-3 * (1.0 + numeric.abs()),
                    "{place}: {numeric} against {}",
                    gradient[place]
                );
            }
        }
    }

    #[test]
    fn padding_has_no_gradient() {
        let mlp = Mlp::new(&[2, 3, 1], 0);
        let mut parameters = vec![0.0; mlp.end()];
        mlp.initialise(&mut parameters, 1.0, &mut stream(3, "test"));
        let mut activations = mlp.activations(2);
        mlp.forward(&parameters, &[0.5, -1.0, 2.0, 0.1], 2, &mut activations);
        mlp.transpose(&parameters, &mut activations);
        activations.output_and_gradient().1[0] = 1.0;
        let mut gradient = vec![0.0; parameters.len()];
        mlp.backward(&[0.5, -1.0, 2.0, 0.1], 2, &mut activations, &mut gradient);
        for layer in &mlp.layers {
            for row in gradient[layer.weights.start..layer.biases.end].chunks(layer.width) {
                assert!(row[layer.outputs..].iter().all(|&value| value == 0.0));
            }
        }
        assert!(gradient.iter().any(|&value| value != 0.0));
    }
}
