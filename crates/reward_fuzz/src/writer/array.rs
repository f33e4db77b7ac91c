//! Arrays: every way to get a kind of element in a shape.

use super::{Axis, Kind, Type, Writer};

/// Functions of one float that are defined everywhere near zero, and those that are not.
const FLOAT_FUNCTIONS: [&str; 30] = [
    "exp",
    "tanh",
    "sin",
    "cos",
    "sqrt",
    "abs",
    "square",
    "sigmoid",
    "log",
    "log1p",
    "expm1",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "floor",
    "ceil",
    "trunc",
    "round",
    "sign",
    "log2",
    "log10",
    "rad2deg",
    "deg2rad",
    "reciprocal",
    "relu",
    "nan_to_num",
    "negative",
];
const PAIR_FUNCTIONS: [&str; 6] = ["maximum", "minimum", "arctan2", "hypot", "fmod", "copysign"];
const REDUCTIONS: [&str; 9] = ["sum", "sum", "mean", "max", "min", "prod", "norm", "std", "var"];

impl Writer<'_, '_> {
    /// An array of that kind and exactly that shape.
    pub(crate) fn array(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        if self.careless && self.choices.chance(4) {
            return self.misfit(depth);
        }
        if depth == 0 || self.budget == 0 {
            return self.leaf(kind, shape);
        }
        self.budget -= 1;
        let depth = depth - 1;
        if let Some(call) = self.helper_call(&Type::Array(kind, shape.to_vec()), depth) {
            return call;
        }
        if self.choices.chance(30) {
            return self.rearranged(kind, shape, depth);
        }
        match kind {
            Kind::Float => self.float_array(shape, depth),
            Kind::Int => self.int_array(shape, depth),
            Kind::Bool => self.bool_array(shape, depth),
        }
    }

    /// A part that does not fit, for programs that are to be refused.
    fn misfit(&mut self, depth: usize) -> String {
        match self.choices.below(8) {
            0 => "None".to_owned(),
            1 => "\"text\"".to_owned(),
            2 => "unknown_name".to_owned(),
            3 => "[]".to_owned(),
            4 => "{\"a\": 1}".to_owned(),
            5 => format!("{}.no_such_function(1)", self.library()),
            6 => self.array(Kind::Float, &[Axis::Size(7)], depth.saturating_sub(1)),
            _ => "(1, 2)".to_owned(),
        }
    }

    /// A call of a helper whose result has this type, if there is one and the dice say so.
    pub(crate) fn helper_call(&mut self, ty: &Type, depth: usize) -> Option<String> {
        let fitting: Vec<_> = self.helpers.iter().filter(|helper| helper.ty == *ty).cloned().collect();
        if fitting.is_empty() || !self.choices.chance(40) {
            return None;
        }
        let helper = self.choices.pick(&fitting).clone();
        let leave_out = helper.has_default && self.choices.chance(50);
        let count = helper.parameters - usize::from(leave_out);
        let arguments: Vec<String> = (0..count)
            .map(|position| {
                let value = self.value(ty, depth);
                match position + 1 == count && self.choices.chance(20) {
                    true => format!("p{position}={value}"),
                    false => value,
                }
            })
            .collect();
        Some(format!("{}({})", helper.name, arguments.join(", ")))
    }

    /// A shape that broadcasts to `shape`.
    pub(crate) fn broadcastable(&mut self, shape: &[Axis]) -> Vec<Axis> {
        let mut shape = shape.to_vec();
        if self.choices.chance(60) {
            return shape;
        }
        // A leading axis may be missing, any axis may have length one. A batch axis that goes takes all before it along.
        let dropped = self.choices.below(shape.len() + 1);
        shape.drain(..dropped);
        for axis in &mut shape {
            if self.choices.chance(20) {
                *axis = Axis::Size(1);
            }
        }
        shape
    }

    /// A side of an operation that broadcasts: an array or a number.
    pub(crate) fn operand(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        if self.choices.chance(20) {
            return self.number(kind, depth.min(1));
        }
        self.array(kind, shape, depth)
    }

    /// Two sides whose broadcast has the shape.
    fn pair(&mut self, kinds: (Kind, Kind), shape: &[Axis], depth: usize) -> (String, String) {
        let other = self.broadcastable(shape);
        if self.choices.chance(50) {
            (self.array(kinds.0, shape, depth), self.operand(kinds.1, &other, depth))
        } else {
            (self.operand(kinds.0, &other, depth), self.array(kinds.1, shape, depth))
        }
    }

