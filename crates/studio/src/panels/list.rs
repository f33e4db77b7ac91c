//! A list of rows with columns, of which only those in sight cost anything; the arrow keys go through it.

use std::fmt::Debug;
use std::hash::Hash;

use egui::{Align2, Color32, EventFilter, Key, Rect, Role, ScrollArea, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

/// A column.
pub(super) struct Column {
    /// What it is called. Empty where there is no heading.
    pub title: &'static str,
    /// Points.
    pub width: f32,
    /// What its figures mean.
    pub hover: &'static str,
}

/// What a row shows.
pub(super) struct Row {
    /// What a screen reader says, and what tests find it by.
    pub spoken: String,
    /// A text for each column, in a colour of its own where that means something.
    pub cells: Vec<(String, Option<Color32>)>,
    /// What the pointer finds out.
    pub hover: String,
}

/// What the person did with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// A row was chosen.
    Chosen(usize),
    /// A row is wanted in full.
    Opened(usize),
    /// The rows are wanted in the order of a column.
    Sorted(usize),
}

/// Where it is scrolled to.
#[derive(Default)]
pub(super) struct List {
    offset: f32,
    height: f32,
    last: Option<usize>,
}

/// Space left and right of a text.
const PADDING: f32 = 4.0;

impl List {
    /// Shows `count` rows in the space that is left, at most `height` of it. `sorted`: column, and whether the largest comes
    /// first; with none the headings are no buttons.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different thing, and a struct would only rename them"
    )]
    pub(super) fn show<K: Hash + Debug>(
        &mut self,
        ui: &mut Ui,
        name: &str,
        columns: &[Column],
        sorted: Option<(usize, bool)>,
        count: usize,
        chosen: Option<usize>,
        height: f32,
        row: impl Fn(usize) -> (K, Row),
    ) -> Option<Done> {
        let mut done = None;
        let width = columns.iter().map(|column| column.width).sum::<f32>();
        let width = width.max(ui.available_width());
        let line = (ui.text_style_height(&TextStyle::Body) + 5.0).round();
        ScrollArea::horizontal()
            .id_salt((name, "across"))
            .auto_shrink([false, true])
            .show(ui, |ui| {
                ui.set_min_width(width);
                ui.spacing_mut().item_spacing.y = 0.0;
                if columns.iter().any(|column| !column.title.is_empty()) {
                    done = headings(ui, columns, sorted, width, line);
                }
                let size = vec2(width, height.min(ui.available_height()).max(line * 3.0));
                let place = Rect::from_min_size(ui.cursor().min, size);
                let frame = ui.interact(place, ui.scope_id().with(name), Sense::focusable_noninteractive());
                frame.widget_info(|| WidgetInfo::labeled(Role::ListBox, true, name));
                let by_key = frame
                    .has_focus()
                    .then(|| keys(ui, frame.id, count, chosen, (self.height / line) as usize));
                done = done.or(by_key.flatten());
                let mut area = ScrollArea::vertical()
                    .id_salt((name, "down"))
                    .max_height(size.y)
                    .auto_shrink(false);
                // A row that was chosen elsewhere or by key comes into sight.
                let now = match done {
                    Some(Done::Chosen(row)) => Some(row),
                    _ => chosen,
                };
                if now != self.last
                    && let Some(row) = now
                {
                    let top = row as f32 * line;
                    let in_sight = (top + line - self.height).max(0.0)..=top;
                    if !in_sight.contains(&self.offset) && self.height > 0.0 {
                        area = area.vertical_scroll_offset(self.offset.clamp(*in_sight.start(), *in_sight.end()));
                    }
                }
                self.last = now;
                let shown = area.show_rows(ui, line, count, |ui, range| {
                    for at in range {
                        let (key, row) = row(at);
                        let (rect, _) = ui.allocate_exact_size(vec2(width, line), Sense::hover());
                        // The list has the keyboard, not each of its rows.
                        let response = ui.interact(rect, ui.scope_id().with((name, key)), Sense::CLICK);
                        let is_chosen = chosen == Some(at);
                        response
                            .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_chosen, &row.spoken));
                        paint(ui, rect, columns, &row, is_chosen, at % 2 == 1, response.hovered());
                        if response.double_clicked() {
                            done = Some(Done::Opened(at));
                        } else if response.clicked() {
                            done = Some(Done::Chosen(at));
                            frame.request_focus();
                        }
                        if !row.hover.is_empty() {
                            response.on_hover_text(row.hover);
                        }
                    }
                });
                (self.offset, self.height) = (shown.state.clamped_offset().y, shown.inner_rect.height());
                if frame.has_focus() {
                    let stroke = ui.visuals().selection.stroke;
                    ui.painter().rect_stroke(place, 2.0, stroke, egui::StrokeKind::Inside);
                }
            });
        done
    }
}

