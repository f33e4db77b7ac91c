//! Subscripts: reading and writing parts of arrays, lists and dicts.

use carrot_reward_interface::Dialect;
use ruff_python_ast::{Expr, ExprSlice, ExprSubscript, Operator};
use ruff_text_size::Ranged;

use super::tensor::{broadcast, broadcast_index, node_count};
use super::{Checked, Checker};
use crate::Code;
use crate::ir::{Binary, NodeId, Type};
use crate::value::{Dim, Element, Object, ObjectId, ScalarKind, ShapeText, Tensor, Value};

/// One part of a subscript.
#[derive(Debug, Clone)]
enum Index {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    NewAxis,
    Ellipsis,
    /// Positions of one axis, in an array of whole numbers; the result is a copy.
    Gather(Tensor),
    Mask(Tensor),
}

const FULL: Index = Index::Slice {
    start: None,
    stop: None,
    step: 1,
};

/// What a subscript with arrays of positions chooses: the rest of the array, and what each of its axes is taken at.
struct Chosen {
    /// Shape of the result.
    dims: Vec<Dim>,
    /// For each element of the result: its position if all indices were 0, and the index nodes.
    elements: Vec<(usize, Vec<NodeId>)>,
    /// Length and stride of each axis that has an index.
    axes: Vec<(usize, usize)>,
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
            Value::Surface(path) => {
                let index = self.text(subscript.slice.range()).to_owned();
                self.unknown_variable(&format!("{path}[{index}]"))
            }
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
        if let Some(Index::Mask(mask)) = indices.iter().find(|index| matches!(index, Index::Mask(_))) {
            let mask = mask.to_string();
            return self.unsupported(
                &format!("selecting with the mask {mask} gives an array whose length is known only at run time"),
                "use `torch.where(mask, x, 0.0)` or `np.where(mask, x, 0.0)`",
            );
        }
        if indices.iter().any(|index| matches!(index, Index::Gather(_))) {
            let (basic, chosen) = self.choose_elements(tensor, &indices)?;
            let nodes = self.elements(&basic);
            let mut result = Vec::with_capacity(chosen.elements.len());
            for (base, positions) in &chosen.elements {
                result.push(self.chosen_element(&nodes, *base, &chosen.axes, positions)?);
            }
            return Ok(self.tensor_value(tensor.element, chosen.dims, result));
        }
        if let ([Index::At(0), rest @ ..], Some(Dim::Batch)) = (indices.as_slice(), tensor.dims.first()) {
            let first = self.first_environment(tensor)?;
            let (dims, positions) = self.positions_of(&first, rest)?;
            return Ok(Value::Tensor(self.view(&first, dims, &positions)));
        }
        let (dims, positions) = self.positions_of(tensor, &indices)?;
        let view = self.view(tensor, dims, &positions);
        // NumPy hands out a single element as a number of its own, torch as a view.
        if self.dialect == Dialect::Numpy && view.dims.is_empty() {
            let nodes = self.elements(&view);
            return Ok(self.tensor_value(view.element, Vec::new(), nodes));
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
                let nearest = super::nearest(&key, self.dict_items(id).iter().map(|(known, _)| &**known));
                let fix = nearest.as_ref().and_then(|nearest| {
                    let written = self.text(slice.range());
                    let replacement = written.replace(&*key, nearest);
                    matches!(slice, Expr::StringLiteral(_))
                        .then(|| self.replacing(self.span(slice.range()), written, &replacement))
                        .flatten()
                });
                self.fixable(
                    Code::UnknownName,
                    format!("the dict has no entry \"{key}\""),
                    nearest.map(|nearest| format!("did you mean \"{nearest}\"?")),
                    fix,
                )
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
        self.here = self.span(subscript.range);
        let value = match self.store_attribute(subscript, value) {
            Ok(stored) => return stored,
            Err(value) => value,
        };
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
        if let [Index::Mask(mask), rest @ ..] = indices.as_slice() {
            let (mask, target) = (mask.clone(), self.behind_mask(tensor, mask, rest)?);
            return self.store_where(&target, &mask, &value);
        }
        if indices.iter().any(|index| matches!(index, Index::Gather(_))) {
            return self.store_chosen(tensor, &indices, &value);
        }
        let (dims, positions) = self.positions_of(tensor, &indices)?;
        let target = self.view(tensor, dims, &positions);
        let nodes = self.nodes_for(&target, &value)?;
        self.write(&target, &nodes)
    }

