//! How the search goes, who runs it, how it ended, and what can be done about it.

use std::collections::VecDeque;

use carrot_run_record::{RunState, SearchProgress, candidate_name};
use egui::{ProgressBar, Ui};

use crate::action::Action;
use crate::jobs::JobState;
use crate::panels::{See, button};

/// Seconds over which the rate is measured.
const WINDOW_SECS: f64 = 30.0;

/// How fast the search has been going.
#[derive(Default)]
pub(super) struct Pace {
    /// Seconds since 1970, steps.
    notes: VecDeque<(f64, u64)>,
}

/// What there is to say about the process that searches.
#[derive(Debug, Clone, PartialEq)]
enum Standing {
    /// Nothing was searched yet.
    New,
    /// The studio's own process is at work.
    Ours,
    /// A process that somebody else started.
    Theirs,
    Paused(String),
    Finished,
    Failed(String),
    /// It left no last word.
    Killed,
}

impl Standing {
    fn of(see: &See<'_>) -> Self {
        let run = see.run;
        match (see.search, &run.state) {
            (Some(JobState::Running), _) => Self::Ours,
            (_, Some(RunState::Running)) if run.in_use => Self::Theirs,
            // The process says why it did not even begin, the record why it ended.
            (Some(JobState::Failed(words)), _) => Self::Failed(words.clone()),
            (_, Some(RunState::Failed { message })) => Self::Failed(message.clone()),
            (_, Some(RunState::Running)) => Self::Killed,
            (_, Some(RunState::Paused { message })) => Self::Paused(message.clone()),
            (_, Some(RunState::Finished)) => Self::Finished,
            (_, None) => Self::New,
        }
    }
}

impl Pace {
    /// Shows all of it. True while a search is at work.
    pub(super) fn show(&mut self, ui: &mut Ui, see: &mut See<'_>) -> bool {
        let standing = Standing::of(see);
        buttons(ui, see, &standing);
        let (error, warn) = (ui.visuals().error_fg_color, ui.visuals().warn_fg_color);
        if see.run.lost {
            ui.colored_label(
                error,
                format!(
                    "The record of this run is gone from {}. Move it back and it goes on from there; or start the search, which \
                     begins a new record. Your reward and your words are kept.",
                    see.run.dir.display()
                ),
            );
        }
        if let Some(words) = &see.run.error {
            ui.colored_label(error, words);
            ui.label("What is in the record stays there. “New session” begins another run of this task.");
        }
        match &standing {
            Standing::New => {}
            Standing::Ours => self.live(ui, see),
            Standing::Theirs => {
                ui.colored_label(
                    warn,
                    "Another process runs this search. You see what it does; pause it where it was started.",
                );
                self.live(ui, see);
            }
            Standing::Paused(words) => _ = ui.label(format!("Paused: {words}")),
            Standing::Finished => _ = ui.label(finished(see)),
            Standing::Failed(words) => {
                ui.colored_label(error, format!("The search failed: {words}"));
                ui.label("Nothing completed is lost. Once the cause is gone, go on with it.");
            }
            Standing::Killed => {
                ui.colored_label(
                    warn,
                    "The process that searched was killed. Nothing completed is lost: go on with it.",
                );
            }
        }
        matches!(standing, Standing::Ours | Standing::Theirs)
    }

    fn live(&mut self, ui: &mut Ui, see: &See<'_>) {
        let Some(progress) = &see.run.progress else {
            ui.label(see.search_lines.last().map_or("The search begins.", String::as_str));
            return;
        };
        let rate = self.rate(progress);
        let share = match progress.steps_planned {
            0 => 0.0,
            planned => progress.steps_done as f32 / planned as f32,
        };
        let name = format!("{:.0} %", 100.0 * share.clamp(0.0, 1.0));
        ui.add(ProgressBar::new(share).text(name))
            .accessible_name("Progress of the search");
        let mut words = format!(
            "Generation g{}, {} of {}: {}",
            progress.generation,
            progress.generation + 1,
            progress.generations,
            progress.doing
        );
        if let Some(rate) = rate {
            let left = progress.steps_planned.saturating_sub(progress.steps_done) as f64 / rate;
            words += &format!(" · {} steps/s, {} left", grouped(rate as u64), duration(left));
        }
        ui.label(words);
        for training in &progress.training {
            let fitness = training
                .fitness
                .map_or(String::new(), |fitness| format!(", fitness {fitness:.3}"));
            ui.weak(format!(
                "{} at {} steps{fitness}",
                candidate_name(training.generation, training.index),
                grouped(training.steps)
            ));
        }
    }

