//! How well a policy does its task, without exploration.

use carrot_environment::{Episode, Evaluation, StepData, VecEnv};
use carrot_reward_interface::Stop;

use crate::policy::Policy;
use crate::rollout::{check_finite, diverged, finite};

/// Plays whole episodes with the policy's mean action: the first `episodes / N` (rounded up) of each environment, so that
/// short episodes are not favoured.
///
/// Every episode of `env`, which has the reward to report, starts anew. The number of episodes that were played stands in the result.
///
/// Errors: a [`Stop`] of the reward or task program, or `Diverged` when an episode faulted: it is not scored.
///
/// # Panics
/// If the policy was trained for other observation or action sizes.
pub fn evaluate(policy: &Policy, env: &mut VecEnv, episodes: usize) -> Result<Evaluation, Stop> {
    env.reset()?;
    let terms = env.reward_terms().to_vec();
    let n_envs = env.n_envs();
    let mut tally = Tally {
        missing: vec![episodes.div_ceil(n_envs).max(1); n_envs],
        episodes: Vec::new(),
        steps: 0,
        total: 0.0,
        terms: vec![0.0; terms.len()],
    };
    let mut actions = vec![0.0; n_envs * policy.action_size()];
    while tally.missing.iter().any(|&missing| missing > 0) {
        check_finite(env.observations(), policy.observation_size(), 0)?;
        policy.act(env.observations(), &mut actions);
        let data = env.step(&actions)?;
        tally.take_in(data, &terms)?;
    }
    Ok(tally.evaluation(&terms))
}

/// Sums over the steps and episodes that count.
struct Tally {
    /// Episodes that each environment has still to play.
    missing: Vec<usize>,
    episodes: Vec<Episode>,
    steps: usize,
    total: f64,
    terms: Vec<f64>,
}

impl Tally {
    fn take_in(&mut self, data: &StepData, names: &[String]) -> Result<(), Stop> {
        for env_index in (0..self.missing.len()).filter(|&env_index| self.missing[env_index] > 0) {
            if data.faulted[env_index] {
                continue;
            }
            self.steps += 1;
            self.total += finite(data.rewards.total[env_index], "total", env_index)?;
            for ((sum, term), name) in self.terms.iter_mut().zip(&data.rewards.terms).zip(names) {
                *sum += finite(term[env_index], name, env_index)?;
            }
        }
        for episode in data.episodes.iter() {
            let missing = &mut self.missing[episode.env_index];
            if *missing == 0 {
                continue;
            }
            if let Some(fault) = &episode.fault {
                return Err(diverged(format!(
                    "evaluation episode of environment {} after {} steps: {fault}",
                    episode.env_index, episode.steps
                )));
            }
            *missing -= 1;
            self.episodes.push(episode.clone());
        }
        Ok(())
    }

    fn evaluation(&self, names: &[String]) -> Evaluation {
        let count = self.episodes.len() as f64;
        let mean = |of: &dyn Fn(&Episode) -> f64| self.episodes.iter().map(of).sum::<f64>() / count;
        let fitness = mean(&|episode| episode.fitness);
        let squares = mean(&|episode| (episode.fitness - fitness).powi(2)) * count;
        let per_step = |sum: f64| sum / self.steps.max(1) as f64;
        Evaluation {
            fitness,
            fitness_sd: (squares / (count - 1.0).max(1.0)).sqrt(),
            success_rate: mean(&|episode| f64::from(u8::from(episode.success))),
            episode_length: mean(&|episode| episode.steps as f64),
            episodes: self.episodes.len(),
            episode_return: self.total / count,
            terms: names
                .iter()
                .cloned()
                .zip(self.terms.iter().map(|&sum| per_step(sum)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use carrot_reward_interface::Rewards;

    use super::*;

    fn step(total: [f64; 2], ended: &[(usize, f64, usize, Option<&str>)]) -> StepData {
        let episodes = ended.iter().map(|&(env_index, fitness, steps, fault)| Episode {
            env_index,
            fitness,
            success: fitness > 2.0,
            steps,
            fault: fault.map(Into::into),
        });
        StepData {
            faulted: (0..2)
                .map(|env| ended.iter().any(|e| e.0 == env && e.3.is_some()))
                .collect(),
            episodes: episodes.collect(),
            rewards: Rewards {
                total: total.into(),
                terms: vec![total.into()],
            },
            ..StepData::default()
        }
    }

    fn tally() -> Tally {
        Tally {
            missing: vec![1, 1],
            episodes: Vec::new(),
            steps: 0,
            total: 0.0,
            terms: vec![0.0],
        }
    }

    #[test]
    fn short_episodes_are_not_favoured() {
        let mut tally = tally();
        // Environment 0 ends after one step, then plays another short episode that must not count.
        for (total, ended) in [
            ([1.0, 2.0], vec![(0, 1.0, 1, None)]),
            ([100.0, 2.0], vec![(0, 50.0, 1, None)]),
            ([100.0, 2.0], vec![(1, 4.0, 3, None)]),
        ] {
            tally.take_in(&step(total, &ended), &["go".into()]).unwrap();
        }
        let expected = Evaluation {
            fitness: 2.5,
            fitness_sd: 4.5_f64.sqrt(), // ((1 − 2.5)² + (4 − 2.5)²) / (2 − 1)
            success_rate: 0.5,
            episode_length: 2.0,
            episodes: 2,
            episode_return: 3.5,
            terms: vec![("go".into(), 7.0 / 4.0)],
        };
        assert_eq!(tally.evaluation(&["go".into()]), expected);
    }

    #[test]
    fn a_diverged_episode_is_not_scored() {
        let data = step([1.0, f64::NAN], &[(1, 3.0, 17, Some("NaN in QACC"))]);
        let stop = tally().take_in(&data, &["go".into()]).unwrap_err().to_string();
        assert!(
            stop.contains("evaluation episode of environment 1 after 17 steps: NaN in QACC"),
            "{stop}"
        );
    }
}
