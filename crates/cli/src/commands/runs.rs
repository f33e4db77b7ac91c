//! `carrot runs`.

use std::path::Path;

use carrot_run_record::{Outcome, Program, Prompt, RecordError, RunRecord, RunState, SearchProgress, list};
use serde_json::json;

use crate::arguments::{Runs, RunsCommand};
use crate::curve;
use crate::output::{Answer, Failure};

/// Records.
pub fn run(options: &Runs) -> Result<Answer, Failure> {
    match &options.command {
        RunsCommand::List { dir } => list_runs(dir),
        RunsCommand::Show {
            run,
            candidate,
            prompts,
        } => {
            let record = open(run)?;
            match candidate {
                Some(label) => show_candidate(&record, label),
                None => show_run(&record, *prompts),
            }
        }
    }
}

/// Opens a run for reading; a missing one is a usage error.
pub fn open(run: &Path) -> Result<RunRecord, Failure> {
    RunRecord::open_read_only(run).map_err(|error| match error {
        RecordError::NotFound(message) => Failure::Usage(message),
        error => Failure::Fault(error.into()),
    })
}

/// One line on what became of a candidate.
pub fn outcome_line(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rejected { diagnostics } => match diagnostics.first() {
            Some(first) => format!("rejected  {first}"),
            None => "rejected".to_owned(),
        },
        Outcome::Stopped { stop } => format!("stopped   {stop}"),
        Outcome::Evaluated(evaluated) => format!(
            "fitness {:>9.4}  success {:>3.0} %  {:>5.0} steps/episode",
            evaluated.evaluation.fitness,
            evaluated.evaluation.success_rate * 100.0,
            evaluated.evaluation.episode_length
        ),
    }
}

fn list_runs(dir: &Path) -> Result<Answer, Failure> {
    let found = list(dir)?;
    let mut text = String::new();
    if found.runs.is_empty() {
        text += &format!(
            "no runs in {}; start one with carrot search --task hopper/hop_forward\n",
            dir.display()
        );
    } else {
        text += &format!(
            "{:<28} {:<22} {:<10} {:>10} {:>12}  state\n",
            "run", "task", "proposer", "candidates", "best fitness"
        );
    }
    for run in &found.runs {
        text += &format!(
            "{:<28} {:<22} {:<10} {:>10} {:>12}  {}\n",
            run.name,
            run.task.as_deref().unwrap_or("-"),
            run.proposer.as_deref().unwrap_or("-"),
            run.candidates,
            run.best_fitness.map_or("-".into(), |fitness| format!("{fitness:.4}")),
            if run.finished_unix_secs.is_some() {
                "finished"
            } else {
                "unfinished; go on with --resume"
            }
        );
    }
    let mut unreadable = Vec::new();
    // A folder of the user's own, among runs, is no broken run.
    let of_a_run = |path: &Path| {
        ["config.toml", "run.sqlite"]
            .iter()
            .any(|file| path.join(file).exists())
    };
    for (path, error) in found.unreadable.iter().filter(|(path, _)| of_a_run(path)) {
        text += &format!("unreadable: {}\n", error.to_string().trim_end());
        unreadable.push(json!({ "path": path, "message": error.to_string() }));
    }
    Ok(Answer::new(
        json!({ "runs": found.runs, "unreadable": unreadable }),
        text,
    ))
}

