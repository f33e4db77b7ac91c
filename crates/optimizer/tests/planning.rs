//! Planners against what is known: a plain reference, the solution of a linear-quadratic problem, and programs and worlds that fail.

mod reference_planner;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use carrot_environment::{AfterEnd, Engine, MEASURES, Programs, Task, VecEnv};
use carrot_optimizer::{Interpolation, LivePlanner, PlanError, PlanSettings, Planner, PlannerKind};
use carrot_reward_compiler::{Entry, compile};
use carrot_reward_sandbox::{Limits, LoadedReward, Origin, Sandbox};
use reference_planner::ReferencePlanner;

const PLANNERS: [PlannerKind; 3] = [PlannerKind::Sampling, PlannerKind::Mppi, PlannerKind::Cem];

/// A task with its compiled programs.
struct Prepared {
    task: Task,
    measures: LoadedReward,
    reward: LoadedReward,
    _files: Option<tempfile::TempDir>,
}

fn load(task: &Task, source: &str, entry: Entry<'_>) -> LoadedReward {
    let compiled = compile(source, "program.py", &task.schema, entry);
    let module = compiled.module.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let sandbox = Sandbox::new(Limits::default()).unwrap();
    sandbox.load(&module.wasm, Origin::Compiled, &task.schema).unwrap()
}

impl Prepared {
    fn shipped(id: &str) -> Self {
        let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
        let task = Task::load(&envs, id, Engine::Mujoco).unwrap();
        let human: PathBuf = task.human_reward.clone().unwrap();
        let human = std::fs::read_to_string(human).unwrap();
        Self::new(task, &human, None)
    }

    /// A model with a task of its own, whose program is `task_program`.
    fn of([model, env, task, task_program]: [&str; 4], reward: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let dir = files.path().join("envs/world");
        std::fs::create_dir_all(dir.join("tasks/task")).unwrap();
        for (file, text) in [
            ("model.xml", model),
            ("env.toml", env),
            ("tasks/task/task.toml", task),
            ("tasks/task/task.py", task_program),
        ] {
            std::fs::write(dir.join(file), text).unwrap();
        }
        let task = Task::load(&files.path().join("envs"), "world/task", Engine::Mujoco).unwrap();
        Self::new(task, reward, Some(files))
    }

    fn new(task: Task, reward: &str, files: Option<tempfile::TempDir>) -> Self {
        Self {
            measures: load(&task, &task.program.0, Entry::Functions(&MEASURES)),
            reward: load(&task, reward, Entry::Reward),
            task,
            _files: files,
        }
    }

    fn programs(&self) -> Programs<'_> {
        Programs {
            measures: &self.measures,
            reward: Some(&self.reward),
        }
    }

    fn env(&self, seed: u64) -> VecEnv {
        VecEnv::new(&self.task, self.programs(), 1, seed, 1).unwrap()
    }

    fn planner(&self, settings: &PlanSettings, seed: u64, threads: usize) -> Planner {
        Planner::new(&self.task, self.programs(), settings, seed, threads).unwrap()
    }
}

fn go_on() -> bool {
    true
}

#[test]
fn plans_are_those_of_the_reference() {
    let hopper = Prepared::shipped("hopper/hop_forward");
    let interpolations = [Interpolation::Cubic, Interpolation::Linear, Interpolation::Zero];
    for (planner, interpolation) in PLANNERS.into_iter().zip(interpolations) {
        let settings = PlanSettings {
            planner,
            interpolation,
            knots: 4,
            rollouts: 12,
            elites: 3,
            iterations: 2,
            noise: 0.5,
            discount: 0.98,
            temperature: 0.5,
            horizon_secs: 0.5,
            replan_every: 2,
            after_end: AfterEnd::Worst,
            ..PlanSettings::default()
        };
        let (mut env, mut sandbox) = (hopper.env(5), hopper.env(5));
        let mut fast = hopper.planner(&settings, 11, 2);
        let mut plain = ReferencePlanner::new(&settings, 3, 11);
        for turn in 0..4 {
            let start = env.snapshot(0);
            fast.plan(&start, &go_on).unwrap();
            plain.plan(&mut sandbox, &start);
            let knots: Vec<f64> = plain.knots.concat();
            for (place, (fast, plain)) in fast.knots().iter().zip(&knots).enumerate() {
                // The reference takes logarithm and sine from the standard library.
                assert!(
                    (fast - plain).abs() < 1e-4,
                    "{planner:?} {interpolation:?}, plan {turn}, number {place}: {fast} and {plain}"
                );
            }
            for step in 0..settings.replan_every {
                let mut action = [0.0; 3];
                fast.action(step, &mut action);
                let expected = plain.action(step, 25);
                assert!(action.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4));
                env.step(&action).unwrap();
            }
        }
    }
}

