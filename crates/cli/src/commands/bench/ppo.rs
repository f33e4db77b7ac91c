//! PPO end to end against what the machine allows.
//!
//! The bound is 1/(1/physics + 1/inference + 1/update) in environment steps per second: a bare `mj_step` loop, and the
//! arithmetic of inference and update as a hand-written C kernel does it. All of it is timed in turns, on the same threads.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use carrot_environment::{Engine, Task};
use carrot_optimizer::{PpoSettings, Profile, train};
use carrot_physics::BareWorld;
use carrot_workbench::Workbench;
use rand::RngExt as _;
use serde_json::json;

use super::Scratch;
use super::bare::{Script, play_bare};
use super::throughput::{Peer, Spread, compile_c};
use crate::arguments::Bench;
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::Progress;

/// Models from the cheapest to the largest with a training of their own.
const TASKS: [&str; 3] = ["hopper/hop_forward", "half_cheetah/run", "ant/run_forward"];

/// Rounds of each comparison; a round times every side once.
const ROUNDS: usize = 15;
/// Updates of a training in a round.
const UPDATES: usize = 8;
/// How often the C program infers all rows in a round.
const INFERENCES: usize = 20;

const BOUND: &str = include_str!("ppo_bound.c");
/// With `-ffast-math` the compiler turns `expf` into vector code, which nearly halves the time of the whole update.
const FLAGS: [&str; 3] = ["-O3", "-march=native", "-ffast-math"];

/// One task; environment steps per second.
#[derive(serde::Serialize)]
struct Row {
    task: String,
    n_envs: usize,
    rollout: usize,
    epochs: usize,
    minibatch: usize,
    physics: Spread,
    inference: Spread,
    update: Spread,
    bound: Spread,
    ppo: Spread,
    /// PPO to the bound, round by round.
    ratio: Spread,
    /// Of the last round, seconds.
    profile: Profile,
}

pub fn run(options: &Bench, envs: &Path, quiet: bool) -> Result<Answer, Failure> {
    let threads = options.threads.unwrap_or_else(files::cores);
    let names: Vec<String> = match options.task.is_empty() {
        true => TASKS.map(str::to_owned).to_vec(),
        false => options.task.clone(),
    };
    let tasks = names.iter().map(|name| files::task(envs, name, Engine::Mujoco));
    let tasks = tasks.collect::<Result<Vec<Task>, Failure>>()?;
    let scratch = Scratch::new()?;
    let bound = compile_c(&scratch.0, "ppo_bound", BOUND, &FLAGS).context("the bound of PPO is a C program")?;
    let progress = Progress::new((tasks.len() * ROUNDS) as u64, quiet);
    let mut rows = Vec::new();
    for task in tasks {
        let settings = PpoSettings::default().with_overrides(&task.ppo)?;
        if settings.hidden != [64, 64] {
            return Err(Failure::Usage(format!(
                "{}: its networks have the layers {:?}; the C program computes [64, 64]",
                task.id, settings.hidden
            )));
        }
        let done = rows.len() * ROUNDS;
        rows.push(measure(task, settings, threads, &bound, &mut |round| {
            progress.set((done + round) as u64);
        })?);
    }
    progress.finish();
    let name = |row: &Row| row.task.split('/').next().unwrap_or_default().to_owned();
    let ratios: serde_json::Map<String, serde_json::Value> =
        rows.iter().map(|row| (name(row), json!(row.ratio))).collect();
    let json = json!({ "ratios": ratios, "threads": threads, "ppo": rows });
    Ok(Answer::new(json, as_text(&rows, threads)))
}

