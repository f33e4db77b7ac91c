//! `carrot export`.

use std::path::PathBuf;

use serde_json::json;

use super::policy::Found;
use crate::arguments::Export;
use crate::files;
use crate::output::{Answer, Failure};

/// Writes a policy as an ONNX model.
pub fn run(options: &Export, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| match options.policy_or_run.is_dir() {
            true => options.policy_or_run.join("winner.onnx"),
            false => options.policy_or_run.with_extension("onnx"),
        });
    files::check_writable(&out)?;
    let found = Found::open(&options.policy_or_run)?;
    let task = match options.nameless {
        true => None,
        false => Some(
            found
                .task(options.model.as_deref(), None, envs)
                .map_err(without_names)?,
        ),
    };
    let bytes = found.policy.to_onnx(&found.metadata, task.as_ref());
    let bytes = bytes.map_err(|error| Failure::Usage(format!("{}: {error}", options.policy_or_run.display())))?;
    files::write(&out, &bytes)?;

    let (inputs, actions) = (found.policy.observation_size(), found.policy.action_size());
    let outputs: &[&str] = if task.is_some() {
        &["action", "control"]
    } else {
        &["action"]
    };
    let json = json!({
        "out": out, "task": task.as_ref().map(|task| &task.id), "bytes": bytes.len(),
        "input": { "name": "observation", "size": inputs }, "outputs": outputs, "action_size": actions,
        "observation": task.as_ref().map(|task| &task.observation),
        "actuators": task.as_ref().map(|task| task.action_channels().into_iter().map(|channel| channel.actuator).collect::<Vec<_>>()),
    });
    let about = task.map_or("nameless".to_owned(), |task| task.id);
    let text = format!(
        "{}: {about}, observation [N, {inputs}] to {} [N, {actions}], {} bytes",
        out.display(),
        outputs.join(" and "),
        bytes.len(),
    );
    Ok(Answer::new(json, text))
}

/// Where the task cannot be had, the network alone still can.
fn without_names(failure: Failure) -> Failure {
    let hint = "with --nameless the network is written without what its numbers mean";
    match failure {
        Failure::Usage(message) => Failure::Usage(format!("{message}; {hint}")),
        Failure::Fault(error) => Failure::Usage(format!("{error:#}; {hint}")),
        failure => failure,
    }
}
