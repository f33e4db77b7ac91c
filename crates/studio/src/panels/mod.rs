//! The panels: each shows a part of what is there and says what the person wants.
//!
//! A panel reads [`See`] and changes nothing but the document and its own view; everything else it wants is a [`Command`].

mod candidate;
mod compare;
mod curves;
mod difference;
mod editor;
mod feedback;
mod history;
mod list;
mod ranking;
pub(crate) mod search;
mod side_by_side;
mod task;
mod terms;
mod viewport;

use std::sync::Arc;

use carrot_run_record::{Behaviour, EditKind, Feedback};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::artist::Artist;
use crate::compiler::{Compiled, OpenTask};
use crate::document::Document;
use crate::draft::Change;
use crate::jobs::{JobState, Steps};
use crate::opinion::Opinion;
use crate::rehearsal::Rehearsal;
use crate::session::Pending;
use crate::stage::{Order, Stage, StageStatus};
use crate::timeline::{NoBehaviour, Timeline};
use crate::watcher::RunView;

/// A panel, by what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// The reward program.
    Editor,
    /// The robot.
    Viewport,
    /// Reward terms against time.
    Terms,
    /// The search and its candidates.
    Search,
    /// One candidate: source, differences, prompt and reply.
    Candidate,
    /// Two behaviours side by side.
    Compare,
    /// Comments, ratings and the ranking.
    Feedback,
    /// What the robot should do, and what a reward may read.
    Task,
    /// Versions of the program.
    History,
}

impl Panel {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 9] = [
        Self::Editor,
        Self::Viewport,
        Self::Terms,
        Self::Search,
        Self::Candidate,
        Self::Compare,
        Self::Feedback,
        Self::Task,
        Self::History,
    ];

    /// What its tab says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Editor => "Reward",
            Self::Viewport => "Behaviour",
            Self::Terms => "Terms",
            Self::Search => "Search",
            Self::Candidate => "Candidate",
            Self::Compare => "Compare",
            Self::Feedback => "Feedback",
            Self::Task => "Task",
            Self::History => "History",
        }
    }
}

/// What a panel sees.
pub struct See<'a> {
    /// What the person edits. A panel may change it; the studio notices and keeps it.
    pub document: &'a mut Document,
    /// What was done to the document in this frame, where a panel knows better than "change".
    pub change: &'a mut Option<Change>,
    /// The open task; none while it is being opened.
    pub task: Option<&'a Arc<OpenTask>>,
    /// Why the task could not be opened.
    pub refused: Option<&'a str>,
    /// What the compiler says of the program.
    pub compiled: &'a Compiled,
    /// The live world.
    pub stage: &'a Stage,
    /// How it is, as of the beginning of the frame.
    pub status: &'a StageStatus,
    /// Draws the robot.
    pub artist: &'a Artist,
    /// Plays episodes off stage.
    pub rehearsal: &'a Rehearsal,
    /// The run's record as last seen.
    pub run: &'a Arc<RunView>,
    /// Name of the run.
    pub run_name: &'a str,
    /// Tasks that could be opened.
    pub tasks: &'a [String],
    /// The search process, where this studio started one.
    pub search: Option<&'a JobState>,
    /// Its messages.
    pub search_lines: &'a [String],
    /// A policy is being trained; how far that is, once it is known.
    pub training: Option<Option<Steps>>,
    /// The step that is looked at; none: the newest.
    pub cursor: Option<usize>,
    /// The candidate that is looked at.
    pub selected: Option<(u32, u32)>,
    /// Feedback that the record does not hold yet.
    pub pending: &'a [Pending],
    /// Why the record does not take it.
    pub trouble: Option<&'a str>,
    /// What the panel wants.
    pub commands: &'a mut Vec<Command>,
}

impl See<'_> {
    /// Says what the person wants.
    pub fn want(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// The behaviour that the person looks at, as feedback names it.
    ///
    /// Errors: why there is none.
    pub fn behaviour(&self) -> Result<Behaviour, NoBehaviour> {
        behaviour_at(&self.stage.timeline(), self.cursor, &self.run.opinion)
    }
}

