//! An estimate of how long a compiler will work on a function, made before it starts.
//!
//! A compilation cannot be interrupted, so a module that would take minutes must be refused by its looks. (A module of
//! 50 KB, two thousand loops inside each other that all change two thousand locals, took 87 seconds.) What costs more than
//! its share is a value that lives across control flow or calls: the compiler follows each of them along each edge, loops
//! get their own copies, and calls save them all. So a function costs its instructions plus edges times such values. The
//! unit is between one and four microseconds of a busy core; `tests/compile_bound.rs` holds the estimate against attacks.

use wasmparser::Operator;

/// Cost of a function before its first instruction.
const FUNCTION: u64 = 40;
/// Cost of an instruction that calls into the runtime.
const RUNTIME_CALL: u64 = 100;
/// Cost of an ordinary call.
const CALL: u64 = 10;
/// What a loop, or a target of a jump table, counts for in edges: it makes copies where other edges only pass values on.
const COPYING_EDGE: u64 = 8;

/// Adds up what one function costs, instruction by instruction.
pub(crate) struct CompileCost {
    instructions: u64,
    edges: u64,
    /// Number of the current stretch of code, without control flow or calls.
    stretch: u32,
    /// The last stretch that assigned each local.
    assigned: Vec<u32>,
    /// Whether a local is read in a stretch that did not assign it before.
    crosses: Vec<bool>,
    crossing_locals: u64,
    /// Most operands that lay on the stack at the end of a stretch.
    crossing_operands: u64,
}

impl CompileCost {
    /// A function with this many locals, parameters included.
    pub fn new(n_locals: u32) -> Self {
        Self {
            instructions: FUNCTION + u64::from(n_locals),
            edges: 1,
            stretch: 1,
            assigned: vec![0; n_locals as usize],
            crosses: vec![false; n_locals as usize],
            crossing_locals: 0,
            crossing_operands: 0,
        }
    }

    /// Takes note of a valid instruction after which `height` operands lie on the stack.
    pub fn add(&mut self, operator: &Operator<'_>, height: u32) {
        match *operator {
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                self.assigned[local_index as usize] = self.stretch;
            }
            Operator::LocalGet { local_index } => self.read(local_index as usize),
            _ => {}
        }
        let (cost, edges) = cost_and_edges(operator);
        self.instructions += cost;
        if edges > 0 {
            self.edges += edges;
            self.stretch += 1;
            self.crossing_operands = self.crossing_operands.max(u64::from(height));
        }
    }

    fn read(&mut self, local: usize) {
        if self.assigned[local] != self.stretch && !self.crosses[local] {
            self.crosses[local] = true;
            self.crossing_locals += 1;
        }
    }

    /// The sum so far.
    pub fn total(&self) -> u64 {
        let crossing = self.crossing_locals + self.crossing_operands;
        self.instructions.saturating_add(self.edges.saturating_mul(crossing))
    }
}

/// What an instruction costs by itself, and how many edges it adds; one with edges ends a stretch.
fn cost_and_edges(operator: &Operator<'_>) -> (u64, u64) {
    match operator {
        Operator::Loop { .. } => (1, COPYING_EDGE),
        Operator::BrTable { targets } => (1, COPYING_EDGE * (u64::from(targets.len()) + 1)),
        Operator::Block { .. }
        | Operator::If { .. }
        | Operator::Else
        | Operator::End
        | Operator::Br { .. }
        | Operator::BrIf { .. }
        | Operator::Return => (1, 1),
        Operator::Call { .. } => (CALL, 1),
        Operator::CallIndirect { .. }
        | Operator::MemoryGrow { .. }
        | Operator::MemoryCopy { .. }
        | Operator::MemoryFill { .. }
        | Operator::MemoryInit { .. }
        | Operator::DataDrop { .. }
        | Operator::TableGet { .. }
        | Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::TableInit { .. }
        | Operator::ElemDrop { .. }
        | Operator::RefFunc { .. } => (RUNTIME_CALL, 1),
        _ => (1, 0),
    }
}
