//! Products of vectors and matrices, distances, angles between vectors.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast, broadcast_index, node_count};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Dim, Element, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry(
        "torch.dot numpy.dot numpy.inner numpy.vdot",
        "input|a other|b",
        Run(dot),
    ),
    entry("ndarray.dot Tensor.dot", "input other", Run(dot)),
    entry(
        "torch.matmul torch.mm torch.bmm numpy.matmul Tensor.matmul Tensor.bmm Tensor.mm",
        "input|x1 other|x2",
        Run(matmul),
    ),
    entry(
        "torch.cross torch.linalg.cross numpy.cross Tensor.cross",
        "input|a other|b dim|axis?",
        Run(cross),
    ),
    entry(
        "torch.nn.functional.cosine_similarity torch.cosine_similarity",
        "x1 x2 dim? eps?",
        Run(cosine_similarity),
    ),
    entry(
        "torch.nn.functional.normalize",
        "input p? dim? eps? out?",
        Run(normalize),
    ),
    entry(
        "torch.nn.functional.pairwise_distance torch.pairwise_distance",
        "x1 x2 p? eps? keepdim?",
        Run(pairwise_distance),
    ),
    entry(
        "torch.linalg.vecdot torch.vecdot numpy.vecdot",
        "x|x1 y|x2 | dim|axis?",
        Run(vector_dot),
    ),
];

/// `Σ a·b`.
pub(super) fn dot_nodes(c: &mut Checker<'_>, a: &[NodeId], b: &[NodeId]) -> NodeId {
    let products: Vec<NodeId> = a.iter().zip(b).map(|(&a, &b)| c.mul(a, b)).collect();
    let ty = a.first().map_or(crate::ir::Type::F64, |&node| c.graph.node(node).ty);
    c.sum(ty, &products)
}

/// Two arrays in their common element type.
fn pair(c: &mut Checker<'_>, args: &Args) -> Checked<(Tensor, Tensor, Element)> {
    let a = c.array_argument(args, &args.at(0))?;
    let b = c.array_argument(args, &args.at(1))?;
    let element = c.promote(&[&Value::Tensor(a.clone()), &Value::Tensor(b.clone())]);
    if element == Element::Bool {
        return c.error(
            Code::TypeMismatch,
            format!("`{}` needs numbers, not truth values", super::shown_name(&args.name)),
            "convert them first, for example with `.float()`".to_owned(),
        );
    }
    Ok((c.cast(&a, element), c.cast(&b, element), element))
}

/// Two arrays that are multiplied as vectors or matrices.
fn factors(c: &mut Checker<'_>, args: &Args) -> Checked<(Tensor, Tensor, Element)> {
    let a = c.array_argument(args, &args.at(0))?;
    let b = c.array_argument(args, &args.at(1))?;
    c.same_element(&a, &b)?;
    pair(c, args)
}

fn dot(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, _) = factors(c, &args)?;
    if &*args.name == "ndarray.dot" && a.dims.is_empty() {
        return c.error(Code::UnknownAttribute, "a single number has no method `dot`", None);
    }
    if args.is_numpy() && &*args.name != "numpy.vdot" && (a.dims.is_empty() || b.dims.is_empty()) {
        return c.array_arithmetic(
            ruff_python_ast::Operator::Mult,
            &Value::Tensor(a),
            &Value::Tensor(b),
            None,
        );
    }
    if a.is_batched() && a.dims.len() == 1 || b.is_batched() && b.dims.len() == 1 {
        return c.unsupported("a product over all environments", "use `torch.sum(a * b, dim=-1)`");
    }
    let ranks = [a.dims.len(), b.dims.len()];
    let is_plain_dot = matches!(&*args.name, "numpy.dot" | "ndarray.dot");
    if ranks.iter().any(|&rank| rank > if is_plain_dot { 2 } else { 1 }) {
        return c.error(
            Code::ShapeMismatch,
            format!(
                "`{}` multiplies two vectors here, not {a} and {b}",
                super::shown_name(&args.name)
            ),
            "use `@` for matrices, or multiply and sum along the last axis".to_owned(),
        );
    }
    c.matrix_product(&a, &b)
}

