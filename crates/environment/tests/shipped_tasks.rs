//! The repository's own tasks: their programs compile, their worlds run, their pages say what their files say.

mod support;

use std::path::PathBuf;

use carrot_environment::{Engine, MEASURES, Programs, Task, VecEnv, task_ids};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{DType, RewardSource, Schema};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use support::{actions, envs, with_derived};

fn tasks() -> Vec<Task> {
    let ids = task_ids(&envs()).unwrap();
    assert_eq!(
        ids,
        [
            "ant/run_forward",
            "arm/lift",
            "arm/reach",
            "cartpole/balance",
            "cartpole/swing_up",
            "half_cheetah/run",
            "hopper/hop_forward",
            "humanoid/run",
            "quadruped/stand",
            "quadruped/walk",
            "walker/walk",
        ]
    );
    ids.iter()
        .map(|id| with_derived(Task::load(&envs(), id, Engine::Mujoco).unwrap()))
        .collect()
}

/// Nothing that a task reads is out of an engine's reach.
#[test]
fn every_task_loads_in_both_engines() {
    for id in task_ids(&envs()).unwrap() {
        for engine in Engine::ALL {
            Task::load(&envs(), &id, engine).unwrap_or_else(|error| panic!("{id} in {engine}: {error}"));
        }
    }
}

fn load(source: &str, file: &str, schema: &Schema, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, file, schema, entry);
    let Some(module) = compiled.module else {
        panic!("{file}: {:#?}", compiled.diagnostics)
    };
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

fn measures(task: &Task) -> LoadedReward {
    let (source, file) = &task.program;
    load(
        source,
        &file.display().to_string(),
        &task.schema,
        Entry::Functions(&MEASURES),
    )
}

fn env(task: &Task, reward: Option<&LoadedReward>, n_envs: usize, seed: u64) -> VecEnv {
    let programs = Programs {
        measures: &measures(task),
        reward: reward.map(|reward| reward as &dyn RewardSource),
    };
    VecEnv::new(task, programs, n_envs, seed, 1).unwrap()
}

/// The task's reward programs: the human-written one and those beside it.
fn programs(task: &Task) -> Vec<(PathBuf, LoadedReward)> {
    let human = task
        .human_reward
        .as_ref()
        .expect("every shipped task has a human reward");
    let entries = std::fs::read_dir(human.parent().unwrap()).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.contains(human));
    files
        .into_iter()
        .map(|file| {
            let source = std::fs::read_to_string(&file).unwrap();
            let program = load(&source, &file.display().to_string(), &task.schema, Entry::Reward);
            (file, program)
        })
        .collect()
}

#[test]
fn programs_run_on_real_physics() {
    for task in tasks() {
        let programs = programs(&task);
        assert!(programs.len() >= 4, "{}: {} programs", task.id, programs.len());
        let mut episodes = Vec::new();
        for (file, program) in &programs {
            let mut env = env(&task, Some(program), 6, 1);
            for step in 0..200 {
                let data = env.step(&actions(step, 6 * task.action_size())).unwrap();
                assert!(
                    data.rewards.total.iter().all(|total| total.abs() < 100.0),
                    "{}: {:?}",
                    file.display(),
                    data.rewards
                );
                episodes.extend(data.episodes.iter().cloned());
            }
        }
        for episode in &episodes {
            assert_eq!(episode.fault, None, "{}", task.id);
            assert!(!episode.success, "{}: flailing succeeds: {episode:?}", task.id);
        }
        let must_fall = ["cartpole/balance", "hopper/hop_forward", "humanoid/run"].contains(&task.id.as_str());
        assert!(
            !must_fall || !episodes.is_empty(),
            "{}: flailing never ends an episode",
            task.id
        );
    }
}

#[test]
fn a_new_episode_neither_ends_nor_succeeds_at_once() {
    for task in tasks() {
        let mut env = env(&task, None, 32, 9);
        let data = env.step(&vec![0.0; 32 * task.action_size()]).unwrap();
        assert!(data.episodes.is_empty(), "{}: {:?}", task.id, data.episodes);
    }
}

#[test]
fn variables_are_documented_in_files_and_pages() {
    for task in tasks() {
        let (env_name, task_name) = task.id.split_once('/').unwrap();
        let page = std::fs::read_to_string(envs().join(env_name).join("README.md")).unwrap();
        for variable in &task.schema.variables {
            assert!(
                variable.doc.ends_with('.'),
                "{}: `{}` has no sentence",
                task.id,
                variable.name
            );
            assert!(
                variable.range.is_some() || variable.dtype == DType::Bool,
                "{}: `{}` has no range",
                task.id,
                variable.name
            );
            assert!(
                page.contains(&format!("`{}`", variable.name)),
                "{}: page lacks `{}`",
                task.id,
                variable.name
            );
        }
        for expected in [
            task_name.to_owned(),
            task.instruction.clone(),
            format!("after {} steps", task.horizon),
            format!("observation: {} numbers", task.observation_size()),
            format!("| {} |", task.version),
        ] {
            assert!(
                page.contains(&expected),
                "{}: the page does not say {expected:?}",
                task.id
            );
        }
    }
}
