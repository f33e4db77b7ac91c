//! Rollouts from a snapshot: they are what the environment itself would do, and know nothing of its future.

mod support;

use carrot_environment::{
    AfterEnd, Branch, BranchEnd, BranchRules, Branches, Engine, EnvSnapshot, MEASURES, Programs, Task, VecEnv,
};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_interface::{RewardSource, Stop, StopCause};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use support::{Cartpole, Files, Measures, actions, envs};

const UNPLAYED: Branch = Branch {
    total: 0.0,
    steps: 0,
    end: BranchEnd::Horizon,
};

fn rules(steps: usize) -> BranchRules {
    BranchRules {
        steps,
        discount: 1.0,
        after_end: AfterEnd::Zero,
    }
}

fn load(task: &Task, source: &str, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", &task.schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap()
}

/// Actions of a rollout at a step, which look random.
fn act(rollout: usize, step: usize, out: &mut [f32]) {
    out.copy_from_slice(&actions(rollout * 1_000 + step, out.len()));
}

fn play(branches: &mut Branches, start: &EnvSnapshot, rules: BranchRules, count: usize) -> Result<Vec<Branch>, Stop> {
    let mut played = vec![UNPLAYED; count];
    assert!(branches.play(start, rules, &act, &|| true, &mut played)?);
    Ok(played)
}

/// Programs of a shipped task.
fn programs(task: &Task) -> (LoadedReward, LoadedReward) {
    let human = std::fs::read_to_string(task.human_reward.clone().unwrap()).unwrap();
    (
        load(task, &task.program.0, Entry::Functions(&MEASURES)),
        load(task, &human, Entry::Reward),
    )
}

/// In both engines, with a reward that remembers something (quadruped/walk), and with episodes that end (hopper).
#[test]
fn a_rollout_is_what_the_environment_would_do() {
    for (id, engine) in [
        ("hopper/hop_forward", Engine::Mujoco),
        ("hopper/hop_forward", Engine::Rapier),
        ("quadruped/walk", Engine::Mujoco),
    ] {
        let task = Task::load(&envs(), id, engine).unwrap();
        let (measures, reward) = programs(&task);
        let programs = Programs {
            measures: &measures,
            reward: Some(&reward),
        };
        let mut env = VecEnv::new(&task, programs, 1, 3, 1).unwrap();
        for step in 0..9 {
            env.step(&actions(step, task.action_size())).unwrap();
        }
        let start = env.snapshot(0);
        assert_eq!((start.episode(), start.steps()), (1, 9));

        let (count, steps) = (5, 60);
        let mut expected = Vec::new();
        let mut action = vec![0.0; task.action_size()];
        for rollout in 0..count {
            env.restore(0, &start);
            let mut branch = UNPLAYED;
            for step in 0..steps {
                act(rollout, step, &mut action);
                let data = env.step(&action).unwrap();
                branch.total += data.rewards.total[0];
                branch.steps += 1;
                if data.terminated[0] {
                    branch.end = BranchEnd::Terminated;
                    break;
                }
            }
            expected.push(branch);
        }
        let ended = expected.iter().filter(|branch| branch.end == BranchEnd::Terminated);
        assert!(ended.count() > 0 || id != "hopper/hop_forward", "no episode ended");
        for threads in [1, 2, 8] {
            let mut branches = Branches::new(&task, programs, threads).unwrap();
            for _ in 0..2 {
                assert_eq!(
                    play(&mut branches, &start, rules(steps), count).unwrap(),
                    expected,
                    "{id} in {engine} on {threads} threads"
                );
            }
        }
        // Moment by moment as well.
        let mut branches = Branches::new(&task, programs, 1).unwrap();
        let moments = branches.moments(&start, 5, &|step, out: &mut [f32]| act(0, step, out));
        assert_eq!(moments.len(), 6);
        env.restore(0, &start);
        assert_eq!(moments[0].qpos, env.qpos(0));
        for (step, moment) in moments[1..].iter().enumerate() {
            act(0, step, &mut action);
            let ended = env.step(&action).unwrap().terminated[0];
            assert_eq!(moment.qpos, env.final_state(0)[0], "{id} in {engine}, step {step}");
            assert_eq!(moment.ctrl, env.ctrl(0), "{id} in {engine}, step {step}");
            if ended {
                break;
            }
        }
    }
}

