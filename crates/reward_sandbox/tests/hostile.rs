//! Modules that want to hurt the machine. Each is stopped by the limit that is named here, within a second.

mod modules;

use std::time::{Duration, Instant};

use carrot_reward_interface::{
    Batch, DType, Input, LineEntry, ModuleInterface, Rewards, Schema, Span, StopCause, Term,
};
use carrot_reward_sandbox::{Limits, Origin, Sandbox};
use modules::{IDLE, assemble, batch, body, input, interface, limits, load, run, with_section};
use serde_json::{Value, json};

/// Runs something that must be over soon, however it ends; again where it was not, since the machine may be busy.
fn within_a_second<T>(name: &str, work: impl Fn() -> T) -> T {
    let mut times = Vec::new();
    while times.len() < 3 {
        let start = Instant::now();
        let result = work();
        times.push(start.elapsed());
        if times.last() < Some(&Duration::from_secs(1)) {
            return result;
        }
    }
    panic!("{name} took {times:?}");
}

#[test]
fn running_modules_are_stopped_by_the_named_limit() {
    let endless = body("(loop $again (br $again))");
    let recursion = r#"(module (memory (export "memory") 1)
        (func $dig (param i32) (result i32) (i32.add (i32.const 1) (call $dig (i32.add (local.get 0) (i32.const 1)))))
        (func (export "evaluate") (param i32 i32) (drop (call $dig (i32.const 0)))))"#;
    let mutual = r#"(module (memory (export "memory") 1) (table 2 funcref) (elem (i32.const 0) $ping $pong)
        (type $t (func (param f64) (result f64)))
        (func $ping (type $t) (f64.add (f64.const 1) (call_indirect (type $t) (local.get 0) (i32.const 1))))
        (func $pong (type $t) (f64.add (f64.const 1) (call_indirect (type $t) (local.get 0) (i32.const 0))))
        (func (export "evaluate") (param i32 i32) (drop (call $ping (f64.const 0)))))"#;
    let exponential = r#"(module (memory (export "memory") 1)
        (func $fork (param i32) (if (local.get 0) (then
            (call $fork (i32.sub (local.get 0) (i32.const 1))) (call $fork (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "evaluate") (param i32 i32) (call $fork (i32.const 60))))"#;
    let fill = r#"(module (memory (export "memory") 512) (func (export "evaluate") (param i32 i32)
        (loop $again (memory.fill (i32.const 0) (i32.const 7) (i32.const 33554432)) (br $again))))"#;
    let table_bomb = r#"(module (memory (export "memory") 1) (table $t 1 funcref) (func (export "evaluate") (param i32 i32)
        (loop $again (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $again))))"#;
    let fuel = StopCause::Fuel { limit: 20_100_000 };
    let deadline = StopCause::Deadline { limit_ms: 200 };
    let memory = StopCause::Memory { limit_bytes: 64 << 20 };
    let stack = StopCause::Stack { limit_bytes: 512 << 10 };
    let trap = |message: &str| StopCause::Trap {
        message: message.into(),
    };
    let huge_address = "(f64.store (i32.const -8) (f64.const 1))";
    let cases = [
        ("endless loop", endless.as_str(), Origin::Foreign, &fuel),
        ("endless loop of ours", endless.as_str(), Origin::Compiled, &deadline),
        ("exponential calls", exponential, Origin::Foreign, &fuel),
        ("exponential calls of ours", exponential, Origin::Compiled, &deadline),
        ("filling memory for ever", fill, Origin::Foreign, &fuel),
        ("filling memory for ever, ours", fill, Origin::Compiled, &deadline),
        (
            "memory bomb",
            &body("(loop $again (drop (memory.grow (i32.const 16))) (br $again))"),
            Origin::Foreign,
            &memory,
        ),
        (
            "all memory at once",
            &body("(drop (memory.grow (i32.const 65535)))"),
            Origin::Compiled,
            &memory,
        ),
        (
            "table bomb",
            table_bomb,
            Origin::Foreign,
            &trap("the table would hold 10001 elements; the limit is 10000"),
        ),
        ("recursion", recursion, Origin::Foreign, &stack),
        ("recursion of ours", recursion, Origin::Compiled, &stack),
        ("mutual recursion", mutual, Origin::Foreign, &stack),
        (
            "unreachable",
            &body("unreachable"),
            Origin::Foreign,
            &trap("wasm `unreachable` instruction executed"),
        ),
        (
            "division by zero",
            &body("(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
            Origin::Foreign,
            &trap("integer divide by zero"),
        ),
        (
            "division that overflows",
            &body("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))"),
            Origin::Foreign,
            &trap("integer overflow"),
        ),
        (
            "NaN to integer",
            &body("(drop (i32.trunc_f64_s (f64.const nan)))"),
            Origin::Foreign,
            &trap("invalid conversion to integer"),
        ),
        (
            "outside memory",
            &body(huge_address),
            Origin::Foreign,
            &trap("out of bounds memory access"),
        ),
        (
            "outside memory, ours",
            &body(huge_address),
            Origin::Compiled,
            &trap("out of bounds memory access"),
        ),
        (
            "just behind the batch",
            &body("(drop (i32.load8_u (i32.shl (memory.size) (i32.const 16))))"),
            Origin::Foreign,
            &trap("out of bounds memory access"),
        ),
        (
            "segment outside memory",
            r#"(module (memory (export "memory") 1) (data (i32.const 65535) "ab") (func (export "evaluate") (param i32 i32)))"#,
            Origin::Foreign,
            &trap("out of bounds memory access"),
        ),
    ];
    for (name, wat, origin, expected) in cases {
        let stop = within_a_second(name, || run(wat, origin)).unwrap_err();
        assert_eq!(&stop.cause, expected, "{name}");
        assert_eq!(stop.file, "foreign.wat");
    }
}

