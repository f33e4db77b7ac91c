//! The files that a model consists of: the MJCF itself, what it includes, and meshes, textures and height fields.
//!
//! MuJoCo does not tell which files it read, so they are looked for as it looks for them: names in `file` attributes, below the
//! folders that `compiler` elements name. Whoever copies them should load the copy and compare; what is said here is a guess
//! that the copy proves.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use carrot_physics::{Engine, Model, PhysicsError, mjcf_with_motors};

use super::is_scalar;
use crate::TaskError;

/// A copy of a model for the folder of an environment.
pub struct ModelFiles {
    /// Path of the model in that folder.
    pub model: String,
    /// Each file with its path in that folder.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// What a person should know before relying on it.
    pub warnings: Vec<String>,
}

impl ModelFiles {
    /// The model at `path` and the files it refers to. A model of one file becomes `model.xml`; one of several keeps their places
    /// below `model/`. A URDF becomes an MJCF with motors.
    ///
    /// Errors: [`TaskError::NotFound`] when there is no such file, [`TaskError::File`] when it is no model, or when nothing in it
    /// could be driven.
    pub fn of(path: &Path) -> Result<Self, TaskError> {
        if !path.is_file() {
            return Err(TaskError::NotFound(format!(
                "{}: there is no such model file",
                path.display()
            )));
        }
        let refuse = |message: String| TaskError::File {
            path: path.to_owned(),
            message,
        };
        let told = |cause: PhysicsError| match cause {
            PhysicsError::Load { message, .. } => refuse(message),
            other => refuse(other.to_string()),
        };
        let model = Model::load(path, Engine::Mujoco).map_err(told)?;
        let mut warnings = Vec::new();
        let (text, name) = if is_urdf(path) {
            warnings.push(
                "a URDF says nothing of a floor, of light, or whether its base is free: add them to the model where the robot needs them"
                    .to_owned(),
            );
            (
                mjcf_with_motors(path).map_err(told)?.into_bytes(),
                path.with_extension("xml"),
            )
        } else {
            let bytes = std::fs::read(path).map_err(|cause| refuse(cause.to_string()))?;
            (bytes, path.to_owned())
        };
        let name = PathBuf::from(name.file_name().unwrap_or_default());
        let inventory = model.inventory();
        if is_urdf(path) && !inventory.joints.iter().any(is_scalar) {
            return Err(refuse(
                "no joint turns or slides, so there is nothing to drive".to_owned(),
            ));
        }
        if !is_urdf(path) && inventory.actuators.is_empty() {
            return Err(refuse(no_actuator(path)));
        }
        let others = referenced(path, &String::from_utf8_lossy(&text));
        if others.is_empty() {
            return Ok(Self {
                model: "model.xml".to_owned(),
                files: vec![(PathBuf::from("model.xml"), text)],
                warnings,
            });
        }
        let home = path.canonicalize().map_err(|cause| refuse(cause.to_string()))?;
        let folder = home.parent().unwrap_or(Path::new(""));
        // The folders between the highest of the files and the model, so that `../meshes` stays what it was.
        let folders: Vec<_> = folder.components().collect();
        let kept: PathBuf = folders[folders.len().saturating_sub(above(&others))..].iter().collect();
        let place = |file: &Path| Path::new("model").join(tidy(&kept.join(file)));
        let mut files = vec![(place(&name), text)];
        for file in &others {
            let bytes =
                std::fs::read(folder.join(file)).map_err(|cause| refuse(format!("{}: {cause}", file.display())))?;
            if files.iter().all(|(taken, _)| *taken != place(file)) {
                files.push((place(file), bytes));
            }
        }
        Ok(Self {
            model: place(&name).to_string_lossy().into_owned(),
            files,
            warnings,
        })
    }
}

fn is_urdf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("urdf"))
}

/// Why no policy can act in the model, and what to do.
pub(super) fn no_actuator(path: &Path) -> String {
    let nothing = "the model has no actuator, so no policy can act in it";
    if is_urdf(path) {
        format!(
            "{nothing}; URDF knows none: `carrot envs init {}` writes an MJCF with a motor for each joint",
            path.display()
        )
    } else {
        format!("{nothing}; add an <actuator> element with a motor for each joint that is driven")
    }
}

/// Every file that the MJCF `text`, which lies or would lie at `path`, refers to by a relative name and that exists.
/// Each as the path from the folder of the model, which may begin with `..`.
fn referenced(path: &Path, text: &str) -> BTreeSet<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut scan = Scan {
        folder,
        asset_folders: vec![PathBuf::new()],
        names: Vec::new(),
        files: BTreeSet::new(),
        depth: 0,
    };
    scan.read(text, Path::new(""));
    scan.resolve();
    scan.files
}

