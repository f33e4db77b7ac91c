//! `regress.toml`: which rollouts a suite has, and how far their numbers may move.
//!
//! Unknown keys are refused: a misspelt key that is silently ignored would test something else than its author thinks.

use std::ops::Range;
use std::path::{Path, PathBuf};

use carrot_environment::Engine;
use serde::Deserialize;
use toml::Spanned;

use crate::tolerance::{ToleranceTable, merge};
use crate::{Excitation, RegressionError, Tolerances};

/// Version of the suite file that this program reads.
const VERSION: u32 = 1;

/// Most control steps of all environments of one rollout.
const MOST_STEPS: usize = 1 << 22;

/// A suite, read and checked.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The file.
    pub path: PathBuf,
    /// Folder of the goldens.
    pub golden: PathBuf,
    /// Folder of the environments, where the suite names one.
    pub environments: Option<PathBuf>,
    /// Its rollouts, in the order of the file.
    pub plans: Vec<Plan>,
}

/// One rollout of a suite.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name, which is also the golden's.
    pub name: String,
    /// The world and what is done in it.
    pub target: Target,
    /// Which engine moves the worlds.
    pub engine: Engine,
    /// Seed of every random number.
    pub seed: u64,
    /// Control steps of each environment.
    pub steps: usize,
    /// Environments.
    pub envs: usize,
    /// What the robots do.
    pub actions: ActionPlan,
    /// Reward program; when absent the task's human reward, where there is one.
    pub reward: Option<PathBuf>,
    /// What is held against the golden.
    pub compare: Compared,
    /// How far numbers may move.
    pub tolerances: Tolerances,
    /// The suite and the line of the rollout in it; absent where the rollout comes from no suite.
    pub place: Option<(PathBuf, usize)>,
}

impl Plan {
    /// A complaint about this rollout.
    pub(crate) fn asked(&self, message: impl std::fmt::Display) -> RegressionError {
        RegressionError::Asked(match &self.place {
            Some((path, line)) => format!("{}: line {line}: rollout `{}`: {message}", path.display(), self.name),
            None => message.to_string(),
        })
    }
}

/// What a rollout is played in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `<env>/<task>`.
    Task(String),
    /// A model without an environment: every part that it names is a variable.
    Model(PathBuf),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(id) => f.write_str(id),
            Self::Model(path) => write!(f, "model {}", path.file_name().unwrap_or_default().display()),
        }
    }
}

/// Where the actions of a rollout come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionPlan {
    /// A policy's mean action.
    Policy(PathBuf),
    /// The array `actions` of a NumPy archive, `[T, A]` for every environment alike, or `[T, N, A]`.
    File(PathBuf),
    /// A built-in course.
    Excitation(Excitation),
}

