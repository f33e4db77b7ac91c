//! From a model's answer to a proposal; the compiler's [`reply`] knows where in an answer the program stands.

use carrot_reward_compiler::reply;
use carrot_reward_interface::{Diagnostic, Severity};

use crate::proposer::Proposal;
use carrot_workbench::START;

/// The program in `reply`, without the text around it.
pub fn program(text: &str) -> Option<String> {
    let found = reply::program(text)?;
    Some(text[found.bytes].lines().map(|line| format!("{line}\n")).collect())
}

/// A proposal from an answer; one without a program carries the finding `no-code`.
pub fn proposal(reply: &str, file: &str) -> Proposal {
    match program(reply) {
        Some(text) => Proposal {
            text,
            note: String::new(),
            diagnostics: Vec::new(),
        },
        None => Proposal {
            text: reply.into(),
            note: String::new(),
            diagnostics: vec![Diagnostic {
                code: "no-code".into(),
                severity: Severity::Error,
                file: file.into(),
                span: START,
                message: "the answer holds no Python program".into(),
                help: Some("answer with one code block that starts with ```python and defines `compute_reward`".into()),
                fix: None,
            }],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_around_the_program_is_left_out() {
        let reply = "Here:\n```python\ndef f(x):\n    return x\n```\nDone.";
        assert_eq!(program(reply).as_deref(), Some("def f(x):\n    return x\n"));
        assert_eq!(
            program("def f(x):\n    return x").as_deref(),
            Some("def f(x):\n    return x\n")
        );
    }

    #[test]
    fn an_answer_without_code_is_a_finding() {
        let proposal = proposal("Sorry.", "g0c0.py");
        assert_eq!(proposal.text, "Sorry.");
        assert_eq!(proposal.diagnostics[0].code, "no-code");
    }
}
