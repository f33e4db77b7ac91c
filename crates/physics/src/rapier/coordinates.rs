//! MuJoCo's coordinates and forces, to and from Rapier's bodies.
//!
//! Hinges and slides share their numbers. A free joint has its position at the body's frame in MuJoCo and at the centre of
//! mass here, and its angular velocity in the body's frame in MuJoCo and in the world here. A ball's angular velocity
//! is seen from the body in MuJoCo and from the body above here.

use mujoco_rs::prelude::{MjData, MjModel, MjtJoint};
use rapier3d_f64::dynamics::{Multibody, MultibodyJoint, MultibodyLink};
use rapier3d_f64::math::{Pose, Rotation, Vector};

use super::Blueprint;
use super::scene::{Joint, Scene, rotation};
use crate::Push;
use std::sync::Arc;

/// Axis of a hinge among Rapier's six, and of a slide.
const TURN: usize = 3;
const SLIDE: usize = 0;

impl Blueprint {
    /// A scene in the given state, without memory of any contact.
    pub(super) fn scene_at(&self, qpos: &[f64], qvel: &[f64]) -> Scene {
        let mut scene = self.build.scene.clone();
        for joint in &self.build.joints {
            place(&mut scene, joint, qpos, qvel);
        }
        for index in &self.build.multibodies {
            let multibody = scene.multibodies.get_multibody_mut(*index).expect("as built");
            multibody.forward_kinematics(&scene.bodies, true);
            multibody.update_rigid_bodies(&mut scene.bodies, true);
            for link in multibody.links() {
                // The same pose again: now the colliders come along.
                let handle = link.rigid_body_handle();
                let pose = *scene.bodies[handle].position();
                scene.bodies[handle].set_position(pose, false);
            }
        }
        scene
    }

    /// Writes the coordinates of a scene.
    pub(super) fn read(&self, scene: &Scene, qpos: &mut [f64], qvel: &mut [f64]) {
        for joint in &self.build.joints {
            read(scene, joint, qpos, qvel);
        }
    }

    /// Replaces the forces on a scene by those that MuJoCo computed for the present state: actuators, springs, fluids,
    /// gravity compensation. Damping is Rapier's own, because it is implicit there.
    pub(super) fn push(&self, scene: &mut Scene, data: &MjData<Arc<MjModel>>) {
        for joint in &self.build.joints {
            let body = &mut scene.bodies[joint.body];
            body.reset_forces(false);
            body.reset_torques(false);
        }
        self.damp(scene, data.actuator_force());
        for joint in &self.build.joints {
            push(scene, joint, data);
        }
    }

    /// Adds a push from outside to the forces on a scene. What cannot move is not moved.
    pub(super) fn push_from_outside(&self, scene: &mut Scene, data: &MjData<Arc<MjModel>>, push: &Push) {
        if let Some(handle) = self.build.moved_with[push.body] {
            let (force, point) = (push.force(data), push.point(data));
            scene.bodies[handle].add_force_at_point(Vector::from_array(force), Vector::from_array(point), false);
        }
    }

    /// Damping of the joints, with that of actuators which are not at their limits.
    fn damp(&self, scene: &mut Scene, actuator_force: &[f64]) {
        for gain in &self.velocity_gains {
            *damping(scene, gain.link, gain.place) = gain.joint_damping;
        }
        for gain in &self.velocity_gains {
            let force = actuator_force[gain.output];
            if gain.range.is_none_or(|[low, high]| low < force && force < high) {
                *damping(scene, gain.link, gain.place) += gain.damping;
            }
        }
    }
}

fn damping(scene: &mut Scene, link: rapier3d_f64::dynamics::MultibodyIndex, place: usize) -> &mut f64 {
    &mut scene
        .multibodies
        .get_multibody_mut(link)
        .expect("as built")
        .damping_mut()[place]
}

fn link<'a>(scene: &'a Scene, joint: &Joint) -> Option<(&'a Multibody, &'a MultibodyLink)> {
    let (index, id) = joint.link?;
    let multibody = scene.multibodies.get_multibody(index)?;
    Some((multibody, multibody.link(id)?))
}

fn place(scene: &mut Scene, joint: &Joint, qpos: &[f64], qvel: &[f64]) {
    let (qpos, qvel) = (&qpos[joint.qpos..], &qvel[joint.dof..]);
    let velocities = match joint.kind {
        MjtJoint::mjJNT_FREE => {
            let turned = rotation([qpos[3], qpos[4], qpos[5], qpos[6]]);
            let arm = turned * joint.com;
            let angular = turned * vector(&qvel[3..]);
            let linear = vector(qvel) + angular.cross(arm);
            let body = &mut scene.bodies[joint.body];
            body.set_position(Pose::from_parts(vector(qpos) + arm, turned), false);
            body.set_linvel(linear, false);
            body.set_angvel(angular, false);
            [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]
        }
        MjtJoint::mjJNT_BALL => {
            let turned = rotation([qpos[0], qpos[1], qpos[2], qpos[3]]);
            displace(scene, joint, &turned.to_scaled_axis().to_array());
            let seen_from_above = turned * vector(qvel);
            [seen_from_above.x, seen_from_above.y, seen_from_above.z, 0.0, 0.0, 0.0]
        }
        _ => {
            displace(scene, joint, &qpos[..1]);
            [qvel[0], 0.0, 0.0, 0.0, 0.0, 0.0]
        }
    };
    if let Some((index, id)) = joint.link {
        let multibody = scene.multibodies.get_multibody_mut(index).expect("as built");
        let (start, count) = multibody
            .link(id)
            .map(|link| (link.assembly_id(), link.joint().ndofs()))
            .expect("as built");
        multibody
            .generalized_velocity_mut()
            .rows_mut(start, count)
            .copy_from_slice(&velocities[..count]);
    }
}

