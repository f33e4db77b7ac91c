//! What the compiler found, where it shows and how it is repaired.

use super::*;

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
