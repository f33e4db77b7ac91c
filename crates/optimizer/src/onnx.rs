//! A policy as an ONNX model, for robots and runtimes that know nothing of Carrot.
//!
//! The model takes the observation as the environment shows it and gives the action that the environment applies: the
//! normaliser, the limits and the scaling to actuator units are part of the graph, and what each number means stands in the
//! metadata. Only operators of old and common kind are used, so that small runtimes take it too.
//!
//! ```text
//! observation [N, O] ─Sub─Mul─Clip─▶ (Gemm ─ Tanh|Relu|Elu)… ─ Gemm ─Clip|Tanh─▶ action [N, A] ─Mul─Add─Max─Min─▶ control [N, A]
//! ```
//!
//! Source: `onnx.proto` of ONNX 1.8 (IR version 7, operator set 13), whose field numbers stand beside each field below.

use carrot_environment::{ActionChannel, Task};
use serde_json::{Value, json};

use crate::kernels::Activation;
use crate::normalizer::CLIP;
use crate::policy::{Policy, PolicyError};
use crate::protobuf::Message;

/// Version of the file format; any runtime since 2020 reads it.
const IR_VERSION: u64 = 7;
/// Version of the operators.
const OPERATOR_SET: u64 = 13;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

/// A graph under construction.
#[derive(Default)]
struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    /// Name of what the last node gave.
    last: String,
}

impl Policy {
    /// The policy as an ONNX model: input `observation` `[N, O]`, outputs `action` `[N, A]` in [-1, 1] and, with a task,
    /// `control` `[N, A]` in actuator units. `metadata` are the pairs of the policy's file; a task adds what it knows of
    /// observation and action. Equal arguments give equal bytes.
    ///
    /// Errors: [`PolicyError`] where the task has another observation or action than the policy.
    pub fn to_onnx(&self, metadata: &[(String, String)], task: Option<&Task>) -> Result<Vec<u8>, PolicyError> {
        if let Some(task) = task {
            let (has, wants) = (
                (self.observation_size(), self.action_size()),
                (task.observation_size(), task.action_size()),
            );
            if has != wants {
                return Err(PolicyError(format!(
                    "the policy takes {} numbers and gives {}, but {} shows {} and takes {}; train it again for this \
                     version of the task",
                    has.0, has.1, task.id, wants.0, wants.1
                )));
            }
        }
        let mut outputs = vec![value_info("action", self.action_size(), ACTION)];
        let mut graph = self.graph();
        if let Some(task) = task {
            graph.scale(&task.action_channels());
            outputs.push(value_info("control", self.action_size(), CONTROL));
        }
        let observation = value_info("observation", self.observation_size(), OBSERVATION);
        let graph = Message::new()
            .each(1, graph.nodes) // node
            .bytes(2, "policy") // name
            .each(5, graph.constants) // initializer
            .bytes(11, observation) // input
            .each(12, outputs); // output
        let model = Message::new()
            .number(1, IR_VERSION) // ir_version
            .bytes(2, "carrot") // producer_name
            .bytes(3, env!("CARGO_PKG_VERSION")) // producer_version
            .bytes(7, graph) // graph
            .bytes(8, Message::new().bytes(1, "").number(2, OPERATOR_SET)); // opset_import: domain, version
        let properties = properties(metadata, task);
        let properties = properties
            .iter()
            .map(|(key, value)| Message::new().bytes(1, key).bytes(2, value));
        Ok(model.each(14, properties).into_bytes()) // metadata_props
    }

    /// From `observation` to `action`.
    fn graph(&self) -> Graph {
        let mut graph = Graph {
            last: "observation".into(),
            ..Graph::default()
        };
        for (name, shape, values) in self.tensors() {
            // The noise of the training is no part of the mean action.
            if name != "log_std" {
                graph.constant(&name, &shape, &values);
            }
        }
        graph.node("Sub", &["observation.mean"], "observation.centred", None);
        graph.node("Mul", &["observation.scale"], "observation.scaled", None);
        graph.constant("observation.least", &[], &[-CLIP]);
        graph.constant("observation.most", &[], &[CLIP]);
        let limits = ["observation.least", "observation.most"];
        graph.node("Clip", &limits, "observation.normalised", None);
        for layer in 0..self.layers() {
            let [weight, bias] = ["weight", "bias"].map(|part| format!("layer.{layer}.{part}"));
            graph.node("Gemm", &[&weight, &bias], &format!("layer.{layer}.sum"), None);
            if layer + 1 == self.layers() {
                break;
            }
            let out = format!("layer.{layer}");
            match self.activation() {
                Activation::Tanh => graph.node("Tanh", &[], &out, None),
                Activation::Relu => graph.node("Relu", &[], &out, None),
                Activation::Elu => graph.node("Elu", &[], &out, Some(("alpha", 1.0))),
            }
        }
        if self.squash() {
            graph.node("Tanh", &[], "action", None);
        } else {
            graph.constant("action.least", &[], &[-1.0]);
            graph.constant("action.most", &[], &[1.0]);
            graph.node("Clip", &["action.least", "action.most"], "action", None);
        }
        graph
    }
}

