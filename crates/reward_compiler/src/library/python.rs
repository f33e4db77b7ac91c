//! Python's own functions.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{CmpOp, Operator};

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Arguments, Checked, Checker, MAX_ELEMENTS};
use crate::ir::{NodeId, Type, Unary};
use crate::value::{Element, Object, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("builtins.float", "x?", Run(float)),
    entry("builtins.int", "x?", Run(int)),
    entry("builtins.bool", "x?", Run(bool)),
    entry("builtins.abs", "x", Run(abs)),
    entry(
        "builtins.min",
        "* key? default?",
        Run(|c, args| extreme(c, &args, CmpOp::Lt)),
    ),
    entry(
        "builtins.max",
        "* key? default?",
        Run(|c, args| extreme(c, &args, CmpOp::Gt)),
    ),
    entry("builtins.sorted", "iterable | key? reverse?", Run(sorted)),
    entry("builtins.map", "function *", Run(map)),
    entry("builtins.filter", "function iterable", Run(filter)),
    entry("builtins.divmod", "a b", Run(divmod)),
    entry("builtins.isinstance", "object classinfo", Run(isinstance)),
    entry("builtins.callable", "object", Run(callable)),
    entry(
        "builtins.print",
        "* sep? end? file? flush?",
        Run(|_, _| Ok(Value::None)),
    ),
    entry("math.prod", "iterable | start?", Run(product)),
    entry("numpy.add.reduce", "array", Run(sum)),
    entry("builtins.sum", "iterable start?", Run(sum)),
    entry("builtins.len", "x", Run(len)),
    entry("builtins.range", "start stop? step?", Run(range)),
    entry("builtins.zip", "*", Run(zip)),
    entry("builtins.enumerate", "iterable start?", Run(enumerate)),
    entry("builtins.reversed", "iterable", Run(reversed)),
    entry("builtins.list", "iterable?", Run(list)),
    entry("builtins.dict", "entries? **", Run(dict)),
    entry("builtins.tuple", "iterable?", Run(tuple)),
    entry("builtins.round", "number ndigits?", Run(round)),
    entry("builtins.pow", "base exp", Run(pow)),
    entry("builtins.all", "iterable", Run(|c, args| quantify(c, &args, true))),
    entry("builtins.any", "iterable", Run(|c, args| quantify(c, &args, false))),
];

/// Most items that `sorted` takes: it compares every two neighbours again and again.
const MAX_SORTED: usize = 32;

fn scalar(kind: ScalarKind, node: crate::ir::NodeId) -> Value {
    Value::Scalar(Scalar { kind, node })
}

fn float(c: &mut Checker<'_>, args: Args) -> Checked {
    let node = match args.get(0) {
        None => c.constant(Type::F64, 0.0),
        Some(Value::Str(text)) => match text.trim().trim_start_matches('+') {
            "inf" | "infinity" => c.constant(Type::F64, f64::INFINITY),
            "-inf" | "-infinity" => c.constant(Type::F64, f64::NEG_INFINITY),
            "nan" => c.constant(Type::F64, f64::NAN),
            _ => return c.unsupported("text cannot become a number here", "write the number itself"),
        },
        Some(value) => c.python_float(&value)?,
    };
    // The sum that a reward was before `float(reward)` still has its summands.
    if let Some(value) = args.get(0)
        && let Some(from) = c.single_node(&value)
    {
        c.copy_summands(from, node);
    }
    Ok(scalar(ScalarKind::Float, node))
}

fn int(c: &mut Checker<'_>, args: Args) -> Checked {
    let Some(value) = args.get(0) else { return Ok(c.int(0)) };
    let node = c.python_float(&value)?;
    Ok(scalar(ScalarKind::Int, c.unary(Unary::Trunc, node)))
}

fn bool(c: &mut Checker<'_>, args: Args) -> Checked {
    let node = match args.get(0) {
        Some(value) => c.truth(&value)?,
        None => c.constant(Type::Bool, 0.0),
    };
    Ok(scalar(ScalarKind::Bool, node))
}

fn abs(c: &mut Checker<'_>, args: Args) -> Checked {
    match args.at(0) {
        Value::Scalar(number) => {
            let node = c.convert(number.node, Type::F64);
            Ok(scalar(number.kind.max(ScalarKind::Int), c.unary(Unary::Abs, node)))
        }
        value => {
            let tensor = c.array_argument(&args, &value)?;
            if tensor.element == Element::Bool {
                return c.error(
                    Code::TypeMismatch,
                    "truth values have no magnitude",
                    "convert them first, for example with `.float()`".to_owned(),
                );
            }
            Ok(Value::Tensor(
                c.map(&tensor, tensor.element, |c, x| c.unary(Unary::Abs, x)),
            ))
        }
    }
}

