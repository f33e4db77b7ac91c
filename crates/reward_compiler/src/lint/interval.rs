//! Between which numbers each value of a program lies, from the declared ranges of the variables.
//!
//! One pass over the graph. Bounds are never too narrow up to rounding; they are too wide where two operands depend on the
//! same variable, except for the shapes that rewards are made of: squares, norms, `x / norm(x)`, clamps and guards.

use carrot_reward_interface::{DType, Variable};

use crate::interpret;
use crate::ir::{Binary, Graph, Node, NodeId, Op, Type, Unary};

use super::quaternion;

/// Most summands of a sum that are looked at to see that it is a sum of squares.
const MAX_SQUARES: usize = 16;

/// A closed interval; NaN is not tracked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) lo: f64,
    pub(super) hi: f64,
    /// Whether the bounds rest on constants and declared ranges alone. Those of a value that depends on a variable
    /// without a range hold as well, but say nothing about what occurs in practice.
    pub(super) is_known: bool,
}

impl Interval {
    const ANY: Self = Self {
        lo: f64::NEG_INFINITY,
        hi: f64::INFINITY,
        is_known: false,
    };

    fn new(lo: f64, hi: f64, is_known: bool) -> Self {
        // An operation on infinities that gives NaN says nothing.
        let lo = if lo.is_nan() { f64::NEG_INFINITY } else { lo };
        let hi = if hi.is_nan() { f64::INFINITY } else { hi };
        Self { lo, hi, is_known }
    }

    fn exactly(value: f64) -> Self {
        Self::new(value, value, true)
    }

    /// A truth value that may be either.
    fn either(is_known: bool) -> Self {
        Self::new(0.0, 1.0, is_known)
    }

    pub(super) fn contains(self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }

    pub(super) fn width(self) -> f64 {
        self.hi - self.lo
    }

    fn negated(self) -> Self {
        Self::new(-self.hi, -self.lo, self.is_known)
    }

    fn magnitude(self) -> Self {
        if self.lo >= 0.0 {
            self
        } else if self.hi <= 0.0 {
            self.negated()
        } else {
            Self::new(0.0, self.hi.max(-self.lo), self.is_known)
        }
    }

    fn union(self, other: Self) -> Self {
        Self::new(
            self.lo.min(other.lo),
            self.hi.max(other.hi),
            self.is_known && other.is_known,
        )
    }

    /// Within other bounds. Finite bounds on both sides are as good as a declared range.
    fn clipped(self, lo: f64, hi: f64) -> Self {
        let (lo, hi) = (self.lo.max(lo), self.hi.min(hi));
        // An empty intersection is a branch that is never taken.
        if lo > hi {
            return self;
        }
        Self::new(lo, hi, self.is_known || (lo.is_finite() && hi.is_finite()))
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(f(self.lo), f(self.hi), self.is_known)
    }
}

/// The interval of every node. `variables[i]` is the variable of input `i`.
pub(super) fn intervals(graph: &Graph, variables: &[Option<&Variable>]) -> Vec<Interval> {
    intervals_with(graph, variables, Interval::ANY)
}

/// The same, if every variable without a range is at least zero, as distances, weights and temperatures are.
pub(super) fn intervals_if_positive(graph: &Graph, variables: &[Option<&Variable>]) -> Vec<Interval> {
    intervals_with(graph, variables, Interval::new(0.0, f64::INFINITY, false))
}

fn intervals_with(graph: &Graph, variables: &[Option<&Variable>], unranged: Interval) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let interval = interval(graph, &intervals, variables, unranged, node);
        intervals.push(interval);
    }
    intervals
}

fn interval(
    graph: &Graph,
    known: &[Interval],
    variables: &[Option<&Variable>],
    unranged: Interval,
    node: &Node,
) -> Interval {
    let of = |id: NodeId| known[id.0 as usize];
    match node.op {
        Op::Const(bits) => Interval::exactly(f64::from_bits(bits)),
        Op::Input(input, component) => {
            variables[input as usize].map_or(unranged, |variable| declared(variable, component, unranged))
        }
        Op::Unary(op, a) => unary(op, of(a)),
        Op::Binary(op, a, b) => binary(graph, op, (a, of(a)), (b, of(b))),
        Op::Select(condition, a, b) => {
            let chosen = of(condition);
            if chosen.is_known && chosen.lo == chosen.hi {
                return of(if chosen.lo == 0.0 { b } else { a });
            }
            let (a, b) = (
                refined(graph, known, condition, true, a),
                refined(graph, known, condition, false, b),
            );
            a.union(b)
        }
        Op::Convert(a) if node.ty == Type::Bool => {
            let a = of(a);
            if a.contains(0.0) {
                Interval::either(a.is_known)
            } else {
                Interval::exactly(1.0)
            }
        }
        Op::Convert(a) | Op::Reversed(a) | Op::OfFirst(a) => of(a),
        Op::Reduce(crate::ir::Reduction::Min | crate::ir::Reduction::Max, a) => of(a),
        Op::Reduce(crate::ir::Reduction::Sum, a) => {
            let a = of(a);
            let bound = |value: f64| product(value, f64::INFINITY);
            Interval::new(bound(a.lo).min(a.lo), bound(a.hi).max(a.hi), false)
        }
        Op::BatchSize => Interval::new(1.0, f64::INFINITY, false),
        Op::Memory(_) => unranged,
    }
}

