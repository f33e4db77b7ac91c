//! Drives a real window by the names of its widgets: `carrot studio --script FILE`.
//!
//! Screenshots, demonstrations and tests of the whole window need somebody at the mouse. A script is that somebody: it
//! reads steps from a text file, finds widgets as a screen reader does ([`crate::accessible_tree`]), waits for them to
//! appear, and sends what a mouse and a keyboard would send, so that everything between the window and the reader's hand
//! is run. While it runs, the real pointer is left out.
//!
//! ```text
//! # one step a line; names stand in quotes, `*` in a name stands for anything
//! size 1400 900
//! theme dark
//! wait "Reward editor" 30s
//! click "Format" in "Reward editor"
//! drag "slider:height_weight" to 0.8
//! type "weight = 2.0"
//! key Ctrl+Z
//! expect-value "Reward program" "weight"
//! screenshot editor.png of "Reward editor"
//! report frames.json
//! quit
//! ```
//!
//! A name is the whole accessible name; where several widgets share it, `role:name` or `in "PANEL"` tells them apart. A
//! widget has ten seconds to appear, to be enabled, to lie still and free; then the script fails, with the line, with what
//! is there instead, and with a picture of the moment. Files are named as seen from the working directory. Without `quit`
//! the window stays open at the end.
//!
//! Start in [`Script::parse`]; [`Driver`] is the plugin that performs it.

mod driver;
mod gestures;
mod picture;
mod steps;
mod target;

pub use driver::{Driver, Outcome};
pub use steps::Script;
