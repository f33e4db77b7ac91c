//! Random reward programs, and judges that must agree on what they compute.
//!
//! A compiler that is trusted with a stranger's text must neither fall over nor give a wrong number, and nobody can think of
//! every program. So this crate writes programs that nobody thought of, and asks several independent parties for their
//! values: the interpreter of the ir, the compiled module in wasmtime, the same module in wasmi, and the program's own
//! environments one at a time. `oracle.py` asks PyTorch and NumPy as well.
//!
//! ```text
//! seed ──▶ Choices ──writer──▶ source text ──compile──▶ module ──▶ interpreter = wasmi = wasmtime = one by one
//!             └──────world───▶ batches ──────────────────────────────┴──▶ oracle.py: CPython with PyTorch or NumPy
//! ```
//!
//! Nothing of Carrot depends on this crate. Start in [`judge`]; then read [`writer`] and [`world`].

pub mod choices;
pub mod judge;
pub mod world;
pub mod writer;

mod exchange;
mod second_opinion;

pub use choices::Choices;
pub use exchange::{answer, as_json_line};
pub use judge::{Judges, Verdict};
pub use writer::random_program;

use carrot_reward_interface::{Batch, Dialect};

/// A program that was judged.
pub struct Judged {
    /// Its dialect.
    pub dialect: Dialect,
    /// Its text.
    pub source: String,
    /// What it was run on.
    pub batches: Vec<Batch>,
    /// What the judges say, or who disagrees.
    pub outcome: Result<Verdict, String>,
}

/// Dialect and text of the program of a seed, of a given dialect or either.
pub fn program_of_seed(seed: u64, dialect: Option<Dialect>) -> (Dialect, String) {
    let mut choices = Choices::from_seed(seed);
    write(&mut choices, dialect)
}

fn write(choices: &mut Choices<'_>, dialect: Option<Dialect>) -> (Dialect, String) {
    let drawn = *choices.pick(&[Dialect::Torch, Dialect::Numpy]);
    let dialect = dialect.unwrap_or(drawn);
    (dialect, random_program(choices, dialect))
}

/// Writes the program of a seed and judges it on two batches of one to nine environments, one tame and one wild.
pub fn judge_seed(judges: &Judges, seed: u64, dialect: Option<Dialect>) -> Judged {
    judge_choices(judges, &mut Choices::from_seed(seed), dialect)
}

/// The same, decided by any stream.
pub fn judge_choices(judges: &Judges, choices: &mut Choices<'_>, dialect: Option<Dialect>) -> Judged {
    let (dialect, source) = write(choices, dialect);
    let batches: Vec<Batch> = [world::Mood::Tame, world::Mood::Wild]
        .into_iter()
        .map(|mood| {
            let n_envs = 1 + choices.below(9);
            world::batch(choices, n_envs, mood)
        })
        .collect();
    let outcome = judges.judge(&source, world::schema(), &batches);
    Judged {
        dialect,
        source,
        batches,
        outcome,
    }
}
