//! The schema of an environment: its variables, and the further names that its surface gives them.

use std::collections::BTreeMap;

use carrot_reward_interface::{Schema, SchemaError, Variable, canonical_name};
use toml::Spanned;

use crate::TaskError;
use crate::env_file::{EnvFile, SurfaceEntry, SurfaceTable, VariableEntry};
use crate::nearest::nearest;
use crate::text::Text;

/// What stands behind a name of the schema.
pub(crate) enum Declared<'a> {
    /// `[variable.NAME]`
    Variable(&'a Spanned<VariableEntry>),
    /// `[surface]`
    Alias {
        /// The canonical name of the variable that it stands for.
        variable: String,
        entry: &'a Spanned<SurfaceEntry>,
    },
}

/// The schema, and what stands behind each of its names.
///
/// Errors: [`TaskError::File`] with the line of the variable that cannot be.
pub(crate) fn schema<'a>(file: &Text, env: &'a EnvFile) -> Result<(Schema, BTreeMap<String, Declared<'a>>), TaskError> {
    let mut variables = Vec::new();
    let mut declared = BTreeMap::new();
    let mut spans: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
    for (name, entry) in &env.variable {
        if let Some([low, high]) = entry.get_ref().range
            && !(low.is_finite() && high.is_finite() && low <= high)
        {
            let message = format!("`variable.{name}.range` is [{low}, {high}]; write the lower end first, both finite");
            return Err(file.at(entry.span(), message));
        }
        variables.push(variable(name, entry.get_ref()));
        spans.insert(name, entry.span());
        if let Some(name) = canonical_name(name) {
            declared.insert(name, Declared::Variable(entry));
        }
    }
    for (name, entry) in &env.surface {
        let (target, quaternion) = match entry.get_ref() {
            SurfaceEntry::Name(variable) => (variable, None),
            SurfaceEntry::Table(SurfaceTable { variable, quaternion }) => (variable, *quaternion),
        };
        let error = |message: String| file.at(entry.span(), format!("`surface.\"{name}\"`: {message}"));
        let Some((_, aliased)) = env.variable.get_key_value(target) else {
            let unknown = format!("there is no variable `{target}`");
            return Err(error(match nearest(target, env.variable.keys().map(String::as_str)) {
                Some(near) => format!("{unknown}; did you mean `{near}`?"),
                None => unknown,
            }));
        };
        let mut alias = variable(name, aliased.get_ref());
        if let Some(order) = quaternion {
            if alias.quaternion.is_none() {
                return Err(error(format!(
                    "`{target}` has no order of its own; write `quaternion = \"wxyz\"` or \"xyzw\" at [variable.{target}]"
                )));
            }
            alias.quaternion = Some(order);
        }
        variables.push(alias);
        spans.insert(name, entry.span());
        if let (Some(name), Some(variable)) = (canonical_name(name), canonical_name(target)) {
            declared.insert(name, Declared::Alias { variable, entry });
        }
    }
    let schema = Schema::new(variables).map_err(|cause| {
        let place = name_in(&cause).and_then(|name| {
            let is_named = |other: &&&str| **other == name || canonical_name(other).as_deref() == Some(name);
            spans.keys().rfind(is_named).and_then(|name| spans.get(name))
        });
        match place {
            Some(span) => file.at(span.clone(), &cause),
            None => file.whole(cause.to_string()),
        }
    })?;
    Ok((schema, declared))
}

fn variable(name: &str, entry: &VariableEntry) -> Variable {
    Variable {
        name: name.to_owned(),
        shape: entry.shape.clone(),
        dtype: entry.dtype,
        uniform: entry.uniform,
        value: entry.value.clone(),
        unit: entry.unit.clone(),
        frame: entry.frame.clone(),
        quaternion: entry.quaternion.as_ref().map(|order| *order.get_ref()),
        range: entry.range,
        doc: entry.doc.clone(),
    }
}

/// The variable that a complaint is about.
fn name_in(error: &SchemaError) -> Option<&str> {
    match error {
        SchemaError::Name(name) | SchemaError::Twice(name) | SchemaError::Value(name) => Some(name),
        SchemaError::Shape { name, .. } => Some(name),
        SchemaError::Toml(_) | SchemaError::Empty => None,
    }
}
