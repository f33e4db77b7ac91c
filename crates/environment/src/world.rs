//! One environment: a simulated world, where it stands in its episode, and the variables it shows.
//!
//! A world answers for itself: whatever is no physics (a divergence, an action or a variable that is no number) comes back
//! as the reason, and never as a number that someone might score. Steps allocate nothing.

use carrot_physics::{Physics, Push, Scene, Snapshot};
use carrot_reward_interface::{Stop, StopCause};
use serde::{Deserialize, Serialize};

use crate::Task;
use crate::binding::{Binding, Clock};
use crate::command::CommandState;
use crate::episode::{Episode, Tally};
use crate::observation::ObservationState;
use crate::random::{Purpose, stream};
use crate::randomization::RandomizationState;
use crate::setting::Setting;

/// One environment: its world, its place in the episode, and its variables.
pub(crate) struct World {
    env_index: usize,
    physics: Box<dyn Physics>,
    pub(crate) state: EpisodeState,
    /// All variables as they are now, in the order of the schema; those that nobody reads are zero.
    pub(crate) row: Vec<f64>,
    /// The variables at the end of the episode that the last step ended.
    ended_row: Vec<f64>,
    scratch: Vec<f64>,
    /// The model's own initial positions and velocities.
    initial: [Vec<f64>; 2],
    /// Those of the episode, or room for others.
    start: [Vec<f64>; 2],
    /// Positions and velocities at the end of the episode that the last step ended.
    ended: [Vec<f64>; 2],
    /// The same action in actuator units.
    scaled_control: Vec<f64>,
    /// Why the step just made is no physics.
    pub(crate) fault: Option<String>,
    /// It only tries out what might become of another world, of whose future it knows nothing: nobody is pushed, commands
    /// stay as they are, and nothing is observed.
    hypothetical: bool,
}

/// Where an environment stands in its episode, beside its physics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpisodeState {
    /// What the present episode's random streams come from: seed, environment, episode.
    key: (u64, usize, u64),
    /// Every action of it so far, `[steps, A]`; only where that is the way back from a file.
    played: Vec<f32>,
    /// Number of the next episode to begin.
    pub(crate) episode: u64,
    pub(crate) tally: Tally,
    /// The action just applied, in [-1, 1].
    control: Vec<f64>,
    previous_control: Vec<f64>,
    commands: CommandState,
    randomization: RandomizationState,
    observation: ObservationState,
}

/// One environment as it stands, in the middle of an episode too: restoring it repeats what follows bit for bit.
///
/// It may be written down in any format that keeps the bits of numbers; see [`VecEnv::resume`](crate::VecEnv::resume).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvSnapshot {
    physics: Snapshot,
    state: EpisodeState,
    row: Vec<f64>,
    /// What the task program and the reward remember of it.
    memories: [Vec<u8>; 2],
}

impl EnvSnapshot {
    /// Number of the episode, counted from 1.
    pub fn episode(&self) -> u64 {
        self.state.episode
    }

    /// Control steps since the episode began.
    pub fn steps(&self) -> usize {
        self.state.tally.steps
    }

    /// The simulated world.
    pub fn physics(&self) -> &Snapshot {
        &self.physics
    }

    /// How the task judges the episode if it ends here; its fault is always none.
    pub fn so_far(&self, task: &Task) -> Episode {
        let (how, dt) = (task.aggregates.0, task.control_dt_secs());
        self.state.tally.finish(0, how, task.horizon, dt)
    }

    /// What the task program and the reward remember.
    pub(crate) fn memories(&self) -> &[Vec<u8>; 2] {
        &self.memories
    }
}

impl World {
    pub(crate) fn new(task: &Task, env_index: usize) -> Self {
        let scratch = task.bindings.iter().map(Binding::scratch).max();
        let physics = task.model.world();
        let (qpos, qvel) = physics.state();
        Self {
            env_index,
            state: EpisodeState {
                key: (0, env_index, 0),
                played: Vec::new(),
                episode: 0,
                tally: Tally::new(),
                control: vec![0.0; task.action_size()],
                previous_control: vec![0.0; task.action_size()],
                commands: CommandState::new(&task.commands),
                randomization: RandomizationState::new(&task.randomization, task.action_size()),
                observation: ObservationState::new(&task.observed),
            },
            row: vec![0.0; task.row_size()],
            ended_row: vec![0.0; task.row_size()],
            scratch: vec![0.0; scratch.unwrap_or(0)],
            initial: [qpos.to_vec(), qvel.to_vec()],
            start: [qpos.to_vec(), qvel.to_vec()],
            ended: [qpos.to_vec(), qvel.to_vec()],
            scaled_control: vec![0.0; task.action_size()],
            fault: None,
            hypothetical: false,
            physics,
        }
    }

