//! libmujoco, out of MuJoCo's own Python wheel.
//!
//! pip fetches the wheel from wherever this machine fetches its packages; a pinned SHA-256 says whether it is the right
//! one. The library is unpacked beside its final place and moved there in one step, so that it is there whole or not at all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Failure;
use crate::process::{python, root, run};

const VERSION: &str = "3.17.0";
const LIBRARY: &str = "libmujoco.so.3.17.0";
/// The name the linker looks for.
const LINK: &str = "libmujoco.so";

/// What is fetched for one kind of machine.
struct Wheel {
    architecture: &'static str,
    platform: &'static str,
    sha256: &'static str,
    library_sha256: &'static str,
}

const WHEELS: [Wheel; 2] = [
    Wheel {
        architecture: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "d66928d86a2d1b601bbaa4dc11db50214d17d5301bb8afd84721313b67ff0874",
        library_sha256: "23496b023ee80fb61ab71167e94bc649f9941710fde96b18bb8204fb332523ad",
    },
    Wheel {
        architecture: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "91a70ed9979c383ff1f5c03f25cc2e1280a8254c1a8e558d5dd7f4184f01efc9",
        library_sha256: "e2edd0204fb9229f75f332a4fcd1a32345bb9f90651dc0fddfa20ec0670db789",
    },
];

/// Sees that libmujoco lies where `.cargo/config.toml` points.
pub fn provide() -> Result<(), Failure> {
    let home = root().join("target").join(format!("mujoco-{VERSION}"));
    if let Some(given) = given_folder(&home.join("lib")) {
        return adopt(&given, &home);
    }
    let wheel = wheel()?;
    let library = home.join("lib").join(LIBRARY);
    if library.is_file() && sha256(&library)? == wheel.library_sha256 && home.join("lib").join(LINK).exists() {
        println!("MuJoCo {VERSION}: {}", home.join("lib").display());
        return Ok(());
    }
    println!("MuJoCo {VERSION}: fetching the wheel with pip");
    fetch(wheel, &home)
}

fn wheel() -> Result<&'static Wheel, Failure> {
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let found = WHEELS
        .iter()
        .find(|wheel| system == "linux" && wheel.architecture == architecture);
    found.ok_or_else(|| {
        format!(
            "no pinned MuJoCo for {system} on {architecture}; unpack MuJoCo {VERSION} yourself and set \
             MUJOCO_DYNAMIC_LINK_DIR to its folder `lib`"
        )
    })
}

