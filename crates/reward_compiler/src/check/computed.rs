//! Variables of the schema that the program itself computes: each by a function of its own, which may read the others.
//!
//! A computed variable is not read from the batch: wherever a function reads it, it stands for what its function gives. So
//! the order of the functions does not matter, and a circle is an error.

use carrot_reward_interface::{DType, Dialect};

use super::{Checked, Checker, Reported};
use crate::Code;
use crate::ir::{NodeId, Output};
use crate::value::{Dim, Value};

/// How far a computed variable is.
#[derive(Debug, Clone)]
pub(crate) struct Computed {
    function: String,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Waiting,
    /// Its function is being called.
    Running,
    /// Its scalars; none after an error.
    Done(Option<Vec<NodeId>>),
}

impl Checker<'_> {
    /// Computes variables, each (first) by a function (second); one output for each of their scalars.
    pub(crate) fn computed_outputs(&mut self, entries: &[(&str, &str)]) -> Checked<Vec<Output>> {
        for (variable, function) in entries {
            let Some(index) = self.schema.index(variable) else {
                return self.error(Code::NoEntry, format!("there is no variable `{variable}`"), None);
            };
            let computed = Computed {
                function: (*function).to_owned(),
                state: State::Waiting,
            };
            self.computed.insert(index, computed);
        }
        let mut outputs = Vec::new();
        let mut complete = true;
        for (variable, _) in entries {
            let Some(nodes) = self.schema.index(variable).and_then(|index| self.computed_nodes(index)) else {
                complete = false;
                continue;
            };
            let many = nodes.len() > 1;
            for (component, node) in nodes.into_iter().enumerate() {
                let at = self.graph.node(node).at;
                let value = self.convert(node, self.output_type());
                let name = if many {
                    format!("{variable}[{component}]")
                } else {
                    (*variable).to_owned()
                };
                outputs.push(Output { name, value, at });
            }
        }
        if complete { Ok(outputs) } else { Err(Reported) }
    }

    /// The value of a computed variable; none for all others.
    pub(crate) fn computed_variable(&mut self, index: usize) -> Option<Value> {
        if !self.computed.contains_key(&index) {
            return None;
        }
        let declared = &self.schema.variables[index];
        let element = self.element_of(declared);
        let value = match self.computed_nodes(index) {
            Some(nodes) => self.value_of_nodes(declared, element, nodes),
            // The mistake is reported where it is.
            None => Value::Poison,
        };
        self.variables.insert(index, value.clone());
        Some(value)
    }

    /// The scalars of a computed variable, in its element type.
    fn computed_nodes(&mut self, index: usize) -> Option<Vec<NodeId>> {
        let Computed { function, state } = self.computed.get(&index)?.clone();
        match state {
            State::Done(nodes) => return nodes,
            State::Running => {
                let name = &self.schema.variables[index].name;
                let _: Checked = self.error(
                    Code::Recursion,
                    format!("`{name}` is computed from itself"),
                    "break the circle with a variable that has `previous` as its source".to_owned(),
                );
                return None;
            }
            State::Waiting => {}
        }
        self.set_state(index, State::Running);
        // The function is called as if nothing were going on: no branch, no object of whoever reads the variable.
        let variables = std::mem::take(&mut self.variables);
        let path = std::mem::take(&mut self.path);
        let path_names = std::mem::take(&mut self.path_names);
        let (here, returned_at) = (self.here, self.returned_at);
        let nodes = self.call_computed(index, &function).ok();
        self.variables = variables;
        self.path = path;
        self.path_names = path_names;
        (self.here, self.returned_at) = (here, returned_at);
        self.set_state(index, State::Done(nodes.clone()));
        nodes
    }

    fn set_state(&mut self, index: usize, state: State) {
        if let Some(computed) = self.computed.get_mut(&index) {
            computed.state = state;
        }
    }

    fn call_computed(&mut self, index: usize, function: &str) -> Checked<Vec<NodeId>> {
        self.here = self.positions.span_of_bytes(0, 0);
        let Some(function) = self.function_named(function) else {
            return self.error(
                Code::NoEntry,
                format!("there is no function `{function}`"),
                format!("define `def {function}(...)`, with the variables it reads as parameters"),
            );
        };
        let value = self.call_entry(function)?;
        self.here = self.returned_at;
        let declared = &self.schema.variables[index];
        let element = self.element_of(declared);
        let nodes = match (&value, declared.dtype) {
            (Value::Poison, _) => return Err(Reported),
            (Value::Scalar(scalar), _) if declared.array_shape().is_empty() => vec![scalar.node],
            (Value::Pose(pose), DType::Pose) if declared.shape.is_empty() => {
                let mut nodes = self.elements(&pose.position);
                nodes.extend(self.elements(&pose.quaternion));
                nodes
            }
            (Value::Tensor(tensor), _) => {
                let sizes = tensor.dims.strip_prefix(&[Dim::Batch]).unwrap_or(&tensor.dims);
                let expected: Vec<Dim> = declared.array_shape().into_iter().map(Dim::Size).collect();
                if sizes != expected {
                    return self.wrong_form(index, &tensor.to_string());
                }
                self.elements(tensor)
            }
            (other, _) => {
                let found = self.describe(other);
                return self.wrong_form(index, &found);
            }
        };
        Ok(nodes.into_iter().map(|node| self.convert(node, element.ty())).collect())
    }

    fn wrong_form<T>(&mut self, index: usize, found: &str) -> Checked<T> {
        let declared = &self.schema.variables[index];
        let sizes: Vec<String> = declared.array_shape().iter().map(usize::to_string).collect();
        let batch = if self.dialect == Dialect::Torch {
            vec!["N".to_owned()]
        } else {
            vec![]
        };
        let wanted = [batch, sizes].concat().join(", ");
        self.error(
            Code::TermShape,
            format!("`{}` has the shape [{wanted}], and this is {found}", declared.name),
            "change the formula, or the `shape` of the variable".to_owned(),
        )
    }
}
