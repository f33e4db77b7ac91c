//! `[randomize]` as written: what of the world differs from one episode to the next.

use serde::Deserialize;
use toml::Spanned;

/// Each key is optional; a task replaces those of its environment.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct RandomizeEntry {
    #[serde(default)]
    pub(crate) mass: Option<Spanned<MassEntry>>,
    #[serde(default)]
    pub(crate) friction: Option<Spanned<FrictionEntry>>,
    #[serde(default)]
    pub(crate) gain: Option<Spanned<ScaleEntry>>,
    #[serde(default)]
    pub(crate) damping: Option<Spanned<ScaleEntry>>,
    #[serde(default)]
    pub(crate) latency: Option<Spanned<LatencyEntry>>,
    #[serde(default)]
    pub(crate) push: Option<Spanned<PushEntry>>,
}

/// One factor for the named bodies, or for all.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct MassEntry {
    pub(crate) scale: [f64; 2],
    #[serde(default)]
    pub(crate) bodies: Option<Vec<String>>,
}

/// One factor for the named geoms, or for all.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrictionEntry {
    pub(crate) scale: [f64; 2],
    #[serde(default)]
    pub(crate) geoms: Option<Vec<String>>,
}

/// One factor for all.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleEntry {
    pub(crate) scale: [f64; 2],
}

/// Control steps by which actions arrive late, from the first to the last number.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct LatencyEntry {
    pub(crate) steps: [usize; 2],
}

/// A sudden change of a joint's linear velocity, now and then.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushEntry {
    pub(crate) every_secs: [f64; 2],
    pub(crate) joint: String,
    pub(crate) velocity: f64,
}
