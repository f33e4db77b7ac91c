//! What the person says: good or bad, in words, about a moment or the whole; what was said before, and who will hear it.

use carrot_run_record::{Behaviour, COMMENT_LIMIT, Driver, EditKind, Feedback, FeedbackEntry, Program, Verdict};
use egui::{Role, Ui, WidgetInfo};

use super::{Command, See, button, ranking};
use crate::action::Action;
use crate::draft::Change;
use crate::opinion::Opinion;
use crate::stage::Order;

/// Entries that are listed at most: a frame has no time for thousands.
const LISTED: usize = 200;

/// A panel that is lower scrolls as a whole, points.
const SMALL: f32 = 240.0;

/// The feedback panel.
#[derive(Default)]
pub struct FeedbackPanel {
    shown: Shown,
}

/// Which of everything said is listed, or the order that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shown {
    #[default]
    All,
    Comments,
    Ratings,
    Verdicts,
    Ranking,
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
        let scroll = egui::ScrollArea::vertical().auto_shrink(false);
        if ui.available_height() < SMALL {
            // There is no room for a list that scrolls below what stays.
            scroll.show(ui, |ui| {
                say(ui, see);
                ui.separator();
                self.said(ui, see);
            });
        } else {
            say(ui, see);
            ui.separator();
            scroll.show(ui, |ui| self.said(ui, see));
        }
    }

    /// Who will hear it, and what was said so far.
    fn said(&mut self, ui: &mut Ui, see: &mut See<'_>) {
        ui.label(who_hears(see));
        if let Some(trouble) = see.trouble {
            ui.colored_label(
                ui.visuals().error_fg_color,
                format!("Kept here and written as soon as possible: {trouble}"),
            );
        }
        ui.separator();
        ui.horizontal_wrapped(|ui| {
            for (shown, name) in [
                (Shown::All, "Everything said"),
                (Shown::Comments, "Comments"),
                (Shown::Ratings, "Ratings"),
                (Shown::Verdicts, "Verdicts"),
                (Shown::Ranking, "Ranking"),
            ] {
                ui.selectable_value(&mut self.shown, shown, name);
            }
        });
        match self.shown {
            Shown::Ranking => ranking::show(ui, see),
            _ => self.list(ui, see),
        }
    }

    /// Everything said, newest first.
    fn list(&self, ui: &mut Ui, see: &mut See<'_>) {
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
                    Some(generation) => format!("heard by g{generation}"),
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
                Shown::All | Shown::Ranking => {
                    "Nothing has been said yet. What you say here is in the next generation's prompt."
                }
                Shown::Comments => "No comments yet. Write one above.",
                Shown::Ratings => "No ratings yet. Call the behaviour on the stage good or bad.",
                Shown::Verdicts => "No verdicts yet. Compare two candidates in the Compare panel.",
            });
        }
    }
}

/// Good, bad, or in words.
fn say(ui: &mut Ui, see: &mut See<'_>) {
    let behaviour = see.behaviour();
    let why_not = behaviour.as_ref().err().map_or_else(String::new, ToString::to_string);
    ui.horizontal_wrapped(|ui| {
        ui.label(match &behaviour {
            Ok(behaviour) => format!("{} is", told(behaviour, &see.run.opinion)),
            Err(_) => "The behaviour on the stage is".to_owned(),
        });
        for (name, action) in [("Good", Action::RateGood), ("Bad", Action::RateBad)] {
            button(ui, see, name, action, behaviour.is_ok()).on_disabled_hover_text(&why_not);
        }
    });
    let field = egui::TextEdit::multiline(&mut see.document.comment)
        .hint_text("What did you mean? Say what is good, what is wrong, what you would rather see.")
        .char_limit(COMMENT_LIMIT)
        .desired_rows(3)
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Comment"));
    if response.changed() {
        *see.change = Some(Change::new("comment"));
    }
    // Bytes are at least as many as characters, and counted already.
    if see.document.comment.len() >= COMMENT_LIMIT && see.document.comment.chars().count() >= COMMENT_LIMIT {
        ui.colored_label(
            ui.visuals().warn_fg_color,
            "A comment holds 10,000 characters, and these are all. Give it, and say the rest in another one.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut see.document.comment_on_task, "About the task as a whole");
        let on_task = see.document.comment_on_task;
        let text = match (on_task, see.cursor) {
            (true, _) => "Give the comment".to_owned(),
            (false, None) => "Give the comment on this behaviour".to_owned(),
            (false, Some(step)) => {
                let seconds = see.task.map(|task| task.bench.task.control_dt_secs() * step as f64);
                let seconds = seconds.map_or_else(String::new, |seconds| format!(" ({seconds:.2} s)"));
                format!("Give the comment on step {step}{seconds}")
            }
        };
        let written = !see.document.comment.trim().is_empty();
        let response = button(
            ui,
            see,
            &text,
            Action::GiveComment,
            written && (on_task || behaviour.is_ok()),
        );
        response.on_disabled_hover_text(match (written, on_task) {
            (false, _) => "Write it first.".to_owned(),
            (true, _) => format!("{why_not} A comment on the task as a whole is possible."),
        });
    });
}

