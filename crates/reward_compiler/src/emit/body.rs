//! The code of `evaluate(n, base)`.

use carrot_reward_interface::{LineEntry, Span, module::element_bytes};
use wasm_encoder::{BlockType, Function as Body, InstructionSink, MemArg, ValType};

use super::{
    Callee, Linkage, TooLarge,
    kernel::{LOWER_HALVES, UPPER, splat},
    plan::Plan,
    schedule::Schedule,
};
use crate::{
    interpret::{function_of_binary, function_of_unary, width},
    ir::{Binary, Node, NodeId, Op, Program, Type, Unary},
    kernels::{Function, Width},
};

/// The function, and where its code comes from.
pub struct Evaluate {
    /// Locals and code.
    pub function: Body,
    /// Size of the code without the declaration of the locals.
    pub code_bytes: usize,
    /// Offsets are from the start of the code.
    pub lines: Vec<LineEntry>,
}

// Parameters and scalar locals. Rows follow, then SIMD registers.
pub(super) const N_ENVS: u32 = 0;
pub(super) const BASE: u32 = 1;
/// Bytes of a row of 4-byte elements: 4 · stride.
const ROW_BYTES: u32 = 2;
/// Offset into such a row of the four environments at hand.
pub(super) const OFFSET_4: u32 = 3;
/// Offset into a row of 8-byte elements.
const OFFSET_8: u32 = 4;
/// Position of an environment, for reading in another order.
pub(super) const INDEX: u32 = 5;
pub(super) const FIRST_ROW: u32 = 6;

/// Registers that a program may need. Far below WASM's 50,000 locals: compile time grows with their square.
const MOST_REGISTERS: usize = 2_000;
/// Entries of the line table.
const MOST_LINES: usize = 4_096;
/// Bytes of code; some 10,000 operations.
const MOST_CODE_BYTES: usize = 512 * 1024;

/// Byte shuffle: the lower 32 bits of each of four 64-bit lanes.
const NARROWED: [u8; 16] = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];

/// Writes the function.
pub fn evaluate(program: &Program, linkage: &Linkage) -> Result<Evaluate, TooLarge> {
    let plan = Plan::new(program);
    let layout = Layout::new(program, &plan);
    let first_register = FIRST_ROW + layout.rows.len() as u32;
    let mut writer = Writer {
        program,
        plan: &plan,
        layout: &layout,
        linkage,
        code: Vec::new(),
        lines: Vec::new(),
        registers: vec![None; program.graph.nodes().len()],
        next_register: first_register,
        free: [Vec::new(), Vec::new()],
        in_loop: Vec::new(),
    };
    writer.prologue();
    let last_level = program
        .results()
        .map(|result| plan.level[result.0 as usize])
        .max()
        .unwrap_or(0);
    for level in 0..=last_level {
        writer.uniform_values(level);
        if level < last_level {
            writer.reductions(level + 1);
        }
    }
    writer.outputs();
    writer.sink().end();

    let registers = writer.next_register - first_register;
    if registers as usize > MOST_REGISTERS {
        return Err(TooLarge::Values {
            values: registers as usize,
            limit: MOST_REGISTERS,
        });
    }
    if writer.code.len() > MOST_CODE_BYTES {
        return Err(TooLarge::Code {
            bytes: writer.code.len(),
            limit: MOST_CODE_BYTES,
        });
    }
    let mut function = Body::new([(first_register - ROW_BYTES, ValType::I32), (registers, ValType::V128)]);
    let code_bytes = writer.code.len();
    function.raw(writer.code);
    Ok(Evaluate {
        function,
        code_bytes,
        lines: writer.lines,
    })
}

/// Addresses, relative to `base`, in terms of the stride; see `BatchLayout`.
pub(super) struct Layout {
    /// Offset of each uniform input.
    pub(super) uniform: Vec<u32>,
    /// Bytes of all uniform inputs.
    uniform_bytes: u32,
    /// For each row, inputs then outputs, memory, faults: where it starts, in bytes per environment of the stride.
    rows: Vec<u32>,
}

