//! Writes and judges as many programs as one asks for: `carrot-reward-fuzz --count 10000000`.
//!
//! `cargo xtask fuzz` starts it. With `--write FILE` the programs on which everybody agrees are written down as well, for
//! `oracle.py`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use carrot_reward_fuzz::{Judges, Verdict, as_json_line, judge_seed, world};
use carrot_reward_interface::Dialect;

const USAGE: &str = "\
usage: carrot-reward-fuzz [--count N] [--seed S] [--threads T] [--dialect torch|numpy] [--write FILE] [--show]

  --count N       programs to write and judge (100000)
  --seed S        seed of the first program; the others follow (0)
  --threads T     threads (all)
  --dialect D     only programs of this dialect
  --write FILE    also write programs, inputs and outputs, one line of JSON each
  --show          only print the program of the seed
  --answer        only read lines of JSON as --write makes them, and print the outputs that their programs have now";

struct Options {
    count: u64,
    seed: u64,
    threads: usize,
    dialect: Option<Dialect>,
    write: Option<String>,
    show: bool,
    answer: bool,
}

fn options() -> Option<Options> {
    let mut options = Options {
        count: 100_000,
        seed: 0,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        dialect: None,
        write: None,
        show: false,
        answer: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--count" => options.count = arguments.next()?.replace('_', "").parse().ok()?,
            "--seed" => options.seed = arguments.next()?.parse().ok()?,
            "--threads" => options.threads = arguments.next()?.parse().ok()?,
            "--dialect" => {
                options.dialect = Some(match arguments.next()?.as_str() {
                    "torch" => Dialect::Torch,
                    "numpy" => Dialect::Numpy,
                    _ => return None,
                });
            }
            "--write" => options.write = Some(arguments.next()?),
            "--show" => options.show = true,
            "--answer" => options.answer = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if options.show {
        print!(
            "{}",
            carrot_reward_fuzz::program_of_seed(options.seed, options.dialect).1
        );
        return ExitCode::SUCCESS;
    }
    if options.answer {
        return answer();
    }
    run(&options)
}

/// Serves `oracle.py --shrink`: one answer for each line.
fn answer() -> ExitCode {
    let judges = Judges::new();
    for line in std::io::stdin().lines() {
        let line = line.expect("the question is text");
        let question: serde_json::Value = serde_json::from_str(&line).expect("the question is JSON");
        println!("{}", carrot_reward_fuzz::answer(&judges, &question));
    }
    ExitCode::SUCCESS
}

/// What all threads add to.
#[derive(Default)]
struct Tally {
    refused: BTreeMap<String, u64>,
    agreed: u64,
    disagreements: u64,
}

fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let file = options.write.as_ref().map(|path| {
        let file = std::fs::File::create(path).expect("the file can be written");
        Mutex::new(std::io::BufWriter::new(file))
    });
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                let judges = Judges::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= options.count {
                        break;
                    }
                    let seed = options.seed + at;
                    let judged = judge_seed(&judges, seed, options.dialect);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    match judged.outcome {
                        Ok(Verdict::Refused(code)) => *tally.refused.entry(code).or_default() += 1,
                        Ok(Verdict::Agreed {
                            n_steps,
                            terms,
                            outputs,
                        }) => {
                            tally.agreed += 1;
                            let Some(file) = &file else { continue };
                            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                            for (batch, outputs) in judged.batches.iter().zip(&outputs) {
                                let Some(outputs) = outputs else { continue };
                                let line = as_json_line(
                                    seed,
                                    &judged.source,
                                    judged.dialect,
                                    world::schema(),
                                    batch,
                                    n_steps,
                                    &terms,
                                    outputs,
                                );
                                writeln!(file, "{line}").expect("the file can be written");
                            }
                        }
                        Err(message) => {
                            tally.disagreements += 1;
                            eprintln!("seed {seed}: {message}\n{}", judged.source);
                        }
                    }
                    if (at + 1).is_multiple_of(100_000) {
                        println!("{} programs after {:.0} s", at + 1, start.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} programs in {:.1} s: all agree on {}, refused {:?}, disagreements {}",
        options.count,
        start.elapsed().as_secs_f64(),
        tally.agreed,
        tally.refused,
        tally.disagreements
    );
    if tally.disagreements == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
