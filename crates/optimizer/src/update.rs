//! One update: several passes of gradient steps over a rollout.
//!
//! A minibatch is cut into [`PARTS`] shares for each half of the loss, whatever the number of threads; threads take shares as
//! they are free, and the shares' gradients are added up in their order.
//!
//! The adaptive learning rate is rl_games'.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use carrot_environment::with_team;
use rand_chacha::ChaCha8Rng;

use crate::actor_critic::ActorCritic;
use crate::adam::{Adam, add_up};
use crate::loss::{Half, Loss, PartialLoss};
use crate::random::{nth_stream, shuffle};
use crate::rollout::Rollout;
use crate::settings::{PpoSettings, Schedule};

/// Bounds of the adaptive learning rate. Above, a solved task is unlearned again: on a balanced pole every advantage is
/// noise, moves the policy little, and would let the rate grow.
const LEARNING_RATES: (f64, f64) = (1e-5, 3e-3);

/// Shares of a minibatch that may be computed at the same time, for each half of the loss.
const PARTS: usize = 4;

/// What the gradient steps keep between updates.
pub(crate) struct Learner {
    pub(crate) adam: Adam,
    pub(crate) learning_rate: f64,
    gradient: Vec<f32>,
    /// The policy's parts, then the value network's.
    parts: Vec<Mutex<PartialLoss>>,
    order: Vec<u32>,
    seed: u64,
}

/// What an update did to the policy, over its last pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    /// Mean KL divergence from the policy before the update.
    pub kl: f64,
    /// Share of samples whose ratio was clipped.
    pub clip_fraction: f64,
}

/// A gradient that is not finite; the parameters are as they were before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NonFiniteGradient;

/// What the threads read while they compute a minibatch.
struct Shared<'a> {
    model: &'a mut ActorCritic,
    order: &'a mut Vec<u32>,
    minibatch: Range<usize>,
}

impl Learner {
    /// For the sizes of `model`; `seed` shuffles the samples.
    pub(crate) fn new(model: &ActorCritic, settings: &PpoSettings, seed: u64) -> Self {
        let halves = [Half::Policy, Half::Value];
        let parts = halves.iter().flat_map(|&half| (0..PARTS).map(move |_| half));
        Self {
            adam: Adam::new(model.parameters.len()),
            learning_rate: settings.learning_rate,
            gradient: vec![0.0; model.parameters.len()],
            parts: parts.map(|half| Mutex::new(PartialLoss::new(model, half))).collect(),
            order: Vec::new(),
            seed,
        }
    }

    /// Improves `model` by what `rollout` shows. `remaining` is the share of the training that is left, 1 at
    /// its start; `number` counts the updates.
    pub(crate) fn update(
        &mut self,
        model: &mut ActorCritic,
        rollout: &mut Rollout,
        settings: &PpoSettings,
        remaining: f64,
        number: u64,
        threads: usize,
    ) -> Result<Change, NonFiniteGradient> {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(rollout.valid_steps().map(|step| step as u32));
        normalise_advantages(rollout, &order);
        if settings.schedule == Schedule::Linear {
            self.learning_rate = settings.learning_rate * remaining;
        }
        let rng = nth_stream(self.seed, "minibatches", 0, number);
        let outcome = self.pass_over(model, rollout, settings, &mut order, rng, threads);
        self.order = order;
        outcome
    }

    fn pass_over(
        &mut self,
        model: &mut ActorCritic,
        rollout: &Rollout,
        settings: &PpoSettings,
        order: &mut Vec<u32>,
        mut rng: ChaCha8Rng,
        threads: usize,
    ) -> Result<Change, NonFiniteGradient> {
        let (count, size) = (order.len(), order.len().div_ceil(settings.minibatches).max(1));
        let shared = RwLock::new(Shared {
            model,
            order,
            minibatch: 0..0,
        });
        // Taken out, so that the threads can hold them while `self` moves the parameters.
        let parts = std::mem::take(&mut self.parts);
        let compute = |item: usize| {
            let Shared {
                model,
                order,
                minibatch,
            } = &*shared.read().unwrap_or_else(PoisonError::into_inner);
            compute_part(&parts, item, model, rollout, &order[minibatch.clone()], settings);
        };
        let outcome = with_team(threads, parts.len(), &compute, |team| {
            let mut last_pass = Loss::default();
            for _ in 0..settings.epochs {
                last_pass = Loss::default();
                shuffle(&mut rng, shared.write().unwrap_or_else(PoisonError::into_inner).order);
                for start in (0..count).step_by(size) {
                    let minibatch = start..(start + size).min(count);
                    let samples = minibatch.len();
                    shared.write().unwrap_or_else(PoisonError::into_inner).minibatch = minibatch;
                    team.work();
                    let model = &mut *shared.write().unwrap_or_else(PoisonError::into_inner).model;
                    last_pass += self.gradient_step(model, &parts, samples, settings)?;
                }
            }
            Ok(Change {
                kl: last_pass.kl / count.max(1) as f64,
                clip_fraction: last_pass.clipped / count.max(1) as f64,
            })
        });
        self.parts = parts;
        outcome
    }

