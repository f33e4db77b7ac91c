//! Python's operators on numbers and arrays.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{CmpOp, Expr, ExprCompare, Operator, UnaryOp};
use ruff_text_size::Ranged;

use super::tensor::{Mismatch, broadcast, shape_help};
use super::{Checked, Checker};
use crate::Code;
use crate::ir::{Binary, NodeId, Type, Unary};
use crate::value::{Dim, Element, Scalar, ScalarKind, Tensor, Value};

impl<'a> Checker<'a> {
    /// A binary operation; sums are remembered, because their summands may become reward terms.
    pub(crate) fn operate(
        &mut self,
        op: Operator,
        left: &Value,
        right: &Value,
        left_at: &'a Expr,
        right_at: &'a Expr,
    ) -> Checked {
        let result = match (left, right) {
            (Value::Scalar(a), Value::Scalar(b)) => self.python_arithmetic(op, *a, *b)?,
            (Value::List(a), Value::List(b)) if op == Operator::Add => {
                let (a, b) = (self.list_items(*a).to_vec(), self.list_items(*b).to_vec());
                let items = self.concatenated(&a, &b)?;
                self.new_list(items)
            }
            (Value::Tuple(a), Value::Tuple(b)) if op == Operator::Add => {
                Value::tuple(self.concatenated(&a.items, &b.items)?)
            }
            (Value::Pose(a), Value::Pose(b)) if op == Operator::Mult => self.pose_product(a, b)?,
            (Value::Str(a), Value::Str(b)) if op == Operator::Add => Value::Str(format!("{a}{b}").into()),
            (Value::List(_) | Value::Tuple(_), Value::Scalar(_)) if op == Operator::Mult => self.repeat(left, right)?,
            (Value::Scalar(_), Value::List(_) | Value::Tuple(_)) if op == Operator::Mult => self.repeat(right, left)?,
            _ => self.array_arithmetic(op, left, right, Some((left_at, right_at)))?,
        };
        if matches!(op, Operator::Add | Operator::Sub) {
            self.record_sum(op == Operator::Sub, &result, (left, left_at), (right, right_at));
        }
        Ok(result)
    }

    fn concatenated(&mut self, a: &[Value], b: &[Value]) -> Checked<Vec<Value>> {
        if a.len() + b.len() > super::MAX_ELEMENTS {
            return self.error(Code::ProgramTooLarge, "this list is too long", None);
        }
        Ok([a, b].concat())
    }

    /// A binary operation between two values of no particular place in the program.
    pub(crate) fn arithmetic(&mut self, op: Operator, left: &Value, right: &Value) -> Checked {
        match (left, right) {
            (Value::Scalar(a), Value::Scalar(b)) => self.python_arithmetic(op, *a, *b),
            _ => self.array_arithmetic(op, left, right, None),
        }
    }

    /// A list or tuple several times over.
    fn repeat(&mut self, sequence: &Value, times: &Value) -> Checked {
        let items = self.sequence(sequence)?;
        let Some(times) = self.constant_int(times) else {
            return self.error(
                Code::TypeMismatch,
                "a list is repeated a known whole number of times",
                None,
            );
        };
        let times = usize::try_from(times).unwrap_or(0);
        if items.len().saturating_mul(times) > super::MAX_ELEMENTS {
            return self.error(Code::ProgramTooLarge, "this list is too long", None);
        }
        let repeated = (0..times).flat_map(|_| items.iter().cloned()).collect();
        Ok(match sequence {
            Value::Tuple(_) => Value::tuple(repeated),
            _ => self.new_list(repeated),
        })
    }

