//! Vectorised stepping with real physics: same numbers at any thread count, ends of episodes, faults.

mod support;

use carrot_environment::{Engine, StepData, Task, VecEnv};
use carrot_reward_interface::{Batch, StopCause};
use support::{Cartpole, Row, actions, env, envs};

fn hopper() -> Task {
    hopper_in(Engine::Mujoco)
}

fn hopper_in(engine: Engine) -> Task {
    Task::load(&envs(), "hopper/hop_forward", engine).unwrap()
}

fn fallen(row: &Row<'_>) -> [f64; 3] {
    [row.get("torso_x"), 0.0, f64::from(row.get("torso_height") < 0.75)]
}

fn for_ever(_: &Row<'_>) -> [f64; 3] {
    [1.0, 1.0, 0.0]
}

/// Everything a step shows, with floats as bits.
fn bits(step: &StepData, variables: &Batch) -> (Vec<u32>, Vec<u32>, Vec<u64>, Vec<bool>, String) {
    let f32_bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    (
        f32_bits(&step.observations),
        f32_bits(&step.final_observations),
        variables
            .columns
            .iter()
            .flatten()
            .map(|value| value.to_bits())
            .collect(),
        [&step.terminated[..], &step.truncated, &step.faulted].concat(),
        format!("{:?}", step.episodes),
    )
}

fn step_bits(env: &mut VecEnv, actions: &[f32]) -> (Vec<u32>, Vec<u32>, Vec<u64>, Vec<bool>, String) {
    env.step(actions).unwrap();
    bits(env.step_data(), &env.variables())
}

#[test]
fn the_number_of_threads_changes_nothing() {
    Engine::ALL.into_iter().for_each(threads_change_nothing);
}

fn threads_change_nothing(engine: Engine) {
    let task = hopper_in(engine);
    let mut envs: Vec<VecEnv> = [1, 2, 3, 8]
        .map(|threads| env(&task, fallen, 7, 5, threads).unwrap())
        .into();
    let mut ended = 0;
    for step in 0..150 {
        let actions = actions(step, 7 * task.action_size());
        let results: Vec<_> = envs.iter_mut().map(|env| step_bits(env, &actions)).collect();
        assert_eq!(results[0], results[1], "{engine}, step {step}");
        assert_eq!(results[0], results[2], "{engine}, step {step}");
        assert_eq!(results[0], results[3], "{engine}, step {step}");
        ended += envs[0].step_data().episodes.len();
    }
    assert!(
        ended > 7,
        "only {ended} episodes ended, so that resets were hardly compared"
    );
}

#[test]
fn a_seed_determines_the_trajectory_and_reset_repeats_it() {
    let task = hopper();
    let run = |env: &mut VecEnv| -> Vec<_> {
        let first = bits(env.step_data(), &env.variables());
        let steps = (0..40).map(|step| step_bits(env, &actions(step, 3 * task.action_size())));
        std::iter::once(first).chain(steps).collect()
    };
    let new = |seed| env(&task, fallen, 3, seed, 1).unwrap();
    let mut env = new(11);
    let once = run(&mut env);
    assert_eq!(once, run(&mut new(11)));
    assert_ne!(once, run(&mut new(12)));
    env.reset().unwrap();
    assert_eq!(once, run(&mut env));
}

#[test]
fn environments_and_episodes_start_differently() {
    let task = Cartpole::new()
        .edit("task.toml", "horizon = 500", "horizon = 1")
        .load()
        .unwrap();
    let mut env = support::env(&task, for_ever, 2, 0, 1).unwrap();
    let first = env.observations().to_vec();
    env.step(&[0.0, 0.0]).unwrap();
    let second = env.observations().to_vec();
    let mut starts: Vec<&[f32]> = first.chunks(4).chain(second.chunks(4)).collect();
    for start in &starts {
        assert!(
            start.iter().all(|value| value.abs() <= 0.05),
            "outside of the noise: {start:?}"
        );
    }
    starts.sort_by(|a, b| a.partial_cmp(b).unwrap());
    starts.dedup();
    assert_eq!(starts.len(), 4, "every episode of every environment has its own start");
}

