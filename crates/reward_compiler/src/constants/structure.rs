//! What the rest of a program says about its numbers: which names are places in arrays, and what functions take.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};

use crate::library;

/// Parameters of the library that say how an array is built, not how much something counts.
const STRUCTURAL: &str = " dim dim0 dim1 dim2 dims axis axis1 axis2 axes keepdim keepdims size shape newshape sizes ord p k n \
    diagonal start_dim end_dim repeats chunks split_size split_size_or_sections indices_or_sections steps num step decimals \
    ndigits ddof correction unbiased index indices start stop end length shifts shift source destination dtype eps rtol atol \
    rel_tol abs_tol nan posinf neginf mode order equation subscripts q offset num_classes identity_thresh ";

/// Functions all of whose numbers are shapes, places or counts.
const ALL_STRUCTURAL: &str = " range arange linspace eye identity zeros empty ones permute transpose reshape view expand \
    repeat tile unsqueeze squeeze expand_dims swapaxes movedim moveaxis flatten unflatten split chunk narrow roll flip rot90 \
    size type to isinstance getattr hasattr len broadcast_to expand_as ";

/// What a call calls.
pub(super) struct Callee<'a> {
    /// Last part of its name.
    name: String,
    /// Its parameters in order, the receiver of a method left out; none where nothing is known about it.
    parameters: Option<Vec<&'a str>>,
    of_library: bool,
    /// A method of the simulator.
    of_simulator: bool,
}

impl Callee<'_> {
    /// The parameter of an argument without a name.
    pub(super) fn positional(&self, at: usize) -> Option<&str> {
        let parameters = self.parameters.as_ref()?;
        let parameter = parameters
            .get(at)
            .copied()
            .or(parameters.last().copied().filter(|last| *last == "*"))?;
        (parameter != "*").then_some(parameter)
    }

    pub(super) fn is_library(&self) -> bool {
        self.of_library
    }

    pub(super) fn is_structural(&self, parameter: &str) -> bool {
        self.of_simulator || self.of_library && contains(STRUCTURAL, parameter)
    }

    pub(super) fn is_all_structural(&self) -> bool {
        self.of_simulator || self.of_library && contains(ALL_STRUCTURAL, &self.name)
    }

    pub(super) fn is_power(&self) -> bool {
        self.of_library && matches!(self.name.as_str(), "pow" | "power" | "float_power")
    }

    /// `acos` and the like, which take numbers from -1 to 1.
    pub(super) fn is_arc(&self) -> bool {
        self.of_library
            && matches!(
                self.name.as_str(),
                "acos" | "arccos" | "asin" | "arcsin" | "atanh" | "arctanh"
            )
    }

    /// Functions that only wrap their argument: what is inside is still the value of the name outside.
    pub(super) fn keeps_owner(&self) -> bool {
        self.of_library
            && matches!(
                self.name.as_str(),
                "tensor" | "array" | "asarray" | "as_tensor" | "FloatTensor" | "float" | "to_torch"
            )
    }

    /// What a number is to the call's subject, where the parameter's own name says little.
    pub(super) fn role(&self, parameter: &str) -> Option<&'static str> {
        if !self.of_library {
            return None;
        }
        Some(match (self.name.trim_end_matches('_'), parameter) {
            (_, "min" | "a_min" | "min_t") => "min",
            (_, "max" | "a_max" | "max_t") => "max",
            ("max" | "maximum" | "fmax", _) => "min",
            ("min" | "minimum" | "fmin", _) => "max",
            ("mul" | "multiply", _) => "weight",
            ("div" | "divide" | "true_divide", _) => "scale",
            ("pow" | "power" | "float_power", _) => "exponent",
            ("lt" | "less" | "le" | "less_equal" | "gt" | "greater" | "ge" | "greater_equal", _) => "threshold",
            ("add" | "sub" | "subtract", _) => "offset",
            ("remainder" | "fmod" | "mod", _) => "period",
            ("where", _) | (_, "fill_value" | "value" | "values") => "value",
            (_, "input" | "other" | "x" | "y" | "a" | "b" | "x1" | "x2") => "argument",
            _ => return None,
        })
    }
}

