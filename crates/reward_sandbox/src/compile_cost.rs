//! An estimate of how long a compiler will work on a function, made before it starts.
//!
//! A compilation cannot be interrupted, so a module that would take minutes must be refused by its looks. Compilers
//! spend superlinear time where many values stay alive across much control flow (liveness, phi nodes, register
//! allocation), so what is bounded is the product of the two.

use wasmparser::{BinaryReaderError, FunctionBody, Operator};

/// Control-flow edges times values of one function; `n_locals` includes parameters.
///
/// Errors: the body is cut off or malformed.
pub(crate) fn compile_cost(body: &FunctionBody<'_>, n_locals: u32) -> Result<u64, BinaryReaderError> {
    let mut edges = 1_u64;
    let mut values = u64::from(n_locals);
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        values += 1;
        edges += match operators.read()? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::Else => 1,
            Operator::Br { .. } | Operator::BrIf { .. } | Operator::Return => 1,
            Operator::BrTable { targets } => u64::from(targets.len()) + 1,
            _ => 0,
        };
    }
    Ok(edges.saturating_mul(values))
}
