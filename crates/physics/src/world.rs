//! One MuJoCo simulation.
//!
//! `mj_step` computes where everything is, then forces, then integrates; afterwards body positions still belong to the
//! state *before* the integration, one step behind the joints. Here a step is therefore turned round: forces and
//! integration (`mj_step2`) first, then positions and velocities of the new state (`mj_step1`), which the next step needs
//! anyway. The numbers are those of `mj_step`, bit for bit, at the same cost, and nothing lags. Integrators that cannot be
//! split (RK4) run `mj_step` and pay for one extra `mj_step1` per control step.

use std::sync::Arc;

use mujoco_rs::prelude::{MjData, MjModel, MjtObjBase, MjtState, MjtWarning};

use crate::library::{Stage, catching, run};
use crate::source::{Place, Quantity};
use crate::{Divergence, Physics, Snapshot};

/// Beyond this MuJoCo calls a number bad (`mjMAXVAL`).
const LARGEST: f64 = 1e10;

const STATE: u32 = MjtState::mjSTATE_INTEGRATION as u32;

/// A simulation of one model. It is always in one of two conditions: diverged, or with everything up to `mj_step1`
/// computed for the present state.
pub(crate) struct World {
    model: Arc<MjModel>,
    data: MjData<Arc<MjModel>>,
    /// Whether the integrator may be run as `mj_step2` and `mj_step1`.
    splits: bool,
    /// Contact force on each body in the last physics step, in the world, N.
    contact_forces: Vec<[f64; 3]>,
    /// Set when the simulation diverged, cleared by reset and restore.
    fault: Option<Divergence>,
    /// Room to keep the solver's warm start while forces are recomputed.
    warmstart: Vec<f64>,
}

impl World {
    /// A world at the model's initial state.
    pub(crate) fn new(model: &Arc<MjModel>) -> Self {
        let data = MjData::new(Arc::clone(model));
        let mut world = Self {
            model: Arc::clone(model),
            splits: splits(model),
            contact_forces: vec![[0.0; 3]; model.ffi().nbody as usize],
            fault: None,
            warmstart: vec![0.0; data.qacc_warmstart().len()],
            data,
        };
        world.recompute();
        world
    }

    /// Computes everything that follows from the state. The warm start is kept, so that the next step is the one that
    /// would have followed without this call.
    fn recompute(&mut self) {
        self.warmstart.copy_from_slice(self.data.qacc_warmstart());
        self.fault = self.guarded(|world| world.settle(Stage::Forward)).err();
        self.data.qacc_warmstart_mut().copy_from_slice(&self.warmstart);
        if self.fault.is_none() {
            self.collect_contact_forces();
        }
    }

