//! The f32 kernels on each of the 2^32 arguments, as modules compute them. It takes minutes for each function, so it runs
//! only when asked:
//!
//! ```sh
//! cargo test -p carrot-reward-compiler --test every_f32 -- --ignored --nocapture
//! CARROT_KERNEL=tanh cargo test -p carrot-reward-compiler --test every_f32 -- --ignored --nocapture
//! ```
//!
//! The tests in `kernels.rs` look at every 4,099th argument each time.

use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{Batch, Rewards, Schema, StopCause};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

/// Name in torch, and the reference, whose own error does not show in an f32.
type Function = (&'static str, fn(f64) -> f64);

const FUNCTIONS: [Function; 15] = [
    ("exp", libm::exp),
    ("tanh", libm::tanh),
    ("log", libm::log),
    ("sin", libm::sin),
    ("cos", libm::cos),
    ("tan", libm::tan),
    ("asin", libm::asin),
    ("acos", libm::acos),
    ("atan", libm::atan),
    ("sinh", libm::sinh),
    ("cosh", libm::cosh),
    ("expm1", libm::expm1),
    ("log1p", libm::log1p),
    ("log2", libm::log2),
    ("log10", libm::log10),
];

/// Environments per evaluation.
const CHUNK: usize = 1 << 16;

#[test]
#[ignore = "minutes for each function; see the head of this file"]
fn f32_is_within_two_units_for_every_argument() {
    let wanted = std::env::var("CARROT_KERNEL").ok();
    let schema = Schema::from_toml("[variable.x]\ndtype = \"f32\"").unwrap();
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for (name, reference) in FUNCTIONS {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let source = format!("import torch\ndef compute_reward(x: torch.Tensor):\n    return torch.{name}(x), {{}}\n");
        let module = compile(&source, "reward.py", &schema, Entry::Reward)
            .module
            .expect(name);
        let loaded = sandbox.load(&module.wasm, Origin::Compiled, &schema).unwrap();
        let mut reward = loaded.instantiate().unwrap();
        let mut batch = Batch::zeros(&schema, CHUNK);
        let mut rewards = Rewards::default();
        let mut worst = (0.0, 0.0);
        for first in (0..=u32::MAX).step_by(CHUNK) {
            for (x, bits) in batch.columns[0].iter_mut().zip(first..) {
                *x = f64::from(f32::from_bits(bits));
            }
            match reward.evaluate(&batch, &mut rewards) {
                Ok(()) => {}
                // All values are there; that some are infinite or NaN is looked at here.
                Err(stop) => assert!(matches!(stop.cause, StopCause::NonFinite { .. }), "{stop}"),
            }
            for (&x, &found) in batch.columns[0].iter().zip(&rewards.total) {
                let error = error_in_units(found as f32, reference(x));
                if error > worst.0 {
                    worst = (error, x);
                }
            }
        }
        println!("{name}: at most {:.3} ulp, at {:e}", worst.0, worst.1);
        assert!(worst.0 <= 2.0, "{name}({:e}) is {} ulp off", worst.1, worst.0);
    }
}

/// Distance in units in the last place of `expected` as an f32; infinite where one is NaN or infinite and the other not.
fn error_in_units(found: f32, expected: f64) -> f64 {
    let rounded = expected as f32;
    if found.to_bits() == rounded.to_bits() && !(rounded.is_finite() && rounded != 0.0)
        || found.is_nan() && rounded.is_nan()
    {
        return 0.0;
    }
    if !found.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    let exponent = ((rounded.abs().to_bits() >> 23) as i32).max(1) - 127 - 23;
    (f64::from(found) - expected).abs() / 2_f64.powi(exponent)
}
