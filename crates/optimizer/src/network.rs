//! Multilayer perceptrons in f32 over a flat parameter vector: outputs, and gradients for parameters or inputs.
//!
//! The parameters of several networks lie one after the other in one vector, so that the optimiser and the gradient's norm
//! see a single list of numbers. An [`Mlp`] is only the map of its share of that vector.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use crate::kernels::{Activation, Finish, LANES, Left, Product, Start, add_rows, padded};
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
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// What follows each layer but the last.
    pub activation: Activation,
}

/// Scratch memory of one network for up to a fixed number of rows.
#[derive(Debug, Clone)]
pub(crate) struct Activations {
    /// Output of each layer, `[rows, width]`.
    outputs: Vec<Vec<f32>>,
    /// Gradient of the loss with respect to each layer's output before its activation, `[rows, width]`.
    gradients: Vec<Vec<f32>>,
    /// Weights of each layer transposed, `[outputs, padded(inputs)]`; of the first layer only where `input_gradient` is.
    transposed: Vec<Vec<f32>>,
    /// Gradient with respect to the inputs, `[rows, padded(inputs)]`; empty where nobody asks for it.
    input_gradient: Vec<f32>,
}

impl Mlp {
    /// A network through `sizes` (inputs, hidden layers, outputs), whose parameters begin at `offset`.
    pub(crate) fn new(sizes: &[usize], activation: Activation, mut offset: usize) -> Self {
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
        Self { layers, activation }
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
        let transposed = |layer: &Layer| vec![0.0; layer.outputs * padded(layer.inputs)];
        let above_first = self.layers.iter().skip(1).map(transposed);
        Activations {
            outputs: self.layers.iter().map(per_row).collect(),
            gradients: self.layers.iter().map(per_row).collect(),
            transposed: std::iter::once(Vec::new()).chain(above_first).collect(),
            input_gradient: Vec::new(),
        }
    }

    /// Scratch memory for `rows` rows, [`Mlp::input_gradient`] included.
    pub(crate) fn activations_for_inputs(&self, rows: usize) -> Activations {
        let mut activations = self.activations(rows);
        let first = &self.layers[0];
        activations.transposed[0] = vec![0.0; first.outputs * padded(first.inputs)];
        activations.input_gradient = vec![0.0; rows * padded(first.inputs)];
        activations
    }

