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
//! Read [`CodeEditor::show`], then `text_area`. What stands over, under and beside the letters is placed by a `Sheet`; the parts
//! that change the text get the text itself.

mod card;
mod commands;
mod find;
mod findings;
mod highlight;
mod keys;
mod laid;
mod margins;
mod numbers;
mod page;
mod places;
mod popup;
mod sheet;
mod sliders;

use std::ops::Range;
use std::sync::Arc;

use carrot_reward_compiler::constants::Constant;
use carrot_reward_interface::{Diagnostic, Schema, Span};
use carrot_run_record::PROGRAM_LIMIT;
use eframe::egui::text_edit::{TextEditOutput, TextEditState};
use eframe::egui::{
    self, EventFilter, Frame, Id, Margin, ScrollArea, Sense, Shape, TextBuffer, TextEdit, TextStyle, Ui, Vec2,
};

use card::Card;
use find::Find;
use highlight::{Letters, Palette, Vocabulary};
use laid::Laid;
use page::Page;
use places::{Places, part};
use popup::Popup;
use sheet::Sheet;
use sliders::{BAR_HEIGHT, Sliders};

use crate::action::Action;

/// A program in the editor's colours, for where it is only read.
pub(crate) fn coloured(text: &str, is_dark: bool, font: &egui::FontId) -> egui::text::LayoutJob {
    let words = highlight::words_of_text(text, &Vocabulary::default());
    let letters = Letters {
        font: font.clone(),
        line_height: None,
    };
    highlight::job(text, &words, &Palette::new(is_dark), &letters)
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
    /// The text as the frame began.
    given: Arc<Page>,
    /// The text as the last frame left it.
    left: Option<Arc<Page>>,
    sliders: Sliders,
    find: Option<Find>,
    /// Characters to select and to bring into view in this frame.
    go_to: Option<Range<usize>>,
    /// Where the caret stands in this frame, because somebody else has changed the text there.
    changed_at: Option<usize>,
    caret: Option<usize>,
    card: Card,
    popup: Option<Popup>,
    /// Why what was asked for last was not done.
    refused: Option<String>,
    /// Actions for the next frame.
    wanted: Vec<Action>,
}

impl CodeEditor {
    /// Line and column of the caret, counted from 1, once the text had the focus.
    pub fn caret(&self) -> Option<(u32, u32)> {
        self.caret.map(|at| self.laid.last().line_and_column(at))
    }

    /// Puts the caret at a line and column, counted from 1, and shows the place, in the next frame.
    pub fn go_to(&mut self, text: &str, line: u32, column: u32) {
        let span = Span {
            line,
            column,
            end_line: line,
            end_column: column,
        };
        let page = Page::of(text);
        let at = page.char_of_byte(page.bytes_of_span(&span).start);
        self.go_to = Some(at..at);
    }

    /// Shows the editor in all the room there is, and makes the person's changes in the text.
    ///
    /// A change that would make the text longer than [`PROGRAM_LIMIT`] bytes is not made, and a sentence says so.
    pub fn show(&mut self, ui: &mut Ui, mut input: EditorInput<'_>) -> Vec<EditorEvent> {
        let mut events = Vec::new();
        let input = &mut input;
        self.given = self.laid.page(input.text);
        if let Some(left) = self.left.take().filter(|left| *left != self.given) {
            self.sliders.forget();
            self.refused = None;
            // Such as by undo: what it did is seen.
            self.changed_at = Some(self.given.end_of_change_from(&left));
        }
        self.sliders.adopt(input.constants, &self.given);
        self.sliders.rest(ui, input.text, &mut events);
        let id = ui.make_persistent_id("reward program");
        let selected = commands::selected(ui, id);
        self.carry_out(ui, id, input, &mut events);
        self.shortcuts(ui, id, input, &mut events);

        let room = ui.available_rect_before_wrap();
        let places = Places::of(room, ui);
        part(ui, "tools", places.tools, |ui| self.tools(ui, input, &mut events));
        part(ui, "text", places.text, |ui| self.text_area(ui, id, input, &mut events));
        part(ui, "constants", places.constants, |ui| {
            self.constants(ui, input, &mut events);
        });
        part(ui, "findings", places.findings, |ui| {
            self.findings(ui, input, &mut events);
        });
        ui.allocate_rect(room, Sense::hover());
        if self.hold_to_the_limit(input, &mut events) && ui.memory(|memory| memory.has_focus(id)) {
            self.go_to = Some(selected);
        }
        self.left = Some(self.laid.page(input.text));
        events
    }