fn contains(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// What is known about a program as a whole.
pub(super) struct Structure<'a> {
    functions: BTreeMap<&'a str, Vec<&'a str>>,
    /// Names of imported modules and functions, by their full names.
    imports: BTreeMap<&'a str, String>,
    positions: BTreeSet<&'a str>,
    assignments: BTreeMap<&'a str, usize>,
}

impl<'a> Structure<'a> {
    pub(super) fn of(module: &'a ast::ModModule) -> Self {
        let mut structure = Self {
            functions: BTreeMap::new(),
            imports: BTreeMap::new(),
            positions: BTreeSet::new(),
            assignments: BTreeMap::new(),
        };
        // First what is defined, then where it is used.
        Definitions(&mut structure).visit_body(&module.body);
        let mut places = Places {
            structure: &structure,
            found: BTreeSet::new(),
        };
        places.visit_body(&module.body);
        structure.positions = places.found;
        structure
    }

    /// Whether a name is used as a place in an array, an axis or a count.
    pub(super) fn is_position(&self, name: &str) -> bool {
        self.positions.contains(name)
    }

    pub(super) fn is_set_again(&self, name: &str) -> bool {
        self.assignments.get(name).is_some_and(|&times| times > 1)
    }

    pub(super) fn defines(&self, function: &str) -> bool {
        self.functions.contains_key(function)
    }

    pub(super) fn is_module(&self, name: &str) -> bool {
        self.imports.contains_key(name) || matches!(name, "torch" | "np" | "numpy" | "math" | "F")
    }

    /// Whether a chain of names begins at a module.
    pub(super) fn is_library(&self, expression: &Expr) -> bool {
        self.library_path(expression).is_some()
    }

    /// Whether an expression is an angle whose double is meant: pi, or the arc of something.
    pub(super) fn is_angle(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Attribute(attribute) => attribute.attr.as_str() == "pi",
            Expr::Name(name) => name.id.as_str() == "pi",
            Expr::Call(call) => {
                let name = self.callee(&call.func).name;
                ["acos", "arccos", "asin", "arcsin", "atan2", "arctan2"].contains(&name.as_str())
            }
            _ => false,
        }
    }

    fn library_path(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Name(name) => {
                let name = name.id.as_str();
                match (self.imports.get(name), name) {
                    (Some(path), _) => Some(path.clone()),
                    (None, "torch" | "numpy" | "math") => Some(name.to_owned()),
                    (None, "np") => Some("numpy".into()),
                    (None, "F") => Some("torch.nn.functional".into()),
                    _ => None,
                }
            }
            Expr::Attribute(attribute) => {
                let base = self.library_path(&attribute.value)?;
                Some(format!("{base}.{}", attribute.attr.as_str()))
            }
            _ => None,
        }
    }

    pub(super) fn callee(&self, function: &Expr) -> Callee<'a> {
        let of_library = |name: &str, parameters: Option<&'static str>, skipped: usize| Callee {
            name: name.rsplit('.').next().unwrap_or(name).to_owned(),
            parameters: parameters.map(|text| library::parameter_names(text).skip(skipped).collect()),
            of_library: true,
            of_simulator: false,
        };
        if let Some(path) = self.library_path(function) {
            let path = library::canonical(&path);
            return of_library(&path, library::parameters(&path), 0);
        }
        match function {
            Expr::Name(name) => {
                let name = name.id.as_str();
                if let Some(parameters) = self.functions.get(name) {
                    return Callee {
                        name: name.to_owned(),
                        parameters: Some(parameters.clone()),
                        of_library: false,
                        of_simulator: false,
                    };
                }
                match library::parameters_without_import(name) {
                    Some(parameters) => of_library(name, Some(parameters), 0),
                    None => Callee {
                        name: name.to_owned(),
                        parameters: None,
                        of_library: false,
                        of_simulator: false,
                    },
                }
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                let method = ["Tensor", "ndarray", "list", "dict", "float"]
                    .iter()
                    .find_map(|kind| library::parameters(&format!("{kind}.{name}")));
                match (method, self.functions.get(name)) {
                    (_, Some(parameters)) => Callee {
                        name: name.to_owned(),
                        parameters: Some(parameters.iter().copied().skip(1).collect()),
                        of_library: false,
                        of_simulator: false,
                    },
                    (Some(method), None) => of_library(name, Some(method), 1),
                    (None, None) => Callee {
                        name: name.to_owned(),
                        parameters: None,
                        of_library: false,
                        of_simulator: true,
                    },
                }
            }
            _ => Callee {
                name: String::new(),
                parameters: None,
                of_library: false,
                of_simulator: false,
            },
        }
    }
}

