//! One update: several passes of gradient steps over a rollout, on PPO's clipped objective.
//!
//! Per sample, with ratio `r = exp(log π(a) − log π_old(a))`, advantage A, value V and return R, the loss is
//! `−min(r·A, clip(r, 1 − ε, 1 + ε)·A) + c_v·½(V − R)² − c_e·Σ log σ`.
//!
//! Source: Schulman et al. 2017, arXiv:1707.06347, equations 7 and 9. The adaptive learning rate is rl_games'.

use rand_chacha::ChaCha8Rng;

use crate::actor_critic::{ActorCritic, CHUNK};
use crate::adam::{Adam, norm};
use crate::kernels::padded;
use crate::network::Activations;
use crate::random::shuffle;
use crate::rollout::{Rollout, log_normalisation};
use crate::settings::{PpoSettings, Schedule};

/// Bounds of the adaptive learning rate. Above, a solved task is unlearned again: on a balanced pole every advantage is
/// noise, moves the policy little, and would let the rate grow.
const LEARNING_RATES: (f64, f64) = (1e-5, 3e-3);

/// What the gradient steps keep between updates.
pub(crate) struct Learner {
    adam: Adam,
    learning_rate: f64,
    gradient: Vec<f32>,
    batch: Batch,
    policy: Activations,
    value: Activations,
    order: Vec<u32>,
    rng: ChaCha8Rng,
}

/// Rows gathered for one network pass.
#[derive(Debug, Default)]
struct Batch {
    observations: Vec<f32>,
    actions: Vec<f32>,
    log_densities: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
}

/// Sums over the samples of a minibatch.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Loss {
    /// Everything that the gradient descends, per sample.
    total: f64,
    /// KL divergence from the old policy to the new, estimated by `(r − 1) − log r`.
    kl: f64,
}

/// A gradient that is not finite; the parameters are as they were before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NonFiniteGradient;

impl Learner {
    /// For the sizes of `model`, with the stream that shuffles the samples.
    pub(crate) fn new(model: &ActorCritic, settings: &PpoSettings, rng: ChaCha8Rng) -> Self {
        Self {
            adam: Adam::new(model.parameters.len()),
            learning_rate: settings.learning_rate,
            gradient: vec![0.0; model.parameters.len()],
            batch: Batch::default(),
            policy: model.policy.activations(CHUNK),
            value: model.value.activations(CHUNK),
            order: Vec::new(),
            rng,
        }
    }

    /// Improves `model` by what `rollout` shows. `remaining` is the share of the training that is left, 1 at its start.
    pub(crate) fn update(
        &mut self,
        model: &mut ActorCritic,
        rollout: &mut Rollout,
        settings: &PpoSettings,
        remaining: f64,
    ) -> Result<(), NonFiniteGradient> {
        self.order.clear();
        self.order.extend(rollout.valid_steps().map(|step| step as u32));
        normalise_advantages(&mut rollout.advantages, &self.order);
        if settings.schedule == Schedule::Linear {
            self.learning_rate = settings.learning_rate * remaining;
        }
        let mut order = std::mem::take(&mut self.order);
        let size = order.len().div_ceil(settings.minibatches).max(1);
        for _ in 0..settings.epochs {
            shuffle(&mut self.rng, &mut order);
            for minibatch in order.chunks(size) {
                self.gradient_step(model, rollout, minibatch, settings)?;
            }
        }
        self.order = order;
        Ok(())
    }

    fn gradient_step(
        &mut self,
        model: &mut ActorCritic,
        rollout: &Rollout,
        minibatch: &[u32],
        settings: &PpoSettings,
    ) -> Result<(), NonFiniteGradient> {
        let loss = self.accumulate(model, rollout, minibatch, settings);
        let length = norm(&self.gradient);
        if !length.is_finite() || !loss.total.is_finite() {
            return Err(NonFiniteGradient);
        }
        if settings.schedule == Schedule::Adaptive {
            self.adapt(loss.kl / minibatch.len() as f64, settings.target_kl);
        }
        let scale = (settings.max_gradient_norm / (length + 1e-6)).min(1.0);
        self.adam.step(
            &mut model.parameters,
            &self.gradient,
            scale as f32,
            self.learning_rate as f32,
        );
        model.limit_log_std();
        Ok(())
    }

    /// Slows down where the policy has moved too far from the one that collected the rollout, speeds up where too little.
    fn adapt(&mut self, kl: f64, target_kl: f64) {
        let factor = match kl {
            kl if kl > 2.0 * target_kl => 1.0 / 1.5,
            kl if kl < 0.5 * target_kl => 1.5,
            _ => 1.0,
        };
        self.learning_rate = (self.learning_rate * factor).clamp(LEARNING_RATES.0, LEARNING_RATES.1);
    }

