//! The whole studio without a window: undo, the panels that show the live world, and what outlives the program.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carrot_run_record::{EditKind, Feedback, RunRecord};
use carrot_studio::action::Action;
use carrot_studio::panels::Panel;
use carrot_studio::{Studio, StudioError, StudioOptions};
use eframe::egui::{self, Key, Modifiers, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use support::session::{PATIENCE, Session};

fn options(runs: &Path) -> StudioOptions {
    support::session::options(runs, "cartpole/balance")
}

fn start(runs: &Path) -> Session {
    Session::start(options(runs), Theme::Dark)
}

/// What the record of the open run holds.
fn said(session: &Session) -> Vec<Feedback> {
    let run = session.studio().run();
    run.feedback.iter().map(|entry| entry.feedback.clone()).collect()
}

fn comments(session: &Session) -> Vec<String> {
    let texts = said(session).into_iter().filter_map(|feedback| match feedback {
        Feedback::Comment { text, .. } => Some(text),
        _ => None,
    });
    texts.collect()
}

/// Says the first thing of a session, as soon as there is a behaviour to speak of.
fn rate(session: &mut Session, action: Action) {
    session.wait("behaviour", |studio| studio.stage().timeline().behaviour(None).is_ok());
    session.press(action);
    session.wait("rating", |studio| studio.run().feedback.len() == 1);
}

/// Stands in for `carrot`: notes that it was started and each Ctrl-C in `told`, and works until it has been asked to stop.
struct Stub {
    program: PathBuf,
    told: PathBuf,
}

impl Stub {
    fn new(folder: &Path) -> Self {
        let (program, told) = (folder.join("carrot.sh"), folder.join("told"));
        // Who runs tests in the background has Ctrl-C ignored, and a shell cannot trap what was ignored before it; `carrot` can.
        let text = format!(
            "#!/usr/bin/env -S --default-signal=INT sh\n\
             trap 'echo asked >> {told}; asked=1' INT\n\
             echo started >> {told}\n\
             n=0; while [ $n -lt 20 ]; do sleep 0.05; n=$((n + ${{asked:-0}})); done\n\
             exit 130\n",
            told = told.display()
        );
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { program, told }
    }

    fn told(&self) -> String {
        std::fs::read_to_string(&self.told).unwrap_or_default()
    }

    fn options(&self, runs: &Path) -> StudioOptions {
        StudioOptions {
            program: self.program.clone(),
            ..options(runs)
        }
    }

    fn wait(&self, session: &mut Session, expected: &str) {
        session.wait(expected, |_| self.told() == expected);
    }
}

#[test]
fn undo_and_redo_restore_the_state_hash_in_every_editor() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let mut hashes = vec![session.hash()];
    session.type_into("reward program", "# one\n");
    hashes.push(session.hash());
    session.type_into("Comment", "too slow");
    hashes.push(session.hash());
    session.click("Ask me after each generation");
    hashes.push(session.hash());
    session.click("About the task as a whole");
    hashes.push(session.hash());
    session.set_number("Steps", "2000");
    hashes.push(session.hash());
    session.set_number("Candidates", "7");
    hashes.push(session.hash());
    session.press(Action::HumanReward); // another program in the place of this one, as a candidate would be
    hashes.push(session.hash());
    for pair in hashes.windows(2) {
        assert_ne!(pair[0], pair[1], "every step changed something");
    }
    for hash in hashes.iter().rev().skip(1) {
        session.press(Action::Undo);
        assert_eq!(session.hash(), *hash);
    }
    session.press(Action::Undo);
    assert_eq!(session.hash(), hashes[0], "nothing is left to take back");
    for hash in &hashes[1..] {
        session.press(Action::Redo);
        assert_eq!(session.hash(), *hash);
    }
}

