//! Thousands of candidates come and go in a search; none may leave memory behind.
#![cfg(target_os = "linux")]

mod modules;

use carrot_reward_interface::Rewards;
use carrot_reward_sandbox::{Origin, Sandbox};
use modules::{assemble, batch, body, interface, limits};

const ROUNDS: usize = 10_000;

#[test]
fn ten_thousand_programs_leave_no_memory_behind() {
    let sandbox = Sandbox::new(limits()).unwrap();
    let schema = modules::schema();
    let mut rewards = Rewards::default();
    let mut round = |k: usize| {
        // Every module is another one, and every twentieth stops.
        let wat = match k % 20 {
            0 => body("unreachable"),
            _ => body(&format!("(f64.store offset=32 (local.get $base) (f64.const {k}))")),
        };
        let origin = [Origin::Foreign, Origin::Compiled][k % 2];
        let loaded = sandbox.load(&assemble(&wat, &interface(&[])), origin, &schema).unwrap();
        let outcome = loaded.instantiate().unwrap().evaluate(&batch(&[1.0]), &mut rewards);
        match k % 20 {
            0 => assert!(outcome.is_err()),
            _ => assert_eq!(rewards.total, [k as f64]),
        }
    };
    (0..200).for_each(&mut round);
    let before = resident_bytes();
    (200..ROUNDS).for_each(&mut round);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more after {ROUNDS} programs");
}

/// Resident memory of this process.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}
