//! Broken and divergent models: the process lives, each says what is wrong, and no number of a diverged world is passed on.

use std::path::{Path, PathBuf};

use carrot_physics::{Engine, Model, Physics};

fn load(xml: &[u8], engine: Engine) -> Result<Model, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, xml).unwrap();
    Model::load(&path, engine).map_err(|error| {
        let message = error.to_string();
        assert!(message.contains("model.xml: "), "no file is named: {message}");
        assert!(message.len() > "model.xml: ".len() + 10, "nothing is said: {message}");
        message
    })
}

fn control(model: &Model) -> Vec<f64> {
    vec![1.0; model.control_ranges().len()]
}

/// Steps until something is wrong. Every step that says it went well must have gone well: the clock went on by the right
/// time, so that nothing was reset, and every coordinate is a number of reasonable size.
fn play(model: &Model, steps: usize) -> Result<(), String> {
    let mut world = model.world();
    let control = control(model);
    for step in 1..=steps {
        world.step(&control, 1).map_err(|divergence| divergence.to_string())?;
        let expected = step as f64 * model.timestep_secs();
        let clock = (world.time_secs() / expected - 1.0).abs();
        assert!(clock < 1e-9, "step {step}: the clock shows {}", world.time_secs());
        assert!(is_healthy(&*world), "step {step}: {:?}", world.state());
    }
    Ok(())
}

fn is_healthy(world: &dyn Physics) -> bool {
    let (qpos, qvel) = world.state();
    qpos.iter().chain(qvel).all(|value| value.abs() <= 1e10)
}

/// A stack of boxes on a floor beside a driven arm with a tendon and a muscle.
const MIXED: &str = r#"<mujoco>
  <option timestep="0.002" integrator="implicitfast"/>
  <default><geom density="500" friction="0.8 0.01 0.001"/></default>
  <worldbody>
    <geom name="floor" type="plane" size="2 2 0.1"/>
    <body name="low" pos="0 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body>
    <body name="high" pos="0 0 0.3"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body>
    <body name="arm" pos="1 0 0.5">
      <joint name="shoulder" type="hinge" axis="0 1 0" range="-100 100" damping="0.5" stiffness="2"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.03"/>
      <body name="fore" pos="0.3 0 0">
        <joint name="elbow" type="ball" range="0 80" armature="0.01"/>
        <geom type="ellipsoid" size="0.1 0.03 0.03" pos="0.1 0 0"/>
        <site name="end" pos="0.2 0 0"/>
      </body>
    </body>
  </worldbody>
  <tendon><fixed name="pull"><joint joint="shoulder" coef="1"/></fixed></tendon>
  <actuator>
    <position name="servo" joint="shoulder" kp="30" kv="1" ctrlrange="-1 1"/>
    <muscle name="muscle" tendon="pull" lengthrange="-1 1" force="5"/>
  </actuator>
  <sensor><accelerometer site="end"/><touch site="end"/></sensor>
</mujoco>"#;

/// The repository's own models, and one with many kinds of things.
fn models() -> Vec<String> {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let file = |name: &str| -> PathBuf { envs.join(name).join("model.xml") };
    let own = ["cartpole", "hopper", "ant"].map(|name| std::fs::read_to_string(file(name)).unwrap());
    own.into_iter().chain([MIXED.to_owned()]).collect()
}

/// Numbers that look random and depend on the seed only.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

const ABSURD: [&str; 16] = [
    "",
    "0",
    "-1",
    "nan",
    "inf",
    "1e10",
    "-1e300",
    "1e300",
    "1e-300",
    "abc",
    "1 2 3 4 5 6 7 8",
    "true",
    "0 0 0",
    "1e6",
    "99999999999",
    "none",
];

/// One small change of a model's text.
fn mutated(xml: &str, dice: &mut Dice) -> Vec<u8> {
    let attributes: Vec<(usize, usize, usize)> = xml
        .match_indices("=\"")
        .filter_map(|(at, _)| {
            let start = at + 2;
            let end = start + xml[start..].find('"')?;
            let key = xml[..at].rfind(|c: char| c.is_whitespace() || c == '<')? + 1;
            Some((key, start, end))
        })
        .collect();
    let (key, start, end) = attributes[dice.below(attributes.len())];
    match dice.below(8) {
        0 => format!("{}{}", &xml[..key], &xml[end + 1..]).into_bytes(),
        1 => {
            let lines: Vec<&str> = xml.lines().collect();
            let gone = dice.below(lines.len());
            let kept = lines.iter().enumerate().filter(|(index, _)| *index != gone);
            kept.flat_map(|(_, line)| [line.as_bytes(), b"\n"].concat()).collect()
        }
        2 => {
            let mut bytes = xml.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            bytes[at] = dice.below(256) as u8;
            bytes
        }
        3 => {
            let (_, other_start, other_end) = attributes[dice.below(attributes.len())];
            format!("{}{}{}", &xml[..start], &xml[other_start..other_end], &xml[end..]).into_bytes()
        }
        _ => {
            let value = ABSURD[dice.below(ABSURD.len())];
            format!("{}{value}{}", &xml[..start], &xml[end..]).into_bytes()
        }
    }
}