/// What is on the whole keyboard of the reward editor, and its sliders: each is a step that can be taken back.
#[test]
fn undo_and_redo_take_back_whatever_the_reward_editor_does() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let (none, ctrl) = (Modifiers::NONE, Modifiers::COMMAND);
    let mut steps: Vec<(&str, String, String)> = Vec::new();
    fn note(session: &Session, steps: &mut Vec<(&'static str, String, String)>, what: &'static str) {
        let program = session.harness.state().document().program.clone();
        steps.push((what, session.hash(), program));
        // The next change is another step for the undo list only after a while.
        std::thread::sleep(Duration::from_millis(900));
    }
    let keys = |session: &mut Session, modifiers: Modifiers, key: Key| {
        session.harness.key_press_modifiers(modifiers, key);
        session.harness.run_steps(4);
    };
    session.harness.run_steps(4);
    note(&session, &mut steps, "start");

    let slider = session.harness.state().compiled().constants[0].clone();
    let slider = format!("{}, line {}", slider.name, slider.line);
    session.harness.get_by_label(&slider).set_value_accesskit(0.25);
    session.harness.run_steps(4);
    note(&session, &mut steps, "slider");

    session.harness.get_by_label("reward program").focus();
    keys(&mut session, Modifiers::CTRL, Key::Home);
    session.type_into("reward program", "import  math\n");
    note(&session, &mut steps, "typing");

    let program = session.harness.state().document().program.clone();
    let line = program
        .lines()
        .position(|line| line.trim_start().starts_with("calm ="))
        .unwrap();
    (1..line).for_each(|_| keys(&mut session, none, Key::ArrowDown));
    keys(&mut session, none, Key::End);
    session.type_into("reward program", " + pole_angel");
    session.wait("mistake", |studio| !studio.compiled().findings.is_empty());
    note(&session, &mut steps, "mistake");

    keys(&mut session, ctrl, Key::Period);
    session.wait("program that works", |studio| {
        studio.compiled().works && *studio.compiled().text == studio.document().program
    });
    note(&session, &mut steps, "quick fix");

    keys(&mut session, Modifiers::SHIFT | Modifiers::ALT, Key::F);
    note(&session, &mut steps, "format");

    keys(&mut session, ctrl, Key::Slash);
    note(&session, &mut steps, "comment");

    keys(&mut session, none, Key::Tab);
    note(&session, &mut steps, "tab");

    keys(&mut session, Modifiers::CTRL, Key::End);
    session.type_into("reward program", "ret");
    note(&session, &mut steps, "word");
    keys(&mut session, none, Key::Enter);
    note(&session, &mut steps, "completion");

    // Looking for something changes nothing.
    keys(&mut session, ctrl, Key::F);
    session.harness.event(egui::Event::Text("import".into()));
    session.harness.run_steps(4);
    keys(&mut session, none, Key::Escape);
    assert_eq!(session.hash(), steps.last().unwrap().1, "after a search");

    for pair in steps.windows(2) {
        assert_ne!(pair[0].1, pair[1].1, "{} changed nothing in\n{}", pair[1].0, pair[1].2);
    }
    let program = |what: &str| &steps.iter().find(|(of, ..)| *of == what).unwrap().2;
    assert!(program("quick fix").contains(" + pole_angle\n"));
    assert!(program("format").starts_with("import math\n"));
    assert!(program("completion").ends_with("return"));
    for (what, hash, _) in steps.iter().rev().skip(1) {
        session.press(Action::Undo);
        assert_eq!(session.hash(), *hash, "back to {what}");
    }
    for (what, hash, _) in &steps[1..] {
        session.press(Action::Redo);
        assert_eq!(session.hash(), *hash, "on to {what}");
    }
}

#[test]
fn panels_of_the_live_world_look_as_they_should() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (theme, name) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let runs = tempfile::tempdir().unwrap();
        let mut session = Session::start(options(runs.path()), theme);
        session.press(if theme == Theme::Dark {
            Action::ResetPanels
        } else {
            Action::ToggleTheme
        });
        session.still_world();
        for panel in [Panel::Viewport, Panel::Terms, Panel::Task, Panel::History] {
            session.press(Action::Focus(panel));
            session.harness.run_steps(4);
            let place = session
                .harness
                .get_by_role_and_label(egui::accesskit::Role::Pane, panel.title());
            let place = place.accesskit_node().bounding_box().expect("it is shown");
            let mut picture = session.harness.render().unwrap();
            if panel == Panel::Viewport {
                // What a graphics driver draws differs from machine to machine.
                let robot = session.harness.get_by_label("The robot").rect();
                for x in robot.left() as u32..robot.right() as u32 {
                    for y in robot.top() as u32..robot.bottom() as u32 {
                        picture.put_pixel(x, y, image::Rgba([128, 128, 128, 255]));
                    }
                }
            }
            let (x, y) = (place.x0 as u32, place.y0 as u32);
            let (width, height) = ((place.x1 - place.x0) as u32, (place.y1 - place.y0) as u32);
            let part = image::imageops::crop_imm(&picture, x, y, width, height).to_image();
            let title = panel.title().to_lowercase();
            results.add(egui_kittest::try_image_snapshot(&part, format!("{title}_{name}")));
        }
    }
}

