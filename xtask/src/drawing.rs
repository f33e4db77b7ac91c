//! System libraries for drawing without a screen (EGL, and a driver behind it), for the studio's window, and a screen that
//! nobody sees for its tests.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::process::{output, run};

/// Each library by the name the loader knows, and the Debian package that has it.
const LIBRARIES: [(&str, &str); 8] = [
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
    ("libEGL_mesa.so.0", "libegl-mesa0"),
    // A window on X loads these when it opens; libX11 itself comes with libGL.
    ("libGLX_mesa.so.0", "libglx-mesa0"),
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libXcursor.so.1", "libxcursor1"),
    ("libXi.so.6", "libxi6"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
];

/// The screen that nobody sees: its program and its package.
const SCREEN: (&str, &str) = ("Xvfb", "xvfb");

/// Mesa's drivers are no libraries of the loader; they lie in `dri` folders.
const DRIVERS: &str = "libgl1-mesa-dri";

/// Sees that pictures can be drawn; installs what is missing where that is possible.
pub fn provide() -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing = missing_packages()?;
    if missing.is_empty() {
        println!("drawing: EGL, its driver, what a window needs, and Xvfb are there");
        return Ok(());
    }
    let command = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {}",
        missing.join(" ")
    );
    if !is_root() || output(Command::new("apt-get").arg("--version")).is_err() {
        let how = if is_root() {
            "with your package manager (Debian's names)"
        } else {
            "as root"
        };
        return Err(format!(
            "drawing needs system libraries; run once, {how}:\n\n    {command}\n"
        ));
    }
    println!("drawing: installing {}", missing.join(" "));
    run(Command::new("sh")
        .args(["-c", &command])
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    match missing_packages()?.as_slice() {
        [] => Ok(()),
        still => Err(format!(
            "installed, and yet the loader does not find {}",
            still.join(" ")
        )),
    }
}

fn missing_packages() -> Result<Vec<&'static str>, Failure> {
    // Its folder is often not in the path of a user other than root.
    let ldconfig = ["/sbin/ldconfig", "/usr/sbin/ldconfig"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let known = output(Command::new(ldconfig.unwrap_or("ldconfig")).arg("-p"))?;
    let has = |library: &str| {
        known
            .lines()
            .any(|line| line.split_whitespace().next() == Some(library))
    };
    // A vendor's own driver serves as well as Mesa's.
    let vendor = has("libEGL_nvidia.so.0");
    let served = |library: &str| has(library) || (vendor && library.ends_with("_mesa.so.0"));
    let missing = LIBRARIES.iter().filter(|(library, _)| !served(library));
    let mut missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !vendor && !has_mesa_driver() {
        missing.push(DRIVERS);
    }
    let (screen, package) = SCREEN;
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join(screen).is_file()) {
        missing.push(package);
    }
    Ok(missing)
}

/// Mesa's software driver, under any of its names through the years.
fn has_mesa_driver() -> bool {
    let architecture = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["/usr/lib", "/usr/lib64", &format!("/usr/lib/{architecture}")].map(String::from);
    folders.iter().any(|folder| {
        Path::new(folder).join("dri/swrast_dri.so").exists()
            || std::fs::read_dir(folder).is_ok_and(|entries| {
                entries
                    .flatten()
                    .any(|entry| entry.file_name().to_string_lossy().starts_with("libgallium"))
            })
    })
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
