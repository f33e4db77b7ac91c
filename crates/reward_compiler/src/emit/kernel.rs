//! Math kernels as WASM: functions on one register, or the same code in place.

use wasm_encoder::{BlockType, Function as Body, InstructionSink, MemArg, ValType};

use super::{Callee, Linkage};
use crate::kernels::{Compare, Float1, Float2, Function, Integer2, Kernel, LaneId, LaneOp, Shift, Width};

/// Longest wide kernel that a narrow one takes in: it stands there twice.
const LONGEST_INLINED: usize = 40;

/// Byte shuffles: the upper half in place of the lower; two lower halves side by side.
pub const UPPER: [u8; 16] = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
pub const LOWER_HALVES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/// Code and locals of a function that is called.
pub fn function(callee: Callee, linkage: &Linkage) -> Body {
    let parameters = u32::from(callee.function.arity());
    let mut writer = Writer {
        linkage,
        code: Vec::new(),
        next_local: parameters,
    };
    let arguments: Vec<u32> = (0..parameters).collect();
    writer.kernel(callee.function.kernel(callee.width), &arguments);
    InstructionSink::new(&mut writer.code).end();
    let mut body = Body::new([(writer.next_local - parameters, ValType::V128)]);
    body.raw(writer.code);
    body
}

/// What a kernel calls.
pub fn callees(kernel: &Kernel) -> Vec<Callee> {
    let mut callees = Vec::new();
    for op in &kernel.ops {
        match *op {
            LaneOp::Rare { function, .. } | LaneOp::Repeat { step: function, .. } => callees.push(Callee {
                function,
                width: kernel.width,
            }),
            LaneOp::Widely(function, ..) => {
                let callee = Callee {
                    function,
                    width: Width::Wide,
                };
                if is_inlined(callee) {
                    callees.extend(self::callees(function.kernel(Width::Wide)));
                } else {
                    callees.push(callee);
                }
            }
            _ => {}
        }
    }
    callees
}

fn is_inlined(callee: Callee) -> bool {
    callee.function.kernel(callee.width).ops.len() <= LONGEST_INLINED
}

/// Writes kernels into the code of some function.
struct Writer<'l> {
    linkage: &'l Linkage,
    code: Vec<u8>,
    next_local: u32,
}

/// A kernel that is being written.
struct Frame<'k> {
    kernel: &'k Kernel,
    /// Locals of its arguments.
    arguments: &'k [u32],
    /// Locals of the values that are kept, once they are computed.
    locals: Vec<Option<u32>>,
}

