//! Rewards, worlds and settings at their worst, as real trainings: the cause is told in words, and never learned.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use carrot_environment::{Engine, MEASURES, Programs, Task, VecEnv};
use carrot_optimizer::{Policy, PpoSettings, Trained, evaluate, train};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Schema, Stop};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};

fn load(source: &str, schema: &Schema, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, schema).unwrap()
}

/// cartpole/balance with some of its text replaced, as (file, from, to).
fn cartpole(edits: &[(&str, &str, &str)]) -> Task {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let dir = tempfile::tempdir().unwrap();
    for file in [
        "model.xml",
        "env.toml",
        "tasks/balance/task.toml",
        "tasks/balance/task.py",
    ] {
        let mut text = std::fs::read_to_string(envs.join("cartpole").join(file)).unwrap();
        for (_, from, to) in edits.iter().filter(|(edited, ..)| file.ends_with(edited)) {
            assert!(text.contains(from), "{file} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        let to = dir.path().join("envs/cartpole").join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text).unwrap();
    }
    let task = Task::load(&dir.path().join("envs"), "cartpole/balance", Engine::Mujoco).unwrap();
    let Some(text) = task.derived.clone() else {
        return task;
    };
    let outputs: Vec<(&str, &str)> = text.outputs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let program = load(&text.source, &task.schema, Entry::Variables(&outputs));
    task.with_derived(Arc::new(program))
}

/// A reward written in Rust: its value in environment `env_index` at evaluation `step`.
#[derive(Clone)]
struct Scripted {
    terms: [String; 1],
    value: fn(step: u64, env_index: usize) -> f64,
    step: u64,
    n_envs: usize,
}

fn scripted(value: fn(u64, usize) -> f64) -> Scripted {
    Scripted {
        terms: ["scripted".into()],
        value,
        step: 0,
        n_envs: 0,
    }
}

impl RewardFn for Scripted {
    fn terms(&self) -> &[String] {
        &self.terms
    }
    fn inputs(&self) -> &[usize] {
        &[]
    }
    fn place(&mut self, n_envs: usize, _env_index: usize, _row: &[f64]) -> Result<(), Stop> {
        self.n_envs = n_envs;
        Ok(())
    }
    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop> {
        rewards.total = (0..self.n_envs)
            .map(|env_index| (self.value)(self.step, env_index))
            .collect();
        rewards.terms = vec![rewards.total.clone()];
        self.step += 1;
        Ok(())
    }
}

impl RewardSource for Scripted {
    fn terms(&self) -> &[String] {
        &self.terms
    }
    fn whole_batch(&self) -> bool {
        true
    }
    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop> {
        Ok(Box::new(self.clone()))
    }
}

fn settings() -> PpoSettings {
    PpoSettings {
        steps: 8_000,
        n_envs: 8,
        ..PpoSettings::default()
    }
}

/// Trains, and requires of whatever comes out that its file can be read, which a number that is not finite would prevent, and
/// that it can be judged.
fn trained(task: &Task, reward: &dyn RewardSource, settings: &PpoSettings) -> Result<Trained, String> {
    let measures = load(&task.program.0, &task.schema, Entry::Functions(&MEASURES));
    let programs = Programs {
        measures: &measures,
        reward: Some(reward),
    };
    let mut env = VecEnv::new(task, programs, settings.n_envs, 1, 2).map_err(|stop| stop.to_string())?;
    let trained =
        train(&mut env, settings, 1, &mut |_| ControlFlow::Continue(())).map_err(|error| error.to_string())?;
    let (policy, _) = Policy::from_bytes(&trained.policy.to_bytes(&[])).expect("every weight is a number");
    let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
    for at in &trained.checkpoints {
        let diagnostics: Vec<f64> = at.diagnostics.iter().map(|(_, value)| *value).collect();
        assert!(
            finite(&at.terms) && at.reward.is_finite() && finite(&diagnostics),
            "{at:?}"
        );
    }
    if let Ok(evaluation) = evaluate(&policy, &mut env, 2) {
        assert!(evaluation.fitness.is_finite());
    }
    Ok(trained)
}

/// The sentence of a training that must not succeed.
fn refusal(task: &Task, reward: &dyn RewardSource, settings: &PpoSettings) -> String {
    trained(task, reward, settings)
        .map(|trained| trained.checkpoints)
        .expect_err("it must stop")
}

/// The reward that a person wrote for the shipped task.
fn human(task: &Task) -> LoadedReward {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let shipped = Task::load(&envs, "cartpole/balance", Engine::Mujoco).unwrap();
    let source = std::fs::read_to_string(shipped.human_reward.unwrap()).unwrap();
    load(&source, &task.schema, Entry::Reward)
}

#[test]
fn a_reward_that_is_no_number_stops_the_training_wherever_it_comes() {
    let task = cartpole(&[]);
    for (value, expected) in [
        (
            (|step, env_index| if step == 700 && env_index == 3 { f64::NAN } else { 1.0 }) as fn(u64, usize) -> f64,
            "NaN",
        ),
        (
            |step, env_index| {
                if step == 64 && env_index == 3 {
                    f64::INFINITY
                } else {
                    0.0
                }
            },
            "inf",
        ),
        (
            |step, env_index| {
                if step == 980 && env_index == 3 {
                    f64::NEG_INFINITY
                } else {
                    0.0
                }
            },
            "-inf",
        ),
    ] {
        let message = refusal(&task, &scripted(value), &settings());
        assert!(
            message.contains(expected) && message.contains("environment 3"),
            "{message}"
        );
    }
}

#[test]
fn huge_rewards_are_limited_and_told() {
    let task = cartpole(&[]);
    for value in [
        (|step, env_index| {
            if (step + env_index as u64).is_multiple_of(2) {
                1e300
            } else {
                -1e300
            }
        }) as fn(u64, usize) -> f64,
        |step, _| if step.is_multiple_of(97) { f64::MAX } else { 1e-300 },
        |_, env_index| 10_f64.powi(env_index as i32 * 40 - 160),
    ] {
        let trained = trained(&task, &scripted(value), &settings()).unwrap();
        let [low, high] = trained.checkpoints[5].reward_range.unwrap();
        assert!(low.is_finite() && high >= 1e100, "{low} {high}");
    }
}

#[test]
fn a_reward_that_never_varies_teaches_nothing_and_breaks_nothing() {
    let task = cartpole(&[]);
    for value in [(|_, _| 0.0) as fn(u64, usize) -> f64, |_, _| 1.0, |_, _| -1e5] {
        let trained = trained(&task, &scripted(value), &settings()).unwrap();
        let expected = value(0, 0);
        for at in &trained.checkpoints {
            assert_eq!(at.reward_range, Some([expected; 2]));
            assert_eq!(at.term_ranges, [[expected; 2]]);
        }
    }
}

#[test]
fn observations_that_explode_or_stand_still_are_learned_from_as_far_as_they_go() {
    let observed = ("task.toml", "observation = [", "observation = [\"strange\", ");
    for expression in [
        "10.0 ** (60.0 * time)",         // 1e30 within half a second, then as far as a float goes
        "1e38 * torch.sign(pole_angle)", // the difference of two of them is no float
        "pole_angle * 1e-38",
        "time * 0.0 + 7.0",
    ] {
        let variable = format!("[variable.strange]\nsource = {{ expression = \"{expression}\" }}\n[variable.time]");
        let task = cartpole(&[
            observed,
            ("env.toml", "[variable.time]", &variable),
            ("task.toml", "500", "28"),
        ]);
        let trained =
            trained(&task, &human(&task), &settings()).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(
            trained.checkpoints.iter().map(|at| at.faults).sum::<u64>(),
            0,
            "{expression}"
        );
    }
}

#[test]
fn worlds_that_keep_breaking_are_named() {
    let strange =
        |expression: &str| format!("[variable.strange]\nsource = {{ expression = \"{expression}\" }}\n[variable.time]");
    let observed = ("task.toml", "observation = [", "observation = [\"strange\", ");
    // A number that is none after a tenth of a second, in every environment; and one that no float holds.
    for (expression, expected) in [
        ("torch.sqrt(0.09 - time)", "`strange` is NaN"),
        ("10.0 ** (600.0 * time)", "`strange` is inf"),
    ] {
        let variable = strange(expression);
        let task = cartpole(&[observed, ("env.toml", "[variable.time]", &variable)]);
        let message = refusal(&task, &human(&task), &settings());
        assert!(
            message.contains(expected) && message.contains(" episodes within "),
            "{message}"
        );
    }
    // One that is none from the beginning leaves nothing to play.
    let variable = strange("torch.log(time - 1.0)");
    let task = cartpole(&[observed, ("env.toml", "[variable.time]", &variable)]);
    let message = refusal(&task, &human(&task), &settings());
    assert!(message.contains("right after the reset of environment 0"), "{message}");
    // Physics itself, blown up by a motor of a mad strength.
    let task = cartpole(&[("model.xml", "gear=\"10\"", "gear=\"1e12\"")]);
    let message = refusal(&task, &human(&task), &settings());
    assert!(message.contains(" episodes within "), "{message}");
}

#[test]
fn episodes_of_one_step() {
    for edit in [
        ("task.toml", "horizon = 500", "horizon = 1"),
        (
            "task.py",
            "return (torch.abs(pole_angle) > 0.2) |",
            "return (torch.abs(pole_angle) >= 0.0) |",
        ),
    ] {
        let task = cartpole(&[edit]);
        let trained = trained(&task, &human(&task), &settings()).unwrap();
        for at in &trained.checkpoints {
            assert_eq!(at.episode_lengths, Some([1, 1]), "{edit:?}");
        }
    }
}

#[test]
fn the_smallest_settings() {
    let task = cartpole(&[]);
    let reward = human(&task);
    let tiny = PpoSettings {
        steps: 40,
        n_envs: 1,
        rollout: 1,
        minibatches: 1,
        ..PpoSettings::default()
    };
    assert_eq!(trained(&task, &reward, &tiny).unwrap().steps, 40);
    // More minibatches than samples: 16 rows, which the steps leave of 16 × 64.
    let starved = PpoSettings {
        steps: 16,
        n_envs: 16,
        minibatches: 1024,
        ..PpoSettings::default()
    };
    assert_eq!(trained(&task, &reward, &starved).unwrap().steps, 16);
}
