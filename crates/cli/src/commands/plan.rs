//! `carrot plan`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use carrot_environment::{Engine, Episode, Task, VecEnv};
use carrot_optimizer::{PlanError, PlanSettings, Planner};
use carrot_physics::{write_gif, write_png};
use carrot_workbench::Workbench;
use serde_json::json;

use super::check;
use super::play::{Camera, Film, is_gif, scene, side_by_side};
use crate::arguments::{Plan, PlannerName};
use crate::files;
use crate::npz::{self, Values};
use crate::output::{Answer, Failure};
use crate::progress::{Progress, interrupt_flag};

/// Longest closed loop where `--seconds` does not say, for a model whose episodes never end.
const USUAL_SECONDS: f64 = 10.0;

/// Plans and acts in turns, and judges what happened as the task does.
pub fn run(options: &Plan, envs: impl Fn() -> Result<PathBuf, Failure>, quiet: bool) -> Result<Answer, Failure> {
    // From the first moment on: Ctrl-C must leave whatever there is by then.
    let interrupted = interrupt_flag();
    let gif = options.out.as_deref().map(is_gif).transpose()?;
    for path in options.out.iter().chain(&options.save_actions) {
        files::check_writable(path)?;
    }
    let (bench, reward_path) = workbench(options, envs)?;
    let program = files::program(&reward_path)?;
    let reward = match bench.load(&program) {
        Ok(reward) => reward,
        Err(diagnostics) => return Ok(check::refused(&program, &diagnostics)),
    };
    let settings = settings(&bench.task, options.planner, &options.set)?;
    let task = &bench.task;
    let horizon_secs = task.horizon as f64 * task.control_dt_secs();
    let seconds = options.seconds.unwrap_or(if task.judges {
        horizon_secs
    } else {
        horizon_secs.min(USUAL_SECONDS)
    });
    let steps = (seconds.min(horizon_secs) / task.control_dt_secs()).round().max(1.0) as usize;
    let camera = match &options.out {
        Some(_) => Some(Camera::new(task, seconds.min(horizon_secs), options.size)?),
        None => None,
    };
    let threads = options.threads.unwrap_or_else(files::cores);
    let mut env = bench.env(Some(&reward), 1, options.seed, 1)?;
    let programs = bench.programs(Some(&reward));
    let planner = Planner::new(task, programs, &settings, options.seed, threads).map_err(refused)?;

    let progress = Progress::new(steps as u64, quiet);
    let mut drive = Drive::new(&env, planner, camera)?;
    let driven = drive.go(&mut env, steps, &progress, &interrupted);
    progress.finish();
    // Whatever happened, what was filmed and done so far is kept.
    let kept = drive.keep(options, gif)?;
    match driven {
        Ok(()) => {}
        Err(Ended::Stopped(stop)) => return Ok(check::stopped(&program, &stop)),
        Err(Ended::Fault(error)) => return Err(error.into()),
        Err(Ended::Interrupted) => {
            let seconds = drive.steps as f64 * task.control_dt_secs();
            return Err(Failure::Interrupted(format!("interrupted after {seconds:.2} s{kept}")));
        }
    }
    Ok(answer(options, &drive, &env, &bench, &settings, &reward_path, &kept))
}

