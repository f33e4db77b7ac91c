//! Arrays put together, and taken apart along an axis.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, node_count};
use crate::value::{Dim, Element, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch.stack", "tensors dim|axis?", Run(stack)),
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
    entry("torch.unbind Tensor.unbind", "input dim?", Run(unbind)),
    entry(
        "torch.column_stack numpy.column_stack",
        "tensors|tup",
        Run(column_stack),
    ),
    entry("torch.dstack numpy.dstack", "tensors|tup", Run(depth_stack)),
    entry("numpy.append", "arr values axis?", Run(append)),
    entry(
        "torch.split Tensor.split",
        "tensor split_size_or_sections|split_size dim?",
        Run(split_by_size),
    ),
    entry("torch.chunk Tensor.chunk", "input chunks dim?", Run(chunk)),
    entry(
        "torch.tensor_split Tensor.tensor_split",
        "input indices_or_sections dim?",
        Run(split_at),
    ),
    entry(
        "numpy.split numpy.array_split",
        "ary indices_or_sections axis?",
        Run(split_at),
    ),
    entry("numpy.hsplit", "ary indices_or_sections", Run(split_at)),
    entry("torch.meshgrid numpy.meshgrid", "* indexing?", Run(meshgrid)),
];

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
    let front = super::shape::permuted(c, &tensor, &order);
    let items = c.sequence(&Value::Tensor(front))?;
    Ok(Value::tuple(items))
}

/// Flat arrays become columns.
fn column_stack(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensors = several(c, &args)?;
    let columns: Vec<Tensor> = tensors
        .iter()
        .map(|tensor| match *tensor.dims {
            [] => c.with_dims(tensor, vec![Dim::Size(1); 2]),
            [length] => c.with_dims(tensor, vec![length, Dim::Size(1)]),
            _ => tensor.clone(),
        })
        .collect();
    concatenated(c, &columns, 1)
}

fn depth_stack(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensors = several(c, &args)?;
    let deep: Vec<Tensor> = tensors
        .iter()
        .map(|tensor| match *tensor.dims {
            [] => c.with_dims(tensor, vec![Dim::Size(1); 3]),
            [length] => c.with_dims(tensor, vec![Dim::Size(1), length, Dim::Size(1)]),
            [rows, columns] => c.with_dims(tensor, vec![rows, columns, Dim::Size(1)]),
            _ => tensor.clone(),
        })
        .collect();
    concatenated(c, &deep, 2)
}

fn append(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (c.as_tensor(&args.at(0))?, c.as_tensor(&args.at(1))?);
    match args.get(2) {
        Some(axis) => {
            let axis = c.axis_argument(&axis, a.dims.len(), &a)?;
            concatenated(c, &[a, b], axis)
        }
        None => {
            let flat = [a, b].map(|tensor| c.with_dims(&tensor, vec![Dim::Size(tensor.index.len())]));
            concatenated(c, &flat, 0)
        }
    }
}

/// The axis along which an array is taken apart, and its length.
fn split_axis(c: &mut Checker<'_>, args: &Args) -> Checked<(Tensor, usize, usize)> {
    let tensor = c.array_argument(args, &args.at(0))?;
    let axis = match args.get(2) {
        Some(axis) => c.axis_argument(&axis, tensor.dims.len(), &tensor)?,
        None if args.name.ends_with(".hsplit") => usize::from(tensor.dims.len() > 1),
        None => 0,
    };
    match tensor.dims.get(axis) {
        Some(&Dim::Size(length)) => Ok((tensor, axis, length)),
        Some(Dim::Batch) => c.unsupported(
            "the environments of the batch cannot be separated",
            "split a later axis, such as `dim=-1`",
        ),
        None => c.error(Code::ShapeMismatch, "a single number cannot be split", None),
    }
}

/// Views from each bound to the next.
fn parts(c: &mut Checker<'_>, tensor: &Tensor, axis: usize, bounds: &[usize]) -> Value {
    let inner = node_count(&tensor.dims[axis + 1..]);
    let length = tensor.dims[axis].nodes();
    let outer = node_count(&tensor.dims[..axis]);
    let views = bounds.windows(2).map(|bound| {
        let chosen = bound[0]..bound[1].max(bound[0]);
        let positions: Vec<usize> = (0..outer)
            .flat_map(|block| {
                chosen
                    .clone()
                    .flat_map(move |at| (0..inner).map(move |column| (block * length + at) * inner + column))
            })
            .collect();
        Value::Tensor(c.view(
            tensor,
            super::along::with_length(tensor, axis, chosen.len()),
            &positions,
        ))
    });
    Value::tuple(views.collect())
}

