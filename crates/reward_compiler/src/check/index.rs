//! Subscripts: reading and writing parts of arrays, lists and dicts.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{Expr, ExprSlice, ExprSubscript};
use ruff_text_size::Ranged;

use super::tensor::{broadcast, broadcast_index, node_count};
use super::{Checked, Checker};
use crate::Code;
use crate::value::{Dim, Element, Object, ObjectId, Scalar, ScalarKind, ShapeText, Tensor, Value};

/// One part of a subscript.
#[derive(Debug)]
enum Index {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    NewAxis,
    Ellipsis,
    /// Several positions of one axis, copied.
    Gather(Vec<i64>),
    Mask(Tensor),
}

impl<'a> Checker<'a> {
    /// Reads `value[…]`.
    pub(crate) fn subscript(&mut self, subscript: &'a ExprSubscript) -> Checked {
        let value = self.expression(&subscript.value)?;
        let here = std::mem::replace(&mut self.here, self.positions.span(subscript.range));
        let result = match &value {
            Value::Tensor(tensor) => self.load(tensor, &subscript.slice),
            Value::Dict(id) => self.load_entry(*id, &subscript.slice),
            Value::List(_) | Value::Tuple(_) => self.load_item(&value, &subscript.slice),
            Value::Annotation => Ok(Value::Annotation),
            other => {
                let found = self.describe(other);
                self.error(
                    Code::TypeMismatch,
                    format!("{found} has no parts to take with `[…]`"),
                    None,
                )
            }
        };
        self.here = here;
        result
    }

    fn load(&mut self, tensor: &Tensor, slice: &'a Expr) -> Checked {
        let indices = self.indices(slice)?;
        if let [Index::Mask(mask)] = indices.as_slice() {
            let mask = mask.to_string();
            return self.unsupported(
                &format!("selecting with the mask {mask} gives an array whose length is known only at run time"),
                "use `torch.where(mask, x, 0.0)` or `np.where(mask, x, 0.0)`",
            );
        }
        let copies = indices.iter().any(|index| matches!(index, Index::Gather(_)));
        let (dims, positions) = self.positions_of(tensor, &indices)?;
        let view = self.view(tensor, dims, &positions);
        // NumPy hands out a single element as a number of its own, torch as a view.
        let is_number = self.dialect == Dialect::Numpy && view.dims.is_empty();
        if copies || is_number {
            let nodes = self.elements(&view);
            return Ok(self.tensor_value(view.element, view.dims.to_vec(), nodes));
        }
        Ok(Value::Tensor(view))
    }

