//! What the policy sees of the variables: some of them, with noise, and late. And what the critic sees beside that while
//! it trains: any of them, as they are.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::TaskError;
use crate::binding::Binding;
use crate::nearest::nearest;
use crate::random::{Purpose, stream};
use crate::task_file::TaskFile;
use crate::text::Text;
use carrot_reward_interface::{DType, Schema};
use toml::Spanned;

/// How an observation comes from a row of all variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    /// Place of each observed number in the row.
    places: Vec<usize>,
    /// Half-width of the noise on each of them; empty where there is none at all.
    noise: Vec<f64>,
    /// Control steps by which they are seen late.
    delay: usize,
}

/// Longest delay; it bounds what each environment remembers.
const LONGEST_DELAY: usize = 1_000;

impl Observation {
    /// Reads `observation`, `observation_noise` and `observation_delay`.
    ///
    /// Errors: [`TaskError::File`] with the line of the first mistake.
    pub(crate) fn new(file: &Text, task: &TaskFile, schema: &Schema, bindings: &[Binding]) -> Result<Self, TaskError> {
        let mut places = Vec::new();
        let mut noise = Vec::new();
        for name in task.observation.get_ref() {
            let seen = numbers(file, schema, bindings, "observation", name)?;
            noise.extend(noise_of(file, task, name.get_ref(), seen.len())?);
            places.extend(seen);
        }
        if places.is_empty() {
            let message = "`observation` is empty; name the variables that the policy sees";
            return Err(file.at(task.observation.span(), message));
        }
        for (name, entry) in &task.observation_noise {
            variable(file, schema, "observation_noise", name, entry.span())?;
            if !task
                .observation
                .get_ref()
                .iter()
                .any(|observed| observed.get_ref() == name)
            {
                let message =
                    format!("`observation_noise`: `{name}` is not in `observation`, so its noise does nothing");
                return Err(file.at(entry.span(), message));
            }
        }
        if noise.iter().all(|half_width| *half_width == 0.0) {
            noise.clear();
        }
        let delay = match &task.observation_delay {
            None => 0,
            Some(steps) if *steps.get_ref() <= LONGEST_DELAY => *steps.get_ref(),
            Some(steps) => {
                let message = format!(
                    "`observation_delay` is {}; at most {LONGEST_DELAY} control steps are possible",
                    steps.get_ref()
                );
                return Err(file.at(steps.span(), message));
            }
        };
        Ok(Self { places, noise, delay })
    }

    /// Length of the observation vector.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the policy sees the row as it is.
    fn is_exact(&self) -> bool {
        self.delay == 0 && self.noise.is_empty()
    }
}

/// What only the critic sees, beside the policy's observation, and only while a policy is trained.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CriticObservation {
    /// Place of each number in the row.
    places: Vec<usize>,
}

impl CriticObservation {
    /// Reads `critic_observation`, which may be missing.
    ///
    /// Errors: [`TaskError::File`] with the line of the first mistake.
    pub(crate) fn new(
        file: &Text,
        task: &TaskFile,
        schema: &Schema,
        bindings: &[Binding],
        observation: &Observation,
    ) -> Result<Self, TaskError> {
        let mut places: Vec<usize> = Vec::new();
        for name in &task.critic_observation {
            let seen = numbers(file, schema, bindings, "critic_observation", name)?;
            let known = |places: &[usize]| places.contains(&seen.start);
            if known(&places) {
                let message = format!("`critic_observation` names `{}` twice", name.get_ref());
                return Err(file.at(name.span(), message));
            }
            if observation.is_exact() && known(&observation.places) {
                let message = format!(
                    "`critic_observation`: `{}` is in `observation`, which the critic sees anyway, and without noise or delay",
                    name.get_ref()
                );
                return Err(file.at(name.span(), message));
            }
            places.extend(seen);
        }
        Ok(Self { places })
    }

    /// How many numbers there are; 0 where the critic sees what the policy sees.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Writes what the critic sees of a row, `[P]`.
    pub(crate) fn write(&self, row: &[f64], out: &mut [f32]) {
        for (slot, place) in out.iter_mut().zip(&self.places) {
            *slot = row[*place] as f32;
        }
    }
}

