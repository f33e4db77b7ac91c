//! What of the world differs from one episode to the next, so that a policy does not learn one world by heart.

use carrot_physics::{Factors, JointKind, Model, Physics, VariedParts};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::TaskError;
use crate::random::{Purpose, stream};
use crate::randomize_file::{PushEntry, RandomizeEntry};
use crate::reset::{first, ordered};
use crate::text::Text;

/// The distributions of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Randomization {
    /// Which parts of the model vary; none where no property does.
    parts: Option<VariedParts>,
    /// From where to where the factors of mass, friction, gain and damping are drawn.
    factors: [[f64; 2]; 4],
    /// Control steps by which actions arrive late, both ends included.
    latency: [usize; 2],
    push: Option<Push>,
}

/// A sudden change of velocity, now and then.
#[derive(Debug, Clone, PartialEq)]
struct Push {
    /// Control steps from one push to the next, both ends included.
    every_steps: [usize; 2],
    /// The velocities that change.
    qvel: std::ops::Range<usize>,
    /// By how much at most, either way.
    velocity: f64,
}

/// Longest latency; it bounds what each environment remembers.
const LONGEST_LATENCY: usize = 1_000;

impl Randomization {
    /// Reads `[randomize]`, in which a task replaces single keys.
    ///
    /// Errors: [`TaskError::File`] with the line of what does not fit the model, or of what its engine cannot vary.
    pub(crate) fn new(
        files: [(&Text, &RandomizeEntry); 2],
        model: &Model,
        control_dt_secs: f64,
    ) -> Result<Self, TaskError> {
        let mut factors = [[1.0; 2]; 4];
        let mut bodies = None;
        let mut geoms = None;
        let mut places = Vec::new();
        if let Some((file, mass)) = first(files, |entry| entry.mass.as_ref()) {
            factors[0] = scale(file, "randomize.mass", mass, mass.get_ref().scale)?;
            bodies = mass.get_ref().bodies.clone();
            places.push((file, "randomize.mass", mass.span()));
        }
        if let Some((file, friction)) = first(files, |entry| entry.friction.as_ref()) {
            factors[1] = scale(file, "randomize.friction", friction, friction.get_ref().scale)?;
            geoms = friction.get_ref().geoms.clone();
            places.push((file, "randomize.friction", friction.span()));
        }
        if let Some((file, gain)) = first(files, |entry| entry.gain.as_ref()) {
            factors[2] = scale(file, "randomize.gain", gain, gain.get_ref().scale)?;
            places.push((file, "randomize.gain", gain.span()));
        }
        if let Some((file, damping)) = first(files, |entry| entry.damping.as_ref()) {
            factors[3] = scale(file, "randomize.damping", damping, damping.get_ref().scale)?;
            places.push((file, "randomize.damping", damping.span()));
        }
        let mut parts = None;
        if let Some((file, key, span)) = places.first() {
            let found = model.varied_parts(bodies.as_deref(), geoms.as_deref(), factors[2] != [1.0; 2]);
            parts = Some(found.map_err(|cause| {
                // The name stands in the entry that lists it.
                let wanted = match &cause {
                    carrot_physics::PhysicsError::Unknown { kind: "geom", .. } => "randomize.friction",
                    carrot_physics::PhysicsError::Unknown { .. } => "randomize.mass",
                    _ => key,
                };
                let place = places.iter().find(|(_, key, _)| *key == wanted);
                let (file, key, span) = place.unwrap_or(&(*file, *key, span.clone())).clone();
                file.at(span, format!("`{key}`: {cause}"))
            })?);
        }
        let mut latency = [0; 2];
        if let Some((file, entry)) = first(files, |entry| entry.latency.as_ref()) {
            latency = entry.get_ref().steps;
            if latency[0] > latency[1] || latency[1] > LONGEST_LATENCY {
                let message = format!(
                    "`randomize.latency.steps` is {latency:?}; write from how many to how many control steps, at most \
                     {LONGEST_LATENCY}"
                );
                return Err(file.at(entry.span(), message));
            }
        }
        let push = match first(files, |entry| entry.push.as_ref()) {
            None => None,
            Some((file, entry)) => Some(Push::new(file, entry, model, control_dt_secs)?),
        };
        Ok(Self {
            parts,
            factors,
            latency,
            push,
        })
    }

    /// Draws the factors of an episode, where any are to be drawn.
    fn draw(&self, random: &mut impl Rng) -> Factors {
        let [mass, friction, gain, damping] = self
            .factors
            .map(|[low, high]| low + (high - low) * random.random_range(0.0..=1.0));
        Factors {
            mass,
            friction,
            gain,
            damping,
        }
    }
}

fn scale<T>(file: &Text, key: &str, entry: &Spanned<T>, scale: [f64; 2]) -> Result<[f64; 2], TaskError> {
    let scale = ordered(file, &format!("{key}.scale"), &Spanned::new(entry.span(), scale))?;
    if scale[0] <= 0.0 {
        let message = format!("`{key}.scale` begins at {}; factors must be above zero", scale[0]);
        return Err(file.at(entry.span(), message));
    }
    Ok(scale)
}