/// Goes to the moment that a comment is about, where that is on the stage; else has its candidate played up to there.
fn look(see: &mut See<'_>, of: &Behaviour, step: Option<u64>) {
    let candidate = see.run.opinion.candidate(&of.program).or(of.candidate);
    if let Some(candidate) = candidate {
        see.want(Command::Select(Some(candidate)));
    }
    let step = step.and_then(|step| usize::try_from(step).ok());
    let is_there = step.is_some_and(|step| {
        let timeline = see.stage.timeline();
        let kept =
            timeline.moments.first().map_or(0, |first| first.step)..=timeline.newest().map_or(0, |last| last.step);
        let same = |seen: Behaviour| (seen.program, seen.driver, seen.seed) == (of.program.clone(), of.driver, of.seed);
        kept.contains(&step) && timeline.behaviour(Some(step)).is_ok_and(same)
    });
    match (step, candidate, of.driver) {
        (Some(step), ..) if is_there => {
            see.want(Command::Stage(Order::Run(false)));
            see.want(Command::Seek(Some(step)));
        }
        (Some(step), Some(candidate), Driver::Policy) => see.want(Command::PlayMoment {
            candidate,
            seed: of.seed,
            step,
        }),
        (Some(_), Some(_), Driver::Plan) => see.want(Command::Notice(
            "This was said of a plan. Plans come out differently each time, so that the moment does not come back."
                .into(),
        )),
        (_, None, _) => see.want(Command::Notice(
            "This was said of a program that is no candidate; its text is in the History panel.".into(),
        )),
        (None, Some(_), _) => {}
    }
}

/// A behaviour as the person sees it.
fn told(behaviour: &Behaviour, opinion: &Opinion) -> String {
    let name = match opinion.candidate(&behaviour.program) {
        Some(_) => opinion.name(&behaviour.program),
        None => "your program".to_owned(),
    };
    match behaviour.driver {
        Driver::Policy => format!("The policy of {name}"),
        Driver::Plan => format!("The plan for {name}"),
    }
}

/// What the next generation will be told, and which that is.
fn who_hears(see: &See<'_>) -> String {
    let run = see.run;
    let next = format!("The next generation, g{}, will hear", run.listened.len());
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
    let is_edit = |feedback: &Feedback| matches!(feedback, Feedback::Edit { .. });
    // As in the search: the newest version takes part, unless it was only opened or is a candidate already.
    let newest = new.iter().rev().find_map(|feedback| match feedback {
        Feedback::Edit { text, how, .. } if *how != EditKind::Opened => Some(text),
        _ => None,
    });
    let takes_part = |text: &&String| {
        !run.candidates
            .iter()
            .any(|candidate| matches!(&candidate.program, Program::Source { text: known, .. } if known == *text))
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
        newest.filter(takes_part).map(|_| "your program".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let earlier = |entry: &FeedbackEntry| entry.position <= last && !is_edit(&entry.feedback);
    match (parts.is_empty(), run.feedback.iter().any(earlier)) {
        (true, false) => format!("{next} what you say from now on."),
        (true, true) => format!("{next} all that was said before, and what you say from now on."),
        (false, true) => format!("{next}, beside what was said before: {}.", join(&parts)),
        (false, false) => format!("{next}: {}.", join(&parts)),
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
