//! Arrays: making them, reading and writing their elements, broadcasting, promotion.

use std::rc::Rc;

use carrot_reward_interface::Dialect;

use super::{Checked, Checker, MAX_ELEMENTS};
use crate::Code;
use crate::ir::{NodeId, Op, Type};
use crate::value::{Dim, Element, Object, Scalar, ScalarKind, ShapeText, Tensor, Value};

/// Two shapes that do not go together; says why in a few words where that is not obvious.
#[derive(Debug)]
pub(crate) struct Mismatch(pub(crate) Option<&'static str>);

/// Number of nodes of a shape.
pub(crate) fn node_count(dims: &[Dim]) -> usize {
    dims.iter().map(|dim| dim.nodes()).product()
}

/// The shape that both broadcast to, aligned at the last axis.
pub(crate) fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, Mismatch> {
    let rank = a.len().max(b.len());
    let at = |dims: &[Dim], axis: usize| {
        (axis + dims.len())
            .checked_sub(rank)
            .map_or(Dim::Size(1), |axis| dims[axis])
    };
    let mut dims = Vec::with_capacity(rank);
    for axis in 0..rank {
        dims.push(match (at(a, axis), at(b, axis)) {
            (x, y) if x == y => x,
            (Dim::Size(1), y) => y,
            (x, Dim::Size(1)) => x,
            _ => return Err(Mismatch(None)),
        });
    }
    if dims.iter().filter(|&&dim| dim == Dim::Batch).count() > 1 {
        return Err(Mismatch(Some(
            "the result would combine every environment with every other",
        )));
    }
    Ok(dims)
}

/// For each element of `to`, the position of the element of `from` that is broadcast there.
pub(crate) fn broadcast_index(from: &[Dim], to: &[Dim]) -> Vec<usize> {
    let offset = to.len() - from.len();
    let mut strides = vec![0; to.len()];
    let mut stride = 1;
    for axis in (0..from.len()).rev() {
        let size = from[axis].nodes();
        strides[axis + offset] = if size == 1 { 0 } else { stride };
        stride *= size;
    }
    let mut index = vec![0];
    for (axis, dim) in to.iter().enumerate() {
        index = index
            .iter()
            .flat_map(|&base| (0..dim.nodes()).map(move |i| (base, i)))
            .map(|(base, i)| base + i * strides[axis])
            .collect();
    }
    index
}

impl Checker<'_> {
    /// A new array that owns its elements.
    pub(crate) fn tensor(&mut self, element: Element, dims: Vec<Dim>, nodes: Vec<NodeId>) -> Tensor {
        debug_assert_eq!(node_count(&dims), nodes.len());
        let index = (0..nodes.len() as u32).collect();
        let storage = self.new_object(Object::Numbers { nodes, joined: false });
        Tensor {
            element,
            dims: dims.into(),
            storage,
            index,
        }
    }

    /// A new array into which nothing may be written.
    pub(crate) fn shared_tensor(&mut self, element: Element, dims: Vec<Dim>, nodes: Vec<NodeId>) -> Tensor {
        let tensor = self.tensor(element, dims, nodes);
        if let Object::Numbers { joined, .. } = self.object_mut(tensor.storage) {
            *joined = true;
        }
        tensor
    }

    pub(crate) fn tensor_value(&mut self, element: Element, dims: Vec<Dim>, nodes: Vec<NodeId>) -> Value {
        Value::Tensor(self.tensor(element, dims, nodes))
    }

    /// Refuses shapes with too many numbers.
    pub(crate) fn check_size(&mut self, dims: &[Dim]) -> Checked<()> {
        let count = dims
            .iter()
            .try_fold(1_usize, |count, dim| count.checked_mul(dim.nodes()));
        match count {
            Some(count) if count <= MAX_ELEMENTS => Ok(()),
            _ => self.error(
                Code::ProgramTooLarge,
                format!(
                    "an array of shape {} has more than {MAX_ELEMENTS} numbers",
                    ShapeText(dims)
                ),
                None,
            ),
        }
    }

    /// The elements, row by row.
    pub(crate) fn elements(&self, tensor: &Tensor) -> Vec<NodeId> {
        match self.object(tensor.storage) {
            Object::Numbers { nodes, .. } => tensor.index.iter().map(|&at| nodes[at as usize]).collect(),
            _ => Vec::new(),
        }
    }

    /// A view with other axes over the same elements; `positions` count in `tensor`.
    pub(crate) fn view(&self, tensor: &Tensor, dims: Vec<Dim>, positions: &[usize]) -> Tensor {
        debug_assert_eq!(node_count(&dims), positions.len());
        let index = positions.iter().map(|&at| tensor.index[at]).collect();
        Tensor {
            element: tensor.element,
            dims: dims.into(),
            storage: tensor.storage,
            index,
        }
    }

    /// The same elements under other axes.
    pub(crate) fn with_dims(&self, tensor: &Tensor, dims: Vec<Dim>) -> Tensor {
        debug_assert_eq!(node_count(&dims), tensor.index.len());
        Tensor {
            dims: dims.into(),
            ..tensor.clone()
        }
    }

    /// Writes elements in place: every view of the array sees them.
    pub(crate) fn write(&mut self, tensor: &Tensor, values: &[NodeId]) -> Checked<()> {
        let mut seen = tensor.index.to_vec();
        seen.sort_unstable();
        seen.dedup();
        let is_joined = matches!(self.object(tensor.storage), Object::Numbers { joined: true, .. });
        let is_simple = seen.len() == tensor.index.len();
        if is_joined
            && is_simple
            && let Some(result) = self.write_joined(tensor, values)
        {
            return result;
        }
        if is_joined || !is_simple {
            return self.unsupported(
                "this writes into an array whose elements are shared in a way that is known only at run time",
                "make a new array, such as `x = x + 1` instead of `x += 1`",
            );
        }
        if let Object::Numbers { nodes, .. } = self.object_mut(tensor.storage) {
            for (&at, &value) in tensor.index.iter().zip(values) {
                nodes[at as usize] = value;
            }
        }
        self.refresh_joins(tensor.storage)
    }

    /// The array with its environments in the opposite order: each gets what another one has, which is worth a warning.
    pub(crate) fn reversed_environments(&mut self, tensor: &Tensor) -> Checked<Tensor> {
        let nodes = self.elements_elsewhere(tensor, Op::Reversed, "flip along the last axis, `dims=-1`", None)?;
        Ok(self.tensor(tensor.element, tensor.dims.to_vec(), nodes))
    }

    /// What the first environment has, `x[0]`: all of them get it.
    pub(crate) fn first_environment(&mut self, tensor: &Tensor) -> Checked<Tensor> {
        let help = "write `[:, 0]` for the first component of every environment";
        let fix = (tensor.dims.len() == 2)
            .then(|| self.indexing_every_environment())
            .flatten();
        let nodes = self.elements_elsewhere(tensor, Op::OfFirst, help, fix)?;
        Ok(self.shared_tensor(tensor.element, tensor.dims[1..].to_vec(), nodes))
    }

    fn elements_elsewhere(
        &mut self,
        tensor: &Tensor,
        elsewhere: fn(NodeId) -> Op,
        help: &str,
        fix: Option<carrot_reward_interface::Fix>,
    ) -> Checked<Vec<NodeId>> {
        let nodes = self.elements(tensor);
        let (schema, inputs) = (self.schema, &self.inputs);
        let is_uniform = |input: u32| schema.variables[inputs[input as usize]].uniform;
        let Ok(moved) = self.graph.elsewhere(&nodes, elsewhere, is_uniform, self.here) else {
            return self.unsupported("what is remembered belongs to its own environment", help);
        };
        let _: Checked = self.fixable(
            Code::BatchLeak,
            "this takes values from one environment to another, so one robot's reward depends on another",
            help.to_owned(),
            fix,
        );
        Ok(moved)
    }

    /// An array of rank 0 with the library's own precision for Python numbers.
    pub(crate) fn tensor_of_scalar(&mut self, scalar: Scalar) -> Tensor {
        let element = self.scalar_element(scalar.kind);
        let node = self.convert(scalar.node, element.ty());
        self.tensor(element, Vec::new(), vec![node])
    }

    /// Element type that the library gives to a Python number.
    pub(crate) fn scalar_element(&self, kind: ScalarKind) -> Element {
        match (kind, self.dialect) {
            (ScalarKind::Bool, _) => Element::Bool,
            (ScalarKind::Int, _) => Element::I64,
            (ScalarKind::Float, Dialect::Torch) => Element::F32,
            (ScalarKind::Float, Dialect::Numpy) => Element::F64,
        }
    }

    /// Elements of `tensor` converted to `element`.
    pub(crate) fn elements_as(&mut self, tensor: &Tensor, element: Element) -> Vec<NodeId> {
        let nodes = self.elements(tensor);
        let loses_sign = tensor.element == Element::I64 && element.is_float();
        nodes
            .into_iter()
            .map(|node| {
                let node = if loses_sign { self.unsigned_zero(node) } else { node };
                self.convert(node, element.ty())
            })
            .collect()
    }

    /// A whole number on its way to the floats. On f64 nodes `0 * -3` is -0, which no whole number is, and which shows in
    /// quotients; only adding 0 takes the sign away.
    fn unsigned_zero(&mut self, node: NodeId) -> NodeId {
        if matches!(self.graph.node(node).op, crate::ir::Op::Input(..)) {
            return node;
        }
        let zero = self.constant(crate::ir::Type::F64, 0.0);
        self.add(node, zero)
    }

    /// A copy with another element type; to integers rounds towards zero.
    pub(crate) fn cast(&mut self, tensor: &Tensor, element: Element) -> Tensor {
        let truncates = element == Element::I64 && tensor.element.is_float();
        let nodes = self.elements_as(tensor, element);
        let nodes = match truncates {
            true => nodes
                .into_iter()
                .map(|node| self.unary(crate::ir::Unary::Trunc, node))
                .collect(),
            false => nodes,
        };
        self.tensor(element, tensor.dims.to_vec(), nodes)
    }

    /// Applies an operation to every element.
    pub(crate) fn map(
        &mut self,
        tensor: &Tensor,
        element: Element,
        mut f: impl FnMut(&mut Self, NodeId) -> NodeId,
    ) -> Tensor {
        let nodes = self.elements(tensor).into_iter().map(|node| f(self, node)).collect();
        self.tensor(element, tensor.dims.to_vec(), nodes)
    }

    /// Element type in which several operands meet: torch's and NumPy 2's promotion rules.
    pub(crate) fn promote(&self, operands: &[&Value]) -> Element {
        match self.dialect {
            Dialect::Torch => promote_torch(operands),
            Dialect::Numpy => promote_numpy(operands),
        }
    }

    /// Operands broadcast to one shape and converted to one type.
    pub(crate) fn broadcast_operands(
        &mut self,
        what: &str,
        operands: &[&Value],
        element: Element,
    ) -> Checked<(Vec<Dim>, Vec<Vec<NodeId>>)> {
        let mut dims: Vec<Dim> = Vec::new();
        let mut tensors = Vec::new();
        for operand in operands {
            let tensor = match operand {
                Value::Tensor(tensor) => tensor.clone(),
                Value::Scalar(scalar) => {
                    let node = self.convert(scalar.node, element.ty());
                    self.tensor(element, Vec::new(), vec![node])
                }
                other => {
                    let found = self.describe(other);
                    return self.error(
                        Code::TypeMismatch,
                        format!("{what} takes arrays and numbers, not {found}"),
                        None,
                    );
                }
            };
            dims = match broadcast(&dims, &tensor.dims) {
                Ok(dims) => dims,
                Err(Mismatch(reason)) => {
                    let shapes: Vec<String> = operands.iter().map(|operand| self.describe(operand)).collect();
                    let reason = reason.map(|reason| format!("; {reason}")).unwrap_or_default();
                    return self.error(
                        Code::ShapeMismatch,
                        format!("{what} cannot combine {}{reason}", shapes.join(" and ")),
                        shape_help(&dims, &tensor.dims),
                    );
                }
            };
            tensors.push(tensor);
        }
        self.check_size(&dims)?;
        self.reserve(node_count(&dims))?;
        let mut rows = Vec::new();
        for tensor in tensors {
            let nodes = self.elements_as(&tensor, element);
            rows.push(
                broadcast_index(&tensor.dims, &dims)
                    .into_iter()
                    .map(|at| nodes[at])
                    .collect(),
            );
        }
        Ok((dims, rows))
    }

    /// A value as messages name it.
    pub(crate) fn describe(&self, value: &Value) -> String {
        match value {
            Value::Poison => "an erroneous value".into(),
            Value::None => "None".into(),
            Value::Ellipsis => "`...`".into(),
            Value::Str(_) => "a string".into(),
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Bool => "a Python bool".into(),
                ScalarKind::Int => "a Python int".into(),
                ScalarKind::Float => "a Python float".into(),
            },
            Value::Tensor(tensor) => tensor.to_string(),
            Value::Tuple(tuple) => format!("a tuple of {}", tuple.items.len()),
            Value::List(id) => format!("a list of {}", self.list_items(*id).len()),
            Value::Dict(_) => "a dict".into(),
            Value::Element(element) => format!("the type {element}"),
            Value::Device => "a device".into(),
            Value::Library(path) => format!("`{path}`"),
            Value::Method(_, name) => format!("the method `{name}`"),
            Value::Function(function) => format!("the function `{}`", self.functions[*function].name),
            Value::Bound(function, _) => format!("the method `{}`", self.functions[*function].name),
            Value::Pose(_) => "a pose".into(),
            Value::Surface(path) if path.is_empty() => "`self`".into(),
            Value::Surface(path) => format!("`{path}`"),
            Value::Annotation => "a type".into(),
        }
    }

    /// Anything numeric as an array; lists and tuples are stacked as `np.array` and `torch.tensor` do.
    pub(crate) fn as_tensor(&mut self, value: &Value) -> Checked<Tensor> {
        match value {
            Value::Tensor(tensor) => Ok(tensor.clone()),
            Value::Scalar(scalar) => Ok(self.tensor_of_scalar(*scalar)),
            Value::List(_) | Value::Tuple(_) => {
                let items = self.sequence(value)?;
                if items.is_empty() {
                    let element = self.scalar_element(ScalarKind::Float);
                    return Ok(self.tensor(element, vec![Dim::Size(0)], Vec::new()));
                }
                let tensors = items
                    .iter()
                    .map(|item| self.inside(|checker| checker.as_tensor(item)))
                    .collect::<Checked<Vec<Tensor>>>()?;
                let scalars_only = items.iter().all(|item| matches!(item, Value::Scalar(_)));
                let element = if scalars_only {
                    let kinds = items.iter().filter_map(|item| match item {
                        Value::Scalar(scalar) => Some(scalar.kind),
                        _ => None,
                    });
                    self.scalar_element(kinds.max().unwrap_or(ScalarKind::Float))
                } else {
                    let owned: Vec<Value> = tensors.iter().cloned().map(Value::Tensor).collect();
                    self.promote(&owned.iter().collect::<Vec<_>>())
                };
                self.stack(&tensors, 0, element)
            }
            Value::Poison => Err(super::Reported),
            other => {
                let found = self.describe(other);
                self.error(
                    Code::TypeMismatch,
                    format!("an array or a number is needed here, not {found}"),
                    None,
                )
            }
        }
    }

    /// Arrays of one shape along a new axis.
    pub(crate) fn stack(&mut self, tensors: &[Tensor], axis: usize, element: Element) -> Checked<Tensor> {
        let first = &tensors[0];
        if let Some(other) = tensors.iter().find(|tensor| tensor.dims != first.dims) {
            return self.error(
                Code::ShapeMismatch,
                format!("arrays of different shapes cannot be stacked: {first} and {other}"),
                None,
            );
        }
        let mut dims = first.dims.to_vec();
        let inner: usize = dims[axis..].iter().map(|dim| dim.nodes()).product();
        dims.insert(axis, Dim::Size(tensors.len()));
        self.check_size(&dims)?;
        let rows: Vec<Vec<NodeId>> = tensors.iter().map(|tensor| self.elements_as(tensor, element)).collect();
        let outer = rows[0].len().checked_div(inner).unwrap_or(0);
        let nodes = (0..outer)
            .flat_map(|block| {
                rows.iter()
                    .flat_map(move |row| row[block * inner..(block + 1) * inner].iter().copied())
            })
            .collect();
        Ok(self.tensor(element, dims, nodes))
    }

    /// The items of a list, tuple or array's first axis.
    pub(crate) fn sequence(&mut self, value: &Value) -> Checked<Vec<Value>> {
        match value {
            Value::Tuple(tuple) => Ok(tuple.items.to_vec()),
            Value::List(id) => Ok(self.list_items(*id).to_vec()),
            Value::Dict(id) => Ok(self
                .dict_items(*id)
                .iter()
                .map(|(key, _)| Value::Str(key.clone()))
                .collect()),
            Value::Tensor(tensor) => match tensor.dims.first() {
                Some(Dim::Size(size)) => {
                    let inner = tensor.index.len().checked_div(*size).unwrap_or(0);
                    let dims = tensor.dims[1..].to_vec();
                    let rows = (0..*size).map(|row| (row * inner..(row + 1) * inner).collect::<Vec<_>>());
                    if self.dialect == Dialect::Numpy && dims.is_empty() {
                        let nodes = self.elements(tensor);
                        return Ok(nodes
                            .into_iter()
                            .map(|node| self.tensor_value(tensor.element, Vec::new(), vec![node]))
                            .collect());
                    }
                    Ok(rows
                        .map(|row| Value::Tensor(self.view(tensor, dims.clone(), &row)))
                        .collect())
                }
                Some(Dim::Batch) => self.error(
                    Code::UnboundedLoop,
                    "the environments of the batch cannot be visited one by one",
                    "write operations on the whole array; its first axis is the batch".to_owned(),
                ),
                None => self.error(Code::TypeMismatch, "a single number has no items", None),
            },
            Value::Poison => Err(super::Reported),
            other => {
                let found = self.describe(other);
                self.error(Code::TypeMismatch, format!("{found} has no items to visit"), None)
            }
        }
    }

    /// The only node of a value with one element.
    pub(crate) fn single_node(&self, value: &Value) -> Option<NodeId> {
        match value {
            Value::Scalar(scalar) => Some(scalar.node),
            Value::Tensor(tensor) => match *self.elements(tensor) {
                [node] => Some(node),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of a whole number that is known now.
    pub(crate) fn constant_int(&self, value: &Value) -> Option<i64> {
        let node = match value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Int => scalar.node,
            Value::Tensor(tensor) if tensor.element == Element::I64 && tensor.dims.is_empty() => {
                self.single_node(value)?
            }
            _ => return None,
        };
        self.graph.constant_value(node).map(|value| value as i64)
    }

    /// An axis length given as a number: a constant, or the number of environments.
    pub(crate) fn dim(&mut self, value: &Value) -> Checked<Dim> {
        if let Some(size) = self.constant_int(value)
            && let Ok(size) = usize::try_from(size)
        {
            return Ok(Dim::Size(size));
        }
        if let Value::Scalar(scalar) = value
            && matches!(self.graph.node(scalar.node).op, crate::ir::Op::BatchSize)
        {
            return Ok(Dim::Batch);
        }
        let found = self.describe(value);
        self.error(
            Code::TypeMismatch,
            format!("the length of an axis is a known whole number, not {found}"),
            None,
        )
    }

    pub(crate) fn int(&mut self, value: i64) -> Value {
        Value::Scalar(Scalar {
            kind: ScalarKind::Int,
            node: self.constant(Type::F64, value as f64),
        })
    }

    pub(crate) fn bool(&mut self, value: bool) -> Value {
        Value::Scalar(Scalar {
            kind: ScalarKind::Bool,
            node: self.constant(Type::Bool, f64::from(value)),
        })
    }

    pub(crate) fn shape_value(&mut self, dims: &[Dim]) -> Value {
        let items: Vec<Value> = dims.iter().map(|&dim| self.dim_value(dim)).collect();
        Value::Tuple(crate::value::Tuple {
            items: Rc::from(items),
            fields: &[],
        })
    }

    pub(crate) fn dim_value(&mut self, dim: Dim) -> Value {
        match dim {
            Dim::Size(size) => self.int(size as i64),
            Dim::Batch => Value::Scalar(Scalar {
                kind: ScalarKind::Int,
                node: self.graph.batch_size(self.here),
            }),
        }
    }
}

/// A repair for the usual mistakes with the batch axis.
pub(crate) fn shape_help(a: &[Dim], b: &[Dim]) -> Option<String> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match (short, long) {
        ([Dim::Batch], [Dim::Batch, Dim::Size(1)]) => {
            Some("take the last axis away with `.squeeze(-1)`, or keep it on both sides with `keepdim=True`".into())
        }
        ([Dim::Batch], [Dim::Batch, ..]) => {
            Some("give the one per environment another axis with `.unsqueeze(-1)`".into())
        }
        _ => None,
    }
}

