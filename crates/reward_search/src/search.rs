//! The Eureka strategy: K candidates in each of N generations, each generation shown the best program so far and what its
//! training looked like.
//!
//! The course of a search is a pure function of its config, of the answers of its proposer and of what people said up to the
//! beginning of each generation ([`crate::listening`]). A resumed search therefore
//! simply runs again from the start: whatever the record already holds, evaluations by job and answers by request, is read
//! instead of done, and the first step that is missing is the one that the kill interrupted.
//!
//! Every program that was ever proposed has its own row, by (generation, index): the K proposals come first, the r-th
//! repairs of candidate `i` at `i + r·K`, then the included files, and last a program that a person edited.

mod judging;

use std::sync::atomic::AtomicBool;

use carrot_optimizer::Settings;
use carrot_run_record::{Candidate, RecordError, RunRecord, candidate_name};
use serde_json::json;

use crate::basis;
use crate::config::SearchConfig;
use crate::evaluator::Evaluator;
use crate::event::{Event, Steps};
use crate::finalists;
use crate::included::included;
use crate::listening::{Heard, Setting, newest_program, told};
use crate::prompt;
use crate::proposer::{Proposal, Proposer, ProposerError, Purpose, Request};
use crate::retrain::{Retrained, Retraining, retrain};
use carrot_workbench::{ProgramBody, ProgramBytes, Workbench};
use judging::{Draft, draft};

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

/// How a search ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// It went to its end.
    Winner(Box<Winner>),
    /// It paused as asked, with so many generations complete. Called again it goes on.
    Paused {
        /// Complete generations.
        generations: u32,
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
    let (mut search, name) = Search::prepare(
        config,
        config.generations,
        bench,
        record,
        proposer,
        observer,
        interrupted,
    )?;
    let ended_early = search.generations(config.generations, proposer)?;
    search.winner(name, ended_early)
}

