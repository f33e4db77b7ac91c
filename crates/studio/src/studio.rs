//! All that the studio is, without a window: what is open, what the person edits, and the threads that work for it.
//!
//! ```text
//! input ─▶ actions ─┐                        ┌─▶ Compiler ─▶ Stage ─▶ Timeline ─▶ panels
//! panels ─▶ Command ┴─▶ apply ─▶ Document ───┼─▶ session file (in this frame)
//!                                            ├─▶ Scribe ─▶ record ─▶ Watcher ─▶ panels
//!                                            └─▶ Job (search, train)
//! ```
//!
//! A frame reads what the threads have published, shows the panels, applies what they want, and keeps what has changed. It never
//! waits for anything.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carrot_environment::{Engine, task_ids};
use carrot_optimizer::Policy;
use carrot_run_record::{EditKind, Feedback, Outcome, Program, RunRecord};
use egui_tiles::{Tree, UiResponse};

use crate::accessible_tree;
use crate::action::{Action, pressed};
use crate::artist::Artist;
use crate::compiler::{Compiled, Compiler, OpenTask, TaskChoice};
use crate::document::{Document, Undo, program_hash};
use crate::fonts;
use crate::frame_times::{FrameTimes, Overlay};
use crate::jobs::{Job, JobState, TrainingPlace, search_arguments};
use crate::layout;
use crate::palette::{Choice, Palette};
use crate::panels::search::generations_of;
use crate::panels::{Command, Panel, Panels, See, behaviour_on_stage};
use crate::rehearsal::Rehearsal;
use crate::scribe::{RunPlace, Scribe};
use crate::session::{AppState, Pending, SessionError, SessionState, Workplace};
use crate::stage::{Drive, Order, Stage};
use crate::watcher::{RunView, Watcher};

/// What the studio is started with.
#[derive(Debug, Clone)]
pub struct StudioOptions {
    /// The `carrot` program, which searches and trains.
    pub program: PathBuf,
    /// Folder of environments.
    pub envs: PathBuf,
    /// Folder of runs.
    pub runs: PathBuf,
    /// A task to open; none: the last one.
    pub task: Option<String>,
    /// A run in `runs` to open.
    pub run: Option<String>,
    /// The engine that moves the worlds.
    pub engine: Engine,
    /// Threads that plan.
    pub threads: usize,
    /// A script that drives the window.
    pub script: Option<PathBuf>,
}

/// Why the studio does not start.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// There is no place to keep anything.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// There is no such task or run.
    #[error("{0}")]
    NotFound(String),
    /// The machine gives no threads.
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A script cannot be read, or a step of it could not be done.
    #[error("{0}")]
    Script(String),
    /// There is no window to be had.
    #[error("{0}")]
    Window(String),
}

/// The task that a first run opens on: a robot that does something within a second.
const FIRST_TASK: &str = "hopper/hop_forward";

/// The program is a version for the history once nothing was typed for so long.
const SETTLED: Duration = Duration::from_millis(1_200);

/// How soon what could not be recorded is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(8);

/// The studio without its window.
pub struct Studio {
    options: StudioOptions,
    place: Workplace,
    app: AppState,
    kept_app: AppState,
    tasks: Vec<String>,
    choice: TaskChoice,
    run_name: String,
    document: Document,
    undo: Undo,
    pending: Vec<Pending>,
    /// The session as last written to its file.
    kept: Option<SessionState>,
    trouble: Option<String>,
    /// The text that the compiler was given last.
    compiling: String,
    /// The task whose reward the editor was filled with, where it was empty.
    filled: Option<Arc<OpenTask>>,
    /// A version that the history does not have yet: how it was made, since when.
    unsettled: Option<(EditKind, String, Instant)>,
    /// The text of the newest version.
    settled: String,
    /// Goes before the stage, which stays as long as somebody can tell it something.
    compiler: Compiler,
    stage: Stage,
    artist: Artist,
    rehearsal: Rehearsal,
    scribe: Scribe,
    watcher: Watcher,
    /// The search that this studio started last, and the run it belongs to, which need not be the open one.
    search: Option<(Job, String)>,
    /// Arguments of a search that starts once so many runs were made ready.
    starting: Option<(u64, Vec<String>, String)>,
    training: Option<(Job, TrainingPlace)>,
    panels: Panels,
    tree: Tree<Panel>,
    palette: Palette,
    frame_times: FrameTimes,
    /// The overlay with the frame times, where it is wanted.
    overlay: Option<Overlay>,
    cursor: Option<usize>,
    selected: Option<(u32, u32)>,
    notices: Vec<(String, Instant)>,
    said: u64,
    /// When what could not be recorded was last tried again.
    tried: Instant,
    has_fonts: bool,
}

