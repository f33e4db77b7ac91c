//! The robot: its picture, the clock, what moves it, and a hand to push it with.
//!
//! The mouse works as in MuJoCo's `simulate`: left turns the camera, right moves it, the wheel goes nearer, and with Ctrl held the
//! left button takes hold of a body.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use carrot_physics::{DrawOptions, Model, Pull, Push, Scene, Selection, View};
use egui::containers::scroll_area::ScrollSource;
use egui::{
    Button, Label, PointerButton, Pos2, Rect, Role, ScrollArea, Sense, Slider, TextureHandle, TextureOptions, Ui, Vec2,
    WidgetInfo,
};

use super::{Command, See, button, empty};
use crate::action::Action;
use crate::artist::{Answer, Care, DrawRequest, Picture, Slot};
use crate::jobs::Steps;
use crate::stage::Order;
use crate::timeline::Mover;

/// Room for what moves the robot, points.
const MOVED_BY: f32 = 122.0;

/// Between buttons and beside their words, points: a row of them has room in a window of 1280 points.
const GAP: f32 = 4.0;

/// Height of a picture that is still of use, points.
const SMALLEST_PICTURE: f32 = 120.0;

/// A slider that is still of use, points.
const NARROWEST_SLIDER: f32 = 90.0;

/// The viewport panel.
#[derive(Default)]
pub struct ViewportPanel {
    /// The model that is shown, with the view on it.
    shown: Option<(Model, View)>,
    options: DrawOptions,
    texture: Option<(u64, TextureHandle)>,
    scene: Option<((u64, usize), Arc<Scene>)>,
    hand: Hand,
    /// The picture was there in this frame, for a hand to reach into.
    at_hand: bool,
    wanted: Vec<Action>,
}

/// What is looked at, in the episode.
struct Place {
    /// Steps: the first that is kept, the one looked at, the newest.
    first: usize,
    at: usize,
    last: usize,
    /// Seconds of a step.
    dt: f64,
    /// Seconds of the longest episode.
    longest: f64,
    /// How the episode ended, at its end.
    ending: Option<String>,
}

/// What a hand does to the robot.
#[derive(Default)]
enum Hand {
    #[default]
    Empty,
    /// It asked what is there.
    Reaching(Receiver<Answer>),
    /// It holds a body and pulls it to a place.
    Holding(Selection, [f64; 3]),
}

