//! Searches for the reward program whose trained policy does the task best: propose, evaluate, select, reflect.
//!
//! A program's worth shows only in the policy that it trains, and that takes minutes; so every proposal and every
//! result is recorded before anyone acts on it, and a search that was killed takes the same course again without
//! paying for anything twice.
//!
//! ```text
//! prompt ──▶ Proposer ──Proposal──▶ Workbench (compile, train, judge) ──Outcome──▶ RunRecord ◀── people
//!    ▲       openai │ replay                                               │                      │
//!    │       evolve │ random                                               ▼                      │
//!    ├───────────────────── reflection ◀── selection ◀── candidates so far                        │
//!    └───────────────────── listening ◀───────────────────────────────────────────────────────────┘
//! ```
//!
//! Proposers and the rest do not know each other: a proposer reads a [`Request`] and returns text. Start in [`search()`];
//! then read [`evolve`] (how programs are written without a model) and [`listening`] (how people's words steer).

mod basis;
mod chat;
pub mod config;
mod evaluator;
pub mod event;
pub mod evolve;
mod exchange;
mod executor;
pub mod extract;
mod finalists;
mod included;
pub mod listening;
pub mod live;
pub mod openai;
pub mod prompt;
pub mod proposer;
pub mod reflection;
pub mod replay;
pub mod retrain;
pub mod search;

pub use config::SearchConfig;
pub use event::Event;
pub use evolve::{Evolve, Random};
pub use live::Live;
pub use openai::{OpenAi, OpenAiSettings};
pub use proposer::{Ledger, Proposal, Proposer, ProposerError, Purpose, Request};
pub use replay::Replay;
pub use retrain::{Retrained, Retraining, retrain};
pub use search::{Ended, SearchError, Winner, search, search_until};