fn matmul(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, _) = factors(c, &args)?;
    let rank = match args.name.rsplit('.').next() {
        Some("mm") => Some(2),
        Some("bmm") => Some(3),
        _ => None,
    };
    if let Some(rank) = rank
        && (a.dims.len() != rank || b.dims.len() != rank || rank == 3 && a.dims[0] != b.dims[0])
    {
        return c.error(
            Code::ShapeMismatch,
            format!(
                "`{}` multiplies arrays with {rank} axes, not {a} and {b}",
                super::shown_name(&args.name)
            ),
            "use `@` or `torch.matmul`, which broadcast".to_owned(),
        );
    }
    c.matrix_product(&a, &b)
}

impl Checker<'_> {
    /// torch multiplies matrices and vectors of one element type only.
    fn same_element(&mut self, a: &Tensor, b: &Tensor) -> Checked<()> {
        if self.dialect != carrot_reward_interface::Dialect::Torch || a.element == b.element {
            return Ok(());
        }
        self.error(
            Code::TypeMismatch,
            format!("torch multiplies matrices of one element type, not {a} and {b}"),
            "convert one of them, for example with `.float()`".to_owned(),
        )
    }

    /// `a @ b`, with leading axes broadcast.
    pub(crate) fn matrix_product(&mut self, a: &Tensor, b: &Tensor) -> Checked {
        self.same_element(a, b)?;
        let element = self.promote(&[&Value::Tensor(a.clone()), &Value::Tensor(b.clone())]);
        if element == Element::Bool {
            return self.error(
                Code::TypeMismatch,
                "a product of matrices needs numbers, not truth values",
                "convert them first, for example with `.float()`".to_owned(),
            );
        }
        let mismatch = |checker: &mut Self| {
            let help = a
                .is_batched()
                .then(|| "for one product per environment use `torch.sum(a * b, dim=-1)`".to_owned());
            checker.error(
                Code::ShapeMismatch,
                format!("cannot multiply the matrices {a} and {b}"),
                help,
            )
        };
        if a.dims.is_empty() || b.dims.is_empty() {
            return mismatch(self);
        }
        let mut left = a.dims.to_vec();
        let mut right = b.dims.to_vec();
        if left.len() == 1 {
            left.insert(0, Dim::Size(1));
        }
        if right.len() == 1 {
            right.push(Dim::Size(1));
        }
        let (rows, inner) = (left[left.len() - 2], left[left.len() - 1]);
        let (same, columns) = (right[right.len() - 2], right[right.len() - 1]);
        let Dim::Size(depth) = inner else { return mismatch(self) };
        if inner != same || rows == Dim::Batch && right.len() > 2 || columns == Dim::Batch {
            return mismatch(self);
        }
        let Ok(outer) = broadcast(&left[..left.len() - 2], &right[..right.len() - 2]) else {
            return mismatch(self);
        };
        if outer.contains(&Dim::Batch) && rows == Dim::Batch {
            return mismatch(self);
        }
        let mut dims = outer.clone();
        dims.extend([rows, columns]);
        self.check_size(&dims)?;
        self.reserve(node_count(&dims).saturating_mul(depth).saturating_mul(2))?;
        let (xs, ys) = (self.elements_as(a, element), self.elements_as(b, element));
        let x_blocks = broadcast_index(&left[..left.len() - 2], &outer);
        let y_blocks = broadcast_index(&right[..right.len() - 2], &outer);
        let (m, n) = (rows.nodes(), columns.nodes());
        let mut nodes = Vec::new();
        for (x_block, y_block) in x_blocks.into_iter().zip(y_blocks) {
            for row in 0..m {
                for column in 0..n {
                    let x: Vec<NodeId> = (0..depth).map(|k| xs[x_block * m * depth + row * depth + k]).collect();
                    let y: Vec<NodeId> = (0..depth).map(|k| ys[y_block * depth * n + k * n + column]).collect();
                    nodes.push(dot_nodes(self, &x, &y));
                }
            }
        }
        if b.dims.len() == 1 {
            dims.pop();
        }
        if a.dims.len() == 1 {
            dims.remove(dims.len() - 1 - usize::from(b.dims.len() != 1));
        }
        Ok(self.tensor_value(element, dims, nodes))
    }
}

pub(super) fn cross_nodes(c: &mut Checker<'_>, a: [NodeId; 3], b: [NodeId; 3]) -> [NodeId; 3] {
    [(1, 2), (2, 0), (0, 1)].map(|(i, j)| {
        let left = c.mul(a[i], b[j]);
        let right = c.mul(a[j], b[i]);
        c.sub(left, right)
    })
}

