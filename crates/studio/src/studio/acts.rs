//! What each command and each action does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use carrot_optimizer::Policy;
use carrot_run_record::{Behaviour, EditKind, Feedback, Outcome, Program, RunRecord, candidate_name};

use super::{Playing, Studio};
use crate::action::{Action, ENTRIES};
use crate::chrome::ZOOM;
use crate::compiler::TaskChoice;
use crate::draft::Change;
use crate::frame_times::Overlay;
use crate::jobs::{TrainingOrder, search_arguments};
use crate::panels::search::generations_of;
use crate::panels::{Command, Panel, behaviour_at};
use crate::session::{runs_in, session_key};
use crate::stage::{Drive, Order};
use crate::timeline::NoBehaviour;

impl Studio {
    /// Does what a panel wants.
    pub(super) fn apply(&mut self, command: Command, ctx: &egui::Context) {
        match command {
            Command::Do(action) => self.act(action, ctx),
            Command::Stage(order) => {
                if matches!(order, Order::Run(true)) {
                    self.cursor = None;
                }
                self.stage.tell(order);
            }
            Command::Say(feedback) => self.say(feedback),
            Command::OpenTask(task) => {
                let choice = TaskChoice {
                    envs: self.options.envs.clone(),
                    id: task,
                    engine: self.options.engine,
                };
                let last = self.app.sessions.get(&session_key(&choice)).cloned();
                let run = last.unwrap_or_else(|| self.place.new_run(&choice.id));
                self.open(choice, run);
            }
            Command::LoadProgram { text, from } => self.load(text, &from),
            Command::PlayCandidate(id) => self.play(id, None, None),
            Command::PlayMoment { candidate, seed, step } => {
                self.play(candidate, Some(seed), Some(step));
            }
            Command::Select(selected) => {
                self.selected = selected;
            }
            Command::Seek(cursor) => {
                // The episode that was looked at may have ended meanwhile, and the new one is short.
                let timeline = self.stage.timeline();
                self.cursor = cursor.and_then(|step| timeline.at(step)).map(|moment| moment.step);
            }
            Command::Compare(a, b) => self.compare(a, b),
            Command::Focus(panel) => self.layout.focus(panel),
            Command::Settled { how, summary } => {
                let version = self.draft.version(how, summary, Instant::now());
                self.say_all(version);
            }
            Command::Notice(text) => self.notice(&text),
        }
    }

