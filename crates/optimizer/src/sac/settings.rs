//! What shapes a training with SAC, and what is refused before it starts.

use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::kernels::Activation;
use crate::presets::named;
use crate::setting_limits::{check, layers, overridden, real, whole};

/// Everything that shapes a training with SAC. Missing keys in a file take the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SacSettings {
    /// Environment steps in all; never more are taken.
    pub steps: u64,
    /// Environments stepped together.
    pub n_envs: usize,
    /// Transitions that are kept; the oldest makes room for the newest.
    pub buffer: usize,
    /// Environment steps with uniformly random actions before the first gradient step.
    pub learning_starts: u64,
    /// Steps per environment between rounds of learning.
    pub train_freq: usize,
    /// Gradient steps in each round.
    pub gradient_steps: usize,
    /// Transitions in each gradient step.
    pub batch: usize,
    /// Discount γ of later rewards, in [0, 1).
    pub discount: f64,
    /// Learning rate of Adam, for policy, values and temperature alike.
    pub learning_rate: f64,
    /// τ: how far the target networks move towards the value networks after each gradient step.
    pub target_rate: f64,
    /// Temperature α at the start: what a nat of entropy is worth in reward. It is then adapted.
    pub initial_temperature: f64,
    /// Entropy in nats, per number of an action, that the temperature is adapted to.
    pub target_entropy: f64,
    /// Whether networks see observations less their mean and divided by their deviation, as far as these are known. What the
    /// buffer holds then changes its meaning while the values are learned: tasks in metres and radians are learned better without.
    pub normalize_observations: bool,
    /// Whether rewards are divided by their root mean square.
    pub scale_rewards: bool,
    /// Units of each hidden layer, of the policy and of the value networks alike.
    pub hidden: Vec<usize>,
    /// What each hidden unit does with its sum: `tanh`, `relu` or `elu`.
    pub activation: Activation,
}

impl Default for SacSettings {
    fn default() -> Self {
        Self {
            steps: 300_000,
            n_envs: 8,
            buffer: 1_000_000,
            learning_starts: 4_000,
            train_freq: 1,
            gradient_steps: 1,
            batch: 256,
            discount: 0.99,
            learning_rate: 3e-4,
            target_rate: 0.005,
            initial_temperature: 0.2,
            target_entropy: -1.0,
            normalize_observations: false,
            scale_rewards: true,
            hidden: vec![256, 256],
            activation: Activation::Relu,
        }
    }
}

impl SacSettings {
    /// These settings with the keys of `overrides` (a task's `[sac]` table, a command line) in place of their own. The key
    /// `preset` puts published settings in the place of all of them first ([`sac_presets`](crate::sac_presets)).
    ///
    /// Errors: [`TrainError::Settings`] for an unknown key, a wrong type or a value that makes no sense.
    pub fn with_overrides(&self, overrides: &toml::Table) -> Result<Self, TrainError> {
        let settings: Self = overridden(self, overrides, preset, "text2reward-maniskill")?;
        settings.validate()?;
        Ok(settings)
    }

    /// Whether a training can start with these settings.
    ///
    /// Errors: [`TrainError::Settings`] names the first key that makes no sense, its value and what is allowed.
    pub fn validate(&self) -> Result<(), TrainError> {
        let counted = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
        check([
            whole("n_envs", self.n_envs, 1, 4096),
            whole("steps", counted(self.steps), self.n_envs, 1_000_000_000_000),
            whole("buffer", self.buffer, self.n_envs, 100_000_000),
            whole(
                "learning_starts",
                counted(self.learning_starts),
                0,
                counted(self.steps - 1),
            ),
            whole("train_freq", self.train_freq, 1, 100_000),
            whole("gradient_steps", self.gradient_steps, 1, 100_000),
            whole("batch", self.batch, 1, 65_536),
            real("discount", self.discount, 0.0, 0.99999),
            real("learning_rate", self.learning_rate, 1e-7, 1e-1),
            real("target_rate", self.target_rate, 1e-5, 1.0),
            real("initial_temperature", self.initial_temperature, 1e-6, 100.0),
            real("target_entropy", self.target_entropy, -10.0, 0.69),
            layers("hidden", &self.hidden),
        ])
    }
}

