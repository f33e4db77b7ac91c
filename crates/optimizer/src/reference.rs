//! PPO as one reads it in the paper: from rewards and values to advantages, and through all passes of an update, in straight
//! loops in f64 with gradients by central differences of the loss. Slow, and the oracle of the fast path.

use crate::actor_critic::ActorCritic;
use crate::plain::{Moments, descend, network, slope};
use crate::rollout::Column;
use crate::settings::{PpoSettings, Schedule};

/// What one environment did, and how it was judged.
pub(crate) struct Sample {
    observation: Vec<f64>,
    action: Vec<f64>,
    log_density: f64,
    advantage: f64,
    sum: f64,
    old_value: f64,
}

/// Advantages by their definition, `A[t] = Σ (γλ)^k·δ[t+k]` up to the end of the episode, with
/// `δ[t] = r[t] + γ·V(what followed) − V[t]` and no value after a termination.
pub(crate) fn advantages(column: &Column, discount: f64, gae_lambda: f64) -> Vec<f64> {
    let horizon = column.values.len();
    let wide = |values: &[f32], step: usize| f64::from(values[step]);
    let error = |step: usize| {
        let following = if column.terminated[step] {
            0.0
        } else {
            wide(&column.next_values, step)
        };
        wide(&column.scaled_rewards, step) + discount * following - wide(&column.values, step)
    };
    let from = |step: usize| {
        let last = (step..horizon).find(|&step| column.ended[step]).unwrap_or(horizon - 1);
        (step..=last)
            .map(|later| (discount * gae_lambda).powi((later - step) as i32) * error(later))
            .sum()
    };
    (0..horizon).map(from).collect()
}

/// The samples of a column, advantages as they stand there.
pub(crate) fn samples(model: &ActorCritic, column: &Column) -> Vec<Sample> {
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let of_step = |step: usize| Sample {
        observation: wide(&column.observations[step * model.observation_size..][..model.observation_size]),
        action: wide(&column.actions[step * model.action_size..][..model.action_size]),
        log_density: f64::from(column.log_densities[step]),
        advantage: f64::from(column.advantages[step]),
        sum: f64::from(column.returns[step]),
        old_value: f64::from(column.values[step]),
    };
    (0..column.values.len()).map(of_step).collect()
}

/// A whole update: passes over the samples in the `orders` of each, minibatch by minibatch. Gives the parameters and the
/// learning rate after it.
pub(crate) fn update(
    model: &ActorCritic,
    samples: &mut [Sample],
    orders: &[Vec<u32>],
    settings: &PpoSettings,
) -> (Vec<f64>, f64) {
    normalise_advantages(samples);
    let mut parameters: Vec<f64> = model.parameters.iter().map(|&value| f64::from(value)).collect();
    let mut moments = Moments::new(parameters.len());
    let mut rate = settings.learning_rate;
    for order in orders {
        for minibatch in order.chunks(order.len().div_ceil(settings.minibatches)) {
            let minibatch: Vec<&Sample> = minibatch.iter().map(|&row| &samples[row as usize]).collect();
            if settings.schedule == Schedule::Adaptive {
                let kl = mean(&minibatch, |sample| {
                    let log_ratio = log_density(model, &parameters, sample) - sample.log_density;
                    log_ratio.exp() - 1.0 - log_ratio
                });
                if kl > 2.0 * settings.target_kl {
                    rate /= 1.5;
                } else if kl < 0.5 * settings.target_kl {
                    rate *= 1.5;
                }
            }
            let gradient = slope(&parameters, &|parameters| {
                mean(&minibatch, |sample| loss(model, parameters, sample, settings))
            });
            let norm = gradient.iter().map(|value| value * value).sum::<f64>().sqrt();
            let scale = (settings.max_gradient_norm / norm).min(1.0);
            let gradient: Vec<f64> = gradient.iter().map(|value| value * scale).collect();
            descend(&mut parameters, &mut moments, &gradient, rate);
        }
    }
    (parameters, rate)
}

fn mean(samples: &[&Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    samples.iter().map(|sample| of(sample)).sum::<f64>() / samples.len() as f64
}

fn normalise_advantages(samples: &mut [Sample]) {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|sample| sample.advantage).sum::<f64>() / count;
    let variance = samples
        .iter()
        .map(|sample| (sample.advantage - mean).powi(2))
        .sum::<f64>()
        / count;
    for sample in samples {
        sample.advantage = (sample.advantage - mean) / variance.sqrt();
    }
}

/// Logarithm of the density of a sample's action.
fn log_density(model: &ActorCritic, parameters: &[f64], sample: &Sample) -> f64 {
    let means = network(&model.policy, parameters, &sample.observation);
    let of_each = sample.action.iter().zip(&means).zip(&parameters[model.log_std.clone()]);
    of_each
        .map(|((action, mean), log_std)| {
            let deviation = (action - mean) / log_std.exp();
            -0.5 * deviation * deviation - log_std - 0.5 * std::f64::consts::TAU.ln()
        })
        .sum()
}

/// `−min(r·A, clip(r)·A) + c_v·½·error² − c_e·Σ log σ`.
fn loss(model: &ActorCritic, parameters: &[f64], sample: &Sample, settings: &PpoSettings) -> f64 {
    let ratio = (log_density(model, parameters, sample) - sample.log_density).exp();
    let clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip);
    let surrogate = (ratio * sample.advantage).min(clipped * sample.advantage);
    let value = network(&model.value, parameters, &sample.observation)[0];
    let held = sample.old_value + (value - sample.old_value).clamp(-settings.clip, settings.clip);
    let mut error = (value - sample.sum).powi(2);
    if settings.value_clip {
        error = error.max((held - sample.sum).powi(2));
    }
    let log_stds: f64 = parameters[model.log_std.clone()].iter().sum();
    -surrogate + settings.value_weight * 0.5 * error - settings.entropy_weight * log_stds
}
