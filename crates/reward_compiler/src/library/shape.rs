//! Functions that rearrange elements without computing: axes, stacking, conversion, copies.

use carrot_reward_interface::Dialect;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast_index, node_count};
use crate::ir::Type;
use crate::value::{Dim, Element, Scalar, ScalarKind, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch.unsqueeze Tensor.unsqueeze", "input dim", Run(unsqueeze)),
    entry("numpy.expand_dims", "a axis", Run(unsqueeze)),
    entry(
        "torch.squeeze Tensor.squeeze numpy.squeeze ndarray.squeeze",
        "input|a dim|axis?",
        Run(squeeze),
    ),
    entry(
        "Tensor.view Tensor.reshape ndarray.reshape",
        "input *",
        Run(|c, args| reshape(c, &args, args.rest.clone())),
    ),
    entry(
        "torch.reshape",
        "input shape",
        Run(|c, args| reshape(c, &args, vec![args.at(1)])),
    ),
    entry(
        "numpy.reshape",
        "a shape|newshape",
        Run(|c, args| reshape(c, &args, vec![args.at(1)])),
    ),
    entry("torch.flatten Tensor.flatten", "input start_dim?", Run(flatten)),
    entry("numpy.ravel ndarray.flatten ndarray.ravel", "a", Run(flatten)),
    entry(
        "Tensor.expand",
        "input *",
        Run(|c, args| expand(c, &args, args.rest.clone())),
    ),
    entry(
        "torch.broadcast_to numpy.broadcast_to",
        "input shape",
        Run(|c, args| expand(c, &args, vec![args.at(1)])),
    ),
    entry("Tensor.expand_as Tensor.view_as", "input other", Run(expand_as)),
    entry(
        "Tensor.repeat",
        "input *",
        Run(|c, args| repeat(c, &args, args.rest.clone())),
    ),
    entry(
        "torch.tile numpy.tile",
        "input reps|dims",
        Run(|c, args| repeat(c, &args, vec![args.at(1)])),
    ),
    entry(
        "torch.transpose Tensor.transpose numpy.swapaxes",
        "input dim0 dim1",
        Run(transpose),
    ),
    entry(
        "Tensor.t torch.t numpy.transpose ndarray.transpose",
        "input",
        Run(transpose_all),
    ),
    entry("torch.stack", "tensors dim?", Run(stack)),
    entry("numpy.stack", "arrays axis?", Run(stack)),
    entry(
        "torch.cat torch.concat torch.concatenate",
        "tensors dim|axis?",
        Run(concatenate),
    ),
    entry("numpy.concatenate", "arrays axis?", Run(concatenate)),
    entry(
        "numpy.hstack torch.hstack",
        "tensors",
        Run(|c, args| stack_along(c, &args, true)),
    ),
    entry(
        "numpy.vstack torch.vstack",
        "tensors",
        Run(|c, args| stack_along(c, &args, false)),
    ),
    entry("torch.flip Tensor.flip numpy.flip", "input dims|axis?", Run(flip)),
    entry("torch.unbind Tensor.unbind", "input dim?", Run(unbind)),
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
];

impl Checker<'_> {
    /// An axis counted from either end.
    pub(crate) fn axis(&mut self, axis: i64, rank: usize, tensor: &Tensor) -> Checked<usize> {
        let position = if axis < 0 { axis + rank as i64 } else { axis };
        match usize::try_from(position) {
            Ok(position) if position < rank => Ok(position),
            // torch accepts -1 and 0 for arrays without axes.
            _ if rank == 0 && matches!(axis, 0 | -1) => Ok(0),
            _ => self.error(Code::ShapeMismatch, format!("{tensor} has no axis {axis}"), None),
        }
    }

    fn axis_argument(&mut self, value: &Value, rank: usize, tensor: &Tensor) -> Checked<usize> {
        match self.constant_int(value) {
            Some(axis) => self.axis(axis, rank, tensor),
            None => {
                let found = self.describe(value);
                self.error(
                    Code::TypeMismatch,
                    format!("an axis is a whole number, not {found}"),
                    None,
                )
            }
        }
    }

    /// Axis lengths given one by one or as one tuple.
    pub(crate) fn lengths(&mut self, values: &[Value]) -> Checked<Vec<Value>> {
        match values {
            [sequence @ (Value::Tuple(_) | Value::List(_))] => self.sequence(sequence),
            values => Ok(values.to_vec()),
        }
    }
}

fn unsqueeze(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let axis = c.axis_argument(&args.at(1), tensor.dims.len() + 1, &tensor)?;
    let mut dims = tensor.dims.to_vec();
    dims.insert(axis, Dim::Size(1));
    Ok(Value::Tensor(c.with_dims(&tensor, dims)))
}

