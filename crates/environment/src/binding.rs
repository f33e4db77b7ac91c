//! Binds each name of a schema to the place its numbers come from.
//!
//! All numbers of an environment stand in one *row*, in the order of the schema. What is read from the world and the clock
//! comes first; derived variables are computed from that; names of the surface are copies of the rest. A `previous`
//! variable takes the number that the row still holds from the step before.

use std::collections::BTreeMap;

use carrot_physics::{Meaning, Model, Physics, PhysicsError, Quantity, Source};
use carrot_reward_interface::{DType, QuaternionOrder, Schema, Variable, canonical_name};
use toml::Spanned;

use crate::TaskError;
use crate::command::Command;
use crate::env_file::{SurfaceEntry, VariableEntry};
use crate::nearest::nearest;
use crate::schema_of_files::Declared;
use crate::task_file::{CommandChange, TaskFile};
use crate::text::Text;
use crate::variable_source::VariableSource;

/// A variable with its source, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// Place of its first number in a row of all variables.
    pub(crate) offset: usize,
    /// How many numbers it has.
    pub(crate) components: usize,
    pub(crate) reader: Reader,
}

/// Where the numbers of a variable come from.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// A quantity as it is.
    Whole(Quantity),
    /// The numbers `picked` of a quantity.
    Picked {
        quantity: Quantity,
        picked: Vec<usize>,
    },
    Control,
    PreviousControl,
    Time,
    ControlDt,
    Step,
    Constant(Vec<f64>),
    /// Numbers of the commands, from this one on.
    Command(usize),
    /// What the row held at this place one step before.
    Previous(usize),
    /// An output of the derived program.
    Derived,
    /// A copy of what stands at this place, in another order where one is given.
    Alias {
        from: usize,
        order: Option<Vec<usize>>,
    },
    /// A text has no numbers.
    Text,
}

/// A variable that the derived program computes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DerivedEntry {
    /// Its name.
    pub(crate) variable: String,
    /// The formula and the line of `env.toml` on which it begins; none for a function in `derived.py`.
    pub(crate) expression: Option<(String, usize)>,
    /// The line of `env.toml` with its source.
    pub(crate) line: usize,
}

/// Everything that binding finds out.
#[derive(Debug)]
pub(crate) struct Bound {
    /// One for each variable, in the order of the schema.
    pub(crate) bindings: Vec<Binding>,
    pub(crate) commands: Vec<Command>,
    pub(crate) derived: Vec<DerivedEntry>,
    /// Positions of the `previous` variables, each before the one that it follows.
    pub(crate) previous: Vec<usize>,
}

/// What the entries are read with.
pub(crate) struct Binder<'a> {
    pub(crate) env_file: &'a Text,
    pub(crate) task_file: &'a Text,
    pub(crate) task: &'a TaskFile,
    pub(crate) schema: &'a Schema,
    pub(crate) declared: &'a BTreeMap<String, Declared<'a>>,
    pub(crate) model: &'a Model,
    pub(crate) action_size: usize,
    pub(crate) control_dt_secs: f64,
}

