//! The conversations that a search put before its proposer, whether or not the proposer read them.

use serde_json::Value;

use crate::database::now_unix_secs;
use crate::{RecordError, RunRecord};

/// One prompt of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// Round, from 0.
    pub generation: u32,
    /// `generate`, or `repair g0c1`.
    pub purpose: String,
    /// The conversation: `[{"role": …, "content": …}, …]`.
    pub messages: Value,
    /// When it was first put in this form, in seconds since 1970.
    pub written_unix_secs: i64,
}

impl RunRecord {
    /// Keeps what a proposer was asked in a generation and for a purpose. A search that runs again asks the same again; what
    /// it asks otherwise takes the place of the former.
    pub fn put_prompt(&self, generation: u32, purpose: &str, messages: &Value) -> Result<(), RecordError> {
        self.check_writable()?;
        let row = (generation, purpose, messages.to_string(), now_unix_secs());
        self.database().with(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO prompt (generation, purpose, messages, written_unix_secs) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET messages = excluded.messages, written_unix_secs = excluded.written_unix_secs
                     WHERE messages <> excluded.messages",
                )?
                .execute(row)
        })?;
        Ok(())
    }

    /// All prompts, by generation and in the order in which they were put.
    pub fn prompts(&self) -> Result<Vec<Prompt>, RecordError> {
        if !self.database().has_feedback()? {
            return Ok(Vec::new());
        }
        let rows: Vec<(u32, String, String, i64)> = self.database().with(|connection| {
            connection
                .prepare_cached(
                    "SELECT generation, purpose, messages, written_unix_secs FROM prompt ORDER BY generation, position",
                )?
                .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect()
        })?;
        rows.into_iter()
            .map(|(generation, purpose, text, written_unix_secs)| {
                let what = format!("the prompt of generation {generation} ({purpose})");
                Ok(Prompt {
                    messages: self.database().decode(&what, &text)?,
                    generation,
                    purpose,
                    written_unix_secs,
                })
            })
            .collect()
    }
}
