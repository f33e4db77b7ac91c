//! Versions of the program: what the person made of it, newest first, and what each differs in from the present text.

use std::time::{SystemTime, UNIX_EPOCH};

use carrot_run_record::{EditKind, Feedback, FeedbackEntry};
use egui::Ui;

use super::difference::Difference;
use super::list::{Column, Done, List, Row};
use super::search::duration;
use super::{Command, See, empty};

const COLUMNS: [Column; 4] = [
    column("Version", 70.0),
    column("When", 96.0),
    column("How", 84.0),
    column("What", 260.0),
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
    /// Position in the feedback.
    chosen: Option<i64>,
    difference: Difference,
}

impl HistoryPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let run = std::sync::Arc::clone(see.run);
        let versions = &run.overview.versions;
        if versions.is_empty() {
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
        let entry = |at: usize| &run.feedback[versions[at]];
        let chosen = (0..versions.len()).find(|&at| Some(entry(at).position) == self.chosen);
        let height = ui.available_height() * if chosen.is_some() { 0.45 } else { 1.0 };
        let current = &see.document.program;
        let row = |at: usize| (entry(at).position, shown(entry(at), now, current));
        let done = self.list.show(
            ui,
            "Versions of the reward",
            &COLUMNS,
            None,
            versions.len(),
            chosen,
            height,
            row,
        );
        match done {
            Some(Done::Chosen(at)) => self.chosen = Some(entry(at).position),
            Some(Done::Opened(at)) => put_back(see, entry(at)),
            Some(Done::Sorted(_)) | None => {}
        }
        let Some(at) = chosen else { return };
        let Feedback::Edit { text, .. } = &entry(at).feedback else {
            return;
        };
        let is_present = *text == see.document.program;
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("From version {} to the present text", entry(at).position));
            let put = ui.add_enabled(
                !is_present,
                egui::Button::new(format!("Put version {} back", entry(at).position)),
            );
            if put.clicked() {
                put_back(see, entry(at));
            }
        });
        self.difference.show(ui, text, &see.document.program, f32::INFINITY);
    }
}

fn put_back(see: &mut See<'_>, entry: &FeedbackEntry) {
    if let Feedback::Edit { text, .. } = &entry.feedback {
        see.want(Command::LoadProgram(
            text.clone(),
            format!("version {}", entry.position),
        ));
    }
}

fn shown(entry: &FeedbackEntry, now: i64, current: &str) -> Row {
    let (text, how, summary) = match &entry.feedback {
        Feedback::Edit { text, how, summary } => (text.as_str(), word(*how), summary.as_str()),
        _ => ("", "", ""),
    };
    let when = match now - entry.written_unix_secs {
        ..10 => "just now".to_owned(),
        seconds => format!("{} ago", duration(seconds as f64)),
    };
    let here = if text == current { "in the editor now; " } else { "" };
    Row {
        spoken: format!("Version {}, {when}, {how}: {here}{summary}", entry.position),
        hover: summary.to_owned(),
        cells: vec![
            (format!("{}", entry.position), None),
            (when, None),
            (how.to_owned(), None),
            (format!("{here}{summary}"), None),
        ],
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