    fn act(&mut self, action: Action, ctx: &egui::Context) {
        match action {
            Action::Palette => {
                self.palette.toggle();
                let runs = self.options.runs.clone();
                self.listing = Some(self.loader.ask(move || runs_in(&runs)));
            }
            Action::Undo | Action::Redo => {
                let now = Instant::now();
                let done = match action {
                    Action::Undo => self.draft.undo(now),
                    _ => self.draft.redo(now),
                };
                if let Some(words) = done {
                    self.notice(&words);
                }
            }
            Action::Hints => self.app.hints_read = !self.app.hints_read,
            Action::PlayCandidate => {
                if let Some(id) = self.selected {
                    self.play(id, None, None);
                }
            }
            Action::EditCandidate => {
                let run = self.watcher.view();
                let chosen = self.selected.and_then(|id| run.candidate(id));
                if let Some(candidate) = chosen
                    && let Program::Source { text, .. } = &candidate.program
                {
                    self.load(text.clone(), &candidate_name(candidate.generation, candidate.index));
                }
            }
            Action::CompareWithBest => {
                if let (Some(id), Some(best)) = (self.selected, self.best_other()) {
                    self.compare(id, best);
                }
            }
            Action::SuggestPair => {
                if let Some([a, b]) = self.watcher.view().opinion.next {
                    self.compare(a, b);
                }
            }
            Action::PlayBoth => {
                self.panels.compare.play_or_pause();
                self.layout.focus(Panel::Compare);
            }
            Action::PutBack => {
                self.panels.history.put_back();
                self.layout.focus(Panel::History);
            }
            Action::Shares => {
                self.panels.terms.toggle_shares();
                self.layout.focus(Panel::Terms);
            }
            Action::AskMe => {
                self.draft.document.search.ask_me ^= true;
                self.draft.note_apart(&Change::new("search settings"), Instant::now());
                self.notice(match self.draft.document.search.ask_me {
                    true => "The search will wait for you after each generation.",
                    false => "The search will not wait for you between generations.",
                });
            }
            Action::PlayPause => {
                let run = !self.stage.status().running;
                if run {
                    self.cursor = None;
                }
                self.stage.tell(Order::Run(run));
            }
            Action::StepOnce => {
                self.cursor = None;
                self.stage.tell(Order::Step);
            }
            Action::Restart => self.restart(self.stage.status().seed),
            Action::AnotherStart => self.restart(self.stage.status().seed.wrapping_add(1)),
            Action::Faster | Action::Slower => {
                let factor = if action == Action::Faster { 2.0 } else { 0.5 };
                let speed = (self.stage.status().speed * factor).clamp(1.0 / 64.0, 8.0);
                self.stage.tell(Order::Speed(speed));
            }
            Action::Live => self.cursor = None,
            Action::DriveByPlan => self.stage.tell(Order::Drive(Drive::Plan)),
            Action::DriveByNothing => self.stage.tell(Order::Drive(Drive::Rest)),
            Action::HumanReward => {
                if let Some(task) = &self.filled {
                    let text = task.human.clone();
                    self.load(text, "the hand-written reward");
                }
            }
            Action::StartSearch => self.start_search(),
            Action::PauseSearch => match self.searching.pause() {
                Some(run) if run == self.run_name => {}
                Some(run) => self.notice(&format!("The search of {run} pauses.")),
                None => self.notice("No search of this window is running."),
            },
            Action::TrainPolicy => self.train(),
            Action::PauseTraining => self.training.pause(),
            Action::RateGood | Action::RateBad => {
                let of = match self.behaviour() {
                    Ok(of) => of,
                    Err(why) => return self.notice(&why.to_string()),
                };
                let good = action == Action::RateGood;
                self.say(Feedback::Rating { of, good });
                self.notice(if good {
                    "Noted: this is good."
                } else {
                    "Noted: this is bad."
                });
            }
            Action::GiveComment => self.give_comment(),
            Action::NewSession => {
                let run = self.place.new_run(&self.choice.id);
                self.leave_session();
                if self.kept.is_some() || self.recorded {
                    let kept = self.run_name.clone();
                    self.notice(&format!("{kept} is kept; Ctrl+Shift+P, “Open run”, goes back to it."));
                }
                self.open(self.choice.clone(), run);
            }
            Action::ToggleTheme => {
                let dark = ctx.global_style().visuals.dark_mode;
                self.app.theme = Some(if dark { "light" } else { "dark" }.into());
            }
            Action::ZoomIn | Action::ZoomOut | Action::ZoomReset => {
                let zoom = self.app.zoom.unwrap_or(1.0);
                let zoom = match action {
                    Action::ZoomIn => zoom * 1.1,
                    Action::ZoomOut => zoom / 1.1,
                    _ => 1.0,
                };
                self.app.zoom = Some(zoom.clamp(*ZOOM.start(), *ZOOM.end()));
            }
            Action::ResetPanels => self.layout.reset(),
            Action::FrameTimes => {
                self.overlay = match self.overlay {
                    Some(_) => None,
                    None => Some(Overlay::default()),
                };
            }
            Action::Focus(panel) => self.layout.focus(panel),
            other => {
                if self.panels.editor.act(other) {
                    self.layout.focus(Panel::Editor);
                    ctx.request_repaint();
                } else {
                    self.panels.viewport.act(other);
                }
            }
        }
    }

