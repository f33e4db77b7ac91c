//! Runs a program without WebAssembly, one node after the other: the plain statement of what a module computes.
//!
//! Modules are tested against it, and constants are folded by its scalar functions. Every result has the bits that the
//! module gives; only the sign and payload of a NaN may differ.

use crate::{
    ir::{Binary, Op, Program, Reduction, Type, Unary},
    kernels::{Function, Width, maximum, minimum},
};

/// What one evaluation gives for N environments.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// `[N]`.
    pub total: Vec<f64>,
    /// `[K][N]`.
    pub terms: Vec<Vec<f64>>,
    /// What each memory slot holds afterwards, `[slots][N]`.
    pub memory: Vec<Vec<f64>>,
    /// Number of the fault that happened first, or 0, `[N]`; empty for a program without faults.
    pub faults: Vec<f64>,
}

/// Total `[N]` and terms `[K][N]` for `n_envs` environments in the first step of their episodes.
///
/// Shapes and panics: those of [`step`].
pub fn evaluate(program: &Program, inputs: &[Vec<f64>], n_envs: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let Evaluated { total, terms, .. } = step(program, inputs, &initial_memory(program, n_envs), n_envs);
    (total, terms)
}

/// Memory at the start of an episode, `[slots][N]`.
pub fn initial_memory(program: &Program, n_envs: usize) -> Vec<Vec<f64>> {
    vec![vec![0.0; n_envs]; program.memory.len()]
}

/// Evaluates `n_envs` environments that remember `memory`.
///
/// Shapes: `inputs` follows `program.inputs`; each is `[components, N]`, component-major, or `[components]` if uniform.
/// Values read as f32 are rounded once.
///
/// # Panics
///
/// If an input or a memory slot is missing or shorter than its shape.
pub fn step(program: &Program, inputs: &[Vec<f64>], memory: &[Vec<f64>], n_envs: usize) -> Evaluated {
    let reachable = program.reachable();
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(program.graph.nodes().len());
    for (node, reachable) in program.graph.nodes().iter().zip(reachable) {
        if !reachable {
            columns.push(Vec::new());
            continue;
        }
        let column = |id: crate::ir::NodeId| columns[id.0 as usize].iter().copied();
        let operand_type = |id| program.graph.node(id).ty;
        columns.push(match node.op {
            Op::Const(bits) => vec![f64::from_bits(bits); n_envs],
            Op::Input(input, component) => {
                let values = &inputs[input as usize];
                let uniform = program.inputs[input as usize].uniform;
                let value = |env_index| match uniform {
                    true => values[component as usize],
                    false => values[component as usize * n_envs + env_index],
                };
                (0..n_envs)
                    .map(|env_index| convert(node.ty, value(env_index)))
                    .collect()
            }
            Op::Unary(op, a) => column(a).map(|a| unary(op, node.ty, a)).collect(),
            Op::Binary(op, a, b) => column(a)
                .zip(column(b))
                .map(|(a, b)| binary(op, operand_type(a_of(node.op)), a, b))
                .collect(),
            Op::Select(condition, a, b) => column(condition)
                .zip(column(a).zip(column(b)))
                .map(|(condition, (a, b))| if condition != 0.0 { a } else { b })
                .collect(),
            Op::Convert(a) => column(a).map(|a| convert(node.ty, a)).collect(),
            Op::Reduce(reduction, a) => vec![reduce(reduction, node.ty, column(a)); n_envs],
            Op::Reversed(a) => column(a).rev().collect(),
            Op::OfFirst(a) => column(a).take(1).cycle().take(n_envs).collect(),
            Op::Memory(slot) => memory[slot as usize].clone(),
            Op::BatchSize => vec![n_envs as f64; n_envs],
        });
    }
    let value = |node: crate::ir::NodeId| columns[node.0 as usize].clone();
    Evaluated {
        total: value(program.total.value),
        terms: program.terms.iter().map(|term| value(term.value)).collect(),
        memory: program.memory.iter().map(|slot| value(slot.next)).collect(),
        faults: program.fault.map(value).unwrap_or_default(),
    }
}

fn a_of(op: Op) -> crate::ir::NodeId {
    op.operands().next().expect("a binary operation has operands")
}

