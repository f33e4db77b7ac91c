//! An environment for a model that comes without one: everything that the model names becomes a variable.
//!
//! A person with a robot's file wants to ask something of it before writing anything. What is inferred here is the text of
//! an `env.toml`, which is then read like any other, so that `carrot envs init` can write down exactly what was used.
//!
//! ```text
//! model ──inventory──▶ Inferred {variables, observation, …} ──env_toml()──▶ text ──▶ Task, or a file to start from
//! ```
//!
//! What cannot be inferred is what the robot should do: the task of an inferred environment judges nothing.

mod model_files;
mod names;
mod starter;
mod text;

use std::path::{Path, PathBuf};

use carrot_physics::inventory::{Inventory, Joint, Sensor};
use carrot_physics::{Engine, JointKind, Model, PhysicsError, Quantity, Source};
use carrot_reward_interface::Schema;
use serde::Deserialize as _;

use crate::task::TaskTexts;
use crate::text::Text;
use crate::{Task, TaskError};
use model_files::no_actuator;
use names::{Kind, Names, identifier};

pub use model_files::ModelFiles;
pub use starter::Starter;

/// Control steps are about this long.
const CONTROL_DT_SECS: f64 = 0.02;

/// An environment inferred from a model.
pub struct Inferred {
    /// The model.
    pub model: Model,
    /// What the environment is called: after the model's file, or its folder where the file is called `scene` or `model`.
    pub name: String,
    /// All variables, those of the whole robot first.
    pub variables: Vec<InferredVariable>,
    /// Names of the variables that a policy sees.
    pub observation: Vec<String>,
    /// Physics steps per control step.
    pub substeps: usize,
    path: PathBuf,
    inventory: Inventory,
}

/// A variable that nobody wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredVariable {
    /// Name as programs write it.
    pub name: String,
    /// Shape without the batch axis.
    pub shape: Vec<usize>,
    /// The source as `env.toml` says it.
    pub source: toml::Value,
    /// Which number of the source it is, where it is only one of several.
    pub component: Option<usize>,
    /// SI unit, where it has one.
    pub unit: Option<String>,
    /// Whether it is expressed in the frame of the world.
    pub in_world: bool,
    /// Whether its four numbers are a quaternion, scalar first.
    pub is_quaternion: bool,
    /// What it is, in a sentence.
    pub doc: String,
}

impl Inferred {
    /// Loads a model and infers its environment.
    ///
    /// Errors: [`TaskError::NotFound`] when there is no such file, [`TaskError::File`] with the engine's words when it is no model.
    pub fn load(path: &Path, engine: Engine) -> Result<Self, TaskError> {
        if !path.is_file() {
            return Err(TaskError::NotFound(format!(
                "{}: there is no such model file",
                path.display()
            )));
        }
        let model = Model::load(path, engine).map_err(|cause| match cause {
            PhysicsError::Load { path, message } => TaskError::File { path, message },
            other => TaskError::File {
                path: path.to_owned(),
                message: other.to_string(),
            },
        })?;
        let inventory = model.inventory();
        let mut draft = Draft::default();
        draft.whole_robot(&inventory);
        draft.bodies(&inventory);
        draft.joints(&inventory);
        draft.sites_and_sensors(&inventory);
        draft.variables.retain(|variable| variable.is_known_to(&model));
        Ok(Self {
            name: environment_name(path),
            variables: draft.variables,
            observation: draft.observation,
            substeps: (CONTROL_DT_SECS / model.timestep_secs()).round().max(1.0) as usize,
            path: path.to_owned(),
            inventory,
            model,
        })
    }

    /// Seconds per control step.
    pub fn control_dt_secs(&self) -> f64 {
        self.model.timestep_secs() * self.substeps as f64
    }

    /// The keyframe in which episodes begin, where the model has one that is called like a place to begin.
    fn keyframe(&self) -> Option<&str> {
        let names = || self.inventory.keyframes.iter().flatten().map(String::as_str);
        ["home", "stand", "standing"]
            .iter()
            .find_map(|wanted| names().find(|name| name == wanted))
    }

    /// Length of the action: one number for each control of the model.
    pub fn action_size(&self) -> usize {
        self.inventory.actuators.len()
    }

    /// What programs may read.
    ///
    /// Errors: [`TaskError::File`] for a variable that no schema can hold.
    pub fn schema(&self) -> Result<Schema, TaskError> {
        let text = self.env_text()?;
        Schema::from_toml(&text.text).map_err(|cause| text.whole(cause.to_string()))
    }

