//! A world steps exactly as a bare `mj_step` loop does, whatever the model asks of MuJoCo.
//!
//! The world runs `mj_step` in two halves and turned round, evaluates everything once at a reset, and switches MuJoCo's own
//! reset off. None of it may change a bit of the trajectory: a policy trained here must mean the same elsewhere.

use std::path::Path;

use carrot_physics::{Engine, Model, Physics, Source};
use mujoco_rs::prelude::{MjData, MjModel, MjtObjBase, MjtStage, MjtState};

const STEPS: usize = 500;

/// A walker-like body of every joint type on a floor, with the given options, sensors, actuators and the rest.
fn model(options: &str, further: &str) -> String {
    format!(
        r#"<mujoco>
  {options}
  <default><geom density="600"/></default>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 0.1"/>
    <body name="hand" mocap="true" pos="0.4 0 1.2"><geom type="box" size="0.03 0.03 0.03" contype="0" conaffinity="0"/></body>
    <body name="held" pos="0.4 0 1.1"><freejoint/><geom type="box" size="0.05 0.04 0.03"/></body>
    <body name="torso" pos="0 0 0.6">
      <freejoint name="root"/>
      <geom type="ellipsoid" size="0.15 0.1 0.08"/>
      <site name="torso" size="0.02"/>
      <site name="wrap" pos="0 0.12 0" size="0.01"/>
      <body name="shoulder" pos="0.15 0 0">
        <joint name="ball" type="ball" damping="0.3" stiffness="1"/>
        <geom type="capsule" fromto="0 0 0 0.2 0 -0.1" size="0.03"/>
        <body name="forearm" pos="0.2 0 -0.1">
          <joint name="elbow" type="hinge" axis="0 1 0" range="-1 1.2" limited="true" frictionloss="0.05" armature="0.01"/>
          <geom type="capsule" fromto="0 0 0 0.2 0 -0.2" size="0.025"/>
          <site name="tip" pos="0.2 0 -0.2" size="0.04"/>
        </body>
      </body>
      <body name="leg" pos="-0.1 0 -0.05">
        <joint name="slide" type="slide" axis="0 0 1" range="-0.05 0.05" limited="true" stiffness="400" damping="8" springref="0.02"/>
        <joint name="hip" type="hinge" axis="0 1 0" range="-0.8 0.8" limited="true" damping="0.5" armature="0.02"/>
        <geom type="cylinder" fromto="0 0 0 0 0 -0.4" size="0.03"/>
        <site name="foot" pos="0 0 -0.4" size="0.05"/>
      </body>
      <body name="twin" pos="-0.1 0.1 -0.05">
        <joint name="twin" type="hinge" axis="0 1 0" damping="0.5" armature="0.02"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.03"/>
      </body>
    </body>
  </worldbody>
  <tendon>
    <fixed name="both" limited="true" range="-0.5 0.5"><joint joint="hip" coef="1"/><joint joint="elbow" coef="-0.5"/></fixed>
    <spatial name="string" stiffness="20" damping="0.5" limited="true" range="0 0.7"><site site="wrap"/><site site="tip"/></spatial>
  </tendon>
  {further}
</mujoco>"#
    )
}

const EQUALITY: &str = r#"<equality>
    <weld body1="hand" body2="held" solref="0.02 1"/>
    <joint joint1="hip" joint2="twin" polycoef="0 0.5 0 0 0"/>
  </equality>"#;

const MOTORS: &str = r#"<actuator>
    <motor name="hip" joint="hip" gear="20" ctrlrange="-1 1" ctrllimited="true"/>
    <position name="elbow" joint="elbow" kp="15" kv="0.5" forcerange="-5 5" forcelimited="true"/>
    <velocity name="slide" joint="slide" kv="3"/>
  </actuator>"#;

