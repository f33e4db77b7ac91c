//! Plays a rollout and writes down every number that a later one is held against.

use std::collections::BTreeMap;

use carrot_environment::{MEASURES, StepData, VecEnv};
use carrot_reward_interface::Diagnostic;
use carrot_reward_interface::schema::hex;
use sha2::{Digest as _, Sha256};

use crate::excitation::Moment;
use crate::golden::{Ended, Kind, Series, Summary};
use crate::prepared::check_named;
use crate::{Compared, Plays, Prepared, RegressionError, Spread};

/// What a rollout looked like.
pub(crate) struct Recording {
    pub(crate) summary: Summary,
    pub(crate) states: Vec<Vec<String>>,
    pub(crate) series: Vec<Series>,
}

/// Plays all steps of a plan, episode after episode.
pub(crate) fn play(prepared: &Prepared, plays: Plays<'_>) -> Result<Recording, RegressionError> {
    let (plan, bench) = (&prepared.plan, &prepared.bench);
    let refused = |diagnostics: Vec<Diagnostic>| {
        let text: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        RegressionError::Stopped(text.join("\n"))
    };
    let loaded = prepared
        .program
        .as_ref()
        .map(|program| bench.load(program).map_err(refused));
    let loaded = loaded.transpose()?;
    let programs = bench.programs(loaded.as_ref());
    let mut env = VecEnv::with_all_variables(&bench.task, programs, plan.envs, plan.seed, plays.threads)
        .map_err(|stop| RegressionError::Stopped(stop.to_string()))?;
    let total = loaded.as_ref().map(|_| "total");
    let terms = env.reward_terms().iter().map(String::as_str).chain(total);
    check_named(plan, "term", &plan.tolerances.named_terms, terms)?;
    let mut recorder = Recorder::new(prepared, env.reward_terms());
    let action_size = bench.task.action_size();
    let mut actions = vec![0.0; plan.envs * action_size];

    recorder.variables(&env);
    for step in 0..plan.steps {
        let at = Moment {
            step,
            steps: plan.steps,
            dt_secs: bench.task.control_dt_secs(),
            seed: plan.seed,
            action_size,
        };
        prepared.actions.act(&at, env.observations(), &mut actions);
        env.step(&actions)
            .map_err(|stop| RegressionError::Stopped(format!("step {}: {stop}", step + 1)))?;
        recorder.actions(&actions);
        recorder.variables(&env);
        recorder.scores(&env);
        recorder.episodes(step + 1, env.step_data());
        if (plays.observer)(((step + 1) * plan.envs) as u64).is_break() {
            return Err(RegressionError::Interrupted);
        }
    }
    Ok(recorder.finish())
}

/// Collects the series, in the order in which they stand in the golden.
struct Recorder<'a> {
    prepared: &'a Prepared,
    actions: Vec<Series>,
    variables: Vec<Series>,
    /// Each term, then the total.
    terms: Vec<Series>,
    /// What the task program says.
    measures: Vec<Series>,
    /// Values of each term over all environments, faulted steps left out.
    pooled: Vec<Vec<f64>>,
    states: Vec<Vec<String>>,
    ended: Vec<Ended>,
}

impl<'a> Recorder<'a> {
    fn new(prepared: &'a Prepared, terms: &[String]) -> Self {
        let envs = prepared.plan.envs;
        let series = |kind, name: &str, components: usize| {
            let name = name.to_owned();
            (0..envs).flat_map(move |env| {
                let name = name.clone();
                (0..components).map(move |component| Series {
                    kind,
                    name: name.clone(),
                    component,
                    env,
                    values: Vec::new(),
                })
            })
        };
        let variables = &prepared.bench.task.schema.variables;
        let terms = terms.iter().flat_map(|name| series(Kind::Term, name, 1));
        let terms: Vec<Series> = terms.chain(series(Kind::Total, "total", 1)).collect();
        Self {
            actions: series(Kind::Action, "action", prepared.bench.task.action_size()).collect(),
            variables: variables
                .iter()
                .flat_map(|variable| series(Kind::Variable, &variable.name, variable.components()))
                .collect(),
            pooled: vec![Vec::new(); terms.len() / envs],
            measures: MEASURES
                .into_iter()
                .flat_map(|name| series(Kind::Measure, name, 1))
                .collect(),
            terms,
            states: vec![Vec::new(); envs],
            ended: Vec::new(),
            prepared,
        }
    }

