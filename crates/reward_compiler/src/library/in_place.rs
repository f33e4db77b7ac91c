//! torch's methods that end in `_`: the method of the same name without it, written back into the array.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Arguments, Checked, Checker};
use crate::value::{Element, Tensor, Value};

/// The table's part of this module: the methods that have no other form.
pub(super) const TABLE: &[Entry] = &[
    entry("Tensor.zero_", "input", Run(|c, args| filled(c, &args, None))),
    entry(
        "Tensor.fill_ ndarray.fill",
        "input value",
        Run(|c, args| filled(c, &args, Some(args.at(1)))),
    ),
    entry(
        "Tensor.copy_",
        "input other",
        Run(|c, args| filled(c, &args, Some(args.at(1)))),
    ),
];

const FORMS: &str = " abs absolute acos add addcdiv addcmul asin atan atan2 bitwise_and bitwise_not bitwise_or ceil clamp \
    clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad div divide eq exp expm1 floor floor_divide fmod ge gt \
    le lerp log log10 log1p log2 logical_and logical_not logical_or logical_xor lt masked_fill mul multiply nan_to_num ne \
    neg negative pow rad2deg reciprocal relu remainder round rsqrt sigmoid sign sin sinh sqrt square sub subtract tan tanh \
    tril triu true_divide trunc ";

/// The plain form of a method such as `Tensor.mul_`.
pub(super) fn plain_form(method: &str) -> Option<&str> {
    let plain = method.strip_prefix("Tensor.")?.strip_suffix('_')?;
    FORMS
        .contains(&format!(" {plain} "))
        .then(|| &method[..method.len() - 1])
}

/// Writes the result of the plain form into the receiver and gives the receiver.
pub(super) fn call(c: &mut Checker<'_>, receiver: &Value, plain: &str, arguments: Arguments) -> Checked {
    let Value::Tensor(target) = receiver else {
        return Ok(Value::None);
    };
    let method = plain.rsplit('.').next().unwrap_or(plain);
    let result = c.call_method(receiver, method, arguments)?;
    let result = c.as_tensor(&result)?;
    write(c, target, &result)?;
    Ok(receiver.clone())
}

fn write(c: &mut Checker<'_>, target: &Tensor, new: &Tensor) -> Checked<()> {
    let kind = |element: Element| match element {
        Element::Bool => 0,
        Element::I64 => 1,
        Element::F32 | Element::F64 => 2,
    };
    if target.dims != new.dims || kind(new.element) > kind(target.element) && new.element != Element::Bool {
        return c.error(
            Code::ShapeMismatch,
            format!("{new} does not fit into {target} in place"),
            "make a new array: use the method without `_`".to_owned(),
        );
    }
    let nodes = c.elements_as(new, target.element);
    c.write(target, &nodes)
}

/// Zero, one number or another array in place of all elements.
fn filled(c: &mut Checker<'_>, args: &Args, value: Option<Value>) -> Checked {
    let target = c.array_argument(args, &args.at(0))?;
    let value = match value {
        Some(value) => c.as_tensor(&value)?,
        None => {
            let zero = c.int(0);
            c.as_tensor(&zero)?
        }
    };
    let whole = c.cast(&value, target.element);
    let nodes = c.nodes_for(&target, &whole)?;
    c.write(&target, &nodes)?;
    Ok(match args.is_numpy() {
        true => Value::None,
        false => Value::Tensor(target),
    })
}
