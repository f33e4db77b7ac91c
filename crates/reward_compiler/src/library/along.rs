//! Functions of the vectors along one axis that keep the axis: running sums, differences, softmax.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, node_count};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Dim, Element, ScalarKind, Tensor, Tuple, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.cumsum Tensor.cumsum",
        "input dim|axis | dtype?",
        Run(|c, args| running(c, &args, |c, a, b| c.add(a, b))),
    ),
    entry(
        "numpy.cumsum ndarray.cumsum",
        "a axis? dtype?",
        Run(|c, args| running(c, &args, |c, a, b| c.add(a, b))),
    ),
    entry(
        "torch.cumprod Tensor.cumprod",
        "input dim|axis | dtype?",
        Run(|c, args| running(c, &args, |c, a, b| c.mul(a, b))),
    ),
    entry(
        "numpy.cumprod ndarray.cumprod",
        "a axis? dtype?",
        Run(|c, args| running(c, &args, |c, a, b| c.mul(a, b))),
    ),
    entry(
        "torch.cummax Tensor.cummax",
        "input dim|axis",
        Run(|c, args| running_extreme(c, &args, true)),
    ),
    entry(
        "torch.cummin Tensor.cummin",
        "input dim|axis",
        Run(|c, args| running_extreme(c, &args, false)),
    ),
    entry(
        "numpy.maximum.accumulate",
        "array axis?",
        Run(|c, args| accumulate(c, &args, Binary::Max)),
    ),
    entry(
        "numpy.minimum.accumulate",
        "array axis?",
        Run(|c, args| accumulate(c, &args, Binary::Min)),
    ),
    entry(
        "torch.diff Tensor.diff",
        "input|a n? dim|axis? prepend? append?",
        Run(differences),
    ),
    entry(
        "numpy.diff numpy.ediff1d",
        "a n? axis? prepend? append?",
        Run(differences),
    ),
    entry("torch.trapz torch.trapezoid", "y x? | dx? dim|axis?", Run(trapezoid)),
    entry("numpy.trapz numpy.trapezoid", "y x? dx? axis?", Run(trapezoid)),
    entry(
        "torch.softmax Tensor.softmax torch.special.softmax",
        "input dim|axis dtype?",
        Run(|c, args| soft(c, &args, softmax)),
    ),
    entry(
        "torch.nn.functional.softmax",
        "input dim? _stacklevel? dtype?",
        Run(|c, args| soft(c, &args, softmax)),
    ),
    entry(
        "torch.nn.functional.softmin",
        "input dim? _stacklevel? dtype?",
        Run(|c, args| {
            soft(c, &args, |c, lane| {
                let negative: Vec<NodeId> = lane.iter().map(|&x| c.unary(Unary::Neg, x)).collect();
                softmax(c, &negative)
            })
        }),
    ),
    entry(
        "scipy.special.softmax",
        "x axis?",
        Run(|c, args| soft(c, &args, softmax)),
    ),
    entry(
        "torch.log_softmax Tensor.log_softmax",
        "input dim|axis dtype?",
        Run(|c, args| soft(c, &args, log_softmax)),
    ),
    entry(
        "torch.nn.functional.log_softmax",
        "input dim? _stacklevel? dtype?",
        Run(|c, args| soft(c, &args, log_softmax)),
    ),
    entry(
        "scipy.special.log_softmax",
        "x axis?",
        Run(|c, args| soft(c, &args, log_softmax)),
    ),
    entry("numpy.unwrap", "p discont? axis?", Run(unwrap)),
];

