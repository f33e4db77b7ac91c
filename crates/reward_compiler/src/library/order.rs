//! Order statistics along one axis: sorting, largest few, medians, quantiles.
//!
//! A fixed network of comparisons sorts any values, so the cost is known and no branch depends on them. Equal values keep
//! their order. NaN counts as larger than every number, as in torch and NumPy.

use super::Behaviour::Run;
use super::along::{along, as_floats, as_numbers, lane_axis, with_length};
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Type};
use crate::value::{Dim, Element, Tensor, Tuple, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.sort Tensor.sort",
        "input dim|axis? descending? stable?",
        Run(sort_with_positions),
    ),
    entry("torch.msort", "input", Run(|c, args| sorted_values(c, &args, Some(0)))),
    entry(
        "numpy.sort",
        "a axis? kind?",
        Run(|c, args| sorted_values(c, &args, Some(-1))),
    ),
    entry(
        "torch.argsort Tensor.argsort",
        "input dim|axis? descending? stable?",
        Run(positions_in_order),
    ),
    entry("ndarray.sort", "a axis?", Run(sort_in_place)),
    entry(
        "numpy.argsort ndarray.argsort",
        "a axis? kind?",
        Run(positions_in_order),
    ),
    entry(
        "torch.topk Tensor.topk",
        "input k dim|axis? largest? sorted?",
        Run(largest_few),
    ),
    entry(
        "torch.kthvalue Tensor.kthvalue",
        "input k dim|axis? keepdim?",
        Run(kth_value),
    ),
    entry(
        "torch.median Tensor.median",
        "input dim|axis? keepdim?",
        Run(torch_median),
    ),
    entry("numpy.median", "a axis? | keepdims?", Run(numpy_median)),
    entry(
        "torch.quantile Tensor.quantile",
        "input q dim|axis? keepdim? | interpolation?",
        Run(|c, args| quantile(c, &args, 1.0)),
    ),
    entry(
        "numpy.quantile",
        "a q axis? | keepdims? method?",
        Run(|c, args| quantile(c, &args, 1.0)),
    ),
    entry(
        "numpy.percentile",
        "a q axis? | keepdims? method?",
        Run(|c, args| quantile(c, &args, 100.0)),
    ),
];

/// Whether `a` comes before `b` whatever their positions.
fn precedes(c: &mut Checker<'_>, a: NodeId, b: NodeId, descending: bool) -> NodeId {
    let (small, large) = if descending { (b, a) } else { (a, b) };
    let less = c.less(small, large);
    let large_is_nan = c.binary(Binary::Ne, large, large);
    let small_is_number = c.binary(Binary::Eq, small, small);
    let nan_is_last = c.and(large_is_nan, small_is_number);
    c.or(less, nan_is_last)
}

/// The values in order, and the position each had (nodes of type F64).
pub(super) fn sorted(c: &mut Checker<'_>, lane: &[NodeId], descending: bool) -> (Vec<NodeId>, Vec<NodeId>) {
    let mut values = lane.to_vec();
    let mut positions: Vec<NodeId> = (0..lane.len()).map(|at| c.constant(Type::F64, at as f64)).collect();
    let length = lane.len();
    // Batcher's merge exchange, the network of Knuth's algorithm 5.2.2M in its form for any length.
    let mut block = 1;
    while block < length {
        let mut reach = block;
        while reach >= 1 {
            for start in (reach % block..length.saturating_sub(reach)).step_by(2 * reach) {
                for at in start..(start + reach).min(length - reach) {
                    if at / (2 * block) == (at + reach) / (2 * block) {
                        exchange(c, &mut values, &mut positions, at, at + reach, descending);
                    }
                }
            }
            reach /= 2;
        }
        block *= 2;
    }
    (values, positions)
}

fn exchange(
    c: &mut Checker<'_>,
    values: &mut [NodeId],
    positions: &mut [NodeId],
    i: usize,
    j: usize,
    descending: bool,
) {
    let swaps = precedes(c, values[j], values[i], descending);
    let stays = precedes(c, values[i], values[j], descending);
    let was_before = c.less(positions[j], positions[i]);
    let undecided = c.not(stays);
    let ties = c.and(undecided, was_before);
    let swaps = c.or(swaps, ties);
    for list in [values, positions] {
        let (a, b) = (list[i], list[j]);
        list[i] = c.select(swaps, b, a);
        list[j] = c.select(swaps, a, b);
    }
}

