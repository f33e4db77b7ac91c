//! Reads a module's bytes and refuses what is not a reward, before any compiler sees it.

use carrot_reward_interface::ModuleInterface;
use carrot_reward_interface::module::SECTION;
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, FuncValidator, FuncValidatorAllocations, FunctionBody, MemoryType, OperatorsReader, Parser,
    Payload, ValType, ValidPayload, Validator, ValidatorResources,
};

use crate::compile_cost::CompileCost;
use crate::runtime::FEATURES;
use crate::section::read_section;
use crate::{Limits, LoadError, Origin};

/// Checks a module as a whole and returns what it says about itself.
///
/// Errors: [`LoadError`] for the first rule that it breaks.
pub(crate) fn check(wasm: &[u8], origin: Origin, limits: &Limits) -> Result<ModuleInterface, LoadError> {
    at_most("bytes", wasm.len() as u64, limits.module_bytes as u64)?;
    let mut walk = Walk::new(origin, limits);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    for payload in parser.parse_all(wasm) {
        walk.visit(&payload.map_err(malformed)?)?;
    }
    walk.check_exports()?;
    let section = walk.section.ok_or_else(|| {
        LoadError(format!(
            "the module has no custom section `{SECTION}`, so nothing says what it reads"
        ))
    })?;
    read_section(section, limits)
}

/// One pass over the sections of a module.
struct Walk<'a> {
    limits: &'a Limits,
    compile_cost_limit: u64,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    compile_cost: u64,
    section: Option<&'a [u8]>,
    types: Option<Types>,
}

impl<'a> Walk<'a> {
    fn new(origin: Origin, limits: &'a Limits) -> Self {
        Self {
            limits,
            compile_cost_limit: limits.compile_cost_of(origin),
            validator: Validator::new_with_features(FEATURES),
            allocations: FuncValidatorAllocations::default(),
            compile_cost: 0,
            section: None,
            types: None,
        }
    }

    /// Limits first, then validity: a limit bounds the work that validation does.
    fn visit(&mut self, payload: &Payload<'a>) -> Result<(), LoadError> {
        self.check_limits(payload)?;
        match self.validator.payload(payload).map_err(malformed)? {
            ValidPayload::Func(function, body) => {
                let validator = function.into_validator(std::mem::take(&mut self.allocations));
                self.check_function(validator, &body)
            }
            ValidPayload::End(types) => {
                self.types = Some(types);
                Ok(())
            }
            ValidPayload::Ok | ValidPayload::Parser(_) => Ok(()),
        }
    }

    /// Validates a function and adds up what it will cost the compiler.
    fn check_function(
        &mut self,
        mut validator: FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), LoadError> {
        let mut code = body.get_binary_reader();
        validator.read_locals(&mut code).map_err(malformed)?;
        let mut cost = CompileCost::new(validator.len_locals());
        let mut operators = OperatorsReader::new(code);
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(malformed)?;
            validator.op(offset, &operator).map_err(malformed)?;
            cost.add(&operator, validator.operand_stack_height());
        }
        operators.finish().map_err(malformed)?;
        self.allocations = validator.into_allocations();
        self.compile_cost = self.compile_cost.saturating_add(cost.total());
        at_most("units of compile cost", self.compile_cost, self.compile_cost_limit)
    }

    fn check_limits(&mut self, payload: &Payload<'a>) -> Result<(), LoadError> {
        let entries = |what, count| at_most(what, u64::from(count), u64::from(self.limits.section_entries));
        match payload {
            Payload::ImportSection(imports) => match imports.clone().into_imports().next() {
                Some(import) => {
                    let import = import.map_err(malformed)?;
                    refuse(format!(
                        "the module imports `{}.{}`; rewards may import nothing",
                        printable(import.module),
                        printable(import.name)
                    ))
                }
                None => Ok(()),
            },
            Payload::StartSection { .. } => {
                refuse("the module has a start function; rewards run only when they are evaluated".into())
            }
            Payload::TypeSection(section) => entries("types", section.count()),
            Payload::FunctionSection(section) => entries("functions", section.count()),
            Payload::GlobalSection(section) => entries("globals", section.count()),
            Payload::ExportSection(section) => entries("exports", section.count()),
            Payload::ElementSection(section) => entries("element segments", section.count()),
            Payload::DataSection(section) => entries("data segments", section.count()),
            Payload::TableSection(section) => self.check_tables(section.clone()),
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    self.check_memory(memory.map_err(malformed)?)?;
                }
                Ok(())
            }
            Payload::CustomSection(custom) if custom.name() == SECTION => match self.section.replace(custom.data()) {
                Some(_) => refuse(format!("the module has more than one custom section `{SECTION}`")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn check_memory(&self, memory: MemoryType) -> Result<(), LoadError> {
        let bytes = memory.initial.saturating_mul(65_536);
        at_most("bytes of memory", bytes, self.limits.memory_bytes as u64)
    }

    fn check_tables(&self, tables: wasmparser::TableSectionReader<'_>) -> Result<(), LoadError> {
        at_most("tables", u64::from(tables.count()), 1)?;
        for table in tables {
            let elements = table.map_err(malformed)?.ty.initial;
            at_most("table elements", elements, self.limits.table_elements as u64)?;
        }
        Ok(())
    }

    /// The two exports of the contract, with the right types.
    fn check_exports(&self) -> Result<(), LoadError> {
        use wasmparser::types::EntityType;
        let types = self
            .types
            .as_ref()
            .ok_or_else(|| LoadError("the module is cut off".into()))?
            .as_ref();
        let export = |name: &str| {
            types
                .core_exports()
                .and_then(|mut exports| exports.find(|(known, _)| *known == name))
                .map(|(_, entity)| entity)
        };
        if !matches!(export("memory"), Some(EntityType::Memory(_))) {
            return refuse("the module exports no memory named `memory`".into());
        }
        let Some(EntityType::Func(id)) = export("evaluate") else {
            return refuse("the module exports no function named `evaluate`".into());
        };
        let signature = types[id].unwrap_func();
        if signature.params() != [ValType::I32, ValType::I32] || !signature.results().is_empty() {
            return refuse(format!(
                "`evaluate` takes ({}) and gives ({}); it must take (i32, i32), the number of environments and an \
                 address, and give nothing",
                join(signature.params()),
                join(signature.results()),
            ));
        }
        Ok(())
    }
}

/// Holds a count to its limit, named `what` in the sentence.
pub(crate) fn at_most(what: &str, count: u64, limit: u64) -> Result<(), LoadError> {
    if count <= limit {
        return Ok(());
    }
    refuse(format!("the module has {count} {what}; the limit is {limit}"))
}

/// A module is refused with this sentence.
pub(crate) fn refuse<T>(sentence: String) -> Result<T, LoadError> {
    Err(LoadError(sentence))
}

fn malformed(error: BinaryReaderError) -> LoadError {
    // Some of the parser's messages go over several lines.
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    LoadError(format!("the module is not valid WebAssembly: {}", words.join(" ")))
}

/// A name from a stranger, short and without characters that could drive a terminal.
pub(crate) fn printable(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

fn join(types: &[ValType]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
