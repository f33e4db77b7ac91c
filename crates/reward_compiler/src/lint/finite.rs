//! Where a reward can become infinite or NaN: divisions by zero, logarithms and roots of negative numbers, arc cosines
//! outside [-1, 1], and exponentials of something that grows.

use crate::Code;
use crate::ir::{Binary, NodeId, Op, Type, Unary};

use super::interval::Interval;
use super::{Facts, Finding, MAX_WALK, shown};

/// Beyond this `exp` is infinite.
fn largest_exponent(ty: Type) -> f64 {
    if ty == Type::F32 { 88.7 } else { 709.7 }
}

pub(super) fn find(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (index, node) in facts.graph().nodes().iter().enumerate() {
        if !facts.reachable[index] {
            continue;
        }
        let id = NodeId(index as u32);
        match node.op {
            Op::Unary(op @ (Unary::Exp | Unary::Expm1 | Unary::Sinh | Unary::Cosh), a) => {
                growth(
                    facts,
                    findings,
                    id,
                    name_of(op),
                    a,
                    matches!(op, Unary::Sinh | Unary::Cosh),
                );
            }
            Op::Binary(Binary::Pow, base, exponent)
                if facts.graph().constant_value(exponent).is_none() && facts.bounds(base).hi > 1.0 =>
            {
                growth(facts, findings, id, "pow", exponent, false);
            }
            _ => {}
        }
        if let Some((operand, message, help)) = outside_domain(facts, id)
            && !facts.is_guarded(id, operand)
        {
            let ranges = facts.ranges(operand);
            let reason = if ranges.is_empty() {
                ranges
            } else {
                format!("; {ranges}")
            };
            findings.push(Finding {
                code: Code::NonFinite,
                at: node.at,
                message: message + &reason,
                help: Some(help.to_owned()),
            });
        }
    }
}

/// The operand that may leave the domain of the operation, with the message and the repair.
fn outside_domain(facts: &Facts<'_>, id: NodeId) -> Option<(NodeId, String, &'static str)> {
    let node = facts.graph().node(id);
    match node.op {
        Op::Binary(Binary::Div, _, divisor) => {
            let bounds = facts.bounds(divisor);
            // An exponential or a quotient is never zero, though its bounds round to it.
            let vanishes = bounds.is_known && bounds.contains(0.0) && !is_positive(facts, divisor);
            vanishes.then(|| {
                (
                    divisor,
                    "this divides by a value that can be 0".to_owned(),
                    "keep the divisor away from zero, for example with `+ 1e-6` after an absolute value or a norm",
                )
            })
        }
        Op::Unary(op @ (Unary::Log | Unary::Log2 | Unary::Log10), a) => {
            let bounds = facts.bounds(a);
            (bounds.is_known && bounds.lo <= 0.0 && !is_positive(facts, a)).then(|| {
                (
                    a,
                    format!(
                        "`{}` of a value that can be as small as {}",
                        name_of(op),
                        shown(bounds.lo)
                    ),
                    "keep its argument positive, for example with `torch.clamp(x, min=1e-6)` or `np.maximum(x, 1e-6)`",
                )
            })
        }
        Op::Unary(Unary::Log1p, a) => {
            let bounds = facts.bounds(a);
            (bounds.is_known && bounds.lo <= -1.0).then(|| {
                (
                    a,
                    format!("`log1p` of a value that can be as small as {}", shown(bounds.lo)),
                    "keep its argument above -1",
                )
            })
        }
        Op::Unary(Unary::Sqrt, a) => {
            let bounds = facts.bounds(a);
            (bounds.is_known && bounds.lo < 0.0).then(|| {
                (
                    a,
                    format!("`sqrt` of a value that can be as small as {}", shown(bounds.lo)),
                    "keep its argument from going below zero, for example with `torch.clamp(x, min=0.0)` or `np.maximum(x, 0.0)`",
                )
            })
        }
        Op::Unary(op @ (Unary::Asin | Unary::Acos), a) => {
            let bounds = facts.bounds(a);
            let leaves = bounds.lo < -1.0 || bounds.hi > 1.0;
            let range = format!("[{}, {}]", shown(bounds.lo), shown(bounds.hi));
            let message = match bounds.is_known {
                true if leaves => format!("`{}` of a value in {range} is NaN outside [-1, 1]", name_of(op)),
                // Rounding alone carries the product of two unit vectors beyond 1.
                false if leaves && is_sum_of_products(facts, a) => {
                    format!("`{}` is NaN when rounding carries its argument beyond 1", name_of(op))
                }
                _ => return None,
            };
            Some((
                a,
                message,
                "clamp its argument first: `torch.clamp(x, -1.0, 1.0)` or `np.clip(x, -1.0, 1.0)`",
            ))
        }
        Op::Binary(Binary::Pow, base, exponent) => {
            let bounds = facts.bounds(base);
            let exponent = facts.graph().constant_value(exponent)?;
            if !bounds.is_known {
                return None;
            }
            let message = if exponent.fract() != 0.0 && bounds.lo < 0.0 {
                format!(
                    "a value that can be {} to the power {exponent} is NaN",
                    shown(bounds.lo)
                )
            } else if exponent < 0.0 && bounds.contains(0.0) && !is_positive(facts, base) {
                format!("a value that can be 0 to the power {exponent} is infinite")
            } else {
                return None;
            };
            Some((
                base,
                message,
                "keep the base positive, for example with an absolute value plus 1e-6",
            ))
        }
        _ => None,
    }
}

