//! A ranking with its uncertainty from choices between two.
//!
//! A person can say which of two behaviours is better long before they could put a number on either, and they contradict
//! themselves now and then. The Bradley–Terry model turns such choices into a strength for each item, and says how sure it
//! is: with few choices not very, and then it also knows which pair to show next.
//!
//! ```text
//! Comparison {first, second, decision} ──▶ Ranking::new ──▶ standing(i), chance(i, j), order(), next_pair()
//! ```
//!
//! It knows nothing of robots, rewards or records: items are numbers from 0. Equal input gives equal output on every
//! platform. Start in [`Ranking`].

mod cholesky;
mod ranking;

pub use ranking::{Chance, Comparison, Decision, PRIOR_SD, Ranking, Standing};
