//! Content-addressed bytes: programs, policies, pictures. A file's name is its SHA-256, so it cannot silently change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use carrot_reward_interface::schema::hex;
use sha2::{Digest, Sha256};

use crate::{RecordError, durable};

/// Lower-case hex of the SHA-256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The `objects/` folder of a run.
pub(crate) struct Objects {
    folder: PathBuf,
}

impl Objects {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// `objects/ab/cdef…`. Whatever is not a hex digit becomes `_`, so that no text leads out of the folder.
    pub(crate) fn path(&self, hash: &str) -> PathBuf {
        let hash: String = hash
            .chars()
            .map(|c| if c.is_ascii_hexdigit() { c } else { '_' })
            .collect();
        let (prefix, rest) = hash.split_at_checked(2).unwrap_or((&hash, "_"));
        self.folder.join(prefix).join(rest)
    }

    pub(crate) fn contains(&self, hash: &str) -> bool {
        is_hash(hash) && self.path(hash).is_file()
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> Result<String, RecordError> {
        let hash = sha256_hex(bytes);
        let path = self.path(&hash);
        // A damaged file under this name is replaced rather than trusted.
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(hash);
        }
        let prefix = path.parent().unwrap_or(Path::new("."));
        durable::create_folder(prefix)
            .and_then(|()| durable::write(&path, bytes))
            .map_err(RecordError::storage(&path))?;
        Ok(hash)
    }

    pub(crate) fn get(&self, hash: &str) -> Result<Vec<u8>, RecordError> {
        if !is_hash(hash) {
            return Err(RecordError::NotFound(format!(
                "`{hash}` names no object: a name is 64 hexadecimal digits"
            )));
        }
        let path = self.path(hash);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RecordError::NotFound(format!("{}: there is no such object", path.display())),
            _ => RecordError::storage(&path)(error),
        })?;
        let found = sha256_hex(&bytes);
        if found != hash.to_ascii_lowercase() {
            return Err(RecordError::Storage {
                path,
                message: format!("the file is damaged: its content has the SHA-256 {found}"),
            });
        }
        Ok(bytes)
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let objects = Objects::new(PathBuf::from("objects"));
        for (hash, path) in [
            ("abcdef", "objects/ab/cdef"),
            ("../../etc/passwd", "objects/__/____e_c__a___d"),
            ("/", "objects/_/_"),
            ("", "objects/_"),
            ("é", "objects/_/_"),
        ] {
            assert_eq!(objects.path(hash), Path::new(path), "{hash}");
            assert!(matches!(objects.get(hash), Err(RecordError::NotFound(_))), "{hash}");
        }
    }
}
