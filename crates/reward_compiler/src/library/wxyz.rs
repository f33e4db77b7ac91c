//! Rotations with the scalar first (wxyz), as MuJoCo, SAPIEN and `transforms3d` write them, and the geometry helpers of
//! ManiSkill. One rotation at a time: this is the NumPy dialect's side.

use super::Behaviour::Run;
use super::linear::dot_nodes;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Dim, Element, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("transforms3d.quaternions.qmult", "q1 q2", Run(multiply)),
    entry("transforms3d.quaternions.qconjugate", "q", Run(conjugate)),
    entry("transforms3d.quaternions.qinverse", "q", Run(inverse)),
    entry("transforms3d.quaternions.qnorm", "q", Run(norm)),
    entry("transforms3d.quaternions.quat2mat", "q", Run(to_matrix)),
    entry(
        "transforms3d.quaternions.quat2axangle",
        "quat identity_thresh?",
        Run(to_axis_angle),
    ),
    entry(
        "transforms3d.quaternions.axangle2quat",
        "vector theta is_normalized?",
        Run(from_axis_angle),
    ),
    entry(
        "transforms3d.quaternions.rotate_vector",
        "v q is_normalized?",
        Run(rotate_vector),
    ),
    entry(
        "transforms3d.axangles.axangle2mat",
        "axis angle is_normalized?",
        Run(axis_angle_matrix),
    ),
    entry(
        "transforms3d.euler.euler2quat",
        "ai aj ak axes?",
        Run(euler_to_quaternion),
    ),
    entry("transforms3d.euler.euler2mat", "ai aj ak axes?", Run(euler_to_matrix)),
    entry(
        "transforms3d.euler.quat2euler",
        "quaternion axes?",
        Run(quaternion_to_euler),
    ),
    entry("transforms3d.euler.mat2euler", "mat axes?", Run(matrix_to_euler)),
    entry(
        "mani_skill2.utils.geometry.transform_points",
        "H pts",
        Run(transform_points),
    ),
    entry(
        "mani_skill2.utils.geometry.angle_between_vec",
        "a b",
        Run(angle_between),
    ),
    entry(
        "mani_skill2.utils.geometry.normalize_vector mani_skill2.utils.geometry.norm_vec",
        "x eps?",
        Run(unit_vector),
    ),
    entry(
        "mani_skill2.utils.geometry.compute_angle_between",
        "x1 x2",
        Run(bounded_angle_between),
    ),
    entry(
        "mani_skill2.utils.geometry.clip_and_normalize",
        "x a_min a_max?",
        Run(clip_and_normalize),
    ),
    entry(
        "mani_skill2.utils.geometry.wxyz_to_xyzw",
        "q",
        Run(|c, args| reorder(c, &args, [1, 2, 3, 0])),
    ),
    entry(
        "mani_skill2.utils.geometry.xyzw_to_wxyz",
        "q",
        Run(|c, args| reorder(c, &args, [3, 0, 1, 2])),
    ),
];

type Quaternion = [NodeId; 4];
type Vector = [NodeId; 3];
type Matrix = [[NodeId; 3]; 3];

