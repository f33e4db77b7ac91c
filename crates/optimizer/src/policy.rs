//! A trained policy: mean actions from observations, and its file.
//!
//! The file is safetensors, so that anything can read it. Its metadata has one key, `carrot`, with JSON inside: several keys
//! would be written in an order that changes from process to process, and equal policies would have unequal bytes.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::actor_critic::{ActorCritic, CHUNK, mean_actions};
use crate::kernels::{Activation, tanh};
use crate::network::Mlp;
use crate::normalizer::ObservationNormalizer;

/// Version of the file's contents.
const FORMAT: u32 = 1;

/// Largest layer that a file may have.
const MAX_UNITS: usize = 65_536;

/// A diagonal Gaussian policy with its observation normaliser.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    network: Mlp,
    /// Laid out as `network` says.
    parameters: Vec<f32>,
    /// Logarithm of the standard deviation of each action while it was trained, `[A]`.
    log_std: Vec<f32>,
    normalizer: ObservationNormalizer,
    /// Whether an action is the tanh of what the network gives; if not, the environment clamps it to [-1, 1].
    squash: bool,
}

/// Why a policy file was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

/// The JSON in the file's metadata.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    /// Observation, hidden layers, action.
    sizes: Vec<usize>,
    activation: Activation,
    /// Files from before there was a choice lack it.
    #[serde(default)]
    squash: bool,
    /// Free-form pairs of the caller.
    metadata: Vec<(String, String)>,
}

impl Policy {
    /// The policy of `model` as it is now.
    pub(crate) fn new(model: &ActorCritic, normalizer: ObservationNormalizer, squash: bool) -> Self {
        Self {
            network: model.policy.clone(),
            parameters: model.parameters[..model.policy.end()].to_vec(),
            log_std: model.log_std().to_vec(),
            normalizer,
            squash,
        }
    }

    /// A policy from its parts: `parameters` are laid out as `network` says, `log_std` is `[A]`.
    pub(crate) fn from_network(
        network: Mlp,
        parameters: Vec<f32>,
        log_std: Vec<f32>,
        normalizer: ObservationNormalizer,
        squash: bool,
    ) -> Self {
        Self {
            network,
            parameters,
            log_std,
            normalizer,
            squash,
        }
    }

    /// Length of an observation.
    pub fn observation_size(&self) -> usize {
        self.network.layers[0].inputs
    }

    /// Length of an action.
    pub fn action_size(&self) -> usize {
        self.log_std.len()
    }

    /// Mean actions `[N, A]` for observations `[N, O]`.
    ///
    /// # Panics
    /// If the lengths do not fit [`Policy::observation_size`] and [`Policy::action_size`].
    pub fn act(&self, observations: &[f32], actions: &mut [f32]) {
        let rows = observations.len() / self.observation_size();
        assert_eq!(
            observations.len(),
            rows * self.observation_size(),
            "observations are [N, O]"
        );
        assert_eq!(actions.len(), rows * self.action_size(), "actions are [N, A]");
        let mut normalised = vec![0.0; observations.len()];
        self.normalizer.apply(observations, &mut normalised);
        let mut activations = self.network.activations(rows.min(CHUNK));
        mean_actions(
            &self.network,
            &self.parameters,
            &normalised,
            self.observation_size(),
            actions,
            &mut activations,
        );
        if self.squash {
            tanh(actions);
        }
    }

    /// What each hidden unit does with its sum.
    pub fn activation(&self) -> Activation {
        self.network.activation
    }

    /// Whether an action is the tanh of what the network gives; if not, the environment clamps it to [-1, 1].
    pub fn squash(&self) -> bool {
        self.squash
    }

    /// Safetensors bytes with JSON metadata (sizes, activation and the pairs of `metadata`, such as the task's id). Equal
    /// policies with equal metadata give equal bytes.
    pub fn to_bytes(&self, metadata: &[(String, String)]) -> Vec<u8> {
        let header = Header {
            format: FORMAT,
            sizes: self.sizes(),
            activation: self.network.activation,
            squash: self.squash,
            metadata: metadata.to_vec(),
        };
        let header = serde_json::to_string(&header).expect("a header is plain data");
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| {
                (
                    name,
                    shape,
                    values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("four bytes per number");
            (name.as_str(), view)
        });
        safetensors::serialize(views, Some(HashMap::from([("carrot".to_string(), header)])))
            .expect("a policy's header is far below the limit")
    }

