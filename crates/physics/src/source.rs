//! Names of quantities, and where a quantity lies once its name is resolved.
//!
//! A name is looked up once, when a task loads; reading is then a copy. A name the model does not have is answered with
//! the nearest one it has.

use std::ops::Range;
use std::sync::Arc;

use mujoco_rs::prelude::{MjModel, MjtJoint, MjtObjBase};

use crate::PhysicsError;

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
    pub(crate) place: Place,
}

/// Where a quantity lies in MuJoCo's arrays: the id of a body or site, or ranges of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    BodyPosition(usize),
    BodyQuaternion(usize),
    BodyLinearVelocity(usize),
    BodyAngularVelocity(usize),
    SubtreeCom(usize),
    SitePosition(usize),
    Qpos(Arc<[Range<usize>]>),
    Qvel(Arc<[Range<usize>]>),
    Sensor(Range<usize>),
    ActuatorForce,
    ContactForce(usize),
}

/// Looks a source up.
///
/// Errors: [`PhysicsError::Unknown`].
pub(crate) fn resolve(model: &MjModel, source: &Source) -> Result<Quantity, PhysicsError> {
    let body = |name: &str| id(model, Kind::Body, name);
    let (components, place) = match source {
        Source::BodyPosition(name) => (3, Place::BodyPosition(body(name)?)),
        Source::BodyQuaternion(name) => (4, Place::BodyQuaternion(body(name)?)),
        Source::BodyLinearVelocity(name) => (3, Place::BodyLinearVelocity(body(name)?)),
        Source::BodyAngularVelocity(name) => (3, Place::BodyAngularVelocity(body(name)?)),
        Source::SubtreeCom(name) => (3, Place::SubtreeCom(body(name)?)),
        Source::SitePosition(name) => (3, Place::SitePosition(id(model, Kind::Site, name)?)),
        Source::JointPosition(names) => {
            let ranges = joint_ranges(model, names, model.jnt_qposadr(), qpos_size)?;
            (total(&ranges), Place::Qpos(ranges))
        }
        Source::JointVelocity(names) => {
            let ranges = joint_ranges(model, names, model.jnt_dofadr(), dof_count)?;
            (total(&ranges), Place::Qvel(ranges))
        }
        Source::Sensor(name) => {
            let sensor = id(model, Kind::Sensor, name)?;
            let start = model.sensor_adr()[sensor] as usize;
            let size = model.sensor_dim()[sensor] as usize;
            (size, Place::Sensor(start..start + size))
        }
        // An actuator has one force each unless it drives several coordinates at once.
        Source::ActuatorForce => (model.ffi().nout as usize, Place::ActuatorForce),
        Source::ContactForce(name) => (3, Place::ContactForce(body(name)?)),
    };
    Ok(Quantity { components, place })
}

fn joint_ranges(
    model: &MjModel,
    names: &[String],
    addresses: &[i32],
    size: fn(MjtJoint) -> usize,
) -> Result<Arc<[Range<usize>]>, PhysicsError> {
    let range = |name: &String| {
        let joint = id(model, Kind::Joint, name)?;
        let start = addresses[joint] as usize;
        Ok(start..start + size(model.jnt_type()[joint]))
    };
    names.iter().map(range).collect()
}

fn total(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(Range::len).sum()
}

fn qpos_size(joint: MjtJoint) -> usize {
    match joint {
        MjtJoint::mjJNT_FREE => 7,
        MjtJoint::mjJNT_BALL => 4,
        _ => 1,
    }
}

fn dof_count(joint: MjtJoint) -> usize {
    match joint {
        MjtJoint::mjJNT_FREE => 6,
        MjtJoint::mjJNT_BALL => 3,
        _ => 1,
    }
}

/// What a name can name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Body,
    Joint,
    Site,
    Sensor,
    Camera,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Joint => "joint",
            Self::Site => "site",
            Self::Sensor => "sensor",
            Self::Camera => "camera",
        }
    }

    fn names(self, model: &MjModel) -> impl Iterator<Item = Option<&str>> {
        let ffi = model.ffi();
        let (object, count) = match self {
            Self::Body => (MjtObjBase::mjOBJ_BODY, ffi.nbody),
            Self::Joint => (MjtObjBase::mjOBJ_JOINT, ffi.njnt),
            Self::Site => (MjtObjBase::mjOBJ_SITE, ffi.nsite),
            Self::Sensor => (MjtObjBase::mjOBJ_SENSOR, ffi.nsensor),
            Self::Camera => (MjtObjBase::mjOBJ_CAMERA, ffi.ncam),
        };
        (0..count as usize).map(move |id| model.id_to_name(object, id))
    }
}

/// Id of the thing of that name.
pub(crate) fn id(model: &MjModel, kind: Kind, name: &str) -> Result<usize, PhysicsError> {
    kind.names(model)
        .position(|other| other == Some(name))
        .ok_or_else(|| PhysicsError::Unknown {
            kind: kind.word(),
            name: name.to_owned(),
            suggestion: nearest(name, kind.names(model).flatten()),
        })
}

/// The name with the fewest typing errors between, if there are few enough for a slip.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(errors, candidate)| *errors <= (candidate.chars().count() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
