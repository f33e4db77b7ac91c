//! Which unit and which frame each value of a program has, as far as the schema declares them.
//!
//! Only certain knowledge counts. A number in the program has no unit of its own, so `2.0 * distance` may be a weight as
//! well as a length and is not judged any further: sums of weighted terms are never reported.

use std::collections::BTreeMap;

use carrot_reward_interface::Variable;

use crate::ir::{Binary, Graph, NodeId, Op, Unary};

/// Exponents are counted in quarters, so that square roots of units have one.
const QUARTERS: i32 = 4;

/// Exponents of the base units by name; empty for a plain number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unit(BTreeMap<String, i32>);

impl Unit {
    /// Reads `m`, `m/s`, `N*m`, `kg m^2/s^2`, `rad/s`, `1`; none for what is written otherwise.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut unit = Self::default();
        let mut sign = 1;
        let text = text.replace('²', "^2").replace('³', "^3").replace(['·', ' '], "*");
        let mut factor = String::new();
        for c in text.chars().chain(['*']) {
            match c {
                '*' | '/' => {
                    unit.multiply_factor(&std::mem::take(&mut factor), sign)?;
                    if c == '/' {
                        sign = -1;
                    }
                }
                _ => factor.push(c),
            }
        }
        Some(unit)
    }

    fn multiply_factor(&mut self, factor: &str, sign: i32) -> Option<()> {
        let (name, exponent) = match factor.split_once('^') {
            Some((name, exponent)) => (name, exponent.parse::<i32>().ok()?),
            None => (factor, 1),
        };
        let base: &[(&str, i32)] = match name {
            "" | "1" => return Some(()),
            // An angle is a plain number: `sin(x) - x` and `r * angle` are no mistakes.
            "rad" => &[("rad", 1)],
            "N" => &[("kg", 1), ("m", 1), ("s", -2)],
            "J" => &[("kg", 1), ("m", 2), ("s", -2)],
            "W" => &[("kg", 1), ("m", 2), ("s", -3)],
            "Hz" => &[("s", -1)],
            name if name.chars().all(char::is_alphabetic) => &[(name, 1)],
            _ => return None,
        };
        for (name, power) in base {
            self.add(name, power * exponent * sign * QUARTERS);
        }
        Some(())
    }

    fn add(&mut self, name: &str, exponent: i32) {
        let sum = self.0.entry(name.to_owned()).or_default();
        *sum += exponent;
        if *sum == 0 {
            self.0.remove(name);
        }
    }

    fn times(&self, other: &Self, sign: i32) -> Self {
        let mut product = self.clone();
        for (name, exponent) in &other.0 {
            product.add(name, sign * exponent);
        }
        product
    }

    /// To a power in quarters; none where the exponents would not be whole quarters.
    fn to_power(&self, quarters: i32) -> Option<Self> {
        let mut power = Self::default();
        for (name, exponent) in &self.0 {
            let exponent = exponent * quarters;
            if exponent % QUARTERS != 0 {
                return None;
            }
            power.add(name, exponent / QUARTERS);
        }
        Some(power)
    }

    /// Whether it is a plain number or an angle.
    fn is_number_like(&self) -> bool {
        self.0.keys().all(|name| name == "rad")
    }

    /// Whether adding the two makes no sense. An angle and a plain number may be added.
    fn clashes(&self, other: &Self) -> bool {
        self != other && !(self.is_number_like() && other.is_number_like())
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("1");
        }
        let factor = |name: &str, quarters: i32| match (quarters, quarters % QUARTERS) {
            (QUARTERS, _) => name.to_owned(),
            (_, 0) => format!("{name}^{}", quarters / QUARTERS),
            _ => format!("{name}^{}", f64::from(quarters) / f64::from(QUARTERS)),
        };
        let above: Vec<String> = (self.0.iter())
            .filter(|(_, e)| **e > 0)
            .map(|(n, e)| factor(n, *e))
            .collect();
        let below: Vec<String> = (self.0.iter())
            .filter(|(_, e)| **e < 0)
            .map(|(n, e)| factor(n, -e))
            .collect();
        f.write_str(&if above.is_empty() {
            "1".to_owned()
        } else {
            above.join("*")
        })?;
        below.iter().try_for_each(|name| write!(f, "/{name}"))
    }
}

