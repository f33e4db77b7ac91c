//! Einstein's sums, `torch.einsum("bi,bi->b", x, y)`: axes are letters, letters that the result lacks are summed.

use std::collections::BTreeMap;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, node_count};
use crate::ir::{NodeId, Reduction};
use crate::value::{Dim, Element, Tensor, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("torch.einsum", "equation *", Run(einsum)),
    entry("numpy.einsum", "subscripts * optimize?", Run(einsum)),
    entry("torch.tensordot", "a b dims?", Run(tensordot)),
    entry("numpy.tensordot", "a b axes?", Run(tensordot)),
];

/// The letters of each operand and of the result. The axes of `...` get capital-free letters beyond `z`.
struct Equation {
    operands: Vec<Vec<char>>,
    result: Vec<char>,
}

/// Letter for the axis `at`, counted from the end, of those that `...` stands for.
fn ellipsis_letter(at: usize) -> char {
    char::from_u32(0x3b1 + at as u32).unwrap_or('α')
}

fn read(c: &mut Checker<'_>, text: &str, ranks: &[usize]) -> Checked<Equation> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs.to_owned(), Some(output.to_owned())),
        None => (text, None),
    };
    let parts: Vec<&str> = inputs.split(',').collect();
    if parts.len() != ranks.len() {
        return c.error(
            Code::WrongArguments,
            format!(
                "the equation names {} arrays, and there are {}",
                parts.len(),
                ranks.len()
            ),
            None,
        );
    }
    let mut extra = 0;
    let mut operands = Vec::new();
    for (part, &rank) in parts.iter().zip(ranks) {
        let plain = part.replace("...", "");
        if !plain.chars().all(|letter| letter.is_ascii_alphabetic()) || part.matches("...").count() > 1 {
            return c.error(
                Code::WrongArguments,
                format!("`{part}` is not a list of axes; each axis is one letter"),
                "write it like `\"bi,bi->b\"`".to_owned(),
            );
        }
        let covered = rank
            .checked_sub(plain.len())
            .filter(|&rest| rest == 0 || part.contains("..."));
        let Some(covered) = covered else {
            return c.error(
                Code::ShapeMismatch,
                format!("`{part}` names {} axes of an array with {rank}", plain.len()),
                None,
            );
        };
        extra = extra.max(covered);
        operands.push(expand(part, covered));
    }
    let result = match output {
        Some(output) => {
            let plain = output.replace("...", "");
            let known = |letter: char| operands.iter().flatten().any(|&other| other == letter);
            let repeated = plain
                .chars()
                .enumerate()
                .any(|(at, letter)| plain[..at].contains(letter));
            if let Some(letter) = plain.chars().find(|&letter| !known(letter)) {
                return c.error(
                    Code::WrongArguments,
                    format!("the result has the axis `{letter}`, which no array has"),
                    None,
                );
            }
            if repeated {
                return c.error(Code::WrongArguments, "an axis stands twice in the result", None);
            }
            expand(&output, extra)
        }
        // Without a result: `...`, then the letters that occur once, in alphabetical order.
        None => {
            let mut counts: BTreeMap<char, usize> = BTreeMap::new();
            for &letter in operands.iter().flatten() {
                *counts.entry(letter).or_default() += 1;
            }
            let once = counts
                .iter()
                .filter(|(letter, count)| letter.is_ascii() && **count == 1);
            (0..extra)
                .rev()
                .map(ellipsis_letter)
                .chain(once.map(|(&letter, _)| letter))
                .collect()
        }
    };
    Ok(Equation { operands, result })
}

fn expand(part: &str, covered: usize) -> Vec<char> {
    match part.split_once("...") {
        Some((before, after)) => before
            .chars()
            .chain((0..covered).rev().map(ellipsis_letter))
            .chain(after.chars())
            .collect(),
        None => part.chars().collect(),
    }
}

fn einsum(c: &mut Checker<'_>, args: Args) -> Checked {
    let Value::Str(text) = args.at(0) else {
        return c.unsupported("an equation that is not a string", "write it like `\"bi,bi->b\"`");
    };
    let given = match args.rest.as_slice() {
        [list @ (Value::List(_) | Value::Tuple(_))] if !args.is_numpy() => c.sequence(list)?,
        given => given.to_vec(),
    };
    let tensors = given
        .iter()
        .map(|value| c.array_argument(&args, value))
        .collect::<Checked<Vec<Tensor>>>()?;
    let ranks: Vec<usize> = tensors.iter().map(|tensor| tensor.dims.len()).collect();
    let equation = read(c, &text, &ranks)?;
    contract(c, &equation, &tensors)
}

