//! Norms of vectors and matrices.

use carrot_reward_interface::Dialect;

use super::Behaviour::Run;
use super::reduction::{float_element, fold, grouped, nonempty, refuse_axis_of_number};
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker};
use crate::ir::{Binary, NodeId, Reduction, Type, Unary};
use crate::value::Value;

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.norm Tensor.norm torch.linalg.norm torch.linalg.vector_norm",
        "input|x p|ord? dim|axis? keepdim|keepdims? dtype?",
        Run(norm),
    ),
    entry("numpy.linalg.norm", "x ord? axis? keepdims?", Run(norm)),
    entry("numpy.linalg.vector_norm", "x | axis? keepdims? ord?", Run(vector_norm)),
];

/// The norm of one vector.
pub(super) fn of_order(c: &mut Checker<'_>, vector: &[NodeId], p: f64) -> NodeId {
    let order = match p {
        2.0 => return c.euclidean_norm(vector),
        1.0 => Order::One,
        0.0 => Order::Zero,
        f64::INFINITY => Order::Max,
        f64::NEG_INFINITY => Order::Min,
        power => Order::Power(power),
    };
    let ty = vector.first().map_or(Type::F64, |&node| c.graph.node(node).ty);
    let sum = combine(c, vector, &order, ty);
    finish(c, sum, &order)
}

fn vector_norm(c: &mut Checker<'_>, mut args: Args) -> Checked {
    args.values = vec![Some(args.at(0)), args.get(3), args.get(1), args.get(2)];
    norm(c, args)
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
        combine(c, nodes, &order, element.ty())
    });
    let Value::Tensor(combined) = combined else {
        return Ok(combined);
    };
    Ok(Value::Tensor(
        c.map(&combined, element, |c, node| finish(c, node, &order)),
    ))
}

/// What is summed, or the extreme, before the root.
fn combine(c: &mut Checker<'_>, nodes: &[NodeId], order: &Order, ty: Type) -> NodeId {
    let parts: Vec<NodeId> = nodes.iter().map(|&node| norm_part(c, node, order)).collect();
    let op = match order {
        Order::Max => Binary::Max,
        Order::Min => Binary::Min,
        _ => return c.sum(ty, &parts),
    };
    parts[1..].iter().fold(parts[0], |best, &node| c.binary(op, best, node))
}

fn finish(c: &mut Checker<'_>, node: NodeId, order: &Order) -> NodeId {
    match order {
        Order::Two => c.unary(Unary::Sqrt, node),
        Order::Power(power) => {
            let inverse = c.constant_like(node, 1.0 / power);
            c.power(node, inverse)
        }
        _ => node,
    }
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
