//! Products of vectors and matrices, distances, angles between vectors.

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast, broadcast_index, node_count, shape_help};
use crate::ir::{Binary, NodeId, Unary};
use crate::value::{Dim, Element, ScalarKind, Tensor, Value};

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
    entry("numpy.trace torch.trace ndarray.trace", "a", Run(trace)),
    entry(
        "scipy.spatial.distance.cdist torch.cdist",
        "XA|x1 XB|x2 metric?",
        Run(cdist),
    ),
    entry("scipy.spatial.distance.euclidean", "u v", Run(euclidean)),
    entry("scipy.spatial.distance.cosine", "u v", Run(cosine_distance)),
    entry(
        "torch.nn.functional.cosine_similarity torch.cosine_similarity",
        "x1 x2 dim? eps?",
        Run(cosine_similarity),
    ),
    entry("torch.nn.functional.normalize", "input p? dim? eps?", Run(normalize)),
    entry(
        "torch.nn.functional.mse_loss",
        "input target reduction?",
        Run(|c, args| loss(c, &args, |c, x| c.mul(x, x))),
    ),
    entry(
        "torch.nn.functional.l1_loss",
        "input target reduction?",
        Run(|c, args| loss(c, &args, |c, x| c.unary(Unary::Abs, x))),
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

fn dot(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, _) = pair(c, &args)?;
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
    let (a, b, _) = pair(c, &args)?;
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
    /// `a @ b`, with leading axes broadcast.
    pub(crate) fn matrix_product(&mut self, a: &Tensor, b: &Tensor) -> Checked {
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

/// The outer axes, and for each position there the two vectors.
type VectorRows = (Vec<Dim>, Vec<[Vec<NodeId>; 2]>);

/// Rows along the last axis, broadcast against each other: what functions of vectors work on.
pub(super) fn vector_rows(c: &mut Checker<'_>, name: &str, a: &Tensor, b: &Tensor) -> Checked<VectorRows> {
    let Ok(dims) = broadcast(&a.dims, &b.dims) else {
        return c.error(
            Code::ShapeMismatch,
            format!("`{name}` cannot combine {a} and {b}"),
            shape_help(&a.dims, &b.dims),
        );
    };
    let Some((&Dim::Size(width), outer)) = dims.split_last() else {
        return c.error(
            Code::ShapeMismatch,
            format!("`{name}` works along a last axis of known length, not on {a} and {b}"),
            None,
        );
    };
    c.check_size(&dims)?;
    let expand = |c: &Checker<'_>, tensor: &Tensor| -> Vec<NodeId> {
        let nodes = c.elements(tensor);
        broadcast_index(&tensor.dims, &dims)
            .into_iter()
            .map(|at| nodes[at])
            .collect()
    };
    let (xs, ys) = (expand(c, a), expand(c, b));
    let rows = (0..node_count(outer))
        .map(|row| [&xs, &ys].map(|nodes| nodes[row * width..(row + 1) * width].to_vec()))
        .collect();
    Ok((outer.to_vec(), rows))
}

pub(super) fn cross_nodes(c: &mut Checker<'_>, a: [NodeId; 3], b: [NodeId; 3]) -> [NodeId; 3] {
    [(1, 2), (2, 0), (0, 1)].map(|(i, j)| {
        let left = c.mul(a[i], b[j]);
        let right = c.mul(a[j], b[i]);
        c.sub(left, right)
    })
}

fn cross(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, element) = pair(c, &args)?;
    if let Some(axis) = args.get(2)
        && c.constant_int(&axis)
            .is_none_or(|axis| axis != -1 && axis != a.dims.len() as i64 - 1)
    {
        return c.unsupported("a cross product along another axis than the last", "use `dim=-1`");
    }
    if [&a, &b].iter().any(|tensor| tensor.dims.last() != Some(&Dim::Size(3))) {
        return c.error(
            Code::ShapeMismatch,
            format!("a cross product needs vectors of length 3, not {a} and {b}"),
            None,
        );
    }
    let (mut dims, rows) = vector_rows(c, "cross", &a, &b)?;
    let mut nodes = Vec::new();
    for [x, y] in rows {
        let (Ok(x), Ok(y)) = (<[NodeId; 3]>::try_from(x), <[NodeId; 3]>::try_from(y)) else {
            return c.error(
                Code::ShapeMismatch,
                format!("a cross product needs vectors of length 3, not {a} and {b}"),
                None,
            );
        };
        nodes.extend(cross_nodes(c, x, y));
    }
    dims.push(Dim::Size(3));
    Ok(c.tensor_value(element, dims, nodes))
}

