//! Letters, keys, completion, format, search: the text as a person writes it.

use super::*;

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
