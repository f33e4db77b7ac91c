//! Every code is explained by a program that has it and a repaired one that has not, and the page of all codes is current.
//! `UPDATE_EXPECT=1 cargo test -p carrot-reward-compiler --test catalogue` writes the page.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use carrot_reward_compiler::catalogue::EXAMPLE_SCHEMA;
use carrot_reward_compiler::{Code, Entry, compile, notes, render};
use carrot_reward_interface::{Diagnostic, Schema, Severity};

fn findings(source: &str, schema: &Schema, code: Code) -> Vec<Diagnostic> {
    let mut diagnostics = compile(source, "reward.py", schema, Entry::Reward).diagnostics;
    if code.severity() == Severity::Note {
        diagnostics.extend(notes(source, "reward.py", schema));
    }
    diagnostics
}

fn codes(diagnostics: &[Diagnostic]) -> BTreeSet<&str> {
    diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

#[test]
fn every_example_has_its_finding_and_its_repair_has_none() {
    let schema = Schema::from_toml(EXAMPLE_SCHEMA).unwrap();
    for code in Code::ALL {
        let explanation = code.explanation();
        let source = explanation.example.text();
        let found = findings(&source, &schema, code);
        let drawn = |source: &str, found: &[Diagnostic]| format!("{source}\n{}", render(found, source, false));
        assert_eq!(
            codes(&found),
            BTreeSet::from([code.as_str()]),
            "{}",
            drawn(&source, &found)
        );
        assert!(
            found.iter().all(|finding| finding.severity == code.severity()),
            "{code:?} has another severity"
        );
        let left = findings(explanation.repaired, &schema, code);
        assert!(
            left.is_empty(),
            "{code:?} repaired: {}",
            drawn(explanation.repaired, &left)
        );
    }
}

#[test]
fn codes_are_found_by_their_text() {
    assert_eq!(Code::from_text("batch-leak"), Some(Code::BatchLeak));
    assert_eq!(Code::from_text("batch-leek"), None);
    assert_eq!(Code::nearest("batch-leek"), Some(Code::BatchLeak));
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
}

#[test]
fn the_page_of_codes_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics.md");
    let page = page();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/diagnostics.md is out of date; UPDATE_EXPECT=1 cargo test -p carrot-reward-compiler --test catalogue writes it"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Diagnostics\n\n<!-- Written by crates/reward_compiler/tests/catalogue.rs; UPDATE_EXPECT=1 renews it. -->\n\n\
         Codes are stable. An *error* refuses the program; with a *warning* it runs, but probably not as meant; a *note* is\n\
         given on request (`carrot check --pedantic`) and may well be meant. `carrot explain CODE` prints one of these entries.\n\n\
         Every example is compiled by a test against these variables:\n\n```toml\n",
    );
    page += EXAMPLE_SCHEMA;
    page += "```\n\n| code | severity | meaning |\n|---|---|---|\n";
    for code in Code::ALL {
        let meaning = code.explanation().meaning.replace('|', "\\|");
        writeln!(
            page,
            "| [`{0}`](#{0}) | {1} | {meaning} |",
            code.as_str(),
            severity(code)
        )
        .unwrap();
    }
    for code in Code::ALL {
        let explanation = code.explanation();
        let fence = if explanation.example.text().contains("```") {
            "````"
        } else {
            "```"
        };
        write!(
            page,
            "\n## {}\n\n{} {}\n\n{fence}python\n{}{fence}\n\nRepair: {}\n\n```python\n{}```\n",
            code.as_str(),
            explanation.meaning,
            explanation.why,
            explanation.example.shown(),
            explanation.repair,
            explanation.repaired
        )
        .unwrap();
    }
    page
}

fn severity(code: Code) -> &'static str {
    match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
