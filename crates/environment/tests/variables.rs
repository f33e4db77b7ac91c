//! Every kind of variable that an `env.toml` can declare, against numbers worked out by hand.

mod support;

use carrot_environment::{EnvSnapshot, Task, VecEnv};
use support::{Files, Measures, Row, actions};

/// An arm that turns about the vertical with a hand at its end, a ball above the floor, and a target that follows commands.
const MODEL: &str = r#"<mujoco>
  <option timestep="0.005" gravity="0 0 0"/>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1"/>
    <body name="arm" pos="1 2 0.5">
      <joint name="turn" type="hinge" axis="0 0 1" range="-90 90" limited="true" damping="1"/>
      <geom name="rod" type="capsule" fromto="0 0 0 0.5 0 0" size="0.02" mass="1" contype="0" conaffinity="0"/>
      <body name="hand" pos="0.5 0 0">
        <joint name="lift" type="slide" axis="0 0 1" range="-0.2 0.2" limited="true" damping="1"/>
        <geom name="palm" size="0.03" mass="0.5" contype="0" conaffinity="0"/>
        <site name="tip" pos="0.1 0 0" euler="0 0 90"/>
      </body>
    </body>
    <body name="ball" pos="0 0 0.1">
      <freejoint name="ball"/>
      <geom name="ball" size="0.1" mass="2"/>
    </body>
    <body name="target" mocap="true" pos="0 0 3"><geom size="0.01" contype="0" conaffinity="0"/></body>
  </worldbody>
  <actuator>
    <position name="turner" joint="turn" kp="20" ctrlrange="-1 1"/>
    <motor name="lifter" joint="lift" gear="5" ctrlrange="-1 1"/>
  </actuator>
  <sensor><framequat name="hand_quat" objtype="body" objname="hand"/><jointpos name="turn" joint="turn"/><jointpos name="lift" joint="lift"/></sensor>
  <keyframe><key name="home" qpos="0.5 0.1 0 0 0.1 1 0 0 0" ctrl="0.5 0.2"/></keyframe>
</mujoco>"#;

const ENV: &str = r#"
[control]
dt = 0.02
[reset]
keyframe = "home"
[variable.angle]
source = { joint_position = "turn" }
"#;

const TASK: &str = r#"
version = 1
instruction = "Move."
horizon = 50
observation = ["angle"]
[fitness]
aggregate = "last"
[success]
aggregate = "last"
"#;

fn nothing(_: &Row<'_>) -> [f64; 3] {
    [0.0; 3]
}

fn files(env: &str, task: &str) -> Files {
    Files::of(MODEL, &format!("{ENV}{env}"), &format!("{TASK}{task}"))
}

fn env_of(task: &Task, n_envs: usize, seed: u64) -> VecEnv {
    VecEnv::with_all_variables(task, Measures::new(task, nothing).programs(), n_envs, seed, 1).unwrap()
}

/// A variable of one environment.
fn get(env: &VecEnv, name: &str, env_index: usize) -> Vec<f64> {
    let schema = &env.task().schema;
    env.variables().row(schema, schema.index(name).unwrap(), env_index)
}

fn assert_close(name: &str, found: &[f64], expected: &[f64]) {
    let close = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
    assert!(close, "{name}: {found:?}, expected {expected:?}");
}

