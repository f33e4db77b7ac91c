//! One module per verb.

pub mod bench;
pub mod check;
pub mod compile;
pub mod doctor;
pub mod envs;
pub mod envs_init;
pub mod eval;
pub mod explain;
pub mod export;
pub mod feedback;
pub mod plan;
pub mod play;
pub mod policy;
pub mod regress;
pub mod rollout;
pub mod runs;
pub mod search;
pub mod search_start;
pub mod settings;
pub mod shell;
pub mod studio;
pub mod train;
