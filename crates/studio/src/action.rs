//! Everything that can be done from the keyboard or the palette, once: its name, its key and what it is for.

use egui::{Event, Key, KeyboardShortcut, Modifiers};

use crate::panels::Panel;

/// Something a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Opens the list of everything that can be done.
    Palette,
    /// Takes the last change back.
    Undo,
    /// Makes it again.
    Redo,
    /// Lets the clock run, or stops it.
    PlayPause,
    /// One control step.
    StepOnce,
    /// The same start again.
    Restart,
    /// A start from another seed.
    AnotherStart,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// Shows the newest moment again.
    Live,
    /// A plan moves the robot.
    DriveByPlan,
    /// Nothing moves the robot.
    DriveByNothing,
    /// The camera as it was at first.
    ResetView,
    /// The camera goes along with the robot.
    Follow,
    /// Contact points.
    ShowContacts,
    /// Contact forces.
    ShowForces,
    /// Coordinate frames of the bodies.
    ShowFrames,
    /// The next finding in the program.
    NextFinding,
    /// The finding before.
    PreviousFinding,
    /// Repairs the finding at the caret.
    QuickFix,
    /// Lays the program out.
    Format,
    /// Finds words in the program.
    Find,
    /// Sliders under the numbers of the program, or not.
    SlidersInText,
    /// The task's hand-written reward.
    HumanReward,
    /// The policy of the chosen candidate moves the robot.
    PlayCandidate,
    /// Puts the program of the chosen candidate into the editor.
    EditCandidate,
    /// Compares the chosen candidate with the fittest.
    CompareWithBest,
    /// Compares the two of which a verdict would tell most.
    SuggestPair,
    /// Lets the two that are compared run, or stops them.
    PlayBoth,
    /// Puts the chosen version of the program back.
    PutBack,
    /// Draws terms as shares of the total, or as lines.
    Shares,
    /// The search waits for the person after each generation, or does not.
    AskMe,
    /// Starts the search, or goes on with it.
    StartSearch,
    /// Pauses the search.
    PauseSearch,
    /// Trains a policy for the program in the editor.
    TrainPolicy,
    /// Pauses the training.
    PauseTraining,
    /// Shows what a first run needs to know, or no more.
    Hints,
    /// What is on the stage is good.
    RateGood,
    /// What is on the stage is bad.
    RateBad,
    /// Gives the comment that was written.
    GiveComment,
    /// A new session of the same task, with a record of its own.
    NewSession,
    /// Light or dark.
    ToggleTheme,
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Everything as large as made.
    ZoomReset,
    /// Panels where they were at first.
    ResetPanels,
    /// How long frames take.
    FrameTimes,
    /// Shows a panel and moves the keyboard there.
    Focus(Panel),
}

