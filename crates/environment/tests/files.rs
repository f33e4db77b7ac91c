//! Broken environment files: each complaint names the file and the line or key, and says what would be right.

mod support;

use carrot_environment::{Engine, Task, task_ids};
use support::{Cartpole, envs};

#[test]
fn broken_files_say_what_is_wrong() {
    let tip = "source = { site_position = \"tip\" }";
    for (file, from, to, expected) in [
        // A misspelt key is not ignored.
        (
            "env.toml",
            "substeps = 2",
            "substep = 2",
            ["line 5", "unknown field `substep`", "`substeps`"],
        ),
        (
            "env.toml",
            "doc = \"Position of the cart",
            "docs = \"Position of the cart",
            ["docs", "unknown field", "`doc`"],
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizont = 500",
            ["line 4", "unknown field `horizont`", "`horizon`"],
        ),
        (
            "task.toml",
            "[success]",
            "[sucess]",
            ["sucess", "unknown field", "`success`"],
        ),
        // Numbers that make no sense.
        (
            "env.toml",
            "substeps = 2",
            "substeps = 0",
            ["line 5", "`control.substeps`", "at least 1"],
        ),
        (
            "env.toml",
            "substeps = 2",
            "substeps = -2",
            ["line 5", "substeps", "-2"],
        ),
        (
            "env.toml",
            "qpos_noise = 0.05",
            "qpos_noise = -1.0",
            ["line 8", "`reset.qpos_noise` is -1", "zero or more"],
        ),
        (
            "env.toml",
            "qpos_noise = 0.05",
            "qpos_noise = { normal = -1.0 }",
            ["line 8", "`reset.qpos_noise.normal` is -1", "deviation"],
        ),
        (
            "env.toml",
            "qpos_noise = 0.05",
            "qpos_noise = \"some\"",
            ["line 8", "half-width of uniform noise", "{ normal"],
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizon = 0",
            ["line 4", "`horizon`", "at least 1"],
        ),
        (
            "task.toml",
            "version = 1",
            "version = \"one\"",
            ["line 2", "version", "expected u32"],
        ),
        // Sources.
        (
            "env.toml",
            tip,
            "source = { site_position = \"tpi\" }",
            ["variable.tip_position", "no site named `tpi`", "did you mean `tip`?"],
        ),
        (
            "env.toml",
            tip,
            "source = { body_position = \"poel\" }",
            ["variable.tip_position", "no body named `poel`", "did you mean `pole`?"],
        ),
        (
            "env.toml",
            tip,
            "source = { site_positon = \"tip\" }",
            ["line 41", "no source `site_positon`", "did you mean `site_position`?"],
        ),
        (
            "env.toml",
            "source = \"time\"",
            "source = \"tiem\"",
            ["", "no source `tiem`", "did you mean `time`?"],
        ),
        (
            "env.toml",
            tip,
            "",
            ["line 39", "`variable.tip_position`: there is no `source`", "such as"],
        ),
        // Shapes and picks.
        (
            "env.toml",
            "shape = [3]",
            "shape = [4]",
            [
                "`variable.tip_position`",
                "gives 3 numbers, but the shape is [4]",
                "`shape = [3]`",
            ],
        ),
        (
            "env.toml",
            "shape = [3]",
            "",
            ["`variable.tip_position`", "the shape is []", "`shape = [3]`"],
        ),
        (
            "env.toml",
            "shape = [3]",
            "shape = [0]",
            ["variable `tip_position`", "has 0 numbers", "1 to 4096"],
        ),
        (
            "env.toml",
            tip,
            &format!("{tip}\ncomponent = 3"),
            ["`variable.tip_position`", "component 3 is out of range", "0 to 2"],
        ),
        (
            "env.toml",
            tip,
            &format!("{tip}\ncomponent = 1\ncomponents = [1]"),
            ["`variable.tip_position`", "not both", "line"],
        ),
        (
            "env.toml",
            "source = \"time\"",
            "source = \"time\"\ncomponent = 0",
            ["`variable.time`", "quantities of the model only", "line"],
        ),
        (
            "env.toml",
            "uniform = true",
            "",
            ["`variable.control_dt`", "write `uniform = true`", "line"],
        ),
        (
            "env.toml",
            "source = \"time\"",
            "source = \"time\"\nuniform = true",
            ["`variable.time`", "remove `uniform = true`", "line"],
        ),
        (
            "env.toml",
            "source = \"time\"",
            "source = \"time\"\ndtype = \"bool\"",
            ["`variable.time`", "`dtype`", "`float`"],
        ),
        // The task.
        (
            "task.toml",
            "\"pole_angle\"",
            "\"pole_angel\"",
            ["line 5", "no variable `pole_angel`", "did you mean `pole_angle`?"],
        ),
        (
            "task.toml",
            "aggregate = \"sum\"",
            "aggregate = \"median\"",
            ["unknown variant `median`", "`mean`", "line 8"],
        ),
        (
            "task.toml",
            "instruction = \"",
            "instruction = \"\" #",
            ["line 3", "`instruction` is empty", "one sentence"],
        ),
        // The model.
        ("model.xml", "</worldbody>", "", ["model.xml", "XML", ""]),
        (
            "model.xml",
            "<motor name=\"push\" joint=\"slider\" gear=\"10\" ctrlrange=\"-1 1\"/>",
            "",
            ["model.xml", "no actuator", ""],
        ),
    ] {
        let cartpole = Cartpole::new().edit(file, from, to);
        let Err(error) = cartpole.load() else {
            panic!("{file}: {to:?} was accepted");
        };
        let message = error.to_string();
        let named = message.contains(&cartpole.path(file).display().to_string());
        assert!(named, "{file} is not named: {message}");
        for part in expected {
            assert!(
                message.contains(part),
                "{file}, {to:?}: expected {part:?} in: {message}"
            );
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    for file in ["task.py", "env.toml", "model.xml"] {
        let cartpole = Cartpole::new();
        std::fs::remove_file(cartpole.path(file)).unwrap();
        let message = cartpole.load().err().unwrap().to_string();
        assert!(
            message.contains(file) && message.contains("cannot be read"),
            "{message}"
        );
    }
}

#[test]
fn an_unknown_task_names_the_nearest_and_reaches_nothing_outside() {
    let message = |id| Task::load(&envs(), id, Engine::Mujoco).err().unwrap().to_string();
    assert!(message("hopper/hop_foward").contains("did you mean `hopper/hop_forward`?"));
    assert!(message("../envs/hopper/hop_forward").contains("there is no task"));
    assert!(message("xyz").contains("cartpole/balance"), "{}", message("xyz"));
    let missing = task_ids(&envs().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("there is no folder"), "{missing}");
}

#[test]
fn the_hash_sees_every_file_that_can_change_results() {
    let original = Cartpole::new().load().unwrap().hash;
    assert_eq!(original, Cartpole::new().load().unwrap().hash);
    for (file, from, to) in [
        ("model.xml", "mass=\"0.2\"", "mass=\"0.3\""),
        ("env.toml", "qvel_noise = 0.05", "qvel_noise = 0.06"),
        ("task.toml", "horizon = 500", "horizon = 400"),
        ("task.py", "> 0.2", "> 0.3"),
    ] {
        let changed = Cartpole::new().edit(file, from, to).load().unwrap().hash;
        assert_ne!(changed, original, "{file}");
    }
    // Also those that only the model refers to.
    let with_part = |impratio: &str| {
        let cartpole = Cartpole::new().edit("model.xml", "<worldbody>", "<include file=\"part.xml\"/>\n<worldbody>");
        let part = format!("<mujoco><option impratio=\"{impratio}\"/></mujoco>");
        std::fs::write(cartpole.path("part.xml"), part).unwrap();
        cartpole.load().unwrap().hash
    };
    assert_eq!(with_part("2"), with_part("2"));
    assert_ne!(with_part("2"), with_part("3"));
}

#[test]
fn the_model_may_lie_elsewhere() {
    let cartpole = Cartpole::new().edit("env.toml", "[control]", "model = \"mjcf/cart.xml\"\n\n[control]");
    let error = cartpole.load().err().unwrap().to_string();
    assert!(error.contains("mjcf/cart.xml: cannot be read"), "{error}");
    let place = cartpole.path("mjcf");
    std::fs::create_dir(&place).unwrap();
    std::fs::rename(cartpole.path("model.xml"), place.join("cart.xml")).unwrap();
    assert_eq!(cartpole.load().unwrap().action_size(), 1);
}

/// What is added to a file, and what is then said about it.
#[test]
fn every_part_of_the_format_says_what_is_wrong() {
    let variable = |entry: &str| format!("[variable.extra]\n{entry}\n[variable.time]");
    let time = "[variable.time]";
    let control = "substeps = 2";
    let reset = "qpos_noise = 0.05";
    let task = "[fitness]";
    let mut wrong = Vec::new();
    for (file, from, to, expected) in [
        (
            "env.toml",
            control,
            "dt = 0.021".to_owned(),
            "`control.dt` is 0.021 s, and the model's timestep is 0.01 s; write a whole multiple, such as 0.02",
        ),
        (
            "env.toml",
            control,
            "dt = -1.0".into(),
            "`control.dt` is -1; it is the seconds per control step",
        ),
        (
            "env.toml",
            control,
            "dt = 1e9".into(),
            "`control.dt`: a control step would be",
        ),
        ("env.toml", control, "substeps = 2\ndt = 0.02".into(), "not both"),
        (
            "env.toml",
            control,
            "".into(),
            "write `dt = 0.02` (seconds), or `substeps = 4`",
        ),
        (
            "env.toml",
            control,
            "substeps = 2\naround = \"home\"".into(),
            "`control.around` needs `control.scale`",
        ),
        (
            "env.toml",
            control,
            "substeps = 2\nscale = [1, 2]".into(),
            "`control.scale` has 2 numbers",
        ),
        (
            "env.toml",
            control,
            "substeps = 2\nscale = 0".into(),
            "must be positive",
        ),
        (
            "env.toml",
            control,
            "substeps = 2\nscale = 1\naround = \"home\"".into(),
            "`control.around`: the model has no keyframe named `home`",
        ),
        (
            "env.toml",
            reset,
            format!("{reset}\nkeyframe = \"home\""),
            "`reset.keyframe`: the model has no keyframe",
        ),
        (
            "env.toml",
            time,
            format!("[reset.joint.hing]\nposition = {{ low = 0, high = 1 }}\n{time}"),
            "`reset.joint.hing`: the model has no joint named `hing`; did you mean `hinge`?",
        ),
        (
            "env.toml",
            time,
            format!("[reset.joint.hinge]\nyaw = [0, 1]\n{time}"),
            "`reset.joint.hinge.yaw` turns free joints only",
        ),
        (
            "env.toml",
            time,
            format!("[reset.joint.hinge]\nposition = {{ low = 1, high = 0 }}\n{time}"),
            "low 1 is above high 0",
        ),
        (
            "env.toml",
            time,
            format!("[reset.joint.hinge]\nposition = {{ low = [0, 0], high = 1 }}\n{time}"),
            "`reset.joint.hinge.position.low` has 2 numbers, and 1 are needed",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\nmass = {{ scale = [0.5, 2], bodies = [\"poel\"] }}\n{time}"),
            "`randomize.mass`: the model has no body named `poel`; did you mean `pole`?",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\nfriction = {{ scale = [0.5, 2], geoms = [\"nothing\"] }}\n{time}"),
            "`randomize.friction`: the model has no geom",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\ngain = {{ scale = [0, 2] }}\n{time}"),
            "factors must be above zero",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\ndamping = {{ scale = [2, 1] }}\n{time}"),
            "`randomize.damping.scale` is [2, 1]",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\nlatency = {{ steps = [3, 1] }}\n{time}"),
            "`randomize.latency.steps` is [3, 1]",
        ),
        (
            "env.toml",
            time,
            format!("[randomize]\npush = {{ every_secs = [1, 2], joint = \"hinge\", velocity = 1 }}\n{time}"),
            "joint `hinge` only turns",
        ),
        (
            "env.toml",
            time,
            variable("source = { command = { low = [0, 1], high = 1 } }"),
            "`low` has 2 numbers, and the shape has 1",
        ),
        (
            "env.toml",
            time,
            variable("source = { command = { low = 0, high = 1, every_secs = 0 } }"),
            "`every_secs` is 0",
        ),
        (
            "env.toml",
            time,
            variable("source = { command = { low = 0, high = 1, mocap = \"pole\" } }\nshape = [3]"),
            "body `pole` is no mocap body",
        ),
        (
            "env.toml",
            time,
            variable("source = { constant = 1 }"),
            "write `uniform = true`",
        ),
        (
            "env.toml",
            time,
            variable("source = { constant = 0.5 }\nuniform = true\ndtype = \"bool\""),
            "the source gives real numbers",
        ),
        (
            "env.toml",
            time,
            variable("source = \"step\"\ndtype = \"bool\""),
            "the source gives whole numbers",
        ),
        (
            "env.toml",
            time,
            variable("source = { joint_limits = [\"hinge\"] }\nshape = [1, 2]\nuniform = true"),
            "joint `hinge` has no limits",
        ),
        (
            "env.toml",
            time,
            variable("source = { joint_position = \"hinge\" }\nrelative_to = \"pole\""),
            "belongs to no frame",
        ),
        (
            "env.toml",
            time,
            variable("source = { site_position = \"tip\" }\nrelative_to = \"pol\"\nshape = [3]"),
            "no body named `pol`; did you mean `pole`?",
        ),
        (
            "env.toml",
            time,
            variable("source = { site_position = \"tip\" }\nquaternion = \"xyzw\"\nshape = [3]"),
            "goes with a source of quaternions",
        ),
        (
            "env.toml",
            time,
            variable("source = { contact = [\"pole\", \"cat\"] }\ndtype = \"bool\""),
            "named `cat`; did you mean `cart`?",
        ),
        (
            "env.toml",
            time,
            variable("source = { body_position = \"pole\", geom_position = \"pole\" }\nshape = [3]"),
            "this names two, `body_position` and `geom_position`",
        ),
        (
            "env.toml",
            time,
            variable("source = { time = 1 }"),
            "write source = \"time\"",
        ),
        (
            "env.toml",
            time,
            variable("source = \"body_position\""),
            "needs a value, as in { body_position = \"torso\" }",
        ),
        (
            "env.toml",
            time,
            variable("source = \"time\"\nrange = [1, 0]"),
            "`variable.extra.range` is [1, 0]",
        ),
        (
            "env.toml",
            time,
            variable("dtype = \"str\"\nvalue = \"a\"\nsource = \"time\""),
            "a text has a `value` and no `source`",
        ),
        (
            "env.toml",
            time,
            format!("[surface]\n\"a.b\" = \"tmie\"\n{time}"),
            "`surface.\"a.b\"`: there is no variable `tmie`; did you mean `time`?",
        ),
        (
            "env.toml",
            time,
            format!("[surface]\n\"a.b\" = {{ variable = \"time\", quaternion = \"wxyz\" }}\n{time}"),
            "`time` has no order of its own",
        ),
        (
            "env.toml",
            time,
            format!("[surface]\n\"a b\" = \"time\"\n{time}"),
            "a name is identifiers joined by dots",
        ),
        (
            "task.toml",
            task,
            format!("[command.goal]\nlow = 1\n{task}"),
            "declares no variable with a `command` as its source",
        ),
        (
            "task.toml",
            task,
            format!("[observation_noise]\ntime = 0.1\n{task}"),
            "`time` is not in `observation`",
        ),
        (
            "task.toml",
            task,
            format!("[observation_noise]\npole_angle = -0.1\n{task}"),
            "`observation_noise.pole_angle`: -0.1 is below zero",
        ),
        (
            "task.toml",
            task,
            format!("[reset]\nqvel_noise = -1\n{task}"),
            "`reset.qvel_noise` is -1",
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizon = 500\nobservation_delay = 5000".into(),
            "`observation_delay` is 5000",
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizon = 500\ncritic_observation = [\"tmie\"]".into(),
            "`critic_observation`: env.toml declares no variable `tmie`; did you mean `time`?",
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizon = 500\ncritic_observation = [\"time\", \"time\"]".into(),
            "`critic_observation` names `time` twice",
        ),
        (
            "task.toml",
            "horizon = 500",
            "horizon = 500\ncritic_observation = [\"pole_angle\"]".into(),
            "`pole_angle` is in `observation`, which the critic sees anyway",
        ),
        (
            "task.toml",
            "engines = [\"mujoco\", \"rapier\"]",
            "engines = []".into(),
            "`engines` is empty",
        ),
        (
            "task.toml",
            "engines = [\"mujoco\", \"rapier\"]",
            "engines = [\"bullet\"]".into(),
            "`mujoco`",
        ),
    ] {
        let files = Cartpole::new().edit(file, from, &to);
        let message = files
            .load()
            .err()
            .map_or("accepted".to_owned(), |error| error.to_string());
        if !(message.contains(expected) && message.contains("line ") && message.contains(file)) {
            wrong.push(format!("{to}\nexpected {expected:?} in {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
