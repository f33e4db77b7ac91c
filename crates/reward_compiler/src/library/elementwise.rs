//! Functions that work on each element by itself.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{CmpOp, Operator};

use super::Behaviour::{Map, Run, Zip};
use super::{Args, Domain, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Element, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.exp Tensor.exp numpy.exp math.exp",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Exp, x)),
    ),
    entry(
        "torch.expm1 Tensor.expm1 numpy.expm1 math.expm1",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Expm1, x)),
    ),
    entry(
        "torch.log Tensor.log numpy.log",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Log, x)),
    ),
    entry(
        "torch.log1p Tensor.log1p numpy.log1p math.log1p",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Log1p, x)),
    ),
    entry(
        "torch.log2 Tensor.log2 numpy.log2 math.log2",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Log2, x)),
    ),
    entry(
        "torch.log10 Tensor.log10 numpy.log10 math.log10",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Log10, x)),
    ),
    entry(
        "torch.sqrt Tensor.sqrt numpy.sqrt math.sqrt",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Sqrt, x)),
    ),
    entry("torch.rsqrt Tensor.rsqrt", "input", Map(Domain::Float, rsqrt)),
    entry(
        "torch.sin Tensor.sin numpy.sin math.sin",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Sin, x)),
    ),
    entry(
        "torch.cos Tensor.cos numpy.cos math.cos",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Cos, x)),
    ),
    entry(
        "torch.tan Tensor.tan numpy.tan math.tan",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Tan, x)),
    ),
    entry(
        "torch.asin torch.arcsin Tensor.asin Tensor.arcsin numpy.arcsin numpy.asin math.asin",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Asin, x)),
    ),
    entry(
        "torch.acos torch.arccos Tensor.acos Tensor.arccos numpy.arccos numpy.acos math.acos",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Acos, x)),
    ),
    entry(
        "torch.atan torch.arctan Tensor.atan Tensor.arctan numpy.arctan numpy.atan math.atan",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Atan, x)),
    ),
    entry(
        "torch.sinh Tensor.sinh numpy.sinh math.sinh",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Sinh, x)),
    ),
    entry(
        "torch.cosh Tensor.cosh numpy.cosh math.cosh",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Cosh, x)),
    ),
    entry(
        "torch.tanh Tensor.tanh numpy.tanh math.tanh torch.nn.functional.tanh",
        "input|x",
        Map(Domain::Float, |c, x| c.unary(Unary::Tanh, x)),
    ),
    entry(
        "torch.square Tensor.square numpy.square",
        "input|x",
        Map(Domain::Number, |c, x| c.mul(x, x)),
    ),
    entry(
        "torch.abs torch.absolute Tensor.abs Tensor.absolute numpy.abs numpy.absolute numpy.fabs math.fabs",
        "input|x",
        Map(Domain::Number, |c, x| c.unary(Unary::Abs, x)),
    ),
    entry(
        "torch.neg torch.negative Tensor.neg Tensor.negative numpy.negative",
        "input|x",
        Map(Domain::Number, |c, x| c.unary(Unary::Neg, x)),
    ),
    entry(
        "torch.sign torch.sgn Tensor.sign Tensor.sgn numpy.sign",
        "input|x",
        Map(Domain::Number, sign),
    ),
    entry(
        "torch.floor Tensor.floor numpy.floor",
        "input|x",
        Map(Domain::Number, |c, x| c.unary(Unary::Floor, x)),
    ),
    entry(
        "torch.ceil Tensor.ceil numpy.ceil",
        "input|x",
        Map(Domain::Number, |c, x| c.unary(Unary::Ceil, x)),
    ),
    entry(
        "torch.trunc torch.fix Tensor.trunc Tensor.fix numpy.trunc numpy.fix",
        "input|x",
        Map(Domain::Number, |c, x| c.unary(Unary::Trunc, x)),
    ),
    entry("numpy.rint", "x", Map(Domain::Float, |c, x| c.unary(Unary::Round, x))),
    entry(
        "torch.reciprocal Tensor.reciprocal numpy.reciprocal",
        "input|x",
        Map(Domain::Float, reciprocal),
    ),
    entry(
        "torch.deg2rad Tensor.deg2rad numpy.deg2rad numpy.radians math.radians",
        "input|x",
        Map(Domain::Float, |c, x| scaled(c, x, std::f64::consts::PI / 180.0)),
    ),
    entry(
        "torch.rad2deg Tensor.rad2deg numpy.rad2deg numpy.degrees math.degrees",
        "input|x",
        Map(Domain::Float, |c, x| scaled(c, x, 180.0 / std::f64::consts::PI)),
    ),
    entry(
        "torch.isnan Tensor.isnan numpy.isnan math.isnan",
        "input|x",
        Map(Domain::Test, |c, x| c.binary(Binary::Ne, x, x)),
    ),
    entry(
        "torch.isfinite Tensor.isfinite numpy.isfinite math.isfinite",
        "input|x",
        Map(Domain::Test, is_finite),
    ),
    entry(
        "torch.isinf Tensor.isinf numpy.isinf math.isinf",
        "input|x",
        Map(Domain::Test, is_infinite),
    ),
    entry(
        "torch.logical_not Tensor.logical_not numpy.logical_not",
        "input|x",
        Map(Domain::Truth, |c, x| c.not(x)),
    ),
    entry(
        "torch.logical_and Tensor.logical_and numpy.logical_and",
        "input|x1 other|x2",
        Zip(Domain::Truth, |c, a, b| c.and(a, b)),
    ),
    entry(
        "torch.logical_or Tensor.logical_or numpy.logical_or",
        "input|x1 other|x2",
        Zip(Domain::Truth, |c, a, b| c.or(a, b)),
    ),
    entry(
        "torch.logical_xor Tensor.logical_xor numpy.logical_xor",
        "input|x1 other|x2",
        Zip(Domain::Truth, |c, a, b| c.binary(Binary::Xor, a, b)),
    ),
    entry(
        "torch.maximum Tensor.maximum numpy.maximum",
        "input|x1 other|x2",
        Zip(Domain::Number, |c, a, b| c.binary(Binary::Max, a, b)),
    ),
    entry(
        "torch.minimum Tensor.minimum numpy.minimum",
        "input|x1 other|x2",
        Zip(Domain::Number, |c, a, b| c.binary(Binary::Min, a, b)),
    ),
    entry(
        "torch.atan2 torch.arctan2 Tensor.atan2 Tensor.arctan2 numpy.arctan2 numpy.atan2 math.atan2",
        "input|x1 other|x2",
        Zip(Domain::Float, |c, a, b| c.binary(Binary::Atan2, a, b)),
    ),
    entry(
        "torch.hypot Tensor.hypot numpy.hypot",
        "input|x1 other|x2",
        Zip(Domain::Float, hypotenuse),
    ),
    entry(
        "numpy.fmod torch.fmod Tensor.fmod math.fmod",
        "input|x1 other|x2",
        Run(remainder),
    ),
    entry(
        "torch.copysign Tensor.copysign numpy.copysign math.copysign",
        "input|x1|a other|x2|b",
        Run(copysign),
    ),
    entry("math.floor", "x", Run(|c, args| math_whole(c, &args, Unary::Floor))),
    entry("math.ceil", "x", Run(|c, args| math_whole(c, &args, Unary::Ceil))),
    entry("math.trunc", "x", Run(|c, args| math_whole(c, &args, Unary::Trunc))),
    entry("math.log", "x base?", Run(math_log)),
    entry("math.pow", "x y", Run(math_pow)),
    entry(
        "torch.pow Tensor.pow numpy.power numpy.pow",
        "input|x1 exponent|x2",
        Run(|c, args| operation(c, &args, Operator::Pow)),
    ),
    entry(
        "torch.add Tensor.add numpy.add",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::Add)),
    ),
    entry(
        "torch.sub torch.subtract Tensor.sub Tensor.subtract numpy.subtract",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::Sub)),
    ),
    entry(
        "torch.mul torch.multiply Tensor.mul Tensor.multiply numpy.multiply",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::Mult)),
    ),
    entry(
        "torch.div torch.divide Tensor.div Tensor.divide",
        "input other | rounding_mode?",
        Run(divide),
    ),
    entry(
        "torch.true_divide Tensor.true_divide numpy.divide numpy.true_divide",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::Div)),
    ),
    entry(
        "torch.floor_divide Tensor.floor_divide numpy.floor_divide",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::FloorDiv)),
    ),
    entry(
        "torch.remainder Tensor.remainder numpy.mod numpy.remainder",
        "input|x1 other|x2",
        Run(|c, args| operation(c, &args, Operator::Mod)),
    ),
    entry(
        "torch.eq Tensor.eq numpy.equal",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::Eq)),
    ),
    entry(
        "torch.ne Tensor.ne numpy.not_equal",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::NotEq)),
    ),
    entry(
        "torch.lt torch.less Tensor.lt numpy.less",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::Lt)),
    ),
    entry(
        "torch.le torch.less_equal Tensor.le numpy.less_equal",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::LtE)),
    ),
    entry(
        "torch.gt torch.greater Tensor.gt numpy.greater",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::Gt)),
    ),
    entry(
        "torch.ge torch.greater_equal Tensor.ge numpy.greater_equal",
        "input|x1 other|x2",
        Run(|c, args| compare(c, &args, CmpOp::GtE)),
    ),
    entry(
        "torch.clamp torch.clip Tensor.clamp Tensor.clip",
        "input min? max?",
        Run(clamp),
    ),
    entry("numpy.clip ndarray.clip", "a a_min|min? a_max|max?", Run(clamp)),
    entry("torch.where", "condition input|self|x? other|y?", Run(choose)),
    entry("numpy.where", "condition x? y?", Run(choose)),
    entry("math.hypot", "*", Run(python_hypotenuse)),
    entry("math.dist", "p q", Run(python_distance)),
    entry("math.factorial", "n", Run(factorial)),
    entry(
        "torch.float_power Tensor.float_power numpy.float_power",
        "input|x1 exponent|x2",
        Run(float_power),
    ),
    entry(
        "torch.rsub",
        "input other",
        Run(|c, args| c.arithmetic(Operator::Sub, &args.at(1), &args.at(0))),
    ),
    entry("numpy.divmod", "x1 x2", Run(quotient_and_remainder)),
    entry(
        "torch.positive Tensor.positive numpy.positive",
        "input|x",
        Map(Domain::Number, |_, x| x),
    ),
    entry(
        "torch.clamp_min Tensor.clamp_min",
        "input min",
        Run(|c, args| bounded(c, &args, Binary::Max)),
    ),
    entry(
        "torch.clamp_max Tensor.clamp_max",
        "input max",
        Run(|c, args| bounded(c, &args, Binary::Min)),
    ),
    entry(
        "Tensor.where",
        "input condition other",
        Run(|c, args| choose_values(c, &args, &args.at(1), &args.at(0), &args.at(2))),
    ),
    entry("torch.round Tensor.round", "input | decimals?", Run(round)),
    entry("numpy.round numpy.around ndarray.round", "a decimals?", Run(round)),
    entry(
        "numpy.nan_to_num torch.nan_to_num Tensor.nan_to_num",
        "input|x nan? posinf? neginf?",
        Run(nan_to_num),
    ),
];

