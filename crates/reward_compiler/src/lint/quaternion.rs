//! Quaternions read in the wrong component order.
//!
//! MuJoCo and ManiSkill write (w, x, y, z), Isaac Gym writes (x, y, z, w), and programs for one are pasted into the other. The
//! schema says which order a variable has; a program shows by its use which one it assumes.

use carrot_reward_interface::{DType, QuaternionOrder, Variable};

use crate::Code;
use crate::ir::{Binary, NodeId, Op, Unary};

use super::{Facts, Finding};

pub(super) fn find(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let has_any = |variable: &&Variable| variable.dtype == DType::Pose || variable.quaternion.is_some();
    if !facts.variables.iter().flatten().any(has_any) {
        return;
    }
    for (index, node) in facts.graph().nodes().iter().enumerate() {
        if !facts.reachable[index] {
            continue;
        }
        let found = match node.op {
            // The rotation angle is an arc cosine of the scalar part, or an arc sine of the vector part's norm.
            Op::Unary(Unary::Acos, a) => scalar_part(facts, a),
            Op::Unary(Unary::Sqrt, squares) => vector_part(facts, squares),
            Op::Binary(Binary::Mul | Binary::Add | Binary::Sub, a, b) => mixed(facts, a, b),
            _ => None,
        };
        if let Some((message, help)) = found {
            findings.push(Finding {
                code: Code::QuaternionOrder,
                at: facts.graph().node(NodeId(index as u32)).at,
                message,
                help: Some(help),
            });
        }
    }
}

/// If this number of a variable belongs to a quaternion: the order, and which of the four it is.
pub(crate) fn part(variable: &Variable, component: u32) -> Option<(QuaternionOrder, u32)> {
    match (variable.dtype, variable.quaternion) {
        (DType::Pose, _) => (component % 7).checked_sub(3).map(|part| (QuaternionOrder::Wxyz, part)),
        (_, Some(order)) => Some((order, component % 4)),
        _ => None,
    }
}

/// One number of a quaternion.
struct Part<'a> {
    variable: &'a Variable,
    input: u32,
    /// Its number in the variable.
    component: u32,
    order: QuaternionOrder,
    /// Which of the four.
    index: u32,
}

/// The number of a quaternion that a node is, clamps and magnitude taken away.
fn component<'a>(facts: &Facts<'a>, id: NodeId) -> Option<Part<'a>> {
    let mut at = id;
    for _ in 0..8 {
        at = match facts.graph().node(at).op {
            Op::Input(input, component) => {
                let variable = facts.variables[input as usize]?;
                let (order, index) = part(variable, component)?;
                return Some(Part {
                    variable,
                    input,
                    component,
                    order,
                    index,
                });
            }
            Op::Convert(a) | Op::Unary(Unary::Abs | Unary::Neg, a) => a,
            Op::Binary(Binary::Min | Binary::Max, a, b) if facts.graph().constant_value(b).is_some() => a,
            Op::Select(_, a, b) if facts.graph().constant_value(a).is_some() => b,
            Op::Select(_, a, b) if facts.graph().constant_value(b).is_some() => a,
            _ => return None,
        };
    }
    None
}

pub(crate) fn order_name(order: QuaternionOrder) -> &'static str {
    match order {
        QuaternionOrder::Wxyz => "(w, x, y, z)",
        QuaternionOrder::Xyzw => "(x, y, z, w)",
    }
}

/// Where the scalar part stands.
fn scalar_index(order: QuaternionOrder) -> u32 {
    match order {
        QuaternionOrder::Wxyz => 0,
        QuaternionOrder::Xyzw => 3,
    }
}

fn scalar_part(facts: &Facts<'_>, argument: NodeId) -> Option<(String, String)> {
    let part = component(facts, argument)?;
    let scalar = scalar_index(part.order);
    (part.index == 3 - scalar).then(|| {
        (
            format!(
                "component {} of `{}` is not its scalar part; its order is {}",
                part.index,
                part.variable.name,
                order_name(part.order)
            ),
            format!("read the scalar part at index {scalar}"),
        )
    })
}

/// The norm of three components of a quaternion that are not its vector part.
fn vector_part(facts: &Facts<'_>, squares: NodeId) -> Option<(String, String)> {
    let mut rest = vec![squares];
    let mut seen: Vec<Part<'_>> = Vec::new();
    while let Some(at) = rest.pop() {
        match facts.graph().node(at).op {
            Op::Binary(Binary::Add, a, b) if rest.len() < 4 => rest.extend([a, b]),
            Op::Convert(a) => rest.push(a),
            Op::Const(_) => {}
            Op::Binary(Binary::Mul, a, b) if a == b => seen.push(component(facts, a)?),
            _ => return None,
        }
    }
    let first = seen.first()?;
    let scalar = scalar_index(first.order);
    let start = first.component - first.index;
    let one_quaternion = seen
        .iter()
        .all(|part| part.input == first.input && part.component - part.index == start);
    let mut indices: Vec<u32> = seen.iter().map(|part| part.index).collect();
    indices.sort_unstable();
    indices.dedup();
    // The ends of the slices that programs take: `q[0:3]` and `q[1:4]`.
    let is_slice = indices == [0, 1, 2] || indices == [1, 2, 3];
    (one_quaternion && seen.len() == 3 && is_slice && indices.contains(&scalar)).then(|| {
        let slice = if scalar == 0 { "1:4" } else { "0:3" };
        (
            format!(
                "these three components of `{}` are not its vector part; its order is {}",
                first.variable.name,
                order_name(first.order)
            ),
            format!("take the vector part with `[..., {slice}]`"),
        )
    })
}

/// Componentwise arithmetic on two quaternions of different orders.
fn mixed(facts: &Facts<'_>, a: NodeId, b: NodeId) -> Option<(String, String)> {
    let (x, y) = (component(facts, a)?, component(facts, b)?);
    (x.order != y.order && x.index == y.index).then(|| {
        let scalar_first = if x.order == QuaternionOrder::Wxyz { &x } else { &y };
        (
            format!(
                "`{}` and `{}` have different component orders; one is {}, the other {}",
                x.variable.name,
                y.variable.name,
                order_name(x.order),
                order_name(y.order)
            ),
            format!(
                "reorder one of them, for example `{}[..., [1, 2, 3, 0]]`",
                scalar_first.variable.name
            ),
        )
    })
}
