//! Small matrices: determinant, inverse, solution, trace, triangles, outer products.
//!
//! Elimination chooses the largest pivot of each column, as LAPACK does, by selects over the rows.

use super::Behaviour::Run;
use super::along::as_floats;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, broadcast_index, node_count};
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Dim, Element, Tensor, Value};

/// Largest matrix that is inverted.
const MAX_ORDER: usize = 8;

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch.det Tensor.det torch.linalg.det", "A|input", Run(determinant)),
    entry("numpy.linalg.det", "a", Run(determinant)),
    entry("torch.inverse Tensor.inverse torch.linalg.inv", "A|input", Run(inverse)),
    entry("numpy.linalg.inv", "a", Run(inverse)),
    entry("torch.linalg.solve numpy.linalg.solve", "A|a B|b", Run(solve)),
    entry("torch.trace Tensor.trace", "input", Run(trace)),
    entry("numpy.trace ndarray.trace", "a offset? axis1? axis2?", Run(trace)),
    entry(
        "torch.diagonal Tensor.diagonal",
        "input offset? dim1? dim2?",
        Run(diagonal),
    ),
    entry("torch.diag Tensor.diag", "input diagonal?", Run(diag)),
    entry("numpy.diag", "v k?", Run(diag)),
    entry(
        "numpy.diagonal ndarray.diagonal",
        "a offset? axis1? axis2?",
        Run(diagonal),
    ),
    entry("torch.diag_embed", "input", Run(diag_embed)),
    entry(
        "torch.tril Tensor.tril numpy.tril",
        "input|m diagonal|k?",
        Run(|c, args| triangle(c, &args, true)),
    ),
    entry(
        "torch.triu Tensor.triu numpy.triu",
        "input|m diagonal|k?",
        Run(|c, args| triangle(c, &args, false)),
    ),
    entry("torch.outer torch.ger Tensor.outer", "input vec2", Run(outer)),
    entry("numpy.outer", "a b", Run(outer)),
    entry("torch.kron numpy.kron", "input|a other|b", Run(kronecker)),
    entry(
        "numpy.linalg.matrix_power torch.linalg.matrix_power torch.matrix_power",
        "a|input n",
        Run(matrix_power),
    ),
];

/// The last two axes of square matrices: order and the axes before.
fn square(c: &mut Checker<'_>, args: &Args, tensor: &Tensor) -> Checked<(usize, Vec<Dim>)> {
    if let [outer @ .., Dim::Size(rows), Dim::Size(columns)] = &*tensor.dims
        && rows == columns
    {
        if *rows > MAX_ORDER {
            return c.unsupported(
                &format!("matrices larger than {MAX_ORDER} by {MAX_ORDER} are not inverted"),
                "use a smaller matrix",
            );
        }
        return Ok((*rows, outer.to_vec()));
    }
    c.error(
        Code::ShapeMismatch,
        format!(
            "`{}` needs square matrices, not {tensor}",
            super::shown_name(&args.name)
        ),
        None,
    )
}

/// Gaussian elimination of `n` rows, each with its right-hand side behind; the determinant comes with it.
fn eliminate(c: &mut Checker<'_>, rows: &mut [Vec<NodeId>], ty: Type) -> NodeId {
    let n = rows.len();
    let mut determinant = c.constant(ty, 1.0);
    for column in 0..n {
        // The first largest magnitude at or below the diagonal comes up.
        for below in column + 1..n {
            let [best, other] = [rows[column][column], rows[below][column]].map(|node| c.unary(Unary::Abs, node));
            let swaps = c.less(best, other);
            for at in column..rows[column].len() {
                let (a, b) = (rows[column][at], rows[below][at]);
                rows[column][at] = c.select(swaps, b, a);
                rows[below][at] = c.select(swaps, a, b);
            }
            let negative = c.unary(Unary::Neg, determinant);
            determinant = c.select(swaps, negative, determinant);
        }
        let pivot = rows[column][column];
        determinant = c.mul(determinant, pivot);
        let zero = c.constant(ty, 0.0);
        for below in column + 1..n {
            let factor = c.div(rows[below][column], pivot);
            // A singular matrix has a determinant of 0, not NaN.
            let is_zero = c.binary(Binary::Eq, rows[below][column], zero);
            let factor = c.select(is_zero, zero, factor);
            for at in column..rows[below].len() {
                let part = c.mul(factor, rows[column][at]);
                rows[below][at] = c.sub(rows[below][at], part);
            }
        }
    }
    determinant
}

