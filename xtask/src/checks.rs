//! Every check a change must pass, in the order that fails soonest.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::process::{cargo, run};

/// Name and command of each check.
fn steps() -> [(&'static str, Command); 4] {
    let cargo = |arguments: &[&str]| {
        let mut command = cargo();
        command.args(arguments);
        command
    };
    let mut docs = cargo(&["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    [
        ("format", cargo(&["fmt", "--all", "--check"])),
        (
            "clippy",
            cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ),
        ("docs", docs),
        // One run tells of every test that fails, not of the first.
        ("tests", cargo(&["test", "--workspace", "--no-fail-fast"])),
    ]
}

/// Runs the checks, stops at the first that fails, and says how long each took.
pub fn run_all() -> Result<(), Failure> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (name, mut command) in steps() {
        println!("\n==> {name}");
        let start = Instant::now();
        let outcome = run(&mut command);
        times.push((name, start.elapsed()));
        if outcome.is_err() {
            report(&times);
        }
        outcome?;
    }
    report(&times);
    println!("all checks passed");
    Ok(())
}

fn report(times: &[(&str, Duration)]) {
    println!();
    for (name, time) in times {
        println!("{name:>8} {:7.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:>8} {:7.1} s", "total", total.as_secs_f64());
}
