//! Names of quantities, and where a quantity lies once its name is resolved.
//!
//! A name is looked up once, when a task loads; reading is then a copy. A name the model does not have is answered with
//! the nearest one it has.

use std::ops::Range;
use std::sync::Arc;

use mujoco_rs::prelude::{MjModel, MjtJoint};

use crate::PhysicsError;
use crate::naming::{Kind, id};

mod names;

pub use names::{Names, Toucher};

/// A quantity of a model, by name. This is what `source = { … }` in an `env.toml` says.
///
/// Where it takes [`Names`], a list of k names gives the quantity a leading axis of k; the shapes below are those of one
/// name. Everything is expressed in the world, and orientations are quaternions with the scalar first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// Position of a body's frame, `[3]`, m.
    BodyPosition(Names),
    /// Orientation of a body, `[4]`.
    BodyQuaternion(Names),
    /// Position and orientation of a body, `[7]`.
    BodyPose(Names),
    /// Linear velocity of a body's frame, `[3]`, m/s.
    BodyLinearVelocity(Names),
    /// Angular velocity of a body, `[3]`, rad/s.
    BodyAngularVelocity(Names),
    /// Position of the centre of mass of the subtree rooted at a body, `[3]`, m.
    SubtreeCom(Names),
    /// Position of a site, `[3]`, m.
    SitePosition(Names),
    /// Orientation of a site, `[4]`.
    SiteQuaternion(Names),
    /// Position and orientation of a site, `[7]`.
    SitePose(Names),
    /// Linear velocity of a site, `[3]`, m/s.
    SiteLinearVelocity(Names),
    /// Angular velocity of a site, `[3]`, rad/s.
    SiteAngularVelocity(Names),
    /// Position of a geom, `[3]`, m.
    GeomPosition(Names),
    /// Generalised positions of the named joints one after the other (a free joint gives 7 numbers, a ball joint 4).
    JointPosition(#[serde(deserialize_with = "names::one_or_several")] Vec<String>),
    /// Generalised velocities of the named joints one after the other (a free joint gives 6 numbers, a ball joint 3).
    JointVelocity(#[serde(deserialize_with = "names::one_or_several")] Vec<String>),
    /// Lower and upper limit of each of the named hinges and slides, `[k, 2]`, rad or m. Never changes.
    JointLimits(#[serde(deserialize_with = "names::one_or_several")] Vec<String>),
    /// Output of a sensor.
    Sensor(Names),
    /// Forces of all actuators, `[nu]`, N or N*m. In a file this is the word `"actuator_force"`.
    ActuatorForce,
    /// Forces of the named actuators, `[k]`, N or N*m. In a file this is `{ actuator_force = […] }`.
    ActuatorForceOf(#[serde(deserialize_with = "names::one_or_several")] Vec<String>),
    /// Total contact force on a body from everything else, `[3]`, N.
    ContactForce(Names),
    /// Contact force on the first of two geoms or bodies by the second, `[3]`, N.
    ContactForceBetween([Toucher; 2]),
    /// Whether two geoms or bodies touched in the last physics step.
    Contact([Toucher; 2]),
    /// How fast a site moves per unit of each degree of freedom of the named joints, `[3, k]`.
    SiteJacobian {
        /// The site.
        site: String,
        /// The joints whose degrees of freedom are the columns.
        joints: Vec<String>,
    },
}

impl Source {
    /// The words that files use for sources that take a name.
    pub const WORDS: [&str; 21] = [
        "body_position",
        "body_quaternion",
        "body_pose",
        "body_linear_velocity",
        "body_angular_velocity",
        "subtree_com",
        "site_position",
        "site_quaternion",
        "site_pose",
        "site_linear_velocity",
        "site_angular_velocity",
        "geom_position",
        "joint_position",
        "joint_velocity",
        "joint_limits",
        "sensor",
        "actuator_force",
        "contact_force",
        "contact_force_between",
        "contact",
        "site_jacobian",
    ];
}

/// A resolved [`Source`]: cheap to copy, valid for the model that resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// Number of scalars.
    pub components: usize,
    /// Its natural shape, whose product is `components`.
    pub shape: Vec<usize>,
    /// What its numbers are.
    pub meaning: Meaning,
    pub(crate) place: Place,
    /// The body in whose frame it is expressed; the world where there is none.
    pub(crate) relative_to: Option<usize>,
}

/// What the numbers of a quantity are, and so how they change with the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Points: rows of three.
    Position,
    /// Velocities and forces: rows of three.
    Direction,
    /// Orientations: rows of four, scalar first.
    Quaternion,
    /// Positions and orientations: rows of seven.
    Pose,
    /// Three rows with one column for each degree of freedom.
    Jacobian,
    /// Numbers that belong to no frame.
    Number,
    /// Truth values, 0 or 1.
    Truth,
    /// Numbers that belong to no frame and never change.
    Constant,
}

/// What of an object's motion is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Position,
    Quaternion,
    Pose,
    LinearVelocity,
    AngularVelocity,
}

