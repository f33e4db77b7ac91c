//! One gradient step of SAC: critics, actor, temperature, and the slow copies.
//!
//! With a' and log π' drawn at s', the target is `y = r + γ·(1 − terminated)·(min Q̄(s', a') − α·log π')`. The critics descend
//! `½·Σ (Q(s, a) − y)²`, the actor `α·log π(ã|s) − min Q(s, ã)` with the critics just moved, and the temperature
//! `−log α·(log π + H̄)`, each the mean over the batch.
//!
//! Source: Haarnoja et al. 2018, arXiv:1812.05905; the order of the steps is Stable-Baselines3's.
//!
//! The batch is cut into a fixed number of parts whose gradients are added in their order, so that the number of threads
//! changes no bit.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use crate::actor_critic::CHUNK;
use crate::adam::Adam;
use crate::kernels::{add_rows, padded};
use crate::network::Activations;
use crate::normalizer::ObservationNormalizer;
use crate::random::fill_normal;
use crate::sac::agent::Agent;
use crate::sac::replay::Replay;
use crate::sac::settings::SacSettings;

/// Parts of a batch that may be computed at the same time.
const PARTS: usize = 4;

/// Limit of a scaled reward.
const LARGEST_REWARD: f32 = 100.0;

/// How the networks see what the environment gave.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Of observations.
    pub normalizer: ObservationNormalizer,
    /// Factor of rewards.
    pub reward_scale: f32,
}

/// What the gradient steps keep between them.
pub(crate) struct Learner {
    actor_adam: Adam,
    critic_adam: Adam,
    temperature_adam: Adam,
    actor_gradient: Vec<f32>,
    critic_gradient: Vec<f32>,
    batch: Batch,
    parts: Vec<Part>,
    scratch: Vec<Scratch>,
    indices: ChaCha8Rng,
    noise: ChaCha8Rng,
}

/// What a gradient step draws.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Places in the replay buffer, `[B]`.
    pub indices: Vec<u32>,
    /// Noise of the actions after those in the buffer, `[B, A]`.
    pub next_noise: Vec<f32>,
    /// Noise of the actions that the actor would take instead, `[B, A]`.
    pub noise: Vec<f32>,
}

/// A contiguous share of the batch.
struct Part {
    rows: Range<usize>,
    /// What was seen and done, `[rows, O + P + A]`.
    inputs: Vec<f32>,
    actor_gradient: Vec<f32>,
    critic_gradient: Vec<f32>,
    sums: Sums,
}

/// Memory of one thread, for up to [`CHUNK`] rows.
struct Scratch {
    actor: Activations,
    critics: [Activations; 2],
    /// `[CHUNK, O + P + A]`.
    next_inputs: Vec<f32>,
    /// `[CHUNK, A]`.
    actions: Vec<f32>,
    value_gradient: Vec<f32>,
    log_densities: Vec<f32>,
    /// Scaled rewards, and then what the critics should say.
    targets: Vec<f32>,
    /// 1 where something follows, 0 where the task ended the episode.
    continues: Vec<f32>,
}

/// Sums over the rows of a part, or their means over a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Sums {
    /// `½·Σ (Q − y)²` of both critics.
    pub critic_loss: f64,
    /// `α·log π − min Q`.
    pub actor_loss: f64,
    /// Logarithm of the density of the actor's action.
    pub log_density: f64,
    /// Value of the action in the buffer, mean of both critics.
    pub value: f64,
}

/// A gradient that is not finite; the parameters that it would have moved are as they were.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NonFiniteGradient;

