//! Trainings that are interrupted, killed and resumed: the weights are those of the undisturbed one, to the last bit.

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use carrot_run_record::SavedTraining;
use serde_json::Value;
use support::{Said, Scratch, parse, said};

/// A training of some seconds, which is kept after every update.
const TRAIN: [&str; 9] = [
    "train",
    "--task",
    "cartpole/balance",
    "--steps",
    "60k",
    "--seed",
    "3",
    "--out",
    "it",
];

fn started(scratch: &Scratch, arguments: &[&str]) -> Child {
    let mut command = scratch.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Steps in the file, if there is one. It is whole at every moment.
fn kept(scratch: &Scratch, file: &str) -> u64 {
    let path = scratch.path(file);
    match path.exists() {
        true => SavedTraining::read(&path).unwrap().steps,
        false => 0,
    }
}

/// Waits until more than `steps` steps are kept.
fn wait_for(scratch: &Scratch, child: &mut Child, file: &str, steps: u64) {
    let deadline = Instant::now() + Duration::from_secs(240);
    while kept(scratch, file) <= steps {
        assert!(
            Instant::now() < deadline && child.try_wait().unwrap().is_none(),
            "more than {steps} steps never came"
        );
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn interrupt(child: Child) -> Said {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    said(child.wait_with_output().unwrap())
}

/// What must be equal between an undisturbed training and one that was resumed.
fn course(answer: &Value) -> [&Value; 4] {
    ["fitness", "checkpoints", "steps", "terms"].map(|key| &answer[key])
}

fn bytes(scratch: &Scratch, file: &str) -> Vec<u8> {
    std::fs::read(scratch.path(file)).unwrap()
}

#[test]
fn killed_at_any_moment_it_ends_with_the_same_weights() {
    let scratch = Scratch::new();
    let undisturbed = scratch.json(&[&TRAIN[..8], &["undisturbed", "--threads", "1"]].concat());
    assert!(!scratch.path("undisturbed.checkpoint").exists());
    let mut child = started(&scratch, &[&TRAIN[..], &["--checkpoint-every", "0"]].concat());
    // It writes after every update, so that many of these moments lie within a write.
    for steps in [0, 9_000, 20_000, 31_000, 45_000] {
        wait_for(&scratch, &mut child, "it.checkpoint", steps);
        std::thread::sleep(Duration::from_millis(steps / 1_000 % 7));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(kept(&scratch, "it.checkpoint") > steps);
        let threads = if steps % 2_000 == 0 { "1" } else { "2" };
        let resume = [
            "train",
            "--resume",
            "it.checkpoint",
            "--checkpoint-every",
            "0",
            "--threads",
            threads,
        ];
        child = started(&scratch, &resume);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!scratch.path("it").exists(), "nothing was finished so far");
    let resumed = scratch.json(&["train", "--resume", "it.checkpoint"]);
    assert_eq!(course(&resumed), course(&undisturbed));
    assert!(
        resumed["resumed_from"].as_u64().unwrap() > 45_000,
        "{}",
        resumed["resumed_from"]
    );
    assert!(bytes(&scratch, "it") == bytes(&scratch, "undisturbed"), "other weights");
    for left in ["it.checkpoint", "it.checkpoint.part"] {
        assert!(!scratch.path(left).exists(), "{left} stays behind");
    }
}

#[test]
fn ctrl_c_keeps_the_training_and_says_how_to_go_on() {
    let scratch = Scratch::new();
    // In the other engine, whose episodes are played again.
    let train = [
        "train",
        "--task",
        "hopper/hop_forward",
        "--engine",
        "rapier",
        "--steps",
        "12k",
        "--out",
    ];
    let undisturbed = scratch.json(&[&train[..], &["undisturbed"]].concat());
    let mut child = started(&scratch, &[&train[..], &["it", "--checkpoint-every", "0"]].concat());
    wait_for(&scratch, &mut child, "it.checkpoint", 2_000);
    let stopped = interrupt(child);
    assert_eq!(stopped.code, 130, "{}{}", stopped.stdout, stopped.stderr);
    let steps = kept(&scratch, "it.checkpoint");
    for part in [
        format!("{steps} of 12000 steps are kept"),
        "`carrot train --resume it.checkpoint`".into(),
        "`carrot train --resume it.checkpoint --as-it-is`".into(),
    ] {
        assert!(stopped.stderr.contains(&part), "{part}: {}", stopped.stderr);
    }
    // The policy so far, for whoever has seen enough; the training can still go on.
    let so_far = scratch.json(&["train", "--resume", "it.checkpoint", "--as-it-is", "--out", "so_far"]);
    assert_eq!(so_far["steps"], steps);
    assert!(bytes(&scratch, "so_far") != bytes(&scratch, "undisturbed"));
    let resumed = scratch.json(&["train", "--resume", "it.checkpoint"]);
    assert_eq!(course(&resumed), course(&undisturbed));
    assert!(bytes(&scratch, "it") == bytes(&scratch, "undisturbed"), "other weights");
    assert!(!scratch.path("it.checkpoint").exists());
}

#[test]
fn what_cannot_go_on_is_told_with_the_reason() {
    let scratch = Scratch::new();
    let reward = scratch.file(
        "reward.py",
        "def compute_reward(pole_angle):\n    return -pole_angle.abs(), {}\n",
    );
    let train = [&TRAIN[..], &["--reward", "reward.py", "--checkpoint-every", "0"]].concat();
    let mut child = started(&scratch, &train);
    wait_for(&scratch, &mut child, "it.checkpoint", 0);
    assert_eq!(interrupt(child).code, 130);
    let good = bytes(&scratch, "it.checkpoint");

    scratch.file("torn.checkpoint", &good[..good.len() - 9]);
    scratch.file("policy.checkpoint", "{\"not\": \"it\"}\n");
    std::fs::write(
        reward,
        "def compute_reward(pole_angle):\n    return -2 * pole_angle.abs(), {}\n",
    )
    .unwrap();
    for (code, file, expected) in [
        (
            2,
            "it.checkpoint",
            "it.checkpoint cannot go on: the reward program has changed",
        ),
        (2, "none.checkpoint", "none.checkpoint: there is no such file"),
        (3, "torn.checkpoint", "the file is damaged"),
        (3, "policy.checkpoint", "this is no saved training"),
        (3, "reward.py", "this is no saved training"),
    ] {
        let said = scratch.carrot(&["train", "--resume", file, "--json"]);
        assert_eq!(said.code, code, "{file}: {}", said.stdout);
        let message = parse(&said.stdout)["error"].as_str().unwrap().to_owned();
        assert!(message.contains(expected), "{file}: {message}");
    }
    let said = scratch.carrot(&["train", "--resume", "it.checkpoint", "--seed", "4"]);
    assert!(
        said.code == 2 && said.stderr.contains("cannot be used with"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_checkpoint_that_cannot_be_written_does_not_stop_the_training() {
    let scratch = Scratch::new();
    // A folder where the new file would be written stands for a full disk.
    std::fs::create_dir(scratch.path("it.checkpoint.part")).unwrap();
    let train = [
        "train",
        "--task",
        "cartpole/balance",
        "--steps",
        "6k",
        "--out",
        "it",
        "--checkpoint-every",
        "0",
    ];
    let said = scratch.carrot(&train);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("the training could not be kept: it.checkpoint: "),
        "{}",
        said.stderr
    );
    assert!(scratch.path("it").exists());
}

#[test]
fn without_a_terminal_every_checkpoint_is_a_line() {
    let scratch = Scratch::new();
    let train = ["train", "--task", "cartpole/balance", "--steps", "40k", "--out", "it"];
    let said = scratch.carrot(&train);
    assert_eq!((said.code, said.stderr.lines().count()), (0, 10), "{}", said.stderr);
    assert!(said.stderr.contains(" of 40000 steps: fitness "), "{}", said.stderr);
    assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
    for part in ["reward term ", "explained_variance", "shortest", "What stands out"] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    for quiet in ["--quiet", "--json"] {
        let said = scratch.carrot(&[&train[..], &[quiet]].concat());
        assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    }
}
