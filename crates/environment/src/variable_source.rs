//! Where the numbers of a variable come from, as `env.toml` writes it.

use std::fmt;

use carrot_physics::Source;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::nearest::nearest;

/// What stands behind `source =`.
pub(crate) enum VariableSource {
    /// The action just taken, clamped to [-1, 1], `[nu]`.
    Control,
    /// The action before that; zero in the first step of an episode, `[nu]`.
    PreviousControl,
    /// Seconds since the episode began.
    Time,
    /// Seconds per control step; uniform.
    ControlDt,
    /// Control steps since the episode began.
    Step,
    /// A function of the variable's name in `derived.py`.
    Derived,
    /// A quantity of the model.
    Model(Source),
    /// Numbers that never change; uniform.
    Constant(Amount),
    /// What the task asks for at the moment.
    Command(CommandEntry),
    /// The value of another variable one control step earlier.
    Previous(String),
    /// A formula over other variables.
    Expression(String),
}

/// Words that are sources by themselves.
const WORDS: [&str; 7] = [
    "control",
    "previous_control",
    "time",
    "control_dt",
    "step",
    "derived",
    "actuator_force",
];

/// Words that are sources with a value, beside those of the model.
const KEYS: [&str; 4] = ["constant", "command", "previous", "expression"];

/// A number, or one for each component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Amount {
    One(f64),
    Each(Vec<f64>),
}

impl Amount {
    /// `count` numbers. Errors: how many there are instead.
    pub(crate) fn expand(&self, count: usize) -> Result<Vec<f64>, usize> {
        match self {
            Self::One(number) => Ok(vec![*number; count]),
            Self::Each(numbers) if numbers.len() == count => Ok(numbers.clone()),
            Self::Each(numbers) => Err(numbers.len()),
        }
    }
}

/// From where to where a command is drawn, and how often.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandEntry {
    pub(crate) low: Amount,
    pub(crate) high: Amount,
    /// Seconds between draws; only at the reset without it.
    #[serde(default)]
    pub(crate) every_secs: Option<f64>,
    /// The mocap body that stands where the command says.
    #[serde(default)]
    pub(crate) mocap: Option<String>,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl<'de> Visitor<'de> for AmountVisitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a list of numbers")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                if number.is_finite() {
                    Ok(Amount::One(number))
                } else {
                    Err(E::custom(format!("{number} is no finite number")))
                }
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount::One(number as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Amount, A::Error> {
                let mut numbers = Vec::new();
                while let Some(item) = items.next_element()? {
                    match item {
                        Amount::One(number) => numbers.push(number),
                        Amount::Each(inner) => numbers.extend(inner), // rows of a table
                    }
                }
                if numbers.is_empty() {
                    return Err(A::Error::invalid_length(0, &self));
                }
                Ok(Amount::Each(numbers))
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}

impl<'de> Deserialize<'de> for VariableSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = VariableSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word such as \"control\", or a table such as { body_position = \"torso\" }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Self::Value, E> {
        Ok(match word {
            "control" => VariableSource::Control,
            "previous_control" => VariableSource::PreviousControl,
            "time" => VariableSource::Time,
            "control_dt" => VariableSource::ControlDt,
            "step" => VariableSource::Step,
            "derived" => VariableSource::Derived,
            "actuator_force" => VariableSource::Model(Source::ActuatorForce),
            _ if takes_a_value(word) => {
                return Err(E::custom(format!(
                    "the source `{word}` needs a value, as in {{ body_position = \"torso\" }}"
                )));
            }
            _ => return Err(E::custom(no_such_source(word))),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom(
                "the source is empty; write for example { body_position = \"torso\" }",
            ));
        };
        let source = match key.as_str() {
            "constant" => VariableSource::Constant(map.next_value()?),
            "command" => VariableSource::Command(map.next_value()?),
            "previous" => VariableSource::Previous(map.next_value()?),
            "expression" => VariableSource::Expression(map.next_value()?),
            key if takes_a_value(key) => {
                let key = match key {
                    "actuator_force" => "actuator_force_of",
                    key => key,
                };
                let table = WithKey {
                    key: Some(key),
                    rest: &mut map,
                };
                VariableSource::Model(Source::deserialize(MapAccessDeserializer::new(table))?)
            }
            key if WORDS.contains(&key) => {
                return Err(A::Error::custom(format!(
                    "the source `{key}` takes no value; write source = \"{key}\""
                )));
            }
            key => return Err(A::Error::custom(no_such_source(key))),
        };
        match map.next_key::<String>()? {
            None => Ok(source),
            Some(second) => Err(A::Error::custom(format!(
                "a variable has one source, and this names two, `{key}` and `{second}`"
            ))),
        }
    }
}

fn takes_a_value(word: &str) -> bool {
    KEYS.contains(&word) || Source::WORDS.contains(&word)
}

fn no_such_source(word: &str) -> String {
    let known = || WORDS.into_iter().chain(KEYS).chain(Source::WORDS);
    match nearest(word, known()) {
        Some(near) => format!("there is no source `{word}`; did you mean `{near}`?"),
        None => {
            let known: Vec<&str> = known().collect();
            format!("there is no source `{word}`; there are {}", known.join(", "))
        }
    }
}

/// A table whose first key was already read.
struct WithKey<'a, A> {
    key: Option<&'a str>,
    rest: &'a mut A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithKey<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(key) => {
                let key: StrDeserializer<'_, A::Error> = key.into_deserializer();
                seed.deserialize(key).map(Some)
            }
            // What follows is read by the caller, who knows what to say about it.
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}
