//! Tells watchers in other processes how a search goes, by the record.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carrot_run_record::{InTraining, RunRecord, SearchProgress};

use crate::event::Event;

/// How often progress is noted. Each note is synced to disk, and a training makes many updates a second.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps the record's note on progress up to date.
pub struct Live<'a> {
    record: &'a RunRecord,
    now: Mutex<Now>,
}

struct Now {
    progress: SearchProgress,
    noted: Option<Instant>,
}

impl<'a> Live<'a> {
    /// Notes nothing yet. What is complete stays so while a resumed search goes through it again.
    pub fn new(record: &'a RunRecord) -> Self {
        let before = record.progress().ok().flatten().unwrap_or_default();
        Self {
            record,
            now: Mutex::new(Now {
                progress: SearchProgress {
                    complete: before.complete,
                    ..SearchProgress::default()
                },
                noted: None,
            }),
        }
    }

    /// Takes an event of the search into account. The steps of a training are noted at most once a second, everything
    /// else at once. That watchers cannot be told is no reason to stop; what must be kept fails by itself.
    pub fn note(&self, event: &Event) {
        self.change(matches!(event, Event::Progress { .. }), |progress| {
            apply(progress, event)
        });
    }

    /// Notes what is done beside the search proper, such as `training winner and human again`, at most once a second
    /// for each.
    pub fn note_work(&self, doing: &str, steps_done: u64, steps_planned: u64) {
        self.change(true, |progress| {
            progress.training.clear();
            (progress.steps_done, progress.steps_planned) = (steps_done, steps_planned);
            doing.clone_into(&mut progress.doing);
        });
    }

    fn change(&self, frequent: bool, change: impl FnOnce(&mut SearchProgress)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now.progress);
        if frequent && now.noted.is_some_and(|noted| noted.elapsed() < EVERY) {
            return;
        }
        now.noted = Some(Instant::now());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.progress.unix_secs = since.as_secs_f64();
        if let Err(error) = self.record.put_progress(&now.progress) {
            tracing::warn!("progress cannot be noted: {error}");
        }
    }
}

fn apply(progress: &mut SearchProgress, event: &Event) {
    match event {
        Event::GenerationStarted {
            generation,
            generations,
        } => {
            (progress.generation, progress.generations) = (*generation, *generations);
            progress.training.clear();
            progress.doing = "writing programs".into();
        }
        Event::Proposed { .. } => progress.doing = "training".into(),
        Event::Progress {
            generation,
            index,
            steps,
            fitness,
            steps_done,
            steps_planned,
        } => {
            (progress.steps_done, progress.steps_planned) = (*steps_done, *steps_planned);
            progress.doing = "training".into();
            let place = progress
                .training
                .partition_point(|other| (other.generation, other.index) < (*generation, *index));
            let known = progress.training.get(place);
            let known = known.filter(|other| (other.generation, other.index) == (*generation, *index));
            let now = InTraining {
                generation: *generation,
                index: *index,
                steps: *steps,
                // Not every update ends an episode.
                fitness: fitness.or(known.and_then(|before| before.fitness)),
            };
            match known.is_some() {
                true => progress.training[place] = now,
                false => progress.training.insert(place, now),
            }
        }
        Event::Finished {
            candidate,
            steps_done,
            steps_planned,
            ..
        } => {
            (progress.steps_done, progress.steps_planned) = (*steps_done, *steps_planned);
            let ended = (candidate.generation, candidate.index);
            progress
                .training
                .retain(|other| (other.generation, other.index) != ended);
        }
        Event::GenerationCompleted { generation } => {
            progress.complete = progress.complete.max(generation + 1);
            progress.training.clear();
            progress.doing = "generation complete".into();
        }
        Event::Confirming {
            finalists,
            steps_done,
            steps_planned,
        } => {
            (progress.steps_done, progress.steps_planned) = (*steps_done, *steps_planned);
            progress.training.clear();
            progress.doing = format!("training the best {finalists} on further seeds");
        }
        Event::Retry {
            reason,
            wait_secs,
            attempt,
        } => progress.doing = format!("waiting {wait_secs:.0} s before attempt {attempt}: {reason}"),
    }
}