fn cross(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, _) = pair(c, &args)?;
    let is_flat = |tensor: &Tensor| tensor.dims.last() == Some(&Dim::Size(2));
    if args.is_numpy() && (is_flat(&a) || is_flat(&b)) {
        return c.unsupported(
            "the cross product of vectors of length 2",
            "write `a[0] * b[1] - a[1] * b[0]`",
        );
    }
    // Without an axis torch takes the first of length 3.
    let is_plain = matches!(&*args.name, "torch.cross" | "Tensor.cross");
    let first = a.dims.iter().position(|&dim| dim == Dim::Size(3));
    let default = match first {
        Some(axis) if is_plain => axis as i64,
        _ => -1,
    };
    let (a, b, axis) = vectors(c, &args, 2, default)?;
    if a.dims.get(axis) != Some(&Dim::Size(3)) {
        return c.error(
            Code::ShapeMismatch,
            format!("a cross product needs vectors of length 3, not {a} and {b}"),
            None,
        );
    }
    let both = join_axis(c, &a, &b, axis);
    let [nodes] = super::along::along(c, &both, axis, |c, lane| {
        let [x, y] = [0, 3].map(|start| [lane[start], lane[start + 1], lane[start + 2]]);
        [cross_nodes(c, x, y).to_vec()]
    });
    Ok(c.tensor_value(a.element, a.dims.to_vec(), nodes))
}

fn epsilon(c: &mut Checker<'_>, args: &Args, at: usize, default: f64) -> Checked<f64> {
    let Some(value) = args.get(at) else { return Ok(default) };
    let node = c.python_float(&value)?;
    match c.graph.constant_value(node) {
        Some(known) => Ok(known),
        None => c.error(Code::TypeMismatch, "`eps` is a known number", None),
    }
}

/// Whole numbers and truth values have no unit vectors.
pub(super) fn needs_floats(c: &mut Checker<'_>, args: &Args, tensor: &Tensor) -> Checked<()> {
    if tensor.element.is_float() {
        return Ok(());
    }
    c.error(
        Code::TypeMismatch,
        format!("`{}` needs floats, not {tensor}", super::shown_name(&args.name)),
        "convert first with `.float()`".to_owned(),
    )
}

/// The two arrays broadcast against each other, and the axis of their vectors.
fn vectors(c: &mut Checker<'_>, args: &Args, axis_at: usize, default: i64) -> Checked<(Tensor, Tensor, usize)> {
    let (a, b, element) = pair(c, args)?;
    let values = [&a, &b].map(|tensor| Value::Tensor(tensor.clone()));
    let shown = format!("`{}`", super::shown_name(&args.name));
    let (dims, rows) = c.broadcast_operands(&shown, &[&values[0], &values[1]], element)?;
    let [a, b] = [0, 1].map(|at| c.tensor(element, dims.clone(), rows[at].clone()));
    let (_, axis) = super::along::lane_axis(c, args, axis_at, Some(default), &a)?;
    Ok((a, b, axis))
}