fn scaled(c: &mut Checker<'_>, x: NodeId, factor: f64) -> NodeId {
    let factor = c.constant_like(x, factor);
    c.mul(x, factor)
}

fn reciprocal(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let one = c.constant_like(x, 1.0);
    c.div(one, x)
}

fn rsqrt(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let root = c.unary(Unary::Sqrt, x);
    reciprocal(c, root)
}

/// -1, 0 or 1. NaN stays NaN in NumPy; torch gives 0.
fn sign(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let [zero, one, minus] = [0.0, 1.0, -1.0].map(|value| c.constant_like(x, value));
    let is_positive = c.less(zero, x);
    let is_negative = c.less(x, zero);
    let is_zero = c.binary(Binary::Eq, x, zero);
    let rest = match c.dialect {
        Dialect::Torch => zero,
        Dialect::Numpy => c.select(is_zero, zero, x),
    };
    let lower = c.select(is_negative, minus, rest);
    c.select(is_positive, one, lower)
}

fn is_finite(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let absolute = c.unary(Unary::Abs, x);
    let infinity = c.constant_like(x, f64::INFINITY);
    c.less(absolute, infinity)
}

fn is_infinite(c: &mut Checker<'_>, x: NodeId) -> NodeId {
    let absolute = c.unary(Unary::Abs, x);
    let infinity = c.constant_like(x, f64::INFINITY);
    c.binary(Binary::Eq, absolute, infinity)
}

