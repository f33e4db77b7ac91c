//! Writing a formula with [`Lane`]s records it in a [`Builder`].

use std::{
    cell::RefCell,
    collections::HashMap,
    ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub},
};

use super::{
    Function,
    lanes::{Compare, Float1, Float2, Integer2, Kernel, LaneId, LaneOp, Shift, Table, Width},
};

/// Records a kernel. Equal operations are one.
pub struct Builder {
    width: Width,
    recorded: RefCell<Recorded>,
}

#[derive(Default)]
struct Recorded {
    ops: Vec<LaneOp>,
    known: HashMap<LaneOp, LaneId>,
}

impl Builder {
    /// Of a kernel whose lanes are this wide.
    pub fn new(width: Width) -> Self {
        Self {
            width,
            recorded: RefCell::default(),
        }
    }

    /// An argument of the function.
    pub fn argument(&self, index: u8) -> Lane<'_> {
        self.record(LaneOp::Argument(index))
    }

    /// Ends the recording.
    pub fn finish(self, result: LaneId) -> Kernel {
        Kernel {
            width: self.width,
            ops: self.recorded.into_inner().ops,
            result,
        }
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

    /// A constant, rounded to the width.
    pub fn float(self, value: f64) -> Self {
        self.bits(self.width().encode(value))
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

    /// `other` where that is smaller; NaN stays.
    pub fn at_most(self, other: impl IntoLane<'k>) -> Self {
        self.float2(Float2::AtMost, other)
    }

    /// `other` where that is larger; NaN stays.
    pub fn at_least(self, other: impl IntoLane<'k>) -> Self {
        self.float2(Float2::AtLeast, other)
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
        self & self.float(-0.0)
    }

    /// A small signed integer (magnitude below 2^51, or 2^22) as a float.
    pub fn integer_to_float(self) -> Self {
        let magic = self.float(self.integer_magic());
        self.integer_add(magic) - magic
    }

    /// A float of magnitude below 2^51, or 2^22, rounded to an integer, in its low bits.
    pub fn float_to_low_bits(self) -> Self {
        self + self.float(self.integer_magic())
    }

    /// 2 to the power of a float that is an integer, the exponent of a normal float.
    pub fn power_of_two(self) -> Self {
        self.low_bits_to_exponent().integer_add(self.float(1.0))
    }

    /// A float that is an integer, where a float has its exponent: adding it to a float's bits multiplies by a power of 2.
    pub fn low_bits_to_exponent(self) -> Self {
        let mantissa = match self.width() {
            Width::Narrow => 23,
            Width::Wide => 52,
        };
        self.float_to_low_bits().shift_left(mantissa)
    }

    /// 1.5·2^52, or 1.5·2^23: a float that, with a small integer added to its bits, is larger by that integer.
    fn integer_magic(self) -> f64 {
        match self.width() {
            Width::Narrow => 12_582_912.0,
            Width::Wide => 6_755_399_441_055_744.0,
        }
    }

    /// How wide it is.
    pub fn width(self) -> Width {
        self.builder.width
    }

    /// The number for f64 lanes, or the one for f32 lanes.
    pub fn either(self, wide: f64, narrow: f64) -> Self {
        self.float(self.choose(wide, narrow))
    }

    /// The polynomial for f64 lanes, or the one for f32 lanes; see [`Lane::polynomial`].
    pub fn either_polynomial(self, wide: &[f64], narrow: &[f64]) -> Self {
        self.polynomial(self.choose(wide, narrow))
    }

    /// What is meant for f64 lanes, or what is meant for f32 lanes.
    pub fn choose<T>(self, wide: T, narrow: T) -> T {
        match self.width() {
            Width::Wide => wide,
            Width::Narrow => narrow,
        }
    }

    /// The word of `table` at this index.
    pub fn lookup(self, table: Table) -> Self {
        self.record(LaneOp::Lookup(table, self.id))
    }

    /// In a narrow kernel: see [`LaneOp::Widely`]. A function of one argument does not look at `other`.
    pub fn widely(self, function: Function, other: Self) -> Self {
        self.record(LaneOp::Widely(function, self.id, other.id))
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
