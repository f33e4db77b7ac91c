//! Mutation and crossover, steered by what the parent's training looked like.

use rand::{Rng, RngExt as _};

use super::genome::{Feature, Genome, Shape, Term, rounded};
use super::guidance::Guidance;
use super::palette::{any_shape, log_uniform, pick};
use crate::reflection::TermStatistics;

/// Most terms of a program; more cannot be read, and rarely help.
const MAX_TERMS: usize = 6;

/// Changes one to three things about a program and says what.
pub fn mutate(
    parent: &Genome,
    statistics: &[TermStatistics],
    guidance: &Guidance,
    rng: &mut impl Rng,
) -> (Genome, String) {
    let mut child = parent.clone();
    let mut notes = Vec::new();
    loop {
        notes.push(mutate_once(&mut child, statistics, guidance, rng));
        if notes.len() == 3 || rng.random_bool(0.6) {
            return (child, notes.join("; "));
        }
    }
}

/// Takes each term of two programs with even odds; equal judgements of a feature appear once.
pub fn cross(first: &Genome, second: &Genome, rng: &mut impl Rng) -> Genome {
    let mut child = Genome { terms: Vec::new() };
    for term in first.terms.iter().chain(&second.terms) {
        let repeated = child.terms.iter().any(|other| {
            other.feature == term.feature && std::mem::discriminant(&other.shape) == std::mem::discriminant(&term.shape)
        });
        if child.terms.len() < MAX_TERMS && !repeated && rng.random_bool(0.6) {
            child.push(term.clone());
        }
    }
    if child.terms.is_empty() {
        child.push(pick(&first.terms, rng).clone());
        child.push(pick(&second.terms, rng).clone());
    }
    child
}

/// What can be done to a program. The number of times an edit is listed is how likely it is.
#[derive(Clone, Copy)]
enum Edit {
    Weight(usize),
    Constants(usize),
    Reshape(usize),
    SwapFeature(usize),
    Replace(usize),
    Remove(usize),
    Ungate(usize),
    Add,
    /// The reflection says so: it stands still.
    DropConstant(usize),
    /// The reflection says so: it drowns the others.
    Shrink(usize),
    /// The reflection says so: it goes with the fitness.
    Grow(usize),
}

fn mutate_once(genome: &mut Genome, statistics: &[TermStatistics], guidance: &Guidance, rng: &mut impl Rng) -> String {
    let edit = *pick(&edits(genome, statistics), rng);
    match edit {
        Edit::Weight(at) => {
            let factor = if rng.random_bool(0.05) {
                -1.0
            } else {
                *pick(&[0.2, 0.5, 0.7, 1.5, 2.0, 4.0], rng)
            };
            scale_weight(&mut genome.terms[at], factor, "weight")
        }
        Edit::Shrink(at) => scale_weight(&mut genome.terms[at], *pick(&[0.2, 0.4], rng), "dominating, weight"),
        Edit::Grow(at) => scale_weight(
            &mut genome.terms[at],
            *pick(&[1.5, 2.5], rng),
            "goes with the fitness, weight",
        ),
        Edit::Constants(at) => change_constants(&mut genome.terms[at], guidance, rng),
        Edit::Reshape(at) => {
            let term = &genome.terms[at];
            let Some(ingredient) = guidance.palette.ingredient(&term.feature) else {
                return replace(genome, at, guidance, rng);
            };
            let shape = any_shape(ingredient, rng);
            let strength = log_uniform(0.3, 3.0, rng) * term.weight.signum();
            let mut changed = super::palette::term(ingredient, shape, strength);
            changed.gate = term.gate.clone();
            swap_in(genome, at, changed, "reshaped")
        }
        Edit::SwapFeature(at) => {
            let ingredient = guidance.palette.any_ingredient(rng).clone();
            let strength = log_uniform(0.1, 3.0, rng) * genome.terms[at].weight.signum();
            let shape = any_shape(&ingredient, rng);
            swap_in(
                genome,
                at,
                super::palette::term(&ingredient, shape, strength),
                "swapped",
            )
        }
        Edit::Replace(at) => replace(genome, at, guidance, rng),
        Edit::Remove(at) => remove(genome, at, "removed"),
        Edit::DropConstant(at) => remove(genome, at, "constant, removed"),
        Edit::Ungate(at) => {
            genome.terms[at].gate = None;
            format!("{}: gate removed", genome.terms[at].name)
        }
        Edit::Add => {
            let term = guidance.further_term(rng);
            genome.push(term);
            format!("added {}", genome.terms[genome.terms.len() - 1].name)
        }
    }
}

