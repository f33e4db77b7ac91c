//! PPO's loss over some rows of a rollout, and its gradient.
//!
//! Per sample, with ratio `r = exp(log π(a) − log π_old(a))`, advantage A, value V and return R, the loss is
//! `−min(r·A, clip(r, 1 − ε, 1 + ε)·A) + c_v·½(V − R)² − c_e·Σ log σ`. With value clipping, and V_old the value when the sample
//! was taken, the squared error is the larger of `(V − R)²` and `(V_old + clip(V − V_old, −ε, ε) − R)²`: a value that has moved
//! by ε moves no further. Policy and value have no parameter in common, so that their halves are computed apart, on any thread.
//!
//! Source: Schulman et al. 2017, arXiv:1707.06347, equations 7 and 9.

use std::ops::AddAssign;

use crate::actor_critic::{ActorCritic, CHUNK};
use crate::kernels::padded;
use crate::network::Activations;
use crate::rollout::{Column, Rollout, log_normalisation};
use crate::settings::PpoSettings;

/// Which half of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// What the policy and its noise descend.
    Policy,
    /// What the value network descends.
    Value,
}

/// Sums over samples.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Loss {
    /// Everything that the gradient descends.
    pub total: f64,
    /// KL divergence from the old policy to the new, estimated by `(r − 1) − log r`.
    pub kl: f64,
    /// Samples whose ratio was clipped.
    pub clipped: f64,
}

/// One half of the loss over a share of a minibatch.
pub(crate) struct PartialLoss {
    half: Half,
    batch: Batch,
    activations: Activations,
    /// Inverse standard deviation of each action, and how many of them a sample's action lies from the mean, `[A]` each.
    precisions: Vec<f32>,
    deviations: Vec<f32>,
    /// Laid out as the model's parameters; only the half's own are used.
    pub gradient: Vec<f32>,
    /// The sums that belong to `gradient`.
    pub loss: Loss,
}

/// Rows gathered for one network pass.
#[derive(Debug, Default)]
struct Batch {
    observations: Vec<f32>,
    actions: Vec<f32>,
    log_densities: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    /// Values when the samples were taken.
    old_values: Vec<f32>,
}

impl AddAssign for Loss {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.kl += other.kl;
        self.clipped += other.clipped;
    }
}

impl PartialLoss {
    /// For the sizes of `model`.
    pub(crate) fn new(model: &ActorCritic, half: Half) -> Self {
        let network = match half {
            Half::Policy => &model.policy,
            Half::Value => &model.value,
        };
        Self {
            half,
            batch: Batch::default(),
            activations: network.activations(CHUNK),
            precisions: vec![0.0; model.action_size],
            deviations: vec![0.0; model.action_size],
            gradient: vec![0.0; model.parameters.len()],
            loss: Loss::default(),
        }
    }

    /// Sets `gradient` and `loss` to those of `rows` (each `environment · horizon + step`), of a minibatch of which each sample
    /// has the weight `share`.
    pub(crate) fn set(
        &mut self,
        model: &ActorCritic,
        rollout: &Rollout,
        rows: &[u32],
        share: f32,
        settings: &PpoSettings,
    ) {
        self.loss = Loss::default();
        self.gradient[model.parameters_of(self.half)].fill(0.0);
        match self.half {
            Half::Policy => model.policy.transpose(&model.parameters, &mut self.activations),
            Half::Value => model.value.transpose(&model.parameters, &mut self.activations),
        }
        for rows in rows.chunks(CHUNK) {
            match self.half {
                Half::Policy => self.add_policy(model, rollout, rows, share, settings),
                Half::Value => self.add_value(model, rollout, rows, share, settings),
            }
        }
    }

