//! Whole environment steps against a bare `mj_step` loop, both timed in turns.
//!
//! Both sides play the same states: a first run of the environment notes every control and every start of an episode, and
//! the bare loop then replays them. What differs is only what the environment does beside physics: controls, variables, the
//! reward, the task's program, resets, and the meeting of the threads.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use carrot_environment::{Engine, Task, VecEnv};
use carrot_physics::BareWorld;
use carrot_reward_sandbox::LoadedReward;
use carrot_workbench::Workbench;
use rand::RngExt as _;
use serde_json::json;

use super::bare::{Script, play_bare};
use super::throughput::Spread;
use crate::arguments::Bench;
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::Progress;

/// Models from the cheapest to the size of a humanoid.
const TASKS: [&str; 3] = ["half_cheetah/run", "ant/run_forward", "humanoid/run"];

/// Rounds of each comparison; a round times every side once.
const ROUNDS: usize = 25;
/// Seconds that one side of a round should take at least.
const ROUND_SECS: f64 = 0.1;
/// Fewest steps of each environment in a round.
const FEWEST_STEPS: usize = 3;

/// One task at one number of environments; environment steps per second, and ratios to the bare loop, round by round.
#[derive(serde::Serialize)]
struct Row {
    task: String,
    n_envs: usize,
    steps: usize,
    bare: Spread,
    lockstep: Spread,
    asynchronous: Spread,
    lockstep_ratio: Spread,
    asynchronous_ratio: Spread,
}

pub fn run(options: &Bench, envs: &Path, quiet: bool) -> Result<Answer, Failure> {
    let threads = options.threads.unwrap_or_else(files::cores);
    let names: Vec<String> = match options.task.is_empty() {
        true => TASKS.map(str::to_owned).to_vec(),
        false => options.task.clone(),
    };
    if options.n_envs.contains(&0) {
        return Err(Failure::Usage("--n-envs: at least one environment".into()));
    }
    let tasks = names.iter().map(|name| files::task(envs, name, Engine::Mujoco));
    let tasks = tasks.collect::<Result<Vec<Task>, Failure>>()?;
    let progress = Progress::new((tasks.len() * options.n_envs.len()) as u64, quiet);
    let mut rows = Vec::new();
    for task in tasks {
        let reward = match &task.human_reward {
            Some(path) => files::program(path)?,
            None => return Err(Failure::Usage(format!("{} has no human-written reward", task.id))),
        };
        let bench = Workbench::new(task)?;
        let reward = bench
            .load(&reward)
            .map_err(|_| Failure::Usage(format!("the human reward of {} has errors", bench.task.id)))?;
        for &n_envs in &options.n_envs {
            rows.push(measure(&bench, &reward, n_envs, threads)?);
            progress.set(rows.len() as u64);
        }
    }
    progress.finish();
    let ratios: serde_json::Map<String, serde_json::Value> = rows
        .iter()
        .flat_map(|row| {
            let name = row.task.split('/').next().unwrap_or_default();
            [
                (format!("{name}_{}", row.n_envs), json!(row.lockstep_ratio)),
                (format!("{name}_{}_async", row.n_envs), json!(row.asynchronous_ratio)),
            ]
        })
        .collect();
    let json = json!({ "ratios": ratios, "threads": threads, "environments": rows });
    Ok(Answer::new(json, as_text(&rows, threads)))
}

fn as_text(rows: &[Row], threads: usize) -> String {
    let mut text = format!(
        "Whole environment steps on {threads} threads, steps/s (median), and the ratio to a bare mj_step loop\n\n\
         task                    envs       bare   lockstep  ratio (least to largest)      async  ratio\n"
    );
    for row in rows {
        let (lockstep, free) = (&row.lockstep_ratio, &row.asynchronous_ratio);
        _ = writeln!(
            text,
            "{:<22} {:>5} {:>10.0} {:>10.0}  {:.3} ({:.3} to {:.3}) {:>15.0}  {:.3} ({:.3} to {:.3})",
            row.task,
            row.n_envs,
            row.bare.median,
            row.lockstep.median,
            lockstep.median,
            lockstep.min,
            lockstep.max,
            row.asynchronous.median,
            free.median,
            free.min,
            free.max,
        );
    }
    text
}

fn measure(bench: &Workbench, reward: &LoadedReward, n_envs: usize, threads: usize) -> anyhow::Result<Row> {
    let task = &bench.task;
    let mut env = bench.env(Some(reward), n_envs, 0, threads)?;
    let steps = steps_of_a_round(&mut env)?;
    let script = Script::write(&mut env, steps, |random, actions| {
        actions.fill_with(|| random.random_range(-1.0..=1.0));
    })?;
    let total = (script.steps * n_envs) as f64;

    let mut worlds: Vec<BareWorld> = (0..n_envs).map(|_| BareWorld::new(&task.model)).collect();
    let (mut bare, mut together, mut free) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let bare_rate = play_bare(&script, &mut worlds, threads);

        env.reset()?;
        let start = Instant::now();
        for actions in &script.actions {
            env.step(actions)?;
        }
        let together_rate = total / start.elapsed().as_secs_f64();

        env.reset()?;
        let action_size = task.action_size();
        let start = Instant::now();
        env.run(script.steps, &|turn, out| {
            if let Some(actions) = script.actions.get(turn.step) {
                out.copy_from_slice(&actions[turn.first_env * action_size..][..out.len()]);
            }
            Ok(())
        })?;
        let free_rate = total / start.elapsed().as_secs_f64();

        // The first round warms up, and shows that both sides did the same.
        if round == 0 {
            for (world, last) in worlds.iter().zip(&script.last) {
                anyhow::ensure!(world.qpos() == last, "{}: the bare loop played other states", task.id);
            }
            continue;
        }
        bare.push(bare_rate);
        together.push(together_rate);
        free.push(free_rate);
    }
    let ratio = |rates: &[f64]| Spread::of(rates.iter().zip(&bare).map(|(rate, bare)| rate / bare).collect());
    Ok(Row {
        task: task.id.clone(),
        n_envs,
        steps: script.steps,
        lockstep_ratio: ratio(&together),
        asynchronous_ratio: ratio(&free),
        bare: Spread::of(bare),
        lockstep: Spread::of(together),
        asynchronous: Spread::of(free),
    })
}

/// How many steps of all environments make a round.
fn steps_of_a_round(env: &mut VecEnv) -> anyhow::Result<usize> {
    let actions = vec![0.1; env.n_envs() * env.action_size()];
    env.step(&actions)?;
    let start = Instant::now();
    for _ in 0..3 {
        env.step(&actions)?;
    }
    let step_secs = start.elapsed().as_secs_f64() / 3.0;
    Ok(((ROUND_SECS / step_secs) as usize).clamp(FEWEST_STEPS, 2_000))
}
