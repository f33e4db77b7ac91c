//! The whole studio in a folder of its own, without a window.

use std::path::Path;
use std::time::{Duration, Instant};

use carrot_environment::Engine;
use carrot_studio::action::Action;
use carrot_studio::stage::{Drive, Order};
use carrot_studio::{Studio, StudioOptions};
use eframe::egui::{self, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A studio on `runs` that opens a task.
pub fn options(runs: &Path, task: &str) -> StudioOptions {
    StudioOptions {
        program: "carrot".into(),
        envs: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs"),
        runs: runs.to_owned(),
        task: Some(task.into()),
        run: None,
        engine: Engine::Mujoco,
        threads: 1,
        script: None,
    }
}

/// A studio whose panels are shown in a harness.
pub struct Session {
    pub harness: Harness<'static, Studio>,
}

impl Session {
    /// Opens it, in the state in which nothing is loaded yet.
    pub fn open(options: StudioOptions, theme: Theme) -> Self {
        let studio = Studio::new(options, || ()).unwrap();
        let harness = super::harness([1400.0, 900.0], theme)
            .with_accessibility_check(false)
            .build_ui_state(|ui, studio: &mut Studio| studio.ui(ui), studio);
        Self { harness }
    }

    /// Opens it and waits for the task's reward.
    pub fn start(options: StudioOptions, theme: Theme) -> Self {
        let mut session = Self::open(options, theme);
        session.wait("reward that works", |studio| studio.compiled().works);
        session
    }

    pub fn studio(&self) -> &Studio {
        self.harness.state()
    }

    pub fn press(&mut self, action: Action) {
        let shortcut = action.entry().shortcut.expect("every action has a key");
        self.harness
            .key_press_modifiers(shortcut.modifiers, shortcut.logical_key);
        self.harness.run_steps(4);
    }

    pub fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run_steps(4);
    }

    /// Lets frames pass until something is so.
    pub fn wait(&mut self, what: &str, is_there: impl Fn(&Studio) -> bool) {
        let start = Instant::now();
        while !is_there(self.harness.state()) {
            assert!(start.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
            self.harness.step();
        }
    }

    /// Lets frames pass until a text can be read that holds these words.
    pub fn wait_for_words(&mut self, words: &str) {
        let start = Instant::now();
        while self.harness.query_all_by_label_contains(words).next().is_none() {
            assert!(start.elapsed() < PATIENCE, "nothing says {words:?} after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(20));
            self.harness.step();
        }
    }

    /// Lets frames pass until no text can be read that holds these words.
    pub fn wait_for_no_words(&mut self, words: &str) {
        let start = Instant::now();
        while self.harness.query_all_by_label_contains(words).next().is_some() {
            assert!(
                start.elapsed() < PATIENCE,
                "{words:?} can still be read after {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
            self.harness.step();
        }
    }

    pub fn hash(&self) -> String {
        self.studio().state_hash()
    }

    /// Types letters into a field. The next change is another step for the undo list.
    pub fn type_into(&mut self, name: &str, text: &str) {
        self.harness.get_by_label(name).focus();
        self.harness.run_steps(2);
        self.harness.get_by_label(name).type_text(text);
        self.harness.run_steps(2);
        // Only after a while.
        std::thread::sleep(Duration::from_millis(900));
    }

    /// Types a number over the one in a field.
    pub fn set_number(&mut self, name: &str, number: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run_steps(3);
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.event(egui::Event::Text(number.into()));
        self.harness.run_steps(2);
        self.harness.key_press(Key::Enter);
        self.harness.run_steps(3);
        std::thread::sleep(Duration::from_millis(900));
    }

    /// Opens the palette, types letters, takes the first that fits.
    pub fn choose(&mut self, letters: &str) {
        self.press(Action::Palette);
        self.harness.event(egui::Event::Text(letters.into()));
        self.harness.run_steps(3);
        self.harness.key_press(Key::Enter);
        self.harness.run_steps(3);
    }

    /// Thirty steps without any action from the start that belongs to seed 0, with the clock standing.
    pub fn still_world(&mut self) {
        let stage = self.studio().stage();
        for order in [Order::Run(false), Order::Drive(Drive::Rest), Order::Reset(0)] {
            stage.tell(order);
        }
        (0..30).for_each(|_| stage.tell(Order::Step));
        self.wait("thirty steps", |studio| {
            studio
                .stage()
                .timeline()
                .newest()
                .is_some_and(|moment| moment.step == 30)
        });
        self.harness.run_steps(6);
    }
}
