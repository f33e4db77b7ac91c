//! Programs that the user adds to a search.
//!
//! They are read once, when the search starts, and kept in its record: a file that is changed or removed later must not
//! change the course of a search that is resumed.

use carrot_run_record::{Program, RecordError, RunRecord};
use serde_json::json;

use crate::search::SearchError;
use carrot_workbench::{ProgramBody, ProgramBytes};

/// Fact under which they are kept.
const INCLUDED: &str = "included";

/// The included programs: from the record if the search has started before, else from their files.
pub(crate) fn included(files: &[String], record: &RunRecord) -> Result<Vec<ProgramBytes>, SearchError> {
    if let Some(kept) = record.fact(INCLUDED)? {
        let programs: Vec<Program> = serde_json::from_value(kept).map_err(|error| RecordError::Storage {
            path: record.dir().to_owned(),
            message: format!("fact {INCLUDED} is damaged: {error}"),
        })?;
        let restored = programs.iter().map(|program| ProgramBytes::restore(program, record));
        return Ok(restored.collect::<Result<_, _>>()?);
    }
    let read: Vec<ProgramBytes> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let programs: Vec<Program> = read
        .iter()
        .map(|program| program.store(record))
        .collect::<Result<_, _>>()?;
    record.put_fact(INCLUDED, &json!(programs))?;
    Ok(read)
}

fn read(file: &str) -> Result<ProgramBytes, SearchError> {
    let body = if file.ends_with(".wasm") {
        std::fs::read(file).map(ProgramBody::Wasm)
    } else {
        std::fs::read_to_string(file).map(ProgramBody::Source)
    };
    let file = file.to_owned();
    match body {
        Ok(body) => Ok(ProgramBytes { file, body }),
        Err(source) => Err(SearchError::Include { file, source }),
    }
}