fn show_run(record: &RunRecord, with_prompts: bool) -> Result<Answer, Failure> {
    let config = record.config()?;
    let candidates = record.candidates()?;
    let winner = record.fact("winner")?;
    let mut text = format!("{}\n\n{}\n", record.dir().display(), config);
    for candidate in &candidates {
        text += &format!("{:<6} {}\n", candidate.name(), outcome_line(&candidate.outcome));
        if !candidate.note.is_empty() {
            text += &format!("       {}\n", candidate.note);
        }
    }
    let best = winner.as_ref().and_then(|winner| {
        candidates
            .iter()
            .find(|candidate| winner["generation"] == candidate.generation && winner["index"] == candidate.index)
    });
    match best {
        Some(best) => {
            text += &format!(
                "\nwinner {}\n\n{}\n",
                best.name(),
                carrot_reward_search::prompt::source(best)
            )
        }
        None => text += "\nno winner yet\n",
    }
    let (feedback, prompts) = (record.feedback()?, record.prompts()?);
    if !feedback.is_empty() {
        text += &format!(
            "\npeople said {}; carrot feedback {} list shows it\n",
            match feedback.len() {
                1 => "one thing".to_owned(),
                count => format!("{count} things"),
            },
            record.dir().display()
        );
    }
    if with_prompts {
        prompts.iter().for_each(|prompt| text += &told_prompt(prompt));
    }
    let (state, progress) = (record.state()?, record.progress()?);
    if let Some(state) = &state {
        text += &format!("\n{}\n", told_state(record, state, progress.as_ref())?);
    }
    let facts = ["ledger", "final"]
        .into_iter()
        .map(|name| Ok((name, record.fact(name)?)));
    let facts: Vec<_> = facts.collect::<Result<_, RecordError>>()?;
    let mut json = json!({ "dir": record.dir(), "config": config, "candidates": candidates, "winner": winner,
        "feedback": feedback, "state": state, "progress": progress });
    if with_prompts {
        let told = |prompt: &Prompt| {
            json!({ "generation": prompt.generation, "purpose": prompt.purpose, "messages": prompt.messages,
                "written_unix_secs": prompt.written_unix_secs })
        };
        json["prompts"] = prompts.iter().map(told).collect();
    }
    for (name, fact) in facts {
        json[name] = json!(fact);
    }
    Ok(Answer::new(json, text))
}

fn told_prompt(prompt: &Prompt) -> String {
    let mut text = format!("\n===== generation {}: {}\n", prompt.generation, prompt.purpose);
    for message in prompt.messages.as_array().into_iter().flatten() {
        let part = |key: &str| message[key].as_str().unwrap_or_default();
        text += &format!("--- {}\n{}\n", part("role"), part("content"));
    }
    text
}

/// How the process that searched last is, or how it ended.
fn told_state(record: &RunRecord, state: &RunState, progress: Option<&SearchProgress>) -> Result<String, RecordError> {
    Ok(match (state, progress) {
        (RunState::Running, _) if !RunRecord::is_in_use(record.dir())? => {
            "broken off; go on with --resume, nothing completed is lost".into()
        }
        (RunState::Running, Some(progress)) => format!(
            "running: generation {} of {}, {} of {} steps, {}",
            progress.generation + 1,
            progress.generations,
            progress.steps_done,
            progress.steps_planned,
            progress.doing
        ),
        (RunState::Running, None) => "running".into(),
        (RunState::Paused { message }, _) => format!("paused: {message}"),
        (RunState::Finished, _) => "finished".into(),
        (RunState::Failed { message }, _) => format!("failed: {message}"),
    })
}

fn show_candidate(record: &RunRecord, wanted: &str) -> Result<Answer, Failure> {
    let candidates = record.candidates()?;
    let Some(candidate) = candidates.iter().find(|candidate| candidate.name() == wanted) else {
        let labels: Vec<String> = candidates.iter().map(carrot_run_record::Candidate::name).collect();
        return Err(Failure::Usage(format!(
            "there is no candidate {wanted}; there are {}",
            labels.join(", ")
        )));
    };
    let mut text = format!(
        "{wanted} by {}: {}\n{}\n",
        candidate.proposer,
        candidate.note,
        outcome_line(&candidate.outcome)
    );
    match &candidate.program {
        Program::Source { text: source, .. } => {
            text += &format!("\n{source}\n");
            if let Outcome::Rejected { diagnostics } = &candidate.outcome {
                text += &carrot_reward_compiler::render(diagnostics, source, false);
            }
        }
        Program::Wasm { file, object } => text += &format!("\n{file}: module {object}\n"),
    }
    if let Outcome::Evaluated(evaluated) = &candidate.outcome {
        text += &format!("\n{}\n", curve::told(evaluated, true));
    }
    Ok(Answer::new(json!({ "candidate": candidate }), text))
}
