//! The editor of a reward program: a text with colours, findings, and a slider for each number that can be turned.
//!
//! The widget keeps only what concerns looking at the text: where the caret is, what is open. The text, its findings and
//! its constants belong to the caller, who compiles on another thread, and who keeps the history: the editor undoes
//! nothing by itself. Findings may be older than the text; what they point at is clamped, and their repairs wait.
//!
//! ```text
//! text, findings, constants, schema ──▶ CodeEditor::show ──▶ text, Vec<EditorEvent>
//! ```
//!
//! Read [`CodeEditor::show`], then `text_area`.

mod find;
mod findings;
mod highlight;
mod keys;
mod laid;
mod lines;
mod numbers;
mod popup;
mod sliders;

use std::ops::Range;

use carrot_reward_compiler::assist::{self, Hover};
use carrot_reward_compiler::constants::Constant;
use carrot_reward_interface::{Diagnostic, Schema};
use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{
    self, EventFilter, Frame, Galley, Id, Key, Margin, Modifiers, Pos2, Rect, Role, Sense, Shape, TextBuffer, TextEdit,
    TextStyle, Ui, UiBuilder, Vec2, WidgetInfo,
};

use find::Find;
use highlight::{Palette, Vocabulary};
use keys::Selected;
use laid::Laid;
use popup::{Popup, Pressed};
use sliders::Sliders;

/// A program in the editor's colours, for where it is only read.
pub(crate) fn coloured(text: &str, is_dark: bool, font: &egui::FontId) -> egui::text::LayoutJob {
    let words = highlight::words(text, &Vocabulary::default());
    highlight::job(text, &words, &Palette::new(is_dark), font)
}

/// What the editor shows and changes.
pub struct EditorInput<'a> {
    /// The program.
    pub text: &'a mut String,
    /// What the compiler found in it.
    pub findings: &'a [Diagnostic],
    /// Its numbers that can be turned.
    pub constants: &'a [Constant],
    /// Whether findings and constants are those of this very text, and not of an earlier one.
    pub is_current: bool,
    /// The task's variables.
    pub schema: &'a Schema,
    /// Names of the program's reward terms.
    pub terms: &'a [String],
    /// Lines, counted from 1, on which the running program stopped, and why.
    pub line_marks: &'a [(u32, String)],
}

/// What the person did.
#[derive(Debug, Clone, PartialEq)]
pub enum EditorEvent {
    /// The text was changed by hand: typed, pasted, indented, completed.
    Typed,
    /// A slider moved and the text with it; more may follow.
    SliderMoved {
        /// The constant.
        name: String,
        /// Value before this movement.
        from: f64,
        /// Value now.
        to: f64,
    },
    /// A slider was let go.
    SliderReleased {
        /// The constant.
        name: String,
        /// Value before the slider was taken hold of.
        from: f64,
        /// Value now.
        to: f64,
    },
    /// The text was laid out.
    Formatted,
    /// A finding was repaired.
    QuickFixed {
        /// The finding's code.
        code: String,
    },
}

/// The view of one program: caret, open search, open slider.
#[derive(Default)]
pub struct CodeEditor {
    laid: Laid,
    sliders: Sliders,
    find: Option<Find>,
    /// Characters to select and to bring into view in this frame.
    go_to: Option<Range<usize>>,
    caret: Option<usize>,
    hovered: Option<Hovered>,
    popup: Option<Popup>,
    /// Sliders stand in the text, beside each number.
    shows_sliders_in_text: bool,
}

/// What the pointer rests on, and the card that tells about it.
struct Hovered {
    byte: usize,
    anchor: Rect,
    card: Rect,
    /// What the word is, for the program's variables and the library's functions.
    about: Option<Hover>,
}

const GUTTER_MARK: f32 = 12.0;
/// From this width on the constants stand beside the text.
const WIDE: f32 = 560.0;

impl CodeEditor {
    /// Line and column of the caret, counted from 1, once the text had the focus.
    pub fn caret(&self) -> Option<(u32, u32)> {
        self.caret.map(|at| self.laid.lines.line_and_column(at))
    }