#[test]
fn sources_give_what_they_say() {
    // The arm stands at 0.5 rad, the hand 0.1 m above it.
    let (s, c) = 0.5_f64.sin_cos();
    let (half_s, half_c) = 0.25_f64.sin_cos();
    let hand = [1.0 + 0.5 * c, 2.0 + 0.5 * s, 0.6];
    let tip = [1.0 + 0.6 * c, 2.0 + 0.6 * s, 0.6];
    let quarter = std::f64::consts::FRAC_PI_4 + 0.25; // half of the tip's turn, 90° + 0.5 rad
    let tip_quat = [quarter.cos(), 0.0, 0.0, quarter.sin()];
    let cases: Vec<(&str, Vec<f64>)> = vec![
        ("source = { body_position = \"hand\" }\nshape = [3]", hand.to_vec()),
        (
            "source = { body_position = [\"hand\", \"arm\"] }\nshape = [2, 3]",
            [hand, [1.0, 2.0, 0.5]].concat(),
        ),
        (
            "source = { body_quaternion = \"hand\" }\nshape = [4]",
            vec![half_c, 0.0, 0.0, half_s],
        ),
        (
            "source = { body_quaternion = \"hand\" }\nshape = [4]\nquaternion = \"xyzw\"",
            vec![0.0, 0.0, half_s, half_c],
        ),
        (
            "source = { sensor = \"hand_quat\" }\nshape = [4]\nquaternion = \"xyzw\"",
            vec![0.0, 0.0, half_s, half_c],
        ),
        (
            "source = { body_pose = \"hand\" }\ndtype = \"pose\"",
            [&hand[..], &[half_c, 0.0, 0.0, half_s]].concat(),
        ),
        ("source = { site_position = \"tip\" }\nshape = [3]", tip.to_vec()),
        ("source = { site_quaternion = \"tip\" }\nshape = [4]", tip_quat.to_vec()),
        (
            "source = { site_pose = \"tip\" }\nshape = [7]",
            [&tip[..], &tip_quat].concat(),
        ),
        ("source = { geom_position = \"palm\" }\nshape = [3]", hand.to_vec()),
        ("source = { joint_position = \"turn\" }", vec![0.5]),
        (
            "source = { joint_limits = [\"turn\", \"lift\"] }\nshape = [2, 2]\nuniform = true",
            vec![-std::f64::consts::FRAC_PI_2, std::f64::consts::FRAC_PI_2, -0.2, 0.2],
        ),
        (
            "source = { sensor = [\"lift\", \"turn\"] }\nshape = [2]",
            vec![0.1, 0.5],
        ),
        ("source = { constant = 0.02 }\nuniform = true", vec![0.02]),
        (
            "source = { constant = [[1, 2], [3, 4]] }\nuniform = true\nshape = [2, 2]\ndtype = \"i64\"",
            vec![1.0, 2.0, 3.0, 4.0],
        ),
        ("source = { constant = 1 }\nuniform = true\ndtype = \"bool\"", vec![1.0]),
        ("source = \"step\"\ndtype = \"i64\"", vec![0.0]),
        ("source = \"control_dt\"\nuniform = true", vec![0.02]),
        // Seen from the hand, the tip is 0.1 m ahead and turned by 90°.
        (
            "source = { site_position = \"tip\" }\nrelative_to = \"hand\"\nshape = [3]",
            vec![0.1, 0.0, 0.0],
        ),
        (
            "source = { site_pose = \"tip\" }\nrelative_to = \"hand\"\ndtype = \"pose\"",
            vec![0.1, 0.0, 0.0, 0.5_f64.sqrt(), 0.0, 0.0, 0.5_f64.sqrt()],
        ),
        // The tip moves on a circle of 0.6 m about the arm's axis, and upwards with the slide.
        (
            "source = { site_jacobian = { site = \"tip\", joints = [\"turn\", \"lift\", \"ball\"] } }\nshape = [3, 8]",
            [
                [&[-0.6 * s, 0.0][..], &[0.0; 6]].concat(),
                [&[0.6 * c, 0.0][..], &[0.0; 6]].concat(),
                [&[0.0, 1.0][..], &[0.0; 6]].concat(),
            ]
            .concat(),
        ),
        (
            "source = { site_jacobian = { site = \"tip\", joints = [\"turn\"] } }\nshape = [3, 1]\nrelative_to = \"hand\"",
            vec![0.0, 0.6, 0.0],
        ),
    ];
    for (entry, expected) in cases {
        let task = files(&format!("[variable.x]\n{entry}\n"), "").task();
        assert_close(entry, &get(&env_of(&task, 1, 0), "x", 0), &expected);
    }
}

