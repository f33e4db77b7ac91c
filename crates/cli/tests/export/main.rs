//! `carrot export`: the model computes what the policy computes, in two other runtimes, and says what its numbers mean.

mod onnxruntime;
mod reader;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashMap;

use carrot_environment::{Engine, Task};
use carrot_optimizer::Policy;
use carrot_workbench::Workbench;
use onnxruntime::Runtime;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reader::{Model, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use support::{Scratch, root};

/// Observation, hidden layers and action of the policies without a task.
const SIZES: [usize; 5] = [7, 33, 20, 9, 3];

/// Every kind of network, with random numbers in it.
fn policies() -> Vec<(String, Policy)> {
    let kinds = ["tanh", "relu", "elu"].map(|activation| [(activation, false), (activation, true)]);
    let kinds = kinds.into_iter().flatten();
    kinds
        .map(|(activation, squash)| {
            let file = policy_file(activation, squash, &SIZES, json!([["task", "nowhere/nothing"]]));
            let (policy, _) = Policy::from_bytes(&file).unwrap();
            (format!("{activation}, squash {squash}"), policy)
        })
        .collect()
}

/// A policy file, written as anybody could write one.
fn policy_file(activation: &str, squash: bool, sizes: &[usize], metadata: Value) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let mut numbers = |count: usize, scale: f32| -> Vec<u8> {
        let values = (0..count).map(|_| scale * random.random_range(-1.0_f32..1.0));
        values.flat_map(f32::to_le_bytes).collect()
    };
    let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
    let mut tensors = vec![
        ("log_std".to_owned(), vec![outputs], numbers(outputs, 1.0)),
        ("observation.mean".into(), vec![inputs], numbers(inputs, 5.0)),
        ("observation.scale".into(), vec![inputs], numbers(inputs, 3.0)),
    ];
    for (layer, pair) in sizes.windows(2).enumerate() {
        let scale = 1.6 / (pair[0] as f32).sqrt();
        tensors.push((
            format!("layer.{layer}.weight"),
            pair.to_vec(),
            numbers(pair[0] * pair[1], scale),
        ));
        tensors.push((format!("layer.{layer}.bias"), vec![pair[1]], numbers(pair[1], 0.5)));
    }
    let header = json!({"format": 1, "sizes": sizes, "activation": activation, "squash": squash, "metadata": metadata});
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, Some(HashMap::from([("carrot".to_owned(), header.to_string())]))).unwrap()
}

/// 1,000 observations: most of common size, some with numbers that hardly fit into f32, or that hardly differ from zero.
fn observations(columns: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(23);
    let extremes = [
        0.0,
        -0.0,
        1e-40,
        -1e-30,
        1e6,
        -1e12,
        3e38,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
    ];
    (0..1_000 * columns)
        .map(|place| match place / columns % 10 {
            0 => extremes[random.random_range(0..extremes.len())],
            1 => random.random_range(-100.0..100.0),
            _ => random.random_range(-6.0..6.0),
        })
        .collect()
}

/// Our own actions, as the environment applies them.
fn own_actions(policy: &Policy, observations: &[f32]) -> Vec<f32> {
    let mut actions = vec![0.0; observations.len() / policy.observation_size() * policy.action_size()];
    policy.act(observations, &mut actions);
    actions.iter().map(|action| action.clamp(-1.0, 1.0)).collect()
}

fn largest_difference(left: impl IntoIterator<Item = f64>, right: &[f32]) -> f64 {
    let pairs = left.into_iter().zip(right);
    pairs.map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max)
}

#[test]
fn the_graph_computes_what_the_policy_computes() {
    let observations = observations(SIZES[0]);
    for (kind, policy) in policies() {
        let model = Model::read(&policy.to_onnx(&[], None).unwrap());
        assert_eq!(
            (model.inputs.len(), model.outputs.as_slice()),
            (1, &["action".to_owned()][..])
        );
        let input = Tensor {
            rows: 1_000,
            columns: SIZES[0],
            values: observations.iter().copied().map(f64::from).collect(),
        };
        let own = own_actions(&policy, &observations);
        let difference = largest_difference(model.run(input, "action").values, &own);
        assert!(difference < 1e-5, "{kind}: {difference:e}");
        let inside = own.iter().filter(|action| action.abs() < 0.9).count();
        assert!(
            inside > 500,
            "{kind}: of {} actions only {inside} lie inside of the limits",
            own.len()
        );
    }
}