/// Applies `f` to each vector along `axis`; `f` gives `K` vectors, each of one length for all.
pub(super) fn along<const K: usize>(
    c: &mut Checker<'_>,
    tensor: &Tensor,
    axis: usize,
    mut f: impl FnMut(&mut Checker<'_>, &[NodeId]) -> [Vec<NodeId>; K],
) -> [Vec<NodeId>; K] {
    let nodes = c.elements(tensor);
    let length = tensor.dims.get(axis).map_or(1, |dim| dim.nodes());
    let outer = node_count(&tensor.dims[..axis.min(tensor.dims.len())]);
    let inner = node_count(&tensor.dims[(axis + 1).min(tensor.dims.len())..]);
    let mut results: [Vec<NodeId>; K] = std::array::from_fn(|_| Vec::new());
    for block in 0..outer {
        let mut rows: [Vec<Vec<NodeId>>; K] = std::array::from_fn(|_| Vec::with_capacity(inner));
        for column in 0..inner {
            let lane: Vec<NodeId> = (0..length)
                .map(|at| nodes[(block * length + at) * inner + column])
                .collect();
            for (list, result) in rows.iter_mut().zip(f(c, &lane)) {
                list.push(result);
            }
        }
        for (result, lanes) in results.iter_mut().zip(rows) {
            let new_length = lanes.first().map_or(0, Vec::len);
            result.extend((0..new_length).flat_map(|at| lanes.iter().map(move |lane| lane[at])));
        }
    }
    results
}

/// An axis given as an argument; one that is not the batch. Without one and without a default the array is taken flat.
pub(super) fn lane_axis(
    c: &mut Checker<'_>,
    args: &Args,
    at: usize,
    default: Option<i64>,
    tensor: &Tensor,
) -> Checked<(Tensor, usize)> {
    let rank = tensor.dims.len();
    let (tensor, axis) = match (args.get(at), default) {
        (Some(axis), _) => (tensor.clone(), c.axis_argument(&axis, rank, tensor)?),
        (None, Some(axis)) => (tensor.clone(), c.axis(axis, rank, tensor)?),
        (None, None) if tensor.is_batched() && rank > 1 => {
            return c.unsupported(
                &format!("{tensor} cannot be taken flat together with its batch axis"),
                "give the axis, such as `dim=-1`",
            );
        }
        (None, None) => {
            let dims = match *tensor.dims {
                [Dim::Batch] => vec![Dim::Batch],
                _ => vec![Dim::Size(tensor.index.len())],
            };
            (c.with_dims(tensor, dims), 0)
        }
    };
    if tensor.dims.get(axis) == Some(&Dim::Batch) {
        let shown = super::shown_name(&args.name).to_owned();
        return c.unsupported(
            &format!("`{shown}` along the batch axis of {tensor} would mix environments, whose order means nothing"),
            "work along a later axis, such as `dim=-1`",
        );
    }
    Ok((tensor, axis))
}

pub(super) fn with_length(tensor: &Tensor, axis: usize, length: usize) -> Vec<Dim> {
    let mut dims = tensor.dims.to_vec();
    if let Some(dim) = dims.get_mut(axis) {
        *dim = Dim::Size(length);
    }
    dims
}

/// Truth values count as whole numbers.
pub(super) fn as_numbers(c: &mut Checker<'_>, tensor: &Tensor) -> Tensor {
    match tensor.element {
        Element::Bool => c.cast(tensor, Element::I64),
        _ => tensor.clone(),
    }
}

/// Whole numbers and truth values as floats.
pub(super) fn as_floats(c: &mut Checker<'_>, tensor: &Tensor) -> Tensor {
    if tensor.element.is_float() {
        return tensor.clone();
    }
    let element = c.scalar_element(ScalarKind::Float);
    c.cast(tensor, element)
}

type Combine = fn(&mut Checker<'_>, NodeId, NodeId) -> NodeId;

fn running(c: &mut Checker<'_>, args: &Args, combine: Combine) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let tensor = match args.get(2) {
        Some(element) => {
            let element = c.element_argument(&element)?;
            c.cast(&tensor, element)
        }
        None => tensor,
    };
    let tensor = as_numbers(c, &tensor);
    let (tensor, axis) = lane_axis(c, args, 1, None, &tensor)?;
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let mut sums = Vec::with_capacity(lane.len());
        for &node in lane {
            sums.push(match sums.last() {
                Some(&sum) => combine(c, sum, node),
                None => node,
            });
        }
        [sums]
    });
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}

fn accumulate(c: &mut Checker<'_>, args: &Args, op: Binary) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let (tensor, axis) = lane_axis(c, args, 1, Some(0), &tensor)?;
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let mut best = Vec::with_capacity(lane.len());
        for &node in lane {
            best.push(match best.last() {
                Some(&known) => c.binary(op, known, node),
                None => node,
            });
        }
        [best]
    });
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}

/// The largest or smallest value so far and where it was last seen.
fn running_extreme(c: &mut Checker<'_>, args: &Args, largest: bool) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let element = tensor.element;
    let tensor = as_numbers(c, &tensor);
    let (tensor, axis) = lane_axis(c, args, 1, None, &tensor)?;
    let [values, positions] = along(c, &tensor, axis, |c, lane| {
        let (mut values, mut positions) = (Vec::new(), Vec::new());
        for (at, &node) in lane.iter().enumerate() {
            let here = c.constant(crate::ir::Type::F64, at as f64);
            let (Some(&best), Some(&position)) = (values.last(), positions.last()) else {
                values.push(node);
                positions.push(here);
                continue;
            };
            let reaches = match largest {
                true => c.binary(Binary::Le, best, node),
                false => c.binary(Binary::Le, node, best),
            };
            let is_nan = c.binary(Binary::Ne, node, node);
            let takes = c.or(reaches, is_nan);
            values.push(c.select(takes, node, best));
            positions.push(c.select(takes, here, position));
        }
        [values, positions]
    });
    let values = c.tensor(tensor.element, tensor.dims.to_vec(), values);
    let values = Value::Tensor(c.cast(&values, element));
    let positions = c.tensor_value(Element::I64, tensor.dims.to_vec(), positions);
    Ok(Value::Tuple(Tuple {
        items: [values, positions].into(),
        fields: &["values", "indices"],
    }))
}

