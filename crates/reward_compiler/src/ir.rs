//! The typed intermediate representation: a graph of scalars, one value per environment and node.
//!
//! Shapes are static, loops are unrolled and branches are turned into selects by the checker, so what is left of a
//! program is a list of scalar operations in an order in which operands come first. Equal nodes are one node. A node is
//! *uniform* if its value is the same in every environment.
//!
//! Integers ride on f64 nodes: they are exact up to 2^53, and the checker refuses larger constants.
//!
//! While the graph is built, operations on constants are carried out (by the functions of [`crate::interpret`], so that the
//! result has the bits that the module would give) and identities that hold for every float, NaN, infinities and the
//! sign of zero included, are applied. `x + 0` stays: it turns -0 into +0.

use std::{collections::HashMap, fmt};

use carrot_reward_interface::{Fault, Input, Span};

use crate::interpret;

/// Type of a node's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// 32-bit float.
    F32,
    /// 64-bit float, or an integer of Python's or of dtype i64.
    F64,
    /// Truth value.
    Bool,
}

/// A node of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Operations on one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the mathematical functions of the same names
pub enum Unary {
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    /// To the nearest integer, ties to even, as Python, NumPy and torch do.
    Round,
    /// Of a truth value.
    Not,
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
}

/// Operations on two values of the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the operations of the same names
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// The smaller value; NaN if either is (`torch.min`, `np.minimum`). Python's own `min` is a comparison and a select.
    Min,
    /// The larger value; NaN if either is.
    Max,
    /// `pow` of C, special cases included.
    Pow,
    Atan2,
    /// `fmod` of C, exact, sign of the dividend. Python's `%` is built from it.
    Rem,
    /// Comparisons give a truth value and are false when either side is NaN, except `Ne`.
    Lt,
    Le,
    Eq,
    Ne,
    /// On truth values.
    And,
    Or,
    Xor,
}

/// Reductions over all environments of the batch; the result is uniform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Min,
    Max,
}

/// What a node computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Bits of an f64 (for F32 nodes the value is exactly an f32; for Bool 0.0 or 1.0).
    Const(u64),
    /// One scalar of an input: index into [`Program::inputs`] and component. Its type follows the input's dtype.
    Input(u32, u32),
    /// See [`Unary`].
    Unary(Unary, NodeId),
    /// See [`Binary`].
    Binary(Binary, NodeId, NodeId),
    /// The second where the first (Bool) is true, else the third. The other side's NaN or infinity does not leak.
    Select(NodeId, NodeId, NodeId),
    /// To the node's type: f64 to f32 rounds, truth values become 0 or 1, numbers become `x != 0`.
    Convert(NodeId),
    /// An input, read in the opposite order of environments: environment i gets the value of environment N - 1 - i.
    Reversed(NodeId),
    /// An input's value in the first environment, for all of them.
    OfFirst(NodeId),
    /// What slot number of [`Program::memory`] held when the evaluation began.
    Memory(u32),
    /// Over the whole batch.
    Reduce(Reduction, NodeId),
    /// The number of environments, as f64.
    BatchSize,
}

/// One scalar operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Type of the result.
    pub ty: Type,
    /// The expression that asked for it first.
    pub at: Span,
}

/// Nodes in evaluation order, hash-consed.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<(Op, Type), NodeId>,
}

/// A checked program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The operations.
    pub graph: Graph,
    /// What is read, in memory order; only variables that some output depends on.
    pub inputs: Vec<Input>,
    /// F32 or F64: type of the total and of each term.
    pub output: Type,
    /// Reward per environment.
    pub total: Output,
    /// Reward terms in order.
    pub terms: Vec<Output>,
    /// What is remembered for each environment until the next evaluation.
    pub memory: Vec<Slot>,
    /// How the program may stop by itself.
    pub faults: Vec<Fault>,
    /// For each environment the number (from 1) of the fault that happened first, or 0; of type [`Program::output`]. Absent
    /// where there are no faults.
    pub fault: Option<NodeId>,
}

