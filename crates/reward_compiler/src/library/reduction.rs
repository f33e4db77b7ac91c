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
    entry(
        "numpy.mean ndarray.mean numpy.average",
        "a axis? | keepdims? dtype?",
        Run(mean),
    ),
    entry(
        "torch.prod Tensor.prod",
        "input dim|axis? keepdim|keepdims?",
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
    entry(
        "torch.norm Tensor.norm torch.linalg.norm torch.linalg.vector_norm",
        "input|x p|ord? dim|axis? keepdim|keepdims? dtype?",
        Run(norm),
    ),
    entry("numpy.linalg.norm", "x ord? axis? keepdims?", Run(norm)),
];

/// The elements that are combined into each element of the result.
struct Groups {
    dims: Vec<Dim>,
    groups: Vec<Vec<NodeId>>,
    /// Whether the batch axis is among those reduced.
    over_batch: bool,
}

/// Axes named by an argument: a number, several, or all.
fn axes(c: &mut Checker<'_>, tensor: &Tensor, argument: Option<Value>) -> Checked<Vec<usize>> {
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

fn groups(c: &mut Checker<'_>, tensor: &Tensor, axes: &[usize], keeps: bool) -> Groups {
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
fn grouped(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize) -> Checked<Groups> {
    grouped_at(c, args, tensor, axis_at, axis_at + 1)
}

fn grouped_at(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize, keeps_at: usize) -> Checked<Groups> {
    let axes = axes(c, tensor, args.get(axis_at))?;
    let keeps = c.flag(args.get(keeps_at))?;
    let groups = groups(c, tensor, &axes, keeps);
    c.reserve(tensor.index.len())?;
    if groups.over_batch {
        let name = super::shown_name(&args.name).to_owned();
        let help = match tensor.dims.len() {
            1 => "this array already has one number per environment; leave the reduction out".to_owned(),
            _ => "reduce over the last axis with `dim=-1`".to_owned(),
        };
        c.warn(
            Code::BatchLeak,
            format!("`{name}` over {tensor} mixes all environments of the batch"),
            help,
        );
    }
    Ok(groups)
}

/// Combines each group, and the batch where it belongs to the group.
fn fold(
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

fn float_element(c: &Checker<'_>, element: Element) -> Element {
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
fn refuse_axis_of_number(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis_at: usize) -> Checked<()> {
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

fn nonempty(c: &mut Checker<'_>, groups: &Groups) -> Checked<()> {
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
    let element = float_element(c, tensor.element);
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
    let nodes = nodes.collect();
    Ok(c.tensor_value(element, dims, nodes))
}

/// Which norm: Euclidean, sum of magnitudes, largest, smallest, count, or any other power.
enum Order {
    Two,
    One,
    Max,
    Min,
    Zero,
    Power(f64),
}

fn order(c: &mut Checker<'_>, argument: Option<Value>) -> Checked<Order> {
    let Some(value) = argument else { return Ok(Order::Two) };
    if let Value::Str(name) = &value {
        return match &**name {
            "fro" => Ok(Order::Two),
            _ => c.unsupported("this norm is not part of the reward language", ""),
        };
    }
    let node = c.python_float(&value)?;
    match c.graph.constant_value(node) {
        Some(2.0) => Ok(Order::Two),
        Some(1.0) => Ok(Order::One),
        Some(0.0) => Ok(Order::Zero),
        Some(f64::INFINITY) => Ok(Order::Max),
        Some(f64::NEG_INFINITY) => Ok(Order::Min),
        Some(power) => Ok(Order::Power(power)),
        None => c.error(Code::TypeMismatch, "the order of a norm is a known number", None),
    }
}

fn norm(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if c.dialect == Dialect::Torch && !tensor.element.is_float() && !args.is_numpy() {
        return c.error(
            Code::TypeMismatch,
            format!("`norm` needs floats, not {tensor}"),
            "convert first with `.float()`".to_owned(),
        );
    }
    let element = float_element(c, tensor.element);
    let tensor = c.cast(&tensor, element);
    refuse_matrix_norm(c, &args, tensor.dims.len())?;
    refuse_axis_of_number(c, &args, &tensor, 2)?;
    let order = order(c, args.get(1))?;
    let groups = grouped(c, &args, &tensor, 2)?;
    let over_batch = groups.over_batch;
    let reduction = match order {
        Order::Max => Reduction::Max,
        Order::Min => Reduction::Min,
        _ => Reduction::Sum,
    };
    if !over_batch && matches!(order, Order::Two) {
        return Ok(fold(c, groups, element, reduction, |c, nodes| c.euclidean_norm(nodes)));
    }
    if matches!(order, Order::Max | Order::Min) {
        nonempty(c, &groups)?;
    }
    let combined = fold(c, groups, element, reduction, |c, nodes| {
        let powers: Vec<NodeId> = nodes.iter().map(|&node| norm_part(c, node, &order)).collect();
        match order {
            Order::Max => powers[1..]
                .iter()
                .fold(powers[0], |best, &node| c.binary(Binary::Max, best, node)),
            Order::Min => powers[1..]
                .iter()
                .fold(powers[0], |best, &node| c.binary(Binary::Min, best, node)),
            _ => c.sum(element.ty(), &powers),
        }
    });
    let Value::Tensor(combined) = combined else {
        return Ok(combined);
    };
    Ok(Value::Tensor(c.map(&combined, element, |c, node| match order {
        Order::Two => c.unary(Unary::Sqrt, node),
        Order::Power(power) => {
            let inverse = c.constant_like(node, 1.0 / power);
            c.power(node, inverse)
        }
        _ => node,
    })))
}

/// `linalg.norm` with an order takes the norm of a matrix where two axes are left; `torch.norm` never does.
fn refuse_matrix_norm(c: &mut Checker<'_>, args: &Args, rank: usize) -> Checked<()> {
    if !args.name.ends_with("linalg.norm") {
        return Ok(());
    }
    let Some(order) = args.get(1) else { return Ok(()) };
    let axes = match args.get(2) {
        None => rank,
        Some(value @ (Value::Tuple(_) | Value::List(_))) => c.sequence(&value)?.len(),
        Some(_) => 1,
    };
    match (matches!(order, Value::Str(_)), axes) {
        (true, 2) | (false, 1) => Ok(()),
        (true, _) => c.error(Code::ShapeMismatch, "the Frobenius norm is one of matrices", None),
        (false, 2) => c.unsupported("the norm of a matrix with an order", "give the axis, such as `axis=-1`"),
        (false, _) => c.error(
            Code::ShapeMismatch,
            format!("a norm with an order needs one axis, and there are {axes}"),
            "give the axis, such as `axis=-1`".to_owned(),
        ),
    }
}

fn norm_part(c: &mut Checker<'_>, node: NodeId, order: &Order) -> NodeId {
    match order {
        Order::Two => c.mul(node, node),
        Order::Zero => {
            let nonzero = c.is_nonzero(node);
            let ty = c.graph.node(node).ty;
            c.convert(nonzero, ty)
        }
        Order::Power(power) => {
            let magnitude = c.unary(Unary::Abs, node);
            let power = c.constant_like(node, *power);
            c.power(magnitude, power)
        }
        _ => c.unary(Unary::Abs, node),
    }
}
