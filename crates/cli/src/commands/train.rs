//! `carrot train`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use carrot_environment::{Checkpoint, Engine, Evaluation};
use carrot_optimizer::{Left, Profile, Settings};
use carrot_reward_search::reflection;
use carrot_run_record::{Evaluated, Job, Outcome, RecordError, SavedTraining};
use carrot_workbench::{Interrupted, ProgramBytes, Workbench};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{check, settings};
use crate::arguments::Train;
use crate::output::{Answer, Failure, without_numbers};
use crate::progress::{Progress, interrupt_flag};
use crate::{curve, files};

/// Trains a policy and judges it by the task's fitness; on a model without a task there is none, only what the reward says.
pub fn run(options: &Train, envs: impl Fn() -> Result<PathBuf, Failure>, quiet: bool) -> Result<Answer, Failure> {
    if options.list_presets {
        return Ok(settings::presets());
    }
    let started = Instant::now();
    let plan = match &options.resume {
        Some(path) => Plan::resumed(path, options, envs)?,
        None => Plan::new(options, envs)?,
    };
    if let Err(diagnostics) = plan.bench.load(&plan.program) {
        return Ok(check::refused(&plan.program, &diagnostics));
    }
    files::check_writable(&plan.order.out)?;
    let progress = Progress::new(plan.settings.steps(), quiet || options.quiet);
    let interrupted = interrupt_flag();
    let mut keeper = Keeper::new(&plan, Duration::from_secs(options.checkpoint_every), &progress);
    let mut reported = plan.saved.as_ref().map_or(0, |saved| saved.steps);
    let left = match &plan.saved {
        None => Left::All,
        Some(saved) if options.as_it_is => Left::Judgement(&saved.state),
        Some(saved) => Left::After(&saved.state),
    };
    let judges = plan.bench.task.judges;
    let mut profile = Profile::default();
    let result = plan.bench.go_on(
        left,
        &plan.program,
        &plan.settings,
        plan.job.episodes,
        plan.job.seed,
        options.threads.unwrap_or_else(files::cores),
        &mut |now| {
            progress.set(now.steps);
            profile = now.profile;
            if let Some(at) = now.checkpoint.as_ref().filter(|at| at.steps > reported) {
                reported = at.steps;
                let word = word(at, judges);
                progress.log(&format!("{} of {} steps: {word}", at.steps, plan.settings.steps()));
                progress.message(word);
            }
            keeper.observe(now, &interrupted)
        },
    );
    progress.finish();
    let path = keeper.path.clone().filter(|_| !options.as_it_is);
    let result = result.map_err(|error| match error {
        Interrupted::Asked => Failure::Interrupted(keeper.farewell()),
        Interrupted::Settings(message) | Interrupted::Saved(message) => Failure::Usage(message),
    })?;
    let answer = match result.outcome {
        Outcome::Rejected { diagnostics } => check::refused(&plan.program, &diagnostics),
        Outcome::Stopped { stop } => check::stopped(&plan.program, &stop),
        Outcome::Evaluated(evaluated) => {
            let policy = result.policy.context("a finished training has a policy")?;
            files::write(&plan.order.out, &policy)?;
            report(
                &plan,
                *evaluated,
                started.elapsed().as_secs_f64(),
                profile,
                options.as_it_is,
            )
        }
    };
    if let Some(path) = path {
        // Nothing is left to go on with; a file that stays is no harm to the policy.
        if let Err(error) = SavedTraining::remove(&path) {
            progress.warn(&format!("the checkpoint could not be removed: {error}"));
        }
    }
    Ok(answer)
}

/// What a training was started with, beside the job: where things lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    task: Option<String>,
    model: Option<PathBuf>,
    reward: PathBuf,
    engine: Engine,
    out: PathBuf,
    /// The folder of environments, and the one that all paths start from.
    envs: Option<PathBuf>,
    folder: PathBuf,
}

/// A training that can start.
struct Plan {
    order: Order,
    bench: Workbench,
    program: ProgramBytes,
    settings: Settings,
    job: Job,
    saved: Option<SavedTraining>,
    /// Where the training is kept while it is not finished; nowhere for a policy that goes to a device or a pipe.
    checkpoint: Option<PathBuf>,
}