    /// An operation of Python's own numbers.
    fn python_arithmetic(&mut self, op: Operator, a: Scalar, b: Scalar) -> Checked {
        if a.kind == ScalarKind::Bool && b.kind == ScalarKind::Bool {
            let node = match op {
                Operator::BitAnd => Some(self.and(a.node, b.node)),
                Operator::BitOr => Some(self.or(a.node, b.node)),
                Operator::BitXor => Some(self.binary(Binary::Xor, a.node, b.node)),
                _ => None,
            };
            if let Some(node) = node {
                return Ok(Value::Scalar(Scalar {
                    kind: ScalarKind::Bool,
                    node,
                }));
            }
        }
        let (x, y) = (self.convert(a.node, Type::F64), self.convert(b.node, Type::F64));
        if matches!(op, Operator::Div | Operator::FloorDiv | Operator::Mod) && self.graph.constant_value(y) == Some(0.0)
        {
            return self.error(Code::TypeMismatch, "Python refuses to divide by zero", None);
        }
        let is_float = a.kind == ScalarKind::Float || b.kind == ScalarKind::Float;
        if let (Some(left), Some(right), false) = (self.graph.constant_value(x), self.graph.constant_value(y), is_float)
            && let Some(bits) = bit_operation(op, left as i64, right as i64)
        {
            return Ok(self.int(bits));
        }
        let mut kind = if is_float { ScalarKind::Float } else { ScalarKind::Int };
        let node = match op {
            Operator::Add => self.add(x, y),
            Operator::Sub => self.sub(x, y),
            Operator::Mult => self.mul(x, y),
            Operator::Div => {
                kind = ScalarKind::Float;
                self.div(x, y)
            }
            Operator::FloorDiv => self.python_floor_div(x, y),
            Operator::Mod => self.python_remainder(x, y),
            Operator::Pow => {
                let exponent = self.graph.constant_value(y);
                if self.graph.constant_value(x) == Some(0.0) && exponent.is_some_and(|exponent| exponent < 0.0) {
                    return self.error(Code::TypeMismatch, "Python refuses to divide by zero", None);
                }
                match exponent {
                    Some(exponent) if !is_float && exponent < 0.0 => kind = ScalarKind::Float,
                    None if !is_float => {
                        return self
                            .unsupported("the exponent of a whole number is known only at run time", "use floats");
                    }
                    _ => {}
                }
                let power = self.power(x, y);
                if kind == ScalarKind::Int {
                    self.unary(Unary::Round, power)
                } else {
                    power
                }
            }
            Operator::BitAnd
            | Operator::BitOr
            | Operator::BitXor
            | Operator::LShift
            | Operator::RShift
            | Operator::MatMult => {
                return self.unsupported(
                    &format!("`{}` on Python numbers is not part of the reward language", op.as_str()),
                    "use `and`, `or`, `not` on conditions",
                );
            }
        };
        if kind == ScalarKind::Int
            && self
                .graph
                .constant_value(node)
                .is_some_and(|value| value.abs() > 9_007_199_254_740_992.0)
        {
            return self.unsupported("whole numbers beyond 2**53 are not exact here", "write it as a float");
        }
        Ok(Value::Scalar(Scalar { kind, node }))
    }

    /// An operation with at least one array.
    pub(crate) fn array_arithmetic(
        &mut self,
        op: Operator,
        left: &Value,
        right: &Value,
        at: Option<(&'a Expr, &'a Expr)>,
    ) -> Checked {
        let (left, right) = (self.operand(left, op)?, self.operand(right, op)?);
        if op == Operator::MatMult {
            let (a, b) = (self.as_tensor(&left)?, self.as_tensor(&right)?);
            return self.matrix_product(&a, &b);
        }
        if let Err(Mismatch(reason)) = broadcast(self.dims_of(&left), self.dims_of(&right)) {
            return self.operands_mismatch(op, &left, &right, reason, at);
        }
        let mut element = self.promote(&[&left, &right]);
        // NumPy refuses a difference of two truth values, torch one with any.
        let any_bool = [&left, &right].into_iter().any(is_bool);
        if op == Operator::Sub && (element == Element::Bool || self.dialect == Dialect::Torch && any_bool) {
            let help = match self.dialect {
                Dialect::Torch => "convert them first, such as `mask.float()`; the opposite of a mask is `~mask`",
                Dialect::Numpy => "the opposite of a truth value is `~x` or `np.logical_not(x)`",
            };
            return self.error(Code::TypeMismatch, "truth values cannot be subtracted", help.to_owned());
        }
        if op == Operator::Pow && element == Element::I64 {
            self.check_whole_exponent(&right)?;
        }
        if element == Element::Bool {
            match op {
                Operator::FloorDiv | Operator::Mod | Operator::Pow => {
                    return self.error(
                        Code::TypeMismatch,
                        format!("`{}` takes numbers, not truth values", op.as_str()),
                        "convert them first, for example with `.float()`".to_owned(),
                    );
                }
                _ => {}
            }
        }
        if op == Operator::Div && !element.is_float() {
            element = self.scalar_element(ScalarKind::Float);
        }
        if matches!(
            op,
            Operator::BitAnd | Operator::BitOr | Operator::BitXor | Operator::LShift | Operator::RShift
        ) && element != Element::Bool
        {
            let (a, b) = (self.describe(&left), self.describe(&right));
            return self.error(
                Code::TypeMismatch,
                format!("`{}` combines truth values, not {a} and {b}", op.as_str()),
                "put comparisons in parentheses: `(a > 0) & (b > 0)`".to_owned(),
            );
        }
        let (dims, rows) = self.broadcast_operands(op.as_str(), &[&left, &right], element)?;
        let nodes = rows[0]
            .iter()
            .zip(&rows[1])
            .map(|(&a, &b)| self.element_operation(op, element, a, b))
            .collect();
        Ok(self.tensor_value(element, dims, nodes))
    }