#[test]
fn onnxruntime_computes_what_the_policy_computes() {
    let scratch = Scratch::new();
    let observations = observations(SIZES[0]);
    for (kind, policy) in policies() {
        let file = scratch.file("policy.onnx", policy.to_onnx(&[], None).unwrap());
        let Some(mut runtime) = Runtime::start(&file) else {
            return;
        };
        let mut actions = vec![f32::NAN; 1_000 * SIZES[4]];
        runtime.run(1_000, &observations, &mut [&mut actions]);
        let own = own_actions(&policy, &observations);
        let difference = largest_difference(own.iter().copied().map(f64::from), &actions);
        assert!(difference < 1e-5, "{kind}: {difference:e}");
    }
}

/// Mean fitness over the first episode of each of `n_envs` environments.
fn fitness(task: &Task, n_envs: usize, mut act: impl FnMut(&[f32], &mut [f32])) -> f64 {
    let bench = Workbench::new(task.clone()).unwrap();
    let mut env = bench.env(None, n_envs, 41, 1).unwrap();
    let mut actions = vec![0.0; n_envs * task.action_size()];
    let mut found = vec![None; n_envs];
    while found.iter().any(Option::is_none) {
        act(env.observations(), &mut actions);
        for episode in &env.step(&actions).unwrap().episodes {
            found[episode.env_index].get_or_insert(episode.fitness);
        }
    }
    found.iter().flatten().sum::<f64>() / n_envs as f64
}

#[test]
fn onnxruntime_drives_the_simulation_to_the_same_fitness() {
    // Where feet strike the ground, a difference in the last bit grows from step to step.
    for (id, steps, tolerance) in [("cartpole/balance", "60k", 1e-6), ("hopper/hop_forward", "100k", 1e-2)] {
        let scratch = Scratch::new();
        scratch.json(&["train", "--task", id, "--steps", steps, "--seed", "1"]);
        scratch.json(&["export", "policy.safetensors"]);
        let Some(mut runtime) = Runtime::start(&scratch.path("policy.onnx")) else {
            return;
        };
        let task = Task::load(&root().join("envs"), id, Engine::Mujoco).unwrap();
        let (policy, _) = Policy::load(&scratch.path("policy.safetensors")).unwrap();
        let n_envs = 16;
        let own = fitness(&task, n_envs, |observations, actions| policy.act(observations, actions));
        let mut controls = vec![0.0; n_envs * task.action_size()];
        let theirs = fitness(&task, n_envs, |observations, actions| {
            runtime.run(n_envs, observations, &mut [actions, &mut controls]);
        });
        println!("{id}: fitness {own} with our own forward pass, {theirs} with onnxruntime");
        assert!(
            (own - theirs).abs() <= tolerance * own.abs(),
            "{id}: {own} and {theirs}"
        );
    }
}