    fn compare(&mut self, a: (u32, u32), b: (u32, u32)) {
        self.panels.compare.compare(a, b);
        self.layout.focus(Panel::Compare);
    }

    /// The fittest candidate, where it is not the chosen one.
    fn best_other(&self) -> Option<(u32, u32)> {
        let run = self.watcher.view();
        let best = run.overview.rows[run.overview.best?].id;
        Some(best).filter(|best| Some(*best) != self.selected)
    }

    pub(super) fn restart(&mut self, seed: u64) {
        self.cursor = None;
        self.stage.tell(Order::Reset(seed));
        self.stage.tell(Order::Run(true));
    }

    /// The behaviour that the person looks at. Errors: why there is none.
    fn behaviour(&self) -> Result<Behaviour, NoBehaviour> {
        behaviour_at(&self.stage.timeline(), self.cursor, &self.watcher.view().opinion)
    }

    fn give_comment(&mut self) {
        let text = self.draft.document.comment.trim().to_owned();
        if text.is_empty() {
            return self.notice("Write the comment first, in the Feedback panel.");
        }
        let on_task = self.draft.document.comment_on_task;
        let of = match (on_task, self.behaviour()) {
            (true, _) => None,
            (false, Ok(of)) => Some(of),
            (false, Err(why)) => {
                return self.notice(&format!("{why} A comment on the task as a whole is possible."));
            }
        };
        let comment = Feedback::Comment {
            of,
            step: self.cursor.filter(|_| !on_task).map(|step| step as u64),
            text,
        };
        // Taking the end of a comment back brings its words back, and does not unsay them.
        if self.is_said(&comment) {
            self.notice("You have said this already: the record holds it.");
        } else if let Err(why) = self.outbox.say(comment) {
            return self.notice(&format!("The record does not take this: {why}"));
        }
        self.draft.document.comment.clear();
        self.draft.note_apart(&Change::new("give the comment"), Instant::now());
    }

    /// Whether the very same was said before.
    fn is_said(&self, feedback: &Feedback) -> bool {
        let run = self.watcher.view();
        let mut recorded = run.feedback.iter().map(|entry| &entry.feedback);
        let mut pending = self.outbox.pending().iter().map(|entry| &entry.feedback);
        recorded.any(|said| said == feedback) || pending.any(|said| said == feedback)
    }

    /// The policy of a candidate moves the robot, from the start of `seed` and up to a step, where these are given.
    fn play(&mut self, id: (u32, u32), seed: Option<u64>, until: Option<usize>) {
        let run = self.watcher.view();
        let Some(candidate) = run.candidate(id) else { return };
        let (Program::Source { text, .. }, Outcome::Evaluated(evaluated)) = (&candidate.program, &candidate.outcome)
        else {
            return self.notice("This candidate has no policy to play.");
        };
        let (dir, hash) = (run.dir.clone(), evaluated.policy.clone());
        let policy = self.loader.ask(move || {
            let bytes = RunRecord::open_read_only(&dir).and_then(|record| record.object(&hash));
            let bytes = bytes.map_err(|error| error.to_string())?;
            let (policy, _) = Policy::from_bytes(&bytes).map_err(|error| error.to_string())?;
            Ok(Arc::new(policy))
        });
        self.playing = Some(Playing {
            name: candidate_name(id.0, id.1),
            text: text.clone(),
            program: candidate.program.hash(),
            dir: run.dir.clone(),
            seed,
            until,
            policy,
        });
    }