/// `x[1:] - x[:-1]`, `n` times.
fn differences(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(3).is_some() || args.get(4).is_some() {
        return c.unsupported(
            "`prepend` and `append`",
            "join the arrays first with `cat` or `np.concatenate`",
        );
    }
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (mut tensor, axis) = lane_axis(c, &args, 2, Some(-1), &tensor)?;
    if tensor.dims.is_empty() {
        return c.error(Code::ShapeMismatch, "a single number has no differences", None);
    }
    let times = match args.get(1) {
        Some(times) => c.constant_int(&times),
        None => Some(1),
    };
    let Some(times) = times.filter(|&times| (0..=64).contains(&times)) else {
        return c.error(
            Code::TypeMismatch,
            "the number of differences is a known whole number",
            None,
        );
    };
    for _ in 0..times {
        let is_bool = tensor.element == Element::Bool;
        let [nodes] = along(c, &tensor, axis, |c, lane| {
            let pairs = lane.windows(2);
            [pairs
                .map(|pair| match is_bool {
                    true => c.binary(Binary::Xor, pair[1], pair[0]),
                    false => c.sub(pair[1], pair[0]),
                })
                .collect()]
        });
        let length = tensor.dims[axis].nodes().saturating_sub(1);
        let dims = with_length(&tensor, axis, length);
        tensor = c.tensor(tensor.element, dims, nodes);
    }
    Ok(Value::Tensor(tensor))
}

/// The area under a curve of straight pieces.
fn trapezoid(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = as_floats(c, &tensor);
    let (tensor, axis) = lane_axis(c, &args, 3, Some(-1), &tensor)?;
    let ty = tensor.element.ty();
    let spacing = match args.get(1) {
        None => None,
        Some(x) => {
            let x = c.as_tensor(&x)?;
            if x.dims.len() != 1 || x.dims.first() != tensor.dims.get(axis) {
                return c.unsupported(
                    "sample points that are not one vector",
                    "give one `x` for each point along the axis",
                );
            }
            let nodes = c.elements_as(&x, tensor.element);
            Some(nodes.windows(2).map(|pair| c.sub(pair[1], pair[0])).collect::<Vec<_>>())
        }
    };
    let step = match args.get(2) {
        Some(step) => {
            let step = c.python_float(&step)?;
            c.convert(step, ty)
        }
        None => c.constant(ty, 1.0),
    };
    let is_torch = !args.is_numpy();
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let [half, two] = [0.5, 2.0].map(|value| c.constant(ty, value));
        if let (true, None, [first, .., last]) = (is_torch, &spacing, lane) {
            // torch takes half of the ends away from the sum.
            let sum = c.sum(ty, lane);
            let ends = c.add(*first, *last);
            let ends = c.mul(ends, half);
            let inner = c.sub(sum, ends);
            return [vec![c.mul(inner, step)]];
        }
        let mut parts = Vec::new();
        for (at, pair) in lane.windows(2).enumerate() {
            let sum = c.add(pair[1], pair[0]);
            let width = spacing.as_ref().map_or(step, |spacing| spacing[at]);
            let area = c.mul(width, sum);
            parts.push(if is_torch { area } else { c.div(area, two) });
        }
        let sum = c.sum(ty, &parts);
        [vec![if is_torch { c.div(sum, two) } else { sum }]]
    });
    let mut dims = tensor.dims.to_vec();
    dims.remove(axis);
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