/// Python's `min` and `max` compare one by one and keep the first of equals, so a NaN in front stays.
fn extreme(c: &mut Checker<'_>, args: &Args, replaces: CmpOp) -> Checked {
    let items = match args.rest.as_slice() {
        [only] => c.sequence(only)?,
        items => items.to_vec(),
    };
    let keys = match args.get(0) {
        None => items.clone(),
        Some(key) => items
            .iter()
            .map(|item| call_with(c, &key, item))
            .collect::<Checked<Vec<Value>>>()?,
    };
    let Some((first, rest)) = items.split_first() else {
        return match args.get(1) {
            Some(default) => Ok(default),
            None => c.error(Code::WrongArguments, "at least one value is needed", None),
        };
    };
    let (mut best, mut best_key) = (first.clone(), keys[0].clone());
    for (item, key) in rest.iter().zip(&keys[1..]) {
        let better = c.compare(replaces, key, &best_key)?;
        let better = one_truth(c, &better, replaces)?;
        best = chosen(c, better, item, &best)?;
        best_key = chosen(c, better, key, &best_key)?;
    }
    Ok(best)
}

/// The outcome of one comparison; whole batches have none.
fn one_truth(c: &mut Checker<'_>, better: &Value, replaces: CmpOp) -> Checked<NodeId> {
    if let Value::Tensor(tensor) = better
        && tensor.is_batched()
    {
        let library = if replaces == CmpOp::Lt {
            "torch.minimum"
        } else {
            "torch.maximum"
        };
        let written = library
            .strip_suffix("imum")
            .and_then(|name| name.strip_prefix("torch."));
        let fix = written
            .filter(|_| c.takes_two_arrays())
            .and_then(|name| c.calling_instead(name, library));
        return c.fixable(
            Code::TypeMismatch,
            "Python's `min` and `max` cannot compare whole batches",
            format!("use `{library}(a, b)` or `torch.clamp(x, …)`"),
            fix,
        );
    }
    c.truth(better)
}

fn chosen(c: &mut Checker<'_>, condition: NodeId, a: &Value, b: &Value) -> Checked {
    match c.graph.constant_value(condition) {
        Some(known) => Ok(if known != 0.0 { a.clone() } else { b.clone() }),
        None => match c.select_value(condition, a, b) {
            Ok(value) => Ok(value),
            Err(reason) => c.error(Code::TypeMismatch, format!("the values are {reason}"), None),
        },
    }
}

/// Calls a function value with one argument.
fn call_with(c: &mut Checker<'_>, function: &Value, argument: &Value) -> Checked {
    c.call_value(
        function,
        Arguments {
            positional: vec![argument.clone()],
            keywords: Vec::new(),
        },
    )
}

/// In order, by comparisons and exchanges of neighbours; equal items keep their places.
fn sorted(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut items = c.sequence(&args.at(0))?;
    if items.len() > MAX_SORTED {
        return c.error(
            Code::ProgramTooLarge,
            format!("`sorted` takes at most {MAX_SORTED} items"),
            "use `np.sort` or `torch.sort` for arrays".to_owned(),
        );
    }
    let mut keys = match args.get(1) {
        None => items.clone(),
        Some(key) => items
            .iter()
            .map(|item| call_with(c, &key, item))
            .collect::<Checked<Vec<Value>>>()?,
    };
    let replaces = match c.flag(args.get(2))? {
        true => CmpOp::Gt,
        false => CmpOp::Lt,
    };
    for end in (1..items.len()).rev() {
        for at in 0..end {
            let swaps = match (&keys[at + 1], &keys[at]) {
                (Value::Str(later), Value::Str(earlier)) => {
                    let before = match replaces {
                        CmpOp::Gt => later > earlier,
                        _ => later < earlier,
                    };
                    c.constant(Type::Bool, f64::from(before))
                }
                (later, earlier) => {
                    let (later, earlier) = (later.clone(), earlier.clone());
                    let swaps = c.compare(replaces, &later, &earlier)?;
                    one_truth(c, &swaps, replaces)?
                }
            };
            for list in [&mut items, &mut keys] {
                let (a, b) = (list[at].clone(), list[at + 1].clone());
                list[at] = chosen(c, swaps, &b, &a)?;
                list[at + 1] = chosen(c, swaps, &a, &b)?;
            }
        }
    }
    Ok(c.new_list(items))
}

fn map(c: &mut Checker<'_>, args: Args) -> Checked {
    let function = args.at(0);
    let sequences = args
        .rest
        .iter()
        .map(|value| c.sequence(value))
        .collect::<Checked<Vec<_>>>()?;
    let length = sequences.iter().map(Vec::len).min().unwrap_or(0);
    let mut results = Vec::with_capacity(length);
    for at in 0..length {
        let call = Arguments {
            positional: sequences.iter().map(|sequence| sequence[at].clone()).collect(),
            keywords: Vec::new(),
        };
        results.push(c.call_value(&function, call)?);
    }
    Ok(Value::tuple(results))
}

