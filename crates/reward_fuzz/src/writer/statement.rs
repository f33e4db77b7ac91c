//! Statements: assignments with their aliases, branches, loops, returns.

use super::{Axis, Kind, Name, Type, Writer};

impl Writer<'_, '_> {
    /// One statement; blocks nest `depth` deep.
    pub(crate) fn statement(&mut self, depth: usize) {
        let nested = usize::from(depth > 0);
        match self
            .choices
            .weighted(&[40, 14, 12, 8, 12 * nested, 10 * nested, 4, 4 * nested, 3, 4])
        {
            0 => self.assignment(),
            1 => self.augmented(),
            2 => self.item_assignment(),
            3 => self.alias(),
            4 => self.branch(depth),
            5 => self.range_loop(depth),
            6 => self.lambda(),
            7 if !self.is_torch() => self.early_return(),
            8 => self.unpacking(),
            9 if !self.is_torch() && self.indent == 1 && self.in_reward => self.memory(),
            _ => self.assignment(),
        }
    }

    fn random_type(&mut self) -> Type {
        let kind = *self
            .choices
            .pick(&[Kind::Float, Kind::Float, Kind::Float, Kind::Bool, Kind::Int]);
        if self.choices.chance(20) {
            return Type::Number(kind);
        }
        let tails: [&[Axis]; 8] = [
            &[],
            &[],
            &[Axis::Size(3)],
            &[Axis::Size(3)],
            &[Axis::Size(2)],
            &[Axis::Size(1)],
            &[Axis::Size(2), Axis::Size(3)],
            &[Axis::Size(4)],
        ];
        let tail = *self.choices.pick(&tails);
        Type::Array(kind, [self.per_environment().as_slice(), tail].concat())
    }

    fn assignment(&mut self) {
        let ty = self.random_type();
        let value = self.value(&ty, 3);
        // Now and then a name gets a new meaning.
        let reuse: Vec<String> = self.local_names(&ty);
        let text = if !reuse.is_empty() && self.choices.chance(25) {
            self.choices.pick(&reuse).clone()
        } else {
            self.fresh("x")
        };
        let annotation = match ty {
            Type::Number(Kind::Float) if self.choices.chance(15) => ": float",
            _ => "",
        };
        self.line(&format!("{text}{annotation} = {value}"));
        self.set(text, ty);
    }

    fn set(&mut self, text: String, ty: Type) {
        self.names.retain(|name| name.text != text);
        self.names.push(Name { text, ty });
    }

    /// Names of a type that the program made itself.
    fn local_names(&self, ty: &Type) -> Vec<String> {
        self.names
            .iter()
            .filter(|name| name.ty == *ty && name.text.starts_with('x'))
            .map(|name| name.text.clone())
            .collect()
    }

    fn floats(&mut self) -> Option<Name> {
        let names: Vec<Name> = self
            .names
            .iter()
            .filter(|name| match &name.ty {
                // A torch number cannot be written into; one of the world is rebound, which is Python's right.
                Type::Array(Kind::Float, _) => true,
                Type::Number(Kind::Float) => name.text.starts_with('x'),
                _ => false,
            })
            .cloned()
            .collect();
        (!names.is_empty()).then(|| self.choices.pick(&names).clone())
    }

    fn augmented(&mut self) {
        let Some(name) = self.floats() else {
            return self.assignment();
        };
        // `self.x += …` assigns an attribute where it is a number; arrays are changed in place.
        if name.text.contains('.') && matches!(&name.ty, Type::Array(_, shape) if shape.is_empty()) {
            return self.assignment();
        }
        let op = *self.choices.pick(&["+=", "-=", "*=", "/=", "+="]);
        let value = match &name.ty {
            Type::Array(kind, shape) => {
                let shape = self.broadcastable(&shape.clone());
                self.operand(*kind, &shape, 2)
            }
            ty => self.value(&ty.clone(), 2),
        };
        self.line(&format!("{} {op} {value}", name.text));
    }

