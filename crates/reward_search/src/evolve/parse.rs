//! Reads a genome back from the text that [`super::print`] wrote.
//!
//! Parents come from the record as text, so `evolve` keeps no state of its own and a resumed search breeds from the same
//! parents. Other programs, a person's or a model's, are not of this grammar and give nothing.

use super::genome::{Feature, Gate, Genome, Shape, Term};
use super::print::function;

/// The genome, if the text is one that [`super::print::print`] writes.
pub fn parse(text: &str) -> Option<Genome> {
    let start = text.find("def compute_reward(")?;
    let body = &text[start..];
    let assignments: Vec<(&str, &str)> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(" = "))
        .collect();
    let value = |name: &str| {
        assignments
            .iter()
            .find(|(left, _)| *left == name)
            .map(|(_, right)| *right)
    };
    let terms = value("total")?
        .split(" + ")
        .map(|name| parse_term(name, &value))
        .collect::<Option<_>>()?;
    let genome = Genome { terms };
    // What was read is written again and compared, so that nothing in the text goes unnoticed.
    (function(&genome) == body).then_some(genome)
}

fn parse_term<'a>(name: &str, value: &impl Fn(&str) -> Option<&'a str>) -> Option<Term> {
    let mut term = Term {
        name: name.into(),
        weight: 0.0,
        feature: Feature::Scalar(String::new()),
        shape: Shape::Identity,
        gate: None,
    };
    let (weight, mut judged) = value(name)?.split_once(" * ")?;
    term.weight = number(weight)?;
    if let Some(rest) = judged.strip_prefix(&format!("{} * ", term.gate_name())) {
        judged = rest;
        let (feature, low, high) = parse_within(value(&term.gate_name())?)?;
        term.gate = Some(Gate { feature, low, high });
    }
    let temperature = value(&term.temperature_name()).and_then(number);
    (term.feature, term.shape) = parse_shape(judged, &term.temperature_name(), temperature)?;
    Some(term)
}

fn parse_shape(text: &str, temperature_name: &str, temperature: Option<f64>) -> Option<(Feature, Shape)> {
    let divided = format!(" / {temperature_name}");
    let inside = |start: &str, end: &str| text.strip_prefix(start)?.strip_suffix(end);
    if let Some(inner) = inside("torch.exp(-torch.square(", &format!("{divided}))")) {
        let inner = inner
            .strip_prefix('(')
            .and_then(|inner| inner.strip_suffix(')'))
            .unwrap_or(inner);
        let (feature, target) = parse_distance(inner)?;
        let temperature = temperature?;
        return Some((feature, Shape::Bell { target, temperature }));
    }
    if let Some(inner) = inside("torch.exp(-torch.abs(", &format!("){divided})")) {
        let (feature, target) = parse_distance(inner)?;
        let temperature = temperature?;
        return Some((feature, Shape::Peak { target, temperature }));
    }
    if let Some(inner) = inside("torch.tanh(", &format!("{divided})")) {
        let temperature = temperature?;
        return Some((parse_feature(inner)?, Shape::Saturating { temperature }));
    }
    if let Some(inner) = inside("torch.abs(", ")") {
        let (feature, target) = parse_distance(inner)?;
        return Some((feature, Shape::Distance { target }));
    }
    if let Some(inner) = inside("torch.square(", ")") {
        let (feature, target) = parse_distance(inner)?;
        return Some((feature, Shape::SquaredDistance { target }));
    }
    if let Some(inner) = inside("torch.clamp(", ")") {
        let (rest, high) = inner.rsplit_once(", ")?;
        let (feature, low) = rest.rsplit_once(", ")?;
        let (low, high) = (number(low)?, number(high)?);
        return Some((parse_feature(feature)?, Shape::Clamped { low, high }));
    }
    if let Some((feature, low, high)) = parse_within(text) {
        return Some((feature, Shape::Within { low, high }));
    }
    Some((parse_feature(text)?, Shape::Identity))
}

/// `x - 1.2`, `x + 0.3` or `x`, whose target is 0.
fn parse_distance(text: &str) -> Option<(Feature, f64)> {
    for (sign, between) in [(1.0, " - "), (-1.0, " + ")] {
        if let Some((feature, target)) = text.rsplit_once(between)
            && let Some(target) = number(target)
        {
            return Some((parse_feature(feature)?, sign * target));
        }
    }
    Some((parse_feature(text)?, 0.0))
}

fn parse_within(text: &str) -> Option<(Feature, f64, f64)> {
    let (low, high) = text
        .strip_prefix("((")?
        .strip_suffix(")).float()")?
        .split_once(") & (")?;
    let (feature, low) = low.split_once(" >= ")?;
    let (_, high) = high.split_once(" <= ")?;
    Some((parse_feature(feature)?, number(low)?, number(high)?))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
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
    let is_plain =
        |name: &&str| !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    parsed.variables().iter().all(is_plain).then_some(parsed)
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
            "def compute_reward(x):\n    a = inf * x\n    total = a\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_program_that_was_changed_in_any_other_way_than_its_numbers_is_not_of_this_grammar() {
        let mut genome = Genome { terms: Vec::new() };
        genome.push(Term::new(
            Feature::Scalar("x".into()),
            Shape::Saturating { temperature: 0.5 },
            2.0,
        ));
        let text = print(&genome, "test");
        assert_eq!(parse(&text), Some(genome.clone()));
        genome.terms[0].weight = 3.25;
        assert_eq!(parse(&text.replace("2.0", "3.25")), Some(genome));
        for (old, new) in [
            ("    total", "    x_saturated = x_saturated * 2\n    total"),
            ("return total,", "return -total,"),
            ("\"x_saturated\": x", "\"other\": x"),
            ("x: Tensor", "x: Tensor, y: Tensor"),
            ("torch.tanh(x", "torch.tanh(x * 2"),
        ] {
            let changed = text.replace(old, new);
            assert_ne!(changed, text, "{old}");
            assert_eq!(parse(&changed), None, "{changed}");
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