    /// Reads what [`Policy::to_bytes`] wrote; also gives the metadata.
    ///
    /// Errors: [`PolicyError`] says which part of the file cannot be a policy.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, Vec<(String, String)>), PolicyError> {
        let refused = |message: String| PolicyError(format!("not a policy file: {message}"));
        let (_, description) = SafeTensors::read_metadata(bytes).map_err(|error| refused(error.to_string()))?;
        let json = description.metadata().as_ref().and_then(|pairs| pairs.get("carrot"));
        let json = json.ok_or_else(|| refused("its metadata has no key `carrot`".into()))?;
        let header: Header = serde_json::from_str(json).map_err(|error| refused(format!("metadata: {error}")))?;
        header.check().map_err(refused)?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| refused(error.to_string()))?;
        let mut policy = Self::zeros(&header);
        for (name, shape, _) in policy.tensors() {
            policy.fill(&name, &read(&file, &name, &shape).map_err(refused)?);
        }
        Ok((policy, header.metadata))
    }

    /// Reads a policy file.
    pub fn load(path: &Path) -> Result<(Self, Vec<(String, String)>), PolicyError> {
        let at = |message: String| PolicyError(format!("{}: {message}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| at(error.to_string()))?;
        Self::from_bytes(&bytes).map_err(|error| at(error.0))
    }

    /// Number of affine layers.
    pub(crate) fn layers(&self) -> usize {
        self.network.layers.len()
    }

    fn sizes(&self) -> Vec<usize> {
        let outputs = self.network.layers.iter().map(|layer| layer.outputs);
        std::iter::once(self.observation_size()).chain(outputs).collect()
    }

    fn zeros(header: &Header) -> Self {
        let sizes = &header.sizes;
        let network = Mlp::new(sizes, header.activation, 0);
        Self {
            parameters: vec![0.0; network.end()],
            network,
            log_std: vec![0.0; sizes[sizes.len() - 1]],
            normalizer: ObservationNormalizer {
                mean: vec![0.0; sizes[0]],
                scale: vec![0.0; sizes[0]],
            },
            squash: header.squash,
        }
    }

    /// Name, shape and numbers of everything in the file; weights are `[inputs, outputs]`.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let plain = |name: &str, values: &[f32]| (name.to_string(), vec![values.len()], values.to_vec());
        let mut tensors = vec![
            plain("log_std", &self.log_std),
            plain("observation.mean", &self.normalizer.mean),
            plain("observation.scale", &self.normalizer.scale),
        ];
        for (index, layer) in self.network.layers.iter().enumerate() {
            let rows = self.parameters[layer.weights.clone()].chunks_exact(layer.width);
            let weights = rows.flat_map(|row| row[..layer.outputs].iter().copied()).collect();
            tensors.push((
                format!("layer.{index}.weight"),
                vec![layer.inputs, layer.outputs],
                weights,
            ));
            let biases = &self.parameters[layer.biases.clone()][..layer.outputs];
            tensors.push(plain(&format!("layer.{index}.bias"), biases));
        }
        tensors
    }

    /// Sets one of [`Policy::tensors`], whose length is right.
    fn fill(&mut self, name: &str, values: &[f32]) {
        match name {
            "log_std" => self.log_std.copy_from_slice(values),
            "observation.mean" => self.normalizer.mean.copy_from_slice(values),
            "observation.scale" => self.normalizer.scale.copy_from_slice(values),
            _ => {
                for (index, layer) in self.network.layers.iter().enumerate() {
                    let part = match name.strip_prefix(&format!("layer.{index}.")) {
                        Some("weight") => &mut self.parameters[layer.weights.clone()],
                        Some("bias") => &mut self.parameters[layer.biases.clone()],
                        _ => continue,
                    };
                    for (row, values) in part
                        .chunks_exact_mut(layer.width)
                        .zip(values.chunks_exact(layer.outputs))
                    {
                        row[..layer.outputs].copy_from_slice(values);
                    }
                }
            }
        }
    }
}

impl Header {
    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "format {}, but this version reads format {FORMAT}",
                self.format
            ));
        }
        if !(2..=16).contains(&self.sizes.len()) || !self.sizes.iter().all(|size| (1..=MAX_UNITS).contains(size)) {
            return Err(format!(
                "layer sizes {:?}; allowed are 2 to 16 numbers from 1 to {MAX_UNITS}",
                self.sizes
            ));
        }
        let parameters: usize = self.sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        match parameters > 1 << 26 {
            true => Err(format!("layer sizes {:?} make more than 2^26 weights", self.sizes)),
            false => Ok(()),
        }
    }
}

