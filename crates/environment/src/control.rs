//! From actions to controls: how long a control step is, and what ±1 means for each actuator.

use carrot_physics::Model;
use toml::Spanned;

use crate::TaskError;
use crate::env_file::{ControlEntry, EnvFile};
use crate::text::Text;

/// What one number of an action does, for those who run a policy outside of Carrot: the control is
/// `middle + half·action`, no lower than `range[0]` and no higher than `range[1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionChannel {
    /// Name of the actuator; `#3` is the nameless one with index 3.
    pub actuator: String,
    /// The joint that it drives, where it drives one alone.
    pub joint: Option<String>,
    /// The control for an action of 0, in actuator units.
    pub middle: f64,
    /// How much an action of 1 adds.
    pub half: f64,
    /// Bounds of the control; infinite where there are none.
    pub range: [f64; 2],
    /// What a control of 1 asks of the joint, such as 200 N*m or 1 rad, where that is known.
    pub control_unit: Option<(f64, &'static str)>,
}

/// What actions mean for every actuator of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Actuation {
    actuators: Vec<Actuator>,
}

/// What an action in [-1, 1] means for one actuator.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Actuator {
    /// Fills the range from low to high.
    Fill([f64; 2]),
    /// So many units either side of a value, within the range.
    Around { value: f64, scale: f64, range: [f64; 2] },
}

impl Actuation {
    /// Reads `[control]`.
    ///
    /// Errors: [`TaskError::File`] with the line of what does not fit the model.
    pub(crate) fn new(file: &Text, control: &ControlEntry, model: &Model) -> Result<Self, TaskError> {
        let ranges = model.control_ranges();
        let Some(scale) = &control.scale else {
            if let Some(around) = &control.around {
                let message = "`control.around` needs `control.scale`, the actuator units that ±1 is away from it";
                return Err(file.at(around.span(), message));
            }
            let actuators = ranges.into_iter().map(Actuator::Fill).collect();
            return Ok(Self { actuators });
        };
        let scales = scale.get_ref().expand(ranges.len()).map_err(|given| {
            let message = format!(
                "`control.scale` has {given} numbers; write one number, or one for each of the {} actuators",
                ranges.len()
            );
            file.at(scale.span(), message)
        })?;
        if let Some(bad) = scales.iter().find(|scale| **scale <= 0.0) {
            return Err(file.at(scale.span(), format!("`control.scale` is {bad}; it must be positive")));
        }
        let values = match &control.around {
            Some(name) => {
                let keyframe = model.keyframe(name.get_ref());
                keyframe
                    .map_err(|cause| file.at(name.span(), format!("`control.around`: {cause}")))?
                    .ctrl
            }
            None => ranges.iter().map(middle).collect(),
        };
        let actuators = values.into_iter().zip(scales).zip(ranges);
        let actuators = actuators.map(|((value, scale), range)| Actuator::Around { value, scale, range });
        Ok(Self {
            actuators: actuators.collect(),
        })
    }

    /// Number of actuators.
    pub(crate) fn len(&self) -> usize {
        self.actuators.len()
    }

    /// The same in words and numbers that can leave the process.
    pub(crate) fn channels(&self, model: &Model) -> Vec<ActionChannel> {
        let named = model.inventory().actuators.into_iter().enumerate();
        let channel = |((index, actuator), of): ((usize, carrot_physics::Actuator), &Actuator)| {
            let (middle, half, range) = match *of {
                Actuator::Fill([low, high]) if low.is_finite() && high.is_finite() => {
                    ((low + high) * 0.5, (high - low) * 0.5, [low, high])
                }
                Actuator::Fill(_) => (0.0, 1.0, [f64::NEG_INFINITY, f64::INFINITY]),
                Actuator::Around { value, scale, range } => (value, scale, range),
            };
            ActionChannel {
                actuator: actuator.name.unwrap_or_else(|| format!("#{index}")),
                joint: actuator.joint,
                middle,
                half,
                range,
                control_unit: actuator.control_unit,
            }
        };
        named.zip(&self.actuators).map(channel).collect()
    }

