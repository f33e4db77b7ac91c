//! Lays a program out as Python programs usually are: blanks around operators, four per block, two lines between functions.
//!
//! Lines stay the lines that they were, since a person breaks a long formula where it makes sense, and every finding keeps
//! its line. Only what lies between the tokens is changed. That the tokens are the same afterwards is checked each time;
//! a text for which they were not would come back as it was.
//!
//! `ruff_python_formatter`, of the same family as the parser, would bring an incremental database, a command line parser
//! and more code than the rest of this crate.

use carrot_reward_interface::Diagnostic;
use ruff_python_ast::PySourceType;
use ruff_python_ast::token::TokenKind::{
    self, At, Class, Colon, ColonEqual, Comma, Comment, Complex, Dedent, Def, Dot, DoubleStar, Elif, Ellipsis, Else,
    EndOfFile, Equal, Except, False, Finally, Float, From, Import, Indent, Int, Lambda, Lbrace, Lpar, Lsqb, Minus,
    Name, Newline, NonLogicalNewline, Plus, Rarrow, Rbrace, Rpar, Rsqb, Semi, Star, Tilde, True,
};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::Ranged;

use crate::{Author, parse};

/// The program, laid out.
///
/// Errors: what keeps the text from being Python. Nothing else about it is judged.
pub fn format(text: &str, file: &str) -> Result<String, Vec<Diagnostic>> {
    crate::with_deep_stack(|| {
        let parsed = parse::parse(Author::Person, text, file)?;
        if parsed.taken.is_some() {
            // Around the program of a chat reply lies what is no program.
            return Err(parsed.warnings);
        }
        let laid_out = lay_out(text);
        Ok(match words(&laid_out) == words(text) {
            true => laid_out,
            false => text.to_owned(),
        })
    })
}

