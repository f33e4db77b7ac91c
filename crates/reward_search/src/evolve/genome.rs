//! What `evolve` varies: a reward program as a list of terms, each a weight times a shaped feature.
//!
//! ```text
//! total = Σ weight · [gate] · shape(feature)         feature: forward_velocity, joint_angles[:, 1], Σ control², …
//! ```
//!
//! A genome lives only while it is varied. Its lasting form is the program text, from which [`super::parse`] reads it back.

/// A reward program of this grammar.
#[derive(Debug, Clone, PartialEq)]
pub struct Genome {
    /// Terms with unique names; at least one.
    pub terms: Vec<Term>,
}

/// One reward term.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Name, also the key in the program's dictionary.
    pub name: String,
    /// Factor; its sign says whether the shaped feature is wanted.
    pub weight: f64,
    /// What it looks at.
    pub feature: Feature,
    /// How it judges that.
    pub shape: Shape,
    /// When it counts.
    pub gate: Option<Gate>,
}

/// One number per environment, computed from variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A variable with one number, `x`.
    Scalar(String),
    /// A component of a vector, `x[:, i]`.
    Component(String, usize),
    /// A truth value as 0 or 1, `x.float()`.
    Flag(String),
    /// Sum of squares over a vector.
    SquaredSum(String),
    /// Euclidean length of a vector.
    Norm(String),
    /// Sum of squared differences of two vectors, such as the control now and one step before.
    SquaredChange(String, String),
    /// Always 1, in the shape of a scalar variable; earned while the episode lasts.
    Alive(String),
}

/// How a feature becomes a judgement.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// The feature itself.
    Identity,
    /// Distance from a target, `|x − target|`.
    Distance {
        /// Where it is zero.
        target: f64,
    },
    /// Squared distance from a target.
    SquaredDistance {
        /// Where it is zero.
        target: f64,
    },
    /// `exp(−((x − target) / temperature)²)`: near 1 around the target, flat far away.
    Bell {
        /// Where it is 1.
        target: f64,
        /// Width.
        temperature: f64,
    },
    /// `exp(−|x − target| / temperature)`: pulls even from far away.
    Peak {
        /// Where it is 1.
        target: f64,
        /// Width.
        temperature: f64,
    },
    /// `tanh(x / temperature)`: grows, then saturates.
    Saturating {
        /// Where it bends.
        temperature: f64,
    },
    /// The feature, cut to a range.
    Clamped {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// 1 inside a range, else 0.
    Within {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// A condition under which a term counts: the feature lies in a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// What decides.
    pub feature: Feature,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Feature {
    /// Variables that it reads.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Feature::Scalar(name)
            | Feature::Component(name, _)
            | Feature::Flag(name)
            | Feature::SquaredSum(name)
            | Feature::Norm(name)
            | Feature::Alive(name) => vec![name],
            Feature::SquaredChange(now, before) => vec![now, before],
        }
    }

    /// What names of terms are made of.
    pub fn stem(&self) -> String {
        match self {
            Feature::Scalar(name) | Feature::Flag(name) => name.clone(),
            Feature::Component(name, index) => format!("{name}_{index}"),
            Feature::SquaredSum(name) if is_effort(name) => format!("{name}_effort"),
            Feature::SquaredSum(name) => format!("{name}_squared"),
            Feature::Norm(name) => format!("{name}_length"),
            Feature::SquaredChange(name, _) => format!("{name}_change"),
            Feature::Alive(_) => "alive".into(),
        }
    }
}

impl Term {
    /// A term named after what it does: `forward_velocity_reward`, `torso_pitch_error`, `control_effort`, `alive`.
    pub fn new(feature: Feature, shape: Shape, weight: f64) -> Self {
        let suffix = match shape {
            Shape::Identity => match feature {
                Feature::Scalar(_) | Feature::Component(..) | Feature::Flag(_) if weight < 0.0 => "_cost",
                Feature::Scalar(_) | Feature::Component(..) | Feature::Flag(_) => "_reward",
                Feature::SquaredSum(_) | Feature::Norm(_) | Feature::SquaredChange(..) | Feature::Alive(_) => "",
            },
            Shape::Distance { .. } | Shape::SquaredDistance { .. } => "_error",
            Shape::Bell { .. } | Shape::Peak { .. } => "_match",
            Shape::Saturating { .. } => "_saturated",
            Shape::Clamped { .. } => "_clamped",
            Shape::Within { .. } => "_in_range",
        };
        Self {
            name: format!("{}{suffix}", feature.stem()),
            weight,
            feature,
            shape,
            gate: None,
        }
    }

    /// Variables that it reads.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        [Some(&self.feature), self.gate.as_ref().map(|gate| &gate.feature)]
            .into_iter()
            .flatten()
            .flat_map(Feature::variables)
    }

    /// Whether both judge the same feature in the same way, with whatever constants.
    pub fn resembles(&self, other: &Self) -> bool {
        self.feature == other.feature && std::mem::discriminant(&self.shape) == std::mem::discriminant(&other.shape)
    }

    /// Local variable of the temperature, where the shape has one.
    pub fn temperature_name(&self) -> String {
        format!("{}_temperature", self.name)
    }

    /// Local variable of the gate, where there is one.
    pub fn gate_name(&self) -> String {
        format!("{}_gate", self.name)
    }

    fn local_names(&self) -> [String; 3] {
        [self.name.clone(), self.temperature_name(), self.gate_name()]
    }
}

impl Genome {
    /// Variables that the program reads, sorted, each once.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.terms.iter().flat_map(Term::variables).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether both reward the same, in whatever order.
    pub fn equals(&self, other: &Self) -> bool {
        self.terms.len() == other.terms.len() && self.terms.iter().all(|term| other.terms.contains(term))
    }

    /// Adds a term. Whatever then bears the name of a variable that the program reads, or of an earlier term, is renamed:
    /// a local variable must not hide what a later line means.
    pub fn push(&mut self, term: Term) {
        self.terms.push(term);
        let read: Vec<String> = self.variables().into_iter().map(str::to_owned).collect();
        let mut taken: Vec<String> = read;
        for term in &mut self.terms {
            let plain = term.name.clone();
            let mut number = 1;
            while term.local_names().iter().any(|name| taken.contains(name)) {
                number += 1;
                term.name = format!("{plain}_{number}");
            }
            taken.extend(term.local_names());
        }
    }
}

/// Whether a variable is something that the robot spends.
pub fn is_effort(name: &str) -> bool {
    ["control", "action", "torque", "effort"].iter().any(|word| {
        name.split('_')
            .any(|part| part.strip_suffix('s').unwrap_or(part) == *word)
    })
}

/// Three significant digits, so that what is printed is what is meant.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("a printed number reads back")
}