    /// Puts the world into an initial state of its next episode.
    pub(crate) fn begin_episode(&mut self, setting: &Setting) -> Result<(), Stop> {
        self.begin(setting, (setting.seed, self.env_index, self.state.episode))
    }

    /// Puts the world into the initial state that belongs to `key`: seed, environment and episode.
    fn begin(&mut self, setting: &Setting, key: (u64, usize, u64)) -> Result<(), Stop> {
        let task = &setting.task;
        let (seed, env_index, episode) = key;
        let (qpos, qvel) = self.physics.state();
        for (ended, values) in self.ended.iter_mut().zip([qpos, qvel]) {
            ended.copy_from_slice(values);
        }
        let physics = self.physics.as_mut();
        let rest = |actuator| task.actuation.in_actuator_units(actuator, 0.0);
        self.state.randomization.begin(&task.randomization, key, rest, physics);
        let mut random = stream(seed, env_index, Purpose::Reset, episode);
        let [qpos, qvel] = &mut self.start;
        qpos.copy_from_slice(&self.initial[0]);
        qvel.copy_from_slice(&self.initial[1]);
        task.initial_states.draw(&mut random, qpos, qvel);
        physics.begin(qpos, qvel);
        self.state.commands.begin(&task.commands, key, physics);
        self.state.control.fill(0.0);
        self.state.previous_control.fill(0.0);
        self.state.tally = Tally::new();
        self.state.key = key;
        self.state.played.clear();
        self.state.episode = episode + 1;
        std::mem::swap(&mut self.row, &mut self.ended_row);
        let shown = self.gather(setting, 0, true);
        self.state.observation.begin(&task.observed, key, &self.row);
        shown.map_err(|message| Stop {
            file: task.id.clone(),
            at: None,
            cause: StopCause::Diverged {
                message: format!("right after the reset of environment {env_index}, {message}"),
            },
        })
    }

    /// The same episodes as a fresh world, from the first on.
    pub(crate) fn begin_again(&mut self, setting: &Setting) -> Result<(), Stop> {
        self.state.episode = 0;
        self.begin_episode(setting)
    }

    /// Generalised positions and velocities.
    pub(crate) fn generalised(&self) -> (&[f64], &[f64]) {
        self.physics.state()
    }

    /// Where the mocap bodies are.
    pub(crate) fn mocap_positions(&self) -> &[[f64; 3]] {
        self.physics.mocap_positions()
    }

    /// Pushes a body from outside until the episode ends.
    pub(crate) fn push(&mut self, push: Option<Push>) {
        self.physics.push(push);
    }

    /// What a picture shows.
    pub(crate) fn scene(&self) -> Scene {
        self.physics.scene()
    }

    /// What the last step sent to the actuators.
    pub(crate) fn ctrl(&self) -> &[f64] {
        &self.scaled_control
    }

    /// Generalised positions and velocities at the end of the episode before this one.
    pub(crate) fn ended(&self) -> &[Vec<f64>; 2] {
        &self.ended
    }

    /// The variables at the end of the episode before this one.
    pub(crate) fn ended_row(&self) -> &[f64] {
        &self.ended_row
    }

    /// One control step with `action` (`[A]`); `fault` then says why its result is no physics, if it is none.
    pub(crate) fn advance(&mut self, setting: &Setting, action: &[f32]) {
        self.fault = self.try_advance(setting, action).err();
    }

    fn try_advance(&mut self, setting: &Setting, action: &[f32]) -> Result<(), String> {
        let task = &setting.task;
        let state = &mut self.state;
        // The tally does not count this step yet.
        let steps = state.tally.steps + 1;
        std::mem::swap(&mut state.previous_control, &mut state.control);
        if !task.model.engine().restores_from_numbers() && !self.hypothetical {
            state.played.extend_from_slice(action);
        }
        for (index, &value) in action.iter().enumerate() {
            if !value.is_finite() {
                return Err(format!("action {index} is {value}"));
            }
            state.control[index] = f64::from(value.clamp(-1.0, 1.0));
            self.scaled_control[index] = task.actuation.in_actuator_units(index, state.control[index]);
        }
        state.randomization.delay(&task.randomization, &mut self.scaled_control);
        let physics = self.physics.as_mut();
        let room = self.start.each_mut().map(Vec::as_mut_slice);
        state.randomization.push(&task.randomization, steps - 1, physics, room);
        physics
            .step(&self.scaled_control, task.substeps)
            .map_err(|divergence| divergence.to_string())?;
        if !self.hypothetical {
            state.commands.advance(&task.commands, steps, physics);
        }
        self.gather(setting, steps, false)?;
        if !self.hypothetical {
            self.state.observation.advance(&task.observed, &self.row);
        }
        Ok(())
    }

