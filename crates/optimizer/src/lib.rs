//! Turns a reward into behaviour: policies by PPO, and by SAC for a second opinion.
//!
//! A search trains dozens of policies in minutes, one core each, so this crate spends its care on two things: few
//! environment steps until a policy does its task, and little time per step beside the physics. It knows neither the
//! task's meaning nor the reward's text: rewards come with the steps of a [`carrot_environment::VecEnv`], fitness from the
//! [`carrot_environment::VecEnv`], and the two never meet.
//!
//! ```text
//! VecEnv ──rollout──▶ [T, N] ──gae──▶ advantages ──update──▶ Policy ──evaluate──▶ Evaluation
//! ```
//!
//! Start in [`train`], which reads from top to bottom; then `rollout`, `gae` and `update`, in that order. [`train_sac`] reads
//! likewise; [`Settings`] is the choice between the two.

mod actor_critic;
mod adam;
mod algorithm;
mod curve;
mod evaluate;
mod gae;
mod kernels;
mod loss;
mod network;
mod normalizer;
mod onnx;
#[cfg(test)]
mod plain;
mod planner;
mod policy;
mod ppo;
mod presets;
mod protobuf;
mod random;
#[cfg(test)]
mod reference;
mod rollout;
mod sac;
mod saved;
mod setting_limits;
mod settings;
mod update;

pub use algorithm::{Algorithm, Left, Settings};
pub use evaluate::evaluate;
pub use gae::{ShapeMismatch, Transitions, gae};
pub use kernels::Activation;
pub use planner::{
    Interpolation, LivePlan, LivePlanner, LiveStatus, PlanError, PlanSettings, Planner, PlannerKind, Prospect,
};
pub use policy::{Policy, PolicyError};
pub use ppo::{Profile, Progress, TrainError, Trained, conclude, resume, train};
pub use presets::{Preset, presets};
pub use sac::{SacSettings, sac_presets, train as train_sac};
pub use settings::{PpoSettings, Schedule};