/// An action with what people need to know of it.
pub struct Entry {
    /// The action.
    pub action: Action,
    /// What it is called in the palette and by screen readers.
    pub name: &'static str,
    /// Its key.
    pub shortcut: Option<KeyboardShortcut>,
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const ALT: Modifiers = Modifiers::ALT;
const SHIFT_ALT: Modifiers = Modifiers::SHIFT.plus(Modifiers::ALT);

const fn entry(action: Action, name: &'static str, key: (Modifiers, Key)) -> Entry {
    Entry {
        action,
        name,
        shortcut: Some(KeyboardShortcut::new(key.0, key.1)),
    }
}

/// Every action. The ones with more modifiers come before those with the same key and fewer.
pub const ENTRIES: &[Entry] = &[
    entry(Action::Redo, "Redo", (CTRL_SHIFT, Key::Z)),
    entry(Action::Undo, "Undo", (CTRL, Key::Z)),
    entry(Action::Palette, "Command palette", (CTRL_SHIFT, Key::P)),
    entry(Action::PlayBoth, "Play or pause both behaviours", (CTRL, Key::F5)),
    entry(Action::PlayPause, "Play or pause", (NONE, Key::F5)),
    entry(Action::StepOnce, "One step", (NONE, Key::F10)),
    entry(Action::Live, "Back to now", (NONE, Key::F6)),
    entry(Action::AnotherStart, "Another start", (CTRL_SHIFT, Key::R)),
    entry(Action::Restart, "Start again", (CTRL, Key::R)),
    entry(Action::Faster, "Twice as fast", (ALT, Key::ArrowUp)),
    entry(Action::Slower, "Half as fast", (ALT, Key::ArrowDown)),
    entry(Action::DriveByPlan, "Let the plan move the robot", (ALT, Key::P)),
    entry(Action::DriveByNothing, "Let nothing move the robot", (ALT, Key::N)),
    entry(Action::ResetView, "Camera as at first", (ALT, Key::Home)),
    entry(Action::Format, "Format the program", (SHIFT_ALT, Key::F)),
    entry(Action::Follow, "Camera follows the robot", (ALT, Key::F)),
    entry(Action::ShowContacts, "Show contacts", (ALT, Key::C)),
    entry(Action::ShowForces, "Show contact forces", (ALT, Key::V)),
    entry(Action::ShowFrames, "Show body frames", (ALT, Key::B)),
    entry(Action::PreviousFinding, "Finding before", (SHIFT, Key::F8)),
    entry(Action::NextFinding, "Next finding", (NONE, Key::F8)),
    entry(Action::QuickFix, "Repair the finding at the caret", (CTRL, Key::Period)),
    entry(Action::Find, "Find in the program", (CTRL, Key::F)),
    entry(Action::SlidersInText, "Sliders in the text, or not", (ALT, Key::S)),
    entry(
        Action::HumanReward,
        "Load the hand-written reward",
        (CTRL_SHIFT, Key::H),
    ),
    entry(Action::PlayCandidate, "Play the chosen candidate", (ALT, Key::Enter)),
    entry(
        Action::EditCandidate,
        "Put the chosen candidate into the editor",
        (ALT, Key::E),
    ),
    entry(
        Action::CompareWithBest,
        "Compare the chosen candidate with the best",
        (CTRL_SHIFT, Key::B),
    ),
    entry(Action::SuggestPair, "Suggest a pair to compare", (CTRL_SHIFT, Key::S)),
    entry(Action::PutBack, "Put the chosen version back", (ALT, Key::H)),
    entry(Action::Shares, "Terms as shares or as lines", (ALT, Key::T)),
    entry(Action::AskMe, "Ask me after each generation, or not", (ALT, Key::A)),
    entry(Action::PauseSearch, "Pause the search", (CTRL, Key::F9)),
    entry(Action::StartSearch, "Start the search", (NONE, Key::F9)),
    entry(Action::PauseTraining, "Pause the training", (CTRL_SHIFT, Key::T)),
    entry(Action::TrainPolicy, "Train a policy", (CTRL, Key::T)),
    entry(Action::Hints, "Hints for a first run", (NONE, Key::F1)),
    entry(Action::RateGood, "This is good", (ALT, Key::G)),
    entry(Action::RateBad, "This is bad", (ALT, Key::X)),
    entry(Action::GiveComment, "Give the comment", (CTRL, Key::Enter)),
    entry(Action::NewSession, "New session", (CTRL_SHIFT, Key::N)),
    entry(Action::ToggleTheme, "Light or dark", (CTRL_SHIFT, Key::L)),
    entry(Action::ZoomIn, "Larger", (CTRL, Key::Plus)),
    entry(Action::ZoomOut, "Smaller", (CTRL, Key::Minus)),
    entry(Action::ZoomReset, "Normal size", (CTRL, Key::Num0)),
    entry(Action::ResetPanels, "Panels as at first", (CTRL_SHIFT, Key::Num0)),
    entry(Action::FrameTimes, "Frame times", (NONE, Key::F12)),
    entry(Action::Focus(Panel::Editor), "Go to Reward", (CTRL, Key::Num1)),
    entry(Action::Focus(Panel::Viewport), "Go to Behaviour", (CTRL, Key::Num2)),
    entry(Action::Focus(Panel::Terms), "Go to Terms", (CTRL, Key::Num3)),
    entry(Action::Focus(Panel::Search), "Go to Search", (CTRL, Key::Num4)),
    entry(Action::Focus(Panel::Candidate), "Go to Candidate", (CTRL, Key::Num5)),
    entry(Action::Focus(Panel::Compare), "Go to Compare", (CTRL, Key::Num6)),
    entry(Action::Focus(Panel::Feedback), "Go to Feedback", (CTRL, Key::Num7)),
    entry(Action::Focus(Panel::Task), "Go to Task", (CTRL, Key::Num8)),
    entry(Action::Focus(Panel::History), "Go to History", (CTRL, Key::Num9)),
];

impl Action {
    /// What people need to know of it.
    pub fn entry(self) -> &'static Entry {
        ENTRIES
            .iter()
            .find(|entry| entry.action == self)
            .expect("every action has an entry; a test holds that")
    }

    /// Its name, and its key where it has one, for a hover.
    pub fn hint(self, ctx: &egui::Context) -> String {
        let entry = self.entry();
        match &entry.shortcut {
            Some(shortcut) => format!("{} ({})", entry.name, ctx.format_shortcut(shortcut)),
            None => entry.name.to_owned(),
        }
    }

    /// Takes its key out of the input. True if it was pressed.
    ///
    /// Shift counts where Alt is held: egui alone takes Shift+Alt+F for Alt+F. And with Alt some systems report the key's letter as
    /// typed, too; it is taken out with it.
    pub fn take_key(self, ctx: &egui::Context) -> bool {
        let Some(shortcut) = &self.entry().shortcut else {
            return false;
        };
        ctx.input_mut(|input| {
            if !shortcut.modifiers.alt {
                return input.consume_shortcut(shortcut);
            }
            let is_meant = |event: &Event| match event {
                Event::Key {
                    key,
                    modifiers,
                    pressed,
                    ..
                } => *pressed && *key == shortcut.logical_key && modifiers.shift == shortcut.modifiers.shift,
                _ => false,
            };
            let taken = input.events.iter().any(is_meant) && input.consume_shortcut(shortcut);
            if taken {
                input.events.retain(|event| !matches!(event, Event::Text(_)));
            }
            taken
        })
    }
}

/// The actions whose keys were pressed; their keys are taken out of the input, so that no text field sees them.
pub fn pressed(ctx: &egui::Context) -> Vec<Action> {
    let actions = ENTRIES.iter().map(|entry| entry.action);
    actions.filter(|action| action.take_key(ctx)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_keys_belong_to_one_action_each() {
        let names: BTreeSet<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ENTRIES.len());
        let mut keys = Vec::new();
        for entry in ENTRIES {
            let shortcut = entry.shortcut.expect("every action has a key");
            assert!(
                !keys.contains(&shortcut),
                "{} has the key of another action",
                entry.name
            );
            keys.push(shortcut);
        }
        let actions: BTreeSet<Action> = ENTRIES.iter().map(|entry| entry.action).collect();
        assert_eq!(actions.len(), ENTRIES.len());
        for panel in Panel::ALL {
            assert_eq!(Action::Focus(panel).entry().action, Action::Focus(panel));
        }
    }
}
