//! What programs may call: the vocabulary of torch, NumPy, `math`, a little SciPy, and Python's own functions.
//!
//! One table lists every function with its names, its parameters and what it does; a method is the function whose first
//! parameter is the receiver. Parameters are written as the library names them: `?` marks optional ones, `|` separates
//! aliases, `*` and `**` collect the rest, and what follows a lone `|` is given by name only. A name that is not in the table is refused, never guessed.

mod activation;
mod along;
mod blend;
mod closeness;
mod containers;
mod convert;
mod create;
mod distance;
mod einsum;
mod elementwise;
mod in_place;
mod join;
mod linear;
mod loss;
mod matrix;
mod names;
mod norm;
mod order;
mod pick;
mod pose;
mod python;
mod reduction;
mod rotation;
mod scaling;
mod shape;
mod shaping;
mod special;
mod wxyz;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

use carrot_reward_interface::Dialect;

use crate::Code;
use crate::check::{Arguments, Checked, Checker};
use crate::ir::{NodeId, Type};
use crate::value::{Element, Scalar, ScalarKind, Tensor, Value};

pub(crate) use names::{
    builtin_names, canonical, implicit_name, is_known_without_import, is_module, is_of_simulator, is_random,
    other_members,
};
use names::{constant_of, element_of};

/// In which element types an elementwise function works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Floats; whole numbers become floats first.
    Float,
    /// Numbers of any kind; truth values become whole numbers.
    Number,
    /// Truth values; numbers become `x != 0`.
    Truth,
    /// Numbers in, truth values out.
    Test,
}

type MapFn = fn(&mut Checker<'_>, NodeId) -> NodeId;
type ZipFn = fn(&mut Checker<'_>, NodeId, NodeId) -> NodeId;
type RunFn = fn(&mut Checker<'_>, Args) -> Checked;

/// How a function computes its result.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    /// On each element of one array.
    Map(Domain, MapFn),
    /// On pairs of elements of two arrays.
    Zip(Domain, ZipFn),
    /// In its own way.
    Run(RunFn),
}

/// One function of the vocabulary.
pub(crate) struct Entry {
    /// Full names, separated by blanks: `torch.exp Tensor.exp numpy.exp math.exp`.
    names: &'static str,
    parameters: &'static str,
    behaviour: Behaviour,
}

pub(crate) const fn entry(names: &'static str, parameters: &'static str, behaviour: Behaviour) -> Entry {
    Entry {
        names,
        parameters,
        behaviour,
    }
}

/// Arguments by parameter, in the order of the entry's parameters.
pub(crate) struct Args {
    /// The name that was called.
    pub(crate) name: Rc<str>,
    values: Vec<Option<Value>>,
    /// What the `*` parameter collected.
    pub(crate) rest: Vec<Value>,
    /// What the `**` parameter collected.
    pub(crate) keywords: Vec<(String, Value)>,
}

impl Args {
    /// A required argument; [`bind`] has made sure that it is there.
    pub(crate) fn at(&self, position: usize) -> Value {
        self.values[position].clone().unwrap_or(Value::None)
    }

    /// An optional argument; `None` given explicitly counts as left out.
    pub(crate) fn get(&self, position: usize) -> Option<Value> {
        self.values
            .get(position)
            .cloned()
            .flatten()
            .filter(|value| !matches!(value, Value::None))
    }

    pub(crate) fn is_numpy(&self) -> bool {
        ["numpy.", "ndarray.", "scipy."]
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
    }
}

fn table() -> &'static BTreeMap<&'static str, &'static Entry> {
    static TABLE: OnceLock<BTreeMap<&'static str, &'static Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let parts = [
            elementwise::TABLE,
            activation::TABLE,
            in_place::TABLE,
            along::TABLE,
            order::TABLE,
            distance::TABLE,
            einsum::TABLE,
            join::TABLE,
            loss::TABLE,
            matrix::TABLE,
            pick::TABLE,
            shaping::TABLE,
            special::TABLE,
            blend::TABLE,
            closeness::TABLE,
            wxyz::TABLE,
            containers::TABLE,
            reduction::TABLE,
            norm::TABLE,
            shape::TABLE,
            convert::TABLE,
            create::TABLE,
            linear::TABLE,
            pose::TABLE,
            rotation::TABLE,
            scaling::TABLE,
            python::TABLE,
        ];
        let entries = parts.into_iter().flatten();
        entries
            .flat_map(|entry| entry.names.split_whitespace().map(move |name| (name, entry)))
            .collect()
    })
}