fn trace(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let [Dim::Size(rows), Dim::Size(columns)] = *tensor.dims else {
        return c.error(
            Code::ShapeMismatch,
            format!("a trace needs a matrix, not {tensor}"),
            None,
        );
    };
    let element = if tensor.element == Element::Bool {
        Element::I64
    } else {
        tensor.element
    };
    let nodes = c.elements_as(&tensor, element);
    let diagonal: Vec<NodeId> = (0..rows.min(columns)).map(|at| nodes[at * columns + at]).collect();
    let sum = c.sum(element.ty(), &diagonal);
    Ok(c.tensor_value(element, Vec::new(), vec![sum]))
}

fn distance(c: &mut Checker<'_>, a: &[NodeId], b: &[NodeId]) -> NodeId {
    let differences: Vec<NodeId> = a.iter().zip(b).map(|(&a, &b)| c.sub(a, b)).collect();
    c.euclidean_norm(&differences)
}

/// `1 - a·b / (|a| |b|)`.
fn one_minus_cosine(c: &mut Checker<'_>, a: &[NodeId], b: &[NodeId]) -> NodeId {
    let product = dot_nodes(c, a, b);
    let lengths = [a, b].map(|vector| {
        let square = dot_nodes(c, vector, vector);
        c.unary(Unary::Sqrt, square)
    });
    let scale = c.mul(lengths[0], lengths[1]);
    let cosine = c.div(product, scale);
    let one = c.constant_like(cosine, 1.0);
    c.sub(one, cosine)
}

/// Distances between all rows of two matrices.
fn cdist(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, element) = pair(c, &args)?;
    let ([Dim::Size(rows), width], [Dim::Size(columns), other]) = (&*a.dims, &*b.dims) else {
        return c.error(
            Code::ShapeMismatch,
            format!("`cdist` needs two matrices, not {a} and {b}"),
            None,
        );
    };
    let (rows, columns) = (*rows, *columns);
    if width != other {
        return c.error(
            Code::ShapeMismatch,
            format!("`cdist` needs rows of one length, not {a} and {b}"),
            None,
        );
    }
    let metric: fn(&mut Checker<'_>, &[NodeId], &[NodeId]) -> NodeId = match args.get(2) {
        None => distance,
        Some(Value::Str(name)) if &*name == "euclidean" => distance,
        Some(Value::Str(name)) if &*name == "cosine" => one_minus_cosine,
        Some(Value::Str(name)) if &*name == "cityblock" => |c, a, b| {
            let parts: Vec<NodeId> = a
                .iter()
                .zip(b)
                .map(|(&a, &b)| {
                    let d = c.sub(a, b);
                    c.unary(Unary::Abs, d)
                })
                .collect();
            let ty = parts
                .first()
                .map_or(crate::ir::Type::F64, |&node| c.graph.node(node).ty);
            c.sum(ty, &parts)
        },
        Some(_) => {
            return c.unsupported(
                "this metric is not part of the reward language",
                "use \"euclidean\", \"cityblock\" or \"cosine\"",
            );
        }
    };
    let width = width.nodes();
    c.check_size(&[Dim::Size(rows), Dim::Size(columns)])?;
    c.reserve(rows.saturating_mul(columns).saturating_mul(3 * width + 8))?;
    let element = if element.is_float() {
        element
    } else {
        c.scalar_element(ScalarKind::Float)
    };
    let (xs, ys) = (c.elements_as(&a, element), c.elements_as(&b, element));
    let mut nodes = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            nodes.push(metric(
                c,
                &xs[row * width..(row + 1) * width],
                &ys[column * width..(column + 1) * width],
            ));
        }
    }
    Ok(c.tensor_value(element, vec![Dim::Size(rows), Dim::Size(columns)], nodes))
}

