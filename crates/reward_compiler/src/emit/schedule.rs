//! In which order the kept values of a loop are computed, and how long each is needed.
//!
//! Each value is computed just before its first user, so that few are alive at once: the runtime's compiler slows down with
//! the number of locals, and what does not fit into the machine's registers goes through memory.

use super::plan::Plan;
use crate::ir::{NodeId, Program};

/// The kept values of one loop in the order of their computation.
pub struct Schedule {
    /// What is computed, in order.
    pub order: Vec<NodeId>,
    /// For each entry of `order`, the values that nobody reads after it.
    pub released: Vec<Vec<NodeId>>,
}

impl Schedule {
    /// What `roots` need in a loop over the batch; they themselves are read at its end.
    pub fn new(program: &Program, plan: &Plan, roots: &[NodeId]) -> Self {
        let order = computed_before_use(program, plan, roots);
        let mut last_reader: Vec<Option<usize>> = vec![None; program.graph.nodes().len()];
        for (step, &id) in order.iter().enumerate() {
            for read in reads(program, plan, program.graph.node(id).op.operands().collect()) {
                last_reader[read.0 as usize] = Some(step);
            }
        }
        for read in reads(program, plan, roots.to_vec()) {
            last_reader[read.0 as usize] = None;
        }
        let mut released = vec![Vec::new(); order.len()];
        for &id in &order {
            if let Some(step) = last_reader[id.0 as usize] {
                released[step].push(id);
            }
        }
        Self { order, released }
    }
}

/// Kept values, each after what it needs; of two operands the one first whose computation needs more registers (Sethi and
/// Ullman's rule), so that a long chain of sums does not begin with all its summands. Without recursion: chains are as long
/// as programs.
fn computed_before_use(program: &Program, plan: &Plan, roots: &[NodeId]) -> Vec<NodeId> {
    let needs = register_needs(program);
    let mut visited = vec![false; program.graph.nodes().len()];
    let mut order = Vec::new();
    let mut stack: Vec<(NodeId, bool)> = roots.iter().rev().map(|&root| (root, false)).collect();
    while let Some((id, operands_are_done)) = stack.pop() {
        let index = id.0 as usize;
        if operands_are_done {
            if plan.kept[index] {
                order.push(id);
            }
            continue;
        }
        if plan.uniform[index] || std::mem::replace(&mut visited[index], true) {
            continue;
        }
        stack.push((id, true));
        let first = stack.len();
        stack.extend(program.graph.node(id).op.operands().map(|operand| (operand, false)));
        stack[first..].reverse();
        stack[first..].sort_by_key(|(operand, _)| needs[operand.0 as usize]);
    }
    order
}

/// For each node, how many registers its computation needs if nothing is shared.
fn register_needs(program: &Program) -> Vec<u32> {
    let mut needs: Vec<u32> = Vec::with_capacity(program.graph.nodes().len());
    for node in program.graph.nodes() {
        let mut operands: Vec<u32> = node.op.operands().map(|operand| needs[operand.0 as usize]).collect();
        operands.sort_unstable_by(|a, b| b.cmp(a));
        // While an operand is computed, those before it wait in one register each.
        let needed = operands.iter().zip(0..).map(|(need, waiting)| need + waiting).max();
        needs.push(needed.unwrap_or(0).max(1));
    }
    needs
}

/// The kept values that are read when `wanted` are pushed: those behind values that are computed on the spot, too.
fn reads(program: &Program, plan: &Plan, mut wanted: Vec<NodeId>) -> Vec<NodeId> {
    let mut found = Vec::new();
    while let Some(id) = wanted.pop() {
        if plan.uniform[id.0 as usize] {
            continue;
        }
        if plan.kept[id.0 as usize] {
            found.push(id);
        } else {
            wanted.extend(program.graph.node(id).op.operands());
        }
    }
    found
}