impl Binder<'_> {
    /// Binds every variable of the schema, in its order.
    ///
    /// Errors: [`TaskError::File`] with the line of the first variable that cannot be had.
    pub(crate) fn bind(&self) -> Result<Bound, TaskError> {
        let mut bound = Bound {
            bindings: Vec::with_capacity(self.schema.variables.len()),
            commands: Vec::new(),
            derived: Vec::new(),
            previous: Vec::new(),
        };
        let offsets = self.schema.places();
        for (variable, &offset) in self.schema.variables.iter().zip(&offsets) {
            let reader = match &self.declared[&variable.name] {
                Declared::Variable(entry) => {
                    let entry = Entry {
                        binder: self,
                        entry,
                        variable,
                    };
                    entry.reader(&mut bound, &offsets)?
                }
                Declared::Alias { variable: of, entry } => self.alias(variable, of, entry, &offsets)?,
            };
            bound.bindings.push(Binding {
                offset,
                components: variable.components(),
                reader,
            });
        }
        self.check_command_changes(&bound)?;
        bound.previous = self.order_of_previous(&bound)?;
        Ok(bound)
    }

    fn alias(
        &self,
        alias: &Variable,
        of: &str,
        entry: &Spanned<SurfaceEntry>,
        offsets: &[usize],
    ) -> Result<Reader, TaskError> {
        let Some(index) = self.schema.index(of) else {
            let message = format!("`surface.\"{}\"`: there is no variable `{of}`", alias.name);
            return Err(self.env_file.at(entry.span(), message));
        };
        let original = &self.schema.variables[index];
        if original.dtype == DType::Str {
            return Ok(Reader::Text);
        }
        let order = match (original.quaternion, alias.quaternion) {
            (Some(has), Some(wants)) if has != wants => Some(reordered(original.components(), has)),
            _ => None,
        };
        Ok(Reader::Alias {
            from: offsets[index],
            order,
        })
    }

    /// Every `[command.NAME]` of the task changes a command of the environment.
    fn check_command_changes(&self, bound: &Bound) -> Result<(), TaskError> {
        for (name, change) in &self.task.command {
            let index = canonical_name(name).and_then(|name| self.schema.index(&name));
            let is_command = |index: usize| matches!(bound.bindings[index].reader, Reader::Command(_));
            if index.is_some_and(is_command) {
                continue;
            }
            let commands = self.schema.variables.iter().zip(&bound.bindings);
            let commands = commands.filter(|(_, binding)| matches!(binding.reader, Reader::Command(_)));
            let names: Vec<&str> = commands.map(|(variable, _)| variable.name.as_str()).collect();
            let message = match (nearest(name, names.iter().copied()), names.as_slice()) {
                (_, []) => format!("`command.{name}`: env.toml declares no variable with a `command` as its source"),
                (Some(near), _) => format!("`command.{name}`: env.toml has no such command; did you mean `{near}`?"),
                (None, _) => format!(
                    "`command.{name}`: env.toml has no such command; there are {}",
                    names.join(", ")
                ),
            };
            return Err(self.task_file.at(change.span(), message));
        }
        Ok(())
    }

    /// The order in which `previous` variables are taken, so that a chain of them reaches one step further with each.
    fn order_of_previous(&self, bound: &Bound) -> Result<Vec<usize>, TaskError> {
        let target = |index: usize| match bound.bindings[index].reader {
            Reader::Previous(place) => bound
                .bindings
                .iter()
                .position(|binding| binding.offset == place && binding.components > 0),
            _ => None,
        };
        let all: Vec<usize> = (0..bound.bindings.len())
            .filter(|index| target(*index).is_some())
            .collect();
        let length = |start: usize| {
            let chain = std::iter::successors(Some(start), |index| target(*index));
            chain.take(all.len() + 2).count()
        };
        if let Some(&index) = all.iter().find(|index| length(**index) > all.len() + 1) {
            let variable = &self.schema.variables[index];
            let span = match &self.declared[&variable.name] {
                Declared::Variable(entry) => entry.span(),
                Declared::Alias { entry, .. } => entry.span(),
            };
            let message = format!(
                "`variable.{}`: `previous` variables follow each other in a circle",
                variable.name
            );
            return Err(self.env_file.at(span, message));
        }
        let mut order = all.clone();
        order.sort_by_key(|index| std::cmp::Reverse(length(*index)));
        Ok(order)
    }
}

/// One variable at work.
struct Entry<'a> {
    binder: &'a Binder<'a>,
    entry: &'a Spanned<VariableEntry>,
    variable: &'a Variable,
}

/// What the numbers of a source can be declared as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Real,
    Whole,
    Truth,
    /// As the author says.
    Any,
}

