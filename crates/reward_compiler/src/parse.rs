//! Text to syntax tree, with the parser's errors as diagnostics.

use std::fmt::Write as _;

use carrot_reward_interface::Diagnostic;
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{Parsed, parse_unchecked_source};

use crate::position::Positions;
use crate::{Code, token_limits};

/// Most syntax errors that are shown; the first one is usually the cause of the others.
const MAX_SYNTAX_ERRORS: usize = 3;

/// Checks the limits and parses. Any diagnostic is an error.
pub(crate) fn parse(source: &str, file: &str) -> Result<Parsed<ModModule>, Vec<Diagnostic>> {
    let positions = Positions::new(source);
    let diagnostic = |code: Code, span, message, help| Diagnostic {
        code: code.as_str().into(),
        severity: code.severity(),
        file: file.into(),
        span,
        message,
        help,
    };
    if let Err(excess) = token_limits::check(source) {
        let span = positions.span_of_bytes(excess.start, excess.end);
        return Err(vec![diagnostic(
            excess.code,
            span,
            excess.message,
            Some(excess.help.into()),
        )]);
    }
    let parsed = parse_unchecked_source(source, PySourceType::Python);
    if parsed.has_valid_syntax() {
        return Ok(parsed);
    }
    // The commonest mistake of all is a whole reply where a program was meant.
    let fenced = source.lines().any(|line| line.trim_start().starts_with("```"));
    let help = fenced.then(|| "leave out the Markdown fences (```) and the text around them".to_owned());
    let errors = parsed.errors().iter().take(MAX_SYNTAX_ERRORS);
    Err(errors
        .map(|error| {
            let message = lower_first(&error.error.to_string());
            diagnostic(Code::SyntaxError, positions.span(error.location), message, help.clone())
        })
        .collect())
}

/// The syntax tree as indented text, or the diagnostics that say why there is none.
///
/// Errors: limits and syntax errors, as [`crate::compile`] reports them.
pub fn ast_text(source: &str, file: &str) -> Result<String, Vec<Diagnostic>> {
    crate::with_deep_stack(|| {
        let parsed = parse(source, file)?;
        let mut text = String::new();
        for statement in parsed.suite() {
            let tree = format!("{statement:#?}");
            // The parser numbers no nodes; the empty numbers only hide the tree.
            for line in tree
                .lines()
                .filter(|line| !line.trim_start().starts_with("node_index:"))
            {
                writeln!(text, "{line}").expect("writing to a string cannot fail");
            }
        }
        Ok(text)
    })
}

/// Messages continue a line such as `error[syntax-error]: `, so they start in lower case.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_none_or(|second| !second.is_uppercase());
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.into(),
    }
}
