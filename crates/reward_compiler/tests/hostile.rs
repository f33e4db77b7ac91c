//! Programs that want to hurt the machine, or to see more of it than the task's variables. `tests/hostile/` holds one file per
//! idea; its first line names what stops it. Each is stopped within a second.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use carrot_reward_compiler::{Compiled, Entry, compile, render};
use carrot_reward_interface::{Batch, Rewards, Schema, Severity, StopCause};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};

const LONGEST: Duration = Duration::from_secs(1);

fn schema() -> Schema {
    Schema::from_toml("[variable.x]").unwrap()
}

/// Compiles something that must be over soon.
fn compiled_soon(name: &str, source: &str) -> Compiled {
    let start = Instant::now();
    let worked = processor_time();
    let compiled = compile(source, name, &schema(), Entry::Reward);
    let took = match (worked, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed(),
    };
    assert!(took < LONGEST, "{name} took {took:?}");
    compiled
}

/// How long this thread has had a processor, where the system says so: the machine may be busy with something else.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// What `# error: [code]` at the ends of lines announces.
fn announced(source: &str) -> BTreeSet<(u32, String)> {
    let lines = source.lines().zip(1..);
    lines
        .filter_map(|(line, number)| {
            let (_, code) = line.split_once("# error: [")?;
            Some((number, code.trim_end_matches(']').to_owned()))
        })
        .collect()
}

#[test]
fn each_is_stopped_by_what_its_first_line_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 25, "programs are missing");
    let mut failures = Vec::new();
    for path in paths {
        let source = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(failure) = is_stopped(&name, &source) {
            failures.push(format!("{name}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn is_stopped(name: &str, source: &str) -> Result<(), String> {
    let limit = source
        .strip_prefix("# Stopped by ")
        .and_then(|rest| rest.split_once(": "))
        .ok_or("the first line names no limit")?
        .0;
    let compiled = compiled_soon(name, source);
    let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let found: BTreeSet<(u32, String)> = errors.map(|d| (d.span.line, d.code.clone())).collect();
    if found != announced(source) {
        return Err(format!(
            "found {found:?}\n{}",
            render(&compiled.diagnostics, source, false)
        ));
    }
    match compiled.module {
        None if found.iter().any(|(_, code)| code == limit) => Ok(()),
        None => Err(format!("{limit} is not among {found:?}")),
        Some(module) => {
            let sandbox = Sandbox::new(Limits::default()).unwrap();
            let loaded = sandbox.load(&module.wasm, Origin::Compiled, &schema()).unwrap();
            let mut reward = loaded.instantiate().unwrap();
            let columns = vec![vec![1.0]];
            let stop = reward.evaluate(&Batch { n_envs: 1, columns }, &mut Rewards::default());
            match stop.map_err(|stop| stop.cause) {
                Err(StopCause::NonFinite { .. }) if limit == "NonFinite" => Ok(()),
                other => Err(format!("ran: {other:?}")),
            }
        }
    }
}

#[test]
fn odd_bytes_are_text_or_a_syntax_error() {
    let program = "def compute_dense_reward(self):\n    return self.x\n";
    let cases = [
        ("as it is", program.to_owned(), true),
        ("with Windows line ends", program.replace('\n', "\r\n"), true),
        ("with old Macintosh line ends", program.replace('\n', "\r"), true),
        ("with a byte order mark", format!("\u{feff}{program}"), true),
        ("with tabs", program.replace("    ", "\t"), true),
        ("with a form feed", format!("\u{c}\n{program}"), true),
        ("without a last line end", program.trim_end().to_owned(), true),
        (
            "with a line continued",
            program.replace("return ", "return \\\n  "),
            true,
        ),
        ("with a null byte", program.replace("return", "ret\0urn"), false),
        ("with a null byte in a comment", format!("#\0\n{program}"), true),
        (
            "with control characters",
            program.replace("self.x", "self.x\u{1b}[2J"),
            false,
        ),
        (
            "with a zero-width space",
            program.replace("self.x", "self.\u{200b}x"),
            false,
        ),
        (
            "with right-to-left override",
            program.replace("self.x", "self\u{202e}.x"),
            false,
        ),
        (
            "with a no-break space",
            program.replace("return ", "return\u{a0}"),
            false,
        ),
        ("with a surrogate escape", program.replace("self.x", "'\\ud800'"), false),
        ("nothing", String::new(), false),
        ("only a byte order mark", "\u{feff}".to_owned(), false),
        ("an open string", format!("{program}'''"), false),
        ("an open bracket", format!("{program}("), false),
        ("a lonely backslash", format!("{program}\\"), false),
    ];
    for (name, source, is_program) in cases {
        let compiled = compiled_soon(name, &source);
        let drawn = render(&compiled.diagnostics, &source, false);
        assert_eq!(compiled.module.is_some(), is_program, "{name}: {drawn}");
        assert!(
            !drawn
                .chars()
                .any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r'),
            "{name}: {drawn:?} drives the terminal"
        );
    }
}
