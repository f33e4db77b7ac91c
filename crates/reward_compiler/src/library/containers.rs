//! Methods of lists, tuples, dicts and strings.

use ruff_python_ast::CmpOp;

use super::Behaviour::Run;
use super::{Args, Entry, entry};
use crate::Code;
use crate::check::{Checked, Checker, MAX_ELEMENTS};
use crate::ir::Type;
use crate::value::{Object, ObjectId, Scalar, ScalarKind, Value};

/// The table's part of this module.
pub(super) const TABLE: &[Entry] = &[
    entry("list.append", "list item", Run(append)),
    entry("list.extend", "list items", Run(extend)),
    entry("list.insert", "list index item", Run(insert)),
    entry("list.pop", "list index?", Run(pop)),
    entry("list.reverse", "list", Run(reverse)),
    entry("list.clear", "list", Run(clear)),
    entry("list.copy", "list", Run(copy_list)),
    entry("list.sort", "list | key? reverse?", Run(sort)),
    entry("list.index tuple.index", "list item", Run(index)),
    entry("list.count tuple.count", "list item", Run(count)),
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
    entry("dict.update", "dict other? **", Run(update)),
    entry("dict.setdefault", "dict key default?", Run(set_default)),
    entry("dict.pop", "dict key default?", Run(take_entry)),
    entry("dict.copy", "dict", Run(copy_dict)),
    entry("dict.clear", "dict", Run(clear_dict)),
    entry(
        "str.lower",
        "text",
        Run(|_, args| Ok(text_of(&args, str::to_lowercase))),
    ),
    entry(
        "str.upper",
        "text",
        Run(|_, args| Ok(text_of(&args, str::to_uppercase))),
    ),
    entry(
        "str.strip",
        "text",
        Run(|_, args| Ok(text_of(&args, |text| text.trim().to_owned()))),
    ),
    entry(
        "str.startswith",
        "text prefix",
        Run(|c, args| ask_text(c, &args, |text, part| text.starts_with(part))),
    ),
    entry(
        "str.endswith",
        "text suffix",
        Run(|c, args| ask_text(c, &args, |text, part| text.ends_with(part))),
    ),
];

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
    let Value::Dict(id) = args.at(0) else {
        return Ok(Value::None);
    };
    match args.get(1) {
        None => {}
        Some(Value::Dict(other)) => {
            for (key, value) in c.dict_items(other).to_vec() {
                c.set_entry(id, &key, value);
            }
        }
        Some(_) => return c.error(Code::TypeMismatch, "a dict is updated with a dict", None),
    }
    for (key, value) in &args.keywords {
        c.set_entry(id, key, value.clone());
    }
    Ok(Value::None)
}

/// The dict and the key of a call.
fn entry_of(c: &mut Checker<'_>, args: &Args) -> Checked<(ObjectId, std::rc::Rc<str>, Option<Value>)> {
    let (Value::Dict(id), Value::Str(key)) = (args.at(0), args.at(1)) else {
        return c.error(Code::TypeMismatch, "the key of a dict is a string here", None);
    };
    let known = c.dict_items(id).iter().find(|(known, _)| *known == key);
    let value = known.map(|(_, value)| value.clone());
    Ok((id, key, value))
}

fn set_default(c: &mut Checker<'_>, args: Args) -> Checked {
    let (id, key, known) = entry_of(c, &args)?;
    if let Some(value) = known {
        return Ok(value);
    }
    let default = args.at(2);
    c.set_entry(id, &key, default.clone());
    Ok(default)
}

fn take_entry(c: &mut Checker<'_>, args: Args) -> Checked {
    let (id, key, known) = entry_of(c, &args)?;
    if let (Some(_), Object::Dict(entries)) = (&known, c.object_mut(id)) {
        entries.retain(|(other, _)| *other != key);
    }
    match (known, args.values[2].clone()) {
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => c.error(Code::UnknownName, format!("the dict has no entry \"{key}\""), None),
    }
}

fn copy_dict(c: &mut Checker<'_>, args: Args) -> Checked {
    let Value::Dict(id) = args.at(0) else {
        return Ok(Value::None);
    };
    let entries = c.dict_items(id).to_vec();
    Ok(Value::Dict(c.new_object(Object::Dict(entries))))
}

