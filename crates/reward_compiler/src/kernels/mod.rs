//! Mathematical functions that give the same bits on every platform.
//!
//! `exp` and its kin differ in the last digits from one math library to the next, so a reward that called the host's would
//! train differently on another machine. Here each function is written once, as straight-line arithmetic on lanes of 64
//! bits without tables, branches or fused operations. From that one text come the WASM function in a module (two lanes at a
//! time) and the Rust function behind the interpreter and constant folding, which therefore agree to the bit.
//!
//! ```text
//! exponential.rs, … ──recorded by──▶ lanes::Kernel ──▶ emit::kernel   (v128) -> v128
//!                                                 └──▶ Kernel::evaluate  f64 -> f64
//! ```
//!
//! The error is below 1 unit in the last place of f64 (tested against `libm`), special values follow C99, annex F. An f32
//! goes through f64 and back, which leaves little more than half a unit.

mod coefficients;
mod double_double;
mod exponential;
mod inverse_trigonometric;
mod lanes;
mod logarithm;
mod power;
mod reduction;
mod remainder;
mod trigonometric;

use std::sync::OnceLock;

use lanes::Builder;
pub use lanes::{Compare, Float1, Float2, Integer2, Kernel, LaneId, LaneOp, Shift, Table, maximum, minimum};

/// A function that is too long to be inlined, so that modules call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the mathematical functions of the same names
pub enum Function {
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Pow,
    Atan2,
    Rem,
    /// Sine of arguments beyond [`reduction::MEDIUM`].
    SinFar,
    /// Cosine of arguments beyond [`reduction::MEDIUM`].
    CosFar,
    /// Tangent of arguments beyond [`reduction::MEDIUM`].
    TanFar,
    /// One step of the long division in [`Function::Rem`].
    RemStep,
}

/// Number of functions.
const COUNT: usize = Function::RemStep as usize + 1;

impl Function {
    /// Number of arguments.
    pub fn arity(self) -> u8 {
        match self {
            Function::Pow | Function::Atan2 | Function::Rem | Function::RemStep => 2,
            _ => 1,
        }
    }

    /// Its operations, recorded at the first use.
    pub fn kernel(self) -> &'static Kernel {
        static KERNELS: [OnceLock<Kernel>; COUNT] = [const { OnceLock::new() }; COUNT];
        KERNELS[self as usize].get_or_init(|| {
            let builder = Builder::default();
            let x = builder.argument(0);
            let result = match self {
                Function::Exp => exponential::exp(x),
                Function::Expm1 => exponential::expm1(x),
                Function::Sinh => exponential::sinh(x),
                Function::Cosh => exponential::cosh(x),
                Function::Tanh => exponential::tanh(x),
                Function::Log => logarithm::log(x),
                Function::Log1p => logarithm::log1p(x),
                Function::Log2 => logarithm::log2(x),
                Function::Log10 => logarithm::log10(x),
                Function::Sin => trigonometric::sin(x),
                Function::Cos => trigonometric::cos(x),
                Function::Tan => trigonometric::tan(x),
                Function::SinFar => trigonometric::sin_far(x),
                Function::CosFar => trigonometric::cos_far(x),
                Function::TanFar => trigonometric::tan_far(x),
                Function::Asin => inverse_trigonometric::asin(x),
                Function::Acos => inverse_trigonometric::acos(x),
                Function::Atan => inverse_trigonometric::atan(x),
                Function::Atan2 => inverse_trigonometric::atan2(x, builder.argument(1)),
                Function::Pow => power::pow(x, builder.argument(1)),
                Function::Rem => remainder::rem(x, builder.argument(1)),
                Function::RemStep => remainder::rem_step(x, builder.argument(1)),
            };
            let result = result.id();
            builder.finish(result)
        })
    }

    /// Its value, to the bit as a module computes it. A function of one argument does not look at `y`.
    pub fn evaluate(self, x: f64, y: f64) -> f64 {
        f64::from_bits(self.kernel().evaluate(x.to_bits(), y.to_bits()))
    }
}
