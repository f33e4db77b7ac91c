//! Networks, slopes and Adam as one reads them: straight loops in f64. Slow, and what the fast paths are held against.

use crate::kernels::Activation;
use crate::network::Mlp;

/// First and second moments of Adam, and β₁ᵗ, β₂ᵗ.
#[derive(Clone)]
pub(crate) struct Moments {
    first: Vec<f64>,
    second: Vec<f64>,
    unseen: [f64; 2],
}

impl Moments {
    /// Of so many parameters, before the first step.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            first: vec![0.0; count],
            second: vec![0.0; count],
            unseen: [1.0; 2],
        }
    }
}

/// Outputs of a network.
pub(crate) fn network(map: &Mlp, parameters: &[f64], inputs: &[f64]) -> Vec<f64> {
    let mut values = inputs.to_vec();
    for (index, layer) in map.layers.iter().enumerate() {
        let mut sums = Vec::new();
        for output in 0..layer.outputs {
            let mut sum = parameters[layer.biases.start + output];
            for (input, value) in values.iter().enumerate() {
                sum += value * parameters[layer.weights.start + input * layer.width + output];
            }
            let last = index + 1 == map.layers.len();
            sums.push(match map.activation {
                _ if last => sum,
                Activation::Tanh => sum.tanh(),
                Activation::Relu => sum.max(0.0),
                Activation::Elu => sum.max(0.0) + sum.min(0.0).exp_m1(),
            });
        }
        values = sums;
    }
    values
}

/// Gradient of a loss by central differences.
pub(crate) fn slope(parameters: &[f64], loss: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-6;
    let mut moved = parameters.to_vec();
    let of_each = (0..parameters.len()).map(|place| {
        moved[place] = parameters[place] + step;
        let above = loss(&moved);
        moved[place] = parameters[place] - step;
        let below = loss(&moved);
        moved[place] = parameters[place];
        (above - below) / (2.0 * step)
    });
    of_each.collect()
}

/// Adam (Kingma and Ba 2015, algorithm 1).
pub(crate) fn descend(parameters: &mut [f64], moments: &mut Moments, gradient: &[f64], rate: f64) {
    moments.unseen[0] *= 0.9;
    moments.unseen[1] *= 0.999;
    for (place, parameter) in parameters.iter_mut().enumerate() {
        moments.first[place] = 0.9 * moments.first[place] + 0.1 * gradient[place];
        moments.second[place] = 0.999 * moments.second[place] + 0.001 * gradient[place].powi(2);
        let first = moments.first[place] / (1.0 - moments.unseen[0]);
        let second = moments.second[place] / (1.0 - moments.unseen[1]);
        *parameter -= rate * first / (second.sqrt() + 1e-5);
    }
}