fn filter(c: &mut Checker<'_>, args: Args) -> Checked {
    let function = args.at(0);
    let mut kept = Vec::new();
    for item in c.sequence(&args.at(1))? {
        let verdict = match function {
            Value::None => item.clone(),
            _ => call_with(c, &function, &item)?,
        };
        let truth = c.truth(&verdict)?;
        match c.graph.constant_value(truth) {
            Some(known) if known != 0.0 => kept.push(item),
            Some(_) => {}
            None => {
                return c.unsupported(
                    "the length of a list cannot depend on values",
                    "multiply by the condition instead",
                );
            }
        }
    }
    Ok(Value::tuple(kept))
}

fn divmod(c: &mut Checker<'_>, args: Args) -> Checked {
    let (a, b) = (args.at(0), args.at(1));
    let quotient = c.arithmetic(Operator::FloorDiv, &a, &b)?;
    let remainder = c.arithmetic(Operator::Mod, &a, &b)?;
    Ok(Value::tuple(vec![quotient, remainder]))
}

fn product(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut total = match args.get(1) {
        Some(start) => start,
        None => c.int(1),
    };
    for item in c.sequence(&args.at(0))? {
        total = c.arithmetic(Operator::Mult, &total, &item)?;
    }
    Ok(total)
}

/// Whether a value has one of the types, as far as types mean something here.
fn isinstance(c: &mut Checker<'_>, args: Args) -> Checked {
    let value = args.at(0);
    let types = match args.at(1) {
        Value::Tuple(tuple) => tuple.items.to_vec(),
        single => vec![single],
    };
    let mut holds = false;
    for kind in types {
        let is_number = |element: Element| {
            c.dialect == Dialect::Numpy
                && matches!(&value, Value::Tensor(tensor) if tensor.dims.is_empty() && tensor.element == element)
        };
        holds |= match &kind {
            Value::Library(path) => match (&**path, &value) {
                ("float", Value::Scalar(number)) => number.kind == ScalarKind::Float,
                ("float", Value::Tensor(_)) => is_number(Element::F64),
                ("int", Value::Scalar(number)) => number.kind <= ScalarKind::Int,
                ("bool", Value::Scalar(number)) => number.kind == ScalarKind::Bool,
                ("list", Value::List(_)) | ("tuple", Value::Tuple(_)) | ("dict", Value::Dict(_)) => true,
                ("str", Value::Str(_)) => true,
                ("float" | "int" | "bool" | "list" | "tuple" | "dict" | "str", _) => false,
                _ => {
                    return c.unsupported(
                        "this type cannot be asked for",
                        "ask for `float`, `list` or `np.ndarray`",
                    );
                }
            },
            Value::Element(element) => is_number(*element),
            // `np.ndarray`, `torch.Tensor`.
            Value::Annotation => {
                matches!(&value, Value::Tensor(tensor) if c.dialect == Dialect::Torch || !tensor.dims.is_empty())
            }
            other => {
                let found = c.describe(other);
                return c.error(Code::TypeMismatch, format!("{found} is not a type"), None);
            }
        };
    }
    Ok(c.bool(holds))
}

fn callable(c: &mut Checker<'_>, args: Args) -> Checked {
    let is_function = matches!(args.at(0), Value::Function(_) | Value::Library(_) | Value::Method(..));
    Ok(c.bool(is_function))
}

fn sum(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut total = match args.get(1) {
        Some(start) => start,
        None => c.int(0),
    };
    for item in c.sequence(&args.at(0))? {
        if matches!(item, Value::Poison) {
            return Err(crate::check::Reported);
        }
        total = c.arithmetic(Operator::Add, &total, &item)?;
    }
    Ok(total)
}

fn len(c: &mut Checker<'_>, args: Args) -> Checked {
    match args.at(0) {
        Value::Tensor(tensor) => match tensor.dims.first() {
            Some(&dim) => Ok(c.dim_value(dim)),
            None => c.error(Code::TypeMismatch, "a single number has no length", None),
        },
        Value::Str(text) => Ok(c.int(text.chars().count() as i64)),
        value => {
            let items = c.sequence(&value)?;
            Ok(c.int(items.len() as i64))
        }
    }
}

