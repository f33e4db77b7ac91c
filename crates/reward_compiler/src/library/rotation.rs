//! Quaternion helpers that Isaac Gym programs expect to find.
//!
//! They take quaternions with the scalar last (xyzw), as Isaac Gym's do. MuJoCo's variables have the scalar first; their
//! documentation line says so.

use super::Behaviour::{Map, Run};
use super::linear::{cross_nodes, needs_floats, normalized};
use super::{Args, Domain, Entry, entry};
use carrot_reward_interface::QuaternionOrder;

use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Op, Unary};
use crate::lint::{order_name, part};
use crate::value::{Dim, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch_utils.quat_mul", "a b", Run(quat_mul)),
    entry(
        "torch_utils.quat_conjugate torch_utils.quat_inverse",
        "a",
        Run(quat_conjugate),
    ),
    entry(
        "torch_utils.quat_apply torch_utils.tf_vector",
        "a|q b|v",
        Run(|c, args| turn(c, &args, apply_nodes)),
    ),
    entry(
        "torch_utils.quat_rotate torch_utils.my_quat_rotate torch_utils.get_basis_vector",
        "q v",
        Run(|c, args| turn(c, &args, |c, q, v| rotate_nodes(c, q, v, false))),
    ),
    entry(
        "torch_utils.quat_rotate_inverse",
        "q v",
        Run(|c, args| turn(c, &args, |c, q, v| rotate_nodes(c, q, v, true))),
    ),
    entry(
        "torch_utils.quat_apply_yaw",
        "quat vec",
        Run(|c, args| turn(c, &args, apply_yaw)),
    ),
    entry("torch_utils.quat_axis", "q axis?", Run(quat_axis)),
    entry("torch_utils.quat_unit", "a", Run(|c, args| unit(c, &args, 1e-9))),
    entry(
        "torch_utils.normalize",
        "x eps?",
        Run(|c, args| {
            let eps = match args.get(1) {
                Some(eps) => c.known_number(&eps)?,
                None => 1e-9,
            };
            unit(c, &args, eps)
        }),
    ),
    entry("torch_utils.quat_diff_rad", "a b", Run(angle_between)),
    entry("torch_utils.quat_from_angle_axis", "angle axis", Run(from_angle_axis)),
    entry("torch_utils.quat_to_angle_axis", "q", Run(to_angle_axis)),
    entry("torch_utils.quat_from_euler_xyz", "roll pitch yaw", Run(from_euler)),
    entry("torch_utils.calc_heading", "q", Run(heading)),
    entry("torch_utils.tf_inverse", "q t", Run(frame_inverse)),
    entry("torch_utils.tf_apply", "q t v", Run(frame_apply)),
    entry(
        "torch_utils.local_to_world_space",
        "pos_offset_local pose_global",
        Run(|c, args| local_to_world(c, &args)),
    ),
    entry("torch_utils.tf_combine", "q1 t1 q2 t2", Run(frame_combine)),
    entry("torch_utils.get_euler_xyz", "q", Run(euler)),
    entry("torch_utils.normalize_angle", "x", Map(Domain::Float, normalize_angle)),
    entry("torch_utils.wrap_to_pi", "angles", Map(Domain::Float, wrap_to_pi)),
];

fn quaternion(c: &mut Checker<'_>, tensor: &Tensor, row: &[NodeId]) -> Checked<[NodeId; 4]> {
    match <[NodeId; 4]>::try_from(row) {
        Ok(quaternion) => {
            warn_of_order(c, quaternion);
            Ok(quaternion)
        }
        Err(_) => c.error(
            Code::ShapeMismatch,
            format!("a quaternion has four numbers along the last axis, not {tensor}"),
            None,
        ),
    }
}

