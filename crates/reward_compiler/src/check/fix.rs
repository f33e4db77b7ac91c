//! Repairs of the text, for findings whose repair is certain enough to be a button.
//!
//! Each is made from the text at the finding's own place and is left out where that text is not what it should be, for
//! instance because a name was taken from a chain of aliases. What a repair does to the rest of the program is checked
//! when the person has taken it, like any other edit.

use carrot_reward_interface::{Edit, Fix, Span};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Parameters};
use ruff_text_size::{Ranged, TextRange};

use super::{Body, Checker, nearest};

impl<'a> Checker<'a> {
    /// Puts `new` in the place of `old`, if that is what stands at `span`.
    pub(crate) fn replacing(&self, span: Span, old: &str, new: &str) -> Option<Fix> {
        (self.positions.text_of(&span) == old).then(|| Fix::replace(span, new, renaming(old, new)))
    }

    /// `self.robto` at the expression at work: its last name is replaced by the nearest one of the task in that place.
    pub(crate) fn replacing_component(&self, path: &str, name: &str) -> Option<Fix> {
        let below = |variable: &'a str| -> Option<&'a str> {
            let rest = match path {
                "" => variable,
                path => variable.strip_prefix(path)?.strip_prefix('.')?,
            };
            rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
        };
        let components = self
            .schema
            .variables
            .iter()
            .filter_map(|variable| below(&variable.name));
        let new = nearest(name, components)?;
        let text = self.positions.text_of(&self.here);
        let before = text.strip_suffix(name).filter(|before| before.ends_with('.'))?;
        let start = self.here.bytes(self.positions.source()).start + before.len();
        let span = self.positions.span_of_bytes(start, start + name.len());
        self.replacing(span, name, &new)
    }

    /// Gives a parameter of a function another name, wherever the function reads it.
    pub(crate) fn renaming_parameter(&self, at: usize, old: &str, new: &str) -> Option<Fix> {
        let parameters = self.functions[at].parameters?;
        if parameters.iter().any(|parameter| parameter.name().as_str() == new) {
            return None;
        }
        let declared = parameters.iter().filter(|parameter| parameter.name().as_str() == old);
        let mut edits: Vec<Edit> = declared
            .map(|parameter| self.edit(parameter.name().range(), new))
            .collect();
        edits.extend(self.reads(at, old, new));
        Some(Fix {
            title: renaming(old, new),
            edits,
        })
    }

    /// Replacements of a name wherever a function reads or sets it, in the order of the text.
    fn reads(&self, function: usize, old: &str, new: &str) -> Vec<Edit> {
        let mut reads = Reads {
            name: old,
            found: Vec::new(),
        };
        match self.functions[function].body {
            Body::Block(body) => reads.visit_body(body),
            Body::Lambda(body) => reads.visit_expr(body),
        }
        let mut edits: Vec<Edit> = reads.found.into_iter().map(|range| self.edit(range, new)).collect();
        edits.sort_by_key(|edit| edit.span);
        edits.dedup();
        edits
    }

    /// Puts `new` in the place of a name that nothing knows, everywhere in the function at work.
    pub(crate) fn replacing_name(&self, old: &str, new: &str) -> Option<Fix> {
        let Some(function) = self.frame().function else {
            return self.replacing(self.here, old, new);
        };
        let edits = self.reads(function, old, new);
        edits.iter().any(|edit| edit.span == self.here).then(|| Fix {
            title: renaming(old, new),
            edits,
        })
    }

    /// Lets the reward function take one more variable.
    pub(crate) fn adding_parameter(&self, name: &str) -> Option<Fix> {
        // Only where the function itself reads the name: a helper would have to be given it by its caller.
        let [_, frame] = self.frames.as_slice() else {
            return None;
        };
        let function = &self.functions[frame.function?];
        let (at, text) = parameter_to_insert(function.parameters?, self.positions.source(), name)?;
        let span = self.positions.span_of_bytes(at, at);
        let title = format!("add `{name}` to the parameters of `{}`", function.name);
        Some(Fix::replace(span, text, title))
    }

