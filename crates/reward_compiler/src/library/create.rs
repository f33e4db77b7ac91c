//! Functions that make arrays: from numbers, of one value, by a rule.

use carrot_reward_interface::Dialect;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, MAX_ELEMENTS, node_count};
use crate::ir::Type;
use crate::value::{Dim, Element, ScalarKind, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.tensor torch.as_tensor torch.FloatTensor",
        "data dtype? device? requires_grad?",
        Run(from_data),
    ),
    entry(
        "numpy.array numpy.asarray numpy.asanyarray",
        "data|object dtype? copy?",
        Run(from_data),
    ),
    entry(
        "torch.zeros torch.empty",
        "* dtype? device? requires_grad?",
        Run(|c, args| filled(c, &args, args.rest.clone(), 0.0, 0)),
    ),
    entry(
        "torch.ones",
        "* dtype? device? requires_grad?",
        Run(|c, args| filled(c, &args, args.rest.clone(), 1.0, 0)),
    ),
    entry(
        "numpy.zeros numpy.empty",
        "shape dtype?",
        Run(|c, args| filled(c, &args, vec![args.at(0)], 0.0, 1)),
    ),
    entry(
        "numpy.ones",
        "shape dtype?",
        Run(|c, args| filled(c, &args, vec![args.at(0)], 1.0, 1)),
    ),
    entry("torch.full", "size fill_value dtype? device?", Run(full)),
    entry("numpy.full", "shape fill_value dtype?", Run(full)),
    entry(
        "torch.zeros_like torch.empty_like",
        "input dtype? device?",
        Run(|c, args| filled_like(c, &args, 0.0)),
    ),
    entry(
        "torch.ones_like",
        "input dtype? device?",
        Run(|c, args| filled_like(c, &args, 1.0)),
    ),
    entry(
        "numpy.zeros_like numpy.empty_like",
        "a dtype?",
        Run(|c, args| filled_like(c, &args, 0.0)),
    ),
    entry("numpy.ones_like", "a dtype?", Run(|c, args| filled_like(c, &args, 1.0))),
    entry("torch.full_like", "input fill_value dtype? device?", Run(full_like)),
    entry("numpy.full_like", "a fill_value dtype?", Run(full_like)),
    entry("numpy.eye numpy.identity torch.eye", "n | dtype? device?", Run(eye)),
    entry(
        "torch.arange numpy.arange",
        "start end|stop? step? dtype? device?",
        Run(arange),
    ),
    entry(
        "torch.linspace numpy.linspace",
        "start end|stop steps|num? | dtype? device?",
        Run(linspace),
    ),
    entry("torch.device", "type", Run(|_, _| Ok(Value::Device))),
];

fn with_element(c: &mut Checker<'_>, args: &Args, at: usize, tensor: Tensor) -> Checked {
    match args.get(at) {
        Some(element) => {
            let element = c.element_argument(&element)?;
            Ok(Value::Tensor(c.cast(&tensor, element)))
        }
        None => Ok(Value::Tensor(tensor)),
    }
}

/// A copy of the data as an array.
fn from_data(c: &mut Checker<'_>, args: Args) -> Checked {
    let data = args.at(0);
    let tensor = match &data {
        Value::List(_) | Value::Tuple(_) if c.dialect == Dialect::Torch => {
            single_numbers(c, &data)?;
            c.as_tensor(&data)?
        }
        Value::Scalar(_) | Value::Tensor(_) | Value::List(_) | Value::Tuple(_) => c.as_tensor(&data)?,
        other => {
            let found = c.describe(other);
            return c.error(Code::TypeMismatch, format!("{found} cannot become an array"), None);
        }
    };
    let tensor = if &*args.name == "numpy.asarray" || &*args.name == "torch.as_tensor" {
        tensor
    } else {
        c.cast(&tensor, tensor.element)
    };
    with_element(c, &args, 1, tensor)
}

