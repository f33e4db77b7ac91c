//! The language in which kernels are written: operations on a lane of 32 or 64 bits.
//!
//! A lane holds a float, an integer or a mask (all ones or all zeros); every operation exists as one WASM SIMD instruction,
//! but for the last four of [`LaneOp`]. Formulas are recorded by [`super::builder`].

use super::{Function, coefficients::TWO_OVER_PI_WORDS};

/// What a kernel's lanes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// f32 and 32-bit integers, four to a register.
    Narrow,
    /// f64 and 64-bit integers, two to a register.
    Wide,
}

impl Width {
    /// Bits of a float, which is rounded.
    pub fn encode(self, value: f64) -> u64 {
        match self {
            Width::Narrow => u64::from((value as f32).to_bits()),
            Width::Wide => value.to_bits(),
        }
    }

    /// The float of these bits.
    pub fn decode(self, bits: u64) -> f64 {
        match self {
            Width::Narrow => f64::from(f32::from_bits(bits as u32)),
            Width::Wide => f64::from_bits(bits),
        }
    }

    /// All bits of a lane set.
    pub fn ones(self) -> u64 {
        match self {
            Width::Narrow => u64::from(u32::MAX),
            Width::Wide => u64::MAX,
        }
    }
}

/// Position of an operation in its [`Kernel`].
pub type LaneId = u32;

/// Float operations on one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Float1 {
    Neg,
    Abs,
    Sqrt,
    Trunc,
    /// Ties to even.
    Nearest,
}

/// Float operations on two lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Float2 {
    Add,
    Sub,
    Mul,
    Div,
    /// The second if it is smaller, else the first, so that a NaN on the left stays: one instruction where WASM's `min`,
    /// which also looks at a NaN on the right, takes seven.
    AtMost,
    /// The second if it is larger, else the first.
    AtLeast,
}

/// Float comparisons; the result is a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Compare {
    Lt,
    Le,
    Eq,
    Ne,
}

/// Integer and bit operations, modulo 2^32 or 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Integer2 {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
}

/// Shifts by a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Shift {
    Left,
    RightUnsigned,
    RightSigned,
}

/// Constant words that a module keeps in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// The binary digits of 2/π.
    TwoOverPi,
}

impl Table {
    /// Its words.
    pub fn words(self) -> &'static [u64] {
        match self {
            Table::TwoOverPi => &TWO_OVER_PI_WORDS,
        }
    }
}

/// One operation; operands are earlier operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaneOp {
    /// An argument of the function.
    Argument(u8),
    /// These bits.
    Constant(u64),
    /// See [`Float1`].
    Float1(Float1, LaneId),
    /// See [`Float2`].
    Float2(Float2, LaneId, LaneId),
    /// See [`Compare`].
    Compare(Compare, LaneId, LaneId),
    /// See [`Integer2`].
    Integer2(Integer2, LaneId, LaneId),
    /// All bits inverted.
    Not(LaneId),
    /// See [`Shift`].
    Shift(Shift, LaneId, u8),
    /// The second where the first (a mask) is set, else the third.
    Select(LaneId, LaneId, LaneId),
    /// The word at an index, which the kernel keeps inside the table.
    Lookup(Table, LaneId),
    /// Of a narrow kernel: a wide function of one or two arguments, which are exact in it, rounded.
    Widely(Function, LaneId, LaneId),
    /// `function(argument)` where `mask` is set, else `otherwise`. A module calls it only if some lane is set.
    Rare {
        /// Where.
        mask: LaneId,
        /// A function of one argument, of the kernel's width.
        function: Function,
        /// Its argument.
        argument: LaneId,
        /// The usual value.
        otherwise: LaneId,
    },
    /// `state = step(state, operand)` while `state ≥ operand`. The step leaves lanes alone that are already smaller.
    Repeat {
        /// A function of two arguments.
        step: Function,
        /// Value at the start.
        state: LaneId,
        /// The other argument.
        operand: LaneId,
    },
}

impl LaneOp {
    /// The operations whose results it reads.
    pub fn operands(self) -> impl Iterator<Item = LaneId> {
        let (operands, count) = match self {
            LaneOp::Argument(_) | LaneOp::Constant(_) => ([0; 3], 0),
            LaneOp::Float1(_, a) | LaneOp::Not(a) | LaneOp::Shift(_, a, _) | LaneOp::Lookup(_, a) => ([a, 0, 0], 1),
            LaneOp::Float2(_, a, b) | LaneOp::Compare(_, a, b) | LaneOp::Integer2(_, a, b) => ([a, b, 0], 2),
            LaneOp::Widely(function, a, b) => ([a, b, 0], function.arity() as usize),
            LaneOp::Select(a, b, c) => ([a, b, c], 3),
            LaneOp::Rare {
                mask: a,
                argument: b,
                otherwise: c,
                ..
            } => ([a, b, c], 3),
            LaneOp::Repeat {
                state: a, operand: b, ..
            } => ([a, b, 0], 2),
        };
        operands.into_iter().take(count)
    }
}