impl Graph {
    /// A tensor that is part of the model.
    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = shape
            .iter()
            .fold(Message::new(), |tensor, &size| tensor.number(1, size as u64)) // dims
            .number(2, FLOAT) // data_type
            .bytes(8, name) // name
            .bytes(9, bytes); // raw_data
        self.constants.push(tensor);
    }

    /// An operator on what the last one gave and on `further`.
    fn node(&mut self, operator: &str, further: &[&str], output: &str, attribute: Option<(&str, f32)>) {
        let node = Message::new()
            .bytes(1, &self.last) // input
            .each(1, further)
            .bytes(2, output) // output
            .bytes(3, format!("{operator}: {output}")) // name
            .bytes(4, operator); // op_type
        let attribute = attribute.map(|(name, value)| {
            Message::new()
                .bytes(1, name) // name
                .float(2, value) // f
                .number(20, 1) // type: FLOAT
        });
        self.nodes.push(node.each(5, attribute)); // attribute
        self.last = output.to_owned();
    }

    /// From `action` to `control`.
    fn scale(&mut self, channels: &[ActionChannel]) {
        let values = |of: fn(&ActionChannel) -> f64| -> Vec<f32> {
            let limited = |value: f64| value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
            channels.iter().map(|channel| limited(of(channel))).collect()
        };
        for (name, values) in [
            ("control.half", values(|channel| channel.half)),
            ("control.middle", values(|channel| channel.middle)),
            ("control.least", values(|channel| channel.range[0])),
            ("control.most", values(|channel| channel.range[1])),
        ] {
            self.constant(name, &[channels.len()], &values);
        }
        self.node("Mul", &["control.half"], "control.scaled", None);
        self.node("Add", &["control.middle"], "control.wanted", None);
        // Clip takes single numbers only.
        self.node("Max", &["control.least"], "control.raised", None);
        self.node("Min", &["control.most"], "control", None);
    }
}

const OBSERVATION: &str = "The observation as the environment shows it, neither scaled nor clipped; `observation` in the metadata names its numbers";
const ACTION: &str = "The policy's mean action, in [-1, 1]";
const CONTROL: &str = "The same in actuator units; `action` in the metadata names them";

/// A matrix `[N, columns]`.
fn value_info(name: &str, columns: usize, doc: &str) -> Message {
    let shape = Message::new()
        .bytes(1, Message::new().bytes(2, "N")) // dim: dim_param
        .bytes(1, Message::new().number(1, columns as u64)); // dim: dim_value
    let tensor = Message::new().number(1, FLOAT).bytes(2, shape); // elem_type, shape
    Message::new()
        .bytes(1, name) // name
        .bytes(2, Message::new().bytes(1, tensor)) // type: tensor_type
        .bytes(3, doc) // doc_string
}

/// What a user of the model must know: keys without structure as text, lists as JSON.
fn properties(metadata: &[(String, String)], task: Option<&Task>) -> Vec<(String, String)> {
    let mut properties = vec![("carrot".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    properties.extend(metadata.iter().cloned());
    let Some(task) = task else {
        return properties;
    };
    let mut add = |key: &str, value: String| properties.push((key.to_owned(), value));
    if !metadata.iter().any(|(key, _)| key == "task") {
        add("task", task.id.clone());
    }
    add("task_version", task.version.to_string());
    add("instruction", task.instruction.clone());
    add("control_dt_secs", task.control_dt_secs().to_string());
    add("observation", observation(task).to_string());
    add("action", action(task).to_string());
    properties
}

/// The variables that make up the observation, in order.
fn observation(task: &Task) -> Value {
    let mut first = 0;
    let described = task.observation.iter().map(|name| {
        let index = task.schema.index(name).expect("a task observes its own variables");
        let variable = &task.schema.variables[index];
        let components = variable.components();
        first += components;
        json!({
            "name": name, "first": first - components, "components": components, "shape": variable.shape,
            "unit": variable.unit, "frame": variable.frame, "quaternion": variable.quaternion, "doc": variable.doc,
        })
    });
    Value::Array(described.collect())
}

/// The actuators, in the order of the action: `control = middle + half·action` within `range`.
fn action(task: &Task) -> Value {
    let finite = |value: f64| value.is_finite().then_some(value);
    let channels = task.action_channels();
    let described = channels.iter().map(|channel| {
        json!({
            "name": channel.actuator, "joint": channel.joint, "middle": channel.middle, "half": channel.half,
            "range": channel.range.map(finite),
            "unit": channel.control_unit.map(|(_, unit)| unit), "unit_per_control": channel.control_unit.map(|(factor, _)| factor),
        })
    });
    Value::Array(described.collect())
}