fn contract(c: &mut Checker<'_>, equation: &Equation, tensors: &[Tensor]) -> Checked {
    let values: Vec<Value> = tensors.iter().cloned().map(Value::Tensor).collect();
    let element = c.promote(&values.iter().collect::<Vec<_>>());
    if element == Element::Bool {
        return c.error(
            Code::TypeMismatch,
            "sums of products need numbers, not truth values",
            "convert them first, for example with `.float()`".to_owned(),
        );
    }
    let mut lengths: BTreeMap<char, Dim> = BTreeMap::new();
    for (letters, tensor) in equation.operands.iter().zip(tensors) {
        for (&letter, &dim) in letters.iter().zip(tensor.dims.iter()) {
            match lengths.get(&letter) {
                None | Some(Dim::Size(1)) => {
                    lengths.insert(letter, dim);
                }
                Some(&known) if known == dim || dim == Dim::Size(1) => {}
                Some(&known) => {
                    return c.error(
                        Code::ShapeMismatch,
                        format!(
                            "the axis `{letter}` is {} here and {} there",
                            crate::value::ShapeText(&[known]),
                            crate::value::ShapeText(&[dim])
                        ),
                        None,
                    );
                }
            }
        }
    }
    let summed: Vec<char> = lengths
        .keys()
        .copied()
        .filter(|letter| !equation.result.contains(letter))
        .collect();
    let over_batch = summed.iter().any(|letter| lengths[letter] == Dim::Batch);
    let dims: Vec<Dim> = equation.result.iter().map(|letter| lengths[letter]).collect();
    if dims.iter().filter(|&&dim| dim == Dim::Batch).count() > 1 {
        return c.unsupported(
            "the result would combine every environment with every other",
            "give the batch one letter in all arrays, such as \"bi,bi->b\"",
        );
    }
    c.check_size(&dims)?;
    let inner_dims: Vec<Dim> = summed.iter().map(|letter| lengths[letter]).collect();
    let terms = node_count(&inner_dims);
    c.reserve(
        node_count(&dims)
            .saturating_mul(terms)
            .saturating_mul(tensors.len() + 1),
    )?;
    if over_batch {
        c.warn(
            Code::BatchLeak,
            "`einsum` mixes all environments of the batch",
            "keep the letter of the batch axis in the result, such as \"bi,bi->b\"".to_owned(),
        );
    }
    let rows: Vec<Vec<NodeId>> = tensors.iter().map(|tensor| c.elements_as(tensor, element)).collect();
    let mut nodes = Vec::new();
    for outer in places(&dims) {
        let mut products = Vec::with_capacity(terms);
        for inner in places(&inner_dims) {
            let place = |letter: char| {
                let outer_at = equation.result.iter().position(|&known| known == letter);
                match outer_at {
                    Some(at) => outer[at],
                    None => summed
                        .iter()
                        .position(|&known| known == letter)
                        .map_or(0, |at| inner[at]),
                }
            };
            let factors: Vec<NodeId> = (0..tensors.len())
                .map(|which| {
                    let letters = equation.operands[which].iter().zip(tensors[which].dims.iter());
                    let at = letters.fold(0, |at, (&letter, dim)| {
                        let size = dim.nodes();
                        at * size + if size == 1 { 0 } else { place(letter) }
                    });
                    rows[which][at]
                })
                .collect();
            let product = factors[1..]
                .iter()
                .fold(factors[0], |product, &factor| c.mul(product, factor));
            products.push(product);
        }
        let sum = c.sum(element.ty(), &products);
        nodes.push(match over_batch {
            true => c.reduce(Reduction::Sum, sum),
            false => sum,
        });
    }
    Ok(c.tensor_value(element, dims, nodes))
}

/// All positions of a shape, row by row.
fn places(dims: &[Dim]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![Vec::new()], |places, dim| {
        places
            .into_iter()
            .flat_map(|place| (0..dim.nodes()).map(move |at| [&place[..], &[at]].concat()))
            .collect()
    })
}

/// The last axes of one against the first of the other, or the axes named.
fn tensordot(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (
        c.array_argument(&args, &args.at(0))?,
        c.array_argument(&args, &args.at(1))?,
    );
    let (rank_a, rank_b) = (a.dims.len(), b.dims.len());
    let (from_a, from_b): (Vec<usize>, Vec<usize>) = match args.get(2) {
        Some(pairs @ (Value::Tuple(_) | Value::List(_))) => {
            let sides = c.sequence(&pairs)?;
            let [left, right] = sides.as_slice() else {
                return c.error(Code::WrongArguments, "the axes are a pair of lists", None);
            };
            (axes_of(c, left, &a)?, axes_of(c, right, &b)?)
        }
        count => {
            let count = match count {
                Some(count) => c.constant_int(&count).and_then(|count| usize::try_from(count).ok()),
                None => Some(2),
            };
            let Some(count) = count.filter(|&count| count <= rank_a && count <= rank_b) else {
                return c.error(
                    Code::ShapeMismatch,
                    format!("{a} and {b} have too few axes for this"),
                    None,
                );
            };
            ((rank_a - count..rank_a).collect(), (0..count).collect())
        }
    };
    if from_a.len() != from_b.len() {
        return c.error(
            Code::ShapeMismatch,
            "both arrays need the same number of summed axes",
            None,
        );
    }
    let letter = |at: usize| char::from(b'a' + (at % 26) as u8);
    let left: Vec<char> = (0..rank_a).map(letter).collect();
    let mut right: Vec<char> = (0..rank_b).map(|at| letter(rank_a + at)).collect();
    for (&i, &j) in from_a.iter().zip(&from_b) {
        right[j] = left[i];
    }
    let result = (0..rank_a)
        .filter(|at| !from_a.contains(at))
        .map(|at| left[at])
        .chain((0..rank_b).filter(|at| !from_b.contains(at)).map(|at| right[at]))
        .collect();
    let equation = Equation {
        operands: vec![left, right],
        result,
    };
    contract(c, &equation, &[a, b])
}

fn axes_of(c: &mut Checker<'_>, value: &Value, tensor: &Tensor) -> Checked<Vec<usize>> {
    let numbers = match value {
        Value::Tuple(_) | Value::List(_) => c.sequence(value)?,
        single => vec![single.clone()],
    };
    numbers
        .iter()
        .map(|number| c.axis_argument(number, tensor.dims.len(), tensor))
        .collect()
}
