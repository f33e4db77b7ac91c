//! Turns a checked program into a WebAssembly module.
//!
//! A module evaluates four environments at a time: an F32 value of four environments is one SIMD register, an F64 value
//! two. Its `evaluate` is straight-line code inside one loop over the batch; a program with reductions over the whole
//! batch has one loop more for each reduction that depends on another.
//!
//! ```text
//! plan        which values are kept in locals, in which width, inside or outside the loop
//! schedule    in which order they are computed, and how long each is needed
//! body        the code of `evaluate`
//! inputs      how the scalars of inputs come into registers
//! reductions  over the whole batch
//! memory      what the program remembers, and how it says that it stopped by itself
//! kernel      the functions of `crate::kernels` that the program calls
//! ```
//!
//! The module imports nothing, has no table, no global and no start function. Between two calls it keeps nothing but the
//! memory rows of its batch.

mod body;
mod inputs;
mod kernel;
mod memory;
mod plan;
mod reductions;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};

use carrot_reward_interface::{LineEntry, ModuleInterface, module::SECTION};
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, ExportKind, ExportSection, FunctionSection, MemorySection,
    MemoryType, TypeSection, ValType,
};

use crate::{
    Module,
    interpret::{function_of_binary, function_of_unary, width},
    ir::{Op, Program},
    kernels::{Function, LaneOp, Table, Width},
};

/// A program whose module would take too long to compile: the runtime's compiler slows down with the number of values that
/// are alive at once, and with the length of the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Too many intermediate values that are used more than once.
    #[error("the program keeps {values} values at once; at most {limit} fit into a module")]
    Values {
        /// Registers that the program needs.
        values: usize,
        /// Registers that a module may have.
        limit: usize,
    },
    /// Too many operations after loops are unrolled.
    #[error("the program makes {bytes} bytes of code once its loops are unrolled; at most {limit} are accepted")]
    Code {
        /// Bytes of its code.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// Makes the module of `program`. `interface` describes it but for the line table, which is filled in here.
///
/// Equal programs give equal bytes. Errors: [`TooLarge`].
pub fn emit_module(program: &Program, mut interface: ModuleInterface) -> Result<Module, TooLarge> {
    let linkage = Linkage::new(program);
    let body = body::evaluate(program, &linkage)?;
    let mut wasm = wasm_encoder::Module::new();
    add_declarations(&mut wasm, &linkage);

    let mut code = CodeSection::new();
    for &callee in linkage.functions.keys() {
        code.function(&kernel::function(callee, &linkage));
    }
    code.function(&body.function);
    wasm.section(&code);
    // `evaluate` is the last function, so its code ends where the section ends.
    let code_start = wasm.len() - body.code_bytes;
    interface.line_table = body
        .lines
        .iter()
        .map(|line| LineEntry {
            offset: line.offset + code_start as u32,
            ..*line
        })
        .collect();

    if !linkage.tables.is_empty() {
        let mut data = DataSection::new();
        for (table, address) in &linkage.tables {
            let bytes: Vec<u8> = table.words().iter().flat_map(|word| word.to_le_bytes()).collect();
            data.active(0, &ConstExpr::i32_const(*address as i32), bytes);
        }
        wasm.section(&data);
    }
    let json = serde_json::to_vec(&interface).expect("an interface holds strings and numbers only");
    wasm.section(&CustomSection {
        name: SECTION.into(),
        data: json.into(),
    });
    Ok(Module {
        wasm: wasm.finish(),
        interface,
    })
}

/// Types, functions, memory and exports.
fn add_declarations(wasm: &mut wasm_encoder::Module, linkage: &Linkage) {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 2], []);
    types.ty().function([ValType::V128], [ValType::V128]);
    types.ty().function([ValType::V128; 2], [ValType::V128]);
    wasm.section(&types);

    let mut functions = FunctionSection::new();
    for callee in linkage.functions.keys() {
        functions.function(u32::from(callee.function.arity())); // the number of arguments is the number of the type
    }
    functions.function(0);
    wasm.section(&functions);

    let mut memory = MemorySection::new();
    memory.memory(MemoryType {
        minimum: u64::from(linkage.table_bytes.div_ceil(PAGE)),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    wasm.section(&memory);

    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("evaluate", ExportKind::Func, linkage.functions.len() as u32);
    wasm.section(&exports);
}

/// Bytes of a page of WASM memory.
const PAGE: u32 = 65_536;

/// A kernel as a function of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Callee {
    function: Function,
    width: Width,
}

/// Where a module has its functions and tables.
struct Linkage {
    /// Index of each function; `evaluate` follows them.
    functions: BTreeMap<Callee, u32>,
    /// Address of each table.
    tables: BTreeMap<Table, u32>,
    /// Bytes of all tables.
    table_bytes: u32,
}

impl Linkage {
    /// What `program` calls, directly or not.
    fn new(program: &Program) -> Self {
        let mut wanted: Vec<Callee> = program
            .graph
            .nodes()
            .iter()
            .zip(program.reachable())
            .filter(|(_, reachable)| *reachable)
            .filter_map(|(node, _)| {
                let function = match node.op {
                    Op::Unary(op, _) => function_of_unary(op),
                    Op::Binary(op, ..) => function_of_binary(op),
                    _ => None,
                };
                let width = width(node.ty);
                function.map(|function| Callee { function, width })
            })
            .collect();
        let mut functions = BTreeSet::new();
        let mut tables = BTreeSet::new();
        while let Some(callee) = wanted.pop() {
            if !functions.insert(callee) {
                continue;
            }
            let kernel = callee.function.kernel(callee.width);
            wanted.extend(kernel::callees(kernel));
            tables.extend(kernel.ops.iter().filter_map(|op| match op {
                LaneOp::Lookup(table, _) => Some(*table),
                _ => None,
            }));
        }
        let functions = functions.into_iter().zip(0..).collect();
        let mut table_bytes = 0;
        let tables = tables
            .into_iter()
            .map(|table| {
                let address = table_bytes;
                table_bytes += 8 * table.words().len() as u32;
                (table, address)
            })
            .collect();
        Self {
            functions,
            tables,
            table_bytes,
        }
    }
}
