//! Worlds behave as mechanics says, are exactly repeatable, and say when they no longer do.

use std::f64::consts::PI;
use std::path::Path;

use carrot_physics::{Engine, Model, Physics, PhysicsError, Source};
use mujoco_rs::prelude::{MjData, MjModel};

fn load(xml: &str) -> Result<Model, PhysicsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, xml).unwrap();
    Model::load(&path, Engine::Mujoco)
}

fn read(model: &Model, world: &dyn Physics, source: Source) -> Vec<f64> {
    let quantity = model.quantity(&source).unwrap();
    let mut out = vec![f64::NAN; quantity.components];
    world.read(&quantity, &mut out);
    out
}

fn name(text: &str) -> String {
    text.to_owned()
}

fn assert_close(left: &[f64], right: &[f64], tolerance: f64) {
    let close = left.len() == right.len() && left.iter().zip(right).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(close, "{left:?} is not {right:?} within {tolerance:e}");
}

/// Bits, so that equal zeros of different sign and equal NaNs are told apart and compared.
fn bits(world: &dyn Physics) -> Vec<u64> {
    let (qpos, qvel) = world.state();
    qpos.iter().chain(qvel).map(|value| value.to_bits()).collect()
}

const FALL: &str = r#"<mujoco>
  <option timestep="0.002" gravity="0 0 -9.81"/>
  <worldbody><body name="stone" pos="0 0 10"><freejoint/><geom size="0.1"/></body></worldbody>
</mujoco>"#;

/// A point of 1 kg at 1 m below a hinge about y, so that angle θ puts it at (-sin θ, 0, -cos θ).
const PENDULUM: &str = r#"<mujoco>
  <option timestep="0.001" integrator="RK4" gravity="0 0 -9.81"/>
  <worldbody>
    <body name="rod">
      <joint name="swing" type="hinge" axis="0 1 0"/>
      <inertial pos="0 0 -1" mass="1" diaginertia="1e-6 1e-6 1e-6"/>
      <site name="tip" pos="0 0 -1"/>
      <body name="bob" pos="0 0 -1"><inertial pos="0 0 0.5" mass="1e-9" diaginertia="1e-12 1e-12 1e-12"/></body>
    </body>
  </worldbody>
  <sensor><framepos name="tip" objtype="site" objname="tip"/><framelinvel name="tip_velocity" objtype="site" objname="tip"/></sensor>
</mujoco>"#;

/// A hopping robot on the floor: contacts, limits, motors, sensors.
fn hopper(integrator: &str) -> String {
    format!(
        r#"<mujoco>
  <option timestep="0.002" integrator="{integrator}"/>
  <default><joint damping="1" armature="0.1"/><geom density="1000" friction="0.9"/></default>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 1"/>
    <body name="torso" pos="0 0 1.25">
      <joint name="x" type="slide" axis="1 0 0" damping="0" armature="0"/>
      <joint name="z" type="slide" axis="0 0 1" damping="0" armature="0"/>
      <joint name="pitch" type="hinge" axis="0 1 0" damping="0" armature="0"/>
      <geom type="capsule" fromto="0 0 0.2 0 0 -0.2" size="0.05"/>
      <body name="thigh" pos="0 0 -0.2">
        <joint name="hip" type="hinge" axis="0 -1 0" range="-150 0" limited="true"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg" pos="0 0 -0.45">
          <joint name="knee" type="hinge" axis="0 -1 0" range="-150 0" limited="true"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.04"/>
          <body name="foot" pos="0 0 -0.5">
            <joint name="ankle" type="hinge" axis="0 -1 0" range="-45 45" limited="true"/>
            <geom type="capsule" fromto="-0.13 0 0 0.26 0 0" size="0.06"/>
            <site name="sole" size="0.3"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="hip" joint="hip" gear="200" ctrlrange="-1 1" ctrllimited="true"/>
    <motor name="knee" joint="knee" gear="200" ctrlrange="-1 1" ctrllimited="true"/>
    <motor name="ankle" joint="ankle" gear="200"/>
  </actuator>
  <sensor><touch name="sole" site="sole"/><accelerometer name="shake" site="sole"/></sensor>
</mujoco>"#
    )
}

/// A fixed, lively sequence of controls.
fn control(step: usize) -> [f64; 3] {
    [0.0, 1.0, 2.0].map(|joint| (0.7 * step as f64 + joint).sin() * 0.4)
}

