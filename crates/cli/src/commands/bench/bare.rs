//! The bare `mj_step` loop: what physics costs at least, on the very states that an environment went through.

use std::time::Instant;

use carrot_environment::VecEnv;
use carrot_physics::BareWorld;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// Actions, and what the environment made of them.
pub struct Script {
    pub steps: usize,
    /// `[T][N * A]`.
    pub actions: Vec<Vec<f32>>,
    /// `[T][N]`.
    controls: Vec<Vec<Vec<f64>>>,
    /// Of each environment.
    starts: Vec<Vec<Start>>,
    /// Positions after the last step.
    pub last: Vec<Vec<f64>>,
    substeps: usize,
}

/// The start of an episode.
struct Start {
    /// It lies before this step.
    step: usize,
    qpos: Vec<f64>,
    qvel: Vec<f64>,
}

impl Script {
    /// Steps the environments with actions that `draw` fills in, and notes what comes of them.
    pub fn write(
        env: &mut VecEnv,
        steps: usize,
        mut draw: impl FnMut(&mut ChaCha8Rng, &mut [f32]),
    ) -> anyhow::Result<Self> {
        let n_envs = env.n_envs();
        let width = n_envs * env.action_size();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        env.reset()?;
        let start = |env: &VecEnv, index: usize, step: usize| Start {
            step,
            qpos: env.qpos(index),
            qvel: env.qvel(index),
        };
        let mut script = Self {
            steps,
            actions: Vec::with_capacity(steps),
            controls: Vec::with_capacity(steps),
            starts: (0..n_envs).map(|index| vec![start(env, index, 0)]).collect(),
            last: Vec::new(),
            substeps: env.task().substeps,
        };
        for step in 1..=steps {
            let mut actions = vec![0.0; width];
            draw(&mut random, &mut actions);
            env.step(&actions)?;
            script.actions.push(actions);
            script.controls.push((0..n_envs).map(|index| env.ctrl(index)).collect());
            let ended: Vec<usize> = env
                .step_data()
                .episodes
                .iter()
                .map(|episode| episode.env_index)
                .collect();
            for index in ended {
                anyhow::ensure!(
                    !env.step_data().faulted[index],
                    "the simulation diverged under random actions"
                );
                script.starts[index].push(start(env, index, step));
            }
        }
        script.last = (0..n_envs).map(|index| env.qpos(index)).collect();
        Ok(script)
    }
}

/// Replays the script: each thread has its own share of the worlds and waits for nobody. Steps/s, added up over threads.
pub fn play_bare(script: &Script, worlds: &mut [BareWorld], threads: usize) -> f64 {
    let share = worlds.len().div_ceil(threads);
    let rates: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = worlds
            .chunks_mut(share)
            .enumerate()
            .map(|(thread, worlds)| scope.spawn(move || play_share(script, worlds, thread * share)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a bare loop only steps"))
            .collect()
    });
    rates.into_iter().sum()
}

fn play_share(script: &Script, worlds: &mut [BareWorld], first: usize) -> f64 {
    let mut next_start = vec![0; worlds.len()];
    let clock = Instant::now();
    for step in 0..=script.steps {
        for (k, world) in worlds.iter_mut().enumerate() {
            let starts = &script.starts[first + k];
            if let Some(start) = starts.get(next_start[k])
                && start.step == step
            {
                world.begin(&start.qpos, &start.qvel);
                next_start[k] += 1;
            }
            if let Some(controls) = script.controls.get(step) {
                world.step(&controls[first + k], script.substeps);
            }
        }
    }
    (script.steps * worlds.len()) as f64 / clock.elapsed().as_secs_f64()
}
