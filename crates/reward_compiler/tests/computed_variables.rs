//! Variables that a program computes for others to read: shapes, order, circles.

use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::RewardFn;
use carrot_reward_interface::{Rewards, Schema};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

const SCHEMA: &str = r#"
[variable.position]
shape = [3]
[variable.height]
[variable.is_high]
dtype = "bool"
[variable.flat]
shape = [2]
[variable.pose]
dtype = "pose"
"#;

fn diagnostics(source: &str, entries: &[(&str, &str)]) -> Vec<String> {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let compiled = compile(source, "derived.py", &schema, Entry::Variables(entries));
    compiled.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn functions_read_each_other_in_any_order() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let source = "
def is_high(height):
    return height > 1.0
def flat(position, is_high):
    return torch.where(is_high.unsqueeze(-1), position[:, :2] * 10, position[:, :2])
def height(self):
    if 2 > 1:
        lifted = self.position
    lifted[:, 2] += 0.5
    return lifted[:, 2]
";
    let entries = [("flat", "flat"), ("height", "height"), ("is_high", "is_high")];
    let compiled = compile(source, "derived.py", &schema, Entry::Variables(&entries));
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let terms: Vec<&str> = module.interface.terms.iter().map(|term| term.name.as_str()).collect();
    assert_eq!(terms, ["flat[0]", "flat[1]", "height", "is_high"]);
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let loaded = sandbox.load(&module.wasm, Origin::Compiled, &schema).unwrap();
    let mut instance = loaded.instantiate().unwrap();
    let position = schema.places()[schema.index("position").unwrap()];
    let mut rewards = Rewards::default();
    // 0.25 + 0.5 is not above 1, 0.75 + 0.5 is; what one function writes into a variable no other sees.
    for (index, z) in [0.25, 0.75].into_iter().enumerate() {
        let mut row = vec![0.0; 14];
        row[position..position + 3].copy_from_slice(&[1.0, 2.0, z]);
        instance.place(2, index, &row).unwrap();
    }
    instance.evaluate_placed(&mut rewards).unwrap();
    assert_eq!(
        rewards.terms,
        [vec![1.0, 10.0], vec![2.0, 20.0], vec![0.75, 1.25], vec![0.0, 1.0]]
    );
}

#[test]
fn mistakes_are_found() {
    for (source, entries, expected) in [
        (
            "def height(position):\n    return position[:, :2]",
            &[("height", "height")][..],
            "error[term-shape] derived.py:2:12: `height` has the shape [N], and this is f32[N, 2]",
        ),
        (
            "def flat(position):\n    return position",
            &[("flat", "flat")],
            "`flat` has the shape [N, 2], and this is f32[N, 3]",
        ),
        (
            "def height(flat):\n    return flat[:, 0]\ndef flat(height):\n    return torch.stack([height, height], dim=-1)",
            &[("flat", "flat"), ("height", "height")],
            "is computed from itself",
        ),
        (
            "def flat(position):\n    return position[:, :2]",
            &[("height", "height")],
            "there is no function `height`",
        ),
        (
            "def height(positon):\n    return positon[:, 0]",
            &[("height", "height")],
            "did you mean `position`?",
        ),
    ] {
        let found = diagnostics(source, entries);
        assert!(
            found.iter().any(|message| message.contains(expected)),
            "{source}: {found:#?}"
        );
    }
}

#[test]
fn constants_and_poses_are_values_too() {
    let found = diagnostics(
        "def height():\n    return 0.5\ndef pose(position):\n    q = torch.zeros(position.shape[0], 4)\n    return torch.cat([position, q], dim=-1)",
        &[("height", "height"), ("pose", "pose")],
    );
    assert_eq!(found, [""; 0]);
}
