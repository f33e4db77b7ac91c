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
    /// A rigid transform: position and wxyz quaternion, seven numbers of the dialect's own precision, with `.p`, `.q`,
    /// `.inv()` and `*` in programs. With a shape `[k]` it is a list of k poses.
    Pose,
    /// A text that never changes, such as the name of a variant; no numbers.
    Str,
}

/// In which order the four numbers of a quaternion stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuaternionOrder {
    /// Scalar part first, as MuJoCo and ManiSkill write it.
    Wxyz,
    /// Scalar part last, as Isaac Gym, SciPy and ROS write it.
    Xyzw,
}

/// One named value that a program may read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Name as programs write it, in the form of [`canonical_name`]: a parameter name, a dotted path below `self`
    /// (`robot.ee_pose.p`), or a chain with calls (`robot.check_grasp(cubeA, max_angle=30)`).
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
    /// The text of a [`DType::Str`] variable; nothing else has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// SI unit (`m`, `m/s`, `rad`, `N*m`), if it has one.
    #[serde(default)]
    pub unit: Option<String>,
    /// Frame in which the numbers are expressed (`world`, `torso`).
    #[serde(default)]
    pub frame: Option<String>,
    /// Component order, if it is a quaternion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quaternion: Option<QuaternionOrder>,
    /// Smallest and largest value that occurs in practice.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// One line for the reader, human or model.
    #[serde(default)]
    pub doc: String,
}

impl Variable {
    /// Number of scalars per environment; none for a text.
    pub fn components(&self) -> usize {
        match self.dtype {
            DType::Str => 0,
            DType::Pose => self.shape.iter().product::<usize>() * POSE_NUMBERS,
            _ => self.shape.iter().product(),
        }
    }

    /// Shape of its numbers in an array, without the batch axis: a pose adds a last axis of seven.
    pub fn array_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.dtype == DType::Pose {
            shape.push(POSE_NUMBERS);
        }
        shape
    }
}

/// Numbers of a pose: position, then quaternion with the scalar first.
pub const POSE_NUMBERS: usize = 7;

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
    #[error(
        "variable `{0}`: a name is identifiers joined by dots, with calls where the program calls, such as \
         `torso_height`, `robot.ee_pose.p` or `robot.check_grasp(cubeA, max_angle=30)`"
    )]
    Name(String),
    /// Two spellings of one name.
    #[error("variable `{0}` is declared twice")]
    Twice(String),
    /// A text without a value, or a value that is not a text's.
    #[error("variable `{0}`: `value` and dtype \"str\" go together, and a text has no shape")]
    Value(String),
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
        for variable in &mut variables {
            match canonical_name(&variable.name) {
                Some(name) => variable.name = name,
                None => return Err(SchemaError::Name(variable.name.clone())),
            }
            let is_text = variable.dtype == DType::Str;
            if is_text != variable.value.is_some() || is_text && !variable.shape.is_empty() {
                return Err(SchemaError::Value(variable.name.clone()));
            }
            let components = variable
                .array_shape()
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
        if let Some(pair) = variables.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(SchemaError::Twice(pair[0].name.clone()));
        }
        Ok(Self { variables })
    }

    /// Position of a variable by name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.variables
            .binary_search_by(|variable| variable.name.as_str().cmp(name))
            .ok()
    }

    /// Place of each variable's first number in a row that holds the numbers of all variables, one after the other.
    pub fn places(&self) -> Vec<usize> {
        let place = |place: &mut usize, variable: &Variable| {
            let first = *place;
            *place += variable.components();
            Some(first)
        };
        self.variables.iter().scan(0, place).collect()
    }

    /// A variable by name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.index(name).map(|index| &self.variables[index])
    }

    /// SHA-256 over everything that can change a program's meaning (name, shape, dtype, uniform, a text's value), as hex.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for variable in &self.variables {
            hasher.update(format!(
                "{} {:?} {:?} {}\n",
                variable.name, variable.shape, variable.dtype, variable.uniform
            ));
            if let Some(value) = &variable.value {
                hasher.update(format!("{value:?}\n"));
            }
        }
        hex(&hasher.finalize())
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The one spelling of a chain of attributes, calls and constant indices that names a variable: no blanks but one after
/// each comma, single quotes. None where a program could not write it.
///
/// `robot.check_grasp( cubeA,max_angle = 30 )` becomes `robot.check_grasp(cubeA, max_angle=30)`.
pub fn canonical_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut open: Vec<char> = Vec::new();
    let mut chars = text.chars().peekable();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                name.push('\'');
                let inside: String = chars.by_ref().take_while(|&inner| inner != c).collect();
                if inside.contains(['\'', '"', '\\']) || inside.chars().any(char::is_control) {
                    return None;
                }
                name += &inside;
                name.push('\'');
            }
            ' ' => {
                // Blanks part nothing but words, and two words in a row are no chain.
                let follows = chars.peek().copied().is_some_and(is_word);
                if follows && name.ends_with(is_word) {
                    return None;
                }
            }
            ',' if !open.is_empty() => name += ", ",
            '(' | '[' => {
                let continues = name.ends_with(|last: char| is_word(last) || matches!(last, ')' | ']'));
                // Inside the arguments of a call a bracket may also open a tuple or a list.
                if !continues && open.is_empty() {
                    return None;
                }
                open.push(if c == '(' { ')' } else { ']' });
                name.push(c);
            }
            ')' | ']' => {
                if open.pop() != Some(c) {
                    return None;
                }
                name.push(c);
            }
            '=' | '-' | '+' if !open.is_empty() => name.push(c),
            '.' => name.push('.'),
            c if is_word(c) => name.push(c),
            _ => return None,
        }
    }
    let starts_well = |word: &str| word.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let outside = outside_brackets(&name);
    (open.is_empty() && outside.split('.').all(starts_well)).then_some(name)
}

