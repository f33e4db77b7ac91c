//! Random streams that depend on nothing but what they are for.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// The stream for one purpose, such as `("offspring", [generation, index])`.
pub fn stream(seed: u64, indices: &[u64], purpose: &str) -> ChaCha8Rng {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    for index in indices {
        hasher.update(index.to_le_bytes());
    }
    hasher.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(hasher.finalize().into())
}

/// A seed for something that takes a number, such as the environments of the final judgement.
pub fn derived_seed(seed: u64, purpose: &str) -> u64 {
    use rand::Rng as _;
    stream(seed, &[], purpose).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_index_and_purpose_each_give_another_stream() {
        let seeds = [derived_seed(0, "a"), derived_seed(1, "a"), derived_seed(0, "b"), {
            use rand::Rng as _;
            stream(0, &[1], "a").next_u64()
        }];
        for (i, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..i].contains(seed));
        }
        assert_eq!(derived_seed(7, "a"), derived_seed(7, "a"));
    }
}
