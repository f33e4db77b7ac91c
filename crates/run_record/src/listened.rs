//! Up to where each generation has listened to what people said, so that a search that runs again hears the same.

use serde_json::{Value, json};

use crate::error::RecordError;
use crate::record::RunRecord;

impl RunRecord {
    /// Notes that `generation` hears all feedback up to a position.
    pub fn put_listened(&self, generation: u32, position: i64) -> Result<(), RecordError> {
        self.put_fact(&fact(generation), &json!({ "position": position }))
    }

    /// Position of the last feedback that `generation` has heard; absent where it has not begun.
    ///
    /// Errors: the note cannot be read.
    pub fn listened_to(&self, generation: u32) -> Result<Option<i64>, RecordError> {
        let name = fact(generation);
        let Some(noted) = self.fact(&name)? else {
            return Ok(None);
        };
        match noted.get("position").and_then(Value::as_i64) {
            Some(position) => Ok(Some(position)),
            None => Err(RecordError::Storage {
                path: self.dir().to_owned(),
                message: format!("fact {name} is damaged: it holds no position"),
            }),
        }
    }

    /// The same for all generations that have begun, from generation 0 on.
    ///
    /// Errors: a note cannot be read.
    pub fn listened(&self) -> Result<Vec<i64>, RecordError> {
        let mut positions = Vec::new();
        while let Some(position) = self.listened_to(positions.len() as u32)? {
            positions.push(position);
        }
        Ok(positions)
    }
}

/// `listened_g1`.
fn fact(generation: u32) -> String {
    format!("listened_g{generation}")
}
