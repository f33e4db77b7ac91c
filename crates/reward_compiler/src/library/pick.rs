//! Elements chosen by positions or masks: `gather`, `take`, `masked_fill`.
//!
//! A position that is known only at run time becomes a chain of selects over the elements of its axis. Where it is not
//! provably within the axis, as what `argmax` or `clamp` gives, the program stops at run time as Python would.

use super::Behaviour::Run;
use super::along::{lane_axis, with_length};
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast_index, node_count};
use crate::ir::{Binary, NodeId, Op, Unary};
use crate::value::{Dim, Element, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.gather Tensor.gather",
        "input dim index | sparse_grad?",
        Run(gather),
    ),
    entry(
        "torch.take_along_dim Tensor.take_along_dim",
        "input indices dim?",
        Run(take_along),
    ),
    entry("numpy.take_along_axis", "arr indices axis?", Run(take_along)),
    entry(
        "torch.index_select Tensor.index_select",
        "input dim index",
        Run(index_select),
    ),
    entry("torch.select Tensor.select", "input dim index", Run(select)),
    entry("torch.narrow Tensor.narrow", "input dim start length", Run(narrow)),
    entry("torch.take Tensor.take", "input index", Run(take)),
    entry("numpy.take ndarray.take", "a indices axis? mode?", Run(take)),
    entry(
        "torch.masked_fill Tensor.masked_fill",
        "input mask value",
        Run(masked_fill),
    ),
    entry("numpy.select", "condlist choicelist default?", Run(first_that_holds)),
    entry("numpy.choose", "a choices", Run(choose)),
    entry(
        "torch.masked_select Tensor.masked_select numpy.compress numpy.extract",
        "input mask",
        Run(|c, args| unknown_length(c, &args)),
    ),
    entry(
        "torch.nonzero Tensor.nonzero numpy.nonzero ndarray.nonzero torch.argwhere numpy.argwhere numpy.flatnonzero \
         torch.unique Tensor.unique numpy.unique",
        "input * **",
        Run(|c, args| unknown_length(c, &args)),
    ),
];

fn unknown_length(c: &mut Checker<'_>, args: &Args) -> Checked {
    let shown = super::shown_name(&args.name).to_owned();
    c.unsupported(
        &format!("`{shown}` gives an array whose length is known only at run time"),
        "choose with `where(mask, x, 0.0)`, or count with `.sum(dim=-1)`",
    )
}

/// Smallest and largest whole number that a position can be, where the graph shows it.
fn bounds(c: &Checker<'_>, node: NodeId) -> Option<(f64, f64)> {
    let mut known = std::collections::HashMap::new();
    bounds_of(c, node, &mut known)
}

fn bounds_of(
    c: &Checker<'_>,
    node: NodeId,
    known: &mut std::collections::HashMap<NodeId, Option<(f64, f64)>>,
) -> Option<(f64, f64)> {
    if let Some(&bounds) = known.get(&node) {
        return bounds;
    }
    const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
    let bounds = match c.graph.node(node).op {
        Op::Const(bits) => Some((f64::from_bits(bits), f64::from_bits(bits))),
        Op::Select(_, a, b) => {
            let (a, b) = (bounds_of(c, a, known), bounds_of(c, b, known));
            a.zip(b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)))
        }
        Op::Convert(a) if c.graph.node(a).ty == crate::ir::Type::Bool => Some((0.0, 1.0)),
        Op::Unary(Unary::Trunc | Unary::Floor | Unary::Ceil | Unary::Round, a) => {
            bounds_of(c, a, known).map(|(low, high)| (low.floor(), high.ceil()))
        }
        Op::Binary(Binary::Add, a, b) => {
            let (a, b) = (bounds_of(c, a, known), bounds_of(c, b, known));
            a.zip(b).map(|(a, b)| (a.0 + b.0, a.1 + b.1))
        }
        Op::Binary(Binary::Max, a, b) => {
            let [a, b] = [a, b].map(|side| bounds_of(c, side, known).unwrap_or(FREE));
            Some((a.0.max(b.0), a.1.max(b.1)))
        }
        Op::Binary(Binary::Min, a, b) => {
            let [a, b] = [a, b].map(|side| bounds_of(c, side, known).unwrap_or(FREE));
            Some((a.0.min(b.0), a.1.min(b.1)))
        }
        _ => None,
    };
    let bounds = bounds.filter(|(low, high)| low.is_finite() || high.is_finite());
    known.insert(node, bounds);
    bounds
}

