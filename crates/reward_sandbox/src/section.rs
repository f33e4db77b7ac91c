//! Reads what a module says about itself, and binds it to a task.
//!
//! The section is written by a stranger and sizes every buffer of an evaluation, so nothing in it is taken on trust.

use std::collections::BTreeSet;

use carrot_reward_interface::module::{ABI_VERSION, SECTION};
use carrot_reward_interface::{DType, Input, ModuleInterface, Schema};
use serde::Deserialize;

use crate::check::{at_most, printable, refuse};
use crate::{Limits, LoadError};

/// Longest name of an input or term, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Longest message of a fault, in bytes.
const MAX_MESSAGE_BYTES: usize = 1_024;

/// Reads the section's JSON and holds it to what the host relies on.
///
/// Errors: [`LoadError`] for the first entry that breaks a rule.
pub(crate) fn read_section(json: &[u8], limits: &Limits) -> Result<ModuleInterface, LoadError> {
    let interface = parse(json)?;
    check_interface(&interface, limits)?;
    Ok(interface)
}

/// Position in `schema` of each input of a checked interface.
///
/// Errors: [`LoadError`] for the first input that `schema` lacks, describes otherwise, or could only offer by cutting off
/// fractions.
pub(crate) fn bind(interface: &ModuleInterface, schema: &Schema) -> Result<Vec<usize>, LoadError> {
    let variables = interface.bind(schema).map_err(LoadError)?;
    for (input, &variable) in interface.inputs.iter().zip(&variables) {
        let offered = schema.variables[variable].dtype;
        let fits = match input.dtype {
            DType::Bool => offered == DType::Bool,
            DType::I64 => matches!(offered, DType::I64 | DType::Bool),
            // What never lies in memory was refused when the section was read; `bind` refuses to offer texts as numbers.
            DType::F32 | DType::F64 | DType::Float | DType::Pose | DType::Str => true,
        };
        if !fits {
            return refuse(format!(
                "the module reads `{}` as {:?}, but this task offers {offered:?}",
                input.name, input.dtype
            ));
        }
    }
    Ok(variables)
}

fn parse(json: &[u8]) -> Result<ModuleInterface, LoadError> {
    #[derive(Deserialize)]
    struct Version {
        abi: u32,
    }
    let parsed = serde_json::from_slice::<ModuleInterface>(json);
    // Another version may well have other fields, so its number is looked at by itself before the fields are blamed.
    if let Ok(Version { abi }) = serde_json::from_slice(json)
        && abi != ABI_VERSION
    {
        return refuse(format!(
            "the module follows version {abi} of the contract; this host follows {ABI_VERSION}"
        ));
    }
    parsed.map_err(|error| LoadError(format!("the custom section `{SECTION}` cannot be read: {error}")))
}

/// Holds the section to what the host relies on: small counts and sizes, unique printable names, laid-out types.
fn check_interface(interface: &ModuleInterface, limits: &Limits) -> Result<(), LoadError> {
    at_most("inputs", interface.inputs.len() as u64, limits.names as u64)?;
    at_most("terms", interface.terms.len() as u64, limits.names as u64)?;
    check_names("input", interface.inputs.iter().map(|input| &input.name))?;
    check_names("term", interface.terms.iter().map(|term| &term.name))?;
    at_most(
        "memory slots",
        interface.memory.len() as u64,
        limits.memory_slots as u64,
    )?;
    check_names("memory slot", interface.memory.iter().map(|slot| &slot.name))?;
    if let Some(slot) = interface.memory.iter().find(|slot| !is_remembered(slot.dtype)) {
        return refuse(format!(
            "memory slot `{}` is {:?}; it must be f32, f64 or bool",
            slot.name, slot.dtype
        ));
    }
    at_most("faults", interface.faults.len() as u64, limits.names as u64)?;
    if let Some(fault) = interface.faults.iter().find(|fault| !is_message(&fault.message)) {
        return refuse(format!(
            "fault message `{}` is not usable: messages are 1 to {MAX_MESSAGE_BYTES} bytes without control characters",
            printable(&fault.message)
        ));
    }
    if interface.file.chars().any(char::is_control) {
        return refuse("the file name in the custom section has a control character".into());
    }
    interface.inputs.iter().try_for_each(check_input)?;
    if !matches!(interface.output, DType::F32 | DType::F64) {
        return refuse(format!(
            "the module's output is {:?}; it must be f32 or f64",
            interface.output
        ));
    }
    if !interface.line_table.is_sorted_by_key(|entry| entry.offset) {
        return refuse("the line table is not sorted by offset".into());
    }
    Ok(())
}

fn check_input(input: &Input) -> Result<(), LoadError> {
    if matches!(input.dtype, DType::Float | DType::Pose | DType::Str) {
        return refuse(format!(
            "input `{}` has no element type in memory; say f32 or f64",
            input.name
        ));
    }
    let components = input
        .shape
        .iter()
        .try_fold(1_usize, |product, &dim| product.checked_mul(dim));
    match components {
        Some(1..=Schema::MAX_COMPONENTS) => Ok(()),
        _ => refuse(format!(
            "input `{}` has shape {:?}; allowed are 1 to {} numbers",
            input.name,
            input.shape,
            Schema::MAX_COMPONENTS
        )),
    }
}

fn is_remembered(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::Bool)
}

fn is_message(text: &str) -> bool {
    (1..=MAX_MESSAGE_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), LoadError> {
    let mut known = BTreeSet::new();
    for name in names {
        let shown = printable(name);
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return refuse(format!(
                "{what} name `{shown}` is not usable: names are 1 to {MAX_NAME_BYTES} bytes without control characters"
            ));
        }
        if !known.insert(name) {
            return refuse(format!("{what} `{shown}` is declared twice"));
        }
    }
    Ok(())
}
