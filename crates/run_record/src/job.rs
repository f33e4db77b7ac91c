//! The key under which a result is kept: everything that can change it, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::sha256_hex;

/// Everything that can change the result of an evaluation; its hash is the key under which the result is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Task id and the hash of its files.
    pub task: (String, String),
    /// SHA-256 of the program's text or bytes.
    pub program: String,
    /// Resolved optimiser settings.
    pub optimizer: serde_json::Value,
    /// Episodes of the final evaluation.
    pub episodes: usize,
    /// Training seed.
    pub seed: u64,
    /// `mujoco 3.17.0`.
    pub engine: String,
    /// Carrot's version.
    pub code: String,
}

impl Job {
    /// SHA-256 of the job's canonical JSON (no spaces, keys sorted), as hex. Equal jobs have equal keys, in whatever
    /// order their settings were written.
    pub fn key(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a job holds only text, whole numbers and JSON");
        value.sort_all_objects();
        sha256_hex(Value::to_string(&value).as_bytes())
    }

    /// What of this job is not as in `now`, one sentence each.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, then: &dyn Display, now: &dyn Display| {
            let (then, now) = (then.to_string(), now.to_string());
            if then != now {
                found.push(format!("{what} was {then}, and is {now}"));
            }
        };
        compare("the task", &self.task.0, &now.task.0);
        compare("the seed", &self.seed, &now.seed);
        compare("the number of episodes", &self.episodes, &now.episodes);
        let keys = |settings: &Value| -> Vec<String> {
            let table = settings.as_object().into_iter().flatten();
            table.map(|(key, _)| key.clone()).collect()
        };
        let all: BTreeSet<String> = keys(&self.optimizer).into_iter().chain(keys(&now.optimizer)).collect();
        for key in all {
            let what = format!("the setting `{key}`");
            compare(&what, &self.optimizer[&key], &now.optimizer[&key]);
        }
        compare("the engine", &self.engine, &now.engine);
        compare("Carrot's code", &self.code, &now.code);
        if self.task.0 == now.task.0 && self.task.1 != now.task.1 {
            found.push(format!("the files of task {} have changed", now.task.0));
        }
        if self.program != now.program {
            found.push("the reward program has changed".into());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(optimizer: &str) -> Job {
        Job {
            task: ("hopper/hop_forward".into(), "ab".into()),
            program: "cd".into(),
            optimizer: serde_json::from_str(optimizer).unwrap(),
            episodes: 16,
            seed: u64::MAX,
            engine: "mujoco 3.17.0".into(),
            code: "0.1.0".into(),
        }
    }

    #[test]
    fn the_key_is_the_hash_of_the_sorted_json() {
        let json = concat!(
            r#"{"code":"0.1.0","engine":"mujoco 3.17.0","episodes":16,"optimizer":{"a":{"b":1,"c":2},"z":0.5},"#,
            r#""program":"cd","seed":18446744073709551615,"task":["hopper/hop_forward","ab"]}"#
        );
        let expected = sha256_hex(json.as_bytes());
        assert_eq!(job(r#"{"z": 0.5, "a": {"c": 2, "b": 1}}"#).key(), expected);
        assert_eq!(job(r#"{"a": {"b": 1, "c": 2}, "z": 0.5}"#).key(), expected);
    }

    #[test]
    fn everything_in_a_job_changes_its_key() {
        let base = job("{}");
        let mut others = vec![job(r#"{"steps": 1}"#)];
        for change in [
            (|job| job.task.0.push('x')) as fn(&mut Job),
            |job| job.task.1.push('x'),
            |job| job.program.push('x'),
            |job| job.episodes += 1,
            |job| job.seed -= 1,
            |job| job.engine.push('x'),
            |job| job.code.push('x'),
        ] {
            let mut other = base.clone();
            change(&mut other);
            others.push(other);
        }
        let mut keys: Vec<String> = others.iter().map(Job::key).collect();
        keys.push(base.key());
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 9);
    }
}
