//! Writes random programs that are well typed by construction, most of the time.
//!
//! An expression is written from the outside in: what is wanted is a kind of element and a shape, and each way to get there
//! asks for parts that fit. A few programs are given a part that does not fit, since refusals must not panic either.
//! The exact dtype is left open: whether `i64[N] * 2.5` is f32 or f64 is for the library to say and for the judges to check.
//!
//! Read `array`, then `number`, then `statement`.

mod array;
mod number;
mod statement;

use carrot_reward_interface::Dialect;

use crate::Choices;

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
}

/// Length of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    /// The environments of a batch; torch only.
    Batch,
    Size(usize),
}

impl std::fmt::Display for Axis {
    /// As the argument of `reshape` or `zeros`, where the batch's length is not known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Batch => f.write_str("-1"),
            Self::Size(size) => write!(f, "{size}"),
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Array(Kind, Vec<Axis>),
    /// A number of Python's.
    Number(Kind),
}

/// A name that can be read where the next statement will stand.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) ty: Type,
}

/// A function of the program: parameters and result have one type.
#[derive(Debug, Clone)]
pub(crate) struct Helper {
    pub(crate) name: String,
    pub(crate) parameters: usize,
    pub(crate) has_default: bool,
    pub(crate) ty: Type,
}

/// One program being written.
pub(crate) struct Writer<'c, 'b> {
    pub(crate) choices: &'c mut Choices<'b>,
    pub(crate) dialect: Dialect,
    pub(crate) names: Vec<Name>,
    pub(crate) helpers: Vec<Helper>,
    /// Finished lines with their indentation.
    pub(crate) lines: Vec<String>,
    pub(crate) indent: usize,
    /// Some parts do not fit.
    pub(crate) careless: bool,
    /// Parts that may still be written; then only names and numbers, so that programs end.
    pub(crate) budget: usize,
    pub(crate) serial: usize,
    /// Not in a helper.
    pub(crate) in_reward: bool,
    /// Whether values may mix environments.
    pub(crate) mixes: bool,
}

/// A random program in a dialect.
pub fn random_program(choices: &mut Choices<'_>, dialect: Dialect) -> String {
    let budget = 10 + choices.below(60);
    let careless = choices.chance(12);
    let mixes = choices.chance(25);
    let mut writer = Writer {
        choices,
        dialect,
        names: Vec::new(),
        helpers: Vec::new(),
        lines: Vec::new(),
        indent: 0,
        careless,
        budget,
        serial: 0,
        in_reward: false,
        mixes,
    };
    writer.program();
    writer.lines.join("\n") + "\n"
}

impl Writer<'_, '_> {
    pub(crate) fn is_torch(&self) -> bool {
        self.dialect == Dialect::Torch
    }

