//! Quaternion helpers that Isaac Gym programs expect to find.
//!
//! They take quaternions with the scalar last (xyzw), as Isaac Gym's do. MuJoCo's variables have the scalar first; their
//! documentation line says so.

use super::Behaviour::{Map, Run};
use super::linear::{cross_nodes, needs_floats, normalized, vector_rows};
use super::{Args, Domain, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Dim, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch_utils.quat_mul", "a b", Run(quat_mul)),
    entry("torch_utils.quat_conjugate", "a", Run(quat_conjugate)),
    entry(
        "torch_utils.quat_rotate torch_utils.quat_apply",
        "q|a v|b",
        Run(|c, args| rotate(c, &args, false)),
    ),
    entry(
        "torch_utils.quat_rotate_inverse",
        "q v",
        Run(|c, args| rotate(c, &args, true)),
    ),
    entry("torch_utils.quat_axis", "q axis?", Run(quat_axis)),
    entry("torch_utils.quat_unit", "a", Run(|c, args| unit(c, &args, 1e-9))),
    entry("torch_utils.normalize", "x eps?", Run(|c, args| unit(c, &args, 1e-9))),
    entry("torch_utils.get_euler_xyz", "q", Run(euler)),
    entry("torch_utils.normalize_angle", "x", Map(Domain::Float, normalize_angle)),
];

fn quaternion(c: &mut Checker<'_>, tensor: &Tensor, row: &[NodeId]) -> Checked<[NodeId; 4]> {
    match <[NodeId; 4]>::try_from(row) {
        Ok(quaternion) => Ok(quaternion),
        Err(_) => c.error(
            Code::ShapeMismatch,
            format!("a quaternion has four numbers along the last axis, not {tensor}"),
            None,
        ),
    }
}

fn vector(c: &mut Checker<'_>, tensor: &Tensor, row: &[NodeId]) -> Checked<[NodeId; 3]> {
    match <[NodeId; 3]>::try_from(row) {
        Ok(vector) => Ok(vector),
        Err(_) => c.error(
            Code::ShapeMismatch,
            format!("a vector of three numbers along the last axis is needed, not {tensor}"),
            None,
        ),
    }
}

/// An argument of floats.
fn floats(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<Tensor> {
    let tensor = c.array_argument(args, &args.at(at))?;
    needs_floats(c, args, &tensor)?;
    Ok(tensor)
}

/// Both arguments in one element type.
fn two_of_floats(c: &mut Checker<'_>, args: &Args) -> Checked<(Tensor, Tensor)> {
    let (a, b) = (floats(c, args, 0)?, floats(c, args, 1)?);
    let element = c.promote(&[&Value::Tensor(a.clone()), &Value::Tensor(b.clone())]);
    Ok((c.cast(&a, element), c.cast(&b, element)))
}

fn width(tensor: &Tensor) -> usize {
    tensor.dims.last().map_or(1, |dim| dim.nodes()).max(1)
}

fn quat_mul(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = two_of_floats(c, &args)?;
    let (mut dims, rows) = vector_rows(c, "quat_mul", &a, &b)?;
    let mut nodes = Vec::new();
    for [x, y] in rows {
        let (p, q) = (quaternion(c, &a, &x)?, quaternion(c, &b, &y)?);
        nodes.extend(product(c, p, q));
    }
    dims.push(Dim::Size(4));
    Ok(c.tensor_value(a.element, dims, nodes))
}

/// Hamilton product of xyzw quaternions.
fn product(c: &mut Checker<'_>, p: [NodeId; 4], q: [NodeId; 4]) -> [NodeId; 4] {
    // Each row: the sum of products with their signs, as (index of p, index of q, sign).
    const ROWS: [[(usize, usize, bool); 4]; 4] = [
        [(3, 0, true), (0, 3, true), (1, 2, true), (2, 1, false)],
        [(3, 1, true), (0, 2, false), (1, 3, true), (2, 0, true)],
        [(3, 2, true), (0, 1, true), (1, 0, false), (2, 3, true)],
        [(3, 3, true), (0, 0, false), (1, 1, false), (2, 2, false)],
    ];
    ROWS.map(|row| {
        let mut sum = c.mul(p[row[0].0], q[row[0].1]);
        for (i, j, is_positive) in &row[1..] {
            let part = c.mul(p[*i], q[*j]);
            sum = if *is_positive {
                c.add(sum, part)
            } else {
                c.sub(sum, part)
            };
        }
        sum
    })
}

fn quat_conjugate(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = floats(c, &args, 0)?;
    let nodes = c.elements(&tensor);
    let mut result = Vec::new();
    for row in nodes.chunks(width(&tensor)) {
        let [x, y, z, w] = quaternion(c, &tensor, row)?;
        let [x, y, z] = [x, y, z].map(|node| c.unary(Unary::Neg, node));
        result.extend([x, y, z, w]);
    }
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), result))
}

/// `v + 2w (u × v) + 2 u × (u × v)` with `u` the vector part; the inverse rotation has `-w`.
fn rotate_nodes(c: &mut Checker<'_>, [x, y, z, w]: [NodeId; 4], v: [NodeId; 3], inverse: bool) -> [NodeId; 3] {
    let u = [x, y, z];
    let w = if inverse { c.unary(Unary::Neg, w) } else { w };
    let once = cross_nodes(c, u, v);
    let twice = cross_nodes(c, u, once);
    let two = c.constant_like(w, 2.0);
    let double_w = c.mul(two, w);
    [0, 1, 2].map(|i| {
        let swing = c.mul(double_w, once[i]);
        let pull = c.mul(two, twice[i]);
        let sum = c.add(v[i], swing);
        c.add(sum, pull)
    })
}