#[test]
fn a_session_comes_back() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let dir = session.studio().run_dir();
    assert!(!dir.exists(), "looking at a task leaves nothing behind");
    session.type_into("Comment", "half a sen");
    let hash = session.hash();
    let error = Studio::new(options(runs.path()), || ())
        .err()
        .expect("one studio at a time");
    assert!(matches!(error, StudioError::Session(_)), "{error}");
    drop(session);
    let session = start(runs.path());
    assert_eq!(session.hash(), hash);
    assert_eq!(session.studio().run_dir(), dir);
}

/// What was said while the record was away is in it once it is back; nothing takes its place meanwhile.
#[test]
fn a_record_that_was_moved_away_and_back_holds_everything() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let dir = session.studio().run_dir();
    session.click("About the task as a whole");
    session.type_into("Comment", "first");
    session.press(Action::GiveComment);
    session.wait("record", |studio| studio.run().feedback.len() == 1);

    let elsewhere = runs.path().join("elsewhere");
    std::fs::rename(&dir, &elsewhere).unwrap();
    session.type_into("Comment", "second");
    session.press(Action::GiveComment);
    session.wait_for_words("the record is gone from");
    assert!(!dir.exists());
    drop(session);

    // Also when another studio has begun meanwhile.
    let mut session = start(runs.path());
    std::fs::rename(&elsewhere, &dir).unwrap();
    session.wait("both", |studio| {
        studio.run().feedback.len() == 2 && studio.pending() == 0
    });
    assert_eq!(comments(&session), ["first", "second"]);
}

/// The fields hold no more than a record takes; an older studio, or a hand, may have left such a thing in a session's file.
#[test]
fn what_no_record_takes_is_told_and_stops_nothing() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    session.type_into("Comment", &"a".repeat(10_001));
    assert_eq!(session.studio().document().comment.len(), 10_000);
    drop(session);
    let file = runs.path().join(".studio/sessions/cartpole-balance-1.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["pending"] = serde_json::json!([{
        "id": "too long",
        "feedback": { "kind": "comment", "of": null, "step": null, "text": "a".repeat(10_001) },
    }]);
    std::fs::write(&file, kept.to_string()).unwrap();

    let mut session = start(runs.path());
    session.wait_for_words("The record does not take this");
    assert_eq!(session.studio().pending(), 0);
    rate(&mut session, Action::RateGood);
    assert_eq!(session.studio().pending(), 0);
}

#[test]
fn what_cannot_be_kept_is_told() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let folder = runs.path().join(".studio/sessions");
    std::fs::remove_dir_all(&folder).unwrap();
    session.type_into("Comment", "lost?");
    session.wait_for_words("what you enter is not kept");
    std::fs::create_dir(&folder).unwrap();
    session.wait("file", |studio| {
        let name = studio.run_dir().file_name().unwrap().to_owned();
        let file = folder.join(name).with_extension("json");
        std::fs::read_to_string(file).is_ok_and(|text| text.contains("lost?"))
    });
    // And no more once it is.
    session.wait_for_no_words("is not kept");
    drop(session);

    let file = folder.join("cartpole-balance-1.json");
    std::fs::write(&file, "{half").unwrap();
    std::fs::remove_file(file.with_extension("safe")).unwrap();
    let mut session = Session::open(options(runs.path()), Theme::Dark);
    session.wait_for_words("it is put aside as");
    // The window is the last place that has it.
    session.type_into("Comment", "the last word");
    std::fs::remove_dir_all(&folder).unwrap();
    session.type_into("Comment", "!");
    let lost = session.harness.state_mut().close().unwrap_err().to_string();
    assert!(
        lost.contains("could not be kept") && lost.contains("the last word!"),
        "{lost}"
    );
    assert!(lost.contains("def compute_reward"), "{lost}");
}

