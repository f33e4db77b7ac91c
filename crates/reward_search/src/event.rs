//! What a search tells while it runs, and the step counts behind its progress.

use std::sync::atomic::{AtomicU64, Ordering};

use carrot_run_record::Candidate;

/// What happens during a search, for a progress view. Step counts grow monotonically; the plan shrinks when a candidate
/// needs no training and grows when a repaired one does.
#[derive(Debug, Clone)]
pub enum Event {
    /// A round begins.
    GenerationStarted {
        /// Round, from 0.
        generation: u32,
        /// Rounds in all.
        generations: u32,
    },
    /// Programs have been written.
    Proposed {
        /// Round.
        generation: u32,
        /// How many.
        count: usize,
        /// By whom.
        proposer: String,
    },
    /// A training goes on.
    Progress {
        /// Round.
        generation: u32,
        /// Place within the round.
        index: u32,
        /// Environment steps of this candidate.
        steps: u64,
        /// Mean fitness at its latest checkpoint.
        fitness: Option<f64>,
        /// Environment steps of this session.
        steps_done: u64,
        /// Environment steps that this session is going to take, as far as is known.
        steps_planned: u64,
    },
    /// A candidate has its outcome.
    Finished {
        /// The candidate.
        candidate: Box<Candidate>,
        /// Its outcome was already in the record.
        reused: bool,
        /// Environment steps of this session.
        steps_done: u64,
        /// Environment steps that this session is going to take, as far as is known.
        steps_planned: u64,
    },
    /// Nothing of a round is left to do.
    GenerationCompleted {
        /// Round.
        generation: u32,
    },
    /// The best programs are trained on further seeds.
    Confirming {
        /// How many programs.
        finalists: usize,
        /// Environment steps of this session.
        steps_done: u64,
        /// Environment steps that this session is going to take, as far as is known.
        steps_planned: u64,
    },
    /// A proposer waits before it asks again.
    Retry {
        /// What went wrong.
        reason: String,
        /// How long it waits.
        wait_secs: f64,
        /// Which attempt comes next, from 2.
        attempt: u32,
    },
}

/// Environment steps of this session, done and planned.
pub(crate) struct Steps {
    done: AtomicU64,
    planned: AtomicU64,
}

impl Steps {
    pub(crate) fn new(planned: u64) -> Self {
        Self {
            done: AtomicU64::new(0),
            planned: AtomicU64::new(planned),
        }
    }
    pub(crate) fn take(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::SeqCst);
    }

    pub(crate) fn plan(&self, steps: u64) {
        self.planned.fetch_add(steps, Ordering::SeqCst);
    }

    pub(crate) fn unplan(&self, steps: u64) {
        self.planned.fetch_sub(steps, Ordering::SeqCst);
    }

    pub(crate) fn read(&self) -> (u64, u64) {
        (self.done.load(Ordering::SeqCst), self.planned.load(Ordering::SeqCst))
    }
}
