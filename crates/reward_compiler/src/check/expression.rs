//! Expressions to values.

use std::rc::Rc;

use carrot_reward_interface::Dialect;
use ruff_python_ast::{self as ast, Expr, Number};
use ruff_text_size::Ranged;

use super::{Body, Checked, Checker, MAX_ROUNDS};
use crate::ir::Type;
use crate::value::{Dim, Object, Scalar, ScalarKind, Tensor, Value};
use crate::{Code, library};

/// Largest whole number that an f64 holds exactly.
const MAX_EXACT_INT: i64 = 1 << 53;

impl<'a> Checker<'a> {
    /// The value of an expression.
    pub(crate) fn expression(&mut self, expression: &'a Expr) -> Checked {
        let outer = std::mem::replace(&mut self.here, self.positions.span(expression.range()));
        self.step()?;
        self.depth += 1;
        let value = self.evaluate(expression);
        self.depth -= 1;
        self.here = outer;
        value
    }

    fn evaluate(&mut self, expression: &'a Expr) -> Checked {
        if matches!(expression, Expr::Attribute(_) | Expr::Call(_) | Expr::Subscript(_))
            && let Some(value) = self.chain_value(expression)
        {
            return value;
        }
        match expression {
            Expr::Name(name) => self.lookup(name.id.as_str()),
            Expr::NumberLiteral(literal) => self.number(&literal.value),
            Expr::BooleanLiteral(literal) => Ok(self.bool(literal.value)),
            Expr::NoneLiteral(_) => Ok(Value::None),
            Expr::EllipsisLiteral(_) => Ok(Value::Ellipsis),
            Expr::StringLiteral(literal) => Ok(Value::Str(literal.value.to_str().into())),
            Expr::BinOp(operation) => {
                // A mistake on the left does not hide one on the right.
                let left = self.expression(&operation.left);
                let right = self.expression(&operation.right);
                self.operate(operation.op, &left?, &right?, &operation.left, &operation.right)
            }
            Expr::UnaryOp(operation) => {
                let operand = self.expression(&operation.operand)?;
                self.unary_operation(operation.op, &operand, &operation.operand)
            }
            Expr::BoolOp(operation) => self.bool_operation(operation.op, &operation.values),
            Expr::Compare(comparison) => self.comparison(comparison),
            Expr::If(ternary) => self.ternary(ternary),
            Expr::Call(call) => self.call(call),
            Expr::Attribute(attribute) => self.attribute(attribute),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Tuple(tuple) => Ok(Value::tuple(self.items(&tuple.elts)?)),
            Expr::List(list) => {
                let items = self.items(&list.elts)?;
                Ok(self.new_list(items))
            }
            Expr::Dict(dict) => self.dict(dict),
            Expr::ListComp(comprehension) => self.list_comprehension(&comprehension.elt, &comprehension.generators),
            Expr::Generator(generator) => self.list_comprehension(&generator.elt, &generator.generators),
            Expr::DictComp(comprehension) => self.dict_comprehension(comprehension),
            Expr::Lambda(lambda) => self.new_function(
                "lambda",
                lambda.parameters.as_deref(),
                Body::Lambda(&lambda.body),
                lambda.range,
            ),
            Expr::Named(named) => {
                let value = self.expression(&named.value)?;
                self.assign(&named.target, value.clone())?;
                Ok(value)
            }
            Expr::FString(_) | Expr::TString(_) => self.unsupported(
                "formatted strings have no place in a reward",
                "use a plain string such as \"reach\"",
            ),
            Expr::Set(_) | Expr::SetComp(_) => {
                self.unsupported("sets are not part of the reward language", "use a list or a tuple")
            }
            _ => self.unsupported("this expression is not part of the reward language", ""),
        }
    }

    fn number(&mut self, number: &Number) -> Checked {
        match number {
            Number::Int(int) => match int.as_i64() {
                Some(value) if value <= MAX_EXACT_INT => Ok(self.int(value)),
                _ => self.unsupported("whole numbers beyond 2**53 are not exact here", "write it as a float"),
            },
            Number::Float(value) => Ok(Value::Scalar(Scalar {
                kind: ScalarKind::Float,
                node: self.constant(Type::F64, *value),
            })),
            Number::Complex { .. } => self.unsupported("complex numbers are not part of the reward language", ""),
        }
    }

