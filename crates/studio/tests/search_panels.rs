//! The Search, Candidate and History panels over records made as a search makes them, found by their accessible names.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carrot_environment::{Checkpoint, Engine, Evaluation, Task};
use carrot_run_record::{
    Behaviour, Candidate, Driver, EditKind, Evaluated, Feedback, InTraining, Outcome, Program, RunRecord, RunState,
    SearchProgress, Verdict, text_hash,
};
use carrot_studio::artist::Artist;
use carrot_studio::compiler::Compiled;
use carrot_studio::document::Document;
use carrot_studio::jobs::JobState;
use carrot_studio::panels::{Command, Panel, Panels, See};
use carrot_studio::rehearsal::Rehearsal;
use carrot_studio::stage::Stage;
use carrot_studio::watcher::RunView;
use carrot_workbench::Workbench;
use eframe::egui;
use egui::{Key, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_kittest::{Harness, SnapshotResults};
use serde_json::json;
use support::names::Watch;

/// A panel with what it sees, and what it wanted.
struct Bench {
    panels: Panels,
    panel: Panel,
    document: Document,
    stage: Stage,
    artist: Artist,
    rehearsal: Rehearsal,
    run: Arc<RunView>,
    search: Option<JobState>,
    selected: Option<(u32, u32)>,
    wanted: Vec<Command>,
    slowest: Duration,
    has_fonts: bool,
}

impl Bench {
    fn new(panel: Panel, run: RunView) -> Self {
        Self {
            panels: Panels::default(),
            panel,
            document: Document::default(),
            stage: Stage::start(1, || {}).unwrap(),
            artist: Artist::start(|| {}),
            rehearsal: Rehearsal::start(1, || {}).unwrap(),
            run: Arc::new(run),
            search: None,
            selected: None,
            wanted: Vec::new(),
            slowest: Duration::ZERO,
            has_fonts: false,
        }
    }

    /// A frame, with the little that the studio does with what a panel wants.
    fn ui(&mut self, ui: &mut egui::Ui) {
        if !std::mem::replace(&mut self.has_fonts, true) {
            return carrot_studio::look::install(ui.ctx());
        }
        let (mut commands, mut change) = (Vec::new(), None);
        let (status, compiled) = (self.stage.status(), Compiled::default());
        let mut see = See {
            document: &mut self.document,
            change: &mut change,
            task: None,
            refused: None,
            compiled: &compiled,
            stage: &self.stage,
            status: &status,
            artist: &self.artist,
            rehearsal: &self.rehearsal,
            run: &self.run,
            run_name: "test",
            tasks: &[],
            search: self.search.as_ref(),
            search_lines: &[],
            training: None,
            cursor: None,
            selected: self.selected,
            pending: &[],
            trouble: None,
            commands: &mut commands,
        };
        let started = Instant::now();
        self.panels.show(self.panel, ui, &mut see);
        self.slowest = self.slowest.max(started.elapsed());
        for command in &commands {
            if let Command::Select(selected) = command {
                self.selected = *selected;
            }
        }
        self.wanted.extend(commands);
        carrot_studio::accessible_tree::name_handles(ui.ctx(), egui::Rect::NOTHING, &[]);
    }
}

fn harness(bench: Bench, size: [f32; 2], theme: Theme) -> Harness<'static, Bench> {
    let mut harness = support::harness(size, theme).build_ui_state(|ui, bench: &mut Bench| bench.ui(ui), bench);
    harness.run();
    harness
}

fn see(panel: Panel, run: RunView) -> Harness<'static, Bench> {
    harness(Bench::new(panel, run), [560.0, 640.0], Theme::Dark)
}

const BASE: &str = "def reward(obs):\n    upright = obs.upright\n    total = 1.0 * upright\n    return total\n";
const CHILD: &str = "def reward(obs):\n    upright = obs.upright\n    still = -abs(obs.speed)\n    total = 2.5 * upright + still\n    return total\n";
/// Stands for a policy's weights, which no panel reads.
const POLICY: &str = "weights";
const WRONG: &str = "def reward(obs):\n    return obs.uprigth\n";

