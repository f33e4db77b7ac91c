//! Imports: which modules a reward may name, and which names of a simulator's package it may bring along unused.
//!
//! A reward that was cut out of a simulator's file still has that file's first lines. What they import from the
//! simulator's own packages, the reward itself often does not use; then the line means nothing here, and is passed over.

use std::collections::BTreeSet;

use carrot_reward_interface::Fix;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};

use super::{Checked, Checker};
use crate::value::Value;
use crate::{Code, library};

/// The names that a module reads anywhere outside of annotations and lists of bases, less those it defines itself.
pub(super) fn names_in_use(module: &ast::ModModule) -> BTreeSet<&str> {
    let mut names = NamesInUse::default();
    names.visit_body(&module.body);
    for statement in &module.body {
        if let Stmt::FunctionDef(definition) = statement {
            names.read.remove(definition.name.as_str());
        }
    }
    names.read
}

#[derive(Default)]
struct NamesInUse<'a> {
    read: BTreeSet<&'a str>,
}

impl<'a> Visitor<'a> for NamesInUse<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::ClassDef(class) => self.visit_body(&class.body),
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression {
            self.read.insert(name.id.as_str());
        }
        visitor::walk_expr(self, expression);
    }
}

impl<'a> Checker<'a> {
    pub(super) fn import(&mut self, statement: &'a ast::StmtImport) -> Checked<()> {
        for alias in &statement.names {
            self.here = self.span(alias.range);
            let module = alias.name.as_str();
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            if self.is_passed_over(module, bound) {
                continue;
            }
            if !library::is_module(module) {
                let fix = self.import_meant(alias.name.range, module).or_else(|| {
                    let root = bound.split('.').next().unwrap_or(bound);
                    let is_alone = statement.names.len() == 1 && !self.names_in_use.contains(root);
                    is_alone
                        .then(|| self.removing_lines(statement.range, "remove the import, which nothing uses"))
                        .flatten()
                });
                return self.refuse_import(module, fix);
            }
            match &alias.asname {
                Some(name) => self.bind(name.as_str(), Value::Library(module.into())),
                None => {
                    let root = module.split('.').next().unwrap_or(module);
                    self.bind(root, Value::Library(root.into()));
                }
            }
        }
        Ok(())
    }

    pub(super) fn import_from(&mut self, statement: &'a ast::StmtImportFrom) -> Checked<()> {
        let module = statement.module.as_ref().map_or("", |module| module.as_str());
        self.here = self.span(statement.range);
        if module == "__future__" {
            return Ok(());
        }
        for alias in &statement.names {
            self.here = self.span(statement.range);
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let imported = alias.name.as_str();
            if self.is_passed_over(module, name) {
                continue;
            }
            if statement.level > 0 || !library::is_module(module) {
                let is_used = |alias: &ast::Alias| {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.names_in_use.contains(bound)
                };
                let fix = match &statement.module {
                    Some(name) if statement.level == 0 => self.import_meant(name.range, module),
                    _ => None,
                };
                let fix = fix.or_else(|| {
                    (!statement.names.iter().any(is_used))
                        .then(|| self.removing_lines(statement.range, "remove the import, which nothing uses"))
                        .flatten()
                });
                return self.refuse_import(module, fix);
            }
            self.here = self.span(alias.range);
            if imported == "*" && library::is_known_without_import(module) {
                continue;
            }
            if imported == "*" {
                return self.unsupported(
                    "`import *` hides where names come from",
                    "import the module, such as `import torch`",
                );
            }
            let value = match module {
                "typing" | "collections.abc" => Value::Annotation,
                _ => self.library_attribute(module, imported)?,
            };
            self.bind(name, value);
        }
        Ok(())
    }

    /// Whether an import brings only a name that the program does not use, from a package of a simulator.
    fn is_passed_over(&self, module: &str, bound: &str) -> bool {
        let root = bound.split('.').next().unwrap_or(bound);
        library::is_of_simulator(module) && (bound == "*" || !self.names_in_use.contains(root))
    }

    /// The module that a misspelt one stands for.
    fn import_meant(&self, range: ruff_text_size::TextRange, module: &str) -> Option<Fix> {
        const USUAL: [&str; 5] = ["torch", "numpy", "math", "typing", "scipy"];
        let meant = super::nearest(module, USUAL.into_iter())?;
        self.replacing(self.span(range), module, &meant)
    }

    fn refuse_import(&mut self, module: &str, fix: Option<Fix>) -> Checked<()> {
        self.fixable(
            Code::Import,
            format!("`{module}` cannot be imported"),
            "a reward may import torch, numpy, math, typing and scipy.spatial.distance".to_owned(),
            fix,
        )
    }
}
