//! Programs that people wrote or changed themselves.

use carrot_run_record::{Candidate, EditKind, Feedback, FeedbackEntry, Program};
use carrot_workbench::{ProgramBody, ProgramBytes, Workbench};
use similar::TextDiff;

use super::Heard;

/// Of how many of the newest versions is tried whether they compile. A person at work leaves many that do not.
const TRIED: usize = 20;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Share of lines that two programs must have in common for their difference to say something.
const ALIKE: f32 = 0.4;

/// One version of the program in an editor.
#[derive(Clone, Copy)]
pub(crate) struct Edit<'a> {
    pub position: i64,
    pub text: &'a str,
    pub how: EditKind,
    pub summary: &'a str,
}

/// All versions, in order.
pub(crate) fn edits(entries: &[FeedbackEntry]) -> impl DoubleEndedIterator<Item = Edit<'_>> {
    entries.iter().filter_map(|entry| match &entry.feedback {
        Feedback::Edit { text, how, summary } => Some(Edit {
            position: entry.position,
            text,
            how: *how,
            summary,
        }),
        _ => None,
    })
}

/// The newest version that compiles. To open a program is to look at it, so what was only opened is none.
pub(crate) fn newest<'a>(heard: &'a Heard, bench: &Workbench) -> Option<Edit<'a>> {
    let own = edits(&heard.entries).filter(|edit| edit.how != EditKind::Opened);
    newest_that_compiles(own, bench)
}

fn newest_that_compiles<'a>(edits: impl DoubleEndedIterator<Item = Edit<'a>>, bench: &Workbench) -> Option<Edit<'a>> {
    let mut tried: Vec<&str> = Vec::new();
    for edit in edits.rev() {
        if tried.contains(&edit.text) {
            continue;
        }
        let program = ProgramBytes {
            file: "edit.py".into(),
            body: ProgramBody::Source(edit.text.to_owned()),
        };
        if bench.load(&program).is_ok() {
            return Some(edit);
        }
        tried.push(edit.text);
        if tried.len() == TRIED {
            break;
        }
    }
    None
}

/// The newest version that compiles, unless it is a candidate already. Older versions are steps on the way to it and are
/// not judged.
pub(crate) fn newest_program<'a>(heard: &'a Heard, history: &[Candidate], bench: &Workbench) -> Option<Edit<'a>> {
    let edit = newest(heard, bench)?;
    let known = |candidate: &Candidate| match &candidate.program {
        Program::Source { text, .. } => text == edit.text,
        Program::Wasm { .. } => false,
    };
    (!history.iter().any(known)).then_some(edit)
}

/// What people changed since the generation before.
pub(crate) struct Change<'a> {
    /// The newest version that compiles.
    pub after: Edit<'a>,
    /// What they started from; absent where they wrote a program from nothing.
    pub before: Option<&'a str>,
    /// One line for each step that has one, oldest first.
    pub steps: Vec<&'a str>,
    /// Constants were dragged and nothing else was done.
    pub sliders_only: bool,
}

/// The change between what the editor held when the generation before began, or what was opened in it since, and the newest
/// version that compiles. `base` is what an editor starts with. Absent where nothing changed.
pub(crate) fn change<'a>(heard: &'a Heard, base: Option<&'a str>, bench: &Workbench) -> Option<Change<'a>> {
    let after = newest(heard, bench).filter(|edit| edit.position > heard.before)?;
    let since = |edit: &Edit<'_>| (heard.before + 1..after.position).contains(&edit.position);
    let opened = edits(&heard.entries)
        .rev()
        .find(|edit| since(edit) && edit.how == EditKind::Opened);
    let earlier = || {
        newest_that_compiles(
            edits(&heard.entries).filter(|edit| edit.position <= heard.before),
            bench,
        )
    };
    let start = opened.or_else(earlier);
    let before = start.map(|edit| edit.text).or(base);
    if before == Some(after.text) {
        return None;
    }
    let first = opened.map_or(heard.before, |edit| edit.position) + 1;
    let own: Vec<Edit<'a>> = edits(&heard.entries)
        .filter(|edit| (first..=after.position).contains(&edit.position))
        .collect();
    Some(Change {
        after,
        before,
        steps: own
            .iter()
            .map(|edit| edit.summary)
            .filter(|line| !line.is_empty())
            .collect(),
        sliders_only: own.iter().all(|edit| edit.how == EditKind::Slider),
    })
}

impl Change<'_> {
    /// The change line by line, as `diff -u` shows it; absent where so little is left of what it came from that the program
    /// itself is easier to read.
    pub(crate) fn diff(&self) -> Option<String> {
        let diff = TextDiff::from_lines(self.before?, self.after.text);
        (diff.ratio() >= ALIKE).then(|| diff.unified_diff().context_radius(CONTEXT).to_string())
    }
}
