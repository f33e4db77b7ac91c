//! What shapes a training, and what is refused before it starts.

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::kernels::Activation;
use crate::presets::preset;
use crate::setting_limits::{check, layers, overridden, real, whole};

/// Everything that shapes a training. Missing keys in a file take the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PpoSettings {
    /// Environment steps in all. Rollouts are shortened evenly so that whole ones fit; never more steps are taken.
    pub steps: u64,
    /// Environments stepped together.
    pub n_envs: usize,
    /// Steps per environment between updates, at most.
    pub rollout: usize,
    /// Passes over each rollout.
    pub epochs: usize,
    /// Gradient steps per pass.
    pub minibatches: usize,
    /// Discount γ of later rewards, in [0, 1).
    pub discount: f64,
    /// λ of the advantage estimate, in [0, 1].
    pub gae_lambda: f64,
    /// How far the probability ratio of an action may move from 1 before its gradient vanishes.
    pub clip: f64,
    /// Whether a value, too, gains nothing from moving further than `clip` from what it was when its sample was taken.
    pub value_clip: bool,
    /// Learning rate of Adam; where the schedule starts.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// KL divergence per update that the adaptive schedule aims at.
    pub target_kl: f64,
    /// Weight of the policy's entropy in the objective.
    pub entropy_weight: f64,
    /// Weight of the squared value error in the loss.
    pub value_weight: f64,
    /// Largest norm of a gradient; longer ones are shortened.
    pub max_gradient_norm: f64,
    /// Logarithm of the policy's initial standard deviation; actions lie in [-1, 1].
    pub initial_log_std: f64,
    /// Whether an action is the tanh of what the policy draws; if not, the environment clamps it to [-1, 1].
    pub squash: bool,
    /// Units of each hidden layer, of the policy and of the value network alike.
    pub hidden: Vec<usize>,
    /// What each hidden unit does with its sum: `tanh`, `relu` or `elu`.
    pub activation: Activation,
}

/// How the learning rate changes during a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Multiplied by 1.5 where a gradient step moved the policy by less than half of `target_kl`, divided where by more
    /// than twice.
    Adaptive,
    /// Falls linearly to zero.
    Linear,
    /// Stays.
    Constant,
}

impl Default for PpoSettings {
    fn default() -> Self {
        Self {
            steps: 1_000_000,
            n_envs: 32,
            rollout: 64,
            epochs: 5,
            minibatches: 4,
            discount: 0.99,
            gae_lambda: 0.95,
            clip: 0.2,
            value_clip: false,
            learning_rate: 1e-3,
            schedule: Schedule::Adaptive,
            target_kl: 0.015,
            entropy_weight: 0.0,
            value_weight: 1.0,
            max_gradient_norm: 1.0,
            initial_log_std: -0.25,
            squash: false,
            hidden: vec![64, 64],
            activation: Activation::Tanh,
        }
    }
}

impl PpoSettings {
    /// These settings with the keys of `overrides` (a task's `[ppo]` table, a command line) in place of their own. The key
    /// `preset` puts published settings in the place of all of them first ([`presets`](crate::presets)).
    ///
    /// Errors: [`TrainError::Settings`] for an unknown key, a wrong type or a value that makes no sense.
    pub fn with_overrides(&self, overrides: &toml::Table) -> Result<Self, TrainError> {
        let settings: Self = overridden(self, overrides, preset, "eureka-ant")?;
        settings.validate()?;
        Ok(settings)
    }

    /// Whether a training can start with these settings.
    ///
    /// Errors: [`TrainError::Settings`] names the first key that makes no sense, its value and what is allowed.
    pub fn validate(&self) -> Result<(), TrainError> {
        let steps = usize::try_from(self.steps).unwrap_or(usize::MAX);
        let minibatches = self.n_envs.saturating_mul(self.rollout).min(1024);
        check([
            whole("n_envs", self.n_envs, 1, 16_384),
            whole("steps", steps, self.n_envs, 1_000_000_000_000),
            whole("rollout", self.rollout, 1, 4096),
            whole("epochs", self.epochs, 1, 100),
            whole("minibatches", self.minibatches, 1, minibatches),
            real("discount", self.discount, 0.0, 0.99999),
            real("gae_lambda", self.gae_lambda, 0.0, 1.0),
            real("clip", self.clip, 0.01, 1.0),
            real("learning_rate", self.learning_rate, 1e-7, 1e-1),
            real("target_kl", self.target_kl, 1e-5, 1.0),
            real("entropy_weight", self.entropy_weight, 0.0, 1.0),
            real("value_weight", self.value_weight, 0.0, 100.0),
            real("max_gradient_norm", self.max_gradient_norm, 1e-3, 1e6),
            real("initial_log_std", self.initial_log_std, -4.0, 1.0),
            layers("hidden", &self.hidden),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_replace_and_the_rest_stays() {
        let overrides = "steps = 5000\nlearning_rate = 0.01\nschedule = \"linear\"\nhidden = [32]\nactivation = \"elu\"\nsquash = true"
            .parse()
            .unwrap();
        let settings = PpoSettings::default().with_overrides(&overrides).unwrap();
        assert_eq!(
            settings,
            PpoSettings {
                steps: 5000,
                learning_rate: 0.01,
                schedule: Schedule::Linear,
                hidden: vec![32],
                activation: Activation::Elu,
                squash: true,
                ..PpoSettings::default()
            }
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (overrides, expected) in [
            ("learning_rat = 0.1", "unknown field `learning_rat`, expected one of"),
            ("epochs = \"five\"", "invalid type: string \"five\""),
            ("preset = 3", "`preset` is 3; write the name of one"),
            (
                "preset = \"eureka-humanid\"",
                "there is no preset `eureka-humanid`; did you mean `eureka-humanoid`?",
            ),
            ("preset = \"x\"", "there is no preset `x`; there are eureka-cartpole, "),
            ("schedule = \"cosine\"", "unknown variant `cosine`, expected one of"),
            (
                "activation = \"gelu\"",
                "unknown variant `gelu`, expected one of `tanh`",
            ),
            ("n_envs = 0", "`n_envs` is 0; allowed is from 1 to 16384"),
            ("n_envs = -3", "invalid value: integer `-3`"),
            ("steps = 31", "`steps` is 31; allowed is from 32 to"),
            ("discount = 1.0", "`discount` is 1; allowed is from 0 to 0.99999"),
            ("clip = nan", "`clip` is NaN; allowed"),
            (
                "minibatches = 100000",
                "`minibatches` is 100000; allowed is from 1 to 1024",
            ),
            ("hidden = []", "`hidden` is []; allowed is one to eight layers"),
        ] {
            let error = PpoSettings::default()
                .with_overrides(&overrides.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{overrides}: {error}");
        }
    }

    #[test]
    fn a_preset_stands_in_place_of_everything_that_is_not_said() {
        let overrides = "steps = 5000\npreset = \"eureka-ant\"\ndiscount = 0.9".parse().unwrap();
        let own = PpoSettings {
            epochs: 77,
            ..PpoSettings::default()
        };
        let settings = own.with_overrides(&overrides).unwrap();
        assert_eq!((settings.steps, settings.discount), (5000, 0.9));
        assert_eq!(
            (settings.epochs, settings.n_envs, &settings.hidden[..]),
            (4, 4096, &[256, 128, 64][..])
        );
    }

    #[test]
    fn a_missing_key_takes_its_default() {
        assert_eq!(toml::from_str::<PpoSettings>("").unwrap(), PpoSettings::default());
    }
}
