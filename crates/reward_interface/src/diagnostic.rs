//! What is wrong with a program's text, for a person or for the model that writes the next candidate.

use serde::{Deserialize, Serialize};

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The program is refused.
    Error,
    /// The program runs, but probably not as meant.
    Warning,
    /// The program runs, and may well be meant so; given only on request.
    Note,
}

/// A stretch of source text. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

impl Span {
    /// The bytes of the stretch in `text`, clamped to it: a finding may be older than the text beside it.
    pub fn bytes(&self, text: &str) -> std::ops::Range<usize> {
        let offset = |line: u32, column: u32| {
            let before: usize = text
                .split_inclusive('\n')
                .take(line.saturating_sub(1) as usize)
                .map(str::len)
                .sum();
            let characters = text[before..].char_indices().map(|(at, _)| before + at);
            characters
                .chain([text.len()])
                .nth(column.saturating_sub(1) as usize)
                .unwrap_or(text.len())
        };
        let start = offset(self.line, self.column);
        start..offset(self.end_line, self.end_column).max(start)
    }
}

/// One replacement in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What is replaced; an empty stretch is a place to insert at.
    #[serde(flatten)]
    pub span: Span,
    /// What stands there afterwards.
    pub replacement: String,
}

/// A repair that the compiler can make itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, for a button: ``replace `hieght` with `height` ``.
    pub title: String,
    /// The replacements, in the order of the text; they do not overlap.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// One replacement.
    pub fn replace(span: Span, replacement: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            edits: vec![Edit {
                span,
                replacement: replacement.into(),
            }],
        }
    }

    /// The repaired text. Of a text that has changed since it was compiled, what stands in the places is replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut repaired = String::with_capacity(text.len());
        let mut done = 0;
        for edit in &self.edits {
            let bytes = edit.span.bytes(text);
            let start = bytes.start.max(done);
            repaired += &text[done..start];
            repaired += &edit.replacement;
            done = bytes.end.max(start);
        }
        repaired + &text[done..]
    }
}

/// One finding about a program. The JSON form is the one that `carrot check --json` documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable code, such as `unknown-name`.
    pub code: String,
    /// Error, warning or note.
    pub severity: Severity,
    /// Name of the file that was compiled.
    pub file: String,
    /// Where in the file.
    #[serde(flatten)]
    pub span: Span,
    /// One sentence: what is wrong.
    pub message: String,
    /// What to write instead, when that is known.
    pub help: Option<String>,
    /// A repair of the text, when one is certain enough to be offered as a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl std::fmt::Display for Diagnostic {
    /// One line for logs: `error[unknown-name] reward.py:4:16: …`. The compiler draws the form with carets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(
            f,
            "{severity}[{}] {}:{}:{}: {}",
            self.code, self.file, self.span.line, self.span.column, self.message
        )?;
        match &self.help {
            Some(help) => write!(f, " (help: {help})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(line: u32, column: u32, end_line: u32, end_column: u32) -> Span {
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    #[test]
    fn a_span_of_another_text_is_clamped() {
        for (text, at, expected) in [
            ("a = 1\nα = β\n", span(2, 5, 2, 6), 11..13),
            ("ab", span(1, 2, 1, 9), 1..2),
            ("ab", span(7, 1, 8, 1), 2..2),
            ("ab\ncd", span(2, 2, 1, 1), 4..4),
            ("", span(1, 1, 1, 1), 0..0),
        ] {
            assert_eq!(at.bytes(text), expected, "{text:?} {at:?}");
        }
    }

    #[test]
    fn edits_are_made_from_left_to_right() {
        let mut fix = Fix::replace(span(1, 1, 1, 2), "height", "rename");
        fix.edits.push(Edit {
            span: span(2, 3, 2, 4),
            replacement: "height".into(),
        });
        assert_eq!(fix.apply("h = 1\n- h\n"), "height = 1\n- height\n");
        // The second place no longer exists.
        assert_eq!(fix.apply("h"), "heightheight");
    }

    #[test]
    fn a_record_from_before_fixes_is_read() {
        let old = r#"{"code":"import","severity":"error","file":"a.py","line":1,"column":1,"end_line":1,"end_column":2,"message":"m","help":null}"#;
        let read: Diagnostic = serde_json::from_str(old).unwrap();
        assert_eq!(read.fix, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }
}