/// What is known about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A constant of the program: it fits everything.
    Constant,
    /// Not known.
    Nothing,
    /// Number of a unit or a frame.
    Is(usize),
}

/// A sum, difference or choice of two values that do not go together.
pub(super) struct Clash {
    pub(super) node: NodeId,
    pub(super) left: String,
    pub(super) right: String,
}

/// Sums, differences, comparisons, minima and maxima of values with different units.
pub(super) fn unit_clashes(graph: &Graph, variables: &[Option<&Variable>], reachable: &[bool]) -> Vec<Clash> {
    let mut units: Vec<Unit> = Vec::new();
    let declared: Vec<Known> = variables
        .iter()
        .map(|variable| {
            let unit = variable
                .and_then(|variable| variable.unit.as_deref())
                .and_then(Unit::parse);
            unit.map_or(Known::Nothing, |unit| Known::Is(number(&mut units, unit)))
        })
        .collect();
    if units.len() < 2 && !units.iter().any(|unit| !unit.0.is_empty()) {
        return Vec::new();
    }
    let mut known: Vec<Known> = Vec::with_capacity(reachable.len());
    let mut clashes = Vec::new();
    for (index, node) in graph.nodes().iter().enumerate() {
        let of = |id: NodeId| known[id.0 as usize];
        let value = match node.op {
            Op::Const(_) => Known::Constant,
            Op::Input(input, _) => declared[input as usize],
            Op::Convert(a) | Op::Reversed(a) | Op::OfFirst(a) | Op::Reduce(_, a)
                if node.ty != crate::ir::Type::Bool =>
            {
                of(a)
            }
            Op::Unary(op, a) => unit_of_unary(&mut units, op, of(a)),
            Op::Select(_, a, b) => joined(of(a), of(b)),
            Op::Binary(op, a, b) => {
                let (x, y) = (of(a), of(b));
                if reachable[index]
                    && !matches!(op, Binary::Mul | Binary::Div | Binary::Pow | Binary::Atan2)
                    && let (Known::Is(x), Known::Is(y)) = (x, y)
                    && units[x].clashes(&units[y])
                {
                    clashes.push(Clash {
                        node: NodeId(index as u32),
                        left: units[x].to_string(),
                        right: units[y].to_string(),
                    });
                }
                unit_of_binary(graph, &mut units, op, (x, y), b)
            }
            _ => Known::Nothing,
        };
        known.push(value);
    }
    clashes
}

fn number(units: &mut Vec<Unit>, unit: Unit) -> usize {
    units.iter().position(|known| *known == unit).unwrap_or_else(|| {
        units.push(unit);
        units.len() - 1
    })
}

fn joined(a: Known, b: Known) -> Known {
    match (a, b) {
        (Known::Constant, other) | (other, Known::Constant) => other,
        (Known::Is(x), Known::Is(y)) if x == y => a,
        _ => Known::Nothing,
    }
}

fn unit_of_unary(units: &mut Vec<Unit>, op: Unary, a: Known) -> Known {
    match (op, a) {
        (Unary::Neg | Unary::Abs | Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round, _) => a,
        (Unary::Sqrt, Known::Is(unit)) => match units[unit].to_power(QUARTERS / 2) {
            Some(root) => Known::Is(number(units, root)),
            None => Known::Nothing,
        },
        (Unary::Asin | Unary::Acos | Unary::Atan, Known::Is(_)) => {
            let radian = Unit::parse("rad").unwrap_or_default();
            Known::Is(number(units, radian))
        }
        (_, Known::Constant) => Known::Constant,
        _ => Known::Nothing,
    }
}