#[test]
fn an_instance_that_stopped_starts_afresh() {
    // Marks its memory, then stops unless x is positive.
    let wat = body(
        r#"(f64.store offset=32 (local.get $base) (f64.load (i32.const 0)))
        (f64.store (i32.const 0) (f64.const 13))
        (if (f64.le (f64.load (local.get $base)) (f64.const 0)) (then (loop $again (br $again))))"#,
    );
    let sandbox = Sandbox::new(limits()).unwrap();
    for origin in [Origin::Foreign, Origin::Compiled] {
        let loaded = sandbox
            .load(&assemble(&wat, &interface(&[])), origin, &modules::schema())
            .unwrap();
        let mut reward = loaded.instantiate().unwrap();
        let mut rewards = Rewards::default();
        reward.evaluate(&batch(&[1.0]), &mut rewards).unwrap();
        reward.evaluate(&batch(&[1.0]), &mut rewards).unwrap();
        assert_eq!(rewards.total, [13.0]);
        reward.evaluate(&batch(&[-1.0]), &mut rewards).unwrap_err();
        reward.evaluate(&batch(&[1.0]), &mut rewards).unwrap();
        assert_eq!(rewards.total, [0.0], "{origin:?}: memory from before the stop");
    }
}

#[test]
fn fuel_grows_with_the_batch() {
    // A thousand instructions per environment and some.
    let wat = body(
        r#"(local $i i32) (local.set $i (i32.mul (local.get $n) (i32.const 200)))
        (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"#,
    );
    let tight = Limits {
        fuel_base: 100,
        fuel_per_environment: 2_000,
        ..limits()
    };
    let enough = Sandbox::new(tight.clone()).unwrap();
    let short = Sandbox::new(Limits {
        fuel_per_environment: 500,
        ..tight
    })
    .unwrap();
    let wasm = assemble(&wat, &interface(&[]));
    for n_envs in [1, 1_000] {
        let evaluate = |sandbox: &Sandbox| {
            let loaded = sandbox.load(&wasm, Origin::Foreign, &modules::schema()).unwrap();
            loaded
                .instantiate()
                .unwrap()
                .evaluate(&batch(&vec![0.0; n_envs]), &mut Rewards::default())
        };
        evaluate(&enough).unwrap();
        let limit = 100 + 500 * n_envs as u64;
        assert_eq!(evaluate(&short).unwrap_err().cause, StopCause::Fuel { limit });
    }
}

#[test]
fn live_instances_are_counted_and_given_back() {
    let sandbox = Sandbox::new(Limits {
        instances: 2,
        ..limits()
    })
    .unwrap();
    let loaded = sandbox
        .load(&assemble(IDLE, &interface(&[])), Origin::Foreign, &modules::schema())
        .unwrap();
    let first = loaded.instantiate().unwrap();
    let _second = loaded.instantiate().unwrap();
    let stop = loaded.instantiate().err().unwrap();
    assert_eq!(stop.to_string(), "foreign.wat: trap: more than 2 instances are alive");
    drop(first);
    loaded.instantiate().unwrap();
}

#[test]
fn a_memory_with_a_small_maximum_stops_when_the_batch_does_not_fit() {
    let wat = r#"(module (memory (export "memory") 1 2) (func (export "evaluate") (param i32 i32)))"#;
    let sandbox = Sandbox::new(limits()).unwrap();
    let loaded = sandbox
        .load(&assemble(wat, &interface(&[])), Origin::Foreign, &modules::schema())
        .unwrap();
    let mut reward = loaded.instantiate().unwrap();
    let mut rewards = Rewards::default();
    let stop = reward.evaluate(&batch(&[0.0; 10_000]), &mut rewards).unwrap_err();
    assert_eq!(stop.cause, StopCause::Memory { limit_bytes: 2 << 16 });
    reward.evaluate(&batch(&[0.0; 1_000]), &mut rewards).unwrap();
}

/// Bytes that are refused, with a part of the sentence.
fn check_refused(name: &str, wasm: &[u8], expected: &str) {
    let error = within_a_second(name, || load(wasm)).err();
    let sentence = error.unwrap_or_else(|| panic!("{name} was accepted")).to_string();
    assert!(sentence.contains(expected), "{name}: {sentence}");
    assert!(
        sentence.len() < 1_000 && !sentence.chars().any(char::is_control),
        "{name}: {sentence:?}"
    );
}

#[test]
fn modules_that_break_the_contract_are_refused() {
    let evaluate = r#"(func (export "evaluate") (param i32 i32))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    let module = |parts: &str| format!("(module {parts} {memory} {evaluate})");
    for (name, wat, expected) in [
        (
            "imported function",
            module(r#"(import "env" "f" (func))"#),
            "the module imports `env.f`; rewards may import nothing",
        ),
        (
            "imported clock",
            module(r#"(import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))"#),
            "imports `wasi_snapshot_preview1.clock_time_get`",
        ),
        (
            "imported global",
            module(r#"(import "a" "\1b[31m" (global i32))"#),
            r"imports `a.\u{1b}[31m`",
        ),
        (
            "imported memory",
            format!(r#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) {evaluate})"#),
            "imports `env.memory`",
        ),
        (
            "start function",
            module("(func $go) (start $go)"),
            "has a start function",
        ),
        (
            "no memory",
            format!("(module {evaluate})"),
            "exports no memory named `memory`",
        ),
        (
            "a function named memory",
            format!(r#"(module (func (export "memory")) {evaluate})"#),
            "exports no memory named `memory`",
        ),
        (
            "no evaluate",
            format!("(module {memory})"),
            "exports no function named `evaluate`",
        ),
        (
            "one parameter",
            format!(r#"(module {memory} (func (export "evaluate") (param i32)))"#),
            "`evaluate` takes (i32) and gives ()",
        ),
        (
            "a result",
            format!(r#"(module {memory} (func (export "evaluate") (param i32 i32) (result f64) (f64.const 0)))"#),
            "takes (i32, i32) and gives (f64)",
        ),
        (
            "64-bit parameters",
            format!(r#"(module {memory} (func (export "evaluate") (param i64 i64)))"#),
            "takes (i64, i64)",
        ),
        (
            "huge memory",
            format!(r#"(module (memory (export "memory") 65536) {evaluate})"#),
            "has 4294967296 bytes of memory; the limit is 67108864",
        ),
        (
            "huge table",
            module("(table 100000000 funcref)"),
            "has 100000000 table elements; the limit is 10000",
        ),
        (
            "two tables",
            module("(table 1 funcref) (table 1 funcref)"),
            "has 2 tables; the limit is 1",
        ),
        ("two memories", module("(memory 1)"), "multiple memories"),
        (
            "64-bit memory",
            format!(r#"(module (memory (export "memory") i64 1) {evaluate})"#),
            "memory64",
        ),
        (
            "shared memory",
            format!(r#"(module (memory (export "memory") 1 2 shared) {evaluate})"#),
            "threads",
        ),
        (
            "host references",
            module("(global (ref null extern) (ref.null extern))"),
            "not valid WebAssembly",
        ),
        ("tail calls", module("(func $f (return_call $f))"), "tail calls"),
        ("exceptions", module("(tag)"), "exceptions"),
        (
            "relaxed SIMD",
            module("(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))"),
            "relaxed SIMD",
        ),
        (
            "exceeding locals",
            module(&format!("(func (local {}))", "i64 ".repeat(50_001))),
            "too many locals",
        ),
    ] {
        check_refused(name, &assemble(&wat, &interface(&[])), expected);
    }
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let good = assemble(IDLE, &interface(&[]));
    check_refused("nothing", b"", "not valid WebAssembly");
    check_refused("text", IDLE.as_bytes(), "not valid WebAssembly");
    check_refused("a component", b"\0asm\x0d\0\x01\0", "not valid WebAssembly");
    check_refused(
        "ill-typed",
        &with_section(
            b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\x6a\x0b".into(),
            b"{}",
        ),
        "not valid WebAssembly",
    );
    check_refused(
        "a huge module",
        &vec![0; (8 << 20) + 1],
        "has 8388609 bytes; the limit is 8388608",
    );
    for end in 0..good.len() {
        assert!(load(&good[..end]).is_err(), "the first {end} bytes were accepted");
    }
}

#[test]
fn mangled_modules_never_panic() {
    let good = assemble(
        &body("(f64.store offset=32 (local.get $base) (f64.const 1))"),
        &interface(&["a", "b"]),
    );
    let sandbox = Sandbox::new(limits()).unwrap();
    // Every byte in turn takes other values; what still loads must still run or stop.
    for position in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, good[position] ^ 1] {
            let mut wasm = good.clone();
            wasm[position] = value;
            let Ok(loaded) = sandbox.load(&wasm, Origin::Foreign, &modules::schema()) else {
                continue;
            };
            let Ok(mut reward) = loaded.instantiate() else { continue };
            let _ = reward.evaluate(&batch(&[1.0, 2.0]), &mut Rewards::default());
        }
    }
}

#[test]
fn big_functions_are_within_the_limits_or_refused() {
    let locals = format!("(local {})", "f64 ".repeat(49_990));
    let stop = within_a_second("50,000 locals", || run(&body(&locals), Origin::Foreign));
    assert_eq!(stop.unwrap().total, [0.0]);
    let module = |parts: &str| {
        format!("(module {parts} (memory (export \"memory\") 1) (func (export \"evaluate\") (param i32 i32)))")
    };
    for (name, wat, expected) in [
        (
            "functions",
            module(&"(func)".repeat(5_001)),
            "has 5002 functions; the limit is 5000",
        ),
        (
            "types",
            module(&(0..5_001).map(|k| format!("(type $t{k} (func))")).collect::<String>()),
            "types; the limit is 5000",
        ),
        (
            "globals",
            module(&"(global i32 (i32.const 0))".repeat(5_001)),
            "has 5001 globals; the limit is 5000",
        ),
        (
            "data segments",
            module(&"(data \"\")".repeat(5_001)),
            "has 5001 data segments; the limit is 5000",
        ),
        (
            "element segments",
            module(&"(elem func)".repeat(5_001)),
            "has 5001 element segments; the limit is 5000",
        ),
        (
            "exports",
            module(
                &(0..5_001)
                    .map(|k| format!("(global (export \"g{k}\") i32 (i32.const 0))"))
                    .collect::<String>(),
            ),
            "the limit is 5000",
        ),
    ] {
        check_refused(name, &assemble(&wat, &interface(&[])), expected);
    }
}

/// The section of a good module with one entry replaced.
fn section_with(key: &str, value: Value) -> Vec<u8> {
    let mut section = serde_json::to_value(interface(&["a"])).unwrap();
    section[key] = value;
    serde_json::to_vec(&section).unwrap()
}

#[test]
fn sections_that_lie_are_refused() {
    let idle = || wat::parse_str(IDLE).unwrap();
    let good = serde_json::to_vec(&interface(&[])).unwrap();
    check_refused("no section", &idle(), "has no custom section `carrot.reward`");
    check_refused(
        "two sections",
        &with_section(with_section(idle(), &good), &good),
        "more than one custom section",
    );
    let input =
        |name: &str, shape: Value, dtype: &str| json!({"name": name, "shape": shape, "dtype": dtype, "uniform": false});
    let term = |name: &str| json!({"name": name, "at": null});
    let many =
        |make: &dyn Fn(String) -> Value| Value::from((0..1_025).map(|k| make(format!("n{k}"))).collect::<Vec<_>>());
    let span = json!({"line": 1, "column": 1, "end_line": 1, "end_column": 1});
    for (name, section, expected) in [
        ("empty", b"".to_vec(), "cannot be read"),
        ("not JSON", b"\xff\xfe{".to_vec(), "cannot be read"),
        ("deep JSON", "[".repeat(1 << 20).into_bytes(), "cannot be read"),
        ("another type", b"[1, 2]".to_vec(), "cannot be read"),
        ("a field missing", b"{\"abi\": 2}".to_vec(), "missing field `file`"),
        (
            "a later version",
            section_with("abi", json!(3)),
            "follows version 3 of the contract; this host follows 2",
        ),
        (
            "a later version with other fields",
            b"{\"abi\": 7, \"wires\": []}".to_vec(),
            "follows version 7",
        ),
        (
            "negative shape",
            section_with("inputs", json!([input("x", json!([-1]), "f64")])),
            "cannot be read",
        ),
        (
            "unknown dtype",
            section_with("inputs", json!([input("x", json!([]), "f16")])),
            "unknown variant `f16`",
        ),
        (
            "no dtype",
            section_with("inputs", json!([input("x", json!([]), "float")])),
            "input `x` has no element type",
        ),
        (
            "overflowing shape",
            section_with(
                "inputs",
                json!([input("x", json!([4294967295_u64, 4294967295_u64]), "f64")]),
            ),
            "input `x` has shape",
        ),
        (
            "wrapping shape",
            section_with("inputs", json!([input("x", json!([1_u64 << 63, 2]), "f64")])),
            "input `x` has shape",
        ),
        (
            "empty shape",
            section_with("inputs", json!([input("x", json!([0]), "f64")])),
            "input `x` has shape [0]",
        ),
        (
            "other shape",
            section_with("inputs", json!([input("x", json!([2]), "f64")])),
            "reads `x` as [2], but this task offers []",
        ),
        (
            "unknown input",
            section_with("inputs", json!([input("secret", json!([]), "f64")])),
            "reads `secret`, which this task does not offer",
        ),
        (
            "fractions as integers",
            section_with("inputs", json!([input("x", json!([]), "i64")])),
            "reads `x` as I64, but this task offers Float",
        ),
        (
            "input twice",
            section_with(
                "inputs",
                json!([input("x", json!([]), "f64"), input("x", json!([]), "f32")]),
            ),
            "input `x` is declared twice",
        ),
        (
            "many inputs",
            section_with("inputs", many(&|name| input(&name, json!([]), "f64"))),
            "has 1025 inputs; the limit is 1024",
        ),
        (
            "many terms",
            section_with("terms", many(&|name| term(&name))),
            "has 1025 terms; the limit is 1024",
        ),
        (
            "term twice",
            section_with("terms", json!([term("a"), term("a")])),
            "term `a` is declared twice",
        ),
        (
            "nameless term",
            section_with("terms", json!([term("")])),
            "term name `` is not usable",
        ),
        (
            "long term",
            section_with("terms", json!([term(&"a".repeat(100_000))])),
            "is not usable",
        ),
        (
            "term that drives the terminal",
            section_with("terms", json!([term("\u{1b}[2J")])),
            "is not usable",
        ),
        (
            "file that drives the terminal",
            section_with("file", json!("a\u{7}b")),
            "control character",
        ),
        (
            "integers remembered",
            section_with("memory", json!([{"name": "count", "dtype": "i64"}])),
            "memory slot `count` is I64; it must be f32, f64 or bool",
        ),
        (
            "remembered twice",
            section_with(
                "memory",
                json!([{"name": "a", "dtype": "f64"}, {"name": "a", "dtype": "f32"}]),
            ),
            "memory slot `a` is declared twice",
        ),
        (
            "too much memory",
            section_with(
                "memory",
                Value::from(
                    (0..16_385)
                        .map(|k| json!({"name": format!("m{k}"), "dtype": "f64"}))
                        .collect::<Vec<_>>(),
                ),
            ),
            "has 16385 memory slots; the limit is 16384",
        ),
        (
            "a fault that drives the terminal",
            section_with("faults", json!([{"message": "\u{1b}[2J", "at": null}])),
            "fault message `\\u{1b}[2J` is not usable",
        ),
        (
            "many faults",
            section_with("faults", many(&|name| json!({"message": name, "at": null}))),
            "has 1025 faults; the limit is 1024",
        ),
        (
            "a text as input",
            section_with("inputs", json!([input("x", json!([]), "str")])),
            "input `x` has no element type",
        ),
        (
            "integer output",
            section_with("output", json!("i64")),
            "output is I64; it must be f32 or f64",
        ),
        (
            "unsorted lines",
            section_with(
                "line_table",
                json!([{"offset": 9, "at": span}, {"offset": 3, "at": span}]),
            ),
            "not sorted",
        ),
    ] {
        check_refused(name, &with_section(idle(), &section), expected);
    }
}

#[test]
fn the_largest_interface_that_is_accepted_can_be_laid_out() {
    let names = (0..1_024).map(|k| format!("v{k:04}"));
    let text: String = names
        .clone()
        .map(|name| format!("[variable.{name}]\nshape = [64, 64]\n"))
        .collect();
    let schema = Schema::from_toml(&text).unwrap();
    let wide = ModuleInterface {
        inputs: names
            .map(|name| input(&name, &[64, 64], DType::F64, false))
            .collect::<Vec<Input>>(),
        terms: (0..1_024)
            .map(|k| Term {
                name: format!("t{k}"),
                at: None,
            })
            .collect(),
        // Lines from nowhere are only ever shown.
        line_table: vec![LineEntry {
            offset: u32::MAX,
            at: Span {
                line: 0,
                column: u32::MAX,
                end_line: 0,
                end_column: 0,
            },
        }],
        ..interface(&[])
    };
    let sandbox = Sandbox::new(limits()).unwrap();
    let mut reward = sandbox
        .load(&assemble(IDLE, &wide), Origin::Foreign, &schema)
        .unwrap()
        .instantiate()
        .unwrap();
    // One environment, padded to four, takes 4 · 8 · 4,096 · 1,024 = 128 MiB of memory; the batch is the caller's, so it does not count.
    let columns = vec![vec![0.0; 4_096]; 1_024];
    let mut rewards = Rewards::default();
    reward.evaluate(&Batch { n_envs: 1, columns }, &mut rewards).unwrap();
    assert_eq!(rewards.terms.len(), 1_024);
}
