//! The editor as a person uses it, by the names of what is on the screen.

mod support;

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
fn typing_a_mistake_shows_it_and_where() {
    let mut harness = wide(PROGRAM);
    harness.get_by_label_contains("no findings");
    caret_after(&mut harness, "lift = 2.0 * torch.clamp(h");
    type_text(&mut harness, "h");
    assert_eq!(harness.state().events, [EditorEvent::Typed]);
    harness.get_by_label("error[unknown-name] line 6 column 30: `hheight` is not known here");
    harness.get_by_label_contains("line 6, column 32");
    assert_eq!(harness.state().editor.caret(), Some((6, 32)));
}

#[test]
fn a_quick_fix_repairs_by_click() {
    let mistaken = PROGRAM.replace("torch.exp", "torch.epx");
    let mut harness = wide(&mistaken);
    harness.get_by_label_contains("error[unknown-attribute] line 7 column 21");
    harness.get_by_label("Fix: replace `epx` with `exp`, line 7").click();
    harness.run();
    assert_eq!(harness.state().text, PROGRAM);
    let code = "unknown-attribute".into();
    assert_eq!(harness.state().events, [EditorEvent::QuickFixed { code }]);
    harness.get_by_label_contains("no findings");
    // The caret stands behind what was repaired.
    assert_eq!(harness.state().editor.caret(), Some((7, 24)));
}

#[test]
fn a_quick_fix_repairs_by_keyboard() {
    let mistaken = PROGRAM.replace("tilt**2", "tlit**2");
    let mut harness = wide(&mistaken);
    harness.key_press(Key::F8);
    harness.run();
    assert_eq!(harness.state().editor.caret(), Some((7, 32)));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Period);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM);
}

#[test]
fn f8_goes_round_all_findings() {
    let mistaken = PROGRAM.replace("torch.exp", "torch.epx").replace("clamp", "calmp");
    let mut harness = wide(&mistaken);
    let mut places = Vec::new();
    for modifiers in [Modifiers::NONE, Modifiers::NONE, Modifiers::NONE, Modifiers::SHIFT] {
        harness.key_press_modifiers(modifiers, Key::F8);
        harness.run();
        places.push(harness.state().editor.caret().unwrap());
    }
    assert_eq!(places, [(6, 24), (7, 21), (6, 24), (7, 21)]);
}

#[test]
fn a_click_on_a_finding_goes_there() {
    let mut harness = wide(&PROGRAM.replace("torch.exp", "torch.epx"));
    harness.get_by_label_contains("error[unknown-attribute]").click();
    harness.run();
    assert_eq!(harness.state().editor.caret(), Some((7, 21)));
    assert!(harness.get_by_label("reward program").is_focused());
}

/// Lets a second pass, after which keys and clicks on a slider are one turn of it.
fn rest(harness: &mut Harness<'_, Desk>) {
    harness.run_steps((1.0 / STEP_SECS) as usize);
}

