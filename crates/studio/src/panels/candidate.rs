//! One candidate: its source, what differs from another, what was asked and answered.

use egui::Ui;

use super::{See, empty};

/// The candidate panel.
#[derive(Default)]
pub struct CandidatePanel;

impl CandidatePanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let Some(candidate) = see.selected.and_then(|id| see.run.candidate(id)) else {
            empty(ui, "No candidate chosen.", "Choose one in the Search panel.");
            return;
        };
        ui.label(&candidate.note);
    }
}
