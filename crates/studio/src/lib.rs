//! The desktop app.

pub mod accessible_tree;
pub mod artist;
pub mod script;