fn released(harness: &Harness<'_, Desk>) -> Vec<(f64, f64)> {
    let events = harness.state().events.iter();
    let released = events.filter_map(|event| match event {
        EditorEvent::SliderReleased { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    released.collect()
}

/// Drags a slider from its middle to its right end.
fn drag_up(harness: &mut Harness<'_, Desk>, slider: &str) {
    let slider = harness.get_by_label(slider).rect();
    let (from, to) = (slider.center(), slider.right_center());
    harness.hover_at(from);
    harness.run();
    harness.drag_at(from);
    harness.run();
    for step in 1..=10 {
        harness.hover_at(from.lerp(to, step as f32 / 10.0));
        harness.run();
    }
    harness.drop_at(to);
    harness.run();
}

#[test]
fn a_slider_writes_the_number_into_the_text() {
    let mut harness = wide(PROGRAM);
    drag_up(&mut harness, "upright weight, line 8");
    let desk = harness.state();
    assert_eq!(desk.text, PROGRAM.replace("0.5 * upright", "5.0 * upright"));
    let moved = desk
        .events
        .iter()
        .filter(|event| matches!(event, EditorEvent::SliderMoved { .. }));
    assert!(moved.count() > 3, "{:?}", desk.events);
    let released = EditorEvent::SliderReleased {
        name: "upright weight".into(),
        from: 0.5,
        to: 5.0,
    };
    assert_eq!(desk.events.last(), Some(&released));
    assert_eq!(
        desk.events
            .iter()
            .filter(|event| matches!(event, EditorEvent::SliderReleased { .. }))
            .count(),
        1
    );
}

/// Drags a slider over a share of its length, taken at another.
fn drag(harness: &mut Harness<'_, Desk>, slider: &str, from: f32, to: f32, modifiers: Modifiers) {
    let rect = harness.get_by_label(slider).rect();
    let place = |share: f32| rect.lerp_inside(egui::vec2(share, 0.5));
    let button = |pressed: bool, share: f32| Event::PointerButton {
        pos: place(share),
        button: egui::PointerButton::Primary,
        pressed,
        modifiers,
    };
    harness.event(Event::ModifiersChanged(modifiers));
    harness.hover_at(place(from));
    harness.run();
    harness.event(button(true, from));
    harness.run();
    for step in 1..=40 {
        harness.hover_at(place(from + (to - from) * step as f32 / 40.0));
        harness.step();
    }
    harness.event(button(false, to));
    harness.run();
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
}

/// Half of a slider is a decade; to the left it ends at nothing, and the sign stays.
#[test]
fn a_slider_covers_decades() {
    for (slider, share, literal, low, high) in [
        ("upright weight, line 8", 1.0, "0.5 *", 5.0, 5.0),
        ("upright weight, line 8", 0.75, "0.5 *", 1.4, 1.8),
        ("upright weight, line 8", 0.25, "0.5 *", 0.14, 0.18),
        ("upright weight, line 8", 0.0, "0.5 *", 0.0, 0.0),
        ("tilt factor, line 7", 1.0, "-4.0 *", -40.0, -40.0),
        ("tilt factor, line 7", 0.0, "-4.0 *", 0.0, 0.0),
    ] {
        let mut harness = wide(PROGRAM);
        drag(&mut harness, slider, 0.5, share, Modifiers::NONE);
        let [(from, to)] = released(&harness)[..] else {
            panic!("{slider} {share}: {:?}", harness.state().events)
        };
        assert!(low <= to && to <= high, "{slider} {share}: {to}");
        assert_eq!(harness.state().text.replace(&format!("{to:?} *"), literal), PROGRAM);
        assert_eq!(literal, format!("{from:?} *"));
    }
    // Fine steps: a twentieth of that, and small ones are not lost.
    let mut harness = wide(PROGRAM);
    drag(&mut harness, "upright weight, line 8", 0.5, 1.0, Modifiers::SHIFT);
    let to = released(&harness)[0].1;
    assert!((0.55..0.57).contains(&to), "{to}");
}

/// What comes and goes with a text that is being written moves nothing else.
#[test]
fn nothing_moves_when_findings_come_and_go() {
    for size in [[900.0, 600.0], [380.0, 700.0]] {
        let mut harness = desk(PROGRAM, size, Theme::Dark);
        let places = |harness: &Harness<'_, Desk>| {
            ["Constants", "reward program"].map(|name| harness.get_by_label(name).rect().left_top())
        };
        let before = places(&harness);
        let slider = harness.get_by_label("lift weight, line 6").rect();
        for text in [
            PROGRAM.replace("torch.exp", "torch.epx"),
            PROGRAM
                .replace("torch.exp", "torch.epx")
                .replace("clamp(height", "clamp(hieght"),
            PROGRAM.replace("tilt**2)", "tilt**2"),
            String::new(),
            PROGRAM.to_owned(),
        ] {
            harness.state_mut().text = text;
            harness.run();
            assert_eq!(places(&harness), before);
            if let Some(now) = harness.query_by_label("lift weight, line 6") {
                assert_eq!(now.rect(), slider);
            }
        }
    }
}

#[test]
fn a_slider_can_be_set_by_assistive_technology() {
    let mut harness = wide(PROGRAM);
    harness.get_by_label("tilt factor, line 7").set_value_accesskit(-8.0);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("-4.0", "-8.0"));
    rest(&mut harness);
    assert!(matches!(
        harness.state().events.as_slice(),
        [
            EditorEvent::SliderMoved { .. },
            EditorEvent::SliderReleased {
                from: -4.0,
                to: -8.0,
                ..
            }
        ]
    ));
}

/// Two clicks at once, as a person makes them.
fn double_click(harness: &mut Harness<'_, Desk>, at: egui::Pos2) {
    for _ in 0..2 {
        harness.drag_at(at);
        harness.step();
        harness.drop_at(at);
        harness.step();
    }
    harness.run();
}

#[test]
fn a_double_click_puts_the_number_back() {
    let mut harness = wide(&PROGRAM.replace("0.5 * upright", "0.5125 * upright"));
    let text = |weight: &str| PROGRAM.replace("0.5 * upright", &format!("{weight} * upright"));
    let slider = harness.get_by_label("upright weight, line 8").rect();
    // Nothing was done yet: what the program came with, to the last digit, and no edit.
    let low = slider.lerp_inside(egui::vec2(0.2, 0.5));
    double_click(&mut harness, low);
    assert_eq!(harness.state().text, text("0.5125"));
    rest(&mut harness);
    assert_eq!(released(&harness), []);
    // What it was before it was dragged, however often it is asked for.
    drag_up(&mut harness, "upright weight, line 8");
    assert_eq!(harness.state().text, text("5.12"));
    for _ in 0..2 {
        rest(&mut harness);
        double_click(&mut harness, slider.lerp_inside(egui::vec2(0.9, 0.5)));
        assert_eq!(harness.state().text, text("0.5125"));
    }
    rest(&mut harness);
    assert_eq!(released(&harness), [(0.5125, 5.12), (5.12, 0.5125)]);
    // Of another program it knows nothing, though its number has the same name and the same value.
    drag_up(&mut harness, "upright weight, line 8");
    harness.state_mut().text = format!("# another\n{}", text("5.12"));
    harness.run();
    let slider = harness.get_by_label("upright weight, line 9").rect();
    double_click(&mut harness, slider.lerp_inside(egui::vec2(0.2, 0.5)));
    assert_eq!(harness.state().text, format!("# another\n{}", text("5.12")));
    // What was typed is what it goes back to.
    caret_after(&mut harness, "5.12");
    type_text(&mut harness, "1");
    double_click(&mut harness, slider.lerp_inside(egui::vec2(0.2, 0.5)));
    assert_eq!(harness.state().text, format!("# another\n{}", text("5.121")));
}

#[test]
fn keys_on_a_slider_are_one_turn() {
    let mut harness = wide(PROGRAM);
    let slider = "upright weight, line 8";
    harness.get_by_label(slider).focus();
    harness.run();
    for _ in 0..12 {
        harness.key_press(Key::ArrowRight);
        harness.step();
    }
    assert_eq!(released(&harness), []);
    rest(&mut harness);
    let [(from, to)] = released(&harness)[..] else {
        panic!("{:?}", released(&harness))
    };
    assert!(from == 0.5 && to > 0.5, "{to}");
    assert_eq!(harness.state().text, PROGRAM.replace("0.5 *", &format!("{to} *")));
    // Who leaves the slider has let it go.
    harness.key_press(Key::ArrowLeft);
    harness.step();
    harness.key_press(Key::Tab);
    harness.run_steps(2);
    assert_eq!(released(&harness).len(), 2);
    // Who turns another one has let the first one go.
    for slider in [slider, "lift weight, line 6"] {
        harness.get_by_label(slider).set_value_accesskit(1.0);
        harness.step();
    }
    rest(&mut harness);
    assert_eq!(released(&harness).len(), 4);
}

#[test]
fn sliders_in_the_text_come_and_go_by_key() {
    let mut harness = wide(PROGRAM);
    caret_after(&mut harness, "lift = 2.0");
    for is_there in [true, false] {
        // Some systems report what the key would type, too.
        let key = Event::Key {
            key: Key::S,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::ALT,
        };
        harness.input_mut().events.extend([key, Event::Text("s".into())]);
        harness.run();
        let slider = harness.query_by_label("in the text: lift weight, line 6");
        assert_eq!(slider.is_some(), is_there);
    }
    assert_eq!(harness.state().text, PROGRAM);
}

/// The record takes programs up to a length; so does the editor, and it says so.
#[test]
fn a_text_too_long_for_the_record_is_not_taken() {
    let mut harness = wide(PROGRAM);
    caret_after(&mut harness, "total = lift");
    let limit = carrot_run_record::PROGRAM_LIMIT;
    let sentence = "A program holds at most 64 KiB, so the last change was left out.";
    for (pasted, letter) in [(limit, "x"), (40 * limit, "x"), (limit / 2, "²")] {
        harness.event(Event::Paste(letter.repeat(pasted)));
        harness.run();
        assert_eq!(harness.state().text, PROGRAM);
        harness.get_by_label(sentence);
        assert_eq!(harness.state().editor.caret(), Some((8, 17)), "the caret stays");
    }
    assert_eq!(harness.state().events, []);
    let room = limit - PROGRAM.len();
    harness.event(Event::Paste("#".repeat(room)));
    harness.run();
    assert_eq!(harness.state().text.len(), limit);
    assert!(harness.query_by_label(sentence).is_none());
    for by in [Event::Text("x".into()), Event::Paste("²".into())] {
        harness.event(by);
        harness.run();
        harness.get_by_label(sentence);
        assert_eq!(harness.state().text.len(), limit);
    }
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().text.len(), limit);
    // Shorter it may become.
    harness.key_press(Key::Backspace);
    harness.run();
    assert_eq!(harness.state().text.len(), limit - 1);
    assert!(harness.query_by_label(sentence).is_none());
}

