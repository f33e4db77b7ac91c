//! Every repair that is offered is one: the finding goes away, and no other takes its place.

use std::path::Path;

use carrot_reward_compiler::catalogue::EXAMPLE_SCHEMA;
use carrot_reward_compiler::{Code, Entry, compile, render};
use carrot_reward_interface::{Diagnostic, Schema, Severity};

fn findings(source: &str, schema: &Schema) -> Vec<Diagnostic> {
    compile(source, "reward.py", schema, Entry::Reward).diagnostics
}

/// Takes every repair of a text, one at a time, each from the original. Gives the codes that have one.
fn take_each(source: &str, schema: &Schema) -> Vec<String> {
    let found = findings(source, schema);
    let mut codes = Vec::new();
    for finding in &found {
        let Some(fix) = &finding.fix else { continue };
        let repaired = fix.apply(source);
        let left = findings(&repaired, schema);
        let drawn = || {
            format!(
                "{}\n\n{}\n--- after: {}\n{repaired}\n{}",
                source,
                render(std::slice::from_ref(finding), source, false),
                fix.title,
                render(&left, &repaired, false)
            )
        };
        let is_there = left
            .iter()
            .any(|other| other.code == finding.code && other.message == finding.message && other.span == finding.span);
        assert!(!is_there, "the finding is still there\n{}", drawn());
        // What stood behind a mistake that hid it may come to light, but a program that failed in one place fails in no
        // more places of the same kind.
        let hides = matches!(
            finding.code.as_str(),
            "syntax-error" | "import" | "no-entry" | "unsupported"
        );
        let same = |all: &[Diagnostic]| all.iter().filter(|other| other.code == finding.code).count();
        assert!(
            left.len() < found.len() || same(&left) < same(&found) || hides && left.len() <= found.len(),
            "as much is wrong as before\n{}",
            drawn()
        );
        assert!(!fix.title.is_empty() && fix.title.len() < 80, "{}", fix.title);
        codes.push(finding.code.clone());
    }
    codes
}

/// A function with these lines, which returns `height` in the end.
fn body(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "import torch\nimport math\ndef compute_reward(height: Tensor, object_pos: Tensor):\n{lines}    return height\n"
    )
}

#[test]
fn repairs_give_the_text_that_was_meant() {
    let schema = Schema::from_toml(EXAMPLE_SCHEMA).unwrap();
    for (source, expected) in [
        // A misspelt parameter is renamed wherever it is read.
        (
            "def compute_reward(hieght):\n    x = hieght + 1.0\n    return x * hieght\n".to_owned(),
            "def compute_reward(height):\n    x = height + 1.0\n    return x * height\n".to_owned(),
        ),
        // A variable that the function does not take yet.
        (
            body("x = tilt"),
            body("x = tilt").replace("object_pos: Tensor", "object_pos: Tensor, tilt: Tensor"),
        ),
        (
            "def compute_reward(\n    height: Tensor,\n):\n    return height - tilt\n".to_owned(),
            "def compute_reward(\n    height: Tensor,\n    tilt: Tensor,\n):\n    return height - tilt\n".to_owned(),
        ),
        (
            "def compute_reward(weight=2.0):\n    return weight * height.float()\n".to_owned(),
            "def compute_reward(height, weight=2.0):\n    return weight * height.float()\n".to_owned(),
        ),
        (
            "def compute_reward():\n    return height.float()\n".to_owned(),
            "def compute_reward(height):\n    return height.float()\n".to_owned(),
        ),
        (
            "def compute_dense_reward(self):\n    return height\n".to_owned(),
            "def compute_dense_reward(self):\n    return self.height\n".to_owned(),
        ),
        (
            "def compute_dense_reward(self):\n    return self.hieght\n".to_owned(),
            "def compute_dense_reward(self):\n    return self.height\n".to_owned(),
        ),
        (body("x = heihgt"), body("x = height")),
        (
            body("x = torch.nrom(object_pos, dim=-1)"),
            body("x = torch.norm(object_pos, dim=-1)"),
        ),
        (body("x = height.sqaure()"), body("x = height.square()")),
        (body("x = 2.0 * math.pie"), body("x = 2.0 * math.pi")),
        (body("x = true"), body("x = True")),
        (
            body("d = {\"reach\": height}\nx = d[\"raech\"]"),
            body("d = {\"reach\": height}\nx = d[\"reach\"]"),
        ),
        (
            body("x = torch.norm(object_pos, axes=-1)"),
            body("x = torch.norm(object_pos, dim=-1)"),
        ),
        (
            body("x = torch.clamp(height, minimum=0.0)"),
            body("x = torch.clamp(height, min=0.0)"),
        ),
        (
            body("x = torch.norm(object_pos)"),
            body("x = torch.norm(object_pos, dim=-1)"),
        ),
        (body("x = object_pos.mean()"), body("x = object_pos.mean(dim=-1)")),
        (body("x = height.mean()"), body("x = height")),
        (body("x = torch.mean(height * 2.0)"), body("x = (height * 2.0)")),
        (
            body("x = max(height, height * 2.0)"),
            body("x = torch.maximum(height, height * 2.0)"),
        ),
        (body("x = math.exp(height)"), body("x = torch.exp(height)")),
        (body("x = object_pos[0]"), body("x = object_pos[:, 0]")),
        (body("x = object_pos[1:2]"), body("x = object_pos[:, 1:2]")),
        (
            body("x = height > 1.0\nx += height"),
            body("x = height > 1.0\nx = x + height"),
        ),
        (
            body("return height.unsqueeze(-1), {\"up\": height}"),
            body("return height.unsqueeze(-1).squeeze(-1), {\"up\": height}"),
        ),
        (
            body("return height, {\"up\": -object_pos[:, :1]}"),
            body("return height, {\"up\": (-object_pos[:, :1]).squeeze(-1)}"),
        ),
        ("import os\n".to_owned() + &body("x = height"), body("x = height")),
        (
            "import troch\n".to_owned() + &body("x = height"),
            "import torch\n".to_owned() + &body("x = height"),
        ),
        (
            "@njit\n".to_owned() + &body("").replace("import torch\nimport math\n", ""),
            body("").replace("import torch\nimport math\n", ""),
        ),
        (body("d = {f\"reach\": height}"), body("d = {\"reach\": height}")),
        (body("x = height").replace("Tensor):", "Tensor)"), body("x = height")),
        (body("retrun height"), body("return height")),
        (
            format!("Sure!\n```python\n{}```\nDone.\n", body("x = height")),
            body("x = height"),
        ),
    ] {
        let found = findings(&source, &schema);
        let fix = found.iter().find_map(|finding| finding.fix.as_ref());
        let repaired = fix.map(|fix| fix.apply(&source));
        assert_eq!(
            repaired.as_deref(),
            Some(expected.as_str()),
            "{}",
            render(&found, &source, false)
        );
        take_each(&source, &schema);
    }
}

