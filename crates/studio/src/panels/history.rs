//! Versions of the program: what the person made of it, newest first.

use carrot_run_record::{EditKind, Feedback};
use egui::Ui;

use super::{Command, See, empty};

/// The history panel.
#[derive(Default)]
pub struct HistoryPanel;

impl HistoryPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let run = see.run;
        let edits = run.feedback.iter().rev().filter_map(|entry| match &entry.feedback {
            Feedback::Edit { text, how, summary } => Some((entry, text, how, summary)),
            _ => None,
        });
        let edits: Vec<_> = edits.collect();
        if edits.is_empty() {
            empty(
                ui,
                "No versions yet.",
                "Change a number or a line of the reward: each version is kept here.",
            );
            return;
        }
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for (entry, text, how, summary) in edits {
                ui.horizontal(|ui| {
                    let here = *text == see.document.program;
                    let name = format!("Version {}", entry.position);
                    let button = ui
                        .add_enabled(!here, egui::Button::new(&name))
                        .on_hover_text("Put it into the editor");
                    if button.clicked() {
                        see.commands
                            .push(Command::LoadProgram(text.clone(), name.to_lowercase()));
                    }
                    let how = match how {
                        EditKind::Typed => "typed",
                        EditKind::Slider => "slider",
                        EditKind::QuickFix => "quick fix",
                        EditKind::Format => "formatted",
                        EditKind::Opened => "opened",
                        EditKind::Undo => "undo",
                    };
                    ui.label(format!("{how}: {summary}"));
                    if here {
                        ui.weak("in the editor");
                    }
                });
            }
        });
    }
}