fn of_vectors(c: &mut Checker<'_>, args: &Args, f: fn(&mut Checker<'_>, &[NodeId], &[NodeId]) -> NodeId) -> Checked {
    let (a, b, element) = pair(c, args)?;
    let element = if element.is_float() {
        element
    } else {
        c.scalar_element(ScalarKind::Float)
    };
    if a.dims.len() != 1 || a.dims != b.dims {
        return c.error(
            Code::ShapeMismatch,
            format!("two vectors of one length are needed, not {a} and {b}"),
            None,
        );
    }
    let (xs, ys) = (c.elements_as(&a, element), c.elements_as(&b, element));
    let node = f(c, &xs, &ys);
    Ok(c.tensor_value(element, Vec::new(), vec![node]))
}

fn euclidean(c: &mut Checker<'_>, args: Args) -> Checked {
    of_vectors(c, &args, distance)
}

fn cosine_distance(c: &mut Checker<'_>, args: Args) -> Checked {
    of_vectors(c, &args, one_minus_cosine)
}

fn epsilon(c: &mut Checker<'_>, args: &Args, at: usize, default: f64) -> Checked<f64> {
    let Some(value) = args.get(at) else { return Ok(default) };
    let node = c.python_float(&value)?;
    match c.graph.constant_value(node) {
        Some(known) => Ok(known),
        None => c.error(Code::TypeMismatch, "`eps` is a known number", None),
    }
}

fn last_axis_only(c: &mut Checker<'_>, args: &Args, at: usize, default: i64, rank: usize) -> Checked<()> {
    let axis = match args.get(at) {
        Some(value) => c.constant_int(&value),
        None => Some(default),
    };
    match axis {
        Some(axis) if axis == -1 || axis == rank as i64 - 1 => Ok(()),
        _ => c.unsupported("this works along the last axis only", "use `dim=-1`"),
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

/// Dot product over the product of lengths, each at least `eps`.
fn cosine_similarity(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b, element) = pair(c, &args)?;
    needs_floats(c, &args, &a)?;
    last_axis_only(c, &args, 2, 1, a.dims.len().max(b.dims.len()))?;
    let eps = epsilon(c, &args, 3, 1e-8)?;
    let (dims, rows) = vector_rows(c, "cosine_similarity", &a, &b)?;
    let mut nodes = Vec::new();
    for [x, y] in rows {
        let product = dot_nodes(c, &x, &y);
        let lengths = [&x, &y].map(|vector| {
            let length = c.euclidean_norm(vector);
            let eps = c.constant_like(length, eps);
            c.binary(Binary::Max, length, eps)
        });
        let scale = c.mul(lengths[0], lengths[1]);
        nodes.push(c.div(product, scale));
    }
    Ok(c.tensor_value(element, dims, nodes))
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

fn normalize(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    needs_floats(c, &args, &tensor)?;
    last_axis_only(c, &args, 2, 1, tensor.dims.len())?;
    if let Some(p) = args.get(1) {
        let p = c.python_float(&p)?;
        if c.graph.constant_value(p) != Some(2.0) {
            return c.unsupported(
                "normalising by another norm than the Euclidean",
                "divide by `torch.norm(x, p=…, dim=-1, keepdim=True)`",
            );
        }
    }
    let eps = epsilon(c, &args, 3, 1e-12)?;
    Ok(Value::Tensor(normalized(c, &tensor, eps)?))
}

/// `mse_loss` and `l1_loss`: without `reduction="none"` torch averages over everything, the batch included.
fn loss(c: &mut Checker<'_>, args: &Args, f: fn(&mut Checker<'_>, NodeId) -> NodeId) -> Checked {
    let is_elementwise = matches!(args.get(2), Some(Value::Str(reduction)) if &*reduction == "none");
    if !is_elementwise {
        return c.unsupported(
            "a loss averaged over all environments",
            "pass `reduction=\"none\"` and take `.mean(dim=-1)`",
        );
    }
    let difference = c.array_arithmetic(ruff_python_ast::Operator::Sub, &args.at(0), &args.at(1), None)?;
    let Value::Tensor(difference) = difference else {
        return Ok(difference);
    };
    Ok(Value::Tensor(c.map(&difference, difference.element, |c, x| f(c, x))))
}
