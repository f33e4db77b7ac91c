//! The numbers of a program that a person would want to turn: weights, scales, thresholds, targets.
//!
//! A number is left out where it says how the program is built and not how much something counts. Turning it would
//! break the program, or change what it means rather than how strongly it means it:
//!
//! - positions, axes, shapes, orders of a norm, counts of rounds, and every name that is used as one of them;
//! - arguments of the simulator's own methods, which are a part of a variable's name: `robot.check_grasp(cube, max_angle=30)`;
//! - exponents that are whole numbers or a square root, and whole numbers after `%`, `//` and `==`;
//! - the one of `1 - x`, `1 + x` and `1 / x`, factors of plain signs, the two of `2 * pi` and of `2 * acos(…)`;
//! - guards against division by zero (below a hundred-thousandth), and the bounds of what goes into `acos`;
//! - zeros, unless it is a factor (`0.0 * effort` is a term switched off) or has a name that is set only once: `bias = 0.0` is a
//!   weight, `total = 0.0` starts a sum;
//! - unit vectors such as `[0.0, 0.0, 1.0]`, and whole numbers in lists.
//!
//! The syntax tree of a text with mistakes is looked at as far as the parser could make sense of it, so that sliders
//! stay while a person types.

mod naming;
mod structure;

use std::ops::Range;

use ruff_python_ast::{self as ast, Expr, Number, Operator, PySourceType, Stmt, UnaryOp};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::TextRange;

use crate::position::Positions;
use crate::{reply, token_limits};
use naming::subject;
use structure::{Callee, Structure};

/// A number that can be turned.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Bytes of the literal in the text, its sign included.
    pub range: Range<usize>,
    /// Its value.
    pub value: f64,
    /// Written without point or exponent, so that it has to stay a whole number.
    pub is_integer: bool,
    /// What a person would call it: `forward weight`. Together with the line it is unique in a program.
    pub name: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

/// Numbers smaller than this guard against a division by zero and mean nothing else.
const GUARD: f64 = 1e-5;

/// The constants of a program, in the order of the text. A text beyond the compiler's limits has none.
pub fn constants(text: &str) -> Vec<Constant> {
    if token_limits::check(text).is_err() {
        return Vec::new();
    }
    crate::with_deep_stack(|| {
        let whole = parse_unchecked_source(text, PySourceType::Python);
        if whole.has_valid_syntax() {
            return Walk::over(whole.syntax(), text);
        }
        match reply::program(text).filter(|found| found.blocks > 0) {
            Some(found) => {
                let blanked = reply::blanked(text, &found.bytes);
                Walk::over(
                    parse_unchecked_source(&blanked, PySourceType::Python).syntax(),
                    &blanked,
                )
            }
            None => Walk::over(whole.syntax(), text),
        }
    })
}

/// A number as it stands in the text.
#[derive(Clone, Copy)]
struct Literal {
    range: TextRange,
    value: f64,
    is_integer: bool,
}

impl Literal {
    fn of(expression: &Expr) -> Option<Self> {
        let (sign, number, range) = match expression {
            Expr::NumberLiteral(number) => (1.0, number, number.range),
            Expr::UnaryOp(unary) if unary.op == UnaryOp::USub => match &*unary.operand {
                Expr::NumberLiteral(number) => (-1.0, number, unary.range),
                _ => return None,
            },
            _ => return None,
        };
        let (value, is_integer) = match &number.value {
            Number::Int(int) => (int.as_i64()? as f64, true),
            Number::Float(value) => (*value, false),
            Number::Complex { .. } => return None,
        };
        (value.is_finite() && range.start() <= range.end()).then_some(Self {
            range,
            value: sign * value,
            is_integer,
        })
    }

    fn is_one(self) -> bool {
        self.value.abs() == 1.0
    }

    fn is_guard(self) -> bool {
        self.value.abs() < GUARD
    }
}