#[test]
fn what_is_not_certain_has_no_repair() {
    let schema = Schema::from_toml(EXAMPLE_SCHEMA).unwrap();
    for source in [
        // The right name is taken already.
        "def compute_reward(height, hieght):\n    return hieght\n".to_owned(),
        // The keyword that is meant is given as well.
        body("x = torch.norm(object_pos, dim=-1, axis=-1)"),
        // An import that something uses.
        "import os\n".to_owned() + &body("x = os.getpid()"),
        body("x = torch.rand(3)"),
        body("x = torch.mean(object_pos, dim=0)"),
    ] {
        let found = findings(&source, &schema);
        assert!(!found.is_empty(), "{source}");
        let fixes: Vec<_> = found.iter().filter_map(|finding| finding.fix.as_ref()).collect();
        assert!(fixes.is_empty(), "{source}\n{fixes:?}");
    }
}

#[test]
fn the_examples_of_the_catalogue() {
    let schema = Schema::from_toml(EXAMPLE_SCHEMA).unwrap();
    let mut with_repair = Vec::new();
    for code in Code::ALL.into_iter().filter(|code| code.severity() != Severity::Note) {
        with_repair.extend(take_each(&code.explanation().example.text(), &schema));
    }
    for code in [
        "unknown-name",
        "unknown-attribute",
        "wrong-arguments",
        "import",
        "batch-leak",
        "reply-text",
    ] {
        assert!(
            with_repair.iter().any(|other| other == code),
            "{code} has no repair: {with_repair:?}"
        );
    }
}

/// Every Python block of the dialect's pages that has an error, against the variables of its page.
#[test]
fn the_failing_programs_of_the_dialect() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect");
    let mut programs = 0;
    let mut repairs = 0;
    for page in std::fs::read_dir(pages).unwrap() {
        let text = std::fs::read_to_string(page.unwrap().path()).unwrap();
        let blocks = |language: &str| -> Vec<String> {
            text.split("\n```")
                .filter_map(|block| block.strip_prefix(language))
                .filter_map(|block| block.split_once('\n').map(|(_, block)| format!("{block}\n")))
                .collect()
        };
        let Some(schema) = blocks("toml").first().and_then(|toml| Schema::from_toml(toml).ok()) else {
            continue;
        };
        for program in blocks("python") {
            programs += 1;
            repairs += take_each(&program, &schema).len();
        }
    }
    assert!(programs > 100 && repairs > 10, "{programs} programs, {repairs} repairs");
}

/// A letter swapped, left out or doubled anywhere in a program that works: what is offered helps, or is not offered.
#[test]
fn slips_of_the_finger_in_a_program() {
    let schema = Schema::from_toml(EXAMPLE_SCHEMA).unwrap();
    let source = "import torch\n\ndef compute_reward(object_pos, goal_pos, height):\n    distance = torch.norm(object_pos - goal_pos, dim=-1)\n    reach = torch.exp(-2.0 * distance)\n    lift = torch.clamp(height, min=0.0, max=1.0)\n    total = reach + 0.5 * lift\n    return total, {\"reach\": reach, \"lift\": lift}\n";
    assert!(findings(source, &schema).is_empty());
    let mut repaired = 0;
    for at in 0..source.len() - 1 {
        let (before, after) = source.split_at(at);
        let mut letters = after.chars();
        let (first, second) = (letters.next().unwrap(), letters.next().unwrap());
        for slip in [
            format!("{before}{second}{first}{}", &after[2..]),
            format!("{before}{}", &after[1..]),
            format!("{before}{first}{after}"),
        ] {
            repaired += take_each(&slip, &schema).len();
        }
    }
    assert!(repaired > 150, "only {repaired} slips have a repair");
}
