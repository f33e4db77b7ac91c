//! Activation functions: what neural networks put between their layers and rewards use to bound a number.

use super::Behaviour::{Map, Run};
use super::{Args, Domain, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Element, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.sigmoid Tensor.sigmoid torch.nn.functional.sigmoid torch.special.expit scipy.special.expit",
        "input|x",
        Map(Domain::Float, sigmoid),
    ),
    entry(
        "torch.nn.functional.logsigmoid",
        "input",
        Map(Domain::Float, |c, x| {
            // min(x, 0) - log1p(exp(-|x|)) neither overflows nor loses the small values.
            let zero = c.constant_like(x, 0.0);
            let lower = c.binary(Binary::Min, x, zero);
            let magnitude = c.unary(Unary::Abs, x);
            let negative = c.unary(Unary::Neg, magnitude);
            let exp = c.unary(Unary::Exp, negative);
            let soft = c.unary(Unary::Log1p, exp);
            c.sub(lower, soft)
        }),
    ),
    entry(
        "torch.logit Tensor.logit torch.special.logit scipy.special.logit",
        "input|x eps?",
        Run(logit),
    ),
    entry("torch.nn.functional.softplus", "input beta? threshold?", Run(softplus)),
    entry(
        "torch.relu Tensor.relu torch.nn.functional.relu",
        "input inplace?",
        Run(|c, args| on_numbers(c, &args, relu)),
    ),
    entry(
        "torch.nn.functional.relu6",
        "input inplace?",
        Run(|c, args| on_numbers(c, &args, |c, x| between(c, x, 0.0, 6.0))),
    ),
    entry(
        "torch.nn.functional.hardtanh",
        "input min_val? max_val? inplace?",
        Run(|c, args| {
            let [lower, upper] = parameters(c, &args, [-1.0, 1.0])?;
            on_numbers(c, &args, |c, x| between(c, x, lower, upper))
        }),
    ),
    entry(
        "torch.nn.functional.hardsigmoid",
        "input inplace?",
        Run(|c, args| {
            on_floats(c, &args, |c, x| {
                let three = c.constant_like(x, 3.0);
                let six = c.constant_like(x, 6.0);
                let shifted = c.add(x, three);
                let bounded = between(c, shifted, 0.0, 6.0);
                c.div(bounded, six)
            })
        }),
    ),
    entry(
        "torch.nn.functional.hardswish",
        "input inplace?",
        Run(|c, args| {
            on_floats(c, &args, |c, x| {
                let three = c.constant_like(x, 3.0);
                let six = c.constant_like(x, 6.0);
                let shifted = c.add(x, three);
                let bounded = between(c, shifted, 0.0, 6.0);
                let product = c.mul(x, bounded);
                c.div(product, six)
            })
        }),
    ),
    entry(
        "torch.nn.functional.leaky_relu",
        "input negative_slope? inplace?",
        Run(|c, args| {
            let [slope] = parameters(c, &args, [0.01])?;
            on_floats(c, &args, |c, x| {
                let slope = c.constant_like(x, slope);
                let lower = c.mul(x, slope);
                above_zero(c, x, x, lower)
            })
        }),
    ),
    entry(
        "torch.nn.functional.elu",
        "input alpha? inplace?",
        Run(|c, args| {
            let [alpha] = parameters(c, &args, [1.0])?;
            on_floats(c, &args, |c, x| exponential_unit(c, x, alpha, 1.0))
        }),
    ),
    entry(
        "torch.nn.functional.selu torch.selu",
        "input inplace?",
        Run(|c, args| {
            on_floats(c, &args, |c, x| {
                exponential_unit(c, x, 1.673_263_242_354_377_2, 1.050_700_987_355_480_5)
            })
        }),
    ),
    entry(
        "torch.nn.functional.silu",
        "input inplace?",
        Run(|c, args| {
            on_floats(c, &args, |c, x| {
                let negative = c.unary(Unary::Neg, x);
                let exp = c.unary(Unary::Exp, negative);
                let one = c.constant_like(x, 1.0);
                let sum = c.add(one, exp);
                c.div(x, sum)
            })
        }),
    ),
    entry(
        "torch.nn.functional.softsign",
        "input",
        Map(Domain::Float, |c, x| {
            let one = c.constant_like(x, 1.0);
            let magnitude = c.unary(Unary::Abs, x);
            let scale = c.add(one, magnitude);
            c.div(x, scale)
        }),
    ),
    entry(
        "torch.nn.functional.tanhshrink",
        "input",
        Map(Domain::Float, |c, x| {
            let tanh = c.unary(Unary::Tanh, x);
            c.sub(x, tanh)
        }),
    ),
    entry(
        "torch.threshold torch.nn.functional.threshold",
        "input threshold value inplace?",
        Run(|c, args| {
            let [threshold, value] = parameters(c, &args, [0.0, 0.0])?;
            on_numbers(c, &args, |c, x| {
                let (threshold, value) = (c.constant_like(x, threshold), c.constant_like(x, value));
                let stays = c.less(threshold, x);
                let is_number = c.binary(Binary::Eq, x, x);
                let replaced = c.select(is_number, value, x);
                c.select(stays, x, replaced)
            })
        }),
    ),
];