impl Part {
    fn meaning(self) -> Meaning {
        match self {
            Self::Position => Meaning::Position,
            Self::Quaternion => Meaning::Quaternion,
            Self::Pose => Meaning::Pose,
            Self::LinearVelocity | Self::AngularVelocity => Meaning::Direction,
        }
    }

    /// Numbers for one object.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Quaternion => 4,
            Self::Pose => 7,
            Self::Position | Self::LinearVelocity | Self::AngularVelocity => 3,
        }
    }
}

/// Something that has a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    Body(usize),
    Site(usize),
    Geom(usize),
}

/// One side of a contact, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Geom(usize),
    Body(usize),
}

/// Where a quantity lies in MuJoCo's arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Objects(Part, Arc<[Object]>),
    /// Bodies.
    SubtreeCom(Arc<[usize]>),
    Qpos(Arc<[Range<usize>]>),
    Qvel(Arc<[Range<usize>]>),
    /// Joints.
    Limits(Arc<[usize]>),
    Sensors(Arc<[Range<usize>]>),
    ActuatorForces(Arc<[Range<usize>]>),
    /// Bodies.
    ContactForces(Arc<[usize]>),
    ContactForceBetween([Side; 2]),
    Contact([Side; 2]),
    Jacobian {
        site: usize,
        /// The degree of freedom of each column; none where it does not move the site.
        dofs: Arc<[Option<usize>]>,
    },
}

impl Quantity {
    fn new(shape: Vec<usize>, meaning: Meaning, place: Place) -> Self {
        Self {
            components: shape.iter().product(),
            shape,
            meaning,
            place,
            relative_to: None,
        }
    }
}