    /// Puts the caret at a line and column, counted from 1, and shows the place, in the next frame.
    pub fn go_to(&mut self, text: &str, line: u32, column: u32) {
        let span = carrot_reward_interface::Span {
            line,
            column,
            end_line: line,
            end_column: column,
        };
        let lines = lines::Lines::of(text);
        let at = lines.char_of_byte(text, lines.bytes_of_span(text, &span).start);
        self.go_to = Some(at..at);
    }

    /// Shows the editor in all the room there is, and makes the person's changes in the text.
    pub fn show(&mut self, ui: &mut Ui, input: EditorInput<'_>) -> Vec<EditorEvent> {
        let mut events = Vec::new();
        let palette = Palette::new(ui.visuals().dark_mode);
        let vocabulary = Vocabulary::of(input.schema, input.terms);
        let input = &mut { input };
        self.laid.update(ui, input.text, &vocabulary);
        self.sliders.adopt(input.constants, input.text);
        let id = ui.make_persistent_id("reward program");
        self.shortcuts(ui, id, input, &mut events);

        let room = ui.available_rect_before_wrap();
        let places = Places::of(room, input.findings.len(), self.sliders.is_empty(), ui);
        let part = |ui: &mut Ui, name: &str, rect: Rect, show: &mut dyn FnMut(&mut Ui)| {
            let builder = UiBuilder::new().id_salt(name).max_rect(rect);
            ui.scope_builder(builder, |ui| {
                ui.set_clip_rect(rect.intersect(ui.clip_rect()));
                show(ui);
            });
        };
        part(ui, "tools", places.tools, &mut |ui| self.tools(ui, input, &mut events));
        part(ui, "text", places.text, &mut |ui| {
            self.text_area(ui, id, input, &vocabulary, &palette, &mut events);
        });
        part(ui, "constants", places.constants, &mut |ui| {
            self.constants(ui, input, &mut events);
        });
        part(ui, "findings", places.findings, &mut |ui| {
            self.findings(ui, input, &palette, &mut events);
        });
        ui.allocate_rect(room, Sense::hover());
        events
    }

    fn tools(&mut self, ui: &mut Ui, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        if let Some(find) = &mut self.find {
            match find.show(ui, input.text) {
                Some(find::Asked::Show(bytes)) => self.go_to = Some(self.chars(input.text, bytes)),
                Some(find::Asked::Close) => {
                    self.find = None;
                    self.go_to = self.caret.map(|at| at..at);
                }
                None => {}
            }
            return;
        }
        ui.horizontal(|ui| {
            if ui.small_button("Find").on_hover_text("Ctrl+F").clicked() {
                self.find = Some(Find::open(""));
            }
            if ui.small_button("Format").on_hover_text("Shift+Alt+F").clicked() {
                self.format(input, events);
            }
            ui.add_enabled_ui(!self.sliders.is_empty(), |ui| {
                ui.toggle_value(&mut self.shows_sliders_in_text, "Sliders in the text");
            });
        });
    }

    fn constants(&mut self, ui: &mut Ui, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        ui.strong("Constants");
        if self.sliders.is_empty() {
            ui.weak("A number in the program, such as a weight or a threshold, gets a slider here.");
            return;
        }
        if let Some(constant) = self.sliders.list(ui, input.text, events) {
            self.go_to = Some(self.chars(input.text, constant.range));
        }
    }