fn split_by_size(c: &mut Checker<'_>, args: Args) -> Checked {
    let (tensor, axis, length) = split_axis(c, &args)?;
    let bounds = match args.at(1) {
        sizes @ (Value::List(_) | Value::Tuple(_)) => {
            let mut bounds = vec![0_usize];
            for size in c.sequence(&sizes)? {
                let Some(size) = c.constant_int(&size).and_then(|size| usize::try_from(size).ok()) else {
                    return c.error(Code::TypeMismatch, "the sizes of parts are known whole numbers", None);
                };
                bounds.push(bounds[bounds.len() - 1].saturating_add(size));
            }
            if bounds[bounds.len() - 1] != length {
                return c.error(
                    Code::ShapeMismatch,
                    format!("the parts do not add up to the length {length} of the axis"),
                    None,
                );
            }
            bounds
        }
        size => match c.constant_int(&size) {
            Some(size) if size > 0 => steps(length, size as usize),
            _ => return c.error(Code::TypeMismatch, "the size of a part is a known whole number", None),
        },
    };
    Ok(parts(c, &tensor, axis, &bounds))
}

fn steps(length: usize, size: usize) -> Vec<usize> {
    let mut bounds: Vec<usize> = (0..length.max(1)).step_by(size).collect();
    bounds.push(length);
    bounds
}

fn chunk(c: &mut Checker<'_>, args: Args) -> Checked {
    let (tensor, axis, length) = split_axis(c, &args)?;
    match c.constant_int(&args.at(1)) {
        Some(count) if count > 0 => {
            let size = length.div_ceil(count as usize).max(1);
            Ok(parts(c, &tensor, axis, &steps(length, size)))
        }
        _ => c.error(Code::TypeMismatch, "the number of parts is a known whole number", None),
    }
}

/// Into equal parts, or at the positions of a list.
fn split_at(c: &mut Checker<'_>, args: Args) -> Checked {
    let (tensor, axis, length) = split_axis(c, &args)?;
    let bounds = match args.at(1) {
        positions @ (Value::List(_) | Value::Tuple(_)) => {
            let mut bounds = vec![0];
            for position in c.sequence(&positions)? {
                let Some(position) = c.constant_int(&position) else {
                    return c.error(Code::TypeMismatch, "the positions are known whole numbers", None);
                };
                let position = if position < 0 {
                    position + length as i64
                } else {
                    position
                };
                bounds.push(position.clamp(0, length as i64) as usize);
            }
            bounds.push(length);
            bounds
        }
        count => {
            let count = c.constant_int(&count).and_then(|count| usize::try_from(count).ok());
            let is_exact = matches!(&*args.name, "numpy.split" | "numpy.hsplit");
            let Some(count) = count.filter(|&count| count > 0 && count <= crate::check::MAX_ELEMENTS) else {
                return c.error(Code::TypeMismatch, "the number of parts is a known whole number", None);
            };
            if is_exact && !length.is_multiple_of(count) {
                return c.error(
                    Code::ShapeMismatch,
                    format!("an axis of length {length} has no {count} equal parts"),
                    None,
                );
            }
            // The first parts are one longer where the length does not divide.
            let mut bounds = vec![0];
            for at in 0..count {
                bounds.push(bounds[at] + length / count + usize::from(at < length % count));
            }
            bounds
        }
    };
    Ok(parts(c, &tensor, axis, &bounds))
}

/// Coordinates of a grid: rows first for torch, columns first for NumPy, unless told otherwise.
fn meshgrid(c: &mut Checker<'_>, args: Args) -> Checked {
    let given = match args.rest.as_slice() {
        [list @ (Value::List(_) | Value::Tuple(_))] if !args.is_numpy() => c.sequence(list)?,
        given => given.to_vec(),
    };
    let tensors = given
        .iter()
        .map(|value| c.as_tensor(value))
        .collect::<Checked<Vec<Tensor>>>()?;
    let rows_first = match args.get(0) {
        Some(Value::Str(name)) => &*name == "ij",
        _ => !args.is_numpy(),
    };
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    if !rows_first && order.len() > 1 {
        order.swap(0, 1);
    }
    let mut dims = Vec::new();
    for &at in &order {
        match *tensors[at].dims {
            [Dim::Size(length)] => dims.push(Dim::Size(length)),
            [] => dims.push(Dim::Size(1)),
            _ => return c.unsupported("a grid over other than plain vectors", "give vectors of known length"),
        }
    }
    c.check_size(&dims)?;
    let mut grids = Vec::new();
    for (at, tensor) in tensors.iter().enumerate() {
        let axis = order.iter().position(|&other| other == at).unwrap_or(at);
        let shape = (0..dims.len())
            .map(|other| if other == axis { dims[other] } else { Dim::Size(1) })
            .collect::<Vec<_>>();
        let positions = crate::check::broadcast_index(&shape, &dims);
        let nodes = c.elements(tensor);
        let nodes = positions.into_iter().map(|position| nodes[position]).collect();
        grids.push(c.tensor_value(tensor.element, dims.clone(), nodes));
    }
    Ok(Value::tuple(grids))
}