impl Layout {
    fn new(program: &Program, plan: &Plan) -> Self {
        let components = |shape: &[usize]| shape.iter().product::<usize>() as u32;
        let mut uniform = vec![0; program.inputs.len()];
        let mut starts = vec![0; program.inputs.len()];
        let (mut uniform_bytes, mut row_bytes) = (0, 0);
        for (index, input) in program.inputs.iter().enumerate() {
            let size = components(&input.shape) * element_bytes(input.dtype) as u32;
            if input.uniform {
                uniform[index] = uniform_bytes;
                uniform_bytes += size.next_multiple_of(16);
            } else {
                starts[index] = row_bytes;
                row_bytes += size;
            }
        }
        let mut rows = vec![0; plan.rows.len()];
        for (&(input, component), &row) in &plan.rows {
            let bytes = element_bytes(program.inputs[input as usize].dtype) as u32;
            rows[row as usize] = starts[input as usize] + component * bytes;
        }
        let output_bytes = if program.output == Type::F64 { 8 } else { 4 };
        let mut next = row_bytes;
        let mut add = |bytes| {
            rows.push(next);
            next += bytes;
        };
        (0..=program.terms.len()).for_each(|_| add(output_bytes));
        program.memory.iter().for_each(|slot| add(element_size(slot.ty)));
        program.fault.iter().for_each(|_| add(output_bytes));
        Self {
            uniform,
            uniform_bytes,
            rows,
        }
    }
}

pub(super) struct Writer<'p> {
    pub(super) program: &'p Program,
    pub(super) plan: &'p Plan,
    pub(super) layout: &'p Layout,
    linkage: &'p Linkage,
    code: Vec<u8>,
    lines: Vec<LineEntry>,
    /// First register of each kept node that has been computed and is still needed.
    pub(super) registers: Vec<Option<u32>>,
    next_register: u32,
    /// Registers that hold nothing any more: single ones, and the first of two.
    free: [Vec<u32>; 2],
    /// Nodes that the loop at hand has computed.
    in_loop: Vec<NodeId>,
}

