//! The policy that a user names, and the task that it was trained on.

use std::path::{Path, PathBuf};

use carrot_environment::{Engine, Task};
use carrot_optimizer::Policy;

use super::runs;
use crate::files;
use crate::output::Failure;

/// File in the folder of a run that holds the policy of its winner.
pub const WINNER_POLICY: &str = "winner.safetensors";

/// A policy and the pairs in its file.
pub struct Found {
    /// The policy.
    pub policy: Policy,
    /// What `carrot train` or `carrot search` noted: task, engine, program, seed.
    pub metadata: Vec<(String, String)>,
    path: PathBuf,
}

impl Found {
    /// A policy file, or the winner of a run.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = if path.is_dir() {
            let file = runs::open(path)?.dir().join(WINNER_POLICY);
            if !file.exists() {
                let message = format!(
                    "{}: the run has no winner yet; finish it with carrot search --resume",
                    path.display()
                );
                return Err(Failure::Usage(message));
            }
            file
        } else if path.exists() {
            path.to_owned()
        } else {
            return Err(Failure::Usage(format!(
                "{}: there is no such policy file or run folder",
                path.display()
            )));
        };
        let (policy, metadata) = Policy::load(&file)?;
        Ok(Self {
            policy,
            metadata,
            path: path.to_owned(),
        })
    }

    /// What its file says under a key.
    pub fn said(&self, wanted: &str) -> Option<&str> {
        let pair = self.metadata.iter().find(|(key, _)| key == wanted);
        pair.map(|(_, value)| value.as_str())
    }

    /// The task it was trained on, or the one that a model of the user's own gives; in the engine it was trained in unless
    /// the user names another.
    pub fn task(
        &self,
        model: Option<&Path>,
        engine: Option<Engine>,
        envs: impl Fn() -> Result<PathBuf, Failure>,
    ) -> Result<Task, Failure> {
        // With the version behind it. Policies older than the second engine say nothing.
        let trained_in = self
            .said("engine")
            .and_then(|engine| engine.split(' ').next()?.parse().ok());
        let engine = engine.or(trained_in).unwrap_or_default();
        if let Some(model) = model {
            return files::inferred(model, engine)?.task().map_err(files::refused);
        }
        let Some(id) = self.said("task") else {
            let message = format!("{}: the policy does not say its task", self.path.display());
            return Err(Failure::Fault(anyhow::Error::msg(message)));
        };
        files::task(&envs()?, id, engine).map_err(|failure| match failure {
            Failure::Usage(message) if id.ends_with("/free") => Failure::Usage(format!(
                "{message}; the policy was trained with --model, so name the same file with `--model`"
            )),
            failure => failure,
        })
    }
}
