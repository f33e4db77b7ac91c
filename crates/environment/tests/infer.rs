//! A model without an environment gets one: every named part becomes a variable that a program can write.

use std::path::PathBuf;

use carrot_environment::{Inferred, TaskError};
use carrot_physics::Engine;

/// Writes a model and infers its environment; the folder lives as long as the result.
fn infer(file: &str, xml: &str) -> (tempfile::TempDir, Result<Inferred, TaskError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, xml).unwrap();
    let inferred = Inferred::load(&path, Engine::Mujoco);
    (folder, inferred)
}

/// A floating robot with every kind of joint, nameless parts, names no program could write, and a loose ball.
const ROBOT: &str = r#"<mujoco>
  <option timestep="0.003"/>
  <worldbody>
    <body name="robot/torso" pos="0 0 1">
      <freejoint name="root"/>
      <geom size="0.1"/>
      <site name="head" pos="0 0 0.1"/>
      <body>
        <joint name="hip" axis="0 1 0" range="-1 1" limited="true"/>
        <geom size="0.05" pos="0 0 -0.2"/>
        <site pos="0 0 -0.2"/>
        <body name="hip" pos="0 0 -0.4">
          <joint axis="0 1 0"/>
          <joint name="wrist" type="ball"/>
          <geom size="0.05" pos="0 0 -0.2"/>
        </body>
      </body>
    </body>
    <body name="ball" pos="1 0 1"><freejoint/><geom size="0.05"/></body>
  </worldbody>
  <actuator><motor name="hip" joint="hip" ctrlrange="-2 2" ctrllimited="true"/></actuator>
  <sensor><gyro name="imu" site="head"/><framequat objtype="site" objname="head"/><clock name="2nd clock"/></sensor>
</mujoco>"#;

#[test]
fn every_part_becomes_a_variable() {
    let (_folder, inferred) = infer("my robot.xml", ROBOT);
    let inferred = inferred.unwrap();
    assert_eq!((inferred.name.as_str(), inferred.substeps), ("my_robot", 7));
    let schema = inferred.schema().unwrap();
    for (name, shape, unit, frame) in [
        ("time", vec![], Some("s"), None),
        ("control", vec![1], None, None),
        ("actuator_force", vec![1], None, None),
        ("joint_positions", vec![2], None, None),
        ("robot_torso_position", vec![3], Some("m"), Some("world")),
        ("robot_torso_height", vec![], Some("m"), Some("world")),
        ("robot_torso_quaternion", vec![4], None, Some("world")),
        ("body_2_linear_velocity", vec![3], Some("m/s"), Some("world")),
        ("hip_position", vec![3], Some("m"), Some("world")),
        ("hip_joint_position", vec![], Some("rad"), None),
        ("hip_joint_velocity", vec![], Some("rad/s"), None),
        ("joint_2_position", vec![], Some("rad"), None),
        ("wrist_joint_position", vec![4], None, None),
        ("wrist_joint_velocity", vec![3], Some("rad/s"), None),
        ("root_joint_position", vec![7], None, None),
        ("head_site_position", vec![3], Some("m"), Some("world")),
        ("site_1_position", vec![3], Some("m"), Some("world")),
        ("imu_sensor", vec![3], Some("rad/s"), None),
        ("sensor_1", vec![4], None, Some("world")),
        ("n2nd_clock_sensor", vec![], Some("s"), None),
    ] {
        let index = schema.index(name).unwrap_or_else(|| panic!("no variable {name}"));
        let variable = &schema.variables[index];
        let found = (&variable.shape, variable.unit.as_deref(), variable.frame.as_deref());
        assert_eq!(found, (&shape, unit, frame), "{name}");
        assert!(!variable.doc.is_empty(), "{name}");
    }
    assert!(schema.index("world_position").is_none());
    assert_eq!(
        inferred.observation,
        [
            "joint_positions",
            "joint_velocities",
            "robot_torso_height",
            "robot_torso_quaternion",
            "robot_torso_linear_velocity",
            "robot_torso_angular_velocity",
            "ball_position",
            "ball_quaternion",
            "ball_linear_velocity",
            "ball_angular_velocity",
            "wrist_joint_position",
            "wrist_joint_velocity",
        ]
    );
}

#[test]
fn an_inferred_environment_loads_like_a_written_one() {
    let (_folder, inferred) = infer("robot.xml", ROBOT);
    let task = inferred.unwrap().task().unwrap();
    assert!(!task.judges);
    assert_eq!(
        (task.action_size(), task.observation_size()),
        (1, 2 + 2 + 1 + 4 + 6 + 3 + 4 + 6 + 7)
    );
    assert_eq!(task.control_dt_secs(), 7.0 * 0.003);
}

#[test]
fn a_planar_root_is_seen_without_its_way() {
    let (_folder, inferred) = infer(
        "walkers/scene.xml",
        r#"<mujoco><worldbody><body name="torso" pos="0 0 1">
          <joint name="x" type="slide" axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/><joint name="pitch" axis="0 1 0"/>
          <geom size="0.1"/>
          <body name="leg"><joint name="hip" axis="0 1 0"/><geom size="0.05" pos="0 0 -0.5"/></body>
        </body></worldbody><actuator><motor joint="hip"/></actuator></mujoco>"#,
    );
    let inferred = inferred.unwrap();
    assert_eq!(inferred.name, "walkers");
    let positions = inferred
        .variables
        .iter()
        .find(|variable| variable.name == "joint_positions")
        .unwrap();
    assert_eq!(
        positions.source.to_string(),
        "{ joint_position = [\"z\", \"pitch\", \"hip\"] }"
    );
    assert_eq!(
        inferred.observation,
        ["joint_positions", "joint_velocities", "x_joint_velocity"]
    );
}

#[test]
fn what_is_no_model_is_refused_in_plain_words() {
    let missing = Inferred::load(&PathBuf::from("no/such.xml"), Engine::Mujoco)
        .err()
        .unwrap();
    assert_eq!(missing.to_string(), "no/such.xml: there is no such model file");
    let passive = |file: &str, text: &str| {
        let (_folder, inferred) = infer(file, text);
        inferred.unwrap().task().err().unwrap().to_string()
    };
    for (file, xml, expected) in [
        ("broken.xml", "<mujoco><worldbody>", "broken.xml: XML"),
        (
            "robot.xml",
            "<mujoco><worldbody><body pose=\"1\"/></worldbody></mujoco>",
            "line 1",
        ),
        ("notes.xml", "not a model", "notes.xml: "),
        ("other.xml", "<html/>", "html"),
    ] {
        let (_folder, inferred) = infer(file, xml);
        let error = inferred.err().unwrap().to_string();
        assert!(error.contains(expected), "{file}: {error}");
    }
    let stone = "<mujoco><worldbody><body><freejoint/><geom size=\"0.1\"/></body></worldbody></mujoco>";
    assert!(passive("stone.xml", stone).contains("add an <actuator>"));
    let urdf = r#"<robot name="arm"><link name="base"/><link name="arm"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
      <joint name="shoulder" type="revolute"><parent link="base"/><child link="arm"/><axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="30" velocity="2"/></joint></robot>"#;
    let error = passive("arm.urdf", urdf);
    assert!(
        error.contains("carrot envs init") && error.contains("arm.urdf"),
        "{error}"
    );
}
