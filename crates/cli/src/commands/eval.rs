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
    let (reward, diagnostics) = check::load(&program, &schema)?;
    let Some(reward) = reward else {
        return Ok(check::refused(&program, &diagnostics));
    };
    let needed: Vec<String> = reward
        .interface()
        .inputs
        .iter()
        .map(|input| input.name.clone())
        .collect();
    files::check_is_file(&options.inputs)?;
    let inputs = npz::read(&options.inputs, &schema, &needed, options.sequence)?;
    let mut instance = match reward.instantiate() {
        Ok(instance) => instance,
        Err(stop) => return Ok(check::stopped(&program, &stop)),
    };
    let mut outputs = Vec::with_capacity(inputs.moments.len());
    for (index, moment) in inputs.moments.iter().enumerate() {
        let mut rewards = Rewards::default();
        if let Err(stop) = instance.evaluate(moment, &mut rewards) {
            let mut answer = check::stopped(&program, &stop);
            if options.sequence {
                answer.json["moment"] = json!(index);
                answer.text += &format!(" at moment {index}");
            }
            return Ok(answer);
        }
        outputs.push(rewards);
    }
    let terms = instance.terms().to_vec();
    files::check_writable(&options.output)?;
    npz::write(&options.output, &terms, &outputs, inputs.n_envs, options.sequence)?;

    let moments = outputs.len();
    let json = json!({ "output": options.output, "environments": inputs.n_envs, "moments": moments, "terms": terms, "diagnostics": diagnostics });
    let over = if options.sequence {
        format!(" over {}", check::counted(moments, "moment"))
    } else {
        String::new()
    };
    let warnings = if diagnostics.is_empty() {
        String::new()
    } else {
        check::drawn(&program, &diagnostics) + "\n"
    };
    let text = format!(
        "{warnings}{}: {}{over}, {}",
        options.output.display(),
        check::counted(inputs.n_envs, "environment"),
        match terms.as_slice() {
            [] => "no terms".to_owned(),
            terms => format!("terms {}", terms.join(", ")),
        }
    );
    Ok(Answer::new(json, text))
}