/// Looks a source up.
///
/// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] where the thing has no such quantity.
pub(crate) fn resolve(model: &MjModel, source: &Source) -> Result<Quantity, PhysicsError> {
    let objects = |names: &Names, part: Part, kind: Kind, object: fn(usize) -> Object| {
        let ids: Vec<usize> = names.resolve(|name| id(model, kind, name))?;
        let place = Place::Objects(part, ids.into_iter().map(object).collect());
        Ok(Quantity::new(names.shape(&[part.size()]), part.meaning(), place))
    };
    let bodies = |names, part| objects(names, part, Kind::Body, Object::Body);
    let sites = |names, part| objects(names, part, Kind::Site, Object::Site);
    let body_ids = |names: &Names| names.resolve(|name| id(model, Kind::Body, name));
    match source {
        Source::BodyPosition(names) => bodies(names, Part::Position),
        Source::BodyQuaternion(names) => bodies(names, Part::Quaternion),
        Source::BodyPose(names) => bodies(names, Part::Pose),
        Source::BodyLinearVelocity(names) => bodies(names, Part::LinearVelocity),
        Source::BodyAngularVelocity(names) => bodies(names, Part::AngularVelocity),
        Source::SitePosition(names) => sites(names, Part::Position),
        Source::SiteQuaternion(names) => sites(names, Part::Quaternion),
        Source::SitePose(names) => sites(names, Part::Pose),
        Source::SiteLinearVelocity(names) => sites(names, Part::LinearVelocity),
        Source::SiteAngularVelocity(names) => sites(names, Part::AngularVelocity),
        Source::GeomPosition(names) => objects(names, Part::Position, Kind::Geom, Object::Geom),
        Source::SubtreeCom(names) => {
            let place = Place::SubtreeCom(body_ids(names)?.into());
            Ok(Quantity::new(names.shape(&[3]), Meaning::Position, place))
        }
        Source::ContactForce(names) => {
            let place = Place::ContactForces(body_ids(names)?.into());
            Ok(Quantity::new(names.shape(&[3]), Meaning::Direction, place))
        }
        Source::ContactForceBetween(sides) => {
            let place = Place::ContactForceBetween(resolve_sides(model, sides)?);
            Ok(Quantity::new(vec![3], Meaning::Direction, place))
        }
        Source::Contact(sides) => {
            let place = Place::Contact(resolve_sides(model, sides)?);
            Ok(Quantity::new(vec![], Meaning::Truth, place))
        }
        Source::JointPosition(names) => {
            let ranges = joint_ranges(model, names, model.jnt_qposadr(), qpos_size)?;
            Ok(Quantity::new(
                vec![total(&ranges)],
                Meaning::Number,
                Place::Qpos(ranges),
            ))
        }
        Source::JointVelocity(names) => {
            let ranges = joint_ranges(model, names, model.jnt_dofadr(), dof_count)?;
            Ok(Quantity::new(
                vec![total(&ranges)],
                Meaning::Number,
                Place::Qvel(ranges),
            ))
        }
        Source::JointLimits(names) => {
            let joints: Arc<[usize]> = names
                .iter()
                .map(|name| limited_joint(model, name))
                .collect::<Result<_, _>>()?;
            Ok(Quantity::new(
                vec![joints.len(), 2],
                Meaning::Constant,
                Place::Limits(joints),
            ))
        }
        Source::Sensor(names) => sensors(model, names),
        Source::ActuatorForce => {
            // An actuator has one force each unless it drives several coordinates at once.
            let forces = 0..model.ffi().nout as usize;
            Ok(Quantity::new(
                vec![forces.len()],
                Meaning::Number,
                Place::ActuatorForces([forces].into()),
            ))
        }
        Source::ActuatorForceOf(names) => {
            let ranges: Arc<[Range<usize>]> = names
                .iter()
                .map(|name| Ok(output_range(model, id(model, Kind::Actuator, name)?)))
                .collect::<Result<_, PhysicsError>>()?;
            Ok(Quantity::new(
                vec![total(&ranges)],
                Meaning::Number,
                Place::ActuatorForces(ranges),
            ))
        }
        Source::SiteJacobian { site, joints } => {
            let site = id(model, Kind::Site, site)?;
            let ranges = joint_ranges(model, joints, model.jnt_dofadr(), dof_count)?;
            let chain = moving(model, site);
            let dofs = ranges.iter().cloned().flatten();
            let dofs: Arc<[Option<usize>]> = dofs.map(|dof| chain.contains(&dof).then_some(dof)).collect();
            Ok(Quantity::new(
                vec![3, dofs.len()],
                Meaning::Jacobian,
                Place::Jacobian { site, dofs },
            ))
        }
    }
}

