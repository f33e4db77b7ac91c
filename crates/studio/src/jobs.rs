//! Searches and trainings: other processes of the same program, at low priority, which keep what they do in files.
//!
//! A search that crashes takes no window with it, and a window that is closed or killed takes no search with it. Pausing is what
//! Ctrl-C is on the command line; going on is `--resume`.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

use crate::priority;

/// Lines of a job's messages that are kept.
const LINES: usize = 200;

/// A running or finished process.
pub struct Job {
    child: Child,
    lines: Arc<Mutex<VecDeque<String>>>,
    ended: Option<ExitStatus>,
    /// It was asked to stop.
    pub pausing: bool,
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
    pub fn start(program: &Path, arguments: &[String]) -> Result<Self, String> {
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

    /// Asks it to stop as Ctrl-C does: nothing completed is lost.
    pub fn pause(&mut self) {
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
pub fn search_arguments(envs: &Path, dir: &Path, generations: u32, until: Option<u32>) -> Vec<String> {
    let mut arguments = vec![
        "--envs".into(),
        envs.display().to_string(),
        "search".into(),
        "--resume".into(),
        dir.display().to_string(),
        "--generations".into(),
        generations.to_string(),
    ];
    if let Some(until) = until {
        arguments.extend(["--pause-after".into(), until.to_string()]);
    }
    arguments
}

/// Where a training of a program keeps its things.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlace {
    /// The program's text.
    pub program: PathBuf,
    /// The policy, once trained.
    pub policy: PathBuf,
}

impl TrainingPlace {
    /// Below `folder`, by the program's hash.
    pub fn new(folder: &Path, hash: &str) -> Self {
        let short = &hash[..hash.len().min(16)];
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
    pub fn arguments(&self, envs: &Path, task: &str, engine: &str, seed: u64) -> Vec<String> {
        let mut arguments = vec!["--envs".to_owned(), envs.display().to_string(), "train".to_owned()];
        let path = |path: &Path| path.display().to_string();
        if self.checkpoint().exists() {
            arguments.extend(["--resume".to_owned(), path(&self.checkpoint())]);
        } else {
            let given = ["--task", task, "--engine", engine, "--seed"].map(str::to_owned);
            arguments.extend(given);
            arguments.extend([seed.to_string(), "--reward".to_owned(), path(&self.program)]);
            arguments.extend(["--out".to_owned(), path(&self.policy)]);
        }
        arguments.extend(["--checkpoint-every", "3", "--quiet"].map(str::to_owned));
        arguments
    }

    /// Steps made and steps in all, of a training that is not finished.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let file = std::fs::File::open(self.checkpoint()).ok()?;
        let mut line = String::new();
        BufReader::new(file.take(1 << 20)).read_line(&mut line).ok()?;
        let header: serde_json::Value = serde_json::from_str(&line).ok()?;
        Some((header["steps"].as_u64()?, header["total_steps"].as_u64()?))
    }
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
            let arguments = ["--default-signal=INT", "sh", "-c", text].map(str::to_owned);
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
}
