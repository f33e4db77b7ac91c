//! Values to record, with the numbers that are hard to keep.
#![allow(dead_code)] // each test file needs some of them

use carrot_environment::{Checkpoint, Evaluation};
use carrot_reward_interface::{Diagnostic, Severity, Span, Stop, StopCause};
use carrot_run_record::{Candidate, Evaluated, Job, Outcome, Program};

pub fn job(seed: u64) -> Job {
    Job {
        task: ("hopper/hop_forward".into(), "00".repeat(32)),
        program: "11".repeat(32),
        optimizer: serde_json::json!({"steps": 100_000, "learning_rate": 3e-4}),
        episodes: 16,
        seed,
        engine: "mujoco 3.17.0".into(),
        code: "0.1.0".into(),
    }
}

pub fn evaluated(policy: &str, fitness: f64) -> Outcome {
    Outcome::Evaluated(Box::new(Evaluated {
        evaluation: Evaluation {
            fitness,
            fitness_sd: 5e-324,
            success_rate: 0.1 + 0.2,
            episode_length: 400.0,
            episodes: 16,
            episode_return: -f64::MAX,
            terms: vec![("forward".into(), -0.0), ("alive \"ü\"\n".into(), 1.0 / 3.0)],
        },
        terms: vec!["forward".into(), "alive".into()],
        checkpoints: vec![
            Checkpoint {
                steps: u64::MAX,
                fitness: None,
                success_rate: None,
                episode_length: None,
                reward: f64::MIN_POSITIVE,
                terms: vec![1e-7, 123_456_789.123_456_79],
                term_ranges: vec![[-1e290, 1e290], [5e-324, 0.1 + 0.2]],
                episode_lengths: Some([0, u64::MAX]),
                reward_range: Some([-f64::MAX, f64::MIN_POSITIVE]),
                diagnostics: vec![("kl".into(), 1.0 / 3.0)],
                faults: 3,
            },
            Checkpoint {
                steps: 0,
                fitness: Some(2.225_073_858_507_201e-308),
                success_rate: Some(1.0),
                episode_length: Some(17.25),
                reward: 0.0,
                ..Checkpoint::default()
            },
        ],
        policy: policy.into(),
        steps: 100_352,
    }))
}

pub fn candidate(generation: u32, index: u32, outcome: Outcome) -> Candidate {
    Candidate {
        generation,
        index,
        proposer: "openai:some-model".into(),
        note: "mutated g0c3: weight of forward 1 → 2".into(),
        program: Program::Source {
            file: format!("g{generation}c{index}.py"),
            text: "def compute_reward(x):\n\treturn x, {\"x\": x}\n".into(),
        },
        outcome,
    }
}

/// One outcome of every kind.
pub fn outcomes(policy: &str) -> Vec<Outcome> {
    let span = Span {
        line: 4,
        column: 16,
        end_line: 4,
        end_column: 39,
    };
    let diagnostic = |severity, help: Option<&str>| Diagnostic {
        code: "shape-mismatch".into(),
        severity,
        file: "g0c1.py".into(),
        span,
        message: "cannot subtract f32[N, 4] from f32[N, 3]".into(),
        help: help.map(str::to_owned),
        fix: None,
    };
    let stopped = |at, cause| Outcome::Stopped {
        stop: Stop {
            file: "g0c2.py".into(),
            at,
            cause,
        },
    };
    vec![
        Outcome::Rejected {
            diagnostics: vec![
                diagnostic(Severity::Error, Some("did you mean `object_pos`?")),
                diagnostic(Severity::Warning, None),
            ],
        },
        Outcome::Rejected {
            diagnostics: Vec::new(),
        },
        evaluated(policy, 0.1),
        stopped(None, StopCause::Fuel { limit: u64::MAX }),
        stopped(None, StopCause::Deadline { limit_ms: 1_000 }),
        stopped(None, StopCause::Memory { limit_bytes: 1 << 26 }),
        stopped(None, StopCause::Stack { limit_bytes: 1 << 18 }),
        stopped(
            None,
            StopCause::Trap {
                message: "unreachable".into(),
            },
        ),
        stopped(
            Some(span),
            StopCause::NonFinite {
                term: "total".into(),
                value: "-inf".into(),
                env_index: 17,
                state: vec![
                    ("forward_velocity".into(), vec![f64::INFINITY]),
                    ("joint_angles".into(), vec![0.1, f64::NEG_INFINITY, -0.0]),
                ],
            },
        ),
        stopped(
            Some(span),
            StopCause::Diverged {
                message: "Nan, Inf or huge value in QACC at DOF 3 (t = 0.120 s)".into(),
            },
        ),
    ]
}
