//! The reward program: text, findings, numbers as sliders.

use egui::Ui;

use super::See;

/// The editor panel.
#[derive(Default)]
pub struct EditorPanel;

impl EditorPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let field = egui::TextEdit::multiline(&mut see.document.program)
                .code_editor()
                .desired_width(f32::INFINITY);
            let label = ui.label("Reward program");
            if ui.add(field).labelled_by(label.id).changed() {
                *see.change = Some("typing".into());
            }
            for finding in see.compiled.findings.iter() {
                ui.colored_label(ui.visuals().error_fg_color, finding.to_string());
            }
        });
    }
}
