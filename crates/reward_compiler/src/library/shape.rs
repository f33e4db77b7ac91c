//! Functions that rearrange elements without computing: axes, stacking, conversion, copies.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast_index, node_count};
use crate::value::{Dim, Tensor, Value};

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
    entry(
        "torch.flatten Tensor.flatten",
        "input start_dim? end_dim?",
        Run(flatten),
    ),
    entry("torch.ravel Tensor.ravel", "input", Run(flatten)),
    entry("torch.unflatten Tensor.unflatten", "input dim sizes", Run(unflatten)),
    entry("numpy.ravel ndarray.flatten ndarray.ravel", "a", Run(flatten)),
    entry(
        "torch.permute",
        "input dims",
        Run(|c, args| permute(c, &args, vec![args.at(1)])),
    ),
    entry(
        "Tensor.permute ndarray.transpose",
        "input *",
        Run(|c, args| permute(c, &args, args.rest.clone())),
    ),
    entry(
        "numpy.transpose numpy.permute_dims",
        "a axes?",
        Run(|c, args| permute(c, &args, args.get(1).into_iter().collect())),
    ),
    entry(
        "torch.movedim torch.moveaxis Tensor.movedim numpy.moveaxis",
        "input|a source destination",
        Run(move_axis),
    ),
    entry("numpy.rollaxis", "a axis start?", Run(roll_axis)),
    entry("torch.roll Tensor.roll", "input shifts dims|dim?", Run(roll)),
    entry("numpy.roll", "a shift axis?", Run(roll)),
    entry(
        "numpy.flipud torch.flipud Tensor.flipud",
        "m",
        Run(|c, args| flip_axis(c, &args, 0)),
    ),
    entry(
        "numpy.fliplr torch.fliplr Tensor.fliplr",
        "m",
        Run(|c, args| flip_axis(c, &args, 1)),
    ),
    entry(
        "torch.repeat_interleave Tensor.repeat_interleave",
        "input repeats dim?",
        Run(repeat_each),
    ),
    entry("numpy.repeat ndarray.repeat", "a repeats axis?", Run(repeat_each)),
    entry(
        "torch.atleast_1d numpy.atleast_1d",
        "input",
        Run(|c, args| at_least(c, &args, 1)),
    ),
    entry(
        "torch.atleast_2d numpy.atleast_2d",
        "input",
        Run(|c, args| at_least(c, &args, 2)),
    ),
    entry("ndarray.swapaxes", "input dim0 dim1", Run(transpose)),
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
        "torch.transpose torch.swapaxes torch.swapdims Tensor.transpose Tensor.swapaxes numpy.swapaxes",
        "input dim0 dim1",
        Run(transpose),
    ),
    entry("Tensor.t torch.t", "input", Run(transpose_all)),
    entry("torch.flip Tensor.flip numpy.flip", "input dims|axis?", Run(flip)),
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

    pub(crate) fn axis_argument(&mut self, value: &Value, rank: usize, tensor: &Tensor) -> Checked<usize> {
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
    let rank = tensor.dims.len();
    let axes = match args.get(1) {
        Some(axes) => Some(axis_list(c, &axes, rank, &tensor)?),
        None => None,
    };
    if args.is_numpy()
        && let Some(&long) = axes
            .iter()
            .flatten()
            .find(|&&axis| tensor.dims.get(axis).is_some_and(|&dim| dim != Dim::Size(1)))
    {
        return c.error(
            Code::ShapeMismatch,
            format!("axis {long} of {tensor} is longer than 1"),
            None,
        );
    }
    let goes = |at: usize, dim: Dim| dim == Dim::Size(1) && axes.as_ref().is_none_or(|axes| axes.contains(&at));
    let dims = tensor
        .dims
        .iter()
        .enumerate()
        .filter(|&(at, &dim)| !goes(at, dim))
        .map(|(_, &dim)| dim)
        .collect();
    Ok(Value::Tensor(c.with_dims(&tensor, dims)))
}

