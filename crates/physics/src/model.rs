//! A compiled MJCF model, shared by every world and renderer made from it.

use std::path::Path;
use std::sync::Arc;

use mujoco_rs::mujoco_c::mjVERSION_HEADER;
use mujoco_rs::prelude::{MjModel, MjtDisableBit, MjtEnableBit};

use crate::coordinates::{self, Joint, Keyframe};
use crate::rapier::{Blueprint, RapierWorld};
use crate::source::{self, Quantity, Source};
use crate::variation::{self, VariedParts};
use crate::world::World;
use crate::{Engine, Inventory, Physics, PhysicsError, inventory, library};

/// A compiled model; cheap to clone and to share between threads.
#[derive(Clone)]
pub struct Model {
    pub(crate) compiled: Arc<MjModel>,
    mover: Mover,
}

/// What moves the worlds of a model.
#[derive(Clone)]
enum Mover {
    Mujoco,
    Rapier(Arc<Blueprint>),
}

impl Model {
    /// Loads MJCF for one engine. Files it includes are found relative to it.
    ///
    /// MuJoCo's automatic reset is switched off: it would put a diverged world silently back to its start.
    ///
    /// Errors: [`PhysicsError::Load`], also where the model needs what the engine cannot do.
    pub fn load(path: &Path, engine: Engine) -> Result<Self, PhysicsError> {
        let refuse = |message: String| PhysicsError::Load {
            path: path.to_owned(),
            message,
        };
        library::initialise();
        if library::version() != mjVERSION_HEADER {
            return Err(refuse(format!(
                "libmujoco {} was found where {} is needed; run `cargo xtask setup`",
                mujoco_version(),
                version_text(mjVERSION_HEADER)
            )));
        }
        let mut compiled = library::load(path).map_err(refuse)?;
        check(&compiled).map_err(refuse)?;
        library::try_room(&compiled).map_err(refuse)?;
        compiled.opt_mut().disableflags |= MjtDisableBit::mjDSBL_AUTORESET as i32;
        if is_one_island(&compiled) {
            compiled.opt_mut().disableflags |= MjtDisableBit::mjDSBL_ISLAND as i32;
        }
        let mover = match engine {
            Engine::Mujoco => Mover::Mujoco,
            Engine::Rapier => Mover::Rapier(Arc::new(Blueprint::new(&compiled).map_err(refuse)?)),
        };
        Ok(Self {
            compiled: Arc::new(compiled),
            mover,
        })
    }

    /// The engine that moves the worlds of this model.
    pub fn engine(&self) -> Engine {
        match self.mover {
            Mover::Mujoco => Engine::Mujoco,
            Mover::Rapier(_) => Engine::Rapier,
        }
    }

