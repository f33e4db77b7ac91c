//! What the random programs read: one schema for both dialects, and batches with the values that break programs.

use std::sync::OnceLock;

use carrot_reward_interface::{Batch, DType, Schema};

use crate::Choices;

/// Every dtype, shapes up to a matrix, values shared by the batch, and a dotted name.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = r#"
            [variable.s]
            [variable.t]
            [variable.v]
            shape = [3]
            [variable.w]
            shape = [3]
            [variable.q]
            shape = [4]
            [variable.one]
            shape = [1]
            [variable.m]
            shape = [2, 3]
            [variable.single]
            dtype = "f32"
            [variable.pair]
            shape = [2]
            dtype = "f32"
            [variable.exact]
            dtype = "f64"
            [variable.exacts]
            shape = [3]
            dtype = "f64"
            [variable.flag]
            dtype = "bool"
            [variable.mask]
            shape = [3]
            dtype = "bool"
            [variable.count]
            dtype = "i64"
            [variable.counts]
            shape = [3]
            dtype = "i64"
            [variable.dt]
            uniform = true
            [variable.gains]
            shape = [3]
            uniform = true
            [variable.limit]
            dtype = "i64"
            uniform = true
            [variable.stage]
            dtype = "bool"
            uniform = true
            [variable."robot.qpos"]
            shape = [3]
        "#;
        Schema::from_toml(text).expect("the schema above is well-formed")
    })
}

/// Values that programs stumble over.
const EDGES: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.5,
    3.0,
    1e-3,
    1e-8,
    1e8,
    16_777_217.0,
    1e-40,
    -1e-40,
    1e20,
    -1e38,
    1e-320,
    1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MAX,
];

/// How far a batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Numbers as a simulator has them, between -3 and 3, many of them round.
    Tame,
    /// Also subnormal, huge, infinite, and NaN.
    Wild,
}

/// Values of every variable for `n_envs` environments.
pub fn batch(choices: &mut Choices<'_>, n_envs: usize, mood: Mood) -> Batch {
    let columns = schema()
        .variables
        .iter()
        .map(|variable| {
            let rows = if variable.uniform { 1 } else { n_envs };
            (0..variable.components() * rows)
                .map(|_| value(choices, variable.dtype, mood))
                .collect()
        })
        .collect();
    Batch { n_envs, columns }
}

fn value(choices: &mut Choices<'_>, dtype: DType, mood: Mood) -> f64 {
    match dtype {
        DType::Bool => choices.below(2) as f64,
        DType::I64 => choices.below(12) as f64 - 4.0,
        DType::F32 | DType::F64 | DType::Float | DType::Pose | DType::Str => match mood {
            Mood::Wild if choices.chance(20) => *choices.pick(&EDGES),
            _ if choices.chance(25) => choices.below(13) as f64 / 2.0 - 3.0,
            _ => choices.below(60_001) as f64 / 10_000.0 - 3.0,
        },
    }
}
