//! Runs the program once, on symbols instead of numbers, and writes down every operation as a graph.
//!
//! Shapes, loops and calls are settled here. A branch on a value that is known only at run time is executed on both
//! sides, and the outcomes are joined with selects ([`branch`]). What Python or the library would refuse is reported with
//! its place; after an error the names it would have set are poisoned, so that one mistake gives one message.
//!
//! Read [`statement`], then [`expression`], then [`operator`].

mod branch;
mod call;
mod computed;
mod entry;
mod expression;
mod fault;
mod fix;
mod import;
mod index;
mod memory;
mod nodes;
mod objects;
mod operator;
mod statement;
mod surface;
mod tensor;

use std::collections::{BTreeMap, BTreeSet};

use carrot_reward_interface::{DType, Diagnostic, Dialect, Fix, Schema, Span, Variable};
use ruff_python_ast::ModModule;
use ruff_text_size::TextRange;

pub(crate) use call::{Arguments, Body};
pub(crate) use entry::entry_outputs;
pub(crate) use fix::parameter_to_insert;
pub(crate) use memory::{Forms, MAX_RUNS};
pub(crate) use tensor::{broadcast, broadcast_index, node_count, shape_help};

use crate::ir::{Graph, NodeId};
use crate::position::Positions;
use crate::terms::Summand;
use crate::value::{Dim, Element, Object, ObjectId, Scalar, ScalarKind, Value};
use crate::{Code, library};

/// Most operations of a program after unrolling.
pub const MAX_NODES: usize = 50_000;
/// Most numbers in one array.
pub const MAX_ELEMENTS: usize = 4_096;
/// Most rounds of one loop.
pub const MAX_ROUNDS: usize = 1_024;
/// Most expressions and statements that the checker runs, unrolling included.
const MAX_STEPS: usize = 150_000;
/// Deepest nesting of expressions and statements over all active calls.
const MAX_DEPTH: usize = 4_000;
/// Most diagnostics for one program; the reader has enough to do.
const MAX_DIAGNOSTICS: usize = 20;

/// The diagnostic has been written; nothing is left but to go on with the next statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reported;

/// Result of a step of the checker.
pub(crate) type Checked<T = Value> = Result<T, Reported>;

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) enum Binding {
    Value(Value),
    /// Set on some of the paths that lead here: the value, and where it is set.
    Maybe(Value, NodeId),
    /// Set on all paths, to values that have no common form; says which.
    Clash(String),
    /// A parameter of the reward, the function, that the task has no variable for; an error only if it is read.
    UnknownParameter(Span, usize),
}

impl Binding {
    /// Where the name is set; none if everywhere.
    fn is_set(&self) -> Option<NodeId> {
        match self {
            Self::Maybe(_, set) => Some(*set),
            _ => None,
        }
    }
}

/// The names of one active call.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Distinguishes calls, so that a closure knows whether the call it was made in is still active.
    serial: usize,
    /// Which function runs; none for the module itself.
    function: Option<usize>,
    /// Position of the frame in which the function was defined.
    parent: Option<usize>,
    locals: BTreeMap<String, Binding>,
    /// Names that the function assigns anywhere: Python never looks for these outside.
    assigned: std::rc::Rc<BTreeSet<String>>,
    loops: Vec<branch::LoopExits>,
    returns: Vec<branch::Parked>,
    /// Length of the path when the call began.
    path_base: usize,
}

impl Frame {
    /// What a name of this call stands for.
    pub(crate) fn binding(&self, name: &str) -> Option<&Binding> {
        self.locals.get(name)
    }
}

/// A function of the program.
pub(crate) struct Function<'a> {
    pub(crate) name: String,
    pub(crate) parameters: Option<&'a ruff_python_ast::Parameters>,
    pub(crate) body: Body<'a>,
    pub(crate) at: Span,
    /// Called by reading it: `@property`.
    pub(crate) is_property: bool,
    /// Its object is no argument: `@staticmethod`.
    pub(crate) is_static: bool,
    /// Default values, evaluated at the definition as Python does.
    defaults: BTreeMap<String, Value>,
    parent: usize,
    parent_serial: usize,
    assigned: std::rc::Rc<BTreeSet<String>>,
}

