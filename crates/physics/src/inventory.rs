//! What a compiled model is made of, for those who describe a model that nobody has described yet.

use crate::JointKind;
use mujoco_rs::prelude::{MjModel, MjtBias, MjtDataType, MjtDyn, MjtGain, MjtJoint, MjtObjBase, MjtSensor, MjtTrn};

/// Bodies, joints, sites, sensors and actuators of a model, each in the model's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// All bodies, the world first.
    pub bodies: Vec<Body>,
    /// All joints.
    pub joints: Vec<Joint>,
    /// Names of the sites.
    pub sites: Vec<Option<String>>,
    /// All sensors.
    pub sensors: Vec<Sensor>,
    /// What has a control, in the order of the controls.
    pub actuators: Vec<Actuator>,
    /// How many forces the actuators have together: one each, unless an actuator drives several coordinates.
    pub actuator_forces: usize,
    /// Names of the keyframes.
    pub keyframes: Vec<Option<String>>,
}

/// A body.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Index of the body it hangs on; the world is its own parent.
    pub parent: usize,
}

/// A joint.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How it moves.
    pub kind: JointKind,
    /// Index of the body that it moves.
    pub body: usize,
    /// Axis of a slide or hinge in the frame of that body.
    pub axis: [f64; 3],
    /// Range of a slide (m) or hinge (rad), where it is limited.
    pub range: Option<[f64; 2]>,
    /// Largest force that its actuators may exert together, where that is limited; URDF calls it effort.
    pub effort: Option<f64>,
}

/// An actuator.
#[derive(Debug, Clone, PartialEq)]
pub struct Actuator {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The slide or hinge that it drives, where it drives one alone and that has a name.
    pub joint: Option<String>,
    /// What a control of 1 asks of that joint: so many of a unit, such as 200 N*m of a geared motor or 1 rad of a position
    /// servo. None where it is not a fixed multiple: muscles, tendons, controls that are filtered or integrated.
    pub control_unit: Option<(f64, &'static str)>,
}

/// A sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How many numbers it gives.
    pub components: usize,
    /// What it measures, in a few words.
    pub measures: &'static str,
    /// SI unit, where there is one for all its numbers.
    pub unit: Option<&'static str>,
    /// Whether its numbers are vectors or rotations in the frame of the world.
    pub in_world: bool,
    /// Whether it gives one wxyz quaternion.
    pub is_quaternion: bool,
}

/// Takes stock of a model.
pub(crate) fn take(model: &MjModel) -> Inventory {
    let ffi = model.ffi();
    let named = |object, count: i64| -> Vec<Option<String>> {
        let name = |id| model.id_to_name(object, id).filter(|name| !name.is_empty());
        (0..count as usize).map(|id| name(id).map(str::to_owned)).collect()
    };
    let bodies = named(MjtObjBase::mjOBJ_BODY, ffi.nbody);
    let bodies = bodies.into_iter().zip(model.body_parentid());
    let joints = named(MjtObjBase::mjOBJ_JOINT, ffi.njnt).into_iter().enumerate();
    let sensors = named(MjtObjBase::mjOBJ_SENSOR, ffi.nsensor).into_iter().enumerate();
    Inventory {
        bodies: bodies
            .map(|(name, &parent)| Body {
                name,
                parent: parent as usize,
            })
            .collect(),
        joints: joints.map(|(id, name)| joint(model, id, name)).collect(),
        sites: named(MjtObjBase::mjOBJ_SITE, ffi.nsite),
        sensors: sensors.map(|(id, name)| sensor(model, id, name)).collect(),
        actuators: named(MjtObjBase::mjOBJ_ACTUATOR, ffi.nu)
            .into_iter()
            .enumerate()
            .map(|(id, name)| actuator(model, id, name))
            .collect(),
        actuator_forces: ffi.nout as usize,
        keyframes: named(MjtObjBase::mjOBJ_KEY, ffi.nkey),
    }
}

fn joint(model: &MjModel, id: usize, name: Option<String>) -> Joint {
    Joint {
        name,
        kind: match model.jnt_type()[id] {
            MjtJoint::mjJNT_FREE => JointKind::Free,
            MjtJoint::mjJNT_BALL => JointKind::Ball,
            MjtJoint::mjJNT_SLIDE => JointKind::Slide,
            MjtJoint::mjJNT_HINGE => JointKind::Hinge,
        },
        body: model.jnt_bodyid()[id] as usize,
        axis: model.jnt_axis()[id],
        range: model.jnt_limited()[id].then(|| model.jnt_range()[id]),
        effort: model.jnt_actfrclimited()[id].then(|| {
            let [low, high] = model.jnt_actfrcrange()[id];
            high.max(-low)
        }),
    }
}

