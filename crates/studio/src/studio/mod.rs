//! All that the studio is, without a window: what is open, what the person edits, and the threads that work for it.
//!
//! ```text
//! input ─▶ actions ─┐                        ┌─▶ Compiler ─▶ Stage ─▶ Timeline ─▶ panels
//! panels ─▶ Command ┴─▶ apply ─▶ Draft ──────┼─▶ Keeper ─▶ session file
//!                                            ├─▶ Outbox ─▶ Scribe ─▶ record ─▶ Watcher ─▶ panels
//!                                            └─▶ errands: Job (search, train)
//! ```
//!
//! A frame reads what the threads have published, shows the panels, applies what they want, and keeps what has changed. It never
//! waits for anything.

mod acts;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::{Engine, task_ids};
use carrot_optimizer::Policy;
use carrot_run_record::{Feedback, text_hash};

use crate::action::pressed;
use crate::artist::Artist;
use crate::chrome::{self, Dress, Tiled, TopBar, Troubles};
use crate::compiler::{Compiled, Compiler, OpenTask, TaskChoice};
use crate::document::Document;
use crate::draft::{Change, Draft};
use crate::errands::{Ended, Searching, Training};
use crate::frame_times::{FrameTimes, Overlay};
use crate::layout::Layout;
use crate::loader::{Coming, Loader};
use crate::outbox::Outbox;
use crate::palette::{Choice, Palette};
use crate::panels::{Command, Panel, Panels, See};
use crate::rehearsal::Rehearsal;
use crate::scribe::RunPlace;
use crate::session::{AppState, SessionError, SessionState, Workplace, first, session_key, task_of};
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
    /// The window is closed, and what was entered could not be written.
    #[error("what you entered last could not be kept ({trouble}). Here it is, to be copied:\n\n{text}")]
    Unkept {
        /// Why.
        trouble: String,
        /// Comments that are not in the record, and the program.
        text: String,
    },
    /// A script cannot be read, or a step of it could not be done.
    #[error("{0}")]
    Script(String),
    /// There is no window to be had.
    #[error("{0}")]
    Window(String),
}

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
    draft: Draft,
    outbox: Outbox,
    /// What was kept last; none: nothing was done in this session.
    kept: Option<Revision>,
    /// The run has a record, or had one.
    recorded: bool,
    /// The text that the compiler was given last.
    compiling: String,
    /// The task whose reward the editor was filled with, where it was empty.
    filled: Option<Arc<OpenTask>>,
    /// Goes before the stage, which stays as long as somebody can tell it something.
    compiler: Compiler,
    stage: Stage,
    artist: Artist,
    rehearsal: Rehearsal,
    watcher: Watcher,
    loader: Loader,
    searching: Searching,
    training: Training,
    playing: Option<Playing>,
    /// Another run, while its task is being looked up.
    opening: Option<Coming<Result<(TaskChoice, String), String>>>,
    /// The runs in the folder, for the palette.
    listing: Option<Coming<Vec<String>>>,
    panels: Panels,
    layout: Layout,
    palette: Palette,
    frame_times: FrameTimes,
    /// The overlay with the frame times, where it is wanted.
    overlay: Option<Overlay>,
    cursor: Option<usize>,
    selected: Option<(u32, u32)>,
    notices: Vec<Notice>,
    dress: Dress,
}

/// A candidate that moves the robot as soon as its policy is read.
struct Playing {
    /// Name of the candidate.
    name: String,
    /// Its program.
    text: String,
    /// SHA-256 of it.
    program: String,
    /// Folder of its run.
    dir: PathBuf,
    /// Seed of the start; none: as it is.
    seed: Option<u64>,
    /// The step at which it is to stand.
    until: Option<usize>,
    policy: Coming<Result<Arc<Policy>, String>>,
}

/// Differs whenever there is something new to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Revision {
    draft: u64,
    outbox: u64,
    recorded: bool,
}

/// Something to tell for a while.
struct Notice {
    text: String,
    since: Instant,
}

