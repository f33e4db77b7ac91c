//! URDF as MJCF with motors. URDF says how a robot is built but not how it is driven, so that nothing could act in it.

use std::path::Path;

use mujoco_rs::prelude::{MjSpec, MjtJoint, MjtObjBase};

use crate::{PhysicsError, library};

/// A URDF as the text of an MJCF that lies in the same folder, with one motor for each hinge and slide: gear 1, control range
/// the joint's effort (N*m or N), or ±1 where the URDF gives none.
///
/// Errors: [`PhysicsError::Load`] with MuJoCo's words.
pub fn mjcf_with_motors(path: &Path) -> Result<String, PhysicsError> {
    let refuse = |message: String| PhysicsError::Load {
        path: path.to_owned(),
        message,
    };
    library::initialise();
    let mut spec = MjSpec::from_xml(path).map_err(|error| refuse(error.to_string()))?;
    let model = spec.compile().map_err(|error| refuse(error.to_string()))?;
    let mjcf = saved(&spec).map_err(refuse)?;
    let mut motors = String::new();
    for (joint, kind) in model.jnt_type().iter().enumerate() {
        let name = model.id_to_name(MjtObjBase::mjOBJ_JOINT, joint).unwrap_or_default();
        if !matches!(kind, MjtJoint::mjJNT_HINGE | MjtJoint::mjJNT_SLIDE) || name.is_empty() {
            continue;
        }
        let effort = match model.jnt_actfrclimited()[joint] {
            true => model.jnt_actfrcrange()[joint][1],
            false => 1.0,
        };
        let name = escaped(name);
        motors += &format!(
            "    <motor name=\"{name}\" joint=\"{name}\" ctrllimited=\"true\" ctrlrange=\"-{effort} {effort}\"/>\n"
        );
    }
    let end = mjcf
        .rfind("</mujoco>")
        .ok_or_else(|| refuse("MuJoCo wrote no MJCF for it".to_owned()))?;
    Ok(format!(
        "{}\n  <actuator>\n{motors}  </actuator>\n{}",
        mjcf[..end].trim_end(),
        &mjcf[end..]
    ))
}

/// The text that MuJoCo writes for a compiled specification.
fn saved(spec: &MjSpec) -> Result<String, String> {
    use mujoco_rs::error::MjEditError;
    const USUAL: usize = 1 << 20;
    match spec.save_xml_string(USUAL) {
        Err(MjEditError::XmlBufferTooSmall { required_size }) => spec.save_xml_string(required_size + 1),
        saved => saved,
    }
    .map_err(|error| error.to_string())
}

fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
