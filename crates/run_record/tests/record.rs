//! What goes into a record comes out of it again, and what should not go in is refused with a clear word.

mod samples;

use std::fs;
use std::path::Path;

use carrot_run_record::{Candidate, Outcome, Program, RecordError, RunRecord, list};
use samples::{candidate, evaluated, job, outcomes};
use serde_json::json;

fn config() -> toml::Table {
    "task = \"hopper/hop_forward\"\nproposer = \"evolve\"\nseed = 7\n[ppo]\ngamma = 0.99"
        .parse()
        .unwrap()
}

#[test]
fn every_outcome_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs/one");
    let record = RunRecord::create(&dir, &config()).unwrap();
    let policy = record.put_object(b"a policy").unwrap();
    let outcomes = outcomes(&policy);
    for (seed, outcome) in (0..).zip(&outcomes) {
        assert_eq!(record.evaluation(&job(seed)).unwrap(), None);
        record.put_evaluation(&job(seed), outcome).unwrap();
    }
    drop(record);

    let record = RunRecord::open(&dir).unwrap();
    assert_eq!(record.config().unwrap(), config());
    assert_eq!(record.evaluation_count().unwrap(), outcomes.len());
    for (seed, outcome) in (0..).zip(&outcomes) {
        // Debug text tells -0.0 from 0.0, which == does not.
        let back = record.evaluation(&job(seed)).unwrap().unwrap();
        assert_eq!(format!("{back:?}"), format!("{outcome:?}"));
    }
}

#[test]
fn candidates_come_back_in_order_and_a_second_one_replaces_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let policy = record.put_object(b"a policy").unwrap();
    let module = record.put_object(b"\0asm").unwrap();
    let mut expected: Vec<Candidate> = (0..)
        .zip(outcomes(&policy))
        .map(|(index, outcome)| candidate(index / 2, index % 2, outcome))
        .collect();
    for candidate in expected.iter().rev() {
        record.put_candidate(candidate).unwrap();
    }
    expected[0].note = "repaired".into();
    expected[0].program = Program::Wasm {
        file: "spin.wasm".into(),
        object: module,
    };
    record.put_candidate(&expected[0]).unwrap();
    assert_eq!(record.candidates().unwrap(), expected);
    assert_eq!(record.candidate_count().unwrap(), expected.len());
}

#[test]
fn exchanges_and_facts_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let answer = |text: &str| [text.to_owned()];
    record
        .put_exchanges("beef", 1, r#"{"q":1}"#, &answer(r#"{"a":"zwei\n"}"#))
        .unwrap();
    record
        .put_exchanges("beef", 0, r#"{"q":1}"#, &answer(r#"{"a":1}"#))
        .unwrap();
    assert_eq!(record.exchange("beef", 0).unwrap().as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(record.exchange("beef", 2).unwrap(), None);
    let keys: Vec<(String, u32)> = record.exchanges().unwrap().into_iter().map(|e| (e.0, e.1)).collect();
    assert_eq!(keys, [("beef".to_owned(), 1), ("beef".to_owned(), 0)]); // in order of arrival

    assert_eq!(record.fact("winner").unwrap(), None);
    record.put_fact("winner", &json!({"fitness": 0.1})).unwrap();
    record.put_fact("winner", &json!({"fitness": 2.5e-7})).unwrap();
    assert_eq!(record.fact("winner").unwrap(), Some(json!({"fitness": 2.5e-7})));
}

#[test]
fn nothing_is_kept_twice() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let policy = record.put_object(b"a policy").unwrap();
    record.put_evaluation(&job(1), &evaluated(&policy, 1.0)).unwrap();
    let error = record.put_evaluation(&job(1), &evaluated(&policy, 2.0)).unwrap_err();
    assert!(matches!(error, RecordError::Duplicate { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("evaluation {} is recorded already", job(1).key()))
    );
    assert_eq!(record.evaluation(&job(1)).unwrap(), Some(evaluated(&policy, 1.0)));

    let samples = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    record.put_exchanges("beef", 2, "{}", &samples(&["3", "4"])).unwrap();
    record.put_exchanges("beef", 0, "{}", &samples(&["1"])).unwrap();
    let error = record
        .put_exchanges("beef", 0, "{}", &samples(&["2"]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("request beef, sample 0, is recorded already"), "{error}");
    assert_eq!(record.exchange("beef", 0).unwrap().as_deref(), Some("1"));

    // The samples of an answer stay together: sample 2 is there already, so sample 1 is not kept either.
    record
        .put_exchanges("beef", 1, "{}", &samples(&["5", "6"]))
        .unwrap_err();
    assert_eq!(record.exchange("beef", 1).unwrap(), None);
    assert_eq!(record.exchanges().unwrap().len(), 3);
}

#[test]
fn a_row_never_points_at_a_missing_object() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let missing = "ab".repeat(32);
    let refused = [
        record.put_evaluation(&job(1), &evaluated(&missing, 1.0)),
        record.put_evaluation(&job(1), &evaluated("../../config.toml", 1.0)),
        record.put_candidate(&candidate(0, 0, evaluated(&missing, 1.0))),
    ];
    for error in refused.map(Result::unwrap_err) {
        assert!(error.to_string().contains("must be stored before"), "{error}");
    }
    assert_eq!(record.evaluation_count().unwrap(), 0);
    assert_eq!(record.candidates().unwrap(), []);
}

#[test]
fn a_fitness_that_is_not_finite_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let policy = record.put_object(b"a policy").unwrap();
    for fitness in [f64::NAN, f64::INFINITY] {
        let error = record
            .put_evaluation(&job(1), &evaluated(&policy, fitness))
            .unwrap_err();
        assert!(
            error.to_string().contains("holds a number that is not finite"),
            "{error}"
        );
    }
    assert_eq!(record.evaluation(&job(1)).unwrap(), None);
}

#[test]
fn a_damaged_object_is_noticed_and_can_be_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let hash = record.put_object(b"four").unwrap();
    assert_eq!(hash, "04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00");
    assert_eq!(record.put_object(b"four").unwrap(), hash);
    let path = record.object_path(&hash);
    assert!(path.ends_with(format!("objects/04/{}", &hash[2..])));
    for damaged in [&b"five"[..], b""] {
        fs::write(&path, damaged).unwrap();
        let error = record.object(&hash).unwrap_err().to_string();
        assert!(
            error.contains("the file is damaged") && error.contains(&hash[2..]),
            "{error}"
        );
    }
    record.put_object(b"four").unwrap();
    assert_eq!(record.object(&hash).unwrap(), b"four");
    fs::remove_file(&path).unwrap();
    assert!(matches!(record.object(&hash), Err(RecordError::NotFound(_))));
}