impl Studio {
    /// Opens the last session, or what `options` name. `wake` asks for a new frame, from any thread.
    ///
    /// Errors: [`StudioError`], in one sentence.
    pub fn new(options: StudioOptions, wake: impl Fn() + Send + Clone + 'static) -> Result<Self, StudioError> {
        let tasks = task_ids(&options.envs).map_err(|error| StudioError::NotFound(error.to_string()))?;
        let place = Workplace::open(&options.runs)?;
        let app = place.app_state();
        let (choice, run_name) = first(&options, &place, &app, &tasks)?;
        let stage = Stage::start(options.threads, wake.clone())?;
        let orders = stage.sender();
        let deliver = move |fresh| _ = orders.send(Order::Reward(fresh));
        let compiler = Compiler::start(deliver, wake.clone())?;
        let tree = layout::tree(app.layout.as_ref());
        let mut studio = Self {
            place,
            kept_app: app.clone(),
            app,
            tasks,
            choice,
            run_name,
            undo: Undo::new(&Document::default()),
            document: Document::default(),
            pending: Vec::new(),
            kept: None,
            trouble: None,
            compiling: String::new(),
            filled: None,
            unsettled: None,
            settled: String::new(),
            stage,
            artist: Artist::start(wake.clone()),
            rehearsal: Rehearsal::start(options.threads, wake.clone())?,
            compiler,
            scribe: Scribe::start(wake.clone())?,
            watcher: Watcher::start(wake)?,
            search: None,
            starting: None,
            training: None,
            panels: Panels::default(),
            tree,
            palette: Palette::default(),
            frame_times: FrameTimes::default(),
            overlay: None,
            cursor: None,
            selected: None,
            notices: Vec::new(),
            said: 0,
            tried: Instant::now(),
            has_fonts: false,
            options,
        };
        studio.begin_session();
        Ok(studio)
    }

    /// SHA-256 of all that the person edits.
    pub fn state_hash(&self) -> String {
        self.document.hash()
    }

    /// What the person edits.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The live world.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// What the compiler says of the program.
    pub fn compiled(&self) -> Compiled {
        self.compiler.compiled()
    }

    /// The run's record as last seen.
    pub fn run(&self) -> Arc<RunView> {
        self.watcher.view()
    }

    /// Folder of the present run, which need not be there yet.
    pub fn run_dir(&self) -> PathBuf {
        self.place.runs().join(&self.run_name)
    }

    /// Feedback that the record does not hold yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The search and the training are asked to stop; called when the window closes. They can go on later.
    pub fn close(&mut self) {
        if let Some((search, _)) = &mut self.search {
            search.pause();
        }
        if let Some((training, _)) = &mut self.training {
            training.pause();
        }
        self.keep();
    }

    /// What a script may want to report: latencies from a changed text to the first plan for it, in milliseconds, and what was entered.
    pub fn report(&self) -> serde_json::Value {
        let status = self.stage.status();
        let run = self.watcher.view();
        let recorded = run.feedback.iter().map(|entry| entry.id.as_str());
        let said: BTreeSet<&str> = recorded
            .chain(self.pending.iter().map(|entry| entry.id.as_str()))
            .collect();
        let latencies: Vec<f64> = status.latencies.iter().map(|took| took.as_secs_f64() * 1e3).collect();
        serde_json::json!({
            "run": self.run_dir(), "state_hash": self.state_hash(), "plan_latencies_ms": latencies,
            "plans": status.plans, "real_time": status.real_time,
            "comment": self.document.comment, "pending": self.pending.len(), "said": said.len(),
        })
    }

    /// Where the window notes how long its frames take; the overlay shows it.
    pub fn measured_by(&mut self, frame_times: FrameTimes) {
        self.frame_times = frame_times;
    }