    /// `torch` or `np`.
    pub(crate) fn library(&self) -> &'static str {
        if self.is_torch() { "torch" } else { "np" }
    }

    /// `dim` or `axis`.
    pub(crate) fn axis_word(&self) -> &'static str {
        if self.is_torch() { "dim" } else { "axis" }
    }

    /// `keepdim` or `keepdims`.
    pub(crate) fn keep_word(&self) -> &'static str {
        if self.is_torch() { "keepdim" } else { "keepdims" }
    }

    pub(crate) fn fresh(&mut self, stem: &str) -> String {
        self.serial += 1;
        format!("{stem}{}", self.serial)
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.lines.push(format!("{}{text}", "    ".repeat(self.indent)));
    }

    /// One value per environment: `[N]` in torch, no axis in NumPy.
    pub(crate) fn per_environment(&self) -> Vec<Axis> {
        if self.is_torch() { vec![Axis::Batch] } else { Vec::new() }
    }

    /// The variables of the world, as this dialect sees them.
    fn world(&mut self) -> Vec<Name> {
        use Axis::Size;
        use Kind::{Bool, Float, Int};
        let variables: [(&str, Kind, &[Axis], bool); 20] = [
            ("s", Float, &[], false),
            ("t", Float, &[], false),
            ("v", Float, &[Size(3)], false),
            ("w", Float, &[Size(3)], false),
            ("q", Float, &[Size(4)], false),
            ("one", Float, &[Size(1)], false),
            ("m", Float, &[Size(2), Size(3)], false),
            ("single", Float, &[], false),
            ("pair", Float, &[Size(2)], false),
            ("exact", Float, &[], false),
            ("exacts", Float, &[Size(3)], false),
            ("flag", Bool, &[], false),
            ("mask", Bool, &[Size(3)], false),
            ("count", Int, &[], false),
            ("counts", Int, &[Size(3)], false),
            ("dt", Float, &[], true),
            ("gains", Float, &[Size(3)], true),
            ("limit", Int, &[], true),
            ("stage", Bool, &[], true),
            ("robot.qpos", Float, &[Size(3)], false),
        ];
        let torch = self.is_torch();
        variables
            .iter()
            .filter(|(name, ..)| !torch || !name.contains('.'))
            .map(|&(name, kind, shape, uniform)| {
                let ty = match (torch, uniform, shape) {
                    (true, true, []) => Type::Number(kind),
                    (true, false, _) => Type::Array(kind, [&[Axis::Batch], shape].concat()),
                    _ => Type::Array(kind, shape.to_vec()),
                };
                let text = if torch { name.to_owned() } else { format!("self.{name}") };
                Name { text, ty }
            })
            .collect()
    }

    fn program(&mut self) {
        let world = self.world();
        if self.is_torch() {
            self.line("import torch");
            if self.choices.chance(50) {
                self.line("from torch import Tensor");
            }
        } else {
            self.line("import numpy as np");
        }
        if self.choices.chance(30) {
            self.line("import math");
        } // the name is known without it
        for _ in 0..self.choices.weighted(&[60, 25, 15]) {
            self.helper();
        }
        self.names = world;
        self.in_reward = true;
        let parameters = self.parameters();
        let name = if self.is_torch() {
            "compute_reward"
        } else {
            "compute_dense_reward"
        };
        if self.is_torch() && self.choices.chance(20) {
            self.line("@torch.jit.script");
        }
        self.line(&format!("def {name}({parameters}):"));
        self.indent += 1;
        for _ in 0..1 + self.choices.below(7) {
            self.statement(2);
        }
        self.return_statement(true);
        self.indent -= 1;
    }

    fn parameters(&mut self) -> String {
        if !self.is_torch() {
            return "self".to_owned();
        }
        let annotate = self.choices.chance(40);
        let parameters: Vec<String> = self
            .names
            .iter()
            .map(|name| match &name.ty {
                Type::Array(..) if annotate => format!("{}: torch.Tensor", name.text),
                Type::Number(Kind::Float) if annotate => format!("{}: float", name.text),
                _ => name.text.clone(),
            })
            .collect();
        parameters.join(", ")
    }

    /// A function above the reward, of one to three parameters of one type.
    fn helper(&mut self) {
        let kind = *self.choices.pick(&[Kind::Float, Kind::Float, Kind::Int]);
        let ty = match self.choices.below(3) {
            0 => Type::Number(kind),
            1 => Type::Array(kind, self.per_environment()),
            _ => Type::Array(kind, [self.per_environment(), vec![Axis::Size(3)]].concat()),
        };
        let parameters = 1 + self.choices.below(3);
        let outer = std::mem::take(&mut self.names);
        let has_default = self.choices.chance(30) && matches!(ty, Type::Number(_));
        let mut listed = Vec::new();
        for position in 0..parameters {
            let text = format!("p{position}");
            let default = if has_default && position + 1 == parameters {
                "=2"
            } else {
                ""
            };
            listed.push(format!("{text}{default}"));
            self.names.push(Name { text, ty: ty.clone() });
        }
        let name = self.fresh("helper");
        self.line(&format!("def {name}({}):", listed.join(", ")));
        self.indent += 1;
        for _ in 0..self.choices.below(3) {
            self.statement(1);
        }
        let value = self.value(&ty, 2);
        self.line(&format!("return {value}"));
        self.indent -= 1;
        self.names = outer;
        self.helpers.push(Helper {
            name,
            parameters,
            has_default,
            ty,
        });
    }

    /// An expression of a type.
    pub(crate) fn value(&mut self, ty: &Type, depth: usize) -> String {
        match ty {
            Type::Array(kind, shape) => self.array(*kind, shape, depth),
            Type::Number(kind) => self.number(*kind, depth),
        }
    }
}
