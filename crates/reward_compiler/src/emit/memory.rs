//! What a module remembers between two evaluations, and how it says that a program stopped by itself.
//!
//! Both are rows behind the reward terms. A memory row is read at the start of each group of four environments (see
//! `Plan`) and written at its end; truth values lie there as all ones or all zeros. The fault row is only written.

use super::body::Writer;
use crate::ir::Type;

impl Writer<'_> {
    /// Pushes what a slot held when the evaluation began.
    pub(super) fn remembered(&mut self, slot: u32, ty: Type, half: u32) {
        let row = self.first_output_row() + 1 + self.program.terms.len() as u32 + slot;
        self.load(row, ty, half);
    }

    /// Stores what is remembered until the next evaluation, then the fault numbers. `row` follows the last term.
    pub(super) fn store_memory_and_faults(&mut self, mut row: u32) {
        let program = self.program;
        let at = program.total.at;
        for slot in &program.memory {
            self.store(row, slot.next, at);
            row += 1;
        }
        if let Some(fault) = program.fault {
            self.store(row, fault, at);
        }
    }
}
