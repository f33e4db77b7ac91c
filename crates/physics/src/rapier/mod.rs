//! One simulation by Rapier, from MuJoCo's compiled model.
//!
//! MuJoCo reads the file, resolves names, defaults, inertias and meshes, and knows what an actuator, a spring or a tendon
//! pulls; Rapier knows how bodies move, and what happens where they touch and at the ends of their joints. So a step is:
//!
//! ```text
//! MjData: qpos, qvel, ctrl ──actuation, springs, fluids──▶ forces ──▶ Rapier: one timestep ──▶ contacts
//!    ▲                                                                       │
//!    └────────── kinematics, velocities, sensors ◀── qpos, qvel ◀────────────┘
//! ```
//!
//! What a joint is pushed by, and what is read afterwards, is therefore the same in both engines by construction; only
//! inertia, gravity, damping, dry friction, limits and contacts are Rapier's own. [`limits`] refuses what falls between
//! the two. Start in [`Blueprint`], then [`RapierWorld`]; `docs/engines.md` tabulates how each element maps.

mod coordinates;
mod limits;
mod pairs;
mod scene;
mod shapes;

use std::sync::Arc;

use mujoco_rs::prelude::{MjModel, MjtBias, MjtDyn, MjtJoint, MjtState, MjtTrn};
use rapier3d_f64::dynamics::{IntegrationParameters, MultibodyIndex};
use rapier3d_f64::geometry::ColliderHandle;
use rapier3d_f64::math::Vector;
use rapier3d_f64::pipeline::PhysicsPipeline;

use crate::library::{Stage, catching, run};
use crate::readings::{Contact, LARGEST, Readings};
use crate::source::{Place, Quantity};
use crate::variation::{Factors, VariedParts};
use crate::{Divergence, Physics, Push, Snapshot};
use pairs::Pairs;
use scene::{Build, Scene};
use shapes::Shapes;

/// As for MuJoCo's own worlds.
const STATE: u32 = MjtState::mjSTATE_INTEGRATION as u32;

/// The bits of a contact's number that say which point of its manifold it is.
const POINT_BITS: u64 = 0x7fff_ffff;

/// Rapier's side of a model, shared by all of its worlds.
pub(crate) struct Blueprint {
    build: Build,
    shapes: Shapes,
    pairs: Pairs,
    parameters: IntegrationParameters,
    gravity: Vector,
    velocity_gains: Vec<VelocityGain>,
}

/// An actuator that resists velocity, which Rapier may treat as damping of its joint.
///
/// MuJoCo's implicit integrators do the same: a stiff gain on a light joint is stable only so.
struct VelocityGain {
    /// Its place among forces of actuators, and the range of this force.
    output: usize,
    range: Option<[f64; 2]>,
    /// Multibody and place of the coordinate there.
    link: MultibodyIndex,
    place: usize,
    joint_damping: f64,
    damping: f64,
}

/// A scene as a snapshot keeps it.
#[derive(Clone)]
pub(crate) struct SavedScene(Arc<Scene>);

impl std::fmt::Debug for SavedScene {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bodies", self.0.bodies.len())
    }
}

impl Blueprint {
    /// Errors: one sentence naming the element that Rapier cannot do.
    pub(crate) fn new(model: &MjModel) -> Result<Self, String> {
        let pairs = Pairs::new(model);
        limits::check(model, &pairs)?;
        let shapes = shapes::shapes(model, &pairs)?;
        Ok(Self::with(model, pairs, shapes))
    }

    /// The same for a variation of the model: nothing has changed its shape.
    fn varied(&self, model: &MjModel) -> Self {
        Self::with(model, Pairs::new(model), Arc::clone(&self.shapes))
    }

    fn with(model: &MjModel, pairs: Pairs, shapes: Shapes) -> Self {
        let build = scene::build(model, &shapes);
        Self {
            velocity_gains: velocity_gains(model, &build),
            build,
            shapes,
            pairs,
            parameters: scene::parameters(model),
            gravity: scene::gravity(model),
        }
    }

    /// Errors: one sentence naming the sensor whose value only MuJoCo's solver knows.
    pub(crate) fn check(model: &MjModel, quantity: &Quantity) -> Result<(), String> {
        let Place::Sensors(ranges) = &quantity.place else {
            return Ok(());
        };
        let starts = model.sensor_adr().iter().map(|start| *start as usize);
        let mut read = starts
            .enumerate()
            .filter(|(_, start)| ranges.iter().any(|range| range.contains(start)));
        read.try_for_each(|(sensor, _)| limits::check_sensor(model, sensor))
    }
}

