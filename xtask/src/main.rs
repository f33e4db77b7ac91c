//! Sets the machine up, runs every check, runs the demo: `cargo xtask setup | test | demo | fuzz | screenshots`.
//!
//! Carrot links libmujoco and draws through EGL, neither of which cargo can fetch. This program needs only the Rust
//! toolchain, Python's pip and a C compiler, and must build before libmujoco is there; hence it depends on no crate of
//! the workspace.
//!
//! ```text
//! setup = libmujoco under target/ (mujoco) ─▶ EGL and Mesa on the system (drawing)
//! test  = setup ─▶ onnxruntime for tests (onnxruntime) ─▶ rustfmt ─▶ clippy ─▶ docs ─▶ tests (checks)
//! demo  = setup ─▶ build ─▶ carrot search (demo)
//! fuzz  = build ─▶ random reward programs and their judges (fuzz)
//! screenshots = setup ─▶ build ─▶ Xvfb ─▶ carrot studio --script docs/studio/*.steps (screenshots)
//! ```

mod checks;
mod demo;
mod drawing;
mod fuzz;
mod mujoco;
mod onnxruntime;
mod process;
mod screenshots;

use std::process::ExitCode;

/// What went wrong and what to do about it, for the person at the terminal.
type Failure = String;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup   fetch libmujoco into target/ and see that pictures can be drawn
  test    setup, then every check: format, clippy, docs, tests
  demo    setup, then search a reward for the hopper; options such as --seed 1 go to `carrot search`
  screenshots  setup, then the pictures of docs/studio/, by the scripts beside them; a word takes only scripts with it in their name
  fuzz    judge random reward programs; options such as --count 10000000 --seed 1 go to `carrot-reward-fuzz`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["setup"] => setup(),
        ["test"] => setup()
            .and_then(|()| onnxruntime::provide())
            .and_then(|()| checks::run_all()),
        ["demo", ref further @ ..] => setup().and_then(|()| demo::run_search(further)),
        ["screenshots", ref only @ ..] => setup().and_then(|()| screenshots::take(only)),
        ["fuzz", ref further @ ..] => fuzz::run_fuzzer(further),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn setup() -> Result<(), Failure> {
    mujoco::provide()?;
    drawing::provide()
}