/// The same quantity, expressed in the frame of a body.
///
/// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] for a quantity that belongs to no frame.
pub(crate) fn relative(model: &MjModel, quantity: Quantity, body: &str) -> Result<Quantity, PhysicsError> {
    match quantity.meaning {
        Meaning::Position | Meaning::Direction | Meaning::Quaternion | Meaning::Pose | Meaning::Jacobian => {
            Ok(Quantity {
                relative_to: Some(id(model, Kind::Body, body)?),
                ..quantity
            })
        }
        Meaning::Number | Meaning::Truth | Meaning::Constant => Err(PhysicsError::Unsuitable(
            "the source belongs to no frame, so it cannot be relative to a body; a sensor takes `reftype` and \
             `refname` in the model"
                .into(),
        )),
    }
}

fn resolve_sides(model: &MjModel, sides: &[Toucher; 2]) -> Result<[Side; 2], PhysicsError> {
    let resolve = |side: &Toucher| match side {
        Toucher::Geom(name) => id(model, Kind::Geom, name).map(Side::Geom),
        Toucher::Body(name) => id(model, Kind::Body, name).map(Side::Body),
        Toucher::Named(name) => match id(model, Kind::Geom, name) {
            Ok(geom) => Ok(Side::Geom(geom)),
            Err(no_geom) => id(model, Kind::Body, name)
                .map(Side::Body)
                // A suggestion from either kind helps.
                .map_err(|no_body| if no_geom.suggests() { no_geom } else { no_body }),
        },
    };
    Ok([resolve(&sides[0])?, resolve(&sides[1])?])
}

fn sensors(model: &MjModel, names: &Names) -> Result<Quantity, PhysicsError> {
    let ids = names.resolve(|name| id(model, Kind::Sensor, name))?;
    let range = |sensor: &usize| {
        let start = model.sensor_adr()[*sensor] as usize;
        start..start + model.sensor_dim()[*sensor] as usize
    };
    let ranges: Arc<[Range<usize>]> = ids.iter().map(range).collect();
    let first = ranges.first().map_or(0, Range::len);
    let shape = match ranges.iter().all(|range| range.len() == first) {
        true if first == 1 => names.shape(&[]),
        true => names.shape(&[first]),
        // Sensors of different sizes stand one after the other.
        false => vec![total(&ranges)],
    };
    Ok(Quantity::new(shape, Meaning::Number, Place::Sensors(ranges)))
}

/// The forces of an actuator.
fn output_range(model: &MjModel, actuator: usize) -> Range<usize> {
    let start = model.actuator_outadr()[actuator] as usize;
    start..start + model.actuator_outnum()[actuator] as usize
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

/// The degrees of freedom that move a site.
fn moving(model: &MjModel, site: usize) -> Vec<usize> {
    let mut dofs = Vec::new();
    let mut body = model.site_bodyid()[site] as usize;
    while body != 0 {
        let start = model.body_dofadr()[body];
        dofs.extend((start..start + model.body_dofnum()[body]).filter_map(|dof| usize::try_from(dof).ok()));
        body = model.body_parentid()[body] as usize;
    }
    dofs
}

fn limited_joint(model: &MjModel, name: &str) -> Result<usize, PhysicsError> {
    let joint = id(model, Kind::Joint, name)?;
    let one_number = qpos_size(model.jnt_type()[joint]) == 1;
    if one_number && model.jnt_limited()[joint] {
        return Ok(joint);
    }
    Err(PhysicsError::Unsuitable(format!(
        "joint `{name}` has no limits; name hinges and slides with a `range`"
    )))
}

fn total(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(Range::len).sum()
}

/// Numbers in `qpos` of a joint.
pub(crate) fn qpos_size(joint: MjtJoint) -> usize {
    match joint {
        MjtJoint::mjJNT_FREE => 7,
        MjtJoint::mjJNT_BALL => 4,
        _ => 1,
    }
}

/// Numbers in `qvel` of a joint.
pub(crate) fn dof_count(joint: MjtJoint) -> usize {
    match joint {
        MjtJoint::mjJNT_FREE => 6,
        MjtJoint::mjJNT_BALL => 3,
        _ => 1,
    }
}