#[test]
fn numbers_of_any_size_have_sliders_that_write_numbers() {
    for literal in ["1e308", "1.7976931348623157e308", "-1e308", "9223372036854775807"] {
        let text = PROGRAM.replace("0.5 * upright", &format!("{literal} * upright"));
        let mut harness = wide(&text);
        let slider = "upright weight, line 8";
        for value in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN] {
            harness.get_by_label(slider).set_value_accesskit(value);
            harness.run_steps(2);
            let number = constants(&harness.state().text)
                .into_iter()
                .find(|found| found.line == 8);
            assert!(number.is_some(), "{literal} {value} {}", harness.state().text);
        }
        drag_up(&mut harness, slider);
        for key in [Key::ArrowRight, Key::ArrowLeft] {
            assert!(
                harness.query_by_label(slider).is_some(),
                "{literal} {:?}",
                constants(&harness.state().text)
            );
            harness.get_by_label(slider).focus();
            harness.key_press(key);
            harness.run_steps(3);
        }
        let number = constants(&harness.state().text)
            .into_iter()
            .find(|found| found.line == 8);
        assert!(
            number.is_some_and(|number| number.value.is_finite()),
            "{}",
            harness.state().text
        );
    }
}

#[test]
fn sliders_go_on_while_the_compiler_is_behind() {
    let mut harness = wide(PROGRAM);
    harness.state_mut().is_stale = true;
    for (name, value) in [
        ("lift weight, line 6", 3.25),
        ("height max, line 6", 1.0),
        ("upright weight, line 8", 0.25),
    ] {
        harness.get_by_label(name).set_value_accesskit(value);
        harness.run();
    }
    let expected = PROGRAM
        .replace("lift = 2.0", "lift = 3.25")
        .replace("max=1.5", "max=1.0")
        .replace("0.5 *", "0.25 *");
    assert_eq!(harness.state().text, expected);
}