/// The task or model that the options name, with the reward to plan for.
fn workbench(options: &Plan, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<(Workbench, PathBuf), Failure> {
    let task = match (&options.task, &options.model) {
        (_, Some(model)) => files::inferred(model, options.engine)?.task().map_err(files::refused)?,
        (task, None) => files::task(&envs()?, task.as_deref().unwrap_or_default(), options.engine)?,
    };
    let reward = options.reward.clone().or_else(|| task.human_reward.clone());
    let reward = reward.ok_or_else(|| {
        Failure::Usage(format!(
            "{} has no human-written reward; name one with --reward",
            task.id
        ))
    })?;
    Ok((Workbench::new(task)?, reward))
}

/// The task's settings with what the command line says in their place.
pub fn settings(task: &Task, planner: Option<PlannerName>, set: &[String]) -> Result<PlanSettings, Failure> {
    let mut settings = PlanSettings::default()
        .with_overrides(&task.plan)
        .map_err(|error| Failure::Fault(anyhow::anyhow!("[plan] in the task.toml of {}: {error}", task.id)))?;
    if let Some(planner) = planner {
        settings.planner = planner.kind();
    }
    for pair in set {
        let wrong = || {
            Failure::Usage(format!(
                "--set {pair}: write KEY=VALUE with a key of `[plan]`, such as rollouts=128"
            ))
        };
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        // A word needs no quotes here.
        let table = format!("{key} = {value}").parse::<toml::Table>();
        let table = table
            .or_else(|_| format!("{key} = {value:?}").parse())
            .map_err(|_| wrong())?;
        settings = settings.with_overrides(&table).map_err(refused)?;
    }
    Ok(settings)
}

/// Settings that make no sense are wrong usage; a program that stops before anything was planned is a fault of its own.
pub fn refused(error: PlanError) -> Failure {
    match error {
        PlanError::Settings(message) => Failure::Usage(message),
        error => Failure::Fault(error.into()),
    }
}

/// A closed loop and what became of it.
struct Drive {
    planner: Planner,
    camera: Option<Camera>,
    /// Positions and velocities at the start.
    start: [Vec<f64>; 2],
    /// What was done, `[T, A]`, and what that was in actuator units, `[T, A]`.
    actions: Vec<f64>,
    controls: Vec<f64>,
    action_size: usize,
    steps: usize,
    reward: f64,
    /// Sums of the reward terms.
    terms: Vec<f64>,
    plans: usize,
    planning: Duration,
    stepping: Duration,
    /// How the episode ended, if it did.
    episode: Option<Episode>,
    /// Rollouts that diverged.
    diverged: usize,
}

/// Why a loop ended before its time.
enum Ended {
    Stopped(carrot_reward_interface::Stop),
    Fault(anyhow::Error),
    Interrupted,
}

impl Drive {
    fn new(env: &VecEnv, planner: Planner, mut camera: Option<Camera>) -> anyhow::Result<Self> {
        if let Some(camera) = &mut camera {
            camera.shoot(&scene(env), 0.0)?;
        }
        Ok(Self {
            planner,
            camera,
            start: [env.qpos(0), env.qvel(0)],
            actions: Vec::new(),
            controls: Vec::new(),
            action_size: env.action_size(),
            steps: 0,
            reward: 0.0,
            terms: vec![0.0; env.reward_terms().len()],
            plans: 0,
            planning: Duration::ZERO,
            stepping: Duration::ZERO,
            episode: None,
            diverged: 0,
        })
    }

    fn go(
        &mut self,
        env: &mut VecEnv,
        steps: usize,
        progress: &Progress,
        interrupted: &AtomicBool,
    ) -> Result<(), Ended> {
        let every = self.planner.settings().replan_every;
        let dt = env.task().control_dt_secs();
        let mut action = vec![0.0; env.action_size()];
        while self.steps < steps && self.episode.is_none() {
            if interrupted.load(Ordering::SeqCst) {
                return Err(Ended::Interrupted);
            }
            if self.steps.is_multiple_of(every) {
                let clock = Instant::now();
                let prospect = self
                    .planner
                    .plan(&env.snapshot(0), &|| !interrupted.load(Ordering::Relaxed));
                let prospect = prospect.map_err(|error| match error {
                    PlanError::Stopped(stop) => Ended::Stopped(stop),
                    PlanError::Interrupted => Ended::Interrupted,
                    PlanError::Settings(_) => Ended::Fault(error.into()),
                })?;
                self.planning += clock.elapsed();
                self.plans += 1;
                self.diverged += prospect.diverged;
            }
            self.planner.action(self.steps % every, &mut action);
            let before = scene(env);
            let clock = Instant::now();
            let data = env.step(&action).map_err(Ended::Stopped)?;
            self.stepping += clock.elapsed();
            self.episode = data.episodes.first().cloned();
            if !data.faulted[0] {
                self.reward += data.rewards.total[0];
                for (sum, term) in self.terms.iter_mut().zip(&data.rewards.terms) {
                    *sum += term[0];
                }
            }
            self.steps += 1;
            self.actions.extend(action.iter().map(|&value| f64::from(value)));
            self.controls.extend(env.ctrl(0));
            if let Some(camera) = &mut self.camera {
                // After the last step of an episode the world is already reset; its last picture is the one before.
                let shown = if self.episode.is_some() { before } else { scene(env) };
                let shot = camera.shoot(&shown, self.steps as f64 * dt);
                shot.map_err(|error| Ended::Fault(error.into()))?;
            }
            progress.set(self.steps as u64);
            progress.message(format!("{:.1} plans/s", self.plans_per_second()));
        }
        Ok(())
    }

    /// Writes film and actions; says so.
    fn keep(&self, options: &Plan, gif: Option<bool>) -> Result<String, Failure> {
        let mut kept = String::new();
        if let (Some(path), Some(camera), Some(gif)) = (&options.out, &self.camera, gif) {
            if gif {
                write_gif(path, &camera.frames, Film::FRAME_SECS)?;
            } else {
                write_png(path, &side_by_side(&camera.frames, 4))?;
            }
            _ = write!(kept, "\nfilm {}", path.display());
        }
        if let Some(path) = &options.save_actions {
            self.save(path).with_context(|| path.display().to_string())?;
            _ = write!(kept, "\nactions {}", path.display());
        }
        Ok(kept)
    }

    fn save(&self, path: &Path) -> anyhow::Result<()> {
        let shape = vec![self.steps, self.action_size];
        let [qpos, qvel] = &self.start;
        npz::write_named(
            path,
            &[
                ("actions".to_owned(), shape.clone(), Values::Numbers(&self.actions)),
                ("ctrl".to_owned(), shape, Values::Numbers(&self.controls)),
                ("qpos".to_owned(), vec![qpos.len()], Values::Numbers(qpos)),
                ("qvel".to_owned(), vec![qvel.len()], Values::Numbers(qvel)),
            ],
        )
    }

    fn plans_per_second(&self) -> f64 {
        self.plans as f64 / self.planning.as_secs_f64().max(1e-9)
    }
}

fn answer(
    options: &Plan,
    drive: &Drive,
    env: &VecEnv,
    bench: &Workbench,
    settings: &PlanSettings,
    reward: &Path,
    kept: &str,
) -> Answer {
    let task = &bench.task;
    let (ended, episode) = match &drive.episode {
        Some(episode) if episode.fault.is_some() => ("fault", episode.clone()),
        Some(episode) if env.step_data().terminated[0] => ("terminated", episode.clone()),
        Some(episode) => ("truncated", episode.clone()),
        // As the task would judge it if it ended here.
        None => ("time", env.snapshot(0).so_far(task)),
    };
    let fault = &episode.fault;
    let judged = task.judges && fault.is_none();
    let simulated_secs = drive.steps as f64 * task.control_dt_secs();
    let wall_secs = (drive.planning + drive.stepping).as_secs_f64();
    let rollouts = drive.plans * settings.rollouts * settings.iterations;
    let rollouts_per_second = rollouts as f64 / drive.planning.as_secs_f64().max(1e-9);
    let real_time_factor = simulated_secs / wall_secs.max(1e-9);
    let per_step = |sum: f64| sum / drive.steps.max(1) as f64;
    let names = env.reward_terms();
    let terms: serde_json::Map<_, _> = names
        .iter()
        .zip(&drive.terms)
        .map(|(name, &sum)| (name.clone(), json!(per_step(sum))))
        .collect();
    let mut json = json!({
        "fitness": judged.then_some(episode.fitness), "success": judged.then_some(episode.success),
        "return": drive.reward, "terms": terms, "steps": drive.steps, "seconds": wall_secs, "simulated_secs": simulated_secs,
        "ended": ended, "fault": fault, "plans": drive.plans, "plans_per_second": drive.plans_per_second(),
        "rollouts_per_second": rollouts_per_second, "real_time_factor": real_time_factor, "diverged": drive.diverged,
        "substeps": task.substeps,
        "settings": settings, "seed": options.seed, "task": task.id, "engine": bench.engine(), "reward": reward,
        "out": options.out, "actions": options.save_actions,
    });
    if let Some(model) = &options.model {
        json["model"] = json!(model);
    }
    let verdict = match (fault, judged) {
        (Some(fault), _) => format!("the simulation diverged: {fault}"),
        (None, true) => {
            let success = if episode.success { "success" } else { "no success" };
            format!("fitness {:.4}, {success}", episode.fitness)
        }
        (None, false) => "a model without a task has no fitness".to_owned(),
    };
    let mut text = format!(
        "{verdict}; return {:.4} over {} steps ({simulated_secs:.2} s, {})\nreward terms, mean per step",
        drive.reward,
        drive.steps,
        match ended {
            "terminated" => "the task ended the episode",
            "truncated" => "the whole horizon",
            "fault" => "cut short",
            _ => "as long as was asked for",
        }
    );
    for (name, &sum) in names.iter().zip(&drive.terms) {
        _ = write!(text, "\n  {name:<20} {:>10.4}", per_step(sum));
    }
    _ = write!(
        text,
        "\n{} plans, {:.1} plans/s, {rollouts_per_second:.0} rollouts/s of {} s, {real_time_factor:.2} times real time, seed {}",
        drive.plans,
        drive.plans_per_second(),
        settings.horizon_secs,
        options.seed
    );
    if drive.diverged > 0 {
        _ = write!(
            text,
            "\n{} of {rollouts} rollouts diverged and did not count",
            drive.diverged
        );
    }
    text += kept;
    if let Some(actions) = &options.save_actions {
        let actions = actions.display();
        let what = match &options.model {
            Some(model) => format!("--model {} --substeps {}", model.display(), task.substeps),
            None => format!("--task {} --seed {}", task.id, options.seed),
        };
        let engine = match options.engine {
            Engine::Mujoco => String::new(),
            other => format!(" --engine {other}"),
        };
        _ = write!(
            text,
            "\nagain: carrot rollout {what}{engine} --actions {actions} --out states.npz"
        );
    }
    Answer {
        json,
        text,
        yes: fault.is_none(),
    }
}
