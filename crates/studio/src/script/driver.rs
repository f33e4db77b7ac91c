//! Performs a script, frame by frame.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eframe::egui;
use egui::accesskit::{Action, NodeId};
use egui::{Context, Event, FullOutput, Key, Pos2, RawInput, Rect, Role, ViewportCommand, ViewportId, pos2};

use super::gestures::{self, Moment};
use super::picture::{self, Pending};
use super::steps::{Line, Script, Step, Way};
use super::target::{Need, Target};
use crate::accessible_tree::{Widget, widgets};

/// How long a step waits for its widget.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon to look again.
const LOOK_AGAIN: Duration = Duration::from_millis(16);
/// A widget is in sight where at least so many points of it are, or all of it.
const IN_SIGHT: f32 = 8.0;

/// How a script ended; shared with whoever started it.
#[derive(Clone, Default)]
pub struct Outcome(Arc<Mutex<Option<Result<(), String>>>>);

impl Outcome {
    /// `None` while the script runs; then nothing, or what went wrong, in one message for a person.
    #[must_use]
    pub fn get(&self) -> Option<Result<(), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, outcome: Result<(), String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

type Report = dyn Fn() -> serde_json::Value + Send + Sync;

/// The plugin that performs a [`Script`]; add it with [`egui::Context::add_plugin`].
pub struct Driver {
    script: Script,
    /// The step at hand.
    at: usize,
    since: Instant,
    phase: Phase,
    /// What the hands have still to do for the step at hand.
    moments: VecDeque<Moment>,
    last_moment: Instant,
    /// Where the widget of the step at hand was in the frame before.
    seen: Option<(NodeId, Rect)>,
    /// Whether the window has been told what the step at hand is waiting for.
    told: bool,
    /// What the desktop is to look like, for windows that go by it.
    theme: Option<egui::Theme>,
    /// Seconds that each finished step took.
    took: Vec<f64>,
    report: Box<Report>,
    failure_picture: PathBuf,
    outcome: Outcome,
}

enum Phase {
    /// Looking for the widget that the step is about.
    Looking,
    /// The hands are at work; after that, the step is done, or looks again where it only brought its widget into sight.
    Acting {
        then_done: bool,
    },
    /// A picture is on its way.
    Picturing(Pending),
    /// Something went wrong; a picture of it is on its way.
    Failing(String, Pending),
    Over,
}

/// What became of one look.
enum Look {
    Done,
    Act(Vec<Moment>),
    /// Something has to be done before the step can be.
    Prepare(Vec<Moment>),
    Picture(PathBuf, Option<Rect>),
    /// The window is told, and the step is done.
    Tell(ViewportCommand),
    /// The window is told, and the step is done when it has followed.
    Ask(ViewportCommand),
    Quit,
    NotYet(String),
    Wrong(String),
}

impl Driver {
    /// `report` gives what `report FILE` writes, beside the times of the steps; `failure_picture` is where the picture of
    /// a failure goes.
    #[must_use]
    pub fn new(
        script: Script,
        failure_picture: PathBuf,
        report: impl Fn() -> serde_json::Value + Send + Sync + 'static,
    ) -> (Self, Outcome) {
        let outcome = Outcome::default();
        let now = Instant::now();
        let driver = Self {
            script,
            at: 0,
            since: now,
            phase: Phase::Looking,
            moments: VecDeque::new(),
            last_moment: now,
            seen: None,
            told: false,
            theme: None,
            took: Vec::new(),
            report: Box::new(report),
            failure_picture,
            outcome: outcome.clone(),
        };
        (driver, outcome)
    }

    fn line(&self) -> Option<&Line> {
        self.script.lines.get(self.at)
    }

    fn next_step(&mut self) {
        self.took.push(self.since.elapsed().as_secs_f64());
        self.at += 1;
        self.since = Instant::now();
        self.seen = None;
        self.told = false;
        self.phase = Phase::Looking;
    }