/// The behaviour at a moment of an episode, as feedback names it; none: at the newest.
///
/// Errors: why there is none.
pub fn behaviour_at(timeline: &Timeline, cursor: Option<usize>, opinion: &Opinion) -> Result<Behaviour, NoBehaviour> {
    let behaviour = timeline.behaviour(cursor)?;
    Ok(Behaviour {
        candidate: opinion.candidate(&behaviour.program),
        ..behaviour
    })
}

/// What it means to play a candidate, for a hover.
fn play_hint(ctx: &egui::Context) -> String {
    format!(
        "{}. Its policy moves the robot and its reward judges: the editor has its text then, and Ctrl+Z brings yours back.",
        Action::PlayCandidate.hint(ctx)
    )
}

/// What a person wants, beyond what the document says.
pub enum Command {
    /// Something that the palette can do too.
    Do(Action),
    /// Something for the live world.
    Stage(Order),
    /// Something for the record.
    Say(Feedback),
    /// Another task.
    OpenTask(String),
    /// Another text in the editor.
    LoadProgram {
        /// The program.
        text: String,
        /// Where it came from, in a word or two.
        from: String,
    },
    /// The policy of a candidate moves the robot, under its reward.
    PlayCandidate((u32, u32)),
    /// The policy of a candidate moves the robot from the start of this seed up to this step, and stands there.
    PlayMoment {
        /// Which one.
        candidate: (u32, u32),
        /// Of the start.
        seed: u64,
        /// Control steps from there.
        step: usize,
    },
    /// Looks at a candidate.
    Select(Option<(u32, u32)>),
    /// Looks at a step of the episode; none: the newest.
    Seek(Option<usize>),
    /// Compares two candidates.
    Compare((u32, u32), (u32, u32)),
    /// Brings a panel to the front.
    Focus(Panel),
    /// The program is a version for the history now.
    Settled {
        /// How it was made.
        how: EditKind,
        /// What was done, in a word or two; empty: what differs is said by its lines.
        summary: String,
    },
    /// Tells the person something at the bottom of the window.
    Notice(String),
}

/// All panels with what each remembers of its view.
#[derive(Default)]
pub struct Panels {
    /// The program.
    pub editor: editor::EditorPanel,
    /// The robot.
    pub viewport: viewport::ViewportPanel,
    /// Reward terms against time.
    pub terms: terms::TermsPanel,
    search: search::SearchPanel,
    candidate: candidate::CandidatePanel,
    /// Two behaviours side by side.
    pub compare: compare::ComparePanel,
    feedback: feedback::FeedbackPanel,
    task: task::TaskPanel,
    /// Versions of the program.
    pub history: history::HistoryPanel,
}

impl Panels {
    /// Shows one of them.
    pub fn show(&mut self, panel: Panel, ui: &mut egui::Ui, see: &mut See<'_>) {
        match panel {
            Panel::Editor => self.editor.show(ui, see),
            Panel::Viewport => self.viewport.show(ui, see),
            Panel::Terms => self.terms.show(ui, see),
            Panel::Search => self.search.show(ui, see),
            Panel::Candidate => self.candidate.show(ui, see),
            Panel::Compare => self.compare.show(ui, see),
            Panel::Feedback => self.feedback.show(ui, see),
            Panel::Task => self.task.show(ui, see),
            Panel::History => self.history.show(ui, see),
        }
    }

    /// After all of them were shown in a frame.
    pub fn finish(&mut self, see: &mut See<'_>) {
        self.viewport.finish(see);
    }
}

/// An empty state: what there would be, and what to do for it.
pub(crate) fn empty(ui: &mut egui::Ui, what: &str, todo: &str) {
    ui.add_space(12.0);
    ui.vertical_centered(|ui| {
        ui.strong(what);
        ui.weak(todo);
    });
}

/// Shows a button of an action, with its key in the hover; wants the action when clicked.
pub(crate) fn button(
    ui: &mut egui::Ui,
    see: &mut See<'_>,
    text: &str,
    action: Action,
    enabled: bool,
) -> egui::Response {
    let response = ui
        .add_enabled(enabled, egui::Button::new(text))
        .on_hover_text(action.hint(ui.ctx()));
    if response.clicked() {
        see.want(Command::Do(action));
    }
    response
}
