//! How `carrot` behaves around its answers: help, JSON for every failure, no traces of what could not start, no colours in files.

mod support;

use npyz::WriterBuilder as _;
use serde_json::json;
use support::{Scratch, parse};

#[test]
fn alone_it_prints_its_help_also_where_the_environment_names_folders() {
    let scratch = Scratch::new();
    for arguments in [vec![], vec!["runs"]] {
        let said = scratch.carrot(&arguments);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains("Commands:"), "{}", said.stderr);
    }
}

#[test]
fn with_json_every_failure_is_one_object() {
    let scratch = Scratch::new();
    scratch.file("reward.py", "def compute_reward(x):\n    return x, {}\n");
    for (code, arguments) in [
        (2, vec!["fly"]),
        (2, vec!["check", "reward.py"]),
        (2, vec!["train", "--task", "cartpole/balance", "--threads", "0"]),
        (2, vec!["train", "--task", "cartpole/balance", "--seed", "-1"]),
        (2, vec!["play", "reward.py", "--seconds", "nan"]),
        (2, vec!["envs", "nothing"]),
        (2, vec!["check", "none.py", "--task", "cartpole/balance"]),
        (3, vec!["play", "reward.py"]),
    ] {
        let said = scratch.carrot(&[arguments.as_slice(), &["--json"]].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.stdout, said.stderr);
        assert!(
            parse(&said.stdout)["error"].is_string(),
            "{arguments:?}: {}",
            said.stdout
        );
    }
}

#[test]
fn an_error_is_told_once_and_without_numbers_of_the_system() {
    let scratch = Scratch::new();
    let program = scratch.file("reward.py", "def compute_reward(x):\n    return x, {}\n");
    scratch.file("schema.toml", "[variable.x]\nshape = [-3]\n");
    let said = scratch.carrot(&["check", program.to_str().unwrap(), "--schema", "schema.toml"]);
    assert_eq!(said.stderr.matches("TOML parse error").count(), 1, "{}", said.stderr);
    let said = scratch.carrot(&["runs", "list", program.to_str().unwrap()]);
    assert_eq!(said.code, 3);
    assert!(!said.stderr.contains("os error"), "{}", said.stderr);
}

