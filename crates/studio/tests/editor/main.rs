//! The editor as a person uses it, by the names of what is on the screen.

mod findings;
mod robustness;
mod sliders;
#[path = "../support/mod.rs"]
mod support;
mod typing;

use carrot_reward_compiler::constants::{Constant, constants};
use carrot_reward_compiler::{Author, Entry, compile_by};
use carrot_reward_interface::{Diagnostic, Schema, Severity, Span};
use carrot_studio::accessible_tree::name_handles;
use carrot_studio::action::Action;
use carrot_studio::editor::{CodeEditor, EditorEvent, EditorInput};
use eframe::egui::{self, Event, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use rand::{RngExt as _, SeedableRng as _};
use support::names::Watch;
const SCHEMA: &str = r#"
[variable.height]
unit = "m"
doc = "height of the torso above the floor"
[variable.tilt]
unit = "rad"
[variable.object_pos]
shape = [3]
unit = "m"
"#;

const PROGRAM: &str = "import torch


def compute_reward(height, tilt):
    # Stand tall, and upright.
    lift = 2.0 * torch.clamp(height, min=0.0, max=1.5)
    upright = torch.exp(-4.0 * tilt**2)
    total = lift + 0.5 * upright
    return total, {\"lift\": lift, \"upright\": upright}
";

/// What the studio hands on to the editor.
const COMMANDS: [Action; 6] = [
    Action::PreviousFinding,
    Action::NextFinding,
    Action::QuickFix,
    Action::Format,
    Action::Find,
    Action::SlidersInText,
];

/// Time that passes between two frames.
const STEP_SECS: f32 = 0.05;

/// The editor with a compiler that answers at once, as the studio's does within a few frames.
struct Desk {
    editor: CodeEditor,
    text: String,
    schema: Schema,
    terms: Vec<String>,
    compiled: Option<(String, Vec<Diagnostic>, Vec<Constant>)>,
    /// Findings and constants are never brought up to date.
    is_stale: bool,
    marks: Vec<(u32, String)>,
    events: Vec<EditorEvent>,
}

impl Desk {
    fn new(text: &str) -> Self {
        Self {
            editor: CodeEditor::default(),
            text: text.to_owned(),
            schema: Schema::from_toml(SCHEMA).unwrap(),
            terms: vec!["lift".into(), "upright".into()],
            compiled: None,
            is_stale: false,
            marks: Vec::new(),
            events: Vec::new(),
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui) {
        let is_new = self.compiled.as_ref().is_none_or(|(of, ..)| *of != self.text);
        if is_new && !self.is_stale {
            let found = compile_by(Author::Person, &self.text, "reward.py", &self.schema, Entry::Reward).diagnostics;
            self.compiled = Some((self.text.clone(), found, constants(&self.text)));
        }
        let (of, findings, constants) = self.compiled.clone().unwrap_or_default();
        for action in COMMANDS {
            if action.take_key(ui.ctx()) {
                assert!(self.editor.act(action));
            }
        }
        egui::Frame::central_panel(ui.style()).show(ui, |ui| {
            let events = self.editor.show(
                ui,
                EditorInput {
                    is_current: of == self.text,
                    text: &mut self.text,
                    findings: &findings,
                    constants: &constants,
                    schema: &self.schema,
                    terms: &self.terms,
                    line_marks: &self.marks,
                },
            );
            self.events.extend(events);
        });
        let room = ui.max_rect();
        name_handles(ui.ctx(), room, &[room]);
    }
}

fn desk(text: &str, size: [f32; 2], theme: Theme) -> Harness<'static, Desk> {
    let mut harness = support::harness(size, theme)
        .allow_missing_glyphs()
        .with_step_dt(STEP_SECS)
        .build_ui_state(|ui, desk: &mut Desk| desk.ui(ui), Desk::new(text));
    harness.run();
    harness
}

fn wide(text: &str) -> Harness<'static, Desk> {
    desk(text, [900.0, 600.0], Theme::Dark)
}

/// Puts the caret behind the first place where the text has `before`.
fn caret_after(harness: &mut Harness<'_, Desk>, before: &str) {
    let text = harness.state().text.clone();
    let at = text.find(before).expect("the text has it") + before.len();
    let line = text[..at].matches('\n').count() as u32 + 1;
    let column = text[..at].rsplit('\n').next().unwrap().chars().count() as u32 + 1;
    harness.state_mut().editor.go_to(&text, line, column);
    harness.run();
}

fn type_text(harness: &mut Harness<'_, Desk>, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => harness.key_press(Key::Enter),
            c => harness.event(Event::Text(c.to_string())),
        }
        harness.run();
    }
}

#[test]
fn what_it_looks_like() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (name, size, theme, text) in [
        ("editor_dark", [900.0, 420.0], Theme::Dark, PROGRAM.to_owned()),
        (
            "editor_light_mistakes",
            [900.0, 420.0],
            Theme::Light,
            PROGRAM
                .replace("torch.exp", "torch.epx")
                .replace("clamp(height", "clamp(hieght"),
        ),
        (
            "editor_narrow",
            [380.0, 560.0],
            Theme::Dark,
            PROGRAM.replace("return total", "retrun total"),
        ),
    ] {
        let mut harness = desk(&text, size, theme);
        harness.key_press(Key::F8);
        harness.run();
        harness.snapshot(name);
        results.extend(harness.take_snapshot_results());
    }
}