fn range(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut bounds = [0_i64, 0, 1];
    for (at, bound) in bounds.iter_mut().enumerate() {
        let Some(value) = args.get(at) else { continue };
        let Some(known) = c.constant_int(&value) else {
            return c.error(
                Code::UnboundedLoop,
                "the length of a range must be known before the program runs",
                "loop over a fixed number such as `range(3)` or over `x.shape[1]`".to_owned(),
            );
        };
        *bound = known;
    }
    let [start, stop, step] = if args.get(1).is_none() {
        [0, bounds[0], bounds[2]]
    } else {
        bounds
    };
    if step == 0 {
        return c.error(Code::WrongArguments, "the step of a range cannot be 0", None);
    }
    let count = if step > 0 {
        (stop - start).max(0).unsigned_abs().div_ceil(step.unsigned_abs())
    } else {
        (start - stop).max(0).unsigned_abs().div_ceil(step.unsigned_abs())
    };
    if count > MAX_ELEMENTS as u64 {
        return c.error(
            Code::UnboundedLoop,
            format!("this range has {count} items, and {MAX_ELEMENTS} are allowed"),
            None,
        );
    }
    let items = (0..count as i64).map(|at| c.int(start + at * step)).collect();
    Ok(Value::tuple(items))
}

fn zip(c: &mut Checker<'_>, args: Args) -> Checked {
    let sequences = args
        .rest
        .iter()
        .map(|value| c.sequence(value))
        .collect::<Checked<Vec<_>>>()?;
    let length = sequences.iter().map(Vec::len).min().unwrap_or(0);
    let rows = (0..length).map(|at| Value::tuple(sequences.iter().map(|sequence| sequence[at].clone()).collect()));
    Ok(Value::tuple(rows.collect()))
}

fn enumerate(c: &mut Checker<'_>, args: Args) -> Checked {
    let start = match args.get(1) {
        Some(start) => match c.constant_int(&start) {
            Some(start) => start,
            None => return c.error(Code::TypeMismatch, "a count starts at a known whole number", None),
        },
        None => 0,
    };
    let items = c.sequence(&args.at(0))?;
    let pairs = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| Value::tuple(vec![c.int(start + at as i64), item]));
    Ok(Value::tuple(pairs.collect()))
}

fn reversed(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut items = c.sequence(&args.at(0))?;
    items.reverse();
    Ok(Value::tuple(items))
}

fn list(c: &mut Checker<'_>, args: Args) -> Checked {
    let items = match args.get(0) {
        Some(value) => c.sequence(&value)?,
        None => Vec::new(),
    };
    Ok(c.new_list(items))
}

/// `dict(reach=a, lift=b)`, perhaps on top of another dict.
fn dict(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut entries = match args.get(0) {
        None => Vec::new(),
        Some(Value::Dict(id)) => c.dict_items(id).to_vec(),
        Some(other) => {
            let found = c.describe(&other);
            return c.error(
                Code::TypeMismatch,
                format!("a dict is made of keywords or of a dict, not {found}"),
                None,
            );
        }
    };
    entries.extend(
        args.keywords
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.clone())),
    );
    Ok(Value::Dict(c.new_object(Object::Dict(entries))))
}

fn tuple(c: &mut Checker<'_>, args: Args) -> Checked {
    let items = match args.get(0) {
        Some(value) => c.sequence(&value)?,
        None => Vec::new(),
    };
    Ok(Value::tuple(items))
}

fn round(c: &mut Checker<'_>, args: Args) -> Checked {
    if args.get(1).is_some() {
        return c.unsupported(
            "rounding to decimals the way Python does it",
            "use `np.round(x, decimals)` or leave it out",
        );
    }
    match args.at(0) {
        Value::Tensor(tensor)
            if c.dialect == Dialect::Torch || !tensor.dims.is_empty() || tensor.element == Element::Bool =>
        {
            let library = match c.dialect {
                Dialect::Torch => "torch.round",
                Dialect::Numpy => "np.round",
            };
            c.error(
                Code::TypeMismatch,
                format!("Python's `round` takes a number, not {tensor}"),
                format!("use `{library}(x)`"),
            )
        }
        value => {
            let node = c.python_float(&value)?;
            Ok(scalar(ScalarKind::Int, c.unary(Unary::Round, node)))
        }
    }
}

fn pow(c: &mut Checker<'_>, args: Args) -> Checked {
    match (args.at(0), args.at(1)) {
        (Value::Scalar(a), Value::Scalar(b)) => {
            let (x, y) = (c.convert(a.node, Type::F64), c.convert(b.node, Type::F64));
            Ok(scalar(ScalarKind::Float, c.power(x, y)))
        }
        (a, b) => c.array_arithmetic(Operator::Pow, &a, &b, None),
    }
}

fn quantify(c: &mut Checker<'_>, args: &Args, all: bool) -> Checked {
    let mut known = c.constant(Type::Bool, f64::from(all));
    for item in c.sequence(&args.at(0))? {
        let truth = c.truth(&item)?;
        known = if all { c.and(known, truth) } else { c.or(known, truth) };
    }
    Ok(scalar(ScalarKind::Bool, known))
}
