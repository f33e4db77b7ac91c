//! A program with inputs and outputs as one line of JSON, for oracles outside of this process.

use carrot_reward_interface::{Batch, DType, Dialect, Schema};
use serde_json::json;

use crate::{Judges, Verdict, world};

/// Outputs of a program that an oracle has changed: a list of rows, or null where it does not compile or the judges differ.
///
/// `question` has the program's `source` and the `columns` of the batch as text, in the order of the schema.
///
/// # Panics
///
/// If it has not.
pub fn answer(judges: &Judges, question: &serde_json::Value) -> String {
    let column = |column: &serde_json::Value| -> Vec<f64> {
        let values = column.as_array().expect("a column is a list");
        let value = |value: &serde_json::Value| {
            value
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a number as text")
        };
        values.iter().map(value).collect()
    };
    let columns = question["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(column)
        .collect();
    let n_envs = question["n_envs"].as_u64().expect("a number of environments") as usize;
    let batch = Batch { n_envs, columns };
    match judges.judge(
        question["source"].as_str().expect("a source"),
        world::schema(),
        &[batch],
    ) {
        Ok(Verdict::Agreed { outputs, .. }) if outputs[0].is_some() => {
            let rows: Vec<String> = outputs[0].iter().flatten().map(|row| numbers(row)).collect();
            format!("[{}]", rows.join(","))
        }
        _ => "null".to_owned(),
    }
}

/// Everything an oracle needs. JSON has no word for NaN and infinity; they are written as Python's `json` reads them.
#[allow(clippy::too_many_arguments)] // one field of the line each
pub fn as_json_line(
    seed: u64,
    source: &str,
    dialect: Dialect,
    schema: &Schema,
    batch: &Batch,
    n_steps: usize,
    terms: &[String],
    outputs: &[Vec<f64>],
) -> String {
    let dtype = |dtype: DType| format!("{dtype:?}").to_lowercase();
    let variables: Vec<String> = schema
        .variables
        .iter()
        .zip(&batch.columns)
        .map(|(variable, column)| {
            format!(
                r#"{{"name":{},"dtype":{},"shape":{},"uniform":{},"values":{}}}"#,
                json!(variable.name),
                json!(dtype(variable.dtype)),
                json!(variable.shape),
                variable.uniform,
                numbers(column)
            )
        })
        .collect();
    let rows: Vec<String> = outputs.iter().map(|row| numbers(row)).collect();
    format!(
        r#"{{"name":{},"dialect":{},"source":{},"n_envs":{},"steps":{n_steps},"variables":[{}],"terms":{},"outputs":[{}]}}"#,
        json!(seed.to_string()),
        json!(dialect),
        json!(source),
        batch.n_envs,
        variables.join(","),
        json!(terms),
        rows.join(",")
    )
}

fn numbers(values: &[f64]) -> String {
    let number = |&value: &f64| match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => format!("{value:e}"),
    };
    format!("[{}]", values.iter().map(number).collect::<Vec<_>>().join(","))
}