const STATEFUL: &str = r#"<actuator>
    <intvelocity name="hip" joint="hip" kp="30" actrange="-0.7 0.7"/>
    <general name="elbow" joint="elbow" dyntype="filterexact" dynprm="0.05" gainprm="3" actearly="true"/>
    <general name="slide" joint="slide" dyntype="filter" dynprm="0.1" gainprm="20"/>
    <muscle name="string" tendon="string" ctrllimited="true" ctrlrange="0 1"/>
  </actuator>"#;

const DELAYED: &str = r#"<actuator>
    <motor name="hip" joint="hip" gear="20" delay="0.011" nsample="6"/>
    <position name="elbow" joint="elbow" kp="15" delay="0.02" nsample="8" interp="linear"/>
  </actuator>
  <sensor>
    <jointpos name="late" joint="hip" delay="0.013" nsample="6"/>
    <gyro name="late_gyro" site="torso" delay="0.02" nsample="12" interp="linear"/>
    <accelerometer name="late_accelerometer" site="torso" delay="0.01" nsample="8"/>
    <framepos name="rare" objtype="site" objname="tip" interval="0.03" delay="0.004" nsample="4"/>
  </sensor>"#;

const SENSORS: &str = r#"<sensor>
    <touch name="touch" site="foot"/><accelerometer name="accelerometer" site="torso"/><velocimeter name="velocimeter" site="torso"/>
    <gyro name="gyro" site="torso"/><force name="force" site="foot"/><torque name="torque" site="foot"/>
    <rangefinder name="range" site="torso"/><jointpos name="hip" joint="hip"/><ballquat name="ball" joint="ball"/>
    <tendonvel name="tendon" tendon="string"/><jointlimitfrc name="limit" joint="elbow"/><framelinacc name="tip" objtype="site" objname="tip"/>
    <subtreeangmom name="spin" body="torso"/><subtreelinvel name="drift" body="torso"/><clock name="clock"/>
    <e_kinetic name="kinetic"/><e_potential name="potential"/>
    <contact name="ground" geom1="floor" subtree2="torso" num="2" data="found force pos normal"/>
  </sensor>"#;

/// A box falls asleep on the floor until a motor knocks it over.
const SLEEPER: &str = r#"<mujoco>
  <option timestep="0.002" sleep_tolerance="0.05"><flag sleep="enable"/></option>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 0.1"/>
    <body name="box" pos="0.5 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1" density="200"/></body>
    <body name="club" pos="0 0 0.5"><joint name="club" axis="0 1 0" damping="0.2"/><geom type="capsule" fromto="0 0 0 0 0 -0.42" size="0.03"/></body>
  </worldbody>
  <actuator><motor joint="club" gear="-4"/></actuator>
</mujoco>"#;

fn options(attributes: &str) -> String {
    format!("<option timestep=\"0.002\" {attributes}/>")
}

fn models() -> Vec<(String, String)> {
    let mut models = Vec::new();
    let mut add = |name: String, options: String, further: String| models.push((name, model(&options, &further)));
    for integrator in ["Euler", "RK4", "implicit", "implicitfast"] {
        let with = |rest: &str| options(&format!("integrator=\"{integrator}\" {rest}"));
        add(
            format!("{integrator}, sensors"),
            with(""),
            format!("{EQUALITY}{MOTORS}{SENSORS}"),
        );
        add(
            format!("{integrator}, stateful actuators"),
            with(""),
            format!("{EQUALITY}{STATEFUL}"),
        );
        add(format!("{integrator}, delays"), with(""), DELAYED.to_owned());
    }
    for attributes in [
        "solver=\"PGS\" iterations=\"20\"",
        "solver=\"CG\" cone=\"elliptic\" noslip_iterations=\"3\"",
        "density=\"1.2\" viscosity=\"0.001\" wind=\"2 0 0\"",
    ] {
        add(
            attributes.to_owned(),
            options(attributes),
            format!("{EQUALITY}{MOTORS}{SENSORS}"),
        );
    }
    for flag in [
        "energy=\"enable\"",
        "fwdinv=\"enable\"",
        "invdiscrete=\"enable\" energy=\"enable\"",
        "sleep=\"enable\"",
        "island=\"disable\"",
        "warmstart=\"disable\"",
        "eulerdamp=\"disable\"",
        "override=\"enable\"",
        "sensor=\"disable\"",
    ] {
        let options = format!("<option timestep=\"0.002\"><flag {flag}/></option>");
        add(flag.to_owned(), options, format!("{MOTORS}{SENSORS}"));
    }
    models.push(("asleep".to_owned(), SLEEPER.to_owned()));
    models
}

