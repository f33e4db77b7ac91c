//! How the scalars of inputs come into registers: as they lie in their rows, or from other environments.

use carrot_reward_interface::DType;
use carrot_reward_interface::module::element_bytes;
use wasm_encoder::MemArg;

use super::body::{BASE, FIRST_ROW, INDEX, N_ENVS, OFFSET_4, Writer, aligned};

impl Writer<'_> {
    /// Loads one scalar of an input.
    pub(super) fn input(&mut self, input: u32, component: u32, half: u32) {
        let dtype = self.program.inputs[input as usize].dtype;
        let bytes = element_bytes(dtype);
        let uniform = self.program.inputs[input as usize].uniform;
        let mut load = aligned(16 * half);
        if uniform {
            load.offset = u64::from(self.layout.uniform[input as usize] + component * bytes as u32);
            load.align = if bytes == 8 { 3 } else { 2 };
            self.sink().local_get(BASE);
        } else {
            let row = FIRST_ROW + self.plan.rows[&(input, component)];
            let offset = self.offset_local(bytes);
            self.sink().local_get(row).local_get(offset).i32_add();
        }
        let mut sink = self.sink();
        match (uniform, bytes) {
            (true, 8) => sink.v128_load64_splat(load),
            (true, _) => sink.v128_load32_splat(load),
            (false, _) => sink.v128_load(load),
        };
        match dtype {
            DType::F32 | DType::F64 | DType::Float | DType::Pose | DType::Str => {}
            DType::Bool => _ = sink.v128_const(0).i32x4_ne(),
            DType::I64 => self.integers_to_floats(),
        }
    }

    /// Loads one scalar of an input in the first environment into all lanes.
    pub(super) fn input_of_first(&mut self, input: u32, component: u32) {
        let dtype = self.program.inputs[input as usize].dtype;
        let row = FIRST_ROW + self.plan.rows[&(input, component)];
        let bytes = element_bytes(dtype);
        let mut sink = self.sink();
        sink.local_get(row);
        let place = MemArg {
            align: if bytes == 8 { 3 } else { 2 },
            ..aligned(0)
        };
        match bytes {
            8 => sink.v128_load64_splat(place),
            _ => sink.v128_load32_splat(place),
        };
        match dtype {
            DType::Bool => _ = sink.v128_const(0).i32x4_ne(),
            DType::I64 => self.integers_to_floats(),
            _ => {}
        }
    }

    /// Loads one scalar of an input in the opposite order of environments, one lane at a time. Padding, which has no
    /// opposite, reads the first environment.
    pub(super) fn reversed_input(&mut self, input: u32, component: u32, half: u32) {
        let dtype = self.program.inputs[input as usize].dtype;
        let bytes = element_bytes(dtype) as u32;
        let row = FIRST_ROW + self.plan.rows[&(input, component)];
        let lanes = 16 / bytes;
        self.sink().v128_const(0);
        let vector = self.new_registers(1);
        self.sink().local_set(vector);
        for lane in 0..lanes {
            let behind = 1 + half * lanes + lane;
            let mut sink = self.sink();
            sink.local_get(N_ENVS).i32_const(behind as i32).i32_sub();
            sink.local_get(OFFSET_4)
                .i32_const(2)
                .i32_shr_u()
                .i32_sub()
                .local_tee(INDEX);
            sink.i32_const(0)
                .local_get(INDEX)
                .i32_const(0)
                .i32_ge_s()
                .select()
                .i32_const(bytes as i32)
                .i32_mul()
                .local_get(row)
                .i32_add()
                .local_get(vector);
            let place = MemArg {
                offset: 0,
                align: if bytes == 8 { 3 } else { 2 },
                memory_index: 0,
            };
            match bytes {
                8 => sink.v128_load64_lane(place, lane as u8),
                _ => sink.v128_load32_lane(place, lane as u8),
            };
            sink.local_set(vector);
        }
        self.sink().local_get(vector);
        match dtype {
            DType::Bool => _ = self.sink().v128_const(0).i32x4_ne(),
            DType::I64 => self.integers_to_floats(),
            _ => {}
        }
    }

    /// SIMD has no conversion from 64-bit integers, so each lane goes its own way.
    fn integers_to_floats(&mut self) {
        let register = self.new_registers(1);
        self.sink()
            .local_set(register)
            .local_get(register)
            .i64x2_extract_lane(0)
            .f64_convert_i64_s()
            .f64x2_splat();
        self.sink()
            .local_get(register)
            .i64x2_extract_lane(1)
            .f64_convert_i64_s()
            .f64x2_replace_lane(1);
    }
}