/// Functions, imports and how often each name is set.
struct Definitions<'s, 'a>(&'s mut Structure<'a>);

impl<'a> Definitions<'_, 'a> {
    fn sets(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => *self.0.assignments.entry(name.id.as_str()).or_default() += 1,
            Expr::Attribute(attribute) => *self.0.assignments.entry(attribute.attr.as_str()).or_default() += 1,
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.sets(target)),
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Definitions<'_, 'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(definition) => {
                let parameters = definition.parameters.iter_non_variadic_params();
                let names = parameters.map(|parameter| parameter.name().as_str()).collect();
                self.0.functions.insert(definition.name.as_str(), names);
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    if let Some(name) = &alias.asname {
                        self.0.imports.insert(name.as_str(), alias.name.to_string());
                    } else {
                        let root = alias.name.as_str().split('.').next().unwrap_or_default();
                        self.0.imports.insert(root, root.to_owned());
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.0
                        .imports
                        .insert(name.as_str(), format!("{module}.{}", alias.name.as_str()));
                }
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.sets(target)),
            Stmt::AnnAssign(assign) => self.sets(&assign.target),
            Stmt::AugAssign(assign) => self.sets(&assign.target),
            Stmt::For(statement) => self.sets(&statement.target),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }
}

/// Names that stand where a place, an axis or a count is meant.
struct Places<'s, 'a> {
    structure: &'s Structure<'a>,
    found: BTreeSet<&'a str>,
}

impl<'a> Places<'_, 'a> {
    fn names_in(&mut self, expression: &'a Expr) {
        struct Names<'n, 'a>(&'n mut BTreeSet<&'a str>);
        impl<'a> Visitor<'a> for Names<'_, 'a> {
            fn visit_expr(&mut self, expression: &'a Expr) {
                match expression {
                    Expr::Name(name) => {
                        self.0.insert(name.id.as_str());
                    }
                    Expr::Attribute(attribute) => {
                        self.0.insert(attribute.attr.as_str());
                    }
                    _ => visitor::walk_expr(self, expression),
                }
            }
        }
        Names(&mut self.found).visit_expr(expression);
    }
}

impl<'a> Visitor<'a> for Places<'_, 'a> {
    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Subscript(subscript) => self.names_in(&subscript.slice),
            Expr::Call(call) => {
                let callee = self.structure.callee(&call.func);
                for (at, argument) in call.arguments.args.iter().enumerate() {
                    let is_place = callee
                        .positional(at)
                        .is_some_and(|parameter| callee.is_structural(parameter));
                    if is_place || callee.is_all_structural() {
                        self.names_in(argument);
                    }
                }
                for keyword in &call.arguments.keywords {
                    if keyword
                        .arg
                        .as_ref()
                        .is_some_and(|name| callee.is_structural(name.as_str()))
                    {
                        self.names_in(&keyword.value);
                    }
                }
            }
            _ => {}
        }
        visitor::walk_expr(self, expression);
    }
}