    /// Whether every step is kept; else the terms only, for their statistics.
    fn keeps_steps(&self) -> bool {
        self.prepared.plan.compare == Compared::Steps
    }

    fn actions(&mut self, actions: &[f32]) {
        if !self.keeps_steps() {
            return;
        }
        for (series, &action) in self.actions.iter_mut().zip(actions) {
            series.values.push(f64::from(action));
        }
    }

    /// The variables at the end of the step, and the state after any reset.
    fn variables(&mut self, env: &VecEnv) {
        if !self.keeps_steps() {
            return;
        }
        let schema = &self.prepared.bench.task.schema;
        let envs = self.states.len();
        let batch = &env.variables();
        let rows = (0..schema.variables.len())
            .flat_map(|variable| (0..envs).flat_map(move |index| batch.row(schema, variable, index)));
        for (series, value) in self.variables.iter_mut().zip(rows) {
            series.values.push(value);
        }
        for (index, states) in self.states.iter_mut().enumerate() {
            states.push(state_hash(&[env.qpos(index), env.qvel(index)]));
        }
    }

    /// What the reward and the task program say about the step.
    fn scores(&mut self, env: &VecEnv) {
        let (data, envs) = (env.step_data(), self.states.len());
        let terms = data.rewards.terms.iter().chain([&data.rewards.total]);
        for ((series, pooled), values) in self.terms.chunks_exact_mut(envs).zip(&mut self.pooled).zip(terms) {
            for ((series, &value), &faulted) in series.iter_mut().zip(values).zip(&data.faulted) {
                series.values.push(value);
                if !faulted {
                    pooled.push(value);
                }
            }
        }
        for (series, &value) in self.measures.iter_mut().zip(env.measures().iter().flatten()) {
            series.values.push(value);
        }
    }

    fn episodes(&mut self, step: usize, data: &StepData) {
        self.ended.extend(data.episodes.iter().map(|episode| Ended {
            step,
            env: episode.env_index,
            steps: episode.steps,
            fitness: episode.fitness,
            success: episode.success,
            fault: episode.fault.clone(),
        }));
    }

    fn finish(self) -> Recording {
        let scored: Vec<&Ended> = self.ended.iter().filter(|ended| ended.fault.is_none()).collect();
        let spread =
            |of: &dyn Fn(&Ended) -> f64| Spread::of(&scored.iter().map(|ended| of(ended)).collect::<Vec<f64>>());
        let names = self
            .terms
            .iter()
            .step_by(self.states.len())
            .map(|series| series.name.clone());
        let (total, terms) = self.pooled.split_last().expect("the total is always there");
        let terms: BTreeMap<String, Spread> = names.zip(terms.iter().map(|values| Spread::of(values))).collect();
        let total = Spread::of(total);
        let summary = Summary {
            fitness: spread(&|ended| ended.fitness),
            success_rate: spread(&|ended| f64::from(u8::from(ended.success))).mean,
            episode_length: spread(&|ended| ended.steps as f64),
            total,
            terms,
            episodes: self.ended,
        };
        let series = [self.actions, self.variables, self.terms, self.measures].concat();
        Recording {
            summary,
            states: self.states,
            series,
        }
    }
}

/// 64 bits of the SHA-256 over the bits of every number.
fn state_hash(numbers: &[Vec<f64>]) -> String {
    let mut hasher = Sha256::new();
    numbers
        .iter()
        .flatten()
        .for_each(|number| hasher.update(number.to_le_bytes()));
    hex(&hasher.finalize()[..8])
}
