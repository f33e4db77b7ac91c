//! A second reader of ONNX files, written from the format's description and sharing nothing with what writes them: it
//! decodes the protocol buffers and computes the graph node by node in f64.

use std::collections::BTreeMap;

/// The fields of a message, in their order.
struct Message<'a>(Vec<(u64, Field<'a>)>);

enum Field<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// A matrix, a row or a number: `[rows, columns]`, either of which may be 1.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

/// An operator, with the names of what goes in and comes out.
struct Node {
    operator: String,
    inputs: Vec<String>,
    output: String,
    attributes: BTreeMap<String, f64>,
}

/// A model as this reader sees it.
pub struct Model {
    pub properties: BTreeMap<String, String>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub operator_set: u64,
    nodes: Vec<Node>,
    constants: BTreeMap<String, Tensor>,
}

impl<'a> Message<'a> {
    fn read(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut bytes)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    Field::Bytes(bytes.split_off(..length).expect("as many bytes as announced"))
                }
                5 => {
                    let four = bytes.split_off(..4).expect("four bytes");
                    Field::Float(f32::from_le_bytes(four.try_into().unwrap()))
                }
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, field));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &Field<'a>> {
        self.0
            .iter()
            .filter(move |field| field.0 == number)
            .map(|field| &field.1)
    }

    fn messages(&self, number: u64) -> impl Iterator<Item = Message<'a>> {
        self.all(number).map(move |field| match field {
            Field::Bytes(bytes) => Message::read(bytes),
            _ => panic!("field {number} is no message"),
        })
    }

    fn texts(&self, number: u64) -> impl Iterator<Item = String> {
        self.all(number).map(move |field| match field {
            Field::Bytes(bytes) => String::from_utf8(bytes.to_vec()).expect("UTF-8"),
            _ => panic!("field {number} is no text"),
        })
    }

    fn text(&self, number: u64) -> String {
        self.texts(number).next().unwrap_or_default()
    }

    fn numbers(&self, number: u64) -> impl Iterator<Item = u64> {
        self.all(number).map(move |field| match field {
            Field::Number(value) => *value,
            _ => panic!("field {number} is no number"),
        })
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a varint ends");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint of more than ten bytes");
}

impl Model {
    pub fn read(bytes: &[u8]) -> Self {
        let model = Message::read(bytes);
        let graph = model.messages(7).next().expect("a graph");
        let pair = |entry: Message| (entry.text(1), entry.text(2));
        Self {
            properties: model.messages(14).map(pair).collect(),
            inputs: graph.messages(11).map(|input| input.text(1)).collect(),
            outputs: graph.messages(12).map(|output| output.text(1)).collect(),
            operator_set: model
                .messages(8)
                .find(|set| set.text(1).is_empty())
                .and_then(|set| set.numbers(2).next())
                .expect("the version of the standard operators"),
            nodes: graph.messages(1).map(Node::read).collect(),
            constants: graph
                .messages(5)
                .map(|tensor| (tensor.text(8), Tensor::read(&tensor)))
                .collect(),
        }
    }

    /// What the graph calls `output`, for the given input.
    pub fn run(&self, input: Tensor, output: &str) -> Tensor {
        let mut known = self.constants.clone();
        known.insert(self.inputs[0].clone(), input);
        for node in &self.nodes {
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|name| &known[name]).collect();
            let result = node.run(&inputs);
            known.insert(node.output.clone(), result);
        }
        known.remove(output).expect("the graph gives this output")
    }
}

impl Node {
    fn read(node: Message) -> Self {
        let attribute = |attribute: Message| {
            let value = attribute.all(2).next().map(|field| match field {
                Field::Float(value) => f64::from(*value),
                _ => panic!("an attribute that is no float"),
            });
            (attribute.text(1), value.expect("a float"))
        };
        Self {
            operator: node.text(4),
            inputs: node.texts(1).collect(),
            output: node.text(2),
            attributes: node.messages(5).map(attribute).collect(),
        }
    }

    /// What version 13 of the standard operators says about the few that are used.
    fn run(&self, inputs: &[&Tensor]) -> Tensor {
        let [first, rest @ ..] = inputs else {
            panic!("a node without inputs");
        };
        let attribute = |name: &str, default: f64| self.attributes.get(name).copied().unwrap_or(default);
        match (self.operator.as_str(), rest) {
            ("Sub", [right]) => first.with(right, |a, b| a - b),
            ("Add", [right]) => first.with(right, |a, b| a + b),
            ("Mul", [right]) => first.with(right, |a, b| a * b),
            ("Max", [right]) => first.with(right, f64::max),
            ("Min", [right]) => first.with(right, f64::min),
            ("Clip", [least, most]) => first.with(least, f64::max).with(most, f64::min),
            ("Tanh", []) => first.map(f64::tanh),
            ("Relu", []) => first.map(|x| x.max(0.0)),
            ("Elu", []) => {
                let alpha = attribute("alpha", 1.0);
                first.map(|x| if x < 0.0 { alpha * x.exp_m1() } else { x })
            }
            ("Gemm", [right, bias]) if self.attributes.is_empty() => first.times(right).with(bias, |a, b| a + b),
            (operator, rest) => panic!("operator {operator} with {} further inputs", rest.len()),
        }
    }
}

impl Tensor {
    fn read(tensor: &Message) -> Self {
        assert_eq!(tensor.numbers(2).collect::<Vec<_>>(), [1], "numbers are f32");
        let raw = tensor.all(9).next();
        let Some(Field::Bytes(raw)) = raw else {
            panic!("a tensor without raw data");
        };
        let numbers = raw
            .chunks_exact(4)
            .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())));
        let values: Vec<f64> = numbers.collect();
        let [rows, columns] = match tensor.numbers(1).collect::<Vec<_>>()[..] {
            [] => [1, 1],
            [columns] => [1, columns as usize],
            [rows, columns] => [rows as usize, columns as usize],
            ref shape => panic!("shape {shape:?}"),
        };
        assert_eq!(values.len(), rows * columns);
        Self { rows, columns, values }
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            values: self.values.iter().map(|&value| f(value)).collect(),
            ..*self
        }
    }

    /// With another one, whose row or number serves for every row.
    fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        assert!(other.rows == 1 && (other.columns == 1 || other.columns == self.columns));
        let values = self.values.iter().enumerate();
        Self {
            values: values
                .map(|(place, &value)| f(value, other.values[place % self.columns % other.columns]))
                .collect(),
            ..*self
        }
    }

    fn times(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows);
        let mut values = Vec::with_capacity(self.rows * other.columns);
        for row in self.values.chunks_exact(self.columns) {
            for column in 0..other.columns {
                let products = row
                    .iter()
                    .enumerate()
                    .map(|(k, value)| value * other.values[k * other.columns + column]);
                values.push(products.sum());
            }
        }
        Self {
            rows: self.rows,
            columns: other.columns,
            values,
        }
    }
}
