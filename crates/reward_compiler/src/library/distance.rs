//! Distances between vectors by the metrics of SciPy, one by one or between all rows of two matrices.

use super::Behaviour::Run;
use super::linear::dot_nodes;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast, broadcast_index, node_count};
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Dim, Element, ScalarKind, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("scipy.spatial.distance.cdist", "XA XB metric? | p?", Run(between_rows)),
    entry("torch.cdist", "x1 x2 p? compute_mode?", Run(between_rows)),
    entry("scipy.spatial.distance.pdist", "X metric?", Run(within_rows)),
    entry(
        "scipy.spatial.distance.euclidean",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Euclidean)),
    ),
    entry(
        "scipy.spatial.distance.sqeuclidean",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Squared)),
    ),
    entry(
        "scipy.spatial.distance.cosine",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Cosine)),
    ),
    entry(
        "scipy.spatial.distance.correlation",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Correlation)),
    ),
    entry(
        "scipy.spatial.distance.cityblock",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::CityBlock)),
    ),
    entry(
        "scipy.spatial.distance.chebyshev",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Chebyshev)),
    ),
    entry(
        "scipy.spatial.distance.canberra",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::Canberra(true))),
    ),
    entry(
        "scipy.spatial.distance.braycurtis",
        "u v",
        Run(|c, args| of_vectors(c, &args, Metric::BrayCurtis)),
    ),
    entry("scipy.spatial.distance.minkowski", "u v p?", Run(minkowski)),
];

/// How far two vectors are from each other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    Euclidean,
    Squared,
    Cosine,
    Correlation,
    CityBlock,
    Chebyshev,
    /// Whether parts that are NaN are left out, as SciPy's function of two vectors does and `cdist` does not.
    Canberra(bool),
    BrayCurtis,
    Minkowski(f64),
}

impl Metric {
    const NAMES: [(&'static str, Self); 8] = [
        ("euclidean", Self::Euclidean),
        ("sqeuclidean", Self::Squared),
        ("cosine", Self::Cosine),
        ("correlation", Self::Correlation),
        ("cityblock", Self::CityBlock),
        ("chebyshev", Self::Chebyshev),
        ("canberra", Self::Canberra(false)),
        ("braycurtis", Self::BrayCurtis),
    ];

    fn named(c: &mut Checker<'_>, name: &str, p: Option<Value>) -> Checked<Self> {
        if name == "minkowski" {
            let p = match p {
                Some(p) => c.known_number(&p)?,
                None => 2.0,
            };
            return Ok(Self::Minkowski(p));
        }
        match Self::NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, metric)) => Ok(*metric),
            None => c.unsupported(
                &format!("the metric \"{name}\""),
                "use \"euclidean\", \"sqeuclidean\", \"cityblock\", \"chebyshev\" or \"cosine\"",
            ),
        }
    }

    fn between(self, c: &mut Checker<'_>, a: &[NodeId], b: &[NodeId]) -> NodeId {
        let ty = a.first().map_or(Type::F64, |&node| c.graph.node(node).ty);
        match self {
            Self::Cosine => return one_minus_cosine(c, a, b),
            Self::Correlation => {
                let [a, b] = [a, b].map(|vector| centred(c, vector));
                return one_minus_cosine(c, &a, &b);
            }
            _ => {}
        }
        let differences: Vec<NodeId> = a.iter().zip(b).map(|(&a, &b)| c.sub(a, b)).collect();
        match self {
            Self::Squared => dot_nodes(c, &differences, &differences),
            Self::CityBlock => super::norm::of_order(c, &differences, 1.0),
            Self::Chebyshev => super::norm::of_order(c, &differences, f64::INFINITY),
            Self::Minkowski(p) => super::norm::of_order(c, &differences, p),
            Self::Canberra(skips_nan) => {
                let parts: Vec<NodeId> = (0..a.len())
                    .map(|at| share(c, differences[at], a[at], b[at], skips_nan))
                    .collect();
                c.sum(ty, &parts)
            }
            Self::BrayCurtis => {
                let sums: Vec<NodeId> = a.iter().zip(b).map(|(&a, &b)| c.add(a, b)).collect();
                let [apart, together] = [&differences, &sums].map(|nodes| super::norm::of_order(c, nodes, 1.0));
                c.div(apart, together)
            }
            _ => c.euclidean_norm(&differences),
        }
    }
}

