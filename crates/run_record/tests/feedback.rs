//! What people say is kept as they said it, whoever else writes the run at the time.

mod samples;

use std::path::Path;

use carrot_run_record::{
    Behaviour, Driver, EditKind, Feedback, InTraining, RecordError, RunRecord, RunState, SearchProgress, Verdict,
};
use samples::{candidate, evaluated, job};
use serde_json::json;

fn behaviour(digit: char) -> Behaviour {
    Behaviour {
        program: digit.to_string().repeat(64),
        candidate: Some((0, 1)),
        driver: Driver::Policy,
        seed: u64::MAX,
    }
}

fn comment(text: &str) -> Feedback {
    Feedback::Comment {
        of: None,
        step: None,
        text: text.into(),
    }
}

fn edit(text: &str, how: EditKind, summary: &str) -> Feedback {
    Feedback::Edit {
        text: text.into(),
        how,
        summary: summary.into(),
    }
}

fn new_run(dir: &Path) -> RunRecord {
    RunRecord::create(dir, &"task = \"hopper/hop_forward\"\ngenerations = 2".parse().unwrap()).unwrap()
}

/// Makes the file what an older Carrot wrote.
fn make_version_1(dir: &Path) {
    let database = rusqlite::Connection::open(dir.join("run.sqlite")).unwrap();
    database
        .execute_batch("DROP TABLE feedback; DROP TABLE prompt; PRAGMA user_version = 1")
        .unwrap();
}

fn version(dir: &Path) -> i64 {
    let database = rusqlite::Connection::open(dir.join("run.sqlite")).unwrap();
    database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

#[test]
fn every_kind_comes_back_as_it_was_given_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    let plan = Behaviour {
        candidate: None,
        driver: Driver::Plan,
        seed: 0,
        ..behaviour('b')
    };
    let verdicts = [Verdict::A, Verdict::B, Verdict::Tie, Verdict::CannotTell];
    let mut said: Vec<Feedback> = verdicts
        .map(|verdict| Feedback::Preference {
            a: behaviour('a'),
            b: plan.clone(),
            verdict,
        })
        .to_vec();
    said.extend([true, false].map(|good| Feedback::Rating {
        of: behaviour('a'),
        good,
    }));
    said.extend(
        [(None, None), (Some(plan.clone()), None), (Some(plan), Some(u64::MAX))].map(|(of, step)| Feedback::Comment {
            of,
            step,
            text: "humpelt \"ü\"\n\tlinks 🐇".into(),
        }),
    );
    let kinds = [
        EditKind::Typed,
        EditKind::Slider,
        EditKind::QuickFix,
        EditKind::Format,
        EditKind::Opened,
        EditKind::Undo,
    ];
    said.extend(kinds.map(|how| edit("def compute_reward(x):\n\treturn x\n", how, "upright 1 → 2")));
    said.push(edit("", EditKind::Typed, ""));

    for (n, feedback) in said.iter().enumerate() {
        assert!(record.put_feedback(&n.to_string(), feedback).unwrap());
        assert!(!record.put_feedback(&n.to_string(), feedback).unwrap());
    }
    let error = record.put_feedback("0", &comment("something else")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("feedback 0, with other content, is recorded already"),
        "{error}"
    );
    drop(record);

    let entries = RunRecord::open_read_only(&dir).unwrap().feedback().unwrap();
    for (n, (entry, feedback)) in entries.iter().zip(&said).enumerate() {
        assert_eq!((&entry.id, &entry.feedback), (&n.to_string(), feedback));
        assert_eq!(entry.position, n as i64 + 1);
        assert!(entry.written_unix_secs > 1_700_000_000);
    }
    assert_eq!(entries.len(), said.len());
    let later = RunRecord::open(&dir).unwrap().feedback_after(3).unwrap();
    assert_eq!(later, entries[3..]);
}