impl Learner {
    /// For the sizes of `agent`, with the streams that batches and actions are drawn from.
    pub(crate) fn new(
        agent: &Agent,
        settings: &SacSettings,
        threads: usize,
        indices: ChaCha8Rng,
        noise: ChaCha8Rng,
    ) -> Self {
        let (batch, row) = (settings.batch, agent.row());
        let parts = PARTS.min(batch);
        let part = |index: usize| {
            let rows = batch * index / parts..batch * (index + 1) / parts;
            Part {
                inputs: vec![0.0; rows.len() * row],
                rows,
                actor_gradient: vec![0.0; agent.actor_parameters.len()],
                critic_gradient: vec![0.0; agent.critic_parameters.len()],
                sums: Sums::default(),
            }
        };
        let scratch = || Scratch {
            actor: agent.actor.activations(CHUNK),
            critics: [0, 1].map(|critic: usize| agent.critics[critic].activations_for_inputs(CHUNK)),
            next_inputs: vec![0.0; CHUNK * row],
            actions: vec![0.0; CHUNK * agent.action_size],
            value_gradient: vec![0.0; CHUNK * agent.action_size],
            log_densities: vec![0.0; CHUNK],
            targets: vec![0.0; CHUNK],
            continues: vec![0.0; CHUNK],
        };
        Self {
            actor_adam: Adam::new(agent.actor_parameters.len()),
            critic_adam: Adam::new(agent.critic_parameters.len()),
            temperature_adam: Adam::new(1),
            actor_gradient: vec![0.0; agent.actor_parameters.len()],
            critic_gradient: vec![0.0; agent.critic_parameters.len()],
            batch: Batch {
                indices: vec![0; batch],
                next_noise: vec![0.0; batch * agent.action_size],
                noise: vec![0.0; batch * agent.action_size],
            },
            parts: (0..parts).map(part).collect(),
            scratch: (0..threads.clamp(1, parts)).map(|_| scratch()).collect(),
            indices,
            noise,
        }
    }

    /// Moves `agent` by one batch from `replay`, which is not empty, and gives the means over the batch.
    pub(crate) fn step(
        &mut self,
        agent: &mut Agent,
        replay: &Replay,
        view: &View,
        settings: &SacSettings,
    ) -> Result<Sums, NonFiniteGradient> {
        replay.draw(&mut self.indices, &mut self.batch.indices);
        fill_normal(&mut self.noise, &mut self.batch.next_noise);
        fill_normal(&mut self.noise, &mut self.batch.noise);
        self.learn(agent, replay, view, settings)
    }

    /// The step for what stands in `batch`.
    fn learn(
        &mut self,
        agent: &mut Agent,
        replay: &Replay,
        view: &View,
        settings: &SacSettings,
    ) -> Result<Sums, NonFiniteGradient> {
        let (batch, rate) = (&self.batch, settings.learning_rate as f32);
        let held: &Agent = agent;
        let prepare = |scratch: &mut Scratch| scratch.transpose_critics(held);
        each_part(&mut self.parts, &mut self.scratch, &prepare, &|part, scratch| {
            part.critic_gradient(held, replay, batch, view, settings, scratch);
        });
        let parts = self.parts.iter().map(|part| part.critic_gradient.as_slice());
        add_up(&mut self.critic_gradient, parts)?;
        self.critic_adam
            .step(&mut agent.critic_parameters, &self.critic_gradient, 1.0, rate);

        let held: &Agent = agent;
        let prepare = |scratch: &mut Scratch| {
            scratch.transpose_critics(held);
            held.actor.transpose(&held.actor_parameters, &mut scratch.actor);
        };
        each_part(&mut self.parts, &mut self.scratch, &prepare, &|part, scratch| {
            part.actor_gradient(held, batch, settings, scratch);
        });
        let parts = self.parts.iter().map(|part| part.actor_gradient.as_slice());
        add_up(&mut self.actor_gradient, parts)?;
        self.actor_adam
            .step(&mut agent.actor_parameters, &self.actor_gradient, 1.0, rate);

        let mean = self.mean(settings.batch);
        let wanted = settings.target_entropy * agent.action_size as f64;
        let of_temperature = -(mean.log_density + wanted) as f32;
        let mut log_temperature = [agent.log_temperature];
        self.temperature_adam
            .step(&mut log_temperature, &[of_temperature], 1.0, rate);
        agent.log_temperature = log_temperature[0];
        follow(
            &mut agent.target_parameters,
            &agent.critic_parameters,
            settings.target_rate as f32,
        );
        Ok(mean)
    }

    fn mean(&self, rows: usize) -> Sums {
        let sum = |of: &dyn Fn(&Sums) -> f64| self.parts.iter().map(|part| of(&part.sums)).sum::<f64>() / rows as f64;
        Sums {
            critic_loss: sum(&|sums| sums.critic_loss),
            actor_loss: sum(&|sums| sums.actor_loss),
            log_density: sum(&|sums| sums.log_density),
            value: sum(&|sums| sums.value),
        }
    }
}

