//! Programs that cannot be used: each is named with its place, none gets a number, and the search goes on.

use carrot_reward_interface::StopCause;
use carrot_reward_search::{Proposal, Proposer, ProposerError, Purpose, Request, SearchConfig, SearchError};
use carrot_run_record::{Candidate, Outcome};

use crate::{bench, new_record, run, tiny};

/// Proposes the same programs in every generation and repairs nothing.
struct Fixed(Vec<&'static str>);

impl Proposer for Fixed {
    fn name(&self) -> String {
        "fixed".into()
    }

    fn propose(&mut self, request: &Request<'_>) -> Result<Vec<Proposal>, ProposerError> {
        let Purpose::Generate { .. } = request.purpose else {
            return Ok(Vec::new());
        };
        let proposal = |text: &&str| Proposal {
            text: (*text).into(),
            note: String::new(),
            diagnostics: Vec::new(),
        };
        Ok(self.0.iter().map(proposal).collect())
    }
}

const GOOD: &str =
    "import torch\ndef compute_reward(pole_angle):\n    r = 1.0 - torch.abs(pole_angle)\n    return r, {\"r\": r}\n";
const SYNTAX: &str = "import torch\ndef compute_reward(pole_angle:\n    return pole_angle\n";
const NAME: &str =
    "import torch\ndef compute_reward(pole_angle):\n    r = 1.0 - pole_angel\n    return r, {\"r\": r}\n";
const SHAPE: &str = "import torch\ndef compute_reward(control, tip_position):\n    r = tip_position[:, :2] - tip_position\n    return r, {\"r\": r}\n";
const NAN: &str = "import torch\ndef compute_reward(pole_angle):\n    zero = pole_angle - pole_angle\n    r = zero / zero\n    return r, {\"r\": r}\n";

/// Loops for ever in every evaluation.
fn endless_module() -> Vec<u8> {
    let interface = r#"{"abi": 2, "file": "endless.wasm", "inputs": [], "output": "f32", "terms": []}"#;
    let text = format!(
        "(module (memory (export \"memory\") 1)
           (func (export \"evaluate\") (param i32 i32) (loop $again (br $again)))
           (@custom \"carrot.reward\" \"{}\"))",
        interface.replace('"', "\\\"")
    );
    wat::parse_str(text).unwrap()
}

fn rejected(candidate: &Candidate) -> (&str, u32, u32) {
    let Outcome::Rejected { diagnostics } = &candidate.outcome else {
        panic!("{:?}", candidate.outcome)
    };
    assert_eq!(diagnostics[0].file, format!("g0c{}.py", candidate.index));
    (
        &diagnostics[0].code,
        diagnostics[0].span.line,
        diagnostics[0].span.column,
    )
}

#[test]
fn every_failure_is_named_and_the_search_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("endless.wasm");
    std::fs::write(&module, endless_module()).unwrap();
    let config = SearchConfig {
        include: vec![module.display().to_string()],
        ..tiny("fixed", 1, 6)
    };
    let record = new_record(&folder.path().join("run"), &config);
    let mut proposer = Fixed(vec![SYNTAX, NAME, SHAPE, NAN, GOOD, GOOD]);
    let winner = run(&config, &bench(), &record, &mut proposer, &|_| {}).unwrap();

    let candidates = record.candidates().unwrap();
    assert_eq!(rejected(&candidates[0]).0, "syntax-error");
    assert_eq!(rejected(&candidates[1]), ("unknown-name", 3, 15));
    assert_eq!(
        (rejected(&candidates[2]).0, rejected(&candidates[2]).1),
        ("shape-mismatch", 3)
    );

    let Outcome::Stopped { stop } = &candidates[3].outcome else {
        panic!("{:?}", candidates[3].outcome)
    };
    assert_eq!(
        (stop.file.as_str(), stop.at.map(|span| span.line)),
        ("g0c3.py", Some(4))
    );
    let StopCause::NonFinite { term, value, .. } = &stop.cause else {
        panic!("{stop}")
    };
    assert_eq!((term.as_str(), value.as_str()), ("r", "NaN"));

    // Equal programs have equal outcomes and are trained once: the two good ones, the NaN and the endless loop make three.
    assert_eq!(candidates[4].outcome, candidates[5].outcome);
    assert_eq!(record.evaluation_count().unwrap(), 3);
    assert_eq!(winner.candidate, candidates[4]);

    let Outcome::Stopped { stop } = &candidates[6].outcome else {
        panic!("{:?}", candidates[6].outcome)
    };
    assert!(matches!(stop.cause, StopCause::Fuel { .. }), "{stop}");
    assert_eq!((candidates[6].index, candidates[6].proposer.as_str()), (12, "file"));
    assert!(candidates.iter().take(4).all(|candidate| candidate.fitness().is_none()));
}

#[test]
fn a_search_without_a_usable_program_has_no_winner() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny("fixed", 2, 1);
    let record = new_record(&folder.path().join("run"), &config);
    let error = run(&config, &bench(), &record, &mut Fixed(vec![NAME]), &|_| {}).unwrap_err();
    assert!(matches!(error, SearchError::NothingEvaluated { candidates: 2, .. }));
    assert!(error.to_string().contains("pole_angel"), "{error}");
    assert_eq!(record.fact("winner").unwrap(), None);
    assert_eq!(record.evaluation_count().unwrap(), 0);
}

#[test]
fn what_cannot_be_searched_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench();
    for (nth, (config, expected)) in [
        (
            SearchConfig {
                generations: 0,
                ..tiny("fixed", 1, 1)
            },
            "`generations` must be at least 1",
        ),
        (
            SearchConfig {
                include: vec!["missing.py".into()],
                ..tiny("fixed", 1, 1)
            },
            "missing.py: ",
        ),
        (
            SearchConfig {
                ppo: toml::from_str("speed = 9").unwrap(),
                ..tiny("fixed", 1, 1)
            },
            "speed",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let record = new_record(&folder.path().join(nth.to_string()), &config);
        let message = run(&config, &bench, &record, &mut Fixed(vec![GOOD]), &|_| {})
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(record.candidates().unwrap(), []);
    }
}
