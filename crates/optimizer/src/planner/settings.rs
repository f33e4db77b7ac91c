//! What shapes a plan, and what is refused before one is made.

use carrot_environment::AfterEnd;
use serde::{Deserialize, Serialize};

use super::PlanError;

/// Everything that shapes a plan. Missing keys in a file take the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSettings {
    /// How the next plan comes from the rollouts.
    pub planner: PlannerKind,
    /// How far ahead a plan looks, s.
    pub horizon_secs: f64,
    /// Points in time at which an action is chosen; what lies between them follows from [`PlanSettings::interpolation`].
    pub knots: usize,
    /// How actions between knots come about.
    pub interpolation: Interpolation,
    /// Rollouts in each iteration. The first is the plan so far, without noise.
    pub rollouts: usize,
    /// Rounds of rollouts for one plan.
    pub iterations: usize,
    /// Standard deviation of the noise on each knot; actions lie in [-1, 1].
    pub noise: f64,
    /// Smallest standard deviation that the cross-entropy method narrows a knot to.
    pub noise_floor: f64,
    /// Rollouts that the cross-entropy method keeps.
    pub elites: usize,
    /// Temperature of MPPI, in standard deviations of the rollouts' returns: the smaller, the more the best ones count.
    pub temperature: f64,
    /// Control steps from one plan to the next.
    pub replan_every: usize,
    /// Factor of a reward for every step by which it comes later.
    pub discount: f64,
    /// What the rest of a rollout counts once the task has ended its episode.
    pub after_end: AfterEnd,
}

/// How the next plan comes from the rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlannerKind {
    /// Predictive sampling: the best rollout.
    ///
    /// Source: Howell et al. 2022, arXiv:2212.00541.
    Sampling,
    /// Model-predictive path integral control: the mean of all rollouts, weighted by the exponential of their returns.
    ///
    /// Source: Williams et al. 2017, arXiv:1707.02342; returns are scaled by their deviation as in Xue et al. 2024,
    /// arXiv:2409.15610, so that a temperature fits any reward.
    Mppi,
    /// Cross-entropy method: mean and deviation of the best rollouts, from which the next iteration is drawn.
    ///
    /// Source: Rubinstein 1999; for trajectories Kobilarov 2012.
    Cem,
}

/// How actions between knots come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Each knot holds until the next.
    Zero,
    /// Straight lines.
    Linear,
    /// Cubic Hermite splines through the knots, with the slopes of the neighbours (Catmull and Rom).
    Cubic,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            planner: PlannerKind::Mppi,
            horizon_secs: 0.6,
            knots: 5,
            interpolation: Interpolation::Linear,
            rollouts: 64,
            iterations: 1,
            noise: 0.4,
            noise_floor: 0.05,
            elites: 8,
            temperature: 0.1,
            replan_every: 1,
            discount: 1.0,
            after_end: AfterEnd::Zero,
        }
    }
}

impl PlanSettings {
    /// These settings with the keys of `overrides` (a task's `[plan]` table, a command line) in place of their own.
    ///
    /// Errors: [`PlanError::Settings`] for an unknown key, a wrong type or a value that makes no sense.
    pub fn with_overrides(&self, overrides: &toml::Table) -> Result<Self, PlanError> {
        let refused = |message: String| PlanError::Settings(format!("planner settings: {message}"));
        let mut table = toml::Table::try_from(self).map_err(|error| refused(error.to_string()))?;
        table.extend(overrides.clone());
        let settings: Self = table
            .try_into()
            .map_err(|error: toml::de::Error| refused(error.to_string().trim().into()))?;
        settings.validate()?;
        Ok(settings)
    }

    /// Whether plans can be made with these settings.
    ///
    /// Errors: [`PlanError::Settings`] names the first key that makes no sense, its value and what is allowed.
    pub fn validate(&self) -> Result<(), PlanError> {
        let whole = |key, value: usize, least: usize, most: usize| {
            let fits = (least..=most).contains(&value);
            (key, value.to_string(), fits, format!("from {least} to {most}"))
        };
        let real = |key, value: f64, least: f64, most: f64| {
            let fits = value >= least && value <= most;
            (key, value.to_string(), fits, format!("from {least} to {most}"))
        };
        let fewest_knots = match self.interpolation {
            Interpolation::Zero => 1,
            Interpolation::Linear | Interpolation::Cubic => 2,
        };
        for (key, value, fits, allowed) in [
            real("horizon_secs", self.horizon_secs, 0.001, 60.0),
            whole("knots", self.knots, fewest_knots, 1000),
            whole("rollouts", self.rollouts, 2, 100_000),
            whole("iterations", self.iterations, 1, 1000),
            real("noise", self.noise, 1e-4, 10.0),
            real("noise_floor", self.noise_floor, 0.0, 10.0),
            whole("elites", self.elites, 1, self.rollouts),
            real("temperature", self.temperature, 1e-3, 1e3),
            whole("replan_every", self.replan_every, 1, 10_000),
            real("discount", self.discount, 0.0, 1.0),
        ] {
            if !fits {
                return Err(PlanError::Settings(format!(
                    "planner settings: `{key}` is {value}; allowed is {allowed}"
                )));
            }
        }
        Ok(())
    }

    /// Control steps of a plan, at least one.
    pub fn steps(&self, control_dt_secs: f64) -> usize {
        ((self.horizon_secs / control_dt_secs).round() as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_replace_and_the_rest_stays() {
        let overrides = "planner = \"cem\"\nknots = 4\nafter_end = \"worst\"".parse().unwrap();
        let settings = PlanSettings::default().with_overrides(&overrides).unwrap();
        assert_eq!(
            settings,
            PlanSettings {
                planner: PlannerKind::Cem,
                knots: 4,
                after_end: AfterEnd::Worst,
                ..PlanSettings::default()
            }
        );
        assert_eq!(toml::from_str::<PlanSettings>("").unwrap(), PlanSettings::default());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (overrides, expected) in [
            ("rolouts = 3", "unknown field `rolouts`, expected one of"),
            ("knots = \"five\"", "invalid type: string \"five\""),
            ("planner = \"ilqg\"", "unknown variant `ilqg`, expected one of"),
            ("knots = 1", "`knots` is 1; allowed is from 2 to 1000"),
            (
                "knots = 0\ninterpolation = \"zero\"",
                "`knots` is 0; allowed is from 1 to 1000",
            ),
            ("rollouts = 1", "`rollouts` is 1; allowed is from 2"),
            ("elites = 65", "`elites` is 65; allowed is from 1 to 64"),
            ("noise = nan", "`noise` is NaN; allowed"),
            ("horizon_secs = 0", "`horizon_secs` is 0; allowed"),
            ("replan_every = 0", "`replan_every` is 0; allowed"),
        ] {
            let error = PlanSettings::default()
                .with_overrides(&overrides.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{overrides}: {error}");
        }
    }

    #[test]
    fn a_horizon_has_whole_steps() {
        let settings = |horizon_secs| PlanSettings {
            horizon_secs,
            ..PlanSettings::default()
        };
        for (horizon_secs, dt, steps) in [(1.0, 0.04, 25), (0.6, 0.02, 30), (0.001, 0.02, 1), (0.05, 0.02, 3)] {
            assert_eq!(settings(horizon_secs).steps(dt), steps, "{horizon_secs} s of {dt} s");
        }
    }
}