    /// A float, mostly; where a library would make a float of it, also a whole number.
    fn float_kind(&mut self) -> Kind {
        match self.choices.below(8) {
            0 => Kind::Int,
            _ => Kind::Float,
        }
    }

    fn float_array(&mut self, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        match self.choices.weighted(&[30, 20, 8, 8, 6, 20, 6, 4, 4, 3]) {
            0 => {
                let op = *self
                    .choices
                    .pick(&["+", "-", "*", "/", "+", "-", "*", "/", "//", "%", "**"]);
                let other = self.float_kind();
                let kinds = if self.choices.chance(50) {
                    (Kind::Float, other)
                } else {
                    (other, Kind::Float)
                };
                if op == "**" {
                    let base = self.array(Kind::Float, shape, depth);
                    let exponent = *self.choices.pick(&["2", "3", "0.5", "-1", "2.0", "1.5", "0"]);
                    return format!("({base} ** {exponent})");
                }
                let (left, right) = self.pair(kinds, shape, depth);
                format!("({left} {op} {right})")
            }
            1 => self.float_function(shape, depth),
            2 => {
                let function = *self.choices.pick(&PAIR_FUNCTIONS);
                // These take arrays on both sides in torch.
                let other = self.broadcastable(shape);
                let [left, right] = [
                    self.array(Kind::Float, shape, depth),
                    self.array(Kind::Float, &other, depth),
                ];
                // The sign of a NaN is nobody's to promise.
                let right = if function == "copysign" {
                    format!("{library}.nan_to_num({right})")
                } else {
                    right
                };
                format!("{library}.{function}({left}, {right})")
            }
            3 => self.where_call(Kind::Float, shape, depth),
            4 => {
                let x = self.array(Kind::Float, shape, depth);
                let low = self.number_leaf(Kind::Float);
                match (self.is_torch(), self.choices.below(3)) {
                    (true, 0) => format!("torch.clamp({x}, min={low})"),
                    (true, 1) => format!("torch.clamp({x}, {low}, {low} + 1.0)"),
                    (true, _) => format!("({x}).clamp(max={low})"),
                    (false, 0) => format!("np.clip({x}, {low}, None)"),
                    (false, _) => format!("np.clip({x}, {low}, {low} + 1.0)"),
                }
            }
            5 => self.reduction(Kind::Float, shape, depth),
            6 => {
                let kind = *self.choices.pick(&[Kind::Bool, Kind::Int]);
                let x = self.array(kind, shape, depth);
                match (self.is_torch(), self.choices.below(2)) {
                    (true, 0) => format!("({x}).float()"),
                    (true, _) => format!("({x}).to(torch.float32)"),
                    (false, _) if shape.is_empty() => format!("float({x})"),
                    (false, 0) => format!("({x}).astype(float)"),
                    (false, _) => format!("np.array({x}, dtype=np.float64)"),
                }
            }
            7 => {
                let x = self.array(Kind::Float, shape, depth);
                format!("(-{x})")
            }
            8 => self.product(shape, depth),
            _ if !self.is_torch() => {
                let condition = self.condition(depth);
                let [a, b] = [(); 2].map(|()| self.array(Kind::Float, shape, depth));
                format!("({a} if {condition} else {b})")
            }
            _ => self.special(shape, depth),
        }
    }

    fn float_function(&mut self, shape: &[Axis], depth: usize) -> String {
        let function = *self.choices.pick(&FLOAT_FUNCTIONS);
        // Whole numbers that stay whole would have another kind.
        let stays = matches!(
            function,
            "abs"
                | "square"
                | "floor"
                | "ceil"
                | "trunc"
                | "round"
                | "sign"
                | "relu"
                | "nan_to_num"
                | "negative"
                | "reciprocal"
        );
        let kind = if stays { Kind::Float } else { self.float_kind() };
        let x = self.array(kind, shape, depth);
        let torch_only = matches!(function, "sigmoid" | "relu");
        match self.is_torch() {
            false if torch_only => format!("(1 / (1 + np.exp(-{x})))"),
            false => format!("np.{function}({x})"),
            true if self.choices.chance(25)
                && !matches!(function, "rad2deg" | "deg2rad" | "nan_to_num" | "negative") =>
            {
                format!("({x}).{function}()")
            }
            true => format!("torch.{function}({x})"),
        }
    }

    fn where_call(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        let condition_shape = self.broadcastable(shape);
        let condition = self.array(Kind::Bool, &condition_shape, depth);
        // One of the two has the full shape.
        let (a, b) = self.pair((kind, kind), shape, depth);
        format!("{library}.where({condition}, {a}, {b})")
    }

