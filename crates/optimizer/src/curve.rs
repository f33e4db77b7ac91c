//! The learning curve: about ten checkpoints, each the mean of everything since the one before.

use carrot_environment::Checkpoint;
use carrot_reward_interface::Stop;
use serde::{Deserialize, Serialize};

use crate::rollout::{Rollout, diverged};

/// Checkpoints in a training.
const CHECKPOINTS: u64 = 10;

/// Largest share of episodes that may end by divergence.
const FAULT_SHARE: f64 = 0.2;

/// Collects rollouts into checkpoints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Curve {
    /// Steps of the whole training.
    total_steps: u64,
    steps: u64,
    pending: Sums,
    episodes: u64,
    faults: u64,
    /// Finished checkpoints.
    pub checkpoints: Vec<Checkpoint>,
}

/// Sums since the last checkpoint.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sums {
    steps: u64,
    reward: f64,
    reward_range: Range,
    terms: Vec<f64>,
    term_ranges: Vec<Range>,
    episodes: u64,
    fitness: f64,
    successes: u64,
    length: u64,
    lengths: Option<[u64; 2]>,
    faults: u64,
    updates: u64,
    diagnostics: Vec<(String, f64)>,
}

/// The smallest and the largest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    low: f64,
    high: f64,
}

impl Curve {
    /// Of a training of `total_steps` environment steps.
    pub(crate) fn new(total_steps: u64) -> Self {
        Self {
            total_steps,
            steps: 0,
            pending: Sums::default(),
            episodes: 0,
            faults: 0,
            checkpoints: Vec::new(),
        }
    }

    /// Takes in a rollout.
    ///
    /// Errors: [`carrot_reward_interface::StopCause::Diverged`] when more than a fifth of the episodes diverged (of at
    /// least twenty, or at the end).
    pub(crate) fn take_in(&mut self, rollout: &Rollout) -> Result<(), Stop> {
        self.steps += rollout.steps() as u64;
        self.pending.take_in(rollout);
        self.episodes += rollout.episodes.len() as u64;
        self.faults += rollout
            .episodes
            .iter()
            .filter(|episode| episode.fault.is_some())
            .count() as u64;
        let finished = self.steps >= self.total_steps;
        if (self.episodes >= 20 || finished) && self.faults as f64 > FAULT_SHARE * self.episodes as f64 {
            let example = rollout.episodes.iter().find_map(|episode| episode.fault.clone());
            return Err(diverged(format!(
                "{} of {} episodes within {} training steps{}",
                self.faults,
                self.episodes,
                self.steps,
                example.map(|fault| format!(", lately: {fault}")).unwrap_or_default()
            )));
        }
        Ok(())
    }

    /// Takes in how the update after the rollout went, by name, and closes a checkpoint where a tenth of the training is full.
    pub(crate) fn close(&mut self, diagnostics: &[(&str, f64)]) {
        self.pending.add_diagnostics(diagnostics);
        let due = (self.checkpoints.len() as u64 + 1) * self.total_steps / CHECKPOINTS;
        if self.steps >= due || self.steps >= self.total_steps {
            let sums = std::mem::take(&mut self.pending);
            self.checkpoints.push(sums.checkpoint(self.steps));
        }
    }
}

impl Default for Range {
    /// Of no numbers.
    fn default() -> Self {
        Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        }
    }
}

