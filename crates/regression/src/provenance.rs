//! What a rollout was made of: enough to say later why its numbers are others.

use std::collections::BTreeMap;

use carrot_environment::Engine;
use serde::{Deserialize, Serialize};

use crate::Compared;

/// What a golden rests on. Hashes are SHA-256, as hex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of Carrot, and a hash of the code that decides on results.
    pub carrot: String,
    /// Name and version of the engine.
    pub engine_version: String,
    /// `<env>/<task>`, or `model FILE`.
    pub task: String,
    /// Version that the task gives itself.
    pub task_version: u32,
    /// The engine.
    pub engine: Engine,
    /// Seed of every random number.
    pub seed: u64,
    /// Control steps of each environment.
    pub steps: usize,
    /// Environments.
    pub envs: usize,
    /// What the robots do.
    pub actions: String,
    /// What is held against the golden.
    pub compare: Compared,
    /// File name of the reward, or `none`.
    pub reward: String,
    /// Seconds per control step.
    pub control_dt_secs: f64,
    /// Seconds per physics step.
    pub timestep_secs: f64,
    /// Of the model as the engine compiled it, meshes included.
    pub model_hash: String,
    /// Of the reward program; empty where there is none.
    pub reward_hash: String,
    /// Of the policy or the file of actions; empty for a built-in course.
    pub actions_hash: String,
    /// Of each file of the environment and the task, by its path below the environment.
    pub files: BTreeMap<String, String>,
}

impl Provenance {
    /// In what `now` is another rollout than this: nothing can be compared then. One sentence, or none.
    pub fn differs_in_plan(&self, now: &Self) -> Option<String> {
        let pairs = [
            ("task", self.task.clone(), now.task.clone()),
            ("engine", self.engine.to_string(), now.engine.to_string()),
            ("seed", self.seed.to_string(), now.seed.to_string()),
            ("steps", self.steps.to_string(), now.steps.to_string()),
            ("envs", self.envs.to_string(), now.envs.to_string()),
            ("actions", self.actions.clone(), now.actions.clone()),
            ("compare", format!("{:?}", self.compare), format!("{:?}", now.compare)),
        ];
        let differences: Vec<String> = pairs
            .into_iter()
            .filter(|(_, then, now)| then != now)
            .map(|(key, then, now)| format!("{key}: {} in the golden, {} in the suite", lower(&then), lower(&now)))
            .collect();
        (!differences.is_empty()).then(|| differences.join("; "))
    }

    /// What else changed since, most telling first: why numbers may have moved.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut changed = |is_changed: bool, what: String| {
            if is_changed {
                changes.push(what);
            }
        };
        changed(
            self.engine_version != now.engine_version,
            format!("the engine: {} → {}", self.engine_version, now.engine_version),
        );
        changed(
            self.timestep_secs != now.timestep_secs,
            format!(
                "the physics timestep: {} s → {} s",
                self.timestep_secs, now.timestep_secs
            ),
        );
        changed(
            self.control_dt_secs != now.control_dt_secs,
            format!(
                "the control step: {} s → {} s",
                self.control_dt_secs, now.control_dt_secs
            ),
        );
        let names: std::collections::BTreeSet<&String> = self.files.keys().chain(now.files.keys()).collect();
        for name in names {
            let what = match (self.files.get(name), now.files.get(name)) {
                (Some(then), Some(now)) if then == now => continue,
                (Some(_), Some(_)) => "changed",
                (None, _) => "is new",
                (_, None) => "is gone",
            };
            let same_model = name == "model.xml" && self.model_hash == now.model_hash;
            let but = if same_model {
                ", but it compiles to the same model"
            } else {
                ""
            };
            changed(true, format!("the file {name} {what}{but}"));
        }
        changed(
            self.model_hash != now.model_hash && self.files.get("model.xml") == now.files.get("model.xml"),
            "the compiled model changed although model.xml did not: a file that it refers to, or the engine".into(),
        );
        changed(
            self.task_version != now.task_version,
            format!("the task's version: {} → {}", self.task_version, now.task_version),
        );
        changed(
            self.reward_hash != now.reward_hash,
            match self.reward == now.reward {
                true => format!("the reward {} changed", now.reward),
                false => format!("the reward: {} → {}", self.reward, now.reward),
            },
        );
        changed(
            self.actions_hash != now.actions_hash,
            format!("the {} changed", now.actions),
        );
        changed(
            self.carrot != now.carrot,
            format!("Carrot: {} → {}", self.carrot, now.carrot),
        );
        changes
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}
