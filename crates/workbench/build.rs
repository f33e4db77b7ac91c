//! Hashes the code that decides on a result, so that a result is never taken for that of other code.
//!
//! The version number alone does not do: it stays the same between releases while the code changes.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// From the workspace: the crates between a program and its fitness, what drives them here, and their dependencies.
const DECIDING: [&str; 9] = [
    "Cargo.lock",
    "crates/environment/src",
    "crates/optimizer/src",
    "crates/physics/src",
    "crates/reward_compiler/src",
    "crates/reward_interface/src",
    "crates/reward_sandbox/src",
    "crates/workbench/src/random.rs",
    "crates/workbench/src/workbench.rs",
];

fn main() -> io::Result<()> {
    // Asked for now and not when this was compiled: a target folder may have been moved or come from a cache.
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?;
    let workspace = Path::new(&crate_dir).join("../..");
    let mut hasher = Sha256::new();
    for part in DECIDING {
        let path = workspace.join(part);
        println!("cargo::rerun-if-changed={}", path.display());
        for file in files(&path)? {
            let name = file.strip_prefix(&workspace).unwrap_or(&file);
            let content = std::fs::read(&file)?;
            // With the lengths, so that nothing moves unnoticed from one file to the next.
            hasher.update(format!("{} {}\n", name.display(), content.len()));
            hasher.update(content);
        }
    }
    let hash: String = hasher.finalize()[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    println!("cargo::rustc-env=CARROT_RESULTS_HASH={hash}");
    Ok(())
}

/// All files at or below `path`, sorted.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}