fn declared(variable: &Variable, component: u32, unranged: Interval) -> Interval {
    match (variable.range, variable.dtype) {
        (_, DType::Bool) => Interval::either(true),
        (_, _) if quaternion::part(variable, component).is_some() => Interval::new(-1.0, 1.0, true),
        (_, DType::Pose) => unranged,
        (Some([lo, hi]), _) => Interval::new(lo, hi, true),
        (None, _) => unranged,
    }
}

/// The interval of `arm` where `condition` is `truth`.
fn refined(graph: &Graph, known: &[Interval], condition: NodeId, truth: bool, arm: NodeId) -> Interval {
    let of = |id: NodeId| known[id.0 as usize];
    let interval = of(arm);
    match graph.node(condition).op {
        Op::Unary(Unary::Not, inner) => refined(graph, known, inner, !truth, arm),
        Op::Binary(Binary::Lt | Binary::Le, a, b) => match (truth, arm == a, arm == b) {
            (true, true, _) => interval.clipped(f64::NEG_INFINITY, of(b).hi),
            (true, _, true) => interval.clipped(of(a).lo, f64::INFINITY),
            (false, true, _) => interval.clipped(of(b).lo, f64::INFINITY),
            (false, _, true) => interval.clipped(f64::NEG_INFINITY, of(a).hi),
            _ => interval,
        },
        _ => interval,
    }
}

fn unary(op: Unary, a: Interval) -> Interval {
    let exact = |value: f64| interpret::unary(op, Type::F64, value);
    match op {
        Unary::Neg => a.negated(),
        Unary::Abs => a.magnitude(),
        Unary::Sqrt => a.clipped(0.0, f64::INFINITY).map(exact),
        Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round => a.map(exact),
        Unary::Not => Interval::new(1.0 - a.hi, 1.0 - a.lo, a.is_known),
        Unary::Exp | Unary::Expm1 | Unary::Sinh | Unary::Atan | Unary::Tanh => a.map(exact),
        Unary::Cosh => a.magnitude().map(exact),
        Unary::Log | Unary::Log2 | Unary::Log10 => Interval::new(exact(a.lo.max(0.0)), exact(a.hi), a.is_known),
        Unary::Log1p => Interval::new(exact(a.lo.max(-1.0)), exact(a.hi), a.is_known),
        Unary::Sin | Unary::Cos => Interval::new(-1.0, 1.0, true),
        Unary::Asin => a.clipped(-1.0, 1.0).map(exact),
        Unary::Acos => Interval::new(0.0, std::f64::consts::PI, true),
        Unary::Tan => Interval {
            is_known: false,
            ..Interval::ANY
        },
    }
}

fn binary(graph: &Graph, op: Binary, (a, x): (NodeId, Interval), (b, y): (NodeId, Interval)) -> Interval {
    let is_known = x.is_known && y.is_known;
    match op {
        Binary::Add => Interval::new(x.lo + y.lo, x.hi + y.hi, is_known),
        // As softmax takes the largest away: `x - max(x)`.
        Binary::Sub if is_largest_of(graph, b, a) => Interval::new(x.lo - y.hi, 0.0, is_known),
        Binary::Sub => Interval::new(x.lo - y.hi, x.hi - y.lo, is_known),
        Binary::Mul if a == b => {
            let m = x.magnitude();
            Interval::new(product(m.lo, m.lo), product(m.hi, m.hi), is_known)
        }
        Binary::Mul => hull([x.lo, x.hi].map(|p| [product(p, y.lo), product(p, y.hi)]), is_known),
        Binary::Div => {
            if is_norm_of(graph, b, a) {
                return Interval::new(-1.0, 1.0, true);
            }
            if y.contains(0.0) {
                // The sign is still known: 1 / norm(x) is not negative.
                return match (x.lo >= 0.0, y.lo >= 0.0) {
                    (true, true) => Interval::new(0.0, f64::INFINITY, is_known),
                    (false, true) if x.hi <= 0.0 => Interval::new(f64::NEG_INFINITY, 0.0, is_known),
                    _ => Interval::new(f64::NEG_INFINITY, f64::INFINITY, is_known),
                };
            }
            hull([x.lo, x.hi].map(|p| [quotient(p, y.lo), quotient(p, y.hi)]), is_known)
        }
        Binary::Min => with_bounds(Interval::new(x.lo.min(y.lo), x.hi.min(y.hi), is_known)),
        Binary::Max => with_bounds(Interval::new(x.lo.max(y.lo), x.hi.max(y.hi), is_known)),
        Binary::Pow => power(graph, x, (b, y), is_known),
        Binary::Atan2 => Interval::new(-std::f64::consts::PI, std::f64::consts::PI, true),
        Binary::Rem => {
            let bound = y.magnitude().hi;
            let lo = if x.lo >= 0.0 { 0.0 } else { -bound };
            let hi = if x.hi <= 0.0 { 0.0 } else { bound };
            with_bounds(Interval::new(lo, hi, is_known))
        }
        Binary::Lt if is_known && x.hi < y.lo => Interval::exactly(1.0),
        Binary::Lt if is_known && x.lo >= y.hi => Interval::exactly(0.0),
        Binary::Le if is_known && x.hi <= y.lo => Interval::exactly(1.0),
        Binary::Le if is_known && x.lo > y.hi => Interval::exactly(0.0),
        Binary::And => Interval::new(x.lo.min(y.lo), x.hi.min(y.hi), is_known || x.hi == 0.0 || y.hi == 0.0),
        Binary::Or => Interval::new(x.lo.max(y.lo), x.hi.max(y.hi), is_known || x.lo == 1.0 || y.lo == 1.0),
        Binary::Lt | Binary::Le | Binary::Eq | Binary::Ne | Binary::Xor => Interval::either(is_known),
    }
}

