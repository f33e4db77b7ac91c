//! Where joints lie among a model's coordinates, and the states that the model names.

use std::ops::Range;

use mujoco_rs::prelude::{MjModel, MjtJoint};

use crate::PhysicsError;
use crate::naming::{Kind, id};
use crate::source::{dof_count, qpos_size};

/// A joint and its place in the generalised coordinates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// What it allows.
    pub kind: JointKind,
    /// Its numbers in `qpos`.
    pub qpos: Range<usize>,
    /// Its numbers in `qvel`.
    pub qvel: Range<usize>,
}

/// What a joint allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JointKind {
    /// Everything: position and wxyz quaternion in `qpos`; linear velocity in the world, angular in the body in `qvel`.
    Free,
    /// Rotation: a wxyz quaternion.
    Ball,
    /// A shift along an axis, m.
    Slide,
    /// A turn about an axis, rad.
    Hinge,
}

/// A state that the model names.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyframe {
    /// Generalised positions.
    pub qpos: Vec<f64>,
    /// Generalised velocities.
    pub qvel: Vec<f64>,
    /// Controls, `[nu]`, in actuator units.
    pub ctrl: Vec<f64>,
}

pub(crate) fn joint(model: &MjModel, name: &str) -> Result<Joint, PhysicsError> {
    let joint = id(model, Kind::Joint, name)?;
    let of_type = model.jnt_type()[joint];
    let (qpos, qvel) = (model.jnt_qposadr()[joint] as usize, model.jnt_dofadr()[joint] as usize);
    Ok(Joint {
        kind: match of_type {
            MjtJoint::mjJNT_FREE => JointKind::Free,
            MjtJoint::mjJNT_BALL => JointKind::Ball,
            MjtJoint::mjJNT_SLIDE => JointKind::Slide,
            MjtJoint::mjJNT_HINGE => JointKind::Hinge,
        },
        qpos: qpos..qpos + qpos_size(of_type),
        qvel: qvel..qvel + dof_count(of_type),
    })
}

pub(crate) fn keyframe(model: &MjModel, name: &str) -> Result<Keyframe, PhysicsError> {
    let key = id(model, Kind::Keyframe, name)?;
    let of_key = |values: &[f64]| {
        let each = values.len() / model.ffi().nkey as usize;
        values[key * each..(key + 1) * each].to_vec()
    };
    Ok(Keyframe {
        qpos: of_key(model.key_qpos()),
        qvel: of_key(model.key_qvel()),
        ctrl: of_key(model.key_ctrl()),
    })
}

/// Number of a mocap body among the model's mocap bodies.
pub(crate) fn mocap(model: &MjModel, name: &str) -> Result<usize, PhysicsError> {
    let body = id(model, Kind::Body, name)?;
    usize::try_from(model.body_mocapid()[body]).map_err(|_| {
        PhysicsError::Unsuitable(format!(
            "body `{name}` is no mocap body; write `mocap=\"true\"` on it in the model"
        ))
    })
}