fn velocity_gains(model: &MjModel, build: &Build) -> Vec<VelocityGain> {
    let gain = |actuator: usize| -> Option<VelocityGain> {
        let on_joint = [MjtTrn::mjTRN_JOINT, MjtTrn::mjTRN_JOINTINPARENT].contains(&model.actuator_trntype()[actuator]);
        let affine = model.actuator_biastype()[actuator] == MjtBias::mjBIAS_AFFINE;
        let resistance = -model.actuator_biasprm()[actuator][2];
        if !on_joint || !affine || resistance <= 0.0 {
            return None;
        }
        let id = model.actuator_trnid()[actuator][0] as usize;
        let joint = build.joints.iter().find(|joint| joint.id == id)?;
        if ![MjtJoint::mjJNT_HINGE, MjtJoint::mjJNT_SLIDE].contains(&joint.kind) {
            return None;
        }
        let (link, number) = joint.link?;
        let multibody = build.scene.multibodies.get_multibody(link)?;
        let place = multibody.link(number)?.assembly_id();
        let output = model.actuator_outadr()[actuator] as usize;
        let gear = model.actuator_gear()[output][0];
        let limited = model.actuator_forcelimited()[actuator];
        Some(VelocityGain {
            output,
            range: limited.then(|| model.actuator_forcerange()[actuator]),
            link,
            place,
            joint_damping: multibody.damping()[place],
            damping: gear * gear * resistance,
        })
    };
    (0..model.ffi().nactuator as usize).filter_map(gain).collect()
}

/// A simulation of one model. It is always in one of two conditions: diverged, or with everything but forces computed
/// for the present state.
pub(crate) struct RapierWorld {
    blueprint: Arc<Blueprint>,
    /// The model as it was loaded; that of the readings is a copy once something in it varies.
    original: Arc<MjModel>,
    readings: Readings,
    scene: Scene,
    /// Rapier's workspace. It belongs to the scene that it saw last, so that a new scene gets a new one.
    pipeline: PhysicsPipeline,
    /// Set when the simulation diverged, cleared by reset and restore.
    fault: Option<Divergence>,
    /// What acts from outside while the world steps.
    push: Option<Push>,
    /// Room for coordinates on their way from Rapier.
    qpos: Vec<f64>,
    qvel: Vec<f64>,
}

impl RapierWorld {
    /// A world at the model's initial state.
    pub(crate) fn new(model: &Arc<MjModel>, blueprint: &Arc<Blueprint>) -> Self {
        let readings = Readings::new(model);
        let mut world = Self {
            blueprint: Arc::clone(blueprint),
            original: Arc::clone(model),
            scene: blueprint.build.scene.clone(),
            pipeline: PhysicsPipeline::new(),
            fault: None,
            push: None,
            qpos: readings.data.qpos().to_vec(),
            qvel: readings.data.qvel().to_vec(),
            readings,
        };
        world.recompute();
        world
    }

    /// Takes the coordinates in `MjData` over and computes everything that follows. Forces are those of a step that is
    /// tried and thrown away.
    fn recompute(&mut self) {
        self.fault = self.guarded(Self::settle).err();
    }

    fn settle(&mut self) -> Result<(), Divergence> {
        self.readings.bounded()?;
        let data = &mut self.readings.data;
        self.scene = self.blueprint.scene_at(data.qpos(), data.qvel());
        self.pipeline = PhysicsPipeline::new();
        run(data, Stage::Moved);
        run(data, Stage::Actuation);
        let before = self.scene.clone();
        self.step_rapier(None)?;
        self.take_accelerations();
        self.take_contacts();
        self.scene = before;
        self.pipeline = PhysicsPipeline::new();
        run(&mut self.readings.data, Stage::Sensors);
        self.readings.warned()
    }

