//! The language in which kernels are written: operations on a lane of 64 bits.
//!
//! A lane holds an f64, an integer or a mask (all ones or all zeros); every operation exists as one WASM SIMD instruction,
//! but for the last three of [`LaneOp`]. Writing a formula with [`Lane`]s records it in a [`Builder`].

use std::{
    cell::RefCell,
    collections::HashMap,
    ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub},
};

use super::{Function, coefficients::TWO_OVER_PI_WORDS};

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

/// Float operations on two lanes; `Min` and `Max` give NaN if either side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Float2 {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
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

/// Integer and bit operations, modulo 2^64.
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
    /// `function(argument)` where `mask` is set, else `otherwise`. A module calls it only if some lane is set.
    Rare {
        /// Where.
        mask: LaneId,
        /// A function of one argument.
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
    /// Its operations; operands come before their users.
    pub ops: Vec<LaneOp>,
    /// The operation that gives the value.
    pub result: LaneId,
}

impl Kernel {
    /// Runs it on one lane.
    pub fn evaluate(&self, x: u64, y: u64) -> u64 {
        let mut values: Vec<u64> = Vec::with_capacity(self.ops.len());
        for &op in &self.ops {
            let bits = |id: LaneId| values[id as usize];
            let float = |id: LaneId| f64::from_bits(bits(id));
            let value = match op {
                LaneOp::Argument(0) => x,
                LaneOp::Argument(_) => y,
                LaneOp::Constant(constant) => constant,
                LaneOp::Float1(op, a) => op.apply(float(a)).to_bits(),
                LaneOp::Float2(op, a, b) => op.apply(float(a), float(b)).to_bits(),
                LaneOp::Compare(op, a, b) => mask(op.holds(float(a), float(b))),
                LaneOp::Integer2(op, a, b) => op.apply(bits(a), bits(b)),
                LaneOp::Not(a) => !bits(a),
                LaneOp::Shift(Shift::Left, a, by) => bits(a) << by,
                LaneOp::Shift(Shift::RightUnsigned, a, by) => bits(a) >> by,
                LaneOp::Shift(Shift::RightSigned, a, by) => (bits(a) as i64 >> by) as u64,
                LaneOp::Select(condition, a, b) => (bits(a) & bits(condition)) | (bits(b) & !bits(condition)),
                LaneOp::Lookup(table, index) => table.words()[bits(index) as usize],
                LaneOp::Rare {
                    mask,
                    function,
                    argument,
                    otherwise,
                } => match bits(mask) {
                    0 => bits(otherwise),
                    _ => function.kernel().evaluate(bits(argument), 0),
                },
                LaneOp::Repeat { step, state, operand } => {
                    let mut value = bits(state);
                    while f64::from_bits(value) >= float(operand) {
                        value = step.kernel().evaluate(value, bits(operand));
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
            Float2::Min => minimum(a, b),
            Float2::Max => maximum(a, b),
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

fn mask(set: bool) -> u64 {
    if set { u64::MAX } else { 0 }
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

/// Records a kernel. Equal operations are one.
#[derive(Default)]
pub struct Builder {
    recorded: RefCell<Recorded>,
}

#[derive(Default)]
struct Recorded {
    ops: Vec<LaneOp>,
    known: HashMap<LaneOp, LaneId>,
}

impl Builder {
    /// An argument of the function.
    pub fn argument(&self, index: u8) -> Lane<'_> {
        self.record(LaneOp::Argument(index))
    }

    /// Ends the recording.
    pub fn finish(self, result: LaneId) -> Kernel {
        let ops = self.recorded.into_inner().ops;
        Kernel { ops, result }
    }

    fn record(&self, op: LaneOp) -> Lane<'_> {
        let Recorded { ops, known } = &mut *self.recorded.borrow_mut();
        let id = *known.entry(op).or_insert_with(|| {
            ops.push(op);
            ops.len() as LaneId - 1
        });
        Lane { builder: self, id }
    }
}

/// A value while a kernel is being written.
#[derive(Clone, Copy)]
pub struct Lane<'k> {
    builder: &'k Builder,
    id: LaneId,
}

impl<'k> Lane<'k> {
    /// Its operation.
    pub fn id(self) -> LaneId {
        self.id
    }

    /// A constant.
    pub fn float(self, value: f64) -> Self {
        self.bits(value.to_bits())
    }

    /// A constant, as bits.
    pub fn bits(self, bits: u64) -> Self {
        self.builder.record(LaneOp::Constant(bits))
    }

    /// Magnitude.
    pub fn abs(self) -> Self {
        self.float1(Float1::Abs)
    }

    /// Square root.
    pub fn sqrt(self) -> Self {
        self.float1(Float1::Sqrt)
    }

    /// Towards zero.
    pub fn trunc(self) -> Self {
        self.float1(Float1::Trunc)
    }

    /// To the nearest integer, ties to even.
    pub fn nearest(self) -> Self {
        self.float1(Float1::Nearest)
    }

    /// The smaller one, or NaN.
    pub fn min(self, other: impl IntoLane<'k>) -> Self {
        self.float2(Float2::Min, other)
    }

    /// The larger one, or NaN.
    pub fn max(self, other: impl IntoLane<'k>) -> Self {
        self.float2(Float2::Max, other)
    }

    /// Mask of `self < other`.
    pub fn lt(self, other: impl IntoLane<'k>) -> Self {
        self.compare(Compare::Lt, other)
    }

    /// Mask of `self ≤ other`.
    pub fn le(self, other: impl IntoLane<'k>) -> Self {
        self.compare(Compare::Le, other)
    }

    /// Mask of `self = other`.
    pub fn eq(self, other: impl IntoLane<'k>) -> Self {
        self.compare(Compare::Eq, other)
    }

    /// Mask of `self ≠ other`.
    pub fn ne(self, other: impl IntoLane<'k>) -> Self {
        self.compare(Compare::Ne, other)
    }

    /// Mask of NaN.
    pub fn is_nan(self) -> Self {
        self.ne(self)
    }

    /// Of a mask: `a` where it is set, else `b`.
    pub fn select(self, a: impl IntoLane<'k>, b: impl IntoLane<'k>) -> Self {
        let (a, b) = (a.into_lane(self), b.into_lane(self));
        self.record(LaneOp::Select(self.id, a.id, b.id))
    }

    /// Integer sum.
    pub fn integer_add(self, other: Self) -> Self {
        self.record(LaneOp::Integer2(Integer2::Add, self.id, other.id))
    }

    /// Integer difference.
    pub fn integer_sub(self, other: Self) -> Self {
        self.record(LaneOp::Integer2(Integer2::Sub, self.id, other.id))
    }

    /// Integer product.
    pub fn integer_mul(self, other: Self) -> Self {
        self.record(LaneOp::Integer2(Integer2::Mul, self.id, other.id))
    }

    /// Towards the most significant bit.
    pub fn shift_left(self, by: u8) -> Self {
        self.record(LaneOp::Shift(Shift::Left, self.id, by))
    }

    /// Zeros enter at the top.
    pub fn shift_right(self, by: u8) -> Self {
        self.record(LaneOp::Shift(Shift::RightUnsigned, self.id, by))
    }

    /// Copies of the sign enter at the top.
    pub fn shift_right_signed(self, by: u8) -> Self {
        self.record(LaneOp::Shift(Shift::RightSigned, self.id, by))
    }

    /// The sign bit alone.
    pub fn sign_bit(self) -> Self {
        self & self.bits(1 << 63)
    }

    /// A small signed integer (magnitude below 2^51) as a float.
    pub fn integer_to_float(self) -> Self {
        let magic = self.bits(INTEGER_MAGIC);
        self.integer_add(magic) - magic
    }

    /// A float that is an integer of magnitude below 2^51, as an integer, in its low 51 bits.
    pub fn float_to_low_bits(self) -> Self {
        self + self.bits(INTEGER_MAGIC)
    }

    /// 2 to the power of a float that is an integer in -1022..=1023.
    pub fn power_of_two(self) -> Self {
        self.float_to_low_bits().shift_left(52).integer_add(self.float(1.0))
    }

    /// The word of `table` at this index.
    pub fn lookup(self, table: Table) -> Self {
        self.record(LaneOp::Lookup(table, self.id))
    }

    /// Of a mask: see [`LaneOp::Rare`].
    pub fn rare(self, function: Function, argument: Self, otherwise: Self) -> Self {
        self.record(LaneOp::Rare {
            mask: self.id,
            function,
            argument: argument.id,
            otherwise: otherwise.id,
        })
    }

    /// See [`LaneOp::Repeat`].
    pub fn repeat(self, step: Function, operand: Self) -> Self {
        self.record(LaneOp::Repeat {
            step,
            state: self.id,
            operand: operand.id,
        })
    }

    /// `c[0] + c[1]·self + c[2]·self² + …`
    pub fn polynomial(self, coefficients: &[f64]) -> Self {
        let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
        rest.iter().rfold(self.float(*last), |sum, &c| sum * self + c)
    }

    fn float1(self, op: Float1) -> Self {
        self.record(LaneOp::Float1(op, self.id))
    }

    fn float2(self, op: Float2, other: impl IntoLane<'k>) -> Self {
        let other = other.into_lane(self);
        self.record(LaneOp::Float2(op, self.id, other.id))
    }

    fn compare(self, op: Compare, other: impl IntoLane<'k>) -> Self {
        let other = other.into_lane(self);
        self.record(LaneOp::Compare(op, self.id, other.id))
    }

    fn record(self, op: LaneOp) -> Self {
        self.builder.record(op)
    }
}

/// Bits of 1.5·2^52: a float that, with a small integer added to its bits, is larger by that integer.
const INTEGER_MAGIC: u64 = 0x4338_0000_0000_0000;

/// What a formula may combine with a [`Lane`]: another, or a number.
pub trait IntoLane<'k> {
    /// As a lane in the kernel of `like`.
    fn into_lane(self, like: Lane<'k>) -> Lane<'k>;
}

impl<'k> IntoLane<'k> for Lane<'k> {
    fn into_lane(self, _like: Lane<'k>) -> Lane<'k> {
        self
    }
}

impl<'k> IntoLane<'k> for f64 {
    fn into_lane(self, like: Lane<'k>) -> Lane<'k> {
        like.float(self)
    }
}

macro_rules! float_operator {
    ($($operator:ident $method:ident),*) => {$(
        impl<'k, T: IntoLane<'k>> $operator<T> for Lane<'k> {
            type Output = Lane<'k>;
            fn $method(self, other: T) -> Lane<'k> {
                self.float2(Float2::$operator, other)
            }
        }
        impl<'k> $operator<Lane<'k>> for f64 {
            type Output = Lane<'k>;
            fn $method(self, other: Lane<'k>) -> Lane<'k> {
                other.float(self).float2(Float2::$operator, other)
            }
        }
    )*};
}
float_operator!(Add add, Sub sub, Mul mul, Div div);

macro_rules! bit_operator {
    ($($operator:ident $method:ident $op:ident),*) => {$(
        impl $operator for Lane<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.record(LaneOp::Integer2(Integer2::$op, self.id, other.id))
            }
        }
    )*};
}
bit_operator!(BitAnd bitand And, BitOr bitor Or, BitXor bitxor Xor);

impl Not for Lane<'_> {
    type Output = Self;
    fn not(self) -> Self {
        self.record(LaneOp::Not(self.id))
    }
}

impl Neg for Lane<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.float1(Float1::Neg)
    }
}
