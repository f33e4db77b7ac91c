//! Two candidates side by side: the rollouts are what really happens, a verdict lands in the record once, and the ranking follows.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::{Engine, Task, VecEnv};
use carrot_optimizer::{Algorithm, Policy};
use carrot_run_record::{Behaviour, Candidate, Driver, Feedback, Outcome, Program, RunRecord, Verdict, text_hash};
use carrot_studio::compiler::{OpenTask, TaskChoice};
use carrot_studio::document::SearchSettings;
use carrot_studio::rehearsal::{Part, Played, Rehearsal};
use carrot_studio::stage::{Drive, Order};
use carrot_studio::timeline::{End, NoBehaviour};
use carrot_studio::{Studio, StudioOptions};
use carrot_workbench::{ProgramBody, ProgramBytes, Workbench};
use eframe::egui;
use egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

const TASK: &str = "cartpole/balance";
const RUN: &str = "two";

/// Long enough for a software driver on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two rewards that want different things.
const PROGRAMS: [&str; 2] = [
    "import torch


def compute_reward(pole_angle, cart_position):
    upright = 1.0 - torch.square(pole_angle / 0.2)
    centred = -0.1 * torch.square(cart_position)
    total = upright + centred
    return total, {\"upright\": upright, \"centred\": centred}
",
    "import torch


def compute_reward(cart_velocity):
    fast = torch.abs(cart_velocity)
    return fast, {\"fast\": fast}
",
];

fn envs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs")
}

fn open_task() -> Arc<OpenTask> {
    let task = Task::load(&envs(), TASK, Engine::Mujoco).unwrap();
    Arc::new(OpenTask {
        choice: TaskChoice {
            envs: envs(),
            id: TASK.into(),
            engine: Engine::Mujoco,
        },
        bench: Workbench::new(task).unwrap(),
        human: String::new(),
    })
}

/// A run with the first `count` programs trained for a moment.
fn run(runs: &Path, count: usize) -> PathBuf {
    let dir = runs.join(RUN);
    let config = SearchSettings::default().config(TASK, Engine::Mujoco);
    let record = RunRecord::create(&dir, &config).unwrap();
    let task = open_task();
    let bench = &task.bench;
    let few = toml::toml! { steps = 4096 };
    let settings = Algorithm::Ppo.settings(&bench.task, &few).unwrap();
    for (index, text) in (0..).zip(&PROGRAMS[..count]) {
        let program = ProgramBytes {
            file: format!("g0c{index}.py"),
            body: ProgramBody::Source((*text).into()),
        };
        let result = bench
            .run(&program, &settings, 4, 0, 2, &mut |_| {
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        record.put_object(&result.policy.unwrap()).unwrap();
        let candidate = Candidate {
            generation: 0,
            index,
            proposer: "evolve".into(),
            note: String::new(),
            program: program.store(&record).unwrap(),
            outcome: result.outcome,
        };
        record.put_candidate(&candidate).unwrap();
    }
    dir
}

fn candidates(dir: &Path) -> Vec<Candidate> {
    RunRecord::open_read_only(dir).unwrap().candidates().unwrap()
}

fn policy_of(candidate: &Candidate) -> String {
    match &candidate.outcome {
        Outcome::Evaluated(evaluated) => evaluated.policy.clone(),
        other => panic!("{other:?}"),
    }
}

fn part(task: &Arc<OpenTask>, dir: &Path, candidate: &Candidate, seed: u64) -> Part {
    let id = (candidate.generation, candidate.index);
    Part::new(
        task,
        dir,
        &candidate.program,
        Some(policy_of(candidate)),
        Some(id),
        seed,
    )
}

fn wait<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_rehearsal_is_the_rollout_bit_for_bit() {
    let runs = tempfile::tempdir().unwrap();
    let dir = run(runs.path(), 2);
    let task = open_task();
    let rehearsal = Rehearsal::start(2, || ()).unwrap();
    let parts: Vec<Part> = candidates(&dir)
        .iter()
        .map(|candidate| part(&task, &dir, candidate, 3))
        .collect();
    rehearsal.want(&parts);
    let timelines: Vec<_> = parts
        .iter()
        .map(|part| {
            wait("rehearsal", || match rehearsal.played(part) {
                Played::Whole(timeline) => Some(timeline),
                Played::Failed(message) => panic!("{message}"),
                _ => None,
            })
        })
        .collect();
    assert_eq!(
        timelines[0].moments[0].qpos, timelines[1].moments[0].qpos,
        "the same start"
    );
    let record = RunRecord::open_read_only(&dir).unwrap();
    for ((candidate, timeline), text) in candidates(&dir).iter().zip(&timelines).zip(PROGRAMS) {
        let bytes = record.object(&policy_of(candidate)).unwrap();
        let (policy, _) = Policy::from_bytes(&bytes).unwrap();
        let (reward, _) = task.bench.examine("reward.py", text);
        let reward = reward.unwrap();
        let mut env = VecEnv::new(&task.bench.task, task.bench.programs(Some(&reward)), 1, 3, 1).unwrap();
        let mut action = vec![0.0; env.action_size()];
        assert_eq!((timeline.moments[0].step, timeline.moments[0].total), (0, None));
        for moment in &timeline.moments[1..] {
            policy.act(env.observations(), &mut action);
            let data = env.step(&action).unwrap();
            let ended = data.terminated[0] || data.truncated[0];
            assert_eq!(moment.total, Some(data.rewards.total[0]), "step {}", moment.step);
            let terms: Vec<f64> = data.rewards.terms.iter().map(|term| term[0]).collect();
            assert_eq!(moment.terms, terms, "step {}", moment.step);
            assert_eq!([moment.qpos.clone(), moment.qvel.clone()], env.final_state(0));
            assert_eq!(
                ended,
                moment.step == timeline.newest().unwrap().step,
                "step {}",
                moment.step
            );
        }
        let episode = &env.step_data().episodes[0];
        assert_eq!(timeline.judged, Some((episode.fitness, episode.success)));
        assert_ne!(timeline.end, None);
    }
    // Asked again, it is there at once, however many others were played meanwhile beside it.
    rehearsal.want(&[]);
    rehearsal.want(&parts[1..]);
    let is_kept =
        || matches!(rehearsal.played(&parts[1]), Played::Whole(timeline) if Arc::ptr_eq(&timeline, &timelines[1]));
    assert!(is_kept());
    for seed in 10..30 {
        let other = self::part(&task, &dir, &candidates(&dir)[0], seed);
        rehearsal.want(&[other.clone(), parts[1].clone()]);
        wait("rehearsal", || {
            matches!(rehearsal.played(&other), Played::Whole(_)).then_some(())
        });
        assert!(is_kept(), "beside seed {seed}");
    }
    assert!(
        matches!(rehearsal.played(&parts[0]), Played::Waiting),
        "not all are kept"
    );
}

#[test]
fn a_plan_is_rehearsed_for_a_while_or_broken_off() {
    let task = open_task();
    let rehearsal = Rehearsal::start(2, || ()).unwrap();
    let text = |text: &str| Program::Source {
        file: "reward.py".into(),
        text: text.into(),
    };
    let part = |program: &str, seed| Part::new(&task, Path::new("none"), &text(program), None, None, seed);
    let first = part(PROGRAMS[0], 0);
    assert_eq!(first.behaviour.driver, Driver::Plan);
    rehearsal.want(std::slice::from_ref(&first));
    wait("progress", || match rehearsal.played(&first) {
        Played::Playing(steps, of) => {
            assert!(of <= 500);
            (steps > 0).then_some(())
        }
        Played::Failed(message) => panic!("{message}"),
        Played::Whole(_) | Played::Waiting => None,
    });
    let wrong = part("def compute_reward(pole_angel):\n    return pole_angel, {}\n", 0);
    rehearsal.want(std::slice::from_ref(&wrong));
    let message = wait("message", || match rehearsal.played(&wrong) {
        Played::Failed(message) => Some(message),
        _ => None,
    });
    assert!(
        message.starts_with("the program does not compile: ") && message.contains("pole_angel"),
        "{message}"
    );
    assert!(matches!(rehearsal.played(&first), Played::Waiting), "it was broken off");
}

#[test]
fn a_policy_that_is_not_there_is_a_message_and_is_tried_again() {
    let runs = tempfile::tempdir().unwrap();
    let dir = run(runs.path(), 1);
    let task = open_task();
    let rehearsal = Rehearsal::start(1, || ()).unwrap();
    let candidate = &candidates(&dir)[0];
    let part = part(&task, &dir, candidate, 0);
    let hash = policy_of(candidate);
    let path = RunRecord::open_read_only(&dir).unwrap().object_path(&hash);
    let away = dir.join("away");
    std::fs::rename(&path, &away).unwrap();
    rehearsal.want(std::slice::from_ref(&part));
    let message = wait("message", || match rehearsal.played(&part) {
        Played::Failed(message) => Some(message),
        _ => None,
    });
    assert!(
        message.contains(&hash[2..]) && message.contains("no such object"),
        "{message}"
    );
    std::fs::rename(&away, &path).unwrap();
    rehearsal.want(&[]);
    rehearsal.want(std::slice::from_ref(&part));
    let timeline = wait("rehearsal", || match rehearsal.played(&part) {
        Played::Whole(timeline) => Some(timeline),
        _ => None,
    });
    assert!(matches!(timeline.end, Some(End::Terminated | End::Truncated)));
}

struct Window {
    harness: Harness<'static, Studio>,
    dir: PathBuf,
    // Gone after the studio.
    _runs: tempfile::TempDir,
}

impl Window {
    fn open(count: usize, theme: Theme) -> Self {
        let runs = tempfile::tempdir().unwrap();
        let dir = run(runs.path(), count);
        let options = StudioOptions {
            program: PathBuf::from("carrot"),
            envs: envs(),
            runs: runs.path().to_owned(),
            task: None,
            run: Some(RUN.into()),
            engine: Engine::Mujoco,
            threads: 1,
            script: None,
        };
        let studio = Studio::new(options, || ()).unwrap();
        let mut harness =
            support::harness([1400.0, 900.0], theme).build_ui_state(|ui, studio: &mut Studio| studio.ui(ui), studio);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::Num6);
        harness.step();
        if theme == Theme::Light {
            harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
            harness.run_steps(2);
        }
        Self {
            harness,
            dir,
            _runs: runs,
        }
    }

    fn until(&mut self, what: &str, mut there: impl FnMut(&Harness<'static, Studio>) -> bool) {
        let started = Instant::now();
        loop {
            self.harness.step();
            if there(&self.harness) {
                return;
            }
            if started.elapsed() > PATIENCE {
                let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare.png");
                self.harness.render().unwrap().save(&picture).unwrap();
                let stage = self.harness.state().stage();
                let (timeline, status) = (stage.timeline(), stage.status());
                let newest = timeline.newest().map(|newest| newest.step);
                panic!(
                    "no {what} in {PATIENCE:?}, at step {newest:?} of seed {}, ended {:?}; {status:?}; see {}",
                    timeline.seed,
                    timeline.end,
                    picture.display()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a verdict can be given on the pair from this start.
    fn until_ready(&mut self, start: u64) {
        let label = format!("two behaviours from start {start}");
        self.until(&label, |harness| {
            let button = harness.query_by_label("A is better (A)");
            let ready = button.is_some_and(|button| !button.accesskit_node().is_disabled());
            ready && harness.query_by_label(&label).is_some()
        });
    }

    fn said(&self) -> Vec<Feedback> {
        let record = RunRecord::open_read_only(&self.dir).unwrap();
        let entries = record.feedback().unwrap().into_iter().map(|entry| entry.feedback);
        entries
            .filter(|feedback| !matches!(feedback, Feedback::Edit { .. }))
            .collect()
    }

    fn until_said(&mut self, count: usize) {
        let record = RunRecord::open_read_only(&self.dir).unwrap();
        self.until("feedback", |_| {
            let said = record.feedback().unwrap();
            said.iter()
                .filter(|entry| !matches!(entry.feedback, Feedback::Edit { .. }))
                .count()
                == count
        });
    }
}

#[test]
fn a_verdict_is_given_once_and_the_ranking_follows() {
    let mut window = Window::open(2, Theme::Dark);
    window.until_ready(0);
    // The letters of the answers, into the comment.
    let field = window.harness.get_by_label("Comment");
    field.focus();
    window.harness.step();
    let field = window.harness.get_by_label("Comment");
    field.type_text("abct");
    for key in [Key::A, Key::B, Key::C, Key::T] {
        window.harness.key_press(key);
    }
    window.harness.run_steps(3);
    assert_eq!(window.harness.state().document().comment, "abct");
    assert_eq!(window.harness.state().pending(), 0);
    assert!(window.harness.query_by_label_contains("Noted").is_none());
    // Out of the field a key is a verdict, the first one of a showing.
    window.harness.get_by_label("Hide names").focus();
    window.harness.step();
    window.harness.key_press(Key::A);
    window.harness.key_press(Key::B);
    window.harness.step();
    window.harness.key_press(Key::T);
    window.harness.step();
    window.until_said(1);
    let said = window.said();
    let Feedback::Preference { a, b, verdict } = &said[0] else {
        panic!("{said:?}")
    };
    assert_eq!(*verdict, Verdict::A);
    let mut shown = [a.candidate, b.candidate];
    let hashes = PROGRAMS.map(text_hash);
    assert_eq!(
        a.candidate == Some((0, 0)),
        a.program == hashes[0],
        "candidate and program belong together"
    );
    shown.sort();
    assert_eq!(shown, [Some((0, 0)), Some((0, 1))]);
    assert_eq!(
        (a.driver, b.driver, a.seed, b.seed),
        (Driver::Policy, Driver::Policy, 0, 0)
    );
    let (winner, loser) = (a.candidate.unwrap().1, b.candidate.unwrap().1);
    let noted = format!("Noted of the pair before: g0c{winner} is better than g0c{loser}.");
    window.until("noted", |harness| harness.query_by_label(&noted).is_some());
    window.until("ranking", |harness| harness.state().run().opinion.ranked.len() == 2);
    let ranked = &window.harness.state().run().opinion.ranked;
    assert_eq!(ranked[0].of.candidate, a.candidate);
    assert!(ranked[0].of.standing.strength > ranked[1].of.standing.strength);
    // The same two from another start; now by button, for the other one.
    window.until_ready(1);
    window.harness.get_by_label("Equally good (T)").click();
    window.until_said(2);
    window.until_ready(2);
    window.harness.get_by_label("Can't tell (C)").click();
    window.until_said(3);
    let verdicts: Vec<Verdict> = window
        .said()
        .into_iter()
        .map(|feedback| match feedback {
            Feedback::Preference { verdict, .. } => verdict,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(verdicts, [Verdict::A, Verdict::Tie, Verdict::CannotTell]);
    window.until("ranking", |harness| {
        harness
            .state()
            .run()
            .opinion
            .ranked
            .iter()
            .all(|ranked| ranked.of.standing.comparisons == 2)
            && harness.state().run().opinion.verdicts == 3
    });
    window.until("who hears", |harness| {
        harness
            .query_by_label("The next generation, g0, will hear: 3 verdicts.")
            .is_some()
    });
}

#[test]
fn the_panels_look_as_recorded() {
    let mut results = egui_kittest::SnapshotResults::new();
    for theme in [Theme::Dark, Theme::Light] {
        let mut window = Window::open(2, theme);
        window.until_ready(0);
        window.harness.get_by_label("A is better (A)").click();
        window.until_said(1);
        window.until_ready(1);
        window.harness.get_by_label("Pause both").click();
        window.harness.run_steps(2);
        window.harness.get_by_label("Hide names").click();
        window.harness.get_by_label("Step of both").set_value_accesskit(20.0);
        window.until("curves", |harness| {
            harness.query_by_label("Second to compare").is_some()
        });
        window.harness.remove_cursor();
        window.harness.run_steps(8);
        let mut image = window.harness.render().unwrap();
        let rect = |label: &str| window.harness.get_by_label(label).rect();
        // What a graphics driver draws differs from machine to machine.
        for side in ["Rollout A", "Rollout B"] {
            let place = rect(side);
            for x in place.left() as u32..place.right() as u32 {
                for y in place.top() as u32..place.bottom() as u32 {
                    image.put_pixel(x, y, image::Rgba([128, 128, 128, 255]));
                }
            }
        }
        let compare = rect("Suggest a pair")
            .union(rect("Rollout B"))
            .union(rect("Can't tell (C)"));
        let noted = rect("Comment");
        let feedback = egui::Rect::from_min_max(noted.left_top(), egui::pos2(noted.right(), 870.0));
        for (name, place) in [("compare", compare.expand(4.0)), ("feedback", feedback.expand(2.0))] {
            let size = place.size();
            let part = image::imageops::crop_imm(
                &image,
                place.left() as u32,
                place.top() as u32,
                size.x as u32,
                size.y as u32,
            );
            let name = format!("{name}_{theme:?}").to_lowercase();
            results.add(egui_kittest::try_image_snapshot(&part.to_image(), name));
        }
    }
}

#[test]
fn with_nothing_to_compare_the_panel_says_what_to_do() {
    let mut window = Window::open(0, Theme::Dark);
    window.until("what to do", |harness| {
        harness.query_by_label("Start a search").is_some()
    });
    let mut window = Window::open(1, Theme::Dark);
    let button = "Compare it with the reward in the editor";
    window.until("a way out", |harness| harness.query_by_label(button).is_some());
    window.harness.get_by_label(button).click();
    window.until("a plan", |harness| {
        harness.query_by_label("two behaviours from start 0").is_some()
    });
}

/// Whether a button can be pressed.
fn can(harness: &Harness<'static, Studio>, name: &str) -> bool {
    harness
        .query_by_label(name)
        .is_some_and(|button| !button.accesskit_node().is_disabled())
}

#[test]
fn what_is_said_belongs_to_what_moved_the_robot() {
    let mut window = Window::open(2, Theme::Dark);
    window.until_ready(0);
    // What nothing moves takes no rating, but the task takes a comment.
    window.harness.key_press_modifiers(Modifiers::ALT, Key::N);
    window.harness.step();
    // One step of it and no more: a running episode ends, and the start of the next one is another reason.
    for order in [Order::Run(false), Order::Reset(0), Order::Step] {
        window.harness.state().stage().tell(order);
    }
    window.until("nothing to rate", |harness| {
        let seen = harness.state().stage().timeline().behaviour(None);
        let refused = harness.query_by_label("Good").is_some() && !can(harness, "Good") && !can(harness, "Bad");
        refused && seen == Err(NoBehaviour::NothingMoves)
    });
    window.harness.key_press_modifiers(Modifiers::ALT, Key::G);
    window.until("why not", |harness| {
        harness
            .query_by_label_contains("Nothing moves the robot here")
            .is_some()
    });
    window.harness.get_by_label("Comment").focus();
    window.harness.step();
    window.harness.get_by_label("Comment").type_text("no hurry");
    window.harness.run_steps(2);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.harness.run_steps(2);
    assert!(!can(&window.harness, "Give the comment on this behaviour"));
    let kept = &window.harness.state().document().comment;
    assert_eq!(kept, "no hurry", "a comment that cannot be given stays where it is");
    window.harness.get_by_label("About the task as a whole").click();
    window.harness.run_steps(2);
    assert!(can(&window.harness, "Give the comment"));
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.until_said(1);
    // A comment on a moment of a candidate, said elsewhere, leads to that moment: its policy from its start up to its step.
    let of = candidates(&window.dir)[1].clone();
    let behaviour = Behaviour {
        program: of.program.hash(),
        candidate: Some((0, 1)),
        driver: Driver::Policy,
        seed: 4,
    };
    let record = RunRecord::open_for_feedback(&window.dir).unwrap();
    let comment = Feedback::Comment {
        of: Some(behaviour.clone()),
        step: Some(11),
        text: "here".into(),
    };
    record.put_feedback("elsewhere", &comment).unwrap();
    let link = "on g0c1 at step 11: here";
    window.until("comment", |harness| harness.query_by_label(link).is_some());
    window.harness.get_by_label(link).click();
    window.until("moment", |harness| {
        let stage = harness.state().stage();
        let there = stage.timeline().newest().is_some_and(|newest| newest.step == 11);
        there && !stage.status().running
    });
    let seen = window.harness.state().stage().timeline().behaviour(None);
    assert_eq!(
        seen,
        Ok(Behaviour {
            candidate: None,
            ..behaviour.clone()
        })
    );
    assert_eq!(window.harness.state().document().program, PROGRAMS[1]);
    // What is good then is that, also when the reward is edited before it is said.
    window.harness.get_by_label("reward program").focus();
    window.harness.step();
    window.harness.get_by_label("reward program").type_text("# mine\n");
    window.until("edit", |harness| harness.state().compiled().text.contains("# mine"));
    window.harness.run_steps(20);
    window.harness.key_press_modifiers(Modifiers::ALT, Key::G);
    window.until_said(3);
    assert_eq!(
        window.said().last(),
        Some(&Feedback::Rating {
            of: behaviour,
            good: true
        })
    );
}

/// Presses at a place of the window with Ctrl held, waits for the answer what is there, and draws a little to the right, so
/// that the episode does not end.
fn pull(window: &mut Window, at: egui::Pos2) {
    let modifiers = Modifiers::COMMAND | Modifiers::CTRL;
    let to = |x: f32| egui::Event::PointerMoved(at + egui::vec2(x, 0.0));
    window.harness.event(egui::Event::ModifiersChanged(modifiers));
    window.harness.event(to(0.0));
    window.harness.event(egui::Event::PointerButton {
        pos: at,
        button: egui::PointerButton::Primary,
        pressed: true,
        modifiers,
    });
    window.harness.step();
    window.harness.event(to(10.0));
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(10));
        window.harness.step();
    }
    window.harness.event(to(14.0));
    window.harness.step();
}

fn let_go(window: &mut Window, at: egui::Pos2) {
    window.harness.event(egui::Event::PointerButton {
        pos: at,
        button: egui::PointerButton::Primary,
        pressed: false,
        modifiers: Modifiers::NONE,
    });
    window.harness.event(egui::Event::ModifiersChanged(Modifiers::NONE));
    window.harness.step();
}

/// Steps without any action, and the speed of the cart after them, m/s.
fn steps(window: &mut Window, count: usize) -> f64 {
    let newest = |studio: &Studio| {
        studio
            .stage()
            .timeline()
            .newest()
            .map(|newest| (newest.step, newest.qvel[0]))
    };
    let (before, _) = newest(window.harness.state()).unwrap();
    (0..count).for_each(|_| window.harness.state().stage().tell(Order::Step));
    let mut speed = 0.0;
    window.until("steps", |harness| match newest(harness.state()) {
        Some((step, now)) => {
            speed = now;
            step >= before + count
        }
        None => false,
    });
    speed
}

#[test]
fn a_hand_lets_go_where_the_robot_is_hidden() {
    let mut window = Window::open(0, Theme::Dark);
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num2);
    window.until("robot", |harness| harness.query_by_label("The robot").is_some());
    let at_start = |window: &mut Window| {
        for order in [Order::Run(false), Order::Drive(Drive::Rest), Order::Reset(0)] {
            window.harness.state().stage().tell(order);
        }
        window.until("start", |harness| {
            let stage = harness.state().stage();
            let stands = !stage.status().running;
            stands && stage.timeline().newest().is_some_and(|newest| newest.step == 0)
        });
    };
    let picture = window.harness.get_by_label("The robot").rect();
    // The cart is somewhere in the middle of the picture; what is there is answered late on a busy machine.
    let held = (0..60)
        .map(|turn| picture.center() + egui::vec2(0.0, 12.0 * (turn % 12) as f32 - 30.0))
        .find(|at| {
            at_start(&mut window);
            pull(&mut window, *at);
            let is_held = steps(&mut window, 1).abs() > 0.1;
            if !is_held {
                let_go(&mut window, *at);
            }
            is_held
        });
    assert!(held.is_some(), "nothing to hold in {picture:?}");
    window.harness.key_press_modifiers(Modifiers::COMMAND, Key::Num6);
    window.harness.run_steps(2);
    assert!(window.harness.query_by_label("The robot").is_none());
    let free = steps(&mut window, 1);
    assert!((steps(&mut window, 1) - free).abs() < 0.05, "still pulled");
}