/// `|a - b| / (|a| + |b|)`, and 0 where both are 0.
fn share(c: &mut Checker<'_>, difference: NodeId, a: NodeId, b: NodeId, skips_nan: bool) -> NodeId {
    let [difference, a, b] = [difference, a, b].map(|node| c.unary(Unary::Abs, node));
    let size = c.add(a, b);
    let share = c.div(difference, size);
    let zero = c.constant_like(size, 0.0);
    let is_zero = c.binary(Binary::Eq, size, zero);
    let share = c.select(is_zero, zero, share);
    let is_number = c.binary(Binary::Eq, share, share);
    match skips_nan {
        true => c.select(is_number, share, zero),
        false => share,
    }
}

fn centred(c: &mut Checker<'_>, vector: &[NodeId]) -> Vec<NodeId> {
    let Some(&first) = vector.first() else {
        return Vec::new();
    };
    let ty = c.graph.node(first).ty;
    let sum = c.sum(ty, vector);
    let count = c.constant(ty, vector.len() as f64);
    let mean = c.div(sum, count);
    vector.iter().map(|&node| c.sub(node, mean)).collect()
}

/// `1 - a·b / (|a| |b|)`. SciPy keeps the cosine within -1 and 1.
fn one_minus_cosine(c: &mut Checker<'_>, a: &[NodeId], b: &[NodeId]) -> NodeId {
    let product = dot_nodes(c, a, b);
    let lengths = [a, b].map(|vector| dot_nodes(c, vector, vector));
    let scale = c.mul(lengths[0], lengths[1]);
    let scale = c.unary(Unary::Sqrt, scale);
    let cosine = c.div(product, scale);
    let one = c.constant_like(cosine, 1.0);
    // A length 0 gives NaN, which a bound by comparison lets through.
    let magnitude = c.unary(Unary::Abs, cosine);
    let is_beyond = c.less(one, magnitude);
    let zero = c.constant_like(cosine, 0.0);
    let minus = c.constant_like(cosine, -1.0);
    let is_negative = c.less(cosine, zero);
    let bound = c.select(is_negative, minus, one);
    let cosine = c.select(is_beyond, bound, cosine);
    c.sub(one, cosine)
}

/// Two arrays of floats in their common element type.
fn pair(c: &mut Checker<'_>, args: &Args) -> Checked<(Tensor, Tensor)> {
    let (a, b) = (
        c.array_argument(args, &args.at(0))?,
        c.array_argument(args, &args.at(1))?,
    );
    let element = match c.promote(&[&Value::Tensor(a.clone()), &Value::Tensor(b.clone())]) {
        element if element.is_float() => element,
        _ => c.scalar_element(ScalarKind::Float),
    };
    Ok((c.cast(&a, element), c.cast(&b, element)))
}