    fn findings(&mut self, ui: &mut Ui, input: &mut EditorInput<'_>, palette: &Palette, events: &mut Vec<EditorEvent>) {
        let (line, column) = self.caret().unwrap_or((1, 1));
        let count = match input.findings.len() {
            0 => "no findings".to_owned(),
            1 => "1 finding".to_owned(),
            count => format!("{count} findings; F8 goes to the next one"),
        };
        ui.small(format!("line {line}, column {column} · {count}"));
        let current = self.finding_at_caret(input);
        let asked = egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            findings::list(ui, input.findings, current, input.is_current, palette)
        });
        match asked.inner {
            Some(findings::Asked::Show(at)) => self.show_finding(at, input),
            Some(findings::Asked::Fix(at)) => self.fix(at, input, events),
            None => {}
        }
    }

    // Keys.

    fn shortcuts(&mut self, ui: &mut Ui, id: Id, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let focused = ui.memory(|memory| memory.focused());
        if focused.is_some_and(|focused| focused != id) {
            return;
        }
        let pressed = |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::SHIFT, Key::F8) {
            self.next_finding(input, false);
        }
        if pressed(Modifiers::NONE, Key::F8) {
            self.next_finding(input, true);
        }
        if pressed(Modifiers::COMMAND, Key::Period)
            && let Some(at) = self.fixable_near_caret(input)
        {
            self.fix(at, input, events);
        }
        if pressed(Modifiers::SHIFT | Modifiers::ALT, Key::F) {
            self.format(input, events);
        }
        if pressed(Modifiers::COMMAND, Key::F) {
            match &mut self.find {
                Some(find) => find.focus(),
                None => self.find = Some(Find::open(&self.selected_text(ui, id, input.text))),
            }
        }
        if focused != Some(id) {
            return;
        }
        // The caller keeps the history. What it did not take is not for the text field's own either.
        for modifiers in [Modifiers::COMMAND | Modifiers::SHIFT, Modifiers::COMMAND] {
            pressed(modifiers, Key::Z);
            pressed(modifiers, Key::Y);
        }
        if pressed(Modifiers::COMMAND, Key::Space) {
            self.open_popup(input);
        }
        let chosen = self
            .popup
            .as_mut()
            .map_or(Pressed::Nothing, |popup| popup.keys(ui, input.text));
        match chosen {
            Pressed::Nothing => {}
            Pressed::Used => return,
            Pressed::Close => self.popup = None,
            Pressed::Accept(at) => return self.accept(at, input, events),
        }
        let change: Option<fn(Selected) -> Selected> = if pressed(Modifiers::COMMAND, Key::Slash) {
            Some(keys::toggle_comment)
        } else if pressed(Modifiers::SHIFT, Key::Tab) {
            Some(keys::outdent)
        } else if pressed(Modifiers::NONE, Key::Tab) {
            Some(keys::indent)
        } else if pressed(Modifiers::NONE, Key::Enter) {
            Some(keys::new_line)
        } else {
            None
        };
        if let Some(change) = change {
            self.popup = None;
            let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
            let selection = state.cursor.char_range().unwrap_or_default().as_sorted_char_range();
            let changed = change(Selected {
                text: input.text.clone(),
                selection: selection.start.0..selection.end.0,
            });
            if changed.text != *input.text {
                events.push(EditorEvent::Typed);
            }
            *input.text = changed.text;
            state.cursor.set_char_range(Some(CCursorRange::two(
                CCursor::new(changed.selection.start),
                CCursor::new(changed.selection.end),
            )));
            state.store(ui.ctx(), id);
            self.go_to = Some(changed.selection);
        }
    }

    /// Lays the text out; the caret stays in its line. A text that is not Python stays as it is, and its findings say why.
    fn format(&mut self, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let Ok(text) = carrot_reward_compiler::format(input.text, "reward.py") else {
            return;
        };
        if text == *input.text {
            return;
        }
        if let Some((line, column)) = self.caret() {
            self.go_to(&text, line, column);
        }
        *input.text = text;
        self.popup = None;
        events.push(EditorEvent::Formatted);
    }

    fn open_popup(&mut self, input: &EditorInput<'_>) {
        let caret = self.caret.unwrap_or(0);
        let byte = lines::Lines::of(input.text).byte_of_char(input.text, caret);
        self.popup = Popup::at(input.text, byte, input.schema);
    }

    fn accept(&mut self, at: usize, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let Some((text, byte)) = self.popup.take().and_then(|popup| popup.accept(at, input.text)) else {
            return;
        };
        let caret = text[..byte].chars().count();
        *input.text = text;
        self.go_to = Some(caret..caret);
        events.push(EditorEvent::Typed);
    }

    /// Opens the list while a word is typed, keeps it up to date, and closes it when the caret leaves the word.
    fn follow_typing(&mut self, input: &EditorInput<'_>, typed: bool) {
        let Some(caret) = self.caret else { return };
        let before = &input.text[..self.laid.lines.byte_of_char(input.text, caret)];
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if typed {
            let begun = before.chars().rev().take_while(|&c| is_word(c)).count();
            let continues = begun >= 2 || before.ends_with('.') || begun > 0 && self.popup.is_some();
            self.popup = continues
                .then(|| Popup::at(input.text, before.len(), input.schema))
                .flatten();
        } else if let Some(popup) = &self.popup {
            let stays = before
                .get(popup.start()..)
                .is_some_and(|word| word.chars().all(is_word));
            if !stays {
                self.popup = None;
            }
        }
    }

    fn selected_text(&self, ui: &Ui, id: Id, text: &str) -> String {
        let state = TextEditState::load(ui.ctx(), id);
        let range = state.and_then(|state| state.cursor.char_range());
        range.map_or(String::new(), |range| range.slice_str(text).to_owned())
    }

    // Findings.

    fn finding_at_caret(&self, input: &EditorInput<'_>) -> Option<usize> {
        let caret = self.laid.lines.byte_of_char(input.text, self.caret?);
        input.findings.iter().position(|finding| {
            let bytes = findings::bytes(finding, input.text, &self.laid.lines);
            bytes.start <= caret && caret <= bytes.end
        })
    }

    /// The finding that a repair at the caret is for: the one there, on the line, or the first one at all.
    fn fixable_near_caret(&self, input: &EditorInput<'_>) -> Option<usize> {
        let can_fix = |at: &usize| input.findings[*at].fix.is_some();
        let line = self.caret().map(|(line, _)| line);
        let on_line =
            || (0..input.findings.len()).find(|&at| Some(input.findings[at].span.line) == line && can_fix(&at));
        let any = || (0..input.findings.len()).find(can_fix);
        self.finding_at_caret(input)
            .filter(can_fix)
            .or_else(on_line)
            .or_else(any)
    }

    fn next_finding(&mut self, input: &EditorInput<'_>, forward: bool) {
        let count = input.findings.len();
        let caret = self.caret().unwrap_or((0, 0));
        let place = |at: usize| (input.findings[at].span.line, input.findings[at].span.column);
        let next = match forward {
            true => (0..count).find(|&at| place(at) > caret).or(count.checked_sub(count)),
            false => (0..count).rev().find(|&at| place(at) < caret).or(count.checked_sub(1)),
        };
        if let Some(at) = next.filter(|&at| at < count) {
            self.show_finding(at, input);
        }
    }

    fn show_finding(&mut self, at: usize, input: &EditorInput<'_>) {
        let start = findings::bytes(&input.findings[at], input.text, &self.laid.lines).start;
        self.go_to = Some(self.chars(input.text, start..start));
    }

    fn fix(&mut self, at: usize, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let Some(fix) = input.findings.get(at).and_then(|finding| finding.fix.as_ref()) else {
            return;
        };
        if !input.is_current {
            return;
        }
        let first = fix.edits.first().map_or(0, |edit| {
            let start = self.laid.lines.bytes_of_span(input.text, &edit.span).start;
            self.laid.lines.char_of_byte(input.text, start) + edit.replacement.chars().count()
        });
        *input.text = fix.apply(input.text);
        self.go_to = Some(first..first);
        self.hovered = None;
        events.push(EditorEvent::QuickFixed {
            code: input.findings[at].code.clone(),
        });
    }

    // The text itself.

    fn chars(&self, text: &str, bytes: Range<usize>) -> Range<usize> {
        self.laid.lines.char_of_byte(text, bytes.start)..self.laid.lines.char_of_byte(text, bytes.end)
    }

    fn text_area(
        &mut self,
        ui: &mut Ui,
        id: Id,
        input: &mut EditorInput<'_>,
        vocabulary: &Vocabulary,
        palette: &Palette,
        events: &mut Vec<EditorEvent>,
    ) {
        let view = ui.max_rect();
        ui.painter().rect_filled(view, 0.0, palette.background);
        let scroll = egui::ScrollArea::both().id_salt("text").auto_shrink(false);
        scroll.show_viewport(ui, |ui, _| {
            let clip = ui.clip_rect();
            let galley = self.laid.galley(ui, input.text, vocabulary);
            let digit = ui.fonts_mut(|fonts| fonts.glyph_width(&TextStyle::Monospace.resolve(ui.style()), '0'));
            let digits = self.laid.lines.count().to_string().len().max(2);
            let gutter = (digits as f32 * digit + GUTTER_MARK + 12.0).min(120.0);
            let below = ui.painter().add(Shape::Noop);

            let scrolls = self.go_to.take();
            if let Some(chars) = &scrolls {
                self.select(ui, id, chars);
            }
            let wants_focus = scrolls.is_some() && self.find.is_none();
            if wants_focus {
                ui.memory_mut(|memory| memory.request_focus(id));
            }
            let before = TextEditState::load(ui.ctx(), id);
            if let Some(mut state) = before {
                state.clear_undoer();
                state.store(ui.ctx(), id);
            }
            let laid = &mut self.laid;
            let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| laid.galley(ui, text.as_str(), vocabulary);
            let size = Vec2::new(galley.size().x + gutter + 60.0, galley.size().y + 60.0).max(view.size());
            let output = TextEdit::multiline(input.text)
                .id(id)
                .font(TextStyle::Monospace)
                .frame(Frame::NONE.inner_margin(Margin {
                    left: gutter as i8,
                    right: 8,
                    top: 4,
                    bottom: 4,
                }))
                .min_size(size)
                .desired_width(size.x)
                .event_filter(EventFilter {
                    tab: true,
                    horizontal_arrows: true,
                    vertical_arrows: true,
                    escape: self.popup.is_some(),
                })
                .layouter(&mut layouter)
                .show(ui);
            ui.ctx()
                .accesskit_node_builder(id, |node| node.set_label("reward program"));
            let typed = output.response.changed();
            if typed {
                events.push(EditorEvent::Typed);
            }
            if let Some(range) = output.cursor_range.or(output.state.cursor.char_range()) {
                self.caret = Some(range.primary.index.0);
            }
            let origin = output.galley_pos;
            let galley = &output.galley;
            if let (Some(_), Some(caret)) = (scrolls, self.caret) {
                let place = galley.pos_from_cursor(CCursor::new(caret)).translate(origin.to_vec2());
                ui.scroll_to_rect(place.expand2(Vec2::new(40.0, 60.0)), None);
            }
            // A click on a button has taken the focus away in this very frame.
            if wants_focus {
                output.response.request_focus();
            }
            let has_focus = output.response.has_focus();
            let shapes = self.below(input.text, galley, origin, clip, palette, has_focus);
            ui.painter().set(below, Shape::Vec(shapes));
            for finding in input.findings {
                let bytes = findings::bytes(finding, input.text, &self.laid.lines);
                let chars = self.chars(input.text, bytes);
                let color = findings::color(finding.severity, palette);
                findings::underline(ui.painter(), galley, origin, chars, &self.laid.lines, color);
            }
            if self.shows_sliders_in_text {
                self.sliders_in_text(ui, input, galley, origin, events);
            }
            self.gutter(ui, input, galley, origin, clip, gutter, palette);
            self.follow_typing(input, typed);
            if !has_focus && !ui.input(|input| input.pointer.any_down() || input.pointer.any_released()) {
                self.popup = None;
            }
            if let Some(popup) = &self.popup {
                let start = self.chars(input.text, popup.start()..popup.start()).start;
                let place = galley.pos_from_cursor(CCursor::new(start)).translate(origin.to_vec2());
                if let Some(at) = popup.show(ui, id.with("completions"), place.left_bottom()) {
                    self.accept(at, input, events);
                }
                return;
            }
            let pointer = output.response.hover_pos().filter(|pos| clip.contains(*pos));
            self.hover(ui, pointer, input, galley, origin, palette, events);
        });
    }

    fn select(&self, ui: &Ui, id: Id, chars: &Range<usize>) {
        let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::two(
            CCursor::new(chars.start),
            CCursor::new(chars.end),
        )));
        state.store(ui.ctx(), id);
    }

    /// What lies under the letters: the caret's line, what was searched for, the brackets at the caret.
    fn below(
        &self,
        text: &str,
        galley: &Galley,
        origin: Pos2,
        clip: Rect,
        palette: &Palette,
        has_focus: bool,
    ) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let rect_of = |bytes: Range<usize>| {
            let chars = self.chars(text, bytes);
            let start = galley.pos_from_cursor(CCursor::new(chars.start));
            let end = galley.pos_from_cursor(CCursor::new(chars.end));
            Rect::from_min_max(start.min, Pos2::new(end.max.x, start.max.y)).translate(origin.to_vec2())
        };
        let filled = |rect: Rect, color| Shape::rect_filled(rect, 2.0, color);
        if let (true, Some(caret)) = (has_focus, self.caret)
            && let Some(row) = galley.rows.get(self.laid.lines.line_of_char(caret))
        {
            let top = origin.y + row.pos.y;
            let line = Rect::from_min_max(Pos2::new(clip.left(), top), Pos2::new(clip.right(), top + row.size.y));
            shapes.push(filled(line, palette.current_line));
            let byte = self.laid.lines.byte_of_char(text, caret);
            if let Some((a, b)) = keys::matching_brackets(text, byte) {
                shapes.extend([a, b].map(|at| filled(rect_of(at..at + 1), palette.bracket)));
            }
        }
        if let Some(find) = &self.find {
            let places = find.places(text);
            shapes.extend(
                places
                    .into_iter()
                    .map(|bytes| filled(rect_of(bytes), palette.match_background)),
            );
        }
        shapes
    }

    /// Numbers of the lines, and marks beside those with a finding or a stop. It stays where it is when the text scrolls
    /// sideways.
    #[expect(clippy::too_many_arguments, reason = "the parts of one drawing")]
    fn gutter(
        &self,
        ui: &Ui,
        input: &EditorInput<'_>,
        galley: &Galley,
        origin: Pos2,
        clip: Rect,
        width: f32,
        palette: &Palette,
    ) {
        let column = Rect::from_min_size(clip.min, Vec2::new(width - 4.0, clip.height()));
        let painter = ui.painter_at(column);
        painter.rect_filled(column, 0.0, palette.background);
        let font = TextStyle::Monospace.resolve(ui.style());
        let current = self.caret.map(|caret| self.laid.lines.line_of_char(caret));
        for (line, row) in galley.rows.iter().enumerate() {
            let top = origin.y + row.pos.y;
            if top > clip.bottom() || top + row.size.y < clip.top() {
                continue;
            }
            let number = line as u32 + 1;
            let color = match current == Some(line) {
                true => ui.visuals().strong_text_color(),
                false => palette.line_number,
            };
            let right = Pos2::new(column.right() - 6.0, top + row.size.y / 2.0);
            painter.text(
                right,
                egui::Align2::RIGHT_CENTER,
                number.to_string(),
                font.clone(),
                color,
            );
            let mark = Pos2::new(column.left() + 7.0, top + row.size.y / 2.0);
            let worst = input
                .findings
                .iter()
                .filter(|finding| finding.span.line == number)
                .min_by_key(|finding| finding.severity as u8);
            if let Some(finding) = worst {
                painter.circle_filled(mark, 4.0, findings::color(finding.severity, palette));
            } else if input.line_marks.iter().any(|(line, _)| *line == number) {
                let size = 4.5;
                let diamond = [(0.0, -size), (size, 0.0), (0.0, size), (-size, 0.0)];
                let points = diamond.map(|(x, y)| mark + Vec2::new(x, y)).to_vec();
                painter.add(Shape::convex_polygon(points, palette.error, egui::Stroke::NONE));
            }
        }
    }

    fn sliders_in_text(
        &mut self,
        ui: &mut Ui,
        input: &mut EditorInput<'_>,
        galley: &Galley,
        origin: Pos2,
        events: &mut Vec<EditorEvent>,
    ) {
        let mut taken = std::collections::BTreeMap::new();
        for at in 0.. {
            let Some(constant) = self.sliders.get(at) else { break };
            let line = constant.line as usize - 1;
            let label = format!("in the text: {}, line {}", constant.name, constant.line);
            let Some(row) = galley.rows.get(line) else { continue };
            let left = *taken.entry(line).or_insert(row.pos.x + row.size.x + 16.0);
            taken.insert(line, left + 96.0);
            let corner = origin + Vec2::new(left, row.pos.y);
            let rect = Rect::from_min_size(corner, Vec2::new(88.0, row.size.y));
            if !ui.clip_rect().intersects(rect) {
                continue;
            }
            ui.scope_builder(UiBuilder::new().id_salt(("slider", at)).max_rect(rect), |ui| {
                self.sliders.slider(ui, at, &label, 80.0, input.text, events);
            });
        }
    }

    /// The card about what the pointer rests on: findings there with their repair, or the slider of a number.
    #[expect(clippy::too_many_arguments, reason = "what the card may be about")]
    fn hover(
        &mut self,
        ui: &mut Ui,
        pointer: Option<Pos2>,
        input: &mut EditorInput<'_>,
        galley: &Galley,
        origin: Pos2,
        palette: &Palette,
        events: &mut Vec<EditorEvent>,
    ) {
        let is_dragging = self.sliders.dragged().is_some();
        let pos = ui.input(|input| input.pointer.hover_pos());
        let stays = self.hovered.as_ref().is_some_and(|hovered| {
            // The card begins where the word ends, so the pointer can go from one to the other.
            let near = [hovered.anchor, hovered.card.expand(4.0)];
            pos.is_some_and(|pos| near.iter().any(|rect| rect.contains(pos)))
        });
        if !stays && !is_dragging {
            self.hovered = None;
            let rests = ui.input(|input| input.pointer.time_since_last_movement() > 0.25);
            if let Some(pos) = pointer.filter(|_| !ui.input(|input| input.pointer.any_down())) {
                if !rests {
                    ui.ctx().request_repaint_after(std::time::Duration::from_millis(260));
                    return;
                }
                self.hovered = self.under(pos, input, galley, origin);
            }
        }
        let Some(hovered) = &self.hovered else { return };
        let (byte, corner) = (hovered.byte, hovered.anchor.left_bottom() + Vec2::new(0.0, 3.0));
        let here: Vec<usize> = (0..input.findings.len())
            .filter(|&at| {
                let bytes = findings::bytes(&input.findings[at], input.text, &self.laid.lines);
                bytes.contains(&byte)
            })
            .collect();
        let line = self.laid.lines.line_of_byte(byte) as u32 + 1;
        let stop = input.line_marks.iter().find(|(marked, _)| *marked == line);
        let constant = self.sliders.at(byte);
        let about = hovered.about.clone();
        if here.is_empty() && constant.is_none() && stop.is_none() && about.is_none() {
            self.hovered = None;
            return;
        }
        let mut fix = None;
        let area = egui::Area::new(ui.scope_id().with("card"))
            .order(egui::Order::Foreground)
            .fixed_pos(corner)
            .constrain(true)
            .accessible_name("about this place")
            .show(ui.ctx(), |ui| {
                Frame::popup(ui.style()).show(ui, |ui| {
                    ui.set_max_width(420.0);
                    for at in here {
                        let finding = &input.findings[at];
                        let title = format!("{}[{}]", findings::word(finding.severity), finding.code);
                        ui.colored_label(findings::color(finding.severity, palette), title);
                        ui.label(&finding.message);
                        if let Some(help) = &finding.help {
                            ui.weak(help);
                        }
                        if let Some(repair) = &finding.fix {
                            let button = ui.add_enabled(input.is_current, egui::Button::new(&repair.title));
                            let label = format!("Fix here: {}", repair.title);
                            button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
                            if button.clicked() {
                                fix = Some(at);
                            }
                        }
                    }
                    if let Some(about) = about {
                        ui.monospace(&about.title);
                        if !about.detail.is_empty() {
                            ui.weak(&about.detail);
                        }
                        if !about.doc.is_empty() {
                            ui.label(&about.doc);
                        }
                    }
                    if let Some((_, why)) = stop {
                        ui.colored_label(palette.error, "stopped here while it ran");
                        ui.label(why);
                    }
                    if let Some(at) = constant
                        && let Some(constant) = self.sliders.get(at)
                    {
                        let label = format!("here: {}, line {}", constant.name, constant.line);
                        ui.label(&constant.name);
                        self.sliders.slider(ui, at, &label, 200.0, input.text, events);
                    }
                });
            });
        if let Some(hovered) = &mut self.hovered {
            hovered.card = area.response.rect;
        }
        if let Some(at) = fix {
            self.fix(at, input, events);
        }
    }

    /// What is under the pointer, if there is something to tell about it.
    fn under(&self, pos: Pos2, input: &EditorInput<'_>, galley: &Galley, origin: Pos2) -> Option<Hovered> {
        let text: &str = input.text;
        let at = galley.cursor_from_pos(pos - origin).index.0;
        let line = self.laid.lines.line_of_char(at);
        let row = galley.rows.get(line)?;
        let row_rect = Rect::from_min_size(origin + row.pos.to_vec2(), row.size);
        if pos.y > row_rect.bottom() || pos.x > row_rect.right() + 4.0 {
            return None;
        }
        let byte = self.laid.lines.byte_of_char(text, at);
        let hit = input
            .findings
            .iter()
            .map(|finding| findings::bytes(finding, text, &self.laid.lines))
            .find(|bytes| bytes.contains(&byte));
        let constant = self.sliders.at(byte).and_then(|at| self.sliders.get(at));
        let constant = constant.map(|constant| constant.range.clone());
        // A mistake or a number speaks for itself.
        let about = match constant.is_none() && hit.is_none() {
            true => assist::hover(text, byte, input.schema),
            false => None,
        };
        let word = about.as_ref().map(|about| about.range.clone());
        // A stop concerns its whole line.
        let number = line as u32 + 1;
        let is_marked = input.line_marks.iter().any(|(marked, _)| *marked == number);
        let marked = is_marked.then(|| self.laid.lines.bytes_of_line(line));
        let bytes = constant.or(hit).or(word).or(marked)?;
        let chars = self.chars(text, bytes.clone());
        let first = self.laid.lines.char_of_line(line);
        let left = row_rect.left() + row.x_offset(chars.start.saturating_sub(first).into());
        let right = row_rect.left() + row.x_offset(chars.end.saturating_sub(first).into());
        Some(Hovered {
            byte: byte.clamp(bytes.start, bytes.end.saturating_sub(1).max(bytes.start)),
            anchor: Rect::from_min_max(
                Pos2::new(left, row_rect.top()),
                Pos2::new(right.max(left + 4.0), row_rect.bottom()),
            ),
            card: Rect::NOTHING,
            about,
        })
    }
}