    fn advance(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence> {
        self.readings.take_controls(ctrl)?;
        for substep in 1..=substeps {
            run(&mut self.readings.data, Stage::Actuation);
            self.readings.warned()?;
            self.step_rapier(self.push)?;
            self.take_accelerations();
            self.activate();
            let data = &mut self.readings.data;
            data.qpos_mut().copy_from_slice(&self.qpos);
            data.qvel_mut().copy_from_slice(&self.qvel);
            let time = data.time() + self.blueprint.parameters.dt;
            data.set_time(time);
            self.bounded()?;
            run(&mut self.readings.data, Stage::Moved);
            if substep == substeps {
                self.take_contacts();
                run(&mut self.readings.data, Stage::Sensors);
            }
            self.readings.warned()?;
        }
        Ok(())
    }

    /// One timestep of Rapier under the present forces; its coordinates go to the rooms for them.
    fn step_rapier(&mut self, push: Option<Push>) -> Result<(), Divergence> {
        let blueprint = &self.blueprint;
        let scene = &mut self.scene;
        blueprint.push(scene, &self.readings.data);
        if let Some(push) = push {
            blueprint.push_from_outside(scene, &self.readings.data, &push);
        }
        self.pipeline.step(
            blueprint.gravity,
            &blueprint.parameters,
            &mut scene.islands,
            &mut scene.broad_phase,
            &mut scene.narrow_phase,
            &mut scene.bodies,
            &mut scene.colliders,
            &mut scene.impulse_joints,
            &mut scene.multibodies,
            &mut scene.soft_bodies,
            &mut scene.ccd,
            &blueprint.pairs,
            &(),
        );
        // Rapier stops what is no number any more, and would go on with the rest.
        if !self.pipeline.quarantine().is_empty() {
            return Err(self
                .readings
                .divergence("Nan or Inf in the position or velocity of a body".to_owned()));
        }
        blueprint.read(scene, &mut self.qpos, &mut self.qvel);
        Ok(())
    }

    /// Accelerations of the last step, from the velocities before and after it.
    fn take_accelerations(&mut self) {
        let dt = self.blueprint.parameters.dt;
        let data = &mut self.readings.data;
        for (dof, after) in self.qvel.iter().enumerate() {
            let acceleration = (after - data.qvel()[dof]) / dt;
            data.qacc_mut()[dof] = acceleration;
        }
    }

    /// Positions, velocities and accelerations are numbers of reasonable size.
    fn bounded(&self) -> Result<(), Divergence> {
        let bad = |value: &f64| value.is_nan() || value.abs() > LARGEST;
        self.readings.bounded()?;
        match self.readings.data.qacc().iter().position(bad) {
            None => Ok(()),
            Some(dof) => {
                Err(self
                    .readings
                    .divergence(self.readings.bad_number("QACC", dof, self.readings.model.jnt_dofadr())))
            }
        }
    }

    /// Computes what is read from the present state.
    fn show(&mut self) -> Result<(), Divergence> {
        self.readings.bounded()?;
        run(&mut self.readings.data, Stage::Moved);
        run(&mut self.readings.data, Stage::Sensors);
        self.readings.warned()
    }

    /// Integrates the activations of actuators, as `mj_step` does after it has moved the bodies.
    fn activate(&mut self) {
        let dt = self.blueprint.parameters.dt;
        let Readings { model, data, .. } = &mut self.readings;
        for actuator in 0..model.ffi().nactuator as usize {
            let first = model.actuator_actadr()[actuator];
            let Ok(first) = usize::try_from(first) else { continue };
            for place in first..first + model.actuator_actnum()[actuator] as usize {
                let rate = data.act_dot()[place];
                let step = match model.actuator_dyntype()[actuator] {
                    MjtDyn::mjDYN_FILTEREXACT => {
                        let time_constant = model.actuator_dynprm()[actuator][0].max(1e-15);
                        rate * time_constant * -(-dt / time_constant).exp_m1()
                    }
                    _ => rate * dt,
                };
                let mut activation = data.act()[place] + step;
                if model.actuator_actlimited()[actuator] {
                    let [low, high] = model.actuator_actrange()[actuator];
                    activation = activation.max(low).min(high);
                }
                data.act_mut()[place] = activation;
            }
        }
    }

    /// Takes the contacts of Rapier's last step with their forces.
    fn take_contacts(&mut self) {
        let dt = self.blueprint.parameters.dt;
        let scene = &self.scene;
        let contacts = &mut self.readings.contacts;
        contacts.clear();
        for pair in scene.narrow_phase.contact_pairs() {
            let Some(rigid) = pair.rigid() else { continue };
            let jointed = |collider: ColliderHandle| {
                let body = scene.colliders[collider].parent();
                body.is_some_and(|body| scene.multibodies.rigid_body_link(body).is_some())
            };
            // Between single bodies, friction is one force for the whole patch, noted down at each of its points.
            let at_each_point = jointed(pair.collider1) || jointed(pair.collider2);
            let mut impulse = Vector::ZERO;
            let mut touching = false;
            for manifold in rigid.solver_manifolds() {
                for (index, contact) in manifold.data.solver_contacts.iter().enumerate() {
                    let point = &manifold.points[(contact.contact_id[0] & POINT_BITS) as usize];
                    impulse += manifold.data.normal * point.data.impulse;
                    if at_each_point || index == 0 {
                        // As it acts on the first body.
                        impulse -= point.data.warmstart_tangent_world;
                    }
                    touching |= point.data.impulse > 0.0 || contact.dist <= 0.0;
                }
            }
            if touching {
                let geom = |collider: ColliderHandle| scene.colliders[collider].user_data as i32;
                contacts.push(Contact {
                    geoms: [geom(pair.collider1), geom(pair.collider2)],
                    force: (impulse / dt).to_array(),
                });
            }
        }
    }

    /// Runs stages; an error of MuJoCo is a divergence too.
    fn guarded(&mut self, stages: impl FnOnce(&mut Self) -> Result<(), Divergence>) -> Result<(), Divergence> {
        let outcome = catching(|| stages(self));
        outcome.unwrap_or_else(|words| Err(self.readings.divergence(format!("MuJoCo cannot go on: {words}"))))
    }
}

impl Physics for RapierWorld {
    fn reset(&mut self) {
        self.push = None;
        self.readings.data.reset();
        self.recompute();
    }

