//! Simulation regression tests: rollouts whose numbers were recorded and must stay as they are.
//!
//! A simulator changes silently. A new release of an engine, an edited model, another timestep or a constant in a reward
//! move every number that follows, and nobody notices until a training fails weeks later. A suite names rollouts; their
//! goldens hold every variable of every step; a check plays the rollouts again and says what moved first, where and by
//! how much, and why as far as the recorded hashes tell.
//!
//! ```text
//! regress.toml ──▶ Suite ──▶ Plan ──prepare──▶ Prepared ──play──▶ Golden ──save──▶ golden/<name>.json
//!                                                               │                       │
//!                                                               └────────compare────────┘──▶ Comparison ──▶ text, JSON, JUnit, SVG
//! ```
//!
//! Start in [`Suite`], then [`Prepared`], [`Golden`] and [`compare`]. [`cross`] plays one policy in several engines. Absent
//! here: the terminal and exit codes, which are the command line's.

mod actions;
mod comparison;
mod cross;
mod excitation;
mod golden;
mod junit;
mod plot;
mod prepared;
mod provenance;
mod report;
mod rollout;
mod statistics;
mod suite;
mod tolerance;

pub use actions::Actions;
pub use comparison::{Comparison, Difference, Outcome, Shown, SummaryLine, compare};
pub use cross::{Cross, CrossRow, EngineResult, cross};
pub use excitation::Excitation;
pub use golden::{Ended, Golden, Kind, Save, Series, Summary};
pub use junit::{Case, CaseResult, junit};
pub use plot::plot;
pub use prepared::{Plays, Prepared};
pub use provenance::Provenance;
pub use report::{cross_text, text};
pub use statistics::{Spread, effect_size};
pub use suite::{ActionPlan, Compared, Plan, Suite, Target};
pub use tolerance::{Tolerance, Tolerances};

/// Why there is no answer about a rollout. Each message names its file, and the line and key where there is one.
#[derive(Debug, thiserror::Error)]
pub enum RegressionError {
    /// The suite asks for what does not exist or makes no sense: a key, a task, a policy, a golden.
    #[error("{0}")]
    Asked(String),
    /// Something that exists cannot be used: a golden that is broken, a world that does not load.
    #[error("{0}")]
    Broken(String),
    /// The rollout itself does not come to its end: the reward does not compile, or stops.
    #[error("{0}")]
    Stopped(String),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}