fn headings(ui: &mut Ui, columns: &[Column], sorted: Option<(usize, bool)>, width: f32, line: f32) -> Option<Done> {
    let mut done = None;
    let (strip, _) = ui.allocate_exact_size(vec2(width, line), Sense::hover());
    let mut left = strip.left();
    for (at, column) in columns.iter().enumerate() {
        let rect = Rect::from_min_size(pos2(left, strip.top()), vec2(column.width, line));
        left += column.width;
        let sense = if sorted.is_some() {
            Sense::click()
        } else {
            Sense::hover()
        };
        let response = ui.interact(rect, ui.scope_id().with(("heading", at)), sense);
        let mark = match sorted {
            Some((by, largest)) if by == at => [" ▲", " ▼"][usize::from(largest)],
            _ => "",
        };
        if sorted.is_some() {
            response.widget_info(|| {
                WidgetInfo::labeled(Role::Button, true, format!("Sort by {}", column.title.to_lowercase()))
            });
        }
        let colour = match response.hovered() && sorted.is_some() || response.has_focus() {
            true => ui.visuals().strong_text_color(),
            false => ui.visuals().weak_text_color(),
        };
        text(ui, rect, &format!("{}{mark}", column.title), colour);
        if response.clicked() {
            done = Some(Done::Sorted(at));
        }
        if !column.hover.is_empty() {
            response.on_hover_text(column.hover);
        }
    }
    done
}

/// What the keys want while the list has them.
fn keys(ui: &Ui, id: egui::Id, count: usize, chosen: Option<usize>, page: usize) -> Option<Done> {
    let filter = EventFilter {
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let last = count.checked_sub(1)?;
    let pressed = |key: Key| ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key));
    let from = |step: isize| match chosen {
        Some(at) => at.saturating_add_signed(step).min(last),
        None => 0,
    };
    let page = page.max(2) as isize - 1;
    let moves = [
        (Key::ArrowDown, from(1)),
        (Key::ArrowUp, from(-1)),
        (Key::PageDown, from(page)),
        (Key::PageUp, from(-page)),
        (Key::Home, 0),
        (Key::End, last),
    ];
    let to = moves
        .into_iter()
        .find(|(key, _)| pressed(*key))
        .map(|(_, to)| Done::Chosen(to));
    to.or_else(|| chosen.filter(|_| pressed(Key::Enter)).map(Done::Opened))
}

fn paint(ui: &Ui, rect: Rect, columns: &[Column], row: &Row, is_chosen: bool, is_odd: bool, is_hovered: bool) {
    let visuals = ui.visuals();
    let ground = match (is_chosen, is_hovered, is_odd) {
        (true, _, _) => Some(visuals.selection.bg_fill),
        (_, true, _) => Some(visuals.widgets.hovered.weak_bg_fill),
        (_, _, true) => Some(visuals.faint_bg_color),
        _ => None,
    };
    if let Some(ground) = ground {
        ui.painter().rect_filled(rect, 2.0, ground);
    }
    let mut left = rect.left();
    for (column, (words, colour)) in columns.iter().zip(&row.cells) {
        // The last column takes what is left.
        let right = match std::ptr::eq(column, columns.last().unwrap_or(column)) {
            true => rect.right(),
            false => left + column.width,
        };
        let cell = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
        let colour = match colour {
            _ if is_chosen => visuals.selection.stroke.color,
            Some(colour) => *colour,
            None => visuals.text_color(),
        };
        text(ui, cell, words, colour);
        left = right;
    }
}

fn text(ui: &Ui, cell: Rect, words: &str, colour: Color32) {
    let inside = cell.shrink2(vec2(PADDING, 0.0));
    let painter = ui.painter().with_clip_rect(inside.intersect(ui.clip_rect()));
    let font = TextStyle::Body.resolve(ui.style());
    painter.text(inside.left_center(), Align2::LEFT_CENTER, words, font, colour);
}
