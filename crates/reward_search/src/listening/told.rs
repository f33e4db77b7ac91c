//! What people said, as the text of a prompt.
//!
//! A language model's memory reaches back one step, so everything that still holds is told again each time: comments,
//! ratings and the ranking as they stand, and what was edited since the generation before. Limits keep the prompt from
//! growing with every word.

use std::collections::BTreeMap;

use carrot_run_record::{Behaviour, Candidate, Feedback, program_name, text_hash};
use carrot_workbench::Workbench;
use minijinja::{Value, context};

use super::edits::{Change, change, edits};
use super::{Heard, about, behaviour_name};
use crate::prompt::{fill, source};

/// Most comments, the newest.
const COMMENTS: usize = 30;

/// Most characters of all comments together; the newest one is told whatever its length.
const COMMENT_CHARACTERS: usize = 12_000;

/// Most ratings, the newest.
const RATINGS: usize = 30;

/// Most programs in the ranking, the most preferred.
const STANDINGS: usize = 20;

/// Most steps of an edit, the newest.
const STEPS: usize = 10;

/// Most lines of an edit.
const EDIT_LINES: usize = 200;

/// Most programs that are shown for comparison, and their longest text in bytes.
const PROGRAMS: usize = 3;
const PROGRAM_BYTES: usize = 8_000;

/// What a prompt is about.
pub(crate) struct Setting<'a> {
    pub bench: &'a Workbench,
    /// Candidates with an outcome.
    pub history: &'a [Candidate],
    /// The program that the prompt builds on.
    pub base: Option<&'a Candidate>,
    /// The fittest candidate.
    pub fittest: Option<&'a Candidate>,
    /// Where the edited program enters this generation, if it does: `g1c16`.
    pub entering: Option<String>,
}

/// The text; absent where nobody said anything that a proposer could follow.
pub(crate) fn told(heard: &Heard, setting: &Setting<'_>) -> Option<String> {
    let base_text = setting.base.map(source).filter(|text| !text.is_empty());
    let change = change(heard, base_text, setting.bench);
    let (comments, older) = comments(heard, setting);
    let (ratings, standings) = (ratings(heard, setting), standings(heard));
    if comments.is_empty() && ratings.is_empty() && standings.is_empty() && change.is_none() {
        return None;
    }
    let preferred_to = setting
        .fittest
        .filter(|fittest| setting.base.is_some_and(|base| base != *fittest));
    Some(fill(
        "people.jinja",
        context! {
            base => setting.base.map(Candidate::name),
            fittest => preferred_to.map(Candidate::name),
            comments => comments,
            older => older,
            ratings => ratings,
            standings => standings,
            change => change.map(|change| told_change(&change, setting)),
            programs => programs(heard, setting),
        },
    ))
}

/// The newest comments, oldest first, and how many older ones there are.
fn comments(heard: &Heard, setting: &Setting<'_>) -> (Vec<Value>, usize) {
    let (mut told, mut older, mut characters) = (Vec::new(), 0, 0);
    for entry in heard.entries.iter().rev() {
        let Feedback::Comment { of, step, text } = &entry.feedback else {
            continue;
        };
        let text = text.trim();
        characters += text.chars().count();
        if told.len() == COMMENTS || characters > COMMENT_CHARACTERS && !told.is_empty() {
            (older, characters) = (older + 1, COMMENT_CHARACTERS + 1); // and none that is older still
            continue;
        }
        told.push(context! {
            about => place(of.as_ref(), *step, setting),
            new => entry.position > heard.before,
            text => text.replace('\n', "\n  "),
        });
    }
    told.reverse();
    (told, older)
}

/// `g0c1 (trained policy, seed 3), at 2.40 s`.
fn place(of: Option<&Behaviour>, step: Option<u64>, setting: &Setting<'_>) -> String {
    let Some(behaviour) = of else {
        return "on the task".into();
    };
    let name = behaviour_name(behaviour, setting.history);
    match step {
        Some(step) => format!(
            "on {name}, at {:.2} s",
            step as f64 * setting.bench.task.control_dt_secs()
        ),
        None => format!("on {name}"),
    }
}

