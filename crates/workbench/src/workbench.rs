//! From one program to one outcome: compile, load, train, judge.
//!
//! The workbench holds what all candidates of a task share: the task, its own compiled program, and the sandbox. It
//! looks nothing up and records nothing, so that `train` and `search` judge a program in exactly the same way.

use std::ops::ControlFlow;

use carrot_environment::{MEASURES, Programs, Task, VecEnv};
use carrot_optimizer::{Left, Progress, Settings, TrainError, evaluate};
use carrot_reward_compiler::{Author, Compiled, Entry, compile, compile_by, render};
use carrot_reward_interface::{Diagnostic, RewardSource, Severity, Span, Stop, schema::hex};
use carrot_reward_sandbox::{Limits, LoadError, LoadedReward, Origin, Sandbox};
use carrot_run_record::{Evaluated, Job, Outcome, Program, RecordError, RunRecord};
use sha2::{Digest as _, Sha256};

use crate::derived::with_derived;
use crate::random::derived_seed;

/// A reward program and the name it has in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramBytes {
    /// File name.
    pub file: String,
    /// The program.
    pub body: ProgramBody,
}

/// Text to compile, or a module from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramBody {
    /// Python text.
    Source(String),
    /// A foreign WASM module.
    Wasm(Vec<u8>),
}

impl ProgramBytes {
    /// SHA-256 of the text or the bytes, as hex.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(match &self.body {
            ProgramBody::Source(text) => text.as_bytes(),
            ProgramBody::Wasm(bytes) => bytes,
        }))
    }

    /// The program as the record holds it; a module's bytes become an object.
    pub fn store(&self, record: &RunRecord) -> Result<Program, RecordError> {
        let file = self.file.clone();
        Ok(match &self.body {
            ProgramBody::Source(text) => Program::Source {
                file,
                text: text.clone(),
            },
            ProgramBody::Wasm(bytes) => Program::Wasm {
                file,
                object: record.put_object(bytes)?,
            },
        })
    }

    /// The program back from the record.
    pub fn restore(program: &Program, record: &RunRecord) -> Result<Self, RecordError> {
        Ok(match program {
            Program::Source { file, text } => Self {
                file: file.clone(),
                body: ProgramBody::Source(text.clone()),
            },
            Program::Wasm { file, object } => Self {
                file: file.clone(),
                body: ProgramBody::Wasm(record.object(object)?),
            },
        })
    }
}

/// Version of everything that decides on a result: Carrot's own, and a hash of the sources from compiler to optimiser and
/// of the versions of what they depend on.
pub const CODE_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("CARROT_RESULTS_HASH"));

/// Why a task cannot be worked on. Each is a fault of the task or of this installation, never of a candidate.
#[derive(Debug, thiserror::Error)]
pub enum WorkbenchError {
    /// The task's own program does not compile; the text shows where.
    #[error("the task's own program does not compile:\n{0}")]
    Program(String),
    /// The sandbox does not start, or does not take the task's program.
    #[error("the sandbox refuses the task's own program: {0}")]
    Sandbox(#[from] LoadError),
}

/// Why a run gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The observer asked to stop.
    #[error("interrupted")]
    Asked,
    /// The optimiser's settings make no sense, so nothing was run.
    #[error("optimiser settings: {0}")]
    Settings(String),
    /// A saved training cannot go on.
    #[error("{0}")]
    Saved(String),
}

/// What became of a program, and the policy it trained.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The outcome; an evaluated one names the policy by the SHA-256 of its bytes.
    pub outcome: Outcome,
    /// The policy's file, where there is one.
    pub policy: Option<Vec<u8>>,
}

/// A task, ready to judge programs.
pub struct Workbench {
    /// The task.
    pub task: Task,
    sandbox: Sandbox,
    measures: LoadedReward,
}

impl Workbench {
    /// Starts a sandbox and compiles the task's own program.
    pub fn new(task: Task) -> Result<Self, WorkbenchError> {
        let sandbox = Sandbox::new(Limits::default())?;
        let task = with_derived(task, &sandbox)?;
        let (text, path) = &task.program;
        let compiled = compile(
            text,
            &path.display().to_string(),
            &task.schema,
            Entry::Functions(&MEASURES),
        );
        let Some(module) = compiled.module else {
            return Err(WorkbenchError::Program(render(&compiled.diagnostics, text, false)));
        };
        let measures = sandbox.load(&module.wasm, Origin::Compiled, &task.schema)?;
        Ok(Self {
            task,
            sandbox,
            measures,
        })
    }

    /// Name and version of the physics engine, such as `mujoco 3.17.0`.
    pub fn engine(&self) -> String {
        self.task.model.engine().version()
    }

    /// Compiles text, or checks a foreign module, and binds it to the task's variables.
    ///
    /// Errors: the findings, sorted by position; a refused module is one finding with the code `module-refused`.
    pub fn load(&self, program: &ProgramBytes) -> Result<LoadedReward, Vec<Diagnostic>> {
        let refused = |error: LoadError| vec![module_refused(&program.file, &error.to_string())];
        match &program.body {
            ProgramBody::Source(text) => {
                let compiled = compile(text, &program.file, &self.task.schema, Entry::Reward);
                let (reward, findings) = self.bind(&program.file, compiled);
                reward.ok_or(findings)
            }
            ProgramBody::Wasm(bytes) => self
                .sandbox
                .load(bytes, Origin::Foreign, &self.task.schema)
                .map_err(refused),
        }
    }

