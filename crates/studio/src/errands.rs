//! The search and the training that this studio started: what was asked for, how it stands, how it ended.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_optimizer::Policy;
use carrot_run_record::RunState;
use carrot_workbench::CODE_VERSION;

use crate::jobs::{Job, JobState, Steps, TrainingOrder, TrainingPlace};
use crate::loader::{Coming, Loader};
use crate::scribe::Ready;

/// How often a training is asked how far it is.
const ASK: Duration = Duration::from_secs(1);

/// A search that begins once its run is ready and holds what was said.
struct Starting {
    /// Number of the answer.
    ready: u64,
    arguments: Vec<OsString>,
    run: String,
}

/// A search and the run it belongs to, which need not be the open one.
struct Searched {
    job: Job,
    run: String,
    /// What the record said of the search when this process was first seen to have failed.
    state_then: Option<Option<RunState>>,
}

/// The search that this studio started last.
#[derive(Default)]
pub struct Searching {
    last: Option<Searched>,
    starting: Option<Starting>,
}

impl Searching {
    /// The run whose search is running, or about to.
    pub fn running(&mut self) -> Option<&str> {
        if let Some(starting) = &self.starting {
            return Some(&starting.run);
        }
        let last = self.last.as_mut()?;
        (last.job.state() == JobState::Running).then_some(last.run.as_str())
    }

    /// The search of a run, as far as this studio started it: how it stands, and its messages.
    pub fn of(&mut self, run: &str) -> Option<(JobState, Vec<String>)> {
        if self.starting.as_ref().is_some_and(|starting| starting.run == run) {
            return Some((JobState::Running, Vec::new()));
        }
        let last = self.last.as_mut().filter(|last| last.run == run)?;
        Some((last.job.state(), last.job.lines()))
    }

    /// Starts a search once its run is ready, which is the answer of that number.
    pub fn start_when(&mut self, ready: u64, arguments: Vec<OsString>, run: String) {
        self.starting = Some(Starting { ready, arguments, run });
    }

    /// Starts what waits for this answer. Gives what there is to tell.
    pub fn go_on(&mut self, ready: &Ready, program: &Path) -> Option<String> {
        let Starting { arguments, run, .. } = self.starting.take_if(|starting| ready.number == starting.ready)?;
        let started = ready.outcome.clone().and_then(|()| Job::start(program, &arguments));
        match started {
            Ok(job) => {
                self.last = Some(Searched {
                    job,
                    run,
                    state_then: None,
                });
                None
            }
            Err(why) => Some(format!("The search could not be started: {why}")),
        }
    }

    /// Takes in what a run's record says of its search: whoever went on with it since knows better than a process that failed.
    pub fn compare(&mut self, run: &str, state: Option<&RunState>) {
        let Some(last) = self.last.as_mut().filter(|last| last.run == run) else {
            return;
        };
        if !matches!(last.job.state(), JobState::Failed(_)) {
            return;
        }
        let then = last.state_then.get_or_insert_with(|| state.cloned());
        if then.as_ref() != state {
            self.last = None;
        }
    }

    /// Stops the search for now, whichever run it belongs to. Gives its name, if there is one to stop.
    pub fn pause(&mut self) -> Option<String> {
        if let Some(starting) = self.starting.take() {
            return Some(starting.run);
        }
        let last = self.last.as_mut()?;
        if last.job.state() != JobState::Running {
            return None;
        }
        last.job.pause();
        Some(last.run.clone())
    }
}

/// A training on its way.
enum Step {
    /// Its process is being started. It is to be stopped as soon as it is there, if somebody has asked.
    Starting {
        job: Coming<Result<Job, String>>,
        pause: bool,
    },
    /// Its process is at work.
    Running {
        job: Job,
        steps: Option<Steps>,
        asked: Instant,
        coming: Option<Coming<Option<Steps>>>,
    },
    /// Its policy is being read.
    Reading(Coming<Result<Arc<Policy>, String>>),
}

