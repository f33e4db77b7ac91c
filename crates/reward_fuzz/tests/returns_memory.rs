//! Ten thousand programs come and go, from text to rewards; none may leave memory behind.
#![cfg(target_os = "linux")]

use carrot_reward_compiler::{Entry, compile};
use carrot_reward_fuzz::{Choices, program_of_seed, world};
use carrot_reward_interface::Rewards;
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

const PROGRAMS: u64 = 10_000;
/// The first ones fill the allocator's pools and the compiler's tables.
const WARM_UP: u64 = 500;
const ALLOWED_BYTES: usize = 64 << 20;

#[test]
fn ten_thousand_programs_leave_no_memory_behind() {
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    let mut rewards = Rewards::default();
    let mut ran = 0;
    let mut round = |seed| {
        let (_, source) = program_of_seed(seed, None);
        let Some(module) = compile(&source, "fuzz.py", world::schema(), Entry::Reward).module else {
            return;
        };
        let loaded = sandbox.load(&module.wasm, Origin::Compiled, world::schema()).unwrap();
        let batch = world::batch(&mut Choices::from_seed(seed), 5, world::Mood::Wild);
        // Many stop, since the values are wild.
        let _ = loaded.instantiate().unwrap().evaluate(&batch, &mut rewards);
        ran += 1;
    };
    (0..WARM_UP).for_each(&mut round);
    let before = resident_bytes();
    (WARM_UP..PROGRAMS).for_each(&mut round);
    let grown = resident_bytes().saturating_sub(before);
    assert!(ran > PROGRAMS / 2, "only {ran} programs ran");
    assert!(grown <= ALLOWED_BYTES, "{grown} bytes more after {PROGRAMS} programs");
}

/// Resident memory of this process: the second number of `statm`, in pages of 4 KiB.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
