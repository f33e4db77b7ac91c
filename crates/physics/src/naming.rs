//! From the names of a model's things to their ids.

use mujoco_rs::prelude::{MjModel, MjtObjBase};

use crate::PhysicsError;

/// What a name can name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Body,
    Joint,
    Geom,
    Site,
    Sensor,
    Actuator,
    Keyframe,
    Camera,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Joint => "joint",
            Self::Geom => "geom",
            Self::Site => "site",
            Self::Sensor => "sensor",
            Self::Actuator => "actuator",
            Self::Keyframe => "keyframe",
            Self::Camera => "camera",
        }
    }

    fn names(self, model: &MjModel) -> impl Iterator<Item = Option<&str>> {
        let ffi = model.ffi();
        let (object, count) = match self {
            Self::Body => (MjtObjBase::mjOBJ_BODY, ffi.nbody),
            Self::Joint => (MjtObjBase::mjOBJ_JOINT, ffi.njnt),
            Self::Geom => (MjtObjBase::mjOBJ_GEOM, ffi.ngeom),
            Self::Site => (MjtObjBase::mjOBJ_SITE, ffi.nsite),
            Self::Sensor => (MjtObjBase::mjOBJ_SENSOR, ffi.nsensor),
            Self::Actuator => (MjtObjBase::mjOBJ_ACTUATOR, ffi.nactuator),
            Self::Keyframe => (MjtObjBase::mjOBJ_KEY, ffi.nkey),
            Self::Camera => (MjtObjBase::mjOBJ_CAMERA, ffi.ncam),
        };
        (0..count as usize).map(move |id| model.id_to_name(object, id))
    }
}

/// Name of a body, or its index where it has none.
pub(crate) fn body(model: &MjModel, body: usize) -> String {
    model
        .id_to_name(MjtObjBase::mjOBJ_BODY, body)
        .filter(|name| !name.is_empty())
        .map_or_else(|| format!("body {body}"), str::to_owned)
}

/// Id of the thing of that name; `#3` is the one with index 3, unless something is called so.
pub(crate) fn id(model: &MjModel, kind: Kind, name: &str) -> Result<usize, PhysicsError> {
    kind.names(model)
        .position(|other| other == Some(name))
        .or_else(|| by_index(name, kind.names(model).count()))
        .ok_or_else(|| PhysicsError::Unknown {
            kind: kind.word(),
            name: name.to_owned(),
            suggestion: nearest(name, kind.names(model).flatten()),
        })
}

/// The index in `#3`, which is how files name a part that has no name.
fn by_index(name: &str, parts: usize) -> Option<usize> {
    let index = name.strip_prefix('#')?.parse().ok()?;
    (index < parts).then_some(index)
}

/// The name with the fewest typing errors between, if there are few enough for a slip.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(errors, candidate)| *errors <= (candidate.chars().count() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
