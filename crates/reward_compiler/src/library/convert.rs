//! Conversions between element types, copies, and what an array says about itself.

use carrot_reward_interface::Dialect;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::Type;
use crate::value::{Element, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "Tensor.float",
        "input",
        Run(|c, args| converted(c, &args, Element::F32)),
    ),
    entry(
        "Tensor.double",
        "input",
        Run(|c, args| converted(c, &args, Element::F64)),
    ),
    entry(
        "Tensor.long Tensor.int",
        "input",
        Run(|c, args| converted(c, &args, Element::I64)),
    ),
    entry(
        "Tensor.bool",
        "input",
        Run(|c, args| converted(c, &args, Element::Bool)),
    ),
    entry("Tensor.to", "input *  dtype? device? non_blocking? copy?", Run(to)),
    entry("Tensor.type", "input dtype?", Run(to)),
    entry("Tensor.type_as", "input other", Run(to)),
    entry("ndarray.astype", "input dtype copy?", Run(astype)),
    entry("torch.clone Tensor.clone", "input memory_format?", Run(copy)),
    entry("numpy.copy ndarray.copy", "input", Run(copy)),
    entry(
        "Tensor.detach Tensor.cpu Tensor.cuda Tensor.contiguous torch.detach",
        "input device?",
        Run(|_, args| Ok(args.at(0))),
    ),
    entry("Tensor.item ndarray.item", "input", Run(item)),
    entry("Tensor.size", "input dim?", Run(size)),
    entry("numpy.shape", "input", Run(size)),
    entry("Tensor.dim Tensor.ndimension numpy.ndim", "input", Run(rank)),
    entry("torch.numel Tensor.numel numpy.size", "input", Run(element_count)),
    entry("Tensor.tolist ndarray.tolist", "input", Run(to_list)),
    entry("Tensor.numpy Tensor.cpu.numpy", "input", Run(|_, args| Ok(args.at(0)))),
    entry(
        "Tensor.get_device Tensor.is_cuda",
        "input",
        Run(|_, _| Ok(Value::Device)),
    ),
    entry(
        "torch.is_tensor",
        "obj",
        Run(|c, args| Ok(c.bool(matches!(args.at(0), Value::Tensor(_))))),
    ),
    entry("numpy.isscalar", "element", Run(is_scalar)),
    entry(
        "Tensor.is_floating_point torch.is_floating_point",
        "input",
        Run(|c, args| Ok(c.bool(matches!(args.at(0), Value::Tensor(tensor) if tensor.element.is_float())))),
    ),
];

/// The array itself where it already has the type, as torch's conversions give.
fn converted(c: &mut Checker<'_>, args: &Args, element: Element) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    Ok(Value::Tensor(if tensor.element == element {
        tensor
    } else {
        c.cast(&tensor, element)
    }))
}

/// Only an element type, or an array that has one, means something; devices do not.
fn to(c: &mut Checker<'_>, args: Args) -> Checked {
    let given: Vec<Value> = (1..args.values.len())
        .filter_map(|at| args.get(at))
        .chain(args.rest.iter().cloned())
        .collect();
    for value in given {
        match value {
            Value::Element(element) => return converted(c, &args, element),
            Value::Tensor(other) => return converted(c, &args, other.element),
            Value::Library(path) if matches!(&*path, "float" | "int" | "bool") => {
                let element = match &*path {
                    "float" => Element::F64,
                    "int" => Element::I64,
                    _ => Element::Bool,
                };
                return converted(c, &args, element);
            }
            _ => {}
        }
    }
    Ok(args.at(0))
}

fn astype(c: &mut Checker<'_>, args: Args) -> Checked {
    let element = c.element_argument(&args.at(1))?;
    let tensor = c.array_argument(&args, &args.at(0))?;
    Ok(Value::Tensor(c.cast(&tensor, element)))
}

fn copy(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    Ok(Value::Tensor(c.cast(&tensor, tensor.element)))
}

fn item(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if tensor.is_batched() || tensor.index.len() != 1 {
        return c.error(
            Code::TypeMismatch,
            format!("`item` needs an array of one number, not {tensor}"),
            tensor
                .is_batched()
                .then(|| "leave it out: the reward is computed for all environments at once".to_owned()),
        );
    }
    let node = c.elements(&tensor)[0];
    Ok(python_number(c, tensor.element, node))
}

/// An element as a Python number.
fn python_number(c: &mut Checker<'_>, element: Element, node: crate::ir::NodeId) -> Value {
    let kind = match element {
        Element::Bool => ScalarKind::Bool,
        Element::I64 => ScalarKind::Int,
        Element::F32 | Element::F64 => ScalarKind::Float,
    };
    let ty = if kind == ScalarKind::Bool {
        Type::Bool
    } else {
        Type::F64
    };
    let node = c.convert(node, ty);
    Value::Scalar(Scalar { kind, node })
}

fn size(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    match args.get(1) {
        None => Ok(c.shape_value(&tensor.dims)),
        Some(axis) => {
            let axis = c.axis_argument(&axis, tensor.dims.len(), &tensor)?;
            match tensor.dims.get(axis) {
                Some(&dim) => Ok(c.dim_value(dim)),
                None => c.error(Code::ShapeMismatch, format!("{tensor} has no axes"), None),
            }
        }
    }
}

fn rank(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    Ok(c.int(tensor.dims.len() as i64))
}

fn element_count(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if c.dialect == Dialect::Torch && tensor.is_batched() {
        return c.unsupported("the number of elements depends on the batch", "use `x.shape[-1]`");
    }
    Ok(c.int(tensor.index.len() as i64))
}

/// Nested lists of Python numbers.
fn to_list(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    list_of(c, &Value::Tensor(tensor))
}

fn list_of(c: &mut Checker<'_>, value: &Value) -> Checked {
    let Value::Tensor(tensor) = value else {
        return Ok(value.clone());
    };
    if tensor.dims.is_empty() {
        let node = c.elements(tensor)[0];
        return Ok(python_number(c, tensor.element, node));
    }
    let items = c
        .sequence(value)?
        .iter()
        .map(|item| list_of(c, item))
        .collect::<Checked<Vec<Value>>>()?;
    Ok(c.new_list(items))
}

/// NumPy's numbers without axes count as scalars.
fn is_scalar(c: &mut Checker<'_>, args: Args) -> Checked {
    let is_scalar = match args.at(0) {
        Value::Scalar(_) | Value::Str(_) => true,
        Value::Tensor(tensor) => tensor.dims.is_empty(),
        _ => false,
    };
    Ok(c.bool(is_scalar))
}