/// A cartpole that is pushed before every step, and whose goal changes after each.
fn restless() -> Task {
    let files = Cartpole::new().edit(
        "env.toml",
        "[variable.time]",
        r#"[randomize]
mass = { scale = [0.8, 1.2] }
latency = { steps = [1, 2] }
push = { every_secs = [0.02, 0.02], joint = "slider", velocity = 0.5 }
[variable.goal]
source = { command = { low = -1.0, high = 1.0, every_secs = 0.02 } }
[variable.time]"#,
    );
    files.task()
}

#[test]
fn a_rollout_does_not_know_the_future() {
    let task = restless();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let goal = Measures::new(&task, |row| [row.get("goal"), 0.0, 0.0]);
    let programs = Programs {
        measures: &measures,
        reward: Some(&goal),
    };
    let mut env = VecEnv::new(&task, programs, 1, 7, 1).unwrap();
    env.step(&[0.3]).unwrap();
    let start = env.snapshot(0);
    let present = env.variables().columns[task.schema.index("goal").unwrap()][0];

    let mut branches = Branches::new(&task, programs, 1).unwrap();
    let played = play(&mut branches, &start, rules(4), 1).unwrap();
    assert_eq!(played[0].total, 4.0 * present, "the goal stays as it is");

    // The cart is not pushed: its velocity changes no faster than 10 N can make it, while a push may give 0.5 m/s.
    let still = |_: usize, out: &mut [f32]| out.fill(0.0);
    let moments = branches.moments(&start, 3, &still);
    let places: Vec<f64> = moments.iter().map(|moment| moment.qpos[0]).collect();
    env.restore(0, &start);
    let mut pushed = vec![env.qpos(0)[0]];
    for _ in 0..3 {
        env.step(&[0.0]).unwrap();
        pushed.push(env.qpos(0)[0]);
    }
    let jerk = |places: &[f64]| {
        let velocities: Vec<f64> = places.windows(2).map(|pair| (pair[1] - pair[0]) / 0.02).collect();
        velocities
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f64::max)
    };
    assert!(jerk(&places) < 0.1, "{places:?}");
    assert!(jerk(&pushed) > 0.1, "the environment itself is pushed: {pushed:?}");
}

/// Whoever plans in turns for two environments whose worlds differ gets the same as for each alone.
#[test]
fn each_snapshot_brings_its_own_world() {
    let task = restless();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let reward = Measures::new(&task, |row| [row.get("cart_velocity"), 0.0, 0.0]);
    let programs = Programs {
        measures: &measures,
        reward: Some(&reward),
    };
    let env = VecEnv::new(&task, programs, 2, 7, 1).unwrap();
    let starts = [env.snapshot(0), env.snapshot(1)];
    let alone = starts.each_ref().map(|start| {
        let mut branches = Branches::new(&task, programs, 1).unwrap();
        play(&mut branches, start, rules(10), 3).unwrap()
    });
    assert_ne!(alone[0], alone[1]);
    let mut branches = Branches::new(&task, programs, 1).unwrap();
    for turn in [0, 1, 1, 0] {
        assert_eq!(play(&mut branches, &starts[turn], rules(10), 3).unwrap(), alone[turn]);
    }
}