    fn add_policy(&mut self, model: &ActorCritic, rollout: &Rollout, rows: &[u32], share: f32, settings: &PpoSettings) {
        self.batch.gather(rollout, rows, model, self.half);
        let (size, width, clip) = (model.action_size, padded(model.action_size), settings.clip as f32);
        let Batch {
            observations, actions, ..
        } = &self.batch;
        let stride = model.row_size();
        model.policy.forward(
            &model.parameters,
            observations,
            stride,
            rows.len(),
            &mut self.activations,
        );
        let (means, mean_gradients) = self.activations.output_and_gradient();
        let normalisation = log_normalisation(model.log_std());
        let (precisions, deviations) = (&mut self.precisions, &mut self.deviations);
        for (precision, &log_std) in precisions.iter_mut().zip(model.log_std()) {
            *precision = libm::expf(-log_std);
        }
        let log_std_gradient = &mut self.gradient[model.log_std.clone()];
        for row in 0..rows.len() {
            let mut log_density = normalisation;
            for (j, deviation) in deviations.iter_mut().enumerate() {
                *deviation = (actions[row * size + j] - means[row * width + j]) * precisions[j];
                log_density -= 0.5 * *deviation * *deviation;
            }
            let log_ratio = log_density - self.batch.log_densities[row];
            let (ratio, advantage) = (libm::expf(log_ratio), self.batch.advantages[row]);
            let clipped = ratio.clamp(1.0 - clip, 1.0 + clip) * advantage;
            self.loss.total -= f64::from(clipped.min(ratio * advantage));
            self.loss.kl += f64::from(ratio - 1.0 - log_ratio);
            self.loss.clipped += f64::from(u8::from((ratio - 1.0).abs() > clip));
            // Where the clipped branch is the smaller one, the loss does not depend on the policy.
            let slope = if clipped < ratio * advantage {
                0.0
            } else {
                -ratio * advantage * share
            };
            let gradients = &mut mean_gradients[row * width..][..size];
            for (j, gradient) in gradients.iter_mut().enumerate() {
                *gradient = slope * deviations[j] * precisions[j];
                log_std_gradient[j] += slope * (deviations[j] * deviations[j] - 1.0);
            }
        }
        model.policy.backward(
            observations,
            stride,
            rows.len(),
            &mut self.activations,
            &mut self.gradient,
        );
        for (gradient, &log_std) in self.gradient[model.log_std.clone()].iter_mut().zip(model.log_std()) {
            *gradient -= settings.entropy_weight as f32 * share * rows.len() as f32;
            self.loss.total -= settings.entropy_weight * f64::from(log_std) * rows.len() as f64;
        }
    }

    fn add_value(&mut self, model: &ActorCritic, rollout: &Rollout, rows: &[u32], share: f32, settings: &PpoSettings) {
        self.batch.gather(rollout, rows, model, self.half);
        let width = padded(1);
        let observations = &self.batch.observations;
        let stride = model.row_size();
        model.value.forward(
            &model.parameters,
            observations,
            stride,
            rows.len(),
            &mut self.activations,
        );
        let (values, gradients) = self.activations.output_and_gradient();
        let weight = settings.value_weight as f32 * share;
        let clip = settings.clip as f32;
        for (row, (sum, old)) in self.batch.returns.iter().zip(&self.batch.old_values).enumerate() {
            let value = values[row * width];
            let mut error = value - sum;
            let clipped = old + (value - old).clamp(-clip, clip) - sum;
            // Where the clipped error is the larger one, the loss does not depend on the value.
            let holds = settings.value_clip && clipped.abs() > error.abs();
            gradients[row * width] = if holds { 0.0 } else { weight * error };
            if holds {
                error = clipped;
            }
            self.loss.total += settings.value_weight * 0.5 * f64::from(error) * f64::from(error);
        }
        model.value.backward(
            observations,
            stride,
            rows.len(),
            &mut self.activations,
            &mut self.gradient,
        );
    }
}

impl Batch {
    fn gather(&mut self, rollout: &Rollout, rows: &[u32], model: &ActorCritic, half: Half) {
        let (observation, action) = (model.row_size(), model.action_size);
        let place = |&row: &u32| -> (&Column, usize) {
            (
                &rollout.columns[row as usize / rollout.horizon],
                row as usize % rollout.horizon,
            )
        };
        self.observations.clear();
        self.actions.clear();
        self.log_densities.clear();
        self.advantages.clear();
        self.returns.clear();
        self.old_values.clear();
        for (column, step) in rows.iter().map(place) {
            self.observations
                .extend_from_slice(&column.observations[step * observation..][..observation]);
            match half {
                Half::Policy => {
                    self.actions
                        .extend_from_slice(&column.actions[step * action..][..action]);
                    self.log_densities.push(column.log_densities[step]);
                    self.advantages.push(column.advantages[step]);
                }
                Half::Value => {
                    self.returns.push(column.returns[step]);
                    self.old_values.push(column.values[step]);
                }
            }
        }
    }
}
