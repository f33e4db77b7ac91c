//! What is probably not meant, though it compiles: findings about the checked program.
//!
//! The lints read the graph, the schema and nothing else, in time linear in the graph. They stay silent where they are not
//! sure: a warning that is wrong teaches its reader to skip warnings.
//!
//! ```text
//! ir::Program + Schema ──interval──▶ bounds ──▶ finite (non-finite, unbounded-exp), influence (dead, constant, dominated)
//!                      ──units────▶ unit-mismatch, frame-mismatch        ──quaternion──▶ quaternion-order
//!                      ──jump─────▶ discontinuity (notes, on request)
//! ```

mod finite;
mod influence;
mod interval;
mod jump;
mod quaternion;
mod units;

use std::cell::OnceCell;

use carrot_reward_interface::{Schema, Span, Variable};

use crate::Code;
use crate::ir::{Graph, NodeId, Op, Program};
use interval::Interval;
pub(crate) use quaternion::{order_name, part};

/// Most nodes that one question about a single node looks at.
const MAX_WALK: usize = 64;
/// Most findings of one kind: the first ones tell the story.
const MAX_PER_CODE: usize = 5;

/// One finding of a lint.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) at: Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What all lints read.
struct Facts<'a> {
    program: &'a Program,
    /// The variable of each input.
    variables: Vec<Option<&'a Variable>>,
    bounds: Vec<Interval>,
    /// See [`interval::intervals_if_positive`]; few programs need it.
    bounds_if_positive: OnceCell<Vec<Interval>>,
    /// Whether some output depends on a node.
    reachable: Vec<bool>,
    /// Where the users of each node start in `users`, and one more.
    first_user: Vec<u32>,
    users: Vec<NodeId>,
}

/// Warnings about a reward. `term_entries` is where the program sets its terms, if it names them itself.
pub(crate) fn warnings(program: &Program, schema: &Schema, term_entries: Option<&[Span]>) -> Vec<Finding> {
    let facts = Facts::new(program, schema);
    let mut findings = Vec::new();
    finite::find(&facts, &mut findings);
    quaternion::find(&facts, &mut findings);
    influence::find(&facts, term_entries, &mut findings);
    for (code, clashes, help) in [
        (
            Code::UnitMismatch,
            units::unit_clashes(&program.graph, &facts.variables, &facts.reachable),
            "give each part a weight, such as `0.5 * x`, or compare quantities of one kind",
        ),
        (
            Code::FrameMismatch,
            units::frame_clashes(&program.graph, &facts.variables, &facts.reachable),
            "bring both into one frame first, for example with `quat_rotate_inverse`",
        ),
    ] {
        findings.extend(clashes.into_iter().map(|clash| Finding {
            code,
            at: program.graph.node(clash.node).at,
            message: match code {
                Code::UnitMismatch => {
                    format!(
                        "the two sides have different units; one is in {}, the other in {}",
                        clash.left, clash.right
                    )
                }
                _ => format!(
                    "the two vectors are given in different frames; one in `{}`, the other in `{}`",
                    clash.left, clash.right
                ),
            },
            help: Some(help.to_owned()),
        }));
    }
    distinct(findings)
}

/// Notes about a reward: what is common and often meant, and worth knowing.
pub(crate) fn notes(program: &Program, schema: &Schema) -> Vec<Finding> {
    let facts = Facts::new(program, schema);
    let mut findings = Vec::new();
    jump::find(&facts, &mut findings);
    distinct(findings)
}

/// One finding per code and place, since an operation on vectors is one node per component.
fn distinct(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let alike = kept.iter().filter(|known| known.code == finding.code);
        if alike.clone().count() < MAX_PER_CODE && !alike.clone().any(|known| known.at == finding.at) {
            kept.push(finding);
        }
    }
    kept
}