impl Part {
    /// Sets `critic_gradient`, and `inputs` to the observations and actions of these rows.
    fn critic_gradient(
        &mut self,
        agent: &Agent,
        replay: &Replay,
        batch: &Batch,
        view: &View,
        settings: &SacSettings,
        scratch: &mut Scratch,
    ) {
        let (row, width) = (agent.row(), padded(1));
        let share = 1.0 / settings.batch as f32;
        self.critic_gradient.fill(0.0);
        self.sums = Sums::default();
        for chunk in chunks(&self.rows) {
            let inputs = &mut self.inputs[(chunk.start - self.rows.start) * row..][..chunk.len() * row];
            gather(agent, replay, &batch.indices[chunk.clone()], view, inputs, scratch);
            set_targets(agent, batch, chunk.clone(), settings.discount as f32, scratch);
            for (critic, activations) in agent.critics.iter().zip(&mut scratch.critics) {
                critic.forward(&agent.critic_parameters, inputs, row, chunk.len(), activations);
                let (values, gradients) = activations.output_and_gradient();
                for (i, target) in scratch.targets[..chunk.len()].iter().enumerate() {
                    let error = values[i * width] - target;
                    gradients[i * width] = share * error;
                    self.sums.critic_loss += 0.5 * f64::from(error) * f64::from(error);
                    self.sums.value += 0.5 * f64::from(values[i * width]);
                }
                critic.backward(inputs, row, chunk.len(), activations, &mut self.critic_gradient);
            }
        }
    }

    /// Sets `actor_gradient` for the observations in `inputs`, whose actions it replaces.
    fn actor_gradient(&mut self, agent: &Agent, batch: &Batch, settings: &SacSettings, scratch: &mut Scratch) {
        let (row, size, width) = (agent.row(), agent.action_size, padded(1));
        let (share, temperature) = (1.0 / settings.batch as f32, agent.temperature());
        self.actor_gradient.fill(0.0);
        for chunk in chunks(&self.rows) {
            let rows = chunk.len();
            let inputs = &mut self.inputs[(chunk.start - self.rows.start) * row..][..rows * row];
            let noise = &batch.noise[chunk.start * size..chunk.end * size];
            let actions = &mut scratch.actions[..rows * size];
            agent
                .heads(inputs, row, rows, &mut scratch.actor)
                .draw(noise, actions, &mut scratch.log_densities[..rows]);
            set_actions(inputs, row, actions, size);

            let [first, second] = &mut scratch.critics;
            for (critic, activations) in agent.critics.iter().zip([&mut *first, &mut *second]) {
                critic.forward(&agent.critic_parameters, inputs, row, rows, activations);
            }
            let (first_values, first_gradient) = first.output_and_gradient();
            let (second_values, second_gradient) = second.output_and_gradient();
            for (i, log_density) in scratch.log_densities[..rows].iter().enumerate() {
                let place = i * width;
                let is_first = first_values[place] < second_values[place];
                first_gradient[place] = f32::from(u8::from(is_first));
                second_gradient[place] = f32::from(u8::from(!is_first));
                let value = first_values[place].min(second_values[place]);
                self.sums.actor_loss += f64::from(temperature * log_density - value);
                self.sums.log_density += f64::from(*log_density);
            }
            let first = agent.critics[0].input_gradient(rows, first);
            let second = agent.critics[1].input_gradient(rows, second);
            let padded_row = padded(row);
            for (i, of_row) in scratch.value_gradient[..rows * size].chunks_exact_mut(size).enumerate() {
                for (j, value_gradient) in of_row.iter_mut().enumerate() {
                    let place = i * padded_row + agent.seen() + j;
                    *value_gradient = first[place] + second[place];
                }
            }
            let (outputs, gradient) = scratch.actor.output_and_gradient();
            let heads = agent.heads_of(outputs);
            let value_gradient = &scratch.value_gradient[..rows * size];
            heads.gradient(
                noise,
                actions,
                value_gradient,
                temperature,
                share,
                &mut gradient[..rows * heads.width],
            );
            agent
                .actor
                .backward(inputs, row, rows, &mut scratch.actor, &mut self.actor_gradient);
        }
    }
}

impl Scratch {
    fn transpose_critics(&mut self, agent: &Agent) {
        for (critic, activations) in agent.critics.iter().zip(&mut self.critics) {
            critic.transpose(&agent.critic_parameters, activations);
        }
    }
}

