//! A screen that nobody sees, for tests that need a real window.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// An X server of one's own, gone with this value.
pub struct Display {
    server: Child,
    number: u32,
}

impl Display {
    /// Starts Xvfb on a number that is free.
    ///
    /// Panics: where Xvfb is not installed or does not start. A test that could not look is no test that passed.
    pub fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("Xvfb does not start ({error}); `cargo xtask setup` installs it"));
        let mut line = String::new();
        let output = server.stdout.take().expect("the output is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("Xvfb's output is text");
        let number = line.trim().parse().unwrap_or_else(|_| {
            let status = server.wait();
            panic!("Xvfb names no display, it says {line:?} and ends with {status:?}")
        });
        Self { server, number }
    }

    /// A program with its window on this screen, drawn in software, whatever else the machine has.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", format!(":{}", self.number))
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("LIBGL_ALWAYS_SOFTWARE", "1");
        command
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
