//! The values that go into a reward and come out of it.

use crate::{Schema, Stop};

/// Values of all variables of a [`Schema`] for N environments, structure-of-arrays.
///
/// Shapes: `columns[v]` belongs to `schema.variables[v]` and is `[components, N]`, component-major and environment-minor;
/// a uniform variable's column is `[components]`. Every value is an f64: exact for each dtype, rounded once when a
/// program reads it as f32. Truth values are 0 or 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Number of environments N.
    pub n_envs: usize,
    /// One column per variable.
    pub columns: Vec<Vec<f64>>,
}

impl Batch {
    /// A batch of zeros.
    pub fn zeros(schema: &Schema, n_envs: usize) -> Self {
        let columns = schema
            .variables
            .iter()
            .map(|variable| vec![0.0; variable.components() * if variable.uniform { 1 } else { n_envs }])
            .collect();
        Self { n_envs, columns }
    }

    /// The scalars of one variable in one environment, in the order of its shape.
    pub fn row(&self, schema: &Schema, variable: usize, env_index: usize) -> Vec<f64> {
        let column = &self.columns[variable];
        if schema.variables[variable].uniform {
            return column.clone();
        }
        column
            .iter()
            .skip(env_index)
            .step_by(self.n_envs.max(1))
            .copied()
            .collect()
    }
}

/// What a reward gives for a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rewards {
    /// Reward per environment, `[N]`.
    pub total: Vec<f64>,
    /// Value of each reward term, `[K][N]`, in the order of [`RewardFn::terms`].
    pub terms: Vec<Vec<f64>>,
}

impl Rewards {
    /// No environments, and so many terms.
    pub fn clear(&mut self, terms: usize) {
        self.total.clear();
        self.terms.resize_with(terms, Vec::new);
        self.terms.iter_mut().for_each(Vec::clear);
    }
}

/// Anything that scores a batch of environments: a compiled program, and later a learned model or a mixture of them.
///
/// Environments are scored in two strokes, so that their numbers go straight to where the reward reads them: each
/// environment is placed as one row, and then all are evaluated at once.
pub trait RewardFn: Send {
    /// Names of the reward terms, in the order of [`Rewards::terms`].
    fn terms(&self) -> &[String];

    /// Positions in the schema of the variables it reads; whoever places rows may leave out all others.
    fn inputs(&self) -> &[usize];

    /// Sets what environment `env_index` of `n_envs` shows: `row` holds the numbers of all variables of the schema that this
    /// reward was bound to, one variable after the other; those it does not read may be anything.
    ///
    /// Placing into a batch of another size than before begins every episode anew, and every row must be placed again.
    ///
    /// Errors: a [`Stop`] when a batch of that size is more than the limits allow.
    fn place(&mut self, n_envs: usize, env_index: usize, row: &[f64]) -> Result<(), Stop>;

    /// Scores the rows as placed, into `rewards` (resized as needed).
    ///
    /// A reward with memory takes environment `i` of this call for environment `i` of the call before, one step later.
    ///
    /// Errors: a [`Stop`] when a limit was hit or a value is not finite; `rewards` is then meaningless.
    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop>;

    /// The next evaluation of this environment is the first of its episode: what the reward remembers of it is forgotten.
    fn begin_episode(&mut self, _env_index: usize) {}

    /// The same for every environment.
    fn begin_all_episodes(&mut self) {}

    /// What the reward remembers of an environment, to be put back by [`RewardFn::recall`]; empty where it remembers nothing.
    fn remembered(&self, _env_index: usize) -> Vec<u8> {
        Vec::new()
    }

    /// Puts back what [`RewardFn::remembered`] gave, for this or another environment of any instance of the same reward.
    fn recall(&mut self, _env_index: usize, _memory: &[u8]) {}
}

/// Makes instances of one reward; each has its own memory, so that threads share nothing.
pub trait RewardSource: Sync {
    /// Names of the reward terms.
    fn terms(&self) -> &[String];

    /// Whether some value depends on several environments, so that one instance must see all of them.
    fn whole_batch(&self) -> bool;

    /// A fresh instance.
    ///
    /// Errors: a [`Stop`] where none can be made.
    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_collects_the_components_of_one_environment() {
        let schema = Schema::from_toml("[variable.a]\nshape = [2]\n[variable.dt]\nuniform = true").unwrap();
        let mut batch = Batch::zeros(&schema, 3);
        batch.columns[0] = vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        batch.columns[1] = vec![0.02];
        assert_eq!(batch.row(&schema, 0, 1), [2.0, 20.0]);
        assert_eq!(batch.row(&schema, 1, 1), [0.02]);
    }
}