    /// The environment with a task that judges nothing and ends nothing before its time.
    ///
    /// Errors: [`TaskError::File`], also where the model has no actuator, since no policy can act in it.
    pub fn task(&self) -> Result<Task, TaskError> {
        if self.inventory.actuators.is_empty() {
            return Err(TaskError::File {
                path: self.path.clone(),
                message: no_actuator(&self.path),
            });
        }
        let inferred = |file: &str, text: String| Text {
            path: PathBuf::from(format!("{} inferred from {}", file, self.path.display())),
            text,
        };
        let texts = TaskTexts {
            env: self.env_text()?,
            task: inferred("task.toml", self.neutral_task_toml()),
            program: inferred("task.py", text::NEUTRAL_TASK.to_owned()),
            derived: None,
        };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let task = Task::from_texts(
            &format!("{}/{}", self.name, text::NEUTRAL_TASK_NAME),
            texts,
            folder,
            self.model.engine(),
        )?;
        Ok(Task { judges: false, ..task })
    }

    /// `env.toml` as if it lay beside the model.
    fn env_text(&self) -> Result<Text, TaskError> {
        let file_name = self
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| TaskError::File {
                path: self.path.clone(),
                message: "the file's name is not valid UTF-8".to_owned(),
            })?;
        Ok(Text {
            path: PathBuf::from(format!("env.toml inferred from {}", self.path.display())),
            text: self.env_toml(file_name),
        })
    }
}

impl InferredVariable {
    /// The quantity behind it; none for what is no quantity of the model, such as the time.
    pub(crate) fn quantity(&self, model: &Model) -> Option<Result<Quantity, PhysicsError>> {
        let of_model = self.source.is_table() || self.source.as_str() == Some("actuator_force");
        let source = || Source::deserialize(self.source.clone()).expect("an inferred source is one of the format's");
        of_model.then(|| model.quantity(&source()))
    }

    /// Whether the engine of the model has a value for it: Rapier lacks some sensors.
    fn is_known_to(&self, model: &Model) -> bool {
        !matches!(self.quantity(model), Some(Err(PhysicsError::Unsuitable(_))))
    }
}

/// After its file; a file that only says that it is a model is called after its folder.
fn environment_name(path: &Path) -> String {
    let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).and_then(identifier);
    let own = stem(path);
    let generic = own
        .as_deref()
        .is_none_or(|name| ["scene", "model", "robot"].contains(&name));
    let folder = path.canonicalize().ok().and_then(|path| path.parent().and_then(stem));
    let name = if generic { folder.or(own) } else { own };
    name.unwrap_or_else(|| "robot".to_owned()).to_lowercase()
}

/// Variables and observation as they come together.
#[derive(Default)]
struct Draft {
    names: Names,
    variables: Vec<InferredVariable>,
    observation: Vec<String>,
}

impl Draft {
    fn add(
        &mut self,
        name: String,
        shape: &[usize],
        source: toml::Value,
        unit: Option<&str>,
        doc: String,
    ) -> &mut InferredVariable {
        self.variables.push(InferredVariable {
            name,
            shape: shape.to_vec(),
            source,
            component: None,
            unit: unit.map(str::to_owned),
            in_world: false,
            is_quaternion: false,
            doc,
        });
        self.variables.last_mut().expect("one was just added")
    }