/// `K` numbers in f64.
fn numbers<const K: usize>(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<[NodeId; K]> {
    let tensor = c.as_tensor(&args.at(at))?;
    let nodes = c.elements_as(&tensor, Element::F64);
    match <[NodeId; K]>::try_from(nodes) {
        Ok(numbers) if !tensor.is_batched() && tensor.dims.len() == 1 => Ok(numbers),
        _ => c.error(
            Code::ShapeMismatch,
            format!("`{}` needs {K} numbers, not {tensor}", super::shown_name(&args.name)),
            None,
        ),
    }
}

fn number(c: &mut Checker<'_>, value: f64) -> NodeId {
    c.constant(Type::F64, value)
}

fn vector_value(c: &mut Checker<'_>, nodes: &[NodeId]) -> Value {
    c.tensor_value(Element::F64, vec![Dim::Size(nodes.len())], nodes.to_vec())
}

fn matrix_value(c: &mut Checker<'_>, matrix: Matrix) -> Value {
    c.tensor_value(Element::F64, vec![Dim::Size(3); 2], matrix.concat())
}

fn float(node: NodeId) -> Value {
    Value::Scalar(Scalar {
        kind: ScalarKind::Float,
        node,
    })
}

/// Sum of products, each with its sign.
fn combine(c: &mut Checker<'_>, parts: &[(NodeId, NodeId, bool)]) -> NodeId {
    let mut sum: Option<NodeId> = None;
    for &(a, b, is_positive) in parts {
        let product = c.mul(a, b);
        sum = Some(match (sum, is_positive) {
            (None, true) => product,
            (None, false) => c.unary(Unary::Neg, product),
            (Some(known), true) => c.add(known, product),
            (Some(known), false) => c.sub(known, product),
        });
    }
    sum.unwrap_or_else(|| number(c, 0.0))
}

pub(super) fn product(c: &mut Checker<'_>, p: Quaternion, q: Quaternion) -> Quaternion {
    let ([w1, x1, y1, z1], [w2, x2, y2, z2]) = (p, q);
    [
        combine(c, &[(w1, w2, true), (x1, x2, false), (y1, y2, false), (z1, z2, false)]),
        combine(c, &[(w1, x2, true), (x1, w2, true), (y1, z2, true), (z1, y2, false)]),
        combine(c, &[(w1, y2, true), (y1, w2, true), (z1, x2, true), (x1, z2, false)]),
        combine(c, &[(w1, z2, true), (z1, w2, true), (x1, y2, true), (y1, x2, false)]),
    ]
}

pub(super) fn conjugated(c: &mut Checker<'_>, [w, x, y, z]: Quaternion) -> Quaternion {
    let [x, y, z] = [x, y, z].map(|node| c.unary(Unary::Neg, node));
    [w, x, y, z]
}

fn multiply(c: &mut Checker<'_>, args: Args) -> Checked {
    let (p, q) = (numbers(c, &args, 0)?, numbers(c, &args, 1)?);
    let result = product(c, p, q);
    Ok(vector_value(c, &result))
}

fn conjugate(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = numbers(c, &args, 0)?;
    let result = conjugated(c, q);
    Ok(vector_value(c, &result))
}

fn inverse(c: &mut Checker<'_>, args: Args) -> Checked {
    let q: Quaternion = numbers(c, &args, 0)?;
    let square = dot_nodes(c, &q, &q);
    let result = conjugated(c, q).map(|node| c.div(node, square));
    Ok(vector_value(c, &result))
}

fn norm(c: &mut Checker<'_>, args: Args) -> Checked {
    let q: Quaternion = numbers(c, &args, 0)?;
    Ok(float(c.euclidean_norm(&q)))
}

/// The rotation matrix of a quaternion of any length; a quaternion of nothing turns nothing.
fn matrix_of(c: &mut Checker<'_>, q: Quaternion) -> Matrix {
    let [w, x, y, z] = q;
    let square = dot_nodes(c, &q, &q);
    let [one, two, zero] = [1.0, 2.0, 0.0].map(|value| number(c, value));
    let s = c.div(two, square);
    let [sx, sy, sz] = [x, y, z].map(|node| c.mul(node, s));
    let mut of = |a: NodeId, b: NodeId| c.mul(a, b);
    let (wx, wy, wz) = (of(w, sx), of(w, sy), of(w, sz));
    let (xx, xy, xz) = (of(x, sx), of(x, sy), of(x, sz));
    let (yy, yz, zz) = (of(y, sy), of(y, sz), of(z, sz));
    let mut diagonal = |a: NodeId, b: NodeId| {
        let sum = c.add(a, b);
        c.sub(one, sum)
    };
    let (d0, d1, d2) = (diagonal(yy, zz), diagonal(xx, zz), diagonal(xx, yy));
    let matrix = [
        [d0, c.sub(xy, wz), c.add(xz, wy)],
        [c.add(xy, wz), d1, c.sub(yz, wx)],
        [c.sub(xz, wy), c.add(yz, wx), d2],
    ];
    let least = number(c, f64::EPSILON);
    let is_nothing = c.less(square, least);
    let mut result = matrix;
    for (i, row) in result.iter_mut().enumerate() {
        for (j, node) in row.iter_mut().enumerate() {
            let unit = if i == j { one } else { zero };
            *node = c.select(is_nothing, unit, *node);
        }
    }
    result
}

fn to_matrix(c: &mut Checker<'_>, args: Args) -> Checked {
    let q = numbers(c, &args, 0)?;
    let matrix = matrix_of(c, q);
    Ok(matrix_value(c, matrix))
}

/// Axis and angle; the x axis and 0 where nothing turns.
fn to_axis_angle(c: &mut Checker<'_>, args: Args) -> Checked {
    let q: Quaternion = numbers(c, &args, 0)?;
    let threshold = match args.get(1) {
        Some(value) => c.known_number(&value)?,
        None => 3.0 * f64::EPSILON,
    };
    let square = dot_nodes(c, &q, &q);
    let [zero, one, two] = [0.0, 1.0, 2.0].map(|value| number(c, value));
    let infinity = number(c, f64::INFINITY);
    let is_finite = c.less(square, infinity);
    let least = number(c, f64::EPSILON * f64::EPSILON);
    let is_nothing = c.less(square, least);
    let length = c.unary(Unary::Sqrt, square);
    let [w, x, y, z] = q.map(|node| c.div(node, length));
    let rest = dot_nodes(c, &[x, y, z], &[x, y, z]);
    let small = number(c, threshold * threshold);
    let is_identity = c.less(rest, small);
    let is_identity = c.or(is_nothing, is_identity);
    let cosine = bounded(c, w);
    let half = c.unary(Unary::Acos, cosine);
    let angle = c.mul(two, half);
    let length = c.unary(Unary::Sqrt, rest);
    let axis = [x, y, z].map(|node| c.div(node, length));
    let not_a_number = number(c, f64::NAN);
    let angle = c.select(is_identity, zero, angle);
    let angle = c.select(is_finite, angle, not_a_number);
    let is_default = c.not(is_finite);
    let is_default = c.or(is_default, is_identity);
    let mut result = axis;
    for (node, unit) in result.iter_mut().zip([one, zero, zero]) {
        *node = c.select(is_default, unit, *node);
    }
    let axis = vector_value(c, &result);
    Ok(Value::tuple(vec![axis, float(angle)]))
}

/// Within -1 and 1 by Python's `min` and `max`, as `transforms3d` has it.
fn bounded(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let [one, minus] = [1.0, -1.0].map(|value| number(c, value));
    let is_above = c.less(one, x);
    let x = c.select(is_above, one, x);
    let is_below = c.less(x, minus);
    c.select(is_below, minus, x)
}

/// A vector of length 1, unless the flag at `at` says that it is one already.
fn unit_axis(c: &mut Checker<'_>, args: &Args, vector: Vector, at: usize) -> Checked<Vector> {
    if c.flag(args.get(at))? {
        return Ok(vector);
    }
    let square = dot_nodes(c, &vector, &vector);
    let length = c.unary(Unary::Sqrt, square);
    Ok(vector.map(|node| c.div(node, length)))
}

fn from_axis_angle(c: &mut Checker<'_>, args: Args) -> Checked {
    let vector = numbers(c, &args, 0)?;
    let angle = c.python_float(&args.at(1))?;
    let axis = unit_axis(c, &args, vector, 2)?;
    let two = number(c, 2.0);
    let half = c.div(angle, two);
    let (sin, cos) = (c.unary(Unary::Sin, half), c.unary(Unary::Cos, half));
    let [x, y, z] = axis.map(|node| c.mul(node, sin));
    Ok(vector_value(c, &[cos, x, y, z]))
}

/// `q (0, v) q*`
fn rotate_vector(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, y, z] = numbers(c, &args, 0)?;
    let q: Quaternion = numbers(c, &args, 1)?;
    let is_unit = match args.get(2) {
        None => true,
        flag => c.flag(flag)?,
    };
    let back = conjugated(c, q);
    let back = match is_unit {
        true => back,
        false => {
            let square = dot_nodes(c, &q, &q);
            back.map(|node| c.div(node, square))
        }
    };
    let zero = number(c, 0.0);
    let right = product(c, [zero, x, y, z], back);
    let [_, x, y, z] = product(c, q, right);
    Ok(vector_value(c, &[x, y, z]))
}