fn config() -> toml::Table {
    toml::from_str(
        "task = \"cartpole/balance\"\nengine = \"mujoco\"\nproposer = \"evolve\"\ngenerations = 2\ncandidates = 3\nsteps = 4000\nseed = 7\n\
         prompt_price = 2.0\ncompletion_price = 8.0\n",
    )
    .unwrap()
}

fn source(text: &str) -> Program {
    Program::Source {
        file: "reward.py".into(),
        text: text.into(),
    }
}

fn evaluated(fitness: f64, sd: f64) -> Outcome {
    let checkpoint = |step: u64| Checkpoint {
        steps: step * 400,
        fitness: Some(fitness * step as f64 / 10.0),
        terms: vec![0.1 * step as f64, -0.05 * step as f64],
        ..Checkpoint::default()
    };
    Outcome::Evaluated(Box::new(Evaluated {
        evaluation: Evaluation {
            fitness,
            fitness_sd: sd,
            success_rate: 0.75,
            episode_length: 180.0,
            episodes: 16,
            episode_return: 1.0,
            terms: Vec::new(),
        },
        terms: vec!["upright".into(), "still".into()],
        checkpoints: (1..=10).map(checkpoint).collect(),
        policy: text_hash(POLICY),
        steps: 4_000,
    }))
}

fn candidate(generation: u32, index: u32, note: &str, text: &str, outcome: Outcome) -> Candidate {
    Candidate {
        generation,
        index,
        proposer: "evolve".into(),
        note: note.into(),
        program: source(text),
        outcome,
    }
}

fn rejected() -> Outcome {
    let task = Task::load(&envs(), "cartpole/balance", Engine::Mujoco).unwrap();
    let (reward, diagnostics) = Workbench::new(task).unwrap().examine("reward.py", WRONG);
    assert!(reward.is_none(), "a misspelt variable compiles");
    Outcome::Rejected { diagnostics }
}

fn envs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs")
}

fn behaviour(text: &str, id: (u32, u32)) -> Behaviour {
    Behaviour {
        program: text_hash(text),
        candidate: Some(id),
        driver: Driver::Policy,
        seed: 0,
    }
}

/// Two generations: a beginning, its child, one that was refused, and one by a person; people have spoken.
fn record(folder: &Path) -> PathBuf {
    let dir = folder.join("run");
    let record = RunRecord::create(&dir, &config()).unwrap();
    record.put_object(POLICY.as_bytes()).unwrap();
    for mut candidate in [
        candidate(0, 0, "plain reading of the task", BASE, evaluated(0.6, 0.2)),
        candidate(0, 1, "drawn anew, following the task", WRONG, rejected()),
        candidate(1, 0, "from g0c0: weight of upright 1 → 2.5", CHILD, evaluated(0.9, 0.1)),
        candidate(
            1,
            6,
            "upright 1.0 → 2.0",
            &BASE.replace("1.0", "2.0"),
            evaluated(0.7, 0.4),
        ),
    ] {
        if candidate.index == 6 {
            candidate.proposer = "human".into();
        }
        record.put_candidate(&candidate).unwrap();
    }
    record
        .put_prompt(0, "generate", &json!([{"role": "system", "content": "You write rewards."}, {"role": "user", "content": "Balance the pole."}]))
        .unwrap();
    let feedback = [
        Feedback::Preference {
            a: behaviour(BASE, (0, 0)),
            b: behaviour(CHILD, (1, 0)),
            verdict: Verdict::B,
        },
        Feedback::Rating {
            of: behaviour(CHILD, (1, 0)),
            good: true,
        },
        Feedback::Comment {
            of: Some(behaviour(BASE, (0, 0))),
            step: Some(3),
            text: "it wobbles".into(),
        },
        Feedback::Edit {
            text: BASE.into(),
            how: EditKind::Opened,
            summary: "the hand-written reward".into(),
        },
        Feedback::Edit {
            text: CHILD.into(),
            how: EditKind::Slider,
            summary: "upright 1.0 → 2.5".into(),
        },
    ];
    for (at, feedback) in feedback.iter().enumerate() {
        record.put_feedback(&at.to_string(), feedback).unwrap();
    }
    let progress = SearchProgress {
        complete: 2,
        ..SearchProgress::default()
    };
    record.put_progress(&progress).unwrap();
    dir
}