    /// One frame has been shown: goes on with the step at hand.
    fn go_on(&mut self, ctx: &Context, output: &mut FullOutput) {
        match &self.phase {
            Phase::Over => return,
            Phase::Acting { .. } if !self.moments.is_empty() => return,
            // What was done just now shows in the next frame.
            Phase::Acting { then_done: true } => return self.next_step(),
            Phase::Acting { then_done: false } => self.phase = Phase::Looking,
            Phase::Picturing(pending) => match pending.outcome() {
                None => return,
                Some(Ok(())) => self.next_step(),
                Some(Err(error)) => return self.fail(error, ctx, output),
            },
            Phase::Failing(message, pending) => {
                if let Some(outcome) = pending.outcome() {
                    let picture = match outcome {
                        Ok(()) => format!("a picture of the moment: {}", self.failure_picture.display()),
                        Err(error) => format!("and no picture of the moment: {error}"),
                    };
                    let message = format!("{message}\n  {picture}");
                    self.end(Err(message), output);
                }
                return;
            }
            Phase::Looking => {}
        }
        let Some(line) = self.script.lines.get(self.at).cloned() else {
            self.phase = Phase::Over;
            self.outcome.set(Ok(()));
            return;
        };
        let Some(update) = &output.platform_output.accesskit_update else {
            return;
        };
        let widgets = widgets(update);
        match self.look(&line.step, &widgets, ctx) {
            Look::Done => self.next_step(),
            Look::Act(moments) => self.act(moments, true),
            Look::Prepare(moments) => self.act(moments, false),
            Look::Picture(file, part) => {
                let pending = order_picture(file, part, ctx, output);
                self.phase = Phase::Picturing(pending);
            }
            Look::Tell(command) => {
                tell(command, output);
                self.next_step();
            }
            Look::Ask(command) => {
                tell(command, output);
                self.told = true;
            }
            Look::Quit => self.end(Ok(()), output),
            Look::NotYet(reason) => {
                let patience = match line.step {
                    Step::Wait { within, .. } => within,
                    _ => PATIENCE,
                };
                if self.since.elapsed() >= patience {
                    let message = format!("{reason}\n  (after {} s)", patience.as_secs_f64());
                    self.fail(message, ctx, output);
                }
            }
            Look::Wrong(message) => self.fail(message, ctx, output),
        }
    }

    fn act(&mut self, moments: Vec<Moment>, then_done: bool) {
        self.moments = moments.into();
        self.phase = Phase::Acting { then_done };
    }

    fn fail(&mut self, message: String, ctx: &Context, output: &mut FullOutput) {
        let (number, text) = self.line().map_or((0, ""), |line| (line.number, line.text.as_str()));
        let message = format!("{}:{number}: {text}\n  {message}", self.script.name);
        let pending = order_picture(self.failure_picture.clone(), None, ctx, output);
        self.phase = Phase::Failing(message, pending);
    }

    fn end(&mut self, outcome: Result<(), String>, output: &mut FullOutput) {
        self.phase = Phase::Over;
        self.outcome.set(outcome);
        tell(ViewportCommand::Close, output);
    }