/// A recorded function.
#[derive(Debug)]
pub struct Kernel {
    /// Of all its lanes.
    pub width: Width,
    /// Its operations; operands come before their users.
    pub ops: Vec<LaneOp>,
    /// The operation that gives the value.
    pub result: LaneId,
}

impl Kernel {
    /// Runs it on one lane. Bits of narrow lanes are the lower half.
    ///
    /// Narrow floats are computed in f64 and rounded, which for these operations is the same as rounding once.
    pub fn evaluate(&self, x: u64, y: u64) -> u64 {
        let width = self.width;
        let mask = |set: bool| if set { width.ones() } else { 0 };
        let mut values: Vec<u64> = Vec::with_capacity(self.ops.len());
        for &op in &self.ops {
            let bits = |id: LaneId| values[id as usize];
            let float = |id: LaneId| width.decode(bits(id));
            let value = match op {
                LaneOp::Argument(0) => x,
                LaneOp::Argument(_) => y,
                LaneOp::Constant(constant) => constant,
                LaneOp::Float1(op, a) => width.encode(op.apply(float(a))),
                LaneOp::Float2(op, a, b) => width.encode(op.apply(float(a), float(b))),
                LaneOp::Compare(op, a, b) => mask(op.holds(float(a), float(b))),
                LaneOp::Integer2(op, a, b) => op.apply(bits(a), bits(b)) & width.ones(),
                LaneOp::Not(a) => bits(a) ^ width.ones(),
                LaneOp::Shift(Shift::Left, a, by) => (bits(a) << by) & width.ones(),
                LaneOp::Shift(Shift::RightUnsigned, a, by) => bits(a) >> by,
                LaneOp::Shift(Shift::RightSigned, a, by) => match width {
                    Width::Narrow => u64::from((bits(a) as i32 >> by) as u32),
                    Width::Wide => (bits(a) as i64 >> by) as u64,
                },
                LaneOp::Select(condition, a, b) => (bits(a) & bits(condition)) | (bits(b) & !bits(condition)),
                LaneOp::Lookup(table, index) => table.words()[bits(index) as usize],
                LaneOp::Widely(function, a, b) => {
                    let wide = Width::Wide;
                    let [a, b] = [a, b].map(|id| wide.encode(float(id)));
                    width.encode(wide.decode(function.kernel(wide).evaluate(a, b)))
                }
                LaneOp::Rare {
                    mask,
                    function,
                    argument,
                    otherwise,
                } => match bits(mask) {
                    0 => bits(otherwise),
                    _ => function.kernel(width).evaluate(bits(argument), 0),
                },
                LaneOp::Repeat { step, state, operand } => {
                    let mut value = bits(state);
                    while width.decode(value) >= float(operand) {
                        value = step.kernel(width).evaluate(value, bits(operand));
                    }
                    value
                }
            };
            values.push(value);
        }
        values[self.result as usize]
    }
}

impl Float1 {
    fn apply(self, a: f64) -> f64 {
        match self {
            Float1::Neg => -a,
            Float1::Abs => a.abs(),
            Float1::Sqrt => a.sqrt(),
            Float1::Trunc => a.trunc(),
            Float1::Nearest => a.round_ties_even(),
        }
    }
}

impl Float2 {
    fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Float2::Add => a + b,
            Float2::Sub => a - b,
            Float2::Mul => a * b,
            Float2::Div => a / b,
            Float2::AtMost if b < a => b,
            Float2::AtLeast if a < b => b,
            Float2::AtMost | Float2::AtLeast => a,
        }
    }
}

impl Compare {
    fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Compare::Lt => a < b,
            Compare::Le => a <= b,
            Compare::Eq => a == b,
            Compare::Ne => a != b,
        }
    }
}

impl Integer2 {
    fn apply(self, a: u64, b: u64) -> u64 {
        match self {
            Integer2::Add => a.wrapping_add(b),
            Integer2::Sub => a.wrapping_sub(b),
            Integer2::Mul => a.wrapping_mul(b),
            Integer2::And => a & b,
            Integer2::Or => a | b,
            Integer2::Xor => a ^ b,
        }
    }
}

/// The smaller value as WASM has it: NaN if either is, and -0 is smaller than +0.
pub fn minimum(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == b {
        f64::from_bits(a.to_bits() | b.to_bits())
    } else if a < b {
        a
    } else {
        b
    }
}

/// The larger value as WASM has it.
pub fn maximum(a: f64, b: f64) -> f64 {
    -minimum(-a, -b)
}