    /// Whole numbers have whole powers for exponents that are not negative; both libraries refuse others.
    fn check_whole_exponent(&mut self, exponent: &Value) -> Checked<()> {
        let nodes = match exponent {
            Value::Tensor(tensor) if tensor.element == Element::Bool => return Ok(()),
            Value::Tensor(tensor) => self.elements(tensor),
            Value::Scalar(scalar) => vec![scalar.node],
            _ => return Ok(()),
        };
        for node in nodes {
            match self.graph.constant_value(node) {
                Some(exponent) if exponent < 0.0 => {
                    return self.error(
                        Code::TypeMismatch,
                        "whole numbers have no negative powers",
                        "use floats, such as `x ** -1.0`".to_owned(),
                    );
                }
                Some(_) => {}
                None => {
                    return self.unsupported("the exponent of a whole number is known only at run time", "use floats");
                }
            }
        }
        Ok(())
    }

    /// Lists meet arrays as arrays in NumPy; torch refuses them.
    fn operand(&mut self, value: &Value, op: Operator) -> Checked {
        match value {
            Value::Tensor(_) | Value::Scalar(_) => Ok(value.clone()),
            Value::List(_) | Value::Tuple(_) if self.dialect == Dialect::Numpy => {
                Ok(Value::Tensor(self.as_tensor(value)?))
            }
            Value::Poison => Err(super::Reported),
            other => {
                let found = self.describe(other);
                self.error(
                    Code::TypeMismatch,
                    format!("`{}` takes numbers and arrays, not {found}", op.as_str()),
                    None,
                )
            }
        }
    }