/// A one is no weight, and a whole zero neither; but on the way over them a slider stays in the hand.
#[test]
fn a_slider_stays_while_it_is_held() {
    for (weight, at_the_end) in [("3", "0"), ("0.5", "0.0")] {
        let text = |weight: &str| PROGRAM.replace("0.5 * upright", &format!("{weight} * upright"));
        let mut harness = wide(&text(weight));
        let slider = harness.get_by_label("upright weight, line 8").rect();
        let place = |part: f32| slider.lerp_inside(egui::vec2(part, 0.5));
        harness.hover_at(place(0.5));
        harness.run();
        harness.drag_at(place(0.5));
        for part in (0..=20).rev().chain(0..=10) {
            harness.hover_at(place(part as f32 / 20.0));
            harness.run();
            if part == 0 {
                assert_eq!(harness.state().text, text(at_the_end));
            }
        }
        assert_ne!(harness.state().text, text(at_the_end));
        harness.hover_at(place(0.0));
        harness.run();
        harness.drop_at(place(0.0));
        harness.run();
        assert_eq!(harness.state().text, text(at_the_end));
        assert_eq!(released(&harness), [(weight.parse().unwrap(), 0.0)]);
        rest(&mut harness);
        // A term that is switched off can be switched on again.
        let slider = harness.query_by_label("upright weight, line 8");
        assert_eq!(slider.is_some(), at_the_end == "0.0");
    }
}

#[test]
fn the_list_of_constants_shows_where_they_are() {
    let mut harness = wide(PROGRAM);
    harness.get_by_label("show upright weight, line 8").click();
    harness.run();
    assert_eq!(harness.state().editor.caret(), Some((8, 23)));
}

#[test]
fn sliders_can_stand_in_the_text() {
    let mut harness = wide(PROGRAM);
    assert!(harness.query_by_label("in the text: lift weight, line 6").is_none());
    harness.get_by_label("Sliders in the text").click();
    harness.run();
    harness
        .get_by_label("in the text: lift weight, line 6")
        .set_value_accesskit(1.0);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("lift = 2.0", "lift = 1.0"));
}

/// Each slider is seen where its number is seen, however long the line and wherever it was scrolled to.
#[test]
fn sliders_in_the_text_are_under_their_numbers() {
    let long = "height, min=0.25, max=1.5) + 0.125 * torch.exp(-3.5 * tilt**2) + 0.75 * torch.abs(tilt)";
    let text = PROGRAM.replace("height, min=0.0, max=1.5)", long);
    let mut harness = desk(&text, [620.0, 500.0], Theme::Dark);
    harness.get_by_label("Sliders in the text").click();
    harness.run();
    let window = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(430.0, 500.0));
    let (first, last) = (
        "in the text: height weight, line 6",
        "in the text: tilt weight (2), line 6",
    );
    let is_seen = |harness: &Harness<'_, Desk>, name: &str| {
        let slider = harness.query_by_label(name);
        slider.is_some_and(|slider| window.contains_rect(slider.rect()))
    };
    assert!(is_seen(&harness, first) && !is_seen(&harness, last));
    let rects: Vec<egui::Rect> = harness
        .query_all_by_label_contains("in the text: ")
        .map(|slider| slider.rect())
        .collect();
    for (at, rect) in rects.iter().enumerate() {
        assert!(rects[..at].iter().all(|other| !other.intersects(*rect)), "{rects:?}");
    }
    drag(&mut harness, first, 0.5, 0.0, Modifiers::NONE);
    assert_eq!(harness.state().text, text.replace("lift = 2.0", "lift = 0.0"));
    caret_after(&mut harness, "torch.abs(tilt)");
    assert!(is_seen(&harness, last) && !is_seen(&harness, first));
    drag(&mut harness, last, 0.5, 1.0, Modifiers::NONE);
    assert!(
        harness.state().text.contains(" + 7.5 * torch.abs"),
        "{}",
        harness.state().text
    );
}

