//! Writes reward programs without a language model: mutation and crossover over a typed grammar.
//!
//! ```text
//! Schema ──▶ Palette ──┐                          ┌─ print ─▶ program text ─▶ record
//! instruction ─────────┴▶ Guidance ─▶ Genome ─────┤
//! record ─▶ parents ─▶ parse ─▶ mutate │ cross ───┘            (reflection steers the mutation)
//! ```
//!
//! Generation 0 follows the task's sentence as far as word matching goes ([`guidance`]); later ones vary the best programs
//! so far. [`Random`] is the yardstick: the same grammar, every program on its own, no sentence, no selection. Start in
//! [`Evolve`].

pub mod genome;
pub mod guidance;
pub mod palette;
pub mod parse;
pub mod print;
pub mod vary;

use carrot_run_record::{Outcome, candidate_name};
use rand::{Rng, RngExt as _};

use crate::finalists::ranked;
use crate::listening::reordered;
use crate::prompt::source;
use crate::proposer::{Proposal, Proposer, ProposerError, Purpose, Request};
use crate::reflection::{TermStatistics, term_statistics};
use carrot_workbench::stream;
use genome::Genome;
use guidance::Guidance;
use palette::Palette;

/// How often a child that equals an earlier program is drawn again.
const ATTEMPTS: u64 = 20;

/// Mutation and crossover of the best programs so far.
#[derive(Debug, Default)]
pub struct Evolve;

impl Evolve {
    /// The proposer; it keeps no state.
    pub fn new() -> Self {
        Self
    }
}

/// Every program drawn on its own from the same grammar: the baseline that a search has to beat.
#[derive(Debug, Default)]
pub struct Random;

impl Random {
    /// The proposer; it keeps no state.
    pub fn new() -> Self {
        Self
    }
}

impl Proposer for Evolve {
    fn name(&self) -> String {
        "evolve".into()
    }

    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError> {
        let Purpose::Generate { count } = request.purpose else {
            return Ok(Vec::new());
        };
        let guidance = Guidance::new(palette(request)?, request.instruction);
        let parents = parents(request);
        let mut known: Vec<Genome> = parents.iter().map(|parent| parent.genome.clone()).collect();
        let mut proposals = Vec::new();
        for index in 0..count {
            let (genome, note) = distinct(&known, |attempt| {
                let mut rng = stream(
                    request.seed,
                    &[request.generation.into(), index.into(), attempt],
                    "evolve",
                );
                // The plain program comes first, and once.
                let plain = (index == 0 && attempt == 0).then(|| guidance.plain_genome()).flatten();
                match plain {
                    Some(genome) if parents.is_empty() => (genome, "plain reading of the task".to_owned()),
                    _ => child(&parents, index, count, &guidance, &mut rng),
                }
            });
            proposals.push(proposal(&genome, note, "evolve", request.generation, index));
            known.push(genome);
        }
        Ok(proposals)
    }
}

impl Proposer for Random {
    fn name(&self) -> String {
        "random".into()
    }

    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError> {
        let Purpose::Generate { count } = request.purpose else {
            return Ok(Vec::new());
        };
        let palette = palette(request)?;
        Ok((0..count)
            .map(|index| {
                let mut rng = stream(request.seed, &[request.generation.into(), index.into()], "random");
                let mut genome = Genome { terms: Vec::new() };
                for _ in 0..rng.random_range(1..=5) {
                    genome.push(palette.any_term(&mut rng));
                }
                proposal(&genome, "drawn at random".into(), "random", request.generation, index)
            })
            .collect())
    }
}

/// An evaluated program of this grammar.
struct Parent {
    label: String,
    genome: Genome,
    statistics: Vec<TermStatistics>,
}

/// Evaluated candidates of this grammar, most promising first; what people think of them counts.
fn parents(request: &Request<'_>) -> Vec<Parent> {
    reordered(request.opinions, ranked(request.history), request.preferred)
        .into_iter()
        .filter_map(|candidate| {
            let Outcome::Evaluated(evaluated) = &candidate.outcome else {
                return None;
            };
            Some(Parent {
                label: candidate.name(),
                genome: parse::parse(source(candidate))?,
                statistics: term_statistics(evaluated),
            })
        })
        .collect()
}

