//! Bytes decide how a well-typed program is written, so that coverage guides the writer.
#![no_main]

use std::cell::OnceCell;

use carrot_reward_fuzz::{Choices, Judges, judge_choices};
use libfuzzer_sys::fuzz_target;

thread_local!(static JUDGES: OnceCell<Judges> = const { OnceCell::new() });

fuzz_target!(|bytes: &[u8]| {
    JUDGES.with(|judges| {
        let judges = judges.get_or_init(Judges::new);
        let judged = judge_choices(judges, &mut Choices::from_bytes(bytes), None);
        if let Err(message) = judged.outcome {
            panic!("{message}\n{}", judged.source);
        }
    });
});
