//! Results are looked up before they are worked for, and recorded before anyone acts on them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use carrot_optimizer::{Progress, Settings};
use carrot_run_record::{Job, Outcome, RunRecord};

use crate::search::SearchError;
use carrot_workbench::{Interrupted, ProgramBytes, Workbench};

/// What the evaluations of one round have in common.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub bench: &'a Workbench,
    pub record: &'a RunRecord,
    pub settings: &'a Settings,
    pub episodes: usize,
    pub interrupted: &'a AtomicBool,
}

impl Evaluator<'_> {
    /// The key of a result.
    pub(crate) fn job(&self, program: &ProgramBytes, seed: u64) -> Job {
        self.bench.job(program, self.settings, self.episodes, seed)
    }

    /// The outcome of a program, and whether the record already had it. `observer` hears of steps as they are made.
    ///
    /// A refusal is not recorded: it is found again within milliseconds, and names the file that was asked about.
    pub(crate) fn outcome(
        &self,
        program: &ProgramBytes,
        seed: u64,
        observer: &mut dyn FnMut(&Progress),
    ) -> Result<(Outcome, bool), SearchError> {
        let job = self.job(program, seed);
        if let Some(outcome) = self.record.evaluation(&job)? {
            return Ok((outcome, true));
        }
        self.check_interrupt()?;
        let mut watch = |progress: &Progress| {
            observer(progress);
            if self.interrupted.load(Ordering::SeqCst) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let result = self
            .bench
            .run(program, self.settings, self.episodes, seed, 1, &mut watch)
            .map_err(|interrupted| match interrupted {
                Interrupted::Asked => SearchError::Interrupted,
                Interrupted::Settings(message) | Interrupted::Saved(message) => SearchError::Config(message),
            })?;
        if let Some(policy) = &result.policy {
            self.record.put_object(policy)?;
        }
        if !matches!(result.outcome, Outcome::Rejected { .. }) {
            self.record.put_evaluation(&job, &result.outcome)?;
        }
        Ok((result.outcome, false))
    }

    /// Errors: the user wants to stop.
    pub(crate) fn check_interrupt(&self) -> Result<(), SearchError> {
        if self.interrupted.load(Ordering::SeqCst) {
            Err(SearchError::Interrupted)
        } else {
            Ok(())
        }
    }
}
