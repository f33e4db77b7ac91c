//! A well-behaved foreign module gives the right values, whatever the batch and the element types.

mod modules;

use carrot_reward_interface::module::ABI_VERSION;
use carrot_reward_interface::{Batch, DType, LineEntry, RewardFn, Rewards, Schema, Span, StopCause};
use carrot_reward_sandbox::{LoadedReward, Origin, Sandbox, SandboxedReward};
use modules::{IDLE, assemble, batch, body, input, interface, limits};

/// `distance = |position − goal|`, `bonus = count where flag, else 0`, `total = bonus − weight · distance`.
///
/// In memory: goal at 0 (24 bytes padded to 32), weight at 32 (padded to 16), then from 48 on, in strides of N padded to
/// four: position 12, count 8, flag 4, total 8, distance 8, bonus 8 bytes per environment.
const DISTANCE: &str = r#"(module
  (memory (export "memory") 1)
  (func $offset (param $rows i32) (param $stride i32) (param $bytes i32) (param $i i32) (param $size i32) (result i32)
    (i32.add (local.get $rows)
      (i32.add (i32.mul (local.get $stride) (local.get $bytes)) (i32.mul (local.get $i) (local.get $size)))))
  (func $square (param $x f64) (result f64) (f64.mul (local.get $x) (local.get $x)))
  (func (export "evaluate") (param $n i32) (param $base i32)
    (local $stride i32) (local $rows i32) (local $i i32) (local $distance f64) (local $bonus f64)
    (local.set $stride (i32.and (i32.add (local.get $n) (i32.const 3)) (i32.const -4)))
    (local.set $rows (i32.add (local.get $base) (i32.const 48)))
    (loop $next
      (local.set $distance (f64.sqrt (f64.add (f64.add
        (call $square (f64.sub
          (f64.promote_f32 (f32.load (call $offset (local.get $rows) (local.get $stride) (i32.const 0) (local.get $i) (i32.const 4))))
          (f64.load offset=0 (local.get $base))))
        (call $square (f64.sub
          (f64.promote_f32 (f32.load (call $offset (local.get $rows) (local.get $stride) (i32.const 4) (local.get $i) (i32.const 4))))
          (f64.load offset=8 (local.get $base)))))
        (call $square (f64.sub
          (f64.promote_f32 (f32.load (call $offset (local.get $rows) (local.get $stride) (i32.const 8) (local.get $i) (i32.const 4))))
          (f64.load offset=16 (local.get $base)))))))
      (local.set $bonus (select
        (f64.convert_i64_s (i64.load (call $offset (local.get $rows) (local.get $stride) (i32.const 12) (local.get $i) (i32.const 8))))
        (f64.const 0)
        (i32.load (call $offset (local.get $rows) (local.get $stride) (i32.const 20) (local.get $i) (i32.const 4)))))
      (f64.store (call $offset (local.get $rows) (local.get $stride) (i32.const 24) (local.get $i) (i32.const 8))
        (f64.sub (local.get $bonus)
          (f64.mul (f64.promote_f32 (f32.load offset=32 (local.get $base))) (local.get $distance))))
      (f64.store (call $offset (local.get $rows) (local.get $stride) (i32.const 32) (local.get $i) (i32.const 8))
        (local.get $distance))
      (f64.store (call $offset (local.get $rows) (local.get $stride) (i32.const 40) (local.get $i) (i32.const 8))
        (local.get $bonus))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))))"#;

fn distance_schema() -> Schema {
    Schema::from_toml(
        r#"
        [variable.count]
        dtype = "i64"
        [variable.flag]
        dtype = "bool"
        [variable.goal]
        shape = [3]
        uniform = true
        [variable.position]
        shape = [3]
        [variable.unread]
        shape = [7]
        [variable.weight]
        uniform = true
        "#,
    )
    .unwrap()
}