fn named(values: Value, indices: Value) -> Value {
    Value::Tuple(Tuple {
        items: [values, indices].into(),
        fields: &["values", "indices"],
    })
}

/// Room for the comparisons of all vectors.
fn reserve(c: &mut Checker<'_>, tensor: &Tensor, axis: usize) -> Checked<()> {
    let length = tensor.dims.get(axis).map_or(1, |dim| dim.nodes());
    let depth = length.max(2).ilog2() as usize + 1;
    c.reserve(tensor.index.len().saturating_mul(depth * depth * 4))
}

/// Along an axis: values and positions in order. Truth values are sorted as numbers.
fn ordered(
    c: &mut Checker<'_>,
    tensor: &Tensor,
    axis: usize,
    descending: bool,
    choose: impl Fn(&[NodeId]) -> Vec<NodeId>,
) -> Checked<[Vec<NodeId>; 2]> {
    reserve(c, tensor, axis)?;
    Ok(along(c, tensor, axis, |c, lane| {
        let (values, positions) = sorted(c, lane, descending);
        [choose(&values), choose(&positions)]
    }))
}

fn values_like(c: &mut Checker<'_>, element: Element, numbers: Element, dims: Vec<Dim>, nodes: Vec<NodeId>) -> Value {
    let tensor = c.tensor(numbers, dims, nodes);
    Value::Tensor(match element == numbers {
        true => tensor,
        false => c.cast(&tensor, element),
    })
}

fn sort_with_positions(c: &mut Checker<'_>, args: Args) -> Checked {
    let given = c.array_argument(&args, &args.at(0))?;
    let tensor = as_numbers(c, &given);
    let (tensor, axis) = lane_axis(c, &args, 1, Some(-1), &tensor)?;
    let descending = c.flag(args.get(2))?;
    let [values, positions] = ordered(c, &tensor, axis, descending, <[NodeId]>::to_vec)?;
    let dims = tensor.dims.to_vec();
    let values = values_like(c, given.element, tensor.element, dims.clone(), values);
    Ok(named(values, c.tensor_value(Element::I64, dims, positions)))
}

fn sorted_values(c: &mut Checker<'_>, args: &Args, default: Option<i64>) -> Checked {
    let given = c.array_argument(args, &args.at(0))?;
    let tensor = as_numbers(c, &given);
    let (tensor, axis) = lane_axis(c, args, 1, default, &tensor)?;
    let [values, _] = ordered(c, &tensor, axis, false, <[NodeId]>::to_vec)?;
    Ok(values_like(
        c,
        given.element,
        tensor.element,
        tensor.dims.to_vec(),
        values,
    ))
}

fn sort_in_place(c: &mut Checker<'_>, args: Args) -> Checked {
    let target = c.array_argument(&args, &args.at(0))?;
    let sorted = sorted_values(c, &args, Some(-1))?;
    let sorted = c.as_tensor(&sorted)?;
    let nodes = c.elements(&sorted);
    c.write(&target, &nodes)?;
    Ok(Value::None)
}

fn positions_in_order(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = as_numbers(c, &tensor);
    let (tensor, axis) = lane_axis(c, &args, 1, Some(-1), &tensor)?;
    let descending = match args.is_numpy() {
        true => false,
        false => c.flag(args.get(2))?,
    };
    let [_, positions] = ordered(c, &tensor, axis, descending, <[NodeId]>::to_vec)?;
    Ok(c.tensor_value(Element::I64, tensor.dims.to_vec(), positions))
}

fn count_argument(c: &mut Checker<'_>, args: &Args, tensor: &Tensor, axis: usize, least: i64) -> Checked<usize> {
    let length = tensor.dims.get(axis).map_or(1, |dim| dim.nodes());
    match c.constant_int(&args.at(1)) {
        Some(k) if k >= least && k <= length as i64 => Ok(k as usize),
        _ => c.error(
            Code::ShapeMismatch,
            format!("`k` is a known whole number from {least} to the length {length} of the axis"),
            None,
        ),
    }
}

