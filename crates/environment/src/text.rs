//! A text file and its path, so that every complaint about it can name the place.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::TaskError;

/// A text file, read whole.
pub(crate) struct Text {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn read(path: &Path) -> Result<Self, TaskError> {
        let error = |message: String| TaskError::File {
            path: path.to_owned(),
            message,
        };
        let bytes = std::fs::read(path).map_err(|cause| error(format!("cannot be read: {cause}")))?;
        let text = String::from_utf8(bytes).map_err(|cause| error(format!("is not UTF-8 text: {cause}")))?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// Parses the whole text; the parser's message carries line, column and the offending line itself.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, TaskError> {
        toml::from_str(&self.text).map_err(|cause| self.whole(cause.to_string().trim_end().to_owned()))
    }

    /// A complaint about the place `span` (bytes).
    pub(crate) fn at(&self, span: Range<usize>, message: impl std::fmt::Display) -> TaskError {
        self.whole(format!("line {}: {message}", self.line(span)))
    }

    /// Line, from 1, on which `span` (bytes) begins.
    pub(crate) fn line(&self, span: Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// A complaint about the file as a whole.
    pub(crate) fn whole(&self, message: String) -> TaskError {
        TaskError::File {
            path: self.path.clone(),
            message,
        }
    }
}