#[test]
fn normal_noise_has_the_moments_of_a_normal() {
    let task = Cartpole::new()
        .edit("env.toml", "qvel_noise = 0.05", "qvel_noise = { normal = 0.3 }")
        .load()
        .unwrap();
    let env = support::env(&task, for_ever, 2000, 0, 1).unwrap();
    let velocities = || {
        env.observations()
            .chunks(4)
            .flat_map(|row| &row[2..])
            .map(|&v| f64::from(v) / 0.3)
    };
    let moment = |power: i32| velocities().map(|v| v.powi(power)).sum::<f64>() / 4000.0;
    // Five standard errors of each moment; a uniform distribution of deviation 1 has a fourth moment of 1.8.
    for (power, expected, tolerance) in [(1, 0.0, 0.08), (2, 1.0, 0.12), (3, 0.0, 0.31), (4, 3.0, 0.78)] {
        let found = moment(power);
        assert!((found - expected).abs() < tolerance, "moment {power}: {found}");
    }
}

#[test]
fn the_clock_truncates_and_the_task_terminates() {
    let task = Cartpole::new()
        .edit("task.toml", "horizon = 500", "horizon = 20")
        .load()
        .unwrap();
    // Fitness 1 a step; environments whose pole's tip is then on the left end themselves after 10 steps.
    let left = |row: &Row<'_>| {
        let leaves = (row.get("time") - 0.2).abs() < 0.01 && row.get("tip_position") < 0.0;
        [1.0, 1.0, f64::from(leaves)]
    };
    let mut env = support::env(&task, left, 8, 3, 1).unwrap();
    let mut began = [0; 8];
    let mut ends = [Vec::new(), Vec::new()];
    for step in 1..=20 {
        let data = env.step(&[0.0; 8]).unwrap();
        for episode in &data.episodes {
            let (e, at) = (episode.env_index, episode.env_index * 4..episode.env_index * 4 + 4);
            assert_eq!(data.truncated[e], !data.terminated[e]);
            assert_eq!(episode.steps, step - began[e]);
            assert_eq!(episode.steps, if data.terminated[e] { 10 } else { 20 });
            assert_eq!(episode.fitness, episode.steps as f64, "one per step");
            assert!(episode.success && episode.fault.is_none());
            assert_ne!(
                data.observations[at.clone()],
                data.final_observations[at],
                "a reset lies between"
            );
            began[e] = step;
            ends[usize::from(data.truncated[e])].push(e);
        }
        let ended = (0..8).filter(|&e| data.truncated[e] || data.terminated[e]).count();
        assert_eq!(ended, data.episodes.len());
    }
    let [terminated, truncated] = ends;
    assert!(!terminated.is_empty() && !truncated.is_empty(), "both must occur");
    assert!(truncated.iter().all(|e| !terminated.contains(e)));
}

#[test]
fn actions_are_clamped_scaled_and_remembered() {
    let task = Cartpole::new()
        .edit("model.xml", "ctrlrange=\"-1 1\"", "ctrlrange=\"0 3\"")
        .load()
        .unwrap();
    let mut env = support::env(&task, for_ever, 3, 0, 1).unwrap();
    let column = |env: &VecEnv, name: &str| env.variables().columns[task.schema.index(name).unwrap()].clone();
    let before = column(&env, "cart_velocity");
    env.step(&[-7.0, -1.0, 0.5]).unwrap();
    assert_eq!(column(&env, "control"), [-1.0, -1.0, 0.5]);
    assert_eq!(column(&env, "previous_control"), [0.0; 3]);
    // -1 is the lower bound 0 N here, so that the first two carts just coast; 0.5 is 2.25 of 3, so that the third is pushed.
    let after = column(&env, "cart_velocity");
    let gain: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert!(
        gain[0].abs() < 0.05 && gain[1].abs() < 0.05 && gain[2] > 0.2,
        "{gain:?}"
    );
    env.step(&[0.0; 3]).unwrap();
    assert_eq!(column(&env, "previous_control"), [-1.0, -1.0, 0.5]);
    assert_eq!(column(&env, "time"), [0.04; 3]);
    assert_eq!(column(&env, "control_dt"), [0.02]);
}