#[test]
fn one_writes_and_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let writer = RunRecord::create(&dir, &config()).unwrap();
    assert!(matches!(RunRecord::open(&dir), Err(RecordError::InUse(_))));

    let reader = RunRecord::open_read_only(&dir).unwrap();
    let policy = writer.put_object(b"a policy").unwrap();
    writer.put_evaluation(&job(1), &evaluated(&policy, 1.0)).unwrap();
    assert_eq!(reader.evaluation(&job(1)).unwrap(), Some(evaluated(&policy, 1.0)));
    for error in [
        reader.put_object(b"other").map(drop),
        reader.put_evaluation(&job(2), &evaluated(&policy, 1.0)),
        reader.put_exchanges("beef", 0, "{}", &["{}".to_owned()]),
        reader.put_candidate(&candidate(0, 0, evaluated(&policy, 1.0))),
        reader.put_fact("winner", &json!(1)),
    ] {
        assert!(matches!(error, Err(RecordError::ReadOnly(_))), "{error:?}");
    }

    drop(writer);
    RunRecord::open(&dir).unwrap();
}

#[test]
fn threads_share_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let record = RunRecord::create(&folder.path().join("one"), &config()).unwrap();
    let per_thread = 25;
    let refused: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let record = &record;
                scope.spawn(move || {
                    let own = (0..per_thread).map(|i| worker * per_thread + i);
                    let contested = 1_000..1_000 + per_thread; // every thread tries these
                    own.chain(contested)
                        .filter(|&seed| {
                            let policy = record.put_object(format!("policy {seed}").as_bytes()).unwrap();
                            match record.put_evaluation(&job(seed), &evaluated(&policy, seed as f64)) {
                                Ok(()) => false,
                                Err(RecordError::Duplicate { .. }) => true,
                                Err(error) => panic!("{error}"),
                            }
                        })
                        .count()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(refused, 3 * per_thread as usize); // of four tries one succeeds
    assert_eq!(record.evaluation_count().unwrap(), 5 * per_thread as usize);
    for seed in (0..4 * per_thread).chain(1_000..1_000 + per_thread) {
        let Some(Outcome::Evaluated(evaluated)) = record.evaluation(&job(seed)).unwrap() else {
            panic!("evaluation {seed} is missing");
        };
        assert_eq!(
            record.object(&evaluated.policy).unwrap(),
            format!("policy {seed}").as_bytes()
        );
    }
}

#[test]
fn what_is_no_run_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let damage = |name: &str, file: &str, bytes: &[u8]| {
        drop(RunRecord::create(&at(name), &config()).unwrap());
        fs::write(at(name).join(file), bytes).unwrap();
    };
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("half")).unwrap();
    fs::write(at("half/config.toml"), "task = 1").unwrap();
    fs::write(at("file"), "").unwrap();
    damage("garbage", "run.sqlite", &[b'x'; 5_000]);
    damage("cut", "run.sqlite", b"");
    damage("config", "config.toml", b"task = ");
    damage("newer", "lock", b"");
    let database = rusqlite::Connection::open(at("newer/run.sqlite")).unwrap();
    database.pragma_update(None, "user_version", 3).unwrap();
    drop(database);

    for (name, expected) in [
        ("absent", "there is no run"),
        ("empty", "is no run: it has no config.toml"),
        ("half", "is no run: it has no run.sqlite"),
        ("file", "is no run"),
        ("garbage", "garbage/run.sqlite: file is not a database"),
        ("cut", "cut/run.sqlite: this is no run's database"),
        (
            "newer",
            "newer/run.sqlite: written by a newer Carrot (record version 3, this one reads 2)",
        ),
        ("config", "config/config.toml: TOML parse error at line 1"),
    ] {
        for open in [RunRecord::open, RunRecord::open_read_only] {
            let message = match open(&at(name)).and_then(|record| record.config()) {
                Ok(_) => panic!("{name} opens"),
                Err(error) => error.to_string(),
            };
            assert!(message.contains(expected), "{name}: {message}");
        }
    }
    let names: Vec<_> = list(folder.path())
        .unwrap()
        .unreadable
        .into_iter()
        .map(|bad| bad.0)
        .collect();
    assert_eq!(names, ["config", "cut", "empty", "garbage", "half", "newer"].map(at));
}

