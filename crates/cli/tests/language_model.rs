//! `carrot search --proposer openai` against a server on this machine that speaks the chat-completions protocol.

#[allow(dead_code, reason = "its faults are for the tests of the library")]
#[path = "../../reward_search/tests/searching/server.rs"]
mod server;
mod support;

use server::{Reply, Server};
use support::Scratch;

const KEY: &str = "sk-this-must-never-be-seen";

fn answer(weight: f64, variable: &str) -> String {
    format!(
        "The pole should stay up.\n```python\nimport torch\nfrom torch import Tensor\nfrom typing import Dict, Tuple\n\n\
         def compute_reward({variable}: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:\n    upright = torch.exp(-{weight} * torch.abs({variable}))\n    \
         return upright, {{\"upright\": upright}}\n```\n"
    )
}

#[test]
fn two_generations_with_a_busy_server_and_a_reply_that_does_not_compile() {
    let server = Server::start(vec![
        Reply::Status(
            "429 Too Many Requests",
            "Retry-After: 1\r\n",
            r#"{"error":{"message":"slow down"}}"#.into(),
        ),
        Reply::Answers(vec![answer(1.0, "pole_angel"), answer(2.0, "pole_angle")]),
        Reply::Answers(vec![answer(3.0, "pole_angle")]),
        Reply::Answers(vec![answer(4.0, "pole_angle"), answer(5.0, "pole_angle")]),
    ]);
    let scratch = Scratch::new();
    let started = std::time::Instant::now();
    let output = scratch
        .command(&[
            "--json",
            "search",
            "--task",
            "cartpole/balance",
            "--proposer",
            "openai",
            "--model",
            "local-model",
            "--base-url",
            &server.base_url,
            "--generations",
            "2",
            "--candidates",
            "2",
            "--steps",
            "4k",
            "--episodes",
            "4",
            "--finalist-seeds",
            "0",
            "--final-seeds",
            "0",
            "--out",
            "run",
        ])
        .env("OPENAI_API_KEY", KEY)
        .output()
        .unwrap();
    let said = support::said(output);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(started.elapsed().as_secs_f64() >= 1.0, "Retry-After is honoured");

    let result = support::parse(&said.stdout);
    assert_eq!(result["proposer"], "openai:local-model");
    assert_eq!(
        (&result["evaluated"], &result["proposed"]),
        (&4.into(), &5.into()),
        "{result}"
    );
    server.received(|requests| {
        assert_eq!(requests.len(), 4);
        assert!(requests[1].head.contains(KEY), "the server gets the key");
        let repair = requests[2].body["messages"].to_string();
        for text in ["unknown-name", "pole_angel", "pole_angle"] {
            assert!(repair.contains(text), "the repair request lacks {text}: {repair}");
        }
        let second = requests[3].body["messages"].to_string();
        assert!(
            second.contains("upright") && second.contains("fitness"),
            "the reflection is sent: {second}"
        );
    });
    let shown = scratch.json(&["runs", "show", "run"]);
    assert_eq!(
        shown["candidates"][0]["outcome"]["kind"], "rejected",
        "the first reply stays visible"
    );
    assert!(
        shown["ledger"]["requests"].as_u64().unwrap() >= 3,
        "{}",
        shown["ledger"]
    );
    assert_no_key(&scratch, &said);

    // The same search from the recorded exchanges needs no server and no key.
    let replayed = scratch.json(&[
        "search",
        "--task",
        "cartpole/balance",
        "--proposer",
        "replay",
        "--replay",
        "run",
        "--generations",
        "2",
        "--candidates",
        "2",
        "--steps",
        "4k",
        "--episodes",
        "4",
        "--finalist-seeds",
        "0",
        "--final-seeds",
        "0",
        "--out",
        "again",
    ]);
    assert_eq!(replayed["winner"]["program_hash"], result["winner"]["program_hash"]);
    assert_eq!(replayed["winner"]["fitness"], result["winner"]["fitness"]);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let scratch = Scratch::new();
    let said = scratch.carrot(&["doctor", "--base-url", "http://127.0.0.1:9/v1"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("127.0.0.1:9 cannot be reached"), "{}", said.stdout);
}

fn assert_no_key(scratch: &Scratch, said: &support::Said) {
    assert!(!said.stdout.contains(KEY) && !said.stderr.contains(KEY));
    let mut folders = vec![scratch.path("run")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(
                    !bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()),
                    "{} holds the key",
                    path.display()
                );
            }
        }
    }
}
