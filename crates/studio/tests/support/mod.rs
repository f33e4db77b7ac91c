//! What the studio's tests share. Each test is its own program and uses some of it.
#![allow(dead_code, reason = "no test uses all of it")]

pub mod display;
pub mod names;
pub mod painter;
pub mod playground;
pub mod session;

use eframe::egui;
use egui_kittest::HarnessBuilder;

/// A harness that draws with [`painter::Painter`], without the pointer's picture, in a window of the given size in points.
pub fn harness<State>(size: [f32; 2], theme: egui::Theme) -> HarnessBuilder<State> {
    egui_kittest::Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_render_cursor(false)
        .renderer(painter::Painter::default())
}