/// The folder a user chose by the environment, as opposed to the one `.cargo/config.toml` sets.
fn given_folder(own: &Path) -> Option<PathBuf> {
    let given = PathBuf::from(std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR")?);
    (given != own).then_some(given)
}

/// Takes the user's own libmujoco, through a link where the programs' search path looks.
fn adopt(given: &Path, home: &Path) -> Result<(), Failure> {
    let given = std::path::absolute(given).map_err(|error| format!("{}: {error}", given.display()))?;
    if !given.join(LINK).is_file() || !given.join(LIBRARY).is_file() {
        return Err(format!(
            "MUJOCO_DYNAMIC_LINK_DIR is {}, which has no {LINK} with {LIBRARY}; unset it to have MuJoCo {VERSION} fetched",
            given.display()
        ));
    }
    let lib = home.join("lib");
    if lib.canonicalize().ok() != given.canonicalize().ok() {
        remove(&lib)?;
        create_folder(home)?;
        link(&given, &lib)?;
    }
    println!("MuJoCo {VERSION}: {} (MUJOCO_DYNAMIC_LINK_DIR)", given.display());
    Ok(())
}

fn fetch(wheel: &Wheel, home: &Path) -> Result<(), Failure> {
    let work = home.with_file_name(format!("mujoco-{VERSION}-unpacking-{}", std::process::id()));
    remove(&work)?;
    create_folder(&work)?;
    let outcome = unpack(wheel, &work).and_then(|lib| {
        remove(&home.join("lib"))?;
        create_folder(home)?;
        std::fs::rename(&lib, home.join("lib")).map_err(|error| format!("{}: {error}", home.display()))
    });
    remove(&work)?;
    outcome?;
    println!("MuJoCo {VERSION}: {}", home.join("lib").display());
    Ok(())
}

/// Downloads, checks and unpacks the wheel below `work`; gives the folder with the library, its link and its licence.
fn unpack(wheel: &Wheel, work: &Path) -> Result<PathBuf, Failure> {
    let file = download(wheel, work)?;
    let found = sha256(&file)?;
    if found != wheel.sha256 {
        return Err(format!(
            "{} has SHA-256 {found}, expected {}; it is not used",
            file.display(),
            wheel.sha256
        ));
    }
    // A wheel is a zip file, and pip brings Python.
    let files = work.join("files");
    run(Command::new(python()?)
        .args(["-m", "zipfile", "-e"])
        .arg(&file)
        .arg(&files))?;
    let lib = work.join("lib");
    create_folder(&lib)?;
    let licences = files.join(format!("mujoco-{VERSION}.dist-info/licenses"));
    for (from, to) in [
        (files.join("mujoco").join(LIBRARY), LIBRARY),
        (licences.join("LICENSE"), "LICENSE"),
        (licences.join("LICENSES_THIRD_PARTY.md"), "LICENSES_THIRD_PARTY.md"),
    ] {
        std::fs::rename(&from, lib.join(to)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    link(Path::new(LIBRARY), &lib.join(LINK))?;
    Ok(lib)
}

/// The same wheel whatever Python is installed: nothing in it is run, only the library is taken out.
fn download(wheel: &Wheel, work: &Path) -> Result<PathBuf, Failure> {
    let mut pip = Command::new(python()?);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ])
    .args([
        "--python-version",
        "3.11",
        "--implementation",
        "cp",
        "--abi",
        "cp311",
        "--platform",
        wheel.platform,
    ])
    .arg("--dest")
    .arg(work)
    .arg(format!("mujoco=={VERSION}"));
    run(&mut pip)?;
    let entries = std::fs::read_dir(work).map_err(|error| format!("{}: {error}", work.display()))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| format!("pip left no wheel in {}", work.display()))
}

fn sha256(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all that is written to it");
        hex
    }))
}

fn create_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Removes a file, link or folder if it is there.
fn remove(path: &Path) -> Result<(), Failure> {
    let outcome = match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    };
    outcome.map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> Result<(), Failure> {
    std::os::unix::fs::symlink(target, at).map_err(|error| format!("{}: {error}", at.display()))
}

#[cfg(not(unix))]
fn link(_target: &Path, at: &Path) -> Result<(), Failure> {
    Err(format!(
        "{}: links are made on Unix only; set MUJOCO_DYNAMIC_LINK_DIR and put it on the search path",
        at.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha256() {
        let file = std::env::temp_dir().join(format!("carrot-xtask-{}", std::process::id()));
        std::fs::write(&file, "abc").unwrap();
        let digest = sha256(&file).unwrap();
        remove(&file).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_folder_without_the_library_is_not_adopted() {
        let home = std::env::temp_dir().join("carrot-xtask-never-made");
        let message = adopt(&std::env::temp_dir(), &home).unwrap_err();
        assert!(
            message.contains("MUJOCO_DYNAMIC_LINK_DIR") && message.contains(LIBRARY),
            "{message}"
        );
        assert!(!home.exists());
    }

    #[test]
    fn the_folder_that_cargo_sets_is_our_own() {
        // Tests run under cargo, which sets the variable from .cargo/config.toml unless a user did.
        let set = PathBuf::from(std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").unwrap());
        assert_eq!(given_folder(&set), None);
        assert_eq!(given_folder(Path::new("/elsewhere")), Some(set));
    }
}