/// A function by its full name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let plain = in_place::plain_form(name).unwrap_or(name);
    table().get(plain).copied()
}

/// The parameters of a function, as the table writes them.
pub(crate) fn parameters(name: &str) -> Option<&'static str> {
    find(name).map(|entry| entry.parameters)
}

/// The parameters of one of Python's own functions, or of a helper that is known without an import.
pub(crate) fn parameters_without_import(name: &str) -> Option<&'static str> {
    parameters(&format!("builtins.{name}")).or_else(|| match implicit_name(name, Dialect::Torch)? {
        Value::Library(path) => parameters(&path),
        _ => None,
    })
}

/// The full name of a helper that is known without an import.
pub(crate) fn implicit_path(name: &str) -> Option<String> {
    match implicit_name(name, Dialect::Torch)? {
        Value::Library(path) => Some(path.to_string()),
        _ => None,
    }
}

/// A function of the table as a person would call it: `torch.norm(input, [p], [dim])`.
pub(crate) fn signature(name: &str) -> Option<String> {
    find(name).map(|entry| written_signature(shown_name(name), entry.parameters))
}

/// The names in the table's text about parameters: the first of each one's aliases; `*` for what collects the rest.
pub(crate) fn parameter_names(text: &'static str) -> impl Iterator<Item = &'static str> {
    let parameters = text
        .split_whitespace()
        .filter(|parameter| *parameter != "|" && *parameter != "**");
    parameters.map(|parameter| {
        let plain = parameter.trim_end_matches('?');
        plain.split('|').next().unwrap_or(plain)
    })
}

/// A function as a person would call it: `torch.norm(input, [p], [dim])`.
fn written_signature(name: &str, parameters: &str) -> String {
    let parameters = parameters
        .split_whitespace()
        .filter(|parameter| !parameter.starts_with('|'));
    let shown = parameters.map(|parameter| {
        let plain = parameter.trim_end_matches('?').split('|').next().unwrap_or(parameter);
        match (parameter, parameter.ends_with('?')) {
            ("*", _) => "*values".to_owned(),
            ("**", _) => "**entries".to_owned(),
            (_, true) => format!("[{plain}]"),
            (_, false) => plain.to_owned(),
        }
    });
    format!("{name}({})", shown.collect::<Vec<_>>().join(", "))
}

/// Names below a module or a kind of receiver.
pub(crate) fn members(module: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{module}.");
    table()
        .keys()
        .filter_map(move |name| name.strip_prefix(prefix.as_str()).filter(|rest| !rest.contains('.')))
}

pub(crate) fn is_python_builtin(name: &str) -> bool {
    find(&format!("builtins.{name}")).is_some()
}

/// Under which prefix the table lists the methods of a value.
pub(crate) fn receiver_kind(value: &Value, dialect: Dialect) -> &'static str {
    match value {
        Value::Tensor(_) if dialect == Dialect::Torch => "Tensor",
        Value::Tensor(_) => "ndarray",
        Value::List(_) => "list",
        Value::Dict(_) => "dict",
        Value::Tuple(_) => "tuple",
        Value::Str(_) => "str",
        Value::Scalar(_) => "float",
        Value::Pose(_) => "Pose",
        _ => "object",
    }
}

