//! What nobody would do on purpose: nothing breaks, and a long text costs little.

use super::*;

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
