//! What a picture shows beside the model: the state, what acts on it from outside, and what is marked.

use serde::{Deserialize, Serialize};

use crate::Push;

/// A state to be drawn.
///
/// Contacts and forces follow from all of it; where only bodies are drawn, `qpos` and `mocap` suffice. MuJoCo draws worlds of
/// Rapier too: their contacts are then those that MuJoCo finds at these positions, with the forces that MuJoCo's solver would
/// give them, and not what Rapier computed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scene {
    /// Generalised positions.
    pub qpos: Vec<f64>,
    /// Generalised velocities; empty for rest.
    pub qvel: Vec<f64>,
    /// Controls, in actuator units; empty for none.
    pub ctrl: Vec<f64>,
    /// Activations of actuators that have some; empty for none.
    pub act: Vec<f64>,
    /// Where the mocap bodies are, m; empty for where the model has them.
    pub mocap: Vec<[f64; 3]>,
    /// What pushes from outside; it is drawn, and contact forces answer to it.
    pub push: Option<Push>,
    /// A body to make shine.
    pub selected: Option<usize>,
}

impl Scene {
    /// Bodies at rest.
    pub fn at(qpos: &[f64]) -> Self {
        Self {
            qpos: qpos.to_vec(),
            ..Self::default()
        }
    }
}

/// What is drawn beside the bodies; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrawOptions {
    /// Where geoms touch.
    pub contacts: bool,
    /// With what force they do.
    pub contact_forces: bool,
    /// The axes of each body's frame: x red, y green, z blue.
    pub frames: bool,
    /// The axes of joints.
    pub joints: bool,
    /// A box for each body that has its mass and inertia.
    pub inertia: bool,
    /// Lets one see through the robot.
    pub transparent: bool,
}

impl DrawOptions {
    /// Whether more must be known of a state than where the bodies are.
    pub(crate) fn need_forces(self) -> bool {
        self.contacts || self.contact_forces
    }
}

/// How much care goes into a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// As the model asks for it: shadows, reflections, smooth edges.
    #[default]
    Full,
    /// Without shadows, reflections, smooth edges and very round curves: on a software driver a tenth of the work.
    Fast,
}

/// What is under a place of the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The body; 0 is the world itself, such as its floor.
    pub body: usize,
    /// Its name, or `body 3` where it has none.
    pub name: String,
    /// The point that was hit, m, in the world.
    pub point_world: [f64; 3],
    /// The same in the body's frame.
    pub point_local: [f64; 3],
    /// The mass that a hand feels which moves this point, see [`Pull::Spring`](crate::Pull); 0 for what cannot move.
    pub mass_kg: f64,
}