#[test]
fn a_divergence_ends_one_episode_and_spares_the_others() {
    let task = Cartpole::new()
        .edit("model.xml", "gear=\"10\"", "gear=\"1e14\"")
        .load()
        .unwrap();
    let mut env = support::env(&task, for_ever, 3, 0, 2).unwrap();
    env.step(&[0.0; 3]).unwrap();
    env.step(&[0.0, 1.0, 0.0]).unwrap();
    let (data, variables) = (env.step_data(), env.variables());
    assert_eq!(data.faulted, [false, true, false]);
    assert_eq!(
        (&data.terminated[..], &data.truncated[..]),
        (&[false; 3][..], &[false; 3][..])
    );
    let [episode] = &data.episodes[..] else {
        panic!("{:?}", data.episodes);
    };
    assert_eq!((episode.env_index, episode.success, episode.fitness), (1, false, 0.0));
    assert!(episode.fault.as_ref().unwrap().contains("t = "), "{episode:?}");
    let finite = variables.columns.iter().flatten().all(|value| value.is_finite());
    assert!(finite, "nothing of the divergence is shown");
    assert!(
        data.observations[4..8].iter().all(|value| value.abs() <= 0.05),
        "a fresh episode began"
    );
    let data = env.step(&[0.0; 3]).unwrap();
    assert_eq!((&data.faulted[..], data.episodes.len()), (&[false; 3][..], 0));
}

#[test]
fn an_action_that_is_no_number_is_a_fault_of_its_environment() {
    let task = Cartpole::new().load().unwrap();
    let mut env = support::env(&task, for_ever, 2, 0, 1).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let data = env.step(&[0.3, bad]).unwrap();
        assert_eq!(data.faulted, [false, true]);
        assert!(
            data.episodes[0].fault.as_ref().unwrap().contains("action 0 is"),
            "{:?}",
            data.episodes
        );
    }
}

#[test]
fn an_initial_state_that_is_no_number_stops_at_once() {
    let task = Cartpole::new()
        .edit("env.toml", "qpos_noise = 0.05", "qpos_noise = 1e300")
        .load()
        .unwrap();
    let stop = env(&task, for_ever, 2, 0, 1).err().unwrap();
    assert!(matches!(stop.cause, StopCause::Diverged { .. }), "{stop}");
    assert!(stop.to_string().contains("after the reset of environment 0"), "{stop}");
}

#[test]
fn the_critic_sees_the_truth_at_once_and_the_policy_does_not_see_it() {
    let task = Cartpole::new()
        .edit(
            "task.toml",
            "horizon = 500",
            "horizon = 20\nobservation_delay = 2\ncritic_observation = [\"time\", \"pole_angle\"]",
        )
        .load()
        .unwrap();
    assert_eq!((task.observation_size(), task.critic_observation_size()), (4, 2));
    let mut env = support::env(&task, for_ever, 3, 0, 2).unwrap();
    let angle = task.schema.index("pole_angle").unwrap();
    let now = |env: &VecEnv| -> Vec<f32> {
        let angles = &env.variables().columns[angle];
        angles.iter().map(|&angle| angle as f32).collect()
    };
    let mut last = [now(&env), now(&env)];
    for step in 1..=45 {
        let data = env.step(&[0.3; 3]).unwrap().clone();
        let angles = now(&env);
        let times = [step % 20, (step - 1) % 20 + 1].map(|steps| steps as f32 * 0.02);
        for e in 0..3 {
            assert!((data.critic_observations[2 * e] - times[0]).abs() < 1e-6);
            assert!((data.final_critic_observations[2 * e] - times[1]).abs() < 1e-6);
            assert_eq!(data.final_critic_observations[2 * e + 1], angles[e]);
            let same = data.critic_observations[2 * e + 1] == angles[e];
            assert_eq!(
                same,
                step % 20 != 0,
                "a reset lies between only where the episode ended"
            );
            if step % 20 > 2 {
                assert!(data.observations[4 * e..4 * e + 4].contains(&last[0][e]));
                assert!(!data.observations[4 * e..4 * e + 4].contains(&angles[e]));
            }
        }
        last = [last[1].clone(), angles];
    }
    let held = env.snapshot(1);
    let before = env.step_data().critic_observations[2..4].to_vec();
    env.step(&[0.9; 3]).unwrap();
    env.restore(1, &held);
    assert_eq!(env.step_data().critic_observations[2..4], before);
    let plain = support::env(&Cartpole::new().load().unwrap(), for_ever, 3, 0, 1).unwrap();
    assert!(plain.step_data().critic_observations.is_empty());
}