    /// A larger array, reduced along an axis that is put in.
    fn reduction(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        let function = match kind {
            Kind::Float => *self.choices.pick(&REDUCTIONS),
            Kind::Int => *self.choices.pick(&["sum", "max", "min", "prod"]),
            Kind::Bool => *self.choices.pick(&["any", "all"]),
        };
        let keeps = shape.iter().position(|axis| *axis == Axis::Size(1));
        let keep = keeps.is_some() && self.choices.chance(60);
        let mut larger = shape.to_vec();
        let has_batch = shape.contains(&Axis::Batch);
        let over_batch = self.is_torch() && !has_batch && self.mixes && self.choices.chance(50);
        let axis = if over_batch {
            Axis::Batch
        } else {
            Axis::Size(1 + self.choices.below(4))
        };
        let at = match (keep, keeps) {
            (true, Some(at)) => {
                larger[at] = axis;
                at
            }
            _ => {
                let first = usize::from(has_batch && shape.first() == Some(&Axis::Batch));
                let at = if axis == Axis::Batch {
                    0
                } else {
                    first + self.choices.below(shape.len() - first + 1)
                };
                larger.insert(at, axis);
                at
            }
        };
        let x = self.array(kind, &larger, depth);
        let shown = if self.choices.chance(50) {
            format!("-{}", larger.len() - at)
        } else {
            at.to_string()
        };
        let mut arguments = format!("{}={shown}", self.axis_word());
        if keep {
            arguments += &format!(", {}=True", self.keep_word());
        }
        // Of one axis, all of it is the same.
        if larger.len() == 1 && !keep && self.choices.chance(40) {
            arguments.clear();
        }
        let library = self.library();
        let separated = if arguments.is_empty() {
            String::new()
        } else {
            format!(", {arguments}")
        };
        match (self.is_torch(), function) {
            (true, "norm") => match self.choices.below(3) {
                0 => format!("torch.linalg.norm({x}{separated})"),
                1 => format!("torch.norm({x}, p=2{separated})"),
                _ => format!("torch.norm({x}{separated})"),
            },
            (false, "norm") => format!("np.linalg.norm({x}{separated})"),
            (true, "max" | "min") if !arguments.is_empty() => match self.choices.below(3) {
                0 => format!("torch.{function}({x}{separated}).values"),
                1 => format!("torch.{function}({x}{separated})[0]"),
                _ => format!("torch.a{function}({x}{separated})"),
            },
            (true, "std" | "var") => format!("torch.{function}({x}{separated}, unbiased=False)"),
            _ if self.choices.chance(50) => format!("({x}).{function}({arguments})"),
            _ => format!("{library}.{function}({x}{separated})"),
        }
    }

    fn int_array(&mut self, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        match self.choices.below(7) {
            0 | 1 => {
                let op = *self.choices.pick(&["+", "-", "*", "//", "%"]);
                if matches!(op, "//" | "%") {
                    let left = self.array(Kind::Int, shape, depth);
                    let right = *self.choices.pick(&["2", "3", "(-2)", "5"]);
                    return format!("({left} {op} {right})");
                }
                let (left, right) = self.pair((Kind::Int, Kind::Int), shape, depth);
                format!("({left} {op} {right})")
            }
            2 => {
                // NaN and huge numbers as whole numbers are undefined in C, and so in the libraries.
                let kind = *self.choices.pick(&[Kind::Float, Kind::Bool]);
                let x = self.array(kind, shape, depth);
                match self.is_torch() || !shape.is_empty() {
                    true => self.cast(&format!("({x})"), kind, Kind::Int),
                    false => format!("int({x})"),
                }
            }
            3 => self.reduction(Kind::Int, shape, depth),
            4 => self.where_call(Kind::Int, shape, depth),
            5 => {
                let x = self.array(Kind::Int, shape, depth);
                let function = *self.choices.pick(&["abs", "sign", "square"]);
                format!("{library}.{function}({x})")
            }
            _ => {
                let mut larger = shape.to_vec();
                larger.push(Axis::Size(3));
                let (function, kind) = *self.choices.pick(&[
                    ("argmax", Kind::Float),
                    ("argmin", Kind::Float),
                    ("sum", Kind::Bool),
                    ("count_nonzero", Kind::Bool),
                ]);
                let x = self.array(kind, &larger, depth);
                format!("{library}.{function}({x}, {}=-1)", self.axis_word())
            }
        }
    }