/// A chain without what stands in brackets.
fn outside_brackets(chain: &str) -> String {
    let mut depth = 0;
    let mut quoted = false;
    chain
        .chars()
        .filter(|&c| {
            match c {
                '\'' => quoted = !quoted,
                '(' | '[' if !quoted => depth += 1,
                ')' | ']' if !quoted => depth -= 1,
                _ => return depth == 0 && !quoted,
            }
            false
        })
        .collect()
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
    fn a_name_has_one_spelling() {
        for (text, canonical) in [
            ("torso_height", Some("torso_height")),
            (
                "robot.check_grasp( cubeA,max_angle = 30 )",
                Some("robot.check_grasp(cubeA, max_angle=30)"),
            ),
            (
                "get_link_state(self, \"Box\", 'link 1')",
                Some("get_link_state(self, 'Box', 'link 1')"),
            ),
            ("info[\"success\"]", Some("info['success']")),
            ("physics.x().y[-1]", Some("physics.x().y[-1]")),
            ("a.1b", None),
            ("a..b", None),
            ("(a)", None),
            ("a, b", None),
            ("a)", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(canonical_name(text).as_deref(), canonical, "{text}");
        }
    }

    #[test]
    fn a_pose_has_seven_numbers_and_a_text_none() {
        let schema = Schema::from_toml(
            "[variable.tip]\ndtype = \"pose\"\n[variable.grasps]\ndtype = \"pose\"\nshape = [2]\n[variable.version]\ndtype = \"str\"\nvalue = \"v2\"",
        )
        .unwrap();
        let components: Vec<usize> = schema.variables.iter().map(Variable::components).collect();
        assert_eq!(components, [14, 7, 0]);
        assert_eq!(schema.get("grasps").unwrap().array_shape(), [2, 7]);
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        for (text, expected) in [
            ("", "no variable is declared"),
            ("[variable.\"a b\"]", "a name is identifiers"),
            ("[variable.\"a.(b)\"]", "a name is identifiers"),
            ("[variable.\"a(b\"]", "a name is identifiers"),
            ("[variable.\"a(b,c)\"]\n[variable.\"a(b, c)\"]", "declared twice"),
            ("[variable.a]\ndtype = \"str\"", "go together"),
            ("[variable.a]\nvalue = \"v2\"", "go together"),
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
