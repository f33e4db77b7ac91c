//! Runs the pages of `tests/dialect/`: each block is compiled, run in the sandbox, and compared with its table.
//!
//! A page is both a guide to the reward language and its test. A Python block with `# error: [code]` (or `# warning:`)
//! on a line must give exactly that finding there; a block followed by a table must give those values.

use std::collections::BTreeSet;
use std::path::Path;

use carrot_reward_compiler::{Entry, check, compile, interpret, render};
use carrot_reward_interface::{Batch, RewardFn, Rewards, Schema};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

/// One block of a page, with what is expected of it.
struct Block {
    title: String,
    source: String,
    rows: Vec<Vec<(String, Vec<f64>)>>,
}

#[test]
fn the_pages_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "pages are missing");
    let mut failures = Vec::new();
    for path in paths {
        let page = std::fs::read_to_string(&path).unwrap();
        let (schema, blocks) = read_page(&page);
        assert!(!blocks.is_empty(), "{} has no blocks", path.display());
        for block in blocks {
            if let Err(message) = run(&schema, &block) {
                failures.push(format!(
                    "{}, {}: {message}",
                    path.file_name().unwrap().display(),
                    block.title
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} blocks fail:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// Splits a page into its schema (the `toml` block) and its Python blocks.
fn read_page(page: &str) -> (Schema, Vec<Block>) {
    let mut schema = String::new();
    let mut blocks: Vec<Block> = Vec::new();
    let mut title = String::new();
    let mut lines = page.lines();
    let mut header: Vec<String> = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            title = heading.to_owned();
        } else if line.starts_with("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let body = body.join("\n") + "\n";
            match line.trim_start_matches('`') {
                "toml" => schema = body,
                _ => blocks.push(Block {
                    title: title.clone(),
                    source: body,
                    rows: Vec::new(),
                }),
            }
            header.clear();
        } else if line.starts_with('|') {
            let cells: Vec<String> = line
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            if header.is_empty() {
                header = cells;
            } else if !cells[0].starts_with("---") {
                let row = header
                    .iter()
                    .cloned()
                    .zip(cells.iter().map(|cell| numbers(cell)))
                    .collect();
                blocks.last_mut().expect("a table follows its block").rows.push(row);
            }
        }
    }
    (Schema::from_toml(&schema).unwrap(), blocks)
}

fn numbers(cell: &str) -> Vec<f64> {
    let cell = cell.replace("true", "1").replace("false", "0");
    cell.trim_matches(['[', ']'])
        .split(',')
        .map(|number| number.trim().parse().unwrap_or_else(|_| panic!("not a number: {cell}")))
        .collect()
}

fn run(schema: &Schema, block: &Block) -> Result<(), String> {
    let compiled = compile(&block.source, "block.py", schema, Entry::Reward);
    let found: BTreeSet<(u32, String)> = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.span.line, diagnostic.code.clone()))
        .collect();
    let expected = expected_findings(&block.source);
    if found != expected {
        let drawn = render(&compiled.diagnostics, &block.source, false);
        return Err(format!("expected the findings {expected:?}, got {found:?}\n{drawn}"));
    }
    let Some(module) = compiled.module else {
        return if block.rows.is_empty() {
            Ok(())
        } else {
            Err("it does not compile".into())
        };
    };
    if block.rows.is_empty() && expected.is_empty() {
        return Err("it compiles, but no table says what it gives".into());
    }
    if block.rows.is_empty() {
        return Ok(());
    }
    let sandbox = Sandbox::new(Limits::default()).map_err(|error| error.to_string())?;
    let loaded = sandbox
        .load(&module.wasm, Origin::Compiled, schema)
        .map_err(|error| error.to_string())?;
    let mut reward = loaded.instantiate().map_err(|stop| stop.to_string())?;
    let batch = batch(schema, &block.rows);
    let mut rewards = Rewards::default();
    reward.evaluate(&batch, &mut rewards).map_err(|stop| stop.to_string())?;
    compare_with_interpreter(schema, block, &batch, &rewards)?;
    compare_with_table(block, reward.terms(), &rewards)
}

fn expected_findings(source: &str) -> BTreeSet<(u32, String)> {
    let mut findings = BTreeSet::new();
    for (at, line) in source.lines().enumerate() {
        for marker in ["# error: [", "# warning: ["] {
            if let Some((_, rest)) = line.split_once(marker) {
                let code = rest.split(']').next().unwrap();
                findings.insert((at as u32 + 1, code.to_owned()));
            }
        }
    }
    findings
}

fn batch(schema: &Schema, rows: &[Vec<(String, Vec<f64>)>]) -> Batch {
    let mut batch = Batch::zeros(schema, rows.len());
    for (env_index, row) in rows.iter().enumerate() {
        for (name, values) in &row[..total_column(row)] {
            let variable = schema.index(name).unwrap_or_else(|| panic!("no variable `{name}`"));
            let is_uniform = schema.variables[variable].uniform;
            for (component, value) in values.iter().enumerate() {
                let at = if is_uniform {
                    component
                } else {
                    component * rows.len() + env_index
                };
                batch.columns[variable][at] = *value;
            }
        }
    }
    batch
}

/// Columns before `total` are inputs, the others outputs.
fn total_column(row: &[(String, Vec<f64>)]) -> usize {
    row.iter()
        .position(|(name, _)| name == "total")
        .expect("every table has a column `total`")
}

fn compare_with_interpreter(schema: &Schema, block: &Block, batch: &Batch, rewards: &Rewards) -> Result<(), String> {
    let (program, _) = check(&block.source, "block.py", schema, Entry::Reward).program.unwrap();
    let inputs: Vec<Vec<f64>> = program
        .inputs
        .iter()
        .map(|input| batch.columns[schema.index(&input.name).unwrap()].clone())
        .collect();
    let (total, terms) = interpret::evaluate(&program, &inputs, batch.n_envs);
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let same =
        bits(&total) == bits(&rewards.total) && terms.iter().zip(&rewards.terms).all(|(a, b)| bits(a) == bits(b));
    if same {
        Ok(())
    } else {
        Err(format!(
            "the interpreter gives {total:?} {terms:?}, the module {rewards:?}"
        ))
    }
}

fn compare_with_table(block: &Block, terms: &[String], rewards: &Rewards) -> Result<(), String> {
    for (env_index, row) in block.rows.iter().enumerate() {
        for (name, values) in &row[total_column(row)..] {
            let found = match terms.iter().position(|term| term == name) {
                _ if name == "total" => rewards.total[env_index],
                Some(term) => rewards.terms[term][env_index],
                None => return Err(format!("there is no term `{name}`; the terms are {terms:?}")),
            };
            let expected = values[0];
            if (found - expected).abs() > 2e-6 * expected.abs().max(1e-6) {
                return Err(format!(
                    "row {}: `{name}` is {found}, and the table says {expected}",
                    env_index + 1
                ));
            }
        }
    }
    Ok(())
}
