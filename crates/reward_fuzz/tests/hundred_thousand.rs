//! 100,000 random programs: no panic, no invalid module, no difference between interpreter, wasmtime and wasmi.
//!
//! Ten million are `cargo xtask fuzz --count 10000000`.

use std::sync::atomic::{AtomicU64, Ordering};

use carrot_reward_fuzz::{Choices, Judges, Verdict, judge_choices, judge_seed, program_of_seed};

const PROGRAMS: u64 = 100_000;
/// The share that must compile, or the test says little.
const COMPILE_PERCENT: u64 = 85;

#[test]
fn nobody_disagrees() {
    let (next, compiled) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let judges = Judges::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= PROGRAMS {
                        break;
                    }
                    let judged = judge_seed(&judges, seed, None);
                    match judged.outcome {
                        Ok(Verdict::Refused(_)) => {}
                        Ok(Verdict::Agreed { .. }) => drop(compiled.fetch_add(1, Ordering::Relaxed)),
                        Err(message) => panic!("seed {seed}: {message}\n{}", judged.source),
                    }
                }
            });
        }
    });
    let compiled = compiled.into_inner();
    assert!(
        compiled * 100 >= PROGRAMS * COMPILE_PERCENT,
        "only {compiled} programs compile"
    );
}

#[test]
fn equal_seeds_write_equal_programs() {
    for seed in 0..50 {
        assert_eq!(program_of_seed(seed, None), program_of_seed(seed, None));
    }
    assert_ne!(program_of_seed(1, None), program_of_seed(2, None));
}

#[test]
fn any_bytes_write_a_program_that_ends() {
    let judges = Judges::new();
    for length in [0, 1, 2, 30, 1_000] {
        for byte in [0, 1, 0x7f, 0xff] {
            let bytes = vec![byte; length];
            let judged = judge_choices(&judges, &mut Choices::from_bytes(&bytes), None);
            judged
                .outcome
                .unwrap_or_else(|message| panic!("{message}\n{}", judged.source));
        }
    }
}