impl ViewportPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        let Some(task) = see.task else {
            return empty(ui, "No robot yet.", "The task is being opened.");
        };
        let model = task.bench.task.model.clone();
        if !self.shown.as_ref().is_some_and(|(shown, _)| shown.is(&model)) {
            self.shown = Some((model.clone(), model.default_view()));
            self.texture = None;
            self.scene = None;
        }
        self.carry_out();
        let Some(place) = self.place(see) else {
            return empty(ui, "No robot yet.", "It appears as soon as the reward compiles.");
        };
        let whole = ui.available_height();
        // Where letters are large and the panel is small, the picture is further down.
        let scroll = ScrollArea::vertical().auto_shrink(false);
        let scroll = scroll.scroll_source(ScrollSource::SCROLL_BAR | ScrollSource::MOUSE_WHEEL);
        scroll.show(ui, |ui| {
            bar(ui, |ui| clock(ui, see));
            bar(ui, |ui| {
                self.drawn(ui, see);
                speed(ui, see);
                button(ui, see, "Back to now", Action::Live, see.cursor.is_some());
            });
            scrubber(ui, see, &place);
            let above = ui.cursor().top() - ui.max_rect().top();
            let height = (whole - above).max(SMALLEST_PICTURE);
            self.picture(ui, see, model, &place, height);
        });
    }

    /// After all panels of a frame: a hand lets go where the robot is not shown any more.
    pub fn finish(&mut self, see: &mut See<'_>) {
        if !std::mem::take(&mut self.at_hand) && !matches!(self.hand, Hand::Empty) {
            self.hand = Hand::Empty;
            see.want(Command::Stage(Order::Push(None)));
        }
    }

    /// Takes what is looked at out of the timeline.
    fn place(&mut self, see: &See<'_>) -> Option<Place> {
        let task = &see.task?.bench.task;
        let timeline = see.stage.timeline();
        let moment = match see.cursor {
            Some(step) => timeline.at(step),
            None => timeline.newest(),
        };
        // Where another task was just opened, the stage may still show the one before.
        let moment = moment.filter(|_| timeline.task == task.id)?;
        let key = (timeline.episode, moment.step);
        if self.scene.as_ref().is_none_or(|(known, _)| *known != key) {
            self.scene = Some((key, Arc::new(moment.scene())));
        }
        let last = timeline.newest()?.step;
        Some(Place {
            first: timeline.moments.first()?.step,
            at: moment.step,
            last,
            dt: timeline.control_dt_secs,
            longest: task.horizon as f64 * timeline.control_dt_secs,
            ending: timeline
                .end
                .as_ref()
                .filter(|_| moment.step == last)
                .map(|end| ending(end, timeline.judged)),
        })
    }

    /// What is drawn beside bodies.
    fn drawn(&self, ui: &mut Ui, see: &mut See<'_>) {
        for (on, name, action) in [
            (self.options.contacts, "Contacts", Action::ShowContacts),
            (self.options.contact_forces, "Forces", Action::ShowForces),
            (self.options.frames, "Frames", Action::ShowFrames),
            (
                self.shown.as_ref().is_some_and(|(_, view)| view.follow),
                "Follow",
                Action::Follow,
            ),
        ] {
            let toggle = ui.add(Button::new(name).selected(on));
            if toggle.on_hover_text(action.hint(ui.ctx())).clicked() {
                see.want(Command::Do(action));
            }
        }
    }

    fn picture(&mut self, ui: &mut Ui, see: &mut See<'_>, model: Model, place: &Place, height: f32) {
        let room = Vec2::new(ui.available_width().max(16.0), height);
        let (rect, response) = ui.allocate_exact_size(room, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "The robot"));
        let (Some((_, scene)), Some((_, view))) = (&self.scene, &self.shown) else {
            return;
        };
        let mut scene = Arc::clone(scene);
        if let Hand::Holding(held, _) = &self.hand {
            let mut held_scene = (*scene).clone();
            held_scene.push = self.hand.push();
            held_scene.selected = Some(held.body);
            scene = Arc::new(held_scene);
        }
        let scale = ui.ctx().pixels_per_point();
        let request = DrawRequest {
            model,
            scene,
            view: *view,
            options: self.options,
            care: Care::Adaptive,
            size: [rect.width(), rect.height()].map(|side| (side * scale) as usize),
            stamp: 0,
        };
        see.artist.show(Slot::Viewport, request.clone());
        let picture = see.artist.picture(Slot::Viewport);
        if let Some(picture) = &picture {
            self.paint(ui, rect, picture);
        }
        if let Some(error) = see.artist.error(Slot::Viewport) {
            ui.put(rect, egui::Label::new(error));
        }
        if let Some(ending) = &place.ending {
            caption(ui, rect, ending);
        }
        self.meddle(ui, see, &response, rect, &request, picture.as_deref());
    }

    fn paint(&mut self, ui: &Ui, rect: Rect, picture: &Picture) {
        let drawn = self.texture.as_ref().map(|(number, _)| *number);
        if drawn != Some(picture.number) {
            match &mut self.texture {
                Some((number, texture)) => {
                    texture.set(Arc::clone(&picture.image), TextureOptions::LINEAR);
                    *number = picture.number;
                }
                none => {
                    let texture = ui
                        .ctx()
                        .load_texture("robot", Arc::clone(&picture.image), TextureOptions::LINEAR);
                    *none = Some((picture.number, texture));
                }
            }
        }
        if let Some((_, texture)) = &self.texture {
            let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
            ui.painter().image(texture.id(), rect, whole, egui::Color32::WHITE);
        }
    }

    /// What the mouse does to camera and robot.
    fn meddle(
        &mut self,
        ui: &Ui,
        see: &mut See<'_>,
        response: &egui::Response,
        rect: Rect,
        request: &DrawRequest,
        picture: Option<&Picture>,
    ) {
        self.at_hand = true;
        let Some((model, view)) = &mut self.shown else { return };
        let lens = model.lens();
        let moved = response.drag_delta() / rect.height();
        let (dx, dy) = (f64::from(moved.x), f64::from(moved.y));
        let holds = ui.input(|input| input.modifiers.command);
        let place = response.interact_pointer_pos().map(|at| {
            let inside = (at - rect.min) / rect.size();
            [f64::from(inside.x), f64::from(inside.y)]
        });
        if let (true, true, Some(at)) = (response.drag_started_by(PointerButton::Primary), holds, place) {
            self.hand = Hand::Reaching(see.artist.select(request, at));
        } else if matches!(self.hand, Hand::Empty) {
            if response.dragged_by(PointerButton::Primary) && !holds {
                view.orbit(dx, dy);
            } else if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
                view.pan(dx, dy, &lens);
            }
        }
        if response.hovered() {
            let wheel = ui.input(|input| input.smooth_scroll_delta.y);
            if wheel != 0.0 {
                view.zoom(f64::from(wheel) / 1000.0, &lens);
                // The panel is not to scroll as well.
                ui.input_mut(|input| input.smooth_scroll_delta.y = 0.0);
            }
        }
        let let_go = !response.dragged();
        let before = self.hand.push();
        self.hand = match (std::mem::take(&mut self.hand), picture, place) {
            (Hand::Reaching(answer), _, _) if !let_go => match answer.try_recv() {
                Ok(Ok(Some(selection))) if selection.mass_kg > 0.0 => {
                    let at = selection.point_world;
                    Hand::Holding(selection, at)
                }
                Ok(_) => Hand::Empty,
                Err(_) => Hand::Reaching(answer),
            },
            (Hand::Holding(selection, _), Some(picture), Some(at)) if !let_go => {
                let aspect = f64::from(rect.width() / rect.height());
                let to = picture.eye.drag(selection.point_world, at, aspect);
                Hand::Holding(selection, to)
            }
            _ => Hand::Empty,
        };
        if self.hand.push() != before {
            see.want(Command::Stage(Order::Push(self.hand.push())));
        }
    }

    /// An action of the camera. False where it is none.
    pub fn act(&mut self, action: Action) -> bool {
        let known = matches!(
            action,
            Action::ResetView | Action::Follow | Action::ShowContacts | Action::ShowForces | Action::ShowFrames
        );
        if known {
            self.wanted.push(action);
        }
        known
    }

    fn carry_out(&mut self) {
        for action in std::mem::take(&mut self.wanted) {
            match (action, &mut self.shown) {
                (Action::ShowContacts, _) => self.options.contacts ^= true,
                (Action::ShowForces, _) => self.options.contact_forces ^= true,
                (Action::ShowFrames, _) => self.options.frames ^= true,
                (Action::ResetView, Some((model, view))) => *view = model.default_view(),
                (Action::Follow, Some((_, view))) => view.set_follow(!view.follow, [0.0; 3]),
                _ => {}
            }
        }
    }
}