#[test]
fn the_rows_are_plain_json() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    let of = behaviour('a');
    let verdict = Verdict::CannotTell;
    let (a, b) = (of.clone(), behaviour('b'));
    record
        .put_feedback("1", &Feedback::Preference { a, b, verdict })
        .unwrap();
    record.put_feedback("2", &Feedback::Rating { of, good: true }).unwrap();
    record.put_feedback("3", &edit("x", EditKind::QuickFix, "")).unwrap();
    let database = rusqlite::Connection::open(dir.join("run.sqlite")).unwrap();
    let mut select = database
        .prepare("SELECT feedback FROM feedback ORDER BY position")
        .unwrap();
    let rows: Vec<serde_json::Value> = select
        .query_map((), |row| row.get::<_, String>(0))
        .unwrap()
        .map(|text| serde_json::from_str(&text.unwrap()).unwrap())
        .collect();
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["verdict"]),
        (&json!("preference"), &json!("cannot_tell"))
    );
    assert_eq!(rows[0]["a"]["candidate"], json!([0, 1]));
    assert_eq!(
        (&rows[1]["of"]["driver"], &rows[1]["good"]),
        (&json!("policy"), &json!(true))
    );
    assert_eq!(
        rows[2],
        json!({ "kind": "edit", "text": "x", "how": "quick_fix", "summary": "" })
    );
}

#[test]
fn what_says_nothing_or_too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let record = new_run(&folder.path().join("one"));
    let at = |of: Option<Behaviour>, step| Feedback::Comment {
        of,
        step,
        text: "here".into(),
    };
    let hash = |text: &str| Behaviour {
        program: text.into(),
        ..behaviour('a')
    };
    for (id, feedback, expected) in [
        ("1", comment(" \n\t"), "a comment without words"),
        (
            "2",
            comment(&"ü".repeat(10_001)),
            "at most 10000 characters; this one has 10001",
        ),
        ("3", at(None, Some(7)), "a comment on step 7 needs the behaviour"),
        ("4", at(Some(hash("g0c1")), None), "`g0c1` names no program"),
        (
            "5",
            edit(&"x".repeat(65_537), EditKind::Typed, ""),
            "a program holds at most 65536 bytes; this one has 65537",
        ),
        (
            "6",
            edit("x", EditKind::Slider, &"x".repeat(2_001)),
            "the summary of an edit holds at most 2000",
        ),
        (
            "7",
            Feedback::Preference {
                a: behaviour('a'),
                b: behaviour('a'),
                verdict: Verdict::A,
            },
            "one and the same",
        ),
        (
            "8",
            Feedback::Rating {
                of: hash(&"g".repeat(64)),
                good: true,
            },
            "names no program",
        ),
        ("", comment("words"), "needs a name"),
    ] {
        let error = record.put_feedback(id, &feedback).unwrap_err();
        assert!(matches!(error, RecordError::Refused(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(record.feedback().unwrap(), []);
    // The longest that is taken.
    for (id, feedback) in [
        ("a", comment(&"ü".repeat(10_000))),
        ("b", edit(&"x".repeat(65_536), EditKind::Typed, "")),
    ] {
        assert!(record.put_feedback(id, &feedback).unwrap());
    }
}

#[test]
fn people_speak_while_a_search_writes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let search = new_run(&dir);
    let policy = search.put_object(b"a policy").unwrap();
    let (speakers, each) = (3, 25);
    std::thread::scope(|scope| {
        for speaker in 0..speakers {
            let dir = &dir;
            scope.spawn(move || {
                let record = RunRecord::open_for_feedback(dir).unwrap();
                for n in 0..each {
                    // Everyone also repeats the same word, which is kept once.
                    record.put_feedback("common", &comment("faster")).unwrap();
                    let id = format!("{speaker}-{n}");
                    assert!(record.put_feedback(&id, &comment(&id)).unwrap());
                }
            });
        }
        for seed in 0..40 {
            search.put_evaluation(&job(seed), &evaluated(&policy, 1.0)).unwrap();
            search
                .put_feedback(&format!("search-{seed}"), &comment("aside"))
                .unwrap();
        }
    });
    let entries = search.feedback().unwrap();
    assert_eq!(entries.len(), speakers * each + 40 + 1);
    assert!(entries.windows(2).all(|pair| pair[0].position < pair[1].position));
    for speaker in 0..speakers {
        let own: Vec<&str> = entries
            .iter()
            .map(|entry| entry.id.as_str())
            .filter(|id| id.starts_with(&format!("{speaker}-")))
            .collect();
        let expected: Vec<String> = (0..each).map(|n| format!("{speaker}-{n}")).collect();
        assert_eq!(own, expected, "in the order in which they were said");
    }
    assert_eq!(search.evaluation_count().unwrap(), 40);
}

#[test]
fn who_listens_writes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    drop(new_run(&dir));
    let record = RunRecord::open_for_feedback(&dir).unwrap();
    for error in [
        record.put_object(b"other").map(drop),
        record.put_exchanges("beef", 0, "{}", &["{}".to_owned()]),
        record.put_fact("winner", &json!(1)),
        record.put_prompt(0, "generate", &json!([])),
        record.set_config(&toml::Table::new()),
        RunRecord::open_read_only(&dir)
            .unwrap()
            .put_feedback("1", &comment("x"))
            .map(drop),
    ] {
        assert!(matches!(error, Err(RecordError::ReadOnly(_))), "{error:?}");
    }
    let absent = RunRecord::open_for_feedback(&folder.path().join("none")).map(drop);
    assert!(matches!(absent, Err(RecordError::NotFound(_))));
    // It holds no lock.
    RunRecord::open(&dir).unwrap();
}

#[test]
fn a_run_of_version_1_is_read_as_it_is_and_written_as_version_2() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    let policy = record.put_object(b"a policy").unwrap();
    record.put_candidate(&candidate(0, 0, evaluated(&policy, 1.0))).unwrap();
    drop(record);
    make_version_1(&dir);

    let reader = RunRecord::open_read_only(&dir).unwrap();
    assert_eq!(reader.feedback().unwrap(), []);
    assert_eq!(reader.prompts().unwrap(), []);
    assert_eq!(reader.candidate_count().unwrap(), 1);
    assert_eq!(version(&dir), 1);

    // Several at once, one of which migrates; the reader from before sees what they say.
    std::thread::scope(|scope| {
        for speaker in 0..4 {
            let dir = &dir;
            scope.spawn(move || {
                let record = RunRecord::open_for_feedback(dir).unwrap();
                record.put_feedback(&speaker.to_string(), &comment("faster")).unwrap();
            });
        }
    });
    assert_eq!(version(&dir), 2);
    assert_eq!(reader.feedback().unwrap().len(), 4);
    assert_eq!(reader.candidates().unwrap(), [candidate(0, 0, evaluated(&policy, 1.0))]);

    make_version_1(&dir);
    let writer = RunRecord::open(&dir).unwrap();
    writer.put_prompt(0, "generate", &json!([])).unwrap();
    assert_eq!((version(&dir), reader.prompts().unwrap().len()), (2, 1));
}

