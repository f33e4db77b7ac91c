//! Suites and goldens that are broken in every way a disk, a merge or a hand can break them: read or refused, never a panic.

use std::path::{Path, PathBuf};

use carrot_regression::{
    Case, CaseResult, Compared, Ended, Golden, Outcome, RegressionError, Shown, Suite, Tolerances, compare, junit,
    plot, text,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/regress")
        .join(file)
}

/// Breaks a text in one place.
fn mutated(text: &str, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    // Every other time near the top, where each byte means something.
    let place = |random: &mut ChaCha8Rng, length: usize| {
        let end = if random.random_range(0..2) == 0 {
            length.min(2_000)
        } else {
            length
        };
        random.random_range(0..end)
    };
    let at = place(random, bytes.len());
    let line = place(random, lines.len());
    match random.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes[at] = random.random_range(0..=255),
        2 => bytes[at] = b"\"[]{},:0-19e.ax"[random.random_range(0..15)],
        3 => drop(bytes.drain(at..(at + random.random_range(1..40)).min(text.len()))),
        4 => {
            lines.remove(line);
            bytes = lines.concat().into_bytes();
        }
        _ => {
            lines.insert(line, lines[line]);
            bytes = lines.concat().into_bytes();
        }
    }
    bytes
}

#[test]
fn mutated_suites_are_read_or_refused_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("regress.toml");
    let suite = std::fs::read_to_string(own("regress.toml")).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for _ in 0..1_000 {
        std::fs::write(&path, mutated(&suite, &mut random)).unwrap();
        if let Err(error) = Suite::load(&path) {
            refused += 1;
            assert!(matches!(error, RegressionError::Asked(_)), "{error:?}");
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        }
    }
    assert!((200..1_000).contains(&refused), "{refused} of 1000 were refused");
}

#[test]
fn mutated_goldens_are_refused_with_their_file_or_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cartpole.json");
    let whole = Golden::load(&own("golden/cartpole.json")).unwrap();
    let text_of_whole = whole.to_text();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut outcomes = std::collections::BTreeMap::new();
    for _ in 0..1_000 {
        std::fs::write(&path, mutated(&text_of_whole, &mut random)).unwrap();
        match Golden::load(&path) {
            Err(error) => {
                assert!(matches!(error, RegressionError::Broken(_)), "{error:?}");
                assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
                *outcomes.entry("refused").or_insert(0) += 1;
            }
            Ok(golden) => {
                for (then, now) in [(&golden, &whole), (&whole, &golden)] {
                    let comparison = compare(then, now, &Tolerances::default());
                    let _ = plot(then, now, &comparison);
                    let moved = matches!(comparison.outcome, Outcome::Moved | Outcome::Unfit);
                    *outcomes.entry(if moved { "moved" } else { "passed" }).or_insert(0) += 1;
                    let case = Case {
                        name: "cartpole".into(),
                        seconds: 0.0,
                        result: CaseResult::Compared(Box::new(comparison)),
                    };
                    assert!(!text(&case).is_empty() && junit("suite", &[case]).contains("testcase"));
                }
            }
        }
    }
    assert!(outcomes["refused"] > 500 && outcomes["moved"] > 100, "{outcomes:?}");
}

#[test]
fn a_golden_reads_back_as_it_was() {
    for name in ["cartpole", "hopper", "half_cheetah-rapier"] {
        let path = own(&format!("golden/{name}.json"));
        let golden = Golden::load(&path).unwrap();
        assert_eq!(golden.to_text(), std::fs::read_to_string(&path).unwrap(), "{name}");
    }
}

#[test]
fn a_fault_is_seen_where_only_statistics_are_held() {
    let mut then = Golden::load(&own("golden/cartpole.json")).unwrap();
    then.provenance.compare = Compared::Statistics;
    (then.states, then.series) = Default::default();
    let mut now = then.clone();
    now.summary.episodes.push(Ended {
        step: 17,
        env: 0,
        steps: 17,
        fitness: 0.0,
        success: false,
        fault: Some("NaN in QACC".into()),
    });
    let comparison = compare(&then, &now, &Tolerances::default());
    let first = comparison.first.expect("the fault");
    assert_eq!((comparison.outcome, first.kind), (Outcome::Moved, "fault"));
    let told = "1 episodes ended by a fault, the first by: NaN in QACC";
    assert_eq!(first.got, Shown::Text(told.into()));
    assert_eq!(compare(&now, &now, &Tolerances::default()).outcome, Outcome::Identical);
}
