//! The text of a candidate, and what the compiler or the sandbox had against it.

use carrot_run_record::{Candidate, Outcome, Program};
use egui::text::LayoutJob;
use egui::{Label, RichText, TextStyle, Ui};

/// Shows the text with line numbers.
pub(super) fn show(ui: &mut Ui, candidate: &Candidate) {
    let text = match &candidate.program {
        Program::Source { text, .. } => text,
        Program::Wasm { file, object } => {
            ui.label(format!(
                "{file} is a foreign module without text; its SHA-256 is {object}."
            ));
            return;
        }
    };
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.horizontal_top(|ui| {
        let lines = text.lines().count().max(1);
        let numbers: Vec<String> = (1..=lines).map(|line| format!("{line:>3}")).collect();
        ui.add(Label::new(RichText::new(numbers.join("\n")).monospace().weak()).selectable(false));
        let job = LayoutJob::simple(text.clone(), font, ui.visuals().text_color(), f32::INFINITY);
        ui.add(Label::new(job).extend());
    });
}

/// The findings about a candidate, drawn with carets.
#[derive(Default)]
pub(super) struct Findings {
    drawn: Option<(Candidate, String)>,
}

impl Findings {
    /// Shows them above the text; nothing where the candidate was evaluated.
    pub(super) fn show(&mut self, ui: &mut Ui, candidate: &Candidate) {
        if matches!(candidate.outcome, Outcome::Evaluated(_)) {
            return;
        }
        if self.drawn.as_ref().is_none_or(|(of, _)| of != candidate) {
            self.drawn = Some((candidate.clone(), draw(candidate)));
        }
        if let Some((_, drawn)) = &self.drawn {
            let text = RichText::new(drawn).monospace().color(ui.visuals().error_fg_color);
            ui.add(Label::new(text).extend());
            ui.separator();
        }
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
