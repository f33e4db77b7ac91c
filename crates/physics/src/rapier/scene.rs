//! MuJoCo's compiled model as Rapier's bodies, joints and colliders.
//!
//! ```text
//! body without joints   ──▶ part of the nearest body above that has some, or of the fixed ground
//! free joint            ──▶ a body of its own, its origin at the centre of mass
//! n joints on one body  ──▶ a chain of n links of a multibody, all but the last without mass
//! tree on the world     ──▶ a multibody whose root is fixed and touches nothing
//! ```
//!
//! MuJoCo applies the joints of a body one after the other, each in the frame that the one before left, so that a chain
//! is exact. Coordinates of hinges and slides are MuJoCo's own numbers: reference positions go into the joint's frames.
//!
//! A root's origin is its centre of mass because Rapier integrates the position of a body's origin with the velocity of
//! its centre of mass where the body is the root of a multibody.

use mujoco_rs::prelude::{MjModel, MjtDisableBit, MjtJoint};
use rapier3d_f64::dynamics::{
    CCDSolver, GenericJoint, ImpulseJointSet, IntegrationParameters, IslandManager, JointAxesMask, JointLimits,
    MultibodyIndex, MultibodyJointSet, RigidBodyBuilder, RigidBodyHandle, RigidBodySet, SoftBodySet,
};
use rapier3d_f64::geometry::{BroadPhaseBvh, ColliderBuilder, ColliderSet, NarrowPhase};
use rapier3d_f64::math::{Pose, Rotation, Vector};
use rapier3d_f64::parry::mass_properties::MassProperties;

use super::limits::disabled;
use super::pairs::Pairs;
use super::shapes::Shapes;

/// Everything that changes while Rapier steps.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) bodies: RigidBodySet,
    pub(super) colliders: ColliderSet,
    pub(super) multibodies: MultibodyJointSet,
    pub(super) islands: IslandManager,
    pub(super) broad_phase: BroadPhaseBvh,
    pub(super) narrow_phase: NarrowPhase,
    pub(super) ccd: CCDSolver,
    /// Always empty; Rapier wants them.
    pub(super) impulse_joints: ImpulseJointSet,
    pub(super) soft_bodies: SoftBodySet,
}

/// One of MuJoCo's joints in Rapier's world.
pub(super) struct Joint {
    /// MuJoCo's.
    pub(super) id: usize,
    pub(super) kind: MjtJoint,
    /// Where its coordinates begin in MuJoCo's arrays.
    pub(super) qpos: usize,
    pub(super) dof: usize,
    /// The body that it moves, and the one above, which the ground is not.
    pub(super) body: RigidBodyHandle,
    pub(super) above: Option<RigidBodyHandle>,
    /// Its multibody and link there; a free body with nothing jointed to it is no multibody.
    pub(super) link: Option<(MultibodyIndex, usize)>,
    /// Free joints: the centre of mass in MuJoCo's body frame, where Rapier's origin is.
    pub(super) com: Vector,
}

/// Scene and joints of a model, at zero coordinates.
pub(super) struct Build {
    pub(super) scene: Scene,
    pub(super) joints: Vec<Joint>,
    pub(super) multibodies: Vec<MultibodyIndex>,
    /// For each body of MuJoCo's, Rapier's that it moves with, if it moves.
    pub(super) moved_with: Vec<Option<RigidBodyHandle>>,
}

/// Where a moving body of MuJoCo lies in Rapier's world.
#[derive(Clone, Copy)]
struct Moving {
    handle: RigidBodyHandle,
    /// Its origin in MuJoCo's body frame.
    origin: Vector,
}

/// Builds the scene.
pub(super) fn build(model: &MjModel, shapes: &Shapes) -> Build {
    let n_bodies = model.ffi().nbody as usize;
    let mut scene = Scene {
        bodies: RigidBodySet::new(),
        colliders: ColliderSet::new(),
        multibodies: MultibodyJointSet::new(),
        islands: IslandManager::new(),
        broad_phase: BroadPhaseBvh::default(),
        narrow_phase: NarrowPhase::new(),
        ccd: CCDSolver::new(),
        impulse_joints: ImpulseJointSet::new(),
        soft_bodies: SoftBodySet::new(),
    };
    let ground = scene.bodies.insert(RigidBodyBuilder::fixed());
    let in_weld = weld_poses(model);
    let mut moving: Vec<Option<Moving>> = vec![None; n_bodies];
    moving[0] = Some(Moving {
        handle: ground,
        origin: Vector::ZERO,
    });
    let mut joints = Vec::new();
    for body in 1..n_bodies {
        if model.body_jntnum()[body] == 0 {
            continue; // Part of the body above, or moved from outside and touched by nothing.
        }
        moving[body] = Some(add_body(model, body, &in_weld, &moving, &mut scene, &mut joints));
    }
    for (geom, shape) in shapes.iter().enumerate() {
        let body = model.geom_bodyid()[geom] as usize;
        let owner = moving[model.body_weldid()[body] as usize];
        let (Some((shape, in_geom)), Some(owner)) = (shape, owner) else {
            continue;
        };
        let in_body = in_weld[body] * pose(model.geom_pos()[geom], model.geom_quat()[geom]) * *in_geom;
        let collider = ColliderBuilder::new(shape.clone())
            .position(Pose::from_translation(-owner.origin) * in_body)
            .density(0.0)
            .active_hooks(Pairs::HOOKS)
            .user_data(geom as u128);
        scene
            .colliders
            .insert_with_parent(collider, owner.handle, &mut scene.bodies);
    }
    let multibodies = finish(model, &mut scene, &mut joints);
    let moved_with = |body: usize| {
        let weld = model.body_weldid()[body] as usize;
        moving[weld].filter(|_| weld != 0).map(|moving| moving.handle)
    };
    Build {
        scene,
        joints,
        multibodies,
        moved_with: (0..n_bodies).map(moved_with).collect(),
    }
}

