//! Values between values: linear blends, sums with products, interpolation in tables, polynomials.

use ruff_python_ast::Operator;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId};
use crate::value::{Dim, Element, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch.lerp Tensor.lerp", "input end weight", Run(lerp)),
    entry(
        "torch.addcmul Tensor.addcmul",
        "input tensor1 tensor2 | value?",
        Run(|c, args| add_scaled(c, &args, Operator::Mult)),
    ),
    entry(
        "torch.addcdiv Tensor.addcdiv",
        "input tensor1 tensor2 | value?",
        Run(|c, args| add_scaled(c, &args, Operator::Div)),
    ),
    entry("numpy.interp", "x xp fp left? right?", Run(interpolate)),
    entry("numpy.polyval", "p x", Run(polynomial)),
];

/// `a + w (b - a)`, from the nearer end, as torch computes it.
fn lerp(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (
        c.array_argument(&args, &args.at(0))?,
        c.array_argument(&args, &args.at(1))?,
    );
    super::linear::needs_floats(c, &args, &a)?;
    if a.element != b.element {
        return c.error(
            Code::TypeMismatch,
            format!("`lerp` needs two tensors of one type, not {a} and {b}"),
            None,
        );
    }
    let element = a.element;
    let operands = [Value::Tensor(a), Value::Tensor(b), args.at(2)];
    let (dims, rows) = c.broadcast_operands("`lerp`", &operands.iter().collect::<Vec<_>>(), element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for [a, b, w] in super::together(&rows) {
        let [half, one] = [0.5, 1.0].map(|value| c.constant_like(a, value));
        let difference = c.sub(b, a);
        let way = c.mul(w, difference);
        let near = c.add(a, way);
        let rest = c.sub(one, w);
        let back = c.mul(difference, rest);
        let far = c.sub(b, back);
        let magnitude = c.unary(crate::ir::Unary::Abs, w);
        let is_near = c.less(magnitude, half);
        nodes.push(c.select(is_near, near, far));
    }
    Ok(c.tensor_value(element, dims, nodes))
}

/// `input + value * (a ∘ b)`
fn add_scaled(c: &mut Checker<'_>, args: &Args, op: Operator) -> Checked {
    let product = c.array_arithmetic(op, &args.at(1), &args.at(2), None)?;
    let scaled = match args.get(3) {
        Some(value) => c.array_arithmetic(Operator::Mult, &product, &value, None)?,
        None => product,
    };
    c.array_arithmetic(Operator::Add, &args.at(0), &scaled, None)
}

fn vector(c: &mut Checker<'_>, value: &Value) -> Checked<Vec<NodeId>> {
    let tensor = c.as_tensor(value)?;
    match *tensor.dims {
        [Dim::Size(_)] => Ok(c.elements_as(&tensor, Element::F64)),
        _ => c.error(Code::ShapeMismatch, format!("a vector is needed, not {tensor}"), None),
    }
}

/// Along straight lines between the points of a table; its ends beyond it.
fn interpolate(c: &mut Checker<'_>, args: Args) -> Checked {
    let x = c.as_tensor(&args.at(0))?;
    let (xs, ys) = (vector(c, &args.at(1))?, vector(c, &args.at(2))?);
    if xs.len() != ys.len() || xs.is_empty() {
        return c.error(Code::ShapeMismatch, "a table has one value for each point", None);
    }
    let first = ys[0];
    let last = ys[ys.len() - 1];
    let left = match args.get(3) {
        Some(value) => c.python_float(&value)?,
        None => first,
    };
    let right = match args.get(4) {
        Some(value) => c.python_float(&value)?,
        None => last,
    };
    let nodes: Vec<NodeId> = c.elements_as(&x, Element::F64);
    let mut results = Vec::with_capacity(nodes.len());
    for x in nodes {
        let mut value = last;
        for at in (0..xs.len() - 1).rev() {
            let rise = c.sub(ys[at + 1], ys[at]);
            let run = c.sub(xs[at + 1], xs[at]);
            let slope = c.div(rise, run);
            let way = c.sub(x, xs[at]);
            let climb = c.mul(slope, way);
            let here = c.add(climb, ys[at]);
            let is_before = c.less(x, xs[at + 1]);
            value = c.select(is_before, here, value);
        }
        let is_left = c.less(x, xs[0]);
        value = c.select(is_left, left, value);
        let is_right = c.less(xs[xs.len() - 1], x);
        value = c.select(is_right, right, value);
        let is_nan = c.binary(Binary::Ne, x, x);
        results.push(c.select(is_nan, x, value));
    }
    Ok(c.tensor_value(Element::F64, x.dims.to_vec(), results))
}

/// Horner's rule, highest power first.
fn polynomial(c: &mut Checker<'_>, args: Args) -> Checked {
    let coefficients = c.sequence(&args.at(0))?;
    let x = Value::Tensor(c.as_tensor(&args.at(1))?);
    let zero = c.int(0);
    let mut value = c.array_arithmetic(Operator::Mult, &x, &zero, None)?;
    for coefficient in coefficients {
        let product = c.array_arithmetic(Operator::Mult, &value, &x, None)?;
        value = c.array_arithmetic(Operator::Add, &product, &coefficient, None)?;
    }
    Ok(value)
}
