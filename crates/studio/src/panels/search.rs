//! The search: its settings, its progress, and its candidates.

use egui::TextWrapMode;
use egui::{Role, Ui, WidgetInfo};

use super::{Command, See, button, empty};
use crate::action::Action;
use crate::jobs::JobState;

/// The search panel.
#[derive(Default)]
pub struct SearchPanel;

impl SearchPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        settings(ui, see);
        ui.horizontal_wrapped(|ui| {
            let running = see.search == Some(&JobState::Running);
            let begun = !see.run.candidates.is_empty();
            let word = if begun { "Next generation" } else { "Start search" };
            button(ui, see, word, Action::StartSearch, !running);
            button(ui, see, "Pause search", Action::PauseSearch, running);
            if let Some(JobState::Failed(words)) = see.search {
                ui.colored_label(ui.visuals().error_fg_color, words);
            }
        });
        if let Some(error) = &see.run.error {
            ui.colored_label(ui.visuals().error_fg_color, error);
        }
        if see.run.candidates.is_empty() {
            empty(
                ui,
                "No candidates yet.",
                "Start the search: it writes rewards, trains a policy on each, and judges it by the task's fitness.",
            );
            return;
        }
        egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
            egui::Grid::new("candidates")
                .num_columns(4)
                .striped(true)
                .show(ui, |ui| {
                    for candidate in &see.run.candidates {
                        let id = (candidate.generation, candidate.index);
                        let name = format!("g{}c{}", id.0, id.1);
                        if ui.selectable_label(see.selected == Some(id), &name).clicked() {
                            see.commands.push(Command::Select(Some(id)));
                        }
                        ui.label(
                            candidate
                                .fitness()
                                .map_or("–".into(), |fitness| format!("{fitness:.3}")),
                        );
                        ui.label(&candidate.proposer);
                        ui.label(&candidate.note);
                        ui.end_row();
                    }
                });
        });
    }
}

fn settings(ui: &mut Ui, see: &mut See<'_>) {
    let search = &mut see.document.search;
    ui.horizontal_wrapped(|ui| {
        let whole = |ui: &mut Ui, value: &mut u32, name: &str| {
            ui.label(name);
            let response = ui.add(egui::DragValue::new(value).range(1..=1000));
            response.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, name));
        };
        whole(ui, &mut search.generations, "Generations");
        whole(ui, &mut search.candidates, "Candidates");
        ui.label("Steps");
        let response = ui.add(
            egui::DragValue::new(&mut search.steps)
                .range(1_000..=100_000_000)
                .speed(1000),
        );
        response.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, "Steps"));
        ui.checkbox(&mut search.ask_me, "Ask me after each generation");
    });
}
