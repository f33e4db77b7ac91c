//! What a search starts from: the command line, or the folder of a run.
//!
//! A run may be older than its first search: the studio makes one when a person first says something. Its config then says
//! as much as the studio knew, and what it leaves out is filled in here, as the command line would, before anything runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carrot_environment::Task;
use carrot_optimizer::PpoSettings;
use carrot_reward_search::{Evolve, OpenAi, OpenAiSettings, Proposer, ProposerError, Random, Replay, SearchConfig};
use carrot_run_record::{RecordError, RunRecord};
use serde_json::json;

use crate::arguments::{ProposerKind, Search};
use crate::files;
use crate::output::Failure;

/// What the record keeps beside the search's own config, so that `--resume` needs nothing else.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct RunConfig {
    #[serde(flatten)]
    pub search: SearchConfig,
    /// On how many fresh seeds the winner is trained again.
    #[serde(default = "final_seeds")]
    pub final_seeds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    final_steps: Option<u64>,
}

fn final_seeds() -> u32 {
    3
}

impl RunConfig {
    /// Steps of these trainings.
    pub fn final_steps(&self) -> u64 {
        self.final_steps.unwrap_or(self.search.steps)
    }

    fn table(&self) -> Result<toml::Table, Failure> {
        Ok(toml::Table::try_from(self).context("the settings cannot be written as TOML")?)
    }
}

/// Everything that a search needs beside its record.
pub struct Start {
    pub config: RunConfig,
    pub task: Task,
    pub proposer: Box<dyn Proposer>,
}

/// A new run with the settings of the command line.
pub fn started(options: &Search, envs: &Path) -> Result<(RunRecord, Start), Failure> {
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
        generations: options.generations.unwrap_or(SearchConfig::default().generations),
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
    search.steps = match options.steps {
        Some(steps) => steps,
        None => preset_steps(&task)?,
    };
    search.validate().map_err(Failure::Usage)?;
    for file in &options.include {
        files::program(file)?;
    }
    let config = RunConfig {
        final_steps: Some(options.final_steps.unwrap_or(search.steps)),
        final_seeds: options.final_seeds,
        search,
    };
    // Before the record: a proposer that cannot start should not leave a run behind.
    let proposer = proposer(&config.search)?;
    let table = config.table()?;
    let record = match &options.out {
        Some(dir) => RunRecord::create(dir, &table).map_err(exists_is_usage)?,
        None => create_beside(&task.id, options.seed, &table)?,
    };
    Ok((record, Start { config, task, proposer }))
}

/// Opens a run to go on with it.
pub fn open(run: &Path) -> Result<RunRecord, Failure> {
    RunRecord::open(run).map_err(|error| match error {
        RecordError::NotFound(message) => Failure::Usage(message),
        error => error.into(),
    })
}

/// A run with its own settings; only the number of its rounds may change.
pub fn resumed(options: &Search, record: &RunRecord, envs: &Path) -> Result<Start, Failure> {
    let file = record.dir().join("config.toml");
    let table = record.config()?;
    let begun = record.begun_generations()? > 0;
    if !begun {
        check_keys(&table).map_err(|message| Failure::Usage(format!("{}: {message}", file.display())))?;
    }
    let given = |key: &str| table.contains_key(key);
    let mut config: RunConfig = table.clone().try_into().with_context(|| file.display().to_string())?;
    let task = files::task(envs, &config.search.task, config.search.engine)?;
    if !given("steps") {
        config.search.steps = preset_steps(&task)?;
    }
    if let (false, Ok(url)) = (given("base_url"), std::env::var("OPENAI_BASE_URL")) {
        config.search.base_url = url;
    }
    config.final_steps = Some(config.final_steps());
    let changed = options
        .generations
        .filter(|rounds| *rounds != config.search.generations);
    config.search.generations = changed.unwrap_or(config.search.generations);
    config
        .search
        .validate()
        .map_err(|message| Failure::Usage(format!("{}: {message}", file.display())))?;
    let proposer = proposer(&config.search)?;
    match (begun, changed) {
        (false, _) => record.set_config(&config.table()?)?,
        (true, Some(rounds)) => {
            let mut table = table;
            table.insert("generations".into(), i64::from(rounds).into());
            record.set_config(&table).map_err(|error| match error {
                RecordError::Refused(message) => Failure::Usage(message),
                error => error.into(),
            })?;
            record.put_fact("finished", &json!(false))?;
        }
        (true, None) => {}
    }
    config.search.workers = options.workers.unwrap_or_else(files::cores);
    Ok(Start { config, task, proposer })
}

/// Steps of a candidate where nobody says how many.
fn preset_steps(task: &Task) -> Result<u64, Failure> {
    let preset = PpoSettings::default().with_overrides(&task.ppo);
    preset
        .map(|settings| settings.steps)
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// A slip of the pen must not become a default. Errors: one sentence naming the first unknown key.
fn check_keys(table: &toml::Table) -> Result<(), String> {
    let mut known: BTreeSet<String> = SearchConfig::keys();
    known.extend(["final_seeds".to_owned(), "final_steps".to_owned()]);
    let Some(unknown) = table.keys().find(|key| !known.contains(*key)) else {
        return Ok(());
    };
    Err(match files::nearest(unknown, known.iter().map(String::as_str)) {
        Some(near) => format!("there is no setting `{unknown}`; did you mean `{near}`?"),
        None => format!("there is no setting `{unknown}`; docs/search.md lists them"),
    })
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
        "openai" => Box::new(OpenAi::from_env(OpenAiSettings::from_config(config)).map_err(unusable)?),
        other => {
            return Err(Failure::Usage(format!(
                "`proposer` is `{other}`; there are `evolve`, `random`, `openai` and `replay`"
            )));
        }
    })
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
