//! `carrot envs init`.

use std::path::PathBuf;

use crate::arguments::EnvsInit;
use crate::output::{Answer, Failure};

pub fn run(options: &EnvsInit, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let _ = (options, envs);
    Err(Failure::Usage("not yet".into()))
}
