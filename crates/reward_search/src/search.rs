//! The Eureka strategy: K candidates in each of N generations, each generation shown the best program so far and what its
//! training looked like.
//!
//! The course of a search is a pure function of its config and of the answers of its proposer. A resumed search therefore
//! simply runs again from the start: whatever the record already holds, evaluations by job and answers by request, is read
//! instead of done, and the first step that is missing is the one that the kill interrupted.
//!
//! Every program that was ever proposed has its own row, by (generation, index): the K proposals come first, the r-th
//! repairs of candidate `i` at `i + r·K`, and the included files after them.

use std::sync::atomic::AtomicBool;

use carrot_optimizer::Settings;
use carrot_reward_interface::Diagnostic;
use carrot_run_record::{Candidate, Job, Outcome, RecordError, RunRecord};
use serde_json::json;

use crate::basis;
use crate::config::SearchConfig;
use crate::evaluator::Evaluator;
use crate::event::{Event, Steps};
use crate::executor::run_all;
use crate::finalists;
use crate::included::included;
use crate::prompt;
use crate::proposer::{Proposal, Proposer, ProposerError, Purpose, Request};
use crate::retrain::{Retrained, Retraining, retrain};
use carrot_workbench::{ProgramBody, ProgramBytes, Workbench};

/// The best program of a search.
#[derive(Debug, Clone)]
pub struct Winner {
    /// The candidate; always an evaluated one.
    pub candidate: Candidate,
    /// Its text; empty for a foreign module.
    pub source: String,
    /// Its fitness: the mean over the seed of the search and those of the finalists.
    pub fitness: f64,
    /// The best programs and their fitness on the further seeds, best of the search first.
    pub finalists: Vec<Retrained>,
    /// SHA-256 of the program.
    pub program_hash: String,
    /// Who proposed in this search; an included file can win all the same, see [`Candidate::proposer`].
    pub proposer: String,
    /// Candidates that were evaluated, of how many in all.
    pub evaluated: (usize, usize),
    /// Why the search ended before its last generation, if it did.
    pub ended_early: Option<String>,
}

/// Why a search has no winner. Everything completed is in the record, and the search can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The config means nothing.
    #[error("{0}")]
    Config(String),
    /// The proposer gave up.
    #[error("proposer: {0}")]
    Proposer(#[from] ProposerError),
    /// The record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An included program could not be read.
    #[error("{file}: {source}")]
    Include {
        /// The file.
        file: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The run rests on something else than what is at hand.
    #[error(
        "this run was started with {what} {then}, but this is {now}; their results must not be mixed: \
         go on with that one, or start a new run"
    )]
    Changed {
        /// `carrot`, `engine` or `task`.
        what: &'static str,
        /// What the run rests on.
        then: String,
        /// What is at hand.
        now: String,
    },
    /// The user stopped it.
    #[error("interrupted; resume to go on")]
    Interrupted,
    /// No program could be evaluated.
    #[error("none of the {candidates} candidates could be evaluated; the last one:\n{last}")]
    NothingEvaluated {
        /// Programs proposed.
        candidates: usize,
        /// Findings of the last one.
        last: String,
    },
}

/// Searches as `config` says, or continues the search that `record` holds.
pub fn search(
    config: &SearchConfig,
    bench: &Workbench,
    record: &RunRecord,
    proposer: &mut dyn Proposer,
    observer: &(dyn Fn(&Event) + Sync),
    interrupted: &AtomicBool,
) -> Result<Winner, SearchError> {
    config.validate().map_err(SearchError::Config)?;
    let settings = config.settings(&bench.task).map_err(SearchError::Config)?;
    basis::check(bench, record)?;
    let included = included(&config.include, record)?;
    let planned = u64::from(config.generations) * u64::from(config.candidates) + included.len() as u64;
    let mut search = Search {
        config,
        bench,
        record,
        observer,
        interrupted,
        steps: Steps::new(planned * settings.steps()),
        settings,
        included,
        history: Vec::new(),
    };
    record.put_fact("proposer", &json!(proposer.name()))?;
    let mut ended_early = None;
    for generation in 0..config.generations {
        match search.generation(generation, proposer) {
            Err(SearchError::Proposer(ProposerError::Budget(reason))) if search.best().is_some() => {
                ended_early = Some(reason);
                break;
            }
            result => result?,
        }
    }
    search.winner(proposer.name(), ended_early)
}

struct Search<'a> {
    config: &'a SearchConfig,
    bench: &'a Workbench,
    record: &'a RunRecord,
    observer: &'a (dyn Fn(&Event) + Sync),
    interrupted: &'a AtomicBool,
    steps: Steps,
    settings: Settings,
    included: Vec<ProgramBytes>,
    history: Vec<Candidate>,
}

