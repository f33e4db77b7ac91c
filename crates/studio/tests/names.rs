//! Everything that can be operated in the studio has an accessible name, and no other of its kind in the same panel has it.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use carrot_environment::Engine;
use carrot_studio::action::Action;
use carrot_studio::panels::Panel;
use carrot_studio::{Studio, StudioOptions};
use eframe::egui::{self, Key, Modifiers, Theme};
use egui_kittest::Harness;
use support::names::Watch;

/// How long the studio may take to open a task.
const PATIENCE: Duration = Duration::from_secs(60);

/// The studio in a folder of its own, with what it names.
struct Session {
    harness: Harness<'static, Studio>,
    watch: Watch,
    /// Everything that was operable at some time, by panel, role and name.
    seen: BTreeSet<(String, String, String)>,
    faults: BTreeSet<String>,
}

impl Session {
    fn start(runs: &Path) -> Self {
        let options = StudioOptions {
            program: "carrot".into(),
            envs: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs"),
            runs: runs.to_owned(),
            task: Some("cartpole/swing_up".into()),
            run: None,
            engine: Engine::Mujoco,
            threads: 1,
            script: None,
        };
        let studio = Studio::new(options, || ()).unwrap();
        let harness = support::harness([1400.0, 900.0], Theme::Dark)
            .with_accessibility_check(false)
            .build_ui_state(|ui, studio: &mut Studio| studio.ui(ui), studio);
        let watch = Watch::over(&harness.ctx);
        Self {
            harness,
            watch,
            seen: BTreeSet::new(),
            faults: BTreeSet::new(),
        }
    }

    /// Lets some frames pass and looks at all names.
    fn check(&mut self, state: &str) {
        self.harness.run_steps(4);
        let faults = self.watch.faults().into_iter();
        self.faults.extend(faults.map(|fault| format!("{state}: {fault}")));
        for widget in self.watch.interactive() {
            let place = widget.within.join(" › ");
            self.seen.insert((place, widget.role_name(), widget.name));
        }
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
}

#[test]
fn everything_that_can_be_operated_has_a_name_of_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(runs.path());
    session.check("at the start");
    session.wait("program that works", |studio| studio.compiled().works);
    session.check("with a task");
    for panel in Panel::ALL {
        session.press(Action::Focus(panel));
        session.check(panel.title());
    }
    session.press(Action::FrameTimes);
    session.check("with the frame times");
    session.press(Action::Palette);
    session.check("with the palette");
    session.harness.event(egui::Event::Text("train".into()));
    session.check("with a search in the palette");
    session.harness.key_press_modifiers(Modifiers::NONE, Key::Escape);
    session.press(Action::RateGood);
    session.press(Action::Focus(Panel::Feedback));
    session.check("with a rating");
    let faults: Vec<String> = session.faults.into_iter().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let roles: BTreeSet<&str> = session.seen.iter().map(|(_, role, _)| role.as_str()).collect();
    println!(
        "{} interactive widgets, all with names of their own; roles: {roles:?}",
        session.seen.len()
    );
    assert!(session.seen.len() > 30, "only {} widgets were seen", session.seen.len());
}