/// Back substitution after [`eliminate`]: the right-hand sides become solutions.
fn substitute(c: &mut Checker<'_>, rows: &mut [Vec<NodeId>]) {
    let n = rows.len();
    for row in (0..n).rev() {
        for at in n..rows[row].len() {
            let mut value = rows[row][at];
            let known: Vec<[NodeId; 2]> = (row + 1..n).map(|later| [rows[row][later], rows[later][at]]).collect();
            for [factor, solved] in known {
                let part = c.mul(factor, solved);
                value = c.sub(value, part);
            }
            rows[row][at] = c.div(value, rows[row][row]);
        }
    }
}

fn needs_numbers(c: &mut Checker<'_>, args: &Args, at: usize) -> Checked<Tensor> {
    let tensor = c.array_argument(args, &args.at(at))?;
    if args.is_numpy() {
        return Ok(as_floats(c, &tensor));
    }
    super::linear::needs_floats(c, args, &tensor)?;
    Ok(tensor)
}

fn determinant(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = needs_numbers(c, &args, 0)?;
    let (n, outer) = square(c, &args, &tensor)?;
    let nodes = c.elements(&tensor);
    c.reserve(nodes.len().saturating_mul(4 * n))?;
    let mut result = Vec::new();
    for block in nodes.chunks((n * n).max(1)) {
        let mut rows: Vec<Vec<NodeId>> = block.chunks(n).map(<[NodeId]>::to_vec).collect();
        result.push(eliminate(c, &mut rows, tensor.element.ty()));
    }
    Ok(c.tensor_value(tensor.element, outer, result))
}

/// Both libraries stop at a matrix whose elimination meets a pivot of 0; so does the program.
fn refuse_singular(c: &mut Checker<'_>, args: &Args, ty: Type, rows: &[Vec<NodeId>]) -> Checked<()> {
    let zero = c.constant(ty, 0.0);
    let mut is_singular = c.constant(Type::Bool, 0.0);
    for (at, row) in rows.iter().enumerate() {
        let is_zero = c.binary(Binary::Eq, row[at], zero);
        is_singular = c.or(is_singular, is_zero);
    }
    let shown = super::shown_name(&args.name).to_owned();
    c.fault(is_singular, format!("LinAlgError: `{shown}` of a singular matrix"))
}

fn inverse(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = needs_numbers(c, &args, 0)?;
    let (n, _) = square(c, &args, &tensor)?;
    let ty = tensor.element.ty();
    let nodes = c.elements(&tensor);
    c.reserve(nodes.len().saturating_mul(8 * n))?;
    let [zero, one] = [0.0, 1.0].map(|value| c.constant(ty, value));
    let mut result = Vec::new();
    for block in nodes.chunks((n * n).max(1)) {
        let mut rows: Vec<Vec<NodeId>> = (0..n)
            .map(|row| {
                let unit = (0..n).map(|column| if row == column { one } else { zero });
                block[row * n..(row + 1) * n].iter().copied().chain(unit).collect()
            })
            .collect();
        eliminate(c, &mut rows, ty);
        refuse_singular(c, &args, ty, &rows)?;
        substitute(c, &mut rows);
        result.extend(rows.iter().flat_map(|row| row[n..].iter().copied()));
    }
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), result))
}

