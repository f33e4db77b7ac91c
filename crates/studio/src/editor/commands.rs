//! What the person does to the text other than typing letters: keys, repairs, format, completion.

use std::ops::Range;

use carrot_reward_compiler::format;
use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{Id, Key, Modifiers, Ui};

use super::find::Find;
use super::keys::{self, Selected};
use super::page::Page;
use super::popup::{Popup, Pressed};
use super::{CodeEditor, EditorEvent, EditorInput};
use crate::action::Action;

impl CodeEditor {
    /// Does something with the program in the next frame. False where the action is none of the editor's.
    pub fn act(&mut self, action: Action) -> bool {
        let known = matches!(
            action,
            Action::NextFinding
                | Action::PreviousFinding
                | Action::QuickFix
                | Action::Format
                | Action::Find
                | Action::SlidersInText
        );
        if known {
            self.wanted.push(action);
        }
        known
    }

    /// Does what was asked for.
    pub(super) fn carry_out(&mut self, ui: &Ui, id: Id, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        for action in std::mem::take(&mut self.wanted) {
            match action {
                Action::NextFinding => self.next_finding(input, true),
                Action::PreviousFinding => self.next_finding(input, false),
                Action::QuickFix => {
                    if let Some(at) = self.fixable_near_caret(input) {
                        self.fix(at, input, events);
                    }
                }
                Action::Format => self.format(input, events),
                Action::Find => self.open_find(ui, id, input),
                Action::SlidersInText => self.sliders.stand_in_the_text ^= true,
                _ => {}
            }
        }
    }

    /// Opens the search for what is selected.
    fn open_find(&mut self, ui: &Ui, id: Id, input: &EditorInput<'_>) {
        match &mut self.find {
            Some(find) => find.focus(),
            None => {
                let page = self.laid.page(input.text);
                let chars = selected(ui, id);
                let bytes = page.byte_of_char(chars.start)..page.byte_of_char(chars.end);
                self.find = Some(Find::open(&page.text()[bytes]));
            }
        }
    }

    /// Takes the keys out of the input that mean something else in a program than in other texts, and does what they ask for.
    pub(super) fn shortcuts(
        &mut self,
        ui: &mut Ui,
        id: Id,
        input: &mut EditorInput<'_>,
        events: &mut Vec<EditorEvent>,
    ) {
        if !ui.memory(|memory| memory.has_focus(id)) {
            return;
        }
        let pressed = |modifiers: Modifiers, key: Key| ui.input_mut(|input| input.consume_key(modifiers, key));
        // The caller keeps the history. What it did not take is not for the text field's own either.
        for modifiers in [Modifiers::COMMAND | Modifiers::SHIFT, Modifiers::COMMAND] {
            pressed(modifiers, Key::Z);
            pressed(modifiers, Key::Y);
        }
        if pressed(Modifiers::COMMAND, Key::Space) {
            let page = self.laid.page(input.text);
            let byte = page.byte_of_char(self.caret.unwrap_or(0));
            self.popup = Popup::at(page.text(), byte, input.schema);
        }
        let chosen = self.popup.as_mut().map_or(Pressed::Nothing, |popup| popup.keys(ui));
        match chosen {
            Pressed::Nothing => {}
            Pressed::Used => return,
            Pressed::Close => self.popup = None,
            Pressed::Accept(at) => return self.accept(at, input, events),
        }
        let change: fn(Selected) -> Selected = if pressed(Modifiers::COMMAND, Key::Slash) {
            keys::toggle_comment
        } else if pressed(Modifiers::SHIFT, Key::Tab) {
            keys::outdent
        } else if pressed(Modifiers::NONE, Key::Tab) {
            keys::indent
        } else if pressed(Modifiers::NONE, Key::Enter) {
            keys::new_line
        } else {
            return;
        };
        self.change_selected(ui, id, change, input, events);
    }

