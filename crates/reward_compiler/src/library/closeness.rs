//! Comparisons that are more than one operator: closeness, equality of whole arrays, steps, bits of truth.

use super::Behaviour::{Map, Run, Zip};
use super::{Args, Domain, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Reduction, Type, Unary};
use crate::value::{Dim, Element, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.isclose Tensor.isclose",
        "input other rtol? atol? equal_nan?",
        Run(is_close),
    ),
    entry("numpy.isclose", "a b rtol? atol? equal_nan?", Run(is_close)),
    entry(
        "torch.allclose Tensor.allclose",
        "input other rtol? atol? equal_nan?",
        Run(all_close),
    ),
    entry("numpy.allclose", "a b rtol? atol? equal_nan?", Run(all_close)),
    entry("torch.equal Tensor.equal", "input other", Run(equal_arrays)),
    entry("numpy.array_equal", "a1 a2", Run(equal_arrays)),
    entry("math.isclose", "a b | rel_tol? abs_tol?", Run(python_is_close)),
    entry(
        "torch.heaviside Tensor.heaviside numpy.heaviside",
        "input|x1 values|x2",
        Run(heaviside),
    ),
    entry(
        "torch.isposinf numpy.isposinf",
        "input|x",
        Map(Domain::Test, |c, x| {
            let infinity = c.constant_like(x, f64::INFINITY);
            c.binary(Binary::Eq, x, infinity)
        }),
    ),
    entry(
        "torch.isneginf numpy.isneginf",
        "input|x",
        Map(Domain::Test, |c, x| {
            let infinity = c.constant_like(x, f64::NEG_INFINITY);
            c.binary(Binary::Eq, x, infinity)
        }),
    ),
    entry(
        "torch.signbit Tensor.signbit numpy.signbit",
        "input|x",
        Map(Domain::Test, |c, x| {
            let (zero, one) = (c.constant_like(x, 0.0), c.constant_like(x, 1.0));
            // 1 / -0 is -infinity, which tells the zeros apart.
            let inverse = c.div(one, x);
            let is_zero = c.binary(Binary::Eq, x, zero);
            let signed = c.select(is_zero, inverse, x);
            c.less(signed, zero)
        }),
    ),
    entry(
        "torch.fmax Tensor.fmax numpy.fmax",
        "input|x1 other|x2",
        Zip(Domain::Number, |c, a, b| ignoring_nan(c, Binary::Max, a, b)),
    ),
    entry(
        "torch.fmin Tensor.fmin numpy.fmin",
        "input|x1 other|x2",
        Zip(Domain::Number, |c, a, b| ignoring_nan(c, Binary::Min, a, b)),
    ),
    entry(
        "torch.bitwise_and Tensor.bitwise_and numpy.bitwise_and",
        "input|x1 other|x2",
        Run(|c, args| of_truth(c, &args, ruff_python_ast::Operator::BitAnd)),
    ),
    entry(
        "torch.bitwise_or Tensor.bitwise_or numpy.bitwise_or",
        "input|x1 other|x2",
        Run(|c, args| of_truth(c, &args, ruff_python_ast::Operator::BitOr)),
    ),
    entry(
        "torch.bitwise_xor Tensor.bitwise_xor numpy.bitwise_xor",
        "input|x1 other|x2",
        Run(|c, args| of_truth(c, &args, ruff_python_ast::Operator::BitXor)),
    ),
    entry(
        "torch.bitwise_not Tensor.bitwise_not numpy.bitwise_not numpy.invert",
        "input|x",
        Run(inverted),
    ),
];

fn of_truth(c: &mut Checker<'_>, args: &Args, op: ruff_python_ast::Operator) -> Checked {
    let (a, b) = (c.as_tensor(&args.at(0))?, c.as_tensor(&args.at(1))?);
    c.array_arithmetic(op, &Value::Tensor(a), &Value::Tensor(b), None)
}

fn inverted(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    match tensor.element {
        Element::Bool => Ok(Value::Tensor(c.map(&tensor, Element::Bool, Checker::not))),
        Element::I64 => Ok(Value::Tensor(c.map(&tensor, Element::I64, |c, x| {
            // All bits turned over: -x - 1.
            let negative = c.unary(Unary::Neg, x);
            let one = c.constant_like(x, 1.0);
            c.sub(negative, one)
        }))),
        _ => c.error(
            Code::TypeMismatch,
            format!(
                "`{}` turns truth values over, not {tensor}",
                super::shown_name(&args.name)
            ),
            None,
        ),
    }
}

/// The other one where one is NaN.
fn ignoring_nan(c: &mut Checker<'_>, op: Binary, a: NodeId, b: NodeId) -> NodeId {
    let best = c.binary(op, a, b);
    let (a_is_nan, b_is_nan) = (c.binary(Binary::Ne, a, a), c.binary(Binary::Ne, b, b));
    let best = c.select(b_is_nan, a, best);
    c.select(a_is_nan, b, best)
}

fn known_or(c: &mut Checker<'_>, args: &Args, at: usize, default: f64) -> Checked<f64> {
    match args.get(at) {
        Some(value) => c.known_number(&value),
        None => Ok(default),
    }
}

