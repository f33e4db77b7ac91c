//! Branches on conditions that are known only at run time.
//!
//! Both sides are executed from the same state, and each name and object that differs afterwards becomes a select. A
//! path that leaves early (`return`, `break`, `continue`) is *parked* with the condition under which it is taken, while
//! the rest of the block goes on as if nothing had happened; where the paths meet again the parked states win, first come
//! first served. What the rest computed for an environment that has left is never selected, so its NaN does not leak.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;

use super::memory::Attribute;
use super::objects::Objects;
use super::{Binding, Checked, Checker, Reported};
use crate::Code;
use crate::ir::{NodeId, Type};
use crate::value::{Element, Object, ObjectId, Pose, Scalar, ScalarKind, Tensor, Tuple, Value};

/// Everything that a branch may change: the names of the active call, all objects, and what is remembered.
#[derive(Debug, Clone)]
pub(crate) struct State {
    locals: BTreeMap<String, Binding>,
    objects: Objects,
    attributes: BTreeMap<String, Attribute>,
}

/// A path that left: under which condition (none: always), with which state and, for a `return`, which value.
///
/// A path that always leaves has no state: nothing happens after it, so the state at the end is still its own.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    pub(crate) guard: Option<NodeId>,
    pub(crate) state: Option<State>,
    pub(crate) value: Value,
}

/// Paths that left the loop, or its current round.
#[derive(Debug, Default)]
pub(crate) struct LoopExits {
    pub(crate) broken: Vec<Parked>,
    pub(crate) continued: Vec<Parked>,
    /// Length of the path when the loop began.
    pub(crate) path_base: usize,
}

/// An array that is one of two others, depending on a condition: it shows what is written into them later, and what is
/// written into it goes to the one that it is.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    joined: ObjectId,
    condition: NodeId,
    sides: [Tensor; 2],
}

/// Whether a block comes to its end on some path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Gone,
}

