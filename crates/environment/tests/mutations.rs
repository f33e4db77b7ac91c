//! A thousand mutated `env.toml` and `task.toml` files: none panics; each steps, or says what is wrong and where.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use carrot_environment::{Task, TaskError, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use support::{Files, Measures, Row, actions, envs};

fn nothing(_: &Row<'_>) -> [f64; 3] {
    [0.0; 3]
}

const MODEL: &str = r#"<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1"/>
    <body name="arm" pos="0 0 1"><joint name="turn" axis="0 1 0" range="-90 90" limited="true" damping="1"/>
      <geom name="rod" type="capsule" fromto="0 0 0 0.5 0 0" size="0.02"/><site name="tip" pos="0.5 0 0"/></body>
    <body name="ball" pos="0 0 0.1"><freejoint name="ball"/><geom name="ball" size="0.1"/></body>
    <body name="goal" mocap="true"/>
  </worldbody>
  <actuator><position name="turner" joint="turn" kp="20" ctrlrange="-1 1"/></actuator>
  <sensor><jointpos name="angle" joint="turn"/></sensor>
  <keyframe><key name="home" qpos="0.5 0 0 0.1 1 0 0 0" ctrl="0.5"/></keyframe>
</mujoco>"#;

/// Everything that an `env.toml` can say.
const ENV: &str = r#"version = 2

[control]
dt = 0.02
around = "home"
scale = 0.5

[reset]
keyframe = "home"
qpos_noise = 0.01
qvel_noise = 0.01
[reset.joint.ball]
position = { low = [0.3, -0.2, 0.2], high = [0.5, 0.2, 0.2] }
yaw = [-3.14, 3.14]
velocity = { low = -0.1, high = 0.1 }

[randomize]
mass = { scale = [0.8, 1.2], bodies = ["arm"] }
friction = { scale = [0.5, 1.25], geoms = ["floor"] }
gain = { scale = [0.9, 1.1] }
damping = { scale = [0.8, 1.2] }
latency = { steps = [0, 2] }
push = { every_secs = [0.1, 0.2], joint = "ball", velocity = 0.5 }

[variable.tip]
shape = [3]
source = { site_position = "tip" }
relative_to = "arm"
unit = "m"
range = [-1.0, 1.0]
doc = "Where the tip is."
[variable.quat]
shape = [4]
source = { body_quaternion = "ball" }
quaternion = "xyzw"
[variable.bodies]
shape = [2, 3]
source = { body_position = ["arm", "ball"] }
[variable.height]
source = { body_position = "ball" }
component = 2
[variable.pose]
dtype = "pose"
source = { body_pose = "ball" }
[variable.angle]
source = { joint_position = ["turn"] }
[variable.limits]
shape = [1, 2]
uniform = true
source = { joint_limits = ["turn"] }
[variable.touches]
dtype = "bool"
source = { contact = ["ball", { geom = "floor" }] }
[variable.jacobian]
shape = [3, 1]
source = { site_jacobian = { site = "tip", joints = ["turn"] } }
[variable.half]
uniform = true
source = { constant = 0.5 }
[variable.goal]
shape = [3]
source = { command = { low = [0, 0, 1], high = [1, 1, 2], every_secs = 0.1, mocap = "goal" } }
[variable.before]
source = { previous = "angle" }
[variable.reach]
source = { expression = "torch.norm(goal - tip, dim=-1) + half * self.robot.height" }
[variable.lean]
source = "derived"
[variable.steps]
dtype = "i64"
source = "step"
[variable.name]
dtype = "str"
value = "one"
[surface]
"robot.height" = "height"
"robot.quat" = { variable = "quat", quaternion = "wxyz" }
"#;

const TASK: &str = r#"version = 1
instruction = "Reach the goal."
horizon = 5
engines = ["mujoco"]
observation = ["tip", "angle", "reach", "lean", "before"]
observation_delay = 1
[observation_noise]
angle = 0.01
[command.goal]
low = 0.5
high = [1.0, 1.0, 1.5]
[randomize]
latency = { steps = [1, 1] }
[reset]
qpos_noise = 0.02
[fitness]
aggregate = "time_to_success"
[success]
aggregate = "any"
[ppo]
steps = 1000
"#;

const DERIVED: &str = "def lean(angle, half):\n    return torch.abs(angle) * half\n";