fn control(step: usize, actuators: usize) -> Vec<f64> {
    let phase = |actuator: usize| (step as f64 * 0.11 + actuator as f64).sin();
    (0..actuators).map(|actuator| 0.9 * phase(actuator)).collect()
}

fn load(xml: &str) -> (Model, MjModel) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xml");
    std::fs::write(&path, xml).unwrap();
    let load = |path: &Path| MjModel::from_xml(path).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    (Model::load(&path, Engine::Mujoco).unwrap(), load(&path))
}

/// The first of `left` whose bits differ.
fn differs(left: &[f64], right: &[f64]) -> Option<usize> {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).position(|(a, b)| a.to_bits() != b.to_bits())
}

/// State and sensors after `mj_step`, with sensors of position and velocity evaluated for the new state, as a world shows them.
struct Bare<'a> {
    data: MjData<&'a MjModel>,
}

impl<'a> Bare<'a> {
    fn new(model: &'a MjModel) -> Self {
        Self {
            data: MjData::new(model),
        }
    }

    fn step(&mut self, ctrl: &[f64], substeps: usize) {
        self.data.ctrl_mut().copy_from_slice(ctrl);
        (0..substeps).for_each(|_| self.data.step());
    }

    /// One after the other: name and values of every sensor that is not delayed.
    fn sensors(&self) -> Vec<(String, Vec<f64>)> {
        const ALL: u32 = MjtState::mjSTATE_INTEGRATION as u32;
        let model = self.data.model();
        let mut ahead = MjData::new(model);
        ahead.set_state(&self.data.state(ALL), ALL).unwrap();
        ahead.step1();
        let sensor = |id: usize| {
            let start = model.sensor_adr()[id] as usize;
            let place = start..start + model.sensor_dim()[id] as usize;
            let from = match model.sensor_needstage()[id] {
                MjtStage::mjSTAGE_ACC => &self.data,
                _ => &ahead,
            };
            let name = model.id_to_name(MjtObjBase::mjOBJ_SENSOR, id).unwrap().to_owned();
            (name, from.sensordata()[place].to_vec())
        };
        let immediate = |id: &usize| model.sensor_historyadr()[*id] < 0;
        (0..model.ffi().nsensor as usize)
            .filter(immediate)
            .map(sensor)
            .collect()
    }
}

fn sensor(model: &Model, world: &dyn Physics, name: &str) -> Vec<f64> {
    let quantity = model.quantity(&Source::Sensor(name.into())).unwrap();
    let mut out = vec![f64::NAN; quantity.components];
    world.read(&quantity, &mut out);
    out
}

#[test]
fn trajectories_are_those_of_mj_step() {
    for (name, xml) in models() {
        for substeps in [1, 5] {
            let (model, reference) = load(&xml);
            let mut world = model.world();
            let mut bare = Bare::new(&reference);
            for step in 0..STEPS {
                let at = || format!("{name}, {substeps} substeps, step {step}");
                let ctrl = control(step, model.control_ranges().len());
                world
                    .step(&ctrl, substeps)
                    .unwrap_or_else(|error| panic!("{}: {error}", at()));
                bare.step(&ctrl, substeps);
                let (qpos, qvel) = world.state();
                assert_eq!(differs(qpos, bare.data.qpos()), None, "{}: qpos", at());
                assert_eq!(differs(qvel, bare.data.qvel()), None, "{}: qvel", at());
                assert_eq!(
                    world.time_secs().to_bits(),
                    bare.data.time().to_bits(),
                    "{}: time",
                    at()
                );
                for (sensor_name, expected) in bare.sensors() {
                    let found = sensor(&model, &*world, &sensor_name);
                    assert_eq!(differs(&found, &expected), None, "{}: {sensor_name}", at());
                }
            }
        }
    }
}

