//! Models that come without an environment: looked at, checked against, trained on, rolled out, and turned into files.

mod support;

use npyz::WriterBuilder as _;
use serde_json::json;
use support::{Scratch, parse, root};

/// A leg on a slide and a hinge, with a sensor.
const LEG: &str = r#"<mujoco>
  <option timestep="0.004"/>
  <worldbody>
    <geom name="floor" type="plane" size="2 2 0.1"/>
    <body name="torso" pos="0 0 0.8">
      <joint name="x" type="slide" axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/>
      <geom size="0.1"/><site name="top" pos="0 0 0.1"/>
      <body name="leg"><joint name="hip" axis="0 1 0" damping="1" range="-60 60"/><geom type="capsule" fromto="0 0 0 0 0 -0.6" size="0.04"/></body>
    </body>
  </worldbody>
  <actuator><motor name="hip" joint="hip" gear="10" ctrllimited="true" ctrlrange="-2 2"/></actuator>
  <sensor><jointpos name="hip" joint="hip"/></sensor>
</mujoco>"#;

/// An arm on a table, fixed to it: one revolute joint with effort, one continuous without, one prismatic.
const ARM: &str = r#"<?xml version="1.0"?>
<robot name="arm">
  <link name="base"/>
  <link name="upper"><inertial><origin xyz="0 0 0.2"/><mass value="2"/><inertia ixx="0.02" iyy="0.02" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="lower"><inertial><origin xyz="0 0 0.2"/><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="slide"><inertial><mass value="0.5"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/><limit lower="-1.5" upper="1.5" effort="30" velocity="2"/></joint>
  <joint name="elbow" type="continuous"><parent link="upper"/><child link="lower"/><origin xyz="0 0 0.4"/><axis xyz="0 1 0"/></joint>
  <joint name="reach" type="prismatic"><parent link="lower"/><child link="slide"/><origin xyz="0 0 0.4"/><axis xyz="0 0 1"/><limit lower="0" upper="0.2" effort="12" velocity="1"/></joint>
</robot>"#;

const REWARD: &str = "def compute_reward(torso_linear_velocity: Tensor, hip_sensor: Tensor, control: Tensor):\n    forward = torso_linear_velocity[:, 0]\n    effort = -0.1 * torch.sum(control ** 2, dim=-1)\n    return forward + effort, {\"forward\": forward, \"effort\": effort}\n";

/// Writes arrays of f64 into an archive.
fn archive(scratch: &Scratch, name: &str, arrays: &[(&str, &[u64], Vec<f64>)]) {
    let mut archive = npyz::npz::NpzWriter::create(scratch.path(name)).unwrap();
    for (name, shape, values) in arrays {
        let array = archive.array(name, Default::default()).unwrap().default_dtype();
        let mut array = array.shape(shape).begin_nd().unwrap();
        array.extend(values.iter().copied()).unwrap();
        array.finish().unwrap();
    }
}

/// Shape and values of an array of f64.
fn array(scratch: &Scratch, file: &str, name: &str) -> (Vec<u64>, Vec<f64>) {
    let mut archive = npyz::npz::NpzArchive::open(scratch.path(file)).unwrap();
    let array = archive
        .by_name(name)
        .unwrap()
        .unwrap_or_else(|| panic!("no array {name}"));
    (array.shape().to_vec(), array.into_vec().unwrap())
}

