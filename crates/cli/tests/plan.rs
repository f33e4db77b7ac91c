//! `carrot plan`: what it reports, what it leaves behind, and what it refuses.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Scratch, parse, root};

/// One array of an archive: shape and values.
fn array(scratch: &Scratch, file: &str, name: &str) -> (Vec<u64>, Vec<f64>) {
    let mut archive = npyz::npz::NpzArchive::open(scratch.path(file)).unwrap();
    let array = archive
        .by_name(name)
        .unwrap()
        .unwrap_or_else(|| panic!("no array {name}"));
    (array.shape().to_vec(), array.into_vec().unwrap())
}

const BUDGET: [&str; 4] = ["--set", "rollouts=12", "--set", "horizon_secs=0.4"];

#[test]
fn a_plan_is_judged_filmed_and_can_be_played_again() {
    let scratch = Scratch::new();
    for engine in ["mujoco", "rapier"] {
        let plan = [
            "plan",
            "--task",
            "hopper/hop_forward",
            "--engine",
            engine,
            "--seconds",
            "0.5",
            "--seed",
            "4",
            "--size",
            "64x48",
            "--out",
            "film.gif",
            "--save-actions",
            "actions.npz",
        ];
        let said = scratch.json(&[plan.as_slice(), &BUDGET].concat());
        assert_eq!(
            (&said["steps"], &said["ended"], &said["plans"]),
            (&25.into(), &"time".into(), &25.into()),
            "{said}"
        );
        assert_eq!(said["settings"]["rollouts"], 12);
        for key in [
            "plans_per_second",
            "rollouts_per_second",
            "real_time_factor",
            "seconds",
            "return",
        ] {
            assert!(said[key].as_f64() > Some(0.0), "{key}: {said}");
        }
        assert!(
            said["terms"]["forward"].is_number() && said["success"] == false,
            "{said}"
        );
        let film = std::fs::read(scratch.path("film.gif")).unwrap();
        assert!(film.starts_with(b"GIF89a"));

        let rollout = [
            "rollout",
            "--task",
            "hopper/hop_forward",
            "--engine",
            engine,
            "--seed",
            "4",
            "--actions",
            "actions.npz",
            "--out",
            "states.npz",
        ];
        let played = scratch.json(&rollout);
        assert_eq!(played["steps"], 25);
        let places = array(&scratch, "states.npz", "torso_x").1;
        // Fitness is told in f32.
        let last = places.last().map(|&place| f64::from(place as f32));
        assert_eq!(last, said["fitness"].as_f64(), "in {engine}");
    }
}

/// A model has no task: what was done comes back as controls, and `rollout --model` goes through the same states.
#[test]
fn a_model_of_ones_own_is_planned_for() {
    let scratch = Scratch::new();
    let model = root().join("envs/hopper/model.xml");
    let model = model.to_str().unwrap();
    scratch.file(
        "reward.py",
        "def compute_reward(torso_position: Tensor, time: Tensor):\n    return torso_position[:, 2], {'height': torso_position[:, 2]}\n",
    );
    let plan = [
        "plan",
        "--model",
        model,
        "--reward",
        "reward.py",
        "--seconds",
        "0.4",
        "--save-actions",
        "done.npz",
    ];
    let said = scratch.json(&[plan.as_slice(), &BUDGET].concat());
    assert!(said["fitness"].is_null() && said["success"].is_null(), "{said}");
    let steps = said["steps"].as_u64().unwrap();
    assert_eq!(array(&scratch, "done.npz", "ctrl").0, [steps, 3]);
    let substeps = said["substeps"].to_string();
    let rollout = [
        "rollout",
        "--model",
        model,
        "--substeps",
        &substeps,
        "--actions",
        "done.npz",
        "--out",
        "states.npz",
    ];
    assert_eq!(scratch.json(&rollout)["steps"], steps);
    let (shape, places) = array(&scratch, "states.npz", "torso_position");
    assert_eq!(shape, [steps + 1, 3]);
    let heights = places.chunks(3).skip(1).map(|place| f64::from(place[2] as f32));
    let mean = heights.sum::<f64>() / steps as f64;
    let planned = said["terms"]["height"].as_f64().unwrap();
    assert!((mean - planned).abs() < 1e-12, "{mean} and {planned}");
}

