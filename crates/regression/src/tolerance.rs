//! How far a number may move before that counts.
//!
//! Nothing by default: on one machine the same code gives the same bits. Across machines it does not, because the C library
//! picks its sine by processor, so a suite can allow an absolute and a relative difference, for everything or by name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::RegressionError;
use crate::suite::at;

/// What a number may differ by: `absolute + relative × size`, where `size` is the largest magnitude that the quantity has
/// in the golden. (Relative to the number itself would be nothing wherever a curve crosses zero.)
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// In the quantity's unit.
    pub absolute: f64,
    /// A share.
    pub relative: f64,
}

impl Tolerance {
    /// Nothing may move.
    pub const EXACT: Self = Self {
        absolute: 0.0,
        relative: 0.0,
    };

    /// What a quantity of this size may differ by.
    pub fn allowed(self, size: f64) -> f64 {
        self.absolute + self.relative * size
    }

    /// Whether every bit counts.
    pub fn is_exact(self) -> bool {
        self == Self::EXACT
    }
}

/// Tolerances of a rollout: its own before the suite's, a quantity's own before the general one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tolerances {
    general: Tolerance,
    fitness: Option<Tolerance>,
    action: Option<Tolerance>,
    variables: BTreeMap<String, Tolerance>,
    terms: BTreeMap<String, Tolerance>,
    /// Names that this rollout itself gives tolerances for, and their lines; they must exist.
    pub(crate) named_variables: Vec<(String, usize)>,
    pub(crate) named_terms: Vec<(String, usize)>,
}

impl Tolerances {
    /// For a variable.
    pub fn variable(&self, name: &str) -> Tolerance {
        self.variables.get(name).copied().unwrap_or(self.general)
    }

    /// For a reward term; the total is the term `total`.
    pub fn term(&self, name: &str) -> Tolerance {
        self.terms.get(name).copied().unwrap_or(self.general)
    }

    /// For the fitness of an episode.
    pub fn fitness(&self) -> Tolerance {
        self.fitness.unwrap_or(self.general)
    }

    /// For what has no tolerance of its own: success rate and length of episodes.
    pub fn general(&self) -> Tolerance {
        self.general
    }

    /// For the actions of a policy.
    pub fn action(&self) -> Tolerance {
        self.action.unwrap_or(self.general)
    }

    /// Whether every bit of everything counts.
    pub fn all_exact(&self) -> bool {
        let named = self.variables.values().chain(self.terms.values());
        let parts = [&self.fitness, &self.action].into_iter().flatten();
        named.chain(parts).chain([&self.general]).all(|one| one.is_exact())
    }
}

/// `[tolerance]` and `[rollout.tolerance]` as written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToleranceTable {
    absolute: Option<Spanned<f64>>,
    relative: Option<Spanned<f64>>,
    fitness: Option<Entry>,
    action: Option<Entry>,
    #[serde(default)]
    variable: BTreeMap<Spanned<String>, Entry>,
    #[serde(default)]
    term: BTreeMap<Spanned<String>, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    absolute: Option<Spanned<f64>>,
    relative: Option<Spanned<f64>>,
}

/// Puts a rollout's table over the suite's. Errors: the first number that is no tolerance, with its line.
pub(crate) fn merge(
    path: &Path,
    text: &str,
    suite: &ToleranceTable,
    rollout: &ToleranceTable,
) -> Result<Tolerances, RegressionError> {
    let number = |value: &Option<Spanned<f64>>, key: &str| match value {
        None => Ok(0.0),
        Some(value) if value.get_ref().is_finite() && *value.get_ref() >= 0.0 => Ok(*value.get_ref()),
        Some(value) => Err(at(
            path,
            text,
            value.span(),
            format!("`{key}` is {}; a tolerance is zero or more", value.get_ref()),
        )),
    };
    let tolerance = |absolute: &Option<Spanned<f64>>, relative: &Option<Spanned<f64>>| {
        Ok(Tolerance {
            absolute: number(absolute, "absolute")?,
            relative: number(relative, "relative")?,
        })
    };
    let mut merged = Tolerances::default();
    for table in [suite, rollout] {
        if table.absolute.is_some() || table.relative.is_some() {
            merged.general = tolerance(&table.absolute, &table.relative)?;
        }
        let entry = |entry: &Entry| tolerance(&entry.absolute, &entry.relative);
        merged.fitness = table.fitness.as_ref().map(entry).transpose()?.or(merged.fitness);
        merged.action = table.action.as_ref().map(entry).transpose()?.or(merged.action);
        for (name, one) in &table.variable {
            merged.variables.insert(name.get_ref().clone(), entry(one)?);
        }
        for (name, one) in &table.term {
            merged.terms.insert(name.get_ref().clone(), entry(one)?);
        }
    }
    let named = |names: &BTreeMap<Spanned<String>, Entry>| {
        let line = |name: &Spanned<String>| crate::suite::line_of(text, name.span().start);
        names.keys().map(|name| (name.get_ref().clone(), line(name))).collect()
    };
    merged.named_variables = named(&rollout.variable);
    merged.named_terms = named(&rollout.term);
    Ok(merged)
}
