//! What a program remembers from one step to the next: after `self.prev_x = x`, the next step reads `self.prev_x`.
//!
//! The shape of what is remembered is known only once the program has set it, and programs read before they set. So the
//! checker runs the program again whenever it has learned the form of another attribute, until nothing new is learned
//! ([`learned_forms`](Checker::learned_forms)); only the last run's messages count.
//!
//! An attribute is a value and a truth value that says whether it is set. Both live in memory slots that are zero at the
//! start of an episode, so at first nothing is set. Where the task has a variable of the same name, its value stands in
//! until the program sets the attribute.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Checked, Checker, node_count};
use crate::Code;
use crate::ir::{NodeId, Slot, Type};
use crate::value::{Dim, Element, Scalar, ScalarKind, Value};

/// Most times that a program is run to learn what it remembers.
pub(crate) const MAX_RUNS: usize = 6;

/// An attribute while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) value: Value,
    /// Truth value: whether it is set.
    pub(crate) present: NodeId,
}

/// What kind of value an attribute holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Number(ScalarKind),
    Array(Element, Rc<[Dim]>),
}

impl Form {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Scalar(scalar) => Some(Self::Number(scalar.kind)),
            Value::Tensor(tensor) => Some(Self::Array(tensor.element, tensor.dims.clone())),
            _ => None,
        }
    }

    /// Type and number of its nodes.
    fn nodes(&self) -> (Type, usize) {
        match self {
            Self::Number(ScalarKind::Bool) => (Type::Bool, 1),
            Self::Number(_) => (Type::F64, 1),
            Self::Array(element, dims) => (element.ty(), node_count(dims)),
        }
    }
}

/// Forms of attributes by name.
pub(crate) type Forms = BTreeMap<String, Form>;

impl Checker<'_> {
    /// Sets every attribute whose form is known to what the memory holds.
    pub(crate) fn begin_memory(&mut self) {
        let mut slot = 0;
        for (name, form) in self.forms.clone() {
            let (ty, count) = form.nodes();
            let nodes: Vec<NodeId> = (0..count)
                .map(|at| self.graph.memory(slot + at as u32, ty, self.here))
                .collect();
            slot += count as u32;
            let mut present = self.graph.memory(slot, Type::Bool, self.here);
            slot += 1;
            let mut value = match &form {
                Form::Number(kind) => Value::Scalar(Scalar {
                    kind: *kind,
                    node: nodes[0],
                }),
                Form::Array(element, dims) => self.tensor_value(*element, dims.to_vec(), nodes),
            };
            if let Some(variable) = self.schema.index(&name) {
                let initial = self.variable(variable);
                if let Ok(started) = self.select_value(present, &value, &initial) {
                    value = started;
                    present = self.constant(Type::Bool, 1.0);
                }
            }
            self.attributes.insert(name, Attribute { value, present });
        }
    }

    /// What the attributes hold now that the program has run; its own variables only where it has set them.
    pub(crate) fn learned_forms(&self) -> Forms {
        let form = |(name, attribute): (&String, &Attribute)| Some((name.clone(), Form::of(&attribute.value)?));
        self.attributes.iter().filter_map(form).collect()
    }

    /// Whether the program has set an attribute of this name.
    pub(crate) fn remembers(&self, path: &str) -> bool {
        self.attributes.contains_key(path)
    }

    /// An attribute whose form is another after every step.
    pub(crate) fn refuse_changing_form(&mut self, name: &str) {
        let _: Checked = self.error(
            Code::Unsupported,
            format!("`self.{name}` changes its shape or type from step to step"),
            "give it the same shape and type everywhere, for example by starting from `0.0`".to_owned(),
        );
    }

    /// The memory slots, in the order in which [`begin_memory`](Self::begin_memory) read them.
    pub(crate) fn memory_slots(&mut self) -> Vec<Slot> {
        let mut slots = Vec::new();
        for (name, form) in self.forms.clone() {
            let Some(Attribute { value, present }) = self.attributes.get(&name).cloned() else {
                continue;
            };
            let (ty, _) = form.nodes();
            let nodes = match &value {
                Value::Scalar(scalar) => vec![scalar.node],
                Value::Tensor(tensor) => self.elements(tensor),
                _ => Vec::new(),
            };
            let single = nodes.len() == 1;
            for (at, node) in nodes.into_iter().enumerate() {
                let name = if single { name.clone() } else { format!("{name}[{at}]") };
                let next = self.convert(node, ty);
                slots.push(Slot { name, ty, next });
            }
            slots.push(Slot {
                name: format!("{name} is set"),
                ty: Type::Bool,
                next: present,
            });
        }
        slots
    }

    /// The value of an attribute; a fault where it is not set. None if nothing has set it so far.
    pub(crate) fn read_attribute(&mut self, path: &str) -> Option<Checked> {
        let Some(Attribute { value, present }) = self.attributes.get(path).cloned() else {
            self.missed.insert(path.to_owned());
            return None;
        };
        if matches!(value, Value::Poison) {
            return Some(Err(super::Reported));
        }
        let unset = self.not(present);
        let fault = self.fault(unset, format!("AttributeError: `self.{path}` is read before it is set"));
        Some(fault.map(|()| value))
    }

    /// `self.prev_x = value`
    pub(crate) fn set_attribute(&mut self, path: &str, value: Value) -> Checked<()> {
        if !matches!(value, Value::Poison) && Form::of(&value).is_none() {
            self.forgotten.entry(path.to_owned()).or_insert(self.here);
        }
        let present = self.constant(Type::Bool, 1.0);
        self.attributes.insert(path.to_owned(), Attribute { value, present });
        Ok(())
    }

    /// Refuses to forget: what is neither a number nor an array lasts only until the end of the step, which is enough for
    /// notes that nobody reads, but not for what the program looked for before it set it.
    pub(crate) fn refuse_to_forget(&mut self) {
        for (path, at) in self.forgotten.clone() {
            if !self.missed.contains(&path) {
                continue;
            }
            let found = match self.attributes.get(&path) {
                Some(attribute) => self.describe(&attribute.value),
                None => continue,
            };
            let _: Checked = self.error_at(
                at,
                Code::Unsupported,
                format!("`self.{path}` can remember a number or an array, not {found}"),
                "remember the numbers in it one by one".to_owned(),
            );
        }
    }

    /// Joins the attributes of another state, in force where `condition` holds, into the present ones.
    pub(crate) fn join_attributes(&mut self, condition: NodeId, other: BTreeMap<String, Attribute>) {
        let mut ours = std::mem::take(&mut self.attributes);
        let mut joined = BTreeMap::new();
        for (name, theirs) in other {
            let attribute = match ours.remove(&name) {
                Some(own) => Attribute {
                    value: self.select_or_poison(condition, &theirs.value, &own.value),
                    present: self.select(condition, theirs.present, own.present),
                },
                None => Attribute {
                    present: self.and(condition, theirs.present),
                    ..theirs
                },
            };
            joined.insert(name, attribute);
        }
        let opposite = self.not(condition);
        for (name, own) in ours {
            let present = self.and(opposite, own.present);
            joined.insert(name, Attribute { present, ..own });
        }
        self.attributes = joined;
    }
}