#[test]
fn programs_are_checked_run_and_compiled_against_a_model() {
    let scratch = Scratch::new();
    scratch.file("leg.xml", LEG);
    scratch.file("reward.py", REWARD);
    let shown = scratch.json(&["envs", "--model", "leg.xml"]);
    let environment = &shown["environments"][0];
    assert_eq!(
        (&environment["name"], &environment["action_size"]),
        (&json!("leg"), &json!(1))
    );
    let checked = scratch.json(&["check", "reward.py", "--model", "leg.xml"]);
    assert_eq!(checked["diagnostics"], json!([]));
    scratch.json(&["compile", "reward.py", "--model", "leg.xml", "-o", "reward.wasm"]);
    // A rollout is what `eval` reads.
    scratch.json(&[
        "rollout",
        "--model",
        "leg.xml",
        "--steps",
        "20",
        "--substeps",
        "5",
        "--out",
        "states.npz",
    ]);
    let evaluated = scratch.json(&[
        "eval",
        "reward.wasm",
        "--model",
        "leg.xml",
        "--inputs",
        "states.npz",
        "--output",
        "rewards.npz",
    ]);
    assert_eq!(evaluated["environments"], json!(21));
    let wrong = scratch.file("wrong.py", REWARD.replace("torso_linear", "torsoo_linear"));
    let said = scratch.carrot(&["check", wrong.to_str().unwrap(), "--model", "leg.xml"]);
    assert!(
        said.code == 1 && said.stdout.contains("torso_linear_velocity"),
        "{}",
        said.stdout
    );
}

#[test]
fn training_on_a_model_reports_the_reward_and_no_fitness() {
    let scratch = Scratch::new();
    scratch.file("leg.xml", LEG);
    scratch.file("reward.py", REWARD);
    let trained = scratch.json(&[
        "train",
        "--model",
        "leg.xml",
        "--reward",
        "reward.py",
        "--steps",
        "4k",
        "--out",
        "p.safetensors",
    ]);
    assert_eq!((&trained["fitness"], &trained["success"]), (&json!(null), &json!(null)));
    assert!(
        trained["return"].is_f64() && trained["terms"]["forward"].is_f64(),
        "{trained}"
    );
    assert!(
        trained["checkpoints"]
            .as_array()
            .unwrap()
            .iter()
            .all(|checkpoint| checkpoint["fitness"].is_null())
    );
    for (arguments, expected) in [
        (vec!["train", "--model", "leg.xml"], "--reward"),
        (
            vec![
                "train",
                "--model",
                "leg.xml",
                "--task",
                "ant/run_forward",
                "--reward",
                "reward.py",
            ],
            "--task",
        ),
        (vec!["play", "p.safetensors", "--out", "x.png"], "--model"),
    ] {
        let said = scratch.carrot(&arguments);
        assert!(
            said.code == 2 && said.stderr.contains(expected),
            "{arguments:?}: {}",
            said.stderr
        );
    }
}

#[test]
fn a_rollout_holds_states_and_starts_where_it_is_told() {
    let scratch = Scratch::new();
    scratch.file("leg.xml", LEG);
    let ctrl: Vec<f64> = (0..50).map(|step| (f64::from(step) * 0.2).sin()).collect();
    let start = vec![0.1, 0.2, -0.3];
    archive(
        &scratch,
        "in.npz",
        &[
            ("ctrl", &[50, 1], ctrl),
            ("qpos", &[3], start.clone()),
            ("qvel", &[3], vec![1.0, 0.0, 0.5]),
        ],
    );
    let answer = scratch.json(&[
        "rollout",
        "--model",
        "leg.xml",
        "--actions",
        "in.npz",
        "--out",
        "out.npz",
    ]);
    assert_eq!(
        (&answer["rows"], &answer["faulted"], &answer["substeps"]),
        (&json!(51), &json!(false), &json!(1))
    );
    let (shape, qpos) = array(&scratch, "out.npz", "qpos");
    assert_eq!((shape, &qpos[..3]), (vec![51, 3], &start[..]));
    let (_, hip) = array(&scratch, "out.npz", "hip_joint_position");
    assert!(
        hip.iter()
            .zip(qpos.chunks(3))
            .all(|(hip, qpos)| hip.to_bits() == qpos[2].to_bits())
    );
    let (_, time) = array(&scratch, "out.npz", "time");
    assert!((time[50] - 50.0 * 0.004).abs() < 1e-12);
    let (_, control) = array(&scratch, "out.npz", "control");
    let expected = 0.2_f64.sin() / 2.0;
    let as_a_policy_gives_them = control[..2] == [0.0, 0.0] && (control[2] - expected).abs() < 1e-15;
    assert!(as_a_policy_gives_them, "{:?}", &control[..3]);
    // The first of them again, and again from the same file.
    scratch.json(&[
        "rollout",
        "--model",
        "leg.xml",
        "--actions",
        "in.npz",
        "--steps",
        "20",
        "--out",
        "short.npz",
    ]);
    assert_eq!(
        array(&scratch, "short.npz", "qvel").1,
        array(&scratch, "out.npz", "qvel").1[..63]
    );
}