/// Settings that others published, by name: those of Text2Reward (Xie et al. 2024, arXiv:2309.11489) for its tasks of ManiSkill
/// and of Meta-World, with Stable-Baselines3's defaults where it names none.
///
/// Weights are orthogonal here, and Adam's ε is 1e-5.
pub fn sac_presets() -> Vec<(&'static str, SacSettings)> {
    let plain = SacSettings {
        n_envs: 8,
        learning_starts: 4_000,
        target_rate: 0.005,
        learning_rate: 3e-4,
        scale_rewards: false,
        ..SacSettings::default()
    };
    let maniskill = SacSettings {
        steps: 4_000_000,
        batch: 1024,
        discount: 0.95,
        train_freq: 8,
        gradient_steps: 4,
        initial_temperature: 0.2,
        hidden: vec![256; 2],
        ..plain.clone()
    };
    let meta_world = SacSettings {
        steps: 1_000_000,
        batch: 512,
        discount: 0.99,
        train_freq: 1,
        gradient_steps: 1,
        initial_temperature: 0.1,
        hidden: vec![256; 3],
        ..plain
    };
    vec![
        ("text2reward-maniskill", maniskill),
        ("text2reward-metaworld", meta_world),
    ]
}

fn preset(name: &str) -> Result<SacSettings, String> {
    named(name, sac_presets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_replace_and_the_rest_stays() {
        let overrides = "batch = 1024\ngradient_steps = 4\nactivation = \"elu\"\nhidden = [32]";
        let settings = SacSettings::default()
            .with_overrides(&overrides.parse().unwrap())
            .unwrap();
        assert_eq!(
            settings,
            SacSettings {
                batch: 1024,
                gradient_steps: 4,
                activation: Activation::Elu,
                hidden: vec![32],
                ..SacSettings::default()
            }
        );
        assert_eq!(toml::from_str::<SacSettings>("").unwrap(), SacSettings::default());
    }

    #[test]
    fn every_preset_can_be_trained_with() {
        for (name, settings) in sac_presets() {
            let overrides = format!("preset = \"{name}\"\nsteps = 50_000");
            let found = SacSettings::default()
                .with_overrides(&overrides.parse().unwrap())
                .unwrap();
            assert_eq!(
                found,
                SacSettings {
                    steps: 50_000,
                    ..settings
                }
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (overrides, expected) in [
            ("rollout = 64", "unknown field `rollout`, expected one of"),
            ("batch = \"big\"", "invalid type: string \"big\""),
            (
                "preset = \"text2reward-maniskil\"",
                "there is no preset `text2reward-maniskil`; did you mean `text2reward-maniskill`?",
            ),
            ("n_envs = 0", "`n_envs` is 0; allowed is from 1 to 4096"),
            ("steps = 7", "`steps` is 7; allowed is from 8 to"),
            ("buffer = 7", "`buffer` is 7; allowed is from 8 to"),
            (
                "learning_starts = 300000",
                "`learning_starts` is 300000; allowed is from 0 to 299999",
            ),
            ("train_freq = 0", "`train_freq` is 0; allowed is from 1"),
            ("target_rate = 0.0", "`target_rate` is 0; allowed is from 0.00001 to 1"),
            ("initial_temperature = nan", "`initial_temperature` is NaN; allowed"),
            (
                "target_entropy = 1.0",
                "`target_entropy` is 1; allowed is from -10 to 0.69",
            ),
            ("hidden = [0]", "`hidden` is [0]; allowed is one to eight layers"),
        ] {
            let error = SacSettings::default()
                .with_overrides(&overrides.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{overrides}: {error}");
        }
    }
}