/// The episode ends after the third step; the rewards are -1, -2, -3 times a third of the time in steps.
#[test]
fn what_comes_after_the_end_counts_as_the_rules_say() {
    let task = Cartpole::new().task();
    let measures = Measures::new(&task, |row| [0.0, 0.0, f64::from(row.get("time") > 0.05)]);
    for (rule, discount, after_end, expected) in [
        (-1.0, 1.0, AfterEnd::Zero, -6.0),
        // The lowest was -3.
        (-1.0, 1.0, AfterEnd::Worst, -12.0),
        (1.0, 1.0, AfterEnd::Worst, 6.0),
        // -1 - 2/2 - 3/4, and then -3/8 - 3/16.
        (-1.0, 0.5, AfterEnd::Zero, -2.75),
        (-1.0, 0.5, AfterEnd::Worst, -3.3125),
    ] {
        let costs = Measures::new(&task, |row| [-(row.get("time") / 0.02).round(), 0.0, 0.0]);
        let gains = Measures::new(&task, |row| [(row.get("time") / 0.02).round(), 0.0, 0.0]);
        let programs = Programs {
            measures: &measures,
            reward: Some(if rule < 0.0 { &costs } else { &gains }),
        };
        let env = VecEnv::new(&task, programs, 1, 0, 1).unwrap();
        let mut branches = Branches::new(&task, programs, 2).unwrap();
        let rules = BranchRules {
            steps: 5,
            discount,
            after_end,
        };
        let played = play(&mut branches, &env.snapshot(0), rules, 2).unwrap();
        let branch = Branch {
            total: expected,
            steps: 3,
            end: BranchEnd::Terminated,
        };
        assert_eq!(played, [branch, branch], "{rule} {discount} {after_end:?}");
    }
}

#[test]
fn a_reward_that_is_no_number_is_an_error_of_the_first_rollout_that_has_it() {
    let task = Cartpole::new().task();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    for (bad, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let rule: support::Rule = if bad.is_nan() {
            |row| [if row.get("control") > 0.5 { f64::NAN } else { 0.0 }, 0.0, 0.0]
        } else {
            |row| [if row.get("control") > 0.5 { f64::INFINITY } else { 0.0 }, 0.0, 0.0]
        };
        let reward = Measures::new(&task, rule);
        let programs = Programs {
            measures: &measures,
            reward: Some(&reward),
        };
        let env = VecEnv::new(&task, programs, 1, 0, 1).unwrap();
        for threads in [1, 2, 8] {
            let mut branches = Branches::new(&task, programs, threads).unwrap();
            let stop = play(&mut branches, &env.snapshot(0), rules(20), 40).unwrap_err();
            let StopCause::NonFinite { term, value, .. } = &stop.cause else {
                panic!("{stop}")
            };
            assert_eq!((term.as_str(), value.as_str()), ("total", word));
            // And the next one is played as if nothing had been.
            let nothing = |_: usize, _: usize, out: &mut [f32]| out.fill(0.0);
            let mut played = [UNPLAYED; 3];
            let complete = branches.play(&env.snapshot(0), rules(20), &nothing, &|| true, &mut played);
            assert_eq!(complete, Ok(true));
            assert_eq!(played.map(|branch| branch.steps), [20; 3]);
        }
    }
}

/// A compiled program that stops names its line, whatever the number of threads.
#[test]
fn a_program_that_stops_is_an_error() {
    let task = Cartpole::new().task();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let source = "def compute_dense_reward(self, action):\n    assert self.time < 0.1, 'too late'\n    return 1.0\n";
    let reward = load(&task, source, Entry::Reward);
    let programs = Programs {
        measures: &measures,
        reward: Some(&reward),
    };
    let env = VecEnv::new(&task, programs, 1, 0, 1).unwrap();
    for threads in [1, 2] {
        let mut branches = Branches::new(&task, programs, threads).unwrap();
        let stop = play(&mut branches, &env.snapshot(0), rules(20), 8).unwrap_err();
        assert!(stop.to_string().contains("program.py:2:"), "{stop}");
        assert!(stop.to_string().contains("too late"), "{stop}");
        // Short rollouts never get there.
        let fine = play(&mut branches, &env.snapshot(0), rules(3), 8).unwrap();
        assert!(fine.iter().all(|branch| branch.total == 3.0), "{fine:?}");
    }
}

/// A motor that can throw the mass out of any domain of physics.
const CANNON: &str = r#"<mujoco><option timestep="0.01"/><worldbody><body>
  <joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/>
</body></worldbody><actuator><motor joint="x" gear="1e13" ctrlrange="-1 1"/></actuator></mujoco>"#;