#[test]
fn an_empty_panel_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (panel, words) in [
        (Panel::Search, "No candidates yet."),
        (Panel::Candidate, "Start a search in the Search panel"),
        (Panel::History, "No versions yet."),
    ] {
        let harness = see(panel, RunView::read(&folder.path().join("none")));
        harness.get_by_label_contains(words);
    }
    let dir = record(folder.path());
    see(Panel::Candidate, RunView::read(&dir)).get_by_label_contains("No candidate chosen.");
}

#[test]
fn the_table_says_what_became_of_each_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = see(Panel::Search, RunView::read(&record(folder.path())));
    // 1.96 · 0.2 / √16 = 0.098.
    for row in [
        "g0c0: fitness 0.600 ± 0.098, success 75 %, rank 2, 1 comment, evolve",
        "g0c1: rejected unknown-name, evolve",
        "g1c0: the best, fitness 0.900 ± 0.049, success 75 %, rank 1, 1 good, evolve",
        "g1c6: fitness 0.70 ± 0.20, success 75 %, human",
    ] {
        harness.get_by_label(row);
    }
    harness.get_by_label_contains("g1c0: the best").click();
    harness.run();
    assert_eq!(harness.state().selected, Some((1, 0)));
    let places = |harness: &Harness<'_, Bench>| {
        let mut rows: Vec<(f32, String)> = ["g0c0: ", "g0c1: ", "g1c0: ", "g1c6: "]
            .iter()
            .map(|name| (harness.get_by_label_contains(name).rect().top(), name[..4].to_owned()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    assert_eq!(places(&harness), ["g0c0", "g0c1", "g1c0", "g1c6"]);
    harness.get_by_label("Sort by fitness").click();
    harness.run();
    assert_eq!(places(&harness), ["g1c0", "g1c6", "g0c0", "g0c1"]);
    // The keys go through the rows as they are shown, and stop at the ends.
    harness.get_by_label_contains("g1c0: the best").click();
    harness.run();
    for (key, expected) in [
        (Key::ArrowDown, (1, 6)),
        (Key::ArrowDown, (0, 0)),
        (Key::End, (0, 1)),
        (Key::ArrowDown, (0, 1)),
        (Key::ArrowUp, (0, 0)),
        (Key::Home, (1, 0)),
    ] {
        harness.key_press(key);
        harness.run();
        assert_eq!(harness.state().selected, Some(expected), "{key:?}");
    }
    harness.key_press(Key::Enter);
    harness.run();
    assert!(matches!(
        harness.state().wanted.last(),
        Some(Command::Focus(Panel::Candidate))
    ));
}

#[test]
fn the_tree_knows_parents() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = see(Panel::Search, RunView::read(&record(folder.path())));
    harness.get_by_label("Lineage").click();
    harness.run();
    harness.get_by_label("Lineage of g0c0: a beginning");
    harness.get_by_label("Lineage of g1c6: a beginning");
    harness.get_by_label("Lineage of g1c0: from g0c0").click();
    harness.run();
    assert_eq!(harness.state().selected, Some((1, 0)));
}

