//! Pictures of two rollouts at the same step, seen from the same place, and their reward terms below.

use std::sync::Arc;

use carrot_physics::{DrawOptions, Model, View};
use egui::{PointerButton, Pos2, Rect, Role, Sense, TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, VLine};

use crate::artist::{Artist, Care, DrawRequest, Slot};
use crate::timeline::{Moment, Timeline};

const SLOTS: [Slot; 2] = [Slot::A, Slot::B];

/// Points that a curve is drawn through at most.
const POINTS: usize = 200;

/// Height of the curves, points.
const CURVES: f32 = 84.0;

/// The two pictures, with what was last asked for and what is shown.
#[derive(Default)]
pub(crate) struct SideBySide {
    seen: Option<(Model, View)>,
    asked: [Option<DrawRequest>; 2],
    textures: [Option<(u64, TextureHandle)>; 2],
    curves: [Option<Curves>; 2],
}

/// Terms against time, thinned.
struct Curves {
    of: Arc<Timeline>,
    lines: Vec<(String, Vec<PlotPoint>)>,
}

impl SideBySide {
    /// Shows both pictures, each in half of the width. A side without a moment stays empty.
    ///
    /// New pictures are asked for when both of the last ones are there, and put up together, so that both sides always show the
    /// same step, however long drawing takes.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        artist: &Artist,
        model: &Model,
        moments: [Option<&Moment>; 2],
        height: f32,
    ) {
        if !self.seen.as_ref().is_some_and(|(seen, _)| seen.is(model)) {
            *self = Self::default();
            self.seen = Some((model.clone(), whole_view(model)));
            for slot in SLOTS {
                artist.clear(slot);
            }
        }
        let gap = ui.spacing().item_spacing.x;
        let size = Vec2::new((ui.available_width() - gap).max(2.0) / 2.0, height);
        let places = ui.horizontal(|ui| {
            ["Rollout A", "Rollout B"].map(|name| {
                let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
                (rect, response)
            })
        });
        let places = places.inner;
        for (_, response) in &places {
            self.turn(ui, response);
        }
        let there = [0, 1].map(|side| self.is_there(artist, side));
        if there == [true, true] {
            self.put_up(ui, artist);
            self.ask(ui, artist, moments, size);
        }
        for (side, (rect, _)) in places.iter().enumerate() {
            ui.painter().rect_filled(*rect, 2.0, ui.visuals().extreme_bg_color);
            if let (Some((_, texture)), Some(_)) = (&self.textures[side], moments[side]) {
                let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
                ui.painter().image(texture.id(), *rect, whole, egui::Color32::WHITE);
            }
            if let Some(error) = artist.error(SLOTS[side]) {
                ui.put(rect.shrink(8.0), egui::Label::new(error).wrap());
            }
        }
    }

    /// What the mouse does to the view of both.
    fn turn(&mut self, ui: &Ui, response: &egui::Response) {
        let Some((model, view)) = &mut self.seen else { return };
        let moved = response.drag_delta() / response.rect.height().max(1.0);
        let (dx, dy) = (f64::from(moved.x), f64::from(moved.y));
        if response.dragged_by(PointerButton::Primary) {
            view.orbit(dx, dy);
        } else if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
            view.pan(dx, dy, &model.lens());
        }
        if response.double_clicked() {
            *view = whole_view(model);
        }
        if response.hovered() {
            let wheel = ui.input(|input| input.smooth_scroll_delta.y);
            if wheel != 0.0 {
                view.zoom(f64::from(wheel) / 1000.0, &model.lens());
            }
        }
    }

    /// Whether the picture that was asked for is drawn, or will not be.
    fn is_there(&self, artist: &Artist, side: usize) -> bool {
        let Some(asked) = &self.asked[side] else { return true };
        let drawn = artist.picture(SLOTS[side]).is_some_and(|picture| {
            let of = &picture.of;
            of.scene == asked.scene && of.view == asked.view && of.size == asked.size
        });
        drawn || artist.error(SLOTS[side]).is_some()
    }

    fn put_up(&mut self, ui: &Ui, artist: &Artist) {
        for (side, shown) in self.textures.iter_mut().enumerate() {
            let Some(picture) = artist.picture(SLOTS[side]) else {
                continue;
            };
            match shown {
                Some((number, _)) if *number == picture.number => {}
                Some((number, texture)) => {
                    texture.set(Arc::clone(&picture.image), TextureOptions::LINEAR);
                    *number = picture.number;
                }
                None => {
                    let name = format!("rollout {side}");
                    let texture = ui
                        .ctx()
                        .load_texture(name, Arc::clone(&picture.image), TextureOptions::LINEAR);
                    *shown = Some((picture.number, texture));
                }
            }
        }
    }

    fn ask(&mut self, ui: &Ui, artist: &Artist, moments: [Option<&Moment>; 2], size: Vec2) {
        let Some((model, view)) = &self.seen else { return };
        let scale = ui.ctx().pixels_per_point();
        for (side, moment) in moments.into_iter().enumerate() {
            let Some(moment) = moment else {
                self.asked[side] = None;
                continue;
            };
            let request = DrawRequest {
                model: model.clone(),
                scene: Arc::new(moment.scene()),
                view: *view,
                options: DrawOptions::default(),
                care: Care::Adaptive,
                size: [size.x, size.y].map(|points| (points * scale) as usize),
                stamp: moment.step as u64,
            };
            artist.show(SLOTS[side], request.clone());
            self.asked[side] = Some(request);
        }
    }

    /// Reward terms of both, with a line at the step.
    pub(crate) fn curves(&mut self, ui: &mut Ui, whole: &[Option<Arc<Timeline>>; 2], step: usize) {
        ui.columns(2, |columns| {
            for (side, ui) in columns.iter_mut().enumerate() {
                let Some(timeline) = &whole[side] else { continue };
                let kept = &mut self.curves[side];
                if !kept.as_ref().is_some_and(|curves| Arc::ptr_eq(&curves.of, timeline)) {
                    *kept = Some(Curves::new(timeline));
                }
                let Some(curves) = kept else { continue };
                let last = timeline.newest().map_or(0, |moment| moment.step);
                let now = step.min(last) as f64 * timeline.control_dt_secs;
                Plot::new(("terms of rollout", side))
                    .height(CURVES)
                    .allow_drag(false)
                    .allow_zoom(false)
                    .allow_scroll(false)
                    .allow_boxed_zoom(false)
                    .show_axes([false, true])
                    .include_y(0.0)
                    .show(ui, |plot| {
                        for (name, points) in &curves.lines {
                            plot.line(Line::new(name.clone(), PlotPoints::Borrowed(points)));
                        }
                        plot.vline(VLine::new("now", now));
                    });
            }
        });
    }
}

impl Curves {
    fn new(timeline: &Arc<Timeline>) -> Self {
        let moments = &timeline.moments;
        let stride = moments.len().div_ceil(POINTS).max(1);
        let names = timeline.terms().iter().enumerate();
        let lines = names.map(|(index, name)| {
            let points = moments.iter().step_by(stride).filter_map(|moment| {
                let value = *moment.terms.get(index)?;
                Some(PlotPoint::new(moment.step as f64 * timeline.control_dt_secs, value))
            });
            (name.clone(), points.collect())
        });
        Self {
            lines: lines.collect(),
            of: Arc::clone(timeline),
        }
    }
}

/// Far enough away for a picture that is narrower than it is high.
fn whole_view(model: &Model) -> View {
    let mut view = model.default_view();
    view.distance_m *= 1.5;
    view
}
