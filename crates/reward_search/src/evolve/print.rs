//! Writes a genome as the program a reward engineer would write: named constants, one block per term.

use std::fmt::Write as _;

use super::genome::{Feature, Genome, Shape, Term};

/// The program. `lineage` goes into its first line.
pub fn print(genome: &Genome, lineage: &str) -> String {
    let parameters: Vec<String> = genome
        .variables()
        .iter()
        .map(|name| format!("{name}: Tensor"))
        .collect();
    let mut text = format!(
        "# {lineage}\nimport torch\nfrom torch import Tensor\nfrom typing import Dict, Tuple\n\n\n\
         def compute_reward({}) -> Tuple[Tensor, Dict[str, Tensor]]:\n",
        parameters.join(", ")
    );
    for term in &genome.terms {
        print_term(&mut text, term);
    }
    let names: Vec<&str> = genome.terms.iter().map(|term| term.name.as_str()).collect();
    let entries: Vec<String> = names.iter().map(|name| format!("\"{name}\": {name}")).collect();
    let _ = writeln!(text, "    total = {}", names.join(" + "));
    let _ = writeln!(text, "    return total, {{{}}}", entries.join(", "));
    text
}

fn print_term(text: &mut String, term: &Term) {
    let name = &term.name;
    let mut line = |left: &str, right: String| {
        let _ = writeln!(text, "    {left} = {right}");
    };
    let number = |value: f64| format!("{value:?}");
    line(&format!("{name}_feature"), feature(&term.feature));
    if let Some(gate) = &term.gate {
        line(&format!("{name}_gate_feature"), feature(&gate.feature));
        line(&format!("{name}_gate_low"), number(gate.low));
        line(&format!("{name}_gate_high"), number(gate.high));
        line(&format!("{name}_gate"), within(&format!("{name}_gate")));
    }
    line(&format!("{name}_weight"), number(term.weight));
    for (parameter, value) in parameters(&term.shape) {
        line(&format!("{name}_{parameter}"), number(value));
    }
    let gate = if term.gate.is_some() {
        format!("{name}_gate * ")
    } else {
        String::new()
    };
    line(name, format!("{name}_weight * {gate}{}", shaped(&term.shape, name)));
    text.push('\n');
}

/// Text of a feature.
pub(super) fn feature(feature: &Feature) -> String {
    match feature {
        Feature::Scalar(name) => name.clone(),
        Feature::Component(name, index) => format!("{name}[:, {index}]"),
        Feature::Flag(name) => format!("{name}.float()"),
        Feature::SquaredSum(name) => format!("torch.sum(torch.square({name}), dim=-1)"),
        Feature::Norm(name) => format!("torch.norm({name}, dim=-1)"),
        Feature::SquaredChange(now, before) => format!("torch.sum(torch.square({now} - {before}), dim=-1)"),
        Feature::Alive(like) => format!("torch.ones_like({like})"),
    }
}

/// Names and values of a shape's constants.
pub(super) fn parameters(shape: &Shape) -> Vec<(&'static str, f64)> {
    match *shape {
        Shape::Identity => vec![],
        Shape::Distance { target } | Shape::SquaredDistance { target } => vec![("target", target)],
        Shape::Bell { target, temperature } | Shape::Peak { target, temperature } => {
            vec![("target", target), ("temperature", temperature)]
        }
        Shape::Saturating { temperature } => vec![("temperature", temperature)],
        Shape::Clamped { low, high } | Shape::Within { low, high } => vec![("low", low), ("high", high)],
    }
}

/// Text of a shape applied to the feature of the term `name`.
pub(super) fn shaped(shape: &Shape, name: &str) -> String {
    let distance = format!("{name}_feature - {name}_target");
    match shape {
        Shape::Identity => format!("{name}_feature"),
        Shape::Distance { .. } => format!("torch.abs({distance})"),
        Shape::SquaredDistance { .. } => format!("torch.square({distance})"),
        Shape::Bell { .. } => format!("torch.exp(-torch.square(({distance}) / {name}_temperature))"),
        Shape::Peak { .. } => format!("torch.exp(-torch.abs({distance}) / {name}_temperature)"),
        Shape::Saturating { .. } => format!("torch.tanh({name}_feature / {name}_temperature)"),
        Shape::Clamped { .. } => format!("torch.clamp({name}_feature, {name}_low, {name}_high)"),
        Shape::Within { .. } => within(name),
    }
}

fn within(name: &str) -> String {
    format!("(({name}_feature >= {name}_low) & ({name}_feature <= {name}_high)).float()")
}