#[test]
fn settings_are_fixed_once_there_are_candidates() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = see(Panel::Search, RunView::read(&folder.path().join("none")));
    let enabled = |harness: &Harness<'_, Bench>, name: &str| !harness.get_by_label(name).accesskit_node().is_disabled();
    for name in ["Proposer", "Generations", "Candidates", "Steps", "Seed", "Start search"] {
        assert!(enabled(&fresh, name), "{name}");
    }
    let begun = see(Panel::Search, RunView::read(&record(folder.path())));
    begun.get_by_label_contains("its settings are fixed");
    assert!(enabled(&begun, "Next generation") && enabled(&begun, "Generations"));
    for name in ["Steps", "Seed"] {
        assert!(!enabled(&begun, name), "{name}");
    }
    let seed = begun.get_by_label("Seed").accesskit_node().numeric_value();
    assert_eq!(seed, Some(7.0), "the run's seed, not the document's");
    let mut bench = Bench::new(Panel::Search, RunView::read(&folder.path().join("run")));
    bench.document.search.generations = 1;
    let begun = harness(bench, [560.0, 640.0], Theme::Dark);
    let generations = begun.get_by_label("Generations").accesskit_node().numeric_value();
    assert_eq!(generations, Some(2.0), "a run does not get fewer");
    assert_eq!(
        begun.state().document.search.generations,
        1,
        "and nobody has edited anything"
    );
}

#[test]
fn a_language_model_has_settings_and_no_field_for_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(Panel::Search, RunView::read(&folder.path().join("none")));
    bench.document.search.proposer = "openai".into();
    let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
    harness.get_by_label("Server address");
    harness.get_by_label_contains("OPENAI_API_KEY");
    let fields = harness.query_all_by_role(egui::Role::TextInput).count();
    assert_eq!(fields, 2, "model and address");
    harness.state_mut().document.search.proposer = "evolve".into();
    harness.run();
    assert_eq!(harness.query_all_by_role(egui::Role::TextInput).count(), 0);
}

#[test]
fn the_panel_says_how_the_search_stands() {
    let folder = tempfile::tempdir().unwrap();
    let dir = record(folder.path());
    let says = |search: Option<JobState>, run: &RunView, words: &[&str]| {
        let mut bench = Bench::new(Panel::Search, run.clone());
        bench.search = search;
        let harness = harness(bench, [560.0, 640.0], Theme::Dark);
        for word in words {
            harness.get_by_label_contains(word);
        }
    };
    let record = RunRecord::open(&dir).unwrap();
    let progress = SearchProgress {
        generation: 1,
        generations: 2,
        complete: 1,
        steps_done: 6_000,
        steps_planned: 24_000,
        doing: "training".into(),
        training: vec![InTraining {
            generation: 1,
            index: 1,
            steps: 1_200,
            fitness: Some(0.25),
        }],
        unix_secs: 100.0,
    };
    record.put_progress(&progress).unwrap();
    record.put_state(&RunState::Running).unwrap();
    let live = [
        "Generation g1, 2 of 2: training",
        "g1c1 at 1,200 steps, fitness 0.250",
        "Searching…",
    ];
    let mut run = RunView::read(&dir);
    assert!(run.in_use);
    says(Some(JobState::Running), &run, &live);
    says(None, &run, &["Another process runs this search.", live[0], live[1]]);
    drop(record);
    run = RunView::read(&dir);
    assert_eq!((run.in_use, run.complete_generations()), (false, 1));
    says(None, &run, &["The process that searched was killed.", "Resume search"]);
    for (state, words) in [
        (
            RunState::Failed {
                message: "the server refused the key".into(),
            },
            "The search failed: the server refused the key",
        ),
        (
            RunState::Paused {
                message: "1 of 2 generations".into(),
            },
            "Paused: 1 of 2 generations",
        ),
        (RunState::Finished, "Finished."),
    ] {
        RunRecord::open(&dir).unwrap().put_state(&state).unwrap();
        says(None, &RunView::read(&dir), &[words]);
    }
    let failed = JobState::Failed("error: no such task".into());
    says(
        Some(failed),
        &RunView::read(&dir),
        &["The search failed: error: no such task"],
    );
    run.lost = true;
    says(None, &run, &["The record of this run is gone from"]);
}

