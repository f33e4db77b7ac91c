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
            Feature::SquaredSum(name) => format!("{name}_effort"),
            Feature::Norm(name) => format!("{name}_length"),
            Feature::SquaredChange(name, _) => format!("{name}_change"),
            Feature::Alive(_) => "alive".into(),
        }
    }
}

impl Genome {
    /// Variables that the program reads, sorted, each once.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .terms
            .iter()
            .flat_map(|term| [Some(&term.feature), term.gate.as_ref().map(|gate| &gate.feature)])
            .flatten()
            .flat_map(Feature::variables)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Adds a term under a name that no other term has.
    pub fn push(&mut self, mut term: Term) {
        let taken = |name: &str| self.terms.iter().any(|other| other.name == name);
        if taken(&term.name) {
            let numbered = (2..).map(|number| format!("{}_{number}", term.name));
            term.name = numbered
                .into_iter()
                .find(|name| !taken(name))
                .expect("numbers do not end");
        }
        self.terms.push(term);
    }
}

/// Three significant digits, so that what is printed is what is meant.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("a printed number reads back")
}
