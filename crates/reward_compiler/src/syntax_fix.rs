//! Repairs of text that is not Python, each tried before it is offered: a repair leaves fewer mistakes than there were.
//!
//! The parser says where it stopped, not what was meant, so the few usual slips are tried one after the other at that
//! place: a colon that is missing, a misspelt keyword, a bracket left open, characters of a word processor.

use carrot_reward_interface::Fix;
use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;

use crate::position::Positions;
use crate::token_limits;

/// A replacement of bytes of the text, and what it does.
struct Attempt {
    start: usize,
    end: usize,
    replacement: String,
    title: String,
}

/// The first usual repair at the parser's first error that leaves fewer errors than there are.
pub(crate) fn repair(text: &str, first_error: usize, errors: usize, positions: &Positions<'_>) -> Option<Fix> {
    let at = (0..=first_error.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))?;
    let attempt = attempts(text, at).into_iter().find(|attempt| {
        let repaired = format!(
            "{}{}{}",
            &text[..attempt.start],
            attempt.replacement,
            &text[attempt.end..]
        );
        if token_limits::check(&repaired).is_err() {
            return false;
        }
        let parsed = parse_unchecked_source(&repaired, PySourceType::Python);
        let first = parsed
            .errors()
            .iter()
            .map(|error| error.location.start().to_usize())
            .min();
        let moved = attempt.start + attempt.replacement.len();
        parsed.errors().len() < errors && first.is_none_or(|first| first > first_error.max(moved))
    })?;
    let span = positions.span_of_bytes(attempt.start, attempt.end);
    Some(Fix::replace(span, attempt.replacement, attempt.title))
}

/// A formatted string without anything to format is a plain one.
pub(crate) fn plain_string(text: &str, start: usize, positions: &Positions<'_>) -> Option<Fix> {
    let rest = &text[start..];
    let quote_at = rest.find(['"', '\''])?;
    let quote = rest[quote_at..].chars().next()?;
    let inside = rest[quote_at + 1..].split([quote, '\n']).next()?;
    if inside.is_empty() || inside.contains(['{', '}', '\\']) {
        return None;
    }
    let prefix = rest[..quote_at].replace(['f', 'F', 't', 'T'], "");
    let span = positions.span_of_bytes(start, start + quote_at);
    Some(Fix::replace(span, prefix, "make it a plain string"))
}

const KEYWORDS: [&str; 16] = [
    "def", "return", "import", "from", "for", "if", "elif", "else", "in", "and", "or", "not", "lambda", "while",
    "pass", "as",
];

/// Words and signs of other languages, and of word processors.
const FOREIGN: [(&str, &str); 14] = [
    ("&&", "and"),
    ("||", "or"),
    ("else if", "elif"),
    ("function", "def"),
    ("func", "def"),
    ("fn", "def"),
    ("“", "\""),
    ("”", "\""),
    ("‘", "'"),
    ("’", "'"),
    ("−", "-"),
    ("–", "-"),
    ("×", "*"),
    ("·", "*"),
];

fn attempts(text: &str, at: usize) -> Vec<Attempt> {
    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let mut attempts = foreign(text, line_start, line_end);
    attempts.extend(colon(text, line_start, line_end));
    attempts.extend(equality(text, line_start, at, line_end));
    attempts.extend(keywords(text, line_start, line_end));
    attempts.extend(brackets(text, at));
    // The parser notices at the beginning of a line what the line before lacks.
    let before = text[..line_start].trim_end();
    if !before.is_empty() {
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = text[before.len()..]
            .find('\n')
            .map_or(text.len(), |end| before.len() + end);
        attempts.extend(colon(text, start, end));
        attempts.extend(keywords(text, start, end));
    }
    attempts
}

fn foreign(text: &str, start: usize, end: usize) -> Vec<Attempt> {
    let line = &text[start..end];
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = FOREIGN.into_iter().filter_map(|(old, new)| {
        let at = line.find(old)?;
        let (before, after) = (&line[..at], &line[at + old.len()..]);
        let splits_word = old.starts_with(is_word) && (before.ends_with(is_word) || after.starts_with(is_word));
        (!splits_word).then(|| Attempt {
            start: start + at,
            // Typographic quotes come in pairs, so all of a line's are replaced at once.
            end,
            replacement: FOREIGN
                .into_iter()
                .filter(|(other, _)| !other.is_ascii() || other == &old)
                .fold(line[at..].to_owned(), |line, (old, new)| line.replace(old, new)),
            title: format!("replace `{old}` with `{new}`"),
        })
    });
    found.collect()
}

/// `:` at the end of a line that opens a block.
fn colon(text: &str, start: usize, end: usize) -> Option<Attempt> {
    let code = code_of(&text[start..end]);
    let first = code.trim_start().split(|c: char| !c.is_alphabetic()).next()?;
    let opens = matches!(
        first,
        "def" | "if" | "elif" | "else" | "for" | "while" | "with" | "class"
    );
    let at = start + code.trim_end().len();
    (opens && !code.trim_end().ends_with(':')).then(|| Attempt {
        start: at,
        end: at,
        replacement: ":".into(),
        title: "add the missing `:`".into(),
    })
}

