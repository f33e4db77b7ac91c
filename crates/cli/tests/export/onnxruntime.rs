//! Python's onnxruntime as a child process, where there is one.

use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::root;

/// A model at work in another process.
pub struct Runtime {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// The Python that `CARROT_ONNX_PYTHON` names, which has onnxruntime and numpy, or any Python with the packages that
/// `cargo xtask test` puts under `target/`.
fn python() -> Option<Command> {
    if let Some(named) = std::env::var_os("CARROT_ONNX_PYTHON").filter(|name| !name.is_empty()) {
        return Some(Command::new(named));
    }
    let packages = root().join("target/onnxruntime");
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", &packages);
    packages.is_dir().then_some(command)
}

impl Runtime {
    /// None, and a word about it, where no onnxruntime is at hand.
    pub fn start(model: &Path) -> Option<Self> {
        let Some(mut python) = python() else {
            eprintln!(
                "skipped: no onnxruntime; `cargo xtask test` fetches it, CARROT_ONNX_PYTHON names another Python"
            );
            return None;
        };
        let mut child = python
            .arg(root().join("tests/peers/onnx_policy.py"))
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        Some(Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("its output is a pipe")),
            child,
        })
    }

    /// Shows it `rows` observations and fills `outputs`, one slice for each output of the model.
    pub fn run(&mut self, rows: usize, observations: &[f32], outputs: &mut [&mut [f32]]) {
        let mut message = (rows as u32).to_le_bytes().to_vec();
        message.extend(observations.iter().flat_map(|value| value.to_le_bytes()));
        let input = self.input.as_mut().expect("open until it is dropped");
        input.write_all(&message).expect("onnxruntime reads on");
        input.flush().expect("onnxruntime reads on");
        for values in outputs.iter_mut().flat_map(|output| output.iter_mut()) {
            let mut bytes = [0; 4];
            self.output.read_exact(&mut bytes).expect("onnxruntime answers");
            *values = f32::from_le_bytes(bytes);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // The end of its input is the end of the script.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
