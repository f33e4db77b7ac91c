//! `env.toml` and `task.toml` as written, before anything in them is looked up in the model.
//!
//! Unknown keys are refused, because a misspelt key that is silently ignored changes results without a word. Spans are
//! kept so that a later complaint can still name the line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use carrot_physics::Source;
use carrot_reward_interface::DType;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use crate::TaskError;
use crate::episode::{FitnessAggregate, SuccessAggregate};

/// `envs/<env>/env.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvFile {
    /// The model, relative to the file's folder.
    #[serde(default)]
    pub(crate) model: Option<PathBuf>,
    pub(crate) control: ControlEntry,
    #[serde(default)]
    pub(crate) reset: ResetEntry,
    pub(crate) variable: BTreeMap<String, Spanned<VariableEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlEntry {
    pub(crate) substeps: Spanned<usize>,
}

/// Half-widths of the uniform noise on the initial state, in the units of each joint.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetEntry {
    #[serde(default)]
    pub(crate) qpos_noise: Option<Spanned<f64>>,
    #[serde(default)]
    pub(crate) qvel_noise: Option<Spanned<f64>>,
}

/// One variable: the keys of a schema file, and where the numbers come from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableEntry {
    #[serde(default)]
    pub(crate) dtype: DType,
    #[serde(default)]
    pub(crate) uniform: bool,
    pub(crate) source: Spanned<VariableSource>,
    /// Keeps one number of the source.
    #[serde(default)]
    pub(crate) component: Option<Spanned<usize>>,
    /// Keeps these numbers of the source, in this order.
    #[serde(default)]
    pub(crate) components: Option<Spanned<Vec<usize>>>,
    // The schema reads these keys from the same text; they stand here so that only real mistakes are unknown keys.
    #[serde(default, rename = "shape")]
    _shape: Vec<usize>,
    #[serde(default, rename = "unit")]
    _unit: Option<String>,
    #[serde(default, rename = "frame")]
    _frame: Option<String>,
    #[serde(default, rename = "range")]
    _range: Option<[f64; 2]>,
    #[serde(default, rename = "doc")]
    _doc: String,
}

/// Where the numbers of a variable come from.
pub(crate) enum VariableSource {
    /// The action just applied, clamped to [-1, 1], `[nu]`.
    Control,
    /// The action before that; zero in the first step of an episode, `[nu]`.
    PreviousControl,
    /// Seconds since the episode began.
    Time,
    /// Seconds per control step; uniform.
    ControlDt,
    /// A quantity of the model.
    Model(Source),
}

impl<'de> Deserialize<'de> for VariableSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SourceVisitor;
        impl<'de> Visitor<'de> for SourceVisitor {
            type Value = VariableSource;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "\"control\", \"previous_control\", \"time\", \"control_dt\", \"actuator_force\", \
                     or a table such as { body_position = \"torso\" }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(match text {
                    "control" => VariableSource::Control,
                    "previous_control" => VariableSource::PreviousControl,
                    "time" => VariableSource::Time,
                    "control_dt" => VariableSource::ControlDt,
                    _ => {
                        let source = Source::deserialize(StrDeserializer::<E>::new(text));
                        VariableSource::Model(
                            source.map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))?,
                        )
                    }
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Source::deserialize(MapAccessDeserializer::new(map)).map(VariableSource::Model)
            }
        }
        deserializer.deserialize_any(SourceVisitor)
    }
}

/// `envs/<env>/tasks/<task>/task.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskFile {
    pub(crate) version: u32,
    pub(crate) instruction: Spanned<String>,
    pub(crate) horizon: Spanned<usize>,
    pub(crate) observation: Spanned<Vec<Spanned<String>>>,
    pub(crate) fitness: FitnessEntry,
    pub(crate) success: SuccessEntry,
    #[serde(default)]
    pub(crate) ppo: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitnessEntry {
    pub(crate) aggregate: FitnessAggregate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessEntry {
    pub(crate) aggregate: SuccessAggregate,
}

/// A text file and its path, so that complaints can name the place.
pub(crate) struct Text {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self, TaskError> {
        let error = |message: String| TaskError::File {
            path: path.to_owned(),
            message,
        };
        let bytes = std::fs::read(path).map_err(|cause| error(format!("cannot be read: {cause}")))?;
        let text = String::from_utf8(bytes).map_err(|cause| error(format!("is not UTF-8 text: {cause}")))?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// Parses the whole text; the parser's message carries line, column and the offending line itself.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, TaskError> {
        toml::from_str(&self.text).map_err(|cause| self.whole(cause.to_string().trim_end().to_owned()))
    }

    /// A complaint about the place `span` (bytes).
    pub(crate) fn at(&self, span: Range<usize>, message: impl std::fmt::Display) -> TaskError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        self.whole(format!("line {line}: {message}"))
    }

    /// A complaint about the file as a whole.
    pub(crate) fn whole(&self, message: String) -> TaskError {
        TaskError::File {
            path: self.path.clone(),
            message,
        }
    }
}
