//! The golden: what a rollout looked like, as one JSON file that a person can read and `git diff` can show.
//!
//! Numbers are written with as many digits as it takes to read back the same bits, one series per line, so that a changed
//! line names its variable. A file is either complete or the one that was there before: it is written beside its place and
//! renamed. `docs/regression.md` describes every key.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Provenance, RegressionError, Spread};

/// Version of the file's contents.
const FORMAT: u32 = 1;

/// A rollout with all that is held against it later.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// Name of the rollout.
    pub rollout: String,
    /// What it was made of.
    pub provenance: Provenance,
    /// The rollout in a few numbers.
    pub summary: Summary,
    /// One hash of all positions and velocities for each moment, `[N][T + 1]`; moment 0 is the reset. Empty where only
    /// statistics are kept.
    pub states: Vec<Vec<String>>,
    /// What moved over time. Empty where only statistics are kept.
    pub series: Vec<Series>,
}

/// A rollout in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Fitness over the episodes that ended, faults left out.
    pub fitness: Spread,
    /// Share of them that succeeded.
    pub success_rate: f64,
    /// Their lengths in control steps.
    pub episode_length: Spread,
    /// Total reward per step, over all environments.
    pub total: Spread,
    /// Each reward term, likewise.
    pub terms: BTreeMap<String, Spread>,
    /// Every episode that ended, in the order of its end.
    pub episodes: Vec<Ended>,
}

/// An episode that ended in the rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Step of the rollout with which it ended, from 1.
    pub step: usize,
    /// Which environment.
    pub env: usize,
    /// Its control steps.
    pub steps: usize,
    /// The task's fitness; 0 where it ended by a fault.
    pub fitness: f64,
    /// Whether the task counts as solved.
    pub success: bool,
    /// Why it was no physics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What a series shows, in the order of cause and effect within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What the robot was told to do, `[T]`.
    Action,
    /// A variable of the task, `[T + 1]`: moment 0 is the reset, moment k the end of step k, before any new reset.
    Variable,
    /// A reward term, `[T]`.
    Term,
    /// The total reward, `[T]`.
    Total,
    /// What the task program says of a step: `fitness`, `success`, `terminated`, `[T]`.
    Measure,
}

/// One number of one environment over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What it shows.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Which of its numbers.
    pub component: usize,
    /// Which environment.
    pub env: usize,
    /// The numbers.
    pub values: Vec<f64>,
}

impl Series {
    /// What it is called in a report: `joint_angles[2]`, or `torso_height` where there is only one number.
    pub fn label(&self, single: bool) -> String {
        match single {
            true => self.name.clone(),
            false => format!("{}[{}]", self.name, self.component),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    rollout: String,
    provenance: Provenance,
    summary: Summary,
    #[serde(default)]
    states: Vec<Vec<String>>,
    #[serde(default)]
    series: Vec<Series>,
}

/// Whether a golden that exists is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Save {
    /// Only where there is none.
    New,
    /// Whatever was there.
    Replace,
}

impl Golden {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let line = |value: &dyn Fn() -> serde_json::Result<String>| value().expect("a golden is plain data");
        let spread = |spread: &Spread| line(&|| serde_json::to_string(spread));
        let summary = &self.summary;
        let terms = summary.terms.iter();
        let terms =
            terms.map(|(name, term)| format!("\n      {}: {}", line(&|| serde_json::to_string(name)), spread(term)));
        let terms: Vec<String> = terms.collect();
        let provenance = line(&|| serde_json::to_string_pretty(&self.provenance)).replace('\n', "\n  ");
        format!(
            "{{\n  \"format\": {FORMAT},\n  \"rollout\": {},\n  \"provenance\": {provenance},\n  \"summary\": {{\n    \
             \"fitness\": {},\n    \"success_rate\": {},\n    \"episode_length\": {},\n    \"total\": {},\n    \
             \"terms\": {{{}{}}},\n    \"episodes\": {}\n  }},\n  \"states\": {},\n  \"series\": {}\n}}\n",
            line(&|| serde_json::to_string(&self.rollout)),
            spread(&summary.fitness),
            line(&|| serde_json::to_string(&summary.success_rate)),
            spread(&summary.episode_length),
            spread(&summary.total),
            terms.join(","),
            if terms.is_empty() { "" } else { "\n    " },
            lines(&summary.episodes, "      ", "    "),
            lines(&self.states, "    ", "  "),
            lines(&self.series, "    ", "  ")
        )
    }

