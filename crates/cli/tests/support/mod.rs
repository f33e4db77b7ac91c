//! Runs the built `carrot` in a folder of its own.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository is there")
}

/// A scratch folder, gone at the end of the test.
pub struct Scratch(tempfile::TempDir);

/// What a command said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a scratch folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), contents).expect("the scratch folder is writable");
        self.path(name)
    }

    /// `carrot …` in this folder, with the repository's environments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrot"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("CARROT_ENVS", root().join("envs"));
        command
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .stdin(Stdio::null());
        command
    }

    pub fn carrot(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().expect("carrot starts"))
    }

    /// `carrot --json …`, which must succeed.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.carrot(&[&["--json"], arguments].concat());
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.stdout, said.stderr);
        parse(&said.stdout)
    }
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn parse(stdout: &str) -> serde_json::Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("not one JSON object ({error}): {stdout}"))
}

/// A foreign module with the contract's exports and the given body of `evaluate`.
pub fn foreign_module(body: &str) -> Vec<u8> {
    let interface = r#"{"abi":2,"file":"foreign.wasm","inputs":[],"output":"f32","terms":[]}"#;
    let text = format!(
        "(module (memory (export \"memory\") 1) (func (export \"evaluate\") (param $n i32) (param $base i32) {body}) (@custom \"carrot.reward\" {interface:?}))"
    );
    wat::parse_str(text).expect("the module is well-formed")
}
