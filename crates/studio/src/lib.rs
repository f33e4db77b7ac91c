//! The desktop app: see the behaviour, touch the reward, say what you meant.
//!
//! A reward is a guess about what a person wants, and only the person can say whether it was right. So everything that shows what a
//! reward does, and every way to say something about it, is in one window, and what is said goes into the record, from which the
//! next generation of rewards is written.
//!
//! ```text
//! person ─▶ panels ─▶ Command ─▶ Studio ─▶ Compiler ─▶ Stage (plan or policy, physics) ─▶ Timeline ─▶ panels
//!                                   └────▶ Scribe ─▶ record ◀─ search, train (other processes)
//!                                                      └─▶ Watcher ─▶ panels
//! ```
//!
//! Nothing that takes longer than a frame happens on the window's thread. Start in [`Studio`]; then read `panels`, and `stage` for
//! what moves the robot. Absent here: the search itself, which is another process and known only by its record.

pub mod accessible_tree;
pub mod action;
mod app;
pub mod artist;
mod chrome;
pub mod compiler;
pub mod document;
pub mod draft;
pub mod editor;
mod errands;
pub mod frame_times;
pub mod jobs;
mod keeper;
mod layout;
mod loader;
pub mod look;
pub mod opinion;
mod outbox;
pub mod overview;
pub mod palette;
pub mod panels;
mod priority;
pub mod rehearsal;
pub mod scribe;
pub mod script;
pub mod session;
pub mod stage;
mod studio;
pub mod timeline;
pub mod watcher;
pub mod worker;

pub use app::run;
pub use studio::{Studio, StudioError, StudioOptions};
