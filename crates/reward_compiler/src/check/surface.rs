//! The names below `self`, `env` and other objects of a simulator: from the text of a chain to a variable.
//!
//! Programs read the simulator through chains such as `self.robot.check_grasp(self.cubeA, max_angle=30)`. The task offers
//! the value of such a chain as a variable under the chain's own text: aliases expanded, the root `self` left out, one
//! spelling ([`canonical_name`]). So whatever a program calls there, nothing is called.

use carrot_reward_interface::canonical_name;
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::{Binding, Checked, Checker, nearest};
use crate::value::{Scalar, ScalarKind, Value};
use crate::{Code, library};

/// Most characters of a chain that a message shows.
const MOST_SHOWN: usize = 120;

/// An argument of a call as a chain writes it.
struct Argument {
    text: String,
    /// Whether it is `self` or something read from it.
    is_surface: bool,
}

impl<'a> Checker<'a> {
    /// The name under which the task would offer the value of a chain; none if the expression is no chain that begins at
    /// a surface.
    pub(crate) fn chain(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => match self.in_sight(name.id.as_str()) {
                Some(Binding::Value(Value::Surface(path))) => Some(path.to_string()),
                _ => None,
            },
            Expr::Attribute(attribute) => {
                let base = self.chain(&attribute.value)?;
                Some(below(&base, attribute.attr.as_str()))
            }
            Expr::Call(call) => self.chain_of_call(call),
            Expr::Subscript(subscript) => self.chain_of_subscript(subscript),
            _ => None,
        }
    }

    fn chain_of_subscript(&self, subscript: &ast::ExprSubscript) -> Option<String> {
        let base = self.chain(&subscript.value)?;
        let index = self.chain_argument(&subscript.slice)?.text;
        if base.is_empty() {
            return None;
        }
        canonical_name(&format!("{base}[{index}]"))
    }

    /// Every argument is looked at once: calls nest deeply.
    pub(crate) fn chain_of_call(&self, call: &ast::ExprCall) -> Option<String> {
        let positional = call.arguments.args.iter().map(|argument| self.chain_argument(argument));
        let positional: Vec<Argument> = positional.collect::<Option<_>>()?;
        let callee = match &*call.func {
            Expr::Name(name) => self.simulator_function(name.id.as_str(), &positional)?,
            callee => self.chain(callee)?,
        };
        let named = call.arguments.keywords.iter().map(|keyword| {
            let value = self.chain_argument(&keyword.value)?.text;
            Some(format!("{}={value}", keyword.arg.as_ref()?))
        });
        let positional = positional.into_iter().map(|argument| Some(argument.text));
        let arguments: Vec<String> = positional.chain(named).collect::<Option<_>>()?;
        canonical_name(&format!("{callee}({})", arguments.join(", ")))
    }

    /// A function that only the simulator can have: nothing in sight has its name, and it is given `self` or a part of it.
    fn simulator_function(&self, name: &str, arguments: &[Argument]) -> Option<String> {
        let is_known = self.in_sight(name).is_some()
            || library::is_python_builtin(name)
            || library::implicit_name(name, self.dialect).is_some();
        let takes_surface = arguments.iter().any(|argument| argument.is_surface);
        (!is_known && takes_surface).then(|| name.to_owned())
    }

    /// An argument of a call, or an index, as a chain writes it.
    fn chain_argument(&self, expression: &Expr) -> Option<Argument> {
        let plain = |text: String| Argument {
            text,
            is_surface: false,
        };
        Some(match expression {
            Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::StringLiteral(_) => {
                plain(self.text(expression.range()).to_owned())
            }
            Expr::UnaryOp(operation) if operation.op == ast::UnaryOp::USub => {
                plain(format!("-{}", self.chain_argument(&operation.operand)?.text))
            }
            Expr::Name(name) => match self.in_sight(name.id.as_str())? {
                Binding::Value(Value::Surface(path)) => Argument {
                    text: if path.is_empty() {
                        "self".into()
                    } else {
                        path.to_string()
                    },
                    is_surface: true,
                },
                Binding::Value(Value::Str(text)) => plain(format!("'{text}'")),
                Binding::Value(Value::Scalar(scalar)) => plain(self.scalar_text(*scalar)?),
                _ => return None,
            },
            Expr::List(list) => plain(format!("[{}]", self.chain_arguments(&list.elts)?)),
            Expr::Tuple(tuple) => plain(format!("({})", self.chain_arguments(&tuple.elts)?)),
            other => Argument {
                text: self.chain(other)?,
                is_surface: true,
            },
        })
    }

    fn chain_arguments(&self, expressions: &[Expr]) -> Option<String> {
        let arguments = expressions.iter().map(|item| Some(self.chain_argument(item)?.text));
        Some(arguments.collect::<Option<Vec<String>>>()?.join(", "))
    }

    fn scalar_text(&self, scalar: Scalar) -> Option<String> {
        let value = self.graph.constant_value(scalar.node)?;
        Some(match scalar.kind {
            ScalarKind::Bool if value != 0.0 => "True".into(),
            ScalarKind::Bool => "False".into(),
            ScalarKind::Int => format!("{}", value as i64),
            ScalarKind::Float => format!("{value:?}"),
        })
    }

    /// The value that the task or the program's own memory has under the text of a chain.
    pub(crate) fn chain_value(&mut self, expression: &Expr) -> Option<Checked> {
        let path = self.chain(expression)?;
        if let Some(value) = self.read_attribute(&path) {
            return Some(value);
        }
        let variable = self.schema.index(&path)?;
        Some(Ok(self.variable(variable)))
    }

    /// `self.extras["reach"] = value` and `self.rew_buf[:] = value`, where nothing is known under the name before: an
    /// attribute of that name. The value comes back where it is an ordinary store.
    pub(crate) fn store_attribute(&mut self, target: &ast::ExprSubscript, value: Value) -> Result<Checked<()>, Value> {
        let Some(base) = self.chain(&target.value).filter(|base| !base.is_empty()) else {
            return Err(value);
        };
        let is_set = self
            .attributes
            .get(&base)
            .is_some_and(|attribute| self.graph.constant_value(attribute.present) == Some(1.0));
        if is_set || self.schema.index(&base).is_some() {
            return Err(value);
        }
        let whole = matches!(&*target.slice, Expr::Slice(slice)
            if slice.lower.is_none() && slice.upper.is_none() && slice.step.is_none());
        match (whole, self.chain_of_subscript(target)) {
            (true, _) => Ok(self.set_attribute(&base, value)),
            (false, Some(path)) => Ok(self.set_attribute(&path, value)),
            (false, None) => Err(value),
        }
    }

    /// What `self.name` is, where it is no variable: a part of the simulator, or a method of the program.
    pub(crate) fn surface_attribute(&mut self, path: &str, name: &str) -> Checked {
        let full = below(path, name);
        if self.is_surface(&full) {
            return Ok(Value::Surface(full.into()));
        }
        if name == "device" && self.dialect == carrot_reward_interface::Dialect::Torch {
            return Ok(Value::Device);
        }
        if let Some(member) = self.member(path, name) {
            return member;
        }
        let fix = self.replacing_component(path, name);
        self.unknown_variable_with(&full, fix)
    }

    /// A chain that the task does not offer.
    pub(crate) fn unknown_variable(&mut self, path: &str) -> Checked {
        self.unknown_variable_with(path, None)
    }

    fn unknown_variable_with(&mut self, path: &str, fix: Option<carrot_reward_interface::Fix>) -> Checked {
        let variables = self.schema.variables.iter().map(|variable| variable.name.as_str());
        let help = nearest(path, variables).map(|nearest| {
            let is_plain = nearest.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
            let prefix = if is_plain { "self." } else { "" };
            format!("did you mean `{prefix}{nearest}`?")
        });
        let shown: String = match path.char_indices().nth(MOST_SHOWN) {
            Some((end, _)) => format!("{}…", &path[..end]),
            None => path.to_owned(),
        };
        self.fixable(
            Code::UnknownName,
            format!("this task has no variable `{shown}`"),
            help,
            fix,
        )
    }

    /// A function or constant of the program that is read through its object, as methods of a class are.
    fn member(&mut self, path: &str, name: &str) -> Option<Checked> {
        match self.frames[0].binding(name)? {
            Binding::Value(Value::Function(function)) => {
                let function = *function;
                let bound = Value::Bound(function, path.into());
                Some(if self.functions[function].is_property {
                    self.call_bound(function, path, super::Arguments::default())
                } else {
                    Ok(bound)
                })
            }
            Binding::Value(value) if self.members.contains(name) => Some(Ok(value.clone())),
            _ => None,
        }
    }

    /// Calls a method: its object is the first argument, unless it is static.
    pub(crate) fn call_bound(&mut self, function: usize, path: &str, mut arguments: super::Arguments) -> Checked {
        if !self.functions[function].is_static {
            arguments.positional.insert(0, Value::Surface(path.into()));
        }
        self.call_program_function(function, arguments)
    }

    /// Whether some variable lies below this name, or mentions it.
    pub(crate) fn is_surface(&self, path: &str) -> bool {
        self.schema
            .variables
            .iter()
            .any(|variable| mentions(&variable.name, path))
    }

    /// `info.update(stage=2)`: what a program tells the simulator's report. Only an entry that the program could read
    /// back, a variable of the task, is kept.
    pub(crate) fn report_update(&mut self, call: &'a ast::ExprCall) -> Option<Checked> {
        let Expr::Attribute(callee) = &*call.func else {
            return None;
        };
        let path = self.chain(&callee.value)?;
        if callee.attr.as_str() != "update" || path.is_empty() || !call.arguments.args.is_empty() {
            return None;
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref()?;
            let value = match self.expression(&keyword.value) {
                Ok(value) => value,
                Err(reported) => return Some(Err(reported)),
            };
            let entry = format!("{path}['{name}']");
            if self.schema.index(&entry).is_some()
                && let Err(reported) = self.set_attribute(&entry, value)
            {
                return Some(Err(reported));
            }
        }
        Some(Ok(Value::None))
    }

    /// `hasattr(self, "name")` and `getattr(self, "name", default)`, which ask whether the program has set the attribute.
    pub(crate) fn attribute_query(&mut self, call: &'a ast::ExprCall) -> Option<Checked> {
        let Expr::Name(name) = &*call.func else { return None };
        let asks = match (name.id.as_str(), call.arguments.args.len()) {
            ("hasattr", 2) => true,
            ("getattr", 2 | 3) => false,
            _ => return None,
        };
        if self.in_sight(name.id.as_str()).is_some() {
            return None;
        }
        let base = self.chain(&call.arguments.args[0])?;
        Some(self.query(asks, &base, &call.arguments.args))
    }

    fn query(&mut self, asks: bool, base: &str, arguments: &'a [Expr]) -> Checked {
        let path = match self.expression(&arguments[1])? {
            Value::Str(attribute) => below(base, &attribute),
            other => {
                let found = self.describe(&other);
                return self.error(
                    Code::TypeMismatch,
                    format!("the name of an attribute is a string, not {found}"),
                    None,
                );
            }
        };
        if let Some(attribute) = self.attributes.get(&path).cloned() {
            if asks {
                return Ok(Value::Scalar(Scalar {
                    kind: ScalarKind::Bool,
                    node: attribute.present,
                }));
            }
            return match arguments.get(2) {
                None => self.read_attribute(&path).expect("it was just found"),
                Some(default) => self.choose(
                    attribute.present,
                    |_| Ok(attribute.value.clone()),
                    |checker| checker.expression(default),
                ),
            };
        }
        self.missed.insert(path.clone());
        let variable = self.schema.index(&path);
        let is_there = variable.is_some() || self.is_surface(&path);
        match (asks, variable, arguments.get(2)) {
            (true, ..) => Ok(self.bool(is_there)),
            (false, Some(variable), _) => Ok(self.variable(variable)),
            (false, None, _) if is_there => Ok(Value::Surface(path.into())),
            (false, None, Some(default)) => self.expression(default),
            (false, None, None) => self.unknown_variable(&path),
        }
    }
}

