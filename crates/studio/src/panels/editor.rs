//! The reward program: text, findings, numbers as sliders.

use carrot_run_record::EditKind;
use egui::Ui;

use super::{Command, See, empty};
use crate::editor::{CodeEditor, EditorEvent, EditorInput};

/// The editor panel.
#[derive(Default)]
pub struct EditorPanel {
    editor: CodeEditor,
}

impl EditorPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let Some(task) = see.task else {
            return empty(ui, "No task yet.", "It is being opened; its reward appears here.");
        };
        let stopped: Vec<(u32, String)> = match &see.status.stop {
            Some(stop) => stop.at.iter().map(|at| (at.line, stop.to_string())).collect(),
            None => Vec::new(),
        };
        let input = EditorInput {
            is_current: *see.compiled.text == *see.document.program,
            text: &mut see.document.program,
            findings: &see.compiled.findings,
            constants: &see.compiled.constants,
            schema: &task.bench.task.schema,
            terms: &see.compiled.terms,
            line_marks: &stopped,
        };
        for event in self.editor.show(ui, input) {
            let (change, settled) = match event {
                EditorEvent::Typed => ("typing".to_owned(), None),
                EditorEvent::SliderMoved { name, .. } => (format!("turn {name}"), None),
                EditorEvent::SliderReleased { name, from, to } => {
                    let summary = format!("{name} {from} → {to}");
                    (format!("turn {name}"), Some((EditKind::Slider, summary)))
                }
                EditorEvent::Formatted => ("format".to_owned(), Some((EditKind::Format, String::new()))),
                EditorEvent::QuickFixed { code } => ("quick fix".to_owned(), Some((EditKind::QuickFix, code))),
            };
            *see.change = Some(change);
            if let Some((how, summary)) = settled {
                see.want(Command::Settled(how, summary));
            }
        }
    }
}