impl Plan {
    fn new(options: &Train, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Self, Failure> {
        let envs = options.task.as_ref().map(|_| envs()).transpose()?;
        let mut order = Order {
            task: options.task.clone(),
            model: options.model.clone(),
            reward: PathBuf::new(),
            engine: options.engine,
            out: options.out.clone().unwrap_or_else(|| "policy.safetensors".into()),
            envs,
            folder: std::env::current_dir().context("the working folder cannot be read")?,
        };
        let task = order.load()?;
        let human = task.human_reward.clone();
        order.reward = options.reward.clone().or(human).ok_or_else(|| {
            Failure::Usage(format!(
                "{} has no human-written reward; name one with --reward",
                task.id
            ))
        })?;
        let program = files::program(&order.reward)?;
        let settings = settings::of_training(options, &task)?;
        let bench = Workbench::new(task)?;
        let mut name = order.out.clone().into_os_string();
        name.push(".checkpoint");
        let a_file = order.out.is_file() || !order.out.exists();
        Ok(Self {
            job: bench.job(&program, &settings, options.episodes, options.seed),
            checkpoint: a_file.then(|| name.into()),
            saved: None,
            order,
            bench,
            program,
            settings,
        })
    }

    /// What `path` says, held against the task, the program and the code as they are now.
    fn resumed(path: &Path, options: &Train, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Self, Failure> {
        let saved = SavedTraining::read(path).map_err(|error| match error {
            RecordError::NotFound(message) => Failure::Usage(message),
            error => error.into(),
        })?;
        let refused = |message: String| Failure::Usage(format!("{} cannot go on: {message}", path.display()));
        let order: Order = serde_json::from_value(saved.options.clone()).map_err(|error| refused(error.to_string()))?;
        let mut order = order.seen_from_here()?;
        if order.envs.as_ref().is_some_and(|envs| !envs.is_dir()) {
            order.envs = Some(envs()?);
        }
        order.out = options.out.clone().unwrap_or(order.out);
        let bench = Workbench::new(order.load()?)?;
        let program = files::program(&order.reward)?;
        let settings: Settings = serde_json::from_value(saved.job.optimizer.clone())
            .map_err(|error| refused(format!("its optimiser settings: {error}")))?;
        let job = bench.job(&program, &settings, saved.job.episodes, saved.job.seed);
        saved.check(&job).map_err(refused)?;
        Ok(Self {
            order,
            bench,
            program,
            settings,
            job,
            saved: Some(saved),
            checkpoint: Some(path.to_owned()),
        })
    }
}

impl Order {
    fn load(&self) -> Result<carrot_environment::Task, Failure> {
        match (&self.model, &self.envs) {
            (Some(model), _) => files::inferred(model, self.engine)?.task().map_err(files::refused),
            (None, envs) => files::task(
                envs.as_deref().unwrap_or(Path::new("envs")),
                self.task.as_deref().unwrap_or_default(),
                self.engine,
            ),
        }
    }

    /// The same paths, from the folder where the training goes on.
    fn seen_from_here(self) -> Result<Self, Failure> {
        if std::env::current_dir().context("the working folder cannot be read")? == self.folder {
            return Ok(self);
        }
        let folder = self.folder;
        Ok(Self {
            task: self.task,
            model: self.model.map(|path| folder.join(path)),
            reward: folder.join(self.reward),
            engine: self.engine,
            out: folder.join(self.out),
            envs: self.envs.map(|path| folder.join(path)),
            folder,
        })
    }
}

/// Keeps the training in a file while it is going on.
struct Keeper<'a> {
    plan: &'a Plan,
    path: Option<PathBuf>,
    every: Duration,
    progress: &'a Progress,
    /// When the file was last written, or could not be.
    last: Instant,
    /// Steps in the file.
    kept: u64,
    /// Why it could not be written last time.
    failed: Option<String>,
}

impl<'a> Keeper<'a> {
    fn new(plan: &'a Plan, every: Duration, progress: &'a Progress) -> Self {
        let old = plan
            .checkpoint
            .as_ref()
            .filter(|path| plan.saved.is_none() && path.exists());
        if let Some(path) = old {
            progress.warn(&format!(
                "{0} is of a training that was broken off, and will be replaced; `carrot train --resume {0}` would go on with it",
                path.display()
            ));
        }
        Self {
            plan,
            path: plan.checkpoint.clone(),
            every,
            progress,
            last: Instant::now(),
            kept: plan.saved.as_ref().map_or(0, |saved| saved.steps),
            failed: None,
        }
    }

