//! From what an entry function returns to the outputs of a program: the total and its reward terms.
//!
//! A program that returns only a total still has terms: the checker remembers for each sum which summands it has and
//! which variables they came from, through `+=` and through branches, so that a person can see what the total is made of.

use std::collections::BTreeSet;

use carrot_reward_interface::{DType, Dialect, Input, Span};
use ruff_python_ast::Expr;

use crate::Code;
use crate::check::{Binding, Checked, Checker};
use crate::ir::{Graph, NodeId, Op, Output, Program, Slot, Type, Unary};
use crate::value::{Dim, Value};

/// Most summands that a total is taken apart into.
const MAX_SUMMANDS: usize = 32;

/// One part of a sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summand {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    pub(crate) is_negative: bool,
}

impl Checker<'_> {
    /// Remembers that `result` is the sum (or difference) of two values.
    pub(crate) fn record_sum(
        &mut self,
        is_difference: bool,
        result: &Value,
        left: (&Value, &Expr),
        right: (&Value, &Expr),
    ) {
        let Some(node) = self.single_node(result) else { return };
        let (Some(a), Some(b)) = (self.single_node(left.0), self.single_node(right.0)) else {
            return;
        };
        let mut parts = self.parts(a, left.1);
        let subtracted = self.parts(b, right.1);
        parts.extend(subtracted.into_iter().map(|part| Summand {
            is_negative: part.is_negative != is_difference,
            ..part
        }));
        if (1..=MAX_SUMMANDS).contains(&parts.len()) {
            self.summands.insert(node, parts);
        }
    }

    /// Remembers what a total begins with: after `reward = 1.0 * speed` its first summand is called speed.
    pub(crate) fn record_start(&mut self, target: &Expr, value: &Value, at: &Expr) {
        let is_total = matches!(target, Expr::Name(name) if is_total_name(name.id.as_str()));
        if let Some(node) = self.single_node(value)
            && is_total
            && !self.summands.contains_key(&node)
        {
            let parts = self.parts(node, at);
            self.summands.insert(node, parts);
        }
    }

    /// The summands of an operand; itself if it is not a sum, nothing if it is zero.
    fn parts(&mut self, node: NodeId, at: &Expr) -> Vec<Summand> {
        if self.graph.constant_value(node) == Some(0.0) {
            return Vec::new();
        }
        // A named sum is one summand under its name: `reach = a + b; total = reach + c` has the terms reach and c.
        let is_accumulator = matches!(at, Expr::Name(name) if is_total_name(name.id.as_str()));
        let is_named = matches!(at, Expr::Name(_) | Expr::Attribute(_)) && !is_accumulator;
        match self.summands.get(&node) {
            Some(parts) if !is_named => parts.clone(),
            _ => {
                let name = self.summand_name(at);
                let name = name.or_else(|| self.path_names.iter().rev().flatten().next().cloned());
                vec![Summand {
                    name: name.unwrap_or_else(|| "constant".into()),
                    node,
                    is_negative: false,
                }]
            }
        }
    }

    /// Remembers that `result` is `-value` (or a copy of it).
    pub(crate) fn record_negation(&mut self, negates: bool, value: &Value, result: &Value) {
        if let (Some(from), Some(to)) = (self.single_node(value), self.single_node(result))
            && let Some(parts) = self.summands.get(&from)
        {
            let parts = parts
                .iter()
                .cloned()
                .map(|part| Summand {
                    is_negative: part.is_negative != negates,
                    ..part
                })
                .collect();
            self.summands.insert(to, parts);
        }
    }

    /// Remembers that a node is a copy of another, perhaps of another type.
    pub(crate) fn copy_summands(&mut self, from: NodeId, to: NodeId) {
        if from != to
            && let Some(parts) = self.summands.get(&from).cloned()
        {
            self.summands.insert(to, parts);
        }
    }

    /// Remembers what `selected` is made of, where it is `a` or `b` depending on a condition.
    pub(crate) fn join_summands(&mut self, condition: NodeId, selected: NodeId, a: NodeId, b: NodeId) {
        if selected == a || selected == b || !(self.summands.contains_key(&a) || self.summands.contains_key(&b)) {
            return;
        }
        let (left, right) = (self.side(a), self.side(b));
        let ty = self.graph.node(selected).ty;
        let mut names: Vec<(String, usize)> = Vec::new();
        for side in [&left, &right] {
            let mut seen: Vec<&str> = Vec::new();
            for part in side {
                let nth = seen.iter().filter(|name| **name == part.name).count();
                seen.push(&part.name);
                if !names.contains(&(part.name.clone(), nth)) {
                    names.push((part.name.clone(), nth));
                }
            }
        }
        if names.len() > MAX_SUMMANDS || ty == Type::Bool {
            return;
        }
        let mut joined = Vec::new();
        for (name, nth) in names {
            let [x, y] = [&left, &right].map(|side| side.iter().filter(|part| part.name == name).nth(nth).cloned());
            if let (Some(x), Some(y)) = (&x, &y)
                && x == y
            {
                joined.push(x.clone());
                continue;
            }
            let [x, y] = [x, y].map(|part| self.signed_node(part.as_ref(), ty));
            let node = self.select(condition, x, y);
            joined.push(Summand {
                name,
                node,
                is_negative: false,
            });
        }
        self.summands.insert(selected, joined);
    }

    fn side(&self, node: NodeId) -> Vec<Summand> {
        if let Some(parts) = self.summands.get(&node) {
            return parts.clone();
        }
        match self.graph.constant_value(node) {
            Some(0.0) => Vec::new(),
            _ => {
                let name = self.path_names.iter().rev().flatten().next().cloned();
                vec![Summand {
                    name: name.unwrap_or_else(|| "constant".into()),
                    node,
                    is_negative: false,
                }]
            }
        }
    }

    fn signed_node(&mut self, part: Option<&Summand>, ty: Type) -> NodeId {
        let Some(part) = part else {
            return self.constant(ty, 0.0);
        };
        let node = self.convert(part.node, ty);
        if part.is_negative {
            self.unary(Unary::Neg, node)
        } else {
            node
        }
    }

    /// A name for a summand: the variables in it that are not constants.
    pub(crate) fn summand_name(&self, expression: &Expr) -> Option<String> {
        let mut names: Vec<String> = Vec::new();
        let mut rest = vec![expression];
        while let Some(expression) = rest.pop() {
            match expression {
                Expr::Name(name) if self.varies(name.id.as_str()) => {
                    let name = name.id.to_string();
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                Expr::Attribute(attribute) => match self.surface_name(expression) {
                    Some(path) => {
                        let name = path.replace('.', "_");
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                    None => rest.push(&attribute.value),
                },
                Expr::BinOp(operation) => rest.extend([&*operation.right, &*operation.left]),
                Expr::UnaryOp(operation) => rest.push(&operation.operand),
                Expr::Compare(comparison) => {
                    rest.extend(comparison.comparators.iter().rev());
                    rest.push(&comparison.left);
                }
                Expr::BoolOp(operation) => rest.extend(operation.values.iter().rev()),
                Expr::Call(call) => {
                    rest.extend(call.arguments.args.iter().rev());
                    rest.push(&call.func);
                }
                Expr::Subscript(subscript) => rest.push(&subscript.value),
                Expr::If(ternary) => rest.extend([&*ternary.orelse, &*ternary.body, &*ternary.test]),
                _ => {}
            }
        }
        names.truncate(2);
        (!names.is_empty()).then(|| names.join("_"))
    }

    fn varies(&self, name: &str) -> bool {
        match self.frame().binding(name) {
            Some(Binding::Value(value @ (Value::Scalar(_) | Value::Tensor(_)))) => self
                .single_node(value)
                .is_none_or(|node| self.graph.constant_value(node).is_none()),
            _ => false,
        }
    }

    fn surface_name(&self, expression: &Expr) -> Option<String> {
        let mut segments = Vec::new();
        let mut at = expression;
        while let Expr::Attribute(attribute) = at {
            segments.push(attribute.attr.as_str());
            at = &attribute.value;
        }
        let Expr::Name(root) = at else { return None };
        if !matches!(
            self.frame().binding(root.id.as_str()),
            Some(Binding::Value(Value::Surface(_)))
        ) {
            return None;
        }
        segments.reverse();
        (1..=segments.len())
            .rev()
            .map(|length| segments[..length].join("."))
            .find(|path| self.schema.index(path).is_some() || self.remembers(path))
    }

    /// Type of the outputs.
    pub(crate) fn output_type(&self) -> Type {
        match self.dialect {
            Dialect::Torch => Type::F32,
            Dialect::Numpy => Type::F64,
        }
    }

    /// The outputs of a reward function: `total`, or `total, {"name": term}`.
    pub(crate) fn reward_outputs(&mut self, value: &Value) -> Checked<(Output, Vec<Output>)> {
        let (total, terms) = match value {
            // `return reward, reset, …`: programs of people return more beside the reward; a dict among it holds the terms.
            Value::Tuple(tuple) if !tuple.items.is_empty() => {
                let terms = tuple.items.iter().find_map(|item| match item {
                    Value::Dict(terms) => Some(*terms),
                    _ => None,
                });
                (tuple.items[0].clone(), terms)
            }
            Value::Tuple(_) | Value::Dict(_) | Value::None | Value::List(_) | Value::Str(_) => {
                return self.wrong_return(value);
            }
            total => (total.clone(), None),
        };
        self.term_entries = terms.map(|terms| {
            let names = self.dict_items(terms).iter().map(|(name, _)| name);
            names
                .map(|name| self.entry_span(terms, name).unwrap_or(self.here))
                .collect()
        });
        let summands = self
            .single_node(&total)
            .and_then(|node| self.summands.get(&node).cloned());
        let total = self.output("total", &total);
        let terms = match terms {
            Some(terms) => {
                let entries = self.dict_items(terms).to_vec();
                let returned_at = self.here;
                let outputs = entries.iter().map(|(name, value)| {
                    self.here = self.entry_span(terms, name).unwrap_or(returned_at);
                    self.output(name, value)
                });
                let outputs = outputs.collect::<Vec<_>>();
                self.here = returned_at;
                outputs
            }
            None => summands
                .unwrap_or_default()
                .into_iter()
                .map(|part| Ok(self.summand_output(part)))
                .collect(),
        };
        let total = total?;
        let mut terms = terms.into_iter().collect::<Checked<Vec<Output>>>()?;
        make_unique(&mut terms);
        Ok((total, terms))
    }

    fn wrong_return(&mut self, value: &Value) -> Checked<(Output, Vec<Output>)> {
        let found = self.describe(value);
        self.error(
            Code::ReturnShape,
            format!("a reward returns its total, or the total and a dict of terms, not {found}"),
            "end with `return total, {\"name\": term}`".to_owned(),
        )
    }

    fn summand_output(&mut self, part: Summand) -> Output {
        let at = self.graph.node(part.node).at;
        let value = self.signed_node(Some(&part), self.output_type());
        Output {
            name: part.name,
            value,
            at,
        }
    }

    /// One number per environment from a returned value.
    pub(crate) fn output(&mut self, name: &str, value: &Value) -> Checked<Output> {
        let node = match value {
            Value::Poison => return Err(crate::check::Reported),
            Value::Scalar(scalar) => scalar.node,
            Value::Tensor(tensor) => match (self.dialect, &*tensor.dims) {
                (_, []) | (Dialect::Torch, [Dim::Batch]) => self.elements(tensor)[0],
                (Dialect::Numpy, _) if tensor.index.len() == 1 => self.elements(tensor)[0],
                (Dialect::Torch, dims) => {
                    let help = match dims {
                        [Dim::Batch, Dim::Size(1)] => "take the last axis away with `.squeeze(-1)`",
                        [Dim::Batch, ..] => "reduce over the last axis, for example with `torch.sum(x, dim=-1)`",
                        _ => "every term has one number per environment",
                    };
                    let fix = matches!(dims, [Dim::Batch, Dim::Size(1)])
                        .then(|| self.squeezing(name == "total"))
                        .flatten();
                    return self.fixable(
                        Code::TermShape,
                        format!("`{name}` is {tensor}, and one number per environment (f32[N]) is needed"),
                        help.to_owned(),
                        fix,
                    );
                }
                (Dialect::Numpy, _) => {
                    return self.error(
                        Code::TermShape,
                        format!("`{name}` is {tensor}, and one number is needed"),
                        "reduce it, for example with `np.sum(x)` or `np.linalg.norm(x)`".to_owned(),
                    );
                }
            },
            other => {
                let found = self.describe(other);
                return self.error(
                    Code::TermShape,
                    format!("`{name}` is {found}, and one number per environment is needed"),
                    None,
                );
            }
        };
        let at = self.graph.node(node).at;
        let value = self.convert(node, self.output_type());
        Ok(Output {
            name: name.to_owned(),
            value,
            at,
        })
    }

    /// The finished program: only what the outputs need, inputs in the order of the schema.
    pub(crate) fn program(&mut self, total: Output, terms: Vec<Output>) -> Program {
        let memory = self.memory_slots();
        let fault = self
            .fault_number()
            .map(|number| self.convert(number, self.output_type()));
        let outputs = std::iter::once(&total).chain(&terms).map(|output| output.value);
        let (needed, slots) = needed_nodes(&self.graph, outputs.chain(fault).collect(), &memory);
        let used: BTreeSet<usize> = self
            .graph
            .nodes()
            .iter()
            .zip(&needed)
            .filter_map(|(node, &is_needed)| match node.op {
                Op::Input(input, _) if is_needed => Some(self.inputs[input as usize]),
                _ => None,
            })
            .collect();
        let place = |input: u32| {
            used.iter()
                .position(|&variable| variable == self.inputs[input as usize])
                .unwrap_or(0) as u32
        };
        let (graph, renamed) = compacted(&self.graph, &needed, place, &slots);
        let moved = |output: Output| Output {
            value: renamed[output.value.0 as usize],
            ..output
        };
        Program {
            graph,
            inputs: used.iter().map(|&variable| self.input(variable)).collect(),
            output: self.output_type(),
            total: moved(total),
            terms: terms.into_iter().map(moved).collect(),
            memory: memory
                .into_iter()
                .zip(&slots)
                .filter(|(_, place)| place.is_some())
                .map(|(slot, _)| Slot {
                    next: renamed[slot.next.0 as usize],
                    ..slot
                })
                .collect(),
            faults: self.faults.known.clone(),
            fault: fault.map(|fault| renamed[fault.0 as usize]),
        }
    }

    fn input(&self, variable: usize) -> Input {
        let declared = &self.schema.variables[variable];
        let dtype = match declared.dtype {
            DType::Bool => DType::Bool,
            DType::F32 => DType::F32,
            DType::Float if self.dialect == Dialect::Torch && !(declared.uniform && declared.shape.is_empty()) => {
                DType::F32
            }
            DType::Pose if self.dialect == Dialect::Torch => DType::F32,
            DType::Float | DType::F64 | DType::I64 | DType::Pose | DType::Str => DType::F64,
        };
        Input {
            name: declared.name.clone(),
            shape: declared.array_shape(),
            dtype,
            uniform: declared.uniform,
        }
    }
}

/// Names under which programs collect their total; such a sum is taken apart rather than kept as one summand.
fn is_total_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("total") || name == "reward" || name == "rewards" || name == "rew" || name == "r" || name == "score"
}

