//! Actions that need no policy: the same on every machine, and rich enough to move every joint.

use std::f64::consts::TAU;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// A built-in course of actions, each in [-1, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Excitation {
    /// No action: what gravity and the initial state do by themselves.
    Zero,
    /// Sines whose frequency rises evenly from `low_hz` to `high_hz` over the rollout, each actuator's shifted against the one before.
    Sine {
        /// Largest action.
        amplitude: f64,
        /// Frequency at the start.
        low_hz: f64,
        /// Frequency at the end.
        high_hz: f64,
    },
    /// Uniform in ±`amplitude`, drawn from the rollout's seed and kept for `hold_secs`.
    Random {
        /// Largest action.
        amplitude: f64,
        /// How long each draw is kept.
        hold_secs: f64,
    },
}

impl Excitation {
    /// What it is, for people and for the golden.
    pub fn describe(&self) -> String {
        match self {
            Self::Zero => "no action".into(),
            Self::Sine {
                amplitude,
                low_hz,
                high_hz,
            } => format!("sines of amplitude {amplitude} from {low_hz} to {high_hz} Hz"),
            Self::Random { amplitude, hold_secs } => {
                format!("random actions in ±{amplitude}, each kept for {hold_secs} s")
            }
        }
    }

    /// The actions of step `step` (from 0) of `steps` for every environment, `[N, A]`.
    pub(crate) fn act(&self, at: &Moment, actions: &mut [f32]) {
        match *self {
            Self::Zero => actions.fill(0.0),
            Self::Sine {
                amplitude,
                low_hz,
                high_hz,
            } => {
                let (time, length) = (at.step as f64 * at.dt_secs, at.steps as f64 * at.dt_secs);
                // The phase is the integral of a frequency that rises evenly.
                let turns = low_hz * time + 0.5 * (high_hz - low_hz) * time * time / length;
                for (index, action) in actions.iter_mut().enumerate() {
                    let shift = (index % at.action_size) as f64 / at.action_size as f64;
                    *action = (amplitude * libm::sin(TAU * (turns + shift))) as f32;
                }
            }
            Self::Random { amplitude, hold_secs } => {
                let held = ((hold_secs / at.dt_secs).round() as usize).max(1);
                for (env_index, actions) in actions.chunks_exact_mut(at.action_size).enumerate() {
                    let mut random = stream(at.seed, env_index, at.step / held);
                    actions
                        .iter_mut()
                        .for_each(|action| *action = (amplitude * random.random_range(-1.0..=1.0)) as f32);
                }
            }
        }
    }
}

/// Where in a rollout actions are asked for.
pub(crate) struct Moment {
    pub(crate) step: usize,
    pub(crate) steps: usize,
    pub(crate) dt_secs: f64,
    pub(crate) seed: u64,
    pub(crate) action_size: usize,
}

/// The stream of one draw: these three numbers are the generator's whole key, beside a mark that no environment uses.
fn stream(seed: u64, env_index: usize, draw: usize) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    let mark = u64::from_le_bytes(*b"excite\0\0");
    for (part, number) in key.chunks_exact_mut(8).zip([seed, env_index as u64, mark, draw as u64]) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(excitation: Excitation, step: usize, seed: u64) -> Vec<f32> {
        let at = Moment {
            step,
            steps: 100,
            dt_secs: 0.01,
            seed,
            action_size: 2,
        };
        let mut actions = vec![9.0; 4];
        excitation.act(&at, &mut actions);
        actions
    }

    #[test]
    fn a_sweep_starts_at_its_phase_and_turns_as_often_as_its_mean_frequency() {
        let sweep = Excitation::Sine {
            amplitude: 0.5,
            low_hz: 1.0,
            high_hz: 3.0,
        };
        // The second actuator is half a turn behind the first; both environments do the same.
        assert_eq!(
            actions(sweep, 0, 7),
            [0.0, actions(sweep, 0, 7)[1], 0.0, actions(sweep, 0, 7)[3]]
        );
        assert!(actions(sweep, 0, 7)[1].abs() < 1e-7);
        // After half a second 1 × 0.5 + ½ × 2 × 0.5² / 1 = 0.75 turns: the sine is at its lowest.
        assert!(
            (actions(sweep, 50, 7)[0] + 0.5).abs() < 1e-6,
            "{:?}",
            actions(sweep, 50, 7)
        );
    }

    #[test]
    fn random_actions_are_kept_and_depend_on_seed_environment_and_draw() {
        let random = Excitation::Random {
            amplitude: 0.3,
            hold_secs: 0.1,
        };
        let first = actions(random, 0, 1);
        assert_eq!(actions(random, 9, 1), first, "kept for ten steps");
        for other in [actions(random, 10, 1), actions(random, 0, 2)] {
            assert_ne!(other, first);
        }
        assert_ne!(first[..2], first[2..]);
        assert!(
            first.iter().all(|action| action.abs() <= 0.3 && *action != 0.0),
            "{first:?}"
        );
    }
}
