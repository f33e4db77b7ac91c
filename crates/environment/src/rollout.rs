//! What a simulation did under given controls, moment by moment, for comparison with anything else.
//!
//! A rollout of a model is open loop and bare: the model's own start, the controls as they are, nothing reset. One of a task
//! is what a policy would have lived through: actions are scaled, episodes end and begin as the task says. Both have one row
//! for each moment, the first before anything was done.

use std::ops::ControlFlow;

use carrot_physics::{Physics, PhysicsError, Quantity};
use carrot_reward_interface::{Schema, Stop};

use crate::{Inferred, InferredVariable, VecEnv};

/// A recorded rollout. Every array has one row for each moment, of which row 0 is the start and row `t` comes after `t` actions.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Every variable that has numbers.
    pub columns: Vec<Column>,
    /// Simulated time since the start or the last reset, `[rows]`.
    pub time_secs: Vec<f64>,
    /// Generalised positions, `[rows, nq]`; in the last row of an episode those before the reset.
    pub qpos: Vec<f64>,
    /// Generalised velocities, `[rows, nv]`, likewise.
    pub qvel: Vec<f64>,
    /// Where each episode began; a model has one.
    pub starts: Vec<Start>,
    /// Rows in which the task ended the episode.
    pub terminated: Vec<usize>,
    /// Rows in which only the clock ended the episode.
    pub truncated: Vec<usize>,
    /// Why the action after the last row led to no physics.
    pub fault: Option<String>,
    /// Somebody asked to stop before all actions were played.
    pub interrupted: bool,
}

/// The numbers of one variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its shape in one row.
    pub shape: Vec<usize>,
    /// It is the same in all rows and stands here once.
    pub uniform: bool,
    /// `[rows, …]`, or one row where it is uniform.
    pub values: Vec<f64>,
}

/// The beginning of an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The action with this number is its first.
    pub row: usize,
    /// Generalised positions.
    pub qpos: Vec<f64>,
    /// Generalised velocities.
    pub qvel: Vec<f64>,
}

impl Rollout {
    /// How many moments there are.
    pub fn rows(&self) -> usize {
        self.time_secs.len()
    }

    fn begin(columns: Vec<Column>) -> Self {
        Self {
            columns,
            time_secs: Vec::new(),
            qpos: Vec::new(),
            qvel: Vec::new(),
            starts: Vec::new(),
            terminated: Vec::new(),
            truncated: Vec::new(),
            fault: None,
            interrupted: false,
        }
    }

