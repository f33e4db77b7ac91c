//! What a person would call the thing that a number belongs to.

use ruff_python_ast::{self as ast, Expr};

use super::structure::Structure;

/// The name under which an assignment keeps its value: `forward_weight`, or `spot` for `self.spot`.
pub(super) fn target(target: &Expr) -> Option<String> {
    match target {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => Some(attribute.attr.to_string()),
        Expr::Subscript(subscript) => match &*subscript.slice {
            // `terms["reach"] = 2.0`
            Expr::StringLiteral(key) => Some(key.value.to_str().to_owned()),
            _ => target_of_part(&subscript.value),
        },
        _ => None,
    }
}

fn target_of_part(whole: &Expr) -> Option<String> {
    target(whole)
}

/// The first thing with a name in an expression: the variable that a term is about.
pub(super) fn subject(expression: &Expr, structure: &Structure<'_>) -> Option<String> {
    match expression {
        Expr::Name(name) => {
            let name = name.id.as_str();
            (name != "self" && !structure.is_module(name)).then(|| name.to_owned())
        }
        Expr::Attribute(attribute) => {
            if structure.is_library(expression) {
                return None;
            }
            let name = attribute.attr.as_str();
            // `ee_pose.p` says more than `p`.
            match subject(&attribute.value, structure) {
                Some(whole) if name.len() < 3 => Some(format!("{whole}.{name}")),
                _ => Some(name.to_owned()),
            }
        }
        Expr::Call(call) => called(call, structure),
        Expr::BinOp(binary) => subject(&binary.left, structure).or_else(|| subject(&binary.right, structure)),
        Expr::UnaryOp(unary) => subject(&unary.operand, structure),
        Expr::BoolOp(operation) => operation.values.iter().find_map(|value| subject(value, structure)),
        Expr::Compare(comparison) => subject(&comparison.left, structure).or_else(|| {
            comparison
                .comparators
                .iter()
                .find_map(|value| subject(value, structure))
        }),
        Expr::Subscript(subscript) => subject(&subscript.value, structure),
        Expr::Starred(starred) => subject(&starred.value, structure),
        Expr::If(choice) => subject(&choice.body, structure).or_else(|| subject(&choice.test, structure)),
        _ => None,
    }
}

/// A function of the program goes by its own name; a function of a library by what it is applied to.
fn called(call: &ast::ExprCall, structure: &Structure<'_>) -> Option<String> {
    if let Expr::Name(name) = &*call.func
        && structure.defines(name.id.as_str())
    {
        return Some(name.id.to_string());
    }
    let receiver = match &*call.func {
        Expr::Attribute(attribute) if !structure.is_library(&call.func) => subject(&attribute.value, structure),
        _ => None,
    };
    let applied_to = || {
        call.arguments
            .args
            .iter()
            .find_map(|argument| subject(argument, structure))
    };
    receiver.or_else(applied_to).or_else(|| target(&call.func))
}

/// What a call is about, beside one of its arguments.
pub(super) fn argument_subject(call: &ast::ExprCall, argument: &Expr, structure: &Structure<'_>) -> Option<String> {
    let receiver = match &*call.func {
        Expr::Attribute(attribute) if !structure.is_library(&call.func) => subject(&attribute.value, structure),
        _ => None,
    };
    let others = || {
        call.arguments
            .args
            .iter()
            .filter(|other| !std::ptr::eq(*other, argument))
            .find_map(|other| subject(other, structure))
    };
    receiver.or_else(others)
}
