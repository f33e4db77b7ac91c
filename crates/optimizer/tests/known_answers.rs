//! Worlds whose best policy is known in closed form: both optimisers must find it.

mod support;

use std::ops::ControlFlow;

use carrot_optimizer::{Policy, PpoSettings, SacSettings, Settings};
use support::Point;

/// A reward that has its best action at 0.3 wherever the mass is.
const BANDIT: &str = "-torch.square(control - 0.3)";

/// Costs of position, velocity and control of the quadratic world.
const COSTS: [f64; 3] = [1.0, 0.1, 0.3];

const QUADRATIC: &str = "-torch.square(position) - 0.1 * torch.square(velocity) - 0.3 * torch.square(control)";

const HORIZON: usize = 40;

fn ppo() -> Settings {
    Settings::Ppo(PpoSettings {
        n_envs: 16,
        rollout: 64,
        hidden: vec![32, 32],
        initial_log_std: -1.0,
        discount: 0.97,
        ..PpoSettings::default()
    })
}

fn sac() -> Settings {
    Settings::Sac(SacSettings {
        n_envs: 4,
        learning_starts: 500,
        batch: 128,
        hidden: vec![32, 32],
        learning_rate: 2e-3,
        discount: 0.97,
        ..SacSettings::default()
    })
}

fn trained(world: &Point, settings: &Settings, seed: u64) -> Policy {
    let mut env = world.environments(settings.n_envs(), seed, 1);
    let go_on = &mut |_: &carrot_optimizer::Progress| ControlFlow::Continue(());
    settings.train(&mut env, seed, go_on).unwrap().policy
}

#[test]
fn the_best_action_of_a_bandit_is_found() {
    let world = Point::new(1, 0.5, BANDIT);
    for (settings, tolerance) in [(ppo().with_steps(100_000), 0.03), (sac().with_steps(8_000), 0.03)] {
        for seed in [1, 2] {
            let policy = trained(&world, &settings, seed);
            for position in [-0.4, 0.0, 0.4] {
                let mut action = [0.0];
                policy.act(&[position, -position], &mut action);
                assert!(
                    (action[0] - 0.3).abs() < tolerance,
                    "{} seed {seed}: {} at {position}",
                    settings.algorithm(),
                    action[0]
                );
            }
        }
    }
}

/// Value matrix and gain of the quadratic world over `horizon` steps: the best return from (position, velocity) = s is
/// −sᵀPs, and the best first control −k·s.
///
/// MuJoCo's Euler step is v' = v + f/m·dt, x' = x + v'·dt, and a step is paid for by what follows it:
/// P = AᵀMA − (AᵀMB)(r + BᵀMB)⁻¹(BᵀMA) with M = Q + P of the steps that remain.
fn riccati(horizon: usize) -> ([[f64; 2]; 2], [f64; 2]) {
    let (dt, force) = (Point::DT_SECS, Point::FORCE_NEWTON);
    let a = [[1.0, dt], [0.0, 1.0]];
    let b = [dt * dt * force, dt * force];
    let (mut p, mut gain) = ([[0.0; 2]; 2], [0.0; 2]);
    for _ in 0..horizon {
        let mut m = p;
        m[0][0] += COSTS[0];
        m[1][1] += COSTS[1];
        let times_a = |row: usize, column: usize| m[row][0] * a[0][column] + m[row][1] * a[1][column];
        let b_m_a = [0, 1].map(|column| b[0] * times_a(0, column) + b[1] * times_a(1, column));
        let b_m_b = (0..2).map(|i| b[i] * (m[i][0] * b[0] + m[i][1] * b[1])).sum::<f64>();
        gain = b_m_a.map(|value| value / (COSTS[2] + b_m_b));
        for row in 0..2 {
            for column in 0..2 {
                let a_m_a = a[0][row] * times_a(0, column) + a[1][row] * times_a(1, column);
                p[row][column] = a_m_a - b_m_a[row] * gain[column];
            }
        }
    }
    (p, gain)
}

/// Returns of `act` and the best returns, summed over 64 episodes from the same starts.
fn returns(world: &Point, act: &dyn Fn(&[f32], &mut [f32])) -> (f64, f64) {
    let n_envs = 64;
    let mut env = world.environments(n_envs, 99, 1);
    let (p, _) = riccati(HORIZON);
    let of_start = |s: &[f32]| {
        let s = [f64::from(s[0]), f64::from(s[1])];
        -(0..2).map(|i| s[i] * (p[i][0] * s[0] + p[i][1] * s[1])).sum::<f64>()
    };
    let best = env.observations().chunks(2).map(of_start).sum();
    let (mut sum, mut actions) = (0.0, vec![0.0; n_envs]);
    for step in 1..=HORIZON {
        act(env.observations(), &mut actions);
        let data = env.step(&actions).unwrap();
        sum += data.rewards.total.iter().sum::<f64>();
        assert_eq!(data.episodes.len(), if step == HORIZON { n_envs } else { 0 });
    }
    (sum, best)
}

/// The oracle itself: the gain of the first of many steps, used throughout, earns what the value matrix says.
#[test]
fn the_riccati_solution_is_right() {
    let world = Point::new(HORIZON, 0.3, QUADRATIC);
    let (_, gain) = riccati(HORIZON);
    let (sum, best) = returns(&world, &|observations, actions| {
        for (action, s) in actions.iter_mut().zip(observations.chunks(2)) {
            *action = (-gain[0] * f64::from(s[0]) - gain[1] * f64::from(s[1])) as f32;
            assert!(
                action.abs() < 1.0,
                "the control saturates, and then the world is not linear"
            );
        }
    });
    // Near the end the gain should change; by then the mass rests.
    assert!(sum <= best + 1e-9 && sum > best * 1.001, "{sum} {best}");
    // Doing nothing is far worse, so that coming close says something.
    let (idle, best) = returns(&world, &|_, actions| actions.fill(0.0));
    assert!(idle < 4.0 * best, "{idle} {best}");
}

#[test]
fn a_point_mass_is_brought_to_rest_nearly_as_well_as_can_be() {
    let world = Point::new(HORIZON, 0.3, QUADRATIC);
    for (settings, worse) in [(ppo().with_steps(300_000), 1.10), (sac().with_steps(24_000), 1.10)] {
        let policy = trained(&world, &settings, 1);
        let (sum, best) = returns(&world, &|observations, actions| policy.act(observations, actions));
        println!("{}: {:.4} of the best cost", settings.algorithm(), sum / best);
        assert!(sum > worse * best, "{}: {sum} against {best}", settings.algorithm());
    }
}