fn squeeze(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let axis = match args.get(1) {
        Some(axis) => Some(c.axis_argument(&axis, tensor.dims.len(), &tensor)?),
        None => None,
    };
    if let Some(axis) = axis
        && args.is_numpy()
        && tensor.dims.get(axis).is_some_and(|&dim| dim != Dim::Size(1))
    {
        return c.error(
            Code::ShapeMismatch,
            format!("axis {axis} of {tensor} is longer than 1"),
            None,
        );
    }
    let goes = |at: usize, dim: Dim| dim == Dim::Size(1) && axis.is_none_or(|axis| axis == at);
    let dims = tensor
        .dims
        .iter()
        .enumerate()
        .filter(|&(at, &dim)| !goes(at, dim))
        .map(|(_, &dim)| dim)
        .collect();
    Ok(Value::Tensor(c.with_dims(&tensor, dims)))
}

/// Regroups the elements row by row. The batch axis stays in front: its length is not known.
fn reshape(c: &mut Checker<'_>, args: &Args, shape: Vec<Value>) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let lengths = c.lengths(&shape)?;
    let mut dims = Vec::new();
    let mut open = None;
    for (at, length) in lengths.iter().enumerate() {
        if c.constant_int(length) == Some(-1) {
            if open.replace(at).is_some() {
                return c.error(Code::ShapeMismatch, "only one length can be -1", None);
            }
            dims.push(Dim::Size(1));
        } else {
            dims.push(c.dim(length)?);
        }
    }
    let total = tensor.index.len();
    let known = node_count(&dims);
    let batch_in_front = tensor.dims.first() == Some(&Dim::Batch);
    if let Some(at) = open {
        if batch_in_front && at == 0 && known == total {
            dims[0] = Dim::Batch;
        } else if known > 0 && total.is_multiple_of(known) {
            dims[at] = Dim::Size(total / known);
        }
    }
    let keeps_batch =
        dims.first() == Some(&Dim::Batch) && batch_in_front || !tensor.is_batched() && !dims.contains(&Dim::Batch);
    let batches = dims.iter().filter(|&&dim| dim == Dim::Batch).count();
    if node_count(&dims) != total || !keeps_batch || batches > 1 {
        return c.error(
            Code::ShapeMismatch,
            format!("{tensor} cannot take the shape {}", crate::value::ShapeText(&dims)),
            batch_in_front.then(|| "keep the batch in front, such as `x.view(x.shape[0], -1)`".to_owned()),
        );
    }
    Ok(Value::Tensor(c.with_dims(&tensor, dims)))
}

fn flatten(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let start = match args.get(1) {
        Some(axis) => c.axis_argument(&axis, tensor.dims.len(), &tensor)?,
        None => 0,
    };
    if tensor.dims[start.min(tensor.dims.len())..].contains(&Dim::Batch) && tensor.dims.len() > start + 1 {
        return c.error(
            Code::ShapeMismatch,
            format!("{tensor} cannot be flattened together with its batch axis"),
            "keep the batch with `x.flatten(1)`".to_owned(),
        );
    }
    let mut dims = tensor.dims[..start].to_vec();
    let rest = &tensor.dims[start..];
    dims.push(if rest == [Dim::Batch] {
        Dim::Batch
    } else {
        Dim::Size(node_count(rest))
    });
    let flat = c.with_dims(&tensor, dims);
    if args.name.as_ref() == "ndarray.flatten" {
        let nodes = c.elements(&flat);
        return Ok(c.tensor_value(flat.element, flat.dims.to_vec(), nodes));
    }
    Ok(Value::Tensor(flat))
}

fn expand_to(c: &mut Checker<'_>, tensor: &Tensor, dims: Vec<Dim>) -> Checked {
    let fits = crate::check::broadcast(&tensor.dims, &dims).is_ok_and(|result| result == dims);
    if !fits {
        return c.error(
            Code::ShapeMismatch,
            format!("{tensor} cannot be expanded to {}", crate::value::ShapeText(&dims)),
            crate::check::shape_help(&tensor.dims, &dims),
        );
    }
    c.check_size(&dims)?;
    let positions = broadcast_index(&tensor.dims, &dims);
    let view = c.view(tensor, dims, &positions);
    if view.is_batched() && !tensor.is_batched() {
        // One number stands for all environments: nothing may be written there.
        let nodes = c.elements(&view);
        return Ok(Value::Tensor(c.shared_tensor(view.element, view.dims.to_vec(), nodes)));
    }
    Ok(Value::Tensor(view))
}