fn actuator(model: &MjModel, id: usize, name: Option<String>) -> Actuator {
    let on_joint = [MjtTrn::mjTRN_JOINT, MjtTrn::mjTRN_JOINTINPARENT].contains(&model.actuator_trntype()[id]);
    let driven = on_joint.then(|| model.actuator_trnid()[id][0] as usize);
    let driven =
        driven.filter(|joint| [MjtJoint::mjJNT_SLIDE, MjtJoint::mjJNT_HINGE].contains(&model.jnt_type()[*joint]));
    Actuator {
        name,
        joint: driven
            .and_then(|joint| model.id_to_name(MjtObjBase::mjOBJ_JOINT, joint))
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        control_unit: driven.and_then(|joint| control_unit(model, id, joint)),
    }
}

/// The force of an actuator without dynamics is `gain·control + bias`; where the bias is a spring or damper of the gain's
/// own strength, the control is the position or velocity at which that force vanishes.
fn control_unit(model: &MjModel, id: usize, joint: usize) -> Option<(f64, &'static str)> {
    let gear = model.actuator_gear()[model.actuator_outadr()[id] as usize][0];
    let fixed = model.actuator_gaintype()[id] == MjtGain::mjGAIN_FIXED;
    if !fixed || model.actuator_dyntype()[id] != MjtDyn::mjDYN_NONE || gear == 0.0 {
        return None;
    }
    let turns = model.jnt_type()[joint] == MjtJoint::mjJNT_HINGE;
    let [gain, bias] = [model.actuator_gainprm()[id][0], model.actuator_biasprm()[id][0]];
    let [stiffness, damping] = [1, 2].map(|k| -model.actuator_biasprm()[id][k]);
    match model.actuator_biastype()[id] {
        MjtBias::mjBIAS_NONE => Some((gain * gear, if turns { "N*m" } else { "N" })),
        MjtBias::mjBIAS_AFFINE if bias != 0.0 || gain <= 0.0 => None,
        MjtBias::mjBIAS_AFFINE if stiffness == gain => Some((1.0 / gear, if turns { "rad" } else { "m" })),
        MjtBias::mjBIAS_AFFINE if stiffness == 0.0 && damping == gain => {
            Some((1.0 / gear, if turns { "rad/s" } else { "m/s" }))
        }
        _ => None,
    }
}

fn sensor(model: &MjModel, id: usize, name: Option<String>) -> Sensor {
    let kind = model.sensor_type()[id];
    let (measures, unit) = meaning(kind);
    Sensor {
        name,
        components: model.sensor_dim()[id] as usize,
        measures,
        unit,
        in_world: in_world(kind) && model.sensor_reftype()[id] == MjtObjBase::mjOBJ_UNKNOWN,
        is_quaternion: model.sensor_datatype()[id] == MjtDataType::mjDATATYPE_QUATERNION,
    }
}