/// Moves a joint from zero.
fn displace(scene: &mut Scene, joint: &Joint, displacement: &[f64]) {
    let (index, id) = joint.link.expect("every joint but a free one makes a multibody");
    let multibody = scene.multibodies.get_multibody_mut(index).expect("as built");
    let link = multibody.link_mut(id).expect("as built");
    link.joint = MultibodyJoint::new(link.joint.data, false);
    link.joint.apply_displacement(displacement);
}

fn read(scene: &Scene, joint: &Joint, qpos: &mut [f64], qvel: &mut [f64]) {
    let (qpos, qvel) = (&mut qpos[joint.qpos..], &mut qvel[joint.dof..]);
    let found = link(scene, joint);
    let velocity = |offset: usize| {
        let (multibody, link) = found.expect("every joint but a free one makes a multibody");
        multibody.generalized_velocity()[link.assembly_id() + offset]
    };
    let coordinates = |axis: usize| found.map_or(0.0, |(_, link)| link.joint().coords()[axis]);
    match joint.kind {
        MjtJoint::mjJNT_FREE => {
            let body = &scene.bodies[joint.body];
            let turned = *body.rotation();
            let (linear, angular) = match found {
                Some(_) => (
                    Vector::new(velocity(0), velocity(1), velocity(2)),
                    Vector::new(velocity(3), velocity(4), velocity(5)),
                ),
                None => (body.linvel(), body.angvel()),
            };
            let arm = turned * joint.com;
            write(&mut qpos[..3], body.translation() - arm);
            write_rotation(&mut qpos[3..7], turned);
            write(&mut qvel[..3], linear - angular.cross(arm));
            write(&mut qvel[3..6], turned.inverse() * angular);
        }
        MjtJoint::mjJNT_BALL => {
            let turned = found.map_or(Rotation::IDENTITY, |(_, link)| link.joint().joint_rot());
            write_rotation(&mut qpos[..4], turned);
            let seen_from_above = Vector::new(velocity(0), velocity(1), velocity(2));
            write(&mut qvel[..3], turned.inverse() * seen_from_above);
        }
        MjtJoint::mjJNT_HINGE => (qpos[0], qvel[0]) = (coordinates(TURN), velocity(0)),
        MjtJoint::mjJNT_SLIDE => (qpos[0], qvel[0]) = (coordinates(SLIDE), velocity(0)),
    }
}

/// A force along a coordinate is a force on the joint's body and its counterpart on the body above.
fn push(scene: &mut Scene, joint: &Joint, data: &MjData<Arc<MjModel>>) {
    let undamped = link(scene, joint).map_or([0.0; 6], |(multibody, link)| {
        let damping = multibody.damping();
        let count = link.joint().ndofs();
        std::array::from_fn(|offset| {
            if offset < count {
                damping[link.assembly_id() + offset]
            } else {
                0.0
            }
        })
    });
    let force = |offset: usize| {
        let dof = joint.dof + offset;
        data.qfrc_actuator()[dof]
            + data.qfrc_passive()[dof]
            + data.qfrc_applied()[dof]
            + undamped[offset] * data.qvel()[dof]
    };
    let id = joint.id;
    let axis = Vector::from_array(data.xaxis()[id]);
    match joint.kind {
        MjtJoint::mjJNT_FREE => {
            let body = &mut scene.bodies[joint.body];
            let turned = *body.rotation();
            let origin = body.translation() - turned * joint.com;
            body.add_force_at_point(Vector::new(force(0), force(1), force(2)), origin, false);
            body.add_torque(turned * Vector::new(force(3), force(4), force(5)), false);
        }
        MjtJoint::mjJNT_SLIDE => {
            let body = &mut scene.bodies[joint.body];
            let point = body.center_of_mass();
            body.add_force(axis * force(0), false);
            if let Some(above) = joint.above {
                scene.bodies[above].add_force_at_point(axis * -force(0), point, false);
            }
        }
        MjtJoint::mjJNT_HINGE | MjtJoint::mjJNT_BALL => {
            let body = &mut scene.bodies[joint.body];
            let torque = match joint.kind {
                MjtJoint::mjJNT_HINGE => axis * force(0),
                _ => *body.rotation() * Vector::new(force(0), force(1), force(2)),
            };
            body.add_torque(torque, false);
            if let Some(above) = joint.above {
                scene.bodies[above].add_torque(-torque, false);
            }
        }
    }
}

fn vector(values: &[f64]) -> Vector {
    Vector::new(values[0], values[1], values[2])
}

fn write(out: &mut [f64], vector: Vector) {
    out.copy_from_slice(&vector.to_array());
}

fn write_rotation(out: &mut [f64], rotation: Rotation) {
    out.copy_from_slice(&[rotation.w, rotation.x, rotation.y, rotation.z]);
}
