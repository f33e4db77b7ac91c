//! Asks everybody for the values of one program, and says who disagrees.

use carrot_reward_compiler::{Entry, check, compile, interpret, ir, render};
use carrot_reward_interface::{Batch, RewardFn, Rewards, Schema, Severity, StopCause};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

use crate::second_opinion::SecondOpinion;

/// The engines, made once for many programs.
pub struct Judges {
    sandbox: Sandbox,
    second: SecondOpinion,
}

/// What became of a program on which all agree.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It does not compile, and the diagnostics say why; the first error's code.
    Refused(String),
    /// It compiles, and all agree.
    Agreed {
        /// Steps that each batch was evaluated for: two for programs with memory.
        n_steps: usize,
        /// Names of the terms, in order.
        terms: Vec<String>,
        /// Total and terms after the last step, `[batch][1 + K][N]`; nothing for a batch in which the program stops itself.
        outputs: Vec<Option<Vec<Vec<f64>>>>,
    },
}

impl Default for Judges {
    fn default() -> Self {
        Self::new()
    }
}

impl Judges {
    /// Starts the engines.
    ///
    /// # Panics
    ///
    /// If this machine cannot run WASM.
    pub fn new() -> Self {
        Self {
            sandbox: Sandbox::new(Limits::default()).expect("this machine runs WASM"),
            second: SecondOpinion::new(),
        }
    }

    /// Compiles `source` and compares everybody's values on `batches`, bit by bit (one NaN is as good as another).
    ///
    /// Errors: who disagrees, about what.
    pub fn judge(&self, source: &str, schema: &Schema, batches: &[Batch]) -> Result<Verdict, String> {
        let compiled = compile(source, "fuzz.py", schema, Entry::Reward);
        let refusal = compiled
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == Severity::Error);
        // Drawing the findings walks through the text with every span; it must not fall over either.
        let drawn = render(&compiled.diagnostics, source, false);
        if drawn.is_empty() != compiled.diagnostics.is_empty() {
            return Err("findings are drawn as nothing".into());
        }
        let module = match (compiled.module, refusal) {
            (None, Some(refusal)) => return Ok(Verdict::Refused(refusal.code.clone())),
            (Some(module), None) => module,
            (module, refusal) => {
                return Err(format!("module: {}, first error: {refusal:?}", module.is_some()));
            }
        };
        wasmparser::Validator::new()
            .validate_all(&module.wasm)
            .map_err(|error| format!("the module is not valid: {error}"))?;
        let checked = check(source, "fuzz.py", schema, Entry::Reward);
        let (program, _) = checked.program.ok_or("compiles, but does not check")?;
        let variables = module.interface.bind(schema)?;
        let expected: Vec<Steps> = batches
            .iter()
            .map(|batch| interpreted(&program, &variables, batch))
            .collect();
        if !module.interface.whole_batch {
            for (batch, expected) in batches.iter().zip(&expected) {
                one_by_one(&program, &variables, batch, expected)?;
            }
        }
        let n_steps = expected.first().map_or(0, Vec::len);
        let second = self
            .second
            .evaluate(&module.wasm, &module.interface, schema, batches, n_steps)?;
        for (found, expected) in second.iter().flatten().zip(expected.iter().flatten()) {
            compare("wasmi", found, expected)?;
        }
        self.sandboxed(&module.wasm, schema, batches, &expected)?;
        let terms: Vec<String> = program.terms.iter().map(|term| term.name.clone()).collect();
        let last = |steps: &Steps| {
            let stops = !program.faults.is_empty()
                && steps.iter().any(|rows| {
                    rows.last()
                        .is_some_and(|faults| faults.iter().any(|&fault| fault != 0.0))
                });
            let rows = steps.last().filter(|_| !stops);
            rows.map(|rows| rows[..=terms.len()].to_vec())
        };
        let outputs = expected.iter().map(last).collect();
        Ok(Verdict::Agreed {
            n_steps,
            outputs,
            terms,
        })
    }

    /// The sandbox gives the same values, or stops at the first output that is not finite.
    fn sandboxed(&self, wasm: &[u8], schema: &Schema, batches: &[Batch], expected: &[Steps]) -> Result<(), String> {
        let loaded = self
            .sandbox
            .load(wasm, Origin::Compiled, schema)
            .map_err(|error| format!("the sandbox refuses the module: {error}"))?;
        let mut reward = loaded.instantiate().map_err(|stop| stop.to_string())?;
        let mut rewards = Rewards::default();
        let n_outputs = 1 + loaded.interface().terms.len();
        let has_faults = !loaded.interface().faults.is_empty();
        for (batch, steps) in batches.iter().zip(expected) {
            reward.begin_all_episodes();
            for rows in steps {
                let outcome = reward.evaluate(batch, &mut rewards);
                let outputs = &rows[..n_outputs];
                let stops = |env_index: &usize| has_faults && rows[rows.len() - 1][*env_index] != 0.0;
                if let Some(env_index) = (0..batch.n_envs).find(stops) {
                    let expected_at = env_index;
                    match outcome.map_err(|stop| stop.cause) {
                        Err(StopCause::Raised { env_index, .. }) if env_index == expected_at => break,
                        other => return Err(format!("wasmtime: {other:?}, where environment {expected_at} stops")),
                    }
                }
                let finite = outputs.iter().flatten().all(|value| value.is_finite());
                match outcome {
                    Ok(()) if finite => {
                        let found = std::iter::once(&rewards.total).chain(&rewards.terms).cloned();
                        compare("wasmtime", &found.collect::<Vec<_>>(), outputs)?;
                    }
                    Err(stop) if !finite => match &stop.cause {
                        StopCause::NonFinite { env_index, .. }
                            if outputs.iter().any(|row| !row[*env_index].is_finite()) => {}
                        other => return Err(format!("stopped by {other}, where a value is not finite")),
                    },
                    outcome => return Err(format!("wasmtime: {outcome:?}, the interpreter: {outputs:?}")),
                }
            }
        }
        Ok(())
    }
}