fn edits(genome: &Genome, statistics: &[TermStatistics]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (at, term) in genome.terms.iter().enumerate() {
        edits.extend([Edit::Weight(at); 3]);
        edits.extend([Edit::Reshape(at), Edit::Replace(at), Edit::SwapFeature(at)]);
        if term.shape != Shape::Identity {
            edits.extend([Edit::Constants(at); 3]);
        }
        if term.gate.is_some() {
            edits.push(Edit::Ungate(at));
        }
        let alone = genome.terms.len() == 1;
        if !alone {
            edits.push(Edit::Remove(at));
        }
        let Some(seen) = statistics.iter().find(|seen| seen.name == term.name) else {
            continue;
        };
        // A constant reward for staying alive is meant to be constant.
        if seen.constant && !alone && !matches!(term.feature, Feature::Alive(_)) {
            edits.extend([Edit::DropConstant(at); 4]);
        }
        if seen.dominates() && !alone {
            edits.extend([Edit::Shrink(at); 4]);
        }
        if seen.correlation.is_some_and(|with| with > 0.7) && !seen.dominates() {
            edits.extend([Edit::Grow(at); 4]);
        }
    }
    if genome.terms.len() < MAX_TERMS {
        edits.extend([Edit::Add; 4]);
    }
    edits
}

fn scale_weight(term: &mut Term, factor: f64, why: &str) -> String {
    let before = term.weight;
    term.weight = rounded(before * factor);
    format!("{}: {why} {before:?} → {:?}", term.name, term.weight)
}

fn change_constants(term: &mut Term, guidance: &Guidance, rng: &mut impl Rng) -> String {
    let spread = guidance
        .palette
        .ingredient(&term.feature)
        .map_or(1.0, |ingredient| ingredient.high - ingredient.low);
    let shift = rng.random_range(-0.25..=0.25) * spread;
    let factor = *pick(&[0.3, 0.6, 1.7, 3.0], rng);
    let narrower = |temperature: f64| rounded(temperature * factor);
    term.shape = match term.shape.clone() {
        Shape::Identity => Shape::Identity,
        Shape::Distance { target } => Shape::Distance {
            target: rounded(target + shift),
        },
        Shape::SquaredDistance { target } => Shape::SquaredDistance {
            target: rounded(target + shift),
        },
        Shape::Bell { target, temperature } if rng.random_bool(0.5) => Shape::Bell {
            target,
            temperature: narrower(temperature),
        },
        Shape::Bell { target, temperature } => Shape::Bell {
            target: rounded(target + shift),
            temperature,
        },
        Shape::Peak { target, temperature } if rng.random_bool(0.5) => Shape::Peak {
            target,
            temperature: narrower(temperature),
        },
        Shape::Peak { target, temperature } => Shape::Peak {
            target: rounded(target + shift),
            temperature,
        },
        Shape::Saturating { temperature } => Shape::Saturating {
            temperature: narrower(temperature),
        },
        Shape::Clamped { low, high } => {
            let (low, high) = moved(low, high, shift, rng);
            Shape::Clamped { low, high }
        }
        Shape::Within { low, high } => {
            let (low, high) = moved(low, high, shift, rng);
            Shape::Within { low, high }
        }
    };
    format!("{}: other constants", term.name)
}

fn moved(low: f64, high: f64, shift: f64, rng: &mut impl Rng) -> (f64, f64) {
    let (low, high) = if rng.random_bool(0.5) {
        (low + shift, high)
    } else {
        (low, high + shift)
    };
    (rounded(low.min(high)), rounded(low.max(high)))
}

fn replace(genome: &mut Genome, at: usize, guidance: &Guidance, rng: &mut impl Rng) -> String {
    let term = guidance.further_term(rng);
    swap_in(genome, at, term, "replaced")
}

fn swap_in(genome: &mut Genome, at: usize, term: Term, how: &str) -> String {
    let before = genome.terms.remove(at);
    genome.push(term);
    format!("{how} {} by {}", before.name, genome.terms[genome.terms.len() - 1].name)
}

fn remove(genome: &mut Genome, at: usize, how: &str) -> String {
    format!("{how} {}", genome.terms.remove(at).name)
}
