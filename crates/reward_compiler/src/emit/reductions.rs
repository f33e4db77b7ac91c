//! Reductions over the whole batch: one loop for those that do not depend on each other.
//!
//! Four environments go into an accumulator at a time, each lane apart, and the lanes are combined behind the loop. What
//! lies in the padding behind the last environment is masked out.

use super::body::{N_ENVS, OFFSET_4, Writer, constant};
use super::kernel::UPPER;
use crate::ir::{Node, NodeId, Op, Reduction, Type};

/// Both halves exchanged.
const EXCHANGED: [u8; 16] = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];

impl Writer<'_> {
    /// Computes the reductions of one level in one loop.
    pub(super) fn reductions(&mut self, level: u32) {
        let reductions: Vec<(NodeId, Reduction, NodeId)> = self
            .plan
            .nodes()
            .filter(|id| self.plan.level[id.0 as usize] == level)
            .filter_map(|id| match self.node(id).op {
                Op::Reduce(reduction, argument) => Some((id, reduction, argument)),
                _ => None,
            })
            .collect();
        let accumulators: Vec<u32> = reductions
            .iter()
            .map(|&(id, reduction, _)| {
                let first = self.new_registers(2);
                for register in [first, first + 1] {
                    let start = neutral(reduction, self.accumulator_type(id, reduction));
                    self.sink().v128_const(start).local_set(register);
                }
                first
            })
            .collect();
        let inside = self.new_registers(1);
        let masked = self.new_registers(1);
        self.for_each_group(|writer| {
            writer.inside_mask(inside);
            writer.kept_values_below(reductions.iter().map(|&(_, _, argument)| argument));
            for (&(id, reduction, argument), &accumulator) in reductions.iter().zip(&accumulators) {
                writer.accumulate(id, reduction, argument, accumulator, inside, masked);
            }
        });
        for (&(id, reduction, _), &accumulator) in reductions.iter().zip(&accumulators) {
            self.combine(id, reduction, accumulator);
        }
    }

    /// Sums are taken in f64, so that a large batch does not lose digits.
    fn accumulator_type(&self, id: NodeId, reduction: Reduction) -> Type {
        if reduction == Reduction::Sum {
            Type::F64
        } else {
            self.node(id).ty
        }
    }

    /// Sets `register` to the mask of those of the four environments that exist.
    fn inside_mask(&mut self, register: u32) {
        let lane_numbers = 3 << 96 | 2 << 64 | 1 << 32;
        self.sink()
            .local_get(N_ENVS)
            .local_get(OFFSET_4)
            .i32_const(2)
            .i32_shr_u()
            .i32_sub()
            .i32x4_splat();
        self.sink().v128_const(lane_numbers).i32x4_gt_s().local_set(register);
    }

    /// Adds four environments to an accumulator.
    fn accumulate(
        &mut self,
        id: NodeId,
        reduction: Reduction,
        argument: NodeId,
        accumulator: u32,
        inside: u32,
        masked: u32,
    ) {
        let Node { ty, at, .. } = self.node(id);
        if ty == Type::F64 {
            for half in 0..2 {
                self.sink().local_get(accumulator + half);
                self.value(argument, half);
                self.sink().v128_const(neutral(reduction, ty)).local_get(inside);
                self.widen_mask(half);
                self.note(at);
                self.sink().v128_bitselect();
                self.combine_two(reduction, ty);
                self.sink().local_set(accumulator + half);
            }
            return;
        }
        self.value(argument, 0);
        self.note(at);
        self.sink()
            .v128_const(neutral(reduction, ty))
            .local_get(inside)
            .v128_bitselect()
            .local_set(masked);
        if reduction == Reduction::Sum {
            self.sink()
                .local_get(accumulator)
                .local_get(masked)
                .f64x2_promote_low_f32x4();
            self.sink().f64x2_add().local_set(accumulator);
            self.sink()
                .local_get(accumulator + 1)
                .local_get(masked)
                .local_get(masked)
                .i8x16_shuffle(UPPER);
            self.sink()
                .f64x2_promote_low_f32x4()
                .f64x2_add()
                .local_set(accumulator + 1);
        } else {
            self.sink().local_get(accumulator).local_get(masked);
            self.combine_two(reduction, ty);
            self.sink().local_set(accumulator);
        }
    }

    /// Reduces the lanes of an accumulator to one value in all lanes.
    fn combine(&mut self, id: NodeId, reduction: Reduction, accumulator: u32) {
        let Node { ty, at, .. } = self.node(id);
        let accumulated = self.accumulator_type(id, reduction);
        self.note(at);
        self.sink().local_get(accumulator).local_get(accumulator + 1);
        self.combine_two(reduction, accumulated);
        self.sink().local_set(accumulator).local_get(accumulator);
        self.sink()
            .local_get(accumulator)
            .local_get(accumulator)
            .i8x16_shuffle(EXCHANGED);
        self.combine_two(reduction, accumulated);
        if ty == Type::F32 && accumulated == Type::F64 {
            self.sink()
                .f32x4_demote_f64x2_zero()
                .f32x4_extract_lane(0)
                .f32x4_splat();
        } else if ty == Type::F32 {
            // Two lanes are left: [a, b, a, b].
            self.sink()
                .local_set(accumulator)
                .local_get(accumulator)
                .f32x4_extract_lane(0)
                .f32x4_splat();
            self.sink().local_get(accumulator).f32x4_extract_lane(1).f32x4_splat();
            self.combine_two(reduction, accumulated);
        }
        self.sink().local_set(accumulator);
        self.registers[id.0 as usize] = Some(accumulator);
    }

    fn combine_two(&mut self, reduction: Reduction, ty: Type) {
        let mut sink = self.sink();
        match (reduction, ty) {
            (Reduction::Sum, _) => sink.f64x2_add(),
            (Reduction::Min, Type::F32) => sink.f32x4_min(),
            (Reduction::Max, Type::F32) => sink.f32x4_max(),
            (Reduction::Min, _) => sink.f64x2_min(),
            (Reduction::Max, _) => sink.f64x2_max(),
        };
    }
}

/// What does not change a reduction.
fn neutral(reduction: Reduction, ty: Type) -> i128 {
    match reduction {
        Reduction::Sum => 0,
        Reduction::Min => constant(ty, f64::INFINITY),
        Reduction::Max => constant(ty, f64::NEG_INFINITY),
    }
}
