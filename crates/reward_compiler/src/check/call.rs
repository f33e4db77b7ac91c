//! Functions of the program: definition, names in sight, arguments, calls.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr, Parameters, Stmt};
use ruff_text_size::Ranged;

use super::{Binding, Checked, Checker, Frame, Function, Reported};
use crate::value::{Object, Value};
use crate::{Code, library};

/// Deepest nesting of calls; each call is inlined.
const MAX_CALLS: usize = 64;

/// What a function executes.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    Block(&'a [Stmt]),
    Lambda(&'a Expr),
}

/// Arguments of a call, evaluated.
#[derive(Debug, Default, Clone)]
pub(crate) struct Arguments {
    pub(crate) positional: Vec<Value>,
    pub(crate) keywords: Vec<(String, Value)>,
}

impl<'a> Checker<'a> {
    pub(crate) fn frame(&self) -> &Frame {
        self.frames.last().expect("the module's frame is never popped")
    }

    pub(crate) fn frame_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the module's frame is never popped")
    }

    /// Defines a function. Decorators are not evaluated: `@torch.jit.script` changes no value.
    pub(crate) fn define(&mut self, definition: &'a ast::StmtFunctionDef) -> Checked<()> {
        self.here = self.span(definition.name.range);
        if definition.is_async {
            return self.unsupported("`async` has no place in a reward", "");
        }
        let (mut is_property, mut is_static) = (false, false);
        for decorator in &definition.decorator_list {
            let text = self.text(decorator.expression.range());
            is_property |= matches!(text, "property" | "cached_property" | "functools.cached_property");
            is_static |= text == "staticmethod";
            if !is_property
                && !is_static
                && !matches!(
                    text,
                    "torch.jit.script"
                        | "torch.no_grad()"
                        | "torch.jit.export"
                        | "torch.jit.ignore"
                        | "override"
                        | "typing.override"
                        | "abstractmethod"
                        | "abc.abstractmethod"
                )
            {
                self.here = self.span(decorator.range);
                let fix = self.removing_lines(decorator.range, "remove the decorator");
                return self.fixable(
                    Code::Unsupported,
                    format!("the decorator `{text}` has no meaning here"),
                    "remove it".to_owned(),
                    fix,
                );
            }
        }
        let name = definition.name.as_str();
        let function = self.new_function(
            name,
            Some(&definition.parameters),
            Body::Block(&definition.body),
            definition.name.range,
        )?;
        if let Value::Function(index) = function {
            self.functions[index].is_property = is_property;
            self.functions[index].is_static = is_static;
        }
        self.bind(name, function);
        Ok(())
    }

    /// A function value; default values are evaluated now, as Python does.
    pub(crate) fn new_function(
        &mut self,
        name: &str,
        parameters: Option<&'a Parameters>,
        body: Body<'a>,
        range: ruff_text_size::TextRange,
    ) -> Checked {
        let mut defaults = BTreeMap::new();
        let mut assigned = match body {
            Body::Block(block) => assigned_names(block),
            Body::Lambda(_) => BTreeSet::new(),
        };
        for parameter in parameters.into_iter().flat_map(Parameters::iter_non_variadic_params) {
            assigned.insert(parameter.name().to_string());
            if let Some(default) = &parameter.default {
                let value = self.expression(default)?;
                defaults.insert(parameter.name().to_string(), value);
            }
        }
        for variadic in parameters.into_iter().flat_map(|p| p.vararg.iter().chain(&p.kwarg)) {
            assigned.insert(variadic.name.to_string());
        }
        self.functions.push(Function {
            name: name.to_owned(),
            parameters,
            body,
            at: self.span(range),
            is_property: false,
            is_static: false,
            defaults,
            parent: self.frames.len() - 1,
            parent_serial: self.frame().serial,
            assigned: Rc::new(assigned),
        });
        Ok(Value::Function(self.functions.len() - 1))
    }

    /// Looks a name up: locals, then enclosing functions, then the module, then Python's own functions.
    pub(crate) fn lookup(&mut self, name: &str) -> Checked {
        let mut at = Some(self.frames.len() - 1);
        while let Some(position) = at {
            let frame = &self.frames[position];
            if let Some(binding) = frame.locals.get(name) {
                let binding = binding.clone();
                return self.read(name, binding);
            }
            if frame.assigned.contains(name) {
                return self.error(Code::UnknownName, format!("`{name}` is read before it is set"), None);
            }
            at = frame.parent;
        }
        if self
            .schema
            .index(name)
            .is_some_and(|variable| self.schema.variables[variable].uniform)
        {
            // A constant of the simulator that the program expects among its globals.
            let variable = self.schema.index(name).expect("just found");
            return Ok(self.variable(variable));
        }
        if library::is_python_builtin(name) {
            return Ok(Value::Library(name.into()));
        }
        if let Some(value) = library::implicit_name(name, self.dialect) {
            return Ok(value);
        }
        let (help, fix) = self.meant_by(name);
        self.fixable(Code::UnknownName, format!("`{name}` is not known here"), help, fix)
    }

    /// What a name stands for, without a word if it stands for nothing.
    pub(crate) fn in_sight(&self, name: &str) -> Option<&Binding> {
        let mut at = Some(self.frames.len() - 1);
        while let Some(position) = at {
            let frame = &self.frames[position];
            if let Some(binding) = frame.locals.get(name) {
                return Some(binding);
            }
            if frame.assigned.contains(name) {
                return None;
            }
            at = frame.parent;
        }
        None
    }

    fn read(&mut self, name: &str, binding: Binding) -> Checked {
        match binding {
            Binding::Value(Value::Poison) => Err(Reported),
            Binding::Value(value) => Ok(value),
            Binding::Maybe(Value::Poison, _) => Err(Reported),
            Binding::Maybe(value, set) => {
                self.warn(
                    Code::MaybeUnbound,
                    format!("`{name}` is set on some paths only, and the program stops where it is not"),
                    format!("set `{name}` before the `if`, for example `{name} = 0.0`"),
                );
                let unset = self.not(set);
                self.fault(unset, format!("UnboundLocalError: `{name}` is read before it is set"))?;
                Ok(value)
            }
            Binding::Clash(reason) => self.error(
                Code::TypeMismatch,
                format!("depending on the path, `{name}` is {reason}"),
                None,
            ),
            Binding::UnknownParameter(span, function) => {
                let variables = self.schema.variables.iter().map(|variable| variable.name.as_str());
                let (help, fix) = match super::nearest(name, variables.clone()) {
                    Some(nearest) => (
                        format!("did you mean `{nearest}`?"),
                        self.renaming_parameter(function, name, &nearest),
                    ),
                    None => (format!("the variables are {}", list_some(variables)), None),
                };
                self.fixable_at(
                    span,
                    Code::UnknownName,
                    format!("this task has no variable `{name}`"),
                    help,
                    fix,
                )
            }
        }
    }

    /// Evaluates the arguments of a call, in order.
    pub(crate) fn arguments(&mut self, arguments: &'a ast::Arguments) -> Checked<Arguments> {
        let mut evaluated = Arguments::default();
        let mut failed = None;
        for argument in &arguments.args {
            match argument {
                Expr::Starred(starred) => {
                    let items = self.expression(&starred.value)?;
                    evaluated.positional.extend(self.sequence(&items)?);
                }
                argument => match self.expression(argument) {
                    Ok(value) => evaluated.positional.push(value),
                    // One bad argument does not hide the mistakes in the others.
                    Err(reported) => failed = Some(reported),
                },
            }
        }
        for keyword in &arguments.keywords {
            let value = match self.expression(&keyword.value) {
                Ok(value) => value,
                Err(reported) => {
                    failed = Some(reported);
                    continue;
                }
            };
            match (&keyword.arg, value) {
                (Some(name), value) => evaluated.keywords.push((name.to_string(), value)),
                (None, Value::Dict(id)) => {
                    let entries = self
                        .dict_items(id)
                        .iter()
                        .map(|(key, value)| (key.to_string(), value.clone()))
                        .collect::<Vec<_>>();
                    evaluated.keywords.extend(entries);
                }
                (None, _) => return self.error(Code::TypeMismatch, "`**` needs a dict", None),
            }
        }
        failed.map_or(Ok(evaluated), Err)
    }

    /// Calls a function of the program with evaluated arguments.
    pub(crate) fn call_program_function(&mut self, function: usize, arguments: Arguments) -> Checked {
        let Some(parameters) = self.functions[function].parameters else {
            return self.call_function(function, BTreeMap::new());
        };
        let bound = self.bind_arguments(function, parameters, arguments)?;
        self.call_function(function, bound)
    }

    fn bind_arguments(
        &mut self,
        function: usize,
        parameters: &'a Parameters,
        arguments: Arguments,
    ) -> Checked<BTreeMap<String, Binding>> {
        let name = self.functions[function].name.clone();
        let wrong = |checker: &mut Self, message: String| {
            checker.error(Code::WrongArguments, format!("`{name}` {message}"), None)
        };
        let mut bound = BTreeMap::new();
        let by_position: Vec<&ast::ParameterWithDefault> =
            parameters.posonlyargs.iter().chain(&parameters.args).collect();
        let mut rest = arguments.positional.into_iter();
        for parameter in &by_position {
            let Some(value) = rest.next() else { break };
            bound.insert(parameter.name().to_string(), Binding::Value(value));
        }
        let extra: Vec<Value> = rest.collect();
        match &parameters.vararg {
            Some(vararg) => {
                bound.insert(vararg.name.to_string(), Binding::Value(Value::tuple(extra)));
            }
            None if !extra.is_empty() => return wrong(self, format!("takes {} arguments", by_position.len())),
            None => {}
        }
        let mut others = Vec::new();
        for (keyword, value) in arguments.keywords {
            let is_parameter = parameters
                .args
                .iter()
                .chain(&parameters.kwonlyargs)
                .any(|parameter| *parameter.name().as_str() == keyword);
            if is_parameter {
                if bound.insert(keyword.clone(), Binding::Value(value)).is_some() {
                    return wrong(self, format!("gets `{keyword}` twice"));
                }
            } else if parameters.kwarg.is_some() {
                others.push((Rc::from(keyword), value));
            } else {
                let names: Vec<&str> = parameters
                    .iter_non_variadic_params()
                    .map(|parameter| parameter.name().as_str())
                    .collect();
                let (fix, help) = self.renaming_keyword(&keyword, &names).unzip();
                return self.fixable(
                    Code::WrongArguments,
                    format!("`{name}` has no parameter `{keyword}`"),
                    help.map(|meant| format!("did you mean `{meant}`?")),
                    fix,
                );
            }
        }
        if let Some(kwarg) = &parameters.kwarg {
            let id = self.new_object(Object::Dict(others));
            bound.insert(kwarg.name.to_string(), Binding::Value(Value::Dict(id)));
        }
        for parameter in parameters.iter_non_variadic_params() {
            let parameter = parameter.name().as_str();
            if bound.contains_key(parameter) {
                continue;
            }
            match self.functions[function].defaults.get(parameter) {
                Some(default) => {
                    bound.insert(parameter.to_owned(), Binding::Value(default.clone()));
                }
                None => return wrong(self, format!("lacks its argument `{parameter}`")),
            }
        }
        Ok(bound)
    }

    /// Executes a function with its parameters bound.
    pub(crate) fn call_function(&mut self, function: usize, locals: BTreeMap<String, Binding>) -> Checked {
        let called_from = self.here;
        let callee = &self.functions[function];
        let (body, parent, assigned) = (callee.body, callee.parent, Rc::clone(&callee.assigned));
        if self.frames.iter().any(|frame| frame.function == Some(function)) || self.frames.len() > MAX_CALLS {
            let name = callee.name.clone();
            return self.error(
                Code::Recursion,
                format!("`{name}` calls itself"),
                "write a loop with a fixed number of rounds".to_owned(),
            );
        }
        if self
            .frames
            .get(parent)
            .is_none_or(|frame| frame.serial != callee.parent_serial)
        {
            return self.unsupported(
                "a function that outlives the call that defined it",
                "define it at the top of the file",
            );
        }
        self.serial += 1;
        self.frames.push(Frame {
            serial: self.serial,
            function: Some(function),
            parent: Some(parent),
            locals,
            assigned,
            loops: Vec::new(),
            returns: Vec::new(),
            path_base: self.path.len(),
        });
        self.depth += 1;
        let result = match body {
            Body::Lambda(body) => self.expression(body),
            Body::Block(block) => {
                let flow = self.block(block);
                let returns = std::mem::take(&mut self.frame_mut().returns);
                self.here = called_from;
                self.join_returns(returns, flow)
            }
        };
        self.depth -= 1;
        self.frames.pop();
        self.here = called_from;
        if self.exhausted { Err(Reported) } else { result }
    }
}

