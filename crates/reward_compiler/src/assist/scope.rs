//! The names that stand for something at a place of the text.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Parameters, PySourceType, Stmt, StmtFunctionDef};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::Ranged;

use carrot_reward_interface::{Dialect, Edit};

use crate::position::Positions;
use crate::{check, dialect, library, token_limits};

/// Names in sight.
pub(super) struct Scope {
    /// Names that the program sets before the place.
    pub(super) locals: BTreeSet<String>,
    /// Modules and functions by the names under which they were imported.
    imports: BTreeMap<String, String>,
    /// Names of the first parameter through which variables are read: `self`.
    pub(super) surface: Option<String>,
    pub(super) dialect: Dialect,
    /// Where one more parameter of the function around the place goes, and the text with `{name}` in it.
    parameter: Option<(usize, String)>,
}

/// Stands for the name in [`Scope::parameter`].
const NAME: &str = "new_parameter_name";

impl Scope {
    pub(super) fn before(text: &str, place: usize) -> Self {
        let mut scope = Self {
            locals: BTreeSet::new(),
            imports: BTreeMap::new(),
            surface: None,
            dialect: Dialect::Torch,
            parameter: None,
        };
        if token_limits::check(text).is_err() {
            return scope;
        }
        crate::with_deep_stack(|| {
            let parsed = parse_unchecked_source(text, PySourceType::Python);
            scope.dialect = dialect::recognise(parsed.tokens(), text);
            let mut names = Names {
                scope: &mut scope,
                place,
                is_indented: text[..place]
                    .rsplit('\n')
                    .next()
                    .is_some_and(|line| line.starts_with([' ', '\t'])),
            };
            names.visit_body(&parsed.syntax().body);
            let functions = parsed.syntax().body.iter().filter_map(Stmt::as_function_def_stmt);
            let around = functions
                .filter(|function| function.range.start().to_usize() < place)
                .last();
            if let Some(function) = around {
                scope.function(function, text);
            }
        });
        scope
    }

    fn function(&mut self, function: &StmtFunctionDef, text: &str) {
        let first = function
            .parameters
            .iter()
            .next()
            .map(|parameter| parameter.name().as_str());
        if matches!(first, Some("self" | "env")) {
            self.surface = first.map(str::to_owned);
        }
        if function.name.as_str().contains("reward") {
            self.parameter = check::parameter_to_insert(&function.parameters, text, NAME);
        }
    }

    /// The edit that lets the function around the place take one more variable.
    pub(super) fn adding_parameter(&self, text: &str, name: &str) -> Option<Edit> {
        let (at, inserted) = self.parameter.as_ref()?;
        Some(Edit {
            span: Positions::new(text).span_of_bytes(*at, *at),
            replacement: inserted.replace(NAME, name),
        })
    }

    /// The name of the task's variable that a chain would read.
    pub(super) fn path_of<'c>(&self, chain: &'c str) -> &'c str {
        ["self.", "env.", "self.env."]
            .iter()
            .rev()
            .find_map(|prefix| chain.strip_prefix(prefix))
            .unwrap_or(chain)
    }

    /// The full name of something in a library.
    pub(super) fn library_path(&self, chain: &str) -> Option<String> {
        // What a call gives is a value, whatever library the function is of.
        if chain.contains(['(', '[']) {
            return None;
        }
        let (root, rest) = chain.split_once('.').unwrap_or((chain, ""));
        let module = match self.imports.get(root) {
            Some(path) => path.clone(),
            None if self.locals.contains(root) => return None,
            None => match root {
                "torch" | "math" | "numpy" => root.to_owned(),
                "np" => "numpy".into(),
                "F" if self.dialect == Dialect::Torch => "torch.nn.functional".into(),
                _ => return None,
            },
        };
        let path = if rest.is_empty() {
            module
        } else {
            format!("{module}.{rest}")
        };
        Some(library::canonical(&path))
    }
}

/// Names that statements before a place set.
struct Names<'s> {
    scope: &'s mut Scope,
    place: usize,
    is_indented: bool,
}

impl Names<'_> {
    fn sets(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) if name.range.end().to_usize() < self.place => {
                self.scope.locals.insert(name.id.to_string());
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.sets(target)),
            _ => {}
        }
    }

    fn takes(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            let name = parameter.name();
            if name.range.end().to_usize() < self.place {
                self.scope.locals.insert(name.as_str().to_owned());
            }
        }
    }
}

impl<'a> Visitor<'a> for Names<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if statement.range().start().to_usize() >= self.place {
            return;
        }
        match statement {
            Stmt::FunctionDef(function) => {
                if function.name.range.end().to_usize() < self.place {
                    self.scope.locals.insert(function.name.to_string());
                }
                // Only the names of the function that is being written.
                let is_inside = function.range.end().to_usize() >= self.place || self.is_indented;
                if !is_inside {
                    return;
                }
                self.takes(&function.parameters);
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    let (name, path) = match &alias.asname {
                        Some(_) => (bound, alias.name.to_string()),
                        None => {
                            let root = bound.split('.').next().unwrap_or(bound);
                            (root, root.to_owned())
                        }
                    };
                    self.scope.imports.insert(name.to_owned(), path);
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                for alias in &import.names {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name);
                    let path = format!("{module}.{}", alias.name.as_str());
                    self.scope.imports.insert(bound.to_string(), path);
                }
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.sets(target)),
            Stmt::AnnAssign(assign) => self.sets(&assign.target),
            Stmt::For(statement) => self.sets(&statement.target),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }
}