impl Checker<'_> {
    pub(crate) fn state(&self) -> State {
        State {
            locals: self.frame().locals.clone(),
            objects: self.objects.clone(),
            attributes: self.attributes.clone(),
        }
    }

    /// Goes back to a state. Objects made since then stay: a parked or joined path may hold them.
    pub(crate) fn restore(&mut self, state: State) {
        self.frame_mut().locals = state.locals;
        self.objects.restore(&state.objects);
        self.attributes = state.attributes;
    }

    /// Executes both sides of a branch and joins them. Each side returns whether it comes to its end.
    pub(crate) fn both_sides(
        &mut self,
        condition: NodeId,
        name: Option<String>,
        then_side: impl FnOnce(&mut Self) -> Checked<Flow>,
        else_side: impl FnOnce(&mut Self) -> Checked<Flow>,
    ) -> Checked<Flow> {
        let before = self.state();
        let then_flow = self.on_path(condition, name.clone(), then_side);
        let after_then = self.state();
        self.restore(before);
        let opposite = self.not(condition);
        let else_flow = self.on_path(opposite, name, else_side);
        match (then_flow?, else_flow?) {
            (Flow::Gone, Flow::Gone) => return Ok(Flow::Gone),
            (Flow::Gone, Flow::Next) => {}
            (Flow::Next, Flow::Gone) => self.restore(after_then),
            (Flow::Next, Flow::Next) => self.join(condition, after_then),
        }
        Ok(Flow::Next)
    }

    fn on_path<T>(
        &mut self,
        condition: NodeId,
        name: Option<String>,
        side: impl FnOnce(&mut Self) -> Checked<T>,
    ) -> Checked<T> {
        self.path.push(condition);
        self.path_names.push(name);
        let result = side(self);
        self.path.pop();
        self.path_names.pop();
        result
    }

    /// An expression evaluated on one side only (`b` in `a and b`); gives both sides' values selected.
    pub(crate) fn choose(
        &mut self,
        condition: NodeId,
        then_side: impl FnOnce(&mut Self) -> Checked,
        else_side: impl FnOnce(&mut Self) -> Checked,
    ) -> Checked {
        let (mut then_value, mut else_value) = (Value::None, Value::None);
        self.both_sides(
            condition,
            None,
            |checker| {
                then_value = then_side(checker)?;
                Ok(Flow::Next)
            },
            |checker| {
                else_value = else_side(checker)?;
                Ok(Flow::Next)
            },
        )?;
        match self.select_value(condition, &then_value, &else_value) {
            Ok(value) => Ok(value),
            Err(reason) => self.error(Code::TypeMismatch, format!("the two sides give {reason}"), None),
        }
    }

    /// The condition under which the code at work is reached, counted from `base`; none if always.
    fn guard(&mut self, base: usize) -> Option<NodeId> {
        let mut guard: Option<NodeId> = None;
        let conditions: Vec<NodeId> = self.path[base..].to_vec();
        for condition in conditions {
            guard = Some(guard.map_or(condition, |known| self.and(known, condition)));
        }
        guard
    }

    /// `guard` without the paths that have already left the current round of any loop from `first_loop` on.
    fn still_here(&mut self, guard: Option<NodeId>, first_loop: usize, with_broken: bool) -> Option<NodeId> {
        let mut left: Vec<NodeId> = Vec::new();
        for exits in &self.frame().loops[first_loop..] {
            left.extend(exits.continued.iter().filter_map(|parked| parked.guard));
            if with_broken {
                left.extend(exits.broken.iter().filter_map(|parked| parked.guard));
            }
        }
        let mut guard = guard;
        for condition in left {
            let stays = self.not(condition);
            guard = Some(guard.map_or(stays, |known| self.and(known, stays)));
        }
        guard
    }

    pub(crate) fn park_return(&mut self, value: Value) {
        let base = self.frame().path_base;
        let guard = self.guard(base);
        let guard = self.still_here(guard, 0, true);
        let value = if guard.is_some() { self.frozen(&value) } else { value };
        let parked = Parked {
            guard,
            state: guard.map(|_| self.state()),
            value,
        };
        self.frame_mut().returns.push(parked);
    }

    /// Parks the path at a `break` or `continue` of the innermost loop, of which there has to be one.
    pub(crate) fn park_in_loop(&mut self, breaks: bool) {
        let innermost = self.frame().loops.len() - 1;
        let base = self.frame().loops[innermost].path_base;
        let guard = self.guard(base);
        let guard = self.still_here(guard, innermost, false);
        let parked = Parked {
            guard,
            state: guard.map(|_| self.state()),
            value: Value::None,
        };
        let exits = &mut self.frame_mut().loops[innermost];
        if breaks {
            exits.broken.push(parked);
        } else {
            exits.continued.push(parked);
        }
    }

    /// Joins parked paths with the path that came to the end (if `flow` says that there is one).
    pub(crate) fn join_parked(&mut self, parked: Vec<Parked>, flow: Flow) -> Flow {
        let mut flow = flow;
        for path in parked.into_iter().rev() {
            match (flow, path.guard, path.state) {
                (Flow::Next, Some(guard), Some(state)) => self.join(guard, state),
                (_, _, Some(state)) => self.restore(state),
                _ => {}
            }
            flow = Flow::Next;
        }
        flow
    }

    /// Makes the present state that of `other` where the condition holds.
    fn join(&mut self, condition: NodeId, other: State) {
        for at in self.objects.differing(&other.objects) {
            let theirs = self.objects.in_snapshot(&other.objects, at);
            let ours = self.objects.get(at).clone();
            let joined = self.join_objects(condition, &theirs, &ours);
            self.objects.set(at, Rc::new(joined));
        }
        let here = std::mem::take(&mut self.frame_mut().locals);
        let mut joined = BTreeMap::new();
        for (name, binding) in &other.locals {
            let binding = match here.get(name) {
                Some(present) => self.join_bindings(condition, binding, present),
                None => self.on_one_side(condition, binding),
            };
            joined.insert(name.clone(), binding);
        }
        let opposite = self.not(condition);
        for (name, binding) in here {
            if let Entry::Vacant(vacant) = joined.entry(name) {
                vacant.insert(self.on_one_side(opposite, &binding));
            }
        }
        self.frame_mut().locals = joined;
        self.join_attributes(condition, other.attributes);
    }

    fn join_bindings(&mut self, condition: NodeId, a: &Binding, b: &Binding) -> Binding {
        match (a, b) {
            (Binding::UnknownParameter(span, function), _) | (_, Binding::UnknownParameter(span, function)) => {
                Binding::UnknownParameter(*span, *function)
            }
            (Binding::Clash(reason), _) | (_, Binding::Clash(reason)) => Binding::Clash(reason.clone()),
            (Binding::Value(x) | Binding::Maybe(x, _), Binding::Value(y) | Binding::Maybe(y, _)) => {
                match self.select_value(condition, x, y) {
                    Ok(value) => match [a, b].map(|binding| binding.is_set()) {
                        [None, None] => Binding::Value(value),
                        sides => {
                            let [a, b] = sides.map(|set| set.unwrap_or_else(|| self.constant(Type::Bool, 1.0)));
                            Binding::Maybe(value, self.select(condition, a, b))
                        }
                    },
                    Err(reason) => Binding::Clash(reason),
                }
            }
        }
    }

    /// A name that exists only where `condition` holds.
    fn on_one_side(&mut self, condition: NodeId, binding: &Binding) -> Binding {
        match binding {
            Binding::Value(Value::Poison) | Binding::UnknownParameter(..) | Binding::Clash(_) => binding.clone(),
            Binding::Value(value) => Binding::Maybe(value.clone(), condition),
            Binding::Maybe(value, set) => Binding::Maybe(value.clone(), self.and(condition, *set)),
        }
    }

    fn join_objects(&mut self, condition: NodeId, a: &Object, b: &Object) -> Object {
        match (a, b) {
            (Object::Numbers { nodes: a, joined }, Object::Numbers { nodes: b, .. }) => {
                let nodes = a
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| self.select_nodes(condition, a, b))
                    .collect();
                Object::Numbers { nodes, joined: *joined }
            }
            (Object::List(a), Object::List(b)) if a.len() == b.len() => Object::List(
                a.iter()
                    .zip(b)
                    .map(|(a, b)| self.select_or_poison(condition, a, b))
                    .collect(),
            ),
            (Object::Dict(a), Object::Dict(b)) => {
                let find = |entries: &[(Rc<str>, Value)], key: &str| {
                    entries.iter().find(|(k, _)| &**k == key).map(|(_, v)| v.clone())
                };
                let mut entries = Vec::new();
                for (key, value) in a {
                    let joined = match find(b, key) {
                        Some(other) => self.select_or_poison(condition, value, &other),
                        None => self.one_sided_entry(key),
                    };
                    entries.push((key.clone(), joined));
                }
                for (key, _) in b {
                    if find(a, key).is_none() {
                        entries.push((key.clone(), self.one_sided_entry(key)));
                    }
                }
                Object::Dict(entries)
            }
            _ => {
                let _: Checked = self.error(
                    Code::Unsupported,
                    "a list grows on one side of this branch only",
                    "build lists of the same length on both sides".to_owned(),
                );
                Object::List(vec![Value::Poison])
            }
        }
    }

    fn one_sided_entry(&mut self, key: &str) -> Value {
        let _: Checked = self.error(
            Code::TypeMismatch,
            format!("the entry \"{key}\" is set on one side of this branch only"),
            "set it to 0.0 before the `if`".to_owned(),
        );
        Value::Poison
    }

    pub(crate) fn select_or_poison(&mut self, condition: NodeId, a: &Value, b: &Value) -> Value {
        match self.select_inside(condition, a, b) {
            Ok(value) => value,
            Err(reason) => {
                let _: Checked = self.error(Code::TypeMismatch, format!("the two sides give {reason}"), None);
                Value::Poison
            }
        }
    }

    fn select_nodes(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        let selected = self.select(condition, a, b);
        self.join_summands(condition, selected, a, b);
        selected
    }

    /// `a` where the condition holds, else `b`; the error says which two things have no common form.
    pub(crate) fn select_value(&mut self, condition: NodeId, a: &Value, b: &Value) -> Result<Value, String> {
        match (a, b) {
            (Value::Poison, _) | (_, Value::Poison) => Ok(Value::Poison),
            (Value::None, Value::None) => Ok(Value::None),
            (Value::Scalar(a), Value::Scalar(b)) => Ok(self.select_scalars(condition, *a, *b)),
            (Value::Tensor(x), Value::Tensor(y))
                if x.storage == y.storage && x.index == y.index && x.dims == y.dims =>
            {
                Ok(a.clone())
            }
            (Value::Tensor(_) | Value::Scalar(_), Value::Tensor(_) | Value::Scalar(_)) => {
                self.select_arrays(condition, a, b)
            }
            (Value::Tuple(x), Value::Tuple(y)) if x.items.len() == y.items.len() => {
                let items = x
                    .items
                    .iter()
                    .zip(y.items.iter())
                    .map(|(x, y)| self.select_inside(condition, x, y));
                let items = items.collect::<Result<Vec<Value>, String>>()?;
                Ok(Value::Tuple(Tuple {
                    items: items.into(),
                    fields: x.fields,
                }))
            }
            (Value::List(x), Value::List(y)) | (Value::Dict(x), Value::Dict(y)) => {
                self.select_containers(condition, *x, *y, a)
            }
            (Value::Str(x), Value::Str(y)) if x == y => Ok(a.clone()),
            (Value::Library(x), Value::Library(y)) if x == y => Ok(a.clone()),
            (Value::Surface(x), Value::Surface(y)) if x == y => Ok(a.clone()),
            (Value::Function(x), Value::Function(y)) if x == y => Ok(a.clone()),
            (Value::Bound(x, _), Value::Bound(y, _)) if x == y => Ok(a.clone()),
            (Value::Pose(x), Value::Pose(y)) => self.select_poses(condition, x, y),
            (Value::Element(x), Value::Element(y)) if x == y => Ok(a.clone()),
            (Value::Device, Value::Device) | (Value::Annotation, Value::Annotation) => Ok(a.clone()),
            _ => Err(format!("{} or {}", self.describe(a), self.describe(b))),
        }
    }

    /// The same one level down; a container that is too large has been reported.
    fn select_inside(&mut self, condition: NodeId, a: &Value, b: &Value) -> Result<Value, String> {
        let selected = self.inside(|checker| Ok(checker.select_value(condition, a, b)));
        selected.unwrap_or(Ok(Value::Poison))
    }

    fn select_containers(&mut self, condition: NodeId, x: ObjectId, y: ObjectId, a: &Value) -> Result<Value, String> {
        if x == y {
            return Ok(a.clone());
        }
        let (left, right) = (self.objects.get(x.0).clone(), self.objects.get(y.0).clone());
        let joined = self.join_objects(condition, &left, &right);
        let id = self.new_object(joined);
        Ok(if matches!(a, Value::List(_)) {
            Value::List(id)
        } else {
            Value::Dict(id)
        })
    }

    fn select_poses(&mut self, condition: NodeId, x: &Pose, y: &Pose) -> Result<Value, String> {
        let mut select = |x: &Tensor, y: &Tensor| -> Result<Tensor, String> {
            let selected = self.select_value(condition, &Value::Tensor(x.clone()), &Value::Tensor(y.clone()))?;
            match selected {
                Value::Tensor(tensor) => Ok(tensor),
                _ => unreachable!("two arrays give an array"),
            }
        };
        Ok(Value::Pose(Rc::new(Pose {
            position: select(&x.position, &y.position)?,
            quaternion: select(&x.quaternion, &y.quaternion)?,
        })))
    }

    fn select_scalars(&mut self, condition: NodeId, a: Scalar, b: Scalar) -> Value {
        let kind = a.kind.max(b.kind);
        let ty = if kind == ScalarKind::Bool {
            Type::Bool
        } else {
            Type::F64
        };
        let (x, y) = (self.convert(a.node, ty), self.convert(b.node, ty));
        let node = self.select(condition, x, y);
        self.join_summands(condition, node, a.node, b.node);
        Value::Scalar(Scalar { kind, node })
    }

    fn select_arrays(&mut self, condition: NodeId, a: &Value, b: &Value) -> Result<Value, String> {
        let clash = |checker: &Self| format!("{} or {}", checker.describe(a), checker.describe(b));
        let dims = |value: &Value| match value {
            Value::Tensor(tensor) => tensor.dims.to_vec(),
            _ => Vec::new(),
        };
        let dtype = |value: &Value| match value {
            Value::Tensor(tensor) => Some(tensor.element),
            _ => None,
        };
        let same_type = dtype(a).is_none() || dtype(b).is_none() || dtype(a) == dtype(b);
        if dims(a) != dims(b) || !(same_type || dims(a).is_empty()) {
            return Err(clash(self));
        }
        let element: Element = self.promote(&[a, b]);
        let nodes = |checker: &mut Self, value: &Value| -> (Vec<NodeId>, Vec<NodeId>) {
            let plain = match value {
                Value::Tensor(tensor) => checker.elements(tensor),
                Value::Scalar(scalar) => vec![scalar.node],
                _ => Vec::new(),
            };
            let converted = plain.iter().map(|&node| checker.convert(node, element.ty())).collect();
            (plain, converted)
        };
        let ((plain_a, xs), (plain_b, ys)) = (nodes(self, a), nodes(self, b));
        let mut joined = Vec::new();
        for at in 0..xs.len() {
            let node = self.select(condition, xs[at], ys[at]);
            self.join_summands(condition, node, plain_a[at], plain_b[at]);
            joined.push(node);
        }
        let is_shared = !dims(a).is_empty();
        let index = (0..joined.len() as u32).collect();
        let storage = self.new_object(Object::Numbers {
            nodes: joined,
            joined: is_shared,
        });
        if let (true, Value::Tensor(a), Value::Tensor(b)) = (is_shared, a, b) {
            self.joins.push(Join {
                joined: storage,
                condition,
                sides: [a.clone(), b.clone()],
            });
        }
        Ok(Value::Tensor(Tensor {
            element,
            dims: dims(a).into(),
            storage,
            index,
        }))
    }

    /// Brings the arrays up to date that are perhaps the one that was written into.
    pub(crate) fn refresh_joins(&mut self, written: ObjectId) -> Checked<()> {
        let mut changed = vec![written];
        for at in 0..self.joins.len() {
            if self.joins[at].sides.iter().all(|side| !changed.contains(&side.storage)) {
                continue;
            }
            let Join {
                joined,
                condition,
                sides: [a, b],
            } = self.joins[at].clone();
            self.steps += a.index.len() / 16;
            self.step()?;
            let (xs, ys) = (self.elements(&a), self.elements(&b));
            let new: Vec<NodeId> = xs
                .into_iter()
                .zip(ys)
                .map(|(x, y)| self.select_nodes(condition, x, y))
                .collect();
            if let Object::Numbers { nodes, .. } = self.object_mut(joined) {
                *nodes = new;
            }
            changed.push(joined);
        }
        Ok(())
    }

    /// Writes into the two arrays of which `target` is one; nothing where it is not known which.
    pub(crate) fn write_joined(&mut self, target: &Tensor, values: &[NodeId]) -> Option<Checked<()>> {
        let Join { condition, sides, .. } = self.joins.iter().find(|join| join.joined == target.storage)?.clone();
        let positions: Vec<usize> = target.index.iter().map(|&at| at as usize).collect();
        for (side, is_first) in sides.iter().zip([true, false]) {
            let part = self.view(side, target.dims.to_vec(), &positions);
            let old = self.elements(&part);
            let new: Vec<NodeId> = values
                .iter()
                .zip(old)
                .map(|(&value, old)| match is_first {
                    true => self.select(condition, value, old),
                    false => self.select(condition, old, value),
                })
                .collect();
            if let Err(reported) = self.write(&part, &new) {
                return Some(Err(reported));
            }
        }
        Some(Ok(()))
    }

    /// A copy that later writes cannot reach.
    fn frozen(&mut self, value: &Value) -> Value {
        match value {
            Value::Tensor(tensor) => {
                let nodes = self.elements(tensor);
                Value::Tensor(self.shared_tensor(tensor.element, tensor.dims.to_vec(), nodes))
            }
            Value::Tuple(tuple) => {
                let items: Vec<Value> = tuple.items.iter().map(|item| self.frozen_inside(item)).collect();
                Value::Tuple(Tuple {
                    items: items.into(),
                    fields: tuple.fields,
                })
            }
            Value::List(id) => {
                let items = self.list_items(*id).to_vec();
                let items = items.iter().map(|item| self.frozen_inside(item)).collect();
                self.new_list(items)
            }
            Value::Dict(id) => {
                let entries = self.dict_items(*id).to_vec();
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), self.frozen_inside(value)))
                    .collect();
                Value::Dict(self.new_object(Object::Dict(entries)))
            }
            other => other.clone(),
        }
    }

    fn frozen_inside(&mut self, value: &Value) -> Value {
        self.inside(|checker| Ok(checker.frozen(value)))
            .unwrap_or(Value::Poison)
    }

    /// The value of a call: what its paths returned, joined.
    pub(crate) fn join_returns(&mut self, returns: Vec<Parked>, flow: Flow) -> Checked {
        let Some(last) = returns.last() else {
            return Ok(Value::None);
        };
        let mut value = last.value.clone();
        let mut rest = returns.len() - 1;
        if flow == Flow::Next {
            value = Value::None;
            rest = returns.len();
        }
        for path in returns[..rest].iter().rev() {
            let Some(guard) = path.guard else {
                value = path.value.clone();
                continue;
            };
            value = match self.select_value(guard, &path.value, &value) {
                Ok(value) => value,
                Err(_) if matches!(value, Value::None) => {
                    return self.error(
                        Code::ReturnShape,
                        "some paths end without a `return`",
                        "end the function with a `return`".to_owned(),
                    );
                }
                Err(reason) => return self.error(Code::ReturnShape, format!("the paths return {reason}"), None),
            };
        }
        self.join_parked_objects(returns, flow);
        match value {
            Value::Poison => Err(Reported),
            value => Ok(value),
        }
    }

    /// Objects as the paths left them; the names of the call mean nothing any more.
    fn join_parked_objects(&mut self, mut parked: Vec<Parked>, flow: Flow) {
        self.frame_mut().locals.clear();
        for path in &mut parked {
            if let Some(state) = &mut path.state {
                state.locals.clear();
            }
        }
        self.join_parked(parked, flow);
    }
}
