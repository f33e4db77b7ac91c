//! Ways in which a program stops by itself: a failed `assert`, a `raise`, a name that was not set on this path.
//!
//! Python would stop in the middle; a module goes on and writes the number of what happened first into the environment's
//! fault row, and the host stops there. What the rest computed for that environment is never looked at.

use carrot_reward_interface::Fault;
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

use super::branch::Flow;
use super::{Checked, Checker};
use crate::Code;
use crate::ir::{NodeId, Type};

/// Most faults of one program.
const MAX_FAULTS: usize = 256;

/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// The faults of a program so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) known: Vec<Fault>,
    /// Whether one has happened, and the number of the first; nodes.
    state: Option<(NodeId, NodeId)>,
}

impl<'a> Checker<'a> {
    /// The program stops here with `message` where `violated` holds (and the code at work is reached at all).
    pub(crate) fn fault(&mut self, violated: NodeId, message: String) -> Checked<()> {
        if self.graph.constant_value(violated) == Some(0.0) {
            return Ok(());
        }
        let condition = match self.reached() {
            Some(guard) => self.and(guard, violated),
            None => violated,
        };
        if self.graph.constant_value(condition) == Some(0.0) {
            return Ok(());
        }
        let fault = Fault {
            message: message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect(),
            at: Some(self.here),
        };
        let number = match self.faults.known.iter().position(|known| *known == fault) {
            Some(known) => known,
            None if self.faults.known.len() == MAX_FAULTS => {
                return self.error(
                    Code::ProgramTooLarge,
                    format!("the program can stop in more than {MAX_FAULTS} ways"),
                    "use fewer assertions".to_owned(),
                );
            }
            None => {
                self.faults.known.push(fault);
                self.faults.known.len() - 1
            }
        };
        let number = self.constant(Type::F64, number as f64 + 1.0);
        let zero = self.constant(Type::F64, 0.0);
        let (happened, first) = match self.faults.state {
            Some(state) => state,
            None => (self.constant(Type::Bool, 0.0), zero),
        };
        let otherwise = self.select(condition, number, zero);
        let first = self.select(happened, first, otherwise);
        let happened = self.or(happened, condition);
        self.faults.state = Some((happened, first));
        Ok(())
    }

    /// The fault number of each environment, if there may be any.
    pub(crate) fn fault_number(&self) -> Option<NodeId> {
        self.faults.state.map(|(_, first)| first)
    }

    /// The condition under which the code at work is reached; none if always.
    fn reached(&mut self) -> Option<NodeId> {
        let mut left: Vec<NodeId> = Vec::new();
        for frame in &self.frames {
            left.extend(frame.returns.iter().filter_map(|parked| parked.guard));
            for exits in &frame.loops {
                left.extend(exits.continued.iter().filter_map(|parked| parked.guard));
                left.extend(exits.broken.iter().filter_map(|parked| parked.guard));
            }
        }
        let mut guard: Option<NodeId> = None;
        for condition in self.path.clone() {
            guard = Some(guard.map_or(condition, |known| self.and(known, condition)));
        }
        for condition in left {
            let stays = self.not(condition);
            guard = Some(guard.map_or(stays, |known| self.and(known, stays)));
        }
        guard
    }

    /// `assert test, "message"`
    pub(crate) fn assertion(&mut self, statement: &'a ast::StmtAssert) -> Checked<()> {
        let test = self.expression(&statement.test)?;
        let truth = self.truth(&test)?;
        let text = match statement.msg.as_deref() {
            Some(Expr::StringLiteral(text)) => format!("AssertionError: {}", text.value.to_str()),
            _ => format!("AssertionError: `{}` does not hold", self.text(statement.test.range())),
        };
        self.here = self.span(statement.test.range());
        if self.graph.constant_value(truth) == Some(0.0) && self.reached().is_none() {
            return self.error(Code::Unsupported, "this assertion always fails", None);
        }
        let violated = self.not(truth);
        self.fault(violated, text)
    }

    /// `raise ValueError("message")`
    pub(crate) fn raise(&mut self, statement: &'a ast::StmtRaise) -> Checked<Flow> {
        self.here = self.span(statement.range);
        let text = match statement.exc.as_deref() {
            None => "RuntimeError".to_owned(),
            Some(Expr::Call(call)) => {
                let name = self.text(call.func.range());
                match call.arguments.args.first() {
                    Some(Expr::StringLiteral(text)) => format!("{name}: {}", text.value.to_str()),
                    _ => name.to_owned(),
                }
            }
            Some(other) => self.text(other.range()).to_owned(),
        };
        if self.reached().is_none() {
            return self.unsupported(
                "a reward that always raises gives nothing",
                "return a value for this case instead",
            );
        }
        let always = self.constant(Type::Bool, 1.0);
        self.fault(always, text)?;
        Ok(Flow::Gone)
    }
}
