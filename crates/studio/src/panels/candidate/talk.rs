//! What the proposer of a candidate was asked, and what it answered.

use carrot_run_record::{Candidate, Prompt};
use egui::{CollapsingHeader, Label, RichText, ScrollArea, Ui};

use crate::overview::Reply;
use crate::panels::search::grouped;
use crate::watcher::RunView;

/// Shows them.
pub(super) fn show(ui: &mut Ui, run: &RunView, candidate: &Candidate) {
    ScrollArea::vertical()
        .id_salt("talk")
        .auto_shrink(false)
        .show(ui, |ui| {
            costs(ui, run);
            // The answer first: there is one, where there may be many messages.
            let replies = replies(run, candidate);
            for (at, reply) in replies.iter().enumerate() {
                let name = if at == 0 {
                    "Reply".to_owned()
                } else {
                    format!("Reply {}", at + 1)
                };
                block(ui, ("reply", at), &name, &reply.content, true);
                ui.weak(of_reply(reply));
            }
            if replies.is_empty() {
                ui.weak(match candidate.proposer.as_str() {
                    "human" => "A person wrote it in the editor.".to_owned(),
                    "file" => "It was given as a file.".to_owned(),
                    proposer => format!(
                        "{proposer} answers with programs alone. What a language model would have read is below."
                    ),
                });
            }
            let prompts = prompts(run, candidate);
            if prompts.is_empty() {
                ui.weak("This run keeps no prompts: it was made by an older Carrot.");
            }
            for prompt in prompts {
                ui.add_space(4.0);
                ui.strong(format!(
                    "Prompt of generation {} ({})",
                    prompt.generation, prompt.purpose
                ));
                let messages = prompt.messages.as_array().map_or(&[][..], Vec::as_slice);
                let last = messages.len().saturating_sub(1);
                for (at, message) in messages.iter().enumerate() {
                    let said = |key: &str| message[key].as_str().unwrap_or_default();
                    let name = format!("{} {}: {}", said("role"), at + 1, first_words(said("content")));
                    block(ui, (&prompt.purpose, at), &name, said("content"), at == last);
                }
            }
        });
}

fn costs(ui: &mut Ui, run: &RunView) {
    let Some(ledger) = &run.ledger else { return };
    let whole = |key: &str| grouped(ledger[key].as_u64().unwrap_or_default());
    let mut words = format!(
        "The whole run: {} requests, {} tokens read, {} written",
        whole("requests"),
        whole("prompt_tokens"),
        whole("completion_tokens")
    );
    words += &match ledger["cost"].as_f64() {
        Some(cost) => format!(", cost {cost:.4}"),
        None => ", cost unknown without prices in the settings".into(),
    };
    ui.label(words);
}

fn block(ui: &mut Ui, salt: impl egui::AsIdSalt, name: &str, text: &str, open: bool) {
    CollapsingHeader::new(name)
        .id_salt(salt)
        .default_open(open)
        .show(ui, |ui| {
            ui.add(Label::new(RichText::new(text).monospace()).wrap());
        });
}

fn first_words(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    let mut words: String = line.chars().take(48).collect();
    if words.len() < line.len() {
        words.push('…');
    }
    words
}

fn of_reply(reply: &Reply) -> String {
    let mut words = reply.model.clone();
    if reply.prompt_tokens + reply.completion_tokens > 0 {
        words += &format!(
            ": {} tokens read, {} written, all samples of this answer together",
            grouped(reply.prompt_tokens),
            grouped(reply.completion_tokens)
        );
    } else {
        words += ": a further sample of an answer, counted with its first";
    }
    if let Some(cost) = reply.cost {
        words += &format!(", cost {cost:.4}");
    }
    match reply.finish_reason.as_deref() {
        None | Some("stop") => words,
        Some(reason) => format!("{words}; it ended by {reason}"),
    }
}

/// The answers that hold the candidate's text; where none does, all of its round.
fn replies<'a>(run: &'a RunView, candidate: &Candidate) -> Vec<&'a Reply> {
    let of_round = || {
        run.overview
            .replies
            .iter()
            .filter(|reply| reply.generation == candidate.generation)
    };
    let text = super::text_of(&candidate.program).unwrap_or_default().trim();
    let exact: Vec<&Reply> = of_round()
        .filter(|reply| !text.is_empty() && reply.content.contains(text))
        .collect();
    match exact.is_empty() && candidate.proposer.starts_with("openai") {
        true => of_round().collect(),
        false => exact,
    }
}

/// What was asked for a candidate: its repair, where it is one, or else for its round.
fn prompts<'a>(run: &'a RunView, candidate: &Candidate) -> Vec<&'a Prompt> {
    let purpose = match candidate.note.strip_prefix("repair of ") {
        Some(of) => format!("repair {of}"),
        None => "generate".to_owned(),
    };
    let asked = |prompt: &&Prompt| prompt.generation == candidate.generation && prompt.purpose == purpose;
    run.prompts.iter().filter(asked).collect()
}