fn load_distance(origin: Origin) -> LoadedReward {
    let mut interface = interface(&["distance", "bonus"]);
    interface.inputs = vec![
        input("position", &[3], DType::F32, false),
        input("count", &[], DType::I64, false),
        input("flag", &[], DType::Bool, false),
        input("goal", &[3], DType::F64, true),
        input("weight", &[], DType::F32, true),
    ];
    let wasm = assemble(DISTANCE, &interface);
    Sandbox::new(limits())
        .unwrap()
        .load(&wasm, origin, &distance_schema())
        .unwrap()
}

/// Numbers that f32 rounds, truth values and large integers.
fn distance_batch(n_envs: usize) -> Batch {
    let per_env = |value: &dyn Fn(usize) -> f64| (0..n_envs).map(value).collect::<Vec<_>>();
    Batch {
        n_envs,
        columns: vec![
            per_env(&|env| env as f64 * 4_294_967_296.0 + 1.0),
            per_env(&|env| f64::from(u8::from(env % 3 == 0))),
            vec![0.1, -0.2, 0.3],
            (0..3 * n_envs).map(|k| k as f64 * 0.1 - 1.0).collect(),
            vec![f64::NAN; 7 * n_envs],
            vec![0.7],
        ],
    }
}

fn check_distance(reward: &mut SandboxedReward, n_envs: usize) {
    let (schema, batch) = (distance_schema(), distance_batch(n_envs));
    let mut rewards = Rewards::default();
    reward.evaluate(&batch, &mut rewards).unwrap();
    assert_eq!((rewards.total.len(), rewards.terms.len()), (n_envs, 2));
    for env in 0..n_envs {
        let position = batch.row(&schema, schema.index("position").unwrap(), env);
        let squares = position.iter().zip([0.1, -0.2, 0.3]).map(|(&p, g)| {
            let difference = f64::from(p as f32) - g;
            difference * difference
        });
        let distance = squares.sum::<f64>().sqrt();
        let bonus = if env % 3 == 0 {
            env as f64 * 4_294_967_296.0 + 1.0
        } else {
            0.0
        };
        assert_eq!(rewards.terms[0][env], distance, "distance[{env}] of {n_envs}");
        assert_eq!(rewards.terms[1][env], bonus, "bonus[{env}] of {n_envs}");
        assert_eq!(
            rewards.total[env],
            bonus - f64::from(0.7_f32) * distance,
            "total[{env}] of {n_envs}"
        );
    }
}

#[test]
fn a_batch_of_any_size_gives_the_values_of_each_environment() {
    for origin in [Origin::Compiled, Origin::Foreign] {
        // Up and down again: memory grows on demand and stays.
        let mut reward = load_distance(origin).instantiate().unwrap();
        assert_eq!(reward.terms(), ["distance", "bonus"]);
        for n_envs in [0, 1, 3, 4, 5, 257, 20_000, 2, 0] {
            check_distance(&mut reward, n_envs);
        }
    }
}

#[test]
fn a_steady_batch_size_leaves_the_buffers_where_they_are() {
    let mut reward = load_distance(Origin::Compiled).instantiate().unwrap();
    let batch = distance_batch(64);
    let mut rewards = Rewards::default();
    reward.evaluate(&batch, &mut rewards).unwrap();
    let buffers = |rewards: &Rewards| {
        [
            rewards.total.as_ptr(),
            rewards.terms[0].as_ptr(),
            rewards.terms[1].as_ptr(),
        ]
    };
    let before = buffers(&rewards);
    reward.evaluate(&batch, &mut rewards).unwrap();
    assert_eq!(buffers(&rewards), before);
}

/// Counts its evaluations in its own memory, at address 0.
const COUNTER: &str = r#"(i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (f64.store offset=32 (local.get $base) (f64.convert_i32_s (i32.load (i32.const 0))))"#;