    /// Reads the variables in use after `steps` control steps. Errors: the first one that is not finite.
    fn gather(&mut self, setting: &Setting, steps: usize, is_first: bool) -> Result<(), String> {
        let task = &setting.task;
        let clock = Clock {
            control: &self.state.control,
            previous_control: &self.state.previous_control,
            steps,
            control_dt_secs: task.control_dt_secs(),
            commands: self.state.commands.values(),
        };
        let row = &mut self.row[..];
        for &index in &setting.previous {
            let binding = &task.bindings[index];
            if is_first {
                row[binding.offset..binding.offset + binding.components].fill(0.0);
            } else {
                binding.copy(row);
            }
        }
        for &index in &setting.read {
            let binding = &task.bindings[index];
            binding.read(self.physics.as_ref(), &clock, &mut self.scratch, row);
        }
        setting.complete(row)?;
        if is_first && !setting.previous.is_empty() {
            // The first value has no predecessor but itself; a chain takes it from link to link.
            for &index in setting.previous.iter().rev() {
                let binding = &task.bindings[index];
                binding.copy(row);
            }
            setting.complete(row)?;
        }
        // Programs and policies compute in f32, so a number that overflows there is as bad as an infinite one.
        let bad = |value: f64| value.is_nan() | (value.abs() > f64::from(f32::MAX));
        // Without an early exit, so that it is a vector loop.
        if !self.row.iter().fold(false, |any, &value| any | bad(value)) {
            return Ok(());
        }
        let place = self.row.iter().position(|&value| bad(value)).unwrap_or(0);
        let owner = task.bindings.iter().rposition(|binding| binding.offset <= place);
        let name = &task.schema.variables[owner.unwrap_or(0)].name;
        Err(format!("variable `{name}` is {}", self.row[place]))
    }

    /// Writes the observation, `[O]`.
    pub(crate) fn observe(&self, task: &Task, out: &mut [f32]) {
        self.state.observation.write(&task.observed, &self.row, out);
    }

    /// Writes what the critic sees beside the observation, `[P]`.
    pub(crate) fn observe_for_critic(&self, task: &Task, out: &mut [f32]) {
        task.critic_observed.write(&self.row, out);
    }

    /// `memories`: what the task program and the reward remember.
    pub(crate) fn snapshot(&self, memories: [Vec<u8>; 2]) -> EnvSnapshot {
        EnvSnapshot {
            physics: self.physics.snapshot(),
            state: self.state.clone(),
            row: self.row.clone(),
            memories,
        }
    }

    /// Puts back a snapshot that may come from a file.
    ///
    /// Errors: one sentence, where the present episode is played again and leads elsewhere. Panics when the snapshot is of
    /// another task.
    pub(crate) fn resume(&mut self, setting: &Setting, snapshot: &EnvSnapshot) -> Result<(), String> {
        if setting.task.model.engine().restores_from_numbers() {
            self.restore(setting, snapshot);
            return Ok(());
        }
        let EpisodeState { key, played, tally, .. } = &snapshot.state;
        self.begin(setting, *key).map_err(|stop| stop.to_string())?;
        for (step, action) in played.chunks_exact(setting.task.action_size()).enumerate() {
            self.state.tally.steps = step;
            self.try_advance(setting, action)?;
        }
        if self.state.played.len() != tally.steps * setting.task.action_size()
            || self.physics.snapshot() != snapshot.physics
        {
            return Err("playing the episode again leads elsewhere than it did when it was saved".into());
        }
        self.state.clone_from(&snapshot.state);
        self.row.copy_from_slice(&snapshot.row);
        self.fault = None;
        Ok(())
    }

    /// Panics when the snapshot is of another task.
    pub(crate) fn restore(&mut self, setting: &Setting, snapshot: &EnvSnapshot) {
        let randomization = &setting.task.randomization;
        snapshot.state.randomization.apply(randomization, self.physics.as_mut());
        self.physics.restore(&snapshot.physics);
        self.state.clone_from(&snapshot.state);
        self.row.copy_from_slice(&snapshot.row);
        self.fault = None;
    }

    /// Stands where a snapshot does, to try actions out. The random numbers that the snapshot's own future will draw have no
    /// effect here.
    ///
    /// Panics when the snapshot is of another task.
    pub(crate) fn branch_off(&mut self, setting: &Setting, snapshot: &EnvSnapshot) {
        let drawn = &snapshot.state.randomization;
        if !self.state.randomization.is_of_same_world(drawn) {
            drawn.apply(&setting.task.randomization, self.physics.as_mut());
        }
        self.physics.restore(&snapshot.physics);
        self.state.clone_from(&snapshot.state);
        self.state.played.clear();
        self.state.randomization.expect_no_push();
        self.row.copy_from_slice(&snapshot.row);
        self.fault = None;
        self.hypothetical = true;
    }
}