/// `x·y` for each pair of vectors along an axis, by `f`; the axis goes.
fn of_pairs(
    c: &mut Checker<'_>,
    (a, b, axis): (&Tensor, &Tensor, usize),
    keeps: bool,
    mut f: impl FnMut(&mut Checker<'_>, &[NodeId], &[NodeId]) -> NodeId,
) -> Checked {
    let halves = a.dims.get(axis).map_or(1, |dim| dim.nodes());
    let both = join_axis(c, a, b, axis);
    let [nodes] = super::along::along(c, &both, axis, |c, lane| {
        let (x, y) = lane.split_at(halves);
        [vec![f(c, x, y)]]
    });
    let mut dims = super::along::with_length(a, axis, 1);
    if !keeps && axis < dims.len() {
        dims.remove(axis);
    }
    Ok(c.tensor_value(a.element, dims, nodes))
}

/// Both arrays one behind the other along an axis.
fn join_axis(c: &mut Checker<'_>, a: &Tensor, b: &Tensor, axis: usize) -> Tensor {
    let inner = node_count(&a.dims[axis.min(a.dims.len())..]);
    let (xs, ys) = (c.elements(a), c.elements(b));
    let blocks = xs.chunks(inner.max(1)).zip(ys.chunks(inner.max(1)));
    let nodes = blocks.flat_map(|(x, y)| [x, y].concat()).collect();
    let length = a.dims.get(axis).map_or(1, |dim| dim.nodes());
    let dims = match a.dims.is_empty() {
        true => vec![Dim::Size(2)],
        false => super::along::with_length(a, axis, 2 * length),
    };
    c.tensor(a.element, dims, nodes)
}

/// Dot product over the product of lengths, each at least `eps`.
fn cosine_similarity(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    needs_floats(c, &args, &tensor)?;
    let eps = epsilon(c, &args, 3, 1e-8)?;
    let (a, b, axis) = vectors(c, &args, 2, 1)?;
    of_pairs(c, (&a, &b, axis), false, |c, x, y| {
        let lengths = [x, y].map(|vector| {
            let length = c.euclidean_norm(vector);
            let eps = c.constant_like(length, eps);
            c.binary(Binary::Max, length, eps)
        });
        let units = [x, y]
            .into_iter()
            .zip(lengths)
            .map(|(vector, length)| vector.iter().map(|&node| c.div(node, length)).collect::<Vec<_>>());
        let units: Vec<Vec<NodeId>> = units.collect();
        dot_nodes(c, &units[0], &units[1])
    })
}

/// `‖a - b + eps‖` along the last axis.
fn pairwise_distance(c: &mut Checker<'_>, args: Args) -> Checked {
    let p = match args.get(2) {
        Some(p) => c.known_number(&p)?,
        None => 2.0,
    };
    let eps = epsilon(c, &args, 3, 1e-6)?;
    let keeps = c.flag(args.get(4))?;
    let tensor = c.array_argument(&args, &args.at(0))?;
    needs_floats(c, &args, &tensor)?;
    let (a, b, element) = pair(c, &args)?;
    let values = [&a, &b].map(|tensor| Value::Tensor(tensor.clone()));
    let (dims, rows) = c.broadcast_operands("`pairwise_distance`", &[&values[0], &values[1]], element)?;
    let [a, b] = [0, 1].map(|at| c.tensor(element, dims.clone(), rows[at].clone()));
    let axis = dims.len().saturating_sub(1);
    if matches!(dims.last(), None | Some(Dim::Batch)) {
        return c.unsupported("a distance over the batch axis", "keep the components on the last axis");
    }
    of_pairs(c, (&a, &b, axis), keeps, |c, x, y| {
        let differences: Vec<NodeId> = x
            .iter()
            .zip(y)
            .map(|(&x, &y)| {
                let difference = c.sub(x, y);
                let eps = c.constant_like(difference, eps);
                c.add(difference, eps)
            })
            .collect();
        super::norm::of_order(c, &differences, p)
    })
}

/// Inner products along an axis (`torch.linalg.vecdot`, `np.vecdot`).
fn vector_dot(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, axis) = vectors(c, &args, 2, -1)?;
    of_pairs(c, (&a, &b, axis), false, dot_nodes)
}

/// `x / max(|x|, eps)` along the last axis.
pub(super) fn normalized(c: &mut Checker<'_>, tensor: &Tensor, eps: f64) -> Checked<Tensor> {
    let Some((&Dim::Size(width), _)) = tensor.dims.split_last() else {
        return c.error(
            Code::ShapeMismatch,
            format!("vectors along the last axis are needed, not {tensor}"),
            None,
        );
    };
    let nodes = c.elements(tensor);
    let mut result = Vec::with_capacity(nodes.len());
    for row in nodes.chunks(width.max(1)) {
        let squares: Vec<NodeId> = row.iter().map(|&node| c.mul(node, node)).collect();
        let ty = tensor.element.ty();
        let sum = c.sum(ty, &squares);
        let length = c.unary(Unary::Sqrt, sum);
        let eps = c.constant_like(length, eps);
        let length = c.binary(Binary::Max, length, eps);
        result.extend(row.iter().map(|&node| c.div(node, length)).collect::<Vec<_>>());
    }
    Ok(c.tensor(tensor.element, tensor.dims.to_vec(), result))
}

/// `x / max(‖x‖, eps)` along an axis.
fn normalize(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    needs_floats(c, &args, &tensor)?;
    let p = match args.get(1) {
        Some(p) => c.known_number(&p)?,
        None => 2.0,
    };
    let eps = epsilon(c, &args, 3, 1e-12)?;
    let (tensor, axis) = super::along::lane_axis(c, &args, 2, Some(1), &tensor)?;
    let [nodes] = super::along::along(c, &tensor, axis, |c, lane| {
        let length = super::norm::of_order(c, lane, p);
        let eps = c.constant_like(length, eps);
        let length = c.binary(Binary::Max, length, eps);
        [lane.iter().map(|&node| c.div(node, length)).collect()]
    });
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}
