//! Random streams that depend on what they are for and on nothing else.
//!
//! One shared generator would make results depend on the order in which environments happen to end; here every use has
//! its own stream, so threads change speed only.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What random numbers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Noise on the initial state of an episode.
    Reset,
    /// What the task asks for during an episode.
    Command,
    /// How the world of an episode differs from the model, and pushes.
    Randomization,
    /// Noise on what the policy sees.
    Observation,
}

/// The stream of (`seed`, `env_index`, `purpose`, `episode`): these four numbers are the generator's whole key.
pub(crate) fn stream(seed: u64, env_index: usize, purpose: Purpose, episode: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    for (part, number) in key
        .chunks_exact_mut(8)
        .zip([seed, env_index as u64, purpose as u64, episode])
    {
        part.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::Rng;

    use super::*;

    #[test]
    fn every_part_of_the_key_matters() {
        let first = |seed, env_index, episode| stream(seed, env_index, Purpose::Reset, episode).next_u64();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let others = [first(0, 2, 3), first(1, 0, 3), first(1, 2, 0), first(2, 1, 3)];
        assert!(others.iter().all(|&other| other != first(1, 2, 3)), "{others:?}");
    }
}
