//! Elementwise functions that are built from others without losing digits: inverse hyperbolic functions, cube roots,
//! logarithms of sums.

use super::Behaviour::{Map, Run, Zip};
use super::{Args, Domain, Entry, entry};
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Element, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.asinh torch.arcsinh Tensor.asinh Tensor.arcsinh numpy.arcsinh numpy.asinh math.asinh",
        "input|x",
        Map(Domain::Float, arcsinh),
    ),
    entry(
        "torch.acosh torch.arccosh Tensor.acosh Tensor.arccosh numpy.arccosh numpy.acosh math.acosh",
        "input|x",
        Map(Domain::Float, arccosh),
    ),
    entry(
        "torch.atanh torch.arctanh Tensor.atanh Tensor.arctanh numpy.arctanh numpy.atanh math.atanh",
        "input|x",
        Map(Domain::Float, arctanh),
    ),
    entry(
        "torch.exp2 Tensor.exp2 torch.special.exp2 numpy.exp2 math.exp2",
        "input|x",
        Map(Domain::Float, |c, x| {
            let two = c.constant_like(x, 2.0);
            c.binary(Binary::Pow, two, x)
        }),
    ),
    entry("numpy.cbrt math.cbrt", "x", Map(Domain::Float, cube_root)),
    entry(
        "torch.sinc torch.special.sinc numpy.sinc",
        "input|x",
        Map(Domain::Float, sinc),
    ),
    entry(
        "torch.logaddexp Tensor.logaddexp numpy.logaddexp",
        "input|x1 other|x2",
        Zip(Domain::Float, log_add_exp),
    ),
    entry(
        "torch.logaddexp2 numpy.logaddexp2",
        "input|x1 other|x2",
        Zip(Domain::Float, log2_add_exp2),
    ),
    entry(
        "torch.frac Tensor.frac",
        "input",
        Map(Domain::Float, |c, x| {
            let whole = c.unary(Unary::Trunc, x);
            c.sub(x, whole)
        }),
    ),
    entry(
        "torch.xlogy Tensor.xlogy torch.special.xlogy scipy.special.xlogy",
        "input|x other|y",
        Run(x_log_y),
    ),
];

/// Computes on f64 and rounds once where the value is f32.
fn in_double(c: &mut Checker<'_>, x: NodeId, f: fn(&mut Checker<'_>, NodeId) -> NodeId) -> NodeId {
    let ty = c.graph.node(x).ty;
    let wide = c.convert(x, crate::ir::Type::F64);
    let result = f(c, wide);
    c.convert(result, ty)
}

/// `log(x + sqrt(x² + 1))`, in the form that keeps the digits of small arguments.
fn arcsinh(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    in_double(c, x, |c, x| {
        let [one, large, ln2] = [1.0, 1e9, std::f64::consts::LN_2].map(|value| c.constant_like(x, value));
        let magnitude = c.unary(Unary::Abs, x);
        let square = c.mul(x, x);
        let sum = c.add(square, one);
        let root = c.unary(Unary::Sqrt, sum);
        let root = c.add(one, root);
        let part = c.div(square, root);
        let argument = c.add(magnitude, part);
        let small = c.unary(Unary::Log1p, argument);
        let log = c.unary(Unary::Log, magnitude);
        let far = c.add(log, ln2);
        let is_far = c.less(large, magnitude);
        let value = c.select(is_far, far, small);
        let negative = c.unary(Unary::Neg, value);
        let zero = c.constant_like(x, 0.0);
        let is_negative = c.less(x, zero);
        let value = c.select(is_negative, negative, value);
        // Zero keeps its sign.
        let is_zero = c.binary(Binary::Eq, x, zero);
        c.select(is_zero, x, value)
    })
}

/// `log(x + sqrt(x² - 1))` by way of `x - 1`.
pub(super) fn arccosh(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    in_double(c, x, |c, x| {
        let [one, two, large, ln2] = [1.0, 2.0, 1e9, std::f64::consts::LN_2].map(|value| c.constant_like(x, value));
        let rest = c.sub(x, one);
        let sum = c.add(rest, two);
        let product = c.mul(rest, sum);
        let root = c.unary(Unary::Sqrt, product);
        let argument = c.add(rest, root);
        let near = c.unary(Unary::Log1p, argument);
        let log = c.unary(Unary::Log, x);
        let far = c.add(log, ln2);
        let is_far = c.less(large, x);
        c.select(is_far, far, near)
    })
}

