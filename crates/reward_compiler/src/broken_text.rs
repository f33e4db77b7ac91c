//! What happened to a text that does not parse: glued to another one, or cut off.
//!
//! The parser reports the first token that does not fit, which is rarely the cause in files that a model's reply went into.
//! Both causes show in the text itself.

use std::ops::Range;

use crate::Author;

/// A cause, with the bytes where it shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// The cause of a syntax error, if the text shows it. `first_error` is where the parser found its first error.
pub(crate) fn cause(author: Author, text: &str, first_error: usize) -> Option<Cause> {
    let scan = Scan::of(text);
    glued(text, &scan).or_else(|| {
        let last_line = text[..scan.last_code].rfind('\n').map_or(0, |end| end + 1);
        // A bracket that is missing in the middle leaves brackets open as well, but disturbs the parser long before the end.
        let at_the_end = first_error >= last_line || scan.string.is_some();
        cut_off(author, text, &scan).filter(|_| at_the_end)
    })
}

/// What a pass over strings, comments and brackets finds.
#[derive(Default)]
struct Scan {
    /// Places where a word of code begins that starts a program: `import`, `from`, `def`.
    starts: Vec<usize>,
    /// Brackets that are still open at the end.
    open: Vec<(usize, u8)>,
    /// A string that is still open at the end.
    string: Option<usize>,
    /// Bytes of the last code, comments and blank lines left out.
    last_code: usize,
    /// A closing bracket had no partner, so the brackets say nothing.
    is_unbalanced: bool,
}

impl Scan {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut scan = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match byte {
                b'#' => {
                    at += bytes[at..]
                        .iter()
                        .position(|&byte| byte == b'\n')
                        .unwrap_or(bytes.len() - at);
                    continue;
                }
                b'"' | b'\'' => {
                    let end = end_of_string(bytes, at);
                    scan.string = if end.is_none() { Some(at) } else { None };
                    at = end.unwrap_or(bytes.len());
                    scan.last_code = at;
                    continue;
                }
                b'(' | b'[' | b'{' => scan.open.push((at, byte)),
                b')' | b']' | b'}' => scan.is_unbalanced |= scan.open.pop().is_none(),
                b'i' | b'f' | b'd' => {
                    let rest = &text[at..];
                    if starts_program(rest) {
                        scan.starts.push(at);
                    }
                }
                _ => {}
            }
            at += 1;
            while !text.is_char_boundary(at) {
                at += 1;
            }
            if !byte.is_ascii_whitespace() {
                scan.last_code = at;
            }
        }
        scan
    }
}

fn starts_program(rest: &str) -> bool {
    let module = |text: &str| {
        text.starts_with("torch") || text.starts_with("numpy") || text.starts_with("math") || text.starts_with("typing")
    };
    rest.strip_prefix("import ").is_some_and(module)
        || rest.strip_prefix("from ").is_some_and(|text| {
            let line = text.lines().next().unwrap_or_default();
            module(text) && line.contains(" import ")
        })
        || rest.strip_prefix("def ").is_some_and(|text| {
            let line = text.lines().next().unwrap_or_default();
            line.starts_with("compute_") && line.contains('(')
        })
}

/// The end of the string that starts at `at`; none if the text ends inside it.
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let is_triple = bytes[at..].starts_with(&[quote; 3]);
    let width = if is_triple { 3 } else { 1 };
    let mut end = at + width;
    while end < bytes.len() {
        match bytes[end] {
            b'\\' => end += 2,
            b'\n' if !is_triple => return Some(end),
            _ if bytes[end..].starts_with(&[quote; 3][..width]) => return Some(end + width),
            _ => end += 1,
        }
    }
    None
}

