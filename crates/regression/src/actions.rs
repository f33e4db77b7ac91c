//! What the robots do in a rollout: a policy, a file of actions, or a built-in course.

use std::path::Path;

use carrot_environment::Task;
use carrot_optimizer::Policy;
use carrot_reward_interface::schema::hex;
use npyz::npz::NpzArchive;
use sha2::{Digest as _, Sha256};

use crate::excitation::Moment;
use crate::{ActionPlan, Excitation, Plan, RegressionError};

/// Name of the array in a file of actions.
const ARRAY: &str = "actions";

/// Actions, ready to be asked for.
pub struct Actions {
    course: Course,
    /// SHA-256 of the file, as hex; empty for a built-in course.
    pub hash: String,
    /// What they are, as the golden says it: paths by their file name only.
    pub description: String,
}

enum Course {
    Policy(Box<Policy>),
    /// `[T, N, A]`, or `[T, 1, A]` for every environment alike.
    Table {
        values: Vec<f32>,
        alike: bool,
    },
    Excitation(Excitation),
}

impl Actions {
    /// Reads the actions of a plan.
    ///
    /// Errors: a file that is missing, or does not fit the task, the steps or the environments.
    pub fn load(plan: &Plan, task: &Task) -> Result<Self, RegressionError> {
        let asked = |message: String| plan.asked(message);
        match &plan.actions {
            ActionPlan::Excitation(excitation) => Ok(Self {
                course: Course::Excitation(*excitation),
                hash: String::new(),
                description: excitation.describe(),
            }),
            ActionPlan::Policy(path) => {
                let bytes = read(path).map_err(&asked)?;
                let broken = |error| RegressionError::Broken(format!("{}: {error}", path.display()));
                let (policy, _) = Policy::from_bytes(&bytes).map_err(broken)?;
                let (has, needs) = (
                    (policy.observation_size(), policy.action_size()),
                    (task.observation_size(), task.action_size()),
                );
                if has != needs {
                    return Err(asked(format!(
                        "{}: the policy takes {} numbers and gives {}, but {} shows {} and takes {}; train it again for this \
                         version of the task",
                        path.display(),
                        has.0,
                        has.1,
                        task.id,
                        needs.0,
                        needs.1
                    )));
                }
                Ok(Self {
                    course: Course::Policy(Box::new(policy)),
                    hash: hex(&Sha256::digest(&bytes)),
                    description: format!("policy {}", file_name(path)),
                })
            }
            ActionPlan::File(path) => {
                let bytes = read(path).map_err(&asked)?;
                let (values, alike) = table(&bytes, plan, task.action_size())
                    .map_err(|message| asked(format!("{}: {message}", path.display())))?;
                Ok(Self {
                    course: Course::Table { values, alike },
                    hash: hex(&Sha256::digest(&bytes)),
                    description: format!("actions {}", file_name(path)),
                })
            }
        }
    }

    /// The actions `[N, A]` of one step, from the observations `[N, O]` before it.
    pub(crate) fn act(&self, at: &Moment, observations: &[f32], actions: &mut [f32]) {
        match &self.course {
            Course::Policy(policy) => policy.act(observations, actions),
            Course::Excitation(excitation) => excitation.act(at, actions),
            Course::Table { values, alike } => {
                let row = if *alike { at.action_size } else { actions.len() };
                let values = &values[at.step * row..][..row];
                actions
                    .chunks_exact_mut(row)
                    .for_each(|slot| slot.copy_from_slice(values));
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{}: there is no such file", path.display()),
        _ => format!("{}: cannot be read: {error}", path.display()),
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads the array, and says whether it is the same for every environment.
fn table(bytes: &[u8], plan: &Plan, action_size: usize) -> Result<(Vec<f32>, bool), String> {
    let no_archive = |error: std::io::Error| format!("not a NumPy archive: {error}");
    let mut archive = NpzArchive::new(std::io::Cursor::new(bytes)).map_err(no_archive)?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let file = archive.by_name(ARRAY).map_err(no_archive)?;
    let file = file.ok_or_else(|| format!("there is no array `{ARRAY}`; the archive holds {}", names.join(", ")))?;
    let shape: Vec<u64> = file.shape().to_vec();
    let expected = [plan.envs as u64, action_size as u64];
    let alike = shape.len() == 2;
    let fits = match shape.as_slice() {
        [_, actions] => *actions == expected[1],
        [_, envs, actions] => [*envs, *actions] == expected,
        _ => false,
    };
    if !fits || shape[0] < plan.steps as u64 {
        return Err(format!(
            "array `{ARRAY}` has shape {shape:?}; it should be [T, {action_size}] or [T, {}, {action_size}] with at least {} steps",
            plan.envs, plan.steps
        ));
    }
    if shape[0] > 1 << 24 {
        return Err(format!("array `{ARRAY}` has {} steps; that is too many", shape[0]));
    }
    if file.order() != npyz::Order::C {
        return Err(format!(
            "array `{ARRAY}` is in Fortran order; save numpy.ascontiguousarray(…)"
        ));
    }
    let dtype = file.dtype().descr();
    let broken = |error: std::io::Error| format!("array `{ARRAY}`: {error}");
    let values = match dtype.trim_matches('\'') {
        "<f4" => file.into_vec::<f32>().map_err(broken)?,
        "<f8" => file
            .into_vec::<f64>()
            .map_err(broken)?
            .into_iter()
            .map(|value| value as f32)
            .collect(),
        _ => {
            return Err(format!(
                "array `{ARRAY}` has dtype {dtype}; allowed are float32 and float64"
            ));
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok((values, alike)),
        Some(place) => {
            let step = place / (values.len() / shape[0] as usize);
            Err(format!("array `{ARRAY}` holds {} at step {step}", values[place]))
        }
    }
}
