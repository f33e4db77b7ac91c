//! Single operations of the graph, with the span of the expression at work.

use super::Checker;
use crate::ir::{Binary, NodeId, Reduction, Type, Unary};

impl Checker<'_> {
    pub(crate) fn constant(&mut self, ty: Type, value: f64) -> NodeId {
        self.graph.constant(ty, value, self.here)
    }

    /// A constant of the type of `like`.
    pub(crate) fn constant_like(&mut self, like: NodeId, value: f64) -> NodeId {
        let ty = self.graph.node(like).ty;
        self.constant(ty, value)
    }

    pub(crate) fn unary(&mut self, op: Unary, a: NodeId) -> NodeId {
        self.graph.unary(op, a, self.here)
    }

    pub(crate) fn binary(&mut self, op: Binary, a: NodeId, b: NodeId) -> NodeId {
        self.graph.binary(op, a, b, self.here)
    }

    pub(crate) fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        if a == b {
            return a;
        }
        match self.graph.constant_value(condition) {
            Some(value) if value != 0.0 => a,
            Some(_) => b,
            None if b == condition => self.and(condition, a),
            None if a == condition => self.or(condition, b),
            None => self.graph.select(condition, a, b, self.here),
        }
    }

    pub(crate) fn convert(&mut self, a: NodeId, ty: Type) -> NodeId {
        if let Some(value) = self.graph.constant_value(a) {
            return self.constant(ty, value);
        }
        self.graph.convert(a, ty, self.here)
    }

    pub(crate) fn reduce(&mut self, reduction: Reduction, a: NodeId) -> NodeId {
        self.graph.reduce(reduction, a, self.here)
    }

    pub(crate) fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Add, a, b)
    }

    pub(crate) fn sub(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Sub, a, b)
    }

    pub(crate) fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Mul, a, b)
    }

    pub(crate) fn div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Div, a, b)
    }

    pub(crate) fn less(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Lt, a, b)
    }

    pub(crate) fn and(&mut self, a: NodeId, b: NodeId) -> NodeId {
        match (self.graph.constant_value(a), self.graph.constant_value(b)) {
            (Some(known), _) => {
                if known != 0.0 {
                    b
                } else {
                    a
                }
            }
            (_, Some(known)) => {
                if known != 0.0 {
                    a
                } else {
                    b
                }
            }
            _ => self.binary(Binary::And, a, b),
        }
    }

    pub(crate) fn or(&mut self, a: NodeId, b: NodeId) -> NodeId {
        match (self.graph.constant_value(a), self.graph.constant_value(b)) {
            (Some(known), _) => {
                if known != 0.0 {
                    a
                } else {
                    b
                }
            }
            (_, Some(known)) => {
                if known != 0.0 {
                    b
                } else {
                    a
                }
            }
            _ => self.binary(Binary::Or, a, b),
        }
    }

    pub(crate) fn not(&mut self, a: NodeId) -> NodeId {
        match self.graph.constant_value(a) {
            Some(known) => self.constant(Type::Bool, f64::from(known == 0.0)),
            None => self.unary(Unary::Not, a),
        }
    }

    /// Whether a number is not zero; NaN is not zero.
    pub(crate) fn is_nonzero(&mut self, a: NodeId) -> NodeId {
        self.convert(a, Type::Bool)
    }

    /// The sum in order; zero of the given type for nothing.
    pub(crate) fn sum(&mut self, ty: Type, nodes: &[NodeId]) -> NodeId {
        match nodes.split_first() {
            None => self.constant(ty, 0.0),
            Some((&first, rest)) => rest.iter().fold(first, |sum, &node| self.add(sum, node)),
        }
    }

    /// `sqrt(Σ x²)`.
    pub(crate) fn euclidean_norm(&mut self, nodes: &[NodeId]) -> NodeId {
        if let [node] = nodes {
            return self.unary(Unary::Abs, *node);
        }
        let squares: Vec<NodeId> = nodes.iter().map(|&node| self.mul(node, node)).collect();
        let ty = nodes.first().map_or(Type::F64, |&node| self.graph.node(node).ty);
        let sum = self.sum(ty, &squares);
        self.unary(Unary::Sqrt, sum)
    }

    /// Remainder with the sign of the divisor, as Python, NumPy and torch define `%`.
    pub(crate) fn python_remainder(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let zero = self.constant_like(a, 0.0);
        let remainder = self.binary(Binary::Rem, a, b);
        let shifted = self.add(remainder, b);
        let differs = self.signs_differ(remainder, b);
        let result = self.select(differs, shifted, remainder);
        // A zero remainder takes the divisor's sign too.
        let is_zero = self.binary(Binary::Eq, remainder, zero);
        let negative_zero = self.constant_like(a, -0.0);
        let divisor_is_negative = self.less(b, zero);
        let signed_zero = self.select(divisor_is_negative, negative_zero, zero);
        self.select(is_zero, signed_zero, result)
    }

    /// Quotient rounded down, as Python, NumPy and torch define `//`.
    pub(crate) fn python_floor_div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let zero = self.constant_like(a, 0.0);
        let one = self.constant_like(a, 1.0);
        let half = self.constant_like(a, 0.5);
        let quotient = self.div(a, b);
        let remainder = self.binary(Binary::Rem, a, b);
        let exact = self.sub(a, remainder);
        let whole = self.div(exact, b);
        let differs = self.signs_differ(remainder, b);
        let lower = self.sub(whole, one);
        let whole = self.select(differs, lower, whole);
        let floor = self.unary(Unary::Floor, whole);
        let gap = self.sub(whole, floor);
        let upper = self.add(floor, one);
        let rounds_up = self.less(half, gap);
        let rounded = self.select(rounds_up, upper, floor);
        // A zero result keeps the sign of the quotient.
        let signed_zero = self.mul(quotient, zero);
        let is_zero = self.binary(Binary::Eq, whole, zero);
        let result = self.select(is_zero, signed_zero, rounded);
        let by_zero = self.binary(Binary::Eq, b, zero);
        self.select(by_zero, quotient, result)
    }

    /// Whether the remainder is not zero and its sign is not the divisor's.
    fn signs_differ(&mut self, remainder: NodeId, divisor: NodeId) -> NodeId {
        let zero = self.constant_like(remainder, 0.0);
        let is_nonzero = self.binary(Binary::Ne, remainder, zero);
        let remainder_is_negative = self.less(remainder, zero);
        let divisor_is_negative = self.less(divisor, zero);
        let differ = self.binary(Binary::Xor, remainder_is_negative, divisor_is_negative);
        self.and(is_nonzero, differ)
    }

    /// `a ** b`, with the small whole exponents that the libraries themselves compute by multiplication.
    pub(crate) fn power(&mut self, a: NodeId, b: NodeId) -> NodeId {
        match self.graph.constant_value(b) {
            Some(0.0) => self.constant_like(a, 1.0),
            Some(1.0) => a,
            Some(2.0) => self.mul(a, a),
            Some(3.0) => {
                let square = self.mul(a, a);
                self.mul(square, a)
            }
            Some(-1.0) => {
                let one = self.constant_like(a, 1.0);
                self.div(one, a)
            }
            Some(0.5) => self.unary(Unary::Sqrt, a),
            _ => self.binary(Binary::Pow, a, b),
        }
    }
}