/// As [`search`], but pauses once `pause_after` generations are complete, where there are more, so that people can say what
/// they think before the next one begins.
pub fn search_until(
    config: &SearchConfig,
    pause_after: u32,
    bench: &Workbench,
    record: &RunRecord,
    proposer: &mut dyn Proposer,
    observer: &(dyn Fn(&Event) + Sync),
    interrupted: &AtomicBool,
) -> Result<Ended, SearchError> {
    if pause_after >= config.generations {
        let winner = search(config, bench, record, proposer, observer, interrupted)?;
        return Ok(Ended::Winner(Box::new(winner)));
    }
    let (mut search, name) = Search::prepare(config, pause_after, bench, record, proposer, observer, interrupted)?;
    match search.generations(pause_after, proposer)? {
        None => Ok(Ended::Paused {
            generations: pause_after,
        }),
        spent => Ok(Ended::Winner(Box::new(search.winner(name, spent)?))),
    }
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

impl<'a> Search<'a> {
    /// A search of which nothing has happened yet, and its proposer's name.
    fn prepare(
        config: &'a SearchConfig,
        rounds: u32,
        bench: &'a Workbench,
        record: &'a RunRecord,
        proposer: &dyn Proposer,
        observer: &'a (dyn Fn(&Event) + Sync),
        interrupted: &'a AtomicBool,
    ) -> Result<(Self, String), SearchError> {
        config.validate().map_err(SearchError::Config)?;
        let settings = config.settings(&bench.task).map_err(SearchError::Config)?;
        basis::check(bench, record)?;
        let included = included(&config.include, record)?;
        let planned = u64::from(rounds) * u64::from(config.candidates) + included.len() as u64;
        record.put_fact("proposer", &json!(proposer.name()))?;
        let search = Self {
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
        Ok((search, proposer.name()))
    }

    /// The first `rounds` rounds. Gives the reason where a budget ended them early.
    fn generations(&mut self, rounds: u32, proposer: &mut dyn Proposer) -> Result<Option<String>, SearchError> {
        for generation in 0..rounds {
            match self.generation(generation, proposer) {
                Err(SearchError::Proposer(ProposerError::Budget(reason))) if self.best().is_some() => {
                    return Ok(Some(reason));
                }
                result => result?,
            }
        }
        Ok(None)
    }

    /// One round with its repairs; what is completed is in the history even where a later step fails.
    fn generation(&mut self, generation: u32, proposer: &mut dyn Proposer) -> Result<(), SearchError> {
        self.evaluator().check_interrupt()?;
        (self.observer)(&Event::GenerationStarted {
            generation,
            generations: self.config.generations,
        });
        let count = self.config.candidates;
        let heard = Heard::listen(self.record, generation, &self.history)?;
        let edited = self.edited_draft(generation, &heard);
        let messages = self.messages(generation, &heard, edited.as_ref());
        let mut proposals = self.ask(proposer, generation, Purpose::Generate { count }, messages, &heard)?;
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
        if let Some(edited) = edited {
            self.steps.plan(self.settings.steps());
            drafts.push(edited);
        }
        let mut latest = self.evaluate(drafts)?;
        self.remember(&latest);
        for _ in 0..self.config.repairs {
            let drafts = self.repairs(generation, proposer, &latest, &heard)?;
            latest = self.evaluate(drafts)?;
            self.remember(&latest);
        }
        (self.observer)(&Event::GenerationCompleted { generation });
        Ok(())
    }

    /// The conversation that asks for the programs of a round.
    fn messages(&self, generation: u32, heard: &Heard, edited: Option<&Draft>) -> Vec<prompt::Message> {
        let (fittest, preferred) = (self.best(), self.preferred(heard));
        let base = preferred.or(fittest);
        let setting = Setting {
            bench: self.bench,
            history: &self.history,
            base,
            fittest,
            entering: edited.map(|draft| candidate_name(draft.generation, draft.index)),
        };
        let people = told(heard, &setting);
        prompt::generate(
            &self.bench.task,
            base,
            &self.failed_round(generation),
            people.as_deref(),
        )
    }

    /// The candidate that people clearly prefer to the fittest one.
    fn preferred(&self, heard: &Heard) -> Option<&Candidate> {
        heard.opinions.clearly_preferred(&self.history, self.best()?)
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
        heard: &Heard,
    ) -> Result<Vec<Draft>, SearchError> {
        let mut drafts = Vec::new();
        let proposed = |candidate: &Candidate| candidate.proposer != FILE && candidate.proposer != HUMAN;
        let failed = |candidate: &&Candidate| !is_evaluated(candidate) && proposed(candidate);
        for candidate in latest.iter().filter(failed) {
            self.evaluator().check_interrupt()?;
            let messages = prompt::repair(&self.bench.task, candidate);
            let proposals = self.ask(proposer, generation, Purpose::Repair { of: candidate }, messages, heard)?;
            let Some(mut proposal) = proposals.into_iter().next() else {
                continue;
            };
            proposal.note = format!("repair of {}", candidate.name());
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
        heard: &Heard,
    ) -> Result<Vec<Proposal>, SearchError> {
        // Before it is asked: what a proposer was told is in the record even where it never answers.
        let wanted = match purpose {
            Purpose::Generate { .. } => "generate".to_owned(),
            Purpose::Repair { of } => format!("repair {}", of.name()),
        };
        self.record.put_prompt(generation, &wanted, &json!(messages))?;
        let request = Request {
            generation,
            purpose,
            messages,
            instruction: &self.bench.task.instruction,
            schema: &self.bench.task.schema,
            history: &self.history,
            preferred: self.preferred(heard),
            opinions: &heard.opinions,
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
                candidate.name(),
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

    /// The first place after the proposals and their repairs.
    fn first_further_place(&self) -> u32 {
        self.config.candidates * (self.config.repairs + 1)
    }

    /// What people edited last, where it is no candidate yet: it takes the place after everything else.
    fn edited_draft(&self, generation: u32, heard: &Heard) -> Option<Draft> {
        let included = if generation == 0 { self.included.len() as u32 } else { 0 };
        // An included file is a candidate of this very round.
        let is_included = |text: &str| {
            let body = ProgramBody::Source(text.to_owned());
            generation == 0 && self.included.iter().any(|program| program.body == body)
        };
        let edit = newest_program(heard, &self.history, self.bench).filter(|edit| !is_included(edit.text))?;
        let index = self.first_further_place() + included;
        Some(Draft {
            generation,
            index,
            proposer: HUMAN.into(),
            note: edit.summary.to_owned(),
            program: ProgramBytes {
                file: format!("{}.py", candidate_name(generation, index)),
                body: ProgramBody::Source(edit.text.to_owned()),
            },
            findings: Vec::new(),
        })
    }

    fn included_drafts(&self) -> Vec<Draft> {
        self.included
            .iter()
            .zip(self.first_further_place()..)
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
}

/// The choice among the finalists.
struct Confirmed<'a> {
    best: &'a Candidate,
    fitness: f64,
    finalists: Vec<Retrained>,
}

/// Proposer of programs that the user included.
const FILE: &str = "file";

/// Proposer of programs that a person edited while the search was going on.
const HUMAN: &str = "human";

fn is_evaluated(candidate: &Candidate) -> bool {
    candidate.fitness().is_some()
}
