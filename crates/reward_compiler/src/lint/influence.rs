//! Terms that change nothing: outside the total, the same for every input, or lost beside a larger one.

use carrot_reward_interface::Span;

use crate::Code;
use crate::interpret;
use crate::ir::{Binary, NodeId, Op, Output, Program, Unary};

use super::{Facts, Finding, shown};

/// Most parts that a total or a term is taken apart into.
const MAX_PARTS: usize = 64;
/// A part whose whole range is less than this share of the spread of another part is lost beside it. People weigh
/// the cost of effort at a thousandth of the main term, and mean it.
const SHARE: f64 = 1e-4;
/// States that are tried to see how far a part really spreads.
const SAMPLES: usize = 64;

pub(super) fn find(facts: &Facts<'_>, term_entries: Option<&[Span]>, findings: &mut Vec<Finding>) {
    let program = facts.program;
    let total = &program.total;
    let constant = |output: &Output| {
        let bounds = facts.bounds(output.value);
        (bounds.is_known && bounds.lo == bounds.hi).then_some(bounds.lo)
    };
    if let Some(value) = constant(total) {
        findings.push(Finding {
            code: Code::ConstantTerm,
            at: total.at,
            message: format!("the total is {} whatever the robot does", shown(value)),
            help: Some("return a value that depends on the task's variables".to_owned()),
        });
        return;
    }
    if let Some(entries) = term_entries {
        let influences = influences(facts);
        for (term, &at) in program.terms.iter().zip(entries) {
            // A number that the program adds itself is a bonus for being alive; it matters where falling ends the episode.
            let is_bonus = facts
                .graph()
                .constant_value(term.value)
                .is_some_and(|value| value != 0.0);
            if is_bonus {
                continue;
            }
            if let Some(value) = constant(term) {
                let ranges = reason(facts, term.value);
                findings.push(Finding {
                    code: Code::ConstantTerm,
                    at,
                    message: format!("the term `{}` is always {}{ranges}", term.name, shown(value)),
                    help: Some("let it depend on the task's variables, or leave it out".to_owned()),
                });
            } else if !parts(facts, term.value).iter().any(|part| influences[part.0 as usize]) {
                findings.push(Finding {
                    code: Code::DeadTerm,
                    at,
                    message: format!("the term `{}` does not enter the total", term.name),
                    help: Some(format!("add it to the total, or leave `{}` out", term.name)),
                });
            }
        }
    }
    dominated(facts, findings);
}

fn reason(facts: &Facts<'_>, value: NodeId) -> String {
    let ranges = facts.ranges(value);
    if ranges.is_empty() {
        ranges
    } else {
        format!("; {ranges}")
    }
}

/// For each node, whether the total is computed from it, now or through what the program remembers.
fn influences(facts: &Facts<'_>) -> Vec<bool> {
    let nodes = facts.graph().nodes();
    let mut reached = vec![false; nodes.len()];
    reached[facts.program.total.value.0 as usize] = true;
    for slot in &facts.program.memory {
        reached[slot.next.0 as usize] = true;
    }
    for index in (0..nodes.len()).rev() {
        if reached[index] {
            for operand in nodes[index].op.operands() {
                reached[operand.0 as usize] = true;
            }
        }
    }
    reached
}

/// What a term is made of, weights, signs, conversions and batch averages taken away.
fn parts(facts: &Facts<'_>, term: NodeId) -> Vec<NodeId> {
    let graph = facts.graph();
    let is_constant = |id: NodeId| graph.constant_value(id).is_some();
    let mut rest = vec![term];
    let mut found = Vec::new();
    while let Some(at) = rest.pop() {
        found.push(at);
        if found.len() >= MAX_PARTS {
            break;
        }
        match graph.node(at).op {
            Op::Convert(a) | Op::Unary(Unary::Neg | Unary::Abs, a) | Op::Reduce(_, a) => rest.push(a),
            Op::Binary(Binary::Mul | Binary::Div | Binary::Min | Binary::Max, a, b) if is_constant(b) => rest.push(a),
            Op::Binary(Binary::Div, a, b) if matches!(graph.node(b).op, Op::BatchSize | Op::Convert(_)) => rest.push(a),
            Op::Binary(Binary::Add | Binary::Sub, a, b) => {
                rest.extend([a, b].into_iter().filter(|&id| !is_constant(id)))
            }
            Op::Select(_, a, b) => rest.extend([a, b].into_iter().filter(|&id| !is_constant(id))),
            _ => {}
        }
    }
    found
}