/// Fills `inputs` with the observations and actions of some transitions, and the scratch memory with what followed.
fn gather(agent: &Agent, replay: &Replay, indices: &[u32], view: &View, inputs: &mut [f32], scratch: &mut Scratch) {
    let (row, seen) = (agent.row(), agent.seen());
    let rows = inputs
        .chunks_exact_mut(row)
        .zip(scratch.next_inputs.chunks_exact_mut(row));
    let scalars = scratch.targets.iter_mut().zip(&mut scratch.continues);
    for ((&index, (input, next_input)), (reward, continues)) in indices.iter().zip(rows).zip(scalars) {
        let transition = replay.get(index);
        let (observation, action) = input.split_at_mut(seen);
        view.normalizer.apply(transition.observation, observation);
        action.copy_from_slice(transition.action);
        view.normalizer
            .apply(transition.next_observation, &mut next_input[..seen]);
        *reward = (transition.reward * view.reward_scale).clamp(-LARGEST_REWARD, LARGEST_REWARD);
        *continues = f32::from(u8::from(!transition.terminated));
    }
}

/// Turns the rewards in `targets` into what the critics should say.
fn set_targets(agent: &Agent, batch: &Batch, chunk: Range<usize>, discount: f32, scratch: &mut Scratch) {
    let (row, size, width, rows) = (agent.row(), agent.action_size, padded(1), chunk.len());
    let noise = &batch.next_noise[chunk.start * size..chunk.end * size];
    let actions = &mut scratch.actions[..rows * size];
    agent.heads(&scratch.next_inputs, row, rows, &mut scratch.actor).draw(
        noise,
        actions,
        &mut scratch.log_densities[..rows],
    );
    set_actions(&mut scratch.next_inputs, row, actions, size);
    let [first, second] = &mut scratch.critics;
    let parameters = &agent.target_parameters;
    let first = agent.critics[0].forward(parameters, &scratch.next_inputs, row, rows, first);
    let second = agent.critics[1].forward(parameters, &scratch.next_inputs, row, rows, second);
    let temperature = agent.temperature();
    for i in 0..rows {
        let value = first[i * width].min(second[i * width]);
        let following = value - temperature * scratch.log_densities[i];
        scratch.targets[i] += discount * scratch.continues[i] * following;
    }
}

/// Writes `actions` (`[rows, A]`) behind the observations of `inputs` (`[_, row]`).
fn set_actions(inputs: &mut [f32], row: usize, actions: &[f32], size: usize) {
    for (input, action) in inputs.chunks_exact_mut(row).zip(actions.chunks_exact(size)) {
        input[row - size..].copy_from_slice(action);
    }
}

/// Pieces of `rows` that fit the scratch memory.
fn chunks(rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.clone()
        .step_by(CHUNK)
        .map(move |start| start..(start + CHUNK).min(end))
}

/// Does `work` for each part, on as many threads as there are scratch memories, each of which is prepared first.
fn each_part(
    parts: &mut [Part],
    scratch: &mut [Scratch],
    prepare: &(dyn Fn(&mut Scratch) + Sync),
    work: &(dyn Fn(&mut Part, &mut Scratch) + Sync),
) {
    let do_share = &|(parts, scratch): (&mut [Part], &mut Scratch)| {
        prepare(scratch);
        parts.iter_mut().for_each(|part| work(part, scratch));
    };
    let share = parts.len().div_ceil(scratch.len());
    std::thread::scope(|scope| {
        let mut shares = parts.chunks_mut(share).zip(scratch);
        let own = shares.next();
        for share in shares {
            scope.spawn(move || do_share(share));
        }
        if let Some(share) = own {
            do_share(share);
        }
    });
}

/// Sets `sum` to the sum of `parts`, in their order.
fn add_up<'a>(sum: &mut [f32], parts: impl Iterator<Item = &'a [f32]>) -> Result<(), NonFiniteGradient> {
    sum.fill(0.0);
    parts.for_each(|part| add_rows(sum, part));
    match sum.iter().all(|value| value.is_finite()) {
        true => Ok(()),
        false => Err(NonFiniteGradient),
    }
}