    fn dims_of<'v>(&self, value: &'v Value) -> &'v [Dim] {
        match value {
            Value::Tensor(tensor) => &tensor.dims,
            _ => &[],
        }
    }

    fn operands_mismatch(
        &mut self,
        op: Operator,
        left: &Value,
        right: &Value,
        reason: Option<&str>,
        at: Option<(&'a Expr, &'a Expr)>,
    ) -> Checked {
        let (a, b) = (self.describe(left), self.describe(right));
        let sentence = match op {
            Operator::Add => format!("cannot add {b} to {a}"),
            Operator::Sub => format!("cannot subtract {b} from {a}"),
            Operator::Mult => format!("cannot multiply {a} by {b}"),
            Operator::Div => format!("cannot divide {a} by {b}"),
            _ => format!("cannot combine {a} and {b} with `{}`", op.as_str()),
        };
        let mut notes: Vec<String> = reason.map(str::to_owned).into_iter().collect();
        if let Some((left_at, right_at)) = at {
            notes.extend([left_at, right_at].into_iter().filter_map(|at| self.about(at)));
        }
        let message = if notes.is_empty() {
            sentence
        } else {
            format!("{sentence}; {}", notes.join(", "))
        };
        let help = shape_help(self.dims_of(left), self.dims_of(right));
        self.error(Code::ShapeMismatch, message, help)
    }

    /// What the task says about a variable: "`object_pos` is in m (position of the cube)".
    fn about(&self, expression: &Expr) -> Option<String> {
        let Expr::Name(name) = expression else { return None };
        let variable = self.schema.get(name.id.as_str())?;
        let doc = variable.doc.trim_end_matches('.');
        match (&variable.unit, doc.is_empty()) {
            (Some(unit), false) => Some(format!("`{}` is {doc} ({unit})", variable.name)),
            (Some(unit), true) => Some(format!("`{}` is in {unit}", variable.name)),
            (None, false) => Some(format!("`{}` is {doc}", variable.name)),
            (None, true) => None,
        }
    }

    fn element_operation(&mut self, op: Operator, element: Element, a: NodeId, b: NodeId) -> NodeId {
        match op {
            Operator::Add if element == Element::Bool => self.or(a, b),
            Operator::Mult if element == Element::Bool => self.and(a, b),
            Operator::Add => self.add(a, b),
            Operator::Sub => self.sub(a, b),
            Operator::Mult => self.mul(a, b),
            Operator::Div => self.div(a, b),
            Operator::FloorDiv => {
                let quotient = self.python_floor_div(a, b);
                self.unless_whole_by_zero(element, quotient, b)
            }
            Operator::Mod => {
                let remainder = self.python_remainder(a, b);
                self.unless_whole_by_zero(element, remainder, b)
            }
            Operator::Pow => {
                let power = self.power(a, b);
                if element == Element::I64 {
                    self.unary(Unary::Round, power)
                } else {
                    power
                }
            }
            Operator::BitAnd => self.and(a, b),
            Operator::BitOr => self.or(a, b),
            _ => self.binary(Binary::Xor, a, b),
        }
    }

    /// `result`, or the 0 that NumPy gives for a whole number divided by 0.
    pub(crate) fn unless_whole_by_zero(&mut self, element: Element, result: NodeId, divisor: NodeId) -> NodeId {
        if element != Element::I64 || self.dialect == Dialect::Torch {
            return result;
        }
        let zero = self.constant_like(result, 0.0);
        let by_zero = self.binary(Binary::Eq, divisor, zero);
        self.select(by_zero, zero, result)
    }

    /// `-x`, `+x`, `not x`, `~x`.
    pub(crate) fn unary_operation(&mut self, op: UnaryOp, value: &Value, at: &'a Expr) -> Checked {
        match (op, value) {
            (UnaryOp::Not, value) => {
                let outer = std::mem::replace(&mut self.here, self.positions.span(at.range()));
                let truth = self.truth(value)?;
                self.here = outer;
                let node = self.not(truth);
                Ok(Value::Scalar(Scalar {
                    kind: ScalarKind::Bool,
                    node,
                }))
            }
            (UnaryOp::USub | UnaryOp::UAdd, Value::Scalar(scalar)) => {
                let kind = scalar.kind.max(ScalarKind::Int);
                let number = self.convert(scalar.node, Type::F64);
                let node = if op == UnaryOp::USub {
                    self.unary(Unary::Neg, number)
                } else {
                    number
                };
                let result = Value::Scalar(Scalar { kind, node });
                self.record_negation(op == UnaryOp::USub, value, &result);
                Ok(result)
            }
            (UnaryOp::USub, Value::Tensor(tensor)) if tensor.element != Element::Bool => {
                let result =
                    Value::Tensor(self.map(tensor, tensor.element, |checker, node| checker.unary(Unary::Neg, node)));
                self.record_negation(true, value, &result);
                Ok(result)
            }
            (UnaryOp::UAdd, Value::Tensor(tensor)) if tensor.element != Element::Bool => {
                Ok(Value::Tensor(self.map(tensor, tensor.element, |_, node| node)))
            }
            (UnaryOp::Invert, Value::Tensor(tensor)) if tensor.element == Element::Bool => {
                Ok(Value::Tensor(self.map(tensor, Element::Bool, Self::not)))
            }
            (UnaryOp::Invert, Value::Scalar(_)) => {
                self.unsupported("`~` on a Python number is not its opposite", "use `not`")
            }
            (_, Value::List(_) | Value::Tuple(_)) | (_, Value::Tensor(_)) | (_, _) => {
                let found = self.describe(value);
                self.error(
                    Code::TypeMismatch,
                    format!("`{}` cannot be applied to {found}", op.as_str()),
                    None,
                )
            }
        }
    }

    /// Whether Python would take the value for true: a Bool node.
    pub(crate) fn truth(&mut self, value: &Value) -> Checked<NodeId> {
        let known = |checker: &mut Self, truth: bool| Ok(checker.constant(Type::Bool, f64::from(truth)));
        match value {
            Value::Poison => Err(super::Reported),
            Value::Scalar(scalar) => Ok(self.is_nonzero(scalar.node)),
            Value::Tensor(tensor) if !tensor.is_batched() && tensor.index.len() == 1 => {
                let node = self.elements(tensor)[0];
                Ok(self.is_nonzero(node))
            }
            Value::Tensor(tensor) => {
                let help = match tensor.is_batched() {
                    true => {
                        "choose per environment with `torch.where(condition, a, b)`, and combine with `&`, `|`, `~`"
                    }
                    false => "use `.any()` or `.all()`",
                };
                self.error(
                    Code::TypeMismatch,
                    format!("{tensor} holds several values, so it is neither true nor false"),
                    help.to_owned(),
                )
            }
            Value::None => known(self, false),
            Value::Str(text) => known(self, !text.is_empty()),
            Value::Tuple(tuple) => known(self, !tuple.items.is_empty()),
            Value::List(id) => known(self, !self.list_items(*id).is_empty()),
            Value::Dict(id) => known(self, !self.dict_items(*id).is_empty()),
            _ => known(self, true),
        }
    }

    /// `a < b`, `a < b < c`, `x is None`, `x in (…)`.
    pub(crate) fn comparison(&mut self, comparison: &'a ExprCompare) -> Checked {
        let mut left = self.expression(&comparison.left)?;
        let mut all: Option<NodeId> = None;
        let is_chain = comparison.ops.len() > 1;
        for (op, right_at) in comparison.ops.iter().zip(&comparison.comparators) {
            let right = self.expression(right_at)?;
            let result = self.compare(*op, &left, &right)?;
            if !is_chain {
                return Ok(result);
            }
            let truth = self.truth(&result)?;
            all = Some(all.map_or(truth, |known| self.and(known, truth)));
            left = right;
        }
        let node = all.unwrap_or_else(|| self.constant(Type::Bool, 1.0));
        Ok(Value::Scalar(Scalar {
            kind: ScalarKind::Bool,
            node,
        }))
    }

    pub(crate) fn compare(&mut self, op: CmpOp, left: &Value, right: &Value) -> Checked {
        match (op, left, right) {
            (CmpOp::Is | CmpOp::IsNot, a, b) => {
                let same = match (a, b) {
                    (Value::None, Value::None) => true,
                    (Value::None, _) | (_, Value::None) => false,
                    _ => return self.unsupported("`is` compares objects, not values", "use `==`"),
                };
                Ok(self.bool(same == (op == CmpOp::Is)))
            }
            (CmpOp::In | CmpOp::NotIn, Value::Str(part), Value::Str(text)) => {
                Ok(self.bool(text.contains(&**part) == (op == CmpOp::In)))
            }
            (CmpOp::In | CmpOp::NotIn, _, _) => self.membership(op == CmpOp::In, left, right),
            (CmpOp::Eq | CmpOp::NotEq, Value::Element(a), Value::Element(b)) => {
                Ok(self.bool((a == b) == (op == CmpOp::Eq)))
            }
            (CmpOp::Eq | CmpOp::NotEq, Value::List(_), Value::List(_))
            | (CmpOp::Eq | CmpOp::NotEq, Value::Tuple(_), Value::Tuple(_)) => {
                self.equal_sequences(op == CmpOp::Eq, left, right)
            }
            (CmpOp::Eq | CmpOp::NotEq, Value::Str(_), Value::Scalar(_) | Value::List(_) | Value::Tuple(_))
            | (CmpOp::Eq | CmpOp::NotEq, Value::Scalar(_) | Value::List(_) | Value::Tuple(_), Value::Str(_)) => {
                Ok(self.bool(op == CmpOp::NotEq))
            }
            (CmpOp::Eq | CmpOp::NotEq, Value::Str(a), Value::Str(b)) => Ok(self.bool((a == b) == (op == CmpOp::Eq))),
            (CmpOp::Eq | CmpOp::NotEq, Value::None, b) | (CmpOp::Eq | CmpOp::NotEq, b, Value::None) => {
                Ok(self.bool(matches!(b, Value::None) == (op == CmpOp::Eq)))
            }
            _ => self.numeric_comparison(op, left, right),
        }
    }

    /// Python's equality of lists and of tuples: the same length and equal items.
    fn equal_sequences(&mut self, is_eq: bool, left: &Value, right: &Value) -> Checked {
        let (a, b) = (self.sequence(left)?, self.sequence(right)?);
        let mut equal = self.constant(Type::Bool, f64::from(a.len() == b.len()));
        for (a, b) in a.iter().zip(&b) {
            let same = self.compare(CmpOp::Eq, a, b)?;
            let same = self.truth(&same)?;
            equal = self.and(equal, same);
        }
        let node = if is_eq { equal } else { self.not(equal) };
        Ok(Value::Scalar(Scalar {
            kind: ScalarKind::Bool,
            node,
        }))
    }

    fn membership(&mut self, is_in: bool, item: &Value, container: &Value) -> Checked {
        let mut found = self.constant(Type::Bool, 0.0);
        for candidate in self.sequence(container)? {
            let equal = self.compare(CmpOp::Eq, item, &candidate)?;
            let equal = self.truth(&equal)?;
            found = self.or(found, equal);
        }
        let node = if is_in { found } else { self.not(found) };
        Ok(Value::Scalar(Scalar {
            kind: ScalarKind::Bool,
            node,
        }))
    }

    fn numeric_comparison(&mut self, op: CmpOp, left: &Value, right: &Value) -> Checked {
        let (left, right) = (self.comparable(left, op)?, self.comparable(right, op)?);
        let both_python = matches!((&left, &right), (Value::Scalar(_), Value::Scalar(_)));
        let element = match self.promote(&[&left, &right]) {
            _ if both_python => Element::F64,
            Element::Bool => Element::I64,
            element => element,
        };
        if let Err(Mismatch(reason)) = broadcast(self.dims_of(&left), self.dims_of(&right)) {
            let (a, b) = (self.describe(&left), self.describe(&right));
            let reason = reason.map(|reason| format!("; {reason}")).unwrap_or_default();
            let help = shape_help(self.dims_of(&left), self.dims_of(&right));
            return self.error(
                Code::ShapeMismatch,
                format!("cannot compare {a} with {b}{reason}"),
                help,
            );
        }
        let (dims, rows) = self.broadcast_operands(op.as_str(), &[&left, &right], element)?;
        let nodes: Vec<NodeId> = rows[0]
            .iter()
            .zip(&rows[1])
            .map(|(&a, &b)| self.compare_nodes(op, a, b))
            .collect();
        match both_python {
            true => Ok(Value::Scalar(Scalar {
                kind: ScalarKind::Bool,
                node: nodes[0],
            })),
            false => Ok(self.tensor_value(Element::Bool, dims, nodes)),
        }
    }

    fn comparable(&mut self, value: &Value, op: CmpOp) -> Checked {
        match value {
            Value::Tensor(_) | Value::Scalar(_) => Ok(value.clone()),
            Value::List(_) | Value::Tuple(_) if self.dialect == Dialect::Numpy => {
                Ok(Value::Tensor(self.as_tensor(value)?))
            }
            Value::Poison => Err(super::Reported),
            other => {
                let found = self.describe(other);
                self.error(
                    Code::TypeMismatch,
                    format!("`{}` compares numbers and arrays, not {found}", op.as_str()),
                    None,
                )
            }
        }
    }

    fn compare_nodes(&mut self, op: CmpOp, a: NodeId, b: NodeId) -> NodeId {
        match op {
            CmpOp::Lt => self.binary(Binary::Lt, a, b),
            CmpOp::LtE => self.binary(Binary::Le, a, b),
            CmpOp::Gt => self.binary(Binary::Lt, b, a),
            CmpOp::GtE => self.binary(Binary::Le, b, a),
            CmpOp::NotEq => self.binary(Binary::Ne, a, b),
            _ => self.binary(Binary::Eq, a, b),
        }
    }

    /// Whether an operation in place changes the value itself; NumPy's numbers are like Python's.
    pub(crate) fn is_mutable(&self, tensor: &Tensor) -> bool {
        self.dialect == Dialect::Torch || !tensor.dims.is_empty()
    }
}

fn is_bool(value: &Value) -> bool {
    match value {
        Value::Tensor(tensor) => tensor.element == Element::Bool,
        Value::Scalar(scalar) => scalar.kind == ScalarKind::Bool,
        _ => false,
    }
}

/// An operation on the bits of two known whole numbers; none for other operators, and where the result is no exact number.
fn bit_operation(op: Operator, a: i64, b: i64) -> Option<i64> {
    let result = match op {
        Operator::BitAnd => a & b,
        Operator::BitOr => a | b,
        Operator::BitXor => a ^ b,
        Operator::RShift => a >> u32::try_from(b).ok()?.min(63),
        Operator::LShift => a.checked_mul(1_i64.checked_shl(u32::try_from(b).ok()?)?)?,
        _ => return None,
    };
    (result.unsigned_abs() <= 1 << 53).then_some(result)
}