/// What of a rollout is held against its golden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compared {
    /// Every variable, action, term and the state of every step, and the episodes.
    #[default]
    Steps,
    /// Means and spreads of the terms and of the fitness over the whole rollout, for rollouts so long that the smallest
    /// difference between two processors grows until no step is like the other.
    Statistics,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteFile {
    version: Spanned<u32>,
    golden: Option<Spanned<PathBuf>>,
    environments: Option<PathBuf>,
    #[serde(default)]
    tolerance: ToleranceTable,
    rollout: Vec<Spanned<RolloutEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolloutEntry {
    name: Spanned<String>,
    task: Option<String>,
    model: Option<PathBuf>,
    engine: Option<Spanned<String>>,
    seed: Option<Spanned<u64>>,
    steps: Spanned<usize>,
    envs: Option<Spanned<usize>>,
    policy: Option<Spanned<PathBuf>>,
    actions: Option<Spanned<PathBuf>>,
    excitation: Option<Spanned<ExcitationKind>>,
    amplitude: Option<Spanned<f64>>,
    frequency: Option<Spanned<[f64; 2]>>,
    hold: Option<Spanned<f64>>,
    reward: Option<PathBuf>,
    #[serde(default)]
    compare: Compared,
    #[serde(default)]
    tolerance: ToleranceTable,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExcitationKind {
    Zero,
    Sine,
    Random,
}

impl Suite {
    /// Reads a suite; every path in it is relative to its folder.
    ///
    /// Errors: [`RegressionError::Asked`] names the file and the line.
    pub fn load(path: &Path) -> Result<Self, RegressionError> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                RegressionError::Asked(format!("{}: there is no such suite", path.display()))
            }
            _ => RegressionError::Asked(format!("{}: cannot be read: {error}", path.display())),
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, RegressionError> {
        // An unknown version first: its other keys may be unknown as well.
        let version = |table: toml::Table| table.get("version").and_then(toml::Value::as_integer);
        let written = toml::from_str::<toml::Table>(text).ok().and_then(version);
        if let Some(other) = written.filter(|&version| version != i64::from(VERSION)) {
            let message = format!("`version` is {other}; this program reads version {VERSION}");
            return Err(RegressionError::Asked(format!("{}: {message}", path.display())));
        }
        let file: SuiteFile = toml::from_str(text)
            .map_err(|cause| RegressionError::Asked(format!("{}: {}", path.display(), cause.to_string().trim_end())))?;
        debug_assert_eq!(*file.version.get_ref(), VERSION);
        let folder = path.parent().unwrap_or(Path::new(""));
        if file.rollout.is_empty() {
            let message = "a suite has at least one [[rollout]]";
            return Err(RegressionError::Asked(format!("{}: {message}", path.display())));
        }
        let mut plans: Vec<Plan> = Vec::new();
        for entry in &file.rollout {
            let plan = Reader { path, text, folder }.plan(entry, &file.tolerance)?;
            if plans.iter().any(|other| other.name == plan.name) {
                let message = format!("there are two rollouts named `{}`", plan.name);
                return Err(at(path, text, entry.get_ref().name.span(), message));
            }
            plans.push(plan);
        }
        let golden = file.golden.map_or(PathBuf::from("golden"), Spanned::into_inner);
        Ok(Self {
            path: path.to_owned(),
            golden: folder.join(golden),
            environments: file.environments.map(|dir| folder.join(dir)),
            plans,
        })
    }

    /// Only the rollouts of these names; all when there are none.
    ///
    /// Errors: [`RegressionError::Asked`] for a name that the suite does not have.
    pub fn only(mut self, names: &[String]) -> Result<Self, RegressionError> {
        let known: Vec<&str> = self.plans.iter().map(|plan| plan.name.as_str()).collect();
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(RegressionError::Asked(format!(
                "{}: there is no rollout `{name}`; there are {}",
                self.path.display(),
                known.join(", ")
            )));
        }
        self.plans.retain(|plan| names.is_empty() || names.contains(&plan.name));
        Ok(self)
    }

    /// Path of a rollout's golden.
    pub fn golden_path(&self, plan: &Plan) -> PathBuf {
        self.golden.join(format!("{}.json", plan.name))
    }
}

/// Reads one `[[rollout]]`.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    folder: &'a Path,
}

