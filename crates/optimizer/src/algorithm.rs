//! Which optimiser trains, and with what settings.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use carrot_environment::{Task, VecEnv};
use serde::{Deserialize, Serialize};

use crate::ppo::{self, Progress, TrainError, Trained};
use crate::sac::{self, SacSettings};
use crate::settings::PpoSettings;

/// An optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Proximal policy optimisation.
    #[default]
    Ppo,
    /// Soft actor-critic.
    Sac,
}

/// An optimiser with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "lowercase")]
pub enum Settings {
    /// Proximal policy optimisation.
    Ppo(PpoSettings),
    /// Soft actor-critic.
    Sac(SacSettings),
}

/// What of a training is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left<'a> {
    /// All of it.
    All,
    /// What follows the moment at which [`Progress::save`] gave these bytes.
    After(&'a [u8]),
    /// Only the judgement of the policy as it then was.
    Judgement(&'a [u8]),
}

impl Algorithm {
    /// The settings of `task`: its table for this optimiser in place of the defaults, and `overrides` in place of both. A preset
    /// among the overrides stands in the place of the task's table.
    ///
    /// Errors: [`TrainError::Settings`] for a key or value that makes no sense.
    pub fn settings(self, task: &Task, overrides: &toml::Table) -> Result<Settings, TrainError> {
        let mut table = match (overrides.contains_key("preset"), self) {
            (true, _) => toml::Table::new(),
            (false, Self::Ppo) => task.ppo.clone(),
            (false, Self::Sac) => task.sac.clone(),
        };
        table.extend(overrides.clone());
        match self {
            Self::Ppo => Settings::from(PpoSettings::default()).with_overrides(&table),
            Self::Sac => Settings::from(SacSettings::default()).with_overrides(&table),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ppo => "ppo",
            Self::Sac => "sac",
        })
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ppo" => Ok(Self::Ppo),
            "sac" => Ok(Self::Sac),
            _ => Err("an algorithm is `ppo` or `sac`".into()),
        }
    }
}

impl Settings {
    /// Which optimiser.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ppo(_) => Algorithm::Ppo,
            Self::Sac(_) => Algorithm::Sac,
        }
    }

    /// Environment steps in all.
    pub fn steps(&self) -> u64 {
        match self {
            Self::Ppo(settings) => settings.steps,
            Self::Sac(settings) => settings.steps,
        }
    }

    /// Environments stepped together.
    pub fn n_envs(&self) -> usize {
        match self {
            Self::Ppo(settings) => settings.n_envs,
            Self::Sac(settings) => settings.n_envs,
        }
    }

    /// Units of each hidden layer.
    pub fn hidden(&self) -> &[usize] {
        match self {
            Self::Ppo(settings) => &settings.hidden,
            Self::Sac(settings) => &settings.hidden,
        }
    }

    /// These settings with another number of environment steps.
    pub fn with_steps(mut self, steps: u64) -> Self {
        match &mut self {
            Self::Ppo(settings) => settings.steps = steps,
            Self::Sac(settings) => settings.steps = steps,
        }
        self
    }

    /// These settings with the keys of `overrides` in place of their own.
    ///
    /// Errors: [`TrainError::Settings`] for an unknown key, a wrong type or a value that makes no sense.
    pub fn with_overrides(&self, overrides: &toml::Table) -> Result<Self, TrainError> {
        Ok(match self {
            Self::Ppo(settings) => Self::Ppo(settings.with_overrides(overrides)?),
            Self::Sac(settings) => Self::Sac(settings.with_overrides(overrides)?),
        })
    }

    /// Whether a training can start with these settings.
    ///
    /// Errors: [`TrainError::Settings`] names the first key that makes no sense, its value and what is allowed.
    pub fn validate(&self) -> Result<(), TrainError> {
        match self {
            Self::Ppo(settings) => settings.validate(),
            Self::Sac(settings) => settings.validate(),
        }
    }

    /// Trains a policy: [`crate::train`] or [`crate::train_sac`].
    pub fn train(
        &self,
        env: &mut VecEnv,
        seed: u64,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Trained, TrainError> {
        self.go_on(Left::All, env, seed, observer)
    }

    /// Does what is left of a training.
    ///
    /// Errors: [`TrainError::Saved`] for bytes of something else, and for SAC, whose replay memory is too large to be kept.
    pub fn go_on(
        &self,
        left: Left<'_>,
        env: &mut VecEnv,
        seed: u64,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Trained, TrainError> {
        match (self, left) {
            (Self::Ppo(settings), Left::All) => ppo::train(env, settings, seed, observer),
            (Self::Ppo(settings), Left::After(saved)) => ppo::resume(env, settings, seed, saved, observer),
            (Self::Ppo(settings), Left::Judgement(saved)) => ppo::conclude(env, settings, seed, saved),
            (Self::Sac(settings), Left::All) => sac::train(env, settings, seed, observer),
            (Self::Sac(_), _) => Err(TrainError::Saved("a training with SAC cannot go on from a file".into())),
        }
    }
}

impl From<PpoSettings> for Settings {
    fn from(settings: PpoSettings) -> Self {
        Self::Ppo(settings)
    }
}

impl From<SacSettings> for Settings {
    fn from(settings: SacSettings) -> Self {
        Self::Sac(settings)
    }
}
