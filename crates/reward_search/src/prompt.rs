//! The conversations that language models read.
//!
//! As in Eureka, the memory is one step long: rules, task, the best program so far, and its reflection; and what people
//! said. The texts are templates in `prompts/`.

use carrot_environment::Task;
use carrot_reward_compiler::render;
use carrot_reward_interface::{DType, Diagnostic, Schema, Variable};
use carrot_run_record::{Candidate, Outcome, Program};
use minijinja::{Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};

use crate::reflection::reflect;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing rules.
    System,
    /// We.
    User,
    /// The model, earlier.
    Assistant,
}

/// One message of a conversation, in the form that the chat-completions protocol uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// The conversation that asks for new programs: with the program to build on and its reflection, where there is one, with
/// the findings of the previous round, where all of it failed, and with what people said, where they did.
///
/// Many servers want roles to take turns, so what people said is no message of its own.
pub fn generate(
    task: &Task,
    base: Option<&Candidate>,
    failed_round: &[&Candidate],
    people: Option<&str>,
) -> Vec<Message> {
    let failures: Vec<String> = failed_round.iter().map(|candidate| findings(candidate)).collect();
    let mut messages = opening(task, &failures);
    if let Some(candidate) = base
        && let Outcome::Evaluated(evaluated) = &candidate.outcome
    {
        // The reflection ends with what is to be done, so the people's word stands before it.
        let before = people.map_or(String::new(), |people| format!("{people}\n\n"));
        messages.push(message(Role::Assistant, block(source(candidate))));
        messages.push(message(Role::User, before + &reflect(evaluated)));
    } else if let (Some(people), Some(last)) = (people, messages.last_mut()) {
        last.content += &format!("\n\n{people}");
    }
    messages
}

/// The conversation that asks to repair `candidate`.
pub fn repair(task: &Task, candidate: &Candidate) -> Vec<Message> {
    let mut messages = opening(task, &[]);
    messages.push(message(Role::Assistant, block(source(candidate))));
    let text = fill(
        "repair.jinja",
        context! {
            stopped => matches!(candidate.outcome, Outcome::Stopped { .. }),
            findings => findings(candidate),
        },
    );
    messages.push(message(Role::User, text));
    messages
}

/// What kept a candidate from being evaluated, as a person reads it; empty for an evaluated one.
pub fn findings(candidate: &Candidate) -> String {
    match &candidate.outcome {
        Outcome::Rejected { diagnostics } if is_about_text(diagnostics) => {
            render(diagnostics, source(candidate), false)
        }
        Outcome::Rejected { diagnostics } => lines(diagnostics.iter()),
        Outcome::Stopped { stop } => stop.to_string(),
        Outcome::Evaluated(_) => String::new(),
    }
}

/// The text of a candidate; empty for a foreign module.
pub fn source(candidate: &Candidate) -> &str {
    match &candidate.program {
        Program::Source { text, .. } => text,
        Program::Wasm { .. } => "",
    }
}

/// The variables as a typed list, one line each: what the checker knows is what the model reads.
pub fn variable_list(schema: &Schema) -> String {
    lines(schema.variables.iter().map(describe))
}

pub(crate) fn fill(template: &str, values: minijinja::Value) -> String {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in [
        ("system.jinja", include_str!("../prompts/system.jinja")),
        ("task.jinja", include_str!("../prompts/task.jinja")),
        ("reflection.jinja", include_str!("../prompts/reflection.jinja")),
        ("repair.jinja", include_str!("../prompts/repair.jinja")),
        ("people.jinja", include_str!("../prompts/people.jinja")),
    ] {
        templates
            .add_template(name, text)
            .expect("the templates are ours and parse");
    }
    templates
        .get_template(template)
        .and_then(|template| template.render(values))
        .expect("the templates are ours and every value is given")
        .trim_end()
        .to_owned()
}