/// The state of a check.
pub(crate) struct Checker<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) dialect: Dialect,
    positions: &'a Positions<'a>,
    file: &'a str,
    pub(crate) graph: Graph,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Schema index of each input of the graph.
    pub(crate) inputs: Vec<usize>,
    variables: BTreeMap<usize, Value>,
    /// Variables that the program itself computes.
    computed: BTreeMap<usize, computed::Computed>,
    /// What the program remembers, as far as earlier runs have found out.
    forms: Forms,
    attributes: BTreeMap<String, memory::Attribute>,
    /// Attributes that were looked for before they were set.
    missed: BTreeSet<String>,
    /// Attributes whose value cannot be remembered, and where they are set.
    forgotten: BTreeMap<String, Span>,
    pub(crate) faults: fault::Faults,
    /// Names that a class of the program defines; they are read through `self`.
    members: BTreeSet<String>,
    /// What the module reads; see [`import`].
    names_in_use: BTreeSet<&'a str>,
    objects: objects::Objects,
    joins: Vec<branch::Join>,
    /// Where the entries of dicts were set: what is wrong with a term is shown there.
    entry_spans: BTreeMap<(ObjectId, std::rc::Rc<str>), Span>,
    pub(crate) functions: Vec<Function<'a>>,
    frames: Vec<Frame>,
    serial: usize,
    /// Conditions of the branches that are being executed, outermost first.
    path: Vec<NodeId>,
    /// Names in the conditions of `path`, for naming summands.
    pub(crate) path_names: Vec<Option<String>>,
    /// Span of the expression at work: nodes and messages get it.
    pub(crate) here: Span,
    /// The value that the entry function returned last: what is wrong with an output is shown there.
    returned_at: Span,
    pub(crate) summands: BTreeMap<NodeId, Vec<Summand>>,
    /// Where the program sets its terms, if it names them itself in a dict beside the total.
    pub(crate) term_entries: Option<Vec<Span>>,
    steps: usize,
    depth: usize,
    /// A limit is reached, so nothing more is worth checking.
    exhausted: bool,
}

impl<'a> Checker<'a> {
    /// `forms` is what [`learned_forms`](Self::learned_forms) gave after an earlier run of the program.
    pub(crate) fn new(
        schema: &'a Schema,
        dialect: Dialect,
        positions: &'a Positions<'a>,
        file: &'a str,
        forms: Forms,
    ) -> Self {
        let here = positions.span_of_bytes(0, 0);
        Self {
            schema,
            dialect,
            positions,
            file,
            graph: Graph::default(),
            diagnostics: Vec::new(),
            inputs: Vec::new(),
            variables: BTreeMap::new(),
            computed: BTreeMap::new(),
            forms,
            attributes: BTreeMap::new(),
            missed: BTreeSet::new(),
            forgotten: BTreeMap::new(),
            faults: fault::Faults::default(),
            members: BTreeSet::new(),
            names_in_use: BTreeSet::new(),
            objects: objects::Objects::default(),
            joins: Vec::new(),
            entry_spans: BTreeMap::new(),
            functions: Vec::new(),
            frames: vec![Frame {
                serial: 0,
                function: None,
                parent: None,
                locals: BTreeMap::new(),
                assigned: std::rc::Rc::default(),
                loops: Vec::new(),
                returns: Vec::new(),
                path_base: 0,
            }],
            serial: 0,
            path: Vec::new(),
            path_names: Vec::new(),
            here,
            returned_at: here,
            summands: BTreeMap::new(),
            term_entries: None,
            steps: 0,
            depth: 0,
            exhausted: false,
        }
    }

    /// Runs the module's own statements: imports, constants, definitions.
    pub(crate) fn run_module(&mut self, module: &'a ModModule) {
        self.names_in_use = import::names_in_use(module);
        self.block(&module.body);
    }

    /// The value of a variable of the schema, the same object at every reading.
    pub(crate) fn variable(&mut self, variable: usize) -> Value {
        if let Some(value) = self.variables.get(&variable) {
            return value.clone();
        }
        if let Some(value) = self.computed_variable(variable) {
            return value;
        }
        let made_from = self.objects.len();
        let value = self.make_variable(variable);
        self.objects.were_there_before(made_from);
        self.variables.insert(variable, value.clone());
        value
    }

    fn make_variable(&mut self, variable: usize) -> Value {
        let declared = &self.schema.variables[variable];
        if let Some(text) = &declared.value {
            return Value::Str(text.as_str().into());
        }
        let is_torch = self.dialect == Dialect::Torch;
        if let Some(known) = known_whole_number(declared) {
            return self.int(known);
        }
        if is_torch && declared.uniform && declared.dtype == DType::I64 && declared.name.ends_with("num_envs") {
            // However it is declared: the batch at hand has as many environments as it has.
            return self.dim_value(Dim::Batch);
        }
        let input = match self.inputs.iter().position(|&known| known == variable) {
            Some(input) => input,
            None => {
                self.inputs.push(variable);
                self.inputs.len() - 1
            }
        };
        let is_python_number = is_torch && is_python_number(declared);
        let element = self.element_of(declared);
        let nodes: Vec<NodeId> = (0..declared.components())
            .map(|component| {
                self.graph
                    .input(input as u32, component as u32, element.ty(), self.here)
            })
            .collect();
        if is_python_number {
            let kind = match element {
                Element::Bool => ScalarKind::Bool,
                Element::I64 => ScalarKind::Int,
                Element::F32 | Element::F64 => ScalarKind::Float,
            };
            let node = if kind == ScalarKind::Float {
                self.convert(nodes[0], crate::ir::Type::F64)
            } else {
                nodes[0]
            };
            Value::Scalar(Scalar { kind, node })
        } else {
            self.value_of_nodes(declared, element, nodes)
        }
    }