/// The text goes back to the beginning of its lines where the caret's line fits.
#[test]
fn a_long_line_leaves_no_other_one_without_its_beginning() {
    let mut harness = desk(PROGRAM, [620.0, 500.0], Theme::Dark);
    let left = |harness: &Harness<'_, Desk>| harness.get_by_label("reward program").rect().left();
    let at_first = left(&harness);
    caret_after(&mut harness, "max=1.5)");
    type_text(&mut harness, &" + torch.exp(height)".repeat(3));
    assert!(left(&harness) < at_first - 50.0, "the caret is in sight");
    type_text(&mut harness, "\n");
    assert_eq!(left(&harness), at_first);
    // By keys as well.
    harness.key_press(Key::ArrowUp);
    harness.key_press(Key::End);
    harness.run();
    assert!(left(&harness) < at_first - 50.0);
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(left(&harness), at_first);
}

#[test]
fn the_caret_goes_to_what_was_undone() {
    let mut harness = wide(PROGRAM);
    caret_after(&mut harness, "return total");
    for (from, to, caret) in [
        ("lift = 2.0", "lift = 2.75", (6, 16)),
        ("tilt**2", "tilt", (7, 36)),
        ("    # Stand tall, and upright.\n", "", (5, 5)),
    ] {
        harness.state_mut().text = PROGRAM.replace(from, to);
        harness.run();
        assert_eq!(harness.state().editor.caret(), Some(caret), "{to}");
        harness.state_mut().text = PROGRAM.to_owned();
        harness.run();
    }
    // The keyboard stays where it was.
    harness.get_by_label("lift weight, line 6").focus();
    harness.run();
    harness.state_mut().text = PROGRAM.replace("tilt**2", "tilt");
    harness.run();
    assert!(!harness.get_by_label("reward program").is_focused());
}

#[test]
fn the_text_may_change_from_outside() {
    let mut harness = wide(PROGRAM);
    caret_after(&mut harness, "lift = 2.0");
    type_text(&mut harness, "5");
    assert_eq!(harness.state().text, PROGRAM.replace("lift = 2.0", "lift = 2.05"));
    // Undo is the caller's: the widget itself has none.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("lift = 2.0", "lift = 2.05"));
    harness.state_mut().text = PROGRAM.to_owned();
    harness.run();
    harness.get_by_label("lift weight, line 6");
    harness.state_mut().text = String::new();
    harness.run();
    harness.get_by_label_contains("error[no-entry]");
    harness.get_by_label_contains("gets a slider here");
    type_text(&mut harness, "x");
    assert_eq!(harness.state().text, "x");
}

#[test]
fn keys_indent_and_comment() {
    let mut harness = wide("def compute_reward(height):\n    return height\n");
    caret_after(&mut harness, "(height):");
    type_text(&mut harness, "\nx = 1");
    assert_eq!(
        harness.state().text,
        "def compute_reward(height):\n    x = 1\n    return height\n"
    );
    harness.key_press(Key::Tab);
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT, Key::Tab);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Slash);
    harness.run();
    assert_eq!(
        harness.state().text,
        "def compute_reward(height):\n# x = 1   \n    return height\n"
    );
    assert!(harness.get_by_label("reward program").is_focused());
}

#[test]
fn a_completion_is_chosen_by_keyboard() {
    let mut harness = wide(
        &PROGRAM
            .replace("(height, tilt)", "(tilt)")
            .replace("clamp(height", "clamp("),
    );
    caret_after(&mut harness, "torch.clamp(");
    type_text(&mut harness, "hei");
    harness.get_by_label("insert height");
    harness.get_by_label("height of the torso above the floor");
    harness.key_press(Key::Enter);
    harness.run();
    // The variable has become a parameter with the same stroke.
    assert_eq!(
        harness.state().text,
        PROGRAM.replace("(height, tilt)", "(tilt, height)")
    );
    harness.get_by_label_contains("no findings");
    assert_eq!(harness.state().editor.caret(), Some((6, 36)));
    assert!(harness.query_by_label("insert height").is_none());
}

#[test]
fn completions_open_and_close() {
    let mut harness = wide(PROGRAM);
    caret_after(&mut harness, "upright = torch.");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Space);
    harness.run();
    harness.get_by_label("insert abs");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("insert abs").is_none());
    assert!(harness.get_by_label("reward program").is_focused());
    // By pointer, and further down the list.
    caret_after(&mut harness, "upright = torch.exp");
    type_text(&mut harness, "m");
    harness.get_by_label("insert expm1").click();
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("torch.exp(", "torch.expm1("));
    // A word that is written in full does not hold a new line back.
    caret_after(&mut harness, "upright\": upright");
    let lines = harness.state().text.lines().count();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Space);
    harness.run();
    type_text(&mut harness, "\n");
    assert_eq!(harness.state().text.lines().count(), lines + 1);
}

#[test]
fn a_program_is_laid_out_by_a_button_and_by_keys() {
    let crooked = PROGRAM
        .replace("lift = 2.0 * ", "lift=2.0*")
        .replace("tilt**2)", "tilt**2 )");
    let mut harness = wide(&crooked);
    harness.get_by_label("Format").click();
    harness.run();
    assert_eq!(harness.state().text, PROGRAM);
    assert_eq!(harness.state().events, [EditorEvent::Formatted]);
    // What is no Python stays as it is.
    let broken = crooked.replace("return total", "retrun total");
    harness.state_mut().text = broken.clone();
    harness.run();
    harness.key_press_modifiers(Modifiers::SHIFT | Modifiers::ALT, Key::F);
    harness.run();
    assert_eq!(harness.state().text, broken);
    harness.get_by_label("Not formatted: line 9 cannot be read.");
    harness.state_mut().text = crooked;
    harness.run();
    assert!(harness.query_by_label_contains("Not formatted").is_none());
    harness.key_press_modifiers(Modifiers::SHIFT | Modifiers::ALT, Key::F);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM);
}