/// `==` where `=` compares.
fn equality(text: &str, start: usize, at: usize, end: usize) -> Option<Attempt> {
    let sign = text[start..end]
        .match_indices('=')
        .map(|(sign, _)| start + sign)
        .find(|&sign| sign + 2 >= at)?;
    let is_double =
        text[sign + 1..].starts_with('=') || text[..sign].ends_with(['=', '<', '>', '!', '+', '-', '*', '/']);
    (!is_double).then(|| Attempt {
        start: sign,
        end: sign + 1,
        replacement: "==".into(),
        title: "compare with `==`".into(),
    })
}

/// Words of a line that are nearly keywords.
fn keywords(text: &str, start: usize, end: usize) -> Vec<Attempt> {
    let line = code_of(&text[start..end]);
    let mut attempts = Vec::new();
    let mut at = 0;
    for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let word_start = start + at;
        at += word.len();
        at += line[at..].chars().next().map_or(0, char::len_utf8);
        let is_near = |keyword: &&str| {
            *keyword != word && word.len() + 1 >= keyword.len() && strsim::osa_distance(word, keyword) == 1
        };
        if word.len() < 2 || KEYWORDS.contains(&word) {
            continue;
        }
        if let Some(keyword) = KEYWORDS.into_iter().find(is_near) {
            attempts.push(Attempt {
                start: word_start,
                end: word_start + word.len(),
                replacement: keyword.into(),
                title: format!("replace `{word}` with `{keyword}`"),
            });
        }
    }
    attempts
}

/// A closing bracket too few, at the end of the line that opens it; or one too many.
fn brackets(text: &str, at: usize) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut quote = None;
    let mut is_comment = false;
    for (position, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => (quote, is_comment) = (None, false),
            _ if is_comment => {}
            (Some(opened), _) if opened == c => quote = None,
            (Some(_), _) => {}
            (None, '#') => is_comment = true,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => open.push((position, c)),
            (None, ')' | ']' | '}') if open.pop().is_none() => attempts.push(Attempt {
                start: position,
                end: position + 1,
                replacement: String::new(),
                title: format!("remove the `{c}` that closes nothing"),
            }),
            _ => {}
        }
    }
    for (position, bracket) in open.into_iter().rev() {
        let closing = match bracket {
            '(' => ")",
            '[' => "]",
            _ => "}",
        };
        let line_end = text[position..].find('\n').map_or(text.len(), |end| position + end);
        let line_start = text[..position].rfind('\n').map_or(0, |end| end + 1);
        let code_end = line_start + code_of(&text[line_start..line_end]).trim_end().len();
        let before_colon = code_end - usize::from(text[..code_end].ends_with(':'));
        for end in [code_end, before_colon, text.trim_end().len()] {
            if end > position && (end >= at || end == code_end || end == before_colon) {
                attempts.push(Attempt {
                    start: end,
                    end,
                    replacement: closing.into(),
                    title: format!("close the bracket: `{closing}`"),
                });
            }
        }
    }
    attempts
}

/// A line without its comment. A `#` inside a string is taken for one, so a repair of such a line is not found.
fn code_of(line: &str) -> &str {
    line.split('#').next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_slips_are_repaired() {
        for (text, expected) in [
            ("def f(x)\n    return x\n", "def f(x):\n    return x\n"),
            ("def f(x):\n    retrun x\n", "def f(x):\n    return x\n"),
            ("improt torch\n", "import torch\n"),
            ("form torch import norm\n", "from torch import norm\n"),
            ("def f(x):\n    return (x + 1\n", "def f(x):\n    return (x + 1)\n"),
            ("def f(x:\n    return x\n", "def f(x):\n    return x\n"),
            ("def f(x):\n    return x)\n", "def f(x):\n    return x\n"),
            ("y = abs(x\nz = 1\n", "y = abs(x)\nz = 1\n"),
            ("if x = 1:\n    y = 2\n", "if x == 1:\n    y = 2\n"),
            ("y = a && b\n", "y = a and b\n"),
            ("y = 2 × x − 1\n", "y = 2 * x - 1\n"),
            ("y = {“reach”: x}\n", "y = {\"reach\": x}\n"),
            ("for i ni range(3):\n    pass\n", "for i in range(3):\n    pass\n"),
            (
                "if x:\n    y = 1\nelse if z:\n    y = 2\n",
                "if x:\n    y = 1\nelif z:\n    y = 2\n",
            ),
        ] {
            let parsed = parse_unchecked_source(text, PySourceType::Python);
            let first = parsed.errors()[0].location.start().to_usize();
            let fix = repair(text, first, parsed.errors().len(), &Positions::new(text));
            assert_eq!(fix.map(|fix| fix.apply(text)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_usual_slip_has_no_repair() {
        let texts = [
            "x = = 1\n",
            "I cannot do that.\n",
            "class\n",
            "é(\n\n\u{feff}",
            "# m²\n    if x[\n",
        ];
        for text in texts {
            let parsed = parse_unchecked_source(text, PySourceType::Python);
            let Some(first) = parsed.errors().first() else { continue };
            let first = first.location.start().to_usize();
            if let Some(fix) = repair(text, first, parsed.errors().len(), &Positions::new(text)) {
                let repaired = fix.apply(text);
                let left = parse_unchecked_source(&repaired, PySourceType::Python).errors().len();
                assert!(left < parsed.errors().len(), "{text:?} became {repaired:?}");
            }
        }
    }
}