    /// Moves the parameters by what the parts of a minibatch of so many samples say.
    fn gradient_step(
        &mut self,
        model: &mut ActorCritic,
        parts: &[Mutex<PartialLoss>],
        samples: usize,
        settings: &PpoSettings,
    ) -> Result<Loss, NonFiniteGradient> {
        let (loss, length) = add_up_parts(model, parts, &mut self.gradient);
        if !length.is_finite() || !loss.total.is_finite() {
            return Err(NonFiniteGradient);
        }
        if settings.schedule == Schedule::Adaptive {
            self.adapt(loss.kl / samples as f64, settings.target_kl);
        }
        let scale = (settings.max_gradient_norm / (length + 1e-6)).min(1.0);
        self.adam.step(
            &mut model.parameters,
            &self.gradient,
            scale as f32,
            self.learning_rate as f32,
        );
        model.limit_log_std();
        Ok(loss)
    }

    /// Slows down where the policy has moved too far from the one that collected the rollout, speeds up where too little.
    fn adapt(&mut self, kl: f64, target_kl: f64) {
        let factor = match kl {
            kl if kl > 2.0 * target_kl => 1.0 / 1.5,
            kl if kl < 0.5 * target_kl => 1.5,
            _ => 1.0,
        };
        self.learning_rate = (self.learning_rate * factor).clamp(LEARNING_RATES.0, LEARNING_RATES.1);
    }
}

/// Part `item` of the loss over `minibatch`.
fn compute_part(
    parts: &[Mutex<PartialLoss>],
    item: usize,
    model: &ActorCritic,
    rollout: &Rollout,
    minibatch: &[u32],
    settings: &PpoSettings,
) {
    let (part, count) = (item % PARTS, minibatch.len());
    let rows = &minibatch[count * part / PARTS..count * (part + 1) / PARTS];
    lock(&parts[item]).set(model, rollout, rows, 1.0 / count as f32, settings);
}

/// The gradient of the whole loss, its sums, and the gradient's norm.
fn add_up_parts(model: &ActorCritic, parts: &[Mutex<PartialLoss>], gradient: &mut [f32]) -> (Loss, f64) {
    let parts: Vec<_> = parts.iter().map(lock).collect();
    let mut loss = Loss::default();
    parts.iter().for_each(|part| loss += part.loss);
    let mut squares = 0.0;
    for (half, parts) in [Half::Policy, Half::Value].into_iter().zip(parts.chunks_exact(PARTS)) {
        let own = model.parameters_of(half);
        let of_parts: [&[f32]; PARTS] = std::array::from_fn(|part| &parts[part].gradient[own.clone()]);
        squares += add_up(&mut gradient[own], of_parts);
    }
    (loss, squares.sqrt())
}