impl Entry<'_> {
    fn reader(&self, bound: &mut Bound, offsets: &[usize]) -> Result<Reader, TaskError> {
        let entry = self.entry.get_ref();
        let Some(source) = &entry.source else {
            if self.variable.dtype == DType::Str {
                return Ok(Reader::Text);
            }
            return Err(self.error("there is no `source`; write where the numbers come from, such as source = \"time\" or source = { body_position = \"torso\" }"));
        };
        if self.variable.dtype == DType::Str {
            return Err(self.error("a text has a `value` and no `source`"));
        }
        let dt = self.binder.control_dt_secs;
        let (reader, shape, numbers) = match source.get_ref() {
            VariableSource::Model(source) => return self.model_reader(source),
            VariableSource::Control => (Reader::Control, vec![self.binder.action_size], Numbers::Real),
            VariableSource::PreviousControl => (Reader::PreviousControl, vec![self.binder.action_size], Numbers::Real),
            VariableSource::Time => (Reader::Time, vec![], Numbers::Real),
            VariableSource::ControlDt => (Reader::ControlDt, vec![], Numbers::Real),
            VariableSource::Step => (Reader::Step, vec![], Numbers::Whole),
            VariableSource::Constant(amount) => {
                let count = self.variable.components();
                let values = amount
                    .expand(count)
                    .map_err(|given| self.wrong_count(given, &[given]))?;
                let numbers = match () {
                    () if values.iter().all(|value| *value == 0.0 || *value == 1.0) => Numbers::Any,
                    () if values.iter().all(|value| value.fract() == 0.0) => Numbers::Whole,
                    () => Numbers::Real,
                };
                (Reader::Constant(values), self.variable.array_shape(), numbers)
            }
            VariableSource::Command(command) => {
                let change = self.binder.task.command.iter();
                let change = change.filter(|(name, _)| canonical_name(name).as_deref() == Some(&self.variable.name));
                let change: Option<&Spanned<CommandChange>> = change.map(|(_, change)| change).next();
                let count = self.variable.components();
                let command = Command::new(command, change.map(|it| it.get_ref()), count, dt, self.binder.model);
                let command = command.map_err(|message| match change {
                    Some(change) => {
                        let message = format!("`command.{}`: {message}", self.variable.name);
                        self.binder.task_file.at(change.span(), message)
                    }
                    None => self.error(&message),
                })?;
                let start = bound.commands.iter().map(Command::len).sum();
                bound.commands.push(command);
                (Reader::Command(start), self.variable.array_shape(), Numbers::Real)
            }
            VariableSource::Previous(name) => return self.previous_reader(name, offsets),
            VariableSource::Derived | VariableSource::Expression(_) => {
                let line = self.binder.env_file.line(source.span());
                let expression = match source.get_ref() {
                    VariableSource::Expression(text) => Some((text.clone(), line)),
                    _ => None,
                };
                bound.derived.push(DerivedEntry {
                    variable: self.variable.name.clone(),
                    expression,
                    line,
                });
                (Reader::Derived, self.variable.array_shape(), Numbers::Any)
            }
        };
        self.refuse_model_keys()?;
        self.check_uniform(matches!(
            source.get_ref(),
            VariableSource::ControlDt | VariableSource::Constant(_)
        ))?;
        self.check_dtype(numbers)?;
        self.check_count(&shape)?;
        Ok(reader)
    }

    fn model_reader(&self, source: &Source) -> Result<Reader, TaskError> {
        let entry = self.entry.get_ref();
        let physics = |cause: PhysicsError| self.error(&cause.to_string());
        let mut quantity = self.binder.model.quantity(source).map_err(physics)?;
        if let Some(body) = &entry.relative_to {
            quantity = self.binder.model.relative(quantity, body.get_ref()).map_err(physics)?;
        }
        let picked = self.pick(quantity.components)?;
        self.check_uniform(quantity.meaning == Meaning::Constant)?;
        self.check_dtype(match quantity.meaning {
            Meaning::Truth => Numbers::Truth,
            _ => Numbers::Real,
        })?;
        match &picked {
            Some(picked) => self.check_count(&[picked.len()])?,
            None => self.check_count(&quantity.shape)?,
        }
        let picked = match (&entry.quaternion, picked) {
            (None, picked) => picked,
            (Some(order), picked) => {
                let whole_rows = self.variable.shape.last() == Some(&4) && picked.is_none();
                if !whole_rows || !matches!(quantity.meaning, Meaning::Quaternion | Meaning::Number) {
                    let message =
                        "`quaternion` goes with a source of quaternions, kept whole: the last axis of its shape is 4";
                    return Err(self.binder.env_file.at(order.span(), self.about(message)));
                }
                (*order.get_ref() == QuaternionOrder::Xyzw)
                    .then(|| reordered(quantity.components, QuaternionOrder::Wxyz))
            }
        };
        Ok(match picked {
            None => Reader::Whole(quantity),
            Some(picked) => Reader::Picked { quantity, picked },
        })
    }

    fn previous_reader(&self, name: &str, offsets: &[usize]) -> Result<Reader, TaskError> {
        self.refuse_model_keys()?;
        let schema = self.binder.schema;
        let index = canonical_name(name).and_then(|name| schema.index(&name));
        let Some(index) = index.filter(|index| schema.variables[*index].components() > 0) else {
            let names = schema.variables.iter().map(|variable| variable.name.as_str());
            return Err(self.error(&match nearest(name, names) {
                Some(near) => format!("there is no variable `{name}`; did you mean `{near}`?"),
                None => format!("there is no variable `{name}`"),
            }));
        };
        let original = &schema.variables[index];
        if original.uniform || self.variable.uniform {
            return Err(self.error("a uniform variable never changes, so it has no previous value"));
        }
        if original.array_shape() != self.variable.array_shape() {
            return Err(self.error(&format!(
                "`{name}` has the shape {:?}, so write `shape = {:?}` here too",
                original.shape, original.shape
            )));
        }
        if (original.dtype == DType::Bool) != (self.variable.dtype == DType::Bool)
            || original.quaternion != self.variable.quaternion
        {
            return Err(self.error(&format!("write the same `dtype` and `quaternion` as `{name}` has")));
        }
        Ok(Reader::Previous(offsets[index]))
    }

    /// Which numbers of a quantity with `available` numbers the variable keeps; none for all of them.
    fn pick(&self, available: usize) -> Result<Option<Vec<usize>>, TaskError> {
        let entry = self.entry.get_ref();
        let (span, picked) = match (&entry.component, &entry.components) {
            (None, None) => return Ok(None),
            (Some(one), None) => (one.span(), vec![*one.get_ref()]),
            (None, Some(several)) => (several.span(), several.get_ref().clone()),
            (Some(_), Some(several)) => {
                let message = self.about("write `component` or `components`, not both");
                return Err(self.binder.env_file.at(several.span(), message));
            }
        };
        match picked.iter().find(|&&index| index >= available) {
            None => Ok(Some(picked)),
            Some(index) => Err(self.binder.env_file.at(
                span,
                self.about(&match available {
                    0 => "the source gives no numbers".to_owned(),
                    _ => format!(
                        "component {index} is out of range; the source gives {available} numbers, 0 to {}",
                        available - 1
                    ),
                }),
            )),
        }
    }

    fn refuse_model_keys(&self) -> Result<(), TaskError> {
        let entry = self.entry.get_ref();
        if entry.component.is_some() || entry.components.is_some() || entry.relative_to.is_some() {
            return Err(self.error("`component`, `components` and `relative_to` go with quantities of the model only"));
        }
        Ok(())
    }

    fn check_uniform(&self, is_uniform: bool) -> Result<(), TaskError> {
        match (self.entry.get_ref().uniform, is_uniform) {
            (false, true) => Err(self.error("the source is the same for all environments; write `uniform = true`")),
            (true, false) => Err(self.error("the source differs between environments; remove `uniform = true`")),
            _ => Ok(()),
        }
    }

    fn check_dtype(&self, numbers: Numbers) -> Result<(), TaskError> {
        let fits = match (self.variable.dtype, numbers) {
            (DType::Float | DType::F32 | DType::F64, _) | (_, Numbers::Any) => true,
            (DType::I64, numbers) => numbers == Numbers::Whole,
            (DType::Bool, numbers) => numbers == Numbers::Truth,
            (DType::Pose, numbers) => numbers == Numbers::Real,
            (DType::Str, _) => false,
        };
        if fits {
            return Ok(());
        }
        Err(self.error(match numbers {
            Numbers::Whole => "`dtype` must be `i64` or `float`: the source gives whole numbers",
            Numbers::Truth => "`dtype` must be `bool`, or `float` for 0 and 1: the source gives truth values",
            Numbers::Real | Numbers::Any => "`dtype` must be `float`, `f32` or `f64`: the source gives real numbers",
        }))
    }

    /// The shape only arranges what the source gives, so that it may also flatten it.
    fn check_count(&self, available: &[usize]) -> Result<(), TaskError> {
        let count = available.iter().product();
        if self.variable.components() == count {
            return Ok(());
        }
        Err(self.wrong_count(count, available))
    }

    fn wrong_count(&self, count: usize, available: &[usize]) -> TaskError {
        self.error(&format!(
            "the source gives {count} numbers, but the shape is {:?}; write `shape = {}`, or pick with `component`",
            self.variable.shape,
            if count == 1 {
                "[]".to_owned()
            } else {
                format!("{available:?}")
            },
        ))
    }

    /// A complaint at the source, or at the variable where it has none.
    fn error(&self, message: &str) -> TaskError {
        let source = self.entry.get_ref().source.as_ref();
        let span = source.map_or(self.entry.span(), Spanned::span);
        self.binder.env_file.at(span, self.about(message))
    }

    fn about(&self, message: &str) -> String {
        format!("`variable.{}`: {message}", self.variable.name)
    }
}

