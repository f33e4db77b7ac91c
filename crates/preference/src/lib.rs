//! What people think of programs: a ranking with its uncertainty from choices between two, and ratings.
//!
//! A person can say which of two behaviours is better long before they could put a number on either, and they contradict
//! themselves now and then. The Bradley–Terry model turns such choices into a strength for each item, and says how sure it
//! is: with few choices not very, and then it also knows which pair to show next.
//!
//! ```text
//! Comparison {first, second, decision} ──▶ Ranking ──▶ standing(i), chance(i, j), order()
//! candidates, feedback of a run ─────────▶ Opinions ─▶ standings(), next_pair(), clearly_preferred(), word()
//! ```
//!
//! The search follows it, and the studio and the command line show it, which therefore say the same. Equal input gives equal output
//! on every platform. Start in [`Opinions`]; the model is [`Ranking`], whose items are numbers from 0.

mod cholesky;
mod opinions;
mod ranking;

pub use opinions::{Opinions, ProgramOpinion};
pub use ranking::{Chance, Comparison, Decision, PRIOR_SD, Ranking, Standing};
