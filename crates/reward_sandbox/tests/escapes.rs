//! Ideas for getting out of a module, or into another environment's numbers: each is refused, or comes to nothing.

mod modules;

use std::time::{Duration, Instant};

use carrot_reward_interface::{Rewards, StopCause};
use carrot_reward_sandbox::{Origin, Sandbox};
use modules::{IDLE, assemble, batch, body, interface, limits, load, run, with_section};

#[test]
fn nothing_can_be_imported() {
    let rest = r#"(memory (export "memory") 1) (func (export "evaluate") (param i32 i32))"#;
    for (module, name, kind) in [
        ("env", "f", "(func)"),
        ("env", "memory", "(memory 1)"),
        ("env", "table", "(table 1 funcref)"),
        ("env", "counter", "(global (mut i32))"),
        ("env", "seed", "(global i64)"),
        ("env", "error", "(tag)"),
        ("", "", "(func (param i32) (result i32))"),
        (
            "wasi_snapshot_preview1",
            "fd_write",
            "(func (param i32 i32 i32 i32) (result i32))",
        ),
        ("wasi_snapshot_preview1", "path_open", "(func)"),
        (
            "wasi_snapshot_preview1",
            "random_get",
            "(func (param i32 i32) (result i32))",
        ),
        ("wasi_snapshot_preview1", "proc_exit", "(func (param i32))"),
        ("wasi:cli/environment@0.2.0", "get-environment", "(func (param i32))"),
        ("wasi", "thread-spawn", "(func (param i32) (result i32))"),
        ("wbindgen", "__wbindgen_throw", "(func (param i32 i32))"),
    ] {
        let wat = format!(r#"(module (import "{module}" "{name}" {kind}) {rest})"#);
        let sentence = load(&assemble(&wat, &interface(&[]))).err().unwrap().to_string();
        // A tag is refused already as a feature.
        let expected = [format!("imports `{module}.{name}`"), "exceptions".to_owned()];
        assert!(expected.iter().any(|part| sentence.contains(part)), "{sentence}");
    }
}

#[test]
fn features_outside_of_plain_wasm_are_refused() {
    let rest = r#"(memory (export "memory") 1) (func (export "evaluate") (param i32 i32))"#;
    for (name, parts) in [
        (
            "recursive types",
            "(rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a)))))",
        ),
        ("arrays", "(type (array (mut i32)))"),
        (
            "references to functions",
            "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))",
        ),
        (
            "small references",
            "(func (result i32) (ref.i31 (i32.const 1)) (i31.get_s))",
        ),
        ("exceptions", "(tag $t) (func (throw $t))"),
        ("tail calls", "(func $f (return_call $f))"),
        ("atomics", "(func (drop (i32.atomic.load (i32.const 0))))"),
        (
            "wide arithmetic",
            "(func (drop (drop (i64.add128 (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)))))",
        ),
        ("a page of one byte", "(memory 1 (pagesize 1))"),
        ("64-bit tables", "(table i64 1 funcref)"),
    ] {
        let wat = format!("(module {parts} {rest})");
        let sentence = load(&assemble(&wat, &interface(&[])))
            .err()
            .unwrap_or_else(|| panic!("{name}"));
        assert!(
            sentence.to_string().contains("not valid WebAssembly"),
            "{name}: {sentence}"
        );
    }
}

#[test]
fn names_that_other_hosts_call_mean_nothing_here() {
    // Each would trap.
    let wat = r#"(module (memory (export "memory") 1) (func $trap unreachable)
        (export "_start" (func $trap)) (export "_initialize" (func $trap)) (export "__wasm_call_ctors" (func $trap))
        (export "main" (func $trap)) (export "" (func $trap)) (export "evaluate\00" (func $trap))
        (func (export "evaluate") (param i32 i32)))"#;
    for origin in [Origin::Foreign, Origin::Compiled] {
        assert_eq!(run(wat, origin).unwrap().total, [0.0]);
    }
}

#[test]
fn what_a_module_does_to_its_inputs_hurts_only_itself() {
    // Gives x, then overwrites the whole region with 99.
    let wat = body(
        r#"(f64.store offset=32 (local.get $base) (f64.load (local.get $base)))
        (f64.store offset=0 (local.get $base) (f64.const 99)) (f64.store offset=8 (local.get $base) (f64.const 99))"#,
    );
    let sandbox = Sandbox::new(limits()).unwrap();
    let loaded = sandbox
        .load(&assemble(&wat, &interface(&[])), Origin::Foreign, &modules::schema())
        .unwrap();
    let (mut one, mut other) = (loaded.instantiate().unwrap(), loaded.instantiate().unwrap());
    let given = batch(&[7.0]);
    let mut rewards = Rewards::default();
    for _ in 0..3 {
        one.evaluate(&given, &mut rewards).unwrap();
        assert_eq!(rewards.total, [7.0]);
        other.evaluate(&given, &mut rewards).unwrap();
        assert_eq!(rewards.total, [7.0]);
        assert_eq!(given.columns, [[7.0]]);
    }
}

