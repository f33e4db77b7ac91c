//! Sliders for the numbers of a program, beside the text and in it.
//!
//! A slider writes into the text and nowhere else. The caller's list of constants is one frame old then, or older, so the
//! sliders keep a list of their own, which follows what they write until the caller's list fits the text again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use carrot_reward_compiler::constants::Constant;
use eframe::egui::{
    Align, Button, FontId, Id, Layout, PointerButton, PointerState, Pos2, Rect, Response, Role, ScrollArea, Slider,
    SliderClamping, TextStyle, Ui, UiBuilder, Vec2, WidgetInfo,
};

use super::EditorEvent;
use super::numbers::{Scale, parsed, significant, written};
use super::page::Page;
use super::sheet::Sheet;

/// The constants as the text has them now, and what is being done to one of them.
#[derive(Default)]
pub(super) struct Sliders {
    constants: Vec<Constant>,
    /// The caller's list and text that were looked at last.
    seen: (Vec<Constant>, Arc<Page>),
    /// How many of the same name stand before each: with the name, what stays the same while the text changes.
    ordinals: Vec<usize>,
    /// What was done to each, by name and how many of that name came before.
    known: BTreeMap<(String, usize), Known>,
    hold: Option<Hold>,
    /// Each number has a slider under it in the text.
    pub(super) stand_in_the_text: bool,
}

/// What the sliders know of a constant since the text was last changed by somebody else.
struct Known {
    /// The value around which the scale was laid.
    anchor: f64,
    /// The value that it has.
    value: f64,
    /// Its literals whenever it was taken hold of, the latest last; the first is the one that it came with.
    before: Vec<String>,
}

impl Known {
    fn new(value: f64, literal: &str) -> Self {
        Self {
            anchor: value,
            value,
            before: vec![literal.to_owned()],
        }
    }
}

/// A slider that is being turned, from the first movement until it is let go or has rested.
struct Hold {
    at: usize,
    /// The literal that it had before.
    literal: String,
    by_pointer: bool,
    /// Where fine steps have brought it, with all the digits that are not written.
    exact: Option<f64>,
    /// When it was last turned, in seconds of the window's clock.
    turned_secs: f64,
    /// The slider, if keys turn it.
    by_keys: Option<Id>,
}

/// Keys and clicks that follow each other within this time turn a slider once.
const REST_SECS: f64 = 0.8;
/// From this number of constants on, only those in sight have widgets.
const MOST_LISTED: usize = 80;
const ROW_GAP: f32 = 2.0;
const HINT: &str =
    "drag: from nothing to ten times as much; with Shift in fine steps; double-click: back to where it was";
/// How high a slider in the text is, and how much farther apart lines stand because of it.
pub(super) const BAR_HEIGHT: f32 = 10.0;
/// How long a slider in the text is, where the next number leaves it the room.
const BAR_LENGTH: f32 = 72.0;

impl Sliders {
    /// Takes the caller's list over if it is a list of this text.
    pub(super) fn adopt(&mut self, given: &[Constant], page: &Arc<Page>) {
        if given == self.seen.0 && Arc::ptr_eq(page, &self.seen.1) {
            return;
        }
        self.seen = (given.to_vec(), Arc::clone(page));
        let text = page.text();
        let fits = |constant: &Constant| {
            let literal = text.get(constant.range.clone());
            literal.and_then(parsed) == Some(constant.value)
        };
        if given != self.constants && given.iter().all(fits) {
            let held = self.hold.as_ref().and_then(|hold| self.constants.get(hold.at));
            let place = held.map(|held| given.iter().position(|constant| constant.range == held.range));
            // A number may become one that nobody would turn, such as a one, while it is turned: its slider stays in the hand.
            if place != Some(None) {
                if let (Some(hold), Some(Some(at))) = (&mut self.hold, place) {
                    hold.at = at;
                }
                self.constants = given.to_vec();
            }
        }
        // What the text no longer has where it was, cannot be turned until the list is new.
        let count = self.constants.len();
        self.constants.retain(fits);
        if self.constants.len() < count {
            self.hold = None;
        }
        let mut seen = BTreeMap::new();
        self.ordinals.clear();
        for constant in &self.constants {
            let before: &mut usize = seen.entry(constant.name.as_str()).or_default();
            self.ordinals.push(*before);
            *before += 1;
        }
    }