/// Magnitude of the first, sign of the second (a zero counts as its sign bit says).
fn copysign(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (args.at(0), args.at(1));
    let element = match c.promote(&[&a, &b]) {
        element if element.is_float() => element,
        _ => c.scalar_element(crate::value::ScalarKind::Float),
    };
    let (dims, rows) = c.broadcast_operands("`copysign`", &[&a, &b], element)?;
    let nodes = rows[0]
        .iter()
        .zip(&rows[1])
        .map(|(&a, &b)| copysign_nodes(c, a, b))
        .collect();
    Ok(c.tensor_value(element, dims, nodes))
}

fn copysign_nodes(c: &mut Checker<'_>, a: NodeId, b: NodeId) -> NodeId {
    let zero = c.constant_like(b, 0.0);
    let one = c.constant_like(b, 1.0);
    let magnitude = c.unary(Unary::Abs, a);
    let negative = c.unary(Unary::Neg, magnitude);
    // 1 / -0 is -infinity, which tells the zeros apart.
    let inverse = c.div(one, b);
    let is_zero = c.binary(Binary::Eq, b, zero);
    let signed = c.select(is_zero, inverse, b);
    let is_negative = c.less(signed, zero);
    c.select(is_negative, negative, magnitude)
}

/// C's remainder, with the sign of the dividend.
fn remainder(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (args.at(0), args.at(1));
    if args.name.starts_with("math.") {
        let (x, y) = (c.python_float(&a)?, c.python_float(&b)?);
        return Ok(python_float_value(c.binary(Binary::Rem, x, y)));
    }
    let a = Value::Tensor(c.array_argument(&args, &a)?);
    let element = match c.promote(&[&a, &b]) {
        Element::Bool => Element::I64,
        element => element,
    };
    let (dims, rows) = c.broadcast_operands("`fmod`", &[&a, &b], element)?;
    let mut nodes = Vec::with_capacity(rows[0].len());
    for (&x, &y) in rows[0].iter().zip(&rows[1]) {
        let remainder = c.binary(Binary::Rem, x, y);
        nodes.push(c.unless_whole_by_zero(element, remainder, y));
    }
    Ok(c.tensor_value(element, dims, nodes))
}