fn expand(c: &mut Checker<'_>, args: &Args, shape: Vec<Value>) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let lengths = c.lengths(&shape)?;
    let extra = lengths.len().saturating_sub(tensor.dims.len());
    let mut dims = Vec::new();
    for (at, length) in lengths.iter().enumerate() {
        let keeps = c.constant_int(length) == Some(-1) && at >= extra;
        dims.push(if keeps { tensor.dims[at - extra] } else { c.dim(length)? });
    }
    expand_to(c, &tensor, dims)
}

fn expand_as(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let other = c.array_argument(&args, &args.at(1))?;
    expand_to(c, &tensor, other.dims.to_vec())
}

/// Repeats along each axis; an axis of length 1 may be repeated once per environment.
fn repeat(c: &mut Checker<'_>, args: &Args, times: Vec<Value>) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let times = c.lengths(&times)?;
    if args.name.starts_with("Tensor.") && times.len() < tensor.dims.len() {
        return c.error(
            Code::ShapeMismatch,
            format!("`repeat` needs a number for each axis of {tensor}"),
            "write 1 for axes that stay, such as `x.repeat(1, 2)`".to_owned(),
        );
    }
    let mut dims = vec![Dim::Size(1); times.len().saturating_sub(tensor.dims.len())];
    dims.extend(tensor.dims.iter().copied());
    let mut counts = vec![Dim::Size(1); dims.len() - times.len()];
    for time in &times {
        counts.push(c.dim(time)?);
    }
    let mut positions = vec![0_usize];
    let mut result = Vec::new();
    for (axis, (&dim, &count)) in dims.iter().zip(&counts).enumerate() {
        let stride = node_count(&dims[axis + 1..]);
        let length = match (dim, count) {
            (dim, Dim::Size(1)) => dim,
            (Dim::Size(1), Dim::Batch) => Dim::Batch,
            (Dim::Size(size), Dim::Size(count)) => Dim::Size(size.saturating_mul(count)),
            _ => return c.unsupported("repeating the batch", "use broadcasting instead"),
        };
        result.push(length);
        c.check_size(&result)?;
        let size = dim.nodes();
        positions = positions
            .iter()
            .flat_map(|&base| (0..length.nodes()).map(move |at| base + (at % size.max(1)) * stride))
            .collect();
    }
    if result.iter().filter(|&&dim| dim == Dim::Batch).count() > 1 {
        return c.unsupported("repeating the batch", "use broadcasting instead");
    }
    let view = c.view(&tensor, result, &positions);
    let nodes = c.elements(&view);
    Ok(c.tensor_value(view.element, view.dims.to_vec(), nodes))
}

