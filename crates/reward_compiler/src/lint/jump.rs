//! Where a reward jumps when a condition flips.
//!
//! A jump gives no slope to follow, yet bonuses on success are good practice, so this is a note and not a warning. Whether the two
//! sides meet at the threshold is tried out: the choice is computed just below and just above it, at a few states.

use crate::Code;
use crate::interpret;
use crate::ir::{Binary, NodeId, Op, Type, Unary};

use super::{Facts, Finding, shown};

/// Most operations between a comparison and the choice that it makes.
const MAX_PART: usize = 256;
/// Relative distance from the threshold at which the two sides are compared.
const STEP: f64 = 1e-7;
/// A difference below this is the slope of a continuous function.
const JUMP: f64 = 1e-4;

pub(super) fn find(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (index, node) in facts.graph().nodes().iter().enumerate() {
        let id = NodeId(index as u32);
        if !facts.reachable[index] {
            continue;
        }
        let condition = match node.op {
            Op::Select(condition, ..) => condition,
            Op::Convert(a) if node.ty != Type::Bool && facts.graph().node(a).ty == Type::Bool => a,
            _ => continue,
        };
        let Some(compared) = comparison(facts, condition) else {
            continue;
        };
        let Op::Binary(_, left, right) = facts.graph().node(compared).op else {
            continue;
        };
        let (quantity, threshold) = match (facts.graph().constant_value(left), facts.graph().constant_value(right)) {
            (None, Some(threshold)) => (left, threshold),
            (Some(threshold), None) => (right, threshold),
            _ => continue,
        };
        if let Some(jump) = jump(facts, id, quantity, threshold) {
            findings.push(Finding {
                code: Code::Discontinuity,
                at: facts.graph().node(compared).at,
                message: format!("the reward jumps by {} when this condition flips", shown(jump)),
                help: Some("add a smooth term with the same goal, so that there is a slope towards it".to_owned()),
            });
        }
    }
}

/// The only comparison that a condition consists of.
fn comparison(facts: &Facts<'_>, condition: NodeId) -> Option<NodeId> {
    match facts.graph().node(condition).op {
        Op::Unary(Unary::Not, a) => comparison(facts, a),
        Op::Binary(Binary::Lt | Binary::Le, ..) => Some(condition),
        _ => None,
    }
}

/// The largest jump of `choice` at the threshold, if there is one.
fn jump(facts: &Facts<'_>, choice: NodeId, quantity: NodeId, threshold: f64) -> Option<f64> {
    let step = STEP * threshold.abs().max(1.0);
    let values = |elsewhere: f64| {
        let below = value(facts, choice, quantity, threshold - step, elsewhere)?;
        let above = value(facts, choice, quantity, threshold + step, elsewhere)?;
        Some((above - below).abs())
    };
    let jumps: Vec<f64> = [0.37, 0.71].into_iter().filter_map(values).collect();
    let largest = jumps.into_iter().filter(|jump| jump.is_finite()).fold(0.0, f64::max);
    (largest > JUMP).then_some(largest)
}

/// The value of `of`, where `quantity` has the value `at` and everything that does not depend on it stands where `elsewhere`
/// says, as a share of its range.
fn value(facts: &Facts<'_>, of: NodeId, quantity: NodeId, at: f64, elsewhere: f64) -> Option<f64> {
    let mut known: std::collections::BTreeMap<NodeId, f64> = std::collections::BTreeMap::from([(quantity, at)]);
    // Operands come before their users, so the nodes that are needed can be computed in their order.
    let mut needed: std::collections::BTreeSet<NodeId> = std::collections::BTreeSet::from([of]);
    let mut rest = vec![of];
    while let Some(id) = rest.pop() {
        if id == quantity {
            continue;
        }
        for operand in facts.graph().node(id).op.operands() {
            if needed.insert(operand) {
                rest.push(operand);
            }
        }
        if needed.len() > MAX_PART {
            return None;
        }
    }
    for id in needed {
        if id == quantity {
            continue;
        }
        let node = facts.graph().node(id);
        let get = |id: NodeId| known.get(&id).copied();
        let value = match node.op {
            Op::Const(bits) => f64::from_bits(bits),
            Op::Unary(op, a) => interpret::unary(op, Type::F64, get(a)?),
            Op::Binary(op, a, b) => interpret::binary(op, operand_type(facts, a), get(a)?, get(b)?),
            Op::Select(condition, a, b) => get(if get(condition)? == 0.0 { b } else { a })?,
            Op::Convert(a) if node.ty == Type::Bool => f64::from(get(a)? != 0.0),
            Op::Convert(a) | Op::Reduce(_, a) => get(a)?,
            _ => {
                let bounds = facts.bounds(id);
                match bounds.width().is_finite() {
                    true => bounds.lo + elsewhere * bounds.width(),
                    false => elsewhere,
                }
            }
        };
        known.insert(id, value);
    }
    known.get(&of).copied()
}

/// Everything is computed in f64: the step at the threshold is finer than an f32.
fn operand_type(facts: &Facts<'_>, id: NodeId) -> Type {
    match facts.graph().node(id).ty {
        Type::Bool => Type::Bool,
        _ => Type::F64,
    }
}
