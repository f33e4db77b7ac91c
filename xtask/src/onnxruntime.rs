//! Python's onnxruntime, which tests compare exported policies with.
//!
//! It is a second opinion, not a part of Carrot: where pip cannot have it, for want of a network or of a package for this
//! Python, the tests that need it say that they are skipped.

use std::process::Command;

use crate::Failure;
use crate::process::{output, python, root, run};

/// Sees that Python finds onnxruntime and numpy in `target/onnxruntime`, or says why not.
pub fn provide() -> Result<(), Failure> {
    let folder = root().join("target/onnxruntime");
    let python = python()?;
    let works = || {
        let mut command = Command::new(python);
        command
            .args(["-c", "import numpy, onnxruntime; print(onnxruntime.__version__)"])
            .env("PYTHONPATH", &folder);
        output(&mut command)
    };
    if !folder.is_dir() || works().is_err() {
        println!("onnxruntime: fetching it with pip");
        // Without its dependencies but numpy, which are for tools that are not used here.
        let fetched = run(Command::new(python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            ])
            .args(["--only-binary=:all:", "--upgrade", "--target"])
            .arg(&folder)
            .args(["onnxruntime>=1.20", "numpy"]));
        if let Err(failure) = fetched.and_then(|()| works().map(|_| ())) {
            let _ = std::fs::remove_dir_all(&folder);
            println!("onnxruntime: not to be had ({failure}); tests that compare with it are skipped");
            return Ok(());
        }
    }
    println!("onnxruntime {}: {}", works()?.trim(), folder.display());
    Ok(())
}
