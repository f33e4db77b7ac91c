//! The whole studio without a window: undo, the panels that show the live world, and what outlives the program.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use carrot_environment::Engine;
use carrot_run_record::{EditKind, Feedback};
use carrot_studio::action::Action;
use carrot_studio::panels::Panel;
use carrot_studio::stage::{Drive, Order};
use carrot_studio::{Studio, StudioError, StudioOptions};
use eframe::egui::{self, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(runs: &Path) -> StudioOptions {
    StudioOptions {
        program: "carrot".into(),
        envs: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs"),
        runs: runs.to_owned(),
        task: Some("cartpole/balance".into()),
        run: None,
        engine: Engine::Mujoco,
        threads: 1,
        script: None,
    }
}

struct Session {
    harness: Harness<'static, Studio>,
}

impl Session {
    fn start(runs: &Path, theme: Theme) -> Self {
        let studio = Studio::new(options(runs), || ()).unwrap();
        let harness = support::harness([1400.0, 900.0], theme)
            .with_accessibility_check(false)
            .build_ui_state(|ui, studio: &mut Studio| studio.ui(ui), studio);
        let mut session = Self { harness };
        session.wait("reward that works", |studio| studio.compiled().works);
        session
    }

    fn press(&mut self, action: Action) {
        let shortcut = action.entry().shortcut.expect("every action has a key");
        self.harness
            .key_press_modifiers(shortcut.modifiers, shortcut.logical_key);
        self.harness.run_steps(4);
    }

    fn wait(&mut self, what: &str, is_there: impl Fn(&Studio) -> bool) {
        let start = Instant::now();
        while !is_there(self.harness.state()) {
            assert!(start.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
            self.harness.step();
        }
    }

    fn hash(&self) -> String {
        self.harness.state().state_hash()
    }

    fn type_into(&mut self, name: &str, text: &str) {
        self.harness.get_by_label(name).focus();
        self.harness.run_steps(2);
        self.harness.get_by_label(name).type_text(text);
        self.harness.run_steps(2);
        // The next change is another step for the undo list only after a while.
        std::thread::sleep(Duration::from_millis(900));
    }
}

#[test]
fn undo_and_redo_restore_the_state_hash_in_every_editor() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(runs.path(), Theme::Dark);
    let mut hashes = vec![session.hash()];
    session.type_into("reward program", "# one\n");
    hashes.push(session.hash());
    session.type_into("Comment", "too slow");
    hashes.push(session.hash());
    session.harness.get_by_label("Ask me after each generation").click();
    session.harness.run_steps(4);
    hashes.push(session.hash());
    session.harness.get_by_label("About the task as a whole").click();
    session.harness.run_steps(4);
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
    let mut session = Session::start(runs.path(), Theme::Dark);
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

/// Thirty steps without any action from the start that belongs to seed 0, with the clock standing.
fn still_world(session: &mut Session) {
    let stage = session.harness.state().stage();
    for order in [Order::Run(false), Order::Drive(Drive::Rest), Order::Reset(0)] {
        stage.tell(order);
    }
    (0..30).for_each(|_| stage.tell(Order::Step));
    session.wait("thirty steps", |studio| {
        studio
            .stage()
            .timeline()
            .newest()
            .is_some_and(|moment| moment.step == 30)
    });
    session.harness.run_steps(6);
}

#[test]
fn panels_of_the_live_world_look_as_they_should() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (theme, name) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let runs = tempfile::tempdir().unwrap();
        let mut session = Session::start(runs.path(), theme);
        session.press(if theme == Theme::Dark {
            Action::ResetPanels
        } else {
            Action::ToggleTheme
        });
        still_world(&mut session);
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
fn a_session_comes_back_and_a_lost_record_loses_nothing() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(runs.path(), Theme::Dark);
    let dir = session.harness.state().run_dir();
    assert!(!dir.exists(), "looking at a task leaves nothing behind");
    session.type_into("Comment", "first");
    session.press(Action::GiveComment);
    session.wait("record", |studio| studio.run().feedback.len() == 1);

    // Somebody deletes the record while the studio is open.
    std::fs::remove_dir_all(&dir).unwrap();
    session.wait("loss", |studio| studio.run().feedback.is_empty());
    session.type_into("Comment", "second");
    session.press(Action::GiveComment);
    session.wait("new record", |studio| {
        studio.run().feedback.len() == 1 && studio.pending() == 0
    });
    session.type_into("Comment", "half a sen");
    let hash = session.hash();

    let error = Studio::new(options(runs.path()), || ())
        .err()
        .expect("one studio at a time");
    assert!(matches!(error, StudioError::Session(_)), "{error}");
    drop(session);
    let session = Session::start(runs.path(), Theme::Dark);
    assert_eq!(session.hash(), hash);
    assert_eq!(session.harness.state().run_dir(), dir);
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
    let mut session = Session::start(runs.path(), Theme::Dark);
    session.type_into("Comment", "kept with its task");
    let hash = session.hash();
    let open = |session: &mut Session, name: &str| {
        session.press(Action::Palette);
        session.harness.event(egui::Event::Text(name.into()));
        session.harness.run_steps(3);
        session.harness.key_press(egui::Key::Enter);
        session.harness.run_steps(3);
    };
    open(&mut session, "open cartpole/swing");
    session.wait("other task", |studio| {
        studio.document().comment.is_empty() && studio.compiled().works
    });
    assert!(session.harness.state().run_dir().ends_with("cartpole-swing_up-1"));
    open(&mut session, "open cartpole/balance");
    assert_eq!(session.hash(), hash);
}

/// An edit that was only `Opened` is never judged; the reward in the editor takes part in a search all the same.
#[test]
fn the_untouched_reward_takes_part_in_a_search() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(runs.path(), Theme::Dark);
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