/// A program that has a place but no outcome yet.
struct Draft {
    generation: u32,
    index: u32,
    proposer: String,
    note: String,
    program: ProgramBytes,
    findings: Vec<Diagnostic>,
}

impl Search<'_> {
    /// One round with its repairs; what is completed is in the history even where a later step fails.
    fn generation(&mut self, generation: u32, proposer: &mut dyn Proposer) -> Result<(), SearchError> {
        self.evaluator().check_interrupt()?;
        (self.observer)(&Event::GenerationStarted {
            generation,
            generations: self.config.generations,
        });
        let count = self.config.candidates;
        let failed_round = self.failed_round(generation);
        let messages = prompt::generate(&self.bench.task, self.best(), &failed_round);
        let mut proposals = self.ask(proposer, generation, Purpose::Generate { count }, messages)?;
        proposals.truncate(count as usize);
        self.steps
            .unplan((count as usize - proposals.len()) as u64 * self.settings.steps());
        (self.observer)(&Event::Proposed {
            generation,
            count: proposals.len(),
            proposer: proposer.name(),
        });

        let name = proposer.name();
        let mut drafts: Vec<Draft> = proposals
            .into_iter()
            .zip(0..)
            .map(|(proposal, index)| draft(generation, index, &name, proposal))
            .collect();
        if generation == 0 {
            drafts.extend(self.included_drafts());
        }
        let mut latest = self.evaluate(drafts)?;
        self.remember(&latest);
        for _ in 0..self.config.repairs {
            let drafts = self.repairs(generation, proposer, &latest)?;
            latest = self.evaluate(drafts)?;
            self.remember(&latest);
        }
        Ok(())
    }

    fn remember(&mut self, candidates: &[Candidate]) {
        self.history.extend_from_slice(candidates);
        self.history
            .sort_by_key(|candidate| (candidate.generation, candidate.index));
    }

    /// Programs that take the place of those in `latest` that were refused or stopped.
    fn repairs(
        &self,
        generation: u32,
        proposer: &mut dyn Proposer,
        latest: &[Candidate],
    ) -> Result<Vec<Draft>, SearchError> {
        let mut drafts = Vec::new();
        let failed = |candidate: &&Candidate| !is_evaluated(candidate) && candidate.proposer != FILE;
        for candidate in latest.iter().filter(failed) {
            self.evaluator().check_interrupt()?;
            let messages = prompt::repair(&self.bench.task, candidate);
            let proposals = self.ask(proposer, generation, Purpose::Repair { of: candidate }, messages)?;
            let Some(mut proposal) = proposals.into_iter().next() else {
                continue;
            };
            proposal.note = format!("repair of {}", label(candidate));
            self.steps.plan(self.settings.steps());
            drafts.push(draft(
                generation,
                candidate.index + self.config.candidates,
                &proposer.name(),
                proposal,
            ));
        }
        Ok(drafts)
    }

    fn ask(
        &self,
        proposer: &mut dyn Proposer,
        generation: u32,
        purpose: Purpose<'_>,
        messages: Vec<prompt::Message>,
    ) -> Result<Vec<Proposal>, SearchError> {
        let request = Request {
            generation,
            purpose,
            messages,
            instruction: &self.bench.task.instruction,
            schema: &self.bench.task.schema,
            history: &self.history,
            seed: self.config.seed,
            record: self.record,
            observer: self.observer,
            interrupted: self.interrupted,
        };
        let proposals = proposer.propose(&request).map_err(|error| match error {
            ProposerError::Interrupted => SearchError::Interrupted,
            error => SearchError::Proposer(error),
        })?;
        if let Some(ledger) = proposer.ledger(self.record)? {
            self.record.put_fact("ledger", &json!(ledger))?;
        }
        Ok(proposals)
    }

    /// Gives every draft its outcome: from the record where it is known, else by compiling and training. Equal programs
    /// are trained once. Results are recorded as they come; the returned order is that of the drafts.
    fn evaluate(&self, drafts: Vec<Draft>) -> Result<Vec<Candidate>, SearchError> {
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

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            bench: self.bench,
            record: self.record,
            settings: &self.settings,
            episodes: self.config.episodes,
            interrupted: self.interrupted,
        }
    }

    /// Trains the best programs on further seeds and chooses the one of highest mean. With no further seeds it is the best
    /// of the search. Absent where nothing was evaluated.
    fn confirm(&self) -> Result<Option<Confirmed<'_>>, SearchError> {
        let finalists = finalists::finalists(&self.history, self.config.finalists as usize);
        let seeds = finalists::seeds(self.config.seed, self.config.finalist_seeds);
        let Some(best) = self.best() else {
            return Ok(None);
        };
        let first: Vec<(f64, f64)> = finalists
            .iter()
            .filter_map(|candidate| finalists::standing(candidate))
            .collect();
        if seeds.is_empty() || finalists.len() < 2 {
            return Ok(Some(Confirmed {
                best,
                fitness: best.fitness().unwrap_or(f64::NAN),
                finalists: Vec::new(),
            }));
        }
        let programs = finalists.iter().map(|candidate| {
            Ok((
                label(candidate),
                ProgramBytes::restore(&candidate.program, self.record)?,
            ))
        });
        let programs: Vec<(String, ProgramBytes)> = programs.collect::<Result<_, RecordError>>()?;
        let retraining = Retraining {
            settings: self.settings.clone(),
            episodes: self.config.episodes,
            seeds: &seeds,
            workers: self.config.workers,
        };
        let (before, _) = self.steps.read();
        let steps_planned = before + self.settings.steps() * (programs.len() * seeds.len()) as u64;
        let observer = |steps: u64| {
            (self.observer)(&Event::Confirming {
                finalists: programs.len(),
                steps_done: before + steps,
                steps_planned,
            });
        };
        let further = retrain(
            self.bench,
            self.record,
            &programs,
            &retraining,
            &observer,
            self.interrupted,
        )?;
        // Where every finalist stopped somewhere, the most promising one is still the best that is known.
        let (position, fitness) = finalists::winner(&first, &further).unwrap_or((0, first[0].0));
        Ok(Some(Confirmed {
            best: finalists[position],
            fitness,
            finalists: further,
        }))
    }

    fn winner(&self, proposer: String, ended_early: Option<String>) -> Result<Winner, SearchError> {
        let Some(Confirmed {
            best,
            fitness,
            finalists,
        }) = self.confirm()?
        else {
            return Err(SearchError::NothingEvaluated {
                candidates: self.history.len(),
                last: self.history.last().map(prompt::findings).unwrap_or_default(),
            });
        };
        let winner = Winner {
            candidate: best.clone(),
            source: prompt::source(best).to_owned(),
            fitness,
            finalists,
            program_hash: ProgramBytes::restore(&best.program, self.record)?.hash(),
            proposer,
            evaluated: (
                self.history.iter().filter(|candidate| is_evaluated(candidate)).count(),
                self.history.len(),
            ),
            ended_early,
        };
        self.record.put_fact(
            "winner",
            &json!({
                "generation": best.generation, "index": best.index, "fitness": winner.fitness, "finalists": winner.finalists,
                "program_hash": winner.program_hash, "proposer": best.proposer, "ended_early": winner.ended_early,
            }),
        )?;
        self.record.put_fact("finished", &json!(true))?;
        Ok(winner)
    }

    /// The evaluated candidate of highest fitness; among equals the earliest.
    fn best(&self) -> Option<&Candidate> {
        let evaluated = self.history.iter().filter(|candidate| is_evaluated(candidate));
        evaluated.reduce(|best, candidate| {
            if candidate.fitness() > best.fitness() {
                candidate
            } else {
                best
            }
        })
    }

    /// All candidates of the round before `generation`, if none of them could be evaluated.
    fn failed_round(&self, generation: u32) -> Vec<&Candidate> {
        let round: Vec<&Candidate> = self
            .history
            .iter()
            .filter(|candidate| candidate.generation + 1 == generation)
            .collect();
        if round.iter().any(|candidate| is_evaluated(candidate)) {
            Vec::new()
        } else {
            round
        }
    }

    fn included_drafts(&self) -> Vec<Draft> {
        let first = self.config.candidates * (self.config.repairs + 1);
        self.included
            .iter()
            .zip(first..)
            .map(|(program, index)| Draft {
                generation: 0,
                index,
                proposer: FILE.into(),
                note: program.file.clone(),
                program: program.clone(),
                findings: Vec::new(),
            })
            .collect()
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

/// The choice among the finalists.
struct Confirmed<'a> {
    best: &'a Candidate,
    fitness: f64,
    finalists: Vec<Retrained>,
}

/// Proposer of programs that the user included.
const FILE: &str = "file";

/// `g1c3`: how notes and file names call a candidate.
pub(crate) fn label(candidate: &Candidate) -> String {
    format!("g{}c{}", candidate.generation, candidate.index)
}

fn is_evaluated(candidate: &Candidate) -> bool {
    candidate.fitness().is_some()
}

fn draft(generation: u32, index: u32, proposer: &str, proposal: Proposal) -> Draft {
    let file = format!("g{generation}c{index}.py");
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
