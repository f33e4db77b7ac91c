//! How a source names what it reads: one name, several, or either side of a contact.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// One name, or a list of names, which gives a quantity a leading axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Names {
    /// `"torso"`
    One(String),
    /// `["left_foot", "right_foot"]`
    Several(Vec<String>),
}

impl Names {
    /// The names in order.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// Shape of a quantity that has the shape `each` for one name.
    pub(crate) fn shape(&self, each: &[usize]) -> Vec<usize> {
        match self {
            Self::One(_) => each.to_vec(),
            Self::Several(names) => [&[names.len()], each].concat(),
        }
    }

    /// Looks every name up. Errors: that of the first which is not found.
    pub(crate) fn resolve<E>(&self, look_up: impl Fn(&str) -> Result<usize, E>) -> Result<Vec<usize>, E> {
        self.as_slice().iter().map(|name| look_up(name)).collect()
    }
}

impl From<String> for Names {
    fn from(name: String) -> Self {
        Self::One(name)
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self::One(name.to_owned())
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self::Several(names)
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(name) => serializer.serialize_str(name),
            Self::Several(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name such as \"torso\", or a list of names")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names::One(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Names, A::Error> {
                let names: Vec<String> = Vec::deserialize(SeqAccessDeserializer::new(names))?;
                if names.is_empty() {
                    return Err(A::Error::invalid_length(0, &self));
                }
                Ok(Names::Several(names))
            }
        }
        deserializer.deserialize_any(NamesVisitor)
    }
}

/// A list of names, where one alone may stand without brackets.
pub(super) fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Names::deserialize(deserializer)? {
        Names::One(name) => vec![name],
        Names::Several(names) => names,
    })
}

/// A geom or a body as one side of a contact; a body touches wherever one of its geoms does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Toucher {
    /// `"floor"`: the geom of that name, or else the body.
    Named(String),
    /// `{ geom = "floor" }`
    Geom(String),
    /// `{ body = "torso" }`
    Body(String),
}

impl Serialize for Toucher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(name) => serializer.serialize_str(name),
            Self::Geom(name) => serializer.collect_map([("geom", name)]),
            Self::Body(name) => serializer.collect_map([("body", name)]),
        }
    }
}

impl<'de> Deserialize<'de> for Toucher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Table {
            Geom(String),
            Body(String),
        }
        struct ToucherVisitor;
        impl<'de> Visitor<'de> for ToucherVisitor {
            type Value = Toucher;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a geom or body, { geom = \"…\" } or { body = \"…\" }")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Toucher, E> {
                Ok(Toucher::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Toucher, A::Error> {
                Ok(match Table::deserialize(MapAccessDeserializer::new(map))? {
                    Table::Geom(name) => Toucher::Geom(name),
                    Table::Body(name) => Toucher::Body(name),
                })
            }
        }
        deserializer.deserialize_any(ToucherVisitor)
    }
}