#[test]
fn plans_do_not_depend_on_threads() {
    let hopper = Prepared::shipped("hopper/hop_forward");
    for planner in PLANNERS {
        let settings = PlanSettings {
            planner,
            rollouts: 17,
            elites: 4,
            iterations: 2,
            ..PlanSettings::default()
        };
        let driven = |seed: u64, threads: usize| -> Vec<f64> {
            let mut env = hopper.env(3);
            let mut plan = hopper.planner(&settings, seed, threads);
            let mut action = [0.0; 3];
            let mut done = Vec::new();
            for _ in 0..6 {
                let prospect = plan.plan(&env.snapshot(0), &go_on).unwrap();
                plan.action(0, &mut action);
                env.step(&action).unwrap();
                done.extend(plan.knots());
                done.push(prospect.best);
                done.push(prospect.nominal);
            }
            done
        };
        let first = driven(1, 1);
        assert_eq!(first, driven(1, 2), "{planner:?}");
        assert_eq!(first, driven(1, 8), "{planner:?}");
        assert_ne!(first, driven(2, 1), "{planner:?}");
    }
}

/// A mass of 1 kg on a rail, pushed with up to 10 N, in steps of 0.05 s.
const POINT_MASS: [&str; 4] = [
    r#"<mujoco><option timestep="0.05" gravity="0 0 0"/><worldbody><body>
  <joint name="x" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/>
</body></worldbody><actuator><motor joint="x" gear="10" ctrlrange="-1 1"/></actuator></mujoco>"#,
    "[control]\nsubsteps = 1\n\
     [variable.x]\nsource = { joint_position = [\"x\"] }\n[variable.v]\nsource = { joint_velocity = [\"x\"] }\n\
     [variable.control]\nshape = [1]\nsource = \"control\"\n[variable.time]\nsource = \"time\"\n",
    "version = 1\ninstruction = \"Stay.\"\nhorizon = 1000\nobservation = [\"x\"]\n[fitness]\naggregate = \"last\"\n\
     [success]\naggregate = \"last\"\n[reset.joint.x]\nposition = { low = 0.6, high = 0.6 }\nvelocity = { low = -1.0, high = -1.0 }\n",
    "def fitness(x): return 0.0 * x\ndef success(x): return x > 1e9\ndef terminated(x): return x > 1e9\n",
];

/// The cost x² + 0.1 v² + 0.5 u² of the state after each step and of the action that led there.
const QUADRATIC: &str = "def compute_reward(x: Tensor, v: Tensor, control: Tensor):\n    \
    cost = torch.square(x) + 0.1 * torch.square(v) + 0.5 * torch.square(control[:, 0])\n    return -cost, {'cost': -cost}\n";

/// Riccati's recursion for this problem: the feedback gains of every step, the first first, and the matrix of the cost to go.
fn riccati(steps: usize) -> (Vec<[f64; 2]>, [[f64; 2]; 2]) {
    let (dt, push, weight) = (0.05, 10.0, 0.5);
    // v' = v + dt·push·u and x' = x + dt·v'.
    let a = [[1.0, dt], [0.0, 1.0]];
    let b = [dt * dt * push, dt * push];
    let mut p = [[0.0; 2]; 2];
    let mut gains = Vec::new();
    for _ in 0..steps {
        let s = [[p[0][0] + 1.0, p[0][1]], [p[1][0], p[1][1] + 0.1]];
        let sb = [0, 1].map(|i| s[i][0] * b[0] + s[i][1] * b[1]);
        let bsb = b[0] * sb[0] + b[1] * sb[1];
        let bsa = [0, 1].map(|j| sb[0] * a[0][j] + sb[1] * a[1][j]);
        let gain = bsa.map(|number| number / (weight + bsb));
        let mut next = [[0.0; 2]; 2];
        for i in 0..2 {
            for j in 0..2 {
                let asa: f64 = (0..2)
                    .flat_map(|k| (0..2).map(move |l| (k, l)))
                    .map(|(k, l)| a[k][i] * s[k][l] * a[l][j])
                    .sum();
                next[i][j] = asa - bsa[i] * gain[j];
            }
        }
        p = next;
        gains.push(gain);
    }
    gains.reverse();
    (gains, p)
}

