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