#[test]
fn free_fall_follows_the_semi_implicit_closed_form() {
    let model = load(FALL).unwrap();
    let mut world = model.world();
    world.step(&[], 500).unwrap();
    // v[n] = -g·n·h and z[n] = z[0] - g·h²·n·(n + 1)/2.
    let (g, h, n) = (9.81, 0.002, 500.0);
    let (qpos, qvel) = world.state();
    assert_close(&qpos[..3], &[0.0, 0.0, 10.0 - g * h * h * n * (n + 1.0) / 2.0], 1e-10);
    assert_close(&qvel[..3], &[0.0, 0.0, -g * n * h], 1e-10);
    assert_close(&[world.time_secs()], &[1.0], 1e-12);
}

#[test]
fn a_pendulum_keeps_its_energy_and_its_period() {
    let model = load(PENDULUM).unwrap();
    let mut world = model.world();
    let amplitude = 0.2f64;
    world.set_state(&[amplitude], &[0.0]);
    let (mass, length, g) = (1.0, 1.0, 9.81);
    let inertia = mass * length * length + 1e-6;
    let energy = |(angle, speed): (f64, f64)| inertia * speed * speed / 2.0 - mass * g * length * angle.cos();
    let now = |world: &dyn Physics| (world.state().0[0], world.state().1[0]);
    let start = energy(now(&*world));
    let mut crossings = Vec::new();
    for _ in 0..10_000 {
        let before = now(&*world).0;
        world.step(&[], 1).unwrap();
        let after = now(&*world).0;
        assert!((energy(now(&*world)) - start).abs() < 1e-6);
        if before < 0.0 && after >= 0.0 {
            crossings.push(world.time_secs() - 0.001 * after / (after - before));
        }
    }
    let measured = (crossings[crossings.len() - 1] - crossings[0]) / (crossings.len() - 1) as f64;
    // Series of the complete elliptic integral in the amplitude.
    let series = 1.0 + amplitude.powi(2) / 16.0 + 11.0 * amplitude.powi(4) / 3072.0;
    let expected = 2.0 * PI * (inertia / (mass * g * length)).sqrt() * series;
    assert!(
        (measured / expected - 1.0).abs() < 1e-5,
        "period {measured} s, expected {expected} s"
    );
}

#[test]
fn quantities_belong_to_the_state_after_the_step() {
    let model = load(PENDULUM).unwrap();
    let mut world = model.world();
    world.set_state(&[0.5], &[2.0]);
    for steps in [0, 1, 7] {
        world.step(&[], steps).unwrap();
        let (angle, speed) = (world.state().0[0], world.state().1[0]);
        let position = [-angle.sin(), 0.0, -angle.cos()];
        let velocity = [-angle.cos() * speed, 0.0, angle.sin() * speed];
        let half = angle / 2.0;
        let read = |source| read(&model, &*world, source);
        assert_close(&read(Source::BodyPosition("bob".into())), &position, 1e-12);
        assert_close(&read(Source::SitePosition("tip".into())), &position, 1e-12);
        assert_close(&read(Source::Sensor("tip".into())), &position, 1e-12);
        assert_close(
            &read(Source::BodyQuaternion("bob".into())),
            &[half.cos(), 0.0, half.sin(), 0.0],
            1e-12,
        );
        // Of the frame: the bob's own centre of mass is half a metre away from it and slower.
        assert_close(&read(Source::BodyLinearVelocity("bob".into())), &velocity, 1e-12);
        assert_close(&read(Source::Sensor("tip_velocity".into())), &velocity, 1e-12);
        assert_close(
            &read(Source::BodyAngularVelocity("bob".into())),
            &[0.0, speed, 0.0],
            1e-12,
        );
        assert_close(&read(Source::JointPosition(vec![name("swing")])), &[angle], 0.0);
        assert_close(&read(Source::JointVelocity(vec![name("swing")])), &[speed], 0.0);
        assert_close(&read(Source::SubtreeCom("rod".into())), &position, 1e-8);
    }
}

