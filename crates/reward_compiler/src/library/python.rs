//! Python's own functions, and the methods of lists and dicts.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{CmpOp, Operator};

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, MAX_ELEMENTS};
use crate::ir::{Type, Unary};
use crate::value::{Element, Object, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("builtins.float", "x?", Run(float)),
    entry("builtins.int", "x?", Run(int)),
    entry("builtins.bool", "x?", Run(bool)),
    entry("builtins.abs", "x", Run(abs)),
    entry("builtins.min", "*", Run(|c, args| extreme(c, &args, CmpOp::Lt))),
    entry("builtins.max", "*", Run(|c, args| extreme(c, &args, CmpOp::Gt))),
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
    entry("list.append", "list item", Run(append)),
    entry("list.extend", "list items", Run(extend)),
    entry("list.copy", "list", Run(list)),
    entry(
        "dict.items",
        "dict",
        Run(|c, args| entries(c, &args, |key, value| Value::tuple(vec![key, value]))),
    ),
    entry("dict.keys", "dict", Run(|c, args| entries(c, &args, |key, _| key))),
    entry(
        "dict.values",
        "dict",
        Run(|c, args| entries(c, &args, |_, value| value)),
    ),
    entry("dict.get", "dict key default?", Run(get)),
    entry("dict.update", "dict other", Run(update)),
];

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
    let Some((first, rest)) = items.split_first() else {
        return c.error(Code::WrongArguments, "at least one value is needed", None);
    };
    let mut best = first.clone();
    for item in rest {
        let better = c.compare(replaces, item, &best)?;
        let better = match &better {
            Value::Tensor(tensor) if tensor.is_batched() => {
                let library = if replaces == CmpOp::Lt {
                    "torch.minimum"
                } else {
                    "torch.maximum"
                };
                return c.error(
                    Code::TypeMismatch,
                    "Python's `min` and `max` cannot compare whole batches",
                    format!("use `{library}(a, b)` or `torch.clamp(x, …)`"),
                );
            }
            better => c.truth(better)?,
        };
        best = match c.graph.constant_value(better) {
            Some(value) => {
                if value != 0.0 {
                    item.clone()
                } else {
                    best
                }
            }
            None => match c.select_value(better, item, &best) {
                Ok(value) => value,
                Err(reason) => return c.error(Code::TypeMismatch, format!("the values are {reason}"), None),
            },
        };
    }
    Ok(best)
}

fn add(c: &mut Checker<'_>, a: &Value, b: &Value) -> Checked {
    match (a, b) {
        (Value::Scalar(x), Value::Scalar(y)) => {
            let kind = x.kind.max(y.kind).max(ScalarKind::Int);
            let (x, y) = (c.convert(x.node, Type::F64), c.convert(y.node, Type::F64));
            Ok(scalar(kind, c.add(x, y)))
        }
        _ => c.array_arithmetic(Operator::Add, a, b, None),
    }
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
        total = add(c, &total, &item)?;
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

fn append(c: &mut Checker<'_>, args: Args) -> Checked {
    add_items(c, &args, vec![args.at(1)])
}

fn extend(c: &mut Checker<'_>, args: Args) -> Checked {
    let items = c.sequence(&args.at(1))?;
    add_items(c, &args, items)
}

fn add_items(c: &mut Checker<'_>, args: &Args, new: Vec<Value>) -> Checked {
    let Value::List(id) = args.at(0) else {
        return Ok(Value::None);
    };
    if c.list_items(id).len() + new.len() > MAX_ELEMENTS {
        return c.error(
            Code::ProgramTooLarge,
            format!("this list has more than {MAX_ELEMENTS} items"),
            None,
        );
    }
    if let Object::List(items) = c.object_mut(id) {
        items.extend(new);
    }
    Ok(Value::None)
}

fn entries(c: &mut Checker<'_>, args: &Args, f: fn(Value, Value) -> Value) -> Checked {
    let Value::Dict(id) = args.at(0) else {
        return Ok(Value::None);
    };
    let items = c
        .dict_items(id)
        .iter()
        .map(|(key, value)| f(Value::Str(key.clone()), value.clone()))
        .collect();
    Ok(Value::tuple(items))
}

fn get(c: &mut Checker<'_>, args: Args) -> Checked {
    let (Value::Dict(id), Value::Str(key)) = (args.at(0), args.at(1)) else {
        return c.error(Code::TypeMismatch, "the key of a dict is a string here", None);
    };
    let entry = c
        .dict_items(id)
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, value)| value.clone());
    Ok(entry.unwrap_or_else(|| args.at(2)))
}

fn update(c: &mut Checker<'_>, args: Args) -> Checked {
    let (Value::Dict(id), Value::Dict(other)) = (args.at(0), args.at(1)) else {
        return c.error(Code::TypeMismatch, "a dict is updated with a dict", None);
    };
    for (key, value) in c.dict_items(other).to_vec() {
        c.set_entry(id, &key, value);
    }
    Ok(Value::None)
}