    /// Whether the other is this very model, as its clones are: not merely an equal one.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.compiled, &other.compiled)
    }

    /// The compiled model as MuJoCo would write it to a file: everything that the MJCF and the files it refers to (meshes,
    /// height fields, included MJCF) contribute to the physics.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.compiled.size()];
        self.compiled
            .save_to_buffer(&mut bytes)
            .expect("the buffer is as large as the model says");
        bytes
    }

    /// Physics timestep.
    pub fn timestep_secs(&self) -> f64 {
        self.compiled.opt().timestep
    }

    /// Lower and upper control bound of each actuator; unlimited actuators give infinities.
    pub fn control_ranges(&self) -> Vec<[f64; 2]> {
        let limited = self.compiled.actuator_ctrllimited().iter();
        let ranges = self.compiled.actuator_ctrlrange().iter();
        let bound = |(limited, range): (_, &[f64; 2])| {
            if limited {
                *range
            } else {
                [f64::NEG_INFINITY, f64::INFINITY]
            }
        };
        limited.copied().zip(ranges).map(bound).collect()
    }

    /// How many generalised positions and velocities a state has.
    pub fn coordinates(&self) -> (usize, usize) {
        (self.compiled.ffi().nq as usize, self.compiled.ffi().nv as usize)
    }

    /// What the model is made of.
    pub fn inventory(&self) -> Inventory {
        inventory::take(&self.compiled)
    }

    /// Resolves a quantity by name.
    ///
    /// Errors: [`PhysicsError::Unknown`], with the nearest name that exists; [`PhysicsError::Unsuitable`] for a sensor
    /// that Rapier has no value for.
    pub fn quantity(&self, source: &Source) -> Result<Quantity, PhysicsError> {
        let quantity = source::resolve(&self.compiled, source)?;
        if let Mover::Rapier(_) = self.mover {
            Blueprint::check(&self.compiled, &quantity).map_err(PhysicsError::Unsuitable)?;
        }
        Ok(quantity)
    }

    /// The same quantity, expressed in the frame of a body: positions as seen from it, velocities, forces and orientations
    /// turned into it.
    ///
    /// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] for a quantity that belongs to no frame.
    pub fn relative(&self, quantity: Quantity, body: &str) -> Result<Quantity, PhysicsError> {
        source::relative(&self.compiled, quantity, body)
    }

    /// Finds a joint.
    ///
    /// Errors: [`PhysicsError::Unknown`].
    pub fn joint(&self, name: &str) -> Result<Joint, PhysicsError> {
        coordinates::joint(&self.compiled, name)
    }

    /// A state that the model names.
    ///
    /// Errors: [`PhysicsError::Unknown`].
    pub fn keyframe(&self, name: &str) -> Result<Keyframe, PhysicsError> {
        coordinates::keyframe(&self.compiled, name)
    }

    /// Generalised positions of the model's own initial state.
    pub fn initial_qpos(&self) -> &[f64] {
        self.compiled.qpos0()
    }

    /// Finds a mocap body, for [`Physics::place_mocap`].
    ///
    /// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] for an ordinary body.
    pub fn mocap(&self, name: &str) -> Result<usize, PhysicsError> {
        coordinates::mocap(&self.compiled, name)
    }

    /// Finds what varies from episode to episode, for [`Physics::vary`]: all bodies and all geoms where none are named.
    ///
    /// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] for the world body, or for a varying gain where some
    /// actuator has none.
    pub fn varied_parts(
        &self,
        bodies: Option<&[String]>,
        geoms: Option<&[String]>,
        gain_varies: bool,
    ) -> Result<VariedParts, PhysicsError> {
        variation::parts(&self.compiled, bodies, geoms, gain_varies)
    }

    /// A new world at the initial state.
    pub fn world(&self) -> Box<dyn Physics> {
        match &self.mover {
            Mover::Mujoco => Box::new(World::new(&self.compiled)),
            Mover::Rapier(blueprint) => Box::new(RapierWorld::new(&self.compiled, blueprint)),
        }
    }
}

/// Whether the solver can find nothing to divide: all joints hang together in one tree. Looking for islands in it, step by step,
/// costs up to a tenth of the step and changes no bit of the result. Sleep is decided by island and needs them.
fn is_one_island(model: &MjModel) -> bool {
    model.ffi().ntree <= 1 && model.opt().enableflags & MjtEnableBit::mjENBL_SLEEP as i32 == 0
}

/// Refuses what would later end in a panic or in MuJoCo ending the process.
fn check(model: &MjModel) -> Result<(), String> {
    let timestep = model.opt().timestep;
    if !(timestep.is_finite() && timestep > 0.0) {
        return Err(format!("the timestep must be positive, not {timestep}"));
    }
    let names: Vec<u8> = model.names().iter().map(|&byte| byte as u8).collect();
    std::str::from_utf8(&names).map_err(|_| "a name in the model is not valid UTF-8".to_owned())?;
    Ok(())
}

/// Version of the loaded libmujoco, such as `3.17.0`.
pub fn mujoco_version() -> String {
    mujoco_rs::mujoco_version().to_owned()
}

fn version_text(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}
