//! `carrot regress` on copies of our own worlds: what was changed is found, named, and nothing is lost.

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use support::{Said, Scratch, parse, root, said};

/// Rollouts of the hopper in a world of its own, and of a cartpole policy.
const SUITE: &str = r#"version = 1
environments = "envs"

[[rollout]]
name = "hopper"
task = "hopper/hop_forward"
steps = 60
envs = 2
seed = 3
excitation = "random"
amplitude = 0.6
"#;

const POLICY: &str = r#"
[[rollout]]
name = "cartpole"
task = "cartpole/balance"
steps = 30
policy = "cartpole.safetensors"
"#;

/// A folder with copies of two worlds and a suite.
struct Project(Scratch);

impl Project {
    fn new(suite: &str) -> Self {
        let scratch = Scratch::new();
        for folder in [
            "envs/hopper",
            "envs/cartpole",
            "reward_programs/hopper",
            "reward_programs/cartpole",
        ] {
            copy(&root().join(folder), &scratch.path(folder));
        }
        scratch.file("regress.toml", suite);
        Self(scratch)
    }

    /// As [`Project::new`], with goldens.
    fn recorded(suite: &str) -> Self {
        let project = Self::new(suite);
        project.succeeds(&["regress", "record"]);
        project
    }

    fn carrot(&self, arguments: &[&str]) -> Said {
        self.0.carrot(arguments)
    }

    fn succeeds(&self, arguments: &[&str]) -> Said {
        let said = self.carrot(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.stdout, said.stderr);
        said
    }

    /// Replaces text in a file, which must have it.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.0.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        self.0.file(file, text.replace(from, to));
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.0.path(file)).unwrap()
    }

    fn golden(&self, file: &str) -> Value {
        serde_json::from_slice(&self.bytes(file)).unwrap()
    }

    /// What `check --json` says of the first rollout that failed; the exit code must be 1.
    fn failure(&self) -> Value {
        let said = self.carrot(&["regress", "check", "--json"]);
        assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
        let answer = parse(&said.stdout);
        let rollouts = answer["rollouts"].as_array().unwrap();
        let failed = rollouts.iter().find(|rollout| rollout["headline"].is_string());
        failed.expect("a rollout failed").clone()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// A policy of the cartpole; a moment of training suffices.
fn train_cartpole(project: &Project) {
    let train = ["train", "--task", "cartpole/balance", "--steps", "4k", "--out"];
    project.succeeds(&[train.as_slice(), &["cartpole.safetensors"]].concat());
}

/// Adds `change` to the first number of a tensor in a safetensors file.
fn nudge(bytes: &mut [u8], tensor: &str, change: f32) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let start = header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
    let number = &mut bytes[8 + length + start..][..4];
    let value = f32::from_le_bytes(number.try_into().unwrap()) + change;
    number.copy_from_slice(&value.to_le_bytes());
}

/// The first step at which two goldens differ, and what differs there, found by comparing every number.
fn first_by_hand(then: &Value, now: &Value) -> (u64, Vec<(String, String)>) {
    let (then, now) = (then["series"].as_array().unwrap(), now["series"].as_array().unwrap());
    let mut differences = Vec::new();
    for then in then {
        let same = |now: &&Value| {
            ["kind", "name", "component", "env"]
                .iter()
                .all(|key| now[*key] == then[*key])
        };
        let now = now.iter().find(same).expect("the same series");
        let pairs = then["values"]
            .as_array()
            .unwrap()
            .iter()
            .zip(now["values"].as_array().unwrap());
        if let Some(index) = pairs.into_iter().position(|(then, now)| then != now) {
            let step = index as u64 + u64::from(then["kind"] != "variable");
            differences.push((
                step,
                then["kind"].as_str().unwrap().to_owned(),
                then["name"].as_str().unwrap().to_owned(),
            ));
        }
    }
    let first = differences
        .iter()
        .map(|difference| difference.0)
        .min()
        .expect("something differs");
    let at_first = differences.into_iter().filter(|difference| difference.0 == first);
    (first, at_first.map(|(_, kind, name)| (kind, name)).collect())
}