/// Nobody else wants a part once its round is over.
fn lock(part: &Mutex<PartialLoss>) -> MutexGuard<'_, PartialLoss> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mean 0 and deviation 1 over the steps in `order`.
fn normalise_advantages(rollout: &mut Rollout, order: &[u32]) {
    let horizon = rollout.horizon.max(1);
    let count = order.len().max(1) as f64;
    let of = |step: &u32| {
        let step = *step as usize;
        f64::from(rollout.columns[step / horizon].advantages[step % horizon])
    };
    let mean = order.iter().map(of).sum::<f64>() / count;
    let variance = order.iter().map(|step| (of(step) - mean).powi(2)).sum::<f64>() / count;
    let scale = 1.0 / (variance.sqrt() + 1e-8);
    for advantage in rollout.columns.iter_mut().flat_map(|column| &mut column.advantages) {
        *advantage = ((f64::from(*advantage) - mean) * scale) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Activation;
    use crate::random::{fill_normal, stream};
    use crate::reference;
    use crate::rollout::Column;

    const ROWS: usize = 150;

    fn example() -> (ActorCritic, Rollout, PpoSettings) {
        let model = ActorCritic::new([4, 0], 2, &[9, 6], Activation::Tanh, -0.3, 5);
        let normals = |purpose: &str, count: usize| {
            let mut out = vec![0.0; count];
            fill_normal(&mut stream(8, purpose), &mut out);
            out
        };
        // Densities far enough from the model's own that a good part of the samples is clipped, on either side.
        let mut column = Column::new(&model, ROWS, 0);
        column.observations = normals("observations", ROWS * 4);
        column.actions = normals("actions", ROWS * 2);
        column.log_densities = normals("densities", ROWS).iter().map(|z| -2.5 + z).collect();
        column.advantages = normals("advantages", ROWS);
        column.returns = normals("returns", ROWS);
        column.values = normals("values", ROWS);
        let rollout = Rollout {
            columns: vec![column],
            horizon: ROWS,
            ..Rollout::default()
        };
        let settings = PpoSettings {
            entropy_weight: 0.02,
            value_weight: 0.7,
            ..PpoSettings::default()
        };
        (model, rollout, settings)
    }

    /// Sums of the loss over `minibatch`; the learner's gradient becomes that of its mean.
    fn accumulate(
        learner: &mut Learner,
        model: &ActorCritic,
        rollout: &Rollout,
        minibatch: &[u32],
        settings: &PpoSettings,
    ) -> Loss {
        (0..2 * PARTS).for_each(|item| compute_part(&learner.parts, item, model, rollout, minibatch, settings));
        add_up_parts(model, &learner.parts, &mut learner.gradient).0
    }

    /// The gradient of the whole loss, clipping, entropy and value error included, against central differences.
    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        for value_clip in [false, true] {
            check_gradient(value_clip);
        }
    }

    fn check_gradient(value_clip: bool) {
        let (mut model, rollout, settings) = example();
        let settings = PpoSettings { value_clip, ..settings };
        let minibatch: Vec<u32> = (0..ROWS as u32).collect();
        let mut learner = Learner::new(&model, &settings, 1);
        accumulate(&mut learner, &model, &rollout, &minibatch, &settings);
        let gradient = learner.gradient.clone();
        let (mut checked, mut wrong) = (0, Vec::new());
        for place in (0..gradient.len()).filter(|&place| gradient[place] != 0.0) {
            let held = model.parameters[place];
            let mut at = |moved: f32| {
                model.parameters[place] = moved;
                accumulate(&mut learner, &model, &rollout, &minibatch, &settings).total / ROWS as f64
            };
            let numeric = (at(held + 2e-3) - at(held - 2e-3)) / 4e-3;
            model.parameters[place] = held;
            checked += 1;
            if (numeric - f64::from(gradient[place])).abs() > 2e-3 + 0.02 * numeric.abs() {
                wrong.push((place, numeric, gradient[place]));
            }
        }
        // A sample that crosses the clipping edge between the two points bends the loss there: allow one in fifty.
        assert!(
            checked > 200 && wrong.len() * 50 < checked,
            "value clip {value_clip}, {} of {checked}: {wrong:?}",
            wrong.len()
        );
    }

    #[test]
    fn the_loss_is_the_formula() {
        let (model, rollout, settings) = example();
        let mut learner = Learner::new(&model, &settings, 1);
        let mut held = 0;
        for (row, value_clip) in (0..40_u32).map(|row| (row, row % 2 == 1)) {
            let settings = PpoSettings {
                value_clip,
                ..settings.clone()
            };
            let loss = accumulate(&mut learner, &model, &rollout, &[row], &settings);
            let (row, column) = (row as usize, &rollout.columns[0]);
            let observation = &column.observations[row * 4..][..4];
            let mut activations = model.policy.activations(1);
            let mean = model
                .policy
                .forward(&model.parameters, observation, 4, 1, &mut activations);
            let log_density: f64 = (0..2)
                .map(|j| {
                    let z = f64::from(column.actions[row * 2 + j] - mean[j]) / (-0.3_f64).exp();
                    -0.5 * z * z + 0.3 - 0.5 * std::f64::consts::TAU.ln()
                })
                .sum();
            let ratio = (log_density - f64::from(column.log_densities[row])).exp();
            let advantage = f64::from(column.advantages[row]);
            let mut value = [0.0];
            model.values(observation, &mut value, &mut model.value.activations(1));
            let (value, old) = (f64::from(value[0]), f64::from(column.values[row]));
            let mut error = (value - f64::from(column.returns[row])).abs();
            let clipped = (old + (value - old).clamp(-0.2, 0.2) - f64::from(column.returns[row])).abs();
            if value_clip && clipped > error {
                error = clipped;
                held += 1;
            }
            let expected =
                -(ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage) + 0.7 * 0.5 * error.powi(2) - 0.02 * -0.6;
            assert!(
                (loss.total - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                "{} {expected}",
                loss.total
            );
            assert!((loss.kl - (ratio - 1.0 - ratio.ln())).abs() < 1e-5 * (1.0 + ratio));
        }
        assert!((5..15).contains(&held), "of 20 values {held} are held back");
    }

    /// Two passes of three minibatches, with every kind of clipping, against the plain implementation.
    #[test]
    fn a_whole_update_is_what_the_paper_says() {
        for (value_clip, schedule) in [(false, Schedule::Constant), (true, Schedule::Adaptive)] {
            let (mut model, mut rollout, settings) = example();
            let settings = PpoSettings {
                value_clip,
                schedule,
                epochs: 2,
                minibatches: 3,
                learning_rate: 2e-3,
                ..settings
            };
            let mut rng = nth_stream(1, "minibatches", 0, 1);
            let mut order: Vec<u32> = (0..ROWS as u32).collect();
            let mut shuffled = || {
                shuffle(&mut rng, &mut order);
                order.clone()
            };
            let orders = [shuffled(), shuffled()];
            let mut samples = reference::samples(&model, &rollout.columns[0]);
            let (expected, rate) = reference::update(&model, &mut samples, &orders, &settings);

            let mut learner = Learner::new(&model, &settings, 1);
            let before = model.parameters.clone();
            learner.update(&mut model, &mut rollout, &settings, 1.0, 1, 2).unwrap();
            assert!((learner.learning_rate / rate - 1.0).abs() < 1e-9, "{schedule:?}");
            let moved = before
                .iter()
                .zip(&expected)
                .filter(|(a, b)| (f64::from(**a) - **b).abs() > 5e-4);
            assert!(moved.count() > 200);
            for (place, (ours, expected)) in model.parameters.iter().zip(&expected).enumerate() {
                let error = (f64::from(*ours) - expected).abs();
                assert!(
                    error < 2e-4,
                    "{schedule:?}, parameter {place}: {ours} against {expected}"
                );
            }
        }
    }

    #[test]
    fn faulted_steps_are_not_learned_from() {
        let learn = |spoil: bool| {
            let (mut model, mut rollout, settings) = example();
            for row in (0..ROWS).step_by(7) {
                let column = &mut rollout.columns[0];
                column.faulted[row] = true;
                if spoil {
                    column.advantages[row] = 1e9;
                    column.returns[row] = f32::NAN;
                    column.observations[row * 4] = 5.0;
                }
            }
            let mut learner = Learner::new(&model, &settings, 1);
            learner.update(&mut model, &mut rollout, &settings, 1.0, 1, 2).unwrap();
            model.parameters
        };
        assert_eq!(learn(true), learn(false));
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let (mut model, mut rollout, settings) = example();
        rollout.columns[0].returns[3] = f32::NAN;
        let before = model.parameters.clone();
        let one_batch = PpoSettings {
            minibatches: 1,
            ..settings
        };
        let mut learner = Learner::new(&model, &one_batch, 1);
        let result = learner.update(&mut model, &mut rollout, &one_batch, 1.0, 1, 1);
        assert_eq!(result, Err(NonFiniteGradient));
        assert_eq!(model.parameters, before);
    }

    #[test]
    fn the_learning_rate_follows_the_divergence() {
        let (model, _, settings) = example();
        let mut learner = Learner::new(&model, &settings, 1);
        for (kl, expected) in [(0.004, 1.5e-3), (0.01, 1.5e-3), (0.03, 1e-3), (9.0, 1e-3 / 1.5)] {
            learner.adapt(kl, 0.01);
            assert!((learner.learning_rate - expected).abs() < 1e-9);
        }
    }
}
