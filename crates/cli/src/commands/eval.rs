//! `carrot eval`.

use std::path::PathBuf;

use carrot_reward_interface::{RewardFn as _, Rewards};
use serde_json::json;

use super::check;
use crate::arguments::Eval;
use crate::output::{Answer, Failure};
use crate::{files, npz};

/// Total and terms for a batch of inputs. A program with errors, or one that stops, is the answer "no".
pub fn run(options: &Eval, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let program = files::program(&options.program)?;
    let schema = files::schema(&options.against, envs)?;
    let (Some(reward), diagnostics) = check::load(&program, &schema)? else {
        let (_, diagnostics) = check::load(&program, &schema)?;
        return Ok(check::refused(&program, &diagnostics));
    };
    let needed: Vec<String> = reward
        .interface()
        .inputs
        .iter()
        .map(|input| input.name.clone())
        .collect();
    let inputs = npz::read(&options.inputs, &schema, &needed, options.sequence)?;
    let mut instance = match reward.instantiate() {
        Ok(instance) => instance,
        Err(stop) => return Ok(stopped(&stop)),
    };
    let mut outputs = Vec::with_capacity(inputs.moments.len());
    for moment in &inputs.moments {
        let mut rewards = Rewards::default();
        if let Err(stop) = instance.evaluate(moment, &mut rewards) {
            return Ok(stopped(&stop));
        }
        outputs.push(rewards);
    }
    let terms = instance.terms().to_vec();
    npz::write(&options.output, &terms, &outputs, inputs.n_envs, options.sequence)?;

    let moments = outputs.len();
    let json = json!({ "output": options.output, "environments": inputs.n_envs, "moments": moments, "terms": terms, "diagnostics": diagnostics });
    let over = if options.sequence {
        format!(" over {moments} moments")
    } else {
        String::new()
    };
    let warnings = if diagnostics.is_empty() {
        String::new()
    } else {
        check::drawn(&program, &diagnostics) + "\n"
    };
    let text = format!(
        "{warnings}{}: {} environments{over}, terms {}",
        options.output.display(),
        inputs.n_envs,
        terms.join(", ")
    );
    Ok(Answer::new(json, text))
}

fn stopped(stop: &carrot_reward_interface::Stop) -> Answer {
    Answer {
        json: json!({ "stopped": stop, "message": stop.to_string() }),
        text: format!("stopped: {stop}"),
        yes: false,
    }
}