fn axis_angle_matrix(c: &mut Checker<'_>, args: Args) -> Checked {
    let vector = numbers(c, &args, 0)?;
    let angle = c.python_float(&args.at(1))?;
    let [x, y, z] = unit_axis(c, &args, vector, 2)?;
    let (cos, sin) = (c.unary(Unary::Cos, angle), c.unary(Unary::Sin, angle));
    let one = number(c, 1.0);
    let rest = c.sub(one, cos);
    let [xs, ys, zs] = [x, y, z].map(|node| c.mul(node, sin));
    let [xr, yr, zr] = [x, y, z].map(|node| c.mul(node, rest));
    let (xy, yz, zx) = (c.mul(x, yr), c.mul(y, zr), c.mul(z, xr));
    let mut diagonal = |a: NodeId, b: NodeId| {
        let square = c.mul(a, b);
        c.add(square, cos)
    };
    let (d0, d1, d2) = (diagonal(x, xr), diagonal(y, yr), diagonal(z, zr));
    let matrix = [
        [d0, c.sub(xy, zs), c.add(zx, ys)],
        [c.add(xy, zs), d1, c.sub(yz, xs)],
        [c.sub(zx, ys), c.add(yz, xs), d2],
    ];
    Ok(matrix_value(c, matrix))
}

