//! What a run amounts to, worked out once for each reading of its record so that no frame has to.
//!
//! ```text
//! candidates, feedback, prompts, answers ──▶ Overview {rows, replies, versions}
//! ```
//!
//! Parents are read from the notes with which a proposer says where a program comes from (`from g0c3: …`, `cross of g0c1 and
//! g0c2`, `repair of g1c0`), and, for a language model, from the program that its prompt held up to it.

use std::collections::BTreeMap;

use carrot_run_record::{Candidate, Feedback, FeedbackEntry, Outcome, Program, Prompt};
use serde_json::Value;

use crate::opinion::Opinion;
use crate::watcher::RunView;

/// Half the width of a 95 % interval, in standard errors.
const WIDTH_95: f64 = 1.96;

/// A run at a glance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// One for each candidate, in the order of the record.
    pub rows: Vec<Row>,
    /// The fittest candidate's place in `rows`; among equals the earliest.
    pub best: Option<usize>,
    /// Answers of a language model, oldest first.
    pub replies: Vec<Reply>,
    /// Versions of the program in an editor: places in the feedback, newest first.
    pub versions: Vec<usize>,
}

/// A candidate at a glance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Generation and index.
    pub id: (u32, u32),
    /// `g1c3`.
    pub name: String,
    /// Mean fitness over the episodes of its evaluation.
    pub fitness: Option<Estimate>,
    /// Share of episodes that succeeded.
    pub success: Option<f64>,
    /// Who wrote it.
    pub proposer: String,
    /// How it came about.
    pub note: String,
    /// `evaluated`, or why not, with its code.
    pub outcome: String,
    /// Places in the rows of those it was made from.
    pub parents: Vec<usize>,
    /// Place within its generation, from 0 and without gaps.
    pub place: usize,
    /// What people said of its program.
    pub said: Said,
}

/// A mean with what is uncertain about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % interval of the mean; absent with fewer than two episodes.
    pub half_width: Option<f64>,
}

/// What people said of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its place in the ranking, from 1; absent where it was in no choice between two that counts.
    pub rank: Option<usize>,
    /// Behaviours called good.
    pub good: usize,
    /// Behaviours called bad.
    pub bad: usize,
    /// Comments.
    pub comments: usize,
}

/// One sample of a language model's answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The round that it was asked for.
    pub generation: u32,
    /// The candidate that was to be repaired.
    pub repair_of: Option<u32>,
    /// Model as the server names it.
    pub model: String,
    /// What it said.
    pub content: String,
    /// Why it stopped, where the server says so.
    pub finish_reason: Option<String>,
    /// Tokens of the prompt; 0 for further samples of one answer, which share it.
    pub prompt_tokens: u64,
    /// Tokens of the answer, all its samples together; 0 for further samples.
    pub completion_tokens: u64,
    /// What the tokens cost, where the run's settings give prices.
    pub cost: Option<f64>,
}

impl Overview {
    /// Of everything in a run.
    pub fn of(run: &RunView) -> Self {
        let mut rows: Vec<Row> = run.candidates.iter().map(row).collect();
        let mut place: BTreeMap<u32, usize> = BTreeMap::new();
        for row in &mut rows {
            let next = place.entry(row.id.0).or_default();
            row.place = *next;
            *next += 1;
        }
        let by_name: BTreeMap<String, usize> = rows.iter().map(|row| row.name.clone()).zip(0..).collect();
        let shown = programs_shown(&run.candidates, &run.prompts);
        for (at, row) in rows.iter_mut().enumerate() {
            row.parents = parents(&row.note, &by_name);
            let wrote_itself = row.proposer.starts_with("openai") || row.proposer == "replay";
            if row.parents.is_empty() && wrote_itself {
                row.parents.extend(shown.get(&row.id.0));
            }
            row.parents.retain(|&parent| parent != at);
        }
        let said = said(&run.opinion, &run.feedback);
        for (row, candidate) in rows.iter_mut().zip(run.candidates.iter()) {
            row.said = said.get(&candidate.program.hash()).cloned().unwrap_or_default();
        }
        let fitness = |at: usize| rows[at].fitness.map(|estimate| estimate.mean);
        let evaluated = (0..rows.len()).filter(|&at| fitness(at).is_some());
        let best = evaluated.reduce(|best, at| if fitness(at) > fitness(best) { at } else { best });
        let is_edit = |entry: &FeedbackEntry| matches!(entry.feedback, Feedback::Edit { .. });
        Self {
            best,
            replies: run
                .exchanges
                .iter()
                .map(|exchange| reply(exchange, &run.config))
                .collect(),
            versions: (0..run.feedback.len())
                .rev()
                .filter(|&at| is_edit(&run.feedback[at]))
                .collect(),
            rows,
        }
    }

