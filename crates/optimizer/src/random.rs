//! Random numbers of a training: one ChaCha8 stream per purpose, so that a change in how many numbers one part draws never
//! moves another part.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The stream of (seed, purpose): the key is the seed's eight bytes and then the purpose's text, padded with zeros.
pub(crate) fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..8 + purpose.len()].copy_from_slice(purpose.as_bytes());
    ChaCha8Rng::from_seed(key)
}

/// The `nth` stretch of the stream of (seed, purpose, index), 2^40 words after the one before: nothing need be remembered to
/// go on with it later.
pub(crate) fn nth_stream(seed: u64, purpose: &str, index: u64, nth: u64) -> ChaCha8Rng {
    let mut rng = stream(seed, purpose);
    rng.set_stream(index);
    rng.set_word_pos(u128::from(nth) << 40);
    rng
}

/// Standard normal numbers by Box and Muller's method, two from each pair of 24-bit uniform numbers.
pub(crate) fn fill_normal(rng: &mut ChaCha8Rng, out: &mut [f32]) {
    const STEP: f32 = 1.0 / 16_777_216.0;
    for pair in out.chunks_mut(2) {
        // In (0, 1], so that the logarithm is finite.
        let radius_draw = ((rng.next_u32() >> 8) + 1) as f32 * STEP;
        let angle = (rng.next_u32() >> 8) as f32 * (STEP * std::f32::consts::TAU);
        let radius = (-2.0 * libm::logf(radius_draw)).sqrt();
        let (sine, cosine) = libm::sincosf(angle);
        pair[0] = radius * cosine;
        if let Some(second) = pair.get_mut(1) {
            *second = radius * sine;
        }
    }
}

/// A permutation in place (Fisher and Yates).
pub(crate) fn shuffle(rng: &mut ChaCha8Rng, order: &mut [u32]) {
    for i in (1..order.len()).rev() {
        // A 64-bit draw times i + 1, high half: the bias is below 2^-32.
        let j = ((u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64) as usize;
        order.swap(i, j);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let mut normals = vec![0.0; 200_001];
        fill_normal(&mut stream(7, "test"), &mut normals);
        let mean_of = |power: i32| normals.iter().map(|&n| f64::from(n).powi(power)).sum::<f64>() / 200_001.0;
        // Five standard errors of each moment.
        for (power, expected, tolerance) in [(1, 0.0, 0.011), (2, 1.0, 0.016), (3, 0.0, 0.044), (4, 3.0, 0.11)] {
            assert!(
                (mean_of(power) - expected).abs() < tolerance,
                "moment {power}: {}",
                mean_of(power)
            );
        }
    }

    #[test]
    fn purposes_and_seeds_give_different_streams() {
        let first = |seed, purpose| stream(seed, purpose).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
        let nth = |index, nth| nth_stream(1, "a", index, nth).next_u64();
        assert_eq!(nth(3, 5), nth(3, 5));
        assert_ne!(nth(3, 5), nth(3, 6));
        assert_ne!(nth(3, 5), nth(2, 5));
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut order: Vec<u32> = (0..1000).collect();
        shuffle(&mut stream(1, "test"), &mut order);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
