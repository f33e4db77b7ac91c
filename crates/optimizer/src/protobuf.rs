//! Writes protocol buffers, as far as an ONNX file needs them.
//!
//! Three rules are all there is: a field is its number and wire type as a varint, then a varint, four bytes, or a length and
//! so many bytes. A library for that brings a derive macro and as many lines of declarations as this file has of code;
//! these bytes are the same everywhere because nothing here has an order of its own.
//!
//! Source: the encoding page of the protocol buffers documentation.

/// A message under construction; fields stand in it in the order in which they are added.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A message without fields.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An `int32`, `int64` or `enum` that is not negative.
    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.tag(field, 0);
        self.varint(value);
        self
    }

    /// A `float`.
    pub(crate) fn float(mut self, field: u32, value: f32) -> Self {
        self.tag(field, 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A `bytes`, a `string` in UTF-8, or a message.
    pub(crate) fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Self {
        self.tag(field, 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend_from_slice(value.as_ref());
        self
    }

    /// One field for each of `values`, which is how a list is written.
    pub(crate) fn each<T: AsRef<[u8]>>(self, field: u32, values: impl IntoIterator<Item = T>) -> Self {
        values
            .into_iter()
            .fold(self, |message, value| message.bytes(field, value))
    }

    /// The message as it is sent.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_documentation() {
        for (message, expected) in [
            (Message::new().number(1, 150), &[0x08, 0x96, 0x01][..]),
            (Message::new().bytes(2, "testing"), b"\x12\x07testing"),
            (
                Message::new().bytes(3, Message::new().number(1, 150)),
                &[0x1a, 0x03, 0x08, 0x96, 0x01],
            ),
            (Message::new().float(20, 1.0), &[0xa5, 0x01, 0x00, 0x00, 0x80, 0x3f]),
            (Message::new().each(4, ["a", ""]), &[0x22, 0x01, b'a', 0x22, 0x00]),
        ] {
            assert_eq!(message.into_bytes(), expected);
        }
    }
}
