//! What was inferred, as the text of files.

use std::fmt::Write as _;

use super::{Inferred, InferredVariable};

/// Name of the task that judges nothing.
pub(crate) const NEUTRAL_TASK_NAME: &str = "free";

/// Its program.
pub(crate) const NEUTRAL_TASK: &str = r#""""No task: nothing is judged, and nothing ends before its time."""

import torch
from torch import Tensor


def fitness(time: Tensor) -> Tensor:
    return torch.zeros_like(time)


def success(time: Tensor) -> Tensor:
    return time < 0.0


def terminated(time: Tensor) -> Tensor:
    return time < 0.0
"#;

/// Control steps of an episode.
const HORIZON: usize = 500;

impl Inferred {
    /// The text of an `env.toml` that reads `model`, a path relative to it.
    pub fn env_toml(&self, model: &str) -> String {
        let dt = self.control_dt_secs();
        let mut text = format!(
            "# What programs may read of {name}, and where it comes from: every body, joint, site and sensor of the model.\n\
             # Names are free; keep what a reward should see, and say in `doc` what the model's names do not.\n\
             model = {model}\n\n\
             [control]\n# {steps} physics steps of {timestep} s: the policy acts every {dt} s.\nsubsteps = {steps}\n\n\
             [reset]\n{keyframe}# Half-widths of the uniform noise on the initial state.\nqpos_noise = 0.01\nqvel_noise = 0.01\n",
            name = self.name,
            model = quoted(model),
            steps = self.substeps,
            timestep = self.model.timestep_secs(),
            dt = (dt * 1e9).round() / 1e9,
            keyframe = self
                .keyframe()
                .map(|name| format!("keyframe = {}\n", quoted(name)))
                .unwrap_or_default(),
        );
        for variable in &self.variables {
            text += &variable.toml();
        }
        text
    }

    /// The text of the `task.toml` that judges nothing.
    pub(super) fn neutral_task_toml(&self) -> String {
        let instruction = "No task: the reward alone says what the robot does.";
        self.task_toml(instruction, "sum")
    }

    /// The text of a `task.toml`.
    pub(super) fn task_toml(&self, instruction: &str, fitness: &str) -> String {
        let mut text = format!(
            "version = 1\ninstruction = {}\nhorizon = {HORIZON}\nobservation = [\n",
            quoted(instruction)
        );
        for name in &self.observation {
            let _ = writeln!(text, "    {},", quoted(name));
        }
        text + &format!("]\n\n[fitness]\naggregate = \"{fitness}\"\n\n[success]\naggregate = \"last\"\n")
    }
}

impl InferredVariable {
    fn toml(&self) -> String {
        let mut text = format!("\n[variable.{}]\n", self.name);
        if self.is_uniform() {
            text += "uniform = true\n";
        }
        if !self.shape.is_empty() {
            let _ = writeln!(text, "shape = {:?}", self.shape);
        }
        let _ = writeln!(text, "source = {}", inline(&self.source));
        if let Some(component) = self.component {
            let _ = writeln!(text, "component = {component}");
        }
        if let Some(unit) = &self.unit {
            let _ = writeln!(text, "unit = {}", quoted(unit));
        }
        if self.in_world {
            text += "frame = \"world\"\n";
        }
        if self.is_quaternion {
            text += "quaternion = \"wxyz\"\n";
        }
        let _ = writeln!(text, "doc = {}", quoted(&self.doc));
        text
    }

    /// Whether it is one number for all environments.
    pub(crate) fn is_uniform(&self) -> bool {
        self.source.as_str() == Some("control_dt")
    }
}

/// A source on one line.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key} = {}", inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        toml::Value::Array(values) => {
            format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
