//! Isaac Gym's helpers that are no rotations: ranges to [-1, 1] and back, bounds, signs.

use ruff_python_ast::Operator::{Add, Div, Mult, Sub};

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::check::{Arguments, Checked, Checker};
use crate::value::{Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch_utils.scale", "x lower upper", Run(scale)),
    entry(
        "torch_utils.unscale torch_utils.unscale_np",
        "x lower upper",
        Run(unscale),
    ),
    entry("torch_utils.scale_transform", "x lower upper", Run(scale_about_centre)),
    entry(
        "torch_utils.unscale_transform",
        "x lower upper",
        Run(unscale_about_centre),
    ),
    entry(
        "torch_utils.tensor_clamp torch_utils.saturate",
        "t|x min_t|lower max_t|upper",
        Run(clamp),
    ),
    entry("torch_utils.to_torch", "x dtype? device? requires_grad?", Run(to_torch)),
    entry("torch_utils.copysign", "a b", Run(copysign)),
];

fn number(c: &mut Checker<'_>, value: f64) -> Value {
    Value::Scalar(Scalar {
        kind: ScalarKind::Float,
        node: c.constant(crate::ir::Type::F64, value),
    })
}

fn operands(args: &Args) -> [Value; 3] {
    [0, 1, 2].map(|at| args.at(at))
}

fn call(c: &mut Checker<'_>, name: &str, positional: Vec<Value>) -> Checked {
    c.call_library(
        &name.into(),
        Arguments {
            positional,
            keywords: Vec::new(),
        },
    )
}

/// `(x + 1) / 2 * (upper - lower) + lower`
fn scale(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, lower, upper] = operands(&args);
    let (half, one) = (number(c, 0.5), number(c, 1.0));
    let raised = c.arithmetic(Add, &x, &one)?;
    let share = c.arithmetic(Mult, &half, &raised)?;
    let range = c.arithmetic(Sub, &upper, &lower)?;
    let way = c.arithmetic(Mult, &share, &range)?;
    c.arithmetic(Add, &way, &lower)
}

/// `(2x - upper - lower) / (upper - lower)`
fn unscale(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, lower, upper] = operands(&args);
    let two = number(c, 2.0);
    let doubled = c.arithmetic(Mult, &two, &x)?;
    let less = c.arithmetic(Sub, &doubled, &upper)?;
    let way = c.arithmetic(Sub, &less, &lower)?;
    let range = c.arithmetic(Sub, &upper, &lower)?;
    c.arithmetic(Div, &way, &range)
}

fn centre(c: &mut Checker<'_>, lower: &Value, upper: &Value) -> Checked {
    let half = number(c, 0.5);
    let sum = c.arithmetic(Add, lower, upper)?;
    c.arithmetic(Mult, &sum, &half)
}

/// `2 (x - centre) / (upper - lower)`
fn scale_about_centre(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, lower, upper] = operands(&args);
    let centre = centre(c, &lower, &upper)?;
    let way = c.arithmetic(Sub, &x, &centre)?;
    let two = c.int(2);
    let doubled = c.arithmetic(Mult, &two, &way)?;
    let range = c.arithmetic(Sub, &upper, &lower)?;
    c.arithmetic(Div, &doubled, &range)
}

/// `x (upper - lower) / 2 + centre`
fn unscale_about_centre(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, lower, upper] = operands(&args);
    let centre = centre(c, &lower, &upper)?;
    let range = c.arithmetic(Sub, &upper, &lower)?;
    let way = c.arithmetic(Mult, &x, &range)?;
    let half = number(c, 0.5);
    let way = c.arithmetic(Mult, &way, &half)?;
    c.arithmetic(Add, &way, &centre)
}

/// The upper bound first, then the lower.
fn clamp(c: &mut Checker<'_>, args: Args) -> Checked {
    let [x, lower, upper] = operands(&args);
    let below = call(c, "torch.min", vec![x, upper])?;
    call(c, "torch.max", vec![below, lower])
}

fn to_torch(c: &mut Checker<'_>, args: Args) -> Checked {
    let dtype = match args.get(1) {
        Some(dtype) => dtype,
        None => Value::Element(crate::value::Element::F32),
    };
    let data = c.as_tensor(&args.at(0))?;
    call(c, "torch.tensor", vec![Value::Tensor(data), dtype])
}

/// `|a| sign(b)`: unlike C's, it is 0 where `b` is.
fn copysign(c: &mut Checker<'_>, args: Args) -> Checked {
    let magnitude = call(c, "abs", vec![args.at(0)])?;
    let sign = call(c, "torch.sign", vec![args.at(1)])?;
    c.arithmetic(Mult, &magnitude, &sign)
}
