//! Mutation and crossover, steered by what the parent's training looked like.
//!
//! Steps are small, and what the task's sentence asks for is never taken away: most of what works in a program is that
//! term, its size against the others, and whatever keeps the episode going.

use rand::{Rng, RngExt as _};

use super::genome::{Feature, Genome, Shape, Term, rounded};
use super::guidance::Guidance;
use super::palette::{any_shape, pick, strength, term};
use crate::reflection::TermStatistics;

/// Most terms of a program; more cannot be read, and rarely help.
const MAX_TERMS: usize = 6;

/// Changes one thing about a program, sometimes two, and says what.
pub fn mutate(
    parent: &Genome,
    statistics: &[TermStatistics],
    guidance: &Guidance,
    rng: &mut impl Rng,
) -> (Genome, String) {
    let mut child = parent.clone();
    let mut note = mutate_once(&mut child, statistics, guidance, rng);
    if rng.random_bool(0.3) {
        note = format!("{note}; {}", mutate_once(&mut child, statistics, guidance, rng));
    }
    (child, note)
}

/// The first program with some of the second: where both judge a feature in the same way, one of the two judgements; of
/// what only one of them has, most of the first's and a few of the second's.
pub fn cross(first: &Genome, second: &Genome, guidance: &Guidance, rng: &mut impl Rng) -> Genome {
    let mut child = Genome { terms: Vec::new() };
    for term in &first.terms {
        match second.terms.iter().find(|other| other.resembles(term)) {
            Some(other) => child.push((*pick(&[term, other], rng)).clone()),
            None if guidance.is_asked_for(term) || rng.random_bool(0.8) => child.push(term.clone()),
            None => {}
        }
    }
    for term in &second.terms {
        let new = !first.terms.iter().any(|other| other.resembles(term));
        if new
            && child.terms.len() < MAX_TERMS
            && (child.terms.is_empty() || guidance.is_asked_for(term) || rng.random_bool(0.4))
        {
            child.push(term.clone());
        }
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
    let edit = *pick(&edits(genome, statistics, guidance), rng);
    match edit {
        Edit::Weight(at) => scale_weight(&mut genome.terms[at], *pick(&[0.4, 0.7, 1.4, 2.5], rng), "weight"),
        Edit::Shrink(at) => scale_weight(&mut genome.terms[at], *pick(&[0.3, 0.5], rng), "dominating, weight"),
        Edit::Grow(at) => scale_weight(
            &mut genome.terms[at],
            *pick(&[1.4, 2.0], rng),
            "goes with the fitness, weight",
        ),
        Edit::Constants(at) => change_constants(&mut genome.terms[at], guidance, rng),
        Edit::Reshape(at) => {
            let current = &genome.terms[at];
            let reshaped = guidance.other_reading(current, rng).or_else(|| {
                let ingredient = guidance.palette.ingredient(&current.feature)?;
                let mut reshaped = term(ingredient, any_shape(ingredient, rng), strength(ingredient, current));
                reshaped.gate = current.gate.clone();
                Some(reshaped)
            });
            match reshaped {
                Some(reshaped) => swap_in(genome, at, reshaped, "reshaped"),
                None => replace(genome, at, guidance, rng),
            }
        }
        Edit::SwapFeature(at) => {
            let current = &genome.terms[at];
            let known = guidance.palette.ingredient(&current.feature);
            let size = known.map_or(0.2, |ingredient| strength(ingredient, current));
            let ingredient = guidance.palette.any_ingredient(rng).clone();
            let swapped = term(&ingredient, any_shape(&ingredient, rng), size);
            swap_in(genome, at, swapped, "swapped")
        }
        Edit::Replace(at) => replace(genome, at, guidance, rng),
        Edit::Remove(at) => remove(genome, at, "removed"),
        Edit::DropConstant(at) => remove(genome, at, "constant, removed"),
        Edit::Ungate(at) => {
            genome.terms[at].gate = None;
            format!("{}: gate removed", genome.terms[at].name)
        }
        Edit::Add => {
            let further = new_term(genome, guidance, rng);
            genome.push(further);
            format!("added {}", genome.terms[genome.terms.len() - 1].name)
        }
    }
}

fn edits(genome: &Genome, statistics: &[TermStatistics], guidance: &Guidance) -> Vec<Edit> {
    let mut edits = Vec::new();
    let core = core(genome, statistics, guidance);
    for (at, term) in genome.terms.iter().enumerate() {
        edits.extend([Edit::Weight(at); 3]);
        if term.shape != Shape::Identity {
            edits.extend([Edit::Constants(at); 3]);
        }
        if term.gate.is_some() {
            edits.push(Edit::Ungate(at));
        }
        if guidance.is_first_goal(term) || core != Some(at) && !matches!(term.feature, Feature::Alive(_)) {
            edits.push(Edit::Reshape(at));
        }
        let kept = core == Some(at) || guidance.is_asked_for(term);
        if !kept {
            edits.extend([Edit::Replace(at), Edit::SwapFeature(at)]);
        }
        if !kept && genome.terms.len() > 1 {
            edits.push(Edit::Remove(at));
        }
        if let Some(seen) = statistics.iter().find(|seen| seen.name == term.name) {
            advise(&mut edits, at, term, seen, core == Some(at));
        }
    }
    if genome.terms.len() < MAX_TERMS {
        edits.extend([Edit::Add; 4]);
    }
    edits
}

/// What the reflection suggests about a term.
fn advise(edits: &mut Vec<Edit>, at: usize, term: &Term, seen: &TermStatistics, is_core: bool) {
    // A constant reward for staying alive is meant to be constant.
    if seen.constant && !is_core && !matches!(term.feature, Feature::Alive(_)) {
        edits.extend([Edit::DropConstant(at); 4]);
    }
    if seen.dominates() && !is_core {
        edits.extend([Edit::Shrink(at); 4]);
    }
    // A cost that falls as the fitness rises is doing its work at the size it has.
    if seen.correlation.is_some_and(|with| with > 0.7) && term.weight > 0.0 && !seen.dominates() {
        edits.extend([Edit::Grow(at); 2]);
    }
}

/// The term that carries a program: the one that pursues the task's first goal, else the one that goes best with the
/// fitness. A program of one term is carried by it only if the goal says so.
fn core(genome: &Genome, statistics: &[TermStatistics], guidance: &Guidance) -> Option<usize> {
    let goal = genome.terms.iter().position(|term| guidance.is_first_goal(term));
    goal.or_else(|| {
        let correlation = |term: &Term| statistics.iter().find(|seen| seen.name == term.name)?.correlation;
        genome
            .terms
            .iter()
            .enumerate()
            .filter_map(|(at, term)| Some((at, correlation(term).filter(|with| *with > 0.0)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(at, _)| at)
    })
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
    let shift = rng.random_range(-0.15..=0.15) * spread;
    let factor = *pick(&[0.5, 0.7, 1.4, 2.0], rng);
    let widen = rng.random_bool(0.5);
    let moved_target = |target: f64| rounded(target + shift);
    let wider = |temperature: f64| rounded(temperature * factor);
    match &mut term.shape {
        Shape::Identity => {}
        Shape::Distance { target } | Shape::SquaredDistance { target } => *target = moved_target(*target),
        Shape::Bell { temperature, .. } | Shape::Peak { temperature, .. } if widen => {
            *temperature = wider(*temperature)
        }
        Shape::Bell { target, .. } | Shape::Peak { target, .. } => *target = moved_target(*target),
        Shape::Saturating { temperature } => *temperature = wider(*temperature),
        Shape::Clamped { low, high } | Shape::Within { low, high } => {
            let end = if widen { &mut *low } else { &mut *high };
            *end = rounded(*end + shift);
            (*low, *high) = (low.min(*high), low.max(*high));
        }
    }
    format!("{}: other constants", term.name)
}

fn replace(genome: &mut Genome, at: usize, guidance: &Guidance, rng: &mut impl Rng) -> String {
    let further = new_term(genome, guidance, rng);
    swap_in(genome, at, further, "replaced")
}

/// A further term that the program does not have yet, as far as a few draws show.
fn new_term(genome: &Genome, guidance: &Guidance, rng: &mut impl Rng) -> Term {
    let mut further = guidance.further_term(rng);
    for _ in 0..8 {
        if !genome.terms.iter().any(|known| known.resembles(&further)) {
            break;
        }
        further = guidance.further_term(rng);
    }
    further
}

fn swap_in(genome: &mut Genome, at: usize, term: Term, how: &str) -> String {
    let before = genome.terms.remove(at);
    genome.push(term);
    format!("{how} {} by {}", before.name, genome.terms[genome.terms.len() - 1].name)
}

fn remove(genome: &mut Genome, at: usize, how: &str) -> String {
    format!("{how} {}", genome.terms.remove(at).name)
}
