//! The texts with which a person can start: an environment and a first task that can be learned as it is.

use std::path::PathBuf;

use carrot_physics::JointKind;
use carrot_physics::inventory::Joint;

use super::{Inferred, InferredVariable, called, is_robot, is_scalar, is_travel, reference, table};

/// Texts of a new environment.
pub struct Starter {
    /// Name of the first task.
    pub task: &'static str,
    /// Each text with its path in the folder of the environment.
    pub files: Vec<(PathBuf, String)>,
}

/// What the first task asks for.
enum First {
    /// A robot that can get somewhere: the body whose way counts, and its height at the start.
    Move { body: String, height: f64 },
    /// Anything else with joints.
    Still,
}

impl Inferred {
    /// The texts of an environment and a first task that can be learned as it is; `model` is the model's path in its folder.
    pub fn starter(&self, model: &str) -> Starter {
        let first = self.first_task();
        let of_task = |file: &str| PathBuf::from(format!("tasks/{}/{file}", first.name()));
        Starter {
            task: first.name(),
            files: vec![
                (PathBuf::from("env.toml"), self.env_toml(model)),
                (
                    of_task("task.toml"),
                    self.task_toml(first.instruction(), first.aggregate()),
                ),
                (of_task("task.py"), first.program()),
                (of_task("reward.py"), first.reward(self)),
                (PathBuf::from("README.md"), self.readme(&first)),
            ],
        }
    }

    /// Moving where the robot has a root that can move, else keeping still.
    fn first_task(&self) -> First {
        let model = &self.inventory;
        let roams = |joint: &&Joint| {
            (joint.kind == JointKind::Free && is_robot(model, joint)) || (is_scalar(joint) && is_travel(model, joint))
        };
        let flies = |joint: &&Joint| joint.kind == JointKind::Free && !model.joints.iter().any(is_scalar);
        let Some(root) = model
            .joints
            .iter()
            .find(roams)
            .or_else(|| model.joints.iter().find(flies))
        else {
            return First::Still;
        };
        let source = table(
            "body_position",
            reference(model.bodies[root.body].name.as_deref(), root.body).into(),
        );
        let is_position = |variable: &&InferredVariable| variable.source == source && variable.component.is_none();
        let Some(position) = self.variables.iter().find(is_position) else {
            return First::Still;
        };
        let body = position.name.trim_end_matches("_position").to_owned();
        let mut place = [0.0; 3];
        if let Some(Ok(quantity)) = position.quantity(&self.model) {
            self.model.world().read(&quantity, &mut place);
        }
        let height = place[2];
        First::Move { body, height }
    }

    fn readme(&self, first: &First) -> String {
        let name = &self.name;
        let mut text = format!(
            "# {name}\n\nWritten by `carrot envs init`. {dt} s per control step.\n\n\
             Next: say in `env.toml` what the model's names do not, and drop variables that no reward should read; then write the task \
             that you want beside `tasks/{task}`, which is only there to start from.\n\n\
             ## Action\n\n| index | actuator | range |\n|---|---|---|\n",
            dt = (self.control_dt_secs() * 1e6).round() / 1e6,
            task = first.name(),
        );
        for (index, (actuator, [low, high])) in self
            .inventory
            .actuators
            .iter()
            .zip(self.model.control_ranges())
            .enumerate()
        {
            text += &format!(
                "| {index} | {} | {low} to {high} |\n",
                called(actuator.name.as_deref(), index)
            );
        }
        text += "\n## Observation\n\n| variable | numbers | unit | meaning |\n|---|---|---|---|\n";
        for name in &self.observation {
            let Some(variable) = self.variables.iter().find(|variable| &variable.name == name) else {
                continue;
            };
            let numbers: usize = variable.shape.iter().product();
            let unit = variable.unit.as_deref().unwrap_or("");
            text += &format!("| `{name}` | {numbers} | {unit} | {} |\n", variable.doc);
        }
        text += &format!(
            "\n## {task}\n\n{instruction} Fitness: {fitness} Episodes are cut off after 500 steps; {ends}\n\n\
             | version | what changed |\n|---|---|\n| 1 | first |\n",
            task = first.name(),
            instruction = first.instruction(),
            fitness = first.fitness_in_words(),
            ends = first.ends_in_words(),
        );
        text
    }
}

