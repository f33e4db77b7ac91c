//! `carrot search`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context as _;
use carrot_optimizer::Policy;
use carrot_physics::write_gif;
use carrot_reward_search::{
    Ended, Event, Live, Proposer, Retrained, Retraining, SearchError, Winner, retrain, search_until,
};
use carrot_run_record::{Outcome, RunRecord, RunState};
use carrot_workbench::{ProgramBytes, Workbench};
use serde_json::json;

use super::search_start::{self, RunConfig, Start};
use super::{play, policy, runs};
use crate::arguments::Search;
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};
use crate::report::Report;

/// Searches, trains the winner and the human reward again, draws the film and writes the report; or pauses before that.
pub fn run(options: &Search, envs: &Path, quiet: bool) -> Result<Answer, Failure> {
    let (record, start) = match &options.resume {
        Some(run) => {
            let record = search_start::open(run)?;
            let start = search_start::resumed(options, &record, envs)?;
            (record, start)
        }
        None => search_start::started(options, envs)?,
    };
    // Whoever watches the record learns how this process ends.
    record.put_state(&RunState::Running)?;
    let result = go(options, start, &record, quiet);
    record.put_state(&match &result {
        Ok((state, _)) => state.clone(),
        Err(Failure::Interrupted(_)) => RunState::Paused {
            message: "interrupted".into(),
        },
        Err(failure) => RunState::Failed {
            message: failure.message(),
        },
    })?;
    result.map(|(_, answer)| answer)
}

fn go(options: &Search, start: Start, record: &RunRecord, quiet: bool) -> Result<(RunState, Answer), Failure> {
    let Start { config, task, proposer } = start;
    let known_evaluations = record.evaluation_count()?;
    let run = Run {
        bench: Workbench::new(task)?,
        proposer_label: config.search.proposer.clone(),
        config,
        record,
        live: Live::new(record),
        pause_after: options.pause_after,
        interrupted: interrupt_flag(),
        quiet,
        started: Instant::now(),
        known_evaluations,
    };
    let resume_hint = format!("carrot search --resume {}", record.dir().display());
    run.finish(proposer).map_err(|failure| match failure {
        RunFailure::Search(SearchError::Interrupted) => Failure::Interrupted(format!(
            "interrupted; nothing completed is lost. Go on with: {resume_hint}"
        )),
        RunFailure::Search(SearchError::Config(message)) => Failure::Usage(message),
        RunFailure::Search(error @ SearchError::Proposer(_)) => Failure::Fault(
            anyhow::Error::new(error).context(format!("nothing completed is lost; go on with: {resume_hint}")),
        ),
        RunFailure::Search(error) => {
            Failure::Fault(anyhow::Error::new(error).context("the search ended without a winner"))
        }
        RunFailure::Other(failure) => failure,
    })
}

struct Run<'a> {
    config: RunConfig,
    bench: Workbench,
    record: &'a RunRecord,
    live: Live<'a>,
    pause_after: Option<u32>,
    interrupted: Arc<AtomicBool>,
    proposer_label: String,
    quiet: bool,
    started: Instant,
    /// Evaluations that the record already held when this session began.
    known_evaluations: usize,
}

enum RunFailure {
    Search(SearchError),
    Other(Failure),
}

