//! Everything that can be operated in the studio has an accessible name, and no other of its kind in the same panel has it.

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use carrot_studio::StudioOptions;
use carrot_studio::action::Action;
use carrot_studio::panels::Panel;
use eframe::egui::{self, Key, Modifiers, Theme};
use egui_kittest::kittest::Queryable as _;
use support::names::Watch;
use support::session::{Session, options};

/// A studio with the names that were seen in it.
struct Watched {
    session: Session,
    watch: Watch,
    /// Everything that was operable at some time, by panel, role and name.
    seen: BTreeSet<(String, String, String)>,
    faults: BTreeSet<String>,
}

impl Watched {
    fn open(runs: &Path) -> Self {
        // Stands in for `carrot`, which would train.
        let program = runs.join("carrot.sh");
        std::fs::write(&program, "#!/bin/sh\nsleep 60\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = StudioOptions {
            program,
            ..options(runs, "cartpole/swing_up")
        };
        let session = Session::open(options, Theme::Dark);
        Self {
            watch: Watch::over(&session.harness.ctx),
            session,
            seen: BTreeSet::new(),
            faults: BTreeSet::new(),
        }
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.session.harness.key_press_modifiers(modifiers, key);
        self.session.harness.run_steps(3);
    }

    /// Lets some frames pass and looks at all names.
    fn check(&mut self, state: &str) {
        self.session.harness.run_steps(4);
        let faults = self.watch.faults().into_iter();
        self.faults.extend(faults.map(|fault| format!("{state}: {fault}")));
        for widget in self.watch.interactive() {
            let place = widget.within.join(" › ");
            self.seen.insert((place, widget.role_name(), widget.name));
        }
    }
}

#[test]
fn everything_that_can_be_operated_has_a_name_of_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let mut watched = Watched::open(runs.path());
    watched.check("at the start");
    watched
        .session
        .wait("program that works", |studio| studio.compiled().works);
    watched.check("with a task");
    for panel in Panel::ALL {
        watched.session.press(Action::Focus(panel));
        watched.check(panel.title());
    }
    watched.session.press(Action::FrameTimes);
    watched.check("with the frame times");
    watched.session.press(Action::Palette);
    watched.check("with the palette");
    watched.session.harness.event(egui::Event::Text("train".into()));
    watched.check("with a search in the palette");
    watched
        .session
        .harness
        .key_press_modifiers(Modifiers::NONE, Key::Escape);
    watched
        .session
        .wait("behaviour", |studio| studio.stage().timeline().behaviour(None).is_ok());
    watched.session.press(Action::RateGood);
    watched.session.press(Action::Focus(Panel::Feedback));
    watched.check("with a rating");
    watched.session.press(Action::FrameTimes);
    watched.session.press(Action::ResetPanels);

    for (menu, panel) in [
        ("What moves the robot", Panel::Viewport),
        ("Variable to draw", Panel::Terms),
        ("Proposer", Panel::Search),
    ] {
        watched.session.press(Action::Focus(panel));
        watched.session.click(menu);
        watched.check(menu);
        if panel == Panel::Search {
            watched.session.click("openai: a language model");
            watched.check("with a language model");
        }
        watched.key(Modifiers::NONE, Key::Escape);
    }

    watched.session.press(Action::Focus(Panel::Editor));
    watched.session.harness.get_by_label("reward program").focus();
    watched.key(Modifiers::COMMAND, Key::F);
    watched.check("with words to find");
    watched.key(Modifiers::NONE, Key::Escape);
    watched.session.harness.get_by_label("reward program").focus();
    watched.key(Modifiers::COMMAND, Key::Space);
    watched.check("with completions");
    watched.key(Modifiers::NONE, Key::Escape);
    watched.key(Modifiers::ALT, Key::S);
    watched.check("with sliders in the text");
    watched.key(Modifiers::ALT, Key::S);
    let text = watched.session.harness.get_by_label("reward program").rect();
    for share in [0.05, 0.1, 0.15, 0.2, 0.25] {
        let over = text.left_top() + egui::vec2(0.2 * text.width(), share * text.height());
        watched.session.harness.event(egui::Event::PointerMoved(over));
        watched.session.harness.run_steps(2);
        std::thread::sleep(std::time::Duration::from_millis(600));
        watched.check("with the pointer at rest on the text");
    }

    watched.session.press(Action::TrainPolicy);
    watched.session.wait_for_words("Pause the training");
    watched.check("with a training");
    watched.session.harness.state_mut().close().unwrap();
    let faults: Vec<String> = watched.faults.into_iter().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let roles: BTreeSet<&str> = watched.seen.iter().map(|(_, role, _)| role.as_str()).collect();
    println!(
        "{} interactive widgets, all with names of their own; roles: {roles:?}",
        watched.seen.len()
    );
    for name in [
        "nothing",
        "pole_angle",
        "random: the yardstick",
        "Server address",
        "next place",
        "insert pole_angle",
        "Sliders in the text",
        "Pause the training",
    ] {
        assert!(
            watched.seen.iter().any(|(.., seen)| seen == name),
            "{name} was never seen"
        );
    }
    assert!(watched.seen.len() > 30, "only {} widgets were seen", watched.seen.len());
}
