//! Searches with a language model: a server on this machine that answers, errs, stalls and overflows as a script says.

use std::path::Path;
use std::time::{Duration, Instant};

use carrot_reward_search::{Event, OpenAi, OpenAiSettings, Proposer as _, Replay, SearchConfig, SearchError};
use carrot_run_record::{Candidate, Outcome, RunRecord};

use crate::server::{Reply, Server};
use crate::{bench, new_record, run, tiny};

const KEY: &str = "sk-never-to-be-seen";

fn fenced(body: &str) -> String {
    format!(
        "Here it is.\n```python\nimport torch\nfrom torch import Tensor\n\n\
         def compute_reward(pole_angle: Tensor, cart_position: Tensor):\n{body}\n```\nGood luck!"
    )
}

fn upright(weight: f64) -> String {
    fenced(&format!(
        "    upright = torch.exp(-torch.abs(pole_angle) / 0.1) * {weight}\n    return upright, {{\"upright\": upright}}"
    ))
}

fn misspelt() -> String {
    fenced("    upright = 1.0 - torch.abs(pole_angel)\n    return upright, {\"upright\": upright}")
}

/// Short waits, so that faults take little time, and yet long enough for a busy machine to answer in.
fn model(server: &Server, config: &SearchConfig) -> OpenAi {
    let settings = OpenAiSettings {
        base_url: server.base_url.clone(),
        model: "test-model".into(),
        read_timeout: Duration::from_millis(1500),
        body_limit: 64 << 10,
        attempts: 6,
        backoff: Duration::from_millis(10),
        ..OpenAiSettings::from_config(config)
    };
    OpenAi::with_key(settings, Some(KEY.into())).unwrap()
}

fn kinds(candidates: &[Candidate]) -> Vec<(u32, u32, &'static str)> {
    let kind = |candidate: &Candidate| match candidate.outcome {
        Outcome::Rejected { .. } => "rejected",
        Outcome::Stopped { .. } => "stopped",
        Outcome::Evaluated(_) => "evaluated",
    };
    candidates
        .iter()
        .map(|candidate| (candidate.generation, candidate.index, kind(candidate)))
        .collect()
}

fn assert_no_key_below(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_key_below(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!found, "{} holds the key", path.display());
        }
    }
}

