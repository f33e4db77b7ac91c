//! Diagnostics as a terminal shows them: source line, caret, code, repair.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use carrot_reward_interface::{Diagnostic, Severity};

/// Draws diagnostics with the source text and carets, as a terminal shows them.
///
/// What follows "; " in a message is drawn beside the caret, the rest in the headline.
pub fn render(diagnostics: &[Diagnostic], source: &str, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let drawn: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic, source)]))
        .collect();
    drawn.join("\n\n")
}

fn group<'a>(diagnostic: &'a Diagnostic, source: &'a str) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let (title, label) = match diagnostic.message.split_once("; ") {
        Some((title, label)) => (title, Some(label)),
        None => (diagnostic.message.as_str(), None),
    };
    let span = diagnostic.span.bytes(source);
    let snippet = Snippet::source(source)
        .path(diagnostic.file.as_str())
        .annotation(AnnotationKind::Primary.span(span).label(label));
    let group = level.primary_title(title).id(diagnostic.code.as_str()).element(snippet);
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}
