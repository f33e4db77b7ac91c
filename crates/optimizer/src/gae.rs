//! How much better an action was than the policy's average: generalised advantage estimation.

/// A rollout as the estimator sees it. Every array is `[horizon, n_envs]`, time first.
#[derive(Debug, Clone, Copy)]
pub struct Transitions<'a> {
    /// Number of environments.
    pub n_envs: usize,
    /// Reward per step.
    pub rewards: &'a [f32],
    /// Value of the observation that was acted on.
    pub values: &'a [f32],
    /// Value of the observation that followed, *before* any reset.
    pub next_values: &'a [f32],
    /// The task ended the episode: nothing follows.
    pub terminated: &'a [bool],
    /// The episode ended for whatever reason: the next row belongs to another one.
    pub ended: &'a [bool],
}

/// An array whose length is not that of the rewards, or rewards that are not whole rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{array}` has {length} entries where {expected} belong")]
pub struct ShapeMismatch {
    /// Which array.
    pub array: &'static str,
    /// Its length.
    pub length: usize,
    /// The length it should have.
    pub expected: usize,
}

/// Generalised advantage estimation, `A[t] = δ[t] + γλ·(1 − ended[t])·A[t+1]`, into `advantages` (`[horizon, n_envs]`).
///
/// `δ[t] = r[t] + γ·(1 − terminated[t])·V_next[t] − V[t]`; a truncated step still bootstraps. Units: reward per step;
/// `discount` (γ) and `gae_lambda` (λ) in `[0, 1]`.
/// Errors: [`ShapeMismatch`] names the first array that disagrees.
/// Source: Schulman et al. 2016, arXiv:1506.02438, section 3. Worked by hand in `tests::three_steps`.
pub fn gae(
    transitions: &Transitions<'_>,
    discount: f32,
    gae_lambda: f32,
    advantages: &mut [f32],
) -> Result<(), ShapeMismatch> {
    let Transitions {
        n_envs,
        rewards,
        values,
        next_values,
        terminated,
        ended,
    } = *transitions;
    let rows = rewards.len() / n_envs.max(1);
    for (array, length, expected) in [
        ("rewards", rewards.len(), rows * n_envs),
        ("values", values.len(), rewards.len()),
        ("next_values", next_values.len(), rewards.len()),
        ("terminated", terminated.len(), rewards.len()),
        ("ended", ended.len(), rewards.len()),
        ("advantages", advantages.len(), rewards.len()),
    ] {
        if length != expected {
            return Err(ShapeMismatch {
                array,
                length,
                expected,
            });
        }
    }
    for step in (0..rewards.len()).rev() {
        let following = advantages.get(step + n_envs).copied().unwrap_or(0.0);
        let bootstrap = if terminated[step] {
            0.0
        } else {
            discount * next_values[step]
        };
        let carried = if ended[step] {
            0.0
        } else {
            discount * gae_lambda * following
        };
        advantages[step] = rewards[step] + bootstrap - values[step] + carried;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advantages(next_values: [f32; 3], terminated: [bool; 3], ended: [bool; 3]) -> [f32; 3] {
        let transitions = Transitions {
            n_envs: 1,
            rewards: &[1.0; 3],
            values: &[0.0; 3],
            next_values: &next_values,
            terminated: &terminated,
            ended: &ended,
        };
        let mut out = [0.0; 3];
        gae(&transitions, 0.5, 0.5, &mut out).unwrap();
        out
    }

    /// γ = λ = 1/2, so γλ = 1/4; rewards 1, values 0, final next value 2.
    #[test]
    fn three_steps() {
        let (no, at_1) = ([false; 3], [false, true, false]);
        // A[2] = 1 + 1/2·2 = 2;  A[1] = 1 + 1/4·2 = 3/2;  A[0] = 1 + 1/4·3/2 = 11/8
        assert_eq!(advantages([0.0, 0.0, 2.0], no, no), [1.375, 1.5, 2.0]);
        // Terminated at step 1: A[1] = 1, whatever its next value;  A[0] = 1 + 1/4·1 = 5/4
        assert_eq!(advantages([0.0, 9.0, 2.0], at_1, at_1), [1.25, 1.0, 2.0]);
        // Truncated there with next value 2: A[1] = 1 + 1/2·2 = 2;  A[0] = 1 + 1/4·2 = 3/2
        assert_eq!(advantages([0.0, 2.0, 2.0], no, at_1), [1.5, 2.0, 2.0]);
    }

    #[test]
    fn environments_do_not_mix() {
        let transitions = Transitions {
            n_envs: 2,
            rewards: &[1.0, 5.0, 1.0, 5.0],
            values: &[0.0; 4],
            next_values: &[0.0, 0.0, 2.0, 0.0],
            terminated: &[false, true, false, true],
            ended: &[false, true, false, true],
        };
        let mut out = [0.0; 4];
        gae(&transitions, 0.5, 0.5, &mut out).unwrap();
        assert_eq!(out, [1.5, 5.0, 2.0, 5.0]);
    }

    #[test]
    fn a_wrong_length_is_named() {
        let transitions = Transitions {
            n_envs: 2,
            rewards: &[0.0; 4],
            values: &[0.0; 4],
            next_values: &[0.0; 3],
            terminated: &[false; 4],
            ended: &[false; 4],
        };
        let error = gae(&transitions, 0.9, 0.9, &mut [0.0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "`next_values` has 3 entries where 4 belong");
    }
}
