//! Any bytes as a stranger's module: refused, or evaluated within the limits.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use carrot_reward_fuzz::{Choices, world};
use carrot_reward_interface::{RewardFn, Rewards};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use libfuzzer_sys::fuzz_target;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let limits = Limits {
        fuel_base: 1_000_000,
        deadline: Duration::from_millis(500),
        ..Limits::default()
    };
    Sandbox::new(limits).expect("this machine runs WASM")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(loaded) = SANDBOX.load(bytes, Origin::Foreign, world::schema()) else {
        return;
    };
    let Ok(mut reward) = loaded.instantiate() else { return };
    let batch = world::batch(&mut Choices::from_bytes(bytes), 5, world::Mood::Wild);
    let mut rewards = Rewards::default();
    for _ in 0..2 {
        let _ = reward.evaluate(&batch, &mut rewards);
    }
});
