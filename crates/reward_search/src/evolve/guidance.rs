//! What the task's sentence suggests.
//!
//! A language model reads "hop forward" and reaches for `forward_velocity`. `evolve` does the little of it that needs no
//! model: it compares the sentence's words with the variables' names and documentation, and knows four kinds of task
//! words: getting somewhere (more of a speed), keeping a posture (an angle near zero), keeping a place (a position near
//! zero) and getting high (more of a height). A task that is lost by a fall asks for a constant reward for staying alive.
//! The random baseline does not look at the sentence.

use carrot_reward_interface::Variable;
use rand::{Rng, RngExt as _};

use super::genome::{Feature, Genome, Shape, Term, is_effort, rounded};
use super::palette::{Ingredient, Palette, any_temperature, log_uniform, pick, term};

const TRAVEL: [&str; 14] = [
    "forward", "run", "walk", "hop", "move", "go", "fast", "far", "speed", "travel", "ahead", "gallop", "swim", "crawl",
];
const POSTURE: [&str; 8] = [
    "balance", "upright", "stand", "steady", "still", "keep", "straight", "level",
];
const HEIGHT: [&str; 6] = ["high", "height", "jump", "lift", "raise", "rise"];
const PLACE: [&str; 6] = ["near", "middle", "centre", "center", "reach", "close"];
const ALIVE: [&str; 9] = [
    "fall", "falling", "tip", "tipping", "topple", "toppling", "balance", "upright", "survive",
];
const NEUTRAL: [&str; 24] = [
    "the", "a", "an", "of", "to", "as", "is", "in", "on", "and", "or", "it", "its", "that", "with", "for", "by",
    "from", "robot", "so", "possible", "stays", "without", "at",
];

/// A feature and what the task seems to want of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The feature.
    pub ingredient: Ingredient,
    /// More of it, or near zero.
    pub wish: Wish,
    /// How well it fits the sentence; larger is better.
    pub relevance: u32,
}

/// What is wanted of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// As much as possible.
    More,
    /// As near to zero as possible.
    NearZero,
}

/// A palette and what the task's sentence says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guidance {
    /// What terms can be made of.
    pub palette: Palette,
    /// Goals, most relevant first; may be empty.
    pub goals: Vec<Goal>,
    /// Features that cost effort.
    pub efforts: Vec<Ingredient>,
    /// The sentence warns of a fall, so that staying alive is part of the task.
    pub wants_alive: bool,
}

impl Guidance {
    /// Reads the sentence against the variables.
    pub fn new(mut palette: Palette, instruction: &str) -> Self {
        let wanted = words(instruction);
        let mut goals: Vec<Goal> = palette
            .pigments
            .iter()
            .filter(|pigment| pigment.variable.shape.is_empty())
            .filter_map(|pigment| {
                let (wish, relevance) = wish(&pigment.variable, &wanted)?;
                Some(Goal {
                    ingredient: pigment.ingredients.first()?.clone(),
                    wish,
                    relevance,
                })
            })
            .collect();
        goals.sort_by_key(|goal| std::cmp::Reverse(goal.relevance));
        // A constant takes its shape from what the program reads anyway.
        if let (Some(goal), Some(alive)) = (goals.first(), &mut palette.alive)
            && let Feature::Scalar(name) = &goal.ingredient.feature
        {
            alive.feature = Feature::Alive(name.clone());
        }
        let efforts = palette
            .pigments
            .iter()
            .filter(|pigment| is_effort(&pigment.variable.name))
            .flat_map(|pigment| &pigment.ingredients)
            .filter(|ingredient| matches!(ingredient.feature, Feature::SquaredSum(_) | Feature::SquaredChange(..)))
            .cloned()
            .collect();
        Self {
            palette,
            goals,
            efforts,
            wants_alive: wanted.iter().any(|word| ALIVE.contains(&word.as_str())),
        }
    }

    /// The plain first attempt: the goal, staying alive, and a little thrift.
    pub fn plain_genome(&self) -> Option<Genome> {
        let goal = self.goals.first()?;
        let mut genome = Genome { terms: Vec::new() };
        genome.push(match goal.wish {
            Wish::More => term(&goal.ingredient, Shape::Identity, 5.0),
            Wish::NearZero => term(&goal.ingredient, Shape::SquaredDistance { target: 0.0 }, -1.0),
        });
        if let Some(alive) = &self.palette.alive {
            genome.push(term(alive, Shape::Identity, 1.0));
        }
        if let Some(effort) = self.efforts.first() {
            genome.push(term(effort, Shape::Identity, -0.02));
        }
        Some(genome)
    }

