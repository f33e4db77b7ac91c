//! Compiles one reward program, written in a small subset of Python, to one WebAssembly module.
//!
//! The text comes from a language model or from a person in a hurry. It must reach the simulator only as a checked,
//! bounded program, so this crate does no I/O, knows no physics, and always says where the text is wrong.
//!
//! ```text
//! Source ──parse──▶ ast ──check(&Schema)──▶ ir::Program ──emit──▶ Module {wasm, interface}
//!              └──────────────┴──▶ Vec<Diagnostic>
//! ```
//!
//! Start in [`compile`]; then read `parse`, `check` and `emit`, in that order.

use carrot_reward_interface::module::ABI_VERSION;
use carrot_reward_interface::{DType, Diagnostic, Dialect, MemorySlot, ModuleInterface, Schema, Severity, Term};

pub mod assist;
mod broken_text;
pub mod catalogue;
mod check;
pub mod constants;
mod diagnostic_code;
mod dialect;
pub mod emit;
mod format;
pub mod interpret;
pub mod ir;
mod kernels;
mod library;
mod lint;
mod parse;
mod position;
mod render;
pub mod reply;
mod syntax_fix;
mod terms;
pub mod token_limits;
mod value;

pub use check::{MAX_ELEMENTS, MAX_NODES, MAX_ROUNDS};
pub use diagnostic_code::Code;
pub use format::format;
pub use parse::ast_text;
pub use render::render;

/// A compiled program.
#[derive(Debug, Clone)]
pub struct Module {
    /// The module, custom section included.
    pub wasm: Vec<u8>,
    /// What the custom section says.
    pub interface: ModuleInterface,
}

/// Result of a compilation. A program with errors has no module; one with warnings has both.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The module, if there was no error.
    pub module: Option<Module>,
    /// Findings, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Result of a check: what [`compile`] emits.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The program and its dialect, if there was no error.
    pub program: Option<(ir::Program, Dialect)>,
    /// Findings, sorted by position.
    pub diagnostics: Vec<Diagnostic>,
}

/// Which functions of a program become outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The reward function of either dialect (`compute_reward`, `compute_dense_reward`, or the only function).
    Reward,
    /// Each named function becomes a term, the first one also the total: `fitness`, `success`, `terminated` of a `task.py`.
    Functions(&'a [&'a str]),
    /// Variables of the schema that the program computes, each (first) by a function (second), in the torch dialect: one
    /// term for each of their numbers, the first one also the total. The functions may read each other's variables.
    Variables(&'a [(&'a str, &'a str)]),
}

/// Who wrote a text: it decides what one that is no program is taken for, and in which words its writer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A language model. Its reply may have words around the program, and may have been cut off.
    Model,
    /// A person, who is still at it. Blocks between Markdown fences were copied from a reply; nothing else is one.
    Person,
}

/// Compiles what a language model, or anybody, wrote: `source` against `schema`. `file` names the text in messages.
pub fn compile(source: &str, file: &str, schema: &Schema, entry: Entry<'_>) -> Compiled {
    compile_by(Author::Model, source, file, schema, entry)
}

/// [`compile`] with words for the one who wrote the text. What compiles for a person compiles for all, to the same module.
pub fn compile_by(author: Author, source: &str, file: &str, schema: &Schema, entry: Entry<'_>) -> Compiled {
    let Checked {
        program,
        mut diagnostics,
    } = check_by(author, source, file, schema, entry);
    let Some((program, dialect)) = program else {
        return Compiled {
            module: None,
            diagnostics,
        };
    };
    match emit::emit_module(&program, interface(&program, dialect, source, file, schema)) {
        Ok(module) => Compiled {
            module: Some(module),
            diagnostics,
        },
        Err(too_large) => {
            diagnostics.push(Diagnostic {
                code: Code::ProgramTooLarge.as_str().into(),
                severity: Severity::Error,
                file: file.into(),
                span: program.total.at,
                message: too_large.to_string(),
                help: Some("use fewer or shorter loops".into()),
                fix: None,
            });
            Compiled {
                module: None,
                diagnostics,
            }
        }
    }
}

/// Checks `source` against `schema` without making a module of it.
pub fn check(source: &str, file: &str, schema: &Schema, entry: Entry<'_>) -> Checked {
    check_by(Author::Model, source, file, schema, entry)
}

