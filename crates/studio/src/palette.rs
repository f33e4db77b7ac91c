//! The command palette: every action, every task and every run by a few letters.

use egui::{Align2, Key, Modifiers, Role, Ui, WidgetInfo};

use crate::action::{Action, ENTRIES};

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// An action.
    Do(Action),
    /// A task to open.
    Open(String),
    /// A run to open.
    OpenRun(String),
}

/// The palette; closed unless somebody opened it.
#[derive(Default)]
pub struct Palette {
    open: bool,
    query: String,
    selected: usize,
    /// Runs that could be opened, once they are known.
    runs: Vec<String>,
}

impl Palette {
    /// Opens or closes it.
    pub fn toggle(&mut self) {
        // The runs that were known are still offered until it is known anew which there are.
        *self = Self {
            open: !self.open,
            runs: std::mem::take(&mut self.runs),
            ..Self::default()
        };
    }

    /// Offers these runs too.
    pub fn offer(&mut self, runs: Vec<String>) {
        self.runs = runs;
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Shows it where it is open; gives what was chosen. What cannot be done now is grey.
    pub fn show(&mut self, ui: &Ui, tasks: &[String], can: impl Fn(Action) -> bool) -> Option<Choice> {
        if !self.open {
            return None;
        }
        let ctx = ui.ctx().clone();
        let found = self.found(&ctx, tasks);
        self.selected = self.selected.min(found.len().saturating_sub(1));
        let (up, down, enter, escape) = ctx.input_mut(|input| {
            (
                input.consume_key(Modifiers::NONE, Key::ArrowUp),
                input.consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Enter),
                input.consume_key(Modifiers::NONE, Key::Escape),
            )
        });
        if down {
            self.selected = (self.selected + 1).min(found.len().saturating_sub(1));
        }
        if up {
            self.selected = self.selected.saturating_sub(1);
        }
        let possible = |choice: &Choice| match choice {
            Choice::Do(action) => can(*action),
            Choice::Open(_) | Choice::OpenRun(_) => true,
        };
        let mut chosen = match enter {
            true => found.get(self.selected).map(|(_, choice)| choice.clone()),
            false => None,
        };
        chosen = chosen.filter(possible);
        let window = egui::Window::new("Command palette")
            .anchor(Align2::CENTER_TOP, [0.0, 60.0])
            .collapsible(false)
            .resizable(false)
            .title_bar(false);
        window.show(&ctx, |ui| {
            ui.set_width(460.0);
            let field = egui::TextEdit::singleline(&mut self.query)
                .hint_text("What do you want to do?")
                .desired_width(f32::INFINITY);
            let field = ui.add(field);
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "What to do"));
            field.request_focus();
            if field.changed() {
                self.selected = 0;
            }
            ui.separator();
            egui::ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                if found.is_empty() {
                    ui.weak("Nothing has such a name. Delete a letter.");
                }
                for (index, (name, choice)) in found.iter().enumerate() {
                    let row = egui::Button::selectable(index == self.selected, name);
                    let row = ui.add_enabled(possible(choice), row);
                    if row.clicked() {
                        chosen = Some(choice.clone());
                    }
                    if index == self.selected && (up || down) {
                        row.scroll_to_me(None);
                    }
                }
            });
        });
        if chosen.is_some() || escape {
            self.open = false;
        }
        chosen
    }

    /// What fits the letters, best first.
    fn found(&self, ctx: &egui::Context, tasks: &[String]) -> Vec<(String, Choice)> {
        let actions = ENTRIES.iter().filter(|entry| entry.action != Action::Palette);
        let actions = actions.map(|entry| (entry.action.hint(ctx), Choice::Do(entry.action)));
        let tasks = tasks
            .iter()
            .map(|task| (format!("Open {task}"), Choice::Open(task.clone())));
        let runs = self.runs.iter();
        let runs = runs.map(|run| (format!("Open run {run}"), Choice::OpenRun(run.clone())));
        let mut found: Vec<(u32, (String, Choice))> = actions
            .chain(tasks)
            .chain(runs)
            .filter_map(|entry| Some((fit(&self.query, &entry.0)?, entry)))
            .collect();
        found.sort_by_key(|(worse, _)| *worse);
        found.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// How badly a name fits letters that must all occur in it in their order: how much lies between them. None where they do not.
fn fit(query: &str, name: &str) -> Option<u32> {
    let name = name.to_lowercase();
    let query = query.trim().to_lowercase();
    if let Some(place) = name.find(&query) {
        return Some(u32::from(place > 0));
    }
    let mut letters = name.char_indices();
    let mut before: Option<usize> = None;
    let mut between = 2;
    for wanted in query.chars().filter(|letter| !letter.is_whitespace()) {
        let (place, _) = letters.find(|(_, letter)| *letter == wanted)?;
        between += before.map_or(0, |before| place - before);
        before = Some(place);
    }
    u32::try_from(between).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_order_fit_and_nearer_ones_better() {
        assert_eq!(fit("", "Undo"), Some(0));
        assert_eq!(fit("und", "Undo"), Some(0));
        assert_eq!(fit("ndo", "Undo"), Some(1));
        assert!(fit("qw", "Open quadruped/walk") < fit("qk", "Open quadruped/walk"));
        assert_eq!(fit("zz", "Undo"), None);
        assert_eq!(fit("odu", "Undo"), None);
    }
}
