//! What the results of a run rest on, so that those of different versions are never mixed in one record.

use carrot_run_record::RunRecord;
use serde_json::json;

use crate::search::SearchError;
use carrot_workbench::{CODE_VERSION, Workbench};

/// Notes code, engine and task files when a search starts, and holds them against the present ones when it is resumed.
///
/// Errors: [`SearchError::Changed`] names the first that differs.
pub(crate) fn check(bench: &Workbench, record: &RunRecord) -> Result<(), SearchError> {
    let now = [
        ("carrot", CODE_VERSION.to_owned()),
        ("engine", bench.engine()),
        ("task", format!("{} with the files {}", bench.task.id, bench.task.hash)),
    ];
    let Some(then) = record.fact("basis")? else {
        let basis: serde_json::Map<_, _> = now.iter().map(|(what, now)| ((*what).to_owned(), json!(now))).collect();
        return Ok(record.put_fact("basis", &basis.into())?);
    };
    for (what, now) in now {
        let then = then[what].as_str().unwrap_or("unknown");
        if then != now {
            return Err(SearchError::Changed {
                what,
                then: then.to_owned(),
                now,
            });
        }
    }
    Ok(())
}
