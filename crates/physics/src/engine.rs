//! Which of the two engines moves a world.

use std::fmt;
use std::str::FromStr;

use crate::mujoco_version;

/// A physics engine. A result always says which one it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MuJoCo: soft contacts, the reference.
    #[default]
    Mujoco,
    /// Rapier: hard contacts, joints as multibodies; built from the model as MuJoCo compiled it.
    Rapier,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Mujoco, Self::Rapier];

    /// Whether a world goes on from a [`Snapshot`](crate::Snapshot) that was written down and read again. Where it does not,
    /// the way to a state is to play what led there.
    pub fn restores_from_numbers(self) -> bool {
        self == Self::Mujoco
    }

    /// Name and version, such as `mujoco 3.17.0`: what results are kept under.
    pub fn version(self) -> String {
        match self {
            Self::Mujoco => format!("{self} {}", mujoco_version()),
            Self::Rapier => format!("{self} {}", rapier3d_f64::VERSION),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Mujoco => "mujoco",
            Self::Rapier => "rapier",
        })
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|engine| engine.to_string() == text);
        known.ok_or_else(|| format!("there is no engine `{text}`; there are `mujoco` and `rapier`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_out_and_come_back() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse(), Ok(engine));
            assert_eq!(serde_json::to_string(&engine).unwrap(), format!("\"{engine}\""));
            assert!(
                engine.version().starts_with(&format!("{engine} ")),
                "{}",
                engine.version()
            );
        }
        let message = "bullet".parse::<Engine>().unwrap_err();
        assert!(message.contains("`mujoco` and `rapier`"), "{message}");
    }
}
