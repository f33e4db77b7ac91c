//! What may be written at a place, and what is known about a word: the place is marked with `|`.

use std::time::{Duration, Instant};

use carrot_reward_compiler::assist::{Completions, Kind, complete, hover};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Fix, Schema};

const SCHEMA: &str = r#"
[variable.torso_height]
unit = "m"
range = [0.0, 2.0]
doc = "height of the torso"
[variable.object_pos]
shape = [3]
unit = "m"
frame = "world"
[variable."robot.ee_pose"]
dtype = "pose"
[variable."robot.qpos"]
shape = [9]
unit = "rad"
doc = "joint angles"
[variable."robot.check_grasp(cube)"]
dtype = "bool"
"#;

fn schema() -> Schema {
    Schema::from_toml(SCHEMA).unwrap()
}

fn place(marked: &str) -> (String, usize) {
    (marked.replacen('|', "", 1), marked.find('|').expect("a mark"))
}

fn at(marked: &str) -> Completions {
    let (text, at) = place(marked);
    complete(&text, at, &schema())
}

fn labels(marked: &str) -> Vec<String> {
    at(marked).choices.into_iter().map(|choice| choice.label).collect()
}

#[test]
fn choices_at_a_place() {
    for (marked, first, absent) in [
        // What a module has, whatever it is called.
        ("import torch\nx = torch.no|", "norm", "torso_height"),
        ("import numpy as q\nx = q.linalg.n|", "norm", "clip"),
        ("x = F.smoo|", "smooth_l1_loss", "norm"),
        ("x = torch.lin|", "linspace", "norm"),
        ("x = math.p|", "pow", "torch"),
        // Variables as parameters, and in the body those that the function has first.
        ("def compute_reward(tor|):\n    return 1", "torso_height", "torch"),
        (
            "def compute_reward(torso_height):\n    return tor|",
            "torso_height",
            "self.torso_height",
        ),
        (
            "def compute_reward():\n    lift = 1.0\n    lifted = 2.0\n    return lif|",
            "lift",
            "torch",
        ),
        (
            "def compute_dense_reward(self):\n    return tor|",
            "self.torso_height",
            "torso_height",
        ),
        ("def compute_dense_reward(self):\n    return self.|", "robot", "norm"),
        (
            "def compute_dense_reward(self):\n    return self.robot.|",
            "qpos",
            "torso_height",
        ),
        (
            "def compute_dense_reward(self):\n    return self.robot.ee_pose.|",
            "p",
            "norm",
        ),
        // Methods of whatever it is.
        (
            "def compute_reward(object_pos: Tensor):\n    return object_pos[:, 0].mea|",
            "mean",
            "torch",
        ),
        (
            "def compute_reward(object_pos: Tensor):\n    return torch.exp(object_pos).cla|",
            "clamp",
            "torch",
        ),
        // Arguments by name.
        ("x = torch.clamp(y, m|", "max=", "torso"),
        ("x = torch.norm(y, di|)", "dim=", "torso"),
    ] {
        let labels = labels(marked);
        assert_eq!(labels.first().map(String::as_str), Some(first), "{marked}\n{labels:?}");
        assert!(!labels.iter().any(|label| label == absent), "{marked}\n{labels:?}");
    }
}

#[test]
fn a_name_that_is_set_further_down_is_not_known_yet() {
    assert_eq!(labels("def f():\n    a = zz|\n    zzz = 1\n"), Vec::<String>::new());
}

#[test]
fn nothing_is_offered_where_nothing_is_code() {
    for marked in [
        "# tor|",
        "x = 'tor|'",
        "x = \"tor|",
        "x = 12|",
        "'''\ntor|\n'''",
        "x = '|'",
    ] {
        assert_eq!(labels(marked), Vec::<String>::new(), "{marked}");
    }
    assert!(!labels("x = 'a' + ab|").is_empty());
    assert!(!labels("# comment\nab|").is_empty());
}

#[test]
fn a_choice_tells_about_itself() {
    let found = at("def compute_dense_reward(self):\n    return self.robot.q|");
    let choice = &found.choices[0];
    assert_eq!((choice.label.as_str(), choice.kind), ("qpos", Kind::Variable));
    assert_eq!(
        (choice.detail.as_str(), choice.doc.as_str()),
        ("rad · [9]", "joint angles")
    );
    let found = at("x = torch.nor|");
    assert_eq!(
        found.choices[0].detail,
        "torch.norm(input, [p], [dim], [keepdim], [dtype])"
    );
    assert_eq!(found.replace, 10..13);
}

/// A variable that the function does not take yet is taken with the same stroke.
#[test]
fn a_completed_program_compiles() {
    for marked in [
        "import torch\ndef compute_reward(object_pos: torch.Tensor):\n    return torso_h|",
        "import torch\ndef compute_reward():\n    return 1.0 * torso_h|",
        "import torch\ndef compute_reward(\n    object_pos,\n):\n    return torso_h|",
        "def compute_dense_reward(self):\n    return torso_h|",
        "def compute_reward(tors|):\n    return torso_height",
    ] {
        let (text, at) = place(marked);
        let found = complete(&text, at, &schema());
        let choice = &found.choices[0];
        let mut completed = text.clone();
        completed.replace_range(found.replace.clone(), &choice.insert);
        // What is added elsewhere stands before the place.
        let completed = Fix {
            title: String::new(),
            edits: choice.also.clone(),
        }
        .apply(&completed);
        let compiled = compile(&completed, "reward.py", &schema(), Entry::Reward);
        assert!(compiled.module.is_some(), "{completed}\n{:?}", compiled.diagnostics);
    }
}

#[test]
fn words_tell_what_they_are() {
    for (marked, expected) in [
        (
            "def f(torso_height):\n    return torso_hei|ght",
            Some(("torso_height", "m · 0 to 2")),
        ),
        (
            "def f(self):\n    return self.robot.q|pos",
            Some(("robot.qpos", "rad · [9]")),
        ),
        ("x = np.cli|p(y, 0, 1)", Some(("numpy.clip(a, [a_min], [a_max])", ""))),
        ("x = y.cla|mp(min=0)", Some((".clamp(input, [min], [max])", ""))),
        ("x = ab|s(y)", Some(("abs(x)", ""))),
        ("# torso_hei|ght", None),
        ("x = un|known", None),
        ("x = 2|.0", None),
        ("|", None),
    ] {
        let (text, at) = place(marked);
        let found = hover(&text, at, &schema());
        let shown = found
            .as_ref()
            .map(|hover| (hover.title.as_str(), hover.detail.as_str()));
        assert_eq!(shown, expected, "{marked}");
    }
}

/// Any place of any text: no panic, and within a frame's share.
#[test]
fn every_place_of_a_text_has_an_answer() {
    let text = "import torch\nα = 'β'  # γ\ndef compute_reward(torso_height, x=(1, [2])):\n    return torch.exp(-x[0]).mean(dim=-1)[0] + self.robot.ee_pose.p\n)(]..'''";
    for at in 0..=text.len() + 2 {
        complete(text, at, &schema());
        hover(text, at, &schema());
    }
    let body = "    y = torch.exp(-2.0 * torso_height) + 0.5  # a line like any other\n".repeat(40);
    let program = format!("import torch\ndef compute_reward(torso_height):\n{body}    return torso_h");
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            let start = Instant::now();
            assert!(!complete(&program, program.len(), &schema()).choices.is_empty());
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{} bytes: {:?} median", program.len(), times[10]);
    assert!(times[0] < Duration::from_millis(20), "{times:?}");
}
