//! An interrupted search goes on as if nothing had happened.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use carrot_reward_search::{Event, Evolve, Random, Retraining, SearchConfig, SearchError, retrain, search};
use carrot_run_record::RunRecord;

use crate::{bench, new_record, run, tiny};

#[test]
fn a_resumed_search_repeats_no_evaluation_and_has_the_same_winner() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    let config = tiny("evolve", 3, 4);
    let whole = new_record(&folder.path().join("whole"), &config);
    let expected = run(&config, &bench, &whole, &mut Evolve::new(), &|_| {}).unwrap();

    let dir = folder.path().join("interrupted");
    drop(new_record(&dir, &config));
    let trained = AtomicUsize::new(0);
    // Interrupted once in each generation, and in the middle of a training.
    for stop_after in [2, 3, 4, usize::MAX] {
        let record = RunRecord::open(&dir).unwrap();
        let before = record.evaluation_count().unwrap();
        let interrupted = AtomicBool::new(false);
        let finished = AtomicUsize::new(0);
        let result = search(
            &config,
            &bench,
            &record,
            &mut Evolve::new(),
            &|event| {
                if let Event::Finished { reused: false, .. } = event {
                    trained.fetch_add(1, Ordering::SeqCst);
                    if finished.fetch_add(1, Ordering::SeqCst) + 1 == stop_after {
                        interrupted.store(true, Ordering::SeqCst);
                    }
                }
            },
            &interrupted,
        );
        if stop_after == usize::MAX {
            let winner = result.unwrap();
            assert_eq!(
                (winner.source, winner.fitness),
                (expected.source.clone(), expected.fitness)
            );
            assert_eq!(winner.candidate, expected.candidate);
        } else {
            assert!(matches!(result, Err(SearchError::Interrupted)));
            assert!(record.evaluation_count().unwrap() >= before + stop_after.min(2));
            assert_eq!(record.fact("winner").unwrap(), None);
        }
    }
    let record = RunRecord::open(&dir).unwrap();
    assert_eq!(record.candidates().unwrap(), whole.candidates().unwrap());
    assert_eq!(record.evaluation_count().unwrap(), 12);
    assert_eq!(trained.load(Ordering::SeqCst), 12);
}

#[test]
fn workers_change_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    let candidates = |workers: usize| {
        let config = SearchConfig {
            workers,
            ..tiny("random", 2, 3)
        };
        let record = new_record(&folder.path().join(workers.to_string()), &config);
        run(&config, &bench, &record, &mut Random::new(), &|_| {}).unwrap();
        record.candidates().unwrap()
    };
    assert_eq!(candidates(1), candidates(3));
}

#[test]
fn progress_ends_where_the_plan_ends() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("evolve", 2, 2);
    let record = new_record(&folder.path().join("run"), &config);
    let last = std::sync::Mutex::new((0, 0));
    run(&config, &bench(), &record, &mut Evolve::new(), &|event| {
        if let Event::Finished {
            steps_done,
            steps_planned,
            ..
        } = event
        {
            *last.lock().unwrap() = (*steps_done, *steps_planned);
        }
    })
    .unwrap();
    assert_eq!(*last.lock().unwrap(), (4 * 2_048, 4 * 2_048));
}

#[test]
fn retraining_compares_on_fresh_seeds_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    let config = tiny("evolve", 1, 1);
    let record = new_record(&folder.path().join("run"), &config);
    let file = bench.task.human_reward.clone().unwrap();
    let human = carrot_workbench::ProgramBytes {
        file: "human.py".into(),
        body: carrot_workbench::ProgramBody::Source(std::fs::read_to_string(file).unwrap()),
    };
    let programs = [("human".to_owned(), human.clone()), ("again".to_owned(), human)];
    let retraining = Retraining {
        settings: config.settings(&bench.task).unwrap(),
        episodes: 2,
        seeds: &[7, 8],
        workers: 2,
    };
    let steps = AtomicUsize::new(0);
    let train = || {
        let observer = |done: u64| {
            steps.fetch_max(done as usize, Ordering::SeqCst);
        };
        retrain(
            &bench,
            &record,
            &programs,
            &retraining,
            &observer,
            &AtomicBool::new(false),
        )
        .unwrap()
    };
    let first = train();
    assert_eq!(record.evaluation_count().unwrap(), 2);
    assert_eq!(first[0].fitness.len(), 2);
    assert_eq!(
        (&first[0].fitness, first[0].mean, first[0].sd),
        (&first[1].fitness, first[1].mean, first[1].sd)
    );
    assert!(first[0].sd.is_some() && record.object(first[0].policy.as_ref().unwrap()).is_ok());
    assert_eq!(train(), first);
    assert_eq!(record.evaluation_count().unwrap(), 2);
    assert_eq!(steps.load(Ordering::SeqCst), 2 * 2_048);
}

#[test]
fn included_files_may_change_or_vanish_once_the_search_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    let file = folder.path().join("mine.py");
    let text = std::fs::read_to_string(bench.task.human_reward.as_ref().unwrap()).unwrap();
    std::fs::write(&file, &text).unwrap();
    let config = SearchConfig {
        include: vec![file.display().to_string()],
        ..tiny("evolve", 1, 1)
    };
    let record = new_record(&folder.path().join("run"), &config);
    let first = run(&config, &bench, &record, &mut Evolve::new(), &|_| {}).unwrap();
    let candidates = record.candidates().unwrap();

    for change in ["changed", "vanished"] {
        match change {
            "changed" => std::fs::write(&file, "import torch\n").unwrap(),
            _ => std::fs::remove_file(&file).unwrap(),
        }
        let again = run(&config, &bench, &record, &mut Evolve::new(), &|_| {}).unwrap();
        assert_eq!(again.candidate, first.candidate, "{change}");
        assert_eq!(record.candidates().unwrap(), candidates, "{change}");
        assert_eq!(record.evaluation_count().unwrap(), 2, "{change}");
    }
}

#[test]
fn results_of_different_versions_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("evolve", 1, 1);
    for (what, then) in [
        ("carrot", "0.0.9+abc"),
        ("engine", "mujoco 3.0.0"),
        ("task", "other files"),
    ] {
        let record = new_record(&folder.path().join(what), &config);
        let bench = bench();
        run(&config, &bench, &record, &mut Evolve::new(), &|_| {}).unwrap();
        let mut basis = record.fact("basis").unwrap().unwrap();
        basis[what] = then.into();
        record.put_fact("basis", &basis).unwrap();
        let error = run(&config, &bench, &record, &mut Evolve::new(), &|_| {}).unwrap_err();
        let SearchError::Changed { what: found, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*found, what);
        assert!(
            error
                .to_string()
                .contains(&format!("started with {what} {then}, but this is")),
            "{error}"
        );
    }
}