fn make_unique(terms: &mut [Output]) {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for term in terms {
        let mut name = term.name.clone();
        let mut number = 2;
        while !known.insert(name.clone()) {
            name = format!("{}_{number}", term.name);
            number += 1;
        }
        term.name = name;
    }
}

/// The nodes that `roots` depend on; and for each memory slot its number among those that are worth keeping: the ones that
/// something is read from. What a program only writes down is not remembered.
fn needed_nodes(graph: &Graph, roots: Vec<NodeId>, memory: &[Slot]) -> (Vec<bool>, Vec<Option<u32>>) {
    let mut needed = vec![false; graph.nodes().len()];
    let mut is_read = vec![false; memory.len()];
    let mut wanted = roots;
    while let Some(id) = wanted.pop() {
        if std::mem::replace(&mut needed[id.0 as usize], true) {
            continue;
        }
        let op = graph.node(id).op;
        wanted.extend(op.operands());
        if let Op::Memory(slot) = op
            && !std::mem::replace(&mut is_read[slot as usize], true)
        {
            wanted.push(memory[slot as usize].next);
        }
    }
    let mut number = 0..;
    let slots = is_read
        .into_iter()
        .map(|is_read| is_read.then(|| number.next().expect("endless")));
    (needed, slots.collect())
}