    fn advance(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence> {
        self.take_controls(ctrl)?;
        for substep in 1..=substeps {
            let last = substep == substeps;
            run(&mut self.data, if self.splits { Stage::Step2 } else { Stage::Step });
            if last {
                // Before `Step1`, which replaces the contacts by those of the new state, whose forces nobody knows yet.
                self.collect_contact_forces();
            }
            // A position that is no number must not reach collision detection.
            self.bounded()?;
            if self.splits || last {
                run(&mut self.data, Stage::Step1);
            }
            self.warned()?;
        }
        Ok(())
    }

    fn take_controls(&mut self, ctrl: &[f64]) -> Result<(), Divergence> {
        if let Some(index) = ctrl.iter().position(|value| !value.is_finite()) {
            return Err(self.divergence(format!("control {index} is {}", ctrl[index])));
        }
        self.data.ctrl_mut().copy_from_slice(ctrl);
        Ok(())
    }

    /// Computes what follows from a state that was put in from outside.
    fn settle(&mut self, stage: Stage) -> Result<(), Divergence> {
        self.bounded()?;
        run(&mut self.data, stage);
        self.warned()
    }

    /// Runs stages; an error of MuJoCo is a divergence too.
    fn guarded(&mut self, stages: impl FnOnce(&mut Self) -> Result<(), Divergence>) -> Result<(), Divergence> {
        let outcome = catching(|| stages(self));
        outcome.unwrap_or_else(|words| Err(self.divergence(format!("MuJoCo cannot go on: {words}"))))
    }

    /// MuJoCo's own warnings; it counts them and goes on.
    fn warned(&self) -> Result<(), Divergence> {
        match self.data.warning().iter().position(|warning| warning.number > 0) {
            None => Ok(()),
            Some(kind) => Err(self.divergence(self.warning_text(kind))),
        }
    }

    /// Every position and velocity is a number of reasonable size.
    fn bounded(&self) -> Result<(), Divergence> {
        let bad = |values: &[f64]| values.iter().position(|value| value.is_nan() || value.abs() > LARGEST);
        let (qpos, qvel) = (bad(self.data.qpos()), bad(self.data.qvel()));
        if qpos.is_none() && qvel.is_none() {
            return Ok(());
        }
        // A warning of the same step, such as one of the acceleration, is nearer to the cause.
        self.warned()?;
        Err(self.divergence(match (qpos, qvel) {
            (Some(index), _) => self.bad_number("QPOS", index, self.model.jnt_qposadr()),
            (None, dof) => self.bad_number("QVEL", dof.unwrap_or_default(), self.model.jnt_dofadr()),
        }))
    }

    fn divergence(&self, message: String) -> Divergence {
        Divergence {
            message,
            time_secs: self.data.time(),
        }
    }

    fn warning_text(&self, kind: usize) -> String {
        let model = &self.model;
        let info = self.data.warning()[kind].lastinfo as usize;
        const INERTIA: usize = MjtWarning::mjWARN_INERTIA as usize;
        const CONTACTS: usize = MjtWarning::mjWARN_CONTACTFULL as usize;
        const CONSTRAINTS: usize = MjtWarning::mjWARN_CNSTRFULL as usize;
        const QPOS: usize = MjtWarning::mjWARN_BADQPOS as usize;
        const QVEL: usize = MjtWarning::mjWARN_BADQVEL as usize;
        const QACC: usize = MjtWarning::mjWARN_BADQACC as usize;
        match kind {
            INERTIA => format!(
                "inertia matrix too close to singular at DOF {info}{}",
                self.joint_at(info, model.jnt_dofadr())
            ),
            CONTACTS => "no memory for more contacts; raise <size memory=…/> in the model".to_owned(),
            CONSTRAINTS => "no memory for more constraints; raise <size memory=…/> in the model".to_owned(),
            QPOS => self.bad_number("QPOS", info, model.jnt_qposadr()),
            QVEL => self.bad_number("QVEL", info, model.jnt_dofadr()),
            QACC => self.bad_number("QACC", info, model.jnt_dofadr()),
            _ => format!("Nan, Inf or huge value in CTRL of actuator {info}"),
        }
    }

    fn bad_number(&self, array: &str, index: usize, joint_starts: &[i32]) -> String {
        let unit = if array == "QPOS" { "index" } else { "DOF" };
        format!(
            "Nan, Inf or huge value in {array} at {unit} {index}{}",
            self.joint_at(index, joint_starts)
        )
    }

    fn joint_at(&self, index: usize, joint_starts: &[i32]) -> String {
        let joint = joint_starts.iter().rposition(|&start| start as usize <= index);
        let name = joint.and_then(|joint| self.model.id_to_name(MjtObjBase::mjOBJ_JOINT, joint));
        name.map(|name| format!(" (joint `{name}`)")).unwrap_or_default()
    }

    /// Adds up the forces of all contacts on each body.
    fn collect_contact_forces(&mut self) {
        self.contact_forces.fill([0.0; 3]);
        let geom_body = self.model.geom_bodyid();
        for (index, contact) in self.data.contact().iter().enumerate() {
            let force = in_world(&contact.frame, &self.data.contact_force(index));
            // The contact's normal points from the first geom to the second, and the force acts on the second.
            for (geom, sign) in contact.geom.iter().zip([-1.0, 1.0]) {
                // Negative for a flexible body, which has no geom.
                let Ok(geom) = usize::try_from(*geom) else { continue };
                let total = &mut self.contact_forces[geom_body[geom] as usize];
                total
                    .iter_mut()
                    .zip(force)
                    .for_each(|(total, part)| *total += sign * part);
            }
        }
    }

    /// 6 numbers of a body's frame: angular, then linear velocity, in the world.
    fn body_velocity(&self, body: usize) -> [f64; 6] {
        // XBODY is the frame of the body itself; BODY would be that of its inertia.
        self.data.object_velocity(MjtObjBase::mjOBJ_XBODY, body, false)
    }

    /// What a snapshot holds beside MuJoCo's state: outcomes of the last step that cannot be recomputed from it.
    fn outcomes(&self) -> impl Iterator<Item = f64> {
        let forces = self.contact_forces.iter().flatten();
        self.data
            .sensordata()
            .iter()
            .chain(self.data.actuator_force())
            .chain(forces)
            .copied()
    }

    fn set_outcomes(&mut self, values: &[f64]) {
        let (sensors, rest) = values.split_at(self.data.sensordata().len());
        let (actuators, contacts) = rest.split_at(self.data.actuator_force().len());
        self.data.sensordata_mut().copy_from_slice(sensors);
        self.data.actuator_force_mut().copy_from_slice(actuators);
        for (force, values) in self.contact_forces.iter_mut().zip(contacts.chunks_exact(3)) {
            force.copy_from_slice(values);
        }
    }
}

impl Physics for World {
    fn reset(&mut self) {
        self.data.reset();
        self.recompute();
    }

