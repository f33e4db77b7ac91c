//! Help while a program is typed: what may come next, and what is under the pointer.
//!
//! A text that is being typed does not parse, so both look at the words before a place, and ask the syntax tree only for
//! the names that are set before it, as far as the parser could make sense of them. Nothing here judges; that is the
//! checker's work.

mod complete;
mod scope;

use std::ops::Range;

use carrot_reward_interface::{DType, Edit, Schema, Variable};

use crate::library;
use scope::Scope;

pub use complete::complete;

/// What may be written at a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completions {
    /// Bytes of the word that is begun, which the completion replaces; empty where none is.
    pub replace: Range<usize>,
    /// The choices, the likeliest first.
    pub choices: Vec<Completion>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What the list shows.
    pub label: String,
    /// What is written.
    pub insert: String,
    /// What it is.
    pub kind: Kind,
    /// Unit, shape and type of a variable, parameters of a function.
    pub detail: String,
    /// One line about it; empty where there is none.
    pub doc: String,
    /// Changes elsewhere that it needs: a variable becomes a parameter of the function that reads it.
    pub also: Vec<Edit>,
}

/// What a choice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A name that the program sets.
    Local,
    /// A variable of the task, or a part of its name.
    Variable,
    /// An argument by name.
    Argument,
    /// A function or method.
    Function,
    /// A constant, a type or a module below a module.
    Member,
    /// A word of Python.
    Keyword,
}

/// What is known about a word of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// Bytes of the word.
    pub range: Range<usize>,
    /// Its full name, or how it is called.
    pub title: String,
    /// Unit, shape and type of a variable.
    pub detail: String,
    /// One line about it; empty where there is none.
    pub doc: String,
}

/// What the word at a byte of the text is: a variable of the task, or a function of the library.
pub fn hover(text: &str, at: usize, schema: &Schema) -> Option<Hover> {
    let at = boundary(text, at);
    let start = word_start(text, at);
    let end = at + text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
    if start == end || text[start..end].starts_with(|c: char| c.is_ascii_digit()) || !is_code(text, start) {
        return None;
    }
    let word = &text[start..end];
    let chain = match text[..start].strip_suffix('.') {
        Some(before) => format!("{}.{word}", &text[chain_start(text, before.len())..before.len()]),
        None => word.to_owned(),
    };
    let scope = Scope::before(text, start);
    let about = |variable: &Variable| Hover {
        range: start..end,
        title: variable.name.clone(),
        detail: detail(variable),
        doc: variable.doc.clone(),
    };
    if let Some(variable) = schema.get(scope.path_of(&chain)) {
        return Some(about(variable));
    }
    let signature = match scope.library_path(&chain) {
        Some(path) => library::signature(&path),
        None if !chain.contains('.') => library::signature(&format!("builtins.{word}"))
            .or_else(|| library::implicit_path(word).and_then(|path| library::signature(&path))),
        None => ["Tensor", "ndarray", "Pose", "list", "dict"]
            .iter()
            .find_map(|kind| library::signature(&format!("{kind}.{word}"))),
    };
    signature.map(|title| Hover {
        range: start..end,
        title,
        detail: String::new(),
        doc: String::new(),
    })
}

/// `m, 3 numbers` and the like.
fn detail(variable: &Variable) -> String {
    let shape = match variable.shape.as_slice() {
        [] => String::new(),
        shape => {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("[{}]", sizes.join(", "))
        }
    };
    let kind = match variable.dtype {
        DType::Float | DType::F32 | DType::F64 => "",
        DType::Bool => "bool",
        DType::I64 => "integer",
        DType::Pose => "pose",
        DType::Str => "text",
    };
    let frame = variable.frame.as_ref().map(|frame| format!("in {frame}"));
    let range = variable.range.map(|[low, high]| format!("{low} to {high}"));
    let parts = [
        variable.unit.clone().unwrap_or_default(),
        shape,
        kind.to_owned(),
        range.unwrap_or_default(),
        frame.unwrap_or_default(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The nearest boundary of a character at or before a byte.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn word_start(text: &str, end: usize) -> usize {
    end - text[..end]
        .chars()
        .rev()
        .take_while(|&c| is_word(c))
        .map(char::len_utf8)
        .sum::<usize>()
}

/// Where the chain of names, calls and indices that ends at `end` begins.
fn chain_start(text: &str, end: usize) -> usize {
    let mut at = end;
    loop {
        let before = text[..at].trim_end_matches([')', ']']);
        let start = match before.len() < at {
            true => match opening(text, at) {
                Some(open) => open,
                None => return at,
            },
            false => at,
        };
        let word = word_start(text, start);
        if word < start || start < at {
            at = word;
        }
        if !text[..at].ends_with('.') {
            // `f(x)[0]`: one bracket after the other.
            if start < at || !text[..at].ends_with([')', ']']) || word < start {
                return at;
            }
            continue;
        }
        at -= 1;
    }
}

/// The bracket that the one before `end` closes.
fn opening(text: &str, end: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.as_bytes()[..end].iter().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'\n' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Whether a place lies outside of strings and comments.
fn is_code(text: &str, place: usize) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < place {
        match bytes[at] {
            b'#' => {
                let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
                if place <= end {
                    return false;
                }
                at = end;
            }
            quote @ (b'"' | b'\'') => {
                let is_long = bytes[at..].starts_with(&[quote; 3]);
                let mut end = at + if is_long { 3 } else { 1 };
                loop {
                    match bytes.get(end) {
                        None => break,
                        Some(b'\\') => end += 2,
                        Some(b'\n') if !is_long => break,
                        Some(&byte) if byte == quote && (!is_long || bytes[end..].starts_with(&[quote; 3])) => {
                            end += if is_long { 3 } else { 1 };
                            break;
                        }
                        Some(_) => end += 1,
                    }
                }
                if place < end {
                    return false;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    true
}
