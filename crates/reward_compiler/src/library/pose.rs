//! Rigid transforms as manipulation programs know them: `sapien.Pose`, with `.p`, `.q`, `.inv()` and `*`.
//!
//! Quaternions have the scalar first (wxyz) and are taken to be unit quaternions, as the simulator's are.

use std::rc::Rc;

use super::Behaviour::Run;
use super::linear::{cross_nodes, dot_nodes};
use super::wxyz::{conjugated, product};
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast};
use crate::ir::{NodeId, Unary};
use crate::value::{Dim, Element, Pose, ScalarKind, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("sapien.Pose sapien.core.Pose", "p? q?", Run(new)),
    entry("Pose.inv", "pose", Run(|c, args| inverse(c, &args))),
    entry("Pose.transform", "pose other", Run(transform)),
    entry("Pose.to_transformation_matrix", "pose", Run(|c, args| matrix(c, &args))),
];

type Vector = [NodeId; 3];
type Quaternion = [NodeId; 4];

impl Checker<'_> {
    /// `a * b`: first `b`, then `a`.
    pub(crate) fn pose_product(&mut self, a: &Pose, b: &Pose) -> Checked {
        let (a_dims, b_dims) = (axes(&a.position), axes(&b.position));
        let Ok(batch) = broadcast(&a_dims, &b_dims) else {
            return self.error(Code::ShapeMismatch, "these poses do not go together", None);
        };
        let element = a.position.element.max(b.position.element);
        let (p, q) = numbers(self, a, element);
        let (other_p, other_q) = numbers(self, b, element);
        let turned = rotate(self, q, other_p);
        let position = [0, 1, 2].map(|at| self.add(p[at], turned[at]));
        let quaternion = product(self, q, other_q);
        Ok(made(self, element, &batch, position, quaternion))
    }
}

/// Axes before the last one: none, or the batch.
fn axes(position: &Tensor) -> Vec<Dim> {
    position.dims[..position.dims.len() - 1].to_vec()
}

fn numbers(c: &mut Checker<'_>, pose: &Pose, element: Element) -> (Vector, Quaternion) {
    let position = c.elements_as(&pose.position, element);
    let quaternion = c.elements_as(&pose.quaternion, element);
    let position = position.try_into().expect("a position has three numbers");
    let quaternion = quaternion.try_into().expect("a quaternion has four numbers");
    (position, quaternion)
}

fn made(c: &mut Checker<'_>, element: Element, axes: &[Dim], position: Vector, quaternion: Quaternion) -> Value {
    let mut part = |numbers: &[NodeId]| {
        let dims = axes.iter().copied().chain([Dim::Size(numbers.len())]).collect();
        c.tensor(element, dims, numbers.to_vec())
    };
    let (position, quaternion) = (part(&position), part(&quaternion));
    Value::Pose(Rc::new(Pose { position, quaternion }))
}

fn receiver(c: &mut Checker<'_>, value: &Value) -> Checked<Rc<Pose>> {
    match value {
        Value::Pose(pose) => Ok(Rc::clone(pose)),
        other => {
            let found = c.describe(other);
            c.error(Code::TypeMismatch, format!("a pose is needed here, not {found}"), None)
        }
    }
}

/// `v + 2w (u × v) + 2 u × (u × v)` with the vector part u.
fn rotate(c: &mut Checker<'_>, [w, x, y, z]: Quaternion, v: Vector) -> Vector {
    let u = [x, y, z];
    let once = cross_nodes(c, u, v);
    let once = once.map(|node| c.add(node, node));
    let twice = cross_nodes(c, u, once);
    [0, 1, 2].map(|at| {
        let along = c.mul(w, once[at]);
        let sum = c.add(v[at], along);
        c.add(sum, twice[at])
    })
}

/// `sapien.Pose(p, q)`; at the origin, unturned, where left out.
fn new(c: &mut Checker<'_>, args: Args) -> Checked {
    let element = c.scalar_element(ScalarKind::Float);
    let part = |c: &mut Checker<'_>, at: usize, default: &[f64]| -> Checked<Vec<NodeId>> {
        let Some(value) = args.get(at) else {
            let numbers = default.iter().map(|&number| c.constant(element.ty(), number));
            return Ok(numbers.collect());
        };
        let tensor = c.as_tensor(&value)?;
        if tensor.dims[..] != [Dim::Size(default.len())] {
            let wanted = default.len();
            return c.error(
                Code::ShapeMismatch,
                format!("a pose is made of 3 and 4 numbers; here are {tensor} where {wanted} belong"),
                None,
            );
        }
        Ok(c.elements_as(&tensor, element))
    };
    let position = part(c, 0, &[0.0; 3])?.try_into().expect("three numbers");
    let quaternion = part(c, 1, &[1.0, 0.0, 0.0, 0.0])?.try_into().expect("four numbers");
    Ok(made(c, element, &[], position, quaternion))
}

fn inverse(c: &mut Checker<'_>, args: &Args) -> Checked {
    let pose = receiver(c, &args.at(0))?;
    let element = pose.position.element;
    let (position, quaternion) = numbers(c, &pose, element);
    let turned_back = conjugated(c, quaternion);
    let negative = position.map(|node| c.unary(Unary::Neg, node));
    let position = rotate(c, turned_back, negative);
    Ok(made(c, element, &axes(&pose.position), position, turned_back))
}

fn transform(c: &mut Checker<'_>, args: Args) -> Checked {
    let pose = receiver(c, &args.at(0))?;
    let other = receiver(c, &args.at(1))?;
    c.pose_product(&pose, &other)
}

/// The 4×4 matrix that takes homogeneous coordinates from the pose's frame to the outer one.
fn matrix(c: &mut Checker<'_>, args: &Args) -> Checked {
    let pose = receiver(c, &args.at(0))?;
    let element = pose.position.element;
    let (position, [w, x, y, z]) = numbers(c, &pose, element);
    let [zero, one] = [0.0, 1.0].map(|value| c.constant(element.ty(), value));
    let diagonal = |c: &mut Checker<'_>, a: NodeId, b: NodeId| {
        let squares = dot_nodes(c, &[a, b], &[a, b]);
        let twice = c.add(squares, squares);
        c.sub(one, twice)
    };
    let off = |c: &mut Checker<'_>, a: NodeId, b: NodeId, d: NodeId, plus: bool| {
        let (product, turned) = (c.mul(a, b), c.mul(d, w));
        let sum = if plus {
            c.add(product, turned)
        } else {
            c.sub(product, turned)
        };
        c.add(sum, sum)
    };
    let rows = [
        [
            diagonal(c, y, z),
            off(c, x, y, z, false),
            off(c, x, z, y, true),
            position[0],
        ],
        [
            off(c, x, y, z, true),
            diagonal(c, x, z),
            off(c, y, z, x, false),
            position[1],
        ],
        [
            off(c, x, z, y, false),
            off(c, y, z, x, true),
            diagonal(c, x, y),
            position[2],
        ],
        [zero, zero, zero, one],
    ];
    let dims = axes(&pose.position).into_iter().chain([Dim::Size(4); 2]).collect();
    Ok(c.tensor_value(element, dims, rows.concat()))
}