/// Timestep and solver of Rapier for a model.
///
/// One solver iteration per timestep: with more, Rapier cuts the timestep while the forces that MuJoCo computed stay as
/// they are, and springs then gain energy. Contacts and limits get their iterations inside the timestep instead. Friction
/// between single bodies is Rapier's for a whole patch: its friction for each point leaves a sliding box with 0.87 of the
/// coefficient, because the corners also push against each other.
pub(super) fn parameters(model: &MjModel) -> IntegrationParameters {
    IntegrationParameters {
        dt: model.opt().timestep,
        num_solver_iterations: 1,
        num_internal_pgs_iterations: 8,
        // MuJoCo does without, too.
        max_ccd_substeps: 0,
        normalized_max_linear_velocity: f64::MAX,
        normalized_allowed_linear_error: 0.001,
        ..IntegrationParameters::default()
    }
}

/// Gravity, unless it is switched off.
pub(super) fn gravity(model: &MjModel) -> Vector {
    if disabled(model, MjtDisableBit::mjDSBL_GRAVITY) {
        Vector::ZERO
    } else {
        Vector::from_array(model.opt().gravity)
    }
}

/// A pose from MuJoCo's position and wxyz quaternion.
pub(super) fn pose(position: [f64; 3], quaternion: [f64; 4]) -> Pose {
    Pose::from_parts(Vector::from_array(position), rotation(quaternion))
}

/// A rotation from MuJoCo's wxyz quaternion.
pub(super) fn rotation([w, x, y, z]: [f64; 4]) -> Rotation {
    Rotation::from_xyzw(x, y, z, w)
}

fn body_pose(model: &MjModel, body: usize) -> Pose {
    pose(model.body_pos()[body], model.body_quat()[body])
}

/// Pose of each body in the frame of the body that it is welded to.
fn weld_poses(model: &MjModel) -> Vec<Pose> {
    let mut poses = vec![Pose::IDENTITY; model.ffi().nbody as usize];
    for body in 1..poses.len() {
        if model.body_weldid()[body] as usize != body {
            poses[body] = poses[model.body_parentid()[body] as usize] * body_pose(model, body);
        }
    }
    poses
}

/// Mass of a body and of everything welded to it, in its frame.
fn mass(model: &MjModel, body: usize, in_weld: &[Pose]) -> MassProperties {
    let welded = (0..in_weld.len()).filter(|other| model.body_weldid()[*other] as usize == body);
    let heavy = welded.filter(|other| model.body_mass()[*other] > 0.0);
    heavy
        .map(|other| {
            let inertial = in_weld[other] * pose(model.body_ipos()[other], model.body_iquat()[other]);
            MassProperties::with_principal_inertia_frame(
                inertial.translation,
                model.body_mass()[other],
                Vector::from_array(model.body_inertia()[other]),
                inertial.rotation,
            )
        })
        .reduce(|sum, part| sum + part)
        .unwrap_or_default()
}

fn add_body(
    model: &MjModel,
    body: usize,
    in_weld: &[Pose],
    moving: &[Option<Moving>],
    scene: &mut Scene,
    joints: &mut Vec<Joint>,
) -> Moving {
    let first = model.body_jntadr()[body] as usize;
    let ids = first..first + model.body_jntnum()[body] as usize;
    let mut properties = mass(model, body, in_weld);
    let new_joint = |id: usize, handle, above| Joint {
        id,
        kind: model.jnt_type()[id],
        qpos: model.jnt_qposadr()[id] as usize,
        dof: model.jnt_dofadr()[id] as usize,
        body: handle,
        above,
        link: None,
        com: Vector::ZERO,
    };
    if model.jnt_type()[first] == MjtJoint::mjJNT_FREE {
        let origin = std::mem::replace(&mut properties.local_com, Vector::ZERO);
        let handle = scene.bodies.insert(dynamic(properties));
        joints.push(Joint {
            com: origin,
            ..new_joint(first, handle, None)
        });
        return Moving { handle, origin };
    }
    let parent = model.body_parentid()[body] as usize;
    let weld = model.body_weldid()[parent] as usize;
    let mut above = (weld != 0).then(|| moving[weld].expect("bodies come after the one they hang on").handle);
    // A root of its own for every tree: the ground has colliders, which a multibody would call its own.
    let mut parent_handle = above.unwrap_or_else(|| scene.bodies.insert(RigidBodyBuilder::fixed()));
    let parent_origin = moving[weld].map_or(Vector::ZERO, |parent| parent.origin);
    let mut frame = Pose::from_translation(-parent_origin) * in_weld[parent] * body_pose(model, body);
    let last = ids.end - 1;
    for id in ids {
        let own = if id == last {
            properties
        } else {
            MassProperties::default()
        };
        let handle = scene.bodies.insert(dynamic(own));
        scene
            .multibodies
            .insert(parent_handle, handle, joint(model, id, frame), true)
            .expect("a body is jointed to one other, which came before");
        joints.push(new_joint(id, handle, above));
        (parent_handle, above, frame) = (handle, Some(handle), Pose::IDENTITY);
    }
    Moving {
        handle: parent_handle,
        origin: Vector::ZERO,
    }
}

