//! The variables that a task offers to reward programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Element type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// The dialect's own precision: f32 for torch programs, f64 for numpy programs. What physics quantities use.
    #[default]
    Float,
    /// 32-bit float in either dialect.
    F32,
    /// 64-bit float in either dialect.
    F64,
    /// Truth value.
    Bool,
    /// 64-bit signed integer.
    I64,
}

/// One named value that a program may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Name as programs write it: a parameter name, or a dotted path below `self` (`robot.ee_pose.p`).
    #[serde(skip)]
    pub name: String,
    /// Shape without the batch axis; empty for one number per environment.
    #[serde(default)]
    pub shape: Vec<usize>,
    /// Element type.
    #[serde(default)]
    pub dtype: DType,
    /// One value shared by all environments: a Python scalar, or a tensor without batch axis.
    #[serde(default)]
    pub uniform: bool,
    /// SI unit (`m`, `m/s`, `rad`, `N*m`), if it has one.
    #[serde(default)]
    pub unit: Option<String>,
    /// Frame in which the numbers are expressed (`world`, `torso`).
    #[serde(default)]
    pub frame: Option<String>,
    /// Smallest and largest value that occurs in practice.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// One line for the reader, human or model.
    #[serde(default)]
    pub doc: String,
}

impl Variable {
    /// Number of scalars per environment.
    pub fn components(&self) -> usize {
        self.shape.iter().product()
    }
}

/// All variables of a task, in the order of their file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// The variables; names are unique.
    pub variables: Vec<Variable>,
}

/// Why a schema file was refused.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file is not TOML, or a key has the wrong type. The message carries line and column.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A name that no program could write.
    #[error("variable `{0}`: a name is identifiers joined by dots, such as `torso_height` or `robot.ee_pose.p`")]
    Name(String),
    /// A shape that cannot be laid out.
    #[error(
        "variable `{name}`: shape {shape:?} has {components} numbers; allowed are 1 to {}",
        Schema::MAX_COMPONENTS
    )]
    Shape {
        /// The variable.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Product of the shape.
        components: usize,
    },
    /// No variable at all.
    #[error("no variable is declared; write at least one table such as `[variable.torso_height]`")]
    Empty,
}

impl Schema {
    /// Largest number of scalars in one variable.
    pub const MAX_COMPONENTS: usize = 4_096;

    /// Reads the `[variable.*]` tables of an `env.toml` or of a file given with `--schema`; other tables are not looked at.
    ///
    /// Errors: [`SchemaError`], naming the variable.
    pub fn from_toml(text: &str) -> Result<Self, SchemaError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            variable: BTreeMap<String, Variable>,
        }
        let file: File = toml::from_str(text)?;
        let mut variables = Vec::new();
        for (name, mut variable) in file.variable {
            variable.name = name;
            variables.push(variable);
        }
        Self::new(variables)
    }

    /// Checks names and shapes and sorts by name, so that equal sets of variables are equal schemas.
    pub fn new(mut variables: Vec<Variable>) -> Result<Self, SchemaError> {
        if variables.is_empty() {
            return Err(SchemaError::Empty);
        }
        for variable in &variables {
            if !variable.name.split('.').all(is_identifier) {
                return Err(SchemaError::Name(variable.name.clone()));
            }
            let components = variable
                .shape
                .iter()
                .try_fold(1_usize, |product, &dim| product.checked_mul(dim));
            if !matches!(components, Some(1..=Self::MAX_COMPONENTS)) {
                return Err(SchemaError::Shape {
                    name: variable.name.clone(),
                    shape: variable.shape.clone(),
                    components: components.unwrap_or(usize::MAX),
                });
            }
        }
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { variables })
    }

    /// Position of a variable by name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.variables
            .binary_search_by(|variable| variable.name.as_str().cmp(name))
            .ok()
    }

    /// A variable by name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.index(name).map(|index| &self.variables[index])
    }

    /// SHA-256 over everything that can change a program's meaning (name, shape, dtype, uniform), as hex.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for variable in &self.variables {
            hasher.update(format!(
                "{} {:?} {:?} {}\n",
                variable.name, variable.shape, variable.dtype, variable.uniform
            ));
        }
        hex(&hasher.finalize())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|rest| rest.is_alphanumeric() || rest == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_file_and_finds_by_name() {
        let schema = Schema::from_toml(
            r#"
            [variable.torso_height]
            unit = "m"
            [variable."robot.ee_pose.p"]
            shape = [3]
            dtype = "f64"
            "#,
        )
        .unwrap();
        assert_eq!(schema.get("robot.ee_pose.p").unwrap().components(), 3);
        assert_eq!(schema.get("torso_height").unwrap().components(), 1);
        assert!(schema.get("torso").is_none());
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        for (text, expected) in [
            ("", "no variable is declared"),
            ("[variable.\"a b\"]", "a name is identifiers"),
            ("[variable.a]\nshape = [0]", "has 0 numbers"),
            (
                "[variable.a]\nshape = [99999999999, 99999999999]",
                "allowed are 1 to 4096",
            ),
            ("[variable.a]\ndtype = \"f16\"", "unknown variant `f16`"),
        ] {
            let message = Schema::from_toml(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn the_hash_sees_meaning_and_not_documentation() {
        let schema = |text: &str| Schema::from_toml(text).unwrap().hash();
        assert_eq!(
            schema("[variable.a]\ndoc = \"one\""),
            schema("[variable.a]\ndoc = \"two\"")
        );
        assert_ne!(schema("[variable.a]"), schema("[variable.a]\nshape = [1]"));
        assert_ne!(schema("[variable.a]"), schema("[variable.a]\ndtype = \"bool\""));
    }
}