fn math_whole(c: &mut Checker<'_>, args: &Args, op: Unary) -> Checked {
    let x = c.python_float(&args.at(0))?;
    let node = c.unary(op, x);
    Ok(Value::Scalar(crate::value::Scalar {
        kind: crate::value::ScalarKind::Int,
        node,
    }))
}

fn python_float_value(node: NodeId) -> Value {
    Value::Scalar(crate::value::Scalar {
        kind: crate::value::ScalarKind::Float,
        node,
    })
}

fn math_log(c: &mut Checker<'_>, args: Args) -> Checked {
    let x = c.python_float(&args.at(0))?;
    let log = c.unary(Unary::Log, x);
    let Some(base) = args.get(1) else {
        return Ok(python_float_value(log));
    };
    let base = c.python_float(&base)?;
    let base = c.unary(Unary::Log, base);
    Ok(python_float_value(c.div(log, base)))
}

fn math_pow(c: &mut Checker<'_>, args: Args) -> Checked {
    let (x, y) = (c.python_float(&args.at(0))?, c.python_float(&args.at(1))?);
    Ok(python_float_value(c.power(x, y)))
}

/// The function form of a comparison; torch wants a tensor on the left.
fn compare(c: &mut Checker<'_>, args: &Args, op: CmpOp) -> Checked {
    let left = match args.at(0) {
        scalar @ Value::Scalar(_) if args.is_numpy() => scalar,
        value => Value::Tensor(c.array_argument(args, &value)?),
    };
    c.compare(op, &left, &args.at(1))
}