#[test]
fn a_divergence_keeps_what_came_before() {
    let scratch = Scratch::new();
    scratch.file(
        "leg.xml",
        LEG.replace("damping=\"1\"", "damping=\"1\" armature=\"1e-9\"")
            .replace("gear=\"10\"", "gear=\"1e13\""),
    );
    archive(
        &scratch,
        "in.npz",
        &[("ctrl", &[100, 1], vec![0.0; 40].into_iter().chain([1.0; 60]).collect())],
    );
    let said = scratch.carrot(&[
        "--json",
        "rollout",
        "--model",
        "leg.xml",
        "--actions",
        "in.npz",
        "--out",
        "out.npz",
    ]);
    let answer = parse(&said.stdout);
    assert_eq!((said.code, &answer["faulted"]), (1, &json!(true)), "{answer}");
    assert!(answer["fault"].as_str().unwrap().contains("huge value"), "{answer}");
    let rows = answer["rows"].as_u64().unwrap();
    assert!((41..50).contains(&rows), "{rows}");
    let (shape, qpos) = array(&scratch, "out.npz", "qpos");
    assert_eq!(shape, [rows, 3]);
    assert!(qpos.iter().all(|value| value.abs() < 1e10));
    let mut archive = npyz::npz::NpzArchive::open(scratch.path("out.npz")).unwrap();
    assert_eq!(
        archive.by_name("faulted").unwrap().unwrap().into_vec::<bool>().unwrap(),
        [true]
    );
    assert_eq!(
        archive
            .by_name("fault")
            .unwrap()
            .unwrap()
            .into_vec::<Vec<u8>>()
            .unwrap(),
        [answer["fault"].as_str().unwrap().as_bytes()]
    );
}

#[test]
fn a_task_is_rolled_out_with_its_resets() {
    let scratch = Scratch::new();
    archive(&scratch, "in.npz", &[("actions", &[120, 1], vec![1.0; 120])]);
    let roll = |seed: &str, out: &str| {
        scratch.json(&[
            "rollout",
            "--task",
            "cartpole/balance",
            "--actions",
            "in.npz",
            "--seed",
            seed,
            "--out",
            out,
        ])
    };
    let answer = roll("3", "out.npz");
    let episodes = answer["episodes"].as_u64().unwrap();
    assert!(episodes > 1 && answer["rows"] == json!(121), "{answer}");
    let (shape, start_qpos) = array(&scratch, "out.npz", "start_qpos");
    assert_eq!(shape[0], episodes);
    // An episode begins where its row says, with what an action then leads away from.
    let ended = answer["terminated"].as_array().unwrap();
    assert_eq!(ended.len() as u64 + 1, episodes);
    let (_, qpos) = array(&scratch, "out.npz", "qpos");
    assert_eq!(start_qpos[..2], qpos[..2]);
    let row = ended[0].as_u64().unwrap() as usize;
    assert_ne!(
        start_qpos[2..4],
        qpos[2 * row..2 * row + 2],
        "the row shows the end, not the new start"
    );
    roll("3", "same.npz");
    assert_eq!(array(&scratch, "same.npz", "qpos"), array(&scratch, "out.npz", "qpos"));
    roll("4", "other.npz");
    assert_ne!(array(&scratch, "other.npz", "qpos").1[..2], qpos[..2]);
}

