//! A step allocates nothing once it has warmed up, resets included.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use carrot_environment::{
    AfterEnd, Branch, BranchEnd, BranchRules, Branches, Engine, MEASURES, Programs, Task, VecEnv,
};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use support::{actions, envs, restless};

/// Counts what all threads allocate.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: hands everything to the system's allocator unchanged.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn load(task: &Task, source: &str, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", &task.schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap()
}

// One test only: another one beside it would allocate too.
#[test]
fn steps_allocate_nothing() {
    let shipped = ["hopper/hop_forward", "ant/run_forward", "cartpole/balance"].map(|id| {
        let task = Task::load(&envs(), id, Engine::Mujoco).unwrap();
        let human = std::fs::read_to_string(task.human_reward.clone().unwrap()).unwrap();
        (id, task, human)
    });
    let human = shipped[2].2.clone();
    for (id, task, human) in shipped
        .into_iter()
        .chain([("everything at once", restless(Engine::Mujoco), human)])
    {
        let measures = load(&task, &task.program.0, Entry::Functions(&MEASURES));
        let reward = load(&task, &human, Entry::Reward);
        let programs = Programs {
            measures: &measures,
            reward: Some(&reward),
        };
        let n_envs = 16;
        let actions: Vec<Vec<f32>> = (0..250)
            .map(|step| actions(step, n_envs * task.action_size()))
            .collect();
        let mut env = VecEnv::new(&task, programs, n_envs, 1, 2).unwrap();
        let mut ended = 0;
        let mut play = |env: &mut VecEnv, actions: &[Vec<f32>]| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for actions in actions {
                ended += env.step(actions).unwrap().episodes.len();
            }
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        play(&mut env, &actions[..50]);
        let allocations = play(&mut env, &actions[50..]);
        assert_eq!(allocations, 0, "{id}: in 200 steps of {n_envs} environments");
        // The ant seldom falls.
        assert!(
            ended > 0 || id.starts_with("ant/"),
            "{id}: no episode ended, so that no reset was seen"
        );

        let mut env = VecEnv::new(&task, programs, n_envs, 1, 1).unwrap();
        let mut play = |steps: usize| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            env.run(steps, &|turn, out| {
                let at = turn.first_env * task.action_size();
                out.copy_from_slice(&actions[turn.step][at..at + out.len()]);
                Ok(())
            })
            .unwrap();
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        play(50);
        // What a run allocates once (its threads) does not grow with its steps.
        let (short, long) = (play(10), play(200));
        assert_eq!(short, long, "{id}: each block on its own");

        // A rollout from a snapshot allocates no more for more steps.
        let start = VecEnv::new(&task, programs, 1, 1, 1).unwrap().snapshot(0);
        let mut branches = Branches::new(&task, programs, 1).unwrap();
        let mut play = |steps: usize| {
            let rules = BranchRules {
                steps,
                discount: 0.99,
                after_end: AfterEnd::Worst,
            };
            let unplayed = Branch {
                total: 0.0,
                steps: 0,
                end: BranchEnd::Horizon,
            };
            let mut played = [unplayed; 4];
            let act = |rollout: usize, _: usize, out: &mut [f32]| out.fill(0.01 * rollout as f32);
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            branches.play(&start, rules, &act, &|| true, &mut played).unwrap();
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            (allocations, played.map(|branch| branch.steps).iter().sum::<usize>())
        };
        play(30);
        let (few, long) = (play(2), play(12));
        assert!(long.1 > few.1, "{id}: {long:?}");
        assert_eq!(few.0, long.0, "{id}: rollouts from a snapshot");
    }
}