    /// Sets `gradient` to that of the mean loss over `minibatch` and gives the sums.
    fn accumulate(
        &mut self,
        model: &ActorCritic,
        rollout: &Rollout,
        minibatch: &[u32],
        settings: &PpoSettings,
    ) -> Loss {
        self.gradient.fill(0.0);
        model.policy.transpose(&model.parameters, &mut self.policy);
        model.value.transpose(&model.parameters, &mut self.value);
        let share = 1.0 / minibatch.len() as f32;
        let mut loss = Loss::default();
        for rows in minibatch.chunks(CHUNK) {
            self.batch.gather(rollout, rows, model);
            self.policy_loss(model, rows.len(), share, settings, &mut loss);
            self.value_loss(model, rows.len(), share, settings, &mut loss);
        }
        for (gradient, &log_std) in self.gradient[model.log_std.clone()].iter_mut().zip(model.log_std()) {
            *gradient -= settings.entropy_weight as f32;
            loss.total -= settings.entropy_weight * f64::from(log_std) * minibatch.len() as f64;
        }
        loss
    }

    fn policy_loss(&mut self, model: &ActorCritic, rows: usize, share: f32, settings: &PpoSettings, loss: &mut Loss) {
        let (size, width, clip) = (model.action_size, padded(model.action_size), settings.clip as f32);
        let Batch {
            observations, actions, ..
        } = &self.batch;
        model.policy.forward(
            &model.parameters,
            observations,
            model.observation_size,
            rows,
            &mut self.policy,
        );
        let (means, mean_gradients) = self.policy.output_and_gradient();
        let normalisation = log_normalisation(model.log_std());
        let precisions: Vec<f32> = model.log_std().iter().map(|&log_std| libm::expf(-log_std)).collect();
        let log_std_gradient = &mut self.gradient[model.log_std.clone()];
        let mut deviations = vec![0.0; size];
        for row in 0..rows {
            let mut log_density = normalisation;
            for (j, deviation) in deviations.iter_mut().enumerate() {
                *deviation = (actions[row * size + j] - means[row * width + j]) * precisions[j];
                log_density -= 0.5 * *deviation * *deviation;
            }
            let log_ratio = log_density - self.batch.log_densities[row];
            let (ratio, advantage) = (libm::expf(log_ratio), self.batch.advantages[row]);
            let clipped = ratio.clamp(1.0 - clip, 1.0 + clip) * advantage;
            loss.total -= f64::from(clipped.min(ratio * advantage));
            loss.kl += f64::from(ratio - 1.0 - log_ratio);
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
            model.observation_size,
            rows,
            &mut self.policy,
            &mut self.gradient,
        );
    }

    fn value_loss(&mut self, model: &ActorCritic, rows: usize, share: f32, settings: &PpoSettings, loss: &mut Loss) {
        let width = padded(1);
        let observations = &self.batch.observations;
        model.value.forward(
            &model.parameters,
            observations,
            model.observation_size,
            rows,
            &mut self.value,
        );
        let (values, gradients) = self.value.output_and_gradient();
        let weight = settings.value_weight as f32 * share;
        for (row, sum) in self.batch.returns.iter().enumerate() {
            let error = values[row * width] - sum;
            loss.total += settings.value_weight * 0.5 * f64::from(error) * f64::from(error);
            gradients[row * width] = weight * error;
        }
        model.value.backward(
            observations,
            model.observation_size,
            rows,
            &mut self.value,
            &mut self.gradient,
        );
    }
}

impl Batch {
    fn gather(&mut self, rollout: &Rollout, rows: &[u32], model: &ActorCritic) {
        let (observation, action) = (model.observation_size, model.action_size);
        self.observations.clear();
        self.actions.clear();
        self.log_densities.clear();
        self.advantages.clear();
        self.returns.clear();
        for &row in rows {
            let row = row as usize;
            self.observations
                .extend_from_slice(&rollout.observations[row * observation..][..observation]);
            self.actions
                .extend_from_slice(&rollout.actions[row * action..][..action]);
            self.log_densities.push(rollout.log_densities[row]);
            self.advantages.push(rollout.advantages[row]);
            self.returns.push(rollout.returns[row]);
        }
    }
}