/// An operation on one value of type `ty`; truth values are 0 and 1.
pub fn unary(op: Unary, ty: Type, a: f64) -> f64 {
    let value = match op {
        Unary::Neg => -a,
        Unary::Abs => a.abs(),
        // Rounded to f64 and then to f32 a root is the same as rounded to f32 at once.
        Unary::Sqrt => a.sqrt(),
        Unary::Floor => a.floor(),
        Unary::Ceil => a.ceil(),
        Unary::Trunc => a.trunc(),
        Unary::Round => a.round_ties_even(),
        Unary::Not => f64::from(a == 0.0),
        _ => function_of_unary(op)
            .expect("every other operation is a function")
            .evaluate(width(ty), a, 0.0),
    };
    rounded(ty, value)
}

/// An operation on two values of type `ty`; truth values are 0 and 1.
pub fn binary(op: Binary, ty: Type, a: f64, b: f64) -> f64 {
    let value = match op {
        // For each of these four, rounding to f64 and then to f32 is the same as rounding to f32 at once.
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Min => minimum(a, b),
        Binary::Max => maximum(a, b),
        Binary::Lt => f64::from(a < b),
        Binary::Le => f64::from(a <= b),
        Binary::Eq => f64::from(a == b),
        Binary::Ne => f64::from(a != b),
        Binary::And => f64::from(a != 0.0 && b != 0.0),
        Binary::Or => f64::from(a != 0.0 || b != 0.0),
        Binary::Xor => f64::from((a != 0.0) != (b != 0.0)),
        Binary::Pow | Binary::Atan2 | Binary::Rem => {
            let function = function_of_binary(op).expect("these are functions");
            function.evaluate(width(ty), a, b)
        }
    };
    rounded(ty, value)
}

/// The lanes in which a value of this type is computed.
pub(crate) fn width(ty: Type) -> Width {
    if ty == Type::F32 { Width::Narrow } else { Width::Wide }
}

/// The kernel behind an operation that is not a single instruction.
pub(crate) fn function_of_unary(op: Unary) -> Option<Function> {
    Some(match op {
        Unary::Exp => Function::Exp,
        Unary::Expm1 => Function::Expm1,
        Unary::Log => Function::Log,
        Unary::Log1p => Function::Log1p,
        Unary::Log2 => Function::Log2,
        Unary::Log10 => Function::Log10,
        Unary::Sin => Function::Sin,
        Unary::Cos => Function::Cos,
        Unary::Tan => Function::Tan,
        Unary::Asin => Function::Asin,
        Unary::Acos => Function::Acos,
        Unary::Atan => Function::Atan,
        Unary::Sinh => Function::Sinh,
        Unary::Cosh => Function::Cosh,
        Unary::Tanh => Function::Tanh,
        Unary::Neg
        | Unary::Abs
        | Unary::Sqrt
        | Unary::Floor
        | Unary::Ceil
        | Unary::Trunc
        | Unary::Round
        | Unary::Not => return None,
    })
}

/// The kernel behind an operation that is not a single instruction.
pub(crate) fn function_of_binary(op: Binary) -> Option<Function> {
    match op {
        Binary::Pow => Some(Function::Pow),
        Binary::Atan2 => Some(Function::Atan2),
        Binary::Rem => Some(Function::Rem),
        _ => None,
    }
}

/// A value of any type as one of type `ty`.
fn convert(ty: Type, value: f64) -> f64 {
    match ty {
        Type::F32 | Type::F64 => rounded(ty, value),
        Type::Bool => f64::from(value != 0.0),
    }
}

fn rounded(ty: Type, value: f64) -> f64 {
    match ty {
        Type::F32 => f64::from(value as f32),
        Type::F64 | Type::Bool => value,
    }
}

/// Sums are taken in f64, environment `i` in lane `i mod 4`, and the four lanes are added crosswise, as modules do.
fn reduce(reduction: Reduction, ty: Type, values: impl Iterator<Item = f64>) -> f64 {
    match reduction {
        Reduction::Sum => {
            let mut lanes = [0.0; 4];
            for (index, value) in values.enumerate() {
                lanes[index % 4] += value;
            }
            rounded(ty, (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]))
        }
        Reduction::Min => values.fold(f64::INFINITY, minimum),
        Reduction::Max => values.fold(f64::NEG_INFINITY, maximum),
    }
}
