//! Rollouts of a planner with their reward, against native rollouts that nobody judges, timed in turns.
//!
//! Both sides start from the same snapshot and play the same controls, so that they go through the same states. The native
//! side calls `mj_step` and nothing else, on as many threads; each thread takes the next rollout when it is through with one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use carrot_environment::{AfterEnd, Branch, BranchEnd, BranchRules, Branches, Engine, EnvSnapshot, Task};
use carrot_optimizer::{LivePlanner, Planner};
use carrot_physics::BareWorld;
use carrot_reward_sandbox::LoadedReward;
use carrot_workbench::{ProgramBytes, Workbench};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::throughput::Spread;
use crate::arguments::Bench;
use crate::commands::plan;
use crate::files;
use crate::output::{Answer, Failure};
use crate::progress::Progress;

const TASK: &str = "ant/run_forward";

/// Rounds of each comparison; a round times every side once.
const ROUNDS: usize = 25;
/// Seconds that one side of a round should take at least: one set of rollouts of a small model is over too soon to be timed.
const ROUND_SECS: f64 = 0.15;
/// Rewards that are taken up by a running planner.
const NEW_REWARDS: usize = 15;
/// Knots of the controls that are played.
const KNOTS: usize = 5;
/// Steps before the snapshot, so that a robot stands on its feet and not in the air.
const SETTLING_SECS: f64 = 0.5;

/// One task or model. Rates are rollouts/s, ratios are to the native ones, round by round.
#[derive(serde::Serialize)]
struct Row {
    task: String,
    rollouts: usize,
    steps: usize,
    bare: Spread,
    rated: Spread,
    whole_plan: Spread,
    rated_ratio: Spread,
    whole_plan_ratio: Spread,
    /// From the text of a new reward to the first plan under it, and to its first instance; with the task's preset.
    new_reward_ms: Spread,
    of_it_compiling_ms: Spread,
    preset_plan_ms: Spread,
}

pub fn run(options: &Bench, envs: impl Fn() -> Result<PathBuf, Failure>, quiet: bool) -> Result<Answer, Failure> {
    let threads = options.threads.unwrap_or_else(files::cores);
    let tasks = match &options.model {
        Some(model) => vec![files::inferred(model, Engine::Mujoco)?.task().map_err(files::refused)?],
        None if options.task.is_empty() => vec![files::task(&envs()?, TASK, Engine::Mujoco)?],
        None => {
            let envs = envs()?;
            let tasks = options.task.iter().map(|name| files::task(&envs, name, Engine::Mujoco));
            tasks.collect::<Result<Vec<Task>, Failure>>()?
        }
    };
    let progress = Progress::new((tasks.len() * (ROUNDS + 1)) as u64, quiet);
    let mut rows = Vec::new();
    for task in tasks {
        let path = options.reward.clone().or_else(|| task.human_reward.clone());
        let path = path.ok_or_else(|| Failure::Usage(format!("{} has no human-written reward", task.id)))?;
        let program = files::program(&path)?;
        let bench = Workbench::new(task)?;
        let reward = load(&bench, &program, &path)?;
        let done = (rows.len() * (ROUNDS + 1)) as u64;
        rows.push(measure(options, &bench, (&program, &reward), threads, &mut |round| {
            progress.set(done + round as u64);
        })?);
    }
    progress.finish();
    let ratios: serde_json::Map<String, serde_json::Value> = rows
        .iter()
        .flat_map(|row| {
            let name = row.task.split('/').next().unwrap_or_default();
            [
                (format!("{name}_{}", row.rollouts), json!(row.rated_ratio)),
                (
                    format!("{name}_{}_whole_plan", row.rollouts),
                    json!(row.whole_plan_ratio),
                ),
            ]
        })
        .collect();
    let json = json!({ "ratios": ratios, "threads": threads, "seconds": options.seconds, "tasks": rows });
    Ok(Answer::new(json, as_text(options, &rows, threads)))
}

fn load(bench: &Workbench, program: &ProgramBytes, path: &Path) -> Result<LoadedReward, Failure> {
    let refused = |_| Failure::Usage(format!("{} has errors; see carrot check", path.display()));
    bench.load(program).map_err(refused)
}