#[test]
fn the_watcher_notices_a_lost_record() {
    let folder = tempfile::tempdir().unwrap();
    let dir = record(folder.path());
    let watcher = carrot_studio::watcher::Watcher::start(|| {}).unwrap();
    watcher.watch(&dir);
    let until = |what: &dyn Fn(&RunView) -> bool| {
        let give_up = Instant::now() + Duration::from_secs(10);
        while !what(&watcher.view()) {
            assert!(Instant::now() < give_up, "{:?}", watcher.view());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(&|view| view.exists && view.overview.rows.len() == 4);
    let away = folder.path().join("away");
    std::fs::rename(&dir, &away).unwrap();
    until(&|view| view.lost);
    std::fs::rename(&away, &dir).unwrap();
    until(&|view| !view.lost && view.candidates.len() == 4);
}

#[test]
fn a_candidate_shows_all_that_is_known_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(Panel::Candidate, RunView::read(&record(folder.path())));
    bench.selected = Some((1, 0));
    let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
    harness.get_by_label("g1c0, the best");
    harness.get_by_label_contains("fitness 0.900 ± 0.049 · success 75 %");
    harness.get_by_label_contains("still = -abs(obs.speed)");
    // Against its parent unless something else is chosen.
    harness.get_by_label("Difference").click();
    harness.run();
    harness.get_by_label("1 line removed (-), 2 lines added (+)");
    harness.get_by_label("-     total = 1.0 * upright");
    harness.get_by_label("+     total = 2.5 * upright + still");
    harness.get_by_label("Training").click();
    harness.run();
    harness.get_by_label("Plot: Fitness in training");
    harness.get_by_label("Plot: Terms in training, mean per step");
    harness.get_by_label("Prompt and reply").click();
    harness.run();
    harness.get_by_label_contains("evolve answers with programs alone.");

    harness.state_mut().selected = Some((0, 1));
    harness.run();
    harness.get_by_label("Prompt of generation 0 (generate)");
    harness.get_by_label("Balance the pole.");
    harness.get_by_label("Source").click();
    harness.run();
    harness.get_by_label_contains("error[unknown-name]");
    for button in ["Play", "Compare with best", "g0c1 is good"] {
        assert!(harness.get_by_label(button).accesskit_node().is_disabled(), "{button}");
    }
}

#[test]
fn the_buttons_of_a_candidate_want_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(Panel::Candidate, RunView::read(&record(folder.path())));
    bench.selected = Some((0, 0));
    let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
    let mut press = |name: &str| {
        harness.state_mut().wanted.clear();
        harness.get_by_label(name).click();
        harness.run();
        harness.state_mut().wanted.remove(0)
    };
    assert!(
        matches!(press("Put into the editor"), Command::LoadProgram { text, from } if text == BASE && from == "g0c0")
    );
    assert!(matches!(press("Play"), Command::PlayCandidate((0, 0))));
    assert!(matches!(press("Compare with best"), Command::Compare((0, 0), (1, 0))));
    for (name, is_good) in [("g0c0 is good", true), ("g0c0 is bad", false)] {
        let Command::Say(Feedback::Rating { of, good }) = press(name) else {
            panic!("{name} says nothing");
        };
        assert_eq!((of, good), (behaviour(BASE, (0, 0)), is_good));
    }
}