fn check_by(author: Author, source: &str, file: &str, schema: &Schema, entry: Entry<'_>) -> Checked {
    with_deep_stack(|| {
        let parsed = match parse::parse(author, source, file) {
            Ok(parsed) => parsed,
            Err(diagnostics) => {
                return Checked {
                    program: None,
                    diagnostics,
                };
            }
        };
        let text = parsed.taken.as_deref().unwrap_or(source);
        let dialect = match entry {
            Entry::Variables(_) => Dialect::Torch,
            Entry::Reward | Entry::Functions(_) => dialect::recognise(parsed.parsed.tokens(), text),
        };
        let positions = position::Positions::new(source);
        let mut forms = check::Forms::new();
        let mut runs = 0;
        // Once, or again with what the last run has learned about the program's memory.
        let (program, mut diagnostics, term_entries) = loop {
            let mut checker = check::Checker::new(schema, dialect, &positions, file, forms.clone());
            checker.run_module(parsed.parsed.syntax());
            let program = check::entry_outputs(&mut checker, entry).map(|(total, terms)| checker.program(total, terms));
            runs += 1;
            let learned = checker.learned_forms();
            checker.refuse_to_forget();
            let Some((changed, _)) = learned.iter().find(|(name, form)| forms.get(*name) != Some(form)) else {
                break (
                    program,
                    std::mem::take(&mut checker.diagnostics),
                    checker.term_entries.take(),
                );
            };
            if runs == check::MAX_RUNS {
                checker.refuse_changing_form(changed);
                break (Err(check::Reported), std::mem::take(&mut checker.diagnostics), None);
            }
            forms.extend(learned);
        };
        diagnostics.extend(parsed.warnings);
        let has_errors = diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        let program = program.ok().filter(|_| !has_errors).map(|program| (program, dialect));
        if let (Some((program, _)), Entry::Reward) = (&program, entry) {
            let findings = lint::warnings(program, schema, term_entries.as_deref());
            diagnostics.extend(findings.into_iter().map(|finding| as_diagnostic(finding, file)));
        }
        diagnostics.sort_by(|a, b| (a.span, &a.code, &a.message).cmp(&(b.span, &b.code, &b.message)));
        Checked { program, diagnostics }
    })
}

/// Notes about a reward that compiles: where it jumps. They are often meant, so [`check`] does not give them.
pub fn notes(source: &str, file: &str, schema: &Schema) -> Vec<Diagnostic> {
    let Some((program, _)) = check(source, file, schema, Entry::Reward).program else {
        return Vec::new();
    };
    let findings = lint::notes(&program, schema).into_iter();
    findings.map(|finding| as_diagnostic(finding, file)).collect()
}

fn as_diagnostic(finding: lint::Finding, file: &str) -> Diagnostic {
    Diagnostic {
        code: finding.code.as_str().into(),
        severity: finding.code.severity(),
        file: file.into(),
        span: finding.at,
        message: finding.message,
        help: finding.help,
        fix: None,
    }
}

/// What the module says about itself; `emit` adds the line table.
fn interface(program: &ir::Program, dialect: Dialect, source: &str, file: &str, schema: &Schema) -> ModuleInterface {
    let nodes = program.graph.nodes();
    ModuleInterface {
        abi: ABI_VERSION,
        file: file.into(),
        source: source.into(),
        dialect: Some(dialect),
        schema_hash: Some(schema.hash()),
        inputs: program.inputs.clone(),
        output: if program.output == ir::Type::F32 {
            DType::F32
        } else {
            DType::F64
        },
        total_at: Some(program.total.at),
        terms: program
            .terms
            .iter()
            .map(|term| Term {
                name: term.name.clone(),
                at: Some(term.at),
            })
            .collect(),
        memory: program
            .memory
            .iter()
            .map(|slot| MemorySlot {
                name: slot.name.clone(),
                dtype: match slot.ty {
                    ir::Type::F32 => DType::F32,
                    ir::Type::F64 => DType::F64,
                    ir::Type::Bool => DType::Bool,
                },
            })
            .collect(),
        faults: program.faults.clone(),
        whole_batch: nodes.iter().any(|node| {
            matches!(
                node.op,
                ir::Op::Reduce(..) | ir::Op::Reversed(_) | ir::Op::OfFirst(_) | ir::Op::BatchSize
            )
        }),
        line_table: Vec::new(),
    }
}

/// Bytes of stack for a compilation: the limits on nesting and calls bound what it can need.
const STACK_BYTES: usize = 64 << 20;

/// Runs something that recurses as deep as the limits allow, wherever it was called from.
fn with_deep_stack<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, f)
}
