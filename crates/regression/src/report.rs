//! A comparison in words.

use std::fmt::Write as _;

use crate::comparison::Shown;
use crate::{Case, CaseResult, Comparison, Cross, Difference, Outcome, RegressionError};

/// One rollout for people: one line where all is well, else what moved first, why as far as it is known, and the summary.
pub fn text(case: &Case) -> String {
    let verdict = verdict(&case.result);
    match &case.result {
        CaseResult::Compared(comparison) => match comparison.outcome {
            Outcome::Identical | Outcome::Within => format!("{verdict:<9} {}{}\n", case.name, well(comparison)),
            Outcome::Moved => format!("{verdict:<9} {}\n{}", case.name, moved(comparison)),
            Outcome::Unfit => format!(
                "{verdict:<9} {}\n  the golden is that of another rollout ({}); record it again with --update\n",
                case.name,
                comparison.changes.join("; ")
            ),
        },
        CaseResult::Failed(error) => {
            let error = error.to_string();
            format!(
                "{verdict:<9} {}\n  {}\n",
                case.name,
                error.trim_end().replace('\n', "\n  ")
            )
        }
    }
}

/// One word for what became of a rollout.
pub(crate) fn verdict(result: &CaseResult) -> &'static str {
    match result {
        CaseResult::Compared(comparison) => match comparison.outcome {
            Outcome::Identical => "same",
            Outcome::Within => "within",
            Outcome::Moved => "MOVED",
            Outcome::Unfit => "UNFIT",
        },
        CaseResult::Failed(RegressionError::Stopped(_)) => "STOPPED",
        CaseResult::Failed(_) => "BROKEN",
    }
}

/// What stands behind the name of a rollout that passes.
fn well(comparison: &Comparison) -> String {
    let mut text = match (comparison.outcome, comparison.largest_share) {
        (Outcome::Identical, _) => ", bit for bit".to_owned(),
        (_, Some(0.0)) => ", no number moved".to_owned(),
        (_, Some(share)) => format!(", at most {} % of what is allowed", percent(share)),
        (_, None) => String::new(),
    };
    if !comparison.only_one_side.is_empty() {
        _ = write!(text, "; {}", comparison.only_one_side.join("; "));
    }
    // Carrot's own version changes with every build.
    let changes: Vec<&str> = comparison.changes.iter().map(String::as_str).collect();
    let changes: Vec<&str> = changes
        .into_iter()
        .filter(|change| !change.starts_with("Carrot: "))
        .collect();
    if !changes.is_empty() {
        _ = write!(text, " although these changed: {}", changes.join("; "));
    }
    text
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        share if share >= 1.0 => format!("{share:.0}"),
        share => format!("{share:.1e}"),
    }
}

/// What moved first, in one line.
pub(crate) fn headline(comparison: &Comparison) -> String {
    match &comparison.first {
        Some(first) => format!(
            "{} is {}, was {}",
            place(first),
            shown(&first.got),
            shown(&first.expected)
        ),
        None => comparison.only_one_side.join("; "),
    }
}

/// Where a difference is: `step 3 (0.060 s), environment 0: variable `foot_height``.
fn place(difference: &Difference) -> String {
    let name = match difference.kind {
        "total" | "fitness" | "success" | "episode" | "fault" => difference.kind.to_owned(),
        kind => format!("{kind} `{}`", difference.name),
    };
    match (difference.step, difference.time_secs, difference.env) {
        (Some(step), Some(time), Some(env)) => {
            let step = if step == 0 {
                "at the reset".to_owned()
            } else {
                format!("at step {step} ({time:.3} s)")
            };
            format!("{step}, environment {env}: {name}")
        }
        _ => name,
    }
}

pub(crate) fn moved(comparison: &Comparison) -> String {
    let mut text = String::new();
    if let Some(first) = &comparison.first {
        _ = writeln!(text, "  first {}", place(first));
        _ = writeln!(text, "    expected    {}", shown(&first.expected));
        _ = writeln!(text, "    got         {}", shown(&first.got));
        if let Some(difference) = first.difference {
            _ = writeln!(
                text,
                "    difference  {difference:.3e} (allowed: {})",
                allowed(first.allowed)
            );
        }
        if first.kind == "state" {
            text += "    no variable of the task shows it\n";
        }
    }
    if !comparison.also.is_empty() {
        let env = comparison.first.as_ref().and_then(|first| first.env);
        let also: Vec<String> = comparison.also.iter().map(|other| also(other, env)).collect();
        _ = writeln!(text, "  in the same step: {}", also.join(", "));
    }
    for line in &comparison.only_one_side {
        _ = writeln!(text, "  {line}");
    }
    if comparison.compared > 0 {
        _ = writeln!(
            text,
            "  moved in all: {} of {} numbers",
            comparison.moved, comparison.compared
        );
    }
    match comparison.changes.as_slice() {
        [] => text += "  nothing that the golden records has changed: same files, same engine, same Carrot\n",
        changes => {
            text += "  changed since the golden was recorded:\n";
            for change in changes {
                _ = writeln!(text, "    {change}");
            }
        }
    }
    text + "\n" + &summary(comparison)
}