/// The last rating of each behaviour, the newest ratings last.
fn ratings(heard: &Heard, setting: &Setting<'_>) -> Vec<Value> {
    let mut last: BTreeMap<&Behaviour, (i64, bool)> = BTreeMap::new();
    for entry in &heard.entries {
        if let Feedback::Rating { of, good } = &entry.feedback {
            last.insert(of, (entry.position, *good));
        }
    }
    let mut newest: Vec<(i64, &Behaviour, bool)> = last
        .into_iter()
        .map(|(of, (position, good))| (position, of, good))
        .collect();
    newest.sort_by_key(|(position, ..)| *position);
    let skipped = newest.len().saturating_sub(RATINGS);
    let told = |(_, of, good): &(i64, &Behaviour, bool)| {
        context! {
            about => behaviour_name(of, setting.history),
            word => if *good { "good" } else { "bad" },
        }
    };
    newest[skipped..].iter().map(told).collect()
}

/// Programs that were chosen or passed over, most preferred first.
fn standings(heard: &Heard) -> Vec<Value> {
    let shown = heard
        .opinions
        .standings()
        .into_iter()
        .filter(|opinion| opinion.standing.comparisons > 0);
    shown
        .take(STANDINGS)
        .map(|opinion| {
            let standing = opinion.standing;
            context! {
                name => &opinion.name,
                strength => format!("{:+.2}", standing.strength),
                low => format!("{:+.2}", standing.interval[0]),
                high => format!("{:+.2}", standing.interval[1]),
                choices => match standing.comparisons {
                    1 => "1 choice".into(),
                    count => format!("{count} choices"),
                },
            }
        })
        .collect()
}

fn told_change(change: &Change<'_>, setting: &Setting<'_>) -> Value {
    let diff = change.diff();
    let shown = diff.as_deref().unwrap_or(change.after.text);
    let mut lines: Vec<&str> = shown.trim_end().lines().take(EDIT_LINES).collect();
    if shown.lines().count() > EDIT_LINES {
        lines.push("(and so on)");
    }
    let skipped = change.steps.len().saturating_sub(STEPS);
    let steps: Vec<String> = change.steps[skipped..].iter().map(|step| (*step).to_owned()).collect();
    context! {
        from => change.before.map_or("nothing".into(), |text| program_name(&text_hash(text), setting.history)),
        name => match &setting.entering {
            Some(label) => label.clone(),
            None => program_name(&text_hash(change.after.text), setting.history),
        },
        sliders_only => change.sliders_only && !change.steps.is_empty(),
        steps => steps,
        is_diff => diff.is_some(),
        lines => lines.join("\n"),
        judged => setting.entering.is_some(),
    }
}

/// Texts of the programs that people spoke of last, other than the one that the prompt shows anyway.
fn programs(heard: &Heard, setting: &Setting<'_>) -> Vec<Value> {
    let shown = setting.base.map(|base| base.program.hash());
    let mut hashes: Vec<&str> = Vec::new();
    let mut told = Vec::new();
    for behaviour in heard.entries.iter().rev().flat_map(|entry| about(&entry.feedback)) {
        let hash = behaviour.program.as_str();
        if hashes.contains(&hash) || shown.as_deref() == Some(hash) {
            continue;
        }
        hashes.push(hash);
        let Some(text) = text_of(hash, heard, setting.history).filter(|text| text.len() <= PROGRAM_BYTES) else {
            continue;
        };
        told.push(context! { name => program_name(hash, setting.history), text => text.trim_end() });
        if told.len() == PROGRAMS {
            break;
        }
    }
    told
}

/// A candidate's text, or that of an edit.
fn text_of<'a>(hash: &str, heard: &'a Heard, history: &'a [Candidate]) -> Option<&'a str> {
    let candidate = history.iter().find(|candidate| candidate.program.hash() == hash);
    let edited = || {
        edits(&heard.entries)
            .map(|edit| edit.text)
            .find(|text| text_hash(text) == hash)
    };
    candidate.map(source).or_else(edited).filter(|text| !text.is_empty())
}