    fn load_entry(&mut self, id: ObjectId, slice: &'a Expr) -> Checked {
        let key = self.key(slice)?;
        let entry = self
            .dict_items(id)
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.clone());
        match entry {
            Some(Value::Poison) => Err(super::Reported),
            Some(value) => Ok(value),
            None => {
                let help = super::nearest(&key, self.dict_items(id).iter().map(|(known, _)| &**known));
                let help = help.map(|nearest| format!("did you mean \"{nearest}\"?"));
                self.error(Code::UnknownName, format!("the dict has no entry \"{key}\""), help)
            }
        }
    }

    fn load_item(&mut self, value: &Value, slice: &'a Expr) -> Checked {
        let items = self.sequence(value)?;
        match self.index(slice)? {
            Index::At(at) => {
                let at = self.resolve(at, items.len())?;
                match &items[at] {
                    Value::Poison => Err(super::Reported),
                    item => Ok(item.clone()),
                }
            }
            Index::Slice { start, stop, step } => {
                let chosen: Vec<Value> = slice_positions(start, stop, step, items.len())
                    .into_iter()
                    .map(|at| items[at].clone())
                    .collect();
                match value {
                    Value::List(_) => Ok(self.new_list(chosen)),
                    _ => Ok(Value::tuple(chosen)),
                }
            }
            _ => self.error(
                Code::TypeMismatch,
                "a list is indexed by whole numbers and slices",
                None,
            ),
        }
    }

    /// Writes `target[…] = value`.
    pub(crate) fn store(&mut self, subscript: &'a ExprSubscript, value: Value) -> Checked<()> {
        let target = self.expression(&subscript.value)?;
        self.here = self.span(subscript.range);
        match &target {
            Value::Dict(id) => {
                let key = self.key(&subscript.slice)?;
                self.entry_spans.insert((*id, key.clone()), self.span(subscript.range));
                self.set_entry(*id, &key, value);
                Ok(())
            }
            Value::List(id) => {
                let length = self.list_items(*id).len();
                let Index::At(at) = self.index(&subscript.slice)? else {
                    return self.unsupported("only single items of a list can be set", "build a new list");
                };
                let at = self.resolve(at, length)?;
                if let Object::List(items) = self.object_mut(*id) {
                    items[at] = value;
                }
                Ok(())
            }
            Value::Tensor(tensor) => self.store_elements(tensor, &subscript.slice, &value),
            other => {
                let found = self.describe(other);
                self.error(Code::TypeMismatch, format!("parts of {found} cannot be set"), None)
            }
        }
    }

    fn store_elements(&mut self, tensor: &Tensor, slice: &'a Expr, value: &Value) -> Checked<()> {
        if !self.is_mutable(tensor) {
            return self.error(Code::TypeMismatch, "parts of a single number cannot be set", None);
        }
        let indices = self.indices(slice)?;
        if self.dialect == Dialect::Torch && matches!(value, Value::List(_) | Value::Tuple(_)) {
            let found = self.describe(value);
            return self.error(
                Code::TypeMismatch,
                format!("{found} cannot be written into {tensor}"),
                "make a tensor of it with `torch.tensor`".to_owned(),
            );
        }
        let value = self.as_tensor(value)?;
        if let [Index::Mask(mask)] = indices.as_slice() {
            return self.store_where(tensor, mask, &value);
        }
        let (dims, positions) = self.positions_of(tensor, &indices)?;
        let target = self.view(tensor, dims, &positions);
        let nodes = self.nodes_for(&target, &value)?;
        self.write(&target, &nodes)
    }

    /// `x[mask] = v`: the mask covers the first axes of the array.
    fn store_where(&mut self, tensor: &Tensor, mask: &Tensor, value: &Tensor) -> Checked<()> {
        if tensor.dims.get(..mask.dims.len()) != Some(&*mask.dims) {
            return self.error(
                Code::ShapeMismatch,
                format!("the mask {mask} does not cover the first axes of {tensor}"),
                None,
            );
        }
        if !value.dims.is_empty() {
            return self.unsupported(
                "an array written through a mask has a length that is known only at run time",
                "use `torch.where(mask, new, old)` or `np.where(mask, new, old)`",
            );
        }
        let new = self.nodes_for(tensor, value)?;
        let old = self.elements(tensor);
        let conditions = self.elements(mask);
        let inner = old.len().checked_div(conditions.len()).unwrap_or(0).max(1);
        let nodes: Vec<_> = (0..old.len())
            .map(|at| self.select(conditions[at / inner], new[at], old[at]))
            .collect();
        self.write(tensor, &nodes)
    }

    /// Elements of `value`, broadcast and converted for `target`.
    fn nodes_for(&mut self, target: &Tensor, value: &Tensor) -> Checked<Vec<crate::ir::NodeId>> {
        let fits = broadcast(&target.dims, &value.dims).is_ok_and(|dims| dims == *target.dims);
        // NumPy and torch drop leading axes of length 1 when writing.
        let extra = value.dims.len().saturating_sub(target.dims.len());
        let drops = value.dims[..extra].iter().all(|&dim| dim == Dim::Size(1));
        let dims = value.dims[extra..].to_vec();
        if !(fits || drops && broadcast(&target.dims, &dims).is_ok_and(|dims| dims == *target.dims)) {
            return self.error(
                Code::ShapeMismatch,
                format!("{value} does not fit into {}", ShapeText(&target.dims)),
                super::tensor::shape_help(&target.dims, &value.dims),
            );
        }
        let converted = self.cast(value, target.element);
        let nodes = self.elements(&converted);
        Ok(broadcast_index(&dims, &target.dims)
            .into_iter()
            .map(|at| nodes[at])
            .collect())
    }

    fn indices(&mut self, slice: &'a Expr) -> Checked<Vec<Index>> {
        match slice {
            Expr::Tuple(tuple) => tuple.elts.iter().map(|part| self.index(part)).collect(),
            part => Ok(vec![self.index(part)?]),
        }
    }

    fn index(&mut self, part: &'a Expr) -> Checked<Index> {
        if let Expr::Slice(slice) = part {
            return self.slice(slice);
        }
        let value = self.expression(part)?;
        match &value {
            Value::None => Ok(Index::NewAxis),
            Value::Ellipsis => Ok(Index::Ellipsis),
            Value::Tensor(tensor) if tensor.element == Element::Bool => Ok(Index::Mask(tensor.clone())),
            Value::List(_) => {
                let items = self.sequence(&value)?;
                let at: Option<Vec<i64>> = items.iter().map(|item| self.constant_int(item)).collect();
                match at {
                    Some(at) => Ok(Index::Gather(at)),
                    None => self.unknown_index(part, &value),
                }
            }
            Value::Tensor(tensor) if tensor.element == Element::I64 && tensor.dims.len() == 1 => {
                let nodes = self.elements(tensor);
                let at: Option<Vec<i64>> = nodes
                    .iter()
                    .map(|&node| self.graph.constant_value(node).map(|at| at as i64))
                    .collect();
                match at {
                    Some(at) => Ok(Index::Gather(at)),
                    None => self.unknown_index(part, &value),
                }
            }
            value => match self.constant_int(value) {
                Some(at) => Ok(Index::At(at)),
                None => self.unknown_index(part, value),
            },
        }
    }

    fn unknown_index(&mut self, part: &'a Expr, value: &Value) -> Checked<Index> {
        let found = self.describe(value);
        let is_whole = matches!(
            value,
            Value::Scalar(Scalar {
                kind: ScalarKind::Int,
                ..
            })
        );
        self.here = self.span(part.range());
        match is_whole {
            true => self.unsupported(
                "an index that is known only at run time",
                "compute all of them and choose with `where`",
            ),
            false => self.error(
                Code::TypeMismatch,
                format!("an index is a whole number or a slice, not {found}"),
                None,
            ),
        }
    }

    fn slice(&mut self, slice: &'a ExprSlice) -> Checked<Index> {
        let mut bounds = [None; 3];
        for (bound, expression) in bounds.iter_mut().zip([&slice.lower, &slice.upper, &slice.step]) {
            let Some(expression) = expression else { continue };
            let value = self.expression(expression)?;
            *bound = match (&value, self.constant_int(&value)) {
                (Value::None, _) => None,
                (_, Some(at)) => Some(at),
                _ => {
                    self.here = self.span(expression.range());
                    return self.unsupported("the bounds of a slice are known whole numbers", "");
                }
            };
        }
        let [start, stop, step] = bounds;
        match step {
            Some(step) if step <= 0 => self.unsupported("slices go forward", "use `.flip()` or list the positions"),
            step => Ok(Index::Slice {
                start,
                stop,
                step: step.unwrap_or(1),
            }),
        }
    }

    fn resolve(&mut self, at: i64, length: usize) -> Checked<usize> {
        let position = if at < 0 { at + length as i64 } else { at };
        match usize::try_from(position) {
            Ok(position) if position < length => Ok(position),
            _ => self.error(
                Code::ShapeMismatch,
                format!("index {at} is beyond the end of an axis of length {length}"),
                None,
            ),
        }
    }

    /// Shape of a part of an array and the positions of its elements.
    fn positions_of(&mut self, tensor: &Tensor, indices: &[Index]) -> Checked<(Vec<Dim>, Vec<usize>)> {
        let used = indices
            .iter()
            .filter(|index| !matches!(index, Index::NewAxis | Index::Ellipsis))
            .count();
        if used > tensor.dims.len() {
            return self.error(
                Code::ShapeMismatch,
                format!("{used} indices for {tensor}, which has {} axes", tensor.dims.len()),
                None,
            );
        }
        if indices.iter().any(|index| matches!(index, Index::Mask(_))) {
            return self.unsupported(
                "a mask combined with other indices",
                "use `torch.where` or `np.where` on the part",
            );
        }
        let gathers = indices.iter().filter(|index| matches!(index, Index::Gather(_))).count();
        let picks = indices.iter().filter(|index| matches!(index, Index::At(_))).count();
        if gathers > 1 || gathers == 1 && picks > 0 {
            return self.unsupported("several lists or numbers as indices at once", "index step by step");
        }
        let mut rest = tensor.dims.len() - used;
        let mut axis = 0;
        let mut dims = Vec::new();
        let mut positions = vec![0_usize];
        let full = Index::Slice {
            start: None,
            stop: None,
            step: 1,
        };
        let mut expanded: Vec<&Index> = Vec::new();
        let mut has_ellipsis = false;
        for index in indices {
            if matches!(index, Index::Ellipsis) {
                if has_ellipsis {
                    return self.error(Code::ShapeMismatch, "only one `...` is allowed in an index", None);
                }
                has_ellipsis = true;
                expanded.extend(std::iter::repeat_n(&full, rest));
                rest = 0;
            } else {
                expanded.push(index);
            }
        }
        expanded.extend(std::iter::repeat_n(&full, rest));
        for index in expanded {
            if matches!(index, Index::NewAxis) {
                dims.push(Dim::Size(1));
                continue;
            }
            let dim = tensor.dims[axis];
            let chosen = self.chosen(dim, index)?;
            let stride = node_count(&tensor.dims[axis + 1..]);
            positions = positions
                .iter()
                .flat_map(|&base| chosen.iter().map(move |&at| base + at * stride))
                .collect();
            match (index, dim) {
                (Index::At(_), _) => {}
                (_, Dim::Batch) => dims.push(Dim::Batch),
                _ => dims.push(Dim::Size(chosen.len())),
            }
            axis += 1;
        }
        Ok((dims, positions))
    }

    /// Positions along one axis.
    fn chosen(&mut self, dim: Dim, index: &Index) -> Checked<Vec<usize>> {
        match (dim, index) {
            (
                Dim::Batch,
                Index::Slice {
                    start: None | Some(0),
                    stop: None,
                    step: 1,
                },
            ) => Ok(vec![0]),
            (Dim::Batch, _) => self.unsupported(
                "the first axis is the batch, and single environments cannot be picked from it",
                "write `[:, 0]` for the first component of every environment",
            ),
            (Dim::Size(size), Index::At(at)) => Ok(vec![self.resolve(*at, size)?]),
            (Dim::Size(size), Index::Gather(at)) => at.iter().map(|&at| self.resolve(at, size)).collect(),
            (Dim::Size(size), Index::Slice { start, stop, step }) => Ok(slice_positions(*start, *stop, *step, size)),
            (Dim::Size(size), _) => Ok((0..size).collect()),
        }
    }
}

/// Positions of `start:stop:step`, as Python clamps them.
fn slice_positions(start: Option<i64>, stop: Option<i64>, step: i64, length: usize) -> Vec<usize> {
    let length = length as i64;
    let clamp = |bound: i64| {
        if bound < 0 {
            bound.saturating_add(length).max(0)
        } else {
            bound.min(length)
        }
    };
    let (start, stop) = (clamp(start.unwrap_or(0)), clamp(stop.unwrap_or(length)));
    (start..stop)
        .step_by(usize::try_from(step).unwrap_or(1))
        .map(|at| at as usize)
        .collect()
}
