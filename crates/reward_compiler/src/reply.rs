//! Finds the program in a model's answer.
//!
//! Models write prose around code, several code blocks, blocks without an end, or no block at all. Everything inside the
//! chosen block is kept, helper functions and imports included: cutting at the last `def` loses them.

use std::ops::Range;

/// Where the program stands in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the program in the answer.
    pub bytes: Range<usize>,
    /// First and last line, counted from 1.
    pub lines: (u32, u32),
    /// How many code blocks define a function; 0 for a program without fences.
    pub blocks: usize,
}

/// The program in `reply`: the last Python block that defines a function, else the last block of any kind that does,
/// else the text itself from its first line of code on.
pub fn program(reply: &str) -> Option<Found> {
    let blocks: Vec<Block> = blocks(reply)
        .into_iter()
        .filter(|block| defines_function(&reply[block.bytes.clone()]))
        .collect();
    let is_python = |block: &&Block| matches!(block.language.as_str(), "python" | "py" | "python3");
    if let Some(block) = blocks.iter().rev().find(is_python).or(blocks.last()) {
        return Some(found(reply, block.bytes.clone(), blocks.len()));
    }
    if has_fence(reply) || !defines_function(reply) {
        return None;
    }
    let starts_code = |line: &str| {
        ["import ", "from ", "def ", "@"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut at = 0;
    for line in reply.split_inclusive('\n') {
        if starts_code(line) {
            return Some(found(reply, at..reply.len(), 0));
        }
        at += line.len();
    }
    None
}

/// Whether some line opens or closes a code block.
pub fn has_fence(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("```"))
}

/// The answer with everything but the program turned into spaces, so that lines, columns and bytes keep their places.
pub fn blanked(reply: &str, program: &Range<usize>) -> String {
    let spaces = |text: &str| -> String {
        let blank = text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' });
        blank.collect()
    };
    let mut text = spaces(&reply[..program.start]);
    text += &reply[program.clone()];
    text += &spaces(&reply[program.end..]);
    text
}

struct Block {
    language: String,
    bytes: Range<usize>,
}

fn found(reply: &str, bytes: Range<usize>, blocks: usize) -> Found {
    let first = reply[..bytes.start].matches('\n').count() as u32 + 1;
    let length = reply[bytes.clone()].lines().count() as u32;
    Found {
        lines: (first, first + length.saturating_sub(1)),
        bytes,
        blocks,
    }
}

fn blocks(reply: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut at = 0;
    for line in reply.split_inclusive('\n') {
        let end = at + line.len();
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim().to_lowercase(),
                    bytes: end..end,
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => block.bytes.end = end,
            (None, None) => {}
        }
        at = end;
    }
    // An answer that was cut off has no closing fence; the compiler says where it ends.
    found.extend(open);
    found
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
                Some("import torch\ndef f():\n    pass"),
            ),
            ("```python\ndef f():\n    retur", Some("def f():\n    retur")),
            ("I cannot do that.", None),
            ("", None),
        ] {
            let text = program(reply).map(|found| &reply[found.bytes]);
            assert_eq!(text, expected, "{reply:?}");
        }
    }

    #[test]
    fn lines_and_bytes_keep_their_places() {
        let reply = "Größe:\n```python\ndef f(): pass\n```\nEnde — ok\n";
        let found = program(reply).unwrap();
        assert_eq!((found.lines, found.blocks), ((3, 3), 1));
        let blanked = blanked(reply, &found.bytes);
        assert_eq!(blanked.len(), reply.len());
        assert_eq!(blanked.lines().nth(2), Some("def f(): pass"));
        assert!(
            blanked
                .lines()
                .enumerate()
                .all(|(at, line)| at == 2 || line.trim().is_empty())
        );
    }
}