fn measure(
    task: Task,
    settings: PpoSettings,
    threads: usize,
    bound: &Path,
    tell: &mut dyn FnMut(usize),
) -> Result<Row, Failure> {
    let reward = match &task.human_reward {
        Some(path) => files::program(path)?,
        None => return Err(Failure::Usage(format!("{} has no human-written reward", task.id))),
    };
    let bench = Workbench::new(task)?;
    let reward = bench
        .load(&reward)
        .map_err(|_| Failure::Usage(format!("the human reward of {} has errors", bench.task.id)))?;
    let task = &bench.task;
    let rows = settings.n_envs * settings.rollout;
    let settings = PpoSettings {
        steps: (UPDATES * rows) as u64,
        ..settings
    };
    let minibatch = rows / settings.minibatches;
    let mut env = bench.env(Some(&reward), settings.n_envs, 0, threads)?;
    // The noise of a policy that has learned nothing yet, which is how a training begins.
    let deviation = settings.initial_log_std.exp() as f32;
    let script = Script::write(&mut env, UPDATES * settings.rollout, |random, actions| {
        // Nearly normal: the sum of twelve uniform numbers has variance one.
        actions.fill_with(|| deviation * (0..12).map(|_| random.random_range(-0.5..=0.5_f32)).sum::<f32>());
    })?;
    let mut worlds: Vec<BareWorld> = (0..settings.n_envs).map(|_| BareWorld::new(&task.model)).collect();
    let sizes = [task.observation_size(), task.action_size(), rows, minibatch];
    let mut peer = Peer::run(bound, &[&sizes[..], &[settings.epochs, threads]].concat())?;

    let (mut physics, mut inference, mut update, mut ppo) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut profile = Profile::default();
    for round in 0..=ROUNDS {
        let bare = play_bare(&script, &mut worlds, threads);
        let nanoseconds = peer.ask(&format!("i {INFERENCES}"))?;
        let inferred = (INFERENCES * rows) as f64 / nanoseconds * 1e9;
        let updated = rows as f64 / peer.ask("u")? * 1e9;
        let start = Instant::now();
        let mut steps = 0;
        train(&mut env, &settings, round as u64, &mut |progress| {
            steps = progress.steps;
            profile = progress.profile;
            ControlFlow::Continue(())
        })
        .map_err(|error| anyhow::anyhow!("{}: {error}", task.id))?;
        let trained = steps as f64 / start.elapsed().as_secs_f64();
        tell(round);
        // The first round warms up.
        if round > 0 {
            physics.push(bare);
            inference.push(inferred);
            update.push(updated);
            ppo.push(trained);
        }
    }
    let bounds: Vec<f64> = (0..ROUNDS)
        .map(|round| 1.0 / (1.0 / physics[round] + 1.0 / inference[round] + 1.0 / update[round]))
        .collect();
    Ok(Row {
        task: task.id.clone(),
        n_envs: settings.n_envs,
        rollout: settings.rollout,
        epochs: settings.epochs,
        minibatch,
        ratio: Spread::of(ppo.iter().zip(&bounds).map(|(ppo, bound)| ppo / bound).collect()),
        physics: Spread::of(physics),
        inference: Spread::of(inference),
        update: Spread::of(update),
        bound: Spread::of(bounds),
        ppo: Spread::of(ppo),
        profile,
    })
}

fn as_text(rows: &[Row], threads: usize) -> String {
    let mut text = format!(
        "PPO on {threads} threads, environment steps/s (median), and the ratio to 1/(1/physics + 1/inference + 1/update)\n\n\
         task                   physics  inference     update      bound        PPO  ratio (least to largest)\n"
    );
    for row in rows {
        _ = writeln!(
            text,
            "{:<20} {:>9.0} {:>10.0} {:>10.0} {:>10.0} {:>10.0}  {:.3} ({:.3} to {:.3})",
            row.task,
            row.physics.median,
            row.inference.median,
            row.update.median,
            row.bound.median,
            row.ppo.median,
            row.ratio.median,
            row.ratio.min,
            row.ratio.max,
        );
    }
    text += "\nPhysics: a bare mj_step loop; inference and update: a hand-written C kernel; all in this run, in turns.\n\n\
             Where the time of a training goes\n\n\
             task                 simulation  inference     update      other\n";
    for row in rows {
        let parts = row.profile.shares();
        _ = writeln!(
            text,
            "{:<20} {:>8.1} % {:>8.1} % {:>8.1} % {:>8.1} %",
            row.task, parts[0], parts[1], parts[2], parts[3]
        );
    }
    if let Some(row) = rows.first() {
        _ = writeln!(
            text,
            "\n{} environments, rollouts of {} steps, {} passes, minibatches of {} ({}).",
            row.n_envs, row.rollout, row.epochs, row.minibatch, row.task
        );
    }
    text
}