/// An edit of the last second belongs to the history, whether the window is closed or killed.
#[test]
fn the_last_edit_is_a_version_after_a_close_and_after_a_kill() {
    for close in [true, false] {
        let runs = tempfile::tempdir().unwrap();
        let mut session = start(runs.path());
        session.harness.get_by_label("reward program").focus();
        session.harness.run_steps(2);
        session.harness.get_by_label("reward program").type_text("# last\n");
        session.harness.run_steps(2);
        if close {
            session.harness.state_mut().close().unwrap();
            assert_eq!(session.studio().pending(), 1);
        } else {
            assert_eq!(session.studio().pending(), 0, "it has not rested");
        }
        drop(session);
        let mut session = start(runs.path());
        session.wait("version", |studio| studio.run().feedback.len() == 1);
        assert!(
            matches!(&said(&session)[..], [Feedback::Edit { text, how: EditKind::Typed, .. }] if text.contains("# last")),
            "{:?}",
            said(&session)
        );
    }
}

#[test]
fn taking_back_the_end_of_a_comment_does_not_say_it_twice() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    session.type_into("Comment", "slower");
    session.click("About the task as a whole");
    session.press(Action::GiveComment);
    session.wait("record", |studio| studio.run().feedback.len() == 1);
    session.press(Action::Undo);
    assert_eq!(session.studio().document().comment, "slower");
    session.press(Action::GiveComment);
    session.wait_for_words("You have said this already");
    assert_eq!(
        (session.studio().document().comment.as_str(), session.studio().pending()),
        ("", 0)
    );
    session.type_into("Comment", "faster");
    session.press(Action::GiveComment);
    session.wait("another", |studio| studio.run().feedback.len() == 2);
    assert_eq!(comments(&session), ["slower", "faster"]);
}

#[test]
fn a_search_is_started_once_and_asked_to_stop_once() {
    let folder = tempfile::tempdir().unwrap();
    let (stub, runs) = (Stub::new(folder.path()), folder.path().join("runs"));
    let mut session = Session::start(stub.options(&runs), Theme::Dark);
    session.press(Action::StartSearch);
    session.press(Action::StartSearch);
    stub.wait(&mut session, "started\n");
    session.press(Action::StartSearch);
    let told: Vec<&str> = session.studio().notices().collect();
    assert!(
        told.iter().all(|told| told.contains("is running; pause it first")),
        "{told:?}"
    );

    // From another session, twice, and by closing the window.
    session.press(Action::NewSession);
    session.press(Action::PauseSearch);
    session.wait_for_words("The search of cartpole-balance-1 pauses");
    session.press(Action::PauseSearch);
    stub.wait(&mut session, "started\nasked\n");
    session.harness.state_mut().close().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(stub.told(), "started\nasked\n");
}

