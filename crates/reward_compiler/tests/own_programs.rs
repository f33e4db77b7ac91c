//! The programs that ship with Carrot: each compiles against its variables, says what it teaches, and gives numbers.
//!
//! A program in `reward_programs/<env>/<task>/` reads the variables of `envs/<env>/env.toml`; one in
//! `reward_programs/<family>/` those of the `schema.toml` beside it. Its head says what a reader learns from it; a line on
//! which the compiler warns says so with `# warning: [code]`. The table in `reward_programs/README.md` is made here:
//! `UPDATE_EXPECT=1 cargo test -p carrot-reward-compiler --test own_programs` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use carrot_reward_compiler::{Entry, Module, compile, render};
use carrot_reward_interface::{Batch, DType, Dialect, Rewards, Schema};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The functions that every `task.py` has.
const TASK_FUNCTIONS: [&str; 3] = ["fitness", "success", "terminated"];

/// First words of every program.
const TEACHES: &str = "# Teaches: ";

/// The line by which a program promises that its terms are all of its total.
const ADDS_UP: &str = "# The terms add up to the total.";

/// States that every program is run on.
const STATES: usize = 64;

/// Batches of states that follow each other, so that a program with memory also reads what it wrote.
const STEPS: u64 = 3;

/// One reward program of the repository.
struct Program {
    /// Path below `reward_programs/`, such as `ant/run_forward/human.py`.
    name: String,
    source: String,
    schema: Schema,
}

#[test]
fn tasks_compile() {
    let mut tasks = 0;
    for env in folders(&root().join("envs")) {
        let schema = read_schema(&env.join("env.toml"));
        for task in folders(&env.join("tasks")) {
            let file = task.join("task.py");
            let source = std::fs::read_to_string(&file).unwrap();
            let entry = Entry::Functions(&TASK_FUNCTIONS);
            let compiled = compile(&source, &file.display().to_string(), &schema, entry);
            let drawn = render(&compiled.diagnostics, &source, false);
            assert!(compiled.diagnostics.is_empty(), "\n{drawn}");
            let human = root()
                .join("reward_programs")
                .join(env.file_name().unwrap())
                .join(task.file_name().unwrap())
                .join("human.py");
            assert!(human.is_file(), "{} is missing", human.display());
            tasks += 1;
        }
    }
    assert!(tasks >= 3, "only {tasks} tasks found");
}

#[test]
fn programs_compile_with_the_warnings_they_announce() {
    let (mut torch, mut numpy) = (0, 0);
    let mut failures = String::new();
    for program in programs() {
        let compiled = compile(&program.source, &program.name, &program.schema, Entry::Reward);
        let found: BTreeSet<(u32, String)> = compiled
            .diagnostics
            .iter()
            .map(|diagnostic| (diagnostic.span.line, diagnostic.code.clone()))
            .collect();
        let announced = announced_warnings(&program.source);
        if compiled.module.is_none() || found != announced {
            let drawn = render(&compiled.diagnostics, &program.source, false);
            let _ = write!(failures, "\n{}: announced {announced:?}\n{drawn}", program.name);
        }
        match compiled.module.and_then(|module| module.interface.dialect) {
            Some(Dialect::Torch) => torch += 1,
            Some(Dialect::Numpy) => numpy += 1,
            None => {}
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(
        torch >= 20 && numpy >= 20,
        "only {torch} torch and {numpy} numpy programs"
    );
}

#[test]
fn programs_say_what_they_teach() {
    let mut lessons: BTreeMap<String, String> = BTreeMap::new();
    for Program { name, source, .. } in programs() {
        let lesson = lesson(&source).unwrap_or_else(|| panic!("{name}: the first line is not `{TEACHES}…`"));
        assert!(
            lesson.len() > 20 && lesson.ends_with('.'),
            "{name}: {lesson:?} is no sentence"
        );
        if let Some(other) = lessons.insert(lesson.to_owned(), name.clone()) {
            panic!("{name} and {other} teach the same");
        }
        let lines = source.lines().count();
        assert!(lines <= 60, "{name} has {lines} lines; a program is read in a minute");
    }
    assert!(lessons.len() >= 45, "only {} programs", lessons.len());
}

#[test]
fn programs_give_finite_rewards_that_add_up() {
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    for program in programs() {
        let compiled = compile(&program.source, &program.name, &program.schema, Entry::Reward);
        let Some(module) = compiled.module else {
            panic!("{} does not compile", program.name)
        };
        let loaded = sandbox
            .load(&module.wasm, Origin::Compiled, &program.schema)
            .unwrap_or_else(|error| panic!("{}: {error}", program.name));
        let mut reward = loaded.instantiate().unwrap();
        for step in 0..STEPS {
            let batch = random_states(&program.schema, step);
            let mut rewards = Rewards::default();
            // A reward that is not finite is a stop, too.
            if let Err(stop) = reward.evaluate(&batch, &mut rewards) {
                panic!("{}: {stop}", program.name);
            }
            assert_eq!(rewards.terms.len(), module.interface.terms.len());
            if program.source.lines().any(|line| line == ADDS_UP) {
                adds_up(&program.name, &module, &rewards);
            }
        }
    }
}

#[test]
fn the_table_is_current() {
    let path = root().join("reward_programs/README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- programs: begin -->\n", "<!-- programs: end -->");
    let start = page.find(begin).expect("the page marks where its table begins") + begin.len();
    let stop = page.find(end).expect("the page marks where its table ends");
    let current = format!("{}\n{}\n{}", &page[..start], table(), &page[stop..]);
    if page != current && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &current).unwrap();
    } else {
        assert!(
            page == current,
            "the table in {} is not current; UPDATE_EXPECT=1 writes it anew",
            path.display()
        );
    }
}