#[test]
fn velocities_belong_to_their_frames() {
    let env = r#"
[reset.joint.turn]
velocity = { low = 2.0, high = 2.0 }
[variable.v]
source = { site_linear_velocity = "tip" }
shape = [3]
[variable.w]
source = { site_angular_velocity = "tip" }
shape = [3]
[variable.v_in_hand]
source = { site_linear_velocity = "tip" }
relative_to = "hand"
shape = [3]
"#;
    let env = env_of(&files(env, "").task(), 1, 0);
    let (s, c) = 0.5_f64.sin_cos();
    assert_close("v", &get(&env, "v", 0), &[-1.2 * s, 1.2 * c, 0.0]);
    assert_close("w", &get(&env, "w", 0), &[0.0, 0.0, 2.0]);
    assert_close("v_in_hand", &get(&env, "v_in_hand", 0), &[0.0, 1.2, 0.0]);
}

#[test]
fn contacts_have_two_sides() {
    // The ball is pressed into the floor by its own weight.
    let files = files(
        r#"
[variable.touches]
source = { contact = ["ball", "floor"] }
dtype = "bool"
[variable.hand_touches]
source = { contact = [{ body = "hand" }, "floor"] }
dtype = "bool"
[variable.on_ball]
source = { contact_force_between = [{ body = "ball" }, "floor"] }
component = 2
[variable.on_floor]
source = { contact_force_between = ["floor", "ball"] }
component = 2
[variable.both]
source = { contact_force = ["ball", "hand"] }
shape = [2, 3]
[variable.lifting]
source = { actuator_force = ["lifter"] }
shape = [1]
"#,
        "",
    )
    .edit("model.xml", "gravity=\"0 0 0\"", "gravity=\"0 0 -9.81\"");
    let mut env = env_of(&files.task(), 1, 0);
    (0..40).for_each(|_| {
        env.step(&[0.0, 0.5]).unwrap();
    });
    let weight = 2.0 * 9.81;
    assert_eq!(get(&env, "touches", 0), [1.0]);
    assert_eq!(get(&env, "hand_touches", 0), [0.0]);
    let on_ball = get(&env, "on_ball", 0)[0];
    assert!((on_ball - weight).abs() < 0.5, "{on_ball}");
    assert_eq!(get(&env, "on_floor", 0), [-on_ball]);
    assert_eq!(get(&env, "both", 0)[2..], [on_ball, 0.0, 0.0, 0.0]);
    assert_eq!(get(&env, "lifting", 0), [0.5]);
}

#[test]
fn previous_values_follow_one_step_behind() {
    let mut env = env_of(
        &files(
            "[variable.before]\nsource = { previous = \"angle\" }\n[variable.long_before]\nsource = { previous = \"before\" }\n",
            "",
        )
        .task(),
        2,
        0,
    );
    let mut angles = vec![get(&env, "angle", 1)[0]; 3];
    assert_eq!(get(&env, "before", 1), [angles[0]], "at the reset, the present value");
    assert_eq!(get(&env, "long_before", 1), [angles[0]]);
    for step in 0..60 {
        let ended = !env.step(&actions(step, 4)).unwrap().episodes.is_empty();
        angles.push(get(&env, "angle", 1)[0]);
        let [.., long_before, before, _] = angles[..] else {
            unreachable!()
        };
        assert_eq!(get(&env, "before", 1), [before], "step {step}");
        assert_eq!(get(&env, "long_before", 1), [long_before], "step {step}");
        if ended {
            angles = vec![0.5; 3];
        }
    }
}

#[test]
fn a_surface_gives_further_names() {
    let files = files(
        r#"
[variable.hand_quat]
source = { body_quaternion = "hand" }
shape = [4]
quaternion = "wxyz"
[variable.model_name]
dtype = "str"
value = "v2"
[surface]
"robot.angle" = "angle"
"robot.grasp( cube,1 )" = { variable = "hand_quat", quaternion = "xyzw" }
"robot.model" = "model_name"
"#,
        "",
    );
    let env = env_of(&files.task(), 1, 0);
    let (half_s, half_c) = 0.25_f64.sin_cos();
    assert_eq!(get(&env, "robot.angle", 0), [0.5]);
    assert_close(
        "robot.grasp(cube, 1)",
        &get(&env, "robot.grasp(cube, 1)", 0),
        &[0.0, 0.0, half_s, half_c],
    );
    assert_eq!(
        env.task().schema.get("robot.model").unwrap().value.as_deref(),
        Some("v2")
    );
}

