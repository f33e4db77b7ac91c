//! Real tasks, real programs, real physics: what a training must deliver, from fixed seeds.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use carrot_environment::{Engine, Evaluation, MEASURES, Programs, Task, VecEnv};
use carrot_optimizer::{Policy, PpoSettings, TrainError, Trained, evaluate, train};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Schema, Stop, StopCause};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};

fn task(id: &str) -> Task {
    Task::load(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs"),
        id,
        Engine::Mujoco,
    )
    .unwrap()
}

fn program(source: &str, file: &Path, schema: &Schema, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, &file.display().to_string(), schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

fn environments(task: &Task, reward: &dyn RewardSource, n_envs: usize, seed: u64, threads: usize) -> VecEnv {
    let (source, file) = &task.program;
    let measures = program(source, file, &task.schema, Entry::Functions(&MEASURES));
    let programs = Programs {
        measures: &measures,
        reward: Some(reward),
    };
    VecEnv::new(task, programs, n_envs, seed, threads).unwrap()
}

fn human_reward(task: &Task) -> LoadedReward {
    let file: PathBuf = task.human_reward.clone().unwrap();
    program(
        &std::fs::read_to_string(&file).unwrap(),
        &file,
        &task.schema,
        Entry::Reward,
    )
}

fn settings(task: &Task, steps: u64) -> PpoSettings {
    let settings = PpoSettings::default().with_overrides(&task.ppo).unwrap();
    PpoSettings { steps, ..settings }
}

fn go_on(_: &carrot_optimizer::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn trained(task: &Task, steps: u64, seed: u64, threads: usize) -> Trained {
    let settings = settings(task, steps);
    let mut env = environments(task, &human_reward(task), settings.n_envs, seed, threads);
    train(&mut env, &settings, seed, &mut go_on).unwrap()
}

fn evaluated(task: &Task, policy: &Policy, episodes: usize) -> Evaluation {
    let mut env = environments(task, &human_reward(task), 10, 99, 1);
    evaluate(policy, &mut env, episodes).unwrap()
}

#[test]
fn the_pole_is_balanced() {
    let task = task("cartpole/balance");
    for seed in [1, 2, 3] {
        let trained = trained(&task, 100_000, seed, 1);
        let evaluation = evaluated(&task, &trained.policy, 20);
        assert!(evaluation.fitness >= 450.0, "seed {seed}: {evaluation:?}");
        assert_eq!(evaluation.episodes, 20);
        let fitness: Vec<Option<f64>> = trained
            .checkpoints
            .iter()
            .map(|checkpoint| checkpoint.fitness)
            .collect();
        assert!(
            (9..=10).contains(&fitness.len()) && fitness[0] < Some(100.0),
            "{fitness:?}"
        );
    }
}

#[test]
fn the_hopper_hops() {
    let task = task("hopper/hop_forward");
    let trained = trained(&task, 100_000, 1, 2);
    let evaluation = evaluated(&task, &trained.policy, 10);
    // Standing still gives 0 m and falling forward about 0.5 m.
    assert!(evaluation.fitness >= 4.0, "{evaluation:?}");
    let terms: Vec<&str> = evaluation.terms.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(terms, ["forward", "alive", "effort"]);
    assert!(evaluation.terms.iter().all(|(_, mean)| mean.is_finite()));
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let task = task("hopper/hop_forward");
    let bytes = |seed, threads| trained(&task, 8_000, seed, threads).policy.to_bytes(&[]);
    let first = bytes(5, 1);
    assert_eq!(first, bytes(5, 1));
    assert_eq!(first, bytes(5, 2));
    assert_eq!(first, bytes(5, 8));
    assert_ne!(first, bytes(6, 1));
}

#[test]
fn an_evaluation_repeats_itself() {
    let task = task("cartpole/balance");
    let policy = trained(&task, 4_000, 1, 1).policy;
    let (read, _) = Policy::from_bytes(&policy.to_bytes(&[("task".into(), task.id.clone())])).unwrap();
    let mut env = environments(&task, &human_reward(&task), 4, 3, 1);
    let first = evaluate(&policy, &mut env, 5).unwrap();
    assert_eq!(first, evaluate(&read, &mut env, 5).unwrap());
    // Five episodes on four environments are two each.
    assert_eq!(first.episodes, 8);
}

#[test]
fn an_observer_ends_a_training() {
    let task = task("cartpole/balance");
    let settings = settings(&task, 50_000);
    let mut env = environments(&task, &human_reward(&task), settings.n_envs, 1, 1);
    let mut seen = Vec::new();
    let result = train(&mut env, &settings, 1, &mut |progress| {
        seen.push(progress.steps);
        match seen.len() {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert!(matches!(result, Err(TrainError::Interrupted)));
    assert!(seen.len() == 3 && seen[2] == 3 * seen[0], "{seen:?}");
}

/// A reward that answers with a given number in environment 1 of all.
#[derive(Clone)]
struct Constant([String; 1], f64);

impl RewardFn for Constant {
    fn terms(&self) -> &[String] {
        &self.0
    }
    fn inputs(&self) -> &[usize] {
        &[]
    }
    fn place(&mut self, _n_envs: usize, _env_index: usize, _row: &[f64]) -> Result<(), Stop> {
        Ok(())
    }
    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop> {
        rewards.total = vec![0.0; 32];
        rewards.total[1] = self.1;
        rewards.terms = vec![rewards.total.clone()];
        Ok(())
    }
}

impl RewardSource for Constant {
    fn terms(&self) -> &[String] {
        &self.0
    }
    fn whole_batch(&self) -> bool {
        true
    }
    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop> {
        Ok(Box::new(self.clone()))
    }
}

#[test]
fn numbers_that_are_not_finite_never_reach_the_policy() {
    let task = task("cartpole/balance");
    let settings = settings(&task, 10_000);
    let run = |value| {
        let reward = Constant(["all".into()], value);
        let mut env = environments(&task, &reward, settings.n_envs, 1, 1);
        train(&mut env, &settings, 1, &mut go_on)
    };
    for value in [f64::NAN, f64::INFINITY] {
        match run(value) {
            Err(TrainError::Stopped(Stop {
                cause: StopCause::NonFinite { env_index: 1, .. },
                ..
            })) => {}
            other => panic!("{value}: {:?}", other.map(|trained| trained.checkpoints)),
        }
    }
    // The largest number there is, and none at all, are no reason to stop and no danger to the policy.
    for value in [f64::MAX, -f64::MAX, 0.0] {
        let policy = run(value).unwrap().policy;
        assert!(Policy::from_bytes(&policy.to_bytes(&[])).is_ok(), "{value}");
    }
}

#[test]
fn a_wrong_number_of_environments_is_refused() {
    let task = task("cartpole/balance");
    let mut env = environments(&task, &human_reward(&task), 3, 1, 1);
    let result = train(&mut env, &settings(&task, 10_000), 1, &mut go_on);
    let message = result.err().unwrap().to_string();
    assert!(
        message.contains("`n_envs` is 32, but there are 3 environments"),
        "{message}"
    );
}
