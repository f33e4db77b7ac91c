//! Programs with mistakes, typed as a person would: each gets its place and a clear sentence, and an exit code.

mod support;

use serde_json::json;
use support::{Scratch, foreign_module};

const HEADER: &str = "import torch\nfrom torch import Tensor\nfrom typing import Dict, Tuple\n\n";

#[test]
fn codes_are_explained() {
    let scratch = Scratch::new();
    let said = scratch.carrot(&["explain", "batch-leak", "--json"]);
    let codes = support::parse(&said.stdout);
    assert_eq!((said.code, &codes["codes"][0]["severity"]), (0, &"warning".into()));
    let said = scratch.carrot(&["explain"]);
    assert!(
        said.code == 0 && said.stdout.contains("quaternion-order"),
        "{}",
        said.stdout
    );
    let said = scratch.carrot(&["explain", "batch-leek"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("did you mean `batch-leak`?"), "{}", said.stderr);
}

#[test]
fn notes_come_on_request() {
    let scratch = Scratch::new();
    let body = "def compute_reward(torso_height: Tensor):\n    return torso_height + (torso_height > 1.0).float()\n";
    let file = scratch.file("jump.py", format!("{HEADER}{body}"));
    let file = file.to_str().unwrap();
    for (arguments, expected) in [
        (vec!["check", file, "--task", "hopper/hop_forward"], false),
        (vec!["check", file, "--task", "hopper/hop_forward", "--pedantic"], true),
    ] {
        let said = scratch.carrot(&arguments);
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
        assert_eq!(said.stdout.contains("note[discontinuity]"), expected, "{}", said.stdout);
        assert_eq!(said.stdout.contains("1 note; "), expected, "{}", said.stdout);
    }
}

#[test]
fn a_mistake_is_shown_with_file_line_and_column() {
    let scratch = Scratch::new();
    for (name, body, code, line, column) in [
        (
            "syntax",
            "def compute_reward(torso_height: Tensor:\n    return torso_height, {}\n",
            "syntax-error",
            5,
            40,
        ),
        (
            "name",
            "def compute_reward(torso_hieght: Tensor):\n    return torso_hieght, {\"height\": torso_hieght}\n",
            "unknown-name",
            5,
            20,
        ),
        (
            "shape",
            "def compute_reward(joint_angles: Tensor, torso_height: Tensor):\n    both = joint_angles + torch.stack([torso_height, torso_height], dim=-1)\n    return both.sum(-1), {}\n",
            "shape-mismatch",
            6,
            12,
        ),
    ] {
        let file = scratch.file(&format!("{name}.py"), format!("{HEADER}{body}"));
        let file = file.to_str().unwrap();
        let said = scratch.carrot(&["check", file, "--task", "hopper/hop_forward", "--json"]);
        assert_eq!(said.code, 1, "{name}: {}{}", said.stdout, said.stderr);
        let first = &support::parse(&said.stdout)["diagnostics"][0];
        assert_eq!(
            (&first["code"], &first["line"], &first["column"]),
            (&code.into(), &line.into(), &column.into()),
            "{name}: {first}"
        );
        assert_eq!(first["file"], file);
        let drawn = scratch.carrot(&["check", file, "--task", "hopper/hop_forward"]);
        assert_eq!(drawn.code, 1);
        assert!(
            drawn.stdout.contains(&format!(":{line}:{column}")) && drawn.stdout.contains('^'),
            "{}",
            drawn.stdout
        );
    }
}

#[test]
fn a_misspelt_variable_is_suggested() {
    let scratch = Scratch::new();
    let file = scratch.file(
        "name.py",
        format!("{HEADER}def compute_reward(torso_hieght: Tensor):\n    return torso_hieght, {{}}\n"),
    );
    let said = scratch.carrot(&["check", file.to_str().unwrap(), "--task", "hopper/hop_forward"]);
    assert!(said.stdout.contains("torso_height"), "{}", said.stdout);
}

#[test]
fn a_pasted_reply_is_checked_as_it_is() {
    let scratch = Scratch::new();
    let file = scratch.file(
        "reply.py",
        "Here it is:\n```python\ndef compute_reward(torso_height):\n    return torso_height, {}\n```\n",
    );
    let said = scratch.carrot(&["check", file.to_str().unwrap(), "--task", "hopper/hop_forward"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(said.stdout.contains("warning[reply-text]"), "{}", said.stdout);
    assert!(said.stdout.contains("reply.py:3:1"), "{}", said.stdout);
}

#[test]
fn the_human_rewards_of_all_tasks_check_and_compile() {
    let scratch = Scratch::new();
    let environments = scratch.json(&["envs"]);
    let mut checked = 0;
    for environment in environments["environments"].as_array().unwrap() {
        for task in environment["tasks"].as_array().unwrap() {
            let id = task["id"].as_str().unwrap();
            let reward = task["human_reward"]
                .as_str()
                .expect("every task of ours has a human reward");
            let answer = scratch.json(&["check", reward, "--task", id]);
            assert_eq!(answer["diagnostics"].as_array().unwrap().len(), 0, "{id}: {answer}");
            let module = scratch.path("human.wasm");
            scratch.json(&["compile", reward, "--task", id, "-o", module.to_str().unwrap()]);
            // A module of ours is as good as foreign once it comes from a file, and still checks.
            scratch.json(&["check", module.to_str().unwrap(), "--task", id]);
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} tasks found");
}

#[test]
fn an_endless_loop_and_a_division_that_gives_nan_stop_with_their_cause() {
    let scratch = Scratch::new();
    scratch.file("schema.toml", "[variable.x]\n");
    let endless = scratch.file("endless.wasm", foreign_module("(loop $again (br $again))"));
    let nan = scratch.file(
        "nan.py",
        format!(
            "{HEADER}def compute_reward(x: Tensor):\n    ratio = x / (x - x)\n    return ratio, {{\"ratio\": ratio}}\n"
        ),
    );
    write_npz(&scratch.path("in.npz"), "x", &[0.0, 1.0]);
    for (program, expected) in [
        (&endless, vec!["out of fuel"]),
        (
            &nan,
            vec!["nan.py:6:13", "`ratio` is NaN in environment 0, where x = 0"],
        ),
    ] {
        let output = scratch.path("out.npz");
        let said = scratch.carrot(&[
            "eval",
            program.to_str().unwrap(),
            "--schema",
            "schema.toml",
            "--inputs",
            "in.npz",
            "--output",
            output.to_str().unwrap(),
        ]);
        assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
        for text in expected {
            assert!(said.stdout.contains(text), "{text} is missing in: {}", said.stdout);
        }
        assert!(!output.exists(), "no values are made up");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let scratch = Scratch::new();
    let program = scratch.file("reward.py", "def compute_reward(x):\n    return x, {}\n");
    let program = program.to_str().unwrap();
    for (arguments, expected) in [
        (
            vec!["check", program, "--task", "hoper/hop_forward"],
            "hopper/hop_forward",
        ),
        (vec!["envs", "humanoyd"], "humanoid/run"),
        (vec!["check", program], "--task"),
        (vec!["compile", program, "--task", "hopper/hop_forward"], "FILE"),
        (vec!["play", "nothing.safetensors"], "no such policy file"),
        (vec!["play", "nothing.safetensors", "--out", "film.avi"], ".gif or .png"),
        (
            vec!["search", "--task", "hopper/hop_forward", "--generations", "0"],
            "generations",
        ),
        (vec!["search", "--resume", "runs/none"], "runs/none"),
        (vec!["runs", "show", "runs/none"], "runs/none"),
        (vec!["train", "--task", "hopper/hop_forward", "--steps", "many"], "200k"),
    ] {
        let said = scratch.carrot(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(expected), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn missing_and_broken_files_are_named() {
    let scratch = Scratch::new();
    scratch.file("schema.toml", "[variable.x]\n");
    let program = scratch.file(
        "reward.py",
        format!("{HEADER}def compute_reward(x: Tensor):\n    return x, {{}}\n"),
    );
    let program = program.to_str().unwrap();
    scratch.file("broken.npz", "not a zip");
    write_npz(&scratch.path("other.npz"), "y", &[1.0]);
    for (code, arguments, expected) in [
        (
            2,
            vec![
                "eval",
                program,
                "--schema",
                "schema.toml",
                "--inputs",
                "none.npz",
                "--output",
                "out.npz",
            ],
            "none.npz: there is no such file",
        ),
        (
            3,
            vec![
                "eval",
                program,
                "--schema",
                "schema.toml",
                "--inputs",
                "broken.npz",
                "--output",
                "out.npz",
            ],
            "broken.npz: not a NumPy archive",
        ),
        (
            3,
            vec![
                "eval",
                program,
                "--schema",
                "schema.toml",
                "--inputs",
                "other.npz",
                "--output",
                "out.npz",
            ],
            "no array `x`",
        ),
        (2, vec!["check", program, "--schema", "none.toml"], "none.toml"),
        (2, vec!["check", "none.py", "--schema", "schema.toml"], "none.py"),
        (2, vec!["check", ".", "--schema", "schema.toml"], "this is a folder"),
    ] {
        let said = scratch.carrot(&arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(expected), "{arguments:?}: {}", said.stderr);
    }
}

fn write_npz(path: &std::path::Path, name: &str, values: &[f64]) {
    use npyz::WriterBuilder as _;
    let mut archive = npyz::npz::NpzWriter::create(path).unwrap();
    let mut array = archive
        .array(name, Default::default())
        .unwrap()
        .default_dtype()
        .shape(&[values.len() as u64])
        .begin_nd()
        .unwrap();
    array.extend(values.iter().copied()).unwrap();
    array.finish().unwrap();
}

#[test]
fn settings_come_from_the_task_a_preset_and_the_command_line() {
    let scratch = Scratch::new();
    let train = [
        "train",
        "--task",
        "cartpole/balance",
        "--steps",
        "2000",
        "--episodes",
        "1",
    ];
    let settings = |further: &[&str]| scratch.json(&[&train, further].concat())["settings"].clone();
    let plain = settings(&[]);
    assert_eq!((&plain["steps"], &plain["n_envs"]), (&json!(2000), &json!(32)));
    let set = settings(&["--set", "hidden=[8]", "--set", "schedule=linear", "--set", "clip=0.1"]);
    assert_eq!(
        (&set["hidden"], &set["schedule"], &set["clip"], &set["epochs"]),
        (&json!([8]), &json!("linear"), &json!(0.1), &plain["epochs"])
    );
    let preset = settings(&["--preset", "zoo-hopper", "--set", "hidden=[8]"]);
    assert_eq!(
        (
            &preset["n_envs"],
            &preset["minibatches"],
            &preset["activation"],
            &preset["hidden"]
        ),
        (&json!(1), &json!(16), &json!("relu"), &json!([8]))
    );

    for (further, expected) in [
        (&["--set", "learning_rat=0.1"][..], "unknown field `learning_rat`"),
        (
            &["--set", "clip"],
            "--set clip: write KEY=VALUE, such as learning_rate=3e-4",
        ),
        (&["--set", "clip=7"], "`clip` is 7; allowed is from 0.01 to 1"),
        (&["--preset", "zoo-hoper"], "did you mean `zoo-hopper`?"),
        (&["--preset", "eureka-ant"], "`steps` is 2000; allowed is from 4096"),
        (
            &["--algorithm", "sac", "--preset", "zoo-hopper"],
            "there is no preset `zoo-hopper`",
        ),
    ] {
        let said = scratch.carrot(&[&train, further].concat());
        assert_eq!(said.code, 2, "{further:?}: {}", said.stderr);
        assert!(said.stderr.contains(expected), "{further:?}: {}", said.stderr);
    }

    let listed = scratch.json(&["train", "--list-presets"])["presets"].clone();
    let found = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|preset| preset["name"] == "eureka-ant")
        .unwrap();
    assert_eq!(found["settings"]["value_clip"], json!(true));
    assert!(
        scratch
            .carrot(&["train", "--list-presets"])
            .stdout
            .contains("text2reward-maniskill")
    );
}