fn scalar_category(kind: ScalarKind) -> Element {
    match kind {
        ScalarKind::Bool => Element::Bool,
        ScalarKind::Int => Element::I64,
        ScalarKind::Float => Element::F32,
    }
}

/// torch: arrays with axes decide, then those without, then Python numbers; a lower rank only raises the category.
fn promote_torch(operands: &[&Value]) -> Element {
    let mut by_rank: [Option<Element>; 3] = [None; 3];
    for operand in operands {
        let (rank, element) = match operand {
            Value::Tensor(tensor) if !tensor.dims.is_empty() => (0, tensor.element),
            Value::Tensor(tensor) => (1, tensor.element),
            Value::Scalar(scalar) => (2, scalar_category(scalar.kind)),
            _ => continue,
        };
        by_rank[rank] = Some(by_rank[rank].map_or(element, |known| known.max(element)));
    }
    let category = |element: Element| {
        if element.is_float() {
            2
        } else {
            u8::from(element == Element::I64)
        }
    };
    by_rank
        .into_iter()
        .flatten()
        .reduce(|strong, weak| {
            if category(weak) > category(strong) {
                weak
            } else {
                strong
            }
        })
        .unwrap_or(Element::F32)
}

/// NumPy 2: arrays and NumPy numbers decide; Python numbers only raise the category.
fn promote_numpy(operands: &[&Value]) -> Element {
    let mut strong: Option<Element> = None;
    let mut weak: Option<ScalarKind> = None;
    for operand in operands {
        match operand {
            Value::Tensor(tensor) => {
                strong = Some(strong.map_or(tensor.element, |known| promote_arrays(known, tensor.element)))
            }
            Value::Scalar(scalar) => weak = Some(weak.map_or(scalar.kind, |known| known.max(scalar.kind))),
            _ => {}
        }
    }
    match (strong, weak) {
        (None, kind) => match kind.unwrap_or(ScalarKind::Float) {
            ScalarKind::Bool => Element::Bool,
            ScalarKind::Int => Element::I64,
            ScalarKind::Float => Element::F64,
        },
        (Some(element), Some(ScalarKind::Float)) if !element.is_float() => Element::F64,
        (Some(Element::Bool), Some(ScalarKind::Int)) => Element::I64,
        (Some(element), _) => element,
    }
}

fn promote_arrays(a: Element, b: Element) -> Element {
    match (a.min(b), a.max(b)) {
        (Element::I64, Element::F32) => Element::F64,
        (_, larger) => larger,
    }
}
