//! Lockstep, blocks on their own, threads, snapshots: how environments are stepped must not show in what they do.

mod support;

use std::sync::Mutex;

use carrot_environment::{Engine, MEASURES, Programs, Task, VecEnv};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use support::{actions, envs};

fn hopper() -> Task {
    hopper_in(Engine::Mujoco)
}

fn hopper_in(engine: Engine) -> Task {
    Task::load(&envs(), "hopper/hop_forward", engine).unwrap()
}

fn load(task: &Task, source: &str, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", &task.schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap()
}

/// The task's own program, and a reward that remembers: the change of height since the step before.
fn programs(task: &Task) -> (LoadedReward, LoadedReward) {
    let reward = "class Robot:\n    def compute_dense_reward(self, action):\n        \
         rise = self.torso_height - self.prev if hasattr(self, 'prev') else 0.0\n        \
         self.prev = self.torso_height\n        return rise + self.torso_x\n";
    (
        load(task, &task.program.0, Entry::Functions(&MEASURES)),
        load(task, reward, Entry::Reward),
    )
}

fn together((measures, reward): &(LoadedReward, LoadedReward)) -> Programs<'_> {
    Programs {
        measures,
        reward: Some(reward),
    }
}

/// What a step says of one environment, as bits.
type Seen = (Vec<u32>, u64, bool, bool);

fn seen(data: &carrot_environment::StepData, index: usize, size: usize) -> Seen {
    (
        data.observations[index * size..(index + 1) * size]
            .iter()
            .map(|value| value.to_bits())
            .collect(),
        data.rewards.total[index].to_bits(),
        data.terminated[index],
        data.truncated[index],
    )
}

#[test]
fn blocks_on_their_own_do_what_lockstep_does() {
    let task = hopper();
    let programs = programs(&task);
    let (n_envs, steps) = (37, 90);
    let (size, action_size) = (task.observation_size(), task.action_size());
    let mut lockstep = VecEnv::new(&task, together(&programs), n_envs, 4, 2).unwrap();
    let mut expected: Vec<Vec<Seen>> = vec![Vec::new(); n_envs];
    let mut ended = 0;
    for step in 0..steps {
        let data = lockstep.step(&actions(step, n_envs * action_size)).unwrap();
        ended += data.episodes.len();
        for (index, seen_so_far) in expected.iter_mut().enumerate() {
            seen_so_far.push(seen(data, index, size));
        }
    }
    assert!(ended > n_envs, "only {ended} episodes ended");
    for threads in [1, 2, 8] {
        let mut env = VecEnv::new(&task, together(&programs), n_envs, 4, threads).unwrap();
        let got: Vec<Mutex<Vec<Seen>>> = (0..n_envs).map(|_| Mutex::default()).collect();
        env.run(steps, &|turn, out| {
            let all = actions(turn.step, n_envs * action_size);
            out.copy_from_slice(&all[turn.first_env * action_size..][..out.len()]);
            for index in (0..turn.data.terminated.len()).filter(|_| turn.step > 0) {
                let mut got = got[turn.first_env + index].lock().unwrap();
                got.push(seen(turn.data, index, size));
            }
            Ok(())
        })
        .unwrap();
        let got: Vec<Vec<Seen>> = got.into_iter().map(|seen| seen.into_inner().unwrap()).collect();
        assert!(got == expected, "{threads} threads");
    }
}

#[test]
fn a_program_over_the_whole_batch_is_not_cut_into_blocks() {
    let task = hopper();
    let (measures, _) = programs(&task);
    let reward = "def compute_reward(torso_x: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n    \
                  lead = torso_x - torso_x.mean()\n    return lead, {\"lead\": lead}\n";
    let programs = (measures, load(&task, reward, Entry::Reward));
    // It sees everyone, whatever the number of threads and however it is stepped.
    let mut env = VecEnv::new(&task, together(&programs), 8, 0, 2).unwrap();
    let first = actions(0, 8 * task.action_size());
    let data = env.step(&first).unwrap().clone();
    env.reset().unwrap();
    env.run(1, &|turn, out| {
        assert_eq!((turn.block, turn.data.terminated.len()), (0, 8));
        out.copy_from_slice(&first);
        Ok(())
    })
    .unwrap();
    assert_eq!(env.step_data().rewards, data.rewards);
    let sum: f64 = data.rewards.total.iter().sum();
    assert!(sum.abs() < 1e-6, "{:?}", data.rewards.total);
    assert!(data.rewards.total.iter().any(|lead| lead.abs() > 1e-6));
}

#[test]
fn a_snapshot_in_the_middle_of_an_episode_repeats_what_followed() {
    Engine::ALL.into_iter().for_each(a_snapshot_repeats_what_followed);
}

fn a_snapshot_repeats_what_followed(engine: Engine) {
    let task = hopper_in(engine);
    let programs = programs(&task);
    let n_envs = 3;
    let width = n_envs * task.action_size();
    let mut env = VecEnv::new(&task, together(&programs), n_envs, 9, 2).unwrap();
    let play = |env: &mut VecEnv, from: usize| -> Vec<Seen> {
        let size = env.task().observation_size();
        // Long enough for several ends of episodes, and so for their random starts.
        (from..from + 80)
            .map(|step| seen(env.step(&actions(step, width)).unwrap(), 1, size))
            .collect()
    };
    for step in 0..7 {
        env.step(&actions(step, width)).unwrap();
    }
    let snapshot = env.snapshot(1);
    let followed = play(&mut env, 7);
    assert!(
        followed.iter().filter(|seen| seen.2 || seen.3).count() > 1,
        "no episode ended"
    );
    env.restore(1, &snapshot);
    assert_eq!(play(&mut env, 7), followed, "{engine}, in the same environment");
    // In an environment that has done other things, with instances of its own.
    let mut other = VecEnv::new(&task, together(&programs), n_envs, 9, 1).unwrap();
    other.step(&vec![1.0; width]).unwrap();
    other.restore(1, &snapshot);
    assert_eq!(play(&mut other, 7), followed, "{engine}, in another one");
    assert_eq!(snapshot, snapshot.clone());
}