/// Mean 0 and deviation 1 over the steps in `order`.
fn normalise_advantages(advantages: &mut [f32], order: &[u32]) {
    let count = order.len().max(1) as f64;
    let of = |step: &u32| f64::from(advantages[*step as usize]);
    let mean = order.iter().map(of).sum::<f64>() / count;
    let variance = order.iter().map(|step| (of(step) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance.sqrt() + 1e-8);
    for &step in order {
        let advantage = &mut advantages[step as usize];
        *advantage = ((f64::from(*advantage) - mean) * scale) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Activation;
    use crate::random::{fill_normal, stream};

    const ROWS: usize = 150;

    fn example() -> (ActorCritic, Rollout, PpoSettings) {
        let model = ActorCritic::new(4, 2, &[9, 6], Activation::Tanh, -0.3, 5);
        let normals = |purpose: &str, count: usize| {
            let mut out = vec![0.0; count];
            fill_normal(&mut stream(8, purpose), &mut out);
            out
        };
        // Densities far enough from the model's own that a good part of the samples is clipped, on either side.
        let rollout = Rollout {
            observations: normals("observations", ROWS * 4),
            actions: normals("actions", ROWS * 2),
            log_densities: normals("densities", ROWS).iter().map(|z| -2.5 + z).collect(),
            advantages: normals("advantages", ROWS),
            returns: normals("returns", ROWS),
            faulted: vec![false; ROWS],
            ..Rollout::default()
        };
        let settings = PpoSettings {
            entropy_weight: 0.02,
            value_weight: 0.7,
            ..PpoSettings::default()
        };
        (model, rollout, settings)
    }

    /// The gradient of the whole loss, clipping, entropy and value error included, against central differences.
    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let (mut model, rollout, settings) = example();
        let minibatch: Vec<u32> = (0..ROWS as u32).collect();
        let mut learner = Learner::new(&model, &settings, stream(1, "test"));
        learner.accumulate(&model, &rollout, &minibatch, &settings);
        let gradient = learner.gradient.clone();
        let (mut checked, mut wrong) = (0, Vec::new());
        for place in (0..gradient.len()).filter(|&place| gradient[place] != 0.0) {
            let held = model.parameters[place];
            let mut at = |moved: f32| {
                model.parameters[place] = moved;
                learner.accumulate(&model, &rollout, &minibatch, &settings).total / ROWS as f64
            };
            let numeric = (at(held + 2e-3) - at(held - 2e-3)) / 4e-3;
            model.parameters[place] = held;
            checked += 1;
            if (numeric - f64::from(gradient[place])).abs() > 2e-3 + 0.02 * numeric.abs() {
                wrong.push((place, numeric, gradient[place]));
            }
        }
        // A sample that crosses the clipping edge between the two points bends the loss there: allow one in fifty.
        assert!(
            checked > 200 && wrong.len() * 50 < checked,
            "{} of {checked}: {wrong:?}",
            wrong.len()
        );
    }

    #[test]
    fn the_loss_is_the_formula() {
        let (model, rollout, settings) = example();
        let mut learner = Learner::new(&model, &settings, stream(1, "test"));
        for row in 0..20_u32 {
            let loss = learner.accumulate(&model, &rollout, &[row], &settings);
            let row = row as usize;
            let observation = &rollout.observations[row * 4..][..4];
            let mut activations = model.policy.activations(1);
            let mean = model
                .policy
                .forward(&model.parameters, observation, 4, 1, &mut activations);
            let log_density: f64 = (0..2)
                .map(|j| {
                    let z = f64::from(rollout.actions[row * 2 + j] - mean[j]) / (-0.3_f64).exp();
                    -0.5 * z * z + 0.3 - 0.5 * std::f64::consts::TAU.ln()
                })
                .sum();
            let ratio = (log_density - f64::from(rollout.log_densities[row])).exp();
            let advantage = f64::from(rollout.advantages[row]);
            let mut value = [0.0];
            model.values(observation, &mut value, &mut model.value.activations(1));
            let expected = -(ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage)
                + 0.7 * 0.5 * f64::from(value[0] - rollout.returns[row]).powi(2)
                - 0.02 * -0.6;
            assert!(
                (loss.total - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "{} {expected}",
                loss.total
            );
            assert!((loss.kl - (ratio - 1.0 - ratio.ln())).abs() < 1e-5 * (1.0 + ratio));
        }
    }

    #[test]
    fn faulted_steps_are_not_learned_from() {
        let learn = |spoil: bool| {
            let (mut model, mut rollout, settings) = example();
            for row in (0..ROWS).step_by(7) {
                rollout.faulted[row] = true;
                if spoil {
                    rollout.advantages[row] = 1e9;
                    rollout.returns[row] = f32::NAN;
                    rollout.observations[row * 4] = 5.0;
                }
            }
            let mut learner = Learner::new(&model, &settings, stream(1, "test"));
            learner.update(&mut model, &mut rollout, &settings, 1.0).unwrap();
            model.parameters
        };
        assert_eq!(learn(true), learn(false));
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let (mut model, mut rollout, settings) = example();
        rollout.returns[3] = f32::NAN;
        let before = model.parameters.clone();
        let one_batch = PpoSettings {
            minibatches: 1,
            ..settings
        };
        let mut learner = Learner::new(&model, &one_batch, stream(1, "test"));
        let result = learner.update(&mut model, &mut rollout, &one_batch, 1.0);
        assert_eq!(result, Err(NonFiniteGradient));
        assert_eq!(model.parameters, before);
    }

    #[test]
    fn the_learning_rate_follows_the_divergence() {
        let (model, _, settings) = example();
        let mut learner = Learner::new(&model, &settings, stream(1, "test"));
        for (kl, expected) in [(0.004, 1.5e-3), (0.01, 1.5e-3), (0.03, 1e-3), (9.0, 1e-3 / 1.5)] {
            learner.adapt(kl, 0.01);
            assert!((learner.learning_rate - expected).abs() < 1e-9);
        }
    }
}
