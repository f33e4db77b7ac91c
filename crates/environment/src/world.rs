//! One environment: a simulated world, where it stands in its episode, and the variables it shows.
//!
//! A world answers for itself: whatever is no physics (a divergence, an action or a variable that is no number) comes back
//! as the reason, and never as a number that someone might score.

use carrot_physics::Physics;
use carrot_reward_interface::{Stop, StopCause};
use rand::RngExt;

use crate::Task;
use crate::binding::{Binding, Clock};
use crate::episode::Tally;
use crate::random::{Purpose, stream};

/// One environment: its world, its place in the episode, and its variables.
pub(crate) struct World {
    physics: Box<dyn Physics>,
    /// Number of the next episode to begin.
    pub(crate) episode: u64,
    pub(crate) tally: Tally,
    /// The action just applied, in [-1, 1].
    control: Vec<f64>,
    previous_control: Vec<f64>,
    /// The same action in actuator units.
    scaled_control: Vec<f64>,
    /// All variables, in the order of the schema.
    pub(crate) row: Vec<f64>,
    scratch: Vec<f64>,
    /// Why the step just made is no physics.
    pub(crate) fault: Option<String>,
}

impl World {
    pub(crate) fn new(task: &Task) -> Self {
        let scratch = task.bindings.iter().map(Binding::scratch).max();
        Self {
            physics: task.model.world(),
            episode: 0,
            tally: Tally::new(),
            control: vec![0.0; task.action_size()],
            previous_control: vec![0.0; task.action_size()],
            scaled_control: vec![0.0; task.action_size()],
            row: vec![0.0; task.row_size()],
            scratch: vec![0.0; scratch.unwrap_or(0)],
            fault: None,
        }
    }

    /// Puts the world into the initial state of its next episode: the model's own, with uniform noise.
    pub(crate) fn begin_episode(&mut self, task: &Task, seed: u64, env_index: usize) -> Result<(), Stop> {
        self.physics.reset();
        let mut random = stream(seed, env_index, Purpose::Reset, self.episode);
        let (qpos, qvel) = self.physics.state();
        let mut with_noise = |values: &[f64], half_width: f64| -> Vec<f64> {
            let noise = |value| value + half_width * random.random_range(-1.0..=1.0);
            values.iter().copied().map(noise).collect()
        };
        let qpos = with_noise(qpos, task.reset_noise[0]);
        let qvel = with_noise(qvel, task.reset_noise[1]);
        self.physics.set_state(&qpos, &qvel);
        self.control.fill(0.0);
        self.previous_control.fill(0.0);
        self.tally = Tally::new();
        self.episode += 1;
        self.gather(task, 0).map_err(|message| Stop {
            file: task.id.clone(),
            at: None,
            cause: StopCause::Diverged {
                message: format!("right after the reset of environment {env_index}, {message}"),
            },
        })
    }

    /// Generalised positions.
    pub(crate) fn qpos(&self) -> &[f64] {
        self.physics.state().0
    }

    /// One control step. Errors: why its result is no physics.
    pub(crate) fn advance(&mut self, task: &Task, action: &[f32]) -> Result<(), String> {
        self.previous_control.copy_from_slice(&self.control);
        for (index, (&value, range)) in action.iter().zip(&task.control_ranges).enumerate() {
            if !value.is_finite() {
                return Err(format!("action {index} is {value}"));
            }
            self.control[index] = f64::from(value.clamp(-1.0, 1.0));
            self.scaled_control[index] = in_actuator_units(self.control[index], *range);
        }
        self.physics
            .step(&self.scaled_control, task.substeps)
            .map_err(|divergence| divergence.to_string())?;
        // The tally does not count this step yet.
        self.gather(task, self.tally.steps + 1)
    }

    /// Reads every variable after `steps` control steps. Errors: the first one that is not finite.
    fn gather(&mut self, task: &Task, steps: usize) -> Result<(), String> {
        let control_dt_secs = task.control_dt_secs();
        let clock = Clock {
            control: &self.control,
            previous_control: &self.previous_control,
            time_secs: steps as f64 * control_dt_secs,
            control_dt_secs,
        };
        for binding in &task.bindings {
            binding.read(self.physics.as_ref(), &clock, &mut self.scratch, &mut self.row);
        }
        // Programs and policies compute in f32, so a number that overflows there is as bad as an infinite one.
        match self.row.iter().position(|&value| !(value as f32).is_finite()) {
            None => Ok(()),
            Some(place) => {
                let owner = task.bindings.iter().rposition(|binding| binding.offset <= place);
                let name = &task.schema.variables[owner.unwrap_or(0)].name;
                Err(format!("variable `{name}` is {}", self.row[place]))
            }
        }
    }

    /// Writes the observation, `[O]`.
    pub(crate) fn observe(&self, task: &Task, out: &mut [f32]) {
        for (slot, &place) in out.iter_mut().zip(&task.observed) {
            *slot = self.row[place] as f32;
        }
    }
}

/// Scales a control in [-1, 1] to the actuator's range; an unlimited actuator takes it as it is.
fn in_actuator_units(control: f64, [low, high]: [f64; 2]) -> f64 {
    if low.is_finite() && high.is_finite() {
        low + (control + 1.0) * 0.5 * (high - low)
    } else {
        control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_fill_the_range_of_the_actuator() {
        for (control, range, expected) in [
            (-1.0, [-1.0, 1.0], -1.0),
            (0.0, [-2.0, 6.0], 2.0),
            (1.0, [-2.0, 6.0], 6.0),
            (0.5, [f64::NEG_INFINITY, f64::INFINITY], 0.5),
        ] {
            assert_eq!(in_actuator_units(control, range), expected, "{control} in {range:?}");
        }
    }
}
