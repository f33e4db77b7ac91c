//! The reward program: text, findings, numbers as sliders.

use carrot_run_record::EditKind;
use egui::Ui;

use super::{Command, See, empty};
use crate::action::Action;
use crate::draft::Change;
use crate::editor::{CodeEditor, EditorEvent, EditorInput};

/// The editor panel.
#[derive(Default)]
pub struct EditorPanel {
    editor: CodeEditor,
}

impl EditorPanel {
    /// An action of the editor. False where it is none.
    pub fn act(&mut self, action: Action) -> bool {
        self.editor.act(action)
    }

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
            let turn = |name: &str| Change::of_program(format!("turn {name}"), EditKind::Slider);
            let (change, summary) = match event {
                EditorEvent::Typed => (Change::of_program("typing", EditKind::Typed), None),
                // Should it never be let go, such as by a number that leaves its list under the hand, it settles all the same.
                EditorEvent::SliderMoved { name, .. } => (turn(&name), None),
                EditorEvent::SliderReleased { name, from, to } => (turn(&name), Some(format!("{name} {from} → {to}"))),
                EditorEvent::Formatted => (Change::of_program("format", EditKind::Format), Some(String::new())),
                EditorEvent::QuickFixed { code } => (Change::of_program("quick fix", EditKind::QuickFix), Some(code)),
            };
            if let (Some(how), Some(summary)) = (change.how, summary) {
                see.want(Command::Settled { how, summary });
            }
            *see.change = Some(change);
        }
    }
}