/// One axis or several.
fn axis_list(c: &mut Checker<'_>, value: &Value, rank: usize, tensor: &Tensor) -> Checked<Vec<usize>> {
    match value {
        Value::Tuple(_) | Value::List(_) => {
            let axes = c.sequence(value)?;
            axes.iter().map(|axis| c.axis_argument(axis, rank, tensor)).collect()
        }
        axis => Ok(vec![c.axis_argument(axis, rank, tensor)?]),
    }
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
    let rank = tensor.dims.len();
    let start = match args.get(1) {
        Some(axis) => c.axis_argument(&axis, rank, &tensor)?,
        None => 0,
    };
    let end = match args.get(2) {
        Some(axis) => c.axis_argument(&axis, rank, &tensor)?,
        None => rank.saturating_sub(1),
    };
    if end < start {
        return c.error(
            Code::ShapeMismatch,
            "the last axis to flatten comes before the first",
            None,
        );
    }
    let joined = &tensor.dims[start.min(rank)..(end + 1).min(rank)];
    if joined.contains(&Dim::Batch) && joined.iter().any(|&dim| dim != Dim::Batch && dim != Dim::Size(1)) {
        return c.error(
            Code::ShapeMismatch,
            format!("{tensor} cannot be flattened together with its batch axis"),
            "keep the batch with `x.flatten(1)`".to_owned(),
        );
    }
    let mut dims = tensor.dims[..start.min(rank)].to_vec();
    dims.push(if joined.contains(&Dim::Batch) {
        Dim::Batch
    } else {
        Dim::Size(node_count(joined))
    });
    dims.extend(&tensor.dims[(end + 1).min(rank)..]);
    let flat = c.with_dims(&tensor, dims);
    if args.name.as_ref() == "ndarray.flatten" {
        let nodes = c.elements(&flat);
        return Ok(c.tensor_value(flat.element, flat.dims.to_vec(), nodes));
    }
    Ok(Value::Tensor(flat))
}

/// One axis as several.
fn unflatten(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let axis = c.axis_argument(&args.at(1), tensor.dims.len(), &tensor)?;
    let mut shape = Vec::new();
    for (at, &dim) in tensor.dims.iter().enumerate() {
        match at == axis {
            true => shape.extend(c.sequence(&args.at(2))?),
            false => shape.push(c.dim_value(dim)),
        }
    }
    reshape(c, &args, shape)
}

/// Axes in a new order; the reverse order if none is given.
fn permute(c: &mut Checker<'_>, args: &Args, order: Vec<Value>) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let rank = tensor.dims.len();
    let given = c.lengths(&order)?;
    let order = match given.is_empty() && args.is_numpy() {
        true => (0..rank).rev().collect(),
        false => given
            .iter()
            .map(|axis| c.axis_argument(axis, rank, &tensor))
            .collect::<Checked<Vec<usize>>>()?,
    };
    if order.len() != rank || (0..rank).any(|axis| !order.contains(&axis)) {
        return c.error(
            Code::ShapeMismatch,
            format!("the new order names each of the {rank} axes of {tensor} once"),
            None,
        );
    }
    Ok(Value::Tensor(permuted(c, &tensor, &order)))
}

fn move_axis(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let rank = tensor.dims.len();
    let from = axis_list(c, &args.at(1), rank, &tensor)?;
    let to = axis_list(c, &args.at(2), rank, &tensor)?;
    if from.len() != to.len() {
        return c.error(Code::ShapeMismatch, "each moved axis needs a place", None);
    }
    let mut order: Vec<usize> = (0..rank).filter(|axis| !from.contains(axis)).collect();
    let mut moves: Vec<(usize, usize)> = to.into_iter().zip(from).collect();
    moves.sort_unstable();
    for (place, axis) in moves {
        order.insert(place.min(order.len()), axis);
    }
    Ok(Value::Tensor(permuted(c, &tensor, &order)))
}

fn roll_axis(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let rank = tensor.dims.len();
    let axis = c.axis_argument(&args.at(1), rank, &tensor)?;
    let start = match args.get(2) {
        Some(start) => c.axis_argument(&start, rank + 1, &tensor)?,
        None => 0,
    };
    let mut order: Vec<usize> = (0..rank).filter(|&at| at != axis).collect();
    let start = if start > axis { start - 1 } else { start };
    order.insert(start, axis);
    Ok(Value::Tensor(permuted(c, &tensor, &order)))
}

