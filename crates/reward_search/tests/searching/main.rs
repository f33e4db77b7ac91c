//! Whole searches with real physics, real training and tiny budgets.

mod failures;
mod language_model;
mod people;
mod resume;
mod server;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use carrot_environment::{Engine, Task};
use carrot_reward_search::{Event, Proposer, SearchConfig, SearchError, Winner, search};
use carrot_run_record::RunRecord;
use carrot_workbench::Workbench;

/// The cartpole, ready to judge programs.
fn bench() -> Workbench {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    Workbench::new(Task::load(&envs, "cartpole/balance", Engine::Mujoco).unwrap()).unwrap()
}

/// A search whose candidates train for a second or less.
fn tiny(proposer: &str, generations: u32, candidates: u32) -> SearchConfig {
    SearchConfig {
        task: "cartpole/balance".into(),
        proposer: proposer.into(),
        generations,
        candidates,
        steps: 2_048,
        episodes: 2,
        seed: 3,
        finalist_seeds: 0,
        workers: 2,
        ppo: toml::from_str("n_envs = 8\nrollout = 32\nepochs = 2\nhidden = [8]").unwrap(),
        ..SearchConfig::default()
    }
}

fn new_record(dir: &Path, config: &SearchConfig) -> RunRecord {
    RunRecord::create(dir, &toml::Table::try_from(config).unwrap()).unwrap()
}

fn run(
    config: &SearchConfig,
    bench: &Workbench,
    record: &RunRecord,
    proposer: &mut dyn Proposer,
    observer: &(dyn Fn(&Event) + Sync),
) -> Result<Winner, SearchError> {
    search(config, bench, record, proposer, observer, &AtomicBool::new(false))
}
