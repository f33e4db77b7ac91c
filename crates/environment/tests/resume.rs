//! Environments that go on from a file: in another process, on other threads, with nothing in common but the task and the seed.

mod support;

use carrot_environment::{Engine, EnvSnapshot, MEASURES, Programs, StepData, Task, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use support::{actions, envs, restless, with_derived};

const N_ENVS: usize = 5;

fn load(task: &Task, source: &str, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", &task.schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap()
}

/// A reward that adds up what it has seen in the episode, of a variable.
fn remembering(variable: &str) -> String {
    format!(
        "class Robot:\n    def compute_dense_reward(self, action):\n        \
         seen = self.seen if hasattr(self, 'seen') else 0.0\n        \
         self.seen = 0.9 * seen + self.{variable}\n        return self.seen\n"
    )
}

/// Everything that a step says, as bits.
fn bits(data: &StepData) -> Vec<u64> {
    let mut bits: Vec<u64> = (data.observations.iter().chain(&data.final_observations))
        .map(|value| u64::from(value.to_bits()))
        .collect();
    bits.extend(data.rewards.total.iter().map(|value| value.to_bits()));
    let flags = [&data.terminated, &data.truncated, &data.faulted];
    bits.extend(flags.into_iter().flatten().map(|&flag| u64::from(flag)));
    bits.extend(data.episodes.iter().map(|episode| episode.fitness.to_bits()));
    bits
}

fn play(env: &mut VecEnv, steps: std::ops::Range<usize>) -> Vec<Vec<u64>> {
    let width = N_ENVS * env.action_size();
    steps
        .map(|step| bits(env.step(&actions(step, width)).unwrap()))
        .collect()
}

fn goes_on(task: &Task, reward: &str, before: usize) {
    let measures = load(task, &task.program.0, Entry::Functions(&MEASURES));
    let reward = load(task, &remembering(reward), Entry::Reward);
    let programs = Programs {
        measures: &measures,
        reward: Some(&reward),
    };
    let what = format!("{} in {} after {before} steps", task.id, task.model.engine());
    let mut env = VecEnv::new(task, programs, N_ENVS, 7, 2).unwrap();
    play(&mut env, 0..before);
    let observations = env.observations().to_vec();
    let snapshots: Vec<EnvSnapshot> = (0..N_ENVS).map(|index| env.snapshot(index)).collect();
    let file = postcard::to_allocvec(&snapshots).unwrap();
    let followed = play(&mut env, before..before + 150);

    let read: Vec<EnvSnapshot> = postcard::from_bytes(&file).unwrap();
    let mut other = VecEnv::new(task, programs, N_ENVS, 7, 1).unwrap();
    other.resume(&read).unwrap();
    assert_eq!(other.observations(), observations, "{what}");
    if before > 0 {
        // Before the first step programs have nothing to remember, which is then written as zeros.
        let again: Vec<EnvSnapshot> = (0..N_ENVS).map(|index| other.snapshot(index)).collect();
        assert_eq!(again, snapshots, "{what}");
    }
    assert!(play(&mut other, before..before + 150) == followed, "{what}");
    let message = other.resume(&read[1..]).unwrap_err();
    assert_eq!(message, "4 environments were saved, but there are 5");
}

#[test]
fn what_is_read_from_a_file_goes_on_bit_for_bit() {
    for engine in Engine::ALL {
        // At once, within the first episodes, and after many.
        for before in [0, 13, 230] {
            goes_on(&restless(engine), "lean", before);
        }
        let hopper = Task::load(&envs(), "hopper/hop_forward", engine).unwrap();
        goes_on(&hopper, "torso_x", 61);
    }
    let pushed = Task::load(&envs(), "quadruped/stand", Engine::Mujoco).unwrap();
    goes_on(&with_derived(pushed), "base_height", 120);
}

#[test]
fn an_episode_that_cannot_be_played_again_is_noticed() {
    let task = Task::load(&envs(), "hopper/hop_forward", Engine::Rapier).unwrap();
    let measures = load(&task, &task.program.0, Entry::Functions(&MEASURES));
    let programs = Programs {
        measures: &measures,
        reward: None,
    };
    let mut env = VecEnv::new(&task, programs, N_ENVS, 7, 1).unwrap();
    play(&mut env, 0..20);
    let mut snapshots: Vec<EnvSnapshot> = (0..N_ENVS).map(|index| env.snapshot(index)).collect();
    // The numbers of the physics come first; one bit of one of them differs, as from another machine's sine.
    let mut changed = postcard::to_allocvec(&snapshots[2]).unwrap();
    changed[5] ^= 1;
    snapshots[2] = postcard::from_bytes(&changed).unwrap();
    let message = env.resume(&snapshots).unwrap_err();
    assert!(message.starts_with("environment 2: "), "{message}");
    assert!(message.contains("leads elsewhere"), "{message}");
}
