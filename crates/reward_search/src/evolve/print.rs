//! Writes a genome as the program a reward engineer would write: a line per term, and a name for what has to be tuned.

use std::fmt::Write as _;

use super::genome::{Feature, Genome, Shape, Term};

/// Lines are broken where they would be longer.
const WIDTH: usize = 100;

/// The program. `lineage` goes into its first line.
pub fn print(genome: &Genome, lineage: &str) -> String {
    format!(
        "# {lineage}\nfrom typing import Dict, Tuple\n\nimport torch\nfrom torch import Tensor\n\n\n{}",
        function(genome)
    )
}

/// The function without what stands before it.
pub(super) fn function(genome: &Genome) -> String {
    let mut text = signature(&genome.variables());
    for term in &genome.terms {
        print_term(&mut text, term);
    }
    let names: Vec<&str> = genome.terms.iter().map(|term| term.name.as_str()).collect();
    let _ = writeln!(text, "\n    total = {}", names.join(" + "));
    text + &returned(&names)
}

fn signature(variables: &[&str]) -> String {
    let parameters: Vec<String> = variables.iter().map(|name| format!("{name}: Tensor")).collect();
    let result = "Tuple[Tensor, Dict[str, Tensor]]";
    let line = format!("def compute_reward({}) -> {result}:", parameters.join(", "));
    if line.len() <= WIDTH {
        return line + "\n";
    }
    let broken: String = parameters
        .iter()
        .map(|parameter| format!("    {parameter},\n"))
        .collect();
    format!("def compute_reward(\n{broken}) -> {result}:\n")
}

fn returned(names: &[&str]) -> String {
    let entries: Vec<String> = names.iter().map(|name| format!("\"{name}\": {name}")).collect();
    let line = format!("    return total, {{{}}}", entries.join(", "));
    if line.len() <= WIDTH {
        return line + "\n";
    }
    let broken: String = entries.iter().map(|entry| format!("        {entry},\n")).collect();
    format!("    return total, {{\n{broken}    }}\n")
}

fn print_term(text: &mut String, term: &Term) {
    if let Some(gate) = &term.gate {
        let condition = within(&feature(&gate.feature), gate.low, gate.high);
        let _ = writeln!(text, "    {} = {condition}", term.gate_name());
    }
    if let Some(temperature) = temperature(&term.shape) {
        let _ = writeln!(text, "    {} = {temperature:?}", term.temperature_name());
    }
    let gate = term
        .gate
        .as_ref()
        .map_or(String::new(), |_| format!("{} * ", term.gate_name()));
    let _ = writeln!(text, "    {} = {:?} * {gate}{}", term.name, term.weight, shaped(term));
}

/// Text of a feature.
fn feature(feature: &Feature) -> String {
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

fn temperature(shape: &Shape) -> Option<f64> {
    match *shape {
        Shape::Bell { temperature, .. } | Shape::Peak { temperature, .. } | Shape::Saturating { temperature } => {
            Some(temperature)
        }
        Shape::Identity
        | Shape::Distance { .. }
        | Shape::SquaredDistance { .. }
        | Shape::Clamped { .. }
        | Shape::Within { .. } => None,
    }
}

/// Text of a term's shape, applied to its feature.
fn shaped(term: &Term) -> String {
    let feature = feature(&term.feature);
    let temperature = term.temperature_name();
    match term.shape {
        Shape::Identity => feature,
        Shape::Distance { target } => format!("torch.abs({})", from_target(&feature, target)),
        Shape::SquaredDistance { target } => format!("torch.square({})", from_target(&feature, target)),
        Shape::Bell { target: 0.0, .. } => format!("torch.exp(-torch.square({feature} / {temperature}))"),
        Shape::Bell { target, .. } => format!(
            "torch.exp(-torch.square(({}) / {temperature}))",
            from_target(&feature, target)
        ),
        Shape::Peak { target, .. } => {
            format!(
                "torch.exp(-torch.abs({}) / {temperature})",
                from_target(&feature, target)
            )
        }
        Shape::Saturating { .. } => format!("torch.tanh({feature} / {temperature})"),
        Shape::Clamped { low, high } => format!("torch.clamp({feature}, {low:?}, {high:?})"),
        Shape::Within { low, high } => within(&feature, low, high),
    }
}

/// `x - 1.2`, `x + 0.3`, `x`.
fn from_target(feature: &str, target: f64) -> String {
    if target == 0.0 {
        feature.to_owned()
    } else if target < 0.0 {
        format!("{feature} + {:?}", -target)
    } else {
        format!("{feature} - {target:?}")
    }
}

fn within(feature: &str, low: f64, high: f64) -> String {
    format!("(({feature} >= {low:?}) & ({feature} <= {high:?})).float()")
}
