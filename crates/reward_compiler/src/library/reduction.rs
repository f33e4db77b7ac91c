//! Functions that make fewer numbers out of many: sums, means, norms, extremes.
//!
//! A reduction that includes the batch axis mixes environments. It keeps torch's meaning and is flagged, because a robot's
//! reward should seldom depend on what the other robots do.

use carrot_reward_interface::Dialect;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, node_count};
use crate::ir::{Binary, NodeId, Reduction, Type, Unary};
use crate::value::{Dim, Element, ScalarKind, Tensor, Tuple, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.sum Tensor.sum",
        "input dim|axis? keepdim|keepdims? | dtype?",
        Run(sum),
    ),
    entry("numpy.sum ndarray.sum", "a axis? | keepdims? dtype?", Run(sum)),
    entry(
        "torch.mean Tensor.mean",
        "input dim|axis? keepdim|keepdims? | dtype?",
        Run(mean),
    ),
    entry("numpy.mean ndarray.mean", "a axis? | keepdims? dtype?", Run(mean)),
    entry("numpy.average", "a axis? weights? | keepdims?", Run(average)),
    entry(
        "torch.logsumexp Tensor.logsumexp torch.special.logsumexp",
        "input dim|axis keepdim|keepdims?",
        Run(log_sum_exp),
    ),
    entry("scipy.special.logsumexp", "a axis? | keepdims?", Run(log_sum_exp)),
    entry("numpy.ptp", "a axis? | keepdims?", Run(peak_to_peak)),
    entry(
        "torch.aminmax Tensor.aminmax",
        "input | dim|axis? keepdim?",
        Run(both_extremes),
    ),
    entry(
        "torch.nansum Tensor.nansum numpy.nansum",
        "input|a dim|axis? keepdim|keepdims?",
        Run(|c, args| skip_nan(c, args, 0.0, sum)),
    ),
    entry(
        "numpy.nanmax numpy.fmax.reduce",
        "a axis? | keepdims?",
        Run(|c, args| {
            skip_nan(c, args, f64::NEG_INFINITY, |c, args| {
                extreme_values(c, &args, Reduction::Max)
            })
        }),
    ),
    entry(
        "numpy.nanmin numpy.fmin.reduce",
        "a axis? | keepdims?",
        Run(|c, args| {
            skip_nan(c, args, f64::INFINITY, |c, args| {
                extreme_values(c, &args, Reduction::Min)
            })
        }),
    ),
    entry(
        "torch.nanmean Tensor.nanmean numpy.nanmean",
        "input|a dim|axis? keepdim|keepdims?",
        Run(nan_mean),
    ),
    entry("torch.dist Tensor.dist", "input other p?", Run(distance)),
    entry(
        "numpy.maximum.reduce",
        "a axis? | keepdims?",
        Run(|c, args| reduce_first_axis(c, args, |c, args| extreme_values(c, &args, Reduction::Max))),
    ),
    entry(
        "numpy.minimum.reduce",
        "a axis? | keepdims?",
        Run(|c, args| reduce_first_axis(c, args, |c, args| extreme_values(c, &args, Reduction::Min))),
    ),
    entry(
        "numpy.logical_and.reduce",
        "a axis? | keepdims?",
        Run(|c, args| reduce_first_axis(c, args, |c, args| truth(c, &args, Reduction::Min))),
    ),
    entry(
        "numpy.logical_or.reduce",
        "a axis? | keepdims?",
        Run(|c, args| reduce_first_axis(c, args, |c, args| truth(c, &args, Reduction::Max))),
    ),
    entry(
        "numpy.multiply.reduce",
        "a axis? | keepdims?",
        Run(|c, args| reduce_first_axis(c, args, product)),
    ),
    entry(
        "torch.prod Tensor.prod",
        "input dim|axis? keepdim|keepdims? | dtype?",
        Run(product),
    ),
    entry("numpy.prod ndarray.prod", "a axis? | keepdims?", Run(product)),
    entry(
        "torch.max Tensor.max",
        "input dim|axis|other? keepdim|keepdims?",
        Run(|c, args| extreme(c, &args, Reduction::Max)),
    ),
    entry(
        "torch.min Tensor.min",
        "input dim|axis|other? keepdim|keepdims?",
        Run(|c, args| extreme(c, &args, Reduction::Min)),
    ),
    entry(
        "torch.amax Tensor.amax",
        "input dim|axis? keepdim|keepdims?",
        Run(|c, args| extreme_values(c, &args, Reduction::Max)),
    ),
    entry(
        "torch.amin Tensor.amin",
        "input dim|axis? keepdim|keepdims?",
        Run(|c, args| extreme_values(c, &args, Reduction::Min)),
    ),
    entry(
        "numpy.max numpy.amax ndarray.max",
        "a axis? | keepdims?",
        Run(|c, args| extreme_values(c, &args, Reduction::Max)),
    ),
    entry(
        "numpy.min numpy.amin ndarray.min",
        "a axis? | keepdims?",
        Run(|c, args| extreme_values(c, &args, Reduction::Min)),
    ),
    entry(
        "torch.argmax Tensor.argmax",
        "input dim|axis? keepdim?",
        Run(|c, args| position_of_extreme(c, &args, Reduction::Max)),
    ),
    entry(
        "torch.argmin Tensor.argmin",
        "input dim|axis? keepdim?",
        Run(|c, args| position_of_extreme(c, &args, Reduction::Min)),
    ),
    entry(
        "numpy.argmax ndarray.argmax",
        "a axis? | keepdims?",
        Run(|c, args| position_of_extreme(c, &args, Reduction::Max)),
    ),
    entry(
        "numpy.argmin ndarray.argmin",
        "a axis? | keepdims?",
        Run(|c, args| position_of_extreme(c, &args, Reduction::Min)),
    ),
    entry(
        "torch.any Tensor.any",
        "input dim|axis? keepdim?",
        Run(|c, args| truth(c, &args, Reduction::Max)),
    ),
    entry(
        "torch.all Tensor.all",
        "input dim|axis? keepdim?",
        Run(|c, args| truth(c, &args, Reduction::Min)),
    ),
    entry(
        "numpy.any ndarray.any",
        "a axis? | keepdims?",
        Run(|c, args| truth(c, &args, Reduction::Max)),
    ),
    entry(
        "numpy.all ndarray.all",
        "a axis? | keepdims?",
        Run(|c, args| truth(c, &args, Reduction::Min)),
    ),
    entry("torch.count_nonzero", "input dim?", Run(count_nonzero)),
    entry("numpy.count_nonzero", "a axis? | keepdims?", Run(count_nonzero)),
    entry(
        "torch.var Tensor.var",
        "input dim|axis? unbiased? keepdim? | correction?",
        Run(|c, args| spread(c, &args, false)),
    ),
    entry(
        "torch.std Tensor.std",
        "input dim|axis? unbiased? keepdim? | correction?",
        Run(|c, args| spread(c, &args, true)),
    ),
    entry(
        "numpy.var ndarray.var",
        "a axis? | keepdims? unused? ddof?",
        Run(|c, args| spread(c, &args, false)),
    ),
    entry(
        "numpy.std ndarray.std",
        "a axis? | keepdims? unused? ddof?",
        Run(|c, args| spread(c, &args, true)),
    ),
];