    /// Time, controls, and the joints together: what most rewards begin with.
    fn whole_robot(&mut self, model: &Inventory) {
        let word = |word: &str| toml::Value::String(word.to_owned());
        let plain = [
            "time",
            "control_dt",
            "control",
            "previous_control",
            "actuator_force",
            "joint_positions",
            "joint_velocities",
        ];
        let [
            time,
            control_dt,
            control,
            previous_control,
            actuator_force,
            joint_positions,
            joint_velocities,
        ] = plain.map(|name| self.names.unique(name.to_owned()));
        self.add(
            time,
            &[],
            word("time"),
            Some("s"),
            "Time since the episode began.".to_owned(),
        );
        self.add(
            control_dt,
            &[],
            word("control_dt"),
            Some("s"),
            "Time from one control step to the next.".to_owned(),
        );
        let actuators = model.actuators.len();
        if actuators > 0 {
            let listed = listed(
                model
                    .actuators
                    .iter()
                    .enumerate()
                    .map(|(index, actuator)| called(actuator.name.as_deref(), index)),
            );
            let doc = format!("Action as just applied, from -1 to 1 over each actuator's range; in order: {listed}.");
            self.add(control, &[actuators], word("control"), None, doc);
            let doc = "The action one step earlier; zero at the start.".to_owned();
            self.add(previous_control, &[actuators], word("previous_control"), None, doc);
            let doc = "Force or torque of each actuator in the last physics step.".to_owned();
            self.add(
                actuator_force,
                &[model.actuator_forces],
                word("actuator_force"),
                None,
                doc,
            );
        }
        let moving: Vec<String> = joints(model, |joint| is_scalar(joint) && !is_travel(model, joint));
        if !moving.is_empty() {
            let list = listed(moving.iter().cloned());
            let several = |word: &str| table(word, moving.clone().into());
            let doc = format!("Positions of the hinges (rad) and slides (m), in order: {list}.");
            let name = self
                .add(joint_positions, &[moving.len()], several("joint_position"), None, doc)
                .name
                .clone();
            self.observation.push(name);
            let doc = format!("Velocities of the hinges (rad/s) and slides (m/s), in order: {list}.");
            let name = self
                .add(joint_velocities, &[moving.len()], several("joint_velocity"), None, doc)
                .name
                .clone();
            self.observation.push(name);
        }
    }

    fn bodies(&mut self, model: &Inventory) {
        for (index, body) in model.bodies.iter().enumerate().skip(1) {
            let free = model
                .joints
                .iter()
                .find(|joint| joint.body == index && joint.kind == JointKind::Free);
            let part = called(body.name.as_deref(), index);
            for (quantity, word, size, unit, what) in [
                ("position", "body_position", 3, Some("m"), "Position"),
                ("quaternion", "body_quaternion", 4, None, "Orientation, order w x y z,"),
                (
                    "linear_velocity",
                    "body_linear_velocity",
                    3,
                    Some("m/s"),
                    "Linear velocity",
                ),
                (
                    "angular_velocity",
                    "body_angular_velocity",
                    3,
                    Some("rad/s"),
                    "Angular velocity",
                ),
            ] {
                let name = self.names.give(body.name.as_deref(), index, Kind::Body, quantity);
                let source = table(word, reference(body.name.as_deref(), index).into());
                let doc = format!("{what} of the body {part}.");
                let added = self.add(name.clone(), &[size], source.clone(), unit, doc);
                (added.in_world, added.is_quaternion) = (true, quantity == "quaternion");
                let Some(free) = free else { continue };
                // Where a robot stands on the plane says nothing about what to do; where a thing lies does.
                if quantity == "position" && is_robot(model, free) {
                    let name = self.names.give(body.name.as_deref(), index, Kind::Body, "height");
                    let doc = format!("Height of the body {part}.");
                    let height = self.add(name.clone(), &[], source, unit, doc);
                    (height.component, height.in_world) = (Some(2), true);
                    self.observation.push(name);
                } else {
                    self.observation.push(name);
                }
            }
        }
    }

    fn joints(&mut self, model: &Inventory) {
        for (index, joint) in model.joints.iter().enumerate() {
            let name = joint.name.as_deref();
            let part = called(name, index);
            let list = || toml::Value::Array(vec![reference(name, index).into()]);
            let (kind, positions, velocities, units) = match joint.kind {
                JointKind::Hinge => ("hinge", 1, 1, [Some("rad"), Some("rad/s")]),
                JointKind::Slide => ("slide", 1, 1, [Some("m"), Some("m/s")]),
                JointKind::Ball => ("ball joint, order w x y z,", 4, 3, [None, Some("rad/s")]),
                JointKind::Free => (
                    "free joint: x y z in m and a quaternion, order w x y z,",
                    7,
                    6,
                    [None, None],
                ),
            };
            let shape = |numbers: usize| if numbers == 1 { vec![] } else { vec![numbers] };
            let limits = joint
                .range
                .map(|[low, high]| format!("; limits {low:.4} to {high:.4}"))
                .unwrap_or_default();
            let position = self.names.give(name, index, Kind::Joint, "position");
            let doc = format!("Position of the {kind} {part}{limits}.");
            let added = self.add(
                position.clone(),
                &shape(positions),
                table("joint_position", list()),
                units[0],
                doc,
            );
            added.is_quaternion = joint.kind == JointKind::Ball;
            let velocity = self.names.give(name, index, Kind::Joint, "velocity");
            let doc = match joint.kind {
                JointKind::Free => format!(
                    "Velocity of the free joint {part}: linear in the world (m/s), angular in the body (rad/s)."
                ),
                JointKind::Ball => format!("Angular velocity of the ball joint {part}, in the body."),
                JointKind::Slide | JointKind::Hinge => format!("Velocity of the {kind} {part}."),
            };
            self.add(
                velocity.clone(),
                &shape(velocities),
                table("joint_velocity", list()),
                units[1],
                doc,
            );
            if joint.kind == JointKind::Ball {
                self.observation.extend([position, velocity]);
            } else if is_scalar(joint) && is_travel(model, joint) {
                self.observation.push(velocity);
            }
        }
    }