impl<'a> Checker<'a> {
    /// `module.name`.
    pub(crate) fn library_attribute(&mut self, module: &str, name: &str) -> Checked {
        let path = names::canonical(&format!("{module}.{name}"));
        if let Some(value) = constant_of(&path) {
            let node = self.constant(Type::F64, value);
            return Ok(Value::Scalar(Scalar {
                kind: ScalarKind::Float,
                node,
            }));
        }
        if let Some(element) = element_of(&path) {
            return Ok(Value::Element(element));
        }
        if names::is_annotation(&path) {
            return Ok(Value::Annotation);
        }
        if path == "numpy.newaxis" {
            return Ok(Value::None);
        }
        if find(&path).is_some() || names::is_path(&path) || is_random(&path) {
            return Ok(Value::Library(path.into()));
        }
        if module.starts_with("typing") {
            return Ok(Value::Annotation);
        }
        let nearest = crate::check::nearest(name, members(module).chain(names::other_members(module)));
        // `from torch import nrom` is left alone: the name is used elsewhere.
        let fix = nearest
            .as_ref()
            .filter(|_| self.follows_dot())
            .and_then(|nearest| self.replacing(self.here, name, nearest));
        self.fixable(
            Code::UnknownAttribute,
            format!("`{path}` is not part of the reward language"),
            nearest.map(|nearest| format!("did you mean `{module}.{nearest}`?")),
            fix,
        )
    }

    /// Calls a function of the vocabulary.
    pub(crate) fn call_library(&mut self, path: &Rc<str>, arguments: Arguments) -> Checked {
        let full: Rc<str> = if is_python_builtin(path) {
            format!("builtins.{path}").into()
        } else {
            path.clone()
        };
        match find(&full) {
            Some(entry) => self.run_entry(entry, full, arguments),
            None => self.error(
                Code::TypeMismatch,
                format!("the module `{path}` cannot be called"),
                None,
            ),
        }
    }

    /// Calls whatever can be called.
    pub(crate) fn call_value(&mut self, callee: &Value, arguments: Arguments) -> Checked {
        match callee {
            Value::Function(function) => self.call_program_function(*function, arguments),
            Value::Library(path) => self.call_library(path, arguments),
            Value::Method(receiver, name) => self.call_method(receiver, name, arguments),
            other => {
                let found = self.describe(other);
                self.error(Code::TypeMismatch, format!("{found} cannot be called"), None)
            }
        }
    }

    /// Calls a method.
    pub(crate) fn call_method(&mut self, receiver: &Value, name: &str, mut arguments: Arguments) -> Checked {
        let full: Rc<str> = format!("{}.{name}", receiver_kind(receiver, self.dialect)).into();
        if let Some(plain) = in_place::plain_form(&full) {
            return in_place::call(self, receiver, plain, arguments);
        }
        arguments.positional.insert(0, receiver.clone());
        match find(&full) {
            Some(entry) => self.run_entry(entry, full, arguments),
            None => self.error(Code::UnknownAttribute, format!("there is no method `{name}`"), None),
        }
    }

    fn run_entry(&mut self, entry: &'static Entry, name: Rc<str>, arguments: Arguments) -> Checked {
        let args = self.bind_entry(entry, name, arguments)?;
        match entry.behaviour {
            Behaviour::Map(domain, f) => self.run_map(domain, f, &args),
            Behaviour::Zip(domain, f) => self.run_zip(domain, f, &args),
            Behaviour::Run(run) => run(self, args),
        }
    }

