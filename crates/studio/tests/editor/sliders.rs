//! Numbers under sliders, in their list and in the text.

use super::*;

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
