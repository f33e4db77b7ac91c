//! Searches and trainings: other processes of the same program, at low priority, which keep what they do in files.
//!
//! A search that crashes takes no window with it, and a window that is closed or killed takes no search with it. Pausing is what
//! Ctrl-C is on the command line; going on is `--resume`.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use carrot_run_record::text_hash;
use rustix::process::{Pid, Signal, kill_process};

use crate::compiler::TaskChoice;
use crate::priority;

/// Lines of a job's messages that are kept.
const LINES: usize = 200;

/// A running or finished process.
pub struct Job {
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
    ended: Option<ExitStatus>,
    /// It was asked to stop.
    pausing: bool,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// At work.
    Running,
    /// Done.
    Done,
    /// Stopped because somebody asked; it can go on.
    Paused,
    /// Over for another reason, in its own last words.
    Failed(String),
}

impl Job {
    /// Starts `program` with arguments.
    ///
    /// Errors: one sentence, where no process could be started.
    pub fn start(program: &Path, arguments: &[OsString]) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        priority::yield_to_everything(child.id());
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(messages) = child.stderr.take() {
            listen(messages, Arc::clone(&lines));
        }
        Ok(Self {
            child,
            lines,
            ended: None,
            pausing: false,
        })
    }

    /// Asks it to stop as Ctrl-C does, once: nothing completed is lost, while a second Ctrl-C would stop it at once.
    pub fn pause(&mut self) {
        if self.pausing {
            return;
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if self.ended.is_none()
            && let Some(pid) = pid
        {
            self.pausing = true;
            _ = kill_process(pid, Signal::INT); // it may have ended in this moment
        }
    }

    /// How it stands now.
    pub fn state(&mut self) -> JobState {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        match self.ended {
            None => JobState::Running,
            Some(status) if status.success() => JobState::Done,
            Some(_) if self.pausing => JobState::Paused,
            Some(status) => JobState::Failed(self.last_words().unwrap_or_else(|| format!("it ended with {status}"))),
        }
    }

    /// Its messages so far, oldest first.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    fn last_words(&self) -> Option<String> {
        let lines = self.lines();
        let error = lines.iter().rposition(|line| line.starts_with("error"));
        error
            .map(|first| lines[first..].join("\n"))
            .or_else(|| lines.last().cloned())
    }
}

fn listen(messages: impl Read + Send + 'static, lines: Arc<Mutex<VecDeque<String>>>) {
    let listen = move || {
        for line in BufReader::new(messages).lines().map_while(Result::ok) {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    };
    // Without the thread the job goes on unheard.
    _ = std::thread::Builder::new().name("job".into()).spawn(listen);
}

/// Arguments of the search in the run at `dir`. `until`: the number of rounds after which it waits for the person.
pub fn search_arguments(envs: &Path, dir: &Path, generations: u32, until: Option<u32>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--envs".into(),
        envs.into(),
        "search".into(),
        "--resume".into(),
        dir.into(),
        "--generations".into(),
        generations.to_string().into(),
    ];
    if let Some(until) = until {
        arguments.extend(["--pause-after".into(), until.to_string().into()]);
    }
    arguments
}

/// What a policy is trained for. A training goes on only with all of this as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingOrder {
    /// The task, with its engine.
    pub choice: TaskChoice,
    /// The program's text.
    pub program: String,
    /// Seed of every random number.
    pub seed: u64,
}

/// Where a training keeps its things.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlace {
    /// The program's text.
    pub program: PathBuf,
    /// The policy, once trained.
    pub policy: PathBuf,
}

impl TrainingPlace {
    /// Below `folder`, by the hash of all that a training depends on, this version of Carrot (`code`) included.
    pub fn new(folder: &Path, order: &TrainingOrder, code: &str) -> Self {
        let choice = &order.choice;
        let all = format!(
            "{}\n{}\n{}\n{code}\n{}",
            choice.id, choice.engine, order.seed, order.program
        );
        let hash = text_hash(&all);
        let short = &hash[..16];
        Self {
            program: folder.join(format!("{short}.py")),
            policy: folder.join(format!("{short}.safetensors")),
        }
    }

    /// The training while it is not finished.
    pub fn checkpoint(&self) -> PathBuf {
        let mut name = self.policy.clone().into_os_string();
        name.push(".checkpoint");
        name.into()
    }

    /// Arguments that start the training, or go on with it.
    pub fn arguments(&self, order: &TrainingOrder) -> Vec<OsString> {
        let choice = &order.choice;
        let mut arguments: Vec<OsString> = vec!["--envs".into(), choice.envs.as_os_str().into(), "train".into()];
        if self.checkpoint().exists() {
            arguments.extend(["--resume".into(), self.checkpoint().into()]);
        } else {
            arguments.extend(["--task".into(), choice.id.as_str().into()]);
            arguments.extend(["--engine".into(), choice.engine.to_string().into()]);
            arguments.extend(["--seed".into(), order.seed.to_string().into()]);
            arguments.extend(["--reward".into(), self.program.as_os_str().into()]);
            arguments.extend(["--out".into(), self.policy.as_os_str().into()]);
        }
        arguments.extend(["--checkpoint-every", "3", "--quiet"].map(OsString::from));
        arguments
    }

