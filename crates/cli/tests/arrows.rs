//! The arrows between the crates, as ARCHITECTURE.md draws them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Folder → folders that it depends on, from the manifests as cargo reads them; tests may depend on more.
fn arrows_of_the_manifests() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let folder = |name: &str| name.strip_prefix("carrot-").map(|name| name.replace('-', "_"));
    let mut arrows = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let Some(from) = folder(package["name"].as_str().expect("a name")) else {
            continue;
        };
        let to = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| folder(dependency["name"].as_str().expect("a name")))
            .collect();
        arrows.insert(from, to);
    }
    arrows
}

/// The same from the table in ARCHITECTURE.md.
fn arrows_of_the_page() -> BTreeMap<String, BTreeSet<String>> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is there");
    let section = page.split("## Crates and arrows").nth(1).expect("the section is there");
    let section = section.split("\n## ").next().expect("a section");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let to = cells[2]
            .split(", ")
            .filter(|name| *name != "–")
            .map(str::to_owned)
            .collect();
        (cells[0].trim_matches('`').to_owned(), to)
    })
    .collect()
}

#[test]
fn crates_depend_only_on_what_the_page_allows() {
    let (found, mut allowed) = (arrows_of_the_manifests(), arrows_of_the_page());
    let everything: BTreeSet<String> = found.keys().filter(|name| *name != "cli").cloned().collect();
    assert_eq!(
        allowed.insert("cli".into(), everything).expect("cli is on the page"),
        BTreeSet::from(["everything".into()])
    );
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        allowed.keys().collect::<Vec<_>>(),
        "every crate is on the page"
    );
    for (from, to) in &found {
        let surplus: Vec<&String> = to.difference(&allowed[from]).collect();
        assert!(
            surplus.is_empty(),
            "{from} depends on {surplus:?}, which ARCHITECTURE.md does not allow"
        );
    }
}

#[test]
fn every_place_that_the_page_names_exists() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is there");
    let section = page
        .split("## Where each stage lives")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("the section");
    let mut places = 0;
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.trim_matches('|').split('|').nth(1).expect("a second column");
        for name in cell
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.starts_with("crates/") || name.starts_with("xtask/"))
        {
            assert!(
                root().join(name).exists(),
                "ARCHITECTURE.md names {name}, which does not exist"
            );
            places += 1;
        }
    }
    assert!(places > 10, "the table was not read");
}
