//! The states in which episodes begin.

use carrot_physics::{Joint, JointKind, Model};
use rand::{Rng, RngExt};
use toml::Spanned;

use crate::TaskError;
use crate::env_file::{BoxEntry, JointResetEntry, NoiseEntry, ResetEntry};
use crate::text::Text;

/// A distribution of initial states: a start, noise on all of it, and joints that are drawn by themselves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InitialStates {
    /// Positions and velocities of a keyframe; none for the model's own initial state.
    start: Option<(Vec<f64>, Vec<f64>)>,
    /// The noise on positions and on velocities.
    noise: [Noise; 2],
    joints: Vec<JointStart>,
}

/// What is added to every number of the start, each drawn for itself.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Noise {
    /// Uniform between ± the half-width.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
}

impl Noise {
    /// Adds the noise to `values`.
    fn add(self, random: &mut impl Rng, values: &mut [f64]) {
        match self {
            Self::Uniform(half_width) => values
                .iter_mut()
                .for_each(|value| *value += half_width * random.random_range(-1.0..=1.0)),
            Self::Normal(deviation) => values
                .iter_mut()
                .for_each(|value| *value += deviation * standard_normal(random)),
        }
    }
}

/// A standard normal number by Box and Muller's method. Its functions are `libm`'s, which give every machine the same bits.
fn standard_normal(random: &mut impl Rng) -> f64 {
    // In (0, 1], so that the logarithm is finite.
    let radius = (-2.0 * libm::log(1.0 - random.random_range(0.0..1.0))).sqrt();
    radius * libm::cos(std::f64::consts::TAU * random.random_range(0.0..1.0))
}

/// How one joint begins. What is given here has no noise beside it.
#[derive(Debug, Clone, PartialEq)]
struct JointStart {
    joint: Joint,
    position: Option<Vec<[f64; 2]>>,
    /// Angles, and the wxyz orientation that is turned.
    yaw: Option<([f64; 2], [f64; 4])>,
    velocity: Option<Vec<[f64; 2]>>,
}

/// `[reset]` of a task and of its environment, with the files they stand in; the task's keys come first.
pub(crate) type ResetFiles<'a> = [(&'a Text, &'a ResetEntry); 2];

