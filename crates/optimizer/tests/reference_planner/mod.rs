//! The planners as one would write them down to be read: one function for each idea, everything computed anew, rollouts played
//! by the environment itself. An oracle for the fast ones.

use carrot_environment::{AfterEnd, EnvSnapshot, VecEnv};
use carrot_optimizer::{Interpolation, PlanSettings, PlannerKind};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A plan: for each knot its numbers.
pub type Knots = Vec<Vec<f64>>;

pub struct ReferencePlanner {
    pub settings: PlanSettings,
    pub seed: u64,
    pub knots: Knots,
    plans: u64,
    begins: Option<usize>,
}

impl ReferencePlanner {
    pub fn new(settings: &PlanSettings, action_size: usize, seed: u64) -> Self {
        Self {
            settings: settings.clone(),
            seed,
            knots: vec![vec![0.0; action_size]; settings.knots],
            plans: 0,
            begins: None,
        }
    }

    /// Plans from a snapshot of `env`'s only environment, in its first episode.
    pub fn plan(&mut self, env: &mut VecEnv, start: &EnvSnapshot) {
        let settings = self.settings.clone();
        let steps = settings.steps(env.task().control_dt_secs());
        let later = start.steps() - self.begins.unwrap_or(start.steps());
        self.begins = Some(start.steps());
        self.knots = (0..settings.knots)
            .map(|k| {
                let time = k as f64 * spacing(&settings, steps) + later as f64;
                if later == 0 {
                    self.knots[k].clone()
                } else {
                    value(&settings, &self.knots, steps, time)
                }
            })
            .collect();

        let mut deviation: Knots = self.knots.iter().map(|knot| vec![settings.noise; knot.len()]).collect();
        for iteration in 0..settings.iterations {
            let candidates: Vec<Knots> = (0..settings.rollouts)
                .map(|rollout| match rollout {
                    0 => self.knots.clone(),
                    _ => self.noisy(&deviation, iteration, rollout),
                })
                .collect();
            let returns: Vec<f64> = candidates
                .iter()
                .map(|candidate| rollout(env, start, &settings, candidate, steps))
                .collect();
            let alive: Vec<usize> = (0..returns.len()).filter(|&i| returns[i].is_finite()).collect();
            if alive.is_empty() {
                continue;
            }
            let best = *alive
                .iter()
                .max_by(|&&a, &&b| returns[a].total_cmp(&returns[b]).then(b.cmp(&a)))
                .unwrap();
            match settings.planner {
                PlannerKind::Sampling => self.knots = candidates[best].clone(),
                PlannerKind::Mppi => {
                    let average = alive.iter().map(|&i| returns[i]).sum::<f64>() / alive.len() as f64;
                    let variance =
                        alive.iter().map(|&i| (returns[i] - average).powi(2)).sum::<f64>() / alive.len() as f64;
                    let scale = settings.temperature * variance.sqrt();
                    let weights: Vec<f64> = alive
                        .iter()
                        .map(|&i| {
                            if returns[i] == returns[best] {
                                1.0
                            } else {
                                ((returns[i] - returns[best]) / scale).exp()
                            }
                        })
                        .collect();
                    self.knots = weighted_mean(&candidates, &alive, &weights);
                }
                PlannerKind::Cem => {
                    let mut elites = alive;
                    elites.sort_by(|&a, &b| returns[b].total_cmp(&returns[a]).then(a.cmp(&b)));
                    elites.truncate(settings.elites);
                    let equal = vec![1.0; elites.len()];
                    self.knots = weighted_mean(&candidates, &elites, &equal);
                    for (k, knot) in self.knots.iter().enumerate() {
                        for (a, mean) in knot.iter().enumerate() {
                            let squares: f64 = elites.iter().map(|&i| (candidates[i][k][a] - mean).powi(2)).sum();
                            deviation[k][a] = (squares / elites.len() as f64).sqrt().max(settings.noise_floor);
                        }
                    }
                }
            }
        }
        self.plans += 1;
    }

    /// The action at a step of the plan.
    pub fn action(&self, step: usize, steps: usize) -> Vec<f32> {
        let action = value(&self.settings, &self.knots, steps, step as f64);
        action.into_iter().map(|number| number as f32).collect()
    }