fn rotate(c: &mut Checker<'_>, args: &Args, inverse: bool) -> Checked {
    let (q, v) = two_of_floats(c, args)?;
    if q.dims.len() != v.dims.len()
        || q.dims.split_last().map(|(_, outer)| outer) != v.dims.split_last().map(|(_, outer)| outer)
    {
        return c.error(
            Code::ShapeMismatch,
            format!("one quaternion for each vector is needed, not {q} and {v}"),
            None,
        );
    }
    let (qs, vs) = (c.elements(&q), c.elements(&v));
    let mut nodes = Vec::new();
    for (q_row, v_row) in qs.chunks(width(&q)).zip(vs.chunks(width(&v))) {
        let quaternion = quaternion(c, &q, q_row)?;
        let vector = vector(c, &v, v_row)?;
        nodes.extend(rotate_nodes(c, quaternion, vector, inverse));
    }
    Ok(c.tensor_value(v.element, v.dims.to_vec(), nodes))
}

/// Where the rotation takes a coordinate axis.
fn quat_axis(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = floats(c, &args, 0)?;
    let axis = match args.get(1) {
        Some(axis) => c
            .constant_int(&axis)
            .and_then(|axis| usize::try_from(axis).ok())
            .filter(|&axis| axis < 3),
        None => Some(0),
    };
    let Some(axis) = axis else {
        return c.error(Code::WrongArguments, "the axis is 0, 1 or 2", None);
    };
    let nodes = c.elements(&q);
    let basis: [NodeId; 3] = [0, 1, 2].map(|i| c.constant(q.element.ty(), f64::from(u8::from(i == axis))));
    let mut result = Vec::new();
    for row in nodes.chunks(width(&q)) {
        let quaternion = quaternion(c, &q, row)?;
        result.extend(rotate_nodes(c, quaternion, basis, false));
    }
    let mut dims = q.dims.to_vec();
    if let Some(last) = dims.last_mut() {
        *last = Dim::Size(3);
    }
    Ok(c.tensor_value(q.element, dims, result))
}

fn unit(c: &mut Checker<'_>, args: &Args, eps: f64) -> Checked {
    let tensor = floats(c, args, 0)?;
    Ok(Value::Tensor(normalized(c, &tensor, eps)?))
}

fn scaled_product(c: &mut Checker<'_>, factor: f64, a: NodeId, b: NodeId) -> NodeId {
    let factor = c.constant_like(a, factor);
    let product = c.mul(a, b);
    c.mul(factor, product)
}

/// Roll, pitch and yaw in [0, 2π), each with one axis less.
fn euler(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = floats(c, &args, 0)?;
    let nodes = c.elements(&q);
    let mut angles: [Vec<NodeId>; 3] = Default::default();
    for row in nodes.chunks(width(&q)) {
        let quaternion = quaternion(c, &q, row)?;
        for (list, angle) in angles.iter_mut().zip(euler_angles(c, quaternion)) {
            list.push(angle);
        }
    }
    let dims = q.dims[..q.dims.len().saturating_sub(1)].to_vec();
    let items = angles
        .into_iter()
        .map(|angle| c.tensor_value(q.element, dims.clone(), angle))
        .collect();
    Ok(Value::tuple(items))
}

fn euler_angles(c: &mut Checker<'_>, [x, y, z, w]: [NodeId; 4]) -> [NodeId; 3] {
    let wx = scaled_product(c, 2.0, w, x);
    let yz = scaled_product(c, 2.0, y, z);
    let sin_roll = c.add(wx, yz);
    let [xx, yy, zz, ww] = [x, y, z, w].map(|node| c.mul(node, node));
    let cos_roll = signed_sum(c, [(ww, true), (xx, false), (yy, false), (zz, true)]);
    let roll = c.binary(Binary::Atan2, sin_roll, cos_roll);

    let wy = scaled_product(c, 2.0, w, y);
    let zx = scaled_product(c, 2.0, z, x);
    let sin_pitch = c.sub(wy, zx);
    let [one, minus] = [1.0, -1.0].map(|value| c.constant_like(x, value));
    let bounded = c.binary(Binary::Max, sin_pitch, minus);
    let bounded = c.binary(Binary::Min, bounded, one);
    let pitch = c.unary(Unary::Asin, bounded);

    let wz = scaled_product(c, 2.0, w, z);
    let xy = scaled_product(c, 2.0, x, y);
    let sin_yaw = c.add(wz, xy);
    let cos_yaw = signed_sum(c, [(ww, true), (xx, true), (yy, false), (zz, false)]);
    let yaw = c.binary(Binary::Atan2, sin_yaw, cos_yaw);

    let turn = c.constant_like(x, std::f64::consts::TAU);
    [roll, pitch, yaw].map(|angle| c.python_remainder(angle, turn))
}

fn signed_sum(c: &mut Checker<'_>, parts: [(NodeId, bool); 4]) -> NodeId {
    let mut sum = parts[0].0;
    for (node, is_positive) in &parts[1..] {
        sum = if *is_positive {
            c.add(sum, *node)
        } else {
            c.sub(sum, *node)
        };
    }
    sum
}

fn normalize_angle(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let sin = c.unary(Unary::Sin, x);
    let cos = c.unary(Unary::Cos, x);
    c.binary(Binary::Atan2, sin, cos)
}
