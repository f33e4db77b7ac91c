//! The repository's own robots: they weigh what their pages say, stand where nothing moves them, and can do what is asked.

mod support;

use carrot_environment::{Engine, Task, VecEnv};
use carrot_reward_interface::Batch;
use support::{Measures, envs, with_derived};

/// One environment that nothing ends but the clock.
struct Robot {
    env: VecEnv,
    variables: Batch,
}

impl Robot {
    fn new(task: &str) -> Self {
        let task = with_derived(Task::load(&envs(), task, Engine::Mujoco).unwrap());
        let measures = Measures::new(&task, |_| [0.0; 3]);
        let env = VecEnv::with_all_variables(&task, measures.programs(), 1, 0, 1).unwrap();
        let variables = env.variables();
        Self { env, variables }
    }

    /// Takes the same action for `steps` control steps.
    fn act(&mut self, action: &[f32], steps: usize) {
        for _ in 0..steps {
            let data = self.env.step(action).unwrap();
            assert!(data.episodes.is_empty(), "{:?}", data.episodes);
        }
        self.variables = self.env.variables();
    }

    fn get(&self, variable: &str) -> &[f64] {
        let task = self.env.task();
        let index = task.schema.index(variable);
        &self.variables.columns[index.unwrap_or_else(|| panic!("{} has no `{variable}`", task.id))]
    }
}

#[test]
fn robots_stand_where_nothing_moves_them() {
    for (task, steps, variable, component, expected, tolerance) in [
        // The springs carry the cheetah, the controllers the quadruped and the arm.
        ("half_cheetah/run", 399, "torso_height", 0, 0.58, 0.03),
        ("half_cheetah/run", 399, "torso_pitch", 0, 0.0, 0.1),
        ("quadruped/walk", 499, "base_height", 0, 0.3175, 0.01),
        ("quadruped/walk", 499, "base_up", 2, 1.0, 0.005),
        ("arm/reach", 99, "gripper_position", 0, 0.05, 0.001),
        ("arm/reach", 99, "gripper_position", 1, 0.0, 0.001),
        ("arm/reach", 99, "gripper_position", 2, 0.2, 0.001),
        ("arm/reach", 99, "cube_position", 2, 0.02, 0.001),
        // The walker and the humanoid are on their feet for a moment only.
        ("walker/walk", 10, "torso_height", 0, 1.25, 0.02),
        ("humanoid/run", 20, "pelvis_height", 0, 0.84, 0.02),
        ("humanoid/run", 20, "head_height", 0, 1.395, 0.02),
        ("humanoid/run", 20, "torso_up", 2, 1.0, 0.02),
    ] {
        let mut robot = Robot::new(task);
        robot.act(&vec![0.0; robot.env.action_size()], steps);
        let value = robot.get(variable)[component];
        assert!(
            (value - expected).abs() <= tolerance,
            "{task}: {variable}[{component}] is {value} after {steps} steps, not {expected}"
        );
    }
}

#[test]
fn feet_carry_the_mass_that_the_page_names() {
    for (task, steps, force, upward, mass_kg) in [
        ("half_cheetah/run", 399, "foot_contact_force", &[0, 1][..], 14.0),
        ("walker/walk", 10, "foot_contact_force", &[0, 1], 24.8),
        ("quadruped/walk", 499, "feet_contact_force", &[2, 5, 8, 11], 12.7),
        ("humanoid/run", 20, "feet_contact_force", &[2, 5], 40.0),
    ] {
        let env_name = task.split_once('/').unwrap().0;
        let page = std::fs::read_to_string(envs().join(env_name).join("README.md")).unwrap();
        let named = format!("Model: {mass_kg} kg");
        assert!(page.contains(&named), "{env_name}: the page does not say {named:?}");

        let mut robot = Robot::new(task);
        robot.act(&vec![0.0; robot.env.action_size()], steps);
        let carried_kg = upward.iter().map(|&place| robot.get(force)[place]).sum::<f64>() / 9.81;
        assert!(
            (carried_kg - mass_kg).abs() < 0.05 * mass_kg,
            "{task}: the feet carry {carried_kg} kg of {mass_kg} kg"
        );
    }
}

#[test]
fn a_scripted_grasp_lifts_the_cube() {
    // At the start the gripper is above the cube. Shoulder, elbow and wrist turn by these angles to bring it down.
    let down_rad = [0.3954, 0.0179, 0.3775];
    let secs = 0.5;
    let [shoulder, elbow, wrist] = down_rad.map(|angle| (angle / secs) as f32);
    let (open, closed) = (1.0, -1.0);
    // The wrist's full scale is 1.5 rad/s.
    let move_gripper = |sign: f32, fingers: f32| {
        [
            0.0,
            sign * shoulder,
            0.0,
            sign * elbow,
            0.0,
            sign * wrist / 1.5,
            0.0,
            fingers,
            fingers,
        ]
    };
    let mut robot = Robot::new("arm/reach");
    robot.act(&move_gripper(1.0, open), 10);
    robot.act(&move_gripper(0.0, closed), 10);
    assert_eq!(robot.get("is_grasped"), [1.0]);
    robot.act(&move_gripper(-1.0, closed), 10);
    robot.act(&move_gripper(0.0, closed), 40);
    let height = robot.get("cube_position")[2];
    assert!(height > 0.15, "the cube is at {height} m");
    assert_eq!(robot.get("is_grasped"), [1.0]);

    robot.act(&move_gripper(0.0, open), 20);
    let height = robot.get("cube_position")[2];
    assert!(height < 0.1, "the cube stays at {height} m when it is let go");
    assert_eq!(robot.get("is_grasped"), [0.0]);
}