/// Moves `targets` by the share `rate` of the way to `parameters`.
fn follow(targets: &mut [f32], parameters: &[f32], rate: f32) {
    pulp::Arch::new().dispatch(|| {
        for (target, parameter) in targets.iter_mut().zip(parameters) {
            *target += rate * (parameter - *target);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Activation;
    use crate::normalizer::RunningMoments;
    use crate::random::stream;
    use crate::sac::reference::{Reference, samples};

    /// A small agent with a buffer of 60 transitions of 3 numbers, of which the actor sees 2, and 2 actions; a few of them end
    /// an episode.
    fn example(activation: Activation, batch: usize, threads: usize) -> (Agent, Replay, View, SacSettings, Learner) {
        let settings = SacSettings {
            batch,
            hidden: vec![7, 6],
            activation,
            discount: 0.9,
            learning_rate: 3e-3,
            target_rate: 0.1,
            target_entropy: -0.5,
            ..SacSettings::default()
        };
        let mut agent = Agent::new([2, 1, 2], &settings.hidden, activation, 0.3, 5);
        // An actor whose actions and deviations depend on the state, and targets that are not the critics.
        let mut moved = vec![0.0; agent.actor_parameters.len()];
        fill_normal(&mut stream(2, "test"), &mut moved);
        let last = agent.actor.layers[2].clone();
        let whole_rows = last.weights.start..last.biases.end;
        let parameters = agent.actor_parameters[whole_rows.clone()].chunks_mut(last.width);
        for (row, moved) in parameters.zip(moved[whole_rows].chunks(last.width)) {
            for (parameter, moved) in row.iter_mut().zip(moved).take(last.outputs) {
                *parameter += 0.3 * moved;
            }
        }
        agent
            .target_parameters
            .iter_mut()
            .for_each(|parameter| *parameter *= 0.9);
        let mut replay = Replay::new(3, 2, 60).unwrap();
        let mut moments = RunningMoments::new(3);
        let mut numbers = [0.0_f32; 9];
        let mut rng = stream(7, "test");
        for i in 0..60 {
            fill_normal(&mut rng, &mut numbers);
            crate::kernels::tanh(&mut numbers[3..5]);
            let [a, b, c, d, e, f, g, h, reward] = numbers;
            replay.push(
                &[a, 3.0 * b, c + 1.0],
                &[d, e],
                &[f, 3.0 * g, h + 1.0],
                f64::from(reward) * 5.0,
                i % 9 == 0,
            );
            moments.update(&numbers[..3]);
        }
        let view = View {
            normalizer: moments.normalizer(),
            reward_scale: 0.4,
        };
        let learner = Learner::new(&agent, &settings, threads, stream(1, "replay"), stream(1, "noise"));
        (agent, replay, view, settings, learner)
    }

    /// Losses and all that is learned, over several steps, against straight loops in f64.
    #[test]
    fn steps_agree_with_the_reference() {
        for activation in [Activation::Tanh, Activation::Elu, Activation::Relu] {
            let (mut agent, replay, view, settings, mut learner) = example(activation, 21, 2);
            let mut reference = Reference::new(&agent);
            for step in 0..5 {
                let mean = learner.step(&mut agent, &replay, &view, &settings).unwrap();
                let batch = &learner.batch;
                let samples = samples(&replay, &view, &batch.indices, &batch.next_noise, &batch.noise);
                let losses = reference.step(&samples, &settings);
                for (found, expected) in [mean.critic_loss, mean.actor_loss, mean.log_density].iter().zip(losses) {
                    assert!(
                        (found - expected).abs() < 2e-5 * (1.0 + expected.abs()),
                        "{activation:?} step {step}: {found} {expected}"
                    );
                }
                for (what, found, expected) in [
                    ("actor", &agent.actor_parameters, &reference.actor),
                    ("critics", &agent.critic_parameters, &reference.critics),
                    ("targets", &agent.target_parameters, &reference.targets),
                    (
                        "temperature",
                        &vec![agent.log_temperature],
                        &vec![reference.log_temperature],
                    ),
                ] {
                    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
                        // A step moves a parameter by up to 3e-3.
                        let error = (f64::from(*found) - expected).abs();
                        assert!(
                            error < 2e-5,
                            "{activation:?} step {step}: {what} {place}: {found} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let learned = |threads: usize| {
            let (mut agent, replay, view, settings, mut learner) = example(Activation::Relu, 300, threads);
            for _ in 0..4 {
                learner.step(&mut agent, &replay, &view, &settings).unwrap();
            }
            (
                agent.actor_parameters,
                agent.critic_parameters,
                agent.target_parameters,
                agent.log_temperature,
            )
        };
        let one = learned(1);
        for threads in [2, 3, 8] {
            assert!(learned(threads) == one, "{threads}");
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let (mut agent, replay, mut view, settings, mut learner) = example(Activation::Relu, 16, 1);
        view.normalizer.mean[1] = f32::NAN;
        let before = agent.clone();
        assert_eq!(
            learner.step(&mut agent, &replay, &view, &settings),
            Err(NonFiniteGradient)
        );
        assert!(
            agent.actor_parameters == before.actor_parameters && agent.critic_parameters == before.critic_parameters
        );
    }
}