#[test]
fn commands_are_drawn_at_the_reset_and_again_when_they_are_due() {
    let command = "[variable.goal]\nsource = { command = { low = [0.1, -1.0, 1.0], high = [0.2, 1.0, 2.0], every_secs = 0.1, mocap = \"target\" } }\nshape = [3]\n\
                   [variable.target]\nsource = { body_position = \"target\" }\nshape = [3]\n[variable.speed]\nsource = { command = { low = 5.0, high = 9.0 } }\n";
    let files = files(command, "[command.speed]\nlow = 7.0\nhigh = 7.5\n");
    let mut env = env_of(&files.task(), 2, 3);
    let mut goals: Vec<Vec<f64>> = Vec::new();
    let mut speeds: Vec<f64> = Vec::new();
    for step in 1..=100 {
        let goal = get(&env, "goal", 0);
        assert_eq!(get(&env, "target", 0), goal, "the body stands where the command says");
        assert!(
            (0.1..=0.2).contains(&goal[0]) && (1.0..=2.0).contains(&goal[2]),
            "{goal:?}"
        );
        assert_ne!(get(&env, "goal", 1), goal, "environments have their own");
        if goals.last() != Some(&goal) {
            goals.push(goal);
        }
        let speed = get(&env, "speed", 0)[0];
        assert!((7.0..=7.5).contains(&speed), "{speed}");
        if speeds.last() != Some(&speed) {
            speeds.push(speed);
        }
        env.step(&actions(step, 4)).unwrap();
    }
    // Two episodes of 50 steps; a draw at the reset and then every 5 steps. The last row of an episode has drawn again.
    assert!((20..=22).contains(&goals.len()), "{}", goals.len());
    assert_eq!(speeds.len(), 2);
}

#[test]
fn actions_are_taken_around_a_keyframe() {
    let mut env = env_of(
        &files("", "")
            .edit(
                "env.toml",
                "dt = 0.02",
                "dt = 0.02\naround = \"home\"\nscale = [0.25, 2.0]",
            )
            .edit(
                "env.toml",
                "[variable.angle]",
                "[variable.force]\nsource = \"actuator_force\"\nshape = [2]\n[variable.angle]",
            )
            .task(),
        1,
        0,
    );
    env.step(&[0.0, 0.0]).unwrap();
    let force = get(&env, "force", 0);
    assert!(force[0].abs() < 1e-9, "the servo holds the keyframe: {force:?}");
    assert!((force[1] - 0.2).abs() < 1e-9, "{force:?}");
    env.step(&[0.0, -1.0]).unwrap();
    assert_eq!(get(&env, "force", 0)[1], -1.0, "0.2 - 2.0, clamped to the range");
}

