//! The editor as a person uses it, by the names of what is on the screen.

mod support;

use carrot_reward_compiler::constants::{Constant, constants};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Diagnostic, Schema, Severity, Span};
use carrot_studio::editor::{CodeEditor, EditorEvent, EditorInput};
use eframe::egui::{self, Event, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use rand::{RngExt as _, SeedableRng as _};

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
            let found = compile(&self.text, "reward.py", &self.schema, Entry::Reward).diagnostics;
            self.compiled = Some((self.text.clone(), found, constants(&self.text)));
        }
        let (of, findings, constants) = self.compiled.clone().unwrap_or_default();
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
    }
}

fn desk(text: &str, size: [f32; 2], theme: Theme) -> Harness<'static, Desk> {
    let mut harness = support::harness(size, theme)
        .allow_missing_glyphs()
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

#[test]
fn a_slider_writes_the_number_into_the_text() {
    let mut harness = wide(PROGRAM);
    let slider = harness.get_by_label("upright weight, line 8").rect();
    let [from, to] = [
        slider.left_center() + egui::vec2(slider.width() * 0.5, 0.0),
        slider.right_center(),
    ];
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
    let desk = harness.state();
    assert_eq!(desk.text, PROGRAM.replace("0.5 * upright", "2.0 * upright"));
    let moved = desk
        .events
        .iter()
        .filter(|event| matches!(event, EditorEvent::SliderMoved { .. }));
    assert!(moved.count() > 3, "{:?}", desk.events);
    let released = EditorEvent::SliderReleased {
        name: "upright weight".into(),
        from: 0.5,
        to: 2.0,
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

#[test]
fn a_slider_can_be_set_by_assistive_technology() {
    let mut harness = wide(PROGRAM);
    harness.get_by_label("tilt factor, line 7").set_value_accesskit(-8.0);
    harness.run();
    assert_eq!(harness.state().text, PROGRAM.replace("-4.0", "-8.0"));
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
    harness.state_mut().text = crooked;
    harness.run();
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
        let mut median = |change: bool| {
            let mut of_frame: Vec<std::time::Duration> = (0..30)
                .map(|_| {
                    let typed = change.then(|| Event::Text("x".into()));
                    frame(&mut desk, typed.into_iter().collect()).0
                })
                .collect();
            of_frame.sort();
            of_frame[15]
        };
        times.push((median(false), median(true)));
    }
    let [short, long] = times[..] else {
        unreachable!("two texts")
    };
    println!(
        "{lines} lines: a frame {:?}, one with a change {:?}; of a short text {short:?}",
        long.0, long.1
    );
    assert!(long.0 < std::time::Duration::from_millis(20), "{:?}", long.0);
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