/// One row per program, in the order of their names; a family's row links to its folder.
fn table() -> String {
    let programs = programs();
    let mut table = String::from("| family | program | dialect | teaches |\n|---|---|---|---|\n");
    for Program { name, source, schema } in &programs {
        let compiled = compile(source, name, schema, Entry::Reward);
        let dialect = match compiled.module.and_then(|module| module.interface.dialect) {
            Some(Dialect::Torch) => "torch",
            Some(Dialect::Numpy) => "numpy",
            None => "–",
        };
        let (family, file) = name.rsplit_once('/').unwrap();
        let lesson = lesson(source).unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(table, "| {family} | [{file}]({name}) | {dialect} | {lesson} |");
    }
    let _ = writeln!(table, "\n{} programs.", programs.len());
    table
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read_schema(path: &Path) -> Schema {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Schema::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every program below `reward_programs/`, in the order of their names.
fn programs() -> Vec<Program> {
    let home = root().join("reward_programs");
    let mut programs = Vec::new();
    for family in folders(&home) {
        let name = family.file_name().unwrap().to_str().unwrap();
        let tasks = folders(&family);
        // Programs beside the tasks are for robots, or for variables, that no world has yet.
        let own_schema = family.join("schema.toml");
        if tasks.is_empty() || own_schema.is_file() {
            programs.extend(programs_in(&home, &family, &read_schema(&own_schema)));
        } else {
            let strays = programs_in(&home, &family, &Schema { variables: Vec::new() });
            assert!(
                strays.is_empty(),
                "{} belongs to no task and has no schema.toml",
                strays[0].name
            );
        }
        for task in tasks {
            let schema = read_schema(&root().join("envs").join(name).join("env.toml"));
            programs.extend(programs_in(&home, &task, &schema));
        }
    }
    programs
}

fn programs_in(home: &Path, folder: &Path, schema: &Schema) -> Vec<Program> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "py"))
        .collect();
    files.sort();
    let program = |file: PathBuf| Program {
        name: file.strip_prefix(home).unwrap().to_str().unwrap().replace('\\', "/"),
        source: std::fs::read_to_string(&file).unwrap(),
        schema: schema.clone(),
    };
    files.into_iter().map(program).collect()
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn lesson(source: &str) -> Option<&str> {
    source.lines().next()?.strip_prefix(TEACHES)
}

/// The findings that `# warning: [code]` at the end of a line announces.
fn announced_warnings(source: &str) -> BTreeSet<(u32, String)> {
    let marked = source.lines().zip(1..).filter_map(|(line, number)| {
        let (_, codes) = line.split_once("# warning: [")?;
        Some((number, codes.strip_suffix(']')?))
    });
    marked
        .flat_map(|(number, codes)| codes.split(", ").map(move |code| (number, code.to_owned())))
        .collect()
}

/// States drawn evenly from the variables' ranges; unit vectors and unit quaternions have length 1.
fn random_states(schema: &Schema, step: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(step);
    let mut batch = Batch::zeros(schema, STATES);
    for (variable, column) in schema.variables.iter().zip(&mut batch.columns) {
        let [low, high] = variable.range.unwrap_or([0.0, 1.0]);
        for number in column.iter_mut() {
            let drawn = low + (high - low) * rng.random::<f64>();
            *number = match variable.dtype {
                DType::Bool => f64::from(drawn < 0.5),
                DType::I64 => drawn.round(),
                DType::Float | DType::F32 | DType::F64 | DType::Pose | DType::Str => drawn,
            };
        }
        if variable.dtype == DType::Pose {
            // Each is a position, then a quaternion.
            let pose_len = column.len() / variable.shape.iter().product::<usize>();
            for pose in column.chunks_mut(pose_len) {
                make_unit(&mut pose[3 * STATES..]);
            }
        } else if variable.doc.contains("unit vector") || variable.doc.contains("unit quaternion") {
            make_unit(column);
        }
    }
    batch
}

/// Gives the vectors of all states length 1; `column` is `[components, STATES]`.
fn make_unit(column: &mut [f64]) {
    for state in 0..STATES {
        let length = column
            .iter()
            .skip(state)
            .step_by(STATES)
            .map(|x| x * x)
            .sum::<f64>()
            .sqrt();
        column.iter_mut().skip(state).step_by(STATES).for_each(|x| *x /= length);
    }
}

fn adds_up(name: &str, module: &Module, rewards: &Rewards) {
    let relative = match module.interface.dialect {
        Some(Dialect::Numpy) => 1e-12,
        _ => 1e-5,
    };
    for (state, total) in rewards.total.iter().enumerate() {
        let terms: Vec<f64> = rewards.terms.iter().map(|term| term[state]).collect();
        let size: f64 = terms.iter().map(|term| term.abs()).sum();
        let sum: f64 = terms.iter().sum();
        assert!(
            (sum - total).abs() <= relative * size,
            "{name}, state {state}: the terms {terms:?} add up to {sum}, the total is {total}"
        );
    }
}
