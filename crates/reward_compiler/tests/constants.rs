//! Which numbers of a program can be turned, and what they are called.

use std::path::Path;

use carrot_reward_compiler::constants::constants;

/// Names and literals, in the order of the text.
fn named(text: &str) -> Vec<(String, String)> {
    constants(text)
        .into_iter()
        .map(|constant| (constant.name, text[constant.range].to_owned()))
        .collect()
}

fn of(names: &[(&str, &str)]) -> Vec<(String, String)> {
    names
        .iter()
        .map(|(name, literal)| ((*name).to_owned(), (*literal).to_owned()))
        .collect()
}

#[test]
fn numbers_that_say_how_much() {
    for (text, expected) in [
        ("forward_weight = 2.0", vec![("forward_weight", "2.0")]),
        ("self.weight = -2", vec![("weight", "-2")]),
        (
            "total = 2.0 * forward - 0.5 * torch.abs(tilt)",
            vec![("forward weight", "2.0"), ("tilt weight", "0.5")],
        ),
        // A whole term goes by its own name.
        (
            "reach = -0.1 * torch.exp(-distance / 0.25)",
            vec![("reach weight", "-0.1"), ("distance scale", "0.25")],
        ),
        ("reach = torch.exp(-5.0 * distance)", vec![("distance factor", "-5.0")]),
        (
            "WEIGHTS = {\"reach\": 1.0, \"lift\": 4}",
            vec![("reach", "1.0"), ("lift", "4")],
        ),
        (
            "x = soft(h, bound=1.0, margin=0.3)",
            vec![("bound", "1.0"), ("margin", "0.3")],
        ),
        ("def f(x, scale=2.0):\n    return x", vec![("scale", "2.0")]),
        ("def g(x, width):\n    return x\ny = g(h, 0.3)", vec![("width", "0.3")]),
        (
            "ok = (height > 0.6) & (speed < 1)",
            vec![("height threshold", "0.6"), ("speed threshold", "1")],
        ),
        (
            "ok = 0.5 < height < 1.2",
            vec![("height threshold", "0.5"), ("height threshold (2)", "1.2")],
        ),
        (
            "x = torch.clamp(height - 0.3, min=-1.0, max=2.0)",
            vec![("height offset", "0.3"), ("height min", "-1.0"), ("height max", "2.0")],
        ),
        ("x = min(speed, 3.0)", vec![("speed max", "3.0")]),
        ("reward += 5.0", vec![("reward bonus", "5.0")]),
        ("x = torch.where(fallen, -10.0, 0.0)", vec![("fallen value", "-10.0")]),
        (
            "target = torch.tensor([0.5, 0.0, 0.3])",
            vec![("target[0]", "0.5"), ("target[1]", "0.0"), ("target[2]", "0.3")],
        ),
        ("bias = 0.0", vec![("bias", "0.0")]),
        ("x = y + 0.0 * effort", vec![("effort weight", "0.0")]),
        ("x = torch.pow(d, 1.5)", vec![("d exponent", "1.5")]),
        (
            "x = 2.0 * f + 3.0 * f",
            vec![("f weight", "2.0"), ("f weight (2)", "3.0")],
        ),
        ("gain = 1e-3", vec![("gain", "1e-3")]),
        // Columns and lines count characters; a text with mistakes is read as far as it goes.
        ("größe = 'α'; β = 2.0", vec![("β", "2.0")]),
        (
            "a = 2.0\nb = = 1\nc = 3.0\n",
            vec![("a", "2.0"), ("b", "1"), ("c", "3.0")],
        ),
        (
            "def f(x):\n    weight = 2.0\n    return (weight * x\n",
            vec![("weight", "2.0")],
        ),
        (
            "Sure:\n```python\ndef f(x):\n    return 2.0 * x\n```\n",
            vec![("x weight", "2.0")],
        ),
    ] {
        assert_eq!(named(text), of(&expected), "{text}");
    }
}

#[test]
fn numbers_that_say_how() {
    for text in [
        "x = y[0] + y[:, 3:5] + y[-1]",
        "x = torch.norm(y, 2, -1) + y.sum(dim=1) + y.mean(1)",
        "x = y.view(-1, 3).permute(0, 2, 1).unsqueeze(-1)",
        "for i in range(4):\n    x = y[i]",
        "foot = 2\nx = y[foot]",
        "for leg in range(4):\n    first = 3 * leg\n    x = y[first]",
        "x = y ** 2 + y ** 0.5 + torch.pow(y, 2)",
        "x = 1.0 - torch.tanh(y) + 1 / (1 + y)",
        "x = 2.0 * math.pi + 2.0 * torch.acos(torch.clamp(y, -1.0, 1.0))",
        "x = y / (z + 1e-6)",
        "total = 0.0\ntotal += y",
        "up = torch.tensor([0.0, 0.0, 1.0])",
        "joints = [0, 3, 5]",
        "x = y % 2 + y // 2",
        "is_two = stage == 2",
        "x = torch.zeros(3) + torch.full((2, 3), y) + torch.linspace(0.0, 1.0, 5)",
        "if robot.check_grasp(cube, max_angle=30):\n    x = y",
        "x = -y * -1",
        "def f(x: Tuple[int, 3]):\n    \"\"\"About 2.0.\"\"\"\n    # 3.0\n    return x",
        "x = y > 0",
        "",
        "((((",
    ] {
        assert_eq!(named(text), of(&[]), "{text}");
    }
}

#[test]
fn values_and_places() {
    let text = "α = 1\nβ = -0.25\n";
    let found = constants(text);
    let places: Vec<_> = found
        .iter()
        .map(|c| (c.value, c.is_integer, c.line, c.column))
        .collect();
    assert_eq!(places, [(1.0, true, 1, 5), (-0.25, false, 2, 5)]);
    // Beyond the limits of the compiler there is nothing to turn.
    assert!(constants(&format!("x = {}1.5{}", "(".repeat(300), ")".repeat(300))).is_empty());
    assert!(constants(&"x = 1.5\n".repeat(5_000)).is_empty());
}

/// What the shipped programs have: each name once in its line, each literal the number that it says, and enough of them.
#[test]
fn the_shipped_programs_have_constants() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reward_programs")];
    let (mut programs, mut turnable) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "py") {
                continue;
            }
            programs += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let found = constants(&text);
            turnable += usize::from(found.len() >= 2);
            let mut names: Vec<_> = found.iter().map(|constant| (constant.line, &constant.name)).collect();
            names.sort();
            assert!(
                names.windows(2).all(|pair| pair[0] != pair[1]),
                "{}: {names:?}",
                path.display()
            );
            for constant in &found {
                let literal = &text[constant.range.clone()];
                assert_eq!(literal.replace(['_', ' '], "").parse(), Ok(constant.value), "{literal}");
                assert!(!constant.name.is_empty());
            }
        }
    }
    assert!(
        turnable * 10 > programs * 8,
        "{turnable} of {programs} programs have sliders"
    );
}
