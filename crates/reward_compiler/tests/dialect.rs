//! Runs the pages of `tests/dialect/`: each block is compiled, run in the sandbox, and compared with its table.
//!
//! A page is both a guide to the reward language and its test. A Python block with `# error: [code]` (or `# warning:`)
//! on a line must give exactly that finding there; a block followed by a table must give those values. Each row of a
//! table is an environment; with a column `step` the rows of one step are the environments of that step. Where the cell
//! under `total` is text, the program must stop with that message there; each row is then a batch of its own.

use std::collections::BTreeSet;
use std::path::Path;

use carrot_reward_compiler::{Entry, check, compile, interpret, render};
use carrot_reward_interface::{Batch, RewardFn, Rewards, Schema};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

/// One block of a page, with what is expected of it.
struct Block {
    title: String,
    source: String,
    rows: Vec<Vec<(String, Cell)>>,
}

/// A cell of a table.
#[derive(Clone)]
enum Cell {
    Numbers(Vec<f64>),
    /// The program stops here and says this.
    Stops(String),
}

impl Cell {
    fn numbers(&self) -> &[f64] {
        match self {
            Cell::Numbers(numbers) => numbers,
            Cell::Stops(text) => panic!("not a number: {text}"),
        }
    }
}

#[test]
fn the_pages_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reward-language.md"));
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
            let language = line.trim_start_matches('`');
            let fence = &line[..line.len() - language.len()];
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
            let body = body.join("\n") + "\n";
            match language {
                "toml" => schema = body,
                "python" => blocks.push(Block {
                    title: title.clone(),
                    source: body,
                    rows: Vec::new(),
                }),
                _ => {}
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
            } else if !header.iter().any(|name| name == "total") {
                // A table for the reader.
            } else if !cells[0].starts_with("---") {
                let row = header
                    .iter()
                    .cloned()
                    .zip(cells.iter().map(|cell| read_cell(cell)))
                    .collect();
                blocks.last_mut().expect("a table follows its block").rows.push(row);
            }
        }
    }
    (Schema::from_toml(&schema).unwrap(), blocks)
}

fn read_cell(cell: &str) -> Cell {
    let plain = cell.replace("true", "1").replace("false", "0");
    let numbers: Result<Vec<f64>, _> = plain
        .trim_matches(['[', ']'])
        .split(',')
        .map(|number| number.trim().parse())
        .collect();
    numbers.map_or_else(|_| Cell::Stops(cell.to_owned()), Cell::Numbers)
}

fn run(schema: &Schema, block: &Block) -> Result<(), String> {
    let compiled = compile(&block.source, "block.py", schema, Entry::Reward);
    let expected = expected_findings(&block.source);
    let found: BTreeSet<(u32, String)> = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.span.line, diagnostic.code.clone()))
        .filter(|(_, code)| !is_about_influence(code) || expected.iter().any(|(_, other)| other == code))
        .collect();
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
    let (program, _) = check(&block.source, "block.py", schema, Entry::Reward).program.unwrap();
    let mut memory = None;
    for rows in batches(&block.rows) {
        let batch = batch(schema, rows);
        if memory.as_ref().is_none_or(|(n_envs, _)| *n_envs != rows.len()) {
            memory = Some((rows.len(), interpret::initial_memory(&program, rows.len())));
        }
        let (_, memory) = memory.as_mut().unwrap();
        let mut rewards = Rewards::default();
        let outcome = reward.evaluate(&batch, &mut rewards);
        let plain = step_plainly(&program, schema, &batch, memory);
        match (outcome, expected_stop(&rows[0])) {
            (Ok(()), None) => {}
            (Err(stop), Some(text)) if stop.to_string().contains(text) && plain.faults[0] != 0.0 => continue,
            (outcome, expected) => return Err(format!("expected {expected:?}, got {outcome:?}, {:?}", plain.faults)),
        }
        compare_with_interpreter(&plain, &rewards)?;
        compare_with_table(rows, reward.terms(), &rewards)?;
    }
    Ok(())
}

type Row = Vec<(String, Cell)>;

fn expected_stop(row: &Row) -> Option<&str> {
    row.iter().find_map(|(_, cell)| match cell {
        Cell::Stops(text) => Some(text.as_str()),
        Cell::Numbers(_) => None,
    })
}

/// The rows that are evaluated together.
fn batches(rows: &[Row]) -> Vec<&[Row]> {
    if rows.iter().any(|row| expected_stop(row).is_some()) {
        return rows.chunks(1).collect();
    }
    let step = |row: &Row| {
        row.iter()
            .find(|(name, _)| name == "step")
            .map(|(_, cell)| cell.numbers()[0])
    };
    rows.chunk_by(|a, b| step(a) == step(b)).collect()
}

/// One evaluation by the interpreter; what it remembers goes to `memory`.
fn step_plainly(
    program: &carrot_reward_compiler::ir::Program,
    schema: &Schema,
    batch: &Batch,
    memory: &mut Vec<Vec<f64>>,
) -> interpret::Evaluated {
    let inputs: Vec<Vec<f64>> = program
        .inputs
        .iter()
        .map(|input| batch.columns[schema.index(&input.name).unwrap()].clone())
        .collect();
    let evaluated = interpret::step(program, &inputs, memory, batch.n_envs);
    memory.clone_from(&evaluated.memory);
    evaluated
}

/// Pages show values as terms, of constants as well, and the total need not contain them: such findings are compared only
/// in blocks that are about them.
fn is_about_influence(code: &str) -> bool {
    ["dead-term", "constant-term", "dominated-term"].contains(&code)
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

fn batch(schema: &Schema, rows: &[Row]) -> Batch {
    let mut batch = Batch::zeros(schema, rows.len());
    for (env_index, row) in rows.iter().enumerate() {
        for (name, cell) in row[..total_column(row)].iter().filter(|(name, _)| name != "step") {
            let values = cell.numbers();
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
fn total_column(row: &Row) -> usize {
    row.iter()
        .position(|(name, _)| name == "total")
        .expect("every table has a column `total`")
}

fn compare_with_interpreter(plain: &interpret::Evaluated, rewards: &Rewards) -> Result<(), String> {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let same = bits(&plain.total) == bits(&rewards.total)
        && plain.terms.iter().zip(&rewards.terms).all(|(a, b)| bits(a) == bits(b));
    if same {
        Ok(())
    } else {
        Err(format!("the interpreter gives {plain:?}, the module {rewards:?}"))
    }
}

fn compare_with_table(rows: &[Row], terms: &[String], rewards: &Rewards) -> Result<(), String> {
    for (env_index, row) in rows.iter().enumerate() {
        for (name, cell) in &row[total_column(row)..] {
            let values = cell.numbers();
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
