//! What was seen, to be learned from again: a ring of transitions in one piece of memory.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Limit of a reward in the buffer, so that it and its square stay finite.
const LARGEST_REWARD: f64 = 1e30;

/// Transitions as rows `[observation | action | next observation | reward | whether anything follows]`, as the environment
/// gave them. An observation includes what only critics see.
#[derive(Debug)]
pub(crate) struct Replay {
    observation_size: usize,
    action_size: usize,
    capacity: usize,
    rows: Vec<f32>,
    next: usize,
    len: usize,
}

/// One transition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Transition<'a> {
    /// `[O]`.
    pub observation: &'a [f32],
    /// `[A]`, in [-1, 1].
    pub action: &'a [f32],
    /// What followed, before any reset, `[O]`.
    pub next_observation: &'a [f32],
    /// Reward as the program gave it, limited to ±1e30.
    pub reward: f32,
    /// The task ended the episode: nothing follows. A time limit does not count.
    pub terminated: bool,
}

impl Replay {
    /// Memory for `capacity` transitions.
    ///
    /// Errors: the megabytes that could not be had.
    pub(crate) fn new(observation_size: usize, action_size: usize, capacity: usize) -> Result<Self, usize> {
        let row = 2 * observation_size + action_size + 2;
        let mut rows = Vec::new();
        let numbers = capacity.saturating_mul(row);
        rows.try_reserve_exact(numbers).map_err(|_| numbers / 262_144)?;
        Ok(Self {
            observation_size,
            action_size,
            capacity,
            rows,
            next: 0,
            len: 0,
        })
    }

    /// Number of transitions.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes in a transition; a full buffer forgets its oldest.
    pub(crate) fn push(
        &mut self,
        observation: &[f32],
        action: &[f32],
        next_observation: &[f32],
        reward: f64,
        terminated: bool,
    ) {
        let reward = reward.clamp(-LARGEST_REWARD, LARGEST_REWARD) as f32;
        let rest = [reward, f32::from(u8::from(!terminated))];
        let parts = [observation, action, next_observation, &rest];
        if self.len < self.capacity {
            parts.iter().for_each(|part| self.rows.extend_from_slice(part));
            self.len += 1;
        } else {
            let mut place = self.next * self.row();
            for part in parts {
                self.rows[place..place + part.len()].copy_from_slice(part);
                place += part.len();
            }
        }
        self.next = (self.next + 1) % self.capacity;
    }

    /// A transition by its place.
    pub(crate) fn get(&self, index: u32) -> Transition<'_> {
        let row = &self.rows[index as usize * self.row()..][..self.row()];
        let (observation, row) = row.split_at(self.observation_size);
        let (action, row) = row.split_at(self.action_size);
        let (next_observation, row) = row.split_at(self.observation_size);
        Transition {
            observation,
            action,
            next_observation,
            reward: row[0],
            terminated: row[1] == 0.0,
        }
    }

    /// Draws places of transitions, each as likely as any other, with replacement.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, indices: &mut [u32]) {
        for index in indices {
            // A 64-bit draw times the length, high half: the bias is below 2^-32.
            *index = ((u128::from(rng.next_u64()) * self.len as u128) >> 64) as u32;
        }
    }

    fn row(&self) -> usize {
        2 * self.observation_size + self.action_size + 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    fn filled(capacity: usize, count: usize) -> Replay {
        let mut replay = Replay::new(2, 1, capacity).unwrap();
        for i in 0..count {
            let x = i as f32;
            replay.push(
                &[x, -x],
                &[x / 100.0],
                &[x + 1.0, -x - 1.0],
                f64::from(x) * 2.0,
                i % 3 == 0,
            );
        }
        replay
    }

    #[test]
    fn transitions_come_back_as_they_went_in() {
        let replay = filled(10, 7);
        assert_eq!(replay.len(), 7);
        let expected = Transition {
            observation: &[4.0, -4.0],
            action: &[0.04],
            next_observation: &[5.0, -5.0],
            reward: 8.0,
            terminated: false,
        };
        assert_eq!(replay.get(4), expected);
        assert!(replay.get(3).terminated);
    }

    #[test]
    fn the_newest_replaces_the_oldest() {
        let replay = filled(10, 23);
        assert_eq!(replay.len(), 10);
        let mut rewards: Vec<f32> = (0..10).map(|index| replay.get(index).reward).collect();
        rewards.sort_by(f32::total_cmp);
        assert_eq!(rewards, (13..23).map(|i| i as f32 * 2.0).collect::<Vec<f32>>());
    }

    #[test]
    fn every_transition_is_drawn_as_often() {
        let replay = filled(16, 10);
        let mut indices = vec![0; 100_000];
        replay.draw(&mut stream(1, "test"), &mut indices);
        for index in 0..10 {
            let count = indices.iter().filter(|&&drawn| drawn == index).count();
            // Five standard deviations of a binomial.
            assert!((count as f64 - 10_000.0).abs() < 475.0, "{index}: {count}");
        }
    }

    #[test]
    fn huge_rewards_are_limited_and_memory_that_is_not_there_is_named() {
        let mut replay = Replay::new(1, 1, 4).unwrap();
        replay.push(&[0.0], &[0.0], &[0.0], 1e290, false);
        assert_eq!(replay.get(0).reward, 1e30);
        let megabytes = Replay::new(1 << 40, 1, 1 << 40).unwrap_err();
        assert!(megabytes > 1 << 40);
    }
}