/// What is in memory after each step: total, terms, memory slots, and fault numbers if there are any, `[step][row][N]`.
type Steps = Vec<Vec<Vec<f64>>>;

/// The interpreter's values: one step, or two if the program remembers anything.
fn interpreted(program: &ir::Program, variables: &[usize], batch: &Batch) -> Steps {
    let columns = variables.iter().map(|&variable| batch.columns[variable].clone());
    steps(program, &columns.collect::<Vec<_>>(), batch.n_envs)
}

fn steps(program: &ir::Program, inputs: &[Vec<f64>], n_envs: usize) -> Steps {
    let mut memory = interpret::initial_memory(program, n_envs);
    (0..if memory.is_empty() { 1 } else { 2 })
        .map(|_| {
            let evaluated = interpret::step(program, inputs, &memory, n_envs);
            memory = evaluated.memory.clone();
            let faults = Some(evaluated.faults).filter(|_| !program.faults.is_empty());
            let rows = std::iter::once(evaluated.total).chain(evaluated.terms);
            rows.chain(evaluated.memory).chain(faults).collect()
        })
        .collect()
}

/// A batch of N equals N batches of one.
fn one_by_one(program: &ir::Program, variables: &[usize], batch: &Batch, expected: &Steps) -> Result<(), String> {
    for env_index in 0..batch.n_envs {
        let inputs: Vec<Vec<f64>> = variables
            .iter()
            .zip(&program.inputs)
            .map(|(&variable, input)| {
                let column = &batch.columns[variable];
                match input.uniform {
                    true => column.clone(),
                    false => column.iter().skip(env_index).step_by(batch.n_envs).copied().collect(),
                }
            })
            .collect();
        for (found, expected) in steps(program, &inputs, 1).iter().zip(expected) {
            let expected: Vec<Vec<f64>> = expected.iter().map(|row| vec![row[env_index]]).collect();
            compare("one environment by itself", found, &expected)?;
        }
    }
    Ok(())
}

fn compare(who: &str, found: &[Vec<f64>], expected: &[Vec<f64>]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{who} gives {} outputs, not {}", found.len(), expected.len()));
    }
    for (output, (found, expected)) in found.iter().zip(expected).enumerate() {
        for (env_index, (&a, &b)) in found.iter().zip(expected).enumerate() {
            if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                return Err(format!(
                    "output {output} of environment {env_index}: {who} gives {a:e}, the interpreter {b:e}"
                ));
            }
        }
    }
    Ok(())
}