impl Writer<'_> {
    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    fn new_local(&mut self) -> u32 {
        self.next_local += 1;
        self.next_local - 1
    }

    /// Pushes the value of a kernel whose arguments are in these locals.
    fn kernel(&mut self, kernel: &Kernel, arguments: &[u32]) {
        let mut frame = Frame {
            kernel,
            arguments,
            locals: vec![None; kernel.ops.len()],
        };
        for (id, kept) in kept(kernel).into_iter().enumerate() {
            if kept {
                self.compute(&frame, id as LaneId);
                let local = self.new_local();
                self.sink().local_set(local);
                frame.locals[id] = Some(local);
            }
        }
        self.push(&frame, kernel.result);
    }

    /// Pushes a value: from its local, or computed on the spot.
    fn push(&mut self, frame: &Frame<'_>, id: LaneId) {
        match self.local(frame, id) {
            Some(local) => _ = self.sink().local_get(local),
            None => self.compute(frame, id),
        }
    }

    /// Where a value is that needs no computing.
    fn local(&self, frame: &Frame<'_>, id: LaneId) -> Option<u32> {
        match frame.kernel.ops[id as usize] {
            LaneOp::Argument(index) => Some(frame.arguments[usize::from(index)]),
            _ => frame.locals[id as usize],
        }
    }

    fn compute(&mut self, frame: &Frame<'_>, id: LaneId) {
        let op = frame.kernel.ops[id as usize];
        let width = frame.kernel.width;
        match op {
            LaneOp::Rare { .. } => self.rare(frame, op),
            LaneOp::Repeat { step, state, operand } => self.repeat(frame, step, state, operand),
            LaneOp::Lookup(table, index) => self.lookup(frame, self.linkage.tables[&table], index),
            LaneOp::Widely(function, a, b) => self.widely(frame, function, a, b),
            LaneOp::Select(condition, a, b) => {
                for operand in [a, b, condition] {
                    self.push(frame, operand);
                }
                self.sink().v128_bitselect();
            }
            _ => {
                op.operands().for_each(|operand| self.push(frame, operand));
                instruction(&mut self.sink(), op, width);
            }
        }
    }

    /// Both words are loaded one after the other: SIMD has no gather.
    fn lookup(&mut self, frame: &Frame<'_>, address: u32, index: LaneId) {
        let word = MemArg {
            offset: u64::from(address),
            align: 3,
            memory_index: 0,
        };
        for lane in [1, 0] {
            self.push(frame, index);
            self.sink()
                .i64x2_extract_lane(lane)
                .i32_wrap_i64()
                .i32_const(3)
                .i32_shl();
        }
        self.sink().v128_load64_zero(word).v128_load64_lane(word, 1);
    }

    /// Each half of the lanes on its own.
    fn widely(&mut self, frame: &Frame<'_>, function: Function, a: LaneId, b: LaneId) {
        let callee = Callee {
            function,
            width: Width::Wide,
        };
        let operands = &[a, b][..usize::from(function.arity())];
        for half in 0..2 {
            let mut arguments = Vec::new();
            for &operand in operands {
                self.push(frame, operand);
                if half == 1 {
                    self.push(frame, operand);
                    self.sink().i8x16_shuffle(UPPER);
                }
                self.sink().f64x2_promote_low_f32x4();
                if is_inlined(callee) {
                    let argument = self.new_local();
                    self.sink().local_set(argument);
                    arguments.push(argument);
                }
            }
            if is_inlined(callee) {
                self.kernel(function.kernel(Width::Wide), &arguments);
            } else {
                let callee = self.linkage.functions[&callee];
                self.sink().call(callee);
            }
            self.sink().f32x4_demote_f64x2_zero();
        }
        self.sink().i8x16_shuffle(LOWER_HALVES);
    }

    fn rare(&mut self, frame: &Frame<'_>, op: LaneOp) {
        let LaneOp::Rare {
            mask,
            function,
            argument,
            otherwise,
        } = op
        else {
            unreachable!("the caller looked")
        };
        let width = frame.kernel.width;
        let callee = self.linkage.functions[&Callee { function, width }];
        self.push(frame, mask);
        self.sink().v128_any_true().if_(BlockType::Result(ValType::V128));
        self.push(frame, argument);
        self.sink().call(callee);
        self.push(frame, otherwise);
        self.push(frame, mask);
        self.sink().v128_bitselect().else_();
        self.push(frame, otherwise);
        self.sink().end();
    }

    fn repeat(&mut self, frame: &Frame<'_>, step: Function, state: LaneId, operand: LaneId) {
        let width = frame.kernel.width;
        let callee = self.linkage.functions[&Callee { function: step, width }];
        let current = self.new_local();
        self.push(frame, state);
        self.sink()
            .local_set(current)
            .block(BlockType::Empty)
            .loop_(BlockType::Empty)
            .local_get(current);
        self.push(frame, operand);
        let mut sink = self.sink();
        match width {
            Width::Narrow => sink.f32x4_ge(),
            Width::Wide => sink.f64x2_ge(),
        };
        sink.v128_any_true().i32_eqz().br_if(1).local_get(current);
        self.push(frame, operand);
        self.sink()
            .call(callee)
            .local_set(current)
            .br(0)
            .end()
            .end()
            .local_get(current);
    }
}

/// Which values are read more than once, or by an operation that needs its operands in locals.
fn kept(kernel: &Kernel) -> Vec<bool> {
    let mut uses = vec![0; kernel.ops.len()];
    for op in &kernel.ops {
        let reads = match op {
            LaneOp::Lookup(..) | LaneOp::Rare { .. } | LaneOp::Repeat { .. } | LaneOp::Widely(..) => 2,
            _ => 1,
        };
        for operand in op.operands() {
            uses[operand as usize] += reads;
        }
    }
    let needs_local = |op: &LaneOp, uses| match op {
        LaneOp::Argument(_) | LaneOp::Constant(_) => false,
        LaneOp::Repeat { .. } => uses > 0,
        _ => uses > 1,
    };
    kernel
        .ops
        .iter()
        .zip(uses)
        .map(|(op, uses)| needs_local(op, uses))
        .collect()
}

