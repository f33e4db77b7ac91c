//! Reward shaping as dm_control and Meta-World publish it: `tolerance`, `hamacher_product` and their kin.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Element, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "reward_utils.tolerance",
        "x bounds? margin? sigmoid? value_at_margin?",
        Run(|c, args| tolerance(c, &args, "gaussian")),
    ),
    entry(
        "reward_utils.inverse_tolerance",
        "x bounds? margin? sigmoid?",
        Run(inverse_tolerance),
    ),
    entry("reward_utils.hamacher_product", "a b", Run(hamacher_product)),
    entry("reward_utils.rect_prism_tolerance", "curr zero one", Run(rect_prism)),
];

fn float(node: NodeId) -> Value {
    Value::Scalar(Scalar {
        kind: ScalarKind::Float,
        node,
    })
}

/// 1 within the bounds, falling off beyond them.
fn tolerance(c: &mut Checker<'_>, args: &Args, default_shape: &str) -> Checked {
    let at_margin = match args.get(4) {
        Some(value) => c.known_number(&value)?,
        None => 0.1,
    };
    let shape = match args.get(3) {
        None => default_shape.to_owned(),
        Some(Value::Str(name)) => name.to_string(),
        Some(_) => return c.error(Code::TypeMismatch, "the name of a sigmoid is a string", None),
    };
    falls_off(c, args, &shape, at_margin)
}

fn falls_off(c: &mut Checker<'_>, args: &Args, shape: &str, at_margin: f64) -> Checked {
    let given = args.at(0);
    let x = c.as_tensor(&given)?;
    let element = match x.element {
        Element::F32 => Element::F32,
        _ => c.scalar_element(ScalarKind::Float),
    };
    let zero = c.int(0);
    let (lower, upper) = match args.get(1) {
        None => (zero.clone(), zero.clone()),
        Some(bounds) => match c.sequence(&bounds)?.as_slice() {
            [lower, upper] => (lower.clone(), upper.clone()),
            _ => return c.error(Code::WrongArguments, "the bounds are a pair of numbers", None),
        },
    };
    let margin = args.get(2).unwrap_or(zero);
    let x_value = Value::Tensor(x.clone());
    let (dims, rows) = c.broadcast_operands("`tolerance`", &[&x_value, &lower, &upper, &margin], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for [x, lower, upper, margin] in super::together(&rows) {
        check_bounds(c, lower, upper, margin)?;
        nodes.push(one_tolerance(c, [x, lower, upper, margin], shape, at_margin)?);
    }
    let is_single = dims.is_empty() && !x.is_batched();
    if is_single && c.dialect == carrot_reward_interface::Dialect::Numpy {
        return Ok(float(c.convert(nodes[0], Type::F64)));
    }
    Ok(c.tensor_value(element, dims, nodes))
}

fn check_bounds(c: &mut Checker<'_>, lower: NodeId, upper: NodeId, margin: NodeId) -> Checked<()> {
    let nodes = (lower, upper, margin);
    let [lower, upper, margin] = [lower, upper, margin].map(|node| c.graph.constant_value(node));
    if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
        return c.error(Code::WrongArguments, "the lower bound is above the upper bound", None);
    }
    if margin.is_some_and(|margin| margin < 0.0) {
        return c.error(Code::WrongArguments, "a margin is not negative", None);
    }
    let (low, high, width) = nodes;
    let are_crossed = c.less(high, low);
    c.fault(are_crossed, "ValueError: Lower bound must be <= upper bound.".into())?;
    let zero = c.constant_like(width, 0.0);
    let is_negative = c.less(width, zero);
    c.fault(is_negative, "ValueError: `margin` must be non-negative.".into())
}

fn one_tolerance(
    c: &mut Checker<'_>,
    [x, lower, upper, margin]: [NodeId; 4],
    shape: &str,
    at_margin: f64,
) -> Checked<NodeId> {
    let [zero, one] = [0.0, 1.0].map(|value| c.constant_like(x, value));
    let above = c.binary(Binary::Le, lower, x);
    let below = c.binary(Binary::Le, x, upper);
    let within = c.and(above, below);
    let sharp = c.select(within, one, zero);
    let known = c.graph.constant_value(margin);
    if known == Some(0.0) {
        return Ok(sharp);
    }
    let is_below = c.less(x, lower);
    let [down, up] = [(lower, x), (x, upper)].map(|(a, b)| c.sub(a, b));
    let distance = c.select(is_below, down, up);
    let distance = c.div(distance, margin);
    let value = sigmoid(c, distance, shape, at_margin)?;
    let soft = c.select(within, one, value);
    if known.is_some() {
        return Ok(soft);
    }
    let is_sharp = c.binary(Binary::Eq, margin, zero);
    Ok(c.select(is_sharp, sharp, soft))
}

