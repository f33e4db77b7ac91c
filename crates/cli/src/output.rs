//! How every verb ends: one answer, for people or as JSON, and an exit code.

use std::io::Write;
use std::process::ExitCode;

/// What a verb found.
pub struct Answer {
    /// The `--json` object.
    pub json: serde_json::Value,
    /// The same for people.
    pub text: String,
    /// False when the answer is no: exit code 1.
    pub yes: bool,
}

impl Answer {
    /// An answer with exit code 0.
    pub fn new(json: serde_json::Value, text: String) -> Self {
        Self { json, text, yes: true }
    }
}

/// Why a verb gave no answer.
#[derive(Debug)]
pub enum Failure {
    /// The user asked for something that does not exist: exit code 2.
    Usage(String),
    /// Something outside the program failed: exit code 3.
    Fault(anyhow::Error),
    /// Ctrl-C; the message says how to go on: exit code 130, as shells expect.
    Interrupted(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Prints and turns into an exit code.
pub fn finish(result: Result<Answer, Failure>, json: bool) -> ExitCode {
    let (value, text, code) = match result {
        Ok(answer) => (answer.json, Ok(answer.text), if answer.yes { 0 } else { 1 }),
        Err(Failure::Usage(message)) => (serde_json::json!({ "error": &message }), Err(message), 2),
        Err(Failure::Fault(error)) => {
            let message = format!("{error:#}");
            (serde_json::json!({ "error": &message }), Err(message), 3)
        }
        Err(Failure::Interrupted(message)) => (serde_json::json!({ "error": &message }), Err(message), 130),
    };
    // A reader that closed the pipe early (`| head`) is not an error.
    let _ = match (json, text) {
        (true, _) => writeln!(std::io::stdout(), "{value:#}"),
        (false, Ok(text)) => write!(
            std::io::stdout(),
            "{text}{}",
            if text.ends_with('\n') { "" } else { "\n" }
        ),
        (false, Err(message)) => writeln!(std::io::stderr(), "carrot: {message}"),
    };
    ExitCode::from(code)
}