/// Lines that may turn up anywhere.
const LINES: [&str; 22] = [
    "[variable.extra]\nsource = { previous = \"extra\" }",
    "[variable.extra]\nsource = { previous = \"other\" }\n[variable.other]\nsource = { previous = \"extra\" }",
    "[variable.extra]\nsource = { expression = \"other\" }\n[variable.other]\nsource = { expression = \"extra\" }",
    "[variable.extra]\nsource = { expression = \")\\ndef f(\" }",
    "[variable.extra]\nsource = { expression = \"angle.mean()\" }",
    "[variable.extra]\nsource = { command = { low = 1, high = 0 } }",
    "[variable.extra]\nshape = [4096]\nsource = { constant = 1 }\nuniform = true",
    "[variable.extra]\nsource = { body_position = [] }",
    "[variable.extra]\nsource = {}",
    "[variable.\"a b\"]\nsource = \"time\"",
    "[variable.\"x(1,2)\"]\nsource = \"time\"",
    "[surface]\n\"a.b\" = \"nowhere\"",
    "[surface]\n\"angle\" = \"angle\"",
    "[control]\nsubsteps = 3",
    "substeps = 4",
    "dt = 1e-9",
    "component = 99999999999",
    "components = []",
    "relative_to = \"nobody\"",
    "quaternion = \"wxyz\"",
    "\u{0}",
    "= = =",
];