/// `log1p(2x / (1 - x)) / 2`
pub(super) fn arctanh(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    in_double(c, x, |c, x| {
        let [zero, one, two, half] = [0.0, 1.0, 2.0, 0.5].map(|value| c.constant_like(x, value));
        let magnitude = c.unary(Unary::Abs, x);
        let doubled = c.mul(two, magnitude);
        let rest = c.sub(one, magnitude);
        let argument = c.div(doubled, rest);
        let log = c.unary(Unary::Log1p, argument);
        let value = c.mul(half, log);
        let negative = c.unary(Unary::Neg, value);
        let is_negative = c.less(x, zero);
        let value = c.select(is_negative, negative, value);
        let is_zero = c.binary(Binary::Eq, x, zero);
        c.select(is_zero, x, value)
    })
}

/// A power and one step of Newton's.
fn cube_root(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    in_double(c, x, |c, x| {
        let [zero, three, third] = [0.0, 3.0, 1.0 / 3.0].map(|value| c.constant_like(x, value));
        let magnitude = c.unary(Unary::Abs, x);
        let root = c.binary(Binary::Pow, magnitude, third);
        let square = c.mul(root, root);
        let cube = c.mul(square, root);
        let error = c.sub(cube, magnitude);
        let slope = c.mul(three, square);
        let step = c.div(error, slope);
        let better = c.sub(root, step);
        let negative = c.unary(Unary::Neg, better);
        let is_negative = c.less(x, zero);
        let value = c.select(is_negative, negative, better);
        // Zero, infinity and NaN are their own roots.
        let infinity = c.constant_like(x, f64::INFINITY);
        let is_ordinary = c.less(magnitude, infinity);
        let is_nonzero = c.binary(Binary::Ne, x, zero);
        let is_ordinary = c.and(is_ordinary, is_nonzero);
        c.select(is_ordinary, value, x)
    })
}

/// `sin(πx) / (πx)`, and 1 at 0.
fn sinc(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let [zero, one, pi] = [0.0, 1.0, std::f64::consts::PI].map(|value| c.constant_like(x, value));
    let angle = c.mul(pi, x);
    let sin = c.unary(Unary::Sin, angle);
    let quotient = c.div(sin, angle);
    let is_zero = c.binary(Binary::Eq, x, zero);
    c.select(is_zero, one, quotient)
}

/// The larger, and the logarithm of what the other adds to it.
fn log_add_exp(c: &mut Checker<'_>, a: NodeId, b: NodeId) -> NodeId {
    let largest = c.binary(Binary::Max, a, b);
    let difference = c.sub(a, b);
    let magnitude = c.unary(Unary::Abs, difference);
    let negative = c.unary(Unary::Neg, magnitude);
    let exp = c.unary(Unary::Exp, negative);
    let log = c.unary(Unary::Log1p, exp);
    let sum = c.add(largest, log);
    // Equal infinities have no difference.
    let same = c.binary(Binary::Eq, a, b);
    let ln2 = c.constant_like(a, std::f64::consts::LN_2);
    let doubled = c.add(a, ln2);
    c.select(same, doubled, sum)
}

fn log2_add_exp2(c: &mut Checker<'_>, a: NodeId, b: NodeId) -> NodeId {
    let largest = c.binary(Binary::Max, a, b);
    let difference = c.sub(a, b);
    let magnitude = c.unary(Unary::Abs, difference);
    let negative = c.unary(Unary::Neg, magnitude);
    let two = c.constant_like(a, 2.0);
    let power = c.binary(Binary::Pow, two, negative);
    let log = c.unary(Unary::Log1p, power);
    let scale = c.constant_like(a, std::f64::consts::LOG2_E);
    let log = c.mul(log, scale);
    let sum = c.add(largest, log);
    let same = c.binary(Binary::Eq, a, b);
    let one = c.constant_like(a, 1.0);
    let doubled = c.add(a, one);
    c.select(same, doubled, sum)
}

/// `x log(y)`, 0 where `x` is 0 unless `y` is NaN.
fn x_log_y(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (args.at(0), args.at(1));
    let element = match c.promote(&[&a, &b]) {
        element if element.is_float() => element,
        _ => c.scalar_element(crate::value::ScalarKind::Float),
    };
    let (dims, rows) = c.broadcast_operands("`xlogy`", &[&a, &b], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for (&x, &y) in rows[0].iter().zip(&rows[1]) {
        let zero = c.constant_like(x, 0.0);
        let log = c.unary(Unary::Log, y);
        let product = c.mul(x, log);
        let is_zero = c.binary(Binary::Eq, x, zero);
        let is_number = c.binary(Binary::Eq, y, y);
        let vanishes = c.and(is_zero, is_number);
        nodes.push(c.select(vanishes, zero, product));
    }
    debug_assert_ne!(element, Element::Bool);
    Ok(Value::Tensor(c.tensor(element, dims, nodes)))
}