    /// A program that follows the sentence, with something random about every term.
    pub fn genome(&self, rng: &mut impl Rng) -> Genome {
        let mut genome = Genome { terms: Vec::new() };
        // Word matching can misread a sentence, so that now and then another goal comes first.
        let strength = log_uniform(1.0, 10.0, rng);
        let first = match self.goals.first() {
            Some(goal) if rng.random_bool(0.85) => Some(reading(goal, strength, rng)),
            _ => self.goal_term(rng),
        };
        genome.push(first.unwrap_or_else(|| self.palette.any_term(rng)));
        if let Some(alive) = &self.palette.alive {
            // Staying alive must be worth about as much as the goal: far less and the robot dives for it, far more and it
            // never sets out.
            let share = log_uniform(0.1, 0.4, rng);
            if self.wants_alive {
                genome.push(term(alive, Shape::Identity, rounded(strength * share)));
            } else if rng.random_bool(0.75) {
                genome.push(term(alive, Shape::Identity, log_uniform(0.1, 3.0, rng)));
            }
        }
        if rng.random_bool(0.6)
            && let Some(effort) = self.effort_term(rng)
        {
            genome.push(effort);
        }
        if rng.random_bool(0.3)
            && let Some(goal) = self.goal_term(rng)
            && !genome.terms.iter().any(|known| known.resembles(&goal))
        {
            genome.push(goal);
        }
        while genome.terms.len() < 2 || (genome.terms.len() < 5 && rng.random_bool(0.3)) {
            let mut extra = self.palette.any_term(rng);
            extra.weight = rounded(extra.weight * 0.2);
            genome.push(extra);
        }
        genome
    }

    /// Whether variation keeps this term: the sentence asks for it.
    pub fn is_asked_for(&self, term: &Term) -> bool {
        self.is_first_goal(term) || self.wants_alive && matches!(term.feature, Feature::Alive(_))
    }

    /// A term worth adding to a program that exists, small enough not to overturn it.
    pub fn further_term(&self, rng: &mut impl Rng) -> Term {
        let suggested = match rng.random_range(0..10) {
            0..=2 => self.goal_term(rng),
            3..=4 => self
                .palette
                .alive
                .as_ref()
                .map(|alive| term(alive, Shape::Identity, log_uniform(0.1, 3.0, rng))),
            5..=6 => self.effort_term(rng),
            _ => None,
        };
        let mut further = suggested.unwrap_or_else(|| self.palette.any_term(rng));
        if !matches!(further.feature, Feature::Alive(_)) {
            further.weight = rounded(further.weight * 0.2);
        }
        further
    }

    /// Whether a term wants what the sentence wants most.
    pub fn is_first_goal(&self, term: &Term) -> bool {
        self.goals.first().is_some_and(|goal| {
            goal.ingredient.feature == term.feature && (goal.wish == Wish::NearZero || term.weight > 0.0)
        })
    }

    fn goal_term(&self, rng: &mut impl Rng) -> Option<Term> {
        if self.goals.is_empty() {
            return None;
        }
        // The most relevant goal half of the time, the rest equally.
        let goal = if rng.random_bool(0.5) {
            &self.goals[0]
        } else {
            pick(&self.goals, rng)
        };
        let strength = log_uniform(1.0, 10.0, rng);
        Some(reading(goal, strength, rng))
    }

    /// The same goal, of the same strength, in another shape. Absent for a term that serves no goal.
    pub fn other_reading(&self, current: &Term, rng: &mut impl Rng) -> Option<Term> {
        let goal = self
            .goals
            .iter()
            .find(|goal| goal.ingredient.feature == current.feature)?;
        let strength = super::palette::strength(&goal.ingredient, current).abs();
        let mut other = reading(goal, strength, rng);
        other.gate = current.gate.clone();
        Some(other)
    }

    fn effort_term(&self, rng: &mut impl Rng) -> Option<Term> {
        if self.efforts.is_empty() {
            return None;
        }
        Some(term(
            pick(&self.efforts, rng),
            Shape::Identity,
            -log_uniform(0.005, 0.3, rng),
        ))
    }
}

/// A goal as a term: more of something straight, saturating or clamped; near zero as a distance or a bell.
fn reading(goal: &Goal, strength: f64, rng: &mut impl Rng) -> Term {
    let ingredient = &goal.ingredient;
    let temperature = any_temperature(ingredient, rng);
    match goal.wish {
        Wish::More => {
            let high = rounded(ingredient.high * rng.random_range(0.3..=1.0));
            let low = if high > 0.0 { 0.0 } else { ingredient.low };
            let saturating = Shape::Saturating {
                temperature: rounded(ingredient.scale() * log_uniform(0.2, 2.0, rng)),
            };
            let shapes = [
                Shape::Identity,
                Shape::Identity,
                saturating,
                Shape::Clamped { low, high },
            ];
            term(ingredient, pick(&shapes, rng).clone(), strength)
        }
        Wish::NearZero => {
            let target = 0.0;
            let near = [Shape::Bell { target, temperature }, Shape::Peak { target, temperature }];
            let far = [Shape::Distance { target }, Shape::SquaredDistance { target }];
            if rng.random_bool(0.5) {
                term(ingredient, pick(&near, rng).clone(), strength)
            } else {
                term(ingredient, pick(&far, rng).clone(), -strength)
            }
        }
    }
}

