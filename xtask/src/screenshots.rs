//! The pictures of the studio's pages: scripts drive it on a screen that nobody sees.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Failure;
use crate::process::{cargo, root, run};

/// Runs the scripts in `docs/studio/` one after the other; with `only`, those with one of its words in their name.
pub fn take(only: &[&str]) -> Result<(), Failure> {
    println!("building (the first time about ten minutes on two cores)");
    run(cargo().args(["build", "--package", "carrot-cli"]))?;
    let scripts = scripts(only)?;
    let screen = Screen::start()?;
    // A session of its own: what the machine's owner has open stays as it is.
    let runs = root().join("target/screenshots");
    for script in scripts {
        println!("{}", script.display());
        remove(&runs)?;
        let mut studio = Command::new(root().join("target/debug/carrot"));
        studio
            .current_dir(root())
            .args(["studio", "--task", "quadruped/walk", "--script"])
            .arg(&script)
            .arg("--runs")
            .arg(&runs)
            .env("DISPLAY", &screen.name)
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            // The same driver everywhere, so that pictures change only where the studio does.
            .env("LIBGL_ALWAYS_SOFTWARE", "1");
        run(&mut studio)?;
    }
    remove(&runs)
}

/// In the order of their names.
fn scripts(only: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let folder = root().join("docs/studio");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut scripts: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    scripts.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".steps") && (only.is_empty() || only.iter().any(|word| name.contains(word)))
    });
    scripts.sort();
    if scripts.is_empty() {
        return Err(format!("no script {} in {}", only.join(" or "), folder.display()));
    }
    Ok(scripts)
}

fn remove(folder: &PathBuf) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", folder.display())),
        _ => Ok(()),
    }
}

/// An X server of one's own, gone with this value.
struct Screen {
    server: Child,
    name: String,
}

impl Screen {
    /// On a number that is free; the server chooses it and says which.
    fn start() -> Result<Self, Failure> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1920x1200x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb does not start: {error}; run `cargo xtask setup`"))?;
        let mut number = String::new();
        let output = server.stdout.take().ok_or("Xvfb's output is not to be had")?;
        let read = BufReader::new(output).read_line(&mut number);
        let screen = Self {
            server,
            name: format!(":{}", number.trim()),
        };
        match read {
            Ok(1..) => Ok(screen),
            _ => Err("Xvfb starts and names no display".to_owned()),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
