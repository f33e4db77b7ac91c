//! `carrot regress`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Context as _;
use carrot_regression::{
    ActionPlan, Case, CaseResult, Compared, Cross, Golden, Outcome, Plan, Plays, Prepared, RegressionError, Save,
    Suite, Target, Tolerances, compare, cross, cross_text, junit, plot, text,
};
use serde_json::json;

use crate::arguments::{Regress, RegressCheck, RegressCommand, RegressCross, RegressRecord};
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};

/// Regression tests.
pub fn run(options: &Regress, envs: Option<&Path>, quiet: bool) -> Result<Answer, Failure> {
    match &options.command {
        RegressCommand::Record(options) => record(options, envs, quiet),
        RegressCommand::Check(options) => check(options, envs, quiet),
        RegressCommand::Cross(options) => cross_engines(options, envs, quiet),
    }
}

/// How a rollout without an answer ends the verb.
fn failure(error: RegressionError) -> Failure {
    match error {
        RegressionError::Asked(message) => Failure::Usage(message),
        RegressionError::Broken(message) => Failure::Fault(anyhow::anyhow!("{message}")),
        RegressionError::Stopped(message) => Failure::Partly {
            answer: Answer::new(json!({ "stopped": &message }), message),
            code: 1,
        },
        RegressionError::Interrupted => Failure::Interrupted("interrupted; nothing was written".into()),
    }
}

/// The suite, reduced to the rollouts that are asked for, and the folder of its environments: the one on the command line,
/// the suite's own, or the one found as always.
fn suite(path: &Path, only: &[String], envs: Option<&Path>) -> Result<(Suite, PathBuf), Failure> {
    let suite = Suite::load(path).and_then(|suite| suite.only(only)).map_err(failure)?;
    let dir = match (envs, &suite.environments) {
        (None, Some(dir)) if dir.is_dir() => dir.clone(),
        (None, Some(dir)) => {
            let message = format!("`environments`: there is no folder {}", dir.display());
            return Err(Failure::Usage(format!("{}: {message}", path.display())));
        }
        (given, _) => files::environments_dir(given)?,
    };
    Ok((suite, dir))
}

/// Shows progress over several rollouts and stops them when Ctrl-C was pressed.
struct Watch {
    progress: Progress,
    interrupted: std::sync::Arc<std::sync::atomic::AtomicBool>,
    before: u64,
}

impl Watch {
    fn new(steps: u64, quiet: bool) -> Self {
        Self {
            progress: Progress::new(steps, quiet),
            interrupted: interrupt_flag(),
            before: 0,
        }
    }