    /// Plays a model from its initial state, or from `start` where given, for `steps` control steps of `substeps` physics
    /// steps each. `controls` is `[steps, nu]`, in actuator units. `observer` hears of each step, and may break off.
    ///
    /// The trajectory is that of a bare `mj_step` loop, bit for bit, where MuJoCo is the engine.
    ///
    /// Errors: [`PhysicsError::Unknown`] when a variable is not the model's.
    ///
    /// # Panics
    /// If a length is wrong.
    pub fn of_model(
        inferred: &Inferred,
        [qpos, qvel]: [Option<&[f64]>; 2],
        controls: &[f64],
        (steps, substeps): (usize, usize),
        observer: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, PhysicsError> {
        let mut world = inferred.model.world();
        if qpos.is_some() || qvel.is_some() {
            let (own_qpos, own_qvel) = world.state();
            let start = [qpos.unwrap_or(own_qpos).to_vec(), qvel.unwrap_or(own_qvel).to_vec()];
            world.set_state(&start[0], &start[1]);
        }
        let mut recorder = Recorder::new(inferred, substeps)?;
        let mut rollout = Self::begin(inferred.variables.iter().map(column).collect());
        rollout.starts.push(start(0, world.state()));
        recorder.record(&*world, &mut rollout);
        let actuators = recorder.ranges.len();
        assert_eq!(controls.len(), steps * actuators, "controls are [steps, nu]");
        for step in 0..steps {
            let ctrl = &controls[step * actuators..(step + 1) * actuators];
            if let Err(divergence) = world.step(ctrl, substeps) {
                rollout.fault = Some(divergence.to_string());
                break;
            }
            recorder.take(ctrl);
            recorder.record(&*world, &mut rollout);
            if observer(step + 1).is_break() {
                rollout.interrupted = step + 1 < steps;
                break;
            }
        }
        Ok(rollout)
    }

    /// Plays a task's one environment, which keeps all variables up to date, with `actions` (`[steps, A]`, clamped to [-1, 1]).
    /// `observer` hears of each step, and may break off.
    ///
    /// Errors: a [`Stop`] of the task's own program.
    pub fn of_task(
        env: &mut VecEnv,
        actions: &[f32],
        observer: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, Stop> {
        let schema = env.task().schema.clone();
        let with_numbers = |schema: &Schema| -> Vec<usize> {
            (0..schema.variables.len())
                .filter(|&index| schema.variables[index].components() > 0)
                .collect()
        };
        let recorded = with_numbers(&schema);
        let columns = recorded.iter().map(|&index| Column {
            name: schema.variables[index].name.clone(),
            shape: schema.variables[index].array_shape(),
            uniform: schema.variables[index].uniform,
            values: Vec::new(),
        });
        let mut rollout = Self::begin(columns.collect());
        let mut steps_of_episode = 0;
        let record = |env: &VecEnv, rollout: &mut Self, steps_of_episode: usize| {
            let batch = env.variables();
            for (column, &index) in rollout.columns.iter_mut().zip(&recorded) {
                if !column.uniform || column.values.is_empty() {
                    column.values.extend(&batch.columns[index]);
                }
            }
            let [qpos, qvel] = env.final_state(0);
            rollout.qpos.extend(qpos);
            rollout.qvel.extend(qvel);
            rollout
                .time_secs
                .push(steps_of_episode as f64 * env.task().control_dt_secs());
        };
        let beginning = |env: &VecEnv, row| Start {
            row,
            qpos: env.qpos(0),
            qvel: env.qvel(0),
        };
        rollout.starts.push(beginning(env, 0));
        record(env, &mut rollout, 0);
        let steps = actions.len() / env.action_size();
        for (step, action) in actions.chunks_exact(env.action_size()).enumerate() {
            let data = env.step(action)?;
            if data.faulted[0] {
                rollout.fault = data.episodes.iter().find_map(|episode| episode.fault.clone());
                break;
            }
            let (terminated, truncated) = (data.terminated[0], data.truncated[0]);
            steps_of_episode += 1;
            record(env, &mut rollout, steps_of_episode);
            if terminated || truncated {
                steps_of_episode = 0;
                rollout.starts.push(beginning(env, step + 1));
                if terminated {
                    &mut rollout.terminated
                } else {
                    &mut rollout.truncated
                }
                .push(step + 1);
            }
            if observer(step + 1).is_break() {
                rollout.interrupted = step + 1 < steps;
                break;
            }
        }
        Ok(rollout)
    }
}

fn start(row: usize, (qpos, qvel): (&[f64], &[f64])) -> Start {
    Start {
        row,
        qpos: qpos.to_vec(),
        qvel: qvel.to_vec(),
    }
}

fn column(variable: &InferredVariable) -> Column {
    Column {
        name: variable.name.clone(),
        shape: variable.shape.clone(),
        uniform: variable.is_uniform(),
        values: Vec::new(),
    }
}

/// Reads the variables of an inferred environment.
struct Recorder {
    readers: Vec<Reader>,
    /// Lower and upper bound of each actuator.
    ranges: Vec<[f64; 2]>,
    control: Vec<f64>,
    previous_control: Vec<f64>,
    control_dt_secs: f64,
    scratch: Vec<f64>,
}

enum Reader {
    Time,
    ControlDt,
    Control,
    PreviousControl,
    Model(Quantity, Option<usize>),
}

impl Recorder {
    fn new(inferred: &Inferred, substeps: usize) -> Result<Self, PhysicsError> {
        let reader = |variable: &InferredVariable| {
            Ok(match (variable.quantity(&inferred.model), variable.source.as_str()) {
                (Some(quantity), _) => Reader::Model(quantity?, variable.component),
                (None, Some("control_dt")) => Reader::ControlDt,
                (None, Some("control")) => Reader::Control,
                (None, Some("previous_control")) => Reader::PreviousControl,
                (None, _) => Reader::Time,
            })
        };
        let readers: Vec<Reader> = inferred
            .variables
            .iter()
            .map(reader)
            .collect::<Result<_, PhysicsError>>()?;
        let size = |reader: &Reader| match reader {
            Reader::Model(quantity, _) => quantity.components,
            _ => 0,
        };
        let ranges = inferred.model.control_ranges();
        Ok(Self {
            scratch: vec![0.0; readers.iter().map(size).max().unwrap_or(0)],
            control: vec![0.0; ranges.len()],
            previous_control: vec![0.0; ranges.len()],
            control_dt_secs: inferred.model.timestep_secs() * substeps as f64,
            readers,
            ranges,
        })
    }

    /// Remembers a control that was applied, as the action that a policy would have given.
    fn take(&mut self, ctrl: &[f64]) {
        std::mem::swap(&mut self.previous_control, &mut self.control);
        for ((action, value), [low, high]) in self.control.iter_mut().zip(ctrl).zip(&self.ranges) {
            *action = if low.is_finite() && high.is_finite() && low < high {
                (2.0 * (value - low) / (high - low) - 1.0).clamp(-1.0, 1.0)
            } else {
                *value
            };
        }
    }

    fn record(&mut self, world: &dyn Physics, rollout: &mut Rollout) {
        for (reader, column) in self.readers.iter().zip(&mut rollout.columns) {
            if column.uniform && !column.values.is_empty() {
                continue;
            }
            match reader {
                Reader::Time => column.values.push(world.time_secs()),
                Reader::ControlDt => column.values.push(self.control_dt_secs),
                Reader::Control => column.values.extend(&self.control),
                Reader::PreviousControl => column.values.extend(&self.previous_control),
                Reader::Model(quantity, component) => {
                    let values = &mut self.scratch[..quantity.components];
                    world.read(quantity, values);
                    match component {
                        Some(component) => column.values.push(values[*component]),
                        None => column.values.extend(&*values),
                    }
                }
            }
        }
        let (qpos, qvel) = world.state();
        rollout.qpos.extend(qpos);
        rollout.qvel.extend(qvel);
        rollout.time_secs.push(world.time_secs());
    }
}