impl Reader<'_> {
    fn plan(&self, entry: &Spanned<RolloutEntry>, suite: &ToleranceTable) -> Result<Plan, RegressionError> {
        let line = line_of(self.text, entry.span().start);
        let rollout = entry.get_ref();
        let name = rollout.name.get_ref();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            let message = format!("`name` is {name:?}; it names a file, so write letters, digits, `-`, `_` and `.`");
            return Err(self.at(rollout.name.span(), message));
        }
        let target = match (&rollout.task, &rollout.model) {
            (Some(id), None) => Target::Task(id.clone()),
            (None, Some(path)) => Target::Model(self.folder.join(path)),
            _ => {
                let message = "write exactly one of `task = \"ENV/TASK\"` and `model = \"FILE.xml\"`";
                return Err(self.at(rollout.name.span(), format!("rollout `{name}`: {message}")));
            }
        };
        let steps = self.positive("steps", &rollout.steps)?;
        let envs = rollout
            .envs
            .as_ref()
            .map_or(Ok(1), |envs| self.positive("envs", envs))?;
        if steps.saturating_mul(envs) > MOST_STEPS {
            let message = format!("{steps} steps of {envs} environments are too many; at most {MOST_STEPS} in all");
            return Err(self.at(rollout.steps.span(), message));
        }
        if let Some(seed) = rollout.seed.as_ref().filter(|seed| *seed.get_ref() > 10_u64.pow(18)) {
            let message = format!("`seed` is {}; it lies between 0 and 10^18", seed.get_ref());
            return Err(self.at(seed.span(), message));
        }
        let engine = match &rollout.engine {
            None => Engine::default(),
            Some(name) => {
                let parsed = name.get_ref().parse::<Engine>();
                parsed.map_err(|message| self.at(name.span(), format!("`engine`: {message}")))?
            }
        };
        Ok(Plan {
            name: name.clone(),
            target,
            engine,
            seed: rollout.seed.as_ref().map_or(0, |seed| *seed.get_ref()),
            steps,
            envs,
            actions: self.actions(entry)?,
            reward: rollout.reward.as_ref().map(|path| self.folder.join(path)),
            compare: rollout.compare,
            tolerances: merge(self.path, self.text, suite, &rollout.tolerance)?,
            place: Some((self.path.to_owned(), line)),
        })
    }

    fn actions(&self, entry: &Spanned<RolloutEntry>) -> Result<ActionPlan, RegressionError> {
        let rollout = entry.get_ref();
        let kind = rollout.excitation.as_ref().map(|kind| *kind.get_ref());
        let waves = [ExcitationKind::Sine, ExcitationKind::Random];
        self.goes_with("amplitude", &rollout.amplitude, kind, &waves)?;
        self.goes_with("frequency", &rollout.frequency, kind, &waves[..1])?;
        self.goes_with("hold", &rollout.hold, kind, &waves[1..])?;
        let within = |key: &str, value: &Option<Spanned<f64>>, default: f64, most: f64| match value {
            None => Ok(default),
            Some(value) if *value.get_ref() > 0.0 && *value.get_ref() <= most => Ok(*value.get_ref()),
            Some(value) => {
                let message = format!("`{key}` is {}; it lies above 0 and up to {most}", value.get_ref());
                Err(self.at(value.span(), message))
            }
        };
        let amplitude = within("amplitude", &rollout.amplitude, 0.5, 1.0)?;
        Ok(match (&rollout.policy, &rollout.actions, kind) {
            (Some(path), None, None) => ActionPlan::Policy(self.folder.join(path.get_ref())),
            (None, Some(path), None) => ActionPlan::File(self.folder.join(path.get_ref())),
            (None, None, Some(ExcitationKind::Zero)) => ActionPlan::Excitation(Excitation::Zero),
            (None, None, Some(ExcitationKind::Sine)) => {
                let [low_hz, high_hz] = rollout.frequency.as_ref().map_or([0.2, 2.0], |pair| *pair.get_ref());
                if !(low_hz >= 0.0 && high_hz >= 0.0 && low_hz.max(high_hz) <= 1000.0) {
                    let span = rollout.frequency.as_ref().map_or(entry.span(), Spanned::span);
                    let message = "`frequency` is [start, end] in Hz, each between 0 and 1000";
                    return Err(self.at(span, message.into()));
                }
                ActionPlan::Excitation(Excitation::Sine {
                    amplitude,
                    low_hz,
                    high_hz,
                })
            }
            (None, None, Some(ExcitationKind::Random)) => ActionPlan::Excitation(Excitation::Random {
                amplitude,
                hold_secs: within("hold", &rollout.hold, 0.1, 1000.0)?,
            }),
            _ => {
                let message = "write exactly one of `policy = \"FILE.safetensors\"`, `actions = \"FILE.npz\"` and \
                               `excitation = \"zero\" | \"sine\" | \"random\"`";
                let span = rollout.name.span();
                return Err(self.at(span, format!("rollout `{}`: {message}", rollout.name.get_ref())));
            }
        })
    }

    fn goes_with<T>(
        &self,
        key: &str,
        value: &Option<Spanned<T>>,
        kind: Option<ExcitationKind>,
        allowed: &[ExcitationKind],
    ) -> Result<(), RegressionError> {
        match value {
            Some(value) if !kind.is_some_and(|kind| allowed.contains(&kind)) => {
                let with = match allowed {
                    [ExcitationKind::Sine] => "`excitation = \"sine\"`",
                    [ExcitationKind::Random] => "`excitation = \"random\"`",
                    _ => "`excitation = \"sine\"` or `\"random\"`",
                };
                Err(self.at(value.span(), format!("`{key}` goes with {with} only")))
            }
            _ => Ok(()),
        }
    }

    fn positive(&self, key: &str, value: &Spanned<usize>) -> Result<usize, RegressionError> {
        match value.get_ref() {
            0 => Err(self.at(value.span(), format!("`{key}` must be at least 1"))),
            number => Ok(*number),
        }
    }

    fn at(&self, span: Range<usize>, message: String) -> RegressionError {
        at(self.path, self.text, span, message)
    }
}