impl Studio {
    /// Opens the last session, or what `options` name. `wake` asks for a new frame, from any thread.
    ///
    /// Errors: [`StudioError`], in one sentence.
    pub fn new(options: StudioOptions, wake: impl Fn() + Send + Clone + 'static) -> Result<Self, StudioError> {
        let tasks = task_ids(&options.envs).map_err(|error| StudioError::NotFound(error.to_string()))?;
        let place = Workplace::open(&options.runs, wake.clone())?;
        let found = place.app_state();
        let app = found.value.unwrap_or_default();
        let (choice, run_name) = first(&options, &place, &app, &tasks)?;
        let stage = Stage::start(options.threads, wake.clone())?;
        let orders = stage.sender();
        let deliver = move |fresh| _ = orders.send(Order::Reward(fresh));
        let compiler = Compiler::start(deliver, wake.clone())?;
        let layout = Layout::new(app.layout.as_ref());
        let mut studio = Self {
            place,
            kept_app: app.clone(),
            app,
            tasks,
            choice,
            run_name,
            draft: Draft::new(Document::default()),
            outbox: Outbox::start(wake.clone())?,
            kept: None,
            recorded: false,
            compiling: String::new(),
            filled: None,
            stage,
            artist: Artist::start(wake.clone()),
            rehearsal: Rehearsal::start(options.threads, wake.clone())?,
            compiler,
            watcher: Watcher::start(wake.clone())?,
            loader: Loader::start(wake)?,
            searching: Searching::default(),
            training: Training::default(),
            playing: None,
            opening: None,
            listing: None,
            panels: Panels::default(),
            layout,
            palette: Palette::default(),
            frame_times: FrameTimes::default(),
            overlay: None,
            cursor: None,
            selected: None,
            notices: Vec::new(),
            dress: Dress::default(),
            options,
        };
        if let Some(words) = found.trouble {
            studio.notice(&words);
        }
        studio.begin_session();
        Ok(studio)
    }

    /// SHA-256 of all that the person edits.
    pub fn state_hash(&self) -> String {
        self.draft.document.hash()
    }

    /// What the person edits.
    pub fn document(&self) -> &Document {
        &self.draft.document
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
        self.outbox.pending().len()
    }

    /// What the lower bar tells for a while, oldest first.
    pub fn notices(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(|notice| notice.text.as_str())
    }