/// Distances between all rows of two matrices; torch takes stacks of matrices too.
fn between_rows(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = pair(c, &args)?;
    // SciPy computes in f64 whatever it is given.
    let (a, b) = match args.is_numpy() {
        true => (c.cast(&a, Element::F64), c.cast(&b, Element::F64)),
        false => (a, b),
    };
    let metric = match args.get(2) {
        None => Metric::Euclidean,
        Some(Value::Str(name)) => Metric::named(c, &name, args.get(3))?,
        Some(p) => match c.known_number(&p)? {
            2.0 => Metric::Euclidean,
            p => Metric::Minkowski(p),
        },
    };
    let mismatch = |c: &mut Checker<'_>| {
        c.error(
            Code::ShapeMismatch,
            format!("`cdist` needs two matrices with rows of one length, not {a} and {b}"),
            (args.is_numpy() && (a.dims.len() == 1 || b.dims.len() == 1))
                .then(|| "make a matrix of one row with `x.reshape(1, -1)`".to_owned()),
        )
    };
    let ([a_outer @ .., a_rows, a_width], [b_outer @ .., b_rows, b_width]) = (&*a.dims, &*b.dims) else {
        return mismatch(c);
    };
    let is_stack = !a_outer.is_empty() || !b_outer.is_empty();
    if a_width != b_width || *a_width == Dim::Batch || args.is_numpy() && is_stack {
        return mismatch(c);
    }
    let Ok(outer) = broadcast(a_outer, b_outer) else {
        return mismatch(c);
    };
    let mut dims = outer.clone();
    dims.extend([*a_rows, *b_rows]);
    if dims.iter().filter(|&&dim| dim == Dim::Batch).count() > 1 {
        return c.unsupported(
            "distances between every environment and every other",
            "keep the batch in front of both, such as `torch.norm(a - b, dim=-1)`",
        );
    }
    let (rows, columns, width) = (a_rows.nodes(), b_rows.nodes(), a_width.nodes());
    c.check_size(&dims)?;
    c.reserve(node_count(&dims).saturating_mul(3 * width + 8))?;
    let (xs, ys) = (c.elements(&a), c.elements(&b));
    let blocks = broadcast_index(a_outer, &outer)
        .into_iter()
        .zip(broadcast_index(b_outer, &outer));
    let mut nodes = Vec::new();
    for (x_block, y_block) in blocks {
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = ((x_block * rows + row) * width, (y_block * columns + column) * width);
                nodes.push(metric.between(c, &xs[x..x + width], &ys[y..y + width]));
            }
        }
    }
    Ok(c.tensor_value(a.element, dims, nodes))
}

/// Distances between the rows of one matrix, each pair once.
fn within_rows(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let tensor = c.cast(&tensor, Element::F64);
    let [Dim::Size(rows), Dim::Size(width)] = *tensor.dims else {
        return c.error(
            Code::ShapeMismatch,
            format!("`pdist` needs a matrix, not {tensor}"),
            None,
        );
    };
    let metric = match args.get(1) {
        Some(Value::Str(name)) => Metric::named(c, &name, None)?,
        _ => Metric::Euclidean,
    };
    let dims = vec![Dim::Size(rows * rows.saturating_sub(1) / 2)];
    c.check_size(&dims)?;
    let xs = c.elements(&tensor);
    let mut nodes = Vec::new();
    for i in 0..rows {
        for j in i + 1..rows {
            nodes.push(metric.between(c, &xs[i * width..(i + 1) * width], &xs[j * width..(j + 1) * width]));
        }
    }
    Ok(c.tensor_value(Element::F64, dims, nodes))
}

fn of_vectors(c: &mut Checker<'_>, args: &Args, metric: Metric) -> Checked {
    let (a, b) = pair(c, args)?;
    // SciPy takes vectors of numbers, also as matrices of one row.
    let [a, b] = [a, b].map(|tensor| match tensor.dims.len() {
        0 | 1 => tensor,
        _ => {
            let dims = tensor.dims.iter().copied().filter(|&dim| dim != Dim::Size(1)).collect();
            c.with_dims(&tensor, dims)
        }
    });
    if a.dims.len() != 1 || a.dims != b.dims {
        return c.error(
            Code::ShapeMismatch,
            format!("two vectors of one length are needed, not {a} and {b}"),
            None,
        );
    }
    let (xs, ys) = (c.elements(&a), c.elements(&b));
    let node = metric.between(c, &xs, &ys);
    Ok(c.tensor_value(a.element, Vec::new(), vec![node]))
}

fn minkowski(c: &mut Checker<'_>, args: Args) -> Checked {
    let metric = Metric::named(c, "minkowski", args.get(2))?;
    of_vectors(c, &args, metric)
}