    /// Called after every update. A file that cannot be written is no reason to stop training.
    fn observe(&mut self, now: &carrot_optimizer::Progress, interrupted: &AtomicBool) -> ControlFlow<()> {
        let stop = interrupted.load(Ordering::SeqCst);
        if stop || self.last.elapsed() >= self.every {
            if let Err(message) = self.keep(now) {
                // The same cause again is not told again.
                if self.failed.as_ref() != Some(&message) {
                    self.progress
                        .warn(&format!("the training could not be kept: {message}"));
                }
                self.failed = Some(message);
            }
            self.last = Instant::now();
        }
        match stop {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn keep(&mut self, now: &carrot_optimizer::Progress) -> Result<(), String> {
        let (Some(path), Some(state)) = (&self.path, now.save()) else {
            return Ok(());
        };
        let saved = SavedTraining {
            job: self.plan.job.clone(),
            options: json!(self.plan.order),
            steps: now.steps,
            total_steps: self.plan.settings.steps(),
            state,
        };
        saved.write(path).map_err(|error| without_numbers(&error.to_string()))?;
        self.kept = now.steps;
        self.failed = None;
        Ok(())
    }

    /// What to say when the training was broken off.
    fn farewell(&self) -> String {
        let total = self.plan.settings.steps();
        let kept = match (&self.path, self.kept) {
            (Some(path), 1..) => {
                let (path, kept) = (path.display(), self.kept);
                format!(
                    "{kept} of {total} steps are kept; go on with `carrot train --resume {path}`, or take the policy as it is with \
                     `carrot train --resume {path} --as-it-is`"
                )
            }
            _ => format!(
                "nothing is kept; a training with {} starts anew",
                self.plan.settings.algorithm()
            ),
        };
        let failed = self.failed.as_ref().map(|message| format!(" ({message})"));
        format!("interrupted; {kept}{}", failed.unwrap_or_default())
    }
}

/// A checkpoint in a few words.
fn word(at: &Checkpoint, judges: bool) -> String {
    let mut words = match at.fitness.filter(|_| judges) {
        Some(fitness) => vec![format!("fitness {}", curve::short(fitness))],
        None => vec![format!("reward per step {}", curve::short(at.reward))],
    };
    if let Some(success) = at.success_rate.filter(|_| judges) {
        words.push(format!("success {:.0} %", success * 100.0));
    }
    if let Some(length) = at.episode_length {
        words.push(format!("{length:.0} steps per episode"));
    }
    words.join(", ")
}

fn report(plan: &Plan, mut evaluated: Evaluated, seconds: f64, profile: Profile, as_it_is: bool) -> Answer {
    let judges = plan.bench.task.judges;
    for checkpoint in evaluated.checkpoints.iter_mut().filter(|_| !judges) {
        (checkpoint.fitness, checkpoint.success_rate) = (None, None);
    }
    let judged = &evaluated.evaluation;
    let terms: serde_json::Map<_, _> = judged
        .terms
        .iter()
        .map(|(name, mean)| (name.clone(), json!(mean)))
        .collect();
    // Without a task fitness and success are absent, not zero.
    let mut json = json!({
        "fitness": judges.then_some(judged.fitness), "fitness_sd": judges.then_some(judged.fitness_sd),
        "success": judges.then_some(judged.success_rate), "return": judged.episode_return,
        "episode_length": judged.episode_length, "episodes": judged.episodes, "terms": terms,
        "algorithm": plan.settings.algorithm(), "settings": plan.settings, "steps": evaluated.steps, "seconds": seconds, "profile": profile, "seed": plan.job.seed, "task": plan.bench.task.id,
        "engine": plan.bench.engine(), "reward": plan.order.reward, "policy": plan.order.out,
        "findings": reflection::observations(&evaluated, judges), "checkpoints": evaluated.checkpoints,
    });
    if let Some(model) = &plan.order.model {
        json["model"] = json!(model);
    }
    let resumed_from = plan.saved.as_ref().map(|saved| saved.steps);
    if let Some(steps) = resumed_from {
        json["resumed_from"] = json!(steps);
    }
    let verdict = if judges {
        format!(
            "fitness {:.4} ± {:.4} over {} episodes, success {:.0} %, {:.0} steps per episode",
            judged.fitness,
            judged.fitness_sd,
            judged.episodes,
            judged.success_rate * 100.0,
            judged.episode_length,
        )
    } else {
        unjudged(judged)
    };
    let made = evaluated.steps - resumed_from.unwrap_or(0);
    let work = match (as_it_is, resumed_from) {
        (true, _) => format!("{} of {} steps", evaluated.steps, plan.settings.steps()),
        (false, from) => {
            let [simulation, inference, update, other] = profile.shares();
            format!(
                "{made} steps in {seconds:.1} s ({:.0} steps/s){}; simulation {simulation:.0} %, choosing actions {inference:.0} %, update \
                 {update:.0} %, other {other:.0} %",
                made as f64 / seconds,
                from.map(|steps| format!(" after {steps} before")).unwrap_or_default()
            )
        }
    };
    let text = format!(
        "{}\n\n{verdict}\n{work}, seed {}\npolicy {}",
        curve::told(&evaluated, judges),
        plan.job.seed,
        plan.order.out.display()
    );
    Answer::new(json, text)
}

/// What the reward itself says, where nothing else does.
fn unjudged(judged: &Evaluation) -> String {
    let terms = judged
        .terms
        .iter()
        .map(|(name, mean)| format!("\n  {name:<20} {mean:>10.4}"));
    format!(
        "return {:.4} over {} episodes of {:.0} steps; a model without a task has no fitness\nreward terms, mean per step{}",
        judged.episode_return,
        judged.episodes,
        judged.episode_length,
        terms.collect::<String>()
    )
}