fn opening(task: &Task, failures: &[String]) -> Vec<Message> {
    let system = fill("system.jinja", context! { signature => signature(&task.schema) });
    let user = fill(
        "task.jinja",
        context! {
            task => task.id.as_str(),
            instruction => task.instruction.as_str(),
            control_dt => format!("{:.4}", task.control_dt_secs()).trim_end_matches('0'),
            horizon => task.horizon,
            variables => variable_list(&task.schema),
            failures => failures.to_vec(),
        },
    );
    vec![message(Role::System, system), message(Role::User, user)]
}

/// Programs of this dialect take variables as parameters, so only plain names can appear.
fn signature(schema: &Schema) -> String {
    let named: Vec<&str> = schema
        .variables
        .iter()
        .map(|variable| variable.name.as_str())
        .filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .take(2)
        .collect();
    let parameters: Vec<String> = named.iter().map(|name| format!("{name}: Tensor")).collect();
    format!(
        "def compute_reward({}) -> Tuple[Tensor, Dict[str, Tensor]]:",
        parameters.join(", ")
    )
}

fn describe(variable: &Variable) -> String {
    let dtype = match variable.dtype {
        DType::Float | DType::F32 => "float32",
        DType::F64 => "float64",
        DType::Bool => "bool",
        DType::I64 => "int64",
        DType::Pose => "Pose",
        DType::Str => "str",
    };
    let mut dimensions: Vec<String> = if variable.uniform { Vec::new() } else { vec!["N".into()] };
    dimensions.extend(variable.shape.iter().map(usize::to_string));
    let mut text = format!("{}: {dtype}[{}]", variable.name, dimensions.join(", "));
    if let Some(unit) = &variable.unit {
        text += &format!(", unit {unit}");
    }
    if let Some(frame) = &variable.frame {
        text += &format!(", frame {frame}");
    }
    if let Some([low, high]) = variable.range {
        text += &format!(", usually {low} to {high}");
    }
    if !variable.doc.is_empty() {
        text += &format!("  # {}", variable.doc);
    }
    text
}

fn message(role: Role, content: String) -> Message {
    Message { role, content }
}

fn block(source: &str) -> String {
    format!("```python\n{}\n```", source.trim_end())
}

/// Findings such as `no-code` concern a whole answer; a caret under its first letter would mislead.
fn is_about_text(diagnostics: &[Diagnostic]) -> bool {
    !diagnostics
        .iter()
        .any(|diagnostic| matches!(diagnostic.code.as_str(), "no-code" | "module-refused"))
}

fn lines<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn variables_are_a_typed_list() {
        let schema = Schema::from_toml(
            r#"
            [variable.joint_angles]
            shape = [3]
            unit = "rad"
            range = [-2.5, 0.8]
            doc = "hip, knee, ankle"
            [variable.control_dt]
            uniform = true
            unit = "s"
            [variable.on_ground]
            dtype = "bool"
            frame = "world"
            "#,
        )
        .unwrap();
        expect![[r#"
            control_dt: float32[], unit s
            joint_angles: float32[N, 3], unit rad, usually -2.5 to 0.8  # hip, knee, ankle
            on_ground: bool[N], frame world"#]]
        .assert_eq(&variable_list(&schema));
    }

    #[test]
    fn the_rules_show_a_signature_of_this_task() {
        let schema =
            Schema::from_toml("[variable.torso_height]\n[variable.\"robot.p\"]\n[variable.control]\nshape=[3]")
                .unwrap();
        let text = fill("system.jinja", context! { signature => signature(&schema) });
        assert!(
            text.contains("def compute_reward(control: Tensor, torso_height: Tensor) -> Tuple"),
            "{text}"
        );
    }

    #[test]
    fn a_repair_shows_what_stopped_the_program() {
        for (stopped, expected) in [(true, "it stopped while it ran:"), (false, "cannot be used:")] {
            let text = fill(
                "repair.jinja",
                context! { stopped => stopped, findings => "error[x]: y" },
            );
            assert!(text.contains(expected) && text.contains("error[x]: y"), "{text}");
        }
    }
}