impl<E: Into<Failure>> From<E> for RunFailure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl Run<'_> {
    fn finish(self, mut proposer: Box<dyn Proposer>) -> Result<(RunState, Answer), RunFailure> {
        let winner = match self.search(proposer.as_mut())? {
            Ended::Winner(winner) => winner,
            Ended::Paused { generations } => return Ok(self.paused(generations)?),
        };
        let comparison = self.retrain(&winner)?;
        let pictures = self.pictures(&winner, &comparison)?;
        let trainings = self.record.evaluation_count()? - self.known_evaluations;
        let answer = self.answer(&winner, &comparison, &pictures, trainings);
        Ok((RunState::Finished, answer))
    }

    fn search(&self, proposer: &mut dyn Proposer) -> Result<Ended, RunFailure> {
        let config = &self.config.search;
        let rounds = self.pause_after.unwrap_or(config.generations).min(config.generations);
        let planned = u64::from(rounds) * u64::from(config.candidates) * config.steps;
        let progress = Progress::new(planned, self.quiet);
        progress.line(&format!(
            "{}  →  {}",
            self.bench.task.instruction,
            self.record.dir().display()
        ));
        let result = search_until(
            config,
            self.pause_after.unwrap_or(u32::MAX),
            &self.bench,
            self.record,
            proposer,
            &|event| {
                show(&progress, event);
                self.live.note(event);
            },
            &self.interrupted,
        );
        progress.finish();
        result.map_err(RunFailure::Search)
    }

    /// What is known when a search pauses, and how to go on.
    fn paused(&self, generations: u32) -> Result<(RunState, Answer), Failure> {
        let (config, dir) = (&self.config.search, self.record.dir().display());
        let candidates = self.record.candidates()?;
        let best = candidates
            .iter()
            .filter_map(|candidate| Some((candidate, candidate.fitness()?)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        let message = format!("{generations} of {} generations are complete", config.generations);
        let json = json!({
            "paused": { "generations": generations, "of": config.generations },
            "best": best.map(|(candidate, fitness)| json!({
                "generation": candidate.generation, "index": candidate.index, "fitness": fitness,
            })),
            "candidates": candidates.len(), "trainings": self.record.evaluation_count()? - self.known_evaluations,
            "proposer": config.proposer, "seed": config.seed, "task": config.task, "run": self.record.dir(),
        });
        let best = best.map_or("nothing could be evaluated yet".to_owned(), |(candidate, fitness)| {
            format!("best so far {}, fitness {fitness:.4}", candidate.name())
        });
        let text = format!(
            "\npaused: {message}; {best}\n\nsay what you think    carrot feedback {dir} comment \"…\"\n\
             go on                 carrot search --resume {dir}\n"
        );
        Ok((RunState::Paused { message }, Answer::new(json, text)))
    }

    fn retrain(&self, winner: &Winner) -> Result<Vec<Retrained>, RunFailure> {
        if self.config.final_seeds == 0 {
            return Ok(Vec::new());
        }
        let mut programs = vec![(
            "winner".to_owned(),
            ProgramBytes::restore(&winner.candidate.program, self.record)?,
        )];
        if let Some(path) = &self.bench.task.human_reward {
            programs.push(("human".to_owned(), files::program(path)?));
        }
        // Seeds that no candidate was selected on.
        let seeds: Vec<u64> = (1..=u64::from(self.config.final_seeds))
            .map(|k| self.config.search.seed + k)
            .collect();
        let settings = self.config.search.settings(&self.bench.task).map_err(Failure::Usage)?;
        let settings = settings.with_steps(self.config.final_steps());
        let planned = settings.steps() * (seeds.len() * programs.len()) as u64;
        let progress = Progress::new(planned, self.quiet);
        let names: Vec<&str> = programs.iter().map(|(name, _)| name.as_str()).collect();
        let doing = format!("training {} again on {} fresh seeds", names.join(" and "), seeds.len());
        progress.line(&doing);
        let retraining = Retraining {
            settings,
            episodes: self.config.search.episodes,
            seeds: &seeds,
            workers: self.config.search.workers,
        };
        let result = retrain(
            &self.bench,
            self.record,
            &programs,
            &retraining,
            &|steps| {
                progress.set(steps);
                self.live.note_work(&doing, steps, planned);
            },
            &self.interrupted,
        );
        progress.finish();
        let comparison = result.map_err(RunFailure::Search)?;
        self.record
            .put_fact("final", &json!({ "seeds": seeds, "rewards": comparison }))?;
        Ok(comparison)
    }

    /// The film of the best policy that the winner has, and the report around it.
    fn pictures(&self, winner: &Winner, comparison: &[Retrained]) -> Result<Pictures, RunFailure> {
        let retrained = comparison.first().and_then(|winner| winner.policy.clone());
        let Outcome::Evaluated(evaluated) = &winner.candidate.outcome else {
            return Err(RunFailure::Other(Failure::Fault(anyhow::anyhow!(
                "the winner was not evaluated"
            ))));
        };
        let hash = retrained.unwrap_or_else(|| evaluated.policy.clone());
        let (policy, _) = Policy::from_bytes(&self.record.object(&hash)?)?;
        let dir = self.record.dir();
        let mut pictures = Pictures {
            film: None,
            problem: None,
            policy: dir.join(policy::WINNER_POLICY),
            report: dir.join("report.html"),
        };
        std::fs::write(&pictures.policy, self.record.object(&hash)?).context("the policy cannot be written")?;
        std::fs::write(dir.join("winner.py"), &winner.source).context("the program cannot be written")?;

        // A machine that cannot draw has still found a reward; the answer says what is missing.
        match play::film(
            &policy,
            self.bench.task.clone(),
            self.config.search.seed,
            8.0,
            (320, 240),
        ) {
            Ok(film) => {
                let path = dir.join("winner.gif");
                write_gif(&path, &film.frames, play::Film::FRAME_SECS)?;
                pictures.film = Some(path);
            }
            Err(Failure::Fault(error)) => pictures.problem = Some(format!("{error:#}")),
            Err(failure) => return Err(RunFailure::Other(failure)),
        }
        let facts = self.facts(winner)?;
        let report = Report {
            task: (&self.bench.task.id, &self.bench.task.instruction),
            facts: &facts,
            candidates: &self.record.candidates()?,
            winner: (winner.candidate.name(), &winner.source),
            finalists: &winner.finalists,
            comparison,
            film: pictures
                .film
                .as_ref()
                .map(std::fs::read)
                .transpose()
                .context("the film cannot be read")?,
        };
        report.write(&pictures.report).context("the report cannot be written")?;
        Ok(pictures)
    }

    fn facts(&self, winner: &Winner) -> Result<Vec<(String, String)>, Failure> {
        let config = &self.config.search;
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("proposer", winner.proposer.clone()),
            fact(
                "strategy",
                format!(
                    "{}: {} candidates × {} generations, {} steps each",
                    config.strategy, config.candidates, config.generations, config.steps
                ),
            ),
            fact(
                "evaluated",
                format!("{} of {} programs", winner.evaluated.0, winner.evaluated.1),
            ),
            fact("seed", config.seed.to_string()),
            fact(
                "task version",
                format!("{} ({})", self.bench.task.version, &self.bench.task.hash[..12]),
            ),
            fact("engine", self.bench.engine()),
            fact("carrot", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        if let Some(ledger) = self.record.fact("ledger")? {
            facts.push(fact("proposer's ledger", ledger.to_string()));
        }
        if let Some(reason) = &winner.ended_early {
            facts.push(fact("ended early", reason.clone()));
        }
        Ok(facts)
    }

    fn answer(&self, winner: &Winner, comparison: &[Retrained], pictures: &Pictures, trainings: usize) -> Answer {
        let seconds = self.started.elapsed().as_secs_f64();
        let config = &self.config.search;
        let json = json!({
            "winner": {
                "fitness": winner.fitness, "program_hash": winner.program_hash, "source": winner.source,
                "generation": winner.candidate.generation, "index": winner.candidate.index,
                "proposer": winner.candidate.proposer, "policy": pictures.policy,
            },
            "finalists": winner.finalists, "final": comparison,
            "proposer": winner.proposer, "strategy": config.strategy, "seed": config.seed, "task": config.task, "engine": self.bench.engine(),
            "generations": config.generations, "candidates": config.candidates, "steps": config.steps,
            "evaluated": winner.evaluated.0, "proposed": winner.evaluated.1, "ended_early": winner.ended_early,
            "trainings": trainings,
            "run": self.record.dir(), "film": pictures.film, "report": pictures.report, "seconds": seconds,
        });
        let mut text = format!(
            "\nwinner {}, proposed by {}, fitness {:.4}{}\n\n{}\n",
            winner.candidate.name(),
            self.proposer_label,
            winner.fitness,
            match winner.finalists.is_empty() {
                true => String::new(),
                false => format!(" (mean over {} seeds)", 1 + config.finalist_seeds),
            },
            winner.source.trim_end()
        );
        if !winner.finalists.is_empty() {
            text += &format!("\nfinalists on {} further seeds\n", config.finalist_seeds);
        }
        for finalist in &winner.finalists {
            text += &retrained_line(finalist);
        }
        if !comparison.is_empty() {
            text += &format!(
                "\ntrained again on {} fresh seeds, {} steps each\n",
                self.config.final_seeds,
                self.config.final_steps()
            );
        }
        for reward in comparison {
            text += &retrained_line(reward);
        }
        if let Some(reason) = &winner.ended_early {
            text += &format!("\nended early: {reason}\n");
        }
        match (&pictures.film, &pictures.problem) {
            (Some(film), _) => text += &format!("\nfilm    {}\n", film.display()),
            (None, problem) => text += &format!("\nno film: {}\n", problem.as_deref().unwrap_or("unknown")),
        }
        text += &format!(
            "report  {}\nrun     {}\n",
            pictures.report.display(),
            self.record.dir().display()
        );
        text += &format!("{:.0} s in all\n", seconds);
        Answer::new(json, text)
    }
}

struct Pictures {
    film: Option<PathBuf>,
    problem: Option<String>,
    policy: PathBuf,
    report: PathBuf,
}

fn retrained_line(reward: &Retrained) -> String {
    let each = |fitness: &Option<f64>| fitness.map_or("stopped".to_owned(), |fitness| format!("{fitness:.4}"));
    let per_seed: Vec<String> = reward.fitness.iter().map(each).collect();
    let mean = match (reward.mean, reward.sd) {
        (Some(mean), Some(sd)) => format!("{mean:.4} ± {sd:.4}"),
        (Some(mean), None) => format!("{mean:.4}"),
        (None, _) => format!("no mean: {}", reward.stopped.join("; ")),
    };
    format!("  {:<8} fitness {mean}   ({})\n", reward.name, per_seed.join(", "))
}

fn show(progress: &Progress, event: &Event) {
    match event {
        Event::GenerationStarted {
            generation,
            generations,
        } => {
            progress.message(format!("generation {} of {generations}", generation + 1));
        }
        Event::Proposed { .. } | Event::GenerationCompleted { .. } => {}
        Event::Progress {
            steps_done,
            steps_planned,
            ..
        } => {
            progress.plan(*steps_planned);
            progress.set(*steps_done);
        }
        Event::Finished {
            candidate,
            reused,
            steps_done,
            steps_planned,
        } => {
            let reused = if *reused { "  (from the record)" } else { "" };
            progress.line(&format!(
                "{:<6} {}{reused}",
                candidate.name(),
                runs::outcome_line(&candidate.outcome)
            ));
            progress.plan(*steps_planned);
            progress.set(*steps_done);
        }
        Event::Confirming {
            finalists,
            steps_done,
            steps_planned,
        } => {
            progress.message(format!("the best {finalists} on further seeds"));
            progress.plan(*steps_planned);
            progress.set(*steps_done);
        }
        Event::Retry {
            reason,
            wait_secs,
            attempt,
        } => {
            progress.line(&format!("{reason}; attempt {attempt} in {wait_secs:.0} s"));
        }
    }
}
