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