#[test]
fn the_model_says_what_its_numbers_mean() {
    let scratch = Scratch::new();
    let metadata = json!([
        ["task", "quadruped/stand"],
        ["engine", "mujoco 3.17.0"],
        ["program", "abc"],
        ["seed", "7"]
    ]);
    let task = Task::load(&root().join("envs"), "quadruped/stand", Engine::Mujoco).unwrap();
    let sizes = [task.observation_size(), 8, task.action_size()];
    scratch.file("policy.safetensors", policy_file("elu", false, &sizes, metadata));
    let said = scratch.json(&["export", "policy.safetensors", "--out", "stand.onnx"]);
    assert_eq!(
        (&said["task"], &said["outputs"]),
        (&json!("quadruped/stand"), &json!(["action", "control"]))
    );
    let bytes = std::fs::read(scratch.path("stand.onnx")).unwrap();
    scratch.json(&["export", "policy.safetensors", "--out", "again.onnx"]);
    assert_eq!(
        bytes,
        std::fs::read(scratch.path("again.onnx")).unwrap(),
        "equal policies, equal bytes"
    );

    let model = Model::read(&bytes);
    assert_eq!(
        (model.inputs.len(), model.outputs.len(), model.operator_set),
        (1, 2, 13)
    );
    for (key, expected) in [
        ("task", "quadruped/stand"),
        ("engine", "mujoco 3.17.0"),
        ("program", "abc"),
        ("seed", "7"),
        ("control_dt_secs", "0.02"),
        ("carrot", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(model.properties[key], expected, "{key}");
    }
    let list = |key: &str| -> Vec<Value> { serde_json::from_str(&model.properties[key]).unwrap() };
    let names: Vec<String> = list("observation")
        .iter()
        .map(|entry| entry["name"].as_str().unwrap().into())
        .collect();
    assert_eq!(names, task.observation);
    let (up, height) = (&list("observation")[0], &list("observation")[1]);
    assert_eq!(
        (&up["first"], &up["components"], &up["frame"]),
        (&json!(0), &json!(3), &json!("base"))
    );
    assert_eq!(
        (&height["first"], &height["unit"], &height["frame"]),
        (&json!(3), &json!("m"), &json!("world"))
    );

    // ±1 is 0.3 rad either side of the pose `home`, within the range of the joint.
    let hip = &list("action")[0];
    assert_eq!(
        (&hip["name"], &hip["joint"]),
        (&json!("front_left_hip"), &json!("front_left_hip"))
    );
    assert_eq!(
        (&hip["half"], &hip["unit"], &hip["unit_per_control"]),
        (&json!(0.3), &json!("rad"), &json!(1.0))
    );
    let rows = 50;
    let observations = &observations(sizes[0])[..rows * sizes[0]];
    let input = Tensor {
        rows,
        columns: sizes[0],
        values: observations.iter().copied().map(f64::from).collect(),
    };
    let actions = model.run(input.clone(), "action").values;
    let controls = model.run(input, "control").values;
    for (place, (action, control)) in actions.iter().zip(controls).enumerate() {
        let channel = &list("action")[place % sizes[2]];
        let number = |value: &Value| value.as_f64().unwrap();
        let wanted = number(&channel["middle"]) + number(&channel["half"]) * action;
        let wanted = wanted
            .max(number(&channel["range"][0]))
            .min(number(&channel["range"][1]));
        assert!((control - wanted).abs() < 1e-6, "{channel}: {action} gives {control}");
    }
}

#[test]
fn controls_are_named_by_what_they_ask_of_a_joint() {
    // From the models' own files: a geared motor, a velocity servo, a position servo of a sliding finger.
    for (id, index, expected) in [
        ("hopper/hop_forward", 0, ("hip", Some((200.0, "N*m")))),
        ("cartpole/balance", 0, ("push", Some((10.0, "N")))),
        ("arm/lift", 0, ("joint1", Some((1.0, "rad/s")))),
        ("arm/lift", 7, ("left_finger", Some((1.0, "m")))),
    ] {
        let task = Task::load(&root().join("envs"), id, Engine::Mujoco).unwrap();
        let channel = &task.action_channels()[index];
        assert_eq!((channel.actuator.as_str(), channel.control_unit), expected, "{id}");
    }
}

#[test]
fn a_policy_whose_task_is_not_known_is_told_what_to_do() {
    let scratch = Scratch::new();
    let file = |metadata| policy_file("tanh", false, &[4, 8, 1], metadata);
    scratch.file("lost.safetensors", file(json!([["task", "cartpole/blance"]])));
    scratch.file("silent.safetensors", file(json!([])));
    scratch.file("other.safetensors", file(json!([["task", "hopper/hop_forward"]])));
    scratch.file("free.safetensors", file(json!([["task", "robot/free"]])));
    scratch.file("no.safetensors", "no policy");
    for (policy, code, expected) in [
        (
            "lost.safetensors",
            2,
            &["did you mean `cartpole/balance`", "--nameless"][..],
        ),
        ("silent.safetensors", 2, &["does not say its task", "--nameless"]),
        (
            "free.safetensors",
            2,
            &["name the same file with `--model`", "--nameless"],
        ),
        (
            "other.safetensors",
            2,
            &["takes 4 numbers and gives 1, but hopper/hop_forward"],
        ),
        ("no.safetensors", 3, &["not a policy file"]),
        ("missing.safetensors", 2, &["no such policy file"]),
    ] {
        let said = scratch.carrot(&["export", policy, "--out", "x.onnx"]);
        assert_eq!(said.code, code, "{policy}: {}", said.stderr);
        for part in expected {
            assert!(said.stderr.contains(part), "{policy}: {}", said.stderr);
        }
        assert!(!scratch.path("x.onnx").exists(), "{policy} left a file");
    }
    let said = scratch.json(&["export", "lost.safetensors", "--nameless"]);
    assert_eq!((&said["task"], &said["outputs"]), (&Value::Null, &json!(["action"])));
    let model = Model::read(&std::fs::read(scratch.path("lost.onnx")).unwrap());
    assert_eq!(model.properties.keys().collect::<Vec<_>>(), ["carrot", "task"]);
}
