//! From a program to a candidate: its outcome comes from the record where it is known, else from a training.

use carrot_reward_interface::Diagnostic;
use carrot_run_record::{Candidate, Job, Outcome, candidate_name};
use carrot_workbench::{ProgramBody, ProgramBytes};

use super::{Search, SearchError};
use crate::event::Event;
use crate::executor::run_all;
use crate::proposer::Proposal;

/// A program that has a place but no outcome yet.
pub(super) struct Draft {
    pub generation: u32,
    pub index: u32,
    pub proposer: String,
    pub note: String,
    pub program: ProgramBytes,
    /// What refuses it before it is compiled.
    pub findings: Vec<Diagnostic>,
}

impl Search<'_> {
    /// Gives every draft its outcome: from the record where it is known, else by compiling and training. Equal programs
    /// are trained once. Results are recorded as they come; the returned order is that of the drafts.
    pub(super) fn evaluate(&self, drafts: Vec<Draft>) -> Result<Vec<Candidate>, SearchError> {
        let jobs: Vec<Job> = drafts
            .iter()
            .map(|draft| self.evaluator().job(&draft.program, self.config.seed))
            .collect();
        // Drafts with equal programs share a group, and the first one's outcome.
        let mut groups: Vec<(&Job, Vec<&Draft>)> = Vec::new();
        for (draft, job) in drafts.iter().zip(&jobs) {
            match groups
                .iter_mut()
                .find(|(known, members)| *known == job && members[0].findings == draft.findings)
            {
                Some((_, members)) => members.push(draft),
                None => groups.push((job, vec![draft])),
            }
        }
        let candidates = run_all(self.config.workers, &groups, |(_, members)| {
            self.evaluate_group(members)
        })?;
        let mut candidates: Vec<Candidate> = candidates.into_iter().flatten().collect();
        candidates.sort_by_key(|candidate| candidate.index);
        Ok(candidates)
    }

    fn evaluate_group(&self, members: &[&Draft]) -> Result<Vec<Candidate>, SearchError> {
        let (outcome, reused) = self.outcome(members[0])?;
        let mut candidates = Vec::new();
        for (nth, draft) in members.iter().enumerate() {
            if nth > 0 {
                self.steps.unplan(self.settings.steps());
            }
            let candidate = Candidate {
                generation: draft.generation,
                index: draft.index,
                proposer: draft.proposer.clone(),
                note: draft.note.clone(),
                program: draft.program.store(self.record)?,
                outcome: self.renamed(outcome.clone(), &draft.program.file),
            };
            self.record.put_candidate(&candidate)?;
            let (steps_done, steps_planned) = self.steps.read();
            let reused = reused || nth > 0;
            (self.observer)(&Event::Finished {
                candidate: Box::new(candidate.clone()),
                reused,
                steps_done,
                steps_planned,
            });
            candidates.push(candidate);
        }
        Ok(candidates)
    }

    /// The outcome of one program, and whether the record already had it.
    fn outcome(&self, draft: &Draft) -> Result<(Outcome, bool), SearchError> {
        let budget = self.settings.steps();
        if !draft.findings.is_empty() {
            self.steps.unplan(budget);
            let diagnostics = draft.findings.clone();
            return Ok((Outcome::Rejected { diagnostics }, false));
        }
        let mut counted = 0;
        let outcome = self
            .evaluator()
            .outcome(&draft.program, self.config.seed, &mut |progress| {
                self.steps.take(progress.steps - counted);
                counted = progress.steps;
                let (steps_done, steps_planned) = self.steps.read();
                (self.observer)(&Event::Progress {
                    generation: draft.generation,
                    index: draft.index,
                    steps: progress.steps,
                    fitness: progress.checkpoint.as_ref().and_then(|checkpoint| checkpoint.fitness),
                    steps_done,
                    steps_planned,
                });
            })?;
        self.steps.unplan(budget.saturating_sub(counted));
        self.steps.plan(counted.saturating_sub(budget));
        Ok(outcome)
    }

    /// An outcome may come from an equal program under another name; its messages then name the wrong file.
    fn renamed(&self, mut outcome: Outcome, file: &str) -> Outcome {
        match &mut outcome {
            Outcome::Rejected { diagnostics } => diagnostics.iter_mut().for_each(|found| found.file = file.into()),
            Outcome::Stopped { stop } if stop.file != self.bench.task.program.1.display().to_string() => {
                stop.file = file.into();
            }
            Outcome::Stopped { .. } | Outcome::Evaluated(_) => {}
        }
        outcome
    }
}

/// A program as a proposer gave it.
pub(super) fn draft(generation: u32, index: u32, proposer: &str, proposal: Proposal) -> Draft {
    let file = format!("{}.py", candidate_name(generation, index));
    Draft {
        generation,
        index,
        proposer: proposer.into(),
        note: proposal.note,
        findings: proposal
            .diagnostics
            .into_iter()
            .map(|diagnostic| Diagnostic {
                file: file.clone(),
                ..diagnostic
            })
            .collect(),
        program: ProgramBytes {
            file,
            body: ProgramBody::Source(proposal.text),
        },
    }
}
