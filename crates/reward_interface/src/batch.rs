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

/// Anything that scores a batch of environments: a compiled program, and later a learned model or a mixture of them.
pub trait RewardFn: Send {
    /// Names of the reward terms, in the order of [`Rewards::terms`].
    fn terms(&self) -> &[String];

    /// Scores `batch`, whose columns follow the schema that this reward was bound to, into `rewards` (resized as needed).
    ///
    /// A reward with memory takes environment `i` of this call for environment `i` of the call before, one step later; a
    /// batch of another size begins every episode anew.
    ///
    /// Errors: a [`Stop`] when a limit was hit or a value is not finite; `rewards` is then meaningless.
    fn evaluate(&mut self, batch: &Batch, rewards: &mut Rewards) -> Result<(), Stop>;

    /// The next evaluation of this environment is the first of its episode: what the reward remembers of it is forgotten.
    fn begin_episode(&mut self, _env_index: usize) {}

    /// The same for every environment.
    fn begin_all_episodes(&mut self) {}
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
