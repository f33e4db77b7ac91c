//! Sliders for the numbers of a program, beside the text and in it.
//!
//! A slider writes into the text and nowhere else. The caller's list of constants is one frame old then, or older, so the
//! sliders keep a list of their own, which follows what they write until the caller's list fits the text again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use carrot_reward_compiler::constants::Constant;
use eframe::egui::{self, Role, Ui, WidgetInfo};

use super::EditorEvent;
use super::numbers::{parsed, range_around, significant, written};

/// The constants as the text has them now, and what is being done to one of them.
#[derive(Default)]
pub(super) struct Sliders {
    constants: Vec<Constant>,
    /// How many of the same name stand before each: with the name, what stays the same while the text changes.
    ordinals: Vec<usize>,
    /// Values around which the ranges were laid, by name and how many of that name came before.
    anchors: BTreeMap<(String, usize), f64>,
    /// The constant that is being dragged, and the literal that it had before.
    dragged: Option<(usize, String)>,
}

/// From this number of constants on, only those in sight have widgets.
const MOST_LISTED: usize = 80;
const ROW_GAP: f32 = 2.0;

/// What a slider asks for.
enum Change {
    To(f64),
    /// Back to what it was when it was last taken hold of.
    Reset,
}

impl Sliders {
    /// Takes the caller's list over if it is a list of this text.
    pub(super) fn adopt(&mut self, given: &[Constant], text: &str) {
        let fits = |constant: &Constant| {
            let literal = text.get(constant.range.clone());
            literal.and_then(parsed) == Some(constant.value)
        };
        if given != self.constants && given.iter().all(fits) {
            if given.len() != self.constants.len() {
                self.dragged = None;
            }
            self.constants = given.to_vec();
        }
        // What the text no longer has where it was, cannot be turned until the list is new.
        self.constants.retain(fits);
        let mut seen = BTreeMap::new();
        self.ordinals.clear();
        for constant in &self.constants {
            let before: &mut usize = seen.entry(constant.name.as_str()).or_default();
            self.ordinals.push(*before);
            *before += 1;
        }
        if self.dragged.as_ref().is_some_and(|(at, _)| *at >= self.constants.len()) {
            self.dragged = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.constants.is_empty()
    }

    /// The constant whose literal holds a byte of the text, or ends there.
    pub(super) fn at(&self, byte: usize) -> Option<usize> {
        self.constants
            .iter()
            .position(|constant| constant.range.start <= byte && byte <= constant.range.end)
    }

    pub(super) fn dragged(&self) -> Option<usize> {
        self.dragged.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Constant> {
        self.constants.get(at)
    }

    /// All constants with a slider each. Gives the one whose place the person asks to see.
    pub(super) fn list(&mut self, ui: &mut Ui, text: &mut String, events: &mut Vec<EditorEvent>) -> Option<Constant> {
        let area = egui::ScrollArea::vertical().auto_shrink(false);
        let count = self.constants.len();
        if count <= MOST_LISTED {
            return area.show(ui, |ui| self.rows(ui, 0..count, text, events)).inner;
        }
        // Of a long program only what is in sight is made.
        let spacing = ui.spacing();
        let height = 2.0 * spacing.interact_size.y + spacing.item_spacing.y + ROW_GAP;
        area.show_rows(ui, height, count, |ui, visible| self.rows(ui, visible, text, events))
            .inner
    }

    fn rows(
        &mut self,
        ui: &mut Ui,
        which: std::ops::Range<usize>,
        text: &mut String,
        events: &mut Vec<EditorEvent>,
    ) -> Option<Constant> {
        let mut asked = None;
        for at in which {
            let Some(constant) = self.constants.get(at).cloned() else {
                break;
            };
            let literal = text.get(constant.range.clone()).unwrap_or_default().to_owned();
            ui.horizontal(|ui| {
                let name = ui.add(egui::Button::new(&constant.name).frame(false));
                let label = format!("show {}, line {}", constant.name, constant.line);
                name.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
                if name.on_hover_text(format!("line {}", constant.line)).clicked() {
                    asked = Some(constant.clone());
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.monospace(&literal);
                });
            });
            let label = format!("{}, line {}", constant.name, constant.line);
            self.slider(ui, at, &label, ui.available_width(), text, events);
            ui.add_space(ROW_GAP);
        }
        asked
    }

    /// One slider, which writes what it is set to into the text.
    pub(super) fn slider(
        &mut self,
        ui: &mut Ui,
        at: usize,
        label: &str,
        width: f32,
        text: &mut String,
        events: &mut Vec<EditorEvent>,
    ) {
        let Some(constant) = self.constants.get(at).cloned() else {
            return;
        };
        let range = self.range(at, &constant);
        let mut value = constant.value;
        let previous = ui.spacing().slider_width;
        ui.spacing_mut().slider_width = (width - 4.0).max(40.0);
        let smallest = (range.end().abs().max(range.start().abs()) / 400.0).max(f64::MIN_POSITIVE);
        let mut slider = egui::Slider::new(&mut value, range.clone())
            .show_value(false)
            .trailing_fill(true)
            .clamping(egui::SliderClamping::Never);
        slider = match constant.is_integer {
            true => slider.integer(),
            false => slider
                .logarithmic(*range.start() * *range.end() >= 0.0)
                .smallest_positive(smallest),
        };
        let response = ui.add(slider);
        ui.spacing_mut().slider_width = previous;
        response.widget_info(|| WidgetInfo::slider(true, value, label));
        let response = response.on_hover_text("drag; with Shift in fine steps; double-click: back to where it was");

        if response.drag_started() || (response.changed() && self.dragged.is_none()) {
            let literal = text.get(constant.range.clone()).unwrap_or_default().to_owned();
            self.dragged = Some((at, literal));
        }
        let change = if response.double_clicked() {
            Some(Change::Reset)
        } else if response.dragged() && ui.input(|input| input.modifiers.shift) {
            let step = (range.end() - range.start()) / f64::from(width.max(1.0)) / 20.0;
            Some(Change::To(constant.value + f64::from(response.drag_delta().x) * step))
        } else {
            response.changed().then_some(Change::To(value))
        };
        match change {
            Some(Change::To(value)) => self.write(at, value, text, events),
            Some(Change::Reset) => {
                let anchor = self.anchors.get(&self.key(at)).copied();
                self.write(at, anchor.unwrap_or(constant.value), text, events);
            }
            None => {}
        }
        // A key or an assistive technology changes a value at once, without a drag that ends.
        let is_over = response.drag_stopped() || (response.changed() && !response.dragged());
        if is_over && let Some((_, from)) = self.dragged.take() {
            let to = self
                .constants
                .get(at)
                .and_then(|constant| text.get(constant.range.clone()))
                .unwrap_or_default();
            if from != to {
                events.push(EditorEvent::SliderReleased {
                    name: constant.name.clone(),
                    from: parsed(&from).unwrap_or(constant.value),
                    to: parsed(to).unwrap_or(value),
                });
            }
        }
    }

    fn key(&self, at: usize) -> (String, usize) {
        (
            self.constants[at].name.clone(),
            self.ordinals.get(at).copied().unwrap_or(0),
        )
    }

    /// The range of a slider. It stays while the value is within, so that the handle moves and not the scale.
    fn range(&mut self, at: usize, constant: &Constant) -> RangeInclusive<f64> {
        let key = self.key(at);
        let is_held = self.dragged() == Some(at);
        let anchor = self.anchors.entry(key).or_insert(constant.value);
        let range = range_around(*anchor, constant.is_integer);
        if range.contains(&constant.value) || is_held {
            return range;
        }
        *anchor = constant.value;
        range_around(constant.value, constant.is_integer)
    }

    fn write(&mut self, at: usize, value: f64, text: &mut String, events: &mut Vec<EditorEvent>) {
        let constant = &self.constants[at];
        let range = constant.range.clone();
        let Some(old) = text.get(range.clone()).map(str::to_owned) else {
            return;
        };
        let first = match &self.dragged {
            Some((_, literal)) => literal.clone(),
            None => old.clone(),
        };
        // Two digits are enough while the value stays about as large; the style is the one that the person wrote.
        let value = if constant.is_integer {
            value
        } else {
            significant(value, 3)
        };
        let new = written(value, &first);
        if new == old {
            return;
        }
        text.replace_range(range.clone(), &new);
        let grown = new.len() as isize - old.len() as isize;
        let name = constant.name.clone();
        let from = constant.value;
        let to = parsed(&new).unwrap_or(value);
        for (other, constant) in self.constants.iter_mut().enumerate() {
            if other == at {
                constant.value = to;
                constant.range.end = range.start + new.len();
            } else if constant.range.start >= range.end {
                constant.range.start = constant.range.start.saturating_add_signed(grown);
                constant.range.end = constant.range.end.saturating_add_signed(grown);
            }
        }
        events.push(EditorEvent::SliderMoved { name, from, to });
    }
}