    /// Takes this frame's changes back if they have made the text too long. True if it had to.
    fn hold_to_the_limit(&mut self, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) -> bool {
        let is_longer = input.text.len() > self.given.text().len();
        let is_too_long = is_longer && input.text.len() > PROGRAM_LIMIT;
        if is_too_long {
            self.given.text().clone_into(input.text);
            self.sliders.forget();
            events.clear();
        }
        if is_too_long {
            let limit = PROGRAM_LIMIT >> 10;
            let sentence = format!("A program holds at most {limit} KiB, so the last change was left out.");
            self.refused = Some(sentence);
        } else if !events.is_empty() {
            self.refused = None;
        }
        is_too_long
    }

    fn tools(&mut self, ui: &mut Ui, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        if let Some(find) = &mut self.find {
            match find.show(ui, input.text) {
                Some(find::Asked::Show(bytes)) => self.go_to = Some(self.laid.page(input.text).chars(bytes)),
                Some(find::Asked::Close) => {
                    self.find = None;
                    self.go_to = self.caret.map(|at| at..at);
                }
                None => {}
            }
            return;
        }
        ui.horizontal(|ui| {
            let hint = |action: Action| action.hint(ui.ctx());
            let [find, format, sliders] = [Action::Find, Action::Format, Action::SlidersInText].map(hint);
            if ui.small_button("Find").on_hover_text(find).clicked() {
                self.find = Some(Find::open(""));
            }
            if ui.small_button("Format").on_hover_text(format).clicked() {
                self.format(input, events);
            }
            ui.add_enabled_ui(!self.sliders.is_empty(), |ui| {
                let shown = &mut self.sliders.stand_in_the_text;
                ui.toggle_value(shown, "Sliders in the text").on_hover_text(sliders);
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
            self.go_to = Some(self.laid.page(input.text).chars(constant.range));
        }
    }

    fn findings(&mut self, ui: &mut Ui, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let palette = Palette::new(ui.visuals().dark_mode);
        let current = self.finding_at_caret(input);
        let (line, column) = self.caret().unwrap_or((1, 1));
        let count = match input.findings.len() {
            0 => "no findings".to_owned(),
            1 => "1 finding".to_owned(),
            count => format!("{count} findings; F8 goes to the next one"),
        };
        match &self.refused {
            Some(sentence) => ui.colored_label(palette.warning, sentence),
            None => ui.label(format!("line {line}, column {column} · {count}")),
        };
        let asked = ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            findings::list(ui, input.findings, current, input.is_current, &palette)
        });
        match asked.inner {
            Some(findings::Asked::Show(at)) => self.show_finding(at, input),
            Some(findings::Asked::Fix(at)) => self.fix(at, input, events),
            None => {}
        }
    }

    fn text_area(&mut self, ui: &mut Ui, id: Id, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let palette = Palette::new(ui.visuals().dark_mode);
        let room = ui.max_rect();
        ui.painter().rect_filled(room, 0.0, palette.background);
        let scroll = ScrollArea::both().id_salt("text").auto_shrink(false);
        scroll.show_viewport(ui, |ui, _| {
            let clip = ui.clip_rect();
            let below = ui.painter().add(Shape::Noop);
            let (goes_to, changed_at) = (self.go_to.take(), self.changed_at.take());
            let wants_focus = goes_to.is_some() && self.find.is_none();
            let goes_to = goes_to.or(changed_at.map(|at| at..at));
            let caret_before = self.caret;
            if let Some(chars) = &goes_to {
                commands::select(ui, id, chars);
            }
            if wants_focus {
                ui.memory_mut(|memory| memory.request_focus(id));
            }
            let gutter = margins::gutter_width(ui, &self.laid.page(input.text));
            let output = self.text_field(ui, id, input, gutter, room.size());
            let typed = output.response.changed();
            if typed {
                events.push(EditorEvent::Typed);
            }
            if let Some(range) = output.cursor_range.or(output.state.cursor.char_range()) {
                self.caret = Some(range.primary.index.0);
            }
            let sheet = Sheet {
                page: self.laid.page(input.text),
                galley: output.galley,
                origin: output.galley_pos,
                clip,
                palette,
            };
            // What is clicked is in sight already, and stays where it is.
            let went = self.caret != caret_before && !ui.input(|input| input.pointer.any_down());
            if let Some(caret) = self.caret.filter(|_| goes_to.is_some() || typed || went) {
                let around = if goes_to.is_some() { 60.0 } else { 0.0 };
                ui.scroll_to_rect(sheet.sight_of_char(caret, gutter, around), None);
            }
            // A click on a button has taken the focus away in this very frame.
            if wants_focus {
                output.response.request_focus();
            }
            let has_focus = output.response.has_focus();
            let focused = self.caret.filter(|_| has_focus);
            let shapes = margins::below(&sheet, focused, self.find.as_ref());
            ui.painter().set(below, Shape::Vec(shapes));
            findings::underline(ui.painter(), &sheet, input.findings);
            if self.sliders.stand_in_the_text {
                self.sliders.in_the_text(ui, &sheet, gutter, input.text, events);
            }
            margins::gutter(ui, &sheet, gutter, self.caret, input.findings, input.line_marks);
            if let Some(caret) = self.caret {
                let text = sheet.page.text();
                let before = &text[..sheet.page.byte_of_char(caret)];
                Popup::follow(&mut self.popup, text, before, typed, input.schema);
            }
            if !has_focus && !ui.input(|input| input.pointer.any_down() || input.pointer.any_released()) {
                self.popup = None;
            }
            if let Some(popup) = &self.popup {
                let start = sheet.page.char_of_byte(popup.start());
                let corner = sheet.rect_of_char(start).left_bottom();
                if let Some(at) = popup.show(ui, id.with("completions"), corner) {
                    self.accept(at, input, events);
                }
                return;
            }
            let pointer = output.response.hover_pos().filter(|pos| clip.contains(*pos));
            let fix = self.card.show(ui, &sheet, pointer, input, &mut self.sliders, events);
            if let Some(at) = fix {
                self.fix(at, input, events);
            }
        });
    }

    /// The letters themselves, with room for the numbers of the lines before them.
    fn text_field(
        &mut self,
        ui: &mut Ui,
        id: Id,
        input: &mut EditorInput<'_>,
        gutter: f32,
        room: Vec2,
    ) -> TextEditOutput {
        if let Some(mut state) = TextEditState::load(ui.ctx(), id) {
            state.clear_undoer();
            state.store(ui.ctx(), id);
        }
        let vocabulary = Vocabulary::of(input.schema, input.terms);
        let laid = &mut self.laid;
        let apart = if self.sliders.stand_in_the_text {
            BAR_HEIGHT
        } else {
            0.0
        };
        let size = laid.galley(ui, input.text, &vocabulary, apart).size() + Vec2::new(gutter + 60.0, 60.0);
        let size = size.max(room);
        let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _: f32| laid.galley(ui, text.as_str(), &vocabulary, apart);
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
            // One more than there may be, so that a text which is cut is also one that is taken back.
            .char_limit(PROGRAM_LIMIT + 1)
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
        output
    }
}
