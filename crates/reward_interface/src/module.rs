//! The binary contract between a WASM reward module and its host.
//!
//! A module imports nothing and exports two things: `memory`, and `evaluate(n: i32, base: i32)`, which scores `n`
//! environments whose values lie in memory from address `base` (a multiple of 16) in the order of [`BatchLayout`]. The
//! custom section `carrot.reward` holds [`ModuleInterface`] as JSON. Any language that can produce such a module can
//! write rewards. Memory below `base` belongs to the module; the host grows memory as needed before the call.

use serde::{Deserialize, Serialize};

use crate::{DType, Schema, Span};

/// Version of this contract; a host refuses any other.
pub const ABI_VERSION: u32 = 2;

/// Name of the custom section.
pub const SECTION: &str = "carrot.reward";

/// Which library's meaning a program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Batched tensors, f32 (Eureka).
    Torch,
    /// One environment at a time, f64 (Text2Reward).
    Numpy,
}

/// One variable that the module reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Name of the variable in the schema.
    pub name: String,
    /// Shape without batch axis.
    pub shape: Vec<usize>,
    /// Element type in memory: `f32`, `f64`, `bool` (an i32 of 0 or 1) or `i64`.
    pub dtype: DType,
    /// One value for all environments.
    pub uniform: bool,
}

/// One output beside the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Name of the term.
    pub name: String,
    /// The expression that gives it.
    pub at: Option<Span>,
}

/// One number that the module remembers for each environment from one evaluation to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySlot {
    /// What the program calls it: `prev_x`, or `prev_x[2]` for one number of an array.
    pub name: String,
    /// Element type in memory: `f32`, `f64` or `bool`.
    pub dtype: DType,
}

/// A way in which the program may stop by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What Python would say.
    pub message: String,
    /// The statement or expression that stops.
    pub at: Option<Span>,
}

/// Code from `offset` (bytes from the start of the module) up to the next entry comes from `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEntry {
    /// Byte offset in the module.
    pub offset: u32,
    /// Source text.
    pub at: Span,
}

/// What a module says about itself in its custom section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleInterface {
    /// [`ABI_VERSION`].
    pub abi: u32,
    /// Name of the source file, for messages.
    pub file: String,
    /// The program text; empty for foreign modules.
    #[serde(default)]
    pub source: String,
    /// Dialect of the text; absent for foreign modules.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// [`Schema::hash`] of the schema it was compiled against; absent for foreign modules, which are bound by name.
    #[serde(default)]
    pub schema_hash: Option<String>,
    /// What it reads, in memory order.
    pub inputs: Vec<Input>,
    /// Element type of the total and of every term in memory: `f32` or `f64`.
    pub output: DType,
    /// Place of the total.
    #[serde(default)]
    pub total_at: Option<Span>,
    /// Its terms, in memory order after the total.
    pub terms: Vec<Term>,
    /// What it remembers for each environment.
    #[serde(default)]
    pub memory: Vec<MemorySlot>,
    /// How it may stop by itself; where there is any, the module writes for each environment the number (from 1) of the
    /// fault that happened first, or 0.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// True when some value depends on several environments (`x.mean()` without `dim`): such a module must see the whole batch.
    #[serde(default)]
    pub whole_batch: bool,
    /// Where the code comes from, by ascending offset.
    #[serde(default)]
    pub line_table: Vec<LineEntry>,
}

/// Where each array lies in memory for a batch of N environments.
///
/// From `base` on: first every uniform input, each starting at a multiple of 16 bytes; then every other input
/// `[components, stride]`; then the total `[stride]` and each term `[stride]`; then one row `[stride]` for each memory
/// slot, all bits zero at the start of an episode and otherwise as the module left them; then, if it has faults, one row of
/// fault numbers in the element type of the total. `stride` is N rounded up to a multiple of 4, so that every row starts at
/// a multiple of 16 and a module may read and write whole SIMD registers.
/// What it reads in the padding is unspecified, and what it writes there is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLayout {
    /// Environments per row, padding included.
    pub stride: usize,
    /// Offset from `base` of each input, in bytes.
    pub inputs: Vec<usize>,
    /// Offset of the total.
    pub total: usize,
    /// Offset of each term.
    pub terms: Vec<usize>,
    /// Offset of each memory slot.
    pub memory: Vec<usize>,
    /// Offset of the row of fault numbers, if there is one.
    pub fault: Option<usize>,
    /// Bytes in all.
    pub bytes: usize,
}