    /// The part of an array that `x[mask, rest…]` chooses from.
    fn behind_mask(&mut self, tensor: &Tensor, mask: &Tensor, rest: &[Index]) -> Checked<Tensor> {
        let mut indices = vec![FULL; mask.dims.len()];
        indices.extend_from_slice(rest);
        if rest
            .iter()
            .any(|index| matches!(index, Index::Mask(_) | Index::Gather(_)))
        {
            return self.unsupported(
                "a mask combined with other arrays of positions",
                "use `torch.where` or `np.where` on the part",
            );
        }
        let (dims, positions) = self.positions_of(tensor, &indices)?;
        Ok(self.view(tensor, dims, &positions))
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
        let inner_rank = tensor.dims.len() - mask.dims.len();
        let extra = value.dims.len().saturating_sub(inner_rank);
        if value.dims[..extra].iter().any(|&dim| dim != Dim::Size(1)) {
            return self.unsupported(
                "an array written through a mask has a length that is known only at run time",
                "use `torch.where(mask, new, old)` or `np.where(mask, new, old)`",
            );
        }
        let value = self.with_dims(value, value.dims[extra..].to_vec());
        let new = self.nodes_for(tensor, &value)?;
        self.write_where(tensor, mask, &new)
    }

    fn write_where(&mut self, tensor: &Tensor, mask: &Tensor, new: &[NodeId]) -> Checked<()> {
        let old = self.elements(tensor);
        let conditions = self.elements(mask);
        let inner = old.len().checked_div(conditions.len()).unwrap_or(0).max(1);
        let nodes: Vec<_> = (0..old.len())
            .map(|at| self.select(conditions[at / inner], new[at], old[at]))
            .collect();
        self.write(tensor, &nodes)
    }

    /// `x[mask] op= v`, which needs no array of unknown length: elsewhere the elements stay. `None` for other targets.
    pub(crate) fn augment_masked(
        &mut self,
        op: Operator,
        subscript: &'a ExprSubscript,
        value: &'a Expr,
    ) -> Checked<Option<()>> {
        if matches!(
            &*subscript.slice,
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Slice(_) | Expr::List(_)
        ) {
            return Ok(None);
        }
        let target = self.expression(&subscript.value)?;
        let Value::Tensor(tensor) = &target else {
            return Ok(None);
        };
        let indices = self.indices(&subscript.slice)?;
        let [Index::Mask(mask), rest @ ..] = indices.as_slice() else {
            return Ok(None);
        };
        let part = self.behind_mask(tensor, mask, rest)?;
        let value = self.expression(value)?;
        let inner_rank = part.dims.len().saturating_sub(mask.dims.len());
        if let Value::Tensor(value) = &value
            && value.dims.len() > inner_rank
        {
            return self.unsupported(
                "an array combined through a mask has a length that is known only at run time",
                "use `torch.where(mask, new, old)` or `np.where(mask, new, old)`",
            );
        }
        let new = self.arithmetic(op, &Value::Tensor(part.clone()), &value)?;
        let new = self.as_tensor(&new)?;
        let new = self.nodes_for(&part, &new)?;
        self.write_where(&part, mask, &new)?;
        Ok(Some(()))
    }

    /// Writes at arrays of positions; where a position is known only at run time every element of the axis may be meant.
    fn store_chosen(&mut self, tensor: &Tensor, indices: &[Index], value: &Tensor) -> Checked<()> {
        let (basic, chosen) = self.choose_elements(tensor, indices)?;
        // Only the shape and type of the chosen part are of interest here.
        let zero = self.constant(tensor.element.ty(), 0.0);
        let shape = self.tensor(tensor.element, chosen.dims.clone(), vec![zero; chosen.elements.len()]);
        let new = self.nodes_for(&shape, value)?;
        let mut nodes = self.elements(&basic);
        for ((base, positions), new) in chosen.elements.iter().zip(new) {
            let places = self.places(*base, &chosen.axes, positions)?;
            for (place, condition) in places {
                nodes[place] = match condition {
                    Some(condition) => self.select(condition, new, nodes[place]),
                    None => new,
                };
            }
        }
        self.write(&basic, &nodes)
    }

