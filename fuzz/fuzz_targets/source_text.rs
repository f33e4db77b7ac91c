//! Any text: the compiler answers with a module or with findings, and the judges agree on what the module computes.
#![no_main]

use std::cell::OnceCell;

use carrot_reward_fuzz::{Choices, Judges, world};
use libfuzzer_sys::fuzz_target;

thread_local!(static JUDGES: OnceCell<Judges> = const { OnceCell::new() });

fuzz_target!(|text: &str| {
    JUDGES.with(|judges| {
        let batch = world::batch(&mut Choices::from_bytes(text.as_bytes()), 3, world::Mood::Wild);
        let outcome = judges.get_or_init(Judges::new).judge(text, world::schema(), &[batch]);
        outcome.expect("all agree");
    });
});