    /// One frame.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        self.dress(ui.ctx());
        let mut commands: Vec<Command> = pressed(ui.ctx()).into_iter().map(Command::Do).collect();
        self.listen();
        self.top_bar(ui, &mut commands);
        self.bottom_bar(ui);
        let mut change = None;
        let (tiles, panes) = self.show_panels(ui, &mut commands, &mut change);
        match self.palette.show(ui, &self.tasks) {
            Some(Choice::Do(action)) => commands.push(Command::Do(action)),
            Some(Choice::Open(task)) => commands.push(Command::OpenTask(task)),
            None => {}
        }
        if let Some(overlay) = &mut self.overlay {
            overlay.show(ui.ctx(), &self.frame_times);
        }
        accessible_tree::name_handles(ui.ctx(), tiles, &panes);
        let how = match change.as_deref() {
            Some("typing") => Some(EditKind::Typed),
            // Should it never be let go, such as by a number that leaves its list under the hand, it settles all the same.
            Some(change) if change.starts_with("turn ") => Some(EditKind::Slider),
            _ => None,
        };
        self.note(change.as_deref().unwrap_or("change"), how);
        for command in commands {
            self.apply(command, ui.ctx());
        }
        self.settle(false);
        self.compile();
        self.keep();
        // Whatever changes by itself asks for a frame; this one is for what only time changes, such as a notice that goes away.
        ui.ctx().request_repaint_after(Duration::from_millis(250));
    }

    /// Starts to work on `self.choice` and `self.run_name`.
    fn begin_session(&mut self) {
        let state = self.place.session(&self.run_name);
        let state = state.filter(|state| state.task == self.choice.id && state.engine == self.choice.engine);
        self.document = state
            .as_ref()
            .map_or_else(Document::default, |state| state.document.clone());
        self.pending = state.as_ref().map_or_else(Vec::new, |state| state.pending.clone());
        self.kept = state;
        self.undo = Undo::new(&self.document);
        self.compiling.clear();
        self.settled.clone_from(&self.document.program);
        self.unsettled = None;
        self.filled = None;
        (self.cursor, self.selected) = (None, None);
        self.app.task = Some(self.choice.id.clone());
        let key = session_key(&self.choice);
        self.app.sessions.insert(key, self.run_name.clone());
        self.watcher.watch(&self.run_dir());
        self.compiler.open(self.choice.clone());
        if !self.pending.is_empty() {
            // A studio was killed before these were in the record, or before it knew that they were.
            self.scribe.write(self.run_place(), self.pending.clone());
        }
    }

    fn run_place(&self) -> RunPlace {
        RunPlace {
            dir: self.run_dir(),
            config: self.document.search.config(&self.choice.id, self.choice.engine),
        }
    }

    /// Takes in what threads and processes have done since the last frame.
    fn listen(&mut self) {
        let written = self.scribe.written();
        let before = self.pending.len();
        self.pending.retain(|entry| !written.ids.contains(&entry.id));
        if self.pending.len() < before {
            self.watcher.look_now();
        }
        self.trouble.clone_from(&written.error);
        if written.error.is_some() && !self.pending.is_empty() && self.tried.elapsed() >= TRY_AGAIN {
            // Whatever was in the way may be gone; the record takes each entry once.
            self.tried = Instant::now();
            self.scribe.write(self.run_place(), self.pending.clone());
        }
        if self.pending.is_empty()
            && let Some((_, arguments, run)) = self.starting.take_if(|(ready, ..)| written.ready >= *ready)
        {
            match Job::start(&self.options.program, &arguments) {
                Ok(job) => self.search = Some((job, run)),
                Err(message) => self.notice(&message),
            }
        }
        if let Some(task) = self.compiler.task()
            && task.choice == self.choice
            && !self.filled.as_ref().is_some_and(|filled| Arc::ptr_eq(filled, &task))
        {
            self.stage.tell(Order::Open(Arc::clone(&task)));
            if self.document.program.is_empty() {
                self.document.program.clone_from(&task.human);
                // Nobody has done anything that could be taken back.
                self.undo = Undo::new(&self.document);
                self.settled.clone_from(&self.document.program);
            }
            self.compiling.clear();
            self.filled = Some(task);
        }
        let now = Instant::now();
        self.notices.retain(|(_, since)| now.duration_since(*since) < NOTICE);
        self.collect_policy();
    }

    /// A finished training moves the robot at once.
    fn collect_policy(&mut self) {
        let Some((job, place)) = &mut self.training else { return };
        match job.state() {
            JobState::Running => {}
            JobState::Done => {
                match Policy::load(&place.policy) {
                    Ok((policy, _)) => {
                        let drive = Drive::Policy(Arc::new(policy), "trained policy".into());
                        self.stage.tell(Order::Drive(drive));
                        self.notice("The policy is trained and moves the robot now.");
                    }
                    Err(error) => self.notice(&format!("the policy cannot be read: {error}")),
                }
                self.training = None;
            }
            JobState::Paused => {
                self.notice("The training is paused; “Train a policy” goes on with it.");
                self.training = None;
            }
            JobState::Failed(words) => {
                self.notice(&format!("The training failed: {words}"));
                self.training = None;
            }
        }
    }

    /// Gives where the tiles are, and each pane that was shown.
    fn show_panels(
        &mut self,
        ui: &mut egui::Ui,
        commands: &mut Vec<Command>,
        change: &mut Option<String>,
    ) -> (egui::Rect, Vec<egui::Rect>) {
        let status = self.stage.status();
        let (run, compiled) = (self.watcher.view(), self.compiler.compiled());
        let refused = self.compiler.refused();
        let ours = self.search.as_mut().filter(|(_, run)| *run == self.run_name);
        let (search, lines) = ours.map(|(job, _)| (job.state(), job.lines())).unzip();
        let lines = lines.unwrap_or_default();
        let training = self
            .training
            .as_mut()
            .map(|(job, place)| (job.state(), place.progress()));
        let mut see = See {
            document: &mut self.document,
            change,
            task: self.filled.as_ref(),
            refused: refused
                .as_ref()
                .filter(|(choice, _)| *choice == self.choice)
                .map(|(_, message)| message.as_str()),
            compiled: &compiled,
            stage: &self.stage,
            status: &status,
            artist: &self.artist,
            rehearsal: &self.rehearsal,
            run: &run,
            run_name: &self.run_name,
            tasks: &self.tasks,
            search: search.as_ref(),
            search_lines: &lines,
            training: training.as_ref().map(|(state, progress)| (state, *progress)),
            cursor: self.cursor,
            selected: self.selected,
            pending: &self.pending,
            trouble: self.trouble.as_deref(),
            commands,
        };
        let shown = egui::CentralPanel::default().show(ui, |ui| {
            let mut tiles = Tiles {
                panels: &mut self.panels,
                see: &mut see,
                panes: Vec::new(),
            };
            let place = ui.max_rect();
            self.tree.ui(&mut tiles, ui);
            (place, tiles.panes)
        });
        shown.inner
    }

    fn top_bar(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
        egui::Panel::top("bar").show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.strong("Carrot");
                ui.label(format!("{} · {}", self.choice.id, self.run_name));
                ui.separator();
                let mut action = |ui: &mut egui::Ui, text: &str, action: Action, enabled: bool| {
                    let button = ui.add_enabled(enabled, egui::Button::new(text));
                    if button.on_hover_text(action.hint(ui.ctx())).clicked() {
                        commands.push(Command::Do(action));
                    }
                };
                action(ui, "Commands…", Action::Palette, true);
                action(ui, "Undo", Action::Undo, self.undo.undoable().is_some());
                action(ui, "Redo", Action::Redo, self.undo.redoable().is_some());
                action(ui, "New session", Action::NewSession, true);
                action(ui, "Light or dark", Action::ToggleTheme, true);
            });
            if !self.app.hints_read {
                self.hints(ui);
            }
        });
    }

    /// What a first run needs to know; three lines and no dialog.
    fn hints(&mut self, ui: &mut egui::Ui) {
        ui.separator();
        for hint in [
            "1. The robot follows the reward on the left: drag one of its numbers and watch what changes.",
            "2. Say what you think in the Feedback panel; it is in the next prompt.",
            "3. Start the search: it writes better rewards. Ctrl+Shift+P finds everything.",
        ] {
            ui.label(hint);
        }
        if ui.button("Got it").clicked() {
            self.app.hints_read = true;
        }
    }

    fn bottom_bar(&mut self, ui: &mut egui::Ui) {
        let status = self.stage.status();
        egui::Panel::bottom("status").show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                let error = ui.visuals().error_fg_color;
                if let Some(trouble) = &self.trouble {
                    ui.colored_label(error, format!("not recorded yet: {trouble}"));
                }
                if let Some(stop) = &status.stop {
                    ui.colored_label(error, stop.to_string());
                }
                if let Some(trouble) = &status.trouble {
                    ui.colored_label(error, trouble);
                }
                let compiled = self.compiler.compiled();
                match compiled.errors() {
                    0 if compiled.works => ui.weak(format!("compiled in {:.1} ms", compiled.took.as_secs_f64() * 1e3)),
                    0 => ui.weak("compiling"),
                    1 => ui.colored_label(error, "1 error; the last reward that compiled is on the stage"),
                    errors => ui.colored_label(
                        error,
                        format!("{errors} errors; the last reward that compiled is on the stage"),
                    ),
                };
                if let Some(last) = status.latencies.last() {
                    ui.weak(format!("new plan after {:.0} ms", last.as_secs_f64() * 1e3));
                }
                for (notice, _) in &self.notices {
                    ui.separator();
                    ui.label(notice);
                }
            });
        });
    }

    /// Notes what became of the document in this frame. `how`: the program is a new version, made in this way, once nothing
    /// follows for a while.
    fn note(&mut self, change: &str, how: Option<EditKind>) {
        let now = Instant::now();
        if !self.undo.note(&self.document, change, now) {
            return;
        }
        if self.document.program != self.settled
            && let Some(how) = how
        {
            self.unsettled = Some((how, String::new(), now));
        }
    }

    /// Gives the history the program as it is, if it has rested or must.
    fn settle(&mut self, now: bool) {
        if !self
            .unsettled
            .as_ref()
            .is_some_and(|(_, _, since)| now || since.elapsed() >= SETTLED)
        {
            return;
        }
        let Some((how, summary, _)) = self.unsettled.take() else {
            return;
        };
        if self.document.program == self.settled {
            return;
        }
        let summary = match summary.is_empty() {
            true => changed_lines(&self.settled, &self.document.program),
            false => summary,
        };
        self.settled.clone_from(&self.document.program);
        self.say(Feedback::Edit {
            text: self.document.program.clone(),
            how,
            summary,
        });
    }

    /// What the person said goes to the record by way of the session file, so that neither a kill nor a lost record loses it.
    fn say(&mut self, feedback: Feedback) {
        self.said += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let entry = Pending {
            id: format!("studio-{}-{}-{}", now.as_nanos(), std::process::id(), self.said),
            feedback,
        };
        self.pending.push(entry.clone());
        self.keep();
        self.scribe.write(self.run_place(), vec![entry]);
    }

    fn apply(&mut self, command: Command, ctx: &egui::Context) {
        match command {
            Command::Do(action) => self.act(action, ctx),
            Command::Stage(order) => {
                if matches!(order, Order::Run(true)) {
                    self.cursor = None;
                }
                self.stage.tell(order);
            }
            Command::Say(feedback) => self.say(feedback),
            Command::OpenTask(task) => {
                self.settle(true);
                self.keep();
                self.choice.id = task;
                let last = self.app.sessions.get(&session_key(&self.choice)).cloned();
                self.run_name = last.unwrap_or_else(|| self.place.new_run(&self.choice.id));
                self.begin_session();
            }
            Command::LoadProgram(text, from) => {
                self.settle(true);
                self.document.program = text;
                self.undo.settle();
                self.note(&format!("load {from}"), None);
                self.unsettled = Some((EditKind::Opened, from, Instant::now()));
                self.settle(true);
            }
            Command::PlayCandidate(id) => self.play(id),
            Command::Select(selected) => {
                self.selected = selected;
            }
            Command::Seek(cursor) => self.cursor = cursor,
            Command::Compare(a, b) => {
                self.panels.compare.compare(a, b);
                self.focus(Panel::Compare);
            }
            Command::Focus(panel) => self.focus(panel),
            Command::Settled(how, summary) => {
                if self.document.program != self.settled {
                    self.unsettled = Some((how, summary, Instant::now()));
                    self.settle(true);
                }
            }
            Command::Notice(text) => self.notice(&text),
        }
    }

    fn act(&mut self, action: Action, ctx: &egui::Context) {
        match action {
            Action::Palette => self.palette.toggle(),
            Action::Undo | Action::Redo => {
                let before = self.document.program.clone();
                let change = match action {
                    Action::Undo => self.undo.undo(&mut self.document),
                    _ => self.undo.redo(&mut self.document),
                };
                if let Some(change) = change {
                    let word = if action == Action::Undo { "undone" } else { "done again" };
                    self.notice(&format!("{word}: {change}"));
                    if before != self.document.program {
                        self.unsettled = Some((EditKind::Undo, format!("{word}: {change}"), Instant::now()));
                    }
                }
            }
            Action::PlayPause => {
                let run = !self.stage.status().running;
                if run {
                    self.cursor = None;
                }
                self.stage.tell(Order::Run(run));
            }
            Action::StepOnce => {
                self.cursor = None;
                self.stage.tell(Order::Step);
            }
            Action::Restart => self.restart(self.stage.status().seed),
            Action::AnotherStart => self.restart(self.stage.status().seed + 1),
            Action::Faster | Action::Slower => {
                let factor = if action == Action::Faster { 2.0 } else { 0.5 };
                let speed = (self.stage.status().speed * factor).clamp(1.0 / 64.0, 8.0);
                self.stage.tell(Order::Speed(speed));
            }
            Action::Live => self.cursor = None,
            Action::DriveByPlan => self.stage.tell(Order::Drive(Drive::Plan)),
            Action::DriveByNothing => self.stage.tell(Order::Drive(Drive::Rest)),
            Action::HumanReward => {
                if let Some(task) = &self.filled {
                    let command = Command::LoadProgram(task.human.clone(), "the hand-written reward".into());
                    self.apply(command, ctx);
                }
            }
            Action::StartSearch => self.start_search(),
            Action::PauseSearch => {
                if let Some((search, run)) = &mut self.search
                    && *run == self.run_name
                {
                    search.pause();
                }
            }
            Action::TrainPolicy => self.train(),
            Action::PauseTraining => {
                if let Some((training, _)) = &mut self.training {
                    training.pause();
                }
            }
            Action::RateGood | Action::RateBad => {
                let of = behaviour_on_stage(&self.stage.status(), &self.watcher.view());
                let good = action == Action::RateGood;
                self.say(Feedback::Rating { of, good });
                self.notice(if good {
                    "Noted: this is good."
                } else {
                    "Noted: this is bad."
                });
            }
            Action::GiveComment => self.give_comment(),
            Action::NewSession => {
                self.settle(true);
                self.keep();
                self.run_name = self.place.new_run(&self.choice.id);
                self.begin_session();
            }
            Action::ToggleTheme => {
                let dark = ctx.global_style().visuals.dark_mode;
                self.app.theme = Some(if dark { "light" } else { "dark" }.into());
            }
            Action::ZoomIn | Action::ZoomOut | Action::ZoomReset => {
                let zoom = self.app.zoom.unwrap_or(1.0);
                let zoom = match action {
                    Action::ZoomIn => zoom * 1.1,
                    Action::ZoomOut => zoom / 1.1,
                    _ => 1.0,
                };
                self.app.zoom = Some(zoom.clamp(0.5, 3.0));
            }
            Action::ResetPanels => self.tree = layout::tree(None),
            Action::FrameTimes => {
                self.overlay = match self.overlay {
                    Some(_) => None,
                    None => Some(Overlay::default()),
                };
            }
            Action::Focus(panel) => self.focus(panel),
            other => {
                self.panels.camera(other);
            }
        }
    }

    fn restart(&mut self, seed: u64) {
        self.cursor = None;
        self.stage.tell(Order::Reset(seed));
        self.stage.tell(Order::Run(true));
    }

    fn give_comment(&mut self) {
        let text = self.document.comment.trim().to_owned();
        if text.is_empty() {
            return self.notice("Write the comment first, in the Feedback panel.");
        }
        let on_task = self.document.comment_on_task;
        let of = behaviour_on_stage(&self.stage.status(), &self.watcher.view());
        self.document.comment.clear();
        self.undo.settle();
        self.note("give the comment", None);
        self.say(Feedback::Comment {
            of: (!on_task).then_some(of),
            step: self.cursor.filter(|_| !on_task).map(|step| step as u64),
            text,
        });
    }

    fn play(&mut self, id: (u32, u32)) {
        let run = self.watcher.view();
        let Some(candidate) = run.candidate(id) else { return };
        let (Program::Source { text, .. }, Outcome::Evaluated(evaluated)) = (&candidate.program, &candidate.outcome)
        else {
            return self.notice("This candidate has no policy to play.");
        };
        let bytes = RunRecord::open_read_only(&run.dir).and_then(|record| record.object(&evaluated.policy));
        let policy = bytes
            .map_err(|error| error.to_string())
            .and_then(|bytes| Policy::from_bytes(&bytes).map_err(|error| error.to_string()));
        match policy {
            Err(message) => self.notice(&format!("the policy cannot be read: {message}")),
            Ok((policy, _)) => {
                let name = format!("g{}c{}", id.0, id.1);
                let text = text.clone();
                self.settle(true);
                self.document.program = text;
                self.undo.settle();
                self.note(&format!("load {name}"), None);
                self.unsettled = Some((EditKind::Opened, name.clone(), Instant::now()));
                self.settle(true);
                self.stage.tell(Order::Drive(Drive::Policy(Arc::new(policy), name)));
                self.restart(self.stage.status().seed);
                self.focus(Panel::Viewport);
            }
        }
    }

    /// Starts the search of this run, or goes on with it for another round.
    fn start_search(&mut self) {
        if let Some((search, run)) = &mut self.search
            && search.state() == JobState::Running
        {
            let running = format!("The search of {run} is running; pause it first.");
            return self.notice(&running);
        }
        self.settle(true);
        let run = self.watcher.view();
        let place = self.run_place();
        // The program in the editor takes part, whether or not it was changed here.
        let known = run.feedback.iter().any(|entry| matches!(&entry.feedback, Feedback::Edit { text, .. } if *text == self.document.program))
            || self.pending.iter().any(|entry| matches!(&entry.feedback, Feedback::Edit { text, .. } if *text == self.document.program))
            || run.candidates.iter().any(|candidate| matches!(&candidate.program, Program::Source { text, .. } if *text == self.document.program));
        if !known {
            // Not `Opened`, which only says where a change starts from and is never judged.
            self.say(Feedback::Edit {
                text: self.document.program.clone(),
                how: EditKind::Typed,
                summary: "in the editor when the search began".into(),
            });
        }
        let done = run.complete_generations();
        let settings = &self.document.search;
        let own = if run.candidates.is_empty() {
            1
        } else {
            generations_of(&run.config)
        };
        let generations = settings.generations.max(done + 1).max(own);
        let until = settings.ask_me.then_some(done + 1);
        let arguments = search_arguments(&self.options.envs, &place.dir, generations, until);
        // The search reads the record: what was said must be there first.
        self.starting = Some((self.scribe.written().ready + 1, arguments, self.run_name.clone()));
        self.scribe.make_ready(place);
    }

    fn train(&mut self) {
        if self.training.is_some() {
            return self.notice("A training is running.");
        }
        let hash = program_hash(&self.document.program);
        let place = TrainingPlace::new(&self.place.runs().join(".studio"), &hash);
        if let Err(error) = std::fs::write(&place.program, &self.document.program) {
            return self.notice(&format!("{}: {error}", place.program.display()));
        }
        let engine = self.choice.engine.to_string();
        let arguments = place.arguments(&self.options.envs, &self.choice.id, &engine, self.document.search.seed);
        match Job::start(&self.options.program, &arguments) {
            Ok(job) => self.training = Some((job, place)),
            Err(message) => self.notice(&message),
        }
    }

    fn focus(&mut self, panel: Panel) {
        self.tree
            .make_active(|_, tile| matches!(tile, egui_tiles::Tile::Pane(pane) if *pane == panel));
    }

    fn notice(&mut self, text: &str) {
        self.notices.push((text.into(), Instant::now()));
    }

    fn compile(&mut self) {
        if self.filled.is_some() && self.compiling != self.document.program {
            self.compiling.clone_from(&self.document.program);
            self.compiler.compile(&self.document.program, Instant::now());
        }
    }

    /// Writes what has changed to the session's files.
    fn keep(&mut self) {
        let state = SessionState {
            task: self.choice.id.clone(),
            engine: self.choice.engine,
            document: self.document.clone(),
            pending: self.pending.clone(),
        };
        // A session in which nothing was done leaves no file.
        let untouched = self.kept.is_none() && self.undo.undoable().is_none() && self.pending.is_empty();
        if self.kept.as_ref() != Some(&state) && !untouched {
            match self.place.keep_session(&self.run_name, &state) {
                Ok(()) => self.kept = Some(state),
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
        self.app.layout = serde_json::to_value(&self.tree).ok();
        if self.app != self.kept_app {
            match self.place.keep_app_state(&self.app) {
                Ok(()) => self.kept_app = self.app.clone(),
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
    }

    fn dress(&mut self, ctx: &egui::Context) {
        if !std::mem::replace(&mut self.has_fonts, true) {
            fonts::install(ctx);
        }
        let theme = match self.app.theme.as_deref() {
            Some("light") => egui::ThemePreference::Light,
            Some("dark") => egui::ThemePreference::Dark,
            _ => egui::ThemePreference::System,
        };
        if ctx.options(|options| options.theme_preference) != theme {
            ctx.set_theme(theme);
        }
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        if let Some(zoom) = self.app.zoom {
            ctx.set_zoom_factor(zoom);
        }
    }
}

/// Shows the panels in their tiles.
struct Tiles<'a, 'b> {
    panels: &'a mut Panels,
    see: &'a mut See<'b>,
    /// Where panes were shown in this frame.
    panes: Vec<egui::Rect>,
}

impl egui_tiles::Behavior<Panel> for Tiles<'_, '_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _tile: egui_tiles::TileId, panel: &mut Panel) -> UiResponse {
        // Named, so that a screen reader says where one is, and a script can say which of two buttons it means.
        let pane = egui::UiBuilder::new()
            .accessibility_label(panel.title())
            .accessibility_role(egui::Role::Pane);
        ui.scope_builder(pane, |ui| {
            accessible_tree::place(ui, ui.max_rect());
            self.panes.push(ui.max_rect());
            egui::Frame::NONE
                .inner_margin(6.0)
                .show(ui, |ui| self.panels.show(*panel, ui, self.see));
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, panel: &Panel) -> egui::WidgetText {
        panel.title().into()
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..egui_tiles::SimplificationOptions::default()
        }
    }
}

/// What to open first.
fn first(
    options: &StudioOptions,
    place: &Workplace,
    app: &AppState,
    tasks: &[String],
) -> Result<(TaskChoice, String), StudioError> {
    let choice = |id: String| TaskChoice {
        envs: options.envs.clone(),
        id,
        engine: options.engine,
    };
    if let Some(run) = &options.run {
        let record = RunRecord::open_read_only(&options.runs.join(run)).and_then(|record| record.config());
        let config = record.map_err(|error| StudioError::NotFound(error.to_string()))?;
        let task = config.get("task").and_then(toml::Value::as_str).unwrap_or_default();
        let engine = config
            .get("engine")
            .and_then(toml::Value::as_str)
            .and_then(|text| text.parse().ok());
        let choice = TaskChoice {
            engine: engine.unwrap_or(options.engine),
            ..choice(task.to_owned())
        };
        return Ok((choice, run.clone()));
    }
    let known = |id: &String| tasks.contains(id);
    let id = match &options.task {
        Some(id) if known(id) => id.clone(),
        Some(id) => {
            // The task loader says it best, with the nearest name.
            let error = carrot_environment::Task::load(&options.envs, id, options.engine).err();
            return Err(StudioError::NotFound(
                error.map_or_else(String::new, |error| error.to_string()),
            ));
        }
        None => {
            let last = app.task.clone().filter(known);
            let usual = Some(FIRST_TASK.to_owned()).filter(known);
            let any = tasks.first().cloned();
            last.or(usual)
                .or(any)
                .ok_or_else(|| StudioError::NotFound(format!("{} has no tasks", options.envs.display())))?
        }
    };
    let choice = choice(id);
    let last = app.sessions.get(&session_key(&choice)).cloned();
    let run = last.unwrap_or_else(|| place.new_run(&choice.id));
    Ok((choice, run))
}

fn session_key(choice: &TaskChoice) -> String {
    format!("{} {}", choice.engine, choice.id)
}

/// In a few words what differs between two programs.
fn changed_lines(before: &str, after: &str) -> String {
    let difference = similar::TextDiff::from_lines(before, after);
    let mut changed: Vec<&str> = Vec::new();
    let (mut added, mut removed) = (0, 0);
    for change in difference.iter_all_changes() {
        match change.tag() {
            similar::ChangeTag::Insert => {
                added += 1;
                changed.push(change.value().trim());
            }
            similar::ChangeTag::Delete => removed += 1,
            similar::ChangeTag::Equal => {}
        }
    }
    match changed[..] {
        [line] => line.chars().take(80).collect(),
        _ => format!("{added} lines added, {removed} removed"),
    }
}