#[test]
fn what_did_not_change_passes_and_recording_is_deterministic() {
    let project = Project::new(&(SUITE.to_owned() + POLICY));
    train_cartpole(&project);
    project.succeeds(&["regress", "record", "--threads", "1"]);
    let first = project.bytes("golden/hopper.json");
    let said = project.succeeds(&["regress", "check", "--threads", "2"]);
    assert!(said.stdout.contains("hopper, bit for bit"), "{}", said.stdout);
    assert!(said.stdout.contains("2 rollouts: all as recorded"), "{}", said.stdout);
    let said = project.succeeds(&["regress", "record", "--update", "--threads", "2"]);
    assert!(
        said.stdout.contains("replaced, the numbers are the same"),
        "{}",
        said.stdout
    );
    assert_eq!(project.bytes("golden/hopper.json"), first);
    // A golden is not replaced by accident, and a rollout without one is recorded without touching the others.
    let said = project.carrot(&["regress", "record"]);
    assert!(said.code == 2 && said.stderr.contains("--update"), "{}", said.stderr);
    std::fs::remove_file(project.0.path("golden/cartpole.json")).unwrap();
    let said = project.succeeds(&["regress", "record"]);
    assert!(said.stdout.contains("kept as they are: hopper"), "{}", said.stdout);
}

#[test]
fn each_change_is_caught_and_the_first_variable_and_step_are_named() {
    let cases = [
        // file, from, to, kind of what moves first, what is said to have changed
        (
            "envs/hopper/model.xml",
            "timestep=\"0.005\"",
            "timestep=\"0.0025\"",
            "variable",
            "the physics timestep: 0.005 s → 0.0025 s",
        ),
        (
            "envs/hopper/model.xml",
            "friction=\"2 0.005",
            "friction=\"0.3 0.005",
            "variable",
            "the file model.xml changed",
        ),
        (
            "reward_programs/hopper/hop_forward/human.py",
            "-0.001 *",
            "-0.002 *",
            "term",
            "the reward human.py changed",
        ),
        (
            "envs/hopper/tasks/hop_forward/task.py",
            "return torso_x",
            "return 1.5 * torso_x",
            "task",
            "the file tasks/hop_forward/task.py changed",
        ),
    ];
    for (file, from, to, kind, changed) in cases {
        let project = Project::recorded(SUITE);
        project.edit(file, from, to);
        let failure = project.failure();
        let (first, changes) = (&failure["comparison"]["first"], &failure["comparison"]["changes"]);
        project.edit("regress.toml", "version = 1", "version = 1\ngolden = \"now\"");
        project.succeeds(&["regress", "record"]);
        let (step, differing) = first_by_hand(
            &project.golden("golden/hopper.json"),
            &project.golden("now/hopper.json"),
        );
        let name = first["name"].as_str().unwrap().split('[').next().unwrap().to_owned();
        let kind_in_golden = if kind == "task" { "measure" } else { kind };
        assert_eq!(first["kind"], kind, "{to}: {failure:#}");
        assert_eq!(first["step"], step, "{to}: {failure:#}");
        assert!(
            differing.contains(&(kind_in_golden.into(), name.clone())),
            "{to}: {name} is not among {differing:?}"
        );
        assert!(
            changes.as_array().unwrap().iter().any(|change| change == changed),
            "{to}: {changes}"
        );
        let headline = failure["headline"].as_str().unwrap();
        assert!(
            headline.contains(&format!("`{name}")) && headline.contains("environment "),
            "{headline}"
        );
    }
}

#[test]
fn a_policy_with_another_weight_is_caught_in_its_first_action() {
    let project = Project::new(&(SUITE.to_owned() + POLICY));
    train_cartpole(&project);
    project.succeeds(&["regress", "record"]);
    let mut policy = project.bytes("cartpole.safetensors");
    nudge(&mut policy, "layer.0.weight", 1e-3);
    project.0.file("cartpole.safetensors", policy);
    let failure = project.failure();
    assert_eq!(failure["name"], "cartpole");
    let comparison = &failure["comparison"];
    assert_eq!(
        (&comparison["first"]["kind"], &comparison["first"]["step"]),
        (&"action".into(), &1.into())
    );
    assert_eq!(comparison["changes"][0], "the policy cartpole.safetensors changed");
    let said = project.carrot(&["regress", "check", "--only", "hopper"]);
    assert_eq!(said.code, 0, "the other rollout stays: {}", said.stdout);
}