#[test]
fn what_a_rollout_cannot_play_is_said() {
    let scratch = Scratch::new();
    scratch.file("leg.xml", LEG);
    scratch.file(
        "broken.xml",
        "<mujoco>\n<worldbody>\n<body nam=\"x\"/></worldbody></mujoco>",
    );
    scratch.file("not.npz", "no archive");
    archive(&scratch, "wide.npz", &[("ctrl", &[5, 2], vec![0.0; 10])]);
    archive(&scratch, "other.npz", &[("controls", &[5, 1], vec![0.0; 5])]);
    archive(
        &scratch,
        "start.npz",
        &[("ctrl", &[5, 1], vec![0.0; 5]), ("qpos", &[2], vec![0.0; 2])],
    );
    for (code, arguments, expected) in [
        (
            2,
            vec!["--model", "none.xml", "--steps", "3"],
            "there is no such model file",
        ),
        (3, vec!["--model", "broken.xml", "--steps", "3"], "line 3"),
        (2, vec!["--model", "leg.xml"], "--actions"),
        (2, vec!["--steps", "3"], "--task"),
        (
            2,
            vec!["--model", "leg.xml", "--actions", "none.npz"],
            "there is no such file",
        ),
        (
            3,
            vec!["--model", "leg.xml", "--actions", "not.npz"],
            "not a NumPy archive",
        ),
        (
            3,
            vec!["--model", "leg.xml", "--actions", "wide.npz"],
            "it must be [T, 1]",
        ),
        (
            2,
            vec!["--model", "leg.xml", "--actions", "other.npz"],
            "the archive holds controls",
        ),
        (
            3,
            vec!["--model", "leg.xml", "--actions", "start.npz"],
            "the model's is [3]",
        ),
        (
            3,
            vec!["--model", "leg.xml", "--actions", "wide.npz", "--steps", "9"],
            "[T, 1]",
        ),
        (
            2,
            vec!["--task", "cartpole/balanse", "--steps", "3"],
            "cartpole/balance",
        ),
        (
            2,
            vec!["--task", "cartpole/balance", "--steps", "3", "--substeps", "2"],
            "--substeps",
        ),
    ] {
        let said = scratch.carrot(&[["rollout", "--out", "out.npz"].as_slice(), &arguments].concat());
        assert!(
            said.code == code && said.stderr.contains(expected),
            "{arguments:?}: {} {}",
            said.code,
            said.stderr
        );
        assert!(!scratch.path("out.npz").exists(), "{arguments:?}");
    }
}

