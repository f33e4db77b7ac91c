//! The networks of SAC: an actor, two critics, and the critics' slow copies.

use crate::actor_critic::CHUNK;
use crate::kernels::Activation;
use crate::network::{Activations, Mlp};
use crate::random::{fill_normal, stream};
use crate::sac::squashed_gaussian::Heads;

/// Everything that is learned.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    /// Observation to the means and log σ of `u`, of which actions are the tanh.
    pub actor: Mlp,
    /// The actor's parameters.
    pub actor_parameters: Vec<f32>,
    /// Observation, what only critics see, and action, in one row, to value.
    pub critics: [Mlp; 2],
    /// Both critics' parameters.
    pub critic_parameters: Vec<f32>,
    /// Parameters of the critics that targets are computed with.
    pub target_parameters: Vec<f32>,
    /// Logarithm of the temperature α.
    pub log_temperature: f32,
    /// Observation length O.
    pub observation_size: usize,
    /// How many numbers P only critics see.
    pub critic_size: usize,
    /// Action length A.
    pub action_size: usize,
}

/// Scratch memory of acting.
pub(crate) struct Acting {
    noise: Vec<f32>,
    log_densities: Vec<f32>,
    activations: Activations,
}

impl Agent {
    /// Fresh networks: orthogonal, with so small a last layer of the actor that first actions are around 0.
    pub(crate) fn new(
        [observation_size, critic_size, action_size]: [usize; 3],
        hidden: &[usize],
        activation: Activation,
        initial_temperature: f64,
        seed: u64,
    ) -> Self {
        let sizes = |inputs: usize, outputs: usize| [&[inputs], hidden, &[outputs]].concat();
        let row = observation_size + critic_size + action_size;
        let critic = |offset: usize| Mlp::new(&sizes(row, 1), activation, offset);
        let actor = Mlp::new(&sizes(observation_size, 2 * action_size), activation, 0);
        let first = critic(0);
        let critics = [first.clone(), critic(first.end())];
        let mut actor_parameters = vec![0.0; actor.end()];
        let mut critic_parameters = vec![0.0; critics[1].end()];
        actor.initialise(&mut actor_parameters, 0.01, &mut stream(seed, "actor weights"));
        for (critic, purpose) in critics.iter().zip(["first critic weights", "second critic weights"]) {
            critic.initialise(&mut critic_parameters, 1.0, &mut stream(seed, purpose));
        }
        Self {
            actor,
            actor_parameters,
            target_parameters: critic_parameters.clone(),
            critics,
            critic_parameters,
            log_temperature: libm::log(initial_temperature) as f32,
            observation_size,
            critic_size,
            action_size,
        }
    }

    /// The temperature α.
    pub(crate) fn temperature(&self) -> f32 {
        libm::expf(self.log_temperature)
    }

    /// Length of what is seen of a state, `[O | P]`: the actor reads the first O numbers of it.
    pub(crate) fn seen(&self) -> usize {
        self.observation_size + self.critic_size
    }

    /// Length of a critic's row, `[O | P | A]`.
    pub(crate) fn row(&self) -> usize {
        self.seen() + self.action_size
    }

    /// What the actor gives for `rows` rows, whose first O numbers are an observation.
    pub(crate) fn heads<'a>(
        &self,
        inputs: &[f32],
        stride: usize,
        rows: usize,
        activations: &'a mut Activations,
    ) -> Heads<'a> {
        let outputs = self
            .actor
            .forward(&self.actor_parameters, inputs, stride, rows, activations);
        self.heads_of(outputs)
    }

    /// The same for what the actor's network gave before.
    pub(crate) fn heads_of<'a>(&self, outputs: &'a [f32]) -> Heads<'a> {
        Heads {
            outputs,
            width: self.actor.layers[self.actor.layers.len() - 1].width,
            size: self.action_size,
        }
    }

    /// Draws actions `[N, A]` for normalised rows `[N, O + P]`.
    pub(crate) fn act(
        &self,
        observations: &[f32],
        actions: &mut [f32],
        rng: &mut rand_chacha::ChaCha8Rng,
        acting: &mut Acting,
    ) {
        acting.noise.resize(actions.len(), 0.0);
        fill_normal(rng, &mut acting.noise);
        let (stride, size) = (self.seen(), self.action_size);
        let chunks = observations
            .chunks(CHUNK * stride)
            .zip(actions.chunks_mut(CHUNK * size))
            .zip(acting.noise.chunks(CHUNK * size));
        for ((observations, actions), noise) in chunks {
            let rows = observations.len() / stride;
            let heads = self.heads(observations, stride, rows, &mut acting.activations);
            heads.draw(noise, actions, &mut acting.log_densities[..rows]);
        }
    }

    /// Scratch memory of [`Agent::act`].
    pub(crate) fn acting(&self) -> Acting {
        Acting {
            noise: Vec::new(),
            log_densities: vec![0.0; CHUNK],
            activations: self.actor.activations(CHUNK),
        }
    }

    /// Means over normalised rows `[N, O + P]` of each log σ.
    pub(crate) fn mean_log_std(&self, observations: &[f32], acting: &mut Acting) -> Vec<f32> {
        let stride = self.seen();
        let mut sums = vec![0.0; self.action_size];
        for observation in observations.chunks_exact(stride) {
            let heads = self.heads(observation, stride, 1, &mut acting.activations);
            for (sum, log_std) in sums.iter_mut().zip(&heads.outputs[self.action_size..]) {
                *sum += log_std / (observations.len() / stride) as f32;
            }
        }
        sums
    }

    /// The actor without its deviations: observation to mean, before the tanh.
    pub(crate) fn mean_network(&self) -> (Mlp, Vec<f32>) {
        let outputs = self.actor.layers.iter().map(|layer| layer.outputs);
        let mut sizes: Vec<usize> = std::iter::once(self.observation_size).chain(outputs).collect();
        *sizes.last_mut().expect("a network has layers") = self.action_size;
        let network = Mlp::new(&sizes, self.actor.activation, 0);
        let mut parameters = vec![0.0; network.end()];
        for (layer, from) in network.layers.iter().zip(&self.actor.layers) {
            // Biases lie behind the weights, as one more row.
            let rows = parameters[layer.weights.start..layer.biases.end].chunks_exact_mut(layer.width);
            let from_rows = self.actor_parameters[from.weights.start..from.biases.end].chunks_exact(from.width);
            for (row, from) in rows.zip(from_rows) {
                row[..layer.outputs].copy_from_slice(&from[..layer.outputs]);
            }
        }
        (network, parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy that is written is the actor's mean, also where the heads need more registers than the means.
    #[test]
    fn the_mean_network_is_the_actor_without_noise() {
        let agent = Agent::new([4, 0, 9], &[20, 10], Activation::Elu, 0.2, 3);
        let mut observations = vec![0.0; 12];
        fill_normal(&mut stream(1, "test"), &mut observations);
        let mut outputs = agent.actor.activations(3);
        let heads = agent.heads(&observations, 4, 3, &mut outputs);
        let (network, parameters) = agent.mean_network();
        let mut activations = network.activations(3);
        let means = network.forward(&parameters, &observations, 4, 3, &mut activations);
        for row in 0..3 {
            assert_eq!(means[row * 16..][..9], heads.outputs[row * 32..][..9]);
        }
        assert!(means[..9].iter().any(|&mean| mean != 0.0));
    }
}
