//! The fonts of the window: egui's own, with one addition.
//!
//! Notes of a search and summaries of edits hold arrows (`weight 1 → 2`), which egui's font for plain text lacks and its font for
//! programs has. So the latter steps in where the former has nothing.

use egui::{Context, FontDefinitions, FontFamily};

/// Has a window's text drawn with them, from the next frame on.
pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    let programs = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    let plain = fonts.families.entry(FontFamily::Proportional).or_default();
    plain.extend(programs);
    ctx.set_fonts(fonts);
}
