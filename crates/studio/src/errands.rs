//! The search and the training that this studio started: what was asked for, how it stands, how it ended.

use std::path::Path;
use std::sync::Arc;

use carrot_optimizer::Policy;

use crate::compiler::TaskChoice;
use crate::document::program_hash;
use crate::jobs::{Job, JobState, TrainingPlace};
use crate::outbox::Outbox;

/// A search that begins once its run is ready and holds what was said.
struct Starting {
    /// How many runs have been made ready by then.
    ready: u64,
    arguments: Vec<String>,
    run: String,
}

/// A search and the run it belongs to, which need not be the open one.
struct Searched {
    job: Job,
    run: String,
}

/// The search that this studio started last.
#[derive(Default)]
pub struct Searching {
    last: Option<Searched>,
    starting: Option<Starting>,
}

impl Searching {
    /// The run whose search is running.
    pub fn running(&mut self) -> Option<&str> {
        let last = self.last.as_mut()?;
        (last.job.state() == JobState::Running).then_some(last.run.as_str())
    }

    /// The search of a run, as far as this studio started it: how it stands, and its messages.
    pub fn of(&mut self, run: &str) -> Option<(JobState, Vec<String>)> {
        let last = self.last.as_mut().filter(|last| last.run == run)?;
        Some((last.job.state(), last.job.lines()))
    }

    /// Starts a search once so many runs were made ready; the record must hold what was said by then.
    pub fn start_when(&mut self, ready: u64, arguments: Vec<String>, run: String) {
        self.starting = Some(Starting { ready, arguments, run });
    }

    /// Starts what waits for its run. Gives what there is to tell.
    pub fn poll(&mut self, program: &Path, outbox: &Outbox) -> Option<String> {
        if !outbox.pending().is_empty() {
            return None;
        }
        let ready = outbox.ready();
        let Starting { arguments, run, .. } = self.starting.take_if(|starting| ready >= starting.ready)?;
        match Job::start(program, &arguments) {
            Ok(job) => self.last = Some(Searched { job, run }),
            Err(message) => return Some(message),
        }
        None
    }

    /// Stops the search of a run for now.
    pub fn pause(&mut self, run: &str) {
        if let Some(last) = self.last.as_mut().filter(|last| last.run == run) {
            last.job.pause();
        }
    }

    /// Stops whatever is running, since the window is closed; it can go on later.
    pub fn close(&mut self) {
        if let Some(last) = &mut self.last {
            last.job.pause();
        }
    }
}

/// A training, where its files are, and what is trained.
struct Trained {
    job: Job,
    place: TrainingPlace,
    choice: TaskChoice,
    /// SHA-256 of the program.
    program: String,
}

/// How a training ended.
pub enum Ended {
    /// With a policy for a task, trained on the program with this SHA-256.
    Policy(Arc<Policy>, TaskChoice, String),
    /// Without: what there is to tell.
    Otherwise(String),
}

/// The training that this studio runs.
#[derive(Default)]
pub struct Training {
    running: Option<Trained>,
}

impl Training {
    /// Trains a policy for a program, or goes on with it.
    ///
    /// Errors: one sentence, where it does not start.
    pub fn start(
        &mut self,
        carrot: &Path,
        folder: &Path,
        choice: &TaskChoice,
        seed: u64,
        program: &str,
    ) -> Result<(), String> {
        if self.running.is_some() {
            return Err("A training is running.".into());
        }
        let hash = program_hash(program);
        let place = TrainingPlace::new(folder, &hash);
        std::fs::write(&place.program, program).map_err(|error| format!("{}: {error}", place.program.display()))?;
        let arguments = place.arguments(&choice.envs, &choice.id, &choice.engine.to_string(), seed);
        let job = Job::start(carrot, &arguments)?;
        self.running = Some(Trained {
            job,
            place,
            choice: choice.clone(),
            program: hash,
        });
        Ok(())
    }

    /// How it stands, and steps made of steps in all.
    pub fn state(&mut self) -> Option<(JobState, Option<(u64, u64)>)> {
        let running = self.running.as_mut()?;
        Some((running.job.state(), running.place.progress()))
    }

    /// How it ended, once.
    pub fn poll(&mut self) -> Option<Ended> {
        let running = self.running.as_mut()?;
        let ended = match running.job.state() {
            JobState::Running => return None,
            JobState::Done => match Policy::load(&running.place.policy) {
                Ok((policy, _)) => Ended::Policy(Arc::new(policy), running.choice.clone(), running.program.clone()),
                Err(error) => Ended::Otherwise(format!("the policy cannot be read: {error}")),
            },
            JobState::Paused => Ended::Otherwise("The training is paused; “Train a policy” goes on with it.".into()),
            JobState::Failed(words) => Ended::Otherwise(format!("The training failed: {words}")),
        };
        self.running = None;
        Some(ended)
    }

    /// Stops it for now.
    pub fn pause(&mut self) {
        if let Some(running) = &mut self.running {
            running.job.pause();
        }
    }
}