/// A line that goes on with the beginning of another program: `return total, termsimport torch`.
fn glued(text: &str, scan: &Scan) -> Option<Cause> {
    let at = scan.starts.iter().copied().find(|&at| {
        let before = &text[..at];
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        !line.trim().is_empty()
            && line
                .chars()
                .next_back()
                .is_some_and(|last| !last.is_whitespace() && last != ';')
    })?;
    let line = text[..at].matches('\n').count() + 1;
    let word = text[at..].split(' ').next().unwrap_or_default();
    Some(Cause {
        at: at..at + word.len(),
        message: format!(
            "two programs are glued together at line {line}; the second one begins here, without a line break before it"
        ),
        help: format!("keep one of the two programs, or begin a new line before `{word}`"),
    })
}

/// A text that ends inside a string, a bracket, a block header or an expression.
fn cut_off(author: Author, text: &str, scan: &Scan) -> Option<Cause> {
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    let code = &text[..scan.last_code];
    let last_line = &code[code.rfind('\n').map_or(0, |end| end + 1)..];
    let inside = if let Some(at) = scan.string {
        format!("inside the string that begins at line {}", line_of(at))
    } else if let Some(&(at, bracket)) = scan.open.last().filter(|_| !scan.is_unbalanced) {
        format!("inside the `{}` that opens at line {}", bracket as char, line_of(at))
    } else if last_line.trim_start().starts_with("def ") && last_line.ends_with(':') {
        "before the body of the last function".to_owned()
    } else if last_line.ends_with(':') {
        "before the body of the last block".to_owned()
    } else if last_line.trim_start().starts_with("def ") {
        "inside the header of the last function".to_owned()
    } else if last_line.ends_with(['+', '-', '*', '/', '=', ',', '<', '>', '.']) {
        "in the middle of the last expression".to_owned()
    } else {
        return None;
    };
    let end = scan.last_code;
    let start = end - code.chars().next_back().map_or(0, char::len_utf8);
    Some(Cause {
        at: start..end,
        message: format!("the text ends too early; {inside}"),
        help: match author {
            Author::Model => "the reply was probably cut off: ask for the rest, or complete the program".to_owned(),
            Author::Person => "complete the program".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use ruff_python_ast::PySourceType;
    use ruff_python_parser::parse_unchecked_source;

    use super::{Author, cause};

    #[test]
    fn causes_are_told() {
        for (text, expected) in [
            (
                "def f(x):\n    return x, termsimport torch\ndef f(x):\n",
                Some("glued together at line 2"),
            ),
            (
                "def f(x):\n    return x, {'a': x}from typing import Tuple\n",
                Some("glued together at line 2"),
            ),
            (
                "def f(x):\n    return (x\n",
                Some("inside the `(` that opens at line 2"),
            ),
            (
                "def f(x):\n    return x, {\n        'a': x,\n",
                Some("inside the `{` that opens at line 2"),
            ),
            (
                "def f(x):\n    \"\"\"Rewards\n    return x\n",
                Some("inside the string that begins at line 2"),
            ),
            (
                "def f(x):\n    return {'a",
                Some("inside the string that begins at line 2"),
            ),
            (
                "x = 1\ndef f(x):\n    # the sum\n",
                Some("before the body of the last function"),
            ),
            ("def f(x):\n    if x > 1:\n", Some("before the body of the last block")),
            ("def f(x):\n    y = x *\n", Some("in the middle of the last expression")),
            ("def f(x\n", Some("inside the `(`")),
            ("y = (🤖", Some("inside the `(`")),
            // A mistake in the middle is none of these.
            ("def f(x):\n    y = = x\n    return y\n", None),
            ("def f(x):\n    return x)\n", None),
            ("def f(x: Tensor:\n    return x, {}\n", None),
            // Words in strings and comments begin no program.
            (
                "def f(x):\n    y = = 'ximport torch'  # ximport torch\n    return y\n",
                None,
            ),
        ] {
            let parsed = parse_unchecked_source(text, PySourceType::Python);
            let first_error = parsed.errors()[0].location.start().to_usize();
            let message = cause(Author::Model, text, first_error).map(|cause| cause.message);
            match expected {
                Some(expected) => assert!(
                    message.as_deref().is_some_and(|m| m.contains(expected)),
                    "{text:?}: {message:?}"
                ),
                None => assert_eq!(message, None, "{text:?}"),
            }
        }
    }
}
