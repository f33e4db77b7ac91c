//! What the person says: good or bad, in words, about a moment or the whole; what was said before, and who will hear it.

use carrot_run_record::{Behaviour, Feedback, Verdict};
use egui::{Role, Ui, WidgetInfo};

use super::{Command, See, button, ranking};
use crate::action::Action;
use crate::draft::Change;
use crate::opinion::Opinion;
use crate::stage::Order;

/// Entries that are listed at most: a frame has no time for thousands.
const LISTED: usize = 200;

/// The feedback panel.
#[derive(Default)]
pub struct FeedbackPanel {
    shown: Shown,
}

/// Which of everything said is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shown {
    #[default]
    All,
    Comments,
    Ratings,
    Verdicts,
}

impl Shown {
    /// Versions of the program have a panel of their own.
    fn takes(self, feedback: &Feedback) -> bool {
        match feedback {
            Feedback::Comment { .. } => matches!(self, Self::All | Self::Comments),
            Feedback::Rating { .. } => matches!(self, Self::All | Self::Ratings),
            Feedback::Preference { .. } => matches!(self, Self::All | Self::Verdicts),
            Feedback::Edit { .. } => false,
        }
    }
}

impl FeedbackPanel {
    /// Shows it.
    pub fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        say(ui, see);
        ui.separator();
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.label(who_hears(see));
            if let Some(trouble) = see.trouble {
                ui.colored_label(
                    ui.visuals().error_fg_color,
                    format!("Kept here and written as soon as possible: {trouble}"),
                );
            }
            ui.separator();
            egui::CollapsingHeader::new("Ranking")
                .default_open(true)
                .show_unindented(ui, |ui| ranking::show(ui, see));
            ui.separator();
            self.list(ui, see);
        });
    }

    /// Everything said, newest first.
    fn list(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        ui.horizontal_wrapped(|ui| {
            for (shown, name) in [
                (Shown::All, "Everything said"),
                (Shown::Comments, "Comments"),
                (Shown::Ratings, "Ratings"),
                (Shown::Verdicts, "Verdicts"),
            ] {
                ui.selectable_value(&mut self.shown, shown, name);
            }
        });
        let run = see.run;
        let mut nothing = true;
        for pending in see
            .pending
            .iter()
            .rev()
            .filter(|entry| self.shown.takes(&entry.feedback))
        {
            nothing = false;
            ui.horizontal_wrapped(|ui| {
                ui.label(line(&pending.feedback, &run.opinion));
                ui.weak("not written yet");
            });
        }
        let entries = run
            .feedback
            .iter()
            .rev()
            .filter(|entry| self.shown.takes(&entry.feedback));
        for entry in entries.clone().take(LISTED) {
            nothing = false;
            ui.horizontal_wrapped(|ui| {
                let text = line(&entry.feedback, &run.opinion);
                match &entry.feedback {
                    Feedback::Comment { of: Some(of), step, .. } => {
                        // Two comments may read the same.
                        let link = ui.push_id(entry.position, |ui| ui.link(text)).inner;
                        if link.on_hover_text("Look there").clicked() {
                            look(see, of, *step);
                        }
                    }
                    _ => _ = ui.label(text),
                }
                ui.weak(match run.listened.iter().position(|heard| *heard >= entry.position) {
                    Some(generation) => format!("heard by generation {generation}"),
                    None => "not heard yet".to_owned(),
                });
            });
        }
        match entries.count().saturating_sub(LISTED) {
            0 => {}
            more => _ = ui.weak(format!("and {more} more in the record")),
        }
        if nothing {
            ui.weak(match self.shown {
                Shown::All => "Nothing has been said yet. What you say here is in the next generation's prompt.",
                Shown::Comments => "No comments yet. Write one above.",
                Shown::Ratings => "No ratings yet. Call the behaviour on the stage good or bad.",
                Shown::Verdicts => "No verdicts yet. Compare two candidates in the Compare panel.",
            });
        }
    }
}

/// Good, bad, or in words.
fn say(ui: &mut Ui, see: &mut See<'_>) {
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
        *see.change = Some(Change::new("comment"));
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
    });
}

/// Goes to what a comment is about: its moment where it is on the stage, else its candidate.
fn look(see: &mut See<'_>, of: &Behaviour, step: Option<u64>) {
    let on_stage = see.behaviour();
    let same = (&on_stage.program, on_stage.driver, on_stage.seed) == (&of.program, of.driver, of.seed);
    if let Some(candidate) = of.candidate {
        see.want(Command::Select(Some(candidate)));
    }
    match (same, step.and_then(|step| usize::try_from(step).ok())) {
        (true, Some(step)) => {
            see.want(Command::Stage(Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
        (false, Some(_)) if of.candidate.is_some() => {
            see.want(Command::Notice(
                "Play this candidate from the same start to see the moment.".into(),
            ));
        }
        _ if of.candidate.is_none() => {
            see.want(Command::Notice(
                "This was said of a program that is no candidate; its text is in the History panel.".into(),
            ));
        }
        _ => {}
    }
}

/// What the next generation will be told, and which that is.
fn who_hears(see: &See<'_>) -> String {
    let run = see.run;
    let next = run.listened.len();
    let last = run.listened.last().copied().unwrap_or(0);
    let new = run.feedback.iter().filter(|entry| entry.position > last);
    let new: Vec<&Feedback> = new
        .map(|entry| &entry.feedback)
        .chain(see.pending.iter().map(|entry| &entry.feedback))
        .collect();
    let count = |one: &str, many: &str, which: fn(&Feedback) -> bool| {
        let count = new.iter().filter(|feedback| which(feedback)).count();
        match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        }
    };
    let parts: Vec<String> = [
        count("comment", "comments", |feedback| {
            matches!(feedback, Feedback::Comment { .. })
        }),
        count("rating", "ratings", |feedback| {
            matches!(feedback, Feedback::Rating { .. })
        }),
        count("verdict", "verdicts", |feedback| {
            matches!(feedback, Feedback::Preference { .. })
        }),
        count("version of the program", "versions of the program", |feedback| {
            matches!(feedback, Feedback::Edit { .. })
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let earlier = run.feedback.iter().any(|entry| entry.position <= last);
    let news = match (parts.is_empty(), earlier) {
        (true, false) => return format!("Generation {next} will hear what you say from now on."),
        (true, true) => {
            return format!("Generation {next} will hear all that was said before, and what you say from now on.");
        }
        (false, _) => join(&parts),
    };
    match earlier {
        true => format!("Generation {next} will hear, beside what was said before: {news}."),
        false => format!("Generation {next} will hear: {news}."),
    }
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A piece of feedback in a line.
fn line(feedback: &Feedback, opinion: &Opinion) -> String {
    let name = |behaviour: &Behaviour| opinion.name(&behaviour.program);
    match feedback {
        Feedback::Preference { a, b, verdict } => {
            let (a, b) = (name(a), name(b));
            match verdict {
                Verdict::A => format!("{a} is better than {b}"),
                Verdict::B => format!("{b} is better than {a}"),
                Verdict::Tie => format!("{a} and {b} are equally good"),
                Verdict::CannotTell => format!("{a} and {b} cannot be told apart"),
            }
        }
        Feedback::Rating { of, good } => format!("{} is {}", name(of), if *good { "good" } else { "bad" }),
        Feedback::Comment { of, step, text } => match (of, step) {
            (None, _) => format!("on the task: {text}"),
            (Some(of), None) => format!("on {}: {text}", name(of)),
            (Some(of), Some(step)) => format!("on {} at step {step}: {text}", name(of)),
        },
        Feedback::Edit { summary, .. } => summary.clone(),
    }
}