    /// Outputs `[rows, width]` of the last layer. The inputs are the first numbers of each of `rows` rows that lie `stride`
    /// apart, not padded; a row may hold more that this network does not read.
    pub(crate) fn forward<'a>(
        &self,
        parameters: &[f32],
        inputs: &[f32],
        stride: usize,
        rows: usize,
        activations: &'a mut Activations,
    ) -> &'a [f32] {
        debug_assert!(stride >= self.layers[0].inputs);
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, from) = activations.outputs.split_at_mut(index);
            let left = match before.last() {
                None => Left::Rows(inputs, stride),
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
                finish: match index == last {
                    true => Finish::Store,
                    false => Finish::Activate(self.activation),
                },
            }
            .run();
        }
        &activations.outputs[last][..rows * self.layers[last].width]
    }

    /// Copies the weights for [`Mlp::backward`] and [`Mlp::input_gradient`]; once after each change of the parameters.
    pub(crate) fn transpose(&self, parameters: &[f32], activations: &mut Activations) {
        for (layer, transposed) in self.layers.iter().zip(&mut activations.transposed) {
            if transposed.is_empty() {
                continue;
            }
            let stride = padded(layer.inputs);
            // In blocks of rows that stay in the first cache, so that writing is in order and reading cheap.
            for (block, weights) in parameters[layer.weights.clone()]
                .chunks(LANES * layer.width)
                .enumerate()
            {
                for (output, row) in transposed.chunks_exact_mut(stride).enumerate() {
                    let weights = weights[output..].iter().step_by(layer.width);
                    for (place, weight) in row[block * LANES..].iter_mut().zip(weights) {
                        *place = *weight;
                    }
                }
            }
        }
    }

    /// Adds the gradient of the loss to `gradient` (laid out as the parameters). The gradient with respect to the
    /// outputs of the latest [`Mlp::forward`], whose inputs these are, stands in [`Activations::output_and_gradient`].
    pub(crate) fn backward(
        &self,
        inputs: &[f32],
        stride: usize,
        rows: usize,
        activations: &mut Activations,
        gradient: &mut [f32],
    ) {
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let output_gradient = &activations.gradients[index][..rows * layer.width];
            let (left, stride) = match index {
                0 => (inputs, stride),
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
            if index > 0 {
                self.gradient_below(index, rows, activations);
            }
        }
    }

    /// Gradient of the loss with respect to the inputs, `[rows, padded(inputs)]`, from what stands in
    /// [`Activations::output_and_gradient`]; the parameters' own is not computed. The memory is of
    /// [`Mlp::activations_for_inputs`].
    pub(crate) fn input_gradient<'a>(&self, rows: usize, activations: &'a mut Activations) -> &'a [f32] {
        for index in (0..self.layers.len()).rev() {
            self.gradient_below(index, rows, activations);
        }
        &activations.input_gradient[..rows * padded(self.layers[0].inputs)]
    }

    /// From the gradient with respect to the output of layer `index`, that with respect to what the layer before it put
    /// through its activation, or to the inputs.
    fn gradient_below(&self, index: usize, rows: usize, activations: &mut Activations) {
        let layer = &self.layers[index];
        let (below, from) = activations.gradients.split_at_mut(index);
        Product {
            out: below.last_mut().unwrap_or(&mut activations.input_gradient),
            left: Left::Rows(&from[0], layer.width),
            right: &activations.transposed[index],
            rows,
            inner: layer.outputs,
            width: padded(layer.inputs),
            start: Start::Zero,
            finish: match index {
                0 => Finish::Store,
                _ => Finish::Slope(self.activation, &activations.outputs[index - 1]),
            },
        }
        .run();
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

    const ACTIVATIONS: [Activation; 3] = [Activation::Tanh, Activation::Relu, Activation::Elu];

    /// A network of 5 inputs and 3 outputs, its parameters, 6 rows of inputs at stride 8, and what its outputs are
    /// weighted with in the loss L = Σ c·y.
    fn example(activation: Activation) -> (Mlp, Vec<f32>, Vec<f32>, Vec<f32>) {
        let mlp = Mlp::new(&[5, 19, 7, 3], activation, 4);
        let mut parameters = vec![0.0; mlp.end()];
        mlp.initialise(&mut parameters, 1.0, &mut stream(3, "test"));
        // Biases that are not zero, or no test would see them.
        for layer in &mlp.layers {
            fill_normal(
                &mut stream(6, "test"),
                &mut parameters[layer.biases.clone()][..layer.outputs],
            );
        }
        let mut inputs = vec![0.0; ROWS * STRIDE];
        fill_normal(&mut stream(4, "test"), &mut inputs);
        let mut coefficients = vec![0.0; ROWS * 16];
        fill_normal(&mut stream(5, "test"), &mut coefficients);
        coefficients
            .iter_mut()
            .enumerate()
            .for_each(|(i, c)| *c *= f32::from(u8::from(i % 16 < 3)));
        (mlp, parameters, inputs, coefficients)
    }

    const ROWS: usize = 6;
    const STRIDE: usize = 8;

    /// The definition in plain loops and f64: outputs `[rows, 3]`.
    fn plain(mlp: &Mlp, parameters: &[f32], inputs: &[f32]) -> Vec<f64> {
        let mut outputs = Vec::new();
        for row in inputs.chunks(STRIDE) {
            let mut values: Vec<f64> = row[..5].iter().map(|&value| f64::from(value)).collect();
            for (index, layer) in mlp.layers.iter().enumerate() {
                values = (0..layer.outputs)
                    .map(|output| {
                        let weight = |input: usize| parameters[layer.weights.start + input * layer.width + output];
                        let sum: f64 = (0..layer.inputs).map(|i| values[i] * f64::from(weight(i))).sum();
                        let sum = sum + f64::from(parameters[layer.biases.start + output]);
                        match (index + 1 == mlp.layers.len(), mlp.activation) {
                            (true, _) => sum,
                            (false, Activation::Tanh) => libm::tanh(sum),
                            (false, Activation::Relu) => sum.max(0.0),
                            (false, Activation::Elu) => sum.max(0.0) + libm::expm1(sum.min(0.0)),
                        }
                    })
                    .collect();
            }
            outputs.extend(values);
        }
        outputs
    }

    #[test]
    fn outputs_agree_with_plain_loops() {
        for activation in ACTIVATIONS {
            let (mlp, parameters, inputs, _) = example(activation);
            let mut activations = mlp.activations(ROWS);
            let outputs = mlp.forward(&parameters, &inputs, STRIDE, ROWS, &mut activations);
            let expected = plain(&mlp, &parameters, &inputs);
            for (row, expected) in outputs.chunks(16).zip(expected.chunks(3)) {
                for (value, expected) in row.iter().zip(expected) {
                    assert!(
                        (f64::from(*value) - expected).abs() < 3e-6,
                        "{activation:?}: {value} {expected}"
                    );
                }
            }
        }
    }

    /// Both backward passes against central differences of L in plain loops, for every parameter and every input.
    #[test]
    fn gradients_agree_with_finite_differences() {
        for activation in ACTIVATIONS {
            let (mlp, parameters, inputs, coefficients) = example(activation);
            let mut activations = mlp.activations_for_inputs(ROWS);
            mlp.forward(&parameters, &inputs, STRIDE, ROWS, &mut activations);
            mlp.transpose(&parameters, &mut activations);
            activations.output_and_gradient().1.copy_from_slice(&coefficients);
            let mut gradient = vec![0.0; parameters.len()];
            mlp.backward(&inputs, STRIDE, ROWS, &mut activations, &mut gradient);
            let input_gradient = mlp.input_gradient(ROWS, &mut activations).to_vec();

            let loss = |parameters: &[f32], inputs: &[f32]| -> f64 {
                let outputs = plain(&mlp, parameters, inputs);
                let weight = |place: usize| f64::from(coefficients[place / 3 * 16 + place % 3]);
                outputs.iter().enumerate().map(|(place, y)| y * weight(place)).sum()
            };
            let check = |what: &str, place: usize, held: f32, found: f32, at: &dyn Fn(f32) -> f64| {
                let (above, below) = (held + 1e-3, held - 1e-3);
                let numeric = (at(above) - at(below)) / f64::from(above - below);
                let error = (numeric - f64::from(found)).abs();
                assert!(
                    error < 1e-3 * (1.0 + numeric.abs()),
                    "{activation:?} {what} {place}: {numeric} {found}"
                );
            };
            for layer in &mlp.layers {
                let places = layer.weights.start..layer.biases.end;
                for place in places.filter(|place| (place - layer.weights.start) % layer.width < layer.outputs) {
                    check("parameter", place, parameters[place], gradient[place], &|value| {
                        let mut moved = parameters.clone();
                        moved[place] = value;
                        loss(&moved, &inputs)
                    });
                }
            }
            for place in (0..ROWS * STRIDE).filter(|place| place % STRIDE < 5) {
                let found = input_gradient[place / STRIDE * 16 + place % STRIDE];
                check("input", place, inputs[place], found, &|value| {
                    let mut moved = inputs.clone();
                    moved[place] = value;
                    loss(&parameters, &moved)
                });
            }
        }
    }

    #[test]
    fn padding_has_no_gradient() {
        for activation in ACTIVATIONS {
            let (mlp, parameters, inputs, coefficients) = example(activation);
            let mut activations = mlp.activations(ROWS);
            mlp.forward(&parameters, &inputs, STRIDE, ROWS, &mut activations);
            mlp.transpose(&parameters, &mut activations);
            activations.output_and_gradient().1.copy_from_slice(&coefficients);
            let mut gradient = vec![0.0; parameters.len()];
            mlp.backward(&inputs, STRIDE, ROWS, &mut activations, &mut gradient);
            for layer in &mlp.layers {
                for row in gradient[layer.weights.start..layer.biases.end].chunks(layer.width) {
                    assert!(row[layer.outputs..].iter().all(|&value| value == 0.0));
                }
            }
            assert!(gradient.iter().any(|&value| value != 0.0));
        }
    }
}