/// The function form of an operator.
fn operation(c: &mut Checker<'_>, args: &Args, op: Operator) -> Checked {
    let (a, b) = (args.at(0), args.at(1));
    match (&a, &b) {
        (Value::Scalar(scalar), Value::Scalar(_)) if c.dialect == Dialect::Numpy => {
            let a = Value::Tensor(c.tensor_of_scalar(*scalar));
            c.array_arithmetic(op, &a, &b, None)
        }
        (Value::Scalar(_), Value::Scalar(_)) => {
            c.array_argument(args, &a)?;
            Ok(Value::None)
        }
        _ => c.array_arithmetic(op, &a, &b, None),
    }
}

/// `min(max(x, lower), upper)`; NaN stays NaN.
fn clamp(c: &mut Checker<'_>, args: Args) -> Checked {
    let x = Value::Tensor(c.array_argument(&args, &args.at(0))?);
    let (lower, upper) = (args.get(1), args.get(2));
    if lower.is_none() && upper.is_none() {
        return c.error(Code::WrongArguments, "a lower or an upper bound is needed", None);
    }
    let bounds: Vec<&Value> = lower.iter().chain(&upper).collect();
    let mut operands = vec![&x];
    operands.extend(&bounds);
    let element = match c.promote(&operands) {
        Element::Bool => Element::I64,
        element => element,
    };
    let (dims, rows) = c.broadcast_operands("`clamp`", &operands, element)?;
    let mut nodes = rows[0].clone();
    let mut bounds = rows[1..].iter();
    for (is_given, op) in [(lower.is_some(), Binary::Max), (upper.is_some(), Binary::Min)] {
        if is_given && let Some(bound) = bounds.next() {
            nodes = nodes
                .iter()
                .zip(bound)
                .map(|(&node, &bound)| c.binary(op, node, bound))
                .collect();
        }
    }
    Ok(c.tensor_value(element, dims, nodes))
}

/// Without squares that overflow or vanish: singles in doubles, and doubles scaled by a power of two. As in C, an infinite
/// side counts more than one that is not a number.
fn hypotenuse(c: &mut Checker<'_>, a: NodeId, b: NodeId) -> NodeId {
    let ty = c.graph.node(a).ty;
    let [a, b] = [a, b].map(|node| c.convert(node, Type::F64));
    let [x, y] = [a, b].map(|node| c.unary(Unary::Abs, node));
    let length = match ty {
        Type::F32 => c.euclidean_norm(&[x, y]),
        _ => scaled_norm(c, x, y),
    };
    let infinity = c.constant(Type::F64, f64::INFINITY);
    let [x_is_infinite, y_is_infinite] = [x, y].map(|node| c.binary(Binary::Eq, node, infinity));
    let is_infinite = c.binary(Binary::Or, x_is_infinite, y_is_infinite);
    let length = c.select(is_infinite, infinity, length);
    c.convert(length, ty)
}

/// Of two numbers that are not negative.
fn scaled_norm(c: &mut Checker<'_>, x: NodeId, y: NodeId) -> NodeId {
    let [one, up, down] = [1.0, 2.0_f64.powi(600), 2.0_f64.powi(-600)].map(|scale| c.constant(Type::F64, scale));
    let [large, small] = [2.0_f64.powi(500), 2.0_f64.powi(-500)].map(|bound| c.constant(Type::F64, bound));
    let longest = c.binary(Binary::Max, x, y);
    let (is_large, is_small) = (c.less(large, longest), c.less(longest, small));
    let scale = c.select(is_small, up, one);
    let scale = c.select(is_large, down, scale);
    let [x, y] = [x, y].map(|node| c.mul(node, scale));
    let length = c.euclidean_norm(&[x, y]);
    c.div(length, scale)
}

