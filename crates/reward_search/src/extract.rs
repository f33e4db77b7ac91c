//! Finds the program in a model's answer.
//!
//! Models write prose around code, several code blocks, blocks without an end, or no block at all. Everything inside the
//! chosen block is kept, helper functions and imports included: cutting at the last `def` loses them.

use carrot_reward_interface::{Diagnostic, Severity};

use crate::proposer::Proposal;
use crate::workbench::START;

/// The program in `reply`: the last Python block that defines a function, else the last block of any kind that does,
/// else the text itself from its first line of code on.
pub fn program(reply: &str) -> Option<String> {
    let blocks = blocks(reply);
    let defining = |block: &&Block| defines_function(&block.text);
    blocks
        .iter()
        .rev()
        .filter(|block| matches!(block.language.as_str(), "python" | "py" | "python3"))
        .find(defining)
        .or_else(|| blocks.iter().rev().find(defining))
        .map(|block| block.text.clone())
        .or_else(|| bare(reply))
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
            }],
        },
    }
}

struct Block {
    language: String,
    text: String,
}

fn blocks(reply: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in reply.lines() {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim().to_lowercase(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    // An answer that was cut off has no closing fence; the compiler says where it ends.
    found.extend(open);
    found
}

fn bare(reply: &str) -> Option<String> {
    if reply.contains("```") || !defines_function(reply) {
        return None;
    }
    let starts_code = |line: &&str| {
        ["import ", "from ", "def ", "@"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let skipped = reply.lines().position(|line| starts_code(&line))?;
    Some(reply.lines().skip(skipped).map(|line| format!("{line}\n")).collect())
}

fn defines_function(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("def "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_program() {
        for (reply, expected) in [
            (
                "Sure!\n```python\ndef f(x):\n    return x\n```\nDone.",
                Some("def f(x):\n    return x\n"),
            ),
            (
                "```python\nold = 1\ndef f(): pass\n```\nBetter:\n```python\ndef g(): pass\n```",
                Some("def g(): pass\n"),
            ),
            // A usage example after the program is not the program.
            (
                "```python\ndef f(): pass\n```\n```python\nf()\n```",
                Some("def f(): pass\n"),
            ),
            (
                "```\nimport torch\ndef f(): pass\n```",
                Some("import torch\ndef f(): pass\n"),
            ),
            // Helpers before and after the reward function stay.
            (
                "```py\ndef help(): pass\ndef compute_reward(): pass\ndef after(): pass\n```",
                Some("def help(): pass\ndef compute_reward(): pass\ndef after(): pass\n"),
            ),
            (
                "Here:\nimport torch\ndef f():\n    pass",
                Some("import torch\ndef f():\n    pass\n"),
            ),
            ("```python\ndef f():\n    retur", Some("def f():\n    retur\n")),
            ("I cannot do that.", None),
            ("", None),
        ] {
            assert_eq!(program(reply).as_deref(), expected, "{reply:?}");
        }
    }

    #[test]
    fn an_answer_without_code_is_a_finding() {
        let proposal = proposal("Sorry.", "g0c0.py");
        assert_eq!(proposal.text, "Sorry.");
        assert_eq!(proposal.diagnostics[0].code, "no-code");
    }
}
