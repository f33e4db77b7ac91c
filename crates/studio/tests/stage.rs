//! The live world: what each of its moments is, so that feedback is about what a person saw, and how it takes orders.

mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::{Engine, Task, VecEnv};
use carrot_optimizer::{Algorithm, Policy};
use carrot_physics::{Pull, Push};
use carrot_run_record::{Behaviour, Candidate, Driver, Outcome, Program, text_hash};
use carrot_studio::compiler::{FreshReward, OpenTask, TaskChoice};
use carrot_studio::opinion::Opinion;
use carrot_studio::panels::behaviour_at;
use carrot_studio::stage::{Drive, Order, Stage, StageStatus};
use carrot_studio::timeline::{End, Moment, Mover, NoBehaviour, Stretch, Timeline};
use carrot_workbench::{ProgramBody, ProgramBytes, Workbench};

const TASK: &str = "cartpole/balance";

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps the pole up.
const UPRIGHT: &str = "import torch


def compute_reward(pole_angle):
    upright = 1.0 - torch.square(pole_angle)
    return upright, {\"upright\": upright}
";

/// Another one, with a term of another name.
const FAST: &str = "import torch


def compute_reward(cart_velocity):
    fast = torch.abs(cart_velocity)
    return fast, {\"fast\": fast}
";

/// Is no number as soon as anything moves faster than a person would notice, as it does in every plan.
const STOPS: &str = "import torch


def compute_reward(pole_velocity):
    calm = torch.log(1.0e-6 - torch.abs(pole_velocity))
    return calm, {\"calm\": calm}
";

// ---- What a moment is ----

fn moment(step: usize) -> Moment {
    Moment {
        step,
        qpos: Vec::new(),
        qvel: Vec::new(),
        ctrl: Vec::new(),
        mocap: Vec::new(),
        variables: Vec::new(),
        total: None,
        terms: Vec::new(),
    }
}

fn timeline(newest: usize, stretches: &[(usize, &str, Mover)]) -> Timeline {
    let stretch = |(step, program, by): &(usize, &str, Mover)| Stretch {
        step: *step,
        program: text_hash(program).into(),
        by: by.clone(),
        terms: Arc::new([]),
    };
    Timeline {
        seed: 7,
        moments: (0..=newest).map(moment).collect(),
        stretches: stretches.iter().map(stretch).collect(),
        ..Timeline::default()
    }
}

#[test]
fn feedback_is_about_what_was_seen() {
    use Driver::{Plan, Policy};
    use NoBehaviour::{NotBegun, NothingMoves};
    let policy = || Mover::Policy {
        program: text_hash("trained on").into(),
        name: "g0c1".into(),
    };
    // The person turned a number at step 39 while a plan was acted on, had a policy move the robot at 59, then nothing, then a plan.
    // A stretch names the program that its mover follows, so that of a policy is the one that it was trained on.
    let stretches = [
        (1, "before", Mover::Plan),
        (40, "after", Mover::Plan),
        (60, "trained on", policy()),
        (80, "after", Mover::Nothing),
        (90, "after", Mover::Plan),
    ];
    let candidates = ["trained on", "after", "trained on"];
    let candidates: Vec<Candidate> = (0..)
        .zip(candidates)
        .map(|(index, text)| Candidate {
            generation: 2,
            index,
            proposer: "evolve".into(),
            note: String::new(),
            program: Program::Source {
                file: "reward.py".into(),
                text: text.into(),
            },
            outcome: Outcome::Rejected { diagnostics: vec![] },
        })
        .collect();
    let opinion = Opinion::new(&candidates, &[]);
    let is = |program, driver, candidate| Ok((program, driver, candidate));
    for (newest, stretches, cursor, expected) in [
        // No world, or one in which nothing has happened yet.
        (None, &stretches[..0], None, Err(NotBegun)),
        (Some(0), &stretches[..0], None, Err(NotBegun)),
        (Some(0), &stretches[..0], Some(0), Err(NotBegun)),
        // The newest moment; a number that was turned with the clock standing has moved nothing yet.
        (Some(39), &stretches[..1], None, is("before", Plan, None)),
        (Some(40), &stretches[..2], None, is("after", Plan, Some((2, 1)))),
        (Some(85), &stretches[..4], None, Err(NothingMoves)),
        (Some(100), &stretches[..], None, is("after", Plan, Some((2, 1)))),
        // Back before the change: what was there then.
        (Some(100), &stretches[..], Some(0), is("before", Plan, None)),
        (Some(100), &stretches[..], Some(1), is("before", Plan, None)),
        (Some(100), &stretches[..], Some(39), is("before", Plan, None)),
        (Some(100), &stretches[..], Some(40), is("after", Plan, Some((2, 1)))),
        (
            Some(100),
            &stretches[..],
            Some(60),
            is("trained on", Policy, Some((2, 0))),
        ),
        (
            Some(100),
            &stretches[..],
            Some(79),
            is("trained on", Policy, Some((2, 0))),
        ),
        (Some(100), &stretches[..], Some(80), Err(NothingMoves)),
        (Some(100), &stretches[..], Some(90), is("after", Plan, Some((2, 1)))),
        (Some(100), &stretches[..], Some(4_000), is("after", Plan, Some((2, 1)))),
    ] {
        let timeline = newest.map_or_else(Timeline::default, |newest| timeline(newest, stretches));
        let expected = expected.map(|(program, driver, candidate)| Behaviour {
            program: text_hash(program),
            candidate,
            driver,
            seed: 7,
        });
        let found = behaviour_at(&timeline, cursor, &opinion);
        assert_eq!(found, expected, "{newest:?}, looking at {cursor:?}");
    }
}

// ---- The live world ----

fn open_task() -> Arc<OpenTask> {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let task = Task::load(&envs, TASK, Engine::Mujoco).unwrap();
    Arc::new(OpenTask {
        choice: TaskChoice {
            envs,
            id: TASK.into(),
            engine: Engine::Mujoco,
        },
        bench: Workbench::new(task).unwrap(),
        human: String::new(),
    })
}

struct Live {
    task: Arc<OpenTask>,
    stage: Stage,
}

impl Live {
    /// A stage with a reward.
    fn start(text: &str) -> Self {
        let live = Self {
            task: open_task(),
            stage: Stage::start(1, || ()).unwrap(),
        };
        live.tell(Order::Open(Arc::clone(&live.task)));
        live.reward(text);
        live
    }

    fn tell(&self, order: Order) {
        self.stage.tell(order);
    }

    fn reward(&self, text: &str) {
        let (reward, findings) = self.task.bench.examine("reward.py", text);
        self.tell(Order::Reward(FreshReward {
            task: Arc::clone(&self.task),
            reward: Arc::new(reward.unwrap_or_else(|| panic!("{findings:?}"))),
            text: text.into(),
            edited: Instant::now(),
        }));
    }

    fn wait<T>(&self, what: &str, found: impl Fn(&Timeline, &StageStatus) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let status = self.stage.status();
            if let Some(found) = found(&self.stage.timeline(), &status) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}: {status:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn wait_for_step(&self, step: usize) {
        self.wait(&format!("step {step}"), |timeline, _| {
            (newest(timeline) >= step).then_some(())
        });
    }

    /// Stands at a step and gives it.
    fn stand(&self) -> usize {
        self.tell(Order::Run(false));
        self.wait("standing clock", |_, status| (!status.running).then_some(()));
        newest(&self.stage.timeline())
    }

    /// One step with the clock standing.
    fn step(&self) {
        let before = newest(&self.stage.timeline());
        self.tell(Order::Step);
        self.wait_for_step(before + 1);
    }

    fn behaviour(&self, cursor: Option<usize>) -> Result<(String, Driver, u64), NoBehaviour> {
        let behaviour = self.stage.timeline().behaviour(cursor)?;
        Ok((behaviour.program, behaviour.driver, behaviour.seed))
    }

    /// A policy that was trained for a moment.
    fn policy(&self) -> Arc<Policy> {
        let bench = &self.task.bench;
        let settings = Algorithm::Ppo
            .settings(&bench.task, &toml::toml! { steps = 2048 })
            .unwrap();
        let program = ProgramBytes {
            file: "reward.py".into(),
            body: ProgramBody::Source(FAST.into()),
        };
        let result = bench.run(&program, &settings, 4, 0, 1, &mut |_| ControlFlow::Continue(()));
        let result = result.unwrap();
        let (policy, _) = Policy::from_bytes(&result.policy.unwrap()).unwrap();
        Arc::new(policy)
    }

    /// Where an episode of this seed begins, wherever it is played.
    fn start_of(&self, seed: u64) -> Vec<f64> {
        let bench = &self.task.bench;
        VecEnv::new(&bench.task, bench.programs(None), 1, seed, 1)
            .unwrap()
            .qpos(0)
    }
}

fn newest(timeline: &Timeline) -> usize {
    timeline.newest().map_or(0, |moment| moment.step)
}

fn planned(text: &str, seed: u64) -> Result<(String, Driver, u64), NoBehaviour> {
    Ok((text_hash(text), Driver::Plan, seed))
}

#[test]
fn a_changed_reward_counts_from_the_first_step_that_follows_it() {
    let live = Live::start(UPRIGHT);
    live.wait_for_step(5);
    let before = live.stand();
    assert_eq!(live.behaviour(None), planned(UPRIGHT, 0));
    // With the clock standing nothing has followed it yet, however long one waits.
    live.reward(FAST);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(live.behaviour(None), planned(UPRIGHT, 0));
    assert_eq!(
        live.stage.timeline().terms(),
        ["upright"],
        "what is there stays on show"
    );
    let started = Instant::now();
    while live.behaviour(None) != planned(FAST, 0) {
        assert!(started.elapsed() < PATIENCE, "the plan never follows it");
        live.step();
    }
    let timeline = live.stage.timeline();
    assert_eq!(timeline.terms(), ["fast"]);
    assert!(timeline.terms_since() > before);
    drop(timeline);
    assert_eq!(
        live.behaviour(Some(before)),
        planned(UPRIGHT, 0),
        "the past stays what it was"
    );
    assert_eq!(live.behaviour(Some(0)), planned(UPRIGHT, 0));
}

#[test]
fn a_policy_belongs_to_its_program_and_what_nothing_moves_to_none() {
    let live = Live::start(UPRIGHT);
    live.tell(Order::Run(false));
    live.tell(Order::Drive(Drive::Rest));
    live.step();
    assert_eq!(live.behaviour(None), Err(NoBehaviour::NothingMoves));
    let program: Arc<str> = text_hash(FAST).into();
    live.tell(Order::Drive(Drive::Policy {
        policy: live.policy(),
        program: Arc::clone(&program),
        name: "g0c1".into(),
    }));
    live.step();
    let of_policy = Ok((program.to_string(), Driver::Policy, 0));
    assert_eq!(live.behaviour(None), of_policy, "another program judges");
    // A turned number changes who judges, not who moves.
    live.reward(STOPS);
    live.reward(UPRIGHT);
    live.step();
    assert_eq!(live.behaviour(None), of_policy);
    assert_eq!(live.stage.status().latencies, [], "nothing was planned");
    // Another task never gets it.
    live.tell(Order::Open(Arc::clone(&live.task)));
    live.wait("plan", |_, status| (status.drive == Mover::Plan).then_some(()));
    assert_eq!(live.behaviour(None), Err(NoBehaviour::NotBegun));
}

#[test]
fn a_reward_that_stops_in_a_plan_rests_until_another_comes() {
    let live = Live::start(UPRIGHT);
    live.wait_for_step(5);
    live.reward(STOPS);
    let stop = live.wait("stop", |_, status| status.stop.clone());
    assert_eq!(stop.file, "reward.py", "{stop}");
    let rests_at = newest(&live.stage.timeline());
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(
        newest(&live.stage.timeline()),
        rests_at,
        "nobody follows the reward before"
    );
    assert_eq!(live.behaviour(None), planned(UPRIGHT, 0));
    live.reward(FAST);
    live.wait("steps for another reward", |timeline, status| {
        let behaviour = timeline.behaviour(None).ok()?;
        (status.stop.is_none() && behaviour.program == text_hash(FAST)).then_some(())
    });
}

#[test]
fn equal_seeds_are_equal_starts_and_every_episode_has_its_own() {
    let live = Live::start(UPRIGHT);
    for order in [Order::Drive(Drive::Rest), Order::Speed(10.0), Order::Reset(5)] {
        live.tell(order);
    }
    let mut episodes = Vec::new();
    for seed in 5..8 {
        let (episode, start) = live.wait(&format!("episode {seed}"), |timeline, status| {
            let same = timeline.seed == seed && status.seed == seed;
            same.then(|| (timeline.episode, timeline.moments[0].qpos.clone()))
        });
        assert_eq!(start, live.start_of(seed), "seed {seed}");
        episodes.push(episode);
    }
    let next = |pair: &[u64]| pair[1] == pair[0] + 1;
    assert!(episodes.windows(2).all(next), "{episodes:?}");
    live.tell(Order::Reset(5));
    live.wait("the same start again", |timeline, _| {
        (timeline.seed == 5 && timeline.episode > episodes[2]).then_some(())
    });
    assert_eq!(live.stage.timeline().moments[0].qpos, live.start_of(5));
}

#[test]
fn the_end_of_an_episode_stays_in_sight_until_the_person_goes_on() {
    let live = Live::start(UPRIGHT);
    for order in [Order::Drive(Drive::Rest), Order::Speed(10.0), Order::Reset(1)] {
        live.tell(order);
    }
    live.tell(Order::RunTo(1_000_000));
    let end = live.wait("end", |timeline, _| timeline.end.as_ref().map(|_| newest(timeline)));
    // The same again, with the last steps and what follows as fast as a person looks.
    let end_again = || {
        for order in [Order::Reset(1), Order::Speed(10.0), Order::RunTo(end - 2)] {
            live.tell(order);
        }
        live.wait("last but one", |timeline, status| {
            (timeline.seed == 1 && newest(timeline) == end - 2 && !status.running).then_some(())
        });
        live.tell(Order::Speed(1.0));
        live.tell(Order::Run(true));
        live.wait("end", |timeline, _| timeline.end.as_ref().map(|_| Instant::now()))
    };
    let next = || live.wait("next episode", |timeline, _| (timeline.seed == 2).then_some(()));
    // The longest of some, and below the shortest: whoever is late sees less of an end, or more of a wait.
    let shown = (0..3).map(|_| {
        let ended = end_again();
        next();
        ended.elapsed()
    });
    let shown: Vec<Duration> = shown.collect();
    assert!(*shown.iter().max().unwrap() > Duration::from_millis(1_200), "{shown:?}");
    let at_once: [fn() -> Order; 2] = [|| Order::Step, || Order::Run(true)];
    for order in at_once {
        let waited = (0..3).map(|_| {
            let ended = end_again();
            live.tell(order());
            next();
            ended.elapsed()
        });
        let waited: Vec<Duration> = waited.collect();
        let shortest = waited.iter().min().unwrap();
        assert!(*shortest < Duration::from_millis(1_000), "{waited:?}");
    }
    // A click into the plot stops the clock: it is there as long as the person looks.
    end_again();
    live.stand();
    std::thread::sleep(Duration::from_millis(1_700));
    assert_eq!((live.stage.timeline().seed, live.stand()), (1, end));
}

#[test]
fn only_a_changed_reward_that_is_acted_on_is_timed() {
    let live = Live::start(UPRIGHT);
    let latencies = || live.stage.status().latencies;
    live.wait_for_step(5);
    assert_eq!(latencies(), [], "the first reward is no change");
    let before = Instant::now();
    live.reward(FAST);
    let took = live.wait("latency", |_, status| status.latencies.first().copied());
    assert!(took <= before.elapsed());
    assert_eq!(live.behaviour(None), planned(FAST, 0), "an action has followed it");
    // A long time after the change the world begins again: that answers nothing.
    std::thread::sleep(Duration::from_millis(300));
    live.tell(Order::Reset(3));
    live.wait("next episode", |timeline, _| {
        (timeline.seed == 3 && newest(timeline) > 2).then_some(())
    });
    // A change with the clock standing is acted on whenever the person wants.
    live.stand();
    live.reward(UPRIGHT);
    std::thread::sleep(Duration::from_millis(300));
    live.tell(Order::Run(true));
    let acted_on = |text: &str| {
        let first = live.wait("a step that follows it", |timeline, _| {
            (timeline.behaviour(None).ok()?.program == text_hash(text)).then(|| newest(timeline))
        });
        // What would be noted of that step is noted before the next one.
        live.wait("the step after", |timeline, _| (newest(timeline) > first).then_some(()));
    };
    acted_on(UPRIGHT);
    // Nor is one timed that waits for the person. So slow, no step is made under it before the clock stands.
    live.tell(Order::Speed(0.01));
    std::thread::sleep(Duration::from_millis(100));
    live.reward(FAST);
    for order in [Order::Run(false), Order::Run(true), Order::Speed(1.0)] {
        live.tell(order);
    }
    acted_on(FAST);
    assert_eq!(latencies(), [took]);
}

#[test]
fn a_clock_that_runs_to_a_step_stands_there() {
    let live = Live::start(UPRIGHT);
    live.tell(Order::Drive(Drive::Rest));
    live.tell(Order::Reset(1));
    live.tell(Order::RunTo(7));
    live.wait("standing clock", |timeline, status| {
        (!status.running && newest(timeline) > 0).then_some(())
    });
    assert_eq!(newest(&live.stage.timeline()), 7);
    live.tell(Order::RunTo(3));
    live.tell(Order::Step);
    live.wait_for_step(8);
    assert_eq!(newest(&live.stage.timeline()), 8, "nothing goes back by itself");
    // No episode is that long.
    live.tell(Order::Speed(10.0));
    live.tell(Order::RunTo(1_000_000));
    let end = live.wait("end", |timeline, status| {
        timeline.end.clone().filter(|_| !status.running)
    });
    assert!(matches!(end, End::Terminated | End::Truncated), "{end:?}");
    assert_eq!(live.stage.timeline().seed, 1);
}

#[test]
fn a_hand_holds_on_when_the_reward_changes() {
    let live = Live::start(UPRIGHT);
    for order in [Order::Run(false), Order::Drive(Drive::Rest), Order::Reset(0)] {
        live.tell(order);
    }
    let speed = || live.stage.timeline().newest().unwrap().qvel[0];
    live.tell(Order::Push(Some(Push {
        body: 1,
        at_local: [0.0; 3],
        pull: Pull::Force([5.0, 0.0, 0.0]),
    })));
    live.step();
    live.step();
    let pulled = speed();
    assert!(pulled > 0.1, "{pulled}");
    live.reward(FAST);
    live.step();
    live.step();
    assert!(speed() > 1.5 * pulled, "{} after {pulled}", speed());
    live.tell(Order::Push(None));
    live.step();
    let let_go = speed();
    live.step();
    assert!((speed() - let_go).abs() < 0.2 * pulled, "{} after {let_go}", speed());
}