/// The elements that are combined into each element of the result.
pub(super) struct Groups {
    pub(super) dims: Vec<Dim>,
    pub(super) groups: Vec<Vec<NodeId>>,
    /// Whether the batch axis is among those reduced.
    pub(super) over_batch: bool,
}

/// Axes named by an argument: a number, several, or all.
pub(super) fn axes(c: &mut Checker<'_>, tensor: &Tensor, argument: Option<Value>) -> Checked<Vec<usize>> {
    let rank = tensor.dims.len();
    let numbers = match argument {
        None => return Ok((0..rank).collect()),
        Some(value @ (Value::Tuple(_) | Value::List(_))) => c.sequence(&value)?,
        Some(value) => vec![value],
    };
    if numbers.is_empty() {
        return c.unsupported(
            "a reduction over an empty list of axes",
            "name the axes, or leave them out",
        );
    }
    let mut axes = Vec::new();
    for number in numbers {
        let Some(axis) = c.constant_int(&number) else {
            let found = c.describe(&number);
            return c.error(
                Code::TypeMismatch,
                format!("an axis is a whole number, not {found}"),
                None,
            );
        };
        let axis = c.axis(axis, rank, tensor)?;
        if axes.contains(&axis) {
            return c.error(Code::ShapeMismatch, format!("axis {axis} is named twice"), None);
        }
        // An array without axes has nothing to reduce.
        if axis < rank {
            axes.push(axis);
        }
    }
    Ok(axes)
}