    /// The row of a candidate.
    pub fn place_of(&self, id: (u32, u32)) -> Option<usize> {
        self.rows.binary_search_by_key(&id, |row| row.id).ok()
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // As many digits as the interval makes sense of, two at least.
        let digits = match self.half_width {
            Some(half) if half > 0.0 => (1.0 - half.log10().floor()).clamp(0.0, 6.0) as usize,
            _ => 3,
        };
        write!(f, "{:.digits$}", self.mean)?;
        match self.half_width {
            Some(half) => write!(f, " ± {half:.digits$}"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(rank) = self.rank {
            parts.push(format!("rank {rank}"));
        }
        for (count, what) in [(self.good, "good"), (self.bad, "bad")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        match self.comments {
            0 => {}
            1 => parts.push("1 comment".into()),
            comments => parts.push(format!("{comments} comments")),
        }
        f.write_str(&parts.join(", "))
    }
}

fn row(candidate: &Candidate) -> Row {
    let (fitness, success, outcome) = match &candidate.outcome {
        Outcome::Rejected { diagnostics } => {
            let codes: Vec<&str> = diagnostics
                .iter()
                .map(|finding| finding.code.as_str())
                .take(1)
                .collect();
            (
                None,
                None,
                ["rejected", codes.first().unwrap_or(&"")]
                    .join(" ")
                    .trim_end()
                    .to_owned(),
            )
        }
        Outcome::Stopped { stop } => {
            let code = serde_json::to_value(&stop.cause).ok();
            let code = code.as_ref().and_then(|cause| cause["kind"].as_str());
            (
                None,
                None,
                ["stopped", code.unwrap_or("")].join(" ").trim_end().to_owned(),
            )
        }
        Outcome::Evaluated(evaluated) => {
            let evaluation = &evaluated.evaluation;
            let episodes = evaluation.episodes as f64;
            let half_width = (evaluation.episodes > 1).then(|| WIDTH_95 * evaluation.fitness_sd / episodes.sqrt());
            let fitness = Estimate {
                mean: evaluation.fitness,
                half_width,
            };
            (Some(fitness), Some(evaluation.success_rate), "evaluated".to_owned())
        }
    };
    Row {
        id: candidate.id(),
        name: candidate.name(),
        fitness,
        success,
        proposer: candidate.proposer.clone(),
        note: candidate.note.clone(),
        outcome,
        ..Row::default()
    }
}

/// The candidates that a note names as the origin.
fn parents(note: &str, by_name: &BTreeMap<String, usize>) -> Vec<usize> {
    let origin = if let Some(rest) = note.strip_prefix("from ") {
        rest.split(':').next().unwrap_or_default()
    } else if let Some(rest) = note.strip_prefix("cross of ") {
        rest
    } else if let Some(rest) = note.strip_prefix("repair of ") {
        rest
    } else {
        return Vec::new();
    };
    let words = origin.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter_map(|word| by_name.get(word).copied()).collect()
}

/// Which candidate's program each generation's prompt held up to the proposer: the latest of those with that text.
fn programs_shown(candidates: &[Candidate], prompts: &[Prompt]) -> BTreeMap<u32, usize> {
    let mut shown = BTreeMap::new();
    for prompt in prompts.iter().filter(|prompt| prompt.purpose == "generate") {
        let messages = prompt.messages.as_array().map_or(&[][..], Vec::as_slice);
        let answers = messages.iter().filter(|message| message["role"] == "assistant");
        let Some(held_up) = answers.rev().find_map(|message| message["content"].as_str()) else {
            continue;
        };
        let earlier = |candidate: &Candidate| candidate.generation < prompt.generation;
        let found = candidates.iter().rposition(|candidate| match &candidate.program {
            Program::Source { text, .. } => earlier(candidate) && held_up.contains(text.trim()),
            Program::Wasm { .. } => false,
        });
        shown.extend(found.map(|at| (prompt.generation, at)));
    }
    shown
}

/// What was said of each program, by the hash of its text.
fn said(opinion: &Opinion, feedback: &[FeedbackEntry]) -> BTreeMap<String, Said> {
    let places = (1..).zip(&opinion.ranked);
    let mut said: BTreeMap<String, Said> = places
        .map(|(place, ranked)| {
            let of = &ranked.of;
            let compared = of.standing.comparisons > 0;
            let said = Said {
                rank: compared.then_some(place),
                good: of.ratings.0,
                bad: of.ratings.1,
                comments: 0,
            };
            (of.program.clone(), said)
        })
        .collect();
    for entry in feedback {
        if let Feedback::Comment { of: Some(of), .. } = &entry.feedback {
            said.entry(of.program.clone()).or_default().comments += 1;
        }
    }
    said
}

fn reply((request, response): &(String, String), config: &toml::Table) -> Reply {
    let request: Value = serde_json::from_str(request).unwrap_or_default();
    let response: Value = serde_json::from_str(response).unwrap_or_default();
    let whole = |value: &Value| value.as_u64().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (prompt_tokens, completion_tokens) = (whole(&response["prompt_tokens"]), whole(&response["completion_tokens"]));
    let price = |key: &str, tokens: u64| {
        let million = config
            .get(key)
            .and_then(|price| price.as_float().or(price.as_integer().map(|n| n as f64)))?;
        Some(million * tokens as f64 / 1e6)
    };
    let costs = [
        price("prompt_price", prompt_tokens),
        price("completion_price", completion_tokens),
    ];
    Reply {
        generation: whole(&request["generation"]) as u32,
        repair_of: request["repair_of"].as_u64().map(|index| index as u32),
        model: text(&response["model"]),
        content: text(&response["content"]),
        finish_reason: response["finish_reason"].as_str().map(str::to_owned),
        prompt_tokens,
        completion_tokens,
        cost: costs.into_iter().flatten().reduce(|a, b| a + b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_name_parents() {
        let names = ["g0c0", "g0c1", "g0c12", "g1c0"].map(str::to_owned);
        let by_name: BTreeMap<String, usize> = names.into_iter().zip(0..).collect();
        for (note, expected) in [
            ("from g0c1: weight of forward 1 → 2", vec![1]),
            ("from g0c12: like g0c0", vec![2]),
            ("cross of g0c0 and g0c12", vec![0, 2]),
            ("repair of g1c0", vec![3]),
            ("from g7c0: gone", vec![]),
            ("plain reading of the task", vec![]),
            ("weight of g0c0 1 → 2", vec![]),
        ] {
            assert_eq!(parents(note, &by_name), expected, "{note}");
        }
    }

    #[test]
    fn an_estimate_shows_the_digits_that_mean_something() {
        for (mean, half_width, expected) in [
            (0.943_21, Some(0.0234), "0.943 ± 0.023"),
            (812.34, Some(15.7), "812 ± 16"),
            (812.34, Some(1.57), "812.3 ± 1.6"),
            (0.5, Some(0.0), "0.500 ± 0.000"),
            (0.5, None, "0.500"),
        ] {
            assert_eq!(Estimate { mean, half_width }.to_string(), expected);
        }
    }
}
