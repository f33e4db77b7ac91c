//! Other bodies, other floors: copies of a model with some of its properties scaled.
//!
//! Factors always refer to the model as it was loaded, never to the last variation, so that nothing drifts.

use mujoco_rs::prelude::{MjModel, MjtGain};

use crate::naming::{Kind, id};
use crate::{PhysicsError, library};

/// Which parts of a model vary, resolved by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariedParts {
    /// Bodies whose mass is scaled; their inertia with it.
    bodies: Vec<usize>,
    /// Geoms whose friction is scaled.
    geoms: Vec<usize>,
}

/// By what the properties of a model are multiplied; all 1 is the model itself.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Factors {
    /// Of mass and inertia of the varied bodies.
    pub mass: f64,
    /// Of all friction coefficients of the varied geoms.
    pub friction: f64,
    /// Of the strength of every actuator: its gain, and the bias that a servo has beside it.
    pub gain: f64,
    /// Of the damping of every joint.
    pub damping: f64,
}

/// Looks names up; none stands for all.
///
/// Errors: [`PhysicsError::Unknown`], and [`PhysicsError::Unsuitable`] for the body that has no mass, or, where the gain
/// varies, for a kind of actuator that has no strength of its own.
pub(crate) fn parts(
    model: &MjModel,
    bodies: Option<&[String]>,
    geoms: Option<&[String]>,
    gain_varies: bool,
) -> Result<VariedParts, PhysicsError> {
    const SCALED: [MjtGain; 3] = [MjtGain::mjGAIN_FIXED, MjtGain::mjGAIN_AFFINE, MjtGain::mjGAIN_MUSCLE];
    if gain_varies && !model.actuator_gaintype().iter().all(|kind| SCALED.contains(kind)) {
        return Err(PhysicsError::Unsuitable(
            "only motors, servos and muscles have a gain that can vary".into(),
        ));
    }
    let resolve = |names: Option<&[String]>, kind: Kind, all: std::ops::Range<usize>| match names {
        None => Ok(all.collect()),
        Some(names) => names.iter().map(|name| id(model, kind, name)).collect(),
    };
    // The world itself has no mass.
    let bodies: Vec<usize> = resolve(bodies, Kind::Body, 1..model.ffi().nbody as usize)?;
    if bodies.contains(&0) {
        return Err(PhysicsError::Unsuitable("the world has no mass that could vary".into()));
    }
    Ok(VariedParts {
        bodies,
        geoms: resolve(geoms, Kind::Geom, 0..model.ffi().ngeom as usize)?,
    })
}

/// Makes `copy` the variation of `original`. What MuJoCo derives from the masses is left to be computed again.
pub(crate) fn apply(copy: &mut MjModel, original: &MjModel, parts: &VariedParts, factors: &Factors) {
    for &body in &parts.bodies {
        copy.body_mass_mut()[body] = original.body_mass()[body] * factors.mass;
        copy.body_inertia_mut()[body] = original.body_inertia()[body].map(|part| part * factors.mass);
    }
    for &geom in &parts.geoms {
        copy.geom_friction_mut()[geom] = original.geom_friction()[geom].map(|part| part * factors.friction);
    }
    for (damping, original) in copy.dof_damping_mut().iter_mut().zip(original.dof_damping()) {
        *damping = original * factors.damping;
    }
    for (damping, original) in copy.dof_dampingpoly_mut().iter_mut().zip(original.dof_dampingpoly()) {
        *damping = original.map(|part| part * factors.damping);
    }
    scale_gains(copy, original, factors.gain);
}

fn scale_gains(copy: &mut MjModel, original: &MjModel, factor: f64) {
    for actuator in 0..original.actuator_gaintype().len() {
        let (gain, bias) = (
            original.actuator_gainprm()[actuator],
            original.actuator_biasprm()[actuator],
        );
        let is_muscle = original.actuator_gaintype()[actuator] == MjtGain::mjGAIN_MUSCLE;
        // A muscle's peak force is number 2, or is computed from number 3 where that is negative.
        let force = if gain[2] >= 0.0 { 2 } else { 3 };
        let counts = |place: usize| !is_muscle || place == force;
        let scaled = |place: usize, value: f64| if counts(place) { value * factor } else { value };
        library::gains_mut(copy)[actuator] = std::array::from_fn(|place| scaled(place, gain[place]));
        copy.actuator_biasprm_mut()[actuator] = std::array::from_fn(|place| scaled(place, bias[place]));
    }
}
