//! Searches as a user runs them: the same twice, killed and resumed, with broken programs among the good ones.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use carrot_run_record::RunRecord;
use serde_json::{Value, json};
use support::{Scratch, foreign_module, parse};

/// A search of twelve candidates and two finalists that takes seconds.
const SMALL: [&str; 17] = [
    "search",
    "--task",
    "cartpole/balance",
    "--generations",
    "3",
    "--candidates",
    "4",
    "--steps",
    "6k",
    "--episodes",
    "4",
    "--finalists",
    "2",
    "--finalist-seeds",
    "1",
    "--final-seeds",
    "0",
];

fn small<'a>(seed: &'a str, out: &'a str) -> Vec<&'a str> {
    [SMALL.as_slice(), &["--seed", seed, "--out", out]].concat()
}

/// What must be equal between equal searches.
fn course(answer: &Value) -> Value {
    json!([
        answer["winner"]["fitness"],
        answer["winner"]["program_hash"],
        answer["evaluated"],
        answer["proposed"]
    ])
}

#[test]
fn equal_seeds_give_equal_results_whatever_the_workers() {
    let scratch = Scratch::new();
    let first = scratch.json(&[small("5", "one").as_slice(), &["--workers", "1"]].concat());
    let second = scratch.json(&[small("5", "two").as_slice(), &["--workers", "3"]].concat());
    assert_eq!(course(&first), course(&second));
    assert_eq!(first["proposer"], "evolve");
    assert!(
        first["winner"]["source"]
            .as_str()
            .unwrap()
            .contains("def compute_reward")
    );
    assert_ne!(
        course(&first),
        course(&scratch.json(&small("6", "three"))),
        "the seed matters"
    );
    for file in ["report.html", "winner.py", "winner.safetensors", "winner.gif"] {
        assert!(
            scratch
                .path("one")
                .join(file)
                .metadata()
                .is_ok_and(|file| file.len() > 100),
            "{file}"
        );
    }
    let runs = scratch.json(&["runs", "list", "."]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 3, "{runs}");
}