    /// The element type that a variable has in the program's dialect.
    fn element_of(&self, declared: &Variable) -> Element {
        let is_torch = self.dialect == Dialect::Torch;
        match declared.dtype {
            DType::Float | DType::Pose if is_torch && !is_python_number(declared) => Element::F32,
            DType::Float | DType::Pose | DType::F64 | DType::Str => Element::F64,
            DType::F32 => Element::F32,
            DType::Bool => Element::Bool,
            DType::I64 => Element::I64,
        }
    }

    /// A variable that is no Python number, from its scalars.
    fn value_of_nodes(&mut self, declared: &Variable, element: Element, nodes: Vec<NodeId>) -> Value {
        let is_torch = self.dialect == Dialect::Torch;
        let batch = (is_torch && !declared.uniform).then_some(Dim::Batch);
        if declared.dtype == DType::Pose {
            return self.pose_variable(element, batch, &nodes);
        }
        let dims = batch
            .into_iter()
            .chain(declared.shape.iter().map(|&size| Dim::Size(size)))
            .collect();
        Value::Tensor(self.tensor(element, dims, nodes))
    }

    /// One pose, or a list of them, from seven numbers each.
    fn pose_variable(&mut self, element: Element, batch: Option<Dim>, nodes: &[NodeId]) -> Value {
        let mut poses: Vec<Value> = Vec::new();
        for numbers in nodes.chunks_exact(carrot_reward_interface::schema::POSE_NUMBERS) {
            let (position, quaternion) = numbers.split_at(3);
            let [position, quaternion] = [position, quaternion].map(|part| {
                let dims = batch.into_iter().chain([Dim::Size(part.len())]).collect();
                self.tensor(element, dims, part.to_vec())
            });
            poses.push(Value::Pose(std::rc::Rc::new(crate::value::Pose {
                position,
                quaternion,
            })));
        }
        match poses.len() {
            1 => poses.remove(0),
            _ => self.new_list(poses),
        }
    }

    // Objects.

    pub(crate) fn new_object(&mut self, object: Object) -> ObjectId {
        ObjectId(self.objects.push(object))
    }

    pub(crate) fn new_list(&mut self, items: Vec<Value>) -> Value {
        Value::List(self.new_object(Object::List(items)))
    }

    pub(crate) fn object(&self, id: ObjectId) -> &Object {
        self.objects.get(id.0)
    }

