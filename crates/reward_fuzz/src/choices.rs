//! Where decisions come from: a seed, or the bytes that a fuzzer hands over.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of decisions. Equal seeds, or equal bytes, decide equally.
pub enum Choices<'a> {
    /// Endless, from a seed.
    Seed(Box<ChaCha8Rng>),
    /// A fuzzer's bytes, two for a decision; when they are used up, every decision is the first one, so that programs end.
    Bytes(&'a [u8]),
}

impl<'a> Choices<'a> {
    /// The stream of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self::Seed(Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// The stream that bytes give.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }

    /// A whole number in `0..n`; 0 if there is no other.
    pub fn below(&mut self, n: usize) -> usize {
        if n <= 1 {
            return 0;
        }
        match self {
            Self::Seed(random) => random.random_range(0..n),
            Self::Bytes(bytes) => {
                let (now, later) = bytes.split_at(bytes.len().min(2));
                *bytes = later;
                now.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)) % n
            }
        }
    }

    /// True in about `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        // The first decision must be the quiet one, see `Bytes`.
        self.below(100) >= 100 - percent
    }

    /// One of several things.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// An index with probability in proportion to its weight.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            if at < weight {
                return index;
            }
            at -= weight;
        }
        0
    }
}
