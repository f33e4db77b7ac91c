//! Whatever text arrives, the compiler answers with a module or with diagnostics; and equal text gives equal bytes.

use std::path::{Path, PathBuf};

use carrot_reward_compiler::constants::constants;
use carrot_reward_compiler::{Entry, assist, check, compile, format, interpret, render, token_limits};
use carrot_reward_interface::{DType, Schema, Severity};

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle")
}

fn schema(dialect: &str) -> Schema {
    Schema::from_toml(&std::fs::read_to_string(oracle().join(format!("{dialect}.toml"))).unwrap()).unwrap()
}

/// The recorded programs of a dialect.
fn programs(dialect: &str) -> Vec<String> {
    let folder = std::fs::read_dir(oracle().join("programs").join(dialect)).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// A small generator of repeatable random numbers (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Words of the language that a mutation drops in.
const WORDS: [&str; 54] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "=",
    "==",
    "+=",
    "-",
    "**",
    "//",
    "%",
    "@",
    "~",
    "not ",
    "and ",
    "if ",
    "else ",
    "for i in ",
    "while ",
    "lambda x: ",
    "return ",
    "None",
    "True",
    "0",
    "-1",
    "1e400",
    "999999999999",
    "...",
    "'a'",
    "*",
    "**k",
    "\n",
    "    ",
    "def f():",
    "break",
    "x",
    "self",
    "torch.",
    "é",
    "²\n",
    "  # m²\n    ",
    "🤖",
    "\u{a0}",
    "\u{feff}",
    "`",
    "```\n",
    "“",
    "\"",
    "#",
];