/// A number that is remembered for each environment. At the start of an episode it is zero (or false).
#[derive(Debug, Clone)]
pub struct Slot {
    /// `prev_x`, or `prev_x[2]` for one number of an array.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it holds after the evaluation.
    pub next: NodeId,
}

/// A named result.
#[derive(Debug, Clone)]
pub struct Output {
    /// Name of the term; `total` for the total.
    pub name: String,
    /// Its value, of type [`Program::output`].
    pub value: NodeId,
    /// The expression that gives it.
    pub at: Span,
}

impl Graph {
    /// All nodes; operands come before their users.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// A constant. `value` is rounded to `ty` first.
    pub fn constant(&mut self, ty: Type, value: f64, at: Span) -> NodeId {
        let value = match ty {
            Type::F32 => f64::from(value as f32),
            Type::F64 => value,
            Type::Bool => f64::from(value != 0.0),
        };
        // One NaN is as good as another.
        let value = if value.is_nan() { f64::NAN } else { value };
        self.add(Op::Const(value.to_bits()), ty, at)
    }

    /// The value of a constant node.
    pub fn constant_value(&self, id: NodeId) -> Option<f64> {
        match self.node(id).op {
            Op::Const(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// One scalar of an input.
    pub fn input(&mut self, input: u32, component: u32, ty: Type, at: Span) -> NodeId {
        self.add(Op::Input(input, component), ty, at)
    }

    /// `values` as other environments have them: `elsewhere` is [`Op::Reversed`] or [`Op::OfFirst`], and `is_uniform` tells
    /// which inputs are the same in all environments.
    ///
    /// Errors: the first node that cannot be read elsewhere.
    pub fn elsewhere(
        &mut self,
        values: &[NodeId],
        elsewhere: fn(NodeId) -> Op,
        is_uniform: impl Fn(u32) -> bool,
        at: Span,
    ) -> Result<Vec<NodeId>, NodeId> {
        // Everything but inputs is the same operation on operands from there.
        let last = values.iter().map(|id| id.0 as usize + 1).max().unwrap_or(0);
        let mut wanted = vec![false; last];
        values.iter().for_each(|id| wanted[id.0 as usize] = true);
        for index in (0..last).rev() {
            if wanted[index] && !matches!(self.nodes[index].op, Op::Reduce(..)) {
                self.nodes[index]
                    .op
                    .operands()
                    .for_each(|operand| wanted[operand.0 as usize] = true);
            }
        }
        let mut renamed: Vec<NodeId> = (0..last as u32).map(NodeId).collect();
        for index in (0..last).filter(|&index| wanted[index]) {
            let (id, node) = (NodeId(index as u32), self.nodes[index]);
            let to = |id: NodeId| renamed[id.0 as usize];
            renamed[index] = match node.op {
                Op::Const(_) | Op::BatchSize | Op::Reduce(..) | Op::OfFirst(_) => id,
                Op::Input(input, _) if is_uniform(input) => id,
                Op::Input(..) => self.add(elsewhere(id), node.ty, at),
                Op::Reversed(original) if elsewhere(id) == Op::Reversed(id) => original,
                Op::Reversed(_) | Op::Memory(_) => return Err(id),
                Op::Unary(op, a) => self.unary(op, to(a), at),
                Op::Binary(op, a, b) => self.binary(op, to(a), to(b), at),
                Op::Select(condition, a, b) => self.select(to(condition), to(a), to(b), at),
                Op::Convert(a) => self.convert(to(a), node.ty, at),
            };
        }
        Ok(values.iter().map(|id| renamed[id.0 as usize]).collect())
    }

    /// An input as other environments have it: [`Op::Reversed`] or [`Op::OfFirst`].
    pub(crate) fn input_elsewhere(&mut self, op: Op, ty: Type, at: Span) -> NodeId {
        self.add(op, ty, at)
    }

    /// What a memory slot held when the evaluation began.
    pub fn memory(&mut self, slot: u32, ty: Type, at: Span) -> NodeId {
        self.add(Op::Memory(slot), ty, at)
    }

    /// An operation on one value; the result has its type.
    pub fn unary(&mut self, op: Unary, a: NodeId, at: Span) -> NodeId {
        let Node { op: inner, ty, .. } = *self.node(a);
        debug_assert_eq!(op == Unary::Not, ty == Type::Bool, "{op:?} of {ty:?}");
        if let Some(value) = self.constant_value(a) {
            return self.constant(ty, interpret::unary(op, ty, value), at);
        }
        match (op, inner) {
            (Unary::Neg, Op::Unary(Unary::Neg, original)) | (Unary::Not, Op::Unary(Unary::Not, original)) => original,
            (Unary::Abs, Op::Unary(Unary::Abs, _)) => a,
            (Unary::Abs, Op::Unary(Unary::Neg, original)) => self.unary(Unary::Abs, original, at),
            _ => self.add(Op::Unary(op, a), ty, at),
        }
    }

    /// An operation on two values of one type.
    pub fn binary(&mut self, op: Binary, a: NodeId, b: NodeId, at: Span) -> NodeId {
        let ty = self.node(a).ty;
        debug_assert_eq!(ty, self.node(b).ty, "{op:?}");
        if ty == Type::Bool {
            return self.logical(op, a, b, at);
        }
        let result = match op {
            Binary::Lt | Binary::Le | Binary::Eq | Binary::Ne => Type::Bool,
            _ => ty,
        };
        let (left, right) = (self.constant_value(a), self.constant_value(b));
        if let (Some(left), Some(right)) = (left, right) {
            return self.constant(result, interpret::binary(op, ty, left, right), at);
        }
        // A constant of an operation whose sides may be exchanged stands on the right, other operands in order.
        if op.is_commutative() && (left.is_some() || (right.is_none() && b < a)) {
            return self.binary(op, b, a, at);
        }
        match (op, right) {
            (Binary::Mul | Binary::Div | Binary::Pow, Some(1.0)) => a,
            (Binary::Mul | Binary::Div, Some(-1.0)) => self.unary(Unary::Neg, a, at),
            (Binary::Sub, Some(zero)) if zero.to_bits() == 0 => a,
            (Binary::Add, Some(zero)) if zero.to_bits() == (-0.0_f64).to_bits() => a,
            (Binary::Min | Binary::Max, _) if a == b => a,
            // These two are the correctly rounded powers.
            (Binary::Pow, Some(2.0)) => self.binary(Binary::Mul, a, a, at),
            (Binary::Pow, Some(0.0)) => self.constant(ty, 1.0, at),
            _ => self.add(Op::Binary(op, a, b), result, at),
        }
    }

    /// `a` where `condition`, else `b`.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId, at: Span) -> NodeId {
        debug_assert_eq!(self.node(condition).ty, Type::Bool);
        debug_assert_eq!(self.node(a).ty, self.node(b).ty);
        let ty = self.node(a).ty;
        if let Some(value) = self.constant_value(condition) {
            return if value != 0.0 { a } else { b };
        }
        if a == b {
            return a;
        }
        match self.node(condition).op {
            Op::Unary(Unary::Not, original) => self.select(original, b, a, at),
            _ if ty == Type::Bool => self.select_truth(condition, a, b, at),
            _ => self.add(Op::Select(condition, a, b), ty, at),
        }
    }

    /// A choice between truth values: "and" or "or" where one of them is known or is the condition itself.
    fn select_truth(&mut self, condition: NodeId, a: NodeId, b: NodeId, at: Span) -> NodeId {
        let known = |graph: &Self, side: NodeId, when: bool| match graph.constant_value(side) {
            Some(value) => Some(value != 0.0),
            None if side == condition => Some(when),
            None => None,
        };
        match (known(self, a, true), known(self, b, false)) {
            (Some(true), Some(false)) => condition,
            (Some(false), Some(true)) => self.unary(Unary::Not, condition, at),
            (Some(true), _) => self.logical(Binary::Or, condition, b, at),
            (_, Some(false)) => self.logical(Binary::And, condition, a, at),
            (Some(false), _) => {
                let otherwise = self.unary(Unary::Not, condition, at);
                self.logical(Binary::And, otherwise, b, at)
            }
            (_, Some(true)) => {
                let otherwise = self.unary(Unary::Not, condition, at);
                self.logical(Binary::Or, otherwise, a, at)
            }
            _ => self.add(Op::Select(condition, a, b), Type::Bool, at),
        }
    }

    /// To another type.
    pub fn convert(&mut self, a: NodeId, ty: Type, at: Span) -> NodeId {
        let Node { op, ty: from, .. } = *self.node(a);
        if from == ty {
            return a;
        }
        if let Some(value) = self.constant_value(a) {
            return self.constant(ty, value, at);
        }
        match op {
            // Widened and narrowed again, or a truth value as number and back: nothing was lost in between.
            Op::Convert(original) if self.node(original).ty == ty && (from == Type::F64 || ty == Type::Bool) => {
                original
            }
            _ => self.add(Op::Convert(a), ty, at),
        }
    }

    /// Over all environments. Truth values are reduced as 0 and 1: the smallest is "all", the largest "any", the sum a
    /// number of type F64.
    pub fn reduce(&mut self, reduction: Reduction, a: NodeId, at: Span) -> NodeId {
        let ty = self.node(a).ty;
        if ty != Type::Bool {
            return self.add(Op::Reduce(reduction, a), ty, at);
        }
        let number = self.convert(a, Type::F64, at);
        let reduced = self.add(Op::Reduce(reduction, number), Type::F64, at);
        match reduction {
            Reduction::Sum => reduced,
            Reduction::Min | Reduction::Max => self.convert(reduced, Type::Bool, at),
        }
    }

    /// The number of environments.
    pub fn batch_size(&mut self, at: Span) -> NodeId {
        self.add(Op::BatchSize, Type::F64, at)
    }

    /// An operation on two truth values; comparisons order false before true.
    fn logical(&mut self, op: Binary, a: NodeId, b: NodeId, at: Span) -> NodeId {
        let op = match op {
            Binary::And | Binary::Or | Binary::Xor => op,
            Binary::Ne => Binary::Xor,
            Binary::Min => Binary::And,
            Binary::Max => Binary::Or,
            Binary::Eq => {
                let different = self.logical(Binary::Xor, a, b, at);
                return self.unary(Unary::Not, different, at);
            }
            Binary::Lt | Binary::Le => {
                let not_a = self.unary(Unary::Not, a, at);
                let op = if op == Binary::Lt { Binary::And } else { Binary::Or };
                return self.logical(op, not_a, b, at);
            }
            _ => unreachable!("{op:?} is not an operation on truth values"),
        };
        if b < a {
            return self.logical(op, b, a, at);
        }
        for (one, other) in [(a, b), (b, a)] {
            match (op, self.constant_value(one).map(|value| value != 0.0)) {
                (Binary::And, Some(true)) | (Binary::Or | Binary::Xor, Some(false)) => return other,
                (Binary::And, Some(false)) | (Binary::Or, Some(true)) => return one,
                (Binary::Xor, Some(true)) => return self.unary(Unary::Not, other, at),
                _ => {}
            }
        }
        let negates = |graph: &Self, a: NodeId, b: NodeId| graph.node(a).op == Op::Unary(Unary::Not, b);
        let opposite = negates(self, a, b) || negates(self, b, a);
        match op {
            Binary::Xor if a == b => self.constant(Type::Bool, 0.0, at),
            Binary::And if opposite => self.constant(Type::Bool, 0.0, at),
            Binary::Or | Binary::Xor if opposite => self.constant(Type::Bool, 1.0, at),
            _ if a == b => a,
            _ => self.add(Op::Binary(op, a, b), Type::Bool, at),
        }
    }

    fn add(&mut self, op: Op, ty: Type, at: Span) -> NodeId {
        if let Some(&known) = self.known.get(&(op, ty)) {
            return known;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { op, ty, at });
        self.known.insert((op, ty), id);
        id
    }
}

impl Binary {
    /// Whether the sides may be exchanged.
    fn is_commutative(self) -> bool {
        use Binary::{Add, And, Eq, Max, Min, Mul, Ne, Or, Xor};
        matches!(self, Add | Mul | Min | Max | Eq | Ne | And | Or | Xor)
    }
}

impl Op {
    /// The nodes that it reads.
    pub fn operands(self) -> impl Iterator<Item = NodeId> {
        let none = NodeId(0);
        let (operands, count) = match self {
            Op::Const(_) | Op::Input(..) | Op::Memory(_) | Op::BatchSize => ([none; 3], 0),
            Op::Unary(_, a) | Op::Convert(a) | Op::Reversed(a) | Op::OfFirst(a) | Op::Reduce(_, a) => {
                ([a, none, none], 1)
            }
            Op::Binary(_, a, b) => ([a, b, none], 2),
            Op::Select(a, b, c) => ([a, b, c], 3),
        };
        operands.into_iter().take(count)
    }
}

impl Program {
    /// The total and the terms.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        std::iter::once(&self.total).chain(&self.terms)
    }

    /// The values that leave the program: outputs, then what the memory slots hold afterwards, then the fault number.
    pub fn results(&self) -> impl Iterator<Item = NodeId> {
        let outputs = self.outputs().map(|output| output.value);
        outputs
            .chain(self.memory.iter().map(|slot| slot.next))
            .chain(self.fault)
    }

    /// For each node, whether some result depends on it.
    pub fn reachable(&self) -> Vec<bool> {
        let nodes = self.graph.nodes();
        let mut reachable = vec![false; nodes.len()];
        for result in self.results() {
            reachable[result.0 as usize] = true;
        }
        for (index, node) in nodes.iter().enumerate().rev() {
            if reachable[index] {
                for operand in node.op.operands() {
                    reachable[operand.0 as usize] = true;
                }
            }
        }
        reachable
    }
}

impl fmt::Display for Program {
    /// One line for each operation that some result depends on: `%3: f32 = mul %1 %2  ; 4:16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for input in &self.inputs {
            let dtype = format!("{:?}", input.dtype).to_lowercase();
            let uniform = if input.uniform { " uniform" } else { "" };
            writeln!(f, "input {}: {dtype}{:?}{uniform}", input.name, input.shape)?;
        }
        let reachable = self.reachable();
        for (index, node) in self
            .graph
            .nodes()
            .iter()
            .enumerate()
            .filter(|(index, _)| reachable[*index])
        {
            write!(f, "%{index}: {} = ", format!("{:?}", node.ty).to_lowercase())?;
            match node.op {
                Op::Const(bits) => write!(f, "const {:?}", f64::from_bits(bits))?,
                Op::Input(input, component) => write!(f, "input {}[{component}]", self.inputs[input as usize].name)?,
                Op::Unary(op, _) => write!(f, "{}", format!("{op:?}").to_lowercase())?,
                Op::Binary(op, ..) => write!(f, "{}", format!("{op:?}").to_lowercase())?,
                Op::Select(..) => write!(f, "select")?,
                Op::Convert(_) => write!(f, "convert")?,
                Op::Reversed(_) => write!(f, "reversed")?,
                Op::OfFirst(_) => write!(f, "of-first")?,
                Op::Reduce(reduction, _) => write!(f, "reduce-{}", format!("{reduction:?}").to_lowercase())?,
                Op::Memory(slot) => write!(f, "memory {}", self.memory[slot as usize].name)?,
                Op::BatchSize => write!(f, "batch-size")?,
            }
            for operand in node.op.operands() {
                write!(f, " %{}", operand.0)?;
            }
            writeln!(f, "  ; {}:{}", node.at.line, node.at.column)?;
        }
        for output in self.outputs() {
            writeln!(f, "{} = %{}", output.name, output.value.0)?;
        }
        for slot in &self.memory {
            writeln!(f, "memory {} = %{}", slot.name, slot.next.0)?;
        }
        for (number, fault) in (1..).zip(&self.faults) {
            writeln!(f, "fault {number}: {}", fault.message)?;
        }
        if let Some(fault) = self.fault {
            writeln!(f, "fault = %{}", fault.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Span = Span {
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 2,
    };

    fn graph() -> (Graph, NodeId, NodeId) {
        let mut graph = Graph::default();
        let x = graph.input(0, 0, Type::F64, AT);
        let y = graph.input(0, 1, Type::F64, AT);
        (graph, x, y)
    }

    #[test]
    fn equal_operations_are_one_node() {
        let (mut graph, x, y) = graph();
        assert_eq!(graph.binary(Binary::Add, x, y, AT), graph.binary(Binary::Add, y, x, AT));
        assert_ne!(graph.binary(Binary::Sub, x, y, AT), graph.binary(Binary::Sub, y, x, AT));
    }

    #[test]
    fn constants_fold_to_what_the_module_would_compute() {
        let (mut graph, ..) = graph();
        let third = graph.constant(Type::F32, 1.0 / 3.0, AT);
        let sum = graph.binary(Binary::Add, third, third, AT);
        assert_eq!(
            graph.constant_value(sum),
            Some(f64::from(1.0_f32 / 3.0 + 1.0_f32 / 3.0))
        );
        let e = graph.constant(Type::F64, 1.0, AT);
        let e = graph.unary(Unary::Exp, e, AT);
        assert_eq!(
            graph.constant_value(e),
            Some(interpret::unary(Unary::Exp, Type::F64, 1.0))
        );
    }

    #[test]
    fn identities_hold_for_every_float() {
        let (mut graph, x, _) = graph();
        let constants = [0.0, -0.0, 1.0].map(|value| graph.constant(Type::F64, value, AT));
        let [zero, minus_zero, one] = constants;
        assert_eq!(graph.binary(Binary::Mul, one, x, AT), x);
        assert_eq!(graph.binary(Binary::Sub, x, zero, AT), x);
        assert_eq!(graph.binary(Binary::Add, x, minus_zero, AT), x);
        // -0 + 0 is +0; 0 · ∞ is NaN; NaN is not itself.
        assert_ne!(graph.binary(Binary::Add, x, zero, AT), x);
        assert_ne!(graph.binary(Binary::Mul, x, zero, AT), zero);
        let same = graph.binary(Binary::Eq, x, x, AT);
        assert_eq!(graph.constant_value(same), None);
    }

    #[test]
    fn selects_with_a_known_condition_vanish() {
        let (mut graph, x, y) = graph();
        let yes = graph.constant(Type::Bool, 1.0, AT);
        assert_eq!(graph.select(yes, x, y, AT), x);
        let less = graph.binary(Binary::Lt, x, y, AT);
        assert_eq!(graph.select(less, x, x, AT), x);
        let not_less = graph.unary(Unary::Not, less, AT);
        assert_eq!(graph.select(not_less, x, y, AT), graph.select(less, y, x, AT));
        assert_eq!(graph.select(not_less, yes, less, AT), yes);
        let is_zero = graph.convert(x, Type::Bool, AT);
        let either = graph.binary(Binary::Or, less, is_zero, AT);
        assert_eq!(graph.select(less, yes, is_zero, AT), either);
        assert_eq!(graph.select(less, less, is_zero, AT), either);
    }
}