/// A row of buttons.
fn bar(ui: &mut Ui, buttons: impl FnOnce(&mut Ui)) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.spacing_mut().button_padding.x = GAP + 1.0;
        buttons(ui);
    });
}

/// The clock, what moves the robot, and a policy that might.
fn clock(ui: &mut Ui, see: &mut See<'_>) {
    let word = if see.status.running { "Pause" } else { "Play" };
    let width = fixed(ui, "Pause") + 2.0 * ui.spacing().button_padding.x;
    let play = Button::new(word).min_size(Vec2::new(width, 0.0));
    if ui.add(play).on_hover_text(Action::PlayPause.hint(ui.ctx())).clicked() {
        see.want(Command::Do(Action::PlayPause));
    }
    button(ui, see, "Step", Action::StepOnce, true);
    button(ui, see, "Restart", Action::Restart, true);
    button(ui, see, "Another start", Action::AnotherStart, true);
    let drive = &see.status.drive;
    let combo = egui::ComboBox::from_id_salt("drive")
        .width(MOVED_BY)
        .truncate()
        .selected_text(format!("moved by {}", drive.name()));
    let combo = combo.show_ui(ui, |ui| {
        for (mover, action) in [
            (Mover::Plan, Action::DriveByPlan),
            (Mover::Nothing, Action::DriveByNothing),
        ] {
            if ui.selectable_label(*drive == mover, mover.name()).clicked() {
                see.commands.push(Command::Do(action));
            }
        }
        ui.weak("a policy: Play a candidate, or Train a policy");
    });
    combo
        .response
        .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "What moves the robot"));
    match see.training {
        None => _ = button(ui, see, "Train a policy", Action::TrainPolicy, see.compiled.works),
        Some(progress) => {
            button(ui, see, "Pause the training", Action::PauseTraining, true);
            if let Some(Steps { made, total }) = progress {
                let share = made as f32 / total.max(1) as f32;
                let bar = egui::ProgressBar::new(share).desired_width(90.0);
                ui.add(bar.text(format!("{made} steps")));
            }
        }
    }
}

