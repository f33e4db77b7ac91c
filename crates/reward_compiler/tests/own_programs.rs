//! The programs that ship with Carrot compile against the tasks they are for, without a finding.

use std::path::{Path, PathBuf};

use carrot_reward_compiler::{Entry, compile, render};
use carrot_reward_interface::Schema;

/// The functions that every `task.py` has.
const TASK_FUNCTIONS: [&str; 3] = ["fitness", "success", "terminated"];

#[test]
fn tasks_and_human_rewards_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut programs = 0;
    for env in folders(&root.join("envs")) {
        let env_toml = std::fs::read_to_string(env.join("env.toml")).unwrap();
        let schema = Schema::from_toml(&env_toml).unwrap();
        for task in folders(&env.join("tasks")) {
            compiles(&task.join("task.py"), &schema, Entry::Functions(&TASK_FUNCTIONS));
            let rewards = root
                .join("reward_programs")
                .join(env.file_name().unwrap())
                .join(task.file_name().unwrap());
            compiles(&rewards.join("human.py"), &schema, Entry::Reward);
            programs += 2;
        }
    }
    assert!(programs >= 6, "only {programs} programs found");
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn compiles(path: &Path, schema: &Schema, entry: Entry<'_>) {
    let source = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let compiled = compile(&source, &path.display().to_string(), schema, entry);
    assert!(
        compiled.diagnostics.is_empty(),
        "\n{}",
        render(&compiled.diagnostics, &source, false)
    );
    assert!(compiled.module.is_some());
}