/// Order of the axes of Euler angles, such as `sxyz`: static or rotating frame, then three axes.
struct Axes {
    i: usize,
    j: usize,
    k: usize,
    /// Whether the three axes are an odd permutation.
    is_odd: bool,
    repeats: bool,
    rotates: bool,
}

fn axes(c: &mut Checker<'_>, value: Option<Value>) -> Checked<Axes> {
    let text = match value {
        None => "sxyz".into(),
        Some(Value::Str(text)) => text,
        Some(_) => {
            return c.error(
                Code::TypeMismatch,
                "the order of axes is a string such as \"sxyz\"",
                None,
            );
        }
    };
    let letters: Vec<usize> = text[1.min(text.len())..]
        .chars()
        .filter_map(|letter| "xyz".find(letter))
        .collect();
    let rotates = text.starts_with('r');
    let (true, &[first, second, third]) = (rotates || text.starts_with('s'), letters.as_slice()) else {
        return c.error(
            Code::WrongArguments,
            format!("\"{text}\" is not an order of axes"),
            None,
        );
    };
    if first == second || second == third {
        return c.error(
            Code::WrongArguments,
            format!("\"{text}\" is not an order of axes"),
            None,
        );
    }
    // A rotating frame is a static one read backwards.
    let i = if rotates { third } else { first };
    let is_odd = (i + 1) % 3 != second;
    Ok(Axes {
        i,
        j: second,
        k: 3 - i - second,
        is_odd,
        repeats: first == third,
        rotates,
    })
}

/// The three angles as the axes take them.
fn angles(c: &mut Checker<'_>, args: &Args, axes: &Axes) -> Checked<[NodeId; 3]> {
    let mut angles = [0; 3].map(|_| number(c, 0.0));
    for (at, angle) in angles.iter_mut().enumerate() {
        *angle = c.python_float(&args.at(at))?;
    }
    if axes.rotates {
        angles.swap(0, 2);
    }
    Ok(angles)
}