impl First {
    fn name(&self) -> &'static str {
        match self {
            Self::Move { .. } => "move",
            Self::Still => "still",
        }
    }

    fn instruction(&self) -> &'static str {
        match self {
            Self::Move { .. } => "Move forward along +x as far as possible.",
            Self::Still => "Bring all joints to rest and keep them still.",
        }
    }

    fn aggregate(&self) -> &'static str {
        match self {
            Self::Move { .. } => "last",
            Self::Still => "mean",
        }
    }

    fn fitness_in_words(&self) -> String {
        match self {
            Self::Move { body, .. } => format!("the way of `{body}` along +x, in m, at the last step."),
            Self::Still => "minus the mean speed of the joints, over all steps.".to_owned(),
        }
    }

    /// Below this height of its root a robot has fallen; none where it starts on the ground.
    fn fallen(&self) -> Option<f64> {
        match self {
            Self::Move { height, .. } if *height > 0.1 => Some((height * 50.0).round() / 100.0),
            _ => None,
        }
    }

    fn ends_in_words(&self) -> String {
        match (self, self.fallen()) {
            (Self::Move { body, .. }, Some(height)) => format!("they end when `{body}` is below {height} m."),
            _ => "nothing ends them before.".to_owned(),
        }
    }

    fn program(&self) -> String {
        match self {
            Self::Move { body, .. } => {
                let (argument, ended, says) = match self.fallen() {
                    Some(height) => (
                        format!("{body}_position"),
                        format!("{body}_position[:, 2] < {height:?}"),
                        "Fallen: below half of its height at the start.",
                    ),
                    None => ("time".to_owned(), "time < 0.0".to_owned(), "Never."),
                };
                format!(
                    "\"\"\"How moving forward is judged: by the way along +x until the robot falls or the time is up.\"\"\"\n\n\
                     from torch import Tensor\n\n\n\
                     def fitness({body}_position: Tensor) -> Tensor:\n    \
                     \"\"\"Way along +x so far, in m; the last step's value is the episode's fitness.\"\"\"\n    \
                     return {body}_position[:, 0]\n\n\n\
                     def success({body}_position: Tensor) -> Tensor:\n    \
                     \"\"\"Three metres from the start, at the last step.\"\"\"\n    \
                     return {body}_position[:, 0] >= 3.0\n\n\n\
                     def terminated({argument}: Tensor) -> Tensor:\n    \"\"\"{says}\"\"\"\n    return {ended}\n"
                )
            }
            Self::Still => "\"\"\"How keeping still is judged: by the speed of the joints.\"\"\"\n\n\
                 import torch\nfrom torch import Tensor\n\n\n\
                 def fitness(joint_velocities: Tensor) -> Tensor:\n    \
                 \"\"\"Minus the mean speed of the joints; its mean over the steps is the episode's fitness.\"\"\"\n    \
                 return -torch.mean(torch.abs(joint_velocities), dim=-1)\n\n\n\
                 def success(joint_velocities: Tensor) -> Tensor:\n    \
                 \"\"\"No joint moves to speak of at the last step.\"\"\"\n    \
                 return torch.amax(torch.abs(joint_velocities), dim=-1) < 0.1\n\n\n\
                 def terminated(time: Tensor) -> Tensor:\n    \"\"\"Never.\"\"\"\n    return time < 0.0\n"
                .to_owned(),
        }
    }

    fn reward(&self, inferred: &Inferred) -> String {
        let head = "import torch\nfrom torch import Tensor\nfrom typing import Dict, Tuple\n\n\n";
        let effort = 0.1 / inferred.action_size() as f64;
        match self {
            Self::Move { body, .. } => format!(
                "\"\"\"Speed along +x, and little effort: a reward to start from.\"\"\"\n\n{head}\
                 def compute_reward({body}_linear_velocity: Tensor, control: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n    \
                 forward = {body}_linear_velocity[:, 0]\n    \
                 alive = torch.ones_like(forward)\n    \
                 effort = -{effort:?} * torch.sum(torch.square(control), dim=-1)\n    \
                 return forward + alive + effort, {{\"forward\": forward, \"alive\": alive, \"effort\": effort}}\n"
            ),
            Self::Still => format!(
                "\"\"\"Slow joints, and little effort: a reward to start from.\"\"\"\n\n{head}\
                 def compute_reward(joint_velocities: Tensor, control: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n    \
                 speed = -torch.mean(torch.abs(joint_velocities), dim=-1)\n    \
                 effort = -{effort:?} * torch.sum(torch.square(control), dim=-1)\n    \
                 return speed + effort, {{\"speed\": speed, \"effort\": effort}}\n"
            ),
        }
    }
}
