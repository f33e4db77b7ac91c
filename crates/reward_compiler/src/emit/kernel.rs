//! The WASM function of a math kernel: two f64 lanes in, two out.

use wasm_encoder::{BlockType, Function as Body, InstructionSink, MemArg, ValType};

use super::Linkage;
use crate::kernels::{Compare, Float1, Float2, Function, Integer2, Kernel, LaneId, LaneOp, Shift};

/// Code and locals of `function`.
pub fn function(function: Function, linkage: &Linkage) -> Body {
    let kernel = function.kernel();
    let mut writer = Writer {
        kernel,
        linkage,
        code: Vec::new(),
        kept: kept(kernel),
        locals: vec![None; kernel.ops.len()],
        next_local: u32::from(function.arity()),
    };
    for id in 0..kernel.ops.len() {
        if writer.kept[id] {
            writer.compute(id as LaneId);
            let local = writer.new_local();
            writer.sink().local_set(local);
            writer.locals[id] = Some(local);
        }
    }
    writer.push(kernel.result);
    writer.sink().end();
    let mut body = Body::new([(writer.next_local - u32::from(function.arity()), ValType::V128)]);
    body.raw(writer.code);
    body
}

/// Which values are read more than once, or by an operation that needs its operands in locals.
fn kept(kernel: &Kernel) -> Vec<bool> {
    let mut uses = vec![0; kernel.ops.len()];
    for op in &kernel.ops {
        let reads = match op {
            LaneOp::Lookup(..) | LaneOp::Rare { .. } | LaneOp::Repeat { .. } => 2,
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

struct Writer<'k> {
    kernel: &'k Kernel,
    linkage: &'k Linkage,
    code: Vec<u8>,
    kept: Vec<bool>,
    locals: Vec<Option<u32>>,
    next_local: u32,
}

impl Writer<'_> {
    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    fn new_local(&mut self) -> u32 {
        self.next_local += 1;
        self.next_local - 1
    }

    /// Pushes a value: from its local, or computed on the spot.
    fn push(&mut self, id: LaneId) {
        match self.locals[id as usize] {
            Some(local) => _ = self.sink().local_get(local),
            None => self.compute(id),
        }
    }

    fn compute(&mut self, id: LaneId) {
        let op = self.kernel.ops[id as usize];
        match op {
            LaneOp::Rare {
                mask,
                function,
                argument,
                otherwise,
            } => {
                return self.rare(mask, function, argument, otherwise);
            }
            LaneOp::Repeat { step, state, operand } => return self.repeat(step, state, operand),
            LaneOp::Lookup(table, index) => return self.lookup(self.linkage.tables[&table], index),
            LaneOp::Select(condition, a, b) => {
                for operand in [a, b, condition] {
                    self.push(operand);
                }
            }
            _ => op.operands().for_each(|operand| self.push(operand)),
        }
        let mut sink = self.sink();
        match op {
            LaneOp::Argument(index) => sink.local_get(u32::from(index)),
            LaneOp::Constant(bits) => sink.v128_const(splat(bits)),
            LaneOp::Float1(op, _) => match op {
                Float1::Neg => sink.f64x2_neg(),
                Float1::Abs => sink.f64x2_abs(),
                Float1::Sqrt => sink.f64x2_sqrt(),
                Float1::Trunc => sink.f64x2_trunc(),
                Float1::Nearest => sink.f64x2_nearest(),
            },
            LaneOp::Float2(op, ..) => match op {
                Float2::Add => sink.f64x2_add(),
                Float2::Sub => sink.f64x2_sub(),
                Float2::Mul => sink.f64x2_mul(),
                Float2::Div => sink.f64x2_div(),
                Float2::Min => sink.f64x2_min(),
                Float2::Max => sink.f64x2_max(),
            },
            LaneOp::Compare(op, ..) => match op {
                Compare::Lt => sink.f64x2_lt(),
                Compare::Le => sink.f64x2_le(),
                Compare::Eq => sink.f64x2_eq(),
                Compare::Ne => sink.f64x2_ne(),
            },
            LaneOp::Integer2(op, ..) => match op {
                Integer2::Add => sink.i64x2_add(),
                Integer2::Sub => sink.i64x2_sub(),
                Integer2::Mul => sink.i64x2_mul(),
                Integer2::And => sink.v128_and(),
                Integer2::Or => sink.v128_or(),
                Integer2::Xor => sink.v128_xor(),
            },
            LaneOp::Not(_) => sink.v128_not(),
            LaneOp::Shift(direction, _, by) => {
                sink.i32_const(i32::from(by));
                match direction {
                    Shift::Left => sink.i64x2_shl(),
                    Shift::RightUnsigned => sink.i64x2_shr_u(),
                    Shift::RightSigned => sink.i64x2_shr_s(),
                }
            }
            LaneOp::Select(..) => sink.v128_bitselect(),
            LaneOp::Lookup(..) | LaneOp::Rare { .. } | LaneOp::Repeat { .. } => unreachable!("returned above"),
        };
    }

    /// Both words are loaded one after the other: SIMD has no gather.
    fn lookup(&mut self, address: u32, index: LaneId) {
        let word = MemArg {
            offset: u64::from(address),
            align: 3,
            memory_index: 0,
        };
        for lane in [1, 0] {
            self.push(index);
            self.sink()
                .i64x2_extract_lane(lane)
                .i32_wrap_i64()
                .i32_const(3)
                .i32_shl();
        }
        self.sink().v128_load64_zero(word).v128_load64_lane(word, 1);
    }

    fn rare(&mut self, mask: LaneId, function: Function, argument: LaneId, otherwise: LaneId) {
        let callee = self.linkage.functions[&function];
        self.push(mask);
        self.sink().v128_any_true().if_(BlockType::Result(ValType::V128));
        self.push(argument);
        self.sink().call(callee);
        self.push(otherwise);
        self.push(mask);
        self.sink().v128_bitselect().else_();
        self.push(otherwise);
        self.sink().end();
    }

    fn repeat(&mut self, step: Function, state: LaneId, operand: LaneId) {
        let callee = self.linkage.functions[&step];
        let current = self.new_local();
        self.push(state);
        self.sink()
            .local_set(current)
            .block(BlockType::Empty)
            .loop_(BlockType::Empty)
            .local_get(current);
        self.push(operand);
        self.sink()
            .f64x2_ge()
            .v128_any_true()
            .i32_eqz()
            .br_if(1)
            .local_get(current);
        self.push(operand);
        self.sink()
            .call(callee)
            .local_set(current)
            .br(0)
            .end()
            .end()
            .local_get(current);
    }
}

/// The same 64 bits in both lanes.
pub fn splat(bits: u64) -> i128 {
    (u128::from(bits) << 64 | u128::from(bits)) as i128
}
