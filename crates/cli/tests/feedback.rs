//! Feedback from the command line: given between the generations of a search, heard by the next one.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use carrot_run_record::{RunRecord, RunState};
use serde_json::{Value, json};
use support::{Scratch, parse};

const SEARCH: [&str; 18] = [
    "search",
    "--task",
    "cartpole/balance",
    "--generations",
    "2",
    "--candidates",
    "3",
    "--steps",
    "4k",
    "--episodes",
    "2",
    "--finalist-seeds",
    "0",
    "--final-seeds",
    "0",
    "--out",
    "run",
    "--pause-after=1",
];

const MINE: &str = "def compute_reward(pole_angle, cart_position):\n    upright = 1.0 - pole_angle.abs()\n    return upright, {\"upright\": upright}\n";

fn feedback(scratch: &Scratch, arguments: &[&str]) -> Value {
    scratch.json(&[&["feedback", "run"], arguments].concat())
}

fn state(scratch: &Scratch) -> Option<RunState> {
    RunRecord::open_read_only(&scratch.path("run"))
        .unwrap()
        .state()
        .unwrap()
}

/// What the proposer was told last in a generation.
fn prompt(scratch: &Scratch, generation: usize) -> String {
    let shown = scratch.json(&["runs", "show", "run", "--prompts"]);
    let of_round = |prompt: &&Value| prompt["generation"] == generation && prompt["purpose"] == "generate";
    let prompt = shown["prompts"]
        .as_array()
        .unwrap()
        .iter()
        .find(of_round)
        .unwrap()
        .clone();
    prompt["messages"].as_array().unwrap().last().unwrap()["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_search_pauses_hears_and_goes_on() {
    let scratch = Scratch::new();
    let paused = scratch.json(&SEARCH);
    assert_eq!(paused["paused"], json!({ "generations": 1, "of": 2 }));
    assert_eq!((&paused["candidates"], &paused["winner"]), (&json!(3), &Value::Null));
    let message = "1 of 2 generations are complete".to_owned();
    assert_eq!(state(&scratch), Some(RunState::Paused { message }));
    let record = RunRecord::open_read_only(&scratch.path("run")).unwrap();
    let progress = record.progress().unwrap().unwrap();
    assert_eq!((progress.complete, progress.training), (1, Vec::new()));
    assert!(!scratch.path("run/winner.py").exists());

    assert_eq!(feedback(&scratch, &["comment", "stay in the middle"])["position"], 1);
    feedback(&scratch, &["comment", "g0c1", "--step", "25", "here it tips"]);
    feedback(&scratch, &["prefer", "g0c1", "g0c0"]);
    feedback(
        &scratch,
        &["prefer", "g0c2", "g0c1", "--tie", "--driver", "plan", "--seed", "7"],
    );
    feedback(&scratch, &["prefer", "g0c2", "g0c0", "--cannot-tell"]);
    feedback(&scratch, &["rate", "g0c1", "good"]);
    let mine = scratch.file("mine.py", MINE);
    let given = feedback(
        &scratch,
        &["edit", mine.to_str().unwrap(), "--summary", "only the angle"],
    );
    assert_eq!(
        (&given["feedback"]["kind"], &given["feedback"]["text"]),
        (&json!("edit"), &json!(MINE))
    );
    // A word about the person's own program, by its hash.
    let hash = carrot_run_record::text_hash(MINE);
    let own = feedback(&scratch, &["rate", &hash[..8], "bad", "--driver", "plan"]);
    assert_eq!(own["feedback"]["of"]["program"], json!(hash));

    let listed = scratch.carrot(&["feedback", "run", "list"]);
    for line in [
        "--- generation 0 begins",
        "   1  on the task: stay in the middle",
        "   2  on g0c1 (trained policy, seed 0) at step 25: here it tips",
        "   3  g0c1 (trained policy, seed 0) over g0c0 (trained policy, seed 0)",
        "   4  g0c2 (planned, seed 7) and g0c1 (planned, seed 7) are equally good",
        "   5  g0c2 (trained policy, seed 0) and g0c0 (trained policy, seed 0) cannot be compared",
        "   6  g0c1 (trained policy, seed 0) is good",
        &format!("   7  edit {} written: only the angle", &hash[..8]),
        &format!("   8  edit {} (planned, seed 0) is bad", &hash[..8]),
    ] {
        assert!(
            listed.stdout.lines().any(|said| said == line),
            "{line:?} is not in\n{}",
            listed.stdout
        );
    }
    let ranking = feedback(&scratch, &["ranking"]);
    let first = &ranking["programs"][0];
    assert_eq!(
        (&first["name"], &first["comparisons"], &first["good"]),
        (&json!("g0c1"), &json!(2), &json!(1))
    );
    assert!(first["interval"][0].as_f64() < first["strength"].as_f64(), "{first}");
    assert_eq!(ranking["next"].as_array().unwrap().len(), 2);
    let shown = scratch.carrot(&["runs", "show", "run"]).stdout;
    assert!(
        shown.contains("people said 8 things") && shown.contains("paused: 1 of 2"),
        "{shown}"
    );

    let done = scratch.json(&["search", "--resume", "run"]);
    assert!(done["winner"]["fitness"].is_f64());
    assert_eq!(state(&scratch), Some(RunState::Finished));
    let second = prompt(&scratch, 1);
    for expected in [
        "on the task (new): stay in the middle",
        "on g0c1 (trained policy, seed 0), at 0.50 s (new): here it tips",
        "The program shown above is g0c1.",
        "- g0c1: +",
        "; in their words: only the angle.\n",
    ] {
        assert!(second.contains(expected), "{expected:?} is not in\n{second}");
    }
    let record = RunRecord::open_read_only(&scratch.path("run")).unwrap();
    let candidates = record.candidates().unwrap();
    let human = candidates
        .iter()
        .find(|candidate| candidate.proposer == "human")
        .unwrap();
    assert_eq!((human.generation, human.index, human.program.hash()), (1, 6, hash));
    assert!(human.fitness().is_some());
    let progress = record.progress().unwrap().unwrap();
    assert_eq!(
        (progress.generation, progress.generations, progress.training.len()),
        (1, 2, 0)
    );

    // More rounds, which hear what was said since; a plain resume then knows of them.
    feedback(&scratch, &["comment", "now a little faster"]);
    let more = scratch.json(&["search", "--resume", "run", "--generations", "3", "--pause-after", "2"]);
    assert_eq!(more["paused"], json!({ "generations": 2, "of": 3 }));
    assert_eq!(more["trainings"], 0);
    let list = scratch.carrot(&["runs", "list", "."]).stdout;
    assert!(list.contains("unfinished"), "{list}");
    let done = scratch.json(&["search", "--resume", "run"]);
    assert_eq!(done["generations"], 3);
    assert!(prompt(&scratch, 2).contains("on the task (new): now a little faster"));
    assert_eq!(prompt(&scratch, 1), second);
    let fewer = scratch.carrot(&["search", "--resume", "run", "--generations", "2"]);
    assert_eq!(fewer.code, 2);
    assert!(
        fewer
            .stderr
            .contains("`generations` cannot become 2: 3 of them have begun"),
        "{}",
        fewer.stderr
    );
    assert_eq!(
        state(&scratch),
        Some(RunState::Finished),
        "a slip of the pen is no failure"
    );
}

#[test]
fn what_cannot_be_said_is_told() {
    let scratch = Scratch::new();
    scratch.json(&SEARCH);
    scratch.file(
        "broken.py",
        "def compute_reward(pole_angel):\n    return pole_angel, {}\n",
    );
    scratch.file("module.wasm", "");
    for (arguments, code, expected) in [
        (
            vec!["run", "rate", "g0c7", "good"],
            2,
            "has no candidate g0c7; did you mean g0c",
        ),
        (
            vec!["run", "rate", "nothing", "good"],
            2,
            "has no candidate nothing; carrot runs show run lists them",
        ),
        (vec!["run", "rate", "abcdef12", "good"], 2, "has no candidate abcdef12"),
        (vec!["run", "prefer", "g0c1", "g0c1"], 2, "one and the same"),
        (
            vec!["run", "prefer", "g0c1", "g0c0", "--tie", "--cannot-tell"],
            2,
            "cannot be used with",
        ),
        (vec!["run", "comment", " "], 2, "a comment without words"),
        (vec!["run", "comment", "g0c1"], 2, "what about g0c1?"),
        (
            vec!["run", "comment", "--step", "3", "here"],
            2,
            "a comment on step 3 needs the behaviour",
        ),
        (vec!["run", "comment", "g0c1", "it", "tips"], 2, "no more were expected"),
        (vec!["run", "edit", "none.py"], 2, "there is no such file"),
        (vec!["run", "edit", "module.wasm"], 2, "an edit is a text"),
        (vec!["run", "edit", "broken.py"], 1, "did you mean `pole_angle`?"),
        (vec!["none", "list"], 2, "there is no run none"),
        (vec!["run", "shout"], 2, "shout"),
    ] {
        let said = scratch.carrot(&[&["feedback"], arguments.as_slice()].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.stdout, said.stderr);
        let text = said.stdout + &said.stderr;
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    let record = RunRecord::open_read_only(&scratch.path("run")).unwrap();
    assert_eq!(record.feedback().unwrap(), []);
    let said = scratch.carrot(&["feedback", "run", "list"]);
    assert!(said.stdout.contains("nobody said anything yet"), "{}", said.stdout);
    let completions = scratch.carrot(&["completions", "bash"]).stdout;
    assert!(completions.contains("cannot-tell") && completions.contains("pause-after"));
}

#[test]
fn a_run_that_was_made_to_hold_words_starts_later_with_what_it_knows() {
    let scratch = Scratch::new();
    let make = |name: &str, config: &str| {
        drop(RunRecord::create(&scratch.path(name), &config.parse().unwrap()).unwrap());
    };
    make("run", "task = \"cartpole/balance\"");
    assert_eq!(feedback(&scratch, &["comment", "calmly"])["position"], 1);
    let record = RunRecord::open(&scratch.path("run")).unwrap();
    let config = "task = \"cartpole/balance\"\ngenerations = 1\ncandidates = 2\nsteps = 2000\nepisodes = 2\n\
                  finalist_seeds = 0\nfinal_seeds = 0\nseed = 5";
    record.set_config(&config.parse().unwrap()).unwrap();
    drop(record);
    let done = scratch.json(&["search", "--resume", "run"]);
    assert_eq!((&done["seed"], &done["proposed"]), (&json!(5), &json!(2)));
    assert!(prompt(&scratch, 0).ends_with("- on the task (new): calmly"));
    // The config now says everything.
    let config = RunRecord::open_read_only(&scratch.path("run"))
        .unwrap()
        .config()
        .unwrap();
    for key in ["proposer", "repairs", "model", "final_steps", "engine"] {
        assert!(config.contains_key(key), "{key}: {config}");
    }
    assert_eq!(config["final_steps"].as_integer(), Some(2_000));

    for (name, config, expected) in [
        (
            "slip",
            "final_seed = 0",
            "there is no setting `final_seed`; did you mean `final_seeds`?",
        ),
        ("who", "proposer = \"oracle\"", "`proposer` is `oracle`"),
        ("none", "generations = 0", "`generations` must be at least 1"),
    ] {
        make(name, &format!("task = \"cartpole/balance\"\n{config}"));
        let said = scratch.carrot(&["search", "--resume", name]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
    // What nobody says comes from the task and from the command line's defaults.
    make(
        "bare",
        "task = \"cartpole/balance\"\nproposer = \"replay\"\nreplay = \"run\"",
    );
    let said = scratch.carrot(&["search", "--resume", "bare"]);
    assert!(said.stderr.contains("holds no exchanges"), "{}", said.stderr);
}

#[test]
fn a_watcher_sees_a_search_run_and_stop() {
    let scratch = Scratch::new();
    let mut long = SEARCH.to_vec();
    long[8] = "200k";
    let mut child = scratch
        .command(&[&["--json"], long.as_slice()].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(240);
    let run = scratch.path("run");
    let progress = loop {
        assert!(
            Instant::now() < deadline && child.try_wait().unwrap().is_none(),
            "no progress was noted"
        );
        std::thread::sleep(Duration::from_millis(20));
        let Ok(record) = RunRecord::open_read_only(&run) else {
            continue;
        };
        match record.progress().unwrap() {
            Some(progress) if progress.steps_done > 0 => break progress,
            _ => {}
        }
    };
    assert_eq!((progress.generation, progress.generations), (0, 2));
    assert_eq!(progress.doing, "training");
    assert!(
        progress.steps_done < progress.steps_planned && progress.unix_secs > 1.7e9,
        "{progress:?}"
    );
    assert!(
        !progress.training.is_empty() && progress.training[0].steps > 0,
        "{progress:?}"
    );
    assert_eq!(state(&scratch), Some(RunState::Running));
    assert!(RunRecord::is_in_use(&run).unwrap());
    // One may speak meanwhile.
    assert_eq!(feedback(&scratch, &["comment", "calmly"])["position"], 1);
    let shown = scratch.carrot(&["runs", "show", "run"]).stdout;
    assert!(shown.contains("running: generation 1 of 2"), "{shown}");

    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(parse(&String::from_utf8_lossy(&output.stdout))["error"].is_string());
    let message = "interrupted".to_owned();
    assert_eq!(state(&scratch), Some(RunState::Paused { message }));
    assert!(!RunRecord::is_in_use(&run).unwrap());
}
