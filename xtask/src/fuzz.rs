//! Many random programs, for as long as one has patience: `cargo xtask fuzz --count 10000000`.

use crate::Failure;
use crate::process::{cargo, run};

/// Writes and judges programs; what follows `fuzz` goes to `carrot-reward-fuzz`.
pub fn run_fuzzer(further: &[&str]) -> Result<(), Failure> {
    run(cargo()
        .args(["run", "--package", "carrot-reward-fuzz", "--"])
        .args(further))
}