    /// The text is another one now, or an earlier one: what was done to its numbers is of no concern any more.
    pub(super) fn forget(&mut self) {
        *self = Self {
            stand_in_the_text: self.stand_in_the_text,
            ..Self::default()
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.constants.is_empty()
    }

    /// The constant whose literal holds a byte of the text, or ends there, if it has no slider in the text.
    pub(super) fn without_bar(&self, byte: usize) -> Option<usize> {
        let constants = self.constants.iter();
        constants
            .take(if self.stand_in_the_text { 0 } else { usize::MAX })
            .position(|constant| constant.range.start <= byte && byte <= constant.range.end)
    }

    pub(super) fn is_held_by_pointer(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.by_pointer)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Constant> {
        self.constants.get(at)
    }

    /// All constants with a slider each. Gives the one whose place the person asks to see.
    pub(super) fn list(&mut self, ui: &mut Ui, text: &mut String, events: &mut Vec<EditorEvent>) -> Option<Constant> {
        let area = ScrollArea::vertical().auto_shrink(false);
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
        which: Range<usize>,
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
                let name = ui.add(Button::new(&constant.name).frame(false));
                let label = format!("show {}, line {}", constant.name, constant.line);
                name.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
                if name.on_hover_text(format!("line {}", constant.line)).clicked() {
                    asked = Some(constant.clone());
                }
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.monospace(&literal);
                });
            });
            let label = format!("{}, line {}", constant.name, constant.line);
            if let Some(slider) = self.slider(ui, at, &label, ui.available_width() - 4.0, text, events) {
                slider.on_hover_text(HINT);
            }
            ui.add_space(ROW_GAP);
        }
        asked
    }

    /// The sliders of the numbers in sight, each under its number. `gutter` is the width of what lies over the text at the left.
    pub(super) fn in_the_text(
        &mut self,
        ui: &mut Ui,
        sheet: &Sheet,
        gutter: f32,
        text: &mut String,
        events: &mut Vec<EditorEvent>,
    ) {
        let sight = sheet.clip.with_min_x(sheet.clip.left() + gutter);
        for at in 0..self.constants.len() {
            let Some(constant) = self.constants.get(at) else { break };
            let number = sheet.rect_of(constant.range.clone());
            let next = self.constants.get(at + 1).filter(|next| next.line == constant.line);
            let limit = next.map_or(f32::INFINITY, |next| sheet.rect_of(next.range.clone()).left() - 6.0);
            let length = BAR_LENGTH.min(limit - number.left()).max(number.width());
            // Half of it lies in the line's own room, half in that of the next one.
            let corner = Pos2::new(number.left(), number.bottom() - BAR_HEIGHT / 2.0);
            let rect = Rect::from_min_size(corner, Vec2::new(length, BAR_HEIGHT));
            if !sight.intersects(rect) {
                continue;
            }
            let label = format!("in the text: {}, line {}", constant.name, constant.line);
            ui.scope_builder(UiBuilder::new().id_salt(("slider", at)).max_rect(rect), |ui| {
                ui.set_clip_rect(sight.intersect(ui.clip_rect()));
                let style = ui.style_mut();
                let letters = FontId::proportional(BAR_HEIGHT * 0.6);
                style.text_styles.insert(TextStyle::Body, letters);
                style.spacing.interact_size.y = BAR_HEIGHT;
                style.spacing.slider_rail_height = 3.0;
                self.slider(ui, at, &label, length, text, events);
            });
        }
    }

    /// One slider, which writes what it is set to into the text. Nothing where there is no such number.
    pub(super) fn slider(
        &mut self,
        ui: &mut Ui,
        at: usize,
        label: &str,
        width: f32,
        text: &mut String,
        events: &mut Vec<EditorEvent>,
    ) -> Option<Response> {
        let constant = self.constants.get(at).cloned()?;
        let scale = self.scale(at, &constant, text);
        let mut value = constant.value;
        let previous = ui.spacing().slider_width;
        ui.spacing_mut().slider_width = width;
        let mut slider = Slider::new(&mut value, scale.from..=scale.to)
            .show_value(false)
            .trailing_fill(true)
            .clamping(SliderClamping::Never);
        if constant.is_integer {
            slider = slider.integer();
        }
        if let Some(smallest) = scale.smallest {
            slider = slider.logarithmic(true).smallest_positive(smallest);
        }
        let response = ui.add(slider);
        ui.spacing_mut().slider_width = previous;
        response.widget_info(|| WidgetInfo::slider(true, value, label));
        if response.drag_started() || response.changed() {
            self.take_hold(ui, at, &response, text, events);
        }
        // The slider itself senses no clicks: it would wait with a drag until it knows that it is none.
        let stopped_by = |what: fn(&PointerState, PointerButton) -> bool| {
            response.drag_stopped() && ui.input(|input| what(&input.pointer, PointerButton::Primary))
        };
        let is_fine = ui.input(|input| input.modifiers.shift);
        let before = self.hold.as_ref().and_then(|hold| hold.exact);
        if stopped_by(PointerState::button_double_clicked) {
            self.put_back(at, text, events);
        } else if (response.dragged() || response.drag_stopped()) && (is_fine || before.is_some()) {
            // From the first fine step on the handle is no longer where the pointer is.
            let steps = if is_fine { 20.0 } else { 1.0 };
            let share = f64::from(response.drag_delta().x / width.max(1.0)) / steps;
            let value = scale.moved(before.unwrap_or(constant.value), share);
            self.write(at, value, text, events);
            if let Some(hold) = &mut self.hold {
                hold.exact = Some(value);
            }
        } else if response.changed() {
            self.write(at, value, text, events);
        }
        if response.drag_stopped() {
            if let Some(hold) = &mut self.hold {
                hold.by_pointer = false;
            }
            // A click may be the first of two.
            if !stopped_by(PointerState::button_clicked) {
                self.let_go(text, events);
            }
        }
        Some(response)
    }

    /// Lets go of a slider that was turned by keys or clicks and has rested since, or has lost the keyboard.
    pub(super) fn rest(&mut self, ui: &Ui, text: &str, events: &mut Vec<EditorEvent>) {
        let Some(hold) = &mut self.hold else { return };
        // The slider may have gone away under the hand.
        hold.by_pointer &= ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
        if hold.by_pointer {
            return;
        }
        let rested = ui.input(|input| input.time) - hold.turned_secs;
        let has_left = hold.by_keys.is_some_and(|id| !ui.memory(|memory| memory.has_focus(id)));
        if rested >= REST_SECS || has_left {
            self.let_go(text, events);
        } else {
            let rest = Duration::try_from_secs_f64(REST_SECS - rested).unwrap_or_default();
            ui.ctx().request_repaint_after(rest);
        }
    }

    fn take_hold(&mut self, ui: &Ui, at: usize, response: &Response, text: &str, events: &mut Vec<EditorEvent>) {
        if self.hold.as_ref().is_some_and(|hold| hold.at != at) {
            self.let_go(text, events);
        }
        let begins = self.hold.is_none() || response.drag_started();
        let literal = self.literal(at, text).unwrap_or_default().to_owned();
        if begins && let Some(known) = self.key(at).and_then(|key| self.known.get_mut(&key)) {
            known.before.push(literal.clone());
            // Two clicks, what was before them, and what it came with.
            if known.before.len() > 4 {
                known.before.remove(1);
            }
        }
        self.hold = Some(Hold {
            at,
            literal: self.hold.as_ref().map_or(literal, |hold| hold.literal.clone()),
            by_pointer: response.dragged(),
            exact: self.hold.as_ref().and_then(|hold| hold.exact).filter(|_| !begins),
            turned_secs: ui.input(|input| input.time),
            by_keys: response.has_focus().then_some(response.id),
        });
    }

    fn let_go(&mut self, text: &str, events: &mut Vec<EditorEvent>) {
        let Some(hold) = self.hold.take() else { return };
        // A list that had no place for what was in the hand is looked at again.
        self.seen = Default::default();
        let Some(constant) = self.constants.get(hold.at) else {
            return;
        };
        let now = self.literal(hold.at, text);
        if let (Some(from), Some(to)) = (parsed(&hold.literal), now.and_then(parsed))
            && now != Some(&hold.literal)
        {
            events.push(EditorEvent::SliderReleased {
                name: constant.name.clone(),
                from,
                to,
            });
        }
    }

    /// Writes what a constant had before its slider was last taken hold of. The two clicks that ask for it have taken hold
    /// of it, too.
    fn put_back(&mut self, at: usize, text: &mut String, events: &mut Vec<EditorEvent>) {
        let known = self.key(at).and_then(|key| self.known.get_mut(&key));
        let Some(known) = known else { return };
        let kept = known.before.len().saturating_sub(2).max(1);
        known.before.truncate(kept);
        if let Some(literal) = known.before.last().cloned() {
            self.replace(at, &literal, text, events);
        }
    }

    fn key(&self, at: usize) -> Option<(String, usize)> {
        Some((self.constants.get(at)?.name.clone(), *self.ordinals.get(at)?))
    }

    fn literal<'t>(&self, at: usize, text: &'t str) -> Option<&'t str> {
        text.get(self.constants.get(at)?.range.clone())
    }

    /// The scale of a slider. It stays while the value is within, so that the handle moves and not what it stands for.
    fn scale(&mut self, at: usize, constant: &Constant, text: &str) -> Scale {
        let is_held = self.hold.as_ref().is_some_and(|hold| hold.at == at);
        let key = self.key(at).unwrap_or_default();
        let new = Known::new(constant.value, self.literal(at, text).unwrap_or_default());
        // Where the values differ, somebody has typed another number.
        let known = match self.known.entry(key) {
            Entry::Occupied(known) if known.get().value == constant.value => known.into_mut(),
            Entry::Occupied(mut known) => {
                known.insert(new);
                known.into_mut()
            }
            Entry::Vacant(place) => place.insert(new),
        };
        let scale = Scale::around(known.anchor, constant.is_integer);
        if scale.holds(constant.value) || is_held {
            return scale;
        }
        known.anchor = constant.value;
        Scale::around(constant.value, constant.is_integer)
    }

    fn write(&mut self, at: usize, value: f64, text: &mut String, events: &mut Vec<EditorEvent>) {
        let Some(old) = self.literal(at, text).filter(|_| value.is_finite()) else {
            return;
        };
        // Three digits are enough while the value stays about as large; the style is the one that the person wrote.
        let value = match self.constants[at].is_integer {
            true => value,
            false => significant(value, 3),
        };
        let like = self.hold.as_ref().map_or(old, |hold| hold.literal.as_str());
        self.replace(at, &written(value, like), text, events);
    }

    fn replace(&mut self, at: usize, new: &str, text: &mut String, events: &mut Vec<EditorEvent>) {
        let Some(old) = self.literal(at, text).filter(|old| *old != new) else {
            return;
        };
        let grown = new.len() as isize - old.len() as isize;
        let constant = &self.constants[at];
        let (name, range, from) = (constant.name.clone(), constant.range.clone(), constant.value);
        let to = parsed(new).unwrap_or(from);
        text.replace_range(range.clone(), new);
        for (other, constant) in self.constants.iter_mut().enumerate() {
            if other == at {
                constant.value = to;
                constant.range.end = range.start + new.len();
            } else if constant.range.start >= range.end {
                constant.range.start = constant.range.start.saturating_add_signed(grown);
                constant.range.end = constant.range.end.saturating_add_signed(grown);
            }
        }
        if let Some(known) = self.key(at).and_then(|key| self.known.get_mut(&key)) {
            known.value = to;
        }
        events.push(EditorEvent::SliderMoved { name, from, to });
    }
}
