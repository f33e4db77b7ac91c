//! Worlds of Rapier: the same mechanics as MuJoCo's where nothing touches, exactly repeatable, and clear about what they
//! cannot do.

use std::path::{Path, PathBuf};

use carrot_physics::{Engine, Factors, Model, Physics, PhysicsError, Source};

fn load(inside: &str, engine: Engine) -> Result<Model, PhysicsError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.xml");
    std::fs::write(&path, format!("<mujoco>{inside}</mujoco>")).unwrap();
    Model::load(&path, engine)
}

fn numbers(world: &dyn Physics) -> Vec<f64> {
    let (qpos, qvel) = world.state();
    qpos.iter().chain(qvel).copied().collect()
}

fn bits(world: &dyn Physics) -> Vec<u64> {
    numbers(world).iter().map(|value| value.to_bits()).collect()
}

/// Pseudo-random controls in ±1, the same for every caller.
fn control(step: usize, size: usize) -> Vec<f64> {
    (0..size)
        .map(|index| ((step / 10) as f64 * 1.7 + index as f64 * 2.3).sin())
        .collect()
}

/// Models whose motion depends on how joints, frames and forces are carried over, and their initial velocities.
const MECHANISMS: &[(&str, &str, &[f64])] = &[
    (
        "double pendulum in space",
        r#"<worldbody><body pos="0 0 1" quat="0.9 0.1 0.3 0.2"><joint axis="1 0.5 0" pos="0.05 0 0.1"/>
        <geom type="box" size="0.1 0.02 0.2" pos="0.05 0.1 -0.2" euler="10 20 30"/>
        <body pos="0.1 0 -0.4" euler="30 0 10"><joint axis="0 1 1" pos="0 0.02 0"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.1 0.2 -0.3"/></body></body></worldbody>"#,
        &[1.0, -2.0],
    ),
    (
        "several joints on one body, with references",
        r#"<worldbody><body pos="0 0 1" euler="0 20 0"><joint type="slide" axis="1 0 0" ref="0.3"/>
        <joint type="slide" axis="0 0.6 0.8"/><joint axis="0 1 0" pos="0.1 0 0.2" ref="25" armature="0.05"/>
        <joint axis="1 0 0" pos="0 0.1 0"/><geom type="box" size="0.1 0.2 0.3" pos="0.1 0 0"/>
        <body pos="0.2 0 0"><joint type="slide" axis="0 0 1" stiffness="40" springref="0.1" damping="0.5"/><geom size="0.05"/></body>
        </body></worldbody>"#,
        &[0.5, -0.3, 1.0, -1.5, 0.4],
    ),
    (
        "a free chain with its centre of mass elsewhere",
        r#"<worldbody><body pos="0 0 1" euler="10 40 0"><freejoint/><geom type="box" size="0.1 0.2 0.05" pos="0.2 -0.1 0.1"/>
        <body pos="0.1 0 0"><geom size="0.08" pos="0 0.3 0"/>
        <body pos="0 0.4 0.1"><joint axis="0 0 1" damping="0.02"/><geom type="cylinder" size="0.05 0.2" pos="0 0.1 0.2"/></body></body>
        </body></worldbody>"#,
        &[0.5, 0.2, 1.0, 1.0, -2.0, 0.7, 3.0],
    ),
    (
        "a free body that tumbles",
        r#"<worldbody><body pos="0 0 1"><freejoint/><geom type="box" size="0.1 0.25 0.05" pos="0.2 -0.1 0.1"/></body></worldbody>"#,
        &[0.5, 0.2, 1.0, 3.0, -0.1, 0.2],
    ),
    (
        "ball joints",
        r#"<worldbody><body pos="0 0 1" euler="20 0 0"><joint type="ball" damping="0.05" armature="0.01"/>
        <geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 -0.3"/>
        <body pos="0.3 0 -0.3" euler="0 30 0"><joint type="ball" pos="0 0 0.02"/><geom type="box" size="0.05 0.1 0.2" pos="0 0.1 0"/></body>
        </body></worldbody>"#,
        &[1.0, -2.0, 0.5, -1.0, 0.5, 2.0],
    ),
    (
        "actuators of every kind",
        r#"<worldbody><body pos="0 0 1"><joint name="a" axis="0 1 0" damping="0.1"/><geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 0"/>
        <site name="tip" pos="0.3 0 0"/>
        <body pos="0.3 0 0"><joint name="b" axis="0 1 0" damping="0.1"/><geom type="capsule" size="0.03" fromto="0 0 0 0.3 0 0"/><site name="end" pos="0.2 0 0.1"/>
        <body pos="0.3 0 0"><joint name="c" type="slide" axis="1 0 0" damping="1"/><geom size="0.05"/></body></body></body></worldbody>
        <tendon><fixed name="both" stiffness="2" damping="0.3"><joint joint="a" coef="1"/><joint joint="b" coef="-0.5"/></fixed>
        <spatial name="string"><site site="tip"/><site site="end"/></spatial></tendon>
        <actuator><motor joint="a" gear="3" ctrlrange="-0.8 0.8" ctrllimited="true"/><position joint="b" kp="20" kv="2" forcerange="-4 4"/>
        <general joint="c" dyntype="filter" dynprm="0.05" gainprm="30" biastype="affine" biasprm="1 -40 -3"/>
        <motor tendon="both" gear="2"/><motor site="end" gear="0 0 4 0 1 0"/>
        <general tendon="string" dyntype="integrator" gainprm="5" actlimited="true" actrange="-0.3 0.3"/>
        <velocity joint="a" kv="0.7" gear="2"/></actuator>"#,
        &[0.5, -0.2, 0.1],
    ),
    (
        "wind and buoyancy",
        r#"<option density="1.2" viscosity="0.3" wind="2 0 0"/><worldbody><body gravcomp="0.7"><joint axis="0 1 0"/>
        <geom type="box" size="0.3 0.2 0.01" pos="0 0 -0.4" mass="0.2"/></body></worldbody>"#,
        &[1.0],
    ),
];

