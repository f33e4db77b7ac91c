//! How long it takes from the text of a program to its first result, and where the time goes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use carrot_environment::{Engine, Task};
use carrot_reward_compiler::{Entry, check, compile};
use carrot_reward_interface::{Batch, Rewards, Schema};
use carrot_reward_sandbox::{Origin, Sandbox};

use super::throughput::Spread;

/// Each program goes through this often; its least total counts, since nothing but the machine differs.
const ROUNDS: usize = 5;
/// Environments of the first result.
const N_ENVS: usize = 64;

/// Milliseconds of one program.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Phases {
    pub program: String,
    pub parse_and_check_ms: f64,
    pub emit_ms: f64,
    pub validate_ms: f64,
    pub machine_code_ms: f64,
    pub instantiate_ms: f64,
    pub first_call_ms: f64,
    pub total_ms: f64,
}

/// All programs below a folder that are accepted.
#[derive(Debug, serde::Serialize)]
pub struct Latency {
    pub programs: Vec<Phases>,
    /// Programs that do not compile.
    pub refused: Vec<String>,
    pub total_ms: Spread,
}

/// Its name and how to read it.
type Phase = (&'static str, fn(&Phases) -> f64);

/// In their order.
pub const PHASES: [Phase; 6] = [
    ("parse and check", |phases| phases.parse_and_check_ms),
    ("emit", |phases| phases.emit_ms),
    ("validate", |phases| phases.validate_ms),
    ("machine code", |phases| phases.machine_code_ms),
    ("instantiate", |phases| phases.instantiate_ms),
    ("first call", |phases| phases.first_call_ms),
];

/// Measures every program below `folder`; none, if it holds no program that compiles.
pub fn measure(sandbox: &Sandbox, folder: &Path, envs: Option<&Path>) -> anyhow::Result<Option<Latency>> {
    let (mut programs, mut refused) = (Vec::new(), Vec::new());
    for (path, schema) in found(folder, envs)? {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let source = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let rounds = (0..ROUNDS).map(|_| phases(sandbox, &name, &source, &schema));
        let rounds: Vec<Phases> = rounds.collect::<anyhow::Result<Option<_>>>()?.unwrap_or_default();
        match rounds.into_iter().min_by(|a, b| a.total_ms.total_cmp(&b.total_ms)) {
            Some(best) => programs.push(best),
            None => refused.push(name),
        }
    }
    if programs.is_empty() {
        return Ok(None);
    }
    let totals = programs.iter().map(|phases| phases.total_ms).collect();
    Ok(Some(Latency {
        total_ms: Spread::of(totals),
        programs,
        refused,
    }))
}

/// The programs below `folder`, each with its variables: of the `schema.toml` beside it, or of the task that the folders
/// above it name.
fn found(folder: &Path, envs: Option<&Path>) -> anyhow::Result<Vec<(PathBuf, Schema)>> {
    let mut programs = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        let mut here = Vec::new();
        for entry in std::fs::read_dir(&current).with_context(|| current.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                here.push(path);
            }
        }
        if here.is_empty() {
            continue;
        }
        let beside = current.join("schema.toml");
        let schema = if beside.is_file() {
            Schema::from_toml(&std::fs::read_to_string(&beside)?).with_context(|| beside.display().to_string())?
        } else {
            let task = current.strip_prefix(folder).unwrap_or(&current).display().to_string();
            match envs.and_then(|envs| Task::load(envs, &task, Engine::Mujoco).ok()) {
                Some(task) => task.schema,
                None => continue,
            }
        };
        programs.extend(here.into_iter().map(|path| (path, schema.clone())));
    }
    programs.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(programs)
}

/// One pass; nothing if the program has errors.
fn phases(sandbox: &Sandbox, name: &str, source: &str, schema: &Schema) -> anyhow::Result<Option<Phases>> {
    let timed = Instant::now();
    let checked = check(source, name, schema, Entry::Reward);
    let parse_and_check_ms = milliseconds(timed);
    drop(checked);

    let start = Instant::now();
    let Some(module) = compile(source, name, schema, Entry::Reward).module else {
        return Ok(None);
    };
    let compiled_ms = milliseconds(start);
    let timed = Instant::now();
    let reward = sandbox.load(&module.wasm, Origin::Compiled, schema)?;
    let load_ms = milliseconds(timed);
    let timed = Instant::now();
    let mut instance = reward.instantiate()?;
    let instantiate_ms = milliseconds(timed);
    let mut batch = Batch::zeros(schema, N_ENVS);
    batch.columns.iter_mut().flatten().for_each(|value| *value = 1.0);
    let timed = Instant::now();
    // A program may stop on such a batch; that, too, is a result.
    let _ = instance.evaluate(&batch, &mut Rewards::default());
    let first_call_ms = milliseconds(timed);

    let timed = Instant::now();
    sandbox.check(&module.wasm, Origin::Compiled, schema)?;
    let validate_ms = milliseconds(timed);
    Ok(Some(Phases {
        program: name.to_owned(),
        parse_and_check_ms,
        emit_ms: (compiled_ms - parse_and_check_ms).max(0.0),
        validate_ms,
        machine_code_ms: (load_ms - validate_ms).max(0.0),
        instantiate_ms,
        first_call_ms,
        total_ms: compiled_ms + load_ms + instantiate_ms + first_call_ms,
    }))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_nanos() as f64 / 1e6
}