#[test]
fn closing_the_window_pauses_the_search_and_the_training() {
    for action in [Action::StartSearch, Action::TrainPolicy] {
        let folder = tempfile::tempdir().unwrap();
        let (stub, runs) = (Stub::new(folder.path()), folder.path().join("runs"));
        let mut session = Session::start(stub.options(&runs), Theme::Dark);
        session.press(action);
        stub.wait(&mut session, "started\n");
        session.harness.state_mut().close().unwrap();
        drop(session);
        let start = Instant::now();
        while stub.told() != "started\nasked\n" {
            assert!(start.elapsed() < PATIENCE, "{:?}", stub.told());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_search_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (stub, runs) = (Stub::new(folder.path()), folder.path().join("runs"));
    let mut session = Session::start(stub.options(&runs), Theme::Dark);
    rate(&mut session, Action::RateGood);
    let dir = session.studio().run_dir();
    let theirs = RunRecord::open(&dir).unwrap();
    session.press(Action::StartSearch);
    session.wait("word", |studio| {
        let mut told = studio.notices();
        // Whether or not the studio has seen it before.
        told.any(|told| told.contains("Another process runs this search") || told.contains("could not be started"))
    });
    assert_eq!(
        session.harness.query_all_by_label_contains("not recorded yet").count(),
        0
    );
    drop(theirs);
    session.wait("end", |studio| !studio.run().in_use);
    session.press(Action::StartSearch);
    stub.wait(&mut session, "started\n");
    session.harness.state_mut().close().unwrap();
}

#[test]
fn the_palette_opens_a_run_of_the_folder() {
    let runs = tempfile::tempdir().unwrap();
    let mut config = toml_of("cartpole/swing_up");
    config.insert("engine".into(), "rapier".into());
    RunRecord::create(&runs.path().join("by-hand"), &config).unwrap();
    let mut session = start(runs.path());
    session.press(Action::Palette);
    session.wait_for_words("Open run by-hand");
    session.press(Action::Palette);
    session.choose("run by-hand");
    session.wait("run", |studio| studio.run_dir().ends_with("by-hand"));
    session.wait("its task", |studio| studio.compiled().works);
    rate(&mut session, Action::RateBad);
}

#[test]
fn the_palette_reaches_into_the_editor() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    let program = session.studio().document().program.clone();
    let find = "find in the program";
    // Also with another panel in front of it, and the keyboard somewhere else.
    session.press(Action::Focus(Panel::History));
    assert!(session.harness.query_by_label("reward program").is_none());
    session.choose("find in the program");
    assert!(session.harness.get_by_label(find).is_focused());
    session.click("close the search");
    session.harness.get_by_label("Comment").focus();
    session.harness.step();
    session.press(Action::Find);
    assert!(session.harness.get_by_label(find).is_focused());
    session.click("close the search");
    session.choose("format the program");
    assert_eq!(session.studio().document().program, program, "it is laid out already");
    session.type_into("reward program", "x  =  1\n");
    session.wait("text with it", |studio| studio.compiled().text.contains("x  =  1"));
    session.choose("format the program");
    let formatted = session.studio().document().program.clone();
    assert!(formatted.contains("x = 1\n") && formatted != program, "{formatted}");
    session.press(Action::Undo);
    assert!(session.studio().document().program.contains("x  =  1\n"));
}

#[test]
fn the_session_before_a_new_one_is_a_palette_away() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    session.press(Action::NewSession);
    assert_eq!(session.studio().notices().count(), 0, "nothing was done that is kept");
    let before = session.studio().run_dir();
    // Half a comment, of which no record knows.
    session.type_into("Comment", "half a");
    session.press(Action::NewSession);
    assert_ne!(session.studio().run_dir(), before);
    session.wait_for_words("goes back to it");
    assert_eq!(session.studio().document().comment, "");
    let name = before.file_name().unwrap().to_str().unwrap();
    session.press(Action::Palette);
    session.wait_for_words(&format!("Open run {name}"));
    session.press(Action::Palette);
    session.choose(&format!("run {name}"));
    session.wait("the session before", |studio| studio.run_dir() == before);
    assert_eq!(session.studio().document().comment, "half a");
}

fn toml_of(task: &str) -> toml::Table {
    let mut config = toml::Table::new();
    config.insert("task".into(), task.into());
    config
}

#[test]
fn what_is_not_there_is_named() {
    let runs = tempfile::tempdir().unwrap();
    for (change, expected) in [
        (
            (|options| options.task = Some("hopper/hop".into())) as fn(&mut StudioOptions),
            "hopper/hop_forward",
        ),
        (|options| options.run = Some("nowhere".into()), "there is no run"),
        (|options| options.envs = "/nowhere".into(), "/nowhere"),
    ] {
        let mut options = options(runs.path());
        change(&mut options);
        let message = Studio::new(options, || ()).err().expect("it is refused").to_string();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }
}

#[test]
fn the_palette_opens_another_task_and_comes_back_to_the_first() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    session.type_into("Comment", "kept with its task");
    let hash = session.hash();
    session.choose("open cartpole/swing");
    session.wait("other task", |studio| {
        studio.document().comment.is_empty() && studio.compiled().works
    });
    assert!(session.harness.state().run_dir().ends_with("cartpole-swing_up-1"));
    session.choose("open cartpole/balance");
    assert_eq!(session.hash(), hash);
}

/// An edit that was only `Opened` is never judged; the reward in the editor takes part in a search all the same.
#[test]
fn the_untouched_reward_takes_part_in_a_search() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = start(runs.path());
    session.press(Action::StartSearch);
    session.wait("record", |studio| !studio.run().feedback.is_empty());
    let state = session.harness.state();
    let said = &state.run().feedback[0].feedback;
    let program = state.document().program.clone();
    assert!(
        matches!(said, Feedback::Edit { text, how: EditKind::Typed, .. } if *text == program),
        "{said:?}"
    );
}
