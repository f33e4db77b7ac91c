//! Names that programs can write, from names that people gave to parts of a model.

use std::collections::BTreeSet;

/// Hands out names, each once.
#[derive(Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A name for `quantity` of a part: `torso` and `position` give `torso_position`.
    ///
    /// `kind` tells apart what is called alike: the joint `hip` and the body `hip` give `hip_joint_position` and
    /// `hip_position`. It is left out where the part's own name ends in it. A part without a name, or without a letter or
    /// digit in it, is called after its kind and index. A name that is taken gets a number.
    pub(crate) fn give(&mut self, part: Option<&str>, index: usize, kind: Kind, quantity: &str) -> String {
        let stem = match part.and_then(identifier) {
            Some(stem) if kind == Kind::Body || stem.ends_with(kind.word()) => stem,
            Some(stem) => format!("{stem}_{}", kind.word()),
            None => format!("{}_{index}", kind.word()),
        };
        self.unique(match quantity {
            "" => stem,
            quantity => format!("{stem}_{quantity}"),
        })
    }

    /// The name, with a number where it is taken.
    pub(crate) fn unique(&mut self, name: String) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !self.taken.contains(name))
            .expect("numbers do not end");
        self.taken.insert(free.clone());
        free
    }
}

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Body,
    Joint,
    Site,
    Sensor,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Joint => "joint",
            Self::Site => "site",
            Self::Sensor => "sensor",
        }
    }
}

/// Letters, digits and single underscores, not beginning with a digit; none if no letter or digit is left.
pub(crate) fn identifier(name: &str) -> Option<String> {
    let words: Vec<&str> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let joined = words.join("_");
    match joined.chars().next()? {
        digit if digit.is_ascii_digit() => Some(format!("n{joined}")),
        _ => Some(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_written() {
        for (name, expected) in [
            ("torso", Some("torso")),
            ("walker/torso", Some("walker_torso")),
            ("left-foot.2", Some("left_foot_2")),
            ("3rd_finger", Some("n3rd_finger")),
            ("//unnamed_joint_0", Some("unnamed_joint_0")),
            ("Gelenk für Fuß", Some("Gelenk_f_r_Fu")),
            ("", None),
            ("///", None),
        ] {
            assert_eq!(identifier(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        let mut give = |part, index, kind, quantity| names.give(part, index, kind, quantity);
        assert_eq!(give(Some("hip"), 1, Kind::Body, "position"), "hip_position");
        assert_eq!(give(Some("hip"), 0, Kind::Joint, "position"), "hip_joint_position");
        assert_eq!(
            give(Some("hip_joint"), 1, Kind::Joint, "position"),
            "hip_joint_position_2"
        );
        assert_eq!(give(Some("a/b"), 2, Kind::Body, "position"), "a_b_position");
        assert_eq!(give(Some("a_b"), 3, Kind::Body, "position"), "a_b_position_2");
        assert_eq!(give(None, 4, Kind::Body, "position"), "body_4_position");
        assert_eq!(give(Some("touch"), 0, Kind::Sensor, ""), "touch_sensor");
        assert_eq!(give(Some("é"), 5, Kind::Sensor, ""), "sensor_5");
    }
}
