//! The search: its settings, how it goes, and its candidates as a table, over the generations, and as a tree.

mod fitness;
mod lineage;
mod progress;
mod settings;
mod table;

pub(super) use progress::{duration, grouped};
pub(crate) use settings::generations_of;

use egui::Ui;

use super::{Command, Panel, See, empty, play_hint};

/// The search panel.
#[derive(Default)]
pub struct SearchPanel {
    view: View,
    pace: progress::Pace,
    table: table::Table,
}

/// How the candidates are looked at.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum View {
    #[default]
    Candidates,
    Fitness,
    Lineage,
}

impl SearchPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        settings::show(ui, see);
        let works = self.pace.show(ui, see);
        ui.separator();
        if see.run.overview.rows.is_empty() {
            let what = match works {
                true => "The first ones are in training.",
                false => {
                    "Start the search: it writes rewards, trains a policy on each, and judges it by the task's fitness. \
                     The reward in the editor takes part."
                }
            };
            return empty(ui, "No candidates yet.", what);
        }
        ui.horizontal_wrapped(|ui| {
            for (view, name) in [
                (View::Candidates, "Candidates"),
                (View::Fitness, "Fitness"),
                (View::Lineage, "Lineage"),
            ] {
                ui.selectable_value(&mut self.view, view, name);
            }
            ui.separator();
            chosen(ui, see);
        });
        match self.view {
            View::Candidates => self.table.show(ui, see),
            View::Fitness => fitness::show(ui, see),
            View::Lineage => lineage::show(ui, see),
        }
    }
}

/// What can be done with the chosen candidate.
fn chosen(ui: &mut Ui, see: &mut See<'_>) {
    let overview = &see.run.overview;
    let Some(row) = see
        .selected
        .and_then(|id| overview.place_of(id))
        .map(|place| &overview.rows[place])
    else {
        ui.weak("Choose a candidate.");
        return;
    };
    if ui.button(format!("Look at {}", row.name)).clicked() {
        see.commands.push(Command::Focus(Panel::Candidate));
    }
    let can_play = row.fitness.is_some();
    if ui
        .add_enabled(can_play, egui::Button::new(format!("Play {}", row.name)))
        .on_hover_text(play_hint(ui.ctx()))
        .clicked()
    {
        see.commands.push(Command::PlayCandidate(row.id));
    }
}