/// 1 at 0 and `at_one` at 1, in one of eight shapes.
fn sigmoid(c: &mut Checker<'_>, x: NodeId, shape: &str, at_one: f64) -> Checked<NodeId> {
    let reaches_zero = matches!(shape, "cosine" | "linear" | "quadratic");
    if !(at_one < 1.0 && (at_one > 0.0 || reaches_zero && at_one == 0.0)) {
        return c.error(
            Code::WrongArguments,
            format!("the value at the margin of a \"{shape}\" sigmoid is between 0 and 1, not {at_one}"),
            None,
        );
    }
    let number = |c: &mut Checker<'_>, value: f64| c.constant_like(x, value);
    let level = c.constant(Type::F64, at_one);
    let scale = scale_of(c, shape, level)?;
    let scale = {
        let ty = c.graph.node(x).ty;
        c.convert(scale, ty)
    };
    let one = number(c, 1.0);
    Ok(match shape {
        "gaussian" => {
            let scaled = c.mul(x, scale);
            let square = c.mul(scaled, scaled);
            let factor = number(c, -0.5);
            let exponent = c.mul(factor, square);
            c.unary(Unary::Exp, exponent)
        }
        "hyperbolic" => {
            let scaled = c.mul(x, scale);
            let cosh = c.unary(Unary::Cosh, scaled);
            c.div(one, cosh)
        }
        "long_tail" => {
            let scaled = c.mul(x, scale);
            let square = c.mul(scaled, scaled);
            let sum = c.add(square, one);
            c.div(one, sum)
        }
        "reciprocal" => {
            let magnitude = c.unary(Unary::Abs, x);
            let scaled = c.mul(magnitude, scale);
            let sum = c.add(scaled, one);
            c.div(one, sum)
        }
        "tanh_squared" => {
            let scaled = c.mul(x, scale);
            let tanh = c.unary(Unary::Tanh, scaled);
            let square = c.mul(tanh, tanh);
            c.sub(one, square)
        }
        _ => {
            let scaled = c.mul(x, scale);
            let inner = match shape {
                "cosine" => {
                    let pi = number(c, std::f64::consts::PI);
                    let two = number(c, 2.0);
                    let angle = c.mul(pi, scaled);
                    let cos = c.unary(Unary::Cos, angle);
                    let sum = c.add(one, cos);
                    c.div(sum, two)
                }
                "linear" => c.sub(one, scaled),
                _ => {
                    let square = c.mul(scaled, scaled);
                    c.sub(one, square)
                }
            };
            let magnitude = c.unary(Unary::Abs, scaled);
            let is_inside = c.less(magnitude, one);
            let zero = number(c, 0.0);
            c.select(is_inside, inner, zero)
        }
    })
}

/// How fast a shape falls, from its value at 1 (a constant, so that this is one too).
fn scale_of(c: &mut Checker<'_>, shape: &str, level: NodeId) -> Checked<NodeId> {
    let number = |c: &mut Checker<'_>, value: f64| c.constant(Type::F64, value);
    let one = number(c, 1.0);
    Ok(match shape {
        "gaussian" => {
            let log = c.unary(Unary::Log, level);
            let minus_two = number(c, -2.0);
            let product = c.mul(minus_two, log);
            c.unary(Unary::Sqrt, product)
        }
        "hyperbolic" => {
            let inverse = c.div(one, level);
            super::special::arccosh(c, inverse)
        }
        "long_tail" => {
            let inverse = c.div(one, level);
            let rest = c.sub(inverse, one);
            c.unary(Unary::Sqrt, rest)
        }
        "reciprocal" => {
            let inverse = c.div(one, level);
            c.sub(inverse, one)
        }
        "cosine" => {
            let (two, pi) = (number(c, 2.0), number(c, std::f64::consts::PI));
            let doubled = c.mul(two, level);
            let argument = c.sub(doubled, one);
            let angle = c.unary(Unary::Acos, argument);
            c.div(angle, pi)
        }
        "linear" => c.sub(one, level),
        "quadratic" => {
            let rest = c.sub(one, level);
            c.unary(Unary::Sqrt, rest)
        }
        "tanh_squared" => {
            let rest = c.sub(one, level);
            let root = c.unary(Unary::Sqrt, rest);
            super::special::arctanh(c, root)
        }
        _ => {
            return c.error(
                Code::WrongArguments,
                format!("there is no sigmoid \"{shape}\""),
                "use \"gaussian\", \"hyperbolic\", \"long_tail\", \"reciprocal\", \"cosine\", \"linear\", \"quadratic\" or \
                 \"tanh_squared\""
                    .to_owned(),
            );
        }
    })
}

