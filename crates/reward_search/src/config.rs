//! What a search is told to do; stored with the run, so that a resumed search does the same.

use std::collections::BTreeSet;

use carrot_environment::{Engine, Task};
use carrot_optimizer::{PpoSettings, Settings, TrainError};
use serde::{Deserialize, Serialize};

/// Everything that decides the course of a search. Only `workers` may differ between two runs with equal results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchConfig {
    /// `<env>/<task>`.
    pub task: String,
    /// Which physics engine moves the worlds.
    pub engine: Engine,
    /// `eureka`: K candidates in each of N generations, each prompt carrying the best so far and its reflection.
    pub strategy: String,
    /// `evolve`, `random`, `openai` or `replay`.
    pub proposer: String,
    /// Rounds.
    pub generations: u32,
    /// Programs per round.
    pub candidates: u32,
    /// Environment steps for each candidate.
    pub steps: u64,
    /// Episodes in which each candidate's policy is judged.
    pub episodes: usize,
    /// Seed of every random number.
    pub seed: u64,
    /// How many of the best programs are trained on further seeds before one of them wins.
    pub finalists: u32,
    /// On how many further seeds; with none the best of the search wins.
    pub finalist_seeds: u32,
    /// How often a program that was refused or stopped may be repaired from its diagnostics.
    pub repairs: u32,
    /// Candidates trained at the same time; results do not depend on it.
    pub workers: usize,
    /// Files judged together with generation 0: text (`.py`) or foreign modules (`.wasm`).
    pub include: Vec<String>,
    /// Optimiser settings that differ from the task's preset.
    pub ppo: toml::Table,
    /// Model name (`openai`).
    pub model: String,
    /// Server address (`openai`).
    pub base_url: String,
    /// Sampling temperature (`openai`).
    pub temperature: f32,
    /// Most answered requests (`openai`).
    pub max_requests: u64,
    /// Most tokens, prompt and completion together (`openai`).
    pub max_tokens: u64,
    /// Most money, in the currency of the prices; counted only where prices are given (`openai`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// Price of a million prompt tokens (`openai`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_price: Option<f64>,
    /// Price of a million completion tokens (`openai`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_price: Option<f64>,
    /// Run whose exchanges are played back (`replay`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            task: String::new(),
            engine: Engine::Mujoco,
            strategy: "eureka".into(),
            proposer: "evolve".into(),
            generations: 4,
            candidates: 8,
            steps: 100_000,
            episodes: 16,
            seed: 0,
            finalists: 4,
            finalist_seeds: 3,
            repairs: 1,
            workers: 1,
            include: Vec::new(),
            ppo: toml::Table::new(),
            model: "gpt-4.1".into(),
            base_url: "https://api.openai.com/v1".into(),
            temperature: 1.0,
            max_requests: 100,
            max_tokens: 1_000_000,
            max_cost: None,
            prompt_price: None,
            completion_price: None,
            replay: None,
        }
    }
}

impl SearchConfig {
    /// Every key that a config may have. Each has a default, so that a config may say only what differs.
    pub fn keys() -> BTreeSet<String> {
        let all = Self {
            max_cost: Some(0.0),
            prompt_price: Some(0.0),
            completion_price: Some(0.0),
            replay: Some(String::new()),
            ..Self::default()
        };
        let table = toml::Table::try_from(all).expect("numbers, texts and tables are TOML");
        table.into_iter().map(|(key, _)| key).collect()
    }

    /// Optimiser settings of every candidate: defaults, then the task's preset, then `ppo`, then `steps`.
    ///
    /// Errors: one sentence naming the key that the optimiser does not take.
    pub fn settings(&self, task: &Task) -> Result<Settings, String> {
        let resolve = || -> Result<Settings, TrainError> {
            let mut settings = PpoSettings::default()
                .with_overrides(&task.ppo)?
                .with_overrides(&self.ppo)?;
            settings.steps = self.steps;
            settings.validate()?;
            Ok(settings.into())
        };
        resolve().map_err(|error| error.to_string())
    }

    /// Refuses what no search can mean. Errors: one sentence naming the key.
    pub fn validate(&self) -> Result<(), String> {
        // The upper bounds are far above what anyone waits for, and keep every count and product of counts in range.
        for (key, value, least, most) in [
            ("generations", u64::from(self.generations), 1, 10_000),
            ("candidates", u64::from(self.candidates), 1, 10_000),
            ("steps", self.steps, 1, 10_000_000_000),
            ("episodes", self.episodes as u64, 1, 1_000_000),
            ("finalists", u64::from(self.finalists), 1, 10_000),
            ("finalist_seeds", u64::from(self.finalist_seeds), 0, 10_000),
            ("repairs", u64::from(self.repairs), 0, 100),
        ] {
            if value < least {
                return Err(format!("`{key}` must be at least {least}"));
            }
            if value > most {
                return Err(format!("`{key}` is {value}; at most {most} are allowed"));
            }
        }
        let amounts = [
            ("temperature", Some(f64::from(self.temperature))),
            ("max_cost", self.max_cost),
            ("prompt_price", self.prompt_price),
            ("completion_price", self.completion_price),
        ];
        for (key, value) in amounts {
            if let Some(value) = value
                && !(value.is_finite() && value >= 0.0)
            {
                return Err(format!("`{key}` is {value}; it must be a number from 0 on"));
            }
        }
        if self.strategy != "eureka" {
            return Err(format!("`strategy` is `{}`; there is `eureka`", self.strategy));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_record() {
        let config = SearchConfig {
            task: "hopper/hop_forward".into(),
            engine: Engine::Rapier,
            max_cost: Some(0.5),
            ..SearchConfig::default()
        };
        let table = toml::Table::try_from(&config).unwrap();
        assert_eq!(table.try_into::<SearchConfig>().unwrap(), config);
    }

    #[test]
    fn every_key_has_a_default_and_is_known() {
        assert_eq!(
            toml::Table::new().try_into::<SearchConfig>().unwrap(),
            SearchConfig::default()
        );
        let keys = SearchConfig::keys();
        for key in [
            "task",
            "engine",
            "generations",
            "ppo",
            "max_cost",
            "prompt_price",
            "completion_price",
            "replay",
        ] {
            assert!(keys.contains(key), "{key}");
        }
        // One key for each field: a new optional field must be named in `keys`, or its key would be refused.
        let fields = include_str!("config.rs")
            .split("pub struct SearchConfig {")
            .nth(1)
            .unwrap();
        let fields = fields.split("\n}").next().unwrap();
        assert_eq!(keys.len(), fields.matches("    pub ").count());
    }

    #[test]
    fn nonsense_is_named() {
        for (config, expected) in [
            (
                SearchConfig {
                    candidates: 0,
                    ..SearchConfig::default()
                },
                "`candidates` must be at least 1",
            ),
            (
                SearchConfig {
                    repairs: u32::MAX,
                    ..SearchConfig::default()
                },
                "`repairs` is 4294967295; at most 100 are allowed",
            ),
            (
                SearchConfig {
                    max_cost: Some(f64::NAN),
                    ..SearchConfig::default()
                },
                "`max_cost` is NaN",
            ),
            (
                SearchConfig {
                    strategy: "magic".into(),
                    ..SearchConfig::default()
                },
                "`strategy` is `magic`",
            ),
        ] {
            let message = config.validate().unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