impl InitialStates {
    /// Reads `[reset]`, in which a task replaces single keys.
    ///
    /// Errors: [`TaskError::File`] with the line of what does not fit the model.
    pub(crate) fn new(files: ResetFiles<'_>, model: &Model) -> Result<Self, TaskError> {
        let mut start = None;
        if let Some((file, name)) = first(files, |reset| reset.keyframe.as_ref()) {
            let keyframe = model.keyframe(name.get_ref());
            let keyframe = keyframe.map_err(|cause| file.at(name.span(), format!("`reset.keyframe`: {cause}")))?;
            start = Some((keyframe.qpos, keyframe.qvel));
        }
        let noise = [
            noise("reset.qpos_noise", first(files, |reset| reset.qpos_noise.as_ref()))?,
            noise("reset.qvel_noise", first(files, |reset| reset.qvel_noise.as_ref()))?,
        ];
        let names = files.iter().flat_map(|(_, reset)| reset.joint.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        let mut joints = Vec::new();
        for name in names {
            if let Some((file, entry)) = first(files, |reset| reset.joint.get(name)) {
                let qpos = start
                    .as_ref()
                    .map_or(model.initial_qpos(), |(qpos, _): &(Vec<f64>, _)| qpos);
                joints.push(joint_start(file, name, entry, model, qpos)?);
            }
        }
        Ok(Self { start, noise, joints })
    }

    /// Draws a state; `qpos` and `qvel` hold the model's own initial state before.
    pub(crate) fn draw(&self, random: &mut impl Rng, qpos: &mut [f64], qvel: &mut [f64]) {
        if let Some((start_qpos, start_qvel)) = &self.start {
            qpos.copy_from_slice(start_qpos);
            qvel.copy_from_slice(start_qvel);
        }
        self.noise[0].add(random, qpos);
        self.noise[1].add(random, qvel);
        for joint in &self.joints {
            let mut draw = |[low, high]: [f64; 2]| low + (high - low) * random.random_range(0.0..=1.0);
            if let Some(ranges) = &joint.position {
                let places = qpos[joint.joint.qpos.clone()].iter_mut();
                places.zip(ranges).for_each(|(value, range)| *value = draw(*range));
            }
            if let Some((range, orientation)) = joint.yaw {
                let turned = turned_about_vertical(orientation, draw(range));
                qpos[joint.joint.qpos.clone()][3..].copy_from_slice(&turned);
            }
            if let Some(ranges) = &joint.velocity {
                let places = qvel[joint.joint.qvel.clone()].iter_mut();
                places.zip(ranges).for_each(|(value, range)| *value = draw(*range));
            }
        }
    }
}

/// A turn about the vertical after a wxyz orientation.
fn turned_about_vertical([w, x, y, z]: [f64; 4], angle: f64) -> [f64; 4] {
    let (sin, cos) = (angle / 2.0).sin_cos();
    [
        cos * w - sin * z,
        cos * x - sin * y,
        cos * y + sin * x,
        cos * z + sin * w,
    ]
}

fn joint_start(
    file: &Text,
    name: &str,
    entry: &Spanned<JointResetEntry>,
    model: &Model,
    start: &[f64],
) -> Result<JointStart, TaskError> {
    let key = format!("reset.joint.{name}");
    let joint = model
        .joint(name)
        .map_err(|cause| file.at(entry.span(), format!("`{key}`: {cause}")))?;
    let entry = entry.get_ref();
    if let (Some(yaw), false) = (&entry.yaw, joint.kind == JointKind::Free) {
        return Err(file.at(
            yaw.span(),
            format!("`{key}.yaw` turns free joints only; write `position` for a hinge"),
        ));
    }
    let positions = match joint.kind {
        JointKind::Free => 3,
        JointKind::Hinge | JointKind::Slide => 1,
        JointKind::Ball => 0,
    };
    if let (Some(position), 0) = (&entry.position, positions) {
        let message = format!("`{key}.position`: a ball joint cannot be drawn; use `qpos_noise` or a keyframe");
        return Err(file.at(position.span(), message));
    }
    let ranges = |part: &str, entry: &Option<Spanned<BoxEntry>>, count: usize| match entry {
        None => Ok(None),
        Some(entry) => ranges(file, &format!("{key}.{part}"), entry, count).map(Some),
    };
    Ok(JointStart {
        position: ranges("position", &entry.position, positions)?,
        velocity: ranges("velocity", &entry.velocity, joint.qvel.len())?,
        yaw: match &entry.yaw {
            None => None,
            Some(yaw) => {
                let quaternion = joint.qpos.start + 3;
                let orientation = std::array::from_fn(|part| start[quaternion + part]);
                Some((ordered(file, &format!("{key}.yaw"), yaw)?, orientation))
            }
        },
        joint,
    })
}

/// `count` ranges of a box.
fn ranges(file: &Text, key: &str, entry: &Spanned<BoxEntry>, count: usize) -> Result<Vec<[f64; 2]>, TaskError> {
    let BoxEntry { low, high } = entry.get_ref();
    let expand = |side: &Spanned<crate::variable_source::Amount>, word: &str| {
        side.get_ref().expand(count).map_err(|given| {
            let message = format!("`{key}.{word}` has {given} numbers, and {count} are needed");
            file.at(side.span(), message)
        })
    };
    let (lows, highs) = (expand(low, "low")?, expand(high, "high")?);
    match lows.iter().zip(&highs).find(|(low, high)| low > high) {
        Some((low, high)) => Err(file.at(entry.span(), format!("`{key}`: low {low} is above high {high}"))),
        None => Ok(lows.into_iter().zip(highs).map(|(low, high)| [low, high]).collect()),
    }
}

/// A range whose ends are finite and in order.
pub(crate) fn ordered(file: &Text, key: &str, range: &Spanned<[f64; 2]>) -> Result<[f64; 2], TaskError> {
    let [low, high] = *range.get_ref();
    if low.is_finite() && high.is_finite() && low <= high {
        return Ok([low, high]);
    }
    Err(file.at(
        range.span(),
        format!("`{key}` is [{low}, {high}]; write the lower end first, then the upper, both finite"),
    ))
}

/// What the first file that has it says, and that file.
pub(crate) fn first<'a, E, T>(
    files: [(&'a Text, &'a E); 2],
    key: impl Fn(&'a E) -> Option<&'a T>,
) -> Option<(&'a Text, &'a T)> {
    files
        .into_iter()
        .find_map(|(file, entry)| key(entry).map(|value| (file, value)))
}

fn noise(key: &str, found: Option<(&Text, &Spanned<NoiseEntry>)>) -> Result<Noise, TaskError> {
    let Some((file, entry)) = found else {
        return Ok(Noise::Uniform(0.0));
    };
    let (noise, key, size, what) = match *entry.get_ref() {
        NoiseEntry::Uniform(size) => (Noise::Uniform(size), key.to_owned(), size, "half-width of a uniform"),
        NoiseEntry::Normal(size) => (
            Noise::Normal(size),
            format!("{key}.normal"),
            size,
            "deviation of a normal",
        ),
    };
    if size.is_finite() && size >= 0.0 {
        return Ok(noise);
    }
    let message = format!("`{key}` is {size}; it is the {what} distribution, so zero or more");
    Err(file.at(entry.span(), message))
}