#[test]
fn the_same_seed_gives_the_same_numbers_on_any_number_of_threads() {
    let scratch = Scratch::new();
    let played = |threads: &str, seed: &str| {
        let plan = [
            "plan",
            "--task",
            "cartpole/swing_up",
            "--seconds",
            "0.4",
            "--threads",
            threads,
            "--seed",
            seed,
        ];
        let said = scratch.json(&plan);
        (said["return"].as_f64(), said["terms"].clone())
    };
    let first = played("1", "0");
    assert_eq!(first, played("2", "0"));
    assert_ne!(first, played("1", "1"));
}

#[test]
fn what_cannot_be_planned_is_said() {
    let scratch = Scratch::new();
    scratch.file(
        "wrong.py",
        "def compute_reward(pole_angel: Tensor):\n    return pole_angel, {}\n",
    );
    scratch.file(
        "stops.py",
        "def compute_dense_reward(self, action):\n    assert self.time < 0.1, 'too late'\n    return 1.0\n",
    );
    let task = ["plan", "--task", "cartpole/balance"];
    for (code, arguments, expected) in [
        (2, vec!["--set", "rolouts=3"], "unknown field `rolouts`"),
        (2, vec!["--set", "rollouts"], "write KEY=VALUE"),
        (2, vec!["--set", "knots=0"], "`knots` is 0; allowed is from 2 to 1000"),
        (2, vec!["--out", "film.mp4"], "must end in .gif or .png"),
        (2, vec!["--reward", "none.py"], "there is no such file"),
        (1, vec!["--reward", "wrong.py"], "did you mean `pole_angle`?"),
        (1, vec!["--reward", "stops.py"], "too late"),
    ] {
        let said = scratch.carrot(&[task.as_slice(), &arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.stdout, said.stderr);
        let told = format!("{}{}", said.stdout, said.stderr);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    // A word as a value needs no quotes, and the last one counts.
    let fine = [
        task.as_slice(),
        &["--seconds", "0.1", "--set", "planner=mppi", "--set", "after_end=worst"],
    ]
    .concat();
    assert_eq!(scratch.json(&fine)["settings"]["after_end"], "worst");
}

#[test]
fn ctrl_c_keeps_the_film_and_the_actions() {
    let scratch = Scratch::new();
    let plan = [
        "plan",
        "--task",
        "cartpole/balance",
        "--set",
        "rollouts=4000",
        "--size",
        "64x48",
        "--out",
        "film.png",
        "--save-actions",
        "actions.npz",
    ];
    let child = scratch
        .command(&plan)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let clock = Instant::now();
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(clock.elapsed() < Duration::from_secs(30));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("film film.png") && told.contains("actions actions.npz"),
        "{told}"
    );
    assert!(std::fs::read(scratch.path("film.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(array(&scratch, "actions.npz", "actions").0[1], 1);
}

#[test]
fn rollouts_are_set_against_native_ones_that_go_through_the_same_states() {
    let scratch = Scratch::new();
    let said = scratch.carrot(&[
        "--json",
        "bench",
        "plan",
        "--task",
        "cartpole/balance",
        "--rollouts",
        "6",
        "--seconds",
        "0.2",
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let json = parse(&said.stdout);
    for name in ["cartpole_6", "cartpole_6_whole_plan"] {
        let ratio = &json["ratios"][name];
        let [min, median, max] = ["min", "median", "max"].map(|key| ratio[key].as_f64().unwrap());
        assert!(0.0 < min && min <= median && median <= max, "{name}: {ratio}");
    }
    assert!(
        json["tasks"][0]["new_reward_ms"]["median"].as_f64() > Some(0.0),
        "{json}"
    );
}
