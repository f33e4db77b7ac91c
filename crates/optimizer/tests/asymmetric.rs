//! A critic that sees more than the policy: it foresees what the policy cannot know, and the policy is none the wiser.

use std::ops::ControlFlow;

use carrot_environment::{Engine, MEASURES, Programs, Task, VecEnv};
use carrot_optimizer::{PpoSettings, Trained, train};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::Schema;
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};

const MODEL: &str = r#"<mujoco>
  <worldbody><body><joint name="rail" type="slide" axis="1 0 0" damping="1"/><geom size="0.1"/></body></worldbody>
  <actuator><motor joint="rail" ctrlrange="-1 1"/></actuator>
</mujoco>"#;

/// `worth` is drawn at the reset and is all that a step earns; nothing that the policy sees tells of it.
const ENV: &str = r#"
version = 1
[control]
dt = 0.02
[variable.position]
source = { joint_position = "rail" }
[variable.worth]
source = { command = { low = -1.0, high = 1.0 } }
"#;

const TASK: &str = r#"
version = 1
instruction = "Move."
horizon = 40
observation = ["position"]
[fitness]
aggregate = "last"
[success]
aggregate = "last"
"#;

const PROGRAM: &str = "
import torch
from torch import Tensor
def fitness(position: Tensor) -> Tensor:
    return position
def success(position: Tensor) -> Tensor:
    return position > 1
def terminated(position: Tensor) -> Tensor:
    return position > 1e6
";

const REWARD: &str = "
def compute_reward(worth: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    return worth, {\"worth\": worth}
";

fn load(source: &str, schema: &Schema, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

fn trained(further: &str, threads: usize) -> Trained {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("model.xml", MODEL),
        ("env.toml", ENV),
        (
            "tasks/move/task.toml",
            &TASK.replacen("[fitness]", &format!("{further}\n[fitness]"), 1),
        ),
        ("tasks/move/task.py", PROGRAM),
    ] {
        let path = dir.path().join("envs/rail").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let task = Task::load(&dir.path().join("envs"), "rail/move", Engine::Mujoco).unwrap();
    let measures = load(&task.program.0, &task.schema, Entry::Functions(&MEASURES));
    let reward = load(REWARD, &task.schema, Entry::Reward);
    let programs = Programs {
        measures: &measures,
        reward: Some(&reward),
    };
    let settings = PpoSettings {
        steps: 40_000,
        n_envs: 40,
        rollout: 40,
        discount: 0.9,
        value_clip: true,
        ..PpoSettings::default()
    };
    let mut env = VecEnv::new(&task, programs, settings.n_envs, 3, threads).unwrap();
    train(&mut env, &settings, 3, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn explained_variance(trained: &Trained) -> f64 {
    let last = trained.checkpoints.last().unwrap();
    let found = last.diagnostics.iter().find(|(name, _)| name == "explained_variance");
    found.unwrap().1
}

#[test]
fn a_critic_that_sees_what_decides_foresees_the_return() {
    let blind = trained("", 1);
    let seeing = trained("critic_observation = [\"worth\"]", 1);
    let explained = [&blind, &seeing].map(explained_variance);
    assert!(explained[0] < 0.2 && explained[1] > 0.9, "{explained:?}");
    assert_eq!(seeing.policy.observation_size(), 1);
    assert_eq!(seeing.policy.to_bytes(&[]).len(), blind.policy.to_bytes(&[]).len());
    let again = trained("critic_observation = [\"worth\"]", 2);
    assert_eq!(
        seeing.policy.to_bytes(&[]),
        again.policy.to_bytes(&[]),
        "threads change nothing"
    );
}