fn solve(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (needs_numbers(c, &args, 0)?, needs_numbers(c, &args, 1)?);
    let element = c.promote(&[&Value::Tensor(a.clone()), &Value::Tensor(b.clone())]);
    let (a, b) = (c.cast(&a, element), c.cast(&b, element));
    let (n, outer) = square(c, &args, &a)?;
    let is_vector = b.dims.len() == 1 || b.dims.len() + 1 == a.dims.len() && !args.is_numpy();
    let width = match (is_vector, b.dims.last()) {
        (true, _) => 1,
        (false, last) => last.map_or(1, |dim| dim.nodes()),
    };
    let mut expected = outer.clone();
    expected.push(Dim::Size(n));
    if !is_vector {
        expected.push(Dim::Size(width));
    }
    if *b.dims != *expected {
        return c.error(
            Code::ShapeMismatch,
            format!("`solve` needs a right-hand side for each row of {a}, not {b}"),
            None,
        );
    }
    let (xs, ys) = (c.elements(&a), c.elements(&b));
    c.reserve(xs.len().saturating_mul(4 * (n + width)))?;
    let mut result = Vec::new();
    for (block, right) in xs.chunks((n * n).max(1)).zip(ys.chunks((n * width).max(1))) {
        let mut rows: Vec<Vec<NodeId>> = (0..n)
            .map(|row| [&block[row * n..(row + 1) * n], &right[row * width..(row + 1) * width]].concat())
            .collect();
        eliminate(c, &mut rows, element.ty());
        refuse_singular(c, &args, element.ty(), &rows)?;
        substitute(c, &mut rows);
        result.extend(rows.iter().flat_map(|row| row[n..].iter().copied()));
    }
    Ok(c.tensor_value(element, expected, result))
}

/// Positions of a diagonal in a matrix.
fn diagonal_positions(rows: usize, columns: usize, offset: i64) -> Vec<usize> {
    (0..rows as i64)
        .map(|row| (row, row + offset))
        .filter(|&(_, column)| (0..columns as i64).contains(&column))
        .map(|(row, column)| row as usize * columns + column as usize)
        .collect()
}

fn offset_argument(c: &mut Checker<'_>, args: &Args) -> Checked<i64> {
    match args.get(1) {
        None => Ok(0),
        Some(offset) => match c.constant_int(&offset) {
            Some(offset) => Ok(offset),
            None => c.error(
                Code::TypeMismatch,
                "a diagonal is numbered by a known whole number",
                None,
            ),
        },
    }
}

/// The array with the two axes of its matrices last, and the axes before them.
fn matrices(c: &mut Checker<'_>, args: &Args, defaults: [i64; 2]) -> Checked<(Tensor, Vec<Dim>, usize, usize)> {
    let tensor = c.array_argument(args, &args.at(0))?;
    let rank = tensor.dims.len();
    let mut axes = [0; 2];
    for (at, axis) in axes.iter_mut().enumerate() {
        *axis = match args.get(at + 2) {
            Some(given) => c.axis_argument(&given, rank, &tensor)?,
            None => c.axis(defaults[at], rank, &tensor)?,
        };
    }
    let mut order: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    order.extend(axes);
    if order.len() != rank || rank < 2 {
        return c.error(
            Code::ShapeMismatch,
            format!("`{}` needs a matrix, not {tensor}", super::shown_name(&args.name)),
            None,
        );
    }
    let tensor = super::shape::permuted(c, &tensor, &order);
    let [outer @ .., Dim::Size(rows), Dim::Size(columns)] = &*tensor.dims else {
        return c.unsupported("a matrix with the batch as one axis", "keep the batch in front");
    };
    let (outer, rows, columns) = (outer.to_vec(), *rows, *columns);
    Ok((tensor, outer, rows, columns))
}