    /// Steps per second of late, once that is known.
    fn rate(&mut self, progress: &SearchProgress) -> Option<f64> {
        let now = (progress.unix_secs, progress.steps_done);
        match self.notes.back() {
            Some(last) if *last == now => {}
            // Another session counts its steps from nothing.
            Some(last) if now.1 < last.1 || now.0 < last.0 => self.notes = VecDeque::from([now]),
            _ => self.notes.push_back(now),
        }
        while self.notes.front().is_some_and(|first| now.0 - first.0 > WINDOW_SECS) && self.notes.len() > 2 {
            self.notes.pop_front();
        }
        let (first, last) = (self.notes.front()?, self.notes.back()?);
        let (seconds, steps) = (last.0 - first.0, last.1 - first.1);
        (seconds > 0.0 && steps > 0).then(|| steps as f64 / seconds)
    }
}

fn buttons(ui: &mut Ui, see: &mut See<'_>, standing: &Standing) {
    let run = see.run;
    let working = matches!(standing, Standing::Ours | Standing::Theirs);
    let (complete, begun) = (run.complete_generations(), run.begun_generations());
    let word = match standing {
        // What comes next is not known before it is over.
        Standing::Ours | Standing::Theirs => "Searching…",
        Standing::New if begun == 0 => "Start search",
        Standing::Failed(_) | Standing::Killed => "Resume search",
        _ if begun == 0 || complete < begun => "Resume search",
        _ => "Next generation",
    };
    ui.horizontal_wrapped(|ui| {
        button(ui, see, word, Action::StartSearch, !working);
        button(
            ui,
            see,
            "Pause search",
            Action::PauseSearch,
            *standing == Standing::Ours,
        );
        let rounds = if complete == 1 { "generation" } else { "generations" };
        if complete > 0 {
            ui.weak(format!("{complete} {rounds} complete"));
        }
    });
}

fn finished(see: &See<'_>) -> String {
    let winner = see.run.winner.as_ref();
    let place =
        winner.and_then(|winner| Some((winner["generation"].as_u64()? as u32, winner["index"].as_u64()? as u32)));
    let fitness = winner.and_then(|winner| winner["fitness"].as_f64());
    match (place, fitness) {
        (Some((generation, index)), Some(fitness)) => format!(
            "Finished: {} wins with fitness {fitness:.3}. Another generation can be added.",
            candidate_name(generation, index)
        ),
        _ => "Finished. Another generation can be added.".into(),
    }
}

/// `12,345`.
pub(in crate::panels) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A time in words, to one figure that matters.
pub(in crate::panels) fn duration(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5_400.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_as_people_read_them() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
        for (seconds, expected) in [
            (12.4, "12 s"),
            (600.0, "10 min"),
            (9_000.0, "2.5 h"),
            (432_000.0, "5 days"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn the_rate_is_of_late_and_of_this_session() {
        let mut pace = Pace::default();
        let mut rate = |unix_secs: f64, steps_done: u64| {
            pace.rate(&SearchProgress {
                unix_secs,
                steps_done,
                ..SearchProgress::default()
            })
        };
        assert_eq!(rate(100.0, 0), None);
        assert_eq!(rate(110.0, 1_000), Some(100.0));
        assert_eq!(rate(110.0, 1_000), Some(100.0));
        // 110 s to 150 s: (13,000 − 1,000) / 40.
        assert_eq!(rate(150.0, 13_000), Some(300.0));
        assert_eq!(rate(160.0, 50), None, "it was started again");
    }
}