    /// Gives an argument of the call at work the name that the function knows it by.
    pub(crate) fn renaming_keyword(&self, old: &str, parameters: &[&str]) -> Option<(Fix, String)> {
        let known = || parameters.iter().flat_map(|parameter| parameter.split('|'));
        let synonyms: &[&str] = match old {
            "axis" | "axes" | "dims" | "dim" => &["dim", "axis", "dims", "axes"],
            "keepdims" | "keepdim" => &["keepdim", "keepdims"],
            "minimum" | "low" | "lower" | "a_min" => &["min", "a_min", "lower"],
            "maximum" | "high" | "upper" | "a_max" => &["max", "a_max", "upper"],
            _ => &[],
        };
        let synonym = synonyms
            .iter()
            .copied()
            .find(|name| known().any(|known| known == *name));
        let new = synonym.map(str::to_owned).or_else(|| nearest(old, known()))?;
        let call = self.call_at_work()?;
        if argument_name(&call.call, &new).is_some() {
            return None;
        }
        let range = argument_name(&call.call, old)?;
        Some((self.replacing(call.span(self, range), old, &new)?, new))
    }

    /// Reduces over the last axis instead of over everything: `dim=-1` is added to the call at work.
    pub(crate) fn adding_last_axis(&self) -> Option<Fix> {
        let found = self.call_at_work()?;
        let arguments = &found.call.arguments;
        let is_method = matches!(&*found.call.func, Expr::Attribute(attribute) if !matches!(&*attribute.value, Expr::Name(name) if matches!(name.id.as_str(), "torch" | "F")));
        let expected = usize::from(!is_method);
        let names_axis = ["dim", "axis"]
            .iter()
            .any(|name| argument_name(&found.call, name).is_some());
        if names_axis || arguments.args.len() != expected {
            return None;
        }
        let end = arguments.range.end().to_usize() - 1;
        let comma = if arguments.is_empty() { "" } else { ", " };
        let at = found.start + end;
        Some(Fix::replace(
            self.positions.span_of_bytes(at, at),
            format!("{comma}dim=-1"),
            "reduce over the last axis: `dim=-1`",
        ))
    }

    /// Leaves the call at work out and keeps what it is applied to.
    pub(crate) fn leaving_out_call(&self) -> Option<Fix> {
        let found = self.call_at_work()?;
        let inner = match (&*found.call.func, &*found.call.arguments.args) {
            (Expr::Attribute(attribute), []) if found.call.arguments.keywords.is_empty() => attribute.value.range(),
            (Expr::Attribute(_), [only]) if found.call.arguments.keywords.is_empty() => only.range(),
            _ => return None,
        };
        let kept = &found.text[inner.start().to_usize()..inner.end().to_usize()];
        let kept = match is_atom(kept) {
            true => kept.to_owned(),
            false => format!("({kept})"),
        };
        Some(Fix::replace(self.here, kept, "leave the reduction out"))
    }

    /// Calls another function with the same arguments: `torch.exp` for `math.exp`.
    pub(crate) fn calling_instead(&self, old: &str, new: &str) -> Option<Fix> {
        let found = self.call_at_work()?;
        let range = found.call.func.range();
        self.replacing(found.span(self, range), old, new)
    }

    /// Whether every argument of the call at work may be a whole batch.
    pub(crate) fn takes_two_arrays(&self) -> bool {
        self.call_at_work().is_some_and(|found| {
            let arguments = &found.call.arguments;
            arguments.args.len() == 2
                && arguments.keywords.is_empty()
                && !arguments
                    .args
                    .iter()
                    .any(|argument| matches!(argument, Expr::NumberLiteral(_) | Expr::UnaryOp(_) | Expr::Starred(_)))
        })
    }

