//! Steps, snapshots, restores and draws simulated worlds. The only crate that talks to a foreign library.
//!
//! Everything above this crate sees a world through [`Physics`]: controls in, named quantities out, and a clear fault
//! when the integrator diverges, because a simulation that silently resets itself would be scored as if it were physics.
//!
//! ```text
//! model.xml ──▶ Model ──quantity(&Source)──▶ Quantity
//!                 │                             │
//!                 └──world()──▶ Physics ──read──┴──▶ f64 values      Physics ──▶ Renderer ──▶ Frame ──▶ GIF, PNG
//! ```
//!
//! Start in [`Physics`]; a [`Model`] is made for one [`Engine`], and whichever moves a world, quantities are read through
//! MuJoCo's kinematics. Absent here: tasks, rewards, random numbers and threads; a [`Model`] is shared between threads, a
//! world belongs to whoever steps it.

mod animation;
mod bare;
mod canvas;
mod coordinates;
mod engine;
pub mod inventory;
mod library;
mod model;
mod naming;
mod picture;
mod push;
mod quantities;
mod rapier;
mod readings;
mod renderer;
mod scene;
mod source;
mod urdf;
mod variation;
mod view;
mod world;

use std::path::PathBuf;

pub use animation::write_gif;
pub use bare::BareWorld;
pub use coordinates::{Joint, JointKind, Keyframe};
pub use engine::Engine;
pub use inventory::{Actuator, Inventory};
pub use model::{Model, mujoco_version};
pub use picture::{Frame, write_png};
pub use push::{Pull, Push};
pub use renderer::Renderer;
pub use scene::{DrawOptions, Quality, Scene, Selection};
pub use source::{Meaning, Names, Quantity, Source, Toucher};
pub use urdf::mjcf_with_motors;
pub use variation::{Factors, VariedParts};
pub use view::{Eye, Lens, View};

/// What the physics could not do.
#[derive(Debug, thiserror::Error)]
pub enum PhysicsError {
    /// The model file does not load.
    #[error("{path}: {message}")]
    Load {
        /// The file.
        path: PathBuf,
        /// MuJoCo's words, with its line number where it gives one.
        message: String,
    },
    /// The model has no such thing.
    #[error("the model has no {kind} named `{name}`{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    Unknown {
        /// `body`, `joint`, …
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
    },
    /// The thing exists, but is not what is needed.
    #[error("{0}")]
    Unsuitable(String),
    /// Drawing needs a GL context and none could be had.
    #[error("cannot draw: {0}")]
    Draw(String),
    /// A picture could not be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl PhysicsError {
    /// Whether it suggests another name.
    pub(crate) fn suggests(&self) -> bool {
        matches!(
            self,
            Self::Unknown {
                suggestion: Some(_),
                ..
            }
        )
    }
}

/// A simulation that left the domain of physics.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message} (t = {time_secs:.3} s)")]
pub struct Divergence {
    /// MuJoCo's warning, such as "Nan, Inf or huge value in QACC at DOF 3".
    pub message: String,
    /// Simulated time at which it was noticed.
    pub time_secs: f64,
}

/// Complete state of a world, bit-exact to restore.
///
/// What is written down are its numbers. Rapier's scene stays behind, since its maps would come back in another order and
/// sums with them: see [`Engine::restores_from_numbers`].
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Snapshot {
    /// MuJoCo's state, and outcomes of the last step.
    pub(crate) numbers: Vec<f64>,
    /// Rapier's state, in a world of Rapier.
    #[serde(skip)]
    pub(crate) scene: Option<rapier::SavedScene>,
}

/// Equal numbers: for Rapier that leaves out what its solver remembers of contacts.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

/// One simulated world.
///
/// After every method, quantities that follow from positions and velocities belong to the present [`Physics::state`].
/// Forces (actuator, contact, and sensors that measure force or acceleration) belong to the last physics step: they are
/// what moved the world into this state.
pub trait Physics: Send {
    /// Back to the model's initial state.
    fn reset(&mut self);
    /// Current generalised positions and velocities.
    fn state(&self) -> (&[f64], &[f64]);
    /// Sets generalised positions and velocities and recomputes everything that follows from them; forces are those of
    /// the present controls. Quaternions are normalised.
    ///
    /// Values that are no numbers are reported by the next [`Physics::step`]. Panics when a length is wrong.
    fn set_state(&mut self, qpos: &[f64], qvel: &[f64]);
    /// [`Physics::reset`], then [`Physics::set_state`]: the start of an episode, where what follows from the state need be
    /// computed only once.
    fn begin(&mut self, qpos: &[f64], qvel: &[f64]) {
        self.reset();
        self.set_state(qpos, qvel);
    }
    /// Applies `ctrl` (`[nu]`, in actuator units) for `substeps` physics steps.
    ///
    /// Errors: [`Divergence`], also for a control that is no number; the world must be reset before it is used again,
    /// until then every step repeats the error. Panics when `ctrl` has the wrong length.
    fn step(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence>;
    /// Pushes a body from outside during every step from now on, until another push or none takes its place; a reset, the
    /// beginning of an episode and [`Physics::restore`] end it. It is no part of the state, as controls are not: snapshots do
    /// not hold it. A force that is no number is reported by the next step.
    ///
    /// # Panics
    /// If the model has no such body.
    fn push(&mut self, push: Option<Push>);
    /// What a picture of the present state shows, with the last controls.
    fn scene(&self) -> Scene;
    /// Writes a quantity into `out` (`[quantity.components]`). Panics when `out` has another length.
    fn read(&self, quantity: &Quantity, out: &mut [f64]);
    /// Where the mocap bodies are, in their order in the model, m.
    fn mocap_positions(&self) -> &[[f64; 3]];
    /// Puts a mocap body (see [`Model::mocap`]) to a place in the world, m. Snapshots hold where it is; a reset puts it back.
    fn place_mocap(&mut self, _mocap: usize, _position: [f64; 3]) {
        unreachable!("no model of this engine resolves a mocap body")
    }
    /// Scales properties of this world relative to the model as it was loaded, and resets it. Snapshots do not hold the
    /// factors: restore into a world with the same variation. A factor with which MuJoCo cannot go on is reported by the
    /// next [`Physics::step`].
    fn vary(&mut self, _parts: &VariedParts, _factors: &Factors) {
        unreachable!("no model of this engine resolves varied parts")
    }
    /// Simulated time since reset.
    fn time_secs(&self) -> f64;
    /// Takes the state out.
    fn snapshot(&self) -> Snapshot;
    /// Puts a state back, even into a world that diverged. Panics when it is of another model, or of Rapier and was written
    /// down and read again.
    fn restore(&mut self, snapshot: &Snapshot);
}