    fn items(&mut self, expressions: &'a [Expr]) -> Checked<Vec<Value>> {
        let mut items = Vec::with_capacity(expressions.len());
        for expression in expressions {
            match expression {
                Expr::Starred(starred) => {
                    let value = self.expression(&starred.value)?;
                    items.extend(self.sequence(&value)?);
                }
                expression => items.push(self.expression(expression)?),
            }
        }
        Ok(items)
    }

    fn dict(&mut self, dict: &'a ast::ExprDict) -> Checked {
        let id = self.new_object(Object::Dict(Vec::new()));
        let mut failed = false;
        for item in &dict.items {
            match &item.key {
                Some(key) => {
                    let key = self.key(key)?;
                    // One bad entry does not hide the mistakes in the others.
                    let value = self.expression(&item.value);
                    failed |= value.is_err();
                    self.entry_spans
                        .insert((id, key.clone()), self.span(item.value.range()));
                    self.set_entry(id, &key, value.unwrap_or(Value::Poison));
                }
                None => {
                    let value = self.expression(&item.value)?;
                    let Value::Dict(other) = value else {
                        return self.error(Code::TypeMismatch, "`**` needs a dict", None);
                    };
                    for (key, value) in self.dict_items(other).to_vec() {
                        self.set_entry(id, &key, value);
                    }
                }
            }
        }
        if failed {
            Err(super::Reported)
        } else {
            Ok(Value::Dict(id))
        }
    }

    pub(crate) fn key(&mut self, key: &'a Expr) -> Checked<Rc<str>> {
        match self.expression(key)? {
            Value::Str(key) => Ok(key),
            other => {
                let found = self.describe(&other);
                self.here = self.span(key.range());
                self.error(
                    Code::TypeMismatch,
                    format!("the key of a dict is a string here, not {found}"),
                    None,
                )
            }
        }
    }

    pub(crate) fn set_entry(&mut self, id: crate::value::ObjectId, key: &str, value: Value) {
        if let Object::Dict(entries) = self.object_mut(id) {
            match entries.iter_mut().find(|(known, _)| &**known == key) {
                Some((_, entry)) => *entry = value,
                None => entries.push((key.into(), value)),
            }
        }
    }

    fn list_comprehension(&mut self, element: &'a Expr, generators: &'a [ast::Comprehension]) -> Checked {
        let mut items = Vec::new();
        self.comprehend(generators, &mut |checker| {
            items.push(checker.expression(element)?);
            Ok(())
        })?;
        Ok(self.new_list(items))
    }

    fn dict_comprehension(&mut self, comprehension: &'a ast::ExprDictComp) -> Checked {
        let Some(key) = &comprehension.key else {
            return self.unsupported("unpacking inside a dict comprehension", "");
        };
        let id = self.new_object(Object::Dict(Vec::new()));
        self.comprehend(&comprehension.generators, &mut |checker| {
            let key = checker.key(key)?;
            let value = checker.expression(&comprehension.value)?;
            checker.set_entry(id, &key, value);
            Ok(())
        })?;
        Ok(Value::Dict(id))
    }

    /// Runs `body` for every combination of the generators; their names end with the comprehension.
    fn comprehend(
        &mut self,
        generators: &'a [ast::Comprehension],
        body: &mut dyn FnMut(&mut Self) -> Checked<()>,
    ) -> Checked<()> {
        let Some((generator, rest)) = generators.split_first() else {
            return body(self);
        };
        let iterated = self.expression(&generator.iter)?;
        let items = self.sequence(&iterated)?;
        if items.len() > MAX_ROUNDS {
            return self.error(
                Code::UnboundedLoop,
                format!("this loop has {} rounds, and {MAX_ROUNDS} are allowed", items.len()),
                "use operations on whole arrays".to_owned(),
            );
        }
        let names = target_names(&generator.target);
        let outer: Vec<_> = names
            .iter()
            .map(|name| (name.clone(), self.frame().locals.get(name).cloned()))
            .collect();
        let mut result = Ok(());
        for item in items {
            result = self.comprehend_item(generator, rest, item, body);
            if result.is_err() {
                break;
            }
        }
        for (name, binding) in outer {
            match binding {
                Some(binding) => self.frame_mut().locals.insert(name, binding),
                None => self.frame_mut().locals.remove(&name),
            };
        }
        result
    }

