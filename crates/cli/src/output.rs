//! How every verb ends: one answer, for people or as JSON, and an exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// What a verb found.
#[derive(Debug)]
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
    /// The same two for a part of what was asked; the answer tells all of it. Exit code 2 or 3.
    Partly {
        /// Everything that was found.
        answer: Answer,
        /// The exit code.
        code: u8,
    },
    /// Ctrl-C; the message says how to go on: exit code 130, as shells expect.
    Interrupted(String),
}

impl Failure {
    /// What is told.
    pub fn message(&self) -> String {
        match self {
            Self::Usage(message) | Self::Interrupted(message) => message.clone(),
            Self::Fault(error) => told(error),
            Self::Partly { answer, .. } => answer.text.clone(),
        }
    }
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
            let message = told(&error);
            (serde_json::json!({ "error": &message }), Err(message), 3)
        }
        Err(Failure::Partly { answer, code }) => (answer.json, Ok(answer.text), code),
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

/// Wrong usage as clap found it, or the help that was asked for; with `--json` a mistake is one object as well.
pub fn refuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let text = error.render().to_string();
        let message = text.trim().trim_start_matches("error: ").to_owned();
        return finish(Err(Failure::Usage(message)), true);
    }
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Whether to write colours: only on a terminal that shows them, and not against the user's wish (no-color.org).
pub fn colour(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !unwanted && !dumb
}

/// The causes of an error from the outermost inwards, without those that an outer one tells already.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = without_numbers(cause.to_string().trim_end());
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Leaves out the system's error numbers, ` (os error 2)`: the words before them say the same.
pub fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept += part
            .trim_start_matches(|digit: char| digit.is_ascii_digit())
            .trim_start_matches(')');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_and_without_numbers() {
        let inner = std::io::Error::from_raw_os_error(2);
        let error = anyhow::anyhow!("{inner}")
            .context(format!("a.gif: {inner}"))
            .context("no film");
        assert_eq!(told(&error), "no film: a.gif: No such file or directory");
        assert_eq!(
            without_numbers("refused (os error 111) (after 5 attempts)"),
            "refused (after 5 attempts)"
        );
    }
}