/// `1 - tolerance(…)` with 0 at the margin.
fn inverse_tolerance(c: &mut Checker<'_>, args: Args) -> Checked {
    let shape = match args.get(3) {
        None => "reciprocal".to_owned(),
        Some(Value::Str(name)) => name.to_string(),
        Some(_) => return c.error(Code::TypeMismatch, "the name of a sigmoid is a string", None),
    };
    let value = falls_off(c, &args, &shape, 0.0)?;
    let one = float(c.constant(Type::F64, 1.0));
    match value {
        Value::Scalar(scalar) => {
            let one = c.constant(Type::F64, 1.0);
            Ok(float(c.sub(one, scalar.node)))
        }
        array => c.array_arithmetic(ruff_python_ast::Operator::Sub, &one, &array, None),
    }
}

/// `ab / (a + b - ab)`, and 0 where that has no denominator: how two fulfilments combine.
fn hamacher_product(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (c.python_float(&args.at(0))?, c.python_float(&args.at(1))?);
    for node in [a, b] {
        if c.graph
            .constant_value(node)
            .is_some_and(|known| !(0.0..=1.0).contains(&known))
        {
            return c.error(
                Code::WrongArguments,
                "the factors of a Hamacher product lie between 0 and 1",
                None,
            );
        }
    }
    let [zero, one] = [0.0, 1.0].map(|value| c.constant(Type::F64, value));
    for node in [a, b] {
        let above = c.binary(Binary::Le, zero, node);
        let below = c.binary(Binary::Le, node, one);
        let is_within = c.and(above, below);
        let is_outside = c.not(is_within);
        c.fault(
            is_outside,
            "ValueError: the factors of a Hamacher product must range between 0 and 1".into(),
        )?;
    }
    let product = c.mul(a, b);
    let sum = c.add(a, b);
    let denominator = c.sub(sum, product);
    let quotient = c.div(product, denominator);
    let is_positive = c.less(zero, denominator);
    let node = c.select(is_positive, quotient, zero);
    // NumPy's numbers stay NumPy's: they may be divided by zero.
    Ok(match (args.at(0), args.at(1)) {
        (Value::Scalar(_), Value::Scalar(_)) => float(node),
        _ => c.tensor_value(Element::F64, Vec::new(), vec![node]),
    })
}

/// How far a point has come from one corner of a box to the other, as a product over the axes; 1 outside of the box.
fn rect_prism(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut points = Vec::new();
    for at in 0..3 {
        let point = c.as_tensor(&args.at(at))?;
        let nodes = c.elements_as(&point, Element::F64);
        if point.is_batched() || nodes.len() < 3 {
            return c.error(
                Code::ShapeMismatch,
                format!("a point has three coordinates, not {point}"),
                None,
            );
        }
        points.push(nodes);
    }
    let one = c.constant(Type::F64, 1.0);
    let mut inside = c.constant(Type::Bool, 1.0);
    let mut product: Option<NodeId> = None;
    for [current, start, end] in super::together(&points).take(3) {
        let rises = c.binary(Binary::Le, start, end);
        let low = c.select(rises, start, end);
        let high = c.select(rises, end, start);
        let above = c.binary(Binary::Le, low, current);
        let below = c.binary(Binary::Le, current, high);
        let within = c.and(above, below);
        inside = c.and(inside, within);
        let way = c.sub(current, start);
        let whole = c.sub(end, start);
        let part = c.div(way, whole);
        product = Some(match product {
            None => part,
            Some(known) => c.mul(known, part),
        });
    }
    let product = product.unwrap_or(one);
    Ok(float(c.select(inside, product, one)))
}