/// How a training ended.
pub enum Ended {
    /// With a policy, for what it was to be trained for.
    Policy(Arc<Policy>, TrainingOrder),
    /// Without: what there is to tell.
    Otherwise(String),
}

/// The training that this studio runs.
#[derive(Default)]
pub struct Training {
    present: Option<Present>,
}

struct Present {
    order: TrainingOrder,
    place: TrainingPlace,
    step: Step,
}

impl Training {
    /// Trains a policy, or goes on with it. Its files are in `folder`.
    ///
    /// Errors: one sentence, while another training is running.
    pub fn start(&mut self, loader: &Loader, carrot: &Path, folder: &Path, order: TrainingOrder) -> Result<(), String> {
        if self.present.is_some() {
            return Err("A training is running.".into());
        }
        let place = TrainingPlace::new(folder, &order, CODE_VERSION);
        let (carrot, theirs, whole) = (carrot.to_owned(), place.clone(), order.clone());
        let job = loader.ask(move || {
            std::fs::write(&theirs.program, &whole.program)
                .map_err(|error| format!("{}: {error}", theirs.program.display()))?;
            Job::start(&carrot, &theirs.arguments(&whole))
        });
        let step = Step::Starting { job, pause: false };
        self.present = Some(Present { order, place, step });
        Ok(())
    }

    /// It is there, and how far it is.
    pub fn steps(&self) -> Option<Option<Steps>> {
        self.present.as_ref().map(|present| match &present.step {
            Step::Running { steps, .. } => *steps,
            Step::Starting { .. } | Step::Reading(_) => None,
        })
    }

    /// Goes on with it. Gives how it ended, once.
    pub fn poll(&mut self, loader: &Loader) -> Option<Ended> {
        let present = self.present.as_mut()?;
        let ended = match &mut present.step {
            Step::Starting { job, pause } => match job.take()? {
                Ok(mut job) => {
                    if *pause {
                        job.pause();
                    }
                    present.step = Step::Running {
                        job,
                        steps: None,
                        asked: Instant::now(),
                        coming: None,
                    };
                    return None;
                }
                Err(words) => Ended::Otherwise(words),
            },
            Step::Running {
                job,
                steps,
                asked,
                coming,
            } => match job.state() {
                JobState::Running => {
                    if let Some(now) = coming.as_ref().and_then(Coming::take) {
                        (*steps, *coming) = (now, None);
                    }
                    if coming.is_none() && asked.elapsed() >= ASK {
                        let place = present.place.clone();
                        *asked = Instant::now();
                        *coming = Some(loader.ask(move || place.progress()));
                    }
                    return None;
                }
                JobState::Done => {
                    let path = present.place.policy.clone();
                    present.step = Step::Reading(loader.ask(move || match Policy::load(&path) {
                        Ok((policy, _)) => Ok(Arc::new(policy)),
                        Err(error) => Err(format!("the policy cannot be read: {error}")),
                    }));
                    return None;
                }
                JobState::Paused => {
                    Ended::Otherwise("The training is paused; “Train a policy” goes on with it.".into())
                }
                JobState::Failed(words) => Ended::Otherwise(format!("The training failed: {words}")),
            },
            Step::Reading(policy) => match policy.take()? {
                Ok(policy) => Ended::Policy(policy, present.order.clone()),
                Err(words) => Ended::Otherwise(words),
            },
        };
        self.present = None;
        Some(ended)
    }

    /// Stops it for now.
    pub fn pause(&mut self) {
        match self.present.as_mut().map(|present| &mut present.step) {
            Some(Step::Starting { pause, .. }) => *pause = true,
            Some(Step::Running { job, .. }) => job.pause(),
            Some(Step::Reading(_)) | None => {}
        }
    }