fn read(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let tensor = file.tensor(name).map_err(|_| format!("there is no tensor `{name}`"))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let (dtype, found) = (tensor.dtype(), tensor.shape());
        return Err(format!(
            "tensor `{name}` is {dtype:?} {found:?}; the layer sizes ask for F32 {shape:?}"
        ));
    }
    let numbers = tensor
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let values: Vec<f32> = numbers.collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("tensor `{name}` holds {value}")),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalizer::RunningMoments;

    fn policy() -> Policy {
        with_activation(Activation::Tanh, false)
    }

    fn with_activation(activation: Activation, squash: bool) -> Policy {
        let model = ActorCritic::new([5, 0], 3, &[20, 7], activation, -0.7, 11);
        let mut moments = RunningMoments::new(5);
        moments.update(&[0.1_f32, 2.0, -3.0, 4.0, 1e-3, 0.3, 2.5, 3.0, 4.5, 2e-3]);
        Policy::new(&model, moments.normalizer(), squash)
    }

    #[test]
    fn a_file_gives_the_same_bits_back() {
        let metadata = vec![
            ("task".to_string(), "hopper/hop_forward".to_string()),
            ("b".into(), "ü\"".into()),
        ];
        let bytes = policy().to_bytes(&metadata);
        let (read, read_metadata) = Policy::from_bytes(&bytes).unwrap();
        assert_eq!((&read, &read_metadata), (&policy(), &metadata));
        assert_eq!(read.to_bytes(&metadata), bytes);
        let (mut before, mut after) = ([0.0; 6], [0.0; 6]);
        let observations = [0.2, 2.2, 0.0, 4.1, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        policy().act(&observations, &mut before);
        read.act(&observations, &mut after);
        assert_eq!(before, after);
        assert!(before.iter().any(|&action| action != 0.0));
    }

    #[test]
    fn activation_and_squashing_are_kept() {
        let observation = [0.2, 2.2, 0.0, 4.1, 0.0];
        let act = |policy: &Policy| {
            let mut action = [0.0; 3];
            policy.act(&observation, &mut action);
            action
        };
        let mut seen = Vec::new();
        for activation in [Activation::Tanh, Activation::Relu, Activation::Elu] {
            let (plain, squashed) = (with_activation(activation, false), with_activation(activation, true));
            let (read, _) = Policy::from_bytes(&squashed.to_bytes(&[])).unwrap();
            assert_eq!((read.activation(), read.squash()), (activation, true));
            assert_eq!(act(&read), act(&squashed));
            let mut expected = act(&plain);
            seen.push(expected);
            tanh(&mut expected);
            assert_eq!(act(&squashed), expected);
        }
        assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    }

    #[test]
    fn a_file_from_before_squashing_is_read() {
        let bytes = policy().to_bytes(&[]);
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
        let older = header.replace(",\\\"squash\\\":false", "");
        assert_ne!(older, header);
        let older = [
            &(older.len() as u64).to_le_bytes(),
            older.as_bytes(),
            &bytes[8 + length..],
        ]
        .concat();
        assert_eq!(Policy::from_bytes(&older).unwrap().0, policy());
    }

    #[test]
    fn hostile_files_are_refused_with_a_reason() {
        let bytes = policy().to_bytes(&[]);
        let with = |from: &str, to: &str| {
            let header_length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let header = String::from_utf8(bytes[8..8 + header_length].to_vec()).unwrap();
            assert!(header.contains(from), "{header}");
            let header = header.replace(from, to);
            [
                &(header.len() as u64).to_le_bytes(),
                header.as_bytes(),
                &bytes[8 + header_length..],
            ]
            .concat()
        };
        let mut not_finite = bytes.clone();
        let end = not_finite.len();
        not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        for (file, expected) in [
            (Vec::new(), "not a policy file"),
            (b"junk junk junk junk".to_vec(), "not a policy file"),
            (bytes[..bytes.len() - 4].to_vec(), "not a policy file"),
            (with("\"carrot\"", "\"parrot\""), "no key `carrot`"),
            (
                with("\\\"format\\\":1", "\\\"format\\\":2"),
                "format 2, but this version reads format 1",
            ),
            (with("tanh", "gelu"), "unknown variant `gelu`, expected one of `tanh`"),
            (
                with("[5,20,7,3]", "[5,20,8,3]"),
                "tensor `layer.1.weight` is F32 [20, 7]; the layer sizes ask for F32 [20, 8]",
            ),
            (with("[5,20,7,3]", "[5,20,0,3]"), "layer sizes [5, 20, 0, 3]"),
            (with("[5,20,7,3]", "[65536,65536]"), "more than 2^26 weights"),
            (with("[5,20,7,3]", "[99999999999]"), "layer sizes [99999999999]"),
            (
                with("layer.2.bias", "layer.9.bias"),
                "there is no tensor `layer.2.bias`",
            ),
            (not_finite, "holds NaN"),
        ] {
            let message = Policy::from_bytes(&file).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = Policy::load(Path::new("no/such.policy")).unwrap_err().to_string();
        assert!(message.starts_with("no/such.policy: "), "{message}");
    }
}