    fn bind_entry(&mut self, entry: &Entry, name: Rc<str>, arguments: Arguments) -> Checked<Args> {
        let shown = shown_name(&name).to_owned();
        let collects = entry.parameters.split_whitespace().any(|parameter| parameter == "*");
        let parameters: Vec<&str> = entry
            .parameters
            .split_whitespace()
            .filter(|parameter| !parameter.starts_with('*') && *parameter != "|")
            .collect();
        let before_rest = entry
            .parameters
            .split_whitespace()
            .take_while(|parameter| !parameter.starts_with('*') && *parameter != "|")
            .count();
        let mut args = Args {
            name,
            values: vec![None; parameters.len()],
            rest: Vec::new(),
            keywords: Vec::new(),
        };
        for (position, value) in arguments.positional.into_iter().enumerate() {
            if position < before_rest {
                args.values[position] = Some(value);
            } else if collects {
                args.rest.push(value);
            } else {
                return self.error(
                    Code::WrongArguments,
                    format!("`{shown}` takes at most {before_rest} arguments without a name"),
                    signature_help(&shown, entry.parameters),
                );
            }
        }
        for (keyword, value) in arguments.keywords {
            let position = parameters
                .iter()
                .position(|parameter| parameter.trim_end_matches('?').split('|').any(|alias| alias == keyword));
            match position {
                Some(position) if args.values[position].is_none() => args.values[position] = Some(value),
                Some(_) => return self.error(Code::WrongArguments, format!("`{shown}` gets `{keyword}` twice"), None),
                None if entry.parameters.contains("**") => args.keywords.push((keyword, value)),
                None => {
                    let plain: Vec<&str> = parameters
                        .iter()
                        .map(|parameter| parameter.trim_end_matches('?'))
                        .collect();
                    let fix = self.renaming_keyword(&keyword, &plain).map(|(fix, _)| fix);
                    return self.fixable(
                        Code::WrongArguments,
                        format!("`{shown}` has no parameter `{keyword}`"),
                        signature_help(&shown, entry.parameters),
                        fix,
                    );
                }
            }
        }
        let missing = parameters
            .iter()
            .zip(&args.values)
            .find(|(parameter, value)| !parameter.ends_with('?') && value.is_none());
        if let Some((parameter, _)) = missing {
            let parameter = parameter.split('|').next().unwrap_or(parameter);
            return self.error(
                Code::WrongArguments,
                format!("`{shown}` lacks its argument `{parameter}`"),
                signature_help(&shown, entry.parameters),
            );
        }
        if args
            .values
            .iter()
            .flatten()
            .chain(&args.rest)
            .any(|value| matches!(value, Value::Poison))
        {
            return Err(crate::check::Reported);
        }
        Ok(args)
    }

    /// The array that a function works on. torch does not take Python numbers there.
    pub(crate) fn array_argument(&mut self, args: &Args, value: &Value) -> Checked<crate::value::Tensor> {
        let is_torch = ["torch.", "Tensor.", "torch_utils."]
            .iter()
            .any(|prefix| args.name.starts_with(prefix));
        match value {
            Value::Tensor(tensor) => Ok(tensor.clone()),
            Value::Scalar(_) | Value::List(_) | Value::Tuple(_) if !is_torch => self.as_tensor(value),
            other => {
                let found = self.describe(other);
                let shown = shown_name(&args.name).to_owned();
                let kind = if is_torch { "tensor" } else { "array" };
                let help = match other {
                    Value::Scalar(_) => Some(
                        "use the function of the same name in `math`, or make a tensor with `torch.tensor(x)`"
                            .to_owned(),
                    ),
                    _ => None,
                };
                self.error(
                    Code::TypeMismatch,
                    format!("`{shown}` takes a {kind}, not {found}"),
                    help,
                )
            }
        }
    }

    fn run_map(&mut self, domain: Domain, f: MapFn, args: &Args) -> Checked {
        if args.name.starts_with("math.") {
            let x = self.python_float(&args.at(0))?;
            let node = f(self, x);
            let is_test = domain == Domain::Test;
            let kind = if is_test { ScalarKind::Bool } else { ScalarKind::Float };
            return Ok(Value::Scalar(Scalar { kind, node }));
        }
        let tensor = self.array_argument(args, &args.at(0))?;
        let element = tensor.element;
        self.check_precision(domain, args, element)?;
        let (input, output) = self.domain_elements(domain, tensor.element);
        let tensor = if tensor.element == input {
            tensor
        } else {
            self.cast(&tensor, input)
        };
        let result = self.map(&tensor, output, |checker, node| f(checker, node));
        Ok(Value::Tensor(self.truth_again(domain, args, element, result)))
    }

