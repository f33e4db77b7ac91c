//! Modules written by hand in WAT, with the custom section that makes them rewards.
#![allow(dead_code)] // every test file uses its own part

use carrot_reward_interface::module::{ABI_VERSION, SECTION};
use carrot_reward_interface::{Batch, DType, Input, ModuleInterface, Rewards, Schema, Stop, Term};
use carrot_reward_sandbox::{Limits, LoadError, LoadedReward, Origin, Sandbox};
use wasm_encoder::{CustomSection, Section};

/// A module that gives zero rewards: its memory is fresh and it writes nothing.
pub const IDLE: &str = r#"(module (memory (export "memory") 1) (func (export "evaluate") (param i32 i32)))"#;

/// One number per environment, named `x`.
pub fn schema() -> Schema {
    Schema::from_toml("[variable.x]").unwrap()
}

/// `x` for each environment.
pub fn batch(values: &[f64]) -> Batch {
    Batch {
        n_envs: values.len(),
        columns: vec![values.to_vec()],
    }
}

pub fn input(name: &str, shape: &[usize], dtype: DType, uniform: bool) -> Input {
    Input {
        name: name.into(),
        shape: shape.into(),
        dtype,
        uniform,
    }
}

/// Reads `x` as f64 and gives an f64 total and the f64 terms `terms`.
pub fn interface(terms: &[&str]) -> ModuleInterface {
    ModuleInterface {
        abi: ABI_VERSION,
        file: "foreign.wat".into(),
        source: String::new(),
        dialect: None,
        schema_hash: None,
        inputs: vec![input("x", &[], DType::F64, false)],
        output: DType::F64,
        total_at: None,
        terms: terms
            .iter()
            .map(|&name| Term {
                name: name.into(),
                at: None,
            })
            .collect(),
        memory: Vec::new(),
        faults: Vec::new(),
        whole_batch: false,
        line_table: Vec::new(),
    }
}

/// The bytes of `wat` with the section for `interface`.
pub fn assemble(wat: &str, interface: &ModuleInterface) -> Vec<u8> {
    with_section(wat::parse_str(wat).unwrap(), &serde_json::to_vec(interface).unwrap())
}

/// Appends a custom section `carrot.reward` holding `data`.
pub fn with_section(mut wasm: Vec<u8>, data: &[u8]) -> Vec<u8> {
    CustomSection {
        name: SECTION.into(),
        data: data.into(),
    }
    .append_to(&mut wasm);
    wasm
}

/// Limits of the tests: the defaults with a deadline that a test can wait for.
pub fn limits() -> Limits {
    Limits {
        deadline: std::time::Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Loads bytes as a stranger's module.
pub fn load(wasm: &[u8]) -> Result<LoadedReward, LoadError> {
    Sandbox::new(limits()).unwrap().load(wasm, Origin::Foreign, &schema())
}

/// Loads and evaluates one environment with `x = 1`.
pub fn run(wat: &str, origin: Origin) -> Result<Rewards, Stop> {
    let wasm = assemble(wat, &interface(&[]));
    let sandbox = Sandbox::new(limits()).unwrap();
    let mut reward = sandbox.load(&wasm, origin, &schema()).unwrap().instantiate()?;
    let mut rewards = Rewards::default();
    reward.evaluate(&batch(&[1.0]), &mut rewards)?;
    Ok(rewards)
}

/// A module whose `evaluate` has this body; `$n` and `$base` are its parameters.
pub fn body(instructions: &str) -> String {
    format!(
        r#"(module (memory (export "memory") 1)
             (func (export "evaluate") (param $n i32) (param $base i32) {instructions}))"#
    )
}