#[test]
fn differences_within_the_tolerance_pass_and_are_told() {
    let project = Project::recorded(SUITE);
    project.edit("envs/hopper/model.xml", "gear=\"200\"", "gear=\"200.0000001\"");
    assert_eq!(project.failure()["verdict"], "moved");
    // The golden need not be made again: tolerances belong to the suite.
    project.0.file(
        "regress.toml",
        SUITE.to_owned() + "[rollout.tolerance]\nrelative = 1e-4\n",
    );
    let said = project.succeeds(&["regress", "check"]);
    assert!(said.stdout.starts_with("within    hopper, at most "), "{}", said.stdout);
    assert!(said.stdout.contains("model.xml"), "{}", said.stdout);
    let one = "[rollout.tolerance]\nrelative = 1e-4\nvariable.torso_height = { absolute = 1e-15 }\n";
    project.0.file("regress.toml", SUITE.to_owned() + one);
    let failure = project.failure();
    assert_eq!(failure["comparison"]["first"]["name"], "torso_height");
    assert_eq!(failure["comparison"]["first"]["allowed"], 1e-15);
    let unknown = "[rollout.tolerance]\nvariable.torso_hieght = { absolute = 1 }\n";
    project.0.file("regress.toml", SUITE.to_owned() + unknown);
    let said = project.carrot(&["regress", "check"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stdout
            .contains("regress.toml: line 13: `tolerance.variable.torso_hieght`"),
        "{}",
        said.stdout
    );
}

#[test]
fn long_rollouts_are_held_by_their_statistics() {
    let suite = SUITE.to_owned() + "compare = \"statistics\"\n[rollout.tolerance]\nrelative = 0.01\n";
    let project = Project::recorded(&suite);
    assert!(
        project.golden("golden/hopper.json")["series"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    project.edit("envs/hopper/model.xml", "gear=\"200\"", "gear=\"200.0000001\"");
    project.succeeds(&["regress", "check"]);
    project.edit("reward_programs/hopper/hop_forward/human.py", "-0.001 *", "-0.002 *");
    let first = &project.failure()["comparison"]["first"];
    assert_eq!(
        (&first["name"], &first["kind"]),
        (&"term effort".into(), &"mean".into()),
        "{first:#}"
    );
}

#[test]
fn another_rollout_than_the_golden_s_is_not_compared() {
    for (from, to, expected) in [
        ("envs = 2", "envs = 3", "envs: 2 in the golden, 3 in the suite"),
        ("steps = 60", "steps = 61", "steps: 60 in the golden, 61 in the suite"),
        ("seed = 3", "seed = 4", "seed: 3 in the golden, 4 in the suite"),
        ("amplitude = 0.6", "amplitude = 0.7", "actions: random actions in ±0.6"),
    ] {
        let project = Project::recorded(SUITE);
        project.edit("regress.toml", from, to);
        let failure = project.failure();
        assert_eq!(failure["verdict"], "unfit");
        let headline = failure["headline"].as_str().unwrap();
        assert!(headline.contains(expected), "{headline}");
    }
}

#[test]
fn broken_files_are_told_by_file_and_line_and_stay_as_they_are() {
    let golden = "golden/hopper.json";
    let line_of_series = |text: &str| 1 + text.lines().position(|line| line.contains("\"series\"")).unwrap();
    type Break = fn(&str) -> String;
    let breaks: [(Break, &str); 8] = [
        (|text| text[..text.len() / 2].to_owned(), "the file ends too early"),
        (|_| String::new(), "line 1: the file ends too early"),
        (
            |text| text.replace("\"format\": 1", "\"format\": 9"),
            "`format` is 9; this program reads format 1",
        ),
        (
            |text| text.replace("  \"format\": 1,\n", ""),
            "there is no key `format`",
        ),
        (|text| text.replace("\"seed\": 3,\n", ""), "missing field `seed`"),
        (
            |text| text.replace("\"steps\": 60", "\"steps\": \"60\""),
            "line 11, column 17: invalid type: string \"60\"",
        ),
        (
            |text| text.replace("\"env\":0,\"values\":[", "\"env\":0,\"values\":[0.0,"),
            "has 61 numbers",
        ),
        (
            |text| text.replace("\"steps\": 60", "\"steps\": 59"),
            "should hold 2 × 60 hashes",
        ),
    ];
    let project = Project::recorded(SUITE);
    let whole = std::fs::read_to_string(project.0.path(golden)).unwrap();
    assert!(line_of_series(&whole) > 20);
    for (broken, expected) in breaks {
        project.0.file(golden, broken(&whole));
        let said = project.carrot(&["regress", "check"]);
        assert_eq!(said.code, 3, "{expected}: {}", said.stdout);
        assert!(said.stdout.contains("golden/hopper.json: "), "{}", said.stdout);
        assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
        assert_eq!(
            project.bytes(golden),
            broken(&whole).into_bytes(),
            "a check changes nothing"
        );
    }
    // A golden that is missing, a task that is, and a reward that does not compile.
    std::fs::remove_file(project.0.path(golden)).unwrap();
    let said = project.carrot(&["regress", "check"]);
    assert!(
        said.code == 2 && said.stdout.contains("there is no golden yet"),
        "{}",
        said.stdout
    );
    for (from, to, code, expected) in [
        (
            "hop_forward",
            "hop_forwards",
            2,
            "line 4: rollout `hopper`: there is no task `hopper/hop_forwards`",
        ),
        (
            "seed = 3",
            "seed = 3\nreward = \"none.py\"",
            2,
            "none.py: there is no such reward program",
        ),
        (
            "excitation = \"random\"\namplitude = 0.6",
            "policy = \"none.safetensors\"",
            2,
            "none.safetensors: there is no such file",
        ),
        (
            "environments = \"envs\"",
            "environments = \"worlds\"",
            2,
            "`environments`: there is no folder",
        ),
        ("steps = 60", "steps = sixty", 2, "TOML parse error at line 7"),
    ] {
        project.0.file("regress.toml", SUITE);
        project.edit("regress.toml", from, to);
        let said = project.carrot(&["regress", "record"]);
        assert_eq!(said.code, code, "{to}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(expected), "{expected}: {}", said.stderr);
        assert!(!project.0.path(golden).exists(), "{to}");
    }
    project.0.file("regress.toml", SUITE);
    project.edit(
        "reward_programs/hopper/hop_forward/human.py",
        "forward_velocity",
        "forward_speed",
    );
    let said = project.carrot(&["regress", "record"]);
    assert!(
        said.code == 1 && said.stdout.contains("unknown-name"),
        "{}{}",
        said.stdout,
        said.stderr
    );
}

#[test]
fn a_recording_that_is_killed_leaves_the_golden_as_it_was() {
    let project = Project::recorded(SUITE);
    let new = project.bytes("golden/hopper.json");
    // An older golden, whole, that differs in one place.
    let old = String::from_utf8(new.clone())
        .unwrap()
        .replace("\"carrot\": \"", "\"carrot\": \"older than ");
    let mut replaced = 0;
    for wait_ms in 0..24 {
        project.0.file("golden/hopper.json", &old);
        let mut child = project
            .0
            .command(&["regress", "record", "--update"])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(4 * wait_ms));
        let _ = child.kill(); // it may have ended
        child.wait().unwrap();
        let left = project.bytes("golden/hopper.json");
        assert!(
            left == old.as_bytes() || left == new,
            "after {} ms: {} bytes",
            4 * wait_ms,
            left.len()
        );
        replaced += usize::from(left == new);
    }
    assert!(replaced < 24, "no recording was killed in time");
    let said = project.succeeds(&["regress", "record", "--update"]);
    assert!(said.stdout.contains("golden/hopper.json"), "{}", said.stdout);
    project.succeeds(&["regress", "check"]);
}

#[test]
fn a_check_writes_junit_and_draws_what_moved() {
    let suite = SUITE.to_owned() + &SUITE[SUITE.find("\n[[").unwrap()..].replace("\"hopper\"", "\"no-golden\"");
    let project = Project::new(&suite);
    project.succeeds(&["regress", "record", "--only", "hopper"]);
    project.edit("envs/hopper/model.xml", "friction=\"2 0.005", "friction=\"0.3 0.005");
    let said = said(
        project
            .0
            .command(&["regress", "check", "--junit", "out.xml", "--plots", "plots"])
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 2, "a golden that is missing weighs more: {}", said.stdout);
    let junit = String::from_utf8(project.bytes("out.xml")).unwrap();
    assert!(junit.contains("tests=\"2\" failures=\"1\" errors=\"1\""), "{junit}");
    for part in [
        "<testcase name=\"hopper\" classname=\"regress.toml\"",
        "<failure message=\"at the reset, environment 1: variable `foot_contact_force` is ",
        "<error message=\"golden/no-golden.json: there is no golden yet",
        "the file model.xml changed",
    ] {
        assert!(junit.contains(part), "{part}: {junit}");
    }
    let svg = String::from_utf8(project.bytes("plots/hopper.svg")).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(
        svg.contains("size of the difference") && svg.matches("<polyline").count() >= 3,
        "{svg}"
    );
    assert!(said.stdout.contains("drawn in plots/hopper.svg"), "{}", said.stdout);
    assert!(!project.0.path("plots/no-golden.svg").exists());
}

#[test]
fn a_model_without_an_environment_or_a_reward_is_held_too() {
    let world = "model = \"envs/hopper/model.xml\"";
    let project = Project::recorded(&SUITE.replace("task = \"hopper/hop_forward\"", world));
    let said = project.succeeds(&["regress", "check"]);
    assert!(said.stdout.contains("hopper, bit for bit"), "{}", said.stdout);
    let golden = project.golden("golden/hopper.json");
    assert_eq!(golden["provenance"]["task"], "model model.xml");
    assert_eq!(golden["provenance"]["reward"], "none");
    project.edit("envs/hopper/model.xml", "gear=\"200\"", "gear=\"201\"");
    let failure = project.failure();
    assert_eq!(failure["comparison"]["first"]["kind"], "variable", "{failure:#}");
    assert_eq!(failure["comparison"]["first"]["step"], 1, "{failure:#}");
    assert_eq!(failure["comparison"]["changes"][0], "the file model.xml changed");
}

/// Mean, and sample standard deviation.
fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

#[test]
fn engines_are_set_side_by_side() {
    let project = Project::new(SUITE);
    train_cartpole(&project);
    let command = [
        "regress",
        "cross",
        "--json",
        "--task",
        "cartpole/balance",
        "--policy",
        "cartpole.safetensors",
    ];
    let settings = ["--seeds", "1", "--episodes", "3", "--seed", "5"];
    let said = project.succeeds(&[command.as_slice(), &["--envs", "envs"], &settings].concat());
    let cross = parse(&said.stdout)["rollouts"][0].clone();
    assert_eq!(cross["engines"][0]["engine"], "mujoco");
    assert_eq!(cross["engines"][1]["engine"], "rapier");

    // The same from recorded rollouts of each engine: the first episode of each environment.
    let mut fitness = Vec::new();
    for engine in ["mujoco", "rapier"] {
        let suite = POLICY.replace(
            "steps = 30",
            &format!("steps = 500\nenvs = 3\nseed = 5\nengine = \"{engine}\""),
        );
        let suite = suite + "compare = \"statistics\"\n";
        project.0.file(
            "one.toml",
            format!("version = 1\nenvironments = \"envs\"\ngolden = \"{engine}\"\n{suite}"),
        );
        project.succeeds(&["regress", "record", "one.toml"]);
        let golden = project.golden(&format!("{engine}/cartpole.json"));
        let episodes = golden["summary"]["episodes"].as_array().unwrap();
        let first = |env: u64| episodes.iter().find(|episode| episode["env"] == env).expect("it ended");
        fitness.push([0, 1, 2].map(|env| first(env)["fitness"].as_f64().unwrap()));
    }
    let row = &cross["rows"][0];
    assert_eq!(row["name"], "fitness");
    let near = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!(
            (value - expected).abs() <= 1e-12 * expected.abs(),
            "{value} is not {expected}: {row:#}"
        );
    };
    let [(a, a_sd), (b, b_sd)] = [0, 1].map(|index| mean_and_sd(&fitness[index]));
    for (engine, (mean, sd)) in [(a, a_sd), (b, b_sd)].into_iter().enumerate() {
        near(&row["engines"][engine]["mean"], mean);
        near(&row["engines"][engine]["sd"], sd);
    }
    near(&row["differences"][0], b - a);
    near(&row["effects"][0], (b - a) / ((a_sd * a_sd + b_sd * b_sd) / 2.0).sqrt());

    let said = project.carrot(&[command.as_slice(), &["--engines", "mujoco"]].concat());
    assert!(
        said.code == 2 && said.stdout.contains("at least two engines"),
        "{}",
        said.stdout
    );
}

#[test]
fn our_own_worlds_are_as_recorded() {
    let scratch = Scratch::new();
    let suite = root().join("tests/regress/regress.toml");
    let said = scratch.carrot(&["regress", "check", suite.to_str().unwrap()]);
    let update = "was it meant? carrot regress record tests/regress/regress.toml --update";
    assert_eq!(said.code, 0, "{}{}\n{update}", said.stdout, said.stderr);
}