fn largest_few(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if tensor.element == Element::Bool {
        return c.error(
            Code::TypeMismatch,
            "truth values have no largest few",
            "count them with `.sum(dim=-1)`".to_owned(),
        );
    }
    let (tensor, axis) = lane_axis(c, &args, 2, Some(-1), &tensor)?;
    let descending = match args.get(3) {
        Some(flag) => c.flag(Some(flag))?,
        None => true,
    };
    let k = count_argument(c, &args, &tensor, axis, 0)?;
    let [values, positions] = ordered(c, &tensor, axis, descending, |nodes| nodes[..k].to_vec())?;
    let dims = with_length(&tensor, axis, k);
    let values = c.tensor_value(tensor.element, dims.clone(), values);
    Ok(named(values, c.tensor_value(Element::I64, dims, positions)))
}

fn without_axis(c: &mut Checker<'_>, tensor: &Tensor, axis: usize, keeps: Option<Value>) -> Checked<Vec<Dim>> {
    let keeps = c.flag(keeps)?;
    let mut dims = with_length(tensor, axis, 1);
    if !keeps && axis < dims.len() {
        dims.remove(axis);
    }
    Ok(dims)
}

fn kth_value(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (tensor, axis) = lane_axis(c, &args, 2, Some(-1), &tensor)?;
    let k = count_argument(c, &args, &tensor, axis, 1)?;
    let [values, positions] = ordered(c, &tensor, axis, false, |nodes| vec![nodes[k - 1]])?;
    let dims = without_axis(c, &tensor, axis, args.get(3))?;
    let values = c.tensor_value(tensor.element, dims.clone(), values);
    Ok(named(values, c.tensor_value(Element::I64, dims, positions)))
}

fn nonempty(c: &mut Checker<'_>, tensor: &Tensor) -> Checked<()> {
    match tensor.index.is_empty() {
        false => Ok(()),
        true => c.error(Code::ShapeMismatch, "an empty array has no median", None),
    }
}

/// torch's median is the lower of the two in the middle, and NaN if there is one.
fn torch_median(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    if tensor.element == Element::Bool {
        return c.error(Code::TypeMismatch, "truth values have no median", None);
    }
    nonempty(c, &tensor)?;
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    reserve(c, &tensor, axis)?;
    let [values, positions] = along(c, &tensor, axis, |c, lane| {
        let (values, positions) = sorted(c, lane, false);
        let (middle, last) = ((lane.len() - 1) / 2, lane.len() - 1);
        let first_nan = lane
            .iter()
            .enumerate()
            .rev()
            .fold(positions[last], |known, (at, &node)| {
                let is_nan = c.binary(Binary::Ne, node, node);
                let here = c.constant(Type::F64, at as f64);
                c.select(is_nan, here, known)
            });
        let has_nan = c.binary(Binary::Ne, values[last], values[last]);
        let value = c.select(has_nan, values[last], values[middle]);
        let position = c.select(has_nan, first_nan, positions[middle]);
        [vec![value], vec![position]]
    });
    let dims = without_axis(c, &tensor, axis, args.get(2))?;
    let values = c.tensor_value(tensor.element, dims.clone(), values);
    Ok(match args.get(1) {
        Some(_) => named(values, c.tensor_value(Element::I64, dims, positions)),
        None => values,
    })
}

/// NumPy's median is the mean of the two in the middle.
fn numpy_median(c: &mut Checker<'_>, args: Args) -> Checked {
    let given = c.array_argument(&args, &args.at(0))?;
    nonempty(c, &given)?;
    let tensor = as_floats(c, &given);
    let (tensor, axis) = lane_axis(c, &args, 1, None, &tensor)?;
    reserve(c, &tensor, axis)?;
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let (values, _) = sorted(c, lane, false);
        let (lower, upper) = (values[(lane.len() - 1) / 2], values[lane.len() / 2]);
        let middle = match lane.len() % 2 {
            1 => upper,
            _ => {
                let sum = c.add(lower, upper);
                let two = c.constant_like(sum, 2.0);
                c.div(sum, two)
            }
        };
        [vec![or_nan(c, &values, middle)]]
    });
    let dims = all_kept(c, &given, &tensor, axis, args.get(1), args.get(2))?;
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