#[test]
fn worlds_of_this_repository_are_those_of_mj_step() {
    let envs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envs");
    let folders = std::fs::read_dir(envs).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<_> = folders
        .map(|folder| folder.join("model.xml"))
        .filter(|path| path.is_file())
        .collect();
    assert!(models.len() >= 3, "{models:?}");
    for path in models {
        let model = Model::load(&path, Engine::Mujoco).unwrap();
        let reference = MjModel::from_xml(&path).unwrap();
        let mut world = model.world();
        let mut bare = MjData::new(&reference);
        let ranges = model.control_ranges();
        for step in 0..2_000 {
            let share = control(step, ranges.len()).into_iter().zip(&ranges);
            let ctrl: Vec<f64> = share
                .map(|(share, [low, high])| {
                    if low.is_finite() {
                        low + (share + 1.0) / 2.0 * (high - low)
                    } else {
                        share
                    }
                })
                .collect();
            world.step(&ctrl, 1).unwrap();
            bare.ctrl_mut().copy_from_slice(&ctrl);
            bare.step();
            let at = || format!("{}, step {step}", path.display());
            assert_eq!(differs(world.state().0, bare.qpos()), None, "{}", at());
            assert_eq!(differs(world.state().1, bare.qvel()), None, "{}", at());
        }
    }
}

#[test]
fn a_state_put_in_goes_on_as_in_mujoco() {
    for (name, xml) in models() {
        let (model, reference) = load(&xml);
        let mut world = model.world();
        let mut bare = MjData::new(&reference);
        for step in 0..200 {
            let ctrl = control(step, model.control_ranges().len());
            if step % 50 == 25 {
                let qpos: Vec<f64> = bare.qpos().iter().map(|value| value * 0.99).collect();
                let mut qpos = qpos;
                reference.normalize_quat(&mut qpos);
                let qvel: Vec<f64> = bare.qvel().iter().map(|value| value * 0.5).collect();
                world.set_state(&qpos, &qvel);
                bare.qpos_mut().copy_from_slice(&qpos);
                bare.qvel_mut().copy_from_slice(&qvel);
            }
            world
                .step(&ctrl, 2)
                .unwrap_or_else(|error| panic!("{name}, step {step}: {error}"));
            bare.ctrl_mut().copy_from_slice(&ctrl);
            (0..2).for_each(|_| bare.step());
            assert_eq!(differs(world.state().0, bare.qpos()), None, "{name}, step {step}");
        }
    }
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_been() {
    for (name, xml) in models() {
        let (model, _) = load(&xml);
        let mut world = model.world();
        let actuators = model.control_ranges().len();
        let play = |world: &mut dyn Physics, steps: std::ops::Range<usize>| -> Vec<f64> {
            steps.for_each(|step| world.step(&control(step, actuators), 2).unwrap());
            world.state().0.to_vec()
        };
        play(&mut *world, 0..150);
        let snapshot = world.snapshot();
        let expected = play(&mut *world, 150..300);
        let mut other = model.world();
        other.restore(&snapshot);
        assert_eq!(
            differs(&play(&mut *other, 150..300), &expected),
            None,
            "{name}: a fresh world"
        );
        world.restore(&snapshot);
        assert_eq!(
            differs(&play(&mut *world, 150..300), &expected),
            None,
            "{name}: the same world"
        );
    }
}
