//! What a module remembers lasts as long as an episode and belongs to one environment; what it says of faults is believed
//! only as far as its own table goes.

mod modules;

use carrot_reward_interface::{DType, Fault, MemorySlot, ModuleInterface, RewardFn, Rewards, Span, StopCause};
use carrot_reward_sandbox::{Origin, Sandbox, SandboxedReward};
use modules::{assemble, batch, body, interface, limits, schema};

/// Reads `x`, gives `memory + x` as total and remembers it. Rows of f64: x, total, memory.
fn summing() -> String {
    body(
        "(local $i i32) (local $row i32) (local $sum f64)
         (local.set $row (i32.shl (i32.and (i32.add (local.get $n) (i32.const 3)) (i32.const -4)) (i32.const 3)))
         (loop $next
           (local.set $sum (f64.add (f64.load (local.get $base))
             (f64.load (i32.add (local.get $base) (i32.shl (local.get $row) (i32.const 1))))))
           (f64.store (i32.add (local.get $base) (local.get $row)) (local.get $sum))
           (f64.store (i32.add (local.get $base) (i32.shl (local.get $row) (i32.const 1))) (local.get $sum))
           (local.set $base (i32.add (local.get $base) (i32.const 8)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $next (i32.lt_u (local.get $i) (local.get $n))))",
    )
}

/// Writes `x` as the total and as the fault number.
fn faulting() -> String {
    body(
        "(local $i i32) (local $row i32)
         (local.set $row (i32.shl (i32.and (i32.add (local.get $n) (i32.const 3)) (i32.const -4)) (i32.const 3)))
         (loop $next
           (f64.store (i32.add (local.get $base) (local.get $row)) (f64.load (local.get $base)))
           (f64.store (i32.add (local.get $base) (i32.shl (local.get $row) (i32.const 1))) (f64.load (local.get $base)))
           (local.set $base (i32.add (local.get $base) (i32.const 8)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $next (i32.lt_u (local.get $i) (local.get $n))))",
    )
}

fn instance(wat: &str, interface: &ModuleInterface) -> SandboxedReward {
    let sandbox = Sandbox::new(limits()).unwrap();
    let loaded = sandbox
        .load(&assemble(wat, interface), Origin::Foreign, &schema())
        .unwrap();
    loaded.instantiate().unwrap()
}

fn total(reward: &mut SandboxedReward, x: &[f64]) -> Vec<f64> {
    let mut rewards = Rewards::default();
    reward.evaluate(&batch(x), &mut rewards).unwrap();
    rewards.total
}

#[test]
fn memory_lasts_an_episode() {
    let slot = MemorySlot {
        name: "sum".into(),
        dtype: DType::F64,
    };
    let with_memory = ModuleInterface {
        memory: vec![slot],
        ..interface(&[])
    };
    let mut reward = instance(&summing(), &with_memory);
    assert_eq!(
        total(&mut reward, &[1.0, 2.0, 3.0, 4.0, 5.0]),
        [1.0, 2.0, 3.0, 4.0, 5.0]
    );
    assert_eq!(total(&mut reward, &[1.0; 5]), [2.0, 3.0, 4.0, 5.0, 6.0]);
    reward.begin_episode(4);
    reward.begin_episode(1);
    reward.begin_episode(99); // no such environment
    assert_eq!(total(&mut reward, &[1.0; 5]), [3.0, 1.0, 5.0, 6.0, 1.0]);
    reward.begin_all_episodes();
    assert_eq!(total(&mut reward, &[1.0; 5]), [1.0; 5]);
    // A batch of another size is another batch, and so is the first one after it.
    assert_eq!(total(&mut reward, &[7.0; 2]), [7.0; 2]);
    assert_eq!(total(&mut reward, &[1.0; 5]), [1.0; 5]);
}

#[test]
fn instances_remember_apart() {
    let slot = MemorySlot {
        name: "sum".into(),
        dtype: DType::F64,
    };
    let with_memory = ModuleInterface {
        memory: vec![slot],
        ..interface(&[])
    };
    let (mut a, mut b) = (instance(&summing(), &with_memory), instance(&summing(), &with_memory));
    assert_eq!(total(&mut a, &[1.0]), [1.0]);
    assert_eq!(total(&mut b, &[5.0]), [5.0]);
    assert_eq!(total(&mut a, &[1.0]), [2.0]);
}

#[test]
fn a_fault_stops_with_its_message_and_place() {
    let at = Span {
        line: 7,
        column: 5,
        end_line: 7,
        end_column: 9,
    };
    let fault = |message: &str, at| Fault {
        message: message.into(),
        at,
    };
    let with_faults = ModuleInterface {
        faults: vec![fault("AssertionError: one", Some(at)), fault("two", None)],
        ..interface(&[])
    };
    let mut reward = instance(&faulting(), &with_faults);
    assert_eq!(total(&mut reward, &[0.0, 0.0]), [0.0, 0.0]);
    for (x, expected_at, expected_message) in [
        ([0.0, 1.0, 2.0], Some(at), "AssertionError: one"),
        ([0.0, 2.0, 1.0], None, "two"),
        ([0.0, 3.0, 1.0], None, "fault number 3"),
        ([0.0, -1.0, 1.0], None, "fault number -1"),
        ([0.0, 0.5, 1.0], None, "fault number 0.5"),
        ([0.0, f64::NAN, 1.0], None, "fault number NaN"),
        ([0.0, 1e300, 1.0], None, &format!("fault number {}", 1e300)),
    ] {
        let stop = reward.evaluate(&batch(&x), &mut Rewards::default()).unwrap_err();
        assert_eq!(stop.at, expected_at, "{x:?}");
        let StopCause::Raised {
            message,
            env_index,
            state,
        } = stop.cause
        else {
            panic!("{x:?}: {stop}");
        };
        assert_eq!((message.as_str(), env_index), (expected_message, 1));
        assert_eq!(state[0].0, "x");
        assert_eq!(state[0].1[0].to_bits(), x[1].to_bits());
    }
}
