//! What may be written at a place.

use std::collections::BTreeSet;

use carrot_reward_interface::{DType, Dialect, Schema, Variable};

use super::scope::Scope;
use super::{Completion, Completions, Kind, boundary, chain_start, detail, is_code, is_word, opening, word_start};
use crate::library;

/// Most choices; who does not find it among these types on.
const MOST: usize = 60;

const KEYWORDS: [&str; 17] = [
    "def", "return", "if", "elif", "else", "for", "in", "and", "or", "not", "import", "from", "lambda", "pass", "True",
    "False", "None",
];

/// What may be written at a byte of the text.
pub fn complete(text: &str, at: usize, schema: &Schema) -> Completions {
    let at = boundary(text, at);
    let start = word_start(text, at);
    let begun = &text[start..at];
    if begun.starts_with(|c: char| c.is_ascii_digit()) || !is_code(text, start) || !is_code(text, at) {
        return Completions::default();
    }
    let scope = Scope::before(text, start);
    let found = match text[..start].strip_suffix('.') {
        Some(before) => {
            let chain = &text[chain_start(text, before.len())..before.len()];
            after_dot(&scope, chain, schema)
        }
        None => plain(&scope, text, start, begun, schema),
    };
    Completions {
        replace: start..at,
        choices: ranked(found, begun),
    }
}

/// Choices that begin with what is begun, then those that have it in them.
fn ranked(found: Vec<Completion>, begun: &str) -> Vec<Completion> {
    let wanted = begun.to_lowercase();
    let rank = |choice: &Completion| {
        let label = choice.label.to_lowercase();
        let word = label.trim_start_matches("self.");
        match (word.starts_with(&wanted), label.contains(&wanted)) {
            (true, _) => Some(0),
            (false, true) => Some(1),
            _ => None,
        }
    };
    let mut seen = BTreeSet::new();
    let mut choices: Vec<(i32, Completion)> = found
        .into_iter()
        .filter_map(|choice| Some((rank(&choice)?, choice)))
        .filter(|(_, choice)| seen.insert(choice.label.clone()))
        .collect();
    let order = |(rank, choice): &(i32, Completion)| (*rank, choice.kind, choice.label.len());
    choices.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.1.label.cmp(&b.1.label)));
    choices.truncate(MOST);
    choices.into_iter().map(|(_, choice)| choice).collect()
}

fn choice(label: impl Into<String>, kind: Kind, detail: impl Into<String>) -> Completion {
    let label = label.into();
    Completion {
        insert: label.clone(),
        label,
        kind,
        detail: detail.into(),
        doc: String::new(),
        also: Vec::new(),
    }
}

fn function(path: &str, name: &str) -> Completion {
    choice(name, Kind::Function, library::signature(path).unwrap_or_default())
}

// After a dot.

fn after_dot(scope: &Scope, chain: &str, schema: &Schema) -> Vec<Completion> {
    if let Some(path) = scope.library_path(chain) {
        let functions = library::members(&path).map(|name| function(&format!("{path}.{name}"), name));
        let others = library::other_members(&path).map(|name| choice(name, Kind::Member, ""));
        return functions.chain(others).collect();
    }
    let path = match chain {
        "self" | "env" | "self.env" => "",
        chain => scope.path_of(chain),
    };
    if let Some(variable) = schema.get(path) {
        return match variable.dtype {
            DType::Pose => pose(),
            _ => of_array(scope),
        };
    }
    let below = parts_below(path, schema);
    match below.is_empty() && !chain.is_empty() {
        true => of_array(scope),
        false => below,
    }
}

fn pose() -> Vec<Completion> {
    let parts = [("p", "position"), ("q", "quaternion, w first")];
    let mut found: Vec<Completion> = parts.map(|(name, what)| choice(name, Kind::Variable, what)).into();
    found.extend(library::members("Pose").map(|name| function(&format!("Pose.{name}"), name)));
    found
}

fn of_array(scope: &Scope) -> Vec<Completion> {
    let kind = match scope.dialect {
        Dialect::Torch => "Tensor",
        Dialect::Numpy => "ndarray",
    };
    let methods = library::members(kind).map(|name| function(&format!("{kind}.{name}"), name));
    let members = ["shape", "dtype", "device", "ndim", "T"].map(|name| choice(name, Kind::Member, ""));
    methods.chain(members).collect()
}

