//! Versions of the program: what the person made of it, newest first, and what each differs in from the present text.

use std::time::{SystemTime, UNIX_EPOCH};

use carrot_run_record::{EditKind, Feedback, FeedbackEntry};
use egui::Ui;

use super::difference::Difference;
use super::list::{Column, Done, List, Row};
use super::search::duration;
use super::{Command, See, empty};
use crate::action::Action;

const COLUMNS: [Column; 4] = [
    column("Version", 58.0),
    column("When", 80.0),
    column("How", 70.0),
    column("What", 300.0),
];

const fn column(title: &'static str, width: f32) -> Column {
    Column {
        title,
        width,
        hover: "",
    }
}

/// The history panel.
#[derive(Default)]
pub struct HistoryPanel {
    list: List,
    chosen: Option<usize>,
    /// An action wants the chosen version back.
    asked: bool,
    difference: Difference,
}

/// A version, counted from 1 as they came about; 0 is the task's hand-written reward, from which a session begins.
struct Version<'a> {
    number: usize,
    text: &'a str,
    how: &'static str,
    summary: &'a str,
    written_unix_secs: Option<i64>,
}

impl HistoryPanel {
    /// Puts the chosen version back, in the next frame that shows it.
    pub fn put_back(&mut self) {
        self.asked = self.is_chosen();
    }

    /// A version is chosen.
    pub fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let run = std::sync::Arc::clone(see.run);
        let edits = &run.overview.versions;
        if edits.is_empty() {
            empty(
                ui,
                "No versions yet.",
                "Change a number or a line of the reward: each version is kept here.",
            );
            return;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs() as i64;
        let begin = see.task.map(std::sync::Arc::clone);
        // The newest first, the beginning last.
        let count = edits.len() + usize::from(begin.is_some());
        let version = |at: usize| match edits.get(at) {
            Some(&place) => edited(edits.len() - at, &run.feedback[place]),
            None => Version {
                number: 0,
                text: begin.as_ref().map_or("", |task| task.human.as_str()),
                how: "",
                summary: "the hand-written reward",
                written_unix_secs: None,
            },
        };
        let chosen = (0..count).find(|&at| Some(version(at).number) == self.chosen);
        let height = ui.available_height() * if chosen.is_some() { 0.45 } else { 1.0 };
        let current = &see.document.program;
        let row = |at: usize| (version(at).number, version(at).shown(now, current));
        let done = self
            .list
            .show(ui, "Versions of the reward", &COLUMNS, None, count, chosen, height, row);
        match done {
            Some(Done::Chosen(at)) => self.chosen = Some(version(at).number),
            Some(Done::Opened(at)) => version(at).put_back(see),
            Some(Done::Sorted(_)) | None => {}
        }
        let asked = std::mem::take(&mut self.asked);
        let Some(at) = chosen else { return };
        let chosen = version(at);
        let is_present = chosen.text == see.document.program;
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("From version {} to the present text", chosen.number));
            let put = egui::Button::new(format!("Put version {} back", chosen.number));
            let put = ui
                .add_enabled(!is_present, put)
                .on_hover_text(Action::PutBack.hint(ui.ctx()));
            if put.clicked() || (asked && !is_present) {
                chosen.put_back(see);
            }
        });
        self.difference
            .show(ui, chosen.text, &see.document.program, f32::INFINITY);
    }
}

fn edited(number: usize, entry: &FeedbackEntry) -> Version<'_> {
    let (text, how, summary) = match &entry.feedback {
        Feedback::Edit { text, how, summary } => (text.as_str(), word(*how), summary.as_str()),
        _ => ("", "", ""),
    };
    Version {
        number,
        text,
        how,
        summary,
        written_unix_secs: Some(entry.written_unix_secs),
    }
}

impl Version<'_> {
    fn put_back(&self, see: &mut See<'_>) {
        see.want(Command::LoadProgram {
            text: self.text.to_owned(),
            from: format!("version {}", self.number),
        });
    }

    fn shown(&self, now: i64, current: &str) -> Row {
        let when = match self.written_unix_secs.map(|written| now - written) {
            None => "at first".to_owned(),
            Some(..10) => "just now".to_owned(),
            Some(seconds) => format!("{} ago", duration(seconds as f64)),
        };
        let here = if self.text == current {
            "in the editor now; "
        } else {
            ""
        };
        let what = format!("{here}{}", self.summary);
        let how = if self.how.is_empty() {
            String::new()
        } else {
            format!(", {}", self.how)
        };
        Row {
            spoken: format!("Version {}, {when}{how}: {what}", self.number),
            hover: self.summary.to_owned(),
            cells: vec![
                (self.number.to_string(), None),
                (when, None),
                (self.how.to_owned(), None),
                (what, None),
            ],
        }
    }
}

fn word(how: EditKind) -> &'static str {
    match how {
        EditKind::Typed => "typed",
        EditKind::Slider => "slider",
        EditKind::QuickFix => "quick fix",
        EditKind::Format => "formatted",
        EditKind::Opened => "opened",
        EditKind::Undo => "undo",
    }
}