const CANNON_ENV: &str = "[control]\nsubsteps = 1\n[variable.x]\nsource = { joint_position = [\"x\"] }\n";
const PLAIN_TASK: &str = "version = 1\ninstruction = \"a\"\nhorizon = 100\nobservation = [\"x\"]\n\
    [fitness]\naggregate = \"last\"\n[success]\naggregate = \"last\"\n";

#[test]
fn what_diverges_is_worth_minus_infinity_and_the_world_recovers() {
    let task = Files::of(CANNON, CANNON_ENV, PLAIN_TASK).task();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let reward = Measures::new(&task, |_| [1.0, 0.0, 0.0]);
    let programs = Programs {
        measures: &measures,
        reward: Some(&reward),
    };
    let env = VecEnv::new(&task, programs, 1, 0, 1).unwrap();
    // The odd rollouts fire at their third step; an action that is no number is no better.
    let act = |rollout: usize, step: usize, out: &mut [f32]| {
        out[0] = match (rollout % 2, step) {
            (1, 2) if rollout == 5 => f32::NAN,
            (1, 2..) => 1.0,
            _ => 0.0,
        };
    };
    for threads in [1, 3] {
        let mut branches = Branches::new(&task, programs, threads).unwrap();
        let mut played = [UNPLAYED; 9];
        branches
            .play(&env.snapshot(0), rules(10), &act, &|| true, &mut played)
            .unwrap();
        for (rollout, branch) in played.iter().enumerate() {
            let (total, end) = match rollout % 2 {
                0 => (10.0, BranchEnd::Horizon),
                _ => (f64::NEG_INFINITY, BranchEnd::Diverged),
            };
            assert_eq!((branch.total, branch.end), (total, end), "rollout {rollout}");
        }
        assert_eq!(played[5].steps, 2, "an action that is no number is never played");
    }
}

#[test]
fn whoever_says_stop_gets_no_result() {
    let task = Cartpole::new().task();
    let nothing = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let programs = Programs {
        measures: &nothing,
        reward: Some(&nothing),
    };
    let env = VecEnv::new(&task, programs, 1, 0, 1).unwrap();
    let mut branches = Branches::new(&task, programs, 2).unwrap();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let go_on = || asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 5;
    let mut played = vec![UNPLAYED; 20];
    assert_eq!(
        branches.play(&env.snapshot(0), rules(3), &act, &go_on, &mut played),
        Ok(false)
    );
    assert!(
        Branches::new(&task, nothing.programs(), 1).is_err(),
        "there is no reward to judge by"
    );
}

/// A snapshot from under another reward: what that one remembered means nothing to this one.
#[test]
fn another_reward_begins_without_the_memory_of_the_first() {
    let task = Cartpole::new().task();
    let measures = Measures::new(&task, |_| [0.0, 0.0, 0.0]);
    let counting = |start: f64| {
        format!(
            "def compute_reward(self, time: Tensor):\n    if not hasattr(self, 'count'):\n        self.count = torch.zeros_like(time) + {start}\n    self.count = self.count + 1.0\n    return self.count, {{'count': self.count}}\n"
        )
    };
    let [first, second] = [0.0, 100.0].map(|start| load(&task, &counting(start), Entry::Reward));
    let programs = |reward| Programs {
        measures: &measures,
        reward: Some(reward as &dyn RewardSource),
    };
    let mut env = VecEnv::new(&task, programs(&first), 1, 0, 1).unwrap();
    for _ in 0..3 {
        env.step(&[0.0]).unwrap();
    }
    let start = env.snapshot(0);
    let mut branches = Branches::new(&task, programs(&first), 1).unwrap();
    assert_eq!(
        play(&mut branches, &start, rules(1), 1).unwrap()[0].total,
        4.0,
        "it goes on"
    );
    let judge = branches.judges().judge(&second).unwrap();
    let before = branches.replace_judge(judge);
    for _ in 0..2 {
        assert_eq!(
            play(&mut branches, &start, rules(1), 1).unwrap()[0].total,
            101.0,
            "it begins"
        );
    }
    branches.replace_judge(before);
    assert_eq!(play(&mut branches, &start, rules(1), 1).unwrap()[0].total, 4.0);
}