#[test]
fn characters_of_any_language() {
    let mut harness = wide("# größer — βγ\ndef compute_reward(height):\n\treturn 2.0 * hieght  # ü\n");
    harness.get_by_label("error[unknown-name] line 3 column 15: `hieght` is not known here");
    harness
        .get_by_label("Fix: replace `hieght` with `height`, line 3")
        .click();
    harness.run();
    caret_after(&mut harness, "größer");
    type_text(&mut harness, "é");
    assert_eq!(
        harness.state().text,
        "# größeré — βγ\ndef compute_reward(height):\n\treturn 2.0 * height  # ü\n"
    );
    assert_eq!(harness.state().editor.caret(), Some((1, 10)));
}

#[test]
fn words_are_found() {
    let mut harness = wide(PROGRAM);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    let field = harness.get_by_label("find in the program");
    assert!(field.is_focused());
    type_text(&mut harness, "upright");
    harness.get_by_label("1 of 5");
    harness.get_by_label("next place").click();
    harness.run();
    harness.get_by_label("2 of 5");
    assert_eq!(harness.state().editor.caret(), Some((7, 12)));
    harness.get_by_label("close the search").click();
    harness.run();
    assert!(harness.query_by_label("find in the program").is_none());
    assert!(harness.get_by_label("reward program").is_focused());
    assert_eq!(harness.state().text, PROGRAM);
}

/// Moves the pointer along a line, resting here and there, until something is on the screen.
fn rest_until(harness: &mut Harness<'_, Desk>, text: egui::Rect, line: usize, label: &str) -> bool {
    const ROW: f32 = 15.0;
    (50..500).step_by(5).any(|x| {
        let place = egui::vec2(x as f32, 4.0 + (line as f32 - 0.5) * ROW);
        harness.hover_at(text.left_top() + place);
        harness.run_steps(24);
        harness.query_by_label(label).is_some()
    })
}

#[test]
fn resting_on_a_word_tells_what_it_is() {
    let mut harness = wide(PROGRAM);
    harness.state_mut().marks = vec![(9, "the total is not finite".into())];
    let text = harness.get_by_label("reward program").rect();
    assert!(rest_until(&mut harness, text, 6, "height of the torso above the floor"));
    assert!(rest_until(&mut harness, text, 6, "torch.clamp(input, [min], [max])"));
    assert!(rest_until(&mut harness, text, 9, "the total is not finite"));
    assert!(!rest_until(
        &mut harness,
        text,
        2,
        "height of the torso above the floor"
    ));
    // A number has its slider there.
    assert!(rest_until(&mut harness, text, 6, "here: lift weight, line 6"));
    harness
        .get_by_label("here: lift weight, line 6")
        .set_value_accesskit(3.0);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("lift = 2.0", "lift = 3.0"));
}

#[test]
fn resting_on_a_mistake_tells_about_it_and_offers_the_repair() {
    let mut harness = wide(&PROGRAM.replace("torch.exp", "torch.epx"));
    let text = harness.get_by_label("reward program").rect();
    assert!(rest_until(&mut harness, text, 7, "Fix here: replace `epx` with `exp`"));
    harness.get_by_label("did you mean `torch.exp`?");
    harness.get_by_label("Fix here: replace `epx` with `exp`").click();
    harness.run();
    assert_eq!(harness.state().text, PROGRAM);
}

/// Texts and findings that have nothing to do with each other, as happens while a compiler is behind: nothing breaks.
#[test]
fn stale_findings_break_nothing() {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(6);
    let pieces = [
        "α", "\n", "\t", "(", "]", "\"", "'''", "#", "x", "2.5", " ", "def f():", "é́", "🤖", "\r\n", "\u{200b}",
    ];
    let mut harness = wide("");
    harness.state_mut().is_stale = true;
    for round in 0..150 {
        let length = random.random_range(0..60);
        let text: String = (0..length)
            .map(|_| pieces[random.random_range(0..pieces.len())])
            .collect();
        let mut place = || random.random_range(0..12_u32);
        let findings = (0..4)
            .map(|_| Diagnostic {
                code: "unknown-name".into(),
                severity: Severity::Warning,
                file: "reward.py".into(),
                span: Span {
                    line: place(),
                    column: place(),
                    end_line: place(),
                    end_column: place(),
                },
                message: "m".into(),
                help: None,
                fix: None,
            })
            .collect();
        let constants = (0..3)
            .map(|_| {
                let start = place() as usize;
                Constant {
                    range: start..start + place() as usize,
                    value: 2.5,
                    is_integer: false,
                    name: "n".into(),
                    line: place() + 1,
                    column: place(),
                }
            })
            .collect();
        let desk = harness.state_mut();
        desk.marks = vec![(round % 9, "stopped".into())];
        desk.compiled = Some((String::new(), findings, constants));
        desk.text = text;
        harness.event(Event::PointerMoved(egui::pos2(
            random.random_range(0.0..500.0),
            random.random_range(0.0..200.0),
        )));
        harness.step();
        for key in [Key::F8, Key::Enter, Key::Tab, Key::ArrowDown] {
            harness.key_press(key);
            harness.step();
        }
        harness.key_press_modifiers(Modifiers::COMMAND, Key::Slash);
        harness.step();
    }
}

