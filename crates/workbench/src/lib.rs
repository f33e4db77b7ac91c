//! From one reward program to one outcome: compile, load, train, judge.
//!
//! Training, searching, planning and the studio must judge a program in exactly the same way. What they share is here: the task
//! with its own compiled program, the sandbox, and the version of everything that decides on a result.
//!
//! ```text
//! ProgramBytes ──load──▶ LoadedReward ──env──▶ VecEnv
//!       └───────────run (train, judge)───────▶ Outcome + policy
//! ```
//!
//! Start in [`Workbench`].

mod derived;
mod random;
mod workbench;

pub use derived::with_derived;
pub use random::{derived_seed, stream};
pub use workbench::{
    CODE_VERSION, Interrupted, ProgramBody, ProgramBytes, RunResult, START, Workbench, WorkbenchError, module_refused,
};
