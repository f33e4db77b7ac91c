//! What a training with SAC must hold to, on small worlds and from fixed seeds.

mod support;

use std::ops::ControlFlow;

use carrot_optimizer::{Activation, Policy, Progress, SacSettings, TrainError, Trained, evaluate, train_sac};
use carrot_reward_interface::{RewardFn, RewardSource, Rewards, Stop, StopCause};
use support::{Point, environments};

fn settings() -> SacSettings {
    SacSettings {
        steps: 1_600,
        n_envs: 4,
        learning_starts: 200,
        train_freq: 4,
        gradient_steps: 3,
        batch: 40,
        buffer: 900,
        hidden: vec![24, 16],
        ..SacSettings::default()
    }
}

fn point() -> Point {
    Point::new(25, 0.3, "-torch.square(position)")
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn trained(world: &Point, seed: u64, threads: usize) -> Trained {
    let mut env = world.environments(4, seed, threads);
    train_sac(&mut env, &settings(), seed, &mut go_on).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let world = point();
    let bytes = |seed, threads| trained(&world, seed, threads).policy.to_bytes(&[]);
    let first = bytes(5, 1);
    for threads in [1, 2, 8] {
        assert!(first == bytes(5, threads), "{threads}");
    }
    assert!(first != bytes(6, 1));
}

#[test]
fn a_policy_is_squashed_reads_back_and_plays() {
    let world = point();
    let Trained {
        policy, checkpoints, ..
    } = trained(&world, 1, 1);
    let (read, _) = Policy::from_bytes(&policy.to_bytes(&[])).unwrap();
    assert_eq!((read.squash(), read.activation()), (true, Activation::Relu));
    let evaluation = evaluate(&policy, &mut world.environments(3, 9, 1), 3).unwrap();
    assert_eq!(
        evaluation,
        evaluate(&read, &mut world.environments(3, 9, 1), 3).unwrap()
    );
    assert_eq!(evaluation.episode_length, 25.0);

    let steps: Vec<u64> = checkpoints.iter().map(|checkpoint| checkpoint.steps).collect();
    assert_eq!(steps, (1..=10).map(|tenth| tenth * 160).collect::<Vec<u64>>());
    // The first checkpoint lies before learning starts.
    let named = |place: usize| -> Vec<&str> {
        checkpoints[place]
            .diagnostics
            .iter()
            .map(|pair| pair.0.as_str())
            .collect()
    };
    assert_eq!(named(0), Vec::<&str>::new());
    assert_eq!(named(9), ["entropy", "temperature", "value", "critic_loss"]);
    assert!(checkpoints[9].fitness.is_some() && checkpoints[9].reward < 0.0);
}

#[test]
fn an_observer_ends_a_training() {
    let world = point();
    let mut env = world.environments(4, 1, 1);
    let mut seen = Vec::new();
    let result = train_sac(&mut env, &settings(), 1, &mut |progress| {
        seen.push(progress.steps);
        match seen.len() {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert!(matches!(result, Err(TrainError::Interrupted)));
    assert_eq!(seen, [16, 32, 48]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let world = point();
    for (settings, expected) in [
        (
            SacSettings {
                n_envs: 5,
                ..settings()
            },
            "`n_envs` is 5, but there are 4 environments",
        ),
        (
            SacSettings {
                steps: 200,
                ..settings()
            },
            "`learning_starts` is 200; allowed is from 0 to 199",
        ),
    ] {
        let mut env = world.environments(4, 1, 1);
        let error = train_sac(&mut env, &settings, 1, &mut go_on).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A reward that answers with a given number in environment 1 of four.
#[derive(Clone)]
struct Constant([String; 1], f64);

impl RewardFn for Constant {
    fn terms(&self) -> &[String] {
        &self.0
    }
    fn inputs(&self) -> &[usize] {
        &[]
    }
    fn place(&mut self, _n_envs: usize, _env_index: usize, _row: &[f64]) -> Result<(), Stop> {
        Ok(())
    }
    fn evaluate_placed(&mut self, rewards: &mut Rewards) -> Result<(), Stop> {
        rewards.total = vec![0.0, self.1, 0.0, 0.0];
        rewards.terms = vec![rewards.total.clone()];
        Ok(())
    }
}

impl RewardSource for Constant {
    fn terms(&self) -> &[String] {
        &self.0
    }
    fn whole_batch(&self) -> bool {
        true
    }
    fn instance(&self) -> Result<Box<dyn RewardFn>, Stop> {
        Ok(Box::new(self.clone()))
    }
}

#[test]
fn numbers_that_are_not_finite_never_reach_the_policy() {
    let world = point();
    let run = |value| {
        let reward = Constant(["all".into()], value);
        let mut env = environments(&world.task, &reward, 4, 1, 1);
        train_sac(&mut env, &settings(), 1, &mut go_on)
    };
    for value in [f64::NAN, f64::INFINITY] {
        match run(value) {
            Err(TrainError::Stopped(Stop {
                cause: StopCause::NonFinite { env_index: 1, .. },
                ..
            })) => {}
            other => panic!("{value}: {:?}", other.map(|trained| trained.checkpoints)),
        }
    }
    // The largest number there is, and none at all, are no reason to stop and no danger to the policy.
    for value in [f64::MAX, -f64::MAX, 0.0] {
        let policy = run(value).unwrap().policy;
        assert!(Policy::from_bytes(&policy.to_bytes(&[])).is_ok(), "{value}");
    }
}