/// A further difference, and its environment where that is not `env`.
fn also(other: &Difference, env: Option<usize>) -> String {
    let text = match (other.difference, other.kind) {
        (Some(difference), _) => format!("{} `{}` by {difference:.1e}", other.kind, other.name),
        (None, "state") => "the state".to_owned(),
        (None, kind) => format!("{kind}: {}, was {}", shown(&other.got), shown(&other.expected)),
    };
    match other.env {
        Some(other) if Some(other) != env => format!("{text} (environment {other})"),
        _ => text,
    }
}

/// Fitness and terms, then and now.
fn summary(comparison: &Comparison) -> String {
    let width = comparison
        .summary
        .iter()
        .map(|line| line.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(8);
    let mut text = format!(
        "  {:width$} {:>12} {:>12} {:>12}\n",
        "mean", "expected", "got", "difference"
    );
    for line in &comparison.summary {
        let cell = |spread: &crate::Spread| match spread.count {
            0 => "-".to_owned(),
            _ => format!("{:.6}", spread.mean),
        };
        _ = writeln!(
            text,
            "  {:width$} {:>12} {:>12} {:>12}{}",
            line.name,
            cell(&line.expected),
            cell(&line.got),
            if line.difference == 0.0 {
                "0".into()
            } else {
                format!("{:+.3e}", line.difference)
            },
            if line.moved { "  moved" } else { "" },
        );
    }
    if comparison.summary.iter().any(|line| line.expected.count == 0) {
        text += "  (no episode ended in the golden)\n";
    }
    text
}

fn shown(value: &Shown) -> String {
    match value {
        Shown::Number(number) => format!("{number:?}"),
        Shown::Text(text) => text.clone(),
    }
}

fn allowed(allowed: f64) -> String {
    match allowed {
        0.0 => "nothing".into(),
        allowed => format!("{allowed:.3e}"),
    }
}

/// Several engines side by side, for people.
pub fn cross_text(cross: &Cross) -> String {
    let seeds = match cross.seeds.as_slice() {
        [only] => format!("seed {only}"),
        seeds => format!("seeds {} to {}", seeds[0], seeds[seeds.len() - 1]),
    };
    let name = if cross.name == cross.task {
        String::new()
    } else {
        format!("{}: ", cross.name)
    };
    let mut text = format!("{name}{} with {}, {seeds}\n", cross.task, cross.actions);
    for engine in &cross.engines {
        _ = write!(text, "  {:<16} {} episodes", engine.version, engine.episodes);
        if engine.unfinished > 0 {
            _ = write!(text, ", {} unfinished when the actions ended", engine.unfinished);
        }
        if !engine.validated {
            text += ", on which the task is not validated";
        }
        if let Some(fault) = engine.faults.first() {
            _ = write!(text, ", {} not scored: {fault}", engine.faults.len());
        }
        text.push('\n');
    }
    let width = cross
        .rows
        .iter()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(14);
    _ = write!(text, "\n  {:width$}", "mean ± sd");
    for (index, engine) in cross.engines.iter().enumerate() {
        _ = write!(text, " {:>24}", engine.engine.to_string());
        if index > 0 {
            _ = write!(text, " {:>12} {:>8}", "difference", "effect");
        }
    }
    text.push('\n');
    for row in &cross.rows {
        _ = write!(text, "  {:width$}", row.name);
        for (index, spread) in row.engines.iter().enumerate() {
            let cell = match spread.count {
                0 => "-".to_owned(),
                _ => format!("{:.4} ± {:.4}", spread.mean, spread.sd),
            };
            _ = write!(text, " {cell:>24}");
            if index > 0 && spread.count > 0 && row.engines[0].count > 0 {
                let effect = row.effects[index - 1].map_or("-".to_owned(), |effect| format!("{effect:+.2}"));
                _ = write!(text, " {:>+12.4} {effect:>8}", row.differences[index - 1]);
            } else if index > 0 {
                _ = write!(text, " {:>12} {:>8}", "-", "-");
            }
        }
        text.push('\n');
    }
    text
}