fn python_hypotenuse(c: &mut Checker<'_>, args: Args) -> Checked {
    let sides = args
        .rest
        .iter()
        .map(|side| c.python_float(side))
        .collect::<Checked<Vec<NodeId>>>()?;
    Ok(python_float_value(c.euclidean_norm(&sides)))
}

/// Between two points given as sequences.
fn python_distance(c: &mut Checker<'_>, args: Args) -> Checked {
    let (p, q) = (c.sequence(&args.at(0))?, c.sequence(&args.at(1))?);
    if p.len() != q.len() {
        return c.error(
            Code::ShapeMismatch,
            "both points need the same number of coordinates",
            None,
        );
    }
    let mut sides = Vec::with_capacity(p.len());
    for (a, b) in p.iter().zip(&q) {
        let (a, b) = (c.python_float(a)?, c.python_float(b)?);
        sides.push(c.sub(a, b));
    }
    Ok(python_float_value(c.euclidean_norm(&sides)))
}

fn factorial(c: &mut Checker<'_>, args: Args) -> Checked {
    match c.constant_int(&args.at(0)) {
        Some(n) if (0..=18).contains(&n) => Ok(c.int((1..=n).product())),
        _ => c.unsupported("this factorial", "use a known whole number from 0 to 18"),
    }
}

/// Division, perhaps rounded to whole numbers.
fn divide(c: &mut Checker<'_>, args: Args) -> Checked {
    match args.get(2) {
        None => operation(c, &args, Operator::Div),
        Some(Value::Str(mode)) if &*mode == "floor" => operation(c, &args, Operator::FloorDiv),
        Some(Value::Str(mode)) if &*mode == "trunc" => {
            let element = c.promote(&[&args.at(0), &args.at(1)]);
            let quotient = operation(c, &args, Operator::Div)?;
            let quotient = c.as_tensor(&quotient)?;
            let whole = c.map(&quotient, quotient.element, |c, x| c.unary(Unary::Trunc, x));
            Ok(Value::Tensor(match element {
                Element::I64 => c.cast(&whole, Element::I64),
                _ => whole,
            }))
        }
        Some(_) => c.error(Code::WrongArguments, "a rounding mode is \"floor\" or \"trunc\"", None),
    }
}

/// Powers of whole numbers as floats.
fn float_power(c: &mut Checker<'_>, args: Args) -> Checked {
    let widened = |c: &mut Checker<'_>, value: Value| -> Checked {
        let tensor = c.as_tensor(&value)?;
        Ok(Value::Tensor(c.cast(&tensor, Element::F64)))
    };
    let (a, b) = (widened(c, args.at(0))?, widened(c, args.at(1))?);
    c.array_arithmetic(Operator::Pow, &a, &b, None)
}

fn quotient_and_remainder(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (c.as_tensor(&args.at(0))?, args.at(1));
    let a = Value::Tensor(a);
    let quotient = c.array_arithmetic(Operator::FloorDiv, &a, &b, None)?;
    let remainder = c.array_arithmetic(Operator::Mod, &a, &b, None)?;
    Ok(Value::tuple(vec![quotient, remainder]))
}

/// One bound of `clamp`.
fn bounded(c: &mut Checker<'_>, args: &Args, op: Binary) -> Checked {
    let x = Value::Tensor(c.array_argument(args, &args.at(0))?);
    let bound = args.at(1);
    let element = match c.promote(&[&x, &bound]) {
        Element::Bool => Element::I64,
        element => element,
    };
    let (dims, rows) = c.broadcast_operands("`clamp`", &[&x, &bound], element)?;
    let nodes = rows[0]
        .iter()
        .zip(&rows[1])
        .map(|(&x, &bound)| c.binary(op, x, bound))
        .collect();
    Ok(c.tensor_value(element, dims, nodes))
}

fn choose(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(1).is_none() || args.get(2).is_none() {
        return c.unsupported(
            "`where` with a condition alone gives positions whose number is known only at run time",
            "choose with `where(condition, a, b)`",
        );
    }
    choose_values(c, &args, &args.at(0), &args.at(1), &args.at(2))
}