    fn bool_array(&mut self, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        match self.choices.below(7) {
            0..=2 => {
                let kind = *self.choices.pick(&[Kind::Float, Kind::Float, Kind::Int]);
                let op = *self.choices.pick(&["<", "<=", ">", ">=", "==", "!="]);
                let (left, right) = self.pair((kind, kind), shape, depth);
                format!("({left} {op} {right})")
            }
            3 => {
                let op = *self.choices.pick(&["&", "|", "^"]);
                let other = self.broadcastable(shape);
                let [left, right] = [
                    self.array(Kind::Bool, shape, depth),
                    self.array(Kind::Bool, &other, depth),
                ];
                format!("({left} {op} {right})")
            }
            4 => {
                let x = self.array(Kind::Bool, shape, depth);
                format!("{library}.logical_not({x})")
            }
            5 => {
                let function = *self.choices.pick(&["isnan", "isfinite", "isinf"]);
                let x = self.array(Kind::Float, shape, depth);
                format!("{library}.{function}({x})")
            }
            _ => self.reduction(Kind::Bool, shape, depth),
        }
    }

    /// The same elements in another order or shape, or some of a larger array.
    fn rearranged(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        let first = usize::from(shape.first() == Some(&Axis::Batch));
        let last_size = match shape.last() {
            Some(Axis::Size(size)) => Some(*size),
            _ => None,
        };
        match self.choices.below(8) {
            // Indexed: an axis more.
            0 | 1 => {
                let at = first + self.choices.below(shape.len() - first + 1);
                let size = 1 + self.choices.below(3);
                let mut larger = shape.to_vec();
                larger.insert(at, Axis::Size(size));
                let x = self.array(kind, &larger, depth);
                let index = self.choices.below(size);
                let mut parts: Vec<String> = larger.iter().map(|_| ":".to_owned()).collect();
                parts[at] = index.to_string();
                if at + 1 == larger.len() && self.choices.chance(40) {
                    parts = vec!["...".to_owned(), format!("{}", index as isize - size as isize)];
                }
                format!("{x}[{}]", parts.join(", "))
            }
            // A slice of a longer axis.
            2 if last_size.is_some() => {
                let size = last_size.unwrap_or(1);
                let (before, after) = (self.choices.below(3), self.choices.below(3));
                let mut larger = shape.to_vec();
                *larger.last_mut().expect("it has a last axis") = Axis::Size(before + size + after);
                let x = self.array(kind, &larger, depth);
                format!("{x}[..., {before}:{}]", before + size)
            }
            // An axis of length one, put in or taken away.
            3 => {
                let at = first + self.choices.below(shape.len() - first + 1);
                let mut larger = shape.to_vec();
                larger.insert(at, Axis::Size(1));
                let x = self.array(kind, &larger, depth);
                format!("{library}.squeeze({x}, {at})")
            }
            4 if shape.contains(&Axis::Size(1)) => {
                let at = shape.iter().position(|axis| *axis == Axis::Size(1)).unwrap_or(0);
                let mut smaller = shape.to_vec();
                smaller.remove(at);
                let x = self.array(kind, &smaller, depth);
                match self.is_torch() {
                    true => format!("({x}).unsqueeze({at})"),
                    false => format!("np.expand_dims({x}, {at})"),
                }
            }
            // Put together.
            5 if matches!(last_size, Some(2..=4)) => {
                let rest = &shape[..shape.len() - 1];
                let parts: Vec<String> = (0..last_size.unwrap_or(0))
                    .map(|_| self.array(kind, rest, depth))
                    .collect();
                format!("{library}.stack([{}], {}=-1)", parts.join(", "), self.axis_word())
            }
            6 if matches!(last_size, Some(2..)) => {
                let size = last_size.unwrap_or(2);
                let cut = 1 + self.choices.below(size - 1);
                let part = |writer: &mut Self, size| {
                    let mut part = shape.to_vec();
                    *part.last_mut().expect("it has a last axis") = Axis::Size(size);
                    writer.array(kind, &part, depth)
                };
                let [left, right] = [part(self, cut), part(self, size - cut)];
                let function = if self.is_torch() { "cat" } else { "concatenate" };
                format!("{library}.{function}([{left}, {right}], {}=-1)", self.axis_word())
            }
            7 if shape.len() >= first + 2 => {
                let mut other = shape.to_vec();
                let at = shape.len() - 1;
                other.swap(at, at - 1);
                let x = self.array(kind, &other, depth);
                match (self.is_torch(), shape.len()) {
                    (true, _) => format!("({x}).transpose({at}, {})", at - 1),
                    (false, 2) => format!("({x}).T"),
                    (false, _) => format!("np.swapaxes({x}, {at}, {})", at - 1),
                }
            }
            _ => self.reshaped(kind, shape, depth),
        }
    }