impl Writer<'_> {
    pub(super) fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    pub(super) fn new_registers(&mut self, count: u32) -> u32 {
        self.next_register += count;
        self.next_register - count
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        *self.program.graph.node(id)
    }

    pub(super) fn is_wide(&self, id: NodeId) -> bool {
        self.plan.wide[id.0 as usize]
    }

    fn is_uniform(&self, id: NodeId) -> bool {
        self.plan.uniform[id.0 as usize]
    }

    /// Records that the code from here on comes from `at`. One entry per line of source keeps the table short, and a program
    /// so long that its table overflows is told only roughly where it was interrupted.
    pub(super) fn note(&mut self, at: Span) {
        if self.lines.len() < MOST_LINES && self.lines.last().is_none_or(|last| last.at.line != at.line) {
            let offset = self.code.len() as u32;
            match self.lines.last_mut() {
                Some(last) if last.offset == offset => last.at = at,
                _ => self.lines.push(LineEntry { offset, at }),
            }
        }
    }

    /// Computes the row length and the address of each row.
    fn prologue(&mut self) {
        self.note(self.program.total.at);
        // 4 · (n rounded up to a multiple of 4)
        self.sink()
            .local_get(N_ENVS)
            .i32_const(3)
            .i32_add()
            .i32_const(!3)
            .i32_and();
        self.sink().i32_const(2).i32_shl().local_set(ROW_BYTES);
        for (row, bytes_per_env) in (FIRST_ROW..).zip(self.layout.rows.clone()) {
            let uniform_bytes = self.layout.uniform_bytes as i32;
            // Every element has 4 or 8 bytes, so the division is exact.
            self.sink()
                .local_get(ROW_BYTES)
                .i32_const((bytes_per_env / 4) as i32)
                .i32_mul();
            self.sink()
                .local_get(BASE)
                .i32_add()
                .i32_const(uniform_bytes)
                .i32_add()
                .local_set(row);
        }
    }

    /// Computes the values that are the same in every environment, once.
    fn uniform_values(&mut self, level: u32) {
        for id in self.plan.nodes() {
            let index = id.0 as usize;
            let here = self.plan.kept[index] && self.plan.uniform[index] && self.plan.level[index] == level;
            if here && !matches!(self.node(id).op, Op::Reduce(..)) {
                self.keep(id);
            }
        }
    }

    /// Writes a loop over the batch, four environments at a time.
    pub(super) fn for_each_group(&mut self, body: impl FnOnce(&mut Self)) {
        self.sink()
            .i32_const(0)
            .local_set(OFFSET_4)
            .i32_const(0)
            .local_set(OFFSET_8);
        self.sink()
            .block(BlockType::Empty)
            .local_get(ROW_BYTES)
            .i32_eqz()
            .br_if(0)
            .loop_(BlockType::Empty);
        body(self);
        self.sink()
            .local_get(OFFSET_8)
            .i32_const(32)
            .i32_add()
            .local_set(OFFSET_8);
        self.sink()
            .local_get(OFFSET_4)
            .i32_const(16)
            .i32_add()
            .local_tee(OFFSET_4);
        self.sink().local_get(ROW_BYTES).i32_lt_u().br_if(0).end().end();
    }

    /// Computes, into their registers, the kept values that `roots` depend on and that differ between environments.
    pub(super) fn kept_values_below(&mut self, roots: impl Iterator<Item = NodeId>) {
        let roots: Vec<NodeId> = roots.collect();
        // What the loop before this one kept is computed anew.
        for id in std::mem::take(&mut self.in_loop) {
            self.release(id);
        }
        let schedule = Schedule::new(self.program, self.plan, &roots);
        for (id, released) in schedule.order.into_iter().zip(schedule.released) {
            self.keep(id);
            self.in_loop.push(id);
            for id in released {
                self.release(id);
            }
        }
    }

    /// Computes and stores the total, the terms, what is remembered, and the fault numbers.
    fn outputs(&mut self) {
        self.for_each_group(|writer| {
            writer.kept_values_below(writer.program.results());
            let program = writer.program;
            let mut row = writer.first_output_row();
            for output in program.outputs() {
                writer.store(row, output.value, output.at);
                row += 1;
            }
            writer.store_memory_and_faults(row);
        });
    }

    /// The first row behind the inputs: the total.
    pub(super) fn first_output_row(&self) -> u32 {
        FIRST_ROW + self.plan.rows.len() as u32
    }

    /// Stores four environments of a value into a row.
    pub(super) fn store(&mut self, row: u32, value: NodeId, at: Span) {
        let ty = self.node(value).ty;
        let halves = if ty == Type::F64 { 2 } else { 1 };
        for half in 0..halves {
            let offset = self.offset_local(if halves == 2 { 8 } else { 4 });
            self.sink().local_get(row).local_get(offset).i32_add();
            match ty {
                Type::Bool => self.mask(value, 0, false),
                _ => self.value(value, half),
            }
            self.note(at);
            self.sink().v128_store(aligned(16 * half));
        }
    }

    /// Loads four environments of an f32 or truth value, or two of an f64, from a row.
    pub(super) fn load(&mut self, row: u32, ty: Type, half: u32) {
        let offset = self.offset_local(element_size(ty) as usize);
        self.sink().local_get(row).local_get(offset).i32_add();
        self.sink().v128_load(aligned(16 * half));
    }

    pub(super) fn offset_local(&self, element_bytes: usize) -> u32 {
        if element_bytes == 8 { OFFSET_8 } else { OFFSET_4 }
    }

    /// Computes a node into its registers.
    fn keep(&mut self, id: NodeId) {
        let count = self.plan.registers(id);
        let free = self.free[count as usize - 1].pop();
        let first = free.unwrap_or_else(|| self.new_registers(count));
        for half in 0..count {
            self.compute(id, half);
            self.sink().local_set(first + half);
        }
        self.registers[id.0 as usize] = Some(first);
    }

    /// The registers of a value that nobody reads any more may hold another.
    fn release(&mut self, id: NodeId) {
        if let Some(first) = self.registers[id.0 as usize].take() {
            self.free[self.plan.registers(id) as usize - 1].push(first);
        }
    }

    /// Pushes a value: two environments of a wide node, all four of a narrow one.
    pub(super) fn value(&mut self, id: NodeId, half: u32) {
        let half = half.min(self.plan.registers(id) - 1);
        match (self.registers[id.0 as usize], self.node(id)) {
            (Some(first), _) => _ = self.sink().local_get(first + half),
            (
                None,
                Node {
                    op: Op::Const(bits),
                    ty,
                    ..
                },
            ) => {
                let constant = constant(ty, f64::from_bits(bits));
                self.sink().v128_const(constant);
            }
            _ => {
                debug_assert!(!self.plan.kept[id.0 as usize], "a kept value is read after its release");
                self.compute(id, half);
            }
        }
    }

    /// Pushes a truth value in the wanted width.
    fn mask(&mut self, id: NodeId, half: u32, wide: bool) {
        let constant = matches!(self.node(id).op, Op::Const(_));
        match (self.is_wide(id), wide) {
            _ if constant => self.value(id, 0),
            (true, true) => self.value(id, half),
            (false, false) => self.value(id, 0),
            (false, true) => {
                self.value(id, 0);
                self.widen_mask(half);
            }
            (true, false) => {
                self.value(id, 0);
                self.value(id, 1);
                self.sink().i8x16_shuffle(NARROWED);
            }
        }
    }

    pub(super) fn widen_mask(&mut self, half: u32) {
        match half {
            0 => self.sink().i64x2_extend_low_i32x4_s(),
            _ => self.sink().i64x2_extend_high_i32x4_s(),
        };
    }

    /// Pushes a value that is not in a register yet.
    fn compute(&mut self, id: NodeId, half: u32) {
        let Node { op, ty, at } = self.node(id);
        let wide = self.is_wide(id);
        match op {
            Op::Const(_) | Op::Reduce(..) => unreachable!("constants are written in place, reductions by their loop"),
            Op::Reversed(a) => {
                let Op::Input(input, component) = self.node(a).op else {
                    unreachable!("only inputs are read elsewhere");
                };
                self.note(at);
                self.reversed_input(input, component, half);
            }
            Op::OfFirst(a) => {
                let Op::Input(input, component) = self.node(a).op else {
                    unreachable!("only inputs are read elsewhere");
                };
                self.note(at);
                self.input_of_first(input, component);
            }
            Op::Memory(slot) => {
                self.note(at);
                self.remembered(slot, ty, half);
            }
            Op::Input(input, component) => {
                self.note(at);
                self.input(input, component, half);
            }
            Op::BatchSize => {
                self.note(at);
                self.sink().local_get(N_ENVS).f64_convert_i32_u().f64x2_splat();
            }
            Op::Unary(Unary::Not, a) => {
                self.mask(a, half, wide);
                self.note(at);
                self.sink().v128_not();
            }
            Op::Unary(op, a) => match function_of_unary(op) {
                Some(function) => self.call(function, &[a], id, half),
                None => {
                    self.value(a, half);
                    self.note(at);
                    self.unary(op, ty);
                }
            },
            Op::Binary(op @ (Binary::And | Binary::Or | Binary::Xor), a, b) => {
                self.mask(a, half, wide);
                self.mask(b, half, wide);
                self.note(at);
                let mut sink = self.sink();
                match op {
                    Binary::And => sink.v128_and(),
                    Binary::Or => sink.v128_or(),
                    _ => sink.v128_xor(),
                };
            }
            Op::Binary(op, a, b) => match function_of_binary(op) {
                Some(function) => self.call(function, &[a, b], id, half),
                None => {
                    self.value(a, half);
                    self.value(b, half);
                    self.note(at);
                    match self.program.graph.constant_value(b) {
                        Some(bound) if matches!(op, Binary::Min | Binary::Max) && !bound.is_nan() => {
                            self.bounded(op, self.node(a).ty, bound);
                        }
                        _ => self.binary(op, self.node(a).ty),
                    }
                }
            },
            Op::Select(condition, a, b) => {
                for side in [a, b] {
                    if ty == Type::Bool {
                        self.mask(side, half, wide)
                    } else {
                        self.value(side, half)
                    }
                }
                self.mask(condition, half, wide);
                self.note(at);
                self.sink().v128_bitselect();
            }
            Op::Convert(a) => self.convert(a, ty, half, at),
        }
    }

    /// Calls a math kernel, which takes two environments in f64, or four in f32.
    fn call(&mut self, function: Function, arguments: &[NodeId], id: NodeId, half: u32) {
        let at = self.node(id).at;
        let width = width(self.node(id).ty);
        let callee = self.linkage.functions[&Callee { function, width }];
        arguments.iter().for_each(|&argument| self.value(argument, half));
        self.note(at);
        self.sink().call(callee);
    }

    /// Pushes two environments of a narrow float as f64.
    fn promoted(&mut self, id: NodeId, half: u32) {
        self.value(id, 0);
        if half == 1 && !self.is_uniform(id) {
            self.value(id, 0);
            self.sink().i8x16_shuffle(UPPER);
        }
        self.sink().f64x2_promote_low_f32x4();
    }

    fn convert(&mut self, a: NodeId, ty: Type, half: u32, at: Span) {
        match (self.node(a).ty, ty) {
            (Type::F64, Type::F32) => {
                for half in 0..2 {
                    self.value(a, half);
                    self.note(at);
                    self.sink().f32x4_demote_f64x2_zero();
                }
                self.sink().i8x16_shuffle(LOWER_HALVES);
            }
            (Type::F32, Type::F64) => {
                self.promoted(a, half);
                self.note(at);
            }
            (Type::Bool, _) => {
                self.mask(a, half, ty == Type::F64);
                self.note(at);
                self.sink().v128_const(constant(ty, 1.0)).v128_and();
            }
            (from, _) => {
                self.value(a, half);
                self.note(at);
                self.sink().v128_const(0);
                self.binary(Binary::Ne, from);
            }
        }
    }

    fn unary(&mut self, op: Unary, ty: Type) {
        let mut sink = self.sink();
        match (op, ty == Type::F64) {
            (Unary::Neg, false) => sink.f32x4_neg(),
            (Unary::Neg, true) => sink.f64x2_neg(),
            (Unary::Abs, false) => sink.f32x4_abs(),
            (Unary::Abs, true) => sink.f64x2_abs(),
            (Unary::Sqrt, false) => sink.f32x4_sqrt(),
            (Unary::Sqrt, true) => sink.f64x2_sqrt(),
            (Unary::Floor, false) => sink.f32x4_floor(),
            (Unary::Floor, true) => sink.f64x2_floor(),
            (Unary::Ceil, false) => sink.f32x4_ceil(),
            (Unary::Ceil, true) => sink.f64x2_ceil(),
            (Unary::Trunc, false) => sink.f32x4_trunc(),
            (Unary::Trunc, true) => sink.f64x2_trunc(),
            (Unary::Round, false) => sink.f32x4_nearest(),
            (Unary::Round, true) => sink.f64x2_nearest(),
            _ => unreachable!("{op:?} is a function or an operation on truth values"),
        };
    }

    /// `min` or `max` of a value and a constant. The pseudo-minimum, one instruction where `min` takes seven, gives the first
    /// operand unless the second is smaller: a NaN stays, and only the signs of zeros that compare equal need care.
    fn bounded(&mut self, op: Binary, ty: Type, bound: f64) {
        let wide = ty == Type::F64;
        let zero_of_other_sign = bound == 0.0 && bound.is_sign_negative() == (op == Binary::Min);
        if zero_of_other_sign && op == Binary::Min {
            return self.binary(op, ty);
        }
        let mut sink = self.sink();
        match (op, wide) {
            (Binary::Min, false) => sink.f32x4_pmin(),
            (Binary::Min, true) => sink.f64x2_pmin(),
            (_, false) => sink.f32x4_pmax(),
            (_, true) => sink.f64x2_pmax(),
        };
        if zero_of_other_sign {
            // max(-0, +0) is +0, and so is -0 + 0; everything else stays.
            sink.v128_const(0);
            self.binary(Binary::Add, ty);
        }
    }

    fn binary(&mut self, op: Binary, ty: Type) {
        let mut sink = self.sink();
        match (op, ty == Type::F64) {
            (Binary::Add, false) => sink.f32x4_add(),
            (Binary::Add, true) => sink.f64x2_add(),
            (Binary::Sub, false) => sink.f32x4_sub(),
            (Binary::Sub, true) => sink.f64x2_sub(),
            (Binary::Mul, false) => sink.f32x4_mul(),
            (Binary::Mul, true) => sink.f64x2_mul(),
            (Binary::Div, false) => sink.f32x4_div(),
            (Binary::Div, true) => sink.f64x2_div(),
            (Binary::Min, false) => sink.f32x4_min(),
            (Binary::Min, true) => sink.f64x2_min(),
            (Binary::Max, false) => sink.f32x4_max(),
            (Binary::Max, true) => sink.f64x2_max(),
            (Binary::Lt, false) => sink.f32x4_lt(),
            (Binary::Lt, true) => sink.f64x2_lt(),
            (Binary::Le, false) => sink.f32x4_le(),
            (Binary::Le, true) => sink.f64x2_le(),
            (Binary::Eq, false) => sink.f32x4_eq(),
            (Binary::Eq, true) => sink.f64x2_eq(),
            (Binary::Ne, false) => sink.f32x4_ne(),
            (Binary::Ne, true) => sink.f64x2_ne(),
            _ => unreachable!("{op:?} is a function or an operation on truth values"),
        };
    }
}

pub(super) fn aligned(offset: u32) -> MemArg {
    MemArg {
        offset: u64::from(offset),
        align: 4,
        memory_index: 0,
    }
}

/// A constant in all lanes; truth values are all ones or all zeros.
pub(super) fn constant(ty: Type, value: f64) -> i128 {
    match ty {
        Type::F32 => splat(Width::Narrow, Width::Narrow.encode(value)),
        Type::F64 => splat(Width::Wide, value.to_bits()),
        Type::Bool => -i128::from(value != 0.0),
    }
}

/// Bytes of one environment's value in a row.
fn element_size(ty: Type) -> u32 {
    match ty {
        Type::F32 | Type::Bool => 4,
        Type::F64 => 8,
    }
}