/// All that has a meaning: tokens, and where blocks begin and end.
fn words(text: &str) -> Vec<(TokenKind, String)> {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let tokens = parsed.tokens().iter().filter(|token| token.kind() != NonLogicalNewline);
    tokens
        .map(|token| {
            let written = &text[token.start().to_usize()..token.end().to_usize()];
            let written = match token.kind() {
                Newline | Indent | Dedent | EndOfFile => String::new(),
                Comment => written.trim_start_matches('#').trim().to_owned(),
                _ => written.to_owned(),
            };
            (token.kind(), written)
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Bracket {
    kind: TokenKind,
    /// Of an index, where a colon makes a slice.
    of_index: bool,
    /// The parameter at hand has an annotation.
    annotated: bool,
}

struct Layout<'t> {
    text: &'t str,
    out: String,
    depth: usize,
    /// Columns of the text at which the open blocks begin.
    columns: Vec<usize>,
    brackets: Vec<Bracket>,
    /// The tokens before: the last one, and whether it is a sign of one operand.
    last: Option<(TokenKind, usize)>,
    last_is_sign: bool,
    in_lambda: bool,
    at_line_start: bool,
    blank_lines: usize,
    /// Column at which the statement at hand begins in the text.
    statement_column: usize,
    in_statement: bool,
    /// The line before this one is a decorator or a comment, which belongs to what follows.
    leads_on: bool,
    /// The last statement at the outermost level was a function or class.
    after_function: bool,
}

fn lay_out(text: &str) -> String {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let mut layout = Layout {
        text,
        out: String::with_capacity(text.len() + 64),
        depth: 0,
        columns: Vec::new(),
        brackets: Vec::new(),
        last: None,
        last_is_sign: false,
        in_lambda: false,
        at_line_start: true,
        blank_lines: 0,
        statement_column: 0,
        in_statement: false,
        leads_on: true,
        after_function: false,
    };
    for token in parsed.tokens().iter() {
        layout.token(token.kind(), token.start().to_usize(), token.end().to_usize());
    }
    let mut out = layout.out;
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

impl Layout<'_> {
    fn token(&mut self, kind: TokenKind, start: usize, end: usize) {
        match kind {
            EndOfFile => {}
            Indent => {
                self.depth += 1;
                self.columns.push(self.column(end));
            }
            Dedent => {
                self.depth = self.depth.saturating_sub(1);
                self.columns.pop();
            }
            Newline | NonLogicalNewline => {
                if self.at_line_start {
                    self.blank_lines += 1;
                } else {
                    self.out.push('\n');
                    self.at_line_start = true;
                }
                if kind == Newline {
                    self.in_statement = false;
                    self.in_lambda = false;
                }
            }
            _ => self.word(kind, start, end),
        }
    }

    fn column(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[line..at].chars().count()
    }

    fn word(&mut self, kind: TokenKind, start: usize, end: usize) {
        let written = &self.text[start..end];
        if self.at_line_start {
            self.begin_line(kind, start);
        } else {
            let gap = self.last.map_or("", |(_, last_end)| &self.text[last_end..start]);
            match gap.contains('\n') {
                // A line that a backslash goes on with stays as it is.
                true => self.out += gap,
                false => {
                    let blank = self.blank_before(kind, !gap.is_empty());
                    self.out += blank;
                }
            }
        }
        match written.strip_prefix('#') {
            Some(rest) if kind == Comment && !rest.is_empty() && !rest.starts_with([' ', '!', '#', ':']) => {
                self.out += "# ";
                self.out += rest.trim_end();
            }
            _ if kind == Comment => self.out += written.trim_end(),
            _ => self.out += written,
        }
        if kind != Comment {
            self.note(kind);
        }
        self.last = Some((kind, end));
    }

    fn begin_line(&mut self, kind: TokenKind, start: usize) {
        let column = self.column(start);
        let is_first = self.out.is_empty();
        let continues = self.in_statement;
        let mut depth = self.depth;
        if kind == Comment && !continues {
            // A comment stands before the block that it belongs to is known to begin or end.
            let enclosing = self.columns.iter().filter(|&&open| open <= column).count();
            let opens = self.columns.last().copied().unwrap_or(0) < column && matches!(self.last, Some((Colon, _)));
            depth = enclosing + usize::from(opens);
        }
        let most = if depth == 0 && !continues { 2 } else { 1 };
        let mut blank = self.blank_lines.min(most);
        if depth == 0 && !continues && !is_first {
            let starts_function = matches!(kind, Def | Class | At);
            let goes_on = matches!(kind, Else | Elif | Except | Finally);
            if starts_function && !self.leads_on || self.after_function && !goes_on && !self.leads_on {
                blank = 2;
            }
        }
        if !is_first {
            self.out += &"\n".repeat(blank);
        }
        let indent = match continues {
            true => (4 * depth + column).saturating_sub(self.statement_column),
            false => 4 * depth,
        };
        self.out += &" ".repeat(indent);
        if !continues {
            if depth == 0 && kind != Comment {
                self.after_function = matches!(kind, Def | Class);
            }
            self.leads_on = matches!(kind, Comment | At);
            if kind != Comment {
                self.statement_column = column;
                self.in_statement = true;
            }
        }
        self.at_line_start = false;
        self.blank_lines = 0;
        if !continues {
            self.last = None;
            self.last_is_sign = false;
        }
    }

    /// Keeps track of brackets and of what a sign means.
    fn note(&mut self, kind: TokenKind) {
        let before = self.last.map(|(kind, _)| kind);
        let after_operand = before.is_some_and(is_operand_end);
        self.last_is_sign = matches!(kind, Minus | Plus | Tilde | Star | DoubleStar) && !after_operand;
        match kind {
            Lpar | Lsqb | Lbrace => self.brackets.push(Bracket {
                kind,
                of_index: kind == Lsqb && after_operand,
                annotated: false,
            }),
            Rpar | Rsqb | Rbrace => {
                self.brackets.pop();
            }
            Lambda => self.in_lambda = true,
            Colon if self.in_lambda => self.in_lambda = false,
            Colon => {
                if let Some(bracket) = self.brackets.last_mut() {
                    bracket.annotated = true;
                }
            }
            Comma => {
                if let Some(bracket) = self.brackets.last_mut() {
                    bracket.annotated = false;
                }
            }
            _ => {}
        }
    }

    /// What stands between the last token and this one.
    fn blank_before(&self, kind: TokenKind, had_blank: bool) -> &'static str {
        let Some((last, _)) = self.last else { return "" };
        let as_it_was = if had_blank { " " } else { "" };
        let innermost = self.brackets.last();
        match (last, kind) {
            (_, Comment) => "  ",
            (Lpar | Lsqb | Lbrace, _) | (_, Rpar | Rsqb | Rbrace | Comma | Semi) => "",
            (Comma | Semi, _) => " ",
            (_, Colon) => "",
            (Colon, _) if innermost.is_some_and(|bracket| bracket.of_index) => as_it_was,
            (Colon, _) => " ",
            (From, Dot) | (Dot, Import) => " ",
            (Int | Float | Dot | Ellipsis, Dot) | (Dot, Ellipsis) => as_it_was,
            (_, Dot) | (Dot, _) => "",
            (Name | Rpar | Rsqb, Lpar | Lsqb) => "",
            (At, _)
                if self.brackets.is_empty()
                    && self
                        .out
                        .trim_start()
                        .lines()
                        .last()
                        .is_some_and(|line| line.trim() == "@") =>
            {
                ""
            }
            _ if self.last_is_sign => "",
            (DoubleStar, _) | (_, DoubleStar) if is_operand_end(last) || last == DoubleStar => as_it_was,
            (Equal, _) | (_, Equal) => {
                let by_name = innermost.is_some_and(|bracket| bracket.kind == Lpar && !bracket.annotated);
                if by_name || self.in_lambda { "" } else { " " }
            }
            _ if last.is_operator() || kind.is_operator() || is_sign_of_two(last) || is_sign_of_two(kind) => " ",
            _ if last.is_keyword() || kind.is_keyword() => " ",
            _ => as_it_was,
        }
    }
}

fn is_sign_of_two(kind: TokenKind) -> bool {
    matches!(kind, Rarrow | ColonEqual)
}

/// Whether an operand may end with this token, so that a sign after it has two operands.
fn is_operand_end(kind: TokenKind) -> bool {
    matches!(
        kind,
        Name | Int
            | Float
            | Complex
            | TokenKind::String
            | Rpar
            | Rsqb
            | Rbrace
            | True
            | False
            | TokenKind::None
            | Ellipsis
    )
}