    /// Reads what [`Golden::to_text`] wrote.
    ///
    /// Errors: [`RegressionError::Asked`] where there is no such file, [`RegressionError::Broken`] for one that is of another
    /// version, cut short or inconsistent, with line and column where there are any.
    pub fn load(path: &Path) -> Result<Self, RegressionError> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RegressionError::Asked(format!(
                "{}: there is no golden yet; make it with carrot regress record",
                path.display()
            )),
            _ => RegressionError::Broken(format!("{}: cannot be read: {error}", path.display())),
        })?;
        let broken = |message: String| {
            let again = "take the file from your version control, or make it again with carrot regress record --update";
            RegressionError::Broken(format!("{}: {message}; {again}", path.display()))
        };
        Self::parse(&text).map_err(broken)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let told = |error: serde_json::Error| {
            let message = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
            match error.is_eof() {
                true => format!("line {}: the file ends too early", error.line()),
                false => format!("line {}, column {}: {message}", error.line(), error.column()),
            }
        };
        // The version first: the other keys of a later version may be unknown.
        #[derive(Deserialize)]
        struct Version {
            format: Option<u32>,
        }
        if let Ok(Version { format }) = serde_json::from_str(text) {
            match format {
                None => return Err("there is no key `format`, so this is no golden".into()),
                Some(FORMAT) => {}
                Some(other) => return Err(format!("`format` is {other}; this program reads format {FORMAT}")),
            }
        }
        let file: File = serde_json::from_str(text).map_err(told)?;
        let golden = Self {
            rollout: file.rollout,
            provenance: file.provenance,
            summary: file.summary,
            states: file.states,
            series: file.series,
        };
        golden.check()?;
        Ok(golden)
    }

    /// Lengths and numbers agree with one another.
    fn check(&self) -> Result<(), String> {
        let (steps, envs) = (self.provenance.steps, self.provenance.envs);
        if self.series.is_empty() && self.states.is_empty() {
            return Ok(());
        }
        if self.states.len() != envs || self.states.iter().any(|states| states.len() != steps.saturating_add(1)) {
            return Err(format!(
                "`states` should hold {envs} × {} hashes",
                steps.saturating_add(1)
            ));
        }
        for series in &self.series {
            let length = steps.saturating_add(usize::from(series.kind == Kind::Variable));
            if series.values.len() != length || series.env >= envs {
                return Err(format!(
                    "series `{}` of environment {} has {} numbers; there are {envs} environments and it should have {length}",
                    series.name,
                    series.env,
                    series.values.len()
                ));
            }
        }
        Ok(())
    }

    /// Writes the file, complete or not at all; the folder is made where it is missing.
    ///
    /// Errors: [`RegressionError::Asked`] where there is one already and `save` is [`Save::New`].
    pub fn save(&self, path: &Path, save: Save) -> Result<(), RegressionError> {
        let broken =
            |error: std::io::Error| RegressionError::Broken(format!("{}: cannot be written: {error}", path.display()));
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(broken)?;
        let mut temporary = tempfile::Builder::new()
            .prefix(".golden-")
            .tempfile_in(folder)
            .map_err(broken)?;
        temporary.write_all(self.to_text().as_bytes()).map_err(broken)?;
        // Readable for whoever may read the folder, as any other file there: temporary files are private.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let readable = std::fs::Permissions::from_mode(0o644);
            temporary.as_file().set_permissions(readable).map_err(broken)?;
        }
        temporary.as_file().sync_all().map_err(broken)?;
        match save {
            Save::Replace => temporary.persist(path).map_err(|error| broken(error.error))?,
            Save::New => temporary
                .persist_noclobber(path)
                .map_err(|error| match error.error.kind() {
                    std::io::ErrorKind::AlreadyExists => RegressionError::Asked(format!(
                        "{}: there is a golden already; --update replaces it",
                        path.display()
                    )),
                    _ => broken(error.error),
                })?,
        };
        Ok(())
    }
}

/// A JSON array with one item per line.
fn lines<T: Serialize>(items: &[T], indent: &str, end: &str) -> String {
    if items.is_empty() {
        return "[]".into();
    }
    let item = |item: &T| {
        format!(
            "{indent}{}",
            serde_json::to_string(item).expect("a golden is plain data")
        )
    };
    let items: Vec<String> = items.iter().map(item).collect();
    format!("[\n{}\n{end}]", items.join(",\n"))
}
