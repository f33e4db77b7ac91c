//! Which function of a program is the reward, and what it is called with.

use std::collections::BTreeMap;

use ruff_text_size::Ranged;

use super::{Binding, Checked, Checker, Reported};
use crate::ir::Output;
use crate::value::Value;
use crate::{Code, Entry};

/// Runs the entry functions and gives the program's outputs.
pub(crate) fn entry_outputs(checker: &mut Checker<'_>, entry: Entry<'_>) -> Checked<(Output, Vec<Output>)> {
    checker.begin_memory();
    match entry {
        Entry::Reward => {
            let function = checker.reward_function()?;
            let value = checker.call_entry(function)?;
            checker.here = checker.returned_at;
            let value = match value {
                Value::None => checker.reward_buffer().unwrap_or(Value::None),
                value => value,
            };
            checker.reward_outputs(&value)
        }
        Entry::Functions(names) => {
            let outputs: Vec<Checked<Output>> = names.iter().map(|name| checker.named_output(name)).collect();
            let terms = outputs.into_iter().collect::<Checked<Vec<Output>>>()?;
            with_total(checker, terms)
        }
        Entry::Variables(entries) => {
            let terms = checker.computed_outputs(entries)?;
            with_total(checker, terms)
        }
    }
}

/// Several outputs without a sum: the first is also the total.
fn with_total(checker: &mut Checker<'_>, terms: Vec<Output>) -> Checked<(Output, Vec<Output>)> {
    match terms.first() {
        Some(first) => Ok((
            Output {
                name: "total".into(),
                ..first.clone()
            },
            terms,
        )),
        None => checker.error(Code::NoEntry, "no function is asked for", None),
    }
}

/// Where programs of people leave a reward that they do not return.
const REWARD_BUFFERS: [&str; 5] = ["rew_buf", "reward_buf", "reward", "rewards", "total_reward"];

impl<'a> Checker<'a> {
    /// The function that computes the reward: by its name, or the only one that no other function uses.
    fn reward_function(&mut self) -> Checked<usize> {
        for name in ["compute_reward", "compute_dense_reward"] {
            if let Some(function) = self.function_named(name) {
                return Ok(function);
            }
        }
        let poisoned = |binding: &Binding| matches!(binding, Binding::Value(Value::Poison));
        if self.frames[0].locals.values().any(poisoned) {
            return Err(Reported);
        }
        let top_level: Vec<(&str, usize)> = self.frames[0]
            .locals
            .iter()
            .filter_map(|(name, binding)| match binding {
                Binding::Value(Value::Function(function)) => Some((name.as_str(), *function)),
                _ => None,
            })
            .collect();
        let unused: Vec<(&str, usize)> = top_level
            .iter()
            .copied()
            .filter(|(name, _)| self.positions.count_word(name) == 1)
            .collect();
        let rewards: Vec<(&str, usize)> = unused
            .iter()
            .copied()
            .filter(|(name, _)| name.contains("rew"))
            .collect();
        for candidates in [&top_level, &unused, &rewards] {
            if let [(_, only)] = candidates.as_slice() {
                return Ok(*only);
            }
        }
        let help = match rewards.first().or(unused.first()) {
            Some((name, _)) => format!("call the reward's function `compute_reward`; is it `{name}`?"),
            None => "define `compute_reward(...)` with the task's variables as parameters".to_owned(),
        };
        self.error(Code::NoEntry, "there is no reward function", help)
    }

    /// What a method that returns nothing has left in the environment's own buffer of rewards.
    fn reward_buffer(&mut self) -> Option<Value> {
        REWARD_BUFFERS.into_iter().find_map(|name| {
            let set_by_program = self.attributes.get(name).map(|attribute| attribute.value.clone());
            let offered = self
                .schema
                .index(name)
                .and_then(|variable| self.variables.get(&variable).cloned());
            set_by_program.or(offered)
        })
    }

    /// The value of one function of a task program, as an output of that name.
    fn named_output(&mut self, name: &str) -> Checked<Output> {
        self.here = self.positions.span_of_bytes(0, 0);
        let Some(function) = self.function_named(name) else {
            return self.error(
                Code::NoEntry,
                format!("there is no function `{name}`"),
                format!("define `def {name}(...)`"),
            );
        };
        let value = self.call_entry(function)?;
        self.here = self.returned_at;
        self.output(name, &value)
    }

    /// The function of that name at the module's top level.
    pub(crate) fn function_named(&self, name: &str) -> Option<usize> {
        match self.frames[0].locals.get(name) {
            Some(Binding::Value(Value::Function(index))) => Some(*index),
            _ => None,
        }
    }

    /// Calls an entry function with its parameters bound to variables by name. Objects start afresh, so that one entry
    /// never sees what another wrote into a variable.
    pub(crate) fn call_entry(&mut self, function: usize) -> Checked {
        self.variables.clear();
        self.here = self.functions[function].at;
        self.returned_at = self.here;
        let Some(parameters) = self.functions[function].parameters else {
            return self.call_function(function, BTreeMap::new());
        };
        let mut bound = BTreeMap::new();
        for (position, parameter) in parameters.iter_non_variadic_params().enumerate() {
            let name = parameter.name().as_str();
            let binding = self.entry_parameter(function, position, name, parameter);
            bound.insert(name.to_owned(), binding);
        }
        self.call_function(function, bound)
    }

    fn entry_parameter(
        &mut self,
        function: usize,
        position: usize,
        name: &str,
        parameter: &ruff_python_ast::ParameterWithDefault,
    ) -> Binding {
        self.here = self.span(parameter.parameter.name.range());
        let is_tensor = parameter.parameter.annotation.as_deref().is_some_and(|annotation| {
            let text = self.positions.text(annotation.range());
            text == "Tensor" || text == "torch.Tensor"
        });
        if let Some(variable) = self.schema.index(name) {
            let value = self.variable(variable);
            return Binding::Value(match value {
                Value::Scalar(scalar) if is_tensor => Value::Tensor(self.tensor_of_scalar(scalar)),
                value => value,
            });
        }
        if let Some(default) = self.functions[function].defaults.get(name) {
            return Binding::Value(default.clone());
        }
        if position == 0 && name == "self" {
            return Binding::Value(Value::Surface("".into()));
        }
        if self.is_surface(name) {
            return Binding::Value(Value::Surface(name.into()));
        }
        Binding::UnknownParameter(self.here, function)
    }
}
