//! One MuJoCo simulation.
//!
//! `mj_step` computes where everything is, then forces, then integrates; afterwards body positions still belong to the
//! state *before* the integration, one step behind the joints. Here a step is therefore turned round: forces and
//! integration (`mj_step2`) first, then positions and velocities of the new state (`mj_step1`), which the next step needs
//! anyway. The numbers are those of `mj_step`, bit for bit, at the same cost, and nothing lags. Integrators that cannot be
//! split (RK4) run `mj_step` and pay for one extra `mj_step1` per control step.

use std::sync::Arc;

use mujoco_rs::prelude::{MjModel, MjtState};

use crate::library::{Stage, catching, lull, run};
use crate::readings::{Contact, Readings};
use crate::source::Quantity;
use crate::variation::{Factors, VariedParts};
use crate::{Divergence, Physics, Push, Scene, Snapshot};

/// What of MuJoCo's state a snapshot holds.
pub(crate) const STATE: u32 = MjtState::mjSTATE_INTEGRATION as u32;

/// A simulation of one model. It is always in one of two conditions: diverged, or with everything up to `mj_step1`
/// computed for the present state.
pub(crate) struct World {
    readings: Readings,
    /// The model as it was loaded; that of the readings is a copy once something in it varies.
    original: Arc<MjModel>,
    /// Whether the integrator may be run as `mj_step2` and `mj_step1`.
    splits: bool,
    /// Set when the simulation diverged, cleared by reset and restore.
    fault: Option<Divergence>,
    /// Room to keep the solver's warm start while forces are recomputed.
    warmstart: Vec<f64>,
    /// What acts from outside while the world steps; `xfrc_applied` is zero at all other times.
    push: Option<Push>,
}

impl World {
    /// A world at the model's initial state.
    pub(crate) fn new(model: &Arc<MjModel>) -> Self {
        let readings = Readings::new(model);
        let mut world = Self {
            original: Arc::clone(model),
            splits: splits(model),
            fault: None,
            warmstart: vec![0.0; readings.data.qacc_warmstart().len()],
            push: None,
            readings,
        };
        world.recompute();
        world
    }

    /// Computes everything that follows from the state. The warm start is kept, so that the next step is the one that
    /// would have followed without this call.
    fn recompute(&mut self) {
        self.warmstart.copy_from_slice(self.readings.data.qacc_warmstart());
        self.fault = self.guarded(|world| world.settle(Stage::Forward)).err();
        self.readings.data.qacc_warmstart_mut().copy_from_slice(&self.warmstart);
        if self.fault.is_none() {
            self.take_contacts();
        }
    }

    fn advance(&mut self, ctrl: &[f64], substeps: usize) -> Result<(), Divergence> {
        self.readings.take_controls(ctrl)?;
        for substep in 1..=substeps {
            let last = substep == substeps;
            if let Some(push) = self.push {
                self.apply(&push);
            }
            run(
                &mut self.readings.data,
                if self.splits { Stage::Step2 } else { Stage::Step },
            );
            if last {
                // Before `Step1`, which replaces the contacts by those of the new state, whose forces nobody knows yet.
                self.take_contacts();
            }
            // A position that is no number must not reach collision detection.
            self.bounded()?;
            // A spring answers to where its body is now.
            if self.splits || last || self.push.is_some() {
                run(&mut self.readings.data, Stage::Step1);
            }
        }
        if let Some(push) = self.push {
            self.readings.data.xfrc_applied_mut()[push.body] = [0.0; 6];
        }
        // MuJoCo counts its warnings, so that none of an earlier step is missed here.
        self.readings.warned()
    }

    /// Lets a push act in the next physics step.
    fn apply(&mut self, push: &Push) {
        let data = &mut self.readings.data;
        data.xfrc_applied_mut()[push.body] = push.wrench(data);
        if data.tree_asleep().iter().any(|&since| since >= 0) {
            // Who is pushed wakes up, which MuJoCo looks after when it computes positions.
            run(data, Stage::Step1);
        }
    }

    /// Computes what follows from a state that was put in from outside.
    fn settle(&mut self, stage: Stage) -> Result<(), Divergence> {
        self.bounded()?;
        run(&mut self.readings.data, stage);
        self.readings.warned()
    }

    /// Runs stages; an error of MuJoCo is a divergence too.
    fn guarded(&mut self, stages: impl FnOnce(&mut Self) -> Result<(), Divergence>) -> Result<(), Divergence> {
        let outcome = catching(|| stages(self));
        outcome.unwrap_or_else(|words| Err(self.readings.divergence(format!("MuJoCo cannot go on: {words}"))))
    }

    /// Every position and velocity is a number of reasonable size.
    fn bounded(&self) -> Result<(), Divergence> {
        self.readings.bounded().map_err(|divergence| {
            // A warning of the same step, such as one of the acceleration, is nearer to the cause.
            self.readings.warned().err().unwrap_or(divergence)
        })
    }

    /// Takes the contacts of the present `MjData` with their forces.
    fn take_contacts(&mut self) {
        let Readings { data, contacts, .. } = &mut self.readings;
        contacts.clear();
        // The contact's normal points from the first geom to the second, and the force acts on the second.
        contacts.extend(data.contact().iter().enumerate().map(|(index, contact)| Contact {
            geoms: contact.geom,
            force: in_world(&contact.frame, &data.contact_force(index)),
        }));
    }
}

impl Physics for World {
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

    fn scene(&self) -> Scene {
        self.readings.scene(self.push)
    }

    fn mocap_positions(&self) -> &[[f64; 3]] {
        self.readings.data.mocap_pos()
    }

    fn place_mocap(&mut self, mocap: usize, position: [f64; 3]) {
        self.readings.data.mocap_pos_mut()[mocap] = position;
        if self.fault.is_none() {
            self.fault = self.guarded(|world| world.settle(Stage::Step1)).err();
        }
    }

    fn vary(&mut self, parts: &VariedParts, factors: &Factors) {
        self.readings.vary(&self.original, parts, factors);
        self.reset();
    }

    fn time_secs(&self) -> f64 {
        self.readings.data.time()
    }

    fn snapshot(&self) -> Snapshot {
        let data = &self.readings.data;
        let mut values = data.state(STATE).into_vec();
        values.extend(data.tree_asleep().iter().map(|&since| f64::from(since)));
        values.extend(self.readings.outcomes());
        Snapshot {
            numbers: values,
            scene: None,
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) {
        let (state, rest) = snapshot.numbers.split_at(self.readings.model.state_size(STATE));
        let (asleep, outcomes) = rest.split_at(self.readings.data.tree_asleep().len());
        self.push = None;
        // A world that diverged or met an error must be reset before anything else.
        self.readings.data.reset();
        self.readings
            .data
            .set_state(state, STATE)
            .expect("a snapshot holds what MuJoCo itself wrote");
        self.fault = self.guarded(|world| world.settle(Stage::Step1)).err();
        // MuJoCo's own state does not say who sleeps, or for how long others have been still.
        lull(&mut self.readings.data, asleep);
        if asleep.iter().any(|&since| since >= 0.0) {
            // Sleepers keep the places that were just computed for them awake.
            self.fault = self.guarded(|world| world.settle(Stage::Step1)).err();
        }
        self.readings.set_outcomes(outcomes);
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