/// The instruction of an operation whose operands are on the stack.
fn instruction(sink: &mut InstructionSink<'_>, op: LaneOp, width: Width) {
    let wide = width == Width::Wide;
    match op {
        LaneOp::Constant(bits) => sink.v128_const(splat(width, bits)),
        LaneOp::Float1(op, _) => match (op, wide) {
            (Float1::Neg, false) => sink.f32x4_neg(),
            (Float1::Neg, true) => sink.f64x2_neg(),
            (Float1::Abs, false) => sink.f32x4_abs(),
            (Float1::Abs, true) => sink.f64x2_abs(),
            (Float1::Sqrt, false) => sink.f32x4_sqrt(),
            (Float1::Sqrt, true) => sink.f64x2_sqrt(),
            (Float1::Trunc, false) => sink.f32x4_trunc(),
            (Float1::Trunc, true) => sink.f64x2_trunc(),
            (Float1::Nearest, false) => sink.f32x4_nearest(),
            (Float1::Nearest, true) => sink.f64x2_nearest(),
        },
        LaneOp::Float2(op, ..) => match (op, wide) {
            (Float2::Add, false) => sink.f32x4_add(),
            (Float2::Add, true) => sink.f64x2_add(),
            (Float2::Sub, false) => sink.f32x4_sub(),
            (Float2::Sub, true) => sink.f64x2_sub(),
            (Float2::Mul, false) => sink.f32x4_mul(),
            (Float2::Mul, true) => sink.f64x2_mul(),
            (Float2::Div, false) => sink.f32x4_div(),
            (Float2::Div, true) => sink.f64x2_div(),
            (Float2::AtMost, false) => sink.f32x4_pmin(),
            (Float2::AtMost, true) => sink.f64x2_pmin(),
            (Float2::AtLeast, false) => sink.f32x4_pmax(),
            (Float2::AtLeast, true) => sink.f64x2_pmax(),
        },
        LaneOp::Compare(op, ..) => match (op, wide) {
            (Compare::Lt, false) => sink.f32x4_lt(),
            (Compare::Lt, true) => sink.f64x2_lt(),
            (Compare::Le, false) => sink.f32x4_le(),
            (Compare::Le, true) => sink.f64x2_le(),
            (Compare::Eq, false) => sink.f32x4_eq(),
            (Compare::Eq, true) => sink.f64x2_eq(),
            (Compare::Ne, false) => sink.f32x4_ne(),
            (Compare::Ne, true) => sink.f64x2_ne(),
        },
        LaneOp::Integer2(op, ..) => match (op, wide) {
            (Integer2::Add, false) => sink.i32x4_add(),
            (Integer2::Add, true) => sink.i64x2_add(),
            (Integer2::Sub, false) => sink.i32x4_sub(),
            (Integer2::Sub, true) => sink.i64x2_sub(),
            (Integer2::Mul, false) => sink.i32x4_mul(),
            (Integer2::Mul, true) => sink.i64x2_mul(),
            (Integer2::And, _) => sink.v128_and(),
            (Integer2::Or, _) => sink.v128_or(),
            (Integer2::Xor, _) => sink.v128_xor(),
        },
        LaneOp::Not(_) => sink.v128_not(),
        LaneOp::Shift(direction, _, by) => {
            sink.i32_const(i32::from(by));
            match (direction, wide) {
                (Shift::Left, false) => sink.i32x4_shl(),
                (Shift::Left, true) => sink.i64x2_shl(),
                (Shift::RightUnsigned, false) => sink.i32x4_shr_u(),
                (Shift::RightUnsigned, true) => sink.i64x2_shr_u(),
                (Shift::RightSigned, false) => sink.i32x4_shr_s(),
                (Shift::RightSigned, true) => sink.i64x2_shr_s(),
            }
        }
        _ => unreachable!("{op:?} is not one instruction"),
    };
}

/// The same bits in all lanes.
pub fn splat(width: Width, bits: u64) -> i128 {
    let bits = match width {
        Width::Narrow => bits << 32 | bits,
        Width::Wide => bits,
    };
    (u128::from(bits) << 64 | u128::from(bits)) as i128
}