    fn at(&self, steps: u64) -> ControlFlow<()> {
        self.progress.set(self.before + steps);
        match self.interrupted.load(Ordering::SeqCst) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Plays one rollout after those before.
    fn play(&mut self, prepared: &Prepared, threads: usize) -> Result<Golden, RegressionError> {
        let golden = prepared.play(Plays {
            threads,
            observer: &mut |steps| self.at(steps),
        });
        self.before += prepared.steps();
        golden
    }
}

fn record(options: &RegressRecord, envs: Option<&Path>, quiet: bool) -> Result<Answer, Failure> {
    let (suite, envs) = suite(&options.suite, &options.only, envs)?;
    let threads = options.threads.unwrap_or_else(files::cores);
    let exists = |plan: &&Plan| suite.golden_path(plan).exists();
    let (kept, plans): (Vec<&Plan>, Vec<&Plan>) = suite.plans.iter().partition(|plan| !options.update && exists(plan));
    if plans.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: every rollout has its golden already, such as {}; --update replaces them",
            suite.path.display(),
            suite.golden_path(kept[0]).display()
        )));
    }
    let all = plans.iter().map(|plan| Prepared::new(plan, &envs, plan.engine));
    let all = all
        .collect::<Result<Vec<Prepared>, RegressionError>>()
        .map_err(failure)?;
    let mut watch = Watch::new(all.iter().map(Prepared::steps).sum(), quiet);
    let goldens = all.iter().map(|prepared| watch.play(prepared, threads));
    let goldens = goldens.collect::<Result<Vec<Golden>, RegressionError>>();
    watch.progress.finish();

    let (mut text, mut recorded) = (String::new(), Vec::new());
    for (plan, golden) in plans.iter().zip(goldens.map_err(failure)?) {
        let path = suite.golden_path(plan);
        let was = Golden::load(&path).ok();
        let replaced = path.exists();
        golden
            .save(&path, if options.update { Save::Replace } else { Save::New })
            .map_err(failure)?;
        let bytes = std::fs::metadata(&path)
            .with_context(|| path.display().to_string())?
            .len();
        // What the new golden changes is what its author should have meant to change.
        let case = was.map(|was| Case {
            name: plan.name.clone(),
            seconds: 0.0,
            result: CaseResult::Compared(Box::new(compare(&was, &golden, &Tolerances::default()))),
        });
        let moved = case.as_ref().filter(|case| !case.passed()).map(Case::headline);
        let how = match (replaced, &moved) {
            (false, _) => "new".to_owned(),
            (true, None) => "replaced, the numbers are the same".to_owned(),
            (true, Some(moved)) => format!("replaced; {moved}"),
        };
        _ = writeln!(text, "{}  {} kB  {how}", path.display(), bytes.div_ceil(1000));
        recorded
            .push(json!({ "name": plan.name, "golden": path, "bytes": bytes, "replaced": replaced, "moved": moved }));
    }
    let kept: Vec<&str> = kept.iter().map(|plan| plan.name.as_str()).collect();
    if !kept.is_empty() {
        _ = writeln!(text, "kept as they are: {} (--update replaces them)", kept.join(", "));
    }
    Ok(Answer::new(
        json!({ "suite": suite.path, "recorded": recorded, "kept": kept }),
        text,
    ))
}