#[test]
fn steps_are_those_of_mj_step_bit_for_bit() {
    for integrator in ["Euler", "implicit", "implicitfast", "RK4"] {
        let xml = hopper(integrator);
        let model = load(&xml).unwrap();
        let mut world = model.world();
        let reference = MjModel::from_xml_string(&xml).unwrap();
        let mut bare = MjData::new(&reference);
        for step in 0..200 {
            world.step(&control(step), 4).unwrap();
            bare.ctrl_mut().copy_from_slice(&control(step));
            (0..4).for_each(|_| bare.step());
            let expected: Vec<u64> = bare
                .qpos()
                .iter()
                .chain(bare.qvel())
                .map(|value| value.to_bits())
                .collect();
            assert_eq!(bits(&*world), expected, "{integrator}, step {step}");
        }
        assert!(world.state().0[1].abs() > 0.1, "the robot moved");
    }
}

#[test]
fn joints_are_read_in_the_order_asked_for() {
    let model = load(FALL.replace("<freejoint/>", "<freejoint name='root'/>").as_str()).unwrap();
    let mut world = model.world();
    // A quaternion of length 2 is normalised.
    world.set_state(&[1.0, 2.0, 3.0, 0.0, 2.0, 0.0, 0.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let root = vec![name("root")];
    let position = read(&model, &*world, Source::JointPosition(root.clone()));
    assert_eq!(position, [1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(
        read(&model, &*world, Source::JointVelocity(root)),
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    );

    let model = load(&hopper("Euler")).unwrap();
    let mut world = model.world();
    world.set_state(&[0.0, 0.1, 0.2, -0.3, -0.4, 0.5], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let joints = vec![name("ankle"), name("z"), name("hip")];
    assert_eq!(
        read(&model, &*world, Source::JointPosition(joints.clone())),
        [0.5, 0.1, -0.3]
    );
    assert_eq!(read(&model, &*world, Source::JointVelocity(joints)), [6.0, 2.0, 4.0]);
    assert_eq!(read(&model, &*world, Source::JointPosition(vec![])), [0.0; 0]);
}

#[test]
fn a_resting_box_is_carried_by_its_contacts() {
    let model = load(
        r#"<mujoco><worldbody><geom type="plane" size="1 1 1"/>
        <body name="box" pos="0 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1" mass="2"/></body>
        </worldbody></mujoco>"#,
    )
    .unwrap();
    let mut world = model.world();
    world.step(&[], 2000).unwrap();
    let weight = 2.0 * 9.81;
    assert_close(
        &read(&model, &*world, Source::ContactForce("box".into())),
        &[0.0, 0.0, weight],
        1e-3,
    );
    assert_close(
        &read(&model, &*world, Source::ContactForce("world".into())),
        &[0.0, 0.0, -weight],
        1e-3,
    );
    // The same by `set_state`, which has no previous step to take forces from.
    let (qpos, qvel) = (world.state().0.to_vec(), world.state().1.to_vec());
    world.reset();
    world.set_state(&qpos, &qvel);
    assert_close(
        &read(&model, &*world, Source::ContactForce("box".into())),
        &[0.0, 0.0, weight],
        1e-3,
    );
}

#[test]
fn actuators_have_forces_and_ranges() {
    let model = load(&hopper("Euler")).unwrap();
    let infinite = [f64::NEG_INFINITY, f64::INFINITY];
    assert_eq!(model.control_ranges(), [[-1.0, 1.0], [-1.0, 1.0], infinite]);
    assert_eq!(model.timestep_secs(), 0.002);
    let mut world = model.world();
    // The first lies outside its range, where MuJoCo clamps.
    world.step(&[7.0, -0.5, 0.25], 1).unwrap();
    assert_eq!(read(&model, &*world, Source::ActuatorForce), [1.0, -0.5, 0.25]);
}

/// All that can be read of a hopper, and its state.
fn everything(model: &Model, world: &dyn Physics) -> Vec<u64> {
    let foot = || name("foot");
    let sources = [
        Source::BodyPosition(foot().into()),
        Source::BodyQuaternion(foot().into()),
        Source::BodyLinearVelocity(foot().into()),
        Source::BodyAngularVelocity(foot().into()),
        Source::SubtreeCom("torso".into()),
        Source::SitePosition("sole".into()),
        Source::Sensor("sole".into()),
        Source::Sensor("shake".into()),
        Source::ActuatorForce,
        Source::ContactForce(foot().into()),
        Source::ContactForce("world".into()),
    ];
    let quantities = sources.into_iter().flat_map(|source| read(model, world, source));
    quantities
        .map(f64::to_bits)
        .chain(bits(world))
        .chain([world.time_secs().to_bits()])
        .collect()
}

#[test]
fn a_snapshot_restores_every_bit() {
    for integrator in ["Euler", "implicitfast", "RK4"] {
        let model = load(&hopper(integrator)).unwrap();
        let mut world = model.world();
        (0..60).for_each(|step| world.step(&control(step), 4).unwrap());
        let snapshot = world.snapshot();
        let before = everything(&model, &*world);
        let run = |world: &mut dyn Physics| -> Vec<Vec<u64>> {
            let mut step = |step| {
                world.step(&control(step), 4).unwrap();
                everything(&model, world)
            };
            (60..160).map(&mut step).collect()
        };
        let first = run(&mut *world);
        assert!(first.iter().any(|moment| moment != &before));
        world.restore(&snapshot);
        assert_eq!(
            everything(&model, &*world),
            before,
            "{integrator}: quantities right after the restoration"
        );
        assert_eq!(run(&mut *world), first, "{integrator}: the same world again");
        let mut other = model.world();
        other.restore(&snapshot);
        assert_eq!(run(&mut *other), first, "{integrator}: a fresh world");
    }
}

#[test]
fn a_reset_forgets_everything() {
    let model = load(&hopper("Euler")).unwrap();
    let mut world = model.world();
    let run = |world: &mut dyn Physics| -> Vec<Vec<u64>> {
        let mut step = |step| {
            world.step(&control(step), 4).unwrap();
            everything(&model, world)
        };
        (0..100).map(&mut step).collect()
    };
    let first = run(&mut *world);
    world.reset();
    assert_eq!(world.time_secs(), 0.0);
    assert_eq!(everything(&model, &*world), everything(&model, &*model.world()));
    assert_eq!(run(&mut *world), first);
}

#[test]
fn threads_do_not_change_the_numbers() {
    let model = load(&hopper("implicitfast")).unwrap();
    let play = |index: usize| {
        let mut world = model.world();
        (0..150).for_each(|step| world.step(&control(step + 13 * index), 4).unwrap());
        bits(&*world)
    };
    let sequential: Vec<_> = (0..16).map(play).collect();
    let play = &play;
    let parallel: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|index| scope.spawn(move || play(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(parallel, sequential);
    assert_ne!(sequential[0], sequential[1]);
}

#[test]
fn divergence_is_reported_and_never_reset_away() {
    let model = load(&hopper("Euler").replace("gear=\"200\"/>", "gear=\"1e14\"/>")).unwrap();
    let mut world = model.world();
    world.step(&[0.1, 0.1, 0.0], 10).unwrap();
    let healthy = world.snapshot();
    let time = world.time_secs();
    let fault = world.step(&[0.1, 0.1, 1.0], 10).unwrap_err();
    assert!(
        fault.message.starts_with("Nan, Inf or huge value in QACC at DOF"),
        "{fault}"
    );
    assert!(fault.message.contains("(joint `"), "{fault}");
    assert!(
        (fault.time_secs - time).abs() < 0.021,
        "noticed at {} s, planted at {time} s",
        fault.time_secs
    );
    assert!(world.time_secs() >= time, "the clock was not put back");
    assert_eq!(world.step(&[0.0; 3], 1), Err(fault.clone()), "it stays diverged");
    let qpos = world.state().0.to_vec();
    world.set_state(&qpos.iter().map(|_| 0.0).collect::<Vec<_>>(), &[0.0; 6]);
    assert_eq!(world.step(&[0.0; 3], 1), Err(fault), "even at another state");

    world.restore(&healthy);
    world.step(&[0.1, 0.1, 0.0], 10).unwrap();
    world.reset();
    world.step(&[0.1, 0.1, 0.0], 10).unwrap();
    assert!(!Path::new("MUJOCO_LOG.TXT").exists(), "MuJoCo keeps no log file");
}

#[test]
fn what_is_no_number_is_refused() {
    for (integrator, bad) in [("Euler", f64::NAN), ("RK4", f64::INFINITY)] {
        let model = load(&hopper(integrator)).unwrap();
        let mut world = model.world();
        let fault = world.step(&[0.0, bad, 0.0], 1).unwrap_err();
        assert_eq!(fault.message, format!("control 1 is {bad}"));
        world.reset();
        world.set_state(&[0.0, bad, 0.0, 0.0, 0.0, 0.0], &[0.0; 6]);
        let fault = world.step(&[0.0; 3], 1).unwrap_err();
        assert_eq!(fault.message, "Nan, Inf or huge value in QPOS at index 1 (joint `z`)");
        world.reset();
        world.set_state(&[0.0; 6], &[0.0, 0.0, 0.0, 0.0, 1e11, 0.0]);
        let fault = world.step(&[0.0; 3], 1).unwrap_err();
        assert_eq!(fault.message, "Nan, Inf or huge value in QVEL at DOF 4 (joint `knee`)");
        world.reset();
        world.step(&[0.0; 3], 1).unwrap();
    }
}

#[test]
fn a_model_that_runs_out_of_memory_diverges_and_the_process_lives() {
    let balls: String = (0..60)
        .map(|i| {
            format!(
                "<body pos='0 {} 0.05'><freejoint/><geom size='0.1'/></body>",
                0.01 * f64::from(i)
            )
        })
        .collect();
    let mut met = Vec::new();
    for kilobytes in [100, 150, 200, 300] {
        let xml = format!(
            "<mujoco><size memory='{kilobytes}K'/><worldbody><geom type='plane' size='5 5 1'/>{balls}</worldbody></mujoco>"
        );
        let mut world = load(&xml).unwrap().world();
        let fault = world.step(&[], 5).unwrap_err();
        met.push(fault.message.clone());
        world.reset();
        assert_eq!(world.step(&[], 5).unwrap_err().message, fault.message);
    }
    // Too little for the computation itself is an error of MuJoCo, too little for contacts a warning.
    assert!(
        met[0].starts_with("MuJoCo cannot go on: ") && met[0].contains("out of memory"),
        "{met:?}"
    );
    assert!(met[3].starts_with("no memory for more contacts"), "{met:?}");
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let model = load(&hopper("Euler")).unwrap();
    let cases = [
        (
            Source::BodyPosition("tors".into()),
            "the model has no body named `tors`; did you mean `torso`?",
        ),
        (
            Source::ContactForce("Foot".into()),
            "the model has no body named `Foot`; did you mean `foot`?",
        ),
        (Source::SubtreeCom("wing".into()), "the model has no body named `wing`"),
        (
            Source::SitePosition("sloe".into()),
            "the model has no site named `sloe`; did you mean `sole`?",
        ),
        (Source::Sensor("touch".into()), "the model has no sensor named `touch`"),
        (
            Source::JointPosition(vec![name("hip"), name("kne")]),
            "the model has no joint named `kne`; did you mean `knee`?",
        ),
        (
            Source::JointVelocity(vec![name("")]),
            "the model has no joint named ``; did you mean `x`?",
        ),
        (
            Source::BodyPosition("a\0b".into()),
            "the model has no body named `a\0b`",
        ),
    ];
    for (source, message) in cases {
        assert_eq!(model.quantity(&source).unwrap_err().to_string(), message);
    }
}

#[test]
fn load_errors_name_file_and_line() {
    let long = "a_name_so_long_that_the_message_would_not_fit_into_a_hundred_bytes_if_it_were_cut_there_as_it_once_was";
    let cases = [
        (
            "<mujoco>\n<worldbody>\n<geom sice='1'/>\n</worldbody>\n</mujoco>".to_owned(),
            "line 3",
        ),
        ("<mujoco>\n<worldbody>\n</mujoco>".to_owned(), "Line number=2"),
        ("not xml".to_owned(), "XML"),
        (
            format!("<mujoco>\n<worldbody/>\n<sensor>\n<touch site='{long}'/></sensor></mujoco>"),
            "line 4",
        ),
        ("<mujoco><option timestep='0'/></mujoco>".to_owned(), "timestep"),
        ("<mujoco><option timestep='-1'/></mujoco>".to_owned(), "timestep"),
    ];
    for (xml, expected) in cases {
        let message = load(&xml).err().unwrap_or_else(|| panic!("{xml} loaded")).to_string();
        assert!(message.contains("model.xml") && message.contains(expected), "{message}");
    }
    let missing = Model::load(Path::new("no/such/model.xml"), Engine::Mujoco)
        .err()
        .unwrap()
        .to_string();
    assert!(missing.starts_with("no/such/model.xml: "), "{missing}");
}

#[test]
fn sources_read_as_in_env_toml() {
    let source: Source = serde_json::from_str(r#"{"joint_position": ["hip", "knee"]}"#).unwrap();
    assert_eq!(source, Source::JointPosition(vec![name("hip"), name("knee")]));
    assert!(serde_json::from_str::<Source>(r#"{"joint_positions": ["hip"]}"#).is_err());
}
