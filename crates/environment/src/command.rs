//! What a task asks for at the moment: numbers drawn at the reset and, where the task says so, again and again.

use carrot_physics::{Model, Physics};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::random::{Purpose, stream};
use crate::task_file::CommandChange;
use crate::variable_source::CommandEntry;

/// A command variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    /// From where to where each number is drawn.
    ranges: Vec<[f64; 2]>,
    /// Control steps between draws; none for once per episode.
    every_steps: Option<usize>,
    /// The mocap body that stands where the command says.
    mocap: Option<usize>,
}

impl Command {
    /// Reads a command of `count` numbers, some keys of which the task replaces.
    ///
    /// Errors: one sentence about what does not fit.
    pub(crate) fn new(
        entry: &CommandEntry,
        change: Option<&CommandChange>,
        count: usize,
        control_dt_secs: f64,
        model: &Model,
    ) -> Result<Self, String> {
        let low = change.and_then(|change| change.low.as_ref()).unwrap_or(&entry.low);
        let high = change.and_then(|change| change.high.as_ref()).unwrap_or(&entry.high);
        let every_secs = change.and_then(|change| change.every_secs).or(entry.every_secs);
        let expand = |amount: &crate::variable_source::Amount, word| {
            amount
                .expand(count)
                .map_err(|given| format!("`{word}` has {given} numbers, and the shape has {count}"))
        };
        let (lows, highs) = (expand(low, "low")?, expand(high, "high")?);
        if let Some((low, high)) = lows.iter().zip(&highs).find(|(low, high)| low > high) {
            return Err(format!("low {low} is above high {high}"));
        }
        let every_steps = match every_secs {
            None => None,
            Some(secs) if secs.is_finite() && secs > 0.0 => Some(((secs / control_dt_secs).round() as usize).max(1)),
            Some(secs) => return Err(format!("`every_secs` is {secs}; it must be more than zero")),
        };
        let mocap = match &entry.mocap {
            None => None,
            Some(_) if count != 3 => {
                return Err(format!(
                    "a mocap body needs a position, and the shape has {count} numbers"
                ));
            }
            Some(name) => Some(model.mocap(name).map_err(|cause| cause.to_string())?),
        };
        Ok(Self {
            ranges: lows.into_iter().zip(highs).map(|(low, high)| [low, high]).collect(),
            every_steps,
            mocap,
        })
    }

    /// Numbers of the command.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }
}

/// The present values of all commands in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommandState {
    values: Vec<f64>,
    random: ChaCha8Rng,
}

impl CommandState {
    /// Zeros, until an episode begins.
    pub(crate) fn new(commands: &[Command]) -> Self {
        Self {
            values: vec![0.0; commands.iter().map(Command::len).sum()],
            random: stream(0, 0, Purpose::Command, 0),
        }
    }

    /// Draws every command for a new episode.
    pub(crate) fn begin(&mut self, commands: &[Command], key: (u64, usize, u64), world: &mut dyn Physics) {
        let (seed, env_index, episode) = key;
        self.random = stream(seed, env_index, Purpose::Command, episode);
        self.draw(commands, world, |_| true);
    }

    /// Draws those commands that are due after `steps` control steps.
    pub(crate) fn advance(&mut self, commands: &[Command], steps: usize, world: &mut dyn Physics) {
        self.draw(commands, world, |command| {
            command.every_steps.is_some_and(|every| steps.is_multiple_of(every))
        });
    }

    fn draw(&mut self, commands: &[Command], world: &mut dyn Physics, is_due: impl Fn(&Command) -> bool) {
        let mut rest = &mut self.values[..];
        for command in commands {
            let (values, others) = rest.split_at_mut(command.len());
            rest = others;
            if !is_due(command) {
                continue;
            }
            for (value, [low, high]) in values.iter_mut().zip(&command.ranges) {
                *value = low + (high - low) * self.random.random_range(0.0..=1.0);
            }
            if let (Some(mocap), [x, y, z]) = (command.mocap, &*values) {
                world.place_mocap(mocap, [*x, *y, *z]);
            }
        }
    }

    /// The numbers of all commands, one after the other.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}