fn below(path: &str, name: &str) -> String {
    match path.is_empty() {
        true => name.to_owned(),
        false => format!("{path}.{name}"),
    }
}

/// Whether `path` stands in `name` as a whole: as its beginning, or among the arguments of a call.
fn mentions(name: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    name.match_indices(path).any(|(at, _)| {
        let (before, after) = (&name[..at], &name[at + path.len()..]);
        let begins = before.is_empty() || before.ends_with(['(', ' ', '=', '[']);
        begins && !after.is_empty() && !after.starts_with(is_word) && !after.starts_with('=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surface_is_a_beginning_or_an_argument() {
        for (name, path, expected) in [
            ("robot.ee_pose.p", "robot", true),
            ("robot.ee_pose.p", "robot.ee_pose", true),
            ("robot.ee_pose.p", "robot.ee", false),
            ("robot.ee_pose.p", "ee_pose", false),
            ("robot.ee_pose.p", "robot.ee_pose.p", false), // a variable itself
            ("robot.check_grasp(cubeA, max_angle=30)", "cubeA", true),
            ("robot.check_grasp(cubeA, max_angle=30)", "max_angle", false),
            ("robot.check_grasp(cubeA, max_angle=30)", "robot.check_grasp", true),
            ("robot.check_grasp(cubeA, max_angle=30)", "cube", false),
        ] {
            assert_eq!(mentions(name, path), expected, "{path} in {name}");
        }
    }
}