#[test]
fn an_environment_is_written_that_works_as_it_is() {
    let scratch = Scratch::new();
    scratch.file("leg.xml", LEG);
    scratch.file("arm.urdf", ARM);
    for (model, task, variable) in [
        ("leg.xml", "leg/move", "torso_linear_velocity"),
        ("arm.urdf", "arm/still", "joint_velocities"),
    ] {
        let name = task.split('/').next().unwrap();
        let out = format!("own/{name}");
        let written = scratch.json(&["envs", "init", model, "--out", &out]);
        assert_eq!(written["task"], json!(task));
        let reward = scratch
            .path(
                &format!("own/{task}")
                    .replace('/', "/tasks/")
                    .replacen("own/tasks/", "own/", 1),
            )
            .join("reward.py");
        let reward = reward.to_str().unwrap();
        let shown = scratch.json(&["--envs", "own", "envs", task]);
        let variables = shown["environments"][0]["variables"].as_array().unwrap();
        assert!(
            variables.iter().any(|known| known["name"] == json!(variable)),
            "{model}"
        );
        let checked = scratch.json(&["--envs", "own", "check", reward, "--task", task]);
        assert_eq!(checked["diagnostics"], json!([]), "{model}");
        let trained = scratch.json(&[
            "--envs",
            "own",
            "train",
            "--task",
            task,
            "--reward",
            reward,
            "--steps",
            "3k",
            "--out",
            "p.safetensors",
        ]);
        assert!(trained["fitness"].is_f64(), "{trained}");
        // Nothing is overwritten, and nothing is left aside.
        let said = scratch.carrot(&["envs", "init", model, "--out", &out]);
        assert!(
            said.code == 2 && said.stderr.contains("nothing is overwritten"),
            "{}",
            said.stderr
        );
        let left: Vec<_> = std::fs::read_dir(scratch.path("own"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            left.iter().all(|entry| !entry.to_string_lossy().starts_with('.')),
            "{left:?}"
        );
    }
    let motors = std::fs::read_to_string(scratch.path("own/arm/model.xml")).unwrap();
    for range in ["-30 30", "-1 1", "-12 12"] {
        assert!(motors.contains(&format!("ctrlrange=\"{range}\"")), "{motors}");
    }
}

#[test]
fn a_model_of_several_files_is_copied_whole() {
    let scratch = Scratch::new();
    for folder in ["robot/mjcf", "robot/meshes"] {
        std::fs::create_dir_all(scratch.path(folder)).unwrap();
    }
    // A tetrahedron.
    let corners = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";
    scratch.file("robot/meshes/part.obj", corners);
    scratch.file(
        "robot/mjcf/parts.xml",
        "<mujoco><asset><mesh name=\"part\" file=\"part.obj\"/></asset></mujoco>",
    );
    let main = LEG.replace(
        "<worldbody>",
        "<compiler meshdir=\"../meshes\"/><!-- <include file=\"gone.xml\"/> --><include file=\"parts.xml\"/>\n  <worldbody>",
    );
    scratch.file(
        "robot/mjcf/leg.xml",
        main.replace("<geom size=\"0.1\"/>", "<geom type=\"mesh\" mesh=\"part\"/>"),
    );
    let written = scratch.json(&["envs", "init", "robot/mjcf/leg.xml", "--out", "own/leg"]);
    for file in [
        "own/leg/model/mjcf/leg.xml",
        "own/leg/model/mjcf/parts.xml",
        "own/leg/model/meshes/part.obj",
    ] {
        assert!(scratch.path(file).is_file(), "{file}: {written}");
    }
    std::fs::remove_dir_all(scratch.path("robot")).unwrap();
    scratch.json(&["--envs", "own", "envs", "leg/move"]);
}

#[test]
fn what_cannot_be_driven_says_so() {
    let scratch = Scratch::new();
    scratch.file(
        "stone.xml",
        "<mujoco><worldbody><body><freejoint/><geom size=\"0.1\"/></body></worldbody></mujoco>",
    );
    scratch.file("arm.urdf", ARM);
    scratch.file("reward.py", "def compute_reward(time):\n    return time, {}\n");
    let box_of = |geometry: &str| {
        let inertial = "<inertial><mass value=\"1\"/><inertia ixx=\"1\" iyy=\"1\" izz=\"1\" ixy=\"0\" ixz=\"0\" iyz=\"0\"/></inertial>";
        format!(
            "<robot name=\"box\"><link name=\"a\">{inertial}<collision><geometry>{geometry}</geometry></collision></link></robot>"
        )
    };
    scratch.file("box.urdf", box_of("<box size=\"1 1 1\"/>"));
    scratch.file("ros.urdf", box_of("<mesh filename=\"package://robot/meshes/a.stl\"/>"));
    for (arguments, expected) in [
        (vec!["envs", "init", "box.urdf"], "nothing to drive"),
        (vec!["envs", "--model", "ros.urdf"], "knows no ROS packages"),
        (vec!["envs", "init", "stone.xml"], "add an <actuator>"),
        (
            vec!["train", "--model", "stone.xml", "--reward", "reward.py"],
            "add an <actuator>",
        ),
        (
            vec!["train", "--model", "arm.urdf", "--reward", "reward.py"],
            "carrot envs init arm.urdf",
        ),
    ] {
        let said = scratch.carrot(&arguments);
        assert!(
            said.code == 3 && said.stderr.contains(expected),
            "{arguments:?}: {}",
            said.stderr
        );
    }
    // Passive things can still be looked at and dropped.
    scratch.json(&["check", "reward.py", "--model", "stone.xml"]);
    let fall = |engine: &str| {
        let rollout = [
            "rollout",
            "--model",
            "stone.xml",
            "--steps",
            "100",
            "--out",
            "fall.npz",
            "--engine",
        ];
        scratch.json(&[rollout.as_slice(), &[engine]].concat())
    };
    assert!(fall("rapier")["engine"].as_str().unwrap().starts_with("rapier "));
    let fallen = fall("mujoco");
    assert_eq!(fallen["rows"], json!(101));
    assert!(root().join("envs").is_dir());
    assert!(!root().join("envs/stone").exists());
}
