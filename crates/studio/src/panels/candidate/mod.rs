//! One candidate: what became of it, its source, what differs from another, what was asked and answered, and its training.

mod source;
mod talk;
mod training;

use carrot_run_record::{Behaviour, Candidate, Driver, Feedback, Program, candidate_name};
use egui::{Button, ComboBox, ScrollArea, Ui};

use super::difference::Difference;
use super::{Command, See, empty, play_hint};
use crate::action::Action;
use crate::overview::Row;

/// The candidate panel.
#[derive(Default)]
pub struct CandidatePanel {
    page: Page,
    against: Against,
    difference: Difference,
    source: source::Source,
}

/// What is shown of it.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Page {
    #[default]
    Source,
    Difference,
    Talk,
    Training,
}

/// What it is compared with.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Against {
    /// Its parent, where it has one, or else the program in the editor.
    #[default]
    Origin,
    Editor,
    Candidate((u32, u32)),
}

impl CandidatePanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let run = std::sync::Arc::clone(see.run);
        let found = see.selected.and_then(|id| run.overview.place_of(id));
        let Some((row, candidate)) = found.and_then(|at| Some((&run.overview.rows[at], run.candidates.get(at)?)))
        else {
            match run.candidates.is_empty() {
                true => empty(
                    ui,
                    "No candidates yet.",
                    "Start a search in the Search panel; what it writes is shown here.",
                ),
                false => empty(
                    ui,
                    "No candidate chosen.",
                    "Choose one in the Search panel, in the table or the tree.",
                ),
            }
            return;
        };
        heading(ui, row, run.overview.best.map(|best| &run.overview.rows[best]));
        buttons(ui, see, row, candidate);
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            for (page, name) in [
                (Page::Source, "Source"),
                (Page::Difference, "Difference"),
                (Page::Talk, "Prompt and reply"),
                (Page::Training, "Training"),
            ] {
                ui.selectable_value(&mut self.page, page, name);
            }
        });
        match self.page {
            Page::Source => {
                ScrollArea::both()
                    .id_salt("source")
                    .auto_shrink(false)
                    .show(ui, |ui| {
                        self.source.show(ui, candidate);
                    })
                    .inner
            }
            Page::Difference => self.differences(ui, see, row, candidate),
            Page::Talk => talk::show(ui, &run, candidate),
            Page::Training => training::show(ui, candidate),
        }
    }

    fn differences(&mut self, ui: &mut Ui, see: &See<'_>, row: &Row, candidate: &Candidate) {
        let rows = &see.run.overview.rows;
        let parent = row.parents.first().map(|&parent| rows[parent].id);
        let mut against = match (self.against, parent) {
            (Against::Origin, Some(id)) => Against::Candidate(id),
            (Against::Candidate(id), _) if id != row.id && see.run.candidate(id).is_some() => self.against,
            _ => Against::Editor,
        };
        let before = against;
        ui.horizontal(|ui| {
            let label = ui.label("From");
            let words = |against: Against| match against {
                Against::Candidate(id) => candidate_name(id.0, id.1),
                _ => "the text in the editor".to_owned(),
            };
            let list = ComboBox::from_id_salt("against")
                .selected_text(words(against))
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut against, Against::Editor, words(Against::Editor));
                    for other in rows.iter().filter(|other| other.id != row.id) {
                        let choice = Against::Candidate(other.id);
                        ui.selectable_value(&mut against, choice, words(choice));
                    }
                });
            list.response
                .labelled_by(label.id)
                .accessible_name("Compare the text with");
            ui.label(format!("to {}", row.name));
        });
        if against != before {
            self.against = against;
        }
        let other = match against {
            Against::Candidate(id) => see.run.candidate(id).map(|other| text_of(&other.program)),
            _ => Some(Some(see.document.program.as_str())),
        };
        match (other.flatten(), text_of(&candidate.program)) {
            (Some(before), Some(after)) => self.difference.show(ui, before, after, f32::INFINITY),
            _ => _ = ui.label("A foreign module has no text to compare."),
        }
    }
}

/// The text of a program; none for a foreign module.
fn text_of(program: &Program) -> Option<&str> {
    match program {
        Program::Source { text, .. } => Some(text),
        Program::Wasm { .. } => None,
    }
}

fn heading(ui: &mut Ui, row: &Row, best: Option<&Row>) {
    ui.horizontal_wrapped(|ui| {
        let is_best = best.is_some_and(|best| best.id == row.id);
        ui.strong(if is_best {
            format!("{}, the best", row.name)
        } else {
            row.name.clone()
        });
        match (row.fitness, row.success) {
            (Some(fitness), Some(success)) => {
                ui.label(format!("fitness {fitness} · success {:.0} %", 100.0 * success))
                    .on_hover_text("Mean over the episodes of one evaluation ± 1.96 standard errors");
            }
            _ => _ = ui.colored_label(ui.visuals().error_fg_color, &row.outcome),
        }
        ui.weak(format!("by {}", row.proposer));
    });
    if !row.note.is_empty() {
        ui.label(&row.note);
    }
    let said = row.said.to_string();
    if !said.is_empty() {
        ui.weak(format!("People: {said}"));
    }
}

fn buttons(ui: &mut Ui, see: &mut See<'_>, row: &Row, candidate: &Candidate) {
    ui.horizontal_wrapped(|ui| {
        let text = text_of(&candidate.program);
        let put = ui.add_enabled(text.is_some(), Button::new("Put into the editor"));
        let put = put.on_hover_text(Action::EditCandidate.hint(ui.ctx()));
        if let Some(text) = text.filter(|_| put.clicked()) {
            see.want(Command::LoadProgram {
                text: text.to_owned(),
                from: row.name.clone(),
            });
        }
        let can_play = text.is_some() && row.fitness.is_some();
        let play = ui.add_enabled(can_play, Button::new("Play"));
        let play = play.on_hover_text(play_hint(ui.ctx()));
        if play
            .on_disabled_hover_text("It has no policy: it was not evaluated to the end")
            .clicked()
        {
            see.want(Command::PlayCandidate(row.id));
        }
        let overview = &see.run.overview;
        let best = overview
            .best
            .map(|best| overview.rows[best].id)
            .filter(|best| *best != row.id);
        let compare = ui.add_enabled(can_play && best.is_some(), Button::new("Compare with best"));
        let compare = compare.on_hover_text(Action::CompareWithBest.hint(ui.ctx()));
        if let Some(best) = best.filter(|_| compare.clicked()) {
            see.want(Command::Compare(row.id, best));
        }
        for (good, word) in [(true, "good"), (false, "bad")] {
            let rate = ui.add_enabled(can_play, Button::new(format!("{} is {word}", row.name)));
            if rate.on_hover_text("Goes into the record and the next prompt").clicked() {
                let of = behaviour(see, candidate);
                see.want(Command::Say(Feedback::Rating { of, good }));
                see.want(Command::Notice(format!("Noted: {} is {word}.", row.name)));
            }
        }
    });
}

/// What is rated: the rollout on the stage where that is this candidate's, or else its policy from the first start, as Compare shows
/// it at first.
fn behaviour(see: &See<'_>, candidate: &Candidate) -> Behaviour {
    let program = candidate.program.hash();
    match see.behaviour() {
        Ok(on_stage) if on_stage.program == program && on_stage.driver == Driver::Policy => on_stage,
        _ => Behaviour {
            program,
            candidate: Some((candidate.generation, candidate.index)),
            driver: Driver::Policy,
            seed: 0,
        },
    }
}