    /// Writes into a part of an array; who shares it sees that.
    fn item_assignment(&mut self) {
        let arrays: Vec<Name> = self
            .names
            .iter()
            .filter(|name| matches!(&name.ty, Type::Array(_, shape) if shape.iter().any(|axis| *axis != Axis::Batch)))
            .cloned()
            .collect();
        if arrays.is_empty() {
            return self.assignment();
        }
        let name = self.choices.pick(&arrays).clone();
        let Type::Array(kind, shape) = name.ty else { return };
        let (subscript, rest) = self.subscript(&shape);
        let op = match kind {
            Kind::Float => *self.choices.pick(&["=", "=", "+=", "*=", "-="]),
            _ => "=",
        };
        let shape = self.broadcastable(&rest);
        let value = self.operand(kind, &shape, 2);
        self.line(&format!("{}[{subscript}] {op} {value}", name.text));
    }

    /// A subscript of integers, slices and the like, and the shape of what it selects.
    pub(crate) fn subscript(&mut self, shape: &[Axis]) -> (String, Vec<Axis>) {
        let mut parts = Vec::new();
        let mut rest = Vec::new();
        for &axis in shape {
            match axis {
                Axis::Size(size) if size > 0 => match self.choices.below(5) {
                    0 | 1 => {
                        let at = self.choices.below(size);
                        parts.push(if self.choices.chance(30) {
                            format!("-{}", size - at)
                        } else {
                            at.to_string()
                        });
                    }
                    2 => {
                        let start = self.choices.below(size);
                        let end = start + 1 + self.choices.below(size - start);
                        parts.push(match self.choices.below(3) {
                            0 => format!("{start}:{end}"),
                            1 => format!("{}:{end}", if start == 0 { String::new() } else { start.to_string() }),
                            _ => format!(
                                "-{}:{}",
                                size - start,
                                if end == size { String::new() } else { end.to_string() }
                            ),
                        });
                        rest.push(Axis::Size(end - start));
                    }
                    3 if size > 1 => {
                        parts.push("::2".to_owned());
                        rest.push(Axis::Size(size.div_ceil(2)));
                    }
                    _ => {
                        parts.push(":".to_owned());
                        rest.push(axis);
                    }
                },
                _ => {
                    parts.push(":".to_owned());
                    rest.push(axis);
                }
            }
        }
        if self.choices.chance(10) {
            let at = self.choices.below(parts.len() + 1);
            let rest_at = parts[..at].iter().filter(|part| part.contains(':')).count();
            parts.insert(at, "None".to_owned());
            rest.insert(rest_at, Axis::Size(1));
        }
        (parts.join(", "), rest)
    }

    /// A second name for an array, or a view of a part of it.
    fn alias(&mut self) {
        let arrays: Vec<Name> = self
            .names
            .iter()
            .filter(|name| matches!(&name.ty, Type::Array(_, shape) if !shape.is_empty()))
            .cloned()
            .collect();
        if arrays.is_empty() {
            return self.assignment();
        }
        let name = self.choices.pick(&arrays).clone();
        let Type::Array(kind, shape) = &name.ty else { return };
        let text = self.fresh("x");
        if self.choices.chance(50) {
            self.line(&format!("{text} = {}", name.text));
            return self.set(text, name.ty);
        }
        let (subscript, rest) = self.subscript(shape);
        self.line(&format!("{text} = {}[{subscript}]", name.text));
        self.set(text, Type::Array(*kind, rest));
    }

    fn block(&mut self, depth: usize) {
        let outer = self.names.clone();
        self.indent += 1;
        for _ in 0..1 + self.choices.below(2) {
            self.statement(depth - 1);
        }
        self.indent -= 1;
        // What is set inside only may be unset afterwards.
        self.names = outer;
    }

    fn branch(&mut self, depth: usize) {
        let condition = self.condition(2);
        self.line(&format!("if {condition}:"));
        self.block(depth);
        if self.choices.chance(30) {
            let condition = self.condition(2);
            self.line(&format!("elif {condition}:"));
            self.block(depth);
        }
        if self.choices.chance(50) {
            self.line("else:");
            self.block(depth);
        }
    }