#[test]
fn a_policy_that_could_not_be_written_is_not_trained() {
    let scratch = Scratch::new();
    let started = std::time::Instant::now();
    let train = ["train", "--task", "hopper/hop_forward", "--steps", "100M", "--out"];
    for (out, expected) in [
        ("none/policy.safetensors", "there is no folder none"),
        (".", "a folder"),
    ] {
        let said = scratch.carrot(&[train.as_slice(), &[out]].concat());
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
    assert!(started.elapsed().as_secs() < 60, "it trained");
}

#[test]
fn a_search_that_cannot_start_leaves_no_run_behind() {
    let scratch = Scratch::new();
    let search = ["search", "--task", "cartpole/balance", "--out", "run", "--proposer"];
    for (further, expected) in [
        (vec!["openai"], "OPENAI_API_KEY"),
        (vec!["openai", "--base-url", "nowhere"], "`nowhere`"),
        (vec!["replay", "--replay", "none"], "there is no run none"),
    ] {
        let said = scratch.carrot(&[search.as_slice(), &further].concat());
        assert_eq!(said.code, 2, "{further:?}: {}", said.stderr);
        assert!(said.stderr.contains(expected), "{further:?}: {}", said.stderr);
        assert!(!scratch.path("run").exists(), "{further:?}");
    }
}

#[test]
fn arrays_of_any_order_and_length_are_read() {
    let scratch = Scratch::new();
    scratch.file(
        "schema.toml",
        "[variable.x]\nshape = [2]\n[variable.scale]\nuniform = true\n",
    );
    let sum = scratch.file("sum.py", "def compute_reward(x):\n    return x[:, 0] - x[:, 1], {}\n");
    let uniform = scratch.file("uniform.py", "def compute_reward(scale):\n    return scale, {}\n");
    // [[1, 2], [3, 4], [5, 7]], column by column
    let mut archive = npyz::npz::NpzWriter::create(scratch.path("in.npz")).unwrap();
    let x = archive.array("x", Default::default()).unwrap().default_dtype();
    let mut x = x.shape(&[3, 2]).order(npyz::Order::Fortran).begin_nd().unwrap();
    x.extend([1.0, 3.0, 5.0, 2.0, 4.0, 7.0]).unwrap();
    x.finish().unwrap();
    let scale = archive.array("scale", Default::default()).unwrap().default_dtype();
    let mut scale = scale.shape(&[]).begin_nd().unwrap();
    scale.push(&0.5).unwrap();
    scale.finish().unwrap();
    drop(archive);
    for (program, expected) in [(sum, [-1.0, -1.0, -2.0]), (uniform, [0.5, 0.5, 0.5])] {
        let program = program.to_str().unwrap();
        let arguments = ["--schema", "schema.toml", "--inputs", "in.npz", "--output", "out.npz"];
        let answer = scratch.json(&[["eval", program].as_slice(), &arguments].concat());
        assert_eq!(
            answer["environments"],
            json!(3),
            "N comes from the archive, whatever the program reads"
        );
        let mut out = npyz::npz::NpzArchive::open(scratch.path("out.npz")).unwrap();
        let total = out.by_name("total").unwrap().unwrap().into_vec::<f64>().unwrap();
        assert_eq!(total, expected);
    }
}

#[test]
fn no_colours_and_no_progress_where_nobody_watches() {
    let scratch = Scratch::new();
    scratch.file(
        "wrong.py",
        "def compute_reward(cart_positon):\n    return cart_positon, {}\n",
    );
    let said = scratch.carrot(&["check", "wrong.py", "--task", "cartpole/balance"]);
    assert!(!said.stdout.contains('\u{1b}'), "{:?}", said.stdout);
    let said = scratch.carrot(&[
        "train",
        "--task",
        "cartpole/balance",
        "--steps",
        "4k",
        "--out",
        "p.safetensors",
        "--quiet",
    ]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
}

#[test]
fn schemas_for_editors_are_printed_as_they_lie_in_envs() {
    let scratch = Scratch::new();
    for file in ["env", "task"] {
        let path = support::root().join(format!("envs/{file}.schema.json"));
        let written = std::fs::read_to_string(path).unwrap();
        let said = scratch.carrot(&["envs", "schema", file]);
        assert_eq!((said.code, said.stdout.as_str()), (0, written.as_str()));
        let json = scratch.carrot(&["envs", "schema", file, "--json"]);
        assert_eq!(parse(&json.stdout), parse(&written));
    }
}

#[test]
fn a_mistake_in_a_formula_is_shown_where_it_is_written() {
    let scratch = Scratch::new();
    let from = support::root().join("envs/cartpole");
    for file in [
        "model.xml",
        "env.toml",
        "tasks/balance/task.toml",
        "tasks/balance/task.py",
    ] {
        let text = std::fs::read_to_string(from.join(file)).unwrap();
        let extra = match file {
            "env.toml" => "[variable.lean]\nsource = { expression = \"pole_angel * 2\" }\n",
            _ => "",
        };
        let to = scratch.path("envs/cartpole").join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, text + extra).unwrap();
    }
    let reward = scratch.file(
        "reward.py",
        "def compute_reward(pole_angle):\n    return -pole_angle.abs(), {}\n",
    );
    let arguments = [
        "train",
        "--task",
        "cartpole/balance",
        "--envs",
        "envs",
        "--steps",
        "1000",
        "--reward",
    ];
    let said = scratch.carrot(&[&arguments[..], &[reward.to_str().unwrap()]].concat());
    assert_eq!(said.code, 3, "{}", said.stdout);
    for part in [
        "unknown-name",
        "env.toml:",
        "pole_angel * 2",
        "did you mean `pole_angle`?",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
}
