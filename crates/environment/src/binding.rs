//! Binds each variable of an `env.toml` to the place its numbers come from, and reads them.

use carrot_physics::{Model, Physics, PhysicsError, Quantity};
use carrot_reward_interface::{DType, Schema, Variable};
use toml::Spanned;

use crate::TaskError;
use crate::files::{EnvFile, Text, VariableEntry, VariableSource};

/// A variable with its source, resolved.
#[derive(Clone)]
pub(crate) struct Binding {
    /// Place of its first number in a row of all variables.
    pub(crate) offset: usize,
    /// How many numbers it has.
    pub(crate) components: usize,
    reader: Reader,
}

#[derive(Clone)]
enum Reader {
    /// The numbers `picked` of a quantity.
    Model {
        quantity: Quantity,
        picked: Vec<usize>,
    },
    Control,
    PreviousControl,
    Time,
    ControlDt,
}

/// What an environment knows beside its world.
pub(crate) struct Clock<'a> {
    pub(crate) control: &'a [f64],
    pub(crate) previous_control: &'a [f64],
    pub(crate) time_secs: f64,
    pub(crate) control_dt_secs: f64,
}

/// Binds every variable of `schema`, in its order.
///
/// Errors: [`TaskError::File`] with the line of the first variable that the model cannot give.
pub(crate) fn bind(
    file: &Text,
    env: &EnvFile,
    schema: &Schema,
    model: &Model,
    action_size: usize,
) -> Result<Vec<Binding>, TaskError> {
    let mut offset = 0;
    let mut bindings = Vec::with_capacity(schema.variables.len());
    for variable in &schema.variables {
        // The schema and this table were read from the same text, so that the entry is there.
        let entry = &env.variable[&variable.name];
        let reader = bind_one(file, entry, variable, model, action_size)?;
        bindings.push(Binding {
            offset,
            components: variable.components(),
            reader,
        });
        offset += variable.components();
    }
    Ok(bindings)
}

fn bind_one(
    file: &Text,
    entry: &Spanned<VariableEntry>,
    variable: &Variable,
    model: &Model,
    action_size: usize,
) -> Result<Reader, TaskError> {
    let name = &variable.name;
    let span = entry.get_ref().source.span();
    let entry = entry.get_ref();
    let error = |message: String| file.at(span.clone(), format!("`variable.{name}`: {message}"));

    if !matches!(entry.dtype, DType::Float | DType::F32 | DType::F64) {
        return Err(error(
            "`dtype` must be `float`, `f32` or `f64`: every source gives real numbers".into(),
        ));
    }
    let is_uniform = matches!(entry.source.get_ref(), VariableSource::ControlDt);
    if entry.uniform != is_uniform {
        return Err(error(if is_uniform {
            "the source `control_dt` is one number for all environments; write `uniform = true`".into()
        } else {
            "only the source `control_dt` is uniform; remove `uniform = true`".into()
        }));
    }
    let (reader, available) = match entry.source.get_ref() {
        VariableSource::Control => (Reader::Control, action_size),
        VariableSource::PreviousControl => (Reader::PreviousControl, action_size),
        VariableSource::Time => (Reader::Time, 1),
        VariableSource::ControlDt => (Reader::ControlDt, 1),
        VariableSource::Model(source) => {
            let quantity = model
                .quantity(source)
                .map_err(|cause: PhysicsError| error(cause.to_string()))?;
            let picked = pick(file, name, entry, quantity.components)?;
            let available = picked.len();
            (Reader::Model { quantity, picked }, available)
        }
    };
    if !matches!(reader, Reader::Model { .. }) && (entry.component.is_some() || entry.components.is_some()) {
        return Err(error(
            "`component` and `components` go with quantities of the model only".into(),
        ));
    }
    if variable.components() != available {
        return Err(error(format!(
            "the source gives {available} numbers, but the shape is {:?}; write `shape = {}`, or pick with `component`",
            variable.shape,
            if available == 1 {
                "[]".into()
            } else {
                format!("[{available}]")
            },
        )));
    }
    Ok(reader)
}

/// Which numbers of a quantity with `available` numbers the variable keeps.
fn pick(file: &Text, name: &str, entry: &VariableEntry, available: usize) -> Result<Vec<usize>, TaskError> {
    let (span, picked) = match (&entry.component, &entry.components) {
        (None, None) => return Ok((0..available).collect()),
        (Some(one), None) => (one.span(), vec![*one.get_ref()]),
        (None, Some(several)) => (several.span(), several.get_ref().clone()),
        (Some(_), Some(several)) => {
            let message = format!("`variable.{name}`: write `component` or `components`, not both");
            return Err(file.at(several.span(), message));
        }
    };
    match picked.iter().find(|&&index| index >= available) {
        None => Ok(picked),
        Some(index) => Err(file.at(
            span,
            format!(
                "`variable.{name}`: component {index} is out of range; the source gives {available} numbers, 0 to {}",
                available - 1
            ),
        )),
    }
}

impl Binding {
    /// Numbers of scratch space that [`Binding::read`] needs.
    pub(crate) fn scratch(&self) -> usize {
        match &self.reader {
            Reader::Model { quantity, .. } => quantity.components,
            _ => 0,
        }
    }

    /// Reads the variable into its place of `row`.
    pub(crate) fn read(&self, world: &dyn Physics, clock: &Clock<'_>, scratch: &mut [f64], row: &mut [f64]) {
        let out = &mut row[self.offset..self.offset + self.components];
        match &self.reader {
            Reader::Model { quantity, picked } => {
                let values = &mut scratch[..quantity.components];
                world.read(quantity, values);
                for (slot, &index) in out.iter_mut().zip(picked) {
                    *slot = values[index];
                }
            }
            Reader::Control => out.copy_from_slice(clock.control),
            Reader::PreviousControl => out.copy_from_slice(clock.previous_control),
            Reader::Time => out[0] = clock.time_secs,
            Reader::ControlDt => out[0] = clock.control_dt_secs,
        }
    }
}
