//! Plays back the answers of an earlier run: the same search again, without the server.
//!
//! An answer is found by the hash of its request and its sample index, so a replay notices at once when prompts, task or
//! results have changed since.

use std::collections::BTreeMap;
use std::path::Path;

use carrot_run_record::RunRecord;

use crate::exchange::{Exchange, RequestKey};
use crate::proposer::{Ledger, Proposal, Proposer, ProposerError, Purpose, Request};

/// Recorded answers.
pub struct Replay {
    origin: String,
    answers: BTreeMap<(String, u32), String>,
}

impl Replay {
    /// Reads the exchanges of a run's folder. Errors: the folder holds no run, or a run without exchanges.
    pub fn load(path: &Path) -> Result<Self, ProposerError> {
        let record = RunRecord::open_read_only(path)?;
        let answers: BTreeMap<(String, u32), String> = record
            .exchanges()?
            .into_iter()
            .map(|(hash, sample, _, response)| ((hash, sample), response))
            .collect();
        if answers.is_empty() {
            return Err(ProposerError::Replay(format!(
                "{}: this run holds no exchanges with a model; there is nothing to replay",
                path.display()
            )));
        }
        Ok(Self {
            origin: path.display().to_string(),
            answers,
        })
    }
}

impl Proposer for Replay {
    fn name(&self) -> String {
        "replay".into()
    }

    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError> {
        let count = match request.purpose {
            Purpose::Generate { count } => count,
            Purpose::Repair { .. } => 1,
        };
        let key = RequestKey::new(request);
        let hash = key.hash();
        (0..count)
            .map(|sample| {
                let answer = self.answers.get(&(hash.clone(), sample)).ok_or_else(|| {
                    ProposerError::Replay(format!(
                        "{} has no answer to sample {sample} of the {} (request {}); prompt, task, seed or results differ \
                         from those of the recorded run",
                        self.origin,
                        key.describe(),
                        &hash[..12],
                    ))
                })?;
                let exchange = Exchange::from_json(answer)?;
                if request.record.exchange(&hash, sample)?.is_none() {
                    request
                        .record
                        .put_exchanges(&hash, sample, &key.to_json(), std::slice::from_ref(answer))?;
                }
                Ok(exchange.proposal())
            })
            .collect()
    }

    fn ledger(&self, _record: &RunRecord) -> Result<Option<Ledger>, ProposerError> {
        // What the recorded run has paid is not paid again.
        Ok(Some(Ledger::default()))
    }
}