/// Places of a variable's numbers in the row.
fn numbers(
    file: &Text,
    schema: &Schema,
    bindings: &[Binding],
    key: &str,
    name: &Spanned<String>,
) -> Result<std::ops::Range<usize>, TaskError> {
    let index = variable(file, schema, key, name.get_ref(), name.span())?;
    if schema.variables[index].dtype == DType::Str {
        let message = format!("`{key}`: `{}` is a text, which no network can see", name.get_ref());
        return Err(file.at(name.span(), message));
    }
    let binding = &bindings[index];
    Ok(binding.offset..binding.offset + binding.components)
}

/// Position of a variable in the schema.
fn variable(
    file: &Text,
    schema: &Schema,
    key: &str,
    name: &str,
    span: std::ops::Range<usize>,
) -> Result<usize, TaskError> {
    schema.index(name).ok_or_else(|| {
        let unknown = format!("`{key}`: env.toml declares no variable `{name}`");
        let names = schema.variables.iter().map(|variable| variable.name.as_str());
        match nearest(name, names) {
            Some(near) => file.at(span, format!("{unknown}; did you mean `{near}`?")),
            None => file.at(span, unknown),
        }
    })
}

fn noise_of(file: &Text, task: &TaskFile, name: &str, count: usize) -> Result<Vec<f64>, TaskError> {
    let Some(entry) = task.observation_noise.get(name) else {
        return Ok(vec![0.0; count]);
    };
    let error = |message: String| file.at(entry.span(), format!("`observation_noise.{name}`: {message}"));
    let half_widths = entry
        .get_ref()
        .expand(count)
        .map_err(|given| error(format!("{given} numbers are given, and the variable has {count}")))?;
    match half_widths.iter().find(|width| **width < 0.0) {
        None => Ok(half_widths),
        Some(width) => Err(error(format!(
            "{width} is below zero; write the half-width of a uniform distribution"
        ))),
    }
}

/// What one environment remembers in order to show things late and with noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObservationState {
    /// The last `delay + 1` observations, `[delay + 1, O]`; empty where the policy sees the row as it is.
    seen: Vec<f32>,
    /// Which of them is the newest.
    newest: usize,
    random: ChaCha8Rng,
}

impl ObservationState {
    /// Zeros, until an episode begins.
    pub(crate) fn new(observation: &Observation) -> Self {
        let moments = if observation.is_exact() {
            0
        } else {
            observation.delay + 1
        };
        Self {
            seen: vec![0.0; moments * observation.len()],
            newest: 0,
            random: stream(0, 0, Purpose::Observation, 0),
        }
    }

    /// An episode begins with this row, which is also what was there before.
    pub(crate) fn begin(&mut self, observation: &Observation, key: (u64, usize, u64), row: &[f64]) {
        if self.seen.is_empty() {
            return;
        }
        let (seed, env_index, episode) = key;
        self.random = stream(seed, env_index, Purpose::Observation, episode);
        self.newest = 0;
        self.sense(observation, row);
        let first = observation.len();
        for moment in 1..=observation.delay {
            self.seen.copy_within(..first, moment * first);
        }
    }

    /// A control step has led to this row.
    pub(crate) fn advance(&mut self, observation: &Observation, row: &[f64]) {
        if self.seen.is_empty() {
            return;
        }
        self.newest = (self.newest + 1) % (observation.delay + 1);
        self.sense(observation, row);
    }

    fn sense(&mut self, observation: &Observation, row: &[f64]) {
        let start = self.newest * observation.len();
        let slots = &mut self.seen[start..start + observation.len()];
        for (slot, place) in slots.iter_mut().zip(&observation.places) {
            *slot = row[*place] as f32;
        }
        for (slot, half_width) in slots.iter_mut().zip(&observation.noise) {
            if *half_width > 0.0 {
                *slot += (half_width * self.random.random_range(-1.0..=1.0)) as f32;
            }
        }
    }

    /// Writes what the policy sees now, `[O]`.
    pub(crate) fn write(&self, observation: &Observation, row: &[f64], out: &mut [f32]) {
        if self.seen.is_empty() {
            for (slot, place) in out.iter_mut().zip(&observation.places) {
                *slot = row[*place] as f32;
            }
            return;
        }
        let oldest = (self.newest + 1) % (observation.delay + 1);
        let start = oldest * observation.len();
        out.copy_from_slice(&self.seen[start..start + observation.len()]);
    }
}