    /// Takes an axis of one away from the value at a place.
    pub(crate) fn squeezing(&self, is_total: bool) -> Option<Fix> {
        let text = self.positions.text_of(&self.here);
        let parsed = ruff_python_parser::parse_expression(text).ok()?;
        let start = self.here.bytes(self.positions.source()).start;
        // `return total, {…}`: the total is the first of the two.
        let value = match parsed.expr() {
            Expr::Tuple(tuple) if is_total => tuple.elts.first()?,
            Expr::Tuple(_) => return None,
            value => value,
        };
        let range = value.range();
        let kept = &text[range.start().to_usize()..range.end().to_usize()];
        let squeezed = match is_atom(kept) {
            true => format!("{kept}.squeeze(-1)"),
            false => format!("({kept}).squeeze(-1)"),
        };
        let span = self
            .positions
            .span_of_bytes(start + range.start().to_usize(), start + range.end().to_usize());
        Some(Fix::replace(span, squeezed, "take the last axis away: `.squeeze(-1)`"))
    }

    /// `x[0]` at the expression at work becomes `x[:, 0]`.
    pub(crate) fn indexing_every_environment(&self) -> Option<Fix> {
        let text = self.positions.text_of(&self.here);
        let parsed = ruff_python_parser::parse_expression(text).ok()?;
        let Expr::Subscript(subscript) = parsed.expr() else {
            return None;
        };
        let index = match &*subscript.slice {
            index @ (Expr::NumberLiteral(_) | Expr::UnaryOp(_)) => index.range(),
            Expr::Slice(slice) => slice.range,
            _ => return None,
        };
        let at = self.here.bytes(self.positions.source()).start + index.start().to_usize();
        Some(Fix::replace(
            self.positions.span_of_bytes(at, at),
            ":, ",
            "take it from every environment: `[:, …]`",
        ))
    }

    /// `x += y` becomes `x = x + y`.
    pub(crate) fn assigning_anew(&self, statement: &ast::StmtAugAssign) -> Fix {
        let target = self.positions.text(statement.target.range());
        let value = self.positions.text(statement.value.range());
        let value = match is_atom(value) {
            true => value.to_owned(),
            false => format!("({value})"),
        };
        let op = statement.op.as_str();
        Fix::replace(
            self.span(statement.range),
            format!("{target} = {target} {op} {value}"),
            format!("write `{target} = {target} {op} …`"),
        )
    }

    /// Takes the lines of a statement out. None where something else stands in them.
    pub(crate) fn removing_lines(&self, range: TextRange, title: &str) -> Option<Fix> {
        let source = self.positions.source();
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[end..].find('\n').map_or(source.len(), |at| end + at + 1);
        let rest = source[end..line_end].trim();
        let alone = source[line_start..start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'));
        alone.then(|| Fix::replace(self.positions.span_of_bytes(line_start, line_end), "", title))
    }

    /// Whether the expression at work is an attribute's name.
    pub(crate) fn follows_dot(&self) -> bool {
        let source = self.positions.source();
        source[..self.here.bytes(source).start].ends_with('.')
    }

    /// What the call at work calls, as the text writes it.
    pub(crate) fn callee_text(&self) -> Option<&'a str> {
        let found = self.call_at_work()?;
        let range = found.call.func.range();
        Some(&found.text[range.start().to_usize()..range.end().to_usize()])
    }

    fn edit(&self, range: TextRange, replacement: &str) -> Edit {
        Edit {
            span: self.span(range),
            replacement: replacement.to_owned(),
        }
    }

    /// The call whose arguments were just evaluated, parsed once more from its text.
    fn call_at_work(&self) -> Option<CallText<'a>> {
        let text = self.positions.text_of(&self.here);
        match ruff_python_parser::parse_expression(text).ok()?.into_expr() {
            Expr::Call(call) => Some(CallText {
                text,
                start: self.here.bytes(self.positions.source()).start,
                call,
            }),
            _ => None,
        }
    }
}