/// Summands of the total that cannot matter beside another.
fn dominated(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let summands = summands(facts);
    let width = |id: &NodeId| {
        let bounds = facts.bounds(*id);
        (bounds.is_known && bounds.width().is_finite()).then(|| bounds.width())
    };
    let Some(widths) = summands.iter().map(width).collect::<Option<Vec<f64>>>() else {
        return;
    };
    let widest = widths.iter().copied().fold(0.0, f64::max);
    if !widths.iter().any(|&width| width > 0.0 && width < SHARE * widest) {
        return;
    }
    // Bounds may be far too wide; what counts is how far the large part spreads over states in the declared ranges.
    let spreads = spreads(facts, &summands);
    let Some((largest, &spread)) = spreads.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else {
        return;
    };
    for (at, &width) in widths.iter().enumerate() {
        if width > 0.0 && width < SHARE * spread {
            let name = |id: NodeId| match named(facts, id) {
                Some(name) => format!("`{name}`"),
                None => "another part of the total".to_owned(),
            };
            let small = match named(facts, summands[at]) {
                Some(name) => format!("`{name}`"),
                None => "this part of the total".to_owned(),
            };
            findings.push(Finding {
                code: Code::DominatedTerm,
                at: facts.graph().node(summands[at]).at,
                message: format!(
                    "{small} is too small to matter; its whole range is {}, while {} spreads over {}",
                    shown(width),
                    name(summands[largest]),
                    shown(spread)
                ),
                help: Some("raise its weight, or lower that of the larger term".to_owned()),
            });
        }
    }
}

/// The summands of the total, signs and conversions taken away.
fn summands(facts: &Facts<'_>) -> Vec<NodeId> {
    let mut rest = vec![facts.program.total.value];
    let mut found = Vec::new();
    while let Some(at) = rest.pop() {
        match facts.graph().node(at).op {
            Op::Const(_) => {}
            Op::Binary(Binary::Add | Binary::Sub, a, b) if found.len() + rest.len() < MAX_PARTS => rest.extend([b, a]),
            Op::Convert(a) | Op::Unary(Unary::Neg, a) => rest.push(a),
            _ => found.push(at),
        }
    }
    found
}

/// The term that a part of the total belongs to.
fn named(facts: &Facts<'_>, part: NodeId) -> Option<String> {
    let strip = |id: NodeId| {
        let mut at = id;
        while let Op::Convert(a) | Op::Unary(Unary::Neg, a) = facts.graph().node(at).op {
            at = a;
        }
        at
    };
    let terms = &facts.program.terms;
    let term = terms.iter().find(|term| strip(term.value) == part);
    term.map(|term| term.name.clone())
}

/// How far each part spreads over states spread evenly through the declared ranges: four standard deviations.
fn spreads(facts: &Facts<'_>, parts: &[NodeId]) -> Vec<f64> {
    let program = facts.program;
    let mut probe = Program {
        terms: Vec::new(),
        ..program.clone()
    };
    for &part in parts {
        let value = match probe.graph.node(part).ty {
            ty if ty == program.output => part,
            _ => probe.graph.convert(part, program.output, program.total.at),
        };
        probe.terms.push(Output {
            name: String::new(),
            value,
            at: program.total.at,
        });
    }
    let inputs: Vec<Vec<f64>> = (program.inputs.iter().zip(&facts.variables))
        .enumerate()
        .map(|(number, (input, variable))| {
            let components: usize = variable.map_or_else(|| input.shape.iter().product(), |v| v.components());
            let [lo, hi] = variable.and_then(|variable| variable.range).unwrap_or([0.0, 1.0]);
            let count = components * if input.uniform { 1 } else { SAMPLES };
            (0..count)
                .map(|at| lo + (hi - lo) * scattered(number * 8_191 + at))
                .collect()
        })
        .collect();
    let (_, values) = interpret::evaluate(&probe, &inputs, SAMPLES);
    values.iter().map(|values| 4.0 * deviation(values)).collect()
}

/// A number in [0, 1), well spread for successive arguments: the fractional parts of multiples of the golden ratio, mixed.
fn scattered(at: usize) -> f64 {
    let mixed = (at as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    if variance.is_finite() { variance.sqrt() } else { 0.0 }
}
