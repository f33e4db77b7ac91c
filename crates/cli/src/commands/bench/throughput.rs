//! How fast a reward runs, against the same formula in C, both timed in turns.
//!
//! The machine is shared and its clock moves, so a figure of one program alone says little. Each round times both for a
//! fraction of a millisecond, and what is reported is the median, least and largest of the rounds' ratios.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Batch, Rewards, Schema};
use carrot_reward_sandbox::{Origin, Sandbox, SandboxedReward};

/// The program under test: fifteen operations, as rewards for manipulation have them.
const PROGRAM: &str = include_str!("reward.py");
const SCHEMA: &str = include_str!("schema.toml");
/// The same in C.
const PEER: &str = include_str!("peer.c");

/// Rounds of each comparison.
const ROUNDS: usize = 201;
/// What one side of a round takes.
const ROUND_TIME: Duration = Duration::from_micros(400);

/// Median, least and largest of some measurements.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one measurement.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            median: values[values.len() / 2],
            min: values[0],
            max: values[values.len() - 1],
        }
    }
}

/// One batch size; times are nanoseconds per environment.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Throughput {
    pub n_envs: usize,
    /// The module alone: its inputs lie in its memory.
    pub module_ns: Spread,
    /// With the copy of the inputs from f64 columns and of the results back.
    pub with_copy_ns: Spread,
    /// C with `-O3`; absent where there is no C compiler.
    pub c_ns: Option<Spread>,
    /// Module to C, round by round.
    pub ratio: Option<Spread>,
    /// With copies to C, which makes none.
    pub with_copy_ratio: Option<Spread>,
}

/// Measures one batch size.
pub fn measure(sandbox: &Sandbox, n_envs: usize, peer: Option<&Path>) -> anyhow::Result<Throughput> {
    let schema = Schema::from_toml(SCHEMA)?;
    let module = compile(PROGRAM, "reward.py", &schema, Entry::Reward)
        .module
        .context("the built-in program does not compile")?;
    let mut reward = sandbox.load(&module.wasm, Origin::Compiled, &schema)?.instantiate()?;
    let batch = batch(&schema, n_envs);
    let mut rewards = Rewards::default();
    reward.evaluate(&batch, &mut rewards)?;
    let mut peer = peer
        .map(|program| Peer::start(program, &batch, &rewards.total))
        .transpose()?;

    let in_place = |reward: &mut SandboxedReward| reward.evaluate_again();
    let mut with_copy = |reward: &mut SandboxedReward| reward.evaluate(&batch, &mut rewards);
    let repeats = repeats(&mut reward, in_place)?;
    let (mut module_ns, mut with_copy_ns, mut c_ns) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let per_environment = 1.0 / (repeats * n_envs) as f64;
        module_ns.push(time(&mut reward, repeats, in_place)? * per_environment);
        if let Some(peer) = &mut peer {
            c_ns.push(peer.time(repeats)? * per_environment);
        }
        with_copy_ns.push(time(&mut reward, repeats, &mut with_copy)? * per_environment);
    }
    let ratio = |ours: &[f64]| {
        let ratios: Vec<f64> = ours.iter().zip(&c_ns).map(|(ours, c)| ours / c).collect();
        (!ratios.is_empty()).then(|| Spread::of(ratios))
    };
    Ok(Throughput {
        n_envs,
        ratio: ratio(&module_ns),
        with_copy_ratio: ratio(&with_copy_ns),
        module_ns: Spread::of(module_ns),
        with_copy_ns: Spread::of(with_copy_ns),
        c_ns: (!c_ns.is_empty()).then(|| Spread::of(c_ns)),
    })
}

/// Compiles the reward in C.
pub fn compile_peer(folder: &Path) -> anyhow::Result<PathBuf> {
    compile_c(folder, "peer", PEER, &["-O3"])
}

/// Compiles a C program into `folder`; the reason if there is no compiler or it fails.
pub fn compile_c(folder: &Path, name: &str, text: &str, flags: &[&str]) -> anyhow::Result<PathBuf> {
    let (source, program) = (folder.join(format!("{name}.c")), folder.join(name));
    std::fs::write(&source, text)?;
    let compiled = Command::new("cc")
        .args(flags)
        .arg("-o")
        .args([&program, &source])
        .args(["-lm", "-lpthread"])
        .output()
        .context("there is no C compiler `cc`")?;
    if !compiled.status.success() {
        bail!("cc: {}", String::from_utf8_lossy(&compiled.stderr).trim());
    }
    Ok(program)
}

/// Positions around a goal, and actions in [-1, 1]; the same on every run.
fn batch(schema: &Schema, n_envs: usize) -> Batch {
    let mut batch = Batch::zeros(schema, n_envs);
    let mut state = 1_u64;
    for value in batch.columns.iter_mut().flatten() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let unit = (state >> 40) as f32 / (1_u64 << 24) as f32;
        *value = f64::from(unit - 0.5);
    }
    batch
}

/// How often to evaluate in one round.
fn repeats<E: Into<anyhow::Error>>(
    reward: &mut SandboxedReward,
    evaluate: impl Fn(&mut SandboxedReward) -> Result<(), E>,
) -> anyhow::Result<usize> {
    let mut count = 1;
    loop {
        let nanoseconds = time(reward, count, &evaluate)?;
        if nanoseconds * 2.0 >= ROUND_TIME.as_nanos() as f64 {
            return Ok((count as f64 * ROUND_TIME.as_nanos() as f64 / nanoseconds).ceil() as usize);
        }
        count *= 2;
    }
}

/// Nanoseconds of `count` evaluations.
fn time<E: Into<anyhow::Error>>(
    reward: &mut SandboxedReward,
    count: usize,
    mut evaluate: impl FnMut(&mut SandboxedReward) -> Result<(), E>,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    for _ in 0..count {
        evaluate(reward).map_err(Into::into)?;
    }
    Ok(start.elapsed().as_nanos() as f64)
}

/// A C program as a child, which waits while we measure.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it on the same inputs and compares its totals with ours.
    fn start(program: &Path, batch: &Batch, totals: &[f64]) -> anyhow::Result<Self> {
        let mut peer = Self::run(program, &[batch.n_envs])?;
        for value in batch.columns.iter().flatten() {
            writeln!(peer.input, "{value}")?;
        }
        for &ours in totals {
            let theirs = peer.number()?;
            if (ours - theirs).abs() > 1e-5 * theirs.abs().max(1.0) {
                bail!("the C program gives {theirs} where the module gives {ours}");
            }
        }
        Ok(peer)
    }

    /// Starts it with these arguments.
    pub fn run(program: &Path, arguments: &[usize]) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments.iter().map(usize::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            bail!("the C program has no pipes")
        };
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Nanoseconds of `count` evaluations.
    fn time(&mut self, count: usize) -> anyhow::Result<f64> {
        self.ask(&count.to_string())
    }

    /// Its answer to a line.
    pub fn ask(&mut self, line: &str) -> anyhow::Result<f64> {
        writeln!(self.input, "{line}")?;
        self.number()
    }

    fn number(&mut self) -> anyhow::Result<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().map_err(|_| anyhow!("the C program said {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it stays.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