    fn state(&self) -> (&[f64], &[f64]) {
        (self.readings.data.qpos(), self.readings.data.qvel())
    }

    fn set_state(&mut self, qpos: &[f64], qvel: &[f64]) {
        self.readings.data.qpos_mut().copy_from_slice(qpos);
        self.readings.data.qvel_mut().copy_from_slice(qvel);
        self.readings.model.normalize_quat(self.readings.data.qpos_mut());
        if self.fault.is_none() {
            self.recompute();
        }
    }

    fn begin(&mut self, qpos: &[f64], qvel: &[f64]) {
        self.push = None;
        self.readings.data.reset();
        self.fault = None;
        self.set_state(qpos, qvel);
    }

    fn step(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence> {
        assert_eq!(
            ctrl.len(),
            self.readings.data.ctrl().len(),
            "one control for each actuator"
        );
        if self.fault.is_none() {
            self.fault = self.guarded(|world| world.advance(ctrl, substeps)).err();
        }
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn read(&self, quantity: &Quantity, out: &mut [f64]) {
        self.readings.read(quantity, out);
    }

    fn push(&mut self, push: Option<Push>) {
        self.push = self.readings.accept(push);
    }

    fn scene(&self) -> crate::Scene {
        self.readings.scene(self.push)
    }

    fn mocap_positions(&self) -> &[[f64; 3]] {
        self.readings.data.mocap_pos()
    }

    fn place_mocap(&mut self, mocap: usize, position: [f64; 3]) {
        self.readings.data.mocap_pos_mut()[mocap] = position;
        if self.fault.is_none() {
            self.fault = self.guarded(Self::show).err();
        }
    }

    fn vary(&mut self, parts: &VariedParts, factors: &Factors) {
        self.readings.vary(&self.original, parts, factors);
        self.blueprint = Arc::new(self.blueprint.varied(&self.readings.model));
        self.reset();
    }

    fn time_secs(&self) -> f64 {
        self.readings.data.time()
    }

    fn snapshot(&self) -> Snapshot {
        let data = &self.readings.data;
        let mut numbers = data.state(STATE).into_vec();
        numbers.extend(data.qacc());
        numbers.extend(self.readings.outcomes());
        Snapshot {
            numbers,
            scene: Some(SavedScene(Arc::new(self.scene.clone()))),
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) {
        let SavedScene(scene) = snapshot.scene.as_ref().expect("a snapshot of the same engine");
        let (state, rest) = snapshot.numbers.split_at(self.readings.model.state_size(STATE));
        let (accelerations, outcomes) = rest.split_at(self.qvel.len());
        self.push = None;
        let data = &mut self.readings.data;
        // A world that diverged or met an error must be reset before anything else.
        data.reset();
        data.set_state(state, STATE)
            .expect("a snapshot holds what MuJoCo itself wrote");
        data.qacc_mut().copy_from_slice(accelerations);
        self.scene = Scene::clone(scene);
        self.pipeline = PhysicsPipeline::new();
        self.fault = self.guarded(Self::show).err();
        self.readings.set_outcomes(outcomes);
    }
}
