//! Derived variables: computed from other variables by functions of `derived.py` and by formulas in `env.toml`.
//!
//! All of them are one program in the reward language, so that they have its checks, its limits and its speed. This crate
//! knows no compiler: it writes the program's text ([`DerivedText`]), and whoever has one hands the compiled program back
//! ([`Task::with_derived`](crate::Task::with_derived)).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use carrot_reward_interface::{Diagnostic, RewardFn, RewardSource, Rewards, Stop};

use crate::TaskError;
use crate::binding::DerivedEntry;
use crate::text::Text;

/// The program that computes all derived variables of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedText {
    /// Python text, torch dialect: `derived.py`, followed by one function for each formula.
    pub source: String,
    /// Name of each derived variable and of the function that gives it, in the order of the schema. The compiled program
    /// has one term for each of their numbers.
    pub outputs: Vec<(String, String)>,
    /// What `source` is called in messages about its first part.
    pub file: PathBuf,
    env_file: PathBuf,
    formulas: Vec<Formula>,
}

/// Where a formula stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Formula {
    /// Its first line in the program.
    first: usize,
    /// Its first line in `env.toml`.
    in_env: usize,
    /// How many lines it has.
    lines: usize,
}

impl DerivedText {
    /// Writes the program of `entries`; none where there are none.
    ///
    /// Errors: [`TaskError::File`] for a function without a file, or one that no function can be named after.
    pub(crate) fn new(
        env_file: &Text,
        file: Option<&Text>,
        entries: Vec<DerivedEntry>,
    ) -> Result<Option<Self>, TaskError> {
        if entries.is_empty() {
            return Ok(None);
        }
        let env_dir = env_file.path.parent().unwrap_or(std::path::Path::new(""));
        let mut text = Self {
            source: file.map_or_else(String::new, |file| file.text.clone()),
            outputs: Vec::new(),
            file: file.map_or_else(|| env_dir.join("derived.py"), |file| file.path.clone()),
            env_file: env_file.path.clone(),
            formulas: Vec::new(),
        };
        if !text.source.is_empty() && !text.source.ends_with('\n') {
            text.source.push('\n');
        }
        // Formulas are of the torch dialect, whatever they mention.
        text.source += "import torch\n";
        for (number, entry) in entries.into_iter().enumerate() {
            let error = |message: String| {
                let message = format!("line {}: `variable.{}`: {message}", entry.line, entry.variable);
                env_file.whole(message)
            };
            let function = match &entry.expression {
                None if file.is_none() => {
                    return Err(error(format!(
                        "there is no file `derived.py` beside env.toml; write one with a function `{}`",
                        entry.variable
                    )));
                }
                None if !is_identifier(&entry.variable) => {
                    return Err(error(
                        "no function can have this name; use a plain name, and give it this one under `[surface]`"
                            .into(),
                    ));
                }
                None => entry.variable.clone(),
                Some((formula, _)) if formula.trim().is_empty() => return Err(error("the expression is empty".into())),
                Some((formula, line)) => {
                    let function = format!("_expression_{number}");
                    let line = *line + lines_before_first_word(env_file, *line, formula);
                    text.add_formula(&function, formula, line);
                    function
                }
            };
            text.outputs.push((entry.variable, function));
        }
        Ok(Some(text))
    }

    fn add_formula(&mut self, function: &str, formula: &str, line: usize) {
        let parameters = words(formula).filter(|word| !PYTHON_WORDS.contains(word));
        let parameters: std::collections::BTreeSet<&str> = parameters.collect();
        let parameters: Vec<&str> = parameters.into_iter().collect();
        self.source += &format!("def {function}(self");
        for parameter in parameters {
            self.source += &format!(", {parameter}");
        }
        self.source += "):\n    return (\n";
        self.formulas.push(Formula {
            first: 1 + self.source.matches('\n').count(),
            in_env: line,
            lines: formula.trim().lines().count(),
        });
        self.source += formula.trim();
        self.source += "\n    )\n";
    }

