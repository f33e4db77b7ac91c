//! Ten thousand evaluations that each end at a limit; none may leave memory behind.
#![cfg(target_os = "linux")]

mod modules;

use carrot_reward_interface::{Rewards, StopCause};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use modules::{assemble, batch, body, interface, schema};

const RUNS_EACH: usize = 2_000;
const ALLOWED_BYTES: usize = 64 << 20;

#[test]
fn stopped_modules_leave_no_memory_behind() {
    let recursion = r#"(module (memory (export "memory") 1)
        (func $dig (param i32) (result i32) (i32.add (i32.const 1) (call $dig (local.get 0))))
        (func (export "evaluate") (param i32 i32) (drop (call $dig (i32.const 0)))))"#;
    let fuel = |cause: &StopCause| matches!(cause, StopCause::Fuel { .. });
    let memory = |cause: &StopCause| matches!(cause, StopCause::Memory { .. });
    let stack = |cause: &StopCause| matches!(cause, StopCause::Stack { .. });
    let trap = |cause: &StopCause| matches!(cause, StopCause::Trap { .. });
    type Expected<'a> = &'a dyn Fn(&StopCause) -> bool;
    let cases: [(&str, String, Expected<'_>); 5] = [
        ("endless loop", body("(loop $again (br $again))"), &fuel),
        (
            "memory bomb",
            body("(loop $again (drop (memory.grow (i32.const 16))) (br $again))"),
            &memory,
        ),
        ("recursion", recursion.to_owned(), &stack),
        (
            "address outside of memory",
            body("(f64.store (i32.const -8) (f64.const 1))"),
            &trap,
        ),
        ("unreachable", body("unreachable"), &trap),
    ];
    let limits = Limits {
        fuel_base: 200_000,
        ..Limits::default()
    };
    let sandbox = Sandbox::new(limits).unwrap();
    let mut before = None;
    for round in 0..=RUNS_EACH {
        for (name, wat, is_expected) in &cases {
            let wasm = assemble(wat, &interface(&[]));
            let loaded = sandbox.load(&wasm, Origin::Foreign, &schema()).unwrap();
            let outcome = loaded
                .instantiate()
                .unwrap()
                .evaluate(&batch(&[1.0]), &mut Rewards::default());
            let cause = outcome.unwrap_err().cause;
            assert!(is_expected(&cause), "{name}: {cause}");
        }
        if round == 100 {
            before = Some(resident_bytes());
        }
    }
    let grown = resident_bytes().saturating_sub(before.unwrap());
    assert!(
        grown <= ALLOWED_BYTES,
        "{grown} bytes more after {} stops",
        RUNS_EACH * cases.len()
    );
}

/// Resident memory of this process: the second number of `statm`, in pages of 4 KiB.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