#[test]
fn two_generations_with_a_repair_and_a_rate_limit_then_the_same_from_the_recording() {
    let busy = r#"{"error": {"message": "Slow down, sk-never-to-be-seen", "type": "rate_limit_error"}}"#;
    let server = Server::start(vec![
        Reply::Status("429 Too Many Requests", "Retry-After: 1\r\n", busy.into()),
        Reply::Answers(vec![upright(1.0), misspelt()]),
        Reply::Answers(vec![upright(2.0)]),
        // One answer where two were asked for: the other one is asked for again.
        Reply::Answers(vec![upright(3.0)]),
        Reply::Answers(vec!["I would rather not.".into()]),
        Reply::Answers(vec![upright(4.0)]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let config = tiny("openai", 2, 2);
    let bench = bench();
    let record = new_record(&dir, &config);
    let mut proposer = model(&server, &config);
    let retries = std::sync::Mutex::new(Vec::new());
    let started = Instant::now();
    let winner = run(&config, &bench, &record, &mut proposer, &|event| {
        if let Event::Retry {
            reason,
            wait_secs,
            attempt,
        } = event
        {
            retries.lock().unwrap().push((reason.clone(), *wait_secs, *attempt));
        }
    })
    .unwrap();

    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "Retry-After was not honoured"
    );
    let expected = "HTTP 429: Slow down, [key] (rate_limit_error)".to_owned();
    assert_eq!(*retries.lock().unwrap(), [(expected, 1.0, 2)]);

    // The repair of candidate 1 of K = 2 is candidate 1 + 2.
    let candidates = record.candidates().unwrap();
    let expected = [
        (0, 0, "evaluated"),
        (0, 1, "rejected"),
        (0, 3, "evaluated"),
        (1, 0, "evaluated"),
        (1, 1, "rejected"),
        (1, 3, "evaluated"),
    ];
    assert_eq!(kinds(&candidates), expected);
    assert_eq!(candidates[2].note, "repair of g0c1");
    assert_eq!(candidates[0].proposer, "openai:test-model");
    let Outcome::Rejected { diagnostics } = &candidates[4].outcome else {
        panic!()
    };
    assert_eq!(diagnostics[0].code, "no-code");
    assert_eq!(winner.evaluated, (4, 6));

    server.received(|requests| {
        assert_eq!(requests.len(), 6);
        assert!(
            requests[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
            "{}",
            requests[0].head
        );
        let authorised = |head: &str| {
            head.to_lowercase()
                .contains("authorization: bearer sk-never-to-be-seen")
        };
        assert!(requests.iter().all(|request| authorised(&request.head)));
        let say = |nth: usize, message: usize| {
            requests[nth].body["messages"][message]["content"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(requests[1].body["n"], 2);
        assert!(say(1, 1).contains("pole_angle: float32[N], unit rad"), "{}", say(1, 1));
        // The findings go back with the program that they are about.
        assert!(say(2, 2).contains("pole_angel"), "{}", say(2, 2));
        assert!(
            say(2, 3).contains("error[unknown-name]") && say(2, 3).contains("pole_angle"),
            "{}",
            say(2, 3)
        );
        // The next generation sees the best program and its reflection.
        assert!(
            say(3, 2).contains("torch.exp(-torch.abs(pole_angle) / 0.1)"),
            "{}",
            say(3, 2)
        );
        assert!(say(3, 3).contains("fitness: ["), "{}", say(3, 3));
        assert_eq!(requests[4].body.get("n"), None);
        assert!(
            say(5, 3).contains("the answer holds no Python program"),
            "{}",
            say(5, 3)
        );
    });
    let ledger = proposer.ledger(&record).unwrap().unwrap();
    assert_eq!(
        (ledger.requests, ledger.prompt_tokens, ledger.completion_tokens),
        (5, 500, 240)
    );
    assert_eq!(record.fact("ledger").unwrap().unwrap()["requests"], 5);
    drop(record);
    assert_no_key_below(&dir);

    // The recording gives the same search without the server.
    let mut replay = Replay::load(&dir).unwrap();
    let again = new_record(&folder.path().join("again"), &config);
    let replayed = run(&config, &bench, &again, &mut replay, &|_| {}).unwrap();
    assert_eq!(
        (replayed.program_hash, replayed.fitness),
        (winner.program_hash, winner.fitness)
    );
    assert_eq!(replayed.candidate.proposer, "replay");
    let outcomes = |candidates: Vec<Candidate>| {
        candidates
            .into_iter()
            .map(|candidate| candidate.outcome)
            .collect::<Vec<_>>()
    };
    assert_eq!(outcomes(again.candidates().unwrap()), outcomes(candidates));
    assert_eq!(server.received(<[_]>::len), 6);

    // Another seed gives other results, hence another prompt, which was never answered.
    let other = SearchConfig {
        seed: 4,
        ..config.clone()
    };
    let record = new_record(&folder.path().join("other"), &other);
    let message = run(&other, &bench, &record, &mut replay, &|_| {})
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("has no answer to sample 0 of the request of generation 1"),
        "{message}"
    );
}

#[test]
fn faults_that_pass_are_survived() {
    let server = Server::start(vec![
        Reply::Status("500 Internal Server Error", "", "<h1>oops</h1>".into()),
        Reply::CutOff,
        Reply::Endless,
        Reply::Silence,
        Reply::Status("200 OK", "", "{}".into()),
        Reply::Answers(vec![upright(1.0)]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("openai", 1, 1);
    let record = new_record(&folder.path().join("run"), &config);
    let reasons = std::sync::Mutex::new(Vec::new());
    run(&config, &bench(), &record, &mut model(&server, &config), &|event| {
        if let Event::Retry { reason, .. } = event {
            reasons.lock().unwrap().push(reason.clone());
        }
    })
    .unwrap();
    let reasons = reasons.into_inner().unwrap();
    let expected = [
        "HTTP 500: <h1>oops</h1>",
        "",
        "the answer is longer than 65536 bytes",
        "",
        "not a chat completion",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reasons:?}");
    }
}

#[test]
fn faults_that_stay_end_the_search_and_lose_nothing() {
    let refused =
        r#"{"error": {"message": "Incorrect API key provided: sk-never-to-be-seen", "code": "invalid_api_key"}}"#;
    for (reply, requests, expected) in [
        (
            Reply::Status("401 Unauthorized", "", refused.into()),
            2,
            "HTTP 401: Incorrect API key provided: [key]",
        ),
        (
            Reply::Status("503 Service Unavailable", "", String::new()),
            7,
            "HTTP 503:  (after 6 attempts)",
        ),
        (
            Reply::Status("429 Too Many Requests", "Retry-After: 86400\r\n", String::new()),
            2,
            "asks to wait 86400 s",
        ),
    ] {
        let server = Server::start(vec![Reply::Answers(vec![upright(1.0)]), reply]);
        let folder = tempfile::tempdir().unwrap();
        let config = tiny("openai", 2, 1);
        let record = new_record(&folder.path().join("run"), &config);
        let error = run(&config, &bench(), &record, &mut model(&server, &config), &|_| {}).unwrap_err();
        assert!(matches!(error, SearchError::Proposer(_)));
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(server.received(<[_]>::len), requests);
        assert_eq!(record.evaluation_count().unwrap(), 1);
        assert_eq!(record.fact("winner").unwrap(), None);
        assert_resumes_with_the_answer_at_hand(&config, &record);
    }
}

/// A working server later: the first generation is neither asked for nor trained again.
fn assert_resumes_with_the_answer_at_hand(config: &SearchConfig, record: &RunRecord) {
    let server = Server::start(vec![Reply::Answers(vec![upright(2.0)])]);
    let winner = run(config, &bench(), record, &mut model(&server, config), &|_| {}).unwrap();
    assert_eq!(server.received(<[_]>::len), 1);
    assert_eq!(winner.evaluated, (2, 2));
    assert_eq!(record.evaluation_count().unwrap(), 2);
}

#[test]
fn a_used_up_budget_ends_early_with_what_there_is() {
    let server = Server::start(vec![Reply::Answers(vec![upright(1.0)])]);
    let folder = tempfile::tempdir().unwrap();
    let config = SearchConfig {
        max_requests: 1,
        ..tiny("openai", 3, 1)
    };
    let record = new_record(&folder.path().join("run"), &config);
    let winner = run(&config, &bench(), &record, &mut model(&server, &config), &|_| {}).unwrap();
    assert_eq!(
        winner.ended_early.as_deref(),
        Some("the budget of 1 requests is used up")
    );
    assert_eq!(server.received(<[_]>::len), 1);
}

#[test]
fn options_that_a_server_refuses_are_left_out() {
    let refused = |option: &str| format!(r#"{{"error": {{"message": "Unsupported parameter: {option}"}}}}"#);
    let server = Server::start(vec![
        Reply::Status("400 Bad Request", "", refused("max_completion_tokens")),
        Reply::Status("422 Unprocessable Entity", "", refused("n")),
        Reply::Answers(vec![upright(1.0)]),
        Reply::Answers(vec![upright(2.0)]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("openai", 1, 2);
    let record = new_record(&folder.path().join("run"), &config);
    let winner = run(&config, &bench(), &record, &mut model(&server, &config), &|_| {}).unwrap();
    assert_eq!(winner.evaluated, (2, 2));
    server.received(|requests| {
        let body = &requests[3].body;
        assert!(body.get("n").is_none() && body.get("max_completion_tokens").is_none() && body["max_tokens"].is_u64());
    });
}