#[test]
fn damage_inside_the_database_names_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = RunRecord::create(&dir, &config()).unwrap();
    let policy = record.put_object(b"a policy").unwrap();
    record.put_evaluation(&job(1), &evaluated(&policy, 1.0)).unwrap();
    rusqlite::Connection::open(dir.join("run.sqlite"))
        .unwrap()
        .execute("UPDATE evaluation SET outcome = substr(outcome, 1, 40)", ())
        .unwrap();
    let message = record.evaluation(&job(1)).unwrap_err().to_string();
    assert!(
        message.contains(&format!("evaluation {} is damaged: EOF", job(1).key())),
        "{message}"
    );
}

#[test]
fn a_run_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    drop(RunRecord::create(&empty, &config()).unwrap()); // an empty folder is no run yet
    let error = RunRecord::create(&empty, &toml::Table::new()).map(drop).unwrap_err();
    assert!(matches!(error, RecordError::Exists(_)), "{error}");
    assert_eq!(RunRecord::open(&empty).unwrap().config().unwrap(), config());

    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(
        RunRecord::create(&file, &config()),
        Err(RecordError::Exists(_))
    ));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let message = RunRecord::create(Path::new("/"), &config())
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(message.contains("a run needs a folder name of its own"), "{message}");
}

#[test]
fn a_list_says_what_each_run_did() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(list(&folder.path().join("none yet")).unwrap().runs, []);
    let old = RunRecord::create(&folder.path().join("old"), &config()).unwrap();
    let policy = old.put_object(b"a policy").unwrap();
    for (index, fitness) in [(0, 1.5), (1, 2.5), (2, -3.0)] {
        old.put_candidate(&candidate(0, index, evaluated(&policy, fitness)))
            .unwrap();
        old.put_evaluation(&job(index.into()), &evaluated(&policy, fitness))
            .unwrap();
    }
    old.put_fact("finished", &json!(true)).unwrap();
    let _being_written = RunRecord::create(&folder.path().join("new"), &toml::Table::new()).unwrap();
    fs::create_dir(folder.path().join(".hidden")).unwrap();

    let found = list(folder.path()).unwrap();
    assert!(found.unreadable.is_empty(), "{:?}", found.unreadable);
    let [new, old] = found.runs.as_slice() else {
        panic!("two runs, not {:?}", found.runs);
    };
    assert_eq!((old.name.as_str(), new.name.as_str()), ("old", "new"));
    assert_eq!(old.task.as_deref(), Some("hopper/hop_forward"));
    assert_eq!(old.proposer.as_deref(), Some("evolve"));
    assert_eq!((old.candidates, old.evaluations, old.best_fitness), (3, 3, Some(2.5)));
    assert!(old.started_unix_secs.unwrap() > 1_700_000_000);
    assert!(old.finished_unix_secs >= old.started_unix_secs);
    assert_eq!((new.task.as_deref(), new.candidates, new.best_fitness), (None, 0, None));
    assert_eq!(new.finished_unix_secs, None);
}

#[test]
fn checkpoints_of_old_records_are_read() {
    let old = r#"{"steps":4096,"fitness":1.5,"success_rate":0.25,"episode_length":100.0,"reward":0.5,"terms":[0.25],"faults":2}"#;
    let read: carrot_environment::Checkpoint = serde_json::from_str(old).unwrap();
    assert_eq!((read.steps, read.faults, &read.terms[..]), (4096, 2, &[0.25][..]));
    assert_eq!(
        (read.episode_lengths, read.reward_range, read.term_ranges.len()),
        (None, None, 0)
    );
}