    fn comprehend_item(
        &mut self,
        generator: &'a ast::Comprehension,
        rest: &'a [ast::Comprehension],
        item: Value,
        body: &mut dyn FnMut(&mut Self) -> Checked<()>,
    ) -> Checked<()> {
        self.assign(&generator.target, item)?;
        for condition in &generator.ifs {
            let value = self.expression(condition)?;
            let truth = self.truth(&value)?;
            match self.graph.constant_value(truth) {
                Some(value) if value != 0.0 => {}
                Some(_) => return Ok(()),
                None => {
                    self.here = self.span(condition.range());
                    return self.unsupported(
                        "the length of a list cannot depend on values",
                        "multiply by the condition instead",
                    );
                }
            }
        }
        self.comprehend(rest, body)
    }

    fn ternary(&mut self, ternary: &'a ast::ExprIf) -> Checked {
        let test = self.expression(&ternary.test)?;
        let outer = std::mem::replace(&mut self.here, self.positions.span(ternary.test.range()));
        let condition = self.truth(&test)?;
        self.here = outer;
        match self.graph.constant_value(condition) {
            Some(value) if value != 0.0 => self.expression(&ternary.body),
            Some(_) => self.expression(&ternary.orelse),
            None => self.choose(
                condition,
                |checker| checker.expression(&ternary.body),
                |checker| checker.expression(&ternary.orelse),
            ),
        }
    }

    fn bool_operation(&mut self, op: ast::BoolOp, values: &'a [Expr]) -> Checked {
        let Some((first, rest)) = values.split_first() else {
            return Ok(Value::None);
        };
        let value = self.expression(first)?;
        if rest.is_empty() {
            return Ok(value);
        }
        let outer = std::mem::replace(&mut self.here, self.positions.span(first.range()));
        let condition = self.truth(&value)?;
        self.here = outer;
        let goes_on_if_true = op == ast::BoolOp::And;
        self.depth += 1;
        let result = match self.graph.constant_value(condition) {
            Some(known) if (known != 0.0) == goes_on_if_true => self.bool_operation(op, rest),
            Some(_) => Ok(value),
            None if goes_on_if_true => {
                self.choose(condition, |checker| checker.bool_operation(op, rest), |_| Ok(value))
            }
            None => self.choose(condition, |_| Ok(value), |checker| checker.bool_operation(op, rest)),
        };
        self.depth -= 1;
        result
    }

    fn call(&mut self, call: &'a ast::ExprCall) -> Checked {
        let here = self.here;
        if let Some(answer) = self.attribute_query(call) {
            return answer;
        }
        if let Some(answer) = self.report_update(call) {
            return answer;
        }
        if matches!(*call.func, Expr::Name(_))
            && let Some(path) = self.chain_of_call(call)
        {
            return self.unknown_variable(&path);
        }
        let callee = match self.expression(&call.func) {
            Ok(callee) => callee,
            Err(reported) => {
                // A misspelt function does not hide mistakes in its arguments.
                let _ = self.arguments(&call.arguments);
                return Err(reported);
            }
        };
        if let Value::Library(path) = &callee
            && library::is_random(path)
        {
            return self.error(
                Code::Randomness,
                format!("`{path}` makes the reward of a state random"),
                "compute the reward from the variables alone".to_owned(),
            );
        }
        let arguments = self.arguments(&call.arguments)?;
        self.here = here;
        match callee {
            Value::Function(function) => self.call_program_function(function, arguments),
            Value::Bound(function, path) => self.call_bound(function, &path, arguments),
            Value::Surface(path) => {
                let asked = self.chain_of_call(call);
                self.unknown_variable(&asked.unwrap_or_else(|| format!("{path}(…)")))
            }
            Value::Library(path) => self.call_library(&path, arguments),
            Value::Method(receiver, name) => self.call_method(&receiver, &name, arguments),
            Value::Element(element) => match arguments.positional.as_slice() {
                [value] => {
                    let tensor = self.as_tensor(value)?;
                    Ok(Value::Tensor(self.cast(&tensor, element)))
                }
                _ => self.error(Code::WrongArguments, "a type takes one value", None),
            },
            other => {
                let found = self.describe(&other);
                self.error(Code::TypeMismatch, format!("{found} cannot be called"), None)
            }
        }
    }