fn unit_of_binary(graph: &Graph, units: &mut Vec<Unit>, op: Binary, (x, y): (Known, Known), b: NodeId) -> Known {
    let both = match (x, y) {
        (Known::Is(x), Known::Is(y)) => Some((x, y)),
        _ => None,
    };
    match (op, both) {
        (Binary::Add | Binary::Sub | Binary::Min | Binary::Max, _) => joined(x, y),
        (Binary::Mul | Binary::Div, Some((x, y))) => {
            let product = units[x].times(&units[y], if op == Binary::Mul { 1 } else { -1 });
            Known::Is(number(units, product))
        }
        (Binary::Atan2, Some(_)) => Known::Is(number(units, Unit::parse("rad").unwrap_or_default())),
        (Binary::Pow, _) => match (x, graph.constant_value(b)) {
            (Known::Is(unit), Some(exponent)) if exponent.abs() <= 8.0 && (exponent * 4.0).fract() == 0.0 => {
                match units[unit].to_power((exponent * 4.0) as i32) {
                    Some(power) => Known::Is(number(units, power)),
                    None => Known::Nothing,
                }
            }
            _ => Known::Nothing,
        },
        _ if x == Known::Constant && y == Known::Constant => Known::Constant,
        _ => Known::Nothing,
    }
}

/// Sums and differences of vectors that are expressed in different frames.
pub(super) fn frame_clashes(graph: &Graph, variables: &[Option<&Variable>], reachable: &[bool]) -> Vec<Clash> {
    let frames: Vec<Option<&str>> = variables
        .iter()
        .map(|variable| {
            let vector = variable.filter(|variable| variable.shape.last() == Some(&3));
            vector.and_then(|variable| variable.frame.as_deref())
        })
        .collect();
    if frames
        .iter()
        .flatten()
        .all(|frame| Some(*frame) == frames.iter().flatten().next().copied())
    {
        return Vec::new();
    }
    let mut known: Vec<Option<&str>> = Vec::with_capacity(reachable.len());
    let mut clashes = Vec::new();
    for (index, node) in graph.nodes().iter().enumerate() {
        let of = |id: NodeId| known[id.0 as usize];
        let is_constant = |id: NodeId| graph.constant_value(id).is_some();
        let value = match node.op {
            Op::Input(input, _) => frames[input as usize],
            Op::Convert(a) | Op::Unary(Unary::Neg, a) => of(a),
            Op::Binary(Binary::Mul | Binary::Div | Binary::Add | Binary::Sub, a, b) if is_constant(b) => of(a),
            Op::Binary(Binary::Add | Binary::Sub, a, b) => match (of(a), of(b)) {
                (Some(x), Some(y)) if x != y => {
                    if reachable[index] {
                        clashes.push(Clash {
                            node: NodeId(index as u32),
                            left: x.to_owned(),
                            right: y.to_owned(),
                        });
                    }
                    None
                }
                (x, y) => x.filter(|_| x == y),
            },
            _ => None,
        };
        known.push(value);
    }
    clashes
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn units_are_read_and_written() {
        for (text, expected) in [
            ("m", Some("m")),
            ("m/s", Some("m/s")),
            ("m/s^2", Some("m/s^2")),
            ("m/s²", Some("m/s^2")),
            ("rad/s", Some("rad/s")),
            ("N*m", Some("kg*m^2/s^2")),
            ("N m/m", Some("kg*m/s^2")),
            ("1", Some("1")),
            ("m^x", None),
            ("50%", None),
        ] {
            assert_eq!(
                Unit::parse(text).map(|unit| unit.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_joule_is_a_newton_metre_and_an_angle_is_a_number() {
        let unit = |text| Unit::parse(text).unwrap();
        assert!(!unit("J").clashes(&unit("N*m")));
        assert!(!unit("rad").clashes(&unit("1")));
        assert!(unit("rad").clashes(&unit("m")));
        assert!(unit("rad/s").clashes(&unit("rad")));
    }

    #[test]
    fn a_root_of_a_square_is_the_unit() {
        let area = Unit::parse("m^2").unwrap();
        assert_eq!(area.to_power(2).unwrap().to_string(), "m");
    }
}