impl Push {
    fn new(file: &Text, entry: &Spanned<PushEntry>, model: &Model, control_dt_secs: f64) -> Result<Self, TaskError> {
        let error = |message: String| file.at(entry.span(), format!("`randomize.push`: {message}"));
        let push = entry.get_ref();
        let [low, high] = push.every_secs;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(error(format!(
                "`every_secs` is [{low}, {high}]; write the shortest and the longest time between two pushes"
            )));
        }
        if !(push.velocity.is_finite() && push.velocity >= 0.0) {
            return Err(error(format!("`velocity` is {}; write a speed in m/s", push.velocity)));
        }
        let joint = model.joint(&push.joint).map_err(|cause| error(cause.to_string()))?;
        if !matches!(joint.kind, JointKind::Free | JointKind::Slide) {
            return Err(error(format!(
                "joint `{}` only turns; push a free joint or a slide",
                push.joint
            )));
        }
        let steps = |secs: f64| ((secs / control_dt_secs).round() as usize).max(1);
        Ok(Self {
            every_steps: [steps(low), steps(high)],
            // The linear part of a free joint comes first.
            qvel: joint.qvel.start..joint.qvel.end.min(joint.qvel.start + 3),
            velocity: push.velocity,
        })
    }
}

/// What is drawn for the present episode of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RandomizationState {
    /// Present only where some property of the model varies.
    factors: Option<Factors>,
    /// Control steps by which actions arrive late.
    latency: usize,
    /// The last controls that were sent, in actuator units, `[longest latency + 1, nu]`.
    sent: Vec<f64>,
    /// Where the newest of them stands.
    newest: usize,
    /// Number of the control step before which the next push comes.
    next_push: usize,
    random: ChaCha8Rng,
}

impl RandomizationState {
    /// Nothing drawn yet.
    pub(crate) fn new(randomization: &Randomization, actuators: usize) -> Self {
        let longest = randomization.latency[1];
        Self {
            factors: None,
            latency: 0,
            sent: vec![0.0; if longest == 0 { 0 } else { (longest + 1) * actuators }],
            newest: 0,
            next_push: usize::MAX,
            random: stream(0, 0, Purpose::Randomization, 0),
        }
    }

    /// Draws the world of a new episode, and makes `world` that one. `rest` are the controls of
    /// action 0, which arrive until the first action does.
    pub(crate) fn begin(
        &mut self,
        randomization: &Randomization,
        key: (u64, usize, u64),
        rest: impl Fn(usize) -> f64,
        world: &mut dyn Physics,
    ) {
        let (seed, env_index, episode) = key;
        self.random = stream(seed, env_index, Purpose::Randomization, episode);
        if let Some(parts) = &randomization.parts {
            let factors = randomization.draw(&mut self.random);
            self.factors = Some(factors);
            world.vary(parts, &factors);
        }
        let [least, most] = randomization.latency;
        if most > 0 {
            self.latency = self.random.random_range(least..=most);
            self.newest = 0;
            let actuators = self.sent.len() / (most + 1);
            for (place, slot) in self.sent.iter_mut().enumerate() {
                *slot = rest(place % actuators);
            }
        }
        self.next_push = randomization
            .push
            .as_ref()
            .map_or(usize::MAX, |push| push.wait(&mut self.random));
    }

    /// Pushes, if it is time before control step `step` (counted from 0). `qpos` and `qvel` are room to work in.
    pub(crate) fn push(
        &mut self,
        randomization: &Randomization,
        step: usize,
        world: &mut dyn Physics,
        [qpos, qvel]: [&mut [f64]; 2],
    ) {
        let Some(push) = randomization.push.as_ref().filter(|_| step == self.next_push) else {
            return;
        };
        self.next_push = step.saturating_add(push.wait(&mut self.random));
        let (now_qpos, now_qvel) = world.state();
        qpos.copy_from_slice(now_qpos);
        qvel.copy_from_slice(now_qvel);
        for velocity in &mut qvel[push.qvel.clone()] {
            *velocity += push.velocity * self.random.random_range(-1.0..=1.0);
        }
        world.set_state(qpos, qvel);
    }

    /// Sends controls, and replaces them by those that arrive now.
    pub(crate) fn delay(&mut self, randomization: &Randomization, controls: &mut [f64]) {
        if self.sent.is_empty() {
            return;
        }
        let moments = randomization.latency[1] + 1;
        self.newest = (self.newest + 1) % moments;
        let place = |moment: usize| moment * controls.len()..(moment + 1) * controls.len();
        self.sent[place(self.newest)].copy_from_slice(controls);
        let arriving = (self.newest + moments - self.latency) % moments;
        let arriving = place(arriving);
        controls.copy_from_slice(&self.sent[arriving]);
    }

    /// Whether two states were drawn for the same world.
    pub(crate) fn is_of_same_world(&self, other: &Self) -> bool {
        self.factors == other.factors
    }

    /// Nobody pushes until the episode ends.
    pub(crate) fn expect_no_push(&mut self) {
        self.next_push = usize::MAX;
    }

    /// Makes `world` the one that this state was drawn for, before a snapshot is put back into it.
    pub(crate) fn apply(&self, randomization: &Randomization, world: &mut dyn Physics) {
        if let (Some(parts), Some(factors)) = (&randomization.parts, &self.factors) {
            world.vary(parts, factors);
        }
    }
}

impl Push {
    fn wait(&self, random: &mut impl Rng) -> usize {
        random.random_range(self.every_steps[0]..=self.every_steps[1])
    }
}
