//! Real environments for tests: the repository's own, and small worlds written to a temporary folder.

use std::path::{Path, PathBuf};

use carrot_environment::{Engine, MEASURES, Programs, Task, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{RewardSource, Schema};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};

/// A program, compiled and loaded.
pub fn program(source: &str, file: &Path, schema: &Schema, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, &file.display().to_string(), schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

/// Environments of a task, scored by `reward`.
pub fn environments(task: &Task, reward: &dyn RewardSource, n_envs: usize, seed: u64, threads: usize) -> VecEnv {
    let (source, file) = &task.program;
    let measures = program(source, file, &task.schema, Entry::Functions(&MEASURES));
    let programs = Programs {
        measures: &measures,
        reward: Some(reward),
    };
    VecEnv::new(task, programs, n_envs, seed, threads).unwrap()
}

/// A mass of 1 kg that a motor pushes along a line without friction, at 20 control steps per second.
pub struct Point {
    /// The task.
    pub task: Task,
    /// The reward that it is trained for.
    pub reward: LoadedReward,
    _folder: tempfile::TempDir,
}

impl Point {
    /// Seconds per control step.
    pub const DT_SECS: f64 = 0.05;
    /// Force of the full control.
    pub const FORCE_NEWTON: f64 = 4.0;

    /// Episodes of `horizon` steps from positions and velocities within ±`start`, with the reward that `expression` gives;
    /// it may read `position`, `velocity` and `control`. Where there is one step, the task ends the episode, otherwise the clock.
    pub fn new(horizon: usize, start: f64, expression: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: String| {
            let path = folder.path().join("point").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let (dt, force) = (Self::DT_SECS, Self::FORCE_NEWTON);
        write(
            "model.xml",
            format!(
                r#"<mujoco>
  <option timestep="{dt}" gravity="0 0 0" integrator="Euler"/>
  <worldbody>
    <body name="mass">
      <joint name="slide" type="slide" axis="1 0 0"/>
      <geom type="sphere" size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="slide" gear="{force}" ctrlrange="-1 1"/></actuator>
</mujoco>"#
            ),
        );
        write(
            "env.toml",
            format!(
                r#"[control]
substeps = 1
[reset]
qpos_noise = {start}
qvel_noise = {start}
[variable.position]
source = {{ joint_position = ["slide"] }}
doc = "Where the mass is."
[variable.velocity]
source = {{ joint_velocity = ["slide"] }}
doc = "How fast it is."
[variable.control]
source = "control"
doc = "Force as a share of the largest, as just applied."
"#
            ),
        );
        write(
            "tasks/hold/task.toml",
            format!(
                r#"version = 1
instruction = "Bring the mass to the middle."
horizon = {horizon}
observation = ["position", "velocity"]
[fitness]
aggregate = "sum"
[success]
aggregate = "last"
"#
            ),
        );
        let ended = if horizon == 1 { "ones" } else { "zeros" };
        let function = |name: &str, result: &str| {
            format!("def {name}(position: Tensor, velocity: Tensor, control: Tensor) -> Tensor:\n    return {result}\n")
        };
        write(
            "tasks/hold/task.py",
            format!(
                "import torch\nfrom torch import Tensor\n{}{}{}",
                function("fitness", expression),
                function("success", "torch.abs(position) < 0.1"),
                function("terminated", &format!("torch.{ended}_like(position, dtype=torch.bool)")),
            ),
        );
        let task = Task::load(folder.path(), "point/hold", Engine::Mujoco).unwrap();
        let reward = format!(
            "import torch\nfrom torch import Tensor\nfrom typing import Dict, Tuple\n\
             def compute_reward(position: Tensor, velocity: Tensor, control: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n    \
             reward = {expression}\n    return reward, {{\"all\": reward}}\n"
        );
        let reward = program(&reward, &PathBuf::from("reward.py"), &task.schema, Entry::Reward);
        Self {
            task,
            reward,
            _folder: folder,
        }
    }

    /// Environments of it.
    pub fn environments(&self, n_envs: usize, seed: u64, threads: usize) -> VecEnv {
        environments(&self.task, &self.reward, n_envs, seed, threads)
    }
}