/// What an expression is a part of.
#[derive(Clone, Copy, Default)]
struct Place<'n> {
    /// The name that the whole expression goes by, if it is a factor of it: `reach` for `-2.0` in `reach = -2.0 * x`.
    owner: Option<&'n str>,
    /// The name that the sum or the call goes by which this is somewhere in.
    whole: Option<&'n str>,
    /// Inside of a function's argument, where a factor is not the weight of a term.
    inside: bool,
    /// The argument of `acos` and the like, whose bounds are what they are.
    of_arc: bool,
}

impl<'n> Place<'n> {
    fn owned(owner: Option<&'n str>) -> Self {
        Self {
            owner,
            whole: owner,
            ..Self::default()
        }
    }

    /// A part of a sum goes by a name of its own.
    fn summand(self) -> Self {
        Self { owner: None, ..self }
    }
}

struct Walk<'a> {
    structure: Structure<'a>,
    found: Vec<(Literal, String)>,
}

impl<'a> Walk<'a> {
    fn over(module: &'a ast::ModModule, text: &str) -> Vec<Constant> {
        let mut walk = Walk {
            structure: Structure::of(module),
            found: Vec::new(),
        };
        walk.block(&module.body);
        walk.named(text)
    }

    /// What was found, in order, each with a name that its line has only once.
    fn named(mut self, text: &str) -> Vec<Constant> {
        let positions = Positions::new(text);
        self.found.sort_by_key(|(literal, _)| literal.range.start());
        self.found.dedup_by_key(|(literal, _)| literal.range.start());
        let mut constants: Vec<Constant> = Vec::new();
        for (literal, name) in self.found {
            let span = positions.span(literal.range);
            let same = constants
                .iter()
                .rev()
                .take_while(|earlier| earlier.line == span.line)
                .filter(|earlier| earlier.name == name || earlier.name.starts_with(&format!("{name} (")))
                .count();
            constants.push(Constant {
                range: literal.range.start().to_usize()..literal.range.end().to_usize(),
                value: literal.value,
                is_integer: literal.is_integer,
                name: match same {
                    0 => name,
                    earlier => format!("{name} ({})", earlier + 1),
                },
                line: span.line,
                column: span.column,
            });
        }
        constants
    }

    fn add(&mut self, literal: Literal, name: impl Into<String>) {
        if !literal.is_guard() {
            self.found.push((literal, name.into()));
        }
    }

    // Statements.