#[test]
fn a_damaged_row_names_itself() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    record.put_feedback("1", &comment("faster")).unwrap();
    record.put_feedback("2", &comment("slower")).unwrap();
    record.put_prompt(1, "repair g1c0", &json!([])).unwrap();
    let database = rusqlite::Connection::open(dir.join("run.sqlite")).unwrap();
    database
        .execute_batch(
            "UPDATE feedback SET feedback = '{\"kind\":\"shout\"}' WHERE id = '2'; UPDATE prompt SET messages = '['",
        )
        .unwrap();
    let message = record.feedback().unwrap_err().to_string();
    assert!(
        message.contains("run.sqlite: feedback 2 is damaged: unknown variant `shout`"),
        "{message}"
    );
    let message = record.prompts().unwrap_err().to_string();
    assert!(
        message.contains("the prompt of generation 1 (repair g1c0) is damaged"),
        "{message}"
    );
}

#[test]
fn prompts_come_back_and_a_repeated_one_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    let messages = |text: &str| json!([{ "role": "user", "content": text }]);
    record.put_prompt(1, "generate", &messages("later")).unwrap();
    record.put_prompt(0, "repair g0c1", &messages("mend")).unwrap();
    record.put_prompt(0, "generate", &messages("first")).unwrap();
    let database = rusqlite::Connection::open(dir.join("run.sqlite")).unwrap();
    database.execute("UPDATE prompt SET written_unix_secs = 5", ()).unwrap();
    record.put_prompt(0, "generate", &messages("first")).unwrap();
    record.put_prompt(1, "generate", &messages("other")).unwrap();
    let prompts = record.prompts().unwrap();
    let told: Vec<_> = prompts
        .iter()
        .map(|prompt| (prompt.generation, prompt.purpose.as_str(), prompt.messages.clone()))
        .collect();
    let expected = [
        (0, "repair g0c1", messages("mend")),
        (0, "generate", messages("first")),
        (1, "generate", messages("other")),
    ];
    assert_eq!(told, expected);
    assert_eq!(prompts[1].written_unix_secs, 5, "nothing new was asked");
    assert!(prompts[2].written_unix_secs > 5);
}

