//! The two networks and the action noise of PPO, in one parameter vector: `[policy | log standard deviations | value]`.

use std::ops::Range;

use crate::kernels::{Activation, padded};
use crate::loss::Half;
use crate::network::{Activations, Mlp};
use crate::random::stream;

/// Rows that one network pass takes at a time; activations of so many stay in the first caches.
pub(crate) const CHUNK: usize = 128;

/// Limits of the logarithm of the action noise: below, the policy's density overflows; above, every action is clamped.
const LOG_STD: (f32, f32) = (-5.0, 1.0);

/// Policy mean, action noise and value.
#[derive(Debug, Clone)]
pub(crate) struct ActorCritic {
    /// All numbers that are learned.
    pub parameters: Vec<f32>,
    /// Observation to mean action.
    pub policy: Mlp,
    /// Place of the logarithms of the standard deviations, `[A]`.
    pub log_std: Range<usize>,
    /// Observation, and what only the critic sees, to value.
    pub value: Mlp,
    /// Observation length O.
    pub observation_size: usize,
    /// How many numbers P only the critic sees.
    pub critic_size: usize,
    /// Action length A.
    pub action_size: usize,
}

impl ActorCritic {
    /// Fresh networks: orthogonal, with a last policy layer so small that first actions are nearly pure noise.
    pub(crate) fn new(
        [observation_size, critic_size]: [usize; 2],
        action_size: usize,
        hidden: &[usize],
        activation: Activation,
        initial_log_std: f64,
        seed: u64,
    ) -> Self {
        let sizes = |inputs: usize, outputs: usize| [&[inputs], hidden, &[outputs]].concat();
        let policy = Mlp::new(&sizes(observation_size, action_size), activation, 0);
        let log_std = policy.end()..policy.end() + action_size;
        let value = Mlp::new(
            &sizes(observation_size + critic_size, 1),
            activation,
            policy.end() + padded(action_size),
        );
        let mut parameters = vec![0.0; value.end()];
        policy.initialise(&mut parameters, 0.01, &mut stream(seed, "policy weights"));
        value.initialise(&mut parameters, 1.0, &mut stream(seed, "value weights"));
        parameters[log_std.clone()].fill(initial_log_std as f32);
        Self {
            parameters,
            policy,
            log_std,
            value,
            observation_size,
            critic_size,
            action_size,
        }
    }

    /// Length of a row that the networks see, `[O | P]`: the policy reads the first O numbers of it, the value network all.
    pub(crate) fn row_size(&self) -> usize {
        self.observation_size + self.critic_size
    }

    /// Where the parameters stand that one half of the loss moves.
    pub(crate) fn parameters_of(&self, half: Half) -> Range<usize> {
        let value = self.value.layers[0].weights.start;
        match half {
            Half::Policy => 0..value,
            Half::Value => value..self.parameters.len(),
        }
    }

    /// Logarithms of the standard deviations.
    pub(crate) fn log_std(&self) -> &[f32] {
        &self.parameters[self.log_std.clone()]
    }

    /// Entropy of the action noise, nats: `Σ (log σ + ½ log 2πe)`.
    pub(crate) fn entropy(&self) -> f64 {
        const HALF_LOG_TAU_E: f64 = 1.418_938_533_204_672_7;
        let of_each = |log_std: &f32| f64::from(*log_std) + HALF_LOG_TAU_E;
        self.log_std().iter().map(of_each).sum()
    }

    /// Mean standard deviation of the action noise.
    pub(crate) fn mean_std(&self) -> f64 {
        let deviations = self.log_std().iter().map(|&log_std| libm::exp(f64::from(log_std)));
        deviations.sum::<f64>() / self.action_size as f64
    }

    /// Keeps the action noise within its limits.
    pub(crate) fn limit_log_std(&mut self) {
        for log_std in &mut self.parameters[self.log_std.clone()] {
            *log_std = log_std.clamp(LOG_STD.0, LOG_STD.1);
        }
    }

    /// Values of normalised rows (`[_, O + P]`) into `values`.
    pub(crate) fn values(&self, rows: &[f32], values: &mut [f32], activations: &mut Activations) {
        let size = self.row_size();
        for (rows, out) in rows.chunks(CHUNK * size).zip(values.chunks_mut(CHUNK)) {
            let outputs = self.value.forward(&self.parameters, rows, size, out.len(), activations);
            for (value, row) in out.iter_mut().zip(outputs.chunks_exact(padded(1))) {
                *value = row[0];
            }
        }
    }
}

/// Mean actions `[N, A]` of a policy network for normalised observations, which are the first numbers of rows `[N, stride]`.
pub(crate) fn mean_actions(
    policy: &Mlp,
    parameters: &[f32],
    rows: &[f32],
    stride: usize,
    actions: &mut [f32],
    activations: &mut Activations,
) {
    let last = &policy.layers[policy.layers.len() - 1];
    let chunks = rows
        .chunks(CHUNK * stride)
        .zip(actions.chunks_mut(CHUNK * last.outputs));
    for (rows, out) in chunks {
        let outputs = policy.forward(parameters, rows, stride, rows.len() / stride, activations);
        for (action, row) in out.chunks_exact_mut(last.outputs).zip(outputs.chunks_exact(last.width)) {
            action.copy_from_slice(&row[..last.outputs]);
        }
    }
}