    /// An action, already in [-1, 1], in the units of its actuator.
    pub(crate) fn in_actuator_units(&self, actuator: usize, action: f64) -> f64 {
        match self.actuators[actuator] {
            Actuator::Fill([low, high]) if low.is_finite() && high.is_finite() => {
                low + (action + 1.0) * 0.5 * (high - low)
            }
            // An unlimited actuator takes it as it is.
            Actuator::Fill(_) => action,
            Actuator::Around {
                value,
                scale,
                range: [low, high],
            } => (value + action * scale).max(low).min(high),
        }
    }
}

fn middle(range: &[f64; 2]) -> f64 {
    let [low, high] = *range;
    if low.is_finite() && high.is_finite() {
        (low + high) / 2.0
    } else {
        0.0
    }
}

/// Most physics steps per control step.
const MOST_SUBSTEPS: usize = 100_000;

/// Physics steps per control step.
///
/// Errors: [`TaskError::File`] unless exactly one of `dt` and `substeps` is given and makes sense.
pub(crate) fn substeps(file: &Text, env: &EnvFile, timestep_secs: f64) -> Result<usize, TaskError> {
    let control = env.control.get_ref();
    let (span, substeps) = match (&control.dt, &control.substeps) {
        (Some(dt), None) => (dt.span(), whole_steps(file, dt, timestep_secs)?),
        (None, Some(substeps)) if *substeps.get_ref() == 0 => {
            return Err(file.at(substeps.span(), "`control.substeps` must be at least 1"));
        }
        (None, Some(substeps)) => (substeps.span(), *substeps.get_ref()),
        (Some(_), Some(both)) => {
            let message = "write `control.dt` (seconds per control step) or `control.substeps`, not both";
            return Err(file.at(both.span(), message));
        }
        (None, None) => {
            let message = "`[control]` says how long a control step is: write `dt = 0.02` (seconds), or `substeps = 4`";
            return Err(file.at(env.control.span(), message));
        }
    };
    if substeps > MOST_SUBSTEPS {
        let key = if control.dt.is_some() {
            "control.dt"
        } else {
            "control.substeps"
        };
        let message = format!(
            "`{key}`: a control step would be {substeps} physics steps of {timestep_secs} s; at most {MOST_SUBSTEPS} make sense"
        );
        return Err(file.at(span, message));
    }
    Ok(substeps)
}

fn whole_steps(file: &Text, dt: &Spanned<f64>, timestep_secs: f64) -> Result<usize, TaskError> {
    let secs = *dt.get_ref();
    if !(secs.is_finite() && secs > 0.0) {
        let message = format!("`control.dt` is {secs}; it is the seconds per control step, so more than zero");
        return Err(file.at(dt.span(), message));
    }
    let steps = secs / timestep_secs;
    let whole = steps.round().max(1.0);
    if (steps - whole).abs() > 1e-6 * whole {
        let message = format!(
            "`control.dt` is {secs} s, and the model's timestep is {timestep_secs} s; write a whole multiple, such as {}",
            rounded(whole * timestep_secs)
        );
        return Err(file.at(dt.span(), message));
    }
    // A number too large for usize saturates, and is refused as too many.
    Ok(whole as usize)
}

/// Without the dust of binary fractions.
fn rounded(secs: f64) -> f64 {
    (secs * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_become_controls() {
        let infinite = [f64::NEG_INFINITY, f64::INFINITY];
        let around = |value, scale, range| Actuator::Around { value, scale, range };
        for (action, actuator, expected) in [
            (-1.0, Actuator::Fill([-1.0, 1.0]), -1.0),
            (0.0, Actuator::Fill([-2.0, 6.0]), 2.0),
            (1.0, Actuator::Fill([-2.0, 6.0]), 6.0),
            (0.5, Actuator::Fill(infinite), 0.5),
            (0.0, around(0.9, 0.5, [-1.0, 1.0]), 0.9),
            (0.5, around(0.5, 0.5, [-1.0, 1.0]), 0.75),
            (1.0, around(0.9, 0.5, [-1.0, 1.0]), 1.0), // 1.4, clamped
            (-1.0, around(2.0, 3.0, infinite), -1.0),
        ] {
            let actuation = Actuation {
                actuators: vec![actuator],
            };
            assert_eq!(
                actuation.in_actuator_units(0, action),
                expected,
                "{action} of {actuator:?}"
            );
        }
    }
}
