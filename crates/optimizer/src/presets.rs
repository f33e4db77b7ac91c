//! Settings that others published, by name: a point to start from, and what results are compared with.
//!
//! A preset is as near to its source as the settings here can say. What they cannot say stays as it is everywhere in Carrot:
//! policy and value have networks of their own, rewards are scaled by the running deviation of the return and not by a fixed
//! number, advantages are normalised over a whole rollout, and initial weights are orthogonal. Of rl_games' loss the small
//! penalty on means beyond ±1 is missing.
//!
//! Sources: rl_games' settings of the tasks in IsaacGymEnvs, with the figures of Eureka (Ma et al. 2023, arXiv:2310.12931)
//! where the two differ; the tuned settings of RL Baselines3 Zoo for Gymnasium's MuJoCo tasks.

use crate::kernels::Activation;
use crate::settings::{PpoSettings, Schedule};

/// Published settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// What `preset =` and `--preset` call it.
    pub name: &'static str,
    /// The settings.
    pub settings: PpoSettings,
}

/// All presets: those of Eureka's tasks, then those of RL Baselines3 Zoo.
pub fn presets() -> Vec<Preset> {
    let eureka = EUREKA.iter().map(|row| Preset {
        name: row.0,
        settings: rl_games(row),
    });
    let zoo = ZOO.iter().map(|row| Preset {
        name: row.0,
        settings: stable_baselines(row),
    });
    eureka.chain(zoo).collect()
}

/// The settings of one preset. Errors: a sentence with the nearest name that exists.
pub(crate) fn preset(name: &str) -> Result<PpoSettings, String> {
    let presets = presets().into_iter();
    named(name, presets.map(|preset| (preset.name, preset.settings)).collect())
}

/// What stands under `name`. Errors: a sentence with the nearest name that exists.
pub(crate) fn named<T>(name: &str, presets: Vec<(&'static str, T)>) -> Result<T, String> {
    let names: Vec<&str> = presets.iter().map(|preset| preset.0).collect();
    if let Some((_, settings)) = presets.into_iter().find(|preset| preset.0 == name) {
        return Ok(settings);
    }
    let likely = names.iter().map(|other| (strsim::jaro(name, other), other));
    let likely = likely.filter(|(likeness, _)| *likeness > 0.8);
    match likely.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, other)) => Err(format!("there is no preset `{name}`; did you mean `{other}`?")),
        None => Err(format!("there is no preset `{name}`; there are {}", names.join(", "))),
    }
}

/// Name; environments, rollout, samples of a minibatch, epochs; learning rate, KL, discount; updates; hidden layers; weight of
/// the value error, and whether gradients are shortened to 1.
type Eureka = (&'static str, [usize; 4], [f64; 3], u64, &'static [usize], f64, bool);

const EUREKA: [Eureka; 10] = [
    (
        "eureka-cartpole",
        [512, 16, 8192, 8],
        [3e-4, 0.008, 0.99],
        100,
        &[32, 32],
        4.0,
        true,
    ),
    (
        "eureka-ball_balance",
        [4096, 16, 8192, 8],
        [3e-4, 0.008, 0.99],
        250,
        &[128, 64, 32],
        4.0,
        true,
    ),
    (
        "eureka-quadcopter",
        [8192, 8, 16384, 8],
        [1e-3, 0.016, 0.99],
        500,
        &[256, 256, 128],
        2.0,
        true,
    ),
    (
        "eureka-ant",
        [4096, 16, 32768, 4],
        [3e-4, 0.008, 0.99],
        500,
        &[256, 128, 64],
        2.0,
        false,
    ),
    (
        "eureka-franka_cabinet",
        [4096, 16, 8192, 8],
        [5e-4, 0.008, 0.99],
        1500,
        &[256, 128, 64],
        4.0,
        true,
    ),
    (
        "eureka-anymal",
        [4096, 24, 32768, 5],
        [3e-4, 0.008, 0.99],
        1000,
        &[256, 128, 64],
        2.0,
        true,
    ),
    (
        "eureka-humanoid",
        [4096, 32, 32768, 5],
        [5e-4, 0.008, 0.99],
        1000,
        &[400, 200, 100],
        4.0,
        true,
    ),
    (
        "eureka-allegro_hand",
        [16384, 8, 32768, 5],
        [5e-4, 0.016, 0.99],
        5000,
        &[512, 256, 128],
        4.0,
        true,
    ),
    (
        "eureka-shadow_hand",
        [16384, 8, 32768, 5],
        [5e-4, 0.016, 0.99],
        20_000,
        &[512, 512, 256, 128],
        4.0,
        true,
    ),
    (
        "eureka-dexterity",
        [2048, 8, 16384, 5],
        [3e-4, 0.016, 0.96],
        6000,
        &[512, 256, 128],
        4.0,
        true,
    ),
];

fn rl_games(&(_, sizes, reals, updates, hidden, value_weight, shortened): &Eureka) -> PpoSettings {
    let ([n_envs, rollout, samples, epochs], [learning_rate, target_kl, discount]) = (sizes, reals);
    PpoSettings {
        steps: updates * (n_envs * rollout) as u64,
        n_envs,
        rollout,
        epochs,
        minibatches: n_envs * rollout / samples,
        discount,
        gae_lambda: 0.95,
        clip: 0.2,
        value_clip: true,
        learning_rate,
        schedule: Schedule::Adaptive,
        target_kl,
        entropy_weight: 0.0,
        value_weight,
        max_gradient_norm: if shortened { 1.0 } else { UNLIMITED },
        initial_log_std: 0.0,
        squash: false,
        hidden: hidden.to_vec(),
        activation: Activation::Elu,
    }
}