pub(super) fn groups(c: &mut Checker<'_>, tensor: &Tensor, axes: &[usize], keeps: bool) -> Groups {
    let nodes = c.elements(tensor);
    let mut dims = Vec::new();
    let mut groups: Vec<Vec<usize>> = vec![vec![0]];
    for (axis, &dim) in tensor.dims.iter().enumerate() {
        let stride = node_count(&tensor.dims[axis + 1..]);
        let steps = (0..dim.nodes()).map(|at| at * stride);
        if axes.contains(&axis) {
            if keeps {
                dims.push(Dim::Size(1));
            }
            for group in &mut groups {
                *group = group
                    .iter()
                    .flat_map(|&base| steps.clone().map(move |step| base + step))
                    .collect();
            }
        } else {
            dims.push(dim);
            groups = groups
                .iter()
                .flat_map(|group| {
                    steps
                        .clone()
                        .map(move |step| group.iter().map(|base| base + step).collect())
                })
                .collect();
        }
    }
    let over_batch = axes.iter().any(|&axis| tensor.dims[axis] == Dim::Batch);
    let groups = groups
        .iter()
        .map(|group| group.iter().map(|&at| nodes[at]).collect())
        .collect();
    Groups {
        dims,
        groups,
        over_batch,
    }
}

/// Reads the usual arguments and warns when environments are mixed.
pub(super) fn grouped(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize) -> Checked<Groups> {
    grouped_at(c, args, tensor, axis_at, axis_at + 1)
}

fn grouped_at(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize, keeps_at: usize) -> Checked<Groups> {
    let axes = axes(c, tensor, args.get(axis_at))?;
    let keeps = c.flag(args.get(keeps_at))?;
    let groups = groups(c, tensor, &axes, keeps);
    c.reserve(tensor.index.len())?;
    if groups.over_batch {
        let name = super::shown_name(&args.name).to_owned();
        let (help, fix) = match tensor.dims.len() {
            1 => (
                "this array already has one number per environment; leave the reduction out",
                c.leaving_out_call(),
            ),
            2 => ("reduce over the last axis with `dim=-1`", c.adding_last_axis()),
            _ => ("reduce over the last axis with `dim=-1`", None),
        };
        let _: Checked = c.fixable(
            Code::BatchLeak,
            format!("`{name}` over {tensor} mixes all environments of the batch"),
            help.to_owned(),
            fix,
        );
    }
    Ok(groups)
}