    /// Every element that the positions may mean, with the condition under which they do.
    fn places(
        &mut self,
        base: usize,
        axes: &[(usize, usize)],
        positions: &[NodeId],
    ) -> Checked<Vec<(usize, Option<NodeId>)>> {
        let mut places = vec![(base, None)];
        for (&(length, stride), &position) in axes.iter().zip(positions) {
            let mut next = Vec::new();
            if let Some(known) = self.graph.constant_value(position) {
                let at = self.resolve(known as i64, length)?;
                next.extend(
                    places
                        .iter()
                        .map(|&(place, condition)| (place + at * stride, condition)),
                );
            } else {
                // Checks that the position is within the axis.
                let numbers: Vec<NodeId> = (0..length).map(|at| self.constant(Type::F64, at as f64)).collect();
                let position = self.element_at(&numbers, position)?;
                for (at, &number) in numbers.iter().enumerate() {
                    let is_here = self.binary(Binary::Eq, position, number);
                    for &(place, condition) in &places {
                        let both = match condition {
                            Some(condition) => self.and(condition, is_here),
                            None => is_here,
                        };
                        next.push((place + at * stride, Some(both)));
                    }
                }
            }
            places = next;
        }
        Ok(places)
    }

    /// The element at the given positions of several axes.
    fn chosen_element(
        &mut self,
        nodes: &[NodeId],
        base: usize,
        axes: &[(usize, usize)],
        positions: &[NodeId],
    ) -> Checked<NodeId> {
        let Some((&(length, stride), rest)) = axes.split_first() else {
            return Ok(nodes[base]);
        };
        if let Some(known) = self.graph.constant_value(positions[0]) {
            let at = self.resolve(known as i64, length)?;
            return self.chosen_element(nodes, base + at * stride, rest, &positions[1..]);
        }
        let mut lane = Vec::with_capacity(length);
        for at in 0..length {
            lane.push(self.chosen_element(nodes, base + at * stride, rest, &positions[1..])?);
        }
        self.element_at(&lane, positions[0])
    }