fn euler_to_quaternion(c: &mut Checker<'_>, args: Args) -> Checked {
    let axes = axes(c, args.get(3))?;
    let [ai, aj, ak] = angles(c, &args, &axes)?;
    let aj = if axes.is_odd { c.unary(Unary::Neg, aj) } else { aj };
    let two = number(c, 2.0);
    let halves = [ai, aj, ak].map(|angle| c.div(angle, two));
    let [ci, cj, ck] = halves.map(|half| c.unary(Unary::Cos, half));
    let [si, sj, sk] = halves.map(|half| c.unary(Unary::Sin, half));
    let (cc, cs) = (c.mul(ci, ck), c.mul(ci, sk));
    let (sc, ss) = (c.mul(si, ck), c.mul(si, sk));
    let mut q = [cc; 4];
    let (at_i, at_j, at_k) = (axes.i + 1, axes.j + 1, axes.k + 1);
    if axes.repeats {
        let (difference, sum) = (c.sub(cc, ss), c.add(cs, sc));
        let (sum_j, difference_k) = (c.add(cc, ss), c.sub(cs, sc));
        q[0] = c.mul(cj, difference);
        q[at_i] = c.mul(cj, sum);
        q[at_j] = c.mul(sj, sum_j);
        q[at_k] = c.mul(sj, difference_k);
    } else {
        q[0] = combine(c, &[(cj, cc, true), (sj, ss, true)]);
        q[at_i] = combine(c, &[(cj, sc, true), (sj, cs, false)]);
        q[at_j] = combine(c, &[(cj, ss, true), (sj, cc, true)]);
        q[at_k] = combine(c, &[(cj, cs, true), (sj, sc, false)]);
    }
    if axes.is_odd {
        q[at_j] = c.unary(Unary::Neg, q[at_j]);
    }
    Ok(vector_value(c, &q))
}

fn euler_to_matrix(c: &mut Checker<'_>, args: Args) -> Checked {
    let axes = axes(c, args.get(3))?;
    let mut angles = angles(c, &args, &axes)?;
    if axes.is_odd {
        angles = angles.map(|angle| c.unary(Unary::Neg, angle));
    }
    let [si, sj, sk] = angles.map(|angle| c.unary(Unary::Sin, angle));
    let [ci, cj, ck] = angles.map(|angle| c.unary(Unary::Cos, angle));
    let (cc, cs) = (c.mul(ci, ck), c.mul(ci, sk));
    let (sc, ss) = (c.mul(si, ck), c.mul(si, sk));
    let (i, j, k) = (axes.i, axes.j, axes.k);
    let mut matrix = [[cc; 3]; 3];
    let negative = |c: &mut Checker<'_>, node: NodeId| c.unary(Unary::Neg, node);
    if axes.repeats {
        matrix[i][i] = cj;
        matrix[i][j] = c.mul(sj, si);
        matrix[i][k] = c.mul(sj, ci);
        matrix[j][i] = c.mul(sj, sk);
        let part = c.mul(cj, ss);
        matrix[j][j] = c.sub(cc, part);
        let part = c.mul(cj, cs);
        let sum = c.add(part, sc);
        matrix[j][k] = negative(c, sum);
        let product = c.mul(sj, ck);
        matrix[k][i] = negative(c, product);
        let part = c.mul(cj, sc);
        matrix[k][j] = c.add(part, cs);
        let part = c.mul(cj, cc);
        matrix[k][k] = c.sub(part, ss);
    } else {
        matrix[i][i] = c.mul(cj, ck);
        let part = c.mul(sj, sc);
        matrix[i][j] = c.sub(part, cs);
        let part = c.mul(sj, cc);
        matrix[i][k] = c.add(part, ss);
        matrix[j][i] = c.mul(cj, sk);
        let part = c.mul(sj, ss);
        matrix[j][j] = c.add(part, cc);
        let part = c.mul(sj, cs);
        matrix[j][k] = c.sub(part, sc);
        matrix[k][i] = negative(c, sj);
        matrix[k][j] = c.mul(cj, si);
        matrix[k][k] = c.mul(cj, ci);
    }
    Ok(matrix_value(c, matrix))
}