/// `torch.tensor` takes lists of numbers, and tensors in them only if they hold one number each.
fn single_numbers(c: &mut Checker<'_>, data: &Value) -> Checked<()> {
    for item in c.sequence(data)? {
        match &item {
            Value::List(_) | Value::Tuple(_) => c.inside(|c| single_numbers(c, &item))?,
            Value::Tensor(tensor) if tensor.is_batched() || !tensor.dims.is_empty() => {
                return c.error(
                    Code::TypeMismatch,
                    format!("`torch.tensor` makes a tensor of numbers, not of {tensor}"),
                    "use `torch.stack([a, b], dim=-1)` or `torch.cat`".to_owned(),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn dims_of(c: &mut Checker<'_>, shape: Vec<Value>) -> Checked<Vec<Dim>> {
    let lengths = c.lengths(&shape)?;
    let dims = lengths
        .iter()
        .map(|length| c.dim(length))
        .collect::<Checked<Vec<Dim>>>()?;
    c.check_size(&dims)?;
    Ok(dims)
}

fn uniform(c: &mut Checker<'_>, element: Element, dims: Vec<Dim>, value: f64) -> Tensor {
    let node = c.constant(element.ty(), value);
    let count = node_count(&dims);
    c.tensor(element, dims, vec![node; count])
}

fn filled(c: &mut Checker<'_>, args: &Args, shape: Vec<Value>, value: f64, dtype_at: usize) -> Checked {
    let dims = dims_of(c, shape)?;
    let element = match args.get(dtype_at) {
        Some(element) => c.element_argument(&element)?,
        None => c.scalar_element(ScalarKind::Float),
    };
    Ok(Value::Tensor(uniform(c, element, dims, value)))
}

fn filled_like(c: &mut Checker<'_>, args: &Args, value: f64) -> Checked {
    let like = c.array_argument(args, &args.at(0))?;
    let element = match args.get(1) {
        Some(element) => c.element_argument(&element)?,
        None => like.element,
    };
    Ok(Value::Tensor(uniform(c, element, like.dims.to_vec(), value)))
}

fn fill(c: &mut Checker<'_>, dims: Vec<Dim>, value: &Value, element: Option<Element>) -> Checked {
    let tensor = c.as_tensor(value)?;
    if tensor.is_batched() || tensor.index.len() != 1 {
        return c.error(
            Code::TypeMismatch,
            format!("one number is needed to fill an array, not {tensor}"),
            None,
        );
    }
    let element = element.unwrap_or(tensor.element);
    let tensor = c.cast(&tensor, element);
    let nodes = c.elements(&tensor);
    let count = node_count(&dims);
    Ok(c.tensor_value(element, dims, vec![nodes[0]; count]))
}

fn full(c: &mut Checker<'_>, args: Args) -> Checked {
    let dims = dims_of(c, vec![args.at(0)])?;
    let element = match args.get(2) {
        Some(element) => Some(c.element_argument(&element)?),
        None => None,
    };
    fill(c, dims, &args.at(1), element)
}

fn full_like(c: &mut Checker<'_>, args: Args) -> Checked {
    let like = c.array_argument(&args, &args.at(0))?;
    let element = match args.get(2) {
        Some(element) => c.element_argument(&element)?,
        None => like.element,
    };
    fill(c, like.dims.to_vec(), &args.at(1), Some(element))
}

fn eye(c: &mut Checker<'_>, args: Args) -> Checked {
    let Dim::Size(n) = c.dim(&args.at(0))? else {
        return c.unsupported("an identity as large as the batch", "give a number");
    };
    let dims = vec![Dim::Size(n), Dim::Size(n)];
    c.check_size(&dims)?;
    let element = c.scalar_element(ScalarKind::Float);
    let [zero, one] = [0.0, 1.0].map(|value| c.constant(element.ty(), value));
    let nodes = (0..n * n).map(|at| if at / n == at % n { one } else { zero }).collect();
    let tensor = c.tensor(element, dims, nodes);
    with_element(c, &args, 1, tensor)
}

fn series(c: &mut Checker<'_>, args: &Args, values: Vec<f64>, element: Element, dtype_at: usize) -> Checked {
    let nodes: Vec<_> = values.iter().map(|&value| c.constant(element.ty(), value)).collect();
    let tensor = c.tensor(element, vec![Dim::Size(values.len())], nodes);
    with_element(c, args, dtype_at, tensor)
}

fn arange(c: &mut Checker<'_>, args: Args) -> Checked {
    let first = c.known_number(&args.at(0))?;
    let (start, stop) = match args.get(1) {
        Some(stop) => (first, c.known_number(&stop)?),
        None => (0.0, first),
    };
    let step = match args.get(2) {
        Some(step) => c.known_number(&step)?,
        None => 1.0,
    };
    let count = ((stop - start) / step).ceil();
    if step == 0.0 || !count.is_finite() || count > MAX_ELEMENTS as f64 {
        return c.error(
            Code::ProgramTooLarge,
            format!("this range has more than {MAX_ELEMENTS} numbers"),
            None,
        );
    }
    let is_whole = (0..3)
        .filter_map(|at| args.get(at))
        .all(|value| c.constant_int(&value).is_some());
    let element = if is_whole {
        Element::I64
    } else {
        c.scalar_element(ScalarKind::Float)
    };
    let values = (0..count.max(0.0) as usize)
        .map(|at| start + at as f64 * step)
        .collect();
    series(c, &args, values, element, 3)
}

fn linspace(c: &mut Checker<'_>, args: Args) -> Checked {
    let (start, stop) = (c.known_number(&args.at(0))?, c.known_number(&args.at(1))?);
    let count = match args.get(2) {
        Some(count) => c.constant_int(&count).and_then(|count| usize::try_from(count).ok()),
        None => Some(50),
    };
    let Some(count) = count.filter(|&count| count <= MAX_ELEMENTS) else {
        return c.error(Code::TypeMismatch, "the number of steps is a known whole number", None);
    };
    let step = (stop - start) / (count.saturating_sub(1).max(1)) as f64;
    let values = (0..count)
        .map(|at| {
            if at + 1 == count && count > 1 {
                stop
            } else {
                start + at as f64 * step
            }
        })
        .collect();
    let element = c.scalar_element(ScalarKind::Float);
    debug_assert_ne!(element.ty(), Type::Bool);
    series(c, &args, values, element, 3)
}