    /// Stops it since the window is closed, also where its process is only now being started.
    pub fn close(&mut self) {
        if let Some(Present {
            step: Step::Starting { job, .. },
            ..
        }) = &self.present
            && let Some(Ok(mut job)) = job.wait()
        {
            job.pause();
        }
        self.pause();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(searching: &mut Searching) -> JobState {
        let start = Instant::now();
        loop {
            match searching.of("run").expect("it was started").0 {
                JobState::Running if start.elapsed() < Duration::from_secs(20) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                state => return state,
            }
        }
    }

    fn start(text: &str) -> Searching {
        let mut searching = Searching::default();
        searching.start_when(1, ["-c", text].map(OsString::from).to_vec(), "run".into());
        let ready = Ready {
            number: 1,
            outcome: Ok(()),
        };
        assert_eq!(searching.go_on(&ready, Path::new("sh")), None);
        searching
    }

    /// Whoever went on with a search since knows better than the process of this window that failed.
    #[test]
    fn a_failure_counts_until_the_record_says_something_new() {
        let mut searching = start("echo 'error: in use' >&2; sleep 0.2; exit 3");
        assert_eq!(ended(&mut searching), JobState::Failed("error: in use".into()));
        for state in [None, None] {
            searching.compare("run", state);
            searching.compare("another", Some(&RunState::Finished));
            assert!(searching.of("run").is_some());
        }
        searching.compare("run", Some(&RunState::Running));
        assert_eq!(searching.of("run"), None);
    }

    #[test]
    fn a_run_that_is_not_ready_starts_nothing_and_is_told() {
        let mut searching = Searching::default();
        searching.start_when(2, Vec::new(), "run".into());
        assert_eq!(searching.running(), Some("run"));
        let ready = |number, outcome: Result<(), &str>| Ready {
            number,
            outcome: outcome.map_err(str::to_owned),
        };
        let carrot = Path::new("/nowhere/carrot");
        assert_eq!(
            searching.go_on(&ready(1, Ok(())), carrot),
            None,
            "the answer to another"
        );
        let words = searching.go_on(&ready(2, Err("in use")), carrot).unwrap();
        assert_eq!(words, "The search could not be started: in use");
        assert_eq!(searching.running(), None, "and it can be tried again");
    }

    /// From the order to the policy, with a stand-in for `carrot` that leaves no policy.
    #[test]
    fn a_training_tells_how_it_ended() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let carrot = folder.path().join("carrot.sh");
        let loader = Loader::start(|| ()).unwrap();
        let order = TrainingOrder {
            choice: crate::compiler::TaskChoice {
                envs: "envs".into(),
                id: "cartpole/balance".into(),
                engine: carrot_environment::Engine::Mujoco,
            },
            program: "x = 1\n".into(),
            seed: 0,
        };
        for (text, expected) in [
            ("#!/bin/sh\nexit 0\n", "the policy cannot be read"),
            (
                "#!/bin/sh\necho 'error: no such task' >&2; sleep 0.2; exit 2\n",
                "The training failed: error: no such task",
            ),
        ] {
            std::fs::write(&carrot, text).unwrap();
            std::fs::set_permissions(&carrot, std::fs::Permissions::from_mode(0o755)).unwrap();
            let mut training = Training::default();
            training.start(&loader, &carrot, folder.path(), order.clone()).unwrap();
            assert_eq!(training.steps(), Some(None));
            let again = training.start(&loader, &carrot, folder.path(), order.clone());
            assert_eq!(again, Err("A training is running.".into()));
            let start = Instant::now();
            let words = loop {
                match training.poll(&loader) {
                    Some(Ended::Otherwise(words)) => break words,
                    Some(Ended::Policy(..)) => panic!("there is no policy"),
                    None => assert!(start.elapsed() < Duration::from_secs(30), "it never ends"),
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            assert!(words.starts_with(expected), "{words}");
            assert_eq!(training.steps(), None);
        }
    }
}
