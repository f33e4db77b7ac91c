//! `carrot eval` gives the numbers that PyTorch and NumPy give.
//!
//! `tests/oracle/record.py` recorded, for every program in `tests/oracle/programs/`, inputs for 64 environments and the
//! values of the real libraries; here the built `carrot` computes the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use npyz::npz::NpzArchive;

/// How near two numbers must be.
struct Bar {
    /// Largest |got − expected| over |expected|.
    relative: f64,
    /// Below this size a number has fewer digits than its type (it is subnormal), so that a relative bar means nothing.
    smallest: f64,
}

#[test]
fn torch_programs_have_the_values_of_pytorch() {
    let smallest = f64::from(f32::MIN_POSITIVE);
    compare_all(
        "torch",
        Bar {
            relative: 2e-6,
            smallest,
        },
    );
}

#[test]
fn numpy_programs_have_the_values_of_numpy() {
    let smallest = f64::MIN_POSITIVE;
    compare_all(
        "numpy",
        Bar {
            relative: 1e-12,
            smallest,
        },
    );
}

/// The names that the 30 most frequent callees of the published programs have, by dialect.
const FREQUENT: [(&str, &str); 2] = [
    (
        "torch",
        "torch.norm( torch.exp( torch.sum( torch.where( torch.abs( torch.ones_like( torch.zeros_like( .float() torch.clamp( \
         .mean( torch.tensor( quat_mul( quat_conjugate( torch.square( torch.asin( .sum( .unsqueeze( torch.sqrt( torch.acos( \
         .clip( torch.clip( quat_rotate_inverse( torch.tanh( torch.any( torch.mean( .squeeze( torch.max( torch.min( .clamp( \
         torch.sigmoid( .view( torch.minimum( torch.maximum( torch.pow( torch.relu( torch.log( .to( .clone(",
    ),
    (
        "numpy",
        "np.linalg.norm( float( max( np.abs( abs( np.array( np.tanh( np.exp( .min( min( np.clip( .mean( cdist( np.square( \
         np.sum( np.maximum( np.log( np.arccos( .reshape( np.max( .sum( np.all( sdist.cosine( np.arcsin( np.dot( .copy( len( \
         np.trace( np.min( np.minimum( np.sqrt( sum( np.where( np.cross( bool( np.hstack( np.zeros( np.eye(",
    ),
];

#[test]
fn the_programs_use_every_frequent_name() {
    for (dialect, names) in FREQUENT {
        let programs = programs(dialect);
        assert_eq!(programs.len(), 20, "{dialect}");
        let text: String = programs
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect();
        let missing: Vec<&str> = names.split_whitespace().filter(|name| !text.contains(name)).collect();
        assert!(missing.is_empty(), "no {dialect} program uses {missing:?}");
    }
}

fn compare_all(dialect: &str, bar: Bar) {
    let failures: Vec<String> = programs(dialect)
        .iter()
        .filter_map(|program| compare(dialect, program, &bar).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} programs differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn compare(dialect: &str, program: &Path, bar: &Bar) -> Result<(), String> {
    let name = program.file_stem().unwrap().to_str().unwrap();
    let recorded = |suffix: &str| {
        folder()
            .join("recorded")
            .join(dialect)
            .join(format!("{name}.{suffix}.npz"))
    };
    let outputs = tempfile::tempdir().unwrap();
    let output = outputs.path().join("out.npz");
    let run = Command::new(env!("CARGO_BIN_EXE_carrot"))
        .arg("eval")
        .arg(program)
        .arg("--schema")
        .arg(folder().join(format!("{dialect}.toml")))
        .arg("--inputs")
        .arg(recorded("in"))
        .arg("--output")
        .arg(&output)
        .output()
        .unwrap();
    if !run.status.success() {
        let words = [run.stdout, run.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        return Err(format!("{dialect}/{name}: {words}"));
    }

    let (found, expected) = (read(&output), read(&recorded("expected")));
    // A program that returns only a total has no recorded terms; carrot may then show the summands of the total.
    let same_terms = expected.len() == 1 || keys(&found) == keys(&expected);
    if !same_terms {
        return Err(format!(
            "{dialect}/{name}: terms {:?} instead of {:?}",
            keys(&found),
            keys(&expected)
        ));
    }
    for (key, expected) in &expected {
        differs(&found[key], expected, bar).map_err(|message| format!("{dialect}/{name}: {key} {message}"))?;
    }
    Ok(())
}

fn differs(found: &[f64], expected: &[f64], bar: &Bar) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("has {} values instead of {}", found.len(), expected.len()));
    }
    let worst = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs() / expected.abs().max(bar.smallest))
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1)); // a NaN is the largest of all
    match worst {
        Some((env_index, relative)) if relative.is_nan() || relative > bar.relative => Err(format!(
            "is {} instead of {} in environment {env_index} (relative difference {relative:.1e})",
            found[env_index], expected[env_index]
        )),
        _ => Ok(()),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle")
}

/// The programs of a dialect, sorted.
fn programs(dialect: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join("programs").join(dialect))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    paths.sort();
    paths
}

fn keys(arrays: &BTreeMap<String, Vec<f64>>) -> BTreeSet<&str> {
    arrays.keys().map(String::as_str).collect()
}

/// All arrays of a file, f32 or f64.
fn read(path: &Path) -> BTreeMap<String, Vec<f64>> {
    let mut archive = NpzArchive::open(path).unwrap();
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            let file = archive.by_name(&name).unwrap().unwrap();
            let values = match file.try_data::<f64>() {
                Ok(data) => data.map(Result::unwrap).collect(),
                Err(file) => file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
            };
            (name, values)
        })
        .collect()
}