/// `1 / (1 + exp(-x))`
fn sigmoid(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let negative = c.unary(Unary::Neg, x);
    let exp = c.unary(Unary::Exp, negative);
    let one = c.constant_like(x, 1.0);
    let sum = c.add(one, exp);
    c.div(one, sum)
}

fn relu(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let zero = c.constant_like(x, 0.0);
    c.binary(Binary::Max, x, zero)
}

fn between(c: &mut Checker<'_>, x: NodeId, lower: f64, upper: f64) -> NodeId {
    let (lower, upper) = (c.constant_like(x, lower), c.constant_like(x, upper));
    let raised = c.binary(Binary::Max, x, lower);
    c.binary(Binary::Min, raised, upper)
}

fn above_zero(c: &mut Checker<'_>, x: NodeId, above: NodeId, else_: NodeId) -> NodeId {
    let zero = c.constant_like(x, 0.0);
    let is_above = c.less(zero, x);
    c.select(is_above, above, else_)
}

fn exponential_unit(c: &mut Checker<'_>, x: NodeId, alpha: f64, scale: f64) -> NodeId {
    let lower_scale = c.constant_like(x, alpha * scale);
    let scale = c.constant_like(x, scale);
    let soft = c.unary(Unary::Expm1, x);
    let lower = c.mul(lower_scale, soft);
    let upper = c.mul(scale, x);
    above_zero(c, x, upper, lower)
}

/// Known numbers after the first argument.
fn parameters<const K: usize>(c: &mut Checker<'_>, args: &Args, defaults: [f64; K]) -> Checked<[f64; K]> {
    let mut values = defaults;
    for (at, value) in values.iter_mut().enumerate() {
        if let Some(given) = args.get(at + 1) {
            *value = c.known_number(&given)?;
        }
    }
    Ok(values)
}

fn on_numbers(c: &mut Checker<'_>, args: &Args, f: impl FnMut(&mut Checker<'_>, NodeId) -> NodeId) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    if tensor.element == Element::Bool {
        return c.error(
            Code::TypeMismatch,
            format!("`{}` takes numbers, not truth values", super::shown_name(&args.name)),
            "convert the mask first, for example with `.float()`".to_owned(),
        );
    }
    map_with(c, &tensor, f)
}

fn on_floats(c: &mut Checker<'_>, args: &Args, f: impl FnMut(&mut Checker<'_>, NodeId) -> NodeId) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    super::linear::needs_floats(c, args, &tensor)?;
    map_with(c, &tensor, f)
}

fn map_with(
    c: &mut Checker<'_>,
    tensor: &crate::value::Tensor,
    mut f: impl FnMut(&mut Checker<'_>, NodeId) -> NodeId,
) -> Checked {
    let nodes = c.elements(tensor).into_iter().map(|node| f(c, node)).collect();
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}

/// `log(1 + exp(βx)) / β`, and `x` itself where `βx` is above the threshold, as torch defines it.
fn softplus(c: &mut Checker<'_>, args: Args) -> Checked {
    let [beta, threshold] = parameters(c, &args, [1.0, 20.0])?;
    on_floats(c, &args, |c, x| {
        let beta = c.constant_like(x, beta);
        let scaled = c.mul(x, beta);
        let exp = c.unary(Unary::Exp, scaled);
        let soft = c.unary(Unary::Log1p, exp);
        let soft = c.div(soft, beta);
        let threshold = c.constant_like(x, threshold);
        let is_large = c.less(threshold, scaled);
        c.select(is_large, x, soft)
    })
}

/// `log(x / (1 - x))`, the argument kept `eps` away from 0 and 1 if that is given.
fn logit(c: &mut Checker<'_>, args: Args) -> Checked {
    let eps = match args.get(1) {
        Some(eps) => Some(c.known_number(&eps)?),
        None => None,
    };
    let tensor = c.array_argument(&args, &args.at(0))?;
    let element = match tensor.element.is_float() {
        true => tensor.element,
        false => c.scalar_element(crate::value::ScalarKind::Float),
    };
    let tensor = c.cast(&tensor, element);
    let result = c.map(&tensor, element, |c, x| {
        let x = match eps {
            Some(eps) => between(c, x, eps, 1.0 - eps),
            None => x,
        };
        let one = c.constant_like(x, 1.0);
        let rest = c.sub(one, x);
        let odds = c.div(x, rest);
        c.unary(Unary::Log, odds)
    });
    Ok(Value::Tensor(result))
}
