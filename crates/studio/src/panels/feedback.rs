//! What the person says: good or bad, in words, about a moment or the whole; and what was said before.

use carrot_run_record::{Behaviour, Feedback, Verdict};
use egui::{Role, Ui, WidgetInfo};

use super::{See, button};
use crate::action::Action;

/// The feedback panel.
#[derive(Default)]
pub struct FeedbackPanel;

impl FeedbackPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.label("The behaviour on the stage is");
            button(ui, see, "Good", Action::RateGood, true);
            button(ui, see, "Bad", Action::RateBad, true);
        });
        let field = egui::TextEdit::multiline(&mut see.document.comment)
            .hint_text("What did you mean? Say what is good, what is wrong, what you would rather see.")
            .desired_rows(3)
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Comment"));
        if response.changed() {
            *see.change = Some("comment".into());
        }
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut see.document.comment_on_task, "About the task as a whole");
            let text = match (see.document.comment_on_task, see.cursor) {
                (true, _) => "Give the comment".to_owned(),
                (false, None) => "Give the comment on this behaviour".to_owned(),
                (false, Some(step)) => format!("Give the comment on step {step}"),
            };
            let ready = !see.document.comment.trim().is_empty();
            button(ui, see, &text, Action::GiveComment, ready);
            match see.pending {
                0 => {}
                pending => _ = ui.weak(format!("{pending} not written yet")),
            }
        });
        ui.separator();
        let said: Vec<_> = see
            .run
            .feedback
            .iter()
            .rev()
            .filter_map(|entry| line(&entry.feedback))
            .collect();
        if said.is_empty() {
            ui.weak("Nothing has been said yet. What you say here is in the next generation's prompt.");
        }
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for text in said {
                ui.label(text);
            }
        });
    }
}

/// A piece of feedback in a line; none for versions of the program, which have a panel of their own.
fn line(feedback: &Feedback) -> Option<String> {
    Some(match feedback {
        Feedback::Preference { a, b, verdict } => {
            let (a, b) = (name(a), name(b));
            match verdict {
                Verdict::A => format!("{a} is better than {b}"),
                Verdict::B => format!("{b} is better than {a}"),
                Verdict::Tie => format!("{a} and {b} are equally good"),
                Verdict::CannotTell => format!("{a} and {b} cannot be compared"),
            }
        }
        Feedback::Rating { of, good } => format!("{} is {}", name(of), if *good { "good" } else { "bad" }),
        Feedback::Comment { of, step, text } => match (of, step) {
            (None, _) => format!("on the task: {text}"),
            (Some(of), None) => format!("on {}: {text}", name(of)),
            (Some(of), Some(step)) => format!("on {} at step {step}: {text}", name(of)),
        },
        Feedback::Edit { .. } => return None,
    })
}

/// What people call a behaviour.
pub(crate) fn name(behaviour: &Behaviour) -> String {
    match behaviour.candidate {
        Some((generation, index)) => format!("g{generation}c{index}"),
        None => format!("the reward {}", &behaviour.program[..behaviour.program.len().min(6)]),
    }
}