    fn attribute(&mut self, attribute: &'a ast::ExprAttribute) -> Checked {
        let here = self.here;
        let value = self.expression(&attribute.value)?;
        self.here = here;
        let name = attribute.attr.as_str();
        let at_name = self.positions.span(attribute.attr.range);
        match &value {
            Value::Library(path) => {
                self.here = at_name;
                self.library_attribute(path, name)
            }
            Value::Surface(path) => self.surface_attribute(path, name),
            Value::Tensor(tensor) => self.tensor_attribute(tensor, name, at_name),
            Value::Tuple(tuple) if tuple.fields.contains(&name) => {
                let at = tuple.fields.iter().position(|field| *field == name).unwrap_or(0);
                Ok(tuple.items[at].clone())
            }
            Value::Annotation => Ok(Value::Annotation),
            Value::Pose(pose) if matches!(name, "p" | "q") => {
                let part = if name == "p" { &pose.position } else { &pose.quaternion };
                // As SAPIEN's poses do: a copy each time.
                Ok(Value::Tensor(self.map(part, part.element, |_, node| node)))
            }
            Value::List(_) | Value::Dict(_) | Value::Scalar(_) | Value::Tuple(_) | Value::Str(_) | Value::Pose(_) => {
                let kind = library::receiver_kind(&value, self.dialect);
                if library::find(&format!("{kind}.{name}")).is_some() {
                    return Ok(Value::Method(Rc::new(value), name.into()));
                }
                self.unknown_attribute(&value, kind, name, at_name)
            }
            other => {
                let kind = library::receiver_kind(other, self.dialect);
                self.unknown_attribute(other, kind, name, at_name)
            }
        }
    }

    fn unknown_attribute(
        &mut self,
        value: &Value,
        kind: &str,
        name: &str,
        at: carrot_reward_interface::Span,
    ) -> Checked {
        let found = self.describe(value);
        let nearest = super::nearest(name, library::members(kind));
        let fix = nearest.as_ref().and_then(|nearest| self.replacing(at, name, nearest));
        self.fixable_at(
            at,
            Code::UnknownAttribute,
            format!("{found} has no attribute `{name}`"),
            nearest.map(|nearest| format!("did you mean `.{nearest}`?")),
            fix,
        )
    }

    fn tensor_attribute(&mut self, tensor: &Tensor, name: &str, at_name: carrot_reward_interface::Span) -> Checked {
        match name {
            "shape" => Ok(self.shape_value(&tensor.dims)),
            "dtype" => Ok(Value::Element(tensor.element)),
            "device" => Ok(Value::Device),
            "ndim" => Ok(self.int(tensor.dims.len() as i64)),
            "size" if self.dialect == Dialect::Numpy => Ok(self.int(tensor.index.len() as i64)),
            "T" if tensor.dims.len() <= 1 => Ok(Value::Tensor(tensor.clone())),
            "mT" if tensor.dims.len() >= 2 => {
                let rank = tensor.dims.len() as i64;
                let axes = [rank - 2, rank - 1].map(|axis| self.int(axis));
                let mut call = super::Arguments::default();
                call.positional.push(Value::Tensor(tensor.clone()));
                call.positional.extend(axes);
                let name = match self.dialect {
                    Dialect::Torch => "torch.transpose",
                    Dialect::Numpy => "numpy.swapaxes",
                };
                self.call_library(&name.into(), call)
            }
            "T" if tensor.dims.len() == 2 => Ok(Value::Tensor(self.transposed(tensor))),
            _ => {
                let value = Value::Tensor(tensor.clone());
                let kind = library::receiver_kind(&value, self.dialect);
                if library::find(&format!("{kind}.{name}")).is_some() {
                    return Ok(Value::Method(Rc::new(value), name.into()));
                }
                self.unknown_attribute(&value, kind, name, at_name)
            }
        }
    }

    /// A view with the two axes of a matrix exchanged.
    pub(crate) fn transposed(&self, tensor: &Tensor) -> Tensor {
        let [rows, columns] = [tensor.dims[0], tensor.dims[1]].map(Dim::nodes);
        let positions: Vec<usize> = (0..columns)
            .flat_map(|column| (0..rows).map(move |row| row * columns + column))
            .collect();
        self.view(tensor, vec![tensor.dims[1], tensor.dims[0]], &positions)
    }
}

fn target_names(target: &Expr) -> Vec<String> {
    match target {
        Expr::Name(name) => vec![name.id.to_string()],
        Expr::Tuple(tuple) => tuple.elts.iter().flat_map(target_names).collect(),
        Expr::List(list) => list.elts.iter().flat_map(target_names).collect(),
        Expr::Starred(starred) => target_names(&starred.value),
        _ => Vec::new(),
    }
}
