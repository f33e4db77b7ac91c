//! `carrot bench`.

mod bare;
mod environment;
mod latency;
mod plan;
mod ppo;
mod throughput;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use carrot_reward_sandbox::{Limits, Sandbox};
use serde_json::json;

use crate::arguments::{Bench, BenchName};
use crate::output::{Answer, Failure};
use latency::Latency;
use throughput::{Spread, Throughput};

/// Batch sizes: one call, a small training batch, a large one.
const BATCHES: [usize; 3] = [1, 256, 4_096];

/// Measures; every ratio comes from one run, its two sides in turns.
pub fn run(options: &Bench, envs: impl Fn() -> Result<PathBuf, Failure>, quiet: bool) -> Result<Answer, Failure> {
    match options.name {
        BenchName::Reward => rewards(options, envs),
        BenchName::Env => environment::run(options, &envs()?, quiet),
        BenchName::Ppo => ppo::run(options, &envs()?, quiet),
        BenchName::Plan => plan::run(options, envs, quiet),
    }
}

fn rewards(options: &Bench, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let sandbox = Sandbox::new(Limits::default())?;
    let scratch = Scratch::new()?;
    let peer = throughput::compile_peer(&scratch.0);
    let throughput = BATCHES
        .iter()
        .map(|&n_envs| throughput::measure(&sandbox, n_envs, peer.as_deref().ok()))
        .collect::<anyhow::Result<Vec<Throughput>>>()?;
    let envs = envs().ok();
    let beside_envs = || Some(envs.as_ref()?.parent()?.join("reward_programs"));
    let folder = options
        .programs
        .clone()
        .or_else(beside_envs)
        .filter(|folder| folder.is_dir());
    if let (Some(named), None) = (&options.programs, &folder) {
        return Err(Failure::Usage(format!("{}: there is no such folder", named.display())));
    }
    let latency = match &folder {
        Some(folder) => latency::measure(&sandbox, folder, envs.as_deref())?,
        None => None,
    };
    let missing = peer.err().map(|error| format!("{error:#}"));
    Ok(Answer::new(
        as_json(&throughput, latency.as_ref(), missing.as_deref()),
        as_text(&throughput, latency.as_ref(), missing.as_deref()),
    ))
}

fn as_json(throughput: &[Throughput], latency: Option<&Latency>, missing: Option<&str>) -> serde_json::Value {
    let ratios: BTreeMap<String, Spread> = throughput
        .iter()
        .flat_map(|row| {
            let with_copy = row
                .with_copy_ratio
                .map(|ratio| (format!("reward_{}_with_copy", row.n_envs), ratio));
            let module = row.ratio.map(|ratio| (format!("reward_{}", row.n_envs), ratio));
            module.into_iter().chain(with_copy)
        })
        .collect();
    json!({ "ratios": ratios, "reward": throughput, "first_result": latency, "no_c_compiler": missing })
}

fn as_text(throughput: &[Throughput], latency: Option<&Latency>, missing: Option<&str>) -> String {
    let mut text = String::from("A reward of 15 operations on one core, nanoseconds per environment (median)\n\n");
    text += "   batch     module  with copy      C -O3  module / C  (least to largest)\n";
    for row in throughput {
        _ = write!(
            text,
            "{:8} {:10.2} {:10.2}",
            row.n_envs, row.module_ns.median, row.with_copy_ns.median
        );
        match (row.c_ns, row.ratio) {
            (Some(c), Some(ratio)) => {
                _ = writeln!(
                    text,
                    " {:10.2} {:11.3}  ({:.3} to {:.3})",
                    c.median, ratio.median, ratio.min, ratio.max
                );
            }
            _ => text += "          -           -\n",
        }
    }
    text += "\n`module` finds its inputs in its memory; `with copy` brings them there from f64 columns and the results back.\n";
    if let Some(missing) = missing {
        _ = writeln!(text, "No ratios: {missing}");
    }
    match latency {
        Some(latency) => text += &first_results(latency),
        None => text += "\nNo programs to time: name a folder with --programs DIR.\n",
    }
    text
}

fn first_results(latency: &Latency) -> String {
    let Latency {
        programs,
        refused,
        total_ms,
    } = latency;
    let mut text = format!(
        "\nFrom source text to first result, milliseconds, {} programs ({} more do not compile)\n\n",
        programs.len(),
        refused.len()
    );
    text += "                     median    largest\n";
    for (name, phase) in latency::PHASES {
        let spread = Spread::of(programs.iter().map(phase).collect());
        _ = writeln!(text, "{name:16} {:10.2} {:10.2}", spread.median, spread.max);
    }
    _ = writeln!(text, "{:16} {:10.2} {:10.2}", "all", total_ms.median, total_ms.max);
    if let Some(slowest) = programs.iter().max_by(|a, b| a.total_ms.total_cmp(&b.total_ms)) {
        _ = writeln!(text, "\nSlowest: {}", slowest.program);
    }
    text
}

/// A folder of our own that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("carrot-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Were it to stay, the system clears its folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