    /// What indices with arrays of positions choose, by the libraries' rules: the arrays are broadcast against each other,
    /// and their axes stand where the indexed ones stood, or in front if others stood between. NumPy counts single numbers
    /// among the arrays; torch takes those first.
    fn choose_elements(&mut self, tensor: &Tensor, indices: &[Index]) -> Checked<(Tensor, Chosen)> {
        let expanded = self.expanded(tensor, indices)?;
        let is_numpy = self.dialect == Dialect::Numpy;
        let counts = |index: &Index| matches!(index, Index::Gather(_)) || is_numpy && matches!(index, Index::At(_));
        let basic: Vec<Index> = expanded
            .iter()
            .map(|index| if counts(index) { FULL } else { index.clone() })
            .collect();
        let (dims, positions) = self.positions_of(tensor, &basic)?;
        let basic = self.view(tensor, dims, &positions);
        // Axes of the view that have positions.
        let mut indexed = Vec::new();
        let mut arrays = Vec::new();
        let mut axis = 0;
        for index in &expanded {
            match index {
                Index::Gather(array) => {
                    indexed.push(axis);
                    arrays.push(array.clone());
                }
                Index::At(at) if is_numpy => {
                    indexed.push(axis);
                    let node = self.constant(Type::F64, *at as f64);
                    arrays.push(self.tensor(Element::I64, Vec::new(), vec![node]));
                }
                Index::At(_) => continue,
                _ => {}
            }
            axis += 1;
        }
        if indexed.iter().any(|&axis| basic.dims[axis] == Dim::Batch) {
            return self.unsupported(
                "the first axis is the batch, and single environments cannot be picked from it",
                "for one element per environment use `x.gather(1, index.unsqueeze(-1)).squeeze(-1)`",
            );
        }
        let values: Vec<Value> = arrays.into_iter().map(Value::Tensor).collect();
        let (index_dims, rows) =
            self.broadcast_operands("the indices", &values.iter().collect::<Vec<_>>(), Element::I64)?;
        let are_adjacent = indexed.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let place = if are_adjacent { indexed[0] } else { 0 };
        let rest: Vec<usize> = (0..basic.dims.len()).filter(|axis| !indexed.contains(axis)).collect();
        let before = rest.iter().filter(|&&axis| axis < place).count();
        let mut dims: Vec<Dim> = rest.iter().map(|&axis| basic.dims[axis]).collect();
        dims.splice(before..before, index_dims.iter().copied());
        if dims.iter().filter(|&&dim| dim == Dim::Batch).count() > 1 {
            return self.unsupported(
                "this picks from every environment for every other",
                "for one element per environment use `x.gather(1, index.unsqueeze(-1)).squeeze(-1)`",
            );
        }
        self.check_size(&dims)?;
        let stride = |axis: usize| node_count(&basic.dims[axis + 1..]);
        let axes = indexed
            .iter()
            .map(|&axis| (basic.dims[axis].nodes(), stride(axis)))
            .collect();
        let mut elements = vec![(0, 0)];
        let mut extend = |size: usize, base_stride: usize, index_stride: usize| {
            elements = elements
                .iter()
                .flat_map(|&(base, index)| {
                    (0..size).map(move |at| (base + at * base_stride, index + at * index_stride))
                })
                .collect();
        };
        for &axis in &rest[..before] {
            extend(basic.dims[axis].nodes(), stride(axis), 0);
        }
        for at in 0..index_dims.len() {
            extend(index_dims[at].nodes(), 0, node_count(&index_dims[at + 1..]));
        }
        for &axis in &rest[before..] {
            extend(basic.dims[axis].nodes(), stride(axis), 0);
        }
        let elements = elements
            .into_iter()
            .map(|(base, index)| (base, rows.iter().map(|row| row[index]).collect()))
            .collect();
        Ok((basic, Chosen { dims, elements, axes }))
    }