struct Scan {
    /// Folder of the main file.
    folder: PathBuf,
    /// Folders below it in which assets may lie.
    asset_folders: Vec<PathBuf>,
    /// Names of assets.
    names: Vec<String>,
    files: BTreeSet<PathBuf>,
    depth: usize,
}

impl Scan {
    /// Notes what one MJCF file names; `beside` is its folder, seen from the main file's.
    fn read(&mut self, text: &str, beside: &Path) {
        const DEEPEST: usize = 16;
        for tag in tags(text) {
            let name = tag.split([' ', '\t', '\n', '\r', '/']).next().unwrap_or_default();
            for (key, value) in attributes(tag) {
                match (name, key) {
                    ("compiler", "meshdir" | "texturedir" | "assetdir") => {
                        self.asset_folders.push(PathBuf::from(value))
                    }
                    ("include" | "model", "file") => {
                        let found = [PathBuf::from(value), beside.join(value)]
                            .into_iter()
                            .find(|file| self.exists(file));
                        let Some(file) = found.filter(|_| self.depth < DEEPEST) else {
                            continue;
                        };
                        if self.files.insert(file.clone())
                            && let Ok(text) = std::fs::read_to_string(self.folder.join(&file))
                        {
                            self.depth += 1;
                            self.read(&text, file.parent().unwrap_or(Path::new("")));
                            self.depth -= 1;
                        }
                    }
                    (_, key) if key.starts_with("file") => {
                        self.names.push(value.to_owned());
                        self.names.push(beside.join(value).to_string_lossy().into_owned());
                    }
                    _ => {}
                }
            }
        }
    }

    fn resolve(&mut self) {
        for name in std::mem::take(&mut self.names) {
            let base = Path::new(&name).file_name().map(PathBuf::from);
            let candidates = self.asset_folders.iter().flat_map(|folder| {
                let stripped = base.as_ref().map(|base| folder.join(base));
                [Some(folder.join(&name)), stripped].into_iter().flatten()
            });
            let found: Vec<PathBuf> = candidates.filter(|file| self.exists(file)).collect();
            self.files.extend(found);
        }
    }

    fn exists(&self, file: &Path) -> bool {
        file.is_relative() && self.folder.join(file).is_file()
    }
}

/// What stands between `<` and `>`, without comments and closing tags.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find('<')?;
            rest = &rest[start + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            let end = rest.find('>')?;
            let tag = &rest[..end];
            rest = &rest[end + 1..];
            if !tag.starts_with(['/', '?', '!']) {
                return Some(tag);
            }
        }
    })
}

/// Attributes of a tag. Entities stay as they are: a file's name hardly has one.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let equals = rest.find('=')?;
        let key = rest[..equals].trim_end().rsplit(|c: char| c.is_whitespace()).next()?;
        let value = rest[equals + 1..].trim_start();
        let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
        let end = value[1..].find(quote)?;
        rest = &value[end + 2..];
        Some((key, &value[1..=end]))
    })
}

/// How many folders above the model's the highest of the files lies.
fn above(files: &BTreeSet<PathBuf>) -> usize {
    files.iter().map(|file| climb(file)).max().unwrap_or(0)
}

/// How many folders a relative path climbs before it descends.
fn climb(file: &Path) -> usize {
    let mut depth = 0_isize;
    let mut highest = 0_isize;
    for component in file.components() {
        match component {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        highest = highest.min(depth);
    }
    highest.unsigned_abs()
}

/// A path without `.` and `..` in its middle, as far as that is possible by its words alone.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_attributes_are_told_apart() {
        let text = "<?xml version='1.0'?><!-- <mesh file='no.stl'/> --><mesh name = \"a b\" file='x/y.stl'/></asset>";
        let tags: Vec<&str> = tags(text).collect();
        assert_eq!(tags, ["mesh name = \"a b\" file='x/y.stl'/"]);
        assert_eq!(
            attributes(tags[0]).collect::<Vec<_>>(),
            [("name", "a b"), ("file", "x/y.stl")]
        );
    }

    #[test]
    fn paths_climb_as_far_as_they_say() {
        for (path, expected, tidied) in [
            ("a/b.stl", 0, "a/b.stl"),
            ("../b.stl", 1, "../b.stl"),
            ("./a/../b.stl", 0, "b.stl"),
            ("../../a/../c/b.stl", 2, "../../c/b.stl"),
        ] {
            assert_eq!(
                (climb(Path::new(path)), tidy(Path::new(path)).to_str()),
                (expected, Some(tidied)),
                "{path}"
            );
        }
    }
}
