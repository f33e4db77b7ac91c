//! Turns a reward into behaviour: PPO policies today, sampling MPC next.
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
//! Start in [`train`], which reads from top to bottom; then `rollout`, `gae` and `update`, in that order.

mod actor_critic;
mod adam;
mod curve;
mod evaluate;
mod gae;
mod kernels;
mod loss;
mod network;
mod normalizer;
mod onnx;
mod policy;
mod ppo;
mod presets;
mod protobuf;
mod random;
mod rollout;
mod settings;
mod update;

pub use evaluate::evaluate;
pub use gae::{ShapeMismatch, Transitions, gae};
pub use kernels::Activation;
pub use policy::{Policy, PolicyError};
pub use ppo::{Progress, TrainError, Trained, train};
pub use presets::{Preset, presets};
pub use settings::{PpoSettings, Schedule};