    fn run_zip(&mut self, domain: Domain, f: ZipFn, args: &Args) -> Checked {
        if args.name.starts_with("math.") {
            let (a, b) = (self.python_float(&args.at(0))?, self.python_float(&args.at(1))?);
            let node = f(self, a, b);
            return Ok(Value::Scalar(Scalar {
                kind: ScalarKind::Float,
                node,
            }));
        }
        let a = match args.at(0) {
            scalar @ Value::Scalar(_) if args.is_numpy() => scalar,
            value => Value::Tensor(self.array_argument(args, &value)?),
        };
        let b = match args.at(1) {
            scalar @ Value::Scalar(_) if args.is_numpy() => scalar,
            value => Value::Tensor(self.array_argument(args, &value)?),
        };
        let promoted = self.promote(&[&a, &b]);
        self.check_precision(domain, args, promoted)?;
        let (input, output) = self.domain_elements(domain, promoted);
        let (dims, rows) = self.broadcast_operands(&format!("`{}`", shown_name(&args.name)), &[&a, &b], input)?;
        let nodes = rows[0].iter().zip(&rows[1]).map(|(&a, &b)| f(self, a, b)).collect();
        let result = self.tensor(output, dims, nodes);
        Ok(Value::Tensor(self.truth_again(domain, args, promoted, result)))
    }

    /// Refuses truth values where the library does, and what NumPy computes with very few digits: functions of truth
    /// values in half precision, the reciprocal of whole numbers in whole numbers.
    fn check_precision(&mut self, domain: Domain, args: &Args, element: Element) -> Checked<()> {
        if element == Element::Bool && domain == Domain::Number {
            return self.refuse_truth_values(args);
        }
        let loses = match element {
            Element::Bool => domain == Domain::Float,
            Element::I64 => &*args.name == "numpy.reciprocal",
            _ => false,
        };
        if !args.is_numpy() || !loses {
            return Ok(());
        }
        let shown = shown_name(&args.name).to_owned();
        self.error(
            Code::TypeMismatch,
            format!("`{shown}` of {element} loses nearly all digits in NumPy"),
            "convert it first with `float(x)` or `x.astype(float)`".to_owned(),
        )
    }

    fn refuse_truth_values(&mut self, args: &Args) -> Checked<()> {
        let refused: &[&str] = match args.is_numpy() {
            true => &["negative", "sign"],
            false => &[
                "abs", "absolute", "neg", "negative", "floor", "ceil", "trunc", "relu", "round",
            ],
        };
        let name = args.name.rsplit('.').next().unwrap_or_default();
        if !refused.contains(&name) {
            return Ok(());
        }
        let shown = shown_name(&args.name).to_owned();
        self.error(
            Code::TypeMismatch,
            format!("`{shown}` takes numbers, not truth values"),
            "convert the mask first, for example with `.float()`".to_owned(),
        )
    }

    /// What chooses or rounds truth values gives truth values; only a square is a number.
    fn truth_again(&mut self, domain: Domain, args: &Args, element: Element, result: Tensor) -> Tensor {
        if element == Element::Bool && domain == Domain::Number && !args.name.ends_with(".square") {
            return self.cast(&result, Element::Bool);
        }
        result
    }

    fn domain_elements(&self, domain: Domain, element: Element) -> (Element, Element) {
        let default_float = self.scalar_element(ScalarKind::Float);
        let float = if element.is_float() { element } else { default_float };
        match domain {
            Domain::Float => (float, float),
            Domain::Number if element == Element::Bool => (Element::I64, Element::I64),
            Domain::Number => (element, element),
            Domain::Truth => (Element::Bool, Element::Bool),
            Domain::Test if element == Element::Bool => (Element::I64, Element::Bool),
            Domain::Test => (element, Element::Bool),
        }
    }