/// The next parts of the names of variables below a path: `robot`, then `ee_pose`, then `p`.
fn parts_below(path: &str, schema: &Schema) -> Vec<Completion> {
    let mut found = Vec::new();
    for variable in &schema.variables {
        let rest = match path {
            "" => Some(variable.name.as_str()),
            path => variable.name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(rest) = rest else { continue };
        let word = rest.split(|c| !is_word(c)).next().unwrap_or(rest);
        // A call with its arguments is one name; a dot goes on to the next part.
        let is_whole = !rest[word.len()..].starts_with('.');
        found.push(match is_whole {
            true => of_variable(variable, rest),
            false => choice(word, Kind::Variable, "…"),
        });
    }
    found
}

fn of_variable(variable: &Variable, label: &str) -> Completion {
    Completion {
        doc: variable.doc.clone(),
        ..choice(label, Kind::Variable, detail(variable))
    }
}

// A word by itself.

fn plain(scope: &Scope, text: &str, start: usize, begun: &str, schema: &Schema) -> Vec<Completion> {
    let plain_variables = || {
        let is_plain = |variable: &&Variable| variable.name.chars().all(is_word);
        schema.variables.iter().filter(is_plain)
    };
    let call = call_around(text, start);
    if let Some((_, true)) = &call {
        // The parameters of a function are the variables that it reads.
        let is_new = |variable: &&Variable| !scope.locals.contains(&variable.name);
        let annotates = text[..start].trim_end().ends_with(':');
        if annotates {
            return vec![
                choice("Tensor", Kind::Member, "torch"),
                choice("torch", Kind::Member, ""),
            ];
        }
        return plain_variables()
            .filter(is_new)
            .map(|variable| of_variable(variable, &variable.name))
            .collect();
    }
    let locals = scope.locals.iter().map(|name| match schema.get(name) {
        Some(variable) => of_variable(variable, name),
        None => choice(name, Kind::Local, ""),
    });
    let mut found: Vec<Completion> = locals.collect();
    match &scope.surface {
        Some(surface) => found.extend(schema.variables.iter().map(|variable| {
            let name = format!("{surface}.{}", variable.name);
            of_variable(variable, &name)
        })),
        None => found.extend(
            plain_variables()
                .filter(|variable| !scope.locals.contains(&variable.name))
                .map(|variable| Completion {
                    also: scope.adding_parameter(text, &variable.name).into_iter().collect(),
                    ..of_variable(variable, &variable.name)
                }),
        ),
    }
    if let Some((callee, false)) = &call {
        found.extend(arguments(scope, callee));
    }
    if begun.is_empty() {
        return found;
    }
    for name in library::builtin_names() {
        let path = library::implicit_path(name).unwrap_or_else(|| format!("builtins.{name}"));
        found.push(function(&path, name));
    }
    found.extend(["torch", "np", "math"].map(|name| choice(name, Kind::Member, "library")));
    found.extend(KEYWORDS.map(|word| choice(word, Kind::Keyword, "")));
    found
}

/// The function whose brackets are around a place, and whether they hold its parameters and not arguments.
fn call_around(text: &str, at: usize) -> Option<(String, bool)> {
    // A bracket that closes at the place would open at the one around it.
    let probe = format!("{})", &text[..at]);
    let line_limit = probe.len().saturating_sub(4_000);
    let open = opening(&probe, probe.len()).filter(|open| *open >= line_limit)?;
    if !text[open..].starts_with('(') {
        return None;
    }
    let start = chain_start(text, open);
    let callee = &text[start..open];
    let defines = text[..start].trim_end().ends_with("def");
    (!callee.is_empty()).then(|| (callee.to_owned(), defines))
}

fn arguments(scope: &Scope, callee: &str) -> Vec<Completion> {
    let method = callee.rsplit_once('.').map(|(_, name)| name);
    let parameters = match scope.library_path(callee) {
        Some(path) => library::parameters(&path),
        None => match method {
            Some(name) => ["Tensor", "ndarray"]
                .iter()
                .find_map(|kind| library::parameters(&format!("{kind}.{name}"))),
            None => library::parameters_without_import(callee),
        },
    };
    let names = parameters.map(library::parameter_names).into_iter().flatten();
    names
        .filter(|name| !name.starts_with('*') && !matches!(*name, "input" | "a" | "x"))
        .map(|name| choice(format!("{name}="), Kind::Argument, format!("of {callee}")))
        .collect()
}