/// Combines each group, and the batch where it belongs to the group.
pub(super) fn fold(
    c: &mut Checker<'_>,
    groups: Groups,
    element: Element,
    reduction: Reduction,
    mut combine: impl FnMut(&mut Checker<'_>, &[NodeId]) -> NodeId,
) -> Value {
    let mut nodes = Vec::with_capacity(groups.groups.len());
    for group in &groups.groups {
        let node = combine(c, group);
        nodes.push(if groups.over_batch {
            c.reduce(reduction, node)
        } else {
            node
        });
    }
    c.tensor_value(element, groups.dims, nodes)
}

fn number_element(element: Element) -> Element {
    if element == Element::Bool {
        Element::I64
    } else {
        element
    }
}

pub(super) fn float_element(c: &Checker<'_>, element: Element) -> Element {
    if element.is_float() {
        element
    } else {
        c.scalar_element(ScalarKind::Float)
    }
}

fn with_dtype(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<Tensor> {
    let tensor = c.array_argument(args, &args.at(0))?;
    match args.get(at) {
        Some(element) => {
            let element = c.element_argument(&element)?;
            Ok(c.cast(&tensor, element))
        }
        None => Ok(tensor),
    }
}

fn sum(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = with_dtype(c, &args, 3)?;
    let tensor = c.cast(&tensor, number_element(tensor.element));
    let groups = grouped(c, &args, &tensor, 1)?;
    let ty = tensor.element.ty();
    Ok(fold(c, groups, tensor.element, Reduction::Sum, |c, nodes| {
        c.sum(ty, nodes)
    }))
}

fn mean(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = with_dtype(c, &args, 3)?;
    if c.dialect == Dialect::Torch && !tensor.element.is_float() {
        return c.error(
            Code::TypeMismatch,
            format!("`mean` needs floats, not {tensor}"),
            "convert first, such as `x.float().mean(dim=-1)`".to_owned(),
        );
    }
    refuse_axis_of_number(c, &args, &tensor, 1)?;
    let element = float_element(c, tensor.element);
    let tensor = c.cast(&tensor, element);
    let groups = grouped(c, &args, &tensor, 1)?;
    Ok(mean_of(c, groups, element))
}

/// NumPy's sums and extremes take axis 0 of a single number; these functions do not.
pub(super) fn refuse_axis_of_number(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize) -> Checked<()> {
    if args.is_numpy() && tensor.dims.is_empty() && args.get(axis_at).is_some() {
        return c.error(Code::ShapeMismatch, "a single number has no axes", None);
    }
    Ok(())
}

fn mean_of(c: &mut Checker<'_>, groups: Groups, element: Element) -> Value {
    let count = group_size(c, &groups, element, 0.0);
    let (dims, sums) = sums(c, groups, element);
    let nodes = sums.into_iter().map(|sum| c.div(sum, count)).collect();
    c.tensor_value(element, dims, nodes)
}

/// Number of values in each group, less `correction`.
fn group_size(c: &mut Checker<'_>, groups: &Groups, element: Element, correction: f64) -> NodeId {
    let per_environment = groups.groups.first().map_or(0, Vec::len) as f64;
    let size = c.constant(Type::F64, per_environment);
    let size = if groups.over_batch {
        let environments = c.graph.batch_size(c.here);
        c.mul(environments, size)
    } else {
        size
    };
    let size = if correction == 0.0 {
        size
    } else {
        let correction = c.constant(Type::F64, correction);
        c.sub(size, correction)
    };
    c.convert(size, element.ty())
}

fn sums(c: &mut Checker<'_>, groups: Groups, element: Element) -> (Vec<Dim>, Vec<NodeId>) {
    let mut nodes = Vec::with_capacity(groups.groups.len());
    for group in &groups.groups {
        let sum = c.sum(element.ty(), group);
        nodes.push(if groups.over_batch {
            c.reduce(Reduction::Sum, sum)
        } else {
            sum
        });
    }
    (groups.dims, nodes)
}

fn product(c: &mut Checker<'_>, args: Args) -> Checked {
    if !args.is_numpy() {
        one_axis(c, &args)?;
    }
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = c.cast(&tensor, number_element(tensor.element));
    let groups = grouped(c, &args, &tensor, 1)?;
    if groups.over_batch {
        return c.unsupported(
            "a product over all environments",
            "multiply along the last axis with `dim=-1`",
        );
    }
    let ty = tensor.element.ty();
    Ok(fold(c, groups, tensor.element, Reduction::Sum, |c, nodes| {
        let one = c.constant(ty, 1.0);
        nodes
            .iter()
            .copied()
            .reduce(|product, node| c.mul(product, node))
            .unwrap_or(one)
    }))
}

fn binary_of(reduction: Reduction) -> Binary {
    match reduction {
        Reduction::Max => Binary::Max,
        _ => Binary::Min,
    }
}

/// `torch.max`: all elements; two arrays; or an axis, which also gives positions.
fn extreme(c: &mut Checker<'_>, args: &Args, reduction: Reduction) -> Checked {
    match args.get(1) {
        None => extreme_values(c, args, reduction),
        Some(Value::Tensor(other)) => {
            let a = Value::Tensor(c.array_argument(args, &args.at(0))?);
            let b = Value::Tensor(other);
            let element = c.promote(&[&a, &b]);
            let (dims, rows) =
                c.broadcast_operands(super::shown_name(&args.name), &[&a, &b], number_element(element))?;
            let nodes = rows[0]
                .iter()
                .zip(&rows[1])
                .map(|(&a, &b)| c.binary(binary_of(reduction), a, b))
                .collect();
            let chosen = c.tensor(number_element(element), dims, nodes);
            Ok(Value::Tensor(c.cast(&chosen, element)))
        }
        Some(_) => {
            one_axis(c, args)?;
            let values = extreme_values(c, args, reduction)?;
            let positions = position_of_extreme(c, args, reduction)?;
            Ok(Value::Tuple(Tuple {
                items: [values, positions].into(),
                fields: &["values", "indices"],
            }))
        }
    }
}

/// Some of torch's functions take a single axis only.
fn one_axis(c: &mut Checker<'_>, args: &Args) -> Checked<()> {
    match args.get(1) {
        Some(Value::Tuple(_) | Value::List(_)) => c.error(
            Code::TypeMismatch,
            format!("`{}` takes one axis only", super::shown_name(&args.name)),
            "reduce one axis after the other".to_owned(),
        ),
        _ => Ok(()),
    }
}

pub(super) fn nonempty(c: &mut Checker<'_>, groups: &Groups) -> Checked<()> {
    match groups.groups.iter().all(|group| !group.is_empty()) {
        true => Ok(()),
        false => c.error(
            Code::ShapeMismatch,
            "an empty array has no largest or smallest element",
            None,
        ),
    }
}

fn extreme_values(c: &mut Checker<'_>, args: &Args, reduction: Reduction) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let is_bool = tensor.element == Element::Bool;
    let tensor = c.cast(&tensor, number_element(tensor.element));
    let groups = grouped(c, args, &tensor, 1)?;
    nonempty(c, &groups)?;
    let op = binary_of(reduction);
    let value = fold(c, groups, tensor.element, reduction, |c, nodes| {
        nodes[1..].iter().fold(nodes[0], |best, &node| c.binary(op, best, node))
    });
    match value {
        Value::Tensor(tensor) if is_bool => Ok(Value::Tensor(c.cast(&tensor, Element::Bool))),
        value => Ok(value),
    }
}

/// Position of the first largest or smallest element; a NaN counts as such.
fn position_of_extreme(c: &mut Checker<'_>, args: &Args, reduction: Reduction) -> Checked {
    if !args.is_numpy() || matches!(args.get(1), Some(Value::Tuple(_))) {
        one_axis(c, args)?;
    }
    let tensor = c.array_argument(args, &args.at(0))?;
    let tensor = c.cast(&tensor, number_element(tensor.element));
    let axes = axes(c, &tensor, args.get(1))?;
    let keeps = c.flag(args.get(2))?;
    let groups = groups(c, &tensor, &axes, keeps);
    nonempty(c, &groups)?;
    if groups.over_batch {
        return c.unsupported(
            "the position of an extreme over all environments",
            "search along the last axis with `dim=-1`",
        );
    }
    Ok(fold(c, groups, Element::I64, reduction, |c, nodes| {
        let mut best = nodes[0];
        let mut position = c.constant(Type::F64, 0.0);
        for (at, &node) in nodes.iter().enumerate().skip(1) {
            let improves = match reduction {
                Reduction::Max => c.less(best, node),
                _ => c.less(node, best),
            };
            let is_nan = c.binary(Binary::Ne, node, node);
            let best_is_number = c.binary(Binary::Eq, best, best);
            let first_nan = c.and(is_nan, best_is_number);
            let improves = c.or(improves, first_nan);
            let here = c.constant(Type::F64, at as f64);
            best = c.select(improves, node, best);
            position = c.select(improves, here, position);
        }
        position
    }))
}

/// `any` is the largest truth value, `all` the smallest.
fn truth(c: &mut Checker<'_>, args: &Args, reduction: Reduction) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let tensor = c.cast(&tensor, Element::Bool);
    let groups = grouped(c, args, &tensor, 1)?;
    let mut nodes = Vec::new();
    for group in &groups.groups {
        let neutral = c.constant(Type::Bool, f64::from(reduction == Reduction::Min));
        let node = group.iter().fold(neutral, |known, &node| match reduction {
            Reduction::Max => c.or(known, node),
            _ => c.and(known, node),
        });
        nodes.push(if groups.over_batch {
            let number = c.convert(node, Type::F64);
            let number = c.reduce(reduction, number);
            c.is_nonzero(number)
        } else {
            node
        });
    }
    Ok(c.tensor_value(Element::Bool, groups.dims, nodes))
}

fn count_nonzero(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = c.cast(&tensor, Element::Bool);
    let tensor = c.cast(&tensor, Element::I64);
    let groups = grouped(c, &args, &tensor, 1)?;
    Ok(fold(c, groups, Element::I64, Reduction::Sum, |c, nodes| {
        c.sum(Type::F64, nodes)
    }))
}

/// Variance or standard deviation; torch divides by n - 1 and NumPy by n unless told otherwise.
fn spread(c: &mut Checker<'_>, args: &Args, root: bool) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    if !args.is_numpy() && !tensor.element.is_float() {
        return c.error(
            Code::TypeMismatch,
            format!("a spread needs floats, not {tensor}"),
            "convert first with `.float()`".to_owned(),
        );
    }
    refuse_axis_of_number(c, args, &tensor, 1)?;
    // torch accumulates the spread of singles in doubles.
    let result = float_element(c, tensor.element);
    let element = if args.is_numpy() { result } else { Element::F64 };
    let tensor = c.cast(&tensor, element);
    let mut correction = f64::from(u8::from(!args.is_numpy()));
    if !args.is_numpy() && args.get(2).is_some() {
        correction = f64::from(u8::from(c.flag(args.get(2))?));
    }
    if let Some(value) = args.get(4) {
        let Some(known) = c.constant_int(&value) else {
            return c.error(Code::TypeMismatch, "the correction is a known whole number", None);
        };
        correction = known as f64;
    }
    let axes = axes(c, &tensor, args.get(1))?;
    let kept = groups(c, &tensor, &axes, true);
    let mean = mean_of(c, kept, element);
    let value = Value::Tensor(tensor.clone());
    let (dims, rows) = c.broadcast_operands("`std`", &[&value, &mean], element)?;
    let squares = rows[0].iter().zip(&rows[1]).map(|(&x, &mean)| {
        let difference = c.sub(x, mean);
        c.mul(difference, difference)
    });
    let squares = squares.collect();
    let squares = c.tensor(element, dims, squares);
    let keeps_at = if args.is_numpy() { 2 } else { 3 };
    let groups = grouped_at(c, args, &squares, 1, keeps_at)?;
    let count = group_size(c, &groups, element, correction);
    let (dims, sums) = sums(c, groups, element);
    let nodes = sums.into_iter().map(|sum| {
        let variance = c.div(sum, count);
        if root { c.unary(Unary::Sqrt, variance) } else { variance }
    });
    let nodes: Vec<NodeId> = nodes.collect();
    let nodes = nodes.into_iter().map(|node| c.convert(node, result.ty())).collect();
    Ok(c.tensor_value(result, dims, nodes))
}

/// A ufunc's `reduce` takes the first axis unless told otherwise.
fn reduce_first_axis(c: &mut Checker<'_>, mut args: Args, f: fn(&mut Checker<'_>, Args) -> Checked) -> Checked {
    if args.values[1].is_none() {
        args.values[1] = Some(c.int(0));
    }
    let tensor = c.as_tensor(&args.at(0))?;
    args.values[0] = Some(Value::Tensor(tensor));
    f(c, args)
}

