//! The main job on a fresh machine: a real search for a reward, with figures one can repeat.

use crate::Failure;
use crate::process::{cargo, run};

/// Four rounds of eight programs at 200,000 steps, then the best five on five further seeds: 11.4 million steps, which
/// two cores do in two to four minutes. Counting steps and not seconds keeps the result the same everywhere.
const SEARCH: [&str; 17] = [
    "search",
    "--task",
    "hopper/hop_forward",
    "--generations",
    "4",
    "--candidates",
    "8",
    "--steps",
    "200k",
    "--finalists",
    "5",
    "--finalist-seeds",
    "5",
    "--final-seeds",
    "3",
    "--final-steps",
    "300k",
];

/// Builds Carrot and searches; further arguments, such as `--seed 1`, go to `carrot search`.
pub fn run_search(further: &[&str]) -> Result<(), Failure> {
    println!("building (the first time about ten minutes on two cores)");
    run(cargo().args(["build", "--package", "carrot-cli"]))?;
    let mut search = cargo();
    search
        .args(["run", "--quiet", "--package", "carrot-cli", "--"])
        .args(SEARCH)
        .args(further);
    // Without a terminal there is no bar; the log then tells how far it is.
    if std::env::var_os("CARROT_LOG").is_none() {
        search.env("CARROT_LOG", "info");
    }
    run(&mut search)
}
