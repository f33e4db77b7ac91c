//! torch's loss functions. Without `reduction="none"` they average over everything, the batch included.

use ruff_python_ast::Operator;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Element, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.nn.functional.mse_loss",
        "input target size_average? reduce? reduction?",
        Run(|c, args| loss(c, &args, 4, |c, x| c.mul(x, x))),
    ),
    entry(
        "torch.nn.functional.l1_loss",
        "input target size_average? reduce? reduction?",
        Run(|c, args| loss(c, &args, 4, |c, x| c.unary(Unary::Abs, x))),
    ),
    entry(
        "torch.nn.functional.smooth_l1_loss",
        "input target size_average? reduce? reduction? beta?",
        Run(|c, args| {
            let beta = parameter(c, &args, 5)?;
            loss(c, &args, 4, |c, x| smooth(c, x, beta))
        }),
    ),
    entry(
        "torch.nn.functional.huber_loss",
        "input target reduction? delta?",
        Run(|c, args| {
            let delta = parameter(c, &args, 3)?;
            loss(c, &args, 2, |c, x| huber(c, x, delta))
        }),
    ),
    entry(
        "torch.nn.functional.binary_cross_entropy",
        "input target weight? size_average? reduce? reduction?",
        Run(cross_entropy),
    ),
];

fn parameter(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<f64> {
    match args.get(at) {
        Some(value) => c.known_number(&value),
        None => Ok(1.0),
    }
}

fn loss(
    c: &mut Checker<'_>,
    args: &Args,
    reduction_at: usize,
    mut f: impl FnMut(&mut Checker<'_>, NodeId) -> NodeId,
) -> Checked {
    let difference = c.array_arithmetic(Operator::Sub, &args.at(0), &args.at(1), None)?;
    let Value::Tensor(difference) = difference else {
        return Ok(difference);
    };
    let nodes = c.elements(&difference).into_iter().map(|node| f(c, node)).collect();
    let losses = c.tensor(difference.element, difference.dims.to_vec(), nodes);
    reduced(c, args, reduction_at, losses)
}

/// The losses one by one, their mean or their sum.
fn reduced(c: &mut Checker<'_>, args: &Args, reduction_at: usize, losses: Tensor) -> Checked {
    let name = match args.get(reduction_at) {
        None => "mean".to_owned(),
        Some(Value::Str(name)) => name.to_string(),
        Some(_) => return c.error(Code::TypeMismatch, "a reduction is \"none\", \"mean\" or \"sum\"", None),
    };
    match &*name {
        "none" => Ok(Value::Tensor(losses)),
        "mean" | "sum" => c.call_method(&Value::Tensor(losses), &name, crate::check::Arguments::default()),
        _ => c.error(Code::TypeMismatch, "a reduction is \"none\", \"mean\" or \"sum\"", None),
    }
}

/// `d²/2β` below `β`, `|d| - β/2` from there on.
fn smooth(c: &mut Checker<'_>, d: NodeId, beta: f64) -> NodeId {
    let magnitude = c.unary(Unary::Abs, d);
    if beta == 0.0 {
        return magnitude;
    }
    let [half, limit, offset] = [0.5, beta, 0.5 * beta].map(|value| c.constant_like(d, value));
    let halved = c.mul(half, magnitude);
    let square = c.mul(halved, magnitude);
    let inner = c.div(square, limit);
    let outer = c.sub(magnitude, offset);
    let is_inner = c.less(magnitude, limit);
    c.select(is_inner, inner, outer)
}

/// `d²/2` up to `δ`, `δ (|d| - δ/2)` beyond.
fn huber(c: &mut Checker<'_>, d: NodeId, delta: f64) -> NodeId {
    let magnitude = c.unary(Unary::Abs, d);
    let [half, limit, offset] = [0.5, delta, 0.5 * delta].map(|value| c.constant_like(d, value));
    let halved = c.mul(half, magnitude);
    let inner = c.mul(halved, magnitude);
    let beyond = c.sub(magnitude, offset);
    let outer = c.mul(limit, beyond);
    let is_inner = c.binary(Binary::Le, magnitude, limit);
    c.select(is_inner, inner, outer)
}

/// `-(t log p + (1 - t) log(1 - p))`, the logarithms at least -100 as torch has it.
fn cross_entropy(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(2).is_some() {
        return c.unsupported("weighted cross entropy", "multiply the losses of `reduction=\"none\"`");
    }
    let (p, t) = (
        c.array_argument(&args, &args.at(0))?,
        c.array_argument(&args, &args.at(1))?,
    );
    super::linear::needs_floats(c, &args, &p)?;
    if p.dims != t.dims || p.element != t.element {
        return c.error(
            Code::ShapeMismatch,
            format!("`binary_cross_entropy` needs two arrays alike, not {p} and {t}"),
            None,
        );
    }
    let (ps, ts) = (c.elements(&p), c.elements(&t));
    let mut nodes = Vec::with_capacity(ps.len());
    for (&p, &t) in ps.iter().zip(&ts) {
        let [one, least] = [1.0, -100.0].map(|value| c.constant_like(p, value));
        let rest = c.sub(one, p);
        let [log_p, log_rest] = [p, rest].map(|x| {
            let log = c.unary(Unary::Log, x);
            c.binary(Binary::Max, log, least)
        });
        let t_less_one = c.sub(t, one);
        let left = c.mul(t_less_one, log_rest);
        let right = c.mul(t, log_p);
        nodes.push(c.sub(left, right));
    }
    debug_assert_ne!(p.element, Element::Bool);
    let losses = c.tensor(p.element, p.dims.to_vec(), nodes);
    reduced(c, &args, 5, losses)
}