#[test]
fn memory_that_grows_by_itself_does_not_move_the_batch() {
    // One page at each evaluation; the result still lies where the host reads it.
    let wat = body(
        r#"(drop (memory.grow (i32.const 1))) (drop (memory.grow (i32.const 0)))
        (f64.store offset=32 (local.get $base) (f64.load (local.get $base)))"#,
    );
    let sandbox = Sandbox::new(limits()).unwrap();
    let loaded = sandbox
        .load(&assemble(&wat, &interface(&[])), Origin::Foreign, &modules::schema())
        .unwrap();
    let mut reward = loaded.instantiate().unwrap();
    let mut rewards = Rewards::default();
    let mut stopped = false;
    for round in 0..2_000 {
        match reward.evaluate(&batch(&[f64::from(round)]), &mut rewards) {
            Ok(()) => assert_eq!(rewards.total, [f64::from(round)]),
            Err(stop) => {
                assert_eq!(stop.cause, StopCause::Memory { limit_bytes: 64 << 20 });
                stopped = true;
                break;
            }
        }
    }
    assert!(stopped, "a gigabyte of pages was given");
}

#[test]
fn the_payload_of_a_nan_tells_nothing() {
    // Bits of a NaN that the machine makes, as a number: equal on all machines for a stranger.
    let wat = body(
        r#"(f64.store offset=32 (local.get $base) (f64.convert_i64_u (i64.shr_u (i64.reinterpret_f64
            (f64.div (f64.sub (f64.load (local.get $base)) (f64.load (local.get $base))) (f64.const 0))) (i64.const 51))))"#,
    );
    assert_eq!(
        run(&wat, Origin::Foreign).unwrap().total,
        [4095.0],
        "0x7ff8 shifted: positive and quiet"
    );
}

#[test]
fn sections_that_only_take_room_are_bounded_by_the_size_of_the_module() {
    let idle = || wat::parse_str(IDLE).unwrap();
    let section = serde_json::to_vec(&interface(&[])).unwrap();
    // A custom section of another name may hold anything up to the limit.
    let with_junk = |bytes: usize| {
        use wasm_encoder::Section as _;
        let mut wasm = with_section(idle(), &section);
        let data = vec![0xff; bytes];
        let junk = wasm_encoder::CustomSection {
            name: "name".into(),
            data: (&data).into(),
        };
        junk.append_to(&mut wasm);
        wasm
    };
    assert!(load(&with_junk(7 << 20)).is_ok());
    let sentence = load(&with_junk(8 << 20)).err().unwrap().to_string();
    assert!(sentence.contains("bytes; the limit is 8388608"), "{sentence}");
}

#[test]
fn instructions_that_touch_tables_and_segments_stay_inside() {
    let cases = [
        (
            "a call beyond the table",
            "(table 1 funcref)",
            "(call_indirect (i32.const 5))",
            "undefined element",
        ),
        (
            "a call of nothing",
            "(table 1 funcref)",
            "(call_indirect (i32.const 0))",
            "uninitialized element",
        ),
        (
            "a call of another type",
            "(table 1 funcref) (elem (i32.const 0) $f) (func $f (param f64))",
            "(call_indirect (i32.const 0))",
            "indirect call type mismatch",
        ),
        (
            "a copy beyond memory",
            "",
            "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 100000))",
            "out of bounds memory",
        ),
        (
            "a fill beyond memory",
            "",
            "(memory.fill (i32.const 1) (i32.const 0) (i32.const 200000))",
            "out of bounds memory",
        ),
        (
            "a dropped segment",
            r#"(data $d "abc")"#,
            "(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))",
            "out of bounds memory",
        ),
        (
            "a table copied onto itself",
            "(table 2 funcref)",
            "(table.copy (i32.const 1) (i32.const 0) (i32.const 2))",
            "out of bounds table",
        ),
    ];
    for (name, parts, instructions, expected) in cases {
        let wat = format!(
            r#"(module {parts} (memory (export "memory") 1) (func (export "evaluate") (param i32 i32) {instructions}))"#
        );
        match run(&wat, Origin::Foreign).unwrap_err().cause {
            StopCause::Trap { message } => assert!(message.contains(expected), "{name}: {message}"),
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn a_huge_frame_overflows_the_stack_of_the_module_only() {
    // Thousands of locals that live across a call, in a function that calls itself.
    let locals = "f64 ".repeat(300);
    let sets: String = (1..=300)
        .map(|k| format!("(local.set {k} (f64.convert_i32_u (i32.add (local.get 0) (i32.const {k}))))"))
        .collect();
    let sum: String = (1..=300).map(|k| format!("(local.get {k}) f64.add ")).collect();
    let wat = format!(
        r#"(module (memory (export "memory") 1)
        (func $dig (param i32) (result f64) (local {locals}) {sets}
            (call $dig (i32.add (local.get 0) (i32.const 1))) {sum})
        (func (export "evaluate") (param i32 i32) (drop (call $dig (i32.const 0)))))"#
    );
    for origin in [Origin::Foreign, Origin::Compiled] {
        let start = Instant::now();
        let cause = run(&wat, origin).unwrap_err().cause;
        assert_eq!(cause, StopCause::Stack { limit_bytes: 512 << 10 });
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