#[test]
fn resets_are_drawn_as_asked() {
    let reset = r#"
qvel_noise = 0.5
[reset.joint.ball]
position = { low = [0.3, -0.2, 0.1], high = [0.5, 0.2, 0.1] }
yaw = [1.0, 1.2]
velocity = { low = 0.25, high = 0.25 }
[variable.ball]
source = { joint_position = "ball" }
shape = [7]
[variable.ball_velocity]
source = { joint_velocity = "ball" }
shape = [6]
[variable.turn_velocity]
source = { joint_velocity = "turn" }
"#;
    let files = files(
        "",
        "\n[reset]\nqpos_noise = 0.0\n[reset.joint.turn]\nposition = { low = -1.0, high = 1.0 }\n",
    )
    .edit(
        "env.toml",
        "keyframe = \"home\"\n",
        &format!("keyframe = \"home\"{reset}"),
    );
    let env = env_of(&files.task(), 64, 5);
    let all = |name: &str, place: usize| -> Vec<f64> { (0..64).map(|index| get(&env, name, index)[place]).collect() };
    for (name, place, low, high) in [
        ("ball", 0, 0.3, 0.5),
        ("ball", 1, -0.2, 0.2),
        ("ball", 2, 0.1, 0.1),
        ("ball", 3, 0.6_f64.cos(), 0.5_f64.cos()),
        ("ball", 6, 0.5_f64.sin(), 0.6_f64.sin()),
        ("ball_velocity", 4, 0.25, 0.25),
        ("turn_velocity", 0, -0.5, 0.5),
        ("angle", 0, -1.0, 1.0),
    ] {
        let values = all(name, place);
        let (least, most) = values
            .iter()
            .fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(*value), b.max(*value)));
        let dust = 1e-9;
        assert!(
            least >= low - dust && most <= high + dust,
            "{name}[{place}]: {least} to {most}"
        );
        assert!(
            most - least >= 0.8 * (high - low) - dust,
            "{name}[{place}]: {least} to {most}"
        );
    }
}

/// Everything that happens in a while, with what is observed.
fn play(env: &mut VecEnv, steps: std::ops::Range<usize>) -> Vec<Vec<u32>> {
    let n = env.n_envs() * env.action_size();
    steps
        .map(|step| {
            let data = env.step(&actions(step, n)).unwrap();
            let mut bits: Vec<u32> = data.observations.iter().map(|value| value.to_bits()).collect();
            bits.extend(env.qpos(0).iter().map(|value| (value.to_bits() >> 20) as u32));
            bits
        })
        .collect()
}

const RANDOM: (&str, &str) = (
    r#"
[randomize]
mass = { scale = [0.5, 2.0], bodies = ["hand"] }
friction = { scale = [0.5, 1.5] }
gain = { scale = [0.8, 1.2] }
damping = { scale = [0.5, 2.0] }
latency = { steps = [0, 3] }
push = { every_secs = [0.1, 0.2], joint = "ball", velocity = 0.5 }
[variable.goal]
source = { command = { low = -1.0, high = 1.0, every_secs = 0.1 } }
[variable.before]
source = { previous = "angle" }
"#,
    "observation_delay = 2\n[observation_noise]\nangle = 0.1\n",
);

fn random_files() -> Files {
    let (env, task) = RANDOM;
    files(env, "").edit(
        "task.toml",
        "observation = [\"angle\"]",
        &format!("observation = [\"angle\", \"goal\", \"before\"]\n{task}"),
    )
}

#[test]
fn a_snapshot_holds_every_random_stream() {
    let task = random_files().task();
    let new = |seed| env_of(&task, 3, seed);
    let mut env = new(7);
    let once = play(&mut env, 0..73);
    assert_eq!(once, play(&mut new(7), 0..73), "a seed repeats everything");
    assert_ne!(once, play(&mut new(8), 0..73));
    // In the middle of the second episode.
    let snapshots: Vec<EnvSnapshot> = (0..3).map(|index| env.snapshot(index)).collect();
    let first = play(&mut env, 73..170);
    let mut other = new(7);
    play(&mut other, 0..11);
    for (index, snapshot) in snapshots.iter().enumerate() {
        other.restore(index, snapshot);
    }
    assert_eq!(first, play(&mut other, 73..170));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let task = random_files().task();
    let with = |threads| {
        let measures = Measures::new(&task, nothing);
        let mut env = VecEnv::with_all_variables(&task, measures.programs(), 5, 1, threads).unwrap();
        play(&mut env, 0..120)
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(4));
}

