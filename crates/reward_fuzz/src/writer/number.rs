//! Python's own numbers and truth values, and conditions of branches.

use super::{Axis, Kind, Type, Writer};

impl Writer<'_, '_> {
    /// A number of Python's (in NumPy programs also a scalar of NumPy's).
    pub(crate) fn number(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.budget == 0 {
            return self.number_leaf(kind);
        }
        self.budget -= 1;
        let depth = depth - 1;
        if let Some(call) = self.helper_call(&Type::Number(kind), depth) {
            return call;
        }
        match kind {
            Kind::Float => self.float_number(depth),
            Kind::Int => self.int_number(depth),
            Kind::Bool => self.condition(depth),
        }
    }

    fn float_number(&mut self, depth: usize) -> String {
        match self.choices.below(9) {
            0 => self.number_leaf(Kind::Float),
            1 | 2 => {
                let op = *self.choices.pick(&["+", "-", "*", "*", "/", "//", "%", "**"]);
                let kinds = [
                    (Kind::Float, Kind::Float),
                    (Kind::Float, Kind::Int),
                    (Kind::Int, Kind::Float),
                ];
                let &(left, right) = self.choices.pick(&kinds);
                let left = self.number(left, depth);
                // An exponent or divisor that keeps Python from raising most of the time.
                let right = match op {
                    "**" => self.choices.pick(&["2", "3", "0.5", "-1", "-2"]).to_string(),
                    "/" | "//" | "%" => self.choices.pick(&["2", "0.5", "-3", "7.25", "(-0.75)"]).to_string(),
                    _ => self.number(right, depth),
                };
                if op == "**" {
                    return format!("((abs({left}) + 0.5) {op} {right})");
                }
                format!("({left} {op} {right})")
            }
            3 => {
                let function = *self.choices.pick(&["min", "max"]);
                let [a, b] = [self.number(Kind::Float, depth), self.number(Kind::Float, depth)];
                format!("{function}({a}, {b})")
            }
            4 => {
                let a = self.number(Kind::Float, depth);
                let function =
                    *self
                        .choices
                        .pick(&["abs", "float", "-", "math.sin", "math.tanh", "math.atan", "math.cos"]);
                format!("{function}({a})")
            }
            5 => {
                let a = self.number(Kind::Int, depth);
                format!("float({a})")
            }
            6 => {
                let condition = self.condition(depth);
                let [a, b] = [self.number(Kind::Float, depth), self.number(Kind::Float, depth)];
                format!("({a} if {condition} else {b})")
            }
            7 => {
                let a = self.number(Kind::Float, depth);
                let function = *self.choices.pick(&["math.sqrt", "math.log", "math.exp"]);
                match function {
                    "math.exp" => format!("math.exp(min({a}, 5.0))"),
                    _ => format!("{function}(abs({a}) + 0.5)"),
                }
            }
            _ => {
                let count = 1 + self.choices.below(4);
                let a = self.number(Kind::Float, depth);
                format!("sum([{a} * i for i in range({count})])")
            }
        }
    }

    fn int_number(&mut self, depth: usize) -> String {
        match self.choices.below(6) {
            0 => self.number_leaf(Kind::Int),
            1 | 2 => {
                let op = *self.choices.pick(&["+", "-", "*", "//", "%"]);
                let left = self.number(Kind::Int, depth);
                let right = match op {
                    "//" | "%" => self.choices.pick(&["2", "(-3)", "7"]).to_string(),
                    _ => self.number(Kind::Int, depth),
                };
                format!("({left} {op} {right})")
            }
            3 => match self.array_name() {
                Some(name) => format!("len({name})"),
                None => "3".to_owned(),
            },
            4 => {
                let a = self.number(Kind::Float, depth);
                let function = *self.choices.pick(&["int", "math.floor", "math.ceil", "round"]);
                format!("{function}({a})")
            }
            _ => {
                let function = *self.choices.pick(&["min", "max"]);
                let [a, b] = [self.number(Kind::Int, depth), self.number(Kind::Int, depth)];
                format!("{function}({a}, {b})")
            }
        }
    }

    /// An array whose first axis has a length that is known.
    fn array_name(&mut self) -> Option<String> {
        let names: Vec<String> = self
            .names
            .iter()
            .filter(|name| matches!(&name.ty, Type::Array(_, shape) if matches!(shape.first(), Some(Axis::Size(_)))))
            .map(|name| name.text.clone())
            .collect();
        (!names.is_empty()).then(|| self.choices.pick(&names).clone())
    }

    pub(crate) fn number_leaf(&mut self, kind: Kind) -> String {
        let known: Vec<String> = self
            .names
            .iter()
            .filter(|name| match &name.ty {
                Type::Number(known) => *known == kind,
                Type::Array(known, shape) => *known == kind && shape.is_empty() && !self.is_torch(),
            })
            .map(|name| name.text.clone())
            .collect();
        if !known.is_empty() && self.choices.chance(70) {
            return self.choices.pick(&known).clone();
        }
        let literals: &[&str] = match kind {
            Kind::Bool => &["True", "False"],
            Kind::Int => &["1", "2", "0", "3", "-1", "5"],
            Kind::Float => &[
                "0.5", "1.0", "0.0", "2.0", "-1.5", "0.1", "10.0", "1e-6", "math.pi", "-0.0",
            ],
        };
        let literal = *self.choices.pick(literals);
        if literal.starts_with('-') {
            format!("({literal})")
        } else {
            literal.to_owned()
        }
    }

    /// A truth value that may stand in an `if`.
    pub(crate) fn condition(&mut self, depth: usize) -> String {
        if depth == 0 || self.budget == 0 {
            return self.number_leaf(Kind::Bool);
        }
        self.budget -= 1;
        let depth = depth - 1;
        match self.choices.below(7) {
            0 => self.number_leaf(Kind::Bool),
            1 | 2 => {
                let kind = *self.choices.pick(&[Kind::Float, Kind::Float, Kind::Int]);
                let op = *self.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let [a, b] = [self.number(kind, depth), self.number(kind, depth)];
                format!("({a} {op} {b})")
            }
            3 => {
                let word = *self.choices.pick(&["and", "or"]);
                let [a, b] = [self.condition(depth), self.condition(depth)];
                format!("({a} {word} {b})")
            }
            4 => {
                let a = self.condition(depth);
                format!("(not {a})")
            }
            5 => {
                let [a, b, c] = [(); 3].map(|()| self.number(Kind::Float, depth));
                format!("({a} < {b} <= {c})")
            }
            _ if !self.is_torch() => {
                let function = *self.choices.pick(&["any", "all"]);
                let mask = self.array(Kind::Bool, &[Axis::Size(3)], depth);
                format!("np.{function}({mask})")
            }
            _ => self.number_leaf(Kind::Bool),
        }
    }
}
