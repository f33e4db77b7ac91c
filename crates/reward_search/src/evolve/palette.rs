//! What terms can be made of: features and scales, drawn from the task's variables.
//!
//! Ranges and units say how large a number usually is, so that weights, targets and temperatures start at a sensible size.

use carrot_reward_interface::{DType, Schema, Variable};
use rand::{Rng, RngExt as _};

use super::genome::{Feature, Gate, Shape, Term, rounded};

/// A feature and the values it usually takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingredient {
    /// The feature.
    pub feature: Feature,
    /// Smallest usual value.
    pub low: f64,
    /// Largest usual value.
    pub high: f64,
}

impl Ingredient {
    /// Usual size.
    pub fn scale(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

/// The features of one variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Pigment {
    /// The variable.
    pub variable: Variable,
    /// Features that read it first.
    pub ingredients: Vec<Ingredient>,
}

/// Everything that terms of one task can be made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Palette {
    /// Per variable, by name; never empty lists.
    pub pigments: Vec<Pigment>,
    /// A constant reward, where a scalar variable exists to take its shape from.
    pub alive: Option<Ingredient>,
}

impl Palette {
    /// Collects the features of a task. Left out are variables that no plain parameter can name, those that are equal in
    /// all environments, clocks, and the previous value of another variable (it appears as that one's change).
    pub fn new(schema: &Schema) -> Self {
        let pigments: Vec<Pigment> = schema
            .variables
            .iter()
            .filter(|variable| {
                !variable.uniform
                    && !variable.name.contains('.')
                    && variable.unit.as_deref() != Some("s")
                    && current_of_previous(schema, variable).is_none()
            })
            .map(|variable| Pigment {
                variable: variable.clone(),
                ingredients: ingredients(schema, variable),
            })
            .filter(|pigment| !pigment.ingredients.is_empty())
            .collect();
        let alive = pigments
            .iter()
            .find(|pigment| pigment.variable.shape.is_empty() && pigment.variable.dtype != DType::Bool)
            .map(|pigment| Ingredient {
                feature: Feature::Alive(pigment.variable.name.clone()),
                low: 1.0,
                high: 1.0,
            });
        Self { pigments, alive }
    }

    /// The usual values of a feature that a program contains.
    pub fn ingredient(&self, feature: &Feature) -> Option<&Ingredient> {
        self.pigments
            .iter()
            .flat_map(|pigment| &pigment.ingredients)
            .chain(&self.alive)
            .find(|ingredient| ingredient.feature == *feature)
    }

    /// Any feature: first a variable, then one of its features, all equally likely.
    pub fn any_ingredient(&self, rng: &mut impl Rng) -> &Ingredient {
        let constant = usize::from(self.alive.is_some());
        let choice = rng.random_range(0..self.pigments.len() + constant);
        match self.pigments.get(choice) {
            Some(pigment) => pick(&pigment.ingredients, rng),
            None => self.alive.as_ref().expect("the last choice exists only with it"),
        }
    }

    /// A term drawn uniformly from the grammar: any feature, any shape, either sign, weight over two decades.
    pub fn any_term(&self, rng: &mut impl Rng) -> Term {
        let ingredient = self.any_ingredient(rng).clone();
        let shape = any_shape(&ingredient, rng);
        let sign = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        let mut term = term(&ingredient, shape, sign * log_uniform(0.1, 10.0, rng));
        if rng.random_bool(0.1) {
            let decider = self.any_ingredient(rng);
            let (low, high) = interval(decider, rng);
            term.gate = Some(Gate {
                feature: decider.feature.clone(),
                low,
                high,
            });
        }
        term
    }
}

/// A term whose usual size is `strength`.
pub fn term(ingredient: &Ingredient, shape: Shape, strength: f64) -> Term {
    let weight = rounded(strength / usual_size(ingredient, &shape));
    Term::new(ingredient.feature.clone(), shape, weight)
}

/// The usual size of a term, with the sign of its weight.
pub fn strength(ingredient: &Ingredient, term: &Term) -> f64 {
    term.weight * usual_size(ingredient, &term.shape)
}

/// Any shape that makes sense for the feature, with constants of a sensible size.
pub fn any_shape(ingredient: &Ingredient, rng: &mut impl Rng) -> Shape {
    let target = rounded(rng.random_range(ingredient.low..=ingredient.high));
    let temperature = any_temperature(ingredient, rng);
    let (low, high) = interval(ingredient, rng);
    let choices = match ingredient.feature {
        Feature::Alive(_) | Feature::Flag(_) => vec![Shape::Identity],
        Feature::SquaredSum(_) | Feature::SquaredChange(..) | Feature::Norm(_) => {
            vec![
                Shape::Identity,
                Shape::Peak {
                    target: 0.0,
                    temperature,
                },
                Shape::Saturating { temperature },
            ]
        }
        Feature::Scalar(_) | Feature::Component(..) => vec![
            Shape::Identity,
            Shape::Distance { target },
            Shape::SquaredDistance { target },
            Shape::Bell { target, temperature },
            Shape::Peak { target, temperature },
            Shape::Saturating { temperature },
            Shape::Clamped { low, high },
            Shape::Within { low, high },
        ],
    };
    pick(&choices, rng).clone()
}

