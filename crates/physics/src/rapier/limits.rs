//! What Rapier cannot do, said when a model loads and with the name of the element.

use mujoco_rs::prelude::{MjModel, MjtDisableBit, MjtDyn, MjtEnableBit, MjtJoint, MjtObjBase, MjtSensor};

use super::pairs::Pairs;

/// Looks for what a world of Rapier would leave out or get wrong.
///
/// Errors: one sentence naming the first such element.
pub(super) fn check(model: &MjModel, pairs: &Pairs) -> Result<(), String> {
    let ffi = model.ffi();
    let constraints = !disabled(model, MjtDisableBit::mjDSBL_CONSTRAINT);
    if ffi.nflex > 0 {
        return refuse(model, MjtObjBase::mjOBJ_FLEX, 0, "is flexible");
    }
    if ffi.nplugin > 0 {
        return refuse(model, MjtObjBase::mjOBJ_PLUGIN, 0, "is a plugin");
    }
    if model.opt().enableflags & MjtEnableBit::mjENBL_OVERRIDE as i32 != 0 {
        return Err("Rapier has no contact override; `<flag override=\"enable\"/>` needs the engine `mujoco`".into());
    }
    if ffi.nhistory > 0 {
        return Err("Rapier has no delays; an actuator or sensor with a delay needs the engine `mujoco`".into());
    }
    if constraints && !disabled(model, MjtDisableBit::mjDSBL_EQUALITY) {
        let active = model.eq_active0().iter().position(|active| *active);
        if let Some(equality) = active {
            return refuse(model, MjtObjBase::mjOBJ_EQUALITY, equality, "is an equality constraint");
        }
    }
    joints(model, constraints)?;
    tendons(model, constraints)?;
    actuators(model)?;
    geoms(model, pairs)?;
    bodies(model, pairs)
}

/// Whether a sensor shows what only MuJoCo's own solver knows.
///
/// Errors: one sentence naming it.
pub(super) fn check_sensor(model: &MjModel, sensor: usize) -> Result<(), String> {
    match model.sensor_type()[sensor] {
        MjtSensor::mjSENS_TOUCH
        | MjtSensor::mjSENS_FORCE
        | MjtSensor::mjSENS_TORQUE
        | MjtSensor::mjSENS_JOINTLIMITFRC
        | MjtSensor::mjSENS_TENDONLIMITFRC
        | MjtSensor::mjSENS_CONTACT
        | MjtSensor::mjSENS_TACTILE
        | MjtSensor::mjSENS_PLUGIN
        | MjtSensor::mjSENS_USER => refuse(
            model,
            MjtObjBase::mjOBJ_SENSOR,
            sensor,
            "measures forces inside the solver; read the force of contacts instead",
        ),
        _ => Ok(()),
    }
}

fn joints(model: &MjModel, constraints: bool) -> Result<(), String> {
    let at_fault = |joint: usize, what: &str| refuse(model, MjtObjBase::mjOBJ_JOINT, joint, what);
    for (joint, kind) in model.jnt_type().iter().enumerate() {
        let first = model.jnt_dofadr()[joint] as usize;
        let dofs = match kind {
            MjtJoint::mjJNT_FREE => first..first + 6,
            MjtJoint::mjJNT_BALL => first..first + 3,
            _ => continue,
        };
        let any = |values: &[f64]| values[dofs.clone()].iter().any(|value| *value != 0.0);
        if constraints && any(model.dof_frictionloss()) {
            return at_fault(joint, "has several degrees of freedom and frictionloss");
        }
        if *kind == MjtJoint::mjJNT_FREE && (any(model.dof_armature()) || any(model.dof_damping())) {
            return at_fault(joint, "is free and has armature or damping");
        }
        if *kind == MjtJoint::mjJNT_BALL && constraints && model.jnt_limited()[joint] {
            return at_fault(joint, "is a ball joint with a range");
        }
    }
    Ok(())
}