impl Checker<'_> {
    /// The element at a position (a whole number on an F64 node; from the end if negative).
    pub(crate) fn element_at(&mut self, lane: &[NodeId], position: NodeId) -> Checked<NodeId> {
        let length = lane.len() as f64;
        if let Some(known) = self.graph.constant_value(position) {
            let at = if known < 0.0 { known + length } else { known };
            return match lane.get(at as usize).filter(|_| at >= 0.0) {
                Some(&node) => Ok(node),
                None => self.error(
                    Code::ShapeMismatch,
                    format!("index {known} is beyond the end of an axis of length {}", lane.len()),
                    None,
                ),
            };
        }
        if lane.is_empty() {
            return self.error(Code::ShapeMismatch, "an empty axis has no elements to choose", None);
        }
        let known = bounds(self, position);
        if !known.is_some_and(|(low, high)| low >= -length && high < length) {
            let [first, last] = [-length, length - 1.0].map(|bound| self.constant_like(position, bound));
            let is_before = self.less(position, first);
            let is_behind = self.less(last, position);
            let is_outside = self.or(is_before, is_behind);
            self.fault(
                is_outside,
                format!("IndexError: the index is beyond the end of an axis of length {length}"),
            )?;
        }
        self.reserve(3 * lane.len())?;
        let zero = self.constant_like(position, 0.0);
        let count = self.constant_like(position, length);
        let is_negative = self.less(position, zero);
        let from_end = self.add(position, count);
        let position = match known {
            Some((low, _)) if low >= 0.0 => position,
            _ => self.select(is_negative, from_end, position),
        };
        let mut chosen = lane[0];
        for (at, &node) in lane.iter().enumerate().skip(1) {
            let here = self.constant_like(position, at as f64);
            let is_here = self.binary(Binary::Eq, position, here);
            chosen = self.select(is_here, node, chosen);
        }
        Ok(chosen)
    }
}

fn positions_argument(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<Tensor> {
    let index = c.as_tensor(&args.at(at))?;
    if index.element == Element::I64 {
        return Ok(index);
    }
    c.error(
        Code::TypeMismatch,
        format!("positions are whole numbers, not {index}"),
        "convert them with `.long()`".to_owned(),
    )
}

/// `out[i][j] = x[i][index[i][j]]` along an axis: each lane of `index` chooses from the lane of `x` at the same place.
fn gather(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let index = positions_argument(c, &args, 2)?;
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    if index.dims.len() != tensor.dims.len() {
        return c.error(
            Code::ShapeMismatch,
            format!("`gather` needs an index with as many axes as {tensor}, not {index}"),
            "give it another axis with `.unsqueeze(-1)`".to_owned(),
        );
    }
    let fits = (0..tensor.dims.len()).all(|at| match (tensor.dims[at], index.dims[at]) {
        _ if at == axis => index.dims[at] != Dim::Batch,
        (Dim::Size(size), Dim::Size(wanted)) => wanted <= size,
        (a, b) => a == b,
    });
    if !fits {
        return c.error(
            Code::ShapeMismatch,
            format!("the index {index} does not fit {tensor}"),
            None,
        );
    }
    let xs = c.elements(&tensor);
    let is = c.elements(&index);
    let mut nodes = Vec::with_capacity(is.len());
    for (at, &position) in is.iter().enumerate() {
        // Place of this element, axis by axis, and the lane of the other array through it.
        let mut rest = at;
        let mut base = 0;
        let mut stride = 1;
        let mut lane_stride = 1;
        for which in (0..index.dims.len()).rev() {
            let size = index.dims[which].nodes();
            let place = rest % size;
            rest /= size;
            if which == axis {
                lane_stride = stride;
            } else {
                base += place * stride;
            }
            stride *= tensor.dims[which].nodes();
        }
        let length = tensor.dims.get(axis).map_or(1, |dim| dim.nodes());
        let lane: Vec<NodeId> = (0..length).map(|k| xs[base + k * lane_stride]).collect();
        nodes.push(c.element_at(&lane, position)?);
    }
    Ok(c.tensor_value(tensor.element, index.dims.to_vec(), nodes))
}

/// `gather` with the other axes broadcast.
fn take_along(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let index = positions_argument(c, &args, 1)?;
    let default = args.is_numpy().then_some(-1);
    let (tensor, axis) = lane_axis(c, &args, 2, default, &tensor)?;
    if index.dims.len() != tensor.dims.len() {
        return c.error(
            Code::ShapeMismatch,
            format!("an index with as many axes as {tensor} is needed, not {index}"),
            None,
        );
    }
    let mut dims = Vec::new();
    for at in 0..tensor.dims.len() {
        dims.push(match (tensor.dims[at], index.dims[at]) {
            (_, wanted) if at == axis => wanted,
            (a, b) if a == b || b == Dim::Size(1) => a,
            (Dim::Size(1), b) => b,
            _ => {
                return c.error(
                    Code::ShapeMismatch,
                    format!("the index {index} does not fit {tensor}"),
                    None,
                );
            }
        });
    }
    let mut wide = dims.clone();
    if axis < wide.len() {
        wide[axis] = tensor.dims[axis];
    }
    c.check_size(&dims)?;
    let spread = |c: &Checker<'_>, tensor: &Tensor, dims: &[Dim]| {
        let positions = broadcast_index(&tensor.dims, dims);
        c.view(tensor, dims.to_vec(), &positions)
    };
    let (tensor, index) = (spread(c, &tensor, &wide), spread(c, &index, &dims));
    let axis_value = c.int(axis as i64);
    let gathered = Args {
        name: "torch.gather".into(),
        values: vec![
            Some(Value::Tensor(tensor)),
            Some(axis_value),
            Some(Value::Tensor(index)),
        ],
        rest: Vec::new(),
        keywords: Vec::new(),
    };
    gather(c, gathered)
}