/// A complaint about the place `span` (bytes) of a suite.
pub(crate) fn at(path: &Path, text: &str, span: Range<usize>, message: String) -> RegressionError {
    let line = line_of(text, span.start);
    RegressionError::Asked(format!("{}: line {line}: {message}", path.display()))
}

/// Line, from 1, of a byte.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte.min(text.len())];
    1 + before.iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Suite, String> {
        Suite::parse(Path::new("tests/regress.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_suite_reads_as_written() {
        let suite = parse(
            r#"
            version = 1
            environments = "../envs"
            [tolerance]
            relative = 1e-6
            term.alive = { absolute = 0.5 }
            [[rollout]]
            name = "a"
            task = "hopper/hop_forward"
            steps = 10
            policy = "a.safetensors"
            [[rollout]]
            name = "b"
            task = "hopper/hop_forward"
            steps = 10
            envs = 2
            seed = 3
            engine = "mujoco"
            excitation = "sine"
            frequency = [1.0, 2.0]
            compare = "statistics"
            [rollout.tolerance]
            relative = 1e-3
            variable.time = {}
            "#,
        )
        .unwrap();
        let [a, b] = suite.plans.as_slice() else {
            panic!("{suite:?}")
        };
        assert_eq!(suite.golden_path(a), Path::new("tests/golden/a.json"));
        assert_eq!(suite.environments.as_deref(), Some(Path::new("tests/../envs")));
        assert_eq!(a.actions, ActionPlan::Policy("tests/a.safetensors".into()));
        assert_eq!((a.seed, a.envs, a.compare), (0, 1, Compared::Steps));
        assert_eq!((b.seed, b.envs, b.compare), (3, 2, Compared::Statistics));
        let allowed = [
            a.tolerances.variable("time"),
            a.tolerances.term("alive"),
            a.tolerances.fitness(),
            b.tolerances.variable("time"),
            b.tolerances.variable("other"),
            b.tolerances.term("alive"),
        ];
        let allowed = allowed.map(|tolerance| tolerance.allowed(2.0));
        assert_eq!(
            allowed,
            [2e-6, 0.5, 2e-6, 0.0, 2e-3, 0.5],
            "own before the suite's, by name before general"
        );
        assert_eq!(b.tolerances.named_variables, [("time".to_owned(), 24)]);
    }

    #[test]
    fn mistakes_name_the_line_and_what_would_be_right() {
        let rollout = "[[rollout]]\nname = \"a\"\ntask = \"t/t\"\nsteps = 5\nexcitation = \"zero\"\n";
        let with = |from: &str, to: &str| format!("version = 1\n{}", rollout.replace(from, to));
        for (text, expected) in [
            (String::new(), "missing field `version`"),
            (
                "version = 2\nfuture = true".into(),
                "`version` is 2; this program reads version 1",
            ),
            ("version = 1".into(), "missing field `rollout`"),
            ("version = 1\nrollout = []".into(), "at least one [[rollout]]"),
            ("version = \"1\"\n".to_owned() + rollout, "invalid type: string"),
            ("version = 1\n[[rollout]\n".into(), "line 2, column"),
            (with("steps = 5\n", ""), "missing field `steps`"),
            (
                with("task = \"t/t\"\n", ""),
                "line 3: rollout `a`: write exactly one of `task",
            ),
            (with("steps", "model = \"m.xml\"\nsteps"), "write exactly one of `task"),
            (with("steps = 5", "steps = 0"), "line 5: `steps` must be at least 1"),
            (with("steps = 5", "steps = -1"), "line 5"),
            (with("steps = 5", "steps = 5000000"), "are too many"),
            (with("steps = 5", "step = 5"), "unknown field `step`"),
            (with("\"a\"", "\"../a\""), "line 3: `name` is \"../a\""),
            (with("\"zero\"", "\"cosine\""), "unknown variant `cosine`"),
            (
                with("excitation = \"zero\"\n", ""),
                "line 3: rollout `a`: write exactly one of `policy",
            ),
            (with("\"zero\"\n", "\"zero\"\npolicy = \"p\"\n"), "write exactly one"),
            (
                with("\"zero\"\n", "\"zero\"\namplitude = 0.5\n"),
                "line 7: `amplitude` goes with",
            ),
            (
                with("\"zero\"\n", "\"sine\"\namplitude = nan\n"),
                "line 7: `amplitude` is NaN",
            ),
            (
                with("\"zero\"\n", "\"sine\"\nhold = 0.5\n"),
                "`hold` goes with `excitation = \"random\"` only",
            ),
            (
                with("\"zero\"\n", "\"sine\"\nfrequency = [1.0, -1.0]\n"),
                "line 7: `frequency` is [start, end]",
            ),
            (
                with("steps", "engine = \"bullet\"\nsteps"),
                "line 5: `engine`: there is no engine `bullet`",
            ),
            (with("", "") + rollout, "line 8: there are two rollouts named `a`"),
            (
                with("", "") + "[rollout.tolerance]\nrelative = -1.0\n",
                "line 8: `relative` is -1",
            ),
            (
                with("", "") + "[rollout.tolerance]\nrelativ = 1.0\n",
                "unknown field `relativ`",
            ),
            (
                with("", "") + "[rollout.tolerance.term.x]\nabsolute = \"1\"\n",
                "invalid type: string",
            ),
        ] {
            let message = parse(&text).map(|_| ()).unwrap_err();
            assert!(message.starts_with("tests/regress.toml: "), "{message}");
            assert!(message.contains(expected), "{text}\n{message}\nlacks {expected:?}");
        }
    }

    #[test]
    fn single_rollouts_are_chosen_by_name() {
        let rollout =
            |name: &str| format!("[[rollout]]\nname = \"{name}\"\ntask = \"t/t\"\nsteps = 5\nexcitation = \"zero\"\n");
        let suite = parse(&format!("version = 1\n{}{}", rollout("a"), rollout("b"))).unwrap();
        assert_eq!(suite.clone().only(&["b".into()]).unwrap().plans[0].name, "b");
        let message = suite.only(&["c".into()]).unwrap_err().to_string();
        assert!(
            message.ends_with("there is no rollout `c`; there are a, b"),
            "{message}"
        );
    }
}