/// Finite bounds on both sides are as good as a declared range: `clamp(x, 0, 1)`.
fn with_bounds(interval: Interval) -> Interval {
    Interval {
        is_known: interval.is_known || (interval.lo.is_finite() && interval.hi.is_finite()),
        ..interval
    }
}

fn power(graph: &Graph, x: Interval, (b, y): (NodeId, Interval), is_known: bool) -> Interval {
    let raised = |value: f64, exponent: f64| interpret::binary(Binary::Pow, Type::F64, value, exponent);
    match graph.constant_value(b) {
        Some(exponent) if exponent > 0.0 && exponent % 2.0 == 0.0 => x.magnitude().map(|value| raised(value, exponent)),
        Some(exponent) if exponent > 0.0 && exponent.fract() == 0.0 => x.map(|value| raised(value, exponent)),
        Some(exponent) if exponent > 0.0 => x.clipped(0.0, f64::INFINITY).map(|value| raised(value, exponent)),
        Some(exponent) if x.lo > 0.0 => Interval::new(raised(x.hi, exponent), raised(x.lo, exponent), is_known),
        _ if x.lo > 0.0 => hull([x.lo, x.hi].map(|p| [raised(p, y.lo), raised(p, y.hi)]), is_known),
        _ => Interval::new(f64::NEG_INFINITY, f64::INFINITY, is_known),
    }
}

/// A bound times a bound; zero times an infinite bound is zero, since the values themselves are finite.
fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn quotient(a: f64, b: f64) -> f64 {
    if a == 0.0 || b.is_infinite() { 0.0 } else { a / b }
}

fn hull(corners: [[f64; 2]; 2], is_known: bool) -> Interval {
    let corners = corners.into_iter().flatten();
    Interval::new(
        corners.clone().fold(f64::INFINITY, f64::min),
        corners.fold(f64::NEG_INFINITY, f64::max),
        is_known,
    )
}

/// Whether `norm` is the Euclidean norm of some numbers among which is `part`, perhaps with a guard: `norm(x) + 1e-6`.
fn is_norm_of(graph: &Graph, norm: NodeId, part: NodeId) -> bool {
    let mut at = norm;
    for _ in 0..4 {
        at = match graph.node(at).op {
            Op::Binary(Binary::Add | Binary::Max, a, b) if graph.constant_value(b).is_some_and(|c| c >= 0.0) => a,
            Op::Convert(a) => a,
            Op::Unary(Unary::Sqrt, squares) => return sums_square_of(graph, squares, part),
            _ => return false,
        };
    }
    false
}

/// Whether `largest` is a maximum of some numbers among which is `part`.
fn is_largest_of(graph: &Graph, largest: NodeId, part: NodeId) -> bool {
    if !matches!(graph.node(largest).op, Op::Binary(Binary::Max, ..) | Op::Convert(_)) {
        return false;
    }
    let mut rest = vec![largest];
    for _ in 0..MAX_SQUARES * 2 {
        match rest.pop() {
            Some(at) if at == part => return true,
            Some(at) => match graph.node(at).op {
                Op::Binary(Binary::Max, a, b) => rest.extend([a, b]),
                Op::Convert(a) => rest.push(a),
                _ => {}
            },
            None => return false,
        }
    }
    false
}

fn sums_square_of(graph: &Graph, sum: NodeId, part: NodeId) -> bool {
    let mut rest = vec![sum];
    let mut found = false;
    for _ in 0..MAX_SQUARES * 2 {
        let Some(at) = rest.pop() else { return found };
        match graph.node(at).op {
            Op::Binary(Binary::Add, a, b) => rest.extend([a, b]),
            Op::Binary(Binary::Mul, a, b) if a == b => found |= a == part,
            Op::Convert(a) => rest.push(a),
            Op::Const(_) => {}
            _ => return false,
        }
    }
    false
}