/// Size of one element in memory, in bytes. Types that never lie in memory count as f64.
pub fn element_bytes(dtype: DType) -> usize {
    match dtype {
        DType::F32 | DType::Bool => 4,
        DType::F64 | DType::I64 | DType::Float | DType::Pose | DType::Str => 8,
    }
}

impl BatchLayout {
    /// Lays out `n_envs` environments.
    pub fn new(interface: &ModuleInterface, n_envs: usize) -> Self {
        let stride = n_envs.next_multiple_of(4);
        let mut bytes = 0;
        let mut inputs = vec![0; interface.inputs.len()];
        for uniform in [true, false] {
            for (offset, input) in inputs
                .iter_mut()
                .zip(&interface.inputs)
                .filter(|(_, i)| i.uniform == uniform)
            {
                *offset = bytes;
                let components: usize = input.shape.iter().product();
                bytes += if uniform {
                    (components * element_bytes(input.dtype)).next_multiple_of(16)
                } else {
                    components * stride * element_bytes(input.dtype)
                };
            }
        }
        let total = bytes;
        let row = stride * element_bytes(interface.output);
        let terms = (1..=interface.terms.len()).map(|k| total + k * row).collect();
        bytes += row * (1 + interface.terms.len());
        let memory = interface
            .memory
            .iter()
            .map(|slot| {
                let offset = bytes;
                bytes += stride * element_bytes(slot.dtype);
                offset
            })
            .collect();
        let fault = (!interface.faults.is_empty()).then_some(bytes);
        Self {
            stride,
            inputs,
            total,
            terms,
            memory,
            fault,
            bytes: bytes + fault.map_or(0, |_| row),
        }
    }
}

impl ModuleInterface {
    /// Position in `schema` of each input.
    ///
    /// Errors: one sentence naming the first input that the schema lacks or describes otherwise.
    pub fn bind(&self, schema: &Schema) -> Result<Vec<usize>, String> {
        self.inputs
            .iter()
            .map(|input| {
                let index = schema
                    .index(&input.name)
                    .ok_or_else(|| format!("the module reads `{}`, which this task does not offer", input.name))?;
                let variable = &schema.variables[index];
                let offered = variable.array_shape();
                if offered != input.shape || variable.uniform != input.uniform || variable.dtype == DType::Str {
                    return Err(format!(
                        "the module reads `{}` as {:?}{}, but this task offers {offered:?}{}",
                        input.name,
                        input.shape,
                        if input.uniform { " (uniform)" } else { "" },
                        if variable.uniform { " (uniform)" } else { "" },
                    ));
                }
                Ok(index)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface() -> ModuleInterface {
        let input = |name: &str, shape: &[usize], dtype, uniform| Input {
            name: name.into(),
            shape: shape.into(),
            dtype,
            uniform,
        };
        ModuleInterface {
            abi: ABI_VERSION,
            file: "reward.py".into(),
            source: String::new(),
            dialect: None,
            schema_hash: None,
            inputs: vec![
                input("position", &[3], DType::F32, false),
                input("dt", &[], DType::F64, true),
                input("flag", &[], DType::Bool, false),
            ],
            output: DType::F32,
            total_at: None,
            terms: vec![Term {
                name: "reach".into(),
                at: None,
            }],
            memory: vec![
                MemorySlot {
                    name: "previous".into(),
                    dtype: DType::F64,
                },
                MemorySlot {
                    name: "previous is set".into(),
                    dtype: DType::Bool,
                },
            ],
            faults: vec![Fault {
                message: "AssertionError".into(),
                at: None,
            }],
            whole_batch: false,
            line_table: Vec::new(),
        }
    }

    #[test]
    fn arrays_follow_each_other_at_multiples_of_sixteen() {
        // N = 5 pads to 8: dt takes 16 bytes, position 3*8*4 = 96, flag 8*4 = 32, then total and term 32 each, memory
        // 64 and 32, faults 32.
        let layout = BatchLayout::new(&interface(), 5);
        assert_eq!(layout.stride, 8);
        assert_eq!(layout.inputs, [16, 0, 112]);
        assert_eq!(
            (layout.total, layout.terms.as_slice(), layout.bytes),
            (144, [176].as_slice(), 336)
        );
        assert_eq!(
            (layout.memory.as_slice(), layout.fault),
            ([208, 272].as_slice(), Some(304))
        );
    }

    #[test]
    fn binding_names_the_first_variable_that_does_not_fit() {
        let schema = Schema::from_toml("[variable.position]\nshape = [3]\n[variable.dt]\n[variable.flag]").unwrap();
        let message = interface().bind(&schema).unwrap_err();
        assert!(
            message.contains("reads `dt` as [] (uniform), but this task offers []"),
            "{message}"
        );
    }
}