fn trace(c: &mut Checker<'_>, args: Args) -> Checked {
    let given = c.array_argument(&args, &args.at(0))?;
    if !args.is_numpy() && given.dims.len() != 2 {
        return c.error(
            Code::ShapeMismatch,
            format!("a trace needs a matrix, not {given}"),
            "use `torch.diagonal(x, dim1=-2, dim2=-1).sum(-1)`".to_owned(),
        );
    }
    let (tensor, outer, rows, columns) = matrices(c, &args, [0, 1])?;
    let offset = offset_argument(c, &args)?;
    let element = match tensor.element {
        Element::Bool => Element::I64,
        element => element,
    };
    let nodes = c.elements_as(&tensor, element);
    let positions = diagonal_positions(rows, columns, offset);
    let sums = nodes
        .chunks((rows * columns).max(1))
        .map(|block| {
            let chosen: Vec<NodeId> = positions.iter().map(|&at| block[at]).collect();
            c.sum(element.ty(), &chosen)
        })
        .collect();
    Ok(c.tensor_value(element, outer, sums))
}

/// A view of the diagonals, on a new last axis.
fn diagonal(c: &mut Checker<'_>, args: Args) -> Checked {
    let (tensor, mut outer, rows, columns) = matrices(c, &args, [0, 1])?;
    let offset = offset_argument(c, &args)?;
    let diagonal = diagonal_positions(rows, columns, offset);
    let blocks = node_count(&outer);
    let positions: Vec<usize> = (0..blocks)
        .flat_map(|block| diagonal.iter().map(move |&at| block * rows * columns + at))
        .collect();
    outer.push(Dim::Size(diagonal.len()));
    Ok(Value::Tensor(c.view(&tensor, outer, &positions)))
}

/// A vector becomes a matrix with that diagonal, a matrix gives its diagonal.
fn diag(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let offset = offset_argument(c, &args)?;
    match *tensor.dims {
        [Dim::Size(length)] => {
            let side = length + offset.unsigned_abs() as usize;
            let dims = vec![Dim::Size(side), Dim::Size(side)];
            c.check_size(&dims)?;
            let mut nodes = vec![c.constant(tensor.element.ty(), 0.0); side * side];
            let positions = diagonal_positions(side, side, offset);
            for (position, node) in positions.into_iter().zip(c.elements(&tensor)) {
                nodes[position] = node;
            }
            Ok(c.tensor_value(tensor.element, dims, nodes))
        }
        [Dim::Size(rows), Dim::Size(columns)] => {
            let positions = diagonal_positions(rows, columns, offset);
            let dims = vec![Dim::Size(positions.len())];
            let view = c.view(&tensor, dims.clone(), &positions);
            let nodes = c.elements(&view);
            Ok(c.tensor_value(tensor.element, dims, nodes))
        }
        _ => c.error(
            Code::ShapeMismatch,
            format!("`diag` takes a vector or a matrix, not {tensor}"),
            tensor
                .is_batched()
                .then(|| "use `torch.diagonal(x, dim1=-2, dim2=-1)` or `torch.diag_embed(x)`".to_owned()),
        ),
    }
}

fn diag_embed(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let Some((&Dim::Size(length), _)) = tensor.dims.split_last() else {
        return c.error(
            Code::ShapeMismatch,
            format!("`diag_embed` needs vectors, not {tensor}"),
            None,
        );
    };
    let mut dims = tensor.dims.to_vec();
    dims.push(Dim::Size(length));
    c.check_size(&dims)?;
    let zero = c.constant(tensor.element.ty(), 0.0);
    let nodes = c.elements(&tensor);
    let nodes = nodes
        .chunks(length.max(1))
        .flat_map(|row| {
            (0..row.len() * length).map(move |at| {
                if at / length == at % length {
                    row[at % length]
                } else {
                    zero
                }
            })
        })
        .collect();
    Ok(c.tensor_value(tensor.element, dims, nodes))
}

