//! Which library's meaning a program has, judged by the names it uses.
//!
//! Nothing in a program says so outright: some import `torch`, some only annotate `Tensor`, some use neither and show it
//! by the name of their function.

use carrot_reward_interface::Dialect;
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::Ranged;

/// The dialect of a program.
///
/// torch wins where its names occur; then NumPy's and Python's own numeric functions; then the name of the function.
pub(crate) fn recognise(tokens: &Tokens, source: &str) -> Dialect {
    let mut numpy = false;
    let mut python_numbers = false;
    let mut reward_function = false;
    let mut previous = TokenKind::Newline;
    for token in tokens.iter() {
        if token.kind() == TokenKind::Name {
            let name = &source[token.start().to_usize()..token.end().to_usize()];
            match name {
                "torch" | "Tensor" => return Dialect::Torch,
                "float" | "unsqueeze" | "clamp" if previous == TokenKind::Dot => return Dialect::Torch,
                "np" | "numpy" | "compute_dense_reward" | "self" => numpy = true,
                "float" | "max" | "min" | "abs" | "math" if previous != TokenKind::Dot => python_numbers = true,
                "compute_reward" => reward_function = true,
                _ => {}
            }
        }
        if matches!(token.kind(), TokenKind::If | TokenKind::And | TokenKind::Or) {
            python_numbers = true;
        }
        previous = token.kind();
    }
    if numpy || python_numbers && reward_function {
        Dialect::Numpy
    } else {
        Dialect::Torch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_the_dialect() {
        for (source, expected) in [
            ("import torch\ndef f(x): return x", Dialect::Torch),
            ("def f(x: Tensor): return x", Dialect::Torch),
            ("def compute_reward(x): return (x > 0).float()", Dialect::Torch),
            ("def compute_reward(x): return x", Dialect::Torch),
            ("import numpy as np\ndef compute_reward(x): return x", Dialect::Numpy),
            ("def compute_dense_reward(self, action): return 0.0", Dialect::Numpy),
            ("def compute_reward(x): return max(x, 0.0)", Dialect::Numpy),
            (
                "def compute_reward(x):\n    if x > 0: return 1.0\n    return 0.0",
                Dialect::Numpy,
            ),
            (
                "def terminated(torso_height): return torso_height < 0.7",
                Dialect::Torch,
            ),
        ] {
            let parsed = ruff_python_parser::parse_module(source).unwrap();
            assert_eq!(recognise(parsed.tokens(), source), expected, "{source}");
        }
    }
}