fn mutated(source: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = source.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(characters.len());
        let end = (at + random.below(12)).min(characters.len());
        match random.below(4) {
            0 => drop(characters.drain(at..end)),
            1 => {
                let piece: Vec<char> = characters[at..end].to_vec();
                let to = random.below(characters.len());
                characters.splice(to..to, piece);
            }
            2 => drop(characters.splice(at..at, WORDS[random.below(WORDS.len())].chars())),
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                drop(characters.splice(at..(at + 1).min(characters.len()), word.chars()));
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn mutated_programs_never_panic() {
    let mut random = Random(0x5eed);
    let mut refused = 0;
    for dialect in ["torch", "numpy"] {
        let schema = schema(dialect);
        let programs = programs(dialect);
        for round in 0..1_500 {
            let source = mutated(&programs[round % programs.len()], &mut random);
            let compiled = compile(&source, "mutant.py", &schema, Entry::Reward);
            let has_errors = compiled
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.severity == Severity::Error);
            assert_eq!(has_errors, compiled.module.is_none(), "{source}");
            refused += usize::from(has_errors);
            for constant in constants(&source) {
                assert!(source.get(constant.range).is_some(), "{source}");
            }
            for fix in compiled.diagnostics.iter().filter_map(|found| found.fix.as_ref()) {
                fix.apply(&source);
            }
            // What an editor asks for, at any byte.
            let at = random.below(source.len());
            let completions = assist::complete(&source, at, &schema);
            assert!(source.get(completions.replace).is_some(), "{source}");
            if let Some(hover) = assist::hover(&source, at, &schema) {
                assert!(source.get(hover.range).is_some(), "{source}");
            }
            if let Ok(formatted) = format(&source, "mutant.py") {
                assert_eq!(format(&formatted, "mutant.py").as_ref(), Ok(&formatted), "{source}");
            }
            assert_eq!(
                render(&compiled.diagnostics, &source, false).is_empty(),
                compiled.diagnostics.is_empty()
            );
        }
    }
    assert!(refused > 1_000, "the mutations hardly break anything: {refused}");
}

#[test]
fn equal_text_gives_equal_bytes() {
    for dialect in ["torch", "numpy"] {
        let schema = schema(dialect);
        for source in programs(dialect) {
            let bytes = || compile(&source, "same.py", &schema, Entry::Reward).module.unwrap().wasm;
            assert_eq!(bytes(), bytes());
        }
    }
}

#[test]
fn a_batch_equals_its_environments_one_by_one() {
    let n_envs = 5;
    let mut random = Random(7);
    for dialect in ["torch", "numpy"] {
        let schema = schema(dialect);
        for source in programs(dialect) {
            let checked = check(&source, "batch.py", &schema, Entry::Reward);
            let (program, _) = checked.program.unwrap();
            if !checked.diagnostics.is_empty() {
                continue; // these mix environments on purpose
            }
            let columns: Vec<Vec<f64>> = program
                .inputs
                .iter()
                .map(|input| {
                    let components: usize = input.shape.iter().product();
                    let count = components * if input.uniform { 1 } else { n_envs };
                    let value = |random: &mut Random| match input.dtype {
                        DType::Bool => random.below(2) as f64,
                        _ => random.below(1_000) as f64 / 500.0 - 1.0,
                    };
                    (0..count).map(|_| value(&mut random)).collect()
                })
                .collect();
            let (total, terms) = interpret::evaluate(&program, &columns, n_envs);
            for env_index in 0..n_envs {
                let single: Vec<Vec<f64>> = program
                    .inputs
                    .iter()
                    .zip(&columns)
                    .map(|(input, column)| match input.uniform {
                        true => column.clone(),
                        false => column.iter().skip(env_index).step_by(n_envs).copied().collect(),
                    })
                    .collect();
                let (one, one_terms) = interpret::evaluate(&program, &single, 1);
                assert_eq!(one[0].to_bits(), total[env_index].to_bits(), "{source}");
                for (one, all) in one_terms.iter().zip(&terms) {
                    assert_eq!(one[0].to_bits(), all[env_index].to_bits(), "{source}");
                }
            }
        }
    }
}

/// The code of the first finding, or none if the program compiles.
fn first_code(source: &str) -> Option<String> {
    let schema = Schema::from_toml("[variable.a]").unwrap();
    let compiled = compile(source, "limit.py", &schema, Entry::Reward);
    assert_eq!(
        compiled.module.is_none(),
        !compiled.diagnostics.is_empty(),
        "{:?}",
        compiled.diagnostics
    );
    compiled.diagnostics.first().map(|diagnostic| diagnostic.code.clone())
}

fn torch_program(body: &str) -> String {
    format!("import torch\ndef compute_reward(a):\n{body}")
}

#[test]
fn programs_at_the_limits_compile_and_beyond_them_are_refused() {
    let expression = |text: String| torch_program(&format!("    return {text}\n"));
    let nested = |depth: usize| expression(format!("{}a{}", "(".repeat(depth), ")".repeat(depth)));
    let calls = |depth: usize| expression(format!("{}a{}", "torch.abs(".repeat(depth), ")".repeat(depth)));
    let sum = |operators: usize| expression(format!("a{}", "+a".repeat(operators)));
    let minuses = |operators: usize| expression(format!("{}a", "-".repeat(operators)));
    let blocks = |depth: usize| {
        let opened: String = (1..depth)
            .map(|level| format!("{}if True:\n", " ".repeat(level)))
            .collect();
        torch_program(&format!("{opened}{}return a\n", " ".repeat(depth)))
    };
    let code = |code: &str| Some(code.to_owned());
    assert_eq!(first_code(&nested(token_limits::MAX_NESTING)), None);
    assert_eq!(
        first_code(&nested(token_limits::MAX_NESTING + 1)),
        code("nesting-too-deep")
    );
    assert_eq!(first_code(&calls(token_limits::MAX_NESTING)), None);
    assert_eq!(first_code(&sum(token_limits::MAX_CHAIN)), None);
    assert_eq!(first_code(&sum(token_limits::MAX_CHAIN + 1)), code("chain-too-long"));
    assert_eq!(first_code(&minuses(token_limits::MAX_CHAIN)), None);
    assert_eq!(
        first_code(&minuses(token_limits::MAX_CHAIN + 1)),
        code("chain-too-long")
    );
    assert_eq!(first_code(&blocks(token_limits::MAX_INDENTATION)), None);
    assert_eq!(
        first_code(&blocks(token_limits::MAX_INDENTATION + 1)),
        code("nesting-too-deep")
    );
    assert_eq!(first_code(&format!("#{}", "x".repeat(40_000))), code("source-too-long"));
}

#[test]
fn programs_that_grow_when_unrolled_are_stopped() {
    let doubling: String = (1..40)
        .map(|i| format!("def f{i}(x): return f{0}(x) + f{0}(x * 2.0)\n", i - 1))
        .collect();
    let code = first_code(&format!(
        "import torch\ndef f0(x): return torch.exp(x)\n{doubling}def compute_reward(a): return f39(a)\n"
    ));
    assert_eq!(code.as_deref(), Some("program-too-large"));
    let branches: String = (0..400)
        .map(|i| format!("    elif self.a > {i}: return {i}.0\n"))
        .collect();
    assert_eq!(
        first_code(&format!(
            "def compute_dense_reward(self):\n    if self.a < 0: return 1.0\n{branches}    return 0.0\n"
        )),
        None
    );
    let elif: String = (0..1_500).map(|i| format!("    elif x>{i}:y=1\n")).collect();
    let source =
        format!("def compute_dense_reward(self):\n    x=self.a\n    y=0\n    if x<0:y=1\n{elif}    return y\n");
    assert_eq!(first_code(&source), None);
    assert_eq!(
        first_code(&torch_program("    return torch.zeros(100000, 100000).sum() + a\n")).as_deref(),
        Some("program-too-large")
    );
    let list = torch_program("    x = [a]\n    for i in range(60):\n        x.extend(x)\n    return x[0]\n");
    assert_eq!(first_code(&list).as_deref(), Some("program-too-large"));
}