/// One triangle of each matrix, the diagonal included, the rest 0.
fn triangle(c: &mut Checker<'_>, args: &Args, lower: bool) -> Checked {
    let tensor = c.array_argument(args, &args.at(0))?;
    let offset = offset_argument(c, args)?;
    let [.., Dim::Size(rows), Dim::Size(columns)] = *tensor.dims else {
        return c.error(
            Code::ShapeMismatch,
            format!("`{}` needs matrices, not {tensor}", super::shown_name(&args.name)),
            None,
        );
    };
    let zero = c.constant(tensor.element.ty(), 0.0);
    let nodes = c.elements(&tensor);
    let nodes = nodes
        .iter()
        .enumerate()
        .map(|(at, &node)| {
            let (row, column) = ((at / columns % rows) as i64, (at % columns) as i64);
            let stays = match lower {
                true => column <= row + offset,
                false => column >= row + offset,
            };
            if stays { node } else { zero }
        })
        .collect();
    Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
}

fn outer(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (
        c.array_argument(&args, &args.at(0))?,
        c.array_argument(&args, &args.at(1))?,
    );
    let flat = |c: &mut Checker<'_>, tensor: &Tensor| match args.is_numpy() {
        true => c.with_dims(tensor, vec![Dim::Size(tensor.index.len())]),
        false => tensor.clone(),
    };
    let (a, b) = (flat(c, &a), flat(c, &b));
    if a.dims.len() != 1 || b.dims.len() != 1 {
        return c.error(
            Code::ShapeMismatch,
            format!("`outer` multiplies two vectors, not {a} and {b}"),
            a.is_batched()
                .then(|| "write `a.unsqueeze(-1) * b.unsqueeze(-2)`".to_owned()),
        );
    }
    let column = Value::Tensor(c.with_dims(&a, vec![a.dims[0], Dim::Size(1)]));
    c.array_arithmetic(ruff_python_ast::Operator::Mult, &column, &Value::Tensor(b), None)
}

fn kronecker(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (
        c.array_argument(&args, &args.at(0))?,
        c.array_argument(&args, &args.at(1))?,
    );
    if a.dims.len() != b.dims.len() || a.dims.len() > 2 || a.is_batched() || b.is_batched() {
        return c.unsupported("this Kronecker product", "use two vectors or two matrices");
    }
    // Axes of both interleaved, then joined in pairs.
    let mut left = Vec::new();
    let mut right = Vec::new();
    for (&x, &y) in a.dims.iter().zip(b.dims.iter()) {
        left.extend([x, Dim::Size(1)]);
        right.extend([Dim::Size(1), y]);
    }
    let (x, y) = (c.with_dims(&a, left), c.with_dims(&b, right));
    let product = c.array_arithmetic(
        ruff_python_ast::Operator::Mult,
        &Value::Tensor(x),
        &Value::Tensor(y),
        None,
    )?;
    let product = c.as_tensor(&product)?;
    let dims = product
        .dims
        .chunks(2)
        .map(|pair| Dim::Size(pair[0].nodes() * pair[1].nodes()))
        .collect();
    Ok(Value::Tensor(c.with_dims(&product, dims)))
}

fn matrix_power(c: &mut Checker<'_>, args: Args) -> Checked {
    let tensor = c.array_argument(&args, &args.at(0))?;
    let (n, outer) = square(c, &args, &tensor)?;
    let Some(power) = c.constant_int(&args.at(1)).filter(|power| (0..=16).contains(power)) else {
        return c.unsupported("this power of a matrix", "use a known whole number from 0 to 16");
    };
    let mut result: Option<Tensor> = None;
    for _ in 0..power {
        result = Some(match result {
            None => tensor.clone(),
            Some(known) => {
                let product = c.matrix_product(&known, &tensor)?;
                c.as_tensor(&product)?
            }
        });
    }
    match result {
        Some(tensor) => Ok(Value::Tensor(c.cast(&tensor, tensor.element))),
        None => {
            let [zero, one] = [0.0, 1.0].map(|value| c.constant(tensor.element.ty(), value));
            let unit: Vec<NodeId> = (0..n * n).map(|at| if at / n == at % n { one } else { zero }).collect();
            let nodes = broadcast_index(&[], &outer).iter().flat_map(|_| unit.clone()).collect();
            Ok(c.tensor_value(tensor.element, tensor.dims.to_vec(), nodes))
        }
    }
}