fn clear_dict(c: &mut Checker<'_>, args: Args) -> Checked {
    if let Value::Dict(id) = args.at(0) {
        *c.object_mut(id) = Object::Dict(Vec::new());
    }
    Ok(Value::None)
}

fn copy_list(c: &mut Checker<'_>, args: Args) -> Checked {
    let items = c.sequence(&args.at(0))?;
    Ok(c.new_list(items))
}

/// Replaces the items of the list that the method belongs to.
fn set_items(c: &mut Checker<'_>, args: &Args, items: Vec<Value>) -> Checked {
    if let Value::List(id) = args.at(0) {
        *c.object_mut(id) = Object::List(items);
    }
    Ok(Value::None)
}

fn insert(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut items = c.sequence(&args.at(0))?;
    if items.len() >= MAX_ELEMENTS {
        return add_items(c, &args, vec![args.at(2)]);
    }
    let Some(at) = c.constant_int(&args.at(1)) else {
        return c.error(Code::TypeMismatch, "a place in a list is a known whole number", None);
    };
    let length = items.len() as i64;
    let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
    items.insert(at as usize, args.at(2));
    set_items(c, &args, items)
}

fn pop(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut items = c.sequence(&args.at(0))?;
    let at = match args.get(1) {
        None => Some(-1),
        Some(at) => c.constant_int(&at),
    };
    let length = items.len() as i64;
    match at.map(|at| if at < 0 { at + length } else { at }) {
        Some(at) if (0..length).contains(&at) => {
            let item = items.remove(at as usize);
            set_items(c, &args, items)?;
            Ok(item)
        }
        _ => c.error(
            Code::ShapeMismatch,
            format!("a list of {length} has no such item"),
            None,
        ),
    }
}

fn reverse(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut items = c.sequence(&args.at(0))?;
    items.reverse();
    set_items(c, &args, items)
}

fn clear(c: &mut Checker<'_>, args: Args) -> Checked {
    set_items(c, &args, Vec::new())
}

fn sort(c: &mut Checker<'_>, args: Args) -> Checked {
    let keywords = ["key", "reverse"].into_iter().zip([args.get(1), args.get(2)]);
    let call = crate::check::Arguments {
        positional: vec![args.at(0)],
        keywords: keywords
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    };
    let sorted = c.call_library(&"sorted".into(), call)?;
    let items = c.sequence(&sorted)?;
    set_items(c, &args, items)
}

/// Position of the first equal item; which one it is must be known.
fn index(c: &mut Checker<'_>, args: Args) -> Checked {
    for (at, item) in c.sequence(&args.at(0))?.iter().enumerate() {
        let equal = c.compare(CmpOp::Eq, item, &args.at(1))?;
        let truth = c.truth(&equal)?;
        match c.graph.constant_value(truth) {
            Some(known) if known != 0.0 => return Ok(c.int(at as i64)),
            Some(_) => {}
            None => {
                return c.unsupported(
                    "a position in a list that is known only at run time",
                    "use `np.argmin`, `np.argmax` or a chain of `if`",
                );
            }
        }
    }
    c.error(Code::TypeMismatch, "the list has no such item", None)
}

fn count(c: &mut Checker<'_>, args: Args) -> Checked {
    let mut total = c.constant(Type::F64, 0.0);
    for item in c.sequence(&args.at(0))? {
        let equal = c.compare(CmpOp::Eq, &item, &args.at(1))?;
        let truth = c.truth(&equal)?;
        let one = c.convert(truth, Type::F64);
        total = c.add(total, one);
    }
    Ok(Value::Scalar(Scalar {
        kind: ScalarKind::Int,
        node: total,
    }))
}

fn text_of(args: &Args, f: impl Fn(&str) -> String) -> Value {
    match args.at(0) {
        Value::Str(text) => Value::Str(f(&text).into()),
        other => other,
    }
}

fn ask_text(c: &mut Checker<'_>, args: &Args, f: fn(&str, &str) -> bool) -> Checked {
    match (args.at(0), args.at(1)) {
        (Value::Str(text), Value::Str(part)) => Ok(c.bool(f(&text, &part))),
        _ => c.error(Code::TypeMismatch, "a part of a string is a string", None),
    }
}