/// Letters of more than one byte at the end of every line, where what is cut at the wrong byte breaks.
const EVERYWHERE: &str = "# größer — βγ²
import torch  # für ²


def compute_reward(height, tilt):  # 🤖
    # Ünten é́²
    x = 9.5 * torch.clamp(height, max=9.5)  # größer m²
    y = 9.5 * torch.epx(tilt)  # ²²²²
    z = 0.5 * tilt  # α
    unused = height  # ²
    return x + y + z  # Σ²";

#[test]
fn sliders_turn_and_repairs_are_made_among_letters_of_any_length() {
    for (in_the_text, is_stale) in [(false, false), (true, false), (true, true)] {
        let mut harness = wide(EVERYWHERE);
        if in_the_text {
            harness.get_by_label("Sliders in the text").click();
            harness.run();
        }
        for line in 1..=EVERYWHERE.lines().count() as u32 {
            harness.state_mut().text = EVERYWHERE.to_owned();
            harness.run();
            harness.state_mut().editor.go_to(EVERYWHERE, line, 99);
            harness.run();
            harness.state_mut().is_stale = is_stale;
            for (name, value) in [
                ("x weight, line 7", 10.5),
                ("y weight, line 8", 12.25),
                ("height max, line 7", 10.0),
                ("tilt weight, line 9", 0.125),
                ("x weight, line 7", 1.0),
            ] {
                let name = match in_the_text {
                    true => format!("in the text: {name}"),
                    false => name.to_owned(),
                };
                harness.get_by_label(&name).set_value_accesskit(value);
                harness.step();
                harness.step();
            }
            let turned = EVERYWHERE
                .replace("x = 9.5", "x = 1.0")
                .replace("y = 9.5", "y = 12.2")
                .replace("max=9.5", "max=10.0")
                .replace("0.5 * tilt", "0.125 * tilt");
            assert_eq!(harness.state().text, turned, "caret in line {line}");
            harness.state_mut().is_stale = false;
            harness.run();
            harness.get_by_label("Fix: replace `epx` with `exp`, line 8").click();
            harness.run();
            assert_eq!(harness.state().text, turned.replace("epx", "exp"));
        }
    }
}