/// `keepdims` keeps every axis of an array that was taken flat.
fn all_kept(
    c: &mut Checker<'_>,
    given: &Tensor,
    flat: &Tensor,
    axis: usize,
    axis_given: Option<Value>,
    keeps: Option<Value>,
) -> Checked<Vec<Dim>> {
    if axis_given.is_none() && c.flag(keeps.clone())? {
        return Ok(vec![Dim::Size(1); given.dims.len()]);
    }
    without_axis(c, flat, axis, keeps)
}

/// NaN where the last of the sorted values is.
fn or_nan(c: &mut Checker<'_>, sorted: &[NodeId], value: NodeId) -> NodeId {
    let last = sorted[sorted.len() - 1];
    let has_nan = c.binary(Binary::Ne, last, last);
    c.select(has_nan, last, value)
}

/// Between the two nearest of the sorted values, in proportion.
fn quantile(c: &mut Checker<'_>, args: &Args, whole: f64) -> Checked {
    let method_at = 4;
    if let Some(method) = args.get(method_at)
        && !matches!(&method, Value::Str(name) if &**name == "linear")
    {
        return c.unsupported("another method than linear interpolation", "leave it out");
    }
    let given = c.array_argument(args, &args.at(0))?;
    nonempty(c, &given)?;
    let tensor = if args.is_numpy() {
        as_floats(c, &given)
    } else {
        super::linear::needs_floats(c, args, &given)?;
        given.clone()
    };
    let (tensor, axis) = lane_axis(c, args, 2, None, &tensor)?;
    reserve(c, &tensor, axis)?;
    let wanted = c.as_tensor(&args.at(1))?;
    if wanted.dims.len() > 1 {
        return c.error(Code::ShapeMismatch, "the quantiles are one number or one list", None);
    }
    let quantile_nodes = c.elements_as(&wanted, Element::F64);
    let mut fractions = Vec::new();
    for node in quantile_nodes {
        match c.graph.constant_value(node).map(|value| value / whole) {
            Some(fraction) if (0.0..=1.0).contains(&fraction) => fractions.push(fraction),
            _ => {
                return c.error(
                    Code::TypeMismatch,
                    format!("a quantile is a known number from 0 to {whole}"),
                    None,
                );
            }
        }
    }
    let is_single = tensor.element == Element::F32;
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let (values, _) = sorted(c, lane, false);
        let results = fractions.iter().map(|&fraction| {
            let mut place = fraction * (lane.len() - 1) as f64;
            if is_single {
                place = f64::from(fraction as f32 * (lane.len() - 1) as f32);
            }
            let lower = (place.floor() as usize).min(lane.len() - 1);
            let upper = (place.ceil() as usize).min(lane.len() - 1);
            let value = between(c, values[lower], values[upper], place - place.floor());
            or_nan(c, &values, value)
        });
        [results.collect()]
    });
    let mut dims = all_kept(c, &given, &tensor, axis, args.get(2), args.get(3))?;
    if wanted.dims.is_empty() {
        return Ok(c.tensor_value(tensor.element, dims, nodes));
    }
    // Several quantiles make a new first axis.
    let count = fractions.len();
    let inner = tensor.dims[(axis + 1).min(tensor.dims.len())..]
        .iter()
        .map(|dim| dim.nodes())
        .product::<usize>();
    let outer = nodes.len().checked_div(inner * count).unwrap_or(0);
    let order = (0..count).flat_map(|at| {
        (0..outer).flat_map(move |block| (0..inner).map(move |column| (block * count + at) * inner + column))
    });
    let nodes = order.map(|at| nodes[at]).collect();
    dims.insert(0, Dim::Size(count));
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

/// `a + t (b - a)`, from the nearer end, as both libraries compute it.
fn between(c: &mut Checker<'_>, a: NodeId, b: NodeId, t: f64) -> NodeId {
    if a == b || t == 0.0 {
        return a;
    }
    let difference = c.sub(b, a);
    if t < 0.5 {
        let t = c.constant_like(a, t);
        let part = c.mul(difference, t);
        c.add(a, part)
    } else {
        let rest = c.constant_like(a, 1.0 - t);
        let part = c.mul(difference, rest);
        c.sub(b, part)
    }
}
