//! A training that is not finished, in one file: `policy.safetensors.checkpoint`.
//!
//! The first line is JSON, so that `head -1` tells what the file is; the optimiser's own bytes follow. The file is replaced as
//! a whole, and its bytes are hashed: a process may be killed while it writes, and a disk may be full.
//!
//! ```text
//! {"carrot_training":1,"job":{…},"options":{…},"steps":120000,"total_steps":300000,"bytes":51234,"sha256":"…"}\n
//! 51,234 bytes: what the training carries from one update to the next
//! ```

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::sha256_hex;
use crate::{Job, RecordError, durable};

/// Version of the file's contents.
const FORMAT: u32 = 1;

/// Longest first line that is read; a file of something else may have none at all.
const LONGEST_LINE: usize = 1 << 20;

/// A training as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedTraining {
    /// Everything that decides on its result.
    pub job: Job,
    /// What it was started with, as far as that does not change the result: where programs and policies lie.
    pub options: Value,
    /// Environment steps made.
    pub steps: u64,
    /// Environment steps in all.
    pub total_steps: u64,
    /// The optimiser's own bytes.
    pub state: Vec<u8>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    carrot_training: u32,
    job: Job,
    options: Value,
    steps: u64,
    total_steps: u64,
    bytes: usize,
    sha256: String,
}