/// Where the parts of the editor stand.
struct Places {
    tools: Rect,
    text: Rect,
    constants: Rect,
    findings: Rect,
}

impl Places {
    fn of(room: Rect, findings: usize, no_constants: bool, ui: &Ui) -> Self {
        const GAP: f32 = 6.0;
        let row = ui.spacing().interact_size.y + ui.spacing().item_spacing.y;
        let (tools, rest) = room.split_top_bottom_at_y(room.top() + row);
        // In a narrow editor a finding takes several lines.
        let lines = if room.width() >= WIDE { 1.0 } else { 4.0 };
        let list = row * (lines * findings as f32).min(5.0) + row;
        let list = list.min(rest.height() * 0.35);
        let (above, findings) = rest.split_top_bottom_at_y(rest.bottom() - list);
        let (text, constants) = if room.width() >= WIDE {
            let width = (room.width() * 0.3).clamp(180.0, 300.0);
            above.split_left_right_at_x(above.right() - width)
        } else {
            let height = if no_constants { 2.5 * row } else { above.height() * 0.35 };
            above.split_top_bottom_at_y(above.bottom() - height)
        };
        let is_beside = constants.top() == text.top();
        let constants = match is_beside {
            true => constants.with_min_x(constants.left() + GAP),
            false => constants.with_min_y(constants.top() + GAP),
        };
        Self {
            tools,
            text,
            constants,
            findings: findings.with_min_y(findings.top() + GAP),
        }
    }
}
