//! People speak while a search goes on, and the next generation follows.

use carrot_reward_search::{Ended, Evolve, OpenAi, OpenAiSettings, Proposer, SearchConfig, search_until};
use carrot_run_record::{
    Behaviour, Candidate, Driver, EditKind, Feedback, Outcome, Program, RunRecord, Verdict, text_hash,
};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::server::{Reply, Server};
use crate::{bench, new_record, run, tiny};

fn say(dir: &Path, id: &str, feedback: Feedback) {
    let record = RunRecord::open_for_feedback(dir).unwrap();
    assert!(record.put_feedback(id, &feedback).unwrap());
}

fn policy_of(candidate: &Candidate) -> Behaviour {
    Behaviour {
        program: candidate.program.hash(),
        candidate: Some((candidate.generation, candidate.index)),
        driver: Driver::Policy,
        seed: 3,
    }
}

fn comment(of: Option<Behaviour>, step: Option<u64>, text: &str) -> Feedback {
    Feedback::Comment {
        of,
        step,
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

fn pause(config: &SearchConfig, after: u32, record: &RunRecord, proposer: &mut dyn Proposer) -> Ended {
    let (bench, going_on) = (bench(), AtomicBool::new(false));
    search_until(config, after, &bench, record, proposer, &|_| {}, &going_on).unwrap()
}

/// Everything that was said in the prompt of a generation.
fn prompt(record: &RunRecord, generation: u32) -> String {
    let prompts = record.prompts().unwrap();
    let prompt = prompts
        .iter()
        .find(|prompt| prompt.generation == generation && prompt.purpose == "generate")
        .unwrap();
    let messages = prompt.messages.as_array().unwrap();
    let contents = messages.iter().map(|message| message["content"].as_str().unwrap());
    contents.collect::<Vec<_>>().join("\n=====\n")
}

fn evaluated(candidates: &[Candidate], generation: u32) -> Vec<&Candidate> {
    let of_round = |candidate: &&Candidate| candidate.generation == generation && candidate.fitness().is_some();
    candidates.iter().filter(of_round).collect()
}

const MINE: &str = "import torch\n\n\ndef compute_reward(pole_angle, cart_position):\n    upright = 1.0 - torch.abs(pole_angle)\n    middle = -0.1 * cart_position**2\n    return upright + middle, {\"upright\": upright, \"middle\": middle}\n";

#[test]
fn what_is_said_between_two_generations_is_in_the_next_prompt_and_stays_out_of_the_former() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let config = tiny("evolve", 2, 3);
    let record = new_record(&dir, &config);
    say(&dir, "task", comment(None, None, "The cart must not hit the ends."));
    assert!(matches!(
        pause(&config, 1, &record, &mut Evolve::new()),
        Ended::Paused { generations: 1 }
    ));
    assert_eq!(record.fact("finished").unwrap(), None);
    let first = prompt(&record, 0);
    assert!(
        first.contains("- on the task (new): The cart must not hit the ends."),
        "{first}"
    );
    let candidates = record.candidates().unwrap();
    assert_eq!(candidates.len(), 3);

    // The search is not running, and holds the lock all the same: another process speaks.
    let ranked = evaluated(&candidates, 0);
    let fittest = ranked
        .iter()
        .copied()
        .reduce(|a, b| if b.fitness() > a.fitness() { b } else { a })
        .unwrap();
    let other = ranked
        .iter()
        .copied()
        .find(|candidate| candidate.program != fittest.program)
        .unwrap();
    say(
        &dir,
        "1",
        comment(Some(policy_of(other)), Some(60), "Here it sways\nto the left."),
    );
    say(
        &dir,
        "2",
        Feedback::Preference {
            a: policy_of(fittest),
            b: policy_of(other),
            verdict: Verdict::B,
        },
    );
    say(
        &dir,
        "3",
        Feedback::Rating {
            of: policy_of(fittest),
            good: false,
        },
    );
    say(
        &dir,
        "4",
        edit(MINE, EditKind::Typed, "a penalty for leaving the middle"),
    );
    say(&dir, "5", edit("def compute_reward(", EditKind::Typed, ""));

    let winner = run(&config, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    let second = prompt(&record, 1);
    let seconds = 60.0 * bench().task.control_dt_secs();
    for expected in [
        "- on the task: The cart must not hit the ends.".to_owned(),
        format!(
            "- on {} (trained policy, seed 3), at {seconds:.2} s (new): Here it sways\n  to the left.",
            other.name()
        ),
        format!("- {} (trained policy, seed 3): bad", fittest.name()),
        format!("- {}: +0.34 (-1.46 to +2.14), from 1 choice", other.name()),
        format!(
            "The program shown above is {}. People clearly prefer it to {}, the fittest so far",
            other.name(),
            fittest.name()
        ),
        // Generation 1 has places 0 to 2, and 3 to 5 for repairs. It is quite another program, and so shown as a whole.
        "A person wrote g1c6 by hand, which is trained and judged together with the programs that you write now; in their \
         words: a penalty for leaving the middle.\n\n```python\nimport torch\n"
            .into(),
        format!("For comparison, {}", fittest.name()),
    ] {
        assert!(second.contains(&expected), "{expected:?} is not in\n{second}");
    }
    // It builds on what is preferred.
    let Program::Source { text, .. } = &other.program else {
        panic!()
    };
    let shown = second.split("=====").nth(2).unwrap();
    assert!(shown.contains(text.trim_end()), "{shown}");

    let candidates = record.candidates().unwrap();
    let mine = candidates
        .iter()
        .find(|candidate| candidate.proposer == "human")
        .unwrap();
    assert_eq!((mine.generation, mine.index), (1, 6));
    assert_eq!(mine.note, "a penalty for leaving the middle");
    assert_eq!(mine.program.hash(), text_hash(MINE));
    assert!(matches!(mine.outcome, Outcome::Evaluated(_)), "{:?}", mine.outcome);
    assert_eq!(winner.evaluated.1, candidates.len());
    // The first child of evolve descends from what is preferred.
    let child = candidates
        .iter()
        .find(|candidate| (candidate.generation, candidate.index) == (1, 0))
        .unwrap();
    assert!(
        child.note.starts_with(&format!("from {}", other.name())),
        "{}",
        child.note
    );
    assert_eq!(record.listened_to(0).unwrap(), Some(1));
    assert_eq!(record.listened_to(1).unwrap(), Some(6));

    // Whatever is said later changes nothing of what was.
    say(&dir, "6", comment(None, None, "Faster!"));
    let dragged = MINE.replace("0.1", "0.2");
    say(&dir, "7", edit(&dragged, EditKind::Slider, "middle 0.1 → 0.2"));
    let evaluations = record.evaluation_count().unwrap();
    let again = run(&config, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    assert_eq!(
        (again.program_hash, again.fitness),
        (winner.program_hash, winner.fitness)
    );
    assert_eq!((prompt(&record, 0), prompt(&record, 1)), (first, second));
    assert_eq!(record.candidates().unwrap(), candidates);
    assert_eq!(record.evaluation_count().unwrap(), evaluations);

    // A longer search hears it.
    let longer = SearchConfig {
        generations: 3,
        ..config
    };
    run(&longer, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    let third = prompt(&record, 2);
    assert!(third.contains("- on the task (new): Faster!"), "{third}");
    assert!(
        third.contains("A person dragged constants of g1c6: middle 0.1 → 0.2. The result is g2c6, which"),
        "{third}"
    );
    let candidates = record.candidates().unwrap();
    let human: Vec<String> = candidates
        .iter()
        .filter(|candidate| candidate.proposer == "human")
        .map(Candidate::name)
        .collect();
    assert_eq!(human, ["g1c6", "g2c6"]);

    // What was written is shown as a difference from what it came from, and what was undone is no change.
    say(&dir, "8", edit(&dragged.replace("1.0", "2.0"), EditKind::Typed, ""));
    let longer = SearchConfig {
        generations: 4,
        ..longer
    };
    run(&longer, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    let fourth = prompt(&record, 3);
    let expected = "A person changed g2c6 to g3c6 by hand, which is trained and judged together with the programs that you \
                    write now.\n\n```diff\n@@ ";
    assert!(fourth.contains(expected), "{fourth}");
    assert!(
        fourth.contains("-    upright = 1.0 - torch.abs(pole_angle)\n+    upright = 2.0"),
        "{fourth}"
    );
    say(&dir, "9", edit(&dragged, EditKind::Typed, ""));
    say(&dir, "10", edit(&dragged.replace("1.0", "2.0"), EditKind::Undo, ""));
    let longer = SearchConfig {
        generations: 5,
        ..longer
    };
    run(&longer, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    assert!(!prompt(&record, 4).contains("by hand"), "{}", prompt(&record, 4));
}

#[test]
fn only_the_newest_program_that_compiles_and_is_new_enters() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    let file = bench.task.human_reward.clone().unwrap();
    let known = std::fs::read_to_string(&file).unwrap();
    let broken = "def compute_reward(x):\n    return x\n"; // no variable of this task
    for (case, edits, expected) in [
        ("nothing", vec![], None),
        ("opened", vec![(MINE, EditKind::Opened)], None),
        (
            "typed",
            vec![(MINE, EditKind::Typed), (broken, EditKind::Typed)],
            Some(MINE),
        ),
        (
            "included",
            vec![(MINE, EditKind::Typed), (known.as_str(), EditKind::Undo)],
            None,
        ),
        ("broken", vec![(broken, EditKind::QuickFix)], None),
    ] {
        let config = SearchConfig {
            include: vec![file.display().to_string()],
            steps: 512,
            ..tiny("evolve", 1, 1)
        };
        let dir = folder.path().join(case);
        let record = new_record(&dir, &config);
        for (n, (text, how)) in edits.into_iter().enumerate() {
            say(&dir, &n.to_string(), edit(text, how, ""));
        }
        run(&config, &bench, &record, &mut Evolve::new(), &|_| {}).unwrap();
        let candidates = record.candidates().unwrap();
        let human: Vec<(u32, String)> = candidates
            .iter()
            .filter(|candidate| candidate.proposer == "human")
            .map(|candidate| (candidate.index, candidate.program.hash()))
            .collect();
        // Places 0 and 1 for the proposal and its repair, 2 for the included file.
        let expected: Vec<(u32, String)> = expected.into_iter().map(|text| (3, text_hash(text))).collect();
        assert_eq!(human, expected, "{case}");
    }
}

#[test]
fn a_search_of_which_nobody_spoke_asks_as_it_always_did() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("evolve", 2, 2);
    let record = new_record(&folder.path().join("run"), &config);
    run(&config, &bench(), &record, &mut Evolve::new(), &|_| {}).unwrap();
    let (first, second) = (prompt(&record, 0), prompt(&record, 1));
    assert!(first.ends_with("Write the reward function."), "{first}");
    let reflection = second.rsplit("=====\n").next().unwrap();
    assert!(reflection.starts_with("A policy was trained for"), "{reflection}");
    assert!(!first.contains("People") && !second.contains("People"));
}

#[test]
fn a_language_model_reads_what_was_said() {
    let answer = |weight: f64| {
        format!(
            "```python\nimport torch\n\ndef compute_reward(pole_angle):\n    upright = -{weight} * torch.abs(pole_angle)\n    return upright, {{\"upright\": upright}}\n```"
        )
    };
    let server = Server::start(vec![
        Reply::Answers(vec![answer(1.0)]),
        Reply::Answers(vec![answer(2.0)]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let config = tiny("openai", 2, 1);
    let record = new_record(&dir, &config);
    let settings = OpenAiSettings {
        base_url: server.base_url.clone(),
        model: "test-model".into(),
        ..OpenAiSettings::from_config(&config)
    };
    let mut proposer = OpenAi::with_key(settings, None).unwrap();
    pause(&config, 1, &record, &mut proposer);
    say(
        &dir,
        "1",
        comment(None, None, "Stand like a \"guard\", not like a dancer."),
    );
    run(&config, &bench(), &record, &mut proposer, &|_| {}).unwrap();
    server.received(|requests| {
        assert_eq!(requests.len(), 2, "nothing was asked twice");
        let messages = requests[1].body["messages"].as_array().unwrap();
        let roles: Vec<&str> = messages
            .iter()
            .map(|message| message["role"].as_str().unwrap())
            .collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"], "roles take turns");
        let last = messages[3]["content"].as_str().unwrap();
        assert!(
            last.contains("on the task (new): Stand like a \"guard\", not like a dancer."),
            "{last}"
        );
        assert!(last.contains("The program shown above is g0c0.\n"), "{last}");
        // What was sent is what the record holds.
        assert_eq!(record.prompts().unwrap()[1].messages, requests[1].body["messages"]);
    });
}

#[test]
fn a_generation_that_brought_nothing_about_listens_again() {
    let answer = "```python\nimport torch\n\ndef compute_reward(pole_angle):\n    upright = -torch.abs(pole_angle)\n    return upright, {\"upright\": upright}\n```";
    let server = Server::start(vec![
        Reply::Status("401 Unauthorized", "", "{}".into()),
        Reply::Answers(vec![answer.into()]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let config = tiny("openai", 1, 1);
    let record = new_record(&dir, &config);
    let settings = OpenAiSettings {
        base_url: server.base_url.clone(),
        ..OpenAiSettings::from_config(&config)
    };
    let mut proposer = OpenAi::with_key(settings, None).unwrap();
    say(&dir, "1", comment(None, None, "calmly"));
    run(&config, &bench(), &record, &mut proposer, &|_| {}).unwrap_err();
    assert_eq!(record.listened_to(0).unwrap(), Some(1));
    assert!(prompt(&record, 0).ends_with("calmly"));
    // The server was never of use, so a second word is not too late.
    say(&dir, "2", comment(None, None, "but fast"));
    run(&config, &bench(), &record, &mut proposer, &|_| {}).unwrap();
    assert!(prompt(&record, 0).ends_with("but fast"));
    say(&dir, "3", comment(None, None, "too late"));
    run(&config, &bench(), &record, &mut proposer, &|_| {}).unwrap();
    assert!(prompt(&record, 0).ends_with("but fast"));
    assert_eq!(record.listened_to(0).unwrap(), Some(2));
    assert_eq!(server.received(<[_]>::len), 2);
}
