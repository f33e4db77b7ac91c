//! What people have said so far, put in order: who is preferred, how surely, and which pair to show next.
//!
//! It is worked out where the record is read, because a ranking takes more than a frame once there are many candidates.

use std::collections::BTreeMap;

use carrot_preference::{Opinions, ProgramOpinion};
use carrot_run_record::{Candidate, FeedbackEntry, edit_name};

/// A program in the order of people's preference.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// What is known of it.
    pub of: ProgramOpinion,
    /// The fittest program that people clearly like less although its fitness is clearly higher.
    pub against: Option<String>,
}

/// What was said about programs, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    /// Programs that somebody compared or rated, most preferred first.
    pub ranked: Vec<Ranked>,
    /// The two evaluated candidates whose comparison would tell most, if there are two.
    pub next: Option<[(u32, u32); 2]>,
    /// Verdicts so far, of every kind.
    pub verdicts: usize,
    /// The first candidate of each program, by the program's hash: generation, index and what people call it.
    candidates: BTreeMap<String, ((u32, u32), String)>,
}

impl Opinion {
    /// Puts in order what was said about the programs of a run.
    pub fn new(candidates: &[Candidate], feedback: &[FeedbackEntry]) -> Self {
        let opinions = Opinions::new(candidates, feedback);
        let ranked = opinions.spoken_of().into_iter().map(|of| Ranked {
            of: of.clone(),
            against: opinions.fitter_but_weaker(of).map(|other| other.name.clone()),
        });
        let mut first = BTreeMap::new();
        for candidate in candidates {
            first
                .entry(candidate.program.hash())
                .or_insert_with(|| ((candidate.generation, candidate.index), candidate.name()));
        }
        Self {
            ranked: ranked.collect(),
            next: opinions.next_pair(),
            verdicts: opinions.choices(),
            candidates: first,
        }
    }

    /// What people call a program: the first candidate with this text (`g0c1`), else `edit` and the beginning of its hash, as in
    /// prompts.
    pub fn name(&self, hash: &str) -> String {
        let known = self.candidates.get(hash);
        known.map_or_else(|| edit_name(hash), |(_, name)| name.clone())
    }

    /// The first candidate with the text of this hash.
    pub fn candidate(&self, hash: &str) -> Option<(u32, u32)> {
        self.candidates.get(hash).map(|(id, _)| *id)
    }
}