    fn look(&mut self, step: &Step, widgets: &[Widget], ctx: &Context) -> Look {
        let look = match step {
            Step::Click { on, button, times } => {
                let operate = self.reach(on, widgets, ctx);
                operate.map(|(_, at)| Look::Act(gestures::click(at, *button, *times)))
            }
            Step::Hover(over) => {
                let operate = self.reach(over, widgets, ctx);
                operate.map(|(_, at)| Look::Act(gestures::hover(at)))
            }
            Step::Drag { from, to } => {
                let operate = self.reach(from, widgets, ctx);
                operate.map(|(widget, at)| {
                    let (from, to) = way(&widget, at, *to);
                    Look::Act(gestures::drag(from, to))
                })
            }
            Step::Scroll { over, by } => {
                let operate = self.reach(over, widgets, ctx);
                operate.map(|(_, at)| Look::Act(gestures::scroll(at, *by)))
            }
            Step::Focus(on) => find(on, widgets, Need::Operation)
                .and_then(enabled)
                .map(|widget| Look::Act(gestures::ask(widget.id, Action::Focus))),
            Step::Type(text) => Ok(Look::Act(gestures::type_text(text))),
            // The window asks the clipboard and sends what it holds.
            Step::Key { modifiers, key: Key::V } if modifiers.command => Ok(Look::Tell(ViewportCommand::RequestPaste)),
            Step::Key { modifiers, key } => Ok(Look::Act(gestures::press(*modifiers, *key))),
            Step::Wait { what, there: true, .. } => find(what, widgets, Need::Presence).map(|_| Look::Done),
            Step::Wait { what, there: false, .. } => match what.find(widgets, Need::Presence) {
                Ok(_) => Err(Look::NotYet(format!("{what} is still there"))),
                Err(_) => Ok(Look::Done),
            },
            Step::Expect(what) => match what.find(widgets, Need::Presence) {
                Ok(_) => Ok(Look::Done),
                Err(reason) => Err(Look::Wrong(reason)),
            },
            Step::ExpectValue(of, part) => {
                find(of, widgets, Need::Operation).and_then(|widget| match widget.value.contains(part.as_str()) {
                    true => Ok(Look::Done),
                    false => Err(Look::NotYet(format!("{of} says {:?}", widget.value))),
                })
            }
            Step::Sleep(time) => match self.since.elapsed() < *time {
                // A sleep cannot fail: it asks for its time itself.
                true => Ok(Look::Prepare(Vec::new())),
                false => Ok(Look::Done),
            },
            Step::Screenshot { file, of: None } => Ok(Look::Picture(file.clone(), None)),
            Step::Screenshot { file, of: Some(of) } => {
                find(of, widgets, Need::Presence).map(|widget| Look::Picture(file.clone(), Some(widget.rect)))
            }
            Step::Size(size) => {
                let now = ctx.content_rect().size();
                match (now - *size).abs().max_elem() {
                    difference if difference <= 1.0 => Ok(Look::Done),
                    _ if self.told => Err(Look::NotYet(format!("the window stays at {} × {}", now.x, now.y))),
                    _ => Ok(Look::Ask(ViewportCommand::InnerSize(*size))),
                }
            }
            Step::Theme(theme) => {
                self.theme = Some(*theme);
                ctx.set_theme(*theme);
                Ok(Look::Done)
            }
            Step::Report(file) => match std::fs::write(file, self.report_text()) {
                Ok(()) => Ok(Look::Done),
                Err(error) => Err(Look::Wrong(format!("{}: {error}", file.display()))),
            },
            Step::Quit => Ok(Look::Quit),
        };
        look.unwrap_or_else(|otherwise| otherwise)
    }

    /// The widget and a point on it that the pointer reaches; otherwise what to do about it.
    fn reach(&mut self, target: &Target, widgets: &[Widget], ctx: &Context) -> Result<(Widget, Pos2), Look> {
        let widget = find(target, widgets, Need::Operation)?;
        let before = self.seen.replace((widget.id, widget.rect));
        let widget = enabled(widget)?;
        if before != Some((widget.id, widget.rect)) {
            return Err(Look::NotYet(format!("{target} does not lie still")));
        }
        let (sight, layer) = sight(widget, ctx);
        let shown = |shown: f32, whole: f32| shown >= IN_SIGHT.min(whole) && shown > 0.0;
        if !shown(sight.width(), widget.rect.width()) || !shown(sight.height(), widget.rect.height()) {
            if self.since.elapsed() >= PATIENCE {
                return Err(Look::Wrong(format!(
                    "{target} is out of sight, and cannot be scrolled to"
                )));
            }
            return Err(Look::Prepare(gestures::ask(widget.id, Action::ScrollIntoView)));
        }
        let at = sight.center();
        let above = ctx.layer_id_at(at);
        if let (Some(layer), Some(above)) = (layer, above)
            && layer != above
        {
            return Err(Look::NotYet(format!("{target} is covered by {:?}", above.id)));
        }
        Ok((widget.clone(), at))
    }

