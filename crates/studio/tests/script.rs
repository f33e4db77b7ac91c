//! Scripts find widgets by name and operate them as a hand would; what cannot be done is said with its line.

mod support;

use std::path::Path;

use carrot_studio::script::{Driver, Script};
use eframe::egui::Theme;
use egui_kittest::Harness;
use support::playground::Playground;

/// Performs a script on the playground; gives its end and the playground.
fn perform(folder: &Path, text: &str) -> (Result<(), String>, Harness<'static, Playground>) {
    let text = text.replace("DIR", &folder.display().to_string());
    let script = Script::parse("test.steps", &text).unwrap();
    let (driver, outcome) = Driver::new(script, folder.join("failed.png"), || serde_json::json!({"frames": 7}));
    let mut harness = support::harness([480.0, 400.0], Theme::Dark)
        .with_step_dt(1.0 / 60.0)
        .build_ui_state(
            |ui, playground: &mut Playground| playground.ui(ui),
            Playground::default(),
        );
    harness.ctx.add_plugin(driver);
    while outcome.get().is_none() {
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    (outcome.get().unwrap(), harness)
}

fn done(text: &str) -> Harness<'static, Playground> {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, harness) = perform(folder.path(), text);
    outcome.unwrap();
    harness
}

fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, _) = perform(folder.path(), text);
    assert!(folder.path().join("failed.png").exists(), "no picture of the failure");
    outcome.unwrap_err()
}

#[test]
fn hands_click_drag_scroll_and_type() {
    let harness = done(
        r#"
        wait "Late news" 5s              # appears by itself
        wait-gone "Early news"
        click "Add one"
        expect "Clicked 1 times"
        double-click "Add one"
        right-click "Add one"
        click "Add ten"
        click "Checked"
        click "Row 31"                   # out of sight until it is scrolled to
        click "Reset" in "Right panel"
        drag "slider:Speed" to 0.8
        drag "Height" to 0.25
        drag "Picture" by 30 0
        click "Note"
        type "abc d"
        key Shift+X
        expect-value "Note" "abc dX"
        key Backspace
        expect-value "Note" "abc d"
        key Ctrl+A
        type "new\n"                      # Enter leaves the input
        key Ctrl+Z
        "#,
    );
    let playground = harness.state();
    assert_eq!(playground.clicks, 3);
    assert_eq!(playground.double_clicks, 1);
    assert_eq!(playground.menu_picks, 1);
    assert!(playground.is_checked);
    assert_eq!(playground.rows_clicked, [31]);
    assert_eq!(playground.resets, [0, 1]);
    assert!((7.5..8.7).contains(&playground.speed), "{}", playground.speed);
    assert!((0.1..0.4).contains(&playground.height), "{}", playground.height);
    assert!((20.0..40.0).contains(&playground.dragged), "{}", playground.dragged);
    assert_eq!(playground.text, "new");
    assert_eq!(playground.undos, 1);
}

#[test]
fn pictures_and_reports_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        size 500 420
        theme light
        screenshot "DIR/whole.png"
        screenshot "DIR/part.png" of "Picture"
        screenshot "DIR/panel.png" of "pane:Left panel"
        report "DIR/report.json"
        quit"#;
    perform(folder.path(), script).0.unwrap();
    let whole = image::open(folder.path().join("whole.png")).unwrap().to_rgb8();
    let part = image::open(folder.path().join("part.png")).unwrap().to_rgb8();
    assert_eq!(whole.dimensions(), (500, 420));
    assert_eq!(part.dimensions(), (90, 40));
    let panel = image::open(folder.path().join("panel.png")).unwrap();
    assert!(panel.width() > 400 && panel.height() > 20, "{panel:?}");
    // The lower right corner of the picture is white-blue: 240, 240, 128.
    assert!(part.get_pixel(88, 38).0[0] > 220 && part.get_pixel(1, 1).0[0] < 20);
    // Light: the window's corner is bright.
    assert!(whole.get_pixel(498, 418).0[0] > 200);
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["frames"], 7);
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 5, "{report}");
    assert_eq!(steps[0]["line"], 2);
    assert_eq!(
        steps[3]["step"],
        format!("screenshot \"{}/part.png\" of \"Picture\"", folder.path().display())
    );
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    for (script, says) in [
        (
            "\nexpect \"Ad one\"",
            ["test.steps:2: expect \"Ad one\"", "did you mean \"button:Add one\"?"],
        ),
        (
            "expect \"Late\"",
            ["nothing is called \"Late\"", "\"label:Early news\""],
        ),
        (
            "wait \"Late*\" 0.05s",
            ["nothing is called \"Late*\"", "(after 0.05 s)"],
        ),
        (
            "wait-gone \"Add one\" 0.05s",
            ["\"Add one\" is still there", "(after 0.05 s)"],
        ),
        (
            "expect \"Reset\" in \"Middle\"",
            ["nothing is inside \"Middle\"", "failed.png"],
        ),
        ("screenshot \"/nowhere/x.png\"", ["/nowhere/x.png", "No such file"]),
    ] {
        let message = refused(script);
        for part in says {
            assert!(message.contains(part), "{script:?} says:\n{message}\nwithout {part:?}");
        }
    }
}

#[test]
fn a_widget_that_cannot_be_operated_is_waited_for_and_then_refused() {
    // Each takes its ten seconds; side by side they are ten together.
    let cases = [
        ("click \"Reset\"", "2 widgets are called so"),
        ("click \"Never\"", "\"Never\" is there and disabled"),
        ("expect-value \"Note\" \"x\"", "\"Note\" says \"\""),
    ];
    let threads = cases.map(|(script, says)| std::thread::spawn(move || (script, says, refused(script))));
    for thread in threads {
        let (script, says, message) = thread.join().unwrap();
        assert!(message.contains(says), "{script:?} says:\n{message}\nwithout {says:?}");
        assert!(message.contains("(after 10 s)"), "{message}");
    }
}

#[test]
fn a_line_that_cannot_be_read_says_how_it_is_written() {
    for (line, says) in [
        ("clik \"A\"", "there is no step `clik`; there are click, double-click,"),
        ("click A", "it is written `click \"NAME\" [in \"PANEL\"]`"),
        ("click \"A\" \"B\"", "it is written `click"),
        ("click \"A", "a quote is opened and not closed"),
        ("type \"\\q\"", "`\\q` stands for nothing"),
        (
            "drag \"A\" 3",
            "it is written `drag \"NAME\" [in \"PANEL\"] to 0.8` or `drag",
        ),
        ("drag \"A\" to NaN", "it is written `drag"),
        ("sleep 5", "`5` is no time; times are written as `0.5s`"),
        ("sleep -1s", "`-1s` is no time"),
        ("key Strg+A", "`Strg` is no modifier; there are Ctrl, Shift and Alt"),
        ("key Ctrl+Ä", "there is no key `Ä`"),
        ("theme grey", "it is written `theme dark|light`"),
        ("\"A\"", "a step begins with its verb"),
    ] {
        let text = format!("# a comment\n\n  {line}  # another\n");
        let message = Script::parse("x.steps", &text).unwrap_err();
        assert!(message.starts_with(&format!("x.steps:3: {line}")), "{message}");
        assert!(message.contains(says), "{line:?} says:\n{message}");
    }
}