#[test]
fn killed_and_resumed_it_ends_as_if_undisturbed_and_repeats_nothing() {
    let scratch = Scratch::new();
    let undisturbed = scratch.json(&small("7", "undisturbed"));
    let expected = RunRecord::open_read_only(&scratch.path("undisturbed"))
        .unwrap()
        .evaluation_count()
        .unwrap();
    assert!(expected >= 8, "there is something to interrupt: {expected}");

    let mut child = scratch
        .command(&small("7", "killed"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for kill_after in [2, expected / 2, expected - 1] {
        wait_for_evaluations(&scratch, &mut child, kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(evaluations(&scratch) >= kill_after, "a completed evaluation was lost");
        child = scratch
            .command(&["search", "--resume", "killed"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let survivors = evaluations(&scratch);
    let resumed = scratch.json(&["search", "--resume", "killed"]);
    assert_eq!(course(&resumed), course(&undisturbed));
    assert_eq!(
        resumed["trainings"],
        expected - survivors,
        "exactly what was missing is trained"
    );
    assert_eq!(evaluations(&scratch), expected, "no evaluation more, none less");

    let again = scratch.json(&["search", "--resume", "killed"]);
    assert_eq!(
        course(&again),
        course(&undisturbed),
        "resuming a finished run only tells its result"
    );
    assert_eq!(again["trainings"], 0);
}

fn wait_for_evaluations(scratch: &Scratch, child: &mut std::process::Child, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let done = RunRecord::open_read_only(&scratch.path("killed")).and_then(|record| record.evaluation_count());
        if done.is_ok_and(|done| done >= count) || child.try_wait().unwrap().is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the search makes no progress");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn evaluations(scratch: &Scratch) -> usize {
    RunRecord::open_read_only(&scratch.path("killed"))
        .unwrap()
        .evaluation_count()
        .unwrap()
}

#[test]
fn broken_programs_are_reported_and_the_search_goes_on() {
    let scratch = Scratch::new();
    let header = "import torch\nfrom torch import Tensor\n\n";
    let programs = [
        (
            "syntax.py",
            "def compute_reward(pole_angle: Tensor:\n    return pole_angle, {}\n",
        ),
        (
            "name.py",
            "def compute_reward(pole_angel: Tensor):\n    return pole_angel, {}\n",
        ),
        (
            "shape.py",
            "def compute_reward(pole_angle: Tensor):\n    a = pole_angle\n    return torch.stack([a, a, a], -1) + torch.stack([a, a], -1), {}\n",
        ),
        (
            "nan.py",
            "def compute_reward(pole_angle: Tensor):\n    ratio = pole_angle / (pole_angle - pole_angle)\n    return ratio, {\"ratio\": ratio}\n",
        ),
    ];
    for (name, body) in programs {
        scratch.file(name, format!("{header}{body}"));
    }
    scratch.file("endless.wasm", foreign_module("(loop $again (br $again))"));
    let mut arguments = small("8", "run");
    for name in ["syntax.py", "name.py", "shape.py", "nan.py", "endless.wasm"] {
        arguments.extend(["--include", name]);
    }
    let answer = scratch.json(&arguments);
    assert!(answer["winner"]["fitness"].as_f64().unwrap() > 0.0, "{answer}");
    assert_eq!(answer["winner"]["proposer"], "evolve");

    let shown = scratch.json(&["runs", "show", "run"]);
    let candidates = shown["candidates"].as_array().unwrap();
    let outcome = |file: &str| {
        let found = candidates
            .iter()
            .find(|candidate| candidate["program"].to_string().contains(file));
        &found.unwrap_or_else(|| panic!("{file} is not in the record"))["outcome"]
    };
    for (file, code, line) in [
        ("syntax.py", "syntax-error", 4),
        ("name.py", "unknown-name", 4),
        ("shape.py", "shape-mismatch", 6),
    ] {
        let outcome = outcome(file);
        assert_eq!(outcome["kind"], "rejected", "{outcome}");
        let first = &outcome["diagnostics"][0];
        assert_eq!(
            (&first["code"], &first["line"], &first["file"]),
            (&code.into(), &line.into(), &file.into()),
            "{outcome}"
        );
    }
    for (file, cause) in [("nan.py", "non-finite"), ("endless.wasm", "fuel")] {
        let outcome = outcome(file);
        assert_eq!(
            (&outcome["kind"], &outcome["stop"]["cause"]["kind"]),
            (&"stopped".into(), &cause.into()),
            "{outcome}"
        );
        assert_eq!(outcome["stop"]["file"], file);
    }
    assert_eq!(outcome("nan.py")["stop"]["at"]["line"], 5);
    let failed = candidates
        .iter()
        .filter(|candidate| candidate["outcome"]["kind"] != "evaluated");
    for candidate in failed {
        assert!(
            !candidate["outcome"].to_string().contains("fitness"),
            "no made-up fitness: {candidate}"
        );
    }
}

#[test]
fn the_final_retraining_compares_with_the_human_reward() {
    let scratch = Scratch::new();
    let arguments = [
        "search",
        "--task",
        "cartpole/balance",
        "--generations",
        "1",
        "--candidates",
        "2",
        "--steps",
        "4k",
        "--episodes",
        "4",
        "--final-seeds",
        "2",
        "--out",
        "run",
    ];
    let answer = scratch.json(&arguments);
    let rewards = answer["final"].as_array().unwrap();
    let names: Vec<&str> = rewards.iter().map(|reward| reward["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["winner", "human"]);
    for reward in rewards {
        assert_eq!(reward["fitness"].as_array().unwrap().len(), 2);
        let fitness: Vec<f64> = reward["fitness"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_f64().unwrap())
            .collect();
        assert!((reward["mean"].as_f64().unwrap() - (fitness[0] + fitness[1]) / 2.0).abs() < 1e-9);
    }
    let played = scratch.json(&["play", "run", "--out", "winner.png"]);
    assert_eq!(played["task"], "cartpole/balance");
    let text = scratch.carrot(&["search", "--resume", "run"]);
    assert_eq!(text.code, 0);
    assert!(
        text.stdout.contains("winner   fitness") && text.stdout.contains("human    fitness"),
        "{}",
        text.stdout
    );
    assert_eq!(
        parse(&scratch.carrot(&["runs", "show", "run", "--json"]).stdout)["final"]["seeds"],
        json!([1, 2])
    );
}