#[test]
fn the_replies_of_a_language_model_are_shown_with_their_cost() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let record = RunRecord::create(&dir, &config()).unwrap();
    record.put_object(POLICY.as_bytes()).unwrap();
    let mut first = candidate(0, 0, "", BASE, evaluated(0.6, 0.2));
    let mut second = candidate(1, 0, "", CHILD, evaluated(0.9, 0.1));
    first.proposer = "openai:some-model".into();
    second.proposer.clone_from(&first.proposer);
    record.put_candidate(&first).unwrap();
    record.put_candidate(&second).unwrap();
    let shown = json!([{"role": "assistant", "content": format!("```python\n{BASE}```")}, {"role": "user", "content": "Better, please."}]);
    record.put_prompt(1, "generate", &shown).unwrap();
    for (generation, text) in [(0, BASE), (1, CHILD)] {
        let request = json!({"generation": generation, "repair_of": null, "messages": []}).to_string();
        let answer = json!({
            "model": "some-model", "temperature": 1.0, "content": format!("Here:\n```python\n{text}```"), "finish_reason": "stop",
            "requests": 1, "prompt_tokens": 1_500, "completion_tokens": 250,
        });
        record
            .put_exchanges(&format!("{generation:064}"), 0, &request, &[answer.to_string()])
            .unwrap();
    }
    record
        .put_fact(
            "ledger",
            &json!({"requests": 2, "prompt_tokens": 3_000, "completion_tokens": 500, "cost": 0.01}),
        )
        .unwrap();
    let run = RunView::read(&dir);
    assert_eq!(run.overview.rows[1].parents, [0], "the prompt held it up");
    let mut bench = Bench::new(Panel::Candidate, run);
    bench.selected = Some((1, 0));
    let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
    harness.get_by_label("Prompt and reply").click();
    harness.run();
    harness.get_by_label("The whole run: 2 requests, 3,000 tokens read, 500 written, cost 0.0100");
    // 1,500 · 2 / 10⁶ + 250 · 8 / 10⁶ = 0.005.
    harness.get_by_label_contains("1,500 tokens read, 250 written, all samples of this answer together, cost 0.0050");
    harness.get_by_label_contains("2.5 * upright + still");
    harness.get_by_label("Better, please.");
}

#[test]
fn a_version_is_compared_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(Panel::History, RunView::read(&record(folder.path())));
    bench.document.program = CHILD.into();
    let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
    harness.get_by_label("Version 2, just now, slider: in the editor now; upright 1.0 → 2.5");
    harness
        .get_by_label("Version 1, just now, opened: the hand-written reward")
        .click();
    harness.run();
    harness.get_by_label("1 line removed (-), 2 lines added (+)");
    harness.key_press(Key::ArrowUp);
    harness.run();
    harness.get_by_label("The texts are the same.");
    harness.key_press(Key::ArrowDown);
    harness.run();
    harness.get_by_label("Put version 1 back").click();
    harness.run();
    assert!(
        matches!(&harness.state().wanted[..], [Command::LoadProgram { text, from }] if text == BASE && from == "version 1")
    );
}

#[test]
fn everything_has_a_name_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let dir = record(folder.path());
    for (panel, tabs) in [
        (Panel::Search, &["Candidates", "Fitness", "Lineage"][..]),
        (
            Panel::Candidate,
            &["Source", "Difference", "Prompt and reply", "Training"],
        ),
        (Panel::History, &["Versions of the reward"]),
    ] {
        let mut bench = Bench::new(panel, RunView::read(&dir));
        bench.selected = Some((1, 0));
        let mut harness = harness(bench, [560.0, 640.0], Theme::Dark);
        let watch = Watch::over(&harness.ctx);
        for tab in tabs {
            harness.get_all_by_label(tab).last().unwrap().click();
            harness.run();
            assert_eq!(watch.faults(), [""; 0], "{panel:?}: {tab}");
            assert!(watch.interactive().len() >= 3, "{panel:?}: {tab}");
        }
    }
}