#[test]
fn properties_vary_relative_to_the_model() {
    // A hand that floats: what it gains in one step is force over mass.
    let gained = |randomize: &str, seed: u64| -> Vec<f64> {
        let files = files(
            &format!("[variable.v]\nsource = {{ joint_velocity = \"lift\" }}\n{randomize}"),
            "",
        )
        .edit(
            "model.xml",
            "axis=\"0 0 1\" range=\"-0.2 0.2\" limited=\"true\" damping=\"1\"",
            "axis=\"0 0 1\"",
        );
        let mut env = env_of(&files.task(), 40, seed);
        env.step(&[0.0, 1.0].repeat(40)).unwrap();
        (0..40).map(|index| get(&env, "v", index)[0]).collect()
    };
    // 5 N for 0.02 s on 0.5 kg.
    let plain = gained("", 0);
    assert!(plain.iter().all(|v| (v - 0.2).abs() < 1e-6), "{plain:?}");
    for (randomize, low, high) in [
        (
            "[randomize]\nmass = { scale = [0.5, 2.0], bodies = [\"hand\"] }\n",
            0.1,
            0.4,
        ),
        ("[randomize]\ngain = { scale = [0.5, 2.0] }\n", 0.1, 0.4),
        ("[randomize]\nmass = { scale = [2.0, 2.0] }\n", 0.1, 0.1),
    ] {
        let gained = gained(randomize, 1);
        let (least, most) = gained
            .iter()
            .fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(*value), b.max(*value)));
        assert!(
            least >= low - 1e-6 && most <= high + 1e-6,
            "{randomize}: {least} to {most}"
        );
        assert!(most - least >= 0.7 * (high - low), "{randomize}: {least} to {most}");
    }
    let late = gained("[randomize]\nlatency = { steps = [1, 1] }\n", 0);
    assert!(
        late.iter().all(|v| v.abs() < 1e-9),
        "the action is still on its way: {late:?}"
    );
}

#[test]
fn pushes_come_in_time_and_are_bounded() {
    let push = "[variable.v]\nsource = { joint_velocity = \"ball\" }\ncomponents = [0, 1, 2]\nshape = [3]\n\
                [randomize]\npush = { every_secs = [0.1, 0.1], joint = \"ball\", velocity = 0.5 }\n";
    let files = files(push, "").edit("model.xml", "pos=\"0 0 0.1\">", "pos=\"0 0 0.1\" gravcomp=\"1\">");
    let files = files.edit(
        "env.toml",
        "keyframe = \"home\"",
        "keyframe = \"home\"\n[reset.joint.ball]\nposition = { low = [0, 0, 5], high = [0, 0, 5] }",
    );
    let mut env = env_of(&files.task(), 1, 0);
    let mut before = get(&env, "v", 0);
    assert_eq!(before, [0.0; 3]);
    for step in 1..=40 {
        env.step(&[0.0, 0.0]).unwrap();
        let now = get(&env, "v", 0);
        let pushed = step > 1 && (step - 1) % 5 == 0;
        assert_eq!(now != before, pushed, "step {step}: {before:?}, {now:?}");
        let most = now.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(most <= 0.5, "{most}");
        before = now;
    }
}

#[test]
fn the_policy_sees_late_and_with_noise() {
    let exact = |task: &str| {
        let files = files("", "").edit(
            "task.toml",
            "observation = [\"angle\"]",
            &format!("observation = [\"angle\"]\n{task}"),
        );
        let mut env = env_of(&files.task(), 1, 0);
        let mut seen = vec![(env.observations()[0], get(&env, "angle", 0)[0])];
        for step in 0..40 {
            env.step(&actions(step, 2)).unwrap();
            seen.push((env.observations()[0], get(&env, "angle", 0)[0]));
        }
        seen
    };
    for (index, pair) in exact("observation_delay = 3").windows(4).enumerate() {
        assert_eq!(pair[3].0, pair[0].1 as f32, "step {index}");
    }
    let noise: Vec<f32> = exact("[observation_noise]\nangle = 0.2")
        .iter()
        .map(|(seen, angle)| seen - *angle as f32)
        .collect();
    assert!(noise.iter().all(|noise| noise.abs() <= 0.2001), "{noise:?}");
    let spread = noise.iter().fold(0.0_f32, |most, noise| most.max(noise.abs()));
    assert!(spread > 0.15, "{noise:?}");
}
