//! The list of what may be written at the caret.

use carrot_reward_compiler::assist::{Completion, Completions, Kind, complete};
use carrot_reward_interface::{Fix, Schema};
use eframe::egui::{self, Id, Key, Modifiers, Pos2, Role, Ui, WidgetInfo};

/// The open list.
pub(super) struct Popup {
    found: Completions,
    /// The word that is begun, as it was when the list was made.
    begun: String,
    selected: usize,
}

/// What a key did to the list.
pub(super) enum Pressed {
    /// It was not for the list.
    Nothing,
    /// The list has used it.
    Used,
    Close,
    Accept(usize),
}

impl Popup {
    /// The list at a byte of the text; none where there is nothing to choose.
    pub(super) fn at(text: &str, byte: usize, schema: &Schema) -> Option<Self> {
        let found = complete(text, byte, schema);
        let begun = text.get(found.replace.clone()).unwrap_or_default();
        let is_settled = found.choices.len() == 1 && found.choices[0].insert == begun;
        (!found.choices.is_empty() && !is_settled).then(|| Self {
            begun: begun.to_owned(),
            found,
            selected: 0,
        })
    }

    /// The list as it has to be now: it opens while a word is typed, and closes when the caret leaves the word. `before` is
    /// the text up to the caret.
    pub(super) fn follow(list: &mut Option<Self>, text: &str, before: &str, typed: bool, schema: &Schema) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if typed {
            let begun = before.chars().rev().take_while(|&c| is_word(c)).count();
            let continues = begun >= 2 || before.ends_with('.') || begun > 0 && list.is_some();
            *list = continues.then(|| Self::at(text, before.len(), schema)).flatten();
        } else {
            list.take_if(|list| {
                let word = before.get(list.start()..);
                !word.is_some_and(|word| word.chars().all(is_word))
            });
        }
    }

    /// First byte of the word that is begun.
    pub(super) fn start(&self) -> usize {
        self.found.replace.start
    }

    /// Takes the keys that choose in the list.
    pub(super) fn keys(&mut self, ui: &Ui) -> Pressed {
        let pressed = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let count = self.found.choices.len();
        if pressed(Key::Escape) {
            return Pressed::Close;
        }
        if pressed(Key::ArrowDown) {
            self.selected = (self.selected + 1) % count;
            return Pressed::Used;
        }
        if pressed(Key::ArrowUp) {
            self.selected = (self.selected + count - 1) % count;
            return Pressed::Used;
        }
        // Who has written the whole word wants a new line.
        if self.found.choices[self.selected].insert == self.begun {
            return Pressed::Nothing;
        }
        match pressed(Key::Enter) || pressed(Key::Tab) {
            true => Pressed::Accept(self.selected),
            false => Pressed::Nothing,
        }
    }

    /// The text with a choice written out, and the byte behind it. None if the text no longer has the begun word there.
    pub(super) fn accept(&self, at: usize, text: &str) -> Option<(String, usize)> {
        let choice = self.found.choices.get(at)?;
        let is_of_this = text.get(self.found.replace.clone()) == Some(&self.begun);
        if !is_of_this {
            return None;
        }
        let before = text.get(..self.found.replace.start)?;
        let after = text.get(self.found.replace.end..)?;
        let also = Fix {
            title: String::new(),
            edits: choice.also.clone(),
        };
        let written = format!("{}{}", also.apply(before), choice.insert);
        Some((format!("{written}{after}"), written.len()))
    }

    /// Draws the list below a place. Gives the choice that was clicked.
    pub(super) fn show(&self, ui: &Ui, id: Id, corner: Pos2) -> Option<usize> {
        let mut clicked = None;
        egui::Area::new(id)
            .order(egui::Order::Foreground)
            .fixed_pos(corner)
            .constrain(true)
            .accessible_name("completions")
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style()).show(ui, |ui| {
                    ui.set_width(380.0);
                    egui::ScrollArea::vertical().max_height(180.0).show(ui, |ui| {
                        for (at, choice) in self.found.choices.iter().enumerate() {
                            if self.row(ui, at, choice) {
                                clicked = Some(at);
                            }
                        }
                    });
                    if let Some(choice) = self.found.choices.get(self.selected)
                        && !choice.doc.is_empty()
                    {
                        ui.separator();
                        ui.label(&choice.doc);
                    }
                });
            });
        clicked
    }

    fn row(&self, ui: &mut Ui, at: usize, choice: &Completion) -> bool {
        let is_selected = at == self.selected;
        let detail = match choice.also.is_empty() {
            true => choice.detail.clone(),
            false => format!("{} · becomes a parameter", choice.detail),
        };
        let words = (
            egui::RichText::new(&choice.label).monospace(),
            egui::RichText::new(format!("{} {detail}", kind(choice.kind))).weak(),
        );
        let row = ui.add(egui::Button::selectable(is_selected, words).truncate());
        row.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("insert {}", choice.label)));
        if is_selected {
            row.scroll_to_me(None);
        }
        row.clicked()
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Local => "name",
        Kind::Variable => "variable",
        Kind::Argument => "argument",
        Kind::Function => "",
        Kind::Member => "",
        Kind::Keyword => "Python",
    }
}