/// `|a - b| <= atol + rtol |b|` for finite values, equality for the others.
fn is_close(c: &mut Checker<'_>, args: Args) -> Checked {
    let rtol = known_or(c, &args, 2, 1e-5)?;
    let atol = known_or(c, &args, 3, 1e-8)?;
    let nan_is_nan = c.flag(args.get(4))?;
    let array = |c: &mut Checker<'_>, value: &Value| match value {
        Value::Scalar(_) if args.is_numpy() => Ok(value.clone()),
        value => Ok(Value::Tensor(c.array_argument(&args, value)?)),
    };
    let (a, b) = (array(c, &args.at(0))?, array(c, &args.at(1))?);
    let element = match c.promote(&[&a, &b]) {
        Element::Bool => Element::I64,
        element => element,
    };
    let (dims, rows) = c.broadcast_operands("`isclose`", &[&a, &b], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for (&a, &b) in rows[0].iter().zip(&rows[1]) {
        let equal = c.binary(Binary::Eq, a, b);
        let difference = c.sub(a, b);
        let difference = c.unary(Unary::Abs, difference);
        let size = c.unary(Unary::Abs, b);
        let [rtol, atol, infinity] = [rtol, atol, f64::INFINITY].map(|value| c.constant_like(a, value));
        let part = c.mul(rtol, size);
        let allowed = c.add(atol, part);
        let is_near = c.binary(Binary::Le, difference, allowed);
        let is_finite = c.less(difference, infinity);
        let is_near = c.and(is_near, is_finite);
        let mut close = c.or(equal, is_near);
        if nan_is_nan {
            let (a_is_nan, b_is_nan) = (c.binary(Binary::Ne, a, a), c.binary(Binary::Ne, b, b));
            let both = c.and(a_is_nan, b_is_nan);
            close = c.or(close, both);
        }
        nodes.push(close);
    }
    Ok(c.tensor_value(Element::Bool, dims, nodes))
}

/// A Python truth value: all elements, of all environments too.
fn all_of(c: &mut Checker<'_>, args: &Args, value: &Value) -> Checked {
    let tensor = c.as_tensor(value)?;
    let nodes = c.elements(&tensor);
    let one = c.constant(Type::Bool, 1.0);
    let mut node = nodes.iter().fold(one, |known, &node| c.and(known, node));
    if tensor.dims.contains(&Dim::Batch) {
        let shown = super::shown_name(&args.name).to_owned();
        c.warn(
            Code::BatchLeak,
            format!("`{shown}` over {tensor} mixes all environments of the batch"),
            "compare per environment, such as `((a - b).abs() < 1e-6).all(dim=-1)`".to_owned(),
        );
        node = c.reduce(Reduction::Min, node);
    }
    Ok(Value::Scalar(Scalar {
        kind: ScalarKind::Bool,
        node,
    }))
}

fn all_close(c: &mut Checker<'_>, args: Args) -> Checked {
    let shown = Args {
        name: args.name.clone(),
        values: args.values.clone(),
        rest: Vec::new(),
        keywords: Vec::new(),
    };
    let close = is_close(c, args)?;
    all_of(c, &shown, &close)
}

/// Whether two arrays have one shape and equal elements.
fn equal_arrays(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (c.as_tensor(&args.at(0))?, c.as_tensor(&args.at(1))?);
    if a.dims != b.dims {
        return Ok(c.bool(false));
    }
    let equal = c.compare(ruff_python_ast::CmpOp::Eq, &Value::Tensor(a), &Value::Tensor(b))?;
    all_of(c, &args, &equal)
}

fn python_is_close(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (c.python_float(&args.at(0))?, c.python_float(&args.at(1))?);
    let relative = known_or(c, &args, 2, 1e-9)?;
    let absolute = known_or(c, &args, 3, 0.0)?;
    let equal = c.binary(Binary::Eq, a, b);
    let difference = c.sub(a, b);
    let difference = c.unary(Unary::Abs, difference);
    let [size_a, size_b] = [a, b].map(|node| c.unary(Unary::Abs, node));
    let [relative, absolute, infinity] = [relative, absolute, f64::INFINITY].map(|value| c.constant(Type::F64, value));
    let mut is_near = c.binary(Binary::Le, difference, absolute);
    for size in [size_a, size_b] {
        let allowed = c.mul(relative, size);
        let reaches = c.binary(Binary::Le, difference, allowed);
        is_near = c.or(is_near, reaches);
    }
    let is_finite = c.less(difference, infinity);
    let is_near = c.and(is_near, is_finite);
    let node = c.or(equal, is_near);
    Ok(Value::Scalar(Scalar {
        kind: ScalarKind::Bool,
        node,
    }))
}

/// 0 below zero, 1 above, and the other value at zero.
fn heaviside(c: &mut Checker<'_>, args: Args) -> Checked {
    let (x, at_zero) = (c.as_tensor(&args.at(0))?, c.as_tensor(&args.at(1))?);
    if !args.is_numpy() && x.element != at_zero.element {
        return c.error(
            Code::TypeMismatch,
            format!("`heaviside` needs two tensors of one type, not {x} and {at_zero}"),
            None,
        );
    }
    let operands = [Value::Tensor(x), Value::Tensor(at_zero)];
    let element = match c.promote(&[&operands[0], &operands[1]]) {
        Element::Bool => Element::I64,
        element if args.is_numpy() && !element.is_float() => Element::F64,
        element => element,
    };
    let (dims, rows) = c.broadcast_operands("`heaviside`", &[&operands[0], &operands[1]], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for (&x, &at_zero) in rows[0].iter().zip(&rows[1]) {
        let [zero, one] = [0.0, 1.0].map(|value| c.constant_like(x, value));
        let is_positive = c.less(zero, x);
        let is_zero = c.binary(Binary::Eq, x, zero);
        let is_nan = c.binary(Binary::Ne, x, x);
        // torch counts NaN as below zero.
        let rest = match args.is_numpy() {
            true => c.select(is_nan, x, zero),
            false => zero,
        };
        let lower = c.select(is_zero, at_zero, rest);
        nodes.push(c.select(is_positive, one, lower));
    }
    Ok(c.tensor_value(element, dims, nodes))
}