fn euler_of(c: &mut Checker<'_>, m: Matrix, axes: &Axes) -> Value {
    let (i, j, k) = (axes.i, axes.j, axes.k);
    let least = number(c, 4.0 * f64::EPSILON);
    let zero = number(c, 0.0);
    let negative = |c: &mut Checker<'_>, node: NodeId| c.unary(Unary::Neg, node);
    let (a, b) = match axes.repeats {
        true => (m[i][j], m[i][k]),
        false => (m[i][i], m[j][i]),
    };
    let square = combine(c, &[(a, a, true), (b, b, true)]);
    let size = c.unary(Unary::Sqrt, square);
    let is_regular = c.less(least, size);
    let (y, x, sign) = match axes.repeats {
        true => {
            let sign = negative(c, m[k][i]);
            ([m[i][j], m[i][k]], [size, m[i][i]], [m[j][i], sign])
        }
        false => {
            let pitch = negative(c, m[k][i]);
            ([m[k][j], m[k][k]], [pitch, size], [m[j][i], m[i][i]])
        }
    };
    let first = c.binary(Binary::Atan2, y[0], y[1]);
    let second = c.binary(Binary::Atan2, x[0], x[1]);
    let third = c.binary(Binary::Atan2, sign[0], sign[1]);
    let minus = negative(c, m[j][k]);
    let locked = c.binary(Binary::Atan2, minus, m[j][j]);
    let first = c.select(is_regular, first, locked);
    let third = c.select(is_regular, third, zero);
    let mut angles = [first, second, third];
    if axes.is_odd {
        angles = angles.map(|angle| negative(c, angle));
    }
    if axes.rotates {
        angles.swap(0, 2);
    }
    Value::tuple(angles.into_iter().map(float).collect())
}

fn quaternion_to_euler(c: &mut Checker<'_>, args: Args) -> Checked {
    let axes = axes(c, args.get(1))?;
    let q = numbers(c, &args, 0)?;
    let matrix = matrix_of(c, q);
    Ok(euler_of(c, matrix, &axes))
}

fn matrix_to_euler(c: &mut Checker<'_>, args: Args) -> Checked {
    let axes = axes(c, args.get(1))?;
    let tensor = c.as_tensor(&args.at(0))?;
    let [Dim::Size(rows @ 3..), Dim::Size(columns @ 3..)] = *tensor.dims else {
        return c.error(
            Code::ShapeMismatch,
            format!("a rotation matrix is 3 by 3, not {tensor}"),
            None,
        );
    };
    debug_assert!(rows >= 3);
    let nodes = c.elements_as(&tensor, Element::F64);
    let matrix = [0, 1, 2].map(|row| [0, 1, 2].map(|column| nodes[row * columns + column]));
    Ok(euler_of(c, matrix, &axes))
}

/// `pts @ H[:3, :3].T + H[:3, 3]`
fn transform_points(c: &mut Checker<'_>, args: Args) -> Checked {
    let (transform, points) = (c.as_tensor(&args.at(0))?, c.as_tensor(&args.at(1))?);
    let ([Dim::Size(4), Dim::Size(4)], [Dim::Size(count), Dim::Size(3)]) = (&*transform.dims, &*points.dims) else {
        return c.error(
            Code::ShapeMismatch,
            format!("`transform_points` takes a 4 by 4 matrix and points [n, 3], not {transform} and {points}"),
            None,
        );
    };
    let count = *count;
    c.reserve(count.saturating_mul(24))?;
    let element = c.promote(&[&Value::Tensor(transform.clone()), &Value::Tensor(points.clone())]);
    let (h, p) = (c.elements_as(&transform, element), c.elements_as(&points, element));
    let mut nodes = Vec::with_capacity(3 * count);
    for point in p.chunks(3) {
        for row in h.chunks(4).take(3) {
            let turned = dot_nodes(c, point, &row[..3]);
            nodes.push(c.add(turned, row[3]));
        }
    }
    Ok(c.tensor_value(element, vec![Dim::Size(count), Dim::Size(3)], nodes))
}