/// Places of quaternions that stand in the order `has`, so that they come out in the other.
fn reordered(components: usize, has: QuaternionOrder) -> Vec<usize> {
    let order = match has {
        QuaternionOrder::Wxyz => [1, 2, 3, 0],
        QuaternionOrder::Xyzw => [3, 0, 1, 2],
    };
    (0..components).map(|place| place / 4 * 4 + order[place % 4]).collect()
}

/// What an environment knows beside its world.
pub(crate) struct Clock<'a> {
    pub(crate) control: &'a [f64],
    pub(crate) previous_control: &'a [f64],
    /// Control steps since the episode began.
    pub(crate) steps: usize,
    pub(crate) control_dt_secs: f64,
    /// The numbers of all commands.
    pub(crate) commands: &'a [f64],
}

impl Binding {
    /// Numbers of scratch space that [`Binding::read`] needs.
    pub(crate) fn scratch(&self) -> usize {
        match &self.reader {
            Reader::Picked { quantity, .. } => quantity.components,
            _ => 0,
        }
    }

    /// Reads the variable into its place of `row`, if it comes from the world or the clock.
    pub(crate) fn read(&self, world: &dyn Physics, clock: &Clock<'_>, scratch: &mut [f64], row: &mut [f64]) {
        let out = &mut row[self.offset..self.offset + self.components];
        match &self.reader {
            Reader::Whole(quantity) => world.read(quantity, out),
            Reader::Picked { quantity, picked } => {
                let values = &mut scratch[..quantity.components];
                world.read(quantity, values);
                for (slot, &index) in out.iter_mut().zip(picked) {
                    *slot = values[index];
                }
            }
            Reader::Control => out.copy_from_slice(clock.control),
            Reader::PreviousControl => out.copy_from_slice(clock.previous_control),
            Reader::Time => out[0] = clock.steps as f64 * clock.control_dt_secs,
            Reader::ControlDt => out[0] = clock.control_dt_secs,
            Reader::Step => out[0] = clock.steps as f64,
            Reader::Constant(values) => out.copy_from_slice(values),
            Reader::Command(start) => out.copy_from_slice(&clock.commands[*start..*start + self.components]),
            Reader::Previous(_) | Reader::Derived | Reader::Alias { .. } | Reader::Text => {}
        }
    }

    /// Copies what stands elsewhere in the row, for an alias or a `previous` variable.
    pub(crate) fn copy(&self, row: &mut [f64]) {
        match &self.reader {
            Reader::Alias { from, order: None } | Reader::Previous(from) => {
                row.copy_within(*from..*from + self.components, self.offset);
            }
            Reader::Alias {
                from,
                order: Some(order),
            } => {
                for (place, other) in order.iter().enumerate() {
                    row[self.offset + place] = row[from + other];
                }
            }
            _ => {}
        }
    }

    /// The place in the row from which it is copied, if it is.
    pub(crate) fn copied_from(&self) -> Option<usize> {
        match self.reader {
            Reader::Alias { from, .. } | Reader::Previous(from) => Some(from),
            _ => None,
        }
    }
}