    fn sites_and_sensors(&mut self, model: &Inventory) {
        for (index, site) in model.sites.iter().enumerate() {
            let name = self.names.give(site.as_deref(), index, Kind::Site, "position");
            let doc = format!("Position of the site {}.", called(site.as_deref(), index));
            let source = table("site_position", reference(site.as_deref(), index).into());
            self.add(name, &[3], source, Some("m"), doc).in_world = true;
        }
        let readable = |sensor: &Sensor| (1..=Schema::MAX_COMPONENTS).contains(&sensor.components);
        for (index, sensor) in model.sensors.iter().enumerate().filter(|(_, sensor)| readable(sensor)) {
            let name = self.names.give(sensor.name.as_deref(), index, Kind::Sensor, "");
            let order = if sensor.is_quaternion { ", order w x y z" } else { "" };
            let doc = format!(
                "Sensor {}: {}{order}.",
                called(sensor.name.as_deref(), index),
                sensor.measures
            );
            let shape = if sensor.components == 1 {
                vec![]
            } else {
                vec![sensor.components]
            };
            let source = table("sensor", reference(sensor.name.as_deref(), index).into());
            let added = self.add(name, &shape, source, sensor.unit, doc);
            (added.in_world, added.is_quaternion) = (sensor.in_world, sensor.is_quaternion);
        }
    }
}

/// Names, or indices, of the joints for which `wanted` holds.
fn joints(model: &Inventory, wanted: impl Fn(&Joint) -> bool) -> Vec<String> {
    let joints = model.joints.iter().enumerate().filter(|(_, joint)| wanted(joint));
    joints
        .map(|(index, joint)| reference(joint.name.as_deref(), index))
        .collect()
}

fn is_scalar(joint: &Joint) -> bool {
    matches!(joint.kind, JointKind::Slide | JointKind::Hinge)
}

/// Whether a joint only says how far along the ground a robot has come: an unlimited, level slide at its root.
fn is_travel(model: &Inventory, joint: &Joint) -> bool {
    let level = joint.axis[2].abs() < 1e-6;
    joint.kind == JointKind::Slide && joint.range.is_none() && level && model.bodies[joint.body].parent == 0
}

/// Whether a free joint carries something that moves in itself, and not just a thing.
fn is_robot(model: &Inventory, free: &Joint) -> bool {
    let hangs_on = |mut body: usize| {
        while body != 0 && body != free.body {
            body = model.bodies[body].parent;
        }
        body == free.body
    };
    model
        .joints
        .iter()
        .any(|joint| joint.kind != JointKind::Free && hangs_on(joint.body))
}

/// How a file names a part: by its name, or by `#` and its index.
fn reference(name: Option<&str>, index: usize) -> String {
    name.map_or_else(|| format!("#{index}"), str::to_owned)
}

/// How a sentence names a part.
fn called(name: Option<&str>, index: usize) -> String {
    name.map_or_else(|| format!("number {index}"), |name| format!("`{name}`"))
}

/// A list for a sentence; a very long one is cut.
fn listed(parts: impl Iterator<Item = String>) -> String {
    const MOST: usize = 40;
    let parts: Vec<String> = parts.collect();
    match parts.len() {
        0..=MOST => parts.join(", "),
        more => format!("{} and {} more", parts[..MOST].join(", "), more - MOST),
    }
}

fn table(key: &str, value: toml::Value) -> toml::Value {
    toml::Value::Table([(key.to_owned(), value)].into_iter().collect())
}
