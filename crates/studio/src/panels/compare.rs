//! Two behaviours side by side, and which is better.

use egui::Ui;

use super::{See, empty};

/// The compare panel.
#[derive(Default)]
pub struct ComparePanel;

impl ComparePanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        _ = see;
        empty(
            ui,
            "Nothing to compare yet.",
            "Run a search first: two candidates with policies are needed.",
        );
    }
}