impl<'a> Facts<'a> {
    fn new(program: &'a Program, schema: &'a Schema) -> Self {
        let inputs = program.inputs.iter();
        let variables: Vec<Option<&Variable>> = inputs.map(|input| schema.get(&input.name)).collect();
        let bounds = interval::intervals(&program.graph, &variables);
        let reachable = program.reachable();
        let nodes = program.graph.nodes();
        let used = || {
            let reached = nodes.iter().enumerate().filter(|(index, _)| reachable[*index]);
            reached.flat_map(|(index, node)| node.op.operands().map(move |operand| (operand, NodeId(index as u32))))
        };
        let mut first_user = vec![0_u32; nodes.len() + 1];
        for (operand, _) in used() {
            first_user[operand.0 as usize + 1] += 1;
        }
        for index in 0..nodes.len() {
            first_user[index + 1] += first_user[index];
        }
        let mut next = first_user.clone();
        let mut users = vec![NodeId(0); first_user[nodes.len()] as usize];
        for (operand, user) in used() {
            users[next[operand.0 as usize] as usize] = user;
            next[operand.0 as usize] += 1;
        }
        Self {
            program,
            variables,
            bounds,
            bounds_if_positive: OnceCell::new(),
            reachable,
            first_user,
            users,
        }
    }

    fn graph(&self) -> &Graph {
        &self.program.graph
    }

    fn bounds(&self, id: NodeId) -> Interval {
        self.bounds[id.0 as usize]
    }

    fn bounds_if_positive(&self, id: NodeId) -> Interval {
        let bounds = || interval::intervals_if_positive(self.graph(), &self.variables);
        self.bounds_if_positive.get_or_init(bounds)[id.0 as usize]
    }

    fn users(&self, id: NodeId) -> &[NodeId] {
        let at = id.0 as usize;
        &self.users[self.first_user[at] as usize..self.first_user[at + 1] as usize]
    }

    /// Whether `id` depends on `part`, as far as a short walk shows.
    fn depends_on(&self, id: NodeId, part: NodeId) -> bool {
        let mut rest = vec![id];
        for _ in 0..MAX_WALK {
            match rest.pop() {
                Some(at) if at == part => return true,
                Some(at) => rest.extend(self.graph().node(at).op.operands()),
                None => return false,
            }
        }
        false
    }

    /// Inputs below a node, as far as a short walk shows, without repetition.
    fn inputs_of(&self, id: NodeId) -> Vec<usize> {
        let mut found = Vec::new();
        let mut rest = vec![id];
        for _ in 0..MAX_WALK {
            let Some(at) = rest.pop() else { break };
            match self.graph().node(at).op {
                Op::Input(input, _) if !found.contains(&(input as usize)) => found.push(input as usize),
                op => rest.extend(op.operands()),
            }
        }
        found.sort_unstable();
        found
    }

    /// The variables below a node with their ranges: "`gap` is in [0, 1]"; nothing if none has a range.
    fn ranges(&self, id: NodeId) -> String {
        let ranges: Vec<String> = self
            .inputs_of(id)
            .into_iter()
            .filter_map(|input| self.variables[input])
            .filter_map(|variable| {
                variable
                    .range
                    .map(|[lo, hi]| format!("`{}` is in [{lo}, {hi}]", variable.name))
            })
            .take(3)
            .collect();
        ranges.join(", ")
    }

    /// Whether the value is only used where a condition on the same quantities allows it: `torch.where(d > 0.1, 1 / d, 0)`.
    fn is_guarded(&self, id: NodeId, danger: NodeId) -> bool {
        let inputs = self.inputs_of(danger);
        // `assert distance > 0`: the program stops before the value counts.
        if self.program.fault.is_some_and(|fault| self.depends_on(fault, danger)) {
            return true;
        }
        let mut rest = vec![id];
        for _ in 0..MAX_WALK {
            let Some(at) = rest.pop() else { return true };
            if self.program.results().any(|result| result == at) {
                return false;
            }
            for &user in self.users(at) {
                match self.graph().node(user).op {
                    Op::Select(condition, ..)
                        if condition != at
                            && (self.depends_on(condition, danger)
                                || self.inputs_of(condition).iter().any(|input| inputs.contains(input))) => {}
                    _ => rest.push(user),
                }
            }
        }
        false
    }
}

/// A bound as a person writes it.
fn shown(value: f64) -> String {
    if value.abs() >= 1e5 || (value != 0.0 && value.abs() < 1e-3) {
        format!("{value:.1e}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}