    /// Changes the text around what is selected.
    fn change_selected(
        &mut self,
        ui: &Ui,
        id: Id,
        change: fn(Selected) -> Selected,
        input: &mut EditorInput<'_>,
        events: &mut Vec<EditorEvent>,
    ) {
        self.popup = None;
        let changed = change(Selected {
            text: input.text.clone(),
            selection: selected(ui, id),
        });
        if changed.text != *input.text {
            events.push(EditorEvent::Typed);
        }
        *input.text = changed.text;
        select(ui, id, &changed.selection);
        self.go_to = Some(changed.selection);
    }

    /// Lays the text out; the caret stays in its line. A text that is not Python stays as it is, and its findings say why.
    pub(super) fn format(&mut self, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let text = match format(input.text, "reward.py") {
            Ok(text) => text,
            Err(findings) => {
                let line = findings.first().map_or(1, |finding| finding.span.line);
                self.refused = Some(format!("Not formatted: line {line} cannot be read."));
                return;
            }
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

    /// Writes a choice of the list out.
    pub(super) fn accept(&mut self, at: usize, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        let Some((text, byte)) = self.popup.take().and_then(|popup| popup.accept(at, input.text)) else {
            return;
        };
        let caret = Page::of(&text).char_of_byte(byte);
        *input.text = text;
        self.go_to = Some(caret..caret);
        events.push(EditorEvent::Typed);
    }

    /// Repairs a finding, if it is one of this very text.
    pub(super) fn fix(&mut self, at: usize, input: &mut EditorInput<'_>, events: &mut Vec<EditorEvent>) {
        // Something else may have changed the text since the frame began.
        let is_current = input.is_current && *input.text == self.given.text();
        let finding = input.findings.get(at).filter(|_| is_current);
        let Some((finding, fix)) = finding.and_then(|finding| Some((finding, finding.fix.as_ref()?))) else {
            return;
        };
        let after = fix.edits.first().map_or(0, |edit| {
            let start = self.given.bytes_of_span(&edit.span).start;
            self.given.char_of_byte(start) + edit.replacement.chars().count()
        });
        *input.text = fix.apply(input.text);
        self.go_to = Some(after..after);
        self.card.close();
        events.push(EditorEvent::QuickFixed {
            code: finding.code.clone(),
        });
    }

    pub(super) fn finding_at_caret(&mut self, input: &EditorInput<'_>) -> Option<usize> {
        let page = self.laid.page(input.text);
        let caret = page.byte_of_char(self.caret?);
        input.findings.iter().position(|finding| {
            let bytes = page.bytes_of_finding(finding);
            bytes.start <= caret && caret <= bytes.end
        })
    }

    /// The finding that a repair at the caret is for: the one there, on the line, or the first one at all.
    fn fixable_near_caret(&mut self, input: &EditorInput<'_>) -> Option<usize> {
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
            true => (0..count).find(|&at| place(at) > caret).or(Some(0)),
            false => (0..count).rev().find(|&at| place(at) < caret).or(count.checked_sub(1)),
        };
        if let Some(at) = next.filter(|&at| at < count) {
            self.show_finding(at, input);
        }
    }

    pub(super) fn show_finding(&mut self, at: usize, input: &EditorInput<'_>) {
        let page = self.laid.page(input.text);
        let start = page.bytes_of_finding(&input.findings[at]).start;
        self.go_to = Some(page.chars(start..start));
    }
}

/// Selects characters of the text.
pub(super) fn select(ui: &Ui, id: Id, chars: &Range<usize>) {
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let range = CCursorRange::two(CCursor::new(chars.start), CCursor::new(chars.end));
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), id);
}

/// The selected characters of the text; an empty stretch is where the caret stands.
pub(super) fn selected(ui: &Ui, id: Id) -> Range<usize> {
    let state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let range = state.cursor.char_range().unwrap_or_default().as_sorted_char_range();
    range.start.0..range.end.0
}