/// One child of a round of `count`: the last is always new blood, every third a cross, the rest mutants. The first two
/// mutants descend from the two best programs, whose fitness on one seed hardly tells them apart.
fn child(parents: &[Parent], index: u32, count: u32, guidance: &Guidance, rng: &mut impl Rng) -> (Genome, String) {
    if parents.is_empty() || (count >= 4 && index + 1 == count) {
        return (guidance.genome(rng), "drawn anew, following the task".into());
    }
    if index % 3 == 2 && parents.len() > 1 {
        let first = tournament(parents.len(), rng);
        let other = tournament(parents.len() - 1, rng);
        let second = if other < first { other } else { other + 1 };
        let crossed = vary::cross(&parents[first].genome, &parents[second].genome, guidance, rng);
        return (
            crossed,
            format!("cross of {} and {}", parents[first].label, parents[second].label),
        );
    }
    let place = match index {
        0 | 1 => (index as usize).min(parents.len() - 1),
        _ => tournament(parents.len(), rng),
    };
    let parent = &parents[place];
    let (genome, note) = vary::mutate(&parent.genome, &parent.statistics, guidance, rng);
    (genome, format!("from {}: {note}", parent.label))
}

/// Place of the best of three drawn parents, most promising first; drawn from the better half only, but at least
/// from four.
fn tournament(parents: usize, rng: &mut impl Rng) -> usize {
    let candidates = parents.min((parents / 2).max(4));
    (0..3)
        .map(|_| rng.random_range(0..candidates))
        .min()
        .unwrap_or_default()
}

fn distinct(known: &[Genome], draw: impl Fn(u64) -> (Genome, String)) -> (Genome, String) {
    let mut drawn = draw(0);
    for attempt in 1..ATTEMPTS {
        if !known.iter().any(|genome| genome.equals(&drawn.0)) {
            break;
        }
        drawn = draw(attempt);
    }
    drawn
}

fn palette(request: &Request<'_>) -> Result<Palette, ProposerError> {
    let palette = Palette::new(request.schema);
    if palette.pigments.is_empty() {
        return Err(ProposerError::Settings(
            "this task offers no variable that the grammar can use: it needs plain names with at most one axis".into(),
        ));
    }
    Ok(palette)
}