    /// A single number as a Python float: what `float()` and `math` do.
    pub(crate) fn python_float(&mut self, value: &Value) -> Checked<NodeId> {
        let is_single = match value {
            Value::Scalar(_) => true,
            Value::Tensor(tensor) => !tensor.is_batched() && tensor.index.len() == 1,
            _ => false,
        };
        match self.single_node(value) {
            Some(node) if is_single => Ok(self.convert(node, Type::F64)),
            _ => {
                let found = self.describe(value);
                let help = matches!(value, Value::Tensor(tensor) if tensor.is_batched()).then(|| {
                    "there is one value per environment; use the torch function of the same name, or `.float()`"
                        .to_owned()
                });
                let fix = help.as_ref().and_then(|_| self.torch_instead_of_math());
                self.fixable(
                    Code::TypeMismatch,
                    format!("one number is needed here, not {found}"),
                    help,
                    fix,
                )
            }
        }
    }

    /// Calls torch's function of the same name where `math` takes no batch.
    fn torch_instead_of_math(&self) -> Option<carrot_reward_interface::Fix> {
        let called = self.callee_text()?;
        let name = called.strip_prefix("math.")?;
        let new = format!("torch.{name}");
        find(&new)?;
        self.calling_instead(called, &new)
    }

    /// A single number that is known before the program runs.
    pub(crate) fn known_number(&mut self, value: &Value) -> Checked<f64> {
        let node = self.python_float(value)?;
        match self.graph.constant_value(node) {
            Some(known) => Ok(known),
            None => self.error(
                Code::TypeMismatch,
                "this number must be known before the program runs",
                None,
            ),
        }
    }

    /// A flag such as `keepdim=True`.
    pub(crate) fn flag(&mut self, value: Option<Value>) -> Checked<bool> {
        let Some(value) = value else { return Ok(false) };
        let truth = self.truth(&value)?;
        match self.graph.constant_value(truth) {
            Some(known) => Ok(known != 0.0),
            None => self.error(Code::TypeMismatch, "this option is known only at run time", None),
        }
    }

    /// An element type given as an argument: `torch.float`, `float`, `"float32"`.
    pub(crate) fn element_argument(&mut self, value: &Value) -> Checked<Element> {
        match value {
            Value::Element(element) => Ok(*element),
            Value::Library(path) if &**path == "float" => Ok(Element::F64),
            Value::Library(path) if &**path == "int" => Ok(Element::I64),
            Value::Library(path) if &**path == "bool" => Ok(Element::Bool),
            Value::Str(name) => match element_of(&format!("numpy.{name}")) {
                Some(element) => Ok(element),
                None => self.error(Code::TypeMismatch, format!("\"{name}\" is not an element type"), None),
            },
            other => {
                let found = self.describe(other);
                self.error(
                    Code::TypeMismatch,
                    format!("an element type is needed here, not {found}"),
                    None,
                )
            }
        }
    }
}

/// Operands element by element, from what [`Checker::broadcast_operands`] gives.
fn together<const K: usize>(rows: &[Vec<NodeId>]) -> impl Iterator<Item = [NodeId; K]> {
    (0..rows[0].len()).map(|at| std::array::from_fn(|row| rows[row][at]))
}

/// The name as a program writes it.
pub(crate) fn shown_name(full: &str) -> &str {
    [
        "builtins.",
        "Tensor",
        "ndarray",
        "list",
        "tuple",
        "dict",
        "str",
        "float",
        "Pose",
        "reward_utils.",
        "mani_skill2.utils.geometry.",
        "torch_utils.",
    ]
    .iter()
    .find_map(|prefix| {
        full.strip_prefix(prefix)
            .filter(|rest| rest.starts_with('.') || prefix.ends_with('.'))
    })
    .unwrap_or(full)
}

fn signature_help(name: &str, parameters: &str) -> String {
    format!("its parameters are `{}`", written_signature(name, parameters))
}
