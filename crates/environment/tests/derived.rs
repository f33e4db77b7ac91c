//! Derived variables from their text to the observation: formulas, functions, and what they depend on.

mod support;

use std::sync::Arc;

use carrot_environment::{DerivedText, Task, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Diagnostic, StopCause};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use support::{Cartpole, Files, Measures, Row, actions};

fn nothing(_: &Row<'_>) -> [f64; 3] {
    [0.0; 3]
}

fn with(variables: &str, derived: &str) -> Files {
    let files = Cartpole::new();
    let path = files.path("env.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + variables).unwrap();
    if !derived.is_empty() {
        std::fs::write(files.path("derived.py"), derived).unwrap();
    }
    files
}

/// The compiled program of a task's derived variables.
fn attach(task: Task) -> Result<Task, Vec<Diagnostic>> {
    let DerivedText { source, outputs, .. } = task.derived.as_ref().unwrap();
    let outputs: Vec<(&str, &str)> = outputs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let compiled = compile(source, "derived.py", &task.schema, Entry::Variables(&outputs));
    let Some(module) = compiled.module else {
        return Err(task.derived.as_ref().unwrap().located(compiled.diagnostics));
    };
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let program = sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap();
    Ok(task.with_derived(Arc::new(program)))
}

const VARIABLES: &str = r#"
[variable.lean]
source = { expression = "torch.abs(pole_angle) + 0.5 * lean_before" }
[variable.lean_before]
source = { previous = "lean" }
[variable.tip_xz]
shape = [2]
source = { expression = "self.tip.p[:, [0, 2]]" }
[variable.is_left]
dtype = "bool"
source = "derived"
[surface]
"tip.p" = "tip_position"
"info['left']" = "is_left"
"#;

const DERIVED: &str = "
from torch import Tensor

LIMIT = 0.0

def is_left(tip_xz: Tensor) -> Tensor:
    return tip_xz[:, 0] < LIMIT
";

#[test]
fn formulas_and_functions_fill_the_row() {
    let files = with(VARIABLES, DERIVED).edit(
        "task.toml",
        "observation = [",
        "observation = [\"lean\", \"info['left']\", ",
    );
    let task = attach(files.task()).unwrap();
    for all in [false, true] {
        let measures = Measures::new(&task, nothing);
        let mut env = if all {
            VecEnv::with_all_variables(&task, measures.programs(), 3, 2, 2).unwrap()
        } else {
            VecEnv::new(&task, measures.programs(), 3, 2, 2).unwrap()
        };
        let mut before = [0.0; 3];
        for step in 0..400 {
            for (index, before) in before.iter_mut().enumerate() {
                let batch = env.variables();
                let get = |name: &str| batch.row(&task.schema, task.schema.index(name).unwrap(), index);
                let angle = get("pole_angle")[0] as f32;
                let tip = get("tip_position");
                let left = f64::from((tip[0] as f32) < 0.0);
                // In f32, as the reward language computes; the first value builds on itself.
                let lean = match step {
                    0 => angle.abs() + 0.5 * angle.abs(),
                    _ => angle.abs() + 0.5 * *before as f32,
                };
                assert!(
                    (get("lean")[0] - f64::from(lean)).abs() < 1e-6,
                    "step {step}: {lean} {:?}",
                    get("lean")
                );
                let observed = &env.observations()[index * 6..index * 6 + 2];
                assert_eq!(observed, [get("lean")[0] as f32, left as f32]);
                assert_eq!(get("is_left"), [left]);
                assert_eq!(get("tip_xz"), [f64::from(tip[0] as f32), f64::from(tip[2] as f32)]);
                *before = get("lean")[0];
            }
            env.step(&actions(step, 3)).unwrap();
        }
    }
}

#[test]
fn what_nobody_attached_is_said() {
    let files = with(VARIABLES, DERIVED).edit("task.toml", "observation = [", "observation = [\"lean\", ");
    let task = files.task();
    let stop = support::env(&task, nothing, 1, 0, 1).err().unwrap();
    assert!(matches!(stop.cause, StopCause::Trap { .. }), "{stop}");
    assert!(stop.to_string().contains("not attached"), "{stop}");
}

#[test]
fn a_derived_variable_that_is_no_number_is_a_fault_of_its_environment() {
    let files = with(
        "[variable.bad]\nsource = { expression = \"torch.log(time - 0.05)\" }\n",
        "",
    )
    .edit("task.toml", "observation = [", "observation = [\"bad\", ");
    let task = attach(files.task()).unwrap();
    let stop = support::env(&task, nothing, 1, 0, 1).err().unwrap();
    assert!(stop.to_string().contains("bad"), "{stop}");
    let later = with(
        "[variable.bad]\nsource = { expression = \"torch.log(0.05 - time)\" }\n",
        "",
    )
    .edit("task.toml", "observation = [", "observation = [\"bad\", ");
    let task = attach(later.task()).unwrap();
    let mut env = support::env(&task, nothing, 2, 0, 1).unwrap();
    let faulted: Vec<bool> = (0..3).map(|_| env.step(&[0.0; 2]).unwrap().faulted[0]).collect();
    assert_eq!(faulted, [false, false, true]);
    let fault = env.step_data().episodes[0].fault.clone().unwrap();
    assert!(fault.contains("bad"), "{fault}");
}

#[test]
fn mistakes_are_shown_where_they_were_made() {
    let last_line = std::fs::read_to_string(Cartpole::new().path("env.toml"))
        .unwrap()
        .lines()
        .count() as u32;
    for (variables, derived, file, line, expected) in [
        (
            "[variable.x]\nsource = { expression = \"pole_angel * 2\" }\n",
            "",
            "env.toml",
            last_line + 2,
            "pole_angel",
        ),
        (
            "[variable.y]\nsource = { expression = \"time\" }\n[variable.x]\nsource = { expression = '''\ntime +\n  tip_position''' }\n",
            "",
            "env.toml",
            last_line + 5,
            "f32[N, 3]",
        ),
        (
            "[variable.x]\nsource = { expression = \"time +\" }\n",
            "",
            "env.toml",
            last_line + 2,
            "",
        ),
        (
            "[variable.x]\nsource = \"derived\"\n",
            "\n\ndef x(tip_position):\n    return tip_position\n",
            "derived.py",
            4,
            "has the shape [N]",
        ),
        (
            "[variable.x]\nsource = { previous = \"z\" }\n[variable.z]\nsource = { expression = \"y\" }\n[variable.y]\nsource = { expression = \"z\" }\n",
            "",
            "env.toml",
            last_line + 4,
            "is computed from itself",
        ),
    ] {
        let found = attach(with(variables, derived).task()).err().expect(variables);
        let hit = found.iter().any(|diagnostic| {
            diagnostic.file.ends_with(file) && diagnostic.span.line == line && diagnostic.message.contains(expected)
        });
        assert!(hit, "{variables}: {found:#?}");
    }
    for (variables, expected) in [
        ("[variable.x]\nsource = \"derived\"\n", "there is no file `derived.py`"),
        (
            "[variable.x]\nsource = { expression = \"  \" }\n",
            "the expression is empty",
        ),
        (
            "[variable.x]\nsource = { previous = \"y\" }\n[variable.y]\nsource = { previous = \"x\" }\n",
            "in a circle",
        ),
        (
            "[variable.x]\nsource = { previous = \"tmie\" }\n",
            "did you mean `time`?",
        ),
    ] {
        let message = with(variables, "").load().err().expect(variables).to_string();
        assert!(message.contains(expected) && message.contains("line "), "{message}");
    }
}