#[test]
fn mutated_models_load_and_step_or_say_why_not() {
    Engine::ALL.into_iter().for_each(mutated_models_are_survived);
}

fn mutated_models_are_survived(engine: Engine) {
    let models = models();
    let mut outcomes = [0; 3];
    for seed in 0..200_u64 {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD129_0D3B));
        let mut text = mutated(&models[seed as usize % models.len()], &mut dice);
        for _ in 0..dice.below(2) {
            if let Ok(valid) = std::str::from_utf8(&text) {
                text = mutated(valid, &mut dice);
            }
        }
        let outcome = match load(&text, engine) {
            Err(_) => 0,
            Ok(model) => match play(&model, 100) {
                Err(message) => {
                    assert!(message.contains("t = "), "{engine}, seed {seed}: {message}");
                    1
                }
                Ok(()) => 2,
            },
        };
        outcomes[outcome] += 1;
    }
    let [refused, diverged, healthy] = outcomes;
    // Rapier refuses the model with many kinds of things, and with it most that could diverge.
    let enough = if engine == Engine::Mujoco { 3 } else { 1 };
    assert!(
        refused >= 40 && diverged >= enough && healthy >= 30,
        "{engine}: {refused} refused, {diverged} diverged, {healthy} went well: the mutations say little"
    );
}

/// Models that leave physics sooner or later, each in another way.
fn divergent() -> Vec<(String, String)> {
    let slide = |option: &str, joint: &str, body: &str, actuator: &str| {
        format!(
            "<mujoco><option gravity='0 0 -9.81' {option}/><worldbody><body><joint name='j' {joint}/>\
             <geom size='0.1' {body}/></body></worldbody><actuator>{actuator}</actuator></mujoco>"
        )
    };
    let motor = "<motor joint='j' gear='1'/>";
    let mut models = Vec::new();
    for gear in ["1e11", "1e14", "1e100", "1e300"] {
        let actuator = format!("<motor joint='j' gear='{gear}'/>");
        models.push((format!("gear {gear}"), slide("", "type='slide'", "", &actuator)));
    }
    for kp in ["1e8", "1e10", "1e13"] {
        let actuator = format!("<position joint='j' kp='{kp}'/>");
        models.push((
            format!("kp {kp}"),
            slide(
                "integrator='Euler'",
                "type='hinge' axis='0 1 0'",
                "mass='0.01'",
                &actuator,
            ),
        ));
    }
    for stiffness in ["1e7", "1e9", "1e12"] {
        let joint = format!("type='slide' stiffness='{stiffness}' springref='0.1'");
        models.push((
            format!("stiffness {stiffness}"),
            slide("", &joint, "mass='0.001'", motor),
        ));
    }
    for damping in ["-1e4", "-1e6"] {
        let actuator = format!("<velocity joint='j' kv='{damping}'/>");
        models.push((
            format!("kv {damping}"),
            slide("integrator='Euler'", "type='slide'", "", &actuator),
        ));
    }
    for timestep in ["0.5", "2", "10", "1000"] {
        let joint = "type='hinge' axis='0 1 0' stiffness='100' springref='1'";
        models.push((
            format!("timestep {timestep}"),
            slide(
                &format!("timestep='{timestep}' integrator='Euler'"),
                joint,
                "pos='0.5 0 0'",
                motor,
            ),
        ));
    }
    for gravity in ["1e12", "1e200"] {
        let xml = slide("", "type='free'", "", "").replace("-9.81", &format!("-{gravity}"));
        models.push((format!("gravity {gravity}"), xml));
    }
    models
}

#[test]
fn planted_divergences_are_all_flagged() {
    let mut missed = Vec::new();
    let models = divergent();
    for (name, xml) in &models {
        for engine in Engine::ALL {
            let flagged = match load(xml.as_bytes(), engine) {
                Err(_) => true,
                Ok(model) => play(&model, 20_000).is_err(),
            };
            if !flagged {
                missed.push(format!("{name} in {engine}"));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?} of {} were not flagged", models.len());
}

#[test]
fn a_model_that_wants_all_memory_is_refused() {
    for size in ["memory='100000T'", "memory='900000000G'"] {
        let xml =
            format!("<mujoco><size {size}/><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>");
        let message = load(xml.as_bytes(), Engine::Mujoco)
            .err()
            .unwrap_or_else(|| panic!("{size} was accepted"));
        assert!(!message.is_empty(), "{size}");
    }
}
