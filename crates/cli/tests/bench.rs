//! `carrot bench`: its figures are there, and each ratio has both of its sides.

mod support;

use support::{Scratch, parse};

#[test]
fn rewards_are_measured_against_c() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("programs")).unwrap();
    scratch.file("programs/schema.toml", "[variable.x]\n");
    scratch.file("programs/good.py", "def compute_reward(x):\n    return -abs(x), {}\n");
    scratch.file("programs/bad.py", "def compute_reward(x):\n    return y, {}\n");
    let said = scratch.carrot(&["bench", "reward", "--programs", "programs", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let json = parse(&said.stdout);
    for (row, n_envs) in json["reward"].as_array().unwrap().iter().zip([1, 256, 4_096]) {
        assert_eq!(row["n_envs"], n_envs);
        assert!(row["module_ns"]["median"].as_f64() > Some(0.0), "{row}");
        let ratio = &json["ratios"][format!("reward_{n_envs}")];
        let [min, median, max] = ["min", "median", "max"].map(|name| ratio[name].as_f64());
        match json["no_c_compiler"].as_str() {
            None => assert!(min > Some(0.0) && min <= median && median <= max, "{ratio}"),
            Some(_) => assert!(ratio.is_null() && row["c_ns"].is_null(), "{row}"),
        }
    }
    let latency = &json["first_result"];
    assert_eq!(latency["programs"][0]["program"], "good.py");
    assert_eq!(latency["refused"][0], "bad.py");
    assert!(latency["total_ms"]["median"].as_f64() > Some(0.0), "{latency}");

    let said = scratch.carrot(&["bench", "--programs", "nowhere"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
}

#[test]
fn environments_are_set_against_a_loop_that_plays_the_same_states() {
    let arguments = "bench env --task cartpole/balance --n-envs 3 --threads 2";
    let json = Scratch::new().json(&arguments.split(' ').collect::<Vec<_>>());
    for name in ["cartpole_3", "cartpole_3_async"] {
        let ratio = &json["ratios"][name];
        let [min, median, max] = ["min", "median", "max"].map(|key| ratio[key].as_f64().unwrap());
        assert!(0.0 < min && min <= median && median <= max, "{name}: {ratio}");
    }
    assert_eq!(json["environments"][0]["n_envs"], 3);
}

#[test]
fn a_training_is_set_against_its_bound() {
    let arguments = "bench ppo --task cartpole/balance --threads 2";
    let json = Scratch::new().json(&arguments.split(' ').collect::<Vec<_>>());
    let row = &json["ppo"][0];
    let median = |name: &str| row[name]["median"].as_f64().unwrap();
    let bound = 1.0 / (1.0 / median("physics") + 1.0 / median("inference") + 1.0 / median("update"));
    assert!((median("bound") / bound - 1.0).abs() < 0.5, "{row}");
    assert!(
        median("ppo") > 0.0 && json["ratios"]["cartpole"]["median"].as_f64() > Some(0.0),
        "{json}"
    );
    let spent =
        ["simulation", "inference", "update", "other"].map(|name| row["profile"][format!("{name}_secs")].as_f64());
    assert!(spent.iter().all(|secs| *secs > Some(0.0)), "{row}");
}