fn wish(variable: &Variable, wanted: &[String]) -> Option<(Wish, u32)> {
    let name = words(&variable.name);
    let all = words(&format!("{} {}", variable.name, variable.doc));
    let unit = variable.unit.as_deref().unwrap_or_default();
    let shared = |own: &[String]| {
        own.iter()
            .filter(|word| wanted.iter().any(|other| same(word, other)))
            .count() as u32
    };
    let relevance = 2 * shared(&name) + shared(&all);
    let sideways = has(
        &name,
        &["vertical", "lateral", "sideways", "angular", "pitch", "roll", "yaw"],
    );
    let ahead = u32::from(has(&name, &["forward", "ahead", "speed"]));
    if has(wanted, &TRAVEL) && unit == "m/s" && !sideways {
        return Some((Wish::More, relevance + 2 + 4 * ahead));
    }
    if has(wanted, &POSTURE) && unit == "rad" {
        return Some((Wish::NearZero, relevance + 3));
    }
    if has(wanted, &HEIGHT) && unit == "m" && has(&name, &["height", "altitude", "z"]) {
        return Some((Wish::More, relevance + 3));
    }
    let still = has(wanted, &POSTURE);
    match unit {
        _ if relevance == 0 => None,
        "m/s" if still || !sideways => Some((if still { Wish::NearZero } else { Wish::More }, relevance)),
        "rad" => Some((Wish::NearZero, relevance)),
        "m" if has(&name, &["distance", "error"]) || has(wanted, &PLACE) => Some((Wish::NearZero, relevance)),
        _ => None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !NEUTRAL.contains(&word.as_str()))
        .collect()
}

fn has(words: &[String], known: &[&str]) -> bool {
    words.iter().any(|word| known.iter().any(|other| same(word, other)))
}

/// Equal, or one is the other with an ending (`hops`, `running`, `balanced`).
fn same(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let stem = short.strip_suffix('e').filter(|stem| stem.len() >= 4).unwrap_or(short);
    let Some(ending) = long.strip_prefix(stem) else {
        return false;
    };
    let doubled = stem
        .chars()
        .last()
        .is_some_and(|last| ending.starts_with(last))
        .then(|| &ending[1..]);
    let endings = ["", "e", "s", "es", "ed", "ing"];
    short.len() >= 2 && (endings.contains(&ending) || doubled.is_some_and(|ending| endings[4..].contains(&ending)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_reward_interface::Schema;

    fn goals(instruction: &str) -> Vec<(String, Wish)> {
        let schema = Schema::from_toml(
            "[variable.forward_velocity]\nunit = \"m/s\"\n[variable.vertical_velocity]\nunit = \"m/s\"\n\
             [variable.pole_angle]\nunit = \"rad\"\ndoc = \"angle of the pole\"\n[variable.torso_height]\nunit = \"m\"\n\
             [variable.control]\nshape = [2]",
        )
        .unwrap();
        let guidance = Guidance::new(Palette::new(&schema), instruction);
        assert_eq!(guidance.efforts.len(), 1);
        guidance
            .goals
            .iter()
            .map(|goal| (goal.ingredient.feature.stem(), goal.wish))
            .collect()
    }

    #[test]
    fn sentences_point_at_variables() {
        let pole = || ("pole_angle".to_owned(), Wish::NearZero);
        let forward = || ("forward_velocity".to_owned(), Wish::More);
        assert_eq!(goals("Make the robot hop forward as fast as possible."), [forward()]);
        assert_eq!(goals("Running quickly"), [forward()]);
        assert_eq!(goals("Keep the pole upright."), [pole()]);
        assert_eq!(
            goals("Jump as high as you can"),
            [("torso_height".to_owned(), Wish::More)]
        );
        assert_eq!(
            goals("Keep the torso upright, near the middle"),
            [pole(), ("torso_height".to_owned(), Wish::NearZero)]
        );
        assert_eq!(goals("Sing a song"), []);
    }

    #[test]
    fn words_match_with_their_endings() {
        for (a, b, expected) in [
            ("hops", "hop", true),
            ("hopping", "hop", true),
            ("running", "run", true),
            ("balanced", "balance", true),
            ("balancing", "balance", true),
            ("stand", "standard", false),
            ("go", "goal", false),
        ] {
            assert_eq!(same(a, b), expected, "{a} {b}");
        }
    }
}