#[test]
fn planners_find_the_optimum_of_a_linear_quadratic_problem() {
    let world = Prepared::of(POINT_MASS, QUADRATIC);
    let steps = 12;
    let start = [0.6, -1.0];
    let (gains, cost_to_go) = riccati(steps);
    let optimum: f64 = (0..2)
        .flat_map(|i| (0..2).map(move |j| (i, j)))
        .map(|(i, j)| start[i] * cost_to_go[i][j] * start[j])
        .sum();
    for (planner, noise, within) in [
        (PlannerKind::Cem, 0.4, 1.002),
        (PlannerKind::Mppi, 0.1, 1.01),
        (PlannerKind::Sampling, 0.05, 1.02),
    ] {
        let settings = PlanSettings {
            planner,
            noise,
            horizon_secs: 0.6,
            knots: steps,
            interpolation: Interpolation::Zero,
            rollouts: 100,
            iterations: 60,
            elites: 10,
            noise_floor: 0.002,
            temperature: 0.2,
            ..PlanSettings::default()
        };
        for seed in 0..3 {
            let env = world.env(seed);
            let mut plan = world.planner(&settings, seed, 2);
            let prospect = plan.plan(&env.snapshot(0), &go_on).unwrap();
            let cost = -prospect.best;
            // f32 rewards: a few 1e-7 of the whole.
            assert!(
                cost > optimum * (1.0 - 1e-6) && cost < optimum * within,
                "{planner:?}, seed {seed}: {cost}, and the least is {optimum}"
            );
            let mut action = [0.0];
            plan.action(0, &mut action);
            let expected = -(gains[0][0] * start[0] + gains[0][1] * start[1]);
            assert!(
                (f64::from(action[0]) - expected).abs() < 0.06,
                "{planner:?}, seed {seed}: action {}, and the best is {expected}",
                action[0]
            );
        }
    }
}

/// Every step planned anew, warm-started, with few rollouts: not worse than a few percent above the receding Riccati solution.
#[test]
fn a_closed_loop_follows_the_riccati_solution() {
    let world = Prepared::of(POINT_MASS, QUADRATIC);
    let (gains, _) = riccati(12);
    let cost = |x: f64, v: f64, u: f64| x * x + 0.1 * v * v + 0.5 * u * u;
    let (mut x, mut v, mut best) = (0.6, -1.0, 0.0);
    for _ in 0..40 {
        let u = -(gains[0][0] * x + gains[0][1] * v);
        v += 0.05 * 10.0 * u;
        x += 0.05 * v;
        best += cost(x, v, u);
    }
    for (planner, within) in [
        (PlannerKind::Cem, 1.05),
        (PlannerKind::Mppi, 1.05),
        (PlannerKind::Sampling, 1.10),
    ] {
        let settings = PlanSettings {
            planner,
            noise: 0.08,
            horizon_secs: 0.6,
            knots: 6,
            interpolation: Interpolation::Linear,
            rollouts: 40,
            iterations: 2,
            elites: 6,
            ..PlanSettings::default()
        };
        let mut env = world.env(0);
        let mut plan = world.planner(&settings, 0, 2);
        let (mut action, mut total) = ([0.0], 0.0);
        for _ in 0..40 {
            plan.plan(&env.snapshot(0), &go_on).unwrap();
            plan.action(0, &mut action);
            total -= env.step(&action).unwrap().rewards.total[0];
        }
        assert!(total < best * within, "{planner:?}: {total}, Riccati {best}");
    }
}

/// A reward that is no number, or a program that stops, is an error; the plan before stays.
#[test]
fn a_reward_that_stops_is_an_error_and_never_a_plan() {
    for (source, expected) in [
        (
            "def compute_reward(x: Tensor):\n    return torch.sqrt(x - 0.55), {}\n",
            "is NaN",
        ),
        (
            "def compute_dense_reward(self, action):\n    assert self.time < 0.3, 'too late'\n    return 0.0\n",
            "too late",
        ),
    ] {
        let world = Prepared::of(POINT_MASS, source);
        let settings = PlanSettings {
            horizon_secs: 0.6,
            ..PlanSettings::default()
        };
        let mut plan = world.planner(&settings, 0, 2);
        let before = plan.knots().to_vec();
        let error = plan.plan(&world.env(0).snapshot(0), &go_on).unwrap_err();
        assert!(
            matches!(&error, PlanError::Stopped(stop) if stop.to_string().contains(expected)),
            "{error}"
        );
        assert_eq!(plan.knots(), before);
    }
}