const NUMBERS: [&str; 14] = [
    "nan",
    "inf",
    "-inf",
    "0",
    "-1",
    "1e300",
    "-1e300",
    "1e-300",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "\"text\"",
    "[]",
    "true",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// Where words begin and end: numbers, names, texts without their quotes.
fn words(text: &str) -> Vec<(usize, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn mutated(text: &str, dice: &mut Dice) -> Vec<u8> {
    let words = words(text);
    let (start, end) = words[dice.below(words.len())];
    let lines: Vec<&str> = text.lines().collect();
    let line = dice.below(lines.len());
    let rejoined = |lines: Vec<&str>| (lines.join("\n") + "\n").into_bytes();
    match dice.below(10) {
        0 => {
            let mut bytes = text.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            match dice.below(3) {
                0 => bytes[at] = dice.below(256) as u8,
                1 => bytes.insert(at, dice.below(128) as u8),
                _ => drop(bytes.remove(at)),
            }
            bytes
        }
        1 => rejoined([&lines[..line], &lines[line + 1..]].concat()),
        2 => rejoined([&lines[..line], &lines[line..=line], &lines[line..]].concat()),
        3 => {
            let mut lines = lines;
            let other = dice.below(lines.len());
            lines.swap(line, other);
            rejoined(lines)
        }
        4 => rejoined([&lines[..line], &[LINES[dice.below(LINES.len())]], &lines[line..]].concat()),
        5 => {
            let extra = LINES[dice.below(LINES.len())];
            format!("{text}{extra}\n").into_bytes()
        }
        6 => {
            // A name that exists elsewhere, or a slip of it.
            let (from, to) = words[dice.below(words.len())];
            format!("{}{}{}", &text[..start], &text[from..to], &text[end..]).into_bytes()
        }
        7 => format!("{}x{}", &text[..end], &text[end..]).into_bytes(),
        _ => {
            let numbers: Vec<&(usize, usize)> = words
                .iter()
                .filter(|(from, _)| text[*from..].starts_with(|c: char| c.is_ascii_digit() || c == '-'))
                .collect();
            let (from, to) = *numbers[dice.below(numbers.len())];
            let number = NUMBERS[dice.below(NUMBERS.len())];
            format!("{}{number}{}", &text[..from], &text[to..]).into_bytes()
        }
    }
}

/// What became of a pair of files.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    /// It loads, but its derived variables or its initial state are no good, and that is said.
    Unplayable,
    Played,
}

fn try_files(files: &Files, sandbox: &Sandbox) -> Result<Outcome, String> {
    let task = match files.load() {
        Ok(task) => task,
        Err(error) => return judge_message(&error).map(|()| Outcome::Refused),
    };
    let Some(task) = with_derived(task, sandbox)? else {
        return Ok(Outcome::Unplayable);
    };
    let measures = Measures::new(&task, nothing);
    let mut env = match VecEnv::with_all_variables(&task, measures.programs(), 2, 1, 1) {
        Ok(env) => env,
        Err(stop) if stop.to_string().len() > 20 => return Ok(Outcome::Unplayable),
        Err(stop) => return Err(format!("says too little: {stop}")),
    };
    for step in 0..3 {
        let step = env.step(&actions(step, 2 * task.action_size()));
        match step {
            Ok(data) if !data.observations.iter().all(|value| value.is_finite()) => {
                return Err(format!("shows {:?}", data.observations));
            }
            Ok(_) => {}
            Err(stop) if stop.to_string().len() > 20 => return Ok(Outcome::Unplayable),
            Err(stop) => return Err(format!("says too little: {stop}")),
        }
    }
    Ok(Outcome::Played)
}

/// Compiles and attaches; none where the compiler refuses, with a place in one of the files.
fn with_derived(task: Task, sandbox: &Sandbox) -> Result<Option<Task>, String> {
    let Some(text) = &task.derived else {
        return Ok(Some(task));
    };
    let outputs: Vec<(&str, &str)> = text.outputs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let compiled = compile(&text.source, "derived.py", &task.schema, Entry::Variables(&outputs));
    let Some(module) = compiled.module else {
        let found = text.located(compiled.diagnostics);
        let placed = |name: &str| {
            found
                .iter()
                .any(|diagnostic| diagnostic.file.ends_with(name) && diagnostic.span.line > 0)
        };
        return match placed("env.toml") || placed("derived.py") {
            true => Ok(None),
            false => Err(format!("no place: {found:?}")),
        };
    };
    match sandbox.load(&module.wasm, Origin::Compiled, &task.schema) {
        Ok(program) => Ok(Some(task.with_derived(Arc::new(program)))),
        Err(error) => Err(error.to_string()),
    }
}

/// A complaint names the file, and the line and key where there are such.
fn judge_message(error: &TaskError) -> Result<(), String> {
    let TaskError::File { path, message } = error else {
        return Err(format!("no file: {error}"));
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_whole_file = [
        "is not UTF-8",
        "cannot be read",
        "no variable is declared",
        "missing field",
    ];
    let fits = match name {
        "env.toml" | "task.toml" => {
            let has_line = message.contains("line ");
            let has_key = message.contains('`') || message.contains("TOML parse error");
            has_line && has_key || of_whole_file.iter().any(|words| message.contains(words))
        }
        "model.xml" => true,
        _ => path.ends_with("task.py") || message.contains("cannot be read"),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{name} without line or key: {message}"))
    }
}

#[test]
fn a_thousand_mutated_files_load_or_say_what_is_wrong() {
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let read = |file: &str| std::fs::read_to_string(envs().join(file)).unwrap();
    let own = |name: &str, task: &str| {
        [
            read(&format!("{name}/model.xml")),
            read(&format!("{name}/env.toml")),
            read(&format!("{name}/tasks/{task}/task.toml")),
        ]
    };
    let originals = [
        [MODEL, ENV, TASK].map(str::to_owned),
        own("cartpole", "balance"),
        [MODEL, ENV, TASK].map(str::to_owned),
        own("hopper", "hop_forward"),
    ];
    let mut outcomes = [0; 3];
    let mut failures = Vec::new();
    for seed in 0..1_000_u64 {
        let [model, env, task] = &originals[seed as usize % originals.len()];
        let mut dice = Dice(0x2545_F491_4F6C_DD1D ^ (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut texts = [env.clone().into_bytes(), task.clone().into_bytes()];
        for _ in 0..=dice.below(2) {
            let which = dice.below(4) / 3;
            if let Ok(valid) = std::str::from_utf8(&texts[which]) {
                texts[which] = mutated(valid, &mut dice);
            }
        }
        let files = Files::of(model, "", "");
        std::fs::write(files.path("env.toml"), &texts[0]).unwrap();
        std::fs::write(files.path("task.toml"), &texts[1]).unwrap();
        std::fs::write(files.path("derived.py"), DERIVED).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| try_files(&files, &sandbox)));
        match outcome {
            Ok(Ok(outcome)) => outcomes[outcome as usize] += 1,
            Ok(Err(message)) => failures.push(format!("seed {seed}: {message}")),
            Err(_) => failures.push(format!("seed {seed} panics")),
        }
    }
    assert!(
        failures.is_empty(),
        "{} of 1000:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let [refused, unplayable, played] = outcomes;
    assert!(
        refused >= 300 && unplayable >= 10 && played >= 100,
        "{refused} refused, {unplayable} unplayable, {played} played: the mutations say little"
    );
}

#[test]
fn the_original_of_all_mutations_plays() {
    let files = Files::of(MODEL, ENV, TASK);
    std::fs::write(files.path("derived.py"), DERIVED).unwrap();
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    assert_eq!(try_files(&files, &sandbox), Ok(Outcome::Played));
}