    fn report_text(&self) -> String {
        let steps = self
            .script
            .lines
            .iter()
            .zip(&self.took)
            .map(|(line, secs)| serde_json::json!({"line": line.number, "step": line.text, "seconds": secs}));
        let mut report = (self.report)();
        if let Some(object) = report.as_object_mut() {
            object.insert("steps".to_owned(), steps.collect());
        }
        format!("{report:#}\n")
    }
}

impl egui::Plugin for Driver {
    fn debug_name(&self) -> &'static str {
        "script"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        // A second pass of the same frame has its input already.
        if matches!(self.phase, Phase::Over) || ctx.current_pass_index() > 0 {
            return;
        }
        // Names are there only if somebody asks for them.
        ctx.enable_accesskit();
        input.focused = true;
        input.system_theme = self.theme.or(input.system_theme);
        input.events.retain(|event| !is_of_real_hands(event));
        let now = Instant::now();
        if let Some(moment) = self.moments.front()
            && now.duration_since(self.last_moment) >= moment.after
        {
            input
                .events
                .extend(self.moments.pop_front().into_iter().flat_map(|moment| moment.events));
            self.last_moment = now;
        }
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        if matches!(self.phase, Phase::Over) || output.platform_output.requested_discard() {
            return;
        }
        self.go_on(ctx, output);
        if matches!(self.phase, Phase::Over) {
            // A window closes in the frame after it was told to.
            return ctx.request_repaint();
        }
        match self.moments.front() {
            Some(moment) => ctx.request_repaint_after(moment.after.saturating_sub(self.last_moment.elapsed())),
            None => ctx.request_repaint_after(LOOK_AGAIN),
        }
    }
}

/// What would disturb a script: the pointer of whoever sits at the screen, and the window's losing the focus.
fn is_of_real_hands(event: &Event) -> bool {
    matches!(
        event,
        Event::PointerMoved(_)
            | Event::PointerButton { .. }
            | Event::PointerGone
            | Event::MouseMoved(_)
            | Event::MouseWheel { .. }
            | Event::Touch { .. }
            | Event::Zoom(_)
            | Event::WindowFocused(_)
    )
}

fn find<'a>(target: &Target, widgets: &'a [Widget], need: Need) -> Result<&'a Widget, Look> {
    target.find(widgets, need).map_err(Look::NotYet)
}

fn enabled(widget: &Widget) -> Result<&Widget, Look> {
    match widget.enabled {
        true => Ok(widget),
        false => Err(Look::NotYet(format!("{:?} is there and disabled", widget.name))),
    }
}

/// The part of a widget that is not scrolled or cut away, and the layer that it lies on, if egui knows it.
fn sight(widget: &Widget, ctx: &Context) -> (Rect, Option<egui::LayerId>) {
    let known = ctx.viewport(|viewport| {
        let mut layers = viewport.prev_pass.widgets.layers();
        layers.find_map(|(layer, widgets)| {
            let own = widgets.iter().find(|own| own.id.accesskit_id() == widget.id);
            own.map(|own| (own.interact_rect, *layer))
        })
    });
    let window = ctx.content_rect();
    match known {
        Some((rect, layer)) => (rect.intersect(window), Some(layer)),
        None => (widget.rect.intersect(window), None),
    }
}

/// Where a drag begins and ends. A slider is taken at its handle.
fn way(widget: &Widget, at: Pos2, way: Way) -> (Pos2, Pos2) {
    let rect = widget.rect;
    let upright = widget.role == Role::Slider && rect.height() > rect.width();
    let point = |share: f32| match upright {
        true => pos2(at.x, rect.bottom() - rect.height() * share),
        false => pos2(rect.left() + rect.width() * share, at.y),
    };
    let handle = match widget.number {
        Some((value, Some(least), Some(most))) if widget.role == Role::Slider && most > least => {
            point(((value - least) / (most - least)).clamp(0.0, 1.0) as f32)
        }
        _ => at,
    };
    match way {
        Way::Share(share) => (handle, point(share)),
        Way::Points(by) => (handle, handle + by),
    }
}

fn order_picture(file: PathBuf, part: Option<Rect>, ctx: &Context, output: &mut FullOutput) -> Pending {
    let (command, pending) = picture::take(file, part, ctx.pixels_per_point());
    tell(command, output);
    pending
}

/// With the frame at hand: a picture shows what was looked at.
fn tell(command: ViewportCommand, output: &mut FullOutput) {
    if let Some(window) = output.viewport_output.get_mut(&ViewportId::ROOT) {
        window.commands.push(command);
    }
}