/// Slices of an axis at several positions.
fn chosen_slices(c: &mut Checker<'_>, tensor: &Tensor, axis: usize, index: &Tensor) -> Checked {
    let positions = c.elements(index);
    let mut failed = false;
    let [nodes] = super::along::along(c, tensor, axis, |c, lane| {
        let mut chosen = Vec::with_capacity(positions.len());
        for &position in &positions {
            match c.element_at(lane, position) {
                Ok(node) => chosen.push(node),
                Err(_) => {
                    failed = true;
                    chosen.push(lane.first().copied().unwrap_or(position));
                }
            }
        }
        [chosen]
    });
    if failed {
        return Err(crate::check::Reported);
    }
    let mut dims = with_length(tensor, axis, positions.len());
    if axis < dims.len() {
        dims.splice(axis..=axis, index.dims.iter().copied());
    } else {
        dims = index.dims.to_vec();
    }
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

fn index_select(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    let index = positions_argument(c, &args, 2)?;
    if index.dims.len() > 1 || index.is_batched() {
        return c.error(
            Code::ShapeMismatch,
            format!("`index_select` takes a vector of positions, not {index}"),
            "use `torch.gather` for positions that differ between environments".to_owned(),
        );
    }
    let index = match index.dims.is_empty() {
        true => c.with_dims(&index, vec![Dim::Size(1)]),
        false => index,
    };
    chosen_slices(c, &tensor, axis, &index)
}

/// From the flat array, or slices along an axis.
fn take(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(3).is_some() {
        return c.unsupported("`mode`", "keep the positions within the axis with `np.clip`");
    }
    let tensor = c.array_argument(&args, &args.at(0))?;
    let index = positions_argument(c, &args, 1)?;
    let (tensor, axis) = lane_axis(c, &args, 2, None, &tensor)?;
    if index.is_batched() {
        return c.unsupported(
            "positions that differ between environments",
            "use `torch.gather(x, 1, index)`",
        );
    }
    chosen_slices(c, &tensor, axis, &index)
}

/// A view at one position of an axis.
fn select(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    let length = tensor.dims.get(axis).map_or(0, |dim| dim.nodes()) as i64;
    match c.constant_int(&args.at(2)) {
        Some(at) if (-length..length).contains(&at) => {
            let at = if at < 0 { at + length } else { at } as usize;
            let view = part(c, &tensor, axis, at, 1);
            let mut dims = view.dims.to_vec();
            dims.remove(axis);
            Ok(Value::Tensor(c.with_dims(&view, dims)))
        }
        _ => c.error(
            Code::ShapeMismatch,
            format!("`select` takes a known position below {length}"),
            None,
        ),
    }
}

fn narrow(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    let length = tensor.dims.get(axis).map_or(0, |dim| dim.nodes()) as i64;
    let start = c.constant_int(&args.at(2));
    let start = start.map(|start| if start < 0 { start + length } else { start });
    match (start, c.constant_int(&args.at(3))) {
        (Some(start), Some(count)) if start >= 0 && count >= 0 && start + count <= length => {
            Ok(Value::Tensor(part(c, &tensor, axis, start as usize, count as usize)))
        }
        _ => c.error(
            Code::ShapeMismatch,
            format!("this part is not within an axis of length {length}"),
            None,
        ),
    }
}

fn part(c: &Checker<'_>, tensor: &Tensor, axis: usize, start: usize, count: usize) -> Tensor {
    let length = tensor.dims[axis].nodes();
    let inner = node_count(&tensor.dims[axis + 1..]);
    let positions: Vec<usize> = (0..tensor.index.len())
        .filter(|at| (start..start + count).contains(&(at / inner % length)))
        .collect();
    c.view(tensor, with_length(tensor, axis, count), &positions)
}

fn masked_fill(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let mask = c.array_argument(&args, &args.at(1))?;
    if mask.element != Element::Bool {
        return c.error(
            Code::TypeMismatch,
            format!("a mask holds truth values, and this is {mask}"),
            "compare first, such as `x > 0`".to_owned(),
        );
    }
    let value = c.as_tensor(&args.at(2))?;
    if !value.dims.is_empty() {
        return c.error(
            Code::ShapeMismatch,
            format!("`masked_fill` fills with one number, not with {value}"),
            "use `torch.where(mask, value, x)`".to_owned(),
        );
    }
    let kept = Value::Tensor(tensor.clone());
    let mask = Value::Tensor(mask);
    let (dims, rows) = c.broadcast_operands("`masked_fill`", &[&mask], Element::Bool)?;
    let conditions = c.tensor(Element::Bool, dims, rows[0].clone());
    let shape = Value::Tensor(conditions.clone());
    let (dims, rows) = c.broadcast_operands("`masked_fill`", &[&kept, &shape], tensor.element)?;
    let conditions = {
        let nodes = c.elements(&conditions);
        broadcast_index(&conditions.dims, &dims)
            .into_iter()
            .map(|at| nodes[at])
            .collect::<Vec<_>>()
    };
    let value = c.cast(&value, tensor.element);
    let new = c.elements(&value)[0];
    let nodes = rows[0]
        .iter()
        .zip(conditions)
        .map(|(&old, condition)| c.select(condition, new, old))
        .collect();
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

/// The first choice whose condition holds.
fn first_that_holds(c: &mut Checker<'_>, args: Args) -> Checked {
    let (conditions, choices) = (c.sequence(&args.at(0))?, c.sequence(&args.at(1))?);
    if conditions.len() != choices.len() || conditions.is_empty() {
        return c.error(
            Code::WrongArguments,
            "`np.select` needs one choice for each condition",
            None,
        );
    }
    let mut result = match args.get(2) {
        Some(default) => default,
        None => c.int(0),
    };
    for (condition, choice) in conditions.iter().zip(&choices).rev() {
        let call = crate::check::Arguments {
            positional: vec![condition.clone(), choice.clone(), result],
            keywords: Vec::new(),
        };
        result = c.call_library(&"numpy.where".into(), call)?;
    }
    Ok(result)
}

fn choose(c: &mut Checker<'_>, args: Args) -> Checked {
    let index = positions_argument(c, &args, 0)?;
    let choices = c.sequence(&args.at(1))?;
    let index_value = Value::Tensor(index);
    let mut operands: Vec<&Value> = choices.iter().collect();
    let element = c.promote(&operands);
    operands.push(&index_value);
    let (dims, rows) = c.broadcast_operands("`choose`", &operands, element)?;
    let (_, positions) = c.broadcast_operands("`choose`", &operands, Element::I64)?;
    let mut nodes = Vec::new();
    for (at, &position) in positions[choices.len()].iter().enumerate() {
        let lane: Vec<NodeId> = rows[..choices.len()].iter().map(|row| row[at]).collect();
        nodes.push(c.element_at(&lane, position)?);
    }
    Ok(c.tensor_value(element, dims, nodes))
}