fn as_text(options: &Bench, rows: &[Row], threads: usize) -> String {
    let mut text = format!(
        "Rollouts of {} s on {threads} threads, rollouts/s (median), and the ratio to native ones without a reward\n\n\
         task                 rollouts   native  with reward  ratio (least to largest)   whole plan  ratio\n",
        options.seconds
    );
    for row in rows {
        let (rated, whole) = (&row.rated_ratio, &row.whole_plan_ratio);
        _ = writeln!(
            text,
            "{:<22} {:>6} {:>8.0} {:>12.0}  {:.3} ({:.3} to {:.3}) {:>14.0}  {:.3} ({:.3} to {:.3})",
            row.task,
            row.rollouts,
            row.bare.median,
            row.rated.median,
            rated.median,
            rated.min,
            rated.max,
            row.whole_plan.median,
            whole.median,
            whole.min,
            whole.max,
        );
    }
    text +=
        "\nA whole plan draws its candidates and updates the knots as well; its rollouts go through other states.\n";
    for row in rows {
        _ = writeln!(
            text,
            "{}: new reward text to first plan under it {:.1} ms ({:.1} to {:.1}), {:.1} ms of it compiling; a plan with the preset takes {:.1} ms",
            row.task,
            row.new_reward_ms.median,
            row.new_reward_ms.min,
            row.new_reward_ms.max,
            row.of_it_compiling_ms.median,
            row.preset_plan_ms.median
        );
    }
    text
}

/// What both sides play.
struct Script {
    start: EnvSnapshot,
    substeps: usize,
    /// `[M][T * A]`.
    actions: Vec<Vec<f32>>,
    /// `[M][T][nu]`; shorter where an episode ends.
    controls: Vec<Vec<Vec<f64>>>,
    /// Positions at the end of each rollout.
    last: Vec<Vec<f64>>,
}

