//! `carrot play`.

use std::path::{Path, PathBuf};

use carrot_environment::{Task, VecEnv};
use carrot_optimizer::Policy;
use carrot_physics::{Frame, PhysicsError, Renderer, write_gif, write_png};
use carrot_workbench::Workbench;
use serde_json::json;

use super::policy::Found;
use crate::arguments::Play;
use crate::files;
use crate::output::{Answer, Failure};

/// What a rollout looked like.
pub struct Film {
    /// One picture every [`Film::FRAME_SECS`].
    pub frames: Vec<Frame>,
    /// Fitness of the episode, if it ended within the film.
    pub fitness: Option<f64>,
    /// Simulated seconds.
    pub seconds: f64,
}

impl Film {
    /// Seconds per picture: 25 a second.
    pub const FRAME_SECS: f64 = 0.04;
    /// Largest film, as it lies in memory: 1 GiB.
    const MOST_BYTES: f64 = (1 << 30) as f64;
}

/// Takes a picture every [`Film::FRAME_SECS`] of simulated time.
pub struct Camera {
    renderer: Renderer,
    /// The pictures so far.
    pub frames: Vec<Frame>,
}

/// What a picture shows: positions, and the goals that mocap bodies mark.
pub type Scene = (Vec<f64>, Vec<[f64; 3]>);

impl Camera {
    /// Follows the robot where the model has a camera `track`.
    pub fn new(task: &Task, seconds: f64, size: (usize, usize)) -> Result<Self, Failure> {
        let n_frames = seconds / Film::FRAME_SECS;
        if n_frames * (3 * size.0 * size.1) as f64 > Film::MOST_BYTES {
            let message = format!(
                "a film of {n_frames:.0} pictures of {}x{} is too large; choose a smaller --size or fewer --seconds",
                size.0, size.1
            );
            return Err(Failure::Usage(message));
        }
        let renderer = Renderer::new(&task.model, size.0, size.1, Some("track"))
            .or_else(|_| Renderer::new(&task.model, size.0, size.1, None))?;
        Ok(Self {
            renderer,
            frames: Vec::new(),
        })
    }

    /// Takes the pictures that are due at this time.
    pub fn shoot(&mut self, (qpos, mocap): &Scene, time_secs: f64) -> Result<(), PhysicsError> {
        while self.frames.len() as f64 * Film::FRAME_SECS <= time_secs + 1e-9 {
            self.renderer.place_mocap(mocap);
            self.frames.push(self.renderer.draw(qpos)?);
        }
        Ok(())
    }
}

/// The scene of the only environment.
pub fn scene(env: &VecEnv) -> Scene {
    (env.qpos(0), env.mocap_positions(0))
}

/// Whether a file is to be a film (.gif) or moments side by side (.png).
pub fn is_gif(path: &Path) -> Result<bool, Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "gif" => Ok(true),
        "png" => Ok(false),
        _ => Err(Failure::Usage(format!(
            "{}: the file must end in .gif or .png",
            path.display()
        ))),
    }
}

/// Draws a rollout to a file.
pub fn run(options: &Play, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let gif = is_gif(&options.out)?;
    files::check_writable(&options.out)?;
    let found = Found::open(&options.policy_or_run)?;
    let task = found.task(options.model.as_deref(), options.engine, envs)?;
    let policy = found.policy;
    let judges = task.judges;
    let (id, engine) = (task.id.clone(), task.model.engine().version());
    let mut film = film(&policy, task, options.seed, options.seconds, options.size)?;
    film.fitness = film.fitness.filter(|_| judges);
    if gif {
        write_gif(&options.out, &film.frames, Film::FRAME_SECS)?;
    } else {
        write_png(&options.out, &side_by_side(&film.frames, 4))?;
    }
    let json = json!({
        "out": options.out, "task": id, "engine": engine, "seed": options.seed, "seconds": film.seconds,
        "frames": film.frames.len(), "fitness": film.fitness,
    });
    let fitness = film
        .fitness
        .map_or(String::new(), |fitness| format!(", fitness {fitness:.4}"));
    Ok(Answer::new(
        json,
        format!(
            "{}: {:.1} s of {id} in {engine}{fitness}",
            options.out.display(),
            film.seconds
        ),
    ))
}

/// Plays one episode, or as much of it as `seconds` hold, and draws it.
pub fn film(policy: &Policy, task: Task, seed: u64, seconds: f64, size: (usize, usize)) -> Result<Film, Failure> {
    let horizon_secs = task.horizon as f64 * task.control_dt_secs();
    let mut camera = Camera::new(&task, seconds.min(horizon_secs), size)?;
    let control_dt_secs = task.control_dt_secs();
    let (observation_size, action_size) = (task.observation_size(), task.action_size());
    if (policy.observation_size(), policy.action_size()) != (observation_size, action_size) {
        let message =
            "the policy was trained for another observation or action; train it again for this version of the task";
        return Err(Failure::Usage(message.into()));
    }
    let bench = Workbench::new(task)?;
    let mut env = bench.env(None, 1, seed, 1)?;
    let mut actions = vec![0.0; action_size];
    camera.shoot(&scene(&env), 0.0)?;
    let mut fitness = None;
    let mut time_secs = 0.0;
    while time_secs + control_dt_secs <= seconds && fitness.is_none() {
        policy.act(env.observations(), &mut actions);
        let before = scene(&env);
        fitness = env.step(&actions)?.episodes.first().map(|episode| episode.fitness);
        time_secs += control_dt_secs;
        // After the last step of an episode the world is already reset; its last picture is the one before.
        let shown = if fitness.is_some() { before } else { scene(&env) };
        camera.shoot(&shown, time_secs)?;
    }
    Ok(Film {
        frames: camera.frames,
        fitness,
        seconds: time_secs,
    })
}

/// `count` moments of the film in one row.
pub fn side_by_side(frames: &[Frame], count: usize) -> Frame {
    let chosen: Vec<&Frame> = (0..count)
        .map(|k| &frames[k * (frames.len() - 1) / (count - 1).max(1)])
        .collect();
    let (width, height) = (chosen[0].width, chosen[0].height);
    let mut rgb = Vec::with_capacity(3 * width * height * count);
    for y in 0..height {
        for frame in &chosen {
            rgb.extend_from_slice(&frame.rgb[3 * width * y..3 * width * (y + 1)]);
        }
    }
    Frame {
        width: width * count,
        height,
        rgb,
    }
}
