//! Why a program that compiled did not run to its end.

use serde::{Deserialize, Serialize};

use crate::Span;

/// A reward that stopped: at which place of which file, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{file}{}: {cause}", at.map(|span| format!(":{}:{}", span.line, span.column)).unwrap_or_default())]
pub struct Stop {
    /// File of the program.
    pub file: String,
    /// Place in the source text; absent where a foreign module has no line table.
    pub at: Option<Span>,
    /// What stopped it.
    pub cause: StopCause,
}

/// The limit or fault that stopped a reward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StopCause {
    /// The instruction budget of one evaluation is used up.
    #[error("out of fuel: more than {limit} instructions in one evaluation; is there an endless loop?")]
    Fuel {
        /// Instructions allowed.
        limit: u64,
    },
    /// The wall-clock deadline behind the fuel has passed.
    #[error("deadline: one evaluation took longer than {limit_ms} ms")]
    Deadline {
        /// Milliseconds allowed.
        limit_ms: u64,
    },
    /// The module wants more linear memory than allowed.
    #[error("out of memory: more than {limit_bytes} bytes of linear memory")]
    Memory {
        /// Bytes allowed.
        limit_bytes: u64,
    },
    /// The call stack is used up.
    #[error("stack overflow: more than {limit_bytes} bytes of stack; is there an endless recursion?")]
    Stack {
        /// Bytes allowed.
        limit_bytes: u64,
    },
    /// A WASM trap: unreachable, division by zero, access outside memory.
    #[error("trap: {message}")]
    Trap {
        /// The runtime's words.
        message: String,
    },
    /// A reward term, or the total, is infinite or not a number.
    #[error("`{term}` is {value} in environment {env_index}, where {}", show_state(state))]
    NonFinite {
        /// Name of the term; `total` for the total.
        term: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// Index of the environment in its batch.
        env_index: usize,
        /// The variables that the program reads, as they were there. JSON has no word for NaN and infinity, so these
        /// are written as text there.
        #[serde(with = "state_as_json")]
        state: Vec<(String, Vec<f64>)>,
    },
    /// The program itself stopped: an `assert` that failed, a `raise`, a name that was read before it was set.
    #[error("{message} in environment {env_index}, where {}", show_state(state))]
    Raised {
        /// What Python would have said.
        message: String,
        /// Index of the environment in its batch.
        env_index: usize,
        /// The variables that the program reads, as they were there.
        #[serde(with = "state_as_json")]
        state: Vec<(String, Vec<f64>)>,
    },
    /// The simulation diverged while the reward was being optimised, so there is nothing to score.
    #[error("the simulation diverged: {message}")]
    Diverged {
        /// Which check failed, and where.
        message: String,
    },
}

fn show_state(state: &[(String, Vec<f64>)]) -> String {
    let shown = |values: &[f64]| {
        values
            .iter()
            .map(|value| format!("{value}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    state
        .iter()
        .map(|(name, values)| match values.as_slice() {
            [value] => format!("{name} = {value}"),
            _ => format!("{name} = [{}]", shown(values)),
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Numbers as JSON writes them, and `"NaN"`, `"inf"`, `"-inf"`: a stop that names its cause must survive being recorded.
mod state_as_json {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Other(String),
    }

    type State = Vec<(String, Vec<f64>)>;

    pub fn serialize<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
        let number = |&value: &f64| match value.is_finite() {
            true => Number::Finite(value),
            false => Number::Other(value.to_string()),
        };
        let shown: Vec<(&str, Vec<Number>)> = state
            .iter()
            .map(|(name, values)| (name.as_str(), values.iter().map(number).collect()))
            .collect();
        shown.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        let number = |value| match value {
            Number::Finite(value) => Ok(value),
            Number::Other(text) => text
                .parse()
                .map_err(|_| D::Error::custom(format!("`{text}` is not a number"))),
        };
        Vec::<(String, Vec<Number>)>::deserialize(deserializer)?
            .into_iter()
            .map(|(name, values)| Ok((name, values.into_iter().map(number).collect::<Result<_, _>>()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_not_finite_survives_json() {
        let stop = Stop {
            file: "reward.py".into(),
            at: None,
            cause: StopCause::NonFinite {
                term: "total".into(),
                value: "NaN".into(),
                env_index: 3,
                state: vec![("speed".into(), vec![0.1, f64::INFINITY, f64::NEG_INFINITY, f64::NAN])],
            },
        };
        let text = serde_json::to_string(&stop).unwrap();
        assert!(text.contains(r#"[["speed",[0.1,"inf","-inf","NaN"]]]"#), "{text}");
        let back: Stop = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{stop:?}")); // by text, since NaN equals nothing
    }
}