/// The axis that torch guesses where a program gives none.
fn soft(c: &mut Checker<'_>, args: &Args, f: fn(&mut Checker<'_>, &[NodeId]) -> Vec<NodeId>) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let dtype_at = if args.name.contains(".functional.") { 3 } else { 2 };
    let tensor = match args.get(dtype_at) {
        Some(element) => {
            let element = c.element_argument(&element)?;
            c.cast(&tensor, element)
        }
        None => tensor,
    };
    let tensor = if args.is_numpy() {
        as_floats(c, &tensor)
    } else {
        super::linear::needs_floats(c, args, &tensor)?;
        tensor
    };
    let guessed = match tensor.dims.len() {
        _ if args.is_numpy() => None,
        0 | 1 | 3 => Some(0),
        _ => Some(1),
    };
    let shape = tensor.dims.to_vec();
    let (tensor, axis) = lane_axis(c, args, 1, guessed, &tensor)?;
    let [nodes] = along(c, &tensor, axis, |c, lane| [f(c, lane)]);
    Ok(c.tensor_value(tensor.element, shape, nodes))
}

fn largest(c: &mut Checker<'_>, lane: &[NodeId]) -> NodeId {
    lane[1..]
        .iter()
        .fold(lane[0], |best, &node| c.binary(Binary::Max, best, node))
}

/// The largest is taken away first, so that no power overflows.
fn shifted_powers(c: &mut Checker<'_>, lane: &[NodeId], shift: NodeId) -> (Vec<NodeId>, NodeId) {
    let powers: Vec<NodeId> = lane
        .iter()
        .map(|&x| {
            let shifted = c.sub(x, shift);
            c.unary(Unary::Exp, shifted)
        })
        .collect();
    let ty = c.graph.node(shift).ty;
    let sum = c.sum(ty, &powers);
    (powers, sum)
}

fn softmax(c: &mut Checker<'_>, lane: &[NodeId]) -> Vec<NodeId> {
    if lane.is_empty() {
        return Vec::new();
    }
    let shift = largest(c, lane);
    let (powers, sum) = shifted_powers(c, lane, shift);
    powers.into_iter().map(|power| c.div(power, sum)).collect()
}

fn log_softmax(c: &mut Checker<'_>, lane: &[NodeId]) -> Vec<NodeId> {
    if lane.is_empty() {
        return Vec::new();
    }
    let shift = largest(c, lane);
    let (_, sum) = shifted_powers(c, lane, shift);
    let log = c.unary(Unary::Log, sum);
    lane.iter()
        .map(|&x| {
            let shifted = c.sub(x, shift);
            c.sub(shifted, log)
        })
        .collect()
}

/// `log Σ exp(x)`; an infinite largest element is not taken away.
pub(super) fn log_sum_exp(c: &mut Checker<'_>, lane: &[NodeId]) -> NodeId {
    let best = largest(c, lane);
    let zero = c.constant_like(best, 0.0);
    let magnitude = c.unary(Unary::Abs, best);
    let infinity = c.constant_like(best, f64::INFINITY);
    let is_infinite = c.binary(Binary::Eq, magnitude, infinity);
    let shift = c.select(is_infinite, zero, best);
    let (_, sum) = shifted_powers(c, lane, shift);
    let log = c.unary(Unary::Log, sum);
    c.add(log, shift)
}

/// Takes jumps of more than half a turn out of a series of angles.
fn unwrap(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(1).is_some() {
        return c.unsupported(
            "`discont`",
            "leave it out: jumps of more than half a turn are taken out",
        );
    }
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = as_floats(c, &tensor);
    let (tensor, axis) = lane_axis(c, &args, 2, Some(-1), &tensor)?;
    let [nodes] = along(c, &tensor, axis, |c, lane| {
        let mut result: Vec<NodeId> = lane.first().copied().into_iter().collect();
        let mut correction: Option<NodeId> = None;
        for pair in lane.windows(2) {
            let [pi, turn, zero] =
                [std::f64::consts::PI, std::f64::consts::TAU, 0.0].map(|value| c.constant_like(pair[0], value));
            let step = c.sub(pair[1], pair[0]);
            let raised = c.add(step, pi);
            let wrapped = c.python_remainder(raised, turn);
            let wrapped = c.sub(wrapped, pi);
            // A jump of exactly half a turn upwards stays upwards.
            let minus_pi = c.unary(Unary::Neg, pi);
            let is_lower = c.binary(Binary::Eq, wrapped, minus_pi);
            let was_up = c.less(zero, step);
            let flips = c.and(is_lower, was_up);
            let wrapped = c.select(flips, pi, wrapped);
            let extra = c.sub(wrapped, step);
            let magnitude = c.unary(Unary::Abs, step);
            let is_small = c.less(magnitude, pi);
            let extra = c.select(is_small, zero, extra);
            let sum = match correction {
                Some(known) => c.add(known, extra),
                None => extra,
            };
            correction = Some(sum);
            result.push(c.add(pair[1], sum));
        }
        [result]
    });
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}
