//! `carrot envs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use carrot_environment::{ENV_SCHEMA, Engine, TASK_SCHEMA, Task, task_ids};
use carrot_reward_interface::Variable;
use serde_json::json;

use crate::arguments::{Envs, EnvsCommand, SchemaOf};
use crate::files;
use crate::output::{Answer, Failure};

/// Environments, tasks and variables.
pub fn run(options: &Envs, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    match (&options.command, &options.model) {
        (Some(EnvsCommand::Init(init)), _) => super::envs_init::run(init, envs),
        (Some(EnvsCommand::Schema { file }), _) => schema(*file),
        (None, Some(model)) => inferred(model),
        (None, None) => listed(options, &envs()?),
    }
}

/// The schema of a file, for editors.
fn schema(file: SchemaOf) -> Result<Answer, Failure> {
    let text = match file {
        SchemaOf::Env => ENV_SCHEMA,
        SchemaOf::Task => TASK_SCHEMA,
    };
    Ok(Answer::new(serde_json::from_str(text)?, text.trim_end().to_owned()))
}

/// What is inferred from a user's own model.
fn inferred(path: &Path) -> Result<Answer, Failure> {
    let inferred = files::inferred(path, Engine::Mujoco)?;
    let variables = inferred.schema().map_err(files::refused)?.variables;
    let (dt, actions) = (inferred.control_dt_secs(), inferred.action_size());
    let json = json!({
        "name": inferred.name, "model": path, "tasks": [], "control_dt_secs": dt, "action_size": actions,
        "observation": inferred.observation, "variables": variables.iter().map(variable_json).collect::<Vec<_>>(),
    });
    let text = format!(
        "{}, inferred from {}\n  steps of {} s; action [{actions}]; a policy sees {}\n{}\n`carrot envs init {}` writes this as files to start a task from.\n",
        inferred.name,
        path.display(),
        (dt * 1e6).round() / 1e6,
        inferred.observation.join(", "),
        variable_lines(&variables),
        path.display(),
    );
    Ok(Answer::new(json!({ "environments": [json] }), text))
}

fn listed(options: &Envs, dir: &Path) -> Result<Answer, Failure> {
    let ids = task_ids(dir)?;
    let wanted = |id: &&String| match &options.name {
        Some(name) => *id == name || id.split('/').next() == Some(name),
        None => true,
    };
    let mut environments: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    for id in ids.iter().filter(wanted) {
        let task = files::task(dir, id, Engine::Mujoco)?;
        environments
            .entry(id.split('/').next().unwrap_or(id).to_owned())
            .or_default()
            .push(task);
    }
    if environments.is_empty() {
        let message = match &options.name {
            Some(name) => format!(
                "there is no environment or task `{name}` in {}; there are {}",
                dir.display(),
                ids.join(", ")
            ),
            None => format!("{} holds no tasks", dir.display()),
        };
        return Err(Failure::Usage(message));
    }
    let detailed = options.name.is_some();
    let text = environments
        .iter()
        .map(|(name, tasks)| describe(name, tasks, detailed))
        .collect::<Vec<_>>()
        .join("\n");
    let environments: Vec<_> = environments
        .iter()
        .map(|(name, tasks)| {
            let variables: Vec<_> = tasks[0].schema.variables.iter().map(variable_json).collect();
            json!({ "name": name, "tasks": tasks.iter().map(task_json).collect::<Vec<_>>(), "variables": variables })
        })
        .collect();
    Ok(Answer::new(json!({ "environments": environments }), text))
}

fn task_json(task: &Task) -> serde_json::Value {
    json!({
        "name": task.id.split('/').next_back(),
        "id": task.id,
        "instruction": task.instruction,
        "version": task.version,
        "environment_version": task.env_version,
        "engines": task.engines,
        "horizon": task.horizon,
        "control_dt_secs": task.control_dt_secs(),
        "observation_size": task.observation_size(),
        "action_size": task.action_size(),
        "human_reward": task.human_reward,
    })
}

fn variable_json(variable: &Variable) -> serde_json::Value {
    let mut value = serde_json::to_value(variable).unwrap_or_default();
    value["name"] = json!(variable.name);
    value
}

fn describe(name: &str, tasks: &[Task], detailed: bool) -> String {
    let mut text = format!("{name}\n");
    for task in tasks {
        text += &format!("  {:<24} {}\n", task.id, task.instruction);
        if detailed {
            let engines: Vec<String> = task.engines.iter().map(ToString::to_string).collect();
            text += &format!(
                "  {:<24} {} steps of {} s; observation [{}], action [{}]; version {}; validated on {}\n",
                "",
                task.horizon,
                (task.control_dt_secs() * 1e6).round() / 1e6,
                task.observation_size(),
                task.action_size(),
                task.version,
                engines.join(", ")
            );
            if let Some(reward) = &task.human_reward {
                text += &format!("  {:<24} human-written reward {}\n", "", reward.display());
            }
        }
    }
    if detailed {
        text += &variable_lines(&tasks[0].schema.variables);
    }
    text
}

/// A heading and one line for each variable.
fn variable_lines(variables: &[Variable]) -> String {
    let named: Vec<String> = variables
        .iter()
        .map(|variable| match variable.shape.as_slice() {
            [] => variable.name.clone(),
            shape => format!("{}{shape:?}", variable.name),
        })
        .collect();
    let width = named.iter().map(|name| name.len()).max().unwrap_or(0).clamp(24, 48);
    let mut text = "\n  variables\n".to_owned();
    for (variable, name) in variables.iter().zip(named) {
        let unit = variable.unit.as_deref().unwrap_or("");
        text += format!("  {name:<width$} {unit:<6} {}", variable.doc).trim_end();
        text.push('\n');
    }
    text
}
