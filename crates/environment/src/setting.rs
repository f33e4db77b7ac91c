//! What all worlds of a vectorised environment share: the task, and which of its variables somebody reads.

use carrot_reward_interface::Stop;

use crate::Task;
use crate::binding::Reader;
use crate::derived::{Derived, trap};

/// A task at work.
pub(crate) struct Setting {
    pub(crate) task: Task,
    pub(crate) seed: u64,
    /// Positions of the variables in use that are read from the world and the clock.
    pub(crate) read: Vec<usize>,
    /// Those that take the value of another one step before, each before the one that it follows.
    pub(crate) previous: Vec<usize>,
    /// Those that are copies under another name.
    aliases: Vec<usize>,
    /// What computes the derived ones, where one is in use.
    derived: Option<Derived>,
}

impl Setting {
    /// For variables `used` (positions in the schema), those that the task or its critic observes, and all that they depend on.
    ///
    /// Errors: as [`Setting::unobserved`].
    pub(crate) fn new(task: &Task, seed: u64, used: impl IntoIterator<Item = usize>) -> Result<Self, Stop> {
        let observed = task.observation.iter().chain(&task.critic_observation);
        let observed = observed.filter_map(|name| task.schema.index(name));
        Self::unobserved(task, seed, used.into_iter().chain(observed))
    }

    /// For variables `used` (positions in the schema) and all that they depend on, where nobody sees an observation.
    ///
    /// Errors: a [`Stop`] when a derived variable is needed and its program was not attached, or cannot be instantiated.
    pub(crate) fn unobserved(task: &Task, seed: u64, used: impl IntoIterator<Item = usize>) -> Result<Self, Stop> {
        let bindings = &task.bindings;
        let mut derived = None;
        let mut in_use = vec![false; bindings.len()];
        let mut wanted: Vec<usize> = used.into_iter().collect();
        while let Some(index) = wanted.pop() {
            if std::mem::replace(&mut in_use[index], true) {
                continue;
            }
            if let Some(from) = bindings[index].copied_from() {
                let owner = |binding: &crate::binding::Binding| binding.offset == from && binding.components > 0;
                wanted.extend(bindings.iter().position(owner));
            }
            if matches!(bindings[index].reader, Reader::Derived) && derived.is_none() {
                let program = derived_program(task)?;
                wanted.extend(&program.inputs);
                derived = Some(program);
            }
        }
        let of_kind = |fits: fn(&Reader) -> bool| -> Vec<usize> {
            let positions = (0..bindings.len()).filter(|&index| in_use[index]);
            positions.filter(|&index| fits(&bindings[index].reader)).collect()
        };
        Ok(Self {
            read: of_kind(|reader| {
                !matches!(
                    reader,
                    Reader::Previous(_) | Reader::Alias { .. } | Reader::Derived | Reader::Text
                )
            }),
            previous: (task.previous.iter().copied()).filter(|&index| in_use[index]).collect(),
            aliases: of_kind(|reader| matches!(reader, Reader::Alias { .. })),
            derived,
            task: task.clone(),
            seed,
        })
    }

    /// Fills in what follows from the rest of a row: derived variables and aliases.
    ///
    /// Errors: why a derived variable cannot be had.
    pub(crate) fn complete(&self, row: &mut [f64]) -> Result<(), String> {
        self.copy_aliases(row);
        if let Some(derived) = &self.derived {
            derived.evaluate(row)?;
            self.copy_aliases(row);
        }
        Ok(())
    }

    fn copy_aliases(&self, row: &mut [f64]) {
        for &index in &self.aliases {
            self.task.bindings[index].copy(row);
        }
    }
}

fn derived_program(task: &Task) -> Result<Derived, Stop> {
    let Some(program) = &task.derived_program else {
        return Err(trap(
            "the task has derived variables, and their program was not attached".into(),
        ));
    };
    let derived = task
        .bindings
        .iter()
        .filter(|binding| matches!(binding.reader, Reader::Derived));
    let places = derived.flat_map(|binding| binding.offset..binding.offset + binding.components);
    Derived::new(program.clone(), places.collect())
}
