//! `carrot train`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Context as _;
use carrot_reward_search::{Interrupted, Workbench};
use carrot_run_record::Outcome;
use serde_json::json;

use super::check;
use crate::arguments::Train;
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};

/// Trains a policy and judges it by the task's fitness; on a model without a task there is none, only what the reward says.
pub fn run(options: &Train, envs: impl Fn() -> Result<PathBuf, Failure>, quiet: bool) -> Result<Answer, Failure> {
    let task = match (&options.task, &options.model) {
        (_, Some(model)) => files::inferred(model, options.engine)?.task().map_err(files::refused)?,
        (task, None) => files::task(&envs()?, task.as_deref().unwrap_or_default(), options.engine)?,
    };
    let (judges, id) = (task.judges, task.id.clone());
    let reward = options
        .reward
        .clone()
        .or_else(|| task.human_reward.clone())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{} has no human-written reward; name one with --reward",
                task.id
            ))
        })?;
    let program = files::program(&reward)?;
    let preset = options.algorithm.settings(&task);
    let settings = preset.map_err(|error| Failure::Usage(error.to_string()))?;
    let steps = options.steps.unwrap_or(settings.steps());
    let settings = settings.with_steps(steps);
    let bench = Workbench::new(task)?;
    if let Err(diagnostics) = bench.load(&program) {
        return Ok(check::refused(&program, &diagnostics));
    }

    files::check_writable(&options.out)?;
    let started = Instant::now();
    let progress = Progress::new(settings.steps(), quiet);
    let interrupted = interrupt_flag();
    let threads = options.threads.unwrap_or_else(files::cores);
    let result = bench.run(
        &program,
        &settings,
        options.episodes,
        options.seed,
        threads,
        &mut |now| {
            progress.set(now.steps);
            if let Some(checkpoint) = &now.checkpoint {
                match checkpoint.fitness.filter(|_| judges) {
                    Some(fitness) => progress.message(format!("fitness {fitness:.3}")),
                    None => progress.message(format!("reward per step {:.3}", checkpoint.reward)),
                }
            }
            if interrupted.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    progress.finish();
    let result = result.map_err(|error| match error {
        Interrupted::Asked => Failure::Interrupted("interrupted; no policy was written".into()),
        Interrupted::Settings(message) => Failure::Usage(message),
    })?;
    let seconds = started.elapsed().as_secs_f64();

    match result.outcome {
        Outcome::Rejected { diagnostics } => Ok(check::refused(&program, &diagnostics)),
        Outcome::Stopped { stop } => Ok(check::stopped(&program, &stop)),
        Outcome::Evaluated(evaluated) => {
            let policy = result.policy.context("a finished training has a policy")?;
            files::write(&options.out, &policy)?;
            let judged = &evaluated.evaluation;
            let terms: serde_json::Map<_, _> = judged
                .terms
                .iter()
                .map(|(name, mean)| (name.clone(), json!(mean)))
                .collect();
            let mut checkpoints = evaluated.checkpoints;
            for checkpoint in checkpoints.iter_mut().filter(|_| !judges) {
                (checkpoint.fitness, checkpoint.success_rate) = (None, None);
            }
            // Without a task fitness and success are absent, not zero.
            let mut json = json!({
                "fitness": judges.then_some(judged.fitness), "fitness_sd": judges.then_some(judged.fitness_sd),
                "success": judges.then_some(judged.success_rate), "return": judged.episode_return,
                "episode_length": judged.episode_length, "episodes": judged.episodes, "terms": terms,
                "algorithm": settings.algorithm(), "steps": evaluated.steps, "seconds": seconds, "seed": options.seed, "task": id, "engine": bench.engine(),
                "reward": reward, "policy": options.out, "checkpoints": checkpoints,
            });
            if let Some(model) = &options.model {
                json["model"] = json!(model);
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
            let text = format!(
                "{}\n{verdict}\n{} steps in {:.1} s ({:.0} steps/s), seed {}\npolicy {}",
                learning_curve(&checkpoints),
                evaluated.steps,
                seconds,
                evaluated.steps as f64 / seconds,
                options.seed,
                options.out.display()
            );
            Ok(Answer::new(json, text))
        }
    }
}

/// What the reward itself says, where nothing else does.
fn unjudged(judged: &carrot_environment::Evaluation) -> String {
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

fn learning_curve(checkpoints: &[carrot_environment::Checkpoint]) -> String {
    let mut text = "     steps    fitness  success   length   reward/step".to_owned();
    let shown = |value: Option<f64>, digits: usize| value.map_or("-".into(), |value| format!("{value:.digits$}"));
    for checkpoint in checkpoints {
        text += &format!(
            "\n{:>10} {:>10} {:>8} {:>8} {:>13.4}",
            checkpoint.steps,
            shown(checkpoint.fitness, 3),
            shown(checkpoint.success_rate, 2),
            shown(checkpoint.episode_length, 0),
            checkpoint.reward
        );
    }
    text
}