/// How fast the world moves, at most.
fn speed(ui: &mut Ui, see: &mut See<'_>) {
    button(ui, see, "−", Action::Slower, true).widget_info(|| WidgetInfo::labeled(Role::Button, true, "Half as fast"));
    let speed = see.status.speed;
    let words = match speed < 1.0 {
        true => format!("1/{}×", (1.0 / speed).round()),
        false => format!("{speed}×"),
    };
    ui.add_sized(
        [fixed(ui, "1/64×"), ui.spacing().interact_size.y],
        Label::new(words).selectable(false),
    );
    button(ui, see, "+", Action::Faster, true).widget_info(|| WidgetInfo::labeled(Role::Button, true, "Twice as fast"));
}

/// The steps of the episode, and where in time one looks. The words have the width of the longest ones, so that nothing moves when
/// they change.
fn scrubber(ui: &mut Ui, see: &mut See<'_>, place: &Place) {
    let words = |at: f64, last: f64, speed: Option<f64>| {
        let speed = speed.map_or_else(String::new, |speed| format!(" · {speed:.2}× real time"));
        format!("{at:.2} of {last:.2} s{speed}")
    };
    let width = fixed(ui, &words(place.longest, place.longest, Some(0.0)));
    let gap = ui.spacing().item_spacing.x;
    let beside = ui.available_width() - width - gap;
    let slider = |ui: &mut Ui, see: &mut See<'_>, width: f32| {
        let mut step = place.at;
        ui.spacing_mut().slider_width = width;
        let slider = Slider::new(&mut step, place.first..=place.last.max(place.first + 1)).show_value(false);
        let response = ui.add(slider);
        response.widget_info(|| WidgetInfo::slider(true, step as f64, "Step of the episode"));
        if response.changed() {
            see.want(Command::Stage(Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
    };
    let time = |ui: &mut Ui, see: &See<'_>| {
        let moves = see.status.running && see.status.real_time > 0.0;
        let words = words(
            place.at as f64 * place.dt,
            place.last as f64 * place.dt,
            moves.then_some(see.status.real_time),
        );
        let response = ui.weak(words);
        if see.status.waiting {
            response.on_hover_text(
                "The world moves as fast as plans are made, so that each plan is as good as `carrot plan` makes it.",
            );
        }
    };
    if beside < NARROWEST_SLIDER {
        slider(ui, see, ui.available_width().max(NARROWEST_SLIDER));
        time(ui, see);
    } else {
        ui.horizontal(|ui| {
            slider(ui, see, beside);
            time(ui, see);
        });
    }
}

/// The width of a text.
fn fixed(ui: &Ui, text: &str) -> f32 {
    let font = egui::TextStyle::Body.resolve(ui.style());
    ui.painter()
        .layout_no_wrap(text.to_owned(), font, egui::Color32::WHITE)
        .size()
        .x
}

/// Words over a corner of the picture, which stays where it is.
fn caption(ui: &mut Ui, picture: Rect, words: &str) {
    let mut corner = ui.new_child(egui::UiBuilder::new().max_rect(picture.shrink(6.0)));
    egui::Frame::new()
        .fill(ui.visuals().extreme_bg_color.gamma_multiply(0.85))
        .corner_radius(3.0)
        .inner_margin(4.0)
        .show(&mut corner, |ui| {
            ui.add(Label::new(egui::RichText::new(words).strong()).wrap().selectable(false));
        });
}

impl Hand {
    fn push(&self) -> Option<Push> {
        match self {
            Self::Holding(selection, to) => Some(Push {
                body: selection.body,
                at_local: selection.point_local,
                pull: Pull::Spring {
                    to: *to,
                    mass_kg: selection.mass_kg,
                },
            }),
            Self::Empty | Self::Reaching(_) => None,
        }
    }
}

/// How an episode ended, in a few words.
pub(crate) fn ending(end: &crate::timeline::End, judged: Option<(f64, bool)>) -> String {
    let how = match end {
        crate::timeline::End::Terminated => "the task ended the episode".to_owned(),
        crate::timeline::End::Truncated => "the whole episode".to_owned(),
        crate::timeline::End::Fault(cause) => format!("the simulation diverged: {cause}"),
    };
    match judged {
        Some((fitness, success)) => {
            let word = if success { "success" } else { "no success" };
            format!("{how}; fitness {fitness:.3}, {word}")
        }
        None => how,
    }
}
