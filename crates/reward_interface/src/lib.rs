//! What a task shows to a reward program, and what it gets back.
//!
//! A reward program is judged by people and by language models before a machine ever runs it, so every value it may read
//! has a name, a shape, a unit and one line of explanation. This crate holds that vocabulary and nothing else: no
//! compiler, no physics, no WASM runtime. Everything that produces rewards (a compiled program today, a learned model or a
//! mixture later) and everything that consumes them meets here.
//!
//! ```text
//! env.toml ──▶ Schema ──▶ compiler ──▶ ModuleInterface (custom section `carrot.reward`)
//!                │                            │
//!                ▼                            ▼
//!        Batch {variables × N} ──▶ RewardFn ──▶ Rewards {total[N], terms[K][N]}  or  Stop
//! ```
//!
//! Start in [`schema`], then read [`module`] (the binary contract) and [`batch`] (the values).

pub mod batch;
pub mod diagnostic;
pub mod module;
pub mod schema;
pub mod stop;

pub use batch::{Batch, RewardFn, RewardSource, Rewards};
pub use diagnostic::{Diagnostic, Edit, Fix, Severity, Span};
pub use module::{BatchLayout, Dialect, Fault, Input, LineEntry, MemorySlot, ModuleInterface, Term};
pub use schema::{DType, QuaternionOrder, Schema, SchemaError, Variable, canonical_name};
pub use stop::{Stop, StopCause};
