//! Text to syntax tree, with the parser's errors as diagnostics.

use std::fmt::Write as _;

use carrot_reward_interface::{Diagnostic, Edit, Fix};
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{Parsed, parse_unchecked_source};

use crate::position::Positions;
use crate::{Author, Code, broken_text, reply, syntax_fix, token_limits};

/// Most syntax errors that are shown; the first one is usually the cause of the others.
const MAX_SYNTAX_ERRORS: usize = 3;

/// A parsed program.
pub(crate) struct Text {
    pub(crate) parsed: Parsed<ModModule>,
    /// The text that was parsed, if it is not the source itself but the program in a reply; as long as the source.
    pub(crate) taken: Option<String>,
    /// What to tell about that.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks the limits and parses. A chat reply that is no program is searched for one. Any diagnostic is an error.
pub(crate) fn parse(author: Author, source: &str, file: &str) -> Result<Text, Vec<Diagnostic>> {
    let whole = parse_text(author, source, source, file);
    let errors = match whole {
        Ok(parsed) => {
            return Ok(Text {
                parsed,
                taken: None,
                warnings: Vec::new(),
            });
        }
        Err(errors) => errors,
    };
    if source.len() > token_limits::MAX_SOURCE_BYTES {
        return Err(errors);
    }
    let Some(found) = reply::program(source).filter(|found| found.blocks > 0 || found.lines.0 > 1) else {
        return Err(errors);
    };
    let text = reply::blanked(source, &found.bytes);
    let parsed = match parse_text(author, &text, source, file) {
        // What stands before a program is the beginning of a reply, or what a person is just typing there.
        Ok(_) if author == Author::Person && found.blocks == 0 => return Err(no_python(errors, found.lines.0)),
        Ok(parsed) => parsed,
        // Without fences it is a guess where the program begins; what is wrong then is the text as a whole.
        Err(_) if found.blocks == 0 => return Err(errors),
        Err(errors) => return Err(errors),
    };
    let (first, last) = found.lines;
    let others = match found.blocks {
        0 | 1 => String::new(),
        2 => "; the block before it was left out".to_owned(),
        n => format!("; the {} blocks before it were left out", n - 1),
    };
    let warning = Diagnostic {
        code: Code::ReplyText.as_str().into(),
        severity: Code::ReplyText.severity(),
        file: file.into(),
        span: Positions::new(source).span_of_bytes(found.bytes.start, first_line_end(source, found.bytes.start)),
        message: format!(
            "this text is a reply; the program in lines {first} to {last} was used{}",
            others.replace("; ", ", ")
        ),
        help: Some("keep only the program in the file".into()),
        fix: Some(keeping_only(source, &found.bytes)),
    };
    Ok(Text {
        parsed,
        taken: Some(text),
        warnings: vec![warning],
    })
}

/// Errors of a text that is a program from line `first` on.
fn no_python(mut errors: Vec<Diagnostic>, first: u32) -> Vec<Diagnostic> {
    for error in errors.iter_mut().filter(|error| error.span.line < first) {
        let help = "this line is no Python; with a `#` before it, it is a comment";
        error.help.get_or_insert_with(|| help.into());
    }
    errors
}

/// Cuts away what is around the program of a reply.
fn keeping_only(source: &str, program: &std::ops::Range<usize>) -> Fix {
    let positions = Positions::new(source);
    let cut = |start, end| Edit {
        span: positions.span_of_bytes(start, end),
        replacement: String::new(),
    };
    Fix {
        title: "keep only the program".into(),
        edits: vec![cut(0, program.start), cut(program.end, source.len())],
    }
}

fn first_line_end(source: &str, start: usize) -> usize {
    source[start..].find('\n').map_or(source.len(), |length| start + length)
}

/// Checks the limits and parses one text. `source` is what positions are counted in.
fn parse_text(author: Author, text: &str, source: &str, file: &str) -> Result<Parsed<ModModule>, Vec<Diagnostic>> {
    let positions = Positions::new(source);
    let diagnostic = |code: Code, span, message, help, fix| Diagnostic {
        code: code.as_str().into(),
        severity: code.severity(),
        file: file.into(),
        span,
        message,
        help,
        fix,
    };
    if let Err(excess) = token_limits::check(text) {
        let span = positions.span_of_bytes(excess.start, excess.end);
        let fix = syntax_fix::plain_string(text, excess.start, &positions).filter(|_| excess.code == Code::Unsupported);
        return Err(vec![diagnostic(
            excess.code,
            span,
            excess.message,
            Some(excess.help.into()),
            fix,
        )]);
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    if parsed.has_valid_syntax() {
        return Ok(parsed);
    }
    let first_error = parsed
        .errors()
        .iter()
        .map(|error| error.location.start().to_usize())
        .min();
    let mut fix = first_error.and_then(|at| syntax_fix::repair(text, at, parsed.errors().len(), &positions));
    if let Some(cause) = first_error.and_then(|at| broken_text::cause(author, text, at)) {
        let span = positions.span_of_bytes(cause.at.start, cause.at.end);
        return Err(vec![diagnostic(
            Code::SyntaxError,
            span,
            cause.message,
            Some(cause.help),
            fix,
        )]);
    }
    // A block of a list is indented, and the fences of a block that is no program say what the text is.
    let help =
        reply::has_fence(text).then(|| "leave out the Markdown fences (```) and the text around them".to_owned());
    let errors = parsed.errors().iter().take(MAX_SYNTAX_ERRORS);
    Err(errors
        .map(|error| {
            let message = lower_first(&error.error.to_string());
            // The repair is one of the first mistake; the others often follow from it.
            let span = positions.span(error.location);
            diagnostic(Code::SyntaxError, span, message, help.clone(), fix.take())
        })
        .collect())
}

/// The syntax tree as indented text, or the diagnostics that say why there is none.
///
/// Errors: limits and syntax errors, as [`crate::compile`] reports them.
pub fn ast_text(source: &str, file: &str) -> Result<String, Vec<Diagnostic>> {
    crate::with_deep_stack(|| {
        let parsed = parse(Author::Model, source, file)?.parsed;
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