fn measure(
    options: &Bench,
    bench: &Workbench,
    (program, reward): (&ProgramBytes, &LoadedReward),
    threads: usize,
    done: &mut dyn FnMut(usize),
) -> Result<Row, Failure> {
    let task = &bench.task;
    let rollouts = options.rollouts;
    let mut settings = plan::settings(task, None, &[])?;
    let preset = settings.clone();
    (settings.rollouts, settings.horizon_secs, settings.iterations) = (rollouts, options.seconds, 1);
    settings.elites = settings.elites.min(rollouts);
    let programs = bench.programs(Some(reward));
    let rules = BranchRules {
        steps: settings.steps(task.control_dt_secs()),
        discount: 1.0,
        after_end: AfterEnd::Zero,
    };
    let mut branches = Branches::new(task, programs, threads)?;
    let start = settled(bench, reward)?;
    let (script, mut played) = Script::write(&mut branches, start, rules, rollouts)?;
    let mut worlds: Vec<BareWorld> = (0..threads).map(|_| BareWorld::new(&task.model)).collect();
    let mut planner = Planner::new(task, programs, &settings, 0, threads).map_err(plan::refused)?;

    let (mut bare, mut rated, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut repeats = 1;
    for round in 0..=ROUNDS {
        let rate = |clock: Instant| (repeats * rollouts) as f64 / clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        for _ in 0..repeats {
            script.play_bare(&mut worlds, round == 0)?;
        }
        let bare_rate = rate(clock);

        let clock = Instant::now();
        for _ in 0..repeats {
            script.play_rated(&mut branches, rules, &mut played)?;
        }
        let rated_rate = rate(clock);

        let clock = Instant::now();
        for _ in 0..repeats {
            planner.plan(&script.start, &|| true).map_err(plan::refused)?;
        }
        let whole_rate = rate(clock);
        // The first round warms up, and says how often to repeat.
        if round == 0 {
            repeats = (ROUND_SECS * bare_rate / rollouts as f64).ceil() as usize;
        } else {
            bare.push(bare_rate);
            rated.push(rated_rate);
            whole.push(whole_rate);
        }
        done(round);
    }
    let planner = Planner::new(task, programs, &preset, 0, threads).map_err(plan::refused)?;
    let [new_reward_ms, of_it_compiling_ms, preset_plan_ms] = new_rewards(bench, program, planner, script.start)?;
    let ratio = |rates: &[f64]| Spread::of(rates.iter().zip(&bare).map(|(rate, bare)| rate / bare).collect());
    Ok(Row {
        task: task.id.clone(),
        rollouts,
        steps: rules.steps,
        rated_ratio: ratio(&rated),
        whole_plan_ratio: ratio(&whole),
        bare: Spread::of(bare),
        rated: Spread::of(rated),
        whole_plan: Spread::of(whole),
        new_reward_ms,
        of_it_compiling_ms,
        preset_plan_ms,
    })
}

/// An environment that has come to rest a little.
fn settled(bench: &Workbench, reward: &LoadedReward) -> anyhow::Result<EnvSnapshot> {
    let mut env = bench.env(Some(reward), 1, 0, 1)?;
    let actions = vec![0.0; env.action_size()];
    let steps = (SETTLING_SECS / bench.task.control_dt_secs()) as usize;
    for _ in 0..steps {
        env.step(&actions)?;
    }
    Ok(env.snapshot(0))
}

/// Times, in ms: from the text of a reward to the first plan under it, of that the compiler's part, and a whole plan.
fn new_rewards(
    bench: &Workbench,
    program: &ProgramBytes,
    planner: Planner,
    state: EnvSnapshot,
) -> anyhow::Result<[Spread; 3]> {
    let live = LivePlanner::start(planner)?;
    live.tell(state.clone());
    let (mut until_plan, mut compiling, mut planning) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..NEW_REWARDS {
        // As in the studio: the world goes on while rewards come.
        live.tell(state.clone());
        let first = live.wait(|plan, status| plan.map(|_| status.plans));
        let clock = Instant::now();
        let second = live.wait(|_, status| (Some(status.plans) > first).then_some(status.plans));
        let third = live.wait(|_, status| (Some(status.plans) > second).then_some(()));
        planning.push(clock.elapsed().as_secs_f64() * 500.0);
        anyhow::ensure!(third.is_some(), "the planner's thread has ended");

        let clock = Instant::now();
        let reward = bench
            .load(program)
            .map_err(|_| anyhow::anyhow!("a program that compiled before has errors"))?;
        compiling.push(clock.elapsed().as_secs_f64() * 1e3);
        let number = live.set_reward(&reward)?;
        let planned = live.wait(|plan, _| plan.filter(|plan| plan.reward == number).map(|_| ()));
        anyhow::ensure!(planned.is_some(), "the planner's thread has ended");
        until_plan.push(clock.elapsed().as_secs_f64() * 1e3);
    }
    Ok([until_plan, compiling, planning].map(Spread::of))
}

impl Script {
    /// Random controls that hold for a fifth of the time each, and what becomes of them.
    fn write(
        branches: &mut Branches,
        start: EnvSnapshot,
        rules: BranchRules,
        rollouts: usize,
    ) -> anyhow::Result<(Self, Vec<Branch>)> {
        let size = branches.task().action_size();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut script = Self {
            start,
            substeps: branches.task().substeps,
            actions: Vec::with_capacity(rollouts),
            controls: Vec::with_capacity(rollouts),
            last: Vec::with_capacity(rollouts),
        };
        for _ in 0..rollouts {
            let knots: Vec<f32> = (0..KNOTS * size).map(|_| random.random_range(-1.0..=1.0)).collect();
            let knot = |step: usize| step * KNOTS / rules.steps;
            let actions = (0..rules.steps).flat_map(|step| &knots[knot(step) * size..][..size]);
            script.actions.push(actions.copied().collect());
        }
        let unplayed = Branch {
            total: 0.0,
            steps: 0,
            end: BranchEnd::Horizon,
        };
        let mut played = vec![unplayed; rollouts];
        script.play_rated(branches, rules, &mut played)?;
        for (actions, branch) in script.actions.iter().zip(&played) {
            anyhow::ensure!(
                branch.end != BranchEnd::Diverged,
                "the simulation diverged under random actions"
            );
            let act = |step: usize, out: &mut [f32]| out.copy_from_slice(&actions[step * size..][..size]);
            let mut moments = branches.moments(&script.start, branch.steps, &act);
            script
                .last
                .push(moments.last().map(|moment| moment.qpos.clone()).unwrap_or_default());
            let controls = moments.drain(1..).map(|moment| moment.ctrl).collect();
            script.controls.push(controls);
        }
        Ok((script, played))
    }

    fn play_rated(&self, branches: &mut Branches, rules: BranchRules, played: &mut [Branch]) -> anyhow::Result<()> {
        let size = branches.task().action_size();
        let act = |rollout: usize, step: usize, out: &mut [f32]| {
            out.copy_from_slice(&self.actions[rollout][step * size..][..size]);
        };
        branches.play(&self.start, rules, &act, &|| true, played)?;
        Ok(())
    }

    /// `check`: whether both sides went through the same states.
    fn play_bare(&self, worlds: &mut [BareWorld], check: bool) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let work = |world: &mut BareWorld| {
            let mut same = true;
            while let Some(controls) = self.controls.get(next.fetch_add(1, Ordering::Relaxed)) {
                world.restore(self.start.physics());
                for ctrl in controls {
                    world.step(ctrl, self.substeps);
                }
                same &= !check || self.last.iter().any(|last| last == world.qpos());
            }
            same
        };
        let same = std::thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = worlds
                .iter_mut()
                .map(|world| scope.spawn(move || work(world)))
                .collect();
            let outcomes = workers
                .into_iter()
                .map(|worker| worker.join().expect("a bare loop only steps"));
            outcomes.fold(true, |all, same| all & same)
        });
        anyhow::ensure!(same, "the native rollouts went through other states");
        Ok(())
    }
}