/// Elements move along an axis and come back at its other end.
fn roll(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let shifts = c.lengths(&[args.at(1)])?;
    let mut known = Vec::new();
    for shift in &shifts {
        match c.constant_int(shift) {
            Some(shift) => known.push(shift),
            None => return c.error(Code::TypeMismatch, "a shift is a known whole number", None),
        }
    }
    let (flat, axes) = match args.get(2) {
        Some(axes) => (tensor.clone(), axis_list(c, &axes, tensor.dims.len(), &tensor)?),
        None => {
            let (flat, axis) = super::along::lane_axis(c, &args, 2, None, &tensor)?;
            (flat, vec![axis])
        }
    };
    if axes.iter().any(|&axis| flat.dims.get(axis) == Some(&Dim::Batch)) {
        return c.unsupported(
            "the order of the environments means nothing",
            "roll along the last axis",
        );
    }
    if known.len() == 1 {
        known.resize(axes.len(), known[0]);
    }
    if known.len() != axes.len() {
        return c.error(Code::ShapeMismatch, "each axis needs its shift", None);
    }
    let mut rolled = flat;
    for (shift, axis) in known.into_iter().zip(axes) {
        let [nodes] = super::along::along(c, &rolled, axis, |_, lane| {
            let mut lane = lane.to_vec();
            if !lane.is_empty() {
                let by = shift.rem_euclid(lane.len() as i64) as usize;
                lane.rotate_right(by);
            }
            [lane]
        });
        rolled = c.tensor(rolled.element, rolled.dims.to_vec(), nodes);
    }
    Ok(Value::Tensor(c.with_dims(&rolled, tensor.dims.to_vec())))
}

fn flip_axis(c: &mut Checker<'_>, args: &Args, axis: i64) -> Checked {
    let axis = c.int(axis);
    flip(
        c,
        Args {
            name: args.name.clone(),
            values: vec![Some(args.at(0)), Some(axis)],
            rest: Vec::new(),
            keywords: Vec::new(),
        },
    )
}

/// Each element several times in a row.
fn repeat_each(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (tensor, axis) = super::along::lane_axis(c, &args, 2, None, &tensor)?;
    let length = tensor.dims.get(axis).map_or(1, |dim| dim.nodes());
    let given = match args.at(1) {
        list @ (Value::List(_) | Value::Tuple(_)) => c.sequence(&list)?,
        single => vec![single; length],
    };
    let mut counts = Vec::new();
    for count in &given {
        match c.constant_int(count).and_then(|count| usize::try_from(count).ok()) {
            Some(count) if count <= crate::check::MAX_ELEMENTS => counts.push(count),
            _ => return c.error(Code::TypeMismatch, "the repeats are known whole numbers", None),
        }
    }
    if counts.len() != length {
        return c.error(Code::ShapeMismatch, "each element needs its number of repeats", None);
    }
    let dims = super::along::with_length(&tensor, axis, counts.iter().sum());
    let dims = if tensor.dims.is_empty() {
        vec![Dim::Size(counts[0])]
    } else {
        dims
    };
    c.check_size(&dims)?;
    let [nodes] = super::along::along(c, &tensor, axis, |_, lane| {
        [lane
            .iter()
            .zip(&counts)
            .flat_map(|(&node, &count)| std::iter::repeat_n(node, count))
            .collect()]
    });
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

fn at_least(c: &mut Checker<'_>, args: &Args, rank: usize) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let missing = rank.saturating_sub(tensor.dims.len());
    let mut dims = vec![Dim::Size(1); missing];
    dims.extend(tensor.dims.iter().copied());
    Ok(Value::Tensor(c.with_dims(&tensor, dims)))
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

pub(super) fn permuted(c: &Checker<'_>, tensor: &Tensor, order: &[usize]) -> Tensor {
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
    let tensor = match axes.iter().any(|&axis| tensor.dims.get(axis) == Some(&Dim::Batch)) {
        true => c.reversed_environments(&tensor)?,
        false => tensor,
    };
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