struct CallText<'a> {
    text: &'a str,
    /// Where the text begins in the source.
    start: usize,
    call: ast::ExprCall,
}

impl CallText<'_> {
    fn span(&self, checker: &Checker<'_>, range: TextRange) -> Span {
        checker.positions.span_of_bytes(
            self.start + range.start().to_usize(),
            self.start + range.end().to_usize(),
        )
    }
}

fn argument_name(call: &ast::ExprCall, name: &str) -> Option<TextRange> {
    let named = call
        .arguments
        .keywords
        .iter()
        .filter_map(|keyword| keyword.arg.as_ref());
    named
        .filter(|argument| argument.as_str() == name)
        .map(Ranged::range)
        .next()
}

/// Whether an expression can be followed by `.x` without parentheses.
fn is_atom(text: &str) -> bool {
    ruff_python_parser::parse_expression(text).is_ok_and(|parsed| {
        matches!(
            parsed.expr(),
            Expr::Name(_) | Expr::Attribute(_) | Expr::Call(_) | Expr::Subscript(_)
        )
    })
}

fn renaming(old: &str, new: &str) -> String {
    format!("replace `{old}` with `{new}`")
}

/// Where a parameter without a default goes in a list of parameters, and the text that puts it there. It is annotated if
/// all the others are, and has a line of its own if the others have.
pub(crate) fn parameter_to_insert(parameters: &Parameters, source: &str, name: &str) -> Option<(usize, String)> {
    let plain: Vec<_> = parameters.posonlyargs.iter().chain(&parameters.args).collect();
    let annotated = |parameter: &&&ast::ParameterWithDefault| parameter.parameter.annotation.is_some();
    let others = || plain.iter().filter(|parameter| parameter.name().as_str() != "self");
    let annotation = others()
        .all(|parameter| annotated(&parameter))
        .then(|| others().next_back())
        .flatten()
        .and_then(|parameter| parameter.parameter.annotation.as_deref())
        .map(|annotation| &source[annotation.range().start().to_usize()..annotation.range().end().to_usize()]);
    let written = match annotation {
        Some(annotation) => format!("{name}: {annotation}"),
        None => name.to_owned(),
    };
    // What has a default value, or collects the rest, comes last.
    let first_after = plain
        .iter()
        .find(|parameter| parameter.default.is_some())
        .map(|parameter| parameter.range.start());
    let last_before = plain.iter().take_while(|parameter| parameter.default.is_none()).last();
    match (last_before, first_after) {
        (Some(last), _) => {
            let line = source[..last.range.start().to_usize()]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let before = &source[line..last.range.start().to_usize()];
            let separator = match before.trim().is_empty() && line > 0 {
                true => format!(",\n{before}"),
                false => ", ".to_owned(),
            };
            Some((last.range.end().to_usize(), separator + &written))
        }
        (None, Some(first)) => Some((first.to_usize(), written + ", ")),
        (None, None) => {
            let is_empty =
                parameters.vararg.is_none() && parameters.kwarg.is_none() && parameters.kwonlyargs.is_empty();
            is_empty.then(|| (parameters.range.start().to_usize() + 1, written))
        }
    }
}

/// Places where a function reads or sets one of its names. A function inside that has a parameter of that name means
/// another thing by it.
struct Reads<'n> {
    name: &'n str,
    found: Vec<TextRange>,
}

impl<'a> Visitor<'a> for Reads<'_> {
    fn visit_stmt(&mut self, statement: &'a ast::Stmt) {
        if let ast::Stmt::FunctionDef(inner) = statement
            && inner
                .parameters
                .iter()
                .any(|parameter| parameter.name().as_str() == self.name)
        {
            return;
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.id.as_str() == self.name
        {
            self.found.push(name.range);
        }
        visitor::walk_expr(self, expression);
    }
}