    /// The search and the training are asked to stop, and all that was entered is put on disk; called when the window closes.
    ///
    /// Errors: [`StudioError::Unkept`] with all that would be lost.
    pub fn close(&mut self) -> Result<(), StudioError> {
        self.searching.pause();
        self.training.close();
        self.leave_session();
        let Some(trouble) = self.place.finish() else {
            return Ok(());
        };
        let document = &self.draft.document;
        let said = self.outbox.pending().iter().filter_map(|entry| match &entry.feedback {
            Feedback::Comment { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let comments: Vec<&str> = said.chain([document.comment.as_str()]).collect();
        Err(StudioError::Unkept {
            trouble,
            text: format!("{}\n\n{}", comments.join("\n\n"), document.program)
                .trim()
                .to_owned(),
        })
    }

    /// What a script may want to report: latencies from the input that changed the reward to the first action that follows it, in
    /// milliseconds, and what was entered.
    pub fn report(&self) -> serde_json::Value {
        let status = self.stage.status();
        let run = self.watcher.view();
        let recorded = run.feedback.iter().map(|entry| entry.id.as_str());
        let said: BTreeSet<&str> = recorded
            .chain(self.outbox.pending().iter().map(|entry| entry.id.as_str()))
            .collect();
        let latencies: Vec<f64> = status.latencies.iter().map(|took| took.as_secs_f64() * 1e3).collect();
        serde_json::json!({
            "run": self.run_dir().display().to_string(), "state_hash": self.state_hash(), "plan_latencies_ms": latencies,
            "plans": status.plans, "real_time": status.real_time,
            "comment": self.draft.document.comment, "pending": self.outbox.pending().len(), "said": said.len(),
        })
    }

    /// Where the window notes how long its frames take; the overlay shows it.
    pub fn measured_by(&mut self, frame_times: FrameTimes) {
        self.frame_times = frame_times;
    }

    /// One frame.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        let began = Instant::now();
        self.dress.put_on(ui.ctx(), &self.app);
        let mut commands: Vec<Command> = pressed(ui.ctx()).into_iter().map(Command::Do).collect();
        self.listen();
        let mut change = None;
        let tiles = self.show(ui, &mut commands, &mut change);
        let can = self.possible();
        match self.palette.show(ui, &self.tasks, |action| can.contains(&action)) {
            Some(Choice::Do(action)) => commands.push(Command::Do(action)),
            Some(Choice::Open(task)) => commands.push(Command::OpenTask(task)),
            Some(Choice::OpenRun(run)) => self.look_up(run),
            None => {}
        }
        if let Some(overlay) = &mut self.overlay {
            overlay.show(ui.ctx(), &self.frame_times);
        }
        tiles.name_handles(ui.ctx());
        let change = change.unwrap_or_else(|| Change::new("change"));
        self.draft.note(&change, began);
        for command in commands {
            self.apply(command, ui.ctx());
        }
        let settled = self.draft.settle(began);
        self.say_all(settled);
        self.compile(began);
        self.keep_and_send();
        // Whatever changes by itself asks for a frame; this one is for what only time changes, such as a notice that goes away.
        ui.ctx().request_repaint_after(Duration::from_millis(250));
    }

    /// Shows bars and panels.
    fn show(&mut self, ui: &mut egui::Ui, commands: &mut Vec<Command>, change: &mut Option<Change>) -> Tiled {
        let status = self.stage.status();
        let (run, compiled) = (self.watcher.view(), self.compiler.compiled());
        let refused = self.compiler.refused();
        let search = self.searching.of(&self.run_name);
        let troubles = Troubles {
            unkept: self.place.trouble(),
            broken: self.broken(),
        };
        let bar = TopBar {
            task: &self.choice.id,
            undoable: self.draft.is_undoable(),
            redoable: self.draft.is_redoable(),
            hints: !self.app.hints_read,
        };
        let mut see = See {
            document: &mut self.draft.document,
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
            search: search.as_ref().map(|(state, _)| state),
            search_lines: search.as_ref().map_or(&[], |(_, lines)| lines),
            training: self.training.steps(),
            cursor: self.cursor,
            selected: self.selected,
            pending: self.outbox.pending(),
            trouble: self.outbox.trouble(),
            commands,
        };
        chrome::top_bar(ui, &mut see, &bar);
        let notices = self.notices.iter().map(|notice| notice.text.as_str());
        chrome::bottom_bar(ui, &see, &troubles, notices);
        let tiles = chrome::panels(ui, &mut self.layout, &mut self.panels, &mut see);
        self.panels.finish(&mut see);
        tiles
    }

    /// Threads that stopped before their time.
    fn broken(&self) -> Vec<String> {
        let troubles = [
            self.compiler.trouble(),
            self.stage.trouble(),
            self.rehearsal.trouble(),
            self.watcher.trouble(),
            self.outbox.broken(),
            self.loader.trouble(),
        ];
        troubles.into_iter().flatten().collect()
    }

    /// Starts to work on `self.choice` and `self.run_name`.
    fn begin_session(&mut self) {
        let found = self.place.session(&self.run_name);
        if let Some(words) = found.trouble {
            self.notice(&words);
        }
        let is_same = |state: &SessionState| state.task == self.choice.id && state.engine == self.choice.engine;
        let state = found.value.filter(is_same);
        let is_known = state.is_some();
        let state = state.unwrap_or_else(|| SessionState::new(&self.choice));
        self.draft = Draft::resumed(state.document, state.unsettled, Instant::now());
        self.outbox.begin(state.pending);
        self.recorded = state.recorded;
        self.kept = is_known.then(|| self.revision());
        self.playing = None;
        self.compiling.clear();
        self.filled = None;
        (self.cursor, self.selected) = (None, None);
        self.app.task = Some(self.choice.id.clone());
        let key = session_key(&self.choice);
        self.app.sessions.insert(key, self.run_name.clone());
        self.watcher.watch(&self.run_dir());
        self.compiler.open(self.choice.clone());
    }

    fn run_place(&self) -> RunPlace {
        RunPlace {
            dir: self.run_dir(),
            config: self.draft.document.search.config(&self.choice.id, self.choice.engine),
            was_there: self.recorded,
        }
    }

    /// Takes in what threads and processes have done since the last frame.
    fn listen(&mut self) {
        let place = self.run_place();
        let heard = self.outbox.listen(|| place);
        if heard.written {
            self.watcher.look_now();
        }
        for why in heard.refused {
            self.notice(&format!("The record does not take this: {why}"));
        }
        if let Some(ready) = heard.ready
            && let Some(words) = self.searching.go_on(&ready, &self.options.program)
        {
            self.notice(&words);
        }
        let run = self.watcher.view();
        if run.dir == self.run_dir() {
            self.recorded |= run.exists;
            self.searching.compare(&self.run_name, run.state.as_ref());
        }
        if let Some(runs) = self.listing.as_ref().and_then(Coming::take) {
            let others = runs.into_iter().filter(|run| *run != self.run_name);
            self.palette.offer(others.collect());
            self.listing = None;
        }
        if let Some(found) = self.opening.as_ref().and_then(Coming::take) {
            self.opening = None;
            match found {
                Ok((choice, run)) => self.open(choice, run),
                Err(why) => self.notice(&format!("The run cannot be opened: {why}")),
            }
        }
        if let Some(task) = self.compiler.task()
            && task.choice == self.choice
            && !self.filled.as_ref().is_some_and(|filled| Arc::ptr_eq(filled, &task))
        {
            self.stage.tell(Order::Open(Arc::clone(&task)));
            if self.draft.document.program.is_empty() {
                self.draft.fill(&task.human);
            }
            self.compiling.clear();
            self.filled = Some(task);
        }
        let now = Instant::now();
        self.notices.retain(|notice| now.duration_since(notice.since) < NOTICE);
        self.collect_policies();
    }

    /// A finished training moves the robot at once, and so does a candidate that somebody wants to see.
    fn collect_policies(&mut self) {
        match self.training.poll(&self.loader) {
            None => {}
            Some(Ended::Policy(policy, order)) if order.choice == self.choice => {
                self.stage.tell(Order::Drive(Drive::Policy {
                    policy,
                    program: text_hash(&order.program).into(),
                    name: "trained policy".into(),
                }));
                self.notice("The policy is trained and moves the robot now.");
            }
            Some(Ended::Policy(_, order)) => {
                let task = order.choice.id;
                self.notice(&format!(
                    "The policy for {task} is trained; “Train a policy” there fetches it at once."
                ));
            }
            Some(Ended::Otherwise(words)) => self.notice(&words),
        }
        let Some((playing, policy)) = self.playing.take().and_then(|playing| match playing.policy.take() {
            Some(policy) => Some((playing, policy)),
            None => {
                self.playing = Some(playing);
                None
            }
        }) else {
            return;
        };
        match policy {
            Err(words) => self.notice(&format!("the policy cannot be read: {words}")),
            Ok(_) if playing.dir != self.run_dir() => {} // another session was opened meanwhile
            Ok(policy) => {
                let name = &playing.name;
                let is_other = self.draft.document.program != playing.text;
                self.load(playing.text, name);
                if is_other {
                    self.notice(&format!("The editor has {name} now; Ctrl+Z brings yours back."));
                }
                self.stage.tell(Order::Drive(Drive::Policy {
                    policy,
                    program: playing.program.into(),
                    name: playing.name.as_str().into(),
                }));
                self.restart(playing.seed.unwrap_or(self.stage.status().seed));
                if let Some(step) = playing.until {
                    self.stage.tell(Order::RunTo(step));
                    self.notice(&format!("{} goes there again, to step {step}.", playing.name));
                }
                self.layout.focus(Panel::Viewport);
            }
        }
    }

    /// Before another session is opened: what was made here is a version, kept and on its way.
    fn leave_session(&mut self) {
        let settled = self.draft.settle_now();
        self.say_all(settled);
        self.keep_and_send();
    }

    /// Opens another session.
    fn open(&mut self, choice: TaskChoice, run: String) {
        self.leave_session();
        (self.choice, self.run_name) = (choice, run);
        self.begin_session();
    }

    /// Has the task of a run looked up, so that it can be opened.
    fn look_up(&mut self, run: String) {
        let (runs, envs) = (self.options.runs.clone(), self.options.envs.clone());
        let usual = self.options.engine;
        let coming = self.loader.ask(move || {
            let choice = task_of(&runs, &run, &envs, usual)?;
            Ok((choice, run))
        });
        self.opening = Some(coming);
    }

    fn say(&mut self, feedback: Feedback) {
        self.say_all([feedback]);
    }

    /// What the person said goes to the record; what no record takes is told at once.
    fn say_all(&mut self, said: impl IntoIterator<Item = Feedback>) {
        for feedback in said {
            if let Err(why) = self.outbox.say(feedback) {
                self.notice(&format!("The record does not take this: {why}"));
            }
        }
    }

    /// What was said is kept here until the record has it.
    fn keep_and_send(&mut self) {
        self.keep();
        let place = self.run_place();
        self.outbox.send(|| place);
    }

    fn notice(&mut self, text: &str) {
        self.notices.retain(|notice| notice.text != text); // once is enough, and the newest stays longest
        self.notices.push(Notice {
            text: text.into(),
            since: Instant::now(),
        });
    }

    /// Has a text compiled that is another one since a frame that began at `changed`, when its input had just come.
    fn compile(&mut self, changed: Instant) {
        if self.filled.is_some() && self.compiling != self.draft.document.program {
            self.compiling.clone_from(&self.draft.document.program);
            self.compiler.compile(&self.draft.document.program, changed);
        }
    }

    fn revision(&self) -> Revision {
        Revision {
            draft: self.draft.revision(),
            outbox: self.outbox.revision(),
            recorded: self.recorded,
        }
    }

    /// Has what has changed written to the session's files.
    fn keep(&mut self) {
        // A session in which nothing was done leaves no file.
        let is_untouched = self.kept.is_none() && !self.draft.is_undoable() && self.outbox.pending().is_empty();
        let revision = Some(self.revision());
        if self.kept != revision && !is_untouched {
            self.kept = revision;
            let state = SessionState {
                task: self.choice.id.clone(),
                engine: self.choice.engine,
                document: self.draft.document.clone(),
                unsettled: self.draft.unsettled(),
                pending: self.outbox.pending().to_vec(),
                recorded: self.recorded,
            };
            self.place.keep_session(&self.run_name, state);
        }
        if let Some(layout) = self.layout.change() {
            self.app.layout = Some(layout);
        }
        if self.app != self.kept_app {
            self.kept_app = self.app.clone();
            self.place.keep_app_state(self.app.clone());
        }
    }
}