/// The first few names, for a message.
fn list_some<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let rest = names.len().saturating_sub(8);
    names.truncate(8);
    let shown = names.join(", ");
    if rest > 0 {
        format!("{shown} and {rest} more")
    } else {
        shown
    }
}

/// Names that a block assigns, inner functions left out: Python's rule for which names are local.
pub(crate) fn assigned_names(block: &[Stmt]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for statement in block {
            match statement {
                Stmt::Assign(statement) => statement
                    .targets
                    .iter()
                    .for_each(|target| target_names(target, &mut names)),
                Stmt::AnnAssign(statement) => target_names(&statement.target, &mut names),
                Stmt::AugAssign(statement) => target_names(&statement.target, &mut names),
                Stmt::FunctionDef(definition) => {
                    names.insert(definition.name.to_string());
                }
                Stmt::For(statement) => {
                    target_names(&statement.target, &mut names);
                    blocks.push(&statement.body);
                    blocks.push(&statement.orelse);
                }
                Stmt::While(statement) => {
                    blocks.push(&statement.body);
                    blocks.push(&statement.orelse);
                }
                Stmt::If(statement) => {
                    blocks.push(&statement.body);
                    blocks.extend(statement.elif_else_clauses.iter().map(|clause| &*clause.body));
                }
                Stmt::With(statement) => blocks.push(&statement.body),
                _ => {}
            }
        }
    }
    names
}

fn target_names(target: &Expr, names: &mut BTreeSet<String>) {
    let mut targets = vec![target];
    while let Some(target) = targets.pop() {
        match target {
            Expr::Name(name) => {
                names.insert(name.id.to_string());
            }
            Expr::Tuple(tuple) => targets.extend(&tuple.elts),
            Expr::List(list) => targets.extend(&list.elts),
            Expr::Starred(starred) => targets.push(&starred.value),
            _ => {}
        }
    }
}