fn dynamic(properties: MassProperties) -> RigidBodyBuilder {
    RigidBodyBuilder::dynamic()
        .additional_mass_properties(properties)
        .can_sleep(false)
        .allow_fast_rotation(true)
        .gyroscopic_forces_enabled(true)
}

/// A joint that starts from `frame`, the pose of the body in the one above before the joint moves it.
fn joint(model: &MjModel, id: usize, frame: Pose) -> GenericJoint {
    const TURN: usize = 3;
    const SLIDE: usize = 0;
    let anchor = Pose::from_translation(Vector::from_array(model.jnt_pos()[id]));
    let axis = Vector::from_array(model.jnt_axis()[id]);
    let aligned = Pose::from_rotation(Rotation::from_rotation_arc(Vector::X, axis));
    let reference = model.qpos0()[model.jnt_qposadr()[id] as usize];
    let (free, start, end) = match model.jnt_type()[id] {
        MjtJoint::mjJNT_HINGE => (
            JointAxesMask::ANG_X,
            anchor * aligned,
            anchor * aligned * Pose::from_rotation(Rotation::from_rotation_x(reference)),
        ),
        MjtJoint::mjJNT_SLIDE => (
            JointAxesMask::LIN_X,
            Pose::from_translation(-reference * axis) * aligned,
            aligned,
        ),
        _ => (JointAxesMask::ANG_AXES, anchor, anchor),
    };
    let mut joint = GenericJoint::new(JointAxesMask::all().difference(free));
    joint.local_frame1 = frame * start;
    joint.local_frame2 = end;
    let constraints = !disabled(model, MjtDisableBit::mjDSBL_CONSTRAINT);
    if constraints && model.jnt_limited()[id] && !disabled(model, MjtDisableBit::mjDSBL_LIMIT) {
        let [min, max] = model.jnt_range()[id];
        let index = if free == JointAxesMask::LIN_X { SLIDE } else { TURN };
        joint.limit_axes = free;
        joint.limits[index] = JointLimits { min, max, impulse: 0.0 };
    }
    joint
}

/// Settles which multibodies there are, and gives their coordinates armature, damping and dry friction.
fn finish(model: &MjModel, scene: &mut Scene, joints: &mut [Joint]) -> Vec<MultibodyIndex> {
    let handles: Vec<_> = scene.bodies.iter().map(|(handle, _)| handle).collect();
    for handle in handles {
        scene.bodies[handle].recompute_mass_properties_from_colliders(&scene.colliders);
    }
    let mut indices: Vec<MultibodyIndex> = Vec::new();
    for joint in joints.iter_mut() {
        let link = scene.multibodies.rigid_body_link(joint.body);
        joint.link = link.map(|link| (link.multibody, link.id));
        if let Some((index, _)) = joint.link
            && !indices.contains(&index)
        {
            indices.push(index);
        }
    }
    for index in &indices {
        let multibody = scene.multibodies.get_multibody_mut(*index).expect("just looked up");
        // Fixed roots lose their six degrees of freedom here.
        multibody.forward_kinematics(&scene.bodies, true);
        multibody.damping_mut().fill(0.0);
    }
    let undamped = disabled(model, MjtDisableBit::mjDSBL_DAMPER);
    let rough =
        !disabled(model, MjtDisableBit::mjDSBL_CONSTRAINT) && !disabled(model, MjtDisableBit::mjDSBL_FRICTIONLOSS);
    for joint in joints.iter() {
        let Some((index, id)) = joint.link else { continue };
        let multibody = scene.multibodies.get_multibody_mut(index).expect("just looked up");
        let link = multibody.link(id).expect("just looked up");
        let (start, count) = (link.assembly_id(), link.joint().ndofs());
        for offset in 0..count {
            let (place, dof) = (start + offset, joint.dof + offset);
            multibody.armature_mut()[place] = model.dof_armature()[dof];
            if !undamped {
                multibody.damping_mut()[place] = model.dof_damping()[dof];
            }
            if rough {
                multibody.frictions_mut()[place] = model.dof_frictionloss()[dof];
            }
        }
    }
    indices
}