/// No gradient is as long.
const UNLIMITED: f64 = 1e6;

/// Name; steps, environments, rollout, samples of a minibatch, epochs; discount, lambda, clip, learning rate; weights of entropy
/// and value error (of the plain square, without the ½), longest gradient; network.
type Zoo = (&'static str, [usize; 5], [f64; 4], [f64; 3], Network);

#[derive(Clone, Copy)]
enum Network {
    /// Two layers of 64 with tanh, deviation 1.
    Small,
    /// Two layers of 256 with ReLU, deviation e⁻².
    Large,
}

const ZOO: [Zoo; 9] = [
    (
        "zoo-half_cheetah",
        [1_000_000, 1, 512, 64, 20],
        [0.98, 0.92, 0.1, 2.0633e-5],
        [0.000401762, 0.58096, 0.8],
        Network::Large,
    ),
    (
        "zoo-hopper",
        [1_000_000, 1, 512, 32, 5],
        [0.999, 0.99, 0.2, 9.80828e-5],
        [0.00229519, 0.835671, 0.7],
        Network::Large,
    ),
    (
        "zoo-walker2d",
        [1_000_000, 1, 512, 32, 20],
        [0.99, 0.95, 0.1, 5.05041e-5],
        [0.000585045, 0.871923, 1.0],
        Network::Small,
    ),
    (
        "zoo-ant",
        [1_000_000, 1, 2048, 64, 10],
        [0.99, 0.95, 0.2, 3e-4],
        [0.0, 0.5, 0.5],
        Network::Small,
    ),
    (
        "zoo-humanoid",
        [10_000_000, 1, 512, 256, 5],
        [0.95, 0.9, 0.3, 3.56987e-5],
        [0.00238306, 0.431892, 2.0],
        Network::Large,
    ),
    (
        "zoo-swimmer",
        [1_000_000, 4, 1024, 256, 10],
        [0.9999, 0.98, 0.2, 6e-4],
        [0.0, 0.5, 0.5],
        Network::Small,
    ),
    (
        "zoo-inverted_pendulum",
        [1_000_000, 1, 32, 64, 5],
        [0.999, 0.9, 0.4, 0.000222425],
        [1.37976e-7, 0.19816, 0.3],
        Network::Small,
    ),
    (
        "zoo-inverted_double_pendulum",
        [1_000_000, 1, 128, 512, 10],
        [0.98, 0.8, 0.4, 0.000155454],
        [1.05057e-6, 0.695929, 0.5],
        Network::Small,
    ),
    (
        "zoo-reacher",
        [1_000_000, 1, 512, 32, 5],
        [0.9, 1.0, 0.3, 0.000104019],
        [7.52585e-8, 0.950368, 0.9],
        Network::Small,
    ),
];

fn stable_baselines(&(_, sizes, reals, weights, network): &Zoo) -> PpoSettings {
    let [steps, n_envs, rollout, samples, epochs] = sizes;
    let ([discount, gae_lambda, clip, learning_rate], [entropy_weight, squared, max_gradient_norm]) = (reals, weights);
    let (hidden, activation, initial_log_std) = match network {
        Network::Small => (vec![64, 64], Activation::Tanh, 0.0),
        Network::Large => (vec![256, 256], Activation::Relu, -2.0),
    };
    PpoSettings {
        steps: steps as u64,
        n_envs,
        rollout,
        epochs,
        // Where a rollout has fewer samples than a minibatch, it is one.
        minibatches: (n_envs * rollout / samples).max(1),
        discount,
        gae_lambda,
        clip,
        value_clip: false,
        learning_rate,
        schedule: Schedule::Constant,
        target_kl: PpoSettings::default().target_kl,
        entropy_weight,
        value_weight: 2.0 * squared,
        max_gradient_norm,
        initial_log_std,
        squash: false,
        hidden,
        activation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_trained_with() {
        for Preset { name, settings } in presets() {
            settings.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(preset(name).unwrap(), settings);
        }
    }

    #[test]
    fn samples_of_a_minibatch_and_steps_are_as_published() {
        // Name, environment steps of the whole training in millions, samples of a minibatch.
        for (name, million_steps, samples) in [
            ("eureka-cartpole", 0.8192, 8192),
            ("eureka-ball_balance", 16.384, 8192),
            ("eureka-quadcopter", 32.768, 16_384),
            ("eureka-ant", 32.768, 32_768),
            ("eureka-franka_cabinet", 98.304, 8192),
            ("eureka-anymal", 98.304, 32_768),
            ("eureka-humanoid", 131.072, 32_768),
            ("eureka-allegro_hand", 655.36, 32_768),
            ("eureka-shadow_hand", 2621.44, 32_768),
            ("eureka-dexterity", 98.304, 16_384),
            ("zoo-half_cheetah", 1.0, 64),
            ("zoo-swimmer", 1.0, 256),
        ] {
            let settings = preset(name).unwrap();
            assert_eq!(settings.steps as f64 / 1e6, million_steps, "{name}");
            assert_eq!(
                settings.n_envs * settings.rollout,
                samples * settings.minibatches,
                "{name}"
            );
        }
    }
}
