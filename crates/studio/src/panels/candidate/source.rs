//! The text of a candidate, and what the compiler or the sandbox had against it.

use carrot_run_record::{Candidate, Outcome, Program};
use egui::text::LayoutJob;
use egui::{Label, RichText, TextStyle, Ui};

use crate::editor::coloured;

/// What was drawn last, and of which candidate.
#[derive(Default)]
pub(super) struct Source {
    findings: Option<(Candidate, String)>,
    text: Option<(String, bool, LayoutJob)>,
}

impl Source {
    /// Shows the findings, where there are any, and below them the text.
    pub(super) fn show(&mut self, ui: &mut Ui, candidate: &Candidate) {
        self.findings(ui, candidate);
        match &candidate.program {
            Program::Source { text, .. } => self.text(ui, text),
            Program::Wasm { file, object } => {
                ui.label(format!(
                    "{file} is a foreign module without text; its SHA-256 is {object}."
                ));
            }
        }
    }

    fn findings(&mut self, ui: &mut Ui, candidate: &Candidate) {
        if matches!(candidate.outcome, Outcome::Evaluated(_)) {
            return;
        }
        if self.findings.as_ref().is_none_or(|(of, _)| of != candidate) {
            self.findings = Some((candidate.clone(), draw(candidate)));
        }
        if let Some((_, drawn)) = &self.findings {
            let text = RichText::new(drawn).monospace().color(ui.visuals().error_fg_color);
            ui.add(Label::new(text).extend());
            ui.separator();
        }
    }

    fn text(&mut self, ui: &mut Ui, text: &str) {
        let dark = ui.visuals().dark_mode;
        if self
            .text
            .as_ref()
            .is_none_or(|(of, was_dark, _)| of != text || *was_dark != dark)
        {
            let font = TextStyle::Monospace.resolve(ui.style());
            self.text = Some((text.to_owned(), dark, coloured(text, dark, &font)));
        }
        ui.horizontal_top(|ui| {
            let numbers: Vec<String> = (1..=text.lines().count()).map(|line| format!("{line:>3}")).collect();
            ui.add(Label::new(RichText::new(numbers.join("\n")).monospace().weak()).selectable(false));
            if let Some((_, _, job)) = &self.text {
                ui.add(Label::new(job.clone()).extend());
            }
        });
    }
}

fn draw(candidate: &Candidate) -> String {
    let text = super::text_of(&candidate.program).unwrap_or_default();
    match &candidate.outcome {
        Outcome::Rejected { diagnostics } => carrot_reward_compiler::render(diagnostics, text, false),
        Outcome::Stopped { stop } => {
            let line = stop
                .at
                .as_ref()
                .and_then(|span| text.lines().nth(span.line.saturating_sub(1) as usize));
            match line {
                Some(line) => format!("{stop}\n    {}", line.trim()),
                None => stop.to_string(),
            }
        }
        Outcome::Evaluated(_) => String::new(),
    }
}
