//! The robot: its picture, the clock, what moves it, and a hand to push it with.
//!
//! The mouse works as in MuJoCo's `simulate`: left turns the camera, right moves it, the wheel goes nearer, and with Ctrl held the
//! left button takes hold of a body.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use carrot_physics::{DrawOptions, Model, Pull, Push, Scene, Selection, View};
use egui::{PointerButton, Pos2, Rect, Role, Sense, TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo};

use super::{Command, See, button, empty};
use crate::action::Action;
use crate::artist::{Answer, Care, DrawRequest, Picture, Slot};
use crate::stage::Order;
use crate::timeline::Mover;

/// The viewport panel.
#[derive(Default)]
pub struct ViewportPanel {
    /// The model that is shown, with the view on it.
    shown: Option<(Model, View)>,
    options: DrawOptions,
    texture: Option<(u64, TextureHandle)>,
    scene: Option<((u64, usize), Arc<Scene>)>,
    hand: Hand,
    wanted: Vec<Action>,
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
        let steps = {
            let timeline = see.stage.timeline();
            let moment = match see.cursor {
                Some(step) => timeline.at(step),
                None => timeline.newest(),
            };
            // Where another task was just opened, the stage may still show the one before.
            let moment = moment.filter(|_| timeline.task == task.bench.task.id);
            moment.map(|moment| {
                let key = (timeline.episode, moment.step);
                if self.scene.as_ref().is_none_or(|(known, _)| *known != key) {
                    let scene = Scene {
                        qpos: moment.qpos.clone(),
                        qvel: moment.qvel.clone(),
                        ctrl: moment.ctrl.clone(),
                        mocap: moment.mocap.clone(),
                        ..Scene::default()
                    };
                    self.scene = Some((key, Arc::new(scene)));
                }
                let first = timeline.moments.first().map_or(0, |first| first.step);
                let last = timeline.newest().map_or(0, |last| last.step);
                let dt = timeline.control_dt_secs;
                (first, moment.step, last, dt, timeline.end.clone(), timeline.judged)
            })
        };
        let Some((first, at, last, dt, end, judged)) = steps else {
            return empty(ui, "No robot yet.", "It appears as soon as the reward compiles.");
        };
        self.clock(ui, see);
        ui.horizontal_wrapped(|ui| {
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
                if ui
                    .selectable_label(on, name)
                    .on_hover_text(action.hint(ui.ctx()))
                    .clicked()
                {
                    see.want(Command::Do(action));
                }
            }
            ui.weak(format!("{:.2} s of {:.2} s", at as f64 * dt, last as f64 * dt));
            if let (Some(end), true) = (&end, at == last) {
                ui.strong(ending(end, judged));
            }
        });
        let mut step = at;
        let slider = egui::Slider::new(&mut step, first..=last.max(first + 1)).show_value(false);
        ui.spacing_mut().slider_width = (ui.available_width() - 12.0).max(60.0);
        let response = ui.add(slider);
        response.widget_info(|| WidgetInfo::slider(true, step as f64, "Step of the episode"));
        if response.changed() {
            see.want(Command::Stage(Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
        self.picture(ui, see, model);
    }

    fn clock(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        ui.horizontal_wrapped(|ui| {
            let word = if see.status.running { "Pause" } else { "Play" };
            button(ui, see, word, Action::PlayPause, true);
            button(ui, see, "Step", Action::StepOnce, true);
            button(ui, see, "Restart", Action::Restart, true);
            button(ui, see, "Another start", Action::AnotherStart, true);
            if see.cursor.is_some() {
                button(ui, see, "Back to now", Action::Live, true);
            }
            let plan = see.status.drive == Mover::Plan;
            let combo = egui::ComboBox::from_id_salt("drive").selected_text(format!("moved by {}", see.status.drive.name()));
            let combo = combo.show_ui(ui, |ui| {
                for (chosen, name, action) in [
                    (plan, "plan", Action::DriveByPlan),
                    (see.status.drive == Mover::Nothing, "nothing", Action::DriveByNothing),
                ] {
                    if ui.selectable_label(chosen, name).clicked() {
                        see.want(Command::Do(action));
                    }
                }
                ui.weak("a policy: Play a candidate, or Train a policy");
            });
            combo
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "What moves the robot"));
            button(ui, see, "−", Action::Slower, true)
                .widget_info(|| WidgetInfo::labeled(Role::Button, true, "Half as fast"));
            ui.label(format!("{}×", see.status.speed));
            button(ui, see, "+", Action::Faster, true)
                .widget_info(|| WidgetInfo::labeled(Role::Button, true, "Twice as fast"));
            if see.status.running {
                let speed = ui.weak(format!("{:.2}× real time", see.status.real_time));
                if see.status.waiting {
                    speed.on_hover_text("The world moves as fast as plans are made, so that each plan is as good as `carrot plan` makes it.");
                }
            }
            match see.training {
                None => _ = button(ui, see, "Train a policy", Action::TrainPolicy, see.compiled.works),
                Some((_, progress)) => {
                    button(ui, see, "Pause the training", Action::PauseTraining, true);
                    if let Some((steps, total)) = progress {
                        let share = steps as f32 / total.max(1) as f32;
                        ui.add(
                            egui::ProgressBar::new(share)
                                .desired_width(90.0)
                                .text(format!("{steps} steps")),
                        );
                    }
                }
            }
        });
    }

    fn picture(&mut self, ui: &mut Ui, see: &mut See<'_>, model: Model) {
        let room = ui.available_size().max(Vec2::splat(16.0));
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