fn proposal(genome: &Genome, note: String, proposer: &str, generation: u32, index: u32) -> Proposal {
    let text = print::print(
        genome,
        &format!("{proposer} {}: {note}", candidate_name(generation, index)),
    );
    Proposal {
        text,
        note,
        diagnostics: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carrot_reward_compiler::{Entry, compile};
    use carrot_reward_interface::Schema;
    use expect_test::expect;

    fn schema() -> Schema {
        Schema::from_toml(
            "[variable.forward_velocity]\nunit = \"m/s\"\nrange = [-2.0, 4.0]\n\
             [variable.torso_height]\nunit = \"m\"\nrange = [0.0, 1.5]\n[variable.torso_pitch]\nunit = \"rad\"\n\
             [variable.joint_velocities]\nshape = [3]\nunit = \"rad/s\"\n[variable.on_ground]\ndtype = \"bool\"\n\
             [variable.control]\nshape = [3]\n[variable.previous_control]\nshape = [3]",
        )
        .unwrap()
    }

    fn guidance() -> Guidance {
        Guidance::new(Palette::new(&schema()), "Hop forward as fast as possible.")
    }

    /// Random programs, guided ones, mutants of mutants and crosses.
    fn many(count: u64) -> Vec<Genome> {
        let guidance = guidance();
        let mut genomes = vec![guidance.plain_genome().unwrap()];
        for index in 0..count {
            let mut rng = stream(5, &[index], "test");
            let parent = genomes[rng.random_range(0..genomes.len())].clone();
            let other = genomes[rng.random_range(0..genomes.len())].clone();
            genomes.push(match index % 4 {
                0 => guidance.genome(&mut rng),
                1 => {
                    let mut genome = Genome { terms: Vec::new() };
                    (0..3).for_each(|_| genome.push(guidance.palette.any_term(&mut rng)));
                    genome
                }
                2 => vary::mutate(&parent, &[], &guidance, &mut rng).0,
                _ => vary::cross(&parent, &other, &guidance, &mut rng),
            });
        }
        genomes
    }

    #[test]
    fn what_is_printed_reads_back() {
        for genome in many(2_000) {
            let text = print::print(&genome, "test");
            assert_eq!(parse::parse(&text).as_ref(), Some(&genome), "{text}");
        }
    }

    #[test]
    fn what_is_printed_compiles() {
        let schema = schema();
        for genome in many(300) {
            let text = print::print(&genome, "test");
            let compiled = compile(&text, "evolve.py", &schema, Entry::Reward);
            let module = compiled
                .module
                .unwrap_or_else(|| panic!("{:?}\n{text}", compiled.diagnostics));
            let terms: Vec<&str> = module.interface.terms.iter().map(|term| term.name.as_str()).collect();
            let names: Vec<&str> = genome.terms.iter().map(|term| term.name.as_str()).collect();
            assert_eq!(terms, names);
        }
    }

    #[test]
    fn programs_read_like_written_by_hand() {
        expect![[r##"
            # evolve g0c0: plain reading of the task
            from typing import Dict, Tuple

            import torch
            from torch import Tensor


            def compute_reward(control: Tensor, forward_velocity: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
                forward_velocity_reward = 1.25 * forward_velocity
                alive = 1.0 * torch.ones_like(forward_velocity)
                control_effort = -0.0267 * torch.sum(torch.square(control), dim=-1)

                total = forward_velocity_reward + alive + control_effort
                return total, {
                    "forward_velocity_reward": forward_velocity_reward,
                    "alive": alive,
                    "control_effort": control_effort,
                }
        "##]]
        .assert_eq(&print::print(
            &guidance().plain_genome().unwrap(),
            "evolve g0c0: plain reading of the task",
        ));
    }

    #[test]
    fn statistics_steer_the_mutation() {
        let guidance = guidance();
        let parent = guidance.plain_genome().unwrap();
        let standing_still = |term: usize| TermStatistics {
            name: parent.terms[term].name.clone(),
            snapshots: vec![0.0; 5],
            share: 0.0,
            constant: true,
            range: None,
            correlation: None,
        };
        let dropped = |statistics: &[TermStatistics]| {
            (0..200_u64)
                .filter(|&index| {
                    let mut rng = stream(1, &[index], "test");
                    vary::mutate(&parent, statistics, &guidance, &mut rng)
                        .1
                        .contains("constant, removed")
                })
                .count()
        };
        assert_eq!(dropped(&[]), 0);
        // The effort may go; what pursues the goal may not, and staying alive is meant to be constant.
        assert!(dropped(&[standing_still(2)]) > 20);
        assert_eq!(dropped(&[standing_still(0), standing_still(1)]), 0);
    }

    #[test]
    fn what_pursues_the_goal_survives_every_mutation() {
        let guidance = guidance();
        for index in 0..300_u64 {
            let mut rng = stream(2, &[index], "test");
            let mut genome = guidance.plain_genome().unwrap();
            for _ in 0..10 {
                genome = vary::mutate(&genome, &[], &guidance, &mut rng).0;
                assert!(
                    genome.terms.iter().any(|term| guidance.is_first_goal(term)),
                    "{genome:?}"
                );
            }
        }
    }

    #[test]
    fn the_order_of_terms_makes_no_other_program() {
        let guidance = guidance();
        let plain = guidance.plain_genome().unwrap();
        let mut turned = Genome { terms: Vec::new() };
        plain.terms.iter().rev().for_each(|term| turned.push(term.clone()));
        let other = Genome {
            terms: plain.terms[1..].to_vec(),
        };
        let drawn = distinct(std::slice::from_ref(&plain), |attempt| match attempt {
            0 => (plain.clone(), "the same".into()),
            1 => (turned.clone(), "the same in another order".into()),
            _ => (other.clone(), "another".into()),
        });
        assert_eq!(drawn, (other, "another".into()));
    }

    #[test]
    fn no_local_variable_hides_another() {
        let feature = |name: &str| genome::Feature::Scalar(name.into());
        let peak = || genome::Shape::Peak {
            target: 1.0,
            temperature: 0.5,
        };
        let mut genome = Genome { terms: Vec::new() };
        genome.push(genome::Term::new(feature("x"), peak(), 1.0));
        genome.push(genome::Term::new(feature("x"), peak(), 2.0));
        // Variables that bear the name of a term, or of its temperature.
        genome.push(genome::Term::new(feature("x_match"), genome::Shape::Identity, 1.0));
        genome.push(genome::Term::new(
            feature("x_match_2_temperature"),
            genome::Shape::Identity,
            1.0,
        ));
        let mut locals: Vec<String> = genome
            .terms
            .iter()
            .flat_map(|term| [term.name.clone(), term.temperature_name()])
            .chain(genome.variables().into_iter().map(str::to_owned))
            .collect();
        let count = locals.len();
        locals.sort();
        locals.dedup();
        assert_eq!(locals.len(), count, "{genome:?}");
        let text = print::print(&genome, "test");
        assert_eq!(parse::parse(&text), Some(genome), "{text}");
    }
}
