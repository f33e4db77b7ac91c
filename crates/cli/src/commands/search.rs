//! `carrot search`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context as _;
use carrot_environment::Task;
use carrot_optimizer::{Policy, PpoSettings};
use carrot_physics::write_gif;
use carrot_reward_search::{
    Event, Evolve, OpenAi, OpenAiSettings, Proposer, ProposerError, Random, Replay, Retrained, Retraining,
    SearchConfig, SearchError, Winner, retrain, search,
};
use carrot_run_record::{Outcome, RecordError, RunRecord};
use carrot_workbench::{ProgramBytes, Workbench};
use serde_json::json;

use super::{play, policy, runs};
use crate::arguments::{ProposerKind, Search};
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};
use crate::report::Report;

/// What the record keeps beside the search's own config, so that `--resume` needs nothing else.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct RunConfig {
    #[serde(flatten)]
    search: SearchConfig,
    final_seeds: u32,
    final_steps: u64,
}

/// Searches, trains the winner and the human reward again, draws the film and writes the report.
pub fn run(options: &Search, envs: &Path, quiet: bool) -> Result<Answer, Failure> {
    let (config, task, record, proposer) = match &options.resume {
        Some(run) => resumed(run, envs, options.workers)?,
        None => started(options, envs)?,
    };
    let known_evaluations = record.evaluation_count()?;
    let run = Run {
        bench: Workbench::new(task)?,
        proposer_label: config.search.proposer.clone(),
        config,
        record,
        interrupted: interrupt_flag(),
        quiet,
        started: Instant::now(),
        known_evaluations,
    };
    let resume_hint = format!("carrot search --resume {}", run.record.dir().display());
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

/// What a search starts from.
type Start = (RunConfig, Task, RunRecord, Box<dyn Proposer>);

fn started(options: &Search, envs: &Path) -> Result<Start, Failure> {
    let task = files::task(envs, options.task.as_deref().unwrap_or_default(), options.engine)?;
    let mut search = SearchConfig {
        task: task.id.clone(),
        engine: options.engine,
        strategy: options.strategy.clone(),
        proposer: match options.proposer {
            ProposerKind::Evolve => "evolve",
            ProposerKind::Random => "random",
            ProposerKind::Openai => "openai",
            ProposerKind::Replay => "replay",
        }
        .into(),
        generations: options.generations,
        candidates: options.candidates,
        episodes: options.episodes,
        seed: options.seed,
        finalists: options.finalists,
        finalist_seeds: options.finalist_seeds,
        repairs: options.repairs,
        workers: options.workers.unwrap_or_else(files::cores),
        include: options.include.iter().map(|path| path.display().to_string()).collect(),
        model: options.model.clone(),
        base_url: options.base_url.clone(),
        temperature: options.temperature,
        max_requests: options.max_requests,
        max_tokens: options.max_tokens,
        replay: options.replay.as_ref().map(|path| path.display().to_string()),
        ..SearchConfig::default()
    };
    let preset = PpoSettings::default()
        .with_overrides(&task.ppo)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    search.steps = options.steps.unwrap_or(preset.steps);
    search.validate().map_err(Failure::Usage)?;
    for file in &options.include {
        files::program(file)?;
    }
    let config = RunConfig {
        final_steps: options.final_steps.unwrap_or(search.steps),
        final_seeds: options.final_seeds,
        search,
    };
    // Before the record: a proposer that cannot start should not leave a run behind.
    let proposer = proposer(&config.search)?;
    let table = toml::Table::try_from(&config).context("the settings cannot be written as TOML")?;
    let record = match &options.out {
        Some(dir) => RunRecord::create(dir, &table).map_err(exists_is_usage)?,
        None => create_beside(&task.id, options.seed, &table)?,
    };
    Ok((config, task, record, proposer))
}

/// Who writes the programs. What it lacks, such as a key or the run to replay, is the user's to give.
fn proposer(config: &SearchConfig) -> Result<Box<dyn Proposer>, Failure> {
    let unusable = |error: ProposerError| match error {
        ProposerError::Settings(message) | ProposerError::Replay(message) => Failure::Usage(message),
        ProposerError::Record(RecordError::NotFound(message)) => Failure::Usage(message),
        error => error.into(),
    };
    Ok(match config.proposer.as_str() {
        "evolve" => Box::new(Evolve::new()),
        "random" => Box::new(Random::new()),
        "replay" => {
            let run = Path::new(config.replay.as_deref().unwrap_or_default());
            Box::new(Replay::load(run).map_err(unusable)?)
        }
        _ => Box::new(OpenAi::from_env(OpenAiSettings::from_config(config)).map_err(unusable)?),
    })
}

fn resumed(run: &Path, envs: &Path, workers: Option<usize>) -> Result<Start, Failure> {
    let record = RunRecord::open(run).map_err(|error| match error {
        RecordError::NotFound(message) => Failure::Usage(message),
        error => error.into(),
    })?;
    let config = record.config()?;
    let mut config: RunConfig = config
        .try_into()
        .with_context(|| format!("{}: config.toml", run.display()))?;
    config.search.workers = workers.unwrap_or_else(files::cores);
    let task = files::task(envs, &config.search.task, config.search.engine)?;
    let proposer = proposer(&config.search)?;
    Ok((config, task, record, proposer))
}

/// A folder of its own below `runs`: `runs/<env>-<task>-<seed>`, with a number behind it where that is taken.
fn create_beside(task: &str, seed: u64, config: &toml::Table) -> Result<RunRecord, Failure> {
    let name = format!("{}-{seed}", task.replace('/', "-"));
    for attempt in 1.. {
        let dir = PathBuf::from("runs").join(if attempt == 1 {
            name.clone()
        } else {
            format!("{name}-{attempt}")
        });
        match RunRecord::create(&dir, config) {
            Err(RecordError::Exists(_)) => {}
            result => return Ok(result?),
        }
    }
    unreachable!("one of the numbers is free")
}

fn exists_is_usage(error: RecordError) -> Failure {
    match error {
        RecordError::Exists(dir) => Failure::Usage(format!(
            "{dir} exists already; go on with it by --resume {dir}, or choose another name with --out",
            dir = dir.display()
        )),
        error => error.into(),
    }
}

struct Run {
    config: RunConfig,
    bench: Workbench,
    record: RunRecord,
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

impl Run {
    fn finish(self, mut proposer: Box<dyn Proposer>) -> Result<Answer, RunFailure> {
        let winner = self.search(proposer.as_mut())?;
        let comparison = self.retrain(&winner)?;
        let pictures = self.pictures(&winner, &comparison)?;
        let trainings = self.record.evaluation_count()? - self.known_evaluations;
        Ok(self.answer(&winner, &comparison, &pictures, trainings))
    }

    fn search(&self, proposer: &mut dyn Proposer) -> Result<Winner, RunFailure> {
        let config = &self.config.search;
        let planned = u64::from(config.generations) * u64::from(config.candidates) * config.steps;
        let progress = Progress::new(planned, self.quiet);
        progress.line(&format!(
            "{}  →  {}",
            self.bench.task.instruction,
            self.record.dir().display()
        ));
        let result = search(
            config,
            &self.bench,
            &self.record,
            proposer,
            &|event| show(&progress, event),
            &self.interrupted,
        );
        progress.finish();
        result.map_err(RunFailure::Search)
    }

    fn retrain(&self, winner: &Winner) -> Result<Vec<Retrained>, RunFailure> {
        if self.config.final_seeds == 0 {
            return Ok(Vec::new());
        }
        let mut programs = vec![(
            "winner".to_owned(),
            ProgramBytes::restore(&winner.candidate.program, &self.record)?,
        )];
        if let Some(path) = &self.bench.task.human_reward {
            programs.push(("human".to_owned(), files::program(path)?));
        }
        // Seeds that no candidate was selected on.
        let seeds: Vec<u64> = (1..=u64::from(self.config.final_seeds))
            .map(|k| self.config.search.seed + k)
            .collect();
        let settings = self.config.search.settings(&self.bench.task).map_err(Failure::Usage)?;
        let settings = settings.with_steps(self.config.final_steps);
        let planned = settings.steps() * (seeds.len() * programs.len()) as u64;
        let progress = Progress::new(planned, self.quiet);
        let names: Vec<&str> = programs.iter().map(|(name, _)| name.as_str()).collect();
        progress.line(&format!(
            "training {} again on {} fresh seeds",
            names.join(" and "),
            seeds.len()
        ));
        let retraining = Retraining {
            settings,
            episodes: self.config.search.episodes,
            seeds: &seeds,
            workers: self.config.search.workers,
        };
        let result = retrain(
            &self.bench,
            &self.record,
            &programs,
            &retraining,
            &|steps| progress.set(steps),
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
            winner: (runs::label(&winner.candidate), &winner.source),
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
            runs::label(&winner.candidate),
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
                self.config.final_seeds, self.config.final_steps
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
        Event::Proposed { .. } => {}
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
                runs::label(candidate),
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
