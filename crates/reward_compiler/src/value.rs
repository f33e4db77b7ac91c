//! What the names of a program stand for while it is checked: arrays of graph nodes, Python numbers, containers.
//!
//! Shapes are known, numbers are nodes of the graph. Arrays, lists and dicts live in a list of objects because Python's
//! assignment shares them: after `b = a`, `b[0] = 1` is seen through `a`, and a slice is a view of its array.

use std::fmt;
use std::rc::Rc;

use crate::ir::{NodeId, Type};

/// Element type of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    Bool,
    I64,
    F32,
    F64,
}

impl Element {
    /// Type of the nodes that hold such elements; integers ride on f64.
    pub(crate) fn ty(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::I64 | Self::F64 => Type::F64,
            Self::F32 => Type::F32,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// Length of one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dim {
    /// The environments of the batch; their number is known only when the program runs.
    Batch,
    Size(usize),
}

impl Dim {
    /// Number of nodes along the axis: the batch axis has one node for all environments.
    pub(crate) fn nodes(self) -> usize {
        match self {
            Self::Batch => 1,
            Self::Size(size) => size,
        }
    }
}

/// Index of an object that several names may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) usize);

/// An array, or a view of one: `index[i]` is the position in the storage of element `i`, counted row by row.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) element: Element,
    pub(crate) dims: Rc<[Dim]>,
    pub(crate) storage: ObjectId,
    pub(crate) index: Rc<[u32]>,
}

impl Tensor {
    pub(crate) fn is_batched(&self) -> bool {
        self.dims.contains(&Dim::Batch)
    }
}

impl fmt::Display for Tensor {
    /// `f32[N, 3]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.element, ShapeText(&self.dims))
    }
}

/// A shape as messages write it.
pub(crate) struct ShapeText<'a>(pub(crate) &'a [Dim]);

impl fmt::Display for ShapeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self
            .0
            .iter()
            .map(|dim| match dim {
                Dim::Batch => "N".into(),
                Dim::Size(size) => size.to_string(),
            })
            .collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

/// Which of Python's number types a scalar has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ScalarKind {
    Bool,
    Int,
    Float,
}

/// A Python number. Its node is Bool for truth values and F64 otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) kind: ScalarKind,
    pub(crate) node: NodeId,
}

/// A tuple; some functions name its fields (`values`, `indices`).
#[derive(Debug, Clone)]
pub(crate) struct Tuple {
    pub(crate) items: Rc<[Value]>,
    pub(crate) fields: &'static [&'static str],
}

/// A rigid transform: the position `[.., 3]` and the unit quaternion `[.., 4]`, scalar first.
#[derive(Debug, Clone)]
pub(crate) struct Pose {
    pub(crate) position: Tensor,
    pub(crate) quaternion: Tensor,
}

/// What an expression gives.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// The result of something already reported; whoever reads it fails in silence.
    Poison,
    None,
    Ellipsis,
    Str(Rc<str>),
    Scalar(Scalar),
    Tensor(Tensor),
    Tuple(Tuple),
    List(ObjectId),
    Dict(ObjectId),
    /// `torch.float`, `np.float64`.
    Element(Element),
    /// `x.device` and `torch.device(…)`, which mean nothing here.
    Device,
    /// A module or a function of a library, by its full name such as `torch.linalg.norm`.
    Library(Rc<str>),
    /// A method and the value it belongs to.
    Method(Rc<Value>, Rc<str>),
    /// A function of the program.
    Function(usize),
    /// A method of the program and the surface it was read from: `self.reach_reward`.
    Bound(usize, Rc<str>),
    /// A prefix of variable names, or an object that some variable's name mentions: `self` is the empty one.
    Surface(Rc<str>),
    /// A rigid transform.
    Pose(Rc<Pose>),
    /// A type that is only used in annotations, such as `Tensor`.
    Annotation,
}

impl Value {
    pub(crate) fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(Tuple {
            items: items.into(),
            fields: &[],
        })
    }
}

/// A shared object.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    /// Elements of an array. `joined` ones stand for others, so that writing into them is not enough.
    Numbers {
        nodes: Vec<NodeId>,
        joined: bool,
    },
    List(Vec<Value>),
    /// Entries in order of insertion.
    Dict(Vec<(Rc<str>, Value)>),
}