/// Whether a value is above zero by its form, whatever its bounds round to.
fn is_positive(facts: &Facts<'_>, id: NodeId) -> bool {
    let mut at = id;
    for _ in 0..8 {
        at = match facts.graph().node(at).op {
            Op::Unary(Unary::Exp | Unary::Cosh, _) => return true,
            Op::Convert(a) | Op::Unary(Unary::Sqrt | Unary::Abs, a) => a,
            Op::Binary(Binary::Mul | Binary::Div | Binary::Add, a, b)
                if facts.graph().constant_value(b).is_some_and(|c| c > 0.0) =>
            {
                a
            }
            _ => return false,
        };
    }
    false
}

/// A dot product, perhaps scaled or shifted by constants: the usual way to the angle between two rotations.
fn is_sum_of_products(facts: &Facts<'_>, id: NodeId) -> bool {
    let mut at = id;
    for _ in 0..8 {
        at = match facts.graph().node(at).op {
            Op::Convert(a) | Op::Unary(Unary::Abs | Unary::Neg, a) => a,
            Op::Binary(_, a, b) if facts.graph().constant_value(b).is_some() => a,
            Op::Binary(Binary::Add, a, b) => {
                let is_product = |id| matches!(facts.graph().node(id).op, Op::Binary(Binary::Mul, ..));
                return is_product(a) || is_product(b);
            }
            _ => return false,
        };
    }
    false
}

fn growth(facts: &Facts<'_>, findings: &mut Vec<Finding>, id: NodeId, name: &str, argument: NodeId, both_ways: bool) {
    let bounds = facts.bounds(argument);
    let reach = if both_ways {
        bounds.hi.max(-bounds.lo)
    } else {
        bounds.hi
    };
    let ty = facts.graph().node(id).ty;
    let stays = |bounds: Interval| {
        let reach = if both_ways {
            bounds.hi.max(-bounds.lo)
        } else {
            bounds.hi
        };
        reach <= largest_exponent(ty)
    };
    // `exp(-distance)` of a variable without a range is no finding.
    if stays(bounds) || (!bounds.is_known && stays(facts.bounds_if_positive(argument))) {
        return;
    }
    if !escapes(facts, id) || facts.is_guarded(id, argument) {
        return;
    }
    let ranges = facts.ranges(argument);
    let message = match bounds.is_known && reach.is_finite() {
        true => format!("`{name}` of a value up to {} is infinite; {ranges}", shown(reach)),
        false => format!("`{name}` of a value that can grow without bound"),
    };
    findings.push(Finding {
        code: Code::UnboundedExp,
        at: facts.graph().node(id).at,
        message: message.trim_end_matches("; ").to_owned(),
        help: Some(match name {
            "exp" => "use `exp(-x)` of something that is never negative, or clamp the argument first".to_owned(),
            _ => "clamp the argument first".to_owned(),
        }),
    });
}

/// Whether an infinite value would reach an output as such: `1 / (1 + exp(x))` and `min(exp(x), 10)` stay finite.
fn escapes(facts: &Facts<'_>, id: NodeId) -> bool {
    let mut rest = vec![id];
    for _ in 0..MAX_WALK {
        let Some(at) = rest.pop() else { return false };
        if facts.program.results().any(|result| result == at) {
            return true;
        }
        for &user in facts.users(at) {
            match facts.graph().node(user).op {
                Op::Binary(Binary::Div, above, below) if below == at && above != at => {}
                Op::Binary(Binary::Min, a, b) => {
                    let other = if a == at { b } else { a };
                    if facts.bounds(other).hi.is_infinite() {
                        rest.push(user);
                    }
                }
                Op::Unary(Unary::Tanh | Unary::Atan | Unary::Log | Unary::Log1p, _) => {}
                Op::Binary(Binary::Lt | Binary::Le | Binary::Eq | Binary::Ne, ..) => {}
                // Bounded again: a clamp written as comparison and choice.
                Op::Select(..) if facts.bounds(user).hi.is_finite() && facts.bounds(user).lo.is_finite() => {}
                _ => rest.push(user),
            }
        }
    }
    false
}

fn name_of(op: Unary) -> &'static str {
    match op {
        Unary::Exp => "exp",
        Unary::Expm1 => "expm1",
        Unary::Sinh => "sinh",
        Unary::Cosh => "cosh",
        Unary::Log => "log",
        Unary::Log2 => "log2",
        Unary::Log10 => "log10",
        Unary::Asin => "asin",
        Unary::Acos => "acos",
        _ => "this function",
    }
}