#[test]
fn settings_change_until_there_is_a_candidate_and_then_only_the_rounds_to_come() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let record = new_run(&dir);
    let config = |text: &str| text.parse::<toml::Table>().unwrap();
    let base = "task = \"ant/run_forward\"\ngenerations = 3";
    record.set_config(&config(base)).unwrap();
    assert_eq!(record.config().unwrap(), config(base));
    let policy = record.put_object(b"a policy").unwrap();
    record.put_candidate(&candidate(1, 0, evaluated(&policy, 1.0))).unwrap();
    for (changed, expected) in [
        (
            "task = \"hopper/hop_forward\"\ngenerations = 3",
            "`task` is \"ant/run_forward\", not \"hopper/hop_forward\"",
        ),
        (
            "task = \"ant/run_forward\"\ngenerations = 1",
            "`generations` cannot become 1: 2 of them have begun",
        ),
        (
            "task = \"ant/run_forward\"",
            "`generations` cannot become absent: 2 of them have begun",
        ),
        ("generations = 3", "`task` is \"ant/run_forward\", not absent"),
        (
            "task = \"ant/run_forward\"\ngenerations = 3\nseed = 1",
            "`seed` is absent, not 1",
        ),
    ] {
        let message = record.set_config(&config(changed)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(record.config().unwrap(), config(base));
    }
    for generations in [5, 2] {
        let changed = config(&format!("task = \"ant/run_forward\"\ngenerations = {generations}"));
        record.set_config(&changed).unwrap();
        assert_eq!(RunRecord::open_read_only(&dir).unwrap().config().unwrap(), changed);
    }
    assert_eq!(record.begun_generations().unwrap(), 2);
}

#[test]
fn a_watcher_sees_how_far_a_search_is_and_whether_it_lives() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("one");
    let search = new_run(&dir);
    let watcher = RunRecord::open_read_only(&dir).unwrap();
    assert_eq!((watcher.progress().unwrap(), watcher.state().unwrap()), (None, None));
    let progress = SearchProgress {
        generation: 1,
        generations: 4,
        complete: 1,
        steps_done: 12,
        steps_planned: u64::MAX,
        doing: "training".into(),
        training: vec![InTraining {
            fitness: Some(0.1 + 0.2),
            ..InTraining::default()
        }],
        unix_secs: 1.5,
    };
    search.put_progress(&progress).unwrap();
    assert_eq!(watcher.progress().unwrap(), Some(progress));
    for state in [
        RunState::Running,
        RunState::Paused {
            message: "after 2 of 4 generations".into(),
        },
        RunState::Failed { message: "no".into() },
        RunState::Finished,
    ] {
        search.put_state(&state).unwrap();
        assert_eq!(watcher.state().unwrap(), Some(state));
    }
    assert!(RunRecord::is_in_use(&dir).unwrap());
    drop(search);
    assert!(!RunRecord::is_in_use(&dir).unwrap());
    std::fs::remove_file(dir.join("lock")).unwrap();
    assert!(!RunRecord::is_in_use(&dir).unwrap());
}