/// 50 generations of 20.
fn large(folder: &Path) -> RunView {
    let dir = folder.join("large");
    drop(RunRecord::create(&dir, &config()).unwrap());
    let mut run = RunView::read(&dir);
    run.candidates = (0..1_000)
        .map(|at| {
            let (generation, index) = (at / 20, at % 20);
            let note = match generation {
                0 => "drawn anew, following the task".to_owned(),
                _ => format!(
                    "cross of g{}c{} and g{}c{}",
                    generation - 1,
                    index * 7 % 20,
                    generation - 1,
                    index * 3 % 20
                ),
            };
            candidate(
                generation,
                index,
                &note,
                CHILD,
                evaluated(f64::from(at * 37 % 1_000) / 1e3, 0.1),
            )
        })
        .collect::<Vec<_>>()
        .into();
    run.overview = carrot_studio::overview::Overview::of(&run).into();
    run
}

#[test]
fn a_thousand_candidates_cost_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    let run = large(folder.path());
    let mut harness = see(Panel::Search, run);
    // Optimised by nobody, a frame takes several times as long.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 40 } else { 4 });
    for view in ["Candidates", "Fitness", "Lineage"] {
        harness.get_all_by_label(view).last().unwrap().click();
        harness.run();
        let mut times: Vec<Duration> = (0..50)
            .map(|_| {
                harness.state_mut().slowest = Duration::ZERO;
                harness.step();
                harness.state().slowest
            })
            .collect();
        times.sort();
        println!("{view}: median {:?}, slowest {:?}", times[25], times[49]);
        assert!(times[25] < limit, "{view}: {:?}", times[25]);
    }
}

#[test]
fn pictures() {
    let folder = tempfile::tempdir().unwrap();
    let dir = record(folder.path());
    let mut results = SnapshotResults::new();
    let mut picture = |name: &str, panel: Panel, theme: Theme, size: [f32; 2], tab: Option<&str>| {
        let mut bench = Bench::new(panel, RunView::read(&dir));
        bench.selected = Some((1, 0));
        bench.document.program = BASE.into();
        let mut harness = harness(bench, size, theme);
        if let Some(tab) = tab {
            harness.get_all_by_label(tab).last().unwrap().click();
            harness.run();
        }
        harness.snapshot(name);
        results.extend(harness.take_snapshot_results());
    };
    let (tall, narrow) = ([560.0, 480.0], [340.0, 480.0]);
    picture("search_dark", Panel::Search, Theme::Dark, tall, None);
    picture("search_light_narrow", Panel::Search, Theme::Light, narrow, None);
    picture("search_fitness", Panel::Search, Theme::Dark, tall, Some("Fitness"));
    picture("search_lineage", Panel::Search, Theme::Light, tall, Some("Lineage"));
    picture(
        "candidate_difference_dark",
        Panel::Candidate,
        Theme::Dark,
        tall,
        Some("Difference"),
    );
    picture(
        "candidate_difference_light",
        Panel::Candidate,
        Theme::Light,
        narrow,
        Some("Difference"),
    );
    picture(
        "candidate_training",
        Panel::Candidate,
        Theme::Dark,
        tall,
        Some("Training"),
    );
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = record(folder.path());
    let first = RunView::read(&dir);
    let record = RunRecord::open(&dir).unwrap();
    let progress = SearchProgress {
        steps_done: 7,
        ..SearchProgress::default()
    };
    record.put_progress(&progress).unwrap();
    let second = RunView::read_on(&dir, &first);
    assert_eq!(second.progress.as_ref().map(|progress| progress.steps_done), Some(7));
    assert!(std::sync::Arc::ptr_eq(&first.candidates, &second.candidates));
    // One that is replaced, and a word, are news.
    record
        .put_candidate(&candidate(0, 0, "repaired", BASE, evaluated(0.1, 0.1)))
        .unwrap();
    let third = RunView::read_on(&dir, &second);
    assert_eq!(third.candidates[0].note, "repaired");
    assert_eq!(third.overview.rows[0].note, "repaired");
    let comment = Feedback::Comment {
        of: None,
        step: None,
        text: "more".into(),
    };
    record.put_feedback("more", &comment).unwrap();
    let fourth = RunView::read_on(&dir, &third);
    assert_eq!(fourth.feedback.len(), third.feedback.len() + 1);
}