    /// Compiles what a person is writing and binds it to the task's variables; all findings come along, also those that refuse
    /// nothing.
    pub fn examine(&self, file: &str, text: &str) -> (Option<LoadedReward>, Vec<Diagnostic>) {
        let compiled = compile_by(Author::Person, text, file, &self.task.schema, Entry::Reward);
        self.bind(file, compiled)
    }

    fn bind(&self, file: &str, compiled: Compiled) -> (Option<LoadedReward>, Vec<Diagnostic>) {
        let Some(module) = compiled.module else {
            return (None, compiled.diagnostics);
        };
        match self.sandbox.load(&module.wasm, Origin::Compiled, &self.task.schema) {
            Ok(reward) => (Some(reward), compiled.diagnostics),
            Err(error) => (None, vec![module_refused(file, &error.to_string())]),
        }
    }

    /// N environments of the task, scored by `reward` where there is one. `threads` changes speed only.
    ///
    /// Errors: a [`Stop`] of the task's own program.
    pub fn env(&self, reward: Option<&LoadedReward>, n_envs: usize, seed: u64, threads: usize) -> Result<VecEnv, Stop> {
        VecEnv::new(&self.task, self.programs(reward), n_envs, seed, threads)
    }

    /// The programs that judge an environment of the task.
    pub fn programs<'a>(&'a self, reward: Option<&'a LoadedReward>) -> Programs<'a> {
        Programs {
            measures: &self.measures,
            reward: reward.map(|reward| reward as &dyn RewardSource),
        }
    }

    /// Trains a policy on `program` and judges it by the task's fitness over `episodes` episodes, which start from states
    /// that the training did not see. Equal arguments give equal results, whatever `threads` is.
    ///
    /// Errors: only where there is no result, because `observer` broke off or the settings make no sense.
    pub fn run(
        &self,
        program: &ProgramBytes,
        settings: &Settings,
        episodes: usize,
        seed: u64,
        threads: usize,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<RunResult, Interrupted> {
        self.go_on(Left::All, program, settings, episodes, seed, threads, observer)
    }

    /// As [`Workbench::run`], for what is left of a training that was begun with the same arguments. The result is that of the
    /// undisturbed training.
    ///
    /// Errors: as there, and where the saved training cannot go on.
    #[expect(clippy::too_many_arguments, reason = "the same list as `run`, plus what is left")]
    pub fn go_on(
        &self,
        left: Left<'_>,
        program: &ProgramBytes,
        settings: &Settings,
        episodes: usize,
        seed: u64,
        threads: usize,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<RunResult, Interrupted> {
        let loaded = match self.load(program) {
            Ok(loaded) => loaded,
            Err(diagnostics) => return Ok(without_policy(Outcome::Rejected { diagnostics })),
        };
        match self.train_and_judge(left, &loaded, program, settings, episodes, seed, threads, observer) {
            Ok((evaluated, policy)) => Ok(RunResult {
                outcome: Outcome::Evaluated(Box::new(evaluated)),
                policy: Some(policy),
            }),
            Err(TrainError::Stopped(stop)) => Ok(without_policy(Outcome::Stopped { stop })),
            Err(TrainError::Interrupted) => Err(Interrupted::Asked),
            Err(TrainError::Settings(message)) => Err(Interrupted::Settings(message)),
            Err(TrainError::Saved(message)) => Err(Interrupted::Saved(message)),
        }
    }

    /// The key under which the result of [`Workbench::run`] is kept.
    pub fn job(&self, program: &ProgramBytes, settings: &Settings, episodes: usize, seed: u64) -> Job {
        Job {
            task: (self.task.id.clone(), self.task.hash.clone()),
            program: program.hash(),
            optimizer: serde_json::json!(settings),
            episodes,
            seed,
            engine: self.engine(),
            code: CODE_VERSION.into(),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the same list as `go_on`, plus the loaded program"
    )]
    fn train_and_judge(
        &self,
        left: Left<'_>,
        loaded: &LoadedReward,
        program: &ProgramBytes,
        settings: &Settings,
        episodes: usize,
        seed: u64,
        threads: usize,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(Evaluated, Vec<u8>), TrainError> {
        let mut env = self.env(Some(loaded), settings.n_envs(), seed, threads)?;
        let trained = settings.go_on(left, &mut env, seed, observer)?;

        let n_envs = episodes.clamp(1, settings.n_envs().max(1));
        let mut env = self.env(Some(loaded), n_envs, derived_seed(seed, "judgement"), threads)?;
        let evaluation = evaluate(&trained.policy, &mut env, episodes)?;

        let metadata = [
            ("task".to_owned(), self.task.id.clone()),
            ("engine".to_owned(), self.engine()),
            ("program".to_owned(), program.hash()),
            ("seed".to_owned(), seed.to_string()),
        ];
        let policy = trained.policy.to_bytes(&metadata);
        let evaluated = Evaluated {
            evaluation,
            terms: loaded.interface().terms.iter().map(|term| term.name.clone()).collect(),
            checkpoints: trained.checkpoints,
            policy: hex(&Sha256::digest(&policy)),
            steps: trained.steps,
        };
        Ok((evaluated, policy))
    }
}

/// The finding about a module that the sandbox does not take.
pub fn module_refused(file: &str, message: &str) -> Diagnostic {
    Diagnostic {
        code: "module-refused".into(),
        severity: Severity::Error,
        file: file.into(),
        span: START,
        message: message.into(),
        help: None,
        fix: None,
    }
}

/// Where findings point that concern a file as a whole.
pub const START: Span = Span {
    line: 1,
    column: 1,
    end_line: 1,
    end_column: 1,
};

fn without_policy(outcome: Outcome) -> RunResult {
    RunResult { outcome, policy: None }
}
