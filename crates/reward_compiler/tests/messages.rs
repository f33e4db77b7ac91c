//! What the reader of a message sees. `UPDATE_EXPECT=1 cargo test -p carrot-reward-compiler` accepts new drawings.

use carrot_reward_compiler::{Author, Entry, compile, compile_by, render};
use carrot_reward_interface::Schema;
use expect_test::{Expect, expect};

const SCHEMA: &str = r#"
[variable.object_pos]
shape = [3]
unit = "m"
doc = "a position"
[variable.object_rot]
shape = [4]
doc = "a quaternion (wxyz)"
[variable.torso_height]
unit = "m"
"#;

fn check(source: &str, expected: Expect) {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let compiled = compile(source, "candidate_07.py", &schema, Entry::Reward);
    expected.assert_eq(&(render(&compiled.diagnostics, source, false) + "\n"));
}

#[test]
fn shapes_that_do_not_fit() {
    check(
        "def compute_reward(object_pos, object_rot):\n    distance = object_pos - object_rot\n    return distance[:, 0]\n",
        expect![[r#"
            error[shape-mismatch]: cannot subtract f32[N, 4] from f32[N, 3]
             --> candidate_07.py:2:16
              |
            2 |     distance = object_pos - object_rot
              |                ^^^^^^^^^^^^^^^^^^^^^^^ `object_pos` is a position (m), `object_rot` is a quaternion (wxyz)
        "#]],
    );
}

#[test]
fn a_misspelt_variable() {
    check(
        "def compute_reward(torso_hieght):\n    return torso_hieght\n",
        expect![[r#"
            error[unknown-name]: this task has no variable `torso_hieght`
             --> candidate_07.py:1:20
              |
            1 | def compute_reward(torso_hieght):
              |                    ^^^^^^^^^^^^
              |
              = help: did you mean `torso_height`?
        "#]],
    );
}

#[test]
fn text_that_is_not_python() {
    check(
        "def compute_reward(torso_height):\n    return (torso_height\n",
        expect![[r#"
            error[syntax-error]: the text ends too early
             --> candidate_07.py:2:24
              |
            2 |     return (torso_height
              |                        ^ inside the `(` that opens at line 2
              |
              = help: the reply was probably cut off: ask for the rest, or complete the program
        "#]],
    );
}

/// Who is writing hears of what he writes, and not of replies.
#[test]
fn a_person_is_told_in_other_words() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let program = "import torch\ndef compute_reward(torso_height):\n    return torso_height\n";
    let fenced = format!("Here it is:\n```python\n{program}```\n");
    for (text, line, message, help) in [
        (format!("so\nthe reward is\n{program}"), 2, "", "this line is no Python"),
        (
            program.replace("torso_height\n", "(torso_height\n"),
            3,
            "the text ends too early",
            "complete the program",
        ),
        (fenced, 3, "this text is a reply", "keep only the program"),
    ] {
        let compiled = compile_by(Author::Person, &text, "reward.py", &schema, Entry::Reward);
        let finding = &compiled.diagnostics[0];
        assert_eq!(finding.span.line, line, "{text}: {finding:?}");
        assert!(finding.message.starts_with(message), "{finding:?}");
        assert!(finding.help.as_ref().unwrap().starts_with(help), "{finding:?}");
        assert_eq!(compiled.module.is_some(), text.contains("```"));
    }
}

#[test]
fn a_wrong_argument() {
    check(
        "def compute_reward(object_pos: Tensor):\n    return torch.norm(object_pos, axes=-1)\n",
        expect![[r#"
            error[wrong-arguments]: `torch.norm` has no parameter `axes`
             --> candidate_07.py:2:12
              |
            2 |     return torch.norm(object_pos, axes=-1)
              |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: its parameters are `torch.norm(input, [p], [dim], [keepdim], [dtype])`
        "#]],
    );
}

#[test]
fn a_term_of_the_wrong_shape() {
    check(
        "def compute_reward(object_pos: Tensor, torso_height: Tensor):\n    return torso_height, {\"reach\": -object_pos.norm(dim=-1, keepdim=True)}\n",
        expect![[r#"
            error[term-shape]: `reach` is f32[N, 1], and one number per environment (f32[N]) is needed
             --> candidate_07.py:2:36
              |
            2 |     return torso_height, {"reach": -object_pos.norm(dim=-1, keepdim=True)}
              |                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: take the last axis away with `.squeeze(-1)`
        "#]],
    );
}

#[test]
fn a_task_program_lacks_a_function() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let source = "def fitness(torso_height):\n    return torso_height\n";
    let compiled = compile(source, "task.py", &schema, Entry::Functions(&["fitness", "success"]));
    assert_eq!(compiled.diagnostics[0].code, "no-entry");
    assert_eq!(compiled.diagnostics[0].message, "there is no function `success`");
}

#[test]
fn the_functions_of_a_task_become_terms() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let source = "def fitness(torso_height):\n    return torso_height\ndef terminated(torso_height):\n    return (torso_height < 0.7) | (torch.abs(torso_height) > 2.0)\n";
    let compiled = compile(source, "task.py", &schema, Entry::Functions(&["fitness", "terminated"]));
    let module = compiled.module.unwrap();
    let terms: Vec<&str> = module.interface.terms.iter().map(|term| term.name.as_str()).collect();
    assert_eq!(terms, ["fitness", "terminated"]);
    assert_eq!(module.interface.inputs.len(), 1);
}