/// A person who does anything at all, in programs of any letters, with a compiler that is now and then behind. Nothing breaks,
/// and whatever comes up that can be operated has a name of its own.
#[test]
fn whatever_is_done_in_whatever_order_nothing_breaks() {
    const LINES: &[&str] = &[
        "import torch  # für ²",
        "# größer — βγ²",
        "def compute_reward(height, tilt):  # 🤖",
        "    x = 9.5 * torch.clamp(height, max=1.5)  # m²",
        "    y = -0.25 * torch.epx(tilt)  # é́",
        "    größe = 3 * hieght + 1e-3 * tilt  # ²²²",
        "\u{a0}unten = 2.0  # geschütztes Leerzeichen",
        " \u{3000}z = 1e308 * height",
        "\tß = \"Ü\" + '''",
        "    if x > 0.7 and (y[",
        "    return x + y, {\"α\": x}  # Σ",
        "\u{2028}\r",
        "",
    ];
    const TYPED: &[&str] = &[
        "ü", "x", "²", ".", "(", "#", "\"", " ", "hei", "🤖", "\u{a0}", "9", "torch.",
    ];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8);
    let mut harness = wide("");
    let watch = Watch::over(&harness.ctx);
    harness.get_by_label("Sliders in the text").click();
    let (mut past, mut frames) = (Vec::new(), 0_u32);
    let mut done = std::collections::BTreeMap::<&str, u32>::new();
    while frames < 3_000 {
        let mut some = |count: usize| random.random_range(0..count.max(1));
        if past.len() % 40 == 0 {
            // Now and then a whole program, in which there is something to turn and to repair.
            let count = some(20);
            let text: Vec<&str> = match some(2) {
                0 => (0..count).map(|_| LINES[some(LINES.len())]).collect(),
                _ => EVERYWHERE.lines().chain(LINES.iter().copied().skip(some(13))).collect(),
            };
            harness.state_mut().text = text.join("\n");
        }
        past.push(harness.state().text.clone());
        harness.state_mut().is_stale = some(3) == 0;
        let (what, keys) = match some(16) {
            0 | 1 => {
                let sliders: Vec<_> = harness.query_all_by_role(egui::Role::Slider).collect();
                if let Some(slider) = sliders.get(some(sliders.len())) {
                    slider.set_value_accesskit([10.5, 0.0, -3.0, 1e308, f64::NAN, 123_456.0, 0.001][some(7)]);
                }
                ("slider", None)
            }
            2 => {
                let fixes: Vec<_> = harness.query_all_by_label_contains("Fix").collect();
                if let Some(fix) = fixes.get(some(fixes.len())) {
                    fix.click();
                }
                ("fix", None)
            }
            3 | 4 => {
                harness.event(Event::Text(TYPED[some(TYPED.len())].into()));
                ("type", None)
            }
            5 => ("repair", Some((Modifiers::COMMAND, Key::Period))),
            6 => ("comment", Some((Modifiers::COMMAND, Key::Slash))),
            7 if some(2) == 0 => ("indent", Some((Modifiers::SHIFT, Key::Tab))),
            7 => ("indent", Some((Modifiers::NONE, Key::Tab))),
            8 => ("format", Some((Modifiers::SHIFT | Modifiers::ALT, Key::F))),
            9 => {
                harness.state_mut().text = past[some(past.len())].clone();
                ("undo", None)
            }
            10 => ("find", Some((Modifiers::COMMAND, Key::F))),
            11 if some(2) == 0 => ("complete", Some((Modifiers::COMMAND, Key::Space))),
            11 => ("complete", Some((Modifiers::NONE, Key::Enter))),
            12 if some(2) == 0 => ("select", Some((Modifiers::COMMAND, Key::A))),
            12 => ("select", Some((Modifiers::SHIFT, Key::ArrowDown))),
            13 => ("next finding", Some((Modifiers::NONE, Key::F8))),
            14 => {
                let text = harness.state().text.clone();
                let (line, column) = (some(20) as u32, some(40) as u32);
                harness.state_mut().editor.go_to(&text, line, column);
                ("go to", None)
            }
            _ => {
                let place = egui::pos2(some(900) as f32, some(600) as f32);
                match some(3) {
                    0 => harness.hover_at(place),
                    1 => harness.drag_at(place),
                    _ => harness.drop_at(place),
                }
                ("pointer", None)
            }
        };
        if let Some((modifiers, key)) = keys {
            harness.key_press_modifiers(modifiers, key);
        }
        *done.entry(what).or_default() += 1;
        for _ in 0..=some(3) {
            harness.step();
            frames += 1;
        }
        let faults = watch.faults();
        assert!(
            faults.is_empty(),
            "after {what}: {faults:?} in\n{}",
            harness.state().text
        );
    }
    // All of it was done, and did something.
    assert!(
        done.len() == 14 && done.values().all(|count| *count > 30),
        "{} {done:?}",
        done.len()
    );
    let events = &harness.state().events;
    for wanted in ["Typed", "SliderMoved", "SliderReleased", "QuickFixed", "Formatted"] {
        let happened = events.iter().any(|event| format!("{event:?}").starts_with(wanted));
        assert!(happened, "{wanted} never happened");
    }
}

/// A text as long as the compiler takes, with the caret in it: what a frame costs, and what one costs in which it changes.
#[test]
fn a_long_text_costs_little() {
    let line = "    y = torch.exp(-2.0 * height) + 0.5  # so\n";
    let mut text = "import torch\ndef compute_reward(height):\n".to_owned();
    while text.len() + line.len() < 32_000 {
        text += line;
    }
    let lines = text.lines().count();
    // Without the harness, whose tree of widgets is made only where a screen reader listens.
    let mut times = Vec::new();
    for text in [PROGRAM, &text] {
        let context = egui::Context::default();
        let mut desk = Desk::new(text);
        let frame = |desk: &mut Desk, events: Vec<Event>| {
            let input = egui::RawInput {
                screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1000.0, 700.0))),
                events,
                ..Default::default()
            };
            let start = std::time::Instant::now();
            let output = context.run_ui(input, |ui| desk.ui(ui));
            let laid = start.elapsed();
            (laid, context.tessellate(output.shapes, output.pixels_per_point).len())
        };
        frame(&mut desk, Vec::new());
        desk.editor.go_to(text, 2, 20);
        frame(&mut desk, Vec::new());
        desk.is_stale = true;
        let mut typical = |change: bool| {
            let mut of_frame: Vec<std::time::Duration> = (0..30)
                .map(|_| {
                    let typed = change.then(|| Event::Text("x".into()));
                    frame(&mut desk, typed.into_iter().collect()).0
                })
                .collect();
            of_frame.sort();
            of_frame[of_frame.len() / 2]
        };
        times.push((typical(false), typical(true)));
    }
    let [short, long] = times[..] else {
        unreachable!("two texts")
    };
    println!(
        "{lines} lines: a frame {:?}, one with a change {:?}; of a short text {short:?}",
        long.0, long.1
    );
    // Ten times what it takes, for a busy machine.
    for (took, most_millis) in [(long.0, 5), (long.1, 15)] {
        assert!(took < std::time::Duration::from_millis(most_millis), "{took:?}");
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