    /// Starts the search of this run, or goes on with it for another round.
    fn start_search(&mut self) {
        if let Some(run) = self.searching.running() {
            let running = format!("The search of {run} is running; pause it first.");
            return self.notice(&running);
        }
        if self.watcher.view().in_use {
            return self.notice("Another process runs this search; pause it where it was started.");
        }
        let settled = self.draft.settle_now();
        self.say_all(settled);
        let run = self.watcher.view();
        let place = self.run_place();
        // The program in the editor takes part, whether or not it was changed here.
        let known = run.feedback.iter().any(|entry| matches!(&entry.feedback, Feedback::Edit { text, .. } if *text == self.draft.document.program))
            || self.outbox.pending().iter().any(|entry| matches!(&entry.feedback, Feedback::Edit { text, .. } if *text == self.draft.document.program))
            || run.candidates.iter().any(|candidate| matches!(&candidate.program, Program::Source { text, .. } if *text == self.draft.document.program));
        if !known {
            // Not `Opened`, which only says where a change starts from and is never judged.
            self.say(Feedback::Edit {
                text: self.draft.document.program.clone(),
                how: EditKind::Typed,
                summary: "in the editor when the search began".into(),
            });
        }
        let done = run.complete_generations();
        let settings = &self.draft.document.search;
        let own = if run.candidates.is_empty() {
            1
        } else {
            generations_of(&run.config)
        };
        let generations = settings.generations.max(done + 1).max(own);
        let until = settings.ask_me.then_some(done + 1);
        let arguments = search_arguments(&self.options.envs, &place.dir, generations, until);
        // The search reads the record: what was said must be there first.
        self.keep();
        let ready = self.outbox.make_ready(place);
        self.searching.start_when(ready, arguments, self.run_name.clone());
    }

    fn train(&mut self) {
        let document = &self.draft.document;
        let order = TrainingOrder {
            choice: self.choice.clone(),
            program: document.program.clone(),
            seed: document.search.seed,
        };
        let (carrot, folder) = (&self.options.program, self.place.folder());
        if let Err(words) = self.training.start(&self.loader, carrot, folder, order) {
            self.notice(&words);
        }
    }

    /// Puts another program into the editor; `from` says where it came from.
    pub(super) fn load(&mut self, text: String, from: &str) {
        let versions = self.draft.load(text, from, Instant::now());
        self.say_all(versions);
    }

    /// What can be done now.
    pub(super) fn possible(&mut self) -> BTreeSet<Action> {
        if !self.palette.is_open() {
            return BTreeSet::new();
        }
        let searching = self.searching.running().is_some();
        let compiled = self.compiler.compiled();
        let training = self.training.steps().is_some();
        let run = self.watcher.view();
        let chosen = self.selected.and_then(|id| run.candidate(id));
        let has_text = chosen.is_some_and(|chosen| matches!(chosen.program, Program::Source { .. }));
        let has_policy = has_text && chosen.is_some_and(|chosen| matches!(chosen.outcome, Outcome::Evaluated(_)));
        let can = |action: Action| match action {
            Action::PlayCandidate => has_policy,
            Action::EditCandidate => has_text,
            Action::CompareWithBest => has_policy && self.best_other().is_some(),
            Action::SuggestPair => run.opinion.next.is_some(),
            Action::PlayBoth => self.panels.compare.is_showing(),
            Action::PutBack => self.panels.history.is_chosen(),
            Action::Undo => self.draft.is_undoable(),
            Action::Redo => self.draft.is_redoable(),
            Action::Live => self.cursor.is_some(),
            Action::HumanReward => self.filled.is_some(),
            Action::NextFinding | Action::PreviousFinding => !compiled.findings.is_empty(),
            Action::QuickFix => compiled.findings.iter().any(|finding| finding.fix.is_some()),
            Action::SlidersInText => !compiled.constants.is_empty(),
            Action::StartSearch => !searching,
            Action::PauseSearch => searching,
            Action::TrainPolicy => compiled.works && !training,
            Action::PauseTraining => training,
            Action::GiveComment => !self.draft.document.comment.trim().is_empty(),
            _ => true,
        };
        let actions = ENTRIES.iter().map(|entry| entry.action);
        actions.filter(|action| can(*action)).collect()
    }
}
