//! Looking for words in the text: a line above it, opened with Ctrl+F.

use std::ops::Range;

use eframe::egui::{self, Key, Role, Ui, WidgetInfo};

/// What is looked for, and which of the places found is the current one.
#[derive(Default)]
pub(super) struct Find {
    wanted: String,
    current: usize,
    wants_focus: bool,
}

/// What the person asks for.
pub(super) enum Asked {
    /// To see these bytes of the text.
    Show(Range<usize>),
    Close,
}

impl Find {
    /// Opens with the selected words.
    pub(super) fn open(selected: &str) -> Self {
        Self {
            wanted: selected.lines().next().unwrap_or_default().to_owned(),
            current: 0,
            wants_focus: true,
        }
    }

    pub(super) fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Bytes of the places where the text has what is looked for; capitals make no difference.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let (bytes, wanted) = (text.as_bytes(), self.wanted.as_bytes());
        let mut places = Vec::new();
        let mut at = 0;
        while at + wanted.len() <= bytes.len() {
            if bytes[at..at + wanted.len()].eq_ignore_ascii_case(wanted) && text.is_char_boundary(at) {
                places.push(at..at + wanted.len());
                at += wanted.len();
            } else {
                at += 1;
            }
        }
        places
    }

    pub(super) fn current(&self, places: &[Range<usize>]) -> Option<Range<usize>> {
        places.get(self.current).cloned()
    }

    pub(super) fn show(&mut self, ui: &mut Ui, text: &str) -> Option<Asked> {
        let mut asked = None;
        ui.horizontal(|ui| {
            let field = ui.add(
                egui::TextEdit::singleline(&mut self.wanted)
                    .desired_width(180.0)
                    .hint_text("find in the program"),
            );
            ui.ctx()
                .accesskit_node_builder(field.id, |node| node.set_label("find in the program"));
            if std::mem::take(&mut self.wants_focus) {
                field.request_focus();
            }
            let places = self.places(text);
            if field.changed() {
                self.current = 0;
                asked = self.current(&places).map(Asked::Show);
            }
            let (enter, back, closes) = ui.input(|input| {
                let enter = input.key_pressed(Key::Enter);
                (enter, input.modifiers.shift, input.key_pressed(Key::Escape))
            });
            let entered = field.lost_focus() && enter;
            let count = places.len();
            let next = button(ui, "next place", "Next") || entered && !back;
            let previous = button(ui, "previous place", "Previous") || entered && back;
            if count > 0 && (next || previous) {
                self.current = match next {
                    true => (self.current + 1) % count,
                    false => (self.current + count - 1) % count,
                };
                asked = self.current(&places).map(Asked::Show);
                self.wants_focus = entered;
            }
            ui.weak(match count {
                0 if self.wanted.is_empty() => String::new(),
                0 => "not found".into(),
                count => format!("{} of {count}", self.current.min(count - 1) + 1),
            });
            if button(ui, "close the search", "Close") || closes {
                asked = Some(Asked::Close);
            }
        });
        asked
    }
}

fn button(ui: &mut Ui, name: &str, shown: &str) -> bool {
    let button = ui.small_button(shown);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    button.clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "one place is found, not the numbers in it"
    )]
    fn places_do_not_overlap_and_capitals_make_no_difference() {
        for (text, wanted, expected) in [
            ("aaa", "aa", vec![0..2]),
            ("Height α height", "HEIGHT", vec![0..6, 10..16]),
            ("α", "α", vec![0..2]),
            ("α", "b", vec![]),
            ("", "x", vec![]),
            ("x", "", vec![]),
        ] {
            assert_eq!(Find::open(wanted).places(text), expected, "{text} {wanted}");
        }
    }
}
