//! `env.toml` as written, before anything in it is looked up in the model.
//!
//! Unknown keys are refused, because a misspelt key that is silently ignored changes results without a word. Spans are
//! kept so that a later complaint can still name the line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use carrot_reward_interface::{DType, QuaternionOrder};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use crate::randomize_file::RandomizeEntry;
use crate::variable_source::{Amount, VariableSource};

/// `envs/<env>/env.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvFile {
    /// Raised whenever a change makes results incomparable.
    #[serde(default = "one")]
    pub(crate) version: u32,
    /// The model, relative to the file's folder.
    #[serde(default)]
    pub(crate) model: Option<PathBuf>,
    pub(crate) control: Spanned<ControlEntry>,
    #[serde(default)]
    pub(crate) reset: ResetEntry,
    #[serde(default)]
    pub(crate) randomize: RandomizeEntry,
    pub(crate) variable: BTreeMap<String, Spanned<VariableEntry>>,
    #[serde(default)]
    pub(crate) surface: BTreeMap<String, Spanned<SurfaceEntry>>,
}

fn one() -> u32 {
    1
}

/// How often the policy acts, and what its actions mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlEntry {
    /// Seconds per control step.
    #[serde(default)]
    pub(crate) dt: Option<Spanned<f64>>,
    /// Physics steps per control step.
    #[serde(default)]
    pub(crate) substeps: Option<Spanned<usize>>,
    /// Keyframe whose controls are action 0.
    #[serde(default)]
    pub(crate) around: Option<Spanned<String>>,
    /// Actuator units that ±1 is away from action 0.
    #[serde(default)]
    pub(crate) scale: Option<Spanned<Amount>>,
}

/// How an episode begins.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetEntry {
    /// The state to start from; the model's own without it.
    #[serde(default)]
    pub(crate) keyframe: Option<Spanned<String>>,
    /// The noise on that state, in the units of each joint.
    #[serde(default)]
    pub(crate) qpos_noise: Option<Spanned<NoiseEntry>>,
    #[serde(default)]
    pub(crate) qvel_noise: Option<Spanned<NoiseEntry>>,
    #[serde(default)]
    pub(crate) joint: BTreeMap<String, Spanned<JointResetEntry>>,
}

/// Noise around zero: a number is the half-width of a uniform distribution.
#[derive(Clone, Copy)]
pub(crate) enum NoiseEntry {
    Uniform(f64),
    Normal(f64),
}

impl<'de> Deserialize<'de> for NoiseEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NoiseVisitor;
        impl<'de> Visitor<'de> for NoiseVisitor {
            type Value = NoiseEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, the half-width of uniform noise, or { normal = … } with a standard deviation")
            }

            fn visit_f64<E: Error>(self, half_width: f64) -> Result<NoiseEntry, E> {
                Ok(NoiseEntry::Uniform(half_width))
            }

            fn visit_i64<E: Error>(self, half_width: i64) -> Result<NoiseEntry, E> {
                Ok(NoiseEntry::Uniform(half_width as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NoiseEntry, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Table {
                    normal: f64,
                }
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(NoiseEntry::Normal(table.normal))
            }
        }
        deserializer.deserialize_any(NoiseVisitor)
    }
}

/// What replaces the start of one joint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JointResetEntry {
    #[serde(default)]
    pub(crate) position: Option<Spanned<BoxEntry>>,
    /// Turn about the vertical, of free joints.
    #[serde(default)]
    pub(crate) yaw: Option<Spanned<[f64; 2]>>,
    #[serde(default)]
    pub(crate) velocity: Option<Spanned<BoxEntry>>,
}

/// From where to where numbers are drawn, uniformly and each for itself.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxEntry {
    pub(crate) low: Spanned<Amount>,
    pub(crate) high: Spanned<Amount>,
}

/// One variable: the keys of a schema file, and where the numbers come from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableEntry {
    #[serde(default)]
    pub(crate) source: Option<Spanned<VariableSource>>,
    /// Keeps one number of the source.
    #[serde(default)]
    pub(crate) component: Option<Spanned<usize>>,
    /// Keeps these numbers of the source, in this order.
    #[serde(default)]
    pub(crate) components: Option<Spanned<Vec<usize>>>,
    /// A body, in whose frame the source is expressed.
    #[serde(default)]
    pub(crate) relative_to: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) shape: Vec<usize>,
    #[serde(default)]
    pub(crate) dtype: DType,
    #[serde(default)]
    pub(crate) uniform: bool,
    #[serde(default)]
    pub(crate) value: Option<String>,
    #[serde(default)]
    pub(crate) quaternion: Option<Spanned<QuaternionOrder>>,
    #[serde(default)]
    pub(crate) unit: Option<String>,
    #[serde(default)]
    pub(crate) frame: Option<String>,
    #[serde(default)]
    pub(crate) range: Option<[f64; 2]>,
    #[serde(default)]
    pub(crate) doc: String,
}

/// Another name for a variable.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the name of a variable, or { variable = \"…\", quaternion = \"wxyz\" }"
)]
pub(crate) enum SurfaceEntry {
    Name(String),
    Table(SurfaceTable),
}

/// Another name for a variable, with another order of quaternions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SurfaceTable {
    pub(crate) variable: String,
    #[serde(default)]
    pub(crate) quaternion: Option<QuaternionOrder>,
}
