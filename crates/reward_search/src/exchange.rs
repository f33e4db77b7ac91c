//! One question to a language model and one sample of its answer, as the record keeps them.

use carrot_reward_interface::schema::hex;
use carrot_run_record::{RecordError, RunRecord};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::extract;
use crate::prompt::Message;
use crate::proposer::{Proposal, ProposerError, Purpose, Request};

/// What an answer is found by. Model and temperature do not change within a run and are kept with the answer instead,
/// so that a replay needs neither. The round does belong to it: the same prompt in another round wants another answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RequestKey {
    generation: u32,
    /// Candidate to repair; absent where new programs are wanted.
    repair_of: Option<u32>,
    messages: Vec<Message>,
}

impl RequestKey {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        Self {
            generation: request.generation,
            repair_of: match request.purpose {
                Purpose::Generate { .. } => None,
                Purpose::Repair { of } => Some(of.index),
            },
            messages: request.messages.clone(),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }

    pub(crate) fn hash(&self) -> String {
        hex(&Sha256::digest(self.to_json()))
    }

    /// For messages: `request of generation 1`.
    pub(crate) fn describe(&self) -> String {
        match self.repair_of {
            None => format!("request of generation {}", self.generation),
            Some(index) => format!("request to repair g{}c{index}", self.generation),
        }
    }
}

/// One sample of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// Model as the server names it.
    pub(crate) model: String,
    /// Sampling temperature.
    pub(crate) temperature: f32,
    /// The answer.
    pub(crate) content: String,
    /// Why the model stopped, where the server says so.
    pub(crate) finish_reason: Option<String>,
    /// Requests that this sample stands for: 1 for the first sample of an answer, 0 for the others.
    pub(crate) requests: u64,
    /// Tokens of the prompt, with the first sample of an answer.
    pub(crate) prompt_tokens: u64,
    /// Tokens of all samples, with the first sample of an answer.
    pub(crate) completion_tokens: u64,
}

impl Exchange {
    pub(crate) fn from_json(text: &str) -> Result<Self, ProposerError> {
        serde_json::from_str(text)
            .map_err(|error| ProposerError::Replay(format!("a recorded answer cannot be read: {error}")))
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and finite numbers are JSON")
    }

    /// The program in the answer. The file is named by the search, which knows the candidate's place.
    pub(crate) fn proposal(&self) -> Proposal {
        extract::proposal(&self.content, "reward.py")
    }
}

/// Whether a language model has answered anything of a generation.
pub(crate) fn has_answers(record: &RunRecord, generation: u32) -> Result<bool, RecordError> {
    #[derive(Deserialize)]
    struct Round {
        generation: u32,
    }
    let exchanges = record.exchanges()?;
    Ok(exchanges.iter().any(|(_, _, request, _)| {
        serde_json::from_str(request).is_ok_and(|round: Round| round.generation == generation)
    }))
}

/// All recorded samples of a run.
pub(crate) fn recorded(record: &RunRecord) -> Result<Vec<Exchange>, ProposerError> {
    record
        .exchanges()?
        .iter()
        .map(|(_, _, _, answer)| Exchange::from_json(answer))
        .collect()
}