    /// Findings about `source`, with the files and lines where their text was written.
    pub fn located(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        diagnostics
            .into_iter()
            .map(|mut diagnostic| {
                let line = diagnostic.span.line as usize;
                // The two lines before a formula are still about it, and so is the bracket behind it.
                let is_past = |formula: &&Formula| formula.first.saturating_sub(2) <= line;
                match self.formulas.iter().rfind(is_past) {
                    None => diagnostic.file = self.file.display().to_string(),
                    Some(Formula { first, in_env, lines }) => {
                        diagnostic.file = self.env_file.display().to_string();
                        let moved = |line: u32| (line as usize).clamp(*first, first + lines - 1) - first + in_env;
                        diagnostic.span.line = moved(diagnostic.span.line) as u32;
                        diagnostic.span.end_line = moved(diagnostic.span.end_line) as u32;
                    }
                }
                diagnostic
            })
            .collect()
    }
}

/// Words that are no variables in a formula.
const PYTHON_WORDS: [&str; 14] = [
    "torch", "math", "and", "or", "not", "if", "else", "for", "in", "is", "lambda", "True", "False", "None",
];

/// Names that a formula may mean variables by: words that follow no dot and name no argument.
fn words(formula: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    formula.split(move |c: char| !is_word(c)).filter(move |word| {
        let after_dot = || {
            let at = word.as_ptr() as usize - formula.as_ptr() as usize;
            formula[..at].ends_with('.')
        };
        is_identifier(word) && *word != "self" && !after_dot()
    })
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// How many lines after `line` the formula's first word stands: a text over several lines begins on the next one.
fn lines_before_first_word(file: &Text, line: usize, formula: &str) -> usize {
    let first = formula.trim().lines().next().unwrap_or("");
    let lines = file.text.lines().skip(line - 1);
    lines.take(3).position(|line| line.contains(first)).unwrap_or(0)
}

/// The compiled program, at the service of many environments.
pub(crate) struct Derived {
    source: Arc<dyn RewardSource + Send + Sync>,
    /// Instances that nobody uses at the moment. The program remembers nothing, so that any of them serves any environment.
    spare: Mutex<Vec<Instance>>,
    /// Where each term goes in the row.
    places: Vec<usize>,
    /// Positions in the schema of what it reads.
    pub(crate) inputs: Vec<usize>,
}

struct Instance {
    program: Box<dyn RewardFn>,
    outputs: Rewards,
}

impl Derived {
    /// Errors: a [`Stop`] when no instance can be made, or it has another number of terms than there are places.
    pub(crate) fn new(source: Arc<dyn RewardSource + Send + Sync>, places: Vec<usize>) -> Result<Self, Stop> {
        let program = source.instance()?;
        if source.terms().len() != places.len() || source.whole_batch() {
            return Err(trap(format!(
                "the program of the derived variables gives {} numbers of each environment by itself, and not {}",
                places.len(),
                source.terms().len()
            )));
        }
        Ok(Self {
            inputs: program.inputs().to_vec(),
            spare: Mutex::new(vec![Instance {
                program,
                outputs: Rewards::default(),
            }]),
            source,
            places,
        })
    }

    /// Computes the derived variables of one environment from the rest of its row.
    ///
    /// Errors: why they cannot be had.
    pub(crate) fn evaluate(&self, row: &mut [f64]) -> Result<(), String> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match spare {
            Some(instance) => instance,
            None => Instance {
                program: self.source.instance().map_err(|stop| stop.to_string())?,
                outputs: Rewards::default(),
            },
        };
        let outcome = instance
            .program
            .place(1, 0, row)
            .and_then(|()| instance.program.evaluate_placed(&mut instance.outputs));
        if outcome.is_ok() {
            for (place, term) in self.places.iter().zip(&instance.outputs.terms) {
                row[*place] = term[0];
            }
        }
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        outcome.map_err(|stop| format!("the derived variables cannot be computed: {stop}"))
    }
}

/// Somebody's mistake that shows only when environments are made.
pub(crate) fn trap(message: String) -> Stop {
    Stop {
        file: "derived.py".into(),
        at: None,
        cause: carrot_reward_interface::StopCause::Trap { message },
    }
}