#[test]
fn instances_do_not_share_memory() {
    let sandbox = Sandbox::new(limits()).unwrap();
    let wasm = assemble(&body(COUNTER), &interface(&[]));
    let loaded = sandbox.load(&wasm, Origin::Foreign, &modules::schema()).unwrap();
    let (mut one, mut two) = (loaded.instantiate().unwrap(), loaded.instantiate().unwrap());
    let count = |reward: &mut SandboxedReward| {
        let mut rewards = Rewards::default();
        reward.evaluate(&batch(&[0.0]), &mut rewards).unwrap();
        rewards.total[0]
    };
    assert_eq!(
        [count(&mut one), count(&mut one), count(&mut two), count(&mut one)],
        [1.0, 2.0, 1.0, 3.0]
    );
}

#[test]
fn what_a_module_allocates_behind_the_batch_survives_a_larger_batch() {
    // The first evaluation grows the memory and marks the last byte; each gives the mark back.
    let wat = body(
        r#"(local $address i32)
        (if (i32.eqz (i32.load (i32.const 0))) (then
            (local.set $address (i32.sub (i32.shl (i32.add (memory.grow (i32.const 1)) (i32.const 1)) (i32.const 16)) (i32.const 8)))
            (f64.store (local.get $address) (f64.const 42))
            (i32.store (i32.const 0) (local.get $address))))
        (f64.store (i32.add (local.get $base) (i32.shl (i32.and (i32.add (local.get $n) (i32.const 3)) (i32.const -4)) (i32.const 3)))
            (f64.load (i32.load (i32.const 0))))"#,
    );
    let wasm = assemble(&wat, &interface(&[]));
    let sandbox = Sandbox::new(limits()).unwrap();
    let mut reward = sandbox
        .load(&wasm, Origin::Foreign, &modules::schema())
        .unwrap()
        .instantiate()
        .unwrap();
    let mut rewards = Rewards::default();
    for n_envs in [4, 100_000, 8] {
        reward.evaluate(&batch(&vec![7.0; n_envs]), &mut rewards).unwrap();
        assert_eq!(rewards.total[0], 42.0, "batch of {n_envs}");
    }
}

#[test]
fn a_non_finite_value_names_its_term_and_shows_the_state() {
    // total = term = 1 / x.
    let wat = body(
        r#"(local $i i32)
        (loop $next
            (f64.store offset=32 (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 3)))
                (f64.const -0.5))
            (f64.store offset=64 (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 3)))
                (f64.div (f64.const 1) (f64.load (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 3))))))
            (f64.store offset=96 (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 3)))
                (f64.sqrt (f64.load (i32.add (local.get $base) (i32.shl (local.get $i) (i32.const 3))))))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))"#,
    );
    let mut interface = interface(&["inverse", "root"]);
    let span = |line| Span {
        line,
        column: 5,
        end_line: line,
        end_column: 9,
    };
    interface.terms[0].at = Some(span(3));
    interface.terms[1].at = Some(span(4));
    let sandbox = Sandbox::new(limits()).unwrap();
    let loaded = sandbox
        .load(&assemble(&wat, &interface), Origin::Foreign, &modules::schema())
        .unwrap();
    let mut reward = loaded.instantiate().unwrap();
    let mut rewards = Rewards::default();
    for (values, line, shown) in [
        (
            [1.0, -2.0, 0.0, -0.0],
            3,
            "`inverse` is inf in environment 2, where x = 0",
        ),
        ([1.0, 2.0, 3.0, -4.0], 4, "`root` is NaN in environment 3, where x = -4"),
    ] {
        let stop = reward.evaluate(&batch(&values), &mut rewards).unwrap_err();
        assert_eq!(stop.to_string(), format!("foreign.wat:{line}:5: {shown}"));
    }
    // The instance is usable as it is.
    reward.evaluate(&batch(&[4.0, 1.0, 1.0, 16.0]), &mut rewards).unwrap();
    assert_eq!(rewards.terms[1], [2.0, 1.0, 1.0, 4.0]);
}