/// With small timesteps the engines agree up to their integrators' errors, which shrink with the timestep.
#[test]
fn mechanisms_move_as_in_mujoco() {
    for (what, inside, speeds) in MECHANISMS {
        let apart = |timestep: f64| {
            let inside = format!(
                r#"<option timestep="{timestep}"/><default><geom contype="0" conaffinity="0"/></default>{inside}"#
            );
            let run = |engine| {
                let model = load(&inside, engine).unwrap_or_else(|error| panic!("{what}: {error}"));
                let mut world = model.world();
                let start = world.state().0.to_vec();
                world.set_state(&start, speeds);
                let size = model.control_ranges().len();
                for step in 0..50 {
                    world
                        .step(&control(step, size), (0.01 / timestep).round() as usize)
                        .unwrap();
                }
                numbers(world.as_ref())
            };
            let (one, other) = (run(Engine::Mujoco), run(Engine::Rapier));
            one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let (coarse, fine) = (apart(1e-3), apart(1e-4));
        assert!(fine < 0.05, "{what}: {fine:e} apart after 0.5 s");
        assert!(
            fine < 0.15 * coarse + 1e-9,
            "{what}: {coarse:e} apart, and still {fine:e} with a tenth of the timestep"
        );
    }
}

/// Other masses, damping and gains move as in MuJoCo with the same, and all ones is the model itself, to the bit.
#[test]
fn variations_are_those_of_mujoco() {
    let inside = r#"<option timestep="0.0001"/><worldbody><body name="upper"><joint name="a" axis="0 1 0" damping="0.3"/>
        <geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 0"/><body name="lower" pos="0.3 0 0"><joint axis="0 1 0" damping="0.2"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.3 0 0"/></body></body></worldbody><actuator><motor joint="a"/></actuator>"#;
    let end = |engine, factors: Option<Factors>| {
        let model = load(inside, engine).unwrap();
        let lower = ["lower".to_owned()];
        let parts = model.varied_parts(Some(&lower), None, true).unwrap();
        let mut world = model.world();
        if let Some(factors) = factors {
            world.vary(&parts, &factors);
        }
        world.step(&[1.0], 5000).unwrap();
        numbers(world.as_ref())
    };
    let itself = Factors {
        mass: 1.0,
        friction: 1.0,
        gain: 1.0,
        damping: 1.0,
    };
    assert_eq!(end(Engine::Rapier, Some(itself)), end(Engine::Rapier, None));
    let factors = Factors {
        mass: 3.0,
        friction: 1.0,
        gain: 2.0,
        damping: 0.5,
    };
    let [mujoco, rapier] = Engine::ALL.map(|engine| end(engine, Some(factors)));
    let apart = mujoco
        .iter()
        .zip(&rapier)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    let moved = mujoco
        .iter()
        .zip(end(Engine::Mujoco, None))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(apart < 0.01 * moved, "{apart} apart, where the variation makes {moved}");
}

fn shipped() -> Vec<PathBuf> {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let folders = std::fs::read_dir(envs).unwrap().filter_map(Result::ok);
    let mut models: Vec<_> = folders
        .map(|folder| folder.path().join("model.xml"))
        .filter(|path| path.is_file())
        .collect();
    models.sort();
    assert!(models.len() >= 3, "{models:?}");
    models
}

/// Our robots fall, stand and thrash about for 10,000 steps; nothing explodes or falls through the floor.
#[test]
fn robots_do_not_blow_up() {
    for path in shipped() {
        let model = Model::load(&path, Engine::Rapier).unwrap();
        let ranges = model.control_ranges();
        let mut world = model.world();
        for step in 0..10_000 {
            let unit = if step < 2000 {
                vec![0.0; ranges.len()]
            } else {
                control(step, ranges.len())
            };
            let scaled = |(unit, [low, high]): (&f64, &[f64; 2])| {
                low.max(-10.0) + (unit + 1.0) / 2.0 * (high.min(10.0) - low.max(-10.0))
            };
            let ctrl: Vec<f64> = unit.iter().zip(&ranges).map(scaled).collect();
            world
                .step(&ctrl, 1)
                .unwrap_or_else(|fault| panic!("{}: step {step}: {fault}", path.display()));
            let fastest = world
                .state()
                .1
                .iter()
                .fold(0.0_f64, |fastest, speed| fastest.max(speed.abs()));
            assert!(fastest < 500.0, "{}: {fastest} at step {step}", path.display());
        }
        let height = model.quantity(&Source::SubtreeCom("world".into()));
        let mut centre = [0.0; 3];
        world.read(&height.unwrap(), &mut centre);
        assert!(centre[2] > -0.5, "{}: {centre:?}", path.display());
    }
}

/// A restored world goes on in the same bits: into the same world, into a fresh one, and after a divergence.
#[test]
fn a_snapshot_restores_every_bit() {
    for path in shipped() {
        let model = Model::load(&path, Engine::Rapier).unwrap();
        let size = model.control_ranges().len();
        let mut world = model.world();
        for step in 0..150 {
            world.step(&control(step, size), 2).unwrap();
        }
        let snapshot = world.snapshot();
        let go_on = |world: &mut dyn Physics| -> Vec<Vec<u64>> {
            let step = |step| {
                world.step(&control(step, size), 2).unwrap();
                bits(world)
            };
            (150..300).map(step).collect()
        };
        let expected = go_on(world.as_mut());
        let end = world.snapshot();
        world.restore(&snapshot);
        assert_eq!(world.snapshot(), snapshot, "{}", path.display());
        assert_eq!(go_on(world.as_mut()), expected, "{}: the same world", path.display());
        assert_eq!(world.snapshot(), end);
        let mut other = model.world();
        other.step(&control(7, size), 20).unwrap();
        assert!(other.step(&vec![f64::NAN; size], 1).is_err());
        other.restore(&snapshot);
        assert_eq!(go_on(other.as_mut()), expected, "{}: another world", path.display());
    }
}

#[test]
fn a_reset_forgets_everything_and_runs_repeat() {
    for path in shipped() {
        let run = |world: &mut dyn Physics, size: usize| -> Vec<u64> {
            (0..200).for_each(|step| world.step(&control(step, size), 1).unwrap());
            bits(world)
        };
        let model = Model::load(&path, Engine::Rapier).unwrap();
        let size = model.control_ranges().len();
        let mut world = model.world();
        let first = run(world.as_mut(), size);
        world.reset();
        assert_eq!(world.time_secs(), 0.0);
        assert_eq!(run(world.as_mut(), size), first, "{}: after a reset", path.display());
        // A model loaded anew, on another thread.
        let elsewhere = std::thread::spawn(move || {
            let model = Model::load(&path, Engine::Rapier).unwrap();
            run(model.world().as_mut(), size)
        });
        assert_eq!(elsewhere.join().unwrap(), first);
    }
}

#[test]
fn divergence_is_reported() {
    let falling = r#"<worldbody><geom type="plane" size="1 1 1"/><body pos="0 0 1"><freejoint/><geom size="0.1"/>
        <body pos="0 0 0.3"><joint name="swing" axis="0 1 0"/><geom size="0.1"/></body></body></worldbody>
        <actuator><motor joint="swing"/></actuator>"#;
    let model = load(falling, Engine::Rapier).unwrap();
    let still = [0.0; 7];
    let place = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    type Harm = fn(&mut dyn Physics, [f64; 8], [f64; 7]) -> Result<(), carrot_physics::Divergence>;
    let harms: [(&str, Harm, &str); 5] = [
        ("control", |world, _, _| world.step(&[f64::NAN], 1), "control 0 is NaN"),
        ("push", |world, _, _| world.step(&[1e300], 5), "CTRL"),
        ("force", |world, _, _| world.step(&[9e9], 50), "in Q"),
        (
            "place",
            |world, mut place, still| {
                place[0] = f64::INFINITY;
                world.set_state(&place, &still);
                world.step(&[0.0], 1)
            },
            "QPOS at index 0",
        ),
        (
            "speed",
            |world, place, mut still| {
                still[6] = 1e200;
                world.set_state(&place, &still);
                world.step(&[0.0], 1)
            },
            "QVEL at DOF 6 (joint `swing`)",
        ),
    ];
    for (what, harm, expected) in harms {
        let mut world = model.world();
        let fault = harm(world.as_mut(), place, still).expect_err(what);
        assert!(fault.to_string().contains(expected), "{what}: {fault}");
        assert_eq!(world.step(&[0.0], 1), Err(fault), "{what}: until the reset");
        world.reset();
        world.step(&[0.0], 1).unwrap();
    }
}

/// Numbers far from any robot end as numbers or as a reported divergence, never as a panic or as something that is no
/// number.
#[test]
fn extreme_models_do_not_panic() {
    let extremes = ["1e-12", "1e-6", "1e3", "1e7", "1e12"];
    let mut diverged = 0;
    for extreme in extremes {
        for (what, inside) in [
            (
                "timestep",
                format!(
                    r#"<option timestep="{extreme}"/><worldbody>FLOOR<body pos="0 0 1"><freejoint/>BALL</body></worldbody>"#
                ),
            ),
            (
                "gravity",
                format!(
                    r#"<option gravity="0 0 -{extreme}"/><worldbody>FLOOR<body pos="0 0 1"><freejoint/>BALL</body></worldbody>"#
                ),
            ),
            (
                "spring",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint axis="0 1 0" stiffness="{extreme}" springref="50"/>ARM</body></worldbody>"#
                ),
            ),
            (
                "damping",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint axis="0 1 0" damping="{extreme}"/>ARM</body></worldbody>"#
                ),
            ),
            (
                "armature",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint axis="0 1 0" armature="{extreme}"/>ARM</body></worldbody>"#
                ),
            ),
            (
                "size",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 1"><freejoint/><geom size="{extreme}" mass="1"/></body></worldbody>"#
                ),
            ),
            (
                "mass",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint axis="0 1 0"/>ARM<body pos="0.5 0 0"><joint axis="0 1 0"/>
                <geom size="0.1" mass="{extreme}"/></body></body></worldbody>"#
                ),
            ),
            (
                "servo",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint name="a" axis="0 1 0"/>ARM</body></worldbody>
                <actuator><position joint="a" kp="{extreme}" kv="{extreme}"/></actuator>"#
                ),
            ),
            (
                "gear",
                format!(
                    r#"<worldbody>FLOOR<body pos="0 0 0.3"><joint name="a" axis="0 1 0"/>ARM</body></worldbody>
                <actuator><motor joint="a" gear="{extreme}"/></actuator>"#
                ),
            ),
        ] {
            let inside = inside
                .replace("FLOOR", r#"<geom type="plane" size="1 1 1"/>"#)
                .replace("BALL", r#"<geom size="0.1"/>"#)
                .replace("ARM", r#"<geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0"/>"#);
            // Some MuJoCo itself refuses.
            let Ok(model) = load(&inside, Engine::Rapier) else {
                continue;
            };
            let mut world = model.world();
            let ctrl = vec![1.0; model.control_ranges().len()];
            for _ in 0..300 {
                if world.step(&ctrl, 1).is_err() {
                    diverged += 1;
                    world.reset();
                }
                assert!(
                    numbers(world.as_ref()).iter().all(|value| value.is_finite()),
                    "{what} {extreme}"
                );
            }
        }
    }
    assert!(diverged > 0, "none of these is extreme");
}

/// Geoms that MuJoCo lets through each other go through each other here.
#[test]
fn pairs_follow_mujoco_rules() {
    let falls = |extra: &str, upper: &str, lower: &str| {
        let inside = format!(
            r#"<worldbody><geom name="floor" type="plane" size="1 1 1" {lower}/>
            <body name="ball" pos="0 0 0.2"><freejoint/><geom name="ball" size="0.1" {upper}/></body></worldbody>{extra}"#
        );
        let height = |engine| {
            let mut world = load(&inside, engine).unwrap().world();
            world.step(&[], 200).unwrap();
            world.state().0[2]
        };
        let [mujoco, rapier] = Engine::ALL.map(height);
        assert_eq!(
            mujoco < 0.0,
            rapier < 0.0,
            "{extra} {upper} {lower}: {mujoco} and {rapier}"
        );
        rapier < 0.0
    };
    assert!(!falls("", "", ""));
    assert!(falls("", r#"contype="2" conaffinity="2""#, ""));
    assert!(!falls("", r#"contype="2" conaffinity="0""#, r#"conaffinity="3""#));
    assert!(falls(
        r#"<contact><exclude body1="world" body2="ball"/></contact>"#,
        "",
        ""
    ));
    assert!(falls(r#"<option><flag contact="disable"/></option>"#, "", ""));
    let pair = r#"<contact><pair geom1="floor" geom2="ball"/></contact>"#;
    assert!(!falls(pair, r#"contype="0" conaffinity="0""#, ""));
}

#[test]
fn what_rapier_cannot_do_is_named() {
    let arm = |inside: &str, after: &str| {
        format!(
            r#"<worldbody><body name="arm"><joint name="hinge" axis="0 1 0"/><geom size="0.1" pos="0.2 0 0"/>{inside}</body></worldbody>{after}"#
        )
    };
    for (inside, expected) in [
        (
            arm("", r#"<equality><joint name="hold" joint1="hinge"/></equality>"#),
            "equality `hold` is an equality constraint",
        ),
        (
            arm("", r#"<tendon><fixed name="rope" limited="true" range="0 1"><joint joint="hinge" coef="1"/></fixed></tendon>"#),
            "tendon `rope` is a tendon with a range",
        ),
        (
            arm(r#"<body name="b"><joint name="ball" type="ball" range="0 30" limited="true"/><geom size="0.1"/></body>"#, ""),
            "joint `ball` is a ball joint with a range",
        ),
        (
            r#"<worldbody><body><joint name="root" type="free" damping="1"/><geom size="0.1"/></body></worldbody>"#.into(),
            "joint `root` is free and has armature or damping",
        ),
        (
            r#"<worldbody><body name="hand" mocap="true"><geom size="0.1"/></body><body><freejoint/><geom size="0.1"/></body></worldbody>"#.into(),
            "body `hand` is moved from outside",
        ),
        (
            arm("", r#"<asset><hfield name="hills" nrow="2" ncol="2" size="1 1 1 1"/></asset><worldbody><geom name="ground" type="hfield" hfield="hills"/></worldbody>"#),
            "geom `ground` is a height field",
        ),
    ] {
        load(&inside, Engine::Mujoco).unwrap();
        let message = load(&inside, Engine::Rapier).err().expect(expected).to_string();
        assert!(message.contains(expected) && message.contains("model.xml"), "{message}");
    }
    // A sensor that nobody reads does no harm.
    let sensors = arm(
        r#"<site name="tip"/>"#,
        r#"<sensor><force name="push" site="tip"/><gyro name="turn" site="tip"/></sensor>"#,
    );
    let model = load(&sensors, Engine::Rapier).unwrap();
    assert!(model.quantity(&Source::Sensor("turn".into())).is_ok());
    let message = model.quantity(&Source::Sensor("push".into())).unwrap_err().to_string();
    assert!(message.contains("sensor `push` measures forces"), "{message}");
}

/// Sensors of the last step's accelerations: a mass on a motor, and at rest on its spring.
#[test]
fn accelerations_are_measured() {
    let inside = r#"<option gravity="0 0 0"/><worldbody><body><joint name="slide" type="slide" axis="1 0 0"/>
        <geom size="0.1" mass="2"/><site name="middle"/></body></worldbody>
        <actuator><motor joint="slide"/></actuator>
        <sensor><accelerometer name="felt" site="middle"/><actuatorfrc name="pull" actuator="0"/></sensor>"#;
    let inside = inside.replace(r#"<motor joint"#, r#"<motor name="0" joint"#);
    for engine in Engine::ALL {
        let model = load(&inside, engine).unwrap();
        let mut world = model.world();
        world.step(&[3.0], 1).unwrap();
        let mut felt = [0.0; 3];
        world.read(&model.quantity(&Source::Sensor("felt".into())).unwrap(), &mut felt);
        assert!((felt[0] - 1.5).abs() < 1e-9, "{engine}: {felt:?}");
        let mut pull = [0.0];
        world.read(&model.quantity(&Source::Sensor("pull".into())).unwrap(), &mut pull);
        assert_eq!(pull, [3.0], "{engine}");
    }
}

/// Every model below the folders in `CARROT_MODELS` (separated by `:`) loads in Rapier and survives 1,000 steps, or gets an
/// error that names what is in the way: `CARROT_MODELS=… cargo test --workspace --test rapier -- --ignored --nocapture`.
#[test]
#[ignore = "reads folders that are named in the environment"]
fn models_of_others() {
    let folders = std::env::var("CARROT_MODELS").expect("folders of models");
    for folder in folders.split(':') {
        let mut models: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        models.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
        models.sort();
        for path in models {
            if Model::load(&path, Engine::Mujoco).is_err() {
                continue; // A fragment.
            }
            let model = match Model::load(&path, Engine::Rapier) {
                Ok(model) => model,
                Err(error) => {
                    assert!(error.to_string().contains("`rapier` cannot"), "{error}");
                    println!("refused  {error}");
                    continue;
                }
            };
            let size = model.control_ranges().len();
            let mut world = model.world();
            let outcome = (0..1000).try_for_each(|step| world.step(&control(step, size), 1));
            println!("loaded   {}: {outcome:?}", path.display());
        }
    }
}
