//! Decisions about each node, made before any code is written.

use std::collections::BTreeMap;

use crate::ir::{Binary, NodeId, Op, Program, Type};

/// Longest chain of operations that is written as one nested expression; bounds the recursion of the writer.
const DEEPEST_EXPRESSION: u32 = 40;

/// With more inputs than this, each is loaded anew where it is used.
const MOST_INPUTS_IN_REGISTERS: usize = 64;

/// Most kept values that one nested expression reads; bounds how many are alive at once.
const MOST_READS: u32 = 12;

/// One entry per node in each list but the last.
pub struct Plan {
    /// Whether some output depends on it.
    pub reachable: Vec<bool>,
    /// Whether it takes two registers for four environments: F64 values, and truth values that come from them only.
    pub wide: Vec<bool>,
    /// Whether it is the same in every environment. Such values are computed before the loop, in one register.
    pub uniform: Vec<bool>,
    /// Longest chain of whole-batch reductions on the way to it.
    pub level: Vec<u32>,
    /// Whether it is kept in a local; otherwise its only user computes it on the spot.
    pub kept: Vec<bool>,
    /// The rows of the batch that are read, numbered.
    pub rows: BTreeMap<(u32, u32), u32>,
}

impl Plan {
    /// Decides for every node of `program`.
    pub fn new(program: &Program) -> Self {
        let count = program.graph.nodes().len();
        let mut plan = Self {
            reachable: program.reachable(),
            wide: vec![false; count],
            uniform: vec![false; count],
            level: vec![0; count],
            kept: vec![false; count],
            rows: BTreeMap::new(),
        };
        plan.find_widths(program);
        plan.find_uniform_values_and_levels(program);
        plan.find_kept_values(program);
        plan.number_rows(program);
        plan
    }

    /// The reachable nodes, operands first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0..self.reachable.len() as u32)
            .map(NodeId)
            .filter(|id| self.reachable[id.0 as usize])
    }

    /// Registers that hold four environments of a node.
    pub fn registers(&self, id: NodeId) -> u32 {
        if self.wide[id.0 as usize] && !self.uniform[id.0 as usize] {
            2
        } else {
            1
        }
    }

    fn find_widths(&mut self, program: &Program) {
        let graph = &program.graph;
        let is_f64 = |id: NodeId| graph.node(id).ty == Type::F64;
        for (index, node) in graph.nodes().iter().enumerate() {
            // Constants take either width, so they do not decide.
            let wide_or_constant = |id: NodeId| self.wide[id.0 as usize] || graph.constant_value(id).is_some();
            self.wide[index] = match (node.ty, node.op) {
                (Type::F64, _) => true,
                (Type::F32, _) => false,
                (Type::Bool, Op::Binary(Binary::And | Binary::Or | Binary::Xor, a, b)) => {
                    wide_or_constant(a) && wide_or_constant(b)
                }
                (Type::Bool, Op::Select(condition, a, b)) => {
                    wide_or_constant(condition) && wide_or_constant(a) && wide_or_constant(b)
                }
                (Type::Bool, Op::Reversed(_) | Op::OfFirst(_)) => false,
                (Type::Bool, Op::Unary(_, a)) => wide_or_constant(a),
                (Type::Bool, Op::Binary(_, a, _) | Op::Convert(a)) => is_f64(a),
                (Type::Bool, _) => false,
            };
        }
    }

    fn find_uniform_values_and_levels(&mut self, program: &Program) {
        for (index, node) in program.graph.nodes().iter().enumerate() {
            self.uniform[index] = match node.op {
                Op::Const(_) | Op::BatchSize | Op::Reduce(..) | Op::OfFirst(_) => true,
                Op::Input(input, _) => program.inputs[input as usize].uniform,
                Op::Memory(_) => false,
                _ => node.op.operands().all(|operand| self.uniform[operand.0 as usize]),
            };
            let below = node
                .op
                .operands()
                .map(|operand| self.level[operand.0 as usize])
                .max()
                .unwrap_or(0);
            self.level[index] = below + u32::from(matches!(node.op, Op::Reduce(..)));
        }
    }

    fn find_kept_values(&mut self, program: &Program) {
        let graph = &program.graph;
        let mut uses = vec![0_u32; graph.nodes().len()];
        for id in self.nodes() {
            let node = graph.node(id);
            for operand in node.op.operands() {
                // A narrow operand is read once for each half of a wide user.
                let twice = !self.wide[operand.0 as usize] && self.wide[id.0 as usize];
                uses[operand.0 as usize] += if twice { 2 } else { 1 };
            }
        }
        for result in program.results() {
            uses[result.0 as usize] += 1;
        }
        let mut depth = vec![0_u32; graph.nodes().len()];
        let is_input = |node: &&crate::ir::Node| matches!(node.op, Op::Input(..));
        let many_inputs = graph.nodes().iter().filter(is_input).count() > MOST_INPUTS_IN_REGISTERS;
        // How many kept values an expression reads: they all wait for it in registers.
        let mut reads = vec![0_u32; graph.nodes().len()];
        for (index, node) in graph.nodes().iter().enumerate() {
            let below = node
                .op
                .operands()
                .map(|operand| depth[operand.0 as usize])
                .max()
                .unwrap_or(0);
            let waiting: u32 = node.op.operands().map(|operand| reads[operand.0 as usize]).sum();
            let constant = matches!(node.op, Op::Const(_));
            // Memory is read before anything is written, since the new value of one slot may be the old one of another.
            let memory = matches!(node.op, Op::Memory(_));
            let large = below >= DEEPEST_EXPRESSION || waiting > MOST_READS;
            // Of many inputs none waits in a register: what does not fit there would go to memory and back.
            let shared = uses[index] > 1 && !(many_inputs && matches!(node.op, Op::Input(..)));
            self.kept[index] = !constant && (self.uniform[index] || shared || large || memory);
            depth[index] = if self.kept[index] || constant { 0 } else { below + 1 };
            reads[index] = if self.kept[index] { 1 } else { waiting };
        }
    }

    fn number_rows(&mut self, program: &Program) {
        for (node, _) in program
            .graph
            .nodes()
            .iter()
            .zip(&self.reachable)
            .filter(|(_, reachable)| **reachable)
        {
            if let Op::Input(input, component) = node.op
                && !program.inputs[input as usize].uniform
            {
                let next = self.rows.len() as u32;
                self.rows.entry((input, component)).or_insert(next);
            }
        }
    }
}