/// A width between a twentieth of the usual range and all of it.
pub fn any_temperature(ingredient: &Ingredient, rng: &mut impl Rng) -> f64 {
    let spread = (ingredient.high - ingredient.low).max(1e-6);
    rounded(spread * log_uniform(0.05, 1.0, rng))
}

/// `low · (high / low)^u` for uniform `u`.
pub fn log_uniform(low: f64, high: f64, rng: &mut impl Rng) -> f64 {
    low * libm::pow(high / low, rng.random_range(0.0..=1.0))
}

/// One element, all equally likely.
pub fn pick<'a, T>(items: &'a [T], rng: &mut impl Rng) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

fn interval(ingredient: &Ingredient, rng: &mut impl Rng) -> (f64, f64) {
    let a = rng.random_range(ingredient.low..=ingredient.high);
    let b = rng.random_range(ingredient.low..=ingredient.high);
    (rounded(a.min(b)), rounded(a.max(b)))
}

fn usual_size(ingredient: &Ingredient, shape: &Shape) -> f64 {
    let size = match *shape {
        Shape::Identity | Shape::Distance { .. } => ingredient.scale(),
        Shape::SquaredDistance { .. } => ingredient.scale() * ingredient.scale(),
        Shape::Clamped { low, high } => low.abs().max(high.abs()),
        Shape::Bell { .. } | Shape::Peak { .. } | Shape::Saturating { .. } | Shape::Within { .. } => 1.0,
    };
    if size > 0.0 { size } else { 1.0 }
}

fn ingredients(schema: &Schema, variable: &Variable) -> Vec<Ingredient> {
    let name = || variable.name.clone();
    if variable.dtype == DType::Bool {
        let flag = Ingredient {
            feature: Feature::Flag(name()),
            low: 0.0,
            high: 1.0,
        };
        return if variable.shape.is_empty() {
            vec![flag]
        } else {
            Vec::new()
        };
    }
    if !matches!(variable.dtype, DType::Float | DType::F32) {
        return Vec::new();
    }
    let [low, high] = usual_range(variable);
    match variable.shape.as_slice() {
        [] => vec![Ingredient {
            feature: Feature::Scalar(name()),
            low,
            high,
        }],
        [count] => {
            let mut found: Vec<Ingredient> = (0..*count)
                .map(|index| Ingredient {
                    feature: Feature::Component(name(), index),
                    low,
                    high,
                })
                .collect();
            let size = low.abs().max(high.abs());
            // The length of a vector whose components have half their usual size.
            let length = size * (*count as f64).sqrt() / 2.0;
            found.push(Ingredient {
                feature: Feature::Norm(name()),
                low: 0.0,
                high: length,
            });
            found.push(Ingredient {
                feature: Feature::SquaredSum(name()),
                low: 0.0,
                high: length * length,
            });
            let previous = format!("previous_{}", variable.name);
            if schema
                .get(&previous)
                .is_some_and(|previous| previous.shape == variable.shape)
            {
                let feature = Feature::SquaredChange(name(), previous);
                found.push(Ingredient {
                    feature,
                    low: 0.0,
                    high: length * length,
                });
            }
            found
        }
        _ => Vec::new(),
    }
}

fn usual_range(variable: &Variable) -> [f64; 2] {
    if let Some([low, high]) = variable.range
        && low.is_finite()
        && high.is_finite()
        && low < high
    {
        return [low, high];
    }
    let size = match variable.unit.as_deref() {
        Some("rad/s") => 5.0,
        Some("N") => 100.0,
        Some("N*m") => 10.0,
        _ => 1.0,
    };
    [-size, size]
}

fn current_of_previous<'a>(schema: &'a Schema, variable: &Variable) -> Option<&'a Variable> {
    schema.get(variable.name.strip_prefix("previous_")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_follow_shape_type_and_range() {
        let schema = Schema::from_toml(
            "[variable.height]\nrange = [0.0, 2.0]\n[variable.control]\nshape = [3]\nrange = [-1.0, 1.0]\n\
             [variable.previous_control]\nshape = [3]\n[variable.time]\nunit = \"s\"\n[variable.dt]\nuniform = true\n\
             [variable.flag]\ndtype = \"bool\"\n[variable.count]\ndtype = \"i64\"\n[variable.spin]\nunit = \"rad/s\"",
        )
        .unwrap();
        let palette = Palette::new(&schema);
        let names: Vec<&str> = palette
            .pigments
            .iter()
            .map(|pigment| pigment.variable.name.as_str())
            .collect();
        assert_eq!(names, ["control", "flag", "height", "spin"]);
        assert_eq!(palette.alive.as_ref().unwrap().feature, Feature::Alive("height".into()));
        let change = Feature::SquaredChange("control".into(), "previous_control".into());
        // Components at half size: 3 · 0.5² = 0.75.
        assert!((palette.ingredient(&change).unwrap().high - 0.75).abs() < 1e-12);
        assert_eq!(
            palette.ingredient(&Feature::Scalar("spin".into())).unwrap().scale(),
            5.0
        );
    }
}