#[test]
fn a_total_alone_can_be_non_finite() {
    let stop = modules::run(
        &body("(f64.store offset=32 (local.get $base) (f64.const -inf))"),
        Origin::Foreign,
    )
    .unwrap_err();
    assert_eq!(
        stop.to_string(),
        "foreign.wat: `total` is -inf in environment 0, where x = 1"
    );
}

#[test]
fn a_trap_points_at_the_line_of_the_function_it_is_in() {
    // `$kernel` has no lines of its own, so its trap is blamed on the call.
    let wat = r#"(module (memory (export "memory") 1)
        (func (export "evaluate") (param i32 i32) nop (call $kernel (local.get 0)) nop)
        (func $kernel (param i32) (drop (i32.div_s (local.get 0) (i32.const 0)))))"#;
    let bytes = wat::parse_str(wat).unwrap();
    let starts: Vec<u32> = wasmparser::Parser::new(0)
        .parse_all(&bytes)
        .filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::CodeSectionEntry(function) => Some(function.range().start as u32),
            _ => None,
        })
        .collect();
    let mut interface = interface(&[]);
    // The body: one byte for no locals, nop, local.get (2 bytes), call (2 bytes), nop.
    for (offset, line) in [(1, 1), (2, 2), (6, 3)] {
        let at = Span {
            line,
            column: 1,
            end_line: line,
            end_column: 2,
        };
        interface.line_table.push(LineEntry {
            offset: starts[0] + offset,
            at,
        });
    }
    for origin in [Origin::Compiled, Origin::Foreign] {
        let sandbox = Sandbox::new(limits()).unwrap();
        let loaded = sandbox
            .load(&assemble(wat, &interface), origin, &modules::schema())
            .unwrap();
        let stop = loaded
            .instantiate()
            .unwrap()
            .evaluate(&batch(&[1.0]), &mut Rewards::default())
            .unwrap_err();
        assert_eq!(stop.to_string(), "foreign.wat:2:1: trap: integer divide by zero");
    }
}

#[test]
fn a_batch_that_does_not_follow_the_schema_is_refused() {
    let sandbox = Sandbox::new(limits()).unwrap();
    let wasm = assemble(IDLE, &interface(&[]));
    let mut reward = sandbox
        .load(&wasm, Origin::Foreign, &modules::schema())
        .unwrap()
        .instantiate()
        .unwrap();
    for columns in [vec![vec![1.0; 3]], vec![vec![1.0; 5]], vec![]] {
        let batch = Batch { n_envs: 4, columns };
        let stop = reward.evaluate(&batch, &mut Rewards::default()).unwrap_err();
        let StopCause::Trap { message } = &stop.cause else {
            panic!("{stop}")
        };
        assert!(message.contains("values of `x`; it must have 4"), "{message}");
    }
}

#[test]
fn a_batch_beyond_four_gigabytes_is_refused_before_it_is_laid_out() {
    let mut interface = interface(&["a"]);
    interface.inputs.clear();
    let sandbox = Sandbox::new(limits()).unwrap();
    let wasm = assemble(IDLE, &interface);
    let mut reward = sandbox
        .load(&wasm, Origin::Foreign, &modules::schema())
        .unwrap()
        .instantiate()
        .unwrap();
    for n_envs in [1 << 29, 1 << 31, usize::MAX] {
        let batch = Batch {
            n_envs,
            columns: vec![],
        };
        let stop = reward.evaluate(&batch, &mut Rewards::default()).unwrap_err();
        assert_eq!(stop.cause, StopCause::Memory { limit_bytes: 1 << 32 });
    }
}

#[test]
fn sandboxes_and_rewards_cross_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<Sandbox>();
    shared::<LoadedReward>();
    let loaded = load_distance(Origin::Foreign);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| check_distance(&mut loaded.instantiate().unwrap(), 33));
        }
    });
    assert_eq!(loaded.interface().abi, ABI_VERSION);
}
