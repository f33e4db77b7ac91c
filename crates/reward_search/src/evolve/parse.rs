//! Reads a genome back from the text that [`super::print`] wrote.
//!
//! Parents come from the record as text, so `evolve` keeps no state of its own and a resumed search breeds from the same
//! parents. Other programs, a person's or a model's, are not of this grammar and give nothing.

use super::genome::{Feature, Gate, Genome, Shape, Term};
use super::print::{feature as print_feature, shaped};

/// The genome, if the text is one that [`super::print::print`] writes.
pub fn parse(text: &str) -> Option<Genome> {
    let body = text.split_once("def compute_reward(")?.1;
    let assignments: Vec<(&str, &str)> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(" = "))
        .collect();
    let returned = body.lines().find_map(|line| line.strip_prefix("    total = "))?;
    let terms = returned
        .split(" + ")
        .map(|name| parse_term(name, &assignments))
        .collect::<Option<_>>()?;
    Some(Genome { terms })
}

fn parse_term(name: &str, assignments: &[(&str, &str)]) -> Option<Term> {
    let value = |suffix: &str| {
        let wanted = format!("{name}{suffix}");
        assignments
            .iter()
            .find(|(left, _)| *left == wanted)
            .map(|(_, right)| *right)
    };
    let number = |suffix: &str| value(suffix)?.parse::<f64>().ok().filter(|number| number.is_finite());
    let gate = match value("_gate_feature") {
        Some(text) => Some(Gate {
            feature: parse_feature(text)?,
            low: number("_gate_low")?,
            high: number("_gate_high")?,
        }),
        None => None,
    };
    let gated = if gate.is_some() {
        format!("{name}_gate * ")
    } else {
        String::new()
    };
    let judged = value("")?.strip_prefix(&format!("{name}_weight * {gated}"))?;
    let target = number("_target").unwrap_or_default();
    let temperature = number("_temperature").unwrap_or_default();
    let (low, high) = (number("_low").unwrap_or_default(), number("_high").unwrap_or_default());
    // A shape's constants are named by its text, so one that lacks a constant matches no program that compiles.
    let shape = [
        Shape::Identity,
        Shape::Distance { target },
        Shape::SquaredDistance { target },
        Shape::Bell { target, temperature },
        Shape::Peak { target, temperature },
        Shape::Saturating { temperature },
        Shape::Clamped { low, high },
        Shape::Within { low, high },
    ]
    .into_iter()
    .find(|shape| shaped(shape, name) == judged)?;
    Some(Term {
        name: name.into(),
        weight: number("_weight")?,
        feature: parse_feature(value("_feature")?)?,
        shape,
        gate,
    })
}

fn parse_feature(text: &str) -> Option<Feature> {
    let inside = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end).map(str::to_owned);
    let parsed = if let Some(inner) = inside("torch.sum(torch.square(", "), dim=-1)") {
        match inner.split_once(" - ") {
            Some((now, before)) => Feature::SquaredChange(now.into(), before.into()),
            None => Feature::SquaredSum(inner),
        }
    } else if let Some(inner) = inside("torch.norm(", ", dim=-1)") {
        Feature::Norm(inner)
    } else if let Some(inner) = inside("torch.ones_like(", ")") {
        Feature::Alive(inner)
    } else if let Some(name) = inside("", ".float()") {
        Feature::Flag(name)
    } else if let Some((name, index)) = text.split_once("[:, ") {
        Feature::Component(name.into(), index.strip_suffix(']')?.parse().ok()?)
    } else {
        Feature::Scalar(text.into())
    };
    let names_are_plain = parsed
        .variables()
        .iter()
        .all(|name| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'));
    (names_are_plain && print_feature(&parsed) == text).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evolve::print::print;

    #[test]
    fn other_programs_are_not_of_this_grammar() {
        for text in [
            "",
            "def compute_reward(x):\n    return x, {\"x\": x}\n",
            "def compute_reward(x):\n    total = x\n    return total, {\"x\": x}\n",
            "def compute_reward(x):\n    a_feature = x * 2\n    a_weight = 1.0\n    a = a_weight * a_feature\n    total = a\n",
            "def compute_reward(x):\n    a_feature = x\n    a_weight = inf\n    a = a_weight * a_feature\n    total = a\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_feature_and_shape_reads_back() {
        let name = || "x".to_owned();
        let features = [
            Feature::Scalar(name()),
            Feature::Component(name(), 2),
            Feature::Flag(name()),
            Feature::SquaredSum(name()),
            Feature::Norm(name()),
            Feature::SquaredChange(name(), "y".into()),
            Feature::Alive(name()),
        ];
        let (target, temperature, low, high) = (-0.25, 1e-5, -1.5, 2e9);
        let shapes = [
            Shape::Identity,
            Shape::Distance { target },
            Shape::SquaredDistance { target },
            Shape::Bell { target, temperature },
            Shape::Peak { target, temperature },
            Shape::Saturating { temperature },
            Shape::Clamped { low, high },
            Shape::Within { low, high },
        ];
        for feature in &features {
            for shape in &shapes {
                for gate in [
                    None,
                    Some(Gate {
                        feature: feature.clone(),
                        low,
                        high,
                    }),
                ] {
                    let mut genome = Genome { terms: Vec::new() };
                    for weight in [-0.001, 12.5] {
                        let (feature, shape, gate) = (feature.clone(), shape.clone(), gate.clone());
                        genome.push(Term {
                            name: "a".into(),
                            weight,
                            feature,
                            shape,
                            gate,
                        });
                    }
                    let text = print(&genome, "test");
                    assert_eq!(parse(&text), Some(genome), "{text}");
                }
            }
        }
    }
}
