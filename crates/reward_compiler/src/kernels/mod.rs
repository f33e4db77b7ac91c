//! Mathematical functions that give the same bits on every platform.
//!
//! `exp` and its kin differ in the last digits from one math library to the next, so a reward that called the host's would
//! train differently on another machine. Here each function is written once, as straight-line arithmetic on lanes of 32 or
//! 64 bits without tables, branches or fused operations. From that one text come the WASM function in a module (four or two
//! lanes at a time) and the Rust function behind the interpreter and constant folding, which therefore agree to the bit.
//!
//! ```text
//! exponential.rs, … ──builder──▶ lanes::Kernel ──▶ emit::kernel   (v128) -> v128
//!                                             └──▶ Kernel::evaluate  bits -> bits
//! ```
//!
//! Most texts serve both widths with other constants; `brief` has those that are written for f32 alone. The error is below
//! 1 unit in the last place of f64 and below 2 of f32 (tested against `libm`, f32 for every argument there is); special
//! values follow C99, annex F.

mod brief;
mod builder;
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

use builder::Builder;
pub use lanes::{Compare, Float1, Float2, Integer2, Kernel, LaneId, LaneOp, Shift, Table, Width, maximum, minimum};

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
    /// Wide: [`brief::angle`].
    Angle,
    /// Wide: [`brief::tan_medium`].
    TanMedium,
    /// Wide: [`brief::pow`].
    PowBrief,
    /// Wide: [`brief::sin_far`].
    SinFarBrief,
    /// Wide: [`brief::cos_far`].
    CosFarBrief,
    /// Wide: [`brief::tan_far`].
    TanFarBrief,
}

/// Number of functions.
const COUNT: usize = Function::TanFarBrief as usize + 1;

impl Function {
    /// Number of arguments.
    pub fn arity(self) -> u8 {
        match self {
            Function::Pow
            | Function::Atan2
            | Function::Rem
            | Function::RemStep
            | Function::Angle
            | Function::TanMedium
            | Function::PowBrief => 2,
            _ => 1,
        }
    }

    /// Its operations, recorded at the first use.
    pub fn kernel(self, width: Width) -> &'static Kernel {
        static KERNELS: [[OnceLock<Kernel>; 2]; COUNT] = [const { [const { OnceLock::new() }; 2] }; COUNT];
        KERNELS[self as usize][width as usize].get_or_init(|| {
            let builder = Builder::new(width);
            let x = builder.argument(0);
            let narrow = width == Width::Narrow;
            let result = match self {
                Function::Exp if narrow => brief::exp(x),
                Function::Tanh if narrow => brief::tanh(x),
                Function::Sin if narrow => brief::sin(x),
                Function::Cos if narrow => brief::cos(x),
                Function::Tan if narrow => brief::tan(x),
                Function::SinFar if narrow => x.widely(Function::SinFarBrief, x),
                Function::CosFar if narrow => x.widely(Function::CosFarBrief, x),
                Function::TanFar if narrow => x.widely(Function::TanFarBrief, x),
                Function::Pow if narrow => x.widely(Function::PowBrief, builder.argument(1)),
                Function::Rem if narrow => x.widely(Function::Rem, builder.argument(1)),
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
                Function::Angle => brief::angle(x, builder.argument(1)),
                Function::TanMedium => brief::tan_medium(x, builder.argument(1)),
                Function::PowBrief => brief::pow(x, builder.argument(1)),
                Function::SinFarBrief => brief::sin_far(x),
                Function::CosFarBrief => brief::cos_far(x),
                Function::TanFarBrief => brief::tan_far(x),
            };
            let result = result.id();
            builder.finish(result)
        })
    }

    /// Its value, to the bit as a module computes it. A function of one argument does not look at `y`.
    pub fn evaluate(self, width: Width, x: f64, y: f64) -> f64 {
        let bits = self.kernel(width).evaluate(width.encode(x), width.encode(y));
        width.decode(bits)
    }
}