fn compacted(
    graph: &Graph,
    needed: &[bool],
    place: impl Fn(u32) -> u32,
    slots: &[Option<u32>],
) -> (Graph, Vec<NodeId>) {
    let mut compact = Graph::default();
    let mut renamed = vec![NodeId(0); needed.len()];
    for (at, node) in graph.nodes().iter().enumerate().filter(|(at, _)| needed[*at]) {
        let span: Span = node.at;
        let to = |id: NodeId| renamed[id.0 as usize];
        renamed[at] = match node.op {
            Op::Const(bits) => compact.constant(node.ty, f64::from_bits(bits), span),
            Op::Input(input, component) => compact.input(place(input), component, node.ty, span),
            Op::Unary(op, a) => compact.unary(op, to(a), span),
            Op::Binary(op, a, b) => compact.binary(op, to(a), to(b), span),
            Op::Select(condition, a, b) => compact.select(to(condition), to(a), to(b), span),
            Op::Convert(a) => compact.convert(to(a), node.ty, span),
            Op::Reduce(reduction, a) => compact.reduce(reduction, to(a), span),
            Op::Reversed(a) => compact.input_elsewhere(Op::Reversed(to(a)), node.ty, span),
            Op::OfFirst(a) => compact.input_elsewhere(Op::OfFirst(to(a)), node.ty, span),
            Op::Memory(slot) => compact.memory(
                slots[slot as usize].expect("a slot that is read is kept"),
                node.ty,
                span,
            ),
            Op::BatchSize => compact.batch_size(span),
        };
    }
    (compact, renamed)
}