impl SavedTraining {
    /// Replaces the file at `path`, which is either the old one or the new one at every moment. What a killed process was
    /// writing stays behind as `<path>.part` until the next write.
    ///
    /// Errors: [`RecordError::Storage`], for a full disk or a folder that cannot be written; the old file is then untouched.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let header = Header {
            carrot_training: FORMAT,
            job: self.job.clone(),
            options: self.options.clone(),
            steps: self.steps,
            total_steps: self.total_steps,
            bytes: self.state.len(),
            sha256: sha256_hex(&self.state),
        };
        let mut bytes = serde_json::to_vec(&header).expect("a header is plain data");
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.state);
        durable::replace(path, &part(path), &bytes).map_err(RecordError::storage(path))
    }

    /// Reads what [`SavedTraining::write`] wrote.
    ///
    /// Errors: [`RecordError::NotFound`] where there is no such file, else [`RecordError::Storage`]: another kind of file, another
    /// version, or a damaged one.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RecordError::NotFound(format!("{}: there is no such file", path.display())),
            _ => RecordError::storage(path)(error),
        })?;
        Self::from_bytes(&bytes).map_err(RecordError::storage(path))
    }

    /// Takes the file away, and what a killed process may have left beside it. Neither need be there.
    pub fn remove(path: &Path) -> Result<(), RecordError> {
        for path in [path, &part(path)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(RecordError::storage(path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the training can go on here as if it had never stopped. Errors: one sentence for each part of the job that differs.
    pub fn check(&self, now: &Job) -> Result<(), String> {
        let differences = self.job.differences(now);
        match differences.is_empty() {
            true => Ok(()),
            false => Err(differences.join("; ")),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n');
        let (line, state) = end
            .and_then(|end| bytes.split_at_checked(end + 1))
            .ok_or("this is no saved training: it has no first line")?;
        let value: Value =
            serde_json::from_slice(line).map_err(|_| "this is no saved training: its first line is not JSON")?;
        match value["carrot_training"].as_u64() {
            None => return Err("this is no saved training: its first line has no `carrot_training`".into()),
            Some(format) if format != u64::from(FORMAT) => {
                return Err(format!("format {format}, but this version reads format {FORMAT}"));
            }
            Some(_) => {}
        }
        let header: Header = serde_json::from_value(value).map_err(|error| format!("its first line: {error}"))?;
        if state.len() != header.bytes {
            let found = state.len();
            return Err(format!(
                "the file is damaged: {found} bytes after the first line instead of {}",
                header.bytes
            ));
        }
        let found = sha256_hex(state);
        if found != header.sha256 {
            return Err(format!("the file is damaged: its content has the SHA-256 {found}"));
        }
        Ok(Self {
            job: header.job,
            options: header.options,
            steps: header.steps,
            total_steps: header.total_steps,
            state: state.to_vec(),
        })
    }
}

/// Where a file is written before it takes its place.
fn part(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".part");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedTraining {
        SavedTraining {
            job: Job {
                task: ("hopper/hop_forward".into(), "ab".into()),
                program: "cd".into(),
                optimizer: serde_json::json!({"steps": 1000, "clip": 0.2}),
                episodes: 16,
                seed: 3,
                engine: "mujoco 3.17.0".into(),
                code: "0.1.0".into(),
            },
            options: serde_json::json!({"reward": "reward.py"}),
            steps: 500,
            total_steps: 1000,
            state: vec![0, b'\n', 255, 7],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors.checkpoint");
        // What a killed process left.
        fs::write(part(&path), "half a").unwrap();
        for steps in [500, 600] {
            let saved = SavedTraining { steps, ..saved() };
            saved.write(&path).unwrap();
            assert_eq!(SavedTraining::read(&path).unwrap(), saved);
            assert!(!part(&path).exists());
        }
        fs::write(part(&path), "half a").unwrap();
        SavedTraining::remove(&path).unwrap();
        SavedTraining::remove(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let message = SavedTraining::read(&path).unwrap_err().to_string();
        assert!(message.ends_with("there is no such file"), "{message}");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.checkpoint");
        saved().write(&path).unwrap();
        // A folder in the place of the new file stands for a disk that takes nothing.
        fs::create_dir(part(&path)).unwrap();
        let message = saved().write(&path).unwrap_err().to_string();
        assert!(message.contains("a.checkpoint"), "{message}");
        assert_eq!(SavedTraining::read(&path).unwrap(), saved());
    }

    #[test]
    fn other_files_and_damaged_ones_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.checkpoint");
        saved().write(&path).unwrap();
        let good = fs::read(&path).unwrap();
        let with = |from: &str, to: &str| {
            let end = good.iter().position(|&byte| byte == b'\n').unwrap();
            let line = String::from_utf8(good[..end].to_vec()).unwrap();
            assert!(line.contains(from), "{line}");
            [line.replace(from, to).as_bytes(), &good[end..]].concat()
        };
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for (bytes, expected) in [
            (Vec::new(), "no first line"),
            (vec![b'a'; 3 << 20], "no first line"),
            (b"def compute_reward\n".to_vec(), "is not JSON"),
            (b"{\"a\": 1}\n".to_vec(), "has no `carrot_training`"),
            (
                with("\"carrot_training\":1", "\"carrot_training\":2"),
                "format 2, but this version reads format 1",
            ),
            (with("\"steps\":500", "\"steps\":-5"), "its first line: "),
            (
                good[..good.len() - 1].to_vec(),
                "3 bytes after the first line instead of 4",
            ),
            (flipped, "damaged: its content has the SHA-256"),
        ] {
            fs::write(&path, bytes).unwrap();
            let message = SavedTraining::read(&path).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        }
    }

    #[test]
    fn what_differs_is_named() {
        for (change, expected) in [
            (
                (|job: &mut Job| job.task.1.push('x')) as fn(&mut Job),
                vec!["the files of task hopper/hop_forward have changed"],
            ),
            (
                |job| job.task.0 = "ant/run".into(),
                vec!["the task was hopper/hop_forward, and is ant/run"],
            ),
            (|job| job.program.push('x'), vec!["the reward program has changed"]),
            (|job| job.seed = 4, vec!["the seed was 3, and is 4"]),
            (|job| job.episodes = 1, vec!["the number of episodes was 16, and is 1"]),
            (
                |job| job.optimizer = serde_json::json!({"steps": 1000, "clip": 0.1, "new": true}),
                vec![
                    "the setting `clip` was 0.2, and is 0.1",
                    "the setting `new` was null, and is true",
                ],
            ),
            (
                |job| {
                    job.engine = "mujoco 4".into();
                    job.code.push('x');
                },
                vec![
                    "the engine was mujoco 3.17.0, and is mujoco 4",
                    "Carrot's code was 0.1.0, and is 0.1.0x",
                ],
            ),
        ] {
            let mut now = saved().job;
            change(&mut now);
            assert_eq!(saved().check(&now), Err(expected.join("; ")));
        }
        assert_eq!(saved().check(&saved().job), Ok(()));
    }
}