    fn reshaped(&mut self, kind: Kind, shape: &[Axis], depth: usize) -> String {
        let library = self.library();
        let sizes: Vec<usize> = shape
            .iter()
            .filter_map(|axis| match axis {
                Axis::Size(size) => Some(*size),
                Axis::Batch => None,
            })
            .collect();
        let count: usize = sizes.iter().product();
        if sizes.is_empty() || (self.is_torch() && shape.first() != Some(&Axis::Batch)) {
            let x = self.array(kind, shape, depth);
            let copy = if self.is_torch() { "clone" } else { "copy" };
            return match shape.is_empty() {
                true => x,
                false => format!("({x}).{copy}()"),
            };
        }
        let batch = [self.per_environment(), vec![Axis::Size(count)]].concat();
        let flat = self.array(kind, &batch, depth);
        let shown: Vec<String> = shape.iter().map(ToString::to_string).collect();
        match self.choices.below(3) {
            0 => format!("({flat}).reshape({})", shown.join(", ")),
            1 if self.is_torch() => format!("({flat}).view({})", shown.join(", ")),
            _ if shape.len() == batch.len() => {
                let at = shape.len() - 1;
                let axes = if self.is_torch() {
                    format!("[{at}]")
                } else {
                    at.to_string()
                };
                format!("{library}.flip({flat}, {axes})")
            }
            _ => format!("{library}.reshape({flat}, ({},))", shown.join(", ")),
        }
    }

    /// Products of vectors and matrices.
    fn product(&mut self, shape: &[Axis], depth: usize) -> String {
        let inner = Axis::Size(1 + self.choices.below(3));
        let library = self.library();
        match shape {
            [rest @ .., Axis::Size(rows), Axis::Size(columns)] => {
                let left = [rest, &[Axis::Size(*rows), inner]].concat();
                let right = [rest, &[inner, Axis::Size(*columns)]].concat();
                let [a, b] = [
                    self.array(Kind::Float, &left, depth),
                    self.array(Kind::Float, &right, depth),
                ];
                format!("{library}.matmul({a}, {b})")
            }
            [rest @ .., Axis::Size(3)] => {
                let vectors = [rest, &[Axis::Size(3)]].concat();
                let [a, b] = [(); 2].map(|()| self.array(Kind::Float, &vectors, depth));
                match self.is_torch() {
                    true => format!("torch.cross({a}, {b}, dim=-1)"),
                    false => format!("np.cross({a}, {b})"),
                }
            }
            [] => {
                let [a, b] = [(); 2].map(|()| self.array(Kind::Float, &[inner], depth));
                format!("{library}.dot({a}, {b})")
            }
            _ => self.reduction(Kind::Float, shape, depth),
        }
    }

    /// Helpers of the simulators, and functions of torch's that NumPy lacks.
    fn special(&mut self, shape: &[Axis], depth: usize) -> String {
        match shape {
            [Axis::Batch, Axis::Size(4)] => {
                let [a, b] = [(); 2].map(|()| self.array(Kind::Float, shape, depth));
                match self.choices.below(2) {
                    0 => format!("quat_mul({a}, {b})"),
                    _ => format!("quat_conjugate({a})"),
                }
            }
            [Axis::Batch, Axis::Size(3)] => {
                let a = self.array(Kind::Float, &[Axis::Batch, Axis::Size(4)], depth);
                let b = self.array(Kind::Float, shape, depth);
                format!("quat_rotate_inverse({a}, {b})")
            }
            [Axis::Batch] => {
                let [a, b] = [(); 2].map(|()| self.array(Kind::Float, &[Axis::Batch, Axis::Size(3)], depth));
                format!("torch.nn.functional.cosine_similarity({a}, {b}, dim=-1)")
            }
            _ => {
                let x = self.array(Kind::Float, shape, depth);
                format!("torch.nn.functional.softplus({x})")
            }
        }
    }

