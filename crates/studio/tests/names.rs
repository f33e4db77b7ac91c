//! Everything that can be operated in the studio has an accessible name, and no other of its kind in the same panel has it.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use carrot_studio::action::Action;
use carrot_studio::panels::Panel;
use eframe::egui::{self, Key, Modifiers, Theme};
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
        let session = Session::open(options(runs, "cartpole/swing_up"), Theme::Dark);
        Self {
            watch: Watch::over(&session.harness.ctx),
            session,
            seen: BTreeSet::new(),
            faults: BTreeSet::new(),
        }
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
    watched.session.press(Action::RateGood);
    watched.session.press(Action::Focus(Panel::Feedback));
    watched.check("with a rating");
    let faults: Vec<String> = watched.faults.into_iter().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let roles: BTreeSet<&str> = watched.seen.iter().map(|(_, role, _)| role.as_str()).collect();
    println!(
        "{} interactive widgets, all with names of their own; roles: {roles:?}",
        watched.seen.len()
    );
    assert!(watched.seen.len() > 30, "only {} widgets were seen", watched.seen.len());
}