/// A world that half of all candidates throw out of physics: those never count, and where all do, the plan stays.
#[test]
fn diverging_rollouts_never_win() {
    let model = POINT_MASS[0]
        .replace("gear=\"10\"", "gear=\"1e13\"")
        .replace("timestep=\"0.05\"", "timestep=\"0.01\"");
    let cannon = [model.as_str(), POINT_MASS[1], POINT_MASS[2], POINT_MASS[3]];
    let world = Prepared::of(
        cannon,
        "def compute_reward(control: Tensor):\n    u = control[:, 0]\n    return u, {'u': u}\n",
    );
    for planner in PLANNERS {
        let settings = PlanSettings {
            planner,
            horizon_secs: 0.05,
            knots: 2,
            rollouts: 20,
            ..PlanSettings::default()
        };
        let mut plan = world.planner(&settings, 0, 2);
        let prospect = plan.plan(&world.env(0).snapshot(0), &go_on).unwrap();
        // Only the first, which does nothing, survives.
        assert_eq!((prospect.diverged, prospect.best), (19, 0.0), "{planner:?}");
        assert!(
            plan.knots().iter().all(|&number| number == 0.0),
            "{planner:?}: {:?}",
            plan.knots()
        );
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let world = Prepared::of(POINT_MASS, QUADRATIC);
    for (settings, expected) in [
        (
            PlanSettings {
                rollouts: 1,
                ..PlanSettings::default()
            },
            "`rollouts` is 1",
        ),
        (
            PlanSettings {
                rollouts: 100_000,
                knots: 1000,
                ..PlanSettings::default()
            },
            "too many; choose fewer `rollouts` or `knots`",
        ),
    ] {
        let error = Planner::new(&world.task, world.programs(), &settings, 0, 1)
            .err()
            .unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

fn within_seconds<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_live_planner_takes_states_and_rewards_while_it_runs() {
    let world = Prepared::of(POINT_MASS, QUADRATIC);
    let settings = PlanSettings {
        horizon_secs: 0.5,
        noise: 0.2,
        ..PlanSettings::default()
    };
    let live = LivePlanner::start(world.planner(&settings, 0, 2)).unwrap();
    assert!(live.plan().is_none(), "nobody has said where the world stands");
    let mut env = world.env(0);
    live.tell(env.snapshot(0));
    let first = live.wait(|plan, _| plan.cloned()).unwrap();
    assert_eq!((first.begins, first.reward, first.actions.len()), ((1, 0), 0, 10));
    // Plans go on while the world does.
    for _ in 0..3 {
        env.step(live.plan().unwrap().action(0)).unwrap();
    }
    live.tell(env.snapshot(0));
    let later = live
        .wait(|plan, _| plan.filter(|plan| plan.begins.1 == 3).cloned())
        .unwrap();
    assert_eq!(later.action(2), later.action(3), "before a plan its first action holds");
    assert_eq!(later.action(12), later.action(1_000), "after it its last");

    // Another reward: to the right as hard as possible.
    let right = load(
        &world.task,
        "def compute_reward(x: Tensor):\n    return x, {'x': x}\n",
        Entry::Reward,
    );
    let number = live.set_reward(&right).unwrap();
    live.wait(|plan, _| plan.filter(|plan| plan.reward == number).cloned())
        .unwrap();
    let eager = within_seconds("a plan to the right", || {
        live.plan().filter(|plan| plan.action(3)[0] > 0.8)
    });
    assert_eq!(eager.reward, 1);

    // One that stops: it is said, and the one before goes on.
    let broken = load(
        &world.task,
        "def compute_dense_reward(self, action):\n    assert self.time < 0.0, 'never'\n    return 0.0\n",
        Entry::Reward,
    );
    let refused = live.set_reward(&broken).unwrap();
    assert_eq!(refused, 2);
    let stop = live
        .wait(|_, status| status.refused.clone().filter(|(number, _)| *number == refused))
        .unwrap()
        .1;
    assert!(stop.to_string().contains("never"), "{stop}");
    let plans = live.status().plans;
    env.step(&[0.0]).unwrap();
    live.tell(env.snapshot(0));
    let after = live
        .wait(|plan, status| plan.filter(|_| status.plans > plans).cloned())
        .unwrap();
    assert_eq!((after.reward, live.status().reward), (1, 1));
    drop(live);
}

/// Without a reward to go back to, a planner rests until another comes; dropping it in any condition ends its thread.
#[test]
fn a_live_planner_whose_first_reward_stops_waits_for_another() {
    let world = Prepared::of(
        POINT_MASS,
        "def compute_dense_reward(self, action):\n    assert self.time < 0.0, 'never'\n    return 0.0\n",
    );
    let live = LivePlanner::start(world.planner(&PlanSettings::default(), 0, 1)).unwrap();
    live.tell(world.env(0).snapshot(0));
    live.wait(|_, status| status.refused.clone()).unwrap();
    let fine = load(&world.task, QUADRATIC, Entry::Reward);
    let number = live.set_reward(&fine).unwrap();
    let plan = live.wait(|plan, _| plan.cloned()).unwrap();
    assert_eq!(plan.reward, number);
    drop(live);
    // In the middle of a plan that would take minutes.
    let endless = PlanSettings {
        rollouts: 5_000,
        iterations: 500,
        ..PlanSettings::default()
    };
    let live = LivePlanner::start(world.planner(&endless, 0, 1)).unwrap();
    live.tell(world.env(0).snapshot(0));
    std::thread::sleep(Duration::from_millis(50));
    let clock = Instant::now();
    drop(live);
    assert!(clock.elapsed() < Duration::from_secs(10));
}