    /// The first elements of a longer array, of another kind if need be.
    fn part_of_a_name(&mut self, kind: Kind, shape: &[Axis]) -> Option<String> {
        let longer = |other: &[Axis]| {
            let fits = |(a, b): (&Axis, &Axis)| match (a, b) {
                (Axis::Size(a), Axis::Size(b)) => a >= b,
                (a, b) => a == b,
            };
            other.len() == shape.len() && !shape.is_empty() && other.iter().zip(shape).all(fits)
        };
        let fitting: Vec<(String, Kind, Vec<Axis>)> = self
            .names
            .iter()
            .filter_map(|name| match &name.ty {
                Type::Array(known, other) if longer(other) => Some((name.text.clone(), *known, other.clone())),
                _ => None,
            })
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let (mut text, known, other) = self.choices.pick(&fitting).clone();
        if other != shape {
            let parts: Vec<String> = shape
                .iter()
                .map(|axis| match axis {
                    Axis::Batch => ":".to_owned(),
                    Axis::Size(size) => format!("0:{size}"),
                })
                .collect();
            text = format!("{text}[{}]", parts.join(", "));
        }
        Some(self.cast(&text, known, kind))
    }

    /// An array of one kind as one of another.
    fn cast(&mut self, text: &str, from: Kind, to: Kind) -> String {
        match (from, to, self.is_torch()) {
            _ if from == to => text.to_owned(),
            (Kind::Float, Kind::Int, true) => {
                format!("torch.nan_to_num({text}, nan=0.0).clamp(-1000.0, 1000.0).long()")
            }
            (Kind::Float, Kind::Int, false) => format!("np.clip(np.nan_to_num({text}), -1000.0, 1000.0).astype(int)"),
            (_, Kind::Float, true) => format!("{text}.float()"),
            (_, Kind::Int, true) => format!("{text}.long()"),
            (_, Kind::Float, false) => format!("{text}.astype(float)"),
            (_, Kind::Int, false) => format!("{text}.astype(int)"),
            (_, Kind::Bool, _) => format!("({text} > 0)"),
        }
    }

    /// A name of that type, or the shortest expression for it.
    fn leaf(&mut self, kind: Kind, shape: &[Axis]) -> String {
        let known: Vec<String> = self
            .names
            .iter()
            .filter(|name| matches!(&name.ty, Type::Array(known, other) if *known == kind && other == shape))
            .map(|name| name.text.clone())
            .collect();
        if !known.is_empty() {
            return self.choices.pick(&known).clone();
        }
        if let Some(part) = self.part_of_a_name(kind, shape) {
            return part;
        }
        let library = self.library();
        if let Some(split) = shape.iter().position(|axis| *axis == Axis::Batch)
            && split > 0
        {
            // The batch is somewhere inside: only odd programs have that.
            let mut rest = shape.to_vec();
            rest.remove(0);
            let x = self.leaf(kind, &rest);
            let Axis::Size(size) = shape[0] else { return x };
            return format!("torch.stack([{}])", vec![x; size].join(", "));
        }
        match shape {
            [] if !self.is_torch() => self.number_leaf(kind),
            [Axis::Size(size)] if !self.is_torch() && kind == Kind::Float && self.choices.chance(30) => {
                format!("np.linspace(-1.0, 2.0, {size})")
            }
            [] => {
                let x = self.number_leaf(kind);
                format!("torch.tensor({x})")
            }
            [Axis::Batch] => {
                // Helpers and odd moments: some parameter of another shape is always there.
                let batched = self.names.iter().find_map(|name| match &name.ty {
                    Type::Array(known, other) if other.first() == Some(&Axis::Batch) => {
                        Some((name.text.clone(), *known, other.len()))
                    }
                    _ => None,
                });
                match batched {
                    Some((text, known, axes)) => {
                        let first = format!("{text}[:{}]", ", 0".repeat(axes - 1));
                        self.cast(&first, known, kind)
                    }
                    None => self.number_leaf(kind),
                }
            }
            [rest @ .., Axis::Size(size)] if shape[0] == Axis::Batch => {
                let x = self.leaf(kind, rest);
                let size = *size;
                match kind {
                    Kind::Float => format!("({x}.unsqueeze(-1) * torch.arange(1, {}))", size + 1),
                    _ => format!("torch.stack([{}], dim=-1)", vec![x; size].join(", ")),
                }
            }
            _ => {
                let shown: Vec<String> = shape.iter().map(ToString::to_string).collect();
                let number = self.number_leaf(kind);
                if self.is_torch() && kind == Kind::Float && self.choices.chance(50) {
                    return format!("torch.ones({})", shown.join(", "));
                }
                format!("{library}.full(({},), {number})", shown.join(", "))
            }
        }
    }
}
