//! Actions `a = tanh u` with `u = μ + σ·ε`: their density, and how a loss moves μ and log σ.
//!
//! Source: Haarnoja et al. 2018, arXiv:1801.01290, appendix C; the logarithm of 1 − tanh² is written so that it neither
//! cancels nor overflows.

use crate::kernels::tanh;

/// Limits of log σ, as published; outside, it gets no gradient.
const LOG_STD: (f32, f32) = (-20.0, 2.0);

const HALF_LOG_TAU: f32 = 0.918_938_5;

/// What an actor's network gives for some rows: `[rows, width]`, means and then log σ.
#[derive(Clone, Copy)]
pub(crate) struct Heads<'a> {
    /// `[rows, width]`.
    pub outputs: &'a [f32],
    /// Row length.
    pub width: usize,
    /// Action length A.
    pub size: usize,
}

impl Heads<'_> {
    /// Actions `[rows, A]` for `noise` ε (`[rows, A]`), and the logarithm of each row's density.
    pub(crate) fn draw(&self, noise: &[f32], actions: &mut [f32], log_densities: &mut [f32]) {
        let rows = self.outputs.chunks_exact(self.width).zip(noise.chunks_exact(self.size));
        let results = actions.chunks_exact_mut(self.size).zip(log_densities);
        for ((outputs, noise), (actions, log_density)) in rows.zip(results) {
            *log_density = 0.0;
            for (j, (action, &noise)) in actions.iter_mut().zip(noise).enumerate() {
                let log_std = limited(outputs[self.size + j]);
                let u = outputs[j] + libm::expf(log_std) * noise;
                *action = u;
                *log_density -= 0.5 * noise * noise + log_std + HALF_LOG_TAU + log_slope(u);
            }
        }
        tanh(actions);
    }

    /// Gradient `[rows, width]` of `share·Σ (temperature·log π − Q)` with respect to the outputs, for the drawn `actions`
    /// and the gradient of Q with respect to them (both `[rows, A]`).
    pub(crate) fn gradient(
        &self,
        noise: &[f32],
        actions: &[f32],
        value_gradient: &[f32],
        temperature: f32,
        share: f32,
        gradient: &mut [f32],
    ) {
        for (row, gradient) in gradient.chunks_exact_mut(self.width).enumerate() {
            let outputs = &self.outputs[row * self.width..][..self.width];
            for j in 0..self.size {
                let place = row * self.size + j;
                let action = actions[place];
                let log_std = outputs[self.size + j];
                // −log(1 − tanh² u) has the slope 2·tanh u.
                let of_u = 2.0 * temperature * action - value_gradient[place] * (1.0 - action * action);
                gradient[j] = share * of_u;
                gradient[self.size + j] = match log_std == limited(log_std) {
                    true => share * (of_u * libm::expf(log_std) * noise[place] - temperature),
                    false => 0.0,
                };
            }
        }
    }
}

fn limited(log_std: f32) -> f32 {
    log_std.clamp(LOG_STD.0, LOG_STD.1)
}

/// `log(1 − tanh² u) = 2·(log 2 − |u| − log(1 + exp(−2|u|)))`.
fn log_slope(u: f32) -> f32 {
    2.0 * (std::f32::consts::LN_2 - u.abs() - libm::log1pf(libm::expf(-2.0 * u.abs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_the_slope_neither_cancels_nor_overflows() {
        for u in [0.0_f32, 1e-3, 0.5, -3.0, 8.0] {
            let exact = (1.0 - libm::tanh(f64::from(u)).powi(2)).ln();
            assert!(
                (f64::from(log_slope(u)) - exact).abs() < 2e-6 * (1.0 + exact.abs()),
                "{u}"
            );
        }
        // Beyond what 1 − tanh² can hold, it is log 4 − 2|u|.
        assert!((log_slope(-50.0) - (4.0_f32.ln() - 100.0)).abs() < 1e-4);
        assert!(log_slope(1e30).is_finite());
    }

    /// A density over (−1, 1) has the integral 1: sum over a fine grid of actions, by the ε that gives each.
    #[test]
    fn the_density_is_one_of_actions() {
        let (mean, log_std) = (0.4_f32, -0.3_f32);
        let outputs = [mean, log_std];
        let heads = Heads {
            outputs: &outputs,
            width: 2,
            size: 1,
        };
        let count = 20_000;
        let integral: f64 = (0..count)
            .map(|i| {
                let wanted = -1.0 + (f64::from(i) + 0.5) * 2.0 / f64::from(count);
                let noise = [((libm::atanh(wanted) - f64::from(mean)) / f64::from(log_std).exp()) as f32];
                let (mut action, mut log_density) = ([0.0], [0.0]);
                heads.draw(&noise, &mut action, &mut log_density);
                assert!((f64::from(action[0]) - wanted).abs() < 1e-5);
                f64::from(log_density[0]).exp() * 2.0 / f64::from(count)
            })
            .sum();
        assert!((integral - 1.0).abs() < 1e-3, "{integral}");
    }
}