    fn block(&mut self, block: &'a [Stmt]) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(definition) => {
                for parameter in definition.parameters.iter_non_variadic_params() {
                    if let Some(default) = &parameter.default {
                        self.named_value(parameter.name().as_str(), default);
                    }
                }
                self.block(&definition.body);
            }
            Stmt::ClassDef(class) => self.block(&class.body),
            Stmt::Assign(assign) => self.assignment(assign.targets.first(), &assign.value),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assignment(Some(&assign.target), value);
                }
            }
            Stmt::AugAssign(assign) => {
                let target = naming::target(&assign.target);
                match (Literal::of(&assign.value), assign.op) {
                    (Some(literal), op) => {
                        let role = match op {
                            Operator::Add | Operator::Sub => "bonus",
                            op => factor_role(op, false),
                        };
                        if !(literal.is_integer && matches!(op, Operator::Mod | Operator::FloorDiv | Operator::Pow)) {
                            self.add(literal, joined(target.as_deref(), role));
                        }
                    }
                    (None, _) => self.expression(&assign.value, Place::default()),
                }
            }
            Stmt::Return(statement) => {
                if let Some(value) = statement.value.as_deref() {
                    self.value(value, None, "returned value");
                }
            }
            Stmt::Expr(statement) => self.expression(&statement.value, Place::default()),
            Stmt::If(statement) => {
                self.expression(&statement.test, Place::default());
                self.block(&statement.body);
                for clause in &statement.elif_else_clauses {
                    if let Some(test) = &clause.test {
                        self.expression(test, Place::default());
                    }
                    self.block(&clause.body);
                }
            }
            Stmt::For(statement) => {
                self.expression(
                    &statement.iter,
                    Place::owned(naming::target(&statement.target).as_deref()),
                );
                self.block(&statement.body);
                self.block(&statement.orelse);
            }
            Stmt::With(statement) => self.block(&statement.body),
            Stmt::Try(statement) => self.block(&statement.body),
            _ => {}
        }
    }

    fn assignment(&mut self, target: Option<&'a Expr>, value: &'a Expr) {
        // `a, b = 1.0, 2.0` names each of its numbers.
        if let (Some(Expr::Tuple(targets)), Expr::Tuple(values)) = (target, value)
            && targets.elts.len() == values.elts.len()
        {
            for (target, value) in targets.elts.iter().zip(&values.elts) {
                self.assignment(Some(target), value);
            }
            return;
        }
        match target.and_then(naming::target) {
            Some(name) => self.named_value(&name, value),
            None => self.expression(value, Place::default()),
        }
    }

    /// The value of something with a name: an assignment, an entry of a dict, an argument by name, a default.
    fn named_value(&mut self, name: &str, value: &'a Expr) {
        let Some(literal) = Literal::of(value) else {
            return self.expression(value, Place::owned(Some(name)));
        };
        let is_position = literal.is_integer && self.structure.is_position(name);
        let starts_a_sum = literal.value == 0.0 && self.structure.is_set_again(name);
        let is_guard = literal.value != 0.0 && literal.is_guard();
        if !is_position && !starts_a_sum && !is_guard {
            self.found.push((literal, name.to_owned()));
        }
    }

    /// An expression that may be a literal by itself.
    fn value(&mut self, value: &'a Expr, owner: Option<&str>, else_named: &str) {
        match Literal::of(value) {
            Some(literal) => self.add(literal, owner.unwrap_or(else_named)),
            None => self.expression(value, Place::owned(owner)),
        }
    }

    // Expressions. A literal is handled by the expression around it, which knows what it is for.

    fn expression(&mut self, expression: &'a Expr, place: Place<'_>) {
        match expression {
            Expr::BinOp(binary) => self.binary(binary, place),
            Expr::UnaryOp(unary) => self.expression(&unary.operand, place),
            Expr::BoolOp(operation) => operation
                .values
                .iter()
                .for_each(|value| self.expression(value, place.summand())),
            Expr::Compare(comparison) => self.comparison(comparison, place),
            Expr::Call(call) => self.call(call, place),
            Expr::If(choice) => {
                self.expression(&choice.test, place.summand());
                let otherwise = subject(&choice.test, &self.structure).map(|name| joined(Some(&name), "value"));
                for side in [&choice.body, &choice.orelse] {
                    match Literal::of(side) {
                        Some(literal) if literal.value == 0.0 => {}
                        Some(literal) => {
                            let name = place.owner.or(otherwise.as_deref()).unwrap_or("chosen value");
                            self.add(literal, name);
                        }
                        None => self.expression(side, place),
                    }
                }
            }
            Expr::Dict(dict) => {
                for item in &dict.items {
                    let key = match &item.key {
                        Some(Expr::StringLiteral(key)) => Some(key.value.to_str()),
                        _ => None,
                    };
                    self.value(&item.value, key, "entry");
                }
            }
            Expr::List(list) => self.items(&list.elts, place),
            Expr::Tuple(tuple) => self.items(&tuple.elts, place),
            Expr::Named(named) => self.assignment(Some(&named.target), &named.value),
            Expr::Attribute(attribute) => self.expression(&attribute.value, place),
            Expr::Subscript(subscript) => self.expression(&subscript.value, place),
            Expr::Starred(starred) => self.expression(&starred.value, place),
            Expr::Lambda(lambda) => self.value(&lambda.body, place.owner, "returned value"),
            Expr::ListComp(comprehension) => self.comprehension(&comprehension.elt, &comprehension.generators),
            Expr::Generator(generator) => self.comprehension(&generator.elt, &generator.generators),
            _ => {}
        }
    }

    fn comprehension(&mut self, element: &'a Expr, generators: &'a [ast::Comprehension]) {
        self.expression(element, Place::default());
        for generator in generators {
            self.expression(
                &generator.iter,
                Place::owned(naming::target(&generator.target).as_deref()),
            );
            for condition in &generator.ifs {
                self.expression(condition, Place::default());
            }
        }
    }

    /// A list of numbers is a vector, unless it is one of axes or places, or a unit vector.
    fn items(&mut self, items: &'a [Expr], place: Place<'_>) {
        let numbers: Vec<Literal> = items.iter().filter_map(Literal::of).collect();
        let is_of_units =
            numbers.len() == items.len() && numbers.iter().all(|number| number.value == 0.0 || number.is_one());
        for (at, item) in items.iter().enumerate() {
            match Literal::of(item) {
                Some(literal) if literal.is_integer || is_of_units => {}
                Some(literal) => {
                    let name = format!("{}[{at}]", place.owner.or(place.whole).unwrap_or("vector"));
                    self.found.push((literal, name));
                }
                None => self.expression(item, place),
            }
        }
    }

    fn binary(&mut self, binary: &'a ast::ExprBinOp, place: Place<'_>) {
        let op = binary.op;
        let within = match op {
            Operator::Mult | Operator::Div => place,
            _ => place.summand(),
        };
        let is_of_position = place.whole.is_some_and(|name| self.structure.is_position(name));
        for (side, other, is_left) in [
            (&binary.left, &binary.right, true),
            (&binary.right, &binary.left, false),
        ] {
            match Literal::of(side) {
                Some(literal) if literal.is_integer && is_of_position => {}
                Some(literal) if self.is_structural(literal, op, other, is_left) => {}
                Some(literal) => {
                    let plain = matches!(**other, Expr::Name(_) | Expr::Attribute(_));
                    let name = subject(other, &self.structure);
                    // A whole term goes by its own name; a part of it by what it multiplies.
                    let name = match place.owner {
                        Some(owner) if !plain && matches!(op, Operator::Mult | Operator::Div) => Some(owner.to_owned()),
                        owner => name.or(owner.map(str::to_owned)),
                    };
                    let role = match (op, place.inside) {
                        (Operator::Mult, true) => "factor",
                        _ => factor_role(op, is_left),
                    };
                    let name = joined(name.as_deref(), role);
                    // A zero guards nothing.
                    match literal.value == 0.0 {
                        true => self.found.push((literal, name)),
                        false => self.add(literal, name),
                    }
                }
                None => self.expression(side, within),
            }
        }
    }

    fn is_structural(&self, literal: Literal, op: Operator, other: &Expr, is_left: bool) -> bool {
        let is_root_or_whole = literal.value.fract() == 0.0 || literal.value.abs() == 0.5;
        match op {
            Operator::Add | Operator::Sub => literal.value == 0.0 || literal.is_one(),
            Operator::Mult => {
                let doubles = literal.value.abs() == 2.0 && self.structure.is_angle(other);
                // A weight of 0.0 is a term that somebody has switched off, and may want back.
                (literal.is_integer && literal.value == 0.0) || doubles || (literal.is_integer && literal.is_one())
            }
            Operator::Div => literal.value == 0.0 || (literal.is_one() && is_left),
            Operator::Pow => !is_left && is_root_or_whole,
            Operator::Mod | Operator::FloorDiv => literal.is_integer,
            Operator::MatMult => false,
            _ => true,
        }
    }

    fn comparison(&mut self, comparison: &'a ast::ExprCompare, place: Place<'_>) {
        let operands: Vec<&'a Expr> = std::iter::once(&*comparison.left)
            .chain(comparison.comparators.iter())
            .collect();
        for (at, operand) in operands.iter().enumerate() {
            let Some(literal) = Literal::of(operand) else {
                self.expression(operand, place.summand());
                continue;
            };
            let beside = [at.checked_sub(1), Some(at + 1)]
                .into_iter()
                .flatten()
                .filter_map(|at| operands.get(at))
                .find_map(|other| subject(other, &self.structure));
            let op = comparison.ops[at.saturating_sub(1).min(comparison.ops.len() - 1)];
            let is_order = matches!(op, ast::CmpOp::Lt | ast::CmpOp::LtE | ast::CmpOp::Gt | ast::CmpOp::GtE);
            if literal.value != 0.0 && is_order {
                self.add(literal, joined(beside.as_deref(), "threshold"));
            }
        }
    }

    fn call(&mut self, call: &'a ast::ExprCall, place: Place<'_>) {
        let callee = self.structure.callee(&call.func);
        if let Expr::Attribute(attribute) = &*call.func {
            self.expression(&attribute.value, Place { inside: true, ..place });
        }
        let inside = Place {
            owner: callee.keeps_owner().then_some(place.owner).flatten(),
            whole: place.whole,
            inside: !callee.keeps_owner(),
            of_arc: callee.is_arc(),
        };
        for (at, argument) in call.arguments.args.iter().enumerate() {
            let parameter = callee.positional(at);
            self.argument(&callee, call, parameter, argument, place, inside);
        }
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else { continue };
            if callee.is_structural(name.as_str()) || self.structure.is_position(name.as_str()) {
                continue;
            }
            if callee.is_library() {
                self.argument(&callee, call, Some(name.as_str()), &keyword.value, place, inside);
            } else {
                self.named_value(name.as_str(), &keyword.value);
            }
        }
    }

    fn argument(
        &mut self,
        callee: &Callee<'_>,
        call: &'a ast::ExprCall,
        parameter: Option<&str>,
        argument: &'a Expr,
        place: Place<'_>,
        inside: Place<'_>,
    ) {
        if parameter.is_some_and(|name| callee.is_structural(name)) || callee.is_all_structural() {
            return;
        }
        let Some(literal) = Literal::of(argument) else {
            return self.expression(argument, inside);
        };
        let is_whole_exponent = callee.is_power() && (literal.value.fract() == 0.0 || literal.value.abs() == 0.5);
        let is_bound_of_arc = place.of_arc && literal.value.abs() > 0.99 && literal.value.abs() <= 1.0;
        let is_position = literal.is_integer && parameter.is_some_and(|name| self.structure.is_position(name));
        if literal.value == 0.0 || is_whole_exponent || is_bound_of_arc || is_position {
            return;
        }
        let about = naming::argument_subject(call, argument, &self.structure);
        let name = match parameter {
            _ if callee.keeps_owner() => place.owner.map(str::to_owned).or(about).unwrap_or("number".into()),
            Some(parameter) => match callee.role(parameter) {
                Some(role) => joined(about.or(place.owner.map(str::to_owned)).as_deref(), role),
                None if callee.is_library() => joined(about.as_deref(), parameter),
                None => parameter.to_owned(),
            },
            None => joined(about.as_deref(), "argument"),
        };
        self.add(literal, name);
    }
}

/// `forward weight`; the role alone where nothing has a name.
fn joined(name: Option<&str>, role: &str) -> String {
    match name {
        Some(name) => format!("{name} {role}"),
        None => role.to_owned(),
    }
}

/// What a number is for whatever stands on the other side of an operator.
fn factor_role(op: Operator, is_left: bool) -> &'static str {
    match (op, is_left) {
        (Operator::Mult | Operator::MatMult, _) => "weight",
        (Operator::Div, true) => "weight",
        (Operator::Div, false) => "scale",
        (Operator::Pow, false) => "exponent",
        (Operator::Pow, true) => "base",
        (Operator::Mod | Operator::FloorDiv, _) => "period",
        _ => "offset",
    }
}