    fn range_loop(&mut self, depth: usize) {
        let index = self.fresh("i");
        let rounds = match self.choices.below(4) {
            0 => "range(1, 4)".to_owned(),
            1 => "range(3, 0, -1)".to_owned(),
            _ => format!("range({})", 1 + self.choices.below(3)),
        };
        self.line(&format!("for {index} in {rounds}:"));
        let outer = self.names.clone();
        self.names.push(Name {
            text: index,
            ty: Type::Number(Kind::Int),
        });
        if !self.is_torch() && self.choices.chance(25) {
            let condition = self.condition(1);
            let word = *self.choices.pick(&["break", "continue"]);
            self.indent += 1;
            self.line(&format!("if {condition}:"));
            self.line(&format!("    {word}"));
            self.indent -= 1;
        }
        self.block(depth);
        self.names = outer;
    }

    /// A function without a name, called at once through one.
    fn lambda(&mut self) {
        let ty = self.random_type();
        let argument = self.value(&ty, 2);
        let text = self.fresh("f");
        let outer = self.names.clone();
        self.names.push(Name {
            text: "y".to_owned(),
            ty: ty.clone(),
        });
        let body = self.value(&ty, 2);
        self.names = outer;
        self.line(&format!("{text} = lambda y: {body}"));
        let result = self.fresh("x");
        self.line(&format!("{result} = {text}({argument})"));
        self.set(result, ty);
    }

    fn unpacking(&mut self) {
        let [a, b] = [self.random_type(), self.random_type()];
        let [left, right] = [self.value(&a, 2), self.value(&b, 2)];
        let [x, y] = [self.fresh("x"), self.fresh("x")];
        self.line(&format!("{x}, {y} = {left}, {right}"));
        self.set(x, a);
        self.set(y, b);
    }

    /// An attribute that is set at the first step and read at the next.
    fn memory(&mut self) {
        let ty = self.random_type();
        let name = self.fresh("self.before");
        let attribute = name.trim_start_matches("self.");
        let first = self.value(&ty, 1);
        self.line(&format!("if not hasattr(self, \"{attribute}\"):"));
        self.line(&format!("    {name} = {first}"));
        let text = self.fresh("x");
        self.line(&format!("{text} = {name}"));
        let next = self.value(&ty, 2);
        self.line(&format!("{name} = {next}"));
        self.set(text, ty);
    }

    fn early_return(&mut self) {
        if self.indent != 1 || !self.in_reward {
            return self.assignment(); // helpers promise one type, so they return once
        }
        let condition = self.condition(2);
        self.line(&format!("if {condition}:"));
        self.indent += 1;
        self.return_statement(false);
        self.indent -= 1;
    }

    /// The total and its terms; a program with several returns has none, since every return must name the same.
    pub(crate) fn return_statement(&mut self, last: bool) {
        let shape = self.per_environment();
        let terms = if last && !self.returned_early() {
            self.choices.below(4)
        } else {
            0
        };
        let mut listed = Vec::new();
        for term in 0..terms {
            let kind = *self.choices.pick(&[
                Kind::Float,
                Kind::Float,
                Kind::Float,
                Kind::Float,
                Kind::Bool,
                Kind::Int,
            ]);
            let ty = match self.choices.below(4) {
                0 => Type::Number(kind),
                _ => Type::Array(kind, shape.clone()),
            };
            let value = self.value(&ty, 2);
            let name = format!("term{term}");
            self.line(&format!("{name} = {value}"));
            self.set(name.clone(), ty);
            listed.push(format!("\"{name}\": {name}"));
        }
        let total = self.array(Kind::Float, &shape, 3);
        if listed.is_empty() {
            self.line(&format!("return {total}"));
        } else {
            self.line(&format!("total = {total}"));
            self.line(&format!("return total, {{{}}}", listed.join(", ")));
        }
    }

    fn returned_early(&self) -> bool {
        let body = self.lines.iter().rev().take_while(|line| line.starts_with("    "));
        body.filter(|line| line.trim_start().starts_with("return ")).count() > 0
    }
}