/// `Σ wx / Σ w`
fn average(c: &mut Checker<'_>, args: Args) -> Checked {
    let Some(weights) = args.get(2) else {
        let mut plain = args;
        plain.values = vec![Some(plain.at(0)), plain.get(1), plain.get(3), None];
        return mean(c, plain);
    };
    let tensor = c.array_argument(&args, &args.at(0))?;
    let weights = c.as_tensor(&weights)?;
    let axes = axes(c, &tensor, args.get(1))?;
    // Weights of one axis lie along that axis.
    let weights = match axes.as_slice() {
        [axis] if weights.dims.len() == 1 && tensor.dims.len() > 1 => {
            let mut dims = vec![Dim::Size(1); tensor.dims.len()];
            dims[*axis] = weights.dims[0];
            c.with_dims(&weights, dims)
        }
        _ if weights.dims == tensor.dims => weights,
        _ => {
            return c.error(
                Code::ShapeMismatch,
                format!("the weights {weights} do not fit {tensor}"),
                "give one weight for each element of the axis".to_owned(),
            );
        }
    };
    let operands = [Value::Tensor(tensor), Value::Tensor(weights)];
    let element = match c.promote(&[&operands[0], &operands[1]]) {
        element if element.is_float() => element,
        _ => Element::F64,
    };
    let (dims, rows) = c.broadcast_operands("`average`", &[&operands[0], &operands[1]], element)?;
    let weighted = rows[0].iter().zip(&rows[1]).map(|(&x, &w)| c.mul(x, w)).collect();
    let weighted = c.tensor(element, dims.clone(), weighted);
    let weights = c.tensor(element, dims, rows[1].clone());
    let keeps = c.flag(args.get(3))?;
    let (products, sums) = (groups(c, &weighted, &axes, keeps), groups(c, &weights, &axes, keeps));
    let (dims, products) = self::sums(c, products, element);
    let (_, sums) = self::sums(c, sums, element);
    let nodes = products
        .iter()
        .zip(&sums)
        .map(|(&product, &sum)| c.div(product, sum))
        .collect();
    Ok(c.tensor_value(element, dims, nodes))
}

