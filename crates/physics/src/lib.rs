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
//! Start in [`Physics`]; [`Model`] is MuJoCo's side of it.

use std::path::{Path, PathBuf};

/// A quantity of a model, by name. This is what `source = { … }` in an `env.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Position of a body's frame in the world, `[3]`, m.
    BodyPosition(String),
    /// Orientation of a body in the world, wxyz quaternion, `[4]`.
    BodyQuaternion(String),
    /// Linear velocity of a body's frame in the world, `[3]`, m/s.
    BodyLinearVelocity(String),
    /// Angular velocity of a body in the world, `[3]`, rad/s.
    BodyAngularVelocity(String),
    /// Position of the centre of mass of the subtree rooted at a body, `[3]`, m.
    SubtreeCom(String),
    /// Position of a site in the world, `[3]`, m.
    SitePosition(String),
    /// Generalised positions of the named joints, in that order (a free joint gives 7 numbers).
    JointPosition(Vec<String>),
    /// Generalised velocities of the named joints, in that order (a free joint gives 6 numbers).
    JointVelocity(Vec<String>),
    /// Output of a sensor.
    Sensor(String),
    /// Forces of all actuators, `[nu]`, N or N*m.
    ActuatorForce,
    /// Total contact force on a body from everything else, in the world, `[3]`, N.
    ContactForce(String),
}

/// A resolved [`Source`]: cheap to copy, valid for the model that resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// Number of scalars.
    pub components: usize,
}

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
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot(pub(crate) Vec<f64>);

/// One simulated world.
pub trait Physics: Send {
    /// Back to the model's initial state.
    fn reset(&mut self);
    /// Current generalised positions and velocities.
    fn state(&self) -> (&[f64], &[f64]);
    /// Sets generalised positions and velocities and recomputes everything that follows from them.
    fn set_state(&mut self, qpos: &[f64], qvel: &[f64]);
    /// Applies `ctrl` (`[nu]`, in actuator units) for `substeps` physics steps.
    ///
    /// Errors: [`Divergence`]; the world must be reset before it is used again.
    fn step(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence>;
    /// Writes a quantity into `out` (`[quantity.components]`).
    fn read(&self, quantity: &Quantity, out: &mut [f64]);
    /// Simulated time since reset.
    fn time_secs(&self) -> f64;
    /// Takes the state out.
    fn snapshot(&self) -> Snapshot;
    /// Puts a state back.
    fn restore(&mut self, snapshot: &Snapshot);
}

/// A compiled model; cheap to clone and to share between threads.
#[derive(Clone)]
pub struct Model {}

impl Model {
    /// Loads MJCF.
    pub fn load(_path: &Path) -> Result<Self, PhysicsError> {
        todo!()
    }
    /// Physics timestep.
    pub fn timestep_secs(&self) -> f64 {
        todo!()
    }
    /// Lower and upper control bound of each actuator; unlimited actuators give infinities.
    pub fn control_ranges(&self) -> Vec<[f64; 2]> {
        todo!()
    }
    /// Resolves a quantity by name.
    pub fn quantity(&self, _source: &Source) -> Result<Quantity, PhysicsError> {
        todo!()
    }
    /// A new world at the initial state.
    pub fn world(&self) -> Box<dyn Physics> {
        todo!()
    }
}

/// One picture, RGB, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `3 × width × height` bytes.
    pub rgb: Vec<u8>,
}

/// Draws worlds of one model, headless.
pub struct Renderer {}

impl Renderer {
    /// A renderer with its own GL context; it stays on the thread that made it. `camera` names a camera of the model;
    /// absent, a free camera looks at the model from the side.
    pub fn new(_model: &Model, _width: usize, _height: usize, _camera: Option<&str>) -> Result<Self, PhysicsError> {
        todo!()
    }
    /// Draws the generalised positions `qpos`.
    pub fn draw(&mut self, _qpos: &[f64]) -> Result<Frame, PhysicsError> {
        todo!()
    }
}

/// Writes frames as an animated GIF that plays at real speed: `frame_secs` seconds each.
pub fn write_gif(_path: &Path, _frames: &[Frame], _frame_secs: f64) -> Result<(), PhysicsError> {
    todo!()
}

/// Writes one frame as PNG.
pub fn write_png(_path: &Path, _frame: &Frame) -> Result<(), PhysicsError> {
    todo!()
}

/// Version of the loaded libmujoco, such as `3.17.0`.
pub fn mujoco_version() -> String {
    todo!()
}
