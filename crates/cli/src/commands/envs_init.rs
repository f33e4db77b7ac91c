//! `carrot envs init`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carrot_environment::{Engine, Inferred, ModelFiles, Task};
use serde_json::json;

use crate::arguments::EnvsInit;
use crate::files;
use crate::output::{Answer, Failure};

/// Writes an environment for a user's own model. It is made aside, loaded to prove it, and only then moved to its place.
pub fn run(options: &EnvsInit, envs: impl Fn() -> Result<PathBuf, Failure>) -> Result<Answer, Failure> {
    let model = &options.model;
    let inferred = files::inferred(model, Engine::Mujoco)?;
    let copy = ModelFiles::of(model).map_err(files::refused)?;
    let out = match &options.out {
        Some(out) => out.clone(),
        None => envs().unwrap_or_else(|_| PathBuf::from("envs")).join(&inferred.name),
    };
    let name = folder_name(&out)?;
    let parent = out
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let aside = Aside::new(parent)?;
    let made = aside.0.join(&name);
    for (file, bytes) in &copy.files {
        write(&made.join(file), bytes)?;
    }
    // From here on the copy is the model, and shows by itself whether it is whole.
    let mut copied = Inferred::load(&made.join(&copy.model), Engine::Mujoco).with_context(|| {
        format!(
            "{}: the copy of the model is not whole; put it and its files into a folder and write env.toml by hand",
            model.display()
        )
    })?;
    copied.name.clone_from(&name);
    let starter = copied.starter(&copy.model);
    for (file, text) in &starter.files {
        write(&made.join(file), text.as_bytes())?;
    }
    let id = format!("{name}/{}", starter.task);
    Task::load(&aside.0, &id, Engine::Mujoco).map_err(|error| Failure::Fault(error.into()))?;

    let written: Vec<PathBuf> = copy
        .files
        .iter()
        .map(|(file, _)| file)
        .chain(starter.files.iter().map(|(file, _)| file))
        .map(|file| out.join(file))
        .collect();
    if let Some(taken) = written.iter().find(|file| file.exists()) {
        return Err(Failure::Usage(format!(
            "{} exists, and nothing is overwritten; name another folder with --out",
            taken.display()
        )));
    }
    for file in &written {
        let from = made.join(file.strip_prefix(&out).unwrap_or(file));
        make_folder(file)?;
        std::fs::rename(&from, file).with_context(|| file.display().to_string())?;
    }
    Ok(answer(&out, parent, &id, starter.task, &written, &copy.warnings))
}

fn answer(out: &Path, parent: &Path, id: &str, task: &str, written: &[PathBuf], warnings: &[String]) -> Answer {
    let json = json!({
        "environment": id.split('/').next(), "task": id, "dir": out, "files": written, "warnings": warnings,
    });
    // Without a word where the folder is found by itself.
    let envs = match files::environments_dir(None) {
        Ok(found) if found.canonicalize().ok() == parent.canonicalize().ok() => String::new(),
        _ => format!(" --envs {}", parent.display()),
    };
    let reward = out.join("tasks").join(task).join("reward.py");
    let warned: String = warnings.iter().map(|warning| format!("note: {warning}\n")).collect();
    let text = format!(
        "{}: {} files\n{warned}\nNext:\n  carrot envs {id}{envs}\n  carrot check {reward} --task {id}{envs}\n  carrot train --task {id} --reward {reward}{envs}\nThen write your own task in {}.\n",
        out.display(),
        written.len(),
        out.join("tasks").display(),
        reward = reward.display(),
    );
    Answer::new(json, text)
}

/// The name of an environment is that of its folder.
fn folder_name(out: &Path) -> Result<String, Failure> {
    out.file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned)
        .ok_or_else(|| Failure::Usage(format!("{}: this names no folder for an environment", out.display())))
}

fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    make_folder(file)?;
    std::fs::write(file, bytes).with_context(|| file.display().to_string())
}

fn make_folder(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

/// A folder that is gone in the end, whatever happens.
struct Aside(PathBuf);

impl Aside {
    fn new(parent: &Path) -> anyhow::Result<Self> {
        let folder = parent.join(format!(".carrot-init-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // at worst a hidden folder stays
    }
}