fn log_sum_exp(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let element = float_element(c, tensor.element);
    let tensor = c.cast(&tensor, element);
    let groups = grouped(c, &args, &tensor, 1)?;
    nonempty(c, &groups)?;
    if groups.over_batch {
        return c.unsupported(
            "`logsumexp` over all environments",
            "work along the last axis with `dim=-1`",
        );
    }
    Ok(fold(c, groups, element, Reduction::Sum, super::along::log_sum_exp))
}

/// Largest less smallest.
fn peak_to_peak(c: &mut Checker<'_>, args: Args) -> Checked {
    let largest = extreme_values(c, &args, Reduction::Max)?;
    let smallest = extreme_values(c, &args, Reduction::Min)?;
    c.array_arithmetic(ruff_python_ast::Operator::Sub, &largest, &smallest, None)
}

fn both_extremes(c: &mut Checker<'_>, args: Args) -> Checked {
    let items = [
        extreme_values(c, &args, Reduction::Min)?,
        extreme_values(c, &args, Reduction::Max)?,
    ];
    Ok(Value::Tuple(Tuple {
        items: items.into(),
        fields: &["min", "max"],
    }))
}

/// NaN replaced by what does not count.
fn skip_nan(
    c: &mut Checker<'_>,
    mut args: Args,
    neutral: f64,
    f: impl Fn(&mut Checker<'_>, Args) -> Checked,
) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if tensor.element.is_float() {
        let filled = c.map(&tensor, tensor.element, |c, x| {
            let neutral = c.constant_like(x, neutral);
            let is_number = c.binary(Binary::Eq, x, x);
            c.select(is_number, x, neutral)
        });
        args.values[0] = Some(Value::Tensor(filled));
    }
    args.values.resize(4, None);
    f(c, args)
}

fn nan_mean(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let is_number = c.map(&tensor, Element::Bool, |c, x| c.binary(Binary::Eq, x, x));
    let counted = Args {
        name: args.name.clone(),
        values: vec![Some(Value::Tensor(is_number)), args.get(1), args.get(2), None],
        rest: Vec::new(),
        keywords: Vec::new(),
    };
    let count = sum(c, counted)?;
    let total = skip_nan(c, args, 0.0, sum)?;
    c.array_arithmetic(ruff_python_ast::Operator::Div, &total, &count, None)
}

/// The norm of the difference of two whole arrays.
fn distance(c: &mut Checker<'_>, args: Args) -> Checked {
    let difference = c.array_arithmetic(ruff_python_ast::Operator::Sub, &args.at(0), &args.at(1), None)?;
    let keywords = args.get(2).map(|p| ("p".to_owned(), p));
    let call = crate::check::Arguments {
        positional: Vec::new(),
        keywords: keywords.into_iter().collect(),
    };
    c.call_method(&difference, "norm", call)
}