    pub(crate) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        self.objects.get_mut(id.0)
    }

    pub(crate) fn list_items(&self, id: ObjectId) -> &[Value] {
        match self.object(id) {
            Object::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn dict_items(&self, id: ObjectId) -> &[(std::rc::Rc<str>, Value)] {
        match self.object(id) {
            Object::Dict(items) => items,
            _ => &[],
        }
    }

    /// Where an entry of a dict was set.
    pub(crate) fn entry_span(&self, id: ObjectId, key: &std::rc::Rc<str>) -> Option<Span> {
        self.entry_spans.get(&(id, key.clone())).copied()
    }

    // Messages.

    pub(crate) fn span(&self, range: TextRange) -> Span {
        self.positions.span(range)
    }

    pub(crate) fn text(&self, range: TextRange) -> &'a str {
        self.positions.text(range)
    }

    /// Reports at the expression at work.
    pub(crate) fn error<T>(
        &mut self,
        code: Code,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) -> Checked<T> {
        self.error_at(self.here, code, message, help)
    }

    /// Reports at a place.
    pub(crate) fn error_at<T>(
        &mut self,
        span: Span,
        code: Code,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) -> Checked<T> {
        self.fixable_at(span, code, message, help, None)
    }

    /// Reports at the expression at work, with a repair.
    pub(crate) fn fixable<T>(
        &mut self,
        code: Code,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
        fix: Option<Fix>,
    ) -> Checked<T> {
        self.fixable_at(self.here, code, message, help, fix)
    }

    /// Reports at a place, with a repair.
    pub(crate) fn fixable_at<T>(
        &mut self,
        span: Span,
        code: Code,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
        fix: Option<Fix>,
    ) -> Checked<T> {
        let diagnostic = Diagnostic {
            code: code.as_str().into(),
            severity: code.severity(),
            file: self.file.into(),
            span,
            message: message.into(),
            help: help.into(),
            fix,
        };
        if !self.diagnostics.contains(&diagnostic) && self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
        Err(Reported)
    }

    /// Reports something that does not refuse the program.
    pub(crate) fn warn(&mut self, code: Code, message: impl Into<String>, help: impl Into<Option<String>>) {
        let _: Checked = self.error(code, message, help);
    }

    pub(crate) fn unsupported<T>(&mut self, what: &str, help: &str) -> Checked<T> {
        self.error(Code::Unsupported, what, (!help.is_empty()).then(|| help.to_owned()))
    }

    /// Counts one step and refuses programs that are too large or too deep.
    fn step(&mut self) -> Checked<()> {
        self.steps += 1;
        if self.exhausted {
            return Err(Reported);
        }
        if self.steps > MAX_STEPS || self.graph.nodes().len() > MAX_NODES {
            self.exhausted = true;
            return self.error(
                Code::ProgramTooLarge,
                format!("the unrolled program has more than {MAX_NODES} operations"),
                "use fewer or shorter loops".to_owned(),
            );
        }
        if self.depth > MAX_DEPTH {
            self.exhausted = true;
            return self.error(
                Code::NestingTooDeep,
                "calls and expressions nest too deep",
                "give inner expressions a name".to_owned(),
            );
        }
        Ok(())
    }

    /// One step down into a container. Lists may hold each other many times, or themselves, so whoever walks through one
    /// counts its steps; a level needs more of the stack than a level of an expression.
    pub(crate) fn inside<T>(&mut self, walk: impl FnOnce(&mut Self) -> Checked<T>) -> Checked<T> {
        const LEVEL: usize = 8;
        self.step()?;
        self.depth += LEVEL;
        let result = walk(self);
        self.depth -= LEVEL;
        result
    }

    /// Refuses to create so many nodes at once.
    pub(crate) fn reserve(&mut self, nodes: usize) -> Checked<()> {
        if self.graph.nodes().len().saturating_add(nodes) <= MAX_NODES {
            return Ok(());
        }
        self.exhausted = true;
        self.error(
            Code::ProgramTooLarge,
            format!("the unrolled program has more than {MAX_NODES} operations"),
            "use smaller arrays or fewer loops".to_owned(),
        )
    }

    /// What is meant by a name that nothing knows, and the repair: a variable that the function does not take yet, or the
    /// nearest of all names in sight.
    pub(crate) fn meant_by(&self, name: &str) -> (Option<String>, Option<Fix>) {
        if self.schema.index(name).is_some() {
            let of_self = format!("self.{name}");
            return match self.in_sight("self") {
                Some(_) => (
                    Some(format!("did you mean `{of_self}`?")),
                    self.replacing_name(name, &of_self),
                ),
                None => (
                    Some(format!("it is a variable of the task: add `{name}` to the parameters")),
                    self.adding_parameter(name),
                ),
            };
        }
        let mut known: Vec<&str> = self
            .frames
            .iter()
            .flat_map(|frame| frame.locals.keys().map(String::as_str))
            .collect();
        known.extend(self.schema.variables.iter().map(|variable| variable.name.as_str()));
        for builtin in library::builtin_names() {
            known.push(builtin);
        }
        let of_python = match name {
            "true" | "TRUE" => Some("True".to_owned()),
            "false" | "FALSE" => Some("False".to_owned()),
            "null" | "none" | "nil" | "NULL" => Some("None".to_owned()),
            _ => None,
        };
        match of_python.or_else(|| nearest(name, known.into_iter())) {
            Some(meant) => (
                Some(format!("did you mean `{meant}`?")),
                self.replacing_name(name, &meant),
            ),
            None => (None, None),
        }
    }
}

/// Whether torch programs see a plain number of Python in it.
fn is_python_number(declared: &Variable) -> bool {
    declared.uniform && declared.shape.is_empty() && declared.dtype != DType::Pose
}

/// A setting that is a whole number: its range is one value, so the program may slice and loop with it.
fn known_whole_number(variable: &carrot_reward_interface::Variable) -> Option<i64> {
    match variable.range {
        Some([low, high]) if low == high && variable.uniform && variable.dtype == DType::I64 => {
            (variable.shape.is_empty() && low.fract() == 0.0 && low.abs() <= 9e15).then_some(low as i64)
        }
        _ => None,
    }
}

/// The candidate most like `name`, if any is alike: the one with the fewest slips, then the one that begins alike.
pub(crate) fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<String> {
    candidates
        .filter(|candidate| *candidate != name)
        .map(|candidate| {
            (
                strsim::osa_distance(name, candidate),
                strsim::jaro_winkler(name, candidate),
                candidate,
            )
        })
        .filter(|(slips, likeness, _)| *likeness > 0.8 || *slips == 1 && name.len() > 2)
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(b.2)))
        .map(|(.., candidate)| candidate.to_owned())
}