fn tendons(model: &MjModel, constraints: bool) -> Result<(), String> {
    for tendon in 0..model.ffi().ntendon as usize {
        let at_fault = |what: &str| refuse(model, MjtObjBase::mjOBJ_TENDON, tendon, what);
        if constraints && model.tendon_limited()[tendon] {
            return at_fault("is a tendon with a range");
        }
        if constraints && model.tendon_frictionloss()[tendon] != 0.0 {
            return at_fault("is a tendon with frictionloss");
        }
        if model.tendon_armature()[tendon] != 0.0 {
            return at_fault("is a tendon with armature");
        }
    }
    Ok(())
}

fn actuators(model: &MjModel) -> Result<(), String> {
    for (actuator, dynamics) in model.actuator_dyntype().iter().enumerate() {
        let at_fault = |what: &str| refuse(model, MjtObjBase::mjOBJ_ACTUATOR, actuator, what);
        match dynamics {
            MjtDyn::mjDYN_NONE
            | MjtDyn::mjDYN_INTEGRATOR
            | MjtDyn::mjDYN_FILTER
            | MjtDyn::mjDYN_FILTEREXACT
            | MjtDyn::mjDYN_MUSCLE => {}
            _ => return at_fault("is an actuator with dynamics of its own"),
        }
        if model.actuator_armature()[actuator] != 0.0 || model.actuator_damping()[actuator] != 0.0 {
            return at_fault("is an actuator with armature or damping; give them to the joint");
        }
    }
    Ok(())
}

fn geoms(model: &MjModel, pairs: &Pairs) -> Result<(), String> {
    for geom in (0..model.ffi().ngeom as usize).filter(|geom| pairs.collides(*geom)) {
        let at_fault = |what: &str| refuse(model, MjtObjBase::mjOBJ_GEOM, geom, what);
        if model.geom_surfacevel()[geom].iter().any(|velocity| *velocity != 0.0) {
            return at_fault("has a moving surface");
        }
        if model.geom_adhesion()[geom] != 0.0 {
            return at_fault("is adhesive");
        }
    }
    Ok(())
}

/// Mocap bodies may show something, but nothing may touch them or hang on them.
fn bodies(model: &MjModel, pairs: &Pairs) -> Result<(), String> {
    for (body, root) in model.body_rootid().iter().enumerate() {
        if model.body_mocapid()[*root as usize] < 0 {
            continue;
        }
        let at_fault = |what: &str| refuse(model, MjtObjBase::mjOBJ_BODY, body, what);
        if model.body_jntnum()[body] > 0 {
            return at_fault("hangs on a mocap body");
        }
        let mut own = (0..model.ffi().ngeom as usize).filter(|geom| model.geom_bodyid()[*geom] as usize == body);
        if own.any(|geom| pairs.collides(geom)) {
            return at_fault("is moved from outside (mocap) and can be touched; set contype and conaffinity to 0");
        }
    }
    Ok(())
}

pub(super) fn disabled(model: &MjModel, bit: MjtDisableBit) -> bool {
    model.opt().disableflags & bit as i32 != 0
}

/// One sentence about an element.
pub(super) fn refuse<T>(model: &MjModel, kind: MjtObjBase, id: usize, what: &str) -> Result<T, String> {
    let word = match kind {
        MjtObjBase::mjOBJ_FLEX => "flex",
        MjtObjBase::mjOBJ_PLUGIN => "plugin",
        MjtObjBase::mjOBJ_EQUALITY => "equality",
        MjtObjBase::mjOBJ_JOINT => "joint",
        MjtObjBase::mjOBJ_TENDON => "tendon",
        MjtObjBase::mjOBJ_ACTUATOR => "actuator",
        MjtObjBase::mjOBJ_GEOM => "geom",
        MjtObjBase::mjOBJ_SENSOR => "sensor",
        _ => "body",
    };
    let name = match model.id_to_name(kind, id) {
        Some(name) => format!("`{name}`"),
        None => format!("number {id}"),
    };
    Err(format!(
        "the engine `rapier` cannot do this model: {word} {name} {what}"
    ))
}