    fn state(&self) -> (&[f64], &[f64]) {
        (self.data.qpos(), self.data.qvel())
    }

    fn set_state(&mut self, qpos: &[f64], qvel: &[f64]) {
        self.data.qpos_mut().copy_from_slice(qpos);
        self.data.qvel_mut().copy_from_slice(qvel);
        self.model.normalize_quat(self.data.qpos_mut());
        if self.fault.is_none() {
            self.recompute();
        }
    }

    fn step(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence> {
        assert_eq!(ctrl.len(), self.data.ctrl().len(), "one control for each actuator");
        if self.fault.is_none() {
            self.fault = self.guarded(|world| world.advance(ctrl, substeps)).err();
        }
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn read(&self, quantity: &Quantity, out: &mut [f64]) {
        let data = &self.data;
        match &quantity.place {
            Place::BodyPosition(body) => out.copy_from_slice(&data.xpos()[*body]),
            Place::BodyQuaternion(body) => out.copy_from_slice(&data.xquat()[*body]),
            Place::BodyLinearVelocity(body) => out.copy_from_slice(&self.body_velocity(*body)[3..]),
            Place::BodyAngularVelocity(body) => out.copy_from_slice(&self.body_velocity(*body)[..3]),
            Place::SubtreeCom(body) => out.copy_from_slice(&data.subtree_com()[*body]),
            Place::SitePosition(site) => out.copy_from_slice(&data.site_xpos()[*site]),
            Place::Qpos(ranges) => gather(data.qpos(), ranges, out),
            Place::Qvel(ranges) => gather(data.qvel(), ranges, out),
            Place::Sensor(range) => out.copy_from_slice(&data.sensordata()[range.clone()]),
            Place::ActuatorForce => out.copy_from_slice(data.actuator_force()),
            Place::ContactForce(body) => out.copy_from_slice(&self.contact_forces[*body]),
        }
    }

    fn time_secs(&self) -> f64 {
        self.data.time()
    }

    fn snapshot(&self) -> Snapshot {
        let mut values = self.data.state(STATE).into_vec();
        values.extend(self.outcomes());
        Snapshot(values)
    }

    fn restore(&mut self, snapshot: &Snapshot) {
        let (state, outcomes) = snapshot.0.split_at(self.model.state_size(STATE));
        assert_eq!(outcomes.len(), self.outcomes().count(), "a snapshot of the same model");
        // A world that diverged or met an error must be reset before anything else.
        self.data.reset();
        self.data
            .set_state(state, STATE)
            .expect("a snapshot holds what MuJoCo itself wrote");
        self.fault = self.guarded(|world| world.settle(Stage::Step1)).err();
        self.set_outcomes(outcomes);
    }
}

/// Whether the model's integrator may be run as `mj_step2`, which otherwise falls back to Euler's.
fn splits(model: &MjModel) -> bool {
    use mujoco_rs::mujoco_c::mjtIntegrator::{mjINT_EULER, mjINT_IMPLICIT, mjINT_IMPLICITFAST};
    [mjINT_EULER, mjINT_IMPLICIT, mjINT_IMPLICITFAST]
        .iter()
        .any(|known| *known as i32 == model.opt().integrator)
}

/// Turns a force in contact coordinates (the rows of `frame` are the contact's axes) into the world's.
fn in_world(frame: &[f64; 9], force: &[f64; 6]) -> [f64; 3] {
    std::array::from_fn(|axis| (0..3).map(|row| frame[3 * row + axis] * force[row]).sum())
}

fn gather(values: &[f64], ranges: &[std::ops::Range<usize>], out: &mut [f64]) {
    let mut filled = 0;
    for range in ranges {
        out[filled..filled + range.len()].copy_from_slice(&values[range.clone()]);
        filled += range.len();
    }
    assert_eq!(filled, out.len(), "room for exactly the quantity");
}