impl Range {
    pub(crate) fn take_in(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    fn join(&mut self, other: &Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    /// Both, unless there was no number.
    fn ends(&self) -> Option<[f64; 2]> {
        (self.low <= self.high).then_some([self.low, self.high])
    }
}

impl Sums {
    fn take_in(&mut self, rollout: &Rollout) {
        self.steps += rollout.valid_steps().count() as u64;
        for column in &rollout.columns {
            self.reward += column.rewards.iter().sum::<f64>();
            let valid = column.rewards.iter().zip(&column.faulted);
            for (&reward, _) in valid.filter(|(_, faulted)| !**faulted) {
                self.reward_range.take_in(reward);
            }
            self.terms.resize(column.term_sums.len(), 0.0);
            for (sum, term) in self.terms.iter_mut().zip(&column.term_sums) {
                *sum += term;
            }
            self.term_ranges.resize(column.term_ranges.len(), Range::default());
            for (range, of_column) in self.term_ranges.iter_mut().zip(&column.term_ranges) {
                range.join(of_column);
            }
        }
        for episode in &rollout.episodes {
            if episode.fault.is_some() {
                self.faults += 1;
                continue;
            }
            self.episodes += 1;
            self.fitness += episode.fitness;
            self.successes += u64::from(episode.success);
            let length = episode.steps as u64;
            self.length += length;
            let [shortest, longest] = self.lengths.unwrap_or([length; 2]);
            self.lengths = Some([shortest.min(length), longest.max(length)]);
        }
    }

    fn add_diagnostics(&mut self, diagnostics: &[(&str, f64)]) {
        // A round without an update, as before off-policy learning starts, has none.
        self.updates += u64::from(!diagnostics.is_empty());
        let named = |&(name, _): &(&str, f64)| (name.to_owned(), 0.0);
        if self.diagnostics.is_empty() {
            self.diagnostics = diagnostics.iter().map(named).collect();
        }
        for ((_, sum), (_, value)) in self.diagnostics.iter_mut().zip(diagnostics) {
            *sum += value;
        }
    }

    fn checkpoint(self, steps: u64) -> Checkpoint {
        let per_step = |sum: f64| sum / self.steps.max(1) as f64;
        let per_episode = |sum: f64| (self.episodes > 0).then(|| sum / self.episodes as f64);
        Checkpoint {
            steps,
            fitness: per_episode(self.fitness),
            success_rate: per_episode(self.successes as f64),
            episode_length: per_episode(self.length as f64),
            episode_lengths: self.lengths,
            reward: per_step(self.reward),
            reward_range: self.reward_range.ends(),
            terms: self.terms.iter().map(|&sum| per_step(sum)).collect(),
            term_ranges: self.term_ranges.iter().filter_map(Range::ends).collect(),
            faults: self.faults,
            diagnostics: (self.diagnostics.into_iter())
                .map(|(name, sum)| (name, sum / self.updates.max(1) as f64))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use carrot_environment::Episode;

    use super::*;
    use crate::actor_critic::ActorCritic;
    use crate::kernels::Activation;
    use crate::rollout::Column;

    fn rollout(episodes: &[(f64, Option<&str>)]) -> Rollout {
        let model = ActorCritic::new([1, 0], 1, &[1], Activation::Tanh, 0.0, 0);
        let mut column = Column::new(&model, 4, 1);
        column.rewards = vec![1.0, 3.0, 0.0, 2.0];
        column.faulted[2] = true;
        column.term_sums = vec![9.0];
        column.term_ranges[0].take_in(-1.5);
        column.term_ranges[0].take_in(6.0);
        Rollout {
            columns: vec![column],
            horizon: 4,
            episodes: episodes
                .iter()
                .map(|&(fitness, fault)| Episode {
                    env_index: 0,
                    fitness,
                    success: fitness > 1.0,
                    steps: if fitness > 3.0 {
                        5
                    } else if fitness < 2.0 {
                        3
                    } else {
                        4
                    },
                    fault: fault.map(Into::into),
                })
                .collect(),
            ..Rollout::default()
        }
    }

    #[test]
    fn a_checkpoint_is_the_mean_since_the_last() {
        let mut curve = Curve::new(80);
        let ended = [(1.0, None), (4.0, None), (2.0, None), (3.0, None), (9.0, Some("NaN"))];
        curve.take_in(&rollout(&ended)).unwrap();
        curve.close(&[("kl", 0.5)]);
        assert!(curve.checkpoints.is_empty());
        curve.take_in(&rollout(&[])).unwrap();
        curve.close(&[("kl", 0.25)]);
        let expected = Checkpoint {
            steps: 8,
            fitness: Some(2.5),
            success_rate: Some(0.75),
            episode_length: Some(4.0),
            episode_lengths: Some([3, 5]),
            reward: 2.0,
            // The step that faulted has no reward.
            reward_range: Some([1.0, 3.0]),
            terms: vec![3.0],
            term_ranges: vec![[-1.5, 6.0]],
            faults: 1,
            diagnostics: vec![("kl".into(), 0.375)],
        };
        assert_eq!(curve.checkpoints, [expected]);
        for _ in 2..20 {
            curve.take_in(&rollout(&[])).unwrap();
            curve.close(&[("kl", 0.0)]);
        }
        assert_eq!(curve.checkpoints.len(), 10);
        assert_eq!(curve.checkpoints[9].fitness, None);
    }

    #[test]
    fn a_training_that_keeps_diverging_stops() {
        let mut curve = Curve::new(1_000_000);
        let broken = [(0.0, Some("NaN in QACC")), (1.0, None), (1.0, None)];
        for _ in 0..6 {
            curve.take_in(&rollout(&broken)).unwrap();
        }
        let stop = curve.take_in(&rollout(&broken)).unwrap_err().to_string();
        assert!(
            stop.contains("7 of 21 episodes within 28 training steps, lately: NaN in QACC"),
            "{stop}"
        );
    }
}