fn transpose(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let rank = tensor.dims.len();
    let a = c.axis_argument(&args.at(1), rank, &tensor)?;
    let b = c.axis_argument(&args.at(2), rank, &tensor)?;
    if rank == 0 {
        return Ok(Value::Tensor(tensor));
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(a, b);
    Ok(Value::Tensor(permuted(c, &tensor, &order)))
}

fn transpose_all(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if !args.is_numpy() && tensor.dims.len() > 2 {
        return c.error(
            Code::ShapeMismatch,
            format!("`t` turns matrices, not {tensor}"),
            "use `x.transpose(-2, -1)`".to_owned(),
        );
    }
    let order: Vec<usize> = (0..tensor.dims.len()).rev().collect();
    Ok(Value::Tensor(permuted(c, &tensor, &order)))
}

fn permuted(c: &Checker<'_>, tensor: &Tensor, order: &[usize]) -> Tensor {
    let dims: Vec<Dim> = order.iter().map(|&axis| tensor.dims[axis]).collect();
    let mut positions = vec![0_usize];
    for &axis in order {
        let stride = node_count(&tensor.dims[axis + 1..]);
        let size = tensor.dims[axis].nodes();
        positions = positions
            .iter()
            .flat_map(|&base| (0..size).map(move |at| base + at * stride))
            .collect();
    }
    c.view(tensor, dims, &positions)
}

fn several(c: &mut Checker<'_>, args: &Args) -> Checked<Vec<Tensor>> {
    let items = c.sequence(&args.at(0))?;
    if items.is_empty() {
        return c.error(Code::ShapeMismatch, "at least one array is needed", None);
    }
    items.iter().map(|item| c.array_argument(args, item)).collect()
}

fn common_element(c: &Checker<'_>, tensors: &[Tensor]) -> Element {
    let values: Vec<Value> = tensors.iter().cloned().map(Value::Tensor).collect();
    c.promote(&values.iter().collect::<Vec<_>>())
}

fn stack(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensors = several(c, &args)?;
    let axis = match args.get(1) {
        Some(axis) => c.axis_argument(&axis, tensors[0].dims.len() + 1, &tensors[0])?,
        None => 0,
    };
    let element = common_element(c, &tensors);
    Ok(Value::Tensor(c.stack(&tensors, axis, element)?))
}

fn concatenate(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensors = several(c, &args)?;
    let axis = match args.get(1) {
        Some(axis) => c.axis_argument(&axis, tensors[0].dims.len(), &tensors[0])?,
        None => 0,
    };
    concatenated(c, &tensors, axis)
}

fn concatenated(c: &mut Checker<'_>, tensors: &[Tensor], axis: usize) -> Checked {
    let first = &tensors[0];
    let mut length = 0_usize;
    for tensor in tensors {
        let same = tensor.dims.len() == first.dims.len()
            && (0..first.dims.len()).all(|at| at == axis || tensor.dims[at] == first.dims[at]);
        let Some(Dim::Size(size)) = tensor.dims.get(axis).copied().filter(|_| same) else {
            return c.error(
                Code::ShapeMismatch,
                format!("{first} and {tensor} cannot be joined along axis {axis}"),
                first
                    .is_batched()
                    .then(|| "the first axis is the batch; join components with `dim=-1`".to_owned()),
            );
        };
        length += size;
    }
    let element = common_element(c, tensors);
    let mut dims = first.dims.to_vec();
    dims[axis] = Dim::Size(length);
    c.check_size(&dims)?;
    let outer = node_count(&dims[..axis]);
    let rows: Vec<_> = tensors.iter().map(|tensor| c.elements_as(tensor, element)).collect();
    let mut nodes = Vec::new();
    for block in 0..outer {
        for row in &rows {
            let width = row.len() / outer.max(1);
            nodes.extend_from_slice(&row[block * width..(block + 1) * width]);
        }
    }
    Ok(c.tensor_value(element, dims, nodes))
}

/// `hstack` joins along the second axis (the first of flat arrays), `vstack` along the first.
fn stack_along(c: &mut Checker<'_>, args: &Args, horizontal: bool) -> Checked {
    let tensors = several(c, args)?;
    let lifted: Vec<Tensor> = tensors
        .iter()
        .map(|tensor| match (tensor.dims.len(), horizontal) {
            (0, true) => c.with_dims(tensor, vec![Dim::Size(1)]),
            (0, false) => c.with_dims(tensor, vec![Dim::Size(1), Dim::Size(1)]),
            (1, false) => c.with_dims(tensor, vec![Dim::Size(1), tensor.dims[0]]),
            _ => tensor.clone(),
        })
        .collect();
    let axis = usize::from(horizontal && lifted[0].dims.len() > 1);
    concatenated(c, &lifted, axis)
}

fn flip(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let rank = tensor.dims.len();
    let mut axes = Vec::new();
    match args.get(1) {
        None => axes.extend(0..rank),
        Some(value @ (Value::Tuple(_) | Value::List(_))) => {
            for axis in c.sequence(&value)? {
                axes.push(c.axis_argument(&axis, rank, &tensor)?);
            }
        }
        Some(axis) => axes.push(c.axis_argument(&axis, rank, &tensor)?),
    }
    if axes.iter().any(|&axis| tensor.dims.get(axis) == Some(&Dim::Batch)) {
        return c.unsupported(
            "the order of the environments means nothing",
            "flip along the last axis",
        );
    }
    let mut positions = vec![0_usize];
    for (axis, &dim) in tensor.dims.iter().enumerate() {
        let stride = node_count(&tensor.dims[axis + 1..]);
        let size = dim.nodes();
        let flips = axes.contains(&axis);
        positions = positions
            .iter()
            .flat_map(|&base| (0..size).map(move |at| base + if flips { size - 1 - at } else { at } * stride))
            .collect();
    }
    let view = c.view(&tensor, tensor.dims.to_vec(), &positions);
    let nodes = c.elements(&view);
    Ok(c.tensor_value(view.element, view.dims.to_vec(), nodes))
}

fn unbind(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let rank = tensor.dims.len();
    let axis = match args.get(1) {
        Some(axis) => c.axis_argument(&axis, rank, &tensor)?,
        None => 0,
    };
    if rank == 0 {
        return c.error(Code::ShapeMismatch, "a single number has no axes", None);
    }
    let mut order: Vec<usize> = (0..rank).filter(|&at| at != axis).collect();
    order.insert(0, axis);
    let front = permuted(c, &tensor, &order);
    let items = c.sequence(&Value::Tensor(front))?;
    Ok(Value::tuple(items))
}

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
    let kind = match tensor.element {
        Element::Bool => ScalarKind::Bool,
        Element::I64 => ScalarKind::Int,
        Element::F32 | Element::F64 => ScalarKind::Float,
    };
    let ty = if kind == ScalarKind::Bool {
        Type::Bool
    } else {
        Type::F64
    };
    let node = c.elements(&tensor)[0];
    let node = c.convert(node, ty);
    Ok(Value::Scalar(Scalar { kind, node }))
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