fn choose_values(c: &mut Checker<'_>, args: &Args, condition: &Value, a: &Value, b: &Value) -> Checked {
    let condition = c.array_argument(args, condition)?;
    let condition = if condition.element == Element::Bool {
        condition
    } else if c.dialect == Dialect::Torch {
        return c.error(
            Code::TypeMismatch,
            format!("`where` needs truth values, not {condition}"),
            "compare first, such as `x > 0`".to_owned(),
        );
    } else {
        c.cast(&condition, Element::Bool)
    };
    let (a, b) = (numeric(c, a)?, numeric(c, b)?);
    let element = c.promote(&[&a, &b]);
    // The condition takes part in broadcasting only; its elements are taken as they are.
    let shape_only = Value::Tensor(condition.clone());
    let (dims, rows) = c.broadcast_operands("`where`", &[&a, &b, &shape_only], element)?;
    let conditions = c.elements(&condition);
    let positions = crate::check::broadcast_index(&condition.dims, &dims);
    let nodes = positions
        .iter()
        .enumerate()
        .map(|(at, &condition)| c.select(conditions[condition], rows[0][at], rows[1][at]))
        .collect();
    Ok(c.tensor_value(element, dims, nodes))
}

fn numeric(c: &mut Checker<'_>, value: &Value) -> Checked {
    match value {
        Value::Scalar(_) | Value::Tensor(_) => Ok(value.clone()),
        other => Ok(Value::Tensor(c.as_tensor(other)?)),
    }
}

/// To the nearest whole number, or to a number of decimals by scaling as both libraries do.
fn round(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if tensor.element == Element::Bool {
        return c.error(
            Code::TypeMismatch,
            "truth values cannot be rounded",
            "convert them first, for example with `.float()`".to_owned(),
        );
    }
    if !tensor.element.is_float() {
        return Ok(Value::Tensor(tensor));
    }
    let decimals = match args.get(1) {
        None => 0,
        Some(value) => match c.constant_int(&value) {
            Some(decimals) if decimals.abs() <= 15 => decimals,
            _ => {
                return c.error(
                    Code::TypeMismatch,
                    "the number of decimals is a known whole number",
                    None,
                );
            }
        },
    };
    let scale = (0..decimals.abs()).fold(1.0, |scale, _| scale * 10.0);
    Ok(Value::Tensor(c.map(&tensor, tensor.element, |c, x| {
        if decimals == 0 {
            return c.unary(Unary::Round, x);
        }
        let scale = c.constant_like(x, scale);
        let (up, down): (Binary, Binary) = if decimals > 0 {
            (Binary::Mul, Binary::Div)
        } else {
            (Binary::Div, Binary::Mul)
        };
        let scaled = c.binary(up, x, scale);
        let rounded = c.unary(Unary::Round, scaled);
        c.binary(down, rounded, scale)
    })))
}

fn nan_to_num(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let largest = if tensor.element == Element::F32 {
        f64::from(f32::MAX)
    } else {
        f64::MAX
    };
    let mut replacements = [0.0, largest, -largest];
    for (at, replacement) in replacements.iter_mut().enumerate() {
        if let Some(value) = args.get(at + 1) {
            let node = c.python_float(&value)?;
            let Some(known) = c.graph.constant_value(node) else {
                return c.error(Code::TypeMismatch, "the replacement is a known number", None);
            };
            *replacement = known;
        }
    }
    Ok(Value::Tensor(c.map(&tensor, tensor.element, |c, x| {
        let [nan, upper, lower] = replacements.map(|value| c.constant_like(x, value));
        let (infinity, negative) = (c.constant_like(x, f64::INFINITY), c.constant_like(x, f64::NEG_INFINITY));
        let is_nan = c.binary(Binary::Ne, x, x);
        let is_upper = c.binary(Binary::Eq, x, infinity);
        let is_lower = c.binary(Binary::Eq, x, negative);
        let x = c.select(is_lower, lower, x);
        let x = c.select(is_upper, upper, x);
        c.select(is_nan, nan, x)
    })))
}