/// These helpers read (x, y, z, w); a variable that is declared (w, x, y, z) would give another rotation.
fn warn_of_order(c: &mut Checker<'_>, quaternion: [NodeId; 4]) {
    let variable = |node: NodeId| match c.graph.node(node).op {
        Op::Input(input, component) => {
            let variable = &c.schema.variables[c.inputs[input as usize]];
            part(variable, component).map(|(order, index)| (&variable.name, order, index))
        }
        _ => None,
    };
    let parts = quaternion.map(variable);
    let in_order = parts
        .iter()
        .zip(0..)
        .all(|(part, at)| part.is_some_and(|(.., index)| index == at));
    if let Some((name, order @ QuaternionOrder::Wxyz, _)) = parts[0]
        && in_order
    {
        let message = format!(
            "this function reads quaternions as (x, y, z, w); `{name}` is {}",
            order_name(order)
        );
        let help = format!("reorder it first: `{name}[..., [1, 2, 3, 0]]`");
        c.warn(Code::QuaternionOrder, message, help);
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
    if a.dims != b.dims {
        return c.error(
            Code::ShapeMismatch,
            format!("`quat_mul` needs two arrays of one shape, not {a} and {b}"),
            "expand one to the other, such as `q.expand_as(other)`".to_owned(),
        );
    }
    let (xs, ys) = (c.elements(&a), c.elements(&b));
    let mut nodes = Vec::new();
    for (x, y) in xs.chunks(width(&a)).zip(ys.chunks(width(&b))) {
        let (p, q) = (quaternion(c, &a, x)?, quaternion(c, &b, y)?);
        nodes.extend(product(c, p, q));
    }
    Ok(c.tensor_value(a.element, a.dims.to_vec(), nodes))
}

/// Hamilton product of xyzw quaternions, by the eight products of sums that Isaac Gym computes: its rounding is theirs.
fn product(c: &mut Checker<'_>, p: [NodeId; 4], q: [NodeId; 4]) -> [NodeId; 4] {
    let ([x1, y1, z1, w1], [x2, y2, z2, w2]) = (p, q);
    let mut of_sums = |(a, b, a_plus): (NodeId, NodeId, bool), (d, e, d_plus): (NodeId, NodeId, bool)| {
        let left = if a_plus { c.add(a, b) } else { c.sub(a, b) };
        let right = if d_plus { c.add(d, e) } else { c.sub(d, e) };
        c.mul(left, right)
    };
    let ww = of_sums((z1, x1, true), (x2, y2, true));
    let yy = of_sums((w1, y1, false), (w2, z2, true));
    let zz = of_sums((w1, y1, true), (w2, z2, false));
    let last = [
        of_sums((x1, w1, true), (x2, w2, true)),
        of_sums((w1, x1, false), (y2, z2, true)),
        of_sums((z1, y1, true), (w2, x2, false)),
        of_sums((z1, y1, false), (y2, z2, false)),
    ];
    let cross = of_sums((z1, x1, false), (x2, y2, false));
    let sum = c.add(ww, yy);
    let xx = c.add(sum, zz);
    let sum = c.add(xx, cross);
    let half = c.constant_like(sum, 0.5);
    let qq = c.mul(half, sum);
    let parts = [xx, yy, zz, ww];
    [0, 1, 2, 3].map(|at| {
        let rest = c.sub(qq, parts[at]);
        c.add(rest, last[at])
    })
}

/// A point in the frame of a body, `[N, 3]`, to the outer frame; the body's pose is position and xyzw quaternion,
/// `[N, 7]` or longer. By two quaternion products, as Isaac Gym's environments compute it.
fn local_to_world(c: &mut Checker<'_>, args: &Args) -> Checked {
    let (point, pose) = two_of_floats(c, args)?;
    let fits = matches!((&*point.dims, &*pose.dims), ([a, Dim::Size(3)], [b, Dim::Size(7..)]) if a == b);
    if !fits {
        return c.error(
            Code::ShapeMismatch,
            format!("points are [N, 3] and poses [N, 7] here, not {point} and {pose}"),
            None,
        );
    }
    let (points, poses) = (c.elements(&point), c.elements(&pose));
    let mut nodes = Vec::new();
    for (offset, body) in points.chunks(3).zip(poses.chunks(width(&pose))) {
        let turn = quaternion(c, &pose, &body[3..7])?;
        let [x, y, z, w] = turn;
        let [x, y, z] = [x, y, z].map(|node| c.unary(Unary::Neg, node));
        let zero = c.constant_like(w, 0.0);
        let inner = product(c, [offset[0], offset[1], offset[2], zero], [x, y, z, w]);
        let turned = product(c, turn, inner);
        nodes.extend([0, 1, 2].map(|at| c.add(turned[at], body[at])));
    }
    Ok(c.tensor_value(point.element, point.dims.to_vec(), nodes))
}

fn quat_conjugate(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = floats(c, &args, 0)?;
    Ok(Value::Tensor(conjugated(c, &tensor)?))
}

/// `v + w t + u × t` with `t = 2 u × v` and `u` the vector part.
fn apply_nodes(c: &mut Checker<'_>, [x, y, z, w]: [NodeId; 4], v: [NodeId; 3]) -> [NodeId; 3] {
    let two = c.constant_like(w, 2.0);
    let t = cross_nodes(c, [x, y, z], v).map(|node| c.mul(node, two));
    let pull = cross_nodes(c, [x, y, z], t);
    [0, 1, 2].map(|i| {
        let swing = c.mul(w, t[i]);
        let sum = c.add(v[i], swing);
        c.add(sum, pull[i])
    })
}

/// `(2w² - 1) v + 2w (u × v) + 2 (u·v) u`; the inverse takes the middle away. For quaternions of length 1 this is the same
/// as [`apply_nodes`]; for others Isaac Gym's two functions differ, and so do these.
fn rotate_nodes(c: &mut Checker<'_>, [x, y, z, w]: [NodeId; 4], v: [NodeId; 3], inverse: bool) -> [NodeId; 3] {
    let u = [x, y, z];
    let [one, two] = [1.0, 2.0].map(|value| c.constant_like(w, value));
    let square = c.mul(w, w);
    let doubled = c.mul(two, square);
    let scale = c.sub(doubled, one);
    let swing = cross_nodes(c, u, v);
    let along = super::linear::dot_nodes(c, &u, &v);
    [0, 1, 2].map(|i| {
        let a = c.mul(v[i], scale);
        let b = c.mul(swing[i], w);
        let b = c.mul(b, two);
        let pull = c.mul(u[i], along);
        let pull = c.mul(pull, two);
        let sum = if inverse { c.sub(a, b) } else { c.add(a, b) };
        c.add(sum, pull)
    })
}

/// Only the turn about the vertical axis.
fn apply_yaw(c: &mut Checker<'_>, [x, _, z, w]: [NodeId; 4], v: [NodeId; 3]) -> [NodeId; 3] {
    let zero = c.constant_like(x, 0.0);
    let flat = [zero, zero, z, w];
    let length = c.euclidean_norm(&flat);
    let least = c.constant_like(x, 1e-9);
    let length = c.binary(Binary::Max, length, least);
    let flat = flat.map(|node| c.div(node, length));
    apply_nodes(c, flat, v)
}

type Turn = fn(&mut Checker<'_>, [NodeId; 4], [NodeId; 3]) -> [NodeId; 3];

/// One quaternion for each vector.
fn turn(c: &mut Checker<'_>, args: &Args, f: Turn) -> Checked {
    let (q, v) = two_of_floats(c, args)?;
    Ok(Value::Tensor(turned(c, &q, &v, f)?))
}

fn turned(c: &mut Checker<'_>, q: &Tensor, v: &Tensor, f: Turn) -> Checked<Tensor> {
    if q.dims.len() != v.dims.len()
        || q.dims.split_last().map(|(_, outer)| outer) != v.dims.split_last().map(|(_, outer)| outer)
    {
        return c.error(
            Code::ShapeMismatch,
            format!("one quaternion for each vector is needed, not {q} and {v}"),
            None,
        );
    }
    let (qs, vs) = (c.elements(q), c.elements(v));
    let mut nodes = Vec::new();
    for (q_row, v_row) in qs.chunks(width(q)).zip(vs.chunks(width(v))) {
        let quaternion = quaternion(c, q, q_row)?;
        let vector = vector(c, v, v_row)?;
        nodes.extend(f(c, quaternion, vector));
    }
    Ok(c.tensor(v.element, v.dims.to_vec(), nodes))
}

/// Twice the arc sine of the difference's vector part.
fn angle_between(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = two_of_floats(c, &args)?;
    if a.dims != b.dims {
        return c.error(
            Code::ShapeMismatch,
            format!("`quat_diff_rad` needs two arrays of one shape, not {a} and {b}"),
            None,
        );
    }
    let (xs, ys) = (c.elements(&a), c.elements(&b));
    let mut nodes = Vec::new();
    for (x, y) in xs.chunks(width(&a)).zip(ys.chunks(width(&b))) {
        let p = quaternion(c, &a, x)?;
        let [x, y, z, w] = quaternion(c, &b, y)?;
        let [x, y, z] = [x, y, z].map(|node| c.unary(Unary::Neg, node));
        let [x, y, z, _] = product(c, p, [x, y, z, w]);
        let length = c.euclidean_norm(&[x, y, z]);
        let [one, two] = [1.0, 2.0].map(|value| c.constant_like(length, value));
        let length = c.binary(Binary::Min, length, one);
        let half = c.unary(Unary::Asin, length);
        nodes.push(c.mul(two, half));
    }
    let dims = a.dims[..a.dims.len().saturating_sub(1)].to_vec();
    Ok(c.tensor_value(a.element, dims, nodes))
}

/// A turn by `angle` about `axis`, of length 1.
fn from_angle_axis(c: &mut Checker<'_>, args: Args) -> Checked {
    let (angle, axis) = two_of_floats(c, &args)?;
    if axis.dims.split_last().map(|(_, outer)| outer) != Some(&*angle.dims) {
        return c.error(
            Code::ShapeMismatch,
            format!("one angle for each axis is needed, not {angle} and {axis}"),
            None,
        );
    }
    let axis = normalized(c, &axis, 1e-9)?;
    let (angles, axes) = (c.elements(&angle), c.elements(&axis));
    let mut nodes = Vec::new();
    for (&angle, row) in angles.iter().zip(axes.chunks(width(&axis))) {
        let [x, y, z] = vector(c, &axis, row)?;
        let two = c.constant_like(angle, 2.0);
        let half = c.div(angle, two);
        let (sin, cos) = (c.unary(Unary::Sin, half), c.unary(Unary::Cos, half));
        nodes.extend([x, y, z].map(|node| c.mul(node, sin)));
        nodes.push(cos);
    }
    let mut dims = angle.dims.to_vec();
    dims.push(Dim::Size(4));
    let quaternions = c.tensor(axis.element, dims, nodes);
    Ok(Value::Tensor(normalized(c, &quaternions, 1e-9)?))
}

/// Angle within half a turn, and axis; the z axis and 0 where nothing turns.
fn to_angle_axis(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = floats(c, &args, 0)?;
    let nodes = c.elements(&q);
    let (mut angles, mut axes) = (Vec::new(), Vec::new());
    for row in nodes.chunks(width(&q)) {
        let [x, y, z, w] = quaternion(c, &q, row)?;
        let [zero, one, two, least] = [0.0, 1.0, 2.0, 1e-5].map(|value| c.constant_like(w, value));
        let square = c.mul(w, w);
        let rest = c.sub(one, square);
        let sin = c.unary(Unary::Sqrt, rest);
        let half = c.unary(Unary::Acos, w);
        let angle = c.mul(two, half);
        let angle = normalize_angle(c, angle);
        let magnitude = c.unary(Unary::Abs, sin);
        let turns = c.less(least, magnitude);
        angles.push(c.select(turns, angle, zero));
        for (node, default) in [x, y, z].into_iter().zip([zero, zero, one]) {
            let part = c.div(node, sin);
            axes.push(c.select(turns, part, default));
        }
    }
    let outer = q.dims[..q.dims.len().saturating_sub(1)].to_vec();
    let mut dims = outer.clone();
    dims.push(Dim::Size(3));
    let angles = c.tensor_value(q.element, outer, angles);
    Ok(Value::tuple(vec![angles, c.tensor_value(q.element, dims, axes)]))
}

fn from_euler(c: &mut Checker<'_>, args: Args) -> Checked {
    let angles = [0, 1, 2].map(|at| args.at(at));
    let operands: Vec<Value> = angles
        .iter()
        .map(|angle| c.array_argument(&args, angle).map(Value::Tensor))
        .collect::<Checked<_>>()?;
    let operands: Vec<&Value> = operands.iter().collect();
    let element = c.promote(&operands);
    if !element.is_float() {
        return c.error(Code::TypeMismatch, "angles are floats", None);
    }
    let (mut dims, rows) = c.broadcast_operands("`quat_from_euler_xyz`", &operands, element)?;
    let mut nodes = Vec::new();
    for angles in super::together::<3>(&rows) {
        let halves = angles.map(|angle| {
            let half = c.constant_like(angle, 0.5);
            c.mul(angle, half)
        });
        let [cr, cp, cy] = halves.map(|half| c.unary(Unary::Cos, half));
        let [sr, sp, sy] = halves.map(|half| c.unary(Unary::Sin, half));
        let mut triple = |a, b, d| {
            let product = c.mul(a, b);
            c.mul(product, d)
        };
        let w = [triple(cy, cr, cp), triple(sy, sr, sp)];
        let x = [triple(cy, sr, cp), triple(sy, cr, sp)];
        let y = [triple(cy, cr, sp), triple(sy, sr, cp)];
        let z = [triple(sy, cr, cp), triple(cy, sr, sp)];
        nodes.extend([
            c.sub(x[0], x[1]),
            c.add(y[0], y[1]),
            c.sub(z[0], z[1]),
            c.add(w[0], w[1]),
        ]);
    }
    dims.push(Dim::Size(4));
    Ok(c.tensor_value(element, dims, nodes))
}

/// Angle in the plane of where the rotation takes the x axis.
fn heading(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = floats(c, &args, 0)?;
    let nodes = c.elements(&q);
    let mut angles = Vec::new();
    for row in nodes.chunks(width(&q)) {
        let quaternion = quaternion(c, &q, row)?;
        let basis = [1.0, 0.0, 0.0].map(|value| c.constant_like(quaternion[0], value));
        let [x, y, _] = rotate_nodes(c, quaternion, basis, false);
        angles.push(c.binary(Binary::Atan2, y, x));
    }
    let dims = q.dims[..q.dims.len().saturating_sub(1)].to_vec();
    Ok(c.tensor_value(q.element, dims, angles))
}

fn conjugated(c: &mut Checker<'_>, q: &Tensor) -> Checked<Tensor> {
    let nodes = c.elements(q);
    let mut result = Vec::new();
    for row in nodes.chunks(width(q)) {
        let [x, y, z, w] = quaternion(c, q, row)?;
        let [x, y, z] = [x, y, z].map(|node| c.unary(Unary::Neg, node));
        result.extend([x, y, z, w]);
    }
    Ok(c.tensor(q.element, q.dims.to_vec(), result))
}

/// The frame seen from the other side: `(q*, -q* t)`.
fn frame_inverse(c: &mut Checker<'_>, args: Args) -> Checked {
    let (q, t) = two_of_floats(c, &args)?;
    let inverse = conjugated(c, &q)?;
    let turned = turned(c, &inverse, &t, apply_nodes)?;
    let back = c.map(&turned, turned.element, |c, x| c.unary(Unary::Neg, x));
    Ok(Value::tuple(vec![Value::Tensor(inverse), Value::Tensor(back)]))
}

/// `q v + t`
fn frame_apply(c: &mut Checker<'_>, args: Args) -> Checked {
    let (q, v) = (floats(c, &args, 0)?, floats(c, &args, 2)?);
    let turned = turned(c, &q, &v, apply_nodes)?;
    c.arithmetic(ruff_python_ast::Operator::Add, &Value::Tensor(turned), &args.at(1))
}

/// One frame within another: `(q1 q2, q1 t2 + t1)`.
fn frame_combine(c: &mut Checker<'_>, args: Args) -> Checked {
    let (q, t) = (floats(c, &args, 0)?, floats(c, &args, 3)?);
    let turned = turned(c, &q, &t, apply_nodes)?;
    let place = c.arithmetic(ruff_python_ast::Operator::Add, &Value::Tensor(turned), &args.at(1))?;
    let both = Args {
        name: "torch_utils.quat_mul".into(),
        values: vec![Some(args.at(0)), Some(args.at(2))],
        rest: Vec::new(),
        keywords: Vec::new(),
    };
    let rotation = quat_mul(c, both)?;
    Ok(Value::tuple(vec![rotation, place]))
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

/// Into (-π, π] by whole turns, the way legged_gym writes it.
fn wrap_to_pi(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let [pi, turn, zero] = [std::f64::consts::PI, std::f64::consts::TAU, 0.0].map(|value| c.constant_like(x, value));
    let angle = c.python_remainder(x, turn);
    let is_large = c.less(pi, angle);
    let turns = c.select(is_large, turn, zero);
    c.sub(angle, turns)
}
