//! SAC as one reads it in the papers: straight loops in f64, gradients by central differences of the losses. Slow, and the
//! oracle of the fast path.

use crate::plain::{Moments, descend, network, slope};
use crate::sac::agent::Agent;
use crate::sac::learn::View;
use crate::sac::replay::Replay;
use crate::sac::settings::SacSettings;

/// All that is learned, in f64; laid out as in [`Agent`], padding included.
#[derive(Clone)]
pub(crate) struct Reference {
    shape: Agent,
    pub actor: Vec<f64>,
    pub critics: Vec<f64>,
    pub targets: Vec<f64>,
    pub log_temperature: f64,
    moments: [Moments; 3],
}

/// One sample of a batch, and the noise of both actions.
pub(crate) struct Sample {
    observation: Vec<f64>,
    action: Vec<f64>,
    next_observation: Vec<f64>,
    reward: f64,
    terminated: bool,
    next_noise: Vec<f64>,
    noise: Vec<f64>,
}

/// Copies of the samples that a batch names, as the networks see them.
pub(crate) fn samples(replay: &Replay, view: &View, indices: &[u32], next_noise: &[f32], noise: &[f32]) -> Vec<Sample> {
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let seen = |values: &[f32]| -> Vec<f64> {
        let columns = view.normalizer.mean.iter().zip(&view.normalizer.scale);
        let normalised = values.iter().zip(columns);
        normalised
            .map(|(&value, (&mean, &scale))| (f64::from(value) - f64::from(mean)) * f64::from(scale))
            .map(|value| value.clamp(-10.0, 10.0))
            .collect()
    };
    let size = noise.len() / indices.len();
    let of_row = |values: &[f32], row: usize| wide(&values[row * size..][..size]);
    let rows = indices.iter().enumerate();
    rows.map(|(row, &index)| {
        let transition = replay.get(index);
        Sample {
            observation: seen(transition.observation),
            action: wide(transition.action),
            next_observation: seen(transition.next_observation),
            reward: (f64::from(transition.reward) * f64::from(view.reward_scale)).clamp(-100.0, 100.0),
            terminated: transition.terminated,
            next_noise: of_row(next_noise, row),
            noise: of_row(noise, row),
        }
    })
    .collect()
}

impl Reference {
    pub(crate) fn new(agent: &Agent) -> Self {
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
        Self {
            actor: wide(&agent.actor_parameters),
            critics: wide(&agent.critic_parameters),
            targets: wide(&agent.target_parameters),
            log_temperature: f64::from(agent.log_temperature),
            moments: [agent.actor_parameters.len(), agent.critic_parameters.len(), 1].map(Moments::new),
            shape: agent.clone(),
        }
    }

    /// One step on a batch; gives the losses (critics, actor) and the mean log π before it.
    pub(crate) fn step(&mut self, samples: &[Sample], settings: &SacSettings) -> [f64; 3] {
        let targets: Vec<f64> = samples
            .iter()
            .map(|sample| self.target(sample, settings.discount))
            .collect();
        let critic_loss = |critics: &[f64]| self.critic_loss(critics, samples, &targets);
        let first = critic_loss(&self.critics);
        let gradient = slope(&self.critics, &critic_loss);
        descend(
            &mut self.critics,
            &mut self.moments[1],
            &gradient,
            settings.learning_rate,
        );

        let actor_loss = |actor: &[f64]| self.actor_loss(actor, samples).0;
        let (second, log_density) = self.actor_loss(&self.actor, samples);
        let gradient = slope(&self.actor, &actor_loss);
        descend(&mut self.actor, &mut self.moments[0], &gradient, settings.learning_rate);

        let wanted = settings.target_entropy * self.shape.action_size as f64;
        let mut log_temperature = [self.log_temperature];
        let gradient = [-(log_density + wanted)];
        descend(
            &mut log_temperature,
            &mut self.moments[2],
            &gradient,
            settings.learning_rate,
        );
        self.log_temperature = log_temperature[0];
        for (target, critic) in self.targets.iter_mut().zip(&self.critics) {
            *target = (1.0 - settings.target_rate) * *target + settings.target_rate * critic;
        }
        [first, second, log_density]
    }

    /// `r + γ·(1 − terminated)·(min Q̄(s', a') − α·log π(a'|s'))`.
    fn target(&self, sample: &Sample, discount: f64) -> f64 {
        if sample.terminated {
            return sample.reward;
        }
        let (action, log_density) = self.draw(&self.actor, &sample.next_observation, &sample.next_noise);
        let value = self.smaller_value(&self.targets, &sample.next_observation, &action);
        sample.reward + discount * (value - self.log_temperature.exp() * log_density)
    }

    /// Mean over the samples of `½(Q₁ − y)² + ½(Q₂ − y)²`.
    fn critic_loss(&self, critics: &[f64], samples: &[Sample], targets: &[f64]) -> f64 {
        let of_sample = |(sample, target): (&Sample, &f64)| -> f64 {
            let values = self.values(critics, &sample.observation, &sample.action);
            values.iter().map(|value| 0.5 * (value - target).powi(2)).sum()
        };
        samples.iter().zip(targets).map(of_sample).sum::<f64>() / samples.len() as f64
    }

    /// Mean over the samples of `α·log π − min Q`, and of log π.
    fn actor_loss(&self, actor: &[f64], samples: &[Sample]) -> (f64, f64) {
        let (mut loss, mut log_densities) = (0.0, 0.0);
        for sample in samples {
            let (action, log_density) = self.draw(actor, &sample.observation, &sample.noise);
            let value = self.smaller_value(&self.critics, &sample.observation, &action);
            loss += self.log_temperature.exp() * log_density - value;
            log_densities += log_density;
        }
        (loss / samples.len() as f64, log_densities / samples.len() as f64)
    }

    /// An action and the logarithm of its density.
    fn draw(&self, actor: &[f64], observation: &[f64], noise: &[f64]) -> (Vec<f64>, f64) {
        let outputs = network(&self.shape.actor, actor, &observation[..self.shape.observation_size]);
        let size = noise.len();
        let mut log_density = 0.0;
        let mut action = Vec::new();
        for j in 0..size {
            let log_std = outputs[size + j].clamp(-20.0, 2.0);
            let u = outputs[j] + log_std.exp() * noise[j];
            let gaussian = -0.5 * noise[j].powi(2) - log_std - 0.5 * std::f64::consts::TAU.ln();
            // 1 − tanh² u = 1/cosh² u
            log_density += gaussian + 2.0 * u.cosh().ln();
            action.push(u.tanh());
        }
        (action, log_density)
    }

    fn values(&self, critics: &[f64], observation: &[f64], action: &[f64]) -> [f64; 2] {
        let row = [observation, action].concat();
        [0, 1].map(|critic: usize| network(&self.shape.critics[critic], critics, &row)[0])
    }

    fn smaller_value(&self, critics: &[f64], observation: &[f64], action: &[f64]) -> f64 {
        let [first, second] = self.values(critics, observation, action);
        first.min(second)
    }
}
