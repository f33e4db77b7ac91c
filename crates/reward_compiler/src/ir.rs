//! The typed intermediate representation: a graph of scalars, one value per environment and node.
//!
//! Shapes are static, loops are unrolled and branches are turned into selects by the checker, so what is left of a
//! program is a list of scalar operations in an order in which operands come first. Equal nodes are one node. A node is
//! *uniform* if its value is the same in every environment.
//!
//! Integers ride on f64 nodes: they are exact up to 2^53, and the checker refuses larger constants.

use std::collections::HashMap;

use carrot_reward_interface::{Input, Span};

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

    /// An operation on one value; the result has its type.
    pub fn unary(&mut self, op: Unary, a: NodeId, at: Span) -> NodeId {
        let ty = self.node(a).ty;
        self.add(Op::Unary(op, a), ty, at)
    }

    /// An operation on two values of one type.
    pub fn binary(&mut self, op: Binary, a: NodeId, b: NodeId, at: Span) -> NodeId {
        debug_assert_eq!(self.node(a).ty, self.node(b).ty);
        let ty = match op {
            Binary::Lt | Binary::Le | Binary::Eq | Binary::Ne => Type::Bool,
            _ => self.node(a).ty,
        };
        self.add(Op::Binary(op, a, b), ty, at)
    }

    /// `a` where `condition`, else `b`.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId, at: Span) -> NodeId {
        debug_assert_eq!(self.node(condition).ty, Type::Bool);
        debug_assert_eq!(self.node(a).ty, self.node(b).ty);
        let ty = self.node(a).ty;
        self.add(Op::Select(condition, a, b), ty, at)
    }

    /// To another type.
    pub fn convert(&mut self, a: NodeId, ty: Type, at: Span) -> NodeId {
        if self.node(a).ty == ty {
            return a;
        }
        self.add(Op::Convert(a), ty, at)
    }

    /// Over all environments.
    pub fn reduce(&mut self, reduction: Reduction, a: NodeId, at: Span) -> NodeId {
        let ty = self.node(a).ty;
        self.add(Op::Reduce(reduction, a), ty, at)
    }

    /// The number of environments.
    pub fn batch_size(&mut self, at: Span) -> NodeId {
        self.add(Op::BatchSize, Type::F64, at)
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