/// A vector's elements in f64, of any length.
fn vector(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<Vec<NodeId>> {
    let tensor = c.as_tensor(&args.at(at))?;
    if tensor.dims.len() != 1 || tensor.is_batched() {
        return c.error(
            Code::ShapeMismatch,
            format!("`{}` needs a vector, not {tensor}", super::shown_name(&args.name)),
            None,
        );
    }
    Ok(c.elements_as(&tensor, Element::F64))
}

fn pair(c: &mut Checker<'_>, args: &Args) -> Checked<[Vec<NodeId>; 2]> {
    let (a, b) = (vector(c, args, 0)?, vector(c, args, 1)?);
    if a.len() != b.len() {
        return c.error(Code::ShapeMismatch, "two vectors of one length are needed", None);
    }
    Ok([a, b])
}

fn angle_between(c: &mut Checker<'_>, args: Args) -> Checked {
    let units = pair(c, &args)?.map(|vector| {
        let length = c.euclidean_norm(&vector);
        vector.into_iter().map(|node| c.div(node, length)).collect::<Vec<_>>()
    });
    let cosine = dot_nodes(c, &units[0], &units[1]);
    let angle = c.unary(Unary::Acos, cosine);
    Ok(c.tensor_value(Element::F64, Vec::new(), vec![angle]))
}

/// The vector over its length, and zeros for one shorter than `eps`.
fn unit_or_zero(c: &mut Checker<'_>, vector: &[NodeId], eps: f64) -> Vec<NodeId> {
    let length = c.euclidean_norm(vector);
    let (eps, zero) = (number(c, eps), number(c, 0.0));
    let is_short = c.less(length, eps);
    vector
        .iter()
        .map(|&node| {
            let unit = c.div(node, length);
            c.select(is_short, zero, unit)
        })
        .collect()
}

fn unit_vector(c: &mut Checker<'_>, args: Args) -> Checked {
    let eps = match args.get(1) {
        Some(eps) => c.known_number(&eps)?,
        None => 1e-6,
    };
    let vector = vector(c, &args, 0)?;
    let unit = unit_or_zero(c, &vector, eps);
    Ok(vector_value(c, &unit))
}

fn bounded_angle_between(c: &mut Checker<'_>, args: Args) -> Checked {
    let units = pair(c, &args)?.map(|vector| unit_or_zero(c, &vector, 1e-6));
    let cosine = dot_nodes(c, &units[0], &units[1]);
    let [one, minus] = [1.0, -1.0].map(|value| number(c, value));
    let cosine = c.binary(Binary::Max, cosine, minus);
    let cosine = c.binary(Binary::Min, cosine, one);
    Ok(float(c.unary(Unary::Acos, cosine)))
}

/// `(clip(x, low, high) - low) / (high - low)`; one bound alone counts on both sides of 0.
fn clip_and_normalize(c: &mut Checker<'_>, args: Args) -> Checked {
    let x = Value::Tensor(c.as_tensor(&args.at(0))?);
    let low = args.at(1);
    let high = args.get(2);
    let single = high.is_none();
    let high = high.unwrap_or_else(|| low.clone());
    let element = match c.promote(&[&x, &low, &high]) {
        element if element.is_float() => element,
        _ => Element::F64,
    };
    let (dims, rows) = c.broadcast_operands("`clip_and_normalize`", &[&x, &low, &high], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for [x, mut low, mut high] in super::together(&rows) {
        if single {
            high = c.unary(Unary::Abs, low);
            low = c.unary(Unary::Neg, high);
        }
        let clipped = c.binary(Binary::Max, x, low);
        let clipped = c.binary(Binary::Min, clipped, high);
        let way = c.sub(clipped, low);
        let whole = c.sub(high, low);
        nodes.push(c.div(way, whole));
    }
    Ok(c.tensor_value(element, dims, nodes))
}

fn reorder(c: &mut Checker<'_>, args: &Args, order: [usize; 4]) -> Checked {
    let q: Quaternion = numbers(c, args, 0)?;
    Ok(vector_value(c, &order.map(|at| q[at])))
}