    fn noisy(&self, deviation: &Knots, iteration: usize, rollout: usize) -> Knots {
        let mut key = [0; 32];
        for (place, number) in [self.seed, self.plans, iteration as u64, rollout as u64]
            .into_iter()
            .enumerate()
        {
            key[8 * place..8 * place + 8].copy_from_slice(&number.to_le_bytes());
        }
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(1);
        let mut left_over = None;
        let mut normal = || -> f64 {
            if let Some(second) = left_over.take() {
                return second;
            }
            // Box and Muller.
            let uniform = |bits: u32| (bits >> 8) as f32 / 16_777_216.0;
            let radius = (-2.0 * (uniform(random.next_u32()) + 1.0 / 16_777_216.0).ln()).sqrt();
            let angle = uniform(random.next_u32()) * std::f32::consts::TAU;
            left_over = Some(f64::from(radius * angle.sin()));
            f64::from(radius * angle.cos())
        };
        let knots = self.knots.iter().zip(deviation);
        knots
            .map(|(knot, deviation)| {
                let numbers = knot.iter().zip(deviation);
                numbers
                    .map(|(mean, deviation)| (mean + deviation * normal()).clamp(-1.0, 1.0))
                    .collect()
            })
            .collect()
    }
}

/// Steps from one knot to the next.
fn spacing(settings: &PlanSettings, steps: usize) -> f64 {
    match settings.interpolation {
        Interpolation::Zero => steps as f64 / settings.knots as f64,
        _ => (steps - 1) as f64 / (settings.knots - 1) as f64,
    }
}

/// The plan's numbers at a time in steps; the last knot holds for ever.
fn value(settings: &PlanSettings, knots: &Knots, steps: usize, time: f64) -> Vec<f64> {
    let last = knots.len() - 1;
    let place = (time / spacing(settings, steps)).min(last as f64);
    let before = place.floor() as usize;
    if before == last || settings.interpolation == Interpolation::Zero {
        return knots[before].clone();
    }
    let (part, after) = (place - before as f64, before + 1);
    let number = |a: usize| {
        let (p0, p1) = (knots[before][a], knots[after][a]);
        if settings.interpolation == Interpolation::Linear {
            return p0 + part * (p1 - p0);
        }
        let slope = |k: usize| {
            let (left, right) = (k.max(1) - 1, (k + 1).min(last));
            (knots[right][a] - knots[left][a]) / (right - left) as f64
        };
        // Hermite's polynomials.
        let t = part;
        (2.0 * t.powi(3) - 3.0 * t.powi(2) + 1.0) * p0
            + (t.powi(3) - 2.0 * t.powi(2) + t) * slope(before)
            + (-2.0 * t.powi(3) + 3.0 * t.powi(2)) * p1
            + (t.powi(3) - t.powi(2)) * slope(after)
    };
    (0..knots[0].len()).map(number).collect()
}

/// The discounted return of a plan, as the environment itself tells it; minus infinity where the simulation diverges.
fn rollout(env: &mut VecEnv, start: &EnvSnapshot, settings: &PlanSettings, knots: &Knots, steps: usize) -> f64 {
    env.restore(0, start);
    let mut total = 0.0;
    let mut lowest: f64 = 0.0;
    for step in 0..steps {
        let action = value(settings, knots, steps, step as f64);
        let action: Vec<f32> = action.into_iter().map(|number| number as f32).collect();
        let data = env.step(&action).unwrap();
        if data.faulted[0] {
            return f64::NEG_INFINITY;
        }
        let weight = |step: usize| settings.discount.powi(step as i32);
        let reward = data.rewards.total[0];
        total += weight(step) * reward;
        lowest = lowest.min(reward);
        if data.terminated[0] {
            if settings.after_end == AfterEnd::Worst {
                total += (step + 1..steps).map(|step| weight(step) * lowest).sum::<f64>();
            }
            break;
        }
    }
    total
}

fn weighted_mean(candidates: &[Knots], chosen: &[usize], weights: &[f64]) -> Knots {
    let total: f64 = weights.iter().sum();
    let mut mean: Knots = candidates[0].iter().map(|knot| vec![0.0; knot.len()]).collect();
    for (&i, weight) in chosen.iter().zip(weights) {
        for (knot, candidate) in mean.iter_mut().zip(&candidates[i]) {
            for (sum, number) in knot.iter_mut().zip(candidate) {
                *sum += weight * number / total;
            }
        }
    }
    mean
}