fn check(options: &RegressCheck, envs: Option<&Path>, quiet: bool) -> Result<Answer, Failure> {
    let (suite, envs) = suite(&options.suite, &options.only, envs)?;
    let threads = options.threads.unwrap_or_else(files::cores);
    options.junit.as_deref().map(files::check_writable).transpose()?;
    if let Some(dir) = &options.plots {
        std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    let mut watch = Watch::new(
        suite.plans.iter().map(|plan| (plan.steps * plan.envs) as u64).sum(),
        quiet,
    );
    let mut cases = Vec::new();
    let mut plots = Vec::new();
    for plan in &suite.plans {
        let started = Instant::now();
        let (result, drawing) = match check_one(&suite, plan, &envs, threads, &mut watch) {
            Ok((comparison, drawing)) => (CaseResult::Compared(Box::new(comparison)), drawing),
            Err(RegressionError::Interrupted) => {
                watch.progress.finish();
                return Err(Failure::Interrupted(
                    "interrupted before every rollout was checked".into(),
                ));
            }
            Err(error) => (CaseResult::Failed(error), None),
        };
        let file = match (&options.plots, drawing) {
            (Some(dir), Some(svg)) => {
                let file = dir.join(format!("{}.svg", plan.name));
                files::write(&file, svg.as_bytes())?;
                Some(file)
            }
            _ => None,
        };
        plots.push(file);
        cases.push(Case {
            name: plan.name.clone(),
            seconds: started.elapsed().as_secs_f64(),
            result,
        });
    }
    watch.progress.finish();
    if let Some(file) = &options.junit {
        files::write(file, junit(&suite.path.display().to_string(), &cases).as_bytes())?;
    }
    finish_check(&suite, &cases, &plots, options.junit.as_deref())
}

/// Plays a rollout again and compares; draws it where it moved.
fn check_one(
    suite: &Suite,
    plan: &Plan,
    envs: &Path,
    threads: usize,
    watch: &mut Watch,
) -> Result<(carrot_regression::Comparison, Option<String>), RegressionError> {
    let golden = Golden::load(&suite.golden_path(plan))?;
    let prepared = Prepared::new(plan, envs, plan.engine)?;
    let got = watch.play(&prepared, threads)?;
    let comparison = compare(&golden, &got, &plan.tolerances);
    let drawing = match comparison.outcome {
        Outcome::Moved => plot(&golden, &got, &comparison),
        _ => None,
    };
    Ok((comparison, drawing))
}

fn finish_check(
    suite: &Suite,
    cases: &[Case],
    plots: &[Option<PathBuf>],
    junit: Option<&Path>,
) -> Result<Answer, Failure> {
    let failed = cases.iter().filter(|case| !case.passed()).count();
    let mut words: String = Vec::from_iter(cases.iter().zip(plots).map(|(case, plot)| {
        let plot = plot.as_ref().map(|file| format!("  drawn in {}\n", file.display()));
        text(case) + &plot.unwrap_or_default()
    }))
    .concat();
    let of = match cases.len() {
        1 => "1 rollout".to_owned(),
        count => format!("{count} rollouts"),
    };
    words += &match failed {
        0 => format!("{of}: all as recorded"),
        _ => format!("{failed} of {of} failed"),
    };
    let rollouts: Vec<serde_json::Value> = cases
        .iter()
        .zip(plots)
        .map(|(case, plot)| {
            let (comparison, error) = match &case.result {
                CaseResult::Compared(comparison) => (Some(comparison), None),
                CaseResult::Failed(error) => (None, Some(error.to_string())),
            };
            let headline = (!case.passed()).then(|| case.headline());
            json!({
                "name": case.name, "verdict": case.verdict(), "headline": headline, "seconds": case.seconds,
                "comparison": comparison, "error": error, "plot": plot,
            })
        })
        .collect();
    let json = json!({ "suite": suite.path, "passed": failed == 0, "rollouts": rollouts, "junit": junit });
    let mut answer = Answer::new(json, words);
    answer.yes = failed == 0;
    let code = |case: &Case| match &case.result {
        CaseResult::Failed(RegressionError::Asked(_)) => 2,
        CaseResult::Failed(RegressionError::Broken(_)) => 3,
        _ => 0,
    };
    match cases.iter().map(code).max() {
        Some(code @ 2..) => Err(Failure::Partly { answer, code }),
        _ => Ok(answer),
    }
}

fn cross_engines(options: &RegressCross, envs: Option<&Path>, quiet: bool) -> Result<Answer, Failure> {
    let distinct: BTreeSet<String> = options.engines.iter().map(ToString::to_string).collect();
    if distinct.len() < 2 || distinct.len() < options.engines.len() {
        let message = "name at least two engines, each once, such as --engines mujoco,rapier";
        return Err(Failure::Usage(message.into()));
    }
    let (plans, envs) = match (&options.suite, &options.task, &options.policy) {
        (Some(path), _, _) => {
            let (suite, envs) = suite(path, &options.only, envs)?;
            (suite.plans, envs)
        }
        (None, Some(task), Some(policy)) => (vec![plan(options, task, policy)], files::environments_dir(envs)?),
        _ => return Err(Failure::Usage("name a suite, or a task and a policy".into())),
    };
    let threads = options.threads.unwrap_or_else(files::cores);
    let seeds = options.seeds as usize;
    let steps = plans
        .iter()
        .map(|plan| Cross::steps(plan, &envs, options.engines.len(), seeds));
    let steps = steps.collect::<Result<Vec<u64>, RegressionError>>().map_err(failure)?;
    let mut watch = Watch::new(steps.iter().sum(), quiet);
    let mut results = Vec::new();
    for (plan, steps) in plans.iter().zip(steps) {
        let mut plays = Plays {
            threads,
            observer: &mut |steps| watch.at(steps),
        };
        let result = cross(plan, &envs, &options.engines, seeds, &mut plays);
        watch.before += steps;
        results.push(result.inspect_err(|_| watch.progress.finish()).map_err(failure)?);
    }
    watch.progress.finish();
    let texts: Vec<String> = results.iter().map(cross_text).collect();
    Ok(Answer::new(json!({ "rollouts": results }), texts.join("\n")))
}

/// The rollout of a task and a policy from the command line.
fn plan(options: &RegressCross, task: &str, policy: &Path) -> Plan {
    Plan {
        name: task.to_owned(),
        target: Target::Task(task.to_owned()),
        engine: options.engines[0],
        seed: options.seed,
        steps: 1,
        envs: options.episodes,
        actions: ActionPlan::Policy(policy.to_owned()),
        reward: options.reward.clone(),
        compare: Compared::Statistics,
        tolerances: Tolerances::default(),
        place: None,
    }
}