    /// Steps made of a training that is not finished.
    pub fn progress(&self) -> Option<Steps> {
        let file = std::fs::File::open(self.checkpoint()).ok()?;
        let mut line = String::new();
        BufReader::new(file.take(1 << 20)).read_line(&mut line).ok()?;
        let header: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some(Steps {
            made: header["steps"].as_u64()?,
            total: header["total_steps"].as_u64()?,
        })
    }
}

/// How far a training is, in environment steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Made.
    pub made: u64,
    /// In all.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn ended(job: &mut Job) -> JobState {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            match job.state() {
                JobState::Running if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(10)),
                state => return state,
            }
        }
    }

    #[test]
    fn a_job_tells_how_it_ended() {
        // Who runs tests in the background has Ctrl-C ignored, and a shell cannot trap what was ignored before it; `carrot` can.
        let shell = |text: &str| {
            let arguments = ["--default-signal=INT", "sh", "-c", text].map(OsString::from);
            Job::start(Path::new("env"), &arguments).unwrap()
        };
        assert_eq!(ended(&mut shell("exit 0")), JobState::Done);
        let failed = ended(&mut shell(
            "echo start >&2; echo 'error: no such task' >&2; sleep 0.2; exit 2",
        ));
        assert_eq!(failed, JobState::Failed("error: no such task".into()));
        let mut long = shell("trap 'exit 130' INT; while :; do sleep 0.05; done");
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(long.state(), JobState::Running);
        long.pause();
        assert_eq!(ended(&mut long), JobState::Paused);
        let message = Job::start(Path::new("/nowhere/carrot"), &[]).err().unwrap();
        assert!(message.contains("/nowhere/carrot cannot be started"), "{message}");
    }

    /// A second Ctrl-C stops `carrot` at once, without its last checkpoint.
    #[test]
    fn pausing_twice_is_pausing_once() {
        let text = "trap 'echo asked >&2; asked=$((asked + 1)); [ $asked = 1 ] || exit 9' INT; echo ready >&2; \
                    n=0; while [ $n -lt 10 ]; do sleep 0.05; n=$((n + ${asked:-0})); done; exit 130";
        let arguments = ["--default-signal=INT", "sh", "-c", text].map(OsString::from);
        let mut job = Job::start(Path::new("env"), &arguments).unwrap();
        let start = Instant::now();
        while job.lines() != ["ready"] {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", job.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
        job.pause();
        std::thread::sleep(Duration::from_millis(200));
        job.pause();
        assert_eq!(ended(&mut job), JobState::Paused);
        assert_eq!(job.lines(), ["ready", "asked"]);
    }

    #[test]
    fn a_training_goes_on_only_with_what_it_began_with() {
        let folder = tempfile::tempdir().unwrap();
        let order = TrainingOrder {
            choice: TaskChoice {
                envs: "envs".into(),
                id: "cartpole/balance".into(),
                engine: carrot_environment::Engine::Mujoco,
            },
            program: "x = 1\n".into(),
            seed: 3,
        };
        let place = TrainingPlace::new(folder.path(), &order, "1");
        assert_eq!(place, TrainingPlace::new(folder.path(), &order, "1"));
        let changes: [fn(&mut TrainingOrder); 4] = [
            |order| order.choice.id = "cartpole/swing_up".into(),
            |order| order.choice.engine = carrot_environment::Engine::Rapier,
            |order| order.program.push('\n'),
            |order| order.seed = 4,
        ];
        for change in changes {
            let mut other = order.clone();
            change(&mut other);
            assert_ne!(place, TrainingPlace::new(folder.path(), &other, "1"), "{other:?}");
        }
        assert_ne!(place, TrainingPlace::new(folder.path(), &order, "2"), "other code");

        let words = |place: &TrainingPlace| {
            place
                .arguments(&order)
                .join(std::ffi::OsStr::new(" "))
                .into_string()
                .unwrap()
        };
        let first = words(&place);
        assert!(
            first.contains("--task cartpole/balance --engine mujoco --seed 3 --reward"),
            "{first}"
        );
        assert_eq!(place.progress(), None);
        std::fs::write(place.checkpoint(), "{\"steps\": 5, \"total_steps\": 20}\n…").unwrap();
        let again = words(&place);
        assert!(again.contains("--resume") && !again.contains("--seed"), "{again}");
        assert_eq!(place.progress(), Some(Steps { made: 5, total: 20 }));
    }
}