    /// Elements of `value`, broadcast and converted for `target`.
    pub(crate) fn nodes_for(&mut self, target: &Tensor, value: &Tensor) -> Checked<Vec<crate::ir::NodeId>> {
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
            Value::Tensor(tensor) if tensor.element == Element::Bool => Ok(self.mask_index(tensor.clone())),
            Value::List(_) => {
                let array = self.as_tensor(&value)?;
                match array.element {
                    Element::Bool => Ok(self.mask_index(array)),
                    Element::I64 => Ok(Index::Gather(array)),
                    _ if array.index.is_empty() => Ok(Index::Gather(self.cast(&array, Element::I64))),
                    _ => self.unknown_index(part, &value),
                }
            }
            Value::Tensor(tensor) if tensor.element == Element::I64 => match self.constant_int(&value) {
                Some(at) => Ok(Index::At(at)),
                None => Ok(Index::Gather(tensor.clone())),
            },
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Int && self.constant_int(&value).is_none() => {
                Ok(Index::Gather(self.tensor(Element::I64, Vec::new(), vec![scalar.node])))
            }
            value => match self.constant_int(value) {
                Some(at) => Ok(Index::At(at)),
                None => self.unknown_index(part, value),
            },
        }
    }

    /// A mask that is known now is a list of positions.
    fn mask_index(&mut self, mask: Tensor) -> Index {
        let nodes = self.elements(&mask);
        let known: Option<Vec<bool>> = nodes
            .iter()
            .map(|&node| self.graph.constant_value(node).map(|value| value != 0.0))
            .collect();
        match (known, &*mask.dims) {
            (Some(known), [Dim::Size(_)]) => {
                let positions: Vec<usize> = (0..known.len()).filter(|&at| known[at]).collect();
                let nodes: Vec<NodeId> = positions
                    .iter()
                    .map(|&at| self.constant(Type::F64, at as f64))
                    .collect();
                Index::Gather(self.tensor(Element::I64, vec![Dim::Size(nodes.len())], nodes))
            }
            _ => Index::Mask(mask),
        }
    }

    fn unknown_index(&mut self, part: &'a Expr, value: &Value) -> Checked<Index> {
        let found = self.describe(value);
        self.here = self.span(part.range());
        self.error(
            Code::TypeMismatch,
            format!("an index is a whole number or a slice, not {found}"),
            None,
        )
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
            Some(0) => self.error(Code::TypeMismatch, "the step of a slice cannot be 0", None),
            Some(step) if step < 0 && self.dialect == Dialect::Torch => {
                self.unsupported("torch's slices go forward", "use `.flip(-1)`")
            }
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

    /// One index for each axis, besides the new ones: `...` and what is left out take whole axes.
    fn expanded(&mut self, tensor: &Tensor, indices: &[Index]) -> Checked<Vec<Index>> {
        let used = indices
            .iter()
            .map(|index| match index {
                Index::NewAxis | Index::Ellipsis => 0,
                Index::Mask(mask) => mask.dims.len(),
                _ => 1,
            })
            .sum::<usize>();
        if used > tensor.dims.len() {
            return self.error(
                Code::ShapeMismatch,
                format!("{used} indices for {tensor}, which has {} axes", tensor.dims.len()),
                None,
            );
        }
        let mut rest = tensor.dims.len() - used;
        let mut expanded: Vec<Index> = Vec::new();
        let mut has_ellipsis = false;
        for index in indices {
            match index {
                Index::Ellipsis if has_ellipsis => {
                    return self.error(Code::ShapeMismatch, "only one `...` is allowed in an index", None);
                }
                Index::Ellipsis => {
                    has_ellipsis = true;
                    expanded.extend(std::iter::repeat_n(FULL, rest));
                    rest = 0;
                }
                Index::Mask(_) => {
                    return self.unsupported(
                        "a mask after other indices",
                        "use `torch.where` or `np.where` on the part",
                    );
                }
                index => expanded.push(index.clone()),
            }
        }
        expanded.extend(std::iter::repeat_n(FULL, rest));
        Ok(expanded)
    }

    /// Shape of a part of an array and the positions of its elements, for indices without arrays.
    fn positions_of(&mut self, tensor: &Tensor, indices: &[Index]) -> Checked<(Vec<Dim>, Vec<usize>)> {
        let expanded = self.expanded(tensor, indices)?;
        let mut axis = 0;
        let mut dims = Vec::new();
        let mut positions = vec![0_usize];
        for index in expanded {
            if matches!(index, Index::NewAxis) {
                dims.push(Dim::Size(1));
                continue;
            }
            let dim = tensor.dims[axis];
            let chosen = self.chosen(dim, &index)?;
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
            (Dim::Batch, _) => {
                let fix = self.indexing_every_environment();
                self.fixable(
                    Code::Unsupported,
                    "the first axis is the batch, and single environments cannot be picked from it",
                    "write `[:, 0]` for the first component of every environment".to_owned(),
                    fix,
                )
            }
            (Dim::Size(size), Index::At(at)) => Ok(vec![self.resolve(*at, size)?]),
            (Dim::Size(size), Index::Slice { start, stop, step }) => Ok(slice_positions(*start, *stop, *step, size)),
            (Dim::Size(size), _) => Ok((0..size).collect()),
        }
    }
}

/// Positions of `start:stop:step`, as Python clamps them.
fn slice_positions(start: Option<i64>, stop: Option<i64>, step: i64, length: usize) -> Vec<usize> {
    let length = length as i64;
    let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: i64| match bound < 0 {
        true => bound.saturating_add(length).max(least),
        false => bound.min(most),
    };
    let (first, last) = if step > 0 { (least, most) } else { (most, least) };
    let (start, stop) = (start.map_or(first, clamp), stop.map_or(last, clamp));
    let mut positions = Vec::new();
    let mut at = start;
    while step > 0 && at < stop || step < 0 && at > stop {
        positions.push(at as usize);
        at = at.saturating_add(step);
    }
    positions
}