/// What a kind of sensor measures, and its unit.
fn meaning(kind: MjtSensor) -> (&'static str, Option<&'static str>) {
    use MjtSensor as S;
    match kind {
        S::mjSENS_TOUCH => ("sum of the normal contact forces inside a site", Some("N")),
        S::mjSENS_ACCELEROMETER => (
            "linear acceleration in the site's frame, gravity included",
            Some("m/s^2"),
        ),
        S::mjSENS_VELOCIMETER => ("linear velocity in the site's frame", Some("m/s")),
        S::mjSENS_GYRO => ("angular velocity in the site's frame", Some("rad/s")),
        S::mjSENS_FORCE => ("force between a body and its parent, in the site's frame", Some("N")),
        S::mjSENS_TORQUE => ("torque between a body and its parent, in the site's frame", Some("N*m")),
        S::mjSENS_MAGNETOMETER => ("magnetic flux in the site's frame", None),
        S::mjSENS_RANGEFINDER => (
            "distance to the nearest geom along the site's z axis; -1 if there is none",
            None,
        ),
        S::mjSENS_CAMPROJECTION => ("place of a site in a camera's image, in pixels", None),
        S::mjSENS_JOINTPOS => ("position of a joint", None),
        S::mjSENS_JOINTVEL => ("velocity of a joint", None),
        S::mjSENS_TENDONPOS => ("length of a tendon", None),
        S::mjSENS_TENDONVEL => ("speed at which a tendon lengthens", None),
        S::mjSENS_ACTUATORPOS => ("length of an actuator's transmission", None),
        S::mjSENS_ACTUATORVEL => ("speed of an actuator's transmission", None),
        S::mjSENS_ACTUATORFRC => ("force of an actuator", None),
        S::mjSENS_JOINTACTFRC => ("force of all actuators on a joint", None),
        S::mjSENS_TENDONACTFRC => ("force of all actuators on a tendon", None),
        S::mjSENS_BALLQUAT => ("orientation of a ball joint", None),
        S::mjSENS_BALLANGVEL => ("angular velocity of a ball joint", Some("rad/s")),
        S::mjSENS_JOINTLIMITPOS => ("distance of a joint from its limit", None),
        S::mjSENS_JOINTLIMITVEL => ("speed of a joint towards its limit", None),
        S::mjSENS_JOINTLIMITFRC => ("force of a joint's limit", None),
        S::mjSENS_TENDONLIMITPOS => ("distance of a tendon from its limit", None),
        S::mjSENS_TENDONLIMITVEL => ("speed of a tendon towards its limit", None),
        S::mjSENS_TENDONLIMITFRC => ("force of a tendon's limit", None),
        S::mjSENS_FRAMEPOS => ("position of a frame", Some("m")),
        S::mjSENS_FRAMEQUAT => ("orientation of a frame", None),
        S::mjSENS_FRAMEXAXIS => ("direction of a frame's x axis", None),
        S::mjSENS_FRAMEYAXIS => ("direction of a frame's y axis", None),
        S::mjSENS_FRAMEZAXIS => ("direction of a frame's z axis", None),
        S::mjSENS_FRAMELINVEL => ("linear velocity of a frame", Some("m/s")),
        S::mjSENS_FRAMEANGVEL => ("angular velocity of a frame", Some("rad/s")),
        S::mjSENS_FRAMELINACC => ("linear acceleration of a frame", Some("m/s^2")),
        S::mjSENS_FRAMEANGACC => ("angular acceleration of a frame", Some("rad/s^2")),
        S::mjSENS_SUBTREECOM => ("centre of mass of a subtree", Some("m")),
        S::mjSENS_SUBTREELINVEL => ("velocity of a subtree's centre of mass", Some("m/s")),
        S::mjSENS_SUBTREEANGMOM => (
            "angular momentum of a subtree about its centre of mass",
            Some("kg*m^2/s"),
        ),
        S::mjSENS_INSIDESITE => ("1 if an object is inside a site, else 0", None),
        S::mjSENS_GEOMDIST => ("signed distance between two geoms", Some("m")),
        S::mjSENS_GEOMNORMAL => ("direction from one geom to the nearest point of another", None),
        S::mjSENS_GEOMFROMTO => ("nearest points of two geoms", Some("m")),
        S::mjSENS_CONTACT => (
            "contacts between two things, laid out as the sensor's `data` says",
            None,
        ),
        S::mjSENS_E_POTENTIAL => ("potential energy", Some("J")),
        S::mjSENS_E_KINETIC => ("kinetic energy", Some("J")),
        S::mjSENS_CLOCK => ("simulated time", Some("s")),
        S::mjSENS_TACTILE => ("pressure on the taxels of a mesh", None),
        S::mjSENS_PLUGIN => ("output of a plugin", None),
        S::mjSENS_USER => ("a sensor that a callback fills; 0 here", None),
    }
}

/// Whether a kind of sensor speaks of the world's frame where it is given no other.
fn in_world(kind: MjtSensor) -> bool {
    use MjtSensor as S;
    matches!(
        kind,
        S::mjSENS_FRAMEPOS
            | S::mjSENS_FRAMEQUAT
            | S::mjSENS_FRAMEXAXIS
            | S::mjSENS_FRAMEYAXIS
            | S::mjSENS_FRAMEZAXIS
            | S::mjSENS_FRAMELINVEL
            | S::mjSENS_FRAMEANGVEL
            | S::mjSENS_FRAMELINACC
            | S::mjSENS_FRAMEANGACC
            | S::mjSENS_SUBTREECOM
            | S::mjSENS_SUBTREELINVEL
            | S::mjSENS_SUBTREEANGMOM
            | S::mjSENS_GEOMNORMAL
            | S::mjSENS_GEOMFROMTO
    )
}
